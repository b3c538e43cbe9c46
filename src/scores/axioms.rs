//! The axioms of the scores, held against random small organisations.
//!
//! `OVERGRANT_AXIOM_CASES` sets how many organisations each axiom is tried on.

use proptest::prelude::*;
use proptest::test_runner::Config as Runs;

use super::all;
use crate::findings::testkit::{World, ago};
use crate::model::{AttachmentKind, CredentialKind, Decision, EntityKind, Score, TrustKind};

/// Organisations tried for each axiom when nothing else is asked.
const CASES: u32 = 500;

/// Room for the rounding of sums of logarithms.
const ROUNDING: f64 = 1e-9;

fn runs() -> Runs {
    let cases = std::env::var("OVERGRANT_AXIOM_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    Runs { cases, failure_persistence: None, ..Runs::default() }
}

#[derive(Debug, Clone)]
struct Row {
    service: usize,
    level: usize,
    granted: u32,
    unit: f64,
    /// Observable and unused actions, as shares of what they are part of.
    seen: Option<(f64, f64)>,
    /// Of what is not observable, the share that is too young to judge.
    young: f64,
    /// Whether single actions were observed.
    by_action: bool,
    decision: Decision,
}

/// What is known of a key's use.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Use {
    Unknown,
    Never,
    DaysAgo(i64),
}

/// What is known of a second factor.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Factor {
    Unknown,
    Is(bool),
}

#[derive(Debug, Clone)]
struct Key {
    age: i64,
    used: Use,
}

#[derive(Debug, Clone)]
struct Spec {
    role: bool,
    nhi: Option<bool>,
    rows: Vec<Row>,
    certain: Option<u32>,
    possible: Option<u32>,
    keys: Option<Vec<Key>>,
    /// A password, with what is known of its second factor.
    password: Option<Factor>,
    last_used: Option<i64>,
    owner_gone: Option<bool>,
    /// Whether the only one whom a role trusts is gone; the trust is not known when absent.
    consumer_gone: Option<bool>,
    unseen_policy: bool,
}

/// A share of a small count.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shares of small counts")]
fn part(of: u32, share: f64) -> u32 {
    (f64::from(of) * share) as u32
}

impl Row {
    /// Whether the whole window was watched.
    fn watched_whole(&self) -> bool {
        self.young < 0.8
    }

    /// Observable and unused actions.
    fn counts(&self) -> Option<(u32, u32)> {
        let (seen, idle) = self.seen?;
        let observable = part(self.granted, seen);
        Some((observable, part(observable, idle)))
    }
}

/// What action by action data of a whole window says of a row: what was unused in a whole window stays unused, single
/// calls that were seen stay used, and of everything else a share of `by` is idle.
fn settle_use(row: &mut Row, by: (f64, f64)) {
    let Some((observable, unused)) = row.counts() else {
        row.seen = Some(by);
        (row.young, row.by_action) = (0.0, true);
        return;
    };
    let low = if row.watched_whole() { unused } else { 0 };
    let high = row.granted - if row.by_action { observable - unused } else { 0 };
    let idle = low + part(high - low, by.1);
    row.seen = Some((1.0, ((f64::from(idle) + 0.5) / f64::from(row.granted)).min(1.0)));
    (row.young, row.by_action) = (0.0, true);
}

fn row() -> impl Strategy<Value = Row> {
    let decision =
        prop_oneof![3 => Just(Decision::Allowed), 1 => Just(Decision::Conditional), 1 => Just(Decision::Denied)];
    let seen = proptest::option::of((0.0..=1.0, 0.0..=1.0));
    let (what, how) = ((0..4usize, 0..5usize, 1..20u32, 1.0..40.0), (seen, 0.0..=1.0, any::<bool>(), decision));
    (what, how).prop_map(|((service, level, granted, unit), (seen, young, by_action, decision))| Row {
        service,
        level,
        granted,
        unit,
        seen,
        young,
        by_action,
        decision,
    })
}

fn key() -> impl Strategy<Value = Key> {
    let used = prop_oneof![Just(Use::Unknown), Just(Use::Never), (0..800i64).prop_map(Use::DaysAgo)];
    (0..800i64, used).prop_map(|(age, used)| Key { age, used })
}

fn factor() -> impl Strategy<Value = Factor> {
    prop_oneof![Just(Factor::Unknown), any::<bool>().prop_map(Factor::Is)]
}

fn hops() -> impl Strategy<Value = Option<u32>> {
    proptest::option::of(0..8u32)
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    proptest::collection::vec(row(), 0..6)
}

fn spec() -> impl Strategy<Value = Spec> {
    let who = (any::<bool>(), any::<Option<bool>>(), any::<bool>(), any::<Option<bool>>());
    let reach = (rows(), hops(), hops());
    let proof = (
        proptest::option::of(proptest::collection::vec(key(), 0..3)),
        proptest::option::of(factor()),
        proptest::option::of(0..800i64),
        any::<Option<bool>>(),
    );
    (who, reach, proof).prop_map(
        |((role, nhi, unseen, owner_gone), (rows, certain, possible), (keys, password, last_used, consumer_gone))| {
            Spec {
                role,
                nhi,
                rows,
                certain,
                possible,
                keys: keys.filter(|_| !role),
                password: password.filter(|_| !role),
                last_used,
                owner_gone,
                consumer_gone: consumer_gone.filter(|_| role),
                unseen_policy: unseen,
            }
        },
    )
}

fn org() -> impl Strategy<Value = Vec<Spec>> {
    proptest::collection::vec(spec(), 1..5)
}

const LEVELS: [&str; 5] = ["list", "read", "tagging", "write", "permissions"];

fn put(world: &mut World, name: &str, spec: &Spec) {
    let who = if spec.role { world.role(name) } else { world.user(name) };
    world.edit(who, |entity| {
        entity.nhi = spec.nhi;
        entity.last_used_at = spec.last_used.and_then(ago);
        entity.owner_status = spec.owner_gone.map(|gone| if gone { "departed" } else { "active" }.to_owned());
    });
    match spec.consumer_gone {
        Some(true) => world.trust(who, "AWS:AIDAEXAMPLEEXAMPLE123", TrustKind::Deleted, None),
        Some(false) => world.trust(who, "Service:lambda.amazonaws.com", TrustKind::Service, None),
        None => {}
    }
    for (at, row) in spec.rows.iter().enumerate() {
        let service = format!("service{}-{at}", row.service);
        let cell = world.may(who, &service, LEVELS[row.level], row.granted, row.unit * f64::from(row.granted));
        cell.decision = row.decision;
        if let Some((observable, unused)) = row.counts() {
            cell.observable_n = Some(observable);
            cell.unused_n = Some(unused);
            cell.undetermined_n = Some(part(row.granted - observable, row.young));
            cell.observable_mass = Some(row.unit * f64::from(observable));
            cell.used_mass = Some(if row.by_action { row.unit * f64::from(observable - unused) } else { 0.0 });
            cell.unused_mass = Some(row.unit * f64::from(unused));
            cell.window_days = row.watched_whole().then_some(90);
            cell.evidence_grade = if row.by_action { "measured-action" } else { "measured-service" }.to_owned();
        }
    }
    world.hops(who, spec.certain, spec.possible);
    for (at, key) in spec.keys.iter().flatten().enumerate() {
        let place =
            world.credential(who, &format!("{name}-{at}"), CredentialKind::AccessKey, key.age, days_ago(key.used));
        if key.used == Use::Unknown {
            world.builder.credentials[place].never_used = None;
        }
    }
    if let Some(factor) = spec.password {
        world.credential(who, &format!("{name}-password"), CredentialKind::Password, 10, Some(500));
        if let Factor::Is(active) = factor {
            let place = world.credential(who, &format!("{name}-mfa"), CredentialKind::Mfa, 10, None);
            world.builder.credentials[place].active = Some(active);
        }
    }
    if spec.unseen_policy {
        let policy = world.builder.refer("arn:aws:iam::aws:policy/Unseen", "aws", EntityKind::RoleDefinition, "Unseen");
        world.attach(who, policy, AttachmentKind::Identity);
    }
}

fn days_ago(used: Use) -> Option<i64> {
    match used {
        Use::DaysAgo(days) => Some(days),
        Use::Unknown | Use::Never => None,
    }
}

fn name(at: usize) -> String {
    format!("p{at}")
}

/// Scores by name, in the order of `names`.
fn scores(specs: &[Spec], names: &[String], order: &[usize]) -> Vec<Score> {
    let mut world = World::new();
    for &at in order {
        put(&mut world, &names[at], &specs[at]);
    }
    world.with(|context| {
        let all = all(context);
        let of = |name: &String| all.iter().find(|score| context.tables.entity(score.entity).name == *name).cloned();
        names.iter().filter_map(of).collect()
    })
}

fn plain(specs: &[Spec]) -> Vec<Score> {
    let names: Vec<String> = (0..specs.len()).map(name).collect();
    scores(specs, &names, &(0..specs.len()).collect::<Vec<_>>())
}

fn sum_of_shares(score: &Score) -> f64 {
    score.shares.iter().filter_map(|share| share.split_once('=')?.1.parse::<f64>().ok()).sum()
}

/// Without what is relative to others: the number and the place in a cohort.
fn alone(score: &Score) -> Score {
    Score {
        entity: crate::model::EntityId(0),
        cohort_n: 0,
        cohort_percentile: None,
        surprise: None,
        surprise_percentile: None,
        observed_cohort: None,
        observed_cohort_n: None,
        observed_surprise: None,
        observed_percentile: None,
        ..score.clone()
    }
}

/// One way in which everything that is open in `spec` may turn out; `extra` is what unseen policies hold.
fn resolve(spec: &Spec, by: &Resolution) -> Spec {
    let mut full = spec.clone();
    let mut coin = by.coins.iter().copied().cycle();
    let mut flip = || coin.next().unwrap_or(false);
    for row in &mut full.rows {
        if row.decision == Decision::Conditional {
            row.decision = if flip() { Decision::Allowed } else { Decision::Denied };
        }
        settle_use(row, by.seen);
    }
    // The true number of steps lies between the possible and the certain one.
    let (possible, certain) = (spec.possible.into_iter().chain(spec.certain).min(), spec.certain);
    full.certain = if flip() { possible } else { certain };
    if spec.unseen_policy {
        full.unseen_policy = false;
        full.rows.extend(by.extra.iter().cloned());
        full.certain = full.certain.into_iter().chain(by.hops).min();
    }
    full.possible = full.certain;
    full.nhi = spec.nhi.or_else(|| Some(flip()));
    full.owner_gone = spec.owner_gone.or_else(|| Some(flip()));
    full.consumer_gone = spec.consumer_gone.or_else(|| spec.role.then(&mut flip));
    // What the export says of the last use of the identity as a whole holds for credentials that it does not list.
    let seen_before = spec.last_used.unwrap_or(by.days);
    // Credentials that are listed with their last use are where a use of the identity would show.
    let keys = spec.keys.as_deref().unwrap_or_default();
    let listed = spec.password.is_some() || !keys.is_empty();
    let tells_all = listed && keys.iter().all(|key| key.used != Use::Unknown);
    full.last_used = spec.last_used.or((!tells_all).then_some(by.days));
    let settle = |key: &Key| match key.used {
        Use::Unknown => Key { age: key.age, used: Use::DaysAgo(by.key_days) },
        Use::Never | Use::DaysAgo(_) => key.clone(),
    };
    if !spec.role {
        let fallback = || vec![Key { age: by.key_days, used: Use::DaysAgo(seen_before.max(by.days)) }];
        full.keys = match (&spec.keys, spec.password) {
            (Some(keys), _) if !keys.is_empty() => Some(keys.iter().map(settle).collect()),
            // An identity with a password has its credentials listed, and no key among them is none.
            (_, Some(_)) => Some(vec![]),
            (_, None) => Some(fallback()),
        };
        full.password = spec.password.map(|factor| match factor {
            Factor::Unknown => Factor::Is(flip()),
            Factor::Is(known) => Factor::Is(known),
        });
    }
    full
}

#[derive(Debug, Clone)]
struct Resolution {
    coins: Vec<bool>,
    seen: (f64, f64),
    extra: Vec<Row>,
    hops: Option<u32>,
    days: i64,
    key_days: i64,
}

fn resolution() -> impl Strategy<Value = Resolution> {
    let coins = proptest::collection::vec(any::<bool>(), 8);
    (coins, (0.0..=1.0, 0.0..=1.0), rows(), hops(), 0..800i64, 0..800i64)
        .prop_map(|(coins, seen, extra, hops, days, key_days)| Resolution { coins, seen, extra, hops, days, key_days })
}

proptest! {
    #![proptest_config(runs())]

    #[test]
    fn every_score_is_bounded_and_the_shares_add_up(specs in org()) {
        for score in plain(&specs) {
            for value in [score.excess, score.orphan, score.escalation, score.credential].into_iter().flatten() {
                prop_assert!((0.0..=100.0).contains(&value));
            }
            prop_assert!(0.0 <= score.risk_low && score.risk_low <= score.risk + ROUNDING);
            prop_assert!(score.risk <= score.risk_high + ROUNDING && score.risk_high <= 100.0);
            let places = [score.cohort_percentile, score.surprise_percentile, score.observed_percentile];
            let shares = [score.pgr, score.wpg, Some(score.coverage), Some(score.power)];
            for value in places.into_iter().chain(shares).flatten() {
                prop_assert!((0.0..=1.0).contains(&value));
            }
            for value in [score.surprise, score.observed_surprise, score.wpa].into_iter().flatten() {
                prop_assert!(value.is_finite() && value >= 0.0);
            }
            let expected = -(1.0 - score.risk / 100.0).ln();
            prop_assert!((sum_of_shares(&score) - expected).abs() < ROUNDING, "{} {}", sum_of_shares(&score), expected);
        }
    }

    #[test]
    fn adding_a_grant_never_lowers_excess_escalation_or_risk(
        specs in org(), which in any::<prop::sample::Index>(), grant in row(), certain in hops(), possible in hops(),
    ) {
        let at = which.index(specs.len());
        let mut more = specs.clone();
        more[at].rows.push(grant);
        more[at].certain = specs[at].certain.into_iter().chain(certain).min();
        more[at].possible = specs[at].possible.into_iter().chain(possible).min();
        let (before, after) = (&plain(&specs)[at], &plain(&more)[at]);
        prop_assert!(before.wpa.unwrap_or(0.0) <= after.wpa.unwrap_or(0.0) + ROUNDING);
        prop_assert!(before.excess <= after.excess.map(|value| value + ROUNDING));
        prop_assert!(before.escalation <= after.escalation.map(|value| value + ROUNDING));
        prop_assert!(before.risk <= after.risk + ROUNDING);
        prop_assert!(before.risk_low <= after.risk_low + ROUNDING && before.risk_high <= after.risk_high + ROUNDING);
        prop_assert!(before.mass <= after.mass);
    }

    #[test]
    fn renaming_and_reordering_change_nothing(specs in org()) {
        let renamed: Vec<String> = (0..specs.len()).map(|at| format!("renamed-{}", specs.len() - at)).collect();
        let backwards: Vec<usize> = (0..specs.len()).rev().collect();
        let other = scores(&specs, &renamed, &backwards);
        for (a, b) in plain(&specs).iter().zip(&other) {
            prop_assert_eq!(Score { entity: b.entity, ..a.clone() }, b.clone());
        }
    }

    #[test]
    fn principals_that_are_not_connected_do_not_influence_each_other(specs in org()) {
        for (at, together) in plain(&specs).iter().enumerate() {
            let by_itself = &plain(std::slice::from_ref(&specs[at]))[0];
            prop_assert_eq!(alone(together), alone(by_itself));
        }
    }

    #[test]
    fn the_interval_holds_the_value_that_full_data_gives(open in spec(), by in resolution()) {
        let full = resolve(&open, &by);
        let (before, after) = (&plain(std::slice::from_ref(&open))[0], &plain(std::slice::from_ref(&full))[0]);
        prop_assert!(before.risk_low <= after.risk + ROUNDING, "low {} of {}\n{:?}", before.risk_low, after.risk, full);
        prop_assert!(after.risk <= before.risk_high + ROUNDING, "high {} of {}\n{:?}", before.risk_high, after.risk, full);
    }
}
