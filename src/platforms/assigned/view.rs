//! One class opened for questions.

use std::cell::OnceCell;

use roaring::RoaringBitmap;

use super::places::{Asked, Place};
use super::rights::{About, Right};
use super::{Compiled, access};
use crate::model::{Access, Certainty, EntityId};
use crate::platforms::assigned::holders::Held;
use crate::platforms::{Ask, Class, On, Reach, Standpoint, View};

/// A class with the rights that it holds.
pub struct ClassView<'c, 't> {
    pub compiled: &'c Compiled<'t>,
    pub class: &'c Class,
    pub held: &'c [Held],
    /// Whether it is asked about as if it were given everything.
    pub all: bool,
    /// The grants by which the first member holds its rights, as [`super::holders::Holding::grants`].
    pub grants: OnceCell<Vec<(u32, u32)>>,
}

/// A right that is about what was asked.
pub struct Match<'c> {
    pub number: u32,
    pub right: &'c Right,
    /// What it hangs on, in words; empty when on nothing.
    pub reasons: Vec<String>,
}

impl<'c> ClassView<'c, '_> {
    /// Rights that are about what is asked: those that allow, and those that deny.
    pub fn matches(&self, asked: &str) -> (Vec<Match<'c>>, Vec<Match<'c>>) {
        let (mut allow, mut deny) = (Vec::new(), Vec::new());
        let rights = self.compiled.rights();
        // Thousands of rights may differ only in the one thing that each is on.
        let mut known: Vec<Option<About>> = vec![None; rights.abouts];
        for held in self.held {
            let right = rights.get(held.right);
            let about = *known[right.about as usize].get_or_insert_with(|| rights.is_about(right, asked));
            if about == About::No {
                continue;
            }
            let one = Match { number: held.right, right, reasons: self.reasons(*held, about) };
            if right.denies { deny.push(one) } else { allow.push(one) }
        }
        (allow, deny)
    }

    /// What a right that is held hangs on.
    fn reasons(&self, held: Held, about: About) -> Vec<String> {
        let compiled = self.compiled;
        let right = compiled.rights().get(held.right);
        let mut reasons: Vec<String> = right.condition.iter().cloned().collect();
        if held.eligible {
            reasons.push("eligible: a membership must be activated first".to_owned());
        }
        if about == About::Unknown {
            let id = |role: EntityId| &compiled.tables.entity(role).id;
            let missing = compiled.rights().missing(right).map(id).chain(&right.lost);
            reasons.extend(missing.map(|role| format!("the permissions of `{role}` are not in the export")));
        }
        reasons
    }

    /// Which of `among` a right holds for.
    fn reached(&self, right: &Right, among: &RoaringBitmap) -> RoaringBitmap {
        let (tree, scope) = (self.compiled.tree(), self.class.scope);
        let all = |places: &[Place]| {
            places.iter().fold(RoaringBitmap::new(), |all, place| all | tree.reached(place, scope, among))
        };
        // Most rights are on one thing, which is mostly not what is asked about.
        if right.places.iter().all(|place| matches!(place, Place::Only(one) if !among.contains(one.0))) {
            return RoaringBitmap::new();
        }
        let reached = all(&right.places);
        if right.not_places.is_empty() { reached } else { reached - all(&right.not_places) }
    }

    /// Whether a right holds for all of the class's top-level scope.
    fn is_everything(&self, right: &Right) -> bool {
        let (tree, scope) = (self.compiled.tree(), self.class.scope);
        right.not_places.is_empty() && right.places.iter().any(|place| tree.is_everything(place, scope))
    }

    /// Whether everything that a right holds for, a deny takes away.
    pub fn is_denied(&self, right: &Right, deny: &Right) -> bool {
        let (tree, scope) = (self.compiled.tree(), self.class.scope);
        deny.not_places.is_empty()
            && right.places.iter().all(|narrow| deny.places.iter().any(|wide| tree.is_within(narrow, wide, scope)))
    }

    /// Numbers of the grants by which the first member holds a right.
    pub fn grants(&self, number: u32) -> Vec<u32> {
        let all = self.grants.get_or_init(|| self.compiled.holding(self.class.members[0]).grants);
        let start = all.partition_point(|(right, _)| *right < number);
        all[start..].iter().take_while(|(right, _)| *right == number).map(|(_, grant)| *grant).collect()
    }

    fn compared(&self, ask: &Ask) -> String {
        self.compiled.compared(&ask.action)
    }

    /// What matches stand on: the certain ones when there are any.
    fn standpoint(&self, found: &[(&Match<'_>, Vec<String>)]) -> Option<Standpoint> {
        let sure: Vec<_> = found.iter().filter(|(_, reasons)| reasons.is_empty()).collect();
        let (certainty, used) = if sure.is_empty() {
            (Certainty::Conditional, found.iter().collect::<Vec<_>>())
        } else {
            (Certainty::Certain, sure)
        };
        let mut reasons: Vec<String> = used.iter().flat_map(|(_, reasons)| reasons.iter().cloned()).collect();
        let mut evidence: Vec<u32> = used.iter().flat_map(|(one, _)| self.grants(one.number)).collect();
        reasons.sort();
        reasons.dedup();
        evidence.sort_unstable();
        evidence.dedup();
        (!used.is_empty()).then_some(Standpoint { certainty, reasons, evidence })
    }
}

fn denied_perhaps(reason: &str) -> String {
    format!("a deny may hold: {reason}")
}

impl View for ClassView<'_, '_> {
    fn targets(&self, ask: &Ask, among: &RoaringBitmap) -> Reach {
        let (allow, deny) = self.matches(&self.compared(ask));
        let mut reach = Reach::default();
        if self.all {
            reach.certain = &*self.compiled.tree().scope(self.class.scope) & among;
            reach.possible.clone_from(&reach.certain);
        }
        for one in allow {
            let reached = self.reached(one.right, among);
            if reached.is_empty() {
                continue;
            }
            reach.possible |= &reached;
            if one.reasons.is_empty() {
                reach.certain |= reached;
                reach.evidence.extend(self.grants(one.number));
            } else {
                reach.reasons.extend(one.reasons);
                reach.open_evidence.extend(self.grants(one.number));
            }
        }
        for one in deny {
            let denied = self.reached(one.right, among);
            let concerned = !denied.is_disjoint(&reach.certain);
            reach.certain -= &denied;
            if one.reasons.is_empty() {
                reach.possible -= &denied;
            } else if concerned {
                reach.reasons.extend(one.reasons.iter().map(|reason| denied_perhaps(reason)));
                reach.open_evidence.extend(&reach.evidence);
            }
        }
        if reach.certain == reach.possible {
            reach.reasons.clear();
            reach.open_evidence.clear();
        }
        reach.tidy();
        reach
    }

    fn anywhere(&self, ask: &Ask, on: On) -> Option<Standpoint> {
        let (allow, deny) = self.matches(&self.compared(ask));
        if self.all {
            let whole = |one: &Match<'_>| one.reasons.is_empty() && self.is_everything(one.right);
            let taken = deny.iter().any(whole);
            let all = Standpoint { certainty: Certainty::Certain, reasons: Vec::new(), evidence: Vec::new() };
            return (!taken).then_some(all);
        }
        let mut found = Vec::new();
        for one in &allow {
            if on == On::Everything && !self.is_everything(one.right) {
                continue;
            }
            let mut reasons = one.reasons.clone();
            let over = |deny: &&Match<'_>| self.is_denied(one.right, deny.right);
            if deny.iter().filter(over).any(|deny| deny.reasons.is_empty()) {
                continue;
            }
            let perhaps = deny.iter().filter(over).flat_map(|deny| &deny.reasons);
            reasons.extend(perhaps.map(|reason| denied_perhaps(reason)));
            found.push((one, reasons));
        }
        self.standpoint(&found)
    }

    fn together(&self, asks: &[Ask]) -> Option<Standpoint> {
        let everywhere = Standpoint::all(asks.iter().map(|ask| self.anywhere(ask, On::Everything)));
        if everywhere.as_ref().is_some_and(|one| one.certainty == Certainty::Certain) {
            return everywhere;
        }
        let among = self.compiled.entities();
        let common = Reach::intersection(asks.iter().map(|ask| self.targets(ask, among))).standpoint();
        Standpoint::best(common.into_iter().chain(everywhere))
    }

    fn manages_permissions(&self) -> Option<Standpoint> {
        let action = self.compiled.dialect().administration().to_owned();
        self.anywhere(&Ask { action, pins: Vec::new() }, On::Everything)
    }

    fn access(&self) -> Vec<Access> {
        access::rows(self)
    }
}

impl ClassView<'_, '_> {
    /// Whether a right holds for what a question is about.
    pub fn holds(&self, right: &Right, asked: Asked<'_>) -> bool {
        let (tree, scope) = (self.compiled.tree(), self.class.scope);
        right.places.iter().any(|place| tree.holds(place, scope, asked))
            && !right.not_places.iter().any(|place| tree.holds(place, scope, asked))
    }
}
