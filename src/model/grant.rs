//! Rights as the exports state them: statements, where they are attached, who trusts whom, with what proof.

use super::{EntityId, SourceId};
use crate::{names, record};

names! {
    /// Whether a statement gives or takes away.
    pub enum Effect {
        Allow = "allow",
        Deny = "deny",
    }
}

names! {
    /// Which part of an evaluation a statement takes part in.
    pub enum Layer {
        Identity = "identity",
        /// A policy of the thing acted on; a role's trust policy is one.
        Resource = "resource",
        Boundary = "boundary",
        Scp = "scp",
        Rcp = "rcp",
        Session = "session",
        DenyPolicy = "deny_policy",
        /// A statement of a policy version that is kept but not in force.
        Inactive = "inactive",
    }
}

record! {
    /// One statement of one policy.
    table "grants";
    pub struct Grant {
        /// Number of the statement.
        pub grant: u32,
        /// Who holds it: a principal or group (inline), a policy (managed), or the resource it is attached to.
        pub holder: EntityId,
        /// Gives or takes away.
        pub effect: Effect,
        /// Action patterns that it is about; empty when `not_actions` is used.
        pub actions: Vec<String>,
        /// Action patterns that it is about everything but.
        pub not_actions: Vec<String>,
        /// Resource patterns that it is about; empty for a policy that is attached to the one resource it means.
        pub resources: Vec<String>,
        /// Resource patterns that it is about everything but.
        pub not_resources: Vec<String>,
        /// Principals that a resource policy names, as `Kind:value` (`AWS:arn…`, `Service:…`, `Federated:…`) or `*`.
        pub principals: Vec<String>,
        /// Principals that a resource policy names everyone but.
        pub not_principals: Vec<String>,
        /// Condition block as canonical JSON.
        pub condition: Option<String>,
        /// Whether policy variables expand (policy version 2012-10-17 and later).
        pub variables: bool,
        /// Layer of the evaluation. A managed policy's statements are `identity`; its attachment decides.
        pub layer: Layer,
        /// Name or id of the policy.
        pub policy: String,
        /// `Sid` of the statement, or `#` and its place.
        pub statement: String,
        /// When the right was given.
        pub granted_at: Option<i64>,
        /// When it ends by itself.
        pub expires_at: Option<i64>,
        /// Source of the record.
        pub source: SourceId,
        /// Place in that source.
        pub record: String,
    }
}

impl Grant {
    /// A statement of the identity layer that allows its holder nothing yet, and says nothing of where it was read.
    #[must_use]
    pub const fn blank(grant: u32, holder: EntityId) -> Self {
        Self {
            grant,
            holder,
            effect: Effect::Allow,
            actions: Vec::new(),
            not_actions: Vec::new(),
            resources: Vec::new(),
            not_resources: Vec::new(),
            principals: Vec::new(),
            not_principals: Vec::new(),
            condition: None,
            variables: false,
            layer: Layer::Identity,
            policy: String::new(),
            statement: String::new(),
            granted_at: None,
            expires_at: None,
            source: SourceId(0),
            record: String::new(),
        }
    }
}

names! {
    /// What a policy does to the thing that it is attached to.
    pub enum AttachmentKind {
        Identity = "identity",
        Boundary = "boundary",
        Scp = "scp",
        Rcp = "rcp",
    }
}

record! {
    /// A policy that is an entity of its own, attached to a principal, group or scope.
    table "attachments";
    pub struct Attachment {
        /// What it is attached to.
        pub holder: EntityId,
        /// The policy; `present` is false there when the export does not define it, and then it is unknown.
        pub policy: EntityId,
        /// As what.
        pub kind: AttachmentKind,
        /// Source of the record.
        pub source: SourceId,
        /// Place in that source.
        pub record: String,
    }
}

names! {
    /// Where the trusted one is.
    pub enum TrustKind {
        SameAccount = "same_account",
        CrossAccount = "cross_account",
        Service = "service",
        Federated = "federated",
        /// Anyone at all, or something outside every platform that was exported.
        External = "external",
        /// A unique id of a principal that no longer exists.
        Deleted = "deleted",
    }
}

record! {
    /// One principal named by one trust statement.
    table "trusts";
    pub struct Trust {
        /// Who trusts.
        pub target: EntityId,
        /// Who is trusted, when it is an entity.
        pub trustee: Option<EntityId>,
        /// Who is trusted, as written.
        pub trustee_pattern: String,
        /// Action that the trust allows.
        pub action: String,
        /// Condition block as canonical JSON.
        pub condition: Option<String>,
        /// Where the trusted one is.
        pub kind: TrustKind,
        /// The trust statement.
        pub grant: u32,
    }
}

names! {
    /// What proves the identity.
    pub enum CredentialKind {
        Password = "password",
        AccessKey = "access_key",
        Certificate = "certificate",
        ClientSecret = "client_secret",
        ServiceAccountKey = "service_account_key",
        Token = "token",
        SshKey = "ssh_key",
        Federated = "federated",
        Mfa = "mfa",
    }
}

record! {
    /// A credential's existence and dates; never its secret.
    table "credentials";
    pub struct Credential {
        /// Id of the credential: the platform's public one, or the entity's id and a slot.
        pub credential: String,
        /// Whom it proves.
        pub entity: EntityId,
        /// What it is.
        pub kind: CredentialKind,
        /// When it was made.
        pub created_at: Option<i64>,
        /// When it ends by itself.
        pub expires_at: Option<i64>,
        /// When it was last used; null when unknown, and see `never_used`.
        pub last_used_at: Option<i64>,
        /// True when the source says that it has not been used since tracking began.
        pub never_used: Option<bool>,
        /// When it was last changed.
        pub last_rotated_at: Option<i64>,
        /// Whether it works.
        pub active: Option<bool>,
        /// Source of the record.
        pub source: SourceId,
        /// Place in that source.
        pub record: String,
    }
}

names! {
    /// How fine a usage record is.
    pub enum Granularity {
        Action = "action",
        Service = "service",
    }
}

record! {
    /// What an entity used, and when last.
    table "usage";
    pub struct Usage {
        /// Who.
        pub entity: EntityId,
        /// Service prefix, or `service:Action`.
        pub permission: String,
        /// Which of the two.
        pub granularity: Granularity,
        /// Latest use; null when it was observed and not used.
        pub last_used_at: Option<i64>,
        /// How often, where the source counts.
        pub count: Option<u64>,
        /// Start of the time that was observed.
        pub window_start: Option<i64>,
        /// End of the time that was observed.
        pub window_end: Option<i64>,
        /// Source of the record.
        pub source: SourceId,
        /// Place in that source.
        pub record: String,
    }
}
