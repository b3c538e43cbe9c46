//! Arcs that one node does not have alone: whoever reaches one holder of each part of a task comes to its targets.
//!
//! Forward chaining to a fixed point. Each round condenses the part of the graph that does not lead to a `final` node
//! and passes the shares that are reached up the acyclic graph; a component asks only when it reaches shares that none
//! of its successors reaches alone, so that an arc starts where the shares first come together and all before it have it
//! by walking there. Who leads to a final node is past asking: it has everything.
//!
//! Time of a round: O(n + m) and one union of share sets an arc; each question walks what its asker reaches. Both rounds
//! and questions are bounded, and [`Joints::complete`] says whether a bound ended the search.

use std::collections::BTreeMap;
use std::rc::Rc;

use roaring::RoaringBitmap;

use super::closure::{reachable_from, reaching};
use super::{Condensation, Csr, NodeSet, number};

/// Rounds, after which new arcs are not followed any more.
const ROUNDS_MAX: usize = 16;
/// Questions over all rounds.
const QUESTIONS_MAX: usize = 100_000;

/// What some nodes can add to a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// Number of the task.
    pub task: u32,
    /// Which of its parts.
    pub part: u32,
    /// Nodes each of which can do this part.
    pub holders: Vec<u32>,
    /// Nodes against which they can.
    pub targets: RoaringBitmap,
}

/// An arc to targets that needs several holders.
#[derive(Debug, Clone, PartialEq)]
pub struct Joint {
    pub src: u32,
    pub task: u32,
    pub targets: RoaringBitmap,
    /// For each part, shares that together cover the targets: `(part, number of the share, holder that is reached)`.
    pub helpers: Vec<(u32, u32, u32)>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Joints {
    pub list: Vec<Joint>,
    /// Whether no bound ended the search.
    pub complete: bool,
}

/// Finds the arcs. `parts` is the number of parts of each task (numbered from 0), `last` the nodes beyond which nothing
/// is gained; only a node that `starts` admits begins an arc.
///
/// # Panics
/// When a share names a node that the graph does not have.
#[must_use]
pub fn joint_arcs(graph: &Csr, last: &[u32], parts: &[u32], shares: &[Share], starts: impl Fn(u32) -> bool) -> Joints {
    let mut arcs: Vec<(u32, u32, u32)> = graph.iter_arcs().collect();
    let mut found = Joints { list: Vec::new(), complete: true };
    let mut questions = 0;
    for round in 0.. {
        let whole = Csr::from_arcs(graph.nodes(), arcs.iter().copied());
        let new = Round::new(&whole, last, shares).joints(parts, &starts, &mut questions);
        for joint in &new {
            arcs.extend(joint.targets.iter().map(|target| (joint.src, target, 0)));
        }
        let ended = new.is_empty();
        found.list.extend(new);
        found.complete = questions <= QUESTIONS_MAX && round < ROUNDS_MAX;
        if ended || !found.complete {
            break;
        }
    }
    found
}

/// One pass over the graph as it is.
struct Round<'g> {
    shares: &'g [Share],
    open: Csr,
    condensed: Condensation,
    /// Shares that each node holds.
    held: BTreeMap<u32, RoaringBitmap>,
}

impl<'g> Round<'g> {
    fn new(graph: &Csr, last: &[u32], shares: &'g [Share]) -> Self {
        let closed = reaching(&graph.reversed(), last.iter().copied());
        // Whatever an open node leads to is open.
        let open = Csr::from_arcs(graph.nodes(), graph.iter_arcs().filter(|(src, ..)| !closed.contains(*src)));
        let mut held: BTreeMap<u32, RoaringBitmap> = BTreeMap::new();
        for (at, share) in (0..).zip(shares) {
            for &holder in share.holders.iter().filter(|holder| !closed.contains(**holder)) {
                held.entry(holder).or_default().insert(at);
            }
        }
        let condensed = Condensation::new(&open);
        Self { shares, open, condensed, held }
    }

    fn joints(&self, parts: &[u32], starts: &impl Fn(u32) -> bool, questions: &mut usize) -> Vec<Joint> {
        let none = Rc::new(RoaringBitmap::new());
        let components = self.condensed.components.count;
        let mut reached: Vec<Rc<RoaringBitmap>> = vec![Rc::clone(&none); components];
        // Whether some node that may start an arc has been asked with all that a component reaches.
        let mut asked = vec![false; components];
        let mut out = Vec::new();
        for component in (0..number(components)).rev() {
            let at = component as usize;
            let (all, same) = self.gather(component, &reached, &asked);
            let start = self.condensed.members(component).iter().copied().find(|&node| starts(node));
            if all.len() > 1
                && !same
                && let Some(start) = start
            {
                out.extend(self.ask(start, &all, parts, questions));
            }
            asked[at] = same || start.is_some();
            reached[at] = all;
        }
        out
    }

    /// The shares that a component reaches, and whether a successor was asked with the same ones.
    fn gather(&self, component: u32, reached: &[Rc<RoaringBitmap>], asked: &[bool]) -> (Rc<RoaringBitmap>, bool) {
        let next = self.condensed.dag.out(component);
        let own = self.condensed.members(component).iter().filter_map(|node| self.held.get(node));
        let own = own.fold(RoaringBitmap::new(), |all, one| all | one);
        let widest = next.iter().map(|&next| &reached[next as usize]).max_by_key(|one| one.len());
        let rest =
            |all: &RoaringBitmap| own.is_subset(all) && next.iter().all(|&next| reached[next as usize].is_subset(all));
        let all = match widest {
            Some(widest) if rest(widest) => Rc::clone(widest),
            _ => Rc::new(next.iter().fold(own, |all, &next| all | &*reached[next as usize])),
        };
        let same = next.iter().any(|&next| asked[next as usize] && reached[next as usize] == all);
        (all, same)
    }

    fn ask(&self, start: u32, all: &RoaringBitmap, parts: &[u32], questions: &mut usize) -> Vec<Joint> {
        let mut by_task: BTreeMap<u32, BTreeMap<u32, Vec<u32>>> = BTreeMap::new();
        for at in all {
            let share = &self.shares[at as usize];
            by_task.entry(share.task).or_default().entry(share.part).or_default().push(at);
        }
        by_task.retain(|task, found| found.len() == parts[*task as usize] as usize);
        if by_task.is_empty() {
            return Vec::new();
        }
        let walked = reachable_from(&self.open, [start]);
        let mut out = Vec::new();
        for (task, found) in by_task {
            *questions += 1;
            if *questions > QUESTIONS_MAX {
                break;
            }
            let covered = |list: &Vec<u32>| {
                list.iter().fold(RoaringBitmap::new(), |all, &at| all | &self.shares[at as usize].targets)
            };
            let common = found.values().map(covered).reduce(|all, one| all & one).unwrap_or_default();
            let targets: RoaringBitmap = common.iter().filter(|&target| !walked.contains(target)).collect();
            if !targets.is_empty() {
                let helpers = self.helpers(&found, &targets, &walked);
                out.push(Joint { src: start, task, targets, helpers });
            }
        }
        out
    }

    /// For each part, the first shares that cover the targets.
    fn helpers(
        &self,
        found: &BTreeMap<u32, Vec<u32>>,
        targets: &RoaringBitmap,
        walked: &NodeSet,
    ) -> Vec<(u32, u32, u32)> {
        let mut out = Vec::new();
        for (&part, list) in found {
            let mut left = targets.clone();
            for &at in list {
                let share = &self.shares[at as usize];
                let holder = share.holders.iter().copied().find(|&holder| walked.contains(holder));
                if let Some(holder) = holder
                    && !left.is_disjoint(&share.targets)
                {
                    left -= &share.targets;
                    out.push((part, at, holder));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use proptest::prelude::*;

    /// Everything that a node comes to: walks, and tasks of which it has reached every part, until nothing is new.
    fn by_chaining(closure: &[Vec<bool>], last: &[u32], parts: &[u32], shares: &[Share], from: usize) -> Vec<bool> {
        let mut has = closure[from].clone();
        loop {
            if last.iter().any(|&node| has[node as usize]) {
                return has;
            }
            let mut new: Vec<u32> = Vec::new();
            for (task, &n) in parts.iter().enumerate() {
                let of = |part: u32| {
                    let own = shares.iter().filter(|share| share.task as usize == task && share.part == part);
                    own.filter(|share| share.holders.iter().any(|&holder| has[holder as usize]))
                        .fold(RoaringBitmap::new(), |all, share| all | &share.targets)
                };
                let common = (0..n).map(of).reduce(|all, one| all & one).unwrap_or_default();
                new.extend(common.iter().filter(|&target| !has[target as usize]));
            }
            if new.is_empty() {
                return has;
            }
            for node in new {
                for (at, reached) in closure[node as usize].iter().enumerate() {
                    has[at] |= reached;
                }
            }
        }
    }

    fn shares(nodes: usize) -> impl Strategy<Value = Vec<Share>> {
        let nodes = number(nodes);
        let some = prop::collection::btree_set(0..nodes, 1..4);
        let share = (0u32..3, 0u32..2, some.clone(), some).prop_map(|(task, part, holders, targets)| Share {
            task,
            part,
            holders: holders.into_iter().collect(),
            targets: targets.into_iter().collect(),
        });
        prop::collection::vec(share, 0..8)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        #[test]
        fn what_is_reached_with_the_arcs_is_what_chaining_finds(
            ((nodes, arcs), shares, last) in testing::arcs(12, 20)
                .prop_flat_map(|(nodes, arcs)| (Just((nodes, arcs)), shares(nodes), 0..number(nodes)))
        ) {
            let parts = [2, 2, 2];
            let graph = testing::csr(nodes, &arcs);
            let found = joint_arcs(&graph, &[last], &parts, &shares, |_| true);
            prop_assert!(found.complete);
            let closure = testing::closure(nodes, &arcs);
            let mut more = arcs.clone();
            for joint in &found.list {
                more.extend(joint.targets.iter().map(|target| (joint.src, target, 0)));
                for part in 0..2 {
                    let helpers = joint.helpers.iter().filter(|(own, ..)| *own == part);
                    let covered = helpers.fold(RoaringBitmap::new(), |all, (_, share, holder)| {
                        assert!(shares[*share as usize].holders.contains(holder));
                        all | &shares[*share as usize].targets
                    });
                    prop_assert!(joint.targets.is_subset(&covered), "each part is covered");
                }
            }
            let with = testing::closure(nodes, &more);
            for (from, reached) in with.iter().enumerate() {
                let chained = by_chaining(&closure, &[last], &parts, &shares, from);
                // Beyond the last node everything is had: what else is reached there does not matter.
                prop_assert_eq!(reached[last as usize], chained[last as usize], "from {}", from);
                if !chained[last as usize] {
                    prop_assert_eq!(reached, &chained, "from {}", from);
                }
            }
        }
    }

    fn share(part: u32, holder: u32, targets: &[u32]) -> Share {
        Share { task: 0, part, holders: vec![holder], targets: targets.iter().copied().collect() }
    }

    #[test]
    fn an_arc_starts_where_both_halves_first_come_together() {
        // 0 leads to 1, which leads to 2 and 3; each of those has one half against 4. Nobody leads to 5.
        let graph = testing::csr(6, &[(0, 1, 0), (1, 2, 1), (1, 3, 2)]);
        let found = joint_arcs(&graph, &[5], &[2], &[share(0, 2, &[4]), share(1, 3, &[4, 5])], |_| true);
        let expected = Joint { src: 1, task: 0, targets: [4].into(), helpers: vec![(0, 0, 2), (1, 1, 3)] };
        assert_eq!(found, Joints { list: vec![expected], complete: true });
        // Where 1 may start none, 0 does.
        let later = joint_arcs(&graph, &[5], &[2], &[share(0, 2, &[4]), share(1, 3, &[4])], |node| node != 1);
        assert_eq!(later.list.iter().map(|joint| joint.src).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn what_is_gained_together_is_followed() {
        // 0 reaches 1 and 2, together against 3, which holds the other half of what 1 has against 4.
        let graph = testing::csr(6, &[(0, 1, 0), (0, 2, 1)]);
        let shares = [
            share(0, 1, &[3]),
            share(1, 2, &[3]),
            Share { task: 1, ..share(0, 1, &[4]) },
            Share { task: 1, ..share(1, 3, &[4]) },
        ];
        let found = joint_arcs(&graph, &[5], &[2, 2], &shares, |_| true);
        let shown: Vec<(u32, u32, Vec<u32>)> =
            found.list.iter().map(|joint| (joint.src, joint.task, joint.targets.iter().collect())).collect();
        assert_eq!(shown, [(0, 0, vec![3]), (0, 1, vec![4])]);
    }
}
