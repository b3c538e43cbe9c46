//! Neglect of a non-human identity: unused, never used, without anyone who answers for it or uses it, or with a credential
//! that a leaver could still have.

use super::{Component, Condition, Measured, noisy_or};
use crate::config::RiskWeights;
use crate::findings::facts::count;
use crate::findings::lifecycle::consumers::consumer;
use crate::findings::lifecycle::{Consumer, Owner};
use crate::findings::{Context, LastUse};
use crate::model::{Entity, OrphanReason};

/// Days after which disuse counts as a year's.
const YEAR_DAYS: u32 = 365;

/// See [`Component::definition`].
pub struct Orphan;

impl Component for Orphan {
    fn id(&self) -> &'static str {
        "orphan"
    }

    fn definition(&self) -> &'static str {
        "1 - product of (1 - weight) over the sub-conditions of `[orphan]` that hold: able to work and not used for the \
         days of review, of staleness, of a year; never used since it was made; an owner who is gone, or none where \
         owners are recorded; nothing left that can use it; a credential that somebody who left could use and that is \
         the same still. High end: conditions that the export does not decide count. Unknown when the export decides \
         none of them; not applicable to people."
    }

    fn weight(&self, weights: &RiskWeights) -> f64 {
        weights.orphan
    }

    fn measure(&self, context: &Context<'_>, entity: &Entity) -> Measured {
        if entity.nhi == Some(false) {
            return Measured::NotApplicable { why: "a person's identity".to_owned() };
        }
        let unused = context.unused_days(entity);
        let owner = context.lifecycle().owner(context.tables, entity);
        let mut conditions = use_conditions(context, entity, unused);
        conditions.push(owner_condition(context, entity, owner));
        conditions.extend(lifecycle_conditions(context, entity));
        let found = conditions.iter().any(|one| one.holds == Some(true));
        if unused.is_none() && owner == Owner::Unknown && !found {
            let why = "the export says neither when it was used nor who owns it, and nothing against it";
            return Measured::Unknown { why: why.to_owned() };
        }
        let otherwise = if unused.is_some() { "is in use" } else { "nothing speaks against it" };
        let mut measured = noisy_or(&conditions, otherwise);
        if let (None, Measured::Known { low, .. }) = (entity.nhi, &mut measured) {
            // It may turn out to be a person's, and then the question does not arise.
            *low = 0.0;
        }
        measured
    }
}

fn condition(weight: f64, holds: Option<bool>, words: &str) -> Condition {
    Condition { weight, holds, words: words.to_owned() }
}

fn use_conditions(context: &Context<'_>, entity: &Entity, unused: Option<(u32, LastUse)>) -> Vec<Condition> {
    let (weights, limits) = (&context.config.orphan, &context.config.thresholds);
    let words = match unused {
        Some((days, LastUse::Never)) => format!("made {} ago and not used since", count(days as usize, "day")),
        Some((days, _)) => format!("not used for {}", count(days as usize, "day")),
        None => "not used for long".to_owned(),
    };
    // A live key whose use is not known may be in use today, whatever else is idle.
    let all_seen = context.live_keys(entity).all(|row| context.key_unused_days(row).is_some());
    let sure = |holds: bool| (all_seen || !holds).then_some(holds);
    // What is switched off is not neglected by lying idle.
    let off = (entity.enabled == Some(false)).then_some(false);
    let longer = |limit: u32| off.or_else(|| unused.and_then(|(days, _)| sure(days >= limit)));
    let never = || unused.and_then(|(days, last)| sure(last == LastUse::Never && days >= limits.unused_days_review));
    vec![
        condition(weights.unused_max, longer(limits.unused_days_max), &words),
        condition(weights.unused_review, longer(limits.unused_days_review), "due for review"),
        condition(weights.unused_year, longer(YEAR_DAYS), "idle for a year"),
        condition(weights.never_used, off.or_else(never), "never used"),
    ]
}

/// One condition: an owner is gone, or missing, or neither; what is not known may be the heavier of the two.
fn owner_condition(context: &Context<'_>, entity: &Entity, owner: Owner) -> Condition {
    let weights = &context.config.orphan;
    match owner {
        Owner::Gone(reason) => condition(weights.owner_gone, Some(true), owner_words(reason)),
        Owner::Missing => condition(weights.ownerless, Some(true), "nobody owns it"),
        Owner::Answers | Owner::Platform => condition(weights.owner_gone, Some(false), "its owner is gone"),
        Owner::Unknown => {
            let words = match &entity.owner {
                Some(owner) => format!("its owner `{owner}` is gone"),
                None => "its owner is gone, or it has none".to_owned(),
            };
            condition(weights.owner_gone.max(weights.ownerless), None, &words)
        }
    }
}

const fn owner_words(reason: OrphanReason) -> &'static str {
    match reason {
        OrphanReason::OwnerDeparted => "its owner is gone: departed",
        OrphanReason::OwnerDisabled => "its owner is gone: disabled",
        OrphanReason::OwnerDangling => "its owner is gone: a name that nobody has",
        OrphanReason::OwnerGroupEmpty => "its owner is gone: a group without people",
        _ => "its owner is gone",
    }
}

fn lifecycle_conditions(context: &Context<'_>, entity: &Entity) -> [Condition; 2] {
    let (weights, lifecycle) = (&context.config.orphan, context.lifecycle());
    let gone = match consumer(context, lifecycle, entity) {
        Consumer::Gone(_) => Some(true),
        Consumer::Exists => Some(false),
        Consumer::Unknown => None,
    };
    let partial = lifecycle.offboarding.is_partial(context, entity);
    [
        condition(weights.consumer_gone, gone, "nothing is left that can use it"),
        condition(weights.partially_offboarded, partial, "a leaver could have a credential of it"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, ago};
    use crate::model::{CredentialKind, Handle, OwnerStatus, PersonStatus, TrustKind};

    /// `x` and the high end of the robot or role `it`; `None` when it is unknown.
    fn of(world: World) -> Option<(f64, f64)> {
        world.with(|context| {
            let entity = context.principals().find(|entity| entity.name == "it").expect("every test defines it");
            match Orphan.measure(context, entity) {
                Measured::Known { x, high, .. } => Some((x, high)),
                Measured::Unknown { .. } | Measured::NotApplicable { .. } => None,
            }
        })
    }

    fn role(prepare: impl FnOnce(&mut World, Handle)) -> Option<(f64, f64)> {
        let mut world = World::new();
        let it = world.role("it");
        prepare(&mut world, it);
        of(world)
    }

    fn robot(prepare: impl FnOnce(&mut World, Handle)) -> Option<(f64, f64)> {
        let mut world = World::new();
        let it = world.robot("it");
        world.credential(it, "AKIA1", CredentialKind::AccessKey, 100, Some(1));
        prepare(&mut world, it);
        of(world)
    }

    /// What is left when all four conditions of disuse count: 0.4, 0.3, 0.4, 0.6.
    const IDLE: f64 = 0.6 * 0.7 * 0.6 * 0.4;

    fn is(found: Option<(f64, f64)>, x: f64, high: f64) {
        let near = found.is_some_and(|(a, b)| (a - x).abs() < 1e-12 && (b - high).abs() < 1e-12);
        assert!(near, "{found:?} against {x} to {high}");
    }

    #[test]
    fn a_credential_that_a_leaver_had_counts_and_a_rotated_one_does_not() {
        let left = |days| {
            robot(move |world, it| {
                world.person_of("ann", PersonStatus::Leaver, Some(days));
                world.owner(it, "ann", OwnerStatus::Departed);
            })
        };
        // The owner is gone, 0.6, and the key is 100 days old: it is the same still, 0.7, when she left since.
        is(left(100), 1.0 - 0.4 * 0.3, 1.0 - 0.4 * 0.3);
        is(left(101), 0.6, 0.6);
    }

    #[test]
    fn without_people_the_owner_and_what_leavers_had_are_open() {
        is(robot(|_, _| ()), 0.0, 1.0 - 0.4 * 0.3);
        let owned = |world: &mut World, it: Handle| {
            world.person_of("ann", PersonStatus::Active, None);
            world.owner(it, "ann", OwnerStatus::Active);
        };
        is(robot(owned), 0.0, 0.0);
    }

    #[test]
    fn an_owner_is_missing_only_where_owners_are_recorded_and_never_for_the_platforms_own() {
        let recorded = |world: &mut World, it: Handle| {
            let other = world.role("other");
            world.owner(other, "ann", OwnerStatus::Active);
            world.trust(it, "Service:lambda.amazonaws.com", TrustKind::Service, None);
        };
        // Whether it is used is open, and whether the function that it is for exists, 0.5.
        is(role(recorded), 0.4, 1.0 - 0.6 * 0.5 * IDLE);
        let linked = |world: &mut World, it: Handle| {
            recorded(world, it);
            world.builder.attribute(it, "service_linked", "true");
        };
        is(role(linked), 0.0, 1.0 - 0.5 * IDLE);
        assert_eq!(role(|_, _| ()), None, "nothing is known");
    }

    #[test]
    fn what_nothing_can_use_counts_and_what_is_switched_off_is_not_idle() {
        // The owner is open, 0.6, and whether it was used.
        let gone = role(|world, it| world.trust(it, "AWS:AIDAEXAMPLEEXAMPLE123", TrustKind::Deleted, None));
        is(gone, 0.5, 1.0 - 0.5 * IDLE * 0.4);
        let idle = |enabled| {
            role(move |world, it| {
                world.edit(it, |entity| {
                    entity.last_used_at = ago(100);
                    entity.enabled = enabled;
                });
                world.trust(it, "AWS:AIDAEXAMPLEEXAMPLE123", TrustKind::Deleted, None);
            })
        };
        is(idle(None), 1.0 - 0.6 * 0.7 * 0.5, 1.0 - 0.6 * 0.7 * 0.5 * 0.4);
        is(idle(Some(false)), 0.5, 0.8);
    }
}
