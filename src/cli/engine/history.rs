//! Questions over several snapshots of a store.

use super::{ScanRequest, Snapshot, SnapshotArgs, open, reader};
use crate::cli::args::StoreArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::config::Config;
use crate::findings::DAY;
use crate::metrics::history::diff::{Shot, diff as compare};
use crate::metrics::history::past::Past;
use crate::metrics::history::{self, HistoryError};
use crate::metrics::population::Cell;
use crate::model::{Finding, Metric};
use crate::store::{Manifest, Store};

pub use crate::metrics::history::attribution::{Attribution, Cause};
pub use crate::metrics::history::diff::{Changed, Changes, Delta, Diff, Field, FindingRow, ScoreRow};
pub use crate::metrics::history::ewma::{Banded, Side};
pub use crate::metrics::history::spells::Revocation;
pub use crate::metrics::history::trend::{Point, Request as TrendRequest, Signal, Trend};

/// Tag of the snapshot that others are compared with.
pub const BASELINE: &str = "baseline";

/// Names that an error lists at most.
const NAMES_LISTED_MAX: usize = 80;

impl From<HistoryError> for Failure {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Store(error) => error.into(),
            HistoryError::Metrics(error) => Self::new(Exit::Bug, error.to_string()),
            HistoryError::UnknownMetric { ref known, .. } => {
                let listed: Vec<&str> = known.iter().take(NAMES_LISTED_MAX).map(String::as_str).collect();
                let hint = if listed.is_empty() {
                    "no snapshot has metrics of this part: check --platform, --kind and --domain".to_owned()
                } else {
                    format!("there are {}; and `time_to_revoke`", listed.join(", "))
                };
                Self::usage(error.to_string()).hint(hint)
            }
        }
    }
}

/// Metrics of a snapshot and of the baseline.
#[derive(Debug, Default)]
pub struct Measured {
    pub id: String,
    pub rows: Vec<Metric>,
    /// Id and metrics of the baseline; `None` when none is set.
    pub baseline: Option<(String, Vec<Metric>)>,
}

/// Reads metrics.
pub fn metrics(at: &SnapshotArgs) -> Result<Measured, Failure> {
    let snapshot = reader(at)?;
    let store = open(&at.store)?;
    let baseline = match store.tags()?.get(BASELINE) {
        None => None,
        Some(_) => Some(store.resolve(Some(BASELINE))?),
    };
    let baseline = match baseline {
        None => None,
        Some(reader) => Some((reader.id().to_owned(), reader.read::<Metric>()?)),
    };
    Ok(Measured { id: snapshot.id().to_owned(), rows: snapshot.read()?, baseline })
}

/// Makes a snapshot the baseline, the newest unless told otherwise.
pub fn set_baseline(at: &SnapshotArgs) -> Result<Manifest, Failure> {
    let manifest = reader(at)?.manifest().clone();
    open(&at.store)?.set_tag(BASELINE, &manifest.snapshot)?;
    Ok(manifest)
}

/// The baseline.
pub fn baseline(at: &StoreArgs) -> Result<Manifest, Failure> {
    let store = open(at)?;
    if !store.tags()?.contains_key(BASELINE) {
        return Err(Failure::new(Exit::Input, format!("the store `{}` has no baseline", at.store.display()))
            .hint("set one with `overgrant baseline set [SNAPSHOT]`"));
    }
    Ok(store.resolve(Some(BASELINE))?.manifest().clone())
}

/// Reads what is compared of a snapshot. Gives its manifest too: two scans by different rules compare badly.
pub fn comparable(at: &SnapshotArgs) -> Result<(Snapshot, Manifest), Failure> {
    let reader = reader(at)?;
    let mut snapshot = Snapshot::of_manifest(reader.manifest().clone());
    snapshot.tables.entities = reader.read()?;
    snapshot.tables.memberships = reader.read()?;
    snapshot.tables.attachments = reader.read()?;
    snapshot.tables.grants = reader.read()?;
    snapshot.tables.credentials = reader.read()?;
    snapshot.results.findings = reader.read()?;
    snapshot.results.scores = reader.read()?;
    snapshot.results.metrics = reader.read()?;
    Ok((snapshot, reader.manifest().clone()))
}

/// What differs between two snapshots.
pub fn diff<'s>(a: &'s Snapshot, b: &'s Snapshot) -> Diff<'s> {
    let shot = |of: &'s Snapshot| Shot {
        tables: &of.tables,
        findings: &of.results.findings,
        scores: &of.results.scores,
        metrics: &of.results.metrics,
    };
    compare(&shot(a), &shot(b))
}

/// Metrics over all snapshots.
pub fn trends(at: &StoreArgs, request: &TrendRequest<'_>) -> Result<Vec<Trend>, Failure> {
    Ok(history::trend::trends(&open(at)?, request)?)
}

/// What the metrics of a scan need of those before it.
pub fn past(store: &Store, request: &ScanRequest) -> Result<Past, Failure> {
    let window = i64::from(request.config.thresholds.usage_window_days) * DAY;
    Ok(Past::read(store, request.as_of, request.as_of.saturating_sub(window))?)
}

/// How long findings last, over all snapshots.
pub fn revocation(
    at: &StoreArgs,
    part: (&Cell, &Config),
    take: &dyn Fn(&Finding) -> bool,
) -> Result<Revocation, Failure> {
    let snapshots = history::snapshots(&open(at)?)?;
    Ok(history::revocation(&snapshots, part, take)?)
}
