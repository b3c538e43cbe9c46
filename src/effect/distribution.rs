//! Student's distribution and Fisher's exact test, as far as they are needed here.
//!
//! The incomplete beta function by its continued fraction (modified Lentz; DLMF 8.17.22), the logarithm of the gamma
//! function by Lanczos' series (g = 7, nine terms), quantiles by bisection. Accuracy is about 1e-12, checked against
//! scipy.

/// Coefficients of Lanczos' series for g = 7 (P. Godfrey).
#[expect(clippy::excessive_precision, clippy::unreadable_literal, reason = "published coefficients, digit by digit")]
const LANCZOS: [f64; 9] = [
    0.99999999999980993,
    676.5203681218851,
    -1259.1392167224028,
    771.32342877765313,
    -176.61502916214059,
    12.507343278686905,
    -0.13857109526572012,
    9.9843695780195716e-6,
    1.5056327351493116e-7,
];

/// Logarithm of the gamma function of a positive number.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    if x < 0.5 {
        // Reflection: Γ(x)·Γ(1−x) = π / sin(πx).
        return (std::f64::consts::PI / (std::f64::consts::PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let base = x + 7.5;
    let series = LANCZOS.iter().skip(1).zip(1u32..).fold(LANCZOS[0], |sum, (c, n)| sum + c / (x + f64::from(n)));
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * base.ln() - base + series.ln()
}

/// The regularised incomplete beta function `I_x(a, b)`.
#[must_use]
pub fn beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta(1.0 - x, b, a);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp() / a;
    front * fraction(x, a, b)
}

/// The continued fraction of `I_x(a, b)`, which converges fast below `(a + 1) / (a + b + 2)`.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const STEPS_MAX: u32 = 500;
    let nonzero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut above, mut below) = (1.0, 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0)));
    let mut value = below;
    for step in 1..STEPS_MAX {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut factor = 1.0;
        for term in [even, odd] {
            below = 1.0 / nonzero(1.0 + term * below);
            above = nonzero(1.0 + term / above);
            factor = above * below;
            value *= factor;
        }
        if (factor - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// That a value of Student's distribution is at least this far from 0, on either side.
#[must_use]
pub fn t_two_sided(t: f64, degrees: f64) -> f64 {
    beta(degrees / (degrees + t * t), degrees / 2.0, 0.5)
}

/// That a value of Student's distribution is at most this.
#[must_use]
pub fn t_cdf(t: f64, degrees: f64) -> f64 {
    let tail = t_two_sided(t, degrees) / 2.0;
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// The value below which this share of Student's distribution lies; `p` between 0 and 1.
#[must_use]
pub fn t_quantile(p: f64, degrees: f64) -> f64 {
    if p < 0.5 {
        return -t_quantile(1.0 - p, degrees);
    }
    let mut high = 1.0;
    while t_cdf(high, degrees) < p && high < 1e12 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if t_cdf(middle, degrees) < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// Fisher's exact test of two shares, two-sided: the probability of all tables with the same margins that are at most
/// as likely as this one.
#[must_use]
pub fn fisher((k1, n1): (u32, u32), (k2, n2): (u32, u32)) -> f64 {
    let (hits, all) = (k1 + k2, n1 + n2);
    let choose = |n: u32, k: u32| {
        let of = |n: u32| ln_gamma(f64::from(n) + 1.0);
        of(n) - of(k) - of(n - k)
    };
    let ln = |k: u32| choose(n1, k) + choose(n2, hits - k) - choose(all, hits);
    let own = ln(k1);
    let sum: f64 = (hits.saturating_sub(n2)..=hits.min(n1)).map(ln).filter(|&p| p <= own + 1e-7).map(f64::exp).sum();
    sum.min(1.0)
}

/// Holm's correction: each p-value times the number of hypotheses not yet rejected, in the order of the p-values.
#[must_use]
pub fn holm(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut corrected = vec![0.0; values.len()];
    let mut most: f64 = 0.0;
    for (rank, &at) in order.iter().enumerate() {
        let left = crate::effect::linear::float(values.len() - rank);
        most = most.max((left * values[at]).min(1.0));
        corrected[at] = most;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, within: f64) {
        assert!((a - b).abs() <= within, "{a} against {b}");
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // The table of Student's distribution that every textbook prints.
        for (degrees, expected) in [(1.0, 12.706), (4.0, 2.776), (10.0, 2.228), (30.0, 2.042), (120.0, 1.980)] {
            close(t_quantile(0.975, degrees), expected, 5e-4);
        }
        // One degree is Cauchy's: P(|t| > 1) = 1/2. Two: t = √2 gives 1 − √(2/(2+2))… = 1 − 1/√2.
        close(t_two_sided(1.0, 1.0), 0.5, 1e-13);
        close(t_two_sided(2f64.sqrt(), 2.0), 1.0 - 0.5f64.sqrt(), 1e-13);
        close(t_quantile(0.025, 10.0), -t_quantile(0.975, 10.0), 1e-12);
    }

    #[test]
    fn gamma_and_beta_are_right_where_they_are_known() {
        close(ln_gamma(5.0), 24f64.ln(), 1e-12);
        close(ln_gamma(0.5), std::f64::consts::PI.sqrt().ln(), 1e-12);
        // I_x(1, b) = 1 − (1 − x)^b and I_x(2, 2) = 3x² − 2x³.
        close(beta(0.3, 1.0, 4.0), 1.0 - 0.7f64.powi(4), 1e-13);
        close(beta(0.6, 2.0, 2.0), 3.0 * 0.36 - 2.0 * 0.216, 1e-13);
    }

    #[test]
    fn fisher_tastes_the_tea() {
        // The lady of the experiment: 3 of 4 right, 1 of 4 wrong: 2·(16 + 1)/70.
        close(fisher((3, 4), (1, 4)), 34.0 / 70.0, 1e-12);
        close(fisher((4, 4), (0, 4)), 2.0 / 70.0, 1e-12);
        close(fisher((0, 0), (3, 4)), 1.0, 1e-12);
    }

    #[test]
    fn holm_by_hand() {
        // Sorted .01 .02 .04: times 3, 2, 1 gives .03 .04 .04.
        assert_eq!(holm(&[0.04, 0.01, 0.02]), [0.04, 0.03, 0.04]);
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    }
}
