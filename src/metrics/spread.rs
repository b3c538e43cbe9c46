//! Percentiles of risk, mass and weighted gap in every part of the organisation, by a lazy query over columns.
//!
//! The frame has one row for each principal and part that it is in; nulls (a gap that cannot be measured) do not take
//! part. Percentiles interpolate linearly between the neighbours.

use std::collections::BTreeMap;

use polars::prelude::{
    DataFrame, Expr, IntoLazy, PolarsResult, QuantileMethod, SortMultipleOptions, col, df, len, lit,
};

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
    let cells: Vec<&Cell> = parts.0.keys().collect();
    let answer = frame(parts, scores)?.lazy().group_by([col("cell")]).agg(aggregates());
    let answer = answer.sort(["cell"], SortMultipleOptions::default()).collect()?;
    let mut spreads = BTreeMap::new();
    for row in 0..answer.height() {
        let cell = answer.column("cell")?.u32()?.get(row).and_then(|at| cells.get(at as usize));
        if let Some(cell) = cell {
            spreads.insert((*cell).clone(), spread(&answer, row)?);
        }
    }
    Ok(spreads)
}

fn frame(parts: &Parts, scores: &[Score]) -> PolarsResult<DataFrame> {
    let (mut cell, mut risk, mut mass, mut wpg) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (at, part) in parts.0.values().enumerate() {
        for score in part.members.iter().filter_map(|&member| score_of(scores, member)) {
            cell.push(u32::try_from(at).unwrap_or(u32::MAX));
            risk.push(score.risk);
            mass.push(score.mass);
            wpg.push(score.wpg);
        }
    }
    df!("cell" => cell, "risk" => risk, "mass" => mass, "wpg" => wpg)
}

fn aggregates() -> Vec<Expr> {
    let quantiles = COLUMNS.iter().flat_map(|column| {
        QUANTILES.iter().map(move |(name, q)| {
            col(*column).quantile(lit(*q), QuantileMethod::Linear).alias(format!("{column}_{name}"))
        })
    });
    quantiles.chain([len().alias("n"), col("wpg").count().alias("wpg_n")]).collect()
}

fn spread(answer: &DataFrame, row: usize) -> PolarsResult<Spread> {
    let count = |name: &str| Ok::<_, polars::error::PolarsError>(answer.column(name)?.u32()?.get(row).unwrap_or(0));
    let mut spread = Spread { n: count("n")?, wpg_n: count("wpg_n")?, values: BTreeMap::new() };
    for column in COLUMNS {
        for (name, _) in QUANTILES {
            let name = format!("{column}_{name}");
            if let Some(value) = answer.column(&name)?.f64()?.get(row) {
                spread.values.insert(name, value);
            }
        }
    }
    Ok(spread)
}
