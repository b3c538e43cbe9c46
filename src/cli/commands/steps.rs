//! Paths as rows and as sentences: who comes to control whom, how, and what that stands on.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::engine::{self, Snapshot, WitnessPath, WitnessStep};
use crate::model::{Assist, Certainty, EntityKind, Grant, Membership};
use crate::reports::escape::plain;
use crate::techniques::together::TOGETHER;

/// Statements named in a sentence; the JSON form has all of them.
const STATEMENTS_N: usize = 3;

/// Names of the built-in techniques by id. A technique of a private folder is shown by its id.
pub struct TechniqueNames(BTreeMap<String, String>);

impl TechniqueNames {
    /// Reads the names. A path is still a path when they cannot be read.
    pub fn load() -> Self {
        let cards = engine::techniques(&[]).unwrap_or_default();
        Self(cards.into_iter().map(|card| (card.id, card.name)).collect())
    }

    fn of(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }
}

/// One path as published: `{target, hops, certainty, steps[{from, to, technique, certainty, reasons[], evidence[]}]}`.
pub fn json(snapshot: &Snapshot, path: &WitnessPath) -> Value {
    let view = snapshot.view();
    let steps: Vec<Value> = path
        .steps
        .iter()
        .map(|step| {
            let stated = step.evidence.iter().filter_map(|&at| evidence(snapshot, at));
            let evidence: Vec<Value> = stated.chain(memberships(snapshot, step).map(|row| of_row(snapshot, row))).collect();
            json!({
                "from": view.id(step.from),
                "to": view.id(step.to),
                "technique": step.technique,
                "certainty": step.certainty,
                "reasons": step.reasons,
                "assists": assists(snapshot, step).map(|one| json!({"request": one.request, "by": view.id(one.by)})).collect::<Vec<_>>(),
                "evidence": evidence,
            })
        })
        .collect();
    json!({"target": view.id(path.target), "hops": path.hops, "certainty": path.certainty, "steps": steps})
}

/// A statement as a citation: where it is held and where it was read.
fn evidence(snapshot: &Snapshot, at: u32) -> Option<Value> {
    let grant = engine::grant(snapshot, at)?;
    let file = snapshot.sources.get(grant.source.0 as usize).map(|source| source.path.as_str());
    Some(json!({
        "grant": at,
        "holder": snapshot.view().id(grant.holder),
        "policy": grant.policy,
        "statement": grant.statement,
        "file": file,
        "record": grant.record,
    }))
}

/// The rows that put one end of a step into the other, or say that it is the other, where no statement proves the step.
fn memberships<'s>(snapshot: &'s Snapshot, step: &'s WitnessStep) -> impl Iterator<Item = &'s Membership> {
    let rows = snapshot.tables.memberships.iter().filter(|_| step.evidence.is_empty());
    rows.filter(|row| row.member == step.from && row.container == step.to)
}

/// A row of the memberships as a citation.
fn of_row(snapshot: &Snapshot, row: &Membership) -> Value {
    let view = snapshot.view();
    json!({
        "grant": null,
        "holder": view.id(row.member),
        "policy": row.kind,
        "statement": view.id(row.container),
        "file": snapshot.sources.get(row.source.0 as usize).map(|source| source.path.as_str()),
        "record": row.record,
    })
}

/// One path as a headline and a numbered sentence a step.
pub fn sentences(snapshot: &Snapshot, names: &TechniqueNames, path: &WitnessPath) -> String {
    let steps = if path.hops == 1 { "1 step".to_owned() } else { format!("{} steps", path.hops) };
    let view = snapshot.view();
    let mut text = format!("{steps} to {}, {}\n", plain(&view.id(path.target)), path.certainty);
    for (at, step) in path.steps.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {}. {}", at + 1, sentence(snapshot, names, step));
        if step.certainty == Certainty::Conditional && !step.reasons.is_empty() {
            let _ = writeln!(text, "     if {}", plain(&step.reasons.join("; ")));
        }
        for line in helpers(snapshot, step).into_iter().chain(citations(snapshot, step)) {
            let _ = writeln!(text, "     {line}");
        }
    }
    text
}

fn sentence(snapshot: &Snapshot, names: &TechniqueNames, step: &WitnessStep) -> String {
    let view = snapshot.view();
    let administers = view.entity(step.to).is_some_and(|entity| entity.kind == EntityKind::Scope);
    let verb = if administers { "can become administrator of" } else { "can take control of" };
    let (from, to) = (view.id(step.from), view.id(step.to));
    let (technique, together) = match step.technique.strip_prefix(TOGETHER) {
        Some(technique) => (technique, ", together with whom it controls"),
        None => (step.technique.as_str(), ""),
    };
    let how = names.of(technique).map_or_else(|| technique.to_owned(), |name| format!("{name} ({technique})"));
    format!("{} {verb} {}: {}{together}", plain(&from), plain(&to), plain(&how))
}

/// Who helps with a step that several principals make together, in the order of its requests.
fn assists<'s>(snapshot: &'s Snapshot, step: &'s WitnessStep) -> impl Iterator<Item = &'s Assist> {
    let own = |one: &&Assist| one.src == step.from.0 && one.technique == step.technique;
    let mut all: Vec<&Assist> = snapshot.results.assists.iter().filter(own).collect();
    all.sort_by_key(|one| (one.request, one.by));
    all.dedup_by_key(|one| (one.request, one.by));
    all.into_iter()
}

/// Each helper as a line, with the question that shows how the attacker comes to it.
fn helpers(snapshot: &Snapshot, step: &WitnessStep) -> Vec<String> {
    let view = snapshot.view();
    let line = |one: &Assist| {
        let (from, by) = (view.id(step.from), view.id(one.by));
        let how = if one.by == step.from {
            String::new()
        } else {
            format!(" (`overgrant paths {} --to {}`)", plain(&from), plain(&by))
        };
        format!("request {} as {}{how}", one.request, plain(&by))
    };
    assists(snapshot, step).map(line).collect()
}

fn citations(snapshot: &Snapshot, step: &WitnessStep) -> Vec<String> {
    let grants = step.evidence.iter().filter_map(|&at| engine::grant(snapshot, at));
    let mut lines: Vec<String> = grants.take(STATEMENTS_N).map(|grant| citation(snapshot, grant)).collect();
    if step.evidence.len() > STATEMENTS_N {
        lines.push(format!("and {} more statements", step.evidence.len() - STATEMENTS_N));
    }
    lines.extend(memberships(snapshot, step).map(|row| {
        let file = snapshot.sources.get(row.source.0 as usize).map_or("?", |source| source.path.as_str());
        format!("by {} ({}, {})", row.kind, plain(file), plain(&row.record))
    }));
    lines
}

/// A statement with its place, in the style of our errors.
fn citation(snapshot: &Snapshot, grant: &Grant) -> String {
    let file = snapshot.sources.get(grant.source.0 as usize).map_or("?", |source| source.path.as_str());
    format!(
        "by statement `{}` of `{}` ({}, {})",
        plain(&grant.statement),
        plain(&grant.policy),
        plain(file),
        plain(&grant.record)
    )
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::model::EntityId;
    use crate::reports::tests::Fixture;

    /// A snapshot and one path through it.
    pub fn example() -> (Snapshot, WitnessPath) {
        let fixture = Fixture::default();
        let sources = fixture.tables.sources.clone();
        let snapshot = Snapshot { tables: fixture.tables, results: fixture.results, sources, ..Snapshot::default() };
        let step = |from, to, technique: &str, certainty, reasons: Vec<String>| WitnessStep {
            from: EntityId(from),
            to: EntityId(to),
            technique: technique.to_owned(),
            certainty,
            reasons,
            evidence: vec![0],
        };
        let steps = vec![
            step(5, 3, "iam-002", Certainty::Conditional, vec!["needs existing Lambda function".to_owned()]),
            step(3, 0, "admin", Certainty::Certain, Vec::new()),
        ];
        (snapshot, WitnessPath { target: EntityId(0), hops: 2, certainty: Certainty::Conditional, steps })
    }

    #[test]
    fn a_path_is_told_step_by_step_with_its_citations() {
        let (snapshot, path) = example();
        let names = TechniqueNames([("iam-002".to_owned(), "Create an access key".to_owned())].into());
        let expected = "\
2 steps to 111122223333, conditional
  1. arn:aws:iam::111122223333:user/team/ops\\u{1b}[2J can take control of \
arn:aws:iam::111122223333:role/ci/deploy: Create an access key (iam-002)
     if needs existing Lambda function
     by statement `Keys` of `inline` (iam.json, /RoleDetailList/0)
  2. arn:aws:iam::111122223333:role/ci/deploy can become administrator of 111122223333: admin
     by statement `Keys` of `inline` (iam.json, /RoleDetailList/0)
";
        assert_eq!(sentences(&snapshot, &names, &path), expected);
    }

    #[test]
    fn a_published_step_cites_statements_by_file_and_record() {
        let (snapshot, path) = example();
        let row = json(&snapshot, &path);
        assert_eq!(row["steps"][1]["evidence"][0]["record"], "/RoleDetailList/0");
        assert_eq!(row["steps"][1]["evidence"][0]["file"], "iam.json");
        assert_eq!(row["target"], "111122223333");
    }
}
