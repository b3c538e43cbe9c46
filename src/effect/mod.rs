//! Whether AI assistance made a control better: an objective stated beforehand, a comparison, and one of four verdicts.
//!
//! | question | module |
//! |---|---|
//! | what is to become better, by how much, and what must not become worse? | [`objective`] |
//! | did the series break when assistance began? | [`interrupted`]: segmented regression, AR(1) errors by REML |
//! | did units with assistance change more than those without? | [`difference`]: difference in differences, permutations |
//! | what did each recorded change do, and how do changes by models and by people fare? | [`changes`] |
//! | what does all this come to? | [`verdict`] |
//!
//! [`study()`] puts them together over a store. The numbers are computed again by statsmodels and scipy in
//! `tests/python/effect_check.py`. `docs/effect.md` has the formulas and what each verdict promises.

pub mod changes;
pub mod difference;
pub mod distribution;
pub mod interrupted;
pub mod linear;
pub mod objective;
pub mod study;
#[cfg(test)]
mod tests;
pub mod verdict;

pub use objective::{Guardrail, Objective, ObjectiveError, Unit};
pub use study::{Study, StudyError, study};
pub use verdict::Verdict;

/// A number with how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// In the unit of the metric; negative is a decrease.
    pub value: f64,
    pub standard_error: f64,
    pub degrees_of_freedom: f64,
    /// Ends of the interval at the objective's level.
    pub low: f64,
    pub high: f64,
    /// That a difference at least this large comes about by chance alone.
    pub p: f64,
    /// The smallest true effect that would be seen in four of five studies like this one.
    pub minimum_detectable: f64,
}

/// Share of studies in which an effect of the minimum detectable size is seen.
pub const POWER: f64 = 0.8;

impl Estimate {
    /// By Student's distribution.
    #[must_use]
    pub fn new(value: f64, standard_error: f64, degrees_of_freedom: f64, alpha: f64) -> Self {
        let quantile = |p: f64| distribution::t_quantile(p, degrees_of_freedom);
        let (half, power) = (quantile(1.0 - alpha / 2.0), quantile(POWER));
        let p = if standard_error > 0.0 {
            distribution::t_two_sided(value / standard_error, degrees_of_freedom)
        } else if value == 0.0 {
            1.0
        } else {
            0.0
        };
        Self {
            value,
            standard_error,
            degrees_of_freedom,
            low: value - half * standard_error,
            high: value + half * standard_error,
            p,
            minimum_detectable: (half + power) * standard_error,
        }
    }

    /// The estimate of the same with the other sign.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { value: -self.value, low: -self.high, high: -self.low, ..self }
    }
}
