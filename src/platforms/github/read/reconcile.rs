//! What several answers together come to: what built-in roles give, what owners may, and what guards which branch.
//!
//! A guard is a deny for everybody but those whom it leaves alone: on a condition where it asks for something (somebody
//! else's approval), without one where only some may push. Branches with the same guard share a row.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::super::catalog::{self, Rank};
use super::super::{NAME, names};
use super::branches::{ALLOWED, BY_ORGANISATION, EXEMPT, GUARD, PROTECTED, READ, RESTRICTED, UNPROTECTED};
use super::context::{Context, Right, blank};
use super::rulesets::RULESET;
use crate::model::text::glob;
use crate::model::{Builder, Effect, Entity, EntityKind, Grant, Layer};
use crate::platforms::input::api;

/// What a push to a branch is.
const PUSH: [&str; 2] = ["contents.write", "workflows.write"];

/// What is known of one branch.
#[derive(Debug, Default)]
struct Branch {
    org: String,
    repo: String,
    name: String,
    protected: Option<bool>,
    /// Whether its rules were read.
    read: bool,
    guards: BTreeSet<String>,
    exempt: BTreeSet<String>,
    restricted: bool,
    allowed: BTreeSet<String>,
    by_organisation: bool,
}

/// A repository, as far as rulesets ask.
#[derive(Debug, Default)]
struct Repository {
    org: String,
    name: String,
    default_branch: Option<String>,
    archived: bool,
    /// Branches that nothing protects.
    unprotected: BTreeSet<String>,
}

/// What all sources say.
#[derive(Default)]
struct Survey {
    /// Organisations, with the first source that names them.
    orgs: BTreeMap<String, usize>,
    /// Built-in roles that are given.
    roles: BTreeSet<String>,
    branches: BTreeMap<String, Branch>,
    repositories: BTreeMap<String, Repository>,
    /// Rulesets, with whose they are.
    rulesets: Vec<(String, String)>,
    /// Rulesets whose rules are not in the export, by whose they are.
    unread: BTreeSet<String>,
    /// Teams and apps by `team:` or `app:` and their number.
    numbered: FxHashMap<String, String>,
    /// Workflows, with what their token may do by default.
    tokens: BTreeMap<String, Option<String>>,
    default_tokens: BTreeMap<String, String>,
}

/// See [`crate::platforms::Platform::reconcile`].
pub fn reconcile(builders: &mut [Builder]) {
    let mut survey = Survey::default();
    for (at, builder) in builders.iter().enumerate() {
        survey.entities(at, builder);
        survey.attributes(builder);
    }
    if survey.orgs.is_empty() {
        return;
    }
    survey.tokens(builders);
    for builder in builders.iter() {
        let named = builder.grants.iter().flat_map(|grant| &grant.actions);
        survey.roles.extend(named.filter_map(|action| action.strip_prefix(names::ROLE)).map(str::to_owned));
    }
    survey.apply_lists();
    survey.apply_rulesets();
    for (org, &at) in &survey.orgs {
        let login = org.strip_prefix(NAME).and_then(|rest| rest.strip_prefix(':')).unwrap_or(org);
        let mut context = Context { out: &mut builders[at], place: "" };
        owners(&mut context, login);
        survey.define_roles(&mut context, org, login);
        survey.guard(&mut context, org, login);
    }
}

impl Survey {
    fn entities(&mut self, at: usize, builder: &Builder) {
        for entity in builder.entities().iter().filter(|entity| entity.platform == NAME) {
            let scope = entity.scope.clone().unwrap_or_default();
            match (entity.kind, entity.unique_id.as_deref()) {
                (EntityKind::Scope, _) => drop(self.orgs.entry(entity.id.clone()).or_insert(at)),
                (EntityKind::Group, Some(number)) => {
                    self.numbered.insert(format!("team:{number}"), entity.id.clone());
                }
                (EntityKind::Application | EntityKind::Agent, Some(number)) => {
                    self.numbered.insert(format!("app:{number}"), entity.id.clone());
                }
                (EntityKind::Resource, _) if is_repository(&entity.id) => {
                    let fresh = || Repository {
                        org: scope,
                        name: entity.id.rsplit('/').next().unwrap_or_default().to_owned(),
                        ..Repository::default()
                    };
                    self.repositories.entry(entity.id.clone()).or_insert_with(fresh);
                }
                _ => {}
            }
        }
    }

    fn attributes(&mut self, builder: &Builder) {
        for row in &builder.attributes {
            let entity = builder.entity(row.entity);
            if entity.platform != NAME {
                continue;
            }
            let (key, value) = (row.key.as_str(), row.value.clone());
            match (entity.kind, key) {
                (_, RULESET) => self.rulesets.push((entity.id.clone(), value)),
                (_, "ruleset_unread") => drop(self.unread.insert(entity.id.clone())),
                (EntityKind::Resource, "default_branch" | "archived" | UNPROTECTED) => {
                    let one = self.repositories.entry(entity.id.clone()).or_default();
                    match key {
                        "archived" => one.archived |= value == "true",
                        "default_branch" => one.default_branch = Some(value),
                        _ => drop(one.unprotected.insert(value)),
                    }
                }
                (EntityKind::Workload, _) => self.workload(entity, key, value),
                (EntityKind::Scope, "default_workflow_permissions") => {
                    self.default_tokens.insert(entity.id.clone(), value);
                }
                _ => {}
            }
        }
    }

    fn workload(&mut self, entity: &Entity, key: &str, value: String) {
        if entity.id.ends_with("/workflow") && matches!(key, "runs" | "default_workflow_permissions") {
            let known = self.tokens.entry(entity.id.clone()).or_default();
            if key == "default_workflow_permissions" {
                *known = Some(value);
            }
            return;
        }
        let Some((repo, _)) = entity.id.split_once("/branch/") else { return };
        let branch = self.branches.entry(entity.id.clone()).or_default();
        branch.org = entity.scope.clone().unwrap_or_default();
        repo.clone_into(&mut branch.repo);
        match key {
            "branch" => branch.name = value,
            PROTECTED => branch.protected = Some(branch.protected == Some(true) || value == "true"),
            READ => branch.read = true,
            GUARD => drop(branch.guards.insert(value)),
            EXEMPT => drop(branch.exempt.insert(value)),
            RESTRICTED => branch.restricted = true,
            ALLOWED => drop(branch.allowed.insert(value)),
            BY_ORGANISATION => branch.by_organisation = true,
            _ => {}
        }
    }

    /// Gives workflows the role that their token has by default: reading, where nothing says more.
    fn tokens(&mut self, builders: &mut [Builder]) {
        for builder in builders {
            let own: Vec<(String, String)> = builder
                .entities()
                .iter()
                .filter(|entity| entity.present && self.tokens.contains_key(&entity.id))
                .map(|entity| (entity.id.clone(), entity.scope.clone().unwrap_or_default()))
                .collect();
            for (id, org) in own {
                let stated = self.tokens.remove(&id).flatten().or_else(|| self.default_tokens.get(&org).cloned());
                let role = if stated.as_deref() == Some("write") { "write" } else { "read" };
                let Some(holder) = builder.handle(&id) else { continue };
                let repo = id.strip_suffix("/workflow").unwrap_or(&id).to_owned();
                let login = org.split_once(':').map_or("", |(_, login)| login).to_owned();
                Context { out: builder, place: "" }.role(holder, role, repo, &login, "GITHUB_TOKEN");
            }
        }
    }

    /// Lists of branches say which of them nothing protects.
    fn apply_lists(&mut self) {
        for branch in self.branches.values_mut().filter(|branch| branch.protected.is_none()) {
            let listed =
                self.repositories.get(&branch.repo).is_some_and(|repo| repo.unprotected.contains(&branch.name));
            branch.protected = listed.then_some(false);
        }
    }

    fn apply_rulesets(&mut self) {
        for (holder, text) in &self.rulesets {
            let Ok(ruleset) = serde_json::from_str::<Value>(text) else { continue };
            let of_org = !is_repository(holder);
            let bypass: BTreeSet<&str> = api::texts(&ruleset, "bypass").collect();
            // Roles in lists of actors: 2 maintain, 4 write, 5 admin.
            if bypass.contains("role:4") {
                continue;
            }
            for branch in self.branches.values_mut() {
                let Some(repo) = self.repositories.get(&branch.repo) else { continue };
                let inside = if of_org { branch.org == *holder } else { branch.repo == *holder };
                if !inside || (of_org && !selects_repository(&ruleset, &repo.name)) || !selects(&ruleset, branch, repo)
                {
                    continue;
                }
                branch.protected = Some(true);
                branch.guards.extend(api::texts(&ruleset, "guards").map(str::to_owned));
                branch.by_organisation |= of_org && !bypass.contains("role:5");
                let known = bypass.iter().filter_map(|actor| {
                    if actor.starts_with(NAME) { Some((*actor).to_owned()) } else { self.numbered.get(*actor).cloned() }
                });
                branch.exempt.extend(known);
                branch.read = true;
            }
        }
        for branch in self.branches.values_mut().filter(|branch| !branch.read) {
            if self.unread.contains(&branch.org) || self.unread.contains(&branch.repo) {
                branch.guards.insert("a ruleset whose rules are not in the export may guard the branch".to_owned());
            }
        }
    }

    fn define_roles(&self, context: &mut Context<'_>, org: &str, login: &str) {
        for id in &self.roles {
            let Some((owner, "role", name)) = names::parts(id) else { continue };
            let (Some(rank), true) = (Rank::of(name), names::org(owner) == org) else { continue };
            let role = context.define(id, EntityKind::RoleDefinition, name, login);
            let grant = next(context.out);
            let source = context.out.source_id();
            let policy = name.to_owned();
            context.out.grants.push(Grant { policy, source, ..blank(grant, role, catalog::of_role(rank)) });
        }
    }

    /// Denies of an organisation for its branches and archived repositories.
    fn guard(&self, context: &mut Context<'_>, org: &str, login: &str) {
        /// Actions, what the deny hangs on, and whom it leaves alone.
        type Deny<'a> = (Vec<&'a str>, Option<String>, BTreeSet<String>);
        let mut rows: BTreeMap<Deny<'_>, Vec<String>> = BTreeMap::new();
        let mut add = |actions: &[&'static str], condition, exempt: &BTreeSet<String>, id: &str| {
            rows.entry((actions.to_vec(), condition, exempt.clone())).or_default().push(id.to_owned());
        };
        for (id, branch) in self.branches.iter().filter(|(_, branch)| branch.org == org) {
            if branch.restricted {
                add(&PUSH, None, &branch.allowed, id);
            }
            for guard in &branch.guards {
                add(&PUSH, Some(guard.clone()), &branch.exempt, id);
            }
            let open = branch.guards.is_empty() && !branch.restricted;
            let unknown = match (branch.protected, branch.read) {
                (Some(false), _) | (Some(true), true) => None,
                (Some(true), false) => Some("what protects the branch is not in the export"),
                (None, _) => Some("whether something protects the branch is not in the export"),
            };
            if let Some(unknown) = unknown.filter(|_| open) {
                add(&PUSH, Some(unknown.to_owned()), &BTreeSet::new(), id);
            }
            if branch.by_organisation {
                let owners = names::of_org(login, "group", names::OWNERS);
                add(&["branch_protection.write"], None, &BTreeSet::from([owners]), id);
            }
        }
        for (id, _) in self.repositories.iter().filter(|(_, one)| one.archived && one.org == org) {
            add(
                &["contents.write", "issues.write", "pull_requests.write", "workflows.write"],
                None,
                &BTreeSet::new(),
                id,
            );
        }
        let holder = context.org(login);
        for ((actions, condition, exempt), resources) in rows {
            let grant = next(context.out);
            let source = context.out.source_id();
            let actions = actions.into_iter().map(str::to_owned).collect();
            context.out.grants.push(Grant {
                effect: Effect::Deny,
                layer: Layer::DenyPolicy,
                resources,
                not_principals: exempt.into_iter().collect(),
                condition: condition.map(|text| Value::String(text).to_string()),
                policy: "protection".to_owned(),
                statement: "branch protection and rulesets".to_owned(),
                source,
                ..blank(grant, holder, actions)
            });
        }
    }
}

fn next(out: &Builder) -> u32 {
    u32::try_from(out.grants.len()).unwrap_or(u32::MAX)
}

/// Owners may do everything, and are members.
fn owners(context: &mut Context<'_>, login: &str) {
    let owners = context.group(names::OWNERS, login);
    let members = context.group(names::MEMBERS, login);
    context.member(owners, members);
    let (resource, actions) = (names::org(login), vec!["*".to_owned()]);
    context.right(Right {
        holder: owners,
        actions,
        resource,
        condition: None,
        policy: "owner",
        statement: "organization role",
    });
}

fn is_repository(id: &str) -> bool {
    names::parts(id).is_some_and(|(_, kind, rest)| kind == "repo" && !rest.contains('/'))
}

/// Whether a ruleset of an organisation is for a repository. What selects by anything but its name is taken to be.
fn selects_repository(ruleset: &Value, name: &str) -> bool {
    let Some(selector) = ruleset.get("repositories").filter(|selector| selector.is_object()) else { return true };
    let any =
        |key| api::texts(selector, key).any(|pattern| pattern == "~ALL" || glob(&pattern.to_ascii_lowercase(), name));
    any("include") && !any("exclude")
}

/// Whether a ruleset is for a branch.
fn selects(ruleset: &Value, branch: &Branch, repo: &Repository) -> bool {
    let Some(refs) = ruleset.get("refs").filter(|refs| refs.is_object()) else { return true };
    let full = format!("refs/heads/{}", branch.name);
    let any = |key| {
        api::texts(refs, key).any(|pattern| match pattern {
            "~ALL" => true,
            "~DEFAULT_BRANCH" => repo.default_branch.as_deref() == Some(&branch.name),
            pattern => glob(pattern, &full),
        })
    };
    any("include") && !any("exclude")
}
