//! What a scan came to, for a person at a terminal of 80 columns and 40 lines: what was read, who reaches
//! administration, what is wrong, who comes first, what is missing, and what to ask next.

use std::fmt::Write as _;

use super::escape::{columns, fitting, plain, quoted};
use super::grid::{Cell, Grid, Side, Tone, toned};
use super::rows::{reasons, who};
use super::summary::{Counts, by_severity, by_status, excepted};
use super::{Exposed, Layout, View};
use crate::model::{Entity, EntityKind, ExceptionStatus, FindingState, Score, Severity};

/// Width where no terminal says otherwise.
const WIDTH_DEFAULT: usize = 80;
/// Principals shown.
const TOP_N: usize = 10;
/// Columns that a reason has at least.
const WHY_N: usize = 24;
/// Characters of a principal's name shown.
const NAME_N: usize = 20;
/// Characters of a name that a line to paste may have.
const PASTED_N: usize = 200;
/// Lines of data-quality notes shown.
const NOTES_N: usize = 5;

/// The text; `stored_in` is the store's folder as the user would name it again.
#[must_use]
pub fn text(view: &View<'_>, layout: Layout, stored_in: &str) -> String {
    let width = layout.width.map_or(WIDTH_DEFAULT, usize::from).clamp(60, 120);
    let mut text = String::new();
    let mut counts = String::new();
    read(&mut counts, view);
    exposed(&mut counts, view);
    counts.lines().for_each(|line| wrapped(&mut text, line, width));
    found(&mut text, view, layout);
    top(&mut text, view, layout, width);
    quality(&mut text, view, width);
    let _ = writeln!(text, "\nStored as {} in {}", plain(view.snapshot), plain(stored_in));
    next(&mut text, view);
    text
}

/// Adds a line, broken at blanks where it is longer than the terminal is wide.
fn wrapped(text: &mut String, line: &str, width: usize) {
    let mut at = 0;
    for (number, word) in line.split(' ').enumerate() {
        let size = columns(word);
        if number > 0 && at + 1 + size > width {
            text.push_str("\n  ");
            at = 2;
        } else if number > 0 {
            text.push(' ');
            at += 1;
        }
        text.push_str(word);
        at += size;
    }
    text.push('\n');
}

/// A number with its noun, in the plural where it needs one.
fn counted(n: usize, noun: &str) -> String {
    match (n, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{} {stem}ies", grouped(n)),
        _ => format!("{} {noun}s", grouped(n)),
    }
}

/// A number with blanks between its thousands.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn read(text: &mut String, view: &View<'_>) {
    let counts = Counts::of(view.tables, view.results.edges.len());
    let skipped: u64 = view.sources.iter().map(|source| source.skipped).sum();
    let _ = writeln!(
        text,
        "Read {}: {}, {}, {}, {}, {}; {} skipped",
        counted(view.sources.len(), "file"),
        counted(counts.accounts, "account"),
        counted(counts.users, "user"),
        counted(counts.roles, "role"),
        counted(counts.groups, "group"),
        counted(counts.policies, "policy"),
        counted(usize::try_from(skipped).unwrap_or(usize::MAX), "record"),
    );
    let other = counts.principals.saturating_sub(counts.users + counts.roles + counts.roots);
    let mut others = if other > 0 { format!(", {} of them of other kinds", grouped(other)) } else { String::new() };
    if counts.roots > 0 {
        others = format!(" with {}{others}", counted(counts.roots, "account root"));
    }
    let _ = writeln!(
        text,
        "{}{others}: {} non-human, {} human",
        counted(counts.principals, "principal"),
        grouped(counts.nhis),
        grouped(counts.humans)
    );
}

fn exposed(text: &mut String, view: &View<'_>) {
    let protected = view.tables.entities.iter().filter(|entity| entity.protected && entity.present);
    let (inside, zone) = (protected.filter(|entity| entity.is_principal()).count(), view.exposure.zone);
    let _ = writeln!(
        text,
        "\nAdministration: {} in the protected zone, and of the {} outside it",
        counted(inside, "principal"),
        grouped(usize::try_from(zone.principals).unwrap_or(usize::MAX)),
    );
    let _ = writeln!(text, "  {} can reach it for certain, {} possibly", share(zone, false), share(zone, true));
}

/// `12 (9.8 %)`.
fn share(exposed: Exposed, possible: bool) -> String {
    let (n, pct) =
        if possible { (exposed.possible, exposed.possible_pct()) } else { (exposed.certain, exposed.certain_pct()) };
    let n = grouped(usize::try_from(n).unwrap_or(usize::MAX));
    pct.map_or_else(|| n.clone(), |pct| format!("{n} ({pct:.1} %)"))
}

fn found(text: &mut String, view: &View<'_>, layout: Layout) {
    let said = |(severity, n): &(Severity, usize)| {
        let tone = if *n > 0 { Tone::from(*severity) } else { Tone::Faint };
        toned(&format!("{} {severity}", grouped(*n)), tone, layout)
    };
    let counts: Vec<String> = by_severity(view).iter().map(said).collect();
    let new = view.findings().iter().filter(|finding| finding.state == FindingState::New).count();
    let _ = write!(text, "\nFindings: {}; {} new", counts.join(", "), grouped(new));
    match excepted(view) {
        0 => text.push('\n'),
        n => {
            let _ = writeln!(text, "; {} under an exception", grouped(n));
        }
    }
    exceptions(text, view);
}

/// Nothing where there are no exceptions.
fn exceptions(text: &mut String, view: &View<'_>) {
    let total = view.tables.exceptions.len();
    if total == 0 {
        return;
    }
    let worth = |status: ExceptionStatus| match status {
        ExceptionStatus::Active => "in force",
        ExceptionStatus::Expired => "expired",
        ExceptionStatus::Invalid => "not valid",
        ExceptionStatus::Unmatched => "matching nothing",
    };
    let parts: Vec<String> = (by_status(view).into_iter().filter(|(_, n)| *n > 0))
        .map(|(status, n)| format!("{} {}", grouped(n), worth(status)))
        .collect();
    let _ = writeln!(text, "Exceptions: {}", parts.join(", "));
}

/// Principals by falling risk. Members of the protected zone are left out while there are others: that they are
/// administrators is said already, and what to do about anything is said of the others.
fn riskiest<'a>(view: &View<'a>) -> Vec<&'a Score> {
    let all = view.scores();
    let inside = |score: &Score| view.entity(score.entity).is_some_and(|entity| entity.protected);
    let outside: Vec<&Score> = all.iter().copied().filter(|score| !inside(score)).collect();
    if outside.is_empty() { all } else { outside }
}

fn top(text: &mut String, view: &View<'_>, layout: Layout, width: usize) {
    let scores = riskiest(view);
    if scores.is_empty() {
        return;
    }
    let titles = [
        ("RISK", Side::Right),
        ("LOW–HIGH", Side::Left),
        ("HOPS", Side::Right),
        ("PRINCIPAL", Side::Left),
        ("KIND", Side::Left),
        ("MAIN REASON", Side::Left),
    ];
    let rows: Vec<(&Score, String, &str)> = scores
        .iter()
        .take(TOP_N)
        .map(|score| {
            let entity = view.entity(score.entity);
            let name = plain(entity.map_or("", |entity| &entity.name)).into_owned();
            (*score, fitting(&name, NAME_N).into_owned(), entity.map_or("", who))
        })
        .collect();
    let name_n = column_n("PRINCIPAL", rows.iter().map(|row| row.1.as_str()));
    let kind_n = column_n("KIND", rows.iter().map(|row| row.2));
    // Risk (`100.0`) and range (`100–100` under `LOW–HIGH`) with their gaps take the rest of the line. Where that leaves
    // no room for a reason, hops and kinds go: the reason says the first, and `explain` the second.
    let left = width.saturating_sub(7 + 10 + name_n);
    let (narrow, why_n) = match left.checked_sub(6 + kind_n) {
        Some(why_n) if why_n >= WHY_N => (false, why_n),
        _ => (true, left),
    };
    let kept = |at: &usize| !narrow || !matches!(at, 2 | 4);
    let titles: Vec<(&str, Side)> =
        titles.iter().enumerate().filter(|(at, _)| kept(at)).map(|(_, title)| *title).collect();
    // Cells are cut to size here, so that every principal stays on one line.
    let mut grid = Grid::new(Layout { width: None, ..layout }, &titles);
    for (score, name, kind) in rows {
        // The zone is protected whatever the column is wide.
        let why = reasons(score).first().copied().unwrap_or("").replace("the protected zone", "the zone");
        let cells: [Cell; 6] = [
            Cell::toned(format!("{:.1}", score.risk), tone(score.risk)),
            format!("{:.0}–{:.0}", score.risk_low, score.risk_high).into(),
            hops(score).into(),
            name.into(),
            kind.into(),
            fitting(&plain(&why), why_n).into_owned().into(),
        ];
        let cells = cells.into_iter().enumerate().filter(|(at, _)| kept(at)).map(|(_, cell)| cell);
        grid.add(cells);
    }
    let _ = write!(text, "\n{}", grid.text());
}

/// Width of a column with its gap.
fn column_n<'a>(title: &'a str, texts: impl Iterator<Item = &'a str>) -> usize {
    texts.chain([title]).map(columns).max().unwrap_or(0) + 2
}

/// Steps to the protected zone, `–` where there is no way.
#[must_use]
pub fn hops(score: &Score) -> String {
    score.hops_to_protected.map_or_else(|| "–".to_owned(), |hops| hops.to_string())
}

/// The colour of a score from 0 to 100.
#[must_use]
pub fn tone(score: f64) -> Tone {
    match score {
        score if score >= 75.0 => Tone::Alarm,
        score if score >= 50.0 => Tone::Warn,
        score if score >= 20.0 => Tone::Plain,
        _ => Tone::Faint,
    }
}

fn quality(text: &mut String, view: &View<'_>, width: usize) {
    let mut notes: Vec<String> = view.incomplete.iter().map(|note| format!("incomplete: {note}")).collect();
    for part in view.coverage.iter().filter(|part| part.known < part.of) {
        notes.push(format!("{}: known for {} of {}", part.name, part.known, part.of));
    }
    if notes.is_empty() {
        text.push_str("\nData quality: nothing skipped, nothing known to be missing\n");
        return;
    }
    text.push_str("\nData quality:\n");
    for note in notes.iter().take(NOTES_N) {
        let _ = writeln!(text, "  {}", fitting(&plain(note), width.saturating_sub(2)));
    }
    if notes.len() > NOTES_N {
        let _ = writeln!(text, "  … and {} more (--format json lists all)", notes.len() - NOTES_N);
    }
}

fn next(text: &mut String, view: &View<'_>) {
    let first = riskiest(view).first().and_then(|score| view.entity(score.entity));
    let urgent = by_severity(view).iter().any(|(severity, n)| *severity <= Severity::High && *n > 0);
    // What is longer than a line cannot be pasted by anybody.
    let named = first.map(|entity| called(view, entity)).filter(|name| name.chars().count() <= PASTED_N);
    if let Some(name) = named.map(quoted) {
        let _ = writeln!(text, "\nNext: overgrant explain {name}");
        let _ = writeln!(text, "      overgrant paths {name}");
    } else {
        text.push_str("\nNext: overgrant snapshots show\n");
    }
    if urgent {
        text.push_str("      overgrant findings --severity high\n");
    }
    text.push_str("      overgrant report html -o report.html\n");
}

/// The shortest text that names only this principal: its name, or else its full id.
fn called<'a>(view: &View<'a>, entity: &'a Entity) -> &'a str {
    let alike = |other: &&Entity| {
        let acts = other.is_principal() || (other.present && other.kind == EntityKind::Group);
        let end = other.id.strip_suffix(entity.name.as_str()).is_some_and(|rest| rest.ends_with(['/', ':']));
        acts && (other.name == entity.name || end)
    };
    // A name that begins like a flag would be one.
    let alone = view.tables.entities.iter().filter(alike).nth(1).is_none() && !entity.name.starts_with('-');
    if alone { &entity.name } else { &entity.id }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Fixture;
    use super::*;

    #[test]
    fn the_summary_fits_a_terminal_of_80_by_40_and_carries_no_terminal_codes() {
        let fixture = Fixture::default();
        let text = text(&fixture.view(), Layout::default(), "./overgrant-store");
        assert!(text.lines().count() <= 40, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(!text.contains('\u{1b}'));
        assert!(
            text.contains("Read 1 file: 1 account, 2 users, 1 role, 1 group, 1 policy; 1 record skipped"),
            "{text}"
        );
        assert!(text.contains("2 (66.7 %) can reach it for certain, 3 (100.0 %) possibly"), "{text}");
        assert!(text.contains("Findings: 1 critical, 0 high, 0 medium, 0 low; 1 new"), "{text}");
    }

    #[test]
    fn on_a_narrow_terminal_a_reason_has_room_and_no_line_is_longer() {
        let fixture = Fixture::default();
        let text = text(&fixture.view(), Layout { width: Some(60), colour: false }, "./overgrant-store");
        assert!(text.lines().all(|line| columns(line) <= 60), "{text}");
        assert!(text.contains("MAIN REASON") && !text.contains("HOPS"), "{text}");
        assert!(text.contains("one step from administration"), "{text}");
        let mut lines = String::new();
        wrapped(&mut lines, "one two three", 7);
        assert_eq!(lines, "one two\n  three\n");
    }

    #[test]
    fn the_next_command_can_be_pasted_and_names_one_principal() {
        let mut fixture = Fixture::default();
        assert_eq!(called(&fixture.view(), &fixture.tables.entities[3]), "deploy");
        fixture.tables.entities[4].name = "deploy".to_owned();
        assert_eq!(called(&fixture.view(), &fixture.tables.entities[3]), "arn:aws:iam::111122223333:role/ci/deploy");
        assert_eq!(quoted("a b'; rm -rf /"), "'a b'\\''; rm -rf /'");
        assert_eq!(quoted("role/a@b"), "role/a@b");
    }

    #[test]
    fn numbers_are_grouped_and_nouns_agree() {
        assert_eq!(counted(1, "policy"), "1 policy");
        assert_eq!(counted(1_234_567, "policy"), "1 234 567 policies");
        assert_eq!(counted(0, "role"), "0 roles");
    }
}
