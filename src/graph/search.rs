//! Fewest hops from a set of nodes, or to one, where entering some nodes costs nothing.
//!
//! Direction: [`hops_from`] walks with the arcs of the graph that it is given. [`hops_to`] answers for walks *along*
//! the arcs towards its targets, and is given the [reverse](Csr::reversed) graph to do so. In both, an arc of the
//! original graph counts one hop, or none when its destination is *transparent*; so both agree on the length of
//! every walk, whichever end is transparent.
//!
//! Breadth-first search with weights 0 and 1 (E. F. Moore 1959), a layer of equal hops at a time. Within a layer
//! the arcs of no cost are followed in rounds, and a node keeps the round in which it was found, so that links
//! never close a cycle of transparent nodes.
//!
//! Time: O(n + m). Memory: 12·n bytes for the answer, 4·n and two frontiers while searching.

use super::{Csr, NONE, NodeSet};

/// Hops between every node and the seeds of a search, and the way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hops {
    /// Hops of a shortest walk; [`NONE`] for a node that has none.
    pub distance: Vec<u32>,
    /// The next node on a shortest walk, on the side of the seeds; [`NONE`] for seeds and unreached nodes.
    pub next_node: Vec<u32>,
    /// The edge to that node: the lowest edge number among the arcs that start a shortest walk with, for a walk
    /// that goes on without cost, the fewest arcs before its next hop.
    pub next_edge: Vec<u32>,
}

impl Hops {
    /// Hops between a node and the seeds, if there is a walk.
    ///
    /// # Panics
    /// Here and below: when the node is not of the graph that was searched.
    #[must_use]
    pub fn of(&self, node: u32) -> Option<u32> {
        Some(self.distance[node as usize]).filter(|&hops| hops != NONE)
    }

    /// Whether the search started at this node.
    #[must_use]
    pub fn is_seed(&self, node: u32) -> bool {
        self.distance[node as usize] == 0 && self.next_edge[node as usize] == NONE
    }

    /// The steps from a node towards the seeds as `(edge, node reached)`, none for a seed or an unreached node.
    /// After [`hops_to`] that is the order in which the walk is gone; after [`hops_from`] it is the way back.
    pub fn steps(&self, node: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let step = |node: u32| {
            let (edge, next) = (self.next_edge[node as usize], self.next_node[node as usize]);
            (edge != NONE).then_some((edge, next))
        };
        std::iter::successors(step(node), move |&(_, at)| step(at))
    }
}

/// Fewest hops from any of `sources` to every node, over the edges that `admits` lets through.
///
/// # Panics
/// When a source is not a node of the graph.
#[must_use]
pub fn hops_from(graph: &Csr, sources: &[u32], transparent: &NodeSet, admits: impl Fn(u32) -> bool) -> Hops {
    search(graph, sources, admits, |_, head| u32::from(!transparent.contains(head)))
}

/// Fewest hops from every node to any of `targets`, over the edges that `admits` lets through. `reverse` is the
/// graph with its arcs turned round.
///
/// # Panics
/// When a target is not a node of the graph.
#[must_use]
pub fn hops_to(reverse: &Csr, targets: &[u32], transparent: &NodeSet, admits: impl Fn(u32) -> bool) -> Hops {
    search(reverse, targets, admits, |tail, _| u32::from(!transparent.contains(tail)))
}

/// The search itself; `weight(from, to)` is 0 or 1.
fn search(graph: &Csr, seeds: &[u32], admits: impl Fn(u32) -> bool, weight: impl Fn(u32, u32) -> u32) -> Hops {
    let nodes = graph.nodes();
    let unknown = || vec![NONE; nodes];
    let mut hops = Hops { distance: unknown(), next_node: unknown(), next_edge: unknown() };
    // Round in which a node was found without cost; 0 for nodes found by a hop.
    let mut found = vec![0_u32; nodes];
    let mut round = 0;
    let mut frontier = seeds.to_vec();
    for &seed in seeds {
        hops.distance[seed as usize] = 0;
    }
    let (mut next_round, mut next_layer) = (Vec::new(), Vec::new());
    for layer in 0.. {
        while !frontier.is_empty() {
            round += 1;
            for &node in &frontier {
                // Found by a hop first, and then without one in an earlier layer.
                if hops.distance[node as usize] < layer {
                    continue;
                }
                for (head, edge) in graph.out_arcs(node) {
                    let known = hops.distance[head as usize];
                    if known < layer || !admits(edge) {
                        continue;
                    }
                    let cost = weight(node, head);
                    let distance = layer + cost;
                    if distance < known {
                        hops.distance[head as usize] = distance;
                        found[head as usize] = if cost == 0 { round } else { 0 };
                        let list = if cost == 0 { &mut next_round } else { &mut next_layer };
                        list.push(head);
                    } else if distance > known
                        || (cost == 0 && found[head as usize] != round)
                        || edge >= hops.next_edge[head as usize]
                    {
                        continue;
                    }
                    hops.next_node[head as usize] = node;
                    hops.next_edge[head as usize] = edge;
                }
            }
            frontier.clear();
            std::mem::swap(&mut frontier, &mut next_round);
        }
        if next_layer.is_empty() {
            break;
        }
        std::mem::swap(&mut frontier, &mut next_layer);
    }
    hops
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::number;
    use super::super::testing::{arcs, chain, csr, petgraph, set};
    use super::*;

    /// Distances by petgraph's Dijkstra from one node, the cost of an arc given by its destination.
    fn oracle(nodes: usize, arcs: &[(u32, u32, u32)], transparent: &NodeSet, source: u32) -> Vec<u32> {
        let distances = petgraph::algo::dijkstra(&petgraph(nodes, arcs), source.into(), None, |edge| {
            use petgraph::visit::EdgeRef;
            u32::from(!transparent.contains(number(edge.target().index())))
        });
        (0..number(nodes))
            .map(|node| distances.get(&petgraph::graph::NodeIndex::from(node)).copied().unwrap_or(NONE))
            .collect()
    }

    /// Follows the links of every node and checks that they are arcs, admitted, as long as claimed, and lowest.
    fn check_links(
        hops: &Hops,
        arcs: &[(u32, u32, u32)],
        transparent: &NodeSet,
        is_seed: impl Fn(u32) -> bool,
        forward: bool,
    ) -> Result<(), TestCaseError> {
        for node in 0..number(hops.distance.len()) {
            let Some(distance) = hops.of(node) else {
                prop_assert_eq!(hops.steps(node).count(), 0);
                continue;
            };
            prop_assert_eq!(hops.is_seed(node), is_seed(node));
            let (mut at, mut sum) = (node, 0);
            let steps: Vec<_> = hops.steps(node).take(100).collect();
            for &(edge, next) in &steps {
                let ends = if forward { (next, at) } else { (at, next) };
                prop_assert!(arcs.contains(&(ends.0, ends.1, edge)));
                sum += u32::from(!transparent.contains(ends.1));
                at = next;
            }
            prop_assert!(is_seed(at), "links end at a seed");
            prop_assert_eq!(sum, distance);
            // Among arcs that cost a hop, the link is the lowest of the shortest.
            let cost = |arc: &(u32, u32, u32)| u32::from(!transparent.contains(arc.1));
            if let Some(&(edge, _)) = steps.first()
                && cost(&arcs[edge as usize]) == 1
            {
                let lowest = arcs.iter().find(|arc| {
                    let (here, there) = if forward { (arc.1, arc.0) } else { (arc.0, arc.1) };
                    here == node && cost(arc) == 1 && hops.of(there).is_some_and(|hops| hops + 1 == distance)
                });
                prop_assert_eq!(lowest.map(|arc| arc.2), Some(edge));
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn agrees_with_dijkstra_both_ways(
            (nodes, arcs) in arcs(12, 30),
            transparent in any::<u64>(),
            seeds in any::<u64>(),
            admitted in any::<u64>(),
        ) {
            let (transparent, seeds) = (set(nodes, transparent), set(nodes, seeds));
            let admits = |edge: u32| admitted >> edge & 1 == 1 || edge.is_multiple_of(3);
            let seed_list: Vec<u32> = seeds.iter().collect();
            let graph = csr(nodes, &arcs);
            let kept: Vec<_> = arcs.iter().copied().filter(|arc| admits(arc.2)).collect();
            let table: Vec<Vec<u32>> =
                (0..number(nodes)).map(|source| oracle(nodes, &kept, &transparent, source)).collect();

            let from = hops_from(&graph, &seed_list, &transparent, admits);
            let to = hops_to(&graph.reversed(), &seed_list, &transparent, admits);
            for (node, row) in table.iter().enumerate() {
                let best_from = seeds.iter().map(|seed| table[seed as usize][node]).min().unwrap_or(NONE);
                prop_assert_eq!(from.distance[node], best_from);
                let best_to = seeds.iter().map(|seed| row[seed as usize]).min().unwrap_or(NONE);
                prop_assert_eq!(to.distance[node], best_to);
            }
            // Edges that are not admitted are put out of the way, so that edge numbers stay positions.
            let open: Vec<_> = arcs.iter().map(|&arc| if admits(arc.2) { arc } else { (NONE, NONE, arc.2) }).collect();
            check_links(&from, &open, &transparent, |node| seeds.contains(node), true)?;
            check_links(&to, &open, &transparent, |node| seeds.contains(node), false)?;
        }
    }

    #[test]
    fn a_target_set_is_one_hop_and_its_lowest_edge_wins() {
        // 0 → set 1 → 2, 0 → 3 → 2, and a second, later edge 0 → 1.
        let graph = csr(4, &[(0, 1, 7), (1, 2, 1), (0, 3, 2), (3, 2, 0), (0, 1, 5)]);
        let transparent = NodeSet::from_members(4, [1]);
        let to = hops_to(&graph.reversed(), &[2], &transparent, |_| true);
        assert_eq!(to.distance, [1, 1, 0, 1]);
        assert_eq!(to.steps(0).collect::<Vec<_>>(), [(5, 1), (1, 2)]);
        let from = hops_from(&graph, &[0], &transparent, |_| true);
        assert_eq!(from.distance, [0, 0, 1, 1]);
        assert_eq!(from.steps(2).collect::<Vec<_>>(), [(1, 1), (5, 0)]);
    }

    #[test]
    fn a_chain_of_a_million_nodes_is_searched_without_recursion() {
        let nodes = 1_000_000;
        let (graph, none) = (chain(nodes), NodeSet::new(nodes as usize));
        assert_eq!(hops_from(&graph, &[0], &none, |_| true).of(nodes - 1), Some(nodes - 1));
        let to = hops_to(&graph.reversed(), &[nodes - 1], &none, |_| true);
        assert_eq!(to.steps(0).count(), 999_999);
    }
}
