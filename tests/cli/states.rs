//! States of findings, exceptions, rules and exit codes over several scans of a changing export.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use super::run;

/// Ten users of one account: `ancient` has an old key and `person` signs in without a second factor, both of severity
/// high.
fn export() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/aws_finding_keys/export");
    fs::create_dir(folder.path().join("export")).expect("a folder");
    for name in ["details.json", "report.csv"] {
        fs::copy(from.join(name), folder.path().join("export").join(name)).expect("a copy");
    }
    folder
}

/// Gives `person` a second factor, or takes it away.
fn second_factor(folder: &TempDir, has: bool) {
    let path = folder.path().join("export/report.csv");
    let text = fs::read_to_string(&path).expect("the report");
    let (with, without) = ("2026-11-20T00:00:00+00:00,N/A,true,", "2026-11-20T00:00:00+00:00,N/A,false,");
    let line = |line: &str| match (line.starts_with("person,"), has) {
        (false, _) => line.to_owned(),
        (true, true) => line.replace(without, with),
        (true, false) => line.replace(with, without),
    };
    let changed: Vec<String> = text.lines().map(line).collect();
    fs::write(&path, changed.join("\n") + "\n").expect("the report again");
}

fn scan(folder: &TempDir, day: &str, rules: &[&str]) -> Output {
    let mut arguments = vec!["scan", "export", "--as-of", day, "--format", "json"];
    arguments.extend(rules.iter().flat_map(|rule| ["--fail-on", rule]));
    run(folder.path(), &arguments)
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

/// The state and the first sight of the finding about `person`, absent or not.
fn person(folder: &TempDir) -> (String, String, Option<String>) {
    let of = |more: &[&str]| -> Vec<Value> {
        let arguments = ["findings", "--rule", "console-user-without-mfa", "--format", "json"];
        let output = run(folder.path(), &[&arguments[..], more].concat());
        let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
        document["findings"].as_array().cloned().unwrap_or_default()
    };
    let mut rows = of(&[]);
    rows.extend(of(&["--state", "absent"]));
    assert_eq!(rows.len(), 1, "{rows:?}");
    let text = |key: &str| rows[0][key].as_str().map(str::to_owned);
    (text("state").unwrap_or_default(), text("first_seen").unwrap_or_default(), text("exception"))
}

#[test]
fn a_finding_that_vanishes_and_comes_back_keeps_its_first_sight() {
    let folder = export();
    let seen = |day: &str, has: bool, rules: &[&str]| {
        second_factor(&folder, has);
        let exit = code(&scan(&folder, day, rules));
        let (state, first, _) = person(&folder);
        assert_eq!(first, "2026-09-01T00:00:00Z", "{day}");
        (state, exit)
    };
    let state = |name: &str, exit| (name.to_owned(), exit);
    let rule = ["new:high"];
    assert_eq!(seen("2026-09-01", false, &rule), state("new", 1));
    assert_eq!(seen("2026-09-08", false, &rule), state("unchanged", 0));
    assert_eq!(seen("2026-09-15", true, &rule), state("absent", 0));
    assert_eq!(seen("2026-09-22", true, &rule), state("absent", 0));
    assert_eq!(seen("2026-09-29", false, &rule), state("reopened", 1));
    assert_eq!(seen("2026-10-06", false, &rule), state("unchanged", 0));
}

#[test]
fn a_change_is_since_the_baseline_and_else_since_the_scan_before() {
    let folder = export();
    let rule = ["delta:findings_high>0"];
    assert_eq!(code(&scan(&folder, "2026-09-01", &rule)), 0, "the first has nothing to compare with");
    second_factor(&folder, true);
    assert_eq!(code(&scan(&folder, "2026-09-08", &rule)), 0, "two became one");
    second_factor(&folder, false);
    let back = scan(&folder, "2026-09-15", &rule);
    assert_eq!(code(&back), 1);
    let text = String::from_utf8_lossy(&back.stderr).into_owned();
    assert!(text.contains("findings_high changed by +1 since the snapshot before, 2026-09-08"), "{text}");
    assert_eq!(code(&run(folder.path(), &["baseline", "set", "2026-09-01"])), 0);
    assert_eq!(code(&scan(&folder, "2026-09-15", &rule)), 0, "two as in the baseline");
    let text = scan(&folder, "2026-09-15", &["delta:findings_high>=0,any:critical"]);
    assert!(String::from_utf8_lossy(&text.stderr).contains("since the baseline 2026-09-01"));
}

#[test]
fn rules_of_parts_and_lists_and_their_exit_codes() {
    let folder = export();
    let exit = |rules: &[&str]| code(&scan(&folder, "2026-09-01", rules));
    assert_eq!(exit(&["metric:human/findings_high>=1,any:critical"]), 1);
    assert_eq!(exit(&["metric:aws/human/findings_high>1"]), 0);
    assert_eq!(exit(&["metric:gcp/findings_high>1", "any:high"]), 3, "no such part fails closed");
    assert_eq!(exit(&["metric:gate_block_rate_pct>3"]), 3, "unmeasured fails closed");
    assert_eq!(exit(&["metric:gate_block_rate_pct>3", "metric:no_such>3"]), 2);
    assert_eq!(exit(&["new:high,"]), 2);
    fs::write(folder.path().join("export/odd.json"), "{\"UserDetailList\": [{\"UserName\": 3}]}").expect("a file");
    assert_eq!(exit(&[]), 4, "a record that cannot be used");
    assert_eq!(exit(&["any:high"]), 1, "a rule that holds comes before what is missing");
}

const EXCEPTION: &str = "[[exception]]\nexception = \"EX-1\"\nrule = \"console-user-without-mfa\"\nprincipal = \"person\"\n\
                         reason = \"gets a token in autumn\"\nowner = \"ada\"\napproved_by = \"bo\"\n\
                         created = 2026-08-25\nexpires = 2026-09-10\n";

#[test]
fn an_exception_covers_a_finding_until_its_last_day_and_then_gives_it_back() {
    let folder = export();
    let file = folder.path().join("export/exceptions.toml");
    fs::write(&file, EXCEPTION).expect("a file");
    let first = scan(&folder, "2026-09-01", &[]);
    assert_eq!(code(&first), 0, "{}", String::from_utf8_lossy(&first.stderr));
    let document: Value = serde_json::from_slice(&first.stdout).expect("one JSON document");
    assert_eq!(
        (&document["exceptions"]["active"], &document["exceptions"]["covered_findings"]),
        (&1.into(), &1.into())
    );
    let metric = |name: &str| document["metrics"][name].as_f64();
    assert_eq!((metric("findings_high"), metric("findings_high_net")), (Some(2.0), Some(1.0)));
    let covered = |state: &str| (state.to_owned(), "2026-09-01T00:00:00Z".to_owned(), Some("EX-1".to_owned()));
    let open = |state: &str| (state.to_owned(), "2026-09-01T00:00:00Z".to_owned(), None);
    assert_eq!(person(&folder), covered("new"));
    assert_eq!(code(&scan(&folder, "2026-09-10", &["new:high"])), 0, "the last day counts");
    assert_eq!(person(&folder), covered("unchanged"));
    let expired = scan(&folder, "2026-09-11", &[]);
    assert_eq!(code(&expired), 5);
    assert!(String::from_utf8_lossy(&expired.stderr).contains("1 exception(s) have expired"));
    assert_eq!(person(&folder), open("reopened"));
    assert_eq!(code(&scan(&folder, "2026-09-11", &["new:high"])), 1, "a rule that holds comes before it");
    let stale = run(folder.path(), &["findings", "--rule", "stale-exception", "--format", "json"]);
    let stale: Value = serde_json::from_slice(&stale.stdout).expect("one JSON document");
    assert_eq!(stale["findings"][0]["title"], "exception `EX-1` has expired, and 1 finding counts again");
    assert_eq!(code(&scan(&folder, "2026-09-18", &["new:high"])), 5, "it is back since last week");
    assert_eq!(person(&folder), open("unchanged"));
    fs::remove_file(&file).expect("the file is deleted");
    assert_eq!(code(&scan(&folder, "2026-09-25", &["new:high"])), 0);
}

#[test]
fn an_exception_that_is_not_valid_leaves_the_scan_incomplete() {
    let folder = export();
    let alone = EXCEPTION.replace("approved_by = \"bo\"", "approved_by = \"ADA\"");
    fs::write(folder.path().join("export/exceptions.toml"), alone).expect("a file");
    let output = scan(&folder, "2026-09-01", &[]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(code(&output), 4, "{text}");
    assert!(
        text.contains("exception `EX-1` is not valid: its owner `ada` and its approver `ADA` are the same"),
        "{text}"
    );
    assert!(text.contains("exceptions.toml"), "{text}");
    assert_eq!(person(&folder).2, None);
}
