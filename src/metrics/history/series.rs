//! The values of metrics over snapshots, by a query over their stored tables.

use polars::prelude::{BooleanChunked, ChunkCompareEq, DataFrame, PolarsResult, SortMultipleOptions, df};

use crate::metrics::population::Cell;
use crate::model::Metric;

/// A metric's value in one snapshot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    /// Place of the snapshot in the list that was given.
    pub snapshot: usize,
    pub value: Option<f64>,
    pub numerator: Option<f64>,
    pub denominator: Option<f64>,
    pub coverage: Option<f64>,
}

/// Metrics of one part over snapshots.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub metric: String,
    /// In the order of the snapshots; those without a row of this metric are left out.
    pub values: Vec<Value>,
}

/// The series of every metric of one part, sorted by metric. `tables` are the metrics of each snapshot, oldest first.
///
/// # Errors
/// When the query engine refuses the query; a test runs it over every column type.
pub fn of_part(tables: &[Vec<Metric>], part: &Cell) -> PolarsResult<Vec<Series>> {
    let all = frame(tables)?;
    let here =
        |column: &str, name: &str| -> PolarsResult<BooleanChunked> { Ok(all.column(column)?.str()?.equal(name)) };
    let wanted = here("platform", &part.platform)? & here("kind", &part.kind)? & here("domain", &part.domain)?;
    let answer = all.filter(&wanted)?.sort(["metric", "snapshot"], SortMultipleOptions::default())?;
    gather(&answer)
}

fn frame(tables: &[Vec<Metric>]) -> PolarsResult<DataFrame> {
    let rows = || tables.iter().flatten();
    let text = |of: fn(&Metric) -> &str| rows().map(of).collect::<Vec<&str>>();
    let number = |of: fn(&Metric) -> Option<f64>| rows().map(of).collect::<Vec<Option<f64>>>();
    let places = tables.iter().enumerate();
    let snapshot: Vec<u32> =
        places.flat_map(|(at, rows)| rows.iter().map(move |_| u32::try_from(at).unwrap_or(u32::MAX))).collect();
    df!(
        "snapshot" => snapshot,
        "metric" => text(|row| &row.metric),
        "platform" => text(|row| &row.platform),
        "kind" => text(|row| &row.kind),
        "domain" => text(|row| &row.domain),
        "value" => number(|row| row.value),
        "numerator" => number(|row| row.numerator),
        "denominator" => number(|row| row.denominator),
        "coverage" => number(|row| row.coverage),
    )
}

fn gather(answer: &DataFrame) -> PolarsResult<Vec<Series>> {
    let (metric, snapshot) = (answer.column("metric")?.str()?, answer.column("snapshot")?.u32()?);
    let number = |name: &str| answer.column(name)?.f64();
    let (value, numerator) = (number("value")?, number("numerator")?);
    let (denominator, coverage) = (number("denominator")?, number("coverage")?);
    let mut all: Vec<Series> = Vec::new();
    for row in 0..answer.height() {
        let name = metric.get(row).unwrap_or_default();
        let point = Value {
            snapshot: snapshot.get(row).unwrap_or(0) as usize,
            value: value.get(row),
            numerator: numerator.get(row),
            denominator: denominator.get(row),
            coverage: coverage.get(row),
        };
        match all.last_mut() {
            Some(series) if series.metric == name => series.values.push(point),
            _ => all.push(Series { metric: name.to_owned(), values: vec![point] }),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(metric: &str, kind: &str, value: Option<f64>) -> Metric {
        Metric {
            metric: metric.to_owned(),
            platform: "all".to_owned(),
            kind: kind.to_owned(),
            domain: "all".to_owned(),
            value,
            low: None,
            high: None,
            numerator: value.map(|value| 10.0 * value),
            denominator: Some(10.0),
            coverage: None,
        }
    }

    #[test]
    fn series_are_in_order_and_of_one_part_and_null_stays_null() {
        let tables = [
            vec![row("b", "all", Some(1.0)), row("a", "all", Some(5.0)), row("a", "nhi", Some(9.0))],
            vec![row("a", "all", None)],
            vec![row("b", "all", Some(3.0)), row("a", "all", Some(6.0))],
        ];
        let part = Cell { platform: "all".to_owned(), kind: "all".to_owned(), domain: "all".to_owned() };
        let series = of_part(&tables, &part).expect("the query is valid");
        assert_eq!(series.iter().map(|one| one.metric.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        let shown = |at: usize| series[at].values.iter().map(|at| (at.snapshot, at.value)).collect::<Vec<_>>();
        assert_eq!(shown(0), [(0, Some(5.0)), (1, None), (2, Some(6.0))]);
        assert_eq!(shown(1), [(0, Some(1.0)), (2, Some(3.0))]);
        let last = series[1].values[1];
        assert_eq!((last.numerator, last.denominator, last.coverage), (Some(30.0), Some(10.0), None));
        assert_eq!(of_part(&[], &part).expect("the query is valid"), []);
    }
}
