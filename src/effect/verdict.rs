//! One of four verdicts, by rules that are fixed before the data is looked at.
//!
//! 1. *Not measurable* when there are fewer than [`POINTS_MIN`] points before or after, fewer than two units on a side,
//!    when the smallest effect that the study would see in four of five cases is larger than the smallest one that
//!    matters, when the groups did not go the same way before, or when no permutation could be rare enough.
//! 2. *Improved* or *worse* when the interval excludes 0, permutations agree, and the estimate is at least half of the
//!    smallest effect that matters: nearer to it than to none.
//! 3. *No evidence* otherwise. A guardrail that does not hold or coverage that fell turns *improved* into it, and a
//!    guardrail that is shown to be broken into *worse*.

use serde::Serialize;

use super::Estimate;
use super::difference::{Difference, PRETREND_ALPHA};
use super::interrupted::Interrupted;
use super::objective::{Better, Guardrail, Objective};
use crate::names;

/// Points before and after without which nothing is measurable.
pub const POINTS_MIN: usize = 8;

names! {
    /// What a study comes to.
    pub enum Verdict {
        Improved = "improved",
        NoEvidence = "no_evidence",
        Worse = "worse",
        NotMeasurable = "not_measurable",
    }
}

impl Verdict {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::NoEvidence => "no evidence",
            Self::Worse => "worse",
            Self::NotMeasurable => "not measurable",
        }
    }
}

names! {
    /// Whether a guardrail holds.
    pub enum Held {
        /// It is at most as much worse as it may be, by the end of the interval.
        Held = "held",
        /// The estimate is within the margin, and the interval is not.
        Open = "open",
        /// The estimate is beyond the margin.
        Exceeded = "exceeded",
        /// So is the whole interval.
        Broken = "broken",
        NotMeasurable = "not_measurable",
    }
}

/// A guardrail and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rail {
    pub metric: String,
    pub margin: f64,
    pub held: Held,
    /// How much worse it became; negative is better. Null when it was not measurable.
    pub worse_by: Option<Estimate>,
}

impl Rail {
    /// Judges a guardrail by the effect on its metric.
    #[must_use]
    pub fn new(guardrail: &Guardrail, effect: Option<Estimate>) -> Self {
        let worse_by = effect.map(|effect| match guardrail.better {
            Better::Lower => effect,
            Better::Higher => effect.negated(),
        });
        let held = match worse_by {
            None => Held::NotMeasurable,
            Some(worse) if worse.low > guardrail.margin => Held::Broken,
            Some(worse) if worse.value > guardrail.margin => Held::Exceeded,
            Some(worse) if worse.high > guardrail.margin => Held::Open,
            Some(_) => Held::Held,
        };
        Self { metric: guardrail.metric.clone(), margin: guardrail.margin, held, worse_by }
    }
}

/// What the verdict is made of.
#[derive(Debug, Clone, Copy)]
pub struct Grounds<'g> {
    pub objective: &'g Objective,
    pub difference: Option<&'g Difference>,
    pub interrupted: Option<&'g Interrupted>,
    pub guardrails: &'g [Rail],
    /// Mean coverage of the metric before and after; null where it is unknown.
    pub coverage: (Option<f64>, Option<f64>),
}

/// A verdict and why, the weightiest reason first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    pub verdict: Verdict,
    /// What it rests on: `difference_in_differences`, `interrupted_time_series` or `nothing`.
    pub method: &'static str,
    pub reasons: Vec<String>,
}

/// Gives the verdict.
#[must_use]
pub fn judge(grounds: &Grounds<'_>) -> Judged {
    // Where there are units without assistance they are the measure: what else happened then happened to them too.
    let (method, estimate, points, why_not) = match (grounds.difference, grounds.interrupted) {
        (Some(found), _) => (
            "difference_in_differences",
            found.effect.estimate,
            (found.points_before, found.points_after),
            incomparable(found, grounds.objective),
        ),
        (None, Some(found)) => {
            ("interrupted_time_series", found.effect, (found.points_before, found.points_after), None)
        }
        (None, None) => {
            let reasons = vec!["there are too few snapshots or units with this metric".to_owned()];
            return Judged { verdict: Verdict::NotMeasurable, method: "nothing", reasons };
        }
    };
    let mut reasons = unmeasurable(estimate, points, grounds.objective);
    reasons.extend(why_not);
    if !reasons.is_empty() {
        return Judged { verdict: Verdict::NotMeasurable, method, reasons };
    }
    let p_permutation = grounds.difference.map(|found| found.effect.p_permutation);
    let (verdict, why) = decide(estimate, p_permutation, grounds.objective);
    reasons.push(why);
    let verdict = guarded(verdict, grounds, &mut reasons);
    Judged { verdict, method, reasons }
}

/// Why a comparison of units says nothing.
fn incomparable(found: &Difference, objective: &Objective) -> Option<String> {
    if found.effect.p_permutation_min > objective.alpha {
        let least = found.effect.p_permutation_min;
        return Some(format!("with so few units no permutation is rarer than {least:.3}: more units are needed"));
    }
    match &found.pretrend {
        None => Some("the trends before cannot be compared".to_owned()),
        Some(trend) => {
            // Few units have too few permutations for this level; then Student's distribution has to do.
            let by_permutation = trend.p_permutation_min <= PRETREND_ALPHA;
            let p = if by_permutation { trend.p_permutation } else { trend.estimate.p };
            (p <= PRETREND_ALPHA).then(|| format!("the groups did not go the same way before (p = {p:.4})"))
        }
    }
}

fn unmeasurable(estimate: Estimate, (before, after): (usize, usize), objective: &Objective) -> Vec<String> {
    let mut reasons = Vec::new();
    if before < POINTS_MIN || after < POINTS_MIN {
        reasons.push(format!("{before} points before and {after} after; {POINTS_MIN} of each are needed"));
    }
    let (least, wanted) = (estimate.minimum_detectable, objective.minimum_effect);
    if least.is_nan() || least > wanted {
        reasons.push(format!("the smallest effect that would be seen is {least:.4}, and {wanted} is what matters"));
    }
    reasons
}

fn decide(estimate: Estimate, p_permutation: Option<f64>, objective: &Objective) -> (Verdict, String) {
    let Estimate { value, low, high, .. } = estimate;
    let excludes = (low > 0.0 || high < 0.0) && p_permutation.is_none_or(|p| p <= objective.alpha);
    let text = format!("the metric changed by {value:.4} ({low:.4} to {high:.4})");
    if !excludes {
        return (Verdict::NoEvidence, format!("{text}: what chance does as well"));
    }
    if value.abs() < objective.minimum_effect / 2.0 {
        return (Verdict::NoEvidence, format!("{text}: less than half of what matters ({})", objective.minimum_effect));
    }
    let better = match objective.better {
        Better::Lower => value < 0.0,
        Better::Higher => value > 0.0,
    };
    (if better { Verdict::Improved } else { Verdict::Worse }, text)
}

/// What guardrails and coverage leave of a verdict.
fn guarded(verdict: Verdict, grounds: &Grounds<'_>, reasons: &mut Vec<String>) -> Verdict {
    let mut left = verdict;
    for rail in grounds.guardrails {
        let text = |what: &str| format!("the guardrail `{}` {what} (margin {})", rail.metric, rail.margin);
        match rail.held {
            Held::Held => {}
            Held::Broken => {
                reasons.insert(0, text("is broken"));
                left = Verdict::Worse;
            }
            Held::Exceeded | Held::NotMeasurable => {
                let what = if rail.held == Held::Exceeded { "is exceeded" } else { "was not measurable" };
                reasons.push(text(what));
                if left == Verdict::Improved {
                    left = Verdict::NoEvidence;
                }
            }
            Held::Open => reasons.push(text("is not shown to hold")),
        }
    }
    if let (Some(before), Some(after)) = grounds.coverage
        && left == Verdict::Improved
        && after < before - COVERAGE_MARGIN
    {
        reasons.push(format!("coverage fell from {before:.2} to {after:.2}: less was looked at"));
        left = Verdict::NoEvidence;
    }
    left
}

/// By how much mean coverage may fall.
const COVERAGE_MARGIN: f64 = 0.02;
