//! Markdown: a page to paste into a ticket or a pull request.

use std::io::{self, Write};

use super::escape::markdown as safe;
use super::figures::{change, figure};
use super::rows::{reasons, who};
use super::summary::{Counts, by_severity, by_status, excepted};
use super::summary_text::hops;
use super::{Depth, HEADLINES, Report, View};
use crate::model::Metric;
use crate::model::text::format_time;

/// Principals in the list.
const TOP_N: usize = 20;
/// Findings in the list.
const FINDINGS_N: usize = 200;
/// Choke points in the list.
const CHOKE_POINTS_N: usize = 5;

/// The report `markdown`: exposure, headline metrics, findings, the principals with the highest risk, choke points.
#[derive(Debug)]
pub struct Markdown;

impl Report for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn about(&self) -> &'static str {
        "a page for a ticket, a pull request or a chat"
    }

    fn depth(&self) -> Depth {
        Depth::Texts
    }

    fn write(&self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
        header(view, out)?;
        metrics(view, out)?;
        findings(view, out)?;
        scores(view, out)?;
        choke_points(view, out)?;
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

/// The headline metrics with their change and how much of what they need is known.
fn metrics(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let overall = |id: &str| {
        let all = |row: &&Metric| row.platform == "all" && row.kind == "all" && row.domain == "all";
        view.results.metrics.iter().filter(all).find(|row| row.metric == id)
    };
    let rows: Vec<(&str, &Metric)> = HEADLINES.iter().filter_map(|one| Some((one.title, overall(one.id)?))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Headline metrics\n\n| metric | value | change | coverage |\n|---|---:|---:|---:|")?;
    for (title, row) in rows {
        let unit = view.material.gauge(&row.metric).map_or("", |gauge| gauge.unit);
        let before = view.material.before(row).and_then(|before| before.value);
        let moved = row.value.zip(before).map(|(now, before)| now - before);
        let coverage = row.coverage.map(|share| 100.0 * share);
        let coverage = coverage.map_or_else(|| "–".to_owned(), |share| format!("{share:.0} %"));
        writeln!(out, "| {title} | {} | {} | {coverage} |", figure(unit, row.value), change(unit, moved))?;
    }
    match &view.material.compared {
        Some(compared) => writeln!(out, "\nChanges are against {}.", safe(&compared.called)),
        None => Ok(()),
    }
}

fn choke_points(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rows = &view.results.choke_points;
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n## Choke points\n\n| what | unavoidable for | exposed now | exposed without |\n|---|---:|---:|---:|"
    )?;
    for row in rows.iter().take(CHOKE_POINTS_N) {
        let (now, without) = (row.exposure_before, row.exposure_after);
        writeln!(out, "| {} | {} | {now} | {without} |", safe(&row.name), row.unavoidable_for)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::tests::Fixture;

    fn text(fixture: &Fixture) -> String {
        let mut bytes = Vec::new();
        Markdown.write(&fixture.view(), &mut bytes).expect("a vector takes all");
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn headlines_have_change_and_coverage_and_unknown_is_a_dash() {
        let text = text(&Fixture::full());
        assert!(text.contains("| Principals that reach what is protected | 66.7 % | +33.4 | 50 % |\n"), "{text}");
        assert!(text.contains("| Keys older than 90 days | – | – | 0 % |\n"), "{text}");
        assert!(text.contains("Changes are against the baseline 2023-11-12T221320Z."), "{text}");
        assert!(text.contains("| statement Keys | 2 | 3 | 1 |"), "{text}");
    }

    #[test]
    fn a_name_is_no_markup_and_breaks_no_row() {
        let text = text(&Fixture::hostile());
        assert!(!text.contains("<img") && !text.contains("[x](y)") && !text.contains("</script>"), "{text}");
        let columns = |line: &str| line.replace("\\|", "").matches('|').count();
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("|---")) {
            let rows = lines[at + 1..].iter().take_while(|row| row.starts_with('|'));
            assert!(rows.clone().count() > 0, "a table has rows");
            rows.for_each(|row| assert_eq!(columns(row), columns(line), "{row}"));
        }
    }
}
