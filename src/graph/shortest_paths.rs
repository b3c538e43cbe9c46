//! The k shortest loopless paths from a node to a set of targets, in hops that transparent nodes do not count for.
//!
//! J. Y. Yen, *Finding the k shortest loopless paths in a network*, Management Science 17 (1971), with E. L.
//! Lawler's partition (1972), by which no path is found twice. Each search for a path is A* with the exact hops to
//! the targets as its estimate, so that it stays near the paths it looks for, however large the graph.
//!
//! Direction: paths follow the arcs of the graph. They end at the first target that they meet; a path that would
//! go on through a target is another target's business. Two paths that differ in one of two parallel edges are two
//! paths: for one path a sequence of nodes, do not admit the other edges.
//!
//! Order: fewest hops first, then fewest arcs, then the smaller sequence of edge numbers. It is total, so the first
//! k paths are the same whatever the k.
//!
//! Time: O(k·l·m log n) at worst for paths of l arcs; in a graph where the estimate is good, little more than the
//! nodes on the paths and their neighbours. Memory: 24·n bytes (allocated zeroed, so only touched where a search
//! goes) and O(k·l²) for candidates. [`Limits`] bound both.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::{Csr, Hops, NONE, NodeSet};

/// Bounds of an enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Paths wanted.
    pub count: usize,
    /// Hops that a path may have at most.
    pub hops_max: u32,
    /// Nodes that all searches together may visit, those on the paths that they branch off from included.
    pub visits_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { count: 1, hops_max: NONE - 1, visits_max: 50_000_000 }
    }
}

/// What ended an enumeration before all paths were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// There is at least one more path within the other limits.
    Count,
    /// There may be paths with more hops.
    Hops,
    /// The visits ran out: there may be more paths, none of them before the last one found.
    Visits,
}

/// One path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Arcs of which the destination is not transparent.
    pub hops: u32,
    /// Edge numbers in order; empty when the start is a target.
    pub edges: Vec<u32>,
    /// Nodes in order, one more than edges.
    pub nodes: Vec<u32>,
}

impl Route {
    fn key(&self) -> (u32, usize, &[u32]) {
        (self.hops, self.edges.len(), &self.edges)
    }
}

/// The paths found, in order, and whether that is all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    pub routes: Vec<Route>,
    /// The limit that stopped the enumeration; none when there is no other path.
    pub stopped_by: Option<Limit>,
}

/// Where paths are looked for.
#[derive(Debug, Clone, Copy)]
pub struct PathFinder<'a, F> {
    pub graph: &'a Csr,
    /// Answer of [`hops_to`](super::hops_to) for the targets, with the same transparent nodes and the same filter or
    /// a weaker one.
    pub hops: &'a Hops,
    pub transparent: &'a NodeSet,
    /// Whether a path may take an edge.
    pub admits: F,
}

impl<F: Fn(u32) -> bool> PathFinder<'_, F> {
    /// The first paths from a node, in order.
    ///
    /// # Panics
    /// When the node, or a node of the hops, is not of the graph.
    #[must_use]
    pub fn shortest(&self, from: u32, limits: Limits) -> Paths {
        let mut search = Search::new(self, limits);
        let mut routes = Vec::new();
        let mut candidates = BTreeSet::new();
        let whole = Subspace { prefix: Route { hops: 0, edges: vec![], nodes: vec![from] }, excluded: vec![] };
        candidates.extend(search.best(whole));
        while !search.is_exhausted() {
            let Some(Candidate { route, deviation, excluded, .. }) = candidates.pop_first() else { break };
            if routes.len() == limits.count {
                return Paths { routes, stopped_by: Some(Limit::Count) };
            }
            // All further paths of the candidate's subspace, by the arc at which they leave the candidate.
            for at in deviation..route.edges.len() {
                let mut excluded = if at == deviation { excluded.clone() } else { Vec::new() };
                excluded.push(route.edges[at]);
                if self.has_exit(route.nodes[at], &excluded) && !search.is_exhausted() {
                    candidates.extend(search.best(Subspace { prefix: self.prefix(&route, at), excluded }));
                }
            }
            routes.push(route);
        }
        let stopped_by = search.stopped_by();
        Paths { routes, stopped_by }
    }

    /// The first `arcs` arcs of a route.
    fn prefix(&self, route: &Route, arcs: usize) -> Route {
        let nodes = route.nodes[..=arcs].to_vec();
        let hops = nodes[1..].iter().map(|&node| self.cost(node)).sum();
        Route { hops, edges: route.edges[..arcs].to_vec(), nodes }
    }

    /// Whether a path could leave a node by another edge than these. In a long chain hardly a node has one, and
    /// only where there is one the prefix is worth copying.
    fn has_exit(&self, node: u32, excluded: &[u32]) -> bool {
        let leads_on = |(head, edge)| self.hops.of(head).is_some() && !excluded.contains(&edge) && (self.admits)(edge);
        self.graph.out_arcs(node).any(leads_on)
    }

    fn cost(&self, head: u32) -> u32 {
        u32::from(!self.transparent.contains(head))
    }
}

/// The paths that begin with `prefix` and go on by none of the `excluded` edges.
struct Subspace {
    prefix: Route,
    excluded: Vec<u32>,
}

/// The first path of a subspace.
struct Candidate {
    route: Route,
    /// Arcs that all paths of the subspace share.
    deviation: usize,
    excluded: Vec<u32>,
}

impl Candidate {
    fn key(&self) -> (u32, usize, &[u32]) {
        self.route.key()
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// The best way known to a node in the search at hand.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Label {
    state: State,
    /// Hops of a path through here at least, from the start to a target.
    hops_total: u32,
    arcs: u32,
    previous: u32,
    edge: u32,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Unseen,
    Open,
    Closed,
}

/// Nodes to visit as `(hops in total, arcs, node)`, least first.
type Queue = BinaryHeap<Reverse<(u32, u32, u32)>>;

/// Buffers and budget of the searches for one start.
struct Search<'a, F> {
    finder: &'a PathFinder<'a, F>,
    limits: Limits,
    labels: Vec<Label>,
    touched: Vec<u32>,
    visits_left: u64,
    ran_out: bool,
    hops_cut: bool,
}

impl<'a, F: Fn(u32) -> bool> Search<'a, F> {
    fn new(finder: &'a PathFinder<'a, F>, limits: Limits) -> Self {
        let labels = vec![Label::default(); finder.graph.nodes()];
        let visits_left = limits.visits_max;
        Self { finder, limits, labels, touched: vec![], visits_left, ran_out: false, hops_cut: false }
    }

    const fn is_exhausted(&self) -> bool {
        self.ran_out
    }

    const fn stopped_by(&self) -> Option<Limit> {
        match (self.ran_out, self.hops_cut) {
            (true, _) => Some(Limit::Visits),
            (false, true) => Some(Limit::Hops),
            (false, false) => None,
        }
    }

    /// The first path of a subspace, if it has one within the limits.
    fn best(&mut self, subspace: Subspace) -> Option<Candidate> {
        let Subspace { prefix, excluded } = subspace;
        let (&spur, before) = prefix.nodes.split_last()?;
        self.visit(before.len() as u64)?;
        for &node in before {
            self.touch(node, Label { state: State::Closed, ..Label::default() });
        }
        let end = self.run(spur, prefix.hops, &excluded);
        let found = end.map(|end| {
            let deviation = prefix.edges.len();
            Candidate { route: self.unwind(prefix, spur, end), deviation, excluded }
        });
        for node in self.touched.drain(..) {
            self.labels[node as usize] = Label::default();
        }
        found
    }

    fn touch(&mut self, node: u32, label: Label) {
        self.labels[node as usize] = label;
        self.touched.push(node);
    }

    /// A* from `spur`, `hops` of the path being spent: the target at the end of the first path.
    fn run(&mut self, spur: u32, hops: u32, excluded: &[u32]) -> Option<u32> {
        let finder = self.finder;
        let ahead = finder.hops.of(spur)?;
        if hops + ahead > self.limits.hops_max {
            self.hops_cut = true;
            return None;
        }
        let start = Label { state: State::Open, hops_total: hops + ahead, arcs: 0, previous: NONE, edge: NONE };
        self.touch(spur, start);
        // Smallest total first, then fewest arcs. Both together grow along every arc, so a node is closed after all
        // nodes that could precede it on a path as good.
        let mut open = Queue::from([Reverse((start.hops_total, 0, spur))]);
        while let Some(Reverse((_, _, node))) = open.pop() {
            let label = self.labels[node as usize];
            if label.state == State::Closed {
                continue;
            }
            if finder.hops.is_seed(node) {
                return Some(self.first_of_equals(node, open));
            }
            self.visit(1)?;
            self.labels[node as usize].state = State::Closed;
            let spent = label.hops_total - finder.hops.distance[node as usize];
            for (head, edge) in finder.graph.out_arcs(node) {
                let Some(ahead) = finder.hops.of(head) else { continue };
                if !(finder.admits)(edge) || (node == spur && excluded.contains(&edge)) {
                    continue;
                }
                let hops_total = spent + finder.cost(head) + ahead;
                let way = Label { state: State::Open, hops_total, arcs: label.arcs + 1, previous: node, edge };
                if self.improves(head, way) {
                    open.push(Reverse((hops_total, way.arcs, head)));
                }
            }
        }
        None
    }

    /// Takes visits off the budget; none when it runs out.
    fn visit(&mut self, nodes: u64) -> Option<()> {
        let left = self.visits_left.checked_sub(nodes);
        self.ran_out |= left.is_none();
        self.visits_left = left?;
        Some(())
    }

    /// Of the targets that are queued with as many hops and arcs as `end`, the one whose edges come first.
    fn first_of_equals(&self, end: u32, mut open: Queue) -> u32 {
        let mut first = self.labels[end as usize];
        let mut end = end;
        while let Some(Reverse((hops_total, arcs, node))) = open.pop() {
            if (hops_total, arcs) != (first.hops_total, first.arcs) {
                break;
            }
            let label = self.labels[node as usize];
            if label.state == State::Open && self.finder.hops.is_seed(node) && self.precedes(label, first) {
                (first, end) = (label, node);
            }
        }
        end
    }

    /// Takes a way to a node if it is the best so far; whether the node must be queued for it.
    fn improves(&mut self, head: u32, way: Label) -> bool {
        let known = self.labels[head as usize];
        if known.state == State::Closed {
            return false;
        }
        if way.hops_total > self.limits.hops_max {
            self.hops_cut = true;
            return false;
        }
        if known.state == State::Unseen {
            self.touch(head, way);
            return true;
        }
        match (way.hops_total, way.arcs).cmp(&(known.hops_total, known.arcs)) {
            std::cmp::Ordering::Less => {
                self.labels[head as usize] = way;
                true
            }
            std::cmp::Ordering::Equal if self.precedes(way, known) => {
                self.labels[head as usize] = way;
                false
            }
            _ => false,
        }
    }

    /// Whether the edges of one way come before those of another with as many arcs.
    fn precedes(&self, mut a: Label, mut b: Label) -> bool {
        let mut before = a.edge < b.edge;
        while a.previous != b.previous {
            a = self.labels[a.previous as usize];
            b = self.labels[b.previous as usize];
            if a.edge != b.edge {
                before = a.edge < b.edge;
            }
        }
        before
    }

    /// The prefix and the way found from its last node.
    fn unwind(&self, prefix: Route, spur: u32, end: u32) -> Route {
        let Route { mut edges, mut nodes, .. } = prefix;
        let shared = edges.len();
        let mut at = end;
        while at != spur {
            let label = self.labels[at as usize];
            edges.push(label.edge);
            nodes.push(at);
            at = label.previous;
        }
        edges[shared..].reverse();
        nodes[shared + 1..].reverse();
        // At a target nothing lies ahead, so what a path needs at least is what it has.
        Route { hops: self.labels[end as usize].hops_total, edges, nodes }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::hops_to;
    use super::super::testing::{arcs, chain, csr, set};
    use super::*;

    /// All loopless paths that end at their first target, in order, by exhaustive search.
    fn all(
        graph: &Csr,
        from: u32,
        targets: &NodeSet,
        transparent: &NodeSet,
        admits: &impl Fn(u32) -> bool,
    ) -> Vec<Route> {
        let mut stack = vec![Route { hops: 0, edges: vec![], nodes: vec![from] }];
        let mut routes = Vec::new();
        while let Some(route) = stack.pop() {
            let at = route.nodes[route.nodes.len() - 1];
            if targets.contains(at) {
                routes.push(route);
                continue;
            }
            for (head, edge) in graph.out_arcs(at) {
                if admits(edge) && !route.nodes.contains(&head) {
                    let mut longer = route.clone();
                    longer.hops += u32::from(!transparent.contains(head));
                    longer.edges.push(edge);
                    longer.nodes.push(head);
                    stack.push(longer);
                }
            }
        }
        routes.sort_by(|a, b| a.key().cmp(&b.key()));
        routes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn agrees_with_exhaustive_search(
            (nodes, arcs) in arcs(7, 16),
            (transparent, targets, blocked) in (any::<u64>(), any::<u64>(), any::<u64>()),
            (count, hops_max) in (0_usize..40, 0_u32..8),
        ) {
            let graph = csr(nodes, &arcs);
            let (transparent, targets) = (set(nodes, transparent), set(nodes, targets & targets >> 9));
            let admits = |edge: u32| blocked >> (3 * edge) & 7 != 0;
            let target_list: Vec<u32> = targets.iter().collect();
            let hops = hops_to(&graph.reversed(), &target_list, &transparent, admits);
            let finder = PathFinder { graph: &graph, hops: &hops, transparent: &transparent, admits };
            let everything = all(&graph, 0, &targets, &transparent, &admits);
            let within: Vec<Route> = everything.iter().filter(|route| route.hops <= hops_max).cloned().collect();

            let found = finder.shortest(0, Limits { count, hops_max, ..Limits::default() });
            prop_assert_eq!(&found.routes[..], &within[..count.min(within.len())]);
            match found.stopped_by {
                Some(Limit::Count) => prop_assert!(within.len() > count),
                Some(Limit::Hops) => prop_assert!(within.len() <= count),
                Some(Limit::Visits) => prop_assert!(false, "there are visits enough"),
                None => prop_assert_eq!(&found.routes, &everything),
            }

            let few = finder.shortest(0, Limits { count: 100_000, hops_max, visits_max: count as u64 });
            prop_assert_eq!(&few.routes[..], &within[..few.routes.len()]);
            if few.stopped_by != Some(Limit::Visits) {
                prop_assert_eq!(few.routes, within);
            }
        }
    }

    #[test]
    fn parallel_edges_and_target_sets_are_told_apart() {
        // 0 → set 1 → 3 by two edges of the set, 0 → 2 → 3.
        let graph = csr(4, &[(0, 1, 4), (1, 3, 3), (1, 3, 1), (0, 2, 0), (2, 3, 2)]);
        let transparent = NodeSet::from_members(4, [1]);
        let hops = hops_to(&graph.reversed(), &[3], &transparent, |_| true);
        let finder = PathFinder { graph: &graph, hops: &hops, transparent: &transparent, admits: |_| true };
        let paths = finder.shortest(0, Limits { count: 2, ..Limits::default() });
        let edges: Vec<_> = paths.routes.iter().map(|route| (route.hops, &route.edges[..])).collect();
        assert_eq!(edges, [(1, &[4, 1][..]), (1, &[4, 3][..])]);
        assert_eq!(paths.stopped_by, Some(Limit::Count));
        let all = finder.shortest(0, Limits { count: 3, ..Limits::default() });
        assert_eq!(all.routes[2].nodes, [0, 2, 3]);
        assert_eq!(all.stopped_by, None);
        let near = finder.shortest(0, Limits { count: 3, hops_max: 1, ..Limits::default() });
        assert_eq!((near.routes.len(), near.stopped_by), (2, Some(Limit::Hops)));
        let none = finder.shortest(0, Limits { count: 3, visits_max: 0, ..Limits::default() });
        assert_eq!((none.routes.len(), none.stopped_by), (0, Some(Limit::Visits)));
    }

    #[test]
    fn a_chain_of_a_million_nodes_has_one_path() {
        let nodes = 1_000_000;
        let (graph, none) = (chain(nodes), NodeSet::new(nodes as usize));
        let hops = hops_to(&graph.reversed(), &[nodes - 1], &none, |_| true);
        let finder = PathFinder { graph: &graph, hops: &hops, transparent: &none, admits: |_| true };
        let paths = finder.shortest(0, Limits { visits_max: 999_999, ..Limits::default() });
        assert_eq!((paths.routes.len(), paths.routes[0].hops), (1, nodes - 1));
    }
}
