//! Principals and other entities that come and go.

use std::collections::BTreeMap;

use super::grants::{beside_each_other, take};
use super::members::{Undo, added, attached};
use super::state::State;
use super::{credentials, governance};
use crate::change::set::Change;
use crate::model::{Attribute, Entity, EntityId, EntityKind};
use crate::platforms;

/// `create_principal`
pub fn create(state: &mut State, change: &Change) -> Undo {
    let Change::CreatePrincipal { principal, kind, platform, scope, attributes, .. } = change else { return None };
    let scope_entity = match scope {
        Some(scope) => Some(state.named("scope", scope)?),
        None => None,
    };
    let before = state.find(principal).map(|known| state.tables.entity(known).clone());
    if before.as_ref().is_some_and(|known| known.present) {
        state.wrong("principal", format!("`{principal}` is there already"), "");
        return None;
    }
    let of_scope = scope_entity.map(|scope| state.tables.entity(scope).platform.clone());
    let known = before.as_ref().map(|known| known.platform.clone());
    let Some(platform) = platform.clone().or(of_scope).or(known) else {
        state.wrong("platform", format!("of which platform `{principal}` is does not show"), "say it in `platform`");
        return None;
    };
    if !platforms::ALL.iter().any(|one| one.name() == platform) {
        let names: Vec<&str> = platforms::ALL.iter().map(|one| one.name()).collect();
        state.wrong(
            "platform",
            format!("there is no platform `{platform}`"),
            &format!("known are {}", names.join(", ")),
        );
        return None;
    }
    if before.as_ref().is_some_and(|known| known.platform != platform) {
        state.wrong("platform", format!("`{principal}` is referred to on another platform"), "");
        return None;
    }
    let entity = describe(state, change, before.clone(), &platform)?;
    let number = match &before {
        Some(known) => {
            let number = known.entity;
            state.tables.entities[number.index()] = Entity { entity: number, ..entity };
            number
        }
        None => state.insert(entity),
    };
    state.touched.insert(number);
    state.created.push(number);
    if before.as_ref().is_none_or(|known| known.source.is_none()) {
        state.unheard_of.push(number);
    }
    add_attributes(state, number, attributes);
    let referred_as = before.map(|known| known.kind).filter(|was| was != kind);
    Some(vec![Change::DeletePrincipal { principal: principal.clone(), referred_as }])
}

/// The entity as the operation describes it; what a stand-in knew of it stays where nothing else is said.
fn describe(state: &State, change: &Change, before: Option<Entity>, platform: &str) -> Option<Entity> {
    let Change::CreatePrincipal { principal, kind, name, scope, unique_id, nhi, enabled, env, .. } = change else {
        return None;
    };
    let last = principal.rsplit(['/', ':']).next().unwrap_or(principal);
    let mut entity = before.unwrap_or_else(|| Entity::named(principal, platform, *kind, last));
    // What was there before and went says itself whether it is a person's.
    let is_new = entity.source.is_none();
    entity.kind = *kind;
    entity.present = true;
    entity.source = Some(state.source);
    entity.record = Some(state.record());
    if let Some(name) = name {
        name.clone_into(&mut entity.name);
    }
    if let Some(scope) = scope {
        entity.scope = Some(scope.clone());
    }
    macro_rules! say { ($($field:ident),+) => { $( if $field.is_some() { entity.$field.clone_from($field); } )+ } }
    say!(unique_id, nhi, enabled, env);
    let acts_for_nobody =
        matches!(kind, EntityKind::ServiceAccount | EntityKind::Application | EntityKind::Workload | EntityKind::Agent);
    if is_new && entity.nhi.is_none() && acts_for_nobody {
        entity.nhi = Some(true);
        entity.nhi_reason = Some(format!("{} by its kind", kind.as_str().replace('_', " ")));
    } else if nhi.is_some() && entity.nhi_reason.is_none() {
        entity.nhi_reason = Some("the draft that creates it says so".to_owned());
    }
    Some(entity)
}

fn add_attributes(state: &mut State, entity: EntityId, attributes: &BTreeMap<String, Vec<String>>) {
    for (key, values) in attributes {
        for value in values {
            state.attributes.put(Attribute { entity, key: key.clone(), value: value.clone() });
        }
    }
}

/// `delete_principal`
pub fn delete(state: &mut State, principal: &str, referred_as: Option<EntityKind>) -> Undo {
    let number = state.named("principal", principal)?;
    let entity = state.tables.entity(number).clone();
    if !entity.present {
        state.wrong("principal", format!("`{principal}` is not there"), "it is only referred to: no export defines it");
        return None;
    }
    let mut undo = vec![created(state, &entity)];
    // Whom a trust lets in as hangs on memberships: they go last and come back first.
    let held = give_up(state, number);
    undo.extend(leave(state, number));
    undo.extend(held);
    undo.extend(credentials::drop_all(state, number));
    undo.extend(governance::disown(state, number));
    let stays = &mut state.tables.entities[number.index()];
    stays.present = false;
    stays.kind = referred_as.unwrap_or(stays.kind);
    state.created.retain(|one| *one != number);
    state.unheard_of.retain(|one| *one != number);
    Some(undo)
}

/// The operation that creates an entity again. Its attributes go from the tables.
fn created(state: &mut State, entity: &Entity) -> Change {
    let mut attributes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for slot in state.attributes.of(entity.entity) {
        if let Some(row) = state.attributes.take(slot) {
            attributes.entry(row.key).or_default().push(row.value);
        }
    }
    Change::CreatePrincipal {
        principal: entity.id.clone(),
        kind: entity.kind,
        name: Some(entity.name.clone()).filter(|name| !name.is_empty()),
        platform: Some(entity.platform.clone()),
        // What else is known of it stays with the stand-in; a scope that no table has cannot be named.
        scope: entity.scope.clone().filter(|scope| state.find(scope).is_some()),
        unique_id: entity.unique_id.clone(),
        nhi: entity.nhi,
        enabled: entity.enabled,
        env: entity.env.clone(),
        attributes,
    }
}

/// Takes an entity out of everything, and everything out of it.
fn leave(state: &mut State, entity: EntityId) -> Vec<Change> {
    let mut slots = state.memberships.of(entity);
    slots.extend(state.memberships.filter(|row| row.container == entity && row.member != entity));
    let rows: Vec<_> = slots.into_iter().filter_map(|slot| state.memberships.take(slot)).collect();
    let mut undo = Vec::new();
    for row in rows {
        state.touched.extend([row.member, row.container]);
        undo.push(added(state, &row));
    }
    let mut slots = state.attachments.of(entity);
    slots.extend(state.attachments.filter(|row| row.policy == entity && row.holder != entity));
    let rows: Vec<_> = slots.into_iter().filter_map(|slot| state.attachments.take(slot)).collect();
    for row in rows {
        state.touched.extend([row.holder, row.policy]);
        undo.push(attached(state, &row));
    }
    undo
}

/// Takes away what an entity holds, and what is trusted by it.
fn give_up(state: &mut State, entity: EntityId) -> Vec<Change> {
    let gone: Vec<_> = state.grants.of(entity).into_iter().filter_map(|slot| take(state, slot)).collect();
    beside_each_other(gone).into_iter().map(|was| was.restored(state)).collect()
}

/// `set_enabled`
pub fn enable(state: &mut State, principal: &str, enabled: Option<bool>) -> Undo {
    let number = state.named("principal", principal)?;
    let entity = &mut state.tables.entities[number.index()];
    if !entity.present {
        state.wrong("principal", format!("`{principal}` is not there"), "it is only referred to: no export defines it");
        return None;
    }
    let was = std::mem::replace(&mut entity.enabled, enabled);
    Some(vec![Change::SetEnabled { principal: principal.to_owned(), enabled: was }])
}
