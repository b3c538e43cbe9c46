//! Snapshots on disk: tables as Parquet, bound by digests, committed whole or not at all.
//!
//! ```text
//! STORE/
//!   overgrant.json                format version of the store
//!   snapshot=2026-11-22T053000Z/  one committed snapshot; `snapshot` is a Hive key
//!     manifest.json               what it is made from, and the digest of every table
//!     blocks.json                 digests of the blocks of every table, for readers of few rows
//!     entities.parquet …          one file a table, empty ones too
//!   ledger/                       not of this module
//!   tags.json                     names that people gave to snapshots
//!   .lock                         held by the one writer
//! ```
//!
//! This is the only module that knows Arrow and Parquet. It writes no clock, no host and no path into a table:
//! the same rows give the same bytes. What is read back is compared with what was written, and a difference is
//! an error of its own kind, [`StoreError::Integrity`].
//!
//! Other engines read a store as it stands, for example
//! `pl.scan_parquet("STORE/snapshot=*/scores.parquet", hive_partitioning=True, try_parse_hive_dates=False)`; without
//! the last argument polars gives the ids as times until the first one has a suffix.

mod decode;
mod dictionary;
mod encode;
mod error;
mod files;
mod keys;
mod manifest;
mod schema;
mod snapshot;
mod tags;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

use crate::folder;
use crate::model::Record;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use dictionary::markdown;
pub use error::StoreError;
pub use manifest::{MANIFEST_FORMAT, Manifest, SCHEMA_VERSION, TableInfo};
pub use schema::{TABLES, TableSpec};
pub use snapshot::SnapshotReader;
pub use verify::{Problem, Verification};
pub use writer::{Commit, Writer};

use manifest::SnapshotId;

/// Version of the store's layout that this engine writes and reads.
pub const STORE_FORMAT: u32 = 1;
/// Name of the file that makes a directory a store.
pub(crate) const FORMAT_FILE: &str = "overgrant.json";
/// Name of the directory that another module keeps in the store.
const LEDGER: &str = "ledger";
/// Beginning of the name of a snapshot's folder.
const SNAPSHOT_PREFIX: &str = "snapshot=";

/// What [`FORMAT_FILE`] says.
#[derive(Serialize, Deserialize)]
struct StoreFormat {
    format: u32,
    /// Engine that made the store.
    made_by: String,
}

/// A directory of snapshots. Opening takes no lock, and readers never wait for a writer.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
}

/// Writes rows as a Parquet file of their own, outside of any store; an existing file is replaced.
///
/// # Errors
/// When the file cannot be written.
pub fn write_table<R: Record>(path: &Path, rows: &[R]) -> Result<TableInfo, StoreError> {
    encode::write_table(path, rows).map(|written| written.info)
}

impl Store {
    /// Opens a store that is there.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] when the directory is not one, [`StoreError::Version`] when another engine's
    /// version of the format is needed, [`StoreError::Io`].
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FORMAT_FILE);
        let text = match files::read_text(&path) {
            Err(StoreError::Io { error, .. }) if error.kind() == ErrorKind::NotFound && dir.is_dir() => {
                let reason = "it has no `overgrant.json`";
                return Err(StoreError::NotAStore { path: dir.to_owned(), reason });
            }
            Err(StoreError::Io { error, .. }) if error.kind() == ErrorKind::NotFound => {
                return Err(StoreError::io("open the store", dir, error));
            }
            other => other?,
        };
        let format: StoreFormat = serde_json::from_str(&text)
            .map_err(|error| StoreError::integrity(&path, format!("not a valid format file: {error}")))?;
        if format.format != STORE_FORMAT {
            return Err(StoreError::Version {
                path: dir.to_owned(),
                what: "store format",
                found: format.format,
                known: STORE_FORMAT,
                made_by: format.made_by,
            });
        }
        Ok(Self { path: dir.to_owned() })
    }

    /// Opens a store, or makes one of a directory that is empty or not there yet.
    ///
    /// # Errors
    /// As [`Store::open`]; [`StoreError::NotAStore`] for a directory with other things in it.
    pub fn open_or_create(dir: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(|error| StoreError::io("create the store", dir, error))?;
        match Self::open(dir) {
            Err(StoreError::NotAStore { .. }) => Self::create(dir),
            other => other,
        }
    }

    fn create(dir: &Path) -> Result<Self, StoreError> {
        // A crash while a store was made leaves these two.
        let leftovers = [folder::LOCK.to_owned(), folder::staged(FORMAT_FILE)];
        if files::list(dir)?.iter().any(|(name, _)| !leftovers.contains(name)) {
            let reason = "it is not empty and has no `overgrant.json`";
            return Err(StoreError::NotAStore { path: dir.to_owned(), reason });
        }
        let _lock = writer::lock(dir)?;
        let made_by = format!("overgrant {}", env!("CARGO_PKG_VERSION"));
        let mut text = serde_json::to_string_pretty(&StoreFormat { format: STORE_FORMAT, made_by }).unwrap_or_default();
        text.push('\n');
        folder::replace(dir, FORMAT_FILE, text.as_bytes())?;
        Self::open(dir)
    }

    /// The directory of the store.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the right to write and clears what crashed writers left.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another writer has it, in this process or another; [`StoreError::Io`].
    pub fn writer(&self) -> Result<Writer<'_>, StoreError> {
        Writer::open(self)
    }

    /// Manifests of all committed snapshots, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Integrity`] and [`StoreError::Version`] for a manifest that cannot be used.
    pub fn snapshots(&self) -> Result<Vec<Manifest>, StoreError> {
        self.ids()?.into_iter().map(|id| Manifest::load(&self.path.join(id.folder()), id)).collect()
    }

    /// A snapshot by its id, a tag, or the beginning of one id; the newest for `None`.
    ///
    /// # Errors
    /// [`StoreError::NoSnapshots`], [`StoreError::UnknownSnapshot`] and [`StoreError::AmbiguousSnapshot`], the last
    /// two with the candidates; [`StoreError::Integrity`] and [`StoreError::Version`] for a manifest that cannot be
    /// used.
    pub fn resolve(&self, name: Option<&str>) -> Result<SnapshotReader, StoreError> {
        SnapshotReader::open(&self.path, self.find(name)?)
    }

    /// The newest snapshot of an earlier time: what a scan of this time is compared with, so that scanning the
    /// same exports for the same time twice gives the same result.
    ///
    /// # Errors
    /// [`StoreError::Integrity`] and [`StoreError::Version`] for a manifest that cannot be used.
    pub fn before(&self, as_of: i64) -> Result<Option<SnapshotReader>, StoreError> {
        let earlier = self.ids()?.into_iter().rev().find(|id| id.as_of < as_of);
        earlier.map(|id| SnapshotReader::open(&self.path, id)).transpose()
    }

    /// Rehashes every file of every snapshot. Each snapshot has an entry, oldest first; the store's own files have
    /// one at the end when something is wrong with them.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the directory cannot be listed. Damage is no error here but in the answer.
    pub fn verify(&self) -> Result<Vec<Verification>, StoreError> {
        verify::verify(self)
    }

    /// Tags and the ids that they name.
    ///
    /// # Errors
    /// [`StoreError::Integrity`] when the file is not readable as tags, [`StoreError::Io`].
    pub fn tags(&self) -> Result<BTreeMap<String, String>, StoreError> {
        tags::load(&self.path)
    }

    /// Names a snapshot, as [`Writer::set_tag`] does, with the writer's lock held for the moment. Gives its id.
    ///
    /// # Errors
    /// As [`Store::writer`] and [`Writer::set_tag`].
    pub fn set_tag(&self, tag: &str, snapshot: &str) -> Result<String, StoreError> {
        self.writer()?.set_tag(tag, snapshot)
    }

    /// Ids of all committed snapshots, oldest first. Only folder names are looked at.
    fn ids(&self) -> Result<Vec<SnapshotId>, StoreError> {
        let names = files::list(&self.path)?;
        let mut ids: Vec<SnapshotId> = names
            .iter()
            .filter(|(_, is_dir)| *is_dir)
            .filter_map(|(name, _)| SnapshotId::parse(name.strip_prefix(SNAPSHOT_PREFIX)?))
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    fn find(&self, name: Option<&str>) -> Result<SnapshotId, StoreError> {
        let ids = self.ids()?;
        let newest = *ids.last().ok_or_else(|| StoreError::NoSnapshots { path: self.path.clone() })?;
        let Some(name) = name else { return Ok(newest) };
        let exact = |wanted: &str| ids.iter().copied().find(|id| id.to_string() == wanted);
        if let Some(id) = exact(name) {
            return Ok(id);
        }
        let tags = self.tags()?;
        if let Some(id) = tags.get(name).and_then(|id| exact(id)) {
            return Ok(id);
        }
        let begins: Vec<SnapshotId> =
            ids.iter().copied().filter(|id| !name.is_empty() && id.to_string().starts_with(name)).collect();
        match begins[..] {
            [id] => Ok(id),
            [] => {
                let newest_first = ids.iter().rev().map(ToString::to_string);
                let candidates = tags.into_keys().chain(newest_first).collect();
                Err(StoreError::UnknownSnapshot { name: name.to_owned(), candidates })
            }
            [..] => {
                let candidates = begins.iter().rev().map(ToString::to_string).collect();
                Err(StoreError::AmbiguousSnapshot { name: name.to_owned(), candidates })
            }
        }
    }
}
