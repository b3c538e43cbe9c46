//! An objective over a store: series of the metric by unit, both methods, guardrails, changes, and the verdict.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::changes::{self, Attributed, Quality};
use super::difference::{Difference, Series, compare};
use super::interrupted::{Interrupted, Point, fit};
use super::linear::{float, mean};
use super::objective::{Objective, Unit};
use super::verdict::{Grounds, Judged, Rail, judge};
use crate::ledger::Record;
use crate::metrics::history::snapshots;
use crate::metrics::population::WHOLE;
use crate::model::Metric;
use crate::store::{Store, StoreError};

const DAY_MS: f64 = 86_400_000.0;

/// Why there is no study.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A unit of the objective is in no snapshot.
    #[error("no snapshot has `{metric}` of {unit} `{name}`")]
    UnknownUnit { metric: String, unit: Unit, name: String, known: Vec<String> },
}

/// The metrics of one snapshot.
#[derive(Debug, Clone)]
pub struct Shot {
    /// Milliseconds since 1970.
    pub as_of: i64,
    pub metrics: Vec<Metric>,
}

/// A study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Study {
    pub judged: Judged,
    /// Null without units to compare with.
    pub difference: Option<Difference>,
    /// Of the treated units' mean, or of the whole; null with too few points.
    pub interrupted: Option<Interrupted>,
    pub guardrails: Vec<Rail>,
    pub changes: Attributed,
    /// Null without a ledger.
    pub quality: Option<Quality>,
    /// The series that the methods look at.
    pub series: Vec<(String, bool, Vec<Point>)>,
    /// Snapshots left out because a unit has no value there.
    pub left_out: usize,
}

/// Reads the metrics of every snapshot, oldest first.
///
/// # Errors
/// When the store cannot be read.
pub fn shots(store: &Store) -> Result<Vec<Shot>, StoreError> {
    let read = |reader: &crate::store::SnapshotReader| {
        Ok(Shot { as_of: reader.manifest().as_of, metrics: reader.read::<Metric>()? })
    };
    snapshots(store)?.iter().map(read).collect()
}

/// Does what the objective says over a store, with the records of its ledger if it has one.
///
/// # Errors
/// When the store cannot be read, or the objective names a unit that no snapshot has.
pub fn study(store: &Store, objective: &Objective, records: Option<&[Record]>) -> Result<Study, StudyError> {
    of_shots(&shots(store)?, objective, records)
}

/// The same of metrics that were read before.
///
/// # Errors
/// [`StudyError::UnknownUnit`].
pub fn of_shots(shots: &[Shot], objective: &Objective, records: Option<&[Record]>) -> Result<Study, StudyError> {
    let look = Look { shots, objective, records: records.unwrap_or(&[]) };
    let own = look.units(&objective.metric)?;
    let (difference, interrupted) = look.methods(&own.series);
    let mut guardrails = Vec::new();
    for guardrail in &objective.guardrails {
        let effect = match guardrail.recorded {
            Some(measure) => changes::worse(look.records, measure, objective.intervention),
            None => {
                let found = look.units(&guardrail.metric)?;
                let (difference, interrupted) = look.methods(&found.series);
                difference.map(|found| found.effect.estimate).or(interrupted.map(|found| found.effect))
            }
        };
        guardrails.push(Rail::new(guardrail, effect));
    }
    let judged = judge(&Grounds {
        objective,
        difference: difference.as_ref(),
        interrupted: interrupted.as_ref(),
        guardrails: &guardrails,
        coverage: look.coverage(),
    });
    let series = own.series.into_iter().map(|one| (one.unit, one.treated, one.points)).collect();
    Ok(Study {
        judged,
        difference,
        interrupted,
        guardrails,
        changes: look.attributed(),
        quality: records.map(|records| changes::quality(records, objective.intervention)),
        series,
        left_out: own.left_out,
    })
}

struct Look<'l> {
    shots: &'l [Shot],
    objective: &'l Objective,
    records: &'l [Record],
}

struct Units {
    series: Vec<Series>,
    left_out: usize,
}

impl Look<'_> {
    #[expect(clippy::cast_precision_loss, reason = "times are within 2^53 milliseconds")]
    fn days(&self, at: i64) -> f64 {
        (at - self.objective.intervention) as f64 / DAY_MS
    }

    /// Values by unit and snapshot.
    fn table(&self, metric: &str) -> BTreeMap<String, Vec<Option<f64>>> {
        if self.objective.unit == Unit::Workflow && !self.objective.treated.is_empty() {
            let times: Vec<i64> = self.shots.iter().map(|shot| shot.as_of).collect();
            let sums = changes::by_workflow(self.records, metric, &times);
            return sums.into_iter().map(|(unit, sums)| (unit, sums.into_iter().map(Some).collect())).collect();
        }
        let mut table: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
        for (at, shot) in self.shots.iter().enumerate() {
            for row in shot.metrics.iter().filter(|row| row.metric == metric) {
                let Some(unit) = self.unit_of(row) else { continue };
                table.entry(unit.to_owned()).or_insert_with(|| vec![None; self.shots.len()])[at] = row.value;
            }
        }
        table
    }

    /// The unit that a row is of: everything when nothing is compared.
    fn unit_of<'m>(&self, row: &'m Metric) -> Option<&'m str> {
        let (platform, kind, domain) = (row.platform.as_str(), row.kind.as_str(), row.domain.as_str());
        if kind != WHOLE {
            return None;
        }
        if self.objective.treated.is_empty() {
            return (platform == WHOLE && domain == WHOLE).then_some(WHOLE);
        }
        match self.objective.unit {
            Unit::Platform => (platform != WHOLE && domain == WHOLE).then_some(platform),
            Unit::Domain => (platform == WHOLE && domain != WHOLE).then_some(domain),
            Unit::Workflow => None,
        }
    }

    /// The series of the units, at the snapshots in which all of them have a value.
    fn units(&self, metric: &str) -> Result<Units, StudyError> {
        let objective = self.objective;
        let table = self.table(metric);
        let known = || table.keys().cloned().collect::<Vec<String>>();
        for name in objective.treated.iter().chain(&objective.control) {
            if !table.contains_key(name) {
                let (metric, unit, name) = (metric.to_owned(), objective.unit, name.clone());
                return Err(StudyError::UnknownUnit { metric, unit, name, known: known() });
            }
        }
        let treated: BTreeSet<&String> = objective.treated.iter().collect();
        let control: BTreeSet<&String> = objective.control.iter().collect();
        let whole = objective.treated.is_empty();
        let takes = |unit: &String| whole || treated.contains(unit) || control.is_empty() || control.contains(unit);
        let rows: Vec<(&String, &Vec<Option<f64>>)> = table.iter().filter(|(unit, _)| takes(unit)).collect();
        let complete: Vec<usize> = (0..self.shots.len())
            .filter(|&at| !rows.is_empty() && rows.iter().all(|(_, row)| row[at].is_some()))
            .collect();
        let series = rows.iter().map(|(unit, row)| {
            let point = |&at: &usize| Some(Point { days: self.days(self.shots[at].as_of), value: row[at]? });
            let points = complete.iter().filter_map(point).collect();
            Series { unit: (*unit).clone(), treated: whole || treated.contains(unit), points }
        });
        Ok(Units { series: series.collect(), left_out: self.shots.len() - complete.len() })
    }

    fn methods(&self, series: &[Series]) -> (Option<Difference>, Option<Interrupted>) {
        let alpha = self.objective.alpha;
        let has_control = series.iter().any(|one| !one.treated);
        let difference = if has_control { compare(series, alpha) } else { None };
        (difference, fit(&mean_of_treated(series), alpha))
    }

    /// Mean coverage of the metric in the whole, before and after.
    fn coverage(&self) -> (Option<f64>, Option<f64>) {
        let side = |is_after: bool| {
            let shots = self.shots.iter().filter(|shot| (shot.as_of >= self.objective.intervention) == is_after);
            let rows = shots.filter_map(|shot| whole(shot, &self.objective.metric)?.coverage);
            mean(&rows.collect::<Vec<f64>>())
        };
        (side(false), side(true))
    }

    /// What recorded changes did to the metric of the whole since the last snapshot before the intervention.
    fn attributed(&self) -> Attributed {
        let metric = &self.objective.metric;
        let before = self.shots.iter().rev().find(|shot| shot.as_of < self.objective.intervention);
        let value = |shot: Option<&Shot>| shot.and_then(|shot| whole(shot, metric)?.value);
        let change = value(self.shots.last()).zip(value(before)).map(|(last, before)| last - before);
        let from = before.map_or(self.objective.intervention, |shot| shot.as_of);
        let to = self.shots.last().map_or(from, |shot| shot.as_of);
        changes::attribute(self.records, metric, (from, to), change)
    }
}

fn whole<'s>(shot: &'s Shot, metric: &str) -> Option<&'s Metric> {
    let is_whole = |row: &&Metric| [&row.platform, &row.kind, &row.domain].iter().all(|part| *part == WHOLE);
    shot.metrics.iter().filter(|row| row.metric == metric).find(is_whole)
}

/// The mean of the treated units at each time.
fn mean_of_treated(series: &[Series]) -> Vec<Point> {
    let treated: Vec<&Series> = series.iter().filter(|one| one.treated).collect();
    let Some(first) = treated.first() else { return Vec::new() };
    let at = |place: usize| {
        let sum: f64 = treated.iter().map(|one| one.points[place].value).sum();
        Point { days: first.points[place].days, value: sum / float(treated.len()) }
    };
    (0..first.points.len()).map(at).collect()
}
