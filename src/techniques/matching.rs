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

use super::format::{GainOf, On, Relation, Requirement, Technique};
use super::index::{Candidates, Index, Truth};
use super::{ADMINISTRATION, Library};
use crate::access::{self, Ask, Evaluators, Reach, Standpoint, View};
use crate::model::{Certainty, Edge, EntityId, Tables, TargetSet};

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
struct Found {
    certain: RoaringBitmap,
    possible: RoaringBitmap,
    reasons: Vec<String>,
    evidence: Vec<u32>,
    /// Whether everything that is not on a target is certain.
    certainty: Certainty,
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
        let drafts: Vec<Vec<Draft<'_>>> = classes
            .par_iter()
            .enumerate()
            .map(|(number, class)| {
                let view = evaluator.open(number);
                let matcher = Matcher { index: &index, view: &*view, class, candidates: &candidates };
                techniques.iter().enumerate().flat_map(|(at, technique)| matcher.drafts(at, technique)).collect()
            })
            .collect();
        drafts.into_iter().flatten().for_each(|draft| graph.add(draft));
    }
    graph.federations(evaluators);
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
    view: &'m dyn View,
    class: &'m access::Class,
    candidates: &'m ByTechnique,
}

impl Matcher<'_> {
    fn drafts<'l>(&self, at: usize, technique: &'l Technique) -> Vec<Draft<'l>> {
        if !technique.actors.is_empty() && !technique.actors.contains(&self.class.kind) {
            // A group acts through its members, who are users.
            return Vec::new();
        }
        let Some(found) = self.found(at, technique) else { return Vec::new() };
        let mut out = Vec::new();
        let relation = technique.target.as_ref().map_or(Relation::Any, |target| target.relation);
        let personal = relation != Relation::Any
            || !technique.actor.with.is_empty()
            || technique.requires.iter().any(|requirement| requirement.on == On::Itself);
        if personal {
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
        let mut found = Found {
            certain: RoaringBitmap::new(),
            possible: RoaringBitmap::new(),
            reasons: Vec::new(),
            evidence: Vec::new(),
            certainty: Certainty::Certain,
        };
        let targets = technique.target.as_ref().map(|_| self.candidates.get(&(at, self.class.scope)));
        if let Some(candidates) = targets {
            let candidates = candidates?;
            found.certain.clone_from(&candidates.certain);
            found.possible.clone_from(&candidates.possible);
            found.reasons.clone_from(&candidates.reasons);
            if found.possible.is_empty() {
                return None;
            }
        }
        // What is not on a target is the same for all of them, and quicker to ask.
        let (on_target, elsewhere): (Vec<_>, Vec<_>) =
            technique.requires.iter().partition(|requirement| matches!(requirement.on, On::Target));
        for requirement in elsewhere {
            if requirement.on != On::Itself {
                found.stand_on(&self.anywhere(requirement)?);
            }
        }
        for requirement in on_target {
            found.limit(&self.targets(requirement, &found.possible));
            if found.possible.is_empty() {
                return None;
            }
        }
        for need in &technique.needs {
            found.certainty = Certainty::Conditional;
            let whose = need.whose.as_deref().map(|whose| format!(" whose {whose}")).unwrap_or_default();
            found.reasons.push(format!("needs existing {}{whose}", need.existing));
        }
        Some(found)
    }

    /// The best of a requirement's alternatives, where it is on no target.
    fn anywhere(&self, requirement: &Requirement) -> Option<Standpoint> {
        let on = if requirement.on == On::Everything { access::On::Everything } else { access::On::Something };
        let mut best: Option<Standpoint> = None;
        for ask in asks(requirement) {
            let Some(found) = self.view.anywhere(&ask, on) else { continue };
            if found.certainty == Certainty::Certain {
                return Some(found);
            }
            best = best.or(Some(found));
        }
        best
    }

    /// Where any of a requirement's alternatives is allowed.
    fn targets(&self, requirement: &Requirement, among: &RoaringBitmap) -> Reach {
        let mut all = Reach::default();
        for ask in asks(requirement) {
            let one = self.view.targets(&ask, among);
            all.certain |= one.certain;
            all.possible |= one.possible;
            all.reasons.extend(one.reasons);
            all.evidence.extend(one.evidence);
        }
        all
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
        let mut own = Found { ..found.clone() };
        if technique.target.is_some() {
            let related = self.index.related(member, relation);
            own.certain &= &related;
            own.possible &= &related;
            if own.possible.is_empty() {
                return;
            }
        }
        match self.index.facts(member, &technique.actor.with) {
            Truth::Yes => {}
            Truth::No => return,
            Truth::Open(why) => own.doubt(why),
        }
        let itself = RoaringBitmap::from_iter([member.0]);
        for requirement in technique.requires.iter().filter(|requirement| requirement.on == On::Itself) {
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

fn asks(requirement: &Requirement) -> impl Iterator<Item = Ask> {
    let pins: Vec<(String, String)> =
        requirement.with.iter().map(|(key, value)| (key.to_ascii_lowercase(), value.clone())).collect();
    requirement.actions().map(move |action| Ask { action: action.to_owned(), pins: pins.clone() })
}

impl Clone for Found {
    fn clone(&self) -> Self {
        Self {
            certain: self.certain.clone(),
            possible: self.possible.clone(),
            reasons: self.reasons.clone(),
            evidence: self.evidence.clone(),
            certainty: self.certainty,
        }
    }
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
                let scope = |id| tables.entity(EntityId(id)).scope.as_deref().and_then(|scope| tables.find(scope));
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
        Self {
            tables,
            edges: Vec::new(),
            sets: BTreeMap::new(),
            target_sets: Vec::new(),
            administrators: Vec::new(),
        }
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
