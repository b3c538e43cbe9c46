//! Completes the joined tables: which application a service principal is of, which subscription is below which group,
//! who holds a role of the directory, and what is named and missing.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::NAME;
use super::applications::LOCKED;
use super::names;
use super::objects::LISTED;
use super::rbac::PRINCIPAL_TYPE;
use crate::model::{
    Attribute, Entity, EntityId, EntityKind, Issue, IssueSeverity, Membership, MembershipKind, SourceId, Standing,
    Tables,
};

/// Roles of the directory whose holders anyone who resets passwords may reset: readers, and who helps others.
const HARMLESS: &[&str] = &[
    "4a5d8f65-41da-4de4-8968-e035b65339cf",
    "75934031-6c7e-415a-99d7-48dbd49e875e",
    "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b",
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    "95e79109-95c0-4d8e-aee3-d01accf2d47b",
];

/// See [`crate::platforms::Platform::complete`].
pub fn complete(tables: &mut Tables) {
    if tables.entities.iter().all(|entity| entity.platform != NAME) {
        return;
    }
    assume(tables);
    let mut rows = service_principals(tables);
    rows.extend(identities(tables));
    rows.extend(root_groups(tables));
    tables.memberships.extend(rows);
    tables.memberships.sort_by_key(|row| (row.member, row.container, row.kind, row.source));
    tables.memberships.dedup_by_key(|row| (row.member, row.container, row.kind));
    trusts(tables);
    let mut facts = privileged(tables);
    facts.extend(tokens(tables));
    tables.attributes.append(&mut facts);
    tables.attributes.sort_by(|a, b| (a.entity, &a.key, &a.value).cmp(&(b.entity, &b.key, &b.value)));
    tables.attributes.dedup();
    protect(tables);
    report(tables);
}

fn own(tables: &Tables) -> impl Iterator<Item = &Entity> {
    tables.entities.iter().filter(|entity| entity.platform == NAME)
}

fn note(severity: IssueSeverity, code: &str, message: String) -> Issue {
    Issue { severity, source: None, record: String::new(), code: code.to_owned(), message }
}

fn row(member: EntityId, container: EntityId, kind: MembershipKind, source: Option<SourceId>) -> Membership {
    Membership {
        member,
        container,
        kind,
        standing: Standing::Active,
        expires_at: None,
        source: source.unwrap_or(SourceId(0)),
        record: String::new(),
    }
}

/// Principals that only assignments name, without a directory beside them: REST answers give types and no names.
fn assume(tables: &mut Tables) {
    let listed: FxHashSet<EntityId> =
        tables.attributes.iter().filter(|row| row.key == LISTED).map(|row| row.entity).collect();
    let has_directory = own(tables).any(|one| {
        matches!(one.kind, EntityKind::User | EntityKind::Group | EntityKind::ServiceAccount)
            && listed.contains(&one.entity)
    });
    if has_directory {
        return;
    }
    let named: Vec<EntityId> =
        tables.attributes.iter().filter(|row| row.key == PRINCIPAL_TYPE).map(|row| row.entity).collect();
    let mut assumed = 0u64;
    for entity in named {
        let entity = &mut tables.entities[entity.index()];
        if entity.platform == NAME && !entity.present && entity.kind != EntityKind::External {
            entity.present = true;
            assumed += 1;
        }
    }
    if assumed > 0 {
        let message = format!(
            "no users, groups or service principals are in the export: the {assumed} that role assignments name are taken to exist"
        );
        tables.issues.push(note(IssueSeverity::Note, "principals_assumed", message));
    }
}

/// An application acts by its service principals, and what is known of the use of one is of the other too.
fn service_principals(tables: &mut Tables) -> Vec<Membership> {
    let mut by_app: BTreeMap<(Option<String>, String), Vec<EntityId>> = BTreeMap::new();
    for entity in own(tables).filter(|one| one.kind == EntityKind::ServiceAccount && one.present) {
        if let Some(app) = &entity.unique_id {
            by_app.entry((entity.scope.clone(), app.clone())).or_default().push(entity.entity);
        }
    }
    let mut rows = Vec::new();
    let mut uses: Vec<(EntityId, Option<i64>)> = Vec::new();
    let mut locked = Vec::new();
    for entity in own(tables).filter(|one| one.kind == EntityKind::Application) {
        let app = names::last(&entity.id).to_owned();
        let Some(principals) = by_app.get(&(entity.scope.clone(), app)) else { continue };
        for &principal in principals {
            if entity.present {
                rows.push(row(entity.entity, principal, MembershipKind::RunsAs, entity.source));
            }
            uses.push((principal, entity.last_used_at));
            if tables.attribute(entity.entity, LOCKED) == Some("true") {
                locked.push(Attribute { entity: principal, key: LOCKED.to_owned(), value: "true".to_owned() });
            }
        }
    }
    tables.attributes.append(&mut locked);
    for (principal, used) in uses {
        let entity = &mut tables.entities[principal.index()];
        if used > entity.last_used_at {
            entity.last_used_at = used;
            entity.last_used_source = Some("entra_sign_in".to_owned());
        }
    }
    rows
}

/// Service principals by the identity resource that each is inside of.
fn by_identity(tables: &Tables) -> FxHashMap<EntityId, EntityId> {
    let inside = tables.memberships.iter().filter(|row| row.kind == MembershipKind::Contains);
    inside
        .filter(|row| tables.entity(row.member).kind == EntityKind::ServiceAccount)
        .filter(|row| tables.entity(row.container).platform == NAME)
        .map(|row| (row.container, row.member))
        .collect()
}

/// Whoever runs as an identity resource runs as its service principal.
fn identities(tables: &Tables) -> Vec<Membership> {
    let principals = by_identity(tables);
    let runs = tables.memberships.iter().filter(|row| row.kind == MembershipKind::RunsAs);
    let of = |one: &Membership| {
        let principal = *principals.get(&one.container)?;
        (principal != one.member && tables.entity(one.container).kind != EntityKind::ServiceAccount)
            .then(|| row(one.member, principal, MembershipKind::RunsAs, Some(one.source)))
    };
    runs.filter_map(of).collect()
}

/// Every management group and subscription of which nothing says where it is, is below the tenant's root group.
fn root_groups(tables: &Tables) -> Vec<Membership> {
    let placed: FxHashSet<EntityId> = tables
        .memberships
        .iter()
        .filter(|row| row.kind == MembershipKind::Contains)
        .filter(|row| tables.entity(row.container).id.starts_with(names::MANAGEMENT_GROUP))
        .map(|row| row.member)
        .collect();
    let is = |id: &str| id.starts_with(names::MANAGEMENT_GROUP) || names::arm_type(id) == "subscriptions";
    let scopes = own(tables).filter(|one| one.kind == EntityKind::Scope && one.present && is(&one.id));
    let root = |one: &Entity| {
        let tenant = one.scope.as_deref()?.strip_prefix("azure:")?;
        tables.find(&format!("{}{tenant}", names::MANAGEMENT_GROUP))
    };
    scopes
        .filter(|one| !placed.contains(&one.entity))
        .filter_map(|one| {
            let root = root(one).filter(|root| *root != one.entity)?;
            Some(row(one.entity, root, MembershipKind::Contains, one.source))
        })
        .collect()
}

/// A federated credential of an identity resource lets in to its service principal, and one of an application that is not
/// in the export to that application's.
fn trusts(tables: &mut Tables) {
    let principals = by_identity(tables);
    let mut by_app: FxHashMap<&str, EntityId> = FxHashMap::default();
    for entity in own(tables).filter(|one| one.kind == EntityKind::ServiceAccount && one.present) {
        by_app.extend(entity.unique_id.as_deref().map(|app| (app, entity.entity)));
    }
    let moved = |target: EntityId| {
        let entity = &tables.entities[target.index()];
        let of_app = (entity.kind == EntityKind::Application && !entity.present && entity.platform == NAME)
            .then(|| by_app.get(names::last(&entity.id)).copied())
            .flatten();
        principals.get(&target).copied().or(of_app)
    };
    let targets: Vec<Option<EntityId>> = tables.trusts.iter().map(|row| moved(row.target)).collect();
    let proved: Vec<Option<EntityId>> = tables
        .credentials
        .iter()
        .map(|row| (row.kind == crate::model::CredentialKind::Federated).then(|| moved(row.entity)).flatten())
        .collect();
    for (row, target) in tables.trusts.iter_mut().zip(targets) {
        row.target = target.unwrap_or(row.target);
    }
    for (row, entity) in tables.credentials.iter_mut().zip(proved) {
        row.entity = entity.unwrap_or(row.entity);
    }
    tables.trusts.sort_by(|a, b| {
        (a.target, a.grant, &a.trustee_pattern, &a.action).cmp(&(b.target, b.grant, &b.trustee_pattern, &b.action))
    });
    tables.credentials.sort_by(|a, b| (a.entity, &a.credential, a.source).cmp(&(b.entity, &b.credential, b.source)));
}

/// Whether a user holds a role of the directory, or is in or owns a group that could: then only few may reset its
/// password.
fn privileged(tables: &Tables) -> Vec<Attribute> {
    let prefix = format!("role:{}", names::entra_role(""));
    let mut holders: BTreeSet<EntityId> = BTreeSet::new();
    let mut any = false;
    for grant in &tables.grants {
        let roles = grant.actions.iter().filter_map(|action| action.strip_prefix(&prefix));
        for role in roles {
            any = true;
            if !HARMLESS.contains(&role) {
                holders.insert(grant.holder);
            }
        }
    }
    let assignable = |group: EntityId| tables.attribute(group, "role_assignable") == Some("true");
    for row in &tables.memberships {
        let counts = matches!(row.kind, MembershipKind::MemberOf | MembershipKind::Owns);
        if counts
            && (assignable(row.container) || row.kind == MembershipKind::MemberOf && holders.contains(&row.container))
        {
            holders.insert(row.member);
        }
    }
    let unknown = "unknown: who holds roles of the directory is not in the export";
    let users = own(tables).filter(|one| one.kind == EntityKind::User && one.present);
    users
        .map(|user| {
            let value = match (holders.contains(&user.entity), any) {
                (true, _) => "true",
                (false, true) => "false",
                (false, false) => unknown,
            };
            Attribute { entity: user.entity, key: "privileged".to_owned(), value: value.to_owned() }
        })
        .collect()
}

/// What the tokens of service principals say to others.
fn tokens(tables: &Tables) -> Vec<Attribute> {
    let mut facts = Vec::new();
    for entity in own(tables).filter(|one| one.kind == EntityKind::ServiceAccount && one.present) {
        let tenant = entity.scope.as_deref().and_then(|scope| scope.strip_prefix("azure:"));
        let Some(tenant) = tenant.filter(|tenant| names::is_guid(tenant)) else { continue };
        let mut fact = |key: &str, value: String| {
            facts.push(Attribute { entity: entity.entity, key: key.to_owned(), value });
        };
        fact("federated_issuer", format!("sts.windows.net/{tenant}"));
        fact("federated_subject", names::last(&entity.id).to_owned());
        if tables.attribute(entity.entity, "locked").is_none() {
            fact(LOCKED, "false".to_owned());
        }
    }
    facts
}

/// Subscriptions and management groups are what attackers are after, as much as the tenant.
fn protect(tables: &mut Tables) {
    for entity in tables.entities.iter_mut().filter(|one| one.platform == NAME && one.kind == EntityKind::Scope) {
        let kind = names::arm_type(&entity.id);
        if entity.present && entity.id.starts_with('/') && matches!(kind.as_str(), "subscriptions" | "managementgroups")
        {
            entity.protected = true;
            entity.protected_reason = Some("scope: control of it is control of everything in it".to_owned());
        }
    }
}

/// Reports roles of which nothing is known, and management groups of which nobody knows what is below them.
fn report(tables: &mut Tables) {
    let mut missing: BTreeMap<String, u64> = BTreeMap::new();
    let mut unplaced: BTreeSet<String> = BTreeSet::new();
    let has_inside: FxHashSet<EntityId> =
        tables.memberships.iter().filter(|row| row.kind == MembershipKind::Contains).map(|row| row.container).collect();
    for grant in tables.grants.iter().filter(|grant| tables.entity(grant.holder).platform == NAME) {
        for id in grant.actions.iter().filter_map(|action| action.strip_prefix("role:")) {
            if tables.find(id).is_none_or(|role| !tables.entity(role).present) {
                *missing.entry(id.to_owned()).or_default() += 1;
            }
        }
        for id in grant.resources.iter().filter(|id| id.starts_with(names::MANAGEMENT_GROUP)) {
            if tables.find(id).is_none_or(|group| !has_inside.contains(&group)) {
                unplaced.insert(id.clone());
            }
        }
    }
    for (id, count) in missing {
        let message = format!(
            "the permissions of `{id}` are not in the export, and {count} assignments give it: what they allow is unknown"
        );
        tables.issues.push(note(IssueSeverity::Warning, "role_missing", message));
    }
    for id in unplaced {
        let message = format!(
            "nothing says which subscriptions are below `{id}`, on which roles are assigned: export the management groups \
             (`az account management-group show -e -r`), or these rights end there"
        );
        tables.issues.push(note(IssueSeverity::Warning, "management_group_unplaced", message));
    }
}
