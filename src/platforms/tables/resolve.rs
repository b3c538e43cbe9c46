//! What shows once all tables are read: whom a text means, who is only named, and how much a right gives.

use std::collections::{BTreeMap, BTreeSet};

use super::read::{TABLE, TABLE_PARQUET};
use super::rows::{ADMINISTERS, LEVEL};
use super::{ADMINISTER, CONTROL, NAME, group_id, parts, principal_id, system_id};
use crate::model::rebuild::{self, Fate};
use crate::model::{Builder, Effect, Entity, EntityId, EntityKind, Grant, IssueSeverity, Tables};
use crate::platforms::assigned::LEVELS;

/// Settles all tables of a scan together.
pub fn reconcile(builders: &mut [Builder]) {
    let is_table = |builder: &&mut Builder| [TABLE, TABLE_PARQUET].contains(&builder.source.kind.as_str());
    let mut own: Vec<&mut Builder> = builders.iter_mut().filter(is_table).collect();
    if own.is_empty() {
        return;
    }
    let known = Known::of(&own);
    for builder in &mut own {
        ambiguous(builder, &known);
        rebuild::rename(builder, |entity| match parts(&entity.id) {
            Some((system, "who", text)) => Fate::Rename(known.meant(system, text)),
            _ => Fate::Keep,
        });
        imply(builder, &known);
    }
    levels(&mut own);
}

/// What the tables of a scan define.
struct Known {
    /// Ids of everything that is defined.
    defined: BTreeSet<String>,
    /// Ids of everything that is a group to some row.
    groups: BTreeSet<String>,
    /// Systems of which some table lists the principals, the groups, the resources.
    listed: BTreeSet<(String, String)>,
}

impl Known {
    fn of(own: &[&mut Builder]) -> Self {
        let present = || own.iter().flat_map(|builder| builder.entities()).filter(|entity| entity.present);
        let listed = present().filter_map(|entity| parts(&entity.id));
        let all = own.iter().flat_map(|builder| builder.entities());
        let groups = all.filter(|entity| parts(&entity.id).is_some_and(|(_, what, _)| what == "group"));
        Self {
            groups: groups.map(|entity| entity.id.clone()).collect(),
            defined: present().map(|entity| entity.id.clone()).collect(),
            listed: listed.map(|(system, what, _)| (system.to_owned(), what.to_owned())).collect(),
        }
    }

    /// The id of the principal that a text names, else of the group.
    fn meant(&self, system: &str, text: &str) -> String {
        let (principal, group) = (principal_id(system, text), group_id(system, text));
        if !self.defined.contains(&principal) && self.groups.contains(&group) { group } else { principal }
    }

    fn is_both(&self, system: &str, text: &str) -> bool {
        self.defined.contains(&principal_id(system, text)) && self.groups.contains(&group_id(system, text))
    }

    fn lists(&self, system: &str, what: &str) -> bool {
        self.listed.contains(&(system.to_owned(), what.to_owned()))
    }
}

/// Reports texts that name a principal and a group.
fn ambiguous(builder: &mut Builder, known: &Known) {
    let both = builder.entities().iter().filter_map(|entity| parts(&entity.id));
    let both: Vec<String> = both
        .filter(|(system, what, text)| *what == "who" && known.is_both(system, text))
        .map(|(_, _, text)| text.to_owned())
        .collect();
    if let Some(first) = both.first() {
        let message = format!(
            "{} names are those of a principal and of a group, `{first}` among them: the principal is taken; say \
             `holder` where the group is meant",
            both.len()
        );
        builder.issue(IssueSeverity::Warning, "name_ambiguous", "", message);
    }
}

/// Whoever is only named is there where no table lists what there is, and is missing where one does.
fn imply(builder: &mut Builder, known: &Known) {
    let mut missing: BTreeMap<&'static str, (u64, String)> = BTreeMap::new();
    for at in 0..builder.entities().len() {
        let handle = crate::model::EntityId(u32::try_from(at).unwrap_or(u32::MAX));
        let entity = builder.entity(handle);
        let Some((system, what, text)) = parts(&entity.id) else { continue };
        if entity.present || known.defined.contains(&entity.id) {
            continue;
        }
        let kinds = [("principal", EntityKind::User), ("group", EntityKind::Group), ("resource", EntityKind::Resource)];
        let Some((what, kind)) = kinds.into_iter().find(|(name, _)| *name == what) else { continue };
        if known.lists(system, what) {
            let missing = missing.entry(what).or_insert_with(|| (0, text.to_owned()));
            missing.0 += 1;
            continue;
        }
        let scope = Some(system_id(system));
        let source = Some(builder.source_id());
        let implied = Entity { kind, scope, source, present: true, ..entity.clone() };
        builder.replace(handle, implied);
    }
    for (what, (count, first)) in missing {
        let message = format!(
            "{count} names of a {what}, `{first}` among them, are in no table of {what}s of their system: what is said \
             of them is about nobody who is known"
        );
        builder.issue(IssueSeverity::Warning, "reference_dangling", "", message);
    }
}

/// Gives every right one level, and rights of the upper levels what they come to.
fn levels(own: &mut [&mut Builder]) {
    let mut levels: BTreeMap<String, String> = BTreeMap::new();
    for builder in own.iter_mut() {
        for row in &builder.attributes {
            if let Some(action) = row.key.strip_prefix(LEVEL) {
                let known = levels.entry(action.to_owned()).or_insert_with(|| row.value.clone());
                if rank(&row.value) > rank(known) {
                    known.clone_from(&row.value);
                }
            }
        }
        builder.attributes.retain(|row| !row.key.starts_with(LEVEL));
    }
    let mut left: BTreeSet<&String> = levels.keys().collect();
    for builder in own.iter_mut() {
        let systems: Vec<(crate::model::Handle, String)> = (0u32..)
            .zip(builder.entities())
            .filter(|(_, entity)| entity.kind == EntityKind::Scope && parts(&entity.id).is_none())
            .map(|(at, entity)| (crate::model::EntityId(at), format!("{}:", entity.name)))
            .collect();
        for (handle, prefix) in systems {
            let of: Vec<&String> = left.iter().filter(|action| action.starts_with(&prefix)).copied().collect();
            for action in of {
                builder.attribute(handle, &format!("{LEVEL}{action}"), &levels[action]);
                left.remove(action);
            }
        }
        let mut denies = Vec::new();
        for row in &mut builder.grants {
            let level = row.actions.first().and_then(|action| levels.get(action)).map_or("", String::as_str);
            let gives = comes_to(level);
            if row.effect == Effect::Allow {
                row.actions.extend(gives.iter().map(|&action| action.to_owned()));
            } else if !gives.is_empty() {
                denies.push(perhaps_denied(row, gives));
            }
        }
        for mut row in denies {
            row.grant = u32::try_from(builder.grants.len()).unwrap_or(u32::MAX);
            builder.grants.push(row);
        }
    }
}

/// Gives rights that a change states what the levels of their systems say that they come to.
pub fn changed(tables: &mut Tables) {
    let stated = tables.attributes.iter().filter_map(|row| Some((row.key.strip_prefix(LEVEL)?, &row.value)));
    let levels: BTreeMap<String, String> = stated.map(|(action, level)| (action.to_owned(), level.clone())).collect();
    if levels.is_empty() {
        return;
    }
    let own: BTreeSet<EntityId> =
        tables.entities.iter().filter(|one| one.platform == NAME).map(|one| one.entity).collect();
    for row in tables.grants.iter_mut().filter(|row| row.effect == Effect::Allow && own.contains(&row.holder)) {
        let level = row.actions.first().and_then(|action| levels.get(action)).map_or("", String::as_str);
        for action in comes_to(level) {
            if !row.actions.iter().any(|known| known == action) {
                row.actions.push((*action).to_owned());
            }
        }
    }
}

/// Actions that a right of a level comes to.
fn comes_to(level: &str) -> &'static [&'static str] {
    match level {
        ADMINISTERS => &[CONTROL, ADMINISTER],
        "permissions" => &[CONTROL],
        _ => &[],
    }
}

/// Levels in their order.
fn rank(level: &str) -> usize {
    LEVELS.iter().position(|(name, _)| *name == level).unwrap_or(LEVELS.len())
}

/// A deny of one right takes control away where that right is all that gives it, which is not told apart here.
fn perhaps_denied(row: &Grant, gives: &[&str]) -> Grant {
    let why = format!("`{}` is denied, and another right may give the same control", row.policy);
    let actions = gives.iter().map(|&action| action.to_owned()).collect();
    Grant { actions, condition: Some(serde_json::Value::String(why).to_string()), ..row.clone() }
}
