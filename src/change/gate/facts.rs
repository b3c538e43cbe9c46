//! Everything that invariants, rules and the report look at, computed once for a draft.

use std::collections::BTreeSet;

use super::access::{AccessDelta, Place, compare};
use super::affected::affected;
use super::approvals::{ApprovalDelta, approval_delta};
use super::budget::{Amounts, Past};
use super::delta::{Delta, Numbers};
use super::equivalents::{Equivalent, equivalents};
use super::parties::Parties;
use super::reach::{self, Reached};
use super::side::{NewConflict, Side, new_conflicts};
use super::terms::{Privilege, Radius, Tier};
use super::{Base, Prepared};
use crate::access::Evaluators;
use crate::change::{Applied, Change, ChangeSet, Read, digest};
use crate::model::{EntityId, EntityKind, Tables};

/// Whether the way back leads back.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollback {
    /// Whether the inverse restores the digest of the tables.
    pub verified: bool,
    /// Why not, in words.
    pub problem: Option<String>,
    /// The inverse, in the order in which it applies.
    pub changes: Vec<Change>,
    /// What no operation undoes, in words.
    pub irreversible: Vec<String>,
}

/// One draft on one snapshot.
pub struct Facts<'a> {
    pub base: &'a Base<'a>,
    pub read: &'a Read,
    pub set: &'a ChangeSet,
    pub ledger: &'a [Past],
    pub applied: &'a Applied,
    pub then: &'a Side,
    pub now: &'a Side,
    pub numbers: Numbers,
    pub delta: Delta,
    /// Principals whose access may differ, by their numbers after.
    pub affected: Vec<EntityId>,
    pub access: AccessDelta,
    pub reach: Vec<Reached>,
    pub sod: Vec<NewConflict>,
    pub crossings: Vec<NewConflict>,
    pub approvals: ApprovalDelta,
    pub equivalents: Vec<Equivalent>,
    pub parties: Parties,
    pub rollback: Rollback,
    pub privilege: Privilege,
    pub radius: Radius,
    pub tier: Tier,
    pub amounts: Amounts,
}

impl<'a> Facts<'a> {
    /// Compares both sides.
    pub(super) fn gather(
        base: &'a Base<'a>,
        prepared: &'a Prepared<'_>,
        read: &'a Read,
        ledger: &'a [Past],
        (applied, evaluators, now): (&'a Applied, &'a Evaluators<'a>, &'a Side),
    ) -> Self {
        let (before, after, set) = (base.tables, &applied.tables, &read.set);
        let numbers = Numbers::new(applied);
        let delta = Delta::new(before, applied, &numbers);
        let then = &prepared.side;
        let (affected, gone) = affected((before, then), (after, now), &delta, &numbers);
        let place = Place { tables: before, evaluators: &prepared.evaluators };
        let access = compare(place, Place { tables: after, evaluators }, &delta, &numbers, (&affected, &gone));
        let reach = reach::added((before, then), (after, now), &numbers);
        let parties = Parties::new(before, set);
        let approvals = approval_delta(base, (before, after), &delta, &numbers, &parties);
        let mut facts = Self {
            sod: new_conflicts(before, &then.conflicts, after, &now.conflicts),
            crossings: new_conflicts(before, &then.crossings, after, &now.crossings),
            equivalents: equivalents(before, after, &delta, &numbers),
            rollback: rollback(base, set, applied),
            privilege: Privilege::Ordinary,
            radius: Radius::Small,
            tier: Tier::Low,
            amounts: Amounts::default(),
            base,
            read,
            set,
            ledger,
            applied,
            then,
            now,
            numbers,
            delta,
            affected,
            access,
            reach,
            approvals,
            parties,
        };
        facts.privilege = facts.privilege();
        facts.radius = base.terms.radius(facts.changed_principals().len());
        facts.tier = base.terms.tier(facts.privilege, facts.rollback.irreversible.is_empty(), facts.radius);
        facts.amounts = facts.amounts();
        facts
    }

    /// Tables after the change.
    #[must_use]
    pub const fn after(&self) -> &'a Tables {
        &self.applied.tables
    }

    /// Principals whose access differs, by id.
    #[must_use]
    pub fn changed_principals(&self) -> BTreeSet<&str> {
        let rows = self.access.added.iter().chain(&self.access.removed).map(|row| row.principal.as_str());
        rows.chain(self.reach.iter().map(|one| one.principal.as_str())).collect()
    }

    /// Principals that access is added to, by id.
    #[must_use]
    pub fn gaining(&self) -> BTreeSet<&str> {
        let rows = self.access.added.iter().map(|row| row.principal.as_str());
        rows.chain(self.reach.iter().map(|one| one.principal.as_str())).collect()
    }

    fn privilege(&self) -> Privilege {
        let after = self.after();
        let in_zone = |side: &Side, of: EntityId| side.zone_reason(of).is_some();
        let touches_zone = self.applied.touched.iter().any(|&one| {
            let scope = after.entity(one).kind == EntityKind::Scope;
            let was = self.numbers.before(one).is_some_and(|one| in_zone(self.then, one));
            !scope && (was || in_zone(self.now, one))
        });
        if touches_zone || !self.reach.is_empty() {
            return Privilege::Administrative;
        }
        let strong = |level: Option<&str>| level.is_none_or(|level| matches!(level, "write" | "permissions"));
        let sensitive = |one: &Change| {
            matches!(
                one,
                Change::SetTrust { .. }
                    | Change::SetEnabled { .. }
                    | Change::SetBoundary { .. }
                    | Change::SetApproval { .. }
                    | Change::SetException { .. }
                    | Change::CreateCredential { .. }
                    | Change::RotateCredential { .. }
            )
        };
        let strong = self.access.added.iter().any(|row| strong(row.level));
        if strong || self.set.changes.iter().any(sensitive) { Privilege::Privileged } else { Privilege::Ordinary }
    }

    fn amounts(&self) -> Amounts {
        Amounts {
            // A sum of nothing is minus zero.
            mass: self.access.added.iter().map(|row| row.mass).fold(0.0, |sum, mass| sum + mass),
            principals: self.gaining().len(),
            changes: self.set.changes.len(),
        }
    }
}

/// Applies the inverse and compares digests.
fn rollback(base: &Base<'_>, set: &ChangeSet, applied: &Applied) -> Rollback {
    let back = ChangeSet { changes: applied.inverse.clone(), ..set.clone() };
    let problem = match crate::change::apply(&applied.tables, &back) {
        Ok(restored) if digest(&restored.tables) == digest(base.tables) => None,
        Ok(_) => Some("the tables after the inverse are not those before".to_owned()),
        Err(errors) => {
            let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Some(format!("the inverse cannot be applied: {}", told.join("; ")))
        }
    };
    let irreversible = set.changes.iter().filter_map(|change| match change {
        Change::DeletePrincipal { principal, .. } => {
            Some(format!("`{principal}` can be created again, but not with its unique id and credentials"))
        }
        Change::RotateCredential { credential, .. } => Some(format!("the old secret of `{credential}` is gone")),
        Change::DisableCredential { credential, delete: Some(true), .. } => {
            Some(format!("the secret of `{credential}` is gone with it"))
        }
        _ => None,
    });
    Rollback {
        verified: problem.is_none(),
        problem,
        changes: applied.inverse.clone(),
        irreversible: irreversible.collect(),
    }
}
