//! What a draft does to approvals: directly, by another row in their table or another member in the group that approves,
//! and transitively, by taking something out of the scope that an approval guards or by another way to the same rights.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Base;
use super::access::{covers_statement, statements};
use super::affected::{policies, scopes};
use super::delta::{Delta, Numbers};
use super::parties::{Parties, persons};
use crate::findings::lifecycle::people::{belongs, person};
use crate::model::{Approval, AttachmentKind, Effect, EntityId, EntityKind, Grant, Layer, MembershipKind, Tables};

/// The approvals of one object, taken together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Guard {
    /// Whether approval is required; null where the table does not say.
    pub required: Option<bool>,
    /// How many must agree.
    pub quorum: u32,
    /// Persons who belong and may agree, by id.
    pub approvers: BTreeSet<String>,
    /// Days from one review to the next; null for no review.
    pub cycle_days: Option<u32>,
}

/// What happens to the approvals of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalChange {
    pub object: String,
    pub before: Guard,
    pub after: Guard,
    /// What is weaker, in words; empty when it is only different.
    pub weaker: Vec<String>,
}

/// A way around an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bypass {
    /// The approval's object.
    pub object: String,
    /// What is no longer guarded, or who has a way around: full id.
    pub subject: String,
    /// How, in words.
    pub how: String,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ApprovalDelta {
    pub direct: Vec<ApprovalChange>,
    pub transitive: Vec<Bypass>,
    /// Guarded objects to which the draft gives access: their own approvers must agree.
    pub needed: Vec<Needed>,
}

/// An approval that the draft needs because of what it gives access to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Needed {
    pub object: String,
    pub quorum: u32,
    pub approvers: BTreeSet<String>,
}

fn guards(tables: &Tables, now: i64) -> BTreeMap<&str, Guard> {
    let mut out: BTreeMap<&str, Guard> = BTreeMap::new();
    for row in &tables.approvals {
        let guard = out.entry(row.object.as_str()).or_default();
        guard.required = match (guard.required, row.required) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (known, said) => known.or(said),
        };
        guard.quorum = guard.quorum.max(row.quorum.unwrap_or(1));
        let active = |id: &String| person(tables, id).is_some_and(|row| belongs(row, now));
        guard.approvers.extend(persons(tables, &row.approver).into_iter().filter(active));
        guard.cycle_days = match (guard.cycle_days, row.cycle_days) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    out
}

/// Compares the approvals of both sides.
#[must_use]
pub fn approval_delta(
    base: &Base<'_>,
    (before, after): (&Tables, &Tables),
    delta: &Delta,
    numbers: &Numbers,
    parties: &Parties,
) -> ApprovalDelta {
    if before.approvals.is_empty() && after.approvals.is_empty() {
        return ApprovalDelta::default();
    }
    let (then, now) = (guards(before, base.now), guards(after, base.now));
    let objects: BTreeSet<&str> = then.keys().chain(now.keys()).copied().collect();
    let none = Guard::default();
    let mut out = ApprovalDelta::default();
    for object in objects {
        let (old, new) = (then.get(object).unwrap_or(&none), now.get(object).unwrap_or(&none));
        if old != new {
            let weaker = weaker(old, new, now.contains_key(object), parties);
            let object = object.to_owned();
            out.direct.push(ApprovalChange { object, before: old.clone(), after: new.clone(), weaker });
        }
    }
    let guarded = Guarded::new(after, &now);
    out.transitive = moved_out(before, after, delta, numbers);
    out.transitive.extend(guarded.bypasses(after, delta));
    out.transitive.sort_by(|a, b| (&a.object, &a.subject, &a.how).cmp(&(&b.object, &b.subject, &b.how)));
    out.transitive.dedup();
    out.needed = guarded.needed(after, delta, &now);
    out
}

fn weaker(old: &Guard, new: &Guard, there: bool, parties: &Parties) -> Vec<String> {
    let mut out = Vec::new();
    if !there {
        out.push("the approval is gone".to_owned());
        return out;
    }
    if old.required == Some(true) && new.required != Some(true) {
        out.push("approval is no longer required".to_owned());
    }
    if new.quorum < old.quorum {
        out.push(format!("{} must agree in place of {}", new.quorum, old.quorum));
    }
    if new.approvers.len() < old.approvers.len() {
        out.push(format!("{} may approve in place of {}", new.approvers.len(), old.approvers.len()));
    }
    if new.approvers.len() < new.quorum as usize && old.approvers.len() >= old.quorum as usize {
        out.push("fewer persons may approve than must".to_owned());
    }
    let own = new.approvers.difference(&old.approvers).filter(|one| parties.people.contains(*one));
    out.extend(own.map(|one| format!("`{one}`, who stands behind the draft, becomes an approver")));
    let longer = match (old.cycle_days, new.cycle_days) {
        (Some(old), Some(new)) => new > old,
        (Some(_), None) => true,
        (None, _) => false,
    };
    if longer {
        out.push("it is reviewed less often".to_owned());
    }
    out
}

/// Objects of approvals that guard an entity: its own and those of the scopes around it.
fn guarding(tables: &Tables, of: EntityId) -> BTreeSet<String> {
    let around: BTreeSet<EntityId> = scopes(tables, of).into_iter().chain([of]).collect();
    let rows = tables.approvals.iter().filter(|row| row.required != Some(false));
    rows.filter(|row| row.entity.is_some_and(|one| around.contains(&one))).map(|row| row.object.clone()).collect()
}

/// What is no longer inside a scope that an approval guards.
fn moved_out(before: &Tables, after: &Tables, delta: &Delta, numbers: &Numbers) -> Vec<Bypass> {
    let contained = delta.memberships.removed.iter().filter(|row| row.kind == MembershipKind::Contains);
    let mut moved: BTreeSet<EntityId> = contained.filter_map(|row| numbers.after(row.member)).collect();
    moved.extend(&delta.moved);
    let mut out = Vec::new();
    for entity in moved {
        let Some(then) = numbers.before(entity) else { continue };
        let now = guarding(after, entity);
        for object in guarding(before, then).into_iter().filter(|one| !now.contains(one)) {
            // An approval that is gone is said where it went.
            if after.approvals.iter().any(|row| row.object == object) {
                let subject = after.entity(entity).id.clone();
                out.push(Bypass { object, subject, how: "it is moved out of what the approval guards".to_owned() });
            }
        }
    }
    out
}

/// What approvals guard after the change.
struct Guarded<'t> {
    /// Entity and object.
    objects: Vec<(EntityId, &'t str)>,
    /// Allowing statements that being in one of these gives.
    gives: Vec<(usize, &'t Grant)>,
}

impl<'t> Guarded<'t> {
    fn new(tables: &'t Tables, now: &BTreeMap<&str, Guard>) -> Self {
        let required = |row: &&Approval| now.get(row.object.as_str()).is_some_and(|one| one.required != Some(false));
        let rows = tables.approvals.iter().filter(required);
        let mut objects: Vec<(EntityId, &str)> =
            rows.filter_map(|row| Some((row.entity?, row.object.as_str()))).collect();
        objects.sort_unstable();
        objects.dedup();
        let mut gives = Vec::new();
        for (at, &(entity, _)) in objects.iter().enumerate() {
            if tables.entity(entity).kind == EntityKind::Scope {
                continue;
            }
            let attached = policies(tables, entity, AttachmentKind::Identity);
            let rows = statements(tables, entity).iter().chain(attached.flat_map(|one| statements(tables, one)));
            gives.extend(rows.filter(allows).map(|row| (at, row)));
        }
        Self { objects, gives }
    }

    fn is_guarded(&self, entity: EntityId) -> bool {
        self.objects.iter().any(|(one, _)| *one == entity)
    }

    /// New ways to rights that an approval guards.
    fn bypasses(&self, tables: &Tables, delta: &Delta) -> Vec<Bypass> {
        let mut out = Vec::new();
        let mut compare = |holder: EntityId, row: &Grant, how: &str| {
            for &(at, guarded) in &self.gives {
                let (entity, object) = self.objects[at];
                let other = entity != holder && !self.is_guarded(holder) && guarded.holder != holder;
                if other && covers_statement(row, guarded) {
                    let subject = tables.entity(holder).id.clone();
                    out.push(Bypass { object: object.to_owned(), subject, how: how.to_owned() });
                }
            }
        };
        for row in delta.grants.added.iter().filter(allows) {
            compare(row.holder, row, "a statement gives the same rights without the approval");
        }
        for row in delta.attachments.added.iter().filter(|row| row.kind == AttachmentKind::Identity) {
            for statement in statements(tables, row.policy).iter().filter(allows) {
                compare(row.holder, statement, "a policy gives the same rights without the approval");
            }
        }
        for row in delta.memberships.added.iter().filter(|row| row.kind == MembershipKind::MemberOf) {
            let nested = tables.entity(row.member).kind == EntityKind::Group && !self.is_guarded(row.member);
            for (_, object) in self.objects.iter().filter(|(one, _)| *one == row.container && nested) {
                let subject = tables.entity(row.member).id.clone();
                let how = "whoever is put into this group comes in without the approval".to_owned();
                out.push(Bypass { object: (*object).to_owned(), subject, how });
            }
        }
        out
    }

    /// Guarded objects that somebody is put into, or that trust somebody new.
    fn needed(&self, tables: &Tables, delta: &Delta, now: &BTreeMap<&str, Guard>) -> Vec<Needed> {
        let joined = delta.memberships.added.iter().filter(|row| row.kind == MembershipKind::MemberOf);
        let mut entered: BTreeSet<EntityId> = joined.map(|row| row.container).collect();
        entered.extend(delta.trusts.added.iter().map(|row| row.target));
        entered.extend(delta.attachments.added.iter().flat_map(|row| [row.holder, row.policy]));
        entered.extend(delta.grants.added.iter().filter(allows).map(|row| row.holder));
        let around: BTreeSet<EntityId> =
            entered.iter().flat_map(|&one| scopes(tables, one)).chain(entered.iter().copied()).collect();
        let mut out: BTreeSet<Needed> = BTreeSet::new();
        for (entity, object) in &self.objects {
            if let Some(guard) = now.get(object).filter(|_| around.contains(entity)) {
                let (quorum, approvers) = (guard.quorum, guard.approvers.clone());
                out.insert(Needed { object: (*object).to_owned(), quorum, approvers });
            }
        }
        out.into_iter().collect()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "filters hand out references to references")]
fn allows(row: &&Grant) -> bool {
    row.effect == Effect::Allow && row.layer == Layer::Identity
}
