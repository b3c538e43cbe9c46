//! An AI workflow that nobody answers for, or an agent that no workflow explains.

use super::agents::call;
use super::{Context, Draft, Info, Rule};
use crate::model::{PersonStatus, Workflow};

/// See [`Info::meaning`].
pub struct AgentUnmapped;

const INFO: Info = Info {
    id: "agent-unmapped",
    title: "AI agent without a business process or somebody who answers for it",
    meaning: "An AI workflow names no business process that it serves or no control owner, its owner has left, or an \
              agent's identity is in no workflow at all. Nobody can then say whether what it does is what it is for, \
              or take it away when it is not. A workflow without identity and owner is told by the checks of the \
              input.",
    remediation: "Name the process and an owner who is there, or switch the agent off.",
    cases: &[
        ("no-owner", "no control owner is named"),
        ("owner-left", "the control owner has left"),
        ("no-process", "no business process is named"),
        ("no-workflow", "an agent that no workflow of the input names"),
    ],
};

impl Rule for AgentUnmapped {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let mut found: Vec<Draft> = context.ai_workflows().filter_map(|row| unmapped(context, row)).collect();
        // Without a table of workflows nothing is known of any.
        if !context.tables.workflows.is_empty() {
            for agent in context.agents().iter().filter(|agent| agent.workflows.is_empty()) {
                found.push(Draft {
                    entity: agent.principal,
                    case: "no-workflow",
                    title: format!("no workflow explains {}", context.call(agent.principal)),
                    subjects: vec![],
                    key: vec!["no-workflow".to_owned()],
                    evidence: vec!["the input has workflows, and none runs as it".to_owned()],
                    cause: None,
                });
            }
        }
        found
    }
}

fn unmapped(context: &Context<'_>, row: &Workflow) -> Option<Draft> {
    let entity = context.home_of(row)?;
    let said = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
    let owner = row.control_owner.as_deref().unwrap_or_default();
    let left = context.person(owner).is_some_and(|person| person.status == PersonStatus::Leaver);
    let checks = [
        ("no-owner", !said(&row.control_owner), "no control owner is named".to_owned()),
        ("owner-left", left, format!("control owner `{owner}` has left")),
        ("no-process", !said(&row.business_process), "no business process is named".to_owned()),
    ];
    let mut wrong = checks.into_iter().filter(|(_, holds, _)| *holds).map(|(case, _, fact)| (case, fact));
    let (case, fact) = wrong.next()?;
    let title = format!("AI {}: {fact}", call(row));
    let mut evidence = vec![fact];
    evidence.extend(wrong.map(|(_, fact)| fact));
    evidence.extend(row.principal.map(|principal| format!("it runs as {}", context.call(principal))));
    let key = vec![row.workflow.clone()];
    Some(Draft { entity, case, title, subjects: vec![], key, evidence, cause: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};
    use crate::model::{EntityKind, Handle};

    fn agent(world: &mut World, name: &str) -> Handle {
        let handle = world.robot(name);
        world.edit(handle, |entity| entity.kind = EntityKind::Agent);
        handle
    }

    #[test]
    fn every_agent_needs_a_process_and_an_owner_who_is_there() {
        let mut world = World::new();
        let [fine, bare, orphan, bot] = ["fine", "bare", "orphan", "bot"].map(|name| agent(&mut world, name));
        let owner = world.user("owner");
        world.person_with("p-owner", PersonStatus::Active, &[owner]);
        world.person_with("p-left", PersonStatus::Leaver, &[]);
        world.workflow("a", Some(fine), &[]);
        let row = world.workflow("b", Some(bare), &[]);
        (row.control_owner, row.business_process) = (None, Some(" ".to_owned()));
        world.workflow("c", Some(orphan), &[]).control_owner = Some("p-left".to_owned());
        world.workflow("d", None, &[]).business_process = None;
        world.workflow("e", None, &[]).control_owner = None;
        world.workflow("f", None, &[]).ai = Some(false);
        let _ = bot;
        let found = world.check(&AgentUnmapped);
        let expected =
            [("no-owner", "bare"), ("owner-left", "orphan"), ("no-process", "owner"), ("no-workflow", "bot")];
        assert_eq!(cases(&found), expected);
        assert_eq!(found[0].2.evidence[..2], ["no control owner is named", "no business process is named"]);
    }

    #[test]
    fn an_agent_is_unexplained_only_where_workflows_are_known() {
        let mut world = World::new();
        agent(&mut world, "bot");
        assert!(world.check(&AgentUnmapped).is_empty());
    }
}
