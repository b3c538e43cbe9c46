//! Readers of what `gcloud` and the APIs of Google Cloud and Cloud Identity write.
//!
//! All of them take lists, pages, lines of JSON and single objects alike, and any of their records in one file: a
//! reader is told by what a file begins with, a record by what it holds.

mod accounts;
mod activity;
mod assets;
mod complete;
mod conditions;
mod deny;
mod directory;
mod estate;
mod federation;
mod policy;
mod reconcile;
mod records;
mod resources;
mod roles;
mod value;

pub use complete::{at, complete};
pub use reconcile::{predefine, reconcile};

/// What of a binding's condition is left to decide, and when it ends.
pub fn conditioned(value: Option<&serde_json::Value>) -> (Option<String>, Option<i64>) {
    let found = policy::conditioned(value);
    (found.condition, found.expires_at)
}

use crate::platforms::input;

/// All readers, in the order in which they are asked.
pub const READERS: &[&dyn input::Reader] = &[
    &records::ASSETS,
    &records::POLICIES,
    &records::ACCOUNTS,
    &records::KEYS,
    &records::ROLES,
    &records::DENIES,
    &records::ACTIVITIES,
    &records::INSIGHTS,
    &records::HIERARCHY,
    &records::FEDERATION,
    &records::DIRECTORY,
    &records::DELEGATIONS,
];
