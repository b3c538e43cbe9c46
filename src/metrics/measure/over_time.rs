//! What one snapshot cannot say: how long power stood, and how long findings last.

use super::{privilege, unmeasured, window};
use crate::metrics::history::survival::kaplan_meier;
use crate::metrics::{Population, Reading, float};

const HOUR_MS: f64 = 3_600_000.0;

#[expect(clippy::cast_precision_loss, reason = "times are within 2^53 milliseconds")]
fn hours(millis: i64) -> f64 {
    millis as f64 / HOUR_MS
}

/// Mass times hours over the window that ends with the scan. The mass that a scan found counts until the next scan; the
/// time before the first scan counts as if that scan had been at the beginning of the window.
pub fn standing_hours(part: &Population<'_>) -> Reading {
    let now = part.context.facts.as_of;
    let (length, Some(mass)) = (window(part), privilege::standing_mass(part).value) else { return unmeasured() };
    let start = now.saturating_sub(length);
    let mut steps: Vec<(i64, f64)> =
        part.inputs.past.map(|past| past.standing_mass(part.cell, start)).unwrap_or_default();
    let first = steps.first().map_or(now, |step| step.0);
    steps.push((now, mass));
    // From the beginning of the window on, at the mass of the first scan in it or before it.
    let mut sum = steps[0].1 * hours(first.saturating_sub(start).max(0));
    for pair in steps.windows(2) {
        sum += pair[0].1 * hours(pair[1].0.max(start).saturating_sub(pair[0].0.max(start)));
    }
    let seen = now.saturating_sub(first.max(start));
    Reading {
        value: Some(sum),
        numerator: Some(sum),
        denominator: Some(hours(length)),
        coverage: (length > 0).then(|| hours(seen) / hours(length)),
        ..Reading::default()
    }
}

/// Days after which half of the findings are gone, by all scans so far.
pub fn time_to_revoke(part: &Population<'_>) -> Reading {
    let Some(spells) = part.inputs.spells.as_ref() else { return unmeasured() };
    let found = kaplan_meier(spells.get(part.cell).map_or(&[], Vec::as_slice));
    let ends = found.median.is_some();
    Reading {
        value: found.median,
        low: found.median_low.filter(|_| ends),
        high: found.median_high.filter(|_| ends),
        numerator: Some(float(found.ended)),
        denominator: Some(float(found.n)),
        coverage: Some(1.0),
    }
}
