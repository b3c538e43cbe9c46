//! What the property tests of this folder share: random small graphs, and the slow and obvious answers.

use proptest::prelude::*;

use super::{Csr, NodeSet, number};

/// Nodes and arcs of a random multigraph: loops, parallel arcs and unconnected nodes occur. Arc `i` is edge `i`.
pub fn arcs(nodes_max: usize, arcs_max: usize) -> impl Strategy<Value = (usize, Vec<(u32, u32, u32)>)> {
    (1..=nodes_max).prop_flat_map(move |nodes| {
        let node = 0..number(nodes);
        prop::collection::vec((node.clone(), node), 0..=arcs_max).prop_map(move |ends| {
            (nodes, ends.into_iter().enumerate().map(|(edge, (src, dst))| (src, dst, number(edge))).collect())
        })
    })
}

/// The graph of these arcs.
pub fn csr(nodes: usize, arcs: &[(u32, u32, u32)]) -> Csr {
    Csr::from_arcs(nodes, arcs.iter().copied())
}

/// The set of the nodes whose bit is set, over at most 64 nodes.
pub fn set(nodes: usize, bits: u64) -> NodeSet {
    NodeSet::from_members(nodes, (0..number(nodes)).filter(|node| bits >> node & 1 == 1))
}

/// A chain `0 → 1 → … → nodes − 1`.
pub fn chain(nodes: u32) -> Csr {
    Csr::from_arcs(nodes as usize, (1..nodes).map(|dst| (dst - 1, dst, dst - 1)))
}

/// `closure[a][b]`: whether a walk of zero or more arcs leads from `a` to `b` (Warshall).
pub fn closure(nodes: usize, arcs: &[(u32, u32, u32)]) -> Vec<Vec<bool>> {
    let mut closure: Vec<Vec<bool>> = (0..nodes).map(|a| (0..nodes).map(|b| a == b).collect()).collect();
    for &(src, dst, _) in arcs {
        closure[src as usize][dst as usize] = true;
    }
    for via in 0..nodes {
        let onward = closure[via].clone();
        for row in &mut closure {
            if row[via] {
                row.iter_mut().zip(&onward).for_each(|(reached, &more)| *reached |= more);
            }
        }
    }
    closure
}

/// The same graph for petgraph.
pub fn petgraph(nodes: usize, arcs: &[(u32, u32, u32)]) -> petgraph::graph::DiGraph<(), u32> {
    let mut graph = petgraph::graph::DiGraph::new();
    for _ in 0..nodes {
        graph.add_node(());
    }
    for &(src, dst, edge) in arcs {
        graph.add_edge(src.into(), dst.into(), edge);
    }
    graph
}
