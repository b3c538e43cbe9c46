//! Numbers over time: what differs between two snapshots, which metrics drift, what made them change, and how long
//! findings last.
//!
//! | question | module |
//! |---|---|
//! | what was added, removed, changed? | [`diff`] |
//! | is this more than it ever varied? | [`ewma`], [`laney`], together in [`trend`] |
//! | who made it change: who stayed, came or went? | [`attribution`], by computing metrics again in [`replay`] |
//! | how long does it take until a finding is gone? | [`spells`], [`survival`] |
//! | what does a scan need of those before it? | [`past`] |
//!
//! `docs/history.md` has the formulas. An independent computation of the same numbers is in
//! `tests/python/stats_check.py`.

pub mod attribution;
pub mod diff;
pub mod ewma;
pub mod laney;
pub mod past;
pub mod replay;
pub mod series;
pub mod spells;
pub mod survival;
pub mod trend;

use super::MetricsError;
use super::population::Cell;
use crate::config::Config;
use crate::model::Finding;
use crate::store::{SnapshotReader, Store, StoreError};
use replay::Stored;
use spells::{Follower, Revocation};

/// Why a question over snapshots has no answer.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// No metric of the snapshots goes by this name in this part of the organisation.
    #[error("no metric `{name}` in the snapshots")]
    UnknownMetric { name: String, known: Vec<String> },
}

/// Committed snapshots, oldest first. Of several scans for the same time the last one counts: it was made because
/// something was wrong with those before.
///
/// # Errors
/// As [`Store::snapshots`].
pub fn snapshots(store: &Store) -> Result<Vec<SnapshotReader>, StoreError> {
    let mut manifests = store.snapshots()?;
    manifests.reverse();
    manifests.dedup_by_key(|manifest| manifest.as_of);
    manifests.reverse();
    manifests.iter().map(|manifest| store.resolve(Some(&manifest.snapshot))).collect()
}

/// Time from the first sight of findings to their end, over the given snapshots, of the findings that `take` takes and
/// that are about an entity of the part.
///
/// # Errors
/// As [`SnapshotReader::read`].
pub fn revocation(
    snapshots: &[SnapshotReader],
    (part, config): (&Cell, &Config),
    take: &dyn Fn(&Finding) -> bool,
) -> Result<Revocation, StoreError> {
    let mut follower = Follower::default();
    for reader in snapshots {
        let as_of = reader.manifest().as_of;
        if part.is_whole() {
            follower.snapshot(as_of, &reader.read::<Finding>()?, take);
        } else {
            let stored = Stored::read(reader)?;
            let inside = stored.inside(config, part);
            let is_inside = |row: &Finding| inside.get(row.entity.index()).copied().unwrap_or(false);
            follower.snapshot(as_of, &stored.findings, &|row| is_inside(row) && take(row));
        }
    }
    Ok(follower.finish())
}
