//! The ledger's files: names, the lock, and writing that survives a crash.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::LedgerError;
use super::record::{FORMAT, LINE_BYTES_MAX, canonical, digest};
use super::rows::Rows;
use super::verify::{Bad, Place};
use crate::folder::{self, Lock, NoLock, Patience};

/// The records.
pub(super) const RECORDS: &str = "records.jsonl";
/// What was last appended.
pub(super) const HEAD: &str = "head.json";
/// Folder of signed checkpoints.
pub(super) const CHECKPOINTS: &str = "checkpoints";
/// End of the name of a checkpoint.
pub(super) const NOTE: &str = ".note";
const ROWS: &str = "rows";
/// How long another writer is waited for: an append takes milliseconds.
const PATIENCE: Patience = Patience { tries: 100, wait: Duration::from_millis(20) };

/// What [`HEAD`] says: how far records were known to be on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub format: u32,
    /// Records.
    pub size: u64,
    /// Bytes of the file of records.
    pub bytes: u64,
    /// Hash of the last record.
    pub hash: String,
}

/// Reads the head: `None` when there is none, an error in words when it cannot be read as one.
pub(super) fn read_head(dir: &Path) -> Result<Option<Result<Head, String>>, LedgerError> {
    let path = dir.join(HEAD);
    match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LedgerError::io("read", &path, error)),
        Ok(bytes) => Ok(Some(parse_head(&bytes))),
    }
}

fn parse_head(bytes: &[u8]) -> Result<Head, String> {
    let head: Head = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if head.format != FORMAT {
        return Err(format!("it has format {}; this engine reads format {FORMAT}", head.format));
    }
    let mut expected = canonical(&head)?;
    expected.push(b'\n');
    if expected == bytes { Ok(head) } else { Err("it is not in canonical form".to_owned()) }
}

pub(super) fn write_head(dir: &Path, head: &Head) -> Result<(), LedgerError> {
    let mut bytes = canonical(head).map_err(|what| LedgerError::refused("", what))?;
    bytes.push(b'\n');
    Ok(folder::replace(dir, HEAD, &bytes)?)
}

/// Takes the lock, waiting a moment for another writer to finish its append.
pub(super) fn lock(dir: &Path) -> Result<Lock, LedgerError> {
    folder::lock(dir, PATIENCE).map_err(|no| match no {
        NoLock::Held => LedgerError::Locked { path: dir.to_owned() },
        NoLock::Failed(failed) => failed.into(),
    })
}

/// Makes the folder, and its name durable.
pub(super) fn create(dir: &Path) -> Result<(), LedgerError> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(|error| LedgerError::io("create", dir, error))?;
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok(parent.map_or(Ok(()), folder::sync)?)
}

/// Puts a line and its break at byte `at` of the records, and returns when it is on the disk. What was there beyond
/// that byte is cut off first: the rest of a line that a crash cut short.
pub(super) fn append(dir: &Path, at: u64, line: &[u8]) -> Result<(), LedgerError> {
    let path = dir.join(RECORDS);
    let is_new = !path.exists();
    let write = || -> io::Result<()> {
        let mut file = File::options().create(true).truncate(false).write(true).open(&path)?;
        file.set_len(at)?;
        file.seek(SeekFrom::End(0))?;
        let mut bytes = line.to_vec();
        bytes.push(b'\n');
        file.write_all(&bytes)?;
        file.sync_all()
    };
    write().map_err(|error| LedgerError::io("append to", &path, error))?;
    if is_new { Ok(folder::sync(dir)?) } else { Ok(()) }
}

/// The last line of the records when they are `bytes` long and end with a line break; `None` when they are not so.
pub(super) fn last_line(dir: &Path, bytes: u64) -> Result<Option<Vec<u8>>, LedgerError> {
    let path = dir.join(RECORDS);
    let read = || -> io::Result<Option<Vec<u8>>> {
        let mut file = File::open(&path)?;
        if file.metadata()?.len() != bytes || bytes == 0 {
            return Ok(None);
        }
        let from = bytes.saturating_sub(LINE_BYTES_MAX as u64 + 2);
        file.seek(SeekFrom::Start(from))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        let Some((b'\n', body)) = tail.split_last() else { return Ok(None) };
        let start = body.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        Ok(Some(body[start..].to_vec()))
    };
    read().map_err(|error| LedgerError::io("read", &path, error))
}

/// Stores rows beside the records and gives their digest.
pub(super) fn write_rows(dir: &Path, rows: &Rows) -> Result<String, LedgerError> {
    let bytes = canonical(rows).map_err(|what| LedgerError::refused("/rows", what))?;
    let (sha256, folder) = (digest(&bytes), dir.join(ROWS));
    create(&folder)?;
    let name = format!("{sha256}.json");
    if !folder.join(&name).exists() {
        folder::replace(&folder, &name, &bytes)?;
    }
    Ok(sha256)
}

pub(super) fn read_rows(dir: &Path, sha256: &str) -> Result<Option<Rows>, LedgerError> {
    let path = dir.join(ROWS).join(format!("{sha256}.json"));
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| LedgerError::io("read", &path, error))?,
    };
    let damaged = |what: String| LedgerError::Damaged {
        bad: Box::new(Bad { file: path.display().to_string(), place: Place::File, seq: None, why: what }),
    };
    if digest(&bytes) != sha256 {
        return Err(damaged("its content does not hash to its name".to_owned()));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(error.to_string()))
}

/// Names and texts of the checkpoints, the smallest ledger first.
pub(super) fn checkpoints(dir: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, LedgerError> {
    let folder = dir.join(CHECKPOINTS);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let fail = |error| LedgerError::io("list", &folder, error);
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let is_note = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.ends_with(NOTE) && !name.starts_with('.'));
        if is_note {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: PathBuf| match fs::read(&path) {
        Ok(bytes) => Ok((path, bytes)),
        Err(error) => Err(LedgerError::io("read", &path, error)),
    };
    paths.into_iter().map(read).collect()
}

/// Stores a checkpoint; the name sorts by size.
pub(super) fn write_checkpoint(dir: &Path, size: u64, note: &str) -> Result<PathBuf, LedgerError> {
    let folder = dir.join(CHECKPOINTS);
    create(&folder)?;
    let name = format!("{size:012}{NOTE}");
    folder::replace(&folder, &name, note.as_bytes())?;
    Ok(folder.join(name))
}
