//! An AI workflow whose requests no human being has to agree to, and ways past every human approval.

use super::agents::call;
use super::approvers::{Agreement, Approver, Approvers, Requester};
use super::handoffs::names::same_name;
use super::handoffs::{Answer, Handoffs, Verdict};
use super::{Context, Draft, Info, Rule};
use crate::model::{Approval, Workflow};

/// See [`Info::meaning`].
pub struct AgentNoHumanApproval;

const INFO: Info = Info {
    id: "agent-no-human-approval",
    title: "AI workflow without approval by a human being",
    meaning: "Nothing makes a human being who is somebody else, and still there, agree before what this AI workflow \
              asks for is done: no approval is required of it or of its queue, none is needed for a quorum, or the \
              quorum can be had from the agent, who answers for it, a machine, or somebody who left. Or a way leads \
              from its identity through queues, connectors and pipelines to a privileged change (to the protected zone, \
              or to a connector that may change permissions) on which no human being must agree: the shortest is told \
              step by step. (Where every way crosses an approval, `explain` names the approvals that do it.) A queue \
              that AI workflows alone use is named too: requests belong where people already look. Without any approval \
              in the input nothing is said.",
    remediation: "Send the requests of the workflow to the queue that people's requests go to, with at least one \
                  required approver who is neither its owner nor the owner of its identity. Put such an approval on \
                  the queue or the connector of a way, or take one of its steps away.",
    cases: &[
        ("none", "no approval is required, or a quorum of none is enough"),
        ("self", "who approves is the agent or answers for it"),
        ("machine", "who approves is a machine"),
        ("approver-left", "who approves has left"),
        ("unknown", "whether a human being must approve is not known"),
        ("ai-only-queue", "the queue serves AI workflows alone, and others go elsewhere"),
        ("path", "a certain way through a queue or connector leads to a privileged change past every human approval"),
        ("path-conditional", "such a way hangs on something, or on an approval that may not hold"),
    ],
};

impl Rule for AgentNoHumanApproval {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        if context.tables.approvals.is_empty() {
            return Vec::new();
        }
        let agents = context.agents();
        // Where nothing is handed on there is no way that other rules do not tell.
        let handoffs = if agents.is_empty() { None } else { Some(context.handoffs()).filter(Handoffs::any) };
        let answers: Vec<Answer> =
            handoffs.iter().flat_map(|handoffs| agents.iter().map(|agent| handoffs.answer(agent))).collect();
        let of_workflow =
            |row: &'_ Workflow| [unapproved(context, row, &answers), ai_only_queue(context, row)].into_iter().flatten();
        let mut found: Vec<Draft> = context.ai_workflows().flat_map(of_workflow).collect();
        let ways =
            handoffs.iter().flat_map(|handoffs| answers.iter().filter_map(|answer| way(context, handoffs, answer)));
        found.extend(ways);
        found
    }
}

/// A way to a privileged change that takes a queue and passes every human approval. One that takes none is the matter of
/// `agent-blast-radius`.
fn way(context: &Context<'_>, handoffs: &Handoffs<'_>, answer: &Answer) -> Option<Draft> {
    let (case, reaches) = match answer.verdict {
        Verdict::Unapproved => ("path", "reaches"),
        Verdict::PerhapsUnapproved => ("path-conditional", "may reach"),
        Verdict::Inside | Verdict::Approved | Verdict::NoWay => return None,
    };
    let target = answer.target().filter(|_| answer.is_handed_on())?;
    let (who, what) = (context.call(answer.agent), context.call(target));
    let title = format!("{who} {reaches} {what} through a queue past every human approval");
    let mut evidence = vec![answer.says().to_owned()];
    context.tell_way(&answer.way, &mut evidence);
    let why = handoffs.changes_permissions(target).map_or_else(|| context.rank_reason(target), str::to_owned);
    evidence.push(format!("{what}: {why}"));
    let key = vec!["path".to_owned()];
    Some(Draft { entity: answer.agent, case, title, subjects: vec![target], key, evidence, cause: None })
}

/// Approvals of a workflow: of itself, of its principal, or of the queue that it uses.
fn approvals<'a>(context: &Context<'a>, row: &Workflow) -> Vec<&'a Approval> {
    let of = |one: &&Approval| {
        one.object == row.workflow
            || (one.entity.is_some() && one.entity == row.principal)
            || row.queue.as_deref().is_some_and(|queue| {
                same_name(queue, &one.object) || one.queue.as_deref().is_some_and(|other| same_name(queue, other))
            })
    };
    context.tables.approvals.iter().filter(of).collect()
}

/// What is wrong with the approvals of a workflow; `None` when a human being must agree.
fn worth(context: &Context<'_>, row: &Workflow, approvals: &[&Approval]) -> Option<(&'static str, &'static str)> {
    let (approvers, requester) = (Approvers::new(context.tables), Requester::workflow(context.tables, row));
    let agreement = approvers.agreement(&requester, approvals);
    let asked = approvals.iter().filter(|one| one.required != Some(false) && one.quorum != Some(0));
    let asked: Vec<Approver> = asked.map(|one| approvers.approver(&requester, &one.approver)).collect();
    let unknown = ("unknown", "may need no human approval");
    let own = ("self", "is approved by itself or who answers for it");
    let machine = ("machine", "is approved by a machine");
    match (agreement, asked.iter().min()) {
        (Agreement::Human, _) => None,
        (_, None) => Some(("none", "needs nobody's approval")),
        (_, Some(Approver::Left)) => Some(("approver-left", "is approved by somebody who left")),
        (Agreement::Unknown, _) => Some(unknown),
        // Others may agree as well, and need not: the quorum can be had without them.
        (Agreement::Nobody, _) if asked.contains(&Approver::Own) => Some(own),
        (Agreement::Nobody, _) => Some(machine),
    }
}

fn unapproved(context: &Context<'_>, row: &Workflow, answers: &[Answer]) -> Option<Draft> {
    let entity = context.home_of(row)?;
    let approvals = approvals(context, row);
    let (case, what) = worth(context, row, &approvals)?;
    let title = format!("AI {} {what}", call(row));
    let (approvers, requester) = (Approvers::new(context.tables), Requester::workflow(context.tables, row));
    let mut evidence: Vec<String> = approvals.iter().map(|one| approvers.tell(&requester, one)).collect();
    if approvals.is_empty() {
        evidence.push("no approval names the workflow, its identity or its queue".to_owned());
    }
    if let Some(answer) = answers.iter().find(|answer| Some(answer.agent) == row.principal) {
        evidence.push(format!("{}: {}", context.call(answer.agent), answer.says()));
        context.tell_approvals(&answer.approvals, &mut evidence);
    }
    let key = vec![row.workflow.clone()];
    Some(Draft { entity, case, title, subjects: vec![], key, evidence, cause: None })
}

/// A queue of AI workflows, when what is no AI's goes to other queues.
fn ai_only_queue(context: &Context<'_>, row: &Workflow) -> Option<Draft> {
    let queue = row.queue.as_deref()?;
    let entity = context.home_of(row)?;
    let is_ai = |object: &str| context.ai_workflows().any(|one| one.workflow == object);
    let others =
        context.tables.workflows.iter().filter(|one| one.ai != Some(true)).filter_map(|one| one.queue.as_deref());
    let asked = context.tables.approvals.iter().filter(|one| !is_ai(&one.object));
    // A row about the queue itself says nothing of who uses it.
    let asked = asked.filter_map(|one| one.queue.as_deref().filter(|queue| *queue != one.object));
    let elsewhere: Vec<&str> = others.chain(asked).collect();
    if elsewhere.is_empty() || elsewhere.iter().any(|other| same_name(queue, other)) {
        return None;
    }
    let title = format!("AI {} has a queue that no one else uses", call(row));
    let mut known: Vec<&str> = elsewhere;
    known.sort_unstable();
    known.dedup();
    let evidence = vec![
        format!("its requests go to `{queue}`"),
        format!("requests of others go to {}", super::facts::short_list(&known)),
    ];
    let key = vec![row.workflow.clone(), "queue".to_owned()];
    Some(Draft { entity, case: "ai-only-queue", title, subjects: vec![], key, evidence, cause: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};
    use crate::model::{Certainty, Layer, PersonStatus};

    fn world(names: &[&str]) -> World {
        let mut world = World::new();
        let ann = world.user("ann");
        world.person_with("p-ann", PersonStatus::Active, &[ann]);
        world.person_with("p-owner", PersonStatus::Active, &[]);
        world.person_with("p-left", PersonStatus::Leaver, &[]);
        for name in names {
            let robot = world.robot(name);
            world.workflow(name, Some(robot), &["prepare"]);
        }
        world
    }

    #[test]
    fn a_required_human_being_is_enough_and_nothing_less_is() {
        let names = ["fine", "both", "own", "left", "robot", "open", "nobody", "zero", "gone"];
        let mut world = world(&names);
        world.approval("fine", "p-ann");
        world.approval("both", "p-left");
        world.approval("both", "p-ann");
        world.approval("own", "p-owner");
        world.approval("left", "p-left");
        world.approval("robot", "fine");
        world.approval("open", "p-ann").required = None;
        world.approval("nobody", "p-ann").required = Some(false);
        world.approval("zero", "p-ann").quorum = Some(0);
        let found = world.check(&AgentNoHumanApproval);
        let expected = [
            ("none", "gone"),
            ("approver-left", "left"),
            ("none", "nobody"),
            ("unknown", "open"),
            ("self", "own"),
            ("machine", "robot"),
            ("none", "zero"),
        ];
        assert_eq!(cases(&found), expected);
        assert_eq!(found[6].2.evidence, ["`zero` is approved by `p-ann` (a human being), required, quorum 0"]);
    }

    #[test]
    fn the_queue_counts_and_one_that_only_agents_use_is_told() {
        let mut world = world(&["shared", "apart"]);
        world.builder.workflows[0].queue = Some("access".to_owned());
        world.builder.workflows[1].queue = Some("ai-desk".to_owned());
        world.approval("payroll-role", "p-ann").queue = Some("access".to_owned());
        world.approval("ai-desk", "p-ann").queue = Some("ai-desk".to_owned());
        assert_eq!(cases(&world.check(&AgentNoHumanApproval)), [("ai-only-queue", "apart")]);
    }

    #[test]
    fn a_quorum_that_can_be_had_without_a_human_being_is_none() {
        let mut world = world(&["self", "enough", "bot"]);
        for (object, quorum) in [("self", 1), ("enough", 2), ("bot", 1)] {
            world.approval(object, "p-ann").quorum = Some(quorum);
            world.approval(object, if object == "bot" { "enough" } else { "p-owner" }).quorum = Some(quorum);
        }
        assert_eq!(cases(&world.check(&AgentNoHumanApproval)), [("machine", "bot"), ("self", "self")]);
    }

    /// An agent puts requests into a queue, and a connector carries them out as an identity that reaches the zone.
    fn handed_on(sure: Certainty) -> World {
        let mut world = world(&["agent"]);
        let (connector, admin) = (world.robot("connector"), world.role("admin"));
        world.protect(admin, "administrator of its account");
        let grant = world.grant(connector, &["sts:AssumeRole"], Layer::Identity);
        world.edge(connector, admin, sure, grant);
        world.builder.workflows[0].queue = Some("Requests".to_owned());
        let row = world.workflow("carry", Some(connector), &["execute"]);
        (row.ai, row.takes_from) = (Some(false), vec!["requests".to_owned()]);
        world.approval("payroll-role", "p-ann");
        world
    }

    #[test]
    fn a_way_through_a_queue_past_every_approval_is_told_step_by_step() {
        let found = handed_on(Certainty::Certain).check(&AgentNoHumanApproval);
        assert_eq!(cases(&found), [("none", "agent"), ("path", "agent")]);
        let draft = &found[1].2;
        assert_eq!(draft.title, "user `agent` reaches role `admin` through a queue past every human approval");
        assert_eq!(
            draft.evidence,
            [
                "a certain way leads to a privileged change past every human approval",
                "step 1: user `agent` to queue `requests` by a request of workflow `agent`, certain",
                "the requests of workflow `agent` go to `requests` (t.json)",
                "step 2: queue `requests` to user `connector` by workflow `carry` carries it out, certain",
                "workflow `carry` carries out what it takes from `requests` (t.json)",
                "step 3: user `connector` to role `admin` by sts-001, certain",
                "grant:0 statement `s0` of `connector` allows `sts:AssumeRole` on `*`",
                "role `admin`: it is protected: administrator of its account",
            ]
        );
        let found = handed_on(Certainty::Conditional).check(&AgentNoHumanApproval);
        assert_eq!(cases(&found), [("none", "agent"), ("path-conditional", "agent")]);
    }

    #[test]
    fn a_connector_that_may_change_permissions_is_privileged_without_being_protected() {
        for (certainty, expected) in [(Certainty::Certain, "path"), (Certainty::Conditional, "path-conditional")] {
            let mut world = world(&["agent"]);
            let connector = world.robot("connector");
            world.builder.workflows[0].queue = Some("requests".to_owned());
            let row = world.workflow("carry", Some(connector), &["execute"]);
            (row.ai, row.takes_from) = (Some(false), vec!["requests".to_owned()]);
            world.approval("agent", "p-owner");
            world.changes(connector, certainty);
            let found = world.check(&AgentNoHumanApproval);
            assert_eq!(cases(&found), [("self", "agent"), (expected, "agent")]);
            assert!(found[1].2.evidence.last().is_some_and(|line| line.contains("it may change permissions")));
        }
    }

    #[test]
    fn an_approval_on_the_way_closes_it_and_one_that_does_not_hold_leaves_it_open() {
        let found = |change: &dyn Fn(&mut World)| {
            let mut world = handed_on(Certainty::Certain);
            change(&mut world);
            let found = world.check(&AgentNoHumanApproval);
            found.iter().map(|(case, ..)| *case).collect::<Vec<_>>()
        };
        // Of the requests, of the queue, and of the connector.
        assert_eq!(
            found(&|world| {
                world.approval("agent", "p-ann");
            }),
            [""; 0]
        );
        assert_eq!(
            found(&|world| {
                world.approval("REQUESTS", "p-ann");
            }),
            [""; 0]
        );
        assert_eq!(
            found(&|world| {
                world.approval("carry", "p-ann");
            }),
            ["none"]
        );
        assert_eq!(
            found(&|world| {
                world.approval("agent", "p-owner");
            }),
            ["self", "path"]
        );
        assert_eq!(
            found(&|world| {
                world.approval("carry", "connector");
            }),
            ["none", "path"]
        );
        assert_eq!(found(&|world| world.approval("carry", "p-ann").required = None), ["none", "path-conditional"]);
        // Approvals of one of the things that are asked for there say nothing of the others.
        let part = found(&|world| world.approval("some-role", "p-ann").queue = Some("requests".to_owned()));
        assert_eq!(part, ["path-conditional"]);
    }

    #[test]
    fn who_may_write_into_the_queue_needs_no_approval_of_its_requests() {
        let mut world = handed_on(Certainty::Certain);
        let (queue, writer) = (world.resource("requests"), world.builder.workflows[0].principal);
        world.approval("agent", "p-ann");
        world.writes(writer.expect("it runs as somebody"), None, queue, Certainty::Certain);
        assert_eq!(cases(&world.check(&AgentNoHumanApproval)), [("path", "agent")]);
    }

    #[test]
    fn what_closes_every_way_is_told_where_a_workflow_has_no_approval_of_its_own() {
        let mut world = handed_on(Certainty::Certain);
        world.approval("carry", "p-ann");
        let found = world.check(&AgentNoHumanApproval);
        assert_eq!(
            found[0].2.evidence[1..],
            [
                "user `agent`: every way to a privileged change crosses a human approval; without these there is none",
                "approval 1: queue `requests` to user `connector` by workflow `carry` carries it out",
                "`carry` is approved by `p-ann` (a human being), required, quorum 1 (t.json)",
            ]
        );
    }

    #[test]
    fn without_approvals_in_the_input_nothing_is_known() {
        assert!(world(&["a"]).check(&AgentNoHumanApproval).is_empty());
    }
}
