//! Dominators: what every walk from a set of roots to a node must cross.
//!
//! T. Lengauer and R. E. Tarjan, *A fast algorithm for finding dominators in a flowgraph*, ACM TOPLAS 1 (1979), the
//! version with path compression alone. Its bound holds on any input, where the simpler iterative schemes (Cooper,
//! Harvey and Kennedy, *A simple, fast dominance algorithm*, 2001) are quadratic on hostile ones. Unavoidable arcs
//! are the bridges of the flow graph: G. F. Italiano, L. Laura, F. Santaroni, *Finding strong bridges and strong
//! articulation points in linear time*, 2012.
//!
//! Direction: walks lead *from* the roots along the arcs of `graph`, and `reverse` is the same graph turned round.
//! For what stands between many nodes and a *target* set, hand over the reversed graph as `graph`, the original as
//! `reverse`, and the targets as roots. A virtual root has an arc to each of the roots.
//!
//! Time: O(m log n). Memory: 12·n bytes for the answer, 36·n more on the way.

use super::{Csr, NONE, NodeSet, number};

/// The dominator tree of a graph below a virtual root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dominators {
    /// Nodes reached, parents before children. Place 0 is the virtual root, which has the number [`NONE`].
    order: Vec<u32>,
    /// Place in `order` of each node; 0 for nodes not reached.
    place: Vec<u32>,
    /// Immediate dominator of each place, as a place; the virtual root's is itself.
    parent: Vec<u32>,
}

impl Dominators {
    /// Finds the dominators of all nodes that walks from `roots` reach.
    ///
    /// # Panics
    /// When a root is not a node of the graph, or `reverse` is not of the same nodes.
    #[must_use]
    pub fn new(graph: &Csr, reverse: &Csr, roots: &NodeSet) -> Self {
        assert_eq!(graph.nodes(), reverse.nodes(), "a graph and its reverse");
        let tree = DepthFirst::new(graph, roots);
        let parent = Solver::new(&tree).solve(&tree, reverse, roots);
        Self { order: tree.order, place: tree.place, parent }
    }

    /// Whether a walk from the roots reaches this node.
    ///
    /// # Panics
    /// Here and below: when the node is not of this graph.
    #[must_use]
    pub fn reached(&self, node: u32) -> bool {
        self.place[node as usize] != 0
    }

    /// The last node before `node` that every walk from the roots to it crosses; none for a node that is not
    /// reached, is a root, or has no such node.
    #[must_use]
    pub fn immediate(&self, node: u32) -> Option<u32> {
        let above = self.parent[self.place[node as usize] as usize];
        (above != 0).then(|| self.order[above as usize])
    }

    /// All nodes that every walk from the roots to `node` crosses before it, last ones first.
    pub fn strict(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.immediate(node), |&above| self.immediate(above))
    }

    /// For every node: how many of the `counted` nodes, other than itself, all walks to which cross it. O(n).
    #[must_use]
    pub fn unavoidable_for(&self, counted: &NodeSet) -> Vec<u64> {
        let below = self.subtree_sums(counted);
        let mut sums = vec![0; self.place.len()];
        for (&node, &sum) in self.order.iter().zip(&below).skip(1) {
            sums[node as usize] = sum - u64::from(counted.contains(node));
        }
        sums
    }

    /// The arcs that all walks to some `counted` node cross, as `(edge, for how many)`, ascending by edge. Nodes
    /// that could be reached by either of two parallel arcs avoid both. O(n + m), and the sorting of the answer.
    #[must_use]
    pub fn unavoidable_edges(&self, reverse: &Csr, roots: &NodeSet, counted: &NodeSet) -> Vec<(u32, u64)> {
        let below = self.subtree_sums(counted);
        let intervals = self.intervals();
        let mut edges: Vec<(u32, u64)> = (1..self.order.len())
            .filter(|&place| below[place] > 0 && !roots.contains(self.order[place]))
            .filter_map(|place| Some((self.sole_entry(reverse, &intervals, place)?, below[place])))
            .collect();
        edges.sort_unstable();
        edges
    }

    /// The only arc that leads into the subtree of a place, if there is only one.
    fn sole_entry(&self, reverse: &Csr, intervals: &[(u32, u32)], place: usize) -> Option<u32> {
        let (first, size) = intervals[place];
        let mut entries = reverse.out_arcs(self.order[place]).filter(|&(tail, _)| {
            let tail = self.place[tail as usize] as usize;
            tail != 0 && intervals[tail].0.wrapping_sub(first) >= size
        });
        let (_, edge) = entries.next()?;
        entries.next().is_none().then_some(edge)
    }

    /// Counted nodes in the subtree of each place.
    fn subtree_sums(&self, counted: &NodeSet) -> Vec<u64> {
        let mut sums: Vec<u64> = self.order.iter().map(|&node| u64::from(counted.contains(node))).collect();
        for place in (1..self.order.len()).rev() {
            sums[self.parent[place] as usize] += sums[place];
        }
        sums
    }

    /// For each place its number in a walk over the dominator tree, and the size of its subtree, which has the
    /// numbers that follow.
    fn intervals(&self) -> Vec<(u32, u32)> {
        let mut intervals = vec![(0_u32, 1_u32); self.order.len()];
        for place in (1..self.order.len()).rev() {
            intervals[self.parent[place] as usize].1 += intervals[place].1;
        }
        let mut next = vec![1_u32; self.order.len()];
        for place in 1..self.order.len() {
            let above = self.parent[place] as usize;
            intervals[place].0 = next[above];
            next[above] += intervals[place].1;
            next[place] = intervals[place].0 + 1;
        }
        intervals
    }
}

/// Depth-first tree from the virtual root, in places of its preorder.
struct DepthFirst {
    order: Vec<u32>,
    place: Vec<u32>,
    parent: Vec<u32>,
}

impl DepthFirst {
    fn new(graph: &Csr, roots: &NodeSet) -> Self {
        let mut tree = Self { order: vec![NONE], place: vec![0; graph.nodes()], parent: vec![0] };
        let mut frames: Vec<(u32, u32)> = Vec::new();
        for root in roots.iter() {
            if tree.place[root as usize] == 0 {
                tree.add(root, 0);
                frames.push((root, graph.row_start(root)));
            }
            while let Some((node, position)) = frames.last_mut() {
                let Some(head) = graph.head_at(*node, *position) else {
                    frames.pop();
                    continue;
                };
                *position += 1;
                if tree.place[head as usize] == 0 {
                    let above = tree.place[*node as usize];
                    tree.add(head, above);
                    frames.push((head, graph.row_start(head)));
                }
            }
        }
        tree
    }

    fn add(&mut self, node: u32, parent: u32) {
        self.place[node as usize] = number(self.order.len());
        self.order.push(node);
        self.parent.push(parent);
    }
}

/// The forest of Lengauer and Tarjan. Places are linked from the last down, so a place is linked exactly when it is
/// not below `linked`.
struct Solver {
    semi: Vec<u32>,
    /// Place with the least semidominator between a place and its compressed ancestor.
    label: Vec<u32>,
    ancestor: Vec<u32>,
    /// Places whose semidominator is a given place, as linked lists.
    bucket: Vec<u32>,
    bucket_next: Vec<u32>,
    dominator: Vec<u32>,
    linked: u32,
    trail: Vec<u32>,
}

impl Solver {
    fn new(tree: &DepthFirst) -> Self {
        let places = tree.order.len();
        let own: Vec<u32> = (0..number(places)).collect();
        Self {
            semi: own.clone(),
            label: own,
            ancestor: tree.parent.clone(),
            bucket: vec![NONE; places],
            bucket_next: vec![NONE; places],
            dominator: vec![0; places],
            linked: number(places),
            trail: Vec::new(),
        }
    }

    fn solve(mut self, tree: &DepthFirst, reverse: &Csr, roots: &NodeSet) -> Vec<u32> {
        for place in (1..number(tree.order.len())).rev() {
            let node = tree.order[place as usize];
            let mut semi = if roots.contains(node) { 0 } else { place };
            for &tail in reverse.out(node) {
                // Place 0 is a node that no walk reaches.
                if let from @ 1.. = tree.place[tail as usize] {
                    semi = semi.min(self.least_semi(from).1);
                }
            }
            self.semi[place as usize] = semi;
            self.bucket_next[place as usize] = std::mem::replace(&mut self.bucket[semi as usize], place);
            self.linked = place;
            self.empty_bucket(tree.parent[place as usize]);
        }
        for place in 1..tree.order.len() {
            let dominator = self.dominator[place];
            if dominator != self.semi[place] {
                self.dominator[place] = self.dominator[dominator as usize];
            }
        }
        self.dominator
    }

    fn empty_bucket(&mut self, parent: u32) {
        let mut next = std::mem::replace(&mut self.bucket[parent as usize], NONE);
        while next != NONE {
            let (lowest, semi) = self.least_semi(next);
            self.dominator[next as usize] = if semi < self.semi[next as usize] { lowest } else { parent };
            next = self.bucket_next[next as usize];
        }
    }

    /// The place with the least semidominator on the linked way up from a place, and that semidominator.
    fn least_semi(&mut self, place: u32) -> (u32, u32) {
        if place >= self.linked {
            self.compress(place);
        }
        let label = self.label[place as usize];
        (label, self.semi[label as usize])
    }

    /// Path compression: hangs all of the linked way up from a place below its top.
    fn compress(&mut self, place: u32) {
        let mut at = place;
        while self.ancestor[at as usize] >= self.linked {
            self.trail.push(at);
            at = self.ancestor[at as usize];
        }
        while let Some(below) = self.trail.pop() {
            let above = self.ancestor[below as usize];
            let (upper, own) = (self.label[above as usize], self.label[below as usize]);
            if self.semi[upper as usize] < self.semi[own as usize] {
                self.label[below as usize] = upper;
            }
            self.ancestor[below as usize] = self.ancestor[above as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::testing::{arcs, chain, closure, csr, petgraph, set};
    use super::*;

    /// Nodes that walks from the roots reach over these arcs.
    fn reached(nodes: usize, arcs: &[(u32, u32, u32)], roots: &NodeSet) -> Vec<bool> {
        let closure = closure(nodes, arcs);
        (0..nodes).map(|node| roots.iter().any(|root| closure[root as usize][node])).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        #[test]
        fn a_dominator_is_a_node_whose_loss_cuts_off((nodes, arcs) in arcs(11, 26), roots in any::<u64>(), counted in any::<u64>()) {
            let (roots, counted) = (set(nodes, roots), set(nodes, counted));
            let graph = csr(nodes, &arcs);
            let dominators = Dominators::new(&graph, &graph.reversed(), &roots);
            let whole = reached(nodes, &arcs, &roots);
            let unavoidable = dominators.unavoidable_for(&counted);
            for lost in 0..number(nodes) {
                let rest: Vec<_> = arcs.iter().copied().filter(|arc| arc.0 != lost && arc.1 != lost).collect();
                let mut rest_roots = roots.clone();
                rest_roots.remove(lost);
                let left = reached(nodes, &rest, &rest_roots);
                let cut: Vec<u32> = (0..number(nodes))
                    .filter(|&node| node != lost && whole[node as usize] && !left[node as usize])
                    .collect();
                for node in 0..number(nodes) {
                    prop_assert_eq!(dominators.strict(node).any(|above| above == lost), cut.contains(&node));
                }
                let expected = cut.iter().filter(|&&node| counted.contains(node)).count() as u64;
                prop_assert_eq!(unavoidable[lost as usize], expected);
                prop_assert_eq!(dominators.reached(lost), whole[lost as usize]);
            }
        }

        #[test]
        fn an_unavoidable_edge_is_one_whose_loss_cuts_off((nodes, arcs) in arcs(11, 22), roots in any::<u64>(), counted in any::<u64>()) {
            // Few roots, so that much hangs on single arcs.
            let (roots, counted) = (set(nodes, roots & roots >> 7 & 0b1_0010_0101), set(nodes, counted));
            let graph = csr(nodes, &arcs);
            let reverse = graph.reversed();
            let dominators = Dominators::new(&graph, &reverse, &roots);
            let whole = reached(nodes, &arcs, &roots);
            let mut expected = BTreeMap::new();
            for lost in &arcs {
                let rest: Vec<_> = arcs.iter().copied().filter(|arc| arc != lost).collect();
                let left = reached(nodes, &rest, &roots);
                let cut = counted.iter().filter(|&node| whole[node as usize] && !left[node as usize]).count() as u64;
                if cut > 0 {
                    expected.insert(lost.2, cut);
                }
            }
            let found = dominators.unavoidable_edges(&reverse, &roots, &counted);
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn agrees_with_petgraph_below_one_root((nodes, arcs) in arcs(30, 90)) {
            let graph = csr(nodes, &arcs);
            let dominators = Dominators::new(&graph, &graph.reversed(), &NodeSet::from_members(nodes, [0]));
            let oracle = petgraph::algo::dominators::simple_fast(&petgraph(nodes, &arcs), 0.into());
            for node in 0..number(nodes) {
                let expected = oracle.immediate_dominator(node.into()).map(|above| number(above.index()));
                prop_assert_eq!(dominators.immediate(node), expected);
            }
        }
    }

    #[test]
    fn a_chain_of_a_million_nodes_is_solved_without_recursion() {
        let nodes = 1_000_000;
        let graph = chain(nodes);
        let reverse = graph.reversed();
        let roots = NodeSet::from_members(nodes as usize, [0]);
        let dominators = Dominators::new(&graph, &reverse, &roots);
        assert_eq!(dominators.immediate(nodes - 1), Some(nodes - 2));
        let counted = NodeSet::from_members(nodes as usize, [5, nodes - 1]);
        let unavoidable = dominators.unavoidable_for(&counted);
        assert_eq!((unavoidable[0], unavoidable[5], unavoidable[nodes as usize - 1]), (2, 1, 0));
        assert_eq!(dominators.unavoidable_edges(&reverse, &roots, &counted).len(), 999_999);
    }
}
