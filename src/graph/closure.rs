//! What is reachable: as a set from some nodes, and as an exact count or weight from *every* node.
//!
//! Direction: everything here follows the arcs of the graph that it is given. From the original graph come the
//! nodes that a node reaches; from the [reverse](Csr::reversed), the nodes that reach it.
//!
//! Sets are one depth-first search: O(n + m), n/8 bytes and a stack.
//!
//! Counts for every node have no known way around the transitive closure, so that is computed, exactly, but never
//! held: 512 targets at a time (multi-source search in machine words: M. Then et al., *The more the merrier*, VLDB
//! 8 (2014)) on the condensation, one row of 512 bits a component, filled from the sinks upwards, so that each arc is
//! a single OR of a row a block. What makes that cheap on real graphs:
//! - components that nothing enters are no targets, and those with the same arcs share one row (*twins*);
//! - components that nothing leaves have no row: their bit is given to the components before them;
//! - rows above a block's last target are not visited, empty rows not read, and a full row ends its scan.
//!
//! Weights stay exact and cheap because targets are sorted by weight: a word of 64 targets with one weight costs one
//! population count, and one with several as many as the differences of its weights have bits.
//!
//! A few targets' upstream weights take the same sweep over fewer blocks, with sums down the columns of the rows.
//!
//! Time: O((components + arcs) · targets / 512) word operations at worst, blocks shared out to the threads of the
//! rayon pool. Memory: 8·n bytes for the answer, O(n + m) for the plan, and for each worker 72 bytes a component; no
//! more workers than [`WORKER_BYTES_MAX`] admits. Sums are of integers, so their order cannot show.

use super::row::{Columns, Weigher};
use super::sweep::{Plan, Target};
use super::{Condensation, Csr, NodeSet, number};

/// Bytes that the rows of all workers may take together; there is always one worker.
pub const WORKER_BYTES_MAX: usize = 4 << 30;

/// The nodes that walks of zero or more arcs from `sources` reach. O(n + m).
///
/// # Panics
/// When a source is not a node of the graph.
#[must_use]
pub fn reachable_from(graph: &Csr, sources: impl IntoIterator<Item = u32>) -> NodeSet {
    let mut reached = NodeSet::new(graph.nodes());
    let mut stack: Vec<u32> = sources.into_iter().filter(|&source| reached.insert(source)).collect();
    while let Some(node) = stack.pop() {
        for &head in graph.out(node) {
            if reached.insert(head) {
                stack.push(head);
            }
        }
    }
    reached
}

/// The nodes from which walks of zero or more arcs lead to `targets`; `reverse` is the graph turned round. O(n + m).
///
/// # Panics
/// When a target is not a node of the graph.
#[must_use]
pub fn reaching(reverse: &Csr, targets: impl IntoIterator<Item = u32>) -> NodeSet {
    reachable_from(reverse, targets)
}

/// For every node, the number of `counted` nodes *other than itself* that it reaches.
#[must_use]
pub fn reach_counts(graph: &Csr, counted: &NodeSet) -> Vec<u64> {
    let weights: Vec<u32> = (0..number(graph.nodes())).map(|node| u32::from(counted.contains(node))).collect();
    reach_weights(&Condensation::new(graph), &weights)
}

/// For every node, the sum of the weights of the nodes *other than itself* that it reaches. `weights` has one entry
/// a node; weights are 32 bits wide, so that no sum over a graph can overflow.
///
/// # Panics
/// When there are not as many weights as nodes.
#[must_use]
pub fn reach_weights(condensed: &Condensation, weights: &[u32]) -> Vec<u64> {
    let weight = component_weights(condensed, weights);
    let mut targets: Vec<u32> = (0..number(weight.len())).filter(|&target| weight[target as usize] > 0).collect();
    targets.sort_unstable_by_key(|&target| (weight[target as usize], target));
    let plan = Plan::new(&condensed.dag, targets);
    let sums = plan.run(
        || vec![0_u64; plan.ranks()],
        |sums, sweep, block: &[Target]| {
            let block_weights: Vec<u64> = block.iter().map(|target| weight[target.component as usize]).collect();
            let weigher = Weigher::new(&block_weights);
            sweep.block(block, |rank, row| sums[rank] += weigher.weigh(row));
        },
    );
    let total = |component: u32| {
        let reached = plan.rank(component).map_or(0, |rank| sums.iter().map(|sums| sums[rank]).sum());
        if plan.holds_itself(component) { reached } else { reached + weight[component as usize] }
    };
    condensed.components.of.iter().zip(weights).map(|(&component, &own)| total(component) - u64::from(own)).collect()
}

/// For each of `targets`, the sum of the weights of the nodes *other than itself* that reach it: what
/// [`reach_weights`] says on the reversed graph, at a price for the targets asked for and not for all nodes.
///
/// # Panics
/// When there are not as many weights as nodes, or a target is not a node.
#[must_use]
pub fn upstream_weights(condensed: &Condensation, weights: &[u32], targets: &[u32]) -> Vec<u64> {
    let of = &condensed.components.of;
    let weight = component_weights(condensed, weights);
    let mut asked: Vec<u32> = targets.iter().map(|&target| of[target as usize]).collect();
    asked.sort_unstable();
    asked.dedup();
    let plan = Plan::new(&condensed.dag, asked);
    let mut rank_weight = vec![0_u64; plan.ranks()];
    for (component, weight) in (0..).zip(&weight) {
        if let Some(rank) = plan.rank(component) {
            rank_weight[rank] += weight;
        }
    }
    let found = plan.run(Vec::new, |found: &mut Vec<(u32, u64)>, sweep, block: &[Target]| {
        let mut columns = Columns::default();
        sweep.block(block, |rank, row| columns.add(row, rank_weight[rank]));
        found.extend(block.iter().enumerate().map(|(column, target)| (target.component, columns.sum(column))));
    });
    let mut upstream = vec![0_u64; weight.len()];
    for (component, sum) in found.into_iter().flatten() {
        upstream[component as usize] = sum;
    }
    let total = |component: u32| {
        let others = upstream[component as usize];
        if plan.holds_itself(component) { others } else { others + weight[component as usize] }
    };
    targets.iter().map(|&target| total(of[target as usize]) - u64::from(weights[target as usize])).collect()
}

/// Weight of the members of each component.
fn component_weights(condensed: &Condensation, weights: &[u32]) -> Vec<u64> {
    assert_eq!(condensed.components.of.len(), weights.len(), "one weight a node");
    let mut sums = vec![0_u64; condensed.components.count];
    for (&component, &own) in condensed.components.of.iter().zip(weights) {
        sums[component as usize] += u64::from(own);
    }
    sums
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{arcs, chain, closure, csr, set};
    use super::*;

    /// Sums over Warshall's closure, each node without itself.
    fn oracle(nodes: usize, arcs: &[(u32, u32, u32)], weights: &[u32]) -> Vec<u64> {
        let closure = closure(nodes, arcs);
        let sum = |from: usize| {
            (0..nodes).filter(|&to| to != from && closure[from][to]).map(|to| u64::from(weights[to])).sum()
        };
        (0..nodes).map(sum).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        #[test]
        fn counts_and_sets_agree_with_the_closure((nodes, arcs) in arcs(16, 40), counted in any::<u64>()) {
            let graph = csr(nodes, &arcs);
            let counted = set(nodes, counted);
            let weights: Vec<u32> = (0..number(nodes)).map(|node| u32::from(counted.contains(node))).collect();
            prop_assert_eq!(reach_counts(&graph, &counted), oracle(nodes, &arcs, &weights));
            let turned: Vec<_> = arcs.iter().map(|&(s, d, e)| (d, s, e)).collect();
            let reverse = graph.reversed();
            prop_assert_eq!(reach_counts(&reverse, &counted), oracle(nodes, &turned, &weights));

            let closure = closure(nodes, &arcs);
            let (forth, back) = (reachable_from(&graph, counted.iter()), reaching(&reverse, counted.iter()));
            for node in 0..number(nodes) {
                let at = node as usize;
                prop_assert_eq!(forth.contains(node), counted.iter().any(|from| closure[from as usize][at]));
                prop_assert_eq!(back.contains(node), counted.iter().any(|to| closure[at][to as usize]));
            }
        }

        #[test]
        fn weights_agree_with_the_closure(
            (nodes, arcs) in arcs(16, 30),
            weights in prop::collection::vec(prop_oneof![Just(0), 0_u32..4, any::<u32>()], 16),
            asked in prop::collection::vec(any::<u32>(), 0..10),
        ) {
            let weights = &weights[..nodes];
            let condensed = Condensation::new(&csr(nodes, &arcs));
            prop_assert_eq!(reach_weights(&condensed, weights), oracle(nodes, &arcs, weights));
            let turned: Vec<_> = arcs.iter().map(|&(s, d, e)| (d, s, e)).collect();
            let upstream = oracle(nodes, &turned, weights);
            let asked: Vec<u32> = asked.into_iter().map(|node| node % number(nodes)).collect();
            let expected: Vec<u64> = asked.iter().map(|&node| upstream[node as usize]).collect();
            prop_assert_eq!(upstream_weights(&condensed, weights, &asked), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn graphs_of_several_blocks_agree_with_searches(
            seed in any::<u32>(),
            nodes in 1_000_u32..1_800,
            density in 0.3_f64..2.0,
            heaviest in prop_oneof![Just(1_u32), Just(3), Just(u32::MAX)],
            threads in 1_usize..4,
        ) {
            // A multiplicative congruential generator: what matters is that all shapes of row occur.
            let mut state = u64::from(seed) << 1 | 1;
            let mut pick = |below: u32| {
                state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
                number((state >> 33) as usize) % below
            };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand")]
            let arcs_n = (f64::from(nodes) * density) as u32;
            let arcs: Vec<_> = (0..arcs_n).map(|edge| (pick(nodes), pick(nodes), edge)).collect();
            let weights: Vec<u32> = (0..nodes).map(|_| pick(heaviest)).map(|weight| weight + 1).collect();
            let graph = csr(nodes as usize, &arcs);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            prop_assert!(pool.is_ok());
            let condensed = Condensation::new(&graph);
            let all: Vec<u32> = (0..nodes).rev().collect();
            let found = pool.map(|pool| {
                pool.install(|| (reach_weights(&condensed, &weights), upstream_weights(&condensed, &weights, &all)))
            });
            let mut upstream: Vec<u64> = weights.iter().map(|&weight| 0_u64.wrapping_sub(u64::from(weight))).collect();
            for (node, &sum) in found.iter().flat_map(|found| &found.0).enumerate() {
                let reached = reachable_from(&graph, [number(node)]);
                let all: u64 = reached.iter().map(|to| u64::from(weights[to as usize])).sum();
                prop_assert_eq!(sum, all - u64::from(weights[node]));
                for to in reached.iter() {
                    upstream[to as usize] = upstream[to as usize].wrapping_add(u64::from(weights[node]));
                }
            }
            prop_assert!(found.iter().flat_map(|found| &found.1).eq(upstream.iter().rev()));
        }
    }

    #[test]
    fn a_layered_graph_of_many_blocks_has_known_counts() {
        // Each of 40 layers of 60 nodes leads to all of the next: a node reaches all layers below its own.
        let (layers, width) = (40_u32, 60_u32);
        let arcs = (0..(layers - 1) * width).flat_map(|src| {
            let below = (src / width + 1) * width;
            (below..below + width).map(move |dst| (src, dst, 0))
        });
        let graph = Csr::from_arcs((layers * width) as usize, arcs);
        let counts = reach_counts(&graph, &NodeSet::from_members(graph.nodes(), 0..layers * width));
        for (node, count) in (0..).zip(counts) {
            assert_eq!(count, u64::from((layers - 1 - node / width) * width));
        }
    }

    #[test]
    fn a_chain_of_a_million_nodes_is_counted_without_recursion() {
        let nodes = 1_000_000;
        let counted = NodeSet::from_members(nodes as usize, [3, 500_000, nodes - 1]);
        let counts = reach_counts(&chain(nodes), &counted);
        assert_eq!([counts[0], counts[3], counts[4], counts[500_000], counts[999_999]], [3, 2, 2, 1, 0]);
        assert_eq!(reachable_from(&chain(nodes), [7]).len(), 999_993);
    }
}
