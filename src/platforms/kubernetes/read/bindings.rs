//! Bindings: an entity of its own each, attached to whom it binds, with the role attached to it.

use serde_json::Value;

use super::objects::{Meta, Objects};
use super::roles;
use super::value::{list, text};
use crate::model::{Attachment, AttachmentKind, EntityKind, Handle};

/// Whether a kind is read here.
#[must_use]
pub fn takes(kind: &str) -> bool {
    matches!(kind, "RoleBinding" | "ClusterRoleBinding")
}

/// Reads a binding. A rule holds in the namespace of the binding, whatever the role is.
pub fn read(objects: &mut Objects<'_>, meta: &Meta<'_>) {
    let name = &meta.name;
    let Some((kind, role)) = roles::reference(meta.value) else {
        return objects.out.skip("role_missing", meta.place, format!("{} `{name}` refers to no role", meta.kind));
    };
    let namespace = match kind.as_str() {
        "ClusterRole" => "",
        "Role" if !meta.namespace.is_empty() => meta.namespace.as_ref(),
        _ => {
            let message = format!("{} `{name}` refers to a {kind}, which it cannot", meta.kind);
            return objects.out.skip("role_invalid", meta.place, message);
        }
    };
    let shown = if meta.namespace.is_empty() { name.to_string() } else { format!("{}/{name}", meta.namespace) };
    let binding = objects.define(meta, EntityKind::RoleDefinition, &shown);
    let role = objects.role(namespace, &kind, &role);
    attach(objects, binding, role, meta.place);
    if !meta.namespace.is_empty() {
        objects.namespace(&meta.namespace);
    }
    for (number, subject) in list(meta.value, "subjects").iter().enumerate() {
        let place = format!("{}/subjects/{number}", meta.place);
        match subject_of(objects, meta, subject) {
            Some(subject) => attach(objects, subject, binding, &place),
            None => {
                let message = format!("a subject of {} `{name}` is neither user, group nor service account", meta.kind);
                objects.out.skip("subject_invalid", &place, message);
            }
        }
    }
}

/// Whom a subject names. A service account without a namespace is one of the binding's.
fn subject_of(objects: &mut Objects<'_>, meta: &Meta<'_>, subject: &Value) -> Option<Handle> {
    let name = text(subject, "name")?;
    match text(subject, "kind")?.as_ref() {
        "User" => Some(objects.user(&name)),
        "Group" => Some(objects.group(&name)),
        "ServiceAccount" => {
            let namespace = text(subject, "namespace").unwrap_or_else(|| meta.namespace.clone());
            let plain =
                |text: &str| !text.is_empty() && !text.contains(['/', ':']) && !text.contains(char::is_whitespace);
            (plain(&namespace) && plain(&name)).then(|| objects.service_account(&namespace, &name))
        }
        _ => None,
    }
}

/// Attaches a binding to whom it binds, or a role to its binding.
pub fn attach(objects: &mut Objects<'_>, holder: Handle, policy: Handle, place: &str) {
    objects.out.attachments.push(Attachment {
        holder,
        policy,
        kind: AttachmentKind::Identity,
        source: objects.out.source_id(),
        record: place.to_owned(),
    });
}
