//! The interval of the difference of two shares (R. G. Newcombe, 1998, method 10): Wilson's intervals of both, put
//! together as the sides of a triangle are.
//!
//! `d = p1 − p2`, from `d − √((p1 − l1)² + (u2 − p2)²)` to `d + √((u1 − p1)² + (p2 − l2)²)`, where `l` and `u` are the
//! ends of Wilson's intervals. It takes the two to be independent. Two scans of the same organisation are not quite:
//! most of those who are counted are the same, and then the interval is too wide rather than too narrow.

use super::wilson::{Z_95, interval};
use super::{ALL, Interval};
use crate::model::Metric;

/// Interval of `k1/n1 − k2/n2` at the confidence that `z` stands for; null when one of the shares is of nobody.
#[must_use]
pub fn difference((k1, n1): (f64, f64), (k2, n2): (f64, f64), z: f64) -> Option<(f64, f64)> {
    let ((l1, u1), (l2, u2)) = (interval(k1, n1, z)?, interval(k2, n2, z)?);
    let (p1, p2) = (k1 / n1, k2 / n2);
    Some((p1 - p2 - (p1 - l1).hypot(u2 - p2), p1 - p2 + (u1 - p1).hypot(p2 - l2)))
}

/// Interval at 95 % of a metric's change in percentage points; null for what is no share.
#[must_use]
pub fn change(before: &Metric, after: &Metric) -> Option<(f64, f64)> {
    let about = ALL.iter().find(|definition| definition.id == after.metric)?;
    // A share from certain to possible is counted as well as one with Wilson's interval.
    if about.unit != "percent" || about.interval == Interval::None {
        return None;
    }
    let counted = |row: &Metric| row.numerator.zip(row.denominator).filter(|_| row.value.is_some());
    let (low, high) = difference(counted(after)?, counted(before)?, Z_95)?;
    Some((100.0 * low, 100.0 * high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_newcombes_published_examples() {
        // Table II of Newcombe (1998), method 10, column (a): 56/70 − 48/80 is 0.0524 to 0.3339.
        let (low, high) = difference((56.0, 70.0), (48.0, 80.0), Z_95).expect("both are counted");
        assert!((low - 0.0524).abs() < 5e-5 && (high - 0.3339).abs() < 5e-5, "{low} {high}");
        // (b): 9/10 − 3/10 is 0.1705 to 0.8090.
        let (low, high) = difference((9.0, 10.0), (3.0, 10.0), Z_95).expect("both are counted");
        assert!((low - 0.1705).abs() < 5e-5 && (high - 0.8090).abs() < 5e-5, "{low} {high}");
        // (h): 10/10 − 0/10 is 0.6075 to 1.
        let (low, high) = difference((10.0, 10.0), (0.0, 10.0), Z_95).expect("both are counted");
        assert!((low - 0.6075).abs() < 5e-5 && (high - 1.0).abs() < 1e-12, "{low} {high}");
    }

    #[test]
    fn a_share_of_nobody_has_no_difference() {
        assert_eq!(difference((0.0, 0.0), (1.0, 2.0), Z_95), None);
        assert_eq!(difference((1.0, 2.0), (0.0, 0.0), Z_95), None);
    }
}
