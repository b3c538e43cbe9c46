//! Excess privilege: what is granted and was not seen in use.

use super::{Component, Measured, Privilege};
use crate::config::RiskWeights;
use crate::findings::Context;
use crate::model::Entity;

/// See [`Component::definition`].
pub struct Excess;

impl Component for Excess {
    fn id(&self) -> &'static str {
        "excess"
    }

    fn definition(&self) -> &'static str {
        "ln(1 + m) / ln(1 + M_admin), where m is the privilege mass granted and not seen in use: everything granted less \
         the observed used part. Without usage data this is the power of the principal, with grade `static`. It never \
         falls when a grant is added, used or not. Low end: only what is certainly granted and was not used in \
         a window that was watched whole. High end: everything granted that no single call was seen to use, or 1 when a \
         policy that gives rights is missing from the export."
    }

    fn weight(&self, weights: &RiskWeights) -> f64 {
        weights.excess
    }

    fn measure(&self, context: &Context<'_>, entity: &Entity) -> Measured {
        let privilege = Privilege::of(context, entity);
        let x = privilege.power(privilege.idle_mass());
        let low = privilege.power(privilege.unused_certain_mass).min(x);
        let possible = privilege.power(privilege.idle_possible_mass()).max(x);
        let high = if privilege.incomplete { 1.0 } else { possible };
        let window = context.config.thresholds.usage_window_days;
        let mut inputs = vec![
            format!("privilege mass granted {}", privilege.mass),
            format!(
                "of it observable {} and observable and unused {}",
                privilege.observable_mass, privilege.unused_mass
            ),
            format!("mass of the platform's administrator {}", privilege.administrator_mass),
            format!("evidence {}", privilege.grade),
        ];
        let reason = match privilege.wpg() {
            Some(gap) => {
                let observed = privilege.window_days.map_or_else(|| "?".to_owned(), |days| days.to_string());
                let limits = format!("; provisional, {observed} of {window} days watched");
                let limits = if privilege.is_provisional(window) { limits } else { String::new() };
                format!("does not use {:.0} % of its weighted observable permissions{limits}", 100.0 * gap)
            }
            None => {
                let percent = (100.0 * x).round();
                format!("holds {percent} % of an administrator's power on a logarithmic scale; use is not known")
            }
        };
        if privilege.incomplete {
            inputs.push("a policy that gives rights is not in the export".to_owned());
        }
        Measured::Known { x, low, high, reason, inputs }
    }
}
