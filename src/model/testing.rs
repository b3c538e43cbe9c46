//! Rows of one small account, for the tests of whatever shows rows: complete, plain, and easy to tell apart.

use super::{Access, Decision, Entity, EntityId, EntityKind, Finding, FindingState, Score, Severity};

/// Number of the account, and the id of its entity.
pub const ACCOUNT: &str = "111122223333";

/// Full id of what is in the account.
pub fn arn(path: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{path}")
}

/// The account, which is protected.
pub fn account() -> Entity {
    let mut account = Entity::named(ACCOUNT, "aws", EntityKind::Scope, "main");
    (account.present, account.protected) = (true, true);
    account
}

/// Something in the account that an export defines. Its name is the end of its path.
pub fn entity(kind: EntityKind, path: &str) -> Entity {
    let mut entity = Entity::named(&arn(path), "aws", kind, path.rsplit('/').next().unwrap_or(path));
    entity.present = true;
    entity.scope = Some(ACCOUNT.to_owned());
    entity
}

/// Gives entities their places as numbers.
pub fn number(entities: &mut [Entity]) {
    for (number, entity) in (0..).zip(entities) {
        entity.entity = EntityId(number);
    }
}

/// A score that knows of nothing but escalation.
pub fn score(entity: u32, risk: f64) -> Score {
    Score {
        entity: EntityId(entity),
        excess: None,
        orphan: None,
        escalation: Some(risk),
        credential: None,
        risk,
        risk_low: risk - 1.0,
        risk_high: risk + 1.0,
        shares: Vec::new(),
        pgr: None,
        wpg: None,
        wpa: None,
        mass: 10.0,
        power: 0.5,
        hops_to_protected: Some(1),
        blast_radius: 0.25,
        exposure_in: 0,
        cohort: "aws".to_owned(),
        cohort_n: 3,
        cohort_percentile: None,
        surprise: None,
        surprise_percentile: None,
        observed_cohort: None,
        observed_cohort_n: None,
        observed_surprise: None,
        observed_percentile: None,
        role_gap_n: None,
        role_gap_mass: None,
        removable_n: None,
        removable_mass: None,
        window_days: None,
        coverage: 0.25,
        evidence_grade: "static".to_owned(),
        reason_1: None,
        reason_2: None,
        reason_3: None,
    }
}

/// What an entity may do with one service.
pub fn access(entity: u32) -> Access {
    Access {
        entity: EntityId(entity),
        service: "s3".to_owned(),
        level: "read".to_owned(),
        granted_n: 1,
        unused_n: None,
        observable_n: None,
        undetermined_n: None,
        breadth: "one".to_owned(),
        mass: 2.0,
        observable_mass: None,
        used_mass: None,
        unused_mass: None,
        window_days: None,
        decision: Decision::Allowed,
        evidence_grade: "static".to_owned(),
    }
}

/// A new finding about an entity.
pub fn finding(fingerprint: &str, entity: u32, severity: Severity, title: &str) -> Finding {
    Finding {
        fingerprint: fingerprint.to_owned(),
        rule: "escalation-path".to_owned(),
        severity,
        entity: EntityId(entity),
        title: title.to_owned(),
        subjects: Vec::new(),
        affected_n: 1,
        evidence: Vec::new(),
        frameworks: Vec::new(),
        first_seen: 1_700_000_000_000,
        state: FindingState::New,
        exception: None,
    }
}
