//! Joins what several files say: one name for everything, one policy for every resource, the permissions of the roles
//! that are bound, the conditions that resources decide, and the trusts of federated identities.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::super::NAME;
use super::super::catalog::Catalog;
use super::super::names::{self, Level, Place};
use super::activity::{KEY_USE, UNUSED, use_of};
use super::conditions::{self, World};
use super::estate::{ALSO, Estate, NUMBER, POLICY_TIME};
use super::federation::{PROVIDER, Provider};
use super::roles::give;
use crate::model::{Attribute, Builder, Effect, Entity, EntityKind, Grant, Handle, IssueSeverity, Trust, TrustKind};

/// Scope of people when no organisation, folder or project is in any file.
pub const DIRECTORY: &str = "gcp:directory";

/// See [`crate::platforms::Platform::reconcile`].
pub fn reconcile(builders: &mut [Builder]) {
    let own: Vec<usize> = (0..builders.len()).filter(|&at| builders[at].source.kind.starts_with("gcp-")).collect();
    if own.is_empty() {
        return;
    }
    let aliases = Aliases::of(own.iter().map(|&at| &builders[at]));
    for &at in &own {
        rename(&mut builders[at], &aliases);
    }
    one_policy(builders, &own);
    let world = World::new(own.iter().map(|&at| &builders[at]));
    for &at in &own {
        conditions::settle(&mut builders[at], &world);
    }
    let permissions = expand(builders, &own);
    unused(builders, &own, &permissions);
    trust(builders, &own, &aliases);
    keys(builders, &own);
    for &at in &own {
        api_keys(&mut builders[at]);
    }
    name(builders, &own);
    let has_scope =
        |at: &usize| builders[*at].entities().iter().any(|one| one.kind == EntityKind::Scope && one.present);
    if !own.iter().any(has_scope)
        && let Some(&first) = own.iter().find(|&&at| !builders[at].entities().is_empty())
    {
        let mut scope = Entity::named(DIRECTORY, NAME, EntityKind::Scope, "directory");
        scope.present = true;
        builders[first].define(scope);
    }
}

/// Several names of the same thing.
struct Aliases {
    /// Id by another id.
    ids: FxHashMap<String, String>,
    /// Id of a project by its number.
    projects: FxHashMap<String, String>,
}

impl Aliases {
    fn of<'b>(builders: impl Iterator<Item = &'b Builder>) -> Self {
        let mut out = Self { ids: FxHashMap::default(), projects: FxHashMap::default() };
        for builder in builders {
            for row in &builder.attributes {
                let entity = builder.entity(row.entity);
                match row.key.as_str() {
                    NUMBER => {
                        out.ids.entry(names::project(&row.value)).or_insert_with(|| entity.id.clone());
                        out.projects.entry(row.value.clone()).or_insert_with(|| entity.name.clone());
                    }
                    ALSO if row.value != entity.id => {
                        out.ids.entry(row.value.clone()).or_insert_with(|| entity.id.clone());
                    }
                    _ => {}
                }
            }
        }
        out
    }

    /// The id that stands for another; `None` when it is its own.
    fn fresh(&self, id: &str) -> Option<String> {
        if let Some(found) = self.ids.get(id) {
            return Some(found.clone());
        }
        if id.starts_with("principal") || self.projects.is_empty() {
            return None;
        }
        // The project that a resource or role is in, by number.
        let at = id.find("projects/")? + "projects/".len();
        let end = at + id[at..].find('/')?;
        let project = self.projects.get(&id[at..end])?;
        Some(format!("{}{project}{}", &id[..at], &id[end..]))
    }
}

/// Gives everything in a builder the one name that it has; what thereby becomes the same is joined.
fn rename(builder: &mut Builder, aliases: &Aliases) {
    let known: FxHashMap<String, String> =
        builder.entities().iter().filter_map(|one| Some((one.id.clone(), aliases.fresh(&one.id)?))).collect();
    if known.is_empty() {
        return;
    }
    let mut out = Builder::new(builder.source.clone());
    let new: Vec<Handle> = builder
        .entities()
        .iter()
        .map(|one| match known.get(&one.id) {
            Some(id) => {
                // The name that comes with the id which stays is the better one.
                let name =
                    names::place(id).map_or_else(|| id.rsplit('/').next().unwrap_or(id).to_owned(), |place| place.name);
                let other = Entity { id: id.clone(), name, ..one.clone() };
                let kept = out.handle(id).map(|kept| out.entity(kept).name.clone());
                out.define(kept.map_or(other.clone(), |name| Entity { name, ..other }))
            }
            None => out.define(one.clone()),
        })
        .collect();
    let of = |handle: Handle| new[handle.index()];
    let text = |text: &String| {
        let (head, id) =
            ["role:", "="].iter().find_map(|head| Some((*head, text.strip_prefix(head)?))).unwrap_or(("", text));
        aliases.fresh(id).map_or_else(|| text.clone(), |id| format!("{head}{id}"))
    };
    let list = |list: &[String]| list.iter().map(text).collect::<Vec<_>>();
    out.issues = std::mem::take(&mut builder.issues);
    out.memberships = std::mem::take(&mut builder.memberships)
        .into_iter()
        .map(|row| crate::model::Membership { member: of(row.member), container: of(row.container), ..row })
        .filter(|row| row.member != row.container)
        .collect();
    out.attributes = std::mem::take(&mut builder.attributes)
        .into_iter()
        .map(|row| Attribute { entity: of(row.entity), ..row })
        .collect();
    out.grants = std::mem::take(&mut builder.grants)
        .into_iter()
        .map(|row| Grant {
            holder: of(row.holder),
            actions: list(&row.actions),
            resources: list(&row.resources),
            not_principals: list(&row.not_principals),
            ..row
        })
        .collect();
    out.credentials = std::mem::take(&mut builder.credentials)
        .into_iter()
        .map(|row| {
            let entity = of(row.entity);
            let credential = match row.credential.rsplit_once('#') {
                Some((_, key)) => format!("{}#{key}", out.entity(entity).id),
                None => row.credential,
            };
            crate::model::Credential { credential, entity, ..row }
        })
        .collect();
    out.usage = std::mem::take(&mut builder.usage)
        .into_iter()
        .map(|row| crate::model::Usage { entity: of(row.entity), ..row })
        .collect();
    *builder = out;
}

/// Everything by which a binding is told from another of the same resource.
type Bound = (String, Vec<String>, Option<String>, Option<i64>);

/// Where two files have a policy of the same resource, the later one counts; where it is not said which that is, and
/// they differ, both do.
fn one_policy(builders: &mut [Builder], own: &[usize]) {
    let mut holders: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for &at in own {
        let on: BTreeSet<&String> = bindings(&builders[at]).flat_map(|grant| &grant.resources).collect();
        for resource in on {
            holders.entry(resource.clone()).or_default().push(at);
        }
    }
    let mut dropped: FxHashMap<usize, FxHashSet<String>> = FxHashMap::default();
    for (resource, places) in holders.into_iter().filter(|(_, places)| places.len() > 1) {
        let contents: Vec<BTreeSet<Bound>> = places.iter().map(|&at| content(&builders[at], &resource)).collect();
        let times: Vec<Option<i64>> = places.iter().map(|&at| written(&builders[at], &resource)).collect();
        let mut kept: Vec<usize> = vec![0];
        for number in 1..places.len() {
            if kept.iter().any(|&known| contents[known] == contents[number]) {
                dropped.entry(places[number]).or_default().insert(resource.clone());
            } else if let (Some(this), Some(last)) = (times[number], times[kept[0]]) {
                let older = if this > last { kept[0] } else { number };
                dropped.entry(places[older]).or_default().insert(resource.clone());
                if older == kept[0] {
                    kept[0] = number;
                }
            } else {
                kept.push(number);
                let message = format!(
                    "two files have different policies of `{resource}`, and do not say which is the later: both count"
                );
                builders[places[number]].issue(IssueSeverity::Warning, "policy_conflict", "", message);
            }
        }
    }
    for (at, resources) in dropped {
        let of_resource = |grant: &Grant| {
            grant.effect == Effect::Allow && grant.resources.first().is_some_and(|one| resources.contains(one))
        };
        builders[at].grants.retain(|grant| !of_resource(grant));
        for (number, grant) in (0u32..).zip(&mut builders[at].grants) {
            grant.grant = number;
        }
    }
}

fn bindings(builder: &Builder) -> impl Iterator<Item = &Grant> {
    builder.grants.iter().filter(|grant| grant.effect == Effect::Allow && !grant.resources.is_empty())
}

fn content(builder: &Builder, resource: &str) -> BTreeSet<Bound> {
    let of = bindings(builder).filter(|grant| grant.resources.first().is_some_and(|one| one == resource));
    of.map(|grant| {
        let holder = builder.entity(grant.holder).id.clone();
        (holder, grant.actions.clone(), grant.condition.clone(), grant.expires_at)
    })
    .collect()
}

fn written(builder: &Builder, resource: &str) -> Option<i64> {
    let handle = builder.handle(resource)?;
    let rows = builder.attributes.iter().filter(|row| row.entity == handle && row.key == POLICY_TIME);
    rows.filter_map(|row| row.value.parse().ok()).max()
}

/// States the permissions of predefined roles that something names and no file defines; gives those of every role.
fn expand(builders: &mut [Builder], own: &[usize]) -> FxHashMap<String, Vec<String>> {
    let mut permissions: FxHashMap<String, Vec<String>> = FxHashMap::default();
    for &at in own {
        let builder = &builders[at];
        let of_role = |grant: &&Grant| builder.entity(grant.holder).kind == EntityKind::RoleDefinition;
        for grant in builder.grants.iter().filter(of_role) {
            permissions.insert(builder.entity(grant.holder).id.clone(), grant.actions.clone());
        }
    }
    for &at in own {
        let named: Vec<(Handle, String)> = (0u32..)
            .zip(builders[at].entities())
            .filter(|(_, one)| one.kind == EntityKind::RoleDefinition && one.id.starts_with("roles/"))
            .map(|(number, one)| (crate::model::EntityId(number), one.id.clone()))
            .collect();
        for (handle, role) in named {
            if permissions.contains_key(&role) {
                continue;
            }
            let Some(own) = Catalog::get().role(&role) else { continue };
            let own: Vec<String> = own.into_iter().map(str::to_owned).collect();
            let builder = &mut builders[at];
            let mut known = builder.entity(handle).clone();
            known.present = true;
            builder.replace(handle, known);
            builder.attribute(handle, "predefined", "true");
            give(builder, handle, own.clone(), &role, "");
            permissions.insert(role, own);
        }
    }
    permissions
}

/// States the permissions of the predefined roles that a builder names.
pub fn predefine(builder: &mut Builder) {
    expand(std::slice::from_mut(builder), &[0]);
}

/// What insights say was not used: the permissions of the role without those that were.
fn unused(builders: &mut [Builder], own: &[usize], permissions: &FxHashMap<String, Vec<String>>) {
    for &at in own {
        let builder = &mut builders[at];
        let (insights, rest) = std::mem::take(&mut builder.attributes).into_iter().partition(|row| row.key == UNUSED);
        builder.attributes = rest;
        let insights: Vec<Attribute> = insights;
        let mut used: FxHashMap<Handle, FxHashSet<String>> = FxHashMap::default();
        for row in builder.usage.iter().filter(|row| row.last_used_at.is_some()) {
            used.entry(row.entity).or_default().insert(row.permission.clone());
        }
        for row in insights {
            let Ok(Value::Array(said)) = serde_json::from_str::<Value>(&row.value) else { continue };
            let (Some(role), window) = (said.first().and_then(Value::as_str), (number(&said, 1), number(&said, 2)))
            else {
                continue;
            };
            let place = said.get(3).and_then(Value::as_str).unwrap_or_default().to_owned();
            let known = used.get(&row.entity);
            for permission in permissions.get(role).into_iter().flatten() {
                if known.is_none_or(|known| !known.contains(permission)) {
                    use_of(builder, row.entity, permission.clone(), None, window, &place);
                }
            }
        }
    }
}

fn number(list: &[Value], at: usize) -> Option<i64> {
    list.get(at).and_then(Value::as_i64)
}

/// Trusts of federated identities that policies name, in the issuers that the providers of their pools take tokens of.
fn trust(builders: &mut [Builder], own: &[usize], aliases: &Aliases) {
    let same = |pool: &str| aliases.fresh(pool).unwrap_or_else(|| pool.to_owned());
    let mut providers: BTreeMap<String, Vec<Provider>> = BTreeMap::new();
    for &at in own {
        let rows = builders[at].attributes.iter().filter(|row| row.key == PROVIDER);
        for provider in rows.filter_map(|row| Provider::kept(&row.value)) {
            let known = providers.entry(same(&provider.pool)).or_default();
            if !known.contains(&provider) {
                known.push(provider);
            }
        }
    }
    for &at in own {
        let builder = &mut builders[at];
        let mut fresh = Vec::new();
        for grant in builder.grants.iter().filter(|grant| grant.effect == Effect::Allow) {
            let id = &builder.entity(grant.holder).id;
            if let Some((pool, namespace, name)) = id.strip_prefix(names::ACCOUNT).and_then(names::gke) {
                let issuer = format!("container.googleapis.com/{pool}");
                let says = serde_json::json!({"StringEquals": {format!("{issuer}:sub"): [format!("system:serviceaccount:{namespace}:{name}")]}});
                fresh.extend(trusts(builder, grant, &issuer, &says));
                continue;
            }
            let Some(federated) = names::pool(id) else { continue };
            for provider in providers.get(&same(federated.pool)).into_iter().flatten() {
                if let Some(says) = provider.condition(&federated) {
                    fresh.extend(trusts(builder, grant, &provider.issuer, &says));
                }
            }
        }
        builder.trusts.append(&mut fresh);
    }
}

/// Roles whose holders get tokens of the account that they hold them on.
const IMPERSONATION: [&str; 3] =
    ["role:roles/iam.workloadIdentityUser", "role:roles/iam.serviceAccountTokenCreator", "role:roles/owner"];

/// The trust of an identity in its issuer, and of the account that the grant lets it be.
fn trusts(builder: &Builder, grant: &Grant, issuer: &str, says: &Value) -> Vec<Trust> {
    let one = |target: Handle| Trust {
        target,
        trustee: None,
        trustee_pattern: format!("Federated:{issuer}"),
        action: "sts.tokens.exchange".to_owned(),
        condition: says.as_object().is_some_and(|says| !says.is_empty()).then(|| says.to_string()),
        kind: TrustKind::Federated,
        grant: grant.grant,
    };
    let on = grant.resources.first().filter(|id| id.starts_with(names::ACCOUNT)).and_then(|id| builder.handle(id));
    let account = on.filter(|_| {
        grant.condition.is_none() && grant.actions.iter().any(|role| IMPERSONATION.contains(&role.as_str()))
    });
    std::iter::once(grant.holder).chain(account).map(one).collect()
}

/// Gives places the names that one file has for them, in all of them: of several, the first.
fn name(builders: &mut [Builder], own: &[usize]) {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for &at in own {
        for one in builders[at].entities().iter().filter(|one| one.kind == EntityKind::Scope) {
            if names::place(&one.id).is_some_and(|place| place.name != one.name) {
                names.entry(one.id.clone()).or_insert_with(|| one.name.clone());
            }
        }
    }
    for &at in own {
        for (id, name) in &names {
            if let Some(handle) = builders[at].handle(id) {
                let known = Entity { name: name.clone(), ..builders[at].entity(handle).clone() };
                builders[at].replace(handle, known);
            }
        }
    }
}

/// Every project has keys or can have some.
fn api_keys(builder: &mut Builder) {
    let projects: Vec<Place> = builder
        .entities()
        .iter()
        .filter(|one| one.kind == EntityKind::Scope && one.present)
        .filter_map(|one| names::place(&one.id).filter(|place| place.level == Level::Project))
        .collect();
    let mut estate = Estate::new(builder);
    for project in projects {
        estate.api_keys(&project);
    }
}

/// Puts what activities say of keys to the keys.
fn keys(builders: &mut [Builder], own: &[usize]) {
    let mut used: FxHashMap<String, Option<i64>> = FxHashMap::default();
    for &at in own {
        for row in builders[at].attributes.iter().filter(|row| row.key == KEY_USE) {
            let (key, said) = row.value.split_once(' ').unwrap_or((&row.value, "never"));
            let known = used.entry(key.to_owned()).or_default();
            *known = (*known).max(said.parse().ok());
        }
    }
    for &at in own {
        builders[at].attributes.retain(|row| row.key != KEY_USE);
        for row in &mut builders[at].credentials {
            let key = row.credential.rsplit_once('#').map(|(_, key)| key);
            if let Some(last) = key.and_then(|key| used.get(key)) {
                row.last_used_at = *last;
                row.never_used = Some(last.is_none());
            }
        }
    }
}
