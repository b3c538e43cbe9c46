//! What one would change in the real world to take an attack edge away.
//!
//! An edge stands on requirements that must all be met. Each is met by any one of several *supports*: a statement that
//! its principal holds, by itself, through an attached policy or through a group. A support is as many *levers* as
//! there are links to it, and pulling any of them takes it away: the statement, the attachment, the membership. So an
//! edge is gone when for one of its requirements no support is left.
//!
//! An edge's stored evidence names one statement that proves it and not every other that would do as well. Supports are
//! therefore looked up afresh: all statements that the principal holds and that allow an action of the requirement on a
//! target that matters. Whatever else such a statement hangs on (its condition, a permission that the target itself must
//! have) is taken to be met, and a requirement whose supports are not found here is taken to stay. So a lever is said to
//! take an edge away only when nothing could hold it up, and a count says too little rather than too much. There is one
//! exception: an attached policy that also denies, whose removal opens other ways; a cut plan, which evaluates
//! permissions again, sees those. What is not known to be a lever (containment, trust without a statement) stays, and
//! what an administrator's own standing rests on is never to be pulled.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Landscape;
use super::lever::Lever;
use crate::graph::NodeSet;
use crate::model::text::{glob, glob_ignore_case};
use crate::model::{AttachmentKind, Edge, Effect, EntityId, Grant, Layer, MembershipKind, Tables, TrustKind};
use crate::techniques::format::{By, GainOf, On, Requirement};
use crate::techniques::{ADMINISTRATION, Library, Technique};

/// Levers of which each alone takes the support away, in the order in which they lead from the principal: at most a
/// membership, an attachment and a statement. Edges have many supports, so they are kept without an allocation each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    levers: [Lever; 3],
    len: u8,
}

impl Support {
    /// A support that nothing takes away.
    pub const NONE: Self = Self { levers: [Lever::Statement(u32::MAX); 3], len: 0 };

    /// The same with one more link; one that has three stays as it is.
    #[must_use]
    pub fn with(mut self, lever: Lever) -> Self {
        if let Some(place) = self.levers.get_mut(usize::from(self.len)) {
            *place = lever;
            self.len += 1;
        }
        self
    }
}

impl std::ops::Deref for Support {
    type Target = [Lever];

    fn deref(&self) -> &[Lever] {
        &self.levers[..usize::from(self.len)]
    }
}

/// Supports of one requirement: while one is left, the requirement is met.
pub type Clause = Vec<Support>;

/// From whom a principal has statements, and the levers between the two.
struct Holding {
    holder: EntityId,
    levers: Support,
    /// Whether there are statements that the export does not have.
    unknown: bool,
}

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

/// Looks up what edges stand on.
pub struct Levers<'l> {
    tables: &'l Tables,
    library: &'l Library,
    edges: &'l [Edge],
    /// Entities behind each target-set node that lead to the zone, by node.
    targets: FxHashMap<u32, Rc<Vec<EntityId>>>,
    entrances: FxHashMap<u32, Rc<Entrances>>,
    holdings: FxHashMap<EntityId, Rc<Vec<Holding>>>,
    /// Statements of a holder for a requirement, by technique and place of the requirement.
    statements: FxHashMap<(EntityId, usize, usize), Rc<Vec<u32>>>,
    covering: FxHashMap<(u32, u32), bool>,
    /// Trusts by number of their target, as places in the table.
    trusts: FxHashMap<EntityId, Vec<usize>>,
}

impl<'l> Levers<'l> {
    /// Prepares look-ups; `reached` are the nodes with a way to the zone. O(edges + trusts).
    pub fn new(land: &Landscape<'l>, library: &'l Library, reached: &NodeSet) -> Self {
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
            targets: targets.into_iter().map(|(node, list)| (node, Rc::new(list))).collect(),
            entrances: FxHashMap::default(),
            holdings: FxHashMap::default(),
            statements: FxHashMap::default(),
            covering: FxHashMap::default(),
            trusts,
        }
    }

    /// What an edge stands on: a clause for each requirement that is known to have levers. None: nothing of one step
    /// takes it away.
    pub fn clauses(&mut self, number: u32) -> Vec<Clause> {
        let edge = &self.edges[number as usize];
        match edge.technique.as_str() {
            "contains" => Vec::new(),
            "membership" => {
                let link = Lever::Membership { container: EntityId(edge.dst), member: EntityId(edge.src) };
                vec![vec![Support::NONE.with(link)]]
            }
            "trust" => self.federation(edge),
            _ if edge.src as usize >= self.tables.entities.len() => self.entrance(edge),
            id => match self.library.techniques.binary_search_by(|one| one.id.as_str().cmp(id)) {
                Ok(at) => self.technique(edge, at),
                Err(_) => Vec::new(),
            },
        }
    }

    /// Levers of which each alone takes the edge away, ascending.
    pub fn killers(&mut self, number: u32) -> Vec<Lever> {
        let mut killers: Vec<Lever> = Vec::new();
        for clause in self.clauses(number) {
            if let Some((first, rest)) = clause.split_first() {
                killers.extend(first.iter().filter(|lever| rest.iter().all(|support| support.contains(lever))));
            }
        }
        killers.sort_unstable();
        killers.dedup();
        killers
    }

    /// A trust that leads in from outside: every statement that names the trusted one.
    fn federation(&self, edge: &Edge) -> Vec<Clause> {
        let rows = self.trusts.get(&EntityId(edge.dst)).into_iter().flatten().map(|&at| &self.tables.trusts[at]);
        let grants: Vec<u32> =
            rows.filter(|row| row.trustee == Some(EntityId(edge.src))).map(|row| row.grant).collect();
        if grants.is_empty() || !grants.iter().all(|&grant| self.is_statement(grant)) {
            return Vec::new();
        }
        vec![grants.into_iter().map(|grant| Support::NONE.with(Lever::Trust(grant))).collect()]
    }

    /// From a set of targets to one of them: by its trust policy, where the technique comes in through that.
    fn entrance(&self, edge: &Edge) -> Vec<Clause> {
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
        if grants.is_empty() || !grants.iter().all(|&grant| self.is_statement(grant)) {
            return Vec::new();
        }
        vec![grants.into_iter().map(|grant| Support::NONE.with(Lever::Trust(grant))).collect()]
    }

    fn technique(&mut self, edge: &Edge, at: usize) -> Vec<Clause> {
        let technique = &self.library.techniques[at];
        let mut clauses = Vec::new();
        for (place, requirement) in technique.requires.iter().enumerate() {
            if requirement.by != By::Actor {
                continue;
            }
            if by_trust(requirement) {
                clauses.extend(self.by_trust(edge, at, place));
            } else {
                clauses.push(self.by_identity(edge, technique, at, place));
            }
        }
        // A requirement that is met in a way that is not looked up here.
        clauses.retain(|clause| !clause.is_empty());
        clauses
    }

    /// Statements of the principal, its policies and its groups.
    fn by_identity(&mut self, edge: &Edge, technique: &Technique, at: usize, place: usize) -> Clause {
        let aimed = technique.gain.of == GainOf::Target && technique.requires[place].on == On::Target;
        let broad = technique.requires[place].on == On::Everything;
        let mut clause = Vec::new();
        for holding in self.holdings(EntityId(edge.src)).iter() {
            if holding.unknown {
                // What is not in the export may allow it.
                clause.push(holding.levers);
            }
            for &grant in self.statements(holding.holder, at, place).iter() {
                let fits = !aimed || self.covers(grant, edge.dst);
                if fits && (!broad || is_broad(&self.tables.grants[grant as usize])) {
                    clause.push(holding.levers.with(Lever::Statement(grant)));
                }
            }
        }
        clause
    }

    /// A role's trust policy lets in whom it names; where it names the account, identity policies must allow as well.
    /// Some statement must let the principal in, and unless one is enough, some policy must allow: two clauses. In a
    /// set, one role's statement is not another's, so that the first is left to the set's own edges.
    fn by_trust(&mut self, edge: &Edge, at: usize, place: usize) -> [Clause; 2] {
        let src = EntityId(edge.src);
        let entrances = self.entrances(edge.dst);
        if entrances.assigned {
            return [Vec::new(), Vec::new()];
        }
        let single = (edge.dst as usize) < self.tables.entities.len();
        let of = |list: Option<&Vec<u32>>| list.cloned().unwrap_or_default();
        let enough: Vec<u32> = entrances.anyone.iter().copied().chain(of(entrances.named.get(&src))).collect();
        let scope = self.tables.entity(src).scope.as_deref().and_then(|scope| self.tables.find(scope));
        let mut asked = of(entrances.asked.get(&src));
        asked.extend(of(scope.and_then(|scope| entrances.asked.get(&scope))));
        let trusts =
            |list: &[u32]| list.iter().map(|&grant| Support::NONE.with(Lever::Trust(grant))).collect::<Clause>();
        if !single {
            // Who is named by some of the roles keeps those, whatever its policies say.
            let allowed = if enough.is_empty() { self.by_policies(src, edge.dst, at, place) } else { Vec::new() };
            return [Vec::new(), allowed];
        }
        let entry = trusts(&[&enough[..], &asked[..]].concat());
        let allowed = self.by_policies(src, edge.dst, at, place);
        if allowed.is_empty() || asked.is_empty() {
            return [entry, Vec::new()];
        }
        [entry, trusts(&enough).into_iter().chain(allowed).collect()]
    }

    /// Statements of the principal that allow coming into a role that a node stands for.
    fn by_policies(&mut self, src: EntityId, dst: u32, at: usize, place: usize) -> Clause {
        let mut clause = Vec::new();
        for holding in self.holdings(src).iter() {
            if holding.unknown {
                clause.push(holding.levers);
            }
            for &grant in self.statements(holding.holder, at, place).iter() {
                if self.covers(grant, dst) {
                    clause.push(holding.levers.with(Lever::Statement(grant)));
                }
            }
        }
        clause
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

    /// The entities that a node stands for.
    fn ends(&self, node: u32) -> Rc<Vec<EntityId>> {
        self.targets.get(&node).map_or_else(|| Rc::new(vec![EntityId(node)]), Rc::clone)
    }

    /// Whether a statement is about some entity that a node stands for.
    fn covers(&mut self, grant: u32, node: u32) -> bool {
        if let Some(&known) = self.covering.get(&(grant, node)) {
            return known;
        }
        let statement = &self.tables.grants[grant as usize];
        let ends = self.ends(node);
        let found = match alone(statement) {
            // Ends are in ascending order, as the edges to them are.
            Some(ids) => ids.filter_map(|id| self.tables.find(id)).any(|one| ends.binary_search(&one).is_ok()),
            None => ends.iter().any(|end| covers(statement, &self.tables.entity(*end).id)),
        };
        self.covering.insert((grant, node), found);
        found
    }

    /// From whom a principal has its statements.
    fn holdings(&mut self, of: EntityId) -> Rc<Vec<Holding>> {
        if let Some(known) = self.holdings.get(&of) {
            return Rc::clone(known);
        }
        let unknown = self.tables.attribute(of, "permissions_unknown") == Some("true");
        let mut found = vec![Holding { holder: of, levers: Support::NONE, unknown }];
        self.attached(of, Support::NONE, &mut found);
        let rows = &self.tables.memberships;
        let start = rows.partition_point(|row| row.member < of);
        let own = rows[start..].iter().take_while(|row| row.member == of);
        for row in own.filter(|row| row.kind == MembershipKind::MemberOf && row.container != of) {
            let levers = Support::NONE.with(Lever::Membership { container: row.container, member: of });
            self.attached(row.container, levers, &mut found);
            found.push(Holding { holder: row.container, levers, unknown: !self.tables.entity(row.container).present });
        }
        let found = Rc::new(found);
        self.holdings.insert(of, Rc::clone(&found));
        found
    }

    fn attached(&self, holder: EntityId, before: Support, out: &mut Vec<Holding>) {
        let rows = &self.tables.attachments;
        let start = rows.partition_point(|row| row.holder < holder);
        let own = rows[start..].iter().take_while(|row| row.holder == holder);
        for row in own.filter(|row| row.kind == AttachmentKind::Identity) {
            let link = Lever::Attachment { holder, policy: row.policy };
            let unknown = !self.tables.entity(row.policy).present;
            out.push(Holding { holder: row.policy, levers: before.with(link), unknown });
        }
    }

    /// Statements of one holder that allow an action of a requirement.
    fn statements(&mut self, holder: EntityId, technique: usize, place: usize) -> Rc<Vec<u32>> {
        let key = (holder, technique, place);
        if let Some(known) = self.statements.get(&key) {
            return Rc::clone(known);
        }
        let requirement = &self.library.techniques[technique].requires[place];
        let found = own_statements(self.tables, holder).filter(|grant| allows(grant, requirement));
        let found: Rc<Vec<u32>> = Rc::new(found.map(|grant| grant.grant).collect());
        self.statements.insert(key, Rc::clone(&found));
        found
    }

    /// Levers that the standing of a protected administrator rests on: pulling one changes who is protected.
    pub fn of_administrators(&mut self, land: &Landscape<'_>) -> FxHashSet<Lever> {
        let mut held = FxHashSet::default();
        for (number, edge) in (0u32..).zip(self.edges) {
            let protected = land.in_zone.contains(edge.src);
            let administers =
                protected && self.library.find(&edge.technique).is_some_and(|one| one.category == ADMINISTRATION);
            if administers {
                for support in self.clauses(number).into_iter().flatten() {
                    held.extend(support.iter());
                }
            }
        }
        held
    }
}

/// Allowing statements in force that a holder has itself.
pub fn own_statements(tables: &Tables, holder: EntityId) -> impl Iterator<Item = &Grant> {
    let start = tables.grants.partition_point(|row| row.holder < holder);
    let own = tables.grants[start..].iter().take_while(move |row| row.holder == holder);
    own.filter(|row| row.effect == Effect::Allow && row.layer == Layer::Identity)
}

/// Whether a requirement is met by the target's trust policy.
fn by_trust(requirement: &Requirement) -> bool {
    requirement.by == By::Actor
        && requirement.on == On::Target
        && requirement.actions().any(|action| action.starts_with("sts:"))
}

/// Whether a statement allows an action that a requirement asks for. Either side may have wildcards.
fn allows(grant: &Grant, requirement: &Requirement) -> bool {
    requirement.actions().any(|action| {
        let meets = |pattern: &String| glob_ignore_case(pattern, action) || glob_ignore_case(action, pattern);
        if grant.not_actions.is_empty() {
            grant.actions.iter().any(meets)
        } else {
            !grant.not_actions.iter().any(|pattern| glob_ignore_case(pattern, action))
        }
    })
}

/// Whether a statement is about everything, some exceptions aside.
fn is_broad(grant: &Grant) -> bool {
    !grant.not_resources.is_empty() || grant.resources.is_empty() || grant.resources.iter().any(|one| one.contains('*'))
}

/// The entities that a statement is about, each alone (`=ID`); `None` when it is about anything else.
fn alone(grant: &Grant) -> Option<impl Iterator<Item = &str>> {
    let each = !grant.resources.is_empty() && grant.resources.iter().all(|one| one.starts_with('='));
    (each && grant.not_resources.is_empty()).then(|| grant.resources.iter().map(|one| &one[1..]))
}

/// Whether a statement is about an entity. A policy variable may stand for anything.
fn covers(grant: &Grant, id: &str) -> bool {
    if !grant.not_resources.is_empty() {
        return !grant.not_resources.iter().any(|pattern| glob(pattern, id));
    }
    grant.resources.is_empty() || grant.resources.iter().any(|pattern| pattern.contains("${") || glob(pattern, id))
}
