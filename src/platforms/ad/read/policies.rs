//! Which containers a policy reaches: links, blocked inheritance, and links that no blocking stops.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::NAME;
use super::containers::{BLOCKS, ENFORCED, LINK};
use crate::model::{Attribute, EntityId, EntityKind, MembershipKind, Tables};

/// Attribute of a policy: a container to whose users and computers it applies.
const REACHES: &str = "applies_in";

/// What the policies of the export reach. A link holds for the container and for everything below, except below units
/// that block inheritance, unless it is enforced. Only containers that hold accounts themselves are named.
pub fn reached(tables: &Tables) -> Vec<Attribute> {
    let is_scope = |entity: EntityId| {
        let entity = tables.entity(entity);
        entity.platform == NAME && entity.kind == EntityKind::Scope
    };
    let mut below: FxHashMap<EntityId, Vec<EntityId>> = FxHashMap::default();
    let mut inhabited: FxHashSet<EntityId> = FxHashSet::default();
    for row in tables.memberships.iter().filter(|row| row.kind == MembershipKind::Contains && is_scope(row.container)) {
        if is_scope(row.member) {
            below.entry(row.container).or_default().push(row.member);
        } else if tables.entity(row.member).kind.is_principal() {
            inhabited.insert(row.container);
        }
    }
    let blocked: FxHashSet<EntityId> = rows(tables, BLOCKS).map(|row| row.entity).collect();
    let mut found = Vec::new();
    for row in rows(tables, LINK) {
        let (policy, enforced) = match row.value.strip_suffix(ENFORCED) {
            Some(policy) => (policy, true),
            None => (row.value.as_str(), false),
        };
        let Some(policy) = tables.find(policy) else { continue };
        let mut seen = FxHashSet::from_iter([row.entity]);
        let mut open = vec![row.entity];
        while let Some(at) = open.pop() {
            if inhabited.contains(&at) {
                let value = tables.entity(at).id.clone();
                found.push(Attribute { entity: policy, key: REACHES.to_owned(), value });
            }
            let next = below.get(&at).into_iter().flatten().copied();
            open.extend(next.filter(|unit| (enforced || !blocked.contains(unit)) && seen.insert(*unit)));
        }
    }
    found
}

fn rows<'t>(tables: &'t Tables, key: &'static str) -> impl Iterator<Item = &'t Attribute> {
    tables.attributes.iter().filter(move |row| row.key == key && tables.entity(row.entity).platform == NAME)
}
