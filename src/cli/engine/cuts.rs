//! Choke points and cut plans of a stored snapshot.

use std::path::{Path, PathBuf};

use super::{Partial, Progress, Snapshot, SnapshotArgs, config, library, reader};
use crate::analysis::cuts::{self, PlanRequest};
use crate::cli::failure::Failure;
use crate::model::ChokePoint;
use crate::paths::Plan;

/// The choke points that the scan found, those that most principals hang on first, and how many principals outside the
/// protected zone reach it or may.
pub fn choke_points(at: &SnapshotArgs) -> Result<(Vec<ChokePoint>, u64), Failure> {
    let rows = reader(at)?.read::<ChokePoint>()?;
    if let Some(exposed) = rows.first().map(|row| row.exposure_before) {
        return Ok((rows, exposed));
    }
    let mut partial = Partial::open(at)?;
    partial.load_graph()?;
    let mut snapshot = partial.into_snapshot();
    snapshot.measure_exposure();
    Ok((rows, snapshot.exposure.zone.possible))
}

/// A snapshot with what a cut plan is made from.
pub fn load_for_plan(at: &SnapshotArgs) -> Result<Snapshot, Failure> {
    let mut partial = Partial::open(at)?;
    partial.load_inputs()?;
    partial.load_whole_graph()?;
    Ok(partial.into_snapshot())
}

/// The changes that lower exposure most.
pub fn cut_plan(
    snapshot: &Snapshot,
    configuration: Option<&Path>,
    techniques: &[PathBuf],
    budget: usize,
    unused_only: bool,
    progress: &dyn Progress,
) -> Result<Plan, Failure> {
    let (config, library) = (config(configuration)?, library(techniques)?);
    let request = PlanRequest { budget, unused_only };
    let (tables, results, as_of) = (&snapshot.tables, &snapshot.results, snapshot.as_of);
    let plan = cuts::cut_plan_watched(tables, results, as_of, (&library, &config), request, progress);
    progress.finish();
    plan.map_err(|error| {
        Failure::usage(error.to_string())
            .hint("give the scan's folders with --techniques, or scan again with this version")
    })
}
