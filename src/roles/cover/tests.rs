//! The cover against its definition: the product is the matrix, the bound is a bound, and tiny optima are brute force's.

use super::testing::{planted_matrix, random_matrix};
use super::*;

/// The fewest blocks by trying every choice of maximal blocks, for matrices of a few rows and columns.
fn brute_force(matrix: &BooleanMatrix) -> usize {
    let rows: Vec<u32> = matrix.rows().iter().map(|row| row.iter().map(|&column| 1 << column).sum()).collect();
    let cell = |row: usize, column: usize| 1u64 << (row * matrix.columns() + column);
    let mut blocks: Vec<u64> = Vec::new();
    for columns in 1u32..1 << matrix.columns() {
        let having = (0..rows.len()).filter(|&row| rows[row] & columns == columns);
        let cells = having.flat_map(|row| {
            (0..matrix.columns()).filter(move |column| columns >> column & 1 == 1).map(move |column| (row, column))
        });
        blocks.push(cells.map(|(row, column)| cell(row, column)).sum());
    }
    blocks.sort_unstable();
    blocks.dedup();
    let target: u64 =
        (0..rows.len()).flat_map(|row| matrix.rows()[row].iter().map(move |&column| cell(row, column as usize))).sum();
    (0..=rows.len()).find(|&n| coverable(&blocks, target, n)).expect("one block a row is a cover")
}

/// Whether so many blocks cover what is left. The first cell that is left must be in one of them.
fn coverable(blocks: &[u64], left: u64, n: usize) -> bool {
    if left == 0 || n == 0 {
        return left == 0;
    }
    let first = 1u64 << left.trailing_zeros();
    blocks.iter().filter(|block| *block & first != 0).any(|block| coverable(blocks, left & !block, n - 1))
}

fn checked(matrix: &BooleanMatrix, limits: Limits, what: &str) -> Cover {
    let cover = cover(matrix, limits);
    assert_eq!(&cover.product(matrix.rows().len(), matrix.columns()), matrix, "{what}: the product is the matrix");
    assert!(cover.lower_bound <= cover.bicliques.len(), "{what}: the bound is below");
    assert_eq!(cover.is_exact(), cover.reached.is_empty(), "{what}: what is not proven has a reason");
    assert!(cover.bicliques.iter().all(|one| !one.rows.is_empty() && !one.columns.is_empty()), "{what}");
    cover
}

#[test]
fn tiny_matrices_have_as_many_blocks_as_brute_force_finds() {
    let mut beyond_greedy = 0;
    for seed in 0..3000 {
        let matrix = random_matrix(seed, 5, 5);
        let optimum = brute_force(&matrix);
        let found = checked(&matrix, Limits::default(), &format!("seed {seed}"));
        assert_eq!((found.bicliques.len(), found.is_exact()), (optimum, true), "seed {seed}: {matrix:?}");
        // Without the exact method the bound and the cover enclose the optimum.
        let rough = checked(&matrix, Limits { entries_max: 0, ..Limits::default() }, &format!("seed {seed}, greedy"));
        assert!((rough.lower_bound..=rough.bicliques.len()).contains(&optimum), "seed {seed}");
        beyond_greedy += usize::from(!rough.is_exact());
    }
    assert!(beyond_greedy > 20, "only {beyond_greedy} matrices needed more than a greedy cover and a fooling set");
}

#[test]
fn reductions_and_search_alone_come_to_what_brute_force_finds() {
    let mut parts_n = 0;
    for seed in 0..600 {
        for part in Part::split(&random_matrix(seed, 6, 6)) {
            let dense = Dense::new(&part);
            let (blocks, bound) = exact(&dense, &essential::entries(&dense), &mut Work(1_000_000));
            let rows = part.rows.clone();
            let optimum = brute_force(&BooleanMatrix::new(part.columns.len(), rows));
            assert_eq!((blocks.map(|blocks| blocks.len()), bound), (Some(optimum), optimum), "seed {seed}: {part:?}");
            parts_n += 1;
        }
    }
    assert!(parts_n > 500, "{parts_n}");
}

#[test]
fn a_matrix_without_a_fooling_set_of_its_rank_is_searched() {
    // The complement of the identity of order 6: four blocks (Sperner: C(4, 2) = 6), and a fooling set of three.
    let rows = (0..6).map(|row| (0..6).filter(|&column| column != row).collect()).collect();
    let found = checked(&BooleanMatrix::new(6, rows), Limits::default(), "crown");
    assert_eq!((found.bicliques.len(), found.lower_bound), (4, 4));
}

#[test]
fn random_matrices_are_reproduced_whatever_the_limits() {
    for (seed, work_max) in (0..1500).zip([0, 300, 3_000, 100_000].into_iter().cycle()) {
        let matrix = random_matrix(seed, 14, 14);
        let limits = [
            Limits { work_max, ..Limits::default() },
            Limits { entries_max: 5, ..Limits::default() },
            Limits { cells_max: 20, ..Limits::default() },
        ];
        let covers: Vec<Cover> =
            limits.into_iter().map(|limits| checked(&matrix, limits, &format!("seed {seed}, {limits:?}"))).collect();
        let least = covers.iter().map(|cover| cover.bicliques.len()).min().unwrap_or(0);
        assert!(covers.iter().all(|cover| cover.lower_bound <= least), "seed {seed}: a bound is above a cover");
    }
}

#[test]
fn planted_roles_are_found_or_beaten() {
    for seed in 0..40 {
        let matrix = planted_matrix(seed, 60, 40, 8);
        let found = checked(&matrix, Limits::default(), &format!("seed {seed}"));
        assert!(found.bicliques.len() <= 8, "seed {seed}: {}", found.bicliques.len());
    }
}

#[test]
fn twenty_thousand_rows_are_covered_by_the_roles_that_they_were_made_of() {
    let matrix = planted_matrix(1, 20_000, 1_000, 200);
    let found = checked(&matrix, Limits::default(), "large");
    assert!(found.bicliques.len() <= 200 && found.is_exact(), "{} roles", found.bicliques.len());
}

#[test]
fn the_empty_matrix_needs_nothing_and_rows_in_any_order_give_the_same_number() {
    for matrix in [BooleanMatrix::default(), BooleanMatrix::new(3, vec![vec![]; 4])] {
        let found = checked(&matrix, Limits::default(), "empty");
        assert!(found.bicliques.is_empty() && found.is_exact());
    }
    for seed in 0..50 {
        let matrix = planted_matrix(seed, 30, 20, 6);
        let reversed = BooleanMatrix::new(20, matrix.rows().iter().rev().cloned().collect());
        let sizes = [&matrix, &reversed].map(|matrix| cover(matrix, Limits::default()).bicliques.len());
        assert_eq!(sizes[0], sizes[1], "seed {seed}");
    }
}

#[test]
fn no_assignment_can_be_spared() {
    for seed in 0..200 {
        let matrix = random_matrix(seed, 10, 10);
        let cover = cover(&matrix, Limits::default());
        for at in 0..cover.bicliques.len() {
            for row in 0..cover.bicliques[at].rows.len() {
                let mut less = cover.clone();
                less.bicliques[at].rows.remove(row);
                assert_ne!(less.product(matrix.rows().len(), matrix.columns()), matrix, "seed {seed}");
            }
        }
    }
}

#[test]
fn a_dense_matrix_needs_far_fewer_blocks_than_rows() {
    // Every row lacks one or two columns of sixty. Six bits tell sixty columns apart: a dozen blocks cover a crown.
    let mut numbers = super::testing::Numbers(5);
    let rows = (0..70).map(|_| {
        let missing = [numbers.below(60), numbers.below(60)].map(|column| u32::try_from(column).unwrap_or(0));
        (0..60).filter(|column| !missing.contains(column)).collect()
    });
    let found = checked(&BooleanMatrix::new(60, rows.collect()), Limits::default(), "dense");
    assert!(found.bicliques.len() <= 30, "{} blocks", found.bicliques.len());
}
