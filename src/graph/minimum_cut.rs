//! The cheapest set of arcs without which no walk leads from some nodes to others, and the proof that none is cheaper.
//!
//! Maximum flow by E. A. Dinic, *Algorithm for solution of a problem of maximum flow in networks with power
//! estimation*, Soviet Math. Doklady 11 (1970): blocking flows along shortest augmenting paths. The cut is read off
//! the last residual graph, and the flow is taken apart into walks: their amounts add up to the cost of the cut, and
//! no walk avoids the cut, so that nothing cheaper separates the two sides (L. R. Ford and D. R. Fulkerson, 1956;
//! with unit costs K. Menger, 1927: as many arcs as there are arc-disjoint walks).
//!
//! Direction: walks lead from the sources to the targets along the arcs. What must not be cut has the cost
//! [`UNCUTTABLE`]. To cut nodes, or groups of arcs that go together, split them: one arc that stands for the node or
//! the group between two nodes, the rest uncuttable.
//!
//! Time: O(n² m), with unit costs O(m · min(√m, n^⅔)); on shallow graphs a few passes over the arcs. Memory: 16·m +
//! 8·n bytes beside the graph and its reverse. Nothing recurses.

use super::{Csr, NONE, NodeSet};

/// Cost of an arc that must not be cut.
pub const UNCUTTABLE: u64 = u64::MAX;

/// A cheapest cut and its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinimumCut {
    /// Sum of the costs of the cut, and of the amounts of the walks.
    pub value: u64,
    /// Edges of the cut, ascending; those that cost nothing are among them.
    pub edges: Vec<u32>,
    /// Walks from a source to a target that together use no edge beyond its cost. With unit costs they are
    /// edge-disjoint, and as many as the cut has edges.
    pub walks: Vec<Walk>,
}

/// One walk of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// What it takes of the cost of each of its edges.
    pub amount: u64,
    /// Edges in order.
    pub edges: Vec<u32>,
}

/// Finds a cheapest cut between `sources` and `targets`; `None` when no cut separates them, because an uncuttable
/// walk leads from one to the other or a node is both. `costs` are by edge number, and each edge number is that of
/// one arc. The sum of the costs that are not [`UNCUTTABLE`] must stay below 2⁶⁴ − 1.
///
/// # Panics
/// When an arc's edge number has no cost, or a source or target is not of the graph.
#[must_use]
pub fn minimum_cut(graph: &Csr, costs: &[u64], sources: &NodeSet, targets: &NodeSet) -> Option<MinimumCut> {
    let reverse = graph.reversed();
    let mut network = Network::new(graph, &reverse, costs, sources, targets);
    if network.uncuttable_walk() {
        return None;
    }
    let mut value = 0;
    while network.measure() {
        for source in sources.iter() {
            while let Some(amount) = network.augment(source) {
                value += amount;
            }
        }
    }
    let edges = network.cut();
    Some(MinimumCut { value, edges, walks: network.walks() })
}

/// An arc of the residual graph: forwards with what is left of its cost, or backwards with its flow.
#[derive(Clone, Copy)]
struct Step {
    tail: u32,
    head: u32,
    edge: u32,
    forwards: bool,
}

struct Network<'g> {
    graph: &'g Csr,
    reverse: &'g Csr,
    costs: &'g [u64],
    sources: &'g NodeSet,
    targets: &'g NodeSet,
    flow: Vec<u64>,
    /// Fewest residual arcs from each node to a target; [`NONE`] where there is no way or it is a dead end.
    level: Vec<u32>,
    /// How many residual arcs of each node this phase has done with.
    done: Vec<u32>,
    path: Vec<Step>,
}

impl<'g> Network<'g> {
    fn new(graph: &'g Csr, reverse: &'g Csr, costs: &'g [u64], sources: &'g NodeSet, targets: &'g NodeSet) -> Self {
        let nodes = graph.nodes();
        let (flow, level, done) = (vec![0; costs.len()], vec![NONE; nodes], vec![0; nodes]);
        Self { graph, reverse, costs, sources, targets, flow, level, done, path: Vec::new() }
    }

    /// Whether some walk from a source to a target has no arc that may be cut.
    fn uncuttable_walk(&self) -> bool {
        let mut seen = self.sources.clone();
        let mut stack: Vec<u32> = self.sources.iter().collect();
        while let Some(node) = stack.pop() {
            if self.targets.contains(node) {
                return true;
            }
            for (head, edge) in self.graph.out_arcs(node) {
                if self.costs[edge as usize] == UNCUTTABLE && seen.insert(head) {
                    stack.push(head);
                }
            }
        }
        false
    }

    /// What more can flow over a residual arc.
    fn room(&self, step: Step) -> u64 {
        let (cost, flow) = (self.costs[step.edge as usize], self.flow[step.edge as usize]);
        match (step.forwards, cost) {
            (false, _) => flow,
            (true, UNCUTTABLE) => UNCUTTABLE,
            (true, cost) => cost - flow,
        }
    }

    /// Levels of the residual graph, counted from the targets; whether a source has one. Nothing is gained by a way
    /// through another source, so ways end at the first.
    fn measure(&mut self) -> bool {
        self.level.fill(NONE);
        self.done.fill(0);
        let mut queue: Vec<u32> = self.targets.iter().collect();
        for &target in &queue {
            self.level[target as usize] = 0;
        }
        let (mut at, mut found) = (0, false);
        while let Some(&node) = queue.get(at) {
            at += 1;
            if self.sources.contains(node) {
                found = true;
                continue;
            }
            let level = self.level[node as usize] + 1;
            let before = self.reverse.out_arcs(node).map(|(tail, edge)| (tail, edge, true));
            let behind = self.graph.out_arcs(node).map(|(tail, edge)| (tail, edge, false));
            for (tail, edge, forwards) in before.chain(behind) {
                if self.level[tail as usize] == NONE && self.room(Step { tail, head: node, edge, forwards }) > 0 {
                    self.level[tail as usize] = level;
                    queue.push(tail);
                }
            }
        }
        found
    }

    /// The next residual arc of a node that leads one level down.
    fn advance(&mut self, tail: u32) -> Option<Step> {
        let level = self.level[tail as usize];
        if level == NONE {
            return None;
        }
        let ahead = self.graph.out(tail).len();
        loop {
            let at = self.done[tail as usize] as usize;
            let (row, place, forwards) =
                if at < ahead { (self.graph, at, true) } else { (self.reverse, at - ahead, false) };
            let head = *row.out(tail).get(place)?;
            let step = Step { tail, head, edge: row.out_edges(tail)[place], forwards };
            if self.level[head as usize] < level && self.room(step) > 0 {
                return Some(step);
            }
            self.done[tail as usize] += 1;
        }
    }

    /// Sends as much as one path takes from a source; `None` when the phase has no path left from there.
    fn augment(&mut self, source: u32) -> Option<u64> {
        self.path.clear();
        let mut at = source;
        while !self.targets.contains(at) {
            if let Some(step) = self.advance(at) {
                self.path.push(step);
                at = step.head;
            } else {
                self.level[at as usize] = NONE;
                at = self.path.pop()?.tail;
            }
        }
        let amount = self.path.iter().map(|&step| self.room(step)).min()?;
        for step in &self.path {
            let flow = &mut self.flow[step.edge as usize];
            *flow = if step.forwards { *flow + amount } else { *flow - amount };
        }
        Some(amount)
    }

    /// The arcs that lead from what the sources still reach in the residual graph to the rest.
    fn cut(&self) -> Vec<u32> {
        let mut side = self.sources.clone();
        let mut stack: Vec<u32> = self.sources.iter().collect();
        while let Some(tail) = stack.pop() {
            let ahead = self.graph.out_arcs(tail).map(|(head, edge)| (head, edge, true));
            let back = self.reverse.out_arcs(tail).map(|(head, edge)| (head, edge, false));
            for (head, edge, forwards) in ahead.chain(back) {
                if self.room(Step { tail, head, edge, forwards }) > 0 && side.insert(head) {
                    stack.push(head);
                }
            }
        }
        let arcs = side.iter().flat_map(|tail| self.graph.out_arcs(tail));
        let mut edges: Vec<u32> = arcs.filter(|&(head, _)| !side.contains(head)).map(|(_, edge)| edge).collect();
        edges.sort_unstable();
        edges
    }

    /// Takes the flow apart into walks. What flows in circles is dropped.
    fn walks(mut self) -> Vec<Walk> {
        self.done.fill(0);
        // From here on, the place of each node on the way, counted from 1.
        self.level.fill(0);
        let mut walks = Vec::new();
        for source in self.sources.iter() {
            while let Some(walk) = self.walk(source) {
                walks.push(walk);
            }
        }
        walks
    }

    /// The next arc of a node with flow on it.
    fn flowing(&mut self, tail: u32) -> Option<(u32, u32)> {
        loop {
            let at = self.done[tail as usize] as usize;
            let head = *self.graph.out(tail).get(at)?;
            let edge = self.graph.out_edges(tail)[at];
            if self.flow[edge as usize] > 0 {
                return Some((head, edge));
            }
            self.done[tail as usize] += 1;
        }
    }

    fn walk(&mut self, source: u32) -> Option<Walk> {
        let (mut nodes, mut edges): (Vec<u32>, Vec<u32>) = (vec![source], Vec::new());
        self.level[source as usize] = 1;
        let mut at = source;
        while !self.targets.contains(at) {
            let Some((head, edge)) = self.flowing(at) else { break };
            edges.push(edge);
            let place = self.level[head as usize] as usize;
            if place == 0 {
                nodes.push(head);
                self.level[head as usize] = super::number(nodes.len());
            } else {
                self.take(&edges[place - 1..]);
                edges.truncate(place - 1);
                nodes.drain(place..).for_each(|node| self.level[node as usize] = 0);
            }
            at = head;
        }
        for &node in &nodes {
            self.level[node as usize] = 0;
        }
        let amount = self.take(&edges);
        (self.targets.contains(at) && amount > 0).then_some(Walk { amount, edges })
    }

    /// Takes as much flow off some arcs as all of them have.
    fn take(&mut self, edges: &[u32]) -> u64 {
        let amount = edges.iter().map(|&edge| self.flow[edge as usize]).min().unwrap_or(0);
        for &edge in edges {
            self.flow[edge as usize] -= amount;
        }
        amount
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{arcs, chain, closure, csr, petgraph, set};
    use super::*;

    /// Whether a walk leads from a source to a target without some edges.
    fn connected(
        nodes: usize,
        arcs: &[(u32, u32, u32)],
        without: &[u32],
        sources: &NodeSet,
        targets: &NodeSet,
    ) -> bool {
        let rest: Vec<_> = arcs.iter().copied().filter(|arc| !without.contains(&arc.2)).collect();
        let closure = closure(nodes, &rest);
        sources.iter().any(|source| targets.iter().any(|target| closure[source as usize][target as usize]))
    }

    /// The cost of the cheapest of all sets of edges that separate the two sides.
    fn cheapest(nodes: usize, arcs: &[(u32, u32, u32)], costs: &[u64], ends: (&NodeSet, &NodeSet)) -> Option<u64> {
        let sets = (0..1_u32 << arcs.len()).filter_map(|bits| {
            let cut: Vec<u32> = (0..arcs.len()).filter(|at| bits >> at & 1 == 1).map(super::super::number).collect();
            let cost = cut.iter().try_fold(0, |sum, &edge| match costs[edge as usize] {
                UNCUTTABLE => None,
                cost => Some(sum + cost),
            })?;
            (!connected(nodes, arcs, &cut, ends.0, ends.1)).then_some(cost)
        });
        sets.min()
    }

    /// Holds a cut and its certificate to what they claim.
    fn check(nodes: usize, arcs: &[(u32, u32, u32)], costs: &[u64], ends: (&NodeSet, &NodeSet), found: &MinimumCut) {
        assert!(!connected(nodes, arcs, &found.edges, ends.0, ends.1), "the cut separates");
        assert_eq!(found.edges.iter().map(|&edge| costs[edge as usize]).sum::<u64>(), found.value);
        let mut used = vec![0; costs.len()];
        for walk in &found.walks {
            assert!(walk.amount > 0);
            let ends_of = |edge: u32| arcs[edge as usize];
            assert!(ends.0.contains(ends_of(walk.edges[0]).0));
            assert!(ends.1.contains(ends_of(walk.edges[walk.edges.len() - 1]).1));
            assert!(walk.edges.windows(2).all(|pair| ends_of(pair[0]).1 == ends_of(pair[1]).0));
            walk.edges.iter().for_each(|&edge| used[edge as usize] += walk.amount);
        }
        assert_eq!(found.walks.iter().map(|walk| walk.amount).sum::<u64>(), found.value);
        assert!(used.iter().zip(costs).all(|(used, cost)| used <= cost), "no edge carries more than its cost");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        #[test]
        fn no_set_of_edges_is_cheaper(
            (nodes, arcs) in arcs(7, 9),
            (sources, targets) in (any::<u64>(), any::<u64>()),
            picks in prop::collection::vec(0_u64..6, 9),
        ) {
            let (sources, targets) = (set(nodes, sources), set(nodes, targets & targets >> 3));
            let costs: Vec<u64> = picks.iter().map(|&pick| if pick == 5 { UNCUTTABLE } else { pick }).collect();
            let found = minimum_cut(&csr(nodes, &arcs), &costs, &sources, &targets);
            prop_assert_eq!(found.as_ref().map(|cut| cut.value), cheapest(nodes, &arcs, &costs, (&sources, &targets)));
            if let Some(found) = found {
                check(nodes, &arcs, &costs, (&sources, &targets), &found);
            }
        }

        #[test]
        fn unit_costs_give_as_many_disjoint_walks_as_petgraph_finds((nodes, arcs) in arcs(14, 50)) {
            prop_assume!(nodes > 1);
            let (from, to) = (NodeSet::from_members(nodes, [0]), NodeSet::from_members(nodes, [1]));
            let costs = vec![1; arcs.len()];
            let found = minimum_cut(&csr(nodes, &arcs), &costs, &from, &to).unwrap();
            let weighted = petgraph(nodes, &arcs).map(|_, ()| (), |_, _| 1_u64);
            let (value, _) = petgraph::algo::dinics(&weighted, 0.into(), 1.into());
            prop_assert_eq!(found.value, value);
            prop_assert_eq!(found.walks.len() as u64, value);
            check(nodes, &arcs, &costs, (&from, &to), &found);
        }
    }

    #[test]
    fn a_node_in_both_sides_cannot_be_separated() {
        let both = NodeSet::from_members(2, [1]);
        assert_eq!(minimum_cut(&csr(2, &[(0, 1, 0)]), &[1], &both, &both), None);
    }

    #[test]
    fn a_chain_of_a_million_nodes_is_cut_at_its_cheapest_arc() {
        let nodes = 1_000_000;
        let ends = [0, nodes - 1].map(|end| NodeSet::from_members(nodes as usize, [end]));
        let mut costs = vec![UNCUTTABLE; nodes as usize - 1];
        (costs[700_000], costs[3]) = (5, 7);
        let cut = minimum_cut(&chain(nodes), &costs, &ends[0], &ends[1]).unwrap();
        assert_eq!((cut.value, &cut.edges[..], cut.walks.len()), (5, &[700_000][..], 1));
        assert_eq!(cut.walks[0].edges.len(), nodes as usize - 1);
    }
}
