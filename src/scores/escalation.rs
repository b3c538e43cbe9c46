//! Nearness to the protected zone.

use super::{Component, Measured};
use crate::config::RiskWeights;
use crate::findings::Context;
use crate::findings::facts::count;
use crate::model::Entity;

/// See [`Component::definition`].
pub struct Escalation;

impl Component for Escalation {
    fn id(&self) -> &'static str {
        "escalation"
    }

    fn definition(&self) -> &'static str {
        "e(h) = step ^ h for h steps to the protected zone: 1 inside it, 0 without a path. Low end: the certain steps. \
         High end: the possible ones, or 1 when a policy that gives rights is missing from the export. The value lies \
         between e(certain) and e(possible) at `escalation.conditional_share`. More edges never lower it."
    }

    fn weight(&self, weights: &RiskWeights) -> f64 {
        weights.escalation
    }

    fn measure(&self, context: &Context<'_>, entity: &Entity) -> Measured {
        let (certain, possible) = (context.hops_certain(entity.entity), context.hops_possible(entity.entity));
        let settings = &context.config.escalation;
        let e =
            |hops: Option<u32>| hops.map_or(0.0, |hops| settings.step.powi(i32::try_from(hops).unwrap_or(i32::MAX)));
        let (low, top) = (e(certain), e(possible));
        let x = (low + settings.conditional_share * (top - low)).clamp(low, top);
        let unseen = context.has_unseen_policy(entity.entity);
        let steps = |hops: u32| count(hops as usize, "step");
        let reason = match (certain, possible) {
            (Some(0), _) => match context.zone_reason(entity.entity) {
                Some(why) => format!("is in the protected zone: {why}"),
                None => "is in the protected zone".to_owned(),
            },
            (Some(hops), _) => format!("reaches the protected zone in {}", steps(hops)),
            (None, Some(hops)) => format!("may reach the protected zone in {}", steps(hops)),
            (None, None) => "has no path to the protected zone".to_owned(),
        };
        let told = |hops: Option<u32>| hops.map_or_else(|| "no path".to_owned(), steps);
        let mut inputs = vec![
            format!("certain: {}; possible: {}", told(certain), told(possible)),
            format!("each step leaves {}; a conditional path counts {}", settings.step, settings.conditional_share),
        ];
        if unseen {
            inputs.push("a policy that gives rights is not in the export".to_owned());
        }
        Measured::Known { x, low, high: if unseen { 1.0 } else { top }, reason, inputs }
    }
}
