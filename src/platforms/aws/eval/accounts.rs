//! Accounts and their place in an organisation: which controls bind them.

use rustc_hash::FxHashMap;

use super::facts::Organization;
use crate::model::{AttachmentKind, EntityId, MembershipKind, Tables};

/// Services whose resources RCPs bind.
///
/// Source: "Resource control policies: supported services" in the Organizations user guide.
pub const RCP_SERVICES: &[&str] = &[
    "s3",
    "sts",
    "kms",
    "sqs",
    "secretsmanager",
    "dynamodb",
    "ecr",
    "aoss",
    "cognito-identity",
    "cognito-idp",
    "logs",
];

/// One account.
#[derive(Debug, Clone, Default)]
pub struct Account {
    pub organization: Option<Organization>,
    /// SCPs attached at each level from the root to the account; `None` when the organisation uses none, or the
    /// tree is not known.
    pub scps: Option<Vec<Vec<EntityId>>>,
    /// RCPs attached at any level.
    pub rcps: Vec<EntityId>,
}

/// Id of the entity that stands for an account.
#[must_use]
pub fn account_id(number: &str) -> String {
    format!("aws:account/{number}")
}

/// The account number of an account entity's id.
#[must_use]
pub fn account_number(id: &str) -> Option<&str> {
    id.strip_prefix("aws:account/")
}

/// Whether an ARN is that of an account's root user.
#[must_use]
pub fn is_root(arn: &str) -> bool {
    arn.ends_with(":root") && arn.contains(":iam::")
}

/// All accounts of the tables by number.
#[must_use]
pub fn accounts(tables: &Tables) -> FxHashMap<String, Account> {
    let mut parents: FxHashMap<EntityId, EntityId> = FxHashMap::default();
    for row in tables.memberships.iter().filter(|row| row.kind == MembershipKind::Contains) {
        parents.insert(row.member, row.container);
    }
    let mut scps: FxHashMap<EntityId, Vec<EntityId>> = FxHashMap::default();
    let mut rcps: FxHashMap<EntityId, Vec<EntityId>> = FxHashMap::default();
    for row in &tables.attachments {
        match row.kind {
            AttachmentKind::Scp => scps.entry(row.holder).or_default().push(row.policy),
            AttachmentKind::Rcp => rcps.entry(row.holder).or_default().push(row.policy),
            AttachmentKind::Identity | AttachmentKind::Boundary => {}
        }
    }
    let mut out = FxHashMap::default();
    for entity in &tables.entities {
        let Some(number) = account_number(&entity.id) else { continue };
        let chain = chain(tables, entity.entity, &parents);
        let organization = organization(tables, entity.entity);
        let bound = organization.as_ref().is_some_and(|org| !org.management) && !scps.is_empty() && chain.len() > 1;
        let at = |controls: &FxHashMap<EntityId, Vec<EntityId>>, node: &EntityId| {
            controls.get(node).cloned().unwrap_or_default()
        };
        let free = organization.as_ref().is_some_and(|org| org.management);
        out.insert(
            number.to_owned(),
            Account {
                scps: bound.then(|| chain.iter().map(|node| at(&scps, node)).collect()),
                rcps: if free { Vec::new() } else { chain.iter().flat_map(|node| at(&rcps, node)).collect() },
                organization,
            },
        );
    }
    out
}

/// The nodes from the root down to an account. A cycle in a broken export ends the walk.
fn chain(tables: &Tables, account: EntityId, parents: &FxHashMap<EntityId, EntityId>) -> Vec<EntityId> {
    let mut chain = vec![account];
    let mut at = account;
    while let Some(&parent) = parents.get(&at) {
        if chain.contains(&parent) || at == parent {
            break;
        }
        // The organisation holds its root; controls are attached from the root on.
        if parents.contains_key(&parent) || !is_organization(tables, parent) {
            chain.push(parent);
        }
        at = parent;
    }
    chain.reverse();
    chain
}

fn is_organization(tables: &Tables, node: EntityId) -> bool {
    tables.entity(node).id.starts_with("aws:organization/")
}

fn organization(tables: &Tables, account: EntityId) -> Option<Organization> {
    let of = |key: &str| tables.attribute(account, key);
    Some(Organization {
        id: of("organization")?.to_owned(),
        path: of("org_path").map(str::to_owned),
        management: of("management_account") == Some("true"),
    })
}

/// Whether the readers marked an entity in this way.
#[must_use]
pub fn is_marked(tables: &Tables, entity: EntityId, key: &str) -> bool {
    tables.attribute(entity, key) == Some("true")
}

/// Whether an entity has a policy of its own (a role's trust, a bucket's policy) that could not be read.
#[must_use]
pub fn policy_unread(tables: &Tables, entity: EntityId) -> bool {
    ["trust_unknown", "resource_policy_unknown"].iter().any(|key| is_marked(tables, entity, key))
}

/// All attributes of an entity whose key begins with `prefix`, keys without it.
pub fn attributes<'t>(
    tables: &'t Tables,
    entity: EntityId,
    prefix: &'t str,
) -> impl Iterator<Item = (&'t str, &'t str)> {
    let at = tables.attributes.partition_point(|row| (row.entity, row.key.as_str()) < (entity, prefix));
    tables.attributes[at..]
        .iter()
        .take_while(move |row| row.entity == entity)
        .map_while(move |row| Some((row.key.strip_prefix(prefix)?, row.value.as_str())))
}
