//! Scores of small organisations, worked out by hand.

use super::*;
use crate::findings::testkit::{ADMIN_MASS, World, ago};
use crate::model::{AttachmentKind, CredentialKind, Decision, EntityKind};

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

fn of(world: World, name: &str) -> Score {
    world.with(|context| {
        let found = all(context).into_iter().find(|score| context.tables.entity(score.entity).name == name);
        found.expect("every principal has scores")
    })
}

fn number(share: &str) -> f64 {
    share.split_once('=').and_then(|(_, value)| value.parse().ok()).expect("component=value")
}

#[test]
fn the_index_of_a_member_of_the_zone_is_the_sum_of_its_shares() {
    let mut world = World::new();
    let admin = world.robot("admin");
    world.protect(admin, "may do everything");
    world.may(admin, "all", "permissions", 100, ADMIN_MASS);
    world.credential(admin, "AKIA1", CredentialKind::AccessKey, 100, Some(1));
    let score = of(world, "admin");
    // escalation 1, excess 1, credential 1 - (1 - 0.35)(1 - 0.10) = 0.415, orphan 0 (used yesterday).
    assert_eq!((score.escalation, score.excess, score.orphan), (Some(100.0), Some(100.0), Some(0.0)));
    assert!(near(score.credential.unwrap_or(0.0), 41.5));
    let expected = 100.0 * (1.0 - (1.0 - 0.85) * (1.0 - 0.5) * (1.0 - 0.6 * 0.415));
    assert!(near(score.risk, expected), "{} against {expected}", score.risk);
    let sum: f64 = score.shares.iter().map(|share| number(share)).sum();
    assert!((sum + (1.0 - score.risk / 100.0).ln()).abs() < 1e-12);
    assert_eq!(score.reason_1.as_deref(), Some("is in the protected zone: may do everything"));
    assert!(score.reason_2.is_some_and(|reason| reason.starts_with("holds 100 % of an administrator's power")));
    assert_eq!(score.reason_3.as_deref(), Some("has a key 100 days old, has a key that does not end by itself"));
    assert_eq!((score.hops_to_protected, score.coverage), (Some(0), 1.0));
}

#[test]
fn a_conditional_path_lies_between_its_ends() {
    let mut world = World::new();
    let role = world.role("app");
    world.hops(role, Some(4), Some(2));
    let score = of(world, "app");
    let (low, high) = (0.85f64.powi(4), 0.85f64.powi(2));
    assert!(near(score.escalation.unwrap_or(0.0), 50.0 * (low + high)));
    assert!(near(score.risk_low, 85.0 * low));
    // At the high end the unknown orphan component counts as 1; a role has no credential of its own.
    assert!(near(score.risk_high, 100.0 * (1.0 - (1.0 - 0.85 * high) * (1.0 - 0.4))));
    assert_eq!((score.orphan, score.credential), (None, None));
    assert!(near(score.coverage, 2.0 / 3.0));
}

#[test]
fn use_lowers_excess_and_the_gaps_are_null_without_it() {
    let mut world = World::new();
    world.config.thresholds.cohort_size_min = 2;
    let (seen, unseen) = (world.role("seen"), world.role("unseen"));
    world.may(unseen, "s3", "write", 10, 100.0);
    let row = world.may(seen, "s3", "write", 10, 100.0);
    row.observable_n = Some(8);
    row.unused_n = Some(2);
    row.observable_mass = Some(80.0);
    row.unused_mass = Some(20.0);
    row.undetermined_n = Some(0);
    row.window_days = Some(90);
    row.evidence_grade = "measured-service".to_owned();
    let hidden = world.may(seen, "kms", "read", 5, 50.0);
    hidden.decision = Decision::Denied;
    world.with(|context| {
        let scores = all(context);
        let (seen, unseen) = (&scores[0], &scores[1]);
        assert_eq!((seen.pgr, seen.wpa, seen.mass), (Some(0.25), Some(20.0), 100.0));
        // Observable mass 80, of it 20 unused: gap 0.25; idle mass 100 - 60 = 40.
        assert!(near(seen.wpg.unwrap_or(0.0), 0.25));
        assert!(near(seen.excess.unwrap_or(0.0), 100.0 * 41f64.ln() / (ADMIN_MASS + 1.0).ln()));
        assert_eq!(seen.evidence_grade, "measured-service");
        assert_eq!((unseen.pgr, unseen.wpg, unseen.wpa), (None, None, None));
        assert!(near(unseen.excess.unwrap_or(0.0), 100.0 * unseen.power));
        assert_eq!(unseen.evidence_grade, "static");
        assert_eq!((seen.cohort.as_str(), seen.cohort_n, seen.cohort_percentile), ("aws/role/nhi", 2, Some(0.0)));
    });
}

#[test]
fn a_policy_that_is_not_in_the_export_opens_the_high_end() {
    let mut world = World::new();
    let user = world.user("ann");
    world.credential(user, "AKIA1", CredentialKind::AccessKey, 1, Some(1));
    let policy = world.builder.refer("arn:aws:iam::aws:policy/X", "aws", EntityKind::RoleDefinition, "X");
    world.attach(user, policy, AttachmentKind::Identity);
    let score = of(world, "ann");
    // Credential: only the static key, 0.1, counts at every end.
    let expected = 100.0 * (1.0 - (1.0 - 0.85) * (1.0 - 0.5) * (1.0 - 0.6 * 0.1));
    assert!(near(score.risk_high, expected), "{} against {expected}", score.risk_high);
    assert!(near(score.risk, 6.0));
}

#[test]
fn neglect_of_machines_counts_and_that_of_people_is_no_question() {
    let mut world = World::new();
    let (robot, person) = (world.role("robot"), world.user("person"));
    world.edit(robot, |entity| {
        entity.last_used_at = ago(100);
        entity.owner_status = Some("departed".to_owned());
    });
    world.edit(person, |entity| entity.last_used_at = ago(1000));
    world.with(|context| {
        let scores = all(context);
        // 1 - (1 - 0.4)(1 - 0.3)(1 - 0.6)
        assert!(near(scores[0].orphan.unwrap_or(0.0), 100.0 * (1.0 - 0.6 * 0.7 * 0.4)));
        assert_eq!(scores[1].orphan, None);
        assert!(near(scores[1].coverage, 2.0 / 3.0), "credentials are unknown, the orphan question does not arise");
    });
}

#[test]
fn a_person_can_redo_the_sum() {
    let mut world = World::new();
    let role = world.role("app");
    world.hops(role, Some(1), Some(1));
    world.with(|context| {
        let entity = context.principals().next().expect("one role");
        let derivation = derive(context, entity);
        let lines = derivation.explain();
        assert_eq!(lines[0], "escalation: x = 0.85 in [0.85, 0.85]: reaches the protected zone in 1 step");
        assert!(lines.iter().any(|line| line.starts_with("  share = -ln(1 - 0.85 x 0.85) = 1.28")), "{lines:#?}");
        assert_eq!(lines.last().map(|line| line.starts_with("risk = 100 (1 - e^-1.28")), Some(true));
        assert_eq!(derivation.parts.len(), ALL.len());
    });
}
