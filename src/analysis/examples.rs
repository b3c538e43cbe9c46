//! Runs the examples that techniques carry: each export through the real readers and the real engine.

use crate::access::{Evaluators, Settings};
use crate::model::{Certainty, EntityId, Tables};
use crate::platforms::{self, input};
use crate::techniques::format::{Example, Expect};
use crate::techniques::{AttackGraph, Library, Technique, attack_graph};

/// Time at which examples are evaluated: 2026-01-01.
const AS_OF: i64 = 1_767_225_600_000;

/// One example and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub technique: String,
    pub about: String,
    /// What is wrong; none when the example holds.
    pub failure: Option<String>,
}

/// Runs every example of every technique, in order. A technique without an example that matches, or without one
/// that must not, fails as well.
#[must_use]
pub fn check(library: &Library) -> Vec<Checked> {
    library.techniques.iter().flat_map(check_one).collect()
}

fn check_one(technique: &Technique) -> Vec<Checked> {
    let mut out: Vec<Checked> = technique
        .examples
        .iter()
        .map(|example| Checked {
            technique: technique.id.clone(),
            about: example.about.clone(),
            failure: run(technique, example).err(),
        })
        .collect();
    let positive = technique.examples.iter().any(|example| example.expect != Expect::None);
    let negative = technique.examples.iter().any(|example| example.expect == Expect::None);
    if !(positive && negative) {
        let what = "it needs at least one example that matches and one that must not";
        out.push(Checked {
            technique: technique.id.clone(),
            about: "examples".to_owned(),
            failure: Some(what.to_owned()),
        });
    }
    out
}

fn run(technique: &Technique, example: &Example) -> Result<(), String> {
    let files = example.export.texts().iter().map(|text| ("example", text.as_bytes()));
    let tables = input::read_texts(files, platforms::ALL).join(platforms::ALL);
    if let Some(issue) = tables.issues.iter().find(|issue| issue.severity == crate::model::IssueSeverity::Error) {
        return Err(format!("the export cannot be read: {} ({})", issue.message, issue.record));
    }
    let (from, to) = (entity(&tables, &example.from)?, entity(&tables, &example.to)?);
    let evaluators = Evaluators::new(&tables, Settings { as_of: AS_OF });
    let library = Library { techniques: vec![technique.clone()] };
    let graph = attack_graph(&tables, &evaluators, &library);
    let found = edge(&graph, &tables, technique, from, to);
    let matches = match (example.expect, found) {
        (Expect::Certain, Some(Certainty::Certain)) | (Expect::Conditional, Some(Certainty::Conditional)) => true,
        (Expect::None, found) => found.is_none(),
        _ => false,
    };
    let shown = |found: Option<Certainty>| found.map_or("none", Certainty::as_str);
    if matches { Ok(()) } else { Err(format!("expected {:?}, found {}", example.expect, shown(found)).to_lowercase()) }
}

/// The entity that an example names: by the end of its id, or an account by its number.
fn entity(tables: &Tables, name: &str) -> Result<EntityId, String> {
    let ends = |id: &str| id == name || id.strip_suffix(name).is_some_and(|rest| rest.ends_with([':', '/']));
    let mut found = tables.entities.iter().filter(|entity| ends(&entity.id));
    match (found.next(), found.next()) {
        (Some(entity), None) => Ok(entity.entity),
        (None, _) => Err(format!("`{name}` is not in the export")),
        (Some(_), Some(_)) => Err(format!("`{name}` is several entities of the export")),
    }
}

/// Certainty of the technique's edge between two entities, through a target set or not; the best of several.
fn edge(
    graph: &AttackGraph,
    tables: &Tables,
    technique: &Technique,
    from: EntityId,
    to: EntityId,
) -> Option<Certainty> {
    let entities = tables.entities.len();
    let own = |src: u32| graph.edges.iter().filter(move |edge| edge.src == src && edge.technique == technique.id);
    own(from.0)
        .filter(|edge| {
            edge.dst == to.0 || (edge.dst as usize >= entities && own(edge.dst).any(|inner| inner.dst == to.0))
        })
        .map(|edge| edge.certainty)
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_example_holds() {
        let library = Library::built_in().unwrap();
        let checked = check(&library);
        let failures: Vec<String> = checked
            .iter()
            .filter_map(|one| Some(format!("{}: {}: {}", one.technique, one.about, one.failure.as_ref()?)))
            .collect();
        assert!(failures.is_empty(), "{} of {} fail:\n{}", failures.len(), checked.len(), failures.join("\n"));
        assert!(library.techniques.len() >= 85 && checked.len() >= 2 * library.techniques.len());
    }
}
