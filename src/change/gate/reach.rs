//! Who newly comes to the protected zone, or more surely than before, and by which way.

use std::collections::BTreeMap;

use serde::Serialize;

use super::delta::Numbers;
use super::side::Side;
use crate::model::{Certainty, Entity, EntityId, EntityKind, Tables};
use crate::paths::{Landscape, WitnessPath, may_start};

/// Scopes of the zone that are looked at one by one; beyond, the zone counts as one.
const SCOPES_MAX: usize = 64;

/// One step of a way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReachStep {
    pub from: String,
    pub to: String,
    pub technique: String,
    pub certainty: Certainty,
    /// What it hangs on.
    pub reasons: Vec<String>,
    /// Statements that it stands on, by number in the table `grants` after the change.
    pub evidence: Vec<u32>,
}

/// A principal that comes to the zone by the change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reached {
    pub principal: String,
    #[serde(skip)]
    pub entity: EntityId,
    /// What it comes to.
    pub target: String,
    /// Why that is protected.
    pub protected: String,
    /// How it stood before: `none`, `conditional`, `certain` (had a way), or `member` of the zone.
    pub before: &'static str,
    pub certainty: Certainty,
    pub hops: u32,
    pub steps: Vec<ReachStep>,
}

/// How near somebody is to the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    None,
    Conditional,
    Certain,
    Member,
}

impl Nearness {
    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Conditional => "conditional",
            Self::Certain => "certain",
            Self::Member => "member",
        }
    }

    fn of(side: &Side, entity: EntityId) -> Self {
        match (side.zone_reason(entity), side.hops(entity)) {
            (Some(_), _) => Self::Member,
            (None, Some((Certainty::Certain, _))) => Self::Certain,
            (None, Some((Certainty::Conditional, _))) => Self::Conditional,
            (None, None) => Self::None,
        }
    }
}

/// Whether an attack may begin there: at a principal, and at somebody outside who is trusted.
fn begins(tables: &Tables, entity: &Entity) -> bool {
    may_start(tables, entity)
        || matches!(entity.kind, EntityKind::External)
        || !entity.present && entity.kind.is_principal()
}

/// Everyone who comes nearer to the zone by the change, in the order of their numbers after, once for the zone and once
/// for each scope of it that they did not come to before.
#[must_use]
pub fn added((before, then): (&Tables, &Side), (after, now): (&Tables, &Side), numbers: &Numbers) -> Vec<Reached> {
    let land = now.land(after);
    let mut found: BTreeMap<EntityId, Reached> = BTreeMap::new();
    for entity in after.entities.iter().filter(|entity| begins(after, entity)) {
        let old = numbers.before(entity.entity).map_or(Nearness::None, |one| Nearness::of(then, one));
        let new = Nearness::of(now, entity.entity);
        if new > old {
            found.insert(entity.entity, reached(&land, after, now, entity.entity, None, (old, new)));
        }
    }
    let scopes: Vec<EntityId> =
        now.zone.iter().map(|(one, _)| *one).filter(|&one| after.entity(one).kind == EntityKind::Scope).collect();
    if (2..=SCOPES_MAX).contains(&scopes.len()) {
        let past = then.land(before);
        for scope in scopes {
            for (entity, pair) in nearer(&past, (before, then), &land, (after, now), numbers, scope) {
                found.entry(entity).or_insert_with(|| reached(&land, after, now, entity, Some(scope), pair));
            }
        }
    }
    found.into_values().collect()
}

/// Who comes nearer to one scope of the zone.
fn nearer(
    past: &Landscape<'_>,
    (before, _): (&Tables, &Side),
    land: &Landscape<'_>,
    (after, now): (&Tables, &Side),
    numbers: &Numbers,
    scope: EntityId,
) -> Vec<(EntityId, (Nearness, Nearness))> {
    let kinds = [Certainty::Certain, Certainty::Conditional];
    let ahead = kinds.map(|certainty| land.ways(&[scope], certainty, false));
    let behind = numbers.before(scope).map(|scope| kinds.map(|certainty| past.ways(&[scope], certainty, false)));
    let nearness = |ways: &[crate::paths::Ways; 2], of: EntityId| match (ways[0].hops(of), ways[1].hops(of)) {
        (Some(_), _) => Nearness::Certain,
        (None, Some(_)) => Nearness::Conditional,
        (None, None) => Nearness::None,
    };
    let mut out = Vec::new();
    for entity in after.entities.iter().filter(|entity| begins(after, entity)) {
        let of = entity.entity;
        let old = match (numbers.before(of), &behind) {
            (Some(one), Some(ways)) if one.index() < before.entities.len() => nearness(ways, one),
            _ => Nearness::None,
        };
        let new = nearness(&ahead, of);
        // A root user stands for its account and holds it by being it.
        if new > old && !(now.zone_reason(of).is_some() && entity.is_account_root()) {
            out.push((of, (old, new)));
        }
    }
    out
}

fn reached(
    land: &Landscape<'_>,
    tables: &Tables,
    side: &Side,
    entity: EntityId,
    to: Option<EntityId>,
    (old, new): (Nearness, Nearness),
) -> Reached {
    let id = |one: EntityId| tables.entity(one).id.clone();
    let path: Option<WitnessPath> = land.paths(entity, to, 1).paths.into_iter().next();
    let target = path.as_ref().map_or(to.unwrap_or(entity), |path| path.target);
    let certainty = match new {
        Nearness::Conditional => Certainty::Conditional,
        _ => path.as_ref().map_or(Certainty::Certain, |path| path.certainty),
    };
    let steps = path.as_ref().map(|path| path.steps.as_slice()).unwrap_or_default().iter().map(|step| ReachStep {
        from: id(step.from),
        to: id(step.to),
        technique: step.technique.clone(),
        certainty: step.certainty,
        reasons: step.reasons.clone(),
        evidence: step.evidence.clone(),
    });
    Reached {
        principal: id(entity),
        entity,
        target: id(target),
        protected: side.zone_reason(target).unwrap_or("it is in the protected zone now").to_owned(),
        before: old.as_str(),
        certainty,
        hops: path.as_ref().map_or(0, |path| path.hops),
        steps: steps.collect(),
    }
}
