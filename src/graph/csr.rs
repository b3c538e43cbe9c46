//! Compressed sparse rows: a directed multigraph in three flat arrays.
//!
//! Direction: an arc `src → dst` lies in the row of `src`. Arcs of a row are sorted by destination, then by edge
//! number, whatever order they came in. The edge number is the caller's: it leads back to what made the arc, and
//! a graph and its reverse carry the same ones.
//!
//! Built by two counting sorts (least significant key first: D. E. Knuth, *The Art of Computer Programming*, vol. 3,
//! 5.2 and 5.2.5), in O(n + m) and without an allocation per arc or per node. Arcs that come sorted are copied.
//!
//! Memory: 4·(n + 1) + 8·m bytes, and while building once more 8·n + 8·m. Destinations and edge numbers lie apart,
//! because most sweeps never look at the edge.

use std::ops::Range;

use super::{NONE, number};

/// A directed multigraph over the nodes `0..nodes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csr {
    /// Row of node `v`: positions `starts[v]..starts[v + 1]` of the other two.
    starts: Vec<u32>,
    heads: Vec<u32>,
    edges: Vec<u32>,
}

impl Csr {
    /// The graph of these arcs, each `(src, dst, edge)`, in any order; parallel arcs and loops stay. O(n + m). The
    /// iterator is walked several times.
    ///
    /// # Panics
    /// When an arc names a node that is not below `nodes`, or when there are 2³² − 1 or more nodes or arcs.
    #[must_use]
    pub fn from_arcs<I>(nodes: usize, arcs: I) -> Self
    where
        I: Iterator<Item = (u32, u32, u32)> + Clone,
    {
        if arcs.clone().is_sorted() {
            return Self::scatter(nodes, arcs);
        }
        let by_destination = Self::scatter(nodes, arcs.map(|(src, dst, edge)| (dst, src, edge)));
        let mut graph = by_destination.reversed();
        graph.sort_parallel_arcs();
        graph
    }

    /// The graph whose rows are filled already: `ends[v]` is where the row of `v` stops, each row sorted.
    pub(super) fn from_rows(ends: &[u32], arcs: &[(u32, u32)]) -> Self {
        let starts = std::iter::once(0).chain(ends.iter().copied()).collect();
        Self {
            starts,
            heads: arcs.iter().map(|&(head, _)| head).collect(),
            edges: arcs.iter().map(|&(_, edge)| edge).collect(),
        }
    }

    /// Stable counting sort by the first part of each arc.
    fn scatter(nodes: usize, arcs: impl Iterator<Item = (u32, u32, u32)> + Clone) -> Self {
        assert!(nodes < NONE as usize, "a graph of {nodes} nodes");
        let mut starts = vec![0_u32; nodes + 1];
        let mut arcs_n = 0_usize;
        arcs.clone().for_each(|(src, dst, _)| {
            starts[src as usize + 1] += 1;
            arcs_n += 1;
            assert!((dst as usize) < nodes, "an arc at node {dst}, of {nodes}");
            assert!(arcs_n < NONE as usize, "a graph of 2^32 - 1 arcs or more");
        });
        let mut before = 0;
        for start in &mut starts {
            before += *start;
            *start = before;
        }
        let mut next = starts[..nodes].to_vec();
        let (mut heads, mut edges) = (vec![0; arcs_n], vec![0; arcs_n]);
        arcs.for_each(|(src, dst, edge)| {
            let at = &mut next[src as usize];
            heads[*at as usize] = dst;
            edges[*at as usize] = edge;
            *at += 1;
        });
        Self { starts, heads, edges }
    }

    /// Sorts the edge numbers of arcs that have both ends in common.
    fn sort_parallel_arcs(&mut self) {
        for node in 0..self.nodes() {
            let row = self.starts[node] as usize..self.starts[node + 1] as usize;
            let mut rest = &mut self.edges[row.clone()];
            for bundle in self.heads[row].chunk_by(|a, b| a == b) {
                let (edges, after) = rest.split_at_mut(bundle.len());
                if !edges.is_sorted() {
                    edges.sort_unstable();
                }
                rest = after;
            }
        }
    }

    /// Number of nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of arcs.
    #[must_use]
    pub fn arcs(&self) -> usize {
        self.heads.len()
    }

    /// Destinations of the arcs that leave a node, ascending, as often as there are arcs.
    ///
    /// # Panics
    /// Here and below: when the node is not of this graph.
    #[must_use]
    pub fn out(&self, node: u32) -> &[u32] {
        &self.heads[self.row(node)]
    }

    /// Edge numbers of the arcs that leave a node, in the order of [`out`](Self::out).
    #[must_use]
    pub fn out_edges(&self, node: u32) -> &[u32] {
        &self.edges[self.row(node)]
    }

    /// The arcs that leave a node as `(dst, edge)`, ascending.
    pub fn out_arcs(&self, node: u32) -> impl Iterator<Item = (u32, u32)> + Clone + '_ {
        self.out(node).iter().copied().zip(self.out_edges(node).iter().copied())
    }

    /// All arcs as `(src, dst, edge)`, ascending.
    pub fn iter_arcs(&self) -> impl Iterator<Item = (u32, u32, u32)> + Clone + '_ {
        (0..number(self.nodes())).flat_map(|src| self.out_arcs(src).map(move |(dst, edge)| (src, dst, edge)))
    }

    /// The graph with every arc turned round, edge numbers kept. O(n + m).
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self::scatter(self.nodes(), self.iter_arcs().map(|(src, dst, edge)| (dst, src, edge)))
    }

    fn row(&self, node: u32) -> Range<usize> {
        self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize
    }

    /// Position of a node's first arc, for walks that stop in the middle of a row.
    pub(super) fn row_start(&self, node: u32) -> u32 {
        self.starts[node as usize]
    }

    /// Destination of the arc at a position if that is still in the row of `node`.
    pub(super) fn head_at(&self, node: u32, position: u32) -> Option<u32> {
        (position < self.starts[node as usize + 1]).then(|| self.heads[position as usize])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{arcs, csr};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn rows_are_the_sorted_arcs((nodes, arcs) in arcs(12, 40), numbering in any::<u32>()) {
            // Edge numbers in no order at all, and repeated.
            let arcs: Vec<_> = arcs.iter().map(|&(s, d, e)| (s, d, e.wrapping_mul(numbering | 1) % 16)).collect();
            let graph = csr(nodes, &arcs);
            let mut sorted = arcs.clone();
            sorted.sort_unstable();
            prop_assert_eq!(graph.iter_arcs().collect::<Vec<_>>(), sorted.clone());
            prop_assert_eq!(&csr(nodes, &sorted), &graph);
            prop_assert_eq!(graph.nodes(), nodes);
            prop_assert_eq!(graph.arcs(), arcs.len());
            for node in 0..number(nodes) {
                let row: Vec<_> = sorted.iter().filter(|arc| arc.0 == node).collect();
                prop_assert_eq!(graph.out(node), row.iter().map(|arc| arc.1).collect::<Vec<_>>());
                prop_assert_eq!(graph.out_edges(node), row.iter().map(|arc| arc.2).collect::<Vec<_>>());
            }
            let mut turned: Vec<_> = sorted.iter().map(|&(s, d, e)| (d, s, e)).collect();
            turned.sort_unstable();
            prop_assert_eq!(graph.reversed().iter_arcs().collect::<Vec<_>>(), turned);
            prop_assert_eq!(graph.reversed().reversed(), graph);
        }
    }

    #[test]
    fn a_graph_may_be_empty() {
        let graph = csr(0, &[]);
        assert_eq!((graph.nodes(), graph.arcs()), (0, 0));
        assert_eq!(graph.reversed(), graph);
    }

    #[test]
    #[should_panic(expected = "an arc at node 2, of 2")]
    fn a_destination_outside_is_refused() {
        let _ = csr(2, &[(0, 2, 0)]);
    }

    #[test]
    #[should_panic(expected = "an arc at node 2, of 2")]
    fn a_source_outside_is_refused() {
        let _ = csr(2, &[(2, 0, 0), (1, 1, 0)]);
    }
}
