//! Temporary stand-in for the pipeline: the surface that the command line is written against.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::config::Config;
use crate::model::{Certainty, Decision, EntityId, Request, Results, Tables, Verdict};

/// What a scan is told.
#[derive(Debug)]
pub struct ScanRequest {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// Time of the scan, ms.
    pub as_of: i64,
    /// Folders of private techniques.
    pub techniques: Vec<PathBuf>,
    /// Configuration.
    pub config: Config,
}

/// What a scan found.
#[derive(Debug)]
pub struct Scan {
    /// What was read.
    pub tables: Tables,
    /// What was computed.
    pub results: Results,
    /// What is missing.
    pub incomplete: Vec<String>,
    /// Digest of the configuration.
    pub config_digest: String,
}

/// Why a scan ended without a result.
#[derive(Debug)]
pub struct ScanError {
    message: String,
}

impl fmt::Display for ScanError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl ScanError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        None
    }
    /// Whether the caller's flags or configuration are to blame, and not the input.
    pub fn is_usage(&self) -> bool {
        false
    }
}

/// Takes note of how far a scan is.
pub trait Progress: Sync {
    /// A stage begins, of so many steps where that is known.
    fn stage(&self, name: &str, total: Option<u64>);
    /// So many steps are done.
    fn advance(&self, n: u64);
    /// The stage is over.
    fn finish(&self);
}

/// Reads, measures.
pub fn scan(request: &ScanRequest, progress: &dyn Progress) -> Result<Scan, ScanError> {
    progress.stage("read", None);
    progress.advance(0);
    progress.finish();
    let first = request.paths.first().map(|path| path.display().to_string()).unwrap_or_default();
    Err(ScanError { message: format!("nothing readable in `{first}`") })
}

/// One question.
pub fn decide(_tables: &Tables, _as_of: i64, _request: &Request) -> Verdict {
    Verdict { decision: Decision::Unknown, reasons: Vec::new() }
}

/// Everyone who may.
pub fn who_can(
    _tables: &Tables,
    _as_of: i64,
    _action: &str,
    _resource: &str,
    _context: &BTreeMap<String, Vec<String>>,
    _strict: bool,
) -> Vec<(EntityId, Verdict)> {
    Vec::new()
}

/// One step of a path.
#[derive(Debug, Clone)]
pub struct WitnessStep {
    /// Who.
    pub from: EntityId,
    /// Comes to control whom.
    pub to: EntityId,
    /// By which technique.
    pub technique: String,
    /// How sure.
    pub certainty: Certainty,
    /// What it hangs on.
    pub reasons: Vec<String>,
    /// Grants.
    pub evidence: Vec<u32>,
}

/// One path.
#[derive(Debug, Clone)]
pub struct WitnessPath {
    /// Where it ends.
    pub target: EntityId,
    /// Steps.
    pub hops: u32,
    /// Weakest step.
    pub certainty: Certainty,
    /// The steps.
    pub steps: Vec<WitnessStep>,
}

/// Shortest paths to a target, or to the protected zone.
pub fn witness_paths(
    _tables: &Tables,
    _results: &Results,
    _from: EntityId,
    _to: Option<EntityId>,
    _count: usize,
) -> Vec<WitnessPath> {
    Vec::new()
}

/// How many can reach something.
#[derive(Debug, Clone, Copy, Default)]
pub struct ZoneExposure {
    /// Out of so many.
    pub principals: u32,
    /// Without a doubt.
    pub exposed_certain: u32,
    /// At most.
    pub exposed_possible: u32,
}

/// How many can reach one protected entity.
#[derive(Debug, Clone, Copy)]
pub struct TargetExposure {
    /// The entity.
    pub target: EntityId,
    /// Out of so many.
    pub principals: u32,
    /// Without a doubt.
    pub exposed_certain: u32,
    /// At most.
    pub exposed_possible: u32,
}

/// Exposure of the protected zone.
#[derive(Debug, Clone, Default)]
pub struct Exposure {
    /// The zone as a whole.
    pub zone: ZoneExposure,
    /// Each of its members.
    pub targets: Vec<TargetExposure>,
}

/// Who can reach what is protected.
pub fn exposure(_tables: &Tables, _results: &Results) -> Exposure {
    Exposure::default()
}
