//! What each recorded change did, and how changes that models drafted fare beside those that people drafted.
//!
//! The *counterfactual* of a change is exact: the gate computed the metric with the change and without it, on the graph
//! as it was. The sum over approved changes that a scan saw is what the ledger explains of the metric's change; the rest
//! is unexplained: changes without a record, changes that met each other, and what came and went by itself.
//!
//! The *comparison* is of counts with Wilson's intervals, differences with Newcombe's, Fisher's exact test, and Holm's
//! correction over all measures, because whoever looks at eight numbers finds one. It compares what was recorded;
//! people and models may be given different work, so the tiers of both stand beside it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::distribution::{fisher, holm};
use super::linear::float;
use crate::ledger::summary::{Fate, fates};
use crate::ledger::{Observed, Outcome, Record, Verdict};
use crate::metrics::newcombe::difference;
use crate::metrics::wilson::{Z_95, interval};

/// An approval faster than this was not a reading.
pub const RUBBER_STAMP_MS: i64 = 10_000;
/// A change that is taken back within this time did not hold.
pub const REVERSED_MS: i64 = 30 * 86_400_000;

/// A share of one side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    pub k: u32,
    pub n: u32,
    /// Null of none.
    pub share: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

impl Share {
    fn new(k: u32, n: u32) -> Self {
        let bounds = interval(f64::from(k), f64::from(n), Z_95);
        let share = (n > 0).then(|| f64::from(k) / f64::from(n));
        Self { k, n, share, low: bounds.map(|(low, _)| low), high: bounds.map(|(_, high)| high) }
    }
}

/// One measure of both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    pub measure: &'static str,
    pub ai: Share,
    pub human: Share,
    /// Share of the models' less that of the people's; null when one side has none.
    pub difference: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Fisher's exact test; null when one side has none.
    pub p: Option<f64>,
    /// The same after Holm's correction over all measures.
    pub p_holm: Option<f64>,
}

/// What changes of one kind of author did to the metric.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Contribution {
    /// Approved changes that a scan saw, whole or in part.
    pub changes: u32,
    /// Of them, those whose gate measured the metric.
    pub measured: u32,
    /// Sum of the metric with the change less without it.
    pub sum: f64,
}

/// What made the metric change since the intervention.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Attributed {
    /// Last value less the last one before the intervention; null where one is unknown.
    pub change: Option<f64>,
    pub ai: Contribution,
    pub human: Contribution,
    /// What no record explains.
    pub unexplained: Option<f64>,
}

/// Both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    pub measures: Vec<Measure>,
    /// Drafts by tier, of models and of people.
    pub tiers: BTreeMap<String, (u32, u32)>,
    /// Median hours from the first record of a draft to its decision; null of none.
    pub median_hours_ai: Option<f64>,
    pub median_hours_human: Option<f64>,
}

/// What a measure counts: whether a draft is counted at all, and then whether it is one of those.
type Count = fn(&Fate<'_>, &Reversals<'_>) -> Option<bool>;

/// Every measure. None of them is good or bad by itself: few blocks may mean good drafts or a blind gate.
const MEASURES: &[(&str, Count)] = &[
    ("blocked_at_first", |fate, _| Some(fate.first_verdict? == Verdict::Block)),
    ("needed_rework", |fate, _| fate.first_verdict.map(|_| fate.gated > 1)),
    ("approved", |fate, _| Some(fate.decided?.1 == Outcome::Approved)),
    ("approved_within_10_seconds", |fate, _| {
        let (at, outcome) = fate.decided?;
        (outcome == Outcome::Approved).then(|| at.saturating_sub(fate.begun) < RUBBER_STAMP_MS)
    }),
    ("landed_as_approved", |fate, _| Some(fate.observed? == Observed::Matched)),
    ("reversed_within_30_days", |fate, reversals| {
        let (at, outcome) = fate.decided?;
        (outcome == Outcome::Approved).then(|| reversals.of(fate, at))
    }),
    ("challenged", |fate, _| fate.decided.map(|_| fate.challenged)),
];

/// When which change was approved: a later one that is the inverse of an earlier one takes it back.
struct Reversals<'r>(BTreeMap<&'r str, Vec<i64>>);

impl Reversals<'_> {
    fn of(&self, fate: &Fate<'_>, at: i64) -> bool {
        let approved = fate.inverse.and_then(|inverse| self.0.get(inverse));
        approved.into_iter().flatten().any(|&then| then > at && then.saturating_sub(at) <= REVERSED_MS)
    }
}

/// Compares drafts of models and of people that were begun from `since` on.
#[must_use]
pub fn quality(records: &[Record], since: i64) -> Quality {
    let fates = fates(records);
    let mut reversals = Reversals(BTreeMap::new());
    for fate in &fates {
        if let (Some(change), Some((at, Outcome::Approved))) = (fate.change, fate.decided) {
            reversals.0.entry(change).or_default().push(at);
        }
    }
    let (ai, human): (Vec<&Fate<'_>>, Vec<&Fate<'_>>) =
        fates.iter().filter(|fate| fate.begun >= since).partition(|fate| fate.ai);
    let mut measures: Vec<Measure> =
        MEASURES.iter().map(|(name, count)| measure(name, *count, &reversals, [&ai, &human])).collect();
    let tested: Vec<f64> = measures.iter().filter_map(|measure| measure.p).collect();
    let mut corrected = holm(&tested).into_iter();
    for measure in &mut measures {
        measure.p_holm = measure.p.and_then(|_| corrected.next());
    }
    let mut tiers: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for (fate, is_ai) in ai.iter().map(|fate| (fate, true)).chain(human.iter().map(|fate| (fate, false))) {
        let counts = tiers.entry(fate.tier.unwrap_or("unknown").to_owned()).or_default();
        if is_ai { counts.0 += 1 } else { counts.1 += 1 }
    }
    Quality { measures, tiers, median_hours_ai: median_hours(&ai), median_hours_human: median_hours(&human) }
}

fn measure(name: &'static str, count: Count, reversals: &Reversals<'_>, sides: [&[&Fate<'_>]; 2]) -> Measure {
    let [ai, human] = sides.map(|side| {
        let counted: Vec<bool> = side.iter().filter_map(|fate| count(fate, reversals)).collect();
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Share::new(number(counted.iter().filter(|&&one| one).count()), number(counted.len()))
    });
    let pair = |share: Share| (f64::from(share.k), f64::from(share.n));
    let bounds = difference(pair(ai), pair(human), Z_95);
    Measure {
        measure: name,
        ai,
        human,
        difference: ai.share.zip(human.share).map(|(a, b)| a - b),
        low: bounds.map(|(low, _)| low),
        high: bounds.map(|(_, high)| high),
        p: bounds.map(|_| fisher((ai.k, ai.n), (human.k, human.n))),
        p_holm: None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "times are within 2^53 milliseconds")]
fn median_hours(fates: &[&Fate<'_>]) -> Option<f64> {
    let mut hours: Vec<f64> =
        fates.iter().filter_map(|fate| Some((fate.decided?.0 - fate.begun) as f64 / 3_600_000.0)).collect();
    hours.sort_by(f64::total_cmp);
    let (below, above) = (hours.len().checked_sub(1)? / 2, hours.len() / 2);
    Some(f64::midpoint(hours[below], hours[above]))
}

/// Splits the change of a metric into what models' and people's changes did, and the rest. `from` and `to` bound the
/// times of the decisions: after the first, up to the second.
#[must_use]
pub fn attribute(records: &[Record], metric: &str, (from, to): (i64, i64), change: Option<f64>) -> Attributed {
    let mut sides = [Contribution::default(); 2];
    for fate in fates(records) {
        let landed = matches!(fate.observed, Some(Observed::Matched | Observed::Partial | Observed::Drift));
        let in_time = fate.decided.is_some_and(|(at, outcome)| outcome == Outcome::Approved && at > from && at <= to);
        if !landed || !in_time {
            continue;
        }
        let side = &mut sides[usize::from(fate.ai)];
        side.changes += 1;
        if let Some(delta) = fate.deltas.get(metric) {
            side.measured += 1;
            side.sum += delta;
        }
    }
    let [human, ai] = sides;
    Attributed { change, ai, human, unexplained: change.map(|change| change - ai.sum - human.sum) }
}

/// What a workflow's approved changes add up to over time, at each of the times given: for comparisons by workflow,
/// which no snapshot is divided by.
#[must_use]
pub fn by_workflow(records: &[Record], metric: &str, times: &[i64]) -> BTreeMap<String, Vec<f64>> {
    let mut workflow_of: BTreeMap<&str, &str> = BTreeMap::new();
    for record in records {
        if let (Some(key), Some(workflow)) = (record.said.draft_key(), record.said.workflow.as_deref()) {
            workflow_of.entry(key).or_insert(workflow);
        }
    }
    let mut found: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for fate in fates(records) {
        let Some(workflow) = workflow_of.get(fate.key) else { continue };
        let sums = found.entry((*workflow).to_owned()).or_insert_with(|| vec![0.0; times.len()]);
        let (Some((at, Outcome::Approved)), Some(delta)) = (fate.decided, fate.deltas.get(metric)) else { continue };
        for (sum, _) in sums.iter_mut().zip(times).filter(|(_, time)| **time >= at) {
            *sum += delta;
        }
    }
    found
}

/// Mean of what a side's changes did to the metric; null of none.
#[must_use]
pub fn mean_effect(side: &Contribution) -> Option<f64> {
    (side.measured > 0).then(|| side.sum / float(side.measured as usize))
}
