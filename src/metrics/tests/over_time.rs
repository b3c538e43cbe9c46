//! Metrics that a store of earlier scans decides: committed, read again, and counted by hand.

use super::super::history::past::Past;
use super::super::*;
use crate::findings::DAY;
use crate::findings::testkit::{NOW, World};
use crate::model::{EntityKind, FindingState, Results, Severity, Source, SourceId};
use crate::store::{Commit, Store};

const USAGE_WINDOW: i64 = 90 * DAY;

fn finding(name: &str, entity: u32, first_seen: i64, state: FindingState) -> Finding {
    Finding {
        fingerprint: name.to_owned(),
        rule: "key-age".to_owned(),
        severity: Severity::Medium,
        entity: EntityId(entity),
        title: name.to_owned(),
        subjects: vec![],
        evidence: vec![],
        frameworks: vec![],
        first_seen,
        state,
        exception: None,
        affected_n: 1,
    }
}

fn entity(number: u32, name: &str, nhi: bool) -> Entity {
    let mut entity = Entity::named(&World::user_id(name), "aws", EntityKind::User, name);
    (entity.entity, entity.present, entity.nhi, entity.source) = (EntityId(number), true, Some(nhi), Some(SourceId(0)));
    entity
}

fn mass(platform: &str, kind: &str, value: Option<f64>) -> Metric {
    Metric {
        metric: "standing_mass".to_owned(),
        platform: platform.to_owned(),
        kind: kind.to_owned(),
        domain: "all".to_owned(),
        value,
        low: None,
        high: None,
        numerator: None,
        denominator: None,
        coverage: None,
    }
}

/// A scan of `days` ago.
fn commit(store: &Store, days: i64, entities: Vec<Entity>, findings: Vec<Finding>, metrics: Vec<Metric>) {
    let source = Source { path: "t".into(), kind: "t".into(), sha256: "00".repeat(32), records: 1, skipped: 0 };
    let tables = Tables { sources: vec![source], entities, ..Tables::default() };
    let results = Results { findings, metrics, ..Results::default() };
    let commit = Commit {
        as_of: NOW - days * DAY,
        engine_version: "0.0.0-test",
        config_digest: "00".repeat(32),
        tables: &tables,
        results: &results,
        incomplete: vec![],
    };
    store.writer().expect("the lock").commit(commit).expect("a snapshot");
}

fn value<'a>(rows: &'a [Metric], metric: &str, kind: &str) -> &'a Metric {
    let hit = |row: &&Metric| row.metric == metric && row.kind == kind && row.platform == "all" && row.domain == "all";
    rows.iter().find(hit).unwrap_or_else(|| panic!("no {metric} of {kind}"))
}

#[test]
fn standing_hours_are_the_area_under_the_masses_of_the_window() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open_or_create(&folder.path().join("store")).expect("a store");
    let masses = |all, nhi| vec![mass("all", "all", Some(all)), mass("all", "nhi", Some(nhi))];
    // 200 days ago is past and gone; 100 days ago is what held when the window of 90 days began.
    commit(&store, 200, vec![], vec![], masses(1000.0, 0.0));
    commit(&store, 100, vec![], vec![], masses(50.0, 10.0));
    commit(&store, 60, vec![], vec![], vec![]);
    commit(&store, 30, vec![], vec![], vec![mass("all", "all", Some(20.0))]);
    // A later scan than the one that asks is none of its past.
    commit(&store, -5, vec![], vec![], masses(7.0, 7.0));
    let past = Past::read(&store, NOW, NOW - USAGE_WINDOW).expect("a past");
    let mut world = World::new();
    let role = world.role("r");
    world.may(role, "s3", "read", 1, 5.0);
    world.with(|context| {
        let scores = crate::scores::all(context);
        let inputs = Inputs { past: Some(&past), ..Inputs::new(context, &scores, &[]) };
        let rows = all(&inputs).expect("the query is valid");
        // 50 from day 90 to 30 (day 60 did not measure it) and 20 from there: (50·60 + 20·30)·24.
        let hours = value(&rows, "standing_privilege_hours", "all");
        assert_eq!((hours.value, hours.denominator, hours.coverage), (Some(86_400.0), Some(2160.0), Some(1.0)));
        // Nobody of that kind was there at day 30: 10·60·24.
        assert_eq!(value(&rows, "standing_privilege_hours", "nhi").value, Some(14_400.0));
    });
}

#[test]
fn what_the_first_scan_found_counts_for_the_time_before_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open_or_create(&folder.path().join("store")).expect("a store");
    commit(&store, 9, vec![], vec![], vec![mass("all", "all", Some(2.0))]);
    let past = Past::read(&store, NOW, NOW - USAGE_WINDOW).expect("a past");
    let mut world = World::new();
    world.role("r");
    world.with(|context| {
        let scores = crate::scores::all(context);
        let rows = all(&Inputs { past: Some(&past), ..Inputs::new(context, &scores, &[]) }).expect("valid");
        let hours = value(&rows, "standing_privilege_hours", "all");
        assert_eq!((hours.value, hours.coverage), (Some(2.0 * 2160.0), Some(0.1)));
    });
}

#[test]
fn time_to_revoke_is_the_median_over_all_scans_and_of_each_kind() {
    use FindingState::{Absent, New, Unchanged};
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open_or_create(&folder.path().join("store")).expect("a store");
    let at = |days: i64| NOW - days * DAY;
    let both = || vec![entity(0, "ann", false), entity(1, "bot", true)];
    let open =
        |state| vec![finding("a", 0, at(40), state), finding("b", 1, at(40), state), finding("c", 1, at(40), state)];
    commit(&store, 40, both(), open(New), vec![]);
    // b is gone after 10 days; bot is gone altogether with c after 30, and then no row tells of it.
    let second =
        vec![finding("a", 0, at(40), Unchanged), finding("b", 1, at(40), Absent), finding("c", 1, at(40), Unchanged)];
    commit(&store, 30, both(), second, vec![]);
    commit(&store, 10, vec![entity(0, "ann", false)], vec![finding("a", 0, at(40), Unchanged)], vec![]);
    let past = Past::read(&store, NOW, NOW - USAGE_WINDOW).expect("a past");
    let mut world = World::new();
    world.user("ann");
    world.with(|context| {
        let ann = context.tables.find(&World::user_id("ann")).expect("ann");
        let findings = [finding("a", ann.0, at(40), Unchanged)];
        let rows = all(&Inputs { past: Some(&past), ..Inputs::new(context, &[], &findings) }).expect("valid");
        // 10, 30 and open for 40 days: a third is gone at 10, two thirds at 30.
        let days = value(&rows, "time_to_revoke_days", "all");
        assert_eq!((days.value, days.numerator, days.denominator), (Some(30.0), Some(2.0), Some(3.0)));
        let machines = value(&rows, "time_to_revoke_days", "nhi");
        assert_eq!((machines.value, machines.denominator), (Some(10.0), Some(2.0)), "half of two is gone at 10");
        let people = value(&rows, "time_to_revoke_days", "human");
        assert_eq!((people.value, people.low, people.denominator), (None, None, Some(1.0)), "still open");
        let rows = all(&Inputs::new(context, &[], &findings)).expect("valid");
        assert_eq!(value(&rows, "time_to_revoke_days", "all").value, None, "no store was asked");
    });
}
