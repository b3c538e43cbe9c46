//! Repositories, who has which role in them, deploy keys and webhooks.

use serde_json::Value;

use super::super::{NAME, names};
use super::context::{Context, Dates};
use super::{actions, branches};
use crate::model::{CredentialKind, Entity, EntityKind, Handle};
use crate::platforms::input::api::{self, Request};

/// A repository. What it says of permissions is about whoever made the export, and is left out.
pub fn read(context: &mut Context<'_>, asked: &str, value: &Value) {
    let full = api::text(value, "full_name");
    let Some((owner, name)) = full.as_deref().and_then(|full| full.split_once('/')) else {
        let message = "a repository without a `full_name`".to_owned();
        return context.out.skip("full_name_missing", context.place, message);
    };
    let mut entity = Entity::named(&names::repo(owner, name), NAME, EntityKind::Resource, &format!("{owner}/{name}"));
    entity.unique_id = api::text(value, "id").map(std::borrow::Cow::into_owned);
    entity.created_at = context.time(value, "created_at");
    let archived = api::flag(value, "archived");
    entity.enabled = archived.map(|archived| !archived && api::flag(value, "disabled") != Some(true));
    let repo = context.define_as(entity, owner);
    let scope = context.org(owner);
    context.contain(repo, scope);
    context.state(repo, value, &["visibility", "private", "archived", "fork", "default_branch"]);
    for topic in api::texts(value, "topics") {
        context.out.attribute(repo, "topic", topic);
    }
    if owner_is_person(value) {
        let owner_account = value.get("owner").and_then(|account| context.account(account, owner));
        let owners = context.group(names::OWNERS, owner);
        if let Some(account) = owner_account {
            context.member(account, owners);
        }
    }
    let workflow = actions::workload(context, owner, name, "workflow", "");
    let url = api::text(value, "url").unwrap_or_default();
    context.out.attribute(workflow, "oidc_issuer", &super::subject::issuer(&url));
    context.out.attribute(workflow, "oidc_repository", &format!("{owner}/{name}"));
    for (key, attribute) in [("id", "oidc_repository_id"), ("visibility", "oidc_visibility")] {
        if let Some(text) = api::text(value, key) {
            context.out.attribute(workflow, attribute, &text);
        }
    }
    if archived == Some(true) {
        context.out.attribute(workflow, "actions_disabled", "true");
    }
    if let Some(branch) = api::text(value, "default_branch") {
        branches::entity(context, owner, name, &branch);
    }
    if !asked.eq_ignore_ascii_case(owner) {
        context.warn("owner_differs", format!("`{owner}/{name}` stands in the answer about `{asked}`"));
    }
}

fn owner_is_person(value: &Value) -> bool {
    value.get("owner").and_then(|owner| owner.get("type")).and_then(Value::as_str) == Some("User")
}

/// The role that a record gives: by name, else the highest of its flags.
fn role_of(value: &Value) -> Option<String> {
    if let Some(role) = api::text(value, "role_name") {
        return Some(names::role_name(&role).to_owned());
    }
    let flags = value.get("permissions")?;
    let highest = ["admin", "maintain", "push", "triage", "pull"];
    let found = highest.into_iter().find(|name| api::flag(flags, name) == Some(true))?;
    Some(names::role_name(found).to_owned())
}

fn give(context: &mut Context<'_>, holder: Handle, role: Option<String>, owner: &str, repo: &str, by: &str) {
    match role {
        Some(role) => context.role(holder, &role, names::repo(owner, repo), owner, by),
        None => context.out.skip("role_missing", context.place, "access without a role that can be read".to_owned()),
    }
}

/// A collaborator. Without `affiliation=direct` the list is of everyone's effective role, whatever gives it.
pub fn collaborator(context: &mut Context<'_>, owner: &str, repo: &str, request: &Request, value: &Value) {
    let Some(user) = context.account(value, owner) else {
        return context.out.skip("login_missing", context.place, "a collaborator without a `login`".to_owned());
    };
    context.repo(owner, repo);
    let direct = request.asks("affiliation", "direct") || request.asks("affiliation", "outside");
    let by = if direct { "collaborator" } else { "effective role of a collaborator" };
    give(context, user, role_of(value), owner, repo, by);
}

/// A repository of a team's list.
pub fn of_team(context: &mut Context<'_>, org: &str, team: &str, value: &Value) {
    let full = api::text(value, "full_name");
    let Some((owner, name)) = full.as_deref().and_then(|full| full.split_once('/')) else {
        return context.out.skip("full_name_missing", context.place, "a repository without a `full_name`".to_owned());
    };
    context.repo(owner, name);
    let group = context.team(team, org);
    give(context, group, role_of(value), owner, name, "team");
}

/// A team of a repository's list.
pub fn team(context: &mut Context<'_>, owner: &str, repo: &str, value: &Value) {
    let Some(slug) = api::text(value, "slug") else {
        return context.out.skip("slug_missing", context.place, "a team without a `slug`".to_owned());
    };
    context.repo(owner, repo);
    let group = context.team(&slug, owner);
    let role = api::text(value, "permission").map(|role| names::role_name(&role).to_owned());
    give(context, group, role.or_else(|| role_of(value)), owner, repo, "team");
}

/// A deploy key: whoever holds its private half is in the repository without being anybody.
pub fn key(context: &mut Context<'_>, owner: &str, repo: &str, value: &Value) {
    let Some(id) = api::text(value, "id") else {
        return context.out.skip("id_missing", context.place, "a deploy key without an `id`".to_owned());
    };
    let parent = context.repo(owner, repo);
    let name = names::of_repo(owner, repo, "key", &id);
    let title = api::text(value, "title").unwrap_or_else(|| "deploy key".into());
    let mut entity = Entity::named(&name, NAME, EntityKind::ServiceAccount, &title);
    entity.nhi = Some(true);
    entity.nhi_reason = Some("deploy key".to_owned());
    entity.created_at = context.time(value, "created_at");
    entity.last_used_at = context.time(value, "last_used");
    entity.last_used_source = entity.last_used_at.map(|_| "github-api".to_owned());
    entity.owner = api::text(value, "added_by").map(std::borrow::Cow::into_owned);
    let active = api::flag(value, "enabled").unwrap_or(true) && api::flag(value, "verified") != Some(false);
    entity.enabled = Some(active);
    let dates = Dates {
        created_at: entity.created_at,
        last_used_at: entity.last_used_at,
        never_used: value.get("last_used").is_some_and(Value::is_null).then_some(true),
        active: Some(active),
        expires_at: None,
    };
    let holder = context.define_as(entity, owner);
    context.contain(holder, parent);
    context.credential(name, holder, CredentialKind::SshKey, dates);
    let role = match api::flag(value, "read_only") {
        Some(true) => "read",
        Some(false) => "write",
        None => return context.warn("key_access_unknown", "whether this key may write is not told".to_owned()),
    };
    if active {
        context.role(holder, role, names::repo(owner, repo), owner, "deploy key");
    }
}

/// A webhook: it gets told what happens. Its secret is masked by the service and never read.
pub fn hook(context: &mut Context<'_>, place: &[&str], value: &Value) {
    let Some(id) = api::text(value, "id") else { return };
    let (parent, name, owner) = match place {
        [owner, repo, ..] if value.get("url").and_then(Value::as_str).is_none_or(|url| url.contains("/repos/")) => {
            (context.repo(owner, repo), names::of_repo(owner, repo, "hook", &id), *owner)
        }
        [org, ..] => (context.org(org), names::of_org(org, "hook", &id), *org),
        [] => return,
    };
    let config = value.get("config").unwrap_or(&Value::Null);
    let target = api::text(config, "url").unwrap_or_default();
    // Addresses carry tokens in their path or query often enough: the host is all that is kept.
    let host = api::Request::of_url(&target).host;
    let hook = context.define(&name, EntityKind::Resource, &format!("webhook to {host}"), owner);
    context.contain(hook, parent);
    context.state(hook, value, &["active"]);
    context.state(hook, config, &["insecure_ssl"]);
}
