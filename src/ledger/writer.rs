//! Appending: one writer at a time, a record on the disk before anybody is told of it, and never on top of damage.

use std::fmt;
use std::path::{Path, PathBuf};

use super::check;
use super::error::LedgerError;
use super::files::{self, Head};
use super::merkle::{Frontier, leaf};
use super::note::{Checkpoint, Note, SigningKey};
use super::record::{Draft, FORMAT, LINE_BYTES_MAX, NO_PREVIOUS, Record};
use super::rows::Rows;
use super::verify::{self, Torn};
use crate::folder::Lock;

/// The right to append to a ledger.
pub struct Writer {
    dir: PathBuf,
    _lock: Lock,
    is_secret: fn(&str) -> bool,
    size: u64,
    bytes: u64,
    last_hash: String,
    torn: Option<Torn>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Writer({}, {} records)", self.dir.display(), self.size)
    }
}

impl Writer {
    /// Takes the right to append; the folder is made when it is not there. `is_secret` says of a text whether it looks
    /// like a secret.
    ///
    /// The last record is read and compared with the head. When they differ, all records are: a line that a crash cut
    /// short is noted and goes with the next append.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] while another program appends, [`LedgerError::Damaged`], [`LedgerError::Io`].
    pub fn open(dir: &Path, is_secret: fn(&str) -> bool) -> Result<Self, LedgerError> {
        files::create(dir)?;
        let lock = files::lock(dir)?;
        let mut writer = Self {
            dir: dir.to_owned(),
            _lock: lock,
            is_secret,
            size: 0,
            bytes: 0,
            last_hash: NO_PREVIOUS.to_owned(),
            torn: None,
        };
        if !writer.trust_head()? {
            writer.read_all()?;
        }
        Ok(writer)
    }

    /// Goes by the head when it is that of the last line. Gives whether it is.
    fn trust_head(&mut self) -> Result<bool, LedgerError> {
        let Some(Ok(head)) = files::read_head(&self.dir)? else { return Ok(false) };
        if !self.dir.join(files::RECORDS).exists() {
            return Ok(false);
        }
        let Some(line) = files::last_line(&self.dir, head.bytes)? else { return Ok(false) };
        let is_last = |record: &Record| record.hash == head.hash && record.seq.checked_add(1) == Some(head.size);
        if !Record::parse(&line).is_ok_and(|record| is_last(&record)) {
            return Ok(false);
        }
        (self.size, self.bytes, self.last_hash) = (head.size, head.bytes, head.hash);
        Ok(true)
    }

    fn read_all(&mut self) -> Result<(), LedgerError> {
        let walked = verify::walk(&self.dir, &mut |_, _| {})?;
        if let Some(bad) = walked.bad {
            return Err(LedgerError::Damaged { bad: Box::new(bad) });
        }
        (self.size, self.bytes, self.last_hash) = (walked.size, walked.bytes, walked.last_hash);
        self.torn = walked.torn;
        Ok(())
    }

    /// Records so far: the number of the next one.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The line that a crash cut short and that the next append clears.
    #[must_use]
    pub const fn torn(&self) -> Option<Torn> {
        self.torn
    }

    /// Appends a record of this time (milliseconds since 1970) and returns when it is on the disk.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] for what must not be kept or lacks something, [`LedgerError::Io`].
    pub fn append(&mut self, draft: Draft, time: i64) -> Result<Record, LedgerError> {
        check::check(&draft, self.size, &self.is_secret)?;
        let refused = |what: String| LedgerError::refused("", what);
        let (record, line) = Record::seal(draft, self.size, &self.last_hash, time).map_err(refused)?;
        if line.len() > LINE_BYTES_MAX {
            let what = format!("it is longer than {LINE_BYTES_MAX} bytes; record the digest of what is long");
            return Err(LedgerError::refused("", what));
        }
        // Parts of a secret may stand in fields of their own.
        if std::str::from_utf8(&line).is_ok_and(self.is_secret) {
            return Err(LedgerError::refused("", "its fields together hold what looks like a secret"));
        }
        // What cannot be read back must not come onto the disk, where it would pass for damage.
        let read = Record::parse(&line).map_err(|why| refused(format!("it cannot be read back: {why}")))?;
        if read.hash != record.hash {
            return Err(refused("it reads back as another record".to_owned()));
        }
        files::append(&self.dir, self.bytes, &line)?;
        self.torn = None;
        self.size += 1;
        self.bytes += line.len() as u64 + 1;
        self.last_hash.clone_from(&record.hash);
        let head = Head { format: FORMAT, size: self.size, bytes: self.bytes, hash: record.hash.clone() };
        files::write_head(&self.dir, &head)?;
        Ok(record)
    }

    /// Stores the rows that a change is to add and remove, for the records that name them as `rows_sha256`, and gives
    /// their digest.
    ///
    /// # Errors
    /// [`LedgerError::Io`].
    pub fn store_rows(&self, rows: &Rows) -> Result<String, LedgerError> {
        files::write_rows(&self.dir, rows)
    }

    /// Signs a statement about all records so far. Gives it, and the path and text of its note. Another key's
    /// signature of the same statement stays beside the new one.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`], [`LedgerError::Note`] when there is nothing to sign, [`LedgerError::Io`].
    pub fn checkpoint(&self, key: &SigningKey, origin: &str) -> Result<(Checkpoint, PathBuf, String), LedgerError> {
        if origin.is_empty() || origin.chars().any(|character| character.is_control() || character == '+') {
            return Err(LedgerError::note("origin", "it is empty, or has control characters or `+` in it"));
        }
        let mut tree = Frontier::default();
        let walked = verify::walk(&self.dir, &mut |_, line| tree.push(leaf(line)))?;
        if let Some(bad) = walked.bad {
            return Err(LedgerError::Damaged { bad: Box::new(bad) });
        }
        if tree.size() == 0 {
            return Err(LedgerError::note("checkpoint", "the ledger has no record yet"));
        }
        let checkpoint = Checkpoint { origin: origin.to_owned(), size: tree.size(), root: tree.root() };
        let note = self.signed(&checkpoint, key)?;
        let path = files::write_checkpoint(&self.dir, checkpoint.size, &note)?;
        Ok((checkpoint, path, note))
    }

    /// The note with this key's signature, and those that are there already.
    fn signed(&self, checkpoint: &Checkpoint, key: &SigningKey) -> Result<String, LedgerError> {
        let signed = key.sign(&checkpoint.text());
        let name = format!("{:012}{}", checkpoint.size, files::NOTE);
        let there = files::checkpoints(&self.dir)?;
        let there = there.into_iter().find(|(path, _)| path.file_name().is_some_and(|file| file == name.as_str()));
        let Some(text) = there.and_then(|(_, bytes)| String::from_utf8(bytes).ok()) else { return Ok(signed) };
        match Note::parse(text.as_bytes()) {
            Ok(note) if note.text == checkpoint.text() => match key.verifier().verify(&note) {
                Some(true) => Ok(text),
                _ => Ok(text + signed.lines().last().unwrap_or_default() + "\n"),
            },
            _ => Err(LedgerError::note("checkpoint", format!("`{name}` is there already and says something else"))),
        }
    }
}
