//! What matters, in a sentence and a handful of numbers, each with its change and with how much of it is known.

use std::fmt::Write as _;

use super::super::View;
use super::super::figures::{change, figure};
use super::super::headlines::{HEADLINES, Headline};
use super::super::material::Gauge;
use super::super::summary::{Counts, by_severity, excepted};
use super::markup::{bar, close_section, counted, grouped, open_section, text};
use crate::model::Metric;

/// Writes the section.
pub fn write(view: &View<'_>, out: &mut String) {
    open_section("overview", "Overview", "", out);
    verdict(view, out);
    severities(view, out);
    cards(view, out);
    close_section(out);
}

fn verdict(view: &View<'_>, out: &mut String) {
    let counts = Counts::of(view.tables, view.results.edges.len());
    let zone = view.exposure.zone;
    let percent = |value: Option<f64>| figure("percent", value);
    let reach = if zone.principals == 0 {
        "Nobody outside the protected zone was counted.".to_owned()
    } else {
        let beyond = match zone.possible.saturating_sub(zone.certain) {
            0 => String::new(),
            more => format!(
                ", and {} more may ({} in all) where something that the export does not say holds",
                grouped(more),
                percent(zone.possible_pct())
            ),
        };
        format!(
            "<strong>{} of {}</strong> outside the protected zone can reach it for certain ({}){beyond}.",
            grouped(zone.certain),
            counted(zone.principals, "principal", "principals"),
            percent(zone.certain_pct())
        )
    };
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        out,
        "<p class=\"verdict\">{reach}</p>\n<p class=\"lead\">Read: {}, of which {} non-human and {} human; {}, {}, {}.</p>",
        counted(counts.principals as u64, "principal", "principals"),
        grouped(counts.nhis as u64),
        grouped(counts.humans as u64),
        counted(counts.groups as u64, "group", "groups"),
        counted(counts.policies as u64, "policy", "policies"),
        counted(counts.grants as u64, "statement", "statements"),
    );
    if !view.incomplete.is_empty() {
        let _ = writeln!(
            out,
            "<p class=\"note warn\"><strong>The scan is incomplete.</strong> What it left out is under \
             <a href=\"#quality\">Data quality</a>.</p>"
        );
    }
}

fn severities(view: &View<'_>, out: &mut String) {
    out.push_str("<ul class=\"tally\" aria-label=\"Findings by severity\">\n");
    for (severity, n) in by_severity(view) {
        let _ = writeln!(
            out,
            "<li><strong>{}</strong><span class=\"badge {severity}\">{severity}</span></li>",
            grouped(n as u64)
        );
    }
    out.push_str("</ul>\n");
    if let n @ 1.. = excepted(view) {
        let said = counted(n as u64, "finding is", "findings are");
        let _ =
            writeln!(out, "<p class=\"lead\">{said} covered by an exception in force and counted all the same.</p>");
    }
}

fn cards(view: &View<'_>, out: &mut String) {
    let overall = |id: &str| {
        let all = |row: &&Metric| row.platform == "all" && row.kind == "all" && row.domain == "all";
        view.results.metrics.iter().filter(all).find(|row| row.metric == id)
    };
    let rows: Vec<(&Headline, &Metric)> =
        HEADLINES.iter().filter_map(|headline| Some((headline, overall(headline.id)?))).collect();
    if rows.is_empty() {
        return;
    }
    let against = match &view.material.compared {
        Some(compared) => format!("Changes are against {}.", text(&compared.called)),
        None => "There is nothing to compare with yet: this is the first snapshot and no baseline is set.".to_owned(),
    };
    let _ = writeln!(out, "<h3>Headline metrics</h3>\n<p class=\"lead\">{against}</p>\n<ul class=\"cards\">");
    for (headline, row) in rows {
        card(view, headline, row, out);
    }
    out.push_str("</ul>\n");
}

fn card(view: &View<'_>, headline: &Headline, row: &Metric, out: &mut String) {
    let gauge = view.material.gauge(headline.id);
    let unit = gauge.map_or("", |gauge| gauge.unit);
    let value = if row.value.is_some() { figure(unit, row.value) } else { "not measured".to_owned() };
    let class = if row.value.is_some() { "figure" } else { "figure none" };
    let _ = writeln!(out, "<li class=\"card\"><h4>{}</h4>\n<p class=\"{class}\">{value}</p>", text(headline.title));
    let mut facts: Vec<String> = Vec::new();
    if let (Some(low), Some(high)) = (row.low, row.high) {
        let bare = figure(unit, Some(low));
        facts.push(format!("{} to {}", bare.trim_end_matches(" %"), figure(unit, Some(high))));
    }
    if let (Some(n), Some(of)) = (row.numerator, row.denominator.filter(|of| *of > 0.0)) {
        facts.push(format!("{n:.0} of {of:.0}"));
    }
    let _ = writeln!(
        out,
        "<p class=\"sub\">{}</p>",
        if facts.is_empty() { "&nbsp;".to_owned() } else { facts.join(" · ") }
    );
    let _ = writeln!(out, "{}", delta(view, row, gauge));
    let _ = writeln!(out, "{}</li>", coverage(row.coverage));
}

/// The change since what the snapshot is compared with, and whether it is for the better, in words and not in colour
/// alone.
fn delta(view: &View<'_>, row: &Metric, gauge: Option<&Gauge>) -> String {
    let Some(gauge) = gauge else { return String::new() };
    if view.material.compared.is_none() {
        return String::new();
    }
    let before = view.material.before(row).and_then(|before| before.value);
    let (Some(now), Some(before)) = (row.value, before) else {
        return "<p class=\"delta\">not comparable</p>".to_owned();
    };
    let said = change(gauge.unit, Some(now - before));
    let unit = if gauge.unit == "percent" { " points" } else { "" };
    if said == "0" {
        return "<p class=\"delta\">unchanged</p>".to_owned();
    }
    let grew = now > before;
    let arrow = if grew { "▲" } else { "▼" };
    let (class, word) = match (gauge.better, grew) {
        ("lower", true) | ("higher", false) => ("delta worse", ", worse"),
        ("lower", false) | ("higher", true) => ("delta better", ", better"),
        _ => ("delta", ""),
    };
    format!("<p class=\"{class}\"><span aria-hidden=\"true\">{arrow}</span> {said}{unit}{word}</p>")
}

/// How much of the population has the data that a metric needs.
pub fn coverage(share: Option<f64>) -> String {
    match share {
        None => "<p class=\"coverage\">coverage unknown</p>".to_owned(),
        Some(share) => {
            format!("<p class=\"coverage\">coverage {:.0} %{}</p>", 100.0 * share, bar(share, "fill"))
        }
    }
}
