//! Inputs and our outputs of every statistic, for `tests/python/stats_check.py` to compute again.
//!
//! `OVERGRANT_STATS_FILE=stats.json cargo test --test main history::crosscheck`, then
//! `python tests/python/stats_check.py stats.json`. `.ci/run` does both.

use overgrant::config::Config;
use overgrant::metrics::history::survival::{Spell, kaplan_meier};
use overgrant::metrics::history::trend::{Request, trends};
use overgrant::metrics::history::{ewma, laney};
use overgrant::metrics::population::Cell;
use overgrant::metrics::{newcombe, wilson};
use overgrant::model::Entity;
use overgrant::store::Store;
use serde_json::{Value, json};

use super::weeks::{Account, as_of, commit, snapshot};

/// Splitmix64: the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end)).expect("below a u32")
    }

    fn share(&mut self) -> f64 {
        f64::from(self.below(1_000_003)) / 1_000_003.0
    }
}

fn ewma_cases(numbers: &mut Numbers) -> Vec<Value> {
    let mut cases = Vec::new();
    for length in [2_usize, 5, 20, 26, 60] {
        let values: Vec<f64> = (0..length).map(|_| 40.0 + 25.0 * numbers.share()).collect();
        let baseline = length.min(20);
        let chart = ewma::chart(&values, baseline, ewma::LAMBDA, ewma::WIDTH).expect("a chart");
        cases.push(json!({
            "values": values, "baseline": baseline, "lambda": ewma::LAMBDA, "width": ewma::WIDTH,
            "centre": chart.centre, "sigma": chart.sigma, "points": chart.points,
            "autocorrelation": ewma::autocorrelation(&values[..baseline]),
        }));
    }
    cases
}

fn laney_cases(numbers: &mut Numbers) -> Vec<Value> {
    let mut cases = Vec::new();
    for length in [2_usize, 20, 30] {
        let populations: Vec<f64> = (0..length).map(|_| f64::from(200 + numbers.below(20_000))).collect();
        let shares: Vec<f64> = populations.iter().map(|n| (n * (0.05 + 0.1 * numbers.share())).round() / n).collect();
        let baseline = length.min(20);
        let chart = laney::chart(&shares, &populations, baseline).expect("a chart");
        cases.push(json!({
            "shares": shares, "populations": populations, "baseline": baseline,
            "centre": chart.centre, "sigma_z": chart.sigma_z, "points": chart.points,
        }));
    }
    cases
}

fn wilson_cases(numbers: &mut Numbers) -> Vec<Value> {
    let ends = [(0, 1), (1, 1), (0, 300), (300, 300), (1, 100_000)];
    let random = (0..40).map(|_| {
        let n = 1 + numbers.below(50_000);
        (numbers.below(n + 1), n)
    });
    ends.into_iter()
        .chain(random)
        .map(|(k, n)| {
            let (low, high) = wilson::interval(f64::from(k), f64::from(n), wilson::Z_95).expect("n is positive");
            json!({"k": k, "n": n, "low": low, "high": high})
        })
        .collect()
}

fn newcombe_cases(numbers: &mut Numbers) -> Vec<Value> {
    let ends = [(0, 1, 1, 1), (0, 10, 10, 10), (0, 300, 0, 5), (7, 7, 7, 7), (56, 70, 48, 80)];
    let random = (0..40).map(|_| {
        let (n1, n2) = (1 + numbers.below(5_000), 1 + numbers.below(50_000));
        (numbers.below(n1 + 1), n1, numbers.below(n2 + 1), n2)
    });
    ends.into_iter()
        .chain(random)
        .map(|(k1, n1, k2, n2)| {
            let share = |k: u32, n: u32| (f64::from(k), f64::from(n));
            let found = newcombe::difference(share(k1, n1), share(k2, n2), wilson::Z_95);
            let (low, high) = found.expect("both are of somebody");
            json!({"k1": k1, "n1": n1, "k2": k2, "n2": n2, "low": low, "high": high})
        })
        .collect()
}

fn survival_cases(numbers: &mut Numbers) -> Vec<Value> {
    let mut cases = Vec::new();
    for (n, ends_pct) in [(3, 100), (12, 60), (80, 80), (400, 45), (50, 10)] {
        let spells: Vec<Spell> = (0..n)
            // Weekly scans: many ties, and ends and censorings at one time.
            .map(|_| Spell { days: f64::from(7 * numbers.below(30)), ended: numbers.below(100) < ends_pct })
            .collect();
        let days: Vec<f64> = spells.iter().map(|spell| spell.days).collect();
        let ended: Vec<bool> = spells.iter().map(|spell| spell.ended).collect();
        cases.push(json!({"days": days, "ended": ended, "survival": kaplan_meier(&spells)}));
    }
    cases
}

fn facts(entities: &[Entity], risks: &[f64], week: usize) -> Vec<Value> {
    let idle = |entity: &Entity| (as_of(week) - entity.last_used_at.expect("known")) / super::weeks::DAY;
    (entities.iter().zip(risks))
        .map(|(row, risk)| json!({"id": row.id, "idle_days": idle(row), "risk": risk}))
        .collect()
}

/// Whole trends of a store, with the facts that its metrics are made of.
fn trend_case(numbers: &mut Numbers) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open_or_create(&folder.path().join("store")).expect("a store");
    let mut weeks = Vec::new();
    for week in 0..24 {
        let from = numbers.below(30);
        let roles = 80 + numbers.below(60);
        let account = Account { number: 1, from, roles, unused: 5 + numbers.below(30) };
        let (tables, results) = snapshot(week, &[account], Vec::new());
        let risks: Vec<f64> = results.scores.iter().map(|score| score.risk).collect();
        weeks.push(facts(&tables.entities, &risks, week));
        commit(&store, week, &(tables, results));
    }
    let config = Config::embedded().expect("the built-in configuration");
    let metrics = ["principals", "unused_principals_90d_pct", "risk_p50", "risk_p90"].map(str::to_owned);
    let all = || "all".to_owned();
    let part = Cell { platform: all(), kind: all(), domain: all() };
    let found = trends(&store, &Request { metrics: &metrics, part, config: &config }).expect("trends");
    assert_eq!(found.len(), 4);
    assert!(found.iter().all(|trend| trend.unattributed.is_none() && trend.points.len() == 24));
    json!({"weeks": weeks, "trends": found})
}

#[test]
fn numbers_are_written_for_the_independent_check() {
    let mut numbers = Numbers(20_261_122);
    let document = json!({
        "format": 1,
        "ewma": ewma_cases(&mut numbers),
        "laney": laney_cases(&mut numbers),
        "wilson": wilson_cases(&mut numbers),
        "newcombe": newcombe_cases(&mut numbers),
        "survival": survival_cases(&mut numbers),
        "trend": trend_case(&mut numbers),
    });
    let text = serde_json::to_string(&document).expect("plain values");
    // JSON has no name for what is no number: every statistic here is one.
    assert!(document["ewma"].as_array().is_some_and(|cases| cases.iter().all(|case| case["sigma"].is_f64())));
    if let Some(path) = std::env::var_os("OVERGRANT_STATS_FILE") {
        std::fs::write(path, text).expect("the file can be written");
    }
}
