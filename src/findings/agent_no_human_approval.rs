//! An AI workflow whose requests no human being has to agree to.

use super::agents::{Approver, call};
use super::{Context, Draft, Info, Rule};
use crate::model::{Approval, Workflow};

/// See [`Info::meaning`].
pub struct AgentNoHumanApproval;

const INFO: Info = Info {
    id: "agent-no-human-approval",
    title: "AI workflow without approval by a human being",
    meaning: "Nothing makes a human being who is somebody else, and still there, agree before what this AI workflow \
              asks for is done: no approval is required of it or of its queue, none is needed for a quorum, or its \
              approver is the agent, who answers for it, a machine, or somebody who left. A queue that AI workflows \
              alone use is named too: requests belong where people already look. Without any approval in the input \
              nothing is said.",
    remediation: "Send the requests of the workflow to the queue that people's requests go to, with at least one \
                  required approver who is neither its owner nor the owner of its identity.",
    cases: &[
        ("none", "no approval is required, or a quorum of none is enough"),
        ("self", "who approves is the agent or answers for it"),
        ("machine", "who approves is a machine"),
        ("approver-left", "who approves has left"),
        ("unknown", "whether a human being must approve is not known"),
        ("ai-only-queue", "the queue serves AI workflows alone, and others go elsewhere"),
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
        let workflows = context.ai_workflows();
        workflows.flat_map(|row| [unapproved(context, row), ai_only_queue(context, row)]).flatten().collect()
    }
}

/// Approvals of a workflow: of itself, of its principal, or of the queue that it uses.
fn approvals<'a>(context: &Context<'a>, row: &Workflow) -> Vec<&'a Approval> {
    let of = |one: &&Approval| {
        one.object == row.workflow
            || (one.entity.is_some() && one.entity == row.principal)
            || (row.queue.is_some() && (one.queue == row.queue || row.queue.as_ref() == Some(&one.object)))
    };
    context.tables.approvals.iter().filter(of).collect()
}

/// What an approval is worth: `None` when it asks for nobody.
fn worth(context: &Context<'_>, row: &Workflow, approval: &Approval) -> Option<Approver> {
    if approval.required == Some(false) || approval.quorum == Some(0) {
        return None;
    }
    let approver = context.approver(row, &approval.approver);
    // Whether it has to be asked for at all is not known.
    Some(if approval.required.is_none() { approver.max(Approver::Unknown) } else { approver })
}

fn unapproved(context: &Context<'_>, row: &Workflow) -> Option<Draft> {
    let entity = context.home_of(row)?;
    let approvals = approvals(context, row);
    let asked: Vec<Approver> = approvals.iter().filter_map(|approval| worth(context, row, approval)).collect();
    let (case, what) = match asked.iter().min() {
        Some(Approver::Human) => return None,
        None => ("none", "needs nobody's approval"),
        Some(Approver::Own) => ("self", "is approved by itself or who answers for it"),
        Some(Approver::Machine) => ("machine", "is approved by a machine"),
        Some(Approver::Left) => ("approver-left", "is approved by somebody who left"),
        Some(Approver::Unknown) => ("unknown", "may need no human approval"),
    };
    let title = format!("AI {} {what}", call(row));
    let mut evidence: Vec<String> = Vec::new();
    for approval in &approvals {
        let required = match approval.required {
            Some(true) => "required",
            Some(false) => "not required",
            None => "required or not: unknown",
        };
        let quorum = approval.quorum.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
        let (object, by) = (&approval.object, &approval.approver);
        let who = match context.approver(row, by) {
            Approver::Human => "a human being",
            Approver::Unknown => "not known",
            Approver::Machine => "a machine",
            Approver::Left => "left",
            Approver::Own => "the agent or who answers for it",
        };
        evidence.push(format!("`{object}` is approved by `{by}` ({who}), {required}, quorum {quorum}"));
    }
    if approvals.is_empty() {
        evidence.push("no approval names the workflow, its identity or its queue".to_owned());
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
    if elsewhere.is_empty() || elsewhere.contains(&queue) {
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
    use crate::model::PersonStatus;

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
    fn without_approvals_in_the_input_nothing_is_known() {
        assert!(world(&["a"]).check(&AgentNoHumanApproval).is_empty());
    }
}
