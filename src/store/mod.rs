//! Temporary stand-in for the store: the surface that the command line is written against.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model::{Coverage, Record, Results, Source, Tables};

/// What a table file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableInfo {
    /// Rows.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// What a snapshot says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format version of the manifest.
    pub format: u32,
    /// Version of the table schemas.
    pub schema_version: u32,
    /// Engine that wrote it.
    pub engine_version: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// Time of the scan, ms.
    pub as_of: i64,
    /// Digest of the configuration.
    pub config_digest: String,
    /// Snapshot before it.
    pub parent: Option<String>,
    /// Files read.
    pub sources: Vec<Source>,
    /// Tables by name.
    pub tables: BTreeMap<String, TableInfo>,
    /// Coverage.
    pub coverage: Vec<Coverage>,
    /// What is missing.
    pub incomplete: Vec<String>,
    /// Digest over all of it.
    pub digest: String,
}

/// Why the store did not do what was asked.
#[derive(Debug)]
pub struct StoreError {
    message: String,
    hint: Option<String>,
    integrity: bool,
}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}

impl StoreError {
    fn none(dir: &Path) -> Self {
        Self {
            message: format!("there is no store at `{}`", dir.display()),
            hint: Some("run `overgrant scan PATH` first, or name the folder with --store".to_owned()),
            integrity: false,
        }
    }
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
    /// Whether a digest did not match.
    pub fn is_integrity(&self) -> bool {
        self.integrity
    }
}

/// A folder of snapshots.
#[derive(Debug)]
pub struct Store(());

/// One snapshot.
#[derive(Debug)]
pub struct SnapshotReader {
    /// What it says about itself.
    pub manifest: Manifest,
}

/// The one writer.
#[derive(Debug)]
pub struct Writer(());

impl Store {
    /// Opens a store that exists.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Err(StoreError::none(dir))
    }
    /// Opens a store, and makes one where there is none.
    pub fn open_or_create(dir: &Path) -> Result<Self, StoreError> {
        Err(StoreError::none(dir))
    }
    /// Takes the writer's lock.
    pub fn writer(&self) -> Result<Writer, StoreError> {
        Ok(Writer(()))
    }
    /// Manifests, oldest first.
    pub fn snapshots(&self) -> Result<Vec<Manifest>, StoreError> {
        Ok(Vec::new())
    }
    /// The snapshot of this name, or the newest.
    pub fn resolve(&self, name: Option<&str>) -> Result<SnapshotReader, StoreError> {
        Err(StoreError::none(Path::new(name.unwrap_or(""))))
    }
    /// Rehashes a snapshot.
    pub fn verify(&self, _snapshot: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

impl SnapshotReader {
    /// One table.
    pub fn read<R: Record>(&self) -> Result<Vec<R>, StoreError> {
        Ok(Vec::new())
    }
    /// All input tables.
    pub fn tables(&self) -> Result<Tables, StoreError> {
        Ok(Tables::default())
    }
    /// All computed tables.
    pub fn results(&self) -> Result<Results, StoreError> {
        Ok(Results::default())
    }
}

/// What a commit is told besides the tables.
#[derive(Debug)]
pub struct Commit<'a> {
    /// Time of the scan, ms.
    pub as_of: i64,
    /// Digest of the configuration.
    pub config_digest: &'a str,
    /// What is missing.
    pub incomplete: &'a [String],
}

impl Writer {
    /// Writes one snapshot, whole or not at all.
    pub fn commit(&self, _: &Commit<'_>, _: &Tables, _: &Results) -> Result<Manifest, StoreError> {
        Err(StoreError::none(Path::new("")))
    }
    /// Removes all but the newest `keep` snapshots and says which.
    pub fn prune(&self, _keep: usize) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
}

/// Writes one table to a Parquet file of its own.
pub fn write_table<R: Record>(path: &Path, _rows: &[R]) -> Result<(), StoreError> {
    Err(StoreError::none(path))
}
