//! One class of principals asked about techniques.
//!
//! What is the same for all members of the class is asked once; what concerns a member in person (its groups, its own
//! boundary, itself as a resource) narrows that, and members of whom the same is true share their edges.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::asks::{asks, partition_of};
use super::assembly::{Draft, gains};
use super::belongings::Belongings;
use super::format::{By, On, Relation, Requirement, Technique};
use super::index::{Candidates, Index, Truth};
use super::others::Others;
use crate::access::{self, Ask, Class, Evaluator, Given, Reach, Standpoint, View};
use crate::model::{Certainty, EntityId};

/// What the matchers of all classes share.
pub struct Shared<'m> {
    pub index: &'m Index<'m>,
    pub evaluator: &'m dyn Evaluator,
    pub others: Others<'m>,
}

/// What a class can do with one technique.
#[derive(Clone, Default)]
pub struct Found<'c> {
    /// Targets for which nothing hangs on the target.
    pub certain: RoaringBitmap,
    /// All targets.
    pub possible: RoaringBitmap,
    /// What every target hangs on; empty when nothing does.
    pub reasons: Vec<String>,
    /// Grants that the technique stands on with every target.
    pub evidence: Vec<u32>,
    /// What only targets that are not certain hang on.
    pub open_reasons: Vec<String>,
    pub open_evidence: Vec<u32>,
    /// Where the targets come from, with what each hangs on.
    pub candidates: Option<&'c Candidates>,
    /// Whether something is in the way with every target.
    pub conditional: bool,
}

impl Found<'_> {
    fn doubt(&mut self, why: String) {
        self.conditional = true;
        self.reasons.push(why);
    }

    fn stand_on(&mut self, one: &Standpoint) {
        if one.certainty == Certainty::Conditional {
            self.conditional = true;
            self.reasons.extend(one.reasons.iter().cloned());
        }
        self.evidence.extend(&one.evidence);
    }

    /// Keeps the targets that are reached.
    pub fn limit(&mut self, reach: &Reach) {
        self.certain &= &reach.certain;
        self.possible &= &reach.possible;
        self.open_reasons.extend(reach.reasons.iter().cloned());
        self.evidence.extend(&reach.evidence);
        self.open_evidence.extend(&reach.open_evidence);
    }

    /// Takes out the actor itself, of whom nothing is gained. In a set with several others it stays: the set is then
    /// the same for all actors, and the way from it back to the actor leads nowhere new.
    fn leave_out(&mut self, actor: EntityId) {
        let certain = self.certain.contains(actor.0);
        let alike = if certain { self.certain.len() } else { self.possible.len() - self.certain.len() };
        if alike <= 2 {
            self.certain.remove(actor.0);
            self.possible.remove(actor.0);
        }
    }

    fn keep(&mut self, targets: &RoaringBitmap) {
        self.certain &= targets;
        self.possible &= targets;
    }
}

/// What is true of a member besides what its class found. Members with the same share their edges.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Personal {
    /// Targets that stand to the member in the technique's relation; `None` when all do.
    related: Option<Vec<u32>>,
    conditional: bool,
    reasons: Vec<String>,
    evidence: Vec<u32>,
}

/// A changed view is told by the change and the policy that it is about.
type Change = (Given, Option<EntityId>);

/// A question that is on no target, and under which change.
type Anywhere = (Option<Change>, Ask, access::On);

/// Asks one class about techniques.
pub struct Matcher<'m> {
    shared: &'m Shared<'m>,
    number: usize,
    class: &'m Class,
    view: Rc<dyn View + 'm>,
    partition: &'m str,
    changed: RefCell<FxHashMap<Change, Option<Rc<dyn View + 'm>>>>,
    anywhere: RefCell<FxHashMap<Anywhere, Option<Standpoint>>>,
}

impl<'m> Matcher<'m> {
    /// Opens a class.
    pub fn new(shared: &'m Shared<'m>, number: usize, class: &'m Class) -> Self {
        Self {
            shared,
            number,
            class,
            view: Rc::from(shared.evaluator.open(number)),
            partition: partition_of(&shared.index.tables().entity(class.members[0]).id),
            changed: RefCell::default(),
            anywhere: RefCell::default(),
        }
    }

    /// The edges of a technique that leave the class; `candidates` are its targets, where it has any.
    pub fn drafts<'l>(&self, technique: &'l Technique, candidates: Option<&Candidates>) -> Vec<Draft<'l>> {
        if !technique.actors.is_empty() && !technique.actors.contains(&self.class.kind) {
            return Vec::new();
        }
        let Some(found) = self.found(technique, candidates) else { return Vec::new() };
        let (scope, index) = (self.class.scope, self.shared.index);
        let mut out = Vec::new();
        if relation(technique) == Relation::Any && technique.actor.with.is_empty() && on_itself(technique).count() == 0
        {
            gains(technique, &self.class.members, scope, &found, index, &mut out);
            return out;
        }
        for (members, personal) in self.personal(technique, &found) {
            if let Some(own) = self.narrowed(technique, &found, personal) {
                gains(technique, &members, scope, &own, index, &mut out);
            }
        }
        out
    }

    /// What the class can add to a technique by one of its requests (as [`Technique::requests`] gives it); `None` when
    /// nothing. A resource that several requests must be about is the same for certain only where each may be about any.
    pub fn share<'c>(&self, request: &Technique, candidates: Option<&'c Candidates>) -> Option<Found<'c>> {
        if !request.actors.is_empty() && !request.actors.contains(&self.class.kind) {
            return None;
        }
        let mut found = self.found(request, candidates)?;
        let same = request.requires.iter().filter(|one| one.by == By::Actor && one.on == On::Same);
        let mut any = same.map(|one| {
            let asks = self.asks(request, one).concat();
            asks.iter().any(|ask| {
                let everywhere = self.view.anywhere(ask, access::On::Everything);
                everywhere.is_some_and(|one| one.certainty == Certainty::Certain)
            })
        });
        if any.any(|any| !any) {
            found.doubt("the requests must be about the same resource".to_owned());
        }
        Some(found)
    }

    /// What the class can do as a whole; `None` when some requirement is met nowhere.
    fn found<'c>(&self, technique: &Technique, candidates: Option<&'c Candidates>) -> Option<Found<'c>> {
        if technique.target.is_some() && candidates.is_none_or(|candidates| candidates.possible.is_empty()) {
            return None;
        }
        let mut found = Found::default();
        // What is not about a target is the same for all of them, and quicker to ask.
        let own = || technique.requires.iter().filter(|one| one.by == By::Actor && !of_version(one));
        for requirement in own().filter(|requirement| matches!(requirement.on, On::Something | On::Everything)) {
            found.stand_on(&self.anywhere(technique, requirement, None)?);
        }
        let same: Vec<Vec<Ask>> =
            own().filter(|one| one.on == On::Same).map(|one| self.asks(technique, one).concat()).collect();
        if !same.is_empty() {
            let together = combinations(&same);
            found.stand_on(&Standpoint::best(together.iter().filter_map(|asks| self.view.together(asks)))?);
        }
        if let Some(candidates) = candidates {
            self.among(technique, candidates, &mut found)?;
        }
        if technique.gain.through == Some(By::Actor) {
            found.stand_on(&self.shared.others.managing(self.number, &technique.lifted(By::Actor))?);
        }
        for need in &technique.needs {
            let whose = need.whose.as_deref().map(|whose| format!(" ({whose})")).unwrap_or_default();
            found.doubt(format!("needs existing {}{whose}", need.existing));
        }
        Some(found)
    }

    /// Limits the targets of a technique to those that its requirements let through; `None` when none is left.
    fn among<'c>(&self, technique: &Technique, candidates: &'c Candidates, found: &mut Found<'c>) -> Option<()> {
        found.certain.clone_from(&candidates.certain);
        found.possible.clone_from(&candidates.possible);
        found.candidates = Some(candidates);
        let index = self.shared.index;
        for requirement in technique.requires.iter().filter(|one| one.by == By::Actor) {
            let among = &found.possible;
            let reach = match requirement.on {
                On::Target => self.targets(technique, requirement, among),
                On::TargetPolicy => self.by_way_of(technique, requirement, among, index.own_policies()),
                On::TrustedProvider => self.by_way_of(technique, requirement, among, index.trusted_providers()),
                On::Something | On::Same | On::Everything | On::Itself => continue,
            };
            found.limit(&reach);
            if found.possible.is_empty() {
                return None;
            }
        }
        self.shared.others.limit(technique, found);
        if let [alone] = self.class.members[..]
            && relation(technique) == Relation::Any
        {
            found.leave_out(alone);
        }
        (!found.possible.is_empty()).then_some(())
    }

    /// Targets for which the permission holds on something that belongs to them.
    fn by_way_of(
        &self,
        technique: &Technique,
        requirement: &Requirement,
        targets: &RoaringBitmap,
        belongings: &Belongings,
    ) -> Reach {
        let found = self.targets(technique, requirement, &belongings.of(targets));
        let having = |some: &RoaringBitmap| belongings.owners(some, targets);
        Reach { certain: having(&found.certain), possible: having(&found.possible), ..found }
    }

    /// The view that a question is put to: of the class as it is, or after a change. A change that changes nothing
    /// leaves nothing to gain from it, and no view.
    fn view(&self, change: Option<Change>) -> Option<Rc<dyn View + 'm>> {
        let Some(change) = change else { return Some(Rc::clone(&self.view)) };
        if let Some(view) = self.changed.borrow().get(&change) {
            return view.clone();
        }
        let view = self.shared.evaluator.open_given(self.number, &[change.0], change.1).map(Rc::from);
        self.changed.borrow_mut().insert(change, view.clone());
        view
    }

    /// The answer to a requirement that is on no target. `policy` is the one that the requirement's change is about.
    fn anywhere(
        &self,
        technique: &Technique,
        requirement: &Requirement,
        policy: Option<EntityId>,
    ) -> Option<Standpoint> {
        let change = requirement.given.map(|given| (given, policy));
        let answer = |ask: &Ask| {
            let key = (change, ask.clone(), requirement.on.anywhere());
            if let Some(answer) = self.anywhere.borrow().get(&key) {
                return answer.clone();
            }
            let answer = self.view(change).and_then(|view| view.anywhere(ask, key.2));
            self.anywhere.borrow_mut().insert(key, answer.clone());
            answer
        };
        let any = |alternatives: Vec<Ask>| Standpoint::best(alternatives.iter().filter_map(answer));
        Standpoint::all(self.asks(technique, requirement).into_iter().map(any))
    }

    /// Where a requirement is met.
    fn targets(&self, technique: &Technique, requirement: &Requirement, among: &RoaringBitmap) -> Reach {
        let Some(view) = self.view(requirement.given.map(|given| (given, None))) else { return Reach::default() };
        let any = |alternatives: Vec<Ask>| Reach::union(alternatives.iter().map(|ask| view.targets(ask, among)));
        Reach::intersection(self.asks(technique, requirement).into_iter().map(any))
    }

    /// The questions of a requirement: of each of these, one must be answered yes. There is more than one where a
    /// guard has to be taken from the actor, and several policies guard it.
    fn asks(&self, technique: &Technique, requirement: &Requirement) -> Vec<Vec<Ask>> {
        let plain = asks(requirement, self.partition);
        if !requirement.with.values().any(|value| value == GUARD) {
            return vec![plain];
        }
        let with = |ask: &Ask, guard: &String| {
            let pin = |(key, value): &(String, String)| {
                (key.clone(), if value == GUARD { guard.clone() } else { value.clone() })
            };
            Ask { action: ask.action.clone(), pins: ask.pins.iter().map(pin).collect() }
        };
        let of_groups = technique.lifted(By::Actor).contains(&Given::NoGroupAttachedDenies);
        let guards = self.shared.index.guards(self.class.members[0], of_groups);
        guards.iter().map(|guard| plain.iter().map(|ask| with(ask, guard)).collect()).collect()
    }

    /// Members of the class of whom the same is true, with what that is, in the order of the first of them. Members
    /// for whom a requirement fails are left out.
    fn personal(&self, technique: &Technique, found: &Found<'_>) -> Vec<(Vec<EntityId>, Personal)> {
        let all: RoaringBitmap = self.class.members.iter().map(|member| member.0).collect();
        let reaches: Vec<Reach> =
            on_itself(technique).map(|requirement| self.targets(technique, requirement, &all)).collect();
        let mut alike: BTreeMap<Personal, Vec<EntityId>> = BTreeMap::new();
        for &member in &self.class.members {
            if let Some(personal) = self.of_member(technique, member, found, &reaches) {
                alike.entry(personal).or_default().push(member);
            }
        }
        let mut out: Vec<(Vec<EntityId>, Personal)> =
            alike.into_iter().map(|(personal, members)| (members, personal)).collect();
        out.sort_unstable_by_key(|(members, _)| members[0]);
        out
    }

    /// What is true of one member; `None` when the technique is nothing for it. `reaches` says which members may do to
    /// themselves what the technique requires.
    fn of_member(
        &self,
        technique: &Technique,
        member: EntityId,
        found: &Found<'_>,
        reaches: &[Reach],
    ) -> Option<Personal> {
        let mut own = Personal { related: None, conditional: false, reasons: Vec::new(), evidence: Vec::new() };
        if let Some(target) = &technique.target
            && target.relation != Relation::Any
        {
            let related = &self.shared.index.standing(member, target) & &found.possible;
            if related.is_empty() {
                return None;
            }
            own.related = Some(related.iter().collect());
        }
        match self.shared.index.facts(member, &technique.actor.with) {
            Truth::Yes => {}
            Truth::No => return None,
            Truth::Open(why) => {
                own.conditional = true;
                own.reasons.push(why);
            }
        }
        for reach in reaches {
            if reach.certain.contains(member.0) {
                own.evidence.extend(&reach.evidence);
            } else if reach.possible.contains(member.0) {
                own.conditional = true;
                own.reasons.extend(reach.reasons.iter().cloned());
                own.evidence.extend(&reach.open_evidence);
            } else {
                return None;
            }
        }
        own.conditional |= !self.lifts_every_guard(technique, member, found)?;
        Some(own)
    }

    /// A deny that hangs on several groups is gone only when it is taken from each of them: whether it certainly is,
    /// `None` when it is not.
    fn lifts_every_guard(&self, technique: &Technique, member: EntityId, found: &Found<'_>) -> Option<bool> {
        let mut certain = true;
        for given in technique.lifted(By::Actor) {
            let inline = match given {
                Given::NoGroupInlineDenies => true,
                Given::NoGroupAttachedDenies => false,
                _ => continue,
            };
            let guarded = self.shared.index.guarded_groups(member, inline);
            if !guarded.is_subset(&found.possible) {
                return None;
            }
            certain &= guarded.is_subset(&found.certain);
        }
        Some(certain)
    }

    /// What the class found as far as it is true of members in person; `None` when no target is left.
    fn narrowed<'c>(&self, technique: &Technique, found: &Found<'c>, personal: Personal) -> Option<Found<'c>> {
        let mut own = found.clone();
        own.conditional |= personal.conditional;
        own.reasons.extend(personal.reasons);
        own.evidence.extend(personal.evidence);
        if let Some(related) = &personal.related {
            own.keep(&related.iter().copied().collect());
        }
        for requirement in technique.requires.iter().filter(|one| of_version(one)) {
            own.limit(&self.by_version(technique, requirement, &own.possible));
        }
        (technique.target.is_none() || !own.possible.is_empty()).then_some(own)
    }

    /// The policies of which another version, once in force, meets the requirement.
    fn by_version(&self, technique: &Technique, requirement: &Requirement, policies: &RoaringBitmap) -> Reach {
        let mut reach = Reach::default();
        for policy in policies {
            let Some(one) = self.anywhere(technique, requirement, Some(EntityId(policy))) else { continue };
            reach.possible.insert(policy);
            if one.certainty == Certainty::Certain {
                reach.certain.insert(policy);
                reach.evidence.extend(one.evidence);
            } else {
                reach.reasons.extend(one.reasons);
                reach.open_evidence.extend(one.evidence);
            }
        }
        reach
    }
}

/// Stands in a requirement for the id of a policy that denies something to the actor.
const GUARD: &str = "${guard}";

fn relation(technique: &Technique) -> Relation {
    technique.target.as_ref().map_or(Relation::Any, |target| target.relation)
}

/// Requirements that are on the actor itself.
fn on_itself(technique: &Technique) -> impl Iterator<Item = &Requirement> {
    technique.requires.iter().filter(|one| one.on == On::Itself && one.by == By::Actor)
}

/// Whether a requirement is asked for each target policy, with another of its versions in force.
fn of_version(requirement: &Requirement) -> bool {
    requirement.given == Some(Given::InactiveVersion)
}

/// Every way to take one of each.
fn combinations(alternatives: &[Vec<Ask>]) -> Vec<Vec<Ask>> {
    alternatives.iter().fold(vec![Vec::new()], |sets, alternatives| {
        let with = |set: &Vec<Ask>, ask: &Ask| set.iter().chain([ask]).cloned().collect();
        sets.iter().flat_map(|set| alternatives.iter().map(move |ask| with(set, ask))).collect()
    })
}
