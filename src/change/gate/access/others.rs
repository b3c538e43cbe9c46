//! Who else a change is about than principals that its rows name: groups that stand for people whom no export lists,
//! and everyone, where a group of everyone gets something.

use std::collections::{BTreeMap, BTreeSet};

use super::Place;
use crate::change::gate::delta::{Delta, Numbers};
use crate::model::{EntityId, EntityKind, MembershipKind, Tables};
use crate::platforms;

/// Attribute of a group whose members no export lists: `all` or `scope`.
const IMPLICIT: &str = "implicit_members";

/// Who has something through what, asked backwards.
pub struct Through {
    by: BTreeMap<EntityId, Vec<EntityId>>,
}

impl Through {
    /// Indexes the rows of one side. O(rows).
    #[must_use]
    pub fn new(tables: &Tables) -> Self {
        let mut by: BTreeMap<EntityId, Vec<EntityId>> = BTreeMap::new();
        for row in tables.memberships.iter().filter(|row| row.kind != MembershipKind::Contains) {
            if row.kind != MembershipKind::Owns {
                by.entry(row.container).or_default().push(row.member);
            }
        }
        for row in &tables.attachments {
            by.entry(row.policy).or_default().push(row.holder);
        }
        for row in &tables.grants {
            for role in row.actions.iter().filter_map(|action| tables.find(action.strip_prefix("role:")?)) {
                by.entry(role).or_default().push(row.holder);
            }
        }
        for row in tables.attributes.iter().filter(|row| row.key == IMPLICIT) {
            let all = tables.entities.iter().map(|one| one.entity).filter(|&one| is_one_of(tables, row.entity, one));
            by.entry(row.entity).or_default().extend(all);
        }
        for entity in tables.entities.iter().filter(|one| one.is_principal()) {
            if let Some(scope) = entity.scope.as_deref().and_then(|scope| tables.find(scope)) {
                by.entry(scope).or_default().push(entity.entity);
            }
        }
        Self { by }
    }

    /// Everyone who can act and has something through any of these, themselves included.
    #[must_use]
    pub fn everyone(&self, tables: &Tables, from: impl IntoIterator<Item = EntityId>) -> BTreeSet<EntityId> {
        let mut open: Vec<EntityId> = from.into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(self.by.get(&next).into_iter().flatten());
            }
        }
        seen.retain(|&one| acts(tables, one));
        seen
    }
}

/// Everyone who can act and has something through any of these, themselves included. O(rows).
#[must_use]
pub fn who_through(tables: &Tables, from: impl IntoIterator<Item = EntityId>) -> BTreeSet<EntityId> {
    Through::new(tables).everyone(tables, from)
}

/// Whether a group is one of everyone, and a principal is one of those.
#[must_use]
pub fn is_one_of(tables: &Tables, group: EntityId, of: EntityId) -> bool {
    let Some(whose) = tables.attribute(group, IMPLICIT) else { return false };
    let (group, one) = (tables.entity(group), tables.entity(of));
    let inside = whose != "scope" || group.scope.is_none() || one.scope == group.scope;
    one.is_principal() && one.platform == group.platform && inside
}

/// Whether somebody can act by it: a principal, or a group that stands for people whom no export lists.
#[must_use]
pub fn acts(tables: &Tables, of: EntityId) -> bool {
    let entity = tables.entity(of);
    let open = || platforms::of(&entity.platform).is_some_and(platforms::Platform::has_open_groups);
    entity.is_principal() || (entity.present && entity.kind == EntityKind::Group && open())
}

/// Whether groups of such a kind are on either side at all.
fn are_there(tables: &Tables) -> bool {
    let open = |one: &crate::model::Entity| one.kind == EntityKind::Group && acts(tables, one.entity);
    tables.attributes.iter().any(|row| row.key == IMPLICIT) || tables.entities.iter().any(open)
}

/// Whose access may differ besides whom the rows of the change feed, by their numbers after, and who is gone, by their
/// numbers before.
#[must_use]
pub fn others(before: Place<'_>, after: Place<'_>, delta: &Delta, numbers: &Numbers) -> (Vec<EntityId>, Vec<EntityId>) {
    let mut found = [BTreeSet::new(), BTreeSet::new()];
    for (side, out) in [(before, 0), (after, 1)] {
        let about = changed(delta, out == 1);
        // Nobody has something through a principal that does not have it by the rows themselves.
        let shared = about.iter().any(|&one| !side.tables.entity(one).is_principal());
        if shared && are_there(side.tables) {
            found[out] = Through::new(side.tables).everyone(side.tables, about);
        }
    }
    let [was, mut is] = found;
    let there = |one: EntityId| numbers.after(one).is_some_and(|one| acts(after.tables, one));
    let gone = was.iter().copied().filter(|&one| !there(one)).collect();
    is.extend(was.iter().filter_map(|&one| numbers.after(one)).filter(|&one| acts(after.tables, one)));
    (is.into_iter().collect(), gone)
}

/// What the rows of one side are about.
fn changed(delta: &Delta, added: bool) -> Vec<EntityId> {
    let mut out = Vec::new();
    macro_rules! take { ($($table:ident: $($field:ident),+);+) => { $(
        let rows = if added { &delta.$table.added } else { &delta.$table.removed };
        for row in rows { out.extend([$(row.$field),+]); }
    )+ } }
    take!(grants: holder; memberships: member; attachments: holder, policy; attributes: entity);
    out.extend(if added { &delta.created } else { &delta.deleted });
    if added {
        out.extend(&delta.switched);
    }
    out
}
