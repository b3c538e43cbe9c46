//! From bytes to a change set, whatever form they are in.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::convert::{self, Converted, strict};
use super::error::ChangeError;
use super::set::{Author, AuthorKind, ChangeSet, FORMAT, Intent};
use crate::model::Tables;
use crate::names;

/// Bytes of a draft that are read.
pub const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Form of drafts that are written in the normal form.
const NORMAL: &str = "change_set";
/// Field of a change set that holds a document of another form, in place of `changes`.
const DOCUMENT: &str = "document";

names! {
    /// Why a conversion says something beside its operations.
    pub enum NoteKind {
        /// A value is not known before the change is made (Terraform's "known after apply").
        UnknownValue = "unknown_value",
        /// Something changes that no operation of the form says.
        NotConverted = "not_converted",
        /// The input does not say something that a change set has to, and the cautious reading was taken.
        Assumed = "assumed",
    }
}

/// Something that the operations do not say. Any note raises the verdict to at least `needs_human`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Note {
    /// Why it is there.
    pub kind: NoteKind,
    /// Place in the input: a JSON pointer, `line N`, or `document N` and a pointer.
    pub pointer: String,
    /// One sentence for a person, with names in backticks.
    pub message: String,
}

/// A change set, and what could not be said with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// Form of the input: `change_set`, or what it was converted from.
    pub form: &'static str,
    /// The change set.
    pub set: ChangeSet,
    /// What it does not say, in the order of the input.
    pub notes: Vec<Note>,
}

/// Reads a draft in whatever form it is in: the normal form, the normal form around a document of another form, or such
/// a document alone. Names are looked up in the snapshot.
///
/// A document alone does not say who drafts it and what for. Then the author is taken to be an AI that nobody knows, no
/// added access is declared, and a note says so.
///
/// # Errors
/// Everything that is wrong with it, with its places.
pub fn read(bytes: &[u8], name: &str, tables: &Tables) -> Result<Read, Vec<ChangeError>> {
    let found = text_of(bytes).and_then(|text| of_text(text, tables));
    found.map_err(|errors| errors.into_iter().map(|error| error.within(name)).collect())
}

fn text_of(bytes: &[u8]) -> Result<&str, Vec<ChangeError>> {
    let fail = |problem: String, hint: &str| Err(vec![ChangeError::new("", problem).hint(hint)]);
    if bytes.len() > BYTES_MAX {
        return fail(format!("it has {} bytes; at most {BYTES_MAX} are read", bytes.len()), "split the draft");
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => fail("it is empty".to_owned(), "see docs/changes.md"),
        Ok(text) => Ok(text.trim_start_matches('\u{FEFF}')),
        Err(_) => fail("it is no UTF-8 text".to_owned(), "see docs/changes.md"),
    }
}

fn of_text(text: &str, tables: &Tables) -> Result<Read, Vec<ChangeError>> {
    if !text.trim_start().starts_with(['{', '[']) {
        let converted = convert::of_text(text, tables, "").ok_or_else(unknown)?;
        return alone(text, converted);
    }
    let value = strict::parse(text)?;
    if convert::is_patched(&value) {
        let patched = convert::patched(&value).map_err(|error| vec![error])?;
        return of_value(text, &patched, tables);
    }
    of_value(text, &value, tables)
}

fn of_value(text: &str, value: &Value, tables: &Tables) -> Result<Read, Vec<ChangeError>> {
    match value {
        Value::Object(fields) if fields.contains_key(DOCUMENT) => around(fields, tables),
        Value::Object(fields) if fields.contains_key("changes") || fields.contains_key("draft_id") => {
            Ok(Read { form: NORMAL, set: ChangeSet::from_value(value)?, notes: Vec::new() })
        }
        value => alone(text, convert::of_value(value, tables, "").ok_or_else(unknown)?),
    }
}

fn unknown() -> Vec<ChangeError> {
    let error = ChangeError::new("", "it is no change set, and of no form that converts to one");
    vec![error.hint("docs/changes.md describes all of them")]
}

/// A change set that holds a document of another form.
fn around(fields: &Map<String, Value>, tables: &Tables) -> Result<Read, Vec<ChangeError>> {
    let mut set = fields.clone();
    let document = set.remove(DOCUMENT).unwrap_or(Value::Null);
    let at = format!("/{DOCUMENT}");
    if set.contains_key("changes") {
        let error = ChangeError::new(&at, "a change set has either `changes` or a `document`");
        return Err(vec![error.hint("draft the two apart")]);
    }
    set.insert("changes".to_owned(), json!([]));
    let mut errors = Vec::new();
    let envelope = ChangeSet::from_value(&Value::Object(set)).map_err(|more| errors.extend(more)).ok();
    let converted = match &document {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => match strict::parse(text) {
            Ok(value) => convert::of_value(&value, tables, &at),
            Err(more) => {
                errors.extend(more.into_iter().map(|error| ChangeError { pointer: at.clone(), ..error }));
                None
            }
        },
        Value::String(text) => convert::of_text(text, tables, &at),
        value => convert::of_value(value, tables, &at),
    };
    match converted {
        Some(converted) => {
            errors.extend(converted.errors);
            match envelope {
                Some(set) if errors.is_empty() => {
                    let set = ChangeSet { changes: converted.changes, ..set };
                    checked(Read { form: converted.form, set, notes: converted.notes })
                }
                _ => Err(errors),
            }
        }
        None => {
            errors.extend(unknown().into_iter().map(|error| ChangeError { pointer: at.clone(), ..error }));
            Err(errors)
        }
    }
}

/// A document of another form alone.
fn alone(text: &str, converted: Converted) -> Result<Read, Vec<ChangeError>> {
    let Converted { form, changes, mut notes, errors, .. } = converted;
    if !errors.is_empty() {
        return Err(errors);
    }
    let digest = hex::encode(Sha256::digest(text.as_bytes()));
    notes.push(Note {
        kind: NoteKind::Assumed,
        pointer: String::new(),
        message: "the draft does not say who drafts it and what for: its author is taken to be an unknown AI, and no \
                  added access is declared"
            .to_owned(),
    });
    let set = ChangeSet {
        format: FORMAT,
        draft_id: format!("{form}-{}", &digest[..16]),
        author: Author { kind: AuthorKind::Ai, id: "unknown".to_owned(), model: None, on_behalf_of: None },
        workflow: None,
        ticket: None,
        domain: None,
        snapshot: None,
        prompt_sha256: None,
        context_sha256: None,
        intent: Intent { task: "not stated".to_owned(), grants: Vec::new(), until: None },
        exceptions: Vec::new(),
        approvals: Vec::new(),
        changes,
    };
    checked(Read { form, set, notes })
}

/// Holds operations that were made from another form against the rules of the normal form.
fn checked(read: Read) -> Result<Read, Vec<ChangeError>> {
    ChangeSet::from_value(&read.set.to_value()).map(|set| Read { set, ..read })
}
