//! Neglect of a non-human identity: unused, never used, without an owner who is still there.

use super::{Component, Condition, Measured, noisy_or};
use crate::config::RiskWeights;
use crate::findings::facts::count;
use crate::findings::{Context, LastUse};
use crate::model::Entity;

/// Days after which disuse counts as a year's.
const YEAR_DAYS: u32 = 365;

/// Owner states that mean that nobody answers for the identity.
const GONE: [&str; 6] = ["departed", "disabled", "dangling", "empty", "leaver", "missing"];

/// See [`Component::definition`].
pub struct Orphan;

impl Component for Orphan {
    fn id(&self) -> &'static str {
        "orphan"
    }

    fn definition(&self) -> &'static str {
        "1 - product of (1 - weight) over the sub-conditions of `[orphan]` that hold: not used for the days of review, \
         of staleness, of a year; never used since it was made; an owner who is gone. High end: conditions that the \
         export does not decide count. Unknown when the export says neither when it was used nor who owns it; not \
         applicable to people."
    }

    fn weight(&self, weights: &RiskWeights) -> f64 {
        weights.orphan
    }

    fn measure(&self, context: &Context<'_>, entity: &Entity) -> Measured {
        if entity.nhi == Some(false) {
            return Measured::NotApplicable { why: "a person's identity".to_owned() };
        }
        let unused = context.unused_days(entity);
        if unused.is_none() && entity.owner_status.is_none() {
            return Measured::Unknown { why: "the export says neither when it was used nor who owns it".to_owned() };
        }
        let mut measured = noisy_or(&conditions(context, entity, unused), "is in use");
        if let (None, Measured::Known { low, .. }) = (entity.nhi, &mut measured) {
            // It may turn out to be a person's, and then the question does not arise.
            *low = 0.0;
        }
        measured
    }
}

fn conditions(context: &Context<'_>, entity: &Entity, unused: Option<(u32, LastUse)>) -> Vec<Condition> {
    let (weights, limits) = (&context.config.orphan, &context.config.thresholds);
    let words = match unused {
        Some((days, LastUse::Never)) => format!("made {} ago and not used since", count(days as usize, "day")),
        Some((days, _)) => format!("not used for {}", count(days as usize, "day")),
        None => "not used for long".to_owned(),
    };
    // A live key whose use is not known may be in use today, whatever else is idle.
    let all_seen = context.live_keys(entity).all(|row| context.key_unused_days(row).is_some());
    let sure = |holds: bool| (all_seen || !holds).then_some(holds);
    let longer = |limit: u32| unused.and_then(|(days, _)| sure(days >= limit));
    let never = unused.and_then(|(days, last)| sure(last == LastUse::Never && days >= limits.unused_days_review));
    let condition = |weight, holds, words: &str| Condition { weight, holds, words: words.to_owned() };
    let owner = entity.owner_status.as_deref().map(|status| GONE.contains(&status));
    vec![
        condition(weights.unused_max, longer(limits.unused_days_max), &words),
        condition(weights.unused_review, longer(limits.unused_days_review), "due for review"),
        condition(weights.unused_year, longer(YEAR_DAYS), "idle for a year"),
        condition(weights.never_used, never, "never used"),
        condition(weights.owner_gone, owner, "its owner is gone"),
    ]
}
