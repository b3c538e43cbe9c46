//! What a report says beyond the tables of one snapshot: texts of rules, frameworks and metrics, what the snapshot is
//! compared with, trends and a cut plan. Whoever asks for a report gathers it; a report only shows it.

use std::collections::BTreeMap;

use crate::model::Metric;

/// Everything that reports may show and that is not in the tables. Empty parts are left out of a report.
#[derive(Debug, Clone, Default)]
pub struct Material {
    /// Rules of findings, in the order of the documentation.
    pub rules: Vec<RuleText>,
    /// Frameworks that findings refer to.
    pub frameworks: Vec<FrameworkText>,
    /// Metrics, in the order of the documentation.
    pub gauges: Vec<Gauge>,
    /// Names of techniques by id; one of a private folder has none.
    pub techniques: BTreeMap<String, String>,
    /// What numbers are compared with; `None` without baseline and without a snapshot before.
    pub compared: Option<Compared>,
    /// Metrics over all snapshots.
    pub trends: Vec<Series>,
    /// Which changes help most.
    pub plan: Planned,
}

/// A rule, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleText {
    /// Stable id.
    pub id: &'static str,
    /// What it finds, in a few words.
    pub title: &'static str,
    /// What a finding means and why it matters.
    pub meaning: &'static str,
    /// What to do about it.
    pub remediation: &'static str,
}

/// A published framework and its controls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkText {
    /// Short stable name, the first part of a reference.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Edition, the second part of a reference.
    pub revision: String,
    /// Where it is published.
    pub source: String,
    /// Id and name of each control.
    pub controls: Vec<(String, String)>,
}

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge {
    /// Stable id.
    pub id: &'static str,
    /// What it says, in a sentence.
    pub definition: &'static str,
    /// `percent`, `count`, `ratio`, `points`, `mass`, `mass hours` or `days`.
    pub unit: &'static str,
    /// `lower`, `higher` or `neutral`: which way is better.
    pub better: &'static str,
}

/// Metrics of another snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// `the baseline 2026-…` or `the snapshot before, 2026-…`.
    pub called: String,
    /// All its metrics.
    pub rows: Vec<Metric>,
}

/// A statistic with its control limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Moving average.
    pub value: f64,
    /// Lower control limit.
    pub low: f64,
    /// Upper control limit.
    pub high: f64,
}

/// One snapshot of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeriesPoint {
    /// Time of the scan, milliseconds since 1970.
    pub as_of: i64,
    /// The metric.
    pub value: f64,
    /// Its moving average and limits; `None` with fewer than two points.
    pub band: Option<Band>,
    /// Whether it is outside its limits, and if so whether that is the bad side.
    pub signal: Option<bool>,
}

/// A metric over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Id of the metric.
    pub metric: String,
    /// Its unit.
    pub unit: &'static str,
    /// Mean of the baseline phase.
    pub centre: Option<f64>,
    /// Points of the baseline phase.
    pub baseline_points: usize,
    /// Whether the baseline phase is shorter than it should be, so that limits are provisional.
    pub provisional: bool,
    /// Since when those who stayed drift, milliseconds since 1970.
    pub drift_since: Option<i64>,
    /// Oldest first.
    pub points: Vec<SeriesPoint>,
}

/// A cut plan, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    /// Why none was made, in words; empty where the report does not ask for one.
    Not(String),
    /// The plan.
    Made(PlanText),
}

impl Default for Planned {
    fn default() -> Self {
        Self::Not(String::new())
    }
}

/// Changes that lower exposure, in the order in which to make them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanText {
    /// Principals outside the zone that reach it or may, as things are.
    pub exposure: u64,
    /// Changes.
    pub steps: Vec<PlanStep>,
    /// Why the plan ends where it does, and what it takes to isolate the zone: whole sentences.
    pub remarks: Vec<String>,
}

/// One change of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanStep {
    /// What a person calls that which goes.
    pub name: String,
    /// Its full id.
    pub id: String,
    /// The change as JSON of the change-set form.
    pub change: String,
    /// Exposed principals before it.
    pub before: u64,
    /// Exposed principals after it.
    pub after: u64,
    /// Permissions in use that it takes away, one text each.
    pub used_lost: Vec<String>,
    /// Whether usage data covers all that goes.
    pub observed: bool,
}

impl Material {
    /// The texts of a rule.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&RuleText> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// What a metric is.
    #[must_use]
    pub fn gauge(&self, id: &str) -> Option<&Gauge> {
        self.gauges.iter().find(|gauge| gauge.id == id)
    }

    /// A reference (`framework:revision:id`) taken apart: the framework and the id and name of the control.
    #[must_use]
    pub fn control(&self, reference: &str) -> Option<(&FrameworkText, &(String, String))> {
        let (framework, rest) = reference.split_once(':')?;
        let (revision, id) = rest.split_once(':')?;
        let framework = self.frameworks.iter().find(|one| one.id == framework && one.revision == revision)?;
        Some((framework, framework.controls.iter().find(|control| control.0 == id)?))
    }

    /// A reference as people read it: `OWASP … 2025, NHI5 Overprivileged NHI`; as it is where it is not known.
    #[must_use]
    pub fn citation(&self, reference: &str) -> String {
        self.control(reference).map_or_else(
            || reference.to_owned(),
            |(framework, (id, name))| format!("{} {}: {id} {name}", framework.name, framework.revision),
        )
    }

    /// The same metric of the same part in what the snapshot is compared with.
    #[must_use]
    pub fn before(&self, row: &Metric) -> Option<&Metric> {
        let same = |other: &&Metric| {
            other.metric == row.metric
                && other.platform == row.platform
                && other.kind == row.kind
                && other.domain == row.domain
        };
        self.compared.as_ref()?.rows.iter().find(same)
    }
}
