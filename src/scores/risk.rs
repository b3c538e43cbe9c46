//! The index: `risk = 100 (1 - product of (1 - a x))` over the components, with shares that add up.
//!
//! A component's share is `-ln(1 - a x)`; the shares of all components sum to `-ln(1 - risk / 100)`, because the index
//! is computed from that sum. What is unknown counts as 0 in the value and at the low end and as 1 at the high end:
//! the value says what there is evidence for, and the interval what there may be.

use super::{ALL, Component, Measured};
use crate::findings::Context;
use crate::model::Entity;

/// One component with everything that a person needs to redo the sum.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Id of the component.
    pub component: &'static str,
    /// How it is computed.
    pub definition: &'static str,
    /// Weight `a`.
    pub weight: f64,
    /// What was measured.
    pub measured: Measured,
    /// `x` as it enters the value of the index.
    pub x: f64,
    /// `x` as it enters the low end.
    pub low: f64,
    /// `x` as it enters the high end.
    pub high: f64,
    /// `-ln(1 - a x)`, at least 0.
    pub share: f64,
}

/// The whole derivation of one principal's index.
#[derive(Debug, Clone, PartialEq)]
pub struct Derivation {
    /// The components in the order of the registry.
    pub parts: Vec<Part>,
    /// The index, 0 to 100.
    pub risk: f64,
    /// Its low end.
    pub low: f64,
    /// Its high end.
    pub high: f64,
}

impl Part {
    /// The headline score, 0 to 100; null when it is unknown or not applicable.
    #[must_use]
    pub fn headline(&self) -> Option<f64> {
        matches!(self.measured, Measured::Known { .. }).then_some(100.0 * self.x)
    }
}

/// Share of a weighted component.
fn share(weight: f64, x: f64) -> f64 {
    -(-weight * x).ln_1p()
}

/// The index that belongs to a sum of shares.
fn index(sum: f64) -> f64 {
    (-100.0 * (-sum).exp_m1()).clamp(0.0, 100.0)
}

/// Derives the index of one principal.
#[must_use]
pub fn derive(context: &Context<'_>, entity: &Entity) -> Derivation {
    let parts: Vec<Part> = ALL.iter().map(|component| part(context, *component, entity)).collect();
    let total = |x: fn(&Part) -> f64| index(parts.iter().map(|part| share(part.weight, x(part))).sum());
    let (risk, low, high) =
        (index(parts.iter().map(|part| part.share).sum()), total(|part| part.low), total(|part| part.high));
    Derivation { parts, risk, low, high }
}

fn part(context: &Context<'_>, component: &dyn Component, entity: &Entity) -> Part {
    let weight = component.weight(&context.config.risk.weights);
    let measured = component.measure(context, entity);
    let (x, low, high) = match measured {
        Measured::Known { x, low, high, .. } => (x, low, high),
        Measured::Unknown { .. } => (0.0, 0.0, 1.0),
        Measured::NotApplicable { .. } => (0.0, 0.0, 0.0),
    };
    let share = share(weight, x).max(0.0);
    Part { component: component.id(), definition: component.definition(), weight, measured, x, low, high, share }
}

impl Derivation {
    /// The part of a component.
    #[must_use]
    pub fn part(&self, component: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.component == component)
    }

    /// Shares as stored: `component=value`, written so that reading them back gives the same numbers.
    #[must_use]
    pub fn shares(&self) -> Vec<String> {
        self.parts.iter().map(|part| format!("{}={}", part.component, part.share)).collect()
    }

    /// Reasons of the components that raise the index, the largest share first.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let mut parts: Vec<&Part> = self.parts.iter().filter(|part| part.share > 0.0).collect();
        parts.sort_by(|a, b| b.share.total_cmp(&a.share));
        let words = |part: &Part| match &part.measured {
            Measured::Known { reason, .. } => Some(reason.clone()),
            Measured::Unknown { .. } | Measured::NotApplicable { .. } => None,
        };
        parts.into_iter().filter_map(words).collect()
    }

    /// Share of the applicable components that are known, 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "there are a handful of components")]
    pub fn coverage(&self) -> f64 {
        let applicable = self.parts.iter().filter(|part| !matches!(part.measured, Measured::NotApplicable { .. }));
        let (known, of) = applicable.fold((0usize, 0usize), |(known, of), part| {
            (known + usize::from(matches!(part.measured, Measured::Known { .. })), of + 1)
        });
        if of == 0 { 1.0 } else { known as f64 / of as f64 }
    }

    /// The derivation in words, one line a step, so that a person can redo the sum.
    #[must_use]
    pub fn explain(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for part in &self.parts {
            let value = match &part.measured {
                Measured::Known { reason, .. } => format!("x = {} in [{}, {}]: {reason}", part.x, part.low, part.high),
                Measured::Unknown { why } => format!("unknown, 0 in the value and 1 at the high end: {why}"),
                Measured::NotApplicable { why } => format!("not applicable: {why}"),
            };
            lines.push(format!("{}: {value}", part.component));
            if let Measured::Known { inputs, .. } = &part.measured {
                lines.extend(inputs.iter().map(|input| format!("  {input}")));
            }
            lines.push(format!("  share = -ln(1 - {} x {}) = {}", part.weight, part.x, part.share));
        }
        let sum: f64 = self.parts.iter().map(|part| part.share).sum();
        lines.push(format!("risk = 100 (1 - e^-{sum}) = {} in [{}, {}]", self.risk, self.low, self.high));
        lines
    }
}
