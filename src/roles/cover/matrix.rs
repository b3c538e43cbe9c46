//! Boolean matrices: who has what, and the same with equal rows and equal columns joined.

use rustc_hash::FxHashMap;

use super::bits::{self, BitMatrix};

/// A boolean matrix by the ones of its rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BooleanMatrix {
    columns: usize,
    /// Columns of the ones of each row, ascending.
    rows: Vec<Vec<u32>>,
}

impl BooleanMatrix {
    /// A matrix from the columns of the ones of each row, in any order; a column may be named more than once.
    ///
    /// # Panics
    /// When a column is not below `columns`.
    #[must_use]
    pub fn new(columns: usize, mut rows: Vec<Vec<u32>>) -> Self {
        for row in &mut rows {
            row.sort_unstable();
            row.dedup();
            assert!(row.last().is_none_or(|&last| (last as usize) < columns), "a column outside the matrix");
        }
        Self { columns, rows }
    }

    /// Number of columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Columns of the ones of each row, ascending.
    #[must_use]
    pub fn rows(&self) -> &[Vec<u32>] {
        &self.rows
    }

    /// Number of ones.
    #[must_use]
    pub fn ones(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// Rows of the ones of each column, ascending.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut columns = vec![Vec::new(); self.columns];
        for (row, ones) in (0u32..).zip(&self.rows) {
            for &column in ones {
                columns[column as usize].push(row);
            }
        }
        Self { columns: self.rows.len(), rows: columns }
    }
}

/// Classes of rows with the same ones, by first member. Rows without ones are in no class.
fn classes(rows: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let mut class_of: FxHashMap<&[u32], usize> = FxHashMap::default();
    let mut classes: Vec<Vec<u32>> = Vec::new();
    for (number, row) in (0u32..).zip(rows).filter(|(_, row)| !row.is_empty()) {
        let class = *class_of.entry(row).or_insert(classes.len());
        if class == classes.len() {
            classes.push(Vec::new());
        }
        classes[class].push(number);
    }
    classes
}

/// A connected part of a matrix in which no two rows and no two columns are equal. Rows and columns are in the order
/// of their number of ones, so that a proper subset always comes before its supersets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Rows of the original matrix that each row stands for.
    pub row_members: Vec<Vec<u32>>,
    /// Columns of the original matrix that each column stands for.
    pub column_members: Vec<Vec<u32>>,
    /// Columns of the ones of each row, ascending.
    pub rows: Vec<Vec<u32>>,
    /// Rows of the ones of each column, ascending.
    pub columns: Vec<Vec<u32>>,
}

impl Part {
    /// Splits a matrix into its connected parts, by their first rows.
    #[must_use]
    pub fn split(matrix: &BooleanMatrix) -> Vec<Self> {
        let row_members = classes(&matrix.rows);
        let kept: Vec<Vec<u32>> = row_members.iter().map(|class| matrix.rows[class[0] as usize].clone()).collect();
        let narrow = BooleanMatrix { columns: matrix.columns, rows: kept }.transposed();
        let column_members = classes(&narrow.rows);
        let columns: Vec<Vec<u32>> =
            column_members.iter().map(|class| narrow.rows[class[0] as usize].clone()).collect();
        let small = BooleanMatrix { columns: row_members.len(), rows: columns }.transposed();
        components(&small)
            .into_iter()
            .map(|(rows, columns)| Self::of(&small, rows, columns, &row_members, &column_members))
            .collect()
    }

    /// The part of these rows and columns.
    fn of(
        small: &BooleanMatrix,
        mut rows: Vec<u32>,
        mut columns: Vec<u32>,
        row_members: &[Vec<u32>],
        column_members: &[Vec<u32>],
    ) -> Self {
        rows.sort_by_key(|&row| (small.rows[row as usize].len(), row));
        let mut sizes: FxHashMap<u32, usize> = FxHashMap::default();
        for &row in &rows {
            for &column in &small.rows[row as usize] {
                *sizes.entry(column).or_default() += 1;
            }
        }
        columns.sort_by_key(|column| (sizes.get(column).copied().unwrap_or(0), *column));
        let place: FxHashMap<u32, u32> = columns.iter().copied().zip(0..).collect();
        let local = rows.iter().map(|&row| small.rows[row as usize].iter().map(|column| place[column]).collect());
        let matrix = BooleanMatrix::new(columns.len(), local.collect());
        Self {
            row_members: rows.iter().map(|&row| row_members[row as usize].clone()).collect(),
            column_members: columns.iter().map(|&column| column_members[column as usize].clone()).collect(),
            columns: matrix.transposed().rows,
            rows: matrix.rows,
        }
    }

    /// Cells, ones or not.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.rows.len().saturating_mul(self.columns.len())
    }
}

/// Rows and columns of each connected component of the graph whose edges are the ones, by first row.
fn components(matrix: &BooleanMatrix) -> Vec<(Vec<u32>, Vec<u32>)> {
    let columns = matrix.transposed();
    let mut row_seen = vec![false; matrix.rows.len()];
    let mut column_seen = vec![false; matrix.columns];
    let mut found = Vec::new();
    for start in 0..matrix.rows.len() {
        if row_seen[start] {
            continue;
        }
        row_seen[start] = true;
        let (mut rows, mut reached, mut next) = (vec![u32::try_from(start).unwrap_or(u32::MAX)], Vec::new(), 0);
        while let Some(&row) = rows.get(next) {
            next += 1;
            for &column in &matrix.rows[row as usize] {
                if std::mem::replace(&mut column_seen[column as usize], true) {
                    continue;
                }
                reached.push(column);
                for &other in &columns.rows[column as usize] {
                    if !std::mem::replace(&mut row_seen[other as usize], true) {
                        rows.push(other);
                    }
                }
            }
        }
        found.push((rows, reached));
    }
    found
}

/// A part as bits, both ways.
#[derive(Debug, Clone)]
pub struct Dense {
    pub rows_n: usize,
    pub columns_n: usize,
    /// Columns of each row.
    pub rows: BitMatrix,
    /// Rows of each column.
    pub columns: BitMatrix,
}

impl Dense {
    /// The bits of a part.
    #[must_use]
    pub fn new(part: &Part) -> Self {
        let (rows_n, columns_n) = (part.rows.len(), part.columns.len());
        let (mut rows, mut columns) = (BitMatrix::new(rows_n, columns_n), BitMatrix::new(columns_n, rows_n));
        for (row, ones) in part.rows.iter().enumerate() {
            for &column in ones {
                bits::set(rows.row_mut(row), column as usize);
                bits::set(columns.row_mut(column as usize), row);
            }
        }
        Self { rows_n, columns_n, rows, columns }
    }

    /// The same with rows and columns exchanged.
    #[must_use]
    pub fn transposed(&self) -> Self {
        Self { rows_n: self.columns_n, columns_n: self.rows_n, rows: self.columns.clone(), columns: self.rows.clone() }
    }

    /// Whether the cell is a one.
    #[must_use]
    pub fn has(&self, row: usize, column: usize) -> bool {
        self.rows.has(row, column)
    }

    /// Rows that have all of these columns.
    #[must_use]
    pub fn rows_with(&self, columns: &[u64]) -> Vec<u64> {
        let mut rows = bits::full(self.rows_n);
        for column in bits::ones(columns) {
            bits::and(&mut rows, self.columns.row(column));
        }
        rows
    }

    /// Columns that all of these rows have.
    #[must_use]
    pub fn columns_with(&self, rows: &[u64]) -> Vec<u64> {
        let mut columns = bits::full(self.columns_n);
        for row in bits::ones(rows) {
            bits::and(&mut columns, self.rows.row(row));
        }
        columns
    }

    /// The maximal block of ones with these columns and as many rows as possible.
    #[must_use]
    pub fn block(&self, columns: &[u64]) -> Block {
        let rows = self.rows_with(columns);
        let columns = self.columns_with(&rows);
        Block { rows, columns }
    }
}

/// A block of ones: every row of it has every column of it. A biclique of the graph whose edges are the ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub rows: Vec<u64>,
    pub columns: Vec<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_and_columns_are_one_and_parts_that_share_nothing_are_apart() {
        // Columns 0 and 2 are equal once equal rows are one; row 3 has nothing; rows 4 and 5 are a part of their own.
        let rows = vec![vec![0, 1, 2], vec![2, 0], vec![0, 2], vec![], vec![3], vec![4, 3, 4]];
        let parts = Part::split(&BooleanMatrix::new(6, rows));
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].row_members, [vec![1, 2], vec![0]]);
        assert_eq!(parts[0].column_members, [vec![1], vec![0, 2]]);
        assert_eq!(parts[0].rows, [vec![1], vec![0, 1]]);
        assert_eq!(parts[0].columns, [vec![1], vec![0, 1]]);
        assert_eq!((&parts[1].rows, &parts[1].column_members), (&vec![vec![1], vec![0, 1]], &vec![vec![4], vec![3]]));
    }

    #[test]
    fn a_block_is_grown_until_it_is_maximal() {
        let parts = Part::split(&BooleanMatrix::new(3, vec![vec![0, 1], vec![0, 1, 2], vec![2]]));
        let dense = Dense::new(&parts[0]);
        // Columns 0 and 1 are one; it is had by the rows of two and three ones.
        let block = dense.block(dense.rows.row(1));
        assert_eq!((bits::count(&block.rows), bits::count(&block.columns)), (2, 1));
    }
}
