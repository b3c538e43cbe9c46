//! People, groups, rules that fill groups, identity providers.

use std::borrow::Cow;

use serde_json::Value;

use super::context::{Context, id};
use crate::model::{CredentialKind, Entity, EntityKind, Handle, MembershipKind};
use crate::platforms::input::api;

/// The organisation.
pub fn org(context: &mut Context<'_>, value: &Value) {
    let scope = context.org();
    if let Some(number) = api::text(value, "id") {
        context.out.attribute(scope, "org_id", &number);
    }
    if let Some(name) = api::text(value, "companyName") {
        context.out.attribute(scope, "company", &name);
    }
}

/// Whether somebody with this status can sign in; `None` for a status that is not known. Who is locked out or has to
/// change a password can, after a moment.
fn can_sign_in(status: &str) -> Option<bool> {
    match status {
        "ACTIVE" | "RECOVERY" | "PASSWORD_EXPIRED" | "LOCKED_OUT" => Some(true),
        "STAGED" | "PROVISIONED" | "SUSPENDED" | "DEPROVISIONED" => Some(false),
        _ => None,
    }
}

/// Somebody, as lists of users and members of groups have them.
pub fn user(context: &mut Context<'_>, value: &Value) -> Option<Handle> {
    let own = context.own_id(value, "a user")?;
    let profile = value.get("profile").unwrap_or(&Value::Null);
    let login = api::text(profile, "login").map_or_else(|| own.clone(), Cow::into_owned);
    let mut entity = context.define("user", &own, EntityKind::User, &login);
    let status = api::text(value, "status");
    if let Some(status) = status.as_deref() {
        entity.enabled = can_sign_in(status);
        if entity.enabled.is_none() {
            context
                .warn("status_unknown", format!("the status `{status}` is none that is known: it is taken as unknown"));
        }
    }
    entity.created_at = context.time(value, "created");
    entity.last_used_at = context.time(value, "lastLogin");
    entity.last_used_source = entity.last_used_at.map(|_| "okta-api".to_owned());
    let user = context.out.define(entity);
    if let Some(status) = status.as_deref() {
        context.out.attribute(user, "status", status);
    }
    for key in ["email", "employeeNumber", "department", "managerId", "manager", "userType", "title"] {
        if let Some(text) = api::text(profile, key) {
            context.out.attribute(user, key, &text);
        }
    }
    let provider = value.get("credentials").and_then(|credentials| credentials.get("provider"));
    let provider = provider.and_then(|provider| api::text(provider, "type"));
    if let Some(provider) = provider.as_deref() {
        context.out.attribute(user, "credential_provider", provider);
    }
    // The password of those who sign in elsewhere is not here.
    if provider.as_deref() == Some("OKTA") && value.get("credentials").is_some_and(|all| all.get("password").is_some())
    {
        let changed = context.time(value, "passwordChanged");
        let row = context.credential(format!("{}#password", id("user", &own)), user, CredentialKind::Password);
        row.last_rotated_at = changed;
        row.active = status.as_deref().and_then(can_sign_in);
    }
    context.collection("users", user);
    Some(user)
}

/// A second factor that somebody has.
pub fn factor(context: &mut Context<'_>, user: &str, value: &Value) {
    let Some(own) = context.own_id(value, "a factor") else { return };
    let user = context.refer("user", user, EntityKind::User);
    let (created, verified) = (context.time(value, "created"), context.time(value, "lastVerified"));
    let active = api::text(value, "status").map(|status| status == "ACTIVE");
    let row = context.credential(id("factor", &own), user, CredentialKind::Mfa);
    row.created_at = created;
    row.last_used_at = verified;
    row.active = active;
    if active == Some(true) {
        context.out.attribute(user, "mfa", "true");
    }
}

/// A group. Groups do not nest.
pub fn group(context: &mut Context<'_>, value: &Value) -> Option<Handle> {
    let own = context.own_id(value, "a group")?;
    let profile = value.get("profile").unwrap_or(&Value::Null);
    let name = api::text(profile, "name").map_or_else(|| own.clone(), Cow::into_owned);
    let mut entity = context.define("group", &own, EntityKind::Group, &name);
    entity.created_at = context.time(value, "created");
    let group = context.out.define(entity);
    let kind = api::text(value, "type");
    if let Some(kind) = kind.as_deref() {
        context.out.attribute(group, "group_type", kind);
    }
    // The group of everyone, which lists of groups have by this name and no other way.
    if kind.as_deref() == Some("BUILT_IN") && name == "Everyone" {
        context.out.attribute(group, "implicit_members", "scope");
    }
    if let Some(sid) = api::text(profile, "objectSid") {
        context.out.attribute(group, "synced_from", &sid);
    }
    context.collection("groups", group);
    Some(group)
}

/// A member of a group.
pub fn member(context: &mut Context<'_>, group: &str, value: &Value) {
    let group = context.refer("group", group, EntityKind::Group);
    if let Some(user) = user(context, value) {
        context.put(user, group, MembershipKind::MemberOf);
    }
}

/// A group that somebody is in.
pub fn group_of(context: &mut Context<'_>, user: &str, value: &Value) {
    let user = context.refer("user", user, EntityKind::User);
    if let Some(group) = group(context, value) {
        context.put(user, group, MembershipKind::MemberOf);
    }
}

/// A rule that puts people into groups by what their profile says.
pub fn rule(context: &mut Context<'_>, value: &Value) {
    let Some(own) = context.own_id(value, "a group rule") else { return };
    let name = api::text(value, "name").map_or_else(|| own.clone(), Cow::into_owned);
    let mut entity = context.define("rule", &own, EntityKind::Resource, &name);
    let active = api::text(value, "status").map(|status| status == "ACTIVE");
    entity.enabled = active;
    entity.created_at = context.time(value, "created");
    let rule = context.out.define(entity);
    if let Some(expression) = api::text_at(value, &["conditions", "expression", "value"]) {
        context.out.attribute(rule, "expression", &expression);
    }
    let groups = value.get("actions").and_then(|actions| actions.get("assignUserToGroups"));
    for group in groups.map(|groups| api::list(groups, "groupIds")).unwrap_or_default() {
        let Some(group) = group.as_str() else { continue };
        context.out.attribute(rule, "fills", &id("group", group));
        if active != Some(false) {
            let group = context.refer("group", group, EntityKind::Group);
            context.out.attribute(group, "filled_by_rule", "true");
        }
    }
}

/// An identity provider whose word the organisation takes.
pub fn provider(context: &mut Context<'_>, value: &Value) {
    let Some(own) = context.own_id(value, "an identity provider") else { return };
    let name = api::text(value, "name").map_or_else(|| own.clone(), Cow::into_owned);
    let mut entity: Entity = context.define("idp", &own, EntityKind::Resource, &name);
    entity.enabled = api::text(value, "status").map(|status| status == "ACTIVE");
    entity.created_at = context.time(value, "created");
    let provider = context.out.define(entity);
    if let Some(kind) = api::text(value, "type") {
        context.out.attribute(provider, "provider_type", &kind);
    }
    let link = value.get("policy").and_then(|policy| policy.get("accountLink"));
    if let Some(action) = link.and_then(|link| api::text(link, "action")) {
        context.out.attribute(provider, "account_link", &action);
    }
    let issuer = api::text_at(value, &["protocol", "issuer", "url"])
        .or_else(|| api::text_at(value, &["protocol", "credentials", "trust", "issuer"]));
    if let Some(issuer) = issuer {
        context.out.attribute(provider, "issuer", &issuer);
    }
    let secret = api::text_at(value, &["protocol", "credentials", "client", "client_secret"]);
    if secret.is_some_and(|secret| !secret.contains("your-") && !secret.starts_with('{')) {
        context.dropped("the client secret of an identity provider");
    }
}
