//! Where a human being must agree on an agent's way.

use std::collections::BTreeMap;

use super::{Handoffs, Link};
use crate::findings::agents::Agent;
use crate::findings::approvers::{Agreement, Requester};
use crate::model::{Approval, Edge, EntityId, Tables};
use crate::paths::Hop;

/// Attribute of a workload whose jobs wait until one of those whom it names agrees.
const REVIEWER: &str = "reviewer";
/// How the reason of an edge ends that hangs on such a job's reviewers, and on nothing else.
const MUST_APPROVE: &str = " must approve the job";

/// What stands before a step, for one agent. A step without a guard is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// Whether a human being must agree is not known: why.
    Unknown(Vec<String>),
    /// A human being who is somebody else must agree: by which rows.
    Human(Vec<String>),
}

/// Rows of the edges table that hang on nothing but reviewers whom the entity that they lead to names.
pub(super) fn reviewed<'a>(tables: &'a Tables, edges: &[Edge]) -> BTreeMap<u32, Vec<&'a str>> {
    let mut reviewers: BTreeMap<EntityId, Vec<&str>> = BTreeMap::new();
    for row in tables.attributes.iter().filter(|row| row.key == REVIEWER) {
        reviewers.entry(row.entity).or_default().push(row.value.as_str());
    }
    if reviewers.is_empty() {
        return BTreeMap::new();
    }
    // Reasons may be alternatives: only where each is this one, every alternative waits for a reviewer.
    let waits = |edge: &Edge| !edge.reasons.is_empty() && edge.reasons.iter().all(|why| why.ends_with(MUST_APPROVE));
    let of = |(edge, at): (&Edge, u32)| Some((at, reviewers.get(&EntityId(edge.dst))?.clone())).filter(|_| waits(edge));
    edges.iter().zip(0u32..).filter_map(of).collect()
}

impl<'a> Handoffs<'a> {
    /// Every guarded step.
    pub(super) fn guards(&self, agent: &Agent<'a>) -> BTreeMap<Hop, Guard> {
        let requester = Requester::agent(self.tables, Some(agent.principal), &agent.workflows);
        let mut found = BTreeMap::new();
        for (link, at) in self.links.iter().zip(0u32..) {
            let guard = match link {
                Link::Request(row, _) => {
                    // Whoever answers for the workflow approves nothing for it, whichever agent stands behind it.
                    let rows: Vec<_> = agent.workflows.iter().copied().chain([*row]).collect();
                    let requester = Requester::agent(self.tables, Some(agent.principal), &rows);
                    self.by_rows(&requester, &self.about(|one| one.object == row.workflow), &[])
                }
                Link::Carry(row, queue) => {
                    let whole = self.about(|one| one.object == row.workflow || self.is_queue(&one.object, *queue));
                    let part = self.about(|one| self.is_part(one, *queue));
                    self.by_rows(&requester, &whole, &part)
                }
                Link::Write(_) => None,
            };
            found.extend(guard.map(|guard| (Hop::Link(at), guard)));
        }
        for (&at, reviewers) in &self.reviewed {
            let (_, job) = self.linked.ends(Hop::Edge(at));
            found.insert(Hop::Edge(at), self.by_reviewers(&requester, EntityId(job), reviewers));
        }
        found
    }

    fn about(&self, wanted: impl Fn(&Approval) -> bool) -> Vec<&'a Approval> {
        self.tables.approvals.iter().filter(|row| wanted(row)).collect()
    }

    fn is_queue(&self, name: &str, queue: usize) -> bool {
        self.resolved.key(name) == self.resolved.key(&self.queues[queue].name)
    }

    /// Whether an approval is of one of the things that are asked for in a queue, and not of a workflow's requests.
    fn is_part(&self, row: &Approval, queue: usize) -> bool {
        let of_workflow = || self.tables.workflows.iter().any(|one| one.workflow == row.object);
        row.queue.as_deref().is_some_and(|name| self.is_queue(name, queue))
            && !self.is_queue(&row.object, queue)
            && !of_workflow()
    }

    /// What rows of approvals come to: `whole` are about all that passes, `part` about some of it.
    fn by_rows(&self, requester: &Requester<'_>, whole: &[&Approval], part: &[&Approval]) -> Option<Guard> {
        if self.tables.approvals.is_empty() {
            return Some(Guard::Unknown(vec!["the input has no approvals: who must agree is not known".to_owned()]));
        }
        let told = |rows: &[&Approval]| rows.iter().map(|row| self.told(requester, row)).collect::<Vec<_>>();
        match self.approvers.agreement(requester, whole) {
            Agreement::Human => {
                let asked = whole.iter().copied().filter(|row| row.required != Some(false));
                Some(Guard::Human(told(&asked.collect::<Vec<_>>())))
            }
            Agreement::Unknown => Some(Guard::Unknown(told(whole))),
            Agreement::Nobody if part.iter().any(|row| row.required != Some(false)) => {
                let mut why = vec!["only some of what is asked for there is known to be approved".to_owned()];
                why.extend(told(part));
                Some(Guard::Unknown(why))
            }
            Agreement::Nobody => None,
        }
    }

    fn by_reviewers(&self, requester: &Requester<'_>, job: EntityId, reviewers: &[&str]) -> Guard {
        let named = reviewers.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
        let text = vec![format!("{named} must approve the job `{}`", self.tables.entity(job).name)];
        match self.approvers.any_of(requester, job, reviewers) {
            Agreement::Human => Guard::Human(text),
            Agreement::Unknown | Agreement::Nobody => Guard::Unknown(text),
        }
    }

    fn told(&self, requester: &Requester<'_>, row: &Approval) -> String {
        format!("{} ({})", self.approvers.tell(requester, row), self.place(row.source, &row.record))
    }
}
