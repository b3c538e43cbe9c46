//! Other forms of drafts, turned into operations.
//!
//! Each form is recognised by its content. What a form cannot say, or says in words that are not read, becomes a note,
//! so that a draft is never taken for less than it is. Where a form names things as people do, the snapshot decides what
//! is meant.

mod diff;
mod fit;
mod manifest;
mod pair;
mod patch;
mod scim;
pub mod strict;
mod table;
mod terraform;

use serde_json::Value;

use super::decode::Errors;
use super::error::ChangeError;
use super::read::{Note, NoteKind};
use super::set::Change;
use crate::model::{Issue, Tables};

pub use patch::{is_patched, patched};

/// What a document turned into.
#[derive(Debug, Default)]
pub struct Converted {
    /// Name of its form.
    pub form: &'static str,
    pub changes: Vec<Change>,
    /// Contents of statements that go.
    pub gone: diff::Gone,
    pub notes: Vec<Note>,
    pub errors: Errors,
}

impl Converted {
    fn failed(form: &'static str, error: ChangeError) -> Self {
        Self { form, errors: vec![error], ..Self::default() }
    }
}

/// Notes while a document is read.
#[derive(Debug, Default)]
struct Sink {
    notes: Vec<Note>,
    left_out: Vec<Note>,
}

impl Sink {
    fn note(&mut self, kind: NoteKind, pointer: &str, message: String) {
        self.notes.push(Note { kind, pointer: pointer.to_owned(), message });
    }

    /// What readers of a platform could not use.
    fn issues(&mut self, issues: &[Issue]) {
        for issue in issues {
            let kind = if issue.code == "value_unknown" { NoteKind::UnknownValue } else { NoteKind::NotConverted };
            self.note(kind, &issue.record, issue.message.clone());
        }
    }
}

/// Turns a JSON document into operations, at this place of the input; `None` when it is of no form that is known.
pub fn of_value(value: &Value, tables: &Tables, at: &str) -> Option<Converted> {
    let converted = if terraform::is_plan(value) {
        terraform::convert(value, tables, at)
    } else if scim::is_request(value) {
        scim::convert(value, tables, at)
    } else if pair::is_pair(value) {
        pair::convert(value, tables, at)
    } else {
        return manifest::convert(&value.to_string(), tables, at);
    };
    Some(fit::fit(converted, tables, at))
}

/// Turns a text that is no JSON into operations; `None` when it is of no form that is known.
pub fn of_text(text: &str, tables: &Tables, at: &str) -> Option<Converted> {
    if table::is_table(text) {
        return Some(table::convert(text, tables, at));
    }
    manifest::convert(text, tables, at)
}
