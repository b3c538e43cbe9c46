//! Rehashing everything: what is on the disk against what was committed.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use parquet::file::metadata::ParquetMetaDataReader;
use sha2::{Digest, Sha256};

use super::manifest::{BLOCKS, BlockList, MANIFEST, Manifest, SnapshotId, TableInfo, check_sha256};
use super::schema::{TABLES, file_name};
use super::{FORMAT_FILE, LEDGER, Store, StoreError, files, snapshot, tags, writer};
use crate::folder;

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1024 * 1024;

/// What the check of one snapshot found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Id of the snapshot; `None` for what belongs to no snapshot: tags and stray files of the store itself.
    pub snapshot: Option<String>,
    /// Tables whose digest and row count are those of the manifest.
    pub tables_sound: usize,
    /// Bytes of tables that were hashed.
    pub bytes: u64,
    /// Everything that is not as it was committed; empty for a sound snapshot.
    pub problems: Vec<Problem>,
}

impl Verification {
    fn new(snapshot: Option<String>) -> Self {
        Self { snapshot, tables_sound: 0, bytes: 0, problems: Vec::new() }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, path: &Path, message: impl Into<String>) {
        self.problems.push(Problem { path: path.to_owned(), message: message.into() });
    }

    fn error(&mut self, path: &Path, error: &StoreError) {
        match error {
            // The path stands beside the message already.
            StoreError::Integrity { path, what } => self.problem(path, what),
            other => self.problem(path, other.to_string()),
        }
    }
}

/// Something that is not as it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub path: PathBuf,
    /// What is wrong, as a fragment for a person.
    pub message: String,
}

/// Checks every snapshot, oldest first, then the store's own files when something is wrong with them.
pub(super) fn verify(store: &Store) -> Result<Vec<Verification>, StoreError> {
    let ids = store.ids()?;
    let mut all: Vec<Verification> = ids.iter().map(|id| verify_snapshot(store.path(), *id)).collect();
    let own = verify_store(store, &ids)?;
    if !own.is_sound() {
        all.push(own);
    }
    Ok(all)
}

fn verify_store(store: &Store, ids: &[SnapshotId]) -> Result<Verification, StoreError> {
    let mut found = Verification::new(None);
    for (name, is_dir) in files::list(store.path())? {
        let known = match name.as_str() {
            FORMAT_FILE | tags::TAGS | folder::LOCK => !is_dir,
            LEDGER => is_dir,
            // What a crashed or running writer holds; no reader looks at it.
            other if other.starts_with(writer::STAGING) || other.starts_with(writer::REMOVED) => is_dir,
            other if other.starts_with('.') && other.ends_with(".json.new") => !is_dir,
            other => is_dir && ids.iter().any(|id| id.folder() == other),
        };
        if !known {
            found.problem(&store.path().join(name), "it does not belong to the store");
        }
    }
    let tags_path = store.path().join(tags::TAGS);
    match store.tags() {
        Err(error) => found.error(&tags_path, &error),
        Ok(tags) => {
            for (tag, id) in tags {
                if !ids.iter().any(|known| known.to_string() == id) {
                    found.problem(&tags_path, format!("the tag `{tag}` names the missing snapshot `{id}`"));
                }
            }
        }
    }
    Ok(found)
}

/// Rehashes one snapshot.
pub(super) fn verify_snapshot(store: &Path, id: SnapshotId) -> Verification {
    let folder = store.join(id.folder());
    let mut found = Verification::new(Some(id.to_string()));
    strays(&folder, &mut found);
    let manifest = match Manifest::load(&folder, id) {
        Ok(manifest) => manifest,
        Err(error) => {
            found.error(&folder.join(MANIFEST), &error);
            return found;
        }
    };
    for name in manifest.tables.keys().filter(|name| TABLES.iter().all(|table| table.name != name.as_str())) {
        found.problem(&folder.join(MANIFEST), format!("it lists the unknown table `{name}`"));
    }
    if let Err(error) = BlockList::load(&folder, &manifest.blocks_sha256) {
        found.error(&folder.join(BLOCKS), &error);
    }
    for table in TABLES {
        let path = folder.join(file_name(table.name));
        let Some(info) = manifest.tables.get(table.name) else {
            found.problem(&path, "the manifest does not list this table");
            continue;
        };
        match verify_table(&path, &folder, info, &mut found.bytes) {
            Ok(()) => found.tables_sound += 1,
            Err(error) => found.error(&path, &error),
        }
    }
    found
}

/// Files that no commit puts into a snapshot's folder.
fn strays(folder: &Path, found: &mut Verification) {
    match files::list(folder) {
        Err(error) => found.error(folder, &error),
        Ok(names) => {
            for (name, is_dir) in names {
                let known =
                    name == MANIFEST || name == BLOCKS || TABLES.iter().any(|table| file_name(table.name) == name);
                if is_dir || !known {
                    found.problem(&folder.join(name), "it does not belong to the snapshot");
                }
            }
        }
    }
}

fn verify_table(path: &Path, folder: &Path, info: &TableInfo, bytes: &mut u64) -> Result<(), StoreError> {
    let mut file = snapshot::open(path, folder)?;
    let (length, sha256) = hash(&mut file).map_err(|error| StoreError::io("read", path, error))?;
    *bytes += length;
    snapshot::check_length(path, length, info)?;
    check_sha256(path, &sha256, &info.sha256)?;
    let rows = ParquetMetaDataReader::new()
        .parse_and_finish(&file)
        .map_err(|error| StoreError::integrity(path, error))?
        .file_metadata()
        .num_rows();
    if u64::try_from(rows) == Ok(info.rows) {
        return Ok(());
    }
    Err(StoreError::integrity(path, format!("it has {rows} rows, the manifest says {}", info.rows)))
}

fn hash(file: &mut File) -> std::io::Result<(u64, String)> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut hasher = Sha256::new();
    let mut length = 0;
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok((length, hex::encode(hasher.finalize()))),
            read => {
                hasher.update(&chunk[..read]);
                length += read as u64;
            }
        }
    }
}
