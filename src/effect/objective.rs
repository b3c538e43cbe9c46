//! What is to become better, written down before it is looked at: a TOML file.
//!
//! ```toml
//! metric = "wpg_p90"                 # id of a metric; "overgrant metrics" lists them
//! minimum_effect = 0.02              # the smallest change that would matter, in the unit of the metric
//! intervention = "2026-06-01"        # when assistance began
//! unit = "domain"                    # what is compared: platform, domain or workflow
//! treated = ["payments", "web"]      # units with assistance; without it the whole is looked at
//! # control = ["ledger", "mobile"]   # units without [default: all others]
//! # direction = "lower"              # which way is better [default: the metric's]
//! # alpha = 0.05                     # level of intervals and tests
//!
//! [[guardrail]]                      # what must not become worse
//! metric = "time_to_revoke_days"
//! margin = 5.0                       # by how much it may, in the unit of that metric
//!
//! [[guardrail]]                      # … of what the ledger records: approvals that nobody can have read for
//! measure = "approved_within_seconds"
//! seconds = 10
//! margin = 5.0                       # percentage points more than before
//! ```

use serde::Deserialize;

use super::changes::RUBBER_STAMP_SECONDS;
use crate::metrics::{ALL, Direction};
use crate::model::text::parse_time;
use crate::names;

names! {
    /// What is compared.
    pub enum Unit {
        Platform = "platform",
        Domain = "domain",
        Workflow = "workflow",
    }
}

names! {
    /// Which way is better.
    pub enum Better {
        Lower = "lower",
        Higher = "higher",
    }
}

names! {
    /// What of the ledger can be a guardrail, by its name in an objective.
    pub enum Measured {
        ApprovedWithin = "approved_within_seconds",
        Reversed = "reversed_within_30_days",
        Challenged = "challenged",
        Landed = "landed_as_approved",
    }
}

/// A share of what the ledger records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// Approvals given within so many seconds of the gate's answer.
    ApprovedWithin { seconds: u32 },
    /// Approved changes that a later one takes back.
    Reversed,
    /// Decided drafts that somebody disputes.
    Challenged,
    /// Changes seen by a scan, all of them and nothing else.
    Landed,
}

/// What must not become worse.
#[derive(Debug, Clone, PartialEq)]
pub struct Guardrail {
    /// Id of the metric, or name of what the ledger records.
    pub metric: String,
    /// What of the ledger is looked at; `None` for a metric.
    pub recorded: Option<Recorded>,
    pub better: Better,
    /// By how much it may become worse: in the unit of the metric, in percentage points of what the ledger records.
    pub margin: f64,
}

/// An objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    pub metric: String,
    pub unit_of_metric: String,
    pub better: Better,
    pub minimum_effect: f64,
    /// Milliseconds since 1970.
    pub intervention: i64,
    pub unit: Unit,
    /// Units with assistance; empty when the whole has it.
    pub treated: Vec<String>,
    /// Units without; empty for all others.
    pub control: Vec<String>,
    pub alpha: f64,
    pub guardrails: Vec<Guardrail>,
}

/// An objective that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} ({place})")]
pub struct ObjectiveError {
    /// File, and key or line.
    pub place: String,
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    metric: String,
    direction: Option<Better>,
    minimum_effect: f64,
    intervention: toml::Value,
    #[serde(default = "domain")]
    unit: Unit,
    #[serde(default)]
    treated: Vec<String>,
    #[serde(default)]
    control: Vec<String>,
    alpha: Option<f64>,
    #[serde(default)]
    guardrail: Vec<Rail>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rail {
    metric: Option<String>,
    measure: Option<String>,
    seconds: Option<u32>,
    direction: Option<Better>,
    margin: f64,
}

const fn domain() -> Unit {
    Unit::Domain
}

impl Objective {
    /// Reads an objective; `name` is what to call the file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str, name: &str) -> Result<Self, ObjectiveError> {
        let file: File = toml::from_str(text)
            .map_err(|error| ObjectiveError { place: name.to_owned(), what: error.to_string().trim().to_owned() })?;
        let wrong = |key: &str, what: &str| ObjectiveError { place: format!("{name}, `{key}`"), what: what.to_owned() };
        if !(file.minimum_effect > 0.0 && file.minimum_effect.is_finite()) {
            return Err(wrong("minimum_effect", "the smallest effect that matters is above 0"));
        }
        let alpha = file.alpha.unwrap_or(0.05);
        if !(0.001..=0.2).contains(&alpha) {
            return Err(wrong("alpha", "the level is between 0.001 and 0.2"));
        }
        let time = match &file.intervention {
            toml::Value::String(text) => parse_time(text),
            toml::Value::Datetime(time) => parse_time(&time.to_string()),
            _ => None,
        };
        let intervention = time.ok_or_else(|| wrong("intervention", "no time; write it as \"2026-06-01\""))?;
        let (unit_of_metric, better) = about(&file.metric, file.direction).map_err(|what| wrong("metric", &what))?;
        let guardrails =
            file.guardrail.into_iter().map(|rail| guardrail(rail).map_err(|(key, what)| wrong(key, &what)));
        let guardrails = guardrails.collect::<Result<_, ObjectiveError>>()?;
        if file.treated.is_empty() && !file.control.is_empty() {
            return Err(wrong("control", "there are control units and no treated ones"));
        }
        if let Some(both) = file.treated.iter().find(|unit| file.control.contains(unit)) {
            return Err(wrong("control", &format!("`{both}` is treated and control at once")));
        }
        Ok(Self {
            metric: file.metric,
            unit_of_metric,
            better,
            minimum_effect: file.minimum_effect,
            intervention,
            unit: file.unit,
            treated: file.treated,
            control: file.control,
            alpha,
            guardrails,
        })
    }
}

/// A guardrail, or the key that is wrong and what is wrong with it.
fn guardrail(rail: Rail) -> Result<Guardrail, (&'static str, String)> {
    let Rail { metric, measure, seconds, direction, margin } = rail;
    if !(margin >= 0.0 && margin.is_finite()) {
        return Err(("guardrail.margin", "a margin is at least 0".to_owned()));
    }
    let of_ledger = measure.as_deref() == Some(Measured::ApprovedWithin.as_str());
    if seconds.is_some() && !of_ledger {
        let what = format!("only `{}` is about seconds", Measured::ApprovedWithin);
        return Err(("guardrail.seconds", what));
    }
    match (metric, measure) {
        (Some(metric), None) => {
            let (_, better) = about(&metric, direction).map_err(|what| ("guardrail.metric", what))?;
            Ok(Guardrail { metric, recorded: None, better, margin })
        }
        (None, Some(measure)) => {
            let names = || Measured::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ");
            let unknown = || ("guardrail.measure", format!("`{measure}` is none of {}", names()));
            let recorded = match Measured::parse(&measure).ok_or_else(unknown)? {
                Measured::ApprovedWithin => {
                    Recorded::ApprovedWithin { seconds: seconds.unwrap_or(RUBBER_STAMP_SECONDS) }
                }
                Measured::Reversed => Recorded::Reversed,
                Measured::Challenged => Recorded::Challenged,
                Measured::Landed => Recorded::Landed,
            };
            if direction.is_some() {
                let what = "which way is better of what the ledger records is fixed".to_owned();
                return Err(("guardrail.direction", what));
            }
            let better = if recorded == Recorded::Landed { Better::Higher } else { Better::Lower };
            let name = match recorded {
                Recorded::ApprovedWithin { seconds } => format!("approved_within_{seconds}_seconds"),
                Recorded::Reversed | Recorded::Challenged | Recorded::Landed => measure,
            };
            Ok(Guardrail { metric: name, recorded: Some(recorded), better, margin })
        }
        _ => Err(("guardrail", "a guardrail has either a `metric` or a `measure`".to_owned())),
    }
}

/// Unit of a metric, and which way is better.
fn about(metric: &str, stated: Option<Better>) -> Result<(String, Better), String> {
    let definition = ALL
        .iter()
        .find(|definition| definition.id == metric)
        .ok_or_else(|| format!("no metric `{metric}`; `overgrant metrics` lists them"))?;
    let own = match definition.direction {
        Direction::Lower => Some(Better::Lower),
        Direction::Higher => Some(Better::Higher),
        Direction::Neutral => None,
    };
    let better =
        stated.or(own).ok_or_else(|| format!("neither way of `{metric}` is better by itself: say `direction`"))?;
    Ok((definition.unit.to_owned(), better))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "metric = \"wpg_p90\"\nminimum_effect = 0.02\nintervention = 2026-06-01\ntreated = [\"a\"]\n\
                        [[guardrail]]\nmetric = \"exposure_pct\"\nmargin = 1.0\n";

    #[test]
    fn an_objective_is_read_with_what_the_metrics_say() {
        let found = Objective::parse(GOOD, "o.toml").expect("it is right");
        assert_eq!((found.better, found.unit, found.unit_of_metric.as_str()), (Better::Lower, Unit::Domain, "ratio"));
        assert_eq!(found.intervention, parse_time("2026-06-01").expect("a time"));
        assert_eq!(found.guardrails[0].better, Better::Lower);
    }

    #[test]
    fn what_the_ledger_records_can_be_a_guardrail() {
        for (text, recorded, better) in [
            ("measure = \"approved_within_seconds\"", Recorded::ApprovedWithin { seconds: 10 }, Better::Lower),
            (
                "measure = \"approved_within_seconds\"\nseconds = 30",
                Recorded::ApprovedWithin { seconds: 30 },
                Better::Lower,
            ),
            ("measure = \"reversed_within_30_days\"", Recorded::Reversed, Better::Lower),
            ("measure = \"challenged\"", Recorded::Challenged, Better::Lower),
            ("measure = \"landed_as_approved\"", Recorded::Landed, Better::Higher),
        ] {
            let text = GOOD.replace("metric = \"exposure_pct\"", text);
            let found = Objective::parse(&text, "o.toml").expect("it is right");
            assert_eq!((found.guardrails[0].recorded, found.guardrails[0].better), (Some(recorded), better), "{text}");
        }
    }

    #[test]
    fn what_is_missing_or_makes_no_sense_is_refused_with_its_key() {
        for (from, to, place) in [
            ("0.02", "0.0", "minimum_effect"),
            ("wpg_p90", "no_such", "metric"),
            ("wpg_p90", "principals", "metric"),
            ("2026-06-01", "\"soon\"", "intervention"),
            ("treated = [\"a\"]", "control = [\"a\"]", "control"),
            ("treated = [\"a\"]", "treated = [\"a\"]\ncontrol = [\"a\"]", "control"),
            ("treated = [\"a\"]", "treeted = [\"a\"]", "o.toml"),
            ("margin = 1.0", "margin = -1.0", "guardrail.margin"),
            ("metric = \"exposure_pct\"", "measure = \"exposure_pct\"", "guardrail.measure"),
            ("metric = \"exposure_pct\"", "seconds = 5\nmetric = \"exposure_pct\"", "guardrail.seconds"),
            ("metric = \"exposure_pct\"", "seconds = 5\nmeasure = \"challenged\"", "guardrail.seconds"),
            ("metric = \"exposure_pct\"", "direction = \"lower\"\nmeasure = \"challenged\"", "guardrail.direction"),
            ("metric = \"exposure_pct\"", "metric = \"exposure_pct\"\nmeasure = \"challenged\"", "`guardrail`"),
            ("metric = \"exposure_pct\"", "", "`guardrail`"),
        ] {
            let error = Objective::parse(&GOOD.replace(from, to), "o.toml").expect_err(to);
            assert!(error.place.contains(place), "{to}: {error}");
        }
    }
}
