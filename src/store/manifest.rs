//! The manifest of a snapshot: what it was made from, what it holds, and the digests that bind it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{StoreError, files};
use crate::model::{Coverage, Source, text};

/// Name of the manifest in a snapshot's folder.
pub(super) const MANIFEST: &str = "manifest.json";
/// Name of the block list in a snapshot's folder.
pub(super) const BLOCKS: &str = "blocks.json";
/// Version of the layout of manifests that this engine writes and reads.
pub const MANIFEST_FORMAT: u32 = 1;
/// Version of the tables' columns that this engine writes and reads.
pub const SCHEMA_VERSION: u32 = 1;

/// First instant of the year 0 and last of the year 9999, the years that have four digits.
const AS_OF_RANGE: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

/// One table's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableInfo {
    pub rows: u64,
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal, as `sha256sum` prints it.
    pub sha256: String,
}

/// What a snapshot says about itself. It is the last file of a snapshot to be written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_FORMAT`].
    pub format: u32,
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the engine that made the snapshot.
    pub engine_version: String,
    /// Id of the snapshot: its time, and a number from the second different snapshot of that time on.
    pub snapshot: String,
    /// The time that the snapshot is of, in UTC milliseconds.
    pub as_of: i64,
    /// Digest of the configuration of the scan.
    pub config_digest: String,
    /// Id of the newest snapshot of an earlier time, at the time of the commit.
    pub parent: Option<String>,
    /// Input files. A row's source number is an index here.
    pub sources: Vec<Source>,
    /// Every table by name.
    pub tables: BTreeMap<String, TableInfo>,
    /// How complete the exports are.
    pub coverage: Vec<Coverage>,
    /// Why the scan is incomplete, in words; empty when it is complete.
    pub incomplete: Vec<String>,
    /// SHA-256 of `blocks.json`, by which readers of few rows check only the blocks that they touch.
    pub blocks_sha256: String,
    /// SHA-256 of the manifest file with the digits of this digest set to `0`.
    pub digest: String,
}

/// The part of a manifest that all formats have.
#[derive(Deserialize)]
struct Header {
    format: u32,
    schema_version: u32,
    engine_version: String,
}

impl Manifest {
    /// Sets the digest and gives the text of the file.
    pub(super) fn seal(&mut self) -> String {
        let zeros = "0".repeat(64);
        self.digest.clone_from(&zeros);
        // Maps with text keys and plain values cannot fail to serialise.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        self.digest = files::sha256(text.as_bytes());
        replace_last(&text, &zeros, &self.digest)
    }

    /// Reads and checks a manifest.
    pub(super) fn load(folder: &Path, id: SnapshotId) -> Result<Self, StoreError> {
        let path = folder.join(MANIFEST);
        let text = match files::read_text(&path) {
            Err(StoreError::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound && folder.is_dir() => {
                return Err(StoreError::integrity(&path, "the file is missing"));
            }
            other => other?,
        };
        let manifest = Self::parse(&path, &text)?;
        if manifest.snapshot != id.to_string() || manifest.as_of != id.as_of {
            let what = format!("it is the manifest of snapshot `{}`", manifest.snapshot);
            return Err(StoreError::integrity(&path, what));
        }
        Ok(manifest)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, StoreError> {
        let invalid = |error: serde_json::Error| StoreError::integrity(path, format!("not a valid manifest: {error}"));
        let header: Header = serde_json::from_str(text).map_err(invalid)?;
        let made_by = format!("overgrant {}", header.engine_version);
        let version = |what, found, known| {
            if found == known {
                return Ok(());
            }
            Err(StoreError::Version { path: path.to_owned(), what, found, known, made_by: made_by.clone() })
        };
        version("manifest format", header.format, MANIFEST_FORMAT)?;
        version("table schema", header.schema_version, SCHEMA_VERSION)?;
        let manifest: Self = serde_json::from_str(text).map_err(invalid)?;
        let blank = replace_last(text, &manifest.digest, &"0".repeat(64));
        if files::sha256(blank.as_bytes()) != manifest.digest {
            return Err(StoreError::integrity(path, "its content does not have the digest that it states"));
        }
        Ok(manifest)
    }
}

/// Replaces the last occurrence of `what`; the digest is the manifest's last field.
fn replace_last(text: &str, what: &str, with: &str) -> String {
    match text.rfind(what) {
        Some(at) => [&text[..at], with, &text[at + what.len()..]].concat(),
        None => text.to_owned(),
    }
}

/// SHA-256 of every block of [`files::BLOCK_BYTES`] of every table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BlockList {
    pub block_bytes: usize,
    pub tables: BTreeMap<String, Vec<String>>,
}

impl BlockList {
    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    pub(super) fn load(folder: &Path, sha256: &str) -> Result<Self, StoreError> {
        let path = folder.join(BLOCKS);
        let text = match files::read_text(&path) {
            Err(StoreError::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound && folder.is_dir() => {
                return Err(StoreError::integrity(&path, "the file is missing"));
            }
            other => other?,
        };
        check_sha256(&path, &files::sha256(text.as_bytes()), sha256)?;
        let list: Self = serde_json::from_str(&text)
            .map_err(|error| StoreError::integrity(&path, format!("not a valid block list: {error}")))?;
        if list.block_bytes != files::BLOCK_BYTES {
            return Err(StoreError::integrity(&path, format!("blocks of {} bytes are not known", list.block_bytes)));
        }
        Ok(list)
    }
}

pub(super) fn check_sha256(path: &Path, found: &str, stated: &str) -> Result<(), StoreError> {
    if found == stated {
        return Ok(());
    }
    Err(StoreError::integrity(path, format!("its sha256 is `{found}`, the manifest says `{stated}`")))
}

/// A snapshot's place in time: the order of ids is the order of snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SnapshotId {
    pub as_of: i64,
    /// 1 for the first snapshot of its time.
    pub repeat: u32,
}

impl SnapshotId {
    pub(super) fn first(as_of: i64) -> Result<Self, StoreError> {
        if AS_OF_RANGE.contains(&as_of) {
            Ok(Self { as_of, repeat: 1 })
        } else {
            Err(StoreError::TimeOutOfRange { as_of })
        }
    }

    /// The id of a text that [`fmt::Display`] could have written; `None` for any other text.
    pub(super) fn parse(id: &str) -> Option<Self> {
        let (time, repeat) = match id.split_once("Z-") {
            Some((_, repeat)) => (id.strip_suffix(repeat)?.strip_suffix('-')?, repeat.parse().ok()?),
            None => (id, 1),
        };
        let (date, clock) = time.split_once('T')?;
        let (hours, minutes, seconds) = (clock.get(..2)?, clock.get(2..4)?, clock.get(4..)?);
        let as_of = text::parse_time(&format!("{date}T{hours}:{minutes}:{seconds}"))?;
        let parsed = Self { as_of, repeat };
        (parsed.to_string() == id).then_some(parsed)
    }

    pub(super) fn folder(self) -> String {
        format!("snapshot={self}")
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", text::format_time(self.as_of).replace(':', ""))?;
        if self.repeat > 1 { write!(out, "-{}", self.repeat) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_say_their_time_and_sort_by_it() {
        let second = SnapshotId { as_of: 1_795_325_400_000, repeat: 1 };
        let millis = SnapshotId { as_of: 1_795_325_400_123, repeat: 1 };
        let again = SnapshotId { as_of: 1_795_325_400_000, repeat: 10 };
        assert_eq!(second.to_string(), "2026-11-22T053000Z");
        assert_eq!(millis.to_string(), "2026-11-22T053000.123Z");
        assert_eq!(again.to_string(), "2026-11-22T053000Z-10");
        assert!(second < again && again < millis);
        for id in [second, millis, again] {
            assert_eq!(SnapshotId::parse(&id.to_string()), Some(id));
        }
    }

    #[test]
    fn texts_that_no_snapshot_has_are_no_ids() {
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T053000",
            "2026-11-22T05:30:00Z",
            "2026-11-22T053000Z-1",
            "2026-11-22T053000.000Z",
            "2026-11-22T053000Z-02",
            "../2026-11-22T053000Z",
            "2026-13-22T053000Z",
            "é026-11-22Té53000Z",
        ] {
            assert_eq!(SnapshotId::parse(text), None, "{text}");
        }
        assert!(SnapshotId::first(*AS_OF_RANGE.end()).is_ok());
        assert!(matches!(SnapshotId::first(AS_OF_RANGE.end() + 1), Err(StoreError::TimeOutOfRange { .. })));
        assert!(matches!(SnapshotId::first(AS_OF_RANGE.start() - 1), Err(StoreError::TimeOutOfRange { .. })));
    }
}
