//! Paths with `{{…}}` in them, resolved for one entity.
//!
//! A path whose template says nothing for the entity (no such alias, not in that group, no such metadata) is left out,
//! as Vault leaves it out.

use super::super::names;
use crate::model::{Entity, EntityId, MembershipKind, Tables};

/// The path with its templates resolved; `None` when one of them cannot be.
#[must_use]
pub fn resolve(tables: &Tables, subject: EntityId, pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("{{") {
        let (template, after) = after.split_once("}}")?;
        out.push_str(before);
        let value = value(tables, subject, template.trim())?;
        // What a template gives is a name and never a pattern.
        if value.is_empty() || value.contains(['+', '*']) {
            return None;
        }
        out.push_str(&value);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

fn value(tables: &Tables, subject: EntityId, template: &str) -> Option<String> {
    let entity = tables.entity(subject);
    let rest = template.strip_prefix("identity.")?;
    if let Some(field) = rest.strip_prefix("entity.") {
        let attribute = |key: &str| tables.attribute(subject, key).map(str::to_owned);
        return match field {
            "id" => entity.unique_id.clone(),
            "name" => Some(entity.name.clone()),
            _ => match field.strip_prefix("aliases.") {
                Some(alias) => {
                    let (accessor, part) = alias.split_once('.')?;
                    match part.strip_prefix("metadata.").or_else(|| part.strip_prefix("custom_metadata.")) {
                        Some(key) => attribute(&format!("alias_metadata:{accessor}:{key}")),
                        None if part == "name" => attribute(&format!("alias:{accessor}")),
                        None => None,
                    }
                }
                None => attribute(&format!("metadata:{}", field.strip_prefix("metadata.")?)),
            },
        };
    }
    let groups = rest.strip_prefix("groups.")?;
    let (by, rest) = groups.split_once('.')?;
    let (key, field) = rest.rsplit_once('.').filter(|_| !rest.contains(".metadata.")).or_else(|| {
        let at = rest.find(".metadata.")?;
        Some((&rest[..at], &rest[at + 1..]))
    })?;
    let fits = |group: &Entity| match by {
        "ids" => group.unique_id.as_deref() == Some(key),
        "names" => group.name == key,
        _ => false,
    };
    let group = groups_of(tables, subject).into_iter().map(|id| tables.entity(id)).find(|group| fits(group))?;
    match field {
        "id" => group.unique_id.clone(),
        "name" => Some(group.name.clone()),
        _ => {
            let key = format!("metadata:{}", field.strip_prefix("metadata.")?);
            tables.attribute(group.entity, &key).map(str::to_owned)
        }
    }
}

/// All groups of an entity, those that hold its groups included, in ascending order.
fn groups_of(tables: &Tables, subject: EntityId) -> Vec<EntityId> {
    let (mut found, mut open) = (std::collections::BTreeSet::new(), vec![subject]);
    while let Some(member) = open.pop() {
        let start = tables.memberships.partition_point(|row| row.member < member);
        let own = tables.memberships[start..].iter().take_while(|row| row.member == member);
        for row in own.filter(|row| row.kind == MembershipKind::MemberOf) {
            let identity = names::path(&tables.entity(row.container).id).starts_with("identity/group/");
            if identity && found.insert(row.container) {
                open.push(row.container);
            }
        }
    }
    found.into_iter().collect()
}
