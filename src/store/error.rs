//! What can go wrong between memory and disk, in words for the person who has to act on it.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

use crate::folder::Failed;

/// Names listed in a message at most; the rest is counted.
const NAMES_LISTED_MAX: usize = 8;

/// An operation on a store that failed. Messages are lowercase fragments; what to do is in [`StoreError::hint`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {action} `{}`: {error}", path.display())]
    Io { action: &'static str, path: PathBuf, error: io::Error },
    /// The directory is there, but nothing says that it is a store.
    #[error("`{}` is not an overgrant store: {reason}", path.display())]
    NotAStore { path: PathBuf, reason: &'static str },
    /// A store, snapshot or table of a version that this engine does not read.
    #[error("`{}` has {what} version {found}, made by {made_by}; this engine reads version {known}", path.display())]
    Version { path: PathBuf, what: &'static str, found: u32, known: u32, made_by: String },
    /// Another process is writing to the store.
    #[error("another scan is writing to the store `{}`", path.display())]
    Locked { path: PathBuf },
    /// Nothing was ever committed.
    #[error("the store `{}` has no snapshot", path.display())]
    NoSnapshots { path: PathBuf },
    /// No snapshot and no tag goes by this name.
    #[error("no snapshot or tag `{name}`; there are {}", listed(candidates))]
    UnknownSnapshot { name: String, candidates: Vec<String> },
    /// The name is the beginning of several ids.
    #[error("`{name}` can be {}", listed(candidates))]
    AmbiguousSnapshot { name: String, candidates: Vec<String> },
    /// The name cannot be a tag.
    #[error("`{tag}` cannot be a tag: {reason}")]
    InvalidTag { tag: String, reason: &'static str },
    /// The scan's time has no place in a folder name.
    #[error("the time {as_of} ms is not between the years 0 and 9999")]
    TimeOutOfRange { as_of: i64 },
    /// What is on disk is not what was committed.
    #[error("`{}` is damaged: {what}", path.display())]
    Integrity { path: PathBuf, what: String },
    /// A table does not have the columns that this engine gives it.
    #[error("`{}` is not the table `{table}` of this engine: {what}", path.display())]
    Schema { path: PathBuf, table: &'static str, what: String },
    /// A table could not be written, for another reason than the operating system's.
    #[error("cannot encode `{}`: {what}", path.display())]
    Encode { path: PathBuf, what: String },
    /// The column cannot be searched by number.
    #[error("the table `{table}` has no column `{column}` of numbers")]
    NoSuchKey { table: &'static str, column: String },
}

impl From<Failed> for StoreError {
    fn from(failed: Failed) -> Self {
        Self::io(failed.action, &failed.path, failed.error)
    }
}

impl StoreError {
    pub(super) fn io(action: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), error }
    }

    pub(super) fn integrity(path: &Path, what: impl Display) -> Self {
        Self::Integrity { path: path.to_owned(), what: what.to_string() }
    }

    /// An encoder's failure: the operating system's error where there is one underneath, such as a full disk.
    pub(super) fn encode(path: &Path, error: ParquetError) -> Self {
        match error {
            ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(error) => Self::io("write", path, *error),
                Err(inner) => Self::Encode { path: path.to_owned(), what: inner.to_string() },
            },
            other => Self::Encode { path: path.to_owned(), what: other.to_string() },
        }
    }

    /// Whether a digest, a row count or a file of a committed snapshot is not what the manifest says.
    #[must_use]
    pub const fn is_integrity(&self) -> bool {
        matches!(self, Self::Integrity { .. })
    }

    /// What the reader of the message can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Io { error, .. } => return io_hint(error),
            Self::NotAStore { .. } => "name an empty or a new directory, or the one that an earlier scan wrote",
            Self::Version { found, known, .. } if found > known => "use that engine or a later one",
            Self::Version { .. } => "scan the exports again into a new store",
            Self::Locked { .. } => "wait until it has ended; a crashed scan holds no lock",
            Self::NoSnapshots { .. } => "run `overgrant scan` first",
            Self::UnknownSnapshot { .. } => "`overgrant snapshots list` shows all",
            Self::AmbiguousSnapshot { .. } => "give more of the id",
            Self::InvalidTag { .. } => "use letters, digits, `.`, `_` and `-`, with a letter first, at most 64",
            Self::Integrity { .. } => {
                "`overgrant snapshots verify` lists all damage; restore the files from a copy or scan again"
            }
            Self::Schema { .. } => "the file was written by something else; scan the exports again",
            Self::TimeOutOfRange { .. } | Self::Encode { .. } | Self::NoSuchKey { .. } => return None,
        })
    }
}

fn io_hint(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("free some space and scan again; nothing was committed")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("check the permissions of the directory, or name another one with `--store`")
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            Some("the path, or something on the way, is a file; name a directory with `--store`")
        }
        io::ErrorKind::NotFound => Some("check the path; the snapshot may have been pruned in the meantime"),
        _ => None,
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<String> = names.iter().take(NAMES_LISTED_MAX).map(|name| format!("`{name}`")).collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
