//! Files that survive a crash: everything is flushed to the disk before a name makes it visible.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::StoreError;

/// Bytes that one entry of a block list covers. A reader of few rows hashes only the blocks that it touches.
pub(super) const BLOCK_BYTES: usize = 256 * 1024;

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The text of a file. Bytes that are no UTF-8 are damage: the store writes none.
pub(super) fn read_text(path: &Path) -> Result<String, StoreError> {
    let bytes = fs::read(path).map_err(|error| StoreError::io("read", path, error))?;
    String::from_utf8(bytes).map_err(|_| StoreError::integrity(path, "it is not UTF-8 text"))
}

pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(|error| StoreError::io("move a finished file to", to, error))
}

pub(super) fn remove_tree(path: &Path) -> Result<(), StoreError> {
    fs::remove_dir_all(path).map_err(|error| StoreError::io("remove", path, error))
}

/// The names in a directory in byte order, and whether each is a directory. A name that is no Unicode is shown
/// with replacement characters: no file of a store has one.
pub(super) fn list(dir: &Path) -> Result<Vec<(String, bool)>, StoreError> {
    let fail = |error| StoreError::io("list", dir, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let is_dir = entry.file_type().map_err(fail)?.is_dir();
        names.push((entry.file_name().to_string_lossy().into_owned(), is_dir));
    }
    names.sort_unstable();
    Ok(names)
}

/// A file that hashes what is written to it, as a whole and in blocks of [`BLOCK_BYTES`].
pub(super) struct DigestFile {
    file: File,
    whole: Sha256,
    block: Sha256,
    block_filled: usize,
    blocks: Vec<String>,
    bytes: u64,
    failure: Option<io::Error>,
}

/// What a finished [`DigestFile`] holds.
pub(super) struct Digests {
    pub bytes: u64,
    pub sha256: String,
    pub blocks: Vec<String>,
}

impl DigestFile {
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        let file = File::create(path).map_err(|error| StoreError::io("create", path, error))?;
        Ok(Self {
            file,
            whole: Sha256::new(),
            block: Sha256::new(),
            block_filled: 0,
            blocks: Vec::new(),
            bytes: 0,
            failure: None,
        })
    }

    /// The error of the operating system that ended the writing. An encoder in between keeps only its words.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Flushes to the disk and gives the digests.
    pub(super) fn finish(mut self, path: &Path) -> Result<Digests, StoreError> {
        self.file.sync_all().map_err(|error| StoreError::io("write", path, error))?;
        if self.block_filled > 0 {
            self.end_block();
        }
        Ok(Digests { bytes: self.bytes, sha256: hex::encode(self.whole.finalize()), blocks: self.blocks })
    }

    fn end_block(&mut self) {
        self.blocks.push(hex::encode(self.block.finalize_reset()));
        self.block_filled = 0;
    }

    fn hash(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.block_filled));
            self.block.update(head);
            self.block_filled += head.len();
            if self.block_filled == BLOCK_BYTES {
                self.end_block();
            }
            bytes = rest;
        }
    }
}

impl Write for DigestFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes).inspect_err(|error| {
            // An interrupted call is tried again.
            if error.kind() != io::ErrorKind::Interrupted {
                self.failure =
                    Some(error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error));
            }
        })?;
        self.hash(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
