//! `--fail-on`: conditions under which a scan ends with exit code 1.
//!
//! `new:high` and `any:critical` mean a finding of *at least* that severity; `metric:ID>N` compares a metric over
//! everything, `delta:ID>N` its change since the snapshot before.

use std::str::FromStr;

use super::exit::Exit;
use super::failure::Failure;
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
    Metric { change: bool, id: String, comparison: Comparison, bound: f64 },
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
    let (id, rest) = text.split_at(at);
    let found = COMPARISONS.into_iter().find_map(|(sign, found)| Some((found, rest.strip_prefix(sign)?)));
    let (comparison, number) = found.ok_or(FORMS)?;
    let bound = number.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let bound = bound.ok_or_else(|| format!("`{number}` is no number"))?;
    let id = id.trim();
    if id.is_empty() {
        return Err(FORMS.to_owned());
    }
    Ok(Test::Metric { change, id: id.to_owned(), comparison, bound })
}

/// What the rules are held against.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Findings of the scan.
    pub findings: &'a [Finding],
    /// Its metrics.
    pub metrics: &'a [Metric],
    /// Metrics of the snapshot before; `None` when it is the first.
    pub before: Option<&'a [Metric]>,
}

impl Rule {
    /// Whether the metrics of the snapshot before are needed.
    pub fn needs_before(&self) -> bool {
        matches!(self.test, Test::Metric { change: true, .. })
    }

    /// Why the rule holds, in words; `None` when it does not.
    ///
    /// Fails closed: a metric that does not exist is a usage error, one that cannot be measured is missing input.
    /// The change since the snapshot before is no change when there is none before.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<Option<String>, Failure> {
        let because = match &self.test {
            Test::Findings { only_new, at_least } => {
                let n = facts.findings.iter().filter(|row| counts(row, *only_new, *at_least)).count();
                (n > 0).then(|| {
                    format!("{n} {}finding(s) of severity {at_least} or above", if *only_new { "new " } else { "" })
                })
            }
            Test::Metric { change: false, id, comparison, bound } => {
                let value = self.value(id, facts.metrics)?;
                comparison.holds(value, *bound).then(|| format!("{id} is {value}"))
            }
            Test::Metric { change: true, id, comparison, bound } => {
                let value = self.value(id, facts.metrics)?;
                let Some(before) = facts.before else { return Ok(None) };
                let change = value - self.value(id, before)?;
                comparison.holds(change, *bound).then(|| format!("{id} changed by {change:+}"))
            }
        };
        Ok(because.map(|because| format!("rule `{}` holds: {because}", self.text)))
    }

    fn value(&self, id: &str, metrics: &[Metric]) -> Result<f64, Failure> {
        let overall = |metric: &&Metric| metric.platform == "all" && metric.kind == "all" && metric.domain == "all";
        let Some(metric) = metrics.iter().filter(overall).find(|metric| metric.metric == id) else {
            let known: Vec<&str> = metrics.iter().filter(overall).map(|metric| metric.metric.as_str()).collect();
            return Err(Failure::usage(format!("no metric `{id}` (--fail-on `{}`)", self.text))
                .hint(format!("metrics of this scan: {}", known.join(", "))));
        };
        metric.value.ok_or_else(|| {
            Failure::new(
                Exit::Input,
                format!("metric `{id}` cannot be measured on this input (--fail-on `{}`)", self.text),
            )
            .hint("a rule on an unknown value fails closed; `scan --format json` lists the coverage")
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
        let before = [metric("exposure_pct", Some(4.5))];
        let facts = Facts { findings: &[], metrics: &now, before: Some(&before) };
        for (rule, expected) in [
            ("metric:exposure_pct>5", Ok(false)),
            ("metric:exposure_pct>=5", Ok(true)),
            ("metric:exposure_pct<5.5", Ok(true)),
            ("delta:exposure_pct>+0.4", Ok(true)),
            ("delta:exposure_pct>0.5", Ok(false)),
            ("metric:wpg_p90>0", Err(3)),
            ("metric:no_such>0", Err(2)),
        ] {
            assert_eq!(holds(rule, &facts), expected, "{rule}");
        }
        let first = Facts { before: None, ..facts };
        assert_eq!(holds("delta:exposure_pct>0", &first), Ok(false));
    }

    #[test]
    fn malformed_rules_are_refused() {
        for rule in
            ["", "high", "new:urgent", "metric:x", "metric:>5", "metric:x>", "metric:x>NaN", "delta:x=5", "old:high"]
        {
            assert!(rule.parse::<Rule>().is_err(), "{rule}");
        }
    }
}
