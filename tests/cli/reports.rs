//! `report`: every format of a stored snapshot, to a file and to standard output.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::{case, run};

/// A store with two scans of the demo.
fn store() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/organisation/exports");
    for as_of in ["2026-11-21", "2026-11-22"] {
        let output = run(folder.path(), &["scan", demo.to_str().expect("UTF-8"), "--as-of", as_of]);
        assert!(matches!(output.status.code(), Some(0 | 4)), "{}", String::from_utf8_lossy(&output.stderr));
    }
    folder
}

fn report(folder: &TempDir, format: &str) -> String {
    let output = run(folder.path(), &["report", format]);
    assert_eq!(output.status.code(), Some(0), "{format}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn every_format_is_written_and_a_file_is_the_same_as_standard_output() {
    let folder = store();
    for format in overgrant::reports::ALL.iter().map(|report| report.name()) {
        let shown = report(&folder, format);
        let path = folder.path().join("out");
        // What is there already is replaced, and nothing is left beside it.
        fs::write(&path, "old").expect("a file");
        let output = run(folder.path(), &["report", format, "-o", "out"]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{format}");
        assert!(fs::read_to_string(&path).expect("a file") == shown, "{format}: other bytes");
        let names: Vec<_> =
            fs::read_dir(folder.path()).expect("a folder").flatten().map(|one| one.file_name()).collect();
        assert_eq!(names.len(), 2, "{format}: the store and the report, not {names:?}");
    }
}

#[test]
fn a_report_right_after_the_scan_is_the_one_of_the_store() {
    let folder = store();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/organisation/exports");
    let wanted = ["html", "markdown", "sarif", "ocsf", "openmetrics"].map(|format| format!("{format}=scan.{format}"));
    let mut arguments = vec!["scan", demo.to_str().expect("UTF-8"), "--as-of", "2026-11-22"];
    for one in &wanted {
        arguments.extend(["--report", one.as_str()]);
    }
    assert!(matches!(run(folder.path(), &arguments).status.code(), Some(0 | 4)));
    for format in ["html", "markdown", "sarif", "ocsf", "openmetrics"] {
        let written = fs::read_to_string(folder.path().join(format!("scan.{format}"))).expect("a report");
        assert!(written == report(&folder, format), "{format}: other bytes than from the store");
    }
}

#[test]
fn all_formats_have_the_findings_that_the_table_has() {
    let folder = store();
    let listed = run(folder.path(), &["findings", "--format", "jsonl"]);
    let listed: Vec<Value> =
        String::from_utf8_lossy(&listed.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut expected: Vec<&str> = listed.iter().filter_map(|row| row["fingerprint"].as_str()).collect();
    expected.sort_unstable();
    assert!(expected.len() > 20);
    let sarif: Value = serde_json::from_str(&report(&folder, "sarif")).expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let here = results.iter().filter(|row| row["baselineState"] != "absent");
    let mut found: Vec<&str> = here.filter_map(|row| row["fingerprints"]["overgrant/v1"].as_str()).collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    let ocsf = report(&folder, "ocsf");
    let events = ocsf.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let mut found: Vec<String> = events
        .filter(|event| event["activity_id"] != 3)
        .filter_map(|event| event["finding_info"]["uid"].as_str().map(str::to_owned))
        .collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    let html = report(&folder, "html");
    assert!(expected.iter().all(|fingerprint| html.contains(fingerprint)));
}

#[test]
fn the_page_has_a_trend_once_there_are_two_snapshots_and_no_plan_where_none_is_wanted() {
    let folder = store();
    let page = report(&folder, "html");
    assert!(page.contains("<svg class=\"chart\"") && page.contains("<ol class=\"plan\">"));
    assert!(page.contains("Changes are against the snapshot before, 2026-11-21T000000Z."));
    let first = run(folder.path(), &["report", "html", "--snapshot", "2026-11-21T000000Z", "--cuts", "0"]);
    let first = String::from_utf8_lossy(&first.stdout).into_owned();
    assert!(!first.contains("<svg class=\"chart\""), "what came after a snapshot is not in its report");
    assert!(!first.contains("<ol class=\"plan\">") && first.contains("No cut plan was asked for"));
}

#[test]
fn what_cannot_be_written_is_said() {
    case("help-report", &["report", "--help"]);
    case("usage-report-format", &["report", "pdf"]);
    case("no-store-report", &["report", "html"]);
}
