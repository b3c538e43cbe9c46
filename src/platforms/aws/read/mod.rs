//! Readers of AWS export formats, and what joins their sources.
//!
//! A reader makes rows of one file. [`reconcile`] looks at all of them together (two exports of one account, names
//! that another file explains), and [`complete`] at the joined tables (what is missing, who is human).

mod assignments;
mod authorization;
mod authorization_records;
mod complete;
mod credential_report;
pub(super) mod document;
mod identity_center;
mod last_accessed;
mod names;
mod nature;
mod organization;
mod other;
mod overlap;
mod reconcile;
mod resource_policy;
mod response;
mod secrets;
#[cfg(test)]
mod testing;
mod trail;
mod trust;

pub use complete::complete;
pub use document::{Document, Place, Target, decode, emit as emit_document, parse as parse_document};
pub use names::kind_of;
pub use nature::classify_these as classify;
pub use reconcile::reconcile;
pub use trust::{TrustPolicy, emit as emit_trust};

use crate::platforms::input::Reader;

/// Every AWS format, in the order in which they are tried.
pub const READERS: &[&dyn Reader] = &[
    &authorization::AuthorizationDetails,
    &credential_report::CredentialReport,
    &last_accessed::LastAccessed,
    &resource_policy::ResourcePolicies,
    &trail::CloudTrail,
    &organization::Organization,
    &identity_center::IdentityCenter,
    &other::OtherResponses,
];
