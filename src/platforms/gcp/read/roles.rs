//! Custom roles.

use serde_json::Value;

use super::super::NAME;
use super::super::names;
use super::estate::Estate;
use super::value::{field, flag, text};
use crate::model::{Effect, Entity, EntityKind, Grant, Layer};

/// Whether a record is a role.
#[must_use]
pub fn is_role(value: &Value) -> bool {
    let named = text(value, "name").is_some_and(|name| name.starts_with("roles/") || name.contains("/roles/"));
    named && ["title", "includedPermissions", "stage", "etag"].iter().any(|key| field(value, key).is_some())
}

/// Reads a role that an export defines. Predefined ones come from the catalogue, which is whole where lists are not.
pub fn define(estate: &mut Estate<'_>, name: &str, value: &Value, place: &str) {
    let name = name.trim_start_matches("//iam.googleapis.com/");
    let handle = estate.role(name);
    let custom = !name.starts_with("roles/");
    let stated = field(value, "includedPermissions").and_then(Value::as_array);
    let deleted = flag(value, "deleted") == Some(true);
    let off = text(value, "stage").is_some_and(|stage| stage == "DISABLED");
    if custom {
        estate.out.attribute(handle, "customer_managed", "true");
        if let Some((above, _)) = name.split_once("/roles/")
            && let Some(above) = names::place(above)
        {
            let above = estate.scope(&above);
            estate.put(handle, above, place);
        }
    }
    if let Some(title) = text(value, "title") {
        estate.out.attribute(handle, "title", &title);
    }
    if stated.is_none() && !deleted && !off {
        if custom {
            let message = format!("the permissions of `{name}` are not in this list: what it gives is not known (`gcloud iam roles describe` has them)");
            estate.warn("role_without_permissions", place, message);
        }
        return;
    }
    let mut known = Entity::named(name, NAME, EntityKind::RoleDefinition, name);
    known.present = true;
    known.source = Some(estate.out.source_id());
    known.record = Some(place.to_owned());
    // A role that is deleted or disabled gives nothing to those who are bound to it.
    known.enabled = Some(!deleted && !off);
    estate.out.define(known);
    if deleted || off {
        return;
    }
    let mut permissions = Vec::new();
    for (at, one) in stated.into_iter().flatten().enumerate() {
        match one.as_str() {
            Some(one) => permissions.push(one.to_owned()),
            None => estate.wrong(&format!("{place}/includedPermissions/{at}"), "a permission", one),
        }
    }
    give(estate.out, handle, permissions, name, place);
}

/// States the permissions of a role.
pub fn give(
    out: &mut crate::model::Builder,
    role: crate::model::Handle,
    permissions: Vec<String>,
    name: &str,
    place: &str,
) {
    if permissions.is_empty() {
        return;
    }
    out.grants.push(Grant {
        grant: u32::try_from(out.grants.len()).unwrap_or(u32::MAX),
        holder: role,
        effect: Effect::Allow,
        actions: permissions,
        not_actions: Vec::new(),
        resources: Vec::new(),
        not_resources: Vec::new(),
        principals: Vec::new(),
        not_principals: Vec::new(),
        condition: None,
        variables: false,
        layer: Layer::Identity,
        policy: name.to_owned(),
        statement: "permissions".to_owned(),
        granted_at: None,
        expires_at: None,
        source: out.source_id(),
        record: place.to_owned(),
    });
}
