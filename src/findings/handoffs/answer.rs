//! An answer step by step, each with what it stands on.

use std::collections::BTreeMap;

use super::{Guard, Handoffs, Link};
use crate::findings::Context;
use crate::model::{Certainty, Edge, EntityId, SourceId};
use crate::names;
use crate::paths::Hop;

/// Statements cited for one step at most.
const CITED_MAX: usize = 3;

names! {
    /// Whether an agent comes to a privileged change past every human approval.
    pub enum Verdict {
        /// It is in the zone itself.
        Inside = "inside",
        /// A certain way leads there that no human approval stands on.
        Unapproved = "unapproved",
        /// A way leads there that hangs on something: a condition, or an approval of which it is not known whether it holds.
        PerhapsUnapproved = "perhaps_unapproved",
        /// Every way crosses a human approval.
        Approved = "approved",
        /// No way leads there.
        NoWay = "no_way",
    }
}

/// Where a step begins or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Entity(EntityId),
    /// A queue that is no entity of an export, by name.
    Queue(String),
}

/// One step of a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub from: Place,
    pub to: Place,
    /// By what: id of a technique, or the hand-off in words.
    pub how: String,
    pub certainty: Certainty,
    /// What it hangs on, in words.
    pub reasons: Vec<String>,
    /// Numbers of the grants that it stands on.
    pub grants: Vec<u32>,
    /// Rows of governance tables that it stands on, in words with file and place.
    pub rows: Vec<String>,
    /// Whether something is handed on, and not a step of the attack graph.
    pub handoff: bool,
}

/// A step at which a human being must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    pub step: Step,
    /// Who must agree, and which rows say so.
    pub approvals: Vec<String>,
}

/// What a search for an agent's ways past human approvals came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub agent: EntityId,
    pub verdict: Verdict,
    /// A shortest way: of [`Verdict::Unapproved`] and [`Verdict::PerhapsUnapproved`] alone.
    pub way: Vec<Step>,
    /// The approvals that separate the agent from a privileged change: every way crosses one of them, and none can be left out. Of
    /// [`Verdict::Approved`] alone.
    pub approvals: Vec<Crossing>,
}

impl Answer {
    pub(super) const fn new(agent: EntityId, verdict: Verdict) -> Self {
        Self { agent, verdict, way: Vec::new(), approvals: Vec::new() }
    }

    /// Whether the way takes a queue, a connector or a pipeline.
    #[must_use]
    pub fn is_handed_on(&self) -> bool {
        self.way.iter().any(|step| step.handoff)
    }

    /// Where the way ends.
    #[must_use]
    pub fn target(&self) -> Option<EntityId> {
        self.way.iter().rev().find_map(|step| match step.to {
            Place::Entity(entity) => Some(entity),
            Place::Queue(_) => None,
        })
    }

    /// The sentence that the answer is.
    #[must_use]
    pub const fn says(&self) -> &'static str {
        match self.verdict {
            Verdict::Inside => "it is in the protected zone itself: no approval stands before that",
            Verdict::Unapproved => "a certain way leads to a privileged change past every human approval",
            Verdict::PerhapsUnapproved => {
                "a way that hangs on something leads to a privileged change past every human approval"
            }
            Verdict::Approved => {
                "every way to a privileged change crosses a human approval; without these there is none"
            }
            Verdict::NoWay => "no way leads to a privileged change, with or without approval",
        }
    }
}

impl Context<'_> {
    /// How to call where a step begins or ends.
    #[must_use]
    pub fn call_place(&self, place: &Place) -> String {
        match place {
            Place::Entity(entity) => self.call(*entity),
            Place::Queue(name) => format!("queue `{name}`"),
        }
    }

    /// Adds the steps of a way in words, each with the statements and rows that it stands on and what it hangs on.
    pub fn tell_way(&self, way: &[Step], evidence: &mut Vec<String>) {
        for (step, at) in way.iter().zip(1..) {
            let (from, to) = (self.call_place(&step.from), self.call_place(&step.to));
            evidence.push(format!("step {at}: {from} to {to} by {}, {}", step.how, step.certainty));
            evidence.extend(step.grants.iter().take(CITED_MAX).map(|&grant| self.cite(grant)));
            evidence.extend(step.rows.iter().cloned());
            if !step.reasons.is_empty() {
                evidence.push(format!("hangs on: {}", step.reasons.join("; ")));
            }
        }
    }

    /// Adds the approvals that separate an agent from a privileged change.
    pub fn tell_approvals(&self, approvals: &[Crossing], evidence: &mut Vec<String>) {
        for (crossing, at) in approvals.iter().zip(1..) {
            let (from, to) = (self.call_place(&crossing.step.from), self.call_place(&crossing.step.to));
            evidence.push(format!("approval {at}: {from} to {to} by {}", crossing.step.how));
            evidence.extend(crossing.approvals.iter().cloned());
        }
    }
}

impl<'a> Handoffs<'a> {
    /// The steps of a way; target sets are expanded away.
    pub(super) fn steps(&self, from: EntityId, hops: &[Hop], guards: &BTreeMap<Hop, Guard>) -> Vec<Step> {
        let mut at = Place::Entity(from);
        let mut entered: Option<&Edge> = None;
        let mut steps = Vec::with_capacity(hops.len());
        for &hop in hops {
            let to = self.node(self.linked.ends(hop).1);
            match (self.linked.edge(hop), to) {
                (Some(edge), None) => entered = Some(edge),
                (Some(edge), Some(to)) => {
                    let how = entered.take().unwrap_or(edge);
                    let step = Step { certainty: how.certainty.max(edge.certainty), ..of_edge(how, at, to.clone()) };
                    steps.push(guarded(step, guards.get(&hop)));
                    at = to;
                }
                (None, to) => {
                    let to = to.unwrap_or_else(|| at.clone());
                    let Some(link) = self.link(hop) else { continue };
                    steps.push(guarded(self.of_link(link, at, to.clone()), guards.get(&hop)));
                    at = to;
                }
            }
        }
        steps
    }

    /// A gate as a step with its approvals.
    pub(super) fn crossing(&self, hop: Hop, guards: &BTreeMap<Hop, Guard>) -> Option<Crossing> {
        let Some(Guard::Human(approvals)) = guards.get(&hop) else { return None };
        let (src, dst) = self.linked.ends(hop);
        let (from, to) = (self.node(src)?, self.node(dst)?);
        let step = match (self.linked.edge(hop), self.link(hop)) {
            (Some(edge), _) => of_edge(edge, from, to),
            (None, Some(link)) => self.of_link(link, from, to),
            (None, None) => return None,
        };
        Some(Crossing { step, approvals: approvals.clone() })
    }

    /// What a node is; `None` for a target set.
    fn node(&self, node: u32) -> Option<Place> {
        if (node as usize) < self.tables.entities.len() {
            return Some(Place::Entity(EntityId(node)));
        }
        self.queues.iter().find(|queue| queue.node == node).map(|queue| Place::Queue(queue.name.clone()))
    }

    fn of_link(&self, link: Link<'a>, from: Place, to: Place) -> Step {
        let step = |how: String| Step {
            from,
            to,
            how,
            certainty: Certainty::Certain,
            reasons: Vec::new(),
            grants: Vec::new(),
            rows: Vec::new(),
            handoff: true,
        };
        match link {
            Link::Request(row, queue) => {
                let (workflow, queue) = (&row.workflow, &self.queues[queue].name);
                let place = self.place(row.source, &row.record);
                let says = format!("the requests of workflow `{workflow}` go to `{queue}` ({place})");
                Step { rows: vec![says], ..step(format!("a request of workflow `{workflow}`")) }
            }
            Link::Carry(row, queue) => {
                let (workflow, queue) = (&row.workflow, &self.queues[queue].name);
                let place = self.place(row.source, &row.record);
                let says = format!("workflow `{workflow}` carries out what it takes from `{queue}` ({place})");
                Step { rows: vec![says], ..step(format!("workflow `{workflow}` carries it out")) }
            }
            Link::Write(write) => Step {
                certainty: write.certainty,
                reasons: write.reasons.clone(),
                grants: write.evidence.clone(),
                ..step(format!("a right to change it (`{}`)", write.action))
            },
        }
    }

    /// File and place of a row.
    pub(super) fn place(&self, source: SourceId, record: &str) -> String {
        match self.tables.sources.get(source.0 as usize) {
            Some(source) if !record.is_empty() => format!("{}, {record}", source.path),
            Some(source) => source.path.clone(),
            None => record.to_owned(),
        }
    }
}

fn of_edge(edge: &Edge, from: Place, to: Place) -> Step {
    Step {
        from,
        to,
        how: edge.technique.clone(),
        certainty: edge.certainty,
        reasons: edge.reasons.clone(),
        grants: edge.evidence.clone(),
        rows: Vec::new(),
        handoff: false,
    }
}

/// A step with what its guard leaves open.
fn guarded(mut step: Step, guard: Option<&Guard>) -> Step {
    if let Some(Guard::Unknown(why)) = guard {
        step.certainty = Certainty::Conditional;
        let more: Vec<String> = why.iter().filter(|one| !step.reasons.contains(one)).cloned().collect();
        step.reasons.extend(more);
    }
    step
}
