//! People of an organisation: members, outside collaborators, what they sign in with.

use serde_json::Value;

use super::super::names::{self, MEMBERS, OWNERS};
use super::context::{Context, Dates};
use crate::model::{CredentialKind, EntityKind};
use crate::platforms::input::api::{self, Request};

/// A member of a list; the list of `role=admin` is of the owners.
pub fn member(context: &mut Context<'_>, org: &str, request: &Request, value: &Value) {
    let Some(user) = account(context, org, value) else { return };
    let name = if request.asks("role", "admin") { OWNERS } else { MEMBERS };
    let group = context.group(name, org);
    context.member(user, group);
    if request.asks("filter", "2fa_disabled") {
        context.out.attribute(user, "mfa", "false");
    }
}

fn account(context: &mut Context<'_>, org: &str, value: &Value) -> Option<crate::model::Handle> {
    let found = context.account(value, org);
    if found.is_none() {
        let message = "an account without a `login`: the record is left out".to_owned();
        context.out.skip("login_missing", context.place, message);
    }
    found
}

/// One membership with its role. An invitation that nobody has accepted is none.
pub fn membership(context: &mut Context<'_>, org: &str, value: &Value) {
    let Some(user) = value.get("user").and_then(|user| account(context, org, user)) else { return };
    if api::text(value, "state").as_deref() == Some("pending") {
        context.out.attribute(user, "invited", "true");
        return;
    }
    let name = if api::text(value, "role").as_deref() == Some("admin") { OWNERS } else { MEMBERS };
    let group = context.group(name, org);
    context.member(user, group);
}

/// Somebody with access to repositories who is no member.
pub fn outside(context: &mut Context<'_>, org: &str, value: &Value) {
    if let Some(user) = account(context, org, value) {
        context.out.attribute(user, "outside_collaborator", "true");
    }
}

/// A token or key that somebody let act in an organisation with single sign-on.
pub fn credential(context: &mut Context<'_>, org: &str, value: &Value) {
    let (Some(login), Some(id)) = (api::text(value, "login"), api::text(value, "credential_id")) else {
        let message = "an authorised credential without `login` or `credential_id`".to_owned();
        return context.out.skip("credential_invalid", context.place, message);
    };
    let user = context.refer(&names::of_org(org, "user", &login), EntityKind::User, &login, org);
    let kind = api::text(value, "credential_type").unwrap_or_default();
    let kind = if kind.contains("SSH") { CredentialKind::SshKey } else { CredentialKind::Token };
    let last_used_at = context.time(value, "credential_accessed_at");
    let accessed = value.get("credential_accessed_at");
    let dates = Dates {
        // When it was made is not told; `credential_authorized_at` is later.
        created_at: None,
        expires_at: context.time(value, "authorized_credential_expires_at"),
        last_used_at,
        never_used: accessed.is_some_and(Value::is_null).then_some(true),
        active: Some(true),
    };
    let name = names::of_org(org, "credential", &id);
    for scope in api::texts(value, "scopes") {
        context.out.attribute(user, "token_scope", scope);
    }
    context.credential(name, user, kind, dates);
}

/// A provisioned identity. It names no account of GitHub: the list of external identities does (see `graphql`), by the
/// same `id`.
pub fn scim(context: &mut Context<'_>, org: &str, value: &Value) {
    let resources = api::list(value, "Resources");
    let all =
        if resources.is_empty() && value.get("userName").is_some() { std::slice::from_ref(value) } else { resources };
    let scope = context.org(org);
    for one in all {
        let (Some(id), Some(external)) = (api::text(one, "id"), api::text(one, "externalId")) else { continue };
        // Joined with the account when everything is read.
        context.out.attribute(scope, "scim_identity", &format!("{id} {external}"));
        if let (Some(name), Some(false)) = (api::text(one, "userName"), api::flag(one, "active")) {
            context.out.attribute(scope, "scim_inactive", &format!("{id} {name}"));
        }
    }
}
