//! One thing that can be taken away in the real world: what it is called, whether the account could, and by which
//! change.

use crate::model::{Change, EntityId, EntityKind, Tables};

/// One thing that can be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lever {
    /// A statement of an identity policy, by number.
    Statement(u32),
    /// A statement of a trust policy, by number.
    Trust(u32),
    Attachment {
        holder: EntityId,
        policy: EntityId,
    },
    Membership {
        container: EntityId,
        member: EntityId,
    },
}

/// Whether an account may change what is on a principal: it may not on a service-linked role or one that an identity
/// service made.
#[must_use]
pub fn is_modifiable(tables: &Tables, entity: EntityId) -> bool {
    let entity = tables.entity(entity);
    let managed = [":role/aws-service-role/", ":role/aws-reserved/"];
    entity.present && !entity.is_account_root() && !managed.iter().any(|path| entity.id.contains(path))
}

impl Lever {
    /// Whose it is: the first part of its id.
    #[must_use]
    pub fn entity(self, tables: &Tables) -> EntityId {
        match self {
            Self::Statement(grant) | Self::Trust(grant) => tables.grants[grant as usize].holder,
            Self::Attachment { holder, .. } => holder,
            Self::Membership { member, .. } => member,
        }
    }

    /// Whether the account could pull it.
    #[must_use]
    pub fn is_removable(self, tables: &Tables) -> bool {
        match self {
            Self::Statement(grant) | Self::Trust(grant) => {
                let holder = tables.grants[grant as usize].holder;
                let shared = tables.entity(holder).kind == EntityKind::RoleDefinition;
                let own = !shared || tables.attribute(holder, "customer_managed") == Some("true");
                own && is_modifiable(tables, holder)
            }
            Self::Attachment { holder, .. } => is_modifiable(tables, holder),
            Self::Membership { member, .. } => is_modifiable(tables, member),
        }
    }

    /// The change that pulls it.
    #[must_use]
    pub fn change(self, tables: &Tables) -> Change {
        let id = |entity: EntityId| tables.entity(entity).id.clone();
        match self {
            Self::Statement(grant) => {
                let grant = &tables.grants[grant as usize];
                let (policy, statement) = (grant.policy.clone(), grant.statement.clone());
                Change::DeleteGrant { holder: id(grant.holder), policy, statement }
            }
            Self::Trust(grant) => {
                let grant = &tables.grants[grant as usize];
                Change::SetTrust { principal: id(grant.holder), remove_statement: grant.statement.clone() }
            }
            Self::Attachment { holder, policy } => Change::Detach { holder: id(holder), policy: id(policy) },
            Self::Membership { container, member } => {
                Change::RemoveMember { container: id(container), member: id(member) }
            }
        }
    }

    /// Full id: those of its parts.
    #[must_use]
    pub fn id(self, tables: &Tables) -> String {
        let id = |entity: EntityId| tables.entity(entity).id.as_str();
        match self {
            Self::Statement(grant) | Self::Trust(grant) => {
                let grant = &tables.grants[grant as usize];
                // A managed policy is its own holder.
                let policy =
                    if id(grant.holder) == grant.policy { String::new() } else { format!(" → {}", grant.policy) };
                format!("{}{policy} → {}", id(grant.holder), grant.statement)
            }
            Self::Attachment { holder, policy } => format!("{} → {}", id(holder), id(policy)),
            Self::Membership { container, member } => format!("{} → {}", id(member), id(container)),
        }
    }

    /// What a person calls it.
    #[must_use]
    pub fn name(self, tables: &Tables) -> String {
        let name = |entity: EntityId| {
            let entity = tables.entity(entity);
            let kind = if entity.kind == EntityKind::RoleDefinition { "policy" } else { entity.kind.as_str() };
            format!("{kind} {}", entity.name)
        };
        match self {
            Self::Statement(grant) => {
                let grant = &tables.grants[grant as usize];
                let managed = tables.entity(grant.holder).kind == EntityKind::RoleDefinition;
                let policy = if managed { String::new() } else { format!(" of policy {}", grant.policy) };
                format!("statement {}{policy} of {}", grant.statement, name(grant.holder))
            }
            Self::Trust(grant) => {
                let grant = &tables.grants[grant as usize];
                format!("trust statement {} of {}", grant.statement, name(grant.holder))
            }
            Self::Attachment { holder, policy } => format!("{} on {}", name(policy), name(holder)),
            Self::Membership { container, member } => format!("{} in {}", name(member), name(container)),
        }
    }
}
