//! Difference in differences: did units with assistance change more than units without?
//!
//! For each unit `Δ` is its mean after less its mean before; `τ = mean Δ(treated) − mean Δ(control)`. Points of one unit
//! are correlated over time, so a unit counts once: the interval is that of two means of units with equal variance, with
//! `N − 2` degrees of freedom (Donald and Lang, 2007), and the p-value is by permutation: the share of all ways to call
//! as many units treated that give a `τ` at least as large (Fisher; exact up to [`EXACT_MAX`] ways, beyond that
//! [`SAMPLED`] drawn from a fixed seed and this one).
//!
//! It rests on the two groups having gone the same way before. The slopes of the units before are compared in the same
//! manner; when they differ at [`PRETREND_ALPHA`], the comparison says nothing.

use super::Estimate;
use super::interrupted::Point;
use super::linear::{Matrix, float, least_squares, mean};

/// Ways to choose the treated units up to which all are counted.
pub const EXACT_MAX: u64 = 20_000;
/// Ways that are drawn when there are more.
pub const SAMPLED: u32 = 9_999;
/// Level of the test of the trends before. Low: it decides whether a study counts, and is one of several checks.
pub const PRETREND_ALPHA: f64 = 0.01;

/// A unit and its series, sorted by time; all units have the same times.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub unit: String,
    pub treated: bool,
    pub points: Vec<Point>,
}

/// A comparison of treated units with others.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Compared {
    pub estimate: Estimate,
    /// By permutation.
    pub p_permutation: f64,
    /// The least that it can be with so many units.
    pub p_permutation_min: f64,
}

/// What the comparison says.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Difference {
    pub treated: usize,
    pub control: usize,
    pub points_before: usize,
    pub points_after: usize,
    /// The effect.
    pub effect: Compared,
    /// Difference of slopes a day before the intervention; null with fewer than three points before.
    pub pretrend: Option<Compared>,
    /// Change of each unit, in the order of the units.
    pub changes: Vec<UnitChange>,
}

/// Change of one unit.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct UnitChange {
    pub unit: String,
    pub treated: bool,
    pub before: f64,
    pub after: f64,
}

/// Compares units. `None` with fewer than two on a side, or without points before and after.
#[must_use]
pub fn compare(series: &[Series], alpha: f64) -> Option<Difference> {
    let changes: Vec<UnitChange> = series.iter().map(change).collect::<Option<_>>()?;
    let treated: Vec<bool> = series.iter().map(|one| one.treated).collect();
    let deltas: Vec<f64> = changes.iter().map(|one| one.after - one.before).collect();
    let effect = compared(&deltas, &treated, alpha)?;
    let slopes: Option<Vec<f64>> = series.iter().map(slope_before).collect();
    let points_after = series.first()?.points.iter().filter(|point| point.days >= 0.0).count();
    let n = treated.iter().filter(|&&treated| treated).count();
    Some(Difference {
        treated: n,
        control: series.len() - n,
        points_before: series.first()?.points.len() - points_after,
        points_after,
        effect,
        pretrend: slopes.and_then(|slopes| compared(&slopes, &treated, alpha)),
        changes,
    })
}

fn change(series: &Series) -> Option<UnitChange> {
    let values = |is_after: bool| {
        let points = series.points.iter().filter(move |point| (point.days >= 0.0) == is_after);
        points.map(|point| point.value).collect::<Vec<f64>>()
    };
    let (before, after) = (mean(&values(false))?, mean(&values(true))?);
    Some(UnitChange { unit: series.unit.clone(), treated: series.treated, before, after })
}

fn slope_before(series: &Series) -> Option<f64> {
    let before: Vec<&Point> = series.points.iter().filter(|point| point.days < 0.0).collect();
    let x = Matrix::new(&before.iter().map(|point| vec![1.0, point.days]).collect::<Vec<_>>());
    let y: Vec<f64> = before.iter().map(|point| point.value).collect();
    Some(least_squares(&x, &y)?.coefficients[1])
}

/// Mean of the treated less mean of the others.
fn gap(values: &[f64], treated: &[bool]) -> f64 {
    let (mut sums, mut counts) = ([0.0; 2], [0usize; 2]);
    for (value, &is_treated) in values.iter().zip(treated) {
        sums[usize::from(is_treated)] += value;
        counts[usize::from(is_treated)] += 1;
    }
    sums[1] / float(counts[1].max(1)) - sums[0] / float(counts[0].max(1))
}

/// Compares one number a unit between the groups. `None` with fewer than two units on a side.
#[must_use]
pub fn compared(values: &[f64], treated: &[bool], alpha: f64) -> Option<Compared> {
    let n = values.len();
    let k = treated.iter().filter(|&&treated| treated).count();
    if k < 2 || n - k < 2 {
        return None;
    }
    let rows: Vec<Vec<f64>> = treated.iter().map(|&treated| vec![1.0, if treated { 1.0 } else { 0.0 }]).collect();
    let fit = least_squares(&Matrix::new(&rows), values)?;
    let error = (fit.variance * fit.inverse.at(1, 1)).max(0.0).sqrt();
    let estimate = Estimate::new(gap(values, treated), error, float(fit.degrees_of_freedom), alpha);
    let ways = ways(n, k);
    let exact = ways.filter(|&ways| ways <= EXACT_MAX);
    let (hits, of) = match exact {
        Some(_) => all_ways(values, k, estimate.value.abs()),
        None => drawn(values, treated, estimate.value.abs()),
    };
    // Where half are treated, every way has a mirror image that is as far off.
    let mirrored = if n == 2 * k { 2.0 } else { 1.0 };
    let p_permutation_min = exact.map_or(1.0 / (f64::from(SAMPLED) + 1.0), |_| mirrored / of);
    Some(Compared { estimate, p_permutation: hits / of, p_permutation_min })
}

/// Ways to choose `k` of `n`; `None` when they are more than can be counted.
fn ways(n: usize, k: usize) -> Option<u64> {
    let (n, k) = (u64::try_from(n).ok()?, u64::try_from(k.min(n - k)).ok()?);
    (0..k).try_fold(1u64, |ways, at| Some(ways.checked_mul(n - at)? / (at + 1)))
}

/// At least as far off, rounding aside.
fn as_far(value: f64, observed: f64) -> bool {
    value.abs() >= observed - 1e-9 * observed.max(1e-300)
}

/// Of all ways to call `k` units treated, how many give a gap at least as large; and how many there are.
fn all_ways(values: &[f64], k: usize, observed: f64) -> (f64, f64) {
    let n = values.len();
    let mut chosen: Vec<usize> = (0..k).collect();
    let (mut hits, mut of) = (0.0, 0.0);
    loop {
        let mut treated = vec![false; n];
        for &at in &chosen {
            treated[at] = true;
        }
        hits += f64::from(u8::from(as_far(gap(values, &treated), observed)));
        of += 1.0;
        // The next choice in order: the last place that can move does, and those behind it follow closely.
        let Some(moved) = (0..k).rev().find(|&place| chosen[place] < n - k + place) else { return (hits, of) };
        chosen[moved] += 1;
        for place in moved + 1..k {
            chosen[place] = chosen[place - 1] + 1;
        }
    }
}

/// The same for ways that are drawn, and the one that was observed.
fn drawn(values: &[f64], treated: &[bool], observed: f64) -> (f64, f64) {
    let mut random = Random(0x5EED);
    let mut labels = treated.to_vec();
    let mut hits = 1.0;
    for _ in 0..SAMPLED {
        for at in (1..labels.len()).rev() {
            labels.swap(at, random.below(at + 1));
        }
        hits += f64::from(u8::from(as_far(gap(values, &labels), observed)));
    }
    (hits, f64::from(SAMPLED) + 1.0)
}

/// `SplitMix64` (Steele, Lea and Flood, 2014), with a fixed seed: the same input gives the same p-value.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % (n.max(1) as u64)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_of_six_units_by_hand() {
        // Treated 5 6 7, others 1 2 3: gap 4; pooled variance 1, error √(1/3 + 1/3) = .8165, 4 degrees. Of the 20 ways
        // only this one and its mirror image are as far off.
        let found = compared(&[5.0, 6.0, 7.0, 1.0, 2.0, 3.0], &[true, true, true, false, false, false], 0.05);
        let found = found.expect("three on each side");
        assert!((found.estimate.value - 4.0).abs() < 1e-12);
        assert!((found.estimate.standard_error - (2.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((found.estimate.low - (4.0 - 2.776_445 * 0.816_497)).abs() < 1e-5, "{found:?}");
        assert!((found.p_permutation - 0.1).abs() < 1e-12 && (found.p_permutation_min - 0.1).abs() < 1e-12);
    }

    #[test]
    fn drawn_ways_come_near_to_all_of_them() {
        let values: Vec<f64> = (0u32..16).map(|at| f64::from(at * at % 11)).collect();
        let treated: Vec<bool> = (0..16).map(|at| at % 3 == 0).collect();
        let observed = gap(&values, &treated).abs();
        let (hits, of) = all_ways(&values, 6, observed);
        assert!((of - 8008.0).abs() < 1e-9, "16 choose 6");
        let (drawn_hits, drawn_of) = drawn(&values, &treated, observed);
        assert!((hits / of - drawn_hits / drawn_of).abs() < 0.02, "{} against {}", hits / of, drawn_hits / drawn_of);
        assert_eq!((ways(16, 6), ways(4, 2), ways(200, 100)), (Some(8008), Some(6), None));
    }
}
