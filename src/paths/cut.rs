//! The fewest (or cheapest) changes after which no principal outside the protected zone has a path to it.
//!
//! The attack graph is turned into a network whose only arcs with a cost are [levers](super::lever): from a principal
//! over its membership, the attachment and the statement to what the technique gains, for every support of one
//! requirement of each edge. A lever that many principals share is one arc, so that the cut is counted in changes and
//! not in edges. Every principal outside the zone is a source.
//!
//! The certificate is a set of attack routes of which no two have a lever in common: none of them ends without a
//! change of its own, so that as many changes are needed as there are routes. An edge that needs several permissions
//! at once can be cut at any of them, and the network has only one; where two routes meet at another permission, or
//! where a lever joins principals that the graph keeps apart, the cut isolates all the same, and the certificate has
//! fewer routes than the cut has changes: the least lies between the two (cheapest cuts of such conjunctions are
//! NP-hard: it is hitting set).

use rustc_hash::{FxHashMap, FxHashSet};

use super::Landscape;
use super::lever::Lever;
use super::levers::{Clause, Levers, Support};
use crate::graph::{self, Csr, NodeSet, UNCUTTABLE, Walk};

/// Changes that isolate the zone, and what proves that no fewer do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneCut {
    /// Sum of the costs of the levers.
    pub value: u64,
    /// Levers to be pulled, sorted.
    pub levers: Vec<Lever>,
    /// Levers of attack routes that have none in common: whatever isolates the zone costs at least one of each.
    pub routes: Vec<Vec<Lever>>,
    /// Whether the routes come to the value, so that nothing cheaper isolates the zone.
    pub exact: bool,
}

/// Finds a cheapest set of changes; `None` when no changes isolate the zone. `held` are levers that must stay, and
/// `cost` gives that of all others that can be pulled.
pub fn minimum_cut(
    land: &Landscape<'_>,
    levers: &mut Levers<'_>,
    held: &FxHashSet<Lever>,
    reached: &NodeSet,
    cost: &dyn Fn(Lever) -> u64,
) -> Option<ZoneCut> {
    let price = |lever: Lever| {
        let stays = held.contains(&lever) || !lever.is_removable(land.tables);
        if stays { UNCUTTABLE } else { cost(lever) }
    };
    let mut network = Network::new(land.forward.nodes());
    for number in land.leading(reached) {
        let edge = &land.edges[number as usize];
        // Whoever is outside is cut off by itself.
        if land.outside.contains(edge.dst) {
            continue;
        }
        match choose(levers.clauses(number), &price) {
            Some(clause) => clause.iter().for_each(|support| network.support((edge.src, edge.dst), *support, &price)),
            None => network.arc(edge.src, edge.dst, UNCUTTABLE),
        }
    }
    let sources = NodeSet::from_members(network.nodes, land.outside.iter().filter(|&node| reached.contains(node)));
    let targets = NodeSet::from_members(network.nodes, land.in_zone.iter());
    let graph = network.csr();
    let cut = graph::minimum_cut(&graph, &network.costs, &sources, &targets)?;
    let mut pulled: Vec<Lever> = cut.edges.iter().filter_map(|edge| network.lever_of.get(edge).copied()).collect();
    pulled.sort_unstable();
    let (routes, proven) = Routes { land, levers, network: &network, price: &price }.of(&cut.walks);
    Some(ZoneCut { value: cut.value, levers: pulled, routes, exact: proven == cut.value })
}

/// The requirement at which an edge is cut: one of which every support can go, with the fewest of them.
fn choose(clauses: Vec<Clause>, price: &dyn Fn(Lever) -> u64) -> Option<Clause> {
    let can_go = |support: &Support| support.iter().any(|&lever| price(lever) != UNCUTTABLE);
    let cuttable = clauses.into_iter().filter(|clause| clause.iter().all(can_go));
    cuttable.min_by_key(Vec::len)
}

/// The network: nodes of the landscape, then two for each lever.
struct Network {
    nodes: usize,
    arcs: Vec<(u32, u32)>,
    costs: Vec<u64>,
    known: FxHashSet<(u32, u32)>,
    /// Nodes before and after each lever.
    ends: FxHashMap<Lever, (u32, u32)>,
    /// Levers by arc.
    lever_of: FxHashMap<u32, Lever>,
}

impl Network {
    fn new(nodes: usize) -> Self {
        Self {
            nodes,
            arcs: Vec::new(),
            costs: Vec::new(),
            known: FxHashSet::default(),
            ends: FxHashMap::default(),
            lever_of: FxHashMap::default(),
        }
    }

    fn arc(&mut self, from: u32, to: u32, cost: u64) {
        if self.known.insert((from, to)) {
            self.arcs.push((from, to));
            self.costs.push(cost);
        }
    }

    fn node(&mut self) -> u32 {
        self.nodes += 1;
        u32::try_from(self.nodes - 1).unwrap_or(u32::MAX)
    }

    fn lever(&mut self, lever: Lever, price: &dyn Fn(Lever) -> u64) -> (u32, u32) {
        if let Some(&ends) = self.ends.get(&lever) {
            return ends;
        }
        let ends = (self.node(), self.node());
        self.ends.insert(lever, ends);
        self.lever_of.insert(u32::try_from(self.arcs.len()).unwrap_or(u32::MAX), lever);
        self.arc(ends.0, ends.1, price(lever));
        ends
    }

    fn support(&mut self, (src, dst): (u32, u32), support: Support, price: &dyn Fn(Lever) -> u64) {
        let mut at = src;
        for &lever in support.iter() {
            let (before, after) = self.lever(lever, price);
            self.arc(at, before, UNCUTTABLE);
            at = after;
        }
        self.arc(at, dst, UNCUTTABLE);
    }

    fn csr(&self) -> Csr {
        Csr::from_arcs(self.nodes, self.arcs.iter().zip(0u32..).map(|(&(from, to), edge)| (from, to, edge)))
    }
}

/// Turns the walks of a certificate back into attack routes.
struct Routes<'r, 'l, 'v> {
    land: &'r Landscape<'l>,
    levers: &'r mut Levers<'v>,
    network: &'r Network,
    price: &'r dyn Fn(Lever) -> u64,
}

impl Routes<'_, '_, '_> {
    /// All levers of the routes of walks, other requirements included, of as many as share no more of a lever than it
    /// costs, and what these come to. A walk that is no route of the attack graph is left out.
    fn of(mut self, walks: &[Walk]) -> (Vec<Vec<Lever>>, u64) {
        let (mut routes, mut proven) = (Vec::new(), 0);
        let mut used: FxHashMap<Lever, u64> = FxHashMap::default();
        for walk in walks {
            let Some(route) = self.route(walk) else { continue };
            let room = |lever: &Lever| {
                let price = (self.price)(*lever);
                price == UNCUTTABLE || used.get(lever).copied().unwrap_or(0) + walk.amount <= price
            };
            if route.iter().all(room) {
                for &lever in &route {
                    *used.entry(lever).or_default() += walk.amount;
                }
                routes.push(route);
                proven += walk.amount;
            }
        }
        (routes, proven)
    }

    fn route(&mut self, walk: &Walk) -> Option<Vec<Lever>> {
        let mut route: Vec<Lever> = Vec::new();
        let mut src = self.network.arcs[*walk.edges.first()? as usize].0;
        let mut support = Support::NONE;
        for &arc in &walk.edges {
            if let Some(&lever) = self.network.lever_of.get(&arc) {
                support = support.with(lever);
            }
            let to = self.network.arcs[arc as usize].1;
            if (to as usize) < self.land.forward.nodes() {
                route.extend(self.step(src, to, support)?);
                src = to;
                support = Support::NONE;
            }
        }
        route.sort_unstable();
        route.dedup();
        Some(route)
    }

    /// The levers of some edge between two nodes that has this support.
    fn step(&mut self, src: u32, dst: u32, support: Support) -> Option<Vec<Lever>> {
        let edges: Vec<u32> =
            self.land.forward.out_arcs(src).filter(|&(head, _)| head == dst).map(|(_, edge)| edge).collect();
        for edge in edges {
            let mut clauses = self.levers.clauses(edge);
            if support.is_empty() {
                if choose(clauses, self.price).is_none() {
                    return Some(Vec::new());
                }
                continue;
            }
            let Some(at) = clauses.iter().position(|clause| clause.contains(&support)) else { continue };
            clauses.swap_remove(at);
            // Of the other requirements, what the route has already, or else the least more.
            let mut route: Vec<Lever> = support.to_vec();
            for clause in &clauses {
                let more = |one: &&Support| one.iter().filter(|lever| !route.contains(lever)).count();
                let least: Vec<Lever> = clause.iter().min_by_key(more).map(|one| one.to_vec()).unwrap_or_default();
                route.extend(least);
            }
            return Some(route);
        }
        None
    }
}
