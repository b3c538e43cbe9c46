//! The exponentially weighted moving average chart (S. W. Roberts, 1959): slow to be moved by one odd point, quick to
//! notice a small shift that stays.
//!
//! `z_t = λ·x_t + (1 − λ)·z_{t−1}` with `z_0 = μ0`; limits `μ0 ± L·σ·√(λ/(2 − λ)·(1 − (1 − λ)^{2t}))`. `μ0` and `σ` are
//! mean and standard deviation (n − 1) of the baseline phase and are frozen after it: what comes later is judged by
//! them and does not move them. The limits take points to be independent; [`autocorrelation`] says how far they are
//! not, and a chart of strongly autocorrelated points signals too often.

use crate::metrics::float;

/// Weight of the newest point.
pub const LAMBDA: f64 = 0.2;
/// Half width of the limits in standard deviations.
pub const WIDTH: f64 = 3.0;
/// What rounding may do to a sum, relative to its size: less than this is no difference.
const ROUNDING: f64 = 1e-9;

/// A band and the statistic that is to stay inside it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Banded {
    /// The statistic of this point.
    pub value: f64,
    /// Lower limit.
    pub low: f64,
    /// Upper limit.
    pub high: f64,
}

/// Side of a band on which a statistic lies outside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Below,
    Above,
}

impl Banded {
    /// On which side the statistic is outside; `None` inside the band and on its border, rounding allowed for.
    #[must_use]
    pub fn outside(&self) -> Option<Side> {
        let slack = ROUNDING * self.value.abs().max(self.low.abs()).max(self.high.abs()).max(1.0);
        if self.value > self.high + slack {
            Some(Side::Above)
        } else if self.value < self.low - slack {
            Some(Side::Below)
        } else {
            None
        }
    }
}

/// Centre, scale and points of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Ewma {
    /// Mean of the baseline phase, in the unit of the points.
    pub centre: f64,
    /// Standard deviation of the baseline phase, in the unit of the points; 0 when nothing varied there.
    pub sigma: f64,
    /// One for each point.
    pub points: Vec<Banded>,
}

/// Mean and standard deviation (n − 1); `None` for fewer than two values.
#[must_use]
pub fn moments(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / float(values.len());
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    let sigma = (squares / float(values.len() - 1)).sqrt();
    // Equal values must have no spread, whatever the rounding of their mean.
    Some((mean, if sigma <= ROUNDING * mean.abs().max(1.0) { 0.0 } else { sigma }))
}

/// The chart of `values` by the first `baseline` of them; `None` when that is fewer than two.
///
/// A baseline in which nothing varied has no scale. The average would then carry one odd point along for ever, so that
/// each point itself is compared with the centre.
#[must_use]
pub fn chart(values: &[f64], baseline: usize, lambda: f64, width: f64) -> Option<Ewma> {
    let (centre, sigma) = moments(&values[..baseline.min(values.len())])?;
    let (mut z, mut decay) = (centre, 1.0);
    let mut points = Vec::with_capacity(values.len());
    for &x in values {
        z = lambda * x + (1.0 - lambda) * z;
        decay *= (1.0 - lambda).powi(2);
        let half = width * sigma * (lambda / (2.0 - lambda) * (1.0 - decay)).sqrt();
        let value = if sigma == 0.0 { x } else { z };
        points.push(Banded { value, low: centre - half, high: centre + half });
    }
    Some(Ewma { centre, sigma, points })
}

/// Correlation of each point with the one before it, over all of `values`; `None` for fewer than three and for values
/// that do not vary.
#[must_use]
pub fn autocorrelation(values: &[f64]) -> Option<f64> {
    let (mean, sigma) = moments(values)?;
    if values.len() < 3 || sigma == 0.0 {
        return None;
    }
    let together: f64 = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    let alone: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    Some(together / alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn averages_and_limits_are_those_worked_out_by_hand() {
        // Baseline 1, 3: mean 2, deviation sqrt(2). z1 = .2 + 1.6 = 1.8, z2 = .6 + 1.44 = 2.04, z3 = 2 + 1.632 = 3.632.
        let chart = chart(&[1.0, 3.0, 10.0], 2, 0.2, 3.0).expect("two points");
        assert!(close(chart.centre, 2.0) && close(chart.sigma, 2.0_f64.sqrt()));
        let z: Vec<f64> = chart.points.iter().map(|point| point.value).collect();
        assert!(close(z[0], 1.8) && close(z[1], 2.04) && close(z[2], 3.632), "{z:?}");
        // t = 1: .2/1.8 · (1 − .64) = .04, so the half width is 3 · sqrt(2) · .2.
        assert!(close(chart.points[0].high - 2.0, 0.6 * 2.0_f64.sqrt()));
        // t = 3: .8^6 = .262144; 1/9 · .737856 = .081984.
        assert!(close(2.0 - chart.points[2].low, 3.0 * (2.0_f64 * 0.081_984).sqrt()));
        let sides: Vec<Option<Side>> = chart.points.iter().map(Banded::outside).collect();
        assert_eq!(sides, [None, None, Some(Side::Above)]);
    }

    #[test]
    fn a_point_moves_nothing_that_is_frozen() {
        let calm = [4.0, 6.0, 5.0, 5.0];
        let then = |last: f64| chart(&[calm.as_slice(), &[last]].concat(), 4, LAMBDA, WIDTH).expect("four points");
        assert_eq!((then(5.0).centre, then(5.0).sigma), (then(1e6).centre, then(1e6).sigma));
    }

    #[test]
    fn after_a_baseline_without_variation_one_odd_point_is_one_signal() {
        let values = [0.1, 0.1, 0.1, 0.2, 0.1];
        let chart = chart(&values, 3, LAMBDA, WIDTH).expect("three points");
        let outside: Vec<bool> = chart.points.iter().map(|point| point.outside().is_some()).collect();
        assert_eq!(outside, [false, false, false, true, false]);
        assert_eq!(super::chart(&values, 1, LAMBDA, WIDTH), None);
    }

    #[test]
    fn autocorrelation_is_that_worked_out_by_hand() {
        // 1 2 3 4 around 2.5: (−1.5·−.5) + (−.5·.5) + (.5·1.5) = 1.25 of 5.
        assert!(autocorrelation(&[1.0, 2.0, 3.0, 4.0]).is_some_and(|r| close(r, 0.25)));
        assert_eq!(autocorrelation(&[2.0, 2.0, 2.0]), None);
        assert_eq!(autocorrelation(&[1.0, 2.0]), None);
    }
}
