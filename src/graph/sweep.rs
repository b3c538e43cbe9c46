//! The blocked sweep under [`closure`](super::closure): rows of 512 targets over the condensation, sinks upwards.
//!
//! Direction: a component's row holds the targets that it reaches along the arcs. Each arc is a single OR of a row a
//! block. Time, memory and source: see there.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::closure::WORKER_BYTES_MAX;
use super::row::{self, BLOCK, EMPTY, Row};
use super::{Csr, NONE, NodeSet, number};

/// The part of a condensation that a sweep walks. A component that is both entered and left is *inner*. Ranks number
/// the distinct sources, then the inner components, both in topological order.
pub struct Plan {
    /// Rank of each component; twins share one, and components that nothing leaves have [`NONE`].
    rank: Vec<u32>,
    /// Number of ranks of sources.
    sources: usize,
    /// Arcs from a rank to inner components: `heads[starts[rank]..starts[rank + 1]]`, ascending, as row numbers
    /// (rank without the sources).
    starts: Vec<u32>,
    heads: Vec<u32>,
    targets: Vec<Target>,
    /// Ranks that lead directly to the targets without a row.
    tails: Vec<u32>,
}

/// A component to be reached.
pub struct Target {
    pub component: u32,
    at: Place,
}

/// The rank of an inner target; for one that nothing leaves, where its tails lie.
enum Place {
    Rank(u32),
    Tails { from: usize, to: usize },
}

impl Plan {
    /// Prepares the sweep of a condensation for these components, which fall into blocks in the order given. Those
    /// that nothing enters are left out: only they reach themselves.
    pub fn new(dag: &Csr, targets: impl IntoIterator<Item = u32>) -> Self {
        let reverse = dag.reversed();
        let all = 0..number(dag.nodes());
        let is_entered = |&component: &u32| !reverse.out(component).is_empty();
        let is_left = |&component: &u32| !dag.out(component).is_empty();

        let mut rank = vec![NONE; dag.nodes()];
        let mut walked = distinct_sources(dag, all.clone().filter(is_left).filter(|c| !is_entered(c)), &mut rank);
        let sources = walked.len();
        for component in all.filter(is_left).filter(is_entered) {
            rank[component as usize] = number(walked.len());
            walked.push(component);
        }
        let mut plan = Self { rank, sources, starts: vec![0], heads: vec![], targets: vec![], tails: vec![] };
        for &component in &walked {
            let inner = dag.out(component).iter().map(|&head| plan.rank[head as usize]).filter(|&rank| rank != NONE);
            plan.heads.extend(inner.map(|rank| rank - number(sources)));
            plan.starts.push(number(plan.heads.len()));
        }
        for component in targets.into_iter().filter(is_entered) {
            plan.add_target(component, reverse.out(component));
        }
        plan
    }

    fn add_target(&mut self, component: u32, tails: &[u32]) {
        let at = match self.rank[component as usize] {
            NONE => {
                let from = self.tails.len();
                self.tails.extend(tails.iter().map(|&tail| self.rank[tail as usize]));
                Place::Tails { from, to: self.tails.len() }
            }
            rank => Place::Rank(rank),
        };
        self.targets.push(Target { component, at });
    }

    /// Number of ranks.
    pub fn ranks(&self) -> usize {
        self.starts.len() - 1
    }

    /// Rank of a component, if it has one.
    pub fn rank(&self, component: u32) -> Option<usize> {
        Some(self.rank[component as usize]).filter(|&rank| rank != NONE).map(|rank| rank as usize)
    }

    /// Whether a component's row holds the component's own bit where it is a target: those of inner ones do.
    pub fn holds_itself(&self, component: u32) -> bool {
        self.rank(component).is_some_and(|rank| rank >= self.sources)
    }

    /// Shares the blocks out to the pool. Each worker makes a state and gives it every block that it takes; which
    /// worker takes which block is left to chance, so states must add up to the same whatever that is.
    pub fn run<S: Send>(
        &self,
        start: impl Fn() -> S + Sync,
        each: impl Fn(&mut S, &mut Sweep<'_>, &[Target]) + Sync,
    ) -> Vec<S> {
        let blocks: Vec<&[Target]> = self.targets.chunks(BLOCK).collect();
        let bytes = (self.ranks() - self.sources) * size_of::<Row>() + self.ranks() * size_of::<u64>();
        let workers = rayon::current_num_threads().min(blocks.len()).min(WORKER_BYTES_MAX / bytes.max(1)).max(1);
        let next = AtomicUsize::new(0);
        let work = |_| {
            let (mut state, mut sweep) = (start(), Sweep::new(self));
            while let Some(targets) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
                each(&mut state, &mut sweep, targets);
            }
            state
        };
        (0..workers).into_par_iter().map(work).collect()
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

/// One worker's rows.
pub struct Sweep<'a> {
    plan: &'a Plan,
    rows: Vec<Row>,
    /// Rows that are not empty in the block at hand. Rows of others hold what an earlier block left.
    filled: NodeSet,
    /// Bits that the block's targets set by themselves, as `(rank, bit)`, highest rank first.
    seeds: Vec<(u32, u32)>,
}

impl<'a> Sweep<'a> {
    fn new(plan: &'a Plan) -> Self {
        let inner = plan.ranks() - plan.sources;
        Self { plan, rows: vec![EMPTY; inner], filled: NodeSet::new(inner), seeds: Vec::new() }
    }

    /// Sweeps one block, and hands over the row of every rank that reaches any of its targets; bit `i` is target `i`.
    pub fn block(&mut self, targets: &[Target], mut reaches: impl FnMut(usize, &Row)) {
        self.seed(targets);
        let Some(&(highest, _)) = self.seeds.first() else { return };
        let full = row::full(targets.len());
        // Arcs ascend, and no row above the highest seed has a bit.
        let limit = (highest as usize + 1).saturating_sub(self.plan.sources);
        let seeds = std::mem::take(&mut self.seeds);
        let mut rest = seeds.iter().peekable();
        for rank in (0..=highest).rev() {
            let mut row = EMPTY;
            while let Some((_, bit)) = rest.next_if(|seed| seed.0 == rank) {
                row[*bit as usize / 64] |= 1 << (bit % 64);
            }
            self.gather(&mut row, rank as usize, limit, &full);
            if row != EMPTY {
                reaches(rank as usize, &row);
            }
            self.keep(rank as usize, row);
        }
        self.seeds = seeds;
    }

    /// Adds what the inner components after a rank reach.
    fn gather(&self, row: &mut Row, rank: usize, limit: usize, full: &Row) {
        let heads = self.plan.starts[rank] as usize..self.plan.starts[rank + 1] as usize;
        for &head in &self.plan.heads[heads] {
            if head as usize >= limit || row == full {
                break;
            }
            if self.filled.contains(head) {
                row.iter_mut().zip(&self.rows[head as usize]).for_each(|(word, more)| *word |= more);
            }
        }
    }

    /// Keeps the row of an inner rank for those before it.
    fn keep(&mut self, rank: usize, row: Row) {
        let Some(inner) = rank.checked_sub(self.plan.sources) else { return };
        if row == EMPTY {
            self.filled.remove(number(inner));
        } else {
            self.rows[inner] = row;
            self.filled.insert(number(inner));
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
