//! Cut plans over a stored snapshot: after every change that is tried, the permissions that it touches are evaluated
//! again.

use super::usage::DAY;
use super::{Progress, Unwatched};
use crate::access::{Evaluators, Settings};
use crate::config::Config;
use crate::model::{Results, Tables};
use crate::paths::{Keep, Landscape, Plan, Planner, Request, evaluations_max};
use crate::techniques::{AttackGraph, Changed, Library, attack_graph, attack_graph_after, attack_graph_remembered};

/// What a plan is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanRequest {
    /// Changes at most.
    pub budget: usize,
    /// Only what usage data says has not been used in the window.
    pub unused_only: bool,
}

/// The attack graph of the snapshot is not the one that these techniques make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the techniques at hand do not make the attack graph that the snapshot was stored with")]
pub struct OtherTechniques;

/// Start of the observation window of a scan, in milliseconds since 1970.
#[must_use]
pub fn window_from(as_of: i64, config: &Config) -> i64 {
    as_of.saturating_sub(i64::from(config.thresholds.unused_days_max) * DAY)
}

/// What labels and the configuration declare to stay.
#[must_use]
pub fn keep(tables: &Tables, config: &Config) -> Keep {
    Keep::new(tables, &config.cuts.keep)
}

/// The changes that lower exposure most, and the fewest that end it.
///
/// # Errors
/// When the snapshot was scanned with other techniques, so that what a change brings could not be told.
pub fn cut_plan(
    tables: &Tables,
    results: &Results,
    as_of: i64,
    library: &Library,
    config: &Config,
    request: PlanRequest,
) -> Result<Plan, OtherTechniques> {
    cut_plan_watched(tables, results, as_of, (library, config), request, &Unwatched)
}

/// [`cut_plan`], one step of the progress for each time that all permissions are evaluated.
///
/// # Errors
/// As for [`cut_plan`].
pub fn cut_plan_watched(
    tables: &Tables,
    results: &Results,
    as_of: i64,
    (library, config): (&Library, &Config),
    request: PlanRequest,
    progress: &dyn Progress,
) -> Result<Plan, OtherTechniques> {
    progress.stage("planning", None);
    // Once for the snapshot as it is.
    progress.expect_at_most(1 + evaluations_max(request.budget));
    let settings = Settings { as_of };
    let (graph, memory) = {
        let evaluators = Evaluators::new(tables, settings);
        attack_graph_remembered(tables, &evaluators, library)
    };
    progress.advance(1);
    let evaluate = |tables: &Tables, changed: Option<&Changed>| -> AttackGraph {
        let evaluators = Evaluators::new(tables, settings);
        let graph = match changed {
            Some(changed) => attack_graph_after(tables, &evaluators, library, &memory, changed),
            None => attack_graph(tables, &evaluators, library),
        };
        progress.advance(1);
        graph
    };
    if graph.edges != results.edges {
        return Err(OtherTechniques);
    }
    let request =
        Request { budget: request.budget, unused_only: request.unused_only, window_from: window_from(as_of, config) };
    let zone = Landscape::stored_zone(tables);
    let keep = keep(tables, config);
    Ok(Planner { library, zone: &zone, keep: &keep, evaluate: &evaluate, request }.plan(tables, graph))
}
