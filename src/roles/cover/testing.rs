//! Random matrices from printed seeds.

use super::matrix::BooleanMatrix;

/// A generator of numbers (`SplitMix64`).
pub struct Numbers(pub u64);

impl Numbers {
    /// The next number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap_or(0)
    }
}

/// A matrix of at most so many rows and columns, of random size and density.
pub fn random_matrix(seed: u64, rows_max: usize, columns_max: usize) -> BooleanMatrix {
    let mut numbers = Numbers(seed);
    let (rows, columns) = (1 + numbers.below(rows_max), 1 + numbers.below(columns_max));
    let tenths = 1 + numbers.below(9);
    let columns_32 = u32::try_from(columns).unwrap_or(0);
    let rows = (0..rows).map(|_| (0..columns_32).filter(|_| numbers.below(10) < tenths).collect());
    BooleanMatrix::new(columns, rows.collect())
}

/// A matrix that is the product of random roles: what role mining is for.
pub fn planted_matrix(seed: u64, rows: usize, columns: usize, roles: usize) -> BooleanMatrix {
    let mut numbers = Numbers(seed);
    let roles: Vec<Vec<u32>> = (0..roles)
        .map(|_| (0..2 + numbers.below(8)).map(|_| u32::try_from(numbers.below(columns)).unwrap_or(0)).collect())
        .collect();
    let row = |numbers: &mut Numbers| {
        (0..=numbers.below(4)).flat_map(|_| roles[numbers.below(roles.len())].clone()).collect::<Vec<u32>>()
    };
    BooleanMatrix::new(columns, (0..rows).map(|_| row(&mut numbers)).collect())
}
