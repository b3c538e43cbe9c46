//! Interrupted time series: did a series break when something began?
//!
//! `y = β₀ + β₁·t + β₂·D + β₃·D·t + ε`, where `t` is the time since the beginning in days and `D` is 1 from then on. `β₂`
//! is the change of level and `β₃` that of the slope. The *effect* is the mean, over the points after, of the fitted
//! value less what the line before would have come to: `β₂ + β₃·mean(t after)`.
//!
//! Errors of a series are correlated. With fewer than 12 points nothing can be said about how, and ordinary least squares
//! does best (Turner et al. 2021); from 12 on they are taken as AR(1) and its coefficient is estimated by restricted
//! maximum likelihood, with Prais and Winsten's transformation as the exact form of generalised least squares. The
//! points count as evenly spaced for the errors. Newey and West's standard error stands beside it.

use super::Estimate;
use super::linear::{Fit, Matrix, float, least_squares, newey_west, newey_west_lags};

/// Points from which errors are taken as AR(1).
pub const AR_POINTS_MIN: usize = 12;
/// Bounds of the AR(1) coefficient.
const RHO: (f64, f64) = (-0.95, 0.98);

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Point {
    /// Days since the intervention, negative before.
    pub days: f64,
    pub value: f64,
}

/// What the regression says.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Interrupted {
    /// `ols`, or `ar1_reml`.
    pub method: &'static str,
    pub points_before: usize,
    pub points_after: usize,
    /// Mean difference over the points after.
    pub effect: Estimate,
    /// Difference right at the beginning.
    pub level: Estimate,
    /// Difference of the slopes, a day.
    pub slope: Estimate,
    /// Intercept, slope before, change of level, change of slope.
    pub coefficients: [f64; 4],
    /// Correlation of neighbouring errors; null for least squares.
    pub rho: Option<f64>,
    /// Standard error of the effect by Newey and West, of the least-squares fit.
    pub newey_west_standard_error: f64,
    /// The effect by least squares, for the standard error above.
    pub least_squares_effect: f64,
}

/// Fits a series, sorted by time. `None` with fewer than three points before or after, or all at one time.
#[must_use]
pub fn fit(points: &[Point], alpha: f64) -> Option<Interrupted> {
    let after: Vec<f64> = points.iter().filter(|point| point.days >= 0.0).map(|point| point.days).collect();
    let points_before = points.len() - after.len();
    if points_before < 3 || after.len() < 3 {
        return None;
    }
    let rows: Vec<Vec<f64>> = points.iter().map(|point| row(point.days)).collect();
    let (x, y) = (Matrix::new(&rows), points.iter().map(|point| point.value).collect::<Vec<f64>>());
    let contrast = [0.0, 0.0, 1.0, after.iter().sum::<f64>() / float(after.len())];
    let plain = least_squares(&x, &y)?;
    let robust = newey_west(&x, &plain, newey_west_lags(points.len())).quadratic(&contrast);
    let (method, rho, used) = if points.len() < AR_POINTS_MIN {
        ("ols", None, plain.clone())
    } else {
        let (rho, fit) = restricted_maximum(&x, &y)?;
        ("ar1_reml", Some(rho), fit)
    };
    let estimate = |c: [f64; 4]| {
        let variance = used.variance * used.inverse.quadratic(&c);
        Estimate::new(dot(&c, &used), variance.max(0.0).sqrt(), float(used.degrees_of_freedom), alpha)
    };
    Some(Interrupted {
        method,
        points_before,
        points_after: after.len(),
        effect: estimate(contrast),
        level: estimate([0.0, 0.0, 1.0, 0.0]),
        slope: estimate([0.0, 0.0, 0.0, 1.0]),
        coefficients: used.coefficients.clone().try_into().ok()?,
        rho,
        newey_west_standard_error: robust.max(0.0).sqrt(),
        least_squares_effect: dot(&contrast, &plain),
    })
}

fn dot(c: &[f64; 4], fit: &Fit) -> f64 {
    c.iter().zip(&fit.coefficients).map(|(a, b)| a * b).sum()
}

fn row(days: f64) -> Vec<f64> {
    let after = if days >= 0.0 { 1.0 } else { 0.0 };
    vec![1.0, days, after, after * days]
}

/// Prais and Winsten's transformation: least squares of what it gives is generalised least squares with AR(1) errors.
fn transformed(x: &Matrix, y: &[f64], rho: f64) -> (Matrix, Vec<f64>) {
    let first = (1.0 - rho * rho).sqrt();
    let rows: Vec<Vec<f64>> = (0..x.rows)
        .map(|t| match t {
            0 => x.row(0).iter().map(|value| first * value).collect(),
            _ => x.row(t).iter().zip(x.row(t - 1)).map(|(now, before)| now - rho * before).collect(),
        })
        .collect();
    let values = (0..y.len()).map(|t| if t == 0 { first * y[0] } else { y[t] - rho * y[t - 1] }).collect();
    (Matrix::new(&rows), values)
}

/// Minus twice the restricted log likelihood, constants aside, and the fit.
fn criterion(x: &Matrix, y: &[f64], rho: f64) -> Option<(f64, Fit)> {
    let (x, y) = transformed(x, y, rho);
    let fit = least_squares(&x, &y)?;
    // A series without any error has no likelihood to speak of; the smallest number keeps the logarithm finite.
    let variance = fit.variance.max(f64::MIN_POSITIVE);
    let value = float(fit.degrees_of_freedom) * variance.ln() - (1.0 - rho * rho).ln() + fit.ln_determinant;
    Some((value, fit))
}

/// The coefficient of the largest restricted likelihood: the best of a grid, then the golden section around it.
fn restricted_maximum(x: &Matrix, y: &[f64]) -> Option<(f64, Fit)> {
    const STEPS: u32 = 48;
    let step = (RHO.1 - RHO.0) / f64::from(STEPS);
    let mut best = (f64::INFINITY, 0.0);
    for at in 0..=STEPS {
        let rho = RHO.0 + step * f64::from(at);
        let value = criterion(x, y, rho)?.0;
        if value < best.0 {
            best = (value, rho);
        }
    }
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = ((best.1 - step).max(RHO.0), (best.1 + step).min(RHO.1));
    let at = |rho: f64| Some((rho, criterion(x, y, rho)?.0));
    let mut left = at(high - golden * (high - low))?;
    let mut right = at(low + golden * (high - low))?;
    for _ in 0..36 {
        // Of the two points inside, the better one stays, and is a golden section of what is left.
        if left.1 < right.1 {
            high = right.0;
            right = left;
            left = at(high - golden * (high - low))?;
        } else {
            low = left.0;
            left = right;
            right = at(low + golden * (high - low))?;
        }
    }
    let rho = f64::midpoint(low, high);
    Some((rho, criterion(x, y, rho)?.1))
}
