//! Percentiles of risk, mass and weighted gap in every part of the organisation, column by column.
//!
//! A part has a frame with one row for each principal in it; nulls (a gap that cannot be measured) do not take
//! part. Percentiles interpolate linearly between the neighbours.

use std::collections::BTreeMap;

use polars::prelude::{ChunkQuantile, DataFrame, PolarsResult, QuantileMethod, df};

use super::population::{Cell, Parts, score_of};
use crate::model::Score;

/// Percentiles that are given of each column.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.50), ("p90", 0.90), ("p99", 0.99)];

/// Columns that percentiles are given of.
const COLUMNS: [&str; 3] = ["risk", "mass", "wpg"];

/// Percentiles of one part, and how many principals had a value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spread {
    /// Principals with scores.
    pub n: u32,
    /// Those with a measured weighted gap.
    pub wpg_n: u32,
    /// By column and percentile, `risk_p50`.
    pub values: BTreeMap<String, f64>,
}

/// Percentiles of every part that has members with scores.
///
/// # Errors
/// When the query engine refuses the query; a test runs it over every column type.
pub fn all(parts: &Parts, scores: &[Score]) -> PolarsResult<BTreeMap<Cell, Spread>> {
    let mut spreads = BTreeMap::new();
    for (cell, part) in &parts.0 {
        let rows: Vec<&Score> = part.members.iter().filter_map(|&member| score_of(scores, member)).collect();
        if !rows.is_empty() {
            spreads.insert(cell.clone(), spread(&frame(&rows)?)?);
        }
    }
    Ok(spreads)
}

fn frame(rows: &[&Score]) -> PolarsResult<DataFrame> {
    df!(
        "risk" => rows.iter().map(|row| row.risk).collect::<Vec<_>>(),
        "mass" => rows.iter().map(|row| row.mass).collect::<Vec<_>>(),
        "wpg" => rows.iter().map(|row| row.wpg).collect::<Vec<_>>(),
    )
}

fn spread(frame: &DataFrame) -> PolarsResult<Spread> {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let known = frame.height() - frame.column("wpg")?.null_count();
    let mut spread = Spread { n: count(frame.height()), wpg_n: count(known), values: BTreeMap::new() };
    for column in COLUMNS {
        let numbers = frame.column(column)?.f64()?;
        for (name, q) in QUANTILES {
            if let Some(value) = numbers.quantile(q, QuantileMethod::Linear)? {
                spread.values.insert(format!("{column}_{name}"), value);
            }
        }
    }
    Ok(spread)
}
