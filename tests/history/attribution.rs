//! The identity of within, entry and exit, over metrics of every kind and organisations of every make.

use overgrant::config::Config;
use overgrant::metrics::history::attribution::Attribution;
use overgrant::metrics::history::trend::{Request, Trend, trends};
use overgrant::metrics::population::Cell;
use overgrant::store::Store;

use super::weeks::{Account, commit, snapshot};

fn all_trends(store: &Store) -> Vec<Trend> {
    let config = Config::embedded().expect("the built-in configuration");
    let all = || "all".to_owned();
    let metrics = ["*".to_owned()];
    let request =
        Request { metrics: &metrics, part: Cell { platform: all(), kind: all(), domain: all() }, config: &config };
    trends(store, &request).expect("trends")
}

fn two_weeks(before: &[Account], after: &[Account]) -> Vec<Trend> {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open_or_create(&folder.path().join("store")).expect("a store");
    commit(&store, 0, &snapshot(0, before, Vec::new()));
    commit(&store, 1, &snapshot(1, after, Vec::new()));
    all_trends(&store)
}

fn change(trends: &[Trend], metric: &str) -> Option<Attribution> {
    trends.iter().find(|trend| trend.metric == metric)?.points.get(1)?.change
}

#[test]
fn counts_shares_and_percentiles_all_come_apart_exactly() {
    // Roles 0 to 9 go, 10 to 59 stay, 60 to 79 come; of those who stay, more are unused afterwards.
    let before = Account { number: 1, from: 0, roles: 60, unused: 20 };
    let after = Account { number: 1, from: 10, roles: 70, unused: 30 };
    let trends = two_weeks(&[before], &[after]);
    let mut attributed = 0;
    for trend in &trends {
        let Some(parts) = trend.points.get(1).and_then(|point| point.change) else { continue };
        let moved = trend.points[1].value - trend.points[0].value;
        assert!((parts.change - moved).abs() < 1e-12, "{}", trend.metric);
        assert!((parts.within + parts.entry + parts.exit - moved).abs() < 1e-12, "{}: {parts:?}", trend.metric);
        attributed += 1;
    }
    assert!(attributed >= 10, "{attributed} of {} metrics were attributed", trends.len());
    // 20 come, 10 go.
    let principals = change(&trends, "principals").expect("a count");
    assert_eq!((principals.within, principals.entry, principals.exit), (0.0, 20.0, -10.0));
    // Unused before: 0 to 19 of 60. Of the 50 who stay, 10 to 19 were unused: 10 of 50. After: 10 to 39, 30 of the 50
    // who stay, and 30 of 70 altogether.
    let unused = change(&trends, "unused_principals_90d_pct").expect("a share");
    assert!((unused.within - (60.0 - 20.0)).abs() < 1e-12, "{unused:?}");
    assert!((unused.entry - (300.0 / 7.0 - 60.0)).abs() < 1e-12, "{unused:?}");
    assert!((unused.exit - (20.0 - 100.0 / 3.0)).abs() < 1e-12, "{unused:?}");
}

#[test]
fn when_nobody_stays_there_is_no_within_to_speak_of() {
    let before = Account { number: 1, from: 0, roles: 10, unused: 2 };
    let after = Account { number: 2, from: 100, roles: 10, unused: 8 };
    let trends = two_weeks(&[before], &[after]);
    assert_eq!(change(&trends, "unused_principals_90d_pct"), None);
    let share = trends.iter().find(|trend| trend.metric == "unused_principals_90d_pct").expect("the share");
    assert!(share.unattributed.as_ref().is_some_and(|why| why.contains("nobody stayed")), "{:?}", share.unattributed);
    // A count of nobody is 0, and comes apart all the same.
    let principals = change(&trends, "principals").expect("a count");
    assert_eq!((principals.within, principals.entry, principals.exit), (0.0, 10.0, -10.0));
}

#[test]
fn a_metric_that_cannot_be_computed_again_is_not_attributed() {
    let account = Account { number: 1, from: 0, roles: 10, unused: 2 };
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open_or_create(&folder.path().join("store")).expect("a store");
    commit(&store, 0, &snapshot(0, &[account], Vec::new()));
    let mut other = snapshot(1, &[account], Vec::new());
    // As an engine with another definition would have stored it.
    for row in other.1.metrics.iter_mut().filter(|row| row.metric == "unused_principals_90d_pct") {
        row.value = row.value.map(|value| value + 5.0);
    }
    commit(&store, 1, &other);
    let trends = all_trends(&store);
    assert_eq!(change(&trends, "unused_principals_90d_pct"), None);
    assert!(change(&trends, "principals").is_some());
}
