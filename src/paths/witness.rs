//! Paths as a person reads them: one step for each technique, target sets expanded away.

use std::collections::BTreeSet;

use super::Landscape;
use crate::graph::{Limits, PathFinder, Paths};
use crate::model::{Certainty, EntityId, EntityKind};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessStep {
    pub from: EntityId,
    pub to: EntityId,
    pub technique: String,
    pub certainty: Certainty,
    /// What the step hangs on.
    pub reasons: Vec<String>,
    /// Numbers of the grants that it stands on.
    pub evidence: Vec<u32>,
}

/// One path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessPath {
    pub target: EntityId,
    pub hops: u32,
    /// Weakest of its steps.
    pub certainty: Certainty,
    pub steps: Vec<WitnessStep>,
}

/// Paths in order of length, and whether a limit stopped the search for more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnesses {
    pub paths: Vec<WitnessPath>,
    pub limit_reached: bool,
}

impl Landscape<'_> {
    /// The shortest paths from an entity to the zone or to one target: certain ones first, then those that hang on
    /// something, each by length. A member of the zone has its own steps to other members.
    #[must_use]
    pub fn paths(&self, from: EntityId, to: Option<EntityId>, count: usize) -> Witnesses {
        let targets = self.targets(from, to);
        let mut out = Witnesses { paths: Vec::new(), limit_reached: false };
        for certainty in [Certainty::Certain, Certainty::Conditional] {
            let wanted = count.saturating_sub(out.paths.len());
            if wanted == 0 || targets.is_empty() {
                break;
            }
            // Certain paths are found again among all paths, so that many more are asked for.
            let found = self.search(from, &targets, certainty, wanted + out.paths.len());
            out.limit_reached |= found.stopped_by.is_some_and(|limit| limit != crate::graph::Limit::Count);
            for route in &found.routes {
                let path = self.expand(from, &route.edges);
                if path.certainty == certainty && !path.steps.is_empty() && !out.paths.contains(&path) {
                    out.paths.push(path);
                }
            }
        }
        out.paths.truncate(count);
        out
    }

    /// The edges of all routes that [`paths`](Self::paths) looks at, ascending, and whether a limit stopped the search.
    /// Of edges only their ends and certainty matter, and a graph of nothing but these has the same paths.
    #[must_use]
    pub fn route_edges(&self, from: EntityId, to: Option<EntityId>, count: usize) -> (Vec<u32>, bool) {
        let targets = self.targets(from, to);
        let (mut edges, mut limit_reached): (BTreeSet<u32>, bool) = (BTreeSet::new(), false);
        let mut ways: BTreeSet<Vec<u32>> = BTreeSet::new();
        for certainty in [Certainty::Certain, Certainty::Conditional] {
            // Routes over the same entities may turn out to be one path.
            if ways.len() >= count || targets.is_empty() {
                break;
            }
            let found = self.search(from, &targets, certainty, count);
            limit_reached |= found.stopped_by.is_some_and(|limit| limit != crate::graph::Limit::Count);
            for route in found.routes {
                edges.extend(&route.edges);
                ways.insert(route.nodes);
            }
        }
        (edges.into_iter().collect(), limit_reached)
    }

    fn targets(&self, from: EntityId, to: Option<EntityId>) -> Vec<u32> {
        match to {
            Some(target) => vec![target.0],
            // Who is in the zone already is shown what makes it so: its own way to the scope.
            None if self.in_zone.contains(from.0) => self.scopes(),
            None => self.zone_nodes(),
        }
    }

    fn search(&self, from: EntityId, targets: &[u32], certainty: Certainty, count: usize) -> Paths {
        let hops = self.towards(targets, certainty);
        let finder = PathFinder {
            graph: &self.forward,
            hops: &hops,
            transparent: &self.transparent,
            admits: self.admits(certainty),
        };
        finder.shortest(from.0, Limits { count, ..Limits::default() })
    }

    /// Members of the zone that others live in.
    fn scopes(&self) -> Vec<u32> {
        let is_scope = |node: &u32| self.tables.entity(EntityId(*node)).kind == EntityKind::Scope;
        self.zone_nodes().into_iter().filter(is_scope).collect()
    }

    /// The steps of a stored path's edges.
    #[must_use]
    pub fn expand(&self, from: EntityId, edges: &[u32]) -> WitnessPath {
        let mut steps: Vec<WitnessStep> = Vec::new();
        let mut at = from;
        let mut through: Option<WitnessStep> = None;
        for &number in edges {
            let edge = &self.edges[number as usize];
            let mut step = through.take().unwrap_or_else(|| WitnessStep {
                from: at,
                to: at,
                technique: edge.technique.clone(),
                certainty: edge.certainty,
                reasons: edge.reasons.clone(),
                evidence: edge.evidence.clone(),
            });
            if self.transparent.contains(edge.dst) {
                through = Some(step);
                continue;
            }
            at = EntityId(edge.dst);
            step.to = at;
            steps.push(step);
        }
        WitnessPath {
            target: at,
            hops: u32::try_from(steps.len()).unwrap_or(u32::MAX),
            certainty: steps.iter().map(|step| step.certainty).max().unwrap_or(Certainty::Certain),
            steps,
        }
    }
}
