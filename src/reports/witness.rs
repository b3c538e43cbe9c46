//! Stored paths as steps between entities: a node that stands for several targets is passed through.

use super::View;
use crate::model::{Certainty, Edge, EntityId, Path};

/// One step of a path.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Who takes it.
    pub from: EntityId,
    /// Over whom control is gained.
    pub to: EntityId,
    /// Technique, certainty, reasons and evidence.
    pub edge: &'a Edge,
}

/// The steps of a stored path; `None` when a row names an edge that the snapshot does not have.
#[must_use]
pub fn steps<'a>(view: &View<'a>, path: &Path) -> Option<Vec<Step<'a>>> {
    let entities = view.tables.entities.len();
    let mut steps: Vec<Step<'a>> = Vec::with_capacity(path.steps.len());
    let mut at = path.entity;
    // The first edge of a step through a target set says how it is done; the second only says which target.
    let mut through: Option<&Edge> = None;
    for &number in &path.steps {
        let edge = view.results.edges.get(number as usize)?;
        let to = EntityId(edge.dst);
        let first = through.take().unwrap_or(edge);
        if to.index() >= entities {
            through = Some(first);
            continue;
        }
        steps.push(Step { from: at, to, edge: first });
        at = to;
    }
    Some(steps)
}

/// What a step hangs on, in words; empty for a certain one.
#[must_use]
pub fn condition(step: &Step<'_>) -> String {
    if step.edge.certainty == Certainty::Conditional { step.edge.reasons.join("; ") } else { String::new() }
}

/// The path of a principal to the protected zone, where one is stored.
#[must_use]
pub fn path_of<'a>(view: &View<'a>, entity: EntityId) -> Option<&'a Path> {
    let rows = &view.results.paths;
    // The shortest certain one comes first: rows are sorted by entity, then by certainty.
    rows.get(rows.partition_point(|path| path.entity < entity)).filter(|path| path.entity == entity)
}
