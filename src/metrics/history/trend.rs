//! A metric over all snapshots, with control limits, and what each change is made of.
//!
//! Every series is charted twice: as it is, and *adjusted*, which is its first value plus all that changed within
//! those who stayed ([`super::attribution`]). A signal of the first says that the organisation differs from its
//! baseline. A signal of the second says that identities which were there all along have changed, and that is what
//! drift means: an account that is onboarded moves the first and not the second.

use std::collections::BTreeSet;

use super::attribution::{Attribution, Cause};
use super::ewma::{self, Banded, Side};
use super::laney;
use super::replay::Stored;
use super::series;
use super::{HistoryError, snapshots};
use crate::config::Config;
use crate::metrics::population::Cell;
use crate::metrics::{ALL, Direction, MetricsError};
use crate::model::Metric;
use crate::model::text::glob_ignore_case;
use crate::store::{SnapshotReader, Store};

/// Points of the baseline phase. With fewer, all points are its and every limit is provisional.
pub const BASELINE_POINTS: usize = 20;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Request<'r> {
    /// Ids of metrics; `*` and `?` are wildcards.
    pub metrics: &'r [String],
    pub part: Cell,
    /// Configuration of the scans; attribution computes metrics again by it.
    pub config: &'r Config,
}

/// A statistic outside its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Signal {
    /// `ewma` or `p`.
    pub chart: &'static str,
    pub side: Side,
    /// Whether that is the bad side of this metric; null for a metric without one.
    pub worse: Option<bool>,
}

/// One snapshot of a series.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Point {
    pub snapshot: String,
    /// Time of the scan, in milliseconds since 1970.
    #[serde(skip)]
    pub as_of: i64,
    pub value: f64,
    pub numerator: Option<f64>,
    pub denominator: Option<f64>,
    pub coverage: Option<f64>,
    /// First value plus all changes within those who stayed.
    pub adjusted: f64,
    /// Average and limits; null with fewer than two points.
    pub ewma: Option<Banded>,
    /// Share and limits in percent; null for what is no share.
    pub p: Option<Banded>,
    /// The change since the point before; null where it cannot be attributed.
    pub change: Option<Attribution>,
    /// The change since the end of the baseline phase, or since the first point while that is provisional; null before.
    pub since_baseline: Option<Attribution>,
    /// Of the series as it is.
    pub signals: Vec<Signal>,
    /// Of the adjusted series.
    pub drift: Vec<Signal>,
}

impl Point {
    /// What a signal comes from; `None` where nothing is outside the limits or nothing could be attributed.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        if self.signals.is_empty() {
            return None;
        }
        self.since_baseline.or(self.change)?.cause()
    }
}

/// A metric over time.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Trend {
    pub metric: String,
    pub unit: &'static str,
    /// `lower`, `higher` or `neutral`: which way is better.
    pub better: &'static str,
    /// Points of the baseline phase.
    pub baseline_points: usize,
    /// Whether the baseline phase is shorter than it should be.
    pub provisional: bool,
    /// Mean and standard deviation of the baseline phase.
    pub centre: Option<f64>,
    pub sigma: Option<f64>,
    /// Share over the baseline phase in percent, and its spread in standard deviations of counting.
    pub p_centre: Option<f64>,
    pub sigma_z: Option<f64>,
    /// Correlation of each point with the one before it in the baseline phase.
    pub autocorrelation: Option<f64>,
    /// Snapshots in which the metric could not be measured.
    pub unmeasured: usize,
    /// Why some changes are not attributed; null when all are.
    pub unattributed: Option<String>,
    pub points: Vec<Point>,
}

impl Trend {
    /// Time of the first of the drift signals that the series ends in; `None` when its last point is not in drift.
    #[must_use]
    pub fn drift_since(&self) -> Option<i64> {
        self.points.iter().rev().take_while(|point| !point.drift.is_empty()).last().map(|point| point.as_of)
    }
}

/// The trend of each metric asked for, sorted by metric.
///
/// # Errors
/// When the store cannot be read, or a name fits no metric.
pub fn trends(store: &Store, request: &Request<'_>) -> Result<Vec<Trend>, HistoryError> {
    let readers = snapshots(store)?;
    let mut tables: Vec<Vec<Metric>> = Vec::with_capacity(readers.len());
    for reader in &readers {
        tables.push(reader.read()?);
    }
    let mut all = series::of_part(&tables, &request.part).map_err(|error| MetricsError(error.to_string()))?;
    for name in request.metrics {
        if !all.iter().any(|series| glob_ignore_case(name, &series.metric)) {
            let known = all.into_iter().map(|series| series.metric).collect();
            return Err(HistoryError::UnknownMetric { name: name.clone(), known });
        }
    }
    all.retain(|series| request.metrics.iter().any(|name| glob_ignore_case(name, &series.metric)));
    let stayed = stayed(&readers, &all, request)?;
    Ok(all.iter().map(|series| trend(&readers, series, &stayed)).collect())
}

/// Metrics of those who stayed from one snapshot to the next.
struct Stayed {
    /// In the earlier snapshot.
    before: Vec<Metric>,
    /// In the later one.
    after: Vec<Metric>,
    /// Of all in the later one, computed again: those that differ from the stored ones are not to be trusted.
    whole: Vec<Metric>,
    /// The same of the earlier one.
    whole_before: Vec<Metric>,
}

/// For each snapshot but the first. Two snapshots are in memory at a time.
fn stayed(
    readers: &[SnapshotReader],
    wanted: &[series::Series],
    request: &Request<'_>,
) -> Result<Vec<Stayed>, HistoryError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let cells = std::slice::from_ref(&request.part);
    let of = |stored: &Stored, keep: &dyn Fn(&str) -> bool| stored.metrics(request.config, cells, keep);
    let mut found: Vec<Stayed> = Vec::new();
    let mut earlier: Option<(Stored, Vec<Metric>)> = None;
    for reader in readers {
        let later = Stored::read(reader)?;
        let whole = of(&later, &|_| true)?;
        if let Some((earlier, whole_before)) = earlier {
            let (then, now) = (earlier.ids(), later.ids());
            let both: BTreeSet<&str> = then.intersection(&now).copied().collect();
            let keep = |id: &str| both.contains(id);
            let (before, after) = (of(&earlier, &keep)?, of(&later, &keep)?);
            found.push(Stayed { before, after, whole: whole.clone(), whole_before });
        }
        earlier = Some((later, whole));
    }
    Ok(found)
}

impl Stayed {
    /// The parts of a metric's change, or why there are none.
    fn attribute(&self, metric: &str, before: f64, after: f64) -> Result<Attribution, &'static str> {
        if ALL.iter().any(|definition| definition.id == metric && !definition.of_entities) {
            return Err("the metric is not made of the entities of one snapshot");
        }
        let value = |rows: &[Metric]| rows.iter().find(|row| row.metric == metric).and_then(|row| row.value);
        let same = |rows: &[Metric], stored: f64| {
            value(rows).is_some_and(|again| (again - stored).abs() <= 1e-9 * stored.abs().max(1.0))
        };
        if !same(&self.whole_before, before) || !same(&self.whole, after) {
            return Err("computed again, the metric differs from the stored one; was it scanned with another \
                        configuration (--config)?");
        }
        match (value(&self.before), value(&self.after)) {
            (Some(stayed_before), Some(stayed_after)) => {
                Ok(Attribution::new(before, stayed_before, stayed_after, after))
            }
            _ => Err("between some snapshots nobody stayed of whom the metric can be measured"),
        }
    }
}

fn trend(readers: &[SnapshotReader], series: &series::Series, stayed: &[Stayed]) -> Trend {
    let definition = ALL.iter().find(|definition| definition.id == series.metric);
    let direction = definition.map_or(Direction::Neutral, |definition| definition.direction);
    let (points, unattributed) = points(readers, series, stayed);
    let baseline = points.len().min(BASELINE_POINTS);
    let mut trend = Trend {
        metric: series.metric.clone(),
        unit: definition.map_or("", |definition| definition.unit),
        better: direction.as_str(),
        baseline_points: baseline,
        provisional: baseline < BASELINE_POINTS,
        centre: None,
        sigma: None,
        p_centre: None,
        sigma_z: None,
        autocorrelation: None,
        unmeasured: readers.len() - points.len(),
        unattributed: unattributed.map(str::to_owned),
        points,
    };
    chart(&mut trend, direction);
    trend
}

/// The points without limits, and why some change is not attributed.
fn points(
    readers: &[SnapshotReader],
    series: &series::Series,
    stayed: &[Stayed],
) -> (Vec<Point>, Option<&'static str>) {
    let mut points: Vec<Point> = Vec::with_capacity(series.values.len());
    let (mut unattributed, mut last): (_, Option<(usize, f64)>) = (None, None);
    for row in &series.values {
        let Some(value) = row.value else { continue };
        let change = last.and_then(|(before, then)| {
            // Attribution is from one snapshot to the next.
            let parts = if before + 1 == row.snapshot {
                stayed[before].attribute(&series.metric, then, value)
            } else {
                Err("between some points there are snapshots without a value")
            };
            parts.map_err(|why| unattributed = Some(why)).ok()
        });
        last = Some((row.snapshot, value));
        let manifest = readers[row.snapshot].manifest();
        points.push(Point {
            snapshot: manifest.snapshot.clone(),
            as_of: manifest.as_of,
            value,
            numerator: row.numerator,
            denominator: row.denominator,
            coverage: row.coverage,
            adjusted: next_adjusted(points.last(), value, change),
            ewma: None,
            p: None,
            change,
            since_baseline: None,
            signals: Vec::new(),
            drift: Vec::new(),
        });
    }
    (points, unattributed)
}

/// Without attribution the whole change counts as of those who stayed: a drift must not hide behind missing data.
fn next_adjusted(last: Option<&Point>, value: f64, change: Option<Attribution>) -> f64 {
    match (last, change) {
        (None, _) => value,
        (Some(last), Some(change)) => last.adjusted + change.within,
        (Some(last), None) => last.adjusted + (value - last.value),
    }
}

/// Puts limits and signals on the points.
fn chart(trend: &mut Trend, direction: Direction) {
    let baseline = trend.baseline_points;
    let values: Vec<f64> = trend.points.iter().map(|point| point.value).collect();
    let adjusted: Vec<f64> = trend.points.iter().map(|point| point.adjusted).collect();
    trend.autocorrelation = ewma::autocorrelation(&values[..baseline]);
    let average = |values: &[f64]| ewma::chart(values, baseline, ewma::LAMBDA, ewma::WIDTH);
    let (raw, of_stayers) = (average(&values), average(&adjusted));
    (trend.centre, trend.sigma) = raw.as_ref().map(|chart| (chart.centre, chart.sigma)).unzip();
    let populations: Option<Vec<f64>> =
        (trend.unit == "percent").then(|| trend.points.iter().map(|point| point.denominator).collect()).flatten();
    let shares = |values: &[f64]| {
        let shares: Vec<f64> = values.iter().map(|value| value / 100.0).collect();
        laney::chart(&shares, populations.as_ref()?, baseline)
    };
    let (raw_p, p_of_stayers) = (shares(&values), shares(&adjusted));
    (trend.p_centre, trend.sigma_z) = raw_p.as_ref().map(|chart| (100.0 * chart.centre, chart.sigma_z)).unzip();
    let signals = |average: Option<Banded>, share: Option<Banded>| -> Vec<Signal> {
        let of = |chart, band: Option<Banded>| Some(signal(chart, band?.outside()?, direction));
        [of("ewma", average), of("p", share)].into_iter().flatten().collect()
    };
    let at = |chart: Option<&Vec<Banded>>, at: usize| chart.map(|points| points[at]);
    let start = if trend.provisional { 1 } else { baseline };
    let mut since: Option<Attribution> = Some(Attribution::default());
    for (place, point) in trend.points.iter_mut().enumerate() {
        point.ewma = at(raw.as_ref().map(|chart| &chart.points), place);
        let share = at(raw_p.as_ref().map(|chart| &chart.points), place);
        point.p = share.map(in_percent);
        point.signals = signals(point.ewma, share);
        let stayers = at(of_stayers.as_ref().map(|chart| &chart.points), place);
        point.drift = signals(stayers, at(p_of_stayers.as_ref().map(|chart| &chart.points), place));
        if place >= start {
            since = since.zip(point.change).map(|(since, change)| since.then(change));
            point.since_baseline = since;
        }
    }
}

fn in_percent(share: Banded) -> Banded {
    Banded { value: 100.0 * share.value, low: 100.0 * share.low, high: 100.0 * share.high }
}

fn signal(chart: &'static str, side: Side, direction: Direction) -> Signal {
    let worse = match direction {
        Direction::Lower => Some(side == Side::Above),
        Direction::Higher => Some(side == Side::Below),
        Direction::Neutral => None,
    };
    Signal { chart, side, worse }
}
