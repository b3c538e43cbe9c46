//! Who can act as whom directly: the steps of the attack graph that end in a credential or a session of the target.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::findings::Context;
use crate::model::{Certainty, Edge, EntityId};

/// Techniques by which one comes to use another identity itself: to assume it, or to make a key or a password of it.
pub const ACTS_AS: [&str; 6] = ["iam-002", "iam-003", "iam-004", "iam-006", "sts-001", "trust"];

/// The techniques among them that leave the target with a credential that outlives the session.
pub const MAKES_CREDENTIAL: [&str; 4] = ["iam-002", "iam-003", "iam-004", "iam-006"];

/// One direct step.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    pub target: EntityId,
    /// The edge that leaves the actor.
    pub edge: &'a Edge,
    pub certainty: Certainty,
}

/// A way of one or more steps to act as an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way<'a> {
    pub hops: u32,
    pub certainty: Certainty,
    /// Technique of the last step.
    pub technique: &'a str,
}

/// The steps of [`ACTS_AS`], by where they begin.
#[derive(Debug, Default)]
pub struct Control {
    /// Rows of the edges table by source.
    edges: Vec<u32>,
}

impl Control {
    /// Picks and sorts the steps. O(edges + steps log steps).
    #[must_use]
    pub fn new(context: &Context<'_>) -> Self {
        let all = context.facts.edges;
        let rows = 0..u32::try_from(all.len()).unwrap_or(u32::MAX);
        let mut edges: Vec<u32> = rows.filter(|&row| ACTS_AS.contains(&all[row as usize].technique.as_str())).collect();
        edges.sort_by_key(|&row| (all[row as usize].src, row));
        Self { edges }
    }

    fn leaving<'a>(&self, context: &Context<'a>, node: u32) -> impl Iterator<Item = &'a Edge> {
        let all = context.facts.edges;
        let start = self.edges.partition_point(|&row| all[row as usize].src < node);
        self.edges[start..].iter().map(|&row| &all[row as usize]).take_while(move |edge| edge.src == node)
    }

    /// Whom an identity can act as by one step, target sets expanded, in the order of the edges.
    #[must_use]
    pub fn steps<'a>(&self, context: &Context<'a>, from: EntityId) -> Vec<Step<'a>> {
        let entities = context.tables.entities.len();
        let mut found = Vec::new();
        for edge in self.leaving(context, from.0) {
            if (edge.dst as usize) < entities {
                found.push(Step { target: EntityId(edge.dst), edge, certainty: edge.certainty });
                continue;
            }
            for inner in self.leaving(context, edge.dst).filter(|inner| (inner.dst as usize) < entities) {
                let certainty = edge.certainty.max(inner.certainty);
                found.push(Step { target: EntityId(inner.dst), edge, certainty });
            }
        }
        found.retain(|step| step.target != from);
        found
    }

    /// Everyone whom an identity can act as, by any number of steps: the shortest certain way where there is one, else
    /// the shortest of all.
    #[must_use]
    pub fn reach<'a>(&self, context: &Context<'a>, from: EntityId) -> BTreeMap<EntityId, Way<'a>> {
        let mut found = self.search(context, from, Certainty::Certain);
        for (target, way) in self.search(context, from, Certainty::Conditional) {
            found.entry(target).or_insert(way);
        }
        found
    }

    /// Breadth first; a target set is expanded when it is first met. O(steps that can be reached).
    fn search<'a>(&self, context: &Context<'a>, from: EntityId, up_to: Certainty) -> BTreeMap<EntityId, Way<'a>> {
        let entities = context.tables.entities.len();
        let admitted = |edge: &&'a Edge| edge.certainty <= up_to;
        let mut found: BTreeMap<EntityId, Way<'a>> = BTreeMap::new();
        let mut sets: BTreeSet<u32> = BTreeSet::new();
        let mut open: VecDeque<(EntityId, u32)> = VecDeque::from([(from, 0)]);
        while let Some((at, hops)) = open.pop_front() {
            let mut met: Vec<&'a Edge> = Vec::new();
            for edge in self.leaving(context, at.0).filter(admitted) {
                if (edge.dst as usize) < entities {
                    met.push(edge);
                } else if sets.insert(edge.dst) {
                    met.extend(self.leaving(context, edge.dst).filter(admitted));
                }
            }
            for edge in met.into_iter().filter(|edge| (edge.dst as usize) < entities) {
                let target = EntityId(edge.dst);
                if target != from && !found.contains_key(&target) {
                    found.insert(target, Way { hops: hops + 1, certainty: up_to, technique: &edge.technique });
                    open.push_back((target, hops + 1));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::Facts;
    use crate::findings::testkit::World;
    use crate::model::Layer;

    #[test]
    fn the_techniques_exist_and_are_about_another_principal() {
        let library = crate::techniques::Library::built_in().expect("the built-in techniques are tested");
        for id in ACTS_AS.iter().filter(|id| **id != "trust") {
            let technique = library.find(id).unwrap_or_else(|| panic!("there is no technique `{id}`"));
            assert_eq!(technique.category, "principal-access", "{id}");
        }
        assert!(MAKES_CREDENTIAL.iter().all(|id| ACTS_AS.contains(id)));
    }

    #[test]
    fn target_sets_are_looked_through_and_their_targets_found_once() {
        let mut world = World::new();
        let (a, b, c) = (world.user("a"), world.robot("b"), world.robot("c"));
        let grant = world.grant(a, &["iam:*"], Layer::Identity);
        world.step(a, b, Certainty::Certain, grant);
        world.step(b, c, Certainty::Certain, grant);
        world.with(|context| {
            let entity = |name: &str| context.tables.find(&World::user_id(name)).expect("defined above");
            let (a, b, c) = (entity("a"), entity("b"), entity("c"));
            // Both a and b may make keys for everyone of the set.
            let set = u32::try_from(context.tables.entities.len()).expect("tests are small");
            let pattern = context.facts.edges[0].clone();
            let edge = |src: u32, dst: u32| Edge { src, dst, ..pattern.clone() };
            let edges = [edge(a.0, set), edge(b.0, set), edge(set, b.0), edge(set, c.0)];
            let context = Context::new(Facts { edges: &edges, ..context.facts });
            let control = Control::new(&context);
            let targets = |from| control.steps(&context, from).iter().map(|step| step.target).collect::<Vec<_>>();
            assert_eq!((targets(a), targets(b)), (vec![b, c], vec![c]), "nobody acts as oneself");
            let hops: Vec<(EntityId, u32)> =
                control.reach(&context, a).into_iter().map(|(target, way)| (target, way.hops)).collect();
            assert_eq!(hops, [(b, 1), (c, 1)]);
        });
    }

    #[test]
    fn certain_ways_come_before_shorter_conditional_ones_and_circles_end() {
        let mut world = World::new();
        let (a, b, c, d) = (world.user("a"), world.robot("b"), world.robot("c"), world.robot("d"));
        let grant = world.grant(a, &["iam:*"], Layer::Identity);
        for (from, to, certainty) in [
            (a, b, Certainty::Certain),
            (b, c, Certainty::Certain),
            (a, c, Certainty::Conditional),
            (c, a, Certainty::Certain),
            (c, d, Certainty::Conditional),
        ] {
            world.step(from, to, certainty, grant);
        }
        world.with(|context| {
            let control = Control::new(context);
            let id = |name: &str| context.tables.find(&World::user_id(name)).expect("defined above");
            let reach = control.reach(context, id("a"));
            let ways: Vec<(EntityId, u32, Certainty)> =
                reach.iter().map(|(target, way)| (*target, way.hops, way.certainty)).collect();
            let expected = [
                (id("b"), 1, Certainty::Certain),
                (id("c"), 2, Certainty::Certain),
                (id("d"), 2, Certainty::Conditional),
            ];
            assert_eq!(ways, expected);
        });
    }
}
