//! `metrics`, `baseline`, `diff` and `trend` as their users meet them.

use overgrant::model::FindingState::{Absent, New, Reopened, Unchanged};
use overgrant::store::Store;
use serde_json::Value;
use tempfile::TempDir;

use super::weeks::{Account, commit, finding, main_account, snapshot, store};
use crate::cli::{expect, run, transcript};

fn small(unused: u32) -> Account {
    Account { number: 111_122_223_333, from: 0, roles: 10, unused }
}

/// Three weeks of ten roles: findings come, go, and one comes back; the last week has a role less and one more.
fn organisation() -> (TempDir, Store) {
    let (folder, store) = store(0, |_| Vec::new());
    let weeks = [
        (small(2), vec![finding("a", 0, 0, New), finding("b", 1, 0, New)]),
        (small(3), vec![finding("a", 0, 0, Absent), finding("b", 1, 0, Unchanged), finding("c", 2, 1, New)]),
        (
            Account { from: 1, ..small(4) },
            vec![finding("b", 0, 0, Unchanged), finding("c", 1, 1, Absent), finding("a", 2, 0, Reopened)],
        ),
    ];
    for (week, (account, findings)) in weeks.into_iter().enumerate() {
        commit(&store, week, &snapshot(week, &[account], findings));
    }
    (folder, store)
}

fn json(folder: &TempDir, arguments: &[&str]) -> Value {
    let output = run(folder.path(), arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

#[test]
fn text_answers_are_as_expected() {
    let (folder, _store) = organisation();
    for (name, arguments) in [
        ("metrics-no-baseline", &["metrics", "principals", "unused_*"][..]),
        ("baseline-none", &["baseline", "show"]),
        ("baseline-set", &["baseline", "set", "2026-05-31"]),
        ("baseline-show", &["baseline", "show"]),
        ("metrics", &["metrics", "principals", "unused_*"]),
        ("metrics-csv", &["metrics", "principals", "--kind", "*", "--format", "csv"]),
        ("metrics-unknown", &["metrics", "no_such_metric"]),
        ("diff", &["diff", "baseline", "--limit", "3"]),
        ("diff-findings", &["diff", "2026-06-07", "2026-06-14", "--limit", "2"]),
        ("trend", &["trend", "unused_principals_90d_pct"]),
        ("trend-revoke", &["trend", "time_to_revoke"]),
        ("trend-unknown", &["trend", "no_such_metric"]),
    ] {
        let output = run(folder.path(), arguments);
        expect(name, &transcript(arguments, &output));
    }
    for command in ["metrics", "baseline", "diff", "trend"] {
        let arguments = [command, "--help"];
        expect(&format!("help-{command}"), &transcript(&arguments, &run(folder.path(), &arguments)));
    }
}

#[test]
fn metrics_show_the_change_since_the_baseline() {
    let (folder, _store) = organisation();
    let row = |document: &Value| document["metrics"][0].clone();
    let before = json(&folder, &["metrics", "unused_principals_90d_pct", "--format", "json"]);
    assert_eq!(before["baseline"], Value::Null);
    assert_eq!((&row(&before)["delta"], &row(&before)["value"]), (&Value::Null, &Value::from(40.0)));
    let set = json(&folder, &["baseline", "set", "2026-05-31", "--format", "json"]);
    assert_eq!(set["baseline"], "2026-05-31T000000Z");
    assert_eq!(json(&folder, &["baseline", "show", "--format", "json"])["baseline"], "2026-05-31T000000Z");
    let after = json(&folder, &["metrics", "unused_principals_90d_pct", "--format", "json"]);
    // 4 of 10 now, 2 of 10 then.
    assert_eq!(after["baseline"], "2026-05-31T000000Z");
    assert_eq!((&row(&after)["baseline"], &row(&after)["delta"]), (&Value::from(20.0), &Value::from(20.0)));
    let newest = json(&folder, &["baseline", "set", "--format", "json"]);
    assert_eq!(newest["baseline"], "2026-06-14T000000Z");
}

#[test]
fn a_diff_counts_and_lists_what_differs() {
    let (folder, _store) = organisation();
    let found = json(&folder, &["diff", "2026-05-31", "2026-06-14", "--format", "json"]);
    assert_eq!(found["a"]["snapshot"], "2026-05-31T000000Z");
    assert_eq!(found["b"]["as_of"], "2026-06-14T00:00:00Z");
    assert_eq!(found["notes"], Value::from(Vec::<Value>::new()));
    // Role 0 is gone and role 10 is new. `a` and `b` were open at first and are now: no finding differs.
    assert_eq!(found["added"]["entities"][0]["name"], "r00010");
    assert_eq!(found["removed"]["entities"][0]["name"], "r00000");
    assert_eq!(found["counts"]["entities"], serde_json::json!({"added": 1, "removed": 1, "changed": 0}));
    assert_eq!(found["counts"]["scores"]["changed"], 9);
    let listed = found["changed"]["scores"].as_array().expect("rows");
    let sizes: Vec<f64> = listed.iter().filter_map(|row| row["risk"]["delta"].as_f64()).map(f64::abs).collect();
    assert!(sizes.len() == 9 && sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    let short = json(&folder, &["diff", "2026-05-31", "--format", "json", "--limit", "2"]);
    assert_eq!(short["changed"]["scores"].as_array().map(Vec::len), Some(2));
    assert_eq!(short["counts"], found["counts"], "a limit does not change the counts");
    let week = json(&folder, &["diff", "2026-06-07", "2026-06-14", "--format", "json"]);
    assert_eq!(week["added"]["findings"][0]["fingerprint"], "a");
    assert_eq!(week["added"]["findings"][0]["state"], "reopened");
    assert_eq!(week["removed"]["findings"][0]["fingerprint"], "c");
    let same = json(&folder, &["diff", "2026-06-07", "2026-06-07", "--format", "json"]);
    let none = serde_json::json!({"added": 0, "removed": 0, "changed": 0});
    assert!(same["counts"].as_object().expect("counts").values().all(|count| *count == none), "{same}");
}

#[test]
fn time_to_revoke_follows_findings_over_all_snapshots() {
    let (folder, _store) = organisation();
    let found = json(&folder, &["trend", "time_to_revoke", "--format", "json"]);
    let survival = &found["time_to_revoke"];
    // a and c are gone after 7 days, a is back (open for 0 days), b is open for 14.
    assert_eq!((&survival["n"], &survival["ended"], &survival["censored"]), (&4.into(), &2.into(), &2.into()));
    assert_eq!(survival["prevalent"], 2);
    // Three are at risk at 7 days, two go: a third is left.
    let step = &survival["steps"][0];
    assert_eq!((&step["days"], &step["at_risk"], &step["ended"]), (&7.0.into(), &3.into(), &2.into()));
    assert!((step["survival"].as_f64().expect("a share") - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(survival["median"], 7.0);
    let urgent = json(&folder, &["trend", "time_to_revoke", "--severity", "high", "--format", "json"]);
    assert_eq!(urgent["time_to_revoke"]["n"], 0);
}

#[test]
fn a_trend_in_json_has_the_published_keys() {
    let (folder, _store) = store(3, |week| vec![main_account(30 + u32::try_from(week).expect("few"))]);
    let found = json(&folder, &["trend", "unused_principals_90d_pct", "--format", "json"]);
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&found), ["format", "time_to_revoke", "trends"]);
    let trend = &found["trends"][0];
    let point = [
        "adjusted",
        "as_of",
        "cause",
        "change",
        "coverage",
        "denominator",
        "drift",
        "ewma",
        "numerator",
        "p",
        "signals",
        "since_baseline",
        "snapshot",
        "value",
    ];
    assert_eq!(keys(&trend["points"][2]), point);
    assert_eq!(keys(&trend["points"][2]["change"]), ["change", "entry", "exit", "within"]);
    assert_eq!(trend["provisional"], true);
    assert_eq!(trend["points"][2]["as_of"], "2026-06-14T00:00:00Z");
    let last = json(&folder, &["trend", "unused_principals_90d_pct", "--format", "json", "--limit", "1"]);
    assert_eq!(last["trends"][0]["points"].as_array().map(Vec::len), Some(1));
    assert_eq!(last["trends"][0]["points_n"], 3);
}

#[test]
fn a_store_that_is_not_there_is_said_to_be() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [&["metrics"][..], &["baseline", "set"], &["diff", "a"], &["trend", "principals"]] {
        let output = run(folder.path(), arguments);
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {err}");
        assert!(err.contains("overgrant-store"), "{arguments:?}: {err}");
    }
    let (folder, _store) = organisation();
    assert_eq!(run(folder.path(), &["diff", "1999"]).status.code(), Some(2));
}
