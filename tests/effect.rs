//! Inputs and our outputs of every statistic of `effect`, for `tests/python/effect_check.py` to compute again, and the
//! command as its users meet it.
//!
//! `OVERGRANT_EFFECT_FILE=effect.json cargo test --test main effect::crosscheck`, then
//! `python tests/python/effect_check.py effect.json`. `.ci/run` does both.

use std::fs;

use overgrant::effect::difference::{Series, compare, compared};
use overgrant::effect::distribution::{fisher, holm, t_quantile, t_two_sided};
use overgrant::effect::interrupted::{Point, fit};
use overgrant::effect::linear::newey_west_lags;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::run;
use crate::splitmix::Rng;

/// A number between 0 and 1.
fn share(random: &mut Rng) -> f64 {
    f64::from(u32::try_from(random.below(1_000_003)).expect("small")) / 1_000_003.0
}

fn number(n: usize) -> f64 {
    f64::from(u32::try_from(n).expect("small"))
}

/// A series with errors that remember, a week apart, that breaks at 0.
fn series(random: &mut Rng, before: usize, after: usize, memory: f64) -> Vec<Point> {
    let mut error = 0.0;
    (0..before + after)
        .map(|at| {
            error = memory * error + share(random) - 0.5;
            let days = 7.0 * (number(at) - number(before));
            let broken = if days >= 0.0 { -1.5 - 0.01 * days } else { 0.0 };
            Point { days, value: 30.0 + 0.02 * days + broken + error }
        })
        .collect()
}

fn interrupted_cases(random: &mut Rng) -> Vec<Value> {
    let cases = [(4, 5, 0.0), (8, 8, 0.2), (20, 20, 0.5), (30, 18, 0.8), (52, 52, -0.3)];
    let case = |(before, after, memory)| {
        let points = series(random, before, after, memory);
        let found = fit(&points, 0.05).expect("enough points");
        json!({"points": points, "alpha": 0.05, "lags": newey_west_lags(points.len()), "found": found})
    };
    cases.map(case).to_vec()
}

fn difference_cases(random: &mut Rng) -> Vec<Value> {
    let mut cases = Vec::new();
    for (treated, control) in [(2, 3), (4, 4), (3, 9)] {
        let units: Vec<Series> = (0..treated + control)
            .map(|unit| {
                let points = series(random, 9, 11, 0.4);
                Series { unit: format!("u{unit}"), treated: unit < treated, points }
            })
            .collect();
        let found = compare(&units, 0.05).expect("two on each side");
        let given: Vec<Value> =
            units.iter().map(|one| json!({"unit": one.unit, "treated": one.treated, "points": one.points})).collect();
        cases.push(json!({"units": given, "alpha": 0.05, "found": found}));
    }
    cases
}

/// More units than all choices can be counted of: the drawn p-value is near to the one by Student's distribution.
fn many_units(random: &mut Rng) -> Value {
    let treated: Vec<bool> = (0..60).map(|unit| unit % 2 == 0).collect();
    let values: Vec<f64> = treated.iter().map(|&one| share(random) + if one { 0.15 } else { 0.0 }).collect();
    json!({"values": values, "treated": treated, "found": compared(&values, &treated, 0.05)})
}

fn distribution_cases() -> Value {
    let t: Vec<Value> = [1.0, 2.0, 3.5, 10.0, 37.0, 500.0]
        .iter()
        .flat_map(|&degrees| {
            [0.05, 0.7, 1.96, 4.2, 15.0].map(|t| {
                json!({"degrees": degrees, "t": t, "two_sided": t_two_sided(t, degrees),
                    "p": 0.975, "quantile": t_quantile(0.975, degrees), "quantile_80": t_quantile(0.8, degrees)})
            })
        })
        .collect();
    let tables = [((3, 4), (1, 4)), ((0, 30), (5, 41)), ((17, 60), (40, 90)), ((500, 1000), (400, 1000))];
    let exact: Vec<Value> =
        tables.iter().map(|&((a, b), (c, d))| json!({"table": [a, b, c, d], "p": fisher((a, b), (c, d))})).collect();
    let p_values = [0.04, 0.01, 0.02, 0.5, 0.011];
    json!({"t": t, "fisher": exact, "holm": {"p": p_values, "corrected": holm(&p_values)}})
}

#[test]
fn crosscheck() {
    let mut random = Rng(20_261_122);
    let document = json!({
        "interrupted": interrupted_cases(&mut random),
        "difference": difference_cases(&mut random),
        "many": many_units(&mut random),
        "distribution": distribution_cases(),
    });
    // What the script computes again is not empty, and the methods are those that the lengths ask for.
    let methods: Vec<&Value> =
        document["interrupted"].as_array().expect("a list").iter().map(|case| &case["found"]["method"]).collect();
    assert_eq!(methods, ["ols", "ar1_reml", "ar1_reml", "ar1_reml", "ar1_reml"]);
    if let Some(path) = std::env::var_os("OVERGRANT_EFFECT_FILE") {
        fs::write(path, document.to_string()).expect("the file can be written");
    }
}

/// A store with two scans of a small organisation, and an objective.
fn studied(objective: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let export = folder.path().join("export");
    fs::create_dir_all(&export).expect("made");
    fs::write(export.join("p.csv"), "system,principal,kind,name\ncrm,ada,user,Ada\ncrm,bob,user,Bob\n")
        .expect("written");
    fs::write(export.join("levels.csv"), "system,right,level\ncrm,READ,read\n").expect("written");
    fs::write(export.join("grants.csv"), "system,principal,right,resource,grant\ncrm,ada,READ,*,G1\n")
        .expect("written");
    for as_of in ["2026-10-01", "2026-11-01"] {
        let output = run(folder.path(), &["scan", "export", "--as-of", as_of]);
        assert!(matches!(output.status.code(), Some(0 | 4)), "{}", String::from_utf8_lossy(&output.stderr));
    }
    fs::write(folder.path().join("o.toml"), objective).expect("written");
    folder
}

const OBJECTIVE: &str = "metric = \"risk_p90\"\nminimum_effect = 2.0\nintervention = \"2026-10-15\"\n";

#[test]
fn two_scans_are_not_measurable_and_the_answer_says_why() {
    let folder = studied(OBJECTIVE);
    let output = run(folder.path(), &["effect", "--objective", "o.toml", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!((&found["verdict"], &found["method"]), (&json!("not_measurable"), &json!("nothing")));
    assert_eq!(found["series"][0]["points"].as_array().map(Vec::len), Some(2));
    let text = run(folder.path(), &["effect", "--objective", "o.toml"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.starts_with("risk_p90: not measurable (by nothing)\n"), "{text}");
}

#[test]
fn an_objective_that_cannot_be_used_is_refused_with_its_place() {
    for (objective, place) in [
        (OBJECTIVE.replace("risk_p90", "no_such"), "`metric`"),
        (format!("{OBJECTIVE}treated = [\"nowhere\"]\n"), "`nowhere`"),
        (format!("{OBJECTIVE}colour = 1\n"), "colour"),
    ] {
        let folder = studied(&objective);
        let output = run(folder.path(), &["effect", "--objective", "o.toml"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(place), "{said}");
    }
}

/// Appends a record at a time.
fn append(folder: &std::path::Path, record: &Value, at: &str) {
    fs::write(folder.join("record.json"), record.to_string()).expect("written");
    let output = run(folder, &["ledger", "append", "record.json", "--as-of", at]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Three drafts: one approved 4 seconds after the gate's answer, one after an hour, one 4 seconds after an answer to which
/// somebody had been asked the day before.
#[test]
fn approvals_right_after_the_gate_s_answer_are_a_guardrail() {
    let guardrail = "[[guardrail]]\nmeasure = \"approved_within_seconds\"\nseconds = 5\nmargin = 20.0\n";
    let folder = studied(&format!("{OBJECTIVE}{guardrail}"));
    let gate = |draft: &str, at: &str| {
        let record = json!({"kind": "gate", "actor": {"kind": "service", "id": "overgrant"}, "draft_id": draft,
            "ai": {"id": "drafter"}, "verdict": "needs_human"});
        append(folder.path(), &record, at);
    };
    let decide = |draft: &str, given: Option<&str>, at: &str| {
        let record = json!({"kind": "decision", "actor": {"kind": "human", "id": "grace"}, "draft_id": draft,
            "outcome": "approved", "reason": "needed", "owner": "ada", "revocation": {"how": "apply the inverse"},
            "approvals": [{"by": "grace", "at": given.unwrap_or(at)}]});
        append(folder.path(), &record, at);
    };
    gate("quick", "2026-10-20T10:00:00Z");
    decide("quick", None, "2026-10-20T10:00:04Z");
    gate("slow", "2026-10-20T11:00:00Z");
    decide("slow", None, "2026-10-20T12:00:00Z");
    gate("twice", "2026-10-21T09:00:00Z");
    gate("twice", "2026-10-22T09:00:00Z");
    decide("twice", Some("2026-10-21T15:00:00Z"), "2026-10-22T09:00:04Z");
    let output = run(folder.path(), &["effect", "--objective", "o.toml", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let rail = &found["guardrails"][0];
    assert_eq!((&rail["metric"], &rail["held"]), (&json!("approved_within_5_seconds"), &json!("exceeded")), "{rail}");
    // One of three, against nothing: 33.3 points, from 6.1 (Wilson).
    let number = |key: &str| rail["worse_by"][key].as_f64().expect("a number");
    assert!((number("value") - 100.0 / 3.0).abs() < 1e-9 && (number("low") - 6.15).abs() < 0.05, "{rail}");
    let quick = found["quality"]["measures"].as_array().expect("measures").iter();
    let counts: Vec<(&Value, &Value)> = quick
        .filter(|one| one["measure"] == "approved_within_10_seconds")
        .map(|one| (&one["ai"]["k"], &one["ai"]["n"]))
        .collect();
    assert_eq!(counts, [(&json!(1), &json!(3))]);
    let text = run(folder.path(), &["effect", "--objective", "o.toml"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("guardrail approved_within_5_seconds (exceeded)"), "{text}");
}
