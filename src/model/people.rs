//! Governance tables: people, approvals and workflows.

use super::EntityId;
use crate::{names, record};

names! {
    /// Whether a person still belongs.
    pub enum PersonStatus {
        Active = "active",
        Leaver = "leaver",
        Unknown = "unknown",
    }
}

record! {
    /// A human being behind identities.
    table "people";
    pub struct Person {
        /// Id of the person.
        pub person: String,
        /// Their identity, where it is known.
        pub entity: Option<EntityId>,
        /// Whether they still belong.
        pub status: PersonStatus,
        /// First day.
        pub started_at: Option<i64>,
        /// Last day.
        pub left_at: Option<i64>,
        /// Id of their manager.
        pub manager: Option<String>,
        /// Department name.
        pub department: Option<String>,
    }
}

record! {
    /// Who must agree before something is granted.
    table "approvals";
    pub struct Approval {
        /// Role, entitlement or workflow that is approved.
        pub object: String,
        /// Who approves.
        pub approver: String,
        /// Whether approval is required.
        pub required: Option<bool>,
        /// How many must agree.
        pub quorum: Option<u32>,
        /// Days from one review to the next.
        pub cycle_days: Option<u32>,
        /// Latest review.
        pub last_reviewed_at: Option<i64>,
        /// Queue that requests go to.
        pub queue: Option<String>,
    }
}

record! {
    /// An automated process with an identity.
    table "workflows";
    pub struct Workflow {
        /// Id of the workflow.
        pub workflow: String,
        /// Business process that it serves.
        pub business_process: Option<String>,
        /// Who answers for its controls.
        pub control_owner: Option<String>,
        /// Identity that it runs as.
        pub principal: Option<EntityId>,
        /// Whether a model takes part.
        pub ai: Option<bool>,
        /// What it may do (`suggest`, `prepare`).
        pub functions: Vec<String>,
        /// Risk tier.
        pub tier: Option<String>,
        /// Queue that its requests go to.
        pub queue: Option<String>,
    }
}
