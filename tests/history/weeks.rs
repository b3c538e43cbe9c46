//! A store with one snapshot a week, of roles that are used or not.

use overgrant::config::Config;
use overgrant::metrics::history::replay::Stored;
use overgrant::model::{
    Entity, EntityId, EntityKind, Finding, FindingState, Metric, Results, Score, Severity, Source, SourceId, Tables,
};
use overgrant::store::{Commit, Store};

pub const DAY: i64 = 86_400_000;
/// 2026-05-31T00:00:00Z, a Sunday; 25 weeks later it is 2026-11-22.
pub const START: i64 = 1_780_185_600_000;

/// Roles of one account in one week.
#[derive(Clone, Copy)]
pub struct Account {
    pub number: u64,
    /// Number of the first role; a role keeps its number.
    pub from: u32,
    pub roles: u32,
    /// The first so many have not been used for 120 days, the others were used yesterday.
    pub unused: u32,
}

/// Time of a week's scan.
pub fn as_of(week: usize) -> i64 {
    START + 7 * DAY * i64::try_from(week).expect("few weeks")
}

pub fn role_id(account: u64, number: u32) -> String {
    format!("arn:aws:iam::{account:012}:role/r{number:05}")
}

/// Risk of a role in a week: spread over 0 to 100, another one each week.
pub fn risk(number: u32, week: usize) -> f64 {
    let week = u32::try_from(week).expect("few weeks");
    f64::from((number * 7919 + week * 104_729) % 10_007) / 100.07
}

fn role(account: &Account, number: u32, time: i64) -> Entity {
    let name = format!("r{number:05}");
    let mut role = Entity::named(&role_id(account.number, number), "aws", EntityKind::Role, &name);
    (role.present, role.nhi, role.source) = (true, Some(true), Some(SourceId(0)));
    role.scope = Some(format!("{:012}", account.number));
    let idle = if number - account.from < account.unused { 120 } else { 1 };
    role.last_used_at = Some(time - idle * DAY);
    role
}

fn score(entity: u32, risk: f64) -> Score {
    Score {
        entity: EntityId(entity),
        excess: Some(risk),
        orphan: None,
        escalation: Some(0.0),
        credential: None,
        risk,
        risk_low: risk,
        risk_high: risk,
        shares: Vec::new(),
        pgr: None,
        wpg: None,
        wpa: None,
        mass: risk,
        power: 0.1,
        hops_to_protected: None,
        blast_radius: 0.0,
        exposure_in: 0,
        cohort: "all".to_owned(),
        cohort_n: 1,
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
        coverage: 1.0,
        evidence_grade: "static".to_owned(),
        reason_1: None,
        reason_2: None,
        reason_3: None,
    }
}

/// A finding about the entity of a number, with the state that the week's scan would have stored.
pub fn finding(name: &str, entity: u32, first_week: usize, state: FindingState) -> Finding {
    Finding {
        fingerprint: name.to_owned(),
        rule: "stale-principal".to_owned(),
        severity: Severity::Medium,
        entity: EntityId(entity),
        title: format!("{name} is not used"),
        subjects: Vec::new(),
        affected_n: 1,
        evidence: vec!["not used for 120 days".to_owned()],
        frameworks: Vec::new(),
        first_seen: as_of(first_week),
        state,
        exception: None,
    }
}

/// Tables and results of one week.
pub fn snapshot(week: usize, accounts: &[Account], findings: Vec<Finding>) -> (Tables, Results) {
    let time = as_of(week);
    let mut entities: Vec<Entity> = (accounts.iter())
        .flat_map(|account| (account.from..account.from + account.roles).map(move |n| role(account, n, time)))
        .collect();
    entities.sort_by(|a, b| a.id.cmp(&b.id));
    let mut scores = Vec::new();
    for (number, entity) in (0..).zip(&mut entities) {
        entity.entity = EntityId(number);
        let own: u32 = entity.name[1..].parse().expect("a number");
        scores.push(score(number, risk(own, week)));
    }
    let source = Source {
        path: "iam.json".to_owned(),
        kind: "aws-iam".to_owned(),
        sha256: "00".repeat(32),
        records: u64::try_from(entities.len()).expect("few"),
        skipped: 0,
    };
    let tables = Tables { sources: vec![source], entities, ..Tables::default() };
    let mut results = Results { scores, findings, ..Results::default() };
    results.metrics = metrics(time, &tables, &results);
    (tables, results)
}

fn metrics(time: i64, tables: &Tables, results: &Results) -> Vec<Metric> {
    let config = Config::embedded().expect("the built-in configuration");
    let stored = Stored::of(time, tables.clone(), results.clone());
    stored.metrics(&config, &[], &|_| true).expect("the query is valid")
}

/// Stores a week.
pub fn commit(store: &Store, week: usize, (tables, results): &(Tables, Results)) {
    let commit = Commit {
        as_of: as_of(week),
        engine_version: "0.0.0-test",
        config_digest: "00".repeat(32),
        tables,
        results,
        incomplete: Vec::new(),
    };
    store.writer().expect("the lock").commit(commit).expect("a snapshot");
}

/// A store of weeks, each the accounts that `of` gives.
pub fn store(weeks: usize, of: impl Fn(usize) -> Vec<Account>) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open_or_create(&folder.path().join("overgrant-store")).expect("a store");
    for week in 0..weeks {
        commit(&store, week, &snapshot(week, &of(week), Vec::new()));
    }
    (folder, store)
}

/// What a calm organisation of 300 roles shows: about 30 unused ones, a few more or less from week to week.
pub fn calm(week: usize) -> u32 {
    const PATTERN: [u32; 13] = [30, 32, 29, 31, 28, 30, 33, 30, 27, 31, 29, 32, 30];
    PATTERN[week % PATTERN.len()]
}

pub fn main_account(unused: u32) -> Account {
    Account { number: 111_122_223_333, from: 0, roles: 300, unused }
}
