//! An agent that acts under an identity which is not its own alone.

use super::agents::call;
use super::{Context, Draft, Info, Rule};

/// See [`Info::meaning`].
pub struct AgentSharedIdentity;

const INFO: Info = Info {
    id: "agent-shared-identity",
    title: "AI agent shares its identity",
    meaning: "An AI workflow runs as a human being's identity, or several workflows, one of them an AI's, run as one \
              identity. What the agent did cannot then be told from what the person or another workflow did, and what \
              is taken from one is taken from all.",
    remediation: "Give each AI workflow an identity of its own, with the rights of its task.",
    cases: &[
        ("human-identity", "the identity is a human being's"),
        ("several-workflows", "several workflows run as the identity, an AI's among them"),
    ],
};

impl Rule for AgentSharedIdentity {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let mut found = Vec::new();
        for agent in context.agents().iter().filter(|agent| !agent.workflows.is_empty()) {
            let entity = context.tables.entity(agent.principal);
            let names: Vec<String> = agent.workflows.iter().map(|row| call(row)).collect();
            let who = context.call(agent.principal);
            let behind = context.tables.identities.iter().find(|row| row.entity == agent.principal);
            if entity.nhi == Some(false) || behind.is_some() {
                let mut evidence = vec![format!("runs as it: {}", names.join(", "))];
                evidence
                    .extend(behind.map(|row| format!("it is an identity of person `{}` ({})", row.person, row.method)));
                evidence.extend(entity.nhi_reason.as_ref().map(|why| format!("a human being: {why}")));
                found.push(Draft {
                    entity: agent.principal,
                    case: "human-identity",
                    title: format!("an AI workflow runs as the human identity {who}"),
                    subjects: vec![],
                    key: vec!["human".to_owned()],
                    evidence,
                    cause: None,
                });
            }
            if agent.workflows.len() > 1 {
                found.push(Draft {
                    entity: agent.principal,
                    case: "several-workflows",
                    title: format!("{} workflows run as {who}, an AI's among them", agent.workflows.len()),
                    subjects: vec![],
                    key: vec!["several".to_owned()],
                    evidence: names.into_iter().map(|name| format!("{name} runs as it")).collect(),
                    cause: None,
                });
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};
    use crate::model::PersonStatus;

    #[test]
    fn people_and_company_are_found_and_an_identity_of_ones_own_is_not() {
        let mut world = World::new();
        let [ann, linked] = ["ann", "linked"].map(|name| world.user(name));
        let [alone, two, plain] = ["alone", "two", "plain"].map(|name| world.robot(name));
        world.edit(linked, |entity| entity.nhi = None);
        world.person_with("p-1", PersonStatus::Active, &[linked]);
        world.workflow("a", Some(ann), &[]);
        world.workflow("b", Some(linked), &[]);
        world.workflow("c", Some(alone), &[]);
        world.workflow("d", Some(two), &[]);
        world.workflow("e", Some(two), &[]).ai = Some(false);
        world.workflow("f", Some(plain), &[]).ai = Some(false);
        world.workflow("g", Some(plain), &[]).ai = None;
        let found = world.check(&AgentSharedIdentity);
        let expected = [("human-identity", "ann"), ("human-identity", "linked"), ("several-workflows", "two")];
        assert_eq!(cases(&found), expected);
        assert_eq!(found[1].2.evidence[1], "it is an identity of person `p-1` (declared)");
    }
}
