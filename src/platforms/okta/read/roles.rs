//! Administrator roles: who has them, on what, and what custom ones permit.

use std::borrow::Cow;

use serde_json::Value;

use super::super::{catalog, names};
use super::context::{Context, Right, blank, id};
use crate::model::{EntityKind, Grant, Handle, MembershipKind};
use crate::platforms::input::api::{self, Request};

/// Attribute of an organisation: an assignment and one thing that it is limited to, or `*` when it is not limited.
pub const TARGET: &str = "role_target";
/// Condition of an assignment that may be limited to something.
pub const MAY_BE_LIMITED: &str = "whether the role is limited to some groups or applications is not in the export";

/// A role that somebody has.
pub fn assignment(context: &mut Context<'_>, kind: &'static str, own: &str, value: &Value) {
    let Some(number) = context.own_id(value, "a role assignment") else { return };
    let Some(role) = api::text(value, "type") else {
        return context.out.skip("type_missing", context.place, "a role assignment without a `type`".to_owned());
    };
    let holder_kind = match kind {
        "group" => EntityKind::Group,
        "app" => EntityKind::Application,
        _ => EntityKind::User,
    };
    let holder = context.refer(kind, own, holder_kind);
    if api::text(value, "status").is_some_and(|status| status != "ACTIVE") {
        return;
    }
    // Lists of a user's roles have those of the user's groups among them.
    if kind == "user" && api::text(value, "assignmentType").as_deref() == Some("GROUP") {
        return;
    }
    if role == "CUSTOM" {
        return custom(context, holder, &number, value);
    }
    let definition = id("role", &role);
    context.refer("role", &role, EntityKind::RoleDefinition);
    let mut resources = vec!["*".to_owned()];
    let mut condition = catalog::has_targets(&role).then_some(MAY_BE_LIMITED);
    if let Some(targets) = value.get("_embedded").and_then(|embedded| embedded.get("targets")) {
        let found = embedded(targets);
        condition = None;
        if !found.is_empty() {
            resources = found;
        }
    }
    context.right(Right {
        holder,
        actions: vec![format!("{}{definition}", names::ROLE)],
        resources,
        condition,
        policy: &role,
        statement: &number,
    });
}

/// Ids of targets that stand in the assignment itself.
fn embedded(targets: &Value) -> Vec<String> {
    let groups = api::list(targets, "groups").iter();
    let apps = targets.get("catalog").map(|catalog| api::list(catalog, "apps")).unwrap_or_default();
    groups.chain(apps).filter_map(target_id).collect()
}

/// A group, an application, or all applications of a name.
fn target_id(value: &Value) -> Option<String> {
    if value.get("profile").is_some() || api::text(value, "id").is_some_and(|own| own.starts_with("00g")) {
        return api::text(value, "id").map(|own| id("group", &own));
    }
    match (api::text(value, "id"), api::text(value, "name")) {
        (Some(own), _) => Some(id("app", &own)),
        (None, Some(name)) => Some(id("app-name", &name)),
        _ => None,
    }
}

/// A custom role on a set of resources.
fn custom(context: &mut Context<'_>, holder: Handle, number: &str, value: &Value) {
    let (Some(role), Some(set)) = (api::text(value, "role"), api::text(value, "resource-set")) else {
        let message = "an assignment of a custom role without `role` or `resource-set`".to_owned();
        return context.out.skip("role_missing", context.place, message);
    };
    let definition = id("role", &role);
    context.refer("role", &role, EntityKind::RoleDefinition);
    context.refer("resource-set", &set, EntityKind::Resource);
    let label = api::text(value, "label").unwrap_or_else(|| Cow::Borrowed(role.as_ref()));
    context.right(Right {
        holder,
        actions: vec![format!("{}{definition}", names::ROLE)],
        resources: vec![id("resource-set", &set)],
        condition: None,
        policy: &label,
        statement: number,
    });
}

/// Something that an assignment is limited to.
pub fn target(context: &mut Context<'_>, assignment: &str, value: &Value) {
    let Some(target) = target_id(value) else {
        return context.out.skip("target_invalid", context.place, "a target without `id` or `name`".to_owned());
    };
    let scope = context.org();
    context.out.attribute(scope, TARGET, &format!("{assignment} {target}"));
}

/// The list of what an assignment is limited to is empty.
pub fn no_target(context: &mut Context<'_>, assignment: &str, request: &Request) {
    let scope = context.org();
    let kind = if request.parts.last().is_some_and(|part| part == "groups") { "groups" } else { "apps" };
    context.out.attribute(scope, TARGET, &format!("{assignment} *{kind}"));
}

/// Custom roles by name; what they permit is another answer.
pub fn definitions(context: &mut Context<'_>, value: &Value) {
    let all = api::list(value, "roles");
    let all = if all.is_empty() && value.get("label").is_some() { std::slice::from_ref(value) } else { all };
    for role in all {
        let Some(own) = context.own_id(role, "a role") else { continue };
        let label = api::text(role, "label").unwrap_or_else(|| own.as_str().into());
        let mut entity = context.define("role", &own, EntityKind::RoleDefinition, &label);
        entity.created_at = context.time(role, "created");
        // It is not there as long as nothing says what it permits.
        entity.present = false;
        context.out.define(entity);
        if role.get("permissions").is_some() {
            permissions(context, &own, role);
        }
    }
}

/// What a custom role permits.
pub fn permissions(context: &mut Context<'_>, role: &str, value: &Value) {
    let handle = context.refer("role", role, EntityKind::RoleDefinition);
    let name = context.out.entity(handle).name.clone();
    let entity = context.define("role", role, EntityKind::RoleDefinition, &name);
    context.out.define(entity);
    for permission in api::list(value, "permissions") {
        let label = api::text(permission, "label").or_else(|| permission.as_str().map(Cow::Borrowed));
        let Some(label) = label else {
            context.out.skip("label_missing", context.place, "a permission without a `label`".to_owned());
            continue;
        };
        let actions = catalog::expanded(&label);
        let limited = permission.get("conditions").filter(|conditions| !conditions.is_null());
        let condition = limited.map(Value::to_string);
        let grant = u32::try_from(context.out.grants.len()).unwrap_or(u32::MAX);
        let (source, record) = (context.out.source_id(), context.place.to_owned());
        let statement = label.into_owned();
        let policy = name.clone();
        context.out.grants.push(Grant {
            condition,
            policy,
            statement,
            source,
            record,
            ..blank(grant, handle, actions)
        });
    }
}

/// Sets of resources by name.
pub fn resource_sets(context: &mut Context<'_>, value: &Value) {
    let all = api::list(value, "resource-sets");
    let all = if all.is_empty() { std::slice::from_ref(value) } else { all };
    for set in all {
        let Some(own) = context.own_id(set, "a resource set") else { continue };
        let label = api::text(set, "label").unwrap_or_else(|| own.as_str().into());
        let mut entity = context.define("resource-set", &own, EntityKind::Resource, &label);
        entity.created_at = context.time(set, "created");
        context.out.define(entity);
    }
}

/// What is in a set of resources.
pub fn resources(context: &mut Context<'_>, set: &str, value: &Value) {
    let set = context.refer("resource-set", set, EntityKind::Resource);
    for resource in api::list(value, "resources") {
        let links = resource.get("_links").and_then(Value::as_object).into_iter().flatten();
        let hrefs = links.filter_map(|(_, link)| link.get("href").and_then(Value::as_str));
        let orn = api::text(resource, "orn");
        let found = hrefs.filter_map(of_address).chain(orn.as_deref().and_then(of_orn)).next();
        match found {
            Some((kind, own, entity_kind)) => {
                let member = context.refer(kind, &own, entity_kind);
                context.put(member, set, MembershipKind::Contains);
            }
            None => {
                let message = "a resource of a set is of a kind that is not read: rights on it are left out".to_owned();
                context.out.issue(crate::model::IssueSeverity::Note, "resource_kind", context.place, message);
            }
        }
    }
}

/// What an address is of: a thing, all things of a kind, or the members of a group.
fn of_address(href: &str) -> Option<(&'static str, String, EntityKind)> {
    let request = Request::of_url(href);
    let start = request.parts.iter().position(|part| part == "v1")? + 1;
    let rest: Vec<&str> = request.parts[start..].iter().map(String::as_str).collect();
    of_parts(&rest)
}

/// The same of a resource name: `orn:okta:directory:ORG:groups:ID:contained_resources`.
fn of_orn(orn: &str) -> Option<(&'static str, String, EntityKind)> {
    let parts: Vec<&str> =
        orn.split(':').skip(4).map(|part| if part == "contained_resources" { "users" } else { part }).collect();
    match parts[..] {
        // Applications have their name before their id.
        ["apps", _, own] => of_parts(&["apps", own]),
        _ => of_parts(&parts),
    }
}

fn of_parts(parts: &[&str]) -> Option<(&'static str, String, EntityKind)> {
    let of = |kind, own: &str, entity_kind| Some((kind, own.to_owned(), entity_kind));
    match parts {
        [all @ ("users" | "groups" | "apps")] => of("collection", all, EntityKind::Resource),
        ["users", own] => of("user", own, EntityKind::User),
        ["groups", own] => of("group", own, EntityKind::Group),
        ["groups", own, "users"] => of("members", own, EntityKind::Resource),
        ["apps", own] => of("app", own, EntityKind::Application),
        ["idps", own] => of("idp", own, EntityKind::Resource),
        _ => None,
    }
}
