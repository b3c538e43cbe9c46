//! Power: who has it, who can come to it, and how much of it could go.

use super::{counted, rate, unmeasured, window};
use crate::metrics::{Population, Reading, float};
use crate::model::{Access, Entity, MembershipKind, Standing, Usage};

fn in_zone(part: &Population<'_>, entity: &Entity) -> bool {
    part.context.zone_reason(entity.entity).is_some()
}

/// Principals outside the zone with a path into it.
pub fn exposed(part: &Population<'_>, possible: bool) -> Reading {
    let outside = part.count(|entity| !in_zone(part, entity));
    let hops = |entity: &Entity| {
        if possible { part.context.hops_possible(entity.entity) } else { part.context.hops_certain(entity.entity) }
    };
    rate(part.count(|entity| !in_zone(part, entity) && hops(entity).is_some()), outside, outside)
}

/// The certain share, with the interval up to the possible one.
pub fn exposure(part: &Population<'_>) -> Reading {
    let (certain, possible) = (exposed(part, false), exposed(part, true));
    Reading { low: certain.value, high: possible.value, ..certain }
}

/// Principals in the zone.
pub fn administrators(part: &Population<'_>) -> Reading {
    counted(part.count(|entity| in_zone(part, entity)), part)
}

/// Principals in the zone that can use it at any time.
pub fn standing_administrators(part: &Population<'_>) -> Reading {
    counted(part.count(|entity| in_zone(part, entity) && is_standing(part, entity)), part)
}

/// Principals in the zone by their effective permissions.
pub fn admin_equivalents(part: &Population<'_>) -> Reading {
    counted(part.count(|entity| part.context.is_administrator(entity)), part)
}

/// Whether what a principal may do is there all the time: it is not disabled, and not all of its memberships have to be
/// activated first.
fn is_standing(part: &Population<'_>, entity: &Entity) -> bool {
    let groups = part.context.memberships(entity.entity).iter().filter(|row| row.kind == MembershipKind::MemberOf);
    let mut groups = groups.peekable();
    let on_demand = groups.peek().is_some() && groups.all(|row| row.standing == Standing::Eligible);
    entity.enabled != Some(false) && !on_demand
}

/// Sum of the privilege masses that are there all the time.
pub fn standing_mass(part: &Population<'_>) -> Reading {
    let members: Vec<&Entity> = part.members().filter(|entity| is_standing(part, entity)).collect();
    let masses: Vec<f64> = members.iter().filter_map(|entity| Some(part.score(entity.entity)?.mass)).collect();
    // A sum of none is 0 and not the -0 that an empty sum of floats is.
    let sum = masses.iter().fold(0.0, |sum, mass| sum + mass);
    let measured = members.is_empty() || !masses.is_empty();
    Reading {
        value: measured.then_some(sum),
        numerator: Some(sum),
        coverage: (!members.is_empty()).then(|| float(masses.len()) / float(members.len())),
        ..Reading::default()
    }
}

/// What could be taken away without being missed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Removable {
    grants: f64,
    mass: f64,
    /// Granted actions that were watched for a whole window, and their mass.
    watched: f64,
    watched_mass: f64,
    /// All granted actions, and their mass.
    granted: f64,
    granted_mass: f64,
}

/// The one place where metrics decide what is safe to remove: what was watched for a whole window and not used in it.
fn removable(part: &Population<'_>) -> Removable {
    let mut found = Removable::default();
    for entity in part.members() {
        let usage = part.context.usage(entity.entity);
        for row in part.context.access(entity.entity) {
            found.granted += f64::from(row.granted_n);
            found.granted_mass += row.mass;
            let Some((unused, mass)) = row.unused_n.zip(row.unused_mass) else { continue };
            if row.evidence_grade.starts_with("measured") && is_watched(part, entity, usage, row) {
                found.watched += f64::from(row.observable_n.unwrap_or(0));
                found.watched_mass += row.mass;
                found.grants += f64::from(unused);
                found.mass += mass;
            }
        }
    }
    found
}

/// Whether the use of a service was watched for the whole window, and the principal was there to use it.
fn is_watched(part: &Population<'_>, entity: &Entity, usage: &[Usage], row: &Access) -> bool {
    let start = usage.partition_point(|one| one.permission < row.service);
    let own = usage[start..].iter().take_while(|one| one.permission.starts_with(row.service.as_str()));
    let of_service = |one: &&Usage| {
        let rest = &one.permission[row.service.len()..];
        rest.is_empty() || rest.starts_with(':')
    };
    let mut windows = own.filter(of_service).map(|one| {
        let from = one.window_start?.max(entity.created_at.unwrap_or(i64::MIN));
        Some(one.window_end?.saturating_sub(from))
    });
    windows.any(|length| length.is_some_and(|length| length >= window(part)))
}

/// Granted actions that are safe to remove, out of all granted.
pub fn removable_grants(part: &Population<'_>) -> Reading {
    let found = removable(part);
    removable_reading(found.grants, found.watched, found.granted)
}

/// Their privilege mass.
pub fn removable_mass(part: &Population<'_>) -> Reading {
    let found = removable(part);
    removable_reading(found.mass, found.watched_mass, found.granted_mass)
}

fn removable_reading(value: f64, watched: f64, granted: f64) -> Reading {
    if watched <= 0.0 {
        return Reading { denominator: Some(granted), ..unmeasured() };
    }
    Reading {
        value: Some(value),
        numerator: Some(value),
        denominator: Some(granted),
        coverage: Some(watched / granted),
        ..Reading::default()
    }
}

/// A percentile of risk, mass or gap.
pub fn quantile(part: &Population<'_>, name: &str) -> Reading {
    let n = if name.starts_with("wpg") { part.spread.wpg_n } else { part.spread.n };
    let all = part.count(|_| true);
    Reading {
        value: part.spread.values.get(name).copied(),
        denominator: Some(f64::from(n)),
        coverage: (all > 0.0).then(|| f64::from(n) / all),
        ..Reading::default()
    }
}

/// A number of the cut of the whole attack graph; no part has one of its own.
pub fn of_cut(part: &Population<'_>, of: fn(&crate::metrics::Cut) -> f64) -> Option<Reading> {
    if !part.cell.is_whole() {
        return None;
    }
    Some(part.inputs.cut.as_ref().map_or_else(unmeasured, |cut| super::number(of(cut))))
}
