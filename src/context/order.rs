//! What a pack holds of a domain, and in which order: what to act on first, what it rests on after it, and of bulk only what
//! says something.
//!
//! Everything that is left out stays a fact of the domain: `ground` counts it, and the tools of `mcp` show it. The manifest
//! says how much of each table is not there.

use rustc_hash::FxHashSet;

use super::parts::Part;
use super::scope::Scope;
use crate::model::EntityId;

/// Access rows of one principal at most, those of the greatest mass. An administrator has a row for every service and
/// level there is.
const ACCESS_ROWS_MAX: usize = 40;
/// Targets of a set up to which the steps from the set to each of them are listed; a step to a larger one says how large it
/// is, and a path which of them it goes to.
const TARGETS_MAX: u32 = 8;
/// Technique of what is in a scope, which memberships and the column `scope` say.
const CONTAINS: &str = "contains";
/// The name that metrics give to all platforms and kinds.
const WHOLE: &str = "all";

impl Scope {
    /// Rows of a part that a pack has, in its order.
    pub(super) fn packed(&self, part: Part) -> Vec<u32> {
        let results = &self.world().results;
        let mut rows = self.rows(part).to_vec();
        match part {
            Part::Findings => rows.sort_by_key(|&row| (results.findings[row as usize].severity, row)),
            Part::Scores => {
                let risk = |row: u32| results.scores[row as usize].risk;
                rows.sort_by(|&a, &b| risk(b).total_cmp(&risk(a)).then(a.cmp(&b)));
            }
            Part::Metrics => rows.sort_by_key(|&row| {
                let metric = &results.metrics[row as usize];
                (metric.platform != WHOLE || metric.kind != WHOLE, row)
            }),
            Part::Edges => {
                let sets = results.target_sets.iter().filter(|set| set.targets_n > TARGETS_MAX);
                let large: FxHashSet<u32> = sets.map(|set| set.node).collect();
                rows.retain(|&row| {
                    let edge = &results.edges[row as usize];
                    edge.technique != CONTAINS && !large.contains(&edge.src)
                });
            }
            Part::Access => rows = self.weightiest(&rows),
            _ => {}
        }
        rows
    }

    /// Everything that a pack has, in its order.
    pub(super) fn all_packed(&self) -> Vec<(Part, u32)> {
        Part::ALL.iter().flat_map(|&part| self.packed(part).into_iter().map(move |row| (part, row))).collect()
    }

    /// Of each principal the access rows of the greatest mass, ascending.
    fn weightiest(&self, rows: &[u32]) -> Vec<u32> {
        let access = &self.world().access;
        let of = |row: u32| -> (EntityId, f64) {
            let row = &access[row as usize];
            (row.entity, row.mass)
        };
        let mut kept = Vec::new();
        for own in rows.chunk_by(|&a, &b| of(a).0 == of(b).0) {
            let mut own = own.to_vec();
            if own.len() > ACCESS_ROWS_MAX {
                own.sort_by(|&a, &b| of(b).1.total_cmp(&of(a).1).then(a.cmp(&b)));
                own.truncate(ACCESS_ROWS_MAX);
                own.sort_unstable();
            }
            kept.append(&mut own);
        }
        kept
    }
}
