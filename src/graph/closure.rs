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
//! Time: O((components + arcs) · targets / 512) word operations at worst, blocks shared out to the threads of the
//! rayon pool. Memory: 8·n bytes for the answer, O(n + m) for the plan, and for each worker 72 bytes a component; no
//! more workers than [`WORKER_BYTES_MAX`] admits. Sums are of integers, so their order cannot show.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::{Condensation, Csr, NONE, NodeSet, number};

/// Bytes that the rows of all workers may take together; there is always one worker.
pub const WORKER_BYTES_MAX: usize = 4 << 30;

const BLOCK: usize = 512;

/// Reachability of one block's targets.
type Row = [u64; BLOCK / 64];

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
    assert_eq!(condensed.components.of.len(), weights.len(), "one weight a node");
    let plan = Plan::new(condensed, weights);
    let totals = plan.run();
    let beyond = |component: usize| match plan.rank[component] {
        NONE => plan.weight[component],
        // Rows of inner components hold their own bit already.
        rank if rank as usize >= plan.sources => totals[rank as usize],
        rank => totals[rank as usize] + plan.weight[component],
    };
    let of = &condensed.components.of;
    of.iter().zip(weights).map(|(&component, &own)| beyond(component as usize) - u64::from(own)).collect()
}

/// The part of the condensation that a sweep walks. A component that both is entered and left is *inner*. Ranks
/// number the distinct sources, then the inner components, both in topological order.
struct Plan {
    /// Weight of each component.
    weight: Vec<u64>,
    /// Rank of each component; twins share one, and components that nothing leaves have [`NONE`].
    rank: Vec<u32>,
    /// Number of ranks of sources.
    sources: usize,
    /// Arcs from a rank to inner components: `heads[starts[rank]..starts[rank + 1]]`, ascending, as row numbers
    /// (rank without the sources).
    starts: Vec<u32>,
    heads: Vec<u32>,
    /// Sorted by weight, then component.
    targets: Vec<Target>,
    /// Ranks that lead directly to each target without a row: `tails[from..to]` of the target.
    tails: Vec<u32>,
}

struct Target {
    weight: u64,
    /// Rank of an inner target; otherwise where its tails lie.
    at: Place,
}

enum Place {
    Rank(u32),
    Tails { from: usize, to: usize },
}

impl Plan {
    fn new(condensed: &Condensation, weights: &[u32]) -> Self {
        let dag = &condensed.dag;
        let mut weight = vec![0_u64; dag.nodes()];
        for (&component, &own) in condensed.components.of.iter().zip(weights) {
            weight[component as usize] += u64::from(own);
        }
        let reverse = dag.reversed();
        let all = 0..number(dag.nodes());
        let is_inner = |&component: &u32| !dag.out(component).is_empty() && !reverse.out(component).is_empty();
        let is_source = |&component: &u32| !dag.out(component).is_empty() && reverse.out(component).is_empty();

        let mut rank = vec![NONE; dag.nodes()];
        let mut walked = distinct_sources(dag, all.clone().filter(is_source), &mut rank);
        let sources = walked.len();
        for component in all.clone().filter(is_inner) {
            rank[component as usize] = number(walked.len());
            walked.push(component);
        }
        let mut plan = Self { weight, rank, sources, starts: vec![0], heads: vec![], targets: vec![], tails: vec![] };
        for &component in &walked {
            let inner = dag.out(component).iter().map(|&head| plan.rank[head as usize]).filter(|&rank| rank != NONE);
            plan.heads.extend(inner.map(|rank| rank - number(sources)));
            plan.starts.push(number(plan.heads.len()));
        }
        plan.add_targets(&reverse);
        plan
    }

    fn add_targets(&mut self, reverse: &Csr) {
        let mut components: Vec<u32> = (0..number(reverse.nodes()))
            .filter(|&component| self.weight[component as usize] > 0 && !reverse.out(component).is_empty())
            .collect();
        components.sort_unstable_by_key(|&component| (self.weight[component as usize], component));
        for component in components {
            let at = match self.rank[component as usize] {
                NONE => {
                    let from = self.tails.len();
                    self.tails.extend(reverse.out(component).iter().map(|&tail| self.rank[tail as usize]));
                    Place::Tails { from, to: self.tails.len() }
                }
                rank => Place::Rank(rank),
            };
            self.targets.push(Target { weight: self.weight[component as usize], at });
        }
    }

    /// Total weight of each rank's row over all blocks.
    fn run(&self) -> Vec<u64> {
        let ranks = self.starts.len() - 1;
        let blocks: Vec<&[Target]> = self.targets.chunks(BLOCK).collect();
        let each = (ranks - self.sources) * size_of::<Row>() + ranks * size_of::<u64>();
        let workers = rayon::current_num_threads().min(blocks.len()).min(WORKER_BYTES_MAX / each.max(1)).max(1);
        let next = AtomicUsize::new(0);
        let parts: Vec<Vec<u64>> = (0..workers)
            .into_par_iter()
            .map(|_| {
                let mut sweep = Sweep::new(self);
                while let Some(block) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    sweep.block(block);
                }
                sweep.totals
            })
            .collect();
        parts
            .into_iter()
            .reduce(|mut sum, part| {
                sum.iter_mut().zip(&part).for_each(|(total, more)| *total += more);
                sum
            })
            .unwrap_or_default()
    }
}

/// Ranks the components that nothing enters, one rank for all that have the same arcs; the first of each rank.
fn distinct_sources(dag: &Csr, sources: impl Iterator<Item = u32>, rank: &mut [u32]) -> Vec<u32> {
    let hash = |component: u32| {
        let mut hasher = DefaultHasher::new();
        dag.out(component).hash(&mut hasher);
        hasher.finish()
    };
    let mut hashed: Vec<(u64, u32)> = sources.map(|component| (hash(component), component)).collect();
    hashed.sort_unstable();
    // Unequal rows under one hash only cost sharing. Ranks are numbered in the order of components afterwards.
    let same = |a: &(u64, u32), b: &(u64, u32)| a.0 == b.0 && dag.out(a.1) == dag.out(b.1);
    let mut groups: Vec<&[(u64, u32)]> = hashed.chunk_by(same).collect();
    groups.sort_unstable_by_key(|group| group[0].1);
    for (index, group) in groups.iter().enumerate() {
        for &(_, component) in *group {
            rank[component as usize] = number(index);
        }
    }
    groups.iter().map(|group| group[0].1).collect()
}

/// One worker's rows and sums.
struct Sweep<'a> {
    plan: &'a Plan,
    rows: Vec<Row>,
    /// Rows that are not empty in the block at hand. Rows of others hold what an earlier block left.
    filled: NodeSet,
    /// Bits that the block's targets set by themselves, as `(rank, bit)`, highest rank first.
    seeds: Vec<(u32, u32)>,
    totals: Vec<u64>,
}

impl<'a> Sweep<'a> {
    fn new(plan: &'a Plan) -> Self {
        let ranks = plan.starts.len() - 1;
        let inner = ranks - plan.sources;
        let rows = vec![[0; BLOCK / 64]; inner];
        Self { plan, rows, filled: NodeSet::new(inner), seeds: Vec::new(), totals: vec![0; ranks] }
    }

    fn block(&mut self, targets: &[Target]) {
        let plan = self.plan;
        self.seed(targets);
        let Some(&(highest, _)) = self.seeds.first() else { return };
        let weigher = Weigher::new(targets);
        let full = full_row(targets.len());
        let limit = (highest as usize + 1).saturating_sub(plan.sources);
        let mut seeds = self.seeds.iter().peekable();
        for rank in (0..=highest).rev() {
            let mut row = [0; BLOCK / 64];
            while let Some((_, bit)) = seeds.next_if(|seed| seed.0 == rank) {
                row[*bit as usize / 64] |= 1 << (bit % 64);
            }
            let heads = plan.starts[rank as usize] as usize..plan.starts[rank as usize + 1] as usize;
            for &head in &plan.heads[heads] {
                if head as usize >= limit {
                    break;
                }
                if self.filled.contains(head) {
                    row.iter_mut().zip(&self.rows[head as usize]).for_each(|(word, more)| *word |= more);
                    if row == full {
                        break;
                    }
                }
            }
            let is_filled = row != [0; BLOCK / 64];
            if is_filled {
                self.totals[rank as usize] += weigher.weigh(&row);
            }
            if let Some(inner) = (rank as usize).checked_sub(plan.sources) {
                if is_filled {
                    self.rows[inner] = row;
                    self.filled.insert(number(inner));
                } else {
                    self.filled.remove(number(inner));
                }
            }
        }
    }

    fn seed(&mut self, targets: &[Target]) {
        self.seeds.clear();
        for (bit, target) in (0..).zip(targets) {
            match target.at {
                Place::Rank(rank) => self.seeds.push((rank, bit)),
                Place::Tails { from, to } => {
                    self.seeds.extend(self.plan.tails[from..to].iter().map(|&tail| (tail, bit)));
                }
            }
        }
        self.seeds.sort_unstable_by(|a, b| b.cmp(a));
    }
}

/// The row of a component that reaches all targets of a block.
fn full_row(targets: usize) -> Row {
    std::array::from_fn(|word| match targets.saturating_sub(word * 64) {
        0 => 0,
        bits @ 1..64 => (1 << bits) - 1,
        _ => u64::MAX,
    })
}

/// Sums the weights of the targets in a row.
enum Weigher {
    /// All targets of the block weigh the same.
    Even(u64),
    Uneven(Vec<WordWeigher>),
}

/// Sums the weights of up to 64 targets.
struct WordWeigher {
    least: u64,
    /// Bit planes of what the weights have beyond the least: a binary place, and the targets that have a 1 there.
    planes: Vec<(u32, u64)>,
}

impl Weigher {
    fn new(targets: &[Target]) -> Self {
        if let [first, .., last] = targets
            && first.weight != last.weight
        {
            return Self::Uneven(targets.chunks(64).map(WordWeigher::new).collect());
        }
        Self::Even(targets.first().map_or(0, |target| target.weight))
    }

    fn weigh(&self, row: &Row) -> u64 {
        match self {
            Self::Even(weight) => weight * row.iter().map(|&word| ones(word)).sum::<u64>(),
            Self::Uneven(words) => row.iter().zip(words).map(|(&word, weigher)| weigher.weigh(word)).sum(),
        }
    }
}

impl WordWeigher {
    /// Of targets that are sorted by weight.
    fn new(targets: &[Target]) -> Self {
        let (least, most) = (targets[0].weight, targets[targets.len() - 1].weight);
        let plane = |place: u32| {
            let has_one = |target: &Target| (target.weight - least) >> place & 1;
            (place, (0..).zip(targets).fold(0, |mask, (bit, target)| mask | has_one(target) << bit))
        };
        let places = u64::BITS - (most - least).leading_zeros();
        Self { least, planes: (0..places).map(plane).filter(|&(_, mask)| mask != 0).collect() }
    }

    fn weigh(&self, word: u64) -> u64 {
        let beyond: u64 = self.planes.iter().map(|&(place, mask)| ones(word & mask) << place).sum();
        self.least * ones(word) + beyond
    }
}

fn ones(word: u64) -> u64 {
    u64::from(word.count_ones())
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
        #![proptest_config(ProptestConfig::with_cases(3_000))]
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
        ) {
            let weights = &weights[..nodes];
            let found = reach_weights(&Condensation::new(&csr(nodes, &arcs)), weights);
            prop_assert_eq!(found, oracle(nodes, &arcs, weights));
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
            let found = pool.map(|pool| pool.install(|| reach_weights(&Condensation::new(&graph), &weights)));
            for (node, &sum) in found.iter().flatten().enumerate() {
                let reached = reachable_from(&graph, [number(node)]);
                let all: u64 = reached.iter().map(|to| u64::from(weights[to as usize])).sum();
                prop_assert_eq!(sum, all - u64::from(weights[node]));
            }
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
