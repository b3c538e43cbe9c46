//! An agent whose mistakes would reach far.

use super::facts::{count, is_root};
use super::{Context, Draft, Info, Rule};
use crate::model::{Certainty, EntityId};

/// See [`Info::meaning`].
pub struct AgentBlastRadius;

const INFO: Info = Info {
    id: "agent-blast-radius",
    title: "AI agent reaches far beyond its task",
    meaning: "An AI agent's identity is protected itself, has a path to the protected zone, or has certain paths to \
              `thresholds.agent_reach_pct_min` percent of everything, weighted by criticality. One wrong or hijacked \
              run spreads as far.",
    remediation: "Take the first step of the path away, and keep the agent's identity apart from roles that others \
                  use.",
    cases: &[
        ("administrator", "the identity is in the protected zone"),
        ("zone", "a certain path leads to the protected zone"),
        ("zone-conditional", "a path that hangs on something leads there"),
        ("wide", "certain paths lead to a large share of everything"),
    ],
};

impl Rule for AgentBlastRadius {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let agents = context.agents();
        agents.iter().filter_map(|agent| draft(context, agent.principal)).collect()
    }
}

fn draft(context: &Context<'_>, of: EntityId) -> Option<Draft> {
    let who = context.call(of);
    let share = 100.0 * context.facts.reach_weight_certain.get(of.index()).copied().unwrap_or(0.0);
    let least = f64::from(context.config.thresholds.agent_reach_pct_min);
    let steps = |hops: u32| count(hops as usize, "step");
    let (case, title, mut evidence) =
        match (context.zone_reason(of), context.hops_certain(of), context.hops_possible(of)) {
            (Some(why), _, _) => ("administrator", format!("AI agent {who} is protected itself"), vec![why.to_owned()]),
            (None, Some(hops), _) => {
                let fact = format!("{} to the protected zone, certain", steps(hops));
                ("zone", format!("AI agent {who} reaches the protected zone"), vec![fact])
            }
            (None, None, Some(hops)) => {
                let fact = format!("{} to the protected zone, conditional", steps(hops));
                ("zone-conditional", format!("AI agent {who} may reach the protected zone"), vec![fact])
            }
            (None, None, None) if share >= least => {
                let fact = format!("{least} % are allowed");
                ("wide", format!("AI agent {who} reaches a large share of everything"), vec![fact])
            }
            (None, None, None) => return None,
        };
    if is_root(context.tables.entity(of)) {
        evidence.push("it is the root of an account".to_owned());
    }
    evidence.push(format!("certain paths lead to {share:.1} % of everything, weighted by criticality"));
    let certainty = if case == "zone-conditional" { Certainty::Conditional } else { Certainty::Certain };
    if let Some(path) = context.path(of, certainty) {
        super::escalation_path::tell(context, of, &path.steps, &mut evidence);
    }
    Some(Draft { entity: of, case, title, subjects: vec![], key: vec![], evidence, cause: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};
    use crate::model::EntityKind;

    #[test]
    fn the_reach_of_agents_is_judged_from_the_threshold_on() {
        let mut world = World::new();
        let names = ["admin", "sure", "open", "wide", "under", "calm"];
        let [admin, sure, open, wide, under, calm] = names.map(|name| world.robot(name));
        world.protect(admin, "administrator");
        world.hops(sure, Some(2), Some(1));
        world.hops(open, None, Some(3));
        world.reach(wide, 0.05);
        world.reach(under, 0.0499);
        for (agent, name) in [admin, sure, open, wide, under, calm].into_iter().zip(names) {
            world.workflow(name, Some(agent), &[]);
        }
        let bystander = world.robot("bystander");
        world.protect(bystander, "administrator");
        let found = world.check(&AgentBlastRadius);
        let expected = [("administrator", "admin"), ("zone-conditional", "open"), ("zone", "sure"), ("wide", "wide")];
        assert_eq!(cases(&found), expected);
        assert_eq!(found[3].2.evidence[1], "certain paths lead to 5.0 % of everything, weighted by criticality");
    }

    #[test]
    fn an_entity_of_kind_agent_is_one_without_any_workflow() {
        let mut world = World::new();
        let bot = world.robot("bot");
        world.edit(bot, |entity| entity.kind = EntityKind::Agent);
        world.hops(bot, Some(1), Some(1));
        assert_eq!(cases(&world.check(&AgentBlastRadius)), [("zone", "bot")]);
    }
}
