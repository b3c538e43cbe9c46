//! Comma-separated values: findings (the report) and scores, one header row, lists joined by ` | `.

use std::io::{self, Write};

use ::csv::Writer;

use super::escape::csv as cell;
use super::{Report, View, rows};
use crate::model::text::format_time;
use crate::model::{Finding, Score};

/// The report `csv`: all findings.
#[derive(Debug)]
pub struct Csv;

impl Report for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn about(&self) -> &'static str {
        "findings, one a row"
    }

    fn write(&self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
        findings(view, &view.findings(), out)
    }
}

const FINDING_COLUMNS: [&str; 13] = [
    "severity",
    "rule",
    "entity",
    "entity_name",
    "platform",
    "title",
    "evidence",
    "frameworks",
    "first_seen",
    "state",
    "exception",
    "fingerprint",
    "affected_n",
];

/// Writes findings with a header row.
///
/// # Errors
/// What `out` fails with.
pub fn findings(view: &View<'_>, findings: &[&Finding], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer::from_writer(out);
    writer.write_record(FINDING_COLUMNS)?;
    for finding in findings {
        let entity = view.entity(finding.entity);
        let fields = [
            finding.severity.to_string(),
            finding.rule.clone(),
            view.id(finding.entity),
            entity.map(|entity| entity.name.clone()).unwrap_or_default(),
            entity.map(|entity| entity.platform.clone()).unwrap_or_default(),
            finding.title.clone(),
            finding.evidence.join(" | "),
            finding.frameworks.join(" | "),
            format_time(finding.first_seen),
            finding.state.to_string(),
            finding.exception.clone().unwrap_or_default(),
            finding.fingerprint.clone(),
            finding.affected_n.to_string(),
        ];
        writer.write_record(fields.iter().map(|field| cell(field).into_owned()))?;
    }
    writer.flush()
}

const SCORE_COLUMNS: [&str; 28] = [
    "entity",
    "name",
    "platform",
    "kind",
    "nhi",
    "risk",
    "risk_low",
    "risk_high",
    "excess",
    "orphan",
    "escalation",
    "credential",
    "shares",
    "reasons",
    "pgr",
    "wpg",
    "wpa",
    "mass",
    "power",
    "hops_to_protected",
    "blast_radius",
    "exposure_in",
    "cohort",
    "cohort_n",
    "cohort_percentile",
    "surprise",
    "coverage",
    "evidence_grade",
];

/// Writes scores with a header row; an empty cell means unknown.
///
/// # Errors
/// What `out` fails with.
pub fn scores(view: &View<'_>, scores: &[&Score], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer::from_writer(out);
    writer.write_record(SCORE_COLUMNS)?;
    for score in scores {
        let row = rows::score(view, score);
        writer.write_record(SCORE_COLUMNS.iter().map(|column| value(&row[*column])))?;
    }
    writer.flush()
}

/// A JSON value as one cell. Only text can be hostile, and a negative number is no formula.
pub(super) fn value(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => String::new(),
        Value::String(text) => cell(text).into_owned(),
        Value::Array(items) => {
            cell(&items.iter().map(|item| item.as_str().unwrap_or_default()).collect::<Vec<_>>().join(" | "))
                .into_owned()
        }
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" | ")
        }
        other => other.to_string(),
    }
}
