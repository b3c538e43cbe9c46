//! Metrics of small organisations, counted by hand.

mod governed;
mod over_time;

use std::collections::BTreeSet;

use super::*;
use crate::findings::testkit::{World, ago};
use crate::findings::{Frameworks, run};
use crate::model::CredentialKind;

/// Two people and four machines; one machine is the administrator, two of the others have paths.
fn organisation() -> World {
    let mut world = World::new();
    let (ann, bob) = (world.user("ann"), world.user("bob"));
    world.edit(ann, |entity| entity.last_used_at = ago(1));
    world.credential(bob, "AKIA1", CredentialKind::AccessKey, 91, Some(10));
    let (admin, a, b, c) = (world.role("admin"), world.role("a"), world.role("b"), world.role("c"));
    world.protect(admin, "administrator of its account");
    world.hops(a, Some(1), Some(1));
    world.hops(b, None, Some(2));
    world.edit(c, |entity| entity.last_used_at = ago(100));
    world.credential(a, "AKIA2", CredentialKind::AccessKey, 90, Some(1));
    world.may(admin, "all", "permissions", 10, 40.0);
    world.may(a, "s3", "read", 10, 20.0);
    let row = world.may(b, "s3", "write", 10, 30.0);
    (row.observable_n, row.unused_n) = (Some(10), Some(5));
    (row.observable_mass, row.unused_mass) = (Some(30.0), Some(15.0));
    world
}

fn rows() -> Vec<Metric> {
    organisation().with(|context| {
        let frameworks = Frameworks::embedded().expect("the embedded files are tested");
        let scores = crate::scores::all(context);
        all(&Inputs::new(context, &scores, &run(context, &frameworks).findings)).expect("the query is valid")
    })
}

fn row<'a>(rows: &'a [Metric], metric: &str, kind: &str) -> &'a Metric {
    let hit = |row: &&Metric| row.metric == metric && row.kind == kind && row.platform == "aws" && row.domain == "all";
    rows.iter().find(hit).unwrap_or_else(|| panic!("no {metric} of {kind}"))
}

#[test]
fn counts_and_rates_are_those_counted_by_hand() {
    let rows = rows();
    let value = |metric, kind| row(&rows, metric, kind).value;
    assert_eq!((value("principals", "all"), value("principals", "nhi")), (Some(6.0), Some(4.0)));
    assert_eq!(value("nhis_per_human", "all"), Some(2.0));
    assert_eq!((value("administrators", "nhi"), value("administrators", "human")), (Some(1.0), Some(0.0)));
    assert_eq!(value("admin_equivalents", "all"), Some(1.0));
    // Five outside the zone: one with a certain path, two with any.
    assert_eq!(value("exposure_pct_certain", "all"), Some(20.0));
    assert_eq!(value("exposure_pct_possible", "all"), Some(40.0));
    let exposure = row(&rows, "exposure_pct", "all");
    assert_eq!((exposure.value, exposure.low, exposure.high), (Some(20.0), Some(20.0), Some(40.0)));
    // One key of 91 days and one of 90, which is not over the limit.
    assert_eq!(value("keys_over_90d_pct", "all"), Some(50.0));
    assert_eq!(value("keys_over_90d_pct", "nhi"), Some(0.0));
    // Known last use: ann 1, bob 10, a 1 and c 100 days.
    let unused = row(&rows, "unused_principals_90d_pct", "all");
    assert_eq!((unused.value, unused.denominator, unused.coverage), (Some(25.0), Some(4.0), Some(4.0 / 6.0)));
    assert_eq!(value("visibility_pct", "nhi"), Some(0.0));
}

#[test]
fn a_rate_of_nobody_is_null_and_not_zero() {
    let rows = World::new().with(|context| all(&Inputs::new(context, &[], &[]))).expect("the query is valid");
    assert!(rows.is_empty(), "no principals, no parts");
    let mut world = World::new();
    world.user("ann");
    let rows = world
        .with(|context| all(&Inputs::new(context, &crate::scores::all(context), &[])))
        .expect("the query is valid");
    assert_eq!(row(&rows, "exposure_pct_certain", "nhi").value, None);
    assert_eq!(row(&rows, "keys_over_90d_pct", "all").value, None);
    assert_eq!(row(&rows, "risk_p50", "nhi").value, None);
    assert_eq!(row(&rows, "wpg_p90", "all").value, None);
}

#[test]
fn percentiles_interpolate_and_nulls_do_not_take_part() {
    let rows = rows();
    // Masses of all six: 0, 0, 0, 20, 30, 40; median 10, p90 at place 4.5: 35.
    assert_eq!(row(&rows, "mass_p50", "all").value, Some(10.0));
    assert_eq!(row(&rows, "mass_p90", "all").value, Some(35.0));
    assert_eq!(row(&rows, "mass_p50", "human").value, Some(0.0));
    let gap = row(&rows, "wpg_p50", "all");
    assert_eq!((gap.value, gap.denominator), (Some(0.5), Some(1.0)));
}

#[test]
fn a_domain_is_a_part_of_its_own_and_the_undecided_are_in_neither_kind() {
    let mut world = World::new();
    let (pay, odd) = (world.role("pay"), world.role("odd"));
    world.edit(pay, |entity| entity.domain = Some("payments".to_owned()));
    world.edit(odd, |entity| entity.nhi = None);
    let rows = world
        .with(|context| all(&Inputs::new(context, &crate::scores::all(context), &[])))
        .expect("the query is valid");
    let count = |platform: &str, kind: &str, domain: &str| {
        let hit = |row: &&Metric| row.metric == "principals" && row.platform == platform && row.kind == kind;
        rows.iter().filter(hit).find(|row| row.domain == domain).and_then(|row| row.value)
    };
    assert_eq!(
        (count("all", "all", "all"), count("all", "nhi", "all"), count("aws", "human", "all")),
        (Some(2.0), Some(1.0), Some(0.0))
    );
    assert_eq!((count("all", "nhi", "payments"), count("aws", "nhi", "payments")), (Some(1.0), None));
}

#[test]
fn absent_findings_do_not_count() {
    organisation().with(|context| {
        let frameworks = Frameworks::embedded().expect("the embedded files are tested");
        let mut findings = run(context, &frameworks).findings;
        let total = |findings: &[Finding]| -> f64 {
            let rows = all(&Inputs::new(context, &[], findings)).expect("the query is valid");
            rows.iter()
                .filter(|row| {
                    ["findings_critical", "findings_high", "findings_medium", "findings_low"]
                        .contains(&row.metric.as_str())
                })
                .filter(|row| row.platform == "all" && row.kind == "all")
                .filter_map(|row| row.value)
                .sum()
        };
        let close = |a: f64, b: usize| (a - float(b)).abs() < 1e-9;
        assert!(findings.len() > 1 && close(total(&findings), findings.len()));
        findings[0].state = crate::model::FindingState::Absent;
        assert!(close(total(&findings), findings.len() - 1));
    });
}

#[test]
fn the_registry_has_unique_ids_and_whole_sentences() {
    let ids: BTreeSet<&str> = ALL.iter().map(|definition| definition.id).collect();
    assert_eq!(ids.len(), ALL.len());
    assert!(ALL.iter().all(|definition| definition.definition.ends_with('.')));
}
