//! What can go wrong with a ledger, in words for the person who has to act on it.

use std::io;
use std::path::{Path, PathBuf};

use super::verify::Bad;
use crate::folder::Failed;

/// An operation on a ledger that failed. Messages are lowercase fragments; what to do is in [`LedgerError::hint`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The operating system refused.
    #[error("cannot {action} `{}`: {error}", path.display())]
    Io { action: &'static str, path: PathBuf, error: io::Error },
    /// Another process is appending.
    #[error("another program is writing to the ledger `{}`", path.display())]
    Locked { path: PathBuf },
    /// A record or file is not what was written.
    #[error("the ledger is damaged: {bad}")]
    Damaged { bad: Box<Bad> },
    /// A record that is not taken: it lacks something, or holds what must not be kept.
    #[error("the record is refused: {what}{}", at(pointer))]
    Refused { pointer: String, what: String },
    /// A key, note or checkpoint that cannot be used.
    #[error("the {what} cannot be used: {reason}")]
    Note { what: &'static str, reason: String },
    /// The operating system gave no random numbers.
    #[error("no random numbers for a key: {reason}")]
    Random { reason: String },
}

/// A pointer in brackets; nothing for the record as a whole.
fn at(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" ({pointer})") }
}

impl From<Failed> for LedgerError {
    fn from(failed: Failed) -> Self {
        Self::io(failed.action, &failed.path, failed.error)
    }
}

impl LedgerError {
    pub(super) fn io(action: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), error }
    }

    pub(super) fn refused(pointer: &str, what: impl Into<String>) -> Self {
        Self::Refused { pointer: pointer.to_owned(), what: what.into() }
    }

    pub(super) fn note(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Note { what, reason: reason.into() }
    }

    /// Whether what is on the disk is not what was written.
    #[must_use]
    pub const fn is_integrity(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    /// Whether the caller's input is to blame.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Note { .. })
    }

    /// What the reader of the message can do about it.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Io { .. } => "check the path and the permissions of the folder",
            Self::Locked { .. } => "try again; a program that crashed holds no lock",
            Self::Damaged { .. } => {
                "`overgrant ledger verify` says all that is known; restore the folder from a copy that a checkpoint \
                 confirms, and keep the damaged one as evidence"
            }
            Self::Refused { .. } => "docs/ledger.md lists the fields of each kind of record",
            Self::Note { .. } => "docs/ledger.md describes keys and checkpoints; `overgrant ledger key` makes a key",
            Self::Random { .. } => "make the key on another machine",
        })
    }
}
