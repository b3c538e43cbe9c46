//! Things that hold, give or are rights, and how they nest.

use super::{EntityId, SourceId};
use crate::{names, record};

names! {
    /// What an entity is, across platforms.
    pub enum EntityKind {
        User = "user",
        Group = "group",
        Role = "role",
        /// A named bundle of permissions: an AWS managed policy, SCP or permission set, a role definition.
        RoleDefinition = "role_definition",
        ServiceAccount = "service_account",
        Application = "application",
        Workload = "workload",
        Agent = "agent",
        Credential = "credential",
        Resource = "resource",
        /// Something with an inside: an account, a tenant, a cluster, an organisational unit.
        Scope = "scope",
        /// Known only by reference: it lives outside what was exported.
        External = "external",
    }
}

impl EntityKind {
    /// Whether entities of this kind act: they hold permissions and use them.
    #[must_use]
    pub const fn is_principal(self) -> bool {
        matches!(
            self,
            Self::User | Self::Role | Self::ServiceAccount | Self::Application | Self::Workload | Self::Agent
        )
    }
}

record! {
    /// A thing of one snapshot: principal, group, policy, resource, scope, or a name that others refer to.
    table "entities";
    pub struct Entity {
        /// Number of the entity: its place among all ids in byte order.
        pub entity: EntityId,
        /// Full identifier on its platform (an ARN on AWS), or `platform:kind/name` where the platform has none.
        pub id: String,
        /// Platform that the entity belongs to, by registry name.
        pub platform: String,
        /// Id of the scope that contains the entity (an account, tenant or cluster); null for a top-level scope.
        pub scope: Option<String>,
        /// Policy domain: by the entity's own label, else by that of the nearest scope that it is in; null where nothing
        /// around it has one, or scopes equally near differ.
        pub domain: Option<String>,
        /// What the entity is.
        pub kind: EntityKind,
        /// Name as people write it.
        pub name: String,
        /// Path-free unique id that the platform gives (`AIDA…`, `AROA…`), by which deleted principals are known.
        pub unique_id: Option<String>,
        /// Whether the entity is defined by an export; false for what is only referred to.
        pub present: bool,
        /// Whether a principal is a non-human identity; null for what is no principal, or is undecided.
        pub nhi: Option<bool>,
        /// Evidence for `nhi`, in words.
        pub nhi_reason: Option<String>,
        /// Whether the entity can be used at all.
        pub enabled: Option<bool>,
        /// Environment label (`prod`, `test`, …).
        pub env: Option<String>,
        /// Weight of the entity as a target, 1 by default.
        pub criticality: Option<f64>,
        /// Whether the entity is in the protected zone.
        pub protected: bool,
        /// Why the entity is in the protected zone.
        pub protected_reason: Option<String>,
        /// When it was created.
        pub created_at: Option<i64>,
        /// Latest use known.
        pub last_used_at: Option<i64>,
        /// Which kind of source `last_used_at` comes from.
        pub last_used_source: Option<String>,
        /// Owner, as named by the export.
        pub owner: Option<String>,
        /// State of the owner (`active`, `departed`, `dangling`, …).
        pub owner_status: Option<String>,
        /// How sure the owner is, 0 to 1.
        pub owner_confidence: Option<f64>,
        /// Source that defined the entity.
        pub source: Option<SourceId>,
        /// Place in that source: a JSON pointer or a line.
        pub record: Option<String>,
    }
}

impl Entity {
    /// An entity of which nothing is known but its identity.
    #[must_use]
    pub fn named(id: &str, platform: &str, kind: EntityKind, name: &str) -> Self {
        Self {
            entity: EntityId(0),
            id: id.to_owned(),
            platform: platform.to_owned(),
            scope: None,
            domain: None,
            kind,
            name: name.to_owned(),
            unique_id: None,
            present: false,
            nhi: None,
            nhi_reason: None,
            enabled: None,
            env: None,
            criticality: None,
            protected: false,
            protected_reason: None,
            created_at: None,
            last_used_at: None,
            last_used_source: None,
            owner: None,
            owner_status: None,
            owner_confidence: None,
            source: None,
            record: None,
        }
    }

    /// Whether the entity is defined by an export and acts.
    #[must_use]
    pub fn is_principal(&self) -> bool {
        self.present && self.kind.is_principal()
    }

    /// Whether the entity is the root user of an AWS account, which no policy binds.
    #[must_use]
    pub fn is_account_root(&self) -> bool {
        self.platform == "aws" && self.id.starts_with("arn:") && self.id.ends_with(":root")
    }

    /// Fills what is unknown here from another record of the same entity, and keeps what is known.
    pub fn absorb(&mut self, other: Self) {
        if other.present && !self.present {
            self.kind = other.kind;
            self.name = other.name;
            self.source = None;
            self.record = None;
            self.present = true;
        }
        macro_rules! fill { ($($field:ident),+) => { $( if self.$field.is_none() { self.$field = other.$field; } )+ } }
        fill!(scope, domain, unique_id, nhi, nhi_reason, enabled, env, criticality, created_at);
        fill!(owner, owner_status, owner_confidence, source, record);
        if other.last_used_at > self.last_used_at {
            self.last_used_at = other.last_used_at;
            self.last_used_source = other.last_used_source;
        }
        self.protected |= other.protected;
        if self.protected_reason.is_none() {
            self.protected_reason = other.protected_reason;
        }
    }
}

names! {
    /// How one entity is in another.
    pub enum MembershipKind {
        /// A principal or group is a member of a group.
        MemberOf = "member_of",
        /// The container (second) holds the member inside it: an organisational unit and its accounts.
        Contains = "contains",
        /// A workload runs with the rights of an identity.
        RunsAs = "runs_as",
        /// The member owns the container.
        Owns = "owns",
    }
}

names! {
    /// Whether a right is there all the time.
    pub enum Standing {
        Active = "active",
        Eligible = "eligible",
    }
}

record! {
    /// One entity in another.
    table "memberships";
    pub struct Membership {
        /// The one that is in.
        pub member: EntityId,
        /// What it is in.
        pub container: EntityId,
        /// In which way.
        pub kind: MembershipKind,
        /// Whether it holds all the time or must be activated first.
        pub standing: Standing,
        /// When it ends by itself.
        pub expires_at: Option<i64>,
        /// Source of the record.
        pub source: SourceId,
        /// Place in that source.
        pub record: String,
    }
}

record! {
    /// A fact about one entity as a key and a value: tags (`tag:team`), instance profiles, policy versions.
    table "attributes";
    pub struct Attribute {
        /// Whom the fact is about.
        pub entity: EntityId,
        /// Name of the fact; a tag's is `tag:` and its key.
        pub key: String,
        /// Its value.
        pub value: String,
    }
}
