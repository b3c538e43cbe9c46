//! The fewest blocks of ones whose union is a boolean matrix: exact where that is affordable, and bounded from below
//! in any case. Nothing here knows what rows and columns stand for.
//!
//! The decomposition into a boolean product `A ∘ B` of the smallest inner dimension is the minimum biclique cover of
//! the bipartite graph whose edges are the ones, and NP-hard. Following A. Ene, W. Horne, N. Milosavljevic, P. Rao,
//! R. Schreiber, R. E. Tarjan, *Fast exact and heuristic methods for role minimization problems*, SACMAT 2008:
//!
//! 1. equal rows and equal columns are one, and parts that share nothing are solved apart (`matrix`);
//! 2. only `essential` ones have to be covered;
//! 3. a greedy cover (`greedy`; `concepts` where it is affordable), and a fooling set that no cover can beat: often
//!    both have the same size;
//! 4. else the essential ones form a graph that dominance makes smaller (`kernel`), most often to nothing;
//! 5. what is left is searched (`search`) with a limit on the work;
//! 6. blocks lose the overlap that the product does not need (`trim`).
//!
//! Every limit that is reached is in the answer. The same matrix gives the same cover.

pub mod bits;
mod concepts;
mod essential;
mod greedy;
mod kernel;
mod matrix;
mod search;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod trim;

use kernel::Work;
pub use matrix::BooleanMatrix;
use matrix::{Block, Dense, Part};
use trim::Sides;

/// How much may be spent on one matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Cells of a connected part that are held as bits, twice; a larger part is not minimised.
    pub cells_max: usize,
    /// Essential ones of a part up to which the exact method is tried.
    pub entries_max: usize,
    /// Words that reductions and search may look at, over all parts; a third of it goes to the greedy choice of the
    /// largest blocks.
    pub work_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cells_max: 4_000_000_000, entries_max: 4_000, work_max: 30_000_000 }
    }
}

/// A limit that was reached: the cover is a cover, and perhaps not the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// A part has too many cells: its distinct rows or columns are its blocks.
    Cells,
    /// A part has too many essential ones: its cover is the greedy one.
    Entries,
    /// The search ended before it had seen everything.
    Work,
}

/// A block of ones: all of these rows have all of these columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Biclique {
    /// Ascending.
    pub rows: Vec<u32>,
    /// Ascending.
    pub columns: Vec<u32>,
}

/// Blocks whose union is the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cover {
    /// The largest (in ones) first.
    pub bicliques: Vec<Biclique>,
    /// No cover has fewer blocks.
    pub lower_bound: usize,
    /// Limits that were reached, each once.
    pub reached: Vec<Reached>,
}

impl Cover {
    /// Whether it is proven that no cover has fewer blocks.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.bicliques.len() == self.lower_bound
    }

    /// The union of the blocks as a matrix.
    #[must_use]
    pub fn product(&self, rows: usize, columns: usize) -> BooleanMatrix {
        let mut ones = vec![Vec::new(); rows];
        for biclique in &self.bicliques {
            for &row in &biclique.rows {
                ones[row as usize].extend_from_slice(&biclique.columns);
            }
        }
        BooleanMatrix::new(columns, ones)
    }
}

/// Covers a matrix with as few blocks as the limits let it find.
#[must_use]
pub fn cover(matrix: &BooleanMatrix, limits: Limits) -> Cover {
    let mut cover = Cover::default();
    let mut budget = Budget { concepts: Work(limits.work_max / 3), exact: Work(limits.work_max) };
    for part in Part::split(matrix) {
        let solved = solve(&part, limits, &mut budget);
        cover.lower_bound += solved.lower_bound;
        cover.reached.extend(solved.reached);
        let blocks = trim::trim(&part, &solved.blocks);
        cover.bicliques.extend(blocks.into_iter().map(|block| named(&part, &block)));
    }
    cover.reached.sort_unstable();
    cover.reached.dedup();
    let ones = |biclique: &Biclique| biclique.rows.len() * biclique.columns.len();
    cover
        .bicliques
        .sort_by(|a, b| ones(b).cmp(&ones(a)).then_with(|| (&a.rows, &a.columns).cmp(&(&b.rows, &b.columns))));
    cover
}

/// A block of a part in rows and columns of the whole matrix.
fn named(part: &Part, (rows, columns): &Sides) -> Biclique {
    let all = |members: &[Vec<u32>], numbers: &[u32]| {
        let mut all: Vec<u32> = numbers.iter().flat_map(|&number| members[number as usize].iter().copied()).collect();
        all.sort_unstable();
        all
    };
    Biclique { rows: all(&part.row_members, rows), columns: all(&part.column_members, columns) }
}

/// Work that is left for the parts that are still to come.
struct Budget {
    concepts: Work,
    exact: Work,
}

/// A cover of one part.
struct Solved {
    blocks: Vec<Sides>,
    lower_bound: usize,
    reached: Option<Reached>,
}

fn solve(part: &Part, limits: Limits, budget: &mut Budget) -> Solved {
    let plain = plain(part);
    if part.cells() > limits.cells_max {
        return Solved { blocks: plain, lower_bound: 1, reached: Some(Reached::Cells) };
    }
    let dense = Dense::new(part);
    let essential = essential::entries(&dense);
    let greedy = trim::drop_covered(part, greedy::cover(&dense, &essential).iter().map(sides).collect());
    let lower_bound = greedy::lower_bound(&dense, &essential);
    let mut best = shorter(greedy, plain);
    if best.len() == lower_bound {
        return Solved { blocks: best, lower_bound, reached: None };
    }
    if let Some(blocks) = concepts::cover(&dense, &essential, &mut budget.concepts) {
        best = shorter(best, trim::drop_covered(part, blocks.iter().map(sides).collect()));
    }
    if best.len() == lower_bound {
        return Solved { blocks: best, lower_bound, reached: None };
    }
    let entries_n: usize = (0..dense.rows_n).map(|row| bits::count(essential.row(row))).sum();
    if entries_n > limits.entries_max {
        return Solved { blocks: best, lower_bound, reached: Some(Reached::Entries) };
    }
    let (searched, bound) = exact(&dense, &essential, &mut budget.exact);
    let lower_bound = lower_bound.max(bound);
    if let Some(blocks) = searched {
        best = shorter(best, trim::drop_covered(part, blocks));
    }
    let reached = (best.len() > lower_bound).then_some(Reached::Work);
    Solved { blocks: best, lower_bound, reached }
}

/// The cover with fewer blocks, the first of equals.
fn shorter(one: Vec<Sides>, other: Vec<Sides>) -> Vec<Sides> {
    if other.len() < one.len() { other } else { one }
}

/// The cover that needs no thought: one block a row or one a column, whichever are fewer.
fn plain(part: &Part) -> Vec<Sides> {
    let blocks = |lines: &[Vec<u32>]| lines.iter().cloned().zip(0u32..).collect::<Vec<_>>();
    if part.rows.len() <= part.columns.len() {
        blocks(&part.rows).into_iter().map(|(columns, row)| (vec![row], columns)).collect()
    } else {
        blocks(&part.columns).into_iter().map(|(rows, column)| (rows, vec![column])).collect()
    }
}

fn sides(block: &Block) -> Sides {
    let numbers = |words: &[u64]| bits::ones(words).filter_map(|number| u32::try_from(number).ok()).collect();
    (numbers(&block.rows), numbers(&block.columns))
}

/// Reductions, then a search of each component of the kernel with what is left of the work. Gives the blocks, unless the
/// work was over before there was a cover, and a lower bound.
fn exact(dense: &Dense, essential: &bits::BitMatrix, work: &mut Work) -> (Option<Vec<Sides>>, usize) {
    let graph = kernel::Compatibility::new(dense, essential);
    let mut live = bits::full(graph.entries.len());
    let mut steps = Vec::new();
    let mut lower_bound = kernel::reduce(&graph.near, &mut live, &mut steps, work);
    let mut complete = true;
    for component in kernel::components(&graph.near, &live) {
        let found = search::cover(&graph.near, &component, work);
        lower_bound += found.lower_bound;
        complete &= found.steps.is_some();
        steps.extend(found.steps.into_iter().flatten());
    }
    let blocks = || kernel::cliques(&steps).iter().map(|clique| sides(&graph.block(dense, clique))).collect();
    (complete.then(blocks), lower_bound)
}
