//! Whether a ledger is still what was written: chain, head, tree and signatures, and the first record that is not.
//!
//! One pass over the file, with the memory of one line and a hash for each. A line is read as bytes, must be the one
//! canonical form of a record, hash to what it says, name the hash of the line before and have the next number. So a
//! flipped byte is found in its own line, whichever it is; a removed, added or moved record at the first line that does
//! not follow from the one before; a tail that was cut off by the head, or by a checkpoint that covers more.
//!
//! A crash in the middle of an append leaves a last line without its end, of a record that nobody was told is on the
//! disk: the head does not count it. That is *torn*, not damage, and the next append clears it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::error::LedgerError;
use super::files::{self, HEAD, Head, RECORDS};
use super::merkle::{Frontier, Hash, consistency, is_consistent, leaf};
use super::note::{Checkpoint, Note, VerifierKey};
use super::record::{LINE_BYTES_MAX, NO_PREVIOUS, Record};

/// Where something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line of the file, from 1.
    Line(u64),
    /// One of these lines; which, cannot be told.
    Lines(u64, u64),
    /// The file as a whole.
    File,
}

/// The first thing that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// Path of the file.
    pub file: String,
    pub place: Place,
    /// `seq` that the record has or should have.
    pub seq: Option<u64>,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for Bad {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}`", self.file)?;
        match self.place {
            Place::Line(line) => write!(out, ", line {line}")?,
            Place::Lines(from, to) => write!(out, ", one of the lines {from} to {to}")?,
            Place::File => {}
        }
        if let Some(seq) = self.seq {
            write!(out, " (record {seq})")?;
        }
        write!(out, ": {}", self.why)
    }
}

/// A last line that a crash cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    /// From 1.
    pub line: u64,
    /// Bytes of it that are there.
    pub bytes: u64,
}

/// What the head says of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadState {
    /// The last record is the one that it names.
    Matches,
    /// Records came after it: a crash between a record and the head, which the next append makes good.
    Behind,
    /// There is none: a tail that was cut off shows only against a checkpoint.
    Missing,
}

/// What is known of a checkpoint's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    /// By the key of this name.
    By(String),
    /// No key was given to check it with.
    Unchecked,
}

/// A checkpoint that the records agree with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Path or name of the note.
    pub note: String,
    pub checkpoint: Checkpoint,
    pub signed: Signed,
    /// Proof that the checkpoint before this one is the beginning of it (RFC 6962), for whoever has the two and not the
    /// records; empty for the first and for one of the same size.
    pub consistency: Vec<Hash>,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Records that are right, from the first one on without a gap.
    pub records: u64,
    /// Hash of the last of them.
    pub last_hash: String,
    /// Root of the tree over them.
    pub root: Hash,
    /// The first thing that is wrong; `None` when nothing is.
    pub first_bad: Option<Bad>,
    pub torn: Option<Torn>,
    pub head: HeadState,
    /// Those that the records agree with, the smallest first; each has all of the one before it.
    pub checkpoints: Vec<Checked>,
}

/// What one pass over the records found.
pub(super) struct Walked {
    pub size: u64,
    /// Bytes of the lines that are right.
    pub bytes: u64,
    pub last_hash: String,
    pub torn: Option<Torn>,
    pub bad: Option<Bad>,
    pub head: HeadState,
}

/// Goes over the records and hands out those that are right, with their lines.
pub(super) fn walk(dir: &Path, take: &mut dyn FnMut(Record, &[u8])) -> Result<Walked, LedgerError> {
    let head = files::read_head(dir)?;
    let path = dir.join(RECORDS);
    let mut walk = Walk { path: path.display().to_string(), head: head.as_ref(), at_head: None, found: Walked::new() };
    match File::open(&path) {
        Ok(file) => walk.lines(file, take).map_err(|error| LedgerError::io("read", &path, error))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(LedgerError::io("read", &path, error)),
    }
    walk.compare_head(dir);
    Ok(walk.found)
}

impl Walked {
    fn new() -> Self {
        Self { size: 0, bytes: 0, last_hash: NO_PREVIOUS.to_owned(), torn: None, bad: None, head: HeadState::Missing }
    }
}

struct Walk<'h> {
    path: String,
    head: Option<&'h Result<Head, String>>,
    /// Bytes and hash when as many records had been read as the head counts.
    at_head: Option<(u64, String)>,
    found: Walked,
}

impl Walk<'_> {
    fn lines(&mut self, file: File, take: &mut dyn FnMut(Record, &[u8])) -> io::Result<()> {
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            line.clear();
            (&mut reader).take(LINE_BYTES_MAX as u64 + 2).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                return Ok(());
            }
            if !self.line(&line, take) {
                return Ok(());
            }
        }
    }

    /// Takes one line. Gives whether to go on.
    fn line(&mut self, line: &[u8], take: &mut dyn FnMut(Record, &[u8])) -> bool {
        let Some((b'\n', body)) = line.split_last() else {
            self.unfinished(line);
            return false;
        };
        match Record::parse(body).and_then(|record| self.follows(&record).map(|()| record)) {
            Ok(record) => {
                self.found.size += 1;
                self.found.bytes += line.len() as u64;
                self.found.last_hash.clone_from(&record.hash);
                if self.counted() == Some(self.found.size) {
                    self.at_head = Some((self.found.bytes, record.hash.clone()));
                }
                take(record, body);
                true
            }
            Err(why) => {
                self.bad(why);
                false
            }
        }
    }

    /// Records that the head counts.
    fn counted(&self) -> Option<u64> {
        self.head.and_then(|head| head.as_ref().ok()).map(|head| head.size)
    }

    fn follows(&self, record: &Record) -> Result<(), String> {
        let next = self.found.size;
        if record.seq != next {
            let what = if record.seq > next { "removed" } else { "moved or put in twice" };
            return Err(format!("it is record {} where record {next} should be: one was {what}", record.seq));
        }
        if record.prev != self.found.last_hash {
            let last = &self.found.last_hash;
            return Err(format!("it follows a record of hash `{}`, and the one before has `{last}`", record.prev));
        }
        Ok(())
    }

    /// A line without its end: cut short by a crash, unless it had been on the disk as a whole.
    fn unfinished(&mut self, line: &[u8]) {
        if line.len() > LINE_BYTES_MAX {
            return self.bad(format!("the line is longer than {LINE_BYTES_MAX} bytes"));
        }
        match self.counted().filter(|&size| size > self.found.size) {
            Some(size) => self.bad(format!("the line has no end, and `{HEAD}` counts {size} records")),
            None => self.found.torn = Some(Torn { line: self.found.size + 1, bytes: line.len() as u64 }),
        }
    }

    fn bad(&mut self, why: String) {
        let (file, seq) = (self.path.clone(), self.found.size);
        self.found.bad = Some(Bad { file, place: Place::Line(seq + 1), seq: Some(seq), why });
    }

    fn compare_head(&mut self, dir: &Path) {
        if self.found.bad.is_some() {
            return;
        }
        let in_head =
            |why: String| Bad { file: dir.join(HEAD).display().to_string(), place: Place::File, seq: None, why };
        match self.head {
            None => self.found.head = HeadState::Missing,
            Some(Err(error)) => self.found.bad = Some(in_head(format!("it is no head of a ledger: {error}"))),
            Some(Ok(head)) if head.size > self.found.size => {
                self.bad(format!("it is missing: `{HEAD}` counts {} records", head.size));
            }
            Some(Ok(head)) if self.at_head.as_ref() != Some(&(head.bytes, head.hash.clone())) => {
                let why = format!("it names another record {} than there is", head.size.saturating_sub(1));
                self.found.bad = Some(in_head(why));
            }
            Some(Ok(head)) => {
                let behind = head.size < self.found.size;
                self.found.head = if behind { HeadState::Behind } else { HeadState::Matches };
            }
        }
    }
}

/// A checkpoint before it is compared.
struct Claim {
    note: String,
    checkpoint: Checkpoint,
    signed: Signed,
}

/// Reads a note and checks its signature.
fn claim(note: String, bytes: &[u8], keys: &[VerifierKey]) -> Result<Claim, Bad> {
    let bad = |why: String| Bad { file: note.clone(), place: Place::File, seq: None, why };
    let parsed = Note::parse(bytes).map_err(|why| bad(format!("it is no signed note: {why}")))?;
    let checkpoint = Checkpoint::parse(&parsed.text).map_err(|why| bad(format!("it is no checkpoint: {why}")))?;
    let mut signed = Signed::Unchecked;
    for key in keys {
        match key.verify(&parsed) {
            Some(true) => signed = Signed::By(key.name().to_owned()),
            Some(false) => return Err(bad(format!("the signature of `{}` is wrong", key.name()))),
            None => {}
        }
    }
    if signed == Signed::Unchecked && !keys.is_empty() {
        return Err(bad("it is signed by none of the keys given".to_owned()));
    }
    Ok(Claim { note, checkpoint, signed })
}

/// All that is claimed about the ledger, by size; the first thing that is wrong beside it.
fn claims(
    dir: &Path,
    keys: &[VerifierKey],
    kept: &[(String, String)],
) -> Result<(Vec<Claim>, Option<Bad>), LedgerError> {
    let own = files::checkpoints(dir)?.into_iter().map(|(path, bytes)| (path.display().to_string(), bytes));
    let others = kept.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes()));
    let (mut all, mut bad): (Vec<Claim>, Option<Bad>) = (Vec::new(), None);
    for (name, bytes) in own.chain(others) {
        match claim(name, &bytes, keys) {
            Ok(claim) => all.push(claim),
            Err(found) => bad = bad.or(Some(found)),
        }
    }
    all.sort_by_key(|claim| claim.checkpoint.size);
    if let Some(pair) = all.windows(2).find(|pair| pair[0].checkpoint.origin != pair[1].checkpoint.origin) {
        let why = format!("its origin is `{}`, of others `{}`", pair[1].checkpoint.origin, pair[0].checkpoint.origin);
        bad = bad.or(Some(Bad { file: pair[1].note.clone(), place: Place::File, seq: None, why }));
    }
    Ok((all, bad))
}

/// See [`super::Ledger::verify`].
pub(super) fn verify(dir: &Path, keys: &[VerifierKey], kept: &[(String, String)]) -> Result<Verified, LedgerError> {
    let (claims, bad_note) = claims(dir, keys, kept)?;
    let mut roots: BTreeMap<u64, Option<Hash>> = claims.iter().map(|claim| (claim.checkpoint.size, None)).collect();
    let (mut tree, mut leaves) = (Frontier::default(), Vec::new());
    if let Some(root) = roots.get_mut(&0) {
        *root = Some(tree.root());
    }
    let walked = walk(dir, &mut |_, line| {
        let hash = leaf(line);
        tree.push(hash);
        leaves.push(hash);
        if let Some(root) = roots.get_mut(&tree.size()) {
            *root = Some(tree.root());
        }
    })?;
    let mut verified = Verified {
        records: walked.size,
        last_hash: walked.last_hash,
        root: tree.root(),
        first_bad: walked.bad,
        torn: walked.torn,
        head: walked.head,
        checkpoints: Vec::new(),
    };
    let file = dir.join(RECORDS).display().to_string();
    for claim in claims {
        let wrong = disagrees(&claim, &roots, &verified).map(|bad| Bad { file: file.clone(), ..bad });
        match wrong {
            Some(bad) => verified.first_bad = verified.first_bad.take().or(Some(bad)),
            None if roots.get(&claim.checkpoint.size).is_some_and(Option::is_some) => {
                let Claim { note, checkpoint, signed } = claim;
                let last = verified.checkpoints.last().map(|checked| &checked.checkpoint);
                let consistency = last.and_then(|last| proof(&leaves, last, &checkpoint)).unwrap_or_default();
                verified.checkpoints.push(Checked { note, checkpoint, signed, consistency });
            }
            None => {}
        }
    }
    verified.first_bad = verified.first_bad.take().or(bad_note);
    Ok(verified)
}

/// Proof that one checkpoint is the beginning of another, checked as whoever gets it will.
fn proof(leaves: &[Hash], before: &Checkpoint, after: &Checkpoint) -> Option<Vec<Hash>> {
    let (from, to) = (usize::try_from(before.size).ok()?, usize::try_from(after.size).ok()?);
    let proof = consistency(leaves.get(..to)?, from)?;
    is_consistent(before.size, &before.root, after.size, &after.root, &proof).then_some(proof)
}

/// What is wrong with the records by a checkpoint.
fn disagrees(claim: &Claim, roots: &BTreeMap<u64, Option<Hash>>, so_far: &Verified) -> Option<Bad> {
    let (size, name) = (claim.checkpoint.size, &claim.note);
    let bad = |place, seq, why| Some(Bad { file: String::new(), place, seq, why });
    match roots.get(&size).copied().flatten() {
        Some(root) if root == claim.checkpoint.root => None,
        Some(_) => {
            let agreed = so_far.checkpoints.last().map_or(0, |checked| checked.checkpoint.size);
            let why =
                format!("the first {size} records are not those of the checkpoint `{name}`: the chain is another");
            bad(Place::Lines(agreed + 1, size.max(agreed + 1)), None, why)
        }
        None => {
            let next = so_far.records;
            bad(
                Place::Line(next + 1),
                Some(next),
                format!("it is missing: the checkpoint `{name}` covers {size} records"),
            )
        }
    }
}
