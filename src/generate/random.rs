//! Numbers that only look random: every stream is a pure function of the seed, of what it is for, and of an index.
//!
//! A stream is `SplitMix64` (Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, 2014), started
//! from a hash of its name. Nothing is drawn from one generator in turn, so that any record can be made without the
//! ones before it, on any thread, and adding a stream changes no other. Integers only: the same bytes on every machine.

/// Step of the generator's counter: 2⁶⁴ divided by the golden ratio.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// A stream of numbers.
#[derive(Debug, Clone)]
pub struct Stream(u64);

impl Stream {
    /// The stream of a seed for a purpose and an index.
    #[must_use]
    pub fn new(seed: u64, purpose: &str, index: usize) -> Self {
        let mut state = mixed(seed ^ GAMMA);
        for byte in purpose.bytes() {
            state = mixed(state ^ u64::from(byte));
        }
        Self(mixed(state ^ mixed(index as u64)))
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mixed(self.0)
    }

    /// A number below `n`, or 0 when `n` is 0. Its bias is below n / 2⁶⁴ (Lemire's multiplication without rejection).
    #[expect(clippy::cast_possible_truncation, reason = "the upper half of the product is below n, which is a usize")]
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Whether something of this probability happens, in tenths of a percent.
    pub fn chance(&mut self, permille: usize) -> bool {
        self.below(1000) < permille
    }

    /// A rank below `n` that follows a power law with exponent 1: rank `r` comes about in proportion to 1 / (r + 1).
    /// Of the octaves 0, 1–2, 3–6, 7–14, … one is drawn, and then a rank in it.
    pub fn ranked(&mut self, n: usize) -> usize {
        if n < 2 {
            return 0;
        }
        let octaves = usize::BITS - n.leading_zeros();
        loop {
            let start = (1_usize << self.below(octaves as usize)) - 1;
            let rank = start + self.below(start + 1);
            // The last octave may be cut short.
            if rank < n {
                return rank;
            }
        }
    }
}

/// Mixes 64 bits so that each bit of the outcome depends on each bit of what goes in.
const fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // The first outputs for the state 1234567, as in the reference implementation of S. Vigna.
        let mut stream = Stream(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| stream.next()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_index() {
        let first = |seed, purpose, index| Stream::new(seed, purpose, index).next();
        let all = [first(1, "a", 0), first(2, "a", 0), first(1, "b", 0), first(1, "a", 1), first(1, "ab", 0)];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| other != one));
        }
        assert_eq!(first(1, "a", 0), first(1, "a", 0));
    }

    #[test]
    fn numbers_stay_in_their_range_and_fill_it() {
        let mut stream = Stream::new(1, "range", 0);
        let mut seen = [0_usize; 7];
        (0..7000).for_each(|_| seen[stream.below(7)] += 1);
        assert!(seen.iter().all(|&n| (800..1200).contains(&n)), "{seen:?}");
        assert_eq!((stream.below(0), stream.between(3, 3)), (0, 3));
        assert!(!stream.chance(0) && stream.chance(1000));
    }

    #[test]
    fn ranks_follow_a_power_law() {
        let mut stream = Stream::new(1, "ranks", 0);
        let mut seen = vec![0_usize; 100];
        (0..70_000).for_each(|_| seen[stream.ranked(100)] += 1);
        // Seven octaves, the last of which lacks 27 of its 64 ranks: each whole octave gets a share of 1 / 6.578.
        let share = |range: std::ops::Range<usize>| seen[range].iter().sum::<usize>();
        for octave in [0..1, 1..3, 3..7, 7..15, 15..31, 31..63] {
            assert!((10_000..11_300).contains(&share(octave.clone())), "{octave:?}: {}", share(octave.clone()));
        }
        assert!(share(63..100) > 5_000);
        assert_eq!((stream.ranked(0), stream.ranked(1)), (0, 0));
    }
}
