//! A principal's dossier as a page for a person.

use std::fmt::Write as _;

use super::derivation;
use super::dossier::{Dossier, factors, product};
use crate::cli::commands::can::optional;
use crate::cli::commands::scores::whole;
use crate::cli::commands::steps::{self, TechniqueNames};
use crate::cli::engine::Snapshot;
use crate::model::text::format_time;
use crate::model::{Score, Trust};
use crate::reports::Layout;
use crate::reports::escape::plain;
use crate::reports::grid::{Cell, Grid, Side};
use crate::reports::rows::reasons;
use crate::reports::summary_text::tone;

/// The page. A part of which nothing is known is left out, except where its absence is the news.
pub fn told(snapshot: &Snapshot, dossier: &Dossier<'_>, layout: Layout, full: bool) -> String {
    let mut text = identity(dossier);
    derivation::summary(&mut text, dossier);
    groups(&mut text, snapshot, dossier);
    policies(&mut text, snapshot, dossier, layout);
    derivation::entitlements(&mut text, snapshot, dossier, full);
    derivation::gaps(&mut text, dossier);
    trusts(&mut text, "Who may act as it", &dossier.trusted, layout, |row| row.trustee_pattern.clone());
    let target = |row: &Trust| snapshot.view().id(row.target);
    trusts(&mut text, "As whom it is trusted to act", &dossier.trusts, layout, target);
    credentials(&mut text, dossier, layout);
    findings(&mut text, dossier, layout);
    paths(&mut text, snapshot, dossier);
    if let Some(approvals) = &dossier.approvals {
        approvals.tell(&mut text);
    }
    score(&mut text, dossier.score, layout);
    text
}

fn heading(text: &mut String, title: &str) {
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(text, "\n{title}");
}

fn identity(dossier: &Dossier<'_>) -> String {
    let entity = dossier.about;
    let mut text = format!("{}\n", plain(&entity.id));
    let nature = match entity.nhi {
        Some(true) => "non-human identity",
        Some(false) => "human identity",
        None => "not known to be human or not",
    };
    let why = entity.nhi_reason.as_deref().map(|reason| format!(" ({})", plain(reason))).unwrap_or_default();
    let _ = writeln!(
        text,
        "  {} {} of {}, {nature}{why}",
        entity.platform,
        entity.kind,
        plain(entity.scope.as_deref().unwrap_or("–"))
    );
    let mut facts = Vec::new();
    if let Some(enabled) = entity.enabled {
        facts.push(if enabled { "enabled".to_owned() } else { "disabled".to_owned() });
    }
    if let Some(at) = entity.created_at {
        facts.push(format!("created {}", format_time(at)));
    }
    facts.push(entity.last_used_at.map_or_else(
        || "last use unknown".to_owned(),
        |at| format!("last used {} ({})", format_time(at), plain(entity.last_used_source.as_deref().unwrap_or("?"))),
    ));
    if let Some(env) = &entity.env {
        facts.push(format!("environment {}", plain(env)));
    }
    let _ = writeln!(text, "  {}", facts.join(", "));
    let status = entity.owner_status.as_deref().map(|status| format!(", {}", plain(status))).unwrap_or_default();
    let _ = writeln!(text, "  owner {}{status}", plain(entity.owner.as_deref().unwrap_or("unknown")));
    if entity.protected {
        let _ = writeln!(
            text,
            "  in the protected zone: {}",
            plain(entity.protected_reason.as_deref().unwrap_or("no reason given"))
        );
    }
    text
}

fn groups(text: &mut String, snapshot: &Snapshot, dossier: &Dossier<'_>) {
    if dossier.groups.is_empty() {
        return;
    }
    heading(text, "Groups");
    for group in &dossier.groups {
        let _ = writeln!(text, "  {}", plain(&snapshot.view().id(*group)));
    }
}

fn policies(text: &mut String, snapshot: &Snapshot, dossier: &Dossier<'_>, layout: Layout) {
    heading(text, "Policies");
    if dossier.policies.is_empty() {
        text.push_str("  none\n");
        return;
    }
    let (left, right) = (Side::Left, Side::Right);
    let columns = [("LAYER", left), ("POLICY", left), ("THROUGH", left), ("ALLOW", right), ("DENY", right)];
    let mut grid = Grid::new(layout, &columns).indented();
    let view = snapshot.view();
    for held in &dossier.policies {
        let via = if held.via == dossier.about.entity { "itself".to_owned() } else { view.id(held.via) };
        let count = |n: usize| if held.known { n.to_string() } else { "?".to_owned() };
        let cells = [held.layer.to_owned(), held.policy.clone(), via, count(held.allows), count(held.denies)];
        grid.row(cells.map(Cell::from));
    }
    *text += &grid.text();
    if dossier.policies.iter().any(|held| !held.known) {
        text.push_str("  ? the export names this policy and does not say what is in it\n");
    }
}

fn trusts(text: &mut String, title: &str, rows: &[&Trust], layout: Layout, other: impl Fn(&Trust) -> String) {
    if rows.is_empty() {
        return;
    }
    heading(text, title);
    let mut grid =
        Grid::new(layout, &["WHO", "ACTION", "KIND", "CONDITION"].map(|title| (title, Side::Left))).indented();
    for row in rows {
        let kind = row.kind.as_str().into();
        grid.row([other(row).into(), row.action.as_str().into(), kind, optional(row.condition.as_deref())]);
    }
    *text += &grid.text();
}

fn credentials(text: &mut String, dossier: &Dossier<'_>, layout: Layout) {
    if dossier.credentials.is_empty() {
        return;
    }
    heading(text, "Credentials");
    let columns = ["KIND", "ID", "ACTIVE", "CREATED", "ROTATED", "LAST USED"].map(|title| (title, Side::Left));
    let mut grid = Grid::new(layout, &columns).indented();
    let time = |at: Option<i64>| at.map_or_else(|| "unknown".to_owned(), format_time);
    for row in &dossier.credentials {
        let active = row.active.map_or("unknown", |active| if active { "yes" } else { "no" });
        let used = if row.never_used == Some(true) { "never".to_owned() } else { time(row.last_used_at) };
        grid.row([
            row.kind.as_str().into(),
            row.credential.as_str().into(),
            active.into(),
            time(row.created_at).into(),
            time(row.last_rotated_at).into(),
            used.into(),
        ]);
    }
    *text += &grid.text();
}

fn findings(text: &mut String, dossier: &Dossier<'_>, layout: Layout) {
    heading(text, "Findings");
    if dossier.findings.is_empty() {
        text.push_str("  none\n");
        return;
    }
    let mut grid =
        Grid::new(layout, &["SEVERITY", "RULE", "FINDING", "STATE"].map(|title| (title, Side::Left))).indented();
    for row in &dossier.findings {
        let severity = Cell::toned(row.severity.as_str(), row.severity.into());
        grid.row([severity, row.rule.as_str().into(), row.title.as_str().into(), row.state.as_str().into()]);
    }
    *text += &grid.text();
}

fn paths(text: &mut String, snapshot: &Snapshot, dossier: &Dossier<'_>) {
    heading(text, "Paths to the protected zone");
    if dossier.about.protected {
        text.push_str("  it is inside\n");
    } else if dossier.paths.is_empty() {
        text.push_str("  none\n");
    }
    let names = if dossier.paths.is_empty() { None } else { Some(TechniqueNames::load()) };
    for path in &dossier.paths {
        let told = names.as_ref().map(|names| steps::sentences(snapshot, names, path)).unwrap_or_default();
        for line in told.lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
}

fn score(text: &mut String, score: Option<&Score>, layout: Layout) {
    heading(text, "Score");
    let Some(score) = score else {
        text.push_str("  none: this is no principal that is scored\n");
        return;
    };
    let (left, right) = (Side::Left, Side::Right);
    let columns = [
        ("RISK", right),
        ("LOW–HIGH", left),
        ("EXCESS", right),
        ("ORPHAN", right),
        ("ESCALATION", right),
        ("CREDENTIAL", right),
    ];
    let mut grid = Grid::new(layout, &columns).indented();
    grid.row([
        Cell::toned(format!("{:.1}", score.risk), tone(score.risk)),
        format!("{:.1}–{:.1}", score.risk_low, score.risk_high).into(),
        whole(score.excess),
        whole(score.orphan),
        whole(score.escalation),
        whole(score.credential),
    ]);
    *text += &grid.text();
    for reason in reasons(score) {
        let _ = writeln!(text, "  - {}", plain(reason));
    }
    arithmetic(text, score, layout);
}

/// The headline score of a component, 0 to 100.
fn component(score: &Score, name: &str) -> Option<f64> {
    match name {
        "escalation" => score.escalation,
        "excess" => score.excess,
        "credential" => score.credential,
        "orphan" => score.orphan,
        _ => None,
    }
}

/// Prints the factors and the product, so that the sum can be done again with a pocket calculator.
fn arithmetic(text: &mut String, score: &Score, layout: Layout) {
    let factors = factors(score);
    if factors.is_empty() {
        return;
    }
    let (left, right) = (Side::Left, Side::Right);
    let columns =
        [("COMPONENT", left), ("x", right), ("WEIGHT a", right), ("1 − a·x", right), ("SHARE −ln(1 − a·x)", right)];
    let mut grid = Grid::new(layout, &columns).indented();
    let mut product_text = String::new();
    for (at, factor) in factors.iter().enumerate() {
        let shown = format!("{:.4}", factor.left);
        product_text += if at > 0 { " · " } else { "" };
        product_text += &shown;
        // The weight follows from the share and the value, as long as there is a value.
        let x = component(score, &factor.component).map(|score| score / 100.0);
        let weight = x.filter(|&x| x > 0.0).map(|x| (1.0 - factor.left) / x);
        let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
        let cells = [factor.component.clone(), number(x), number(weight), shown, format!("{:.4}", factor.share)];
        grid.row(cells.map(Cell::from));
    }
    let sum: f64 = factors.iter().map(|factor| factor.share).sum();
    let _ = write!(text, "\n{}", grid.text());
    let risk = product(&factors);
    let _ = writeln!(text, "  risk = 100 · (1 − {product_text}) = {risk:.1}   (shares add up to {sum:.4})");
    let (low, high) = (score.risk_low, score.risk_high);
    let _ = writeln!(text, "  in [{low:.1}, {high:.1}]: what is unknown or conditional at its best and at its worst");
}

#[cfg(test)]
mod tests {
    use super::super::dossier::gather;
    use super::*;
    use crate::cli::commands::steps::tests::example;
    use crate::model::EntityId;

    #[test]
    fn the_page_says_who_why_and_how_the_risk_comes_about() {
        let (snapshot, path) = example();
        let mut dossier = gather(&snapshot, EntityId(3), 0);
        dossier.paths = vec![path];
        let text = told(&snapshot, &dossier, Layout::default(), false);
        for part in [
            "aws role of 111122223333, non-human identity",
            "last use unknown",
            "identity  inline  itself",
            "escalation-path",
            "  2 steps to 111122223333, conditional",
            "risk = 100 · (1 − 0.0875) = 91.2   (shares add up to 2.4361)",
        ] {
            assert!(text.contains(part), "{part} is missing from\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}
