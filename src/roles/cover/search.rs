//! The fewest cliques that cover a kernel: branch and bound.
//!
//! Some clique covers the vertex with the fewest neighbours, and a maximal one will do: each of them is tried (Bron
//! and Kerbosch's enumeration with Tomita's pivot inside that neighbourhood), what it covers is taken away, the
//! reductions run again, and a set of pairwise incompatible vertices bounds what is left from below. The first descent
//! is a greedy cover. A count of the words looked at ends the search, so that the answer is the same on every machine;
//! what was found by then is a cover still, and no longer proven to be the smallest.

use super::bits::{self, BitMatrix};
use super::kernel::{self, Step};

/// A cover of a kernel and how good it is.
#[derive(Debug)]
pub struct Found {
    /// Steps that give the cliques.
    pub steps: Vec<Step>,
    /// No cover has fewer.
    pub lower_bound: usize,
    /// Words that were looked at.
    pub work: u64,
}

/// Searches one component for at most `work_max` words.
#[must_use]
pub fn cover(near: &BitMatrix, component: &[u64], work_max: u64) -> Found {
    let mut bound_work = 0;
    let lower = kernel::independent(near, component, &mut bound_work).len();
    let mut search = Search { near, best: None, work: 0, work_max, lower, stopped: false };
    search.descend(component.to_vec(), &mut Vec::new(), 0);
    let (cliques_n, steps) = search.best.unwrap_or_default();
    Found { steps, lower_bound: if search.stopped { lower } else { cliques_n }, work: search.work }
}

struct Search<'n> {
    near: &'n BitMatrix,
    /// The best cover so far: its size and its steps.
    best: Option<(usize, Vec<Step>)>,
    work: u64,
    work_max: u64,
    /// A cover of this size cannot be beaten.
    lower: usize,
    stopped: bool,
}

impl Search<'_> {
    /// Covers what is live after `used` cliques. `steps` is as before on return.
    fn descend(&mut self, mut live: Vec<u64>, steps: &mut Vec<Step>, used: usize) {
        let mark = steps.len();
        let used = used + kernel::reduce(self.near, &mut live, steps, &mut self.work);
        if let Some(vertex) = kernel::loneliest(self.near, &live, &mut self.work) {
            let bound = used + kernel::independent(self.near, &live, &mut self.work).len();
            if self.may_improve(bound) {
                self.branch(vertex, &live, steps, used);
            }
        } else if self.may_improve(used) {
            self.best = Some((used, steps.clone()));
        }
        steps.truncate(mark);
    }

    fn may_improve(&self, size: usize) -> bool {
        self.best.as_ref().is_none_or(|(best, _)| size < *best)
    }

    /// Whether the search is over: nothing better can be found, or there was enough work. It goes on until there is
    /// some cover.
    fn over(&mut self) -> bool {
        let Some((best, _)) = &self.best else { return false };
        if *best <= self.lower {
            return true;
        }
        self.stopped |= self.work > self.work_max;
        self.stopped
    }

    fn branch(&mut self, vertex: usize, live: &[u64], steps: &mut Vec<Step>, used: usize) {
        let mut around = self.near.row(vertex).to_vec();
        bits::and(&mut around, live);
        let greedy = self.greedy_clique(vertex, &around);
        self.try_clique(greedy.clone(), live, steps, used);
        if self.over() {
            return;
        }
        let mut cliques = Vec::new();
        let mut clique = bits::empty(live.len() * 64);
        bits::set(&mut clique, vertex);
        bits::clear(&mut around, vertex);
        self.maximal_cliques(&mut clique, around, bits::empty(live.len() * 64), &mut cliques);
        cliques.sort_by_cached_key(|clique| {
            (std::cmp::Reverse(bits::count(clique)), bits::ones(clique).collect::<Vec<_>>())
        });
        for clique in cliques {
            if self.over() {
                return;
            }
            if clique != greedy {
                self.try_clique(clique, live, steps, used);
            }
        }
    }

    fn try_clique(&mut self, clique: Vec<u64>, live: &[u64], steps: &mut Vec<Step>, used: usize) {
        let mut rest = live.to_vec();
        bits::and_not(&mut rest, &clique);
        steps.push(Step::Clique(clique));
        self.descend(rest, steps, used + 1);
        steps.pop();
    }

    /// A maximal clique that takes in, one after the other, whoever has the most in common with what is there.
    fn greedy_clique(&mut self, vertex: usize, around: &[u64]) -> Vec<u64> {
        let mut clique = vec![0; around.len()];
        bits::set(&mut clique, vertex);
        let mut open = around.to_vec();
        bits::clear(&mut open, vertex);
        while let Some(next) = self.busiest(&open) {
            bits::set(&mut clique, next);
            bits::and(&mut open, self.near.row(next));
            bits::clear(&mut open, next);
        }
        clique
    }

    /// The vertex with the most neighbours among the same, the first of several.
    fn busiest(&mut self, among: &[u64]) -> Option<usize> {
        self.work += (bits::count(among) * among.len()) as u64;
        bits::ones(among)
            .max_by_key(|&vertex| (bits::count_both(self.near.row(vertex), among), std::cmp::Reverse(vertex)))
    }

    /// Every maximal clique that holds `clique`, takes from `open` and cannot be made larger from `closed`.
    fn maximal_cliques(
        &mut self,
        clique: &mut Vec<u64>,
        mut open: Vec<u64>,
        mut closed: Vec<u64>,
        found: &mut Vec<Vec<u64>>,
    ) {
        if self.over() {
            return;
        }
        let mut either = open.clone();
        bits::or(&mut either, &closed);
        if bits::is_empty(&either) {
            found.push(clique.clone());
            return;
        }
        self.work += (bits::count(&either) * open.len()) as u64;
        let common = |vertex: &usize| (bits::count_both(self.near.row(*vertex), &open), std::cmp::Reverse(*vertex));
        let Some(pivot) = bits::ones(&either).max_by_key(common) else { return };
        let mut tried = open.clone();
        bits::and_not(&mut tried, self.near.row(pivot));
        if bits::has(&open, pivot) {
            // A closed neighbourhood holds its own vertex, which is to be tried.
            bits::set(&mut tried, pivot);
        }
        for vertex in bits::ones(&tried) {
            let (mut inside, mut outside) = (open.clone(), closed.clone());
            bits::and(&mut inside, self.near.row(vertex));
            bits::and(&mut outside, self.near.row(vertex));
            bits::clear(&mut inside, vertex);
            bits::set(clique, vertex);
            self.maximal_cliques(clique, inside, outside, found);
            bits::clear(clique, vertex);
            bits::clear(&mut open, vertex);
            bits::set(&mut closed, vertex);
        }
    }
}
