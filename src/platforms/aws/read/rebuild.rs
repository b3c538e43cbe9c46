//! Changing a builder after the fact: other names for entities, rows that go away.

use rustc_hash::FxHashMap;

use crate::model::{Builder, Entity, Grant, Handle};

/// What becomes of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Keep,
    /// It is known under another id.
    Rename(String),
    /// It goes, and every row that names it.
    Drop,
}

/// Applies a fate to every entity of a builder. Nothing is touched when all are kept.
pub fn rename(builder: &mut Builder, fate: impl Fn(&Entity) -> Fate) {
    let fates: Vec<Fate> = builder.entities().iter().map(fate).collect();
    if fates.iter().all(|fate| *fate == Fate::Keep) {
        return;
    }
    let mut fresh = Builder::new(builder.source.clone());
    let mut map: Vec<Option<Handle>> = Vec::with_capacity(fates.len());
    for (entity, fate) in builder.entities().iter().zip(fates) {
        let mut entity = entity.clone();
        match fate {
            Fate::Drop => {
                map.push(None);
                continue;
            }
            Fate::Rename(id) => entity.id = id,
            Fate::Keep => {}
        }
        map.push(Some(fresh.define(entity)));
    }
    move_rows(builder, &mut fresh, &map);
    *builder = fresh;
}

fn move_rows(old: &mut Builder, fresh: &mut Builder, map: &[Option<Handle>]) {
    let of = |handle: Handle| map.get(handle.index()).copied().flatten();
    fresh.issues = std::mem::take(&mut old.issues);
    for mut row in old.memberships.drain(..) {
        if let (Some(member), Some(container)) = (of(row.member), of(row.container)) {
            (row.member, row.container) = (member, container);
            fresh.memberships.push(row);
        }
    }
    for mut row in old.attachments.drain(..) {
        if let (Some(holder), Some(policy)) = (of(row.holder), of(row.policy)) {
            (row.holder, row.policy) = (holder, policy);
            fresh.attachments.push(row);
        }
    }
    macro_rules! by_entity { ($($table:ident),+) => { $(
        for mut row in old.$table.drain(..) {
            if let Some(entity) = of(row.entity) {
                row.entity = entity;
                fresh.$table.push(row);
            }
        }
    )+ } }
    by_entity!(attributes, credentials, usage);
    keep_grants(old, |row| of(row.holder).is_some());
    for mut row in old.grants.drain(..) {
        row.holder = of(row.holder).unwrap_or(row.holder);
        fresh.grants.push(row);
    }
    for mut row in old.trusts.drain(..) {
        if let Some(target) = of(row.target) {
            row.target = target;
            row.trustee = row.trustee.and_then(of);
            fresh.trusts.push(row);
        }
    }
    fresh.people.append(&mut old.people);
    fresh.workflows.append(&mut old.workflows);
}

/// Drops the grants that `keep` does not keep, with their trust rows, and numbers the rest anew.
pub fn keep_grants(builder: &mut Builder, keep: impl Fn(&Grant) -> bool) {
    let mut number: FxHashMap<u32, u32> = FxHashMap::default();
    let mut kept = Vec::with_capacity(builder.grants.len());
    for mut row in builder.grants.drain(..) {
        if keep(&row) {
            let fresh = u32::try_from(kept.len()).unwrap_or(u32::MAX);
            number.insert(row.grant, fresh);
            row.grant = fresh;
            kept.push(row);
        }
    }
    builder.grants = kept;
    builder.trusts.retain_mut(|row| match number.get(&row.grant) {
        Some(fresh) => {
            row.grant = *fresh;
            true
        }
        None => false,
    });
}
