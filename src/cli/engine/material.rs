//! What reports say beyond the tables of one snapshot: the registries' texts, what is compared, trends, a cut plan.

use std::path::{Path, PathBuf};

use super::{Partial, Progress, Snapshot, config, cuts, history, reader};
use crate::cli::args::{SnapshotArgs, StoreArgs};
use crate::cli::failure::Failure;
use crate::config::Config;
use crate::findings::{self, Frameworks};
use crate::metrics;
use crate::metrics::population::Cell;
use crate::model::{Change, Metric};
use crate::paths::{Ended, Plan};
use crate::reports::material::{
    Band, Compared, FrameworkText, Gauge, Material, PlanStep, PlanText, Planned, RuleText, Series, SeriesPoint,
};
use crate::reports::{Depth, Report};

/// Principals up to which a report makes a cut plan unless it is told how many changes to plan.
const PLAN_PRINCIPALS_MAX: usize = 5_000;
/// Changes of a plan unless told otherwise.
const PLAN_BUDGET: usize = 5;

/// What a report is made of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// Configuration of the scans.
    pub config: Option<&'a Path>,
    /// Folders of private techniques that the scan used.
    pub techniques: &'a [PathBuf],
    /// Changes of the cut plan; `None` for a few where that is cheap, 0 for no plan.
    pub cuts: Option<usize>,
}

/// Reads a snapshot with all that reports show.
pub fn load_for_report(at: &SnapshotArgs) -> Result<Snapshot, Failure> {
    let source = reader(at)?;
    let mut partial = Partial::open(at)?;
    partial.load_inputs()?;
    partial.load_whole_graph()?;
    let mut snapshot = partial.into_snapshot();
    let results = &mut snapshot.results;
    results.paths = source.read()?;
    results.choke_points = source.read()?;
    results.findings = source.read()?;
    results.orphans = source.read()?;
    results.scores = source.read()?;
    results.metrics = source.read()?;
    results.coverage.clone_from(&snapshot.coverage);
    Ok(snapshot)
}

/// Adds to a snapshot what the given reports show beyond its tables.
pub fn gather(
    snapshot: &mut Snapshot,
    at: &StoreArgs,
    parent: Option<&str>,
    reports: &[&'static dyn Report],
    asked: Asked<'_>,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let depth = reports.iter().map(|report| report.depth()).max().unwrap_or(Depth::Tables);
    if depth == Depth::Tables {
        return Ok(());
    }
    let mut material = texts(asked.techniques)?;
    material.compared =
        super::compared(at, parent)?.map(|(called, rows): (String, Vec<Metric>)| Compared { called, rows });
    if depth == Depth::History {
        let config = config(asked.config)?;
        progress.stage("trends", None);
        material.trends = trends(at, &config, snapshot)?;
        material.plan = plan(snapshot, asked, progress)?;
        progress.finish();
    }
    snapshot.material = material;
    Ok(())
}

/// Texts of rules, frameworks, metrics and techniques.
fn texts(techniques: &[PathBuf]) -> Result<Material, Failure> {
    let frameworks = Frameworks::embedded().map_err(|error| Failure::usage(error.to_string()))?;
    let framework = |one: findings::frameworks::Framework| FrameworkText {
        id: one.id,
        name: one.name,
        revision: one.revision,
        source: one.source,
        controls: one.control.into_iter().map(|control| (control.id, control.name)).collect(),
    };
    let rule = |rule: &&dyn findings::Rule| {
        let info = rule.info();
        RuleText { id: info.id, title: info.title, meaning: info.meaning, remediation: info.remediation }
    };
    let gauge = |one: &metrics::Definition| Gauge {
        id: one.id,
        definition: one.definition,
        unit: one.unit,
        better: one.direction.as_str(),
    };
    Ok(Material {
        rules: findings::ALL.iter().map(rule).collect(),
        frameworks: frameworks.all.into_iter().map(framework).collect(),
        gauges: metrics::ALL.iter().map(gauge).collect(),
        techniques: super::techniques(techniques)?.into_iter().map(|card| (card.id, card.name)).collect(),
        ..Material::default()
    })
}

/// The trends of the headline metrics that have been measured, up to the snapshot.
fn trends(at: &StoreArgs, config: &Config, snapshot: &Snapshot) -> Result<Vec<Series>, Failure> {
    let known = |id: &&str| snapshot.results.metrics.iter().any(|row| row.metric == **id);
    let names: Vec<String> =
        crate::reports::HEADLINES.iter().map(|one| one.id).filter(known).map(str::to_owned).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let all = || "all".to_owned();
    let part = Cell { platform: all(), kind: all(), domain: all() };
    let trends = history::trends(at, &history::TrendRequest { metrics: &names, part, config })?;
    Ok(trends.iter().map(|trend| series(trend, snapshot.as_of)).collect())
}

fn series(trend: &history::Trend, until: i64) -> Series {
    let point = |point: &history::Point| SeriesPoint {
        as_of: point.as_of,
        value: point.value,
        band: point.ewma.map(|band| Band { value: band.value, low: band.low, high: band.high }),
        signal: (!point.signals.is_empty()).then(|| point.signals.iter().any(|signal| signal.worse == Some(true))),
    };
    Series {
        metric: trend.metric.clone(),
        unit: trend.unit,
        centre: trend.centre,
        baseline_points: trend.baseline_points,
        provisional: trend.provisional,
        drift_since: trend.drift_since(),
        points: trend.points.iter().filter(|point| point.as_of <= until).map(point).collect(),
    }
}

fn plan(snapshot: &Snapshot, asked: Asked<'_>, progress: &dyn Progress) -> Result<Planned, Failure> {
    let principals = snapshot.results.scores.len();
    let budget = match asked.cuts {
        Some(0) => return Ok(Planned::Not("No cut plan was asked for (`--cuts 0`).".to_owned())),
        Some(budget) => budget,
        None if principals > PLAN_PRINCIPALS_MAX => {
            return Ok(Planned::Not(format!(
                "A cut plan evaluates all permissions again for every change that it tries. With {principals} \
                 principals that takes a while: ask for it with `overgrant report html --cuts {PLAN_BUDGET}`, or run \
                 `overgrant cut-plan --budget {PLAN_BUDGET}`."
            )));
        }
        None => PLAN_BUDGET,
    };
    let plan = cuts::cut_plan(snapshot, asked.config, asked.techniques, budget, false, progress)?;
    Ok(Planned::Made(plan_text(snapshot, &plan)))
}

fn plan_text(snapshot: &Snapshot, plan: &Plan) -> PlanText {
    let tables = &snapshot.tables;
    let step = |step: &crate::paths::Step| PlanStep {
        name: step.lever.name(tables),
        id: step.lever.id(tables),
        change: Change::all_to_json(&step.changes),
        before: step.exposure_before,
        after: step.exposure_after,
        used_lost: step
            .used_lost
            .iter()
            .map(|lost| format!("{} of {}", lost.permission, tables.entity(lost.principal).id))
            .collect(),
        observed: step.observed,
    };
    let mut remarks: Vec<String> = ended(plan).into_iter().map(str::to_owned).collect();
    match &plan.isolation {
        Some(cut) if plan.exposure > 0 => remarks.push(format!(
            "Isolating the protected zone takes {} change(s), of which {} cost something; {}.",
            cut.levers.len(),
            cut.value,
            if cut.exact { "fewer will not do" } else { "fewer might do" },
        )),
        None if plan.exposure > 0 => {
            remarks.push("No changes isolate the protected zone: some path rests only on what must stay.".to_owned());
        }
        _ => {}
    }
    PlanText { exposure: plan.exposure, steps: plan.steps.iter().map(step).collect(), remarks }
}

fn ended(plan: &Plan) -> Option<&'static str> {
    match plan.ended {
        _ if plan.outside == 0 => Some("Every principal is in the protected zone: there is nobody to keep out of it."),
        _ if plan.exposure == 0 => Some("There is nothing to cut: only the zone's own administrators reach it."),
        Ended::Isolated => Some("After that nobody outside the zone reaches it any more."),
        Ended::Budget => None,
        Ended::NoSingleChange => {
            Some("No further change lowers exposure, alone or with as many others as the plan may have.")
        }
        Ended::Limit => Some("A limit ended the search: there may be better changes."),
    }
}
