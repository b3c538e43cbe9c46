//! The vocabulary: what a snapshot is made of, with no idea of where it comes from or where it goes.
//!
//! Every table of the store is a record type here, declared with [`record!`](crate::record), so that the
//! struct, its Parquet schema and the data dictionary are one text. Times are UTC milliseconds since 1970.
//! `None` means *unknown* and is never written as zero.

mod access_table;
mod builder;
mod choke_point;
mod decision;
mod entity;
mod governance;
mod grant;
mod ids;
mod issue;
pub mod naming;
mod orphan;
mod peer;
pub mod rebuild;
mod record;
mod removal;
mod result;
mod snapshot;
#[cfg(test)]
pub mod testing;
pub mod text;

pub use access_table::{AccessTable, ClassRow, ClassTable};
pub use builder::{Builder, Handle};
pub use choke_point::{Change, ChokeKind, ChokePoint, Condition, Trustee};
pub use decision::{Certainty, Decision, Reason, Request, Verdict};
pub use entity::{Attribute, Entity, EntityKind, Membership, MembershipKind, Standing};
pub use governance::{
    Approval, Exception, ExceptionStatus, Identity, OwnerOrigin, OwnerStatus, Ownership, Person, PersonStatus,
    RoleBaseline, SodRule, Workflow,
};
pub use grant::{
    Attachment, AttachmentKind, Credential, CredentialKind, Effect, Grant, Granularity, Layer, Trust, TrustKind, Usage,
};
pub use ids::EntityId;
pub use issue::{Issue, IssueSeverity};
pub use orphan::{Orphan, OrphanReason};
pub use peer::{CohortKind, Peer};
pub use record::{Cell, ColumnReader, ColumnSpec, ColumnType, ColumnWriter, Record, TypeMismatch};
pub use removal::{Removal, RemovalVerdict};
pub use result::{Access, Assist, Edge, Finding, FindingState, Metric, Path, Score, Severity, TargetSet};
pub use snapshot::{Coverage, Results, Source, SourceId, Tables};
