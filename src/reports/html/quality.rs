//! What the numbers stand on: all metrics, sources, coverage, and what could not be read.

use std::fmt::Write as _;

use super::super::View;
use super::super::figures::{change, figure};
use super::markup::{bar, close_section, grouped, open_section, text};
use super::table::{Cells, Column, Table};
use crate::model::{Coverage, Metric};

/// Issues that a page holds.
const ISSUES_MAX: usize = 20_000;

/// Every metric of every part.
pub fn metrics(view: &View<'_>, out: &mut String) {
    let lead = "Every metric, of everything and of each platform, kind and domain. A metric that could not be measured has \
                no value; that is not zero.";
    open_section("metrics", "All metrics", lead, out);
    let mut rows: Vec<&Metric> = view.results.metrics.iter().collect();
    // Of everything first, and then part by part.
    rows.sort_by_key(|row| {
        let parts = [&row.platform, &row.kind, &row.domain].iter().filter(|part| part.as_str() != "all").count();
        (parts, &row.platform, &row.kind, &row.domain, &row.metric)
    });
    let unit = |row: &Metric| view.material.gauge(&row.metric).map_or("", |gauge| gauge.unit);
    let delta = |row: &&Metric| {
        let before = view.material.before(row)?.value?;
        Some(row.value? - before)
    };
    let texts = |f: &dyn Fn(&Metric) -> String| Cells::Text(rows.iter().map(|row| f(row)).collect());
    let interval = |row: &Metric| match (row.low, row.high) {
        (Some(low), Some(high)) => format!("{} to {}", figure(unit(row), Some(low)), figure(unit(row), Some(high))),
        _ => String::new(),
    };
    let coverage = rows.iter().map(|row| row.coverage.map(|share| 100.0 * share)).collect();
    Table::new("metrics-table", "Metrics", rows.len())
        .with(Column::new("Metric", texts(&|row| row.metric.clone())))
        .with(Column::new("Value", Cells::Plain(rows.iter().map(|row| row.value).collect())))
        .with(Column::new("Unit", texts(&|row| unit(row).to_owned())).minor())
        .with(Column::new("Change", Cells::Plain(rows.iter().map(delta).collect())))
        .with(Column::new("Interval", texts(&interval)).minor())
        .with(Column::new("Coverage, %", Cells::Number(coverage, 0)))
        .with(Column::new("Platform", texts(&|row| row.platform.clone())).filtered().minor())
        .with(Column::new("Kind", texts(&|row| row.kind.clone())).filtered().minor())
        .with(Column::new("Domain", texts(&|row| row.domain.clone())).filtered().minor())
        .with(
            Column::new(
                "What it says",
                texts(&|row| view.material.gauge(&row.metric).map_or("", |gauge| gauge.definition).to_owned()),
            )
            .in_detail(),
        )
        .with(Column::new("Change in words", texts(&|row| change(unit(row), delta(&row)))).in_detail())
        .write(out);
    close_section(out);
}

/// Writes the section.
pub fn write(view: &View<'_>, out: &mut String) {
    let lead = "A number is worth what it stands on: which files were read, how much of what could be known is known, and \
                what was skipped.";
    open_section("quality", "Data quality", lead, out);
    if view.incomplete.is_empty() {
        out.push_str("<p>The scan is complete: nothing was left out.</p>\n");
    } else {
        out.push_str("<h3>Incomplete</h3>\n<ul>\n");
        for note in view.incomplete {
            // Writing to a string cannot fail, here and below.
            let _ = writeln!(out, "<li>{}</li>", text(note));
        }
        out.push_str("</ul>\n");
    }
    coverage(view, out);
    sources(view, out);
    issues(view, out);
    close_section(out);
}

fn coverage(view: &View<'_>, out: &mut String) {
    if view.coverage.is_empty() {
        return;
    }
    out.push_str(
        "<h3>Coverage</h3>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"coverage-caption\"><table>\n\
         <caption id=\"coverage-caption\">How much of what could be known is known</caption>\n<thead><tr><th scope=\"col\">What</th>\
         <th scope=\"col\" class=\"num\">Known</th><th scope=\"col\" class=\"num\">Of</th><th scope=\"col\" class=\"num\">Share</th>\
         <th scope=\"col\"><span class=\"hidden\">Bar</span></th></tr></thead>\n<tbody>\n",
    );
    for part in view.coverage {
        coverage_row(part, out);
    }
    out.push_str("</tbody></table></div>\n");
}

fn coverage_row(part: &Coverage, out: &mut String) {
    let share = (part.of > 0).then(|| part.known as f64 / part.of as f64);
    let shown = share.map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", 100.0 * share));
    let _ = writeln!(
        out,
        "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{shown}</td><td>{}</td></tr>",
        text(&part.name.replace('_', " ")),
        grouped(part.known),
        grouped(part.of),
        share.map(|share| bar(share, "fill")).unwrap_or_default()
    );
}

fn sources(view: &View<'_>, out: &mut String) {
    let rows = view.sources;
    out.push_str("<h3>Sources</h3>\n");
    let texts = |f: fn(&crate::model::Source) -> String| Cells::Text(rows.iter().map(f).collect());
    Table::new("sources-table", "Files that were read", rows.len())
        .with(Column::new("File", texts(|row| row.path.clone())))
        .with(Column::new("Recognised as", texts(|row| row.kind.clone())).filtered())
        .with(Column::new("Records", Cells::Number(rows.iter().map(|row| Some(row.records as f64)).collect(), 0)))
        .with(Column::new("Skipped", Cells::Number(rows.iter().map(|row| Some(row.skipped as f64)).collect(), 0)))
        .with(Column::new("SHA-256", texts(|row| row.sha256.clone())).in_detail())
        .write(out);
}

fn issues(view: &View<'_>, out: &mut String) {
    let all = &view.tables.issues;
    if all.is_empty() {
        return;
    }
    out.push_str("<h3>Issues</h3>\n");
    let mut rows: Vec<_> = all.iter().collect();
    rows.sort_by_key(|issue| std::cmp::Reverse(issue.severity));
    rows.truncate(ISSUES_MAX);
    let texts = |f: fn(&crate::model::Issue) -> String| Cells::Text(rows.iter().map(|row| f(row)).collect());
    let file = |issue: &&crate::model::Issue| {
        let source = issue.source.and_then(|source| view.sources.get(source.0 as usize));
        source.map(|source| source.path.clone()).unwrap_or_default()
    };
    Table::new("issues-table", "What was skipped or doubted, and why", rows.len())
        .with(Column::new("Issue", texts(|issue| issue.message.clone())))
        .with(Column::new("Severity", texts(|issue| issue.severity.to_string())).filtered())
        .with(Column::new("Code", texts(|issue| issue.code.clone())).filtered().minor())
        .with(Column::new("File", Cells::Text(rows.iter().map(file).collect())).minor())
        .with(Column::new("Place", texts(|issue| issue.record.clone())).in_detail())
        .leaving_out(all.len() - rows.len())
        .write(out);
}
