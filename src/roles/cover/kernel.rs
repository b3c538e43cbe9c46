//! The graph of essential entries, and the rules that make it smaller without changing the answer.
//!
//! Two ones are *compatible* when some block of ones holds both. A set of pairwise compatible ones lies in one block,
//! so that the fewest blocks that cover all are the fewest cliques that cover this graph. Where the closed
//! neighbourhood of one vertex is a subset of another's, every clique with the first can take in the second, and the
//! second need not be asked about (A. Ene, W. Horne, N. Milosavljevic, P. Rao, R. Schreiber, R. E. Tarjan, *Fast exact
//! and heuristic methods for role minimization problems*, SACMAT 2008). A vertex without neighbours is a clique of its
//! own. What neither rule can touch is the kernel.
//!
//! Time: a round compares the neighbourhoods of neighbours, edges x vertices / 64 words; after the first round only
//! vertices whose neighbourhood has shrunk are looked at again.

use super::bits::{self, BitMatrix};
use super::matrix::{Block, Dense};

/// Essential entries and which of them fit together.
#[derive(Debug)]
pub struct Compatibility {
    /// Row and column of each entry, in ascending order.
    pub entries: Vec<(usize, usize)>,
    /// Closed neighbourhoods.
    pub near: BitMatrix,
}

impl Compatibility {
    /// The graph of these entries.
    #[must_use]
    pub fn new(dense: &Dense, essential: &BitMatrix) -> Self {
        let mut entries: Vec<(usize, usize)> = Vec::new();
        let mut starts = Vec::with_capacity(dense.rows_n + 1);
        for row in 0..dense.rows_n {
            starts.push(entries.len());
            entries.extend(bits::ones(essential.row(row)).map(|column| (row, column)));
        }
        starts.push(entries.len());
        let mut near = BitMatrix::new(entries.len(), entries.len());
        for (vertex, &(row, column)) in entries.iter().enumerate() {
            for other_row in bits::ones(dense.columns.row(column)) {
                let start = starts[other_row];
                for (at, &(_, other_column)) in entries[start..starts[other_row + 1]].iter().enumerate() {
                    if dense.has(row, other_column) {
                        bits::set(near.row_mut(vertex), start + at);
                    }
                }
            }
        }
        Self { entries, near }
    }

    /// The maximal block that holds these entries, which are pairwise compatible.
    #[must_use]
    pub fn block(&self, dense: &Dense, clique: &[u64]) -> Block {
        let columns = bits::of(dense.columns_n, bits::ones(clique).map(|vertex| self.entries[vertex].1));
        dense.block(&columns)
    }
}

/// One step from the graph to nothing. Undone in reverse order, the steps give the cliques.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// This set is a clique of the cover.
    Clique(Vec<u64>),
    /// Whatever clique holds `by` can hold `vertex` too.
    Dominated { vertex: usize, by: usize },
}

/// The cliques that the steps come to, which cover every vertex that the steps took away.
#[must_use]
pub fn cliques(steps: &[Step]) -> Vec<Vec<u64>> {
    let mut cliques: Vec<Vec<u64>> = Vec::new();
    for step in steps.iter().rev() {
        match step {
            Step::Clique(clique) => cliques.push(clique.clone()),
            Step::Dominated { vertex, by } => {
                if let Some(clique) = cliques.iter_mut().find(|clique| bits::has(clique, *by)) {
                    bits::set(clique, *vertex);
                }
            }
        }
    }
    cliques.reverse();
    cliques
}

/// Work that may still be done, in words looked at: a limit that is the same on every machine.
#[derive(Debug, Clone, Copy)]
pub struct Work(pub u64);

impl Work {
    /// Takes note of work.
    pub fn spend(&mut self, words: usize) {
        self.0 = self.0.saturating_sub(words as u64);
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_over(self) -> bool {
        self.0 == 0
    }
}

/// Applies both rules until neither applies, or until the work is over. Takes what they decide out of `live`, notes the
/// steps, and gives the number of cliques among them.
pub fn reduce(near: &BitMatrix, live: &mut [u64], steps: &mut Vec<Step>, work: &mut Work) -> usize {
    let mut forced = 0;
    let mut pending = live.to_vec();
    while !bits::is_empty(&pending) {
        let round = std::mem::replace(&mut pending, vec![0; live.len()]);
        for vertex in bits::ones(&round) {
            if work.is_over() {
                return forced;
            }
            if !bits::has(live, vertex) {
                continue;
            }
            let mut own = near.row(vertex).to_vec();
            bits::and(&mut own, live);
            let neighbours = bits::count(&own);
            for other in bits::ones(&own.clone()) {
                if other != vertex && bits::is_subset(&own, near.row(other)) {
                    bits::clear(live, other);
                    bits::clear(&mut own, other);
                    steps.push(Step::Dominated { vertex: other, by: vertex });
                    bits::or(&mut pending, near.row(other));
                }
            }
            work.spend(neighbours + live.len());
            if bits::count(&own) == 1 {
                bits::clear(live, vertex);
                steps.push(Step::Clique(own));
                forced += 1;
            }
        }
        bits::and(&mut pending, live);
    }
    forced
}

/// Connected components of what is live, by their first vertices.
#[must_use]
pub fn components(near: &BitMatrix, live: &[u64]) -> Vec<Vec<u64>> {
    let mut left = live.to_vec();
    let mut found = Vec::new();
    while let Some(start) = bits::first(&left) {
        let mut component = vec![0; live.len()];
        bits::set(&mut component, start);
        let mut next = vec![start];
        while let Some(vertex) = next.pop() {
            let mut fresh = near.row(vertex).to_vec();
            bits::and(&mut fresh, live);
            bits::and_not(&mut fresh, &component);
            bits::or(&mut component, &fresh);
            next.extend(bits::ones(&fresh));
        }
        bits::and_not(&mut left, &component);
        found.push(component);
    }
    found
}

/// The vertex with the fewest neighbours, the first of several, and the size of a set of vertices of which no two are
/// neighbours: no clique covers two of them, so that no cover is smaller. Greedy, fewest neighbours first. `None` when
/// nothing is live.
pub fn survey(near: &BitMatrix, live: &[u64], work: &mut Work) -> Option<(usize, usize)> {
    let mut order: Vec<(usize, usize)> =
        bits::ones(live).map(|vertex| (bits::count_both(near.row(vertex), live), vertex)).collect();
    work.spend(order.len() * live.len());
    order.sort_unstable();
    let &(_, loneliest) = order.first()?;
    let mut left = live.to_vec();
    let mut independent = 0;
    for (_, vertex) in order {
        if bits::has(&left, vertex) {
            bits::and_not(&mut left, near.row(vertex));
            independent += 1;
        }
    }
    Some((loneliest, independent))
}
