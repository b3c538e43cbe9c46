//! How an agent's ways run through queues, connectors and pipelines, and where a human being must agree on them.
//!
//! The graph is the attack graph with links: a workflow's requests go into its queue; who may write into a queue writes
//! there; a connector or pipeline (`workflows.takes_from`) carries out what it takes from a queue, as its own identity. A
//! step that a human being must agree to is a gate: the requests of a workflow that has an approval, what is taken from a
//! queue that has one or by a connector that has one, and a job for which the platform itself asks reviewers.
//!
//! A *privileged change* is what a member of the protected zone can do, or a connector that may change permissions.
//!
//! Three answers are possible. A *certain* way takes certain steps past which nothing stands; a *possible* one takes steps
//! that hang on something, an approval of which nobody knows whether it holds among them; and when there is neither, the
//! gates that every way crosses are named, none to spare ([`crate::graph::gates`]). Without any approval in the input
//! nothing is known of hand-offs, and no answer that stands on them is certain.

mod answer;
mod guard;
pub mod names;

use std::collections::BTreeMap;

pub use answer::{Answer, Crossing, Place, Step, Verdict};
pub use guard::Guard;

use super::agents::Agent;
use super::approvers::Approvers;
use super::asked::{About, Asked, Write};
use crate::model::{Certainty, EntityId, Tables, Workflow};
use crate::paths::{Found, Hop, Landscape, Linked};

/// A queue.
#[derive(Debug, Clone)]
struct Queue {
    /// As the first row that takes from it names it.
    name: String,
    /// Its node.
    node: u32,
}

/// What a link means.
#[derive(Debug, Clone, Copy)]
enum Link<'a> {
    /// The requests of a workflow go into a queue.
    Request(&'a Workflow, usize),
    /// A connector or pipeline carries out what it takes from a queue.
    Carry(&'a Workflow, usize),
    /// A principal may change something.
    Write(&'a Write),
}

/// Hand-offs of one snapshot.
pub struct Handoffs<'a> {
    tables: &'a Tables,
    zone: &'a [(EntityId, String)],
    /// Connectors that may change permissions, whether or not that leads to the zone.
    changers: &'a [(EntityId, Certainty)],
    approvers: Approvers<'a>,
    linked: Linked<'a, 'a>,
    links: Vec<Link<'a>>,
    resolved: names::Queues,
    queues: Vec<Queue>,
    /// Rows of the edges table that the platform lets happen only when one of these agrees.
    reviewed: BTreeMap<u32, Vec<&'a str>>,
}

impl<'a> Handoffs<'a> {
    /// Joins the tables of workflows with the attack graph, and with what the evaluators were asked.
    #[must_use]
    pub fn new(tables: &'a Tables, land: &'a Landscape<'a>, asked: &'a Asked) -> Self {
        let resolved = names::queues(tables);
        let mut queues: Vec<Queue> = Vec::new();
        let mut places: BTreeMap<names::Key, usize> = BTreeMap::new();
        let (first, mut more) = (land.next_node(), 0);
        for name in tables.workflows.iter().flat_map(|row| &row.takes_from) {
            let key = resolved.key(name);
            places.entry(key.clone()).or_insert_with(|| {
                let node = match key {
                    names::Key::Entity(entity) => entity.0,
                    names::Key::Name(_) => {
                        more += 1;
                        first + more - 1
                    }
                };
                queues.push(Queue { name: name.clone(), node });
                queues.len() - 1
            });
        }
        let place = |name: &str| places.get(&resolved.key(name)).copied();
        let (mut links, mut ends) = (Vec::new(), Vec::new());
        let mut link = |link: Link<'a>, from: u32, to: u32| {
            links.push(link);
            ends.push((from, to));
        };
        for row in &tables.workflows {
            let Some(principal) = row.principal else { continue };
            if let Some(at) = row.queue.as_deref().and_then(place) {
                link(Link::Request(row, at), principal.0, queues[at].node);
            }
            for at in row.takes_from.iter().filter_map(|name| place(name)) {
                link(Link::Carry(row, at), queues[at].node, principal.0);
            }
        }
        for write in &asked.writes {
            link(Link::Write(write), write.entity.0, write.target.0);
        }
        let linked = land.linked(more as usize, ends);
        let reviewed = guard::reviewed(tables, land.edges());
        let (zone, changers, approvers) = (land.zone.as_slice(), asked.changers.as_slice(), Approvers::new(tables));
        Self { tables, zone, changers, approvers, linked, links, resolved, queues, reviewed }
    }

    /// Whether anything is handed on: a connector or pipeline takes from a queue, or reviewers guard a job.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.queues.is_empty() || !self.reviewed.is_empty()
    }

    fn link(&self, hop: Hop) -> Option<Link<'a>> {
        match hop {
            Hop::Edge(_) => None,
            Hop::Link(at) => self.links.get(at as usize).copied(),
        }
    }

    fn certainty(&self, hop: Hop) -> Certainty {
        match self.link(hop) {
            Some(Link::Write(write)) => write.certainty,
            Some(_) => Certainty::Certain,
            None => self.linked.edge(hop).map_or(Certainty::Conditional, |edge| edge.certainty),
        }
    }

    /// What is a privileged change to come to, as far as that is at least so sure: members of the protected zone, and
    /// connectors that may change permissions. Not the agent itself.
    fn goals(&self, from: EntityId, certainty: Certainty) -> impl Iterator<Item = EntityId> + '_ {
        let changers = self.changers.iter().filter(move |row| row.1 <= certainty).map(|row| row.0);
        self.zone.iter().map(|row| row.0).chain(changers).filter(move |&goal| goal != from)
    }

    /// Whether and how an agent comes to a privileged change past every human approval.
    #[must_use]
    pub fn answer(&self, agent: &Agent<'a>) -> Answer {
        let from = agent.principal;
        if self.zone.binary_search_by_key(&from, |row| row.0).is_ok() {
            return Answer::new(from, Verdict::Inside);
        }
        let guards = self.guards(agent);
        // What may only be proposed is no hand-off: coming to it gives nobody anything.
        let handed = |hop: Hop| !matches!(self.link(hop), Some(Link::Write(Write { about: About::Proposals(_), .. })));
        let certain = |hop: Hop| handed(hop) && self.certainty(hop) == Certainty::Certain;
        let goals = self.goals(from, Certainty::Certain);
        if let Found::Open(hops) = self.linked.search(from, goals, certain, |hop| guards.contains_key(&hop)) {
            return Answer { way: self.steps(from, &hops, &guards), ..Answer::new(from, Verdict::Unapproved) };
        }
        let gate = |hop: Hop| matches!(guards.get(&hop), Some(Guard::Human(_)));
        match self.linked.search(from, self.goals(from, Certainty::Conditional), handed, gate) {
            Found::Open(hops) => {
                Answer { way: self.steps(from, &hops, &guards), ..Answer::new(from, Verdict::PerhapsUnapproved) }
            }
            Found::Gated(hops) => {
                let approvals = hops.iter().filter_map(|&hop| self.crossing(hop, &guards)).collect();
                Answer { approvals, ..Answer::new(from, Verdict::Approved) }
            }
            Found::Nowhere => Answer::new(from, Verdict::NoWay),
        }
    }

    /// Why coming to an entity is a privileged change, where it is not in the protected zone.
    #[must_use]
    pub fn changes_permissions(&self, entity: EntityId) -> Option<&'static str> {
        let (_, certainty) = self.changers.iter().find(|row| row.0 == entity)?;
        let in_zone = self.zone.binary_search_by_key(&entity, |row| row.0).is_ok();
        (!in_zone).then_some(match certainty {
            Certainty::Certain => "it may change permissions, and carries out what it takes from a queue",
            Certainty::Conditional => "it may change permissions under a condition, and carries out what it takes",
        })
    }

    /// The shortest way on which an agent comes to change what its workflow (a row of the table) may only propose: by
    /// attack edges, and by rights of whom it comes to control. Nothing is handed on.
    #[must_use]
    pub fn makes_itself(&self, from: EntityId, workflow: u32, targets: &[EntityId]) -> Option<(Certainty, Vec<Step>)> {
        let targets = || targets.iter().copied().filter(|&target| target != from);
        let guards = BTreeMap::new();
        let own = |hop: Hop| match self.link(hop) {
            None => true,
            Some(Link::Write(write)) => write.about == About::Proposals(workflow),
            Some(_) => false,
        };
        [Certainty::Certain, Certainty::Conditional].into_iter().find_map(|certainty| {
            let admits = |hop: Hop| own(hop) && self.certainty(hop) <= certainty;
            match self.linked.search(from, targets(), admits, |_| false) {
                Found::Open(hops) => Some((certainty, self.steps(from, &hops, &guards))),
                Found::Gated(_) | Found::Nowhere => None,
            }
        })
    }
}

#[cfg(test)]
mod tests;
