//! `--fail-on`: conditions under which a scan ends with exit code 1.
//!
//! `new:high` and `any:critical` mean a finding of *at least* that severity that no exception covers, `new` one that was
//! not there before or is back. `metric:ID>N` compares a metric, `delta:ID>N` its change: since the baseline where one is
//! set, else since the snapshot before. A metric is that of everything unless its id is led by parts of the organisation:
//! `metric:aws/nhi/exposure_pct>5`, `metric:domain=payments/findings_high>0`.

use std::str::FromStr;

use super::exit::Exit;
use super::failure::Failure;
use crate::metrics::population::{Cell, KINDS, WHOLE};
use crate::model::{Finding, FindingState, Metric, Severity};

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    text: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    /// A finding that is there, or that was not there before, of at least this severity.
    Findings { only_new: bool, at_least: Severity },
    /// A metric, or its change, against a bound.
    Metric { change: bool, of: Which, comparison: Comparison, bound: f64 },
}

/// A metric of a part of the organisation.
#[derive(Debug, Clone, PartialEq)]
struct Which {
    id: String,
    part: Cell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// Longest first: `>=` is not `>` followed by a number.
const COMPARISONS: [(&str, Comparison); 4] = [
    (">=", Comparison::GreaterOrEqual),
    ("<=", Comparison::LessOrEqual),
    (">", Comparison::Greater),
    ("<", Comparison::Less),
];

const FORMS: &str = "write new:high, any:critical, metric:ID>5 or delta:ID>+0.02 (quoted, because of the `>`)";

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (form, rest) = text.split_once(':').ok_or(FORMS)?;
        let test = match form {
            "new" | "any" => {
                let at_least = Severity::parse(rest).ok_or_else(|| {
                    let known: Vec<&str> = Severity::ALL.iter().map(|severity| severity.as_str()).collect();
                    format!("`{rest}` is none of {}", known.join(", "))
                })?;
                Test::Findings { only_new: form == "new", at_least }
            }
            "metric" | "delta" => bound(form == "delta", rest)?,
            _ => return Err(FORMS.to_owned()),
        };
        Ok(Self { text: text.to_owned(), test })
    }
}

fn bound(change: bool, text: &str) -> Result<Test, String> {
    let at = text.find(['>', '<']).ok_or(FORMS)?;
    let (name, rest) = text.split_at(at);
    let found = COMPARISONS.into_iter().find_map(|(sign, found)| Some((found, rest.strip_prefix(sign)?)));
    let (comparison, number) = found.ok_or(FORMS)?;
    let bound = number.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let bound = bound.ok_or_else(|| format!("`{number}` is no number"))?;
    Ok(Test::Metric { change, of: name.trim().parse()?, comparison, bound })
}

impl FromStr for Which {
    type Err = String;

    /// `[PLATFORM/][KIND/][domain=NAME/]ID`, the parts in any order.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts: Vec<&str> = text.split('/').collect();
        let id = parts.pop().filter(|id| !id.is_empty()).ok_or(FORMS)?;
        let mut part = Cell { platform: WHOLE.to_owned(), kind: WHOLE.to_owned(), domain: WHOLE.to_owned() };
        for name in parts {
            let (place, name) = match name.strip_prefix("domain=") {
                Some(name) => (&mut part.domain, name),
                None if KINDS.contains(&name) => (&mut part.kind, name),
                None => (&mut part.platform, name),
            };
            if name.is_empty() || place != WHOLE {
                return Err(format!("`{text}` is no metric: write ID, or PLATFORM/KIND/ID, or domain=NAME/ID"));
            }
            name.clone_into(place);
        }
        Ok(Self { id: id.to_owned(), part })
    }
}

/// What the rules are held against.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Findings of the scan.
    pub findings: &'a [Finding],
    /// Its metrics.
    pub metrics: &'a [Metric],
    /// What `delta` is since; `None` when there is neither a baseline nor a snapshot before.
    pub before: Option<Before<'a>>,
}

/// The snapshot that `delta` compares with.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// What it is, for people: `the baseline …`.
    pub called: &'a str,
    pub metrics: &'a [Metric],
}

impl Rule {
    /// Whether the metrics of another snapshot are needed.
    pub fn needs_before(&self) -> bool {
        matches!(self.test, Test::Metric { change: true, .. })
    }

    /// Why the rule holds, in words; `None` when it does not.
    ///
    /// Fails closed: a metric that does not exist is a usage error, one that cannot be measured (then or now) or that is
    /// of a part which the scan does not have is missing input. With nothing to compare with there is no change.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<Option<String>, Failure> {
        let because = match &self.test {
            Test::Findings { only_new, at_least } => {
                let n = facts.findings.iter().filter(|row| counts(row, *only_new, *at_least)).count();
                (n > 0).then(|| {
                    format!("{n} {}finding(s) of severity {at_least} or above", if *only_new { "new " } else { "" })
                })
            }
            Test::Metric { change: false, of, comparison, bound } => {
                let value = self.value(of, facts.metrics, "this scan")?;
                comparison.holds(value, *bound).then(|| format!("{} is {value}", of.id))
            }
            Test::Metric { change: true, of, comparison, bound } => {
                let value = self.value(of, facts.metrics, "this scan")?;
                let Some(before) = facts.before else { return Ok(None) };
                let change = value - self.value(of, before.metrics, before.called)?;
                comparison
                    .holds(change, *bound)
                    .then(|| format!("{} changed by {change:+} since {}", of.id, before.called))
            }
        };
        Ok(because.map(|because| format!("rule `{}` holds: {because}", self.text)))
    }

    fn value(&self, of: &Which, metrics: &[Metric], place: &str) -> Result<f64, Failure> {
        if !crate::metrics::ALL.iter().any(|definition| definition.id == of.id) {
            let known: Vec<&str> = crate::metrics::ALL.iter().map(|definition| definition.id).collect();
            return Err(Failure::usage(format!("no metric `{}` (--fail-on `{}`)", of.id, self.text))
                .hint(format!("metrics: {}", known.join(", "))));
        }
        let here = |metric: &&Metric| {
            (&metric.platform, &metric.kind, &metric.domain) == (&of.part.platform, &of.part.kind, &of.part.domain)
        };
        let row = metrics.iter().filter(|metric| metric.metric == of.id).find(here);
        row.and_then(|metric| metric.value).ok_or_else(|| {
            let why = if row.is_some() { "cannot be measured in" } else { "is not among the metrics of" };
            let name = self.text.split_once(':').map_or("", |(_, rest)| rest);
            let name = name.split(['>', '<']).next().unwrap_or(name).trim();
            Failure::new(Exit::Input, format!("metric `{name}` {why} {place} (--fail-on `{}`)", self.text)).hint(
                "a rule on an unknown value fails closed; `overgrant metrics` lists what was measured, with its coverage",
            )
        })
    }
}

fn counts(finding: &Finding, only_new: bool, at_least: Severity) -> bool {
    let there = match finding.state {
        FindingState::Absent => false,
        FindingState::New | FindingState::Reopened => true,
        FindingState::Unchanged | FindingState::Updated => !only_new,
    };
    // Severities are declared most urgent first. A finding that an exception covers is no reason to stop.
    there && finding.severity <= at_least && finding.exception.is_none()
}

impl Comparison {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Greater => value > bound,
            Self::GreaterOrEqual => value >= bound,
            Self::Less => value < bound,
            Self::LessOrEqual => value <= bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::tests::Fixture;

    fn metric(id: &str, value: Option<f64>) -> Metric {
        let all = || "all".to_owned();
        let (platform, kind, domain) = (all(), all(), all());
        Metric {
            metric: id.to_owned(),
            platform,
            kind,
            domain,
            value,
            low: None,
            high: None,
            numerator: None,
            denominator: None,
            coverage: None,
        }
    }

    fn holds(rule: &str, facts: &Facts<'_>) -> Result<bool, u8> {
        let rule: Rule = rule.parse().map_err(|_| 99)?;
        rule.holds(facts).map(|because| because.is_some()).map_err(|failure| failure.exit.code())
    }

    #[test]
    fn severities_mean_at_least_and_new_means_not_there_before() {
        let mut findings = Fixture::default().results.findings;
        findings[0].severity = Severity::High;
        let on = |findings: &[Finding], rule| holds(rule, &Facts { findings, metrics: &[], before: None });
        assert_eq!(on(&findings, "any:medium"), Ok(true));
        assert_eq!(on(&findings, "any:high"), Ok(true));
        assert_eq!(on(&findings, "any:critical"), Ok(false));
        assert_eq!(on(&findings, "new:high"), Ok(true));
        findings[0].state = FindingState::Unchanged;
        assert_eq!((on(&findings, "new:high"), on(&findings, "any:high")), (Ok(false), Ok(true)));
        findings[0].state = FindingState::Absent;
        assert_eq!(on(&findings, "any:low"), Ok(false));
    }

    #[test]
    fn metrics_are_compared_and_what_is_unknown_fails_closed() {
        let now = [metric("exposure_pct", Some(5.0)), metric("wpg_p90", None)];
        let before = [metric("exposure_pct", Some(4.5)), metric("risk_p50", Some(1.0))];
        let facts = Facts { findings: &[], metrics: &now, before: Some(Before { called: "before", metrics: &before }) };
        for (rule, expected) in [
            ("metric:exposure_pct>5", Ok(false)),
            ("metric:exposure_pct>=5", Ok(true)),
            ("metric:exposure_pct<5.5", Ok(true)),
            ("delta:exposure_pct>+0.4", Ok(true)),
            ("delta:exposure_pct>0.5", Ok(false)),
            ("metric:wpg_p90>0", Err(3)),
            ("metric:no_such>0", Err(2)),
            ("delta:risk_p50>0", Err(3)),
            ("metric:gcp/exposure_pct>0", Err(3)),
        ] {
            assert_eq!(holds(rule, &facts), expected, "{rule}");
        }
        let first = Facts { before: None, ..facts };
        assert_eq!(holds("delta:exposure_pct>0", &first), Ok(false));
    }

    #[test]
    fn what_an_exception_covers_holds_no_rule_and_what_is_back_is_new() {
        let mut findings = Fixture::default().results.findings;
        (findings[0].severity, findings[0].exception) = (Severity::High, Some("x".to_owned()));
        let on = |findings: &[Finding], rule| holds(rule, &Facts { findings, metrics: &[], before: None });
        assert_eq!((on(&findings, "new:high"), on(&findings, "any:low")), (Ok(false), Ok(false)));
        (findings[0].state, findings[0].exception) = (FindingState::Reopened, None);
        assert_eq!((on(&findings, "new:high"), on(&findings, "any:low")), (Ok(true), Ok(true)));
    }

    #[test]
    fn a_metric_of_a_part_is_that_of_the_part() {
        let part = |platform: &str, kind: &str, domain: &str, value| {
            let (platform, kind, domain) = (platform.to_owned(), kind.to_owned(), domain.to_owned());
            Metric { platform, kind, domain, ..metric("exposure_pct", Some(value)) }
        };
        let rows = [
            part("all", "all", "all", 1.0),
            part("aws", "all", "all", 2.0),
            part("aws", "nhi", "all", 3.0),
            part("all", "nhi", "pay", 4.0),
        ];
        let facts = Facts { findings: &[], metrics: &rows, before: None };
        for (name, value) in [("", 1), ("aws/", 2), ("aws/nhi/", 3), ("nhi/aws/", 3), ("nhi/domain=pay/", 4)] {
            assert_eq!(holds(&format!("metric:{name}exposure_pct>={value}"), &facts), Ok(true), "{name}");
            assert_eq!(holds(&format!("metric:{name}exposure_pct>{value}"), &facts), Ok(false), "{name}");
        }
        assert_eq!(holds("metric:human/exposure_pct>0", &facts), Err(3), "the part is not in the scan");
    }

    #[test]
    fn malformed_rules_are_refused() {
        for rule in [
            "",
            "high",
            "new:urgent",
            "metric:x",
            "metric:>5",
            "metric:x>",
            "metric:x>NaN",
            "delta:x=5",
            "old:high",
            "metric:a/b/x>1",
            "metric:aws/>1",
            "metric:domain=/x>1",
        ] {
            assert!(rule.parse::<Rule>().is_err(), "{rule}");
        }
    }
}
