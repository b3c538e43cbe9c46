//! The registry of metrics.

use super::population::WHOLE;
use super::wilson::{Z_95, interval};
use super::{Definition, Direction, Population, Reading, float};
use crate::findings::LastUse;
use crate::findings::keys::is_key;
use crate::model::{Credential, Entity, EntityKind, MembershipKind, Severity};

/// Age in days that the rotation metric goes by, whatever the configured threshold is: its name says 90.
const ROTATION_DAYS: u32 = 90;

/// Every metric, in the order of the documentation.
pub const ALL: &[Definition] = &[
    Definition {
        id: "principals",
        definition: "Principals that the exports define.",
        unit: "count",
        direction: Direction::Neutral,
        numerator: "principals",
        denominator: "",
        compute: |part| Some(number(part.count(|_| true))),
    },
    Definition {
        id: "nhis_per_human",
        definition: "Non-human identities for each human one; null without humans.",
        unit: "ratio",
        direction: Direction::Lower,
        numerator: "non-human identities",
        denominator: "human identities",
        compute: nhis_per_human,
    },
    Definition {
        id: "visibility_pct",
        definition: "Non-human identities of which owner, last use, type of credential, consumer and environment all \
                     are known; coverage is the mean share of these five.",
        unit: "percent",
        direction: Direction::Higher,
        numerator: "non-human identities with all five known",
        denominator: "non-human identities",
        compute: visibility,
    },
    Definition {
        id: "exposure_pct",
        definition: "Principals outside the protected zone from which a certain path leads into it; the interval runs \
                     from the certain to the possible share.",
        unit: "percent",
        direction: Direction::Lower,
        numerator: "principals with a certain path",
        denominator: "principals outside the zone",
        compute: |part| Some(exposure(part)),
    },
    Definition {
        id: "exposure_pct_certain",
        definition: "Principals outside the protected zone from which a certain path leads into it.",
        unit: "percent",
        direction: Direction::Lower,
        numerator: "principals with a certain path",
        denominator: "principals outside the zone",
        compute: |part| Some(exposed(part, false)),
    },
    Definition {
        id: "exposure_pct_possible",
        definition: "Principals outside the protected zone from which a certain or conditional path leads into it.",
        unit: "percent",
        direction: Direction::Lower,
        numerator: "principals with a path",
        denominator: "principals outside the zone",
        compute: |part| Some(exposed(part, true)),
    },
    Definition {
        id: "administrators",
        definition: "Principals inside the protected zone, roots of accounts included.",
        unit: "count",
        direction: Direction::Lower,
        numerator: "principals in the zone",
        denominator: "principals",
        compute: |part| Some(counted(part.count(|entity| in_zone(part, entity)), part)),
    },
    Definition {
        id: "admin_equivalents",
        definition: "Principals that are administrators by their effective permissions: in the protected zone, no root, \
                     and not there because the configuration or the export marks them.",
        unit: "count",
        direction: Direction::Lower,
        numerator: "administrators by effective permissions",
        denominator: "principals",
        compute: |part| Some(counted(part.count(|entity| part.context.is_administrator(entity)), part)),
    },
    Definition {
        id: "keys_over_90d_pct",
        definition: "Live keys, secrets and certificates that have been the same for more than 90 days.",
        unit: "percent",
        direction: Direction::Lower,
        numerator: "live keys older than 90 days",
        denominator: "live keys of known age",
        compute: |part| Some(old_keys(part)),
    },
    Definition {
        id: "keys_without_expiry_pct",
        definition: "Live keys, secrets and certificates that do not end by themselves.",
        unit: "percent",
        direction: Direction::Lower,
        numerator: "live keys without an end",
        denominator: "live keys",
        compute: |part| {
            let keys = keys(part);
            let endless = keys.iter().filter(|row| row.expires_at.is_none()).count();
            Some(rate(float(endless), float(keys.len()), float(keys.len())))
        },
    },
    Definition {
        id: "unused_principals_45d_pct",
        definition: "Principals that have not been used for 45 days or more.",
        unit: "percent",
        direction: Direction::Lower,
        numerator: "principals not used for 45 days",
        denominator: "principals of known last use",
        compute: |part| Some(unused(part, 45)),
    },
    Definition {
        id: "unused_principals_90d_pct",
        definition: "Principals that have not been used for 90 days or more.",
        unit: "percent",
        direction: Direction::Lower,
        numerator: "principals not used for 90 days",
        denominator: "principals of known last use",
        compute: |part| Some(unused(part, 90)),
    },
    Definition {
        compute: |part| Some(findings(part, Severity::Critical)),
        ..severity("findings_critical", "Open findings of severity critical.")
    },
    Definition {
        compute: |part| Some(findings(part, Severity::High)),
        ..severity("findings_high", "Open findings of severity high.")
    },
    Definition {
        compute: |part| Some(findings(part, Severity::Medium)),
        ..severity("findings_medium", "Open findings of severity medium.")
    },
    Definition {
        compute: |part| Some(findings(part, Severity::Low)),
        ..severity("findings_low", "Open findings of severity low.")
    },
    Definition { compute: |part| Some(quantile(part, "risk_p50")), ..percentile("risk_p50", "Median risk.", "points") },
    Definition {
        compute: |part| Some(quantile(part, "risk_p90")),
        ..percentile("risk_p90", "Risk that 90 % are at or below.", "points")
    },
    Definition {
        compute: |part| Some(quantile(part, "risk_p99")),
        ..percentile("risk_p99", "Risk that 99 % are at or below.", "points")
    },
    Definition {
        compute: |part| Some(quantile(part, "mass_p50")),
        ..percentile("mass_p50", "Median privilege mass.", "mass")
    },
    Definition {
        compute: |part| Some(quantile(part, "mass_p90")),
        ..percentile("mass_p90", "Privilege mass that 90 % are at or below.", "mass")
    },
    Definition {
        compute: |part| Some(quantile(part, "mass_p99")),
        ..percentile("mass_p99", "Privilege mass that 99 % are at or below.", "mass")
    },
    Definition {
        compute: |part| Some(quantile(part, "wpg_p50")),
        ..percentile("wpg_p50", "Median weighted permission gap, where it is measured.", "ratio")
    },
    Definition {
        compute: |part| Some(quantile(part, "wpg_p90")),
        ..percentile("wpg_p90", "Weighted permission gap that 90 % are at or below, where it is measured.", "ratio")
    },
];

const fn severity(id: &'static str, definition: &'static str) -> Definition {
    let compute: fn(&Population<'_>) -> Option<Reading> = |_| None;
    Definition {
        id,
        definition,
        unit: "count",
        direction: Direction::Lower,
        numerator: "open findings",
        denominator: "",
        compute,
    }
}

const fn percentile(id: &'static str, definition: &'static str, unit: &'static str) -> Definition {
    let compute: fn(&Population<'_>) -> Option<Reading> = |_| None;
    Definition {
        id,
        definition,
        unit,
        direction: Direction::Lower,
        numerator: "",
        denominator: "principals with a value",
        compute,
    }
}

fn number(value: f64) -> Reading {
    Reading { value: Some(value), numerator: Some(value), ..Reading::default() }
}

fn counted(value: f64, part: &Population<'_>) -> Reading {
    Reading { denominator: Some(part.count(|_| true)), coverage: Some(1.0), ..number(value) }
}

/// A rate in percent with its Wilson interval; null when nothing could be counted. `of` is the whole population.
fn rate(numerator: f64, denominator: f64, of: f64) -> Reading {
    let bounds = interval(numerator, denominator, Z_95);
    Reading {
        value: (denominator > 0.0).then(|| 100.0 * numerator / denominator),
        low: bounds.map(|(low, _)| 100.0 * low),
        high: bounds.map(|(_, high)| 100.0 * high),
        numerator: Some(numerator),
        denominator: Some(denominator),
        coverage: (of > 0.0).then(|| denominator / of),
    }
}

fn nhis_per_human(part: &Population<'_>) -> Option<Reading> {
    if part.cell.kind != WHOLE {
        return None;
    }
    let (machines, people) = (part.count(|one| one.nhi == Some(true)), part.count(|one| one.nhi == Some(false)));
    let all = part.count(|_| true);
    Some(Reading {
        value: (people > 0.0).then(|| machines / people),
        numerator: Some(machines),
        denominator: Some(people),
        coverage: (all > 0.0).then(|| (machines + people) / all),
        ..Reading::default()
    })
}

fn visibility(part: &Population<'_>) -> Option<Reading> {
    if part.cell.kind == "human" {
        return None;
    }
    let machines: Vec<&Entity> = part.members().filter(|entity| entity.nhi == Some(true)).collect();
    let known: Vec<usize> =
        machines.iter().map(|entity| known_facts(part, entity).into_iter().filter(|&fact| fact).count()).collect();
    let all = known.iter().filter(|&&n| n == 5).count();
    let mut reading = rate(float(all), float(machines.len()), float(machines.len()));
    let facts: usize = known.iter().sum();
    reading.coverage = (!machines.is_empty()).then(|| float(facts) / float(5 * machines.len()));
    Some(reading)
}

/// Owner, last use, type of credential, consumer, environment.
fn known_facts(part: &Population<'_>, entity: &Entity) -> [bool; 5] {
    let (context, of) = (part.context, entity.entity);
    let label = context.config.label(&entity.id);
    let runs = context.memberships(of).iter().any(|row| row.kind == MembershipKind::RunsAs);
    [
        entity.owner.is_some(),
        context.last_use(entity) != LastUse::Unknown,
        entity.kind == EntityKind::Role || !context.credentials(of).is_empty(),
        runs || !context.trusts(of).is_empty(),
        entity.env.is_some() || label.is_some_and(|label| label.env.is_some()),
    ]
}

fn in_zone(part: &Population<'_>, entity: &Entity) -> bool {
    part.context.zone_reason(entity.entity).is_some()
}

fn exposed(part: &Population<'_>, possible: bool) -> Reading {
    let outside = part.count(|entity| !in_zone(part, entity));
    let hops = |entity: &Entity| {
        if possible { part.context.hops_possible(entity.entity) } else { part.context.hops_certain(entity.entity) }
    };
    rate(part.count(|entity| !in_zone(part, entity) && hops(entity).is_some()), outside, outside)
}

fn exposure(part: &Population<'_>) -> Reading {
    let (certain, possible) = (exposed(part, false), exposed(part, true));
    Reading { low: certain.value, high: possible.value, ..certain }
}

fn keys<'a>(part: &Population<'a>) -> Vec<&'a Credential> {
    let context = part.context;
    let rows = part.members().flat_map(|entity| context.credentials(entity.entity));
    rows.filter(|row| is_key(row.kind) && row.active != Some(false)).collect()
}

fn old_keys(part: &Population<'_>) -> Reading {
    let keys = keys(part);
    let ages: Vec<u32> = keys.iter().filter_map(|row| part.context.key_age_days(row)).collect();
    let old = ages.iter().filter(|&&age| age > ROTATION_DAYS).count();
    rate(float(old), float(ages.len()), float(keys.len()))
}

fn unused(part: &Population<'_>, limit: u32) -> Reading {
    let known: Vec<u32> = part.members().filter_map(|entity| Some(part.context.unused_days(entity)?.0)).collect();
    let unused = known.iter().filter(|&&days| days >= limit).count();
    rate(float(unused), float(known.len()), part.count(|_| true))
}

fn findings(part: &Population<'_>, severity: Severity) -> Reading {
    number(f64::from(part.part.findings.get(&severity).copied().unwrap_or(0)))
}

fn quantile(part: &Population<'_>, name: &str) -> Reading {
    let n = if name.starts_with("wpg") { part.spread.wpg_n } else { part.spread.n };
    let all = part.count(|_| true);
    Reading {
        value: part.spread.values.get(name).copied(),
        denominator: Some(f64::from(n)),
        coverage: (all > 0.0).then(|| f64::from(n) / all),
        ..Reading::default()
    }
}
