//! Whether one pattern of a statement covers another, decided on the patterns alone.
//!
//! `*` stands for any text, `?` for one character. The answers err on the safe side: [`covers`] says yes only when
//! every text of the inner pattern is one of the outer's, [`overlaps`] says no only when no text is both.

use rustc_hash::FxHashSet;

/// Whether every text that `inner` means is one that `outer` means.
///
/// A character of the outer pattern stands for itself, its `?` for any one character, its `*` for anything, wildcards of
/// the inner pattern included. O(outer × inner).
#[must_use]
pub fn covers(outer: &str, inner: &str) -> bool {
    if !is_wild(outer) {
        return outer == inner;
    }
    let (outer, inner): (Vec<char>, Vec<char>) = (outer.chars().collect(), inner.chars().collect());
    // `reached[at]`: the outer pattern so far covers the first `at` characters of the inner one.
    let mut reached = vec![false; inner.len() + 1];
    reached[0] = true;
    for &letter in &outer {
        let mut next = vec![false; inner.len() + 1];
        next[0] = reached[0] && letter == '*';
        for at in 1..=inner.len() {
            let one = inner[at - 1];
            next[at] = match letter {
                '*' => reached[at] || next[at - 1],
                '?' => reached[at - 1] && one != '*',
                _ => reached[at - 1] && one == letter,
            };
        }
        reached = next;
    }
    reached[inner.len()]
}

/// [`covers`] without regard to case.
#[must_use]
pub fn covers_ignore_case(outer: &str, inner: &str) -> bool {
    if !is_wild(outer) && outer.is_ascii() && inner.is_ascii() {
        return outer.eq_ignore_ascii_case(inner);
    }
    covers(&outer.to_lowercase(), &inner.to_lowercase())
}

/// Patterns that are asked often, without regard to case: those that mean one text are found at once, however many there
/// are.
pub struct Patterns {
    plain: FxHashSet<String>,
    wild: Vec<String>,
}

impl Patterns {
    /// O(patterns).
    pub fn new<'p>(patterns: impl IntoIterator<Item = &'p String>) -> Self {
        let (wild, plain): (Vec<String>, Vec<String>) =
            patterns.into_iter().map(|one| one.to_lowercase()).partition(|one| is_wild(one));
        Self { plain: plain.into_iter().collect(), wild }
    }

    /// Whether one of them covers a pattern, as [`covers_ignore_case`] does.
    #[must_use]
    pub fn cover(&self, inner: &str) -> bool {
        let inner = inner.to_lowercase();
        self.plain.contains(&inner) || self.wild.iter().any(|outer| covers(outer, &inner))
    }
}

/// Whether some text is meant by both patterns. O(one × other).
#[must_use]
pub fn overlaps(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // `meet[at]`: the rest of `one` and the rest of `other` from `at` have a text in common.
    let mut meet = vec![false; other.len() + 1];
    meet[other.len()] = true;
    for at in (0..other.len()).rev() {
        meet[at] = meet[at + 1] && other[at] == '*';
    }
    for &letter in one.iter().rev() {
        let mut next = vec![false; other.len() + 1];
        next[other.len()] = letter == '*' && meet[other.len()];
        for at in (0..other.len()).rev() {
            next[at] = match (letter, other[at]) {
                ('*', _) => meet[at] || next[at + 1],
                (_, '*') => next[at + 1] || meet[at],
                ('?', _) | (_, '?') => meet[at + 1],
                (a, b) => a == b && meet[at + 1],
            };
        }
        meet = next;
    }
    meet[0]
}

/// Whether a pattern means more than one text.
#[must_use]
pub fn is_wild(pattern: &str) -> bool {
    pattern.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text::glob;

    #[test]
    fn covering_is_inclusion_of_what_is_meant() {
        for (outer, inner, expected) in [
            ("*", "", true),
            ("*", "a*b?", true),
            ("a*", "a", true),
            ("a*", "ab*", true),
            ("a?", "a*", false),
            ("a?", "a?", true),
            ("a*c", "abc", true),
            ("a*c", "a*", false),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b/x/*", true),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b*", false),
            ("abc", "abc", true),
            ("abc", "ABC", false),
        ] {
            assert_eq!(covers(outer, inner), expected, "{outer} {inner}");
        }
        assert!(covers_ignore_case("S3:Get*", "s3:getobject"));
        let patterns = ["S3:Get*", "sqs:SendMessage"].map(str::to_owned);
        let asked = ["s3:getobject", "SQS:sendMessage", "s3:Get?x*", "s3:*", "sqs:Send*"];
        assert_eq!(asked.map(|one| Patterns::new(&patterns).cover(one)), [true, true, true, false, false]);
    }

    /// Every text over a small alphabet up to a length, against the definition.
    #[test]
    fn both_answers_are_safe_on_every_small_pattern() {
        let words = |letters: &[char], most: usize| -> Vec<String> {
            let mut all = vec![String::new()];
            let mut from = 0;
            for _ in 0..most {
                let end = all.len();
                for at in from..end {
                    for letter in letters {
                        all.push(format!("{}{letter}", all[at]));
                    }
                }
                from = end;
            }
            all
        };
        let (patterns, texts) = (words(&['a', 'b', '*', '?'], 3), words(&['a', 'b'], 5));
        for one in &patterns {
            for other in &patterns {
                let both = texts.iter().any(|text| glob(one, text) && glob(other, text));
                assert_eq!(overlaps(one, other), both, "{one} {other}");
                if covers(one, other) {
                    assert!(texts.iter().all(|text| !glob(other, text) || glob(one, text)), "{one} {other}");
                }
            }
        }
    }
}
