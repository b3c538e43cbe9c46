//! From maximal blocks to blocks that overlap no more than they must: fewer assignments for the same product.
//!
//! Maximal blocks are what the search needs and not what an organisation wants to maintain: a member of a role of whom
//! every right comes through another role too is an assignment for nothing. Blocks that are covered by the others go
//! first; then each row keeps as few blocks as it needs, and each column, in the order that leaves less. Reverse deletion,
//! the smallest first: what is left cannot lose anything more, which is a minimal cover and not always a smallest one.

use super::matrix::Part;

/// A block by its rows and columns, ascending.
pub type Sides = (Vec<u32>, Vec<u32>);

/// Takes rows and columns out of blocks wherever the other blocks cover them. The product stays what it is.
#[must_use]
pub fn trim(part: &Part, blocks: &[Sides]) -> Vec<Sides> {
    let rows_first = thin_columns(part, &thin_rows(part, blocks));
    let columns_first = thin_rows(part, &thin_columns(part, blocks));
    let assignments = |blocks: &[Sides]| -> usize {
        let sum = |numbers: &[u32], members: &[Vec<u32>]| -> usize {
            numbers.iter().map(|&number| members[number as usize].len()).sum()
        };
        blocks.iter().map(|(rows, columns)| sum(rows, &part.row_members) + sum(columns, &part.column_members)).sum()
    };
    let mut best = if assignments(&columns_first) < assignments(&rows_first) { columns_first } else { rows_first };
    best.retain(|(rows, columns)| !rows.is_empty() && !columns.is_empty());
    best
}

fn thin_rows(part: &Part, blocks: &[Sides]) -> Vec<Sides> {
    let rows = thin_out(blocks, part.rows.len());
    blocks.iter().zip(rows).map(|((_, columns), rows)| (rows, columns.clone())).collect()
}

fn thin_columns(part: &Part, blocks: &[Sides]) -> Vec<Sides> {
    let turned: Vec<Sides> = blocks.iter().map(|(rows, columns)| (columns.clone(), rows.clone())).collect();
    let columns = thin_out(&turned, part.columns.len());
    blocks.iter().zip(columns).map(|((rows, _), columns)| (rows.clone(), columns)).collect()
}

/// Drops blocks of which each one is in another block, the smallest first.
#[must_use]
pub fn drop_covered(part: &Part, mut blocks: Vec<Sides>) -> Vec<Sides> {
    let mut of_row: Vec<Vec<usize>> = vec![Vec::new(); part.rows.len()];
    for (number, (rows, _)) in blocks.iter().enumerate() {
        for &row in rows {
            of_row[row as usize].push(number);
        }
    }
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    order.sort_by_key(|&number| (blocks[number].0.len() * blocks[number].1.len(), number));
    let mut seen = vec![usize::MAX; part.columns.len()];
    let mut stamp = 0;
    for number in order {
        let redundant = blocks[number].0.iter().all(|&row| {
            stamp += 1;
            for &other in of_row[row as usize].iter().filter(|&&other| other != number) {
                for &column in &blocks[other].1 {
                    seen[column as usize] = stamp;
                }
            }
            blocks[number].1.iter().all(|&column| seen[column as usize] == stamp)
        });
        if redundant {
            for &row in &std::mem::take(&mut blocks[number].0) {
                of_row[row as usize].retain(|&other| other != number);
            }
        }
    }
    blocks.retain(|(rows, _)| !rows.is_empty());
    blocks
}

/// The rows that each block needs when every row keeps a minimal choice of the blocks that it is in.
fn thin_out(blocks: &[Sides], rows_n: usize) -> Vec<Vec<u32>> {
    let mut of_row: Vec<Vec<usize>> = vec![Vec::new(); rows_n];
    for (number, (rows, _)) in blocks.iter().enumerate() {
        for &row in rows {
            of_row[row as usize].push(number);
        }
    }
    let widest = blocks.iter().flat_map(|(_, columns)| columns).max().map_or(0, |&last| last as usize + 1);
    let mut counts = vec![0u32; widest];
    let mut kept: Vec<Vec<u32>> = vec![Vec::new(); blocks.len()];
    for (row, mut numbers) in (0u32..).zip(of_row) {
        let columns = |number: usize| blocks[number].1.iter().map(|&column| column as usize);
        numbers.iter().flat_map(|&number| columns(number)).for_each(|column| counts[column] += 1);
        numbers.sort_by_key(|&number| (blocks[number].1.len(), number));
        for &number in &numbers {
            if columns(number).all(|column| counts[column] > 1) {
                columns(number).for_each(|column| counts[column] -= 1);
            } else {
                kept[number].push(row);
            }
        }
        numbers.iter().flat_map(|&number| columns(number)).for_each(|column| counts[column] = 0);
    }
    kept
}
