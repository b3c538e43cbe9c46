//! From bytes to a change set, whatever form they are in.

use super::set::ChangeSet;
use crate::names;

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
