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
//! ```

use serde::Deserialize;

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

/// A metric that must not become worse.
#[derive(Debug, Clone, PartialEq)]
pub struct Guardrail {
    pub metric: String,
    pub better: Better,
    /// By how much it may become worse, in the unit of the metric.
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
    metric: String,
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
        let guardrails = file.guardrail.into_iter().map(|rail| {
            if !(rail.margin >= 0.0 && rail.margin.is_finite()) {
                return Err(wrong("guardrail.margin", "a margin is at least 0"));
            }
            let (_, better) = about(&rail.metric, rail.direction).map_err(|what| wrong("guardrail.metric", &what))?;
            Ok(Guardrail { metric: rail.metric, better, margin: rail.margin })
        });
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
        ] {
            let error = Objective::parse(&GOOD.replace(from, to), "o.toml").expect_err(to);
            assert!(error.place.contains(place), "{to}: {error}");
        }
    }
}
