//! What the joined tables show: groups that every domain has, what AdminSDHolder guards, what policies reach, and what
//! the export lacks.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::{NAME, names};
use super::{hosts, policies};
use crate::model::{Attribute, EntityId, EntityKind, Issue, IssueSeverity, MembershipKind, Tables};

/// Value of a fact of an object whose record does not say whether it takes over entries from above.
const PROTECTION_UNKNOWN: &str = "unknown: whether the object takes over entries of its container is not in the export";

/// See [`crate::platforms::Platform::complete`].
pub fn complete(tables: &mut Tables) {
    if !tables.entities.iter().any(|entity| entity.platform == NAME) {
        return;
    }
    let mut fresh = well_known(tables);
    fresh.extend(guarded(tables));
    fresh.extend(unprotected(tables));
    fresh.extend(policies::reached(tables));
    fresh.extend(accepted(tables));
    tables.attributes.append(&mut fresh);
    tables.attributes.sort_by(|a, b| (a.entity, &a.key, &a.value).cmp(&(b.entity, &b.key, &b.value)));
    tables.attributes.dedup();
    report(tables);
}

fn attribute(entity: EntityId, key: &str, value: &str) -> Attribute {
    Attribute { entity, key: key.to_owned(), value: value.to_owned() }
}

/// Groups of everyone exist in every domain, whether or not a file lists them.
fn well_known(tables: &mut Tables) -> Vec<Attribute> {
    let mut domains: BTreeMap<String, String> = BTreeMap::new();
    let scopes =
        tables.entities.iter().filter(|one| one.platform == NAME && one.kind == EntityKind::Scope && one.present);
    for scope in scopes.filter(|scope| scope.scope.is_none()) {
        domains.insert(scope.name.to_uppercase(), scope.id.clone());
    }
    let mut fresh = Vec::new();
    for entity in tables.entities.iter_mut().filter(|entity| entity.platform == NAME && !entity.present) {
        let identifier = entity.id[NAME.len() + 1..].to_owned();
        let Some(sid) = names::sid(&identifier).filter(|_| names::has_implied_members(&identifier)) else { continue };
        let Some(domain) = identifier.strip_suffix(sid).and_then(|domain| domains.get(domain.trim_end_matches('-')))
        else {
            continue;
        };
        (entity.kind, entity.present, entity.scope) = (EntityKind::Group, true, Some(domain.clone()));
        fresh.push(attribute(entity.entity, "implicit_members", "scope"));
        fresh.push(attribute(entity.entity, "kind", "group"));
    }
    fresh
}

/// Objects whose access list AdminSDHolder's replaces: some groups and accounts, and whoever is in such a group.
fn guarded(tables: &Tables) -> Vec<Attribute> {
    let mut members: FxHashMap<EntityId, Vec<EntityId>> = FxHashMap::default();
    for row in tables.memberships.iter().filter(|row| row.kind == MembershipKind::MemberOf) {
        members.entry(row.container).or_default().push(row.member);
    }
    let own = tables.entities.iter().filter(|entity| entity.platform == NAME && entity.present);
    let identifier = |id: &str| id[NAME.len() + 1..].to_owned();
    let mut open: Vec<EntityId> =
        own.filter(|entity| names::is_guarded(&identifier(&entity.id))).map(|entity| entity.entity).collect();
    let mut seen: FxHashSet<EntityId> = open.iter().copied().collect();
    let mut found = BTreeSet::new();
    while let Some(at) = open.pop() {
        found.insert(at);
        // Who is only authenticated is no administrator, whatever group the group of everyone is in.
        let next = members.get(&at).into_iter().flatten().copied();
        open.extend(next.filter(|member| tables.entity(*member).platform == NAME && seen.insert(*member)));
    }
    found.into_iter().filter(|at| tables.entity(*at).present).map(|at| attribute(at, "guarded", "true")).collect()
}

/// Objects inside a container of which the export does not say whether they take over its entries.
fn unprotected(tables: &Tables) -> Vec<Attribute> {
    let inside = tables.memberships.iter().filter(|row| row.kind == MembershipKind::Contains);
    let own = inside.filter(|row| {
        let entity = tables.entity(row.member);
        entity.platform == NAME && entity.present && tables.attribute(row.member, "acl_protected").is_none()
    });
    own.map(|row| attribute(row.member, "acl_protected", PROTECTION_UNKNOWN)).collect()
}

/// Whether a template's certificates log on where the name in the request counts: it takes a domain controller that
/// accepts them.
fn accepted(tables: &Tables) -> Vec<Attribute> {
    const UNKNOWN: &str = "unknown: what the domain controllers accept is not in the export";
    let controllers = tables.attributes.iter().filter(|row| row.key == "domain_controller");
    let mut by_domain: FxHashMap<&str, Vec<EntityId>> = FxHashMap::default();
    for row in controllers {
        by_domain.entry(tables.entity(row.entity).scope.as_deref().unwrap_or_default()).or_default().push(row.entity);
    }
    let state = |scope: &str, key: &str, accepts: &dyn Fn(i64) -> bool| {
        let own = by_domain.get(scope).map(Vec::as_slice).unwrap_or_default();
        let values: Vec<Option<i64>> =
            own.iter().map(|&at| tables.attribute(at, key).and_then(|value| value.parse().ok())).collect();
        if values.iter().flatten().any(|value| accepts(*value)) {
            Some(true)
        } else {
            (!values.is_empty() && values.iter().all(Option::is_some)).then_some(false)
        }
    };
    let mut fresh = Vec::new();
    let facts = [("logs_on_unbound", "named_unbound", hosts::BINDING), ("logs_on", "named_mapped", hosts::MAPPING)];
    for (fact, name, key) in facts {
        let own = |row: &&Attribute| row.key == fact && row.value == "true" && is_template(tables, row.entity);
        for row in tables.attributes.iter().filter(own) {
            let scope = tables.entity(row.entity).scope.as_deref().unwrap_or_default();
            let accepts =
                |value: i64| if key == hosts::BINDING { value < 2 } else { value & hosts::BY_PRINCIPAL_NAME != 0 };
            match state(scope, key, &accepts) {
                Some(true) => fresh.push(attribute(row.entity, name, "true")),
                Some(false) => {}
                None => fresh.push(attribute(row.entity, name, UNKNOWN)),
            }
        }
    }
    fresh
}

fn is_template(tables: &Tables, entity: EntityId) -> bool {
    tables.entity(entity).platform == NAME && tables.attribute(entity, "kind") == Some(super::Kind::Template.word())
}

/// Says what answers lack: domains that no file describes, and holders of rights whom no file has.
fn report(tables: &mut Tables) {
    let mut issues = Vec::new();
    let own = |one: &&crate::model::Entity| one.platform == NAME && one.kind == EntityKind::Scope && one.present;
    for domain in tables.entities.iter().filter(own).filter(|one| one.scope.is_none() && one.record.is_none()) {
        let message = format!(
            "no file describes the domain `{}`: its own access list, policy links and trusts are not known",
            domain.name
        );
        issues.push(issue(IssueSeverity::Warning, "domain_missing", message));
    }
    let foreign = |one: &crate::model::Entity| one.platform == NAME && !one.present;
    let holders: BTreeSet<EntityId> =
        tables.grants.iter().map(|row| row.holder).filter(|&at| foreign(tables.entity(at))).collect();
    let members: BTreeSet<EntityId> = tables
        .memberships
        .iter()
        .filter(|row| row.kind == MembershipKind::MemberOf && foreign(tables.entity(row.member)))
        .map(|row| row.member)
        .collect();
    for (found, code, what) in
        [(holders, "holder_missing", "hold rights"), (members, "member_missing", "are members of groups")]
    {
        let Some(first) = found.first() else { continue };
        let message = format!(
            "{} objects {what} and are in no file (deleted, or of another domain), the first `{}`",
            found.len(),
            tables.entity(*first).id
        );
        issues.push(issue(IssueSeverity::Note, code, message));
    }
    tables.issues.append(&mut issues);
}

fn issue(severity: IssueSeverity, code: &str, message: String) -> Issue {
    Issue { severity, source: None, record: String::new(), code: code.to_owned(), message }
}
