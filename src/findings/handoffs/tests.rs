//! Answers against a naive search over the rows, and gates that platforms set themselves.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Answer, Handoffs, Place, Step, Verdict};
use crate::findings::Asked;
use crate::findings::agents::agents;
use crate::findings::testkit::World;
use crate::model::{Attribute, Certainty, Edge, EntityId, Handle, PersonStatus, Tables};
use crate::paths::Landscape;

/// What the requests of a workflow, or what a connector takes, must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    /// Nothing.
    Nobody,
    /// The one who answers for every workflow: nothing either.
    Own,
    /// Somebody else.
    Human,
    /// Perhaps somebody else.
    Perhaps,
}

/// A random organisation: machine 0 is the agent and the last machine is protected.
#[derive(Debug, Clone)]
struct Plan {
    machines: usize,
    /// From, to, certain.
    edges: Vec<(usize, usize, bool)>,
    /// As whom a workflow runs, the queue of its requests, the queue that it takes from, and what it must pass.
    workflows: Vec<(usize, Option<usize>, Option<usize>, Must)>,
    /// Queues that have an approval of their own.
    approved: BTreeSet<usize>,
}

const QUEUES: usize = 3;

fn plan() -> impl Strategy<Value = Plan> {
    (3usize..7).prop_flat_map(|machines| {
        let one = 0..machines;
        let queue = || prop::option::weighted(0.7, 0..QUEUES);
        let must = prop_oneof![Just(Must::Nobody), Just(Must::Own), Just(Must::Human), Just(Must::Perhaps)];
        let edges = prop::collection::vec((one.clone(), one.clone(), prop::bool::weighted(0.8)), 0..6);
        let workflows = prop::collection::vec((one, queue(), queue(), must), 1..6);
        let approved = prop::collection::btree_set(0..QUEUES, 0..2);
        (edges, workflows, approved).prop_map(move |(edges, workflows, approved)| Plan {
            machines,
            edges,
            workflows,
            approved,
        })
    })
}

fn queue(at: usize) -> String {
    format!("queue-{at}")
}

/// A step by the names of its ends.
type Ends = (String, String);

/// A step of the naive graph: ends, whether it is certain, and what it must pass.
type Naive = (Ends, bool, Must);

impl Plan {
    fn name(at: usize) -> String {
        format!("m{at}")
    }

    /// The organisation, its steps as the rows say them, and its attack edges.
    fn build(&self) -> (Tables, Vec<Edge>, Vec<Naive>) {
        let mut world = World::new();
        let machines: Vec<Handle> = (0..self.machines).map(|at| world.robot(&Self::name(at))).collect();
        world.person_with("p-owner", PersonStatus::Active, &[]);
        world.person_with("p-ann", PersonStatus::Active, &[]);
        world.person_with("p-maybe", PersonStatus::Unknown, &[]);
        let mut steps = Vec::new();
        let approve = |world: &mut World, object: &str, must: Must| {
            let who = match must {
                Must::Nobody => return,
                Must::Own => "p-owner",
                Must::Human => "p-ann",
                Must::Perhaps => "p-maybe",
            };
            world.approval(object, who);
        };
        // Something is approved, or nothing would be known.
        approve(&mut world, "something else", Must::Human);
        self.approved.iter().for_each(|at| approve(&mut world, &queue(*at), Must::Human));
        for (at, (machine, requests, takes, must)) in self.workflows.iter().enumerate() {
            let name = format!("w{at}");
            let row = world.workflow(&name, Some(machines[*machine]), &["suggest"]);
            row.queue = requests.map(queue);
            row.takes_from = takes.iter().map(|at| queue(*at)).collect();
            approve(&mut world, &name, *must);
            if let Some(requests) = requests {
                steps.push(((Self::name(*machine), queue(*requests)), true, *must));
            }
            if let Some(takes) = takes {
                // Either approval holds: that of the queue or that of the connector.
                let must = if self.approved.contains(takes) { Must::Human } else { *must };
                steps.push(((queue(*takes), Self::name(*machine)), true, must));
            }
        }
        let tables = world.tables();
        let id = |at: usize| tables.find(&World::user_id(&Self::name(at))).expect("it is there");
        let edge = |&(from, to, sure): &(usize, usize, bool)| Edge {
            src: id(from).0,
            dst: id(to).0,
            technique: "t".to_owned(),
            certainty: if sure { Certainty::Certain } else { Certainty::Conditional },
            reasons: vec![],
            evidence: vec![],
        };
        let edges = self.edges.iter().map(edge).collect();
        steps.extend(
            self.edges.iter().map(|&(from, to, sure)| ((Self::name(from), Self::name(to)), sure, Must::Nobody)),
        );
        (tables, edges, steps)
    }
}

/// Whether the last machine is reached from the first over these steps: round after round, until nothing is new. A
/// queue from which nothing takes is no place.
fn reached(steps: &[&Ends], goal: &str) -> bool {
    let mut known: BTreeSet<&str> = ["m0"].into();
    loop {
        let next = |(from, to): &&&Ends| known.contains(&**from) && !known.contains(&**to);
        let new: Vec<&str> = steps.iter().filter(next).map(|(_, to)| &**to).collect();
        if new.is_empty() {
            return known.contains(goal);
        }
        known.extend(new);
    }
}

fn ends(tables: &Tables, step: &Step) -> Ends {
    let name = |place: &Place| match place {
        Place::Entity(entity) => tables.entity(*entity).name.clone(),
        Place::Queue(name) => name.clone(),
    };
    (name(&step.from), name(&step.to))
}

fn answer(tables: &Tables, edges: &[Edge], zone: EntityId) -> Answer {
    let land = Landscape::new(tables, edges, &[], vec![(zone, "protected".to_owned())]);
    let asked = Asked::default();
    let handoffs = Handoffs::new(tables, &land, &asked);
    let all = agents(tables);
    let agent = all.iter().find(|agent| tables.entity(agent.principal).name == "m0");
    // It is one where a workflow runs as it; else nothing is asked about it.
    agent.map_or(Answer::new(EntityId(0), Verdict::Inside), |agent| handoffs.answer(agent))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]
    #[test]
    fn an_answer_is_a_real_way_or_approvals_without_which_there_is_one(plan in plan()) {
        let (tables, edges, steps) = plan.build();
        let goal = Plan::name(plan.machines - 1);
        let zone = tables.find(&World::user_id(&goal)).expect("it is there");
        let found = answer(&tables, &edges, zone);
        if found.verdict == Verdict::Inside {
            return Ok(());
        }
        let free = |sure: bool| {
            let passes = move |must: Must| match must {
                Must::Nobody | Must::Own => true,
                Must::Perhaps => !sure,
                Must::Human => false,
            };
            steps.iter().filter(move |(_, certain, must)| (*certain || !sure) && passes(*must)).map(|(ends, ..)| ends).collect::<Vec<_>>()
        };
        let all: Vec<&Ends> = steps.iter().map(|(ends, ..)| ends).collect();
        let (sure, open, any) = (reached(&free(true), &goal), reached(&free(false), &goal), reached(&all, &goal));
        let expected = match (sure, open, any) {
            (true, ..) => Verdict::Unapproved,
            (_, true, _) => Verdict::PerhapsUnapproved,
            (.., true) => Verdict::Approved,
            _ => Verdict::NoWay,
        };
        prop_assert_eq!(found.verdict, expected);
        let mut at = "m0".to_owned();
        for step in &found.way {
            let (from, to) = ends(&tables, step);
            prop_assert_eq!(&from, &at, "the way hangs together");
            prop_assert!(free(found.verdict == Verdict::Unapproved).contains(&&(from.clone(), to.clone())));
            at = to;
        }
        prop_assert!(found.way.is_empty() || at == goal);
        prop_assert_eq!(found.verdict == Verdict::Approved, !found.approvals.is_empty());
        let cut: BTreeSet<Ends> = found.approvals.iter().map(|one| ends(&tables, &one.step)).collect();
        if !cut.is_empty() {
            let kept = |left: &BTreeSet<Ends>| {
                // A step may be there several times, of which only those with an approval are taken away.
                let gone = |(ends, _, must): &&Naive| *must == Must::Human && left.contains(ends);
                let kept: Vec<&Ends> = steps.iter().filter(|one| !gone(one)).map(|(ends, ..)| ends).collect();
                reached(&kept, &goal)
            };
            prop_assert!(!kept(&cut), "without the named approvals' steps there is no way");
            for one in &cut {
                let mut others = cut.clone();
                others.remove(one);
                prop_assert!(kept(&others), "{:?} is needed", one);
            }
            prop_assert!(found.approvals.iter().all(|one| !one.approvals.is_empty()), "each says who must agree");
        }
    }
}

/// An agent that may start a job, which becomes what is protected; the platform asks these reviewers first.
fn pipeline(reviewers: &[&str], reasons: &[&str]) -> Answer {
    let mut world = World::new();
    let (agent, job, admin) = (world.robot("m0"), world.robot("deploy"), world.role("admin"));
    let (ann, bot) = (world.user("ann"), world.robot("bot"));
    world.person_with("p-ann", PersonStatus::Active, &[ann]);
    world.workflow("drafts", Some(agent), &["suggest"]);
    world.approval("something else", "p-ann");
    for name in reviewers {
        world.builder.attributes.push(Attribute { entity: job, key: "reviewer".to_owned(), value: (*name).to_owned() });
    }
    let ids = [agent, job, admin, bot].map(|handle| world.builder.entity(handle).id.clone());
    let tables = world.tables();
    let [agent, job, admin, _] = ids.map(|id| tables.find(&id).expect("it is there"));
    let edge = |src: EntityId, dst: EntityId, reasons: &[&str]| Edge {
        src: src.0,
        dst: dst.0,
        technique: "t".to_owned(),
        certainty: if reasons.is_empty() { Certainty::Certain } else { Certainty::Conditional },
        reasons: reasons.iter().map(|&why| why.to_owned()).collect(),
        evidence: vec![],
    };
    let mut edges = vec![edge(agent, job, reasons), edge(job, admin, &[])];
    edges.sort_by_key(|edge| edge.src);
    answer(&tables, &edges, admin)
}

#[test]
fn a_job_that_waits_for_a_human_reviewer_is_a_gate() {
    let waits = "unknown: ann must approve the job";
    let found = pipeline(&["ann"], &[waits]);
    assert_eq!(found.verdict, Verdict::Approved);
    assert_eq!(found.approvals[0].approvals, ["`ann` must approve the job `deploy`"]);
    for (reviewers, reasons) in [
        // One of the reviewers is a machine, or nobody knows who that is, or the agent itself.
        (&["ann", "bot"][..], &[waits][..]),
        (&["ann", "ghost"], &[waits]),
        (&["m0"], &[waits]),
        // The reviewers stand in an attribute, and the edge does not wait for them, or not only.
        (&["ann"], &["needs existing runner"]),
        (&["ann"], &[waits, "needs existing runner"]),
        (&[], &[waits]),
    ] {
        let found = pipeline(reviewers, reasons);
        assert_eq!(found.verdict, Verdict::PerhapsUnapproved, "{reviewers:?} {reasons:?}");
    }
    assert_eq!(pipeline(&["ann"], &[]).verdict, Verdict::Unapproved);
}

#[test]
fn without_approvals_in_the_input_no_hand_off_is_certain() {
    let mut world = World::new();
    let (agent, connector) = (world.robot("m0"), world.robot("m1"));
    world.workflow("ask", Some(agent), &["suggest"]).queue = Some("q".to_owned());
    world.workflow("carry", Some(connector), &["execute"]).takes_from = vec!["q".to_owned()];
    let tables = world.tables();
    let zone = tables.find(&World::user_id("m1")).expect("it is there");
    let found = answer(&tables, &[], zone);
    assert_eq!((found.verdict, found.way.len()), (Verdict::PerhapsUnapproved, 2));
    assert_eq!(found.way[0].reasons, ["the input has no approvals: who must agree is not known"]);
}
