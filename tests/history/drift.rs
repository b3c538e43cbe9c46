//! Twenty-six weeks: a planted drift is flagged, an account that is onboarded is not.

use overgrant::config::Config;
use overgrant::metrics::history::attribution::Cause;
use overgrant::metrics::history::trend::{Request, Trend, trends};
use overgrant::metrics::population::Cell;
use overgrant::store::Store;

use super::weeks::{Account, as_of, calm, main_account, store};

const WEEKS: usize = 26;
const METRIC: &str = "unused_principals_90d_pct";

fn trend(store: &Store) -> Trend {
    let config = Config::embedded().expect("the built-in configuration");
    let all = || "all".to_owned();
    let metrics = [METRIC.to_owned()];
    let request =
        Request { metrics: &metrics, part: Cell { platform: all(), kind: all(), domain: all() }, config: &config };
    let mut found = trends(store, &request).expect("a trend");
    assert_eq!(found.len(), 1);
    let trend = found.remove(0);
    assert_eq!(trend.unattributed, None);
    trend
}

fn drifting(trend: &Trend) -> Vec<usize> {
    (0..trend.points.len()).filter(|&at| !trend.points[at].drift.is_empty()).collect()
}

fn signalling(trend: &Trend) -> Vec<usize> {
    (0..trend.points.len()).filter(|&at| !trend.points[at].signals.is_empty()).collect()
}

#[test]
fn a_calm_history_has_no_signal() {
    let (_folder, store) = store(WEEKS, |week| vec![main_account(calm(week))]);
    let trend = trend(&store);
    assert_eq!((trend.points.len(), trend.baseline_points, trend.provisional), (26, 20, false));
    assert_eq!((signalling(&trend), drifting(&trend)), (Vec::new(), Vec::new()));
    // Nobody came or went: all change is within.
    for point in trend.points.iter().filter_map(|point| point.change) {
        assert_eq!((point.entry, point.exit), (0.0, 0.0));
    }
}

#[test]
fn a_planted_drift_is_flagged_with_the_week_of_its_beginning() {
    // From the 21st week on, six more of the 300 fall out of use every week: two points a week.
    let unused = |week: usize| {
        let grown = u32::try_from(week.saturating_sub(19)).expect("few weeks") * 6;
        calm(week) + grown
    };
    let (_folder, store) = store(WEEKS, |week| vec![main_account(unused(week))]);
    let trend = trend(&store);
    let drift = drifting(&trend);
    // Frozen limits: the first 20 weeks have no signal, the last ones have nothing but.
    assert!(drift.first().is_some_and(|&first| (20..=22).contains(&first)), "{drift:?}");
    assert_eq!(drift.last(), Some(&25));
    assert_eq!(trend.drift_since(), Some(as_of(drift[0])));
    let last = trend.points.last().expect("26 points");
    assert!(last.drift.iter().all(|signal| signal.worse == Some(true)));
    assert_eq!(last.cause(), Some(Cause::Within));
    // 300 roles: a third of a point each.
    let expected = (f64::from(unused(25)) - f64::from(unused(19))) / 3.0;
    let since = last.since_baseline.expect("past the baseline");
    assert!((since.within - expected).abs() < 1e-9 && (since.change - expected).abs() < 1e-9, "{since:?}");
}

/// In week 23 an account of 200 roles is onboarded, 80 of them unused.
fn onboarding(week: usize, unused: u32) -> Vec<Account> {
    let mut accounts = vec![main_account(unused)];
    if week >= 22 {
        accounts.push(Account { number: 444_455_556_666, from: 1000, roles: 200, unused: 80 });
    }
    accounts
}

#[test]
fn an_account_that_is_onboarded_is_a_signal_by_entry_and_no_drift() {
    let (_folder, store) = store(WEEKS, |week| onboarding(week, calm(week)));
    let trend = trend(&store);
    assert_eq!(drifting(&trend), [0; 0], "nobody who was there has changed");
    assert_eq!(trend.drift_since(), None);
    let signals = signalling(&trend);
    assert_eq!((signals.first(), signals.last()), (Some(&22), Some(&25)), "{signals:?}");
    assert!(signals.iter().all(|&at| trend.points[at].cause() == Some(Cause::Entry)));
    // The week before has 27 of 300 unused, 9 %; this one 31 of 300 and 80 of 200, that is 111 of 500 or 22.2 %.
    assert_eq!((calm(21), calm(22)), (27, 31));
    let step = trend.points[22].change.expect("attributed");
    assert!((step.within - (31.0 - 27.0) / 3.0).abs() < 1e-9, "{step:?}");
    assert!((step.entry - (22.2 - 31.0 / 3.0)).abs() < 1e-9, "{step:?}");
    assert!(step.exit.abs() < 1e-12, "{step:?}");
    assert!((step.change - (22.2 - 9.0)).abs() < 1e-9, "{step:?}");
}

#[test]
fn a_drift_behind_an_onboarding_is_still_seen() {
    // The same account comes, and in the same week 40 of those who were there fall out of use.
    let unused = |week: usize| calm(week) + if week >= 22 { 40 } else { 0 };
    let (_folder, store) = store(WEEKS, |week| onboarding(week, unused(week)));
    assert_eq!(drifting(&trend(&store)), [22, 23, 24, 25]);
}

#[test]
fn under_twenty_points_limits_are_provisional() {
    let (_folder, store) = store(6, |week| vec![main_account(calm(week))]);
    let trend = trend(&store);
    assert_eq!((trend.baseline_points, trend.provisional), (6, true));
    assert!(trend.points[5].ewma.is_some() && trend.points[5].p.is_some());
}

#[test]
fn of_several_scans_for_one_time_the_last_counts() {
    let (_folder, store) = store(3, |week| vec![main_account(calm(week))]);
    super::weeks::commit(&store, 2, &super::weeks::snapshot(2, &[main_account(60)], Vec::new()));
    assert_eq!(store.snapshots().expect("manifests").len(), 4);
    let trend = trend(&store);
    let values: Vec<f64> = trend.points.iter().map(|point| (3.0 * point.value).round()).collect();
    assert_eq!(values, [30.0, 32.0, 60.0]);
}
