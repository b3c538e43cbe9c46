//! Completes the joined tables: who a unique id was, what is referred to and missing, where accounts stand in
//! the organisation.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{nature, organization};
use crate::model::{
    AttachmentKind, Attribute, EntityId, EntityKind, Issue, IssueSeverity, Layer, MembershipKind, Tables, TrustKind,
};
use crate::platforms::aws::NAME;
use crate::platforms::aws::arn::is_unique_id;

/// Containers around each other deeper than this are a mistake (AWS allows five levels of units).
const UNITS_MAX: usize = 32;

/// See [`crate::platforms::Platform::complete`].
pub fn complete(tables: &mut Tables) {
    resolve_unique_ids(tables);
    report_missing_policies(tables);
    report_dangling_groups(tables);
    name_accounts(tables);
    correct_control_kinds(tables);
    place_accounts(tables);
    nature::classify(tables);
    tables.attributes.sort_by(|a, b| (a.entity, &a.key, &a.value).cmp(&(b.entity, &b.key, &b.value)));
    tables.attributes.dedup();
    tables
        .issues
        .sort_by(|a, b| (a.source, &a.record, &a.code, &a.message).cmp(&(b.source, &b.record, &b.code, &b.message)));
    tables.issues.dedup();
}

/// A unique id in a trust policy is a deleted principal, unless an export defines who it is.
fn resolve_unique_ids(tables: &mut Tables) {
    let mut owners: FxHashMap<&str, EntityId> = FxHashMap::default();
    for entity in tables.entities.iter().filter(|entity| entity.present && entity.platform == NAME) {
        if let Some(id) = entity.unique_id.as_deref() {
            owners.entry(id).or_insert(entity.entity);
        }
    }
    for row in tables.trusts.iter_mut().filter(|row| row.kind == TrustKind::Deleted) {
        let Some(id) = row.trustee_pattern.strip_prefix("AWS:").filter(|id| is_unique_id(id)) else { continue };
        let Some(&owner) = owners.get(id) else { continue };
        let same = tables.entities[owner.index()].scope == tables.entities[row.target.index()].scope;
        row.trustee = Some(owner);
        row.kind = if same { TrustKind::SameAccount } else { TrustKind::CrossAccount };
    }
}

/// Attached policies without content: what they allow or deny is unknown.
fn report_missing_policies(tables: &mut Tables) {
    let read_badly: Vec<EntityId> =
        tables.attributes.iter().filter(|row| row.key == "default_version").map(|row| row.entity).collect();
    let mut missing = Vec::new();
    for row in &tables.attachments {
        let (holder, policy) = (tables.entity(row.holder), tables.entity(row.policy));
        // An inline policy that could not be read has been reported where it stands.
        if policy.present || policy.platform != NAME || policy.id.contains("#inline/") {
            continue;
        }
        let why = if read_badly.binary_search(&row.policy).is_ok() {
            "its version in force could not be read"
        } else {
            "it is not in the export"
        };
        let role = match row.kind {
            AttachmentKind::Boundary => "permissions boundary",
            AttachmentKind::Scp => "service control policy",
            AttachmentKind::Rcp => "resource control policy",
            AttachmentKind::Identity => "policy",
        };
        missing.push(Issue {
            severity: IssueSeverity::Warning,
            source: Some(row.source),
            record: row.record.clone(),
            code: "policy_missing".to_owned(),
            message: format!("`{}` has the {role} `{}`, of which nothing is known: {why}", holder.id, policy.id),
        });
    }
    tables.issues.append(&mut missing);
}

fn report_dangling_groups(tables: &mut Tables) {
    let mut dangling = Vec::new();
    for row in tables.memberships.iter().filter(|row| row.kind == MembershipKind::MemberOf) {
        let (member, group) = (tables.entity(row.member), tables.entity(row.container));
        if group.present || group.platform != NAME {
            continue;
        }
        dangling.push(Issue {
            severity: IssueSeverity::Warning,
            source: Some(row.source),
            record: row.record.clone(),
            code: "dangling_group".to_owned(),
            message: format!("`{}` is in the group `{}`, which is not in the export", member.id, group.name),
        });
    }
    tables.issues.append(&mut dangling);
}

/// Accounts have the name that their organisation gives them.
fn name_accounts(tables: &mut Tables) {
    for row in tables.attributes.iter().filter(|row| row.key == organization::ACCOUNT_NAME) {
        row.value.clone_into(&mut tables.entities[row.entity.index()].name);
    }
    tables.attributes.retain(|row| row.key != organization::ACCOUNT_NAME);
}

/// A list of a policy's targets does not say of which kind the policy is; its statements do.
fn correct_control_kinds(tables: &mut Tables) {
    let controls = tables.grants.iter().filter(|row| matches!(row.layer, Layer::Scp | Layer::Rcp));
    let layers: FxHashMap<EntityId, Layer> = controls.map(|row| (row.holder, row.layer)).collect();
    for row in tables.attachments.iter_mut() {
        match (row.kind, layers.get(&row.policy)) {
            (AttachmentKind::Scp, Some(Layer::Rcp)) => row.kind = AttachmentKind::Rcp,
            (AttachmentKind::Rcp, Some(Layer::Scp)) => row.kind = AttachmentKind::Scp,
            _ => {}
        }
    }
    tables.attachments.sort_by_key(|row| (row.holder, row.kind, row.policy, row.source));
    tables.attachments.dedup_by_key(|row| (row.holder, row.kind, row.policy));
}

/// The path of each account through its organisation, as the condition key `aws:PrincipalOrgPaths` writes it.
fn place_accounts(tables: &mut Tables) {
    let mut parents: BTreeMap<EntityId, EntityId> = BTreeMap::new();
    for row in tables.memberships.iter().filter(|row| row.kind == MembershipKind::Contains) {
        parents.insert(row.member, row.container);
    }
    let mut paths = Vec::new();
    for (&account, &parent) in &parents {
        let entity = tables.entity(account);
        if entity.platform != NAME || !entity.id.starts_with("aws:account/") {
            continue;
        }
        let mut parts = Vec::new();
        let mut at = Some(parent);
        while let Some(container) = at.filter(|_| parts.len() < UNITS_MAX) {
            let id = tables.entity(container).id.as_str();
            parts.push(id.rsplit('/').next().unwrap_or(id));
            at = parents.get(&container).copied();
        }
        parts.reverse();
        if parts.first().is_some_and(|first| first.starts_with("o-")) {
            paths.push(Attribute {
                entity: account,
                key: "org_path".to_owned(),
                value: format!("{}/", parts.join("/")),
            });
        }
    }
    tables.attributes.append(&mut paths);
}

/// Whether an entity is a principal of this platform that is defined.
pub(super) fn is_ours(entity: &crate::model::Entity) -> bool {
    entity.platform == NAME && entity.present && matches!(entity.kind, EntityKind::User | EntityKind::Role)
}
