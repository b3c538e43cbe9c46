//! An agent that may change things although its task is to suggest or prepare.

use std::collections::BTreeSet;

use super::agents::{Agent, call};
use super::facts::short_list;
use super::handoffs::names;
use super::{Context, Draft, Info, Rule};
use crate::model::{Access, Decision};

/// See [`Info::meaning`].
pub struct AgentStandingWrite;

const INFO: Info = Info {
    id: "agent-standing-write",
    title: "AI agent holds more than its declared functions",
    meaning: "Every AI workflow of this identity is declared to suggest or prepare, and the identity holds standing \
              rights to change permissions or things: it could carry out what it recommends. Where no function is \
              declared, nothing says what it may do, and that is a finding of its own, a lesser one.",
    remediation: "Leave the agent rights to read and to put drafts where people look at them; give the rights to \
                  carry out to another identity that acts on approval. Declare the functions of each workflow.",
    cases: &[
        ("permissions", "declared to suggest or prepare, and may change permissions"),
        ("write", "declared to suggest or prepare, and may change things"),
        ("conditional", "the same, under a condition"),
        ("undeclared", "no function is declared, and it may change permissions or things"),
    ],
};

impl Rule for AgentStandingWrite {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        context.agents().iter().filter_map(|agent| draft(context, agent)).collect()
    }
}

/// Whether all AI workflows are declared not to execute: `None` when one of them declares nothing.
fn only_prepares(agent: &Agent<'_>) -> Option<bool> {
    let rows = agent.workflows.iter().filter(|row| row.ai == Some(true));
    rows.map(|row| names::only_prepares(row)).try_fold(true, |all, one| Some(all && one?))
}

fn draft(context: &Context<'_>, agent: &Agent<'_>) -> Option<Draft> {
    if !agent.workflows.iter().any(|row| row.ai == Some(true)) {
        return None;
    }
    let declared = only_prepares(agent);
    let held = |level: &'static str, sure: bool| -> Vec<&Access> {
        let rows = context.access(agent.principal).iter().filter(|row| row.granted_n > 0 && row.level == level);
        let counts = |row: &&Access| match row.decision {
            Decision::Allowed => sure,
            Decision::Conditional => !sure,
            // What cannot be decided is not known to be held.
            Decision::Denied | Decision::Unknown => false,
        };
        rows.filter(counts).collect()
    };
    let (case, rows) = [
        ("permissions", held("permissions", true)),
        ("write", held("write", true)),
        ("conditional", [held("permissions", false), held("write", false)].concat()),
    ]
    .into_iter()
    .find(|(_, rows)| !rows.is_empty())?;
    let case = match declared {
        Some(false) => return None,
        Some(true) => case,
        None => "undeclared",
    };
    let services: BTreeSet<&str> = rows.iter().map(|row| row.service.as_str()).collect();
    let services: Vec<&str> = services.into_iter().collect();
    let who = context.call(agent.principal);
    let title = match case {
        "permissions" => format!("{who} may change permissions and is declared to suggest or prepare"),
        "undeclared" => format!("{who} may change things and nothing declares what its workflow may do"),
        _ => format!("{who} may change things and is declared to suggest or prepare"),
    };
    let said = |row: &&crate::model::Workflow| match row.functions.as_slice() {
        [] => format!("{} declares no function", call(row)),
        functions => format!("{} is declared to {}", call(row), functions.join(", ")),
    };
    let mut evidence: Vec<String> = agent.workflows.iter().map(said).collect();
    let levels: BTreeSet<&str> = rows.iter().map(|row| row.level.as_str()).collect();
    let levels: Vec<&str> = levels.into_iter().collect();
    evidence.push(format!("holds {} in {}", levels.join(" and "), short_list(&services)));
    Some(Draft { entity: agent.principal, case, title, subjects: vec![], key: vec![], evidence, cause: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};

    #[test]
    fn what_is_held_beyond_what_is_declared_is_found() {
        let mut world = World::new();
        let [admin, writer, open, silent, reader, executor] =
            ["admin", "writer", "open", "silent", "reader", "executor"].map(|name| world.robot(name));
        for (who, level) in
            [(admin, "permissions"), (writer, "write"), (silent, "write"), (reader, "read"), (executor, "write")]
        {
            world.may(who, "iam", level, 2, 10.0);
        }
        world.may(open, "iam", "write", 2, 10.0).decision = Decision::Conditional;
        world.may(reader, "s3", "write", 2, 10.0).decision = Decision::Unknown;
        world.workflow("a", Some(admin), &["suggest", "prepare"]);
        world.workflow("b", Some(writer), &["Prepare"]);
        world.workflow("c", Some(open), &["suggest"]);
        world.workflow("d", Some(silent), &[]);
        world.workflow("e", Some(reader), &["suggest"]);
        world.workflow("f", Some(executor), &["suggest", "execute"]);
        let found = world.check(&AgentStandingWrite);
        let expected =
            [("permissions", "admin"), ("conditional", "open"), ("undeclared", "silent"), ("write", "writer")];
        assert_eq!(cases(&found), expected);
        assert_eq!(found[0].2.evidence, ["workflow `a` is declared to suggest, prepare", "holds permissions in `iam`"]);
    }

    #[test]
    fn workflows_without_a_model_are_not_agents() {
        let mut world = World::new();
        let robot = world.robot("robot");
        world.may(robot, "iam", "write", 2, 10.0);
        world.workflow("a", Some(robot), &["suggest"]).ai = None;
        assert!(world.check(&AgentStandingWrite).is_empty());
    }
}
