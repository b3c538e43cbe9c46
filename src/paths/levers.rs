//! What one would change in the real world to take an attack edge away.
//!
//! An edge stands on requirements that must all be met. Each is met by any one of several *supports*: a statement that
//! its principal has, by itself, through policies, or through groups however nested ([`holding`](super::holding)). A
//! lever takes a support away when it is on every way to it. So an edge is gone when for one of its requirements no
//! support is left.
//!
//! An edge's stored evidence names one statement that proves it and not every other that would do as well. Supports are
//! therefore looked up afresh: all statements that the principal has and that may allow an action of the requirement on
//! a target on which all requirements may be met ([`stated`](super::stated)). Whatever else such a statement hangs on (its
//! condition, a permission that the target itself must have) is taken to be met, and a requirement whose supports are not
//! found here is taken to stay; evidence that is not among what was found counts as a support of its own. So a lever is
//! said to take an edge away only when nothing could hold it up, and a count says too little rather than too much. There
//! is one exception: an attached policy that also denies, whose removal opens other ways; a cut plan, which evaluates
//! permissions again, sees those. What is not known to be a lever (containment, trust without a statement, what somebody
//! is) stays, and what an administrator's own standing rests on is never to be pulled.

use std::rc::Rc;

use roaring::RoaringBitmap;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Landscape;
use super::clause::{Clause, NO_NEED, Support};
use super::holding::{Held, Holdings};
use super::lever::Lever;
use super::stated::{Allows, Notation, allows, alone, around, covers, is_broad, own_statements, thing};
use crate::graph::NodeSet;
use crate::model::{Edge, EntityId, Layer, MembershipKind, Tables, TrustKind};
use crate::techniques::format::{By, GainOf, On, Relation, Requirement};
use crate::techniques::together::TOGETHER;
use crate::techniques::{ADMINISTRATION, Index, Library, Technique};

/// Nodes that the source of an edge of several principals may control, up to which their rights are looked at.
const HELPERS_MAX: usize = 256;

/// Who may come into a role, or into some role of a set, by trust policies; values are trust statements.
#[derive(Default)]
struct Entrances {
    /// Whether someone is let in by something that is no statement.
    assigned: bool,
    /// Of statements that let anyone in.
    anyone: Vec<u32>,
    /// By principal, of statements that name it and are enough.
    named: FxHashMap<EntityId, Vec<u32>>,
    /// By account, or by principal of another one, of statements that leave it to the identity policies there.
    asked: FxHashMap<EntityId, Vec<u32>>,
}

/// What a requirement may be met on: the ends of an edge, or targets of a technique whose gain is something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Aim {
    Node(u32),
    Technique { technique: usize, gained: u32 },
}

/// A statement of a holder that may allow what is required, and the one of a role that alone makes it.
type Allowing = (u32, Option<u32>);

/// Looks up what edges stand on.
pub struct Levers<'l> {
    tables: &'l Tables,
    library: &'l Library,
    edges: &'l [Edge],
    land: &'l Landscape<'l>,
    index: Index<'l>,
    /// Entities behind each target-set node that lead to the zone, by node.
    targets: FxHashMap<u32, Rc<Vec<EntityId>>>,
    entrances: FxHashMap<u32, Rc<Entrances>>,
    holdings: Holdings<'l>,
    /// Statements of a holder for a requirement, by technique and place of the requirement.
    statements: FxHashMap<(EntityId, usize, usize), Rc<Vec<Allowing>>>,
    aims: FxHashMap<Aim, Rc<Vec<EntityId>>>,
    covering: FxHashMap<(u32, Aim), Rc<RoaringBitmap>>,
    around: FxHashMap<EntityId, Rc<FxHashSet<EntityId>>>,
    /// First statement of the thing that each is of, where it is another.
    things: FxHashMap<u32, u32>,
    /// Whom the source of an edge of several principals may control, for the latest source.
    helpers: Option<(u32, Rc<Vec<EntityId>>)>,
    /// Trusts by number of their target, as places in the table.
    trusts: FxHashMap<EntityId, Vec<usize>>,
}

impl<'l> Levers<'l> {
    /// Prepares look-ups; `reached` are the nodes with a way to the zone. O(edges + trusts).
    pub fn new(land: &'l Landscape<'l>, library: &'l Library, reached: &NodeSet) -> Self {
        let mut targets: FxHashMap<u32, Vec<EntityId>> = FxHashMap::default();
        for edge in land.edges.iter().filter(|edge| land.transparent.contains(edge.src)) {
            if reached.contains(edge.dst) {
                targets.entry(edge.src).or_default().push(EntityId(edge.dst));
            }
        }
        let mut trusts: FxHashMap<EntityId, Vec<usize>> = FxHashMap::default();
        for (at, trust) in land.tables.trusts.iter().enumerate() {
            trusts.entry(trust.target).or_default().push(at);
        }
        Self {
            tables: land.tables,
            library,
            edges: land.edges,
            land,
            index: Index::new(land.tables),
            targets: targets.into_iter().map(|(node, list)| (node, Rc::new(list))).collect(),
            entrances: FxHashMap::default(),
            holdings: Holdings::new(land.tables),
            statements: FxHashMap::default(),
            aims: FxHashMap::default(),
            covering: FxHashMap::default(),
            around: FxHashMap::default(),
            things: FxHashMap::default(),
            helpers: None,
            trusts,
        }
    }

    /// From whom a principal has its statements.
    pub fn held(&mut self, of: EntityId) -> Rc<Held> {
        self.holdings.of(of)
    }

    /// What an edge stands on: a clause for each requirement that is known to have levers. None: nothing of one step
    /// takes it away.
    pub fn clauses(&mut self, number: u32) -> Vec<Clause> {
        let edge = &self.edges[number as usize];
        match edge.technique.as_str() {
            "contains" => Vec::new(),
            "membership" => self.membership(edge).into_iter().collect(),
            "trust" => self.federation(edge),
            _ if edge.src as usize >= self.tables.entities.len() => self.entrance(edge),
            id => match id.strip_prefix(TOGETHER) {
                Some(id) => self.number(id).map(|at| self.together(edge, at)).unwrap_or_default(),
                None => self.number(id).map(|at| self.technique(edge, at)).unwrap_or_default(),
            },
        }
    }

    fn number(&self, id: &str) -> Option<usize> {
        self.library.techniques.binary_search_by(|one| one.id.as_str().cmp(id)).ok()
    }

    /// Levers of which each alone takes the edge away, ascending.
    pub fn killers(&mut self, number: u32) -> Vec<Lever> {
        let mut killers: Vec<Lever> = self.clauses(number).iter().flat_map(Clause::killers).collect();
        killers.sort_unstable();
        killers.dedup();
        killers
    }

    /// Being in a group of another platform; being somebody there is nothing that one takes away.
    fn membership(&self, edge: &Edge) -> Option<Clause> {
        let (member, container) = (EntityId(edge.src), EntityId(edge.dst));
        let rows = &self.tables.memberships;
        let start = rows.partition_point(|row| row.member < member);
        let mut own =
            rows[start..].iter().take_while(|row| row.member == member).filter(|row| row.container == container);
        let only = own.all(|row| row.kind == MembershipKind::MemberOf);
        let link = Lever::Membership { container, member };
        only.then(|| Clause::of(vec![Support::alone(member, link)], NO_NEED))
    }

    /// A trust that leads in from outside: every statement that names the trusted one, or whoever speaks for it.
    fn federation(&mut self, edge: &Edge) -> Vec<Clause> {
        let cited: Vec<u32> = edge.evidence.iter().copied().filter(|&grant| self.is_statement(grant)).collect();
        let rows = || self.trusts.get(&EntityId(edge.dst)).into_iter().flatten().map(|&at| &self.tables.trusts[at]);
        let speakers: Vec<&str> =
            rows().filter(|row| cited.contains(&row.grant)).map(|row| row.trustee_pattern.as_str()).collect();
        let named = |row: &&crate::model::Trust| {
            row.trustee == Some(EntityId(edge.src)) || speakers.contains(&row.trustee_pattern.as_str())
        };
        let mut grants: Vec<u32> = rows().filter(named).map(|row| row.grant).chain(cited).collect();
        grants.sort_unstable();
        grants.dedup();
        self.by_statements(EntityId(edge.src), &grants).into_iter().collect()
    }

    /// From a set of targets to one of them: by its trust policy, where the technique comes in through that.
    fn entrance(&mut self, edge: &Edge) -> Vec<Clause> {
        let Some(technique) = self.library.find(&edge.technique) else { return Vec::new() };
        if !technique.requires.iter().any(by_trust) {
            return Vec::new();
        }
        let rows = self.trusts.get(&EntityId(edge.dst)).into_iter().flatten().map(|&at| &self.tables.trusts[at]);
        let mut grants: Vec<u32> = rows
            .filter(|row| !matches!(row.kind, TrustKind::Service | TrustKind::Federated | TrustKind::Deleted))
            .map(|row| row.grant)
            .collect();
        grants.sort_unstable();
        grants.dedup();
        self.by_statements(EntityId(edge.dst), &grants).into_iter().collect()
    }

    /// The clause of statements of which any is enough; none unless all of them are statements.
    fn by_statements(&mut self, by: EntityId, grants: &[u32]) -> Option<Clause> {
        if grants.is_empty() || !grants.iter().all(|&grant| self.is_statement(grant)) {
            return None;
        }
        let supports = grants.iter().map(|&grant| Support::alone(by, self.lever_of(grant))).collect();
        Some(Clause::of(supports, NO_NEED))
    }

    /// What each request of several principals stands on: for everyone whom the source may control, that which is
    /// easiest taken away from it.
    fn together(&mut self, edge: &Edge, at: usize) -> Vec<Clause> {
        let library = self.library;
        let technique = &library.techniques[at];
        let Some(helpers) = self.helpers(edge.src) else { return Vec::new() };
        let mut clauses = Vec::new();
        for part in technique.requests() {
            let mut whole =
                Clause::of(Vec::new(), (at, usize::from(part.requires.first().map_or(0, |one| one.request))));
            let mut complete = true;
            for &helper in helpers.iter() {
                let places = technique.requires.iter().enumerate().filter(|(_, one)| part.requires.contains(one));
                let places: Vec<usize> =
                    places.filter(|(_, one)| one.by == By::Actor).map(|(place, _)| place).collect();
                let own = self.requirements(edge, helper, at, &places);
                if own.iter().any(|clause| clause.supports.is_empty()) {
                    // Somebody who cannot make the request.
                    continue;
                }
                match own.into_iter().min_by_key(|clause| clause.supports.len()) {
                    Some(easiest) => whole.supports.extend(easiest.supports),
                    None => complete = false,
                }
            }
            if complete && !whole.supports.is_empty() {
                clauses.push(whole);
            }
        }
        clauses
    }

    /// Whom a node may control, itself first; none when these are too many to look at.
    fn helpers(&mut self, src: u32) -> Option<Rc<Vec<EntityId>>> {
        if let Some((_, known)) = self.helpers.as_ref().filter(|(of, _)| *of == src) {
            return (known.len() <= HELPERS_MAX).then(|| Rc::clone(known));
        }
        let mut seen = FxHashSet::from_iter([src]);
        let mut order = vec![src];
        let mut at = 0;
        while let Some(&node) = order.get(at) {
            at += 1;
            if order.len() > 4 * HELPERS_MAX {
                break;
            }
            order.extend(self.land.forward.out(node).iter().filter(|head| seen.insert(**head)));
        }
        let entities = self.tables.entities.len();
        let found: Vec<EntityId> = order.into_iter().filter(|&node| (node as usize) < entities).map(EntityId).collect();
        let found = Rc::new(found);
        self.helpers = Some((src, Rc::clone(&found)));
        (found.len() <= HELPERS_MAX).then_some(found)
    }

    fn technique(&mut self, edge: &Edge, at: usize) -> Vec<Clause> {
        let library = self.library;
        let technique = &library.techniques[at];
        let src = EntityId(edge.src);
        let mut clauses = Vec::new();
        let own = |one: &Requirement| one.by == By::Actor && !one.is_of_version();
        let places = technique.requires.iter().enumerate().filter(|(_, one)| own(one));
        let (trusting, plain): (Vec<_>, Vec<_>) = places.partition(|(_, one)| by_trust(one));
        for (place, _) in trusting {
            clauses.extend(self.by_trust(edge, at, place));
        }
        let places: Vec<usize> = plain.into_iter().map(|(place, _)| place).collect();
        clauses.extend(self.requirements(edge, src, at, &places));
        let is_set = edge.dst as usize >= self.tables.entities.len();
        let through = technique.target.as_ref().is_some_and(|target| {
            matches!(target.relation, Relation::OwnGroup | Relation::OwnPolicy) && technique.gain.of == GainOf::Target
        });
        if through
            && !is_set
            && let Some(holding) = self.holdings.of(src).of(EntityId(edge.dst))
        {
            clauses.push(Clause::of(vec![Support::held(src, holding, [None, None])], NO_NEED));
        }
        // A requirement that is met in a way that is not looked up here.
        clauses.retain(|clause| !clause.supports.is_empty());
        if clauses.is_empty() && !technique.requires.is_empty() {
            clauses.extend(self.everything(edge));
        }
        clauses
    }

    /// What some requirements stand on, each a clause in this order; an empty one is met in no way that is found here.
    fn requirements(&mut self, edge: &Edge, by: EntityId, at: usize, places: &[usize]) -> Vec<Clause> {
        let library = self.library;
        let technique = &library.techniques[at];
        let held = self.holdings.of(by);
        let aims = self.aim(edge, at);
        let mut found: Vec<(Clause, Vec<Option<Rc<RoaringBitmap>>>)> = Vec::new();
        let mut common: Option<RoaringBitmap> = None;
        for &place in places {
            let requirement = &technique.requires[place];
            let aimed = requirement.on == On::Target;
            let (mut clause, mut about) = (Clause::of(Vec::new(), (at, place)), Vec::new());
            let mut add = |support: Support, on: Option<Rc<RoaringBitmap>>| {
                clause.supports.push(support);
                about.push(on);
            };
            for holding in &held.list {
                if holding.unknown {
                    // What is not in the export may allow it.
                    add(Support::held(by, holding, [None, None]), None);
                }
                for &(grant, role) in self.statements(holding.holder, at, place).iter() {
                    if requirement.on == On::Everything && !is_broad(self.tables, &self.tables.grants[grant as usize]) {
                        continue;
                    }
                    let on = if aimed { Some(self.covered(grant, aims)) } else { None };
                    if on.as_ref().is_some_and(|on| on.is_empty()) {
                        continue;
                    }
                    let last = [Some(self.lever_of(grant)), role.map(|role| self.lever_of(role))];
                    add(Support::held(by, holding, last), on);
                }
            }
            for grant in self.unseen(edge, &held, requirement) {
                add(Support::alone(by, self.lever_of(grant)), None);
            }
            if aimed && about.iter().all(Option::is_some) {
                let here = about.iter().flatten().fold(RoaringBitmap::new(), |all, on| all | on.as_ref());
                common = Some(common.map_or_else(|| here.clone(), |common| common & &here));
            }
            found.push((clause, about));
        }
        // A target counts on which every requirement may be met.
        let counts = |on: &Option<Rc<RoaringBitmap>>| match (on, &common) {
            (Some(on), Some(common)) => !on.is_disjoint(common),
            _ => true,
        };
        let narrowed = found.into_iter().map(|(mut clause, about)| {
            let mut about = about.iter();
            clause.supports.retain(|_| about.next().is_some_and(&counts));
            clause
        });
        narrowed.collect()
    }

    /// Cited statements that may allow a requirement and are none that the principal has by any way that is known here: a
    /// policy of a resource, or a right that comes in another way. Controls and boundaries are no such support: they give
    /// nothing.
    fn unseen(&self, edge: &Edge, held: &Held, requirement: &Requirement) -> Vec<u32> {
        let foreign = |grant: &u32| {
            self.tables.grants.get(*grant as usize).is_some_and(|row| {
                let arn = Notation::of(&self.tables.entity(row.holder).platform) == Notation::Arn;
                let gives = !arn || row.layer == Layer::Resource;
                gives && held.of(row.holder).is_none() && allows(self.tables, row, requirement) != Allows::No
            })
        };
        edge.evidence.iter().copied().filter(foreign).collect()
    }

    /// All statements that the principal has, of which some one is what an edge stands on whose requirements are written
    /// in a way that is not read here; none unless what is cited is among them.
    fn everything(&mut self, edge: &Edge) -> Option<Clause> {
        let src = EntityId(edge.src);
        let held = self.holdings.of(src);
        let mut supports = Vec::new();
        let mut all = FxHashSet::default();
        for holding in &held.list {
            if holding.unknown {
                supports.push(Support::held(src, holding, [None, None]));
            }
            for grant in own_statements(self.tables, holding.holder) {
                all.insert(grant.grant);
                supports.push(Support::held(src, holding, [Some(Lever::of_grant(self.tables, grant.grant)), None]));
            }
        }
        let cited = !edge.evidence.is_empty() && edge.evidence.iter().all(|grant| all.contains(grant));
        cited.then(|| Clause::of(supports, NO_NEED))
    }

    /// A role's trust policy lets in whom it names; where it names the account, identity policies must allow as well.
    /// Some statement must let the principal in, and unless one is enough, some policy must allow: two clauses. In a
    /// set, one role's statement is not another's, so that the first is left to the set's own edges.
    fn by_trust(&mut self, edge: &Edge, at: usize, place: usize) -> [Clause; 2] {
        let src = EntityId(edge.src);
        let entrances = self.entrances(edge.dst);
        if entrances.assigned {
            return [Clause::default(), Clause::default()];
        }
        let single = (edge.dst as usize) < self.tables.entities.len();
        let of = |list: Option<&Vec<u32>>| list.cloned().unwrap_or_default();
        let enough: Vec<u32> = entrances.anyone.iter().copied().chain(of(entrances.named.get(&src))).collect();
        let scope = self.tables.entity(src).scope.as_deref().and_then(|scope| self.tables.find(scope));
        let mut asked = of(entrances.asked.get(&src));
        asked.extend(of(scope.and_then(|scope| entrances.asked.get(&scope))));
        let trusts =
            |list: &[u32]| list.iter().map(|&grant| Support::alone(src, Lever::Trust(grant))).collect::<Vec<_>>();
        if !single {
            // Who is named by some of the roles keeps those, whatever its policies say.
            let allowed = if enough.is_empty() { self.by_policies(edge, at, place) } else { Vec::new() };
            return [Clause::default(), Clause::of(allowed, (at, place))];
        }
        let entry = Clause::of(trusts(&[&enough[..], &asked[..]].concat()), (at, place));
        let allowed = self.by_policies(edge, at, place);
        if allowed.is_empty() || asked.is_empty() {
            return [entry, Clause::default()];
        }
        let allowed = trusts(&enough).into_iter().chain(allowed).collect();
        [entry, Clause::of(allowed, (at, place))]
    }

    /// Statements of the principal that allow coming into a role that a node stands for.
    fn by_policies(&mut self, edge: &Edge, at: usize, place: usize) -> Vec<Support> {
        let mut supports = Vec::new();
        let src = EntityId(edge.src);
        for holding in &self.holdings.of(src).list {
            if holding.unknown {
                supports.push(Support::held(src, holding, [None, None]));
            }
            for &(grant, _) in self.statements(holding.holder, at, place).iter() {
                if !self.covered(grant, Aim::Node(edge.dst)).is_empty() {
                    supports.push(Support::held(src, holding, [Some(self.lever_of(grant)), None]));
                }
            }
        }
        supports
    }

    /// Trust statements of a role, or of the roles of a set.
    fn entrances(&mut self, node: u32) -> Rc<Entrances> {
        if let Some(known) = self.entrances.get(&node) {
            return Rc::clone(known);
        }
        let mut found = Entrances::default();
        for role in self.ends(node).iter() {
            for &at in self.trusts.get(role).into_iter().flatten() {
                let trust = &self.tables.trusts[at];
                if !self.is_statement(trust.grant) {
                    found.assigned = true;
                    continue;
                }
                let Some(trustee) = trust.trustee.filter(|_| trust.kind != TrustKind::Federated) else {
                    if trust.kind == TrustKind::External {
                        found.anyone.push(trust.grant);
                    }
                    continue;
                };
                let enough = trust.kind == TrustKind::SameAccount && self.names_principal(trustee);
                let list = if enough { &mut found.named } else { &mut found.asked };
                list.entry(trustee).or_default().push(trust.grant);
            }
        }
        let found = Rc::new(found);
        self.entrances.insert(node, Rc::clone(&found));
        found
    }

    fn is_statement(&self, grant: u32) -> bool {
        (grant as usize) < self.tables.grants.len()
    }

    fn names_principal(&self, trustee: EntityId) -> bool {
        let entity = self.tables.entity(trustee);
        entity.kind.is_principal() && !entity.is_account_root()
    }

    /// The lever of a statement, looked up once for each thing of several.
    fn lever_of(&mut self, grant: u32) -> Lever {
        if self.tables.grants[grant as usize].layer == Layer::Resource {
            return Lever::Trust(grant);
        }
        if let Some(&first) = self.things.get(&grant) {
            return Lever::Statement(first);
        }
        let rows = thing(self.tables, grant);
        let first = rows.first().copied().unwrap_or(grant);
        self.things.extend(rows.into_iter().map(|row| (row, first)));
        Lever::Statement(first)
    }

    /// The entities that a node stands for.
    fn ends(&self, node: u32) -> Rc<Vec<EntityId>> {
        self.targets.get(&node).map_or_else(|| Rc::new(vec![EntityId(node)]), Rc::clone)
    }

    /// What the requirements of an edge's technique that are on the target may be met on.
    fn aim(&mut self, edge: &Edge, at: usize) -> Aim {
        let technique = &self.library.techniques[at];
        match technique.gain.of {
            GainOf::Target => Aim::Node(edge.dst),
            _ => Aim::Technique { technique: at, gained: edge.dst },
        }
    }

    /// Ascending.
    fn aimed(&mut self, aim: Aim) -> Rc<Vec<EntityId>> {
        if let Some(known) = self.aims.get(&aim) {
            return Rc::clone(known);
        }
        let found = match aim {
            Aim::Node(node) => self.ends(node),
            Aim::Technique { technique, gained } => Rc::new(self.candidates(technique, EntityId(gained))),
        };
        self.aims.insert(aim, Rc::clone(&found));
        found
    }

    /// Targets of a technique by which a scope may be gained.
    fn candidates(&self, at: usize, gained: EntityId) -> Vec<EntityId> {
        let technique: &Technique = &self.library.techniques[at];
        let Some(target) = &technique.target else { return Vec::new() };
        let all = self.index.candidates(target, &technique.platform, None).possible;
        let scope =
            |entity: EntityId| self.tables.entity(entity).scope.as_deref().and_then(|scope| self.tables.find(scope));
        let inside = |entity: &EntityId| match technique.gain.of {
            GainOf::Scope | GainOf::TargetScope => *entity == gained || scope(*entity) == Some(gained),
            _ => true,
        };
        all.iter().map(EntityId).filter(inside).collect()
    }

    /// The places, among what is aimed at, of what a statement may be about.
    fn covered(&mut self, grant: u32, aim: Aim) -> Rc<RoaringBitmap> {
        if let Some(known) = self.covering.get(&(grant, aim)) {
            return Rc::clone(known);
        }
        let tables = self.tables;
        let statement = &tables.grants[grant as usize];
        let ends = self.aimed(aim);
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let found: RoaringBitmap = match alone(statement) {
            // Ends are in ascending order, as the edges to them are.
            Some(ids) => ids.filter_map(|id| ends.binary_search(&tables.find(id)?).ok()).map(place).collect(),
            None => {
                let mut found = RoaringBitmap::new();
                for (at, &end) in ends.iter().enumerate() {
                    let around = self.around(end, statement);
                    if covers(tables, statement, end, &around) {
                        found.insert(place(at));
                    }
                }
                found
            }
        };
        let found = Rc::new(found);
        self.covering.insert((grant, aim), Rc::clone(&found));
        found
    }

    /// What an entity is inside of, where the statement's platform has insides.
    fn around(&mut self, entity: EntityId, statement: &crate::model::Grant) -> Rc<FxHashSet<EntityId>> {
        if Notation::of(&self.tables.entity(statement.holder).platform) != Notation::Assigned {
            return Rc::default();
        }
        let tables = self.tables;
        Rc::clone(self.around.entry(entity).or_insert_with(|| Rc::new(around(tables, entity))))
    }

    /// Statements of one holder that may allow an action of a requirement.
    fn statements(&mut self, holder: EntityId, technique: usize, place: usize) -> Rc<Vec<Allowing>> {
        let key = (holder, technique, place);
        if let Some(known) = self.statements.get(&key) {
            return Rc::clone(known);
        }
        let requirement = &self.library.techniques[technique].requires[place];
        let found =
            own_statements(self.tables, holder).filter_map(|grant| match allows(self.tables, grant, requirement) {
                Allows::No => None,
                Allows::Yes => Some((grant.grant, None)),
                Allows::ByRole(role) => Some((grant.grant, Some(role))),
            });
        let found = Rc::new(found.collect());
        self.statements.insert(key, Rc::clone(&found));
        found
    }

    /// Levers that the standing of a protected administrator rests on: pulling one changes who is protected.
    pub fn of_administrators(&mut self) -> FxHashSet<Lever> {
        let mut stays = FxHashSet::default();
        for (number, edge) in (0u32..).zip(self.edges) {
            let protected = self.land.in_zone.contains(edge.src);
            let administers =
                protected && self.library.find(&edge.technique).is_some_and(|one| one.category == ADMINISTRATION);
            if !administers {
                continue;
            }
            for support in self.clauses(number).into_iter().flat_map(|clause| clause.supports) {
                stays.extend(support.levers());
                if let Some(holder) = support.holder {
                    stays.extend(self.held(support.by).towards(holder).iter().filter_map(|link| link.lever));
                }
            }
        }
        stays
    }
}

/// Whether a requirement is met by the target's trust policy.
fn by_trust(requirement: &Requirement) -> bool {
    requirement.by == By::Actor
        && requirement.on == On::Target
        && requirement.actions().any(|action| action.starts_with("sts:"))
}
