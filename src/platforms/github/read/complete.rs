//! Completes the joined tables: which workflows may run in which environment, what their tokens say, who an account is
//! at the identity provider, and what is missing.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::{NAME, names};
use super::actions::{GATE, PATTERN, POLICY};
use super::branches::{PROTECTED, UNPROTECTED};
use super::subject::{DEFAULT, ISSUER, Run, TEMPLATE, USE_DEFAULT, subject};
use crate::model::text::glob;
use crate::model::{
    Attribute, Entity, EntityId, EntityKind, Issue, IssueSeverity, Membership, MembershipKind, Standing, Tables,
};

/// See [`crate::platforms::Platform::complete`].
pub fn complete(tables: &mut Tables) {
    if tables.entities.iter().all(|entity| entity.platform != NAME) {
        return;
    }
    let mut fresh = Fresh::default();
    workloads(tables, &mut fresh);
    identities(tables, &mut fresh);
    tables.attributes.append(&mut fresh.attributes);
    tables.memberships.append(&mut fresh.memberships);
    for (entity, reason) in fresh.people {
        let entity = &mut tables.entities[entity.index()];
        if entity.nhi.is_none() {
            entity.nhi = Some(false);
            entity.nhi_reason = Some(reason);
        }
    }
    tables.attributes.sort_by(|a, b| (a.entity, &a.key, &a.value).cmp(&(b.entity, &b.key, &b.value)));
    tables.attributes.dedup();
    tables.memberships.sort_by_key(|row| (row.member, row.container, row.kind, row.source));
    tables.memberships.dedup_by_key(|row| (row.member, row.container, row.kind));
    missing(tables);
}

/// Rows to add.
#[derive(Default)]
struct Fresh {
    attributes: Vec<Attribute>,
    memberships: Vec<Membership>,
    people: Vec<(EntityId, String)>,
}

impl Fresh {
    fn state(&mut self, entity: EntityId, key: &str, value: String) {
        self.attributes.push(Attribute { entity, key: key.to_owned(), value });
    }

    fn runs_as(&mut self, workload: &Entity, identity: &Entity) {
        let Some(source) = identity.source else { return };
        self.memberships.push(Membership {
            member: workload.entity,
            container: identity.entity,
            kind: MembershipKind::RunsAs,
            standing: Standing::Active,
            expires_at: None,
            source,
            record: identity.record.clone().unwrap_or_default(),
        });
    }
}

/// What workflows of one repository run as.
#[derive(Default)]
struct Workloads<'t> {
    workflow: Option<&'t Entity>,
    branches: Vec<&'t Entity>,
    environments: Vec<&'t Entity>,
}

fn workloads(tables: &Tables, fresh: &mut Fresh) {
    let mut all: BTreeMap<&str, Workloads<'_>> = BTreeMap::new();
    for entity in tables.entities.iter().filter(|one| one.platform == NAME && one.kind == EntityKind::Workload) {
        let Some(repo) = tables.attribute(entity.entity, "repository") else { continue };
        let own = all.entry(repo).or_default();
        match tables.attribute(entity.entity, "runs") {
            Some("branch") => own.branches.push(entity),
            Some("environment") => own.environments.push(entity),
            _ => own.workflow = Some(entity),
        }
    }
    for own in all.values() {
        let disabled = own.workflow.and_then(|one| tables.attribute(one.entity, "actions_disabled")).is_some();
        for one in own.workflow.iter().chain(&own.branches).chain(&own.environments) {
            if tables.attribute(one.entity, "runs") != Some("environment") {
                fresh.state(one.entity, "push_target", "true".to_owned());
            }
            if disabled {
                fresh.state(one.entity, "actions_disabled", "true".to_owned());
            }
            subjects(tables, own, one, fresh);
        }
        for environment in &own.environments {
            enter(tables, own, environment, fresh);
        }
    }
}

/// Values of an attribute of an entity.
fn values<'t>(tables: &'t Tables, entity: EntityId, key: &str) -> Vec<&'t str> {
    let start = tables.attributes.partition_point(|row| (row.entity, row.key.as_str()) < (entity, key));
    let own = tables.attributes[start..].iter().take_while(|row| row.entity == entity && row.key == key);
    own.map(|row| row.value.as_str()).collect()
}

/// Which workflows get into an environment, and which of them only perhaps.
fn enter(tables: &Tables, own: &Workloads<'_>, environment: &Entity, fresh: &mut Fresh) {
    let patterns = values(tables, environment.entity, PATTERN);
    let policy = tables.attribute(environment.entity, POLICY);
    let mut doubt = None;
    for branch in &own.branches {
        let name = tables.attribute(branch.entity, "branch").unwrap_or_default();
        let may = match policy {
            Some("protected") => tables.attribute(branch.entity, PROTECTED) != Some("false"),
            Some("custom") if !patterns.is_empty() => patterns.iter().any(|pattern| glob(pattern, name)),
            _ => true,
        };
        if may {
            fresh.runs_as(branch, environment);
        }
    }
    let Some(workflow) = own.workflow else { return };
    let guarded =
        |pattern: &&str| own.branches.iter().any(|branch| tables.attribute(branch.entity, "branch") == Some(*pattern));
    match policy {
        Some("protected") => {}
        Some("custom") if patterns.is_empty() => {
            doubt = Some("unknown: which branches may deploy is not in the export".to_owned());
            fresh.runs_as(workflow, environment);
        }
        Some("custom") => {
            let open: Vec<&str> = patterns.iter().copied().filter(|pattern| !guarded(pattern)).collect();
            if !open.is_empty() {
                doubt = Some(format!("unknown: whether something protects the branches {}", open.join(", ")));
                fresh.runs_as(workflow, environment);
            }
        }
        _ => fresh.runs_as(workflow, environment),
    }
    // Nothing else stands in the way, so the doubt is all there is to say.
    if let (Some(doubt), Some("true")) = (doubt, tables.attribute(environment.entity, GATE)) {
        fresh.state(environment.entity, GATE, doubt);
    }
}

/// The template of subjects for a repository: its own, its organisation's when it opted in, else the default.
fn template<'t>(tables: &'t Tables, workflow: Option<&Entity>) -> Option<&'t str> {
    let Some(workflow) = workflow else { return Some(DEFAULT) };
    match tables.attribute(workflow.entity, USE_DEFAULT) {
        Some("immutable") => None,
        Some("false") => {
            let org = workflow.scope.as_deref().and_then(|org| tables.find(org));
            let own = tables.attribute(workflow.entity, TEMPLATE);
            Some(own.or_else(|| tables.attribute(org?, TEMPLATE)).unwrap_or(DEFAULT))
        }
        _ => Some(DEFAULT),
    }
}

fn subjects(tables: &Tables, own: &Workloads<'_>, one: &Entity, fresh: &mut Fresh) {
    let Some(template) = template(tables, own.workflow) else { return };
    let of = |key: &str| own.workflow.and_then(|workflow| tables.attribute(workflow.entity, key));
    let Some(repository) = of("oidc_repository").or_else(|| tables.attribute(one.entity, "repository_name")) else {
        return;
    };
    let write = |context: &str| {
        let run = Run { repository, id: of("oidc_repository_id"), visibility: of("oidc_visibility"), context };
        subject(template, &run)
    };
    let branch = |entity: &Entity| {
        tables.attribute(entity.entity, "branch").map(|name| write(&format!("ref:refs/heads/{name}")))
    };
    match tables.attribute(one.entity, "runs") {
        Some("branch") => {
            if let Some(text) = branch(one) {
                fresh.state(one.entity, "federated_subject", text);
            }
        }
        Some("environment") => {
            let name = tables.attribute(one.entity, "environment").unwrap_or_default();
            fresh.state(one.entity, "federated_subject", write(&format!("environment:{name}")));
        }
        _ => {
            for context in ["ref:refs/heads/*", "ref:refs/tags/*", "pull_request"] {
                fresh.state(one.entity, "federated_subject", write(context));
            }
            let repo = tables.attribute(one.entity, "repository").and_then(|repo| tables.find(repo));
            for name in repo.map(|repo| values(tables, repo, UNPROTECTED)).unwrap_or_default() {
                if !own.branches.iter().any(|branch| tables.attribute(branch.entity, "branch") == Some(name)) {
                    fresh.state(one.entity, "federated_subject", write(&format!("ref:refs/heads/{name}")));
                }
            }
            // Branches that are workloads of their own are guarded, or may be: they are none of the family.
            for text in own.branches.iter().filter_map(|one| branch(one)) {
                fresh.state(one.entity, "federated_subject_except", text);
            }
        }
    }
    fresh.state(one.entity, "federated_issuer", of("oidc_issuer").unwrap_or(ISSUER).to_owned());
}

/// Joins accounts with the identities that the identity provider made for them.
fn identities(tables: &Tables, fresh: &mut Fresh) {
    let mut external: FxHashMap<(&str, &str), &str> = FxHashMap::default();
    let rows = tables.attributes.iter().filter(|row| row.key == "scim_identity");
    for row in rows.filter(|row| tables.entity(row.entity).platform == NAME) {
        if let Some((id, own)) = row.value.split_once(' ') {
            external.insert((tables.entity(row.entity).id.as_str(), id), own);
        }
    }
    let people = tables.entities.iter().filter(|one| one.platform == NAME && one.kind == EntityKind::User);
    for person in people {
        let guid = tables.attribute(person.entity, "external_identity");
        let name = tables.attribute(person.entity, "saml_name_id");
        if guid.is_none() && name.is_none() {
            continue;
        }
        let known = guid.and_then(|guid| external.get(&(person.scope.as_deref()?, guid)).copied());
        if let Some(other) = known.or(name) {
            fresh.state(person.entity, "synced_from", other.to_owned());
        }
        if let Some(email) = name.filter(|name| name.contains('@')) {
            fresh.state(person.entity, "email", email.to_owned());
        }
        fresh.people.push((person.entity, "signs in through the organisation's identity provider".to_owned()));
    }
}

/// Organisations whose owners no answer names, and roles that are given and not described.
fn missing(tables: &mut Tables) {
    let mut with_owners: FxHashSet<&str> = FxHashSet::default();
    let mut with_members: FxHashSet<&str> = FxHashSet::default();
    for row in tables.memberships.iter().filter(|row| row.kind == MembershipKind::MemberOf) {
        let (member, group) = (tables.entity(row.member), tables.entity(row.container));
        if group.platform != NAME || member.kind == EntityKind::Group {
            continue;
        }
        if let Some((org, "group", name)) = names::parts(&group.id) {
            if name == names::OWNERS {
                with_owners.insert(org)
            } else {
                with_members.insert(org)
            };
        }
    }
    let mut without: Vec<&str> = with_members.difference(&with_owners).copied().collect();
    without.sort_unstable();
    let mut issues: Vec<Issue> = Vec::new();
    for org in without {
        let message = format!(
            "the owners of `{org}` are not in the export: ask for `orgs/{org}/members?role=admin`; who administers it is \
             not known"
        );
        let (severity, code, record) = (IssueSeverity::Warning, "owners_missing".to_owned(), String::new());
        issues.push(Issue { severity, source: None, record, code, message });
    }
    tables.issues.append(&mut issues);
}
