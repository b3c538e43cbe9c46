//! Matches techniques against effective permissions and makes the attack graph.
//!
//! A technique is asked once for each class of principals. Its targets are a set: where it has several, the edge goes
//! to a *target-set node* that all classes with the same set share, and from there to each target, so that the graph
//! grows with policies and not with principals times targets. The two halves of a set, certain targets and those
//! that hang on something, are two nodes.
//!
//! Edges are sorted by their ends and technique; the same tables give the same graph whatever the threads did.

use std::collections::BTreeMap;

use rayon::prelude::*;
use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::format::{By, GainOf, On, Relation, Requirement, Technique};
use super::index::{Candidates, Index, Truth};
use super::others::Others;
use super::{ADMINISTRATION, Library};
use crate::access::{self, Ask, Evaluator, Evaluators, Given, Reach, Standpoint, View};
use crate::model::{Certainty, Edge, EntityId, EntityKind, Standing, Tables, TargetSet};

/// The attack graph: edges between entities and target-set nodes, and who is an administrator outright.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AttackGraph {
    pub edges: Vec<Edge>,
    pub target_sets: Vec<TargetSet>,
    /// Administrators of a scope by their effective permissions, with the technique that says so, sorted.
    pub administrators: Vec<(EntityId, String)>,
}

/// Where a draft edge goes.
enum Gained {
    Entity(EntityId),
    Set(RoaringBitmap),
}

/// An edge from several sources before target sets are shared.
struct Draft<'l> {
    sources: Vec<EntityId>,
    gained: Gained,
    technique: &'l Technique,
    certainty: Certainty,
    reasons: Vec<String>,
    evidence: Vec<u32>,
}

/// What a class can do with one technique, before the relation of target and actor is looked at.
#[derive(Clone)]
pub(super) struct Found {
    pub certain: RoaringBitmap,
    pub possible: RoaringBitmap,
    pub reasons: Vec<String>,
    pub evidence: Vec<u32>,
    /// Whether everything that is not on a target is certain.
    pub certainty: Certainty,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            certain: RoaringBitmap::new(),
            possible: RoaringBitmap::new(),
            reasons: Vec::new(),
            evidence: Vec::new(),
            certainty: Certainty::Certain,
        }
    }
}

/// Builds the attack graph of all techniques over all platforms.
#[must_use]
pub fn attack_graph(tables: &Tables, evaluators: &Evaluators<'_>, library: &Library) -> AttackGraph {
    let index = Index::new(tables);
    let mut graph = Assembly::new(tables);
    for (platform, evaluator) in evaluators.iter() {
        let techniques: Vec<&Technique> =
            library.techniques.iter().filter(|technique| technique.platform == platform).collect();
        let classes = evaluator.classes();
        let candidates = candidates(&index, &techniques, classes);
        let others = Others::new(tables, evaluator);
        let drafts: Vec<Vec<Draft<'_>>> = classes
            .par_iter()
            .enumerate()
            .map(|(number, class)| {
                let matcher = Matcher {
                    index: &index,
                    evaluator,
                    number,
                    class,
                    view: evaluator.open(number),
                    candidates: &candidates,
                    others: &others,
                };
                techniques.iter().enumerate().flat_map(|(at, technique)| matcher.drafts(at, technique)).collect()
            })
            .collect();
        drafts.into_iter().flatten().for_each(|draft| graph.add(draft));
    }
    graph.federations(evaluators);
    graph.memberships(evaluators);
    graph.contents();
    graph.finish()
}

/// Targets of each technique for each scope that has actors, found once.
type ByTechnique = FxHashMap<(usize, EntityId), Candidates>;

fn candidates(index: &Index<'_>, techniques: &[&Technique], classes: &[access::Class]) -> ByTechnique {
    let mut scopes: Vec<EntityId> = classes.iter().map(|class| class.scope).collect();
    scopes.sort_unstable();
    scopes.dedup();
    let mut asked = Vec::new();
    for (at, technique) in techniques.iter().enumerate() {
        if let Some(target) = &technique.target {
            asked.extend(scopes.iter().map(|&scope| (at, scope, target)));
        }
    }
    asked.into_par_iter().map(|(at, scope, target)| ((at, scope), index.candidates(target, scope))).collect()
}

/// Asks one class about techniques.
struct Matcher<'m> {
    index: &'m Index<'m>,
    evaluator: &'m dyn Evaluator,
    number: usize,
    class: &'m access::Class,
    view: Box<dyn View + 'm>,
    candidates: &'m ByTechnique,
    others: &'m Others<'m>,
}

impl Matcher<'_> {
    fn drafts<'l>(&self, at: usize, technique: &'l Technique) -> Vec<Draft<'l>> {
        if !technique.actors.is_empty() && !technique.actors.contains(&self.class.kind) {
            return Vec::new();
        }
        let Some(found) = self.found(at, technique) else { return Vec::new() };
        let mut out = Vec::new();
        let relation = technique.target.as_ref().map_or(Relation::Any, |target| target.relation);
        let on_itself = |requirement: &Requirement| requirement.on == On::Itself && requirement.by == By::Actor;
        if relation != Relation::Any || !technique.actor.with.is_empty() || technique.requires.iter().any(on_itself) {
            for &member in &self.class.members {
                self.personal(technique, relation, member, &found, &mut out);
            }
        } else {
            gains(technique, &self.class.members, self.class.scope, &found, self.index.tables(), &mut out);
        }
        out
    }

    /// What the class can do as a whole; `None` when some requirement is met nowhere.
    fn found(&self, at: usize, technique: &Technique) -> Option<Found> {
        let mut found = Found::default();
        if technique.target.is_some() {
            let candidates = self.candidates.get(&(at, self.class.scope))?;
            found.certain.clone_from(&candidates.certain);
            found.possible.clone_from(&candidates.possible);
            found.reasons.clone_from(&candidates.reasons);
            if found.possible.is_empty() {
                return None;
            }
        }
        // What is not about a target is the same for all of them, and quicker to ask.
        let own = || technique.requires.iter().filter(|requirement| requirement.by == By::Actor);
        for requirement in own().filter(|requirement| matches!(requirement.on, On::Something | On::Everything)) {
            found.stand_on(&self.anywhere(requirement)?);
        }
        let same: Vec<Vec<Ask>> = own().filter(|one| one.on == On::Same).map(|one| self.asks(one)).collect();
        if !same.is_empty() {
            found.stand_on(&best(combinations(&same).iter().filter_map(|asks| self.view.together(asks)))?);
        }
        for requirement in own() {
            match requirement.on {
                On::Target => found.limit(&self.targets(requirement, &found.possible)),
                On::TargetPolicy => found.limit(&self.by_way_of(requirement, &found.possible, &self.index_policies())),
                On::TrustedProvider => {
                    found.limit(&self.by_way_of(requirement, &found.possible, &|role| self.index.providers(role)));
                }
                _ => continue,
            }
            if found.possible.is_empty() {
                return None;
            }
        }
        if let [alone] = self.class.members[..]
            && technique.target.as_ref().is_some_and(|target| target.relation == Relation::Any)
        {
            found.certain.remove(alone.0);
            found.possible.remove(alone.0);
        }
        self.others.limit(technique, &mut found);
        if technique.gain.through == Some(By::Actor) {
            let given: Vec<Given> = technique.lifted(By::Actor).into_iter().chain([Given::Administrator]).collect();
            let changed = self.evaluator.open_given(self.number, &given)?;
            found.stand_on(&changed.manages_permissions()?);
        }
        for need in &technique.needs {
            let whose = need.whose.as_deref().map(|whose| format!(" ({whose})")).unwrap_or_default();
            found.doubt(format!("needs existing {}{whose}", need.existing));
        }
        (technique.target.is_none() || !found.possible.is_empty()).then_some(found)
    }

    /// The customer-managed policies attached to an entity.
    fn index_policies(&self) -> impl Fn(u32) -> RoaringBitmap + '_ {
        let own = super::format::Facts::from([("customer_managed".to_owned(), super::format::Fact::Is(true))]);
        move |entity| {
            let attached = self.index.related(EntityId(entity), Relation::OwnPolicy);
            attached.iter().filter(|&policy| self.index.facts(EntityId(policy), &own) == Truth::Yes).collect()
        }
    }

    /// Targets for which the permission holds on something that belongs to them.
    fn by_way_of(
        &self,
        requirement: &Requirement,
        targets: &RoaringBitmap,
        belongings: &dyn Fn(u32) -> RoaringBitmap,
    ) -> Reach {
        let each: Vec<(u32, RoaringBitmap)> = targets.iter().map(|target| (target, belongings(target))).collect();
        let all = each.iter().fold(RoaringBitmap::new(), |all, (_, one)| all | one);
        let found = self.targets(requirement, &all);
        let having = |some: &RoaringBitmap| -> RoaringBitmap {
            each.iter().filter(|(_, own)| !own.is_disjoint(some)).map(|(target, _)| *target).collect()
        };
        Reach {
            certain: having(&found.certain),
            possible: having(&found.possible),
            reasons: found.reasons,
            evidence: found.evidence,
        }
    }

    /// Asks the view that a requirement is about: of the class as it is, or after a change. A change that changes
    /// nothing leaves nothing to gain from it.
    fn ask<T: Default>(&self, requirement: &Requirement, ask: impl FnOnce(&dyn View) -> T) -> T {
        match requirement.given {
            None => ask(&*self.view),
            Some(given) => self.evaluator.open_given(self.number, &[given]).map_or_else(T::default, |view| ask(&*view)),
        }
    }

    /// The best of a requirement's alternatives, where it is on no target.
    fn anywhere(&self, requirement: &Requirement) -> Option<Standpoint> {
        let on = if requirement.on == On::Everything { access::On::Everything } else { access::On::Something };
        self.ask(requirement, |view| best(self.asks(requirement).iter().filter_map(|ask| view.anywhere(ask, on))))
    }

    /// Where any of a requirement's alternatives is allowed.
    fn targets(&self, requirement: &Requirement, among: &RoaringBitmap) -> Reach {
        self.ask(requirement, |view| union(self.asks(requirement).iter().map(|ask| view.targets(ask, among))))
    }

    /// The questions of a requirement: one for each alternative, and for each policy that a guard may be.
    fn asks(&self, requirement: &Requirement) -> Vec<Ask> {
        let mut plain = asks(requirement);
        let scope = &self.index.tables().entity(self.class.members[0]).id;
        if let Some(partition) = scope.split(':').nth(1).filter(|partition| *partition != "aws") {
            for (_, value) in plain.iter_mut().flat_map(|ask| &mut ask.pins) {
                if let Some(rest) = value.strip_prefix("arn:aws:") {
                    *value = format!("arn:{partition}:{rest}");
                }
            }
        }
        if !requirement.with.values().any(|value| value == GUARD) {
            return plain;
        }
        let guards = self.index.guards(self.class.members[0]);
        let with = |ask: &Ask, guard: &String| {
            let pin = |(key, value): &(String, String)| {
                (key.clone(), if value == GUARD { guard.clone() } else { value.clone() })
            };
            Ask { action: ask.action.clone(), pins: ask.pins.iter().map(pin).collect() }
        };
        plain.iter().flat_map(|ask| guards.iter().map(move |guard| with(ask, guard))).collect()
    }

    /// A deny that hangs on several groups is gone only when it is taken from each of them.
    fn lifts_every_guard(&self, technique: &Technique, member: EntityId, own: &mut Found) -> bool {
        let given = technique.requires.iter().filter_map(|requirement| requirement.given);
        for inline in given.filter_map(|given| match given {
            Given::NoGroupInlineDenies => Some(true),
            Given::NoGroupAttachedDenies => Some(false),
            _ => None,
        }) {
            let guarded = self.index.guarded_groups(member, inline);
            if !guarded.is_subset(&own.possible) {
                return false;
            }
            if !guarded.is_subset(&own.certain) {
                own.certainty = Certainty::Conditional;
            }
        }
        true
    }

    /// The part of what the class found that is true of one member.
    fn personal<'l>(
        &self,
        technique: &'l Technique,
        relation: Relation,
        member: EntityId,
        found: &Found,
        out: &mut Vec<Draft<'l>>,
    ) {
        let mut own = found.clone();
        if technique.target.is_some() {
            let related = self.index.related(member, relation);
            own.certain &= &related;
            own.possible &= &related;
            if own.possible.is_empty() {
                return;
            }
        }
        if !self.lifts_every_guard(technique, member, &mut own) {
            return;
        }
        match self.index.facts(member, &technique.actor.with) {
            Truth::Yes => {}
            Truth::No => return,
            Truth::Open(why) => own.doubt(why),
        }
        let itself = RoaringBitmap::from_iter([member.0]);
        let on_itself = |one: &&Requirement| one.on == On::Itself && one.by == By::Actor;
        for requirement in technique.requires.iter().filter(on_itself) {
            let reach = self.targets(requirement, &itself);
            if reach.possible.is_empty() {
                return;
            }
            if reach.certain.is_empty() {
                own.certainty = Certainty::Conditional;
                own.reasons.extend(reach.reasons);
            }
            own.evidence.extend(reach.evidence);
        }
        gains(technique, &[member], self.class.scope, &own, self.index.tables(), out);
    }
}

/// Every way to take one of each.
fn combinations(alternatives: &[Vec<Ask>]) -> Vec<Vec<Ask>> {
    alternatives.iter().fold(vec![Vec::new()], |sets, alternatives| {
        let with = |set: &Vec<Ask>, ask: &Ask| set.iter().chain([ask]).cloned().collect();
        sets.iter().flat_map(|set| alternatives.iter().map(move |ask| with(set, ask))).collect()
    })
}

/// Stands in a requirement for the id of a policy that denies something to the actor.
const GUARD: &str = "${guard}";

/// The first certain answer, else the first.
pub(super) fn best(found: impl Iterator<Item = Standpoint>) -> Option<Standpoint> {
    let mut best: Option<Standpoint> = None;
    for one in found {
        if one.certainty == Certainty::Certain {
            return Some(one);
        }
        best = best.or(Some(one));
    }
    best
}

pub(super) fn union(found: impl Iterator<Item = Reach>) -> Reach {
    let mut all = Reach::default();
    for one in found {
        all.certain |= one.certain;
        all.possible |= one.possible;
        all.reasons.extend(one.reasons);
        all.evidence.extend(one.evidence);
    }
    all
}

pub(super) fn asks(requirement: &Requirement) -> Vec<Ask> {
    let pins: Vec<(String, String)> =
        requirement.with.iter().map(|(key, value)| (key.to_ascii_lowercase(), value.clone())).collect();
    requirement.actions().map(|action| Ask { action: action.to_owned(), pins: pins.clone() }).collect()
}

impl Found {
    fn doubt(&mut self, why: String) {
        self.certainty = Certainty::Conditional;
        self.reasons.push(why);
    }

    fn stand_on(&mut self, one: &Standpoint) {
        if one.certainty == Certainty::Conditional {
            self.certainty = Certainty::Conditional;
            self.reasons.extend(one.reasons.iter().cloned());
        }
        self.evidence.extend(&one.evidence);
    }

    fn limit(&mut self, reach: &Reach) {
        self.certain &= &reach.certain;
        self.possible &= &reach.possible;
        self.reasons.extend(reach.reasons.iter().cloned());
        self.evidence.extend(&reach.evidence);
    }
}

/// Draft edges for what is gained.
fn gains<'l>(
    technique: &'l Technique,
    sources: &[EntityId],
    scope: EntityId,
    found: &Found,
    tables: &Tables,
    out: &mut Vec<Draft<'l>>,
) {
    let mut push = |gained: Gained, certainty: Certainty| {
        let certain = certainty == Certainty::Certain;
        let mut draft = Draft {
            sources: sources.to_vec(),
            gained,
            technique,
            certainty,
            reasons: if certain { Vec::new() } else { found.reasons.clone() },
            evidence: found.evidence.clone(),
        };
        draft.reasons.sort();
        draft.reasons.dedup();
        draft.evidence.sort_unstable();
        draft.evidence.dedup();
        out.push(draft);
    };
    let any_certain = technique.target.is_none() || !found.certain.is_empty();
    let weakest = if any_certain { found.certainty } else { Certainty::Conditional };
    match technique.gain.of {
        GainOf::Scope => push(Gained::Entity(scope), weakest),
        GainOf::TargetScope => {
            let scopes_of = |targets: &RoaringBitmap| -> RoaringBitmap {
                let scope = |id| match tables.entity(EntityId(id)) {
                    entity if entity.kind == EntityKind::Scope => Some(entity.entity),
                    entity => entity.scope.as_deref().and_then(|scope| tables.find(scope)),
                };
                targets.iter().filter_map(scope).map(|scope| scope.0).collect()
            };
            let certain = scopes_of(&found.certain);
            let possible = scopes_of(&found.possible) - &certain;
            for (scopes, certainty) in [(certain, found.certainty), (possible, Certainty::Conditional)] {
                scopes.iter().for_each(|scope| push(Gained::Entity(EntityId(scope)), certainty));
            }
        }
        GainOf::Target => {
            let rest = &found.possible - &found.certain;
            for (targets, certainty) in [(found.certain.clone(), found.certainty), (rest, Certainty::Conditional)] {
                match targets.len() {
                    0 => {}
                    1 => push(Gained::Entity(EntityId(targets.min().unwrap_or_default())), certainty),
                    _ => push(Gained::Set(targets), certainty),
                }
            }
        }
    }
}

/// Collects drafts into edges, sharing target sets.
struct Assembly<'t> {
    tables: &'t Tables,
    edges: Vec<Edge>,
    sets: BTreeMap<(String, Vec<u32>), u32>,
    target_sets: Vec<TargetSet>,
    administrators: Vec<(EntityId, String)>,
}

impl<'t> Assembly<'t> {
    fn new(tables: &'t Tables) -> Self {
        Self { tables, edges: Vec::new(), sets: BTreeMap::new(), target_sets: Vec::new(), administrators: Vec::new() }
    }

    fn add(&mut self, draft: Draft<'_>) {
        let technique = draft.technique;
        if technique.category == ADMINISTRATION && draft.certainty == Certainty::Certain {
            self.administrators.extend(draft.sources.iter().map(|&source| (source, technique.id.clone())));
        }
        let dst = match draft.gained {
            Gained::Entity(entity) => entity.0,
            Gained::Set(targets) => self.set(&technique.id, &targets),
        };
        for source in draft.sources {
            if source.0 != dst {
                self.edges.push(Edge {
                    src: source.0,
                    dst,
                    technique: technique.id.clone(),
                    certainty: draft.certainty,
                    reasons: draft.reasons.clone(),
                    evidence: draft.evidence.clone(),
                });
            }
        }
    }

    /// The node of a target set, made with its edges when it is new.
    fn set(&mut self, technique: &str, targets: &RoaringBitmap) -> u32 {
        let key = (technique.to_owned(), targets.iter().collect::<Vec<u32>>());
        if let Some(&node) = self.sets.get(&key) {
            return node;
        }
        let node = u32::try_from(self.tables.entities.len() + self.target_sets.len()).unwrap_or(u32::MAX);
        for &target in &key.1 {
            self.edges.push(Edge {
                src: node,
                dst: target,
                technique: technique.to_owned(),
                certainty: Certainty::Certain,
                reasons: Vec::new(),
                evidence: Vec::new(),
            });
        }
        let targets_n = u32::try_from(key.1.len()).unwrap_or(u32::MAX);
        self.target_sets.push(TargetSet { node, technique: technique.to_owned(), targets_n });
        self.sets.insert(key, node);
        node
    }

    /// Edges from those outside whom a trust lets in.
    fn federations(&mut self, evaluators: &Evaluators<'_>) {
        for federation in evaluators.federations() {
            let conditional = federation.condition.is_some();
            let certainty = if conditional { Certainty::Conditional } else { Certainty::Certain };
            let reasons = federation.condition.map(|condition| format!("the trust requires {condition}"));
            self.edges.push(Edge {
                src: federation.trustee.0,
                dst: federation.target.0,
                technique: "trust".to_owned(),
                certainty,
                reasons: reasons.into_iter().collect(),
                evidence: federation.grant.into_iter().collect(),
            });
        }
    }

    /// Edges into groups whose rights are not among those of their members, such as those of an identity provider.
    fn memberships(&mut self, evaluators: &Evaluators<'_>) {
        for row in evaluators.outer_memberships() {
            let eligible = row.standing == Standing::Eligible;
            self.edges.push(Edge {
                src: row.member.0,
                dst: row.container.0,
                technique: "membership".to_owned(),
                certainty: if eligible { Certainty::Conditional } else { Certainty::Certain },
                reasons: if eligible { vec!["the membership must be activated first".to_owned()] } else { Vec::new() },
                evidence: Vec::new(),
            });
        }
    }

    /// Who controls a scope controls everything in it.
    fn contents(&mut self) {
        for entity in self.tables.entities.iter().filter(|entity| entity.present) {
            let scope = entity.scope.as_deref().and_then(|scope| self.tables.find(scope));
            if let Some(scope) = scope.filter(|scope| *scope != entity.entity) {
                self.edges.push(Edge {
                    src: scope.0,
                    dst: entity.entity.0,
                    technique: "contains".to_owned(),
                    certainty: Certainty::Certain,
                    reasons: Vec::new(),
                    evidence: Vec::new(),
                });
            }
        }
    }

    fn finish(mut self) -> AttackGraph {
        let key = |edge: &Edge| (edge.src, edge.dst, edge.certainty);
        self.edges.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.technique.cmp(&b.technique)));
        // The same technique may lead to the same place twice, certainly and perhaps: the first one counts.
        self.edges.dedup_by(|b, a| a.src == b.src && a.dst == b.dst && a.technique == b.technique);
        self.administrators.sort();
        self.administrators.dedup_by_key(|(entity, _)| *entity);
        AttackGraph { edges: self.edges, target_sets: self.target_sets, administrators: self.administrators }
    }
}
