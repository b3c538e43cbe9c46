//! Two duties that must be apart and are in one hand, or in reach of one.

use std::collections::BTreeMap;

use super::asked::{Duties, Holder};
use super::escalation_path::tell;
use super::facts::{count, is_root, short_list};
use super::{Cause, Context, Draft, Info, Rule, causes};
use crate::model::{Certainty, EntityId, Severity, SodRule};
use crate::paths::Ways;

/// Statements cited for one duty.
const CITED_MAX: usize = 3;

/// See [`Info::meaning`].
pub struct SodConflict;

const INFO: Info = Info {
    id: "sod-conflict",
    title: "Duties that must be apart are in one hand",
    meaning: "A rule of segregation of duties keeps two duties apart, and one principal, or one person over all of \
              their identities, holds both: by effective permissions, or by coming to control others that hold what \
              is missing. Administrators hold every duty and are listed once for each account. A path into the \
              protected zone gives every duty as well and is the matter of `escalation-path`, so that ways through \
              the zone do not count here. A duty that only a policy which is in no export could give is not known to \
              be held.",
    remediation: "Take one of the two duties away at the statements listed, or remove the step that brings it into \
                  reach; where neither can be done, ask for an exception that names an owner and an end.",
    cases: &[
        ("direct", "effective permissions hold both duties for certain"),
        ("reachable", "certain paths to others bring what is missing"),
        ("direct-conditional", "effective permissions hold both duties, one of them under a condition"),
        ("reachable-conditional", "paths or duties that hang on something bring what is missing"),
        ("administrators", "administrators of an account, who hold both duties of at least one rule"),
    ],
};

/// Who must not hold both: a principal, or a person with several identities.
struct Unit<'a> {
    /// Identities in order of their full ids.
    who: Vec<EntityId>,
    person: Option<&'a str>,
}

/// One side of a rule, with the ways to those that hold it.
struct Side<'a> {
    duty: &'a [String],
    holders: &'a [Holder],
    certain: Ways,
    possible: Ways,
}

/// How a unit has one duty.
struct Has<'a> {
    from: EntityId,
    /// Edges to the holder; none when `from` is it.
    steps: Vec<u32>,
    holder: &'a Holder,
}

impl Rule for SodConflict {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let rules = context.tables.sod_rules.iter().zip(&context.facts.asked.duties);
        let rules: Vec<(&SodRule, &Duties)> =
            rules.filter(|(_, duties)| !duties.left.is_empty() && !duties.right.is_empty()).collect();
        if rules.is_empty() {
            return Vec::new();
        }
        let units = units(context);
        let mut found = administrators(context, &rules);
        for (rule, duties) in rules {
            let left = Side::new(context, &rule.left, &duties.left);
            let right = Side::new(context, &rule.right, &duties.right);
            found.extend(units.iter().filter_map(|unit| draft(context, rule, unit, &left, &right)));
        }
        found
    }

    fn stated_severity(&self, context: &Context<'_>, draft: &Draft) -> Option<Severity> {
        if draft.case == "administrators" {
            return None;
        }
        // A group's key has the rule behind the mark and the case.
        let named = |rule: &&SodRule| draft.key.iter().any(|key| *key == key_of(rule));
        let stated = context.tables.sod_rules.iter().find(named)?.severity?;
        let step = usize::from(draft.case.ends_with("conditional"));
        let at = Severity::ALL.iter().position(|one| *one == stated)? + step;
        Severity::ALL.get(at.min(Severity::ALL.len() - 1)).copied()
    }
}

fn key_of(rule: &SodRule) -> String {
    format!("rule:{}", rule.rule)
}

impl<'a> Side<'a> {
    fn new(context: &Context<'_>, duty: &'a [String], holders: &'a [Holder]) -> Self {
        let land = context.facts.land;
        let to = |certain: bool| -> Vec<EntityId> {
            let counts = |row: &&Holder| !certain || row.certainty == Certainty::Certain;
            holders.iter().filter(counts).map(|row| row.entity).collect()
        };
        let certain = land.ways(&to(true), Certainty::Certain, true);
        Self { duty, holders, certain, possible: land.ways(&to(false), Certainty::Conditional, true) }
    }

    fn held(&self, by: EntityId, least: Certainty) -> Option<&'a Holder> {
        let at = self.holders.binary_search_by_key(&by, |row| row.entity).ok()?;
        Some(&self.holders[at]).filter(|row| row.certainty <= least)
    }

    /// How a unit has the duty: by itself, else by the fewest steps.
    fn had(&self, context: &Context<'_>, unit: &Unit<'_>, least: Certainty, by_reach: bool) -> Option<Has<'a>> {
        let own = unit.who.iter().find_map(|&from| Some(Has { from, steps: vec![], holder: self.held(from, least)? }));
        if own.is_some() || !by_reach {
            return own;
        }
        let ways = if least == Certainty::Certain { &self.certain } else { &self.possible };
        let from =
            unit.who.iter().copied().filter(|&from| ways.hops(from).is_some()).min_by_key(|&from| ways.hops(from))?;
        let holder = self.held(ways.target(from)?, least)?;
        let entered = context.zone_reason(holder.entity).is_some();
        (!entered).then(|| Has { from, steps: ways.steps(from), holder })
    }
}

/// Principals and persons that are no administrators and no root.
fn units<'a>(context: &Context<'a>) -> Vec<Unit<'a>> {
    let counts = |of: EntityId| {
        let entity = context.tables.entity(of);
        entity.is_principal() && !is_root(entity) && !context.is_administrator(entity)
    };
    let mut people: BTreeMap<&str, Vec<EntityId>> = BTreeMap::new();
    for row in context.tables.identities.iter().filter(|row| counts(row.entity)) {
        people.entry(row.person.as_str()).or_default().push(row.entity);
    }
    for who in people.values_mut() {
        who.sort_unstable();
        who.dedup();
    }
    people.retain(|_, who| who.len() > 1);
    let mut joined: Vec<EntityId> = people.values().flatten().copied().collect();
    joined.sort_unstable();
    let alone = context.principals().map(|entity| entity.entity).filter(|&of| counts(of));
    let alone = alone.filter(|of| joined.binary_search(of).is_err()).map(|of| Unit { who: vec![of], person: None });
    alone.chain(people.iter().map(|(person, who)| Unit { who: who.clone(), person: Some(person) })).collect()
}

fn draft(context: &Context<'_>, rule: &SodRule, unit: &Unit<'_>, left: &Side<'_>, right: &Side<'_>) -> Option<Draft> {
    const TRIED: [(&str, Certainty, bool); 4] = [
        ("direct", Certainty::Certain, false),
        ("reachable", Certainty::Certain, true),
        ("direct-conditional", Certainty::Conditional, false),
        ("reachable-conditional", Certainty::Conditional, true),
    ];
    let both = |&(case, least, by_reach): &(&'static str, Certainty, bool)| {
        let (a, b) = (left.had(context, unit, least, by_reach)?, right.had(context, unit, least, by_reach)?);
        Some((case, a, b))
    };
    let (case, a, b) = TRIED.iter().find_map(both)?;
    let who = match unit.person {
        Some(person) => format!("person `{person}`"),
        None => context.call(unit.who[0]),
    };
    let verb = match case {
        "direct" => "holds both duties",
        "reachable" => "can come to hold both duties",
        _ => "may come to hold both duties",
    };
    let title = format!("{who} {verb} of `{}`: {}", rule.rule, rule.title);
    let mut evidence = Vec::new();
    let mut subjects: Vec<EntityId> = unit.who.iter().skip(1).copied().collect();
    for (name, side, has) in [("left", left, &a), ("right", right, &b)] {
        subjects.extend(explain(context, name, side.duty, has, &mut evidence));
    }
    let mut key = vec![key_of(rule)];
    key.extend(unit.person.map(|person| format!("person:{person}")));
    let cause = cause(context, rule, unit, &a, &b);
    subjects.retain(|one| *one != unit.who[0]);
    Some(Draft { entity: unit.who[0], case, title, subjects, key, evidence, cause })
}

/// Says how one duty is had, and gives the entities on the way.
fn explain(
    context: &Context<'_>,
    side: &str,
    duty: &[String],
    has: &Has<'_>,
    evidence: &mut Vec<String>,
) -> Vec<EntityId> {
    let holder = has.holder;
    let by = context.call(holder.entity);
    evidence.push(format!("{side} duty ({}): {by} has it by `{}`, {}", short_list(duty), holder.by, holder.certainty));
    evidence.extend(holder.evidence.iter().take(CITED_MAX).map(|&grant| context.cite(grant)));
    evidence.extend(holder.reasons.iter().take(CITED_MAX).map(|reason| format!("hangs on: {reason}")));
    if has.steps.is_empty() { Vec::new() } else { tell(context, has.from, &has.steps, evidence) }
}

/// The one policy or group that gives both duties, or the one entity whose control brings what is missing.
fn cause(context: &Context<'_>, rule: &SodRule, unit: &Unit<'_>, a: &Has<'_>, b: &Has<'_>) -> Option<Cause> {
    if unit.person.is_some() {
        return None;
    }
    let key = vec![key_of(rule)];
    let name = &rule.rule;
    let (entity, verb, what) = match (a.steps.is_empty(), b.steps.is_empty()) {
        (true, true) => {
            let grants: Vec<u32> = a.holder.evidence.iter().chain(&b.holder.evidence).copied().collect();
            (causes::source(context, unit.who[0], &grants)?, "gives", format!("both duties of `{name}`"))
        }
        (false, false) if a.holder.entity != b.holder.entity => return None,
        (reached, _) => {
            let end = if reached { b } else { a };
            (end.holder.entity, "is how", format!("come to hold both duties of `{name}`"))
        }
    };
    Some(Cause { entity, key, says: (verb, what) })
}

/// One draft for each account with administrators who hold both duties of some rule.
fn administrators(context: &Context<'_>, rules: &[(&SodRule, &Duties)]) -> Vec<Draft> {
    let holds = |rows: &[Holder], of: EntityId| rows.binary_search_by_key(&of, |row| row.entity).is_ok();
    let both = |of: EntityId| rules.iter().any(|(_, one)| holds(&one.left, of) && holds(&one.right, of));
    let mut by_scope: BTreeMap<&str, Vec<EntityId>> = BTreeMap::new();
    for entity in context.principals().filter(|entity| context.is_administrator(entity)) {
        if let Some(scope) = entity.scope.as_deref().filter(|_| both(entity.entity)) {
            by_scope.entry(scope).or_default().push(entity.entity);
        }
    }
    let draft = |(scope, who): (&str, Vec<EntityId>)| {
        let entity = context.tables.find(scope)?;
        let names: Vec<&str> = who.iter().map(|&one| context.tables.entity(one).name.as_str()).collect();
        let broken =
            rules.iter().filter(|(_, one)| who.iter().any(|&of| holds(&one.left, of) && holds(&one.right, of)));
        let broken: Vec<&str> = broken.map(|(rule, _)| rule.rule.as_str()).collect();
        let call = context.call(entity);
        let hold = if who.len() == 1 { "holds" } else { "hold" };
        let title = format!("{} of {call} {hold} duties that must be apart", count(who.len(), "administrator"));
        let evidence = vec![
            format!("both duties of {}", short_list(&broken)),
            format!("administrators: {}", short_list(&names)),
            "an administrator can do everything, whatever the rule; one finding stands for all".to_owned(),
        ];
        let key = vec!["administrators".to_owned()];
        Some(Draft { entity, case: "administrators", title, subjects: who, key, evidence, cause: None })
    };
    by_scope.into_iter().filter_map(draft).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};
    use crate::findings::{Frameworks, run};
    use crate::model::{AttachmentKind, Layer, PersonStatus};

    const CERTAIN: Certainty = Certainty::Certain;
    const OPEN: Certainty = Certainty::Conditional;

    #[test]
    fn both_duties_in_one_hand_are_a_conflict_and_one_is_not() {
        let mut world = World::new();
        let (both, maybe, left, right) =
            (world.user("both"), world.user("maybe"), world.user("left"), world.user("right"));
        let grant = world.grant(both, &["l:Do", "r:Do"], Layer::Identity);
        let held = |who, certainty| (who, certainty, Some(grant));
        world.apart(
            "pay",
            None,
            vec![held(both, CERTAIN), held(maybe, CERTAIN), held(left, CERTAIN)],
            vec![held(both, CERTAIN), held(maybe, OPEN), held(right, CERTAIN)],
        );
        let found = world.check(&SodConflict);
        assert_eq!(cases(&found), [("direct", "both"), ("direct-conditional", "maybe")]);
        assert_eq!(found[0].2.title, "user `both` holds both duties of `pay`: keeps pay apart");
        assert_eq!(found[0].2.evidence[0], "left duty (`l:Do`): user `both` has it by `x:Do`, certain");
        assert!(found[0].2.evidence[1].starts_with("grant:0 "));
        assert_eq!(found[0].2.key, ["rule:pay"]);
    }

    #[test]
    fn what_is_missing_may_be_reached_for_certain_or_perhaps_but_not_through_the_zone() {
        let mut world = World::new();
        let (sure, open, far) = (world.user("sure"), world.user("open"), world.user("far"));
        let (payer, admin) = (world.role("payer"), world.role("admin"));
        world.protect(admin, "administrator by effective permissions (x)");
        let grant = world.grant(sure, &["sts:AssumeRole"], Layer::Identity);
        world.edge(sure, payer, CERTAIN, grant);
        world.edge(open, payer, OPEN, grant);
        world.edge(far, admin, CERTAIN, grant);
        world.edge(admin, payer, CERTAIN, grant);
        let left = [sure, open, far, admin].map(|who| (who, CERTAIN, Some(grant))).to_vec();
        world.apart("pay", None, left, vec![(payer, CERTAIN, Some(grant)), (admin, CERTAIN, Some(grant))]);
        let found = world.check(&SodConflict);
        let expected = [("administrators", "111111111111"), ("reachable-conditional", "open"), ("reachable", "sure")];
        assert_eq!(cases(&found), expected);
        let told = &found[2].2.evidence;
        assert!(told.contains(&"step 1: user `sure` to role `payer` by sts-001, certain".to_owned()), "{told:?}");
        assert_eq!(found[0].2.title, "1 administrator of account `111111111111` holds duties that must be apart");
    }

    #[test]
    fn a_person_holds_what_all_of_their_identities_hold() {
        let mut world = World::new();
        let (a, b, c) = (world.user("a"), world.user("b"), world.user("c"));
        world.apart("pay", None, vec![(a, CERTAIN, None)], vec![(b, CERTAIN, None), (c, CERTAIN, None)]);
        world.person_with("p-1", PersonStatus::Active, &[a, b]);
        world.person_with("p-2", PersonStatus::Active, &[c]);
        let found = world.check(&SodConflict);
        assert_eq!(cases(&found), [("direct", "a")]);
        assert_eq!(found[0].2.title, "person `p-1` holds both duties of `pay`: keeps pay apart");
        assert_eq!((found[0].2.subjects.len(), found[0].2.key[1].as_str()), (1, "person:p-1"));
    }

    #[test]
    fn the_rules_own_severity_counts_and_a_condition_takes_a_step_off() {
        for (stated, right, expected) in [
            (None, CERTAIN, Severity::High),
            (Some(Severity::Low), CERTAIN, Severity::Low),
            (Some(Severity::Critical), CERTAIN, Severity::Critical),
            (Some(Severity::Critical), OPEN, Severity::High),
            (Some(Severity::Low), OPEN, Severity::Low),
        ] {
            let mut world = World::new();
            let user = world.user("a");
            world.apart("pay", stated, vec![(user, CERTAIN, None)], vec![(user, right, None)]);
            let outcome = world.with(|context| run(context, &Frameworks::default()));
            assert_eq!(outcome.findings[0].severity, expected, "{stated:?} {right:?}");
        }
    }

    #[test]
    fn a_shared_policy_and_a_role_that_many_reach_are_one_finding() {
        let mut world = World::new();
        let (policy, payer) = (world.policy("Pay"), world.role("payer"));
        let grant = world.grant(policy, &["l:Do", "r:Do"], Layer::Identity);
        let assume = world.grant(payer, &["sts:AssumeRole"], Layer::Resource);
        let users = ["a", "b", "c"].map(|name| world.user(name));
        for user in users {
            world.attach(user, policy, AttachmentKind::Identity);
        }
        let clerks = ["x", "y", "z"].map(|name| world.user(name));
        for clerk in clerks {
            world.edge(clerk, payer, CERTAIN, assume);
        }
        let both = users.map(|user| (user, CERTAIN, Some(grant))).to_vec();
        let mut left = both.clone();
        left.extend(clerks.map(|clerk| (clerk, CERTAIN, None)));
        let mut right = both;
        right.push((payer, CERTAIN, None));
        world.apart("pay", Some(Severity::Critical), left, right);
        let outcome = world.with(|context| run(context, &Frameworks::default()));
        let found: Vec<(&str, u32, Severity)> = outcome
            .findings
            .iter()
            .filter(|row| row.rule == "sod-conflict")
            .map(|row| (row.title.as_str(), row.affected_n, row.severity))
            .collect();
        let expected = [
            ("policy `Pay` gives 3 principals both duties of `pay`", 3, Severity::Critical),
            ("role `payer` is how 3 principals come to hold both duties of `pay`", 3, Severity::Critical),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn without_rules_or_holders_there_is_nothing() {
        let mut world = World::new();
        let user = world.user("a");
        world.apart("pay", None, vec![(user, CERTAIN, None)], vec![]);
        assert!(world.check(&SodConflict).is_empty());
        assert!(World::new().check(&SodConflict).is_empty());
    }
}
