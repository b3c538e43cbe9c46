//! The record of what was drafted, judged, decided and observed, which cannot be changed without being found out.
//!
//! ```text
//! STORE/ledger/
//!   records.jsonl        one record a line, in canonical form (RFC 8785), each with the hash of the one before
//!   head.json            size, bytes and last hash, rewritten after every append
//!   checkpoints/N.note   signed statement about the first N records (C2SP tlog-checkpoint)
//!   rows/SHA256.json     rows that a change is to add and remove, by the digest that its records name
//!   .lock                held by the one writer
//! ```
//!
//! | question | module |
//! |---|---|
//! | what is in a record, and which are refused? | [`record`], `check` |
//! | how does it come onto the disk? | [`Writer`], `files` |
//! | is it still what was written? | [`verify`], with [`merkle`] (RFC 6962) and [`note`] (C2SP signed notes) |
//! | what did the change come to? | [`rows`], [`observe`] |
//! | what do the records add up to? | [`summary`] |
//!
//! The chain finds accidents and careless edits. Whoever can write the folder can also make a new chain: only a
//! checkpoint that somebody else keeps, signed by a key that is not on this machine, says that it is another one. No
//! clock is read here and no key is kept here.

mod check;
mod error;
mod files;
pub mod merkle;
pub mod note;
pub mod observe;
pub mod record;
pub mod rows;
pub mod summary;
#[cfg(test)]
mod tests;
pub mod verify;
mod writer;

use std::path::{Path, PathBuf};

pub use error::LedgerError;
pub use note::{Checkpoint, SigningKey, VerifierKey};
pub use record::{Actor, ActorKind, Ai, ApprovalGiven, Draft, Kind, Observed, Outcome, Record, Revocation, Verdict};
pub use verify::{Bad, Verified};
pub use writer::Writer;

/// Name of the ledger's folder in a store.
pub const FOLDER: &str = "ledger";

/// Proof that a record is in the tree of so many records with this root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// Hash of the record's line as a leaf.
    pub leaf: merkle::Hash,
    pub size: u64,
    pub root: merkle::Hash,
    /// Siblings from the leaf to the root.
    pub hashes: Vec<merkle::Hash>,
}

/// A ledger to read. Opening takes no lock, and readers never wait for a writer.
#[derive(Debug, Clone)]
pub struct Ledger {
    dir: PathBuf,
}

impl Ledger {
    /// The ledger of this folder; `None` when there is none. A ledger begins with its first record.
    #[must_use]
    pub fn open(dir: &Path) -> Option<Self> {
        dir.join(files::RECORDS).exists().then(|| Self { dir: dir.to_owned() })
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Every record in order. A last line that a crash cut short is left out.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] at the first record that is not what was written: what comes after it proves nothing.
    /// Signatures and the tree are the business of [`Ledger::verify`].
    pub fn records(&self) -> Result<Vec<Record>, LedgerError> {
        let mut records = Vec::new();
        let walked = verify::walk(&self.dir, &mut |record, _| records.push(record))?;
        match walked.bad {
            None => Ok(records),
            Some(bad) => Err(LedgerError::Damaged { bad: Box::new(bad) }),
        }
    }

    /// Recomputes chain, tree and signatures. `keys` are those that may sign; `kept` are checkpoints that were kept
    /// elsewhere, each with the name to call it by.
    ///
    /// # Errors
    /// [`LedgerError::Io`] when a file cannot be read. Damage is no error here but in the answer.
    pub fn verify(&self, keys: &[VerifierKey], kept: &[(String, String)]) -> Result<Verified, LedgerError> {
        verify::verify(&self.dir, keys, kept)
    }

    /// Proof that a record is in the tree of all records (RFC 6962): the leaf, the siblings up to the root, and the root
    /// with its size. `None` when there is no such record.
    ///
    /// # Errors
    /// As [`Ledger::records`].
    pub fn inclusion(&self, seq: u64) -> Result<Option<Inclusion>, LedgerError> {
        let mut leaves = Vec::new();
        let walked = verify::walk(&self.dir, &mut |_, line| leaves.push(merkle::leaf(line)))?;
        if let Some(bad) = walked.bad {
            return Err(LedgerError::Damaged { bad: Box::new(bad) });
        }
        let Some(at) = usize::try_from(seq).ok().filter(|&at| at < leaves.len()) else { return Ok(None) };
        let (root, size) = (merkle::root(&leaves), leaves.len() as u64);
        let hashes = merkle::inclusion(&leaves, at).unwrap_or_default();
        Ok(Some(Inclusion { leaf: leaves[at], size, root, hashes }))
    }

    /// The rows that a change is to add and remove, by the digest that its records name as `rows_sha256`; `None` when
    /// the file is not there.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] when the file is not the one that was named.
    pub fn rows(&self, sha256: &str) -> Result<Option<rows::Rows>, LedgerError> {
        files::read_rows(&self.dir, sha256)
    }
}
