//! `scan` on the demo: what it prints, what it stores, what it ends with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use super::run;

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/organisation/exports")
}

fn scan(folder: &TempDir, more: &[&str]) -> Output {
    let demo = demo();
    let mut arguments = vec!["scan", demo.to_str().expect("a path in UTF-8"), "--as-of", "2026-11-22"];
    arguments.extend(more);
    run(folder.path(), &arguments)
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn the_document_has_the_published_keys_and_agrees_with_the_queries() {
    let folder = folder();
    let document = document(&scan(&folder, &["--format", "json"]));
    let keys: Vec<&String> = document.as_object().expect("an object").keys().collect();
    let published = [
        "as_of",
        "counts",
        "coverage",
        "exceptions",
        "findings",
        "format",
        "incomplete",
        "metrics",
        "snapshot",
        "sources",
    ];
    assert_eq!(keys, published);
    assert_eq!(document["as_of"], "2026-11-22T00:00:00Z");
    let findings = run(folder.path(), &["findings", "--format", "jsonl"]);
    let listed = String::from_utf8_lossy(&findings.stdout).lines().count() as u64;
    let counted: u64 = document["findings"].as_object().expect("counts").values().filter_map(Value::as_u64).sum();
    assert_eq!(listed, counted);
    let scores = run(folder.path(), &["scores", "--format", "jsonl"]);
    let scored = String::from_utf8_lossy(&scores.stdout).lines().count() as u64;
    assert_eq!(document["counts"]["principals"].as_u64(), Some(scored));
}

#[test]
fn the_same_export_gives_the_same_bytes() {
    let (one, other) = (folder(), folder());
    assert_eq!(scan(&one, &[]).stdout, scan(&other, &[]).stdout);
    let tables = |folder: &TempDir| {
        let snapshot = folder.path().join("overgrant-store/snapshot=2026-11-22T000000Z");
        let mut names: Vec<PathBuf> =
            fs::read_dir(snapshot).expect("a snapshot").map(|e| e.expect("a file").path()).collect();
        names.sort();
        names
            .into_iter()
            .map(|path| (path.file_name().map(ToOwned::to_owned), fs::read(path).expect("a file")))
            .collect::<Vec<_>>()
    };
    assert_eq!(tables(&one), tables(&other));
}

#[test]
fn a_rule_that_holds_ends_the_scan_with_1_and_says_so_on_standard_error() {
    let folder = folder();
    let output = scan(&folder, &["--fail-on", "any:low"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("rule `any:low` holds"));
    let unknown = scan(&folder, &["--fail-on", "metric:no_such_metric>1"]);
    assert_eq!(unknown.status.code(), Some(2), "a metric that does not exist is a usage error");
}

#[test]
fn reports_are_written_where_they_are_sent() {
    let folder = folder();
    let output = scan(&folder, &["--report", "json=a.json", "--report", "csv=a.csv", "--report", "markdown=a.md"]);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("the report");
    let whole: Value = serde_json::from_str(&read("a.json")).expect("JSON");
    let n = whole["findings"].as_array().expect("findings").len();
    assert_eq!(csv::Reader::from_reader(read("a.csv").as_bytes()).records().count(), n);
    assert!(read("a.md").starts_with("# Privilege sprawl, 2026-11-22T00:00:00Z\n"));
}

#[test]
fn preflight_ends_with_0_when_the_sources_are_fit_and_with_3_when_not() {
    let folder = folder();
    assert_eq!(scan(&folder, &[]).status.code(), Some(0));
    let fit = run(folder.path(), &["preflight", "--format", "json"]);
    let published = document(&fit);
    assert_eq!((fit.status.code(), &published["fit"], &published["format"]), (Some(0), &Value::Bool(true), &1.into()));
    let keys: Vec<&String> = published["checks"][0].as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["evidence", "id", "message", "status", "threshold", "value"]);

    fs::write(folder.path().join("strict.toml"), "[preflight]\nowner_share_min = 0.9\n").expect("it can be written");
    let strict = run(folder.path(), &["preflight", "--format", "json", "--config", "strict.toml"]);
    let failed: Vec<Value> = document(&strict)["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .filter(|check| check["status"] == "fail")
        .map(|check| check["id"].clone())
        .collect();
    assert_eq!((strict.status.code(), failed), (Some(3), vec![Value::from("owners_known")]));
    let said = String::from_utf8_lossy(&strict.stderr).into_owned();
    assert!(said.contains("not fit to draft from: owners_known"), "{said}");
}
