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
    let mut renamed: FxHashMap<String, String> = FxHashMap::default();
    for (entity, fate) in builder.entities().iter().zip(fates) {
        let mut entity = entity.clone();
        match fate {
            Fate::Drop => {
                map.push(None);
                continue;
            }
            Fate::Rename(id) => {
                renamed.insert(entity.id, id.clone());
                entity.id = id;
            }
            Fate::Keep => {}
        }
        map.push(Some(fresh.define(entity)));
    }
    // A policy's statements name it by its id.
    for row in &mut builder.grants {
        if let Some(id) = renamed.get(&row.policy) {
            row.policy.clone_from(id);
        }
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
    by_entity!(attributes, credentials, usage, owners);
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

#[cfg(test)]
mod tests {
    use super::super::document::{Place, Target, emit, parse_json};
    use super::super::trust;
    use super::*;
    use crate::model::{EntityKind, Layer, Source};
    use crate::platforms::aws::NAME;

    fn builder() -> Builder {
        let source = Source { path: String::new(), kind: String::new(), sha256: String::new(), records: 0, skipped: 0 };
        let mut out = Builder::new(source);
        for name in ["a", "b", "c"] {
            let role = out.refer(name, NAME, EntityKind::Role, name);
            let text =
                r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111111111111"}}}"#;
            let document = parse_json(text, Place::Trust).unwrap();
            let target = Target { holder: role, layer: Layer::Resource, policy: name, record: "", granted_at: None };
            let first_grant = emit(&mut out, target, document.clone());
            trust::emit(&mut out, trust::TrustPolicy { role, account: "111111111111", first_grant }, &document);
            out.attribute(role, "own", name);
        }
        out
    }

    #[test]
    fn rows_follow_the_entities_that_are_renamed_and_go_with_those_that_are_dropped() {
        let mut out = builder();
        rename(&mut out, |entity| match entity.id.as_str() {
            "a" => Fate::Drop,
            "b" => Fate::Rename("z".to_owned()),
            _ => Fate::Keep,
        });
        let id = |handle: Handle| out.entity(handle).id.as_str();
        let grants: Vec<_> = out.grants.iter().map(|row| (row.grant, id(row.holder), row.policy.as_str())).collect();
        assert_eq!(grants, [(0, "z", "z"), (1, "c", "c")]);
        let trusts: Vec<_> = out.trusts.iter().map(|row| (row.grant, id(row.target))).collect();
        assert_eq!(trusts, [(0, "z"), (1, "c")]);
        assert!(out.trusts.iter().all(|row| row.trustee.map(id) == Some("aws:account/111111111111")));
        let own: Vec<_> = out.attributes.iter().map(|row| (id(row.entity), row.value.as_str())).collect();
        assert_eq!(own, [("z", "b"), ("c", "c")]);
        assert!(out.handle("a").is_none());
    }

    #[test]
    fn two_entities_that_turn_out_to_be_one_become_one() {
        let mut out = builder();
        rename(&mut out, |entity| if entity.id == "a" { Fate::Rename("b".to_owned()) } else { Fate::Keep });
        assert_eq!(out.entities().iter().filter(|entity| entity.kind == EntityKind::Role).count(), 2);
        assert_eq!(out.grants.iter().filter(|row| out.entity(row.holder).id == "b").count(), 2);
    }
}
