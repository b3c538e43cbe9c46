//! Change sets: what they convert from, what they do to a snapshot, and that they can be undone.
//!
//! [`fixtures`] runs every folder of `tests/changes/cases/`; [`property`] makes random operations on the exports of
//! `tests/cases/` and undoes them; [`parity`] holds changed tables against scans of exports that were changed by hand;
//! [`form`] holds the normal form against its schema.

mod fixtures;
mod form;
mod parity;
mod property;

use std::path::{Path, PathBuf};

use overgrant::change::{Change, ChangeSet};
use overgrant::model::Tables;
use overgrant::platforms::{ALL, input};
use serde_json::{Value, json};

/// The tables of the exports under a path.
fn scanned(path: &Path) -> Tables {
    input::read_all(&[path.to_path_buf()], ALL, &|_| {}).join(ALL)
}

/// The tables of texts.
fn read(files: &[(&str, &str)]) -> Tables {
    input::read_texts(files.iter().map(|&(path, text)| (path, text.as_bytes())), ALL).join(ALL)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A change set with these operations.
fn set(changes: &Value) -> ChangeSet {
    let value = json!({
        "format": 1, "draft_id": "test", "author": {"kind": "human", "id": "P1"}, "intent": {"task": "a test"},
        "changes": changes,
    });
    ChangeSet::from_value(&value).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// The same with operations that there are.
fn of(changes: &[Change]) -> ChangeSet {
    set(&serde_json::to_value(changes).unwrap())
}
