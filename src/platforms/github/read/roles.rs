//! Custom roles: of organisations, and of repositories.

use serde_json::Value;

use super::super::catalog::{self, Rank};
use super::super::{NAME, names};
use super::context::{Context, blank};
use crate::model::{Entity, EntityKind, Handle};
use crate::platforms::input::api;

/// Roles of an organisation.
pub fn organization(context: &mut Context<'_>, org: &str, value: &Value) {
    for role in api::list(value, "roles") {
        let (Some(id), Some(name)) = (api::text(role, "id"), api::text(role, "name")) else {
            context.out.skip("role_invalid", context.place, "a role without `id` or `name`".to_owned());
            continue;
        };
        let owner = role.get("organization").and_then(|one| api::text(one, "login"));
        let org = owner.as_deref().unwrap_or(org);
        let full = names::of_org(org, "org-role", &id);
        define(context, org, &full, &name, role);
    }
}

/// Custom roles for repositories.
pub fn repository(context: &mut Context<'_>, org: &str, value: &Value) {
    for role in api::list(value, "custom_roles") {
        let Some(name) = api::text(role, "name") else {
            context.out.skip("role_invalid", context.place, "a role without a `name`".to_owned());
            continue;
        };
        let full = names::of_org(org, "role", &name);
        define(context, org, &full, &name, role);
    }
}

fn define(context: &mut Context<'_>, org: &str, id: &str, name: &str, value: &Value) {
    let mut entity = Entity::named(id, NAME, EntityKind::RoleDefinition, name);
    entity.created_at = context.time(value, "created_at");
    let role = context.define_as(entity, org);
    let mut actions: Vec<String> = api::texts(value, "permissions").flat_map(catalog::of_custom).collect();
    if let Some(rank) = api::text(value, "base_role").as_deref().map(names::role_name).and_then(Rank::of) {
        actions.extend(catalog::of_role(rank));
    }
    actions.sort();
    actions.dedup();
    permit(context, role, actions, name);
}

/// States the permissions of a role definition.
fn permit(context: &mut Context<'_>, role: Handle, actions: Vec<String>, name: &str) {
    let grant = u32::try_from(context.out.grants.len()).unwrap_or(u32::MAX);
    let (source, record) = (context.out.source_id(), context.place.to_owned());
    let policy = name.to_owned();
    context.out.grants.push(crate::model::Grant { policy, source, record, ..blank(grant, role, actions) });
}

fn give(context: &mut Context<'_>, org: &str, role: &str, holder: Handle) {
    let id = names::of_org(org, "org-role", role);
    context.refer(&id, EntityKind::RoleDefinition, role, org);
    context.right(super::context::Right {
        holder,
        actions: vec![format!("{}{id}", names::ROLE)],
        resource: names::org(org),
        condition: None,
        policy: role,
        statement: "organization role",
    });
}

/// Somebody who has a role of the organisation.
pub fn user(context: &mut Context<'_>, org: &str, role: &str, value: &Value) {
    let Some(user) = context.account(value, org) else {
        return context.out.skip("login_missing", context.place, "an account without a `login`".to_owned());
    };
    // Who has it through a team is in the list too.
    if api::text(value, "assignment").as_deref() == Some("indirect") {
        return;
    }
    give(context, org, role, user);
}

/// A team that has a role of the organisation.
pub fn team(context: &mut Context<'_>, org: &str, role: &str, value: &Value) {
    let Some(slug) = api::text(value, "slug") else {
        return context.out.skip("slug_missing", context.place, "a team without a `slug`".to_owned());
    };
    let team = context.team(&slug, org);
    give(context, org, role, team);
}
