//! Readers of AWS export formats.

mod authorization;
mod authorization_records;
pub(super) mod document;
mod names;
mod secrets;
mod trust;

use crate::model::{Builder, Tables};
use crate::platforms::input::Reader;

/// Every AWS format, in the order in which they are tried.
pub const READERS: &[&dyn Reader] = &[&authorization::AuthorizationDetails];

/// See [`crate::platforms::Platform::reconcile`].
pub fn reconcile(_builders: &mut [Builder]) {}

/// See [`crate::platforms::Platform::complete`].
pub fn complete(_tables: &mut Tables) {}
