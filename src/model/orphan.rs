//! Non-human identities that nobody answers for or needs: why, since when, and who might take them over.

use super::EntityId;
use crate::{names, record};

names! {
    /// Why a non-human identity counts as orphaned or neglected.
    pub enum OrphanReason {
        /// No source names an owner, and sources do name owners of others like it.
        Ownerless = "ownerless",
        /// Its owner left.
        OwnerDeparted = "owner-departed",
        /// All identities of its owner are disabled.
        OwnerDisabled = "owner-disabled",
        /// The name of its owner is nobody's.
        OwnerDangling = "owner-dangling",
        /// Its owner is a group without an active human member.
        OwnerGroupEmpty = "owner-group-empty",
        /// The workload or principal that used it no longer exists.
        ConsumerGone = "consumer-gone",
        /// It works, and was not used for long.
        Stale = "stale",
        /// It works, was made long ago, and was never used.
        NeverUsed = "never-used",
        /// Somebody who left could use its credential, and the credential is still the same.
        PartiallyOffboarded = "partially-offboarded",
    }
}

record! {
    /// One reason for which a non-human identity is orphaned or neglected, with a proposal for who may take it over.
    table "orphans";
    pub struct Orphan {
        /// The identity.
        pub entity: EntityId,
        /// Why.
        pub reason: OrphanReason,
        /// Since when it is so; null when no record tells.
        pub since: Option<i64>,
        /// What tells `since`, in words.
        pub since_source: Option<String>,
        /// What is not known and would decide whether it is so; null when it is certain.
        pub undetermined: Option<String>,
        /// What it stands on, one fact each.
        pub evidence: Vec<String>,
        /// Who may answer for it: id of a person, full id of a group, or a name as a source writes it; null when nothing suggests anyone, or when its owner is there.
        pub proposed_owner: Option<String>,
        /// How sure the proposal is, 0 to 1.
        pub proposed_confidence: Option<f64>,
        /// What the proposal stands on, one fact each.
        pub proposed_evidence: Vec<String>,
    }
}
