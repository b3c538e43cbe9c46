//! Access that principals have by other things than statements of their own: policies of resources (whom a changed
//! statement of a bucket, a key or a role's trust names), trusts, ownership, and membership in what lets its members in
//! elsewhere.
//!
//! The counted access of a principal goes by identity policies, so that what resources allow by themselves is compared
//! statement by statement.

use std::collections::BTreeSet;

use super::compare::cited;
use super::limits::{alike, statements};
use super::{AccessRow, Place, covers_statement};
use crate::change::gate::delta::{Delta, Numbers};
use crate::change::gate::pattern::{covers, is_wild};
use crate::model::{Decision, Effect, EntityId, Grant, Layer, Membership, MembershipKind, Request, Standing};

/// Rows of one direction: what after has that before has not, or what before had (`forward` is false).
pub fn gains(before: Place<'_>, after: Place<'_>, delta: &Delta, numbers: &Numbers, forward: bool) -> Vec<AccessRow> {
    let (here, there) = if forward { (after, before) } else { (before, after) };
    let (added, removed) = if forward {
        (&delta.grants.added, &delta.grants.removed)
    } else {
        (&delta.grants.removed, &delta.grants.added)
    };
    let other = |id: EntityId| if forward { numbers.before(id) } else { numbers.after(id) };
    let of_resource = |row: &&Grant| row.layer == Layer::Resource;
    let mut out = Vec::new();
    for row in added.iter().filter(of_resource).filter(|row| row.effect == Effect::Allow) {
        let old = other(row.holder).map_or(&[][..], |holder| statements(there.tables, holder));
        let covered = |one: &Grant| one.effect == Effect::Allow && one.layer == Layer::Resource && includes(one, row);
        if !old.iter().any(covered) {
            out.extend(named(here, row, "no statement of the resource gave it before"));
        }
    }
    for row in removed.iter().filter(of_resource).filter(|row| row.effect == Effect::Deny) {
        let now =
            other_way(here, numbers, row.holder, forward).map_or(&[][..], |holder| statements(here.tables, holder));
        if !now.iter().any(|one| one.effect == Effect::Deny && (alike(one, row) || covers_statement(one, row))) {
            let resource = there.tables.entity(row.holder).id.clone();
            out.push(lifted(there, row, resource));
        }
    }
    let (joined, left) = if forward {
        (&delta.trusts.added, &delta.trusts.removed)
    } else {
        (&delta.trusts.removed, &delta.trusts.added)
    };
    // A trust that a statement makes is compared as that statement.
    for row in joined.iter().filter(|row| row.grant == u32::MAX) {
        let same = |old: &&crate::model::Trust| {
            old.trustee_pattern == row.trustee_pattern && (old.condition.is_none() || old.condition == row.condition)
        };
        if left.iter().any(|old| same(&old)) {
            continue;
        }
        let id = row.trustee.map(|one| here.tables.entity(one).id.clone());
        let target = &here.tables.entity(row.target).id;
        out.push(AccessRow {
            condition: row.condition.clone(),
            decision: if row.condition.is_none() { Decision::Allowed } else { Decision::Conditional },
            statement: format!("{target} trusts {}", row.trustee_pattern),
            why: "it was not trusted before".to_owned(),
            ..plain(id.unwrap_or_else(|| row.trustee_pattern.clone()), row.trustee, &row.action, target)
        });
    }
    out.extend(relations(here, delta, forward, &other));
    out
}

/// A row about one action on one thing, certain and new.
fn plain(principal: String, entity: Option<EntityId>, action: &str, resource: &str) -> AccessRow {
    AccessRow {
        principal,
        entity,
        actions: vec![action.to_owned()],
        actions_n: Some(1),
        exact: BTreeSet::from([action.to_owned()]),
        resources: vec![resource.to_owned()],
        condition: None,
        decision: Decision::Allowed,
        before: Decision::Denied,
        level: Some("permissions"),
        mass: 0.0,
        statement: String::new(),
        grant: None,
        why: String::new(),
    }
}

/// What memberships give by themselves: whoever owns something decides over it, and whoever is in a group that is let
/// in elsewhere comes in. No statement says so, and no evaluator counts it.
fn relations(
    here: Place<'_>,
    delta: &Delta,
    forward: bool,
    other: &dyn Fn(EntityId) -> Option<EntityId>,
) -> Vec<AccessRow> {
    let tables = here.tables;
    let (fresh, gone) = if forward {
        (&delta.memberships.added, &delta.memberships.removed)
    } else {
        (&delta.memberships.removed, &delta.memberships.added)
    };
    let across = |row: &Membership| tables.entity(row.member).platform != tables.entity(row.container).platform;
    let candidates = fresh.iter().any(|row| row.kind == MembershipKind::MemberOf && is_elsewhere(here, row.container));
    let federations = if candidates { here.evaluators.federations() } else { Vec::new() };
    let lets_in = |row: &Membership| {
        tables.trusts.iter().any(|one| one.trustee == Some(row.container))
            || federations.iter().any(|one| one.trustee == row.container)
    };
    let mut out = Vec::new();
    for row in fresh {
        let counts = match row.kind {
            MembershipKind::Owns => true,
            MembershipKind::MemberOf => across(row) || lets_in(row),
            MembershipKind::RunsAs => across(row),
            MembershipKind::Contains => false,
        };
        // Said anew for no longer and in no other way, it is as it was.
        let same = |old: &&Membership| {
            old.kind == row.kind
                && (Some(old.member), Some(old.container)) == (other(row.member), other(row.container))
                && (old.standing == row.standing || old.standing == Standing::Active)
        };
        if !counts || gone.iter().any(|old| same(&old)) {
            continue;
        }
        let (member, container) = (tables.entity(row.member), tables.entity(row.container));
        let eligible = row.standing == Standing::Eligible;
        out.push(AccessRow {
            decision: if eligible { Decision::Conditional } else { Decision::Allowed },
            statement: format!("{} {} {}", member.id, row.kind, container.id),
            why: "it was not so before".to_owned(),
            ..plain(member.id.clone(), Some(row.member), row.kind.as_str(), &container.id)
        });
    }
    out
}

/// Whether a reader states what an entity is on another platform, or there is to sign in to: that alone lets nobody in.
fn is_elsewhere(here: Place<'_>, of: EntityId) -> bool {
    let rows = &here.tables.attributes;
    let start = rows.partition_point(|row| row.entity < of);
    let mut own = rows[start..].iter().take_while(|row| row.entity == of);
    own.any(|row| row.key.starts_with("federated_") || matches!(&*row.key, "synced_from" | "pod_identity_target"))
}

fn other_way(here: Place<'_>, numbers: &Numbers, holder: EntityId, forward: bool) -> Option<EntityId> {
    let id = if forward { numbers.after(holder) } else { numbers.before(holder) };
    id.filter(|id| id.index() < here.tables.entities.len())
}

/// Whether a statement of a resource lets in whom another one does, at least as widely.
fn includes(outer: &Grant, inner: &Grant) -> bool {
    let meant = |one: &String| outer.principals.iter().any(|by| covers(by, one));
    let all = inner.principals.iter().all(meant);
    let open = Grant { principals: Vec::new(), ..outer.clone() };
    all && inner.not_principals.is_empty() && covers_statement(&open, inner)
}

/// One row for each principal that a statement names.
fn named(here: Place<'_>, row: &Grant, why: &str) -> Vec<AccessRow> {
    let tables = here.tables;
    let resource = tables.entity(row.holder).id.clone();
    let mut names: Vec<String> = row.principals.clone();
    if !row.not_principals.is_empty() || names.is_empty() {
        names.push("*".to_owned());
    }
    let mut out = Vec::new();
    for name in names {
        let id = name
            .split_once(':')
            .filter(|(kind, _)| kind.chars().all(char::is_alphanumeric))
            .map_or(&*name, |one| one.1);
        let entity = tables.find(id);
        let exact: BTreeSet<String> = row.actions.iter().cloned().collect();
        out.push(AccessRow {
            principal: entity.map_or_else(|| name.clone(), |one| tables.entity(one).id.clone()),
            entity,
            actions: exact.iter().cloned().collect(),
            actions_n: row.actions.iter().all(|one| !is_wild(one)).then_some(exact.len()),
            decision: decided(here, row, entity, &resource),
            before: Decision::Denied,
            resources: vec![resource.clone()],
            condition: row.condition.clone(),
            level: None,
            mass: 0.0,
            statement: cited(tables, row),
            grant: Some(row.grant),
            why: why.to_owned(),
            exact,
        });
    }
    out
}

/// The surest answer about the actions that a statement names; unknown where it names patterns or an outsider.
fn decided(here: Place<'_>, row: &Grant, entity: Option<EntityId>, resource: &str) -> Decision {
    let Some(principal) = entity.filter(|&one| here.tables.entity(one).is_principal()) else {
        return if row.condition.is_some() { Decision::Conditional } else { Decision::Unknown };
    };
    let plain = row.actions.iter().filter(|action| !is_wild(action));
    let answers = plain.map(|action| here.evaluators.decide(&Request::new(principal, action, resource)).decision);
    answers.max_by_key(|one| super::rank(*one)).filter(|one| *one != Decision::Denied).unwrap_or(Decision::Unknown)
}

/// What a deny of a resource kept from whom it named.
fn lifted(there: Place<'_>, row: &Grant, resource: String) -> AccessRow {
    let exact: BTreeSet<String> =
        if row.actions.is_empty() { BTreeSet::from(["*".to_owned()]) } else { row.actions.iter().cloned().collect() };
    let one = row.principals.first().filter(|_| row.principals.len() == 1).cloned();
    AccessRow {
        principal: one.unwrap_or_else(|| "*".to_owned()),
        entity: None,
        actions: exact.iter().cloned().collect(),
        actions_n: None,
        exact,
        resources: vec![resource],
        condition: row.condition.clone(),
        decision: Decision::Unknown,
        before: Decision::Denied,
        level: None,
        mass: 0.0,
        statement: cited(there.tables, row),
        grant: None,
        why: "a deny of the resource is not there as before".to_owned(),
    }
}
