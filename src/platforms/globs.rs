//! How two patterns with wildcards lie to each other: one within the other, or some text in both.

use crate::model::text::glob;

/// Stands for whatever a wildcard stands for: a character that no policy has.
const FRESH: &str = "\u{E002}";

/// Whether everything that `narrow` matches, `wide` matches too; a star of `narrow` stands for one character or more,
/// as every part of an ARN that varies has.
#[must_use]
pub fn contains(wide: &str, narrow: &str) -> bool {
    if !wide.contains(['*', '?']) {
        return wide == narrow;
    }
    let with = |star: &str| narrow.replace('*', star).replace('?', FRESH);
    if !glob(wide, &with(FRESH)) {
        return false;
    }
    // A question mark takes one such character; none takes more of them than there are question marks.
    let questions = wide.matches('?').count();
    questions == 0 || glob(wide, &with(&FRESH.repeat(questions + 1)))
}

/// What stands before the first wildcard of a pattern.
#[must_use]
pub fn fixed_prefix(pattern: &str) -> &str {
    pattern.split(['*', '?']).next().unwrap_or_default()
}

/// Whether some text matches both.
#[must_use]
pub fn overlap(a: &str, b: &str) -> bool {
    let (head_a, head_b) = (fixed_prefix(a), fixed_prefix(b));
    if !head_a.starts_with(head_b) && !head_b.starts_with(head_a) {
        return false;
    }
    match (head_a.len() == a.len(), head_b.len() == b.len()) {
        (true, true) => a == b,
        (true, false) => glob(b, a),
        (false, true) => glob(a, b),
        (false, false) => meet(a.as_bytes(), b.as_bytes()),
    }
}

/// Walks both patterns at once; `row[j]` says whether `a[..i]` and `b[..j]` match some common text.
fn meet(a: &[u8], b: &[u8]) -> bool {
    let mut row = vec![false; b.len() + 1];
    row[0] = true;
    for i in 0..=a.len() {
        let mut next = vec![false; b.len() + 1];
        for j in 0..=b.len() {
            if !row[j] {
                continue;
            }
            let (left, right) = (a.get(i), b.get(j));
            // A star of one side stands for nothing, or for one more item of the other side.
            if left == Some(&b'*') {
                next[j] = true;
            }
            if right == Some(&b'*') || (left == Some(&b'*') && right.is_some()) {
                row[j + 1] = true;
            }
            match (left, right) {
                (Some(_), Some(b'*')) => next[j] = true,
                (Some(x), Some(y)) if x == y || *x == b'?' || *y == b'?' => next[j + 1] = true,
                _ => {}
            }
        }
        if i == a.len() {
            return row[b.len()];
        }
        row = next;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_contains_another_when_its_stars_do() {
        assert!(contains("arn:aws:iam::*:*", "arn:aws:iam::1:role/*"));
        assert!(contains("arn:*", "arn:aws:s3:::b"));
        assert!(contains("b/?*", "b/*") && !contains("b/?", "b/*") && !contains("b/??*", "b/*"));
        assert!(!contains("arn:aws:s3:::b/*", "arn:aws:s3:::*/*"));
        assert!(!contains("b", "b*") && contains("b", "b") && contains("a?c", "a?c") && !contains("abc", "a?c"));
    }

    #[test]
    fn patterns_overlap_when_some_text_matches_both() {
        for (a, b) in [("a*", "*b"), ("a*c", "a?c"), ("a*b*c", "abc"), ("*", "*"), ("x/*", "x/y/*"), ("a?", "?b")] {
            assert!(overlap(a, b) && overlap(b, a), "{a} {b}");
        }
        for (a, b) in [("a/*", "b/*"), ("*a", "*b"), ("a?", "a"), ("a*c", "a*d"), ("a", "b"), ("?", "??")] {
            assert!(!overlap(a, b) && !overlap(b, a), "{a} {b}");
        }
    }
}
