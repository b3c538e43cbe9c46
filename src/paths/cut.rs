//! The fewest (or cheapest) changes after which no principal outside the protected zone has a path to it.
//!
//! The attack graph is turned into a network whose only arcs with a cost are [levers](super::lever): from a principal
//! over its memberships, the attachment and the statement to what the technique gains, for every support of one
//! requirement of each edge. A lever that many principals share is one arc, so that the cut is counted in changes and
//! not in edges. Every principal outside the zone is a source, or one of them alone.
//!
//! The certificate is a set of attack routes of which no two have a lever in common: none of them ends without a
//! change of its own, so that as many changes are needed as there are routes. An edge that needs several permissions
//! at once can be cut at any of them, and the network has only one; where two routes meet at another permission, or
//! where a lever joins principals that the graph keeps apart, the cut isolates all the same, and the certificate has
//! fewer routes than the cut has changes: the least lies between the two (cheapest cuts of such conjunctions are
//! NP-hard: it is hitting set).

use rustc_hash::{FxHashMap, FxHashSet};

use super::Landscape;
use super::clause::{Clause, Support};
use super::lever::Lever;
use super::levers::Levers;
use crate::graph::{self, Csr, NodeSet, UNCUTTABLE, Walk};
use crate::model::{Edge, EntityId};
use crate::techniques::together::TOGETHER;

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

/// What a lever costs; [`UNCUTTABLE`] when it must stay.
pub type Price<'p> = &'p dyn Fn(Lever) -> u64;

/// Finds a cheapest set of changes; `None` when no changes isolate the zone.
pub fn minimum_cut(
    land: &Landscape<'_>,
    levers: &mut Levers<'_>,
    reached: &NodeSet,
    price: Price<'_>,
) -> Option<ZoneCut> {
    // Whoever is outside is cut off by itself, so that no way leads through another.
    let network = Network::of(land, levers, reached, price, |edge| !land.outside.contains(edge.dst));
    let sources = land.outside.iter().filter(|&node| reached.contains(node));
    let cut = network.cut(land, sources)?;
    let (routes, proven) = Routes { land, levers, network: &network, price }.of(&cut.walks);
    Some(ZoneCut { value: cut.value, levers: network.levers_of(&cut.edges), routes, exact: proven == cut.value })
}

/// The requirement at which an edge is cut: one of which every support can go, with the fewest of them.
fn choose(clauses: Vec<Clause>, levers: &mut Levers<'_>, price: Price<'_>) -> Option<Clause> {
    let mut can_go = |support: &Support| {
        let goes = |lever: Lever| price(lever) != UNCUTTABLE;
        support.levers().any(goes)
            || support.holder.is_some_and(|holder| levers.held(support.by).can_be_cut(holder, &goes))
    };
    let cuttable = clauses.into_iter().filter(|clause| clause.supports.iter().all(&mut can_go));
    cuttable.min_by_key(|clause| clause.supports.len())
}

/// A holder, and what its rights are needed for.
type Place = (EntityId, (usize, usize));

/// The network: nodes of the landscape, then two for each lever and one for each holder and what it is needed for.
pub struct Network {
    nodes: usize,
    arcs: Vec<(u32, u32)>,
    costs: Vec<u64>,
    known: FxHashSet<(u32, u32)>,
    /// Nodes before and after each lever.
    ends: FxHashMap<Lever, (u32, u32)>,
    /// Levers by arc.
    lever_of: FxHashMap<u32, Lever>,
    places: FxHashMap<Place, u32>,
    /// Ways that are in the network, from a node for whom and to which holder.
    ways: FxHashSet<(u32, EntityId, Place)>,
    graph: Option<Csr>,
}

impl Network {
    /// The network of the edges that lead to the zone and are admitted.
    pub fn of(
        land: &Landscape<'_>,
        levers: &mut Levers<'_>,
        reached: &NodeSet,
        price: Price<'_>,
        admits: impl Fn(&Edge) -> bool,
    ) -> Self {
        let mut network = Self {
            nodes: land.forward.nodes(),
            arcs: Vec::new(),
            costs: Vec::new(),
            known: FxHashSet::default(),
            ends: FxHashMap::default(),
            lever_of: FxHashMap::default(),
            places: FxHashMap::default(),
            ways: FxHashSet::default(),
            graph: None,
        };
        for number in land.leading(reached) {
            let edge = &land.edges[number as usize];
            if !admits(edge) {
                continue;
            }
            let clauses = levers.clauses(number);
            match choose(clauses, levers, price) {
                Some(clause) => {
                    for support in &clause.supports {
                        network.support(edge, support, clause.need, levers, price);
                    }
                }
                None => network.arc(edge.src, edge.dst, UNCUTTABLE),
            }
        }
        let arcs = network.arcs.iter().zip(0u32..).map(|(&(from, to), edge)| (from, to, edge));
        network.graph = Some(Csr::from_arcs(network.nodes, arcs));
        network
    }

    /// The cheapest cut between some nodes and the zone.
    pub fn cut(&self, land: &Landscape<'_>, sources: impl Iterator<Item = u32>) -> Option<graph::MinimumCut> {
        let sources = NodeSet::from_members(self.nodes, sources);
        let targets = NodeSet::from_members(self.nodes, land.in_zone.iter());
        graph::minimum_cut(self.graph.as_ref()?, &self.costs, &sources, &targets)
    }

    /// The levers among some arcs, sorted.
    pub fn levers_of(&self, edges: &[u32]) -> Vec<Lever> {
        let mut levers: Vec<Lever> = edges.iter().filter_map(|edge| self.lever_of.get(edge).copied()).collect();
        levers.sort_unstable();
        levers
    }

    /// Principals outside the zone that still reach it when some levers are pulled.
    pub fn left(&self, land: &Landscape<'_>, pulled: &[Lever]) -> u64 {
        let goes = |edge: u32| self.lever_of.get(&edge).is_some_and(|lever| pulled.binary_search(lever).is_ok());
        let arcs = self.arcs.iter().zip(0u32..).filter(|&(_, edge)| !goes(edge));
        let reverse = Csr::from_arcs(self.nodes, arcs.map(|(&(from, to), edge)| (to, from, edge)));
        let found = graph::reaching(&reverse, land.in_zone.iter());
        land.outside.iter().filter(|&node| found.contains(node)).count() as u64
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

    fn place(&mut self, place: Place) -> u32 {
        if let Some(&node) = self.places.get(&place) {
            return node;
        }
        let node = self.node();
        self.places.insert(place, node);
        node
    }

    fn lever(&mut self, lever: Lever, price: Price<'_>) -> (u32, u32) {
        if let Some(&ends) = self.ends.get(&lever) {
            return ends;
        }
        let ends = (self.node(), self.node());
        self.ends.insert(lever, ends);
        self.lever_of.insert(u32::try_from(self.arcs.len()).unwrap_or(u32::MAX), lever);
        self.arc(ends.0, ends.1, price(lever));
        ends
    }

    /// A step over a lever, or one that nothing takes away.
    fn step(&mut self, from: u32, to: u32, lever: Option<Lever>, price: Price<'_>) {
        let Some(lever) = lever else { return self.arc(from, to, UNCUTTABLE) };
        let (before, after) = self.lever(lever, price);
        self.arc(from, before, UNCUTTABLE);
        self.arc(after, to, UNCUTTABLE);
    }

    fn support(
        &mut self,
        edge: &Edge,
        support: &Support,
        need: (usize, usize),
        levers: &mut Levers<'_>,
        price: Price<'_>,
    ) {
        let mut at = edge.src;
        if let Some(holder) = support.holder.filter(|&holder| holder != support.by) {
            at = self.place((holder, need));
            if self.ways.insert((edge.src, support.by, (holder, need))) {
                for link in levers.held(support.by).towards(holder) {
                    let mut node = |one: EntityId| if one == support.by { edge.src } else { self.place((one, need)) };
                    let (from, to) = (node(link.from), node(link.to));
                    self.step(from, to, link.lever, price);
                }
            }
        }
        for lever in support.last.into_iter().flatten() {
            let (before, after) = self.lever(lever, price);
            self.arc(at, before, UNCUTTABLE);
            at = after;
        }
        self.arc(at, edge.dst, UNCUTTABLE);
    }
}

/// Turns the walks of a certificate back into attack routes.
struct Routes<'r, 'l, 'v> {
    land: &'r Landscape<'l>,
    levers: &'r mut Levers<'v>,
    network: &'r Network,
    price: Price<'r>,
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
        let mut walked = Vec::new();
        for &arc in &walk.edges {
            walked.extend(self.network.lever_of.get(&arc).copied());
            let to = self.network.arcs[arc as usize].1;
            if (to as usize) < self.land.forward.nodes() {
                route.extend(self.step(src, to, &walked)?);
                src = to;
                walked.clear();
            }
        }
        route.sort_unstable();
        route.dedup();
        Some(route)
    }

    /// The levers of some edge between two nodes that stands on what was walked over.
    fn step(&mut self, src: u32, dst: u32, walked: &[Lever]) -> Option<Vec<Lever>> {
        let edges: Vec<u32> =
            self.land.forward.out_arcs(src).filter(|&(head, _)| head == dst).map(|(_, edge)| edge).collect();
        for edge in edges {
            if self.land.edges[edge as usize].technique.starts_with(TOGETHER) {
                // It ends with the way to a helper, too.
                continue;
            }
            let clauses = self.levers.clauses(edge);
            if walked.is_empty() {
                if choose(clauses, self.levers, self.price).is_none() {
                    return Some(Vec::new());
                }
                continue;
            }
            let Some(at) = clauses.iter().position(|clause| self.stands_on(clause, walked)) else { continue };
            // Of the other requirements, what the route has already, or else the least more.
            let mut route: Vec<Lever> = walked.to_vec();
            for (_, clause) in clauses.iter().enumerate().filter(|(place, _)| *place != at) {
                let ways = clause.supports.iter().map(|support| self.way(support)).collect::<Vec<_>>();
                let more = |way: &&Vec<Lever>| way.iter().filter(|lever| !route.contains(lever)).count();
                let least = ways.iter().min_by_key(more).cloned().unwrap_or_default();
                route.extend(least);
            }
            return Some(route);
        }
        None
    }

    /// Whether the levers that were walked over are a way to some support of a clause.
    fn stands_on(&mut self, clause: &Clause, walked: &[Lever]) -> bool {
        clause.supports.iter().any(|support| {
            let last: Vec<Lever> = support.last.into_iter().flatten().collect();
            let Some(before) = walked.strip_suffix(&last[..]) else { return false };
            match support.holder.filter(|&holder| holder != support.by) {
                Some(holder) => {
                    let links = self.levers.held(support.by).towards(holder);
                    before.iter().all(|&lever| links.iter().any(|link| link.lever == Some(lever)))
                        && support.levers().all(|lever| walked.contains(&lever))
                }
                None => before.is_empty(),
            }
        })
    }

    /// The levers of one way to a support.
    fn way(&mut self, support: &Support) -> Vec<Lever> {
        let mut way = support.holder.map(|holder| self.levers.held(support.by).way(holder)).unwrap_or_default();
        way.extend(support.last.into_iter().flatten());
        way
    }
}
