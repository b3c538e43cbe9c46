//! The fewest cliques that cover a kernel: branch and bound.
//!
//! Some clique covers the vertex with the fewest neighbours, and a maximal one will do: each of them is tried (Bron
//! and Kerbosch's enumeration with Tomita's pivot inside that neighbourhood), what it covers is taken away, the
//! reductions run again, and a set of pairwise incompatible vertices bounds what is left from below. The first descent
//! is a greedy cover. A count of the words looked at ends the search, so that the answer is the same on every machine;
//! what was found by then is a cover still, and no longer proven to be the smallest.

use super::bits::{self, BitMatrix};
use super::kernel::{self, Step, Work};

/// A cover of a kernel and how good it is.
#[derive(Debug)]
pub struct Found {
    /// Steps that give the cliques; `None` when the work was over before there was any cover.
    pub steps: Option<Vec<Step>>,
    /// No cover has fewer cliques.
    pub lower_bound: usize,
}

/// Searches one component until everything is tried or the work is over.
#[must_use]
pub fn cover(near: &BitMatrix, component: &[u64], work: &mut Work) -> Found {
    let lower = kernel::survey(near, component, work).map_or(0, |(_, independent)| independent);
    let mut search = Search { near, best: None, work: *work, lower, stopped: false };
    search.descend(component.to_vec(), &mut Vec::new(), 0);
    *work = search.work;
    let lower_bound = match &search.best {
        Some((size, _)) if !search.stopped => *size,
        _ => lower,
    };
    Found { steps: search.best.map(|(_, steps)| steps), lower_bound }
}

struct Search<'n> {
    near: &'n BitMatrix,
    /// The best cover so far: its size and its steps.
    best: Option<(usize, Vec<Step>)>,
    work: Work,
    /// A cover of this size cannot be beaten.
    lower: usize,
    stopped: bool,
}

impl Search<'_> {
    /// Covers what is live after `used` cliques. `steps` is as before on return.
    fn descend(&mut self, mut live: Vec<u64>, steps: &mut Vec<Step>, used: usize) {
        let mark = steps.len();
        let used = used + kernel::reduce(self.near, &mut live, steps, &mut self.work);
        match kernel::survey(self.near, &live, &mut self.work) {
            Some((vertex, bound)) if self.may_improve(used + bound) && !self.over() => {
                self.branch(vertex, &live, steps, used);
            }
            None if self.may_improve(used) => self.best = Some((used, steps.clone())),
            _ => {}
        }
        steps.truncate(mark);
    }

    fn may_improve(&self, size: usize) -> bool {
        self.best.as_ref().is_none_or(|(best, _)| size < *best)
    }

    /// Whether the search is over: nothing better can be found, or the work is done.
    fn over(&mut self) -> bool {
        if self.best.as_ref().is_some_and(|(best, _)| *best <= self.lower) {
            return true;
        }
        self.stopped |= self.work.is_over();
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
        self.work.spend(bits::count(among) * among.len());
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
        self.work.spend(bits::count(&either) * open.len());
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
