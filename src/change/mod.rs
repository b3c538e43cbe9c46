//! Change sets: what somebody wants to be otherwise, in one form, and what the snapshot would be then.
//!
//! [`read()`] takes the normal form or any form that converts to it, [`apply`] makes the operations in a copy of the
//! tables and gives the operations that undo them. Nothing here writes to an identity system.

mod apply;
mod convert;
mod decode;
mod digest;
mod error;
pub mod gate;
mod named;
mod read;
mod schema;
mod set;

pub use apply::{Applied, SOURCE_KIND, apply};
pub use decode::{FieldSpec, Time};
pub use digest::{digest, sha256};
pub use error::ChangeError;
pub use named::{Named, named};
pub use read::{BYTES_MAX, Note, NoteKind, Read, read};
pub use schema::schema;
pub use set::{
    Activity, ApprovalGiven, ApprovalTerms, Author, AuthorKind, CHANGES_MAX, Change, ChangeSet, DeclaredException,
    ExceptionKind, ExceptionTerms, FORMAT, Intent, IntentGrant, OwnerTerms, TrustRow, Trustee,
};
