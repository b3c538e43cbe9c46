//! How each metric is computed for one part of the organisation. What the metrics are is in [`super::definitions`].

pub(super) mod governance;
pub(super) mod identities;
pub(super) mod keys;
pub(super) mod over_time;
pub(super) mod privilege;
pub(super) mod roles;

use super::wilson::{Z_95, interval};
use super::{Population, Reading};

/// A plain count.
pub(super) fn number(value: f64) -> Reading {
    Reading { value: Some(value), numerator: Some(value), ..Reading::default() }
}

/// A count of principals out of all of the part.
pub(super) fn counted(value: f64, part: &Population<'_>) -> Reading {
    Reading { denominator: Some(part.count(|_| true)), coverage: Some(1.0), ..number(value) }
}

/// A rate in percent with its Wilson interval; null when nothing could be counted. `of` is the whole population.
pub(super) fn rate(numerator: f64, denominator: f64, of: f64) -> Reading {
    let bounds = interval(numerator, denominator, Z_95);
    Reading {
        value: (denominator > 0.0).then(|| 100.0 * numerator / denominator),
        low: bounds.map(|(low, _)| 100.0 * low),
        high: bounds.map(|(_, high)| 100.0 * high),
        numerator: Some(numerator),
        denominator: Some(denominator),
        coverage: (of > 0.0).then(|| denominator / of),
    }
}

/// What the input says nothing about: null, and known of nobody.
pub(super) fn unmeasured() -> Reading {
    Reading { coverage: Some(0.0), ..Reading::default() }
}

/// The value in the middle, interpolated between the two in the middle; null of nothing.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (below, above) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some(f64::midpoint(values[below], values[above]))
}

/// The configured window in which use is looked for, in milliseconds.
pub(super) fn window(part: &Population<'_>) -> i64 {
    i64::from(part.context.config.thresholds.usage_window_days) * crate::findings::DAY
}
