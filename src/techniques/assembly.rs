//! Edges of the attack graph, put together from what each class can do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use roaring::RoaringBitmap;
use rustc_hash::FxHashSet;

use super::ADMINISTRATION;
use super::format::{GainOf, Technique};
use super::index::Index;
use super::matcher::Found;
use super::matching::AttackGraph;
use crate::access::Evaluators;
use crate::model::{Assist, Certainty, Edge, EntityId, EntityKind, Standing, Tables, TargetSet};

/// Where a draft edge goes.
#[derive(Clone)]
enum Gained {
    Entity(EntityId),
    Set(RoaringBitmap),
}

/// An edge from several sources before target sets are shared.
#[derive(Clone)]
pub struct Draft<'l> {
    sources: Arc<[EntityId]>,
    gained: Gained,
    technique: &'l Technique,
    certainty: Certainty,
    grounds: Arc<Grounds>,
}

impl Draft<'_> {
    /// Whether the edge makes administrators of those whom it leaves, who gain nothing by others' help.
    pub fn administers(&self) -> bool {
        self.technique.category == ADMINISTRATION && self.certainty == Certainty::Certain
    }
}

/// What an edge hangs on and what it stands on, both sorted.
#[derive(Default)]
struct Grounds {
    reasons: Vec<String>,
    evidence: Vec<u32>,
}

/// Draft edges for what is gained: one half leads where nothing hangs on the target, the other to the rest.
pub fn gains<'l>(
    technique: &'l Technique,
    sources: &[EntityId],
    scope: EntityId,
    found: &Found<'_>,
    index: &Index<'_>,
    out: &mut Vec<Draft<'l>>,
) {
    let sources: Arc<[EntityId]> = sources.into();
    let rest = &found.possible - &found.certain;
    let standing = if found.conditional { Certainty::Conditional } else { Certainty::Certain };
    let mut push = |gained: Gained, certainty: Certainty, grounds: &Arc<Grounds>| {
        let (sources, grounds) = (Arc::clone(&sources), Arc::clone(grounds));
        out.push(Draft { sources, gained, technique, certainty, grounds });
    };
    let certain = || Arc::new(Grounds::certain(found));
    let open = || Arc::new(Grounds::open(found, &rest));
    match technique.gain.of {
        GainOf::Scope if technique.target.is_none() || !found.certain.is_empty() => {
            push(Gained::Entity(scope), standing, &certain());
        }
        GainOf::Scope => push(Gained::Entity(scope), Certainty::Conditional, &open()),
        GainOf::TargetScope => {
            let scopes = index.scopes_of(&found.certain);
            let others = index.scopes_of(&rest) - &scopes;
            for (scopes, certainty, grounds) in
                [(scopes, standing, certain()), (others, Certainty::Conditional, open())]
            {
                scopes.iter().for_each(|scope| push(Gained::Entity(EntityId(scope)), certainty, &grounds));
            }
        }
        GainOf::Target | GainOf::TargetContainer | GainOf::TargetPrincipals => {
            let of = |targets: &RoaringBitmap| match technique.gain.of {
                GainOf::TargetContainer => index.containing_scopes(targets),
                GainOf::TargetPrincipals => index.principals_inside(targets),
                _ => targets.clone(),
            };
            let sure = of(&found.certain);
            if let Some(gained) = Gained::of(&sure) {
                push(gained, standing, &certain());
            }
            if let Some(gained) = Gained::of(&(of(&rest) - sure)) {
                push(gained, Certainty::Conditional, &open());
            }
        }
    }
}

impl Gained {
    /// Control of targets; `None` when there are none.
    fn of(targets: &RoaringBitmap) -> Option<Self> {
        match (targets.len(), targets.min()) {
            (1, Some(alone)) => Some(Self::Entity(EntityId(alone))),
            (_, first) => first.map(|_| Self::Set(targets.clone())),
        }
    }
}

impl Grounds {
    /// Of the half where nothing hangs on the target.
    fn certain(found: &Found<'_>) -> Self {
        Self::sorted(found.reasons.iter().cloned(), found.evidence.iter().copied())
    }

    /// Of the other half.
    fn open(found: &Found<'_>, rest: &RoaringBitmap) -> Self {
        let of_targets = found.candidates.map(|candidates| candidates.reasons(rest)).unwrap_or_default();
        let reasons = found.reasons.iter().chain(&found.open_reasons).cloned().chain(of_targets);
        Self::sorted(reasons, found.evidence.iter().chain(&found.open_evidence).copied())
    }

    fn sorted(reasons: impl Iterator<Item = String>, evidence: impl Iterator<Item = u32>) -> Self {
        let (reasons, evidence): (BTreeSet<String>, BTreeSet<u32>) = (reasons.collect(), evidence.collect());
        Self { reasons: reasons.into_iter().collect(), evidence: evidence.into_iter().collect() }
    }
}

/// Collects drafts into edges, sharing target sets.
pub struct Assembly<'t> {
    tables: &'t Tables,
    edges: Vec<Edge>,
    sets: BTreeMap<(String, Vec<u32>), u32>,
    target_sets: Vec<TargetSet>,
    administrators: Vec<(EntityId, String)>,
    pub assists: Vec<Assist>,
}

impl<'t> Assembly<'t> {
    /// An empty graph.
    pub fn new(tables: &'t Tables) -> Self {
        Self {
            tables,
            edges: Vec::new(),
            sets: BTreeMap::new(),
            target_sets: Vec::new(),
            administrators: Vec::new(),
            assists: Vec::new(),
        }
    }

    /// The edges so far.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Number of entities and target sets so far.
    pub fn nodes(&self) -> usize {
        self.tables.entities.len() + self.target_sets.len()
    }

    /// Adds the edges of a draft, and says where each leaves and enters. `own` turns the evidence of an answer about a
    /// class into that of one of its members.
    pub fn add(&mut self, draft: Draft<'_>, own: &dyn Fn(EntityId, &[u32]) -> Vec<u32>) -> Vec<(EntityId, u32)> {
        let technique = draft.technique;
        if draft.administers() {
            self.administrators.extend(draft.sources.iter().map(|&source| (source, technique.id.clone())));
        }
        let dst = match draft.gained {
            Gained::Entity(entity) => entity.0,
            Gained::Set(targets) => self.set(&technique.id, &targets),
        };
        let mut added = Vec::new();
        for &source in draft.sources.iter() {
            if source.0 != dst {
                added.push((source, dst));
                self.edges.push(Edge {
                    src: source.0,
                    dst,
                    technique: technique.id.clone(),
                    certainty: draft.certainty,
                    reasons: draft.grounds.reasons.clone(),
                    evidence: own(source, &draft.grounds.evidence),
                });
            }
        }
        added
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
    pub fn federations(&mut self, evaluators: &Evaluators<'_>) {
        for federation in evaluators.federations() {
            let condition = federation.condition.map(|condition| format!("the trust requires {condition}"));
            let reasons: Vec<String> = condition.into_iter().chain(federation.doubt).collect();
            let certainty = if reasons.is_empty() { Certainty::Certain } else { Certainty::Conditional };
            self.edges.push(Edge {
                src: federation.trustee.0,
                dst: federation.target.0,
                technique: "trust".to_owned(),
                certainty,
                reasons,
                evidence: federation.grant.into_iter().collect(),
            });
        }
    }

    /// Edges into groups whose rights are not among those of their members, such as those of an identity provider, and
    /// those that stand for a principal elsewhere. After [`Self::federations`], which says which those are.
    pub fn memberships(&mut self, evaluators: &Evaluators<'_>) {
        let groups = |edge: &&Edge| edge.technique == "trust" && (edge.src as usize) < self.tables.entities.len();
        let trusted = self.edges.iter().filter(groups).map(|edge| EntityId(edge.src));
        let is_group = |one: &EntityId| self.tables.entity(*one).kind == EntityKind::Group;
        let let_in: FxHashSet<EntityId> = trusted.filter(is_group).collect();
        for row in evaluators.outer_memberships(&let_in) {
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
    pub fn contents(&mut self) {
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

    /// The graph with its edges in order.
    pub fn finish(mut self) -> AttackGraph {
        let ends = |edge: &Edge| (edge.src, edge.dst);
        self.edges.sort_by(|a, b| {
            let order = ends(a).cmp(&ends(b)).then_with(|| a.technique.cmp(&b.technique));
            order.then_with(|| a.certainty.cmp(&b.certainty))
        });
        // The same technique may lead to the same place twice, certainly and perhaps: the first one counts.
        self.edges.dedup_by(|b, a| a.src == b.src && a.dst == b.dst && a.technique == b.technique);
        self.administrators.sort();
        self.administrators.dedup_by_key(|(entity, _)| *entity);
        self.assists.sort_by(|a, b| {
            (a.src, a.dst, &a.technique, a.request, a.by).cmp(&(b.src, b.dst, &b.technique, b.request, b.by))
        });
        self.assists.dedup();
        AttackGraph {
            edges: self.edges,
            target_sets: self.target_sets,
            administrators: self.administrators,
            assists: self.assists,
            complete: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_technique_leads_to_the_same_place_once_and_as_certainly_as_it_can() {
        let tables = Tables::default();
        let mut graph = Assembly::new(&tables);
        for (technique, certainty) in [
            ("b", Certainty::Conditional),
            ("a", Certainty::Conditional),
            ("b", Certainty::Certain),
            ("a", Certainty::Certain),
            ("c", Certainty::Conditional),
        ] {
            let (technique, reasons, evidence) = (technique.to_owned(), Vec::new(), Vec::new());
            graph.edges.push(Edge { src: 1, dst: 2, technique, certainty, reasons, evidence });
        }
        let edges = graph.finish().edges;
        let found: Vec<_> = edges.iter().map(|edge| (edge.technique.as_str(), edge.certainty)).collect();
        assert_eq!(found, [("a", Certainty::Certain), ("b", Certainty::Certain), ("c", Certainty::Conditional)]);
    }
}
