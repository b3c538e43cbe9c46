//! One thing that can be taken away in the real world: what it is called, whether the account could, and by which
//! changes.

use super::called::{attachment, called};
use super::stated::{Notation, thing};
use crate::model::{Change, Condition, Effect, EntityId, EntityKind, Grant, Layer, MembershipKind, Tables, Trustee};

/// Ends of the places of memberships that are a field of the member itself and cannot be empty.
const PRIMARY: &str = "/PrimaryGroupSID";
/// End of the name of a statement that comes from further up and is taken away there.
const INHERITED: &str = ", inherited";
/// Actions that say what their holder is rather than what it was given.
const NATURE: [&str; 2] = ["ca:PrivateKey", "host:DomainController"];
/// Roles that every Kubernetes cluster has and puts right again.
const DEFAULT_ROLES: [&str; 4] = ["cluster-admin", "admin", "edit", "view"];

/// One thing that can be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lever {
    /// A statement, a right or an assignment, by the number of its first row.
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

/// Whether an account may change what is on an entity: it may not on a service-linked role, one that an identity
/// service made, or what its platform keeps to itself.
#[must_use]
pub fn is_modifiable(tables: &Tables, entity: EntityId) -> bool {
    let own = tables.attribute(entity, "provider_held") != Some("true");
    let entity = tables.entity(entity);
    let managed = [":role/aws-service-role/", ":role/aws-reserved/"];
    own && !entity.is_account_root() && !managed.iter().any(|path| entity.id.contains(path))
}

impl Lever {
    /// The lever of a statement: one of a trust policy where the statement is of one.
    #[must_use]
    pub fn of_grant(tables: &Tables, grant: u32) -> Self {
        match tables.grants[grant as usize].layer {
            Layer::Resource => Self::Trust(grant),
            _ => Self::Statement(thing(tables, grant).first().copied().unwrap_or(grant)),
        }
    }

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
                let row = &tables.grants[grant as usize];
                let given = !row.actions.iter().any(|action| NATURE.contains(&action.as_str()));
                given
                    && !row.statement.ends_with(INHERITED)
                    && is_modifiable(tables, row.holder)
                    && (tables.entity(row.holder).kind != EntityKind::RoleDefinition || is_own_role(tables, row.holder))
            }
            Self::Attachment { holder, .. } => is_modifiable(tables, holder),
            Self::Membership { container, member } => {
                let rows = &tables.memberships;
                let start = rows.partition_point(|row| row.member < member);
                let own =
                    rows[start..].iter().take_while(|row| row.member == member && row.kind == MembershipKind::MemberOf);
                // What no record says follows from what the member is.
                let mut stated = own.filter(|row| row.container == container).peekable();
                stated.peek().is_some()
                    && stated.all(|row| !row.record.is_empty() && !row.record.ends_with(PRIMARY))
                    && is_modifiable(tables, member)
            }
        }
    }

    /// The changes that pull it, in order: several where one thing is several statements of the snapshot. `tables` are as
    /// things are before.
    #[must_use]
    pub fn changes(self, tables: &Tables) -> Vec<Change> {
        let id = |entity: EntityId| tables.entity(entity).id.clone();
        match self {
            Self::Statement(grant) => {
                let mut rows = thing(tables, grant);
                rows.sort_unstable_by_key(|&row| (row != grant, row));
                // Of several with the same names, the places of those that are left move up.
                (0..rows.len()).map(|at| deletion(tables, rows[at], None, &rows[..at])).collect()
            }
            Self::Trust(grant) => vec![trust_without(tables, grant)],
            Self::Attachment { holder, policy } => vec![Change::Detach { holder: id(holder), policy: id(policy) }],
            Self::Membership { container, member } => {
                vec![Change::RemoveMember { container: id(container), member: id(member) }]
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
                let on = match named_resource(tables, grant) {
                    Some(on) if !grant.statement.contains(id(on)) => format!(" → {}", id(on)),
                    _ => String::new(),
                };
                format!("{}{policy} → {}{on}", id(grant.holder), grant.statement)
            }
            Self::Attachment { holder, policy } => format!("{} → {}", id(holder), id(policy)),
            Self::Membership { container, member } => format!("{} → {}", id(member), id(container)),
        }
    }

    /// What a person calls it.
    #[must_use]
    pub fn name(self, tables: &Tables) -> String {
        let name = |entity: EntityId| called(tables, entity);
        match self {
            Self::Statement(grant) => {
                let grant = &tables.grants[grant as usize];
                let managed = tables.entity(grant.holder).kind == EntityKind::RoleDefinition;
                if let Some(on) = named_resource(tables, grant).filter(|_| !managed) {
                    let more = match grant.resources.len() {
                        0 | 1 => String::new(),
                        n => format!(" and {} more", n - 1),
                    };
                    return format!("{} of {} on {}{more}", grant.policy, name(grant.holder), name(on));
                }
                let policy = if managed { String::new() } else { format!(" of policy {}", grant.policy) };
                format!("statement {}{policy} of {}", grant.statement, name(grant.holder))
            }
            Self::Trust(grant) => {
                let grant = &tables.grants[grant as usize];
                format!("trust statement {} of {}", grant.statement, name(grant.holder))
            }
            Self::Attachment { holder, policy } => attachment(tables, holder, policy),
            Self::Membership { container, member } => format!("{} in {}", name(member), name(container)),
        }
    }

    /// Takes it out of the tables. Statements keep their numbers and say nothing any more.
    pub(super) fn pull(self, tables: &mut Tables) {
        match self {
            Self::Statement(grant) | Self::Trust(grant) => {
                let rows = if matches!(self, Self::Trust(_)) { vec![grant] } else { thing(tables, grant) };
                for &row in &rows {
                    if let Some(row) = tables.grants.get_mut(row as usize) {
                        row.actions.clear();
                        row.not_actions.clear();
                    }
                }
                tables.trusts.retain(|row| !rows.contains(&row.grant));
            }
            Self::Attachment { holder, policy } => {
                let kind = crate::model::AttachmentKind::Identity;
                tables.attachments.retain(|row| row.holder != holder || row.policy != policy || row.kind != kind);
            }
            Self::Membership { container, member } => {
                let kind = MembershipKind::MemberOf;
                tables.memberships.retain(|row| row.container != container || row.member != member || row.kind != kind);
            }
        }
    }
}

/// The changes that pull levers one after the other.
#[must_use]
pub fn changes_in_turn(tables: &Tables, levers: &[Lever]) -> Vec<Vec<Change>> {
    let mut tables = tables.clone();
    let mut out = Vec::with_capacity(levers.len());
    for lever in levers {
        out.push(lever.changes(&tables));
        lever.pull(&mut tables);
    }
    out
}

/// Whether a role definition or policy is the account's own to change.
fn is_own_role(tables: &Tables, role: EntityId) -> bool {
    let entity = tables.entity(role);
    let default = entity.name.starts_with("system:") || DEFAULT_ROLES.contains(&entity.name.as_str());
    tables.attribute(role, "customer_managed") == Some("true")
        || (entity.platform == "kubernetes" && entity.present && !default)
}

/// The first thing that an assigned right is on, where it is on particular things.
fn named_resource(tables: &Tables, grant: &Grant) -> Option<EntityId> {
    if Notation::of(&tables.entity(grant.holder).platform) != Notation::Assigned {
        return None;
    }
    let first = grant.resources.first()?;
    tables.find(first.strip_prefix('=').unwrap_or(first))
}

fn deletion(tables: &Tables, grant: u32, layer: Option<Layer>, gone: &[u32]) -> Change {
    let row = &tables.grants[grant as usize];
    Change::DeleteGrant {
        holder: tables.entity(row.holder).id.clone(),
        policy: row.policy.clone(),
        statement: row.statement.clone(),
        layer: layer.map(|layer| layer.as_str().to_owned()),
        occurrence: occurrence(tables, grant, layer, gone),
    }
}

/// Which of several statements with the same names one is once some are gone, from 1, in the order of their contents; none
/// when it has its names for itself.
fn occurrence(tables: &Tables, grant: u32, layer: Option<Layer>, gone: &[u32]) -> Option<u32> {
    let row = &tables.grants[grant as usize];
    let start = tables.grants.partition_point(|other| other.holder < row.holder);
    let namesakes = tables.grants[start..].iter().take_while(|other| other.holder == row.holder).filter(|other| {
        // What was pulled says nothing any more.
        let says = other.grant == grant || !other.actions.is_empty() || !other.not_actions.is_empty();
        let meant = layer.is_none_or(|layer| other.layer == layer);
        says && meant && !gone.contains(&other.grant) && other.policy == row.policy && other.statement == row.statement
    });
    let (mut all, mut before) = (0u32, 0u32);
    for other in namesakes {
        all += 1;
        before += u32::from(contents(other) < contents(row));
    }
    (all > 1).then_some(before + 1)
}

/// What tells statements with the same names apart, in the order in which change sets count them.
type Contents<'g> = (Layer, Effect, [&'g [String]; 6], Option<&'g str>, bool, [Option<i64>; 2], u32);

fn contents(row: &Grant) -> Contents<'_> {
    let lists: [&[String]; 6] =
        [&row.principals, &row.not_principals, &row.actions, &row.not_actions, &row.resources, &row.not_resources];
    let times = [row.granted_at, row.expires_at];
    (row.layer, row.effect, lists, row.condition.as_deref(), row.variables, times, row.grant)
}

/// Whom a role trusts without one statement. Where a statement of the policy denies, which is said of nobody that is
/// trusted, the statement alone goes.
fn trust_without(tables: &Tables, grant: u32) -> Change {
    let holder = tables.grants[grant as usize].holder;
    let start = tables.grants.partition_point(|row| row.holder < holder);
    let mut own = tables.grants[start..].iter().take_while(|row| row.holder == holder);
    if own.any(|row| row.layer == Layer::Resource && row.effect == Effect::Deny) {
        return deletion(tables, grant, Some(Layer::Resource), &[]);
    }
    let rows = tables.trusts.iter().filter(|row| row.target == holder && row.grant != grant);
    let stated = rows.filter_map(|row| {
        let statement = tables.grants.get(row.grant as usize)?;
        Some(Trustee {
            trustee: row.trustee_pattern.clone(),
            action: row.action.clone(),
            condition: row.condition.clone().map(Condition),
            statement: statement.statement.clone(),
        })
    });
    let mut trustees: Vec<Trustee> = stated.collect();
    trustees.sort();
    trustees.dedup();
    Change::SetTrust { principal: tables.entity(holder).id.clone(), trustees }
}
