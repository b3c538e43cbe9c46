//! Brings together what several files say of one thing, before they are joined.
//!
//! An application has two ids; a role that it defines is known by an id in assignments and by a name elsewhere; an
//! assignment can be in several lists; a role can be one that every tenant has and no file defines; and the condition of a
//! part of a role is one of all its assignments.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::{NAME, catalog};
use super::applications::{APP_ID, APP_ROLE};
use super::names;
use super::rbac::unlimited;
use super::roles::BUILT_IN;
use crate::model::rebuild::{Fate, Identification, keep_grants, rename};
use crate::model::{Builder, Effect, Entity, EntityKind, Grant, Layer};

/// Role whose holders can make themselves administrators of every subscription.
const GLOBAL_ADMINISTRATOR: &str = "azure:entra-role/62e90394-69f5-4237-9190-012177145e10";
/// The permission to do so.
const ELEVATE: &str = "Microsoft.Authorization/elevateAccess/Action";

/// See [`super::reconcile`].
pub fn settle(builders: &mut [Builder]) {
    if builders.iter().flat_map(Builder::entities).all(|entity| entity.platform != NAME) {
        return;
    }
    applications(builders);
    app_roles(builders);
    ends(builders);
    copies(builders);
    built_in(builders);
    conditional_roles(builders);
    names_of_roles(builders);
    planes(builders);
}

/// No role gives anything in planes that are not its own, not even one of which nothing is known.
fn planes(builders: &mut [Builder]) {
    let (directory, manager) = (format!("role:{}", names::entra_role("")), format!("role:{}", names::role("")));
    let administrator = format!("role:{GLOBAL_ADMINISTRATOR}");
    for grant in builders.iter_mut().flat_map(|builder| &mut builder.grants) {
        let [action] = &grant.actions[..] else { continue };
        let others: &[&str] = if action.starts_with(&directory) && *action != administrator {
            &["*", "data:*"]
        } else if action.starts_with(&manager) && grant.resources.iter().any(|resource| resource == "*") {
            &["entra:*"]
        } else {
            continue;
        };
        let others = others.iter().chain(&["graph:*", "app:*", "keyvault:*"]);
        grant.not_actions.extend(others.map(|plane| (*plane).to_owned()));
    }
}

/// Assignments are shown by the names of their roles.
fn names_of_roles(builders: &mut [Builder]) {
    let mut known: FxHashMap<String, String> = FxHashMap::default();
    for entity in builders.iter().flat_map(Builder::entities) {
        if entity.kind == EntityKind::RoleDefinition
            && entity.platform == NAME
            && entity.name != names::last(&entity.id)
        {
            known.insert(entity.id.clone(), entity.name.clone());
        }
    }
    for grant in builders.iter_mut().flat_map(|builder| &mut builder.grants) {
        let [action] = &grant.actions[..] else { continue };
        if let Some(name) = action.strip_prefix("role:").and_then(|role| known.get(role)) {
            grant.policy.clone_from(name);
        }
    }
}

/// Scopes that name an application by the id of its object, or by that which tokens carry.
fn applications(builders: &mut [Builder]) {
    let (mut known, mut objects) = (FxHashMap::default(), FxHashSet::default());
    for entity in builders.iter().flat_map(Builder::entities).filter(|one| one.platform == NAME && one.present) {
        match entity.kind {
            EntityKind::Application => {
                known.insert(names::object(names::last(&entity.id)), Identification::of(entity));
                if let Some(object) = &entity.unique_id {
                    known.insert(names::object(object), Identification::of(entity));
                }
            }
            EntityKind::ServiceAccount => drop(objects.insert(entity.id.clone())),
            _ => {}
        }
    }
    // Service principals are named by their application's id only where the application is not in the export.
    for entity in builders.iter().flat_map(Builder::entities).filter(|one| objects.contains(&one.id)) {
        if let Some(app) = &entity.unique_id {
            known.entry(names::object(app)).or_insert_with(|| Identification::of(entity));
        }
    }
    known.retain(|id, found| !objects.contains(id) && *id != found.id);
    for builder in builders.iter_mut() {
        rename(builder, |entity| match known.get(&entity.id) {
            Some(found) if !entity.present => Fate::Is(Box::new(found.clone())),
            _ => Fate::Keep,
        });
        for resource in builder.grants.iter_mut().flat_map(|grant| &mut grant.resources) {
            if let Some(found) = known.get(resource.as_str()) {
                resource.clone_from(&found.id);
            }
        }
    }
}

/// Roles of applications by their names.
fn app_roles(builders: &mut [Builder]) {
    let mut roles: FxHashMap<String, (bool, String)> = FxHashMap::default();
    for builder in builders.iter() {
        let of_graph: FxHashSet<_> = builder
            .attributes
            .iter()
            .filter(|row| row.key == APP_ID && row.value == names::GRAPH_APP)
            .map(|row| row.entity)
            .collect();
        for row in builder.attributes.iter().filter(|row| row.key == APP_ROLE) {
            if let Some((id, value)) = row.value.split_once(' ') {
                roles.insert(format!("{}{id}", catalog::APP), (of_graph.contains(&row.entity), value.to_owned()));
            }
        }
    }
    for grant in builders.iter_mut().flat_map(|builder| &mut builder.grants) {
        let [action] = &mut grant.actions[..] else { continue };
        let Some((of_graph, value)) = roles.get(action.as_str()) else { continue };
        *action = format!("{}{value}", if *of_graph { catalog::GRAPH_PLANE } else { catalog::APP });
        if *of_graph {
            grant.resources = vec!["*".to_owned()];
        }
    }
}

/// Whether a grant gives roles.
fn gives_role(grant: &Grant) -> bool {
    grant.actions.iter().any(|action| action.starts_with("role:"))
}

/// An assignment that a schedule ends, ends with it: the list of assignments alone does not say when.
fn ends(builders: &mut [Builder]) {
    let key = |builder: &Builder, grant: &Grant| (builder.entity(grant.holder).id.clone(), grant.statement.clone());
    let mut ends: FxHashMap<(String, String), i64> = FxHashMap::default();
    for builder in builders.iter() {
        for grant in builder.grants.iter().filter(|grant| gives_role(grant) && grant.condition.is_none()) {
            if let Some(end) = grant.expires_at {
                let known = ends.entry(key(builder, grant)).or_insert(end);
                *known = end.max(*known);
            }
        }
    }
    for builder in builders.iter_mut().filter(|_| !ends.is_empty()) {
        let found: Vec<Option<i64>> =
            builder.grants.iter().map(|grant| ends.get(&key(builder, grant)).copied()).collect();
        for (grant, end) in builder.grants.iter_mut().zip(found) {
            if gives_role(grant) && grant.expires_at.is_none() {
                grant.expires_at = end;
            }
        }
    }
}

/// What tells rights apart, beside where they were read.
type Content = (String, String, [Vec<String>; 3], Option<String>, Option<i64>);

/// The same assignment in several lists counts once.
fn copies(builders: &mut [Builder]) {
    let mut seen: FxHashSet<Content> = FxHashSet::default();
    for builder in builders.iter_mut() {
        let own = |grant: &Grant| builder.entity(grant.holder).platform == NAME && grant.layer != Layer::Resource;
        let repeated: BTreeSet<u32> = builder
            .grants
            .iter()
            .filter(|grant| own(grant))
            .filter(|grant| {
                let lists = [grant.actions.clone(), grant.not_actions.clone(), grant.resources.clone()];
                let holder = builder.entity(grant.holder).id.clone();
                !seen.insert((holder, grant.statement.clone(), lists, grant.condition.clone(), grant.expires_at))
            })
            .map(|grant| grant.grant)
            .collect();
        if !repeated.is_empty() {
            keep_grants(builder, |grant| !repeated.contains(&grant.grant));
        }
    }
}

/// Roles that are assigned and that no file defines: those that every tenant has are known all the same.
fn built_in(builders: &mut [Builder]) {
    let mut said: FxHashSet<String> = FxHashSet::default();
    for builder in builders.iter() {
        let roles =
            builder.entities().iter().filter(|one| one.kind == EntityKind::RoleDefinition && one.platform == NAME);
        said.extend(roles.filter(|one| one.present).map(|one| one.id.clone()));
    }
    let mut elevates = false;
    for builder in builders.iter_mut() {
        let roles =
            builder.entities().iter().filter(|one| one.kind == EntityKind::RoleDefinition && one.platform == NAME);
        let roles: Vec<String> = roles.map(|one| one.id.clone()).collect();
        for id in roles {
            if id == GLOBAL_ADMINISTRATOR && !elevates {
                elevates = true;
                push(builder, &id, "elevate access", vec![ELEVATE.to_owned()], Vec::new(), None);
            }
            if said.insert(id.clone()) {
                define(builder, &id);
            }
        }
    }
}

/// Defines a role from the catalogue; one that it does not have stays unknown.
pub fn define(builder: &mut Builder, id: &str) {
    let of_directory = id.starts_with(&names::entra_role(""));
    let known = if of_directory { catalog::entra_role(names::last(id)) } else { catalog::role(names::last(id)) };
    let Some(known) = known else { return };
    let mut entity = Entity::named(id, NAME, EntityKind::RoleDefinition, known.name);
    entity.present = true;
    let role = builder.define(entity);
    builder.attribute(role, BUILT_IN, "true");
    for (at, part) in known.permissions.iter().enumerate() {
        let (actions, not_actions) = (part.actions.clone(), part.not_actions.clone());
        push(builder, id, &format!("#{at}"), actions, not_actions, part.condition.clone());
    }
    // The catalogue has the permissions by which privilege grows, so that of others nothing is known.
    if of_directory
        && !known.permissions.iter().any(|part| part.actions.iter().any(|action| action == "entra:microsoft.*"))
    {
        let why = format!("the other permissions of the built-in role `{}` are not in the export", known.name);
        push(builder, id, "rest", vec![format!("{}*", catalog::ENTRA)], catalog::decisive().to_vec(), Some(why));
    }
}

/// Adds a part of a role's permissions.
fn push(
    builder: &mut Builder,
    role: &str,
    statement: &str,
    actions: Vec<String>,
    not_actions: Vec<String>,
    condition: Option<String>,
) {
    let Some(holder) = builder.handle(role) else { return };
    let policy = builder.entity(holder).name.clone();
    let grant = u32::try_from(builder.grants.len()).unwrap_or(u32::MAX);
    builder.grants.push(Grant {
        grant,
        holder,
        effect: Effect::Allow,
        actions,
        not_actions,
        resources: Vec::new(),
        not_resources: Vec::new(),
        principals: Vec::new(),
        not_principals: Vec::new(),
        condition: condition.map(|words| serde_json::Value::String(words).to_string()),
        variables: false,
        layer: Layer::Identity,
        policy,
        statement: statement.to_owned(),
        granted_at: None,
        expires_at: None,
        source: builder.source_id(),
        record: String::new(),
    });
}

/// Parts of a role that hang on a condition become roles of their own, which its assignments give on that condition.
fn conditional_roles(builders: &mut [Builder]) {
    let mut parts: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for builder in builders.iter_mut() {
        let is_part = |grant: &&Grant| {
            let holder = builder.entity(grant.holder);
            grant.condition.is_some() && holder.platform == NAME && holder.kind == EntityKind::RoleDefinition
        };
        let found: Vec<Grant> = builder.grants.iter().filter(is_part).cloned().collect();
        for grant in found {
            let (role, words) = (builder.entity(grant.holder).clone(), condition_of(&grant));
            let own = parts.entry(role.id.clone()).or_default();
            let id = format!("{}#{}", role.id, own.len());
            own.push((id.clone(), words.clone()));
            let Some(whole) = builder.grants.get_mut(grant.grant as usize) else { continue };
            // What the condition leaves free stays with the role.
            match unlimited(&words) {
                Some(free) => whole.not_actions.extend(free),
                None => whole.actions.clear(),
            }
            whole.condition = None;
            if whole.actions.is_empty() {
                whole.not_actions.clear();
            }
            builder.define(Entity { id: id.clone(), entity: crate::model::EntityId(0), ..role });
            push(builder, &id, &grant.statement, grant.actions, grant.not_actions, None);
        }
    }
    for builder in builders.iter_mut().filter(|_| !parts.is_empty()) {
        let assigned: Vec<Grant> = builder.grants.iter().filter(|grant| gives_role(grant)).cloned().collect();
        for grant in assigned {
            let Some(own) = grant.actions[0].strip_prefix("role:").and_then(|role| parts.get(role)) else { continue };
            for (id, words) in own {
                builder.refer(id, NAME, EntityKind::RoleDefinition, names::last(id));
                let condition = grant.condition.as_ref().map(|_| condition_of(&grant));
                let words = condition.into_iter().chain([words.clone()]).collect::<Vec<_>>().join("; ");
                let number = u32::try_from(builder.grants.len()).unwrap_or(u32::MAX);
                builder.grants.push(Grant {
                    grant: number,
                    actions: vec![format!("role:{id}")],
                    condition: Some(serde_json::Value::String(words).to_string()),
                    ..grant.clone()
                });
            }
        }
    }
}

/// A condition as it was written.
fn condition_of(grant: &Grant) -> String {
    let written = grant.condition.as_deref().unwrap_or_default();
    serde_json::from_str::<String>(written).unwrap_or_else(|_| written.to_owned())
}
