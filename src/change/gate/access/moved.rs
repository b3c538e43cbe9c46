//! Things that are moved into something else: whoever has rights on that and on all inside has them on what came in,
//! although no statement changed.

use std::collections::BTreeSet;

use super::compare::{Pair, resources};
use super::others::Through;
use super::{AccessRow, Place};
use crate::change::gate::affected::scopes;
use crate::change::gate::delta::{Delta, Numbers};
use crate::model::{Effect, EntityId, Grant, Layer, MembershipKind};

/// Rows of one direction: what is gained on things by where they are after that has been moved (`forward`), or by where
/// they were before.
pub fn gains(before: Place<'_>, after: Place<'_>, delta: &Delta, numbers: &Numbers, forward: bool) -> Vec<AccessRow> {
    let (here, there) = if forward { (after, before) } else { (before, after) };
    let rows = if forward { &delta.memberships.added } else { &delta.memberships.removed };
    let other = |id: EntityId| if forward { numbers.before(id) } else { numbers.after(id) };
    let contained = rows.iter().filter(|row| row.kind == MembershipKind::Contains).map(|row| row.member);
    let own = |&one: &EntityId| if forward { Some(one) } else { numbers.before(one) };
    let moved: BTreeSet<EntityId> = contained.chain(delta.moved.iter().filter_map(own)).collect();
    // What is new, or gone, was nobody's on the other side.
    let moved: Vec<(EntityId, EntityId)> = moved.into_iter().filter_map(|one| Some((one, other(one)?))).collect();
    if moved.is_empty() {
        return Vec::new();
    }
    let through = Through::new(here.tables);
    let mut out = Vec::new();
    for (thing, old) in moved {
        let id = &here.tables.entity(thing).id;
        let around = |place: Place<'_>, of: EntityId| -> BTreeSet<String> {
            scopes(place.tables, of).into_iter().map(|one| place.tables.entity(one).id.clone()).collect()
        };
        let was = around(there, old);
        let fresh: BTreeSet<String> = around(here, thing).into_iter().filter(|one| !was.contains(one)).collect();
        // `*` is all of a holder's own top-level scope.
        let top = here.tables.entity(thing).scope != there.tables.entity(old).scope;
        let into = |row: &Grant| {
            row.effect == Effect::Allow
                && row.layer == Layer::Identity
                && resources(row).iter().any(|one| fresh.contains(one) || (top && one == "*"))
        };
        let statements = here.tables.grants.iter().filter(|row| into(row)).map(|row| row.holder);
        for of in through.everyone(here.tables, statements) {
            let pair = Pair::new((there, other(of)), (here, Some(of)));
            out.extend(pair.moved(&into, id));
        }
    }
    out
}
