//! What is cut off from some targets when edges are taken away: exact recounts that look at the affected part only.
//!
//! Direction: walks lead along the arcs of `graph` *to* the targets; `reverse` is the same graph turned round.
//!
//! A breadth-first tree towards the targets is built once. When a bundle of edges goes, only the nodes whose way in
//! the tree uses one of them can be cut off; those of them that have another arc to a node with a way left are
//! hung up there, and so are those upstream of them (decremental reachability by a spanning forest: Y. Shiloach and
//! S. Even, *An on-line edge-deletion problem*, J. ACM 28 (1981)). Bundles may have any edges in common.
//!
//! Time: O(n + m) to prepare; for each bundle O(edges of the bundle, and arcs of the nodes whose way used them).
//! Memory: 20·n + 8·(edge numbers) bytes beside the graphs.

use super::{Csr, NONE, NodeSet};

/// The ways of all nodes to the targets, ready for recounts.
#[derive(Debug, Clone)]
pub struct Losses<'g> {
    graph: &'g Csr,
    reverse: &'g Csr,
    reached: NodeSet,
    /// By edge number: the node whose way begins with that edge, if any does.
    first_of: Vec<u32>,
    /// Arcs of the tree turned round: from each node to those whose way goes on there.
    behind: Csr,
    /// Last round in which each edge was taken away, and in which each node had lost its way.
    gone: Vec<u32>,
    lost: Vec<u32>,
    round: u32,
    visited: u64,
}

impl<'g> Losses<'g> {
    /// Prepares recounts for walks to `targets`. Edge numbers are below `edges_n`.
    ///
    /// # Panics
    /// When an edge number is not below `edges_n`, or the two graphs are not of the same nodes.
    #[must_use]
    pub fn new(graph: &'g Csr, reverse: &'g Csr, targets: &NodeSet, edges_n: usize) -> Self {
        assert_eq!(graph.nodes(), reverse.nodes(), "a graph and its reverse");
        let mut reached = targets.clone();
        let mut first_of = vec![NONE; edges_n];
        let mut tree: Vec<(u32, u32, u32)> = Vec::new();
        let mut queue: Vec<u32> = targets.iter().collect();
        let mut at = 0;
        while let Some(&node) = queue.get(at) {
            at += 1;
            for (tail, edge) in reverse.out_arcs(node) {
                if reached.insert(tail) {
                    first_of[edge as usize] = tail;
                    tree.push((node, tail, edge));
                    queue.push(tail);
                }
            }
        }
        let behind = Csr::from_arcs(graph.nodes(), tree.into_iter());
        let (gone, lost) = (vec![0; edges_n], vec![0; graph.nodes()]);
        Self { graph, reverse, reached, first_of, behind, gone, lost, round: 0, visited: 0 }
    }

    /// The nodes with a way, the targets among them.
    #[must_use]
    pub const fn reached(&self) -> &NodeSet {
        &self.reached
    }

    /// Nodes looked at so far: what the recounts have cost.
    #[must_use]
    pub const fn visited(&self) -> u64 {
        self.visited
    }

    /// The nodes that have no way to a target left once all edges of a bundle are gone, ascending. The next call
    /// starts from the whole graph again.
    ///
    /// # Panics
    /// When an edge number is not below the number of edges.
    pub fn without(&mut self, bundle: &[u32]) -> Vec<u32> {
        self.round += 1;
        let round = self.round;
        let mut open: Vec<u32> = Vec::new();
        for &edge in bundle {
            self.gone[edge as usize] = round;
            let first = self.first_of[edge as usize];
            if first != NONE && self.lost[first as usize] != round {
                self.lost[first as usize] = round;
                open.push(first);
            }
        }
        let mut at = 0;
        while let Some(&node) = open.get(at) {
            at += 1;
            for &tail in self.behind.out(node) {
                if self.lost[tail as usize] != round {
                    self.lost[tail as usize] = round;
                    open.push(tail);
                }
            }
        }
        self.visited += open.len() as u64;
        self.hang_up(&open);
        open.retain(|&node| self.lost[node as usize] == round);
        open.sort_unstable();
        open
    }

    /// Finds another way for those of the lost nodes that have one.
    fn hang_up(&mut self, open: &[u32]) {
        let round = self.round;
        let mut found: Vec<u32> = Vec::new();
        for &node in open {
            let has_way = |(head, edge): (u32, u32)| {
                self.gone[edge as usize] != round && self.reached.contains(head) && self.lost[head as usize] != round
            };
            if self.lost[node as usize] == round && self.graph.out_arcs(node).any(has_way) {
                self.lost[node as usize] = 0;
                found.push(node);
                while let Some(node) = found.pop() {
                    for (tail, edge) in self.reverse.out_arcs(node) {
                        if self.lost[tail as usize] == round && self.gone[edge as usize] != round {
                            self.lost[tail as usize] = 0;
                            found.push(tail);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{arcs, chain, closure, csr, set};
    use super::super::{Dominators, number};
    use super::*;

    /// Nodes from which a walk leads to a target.
    fn upstream(nodes: usize, arcs: &[(u32, u32, u32)], targets: &NodeSet) -> Vec<u32> {
        let closure = closure(nodes, arcs);
        let leads = |node: &u32| targets.iter().any(|target| closure[*node as usize][target as usize]);
        (0..number(nodes)).filter(leads).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        #[test]
        fn what_is_lost_is_what_a_new_search_does_not_find(
            (nodes, arcs) in arcs(12, 26),
            targets in any::<u64>(),
            bundles in prop::collection::vec(any::<u64>(), 1..5),
        ) {
            let targets = set(nodes, targets & targets >> 5 & targets >> 9);
            let graph = csr(nodes, &arcs);
            let reverse = graph.reversed();
            let mut losses = Losses::new(&graph, &reverse, &targets, arcs.len());
            let whole = upstream(nodes, &arcs, &targets);
            prop_assert_eq!(losses.reached().iter().collect::<Vec<_>>(), whole.clone());
            for bits in bundles {
                let (gone, rest): (Vec<_>, Vec<_>) = arcs.iter().partition(|arc| bits >> arc.2 & 1 == 1);
                let left = upstream(nodes, &rest, &targets);
                let expected: Vec<u32> = whole.iter().copied().filter(|node| !left.contains(node)).collect();
                let bundle: Vec<u32> = gone.iter().map(|arc| arc.2).collect();
                prop_assert_eq!(losses.without(&bundle), expected);
            }
        }

        #[test]
        fn a_bundle_of_one_edge_cuts_off_what_that_edge_is_unavoidable_for(
            (nodes, arcs) in arcs(12, 24), targets in any::<u64>(), counted in any::<u64>(),
        ) {
            let (targets, counted) = (set(nodes, targets & targets >> 5), set(nodes, counted));
            let graph = csr(nodes, &arcs);
            let reverse = graph.reversed();
            let mut losses = Losses::new(&graph, &reverse, &targets, arcs.len());
            let tree = Dominators::new(&reverse, &graph, &targets);
            let unavoidable = tree.unavoidable_edges(&graph, &targets, &counted);
            let recounted = |edge: u32| losses.without(&[edge]).into_iter().filter(|&node| counted.contains(node)).count();
            let recounted: Vec<(u32, u64)> =
                (0..number(arcs.len())).map(recounted).zip(0..).filter(|&(lost, _)| lost > 0)
                    .map(|(lost, edge)| (edge, lost as u64)).collect();
            prop_assert_eq!(unavoidable, recounted);
        }
    }

    #[test]
    fn a_chain_of_a_million_nodes_loses_what_is_upstream() {
        let nodes = 1_000_000;
        let graph = chain(nodes);
        let reverse = graph.reversed();
        let end = NodeSet::from_members(nodes as usize, [nodes - 1]);
        let mut losses = Losses::new(&graph, &reverse, &end, nodes as usize);
        assert_eq!(losses.without(&[700_000]).len(), 700_001);
        assert_eq!(losses.without(&[3]).len(), 4);
        assert_eq!(losses.visited(), 700_005);
    }
}
