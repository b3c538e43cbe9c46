//! The p′ chart (D. B. Laney, 2002): limits of a share that fit the variation there is, and not only what counting
//! alone would give.
//!
//! With ten thousand principals the limits of a plain p chart are so narrow that every week signals. Laney's chart
//! measures the shares in standard deviations of counting, `z_t = (p_t − p̄)/σ_t` with `σ_t = √(p̄(1 − p̄)/n_t)`, takes
//! the spread of these from week to week, `σ_z = mean|z_t − z_{t−1}|/1.128`, and draws `p̄ ± 3·σ_t·σ_z`. `p̄` and `σ_z`
//! are those of the baseline phase, frozen after it.

use super::ewma::Banded;
use crate::metrics::float;

/// Half width of the limits in standard deviations.
pub const WIDTH: f64 = 3.0;
/// Mean range of two standard normal values, to the three decimals of the tables of control charts.
pub const D2: f64 = 1.128;

/// Centre, scale and points of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Laney {
    /// Share over the whole baseline phase, 0 to 1.
    pub centre: f64,
    /// Spread of the baseline phase in standard deviations of counting: above 1 is more than chance, below 1 is less.
    /// 0 when nothing varied.
    pub sigma_z: f64,
    /// One for each share; limits within 0 to 1.
    pub points: Vec<Banded>,
}

/// The chart of shares (0 to 1) of populations, by the first `baseline` of them; `None` when that is fewer than two, or
/// a population is empty.
#[must_use]
pub fn chart(shares: &[f64], populations: &[f64], baseline: usize) -> Option<Laney> {
    let n = baseline.min(shares.len());
    if n < 2 || shares.len() != populations.len() || populations.iter().any(|&n| n <= 0.0) {
        return None;
    }
    let counted: f64 = shares.iter().zip(populations).take(n).map(|(p, n)| p * n).sum();
    let centre = (counted / populations[..n].iter().sum::<f64>()).clamp(0.0, 1.0);
    let sigma = |population: f64| (centre * (1.0 - centre) / population).sqrt();
    let scores: Vec<f64> = (shares.iter().zip(populations).take(n))
        .map(|(p, &n)| if sigma(n) > 0.0 { (p - centre) / sigma(n) } else { 0.0 })
        .collect();
    let ranges: f64 = scores.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    let sigma_z = ranges / float(n - 1) / D2;
    let point = |(&value, &n): (&f64, &f64)| {
        let half = WIDTH * sigma(n) * sigma_z;
        Banded { value, low: (centre - half).max(0.0), high: (centre + half).min(1.0) }
    };
    Some(Laney { centre, sigma_z, points: shares.iter().zip(populations).map(point).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::history::ewma::Side;

    #[test]
    fn limits_are_those_worked_out_by_hand() {
        // 10, 30, 20 of 100: centre .2, sigma .04, z = −2.5, 2.5, 0; mean range (5 + 2.5)/2 = 3.75, over 1.128.
        let chart = chart(&[0.1, 0.3, 0.2, 0.9], &[100.0, 100.0, 100.0, 400.0], 3).expect("three points");
        assert!((chart.centre - 0.2).abs() < 1e-12);
        assert!((chart.sigma_z - 3.75 / 1.128).abs() < 1e-12);
        // 3 · .04 · 3.324468 = .398936: the lower limit is cut off at 0.
        assert!((chart.points[0].high - 0.598_936_170_212_766).abs() < 1e-12 && chart.points[0].low == 0.0);
        // Four times the population, half the width.
        assert!((chart.points[3].high - 0.399_468_085_106_383).abs() < 1e-12);
        let sides: Vec<_> = chart.points.iter().map(Banded::outside).collect();
        assert_eq!(sides, [None, None, None, Some(Side::Above)]);
    }

    #[test]
    fn a_baseline_of_none_has_its_limits_at_none() {
        let chart = chart(&[0.0, 0.0, 0.0, 0.01], &[50.0, 60.0, 70.0, 100.0], 3).expect("three points");
        assert_eq!((chart.centre, chart.sigma_z), (0.0, 0.0));
        assert_eq!(chart.points[2].outside(), None);
        assert_eq!(chart.points[3].outside(), Some(Side::Above));
    }

    #[test]
    fn what_is_no_series_of_shares_has_no_chart() {
        assert_eq!(chart(&[0.1], &[10.0], 1), None);
        assert_eq!(chart(&[0.1, 0.2], &[10.0, 0.0], 2), None);
        assert_eq!(chart(&[0.1, 0.2], &[10.0], 2), None);
    }
}
