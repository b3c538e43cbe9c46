//! A cover by the largest blocks: the greedy algorithm of R. Belohlavek, V. Vychodil, *Discovery of optimal factors in
//! binary data via a novel method of matrix decomposition*, J. Computer and System Sciences 76 (2010), on essential
//! entries.
//!
//! A block starts with all rows and no column and takes in, one after the other, the column with which it covers the
//! most open entries, as long as that is more than before. It does well on dense matrices, where choosing by the
//! smallest row or column does badly, and costs more: blocks x columns x ones / 64 words.

use super::bits::{self, BitMatrix};
use super::kernel::Work;
use super::matrix::{Block, Dense};

/// Maximal blocks that cover all essential entries; `None` when the work is over before that.
#[must_use]
pub fn cover(dense: &Dense, essential: &BitMatrix, work: &mut Work) -> Option<Vec<Block>> {
    let mut open = essential.clone();
    let mut blocks = Vec::new();
    while let Some(block) = largest(dense, &open, work) {
        for row in bits::ones(&block.rows) {
            bits::and_not(open.row_mut(row), &block.columns);
        }
        blocks.push(block);
    }
    (!work.is_over()).then_some(blocks)
}

/// The block that the greedy choice of columns leads to; `None` when nothing is open, or the work is over.
fn largest(dense: &Dense, open: &BitMatrix, work: &mut Work) -> Option<Block> {
    let mut best = Block { rows: bits::full(dense.rows_n), columns: bits::empty(dense.columns_n) };
    let mut best_gain = 0;
    loop {
        let mut next: Option<Block> = None;
        let base = best.clone();
        for column in (0..dense.columns_n).filter(|&column| !bits::has(&base.columns, column)) {
            if work.is_over() {
                return None;
            }
            let mut rows = base.rows.clone();
            bits::and(&mut rows, dense.columns.row(column));
            let columns = dense.columns_with(&rows);
            let gain = bits::ones(&rows).map(|row| bits::count_both(open.row(row), &columns)).sum();
            work.spend(rows.len() + 2 * bits::count(&rows) * columns.len());
            if gain > best_gain {
                best_gain = gain;
                next = Some(Block { rows, columns });
            }
        }
        match next {
            Some(block) => best = block,
            None => return (best_gain > 0).then_some(best),
        }
    }
}
