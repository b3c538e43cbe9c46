//! Runs every folder of `tests/changes/cases/`.
//!
//! A folder has a draft (`draft.` and any ending), `expected.json`, and a snapshot: `export/` of its own, or the one that
//! `expected.json` names from the root of the repository. Expected are the form, all operations, and the notes by kind
//! and a text that each contains; or `errors` by place and text. What is expected applies to the snapshot, unless
//! `applies` is false.

use std::fs;
use std::path::Path;

use overgrant::change::{NoteKind, apply, digest, read};
use serde_json::Value;

use super::{of, root, scanned};

fn draft(folder: &Path) -> (String, Vec<u8>) {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let found = files.iter().find(|path| path.file_stem().is_some_and(|stem| stem == "draft")).expect("a draft");
    (found.file_name().unwrap().to_string_lossy().into_owned(), fs::read(found).unwrap())
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn run(folder: &Path) -> Result<(), String> {
    let expected: Value = serde_json::from_str(&fs::read_to_string(folder.join("expected.json")).unwrap())
        .map_err(|why| why.to_string())?;
    let export = match expected["export"].as_str() {
        Some(other) => root().join(other),
        None => folder.join("export"),
    };
    let tables = scanned(&export);
    let (name, bytes) = draft(folder);
    let found = match read(&bytes, &name, &tables) {
        Ok(found) => found,
        Err(errors) => {
            let wanted = expected["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
            let right = errors.len() == wanted.len()
                && errors.iter().zip(wanted).all(|(error, wanted)| {
                    error.pointer == text(wanted, "pointer") && error.to_string().contains(text(wanted, "contains"))
                });
            let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
            return if right { Ok(()) } else { Err(format!("errors {said:#?}")) };
        }
    };
    if expected.get("errors").is_some() {
        return Err(format!("no errors, but {:#?}", found.set.changes));
    }
    if found.form != text(&expected, "form") {
        return Err(format!("form {}", found.form));
    }
    let changes = serde_json::to_value(&found.set.changes).unwrap();
    if changes != expected["changes"] {
        return Err(format!("changes {changes:#}\nnotes {:#?}", found.notes));
    }
    let wanted = expected["notes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fits = |note: &overgrant::change::Note, wanted: &Value| {
        Some(note.kind) == NoteKind::parse(text(wanted, "kind")) && note.message.contains(text(wanted, "contains"))
    };
    if found.notes.len() != wanted.len() || !found.notes.iter().zip(wanted).all(|(note, wanted)| fits(note, wanted)) {
        return Err(format!("notes {:#?}", found.notes));
    }
    if expected["applies"] != Value::Bool(false) {
        let applied = apply(&tables, &found.set).map_err(|errors| format!("does not apply: {errors:#?}"))?;
        let back = apply(&applied.tables, &of(&applied.inverse)).map_err(|errors| format!("stays: {errors:#?}"))?;
        if digest(&back.tables) != digest(&tables) {
            return Err("is not undone".to_owned());
        }
    }
    Ok(())
}

#[test]
fn every_draft_becomes_what_is_expected() {
    let mut folders: Vec<_> =
        fs::read_dir(root().join("tests/changes/cases")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() > 10, "{} folders", folders.len());
    let failed: Vec<String> = folders
        .iter()
        .filter_map(|folder| run(folder).err().map(|why| format!("{}: {why}", folder.display())))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
