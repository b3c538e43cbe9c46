//! Numbers about the organisation: each metric one row of a registry, computed for every platform, kind and domain.
//!
//! A rate is in percent and has its Wilson interval at 95 %; what cannot be measured is null and never zero. Coverage
//! is the share of the population that has the data which the metric needs.

mod definitions;
pub mod history;
pub mod population;
pub mod spread;
pub mod wilson;

pub use definitions::ALL;

use std::collections::BTreeMap;

use population::{Cell, Part, Parts};
use spread::Spread;

use crate::findings::Context;
use crate::model::{Entity, Finding, Metric, Score};

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Lower,
    Higher,
    /// Says how large something is, not how good.
    Neutral,
}

impl Direction {
    /// The way that is better, in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
            Self::Neutral => "neutral",
        }
    }
}

/// One metric.
pub struct Definition {
    /// Stable id.
    pub id: &'static str,
    /// What it says, in a sentence.
    pub definition: &'static str,
    /// `percent`, `count`, `ratio`, `points` (of risk) or `mass`.
    pub unit: &'static str,
    pub direction: Direction,
    /// What is counted.
    pub numerator: &'static str,
    /// Out of what.
    pub denominator: &'static str,
    /// Its value for a part; null when it makes no sense there (people per person).
    compute: fn(&Population<'_>) -> Option<Reading>,
}

/// A metric's value for one part.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Reading {
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    numerator: Option<f64>,
    denominator: Option<f64>,
    coverage: Option<f64>,
}

/// One part of the organisation as metrics see it.
pub(crate) struct Population<'a> {
    context: &'a Context<'a>,
    cell: &'a Cell,
    part: &'a Part,
    spread: &'a Spread,
}

impl<'a> Population<'a> {
    fn members(&self) -> impl Iterator<Item = &'a Entity> {
        let tables = self.context.tables;
        self.part.members.iter().map(move |&member| tables.entity(member))
    }

    fn count(&self, of: impl Fn(&Entity) -> bool) -> f64 {
        float(self.members().filter(|entity| of(entity)).count())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of principals are far below 2^52")]
pub(crate) fn float(n: usize) -> f64 {
    n as f64
}

/// The metrics could not be computed: a defect of the query, never of the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("metrics: {0}")]
pub struct MetricsError(String);

/// Every metric of the snapshot, sorted by metric, platform, kind and domain. `scores` are sorted by entity.
///
/// # Errors
/// When the query over the columns is refused.
pub fn all(context: &Context<'_>, scores: &[Score], findings: &[Finding]) -> Result<Vec<Metric>, MetricsError> {
    let parts = Parts::new(context, findings);
    let spreads = spread::all(&parts, scores).map_err(|error| MetricsError(error.to_string()))?;
    Ok(table(context, &parts, &spreads))
}

fn table(context: &Context<'_>, parts: &Parts, spreads: &BTreeMap<Cell, Spread>) -> Vec<Metric> {
    let nothing = Spread::default();
    let mut rows = Vec::new();
    for (cell, part) in &parts.0 {
        let population = Population { context, cell, part, spread: spreads.get(cell).unwrap_or(&nothing) };
        for definition in ALL {
            let Some(reading) = (definition.compute)(&population) else { continue };
            rows.push(Metric {
                metric: definition.id.to_owned(),
                platform: cell.platform.clone(),
                kind: cell.kind.clone(),
                domain: cell.domain.clone(),
                value: reading.value,
                low: reading.low,
                high: reading.high,
                numerator: reading.numerator,
                denominator: reading.denominator,
                coverage: reading.coverage,
            });
        }
    }
    rows.sort_by(|a, b| {
        (&a.metric, &a.platform, &a.kind, &a.domain).cmp(&(&b.metric, &b.platform, &b.kind, &b.domain))
    });
    rows
}

#[cfg(test)]
mod tests;
