//! The ledger as its users meet it: from a record on standard input to what a scan sees of an approved change.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use overgrant::ledger::rows::{Rows, difference};
use overgrant::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::run;

/// Runs the program with something on standard input.
fn feed(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_overgrant"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn answer(output: &Output, code: i32) -> Value {
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn draft(id: &str) -> Value {
    json!({"kind": "draft", "actor": {"kind": "human", "id": "ada"}, "draft_id": id, "ai": {"id": "drafter"}})
}

fn gate(id: &str, verdict: &str) -> Value {
    json!({"kind": "gate", "actor": {"kind": "service", "id": "overgrant"}, "draft_id": id, "verdict": verdict,
        "ai": {"id": "drafter"}})
}

fn approval(id: &str) -> Value {
    json!({"kind": "decision", "actor": {"kind": "human", "id": "grace"}, "draft_id": id, "outcome": "approved",
        "approvals": [{"by": "grace", "at": "2026-11-02"}], "reason": "needed", "owner": "ada",
        "revocation": {"how": "apply the inverse"}, "ai": {"id": "drafter"}})
}

#[test]
fn records_are_appended_shown_challenged_signed_verified_and_exported() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let none = run(at, &["ledger", "show"]);
    assert_eq!(none.status.code(), Some(3), "there is no ledger yet: {}", said(&none));
    let both = format!("{}\n{}", draft("d-1"), gate("d-1", "block"));
    let appended = feed(at, &["ledger", "append", "--as-of", "2026-11-01", "--format", "json"], &both);
    assert_eq!(answer(&appended, 0)["appended"].as_array().map(Vec::len), Some(2));
    let disputed = ["ledger", "challenge", "1", "--by", "alan", "--reason", "wrong baseline", "--as-of", "2026-11-02"];
    assert_eq!(run(at, &disputed).status.code(), Some(0));
    let shown = answer(&run(at, &["ledger", "show", "--kind", "challenge", "--format", "json"]), 0);
    assert_eq!((&shown["records"][0]["seq"], &shown["records"][0]["refers_to"]), (&json!(2), &json!(1)));
    let key = run(at, &["ledger", "key", "--name", "example.com/ledger", "--output", "ledger.key"]);
    let public = String::from_utf8(key.stdout).expect("text").trim().to_owned();
    assert!(public.starts_with("example.com/ledger+"), "{public}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(at.join("ledger.key")).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = run(at, &["ledger", "key", "--name", "x", "--output", "ledger.key"]);
    assert_eq!(again.status.code(), Some(2), "a key is never overwritten");
    assert_eq!(
        run(at, &["ledger", "checkpoint", "--key", "ledger.key", "--output", "kept.note"]).status.code(),
        Some(0)
    );
    let verify = ["ledger", "verify", "--key", &public, "--checkpoint", "kept.note", "--format", "json"];
    let found = answer(&run(at, &verify), 0);
    assert_eq!((&found["sound"], &found["records"], &found["head"]), (&json!(true), &json!(3), &json!("matches")));
    let signatures: Vec<&Value> =
        found["checkpoints"].as_array().expect("a list").iter().map(|one| &one["signature"]).collect();
    assert_eq!(signatures, ["valid", "valid"]);
    let secret = fs::read_to_string(at.join("ledger.key")).expect("text");
    for name in ["records.jsonl", "head.json"] {
        let text = fs::read_to_string(at.join("overgrant-store/ledger").join(name)).expect("text");
        assert!(!text.contains(secret.trim()));
    }
    let events = run(at, &["ledger", "export"]);
    let events = String::from_utf8(events.stdout).expect("text");
    let classes: Vec<u64> = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["class_uid"].as_u64().expect("a number"))
        .collect();
    assert_eq!(classes, [3004, 2003, 3004]);
}

#[test]
fn damage_ends_with_exit_code_6_and_names_line_and_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let three: String = ["a", "b", "c"].map(|id| draft(id).to_string()).join("\n");
    assert_eq!(feed(at, &["ledger", "append", "--as-of", "2026-11-01"], &three).status.code(), Some(0));
    let path = at.join("overgrant-store/ledger/records.jsonl");
    let text = fs::read_to_string(&path).expect("text");
    fs::write(&path, text.replace("\"draft_id\":\"b\"", "\"draft_id\":\"x\"")).expect("written");
    let output = run(at, &["ledger", "verify"]);
    assert_eq!(output.status.code(), Some(6));
    assert!(said(&output).contains("records.jsonl`, line 2 (record 1): its hash says"), "{}", said(&output));
    let found = answer(&run(at, &["ledger", "verify", "--format", "json"]), 6);
    assert_eq!(
        (&found["sound"], &found["first_bad"]["line"], &found["records"]),
        (&json!(false), &json!(2), &json!(1))
    );
    assert_eq!(
        feed(at, &["ledger", "append"], &draft("d").to_string()).status.code(),
        Some(0),
        "the tail is what it was"
    );
    fs::write(&path, &text[..text.len() - 3]).expect("written");
    assert_eq!(feed(at, &["ledger", "append"], &draft("d").to_string()).status.code(), Some(6));
}

#[test]
fn what_is_no_record_is_refused_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = json!({"kind": "draft", "actor": {"kind": "human", "id": "ada"}, "draft_id": "d",
        "reason": format!("use ghp_{}", "a1B2".repeat(9))});
    let unknown = json!({"kind": "draft", "actor": {"kind": "human", "id": "ada"}, "colour": "red"});
    for (input, place) in [
        (secret.to_string(), "/reason"),
        (unknown.to_string(), "unknown field `colour`"),
        (format!("{} {{", draft("a")), "record 2"),
        (String::new(), "has no record"),
    ] {
        let output = feed(folder.path(), &["ledger", "append", "-"], &input);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(place) && !said(&output).contains("ghp_"), "{}", said(&output));
    }
    assert!(!folder.path().join("overgrant-store/ledger/records.jsonl").exists());
}

/// A verdict on a draft that was made for Ines, with digests of this letter.
fn judged(verdict: &str, letter: &str) -> String {
    let mut record = gate("D-1", verdict);
    record["actor"] = json!({"kind": "ai", "id": "drafter", "on_behalf_of": "ines"});
    record["tier"] = json!("medium");
    record["ticket"] = json!("CHG-1");
    for key in ["change_sha256", "inverse_sha256", "rows_sha256"] {
        record[key] = json!(letter.repeat(64));
    }
    record.to_string()
}

#[test]
fn a_decision_takes_over_what_was_judged_and_is_nobodys_about_themselves() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let decide = |outcome: &str, by: &str| {
        let line = ["ledger", "decide", "D-1", outcome, "--by", by, "--reason", "why", "--as-of", "2026-11-03"];
        run(at, &line)
    };
    let append = |text: &str| {
        let done = feed(at, &["ledger", "append", "--as-of", "2026-11-02"], text);
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    };
    append(&gate("D-2", "needs_human").to_string());
    let unknown = decide("approved", "otto");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(said(&unknown).contains("no verdict on a draft `D-1`"), "{}", said(&unknown));
    append(&judged("block", "a"));
    let blocked = decide("approved", "otto");
    assert_eq!(blocked.status.code(), Some(2));
    assert!(said(&blocked).contains("the gate blocks the draft `D-1`"), "{}", said(&blocked));
    append(&judged("needs_human", "b"));
    for own in ["ines", "drafter"] {
        assert_eq!(decide("approved", own).status.code(), Some(2), "{own} stands behind the draft");
    }
    assert_eq!(decide("maybe", "otto").status.code(), Some(2));
    assert_eq!(decide("rejected", "otto").status.code(), Some(0));
    let line = [
        "ledger",
        "decide",
        "D-1",
        "approved",
        "--by",
        "otto",
        "--by",
        "ada",
        "--reason",
        "why",
        "--method",
        "hardware key",
        "--until",
        "2026-12-31",
        "--as-of",
        "2026-11-04",
        "--format",
        "json",
    ];
    let made = answer(&run(at, &line), 0)["appended"][0].clone();
    let at_time = "2026-11-04T00:00:00Z";
    let given = |by: &str| json!({"by": by, "at": at_time, "method": "hardware key"});
    assert_eq!(made["approvals"], json!([given("otto"), given("ada")]));
    assert_eq!(made["actor"], json!({"kind": "human", "id": "otto"}));
    assert_eq!((&made["owner"], &made["revocation"]["until"]), (&json!("otto"), &json!("2026-12-31")));
    assert_eq!(
        (&made["tier"], &made["ticket"], &made["ai"]["id"]),
        (&json!("medium"), &json!("CHG-1"), &json!("drafter"))
    );
    for key in ["change_sha256", "inverse_sha256", "rows_sha256"] {
        assert_eq!(made[key], json!("b".repeat(64)), "{key} of the last verdict");
    }
    let shown = answer(&run(at, &["ledger", "show", "--kind", "decision", "--format", "json"]), 0);
    let rejected = &shown["records"][0];
    assert_eq!((&rejected["outcome"], &rejected["approvals"]), (&json!("rejected"), &Value::Null));
    assert_eq!(shown["records"].as_array().map(Vec::len), Some(2));
    assert_eq!(run(at, &["ledger", "verify"]).status.code(), Some(0));
}

/// Tables of a small system: people in groups, groups with rights.
fn export(folder: &Path, members: &str, grants: &str) {
    let at = folder.join("export");
    fs::create_dir_all(&at).expect("made");
    let write = |name: &str, text: &str| fs::write(at.join(name), text).expect("written");
    write("p.csv", "system,principal,kind,name\ncrm,ada,user,Ada\ncrm,bob,user,Bob\ncrm,etl,service_account,\n");
    write("g.csv", "system,group,name\ncrm,sales,Sales\ncrm,ops,Ops\n");
    write("levels.csv", "system,right,level\ncrm,READ,read\ncrm,WRITE,write\ncrm,ADMIN,administers\n");
    write("r.csv", "system,resource,kind,parent\ncrm,orders,resource,\n");
    write("m.csv", &format!("system,member,group\n{members}"));
    write("grants.csv", &format!("system,principal,right,resource,grant\n{grants}"));
}

fn scan(folder: &TempDir, store: &str, as_of: &str) {
    let output = run(folder.path(), &["scan", "export", "--store", store, "--as-of", as_of, "--format", "json"]);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}", said(&output));
}

/// The rows that make the second state of the first, as a gate would work them out.
fn rows(folder: &TempDir, store: &str) -> Rows {
    let store = Store::open(&folder.path().join(store)).expect("a store");
    let ids: Vec<String> = store.snapshots().expect("sound").into_iter().map(|manifest| manifest.snapshot).collect();
    let tables = |id: &str| store.resolve(Some(id)).expect("there").tables().expect("sound");
    difference(&tables(&ids[0]), &tables(&ids[1]))
}

const MEMBERS: &str = "crm,ada,sales\n";
const GRANTS: &str = "crm,sales,READ,orders,G1\n";

/// A store with a scan, and an approved change in its ledger: Bob comes into Sales, and Ops may write.
fn decided() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    // What the change is to do is worked out in a store of its own.
    export(folder.path(), MEMBERS, GRANTS);
    scan(&folder, "try", "2026-11-01");
    export(folder.path(), &format!("{MEMBERS}crm,bob,sales\n"), &format!("{GRANTS}crm,ops,WRITE,orders,G2\n"));
    scan(&folder, "try", "2026-11-02");
    let rows = rows(&folder, "try");
    assert!(rows.removed.is_empty() && rows.added.len() == 2, "{rows:?}");
    fs::write(folder.path().join("rows.json"), serde_json::to_string(&rows).expect("JSON")).expect("written");
    export(folder.path(), MEMBERS, GRANTS);
    scan(&folder, "overgrant-store", "2026-11-01");
    let records = format!("{}\n{}\n{}", gate("x", "block"), gate("d-1", "needs_human"), approval("d-1"));
    let appended = feed(folder.path(), &["ledger", "append", "--rows", "rows.json", "--as-of", "2026-11-02"], &records);
    assert_eq!(appended.status.code(), Some(0), "{}", said(&appended));
    folder
}

fn observed(folder: &TempDir) -> Vec<String> {
    let shown = answer(&run(folder.path(), &["ledger", "show", "--kind", "observed", "--format", "json"]), 0);
    let records = shown["records"].as_array().expect("a list");
    records.iter().map(|record| record["observed"].as_str().expect("a text").to_owned()).collect()
}

/// Open findings without a record: whom they are about and what came.
fn unexplained(folder: &TempDir) -> Vec<(String, Vec<String>)> {
    let found = answer(&run(folder.path(), &["findings", "--rule", "unexplained-change", "--format", "json"]), 0);
    let rows = found["findings"].as_array().expect("a list").iter().filter(|row| row["state"] != "absent");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    rows.map(|row| (text(&row["entity_name"]), row["evidence"].as_array().expect("a list").iter().map(text).collect()))
        .collect()
}

fn metric(folder: &TempDir, id: &str) -> Value {
    let found = answer(&run(folder.path(), &["metrics", id, "--format", "json"]), 0);
    let rows = found["metrics"].as_array().expect("a list");
    rows.iter().find(|row| row["platform"] == "all" && row["domain"] == "all").expect("the whole")["value"].clone()
}

#[test]
fn a_scan_sees_an_approved_change_partly_and_then_whole() {
    let folder = decided();
    scan(&folder, "overgrant-store", "2026-11-03");
    assert_eq!(observed(&folder), ["absent"]);
    export(folder.path(), &format!("{MEMBERS}crm,bob,sales\n"), GRANTS);
    scan(&folder, "overgrant-store", "2026-11-04");
    assert_eq!(observed(&folder), ["absent", "partial"]);
    export(folder.path(), &format!("{MEMBERS}crm,bob,sales\n"), &format!("{GRANTS}crm,ops,WRITE,orders,G2\n"));
    scan(&folder, "overgrant-store", "2026-11-05");
    assert_eq!(observed(&folder), ["absent", "partial", "matched"]);
    assert_eq!(unexplained(&folder), []);
    assert_eq!(
        (metric(&folder, "changes_without_record"), metric(&folder, "gate_block_rate_pct")),
        (json!(0.0), json!(50.0))
    );
    // The same scan again says the same, and writes nothing down.
    scan(&folder, "overgrant-store", "2026-11-05");
    assert_eq!(observed(&folder).len(), 3);
    assert_eq!(unexplained(&folder), []);
    assert_eq!(run(folder.path(), &["ledger", "verify"]).status.code(), Some(0));
}

#[test]
fn another_change_in_its_place_is_drift_and_has_no_record() {
    let folder = decided();
    export(folder.path(), &format!("{MEMBERS}crm,bob,sales\n"), &format!("{GRANTS}crm,ops,ADMIN,orders,G2\n"));
    scan(&folder, "overgrant-store", "2026-11-03");
    assert_eq!(observed(&folder), ["drift"]);
    let found = unexplained(&folder);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].0 == "Ops" && found[0].1[0].contains("ADMIN"), "{found:?}");
    assert_eq!(metric(&folder, "changes_without_record"), json!(1.0));
}

#[test]
fn a_change_without_a_record_stays_open_until_it_is_gone_or_decided() {
    let folder = decided();
    export(folder.path(), &format!("{MEMBERS}crm,etl,ops\n"), GRANTS);
    scan(&folder, "overgrant-store", "2026-11-03");
    let first = unexplained(&folder);
    assert_eq!((first.len(), first[0].0.as_str()), (1, "etl"), "{first:?}");
    scan(&folder, "overgrant-store", "2026-11-04");
    assert_eq!(unexplained(&folder), first, "nobody has explained it since");
    assert_eq!(metric(&folder, "changes_without_record"), json!(0.0), "nothing came since the scan before");
    export(folder.path(), MEMBERS, GRANTS);
    scan(&folder, "overgrant-store", "2026-11-05");
    assert_eq!(unexplained(&folder), [], "it is gone");
}

#[test]
fn without_a_ledger_nothing_is_held_against_it() {
    let folder = tempfile::tempdir().expect("a folder");
    export(folder.path(), MEMBERS, GRANTS);
    scan(&folder, "overgrant-store", "2026-11-01");
    export(folder.path(), &format!("{MEMBERS}crm,etl,ops\n"), GRANTS);
    scan(&folder, "overgrant-store", "2026-11-02");
    assert_eq!(unexplained(&folder), []);
    assert_eq!(metric(&folder, "changes_without_record"), Value::Null);
    assert!(!folder.path().join("overgrant-store/ledger").exists());
}
