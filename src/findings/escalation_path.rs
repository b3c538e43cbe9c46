//! A principal outside the protected zone from which a path leads into it.

use super::facts::count;
use super::trust::outsider;
use super::{Cause, Context, Draft, Info, Rule};
use crate::model::{Certainty, Edge, Entity, EntityId};
use crate::paths::may_start;

/// Statements cited for one step; the edges table has them all.
const CITED_MAX: usize = 5;

/// See [`Info::meaning`].
pub struct EscalationPath;

const INFO: Info = Info {
    id: "escalation-path",
    title: "Principal can escalate to the protected zone",
    meaning: "Whoever controls this principal can, through the listed steps, come to control something protected: an \
              administrator, an account, or what the configuration protects. Severity goes by the steps it takes, \
              whether they hang on something open, whether a machine holds the identity (no person notices its \
              sessions), and whether someone outside can act as it.",
    remediation: "Remove or narrow the statement behind the first step that is not used; a choke point or cut plan \
                  shows which removal helps most principals.",
    cases: &[
        ("certain-external", "certain path, and someone outside the organisation may act as the principal"),
        ("certain-near-nhi", "certain path of few steps from a non-human identity"),
        ("certain-near", "certain path of few steps"),
        ("certain-far-nhi", "longer certain path from a non-human identity"),
        ("certain-far", "longer certain path"),
        ("conditional-external", "conditional path, and someone outside the organisation may act as the principal"),
        ("conditional-near-nhi", "conditional path of few steps from a non-human identity"),
        ("conditional-near", "conditional path of few steps"),
        ("conditional-far-nhi", "longer conditional path from a non-human identity"),
        ("conditional-far", "longer conditional path"),
    ],
};

impl Rule for EscalationPath {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let outside = context
            .principals()
            .filter(|entity| context.zone_reason(entity.entity).is_none() && may_start(context.tables, entity));
        outside.filter_map(|entity| draft(context, entity)).collect()
    }
}

fn draft(context: &Context<'_>, entity: &Entity) -> Option<Draft> {
    let of = entity.entity;
    let (hops, certainty) = match context.hops_certain(of) {
        Some(hops) => (hops, Certainty::Certain),
        None => (context.hops_possible(of)?, Certainty::Conditional),
    };
    let outsider = outsider(context, of);
    let case =
        case(certainty, hops <= context.config.thresholds.near_hops_max, entity.nhi == Some(true), outsider.is_some());
    let path = context.path(of, certainty);
    let goal = path.map_or_else(|| "the protected zone".to_owned(), |path| context.call(path.target));
    let steps = count(hops as usize, "step");
    let title = match certainty {
        Certainty::Certain => format!("{} reaches {goal} in {steps}", context.call(of)),
        Certainty::Conditional => format!("{} may reach {goal} in {steps}", context.call(of)),
    };
    let mut evidence = vec![format!("{steps} to the protected zone, {certainty}")];
    evidence.extend(outsider.map(|who| format!("{who} outside the organisation may act as it")));
    let mut subjects = Vec::new();
    if let Some(path) = path {
        subjects = tell(context, of, &path.steps, &mut evidence);
        evidence.extend(
            context.zone_reason(path.target).map(|why| format!("{} is protected: {why}", context.call(path.target))),
        );
        evidence.extend(path.weakest_reason.as_ref().map(|reason| format!("hangs on: {reason}")));
    }
    let cause = context.first_step_cause(of, certainty).map(|entity| Cause {
        entity,
        key: vec![],
        says: match certainty {
            Certainty::Certain => ("lets", "escalate to the protected zone".to_owned()),
            Certainty::Conditional => ("may let", "escalate to the protected zone".to_owned()),
        },
    });
    Some(Draft { entity: of, case, title, subjects, key: vec![], evidence, cause })
}

const fn case(certainty: Certainty, near: bool, nhi: bool, external: bool) -> &'static str {
    match (certainty, external, near, nhi) {
        (Certainty::Certain, true, _, _) => "certain-external",
        (Certainty::Certain, _, true, true) => "certain-near-nhi",
        (Certainty::Certain, _, true, false) => "certain-near",
        (Certainty::Certain, _, false, true) => "certain-far-nhi",
        (Certainty::Certain, _, false, false) => "certain-far",
        (Certainty::Conditional, true, _, _) => "conditional-external",
        (Certainty::Conditional, _, true, true) => "conditional-near-nhi",
        (Certainty::Conditional, _, true, false) => "conditional-near",
        (Certainty::Conditional, _, false, true) => "conditional-far-nhi",
        (Certainty::Conditional, _, false, false) => "conditional-far",
    }
}

/// Adds the steps of a way (rows of the edges table) in words, target sets left out, and gives the entities on it after
/// the first.
pub(super) fn tell(context: &Context<'_>, start: EntityId, steps: &[u32], evidence: &mut Vec<String>) -> Vec<EntityId> {
    let mut on_it = Vec::new();
    // The edge by which a target set was entered says how; the one that leaves it says to whom.
    let mut entered: Option<&Edge> = None;
    let mut from = start;
    for edge in steps.iter().filter_map(|&at| context.facts.edges.get(at as usize)) {
        if edge.dst as usize >= context.tables.entities.len() {
            entered = Some(edge);
            continue;
        }
        let to = EntityId(edge.dst);
        let how = entered.take().unwrap_or(edge);
        evidence.push(format!(
            "step {}: {} to {} by {}, {}",
            on_it.len() + 1,
            context.call(from),
            context.call(to),
            how.technique,
            how.certainty.max(edge.certainty)
        ));
        evidence.extend(how.evidence.iter().take(CITED_MAX).map(|&grant| context.cite(grant)));
        on_it.push(to);
        from = to;
    }
    on_it
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};
    use crate::model::{Layer, TrustKind};

    #[test]
    fn severity_goes_by_certainty_distance_kind_and_outsiders() {
        let mut world = World::new();
        let admin = world.role("admin");
        world.protect(admin, "administrator of its account");
        let person = world.user("person");
        world.hops(person, Some(2), Some(1));
        let robot = world.robot("robot");
        world.hops(robot, Some(1), Some(1));
        let far = world.user("far");
        world.hops(far, Some(3), Some(3));
        let maybe = world.robot("maybe");
        world.hops(maybe, None, Some(2));
        let open = world.role("open");
        world.hops(open, Some(4), Some(4));
        world.trust(open, "AWS:arn:aws:iam::999999999999:root", TrustKind::External, None);
        world.user("harmless");
        let found = world.check(&EscalationPath);
        let expected = [
            ("certain-external", "open"),
            ("certain-far", "far"),
            ("conditional-near-nhi", "maybe"),
            ("certain-near", "person"),
            ("certain-near-nhi", "robot"),
        ];
        assert_eq!(cases(&found), expected);
    }

    #[test]
    fn the_path_is_told_with_its_statements() {
        let mut world = World::new();
        let admin = world.user("admin");
        world.protect(admin, "administrator of its account");
        let attacker = world.user("attacker");
        let grant = world.grant(attacker, &["iam:CreateAccessKey"], Layer::Identity);
        world.hops(attacker, Some(1), Some(1));
        world.step(attacker, admin, Certainty::Certain, grant);
        let found = world.check(&EscalationPath);
        assert_eq!(found[0].2.title, "user `attacker` reaches user `admin` in 1 step");
        assert_eq!(
            found[0].2.evidence,
            [
                "1 step to the protected zone, certain",
                "step 1: user `attacker` to user `admin` by iam-003, certain",
                "grant:0 statement `s0` of `attacker` allows `iam:CreateAccessKey` on `*`",
                "user `admin` is protected: administrator of its account",
            ]
        );
    }

    #[test]
    fn members_of_the_zone_and_principals_without_a_path_are_left_alone() {
        let mut world = World::new();
        let admin = world.role("admin");
        world.protect(admin, "administrator of its account");
        let idle = world.user("idle");
        world.hops(idle, None, None);
        assert!(world.check(&EscalationPath).is_empty());
    }
}
