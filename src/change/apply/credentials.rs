//! Credentials: that they are, from when to when, and whether they work.

use super::members::Undo;
use super::state::State;
use crate::change::decode::Time;
use crate::change::set::{Activity, Change};
use crate::model::{Credential, EntityId};

/// `create_credential`
pub fn create(state: &mut State, change: &Change, number: usize) -> Undo {
    let Change::CreateCredential {
        principal,
        kind,
        credential,
        created_at,
        expires_at,
        last_used_at,
        never_used,
        last_rotated_at,
        active,
    } = change
    else {
        return None;
    };
    let entity = state.named("principal", principal)?;
    // The platform gives the id later.
    let id = credential.clone().unwrap_or_else(|| format!("{principal}#draft-{number}"));
    let before =
        state.credentials.find(entity, |row| row.credential == id).and_then(|slot| state.credentials.take(slot));
    let time = |time: &Option<Time>| time.map(|time| time.0);
    state.credentials.put(Credential {
        credential: id.clone(),
        entity,
        kind: *kind,
        created_at: time(created_at),
        expires_at: time(expires_at),
        last_used_at: time(last_used_at),
        never_used: *never_used,
        last_rotated_at: time(last_rotated_at),
        active: active.0,
        source: state.source,
        record: state.record(),
    });
    Some(vec![match before {
        Some(row) => stated(state, row),
        None => Change::DisableCredential { principal: principal.clone(), credential: id, delete: Some(true) },
    }])
}

/// The operation that makes a credential as it is.
fn stated(state: &State, row: Credential) -> Change {
    Change::CreateCredential {
        principal: state.id(row.entity),
        kind: row.kind,
        credential: Some(row.credential),
        created_at: row.created_at.map(Time),
        expires_at: row.expires_at.map(Time),
        last_used_at: row.last_used_at.map(Time),
        never_used: row.never_used,
        last_rotated_at: row.last_rotated_at.map(Time),
        active: Activity(row.active),
    }
}

/// Takes a credential out of its table to say it anew.
fn taken(state: &mut State, principal: &str, credential: &str) -> Option<Credential> {
    let entity = state.named("principal", principal)?;
    let Some(slot) = state.credentials.find(entity, |row| row.credential == credential) else {
        let own: Vec<String> = state
            .credentials
            .of(entity)
            .into_iter()
            .filter_map(|slot| state.credentials.get(slot).map(|row| row.credential.clone()))
            .collect();
        state.wrong("credential", format!("`{principal}` has no credential `{credential}`"), "");
        if let Some(error) = state.errors.last_mut() {
            error.candidates = own;
        }
        return None;
    };
    state.credentials.take(slot)
}

/// `disable_credential`
pub fn disable(state: &mut State, principal: &str, credential: &str, delete: bool) -> Undo {
    let row = taken(state, principal, credential)?;
    if !delete {
        let (source, record) = (state.source, state.record());
        state.credentials.put(Credential { active: Some(false), source, record, ..row.clone() });
    }
    Some(vec![stated(state, row)])
}

/// `rotate_credential`
pub fn rotate(state: &mut State, principal: &str, credential: &str, times: (Option<Time>, Option<Time>)) -> Undo {
    let row = taken(state, principal, credential)?;
    let (rotated_at, expires_at) = times;
    state.credentials.put(Credential {
        last_rotated_at: rotated_at.map(|time| time.0),
        expires_at: expires_at.map_or(row.expires_at, |time| Some(time.0)),
        source: state.source,
        record: state.record(),
        ..row.clone()
    });
    Some(vec![stated(state, row)])
}

/// Drops every credential of an entity.
pub fn drop_all(state: &mut State, entity: EntityId) -> Vec<Change> {
    let slots = state.credentials.of(entity);
    let rows: Vec<Credential> = slots.into_iter().filter_map(|slot| state.credentials.take(slot)).collect();
    rows.into_iter().map(|row| stated(state, row)).collect()
}
