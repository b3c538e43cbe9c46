//! Matches techniques against effective permissions and makes the attack graph.
//!
//! A technique is asked once for each class of principals. Its targets are a set: where it has several, the edge goes
//! to a *target-set node* that all classes with the same set share, and from there to each target, so that the graph
//! grows with policies and not with principals times targets. The two halves of a set, certain targets and those
//! that hang on something, are two nodes.
//!
//! Edges are sorted by their ends and technique; the same tables give the same graph whatever the threads did.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::Library;
use super::assembly::{Assembly, Draft};
use super::format::{Scope, Technique};
use super::index::{Candidates, Index};
use super::matcher::{Matcher, Shared};
use super::others::Others;
use crate::access::{Class, Evaluators};
use crate::model::{Edge, EntityId, Tables, TargetSet};

/// The attack graph: edges between entities and target-set nodes, and who is an administrator outright.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AttackGraph {
    /// Sorted by source, destination and technique, each of which there is once.
    pub edges: Vec<Edge>,
    pub target_sets: Vec<TargetSet>,
    /// Administrators of a scope by their effective permissions, with the technique that says so, sorted.
    pub administrators: Vec<(EntityId, String)>,
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
        let candidates = Targets::of(&index, &techniques, classes);
        let shared = Shared { index: &index, evaluator, others: Others::new(tables, evaluator) };
        let drafts: Vec<Vec<Draft<'_>>> = classes
            .par_iter()
            .enumerate()
            .map(|(number, class)| {
                let matcher = Matcher::new(&shared, number, class);
                let drafts = |(at, technique)| matcher.drafts(technique, candidates.get(at, class.scope));
                techniques.iter().copied().enumerate().flat_map(drafts).collect()
            })
            .collect();
        drafts.into_iter().flatten().for_each(|draft| graph.add(draft));
    }
    graph.federations(evaluators);
    graph.contents();
    graph.finish()
}

/// Targets of each technique, found once: for each scope that has actors, or for all scopes together.
struct Targets(FxHashMap<(usize, Option<EntityId>), Candidates>);

impl Targets {
    fn of(index: &Index<'_>, techniques: &[&Technique], classes: &[Class]) -> Self {
        let mut scopes: Vec<EntityId> = classes.iter().map(|class| class.scope).collect();
        scopes.sort_unstable();
        scopes.dedup();
        let mut asked = Vec::new();
        for (at, technique) in techniques.iter().enumerate() {
            match &technique.target {
                Some(target) if target.scope == Scope::Any => asked.push((at, None, target)),
                Some(target) => asked.extend(scopes.iter().map(|&scope| (at, Some(scope), target))),
                None => {}
            }
        }
        let candidates = |(at, scope, target)| ((at, scope), index.candidates(target, scope));
        Self(asked.into_par_iter().map(candidates).collect())
    }

    fn get(&self, technique: usize, scope: EntityId) -> Option<&Candidates> {
        self.0.get(&(technique, Some(scope))).or_else(|| self.0.get(&(technique, None)))
    }
}
