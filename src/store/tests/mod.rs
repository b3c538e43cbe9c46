//! The store against its promises: what is read is what was written, a crash leaves a whole store, damage is found.

mod commit;
mod damage;
mod round_trip;
mod sample;

use std::path::{Path, PathBuf};

use super::{Commit, Manifest, Store, StoreError, files};
use crate::model::{Results, Tables};

/// 2026-11-22T05:30:00Z.
pub(super) const AS_OF: i64 = 1_795_325_400_000;
pub(super) const DAY_MILLIS: i64 = 86_400_000;

pub(super) fn commit<'a>(as_of: i64, tables: &'a Tables, results: &'a Results) -> Commit<'a> {
    Commit {
        as_of,
        engine_version: "1.2.3",
        config_digest: "c0ffee".to_owned(),
        tables,
        results,
        incomplete: vec!["2 records of `iam.json` were skipped".to_owned()],
    }
}

/// A store with snapshots of the given times, each of a content of its own.
pub(super) fn store_with(times: &[i64]) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_or_create(dir.path()).unwrap();
    for (seed, &as_of) in times.iter().enumerate() {
        put(&store, as_of, seed as u64).unwrap();
    }
    (dir, store)
}

/// Commits a small snapshot whose content is that of the seed.
pub(super) fn put(store: &Store, as_of: i64, seed: u64) -> Result<Manifest, StoreError> {
    let (tables, results) = sample::snapshot(seed, 3);
    store.writer()?.commit(commit(as_of, &tables, &results))
}

pub(super) fn ids(store: &Store) -> Vec<String> {
    store.snapshots().unwrap().into_iter().map(|manifest| manifest.snapshot).collect()
}

/// Every file under a directory with its content, by relative path.
pub(super) fn content(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for (name, is_dir) in files::list(dir).unwrap() {
        let path = dir.join(&name);
        if is_dir {
            let inside = content(&path).into_iter().map(|(below, bytes)| (Path::new(&name).join(below), bytes));
            all.extend(inside);
        } else {
            all.push((PathBuf::from(name), std::fs::read(path).unwrap()));
        }
    }
    all
}

/// Inverts the bits of one byte.
pub(super) fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0xFF;
    std::fs::write(path, bytes).unwrap();
}
