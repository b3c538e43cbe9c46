//! Commands on a store: a small organisation is committed through the library, then asked about through the program.

use std::fs;
use std::path::Path;

use overgrant::model::{
    Entity, EntityId, EntityKind, Finding, FindingState, Results, Score, Severity, Source, SourceId, Tables,
};
use overgrant::store::{Commit, Store};
use serde_json::Value;
use tempfile::TempDir;

use super::{expect, run, transcript};

/// 2026-11-22T05:30:00Z.
const AS_OF: i64 = 1_795_325_400_000;

fn entity(number: u32, kind: EntityKind, path: &str, name: &str, nhi: bool) -> Entity {
    let mut entity = Entity::named(&format!("arn:aws:iam::111122223333:{path}"), "aws", kind, name);
    (entity.entity, entity.present, entity.nhi) = (EntityId(number), true, Some(nhi));
    (entity.scope, entity.source) = (Some("111122223333".to_owned()), Some(SourceId(0)));
    entity
}

fn finding(entity: u32, severity: Severity, rule: &str) -> Finding {
    Finding {
        fingerprint: format!("{rule}-{entity}"),
        rule: rule.to_owned(),
        severity,
        entity: EntityId(entity),
        title: format!("{rule} of number {entity}"),
        subjects: Vec::new(),
        affected_n: 1,
        evidence: vec!["because".to_owned()],
        frameworks: vec!["owasp-nhi:2025:NHI5".to_owned()],
        first_seen: AS_OF,
        state: FindingState::New,
        exception: None,
    }
}

fn score(entity: u32, risk: f64) -> Score {
    Score {
        entity: EntityId(entity),
        excess: Some(risk),
        orphan: None,
        escalation: Some(0.0),
        credential: None,
        risk,
        risk_low: risk,
        risk_high: 100.0,
        shares: vec![format!("excess={}", -(1.0 - risk / 100.0).ln())],
        pgr: None,
        wpg: None,
        wpa: None,
        mass: 1.0,
        power: 0.1,
        hops_to_protected: None,
        blast_radius: 0.0,
        exposure_in: 0,
        cohort: "all".to_owned(),
        cohort_n: 3,
        cohort_percentile: None,
        surprise: None,
        surprise_percentile: None,
        observed_cohort: None,
        observed_cohort_n: None,
        observed_surprise: None,
        observed_percentile: None,
        role_gap_n: None,
        role_gap_mass: None,
        removable_n: None,
        removable_mass: None,
        window_days: None,
        coverage: 0.5,
        evidence_grade: "static".to_owned(),
        reason_1: Some("holds more than it uses".to_owned()),
        reason_2: None,
        reason_3: None,
    }
}

/// A role and two users; the name of the last tries to clear the screen.
fn organisation() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Source {
        path: "iam.json".to_owned(),
        kind: "aws-iam".to_owned(),
        sha256: "00".repeat(32),
        records: 3,
        skipped: 0,
    };
    let tables = Tables {
        sources: vec![source],
        entities: vec![
            entity(0, EntityKind::Role, "role/ci/deploy", "deploy", true),
            entity(1, EntityKind::User, "user/alice", "alice", false),
            entity(2, EntityKind::User, "user/mallory\u{1b}[2J", "mallory\u{1b}[2J", false),
        ],
        ..Tables::default()
    };
    let results = Results {
        findings: vec![
            finding(1, Severity::Low, "stale"),
            finding(0, Severity::Critical, "escalation-path"),
            finding(2, Severity::High, "key-age"),
        ],
        scores: vec![score(0, 75.0), score(1, 10.0), score(2, 50.0)],
        ..Results::default()
    };
    let store = Store::open_or_create(&folder.path().join("overgrant-store")).expect("a store");
    let commit = Commit {
        as_of: AS_OF,
        engine_version: "0.0.0-test",
        config_digest: "00".repeat(32),
        tables: &tables,
        results: &results,
        incomplete: Vec::new(),
    };
    store.writer().expect("the lock").commit(commit).expect("a snapshot");
    folder
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = run(folder, arguments);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {err}");
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

fn texts<'a>(rows: &'a Value, key: &str) -> Vec<&'a str> {
    rows.as_array().map(|rows| rows.iter().filter_map(|row| row[key].as_str()).collect()).unwrap_or_default()
}

#[test]
fn text_answers_are_as_expected() {
    let folder = organisation();
    for (name, arguments) in [
        ("findings", &["findings"][..]),
        ("findings-csv", &["findings", "--format", "csv"]),
        ("scores", &["scores"]),
        ("snapshots-list", &["snapshots", "list"]),
        ("unknown-principal", &["scores", "--principal", "alcie"]),
        ("unknown-snapshot", &["findings", "--snapshot", "1999"]),
        ("parquet-to-nowhere", &["scores", "--format", "parquet"]),
        ("not-protected", &["exposure", "alice"]),
        ("preflight", &["preflight"]),
        ("technique-unknown", &["techniques", "show", "no-such-technique"]),
    ] {
        let output = run(folder.path(), arguments);
        assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b), "{name} sends an escape");
        expect(name, &transcript(arguments, &output));
    }
}

#[test]
fn findings_have_the_published_shape_and_the_most_urgent_comes_first() {
    let folder = organisation();
    let document = json(folder.path(), &["findings", "--format", "json"]);
    assert_eq!(document["format"], 1);
    assert_eq!(document["snapshot"], "2026-11-22T053000Z");
    assert_eq!(texts(&document["findings"], "severity"), ["critical", "high", "low"]);
    let keys: Vec<&String> = document["findings"][0].as_object().expect("an object").keys().collect();
    let published = [
        "affected_n",
        "entity",
        "entity_name",
        "evidence",
        "fingerprint",
        "first_seen",
        "frameworks",
        "platform",
        "rule",
        "severity",
        "state",
        "title",
    ];
    assert_eq!(keys, published);
    assert_eq!(document["findings"][0]["entity"], "arn:aws:iam::111122223333:role/ci/deploy");
    assert_eq!(document["findings"][0]["first_seen"], "2026-11-22T05:30:00Z");
    let machines = json(folder.path(), &["findings", "--format", "json", "--kind", "nhi"]);
    assert_eq!(texts(&machines["findings"], "rule"), ["escalation-path"]);
    let urgent = json(folder.path(), &["findings", "--format", "json", "--severity", "high", "--limit", "1"]);
    assert_eq!(texts(&urgent["findings"], "rule"), ["escalation-path"]);
}

#[test]
fn scores_are_sorted_and_unknown_is_null() {
    let folder = organisation();
    let document = json(folder.path(), &["scores", "--format", "json"]);
    assert_eq!(texts(&document["scores"], "name"), ["deploy", "mallory\u{1b}[2J", "alice"]);
    assert_eq!(document["scores"][0]["orphan"], Value::Null);
    assert_eq!(document["scores"][0]["risk_high"], 100.0);
    let share = document["scores"][0]["shares"]["excess"].as_f64().expect("a number");
    assert!((share - 4.0_f64.ln()).abs() < 1e-12);
    let lines = run(folder.path(), &["scores", "--format", "jsonl"]);
    assert_eq!(String::from_utf8_lossy(&lines.stdout).lines().count(), 3);
}

#[test]
fn parquet_is_written_to_a_file_and_nowhere_else() {
    let folder = organisation();
    let output = run(folder.path(), &["scores", "--format", "parquet", "-o", "scores.parquet"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty());
    let bytes = fs::read(folder.path().join("scores.parquet")).expect("the file");
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
}

#[test]
fn explain_gives_the_arithmetic_of_the_risk() {
    let folder = organisation();
    let output = run(folder.path(), &["explain", "deploy"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("risk = 100 · (1 − 0.2500) = 75.0"), "{text}");
    let document = json(folder.path(), &["explain", "ci/deploy", "--format", "json"]);
    assert_eq!(document["principal"]["name"], "deploy");
    assert_eq!(texts(&document["findings"], "rule"), ["escalation-path"]);
}

#[test]
fn a_damaged_table_is_an_integrity_failure() {
    let folder = organisation();
    let whole = run(folder.path(), &["snapshots", "verify"]);
    assert_eq!(whole.status.code(), Some(0), "{}", String::from_utf8_lossy(&whole.stderr));
    let table = folder.path().join("overgrant-store/snapshot=2026-11-22T053000Z/scores.parquet");
    let mut bytes = fs::read(&table).expect("the table");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&table, bytes).expect("the table again");
    let damaged = run(folder.path(), &["snapshots", "verify"]);
    assert_eq!(damaged.status.code(), Some(6), "{}", String::from_utf8_lossy(&damaged.stdout));
    assert_eq!(run(folder.path(), &["scores"]).status.code(), Some(6));
}

#[test]
fn pruning_keeps_the_newest_and_a_dry_run_keeps_all() {
    let folder = organisation();
    let count =
        || json(folder.path(), &["snapshots", "list", "--format", "json"])["snapshots"].as_array().map(Vec::len);
    assert_eq!(run(folder.path(), &["snapshots", "prune", "--keep", "0"]).status.code(), Some(2));
    assert_eq!(run(folder.path(), &["snapshots", "prune", "--keep", "1", "--dry-run"]).status.code(), Some(0));
    assert_eq!(count(), Some(1));
}
