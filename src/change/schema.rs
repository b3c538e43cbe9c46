//! The published schema of the normal form.

/// JSON Schema (draft 2020-12) of the normal form of a change set.
#[must_use]
pub fn schema() -> &'static str {
    include_str!("../../datasets/schema/change-set.schema.json")
}
