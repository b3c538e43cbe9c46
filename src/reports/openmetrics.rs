//! `OpenMetrics` 1.0 text: the metrics of a snapshot for a collector that reads files.
//!
//! Samples have no timestamps: a collector would take a weekly scan for stale. The time of the scan is a sample of its
//! own. What could not be measured has no sample, and is never zero. All families are gauges, so that readers of the
//! older Prometheus text format take the file too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::escape::plain;
use super::{Depth, Report, View};
use crate::model::{Metric, Severity};

/// The report `openmetrics`.
#[derive(Debug)]
pub struct OpenMetrics;

impl Report for OpenMetrics {
    fn name(&self) -> &'static str {
        "openmetrics"
    }

    fn about(&self) -> &'static str {
        "OpenMetrics text: all metrics, for a textfile collector"
    }

    fn depth(&self) -> Depth {
        Depth::Texts
    }

    fn write(&self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut text = String::new();
        of_scan(view, &mut text);
        of_findings(view, &mut text);
        of_metrics(view, &mut text);
        text.push_str("# EOF\n");
        out.write_all(text.as_bytes())
    }
}

/// Text inside the quotes of a label or behind `# HELP`.
fn quoted(text: &str) -> String {
    plain(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// Begins a family of gauges.
fn family(name: &str, help: &str, text: &mut String) {
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(text, "# TYPE {name} gauge\n# HELP {name} {}", quoted(help));
}

fn sample(name: &str, labels: &[(&str, &str)], value: f64, text: &mut String) {
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", quoted(value))).collect();
    let _ = if labels.is_empty() {
        writeln!(text, "{name} {value}")
    } else {
        writeln!(text, "{name}{{{}}} {value}", labels.join(","))
    };
}

fn of_scan(view: &View<'_>, text: &mut String) {
    family("overgrant_scan_time_seconds", "Time that the scan describes, since 1970.", text);
    sample("overgrant_scan_time_seconds", &[], view.as_of as f64 / 1000.0, text);
    family("overgrant_scan", "The snapshot and the version that made it; always 1.", text);
    let labels = [("snapshot", view.snapshot), ("version", env!("CARGO_PKG_VERSION"))];
    sample("overgrant_scan", &labels, 1.0, text);
    family("overgrant_scan_incomplete", "Kinds of things that the scan left out; 0 for a complete one.", text);
    sample("overgrant_scan_incomplete", &[], view.incomplete.len() as f64, text);
    family("overgrant_source_records", "Records read from the sources of a kind.", text);
    let mut kinds: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for source in view.sources {
        let counts = kinds.entry(&source.kind).or_default();
        *counts = (counts.0 + source.records, counts.1 + source.skipped);
    }
    for (kind, (read, _)) in &kinds {
        sample("overgrant_source_records", &[("kind", kind)], *read as f64, text);
    }
    family("overgrant_source_skipped", "Records of the sources of a kind that could not be used.", text);
    for (kind, (_, skipped)) in &kinds {
        sample("overgrant_source_skipped", &[("kind", kind)], *skipped as f64, text);
    }
}

fn of_findings(view: &View<'_>, text: &mut String) {
    family(
        "overgrant_findings",
        "Findings that are there now, by rule, severity and whether an exception covers them.",
        text,
    );
    let mut counts: BTreeMap<(&str, Severity, bool), u64> = BTreeMap::new();
    for finding in view.findings() {
        *counts.entry((&finding.rule, finding.severity, finding.exception.is_some())).or_default() += 1;
    }
    for ((rule, severity, excepted), n) in counts {
        let excepted = if excepted { "true" } else { "false" };
        let labels = [("rule", rule), ("severity", severity.as_str()), ("excepted", excepted)];
        sample("overgrant_findings", &labels, n as f64, text);
    }
}

/// One end of an interval, or the coverage, of a metric.
type Side = fn(&Metric) -> Option<f64>;

/// One family a metric; what goes with several of them has the metric as a label.
fn of_metrics(view: &View<'_>, text: &mut String) {
    let mut by_name: BTreeMap<&str, Vec<&Metric>> = BTreeMap::new();
    for row in &view.results.metrics {
        by_name.entry(&row.metric).or_default().push(row);
    }
    for (id, rows) in &by_name {
        let name = format!("overgrant_{id}");
        let help = view
            .material
            .gauge(id)
            .map_or_else(String::new, |gauge| format!("{} Unit: {}.", gauge.definition, gauge.unit));
        family(&name, &help, text);
        for row in rows {
            if let Some(value) = row.value {
                sample(&name, &part(row), value, text);
            }
        }
    }
    let sides: [(&str, &str, Side); 3] = [
        ("overgrant_metric_low", "Lower end of the interval of a metric.", |row| row.low),
        ("overgrant_metric_high", "Upper end of the interval of a metric.", |row| row.high),
        ("overgrant_metric_coverage", "Share of the population with the data that a metric needs, 0 to 1.", |row| {
            row.coverage
        }),
    ];
    for (name, help, side) in sides {
        family(name, help, text);
        for row in by_name.values().flatten() {
            if let Some(value) = side(row) {
                let [platform, kind, domain] = part(row);
                sample(name, &[("metric", row.metric.as_str()), platform, kind, domain], value, text);
            }
        }
    }
}

fn part(row: &Metric) -> [(&'static str, &str); 3] {
    [("platform", &row.platform), ("kind", &row.kind), ("domain", &row.domain)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::tests::Fixture;

    fn text(fixture: &Fixture) -> String {
        let mut bytes = Vec::new();
        OpenMetrics.write(&fixture.view(), &mut bytes).expect("a vector takes all");
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn what_is_measured_has_a_sample_and_what_is_not_has_none() {
        let text = text(&Fixture::full());
        let all = "platform=\"all\",kind=\"all\",domain=\"all\"";
        assert!(text.contains(&format!("overgrant_exposure_pct{{{all}}} 66.7\n")), "{text}");
        assert!(text.contains(&format!("overgrant_metric_high{{metric=\"exposure_pct\",{all}}} 100\n")), "{text}");
        assert!(
            text.contains(&format!("overgrant_metric_coverage{{metric=\"keys_over_90d_pct\",{all}}} 0\n")),
            "{text}"
        );
        assert!(text.contains(
            "# TYPE overgrant_keys_over_90d_pct gauge\n# HELP overgrant_keys_over_90d_pct Old \\\"keys\\\"."
        ));
        assert!(!text.contains("overgrant_keys_over_90d_pct{"), "unknown is not zero");
        assert!(text.contains("overgrant_findings{rule=\"key-age\",severity=\"high\",excepted=\"true\"} 1\n"));
        assert!(text.contains("overgrant_scan_time_seconds 1700000000\n") && text.ends_with("# EOF\n"));
    }

    #[test]
    fn a_name_stays_inside_its_quotes() {
        let text = text(&Fixture::hostile());
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.starts_with("overgrant_"), "{line}");
            let value = line.rsplit(' ').next().unwrap_or_default();
            assert!(value.parse::<f64>().is_ok(), "no timestamp, and a number at the end: {line}");
        }
        assert!(text.contains("</script><img src=x onerror=alert(1)>\\\"'&"), "shown, with its quote escaped");
    }
}
