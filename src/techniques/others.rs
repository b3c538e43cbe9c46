//! Requirements on a target's own permissions: a role that the attacker's code will run as must itself be allowed
//! to do its part.

use std::rc::Rc;
use std::sync::RwLock;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::format::{By, On, Requirement, Technique};
use super::matching::Found;
use crate::access::{self, Ask, Evaluator, Given, Standpoint, View};
use crate::model::{Certainty, EntityId, Tables};

/// Targets of one technique and actor whose own grants are given as evidence.
const EVIDENCE_TARGETS_MAX: u64 = 64;

/// A question about a class other than the actor's.
type Key = (usize, Vec<Ask>, Vec<Given>, bool);

/// Answers about targets as principals, each found once.
pub struct Others<'e> {
    evaluator: &'e dyn Evaluator,
    /// Class of each entity that is a principal.
    class_of: Vec<Option<usize>>,
    answers: RwLock<FxHashMap<Key, Option<Standpoint>>>,
}

impl<'e> Others<'e> {
    /// Indexes the classes.
    pub fn new(tables: &Tables, evaluator: &'e dyn Evaluator) -> Self {
        let mut class_of = vec![None; tables.entities.len()];
        for (number, class) in evaluator.classes().iter().enumerate() {
            for member in &class.members {
                class_of[member.index()] = Some(number);
            }
        }
        Self { evaluator, class_of, answers: RwLock::default() }
    }

    /// Keeps the targets that can do what the technique requires of them, and those through which its gain is real.
    pub fn limit(&self, technique: &Technique, found: &mut Found) {
        for requirement in technique.requires.iter().filter(|requirement| requirement.by == By::Target) {
            if requirement.on == On::Itself {
                self.keep(found, |class, target| self.on_itself(requirement, class, target));
            } else {
                let mut seen = FxHashMap::default();
                self.keep(found, |class, _| once(&mut seen, class, || self.anywhere(requirement, class)));
            }
        }
        if technique.gain.through == Some(By::Target) {
            let lifted = technique.lifted(By::Target);
            let mut seen = FxHashMap::default();
            self.keep(found, |class, _| once(&mut seen, class, || self.managing(class, &lifted)));
        }
    }

    /// Keeps targets with an answer. Those of one class have the same reasons, and where there are very many, the
    /// grants of the first ones are evidence enough.
    fn keep(&self, found: &mut Found, mut answer: impl FnMut(usize, EntityId) -> Option<Rc<Standpoint>>) {
        let (mut kept, mut sure) = (RoaringBitmap::new(), RoaringBitmap::new());
        let mut told: FxHashMap<*const Standpoint, Rc<Standpoint>> = FxHashMap::default();
        for target in &found.possible {
            let Some(class) = self.class_of.get(target as usize).copied().flatten() else { continue };
            let Some(one) = answer(class, EntityId(target)) else { continue };
            kept.insert(target);
            if one.certainty == Certainty::Certain {
                sure.insert(target);
            } else if told.insert(Rc::as_ptr(&one), Rc::clone(&one)).is_none() {
                found.reasons.extend(one.reasons.iter().cloned());
            }
            if kept.len() <= EVIDENCE_TARGETS_MAX {
                found.evidence.extend(self.evaluator.evidence_of(class, EntityId(target), &one.evidence));
            }
        }
        found.certain &= sure;
        found.possible = kept;
    }

    fn on_itself(&self, requirement: &Requirement, class: usize, target: EntityId) -> Option<Rc<Standpoint>> {
        let itself = RoaringBitmap::from_iter([target.0]);
        let view = self.open(class, requirement)?;
        let asks = super::matching::asks(requirement);
        let reach = super::matching::union(asks.iter().map(|ask| view.targets(ask, &itself)));
        let certainty = if reach.certain.is_empty() { Certainty::Conditional } else { Certainty::Certain };
        let found = Standpoint { certainty, reasons: reach.reasons, evidence: reach.evidence };
        (!reach.possible.is_empty()).then(|| Rc::new(found))
    }

    fn anywhere(&self, requirement: &Requirement, class: usize) -> Option<Standpoint> {
        let asks = super::matching::asks(requirement);
        self.remembered((class, asks.clone(), requirement.given.into_iter().collect(), false), || {
            let view = self.open(class, requirement)?;
            let on = if requirement.on == On::Everything { access::On::Everything } else { access::On::Something };
            super::matching::best(asks.iter().filter_map(|ask| view.anywhere(ask, on)))
        })
    }

    fn open(&self, class: usize, requirement: &Requirement) -> Option<Box<dyn View + 'e>> {
        match requirement.given {
            Some(given) => self.evaluator.open_given(class, &[given]),
            None => Some(self.evaluator.open(class)),
        }
    }

    fn managing(&self, class: usize, lifted: &[Given]) -> Option<Standpoint> {
        let given: Vec<Given> = lifted.iter().copied().chain([Given::Administrator]).collect();
        self.remembered((class, Vec::new(), given.clone(), true), || {
            self.evaluator.open_given(class, &given)?.manages_permissions()
        })
    }

    fn remembered(&self, key: Key, find: impl FnOnce() -> Option<Standpoint>) -> Option<Standpoint> {
        if let Some(found) = self.answers.read().ok().and_then(|answers| answers.get(&key).cloned()) {
            return found;
        }
        let found = find();
        if let Ok(mut answers) = self.answers.write() {
            answers.insert(key, found.clone());
        }
        found
    }
}

/// The answer about a class, found when it is first asked for.
fn once(
    seen: &mut FxHashMap<usize, Option<Rc<Standpoint>>>,
    class: usize,
    find: impl FnOnce() -> Option<Standpoint>,
) -> Option<Rc<Standpoint>> {
    seen.entry(class).or_insert_with(|| find().map(Rc::new)).clone()
}
