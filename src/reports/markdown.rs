//! Markdown: a page to paste into a ticket or a pull request.

use std::io::{self, Write};

use super::escape::markdown as safe;
use super::rows::{reasons, who};
use super::summary::{Counts, by_severity, by_status, excepted};
use super::summary_text::hops;
use super::{Report, View};
use crate::model::text::format_time;

/// Principals in the list.
const TOP_N: usize = 20;
/// Findings in the list.
const FINDINGS_N: usize = 200;

/// The report `markdown`: exposure, findings and the principals with the highest risk.
#[derive(Debug)]
pub struct Markdown;

impl Report for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn about(&self) -> &'static str {
        "a page for a ticket: exposure, findings, highest risks"
    }

    fn write(&self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
        header(view, out)?;
        findings(view, out)?;
        scores(view, out)?;
        if !view.incomplete.is_empty() {
            writeln!(out, "\n## Incomplete\n")?;
            for note in view.incomplete {
                writeln!(out, "- {}", safe(note))?;
            }
        }
        Ok(())
    }
}

fn header(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let counts = Counts::of(view.tables, view.results.edges.len());
    let zone = view.exposure.zone;
    writeln!(out, "# Privilege sprawl, {}\n", format_time(view.as_of))?;
    writeln!(
        out,
        "Snapshot {}: {} principals ({} non-human, {} human), {} groups, {} policies.\n",
        safe(view.snapshot),
        counts.principals,
        counts.nhis,
        counts.humans,
        counts.groups,
        counts.policies
    )?;
    writeln!(
        out,
        "Of {} principals outside the protected zone, {} reach it for certain and {} possibly.\n",
        zone.principals, zone.certain, zone.possible
    )?;
    let counts: Vec<String> = by_severity(view).iter().map(|(severity, n)| format!("{n} {severity}")).collect();
    match excepted(view) {
        0 => writeln!(out, "Findings: {}.", counts.join(", "))?,
        n => writeln!(out, "Findings: {}; {n} of them under an exception.", counts.join(", "))?,
    }
    if !view.tables.exceptions.is_empty() {
        let counts: Vec<String> = by_status(view).iter().map(|(status, n)| format!("{n} {status}")).collect();
        writeln!(out, "\nExceptions: {}.", counts.join(", "))?;
    }
    Ok(())
}

fn findings(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rows = view.findings();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Findings\n\n| severity | rule | entity | finding | state | exception |")?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    for finding in rows.iter().take(FINDINGS_N) {
        let name = view.entity(finding.entity).map_or("", |entity| entity.name.as_str());
        let exception = finding.exception.as_deref().unwrap_or_default();
        let cells = [finding.severity.as_str(), &finding.rule, name, &finding.title, finding.state.as_str(), exception];
        writeln!(out, "| {} |", cells.map(safe).join(" | "))?;
    }
    if rows.len() > FINDINGS_N {
        writeln!(out, "\n{} more are not shown.", rows.len() - FINDINGS_N)?;
    }
    Ok(())
}

fn scores(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rows = view.scores();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Highest risks\n\n| risk | low to high | hops | principal | kind | reasons |")?;
    writeln!(out, "|---:|---|---:|---|---|---|")?;
    for score in rows.iter().take(TOP_N) {
        let entity = view.entity(score.entity);
        writeln!(
            out,
            "| {:.1} | {:.1} to {:.1} | {} | {} | {} | {} |",
            score.risk,
            score.risk_low,
            score.risk_high,
            hops(score),
            safe(entity.map_or("", |entity| &entity.id)),
            entity.map_or("", who),
            safe(&reasons(score).join("; "))
        )?;
    }
    Ok(())
}
