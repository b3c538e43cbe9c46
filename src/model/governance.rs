//! Governance tables: people and their identities, owners, approvals, workflows, role baselines, rules of segregation
//! of duties, and exceptions.
//!
//! They are the source of truth that an organisation keeps beside its platforms. What a table refers to is an
//! [`EntityId`] once it is resolved; `None` where nothing of that name is in the snapshot, and then an issue says so.

use super::{EntityId, Severity, SourceId};
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
        /// Name as people write it.
        pub name: Option<String>,
        /// Address by which other sources know them.
        pub email: Option<String>,
        /// Their first identity, where one is known; all of them are in the table `identities`.
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
        /// Source of the record.
        pub source: SourceId,
        /// Place in that source.
        pub record: String,
    }
}

record! {
    /// An identity of a person on a platform.
    table "identities";
    pub struct Identity {
        /// Id of the person.
        pub person: String,
        /// Their identity.
        pub entity: EntityId,
        /// How it is known: `declared` in a table, or by the same `email`.
        pub method: String,
        /// How sure it is, 0 to 1.
        pub confidence: f64,
    }
}

names! {
    /// Where the knowledge of an owner comes from, the surest first.
    pub enum OwnerOrigin {
        /// A row of an owners table.
        Declared = "declared",
        /// The platform's own owner field (owner of an application or a group).
        OwnerField = "owner_field",
        /// A tag, label or annotation that names an owner or a team.
        Tag = "tag",
        /// Who created it, by a record of the creation.
        Creator = "creator",
        /// The control owner of the workflow that runs as it.
        Workflow = "workflow",
    }
}

names! {
    /// What the name of an owner turned out to be.
    pub enum OwnerStatus {
        /// A person who belongs, or a group with at least one.
        Active = "active",
        /// A person who left.
        Departed = "departed",
        /// A person whose identities are all disabled.
        Disabled = "disabled",
        /// A group without an active human member.
        EmptyGroup = "empty_group",
        /// Names nobody who is known.
        Dangling = "dangling",
        /// Nothing in the input says who people are.
        Unknown = "unknown",
    }
}

record! {
    /// A statement of one source about who owns an entity. `entities.owner` is the surest of them.
    table "owners";
    pub struct Ownership {
        /// What is owned.
        pub entity: EntityId,
        /// The owner, as the source names them.
        pub owner: String,
        /// Id of the person, where the name is one's.
        pub person: Option<String>,
        /// The group, where the name is a group's.
        pub group: Option<EntityId>,
        /// Kind of source.
        pub origin: OwnerOrigin,
        /// What the owner turned out to be.
        pub status: OwnerStatus,
        /// How sure it is, 0 to 1.
        pub confidence: f64,
        /// What says so, in words.
        pub evidence: String,
        /// Source of the record.
        pub source: SourceId,
        /// Place in that source.
        pub record: String,
    }
}

record! {
    /// Who must agree before something is granted.
    table "approvals";
    pub struct Approval {
        /// Role, entitlement or workflow that is approved, as the source names it.
        pub object: String,
        /// The same as an entity; null for a workflow and for what is not known.
        pub entity: Option<EntityId>,
        /// Who approves: id of a person, or name of a group.
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
        /// Source of the record.
        pub source: SourceId,
        /// Place in that source.
        pub record: String,
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
        /// Who answers for its controls: id of a person.
        pub control_owner: Option<String>,
        /// Identity that it runs as.
        pub principal: Option<EntityId>,
        /// Whether a model takes part.
        pub ai: Option<bool>,
        /// What it may do (`suggest`, `prepare`, `execute`).
        pub functions: Vec<String>,
        /// Risk tier.
        pub tier: Option<String>,
        /// Queue that its requests go to.
        pub queue: Option<String>,
        /// Queues whose requests it carries out: what a connector or a pipeline is. Each is named as in `queue`, or by the
        /// full id of the entity that it is.
        pub takes_from: Vec<String>,
        /// What it may only propose changes to: full ids, and names with `*` and `?` as wildcards; empty when no table says.
        pub proposes: Vec<String>,
        /// Source of the record.
        pub source: SourceId,
        /// Place in that source.
        pub record: String,
    }
}

record! {
    /// What a principal needs for its job, one row a permission.
    table "role_baselines";
    pub struct RoleBaseline {
        /// Name of the baseline (a job, a role of the organisation).
        pub baseline: String,
        /// Principal that it is declared for.
        pub entity: EntityId,
        /// Actions that it needs, with `*` and `?` as wildcards.
        pub actions: Vec<String>,
        /// Resources that it needs them on; empty for any.
        pub resources: Vec<String>,
        /// Source of the record.
        pub source: SourceId,
        /// Place in that source.
        pub record: String,
    }
}

record! {
    /// Two duties that one person or process must not hold together.
    table "sod_rules";
    pub struct SodRule {
        /// Id of the rule.
        pub rule: String,
        /// What it keeps apart, for people.
        pub title: String,
        /// First duty: actions with wildcards (`service:Action`), or principals as `principal:NAME`; any of them is the duty.
        pub left: Vec<String>,
        /// Second duty, in the same way.
        pub right: Vec<String>,
        /// How urgent a conflict is.
        pub severity: Option<Severity>,
        /// Source of the record.
        pub source: SourceId,
        /// Place in that source.
        pub record: String,
    }
}

names! {
    /// What an exception is worth at the time of the scan.
    pub enum ExceptionStatus {
        /// It covers what it matches.
        Active = "active",
        /// Its time is over: what it covered is back.
        Expired = "expired",
        /// It breaks a rule for exceptions and covers nothing; the column `problem` says which.
        Invalid = "invalid",
        /// It is valid and matches nothing.
        Unmatched = "unmatched",
    }
}

record! {
    /// A decision to accept findings for a time.
    table "exceptions";
    pub struct Exception {
        /// Id of the exception.
        pub exception: String,
        /// Rule that it covers; null for any.
        pub rule: Option<String>,
        /// Principals that it covers: full id or name, with `*` and `?` as wildcards; null for any.
        pub principal: Option<String>,
        /// Resources that it covers, in the same way; null for any.
        pub resource: Option<String>,
        /// Domain that it covers; null for any.
        pub domain: Option<String>,
        /// Why.
        pub reason: Option<String>,
        /// Who asked for it and answers for it: id of a person.
        pub owner: Option<String>,
        /// Who decided: id of another person.
        pub approved_by: Option<String>,
        /// First day.
        pub created_at: Option<i64>,
        /// Last day.
        pub expires_at: Option<i64>,
        /// Ticket that documents the decision.
        pub ticket: Option<String>,
        /// What it is worth now.
        pub status: ExceptionStatus,
        /// What is wrong with it, in words.
        pub problem: Option<String>,
        /// Findings of this scan that it covers, or would if it were not expired or invalid.
        pub matched_n: u32,
        /// Source of the record.
        pub source: SourceId,
        /// Place in that source.
        pub record: String,
    }
}
