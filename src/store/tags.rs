//! Names that people give to snapshots, such as `baseline`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{StoreError, files};
use crate::folder;

/// Name of the file in the store's directory.
pub(super) const TAGS: &str = "tags.json";
/// Version of the file's layout.
const TAGS_FORMAT: u32 = 1;
/// Characters of a tag at most.
const TAG_LENGTH_MAX: usize = 64;

#[derive(Serialize, Deserialize)]
struct TagFile {
    format: u32,
    tags: BTreeMap<String, String>,
}

/// Refuses what could be taken for an id or needs quoting in a shell.
pub(super) fn check(tag: &str) -> Result<(), StoreError> {
    let refuse = |reason| Err(StoreError::InvalidTag { tag: tag.to_owned(), reason });
    if !tag.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return refuse("it does not begin with a letter");
    }
    if tag.len() > TAG_LENGTH_MAX {
        return refuse("it is too long");
    }
    if !tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return refuse("it has other characters than letters, digits, `.`, `_` and `-`");
    }
    Ok(())
}

/// All tags and the ids that they name; none when there is no file.
pub(super) fn load(dir: &Path) -> Result<BTreeMap<String, String>, StoreError> {
    let path = dir.join(TAGS);
    let text = match files::read_text(&path) {
        Err(StoreError::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        other => other?,
    };
    let file: TagFile = serde_json::from_str(&text)
        .map_err(|error| StoreError::integrity(&path, format!("not a valid list of tags: {error}")))?;
    if file.format != TAGS_FORMAT {
        return Err(StoreError::Version {
            path,
            what: "tag list",
            found: file.format,
            known: TAGS_FORMAT,
            made_by: "another engine".to_owned(),
        });
    }
    Ok(file.tags)
}

pub(super) fn save(dir: &Path, tags: BTreeMap<String, String>) -> Result<(), StoreError> {
    let mut text = serde_json::to_string_pretty(&TagFile { format: TAGS_FORMAT, tags }).unwrap_or_default();
    text.push('\n');
    Ok(folder::replace(dir, TAGS, text.as_bytes())?)
}
