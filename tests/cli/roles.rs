//! `roles suggest` on the demo: the roles are held to the stored access rows, pair by pair.

use std::collections::BTreeSet;
use std::path::Path;

use overgrant::model::{Access, Decision, Entity};
use overgrant::store::Store;
use serde_json::Value;
use tempfile::TempDir;

use super::{case, expect, run, transcript};

/// A principal and what it has.
type Pair = (String, String);

fn demo() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let export = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/organisation/exports");
    let export = export.to_str().expect("a path of text");
    let output = run(folder.path(), &["scan", export, "--as-of", "2026-11-22"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

fn suggestion(folder: &TempDir, arguments: &[&str]) -> Value {
    let output = run(folder.path(), &[&["roles", "suggest", "--format", "json"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

/// Pairs that the roles give.
fn given(document: &Value) -> BTreeSet<Pair> {
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
    };
    let mut pairs = BTreeSet::new();
    for role in document["roles"].as_array().expect("a list of roles") {
        for member in list(&role["members"]) {
            pairs.extend(list(&role["permissions"]).into_iter().map(|permission| (member.clone(), permission)));
        }
    }
    pairs
}

/// Pairs of the stored access table that pass a test. Roots are left out: no role binds them.
fn stored(folder: &TempDir, wanted: impl Fn(&Access) -> bool) -> BTreeSet<Pair> {
    let store = Store::open(&folder.path().join("overgrant-store")).expect("a store");
    let reader = store.resolve(None).expect("a snapshot");
    let entities = reader.read::<Entity>().expect("entities");
    let rows = reader.read::<Access>().expect("access rows");
    let pair = |row: &Access| {
        let entity = &entities[row.entity.index()];
        let counts = entity.is_principal() && !entity.is_account_root() && wanted(row);
        counts.then(|| (entity.id.clone(), format!("{}:{}", row.service, row.level)))
    };
    rows.iter().filter_map(pair).collect()
}

fn sum(structure: &Value) -> f64 {
    let parts = ["roles", "assignments", "permissions", "hierarchy", "direct"];
    parts.iter().map(|part| structure[part].as_f64().expect("a number")).sum()
}

#[test]
fn the_roles_of_the_demo_give_exactly_what_is_certain_or_used() {
    let folder = demo();
    let effective = suggestion(&folder, &[]);
    let certain = stored(&folder, |row| row.decision == Decision::Allowed);
    assert!(certain.len() > 100, "{}", certain.len());
    assert_eq!(given(&effective), certain);
    let used = suggestion(&folder, &["--from", "used"]);
    let seen =
        |row: &Access| row.observable_n.zip(row.unused_n).is_some_and(|(observable, unused)| unused < observable);
    let in_use = stored(&folder, seen);
    assert!(!in_use.is_empty() && in_use.len() < certain.len(), "{}", in_use.len());
    assert_eq!(given(&used), in_use);
    for document in [&effective, &used] {
        assert_eq!(document["coverage"]["pairs"], document["coverage"]["pairs_covered"]);
        assert_eq!(document["coverage"]["pairs_added"], 0);
        assert_eq!(document["exact"], true);
        assert_eq!(document["lower_bound"], document["roles_count"]);
        assert_eq!(document["complexity_after"].as_f64(), Some(sum(&document["structure_after"])), "weights of 1");
        assert_eq!(document["complexity_before"].as_f64(), Some(sum(&document["structure_before"])));
        let principals = document["coverage"]["principals_asked"].as_u64().expect("a number");
        let left = document["left_out"].as_array().into_iter().flatten().filter(|row| row["of"] == "principals");
        let left: u64 = left.filter_map(|row| row["count"].as_u64()).sum();
        assert_eq!(document["coverage"]["principals"].as_u64(), Some(principals - left), "nobody is lost");
    }
    let again = suggestion(&folder, &["--platform", "aws"]);
    assert_eq!(again["roles"], effective["roles"], "the demo has one platform");
}

#[test]
fn weights_limits_and_text_are_as_asked_for() {
    let folder = demo();
    std::fs::write(folder.path().join("own.toml"), "[roles]\nrole = 100.0\n").expect("a file");
    let plain = suggestion(&folder, &["--limit", "2"]);
    let heavy = suggestion(&folder, &["--config", "own.toml"]);
    assert_eq!(plain["roles"].as_array().map(Vec::len), Some(2));
    let roles = heavy["roles_count"].as_f64().expect("a number");
    let more = heavy["complexity_after"].as_f64().zip(plain["complexity_after"].as_f64()).map(|(a, b)| a - b);
    assert_eq!(more, Some(99.0 * roles));
    for (name, arguments) in [
        ("roles-effective", &["roles", "suggest", "--limit", "5"][..]),
        ("roles-used", &["roles", "suggest", "--from", "used"]),
        ("roles-actions", &["roles", "suggest", "--from", "used", "--granularity", "action"]),
        ("roles-platform-unknown", &["roles", "suggest", "--platform", "okta"]),
    ] {
        let output = run(folder.path(), arguments);
        expect(name, &transcript(arguments, &output));
    }
}

#[test]
fn help_and_usage_errors_are_as_expected() {
    case("help-roles", &["roles", "--help"]);
    case("help-roles-suggest", &["roles", "suggest", "--help"]);
    case("usage-roles-actions", &["roles", "suggest", "--granularity", "action"]);
    case("no-store-roles", &["roles", "suggest"]);
}
