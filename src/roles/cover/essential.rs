//! The ones that decide: whoever covers them with maximal blocks has covered all.
//!
//! A one at `(i, j)` lies in every maximal block that holds a one at `(k, l)` when row `k` is a subset of row `i` and
//! column `l` a subset of column `j`. It is therefore enough to cover the ones below which there is no other: those
//! whose row has no proper subset with that column, and whose column has no proper subset with that row. These are the
//! *essential* entries of R. Belohlavek, M. Trnecka, *From-below approximations in Boolean matrix factorization:
//! Geometry and new algorithm*, J. Computer and System Sciences 81 (2015), and the outcome of the first dominance rule
//! of Ene et al. on the whole matrix, at the cost of comparing rows and columns in place of pairs of ones.
//!
//! Time: ones x rows / 64 words to find the supersets of all rows, and as much for columns.

use super::bits::{self, BitMatrix};
use super::matrix::Dense;

/// Rows (or columns) up to which subsets are looked for: the relation is kept as a square of bits, 128 MiB here.
const COMPARED_MAX: usize = 32_768;

/// The essential ones, as columns of each row. In a matrix with too many rows or columns to compare, more ones than
/// necessary are called essential, which costs quality and no correctness.
#[must_use]
pub fn entries(dense: &Dense) -> BitMatrix {
    let mut essential = dense.rows.clone();
    for (row, above) in implied(dense).iter().enumerate() {
        bits::and_not(essential.row_mut(row), above);
    }
    for (column, above) in implied(&dense.transposed()).iter().enumerate() {
        for row in bits::ones(above) {
            bits::clear(essential.row_mut(row), column);
        }
    }
    essential
}

/// For each row the union of the rows that are proper subsets of it; nothing when there are too many rows.
fn implied(dense: &Dense) -> Vec<Vec<u64>> {
    if dense.rows_n > COMPARED_MAX {
        return Vec::new();
    }
    let mut above = BitMatrix::new(dense.rows_n, dense.rows_n);
    for row in 0..dense.rows_n {
        let supersets = dense.rows_with(dense.rows.row(row));
        above.row_mut(row).copy_from_slice(&supersets);
        bits::clear(above.row_mut(row), row);
    }
    let mut implied = vec![bits::empty(dense.columns_n); dense.rows_n];
    for row in 0..dense.rows_n {
        // The least supersets are enough: they hand on what they hold. Rows are in the order of their sizes, so the
        // first superset that is left is a least one.
        let mut left = above.row(row).to_vec();
        while let Some(least) = bits::first(&left) {
            bits::or(&mut implied[least], dense.rows.row(row));
            bits::and_not(&mut left, above.row(least));
            bits::clear(&mut left, least);
        }
    }
    implied
}

#[cfg(test)]
mod tests {
    use super::super::matrix::{BooleanMatrix, Part};
    use super::super::testing::random_matrix;
    use super::*;

    /// The definition, one by one.
    fn naive(dense: &Dense) -> Vec<(usize, usize)> {
        let ones =
            || (0..dense.rows_n).flat_map(|row| bits::ones(dense.rows.row(row)).map(move |column| (row, column)));
        let below = |(k, l): (usize, usize), (i, j): (usize, usize)| {
            (k, l) != (i, j)
                && bits::is_subset(dense.rows.row(k), dense.rows.row(i))
                && bits::is_subset(dense.columns.row(l), dense.columns.row(j))
        };
        ones().filter(|&one| !ones().any(|other| below(other, one))).collect()
    }

    #[test]
    fn the_entries_are_those_of_the_definition() {
        let mut compared = 0;
        for seed in 0..300 {
            for part in Part::split(&random_matrix(seed, 9, 9)) {
                let dense = Dense::new(&part);
                let found = entries(&dense);
                let found: Vec<(usize, usize)> = (0..dense.rows_n)
                    .flat_map(|row| bits::ones(found.row(row)).map(move |column| (row, column)).collect::<Vec<_>>())
                    .collect();
                assert_eq!(found, naive(&dense), "seed {seed}");
                compared += found.len();
            }
        }
        assert!(compared > 1000, "{compared}");
    }

    #[test]
    fn in_a_chain_the_last_step_of_each_row_is_essential() {
        let chain = BooleanMatrix::new(4, (1..=4).map(|n| (0..n).collect()).collect());
        let parts = Part::split(&chain);
        let dense = Dense::new(&parts[0]);
        let found = entries(&dense);
        assert!((0..4).all(|row| bits::count(found.row(row)) == 1));
    }
}
