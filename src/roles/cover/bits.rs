//! Rows of bits in one block of memory, and set algebra on such rows.

/// Bits of a word.
const WORD: usize = 64;

/// A matrix of bits, one set of small numbers a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitMatrix {
    stride: usize,
    words: Vec<u64>,
}

impl BitMatrix {
    /// `rows` empty sets over the numbers below `columns`.
    #[must_use]
    pub fn new(rows: usize, columns: usize) -> Self {
        let stride = words_of(columns);
        Self { stride, words: vec![0; rows * stride] }
    }

    /// One set.
    #[must_use]
    pub fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.stride..(row + 1) * self.stride]
    }

    /// One set, to be changed.
    pub fn row_mut(&mut self, row: usize) -> &mut [u64] {
        &mut self.words[row * self.stride..(row + 1) * self.stride]
    }

    /// Whether a number is in a set.
    #[must_use]
    pub fn has(&self, row: usize, column: usize) -> bool {
        has(self.row(row), column)
    }
}

/// Words that hold so many bits.
#[must_use]
pub const fn words_of(bits: usize) -> usize {
    bits.div_ceil(WORD)
}

/// The empty set over the numbers below `bits`.
#[must_use]
pub fn empty(bits: usize) -> Vec<u64> {
    vec![0; words_of(bits)]
}

/// The set of all numbers below `bits`.
#[must_use]
pub fn full(bits: usize) -> Vec<u64> {
    let mut words = vec![u64::MAX; words_of(bits)];
    if let (Some(last), rest @ 1..) = (words.last_mut(), bits % WORD) {
        *last = (1 << rest) - 1;
    }
    words
}

/// The set of these numbers.
#[must_use]
pub fn of(bits: usize, numbers: impl IntoIterator<Item = usize>) -> Vec<u64> {
    let mut words = empty(bits);
    for number in numbers {
        set(&mut words, number);
    }
    words
}

/// Whether a number is in the set.
#[must_use]
pub fn has(words: &[u64], bit: usize) -> bool {
    words[bit / WORD] >> (bit % WORD) & 1 == 1
}

/// Puts a number into the set.
pub fn set(words: &mut [u64], bit: usize) {
    words[bit / WORD] |= 1 << (bit % WORD);
}

/// Takes a number out of the set.
pub fn clear(words: &mut [u64], bit: usize) {
    words[bit / WORD] &= !(1 << (bit % WORD));
}

/// Keeps in `words` what is in `other` too.
pub fn and(words: &mut [u64], other: &[u64]) {
    for (word, other) in words.iter_mut().zip(other) {
        *word &= other;
    }
}

/// Adds `other` to `words`.
pub fn or(words: &mut [u64], other: &[u64]) {
    for (word, other) in words.iter_mut().zip(other) {
        *word |= other;
    }
}

/// Takes `other` out of `words`.
pub fn and_not(words: &mut [u64], other: &[u64]) {
    for (word, other) in words.iter_mut().zip(other) {
        *word &= !other;
    }
}

/// Whether all of `words` is in `other`.
#[must_use]
pub fn is_subset(words: &[u64], other: &[u64]) -> bool {
    words.iter().zip(other).all(|(word, other)| word & !other == 0)
}

/// Whether the set is empty.
#[must_use]
pub fn is_empty(words: &[u64]) -> bool {
    words.iter().all(|word| *word == 0)
}

/// Size of the set.
#[must_use]
pub fn count(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}

/// Size of what both sets have.
#[must_use]
pub fn count_both(words: &[u64], other: &[u64]) -> usize {
    words.iter().zip(other).map(|(word, other)| (word & other).count_ones() as usize).sum()
}

/// The least number of the set.
#[must_use]
pub fn first(words: &[u64]) -> Option<usize> {
    ones(words).next()
}

/// The numbers of the set, ascending.
pub fn ones(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    words.iter().enumerate().flat_map(|(at, &word)| Ones(word).map(move |bit| at * WORD + bit))
}

/// Places of the ones of a word, ascending.
struct Ones(u64);

impl Iterator for Ones {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let bit = (self.0 != 0).then(|| self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_behave_as_sets_across_the_edges_of_words() {
        let a = of(130, [0, 63, 64, 129]);
        let b = of(130, [63, 64, 100]);
        assert_eq!(ones(&a).collect::<Vec<_>>(), [0, 63, 64, 129]);
        assert_eq!((count(&a), count_both(&a, &b), first(&b)), (4, 2, Some(63)));
        let (mut both, mut any, mut without) = (a.clone(), a.clone(), a.clone());
        and(&mut both, &b);
        or(&mut any, &b);
        and_not(&mut without, &b);
        assert_eq!(ones(&both).collect::<Vec<_>>(), [63, 64]);
        assert_eq!(ones(&any).collect::<Vec<_>>(), [0, 63, 64, 100, 129]);
        assert_eq!(ones(&without).collect::<Vec<_>>(), [0, 129]);
        assert!(is_subset(&both, &a) && !is_subset(&a, &b) && is_empty(&empty(130)));
        assert_eq!((count(&full(64)), count(&full(130)), full(0).len()), (64, 130, 0));
    }
}
