//! Readers of Vault's answers (`vault read -format=json …`), policies as text, and audit logs.

mod answers;
mod audit;
mod auth;
mod complete;
mod engines;
mod identity;
mod policies;
mod record;
mod tokens;

pub use complete::{complete, reconcile, with_subject};

use crate::platforms::input;

/// All readers, in the order in which they are asked. Audit entries have a request besides what answers have.
pub const READERS: &[&dyn input::Reader] = &[&audit::AuditLog, &policies::PolicyText, &answers::Answers];
