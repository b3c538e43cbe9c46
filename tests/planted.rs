//! A small organisation whose problems are known: what each rule finds of them, and what else it claims.
//!
//! `planted/export/` is read as it stands, with its governance tables; `planted/truth.toml` lists for each rule all
//! that it must find, written before the rules ran. A finding counts for the principal that it is about, and for each
//! principal that it groups under one cause.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use overgrant::model::{EntityId, Finding};
use serde::Deserialize;

use crate::analysed::Analysed;

/// Time of the scan.
const AS_OF: &str = "2026-06-01";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Truth {
    rule: Vec<OfRule>,
}

/// What one rule must find, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfRule {
    id: String,
    /// Principals as `role/name` or `user/name`.
    found: BTreeSet<String>,
    /// Why, for the reader.
    why: String,
    /// Whether a finding names whom to ask, and its subjects are what it is about.
    #[serde(default)]
    of_subjects: bool,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/planted")
}

/// Whom a finding is about: the principals that it groups, or the one that it names.
fn about(organisation: &Analysed, finding: &Finding, of_subjects: bool) -> BTreeSet<String> {
    let tables = organisation.tables();
    let name = |entity: EntityId| organisation.id(entity).rsplit(':').next().unwrap_or_default().to_owned();
    if tables.entity(finding.entity).kind.is_principal() && (!of_subjects || finding.subjects.is_empty()) {
        return [name(finding.entity)].into();
    }
    let subjects = finding.subjects.iter().map(|&subject| EntityId(subject));
    subjects.filter(|&subject| tables.entity(subject).kind.is_principal()).map(name).collect()
}

#[test]
fn each_rule_finds_what_was_planted_and_nothing_else() {
    let text = std::fs::read_to_string(root().join("truth.toml")).expect("there is a truth");
    let truth: Truth = toml::from_str(&text).expect("the truth is well formed");
    let organisation = Analysed::new(vec![root().join("export")], AS_OF, None).expect("it can be scanned");
    let mut report = String::new();
    let mut wrong = false;
    for OfRule { id, found: expected, why, of_subjects } in &truth.rule {
        assert!(overgrant::findings::ALL.iter().any(|rule| rule.info().id == id), "there is no rule `{id}`");
        let findings = organisation.findings(id, None).into_iter();
        let found: BTreeSet<String> = findings.flat_map(|one| about(&organisation, one, *of_subjects)).collect();
        let right = found.intersection(expected).count();
        let (recall, precision) = (share(right, expected.len()), share(right, found.len()));
        writeln!(report, "{id}: recall {recall}, precision {precision} ({why})").expect("memory");
        for missed in expected.difference(&found) {
            writeln!(report, "  not found: {missed}").expect("memory");
        }
        for claimed in found.difference(expected) {
            writeln!(report, "  not planted: {claimed}").expect("memory");
        }
        wrong |= found != *expected;
    }
    println!("{report}");
    assert!(!wrong, "recall and precision are 1 for every rule:\n{report}");
    assert!(truth.rule.len() >= 10, "every kind of problem has a rule");
}

/// A share, or that there is nothing to share.
fn share(part: usize, of: usize) -> String {
    if of == 0 { "-".to_owned() } else { format!("{part}/{of}") }
}
