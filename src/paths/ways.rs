//! Ways from anywhere to chosen entities: a search of a rule's own on the attack graph.

use super::Landscape;
use crate::graph::{Hops, hops_to};
use crate::model::{Certainty, EntityId};

/// The fewest steps from every entity to the nearest of some targets.
pub struct Ways(Hops);

impl Ways {
    /// Steps from an entity to the nearest target, 0 for a target, target sets not counted. `None` without a way.
    #[must_use]
    pub fn hops(&self, from: EntityId) -> Option<u32> {
        self.0.of(from.0)
    }

    /// Rows of the edges table on the way, in order; none from a target or without a way.
    #[must_use]
    pub fn steps(&self, from: EntityId) -> Vec<u32> {
        self.0.steps(from.0).map(|(edge, _)| edge).collect()
    }

    /// The target that the way leads to; the entity itself when it is one. `None` without a way.
    #[must_use]
    pub fn target(&self, from: EntityId) -> Option<EntityId> {
        self.hops(from)?;
        Some(EntityId(self.0.steps(from.0).last().map_or(from.0, |(_, node)| node)))
    }
}

impl Landscape<'_> {
    /// Searches backwards from targets. [`Certainty::Certain`] takes certain edges only, [`Certainty::Conditional`]
    /// all. With `around_zone` no way enters or leaves a member of the protected zone: who is in it can do everything
    /// in its scope anyway, and the way into it is another matter. O(nodes + edges).
    #[must_use]
    pub fn ways(&self, targets: &[EntityId], certainty: Certainty, around_zone: bool) -> Ways {
        let nodes: Vec<u32> = targets.iter().map(|target| target.0).collect();
        let admits = self.admits(certainty);
        let inside = |edge: u32| {
            let row = &self.edges[edge as usize];
            self.in_zone.contains(row.src) || self.in_zone.contains(row.dst)
        };
        Ways(hops_to(&self.reverse, &nodes, &self.transparent, |edge| admits(edge) && !(around_zone && inside(edge))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Edge, Entity, EntityKind, Tables};

    fn edge(src: u32, dst: u32, certainty: Certainty) -> Edge {
        Edge { src, dst, technique: "t".to_owned(), certainty, reasons: vec![], evidence: vec![] }
    }

    #[test]
    fn ways_keep_to_what_is_certain_and_around_the_zone() {
        let entity = |number: u32| Entity {
            entity: EntityId(number),
            present: true,
            ..Entity::named(&number.to_string(), "aws", EntityKind::Role, "r")
        };
        let tables = Tables { entities: (0..5).map(entity).collect(), ..Tables::default() };
        // 0 -> 1 -> 2, and 3 -> 4 (zone) -> 2.
        let edges = [
            edge(0, 1, Certainty::Conditional),
            edge(1, 2, Certainty::Certain),
            edge(3, 4, Certainty::Certain),
            edge(4, 2, Certainty::Certain),
        ];
        let land = Landscape::new(&tables, &edges, &[], vec![(EntityId(4), "z".to_owned())]);
        let sure = land.ways(&[EntityId(2)], Certainty::Certain, false);
        assert_eq!([0, 1, 2, 3].map(|at| sure.hops(EntityId(at))), [None, Some(1), Some(0), Some(2)]);
        assert_eq!((sure.steps(EntityId(3)), sure.target(EntityId(3))), (vec![2, 3], Some(EntityId(2))));
        let maybe = land.ways(&[EntityId(2)], Certainty::Conditional, true);
        assert_eq!([0, 3, 4].map(|at| maybe.hops(EntityId(at))), [Some(2), None, None]);
        assert_eq!((maybe.target(EntityId(2)), maybe.target(EntityId(3))), (Some(EntityId(2)), None));
    }
}
