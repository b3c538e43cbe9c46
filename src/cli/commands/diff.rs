//! `diff`: what differs between two snapshots.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::figures::{change, figure};
use super::to;
use crate::cli::args::{Form, SnapshotArgs, StoreArgs};
use crate::cli::engine::history::{self, Changed, Changes, Diff, Field, FindingRow, ScoreRow};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::metrics::ALL;
use crate::model::text::format_time;
use crate::reports::grid::{Cell, Grid, Side, Tone};
use crate::reports::{Layout, json as document};
use crate::store::Manifest;

const EXAMPLES: &str = "\
Examples:
  overgrant diff baseline                       from the baseline to the newest snapshot
  overgrant diff 2026-11-15 2026-11-22          between two, by id, the beginning of one, or tag
  overgrant diff baseline --limit 0 --format json --output diff.json

Statements are compared by what they say: another place in the policy is no difference. Times of last use are not \
compared.";

/// Rows that a list shows unless more are asked for.
const ROWS_DEFAULT: usize = 10;

/// Flags of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Snapshot before, by id or tag
    #[arg(value_name = "A")]
    a: String,
    /// Snapshot after, by id or tag [default: the newest]
    #[arg(value_name = "B")]
    b: Option<String>,
    /// Rows of each list at most, 0 for all [default: 10 in a table, all elsewhere]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
    /// Write to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let at = |name: Option<String>| SnapshotArgs { store: args.store.clone(), snapshot: name };
    let (a, manifest_a) = history::comparable(&at(Some(args.a.clone())))?;
    let (b, manifest_b) = history::comparable(&at(args.b.clone()))?;
    let found = history::diff(&a, &b);
    let shown = Shown { a: &manifest_a, b: &manifest_b, found: &found, limit: limit(args) };
    let text = match args.format {
        Form::Json => document::text(&shown.document()),
        Form::Table => shown.text(terminal.layout()),
    };
    terminal.data_to(to(args.output.as_ref()), text.as_bytes())?;
    Ok(Exit::Done)
}

fn limit(args: &Args) -> usize {
    match (args.limit, args.format) {
        (Some(0), _) | (None, Form::Json) => usize::MAX,
        (Some(n), _) => n,
        (None, Form::Table) => ROWS_DEFAULT,
    }
}

/// Differences and how many of them to show.
struct Shown<'d> {
    a: &'d Manifest,
    b: &'d Manifest,
    found: &'d Diff<'d>,
    limit: usize,
}

/// One list of differences for a person.
struct Section {
    title: &'static str,
    rows: Vec<Line>,
}

/// Sign (`+`, `-`, `~`), what it is about, and what is to say of it.
type Line = (&'static str, String, String, Tone);

impl Shown<'_> {
    /// Reasons why a difference may come from the scans and not from what was scanned.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.a.as_of > self.b.as_of {
            notes.push("the first snapshot is the later one".to_owned());
        }
        if self.a.config_digest != self.b.config_digest {
            notes.push("the configurations differ: findings, scores and metrics may for that reason alone".to_owned());
        }
        if self.a.engine_version != self.b.engine_version {
            let (a, b) = (&self.a.engine_version, &self.b.engine_version);
            notes.push(format!("the scans were made by different versions, {a} and {b}"));
        }
        for (which, manifest) in [("first", self.a), ("second", self.b)] {
            if !manifest.incomplete.is_empty() {
                notes.push(format!("the {which} scan is incomplete: {}", manifest.incomplete.join("; ")));
            }
        }
        notes
    }

    fn counts(&self) -> Vec<(&'static str, [usize; 3])> {
        let found = self.found;
        vec![
            ("entities", counted(&found.entities)),
            ("memberships", counted(&found.memberships)),
            ("attachments", counted(&found.attachments)),
            ("grants", counted(&found.grants)),
            ("credentials", counted(&found.credentials)),
            ("findings", [found.findings_added.len(), found.findings_removed.len(), found.findings_changed.len()]),
            ("scores", [0, 0, found.scores.len()]),
            ("metrics", [0, 0, found.metrics.len()]),
        ]
    }

    fn list<T: Serialize>(&self, rows: &[T]) -> Value {
        json!(&rows[..rows.len().min(self.limit)])
    }

    fn document(&self) -> Value {
        let found = self.found;
        let (mut added, mut removed, mut changed) = (Map::new(), Map::new(), Map::new());
        macro_rules! tables {
            ($($table:ident),+) => { $(
                added.insert(stringify!($table).to_owned(), self.list(&found.$table.added));
                removed.insert(stringify!($table).to_owned(), self.list(&found.$table.removed));
                changed.insert(stringify!($table).to_owned(), self.list(&found.$table.changed));
            )+ };
        }
        tables!(entities, memberships, attachments, grants, credentials);
        added.insert("findings".to_owned(), self.list(&found.findings_added));
        removed.insert("findings".to_owned(), self.list(&found.findings_removed));
        changed.insert("findings".to_owned(), self.list(&found.findings_changed));
        changed.insert("scores".to_owned(), self.list(&found.scores));
        changed.insert("metrics".to_owned(), self.list(&found.metrics));
        let counts: Map<String, Value> = (self.counts().into_iter())
            .map(|(name, [a, r, c])| (name.to_owned(), json!({"added": a, "removed": r, "changed": c})))
            .collect();
        let of = |manifest: &Manifest| json!({"snapshot": manifest.snapshot, "as_of": format_time(manifest.as_of)});
        json!({
            "format": document::FORMAT,
            "a": of(self.a),
            "b": of(self.b),
            "notes": self.notes(),
            "counts": counts,
            "added": added,
            "removed": removed,
            "changed": changed,
        })
    }

    fn text(&self, layout: Layout) -> String {
        let (left, right) = (Side::Left, Side::Right);
        let mut text = format!("From {} to {}\n", self.a.snapshot, self.b.snapshot);
        for note in self.notes() {
            text += &format!("note: {}\n", crate::reports::escape::plain(&note));
        }
        let mut grid = Grid::new(layout, &[("", left), ("ADDED", right), ("REMOVED", right), ("CHANGED", right)]);
        for (name, [added, removed, changed]) in self.counts() {
            grid.row([name.into(), added.to_string().into(), removed.to_string().into(), changed.to_string().into()]);
        }
        text.push('\n');
        text += &grid.text();
        for section in self.sections().iter().filter(|section| !section.rows.is_empty()) {
            text += &format!("\n{} ({})\n", section.title, section.rows.len());
            let mut grid = Grid::new(layout, &[("", left), ("", left), ("", left)]).indented();
            for (sign, what, detail, tone) in section.rows.iter().take(self.limit) {
                grid.row([Cell::toned(*sign, *tone), what.as_str().into(), detail.as_str().into()]);
            }
            // The header has no titles: its blank line is left out.
            text += grid.text().split_once('\n').map_or("", |(_, rows)| rows);
            text += &super::rest(self.limit.min(section.rows.len()), section.rows.len());
        }
        text
    }

    /// Most urgent first: findings, then numbers, then what they come from.
    fn sections(&self) -> Vec<Section> {
        let found = self.found;
        vec![
            Section { title: "Findings", rows: findings(found) },
            Section { title: "Metrics of the whole organisation", rows: metrics(found) },
            Section { title: "Scores", rows: scores(found) },
            Section {
                title: "Entities",
                rows: lines(&found.entities, |row| (row.id.to_owned(), row.kind.to_string())),
            },
            Section {
                title: "Statements",
                rows: lines(&found.grants, |row| {
                    let actions = if row.actions.is_empty() { &row.not_actions } else { &row.actions };
                    let not = if row.actions.is_empty() { "all but " } else { "" };
                    let what = format!("{} · {} · {}", row.holder, row.policy, row.statement);
                    (what, format!("{} {not}{}", row.effect, shorten(&actions.join(" "))))
                }),
            },
            Section {
                title: "Attachments",
                rows: lines(&found.attachments, |row| {
                    (row.holder.to_owned(), format!("{} as {}", row.policy, row.kind))
                }),
            },
            Section {
                title: "Memberships",
                rows: lines(&found.memberships, |row| {
                    (row.member.to_owned(), format!("{} {}", row.kind, row.container))
                }),
            },
            Section {
                title: "Credentials",
                rows: lines(&found.credentials, |row| {
                    (row.entity.to_owned(), format!("{} {}", row.kind, row.credential))
                }),
            },
        ]
    }
}

fn counted<R>(changes: &Changes<R>) -> [usize; 3] {
    [changes.added.len(), changes.removed.len(), changes.changed.len()]
}

/// Characters of a field that a line shows.
const FIELD_LENGTH_MAX: usize = 80;

fn shorten(text: &str) -> String {
    if text.chars().count() <= FIELD_LENGTH_MAX {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(FIELD_LENGTH_MAX).collect();
    short.push('…');
    short
}

/// Lines of one table: what came, what went, what changed and how.
fn lines<R>(changes: &Changes<R>, about: impl Fn(&R) -> (String, String)) -> Vec<Line> {
    let line = |sign, row: &R| {
        let (what, detail) = about(row);
        (sign, what, detail, Tone::Plain)
    };
    let added = changes.added.iter().map(|row| line("+", row));
    let removed = changes.removed.iter().map(|row| line("-", row));
    let changed = changes.changed.iter().map(|Changed { row, changes }| {
        let fields: Vec<String> = changes.iter().map(field).collect();
        ("~", about(row).0, fields.join(", "), Tone::Plain)
    });
    added.chain(removed).chain(changed).collect()
}

fn field(change: &Field) -> String {
    let text = |value: &Option<String>| value.as_deref().map_or_else(|| "–".to_owned(), shorten);
    format!("{}: {} → {}", change.field, text(&change.before), text(&change.after))
}

fn findings(found: &Diff<'_>) -> Vec<Line> {
    let line = |sign: &'static str, row: &FindingRow<'_>| {
        let what = format!("{} {} {}", row.severity, row.rule, row.entity_name);
        (sign, what, format!("{} ({})", row.title, row.state), row.severity.into())
    };
    let added = found.findings_added.iter().map(|row| line("+", row));
    let removed = found.findings_removed.iter().map(|row| ("-", line("-", row).1, row.title.to_owned(), Tone::Faint));
    let changed = found.findings_changed.iter().map(|row| line("~", row));
    added.chain(removed).chain(changed).collect()
}

fn metrics(found: &Diff<'_>) -> Vec<Line> {
    let whole = found.metrics.iter().filter(|row| [row.platform, row.kind, row.domain] == ["all"; 3]);
    whole
        .map(|row| {
            let unit = ALL.iter().find(|about| about.id == row.metric).map_or("", |about| about.unit);
            let (before, after) = (figure(unit, row.value.before), figure(unit, row.value.after));
            let moved = |value| change(unit, Some(value));
            let ends = row.delta_low.zip(row.delta_high);
            let ends = ends.map(|(low, high)| format!(", {} to {}", moved(low), moved(high))).unwrap_or_default();
            let detail = format!("{before} → {after} ({}{ends})", change(unit, row.value.delta));
            ("~", row.metric.to_owned(), detail, Tone::Plain)
        })
        .collect()
}

fn scores(found: &Diff<'_>) -> Vec<Line> {
    let part = |name: &str, delta: &history::Delta| {
        delta
            .differs()
            .then(|| format!("{name} {} → {}", figure("points", delta.before), figure("points", delta.after)))
    };
    let line = |row: &ScoreRow<'_>| {
        let parts = [
            part("risk", &row.risk),
            part("excess", &row.excess),
            part("orphan", &row.orphan),
            part("escalation", &row.escalation),
            part("credential", &row.credential),
        ];
        let detail: Vec<String> = parts.into_iter().flatten().collect();
        ("~", row.entity.to_owned(), detail.join(", "), Tone::Plain)
    };
    found.scores.iter().map(line).collect()
}
