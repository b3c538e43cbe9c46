//! Asks the evaluators who may change a queue that something takes from, and what workflows may only propose changes to.
//!
//! A class of principals is asked once for all of its members, action by action of what it is granted, and only where an
//! agent or a connector comes to control one of them: nothing is asked where there is no agent. Time is that of these
//! classes × their granted actions of the services that the things belong to.

use std::collections::BTreeSet;

use rayon::prelude::*;
use roaring::RoaringBitmap;

use crate::access::{Ask, Evaluator, Evaluators, Granted, View};
use crate::findings::Asked;
use crate::findings::agents::agents;
use crate::findings::asked::{About, Write};
use crate::findings::handoffs::names;
use crate::model::{Certainty, Decision, Edge, EntityId, EntityKind, Tables};

/// Access levels at which something is changed.
const CHANGES: [&str; 2] = ["write", "permissions"];

/// Things of one platform that are asked about together.
struct Subject<'t> {
    about: About,
    among: RoaringBitmap,
    /// Their services, as [`service`] tells them; `None` where one of them is of no service that is known.
    services: Option<BTreeSet<&'t str>>,
}

/// Adds who may change what, and which connectors may change permissions. `edges` are the attack edges, by source.
pub fn ask(tables: &Tables, evaluators: &Evaluators<'_>, edges: &[Edge], asked: Asked) -> Asked {
    let on_the_way = reached(tables, edges);
    if on_the_way.is_empty() {
        return asked;
    }
    let queues = names::queues(tables);
    let mut wanted: Vec<(About, Vec<EntityId>)> =
        queues.entities().map(|queue| (About::Queue(queue), vec![queue])).collect();
    let proposals = (0..).zip(&tables.workflows).filter(|(_, row)| row.principal.is_some() && row.ai == Some(true));
    wanted.extend(proposals.map(|(at, row)| (About::Proposals(at), names::proposals(tables, row))));
    wanted.retain(|(_, things)| !things.is_empty());
    wanted.sort();
    wanted.dedup();
    let mut writes = Vec::new();
    for (platform, evaluator) in evaluators.iter() {
        let subjects: Vec<Subject<'_>> =
            wanted.iter().filter_map(|(about, things)| subject(tables, platform, *about, things)).collect();
        if !subjects.is_empty() {
            writes.extend(of_platform(evaluator, &subjects, &on_the_way));
        }
    }
    writes.sort_by_key(|row| (row.entity, row.about));
    Asked { writes, changers: changers(tables, evaluators), ..asked }
}

/// Nodes of the attack graph that agents, or whatever takes from a queue, come to control; nothing without an agent.
/// Nobody else's rights are of interest here.
fn reached(tables: &Tables, edges: &[Edge]) -> RoaringBitmap {
    let mut open: Vec<u32> = agents(tables).iter().map(|agent| agent.principal.0).collect();
    if !open.is_empty() {
        open.extend(connectors(tables).map(|principal| principal.0));
    }
    let mut seen = RoaringBitmap::new();
    while let Some(node) = open.pop() {
        if seen.insert(node) {
            let first = edges.partition_point(|edge| edge.src < node);
            open.extend(edges[first..].iter().take_while(|edge| edge.src == node).map(|edge| edge.dst));
        }
    }
    seen
}

fn connectors(tables: &Tables) -> impl Iterator<Item = EntityId> + '_ {
    tables.workflows.iter().filter(|row| !row.takes_from.is_empty()).filter_map(|row| row.principal)
}

/// Identities of connectors that may change permissions, and how sure that is.
fn changers(tables: &Tables, evaluators: &Evaluators<'_>) -> Vec<(EntityId, Certainty)> {
    let mut found: Vec<(EntityId, Certainty)> = Vec::new();
    for principal in connectors(tables) {
        let Some(evaluator) = evaluators.of(&tables.entity(principal).platform) else { continue };
        let granted = evaluator.granted(principal);
        let rows = granted.iter().filter(|row| row.level == "permissions" && !row.actions.is_empty());
        let sure = |row: &Granted| match row.decision {
            Decision::Allowed => Some(Certainty::Certain),
            Decision::Conditional => Some(Certainty::Conditional),
            // What cannot be decided is not known to be held.
            Decision::Denied | Decision::Unknown => None,
        };
        found.extend(rows.filter_map(sure).min().map(|certainty| (principal, certainty)));
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn subject<'t>(tables: &'t Tables, platform: &str, about: About, things: &[EntityId]) -> Option<Subject<'t>> {
    let here: Vec<EntityId> =
        things.iter().copied().filter(|&thing| tables.entity(thing).platform == platform).collect();
    let services = here.iter().map(|&thing| service(&tables.entity(thing).id)).collect();
    let among: RoaringBitmap = here.into_iter().map(|thing| thing.0).collect();
    (!among.is_empty()).then_some(Subject { about, among, services })
}

/// The service that a thing belongs to, where its id says it: an action of another one is not about it.
fn service(id: &str) -> Option<&str> {
    if id.starts_with("arn:") {
        return id.split(':').nth(2).filter(|service| !service.is_empty());
    }
    if let Some((host, _)) = id.strip_prefix("//").and_then(|rest| rest.split_once('/')) {
        return host.strip_suffix(".googleapis.com");
    }
    id.rfind("/providers/").and_then(|at| id[at + "/providers/".len()..].split('/').next())
}

/// Whether an action may be about things of these services.
fn concerns(action: &str, services: Option<&BTreeSet<&str>>) -> bool {
    let Some(services) = services else { return true };
    let prefix = action.split([':', '/', '.']).next().unwrap_or_default();
    services.iter().any(|service| {
        // Azure's providers have a dot in their names.
        let whole = action.get(..service.len()).is_some_and(|start| start.eq_ignore_ascii_case(service));
        prefix.eq_ignore_ascii_case(service) || (service.contains('.') && whole)
    })
}

fn of_platform(evaluator: &dyn Evaluator, subjects: &[Subject<'_>], on_the_way: &RoaringBitmap) -> Vec<Write> {
    let classes = evaluator.classes();
    let of_class = |class: usize| -> Vec<Write> {
        let members: Vec<EntityId> =
            classes[class].members.iter().copied().filter(|member| on_the_way.contains(member.0)).collect();
        let Some(&first) = members.first() else { return Vec::new() };
        let view = evaluator.open(class);
        let granted = evaluator.granted(first);
        let rows = granted.iter().filter(|row| CHANGES.contains(&row.level));
        let actions: Vec<&str> = rows.flat_map(|row| &row.actions).map(|action| action.action.name.as_ref()).collect();
        let rows = subjects.iter().filter_map(|subject| write(&*view, subject, &actions));
        let rows: Vec<Write> = rows.collect();
        let of_member = |&member: &EntityId| {
            let evidence = |row: &Write| evaluator.evidence_of(class, member, &row.evidence);
            rows.iter().map(|row| Write { entity: member, evidence: evidence(row), ..row.clone() }).collect::<Vec<_>>()
        };
        members.iter().flat_map(of_member).collect()
    };
    let acts = |class: &usize| classes[*class].kind != EntityKind::Group;
    (0..classes.len()).into_par_iter().filter(acts).flat_map_iter(of_class).collect()
}

/// The first of some things that a class may change for certain, else the first that it may.
fn write(view: &dyn View, subject: &Subject<'_>, actions: &[&str]) -> Option<Write> {
    let mut open = None;
    for action in actions.iter().filter(|action| concerns(action, subject.services.as_ref())) {
        let found = view.targets(&Ask { action: (*action).to_owned(), pins: Vec::new() }, &subject.among);
        let row = |target: u32, certainty: Certainty, evidence: Vec<u32>, reasons: Vec<String>| Write {
            entity: EntityId(0),
            about: subject.about,
            target: EntityId(target),
            action: (*action).to_owned(),
            certainty,
            reasons,
            evidence,
        };
        if let Some(target) = found.certain.min() {
            return Some(row(target, Certainty::Certain, found.evidence, Vec::new()));
        }
        // What no statement of the export allows hangs on a policy that is in none: a gap of the data and no right.
        if let Some(target) = found.possible.min().filter(|_| open.is_none() && !found.open_evidence.is_empty()) {
            open = Some(row(target, Certainty::Conditional, found.open_evidence, found.reasons));
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_of_another_service_is_not_about_a_thing() {
        let sqs = service("arn:aws:sqs:eu-west-1:111122223333:requests");
        let bus = service("/subscriptions/s/resourceGroups/g/providers/Microsoft.ServiceBus/namespaces/n");
        let topic = service("//pubsub.googleapis.com/projects/p/topics/t");
        assert_eq!((sqs, bus, topic), (Some("sqs"), Some("Microsoft.ServiceBus"), Some("pubsub")));
        assert_eq!((service("tables:desk/resource/requests"), service("arn:aws")), (None, None));
        let concerned =
            |action: &str, service: Option<&'static str>| concerns(action, service.map(|one| [one].into()).as_ref());
        assert!(concerned("sqs:SendMessage", Some("sqs")) && !concerned("s3:PutObject", Some("sqs")));
        assert!(concerned("microsoft.servicebus/namespaces/messages/send/action", Some("Microsoft.ServiceBus")));
        assert!(!concerned("Microsoft.Sql/servers/write", Some("Microsoft.ServiceBus")));
        assert!(concerned("pubsub.topics.publish", Some("pubsub")) && concerned("desk:WRITE", None));
    }
}
