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

use super::Estimate;
use super::distribution::{fisher, holm};
use super::linear::float;
use super::objective::Recorded;
use crate::ledger::summary::{Fate, fates};
use crate::ledger::{Observed, Outcome, Record, Verdict};
use crate::metrics::newcombe::difference;
use crate::metrics::wilson::{Z_95, interval};

/// An approval given sooner after the gate's answer than this was not a reading of it.
pub const RUBBER_STAMP_SECONDS: u32 = 10;
/// Quantile of the normal distribution for a power of 80 %.
const Z_80: f64 = 0.841_621_233_572_914_3;
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

    fn counts(self) -> (f64, f64) {
        (f64::from(self.k), f64::from(self.n))
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

/// What a measure counts of a draft: how many of how many. Most count the draft itself, or leave it out.
type Count = fn(&Fate<'_>, &Reversals<'_>) -> (u32, u32);

/// Every measure. None of them is good or bad by itself: few blocks may mean good drafts or a blind gate.
const MEASURES: &[(&str, Count)] = &[
    ("blocked_at_first", |fate, _| one(fate.first_verdict.map(|verdict| verdict == Verdict::Block))),
    ("needed_rework", |fate, _| one(fate.first_verdict.map(|_| fate.gated > 1))),
    ("approved", |fate, _| one(fate.decided.map(|(_, outcome)| outcome == Outcome::Approved))),
    ("approved_within_10_seconds", |fate, _| hasty(fate, RUBBER_STAMP_SECONDS)),
    ("landed_as_approved", |fate, _| landed(fate)),
    ("reversed_within_30_days", reversed),
    ("challenged", |fate, _| challenged(fate)),
];

/// A draft that is counted when it is known whether it is one of those.
fn one(is: Option<bool>) -> (u32, u32) {
    is.map_or((0, 0), |is| (u32::from(is), 1))
}

/// Approvals, and those given within so many seconds of the gate's answer, or before there was any.
fn hasty(fate: &Fate<'_>, seconds: u32) -> (u32, u32) {
    let hasty = fate.approved_after.iter().filter(|&&wait| wait < i64::from(seconds) * 1000).count();
    (number(hasty), number(fate.approved_after.len()))
}

fn landed(fate: &Fate<'_>) -> (u32, u32) {
    one(fate.observed.map(|observed| observed == Observed::Matched))
}

fn reversed(fate: &Fate<'_>, reversals: &Reversals<'_>) -> (u32, u32) {
    one(match fate.decided {
        Some((at, Outcome::Approved)) => Some(reversals.of(fate, at)),
        _ => None,
    })
}

fn challenged(fate: &Fate<'_>) -> (u32, u32) {
    one(fate.decided.map(|_| fate.challenged))
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// When which change was approved: a later one that is the inverse of an earlier one takes it back.
struct Reversals<'r>(BTreeMap<&'r str, Vec<i64>>);

impl<'r> Reversals<'r> {
    fn new(fates: &[Fate<'r>]) -> Self {
        let mut reversals = Self(BTreeMap::new());
        for fate in fates {
            if let (Some(change), Some((at, Outcome::Approved))) = (fate.change, fate.decided) {
                reversals.0.entry(change).or_default().push(at);
            }
        }
        reversals
    }

    fn of(&self, fate: &Fate<'_>, at: i64) -> bool {
        let approved = fate.inverse.and_then(|inverse| self.0.get(inverse));
        approved.into_iter().flatten().any(|&then| then > at && then.saturating_sub(at) <= REVERSED_MS)
    }
}

/// Compares drafts of models and of people that were begun from `since` on.
#[must_use]
pub fn quality(records: &[Record], since: i64) -> Quality {
    let fates = fates(records);
    let reversals = Reversals::new(&fates);
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

/// The share of all that is counted of some drafts.
fn share<'f, 'r: 'f>(fates: impl Iterator<Item = &'f Fate<'r>>, count: impl Fn(&Fate<'r>) -> (u32, u32)) -> Share {
    let add = |(k, n): (u32, u32), (more_k, more_n): (u32, u32)| (k.saturating_add(more_k), n.saturating_add(more_n));
    let (k, n) = fates.map(count).fold((0, 0), add);
    Share::new(k, n)
}

/// A guardrail of the ledger: by how many percentage points more of what was recorded from `since` on is so than of what
/// was before, whoever drafted it. Where nothing was recorded before, it is held against nothing: the share itself. `None`
/// where nothing was recorded since.
///
/// The interval is Newcombe's, against nothing Wilson's, at 95 %; the p-value is Fisher's. The standard error is what would
/// give an interval as wide: a share of 0 of few is not known to be 0.
#[must_use]
pub fn worse(records: &[Record], measure: Recorded, since: i64) -> Option<Estimate> {
    let fates = fates(records);
    let reversals = Reversals::new(&fates);
    let count = |fate: &Fate<'_>| match measure {
        Recorded::ApprovedWithin { seconds } => hasty(fate, seconds),
        Recorded::Reversed => reversed(fate, &reversals),
        Recorded::Challenged => challenged(fate),
        Recorded::Landed => landed(fate),
    };
    let [before, after] =
        [false, true].map(|is_after| share(fates.iter().filter(|fate| (fate.begun >= since) == is_after), count));
    let now = after.share?;
    let (value, (low, high), p, n) = match before.share {
        Some(then) => {
            let bounds = difference(after.counts(), before.counts(), Z_95)?;
            (now - then, bounds, fisher((after.k, after.n), (before.k, before.n)), after.n.saturating_add(before.n))
        }
        // More is better of it, and nothing is always exceeded.
        None if measure == Recorded::Landed => return None,
        None => (now, after.low.zip(after.high)?, if after.k > 0 { 0.0 } else { 1.0 }, after.n),
    };
    let standard_error = 100.0 * (high - low) / (2.0 * Z_95);
    Some(Estimate {
        value: 100.0 * value,
        standard_error,
        degrees_of_freedom: f64::from(n),
        low: 100.0 * low,
        high: 100.0 * high,
        p,
        minimum_detectable: (Z_95 + Z_80) * standard_error,
    })
}

fn measure(name: &'static str, count: Count, reversals: &Reversals<'_>, sides: [&[&Fate<'_>]; 2]) -> Measure {
    let [ai, human] = sides.map(|side| share(side.iter().copied(), |fate| count(fate, reversals)));
    let bounds = difference(ai.counts(), human.counts(), Z_95);
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

#[cfg(test)]
mod tests;
