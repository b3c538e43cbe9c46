//! Answers of the GraphQL interface: members with their role, and identities of the identity provider.

use serde_json::Value;

use super::super::names::{self, MEMBERS, OWNERS};
use super::context::Context;
use crate::platforms::input::api;

/// One answer.
pub fn read(context: &mut Context<'_>, value: &Value) {
    let organization = value.get("data").and_then(|data| data.get("organization")).unwrap_or(&Value::Null);
    let Some(org) = api::text(organization, "login") else {
        let message =
            "the query did not ask for the `login` of the organisation: it is not known of whom this is".to_owned();
        return context.out.skip("login_missing", context.place, message);
    };
    for (role, flag, account) in members(organization) {
        let Some(user) = context.account(account, &org) else { continue };
        let group = context.group(if role == Some("ADMIN") { OWNERS } else { MEMBERS }, &org);
        context.member(user, group);
        if let Some(flag) = flag {
            context.out.attribute(user, "mfa", &flag.to_string());
        }
    }
    let provider = organization.get("samlIdentityProvider").unwrap_or(&Value::Null);
    for identity in nodes(provider, "externalIdentities") {
        let Some(login) = identity.get("user").and_then(|user| api::text(user, "login")) else { continue };
        let id = names::of_org(&org, "user", &login);
        let user = context.refer(&id, crate::model::EntityKind::User, &login, &org);
        if let Some(name) = api::text_at(identity, &["samlIdentity", "nameId"]) {
            context.out.attribute(user, "saml_name_id", &name);
        }
        if let Some(guid) = api::text(identity, "guid") {
            context.out.attribute(user, "external_identity", &guid);
        }
    }
    context.out.source.records += 1;
}

/// Role, second factor and account of each member.
fn members(organization: &Value) -> impl Iterator<Item = (Option<&str>, Option<bool>, &Value)> {
    let edges = organization.get("membersWithRole").map(|all| api::list(all, "edges")).unwrap_or_default();
    edges.iter().filter_map(|edge| {
        let role = edge.get("role").and_then(Value::as_str);
        Some((role, api::flag(edge, "hasTwoFactorEnabled"), edge.get("node")?))
    })
}

/// Nodes of a connection, as `nodes` or in `edges`.
fn nodes<'v>(value: &'v Value, key: &str) -> Vec<&'v Value> {
    let Some(connection) = value.get(key) else { return Vec::new() };
    let own = api::list(connection, "nodes").iter();
    own.chain(api::list(connection, "edges").iter().filter_map(|edge| edge.get("node"))).collect()
}
