//! The attack graph with links that no technique makes, searched past gates.
//!
//! A link leads from a node to a node: entities keep their numbers, and what is no entity (a queue that stands only in a
//! table) is a node of its own. Links are steps like edges; what they mean, and which steps are gated, is the caller's.

use std::borrow::Cow;

use super::Landscape;
use crate::graph::{Csr, NodeSet, Passage, passage};
use crate::model::{Edge, EntityId};

/// A step of a linked graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hop {
    /// Row of the edges table.
    Edge(u32),
    /// Place in the list of links.
    Link(u32),
}

/// What a search for a way past every gate came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A shortest way that crosses no gate; without a step where the start is a target.
    Open(Vec<Hop>),
    /// Every way crosses one of these gated steps, and none of them can be left out.
    Gated(Vec<Hop>),
    /// There is no way.
    Nowhere,
}

/// The attack graph with links.
pub struct Linked<'l, 'g> {
    land: &'l Landscape<'g>,
    graph: Cow<'l, Csr>,
    transparent: Cow<'l, NodeSet>,
    links: Vec<(u32, u32)>,
}

impl<'g> Landscape<'g> {
    /// Rows of the edges table, in order.
    #[must_use]
    pub const fn edges(&self) -> &'g [Edge] {
        self.edges
    }

    /// Number of the first node that [`linked`](Self::linked) adds.
    #[must_use]
    pub fn next_node(&self) -> u32 {
        u32::try_from(self.forward.nodes()).unwrap_or(u32::MAX)
    }

    /// Adds nodes, and links as pairs of nodes. O(nodes + edges) where there is any, else nothing is copied.
    ///
    /// # Panics
    /// When a link names a node that is neither in the graph nor among those that are added.
    #[must_use]
    pub fn linked<'l>(&'l self, nodes_more: usize, links: Vec<(u32, u32)>) -> Linked<'l, 'g> {
        if nodes_more == 0 && links.is_empty() {
            let (graph, transparent) = (Cow::Borrowed(&self.forward), Cow::Borrowed(&self.transparent));
            return Linked { land: self, graph, transparent, links };
        }
        let nodes = self.forward.nodes() + nodes_more;
        let edges = self.edges.iter().map(|edge| (edge.src, edge.dst));
        let graph =
            Csr::from_arcs(nodes, edges.chain(links.iter().copied()).zip(0u32..).map(|((a, b), at)| (a, b, at)));
        let transparent = NodeSet::from_members(nodes, self.transparent.iter());
        Linked { land: self, graph: Cow::Owned(graph), transparent: Cow::Owned(transparent), links }
    }
}

impl Linked<'_, '_> {
    fn hop(&self, number: u32) -> Hop {
        let edges = u32::try_from(self.land.edges.len()).unwrap_or(u32::MAX);
        number.checked_sub(edges).map_or(Hop::Edge(number), Hop::Link)
    }

    /// The row of the edges table that a step is; `None` for a link.
    #[must_use]
    pub fn edge(&self, hop: Hop) -> Option<&Edge> {
        match hop {
            Hop::Edge(row) => self.land.edges.get(row as usize),
            Hop::Link(_) => None,
        }
    }

    /// The nodes that a step leaves and enters.
    ///
    /// # Panics
    /// When the step is none of this graph.
    #[must_use]
    pub fn ends(&self, hop: Hop) -> (u32, u32) {
        match hop {
            Hop::Edge(row) => (self.land.edges[row as usize].src, self.land.edges[row as usize].dst),
            Hop::Link(at) => self.links[at as usize],
        }
    }

    /// Looks for a way from an entity to any of some others over steps that `admits` lets pass, past those that are
    /// `gated`. O(nodes + edges).
    #[must_use]
    pub fn search(
        &self,
        from: EntityId,
        targets: impl IntoIterator<Item = EntityId>,
        admits: impl Fn(Hop) -> bool,
        gated: impl Fn(Hop) -> bool,
    ) -> Found {
        let targets = NodeSet::from_members(self.graph.nodes(), targets.into_iter().map(|entity| entity.0));
        let admits = |number: u32| admits(self.hop(number));
        let gated = |number: u32| gated(self.hop(number));
        let hops = |numbers: Vec<u32>| numbers.into_iter().map(|number| self.hop(number)).collect();
        match passage(&self.graph, from.0, &targets, &self.transparent, admits, gated) {
            Passage::Open(edges) => Found::Open(hops(edges)),
            Passage::Gated(edges) => Found::Gated(hops(edges)),
            Passage::Nowhere => Found::Nowhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Certainty, Entity, EntityKind, Tables};

    #[test]
    fn links_and_their_nodes_are_steps_like_edges() {
        let named =
            |at: u32| Entity { entity: EntityId(at), ..Entity::named(&format!("e{at}"), "p", EntityKind::User, "") };
        let tables = Tables { entities: (0..4).map(named).collect(), ..Tables::default() };
        let edge = |src, dst| Edge {
            src,
            dst,
            technique: "t".to_owned(),
            certainty: Certainty::Certain,
            reasons: vec![],
            evidence: vec![],
        };
        let edges = [edge(0, 1), edge(2, 3)];
        let land = Landscape::new(&tables, &edges, &[], vec![]);
        let search = |linked: &Linked<'_, '_>, gated: &[Hop]| {
            linked.search(EntityId(0), [EntityId(3)], |_| true, |hop| gated.contains(&hop))
        };
        assert_eq!(search(&land.linked(0, vec![]), &[]), Found::Nowhere);
        let queue = land.next_node();
        assert_eq!(queue, 4);
        let linked = land.linked(1, vec![(1, queue), (queue, 2)]);
        let way = vec![Hop::Edge(0), Hop::Link(0), Hop::Link(1), Hop::Edge(1)];
        assert_eq!(search(&linked, &[]), Found::Open(way));
        assert_eq!(search(&linked, &[Hop::Link(1)]), Found::Gated(vec![Hop::Link(1)]));
        assert_eq!((linked.ends(Hop::Link(0)), linked.ends(Hop::Edge(1))), ((1, 4), (2, 3)));
        assert!(linked.edge(Hop::Link(0)).is_none() && linked.edge(Hop::Edge(0)).is_some());
    }
}
