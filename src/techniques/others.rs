//! Questions about classes of principals whose answers other classes need as well: a role that the attacker's code
//! will run as must itself be allowed to do its part, and rewritten permissions must be worth something.

use std::hash::Hash;
use std::sync::{Arc, RwLock};

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::asks::{asks, partition_of};
use super::format::{By, On, Requirement, Technique};
use super::matcher::Found;
use crate::access::{self, Ask, Evaluator, Given, Reach, Standpoint, View};
use crate::model::{Certainty, Tables};

/// A class, what it is asked, and after which change.
type Key = (usize, Vec<Ask>, Option<Given>);

/// Answers about classes of principals, each found once.
pub struct Others<'e> {
    tables: &'e Tables,
    evaluator: &'e dyn Evaluator,
    /// Class of each entity that is a principal.
    class_of: Vec<Option<usize>>,
    anywhere: Memo<(Key, access::On), Option<Standpoint>>,
    /// Which members of a class may do something to themselves.
    members: Memo<Key, Arc<Reach>>,
    managing: Memo<(usize, Vec<Given>), Option<Standpoint>>,
    /// Which targets can do their part, by technique.
    able: RwLock<FxHashMap<String, Vec<Able>>>,
}

/// Targets that were asked about, and which of them can.
type Able = (RoaringBitmap, Arc<Reach>);

/// Sets of targets that are remembered for each technique.
const REMEMBERED_MAX: usize = 64;
/// Targets up to which their own statements are given as evidence.
const EVIDENCE_TARGETS_MAX: u64 = 64;

impl<'e> Others<'e> {
    /// Indexes the classes.
    pub fn new(tables: &'e Tables, evaluator: &'e dyn Evaluator) -> Self {
        let mut class_of = vec![None; tables.entities.len()];
        for (number, class) in evaluator.classes().iter().enumerate() {
            for member in &class.members {
                class_of[member.index()] = Some(number);
            }
        }
        let (anywhere, members, managing) = (Memo::default(), Memo::default(), Memo::default());
        Self { tables, evaluator, class_of, anywhere, members, managing, able: RwLock::default() }
    }

    /// Keeps the targets that can do what the technique requires of them, and those through which its gain is real.
    pub fn limit(&self, technique: &Technique, found: &mut Found<'_>) {
        let asked = technique.requires.iter().any(|requirement| requirement.by == By::Target);
        if asked || technique.gain.through == Some(By::Target) {
            found.limit(&self.able(technique, &found.possible));
        }
    }

    /// Which of these targets can. Many classes of actors have the same targets, and the answer is the targets' own.
    fn able(&self, technique: &Technique, among: &RoaringBitmap) -> Arc<Reach> {
        let known = |seen: &FxHashMap<String, Vec<Able>>| {
            seen.get(&technique.id)?.iter().find(|(targets, _)| targets == among).map(|(_, reach)| Arc::clone(reach))
        };
        if let Some(reach) = self.able.read().ok().and_then(|seen| known(&seen)) {
            return reach;
        }
        let reach = Arc::new(self.find_able(technique, among));
        if let Ok(mut seen) = self.able.write() {
            let seen = seen.entry(technique.id.clone()).or_default();
            if seen.len() < REMEMBERED_MAX {
                seen.push((among.clone(), Arc::clone(&reach)));
            }
        }
        reach
    }

    fn find_able(&self, technique: &Technique, among: &RoaringBitmap) -> Reach {
        let mut limits = Vec::new();
        for requirement in technique.requires.iter().filter(|requirement| requirement.by == By::Target) {
            if requirement.on == On::Itself {
                let able = |(class, targets): (usize, RoaringBitmap)| {
                    let reach = self.members(requirement, class);
                    Reach {
                        certain: &reach.certain & &targets,
                        possible: &reach.possible & targets,
                        ..Reach::clone(&reach)
                    }
                };
                let found = self.by_class(among).into_iter().map(able);
                limits.push(Reach::union(found.filter(|reach| !reach.possible.is_empty())));
            } else {
                limits.push(self.kept(among, |class| self.anywhere(requirement, class)));
            }
        }
        if technique.gain.through == Some(By::Target) {
            let lifted = technique.lifted(By::Target);
            limits.push(self.kept(among, |class| self.managing(class, &lifted)));
        }
        let mut reach = Reach::intersection(limits.into_iter());
        if among.len() > EVIDENCE_TARGETS_MAX {
            // The statements of so many targets prove nothing about any one of them.
            reach.evidence.clear();
            reach.open_evidence.clear();
        }
        reach
    }

    /// What a class could make of permissions that it may rewrite, after these changes.
    pub fn managing(&self, class: usize, lifted: &[Given]) -> Option<Standpoint> {
        let given: Vec<Given> = lifted.iter().copied().chain([Given::Administrator]).collect();
        self.managing
            .get((class, given), |(class, given)| self.evaluator.open_given(*class, given, None)?.manages_permissions())
    }

    /// The targets whose class has an answer.
    fn kept(&self, among: &RoaringBitmap, answer: impl Fn(usize) -> Option<Standpoint>) -> Reach {
        let mut kept = Reach::default();
        for (class, targets) in self.by_class(among) {
            let Some(one) = answer(class) else { continue };
            kept.possible |= &targets;
            if one.certainty == Certainty::Certain {
                kept.certain |= targets;
                kept.evidence.extend(one.evidence);
            } else {
                kept.reasons.extend(one.reasons);
                kept.open_evidence.extend(one.evidence);
            }
        }
        kept.tidy();
        kept
    }

    /// Targets by their class, without those that are no principals, in the order of the classes.
    fn by_class(&self, targets: &RoaringBitmap) -> Vec<(usize, RoaringBitmap)> {
        let mut by_class: FxHashMap<usize, RoaringBitmap> = FxHashMap::default();
        for target in targets {
            if let Some(class) = self.class_of.get(target as usize).copied().flatten() {
                by_class.entry(class).or_default().insert(target);
            }
        }
        let mut by_class: Vec<(usize, RoaringBitmap)> = by_class.into_iter().collect();
        by_class.sort_unstable_by_key(|(class, _)| *class);
        by_class
    }

    fn key(&self, requirement: &Requirement, class: usize) -> Key {
        let first = self.evaluator.classes()[class].members[0];
        (class, asks(requirement, partition_of(&self.tables.entity(first).id)), requirement.given)
    }

    fn members(&self, requirement: &Requirement, class: usize) -> Arc<Reach> {
        self.members.get(self.key(requirement, class), |(class, asks, given)| {
            let Some(view) = self.open(*class, *given) else { return Arc::default() };
            let among = self.evaluator.classes()[*class].members.iter().map(|member| member.0).collect();
            Arc::new(Reach::union(asks.iter().map(|ask| view.targets(ask, &among))))
        })
    }

    fn anywhere(&self, requirement: &Requirement, class: usize) -> Option<Standpoint> {
        let on = requirement.on.anywhere();
        self.anywhere.get((self.key(requirement, class), on), |((class, asks, given), on)| {
            let view = self.open(*class, *given)?;
            Standpoint::best(asks.iter().filter_map(|ask| view.anywhere(ask, *on)))
        })
    }

    fn open(&self, class: usize, given: Option<Given>) -> Option<Box<dyn View + 'e>> {
        match given {
            Some(given) => self.evaluator.open_given(class, &[given], None),
            None => Some(self.evaluator.open(class)),
        }
    }
}

/// Answers by question, shared by all threads.
struct Memo<K, V>(RwLock<FxHashMap<K, V>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Hash + Eq, V: Clone> Memo<K, V> {
    /// The answer, which is found when nobody has asked yet. Two threads may both find it; it is the same.
    fn get(&self, key: K, find: impl FnOnce(&K) -> V) -> V {
        if let Some(found) = self.0.read().ok().and_then(|answers| answers.get(&key).cloned()) {
            return found;
        }
        let found = find(&key);
        if let Ok(mut answers) = self.0.write() {
            answers.insert(key, found.clone());
        }
        found
    }
}
