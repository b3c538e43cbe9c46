//! Walks past gates: a shortest walk to some targets that crosses no gated edge, or the proof that there is none.
//!
//! Direction: walks go with the arcs. An edge is *gated* when the caller says so, and one that is not admitted is not
//! there at all.
//!
//! The proof is a set of gated edges that every walk from the source to a target crosses, and of which none can be left
//! out. Let R be what the source reaches past no gate. When no target is in R, every walk to one leaves R by a gated
//! edge: those from R to elsewhere are the *frontier*. A walk's last edge of the frontier leads to a node from which a
//! target is reached without another one, so that the edges of the frontier that lead to such nodes are crossed by every
//! walk; and each of them lies on a walk that crosses no other. The set is therefore minimal by inclusion (not the
//! smallest by number: that is [`minimum_cut`](super::minimum_cut())).
//!
//! Whoever doubts it needs no more than a search: without the edges of the set, the targets are out of reach.
//!
//! Time: O(n + m), three searches at most. Memory: two [`Hops`](super::Hops) and two bits a node.

use super::{Csr, NONE, NodeSet, hops_from, number};

/// What a search past gates came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passage {
    /// A shortest walk that crosses no gate, as edge numbers; empty where the source is a target.
    Open(Vec<u32>),
    /// Every walk crosses one of these edges, all of them gated; none can be left out. Ascending.
    Gated(Vec<u32>),
    /// There is no walk.
    Nowhere,
}

/// Searches from `from` for any of `targets`. Entering a `transparent` node is no hop; of walks of equal length the
/// one to the lowest target counts.
///
/// # Panics
/// When the source or a target is not a node of the graph.
#[must_use]
pub fn passage(
    graph: &Csr,
    from: u32,
    targets: &NodeSet,
    transparent: &NodeSet,
    admits: impl Fn(u32) -> bool,
    gated: impl Fn(u32) -> bool,
) -> Passage {
    let free = hops_from(graph, &[from], transparent, |edge| admits(edge) && !gated(edge));
    let nearest = targets.iter().filter_map(|node| Some((free.of(node)?, node))).min();
    if let Some((_, target)) = nearest {
        let mut edges: Vec<u32> = free.steps(target).map(|(edge, _)| edge).collect();
        edges.reverse();
        return Passage::Open(edges);
    }
    let inside = |node: u32| free.distance[node as usize] != NONE;
    let leaves = |src: u32, dst: u32, edge: u32| admits(edge) && gated(edge) && inside(src) && !inside(dst);
    let frontier: Vec<(u32, u32)> = (0..number(graph.nodes()))
        .filter(|&src| inside(src))
        .flat_map(|src| graph.out_arcs(src).map(move |(dst, edge)| (src, dst, edge)))
        .filter(|&(src, dst, edge)| leaves(src, dst, edge))
        .map(|(_, dst, edge)| (dst, edge))
        .collect();
    let onward = onward(graph, &frontier, targets, |src, dst, edge| admits(edge) && !leaves(src, dst, edge));
    let mut cut: Vec<u32> =
        frontier.into_iter().filter(|&(dst, _)| onward.contains(dst)).map(|(_, edge)| edge).collect();
    cut.sort_unstable();
    cut.dedup();
    if cut.is_empty() { Passage::Nowhere } else { Passage::Gated(cut) }
}

/// Of the nodes that the frontier leads to, and of all that they reach over kept arcs, those that reach a target in turn.
fn onward(graph: &Csr, frontier: &[(u32, u32)], targets: &NodeSet, keeps: impl Fn(u32, u32, u32) -> bool) -> NodeSet {
    let mut seen = NodeSet::new(graph.nodes());
    let mut open: Vec<u32> = frontier.iter().map(|&(dst, _)| dst).filter(|&dst| seen.insert(dst)).collect();
    let mut arcs: Vec<(u32, u32)> = Vec::new();
    while let Some(src) = open.pop() {
        for (dst, _) in graph.out_arcs(src).filter(|&(dst, edge)| keeps(src, dst, edge)) {
            arcs.push((dst, src));
            if seen.insert(dst) {
                open.push(dst);
            }
        }
    }
    // The same part of the graph, backwards from its targets.
    arcs.sort_unstable();
    let mut reaches = NodeSet::new(graph.nodes());
    open.extend(targets.iter().filter(|&node| seen.contains(node) && reaches.insert(node)));
    while let Some(dst) = open.pop() {
        let start = arcs.partition_point(|arc| arc.0 < dst);
        for &(_, src) in arcs[start..].iter().take_while(|arc| arc.0 == dst) {
            if reaches.insert(src) {
                open.push(src);
            }
        }
    }
    reaches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{arcs, closure, csr, set};
    use super::*;

    /// Whether a walk of these arcs leads from a node to a target (Warshall, which knows nothing of the search above).
    fn connected(nodes: usize, arcs: &[(u32, u32, u32)], from: u32, targets: &NodeSet) -> bool {
        let closure = closure(nodes, arcs);
        targets.iter().any(|target| closure[from as usize][target as usize])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]
        #[test]
        fn either_a_real_walk_past_no_gate_or_edges_that_separate_and_none_to_spare(
            (nodes, arcs) in arcs(9, 24),
            gates in any::<u32>(),
            missing in any::<u32>(),
            ends in any::<u64>(),
            glass in any::<u64>(),
            from in any::<u32>(),
        ) {
            let from = from % number(nodes);
            let (targets, transparent) = (set(nodes, ends & ends >> 32), set(nodes, glass & glass >> 16));
            let (gated, admits) = (|edge: u32| gates >> (edge % 32) & 1 == 1, |edge: u32| missing >> (edge % 32) & 3 != 3);
            let found = passage(&csr(nodes, &arcs), from, &targets, &transparent, admits, gated);
            let there: Vec<_> = arcs.iter().copied().filter(|arc| admits(arc.2)).collect();
            let free: Vec<_> = there.iter().copied().filter(|arc| !gated(arc.2)).collect();
            match found {
                Passage::Open(edges) => {
                    let mut at = from;
                    for edge in edges {
                        let arc = free.iter().find(|arc| arc.2 == edge);
                        let arc = arc.ok_or_else(|| TestCaseError::fail(format!("edge {edge} is no free edge")))?;
                        prop_assert_eq!(arc.0, at, "the walk hangs together");
                        at = arc.1;
                    }
                    prop_assert!(targets.contains(at), "the walk ends at a target");
                }
                Passage::Gated(cut) => {
                    prop_assert!(!connected(nodes, &free, from, &targets));
                    let without = |left: &[u32]| -> Vec<_> {
                        there.iter().copied().filter(|arc| !left.contains(&arc.2)).collect()
                    };
                    prop_assert!(cut.iter().all(|&edge| gated(edge) && admits(edge)));
                    prop_assert!(!connected(nodes, &without(&cut), from, &targets), "the edges separate");
                    for at in 0..cut.len() {
                        let mut others = cut.clone();
                        let edge = others.remove(at);
                        prop_assert!(connected(nodes, &without(&others), from, &targets), "edge {} is needed", edge);
                    }
                }
                Passage::Nowhere => prop_assert!(!connected(nodes, &there, from, &targets)),
            }
        }

        #[test]
        fn an_open_walk_is_a_shortest_one((nodes, arcs) in arcs(9, 24), gates in any::<u32>(), ends in any::<u64>()) {
            let (targets, none) = (set(nodes, ends & ends >> 32), NodeSet::new(nodes));
            let gated = |edge: u32| gates >> (edge % 32) & 1 == 1;
            if let Passage::Open(edges) = passage(&csr(nodes, &arcs), 0, &targets, &none, |_| true, gated) {
                let mut layer = NodeSet::from_members(nodes, [0]);
                let mut hops = 0;
                while !targets.iter().any(|target| layer.contains(target)) {
                    let next: Vec<u32> =
                        arcs.iter().filter(|arc| !gated(arc.2) && layer.contains(arc.0)).map(|arc| arc.1).collect();
                    for node in next {
                        layer.insert(node);
                    }
                    hops += 1;
                }
                prop_assert_eq!(edges.len(), hops);
            }
        }
    }

    #[test]
    fn a_gate_behind_another_is_left_out_and_one_that_leads_nowhere_too() {
        // 0 →g0 1 →g1 2 (target); 0 →g2 3 (a dead end); 0 →g3 2.
        let graph = csr(4, &[(0, 1, 0), (1, 2, 1), (0, 3, 2), (0, 2, 3)]);
        let (targets, none) = (NodeSet::from_members(4, [2]), NodeSet::new(4));
        let found = passage(&graph, 0, &targets, &none, |_| true, |_| true);
        assert_eq!(found, Passage::Gated(vec![0, 3]));
        assert_eq!(passage(&graph, 0, &targets, &none, |_| true, |edge| edge == 3), Passage::Open(vec![0, 1]));
        assert_eq!(passage(&graph, 3, &targets, &none, |_| true, |_| true), Passage::Nowhere);
        assert_eq!(passage(&graph, 2, &targets, &none, |_| true, |_| true), Passage::Open(vec![]));
    }
}
