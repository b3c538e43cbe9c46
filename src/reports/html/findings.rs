//! What should not be so: by rule with what to do about it, by root cause, and one by one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::View;
use super::markup::{close_section, counted, day, grouped, open_section, text};
use super::table::{Cells, Column, Table};
use crate::model::{EntityId, Finding, Severity};

/// Findings that a page holds: the most urgent ones.
const FINDINGS_MAX: usize = 50_000;
/// Root causes that are named below a rule.
const CAUSES_SHOWN: usize = 5;
/// Facts and names that a row of the table has.
const FACTS_SHOWN: usize = 8;

/// Writes the section.
pub fn write(view: &View<'_>, out: &mut String) {
    let lead = "One root cause that affects many is one finding: fixing it there fixes all of them.";
    open_section("findings", "Findings", lead, out);
    let mut rows = view.findings();
    if rows.is_empty() {
        out.push_str("<p>No rule found anything.</p>\n");
        close_section(out);
        return;
    }
    by_rule(view, &rows, out);
    let left_out = rows.len().saturating_sub(FINDINGS_MAX);
    rows.truncate(FINDINGS_MAX);
    out.push_str("<h3>All findings</h3>\n");
    table(view, &rows).leaving_out(left_out).write(out);
    close_section(out);
}

/// Findings of one rule.
struct Group<'a> {
    rule: &'a str,
    severity: Severity,
    affected: u64,
    findings: Vec<&'a Finding>,
}

fn by_rule(view: &View<'_>, rows: &[&Finding], out: &mut String) {
    let mut groups: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in rows {
        groups.entry(&finding.rule).or_default().push(finding);
    }
    let mut groups: Vec<Group<'_>> = groups
        .into_iter()
        .map(|(rule, mut findings)| {
            findings.sort_by_key(|finding| (finding.severity, std::cmp::Reverse(finding.affected_n)));
            Group {
                rule,
                severity: findings.iter().map(|finding| finding.severity).min().unwrap_or(Severity::Low),
                affected: findings.iter().map(|finding| u64::from(finding.affected_n)).sum(),
                findings,
            }
        })
        .collect();
    groups.sort_by_key(|group| (group.severity, std::cmp::Reverse(group.affected), group.rule));
    out.push_str("<h3>By rule and root cause</h3>\n<div class=\"rules\">\n");
    for group in &groups {
        rule(view, group, out);
    }
    out.push_str("</div>\n");
}

fn rule(view: &View<'_>, group: &Group<'_>, out: &mut String) {
    let known = view.material.rule(group.rule);
    let title = known.map_or(group.rule, |rule| rule.title);
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        out,
        "<details class=\"rule\"><summary><span class=\"badge {0}\">{0}</span> <span class=\"title\">{1}</span> \
         <span class=\"sum\">{2}, {3}</span></summary>",
        group.severity,
        text(title),
        counted(group.findings.len() as u64, "finding", "findings"),
        counted(group.affected, "affected", "affected"),
    );
    if let Some(rule) = known {
        let _ = writeln!(
            out,
            "<p>{}</p>\n<p><strong>What to do.</strong> {}</p>",
            text(rule.meaning),
            text(rule.remediation)
        );
    }
    let mut references: Vec<&String> = group.findings.iter().flat_map(|finding| &finding.frameworks).collect();
    references.sort();
    references.dedup();
    if !references.is_empty() {
        out.push_str("<ul class=\"chips\" aria-label=\"Frameworks\">\n");
        for reference in references {
            let _ = writeln!(out, "<li>{}</li>", text(&view.material.citation(reference)));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("<ol class=\"causes\">\n");
    for finding in group.findings.iter().take(CAUSES_SHOWN) {
        let affected = if finding.affected_n > 1 {
            format!(" <strong>{} affected</strong>", finding.affected_n)
        } else {
            String::new()
        };
        let _ = writeln!(out, "<li>{}{affected}</li>", text(&finding.title));
    }
    out.push_str("</ol>\n");
    if group.findings.len() > CAUSES_SHOWN {
        let more = grouped((group.findings.len() - CAUSES_SHOWN) as u64);
        let _ = writeln!(out, "<p class=\"lead\">{more} more are in the table below.</p>");
    }
    out.push_str("</details>\n");
}

fn table(view: &View<'_>, rows: &[&Finding]) -> Table {
    let of = |f: fn(&Finding) -> String| -> Vec<String> { rows.iter().map(|finding| f(finding)).collect() };
    let entity = |finding: &Finding| view.entity(finding.entity);
    let name = rows.iter().map(|finding| entity(finding).map(|one| one.name.clone()).unwrap_or_default()).collect();
    let platform =
        rows.iter().map(|finding| entity(finding).map(|one| one.platform.clone()).unwrap_or_default()).collect();
    let ids = rows.iter().map(|finding| view.id(finding.entity)).collect();
    let evidence = rows.iter().map(|finding| some(finding.evidence.iter().cloned(), finding.evidence.len())).collect();
    let subjects = |finding: &&Finding| {
        let names = finding.subjects.iter().map(|&number| {
            view.entity(EntityId(number)).map_or_else(|| view.id(EntityId(number)), |entity| entity.name.clone())
        });
        some(names, finding.subjects.len())
    };
    let frameworks = |finding: &&Finding| finding.frameworks.iter().map(|one| view.material.citation(one)).collect();
    Table::new("findings-table", "Findings, most urgent first", rows.len())
        .with(Column::new("Finding", Cells::Text(of(|finding| finding.title.clone()))).wide())
        .with(
            Column::new("Severity", Cells::Badge(rows.iter().map(|finding| finding.severity.as_str()).collect()))
                .filtered(),
        )
        .with(Column::new("Rule", Cells::Text(of(|finding| finding.rule.clone()))).filtered().minor().short())
        .with(Column::new("Entity", Cells::Text(name)).minor())
        .with(Column::new("Platform", Cells::Text(platform)).if_varied().filtered().minor())
        .with(Column::new(
            "Affected",
            Cells::Number(rows.iter().map(|finding| Some(f64::from(finding.affected_n))).collect(), 0),
        ))
        .with(Column::new("State", Cells::Text(of(|finding| finding.state.to_string()))).if_varied().filtered().minor())
        .with(
            Column::new("Exception", Cells::Text(of(|finding| finding.exception.clone().unwrap_or_default())))
                .if_varied()
                .minor(),
        )
        .with(Column::new("Evidence", Cells::List(evidence)).in_detail())
        .with(Column::new("Others involved", Cells::List(rows.iter().map(subjects).collect())).in_detail())
        .with(Column::new("Frameworks", Cells::List(rows.iter().map(frameworks).collect())).in_detail())
        .with(Column::new("First seen", Cells::Text(of(|finding| day(finding.first_seen)))).in_detail())
        .with(Column::new("Full id", Cells::Id(ids)).in_detail())
        .with(Column::new("Fingerprint", Cells::Text(of(|finding| finding.fingerprint.clone()))).in_detail())
}

/// The first of many, and how many more there are.
fn some(items: impl Iterator<Item = String>, n: usize) -> Vec<String> {
    let mut kept: Vec<String> = items.take(FACTS_SHOWN).collect();
    if n > kept.len() {
        kept.push(format!("and {} more", n - kept.len()));
    }
    kept
}
