//! Whose rights a change feeds: everyone that a changed row is about, and everyone who has it through a group, a policy,
//! a role or a scope, on either side of the change.

use std::collections::{BTreeMap, BTreeSet};

use super::delta::{Delta, Numbers};
use super::side::Side;
use crate::model::{Access, AttachmentKind, EntityId, EntityKind, MembershipKind, Standing, Tables};

/// Who has what through whom, asked backwards.
struct Feeds {
    /// Members by group.
    members: BTreeMap<EntityId, Vec<EntityId>>,
    /// What a policy is attached to.
    attached: BTreeMap<EntityId, Vec<EntityId>>,
    /// Principals and groups that a scope has, by its full id.
    inside: BTreeMap<String, Vec<EntityId>>,
    /// Holders of a grant that names a role definition, by the full id of that.
    assigned: BTreeMap<String, Vec<EntityId>>,
}

impl Feeds {
    fn new(tables: &Tables) -> Self {
        let mut feeds = Self {
            members: BTreeMap::new(),
            attached: BTreeMap::new(),
            inside: BTreeMap::new(),
            assigned: BTreeMap::new(),
        };
        for row in &tables.memberships {
            match row.kind {
                MembershipKind::MemberOf | MembershipKind::Contains => {
                    feeds.members.entry(row.container).or_default().push(row.member);
                }
                // Whoever runs as an identity has its rights.
                MembershipKind::RunsAs => feeds.members.entry(row.container).or_default().push(row.member),
                MembershipKind::Owns => {}
            }
        }
        for row in &tables.attachments {
            feeds.attached.entry(row.policy).or_default().push(row.holder);
        }
        for entity in tables.entities.iter().filter(|entity| entity.kind.is_principal() && entity.present) {
            if let Some(scope) = &entity.scope {
                feeds.inside.entry(scope.clone()).or_default().push(entity.entity);
            }
        }
        for row in &tables.grants {
            for role in row.actions.iter().filter_map(|action| action.strip_prefix("role:")) {
                feeds.assigned.entry(role.to_owned()).or_default().push(row.holder);
            }
        }
        feeds
    }

    /// Principals that have something through any of these.
    fn fed(&self, tables: &Tables, from: impl IntoIterator<Item = EntityId>) -> BTreeSet<EntityId> {
        let mut open: Vec<EntityId> = from.into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(next) = open.pop() {
            if !seen.insert(next) {
                continue;
            }
            let entity = tables.entity(next);
            open.extend(self.members.get(&next).into_iter().flatten());
            open.extend(self.attached.get(&next).into_iter().flatten());
            if entity.kind == EntityKind::Scope {
                open.extend(self.inside.get(&entity.id).into_iter().flatten());
            }
            if matches!(entity.kind, EntityKind::RoleDefinition | EntityKind::Role) {
                open.extend(self.assigned.get(&entity.id).into_iter().flatten());
            }
        }
        seen.retain(|&one| tables.entity(one).is_principal());
        seen
    }
}

/// Everyone whose access may be another after the change, by their numbers after (sorted), and principals that are gone,
/// by their numbers before.
///
/// What follows from the rows is joined with whoever's counted access differs between the sides, so that a way by which
/// a platform feeds rights that the rows do not show is not missed.
#[must_use]
pub fn affected(
    (before, then): (&Tables, &Side),
    (after, now): (&Tables, &Side),
    delta: &Delta,
    numbers: &Numbers,
) -> (Vec<EntityId>, Vec<EntityId>) {
    let was = Feeds::new(before).fed(before, starts(delta, false));
    let is = Feeds::new(after).fed(after, starts(delta, true));
    let there = |one: EntityId| numbers.after(one).is_some_and(|one| after.entity(one).is_principal());
    let gone: Vec<EntityId> = was.iter().copied().filter(|&one| !there(one)).collect();
    let mut all = is;
    all.extend(was.iter().filter_map(|&one| numbers.after(one)));
    let empty: &[Access] = &[];
    for entity in after.entities.iter().filter(|entity| entity.is_principal()) {
        let old = numbers.before(entity.entity).map_or(empty, |one| then.access.of(one));
        let counted = |row: &Access| {
            (
                row.service.clone(),
                row.level.clone(),
                row.granted_n,
                row.breadth.clone(),
                row.mass.to_bits(),
                row.decision,
            )
        };
        if !old.iter().map(counted).eq(now.access.of(entity.entity).iter().map(counted)) {
            all.insert(entity.entity);
        }
    }
    all.retain(|&one| after.entity(one).is_principal());
    (all.into_iter().collect(), gone)
}

/// Entities that the rows of one side are about.
fn starts(delta: &Delta, added: bool) -> Vec<EntityId> {
    let mut out: Vec<EntityId> = Vec::new();
    macro_rules! take { ($($table:ident: $($field:ident),+);+) => { $(
        let rows = if added { &delta.$table.added } else { &delta.$table.removed };
        for row in rows { out.extend([$(row.$field),+]); }
    )+ } }
    take!(grants: holder; memberships: member; attachments: holder, policy; attributes: entity; trusts: target);
    let trusts = if added { &delta.trusts.added } else { &delta.trusts.removed };
    out.extend(trusts.iter().filter_map(|row| row.trustee));
    out.extend(if added { &delta.created } else { &delta.deleted });
    if added {
        out.extend(&delta.moved);
        out.extend(&delta.switched);
    }
    out
}

/// Groups and identities whose rights a principal has, itself first, each with whether it has them all the time.
#[must_use]
pub fn holders(tables: &Tables, of: EntityId) -> BTreeMap<EntityId, Standing> {
    let rows = &tables.memberships;
    let mut found = BTreeMap::from([(of, Standing::Active)]);
    let mut open = vec![of];
    while let Some(next) = open.pop() {
        let standing = found[&next];
        let start = rows.partition_point(|row| row.member < next);
        for row in rows[start..].iter().take_while(|row| row.member == next) {
            if !matches!(row.kind, MembershipKind::MemberOf | MembershipKind::RunsAs) {
                continue;
            }
            let by = if standing == Standing::Active { row.standing } else { standing };
            let better = found.get(&row.container).is_none_or(|known| by < *known);
            if better {
                found.insert(row.container, by);
                open.push(row.container);
            }
        }
    }
    found
}

/// Scopes that an entity is in, the innermost first.
#[must_use]
pub fn scopes(tables: &Tables, of: EntityId) -> Vec<EntityId> {
    let mut found: Vec<EntityId> = Vec::new();
    let mut open = vec![of];
    while let Some(next) = open.pop() {
        let scope = tables.entity(next).scope.as_deref().and_then(|scope| tables.find(scope));
        let start = tables.memberships.partition_point(|row| row.member < next);
        let rows = tables.memberships[start..].iter().take_while(|row| row.member == next);
        let around = rows.filter(|row| row.kind == MembershipKind::Contains).map(|row| row.container);
        for one in scope.into_iter().chain(around) {
            if !found.contains(&one) {
                found.push(one);
                open.push(one);
            }
        }
    }
    found
}

/// Policies that an entity has in one way.
pub fn policies(tables: &Tables, of: EntityId, kind: AttachmentKind) -> impl Iterator<Item = EntityId> + '_ {
    let start = tables.attachments.partition_point(|row| row.holder < of);
    let rows = tables.attachments[start..].iter().take_while(move |row| row.holder == of);
    rows.filter(move |row| row.kind == kind).map(|row| row.policy)
}
