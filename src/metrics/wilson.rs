//! The Wilson score interval of a share (E. B. Wilson, 1927): honest for small numbers and for shares near 0 and 1,
//! where the textbook interval collapses or leaves the range.

/// Two-sided 95 % quantile of the standard normal distribution.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// Interval of the share `k / n` at the confidence that `z` stands for, within 0 to 1; null when `n` is 0.
#[must_use]
pub fn interval(k: f64, n: f64, z: f64) -> Option<(f64, f64)> {
    if n <= 0.0 || !(0.0..=n).contains(&k) {
        return None;
    }
    let (p, z2) = (k / n, z * z);
    let centre = p + z2 / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    // At the ends the exact bound is 0 or 1; rounding must not miss it.
    let low = if k == 0.0 { 0.0 } else { (centre - spread) / scale };
    let high = if k >= n { 1.0 } else { (centre + spread) / scale };
    Some((low.clamp(0.0, p), high.clamp(p, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: Option<(f64, f64)>, low: f64, high: f64) {
        let (a, b) = found.expect("n is positive");
        assert!((a - low).abs() < 5e-5 && (b - high).abs() < 5e-5, "{a} {b} against {low} {high}");
    }

    #[test]
    fn intervals_are_those_of_the_formula_worked_out_by_hand() {
        // z2 = 3.84146. n = 10, k = 5: centre .5 + .192073 = .692073, scale 1.384146, mid .5;
        // spread 1.959964 sqrt(.025 + .00960365) = .364605, /1.384146 = .263415.
        close(interval(5.0, 10.0, Z_95), 0.2366, 0.7634);
        // k = 0: high = (2 z2 / 2n) / scale = .384146 / 1.384146.
        close(interval(0.0, 10.0, Z_95), 0.0, 0.2775);
        close(interval(10.0, 10.0, Z_95), 0.7225, 1.0);
        // z = 1, n = 4, k = 1: centre .375, spread sqrt(.046875 + .015625) = .25, scale 1.25.
        close(interval(1.0, 4.0, 1.0), 0.1, 0.5);
    }

    #[test]
    fn nothing_counted_has_no_interval() {
        assert_eq!(interval(0.0, 0.0, Z_95), None);
        assert_eq!(interval(3.0, 2.0, Z_95), None);
    }
}
