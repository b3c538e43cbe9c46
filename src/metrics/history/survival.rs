//! Time until something ends, when part of it has not ended yet: the Kaplan–Meier estimate (1958).
//!
//! `S(t) = Π (1 − d_i/n_i)` over the times `t_i ≤ t` at which `d_i` of the `n_i` still observed ended. What is still
//! open counts as observed up to now and no further (right-censored). Its variance is Greenwood's,
//! `S²·Σ d_i/(n_i(n_i − d_i))`, and the interval is taken on the scale `ln(−ln S)`, where it cannot leave 0 to 1
//! (Kalbfleisch and Prentice). The median is the first time at which `S ≤ 1/2`; its interval are the first times at
//! which the lower and the upper limit are (Brookmeyer and Crowley, 1982).

use crate::metrics::float;
use crate::metrics::wilson::Z_95;

/// How long one was observed, and whether it ended then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spell {
    /// Days, 0 or more.
    pub days: f64,
    /// False when it was still open at the last look.
    pub ended: bool,
}

/// The estimate from one time on.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Step {
    /// Days since the beginning.
    pub days: f64,
    /// Still observed right before.
    pub at_risk: usize,
    /// Ended at this time.
    pub ended: usize,
    /// Share that lasts longer, 0 to 1.
    pub survival: f64,
    /// Lower end of the interval at 95 %; null where the share is 0, of which Greenwood's formula says nothing.
    pub low: Option<f64>,
    /// Upper end of the interval at 95 %.
    pub high: Option<f64>,
}

/// The estimate.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct Survival {
    /// Observed.
    pub n: usize,
    /// Of them, ended.
    pub ended: usize,
    /// Of them, still open.
    pub censored: usize,
    /// Days after which half has ended; null when more than half lasts longer than anything was observed.
    pub median: Option<f64>,
    /// Lower end of its interval at 95 %.
    pub median_low: Option<f64>,
    /// Upper end of its interval at 95 %; null when the data set no upper end.
    pub median_high: Option<f64>,
    /// One for each time at which something ended, in order.
    pub steps: Vec<Step>,
}

/// The estimate from any number of spells, in any order.
#[must_use]
pub fn kaplan_meier(spells: &[Spell]) -> Survival {
    let mut sorted = spells.to_vec();
    // At one time, what ended comes before what was last seen then: that was still at risk.
    sorted.sort_by(|a, b| a.days.total_cmp(&b.days).then(b.ended.cmp(&a.ended)));
    let (mut survival, mut greenwood) = (1.0, 0.0);
    let mut steps: Vec<Step> = Vec::new();
    for same in sorted.chunk_by(|a, b| a.days.total_cmp(&b.days).is_eq()) {
        let ended = same.iter().filter(|spell| spell.ended).count();
        if ended == 0 {
            continue;
        }
        let at_risk = sorted.len() - sorted.partition_point(|spell| spell.days.total_cmp(&same[0].days).is_lt());
        survival *= 1.0 - float(ended) / float(at_risk);
        greenwood += float(ended) / (float(at_risk) * float(at_risk - ended));
        let (low, high) = interval(survival, greenwood).unzip();
        steps.push(Step { days: same[0].days, at_risk, ended, survival, low, high });
    }
    let ended = spells.iter().filter(|spell| spell.ended).count();
    let first = |at: &dyn Fn(&Step) -> Option<f64>| {
        steps.iter().find(|step| at(step).is_some_and(|share| share <= 0.5)).map(|step| step.days)
    };
    Survival {
        n: spells.len(),
        ended,
        censored: spells.len() - ended,
        median: first(&|step| Some(step.survival)),
        median_low: first(&|step| step.low.or(Some(step.survival))),
        median_high: first(&|step| step.high),
        steps,
    }
}

/// `S^exp(±z·√greenwood / ln S)`.
fn interval(survival: f64, greenwood: f64) -> Option<(f64, f64)> {
    if survival <= 0.0 || survival >= 1.0 {
        return None;
    }
    let spread = (Z_95 * greenwood.sqrt() / survival.ln().abs()).exp();
    Some((survival.powf(spread), survival.powf(1.0 / spread)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(days: f64, ended: bool) -> Spell {
        Spell { days, ended }
    }

    #[test]
    fn the_estimate_is_that_worked_out_by_hand() {
        // Seven: ended at 1, 3, 3, 6; still open at 3, 4, 8.
        let spells = [(3.0, true), (8.0, false), (1.0, true), (3.0, false), (6.0, true), (4.0, false), (3.0, true)];
        let found = kaplan_meier(&spells.map(|(days, ended)| spell(days, ended)));
        let rows: Vec<(f64, usize, usize)> = found.steps.iter().map(|row| (row.days, row.at_risk, row.ended)).collect();
        assert_eq!(rows, [(1.0, 7, 1), (3.0, 6, 2), (6.0, 2, 1)]);
        // 6/7, 6/7·4/6 = 4/7, 4/7·1/2 = 2/7.
        for (row, share) in found.steps.iter().zip([6.0 / 7.0, 4.0 / 7.0, 2.0 / 7.0]) {
            assert!((row.survival - share).abs() < 1e-12, "{row:?}");
        }
        assert_eq!((found.n, found.ended, found.censored), (7, 4, 3));
        assert_eq!(found.median, Some(6.0));
        // At 3: greenwood 1/42 + 2/24 = 0.107143; ln S = −0.559616; 1.959964·0.327327/0.559616 = 1.146409,
        // e^ = 3.146873; (4/7)^3.146873 = e^−1.761040 = 0.171866, (4/7)^0.317776 = e^−0.177832 = 0.837083.
        let row = found.steps[1];
        assert!(row.low.is_some_and(|low| (low - 0.171_866).abs() < 1e-6), "{row:?}");
        assert!(row.high.is_some_and(|high| (high - 0.837_083).abs() < 1e-6), "{row:?}");
        // At 1: 1.959964·√(1/42)/0.154151 = 1.961905, e^ = 7.112864, (6/7)^7.112864 = 0.334 is below a half already.
        assert_eq!(found.median_low, Some(1.0));
        // The upper end never comes below a half: (2/7)^(1/e^(1.96·√0.607143/1.252763)) is 0.69.
        assert_eq!(found.median_high, None);
    }

    #[test]
    fn a_median_that_was_not_reached_is_null() {
        let found = kaplan_meier(&[spell(1.0, true), spell(5.0, false), spell(5.0, false)]);
        assert_eq!(found.median, None);
        assert_eq!(kaplan_meier(&[]), Survival::default());
        let open = kaplan_meier(&[spell(2.0, false)]);
        assert_eq!((open.n, open.censored, open.steps.len(), open.median), (1, 1, 0, None));
    }

    #[test]
    fn when_all_have_ended_the_last_share_is_0_and_has_no_interval() {
        let found = kaplan_meier(&[spell(1.0, true), spell(2.0, true)]);
        assert!(found.steps[1].survival.abs() < 1e-15);
        assert_eq!((found.steps[1].low, found.steps[1].high), (None, None));
        assert_eq!((found.median, found.median_high), (Some(1.0), None));
    }
}
