//! Completes the joined tables: where everything lives, who is in what without a list, which identities are nobody's,
//! and what is missing.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::super::NAME;
use super::super::names::{self, HIERARCHY};
use super::directory::MEMBERS_LISTED;
use super::reconcile::DIRECTORY;
use crate::model::{
    Attachment, AttachmentKind, Attribute, Effect, Entity, EntityId, EntityKind, Issue, IssueSeverity, Layer,
    Membership, MembershipKind, SourceId, Standing, Tables,
};

/// See [`crate::platforms::Platform::complete`].
pub fn complete(tables: &mut Tables) {
    if tables.entities.iter().all(|entity| entity.platform != NAME) {
        return;
    }
    nest(tables);
    let roots = place(tables);
    describe(tables, &roots);
    join(tables);
    hold(tables);
    tidy(tables);
    report(tables);
}

fn tidy(tables: &mut Tables) {
    tables.attributes.sort_by(|a, b| (a.entity, &a.key, &a.value).cmp(&(b.entity, &b.key, &b.value)));
    tables.attributes.dedup();
    tables.memberships.sort_by_key(|row| (row.member, row.container, row.kind, row.source));
    tables.memberships.dedup_by_key(|row| (row.member, row.container, row.kind));
}

fn own(tables: &Tables) -> impl Iterator<Item = &Entity> {
    tables.entities.iter().filter(|entity| entity.platform == NAME)
}

/// Puts resources whose name begins with that of another into it and not beside it.
fn nest(tables: &mut Tables) {
    let mut moved: FxHashMap<EntityId, EntityId> = FxHashMap::default();
    for entity in own(tables).filter(|one| one.id.starts_with("//") && one.kind != EntityKind::Scope) {
        let heads = entity.id.match_indices('/').map(|(at, _)| &entity.id[..at]).skip(3);
        let near = heads.filter_map(|head| tables.find(head)).last();
        if let Some(near) = near.filter(|near| tables.entity(*near).present) {
            moved.insert(entity.entity, near);
        }
    }
    for row in tables.memberships.iter_mut().filter(|row| row.kind == MembershipKind::Contains) {
        if let Some(near) = moved.remove(&row.member) {
            row.container = near;
        }
    }
    for (member, container) in moved {
        tables.memberships.push(contains(member, container));
    }
    tidy(tables);
}

fn contains(member: EntityId, container: EntityId) -> Membership {
    Membership {
        member,
        container,
        kind: MembershipKind::Contains,
        standing: Standing::Active,
        expires_at: None,
        source: SourceId(0),
        record: String::new(),
    }
}

/// What is at the top.
struct Roots {
    /// Organisations, folders and projects that are in nothing.
    tops: Vec<EntityId>,
}

/// Gives every entity its top-level scope. What is in a project that no export has lives there.
fn place(tables: &mut Tables) -> Roots {
    let mut parents: FxHashMap<EntityId, Vec<EntityId>> = FxHashMap::default();
    for row in tables.memberships.iter().filter(|row| row.kind == MembershipKind::Contains) {
        parents.entry(row.member).or_default().push(row.container);
    }
    let mut tops: Vec<EntityId> = Vec::new();
    let mut scopes: Vec<(EntityId, Option<String>)> = Vec::new();
    let mut loose: Vec<EntityId> = Vec::new();
    for entity in own(tables) {
        let top = top_of(&parents, entity.entity);
        let is_scope = entity.kind == EntityKind::Scope;
        if top != entity.entity {
            scopes.push((entity.entity, Some(tables.entity(top).id.clone())));
        } else if is_scope {
            if entity.present {
                tops.push(entity.entity);
            }
        } else if names::agent(&entity.name).is_some() && entity.kind == EntityKind::ServiceAccount {
            scopes.push((entity.entity, Some(AGENTS.to_owned())));
        } else if entity.kind != EntityKind::RoleDefinition {
            loose.push(entity.entity);
        }
    }
    let roots = Roots { tops };
    let mut bound: FxHashMap<EntityId, EntityId> = FxHashMap::default();
    for grant in tables.grants.iter().filter(|grant| tables.entity(grant.holder).platform == NAME) {
        let on = grant.resources.first().and_then(|id| tables.find(id.trim_start_matches('=')));
        if let Some(on) = on {
            let top = top_of(&parents, on);
            let known = bound.entry(grant.holder).or_insert(top);
            *known = (*known).min(top);
        }
    }
    for at in loose {
        scopes.push((at, home(tables, &roots, tables.entity(at), bound.get(&at).copied())));
    }
    for (at, scope) in scopes {
        tables.entities[at.index()].scope = scope;
    }
    // What is in a project that no export has is not in the tree: nothing of what is known reaches it.
    let foreign: FxHashSet<EntityId> =
        own(tables).filter(|one| one.kind == EntityKind::Scope && !one.present).map(|one| one.entity).collect();
    tables.memberships.retain(|row| row.kind != MembershipKind::Contains || !foreign.contains(&row.container));
    roots
}

/// Scope of service agents: projects of Google's.
pub const AGENTS: &str = "gcp:service-agents";

/// The outermost of what an entity is in. Loops end where they begin; of several ways the first counts.
fn top_of(parents: &FxHashMap<EntityId, Vec<EntityId>>, of: EntityId) -> EntityId {
    let (mut at, mut seen) = (of, FxHashSet::from_iter([of]));
    while let Some(next) = parents.get(&at).and_then(|all| all.iter().copied().find(|next| !seen.contains(next))) {
        seen.insert(next);
        at = next;
    }
    at
}

/// The top-level scope of somebody who is in none: the only one, or that of his domain, or the first in which he has
/// something.
fn home(tables: &Tables, roots: &Roots, entity: &Entity, bound: Option<EntityId>) -> Option<String> {
    let id = |at: EntityId| Some(tables.entity(at).id.clone());
    if let [only] = roots.tops[..] {
        return id(only);
    }
    let domain = entity.name.rsplit_once('@').map(|(_, domain)| domain);
    let of_domain = roots.tops.iter().copied().find(|&top| domain == Some(tables.entity(top).name.as_str()));
    let bound = bound.filter(|top| tables.entity(*top).kind == EntityKind::Scope);
    let principal = entity.kind.is_principal() || entity.kind == EntityKind::Group;
    match of_domain.or(bound) {
        Some(top) => id(top),
        None if principal => roots.tops.first().copied().and_then(id),
        None => None,
    }
}

/// Says of identities what they are, of accounts whether anybody here can manage them, of scopes whether they are at the
/// top.
fn describe(tables: &mut Tables, roots: &Roots) {
    let mut fresh: Vec<Attribute> = Vec::new();
    let mut state = |entity: EntityId, key: &str, value: &str| {
        fresh.push(Attribute { entity, key: key.to_owned(), value: value.to_owned() });
    };
    for &top in &roots.tops {
        state(top, "top_level", "true");
    }
    let runs: FxHashMap<EntityId, BTreeSet<&str>> = running(tables);
    let listed: BTreeSet<&str> = own(tables).filter_map(|one| tables.attribute(one.entity, "kind")).collect();
    let domains: FxHashSet<String> = own_domains(tables, roots);
    for entity in own(tables) {
        match entity.kind {
            EntityKind::ServiceAccount => {
                let agent = tables.attribute(entity.entity, "service_agent");
                let here = entity
                    .scope
                    .as_deref()
                    .and_then(|scope| tables.find(scope))
                    .is_some_and(|scope| tables.entity(scope).present);
                if agent.is_some() {
                    state(entity.entity, "provider_held", "true");
                } else if here && entity.present {
                    state(entity.entity, "manageable", "true");
                }
                for (kind, key) in
                    [("function", "runs_function"), ("instance", "runs_instance"), ("run-service", "runs_service")]
                {
                    let own = runs.get(&entity.entity).is_some_and(|kinds| kinds.contains(kind));
                    let unseen =
                        format!("unknown: no {kind} is in the export: whether one runs as the account is not known");
                    let value = if own {
                        "true"
                    } else if listed.contains(kind) {
                        "false"
                    } else {
                        &unseen
                    };
                    state(entity.entity, key, value);
                }
            }
            EntityKind::Workload | EntityKind::Group if names::pool(&entity.id).is_some() => {
                let scope = entity.scope.as_deref().and_then(|scope| tables.find(scope));
                let here = scope.is_some_and(|scope| tables.entity(scope).present);
                state(entity.entity, "pool_in_export", if here { "true" } else { "false" });
            }
            EntityKind::User => {
                let domain = entity.name.rsplit_once('@').map_or("", |(_, domain)| domain);
                let known = tables.attribute(entity.entity, "listed").is_some() || domains.contains(domain);
                state(entity.entity, "of_organization", if known { "true" } else { "false" });
            }
            _ => {}
        }
    }
    tables.attributes.append(&mut fresh);
    tidy(tables);
    let kinds: Vec<(EntityId, bool, String)> = own(tables).filter_map(|one| nature(tables, one)).collect();
    for (at, nhi, reason) in kinds {
        let entity = &mut tables.entities[at.index()];
        entity.nhi = Some(nhi);
        entity.nhi_reason = Some(reason);
    }
}

/// What runs as each account.
fn running(tables: &Tables) -> FxHashMap<EntityId, BTreeSet<&str>> {
    let mut runs: FxHashMap<EntityId, BTreeSet<&str>> = FxHashMap::default();
    for row in tables.memberships.iter().filter(|row| row.kind == MembershipKind::RunsAs) {
        if let Some(kind) = tables.attribute(row.member, "kind").filter(|_| tables.entity(row.member).platform == NAME)
        {
            runs.entry(row.container).or_default().insert(kind);
        }
    }
    runs
}

/// Domains whose people the organisations' directories have.
fn own_domains(tables: &Tables, roots: &Roots) -> FxHashSet<String> {
    let named = roots.tops.iter().map(|&top| tables.entity(top)).filter(|top| top.id.contains("/organizations/"));
    let listed = own(tables)
        .filter(|one| one.kind == EntityKind::User && tables.attribute(one.entity, "listed").is_some())
        .filter_map(|one| Some(one.name.rsplit_once('@')?.1.to_owned()));
    named.map(|top| top.name.clone()).chain(listed).collect()
}

/// Whether an identity is of a machine, and why.
fn nature(tables: &Tables, entity: &Entity) -> Option<(EntityId, bool, String)> {
    let (nhi, reason) = match entity.kind {
        EntityKind::ServiceAccount => match tables.attribute(entity.entity, "service_agent") {
            Some(service) => (true, format!("service agent: Google keeps it and acts with it ({service})")),
            None => match tables.attribute(entity.entity, "default_service_account") {
                Some(service) => (true, format!("default service account ({service})")),
                None => (true, "service account".to_owned()),
            },
        },
        EntityKind::Workload => match tables.attribute(entity.entity, "kind") {
            Some(kind) => (true, format!("runs code ({kind})")),
            None => (true, "federated identity of a workload".to_owned()),
        },
        EntityKind::User if entity.id.starts_with("principal://") => {
            (false, "federated identity of a person".to_owned())
        }
        EntityKind::User => (false, "user account of Google's directory".to_owned()),
        _ => return None,
    };
    Some((entity.entity, nhi, reason))
}

/// Who holds which custom role, and whether a role is bound on all of what it belongs to and nowhere else.
fn hold(tables: &mut Tables) {
    let mut rows: Vec<Attachment> = Vec::new();
    let mut partly: FxHashMap<EntityId, bool> = FxHashMap::default();
    for grant in tables.grants.iter().filter(|grant| grant.effect == Effect::Allow && !grant.resources.is_empty()) {
        if tables.entity(grant.holder).platform != NAME {
            continue;
        }
        for role in grant.actions.iter().filter_map(|one| tables.find(one.strip_prefix("role:")?)) {
            if tables.attribute(role, "customer_managed") != Some("true") {
                continue;
            }
            let start = tables.memberships.partition_point(|row| row.member < role);
            let rows_of = tables.memberships[start..].iter().take_while(|row| row.member == role);
            let home = rows_of.filter(|row| row.kind == MembershipKind::Contains).map(|row| row.container).next();
            let whole = home.is_some_and(|home| grant.resources.contains(&tables.entity(home).id));
            *partly.entry(role).or_default() |= !whole || grant.condition.is_some();
            rows.push(Attachment {
                holder: grant.holder,
                policy: role,
                kind: AttachmentKind::Identity,
                source: grant.source,
                record: grant.record.clone(),
            });
        }
    }
    let mut partly: Vec<(EntityId, bool)> = partly.into_iter().collect();
    partly.sort_unstable();
    for (entity, partly) in partly {
        let value = if partly {
            "unknown: the role is bound on parts of what it belongs to: only those are gained"
        } else {
            "true"
        };
        tables.attributes.push(Attribute { entity, key: "bound_throughout".to_owned(), value: value.to_owned() });
    }
    tables.attachments.append(&mut rows);
    tables.attachments.sort_by_key(|row| (row.holder, row.kind, row.policy, row.source));
    tables.attachments.dedup_by_key(|row| (row.holder, row.kind, row.policy));
}

/// Members of groups that no list has: everyone of a domain or customer, who holds a basic role, every account of a place.
fn join(tables: &mut Tables) {
    let mut rows: Vec<Membership> = Vec::new();
    let mut add = |member: EntityId, container: EntityId| {
        rows.push(Membership { kind: MembershipKind::MemberOf, ..contains(member, container) });
    };
    let mut by_domain: FxHashMap<&str, Vec<EntityId>> = FxHashMap::default();
    for user in own(tables).filter(|one| one.kind == EntityKind::User && one.present) {
        if let Some((_, domain)) = user.name.rsplit_once('@') {
            by_domain.entry(domain).or_default().push(user.entity);
        }
    }
    for group in own(tables).filter(|one| one.kind == EntityKind::Group) {
        if let Some(domain) = group.id.strip_prefix("gcp:domain/") {
            by_domain.get(domain).into_iter().flatten().for_each(|&user| add(user, group.entity));
        } else if let Some(customer) = group.id.strip_prefix("principalSet://goog/cloudIdentityCustomerId/") {
            of_customer(tables, customer).for_each(|user| add(user, group.entity));
        } else if let Some(role) = convenience(&group.id) {
            let resource = names::project(group.id.rsplit('/').next().unwrap_or_default());
            let wanted = format!("role:roles/{role}");
            let bound = tables.grants.iter().filter(|grant| {
                grant.effect == Effect::Allow
                    && grant.condition.is_none()
                    && grant.resources == [resource.as_str()]
                    && grant.actions == [wanted.as_str()]
            });
            bound.for_each(|grant| add(grant.holder, group.entity));
        } else if let Some(place) = group.id.strip_prefix("principalSet:").filter(|rest| rest.starts_with(HIERARCHY)) {
            for account in inside(tables, place) {
                add(account, group.entity);
            }
        } else if let Some(pool) = names::pool(&group.id).filter(|pool| pool.selector == "*") {
            let of_pool = own(tables).filter(|one| {
                one.kind != EntityKind::Group && names::pool(&one.id).is_some_and(|own| own.pool == pool.pool)
            });
            of_pool.for_each(|one| add(one.entity, group.entity));
        }
    }
    tables.memberships.append(&mut rows);
}

fn convenience(id: &str) -> Option<&'static str> {
    [("gcp:projectOwner/", "owner"), ("gcp:projectEditor/", "editor"), ("gcp:projectViewer/", "viewer")]
        .iter()
        .find(|(head, _)| id.starts_with(head))
        .map(|(_, role)| *role)
}

/// People of a directory's customer: those that it lists, and those of the domain of its organisation.
fn of_customer<'t>(tables: &'t Tables, customer: &'t str) -> impl Iterator<Item = EntityId> + 't {
    let organization =
        own(tables).find(move |one| tables.attribute(one.entity, "directory_customer_id") == Some(customer));
    let domain = organization.map(|organization| organization.name.as_str());
    own(tables)
        .filter(move |one| {
            one.kind == EntityKind::User
                && one.present
                && (tables.attribute(one.entity, "customer_id") == Some(customer)
                    || domain.is_some_and(|domain| one.name.rsplit_once('@').is_some_and(|(_, own)| own == domain)))
        })
        .map(|one| one.entity)
}

/// Service accounts inside a place.
fn inside(tables: &Tables, id: &str) -> Vec<EntityId> {
    let Some(top) = tables.find(id) else { return Vec::new() };
    let mut children: FxHashMap<EntityId, Vec<EntityId>> = FxHashMap::default();
    for row in tables.memberships.iter().filter(|row| row.kind == MembershipKind::Contains) {
        children.entry(row.container).or_default().push(row.member);
    }
    let (mut open, mut seen, mut found) = (vec![top], FxHashSet::from_iter([top]), Vec::new());
    while let Some(at) = open.pop() {
        for &child in children.get(&at).into_iter().flatten().filter(|child| seen.insert(**child)) {
            open.push(child);
            if tables.entity(child).kind == EntityKind::ServiceAccount {
                found.push(child);
            }
        }
    }
    found.sort_unstable();
    found
}

/// What is referred to and not in any file.
#[derive(Default)]
struct Absent<'t> {
    /// Roles that are bound and not known.
    roles: Vec<&'t str>,
    /// Groups that policies name, without members.
    groups: Vec<&'t str>,
    deleted: usize,
    /// Projects without an id.
    numbers: usize,
}

impl<'t> Absent<'t> {
    fn of(tables: &'t Tables) -> Self {
        let (mut bound, mut holders) = (FxHashSet::default(), FxHashSet::default());
        let is_own = |holder: EntityId| tables.entity(holder).platform == NAME;
        for grant in tables.grants.iter().filter(|grant| !grant.resources.is_empty() && is_own(grant.holder)) {
            bound.extend(grant.actions.iter().filter_map(|one| one.strip_prefix("role:")));
            holders.insert(grant.holder);
        }
        let mut out = Self::default();
        for entity in own(tables) {
            let has = |key: &str| tables.attribute(entity.entity, key).is_some();
            let held = holders.contains(&entity.entity);
            let is_group = entity.kind == EntityKind::Group && entity.id.starts_with("gcp:group/");
            let project = entity.id.strip_prefix(HIERARCHY).and_then(|rest| rest.strip_prefix("projects/"));
            if entity.kind == EntityKind::RoleDefinition && !entity.present && bound.contains(entity.id.as_str()) {
                out.roles.push(&entity.id);
            } else if is_group && entity.present && held && !has(MEMBERS_LISTED) {
                out.groups.push(&entity.name);
            } else if entity.kind == EntityKind::Scope && entity.present && project.is_some_and(names::is_number) {
                out.numbers += 1;
            } else if held && has("deleted") {
                out.deleted += 1;
            }
        }
        out
    }
}

/// Reports what is referred to and not in any file.
fn report(tables: &mut Tables) {
    let mut missing: Vec<Issue> = Vec::new();
    let mut issue = |severity: IssueSeverity, code: &str, message: String| {
        missing.push(Issue { severity, source: None, record: String::new(), code: code.to_owned(), message });
    };
    let absent = Absent::of(tables);
    for role in absent.roles {
        let how = if role.starts_with("roles/") {
            "it is newer than the catalogue of predefined roles: `gcloud iam roles describe` says what it gives"
        } else {
            "add `gcloud iam roles describe` of it"
        };
        issue(IssueSeverity::Warning, "role_missing", format!("`{role}` is bound and in no file: {how}"));
    }
    if let Some(first) = absent.groups.first() {
        let message = format!(
            "members of {} groups that policies name are in no file, such as those of `{first}`: who is in them is not \
             known",
            absent.groups.len()
        );
        issue(IssueSeverity::Note, "group_members_unknown", message);
    }
    if absent.deleted > 0 {
        let message = format!(
            "{} members of bindings are deleted: their bindings give nothing unless they come back, and can go",
            absent.deleted
        );
        issue(IssueSeverity::Note, "member_deleted", message);
    }
    if absent.numbers > 0 {
        let message = format!(
            "{} projects are known by number only: which service accounts live in them is not known; add `gcloud \
             projects list`",
            absent.numbers
        );
        issue(IssueSeverity::Note, "project_id_unknown", message);
    }
    if tables.find(DIRECTORY).is_some() {
        let message = "no organisation, folder or project of Google Cloud is in these files".to_owned();
        issue(IssueSeverity::Note, "hierarchy_missing", message);
    }
    tables.issues.append(&mut missing);
}

/// See [`crate::platforms::Platform::at`]: bindings that begin at some time have begun or have not.
pub fn at(tables: &mut Tables, as_of: i64) {
    let own: Vec<bool> = tables.entities.iter().map(|entity| entity.platform == NAME).collect();
    for grant in tables.grants.iter_mut().filter(|grant| own[grant.holder.index()]) {
        let kept = grant.condition.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let Some(start) = kept.as_ref().and_then(|kept| kept.get("starts_at")).and_then(Value::as_i64) else {
            continue;
        };
        if start > as_of {
            grant.layer = Layer::Inactive;
        } else {
            let says = kept.as_ref().and_then(|kept| kept.get("says")).and_then(Value::as_str);
            grant.condition = says.map(|says| Value::String(says.to_owned()).to_string());
        }
    }
}
