//! Agents as their users meet them: what a second scan finds that they gained, and what `explain` says of the approvals
//! between them and what is protected.

use std::fs;
use std::path::Path;

use overgrant::ledger::rows::{Rows, difference};
use overgrant::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::run;

const WORKFLOWS: &str = "workflow,business_process,control_owner,principal,ai,functions\n\
                         triage,Orders,P1,crm/principal/bot,yes,suggest\nload,Orders,P1,crm/principal/etl,no,suggest\n";
const GRANTS: &str =
    "crm,bot,READ,orders,G1,\ncrm,etl,READ,orders,G2,\ncrm,mail,READ,orders,G3,\ncrm,ops,WRITE,orders,G4,\n";

/// Tables of a small system with an agent, a job that a workflow runs as, and a service account of nobody's.
fn export(folder: &Path, grants: &str, members: &str, workflows: &str) {
    let at = folder.join("export");
    fs::create_dir_all(&at).expect("made");
    let write = |name: &str, text: &str| fs::write(at.join(name), text).expect("written");
    write("p.csv", "system,principal,kind\ncrm,bot,agent\ncrm,etl,service_account\ncrm,mail,service_account\n");
    write("g.csv", "system,group,name\ncrm,ops,Ops\n");
    write("levels.csv", "system,right,level\ncrm,READ,read\ncrm,WRITE,write\ncrm,GRANT,permissions\n");
    write("r.csv", "system,resource,kind,parent\ncrm,orders,resource,\ncrm,stock,resource,\n");
    write("m.csv", &format!("system,member,group\n{members}"));
    write("grants.csv", &format!("system,principal,right,resource,grant,effect\n{grants}"));
    write("workflows.csv", workflows);
    write("people.csv", "person,name,status\nP1,Ada,active\n");
}

fn scan(folder: &TempDir, store: &str, as_of: &str) {
    let output = run(folder.path(), &["scan", "export", "--store", store, "--as-of", as_of, "--format", "json"]);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}", String::from_utf8_lossy(&output.stderr));
}

fn answer(folder: &TempDir, arguments: &[&str]) -> Value {
    let output = run(folder.path(), arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

/// A finding: name, severity, state and evidence.
type Told = (String, String, String, Vec<String>);

/// Open findings of a rule.
fn found(folder: &TempDir, rule: &str) -> Vec<Told> {
    let document = answer(folder, &["findings", "--rule", rule, "--format", "json"]);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let rows = document["findings"].as_array().expect("a list").iter().filter(|row| row["state"] != "absent");
    let evidence = |row: &Value| row["evidence"].as_array().expect("a list").iter().map(text).collect();
    rows.map(|row| (text(&row["entity_name"]), text(&row["severity"]), text(&row["state"]), evidence(row))).collect()
}

/// Two scans, the second of other tables, and what the second finds.
fn grown(grants: &str, members: &str, workflows: &str) -> (TempDir, Vec<Told>) {
    let folder = tempfile::tempdir().expect("a folder");
    export(folder.path(), GRANTS, "", WORKFLOWS);
    scan(&folder, "overgrant-store", "2026-11-01");
    assert_eq!(found(&folder, "agent-scope-creep"), [], "there is nothing to compare the first scan with");
    export(folder.path(), grants, members, workflows);
    scan(&folder, "overgrant-store", "2026-11-08");
    let rows = found(&folder, "agent-scope-creep");
    (folder, rows)
}

const NO_LEDGER: &str = "the store has no ledger";

#[test]
fn an_agent_that_gained_a_right_is_found_until_it_is_gone() {
    let grants = format!("{GRANTS}crm,bot,WRITE,orders,G5,\ncrm,mail,WRITE,orders,G6,\n");
    let (folder, rows) = grown(&grants, "", WORKFLOWS);
    assert_eq!(rows.len(), 1, "a service account of no workflow is another matter: {rows:?}");
    let (name, severity, state, evidence) = &rows[0];
    assert_eq!((name.as_str(), severity.as_str(), state.as_str()), ("bot", "medium", "new"));
    assert_eq!(
        evidence[..],
        [
            "compared with the snapshot of 2026-11-01",
            "`crm` write: 1 for certain on one, 1 at most; 2026-11-01: 0 for certain on nothing, 0 at most",
            "new: grants of tables:crm/principal/bot: identity/WRITE: allow actions=crm:WRITE \
             resources=tables:crm/resource/orders",
            NO_LEDGER,
        ]
    );
    scan(&folder, "overgrant-store", "2026-11-15");
    let still = found(&folder, "agent-scope-creep");
    assert_eq!((still[0].2.as_str(), &still[0].3), ("unchanged", evidence), "nobody has explained it since");
    export(folder.path(), GRANTS, "", WORKFLOWS);
    scan(&folder, "overgrant-store", "2026-11-22");
    assert_eq!(found(&folder, "agent-scope-creep"), [], "it is gone");
}

#[test]
fn severity_goes_by_level_and_a_group_gives_rights_too() {
    let (_, rows) = grown(&format!("{GRANTS}crm,etl,GRANT,orders,G5,\n"), "crm,bot,ops\n", WORKFLOWS);
    let told: Vec<(&str, &str)> = rows.iter().map(|row| (row.0.as_str(), row.1.as_str())).collect();
    assert_eq!(told, [("etl", "high"), ("bot", "medium")]);
    let causes: Vec<&String> = rows[1].3.iter().filter(|line| line.starts_with("new: ")).collect();
    assert_eq!(causes, ["new: memberships of tables:crm/principal/bot: tables:crm/group/ops: member_of active"]);
}

#[test]
fn a_deny_that_went_is_growth_and_looking_at_more_is_little() {
    let folder = tempfile::tempdir().expect("a folder");
    export(
        folder.path(),
        &format!("{GRANTS}crm,ops,READ,stock,G7,\ncrm,bot,READ,stock,G8,deny\n"),
        "crm,bot,ops\n",
        WORKFLOWS,
    );
    scan(&folder, "overgrant-store", "2026-11-01");
    export(folder.path(), &format!("{GRANTS}crm,ops,READ,stock,G7,\ncrm,bot,READ,*,G9,\n"), "crm,bot,ops\n", WORKFLOWS);
    scan(&folder, "overgrant-store", "2026-11-08");
    let rows = found(&folder, "agent-scope-creep");
    assert_eq!((rows.len(), rows[0].1.as_str()), (1, "low"), "{rows:?}");
    assert!(rows[0].3.iter().any(|line| line.starts_with("gone: grants of ") && line.contains("deny")), "{rows:?}");
    scan(&folder, "overgrant-store", "2026-11-15");
    assert_eq!(found(&folder, "agent-scope-creep")[0].3, rows[0].3, "what went stays away");
}

#[test]
fn what_is_declared_with_it_explains_the_growth() {
    let more = format!("{GRANTS}crm,bot,WRITE,orders,G5,\n");
    let executes = WORKFLOWS.replace("bot,yes,suggest", "bot,yes,suggest;execute");
    let second = format!("{WORKFLOWS}orders,Orders,P1,crm/principal/bot,yes,prepare\n");
    for workflows in [executes, second] {
        assert_eq!(grown(&more, "", &workflows).1, [], "{workflows}");
    }
    // Another owner is no wider task.
    assert_eq!(
        grown(&more, "", &WORKFLOWS.replace("Orders,P1,crm/principal/bot", "Sales,P1,crm/principal/bot")).1.len(),
        1
    );
}

#[test]
fn an_approved_decision_explains_the_growth_and_another_does_not() {
    let more = format!("{GRANTS}crm,bot,WRITE,orders,G5,\n");
    for (decided, expected) in [(more.as_str(), 0), (&format!("{GRANTS}crm,etl,WRITE,orders,G6,\n"), 1)] {
        let folder = tempfile::tempdir().expect("a folder");
        let rows: Rows = {
            export(folder.path(), GRANTS, "", WORKFLOWS);
            scan(&folder, "try", "2026-11-01");
            export(folder.path(), decided, "", WORKFLOWS);
            scan(&folder, "try", "2026-11-02");
            let store = Store::open(&folder.path().join("try")).expect("a store");
            let ids: Vec<String> = store.snapshots().expect("sound").into_iter().map(|one| one.snapshot).collect();
            let tables = |id: &str| store.resolve(Some(id)).expect("there").tables().expect("sound");
            difference(&tables(&ids[0]), &tables(&ids[1]))
        };
        fs::write(folder.path().join("rows.json"), serde_json::to_string(&rows).expect("JSON")).expect("written");
        let record = json!({"kind": "decision", "actor": {"kind": "human", "id": "grace"}, "draft_id": "d-1",
            "outcome": "approved", "approvals": [{"by": "grace", "at": "2026-11-02"}], "reason": "needed",
            "owner": "ada", "revocation": {"how": "apply the inverse"}, "ai": {"id": "drafter"}});
        fs::write(folder.path().join("record.json"), record.to_string()).expect("written");
        export(folder.path(), GRANTS, "", WORKFLOWS);
        scan(&folder, "overgrant-store", "2026-11-01");
        let append = ["ledger", "append", "record.json", "--rows", "rows.json", "--as-of", "2026-11-02"];
        let output = run(folder.path(), &append);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        export(folder.path(), &more, "", WORKFLOWS);
        scan(&folder, "overgrant-store", "2026-11-08");
        let found = found(&folder, "agent-scope-creep");
        assert_eq!(found.len(), expected, "{found:?}");
        for row in found {
            assert_eq!(row.3.last().map(String::as_str), Some("no approved decision of the ledger was to do that"));
        }
    }
}

/// What `explain` says of an agent's approvals, after a scan of a case.
fn explained(case: &str, principal: &str) -> (Value, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(case).join("export");
    let path = path.to_str().expect("UTF-8");
    let output = run(folder.path(), &["scan", path, "--as-of", "2026-11-22", "--quiet"]);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}", String::from_utf8_lossy(&output.stderr));
    let document = answer(&folder, &["explain", principal, "--format", "json"]);
    let text = String::from_utf8(run(folder.path(), &["explain", principal]).stdout).expect("text");
    (document["approvals"].clone(), text)
}

#[test]
fn explain_tells_the_shortest_way_past_every_approval() {
    let (found, text) = explained("workflows_01_past_every_approval", "tables:desk/principal/triage");
    assert_eq!(found["verdict"], "unapproved");
    let step = |step: &Value| {
        (step["from"].as_str().expect("a text").to_owned(), step["to"].as_str().expect("a text").to_owned())
    };
    let steps: Vec<(String, String)> = found["way"].as_array().expect("a list").iter().map(step).collect();
    let connector = "arn:aws:iam::111122223333:role/iam-connector";
    let expected = [
        ("tables:desk/principal/triage", "queue `Tickets`"),
        ("queue `Tickets`", "tables:desk/principal/clerk"),
        ("tables:desk/principal/clerk", "arn:aws:sqs:eu-west-1:111122223333:iam-requests"),
        ("arn:aws:sqs:eu-west-1:111122223333:iam-requests", connector),
    ];
    assert_eq!(steps, expected.map(|(from, to)| (from.to_owned(), to.to_owned())));
    let evidence = found["way"][1]["evidence"][0].as_str().expect("a text");
    assert!(evidence.starts_with("workflow `desk-rules` carries out what it takes from `Tickets` ("), "{evidence}");
    assert!(evidence.ends_with("workflows.csv, line 4)"), "{evidence}");
    assert!(text.contains("Human approval before privileged change\n  a certain way leads"), "{text}");
    let (found, _) = explained("workflows_01_past_every_approval", "tables:desk/principal/clerk");
    assert_eq!(found, Value::Null, "a rule of the desk is no agent");
}

#[test]
fn explain_names_the_approvals_without_which_there_would_be_a_way() {
    let case = "workflows_02_every_way_approved";
    let crossings = |principal: &str| {
        let (found, text) = explained(case, principal);
        assert_eq!((&found["verdict"], &found["way"]), (&json!("approved"), &json!([])));
        assert!(text.contains("every way to a privileged change crosses a human approval"), "{text}");
        let of =
            |one: &Value| (one["from"].clone(), one["to"].clone(), one["approved_by"].as_array().map_or(0, Vec::len));
        found["approvals"].as_array().expect("a list").iter().map(of).collect::<Vec<_>>()
    };
    let request = (json!("tables:desk/principal/triage"), json!("queue `Tickets`"), 2);
    assert_eq!(crossings("tables:desk/principal/triage"), [request]);
    let queue = json!("arn:aws:sqs:eu-west-1:111122223333:iam-requests");
    let carried = (queue, json!("arn:aws:iam::111122223333:role/iam-connector"), 3);
    assert_eq!(crossings("tables:desk/principal/drafter"), std::slice::from_ref(&carried));
    assert_eq!(crossings("arn:aws:iam::111122223333:role/assistant"), [carried]);
}
