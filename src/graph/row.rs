//! Rows of 512 bits, one bit a target, and exact sums over them: along a row, and down the columns of many rows.
//!
//! Along a row, targets are sorted by weight, so that 64 of them mostly share one, and a word costs one population
//! count; a word with several weights costs as many as the differences of its weights have bits. Down the columns,
//! sums are kept as bit planes, to which a row is added with carries for 512 columns at once: a row costs a few
//! words, and not one addition for each bit that is set. Memory: 64 bytes a row, and at most 64 planes.

/// Targets in a block.
pub const BLOCK: usize = 512;

/// Which targets of a block a component reaches.
pub type Row = [u64; BLOCK / 64];

/// The row that reaches nothing.
pub const EMPTY: Row = [0; BLOCK / 64];

/// The row that reaches all of a block's targets.
pub fn full(targets: usize) -> Row {
    std::array::from_fn(|word| match targets.saturating_sub(word * 64) {
        0 => 0,
        bits @ 1..64 => (1 << bits) - 1,
        _ => u64::MAX,
    })
}

/// Sums the weights of the targets in a row.
pub enum Weigher {
    /// All targets of the block weigh the same.
    Even(u64),
    Uneven(Vec<WordWeigher>),
}

/// Sums the weights of up to 64 targets.
pub struct WordWeigher {
    least: u64,
    /// Bit planes of what the weights have beyond the least: a binary place, and the targets that have a 1 there.
    planes: Vec<(u32, u64)>,
}

impl Weigher {
    /// From the weights of a block's targets, ascending.
    pub fn new(weights: &[u64]) -> Self {
        if let [first, .., last] = weights
            && first != last
        {
            return Self::Uneven(weights.chunks(64).map(WordWeigher::new).collect());
        }
        Self::Even(weights.first().copied().unwrap_or(0))
    }

    /// Weight of the targets in a row.
    pub fn weigh(&self, row: &Row) -> u64 {
        match self {
            Self::Even(weight) => weight * row.iter().map(|&word| ones(word)).sum::<u64>(),
            Self::Uneven(words) => row.iter().zip(words).map(|(&word, weigher)| weigher.weigh(word)).sum(),
        }
    }
}

impl WordWeigher {
    /// From weights, ascending.
    fn new(weights: &[u64]) -> Self {
        let (least, most) = (weights[0], weights[weights.len() - 1]);
        let plane = |place: u32| {
            let has_one = |weight: &u64| (weight - least) >> place & 1;
            (place, (0..).zip(weights).fold(0, |mask, (bit, weight)| mask | has_one(weight) << bit))
        };
        let places = u64::BITS - (most - least).leading_zeros();
        Self { least, planes: (0..places).map(plane).filter(|&(_, mask)| mask != 0).collect() }
    }

    fn weigh(&self, word: u64) -> u64 {
        let beyond: u64 = self.planes.iter().map(|&(place, mask)| ones(word & mask) << place).sum();
        self.least * ones(word) + beyond
    }
}

fn ones(word: u64) -> u64 {
    u64::from(word.count_ones())
}

/// Weighted sums of many rows, one sum a column.
#[derive(Default)]
pub struct Columns {
    /// `planes[k]` holds binary place `k` of every column's sum.
    planes: Vec<Row>,
}

impl Columns {
    /// Adds `weight` to the column of each target in a row.
    pub fn add(&mut self, row: &Row, weight: u64) {
        let mut rest = weight;
        while rest != 0 {
            self.add_at(row, rest.trailing_zeros() as usize);
            rest &= rest - 1;
        }
    }

    fn add_at(&mut self, row: &Row, place: usize) {
        let mut carry = *row;
        for place in place.. {
            if carry == EMPTY {
                break;
            }
            if self.planes.len() <= place {
                self.planes.resize(place + 1, EMPTY);
            }
            for (sum, carry) in self.planes[place].iter_mut().zip(&mut carry) {
                (*sum, *carry) = (*sum ^ *carry, *sum & *carry);
            }
        }
    }

    /// Sum of one column.
    pub fn sum(&self, column: usize) -> u64 {
        let bit = |plane: &Row| plane[column / 64] >> (column % 64) & 1;
        (0..).zip(&self.planes).map(|(place, plane)| bit(plane) << place).sum()
    }
}
