//! Organisations and their teams.

use serde_json::Value;

use super::super::names;
use super::context::{Context, Right};
use crate::model::{Entity, EntityKind, Handle};
use crate::platforms::input::api::{self, Request};

/// An organisation with its settings.
pub fn read(context: &mut Context<'_>, org: &str, value: &Value) {
    let login = api::text(value, "login").map_or_else(|| org.to_owned(), std::borrow::Cow::into_owned);
    let scope = context.org(&login);
    let mut entity = Entity::named(&names::org(&login), super::super::NAME, EntityKind::Scope, &login);
    entity.present = true;
    entity.unique_id = api::text(value, "id").map(std::borrow::Cow::into_owned);
    entity.created_at = context.time(value, "created_at");
    entity.source = Some(context.out.source_id());
    entity.record = Some(context.place.to_owned());
    context.out.define(entity);
    let settings =
        ["default_repository_permission", "two_factor_requirement_enabled", "members_can_create_repositories"];
    context.state(scope, value, &settings);
    if let Some(host) = api::text(value, "url").map(|url| super::subject::issuer(&url)) {
        context.out.attribute(scope, "oidc_issuer", &host);
    }
    base_permission(context, &login, value);
}

/// What every member may do in every repository. Only owners are shown it.
fn base_permission(context: &mut Context<'_>, org: &str, value: &Value) {
    let members = context.group(names::MEMBERS, org);
    match api::text(value, "default_repository_permission").as_deref() {
        Some("none") => {}
        Some(role @ ("read" | "write" | "admin")) => {
            context.role(members, role, names::org(org), org, "base permission");
        }
        Some(other) => {
            let message = format!("the base permission `{other}` is none that is known: it is taken as unknown");
            context.warn("base_permission_unknown", message);
            unknown_base(context, members, org);
        }
        None => {
            let message =
                "the export was not made by an owner: it does not tell the base permission of members".to_owned();
            context.warn("base_permission_unknown", message);
            unknown_base(context, members, org);
        }
    }
}

fn unknown_base(context: &mut Context<'_>, members: Handle, org: &str) {
    let id = names::of_org(org, "role", "base permission");
    context.refer(&id, EntityKind::RoleDefinition, "base permission", org);
    context.right(Right {
        holder: members,
        actions: vec![format!("{}{id}", names::ROLE)],
        resource: names::org(org),
        condition: None,
        policy: "base permission",
        statement: "base permission",
    });
}

/// A team. Its members have what its parent has.
pub fn team(context: &mut Context<'_>, org: &str, value: &Value) {
    let Some(slug) = api::text(value, "slug") else {
        return context.out.skip("slug_missing", context.place, "a team without a `slug`".to_owned());
    };
    let mut entity = Entity::named(&names::of_org(org, "team", &slug), super::super::NAME, EntityKind::Group, &slug);
    entity.unique_id = api::text(value, "id").map(std::borrow::Cow::into_owned);
    entity.created_at = context.time(value, "created_at");
    let team = context.define_as(entity, org);
    context.state(team, value, &["privacy", "name"]);
    let scope = context.org(org);
    context.contain(team, scope);
    if let Some(parent) = value.get("parent").and_then(|parent| api::text(parent, "slug")) {
        let parent = context.team(&parent, org);
        context.member(team, parent);
    }
}

/// A member of a team's list. The list holds the members of child teams too, who are members of the parent all the same.
pub fn team_member(context: &mut Context<'_>, org: &str, team: &str, request: &Request, value: &Value) {
    let Some(user) = context.account(value, org) else {
        return context.out.skip("login_missing", context.place, "a team member without a `login`".to_owned());
    };
    let group = context.team(team, org);
    context.member(user, group);
    if request.asks("role", "maintainer") {
        maintains(context, user, org, team);
    }
}

/// One membership of a team with its role.
pub fn team_membership(context: &mut Context<'_>, org: &str, team: &str, login: &str, value: &Value) {
    if api::text(value, "state").as_deref() == Some("pending") {
        return;
    }
    let user = context.refer(&names::of_org(org, "user", login), EntityKind::User, login, org);
    let group = context.team(team, org);
    context.member(user, group);
    if api::text(value, "role").as_deref() == Some("maintainer") {
        maintains(context, user, org, team);
    }
}

/// A maintainer says who else is in the team.
fn maintains(context: &mut Context<'_>, user: Handle, org: &str, team: &str) {
    let resource = format!("={}", names::of_org(org, "team", team));
    let actions = vec!["team_members.write".to_owned()];
    context.right(Right {
        holder: user,
        actions,
        resource,
        condition: None,
        policy: "maintainer",
        statement: "team role",
    });
}
