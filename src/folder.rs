//! Folders that one process at a time writes and any number read: the lock of the writer, and files and names that are on
//! the disk when the call returns.
//!
//! The store and the ledger are such folders. Each has an error type of its own, with words for its users; here an error
//! says what was tried on which path ([`Failed`]).

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the file whose lock the writer holds. It stays in place: removing it would let two writers lock two files.
pub const LOCK: &str = ".lock";

/// What the operating system refused.
#[derive(Debug)]
pub struct Failed {
    /// What was tried, for a sentence with the path after it.
    pub action: &'static str,
    pub path: PathBuf,
    pub error: io::Error,
}

impl Failed {
    fn new(action: &'static str, path: &Path, error: io::Error) -> Self {
        Self { action, path: path.to_owned(), error }
    }
}

/// Why there is no lock.
#[derive(Debug)]
pub enum NoLock {
    /// Another process holds it.
    Held,
    Failed(Failed),
}

/// How long a lock that somebody else holds is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How often it is asked for, once at least.
    pub tries: u32,
    /// What passes before it is asked for again.
    pub wait: Duration,
}

impl Patience {
    /// Asks once.
    pub const NONE: Self = Self { tries: 1, wait: Duration::ZERO };
}

/// The lock of a folder, held until it is dropped.
#[derive(Debug)]
pub struct Lock(File);

impl Drop for Lock {
    /// Ends the lock by name. Closing the file alone would leave it held by a process that was being started at that
    /// moment and has a copy of every open file until it becomes another program.
    fn drop(&mut self) {
        // A lock that cannot be given back ends with the file.
        let _ = self.0.unlock();
    }
}

/// Takes the lock of a folder.
///
/// # Errors
/// [`NoLock::Held`] when another process has it for as long as patience lasts.
pub fn lock(dir: &Path, patience: Patience) -> Result<Lock, NoLock> {
    let path = dir.join(LOCK);
    let failed = |action, error| NoLock::Failed(Failed::new(action, &path, error));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| failed("open for writing", error))?;
    for again in (0..patience.tries.max(1)).rev() {
        match file.try_lock() {
            Ok(()) => return Ok(Lock(file)),
            Err(TryLockError::WouldBlock) if again > 0 => std::thread::sleep(patience.wait),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(failed("lock", error)),
        }
    }
    Err(NoLock::Held)
}

/// Writes a file and returns when it is on the disk. Its name may not be yet ([`sync`]).
///
/// # Errors
/// When the operating system refuses.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failed> {
    let write = || -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| Failed::new("write", path, error))
}

/// Replaces `dir/name` so that a reader sees the old or the new content, never a part, and a crash leaves one of them.
///
/// # Errors
/// When the operating system refuses.
pub fn replace(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), Failed> {
    let (staged, path) = (dir.join(staged(name)), dir.join(name));
    write(&staged, bytes)?;
    fs::rename(&staged, &path).map_err(|error| Failed::new("move a finished file to", &path, error))?;
    sync(dir)
}

/// What a file is called while [`replace`] writes it; a crash may leave it behind.
#[must_use]
pub fn staged(name: &str) -> String {
    format!(".{name}.new")
}

/// Makes the names in a folder durable.
///
/// # Errors
/// When the operating system refuses.
#[cfg(unix)]
pub fn sync(dir: &Path) -> Result<(), Failed> {
    File::open(dir).and_then(|handle| handle.sync_all()).map_err(|error| Failed::new("flush", dir, error))
}

/// Folders cannot be flushed here; renames are durable in order by the file system's journal.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn sync(_dir: &Path) -> Result<(), Failed> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_the_lock_until_it_is_dropped() {
        let dir = tempfile::tempdir().expect("a folder");
        let held = lock(dir.path(), Patience::NONE).expect("nobody else wants it");
        let short = Patience { tries: 3, wait: Duration::from_millis(1) };
        for patience in [Patience::NONE, short] {
            assert!(matches!(lock(dir.path(), patience), Err(NoLock::Held)));
        }
        drop(held);
        assert!(lock(dir.path(), Patience { tries: 0, ..short }).is_ok(), "it is asked for once at least");
        let nowhere = lock(&dir.path().join("none"), Patience::NONE).expect_err("there is no folder");
        let NoLock::Failed(failed) = nowhere else { panic!("not a matter of waiting: {nowhere:?}") };
        assert_eq!((failed.action, failed.path), ("open for writing", dir.path().join("none/.lock")));
    }

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().expect("a folder");
        for text in ["the first", "the 2nd"] {
            replace(dir.path(), "a.json", text.as_bytes()).expect("it can be written");
            assert_eq!(fs::read_to_string(dir.path().join("a.json")).expect("it is there"), text);
        }
        assert!(!dir.path().join(staged("a.json")).exists());
        let failed = replace(&dir.path().join("none"), "a.json", b"x").expect_err("there is no folder");
        assert_eq!((failed.action, failed.path), ("write", dir.path().join("none/.a.json.new")));
    }
}
