//! A machine with more rights than it uses, or than its task can need.

use std::collections::BTreeSet;

use super::unused_service::{gives, statements};
use super::{Cause, Context, DAY, Draft, Info, Rule, causes};
use crate::model::{Certainty, Decision, Entity, EntityId, Grant, Granularity, Layer};

/// Statements cited for one reason.
const CITED_MAX: usize = 5;

/// See [`Info::meaning`].
pub struct OverprivilegedNhi;

const INFO: Info = Info {
    id: "overprivileged-nhi",
    title: "Non-human identity has more rights than it uses",
    meaning: "The non-human identity can reach the protected zone by rights that it was seen not to use, or does not \
              use most of its weighted observable permissions, or holds every action of a service on every resource. \
              Each reason that holds is named. Administrators are left to `administrator-equivalent`, and which \
              services go unused is told by `unused-service`: this rule says that the whole is out of proportion. Roles \
              that are linked to a service are left out, for the platform sets their rights and nobody else can.",
    remediation: "Replace the statements listed by ones that name the actions and resources that are used; begin \
                  with the rights of the path, for nobody will miss them.",
    cases: &[
        ("unused-path", "a certain path to the protected zone starts with rights that were watched and not used"),
        ("gap", "the weighted gap is at least `thresholds.overprivileged_gap_pct_min`, changing rights included"),
        ("wildcard", "a statement allows all actions of a service, or all but some, on every resource"),
    ],
};

/// One reason: its case, the facts, and the statements that it stands on.
struct Reason {
    case: &'static str,
    facts: Vec<String>,
    grants: Vec<u32>,
}

impl Rule for OverprivilegedNhi {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let linked = |of: EntityId| context.tables.attribute(of, "service_linked") == Some("true");
        let counts = |entity: &&Entity| {
            let of = entity.entity;
            entity.nhi == Some(true) && context.zone_reason(of).is_none() && !linked(of)
        };
        context.principals().filter(counts).filter_map(|entity| draft(context, entity.entity)).collect()
    }
}

fn draft(context: &Context<'_>, who: EntityId) -> Option<Draft> {
    let reasons: Vec<Reason> =
        [unused_path(context, who), gap(context, who), wildcard(context, who)].into_iter().flatten().collect();
    let worst = reasons.first()?;
    let what = match worst.case {
        "unused-path" => "can escalate by rights that it does not use",
        "gap" => "does not use most of its rights",
        _ => "holds whole services on every resource",
    };
    let title = format!("{} {what}", context.call(who));
    let cause = causes::source(context, who, &worst.grants).map(|entity| Cause {
        entity,
        key: vec![],
        says: match worst.case {
            "unused-path" => ("gives", "rights to escalate that they do not use".to_owned()),
            "gap" => ("gives", "rights most of which they do not use".to_owned()),
            _ => ("gives", "whole services on every resource".to_owned()),
        },
    });
    let case = worst.case;
    let mut evidence: Vec<String> = Vec::new();
    for reason in reasons {
        evidence.extend(reason.facts);
        evidence.extend(reason.grants.iter().take(CITED_MAX).map(|&grant| context.cite(grant)));
    }
    Some(Draft { entity: who, case, title, subjects: vec![], key: vec![], evidence, cause })
}

/// Rights of the first step of the certain path, when every service of theirs was watched for the whole window and
/// none was used in it.
fn unused_path(context: &Context<'_>, who: EntityId) -> Option<Reason> {
    let first = *context.path(who, Certainty::Certain)?.steps.first()?;
    let edge = context.facts.edges.get(first as usize)?;
    let rows: Vec<&Grant> = (edge.evidence.iter())
        .filter_map(|&grant| context.tables.grants.get(grant as usize))
        .filter(|row| row.layer == Layer::Identity)
        .collect();
    let services: BTreeSet<&str> =
        rows.iter().flat_map(|row| &row.actions).filter_map(|action| Some(action.split_once(':')?.0)).collect();
    let unused = |service: &&str| watched_and_unused(context, who, service);
    if services.is_empty() || rows.iter().any(|row| row.actions.is_empty()) || !services.iter().all(unused) {
        return None;
    }
    let names: Vec<&str> = services.into_iter().collect();
    let facts = vec![format!(
        "the path by {} starts with rights in {}, which it was not seen to use",
        edge.technique,
        super::facts::short_list(&names)
    )];
    Some(Reason { case: "unused-path", facts, grants: rows.iter().map(|row| row.grant).collect() })
}

/// Whether every observation of a service says that it was not used in the window, and one covers the window.
fn watched_and_unused(context: &Context<'_>, who: EntityId, service: &str) -> bool {
    let window = i64::from(context.config.thresholds.usage_window_days) * DAY;
    let since = context.facts.as_of - window;
    let of = |row: &&crate::model::Usage| {
        row.granularity == Granularity::Service && row.permission.eq_ignore_ascii_case(service)
    };
    let rows: Vec<_> = context.usage(who).iter().filter(of).collect();
    let whole = |row: &&crate::model::Usage| {
        row.window_end.zip(row.window_start).is_some_and(|(end, start)| end - start >= window)
    };
    rows.iter().any(whole) && rows.iter().all(|row| row.last_used_at.is_none_or(|then| then < since))
}

/// The weighted share of observable permissions that go unused, where it was measured.
fn gap(context: &Context<'_>, who: EntityId) -> Option<Reason> {
    let (mut observable, mut unused, mut changes) = (0.0, 0.0, false);
    let mut grade = "measured-action";
    let mut services = BTreeSet::new();
    for row in context.access(who).iter().filter(|row| row.decision != Decision::Denied && row.granted_n > 0) {
        let Some((seen, idle)) = row.observable_n.zip(row.unused_mass) else { continue };
        if !row.evidence_grade.starts_with("measured") || seen == 0 {
            continue;
        }
        let mass = row.mass * f64::from(seen.min(row.granted_n)) / f64::from(row.granted_n);
        observable += mass;
        unused += idle.clamp(0.0, mass);
        if idle > 0.0 {
            changes |= matches!(row.level.as_str(), "write" | "permissions");
            services.insert(row.service.as_str());
        }
        if row.evidence_grade != "measured-action" {
            grade = "measured-service";
        }
    }
    let least = f64::from(context.config.thresholds.overprivileged_gap_pct_min);
    if observable <= 0.0 || !changes || 100.0 * unused < least * observable {
        return None;
    }
    let share = (100.0 * unused / observable).round();
    let given = statements(context, who);
    let grants = given.iter().filter(|row| services.iter().any(|service| gives(row, service))).map(|row| row.grant);
    let names: Vec<&str> = services.iter().copied().collect();
    let facts = vec![format!(
        "{share} % of its weighted observable permissions are not used ({grade}), in {}; {least} % are too many",
        super::facts::short_list(&names)
    )];
    Some(Reason { case: "gap", facts, grants: grants.collect() })
}

/// Statements that allow a whole service, or everything but some actions, on every resource, where that comes to
/// rights that change something.
fn wildcard(context: &Context<'_>, who: EntityId) -> Option<Reason> {
    let everywhere = |row: &Grant| row.resources.iter().any(|pattern| pattern == "*") || !row.not_resources.is_empty();
    let changing: BTreeSet<String> = (context.access(who).iter())
        .filter(|row| row.decision != Decision::Denied && row.granted_n > 0)
        .filter(|row| matches!(row.level.as_str(), "write" | "permissions"))
        .map(|row| row.service.to_ascii_lowercase())
        .collect();
    let whole = |row: &Grant| match row.not_actions.as_slice() {
        [] => row.actions.iter().any(|pattern| match pattern.split_once(':') {
            Some((service, "*")) => service == "*" || changing.contains(&service.to_ascii_lowercase()),
            Some(_) => false,
            None => pattern == "*",
        }),
        _ => true,
    };
    let rows: Vec<u32> = (statements(context, who).into_iter())
        .filter(|row| everywhere(row) && whole(row))
        .map(|row| row.grant)
        .collect();
    if rows.is_empty() || changing.is_empty() {
        return None;
    }
    let facts = vec!["whole services on every resource, rights that change something among them".to_owned()];
    Some(Reason { case: "wildcard", facts, grants: rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, ago, cases};
    use crate::model::{AttachmentKind, Handle};

    fn measured(world: &mut World, who: Handle, level: &str, mass: f64, unused: f64) {
        let row = world.may(who, "s3", level, 10, mass);
        (row.observable_n, row.unused_n, row.unused_mass) = (Some(10), Some(5), Some(unused));
        "measured-service".clone_into(&mut row.evidence_grade);
    }

    #[test]
    fn the_gap_counts_from_the_threshold_on_when_it_was_measured_and_changes_something() {
        for (level, unused, grade, expected) in [
            ("write", 75.0, "measured-service", true),
            ("write", 74.9, "measured-service", false),
            ("read", 100.0, "measured-service", false),
            ("permissions", 100.0, "measured-action", true),
            ("write", 100.0, "static", false),
        ] {
            let mut world = World::new();
            let robot = world.robot("robot");
            measured(&mut world, robot, level, 100.0, unused);
            world.grant(robot, &["s3:Put*"], Layer::Identity);
            let found = world.with(|context| {
                let mut access: Vec<_> = context.facts.access.iter().collect();
                grade.clone_into(&mut access[0].evidence_grade);
                let access = crate::model::AccessTable::from(access);
                let facts = crate::findings::Facts { access: &access, ..context.facts };
                OverprivilegedNhi.check(&Context::new(facts)).len()
            });
            assert_eq!(found == 1, expected, "{level} {unused} {grade}");
        }
    }

    #[test]
    fn whole_services_on_everything_are_named_and_narrow_or_harmless_ones_are_not() {
        let mut world = World::new();
        let (wide, narrow, reader, person) =
            (world.role("wide"), world.role("narrow"), world.role("reader"), world.user("person"));
        for who in [wide, narrow, person] {
            world.grant(who, &["s3:*"], Layer::Identity);
            world.may(who, "s3", "write", 5, 20.0);
        }
        world.builder.grants[1].resources = vec!["arn:aws:s3:::one/*".to_owned()];
        let linked = world.role("linked");
        world.grant(linked, &["s3:*"], Layer::Identity);
        world.may(linked, "s3", "write", 5, 20.0);
        world.builder.attribute(linked, "service_linked", "true");
        world.grant(reader, &["sts:*"], Layer::Identity);
        world.may(reader, "sts", "read", 5, 20.0);
        let found = world.check(&OverprivilegedNhi);
        assert_eq!(cases(&found), [("wildcard", "wide")]);
        assert!(found[0].2.evidence[1].contains("statement `s0` of `wide`"));
    }

    #[test]
    fn a_path_by_rights_that_are_not_used_is_worst_and_all_reasons_are_told() {
        let world = |used: Option<i64>, watched: i64| {
            let mut world = World::new();
            let (admin, robot) = (world.role("admin"), world.robot("robot"));
            world.protect(admin, "administrator by effective permissions (x)");
            let grant = world.grant(robot, &["iam:*"], Layer::Identity);
            world.hops(robot, Some(1), Some(1));
            world.step(robot, admin, Certainty::Certain, grant);
            world.may(robot, "iam", "permissions", 5, 20.0);
            world.usage(robot, "iam", used);
            world.builder.usage[0].window_start = ago(watched);
            world.check(&OverprivilegedNhi)
        };
        let found = world(None, 400);
        assert_eq!(cases(&found), [("unused-path", "robot")]);
        assert!(found[0].2.evidence.iter().any(|fact| fact.starts_with("whole services")));
        assert_eq!(cases(&world(Some(10), 400)), [("wildcard", "robot")], "the rights are used");
        assert_eq!(cases(&world(None, 30)), [("wildcard", "robot")], "too short to say");
    }

    #[test]
    fn administrators_are_another_rules_and_a_shared_policy_is_the_cause() {
        let mut world = World::new();
        let (admin, robot, policy) = (world.robot("admin"), world.robot("robot"), world.policy("Wide"));
        world.protect(admin, "administrator by effective permissions (x)");
        world.grant(policy, &["*"], Layer::Identity);
        for who in [admin, robot] {
            world.attach(who, policy, AttachmentKind::Identity);
            world.may(who, "s3", "write", 5, 20.0);
        }
        let found = world.check(&OverprivilegedNhi);
        assert_eq!(cases(&found), [("wildcard", "robot")]);
        assert!(found[0].2.cause.is_some());
    }
}
