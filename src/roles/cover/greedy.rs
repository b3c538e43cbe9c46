//! A cover at once: blocks chosen one by one (the heuristic of Ene et al., SACMAT 2008, on essential entries).
//!
//! The row or column with the fewest entries that are still open is taken whole: the block of all its open entries,
//! as large as it can be. No choice is undone. Time: blocks x (rows + columns) and a block's rows and columns in words.

use super::bits::{self, BitMatrix};
use super::matrix::{Block, Dense};

/// Entries compared with those chosen so far, at most, when a lower bound is looked for.
const COMPARISONS_MAX: usize = 50_000_000;

/// Maximal blocks that cover all essential entries, and with them all ones.
#[must_use]
pub fn cover(dense: &Dense, essential: &BitMatrix) -> Vec<Block> {
    let mut open = Open::new(dense, essential);
    let mut blocks = Vec::new();
    while let Some(columns) = open.next(dense) {
        let block = dense.block(&columns);
        open.close(&block);
        blocks.push(block);
    }
    blocks
}

/// Entries that no block covers yet, both ways.
struct Open {
    rows: BitMatrix,
    columns: BitMatrix,
    row_sizes: Vec<usize>,
    column_sizes: Vec<usize>,
}

impl Open {
    fn new(dense: &Dense, essential: &BitMatrix) -> Self {
        let mut columns = BitMatrix::new(dense.columns_n, dense.rows_n);
        for row in 0..dense.rows_n {
            for column in bits::ones(essential.row(row)) {
                bits::set(columns.row_mut(column), row);
            }
        }
        let row_sizes = (0..dense.rows_n).map(|row| bits::count(essential.row(row))).collect();
        let column_sizes = (0..dense.columns_n).map(|column| bits::count(columns.row(column))).collect();
        Self { rows: essential.clone(), columns, row_sizes, column_sizes }
    }

    /// Columns of the next block.
    fn next(&self, dense: &Dense) -> Option<Vec<u64>> {
        let (row, column) = (least(&self.row_sizes), least(&self.column_sizes));
        match (row, column) {
            (None, _) | (_, None) => None,
            (Some((few, row)), Some((size, _))) if few <= size => Some(self.rows.row(row).to_vec()),
            (_, Some((_, column))) => Some(dense.columns_with(self.columns.row(column))),
        }
    }

    fn close(&mut self, block: &Block) {
        for row in bits::ones(&block.rows) {
            bits::and_not(self.rows.row_mut(row), &block.columns);
            self.row_sizes[row] = bits::count(self.rows.row(row));
        }
        for column in bits::ones(&block.columns) {
            bits::and_not(self.columns.row_mut(column), &block.rows);
            self.column_sizes[column] = bits::count(self.columns.row(column));
        }
    }
}

/// The least size above zero and where it is, the first of several.
fn least(sizes: &[usize]) -> Option<(usize, usize)> {
    sizes.iter().enumerate().filter(|(_, size)| **size > 0).map(|(at, size)| (*size, at)).min()
}

/// A number of ones of which no block holds two (a fooling set): no cover has fewer blocks. Greedy, those in the
/// smallest surroundings first; it ends early in a huge matrix, where it is a bound still.
#[must_use]
pub fn lower_bound(dense: &Dense, essential: &BitMatrix) -> usize {
    let row_sizes: Vec<usize> = (0..dense.rows_n).map(|row| bits::count(dense.rows.row(row))).collect();
    let column_sizes: Vec<usize> = (0..dense.columns_n).map(|column| bits::count(dense.columns.row(column))).collect();
    let mut entries: Vec<(usize, usize, usize)> = Vec::new();
    for (row, size) in row_sizes.iter().enumerate() {
        entries.extend(bits::ones(essential.row(row)).map(|column| (size * column_sizes[column], row, column)));
    }
    entries.sort_unstable();
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    let mut compared = 0usize;
    for (_, row, column) in entries {
        compared += chosen.len();
        if compared > COMPARISONS_MAX {
            break;
        }
        if !chosen.iter().any(|&(other, another)| dense.has(row, another) && dense.has(other, column)) {
            chosen.push((row, column));
        }
    }
    chosen.len()
}
