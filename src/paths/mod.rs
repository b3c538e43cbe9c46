//! The attack graph in the words of the domain: the protected zone, who reaches it and by which way, and which changes
//! would stop them.
//!
//! Arcs run in the direction of the attack: `a → b` when who controls `a` can come to control `b`. Target-set nodes
//! are transparent: passing one is no hop.

mod called;
mod choke_points;
mod clause;
mod cut;
mod exposure;
mod holding;
mod keep;
mod lever;
mod levers;
mod linked;
mod plan;
mod stated;
mod touched;
mod usage;
mod ways;
mod witness;

use crate::graph::{Condensation, Csr, Hops, NodeSet, hops_to, reach_weights};
use crate::model::{Certainty, Edge, Entity, EntityId, EntityKind, Path, Tables, TargetSet};

pub use choke_points::{Choked, Worth};
pub use cut::ZoneCut;
pub use exposure::{Exposed, Exposure};
pub use keep::Keep;
pub use lever::{Lever, changes_in_turn};
pub use linked::{Found, Hop, Linked};
pub use plan::{Ended, Isolation, Plan, Planner, Request, Step, evaluations_max};
pub use usage::{UsedLost, Uses, Window};
pub use ways::Ways;
pub use witness::{WitnessPath, WitnessStep, Witnesses};

/// Weight that stands for a criticality of 1 in sums of integers.
const UNIT: f64 = 1000.0;

/// Members of the protected zone and why each is one, sorted: the scopes that principals live in, what the export or
/// the configuration protects, and administrators by their effective permissions.
#[must_use]
pub fn zone(
    tables: &Tables,
    administrators: &[(EntityId, String)],
    configured: &[(EntityId, String)],
) -> Vec<(EntityId, String)> {
    let mut inhabited: Vec<&str> = tables
        .entities
        .iter()
        .filter(|entity| entity.is_principal())
        .filter_map(|entity| entity.scope.as_deref())
        .collect();
    inhabited.sort_unstable();
    inhabited.dedup();
    let mut zone: Vec<(EntityId, String)> = configured.to_vec();
    for entity in tables.entities.iter().filter(|entity| entity.present) {
        if entity.kind == EntityKind::Scope && inhabited.binary_search(&entity.id.as_str()).is_ok() {
            zone.push((entity.entity, "scope: control of it is control of everything in it".to_owned()));
        } else if entity.protected {
            let reason = entity.protected_reason.clone();
            zone.push((entity.entity, reason.unwrap_or_else(|| "marked as protected by the export".to_owned())));
        }
    }
    for (entity, technique) in administrators {
        zone.push((*entity, format!("administrator by effective permissions ({technique})")));
    }
    // The first reason of each member counts; the sort keeps the order in which they were found.
    zone.sort_by_key(|(entity, _)| *entity);
    zone.dedup_by_key(|(entity, _)| *entity);
    zone
}

/// Whether an attack may begin at an entity: at a principal, unless its platform keeps it to itself and nobody else
/// holds a credential of it. Such a one is a step on the way like any other.
#[must_use]
pub fn may_start(tables: &Tables, entity: &Entity) -> bool {
    entity.is_principal() && tables.attribute(entity.entity, "provider_held") != Some("true")
}

/// The attack graph ready for searches.
pub struct Landscape<'g> {
    tables: &'g Tables,
    edges: &'g [Edge],
    /// Members of the zone with their reasons, sorted.
    pub zone: Vec<(EntityId, String)>,
    forward: Csr,
    reverse: Csr,
    /// Target-set nodes.
    transparent: NodeSet,
    in_zone: NodeSet,
    /// Principals that are not in the zone.
    outside: NodeSet,
}

impl<'g> Landscape<'g> {
    /// Prepares a graph. Entities have the numbers below the target sets'. O(nodes + edges).
    #[must_use]
    pub fn new(
        tables: &'g Tables,
        edges: &'g [Edge],
        target_sets: &[TargetSet],
        zone: Vec<(EntityId, String)>,
    ) -> Self {
        let nodes = tables.entities.len() + target_sets.len();
        let forward = csr(nodes, edges, |_| true);
        let reverse = forward.reversed();
        let transparent = NodeSet::from_members(nodes, target_sets.iter().map(|set| set.node));
        let in_zone = NodeSet::from_members(nodes, zone.iter().map(|(entity, _)| entity.0));
        let principals =
            tables.entities.iter().filter(|entity| may_start(tables, entity)).map(|entity| entity.entity.0);
        let outside = NodeSet::from_members(nodes, principals.filter(|&id| !in_zone.contains(id)));
        Self { tables, edges, zone, forward, reverse, transparent, in_zone, outside }
    }

    /// The zone that a snapshot was stored with.
    #[must_use]
    pub fn stored_zone(tables: &Tables) -> Vec<(EntityId, String)> {
        let protected = tables.entities.iter().filter(|entity| entity.protected);
        protected.map(|entity| (entity.entity, entity.protected_reason.clone().unwrap_or_default())).collect()
    }

    fn admits(&self, certainty: Certainty) -> impl Fn(u32) -> bool + Copy + '_ {
        move |edge| certainty == Certainty::Conditional || self.edges[edge as usize].certainty == Certainty::Certain
    }

    /// Searches from the zone (or from some of it) backwards; `Conditional` takes every edge, `Certain` only certain
    /// ones.
    fn towards(&self, targets: &[u32], certainty: Certainty) -> Hops {
        hops_to(&self.reverse, targets, &self.transparent, self.admits(certainty))
    }

    fn zone_nodes(&self) -> Vec<u32> {
        self.zone.iter().map(|(entity, _)| entity.0).collect()
    }

    /// Fewest hops of each entity to the zone, 0 inside it.
    #[must_use]
    pub fn hops(&self, certainty: Certainty) -> Vec<Option<u32>> {
        let hops = self.towards(&self.zone_nodes(), certainty);
        (0..self.tables.entities.len()).map(|at| hops.of(u32::try_from(at).unwrap_or(u32::MAX))).collect()
    }

    /// One shortest certain path of every principal outside the zone that has one, and one shortest conditional path
    /// of those where that is shorter or the only one; sorted by principal. Administrators' own step to their scope
    /// is a path as well.
    #[must_use]
    pub fn witness_paths(&self) -> Vec<Path> {
        let targets = self.zone_nodes();
        let certain = self.towards(&targets, Certainty::Certain);
        let possible = self.towards(&targets, Certainty::Conditional);
        let mut out = Vec::new();
        for from in self.outside.iter() {
            let sure = certain.of(from);
            let maybe = possible.of(from);
            if sure.is_some() {
                out.push(self.path(from, &certain));
            }
            if maybe.is_some() && (sure.is_none() || maybe < sure) {
                out.push(self.path(from, &possible));
            }
        }
        out
    }

    fn path(&self, from: u32, hops: &Hops) -> Path {
        let steps: Vec<u32> = hops.steps(from).map(|(edge, _)| edge).collect();
        let target = hops.steps(from).last().map_or(from, |(_, node)| node);
        let weakest = steps.iter().map(|&edge| &self.edges[edge as usize]).max_by_key(|edge| edge.certainty);
        let certainty = weakest.map_or(Certainty::Certain, |edge| edge.certainty);
        Path {
            entity: EntityId(from),
            target: EntityId(target),
            hops: hops.of(from).unwrap_or(0),
            certainty,
            steps,
            weakest_reason: weakest.filter(|_| certainty == Certainty::Conditional).map(|edge| edge.reasons.join("; ")),
        }
    }

    /// For each entity, the criticality-weighted share of all other present entities that certain paths reach.
    #[must_use]
    pub fn blast_radius(&self) -> Vec<f64> {
        let mut weights = vec![0u32; self.forward.nodes()];
        for entity in self.tables.entities.iter().filter(|entity| entity.present) {
            weights[entity.entity.index()] = weight(entity.criticality);
        }
        let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        let reached = reach_weights(&Condensation::new(&self.certain_graph()), &weights);
        let share = |(reached, own): (u64, u32)| match total - u64::from(own) {
            0 => 0.0,
            others => ratio(reached, others),
        };
        reached.into_iter().zip(weights).take(self.tables.entities.len()).map(share).collect()
    }

    fn certain_graph(&self) -> Csr {
        csr(self.forward.nodes(), self.edges, |edge| edge.certainty == Certainty::Certain)
    }
}

fn csr(nodes: usize, edges: &[Edge], admit: impl Fn(&Edge) -> bool + Copy) -> Csr {
    let arcs = edges.iter().zip(0u32..).filter(move |(edge, _)| admit(edge));
    Csr::from_arcs(nodes, arcs.map(|(edge, at)| (edge.src, edge.dst, at)))
}

/// A criticality as a whole number; what is not a positive number weighs as much as an ordinary entity.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the value is clamped to the range")]
fn weight(criticality: Option<f64>) -> u32 {
    let criticality = criticality.filter(|value| value.is_finite() && *value > 0.0).unwrap_or(1.0);
    (criticality * UNIT).round().clamp(1.0, 1e9) as u32
}

/// A share of counts.
#[expect(clippy::cast_precision_loss, reason = "sums of weights stay far below 2^53")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
