//! Makes the operations of a change set in a copy of the tables.
//!
//! Each operation gives the operations that undo it; those of all, the last first, are the inverse. Nothing is guessed:
//! an id that no entity has, a statement that is there twice, a membership that is not there are errors, and all errors
//! of a set are given at once. A deleted entity stays as a stand-in for what still names it, as a scan of the export
//! would have one, so that no entity ever loses its number to a deletion.
//!
//! Whatever follows from rows follows again: trusts from the statements of trust policies, the state of owners from the
//! groups they are in. Time is linear in the tables (they are copied) and in the operations.

mod credentials;
mod governance;
mod grants;
mod members;
mod principals;
mod rows;
mod state;

use super::error::ChangeError;
use super::set::{Change, ChangeSet};
use crate::model::{AttachmentKind, EntityId, MembershipKind, Source, SourceId, Standing, Tables};
use crate::platforms;
use members::{Joining, Undo};
use state::State;

pub use grants::{read_condition, written_condition};

/// [`Source::kind`] of the source that new rows name.
pub const SOURCE_KIND: &str = "change-set";

/// A snapshot with a change set made on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The tables as they would be. The last source is the change set; rows that it made name it.
    pub tables: Tables,
    /// Number of each entity of before in `tables`. Deletion leaves a stand-in, so that none is without.
    pub map: Vec<Option<EntityId>>,
    /// Number of each statement of before in `tables`; none for those that are gone or were written anew.
    pub grants: Vec<Option<u32>>,
    /// Everyone and everything that a change names or that has a row that differs, in `tables`, sorted.
    pub touched: Vec<EntityId>,
    /// The operations that undo it, in the order in which they are to be made.
    pub inverse: Vec<Change>,
    /// Entities that are there and were not, in `tables`, sorted.
    pub new_entities: Vec<EntityId>,
}

/// Makes the operations of a change set on the tables of a snapshot.
///
/// # Errors
/// Everything that keeps one of its operations from being made, each at its place (`/changes/N/field`).
pub fn apply(tables: &Tables, set: &ChangeSet) -> Result<Applied, Vec<ChangeError>> {
    let mut tables = tables.clone();
    let source = SourceId(u32::try_from(tables.sources.len()).unwrap_or(u32::MAX));
    tables.sources.push(Source {
        path: set.draft_id.clone(),
        kind: SOURCE_KIND.to_owned(),
        sha256: String::new(),
        records: set.changes.len() as u64,
        skipped: 0,
    });
    let before = Owners::of(&tables);
    let mut state = State::new(tables, source);
    let mut inverse: Vec<Vec<Change>> = Vec::with_capacity(set.changes.len());
    for (number, change) in set.changes.iter().enumerate() {
        state.at = format!("/changes/{number}");
        inverse.extend(make(&mut state, change, number));
    }
    if !state.errors.is_empty() {
        state.suggest();
        return Err(state.errors);
    }
    inverse.reverse();
    Ok(finish(state, inverse.concat(), &before))
}

fn make(state: &mut State, change: &Change, number: usize) -> Undo {
    let member_of = MembershipKind::MemberOf;
    let identity = AttachmentKind::Identity;
    match change {
        Change::AddMember { container, member, kind, standing, expires_at } => {
            let (kind, standing) = (kind.unwrap_or(member_of), standing.unwrap_or(Standing::Active));
            members::add(state, &Joining { container, member, kind, standing, expires_at: *expires_at })
        }
        Change::RemoveMember { container, member, kind } => {
            members::remove(state, container, member, kind.unwrap_or(member_of))
        }
        Change::Attach { holder, policy, kind } => members::attach(state, holder, policy, kind.unwrap_or(identity)),
        Change::Detach { holder, policy, kind } => members::detach(state, holder, policy, kind.unwrap_or(identity)),
        Change::SetBoundary { principal, policy } => members::bound(state, principal, policy.as_deref()),
        Change::PutGrant { .. } => grants::put(state, change),
        Change::DeleteGrant { holder, policy, statement, layer, occurrence } => {
            grants::delete(state, holder, policy, statement, (*layer, *occurrence))
        }
        Change::SetTrust { principal, trustees, policy } => {
            grants::trust(state, principal, trustees, policy.as_deref())
        }
        Change::CreatePrincipal { .. } => principals::create(state, change),
        Change::DeletePrincipal { principal, referred_as } => principals::delete(state, principal, *referred_as),
        Change::SetEnabled { principal, enabled } => principals::enable(state, principal, *enabled),
        Change::CreateCredential { .. } => credentials::create(state, change, number),
        Change::DisableCredential { principal, credential, delete } => {
            credentials::disable(state, principal, credential, delete.unwrap_or(false))
        }
        Change::RotateCredential { principal, credential, rotated_at, expires_at } => {
            credentials::rotate(state, principal, credential, (*rotated_at, *expires_at))
        }
        Change::SetApproval { object, approvals, entity } => {
            governance::approve(state, object, approvals, entity.as_deref())
        }
        Change::SetException { exception, terms } => governance::except(state, exception, terms.as_ref()),
        Change::SetOwner { entity, owners } => governance::own(state, entity, owners),
    }
}

/// Owners of all entities as they are known.
struct Owners(Vec<(Option<String>, Option<String>)>);

impl Owners {
    fn of(tables: &Tables) -> Self {
        Self(tables.entities.iter().map(|entity| (entity.owner.clone(), entity.owner_status.clone())).collect())
    }
}

/// Numbers entities and statements anew, sorts every table as a scan does, and lets platforms say what follows.
fn finish(state: State, inverse: Vec<Change>, owners: &Owners) -> Applied {
    let old_n = state.old_n();
    let State {
        mut tables,
        memberships,
        attachments,
        attributes,
        grants,
        trusts,
        credentials,
        owners: owned,
        touched,
        created,
        unheard_of,
        ..
    } = state;
    tables.memberships = memberships.rows();
    tables.attachments = attachments.rows();
    tables.attributes = attributes.rows();
    tables.credentials = credentials.rows();
    tables.owners = owned.rows();
    tables.trusts = trusts.rows();
    let slots: Vec<(usize, crate::model::Grant)> = grants.finish();
    let fresh = number_entities(&mut tables, old_n);
    if let Some(fresh) = &fresh {
        renumber(&mut tables, fresh);
    }
    let of = |entity: EntityId| fresh.as_ref().map_or(entity, |fresh| fresh[entity.index()]);
    let numbers = number_grants(&mut tables, slots, &of);
    sort(&mut tables);
    let mut touched: Vec<EntityId> = touched.into_iter().map(of).collect();
    let mut new_entities: Vec<EntityId> = created.into_iter().map(of).collect();
    new_entities.sort_unstable();
    new_entities.dedup();
    let mut unheard_of: Vec<EntityId> = unheard_of.into_iter().map(of).collect();
    unheard_of.sort_unstable();
    for platform in platforms::ALL {
        platform.changed(&mut tables, &unheard_of);
    }
    let map: Vec<Option<EntityId>> = (0u32..).take(old_n).map(|old| Some(of(EntityId(old)))).collect();
    forget_owners(&mut tables, &touched);
    for (old, was) in owners.0.iter().enumerate() {
        let Some(now) = map[old] else { continue };
        let entity = tables.entity(now);
        if (&entity.owner, &entity.owner_status) != (&was.0, &was.1) {
            touched.push(now);
        }
    }
    touched.sort_unstable();
    touched.dedup();
    Applied { tables, map, grants: numbers, touched, inverse, new_entities }
}

/// An entity whose owners were all taken away has none.
fn forget_owners(tables: &mut Tables, touched: &[EntityId]) {
    for &number in touched {
        let start = tables.owners.partition_point(|row| row.entity < number);
        let left = tables.owners.get(start).is_some_and(|row| row.entity == number);
        let entity = &mut tables.entities[number.index()];
        // An owner that the export itself names has no row, and no confidence either.
        if !left && entity.owner_confidence.is_some() {
            (entity.owner, entity.owner_status, entity.owner_confidence) = (None, None, None);
        }
    }
}

/// Puts entities in the order of their ids; the new number of each, or `None` when nothing moved.
fn number_entities(tables: &mut Tables, old_n: usize) -> Option<Vec<EntityId>> {
    if tables.entities.len() == old_n {
        return None;
    }
    let mut order: Vec<u32> = (0u32..).take(tables.entities.len()).collect();
    order.sort_by(|&a, &b| tables.entities[a as usize].id.cmp(&tables.entities[b as usize].id));
    let mut fresh = vec![EntityId(0); order.len()];
    for (rank, &old) in (0u32..).zip(&order) {
        fresh[old as usize] = EntityId(rank);
    }
    for entity in &mut tables.entities {
        entity.entity = fresh[entity.entity.index()];
    }
    tables.entities.sort_by_key(|entity| entity.entity);
    Some(fresh)
}

/// Gives every row the new numbers of its entities. Grants are numbered by [`number_grants`].
fn renumber(tables: &mut Tables, fresh: &[EntityId]) {
    let to = |entity: &mut EntityId| *entity = fresh[entity.index()];
    tables.memberships.iter_mut().for_each(|row| {
        to(&mut row.member);
        to(&mut row.container);
    });
    tables.attachments.iter_mut().for_each(|row| {
        to(&mut row.holder);
        to(&mut row.policy);
    });
    tables.trusts.iter_mut().for_each(|row| {
        to(&mut row.target);
        row.trustee.iter_mut().for_each(to);
    });
    macro_rules! by_entity { ($($table:ident),+) => { $( tables.$table.iter_mut().for_each(|row| to(&mut row.entity)); )+ } }
    by_entity!(attributes, credentials, usage, identities, role_baselines, owners);
    tables.owners.iter_mut().for_each(|row| row.group.iter_mut().for_each(to));
    tables.people.iter_mut().for_each(|row| row.entity.iter_mut().for_each(to));
    tables.approvals.iter_mut().for_each(|row| row.entity.iter_mut().for_each(to));
    tables.workflows.iter_mut().for_each(|row| row.principal.iter_mut().for_each(to));
}

/// Sorts statements by holder and layer, numbers them, and has trusts name their numbers; the number of each statement
/// of before, by its number then.
fn number_grants(
    tables: &mut Tables,
    slots: Vec<(usize, crate::model::Grant)>,
    of: &impl Fn(EntityId) -> EntityId,
) -> Vec<Option<u32>> {
    let mut rows = slots;
    let last = rows.iter().map(|(slot, _)| *slot + 1).max().unwrap_or(0);
    for (_, row) in &mut rows {
        row.holder = of(row.holder);
    }
    rows.sort_by_key(|(slot, row)| (row.holder, row.layer, *slot));
    let mut numbers: Vec<Option<u32>> = vec![None; last];
    for (number, (slot, row)) in (0u32..).zip(&mut rows) {
        numbers[*slot] = Some(number);
        row.grant = number;
    }
    tables.grants = rows.into_iter().map(|(_, row)| row).collect();
    for row in &mut tables.trusts {
        // A trust without a statement keeps the number that says so.
        row.grant = numbers.get(row.grant as usize).copied().flatten().unwrap_or(u32::MAX);
    }
    numbers
}

fn sort(tables: &mut Tables) {
    tables.memberships.sort_by_key(|row| (row.member, row.container, row.kind, row.source));
    tables.attachments.sort_by_key(|row| (row.holder, row.kind, row.policy, row.source));
    tables.attributes.sort_by(|a, b| (a.entity, &a.key, &a.value).cmp(&(b.entity, &b.key, &b.value)));
    tables.trusts.sort_by(|a, b| {
        (a.target, a.grant, &a.trustee_pattern, &a.action).cmp(&(b.target, b.grant, &b.trustee_pattern, &b.action))
    });
    tables.credentials.sort_by(|a, b| (a.entity, &a.credential, a.source).cmp(&(b.entity, &b.credential, b.source)));
    tables.usage.sort_by(|a, b| (a.entity, &a.permission, a.source).cmp(&(b.entity, &b.permission, b.source)));
    tables
        .identities
        .sort_by(|a, b| (&a.person, a.entity).cmp(&(&b.person, b.entity)).then(b.confidence.total_cmp(&a.confidence)));
    tables.owners.sort_by(|a, b| {
        let surest = b.confidence.total_cmp(&a.confidence);
        a.entity
            .cmp(&b.entity)
            .then(surest)
            .then_with(|| (a.origin, &a.owner, a.source, &a.record).cmp(&(b.origin, &b.owner, b.source, &b.record)))
    });
    tables.approvals.sort_by(|a, b| (&a.object, &a.approver, a.source).cmp(&(&b.object, &b.approver, b.source)));
    tables.role_baselines.sort_by(|a, b| {
        (a.entity, &a.baseline, &a.actions, &a.resources).cmp(&(b.entity, &b.baseline, &b.actions, &b.resources))
    });
    tables.exceptions.sort_by(|a, b| (&a.exception, a.source, &a.record).cmp(&(&b.exception, b.source, &b.record)));
}
