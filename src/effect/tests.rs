//! Histories that are made up: assistance helps, does nothing, harms, or cannot be measured, and the verdict says so.
//!
//! Each is 48 weeks of a metric in eight units, four of them with assistance from week 24 on, around levels of their own
//! with a shared movement and errors that remember the week before. The true effect is exactly the smallest that the
//! objective calls important.

use super::objective::{Better, Guardrail, Objective, Unit};
use super::study::{Shot, Study, of_shots};
use super::verdict::{Held, Verdict};
use crate::model::Metric;

const WEEK_MS: i64 = 7 * 86_400_000;
const START: i64 = 1_767_225_600_000;
const WEEKS: u32 = 48;
const UNITS: u32 = 8;
/// What the objective calls important.
const EFFECT: f64 = 4.0;

/// `SplitMix64`, and normal errors by the sum of twelve.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        f64::from(u32::try_from((z ^ (z >> 31)) >> 32).expect("32 bits")) / 4_294_967_296.0
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// What a history is made of.
#[derive(Clone, Copy)]
struct World {
    effect: f64,
    /// Standard deviation of the weekly errors, of whose last half remains a week later.
    noise: f64,
    weeks: u32,
    /// Standard deviation of what moves all units together from a week to the next, and stays.
    wander: f64,
    /// What the treated units gain a week before and after, assistance or not.
    drift: f64,
    /// What assistance does to the guardrail.
    harm: f64,
}

const PLAIN: World = World { effect: 0.0, noise: 1.0, weeks: WEEKS, wander: 0.2, drift: 0.0, harm: 0.0 };

fn row(metric: &str, domain: &str, value: f64) -> Metric {
    Metric {
        metric: metric.to_owned(),
        platform: "all".to_owned(),
        kind: "all".to_owned(),
        domain: domain.to_owned(),
        value: Some(value),
        low: None,
        high: None,
        numerator: None,
        denominator: None,
        coverage: Some(1.0),
    }
}

fn history(world: World, seed: u64) -> Vec<Shot> {
    let mut random = Random(seed.wrapping_mul(0x1000_0001).wrapping_add(7));
    let levels: Vec<f64> = (0..UNITS).map(|_| 40.0 + 3.0 * random.normal()).collect();
    let mut errors = vec![0.0; levels.len()];
    let mut shared = 0.0;
    let mut shots = Vec::new();
    for week in 0..world.weeks {
        shared += world.wander * random.normal();
        let assisted = week >= world.weeks / 2;
        let mut metrics = Vec::new();
        let mut sum = 0.0;
        for (unit, (level, error)) in (0..UNITS).zip(levels.iter().zip(errors.iter_mut())) {
            *error = 0.5 * *error + world.noise * random.normal();
            let treated = unit < UNITS / 2;
            let on = |value: f64, when: bool| if when { value } else { 0.0 };
            let value = level + shared + *error + on(world.effect, treated && assisted);
            let value = value + on(world.drift * f64::from(week), treated);
            sum += value;
            metrics.push(row("risk_p90", &format!("d{unit}"), value));
            let rail = 10.0 + 0.2 * random.normal() + on(world.harm, treated && assisted);
            metrics.push(row("exposure_pct", &format!("d{unit}"), rail));
        }
        metrics.push(row("risk_p90", "all", sum / f64::from(UNITS)));
        shots.push(Shot { as_of: START + i64::from(week) * WEEK_MS, metrics });
    }
    shots
}

fn objective(weeks: u32, treated: bool) -> Objective {
    Objective {
        metric: "risk_p90".to_owned(),
        unit_of_metric: "points".to_owned(),
        better: Better::Lower,
        minimum_effect: EFFECT,
        intervention: START + i64::from(weeks / 2) * WEEK_MS,
        unit: Unit::Domain,
        treated: if treated { (0..UNITS / 2).map(|unit| format!("d{unit}")).collect() } else { Vec::new() },
        control: Vec::new(),
        alpha: 0.05,
        guardrails: Vec::new(),
    }
}

fn look(world: World, seed: u64, treated: bool) -> Study {
    of_shots(&history(world, seed), &objective(world.weeks, treated), None).expect("every unit is there")
}

/// The verdict is this in at least 95 of a hundred histories.
fn expect(world: World, treated: bool, verdict: Verdict) {
    let found = (1..=100).map(|seed| look(world, seed, treated).judged);
    let (right, wrong): (Vec<_>, Vec<_>) = found.partition(|judged| judged.verdict == verdict);
    assert!(right.len() >= 95, "{verdict}: {} of 100; the others: {wrong:#?}", right.len());
}

#[test]
fn units_with_and_without_assistance_get_the_right_verdict_in_95_of_100_histories() {
    expect(World { effect: -EFFECT, ..PLAIN }, true, Verdict::Improved);
    expect(PLAIN, true, Verdict::NoEvidence);
    expect(World { effect: EFFECT, ..PLAIN }, true, Verdict::Worse);
    // So much noise that nobody could see an effect of this size, whether there is one or not.
    let blurred = World { noise: 16.0, ..PLAIN };
    expect(blurred, true, Verdict::NotMeasurable);
    expect(World { effect: -EFFECT, ..blurred }, true, Verdict::NotMeasurable);
}

#[test]
fn one_series_before_and_after_gets_the_right_verdict_in_95_of_100_histories() {
    // Only half of the units have assistance, so the whole moves by half of what theirs does. Nothing wanders: a single
    // series cannot tell what moves everybody from assistance, and no method makes up for that.
    let long = World { weeks: 96, noise: 1.6, wander: 0.0, ..PLAIN };
    expect(World { effect: -2.0 * EFFECT, ..long }, false, Verdict::Improved);
    expect(long, false, Verdict::NoEvidence);
    expect(World { effect: 2.0 * EFFECT, ..long }, false, Verdict::Worse);
    let short = World { weeks: 14, ..long };
    expect(World { effect: -2.0 * EFFECT, ..short }, false, Verdict::NotMeasurable);
}

#[test]
fn groups_that_went_apart_before_are_not_compared() {
    expect(World { drift: -0.5, noise: 0.3, ..PLAIN }, true, Verdict::NotMeasurable);
}

#[test]
fn a_guardrail_that_breaks_outweighs_the_gain() {
    let mut objective = objective(WEEKS, true);
    objective.guardrails =
        vec![Guardrail { metric: "exposure_pct".to_owned(), recorded: None, better: Better::Lower, margin: 1.0 }];
    for (harm, held, verdict) in [(0.0, Held::Held, Verdict::Improved), (3.0, Held::Broken, Verdict::Worse)] {
        let shots = history(World { effect: -EFFECT, harm, ..PLAIN }, 1);
        let study = of_shots(&shots, &objective, None).expect("every unit is there");
        assert_eq!((study.guardrails[0].held, study.judged.verdict), (held, verdict), "{:?}", study.judged);
    }
}

#[test]
fn a_snapshot_without_a_value_of_a_unit_is_left_out_and_an_unknown_unit_is_named() {
    let mut shots = history(PLAIN, 3);
    shots[5].metrics[4].value = None;
    let study = of_shots(&shots, &objective(WEEKS, true), None).expect("every unit is there");
    assert_eq!(study.left_out, 1);
    assert!(study.series.iter().all(|(_, _, points)| points.len() == 47));
    let mut other = objective(WEEKS, true);
    other.treated.push("nowhere".to_owned());
    let error = of_shots(&shots, &other, None).expect_err("no such unit").to_string();
    assert!(error.contains("`nowhere`"), "{error}");
}
