//! An agent that can make the changes which it may only propose.

use super::agents::{Agent, call};
use super::handoffs::{Handoffs, Place, names};
use super::severity::Rank;
use super::{Context, Draft, Info, Rule};
use crate::model::{Certainty, EntityId, Workflow};

/// See [`Info::meaning`].
pub struct AgentProposeOnly;

const INFO: Info = Info {
    id: "agent-propose-only",
    title: "AI agent can make the changes that it may only propose",
    meaning: "The table of workflows says that an AI workflow may only propose changes to something (`proposes`; where \
              that is empty and the workflow is declared to suggest or prepare, what is approved in the queue that its \
              requests go to), and its identity can make them itself: it has the right to change it, or an attack path \
              to it or to whom may change it. That the changes are only proposed is then a promise and no control.",
    remediation: "Take away the first step of the way that is named, or the right itself; let another identity carry \
                  out what is approved.",
    cases: &[
        ("protected", "a certain way, to something protected or with a certain path to the protected zone"),
        ("other", "a certain way, to anything else"),
        ("protected-conditional", "a way that hangs on something, to something protected or near"),
        ("other-conditional", "a way that hangs on something, to anything else"),
    ],
};

impl Rule for AgentProposeOnly {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let agents = context.agents();
        if agents.is_empty() {
            return Vec::new();
        }
        let handoffs = context.handoffs();
        let of_agent = |agent: &Agent<'_>| {
            let rows = (0..).zip(&context.tables.workflows);
            let own = rows.filter(|(_, row)| row.ai == Some(true) && row.principal == Some(agent.principal));
            own.filter_map(|(at, row)| draft(context, &handoffs, at, row)).collect::<Vec<_>>()
        };
        agents.iter().flat_map(of_agent).collect()
    }
}

fn draft(context: &Context<'_>, handoffs: &Handoffs<'_>, at: u32, row: &Workflow) -> Option<Draft> {
    let agent = row.principal?;
    let targets = names::proposals(context.tables, row);
    if targets.is_empty() {
        return None;
    }
    let (certainty, way) = handoffs.makes_itself(agent, at, &targets)?;
    let target = way.iter().rev().find_map(|step| match step.to {
        Place::Entity(entity) => Some(entity),
        Place::Queue(_) => None,
    })?;
    let valued = context.rank(target) != Rank::Other;
    let case = match (certainty, valued) {
        (Certainty::Certain, true) => "protected",
        (Certainty::Certain, false) => "other",
        (Certainty::Conditional, true) => "protected-conditional",
        (Certainty::Conditional, false) => "other-conditional",
    };
    let (who, what) = (context.call(agent), context.call(target));
    let can = if certainty == Certainty::Certain { "can" } else { "may be able to" };
    let title = format!("{who} {can} change {what}, which {} may only propose", call(row));
    let mut evidence = vec![declared(context, row, &targets)];
    context.tell_way(&way, &mut evidence);
    evidence.push(format!("{what}: {}", context.rank_reason(target)));
    let key = vec![row.workflow.clone()];
    Some(Draft { entity: agent, case, title, subjects: vec![target], key, evidence, cause: None })
}

/// What the tables say that the workflow may only propose.
fn declared(context: &Context<'_>, row: &Workflow, targets: &[EntityId]) -> String {
    if !row.proposes.is_empty() {
        return format!("{} may only propose changes to {}", call(row), super::facts::short_list(&row.proposes));
    }
    let names: Vec<&str> = targets.iter().map(|&target| context.tables.entity(target).name.as_str()).collect();
    format!(
        "{} is declared to {}, and its requests go to `{}`, where changes to {} are approved",
        call(row),
        row.functions.join(", "),
        row.queue.as_deref().unwrap_or_default(),
        super::facts::short_list(&names)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};
    use crate::model::Layer;

    #[test]
    fn a_path_or_a_right_to_what_may_only_be_proposed_is_found() {
        let mut world = World::new();
        let [path, right, maybe, through, calm] =
            ["path", "right", "maybe", "through", "calm"].map(|name| world.robot(name));
        let [admin, helper] = ["admin", "helper"].map(|name| world.role(name));
        let (queue, other) = (world.resource("roster"), world.resource("other"));
        world.protect(admin, "administrator of its account");
        let grant = world.grant(path, &["sts:AssumeRole"], Layer::Identity);
        world.edge(path, admin, Certainty::Certain, grant);
        world.edge(through, helper, Certainty::Certain, grant);
        // In the order of names of workflows, which is that of the table.
        for (who, name) in [(path, "a"), (right, "b"), (maybe, "c"), (through, "d"), (calm, "e")] {
            let row = world.workflow(name, Some(who), &["execute"]);
            row.proposes = vec![if name == "a" { "*:role/admin".to_owned() } else { "*:roster".to_owned() }];
        }
        world.writes(right, Some(1), queue, Certainty::Certain);
        world.writes(maybe, Some(2), queue, Certainty::Conditional);
        world.writes(helper, Some(3), queue, Certainty::Certain);
        // What another workflow may only propose, and what none may, are other matters.
        world.writes(calm, Some(3), queue, Certainty::Certain);
        world.writes(calm, None, other, Certainty::Certain);
        let found = world.check(&AgentProposeOnly);
        let expected =
            [("other-conditional", "maybe"), ("protected", "path"), ("other", "right"), ("other", "through")];
        assert_eq!(cases(&found), expected);
        assert_eq!(found[1].2.title, "user `path` can change role `admin`, which workflow `a` may only propose");
        assert_eq!(
            found[1].2.evidence,
            [
                "workflow `a` may only propose changes to `*:role/admin`",
                "step 1: user `path` to role `admin` by sts-001, certain",
                "grant:0 statement `s0` of `path` allows `sts:AssumeRole` on `*`",
                "role `admin`: it is protected: administrator of its account",
            ]
        );
        assert_eq!(found[3].2.evidence.iter().filter(|line| line.starts_with("step ")).count(), 2);
        assert_eq!(found[0].2.evidence[2], "hangs on: source address");
    }

    #[test]
    fn who_suggests_or_prepares_may_only_propose_what_its_queue_approves() {
        let mut world = World::new();
        let [suggests, executes, elsewhere] = ["suggests", "executes", "elsewhere"].map(|name| world.robot(name));
        let (admin, ann) = (world.role("admin"), world.user("ann"));
        let grant = world.grant(suggests, &["sts:AssumeRole"], Layer::Identity);
        for who in [suggests, executes, elsewhere] {
            world.edge(who, admin, Certainty::Certain, grant);
        }
        world.person_with("p-ann", crate::model::PersonStatus::Active, &[ann]);
        for (who, name, function, queue) in [
            (suggests, "a", "suggest", "access"),
            (executes, "b", "execute", "access"),
            (elsewhere, "c", "suggest", "changes"),
        ] {
            world.workflow(name, Some(who), &[function]).queue = Some(queue.to_owned());
        }
        let row = world.approval("admin", "p-ann");
        (row.entity, row.queue) = (Some(admin), Some("access".to_owned()));
        let found = world.check(&AgentProposeOnly);
        assert_eq!(cases(&found), [("other", "suggests")]);
        assert_eq!(
            found[0].2.evidence[0],
            "workflow `a` is declared to suggest, and its requests go to `access`, where changes to `admin` are approved"
        );
    }
}
