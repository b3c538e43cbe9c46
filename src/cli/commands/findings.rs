//! `findings`: what should not be so.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::json;

use super::{Listing, put_out, rest, selected};
use crate::cli::args::{RowForm, SnapshotArgs, Who};
use crate::cli::engine::{self, Need, Snapshot};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::resolve;
use crate::cli::terminal::Terminal;
use crate::model::text::{format_time, glob_ignore_case};
use crate::model::{EntityId, Finding, FindingState, Severity};
use crate::reports::grid::{Cell, Grid, Side};
use crate::reports::{self, Layout, View, json as document, rows};

const EXAMPLES: &str = "\
Examples:
  overgrant findings                                what is there now, most urgent first
  overgrant findings --severity high --kind nhi     high and critical ones of machines
  overgrant findings --rule 'orphan*' --format csv --output orphans.csv
  overgrant findings --no-excepted                  those that nobody has accepted
  overgrant findings --principal ci-deploy --format json";

/// Flags of `findings`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    from: SnapshotArgs,
    /// At least this urgent
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    severity: Option<Severity>,
    /// Of this rule; `*` and `?` are wildcards; several are allowed
    #[arg(long, value_name = "ID")]
    rule: Vec<String>,
    /// About this principal, or one in which it takes part or is affected with others
    #[arg(long, value_name = "PRINCIPAL")]
    principal: Option<String>,
    /// About principals of this platform
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
    /// About human beings or machines
    #[arg(long, value_enum)]
    kind: Option<Who>,
    /// In this state against the snapshot before [default: all but absent]
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<FindingState>,
    /// Only those that an exception covers
    #[arg(long, conflicts_with = "no_excepted")]
    excepted: bool,
    /// Only those that no exception covers
    #[arg(long)]
    no_excepted: bool,
    /// Order of the rows
    #[arg(long, value_enum, default_value = "severity")]
    sort: Sort,
    /// Rows at most, 0 for all [default: 50 in a table, all elsewhere]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: RowForm,
    /// Write to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// Most urgent first
    Severity,
    /// By rule
    Rule,
    /// By entity
    Entity,
    /// Oldest first
    FirstSeen,
}

pub(super) fn severity(text: &str) -> Result<Severity, String> {
    let known: Vec<&str> = Severity::ALL.iter().map(|severity| severity.as_str()).collect();
    Severity::parse(text).ok_or_else(|| format!("one of {}", known.join(", ")))
}

fn state(text: &str) -> Result<FindingState, String> {
    let known: Vec<&str> = FindingState::ALL.iter().map(|state| state.as_str()).collect();
    FindingState::parse(text).ok_or_else(|| format!("one of {}", known.join(", ")))
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let snapshot = engine::load(&args.from, Need::Findings)?;
    let rows = select(args, &snapshot)?;
    let first =
        rows.iter().find_map(|row| snapshot.tables.entities.get(row.entity.index()).filter(|one| one.is_principal()));
    let first = first.map(|entity| entity.id.clone());
    let listing = Listing { limit: args.limit, form: args.format, output: args.output.as_ref() };
    let exit = put_out(listing, rows, terminal, |rows, all, layout| render(args.format, &snapshot, rows, all, layout))?;
    if let Some(id) = first.filter(|_| args.format == RowForm::Table) {
        terminal.next(&args.from, &[&["explain", &id], &["report", "html", "-o", "report.html"]]);
    }
    Ok(exit)
}

/// The findings that pass every filter, in the order asked for.
fn select<'a>(args: &Args, snapshot: &'a Snapshot) -> Result<Vec<&'a Finding>, Failure> {
    let view = snapshot.view();
    let about: Option<EntityId> = match &args.principal {
        Some(text) => Some(resolve::principal(&snapshot.tables, text)?),
        None => None,
    };
    let mut rows: Vec<&Finding> = snapshot.results.findings.iter().collect();
    rows.retain(|row| {
        args.state.map_or(row.state != FindingState::Absent, |state| row.state == state)
            && args.severity.is_none_or(|least| row.severity <= least)
            && (args.rule.is_empty() || args.rule.iter().any(|rule| glob_ignore_case(rule, &row.rule)))
            && about.is_none_or(|about| row.entity == about || row.subjects.contains(&about.0))
            && (!args.excepted || row.exception.is_some())
            && (!args.no_excepted || row.exception.is_none())
            && concerns(&view, row, args)
    });
    rows.sort_by(|a, b| {
        let first = match args.sort {
            Sort::Severity => a.severity.cmp(&b.severity),
            Sort::Rule => a.rule.cmp(&b.rule),
            Sort::Entity => a.entity.cmp(&b.entity),
            Sort::FirstSeen => a.first_seen.cmp(&b.first_seen),
        };
        let rest = |row: &Finding| (row.severity, row.entity);
        first
            .then_with(|| rest(a).cmp(&rest(b)))
            .then_with(|| (&a.rule, &a.fingerprint).cmp(&(&b.rule, &b.fingerprint)))
    });
    Ok(rows)
}

/// Whether a finding is about whom `--platform` and `--kind` say: its entity, or one of those that its cause affects.
fn concerns(view: &View<'_>, row: &Finding, args: &Args) -> bool {
    let is = |id: EntityId| selected(view.entity(id), args.platform.as_deref(), args.kind);
    is(row.entity) || (row.affected_n > 1 && row.subjects.iter().any(|&one| is(EntityId(one))))
}

fn render(
    form: RowForm,
    snapshot: &Snapshot,
    rows: &[&Finding],
    all: usize,
    layout: Layout,
) -> Result<Vec<u8>, Failure> {
    let view = snapshot.view();
    let values = || rows.iter().map(|row| rows::finding(&view, row));
    Ok(match form {
        RowForm::Json => {
            let findings: Vec<_> = values().collect();
            let value = json!({"format": document::FORMAT, "snapshot": snapshot.id, "findings": findings});
            document::text(&value).into_bytes()
        }
        RowForm::Jsonl => values().map(|value| document::line(&value)).collect::<String>().into_bytes(),
        RowForm::Csv => {
            let mut bytes = Vec::new();
            reports::findings_csv(&view, rows, &mut bytes)?;
            bytes
        }
        RowForm::Table | RowForm::Parquet => table(snapshot, rows, all, layout).into_bytes(),
    })
}

fn table(snapshot: &Snapshot, rows: &[&Finding], all: usize, layout: Layout) -> String {
    if rows.is_empty() {
        return "No findings.\n".to_owned();
    }
    let view = snapshot.view();
    // A column of blanks would only make the others narrower.
    let excepted = rows.iter().any(|row| row.exception.is_some());
    let mut columns: Vec<(&str, Side)> =
        ["SEVERITY", "RULE", "ENTITY", "FINDING", "SINCE", "STATE"].map(|title| (title, Side::Left)).to_vec();
    columns.extend(excepted.then_some(("EXCEPTION", Side::Left)));
    let mut grid = Grid::new(layout, &columns);
    for row in rows {
        let since = format_time(row.first_seen);
        let [severity, rule, entity, finding, since, state]: [Cell; 6] = [
            Cell::toned(row.severity.as_str(), row.severity.into()),
            row.rule.as_str().into(),
            view.entity(row.entity).map_or("", |entity| entity.name.as_str()).into(),
            row.title.as_str().into(),
            since.get(..10).unwrap_or(&since).into(),
            row.state.as_str().into(),
        ];
        if excepted {
            let exception = row.exception.as_deref().unwrap_or_default().into();
            grid.row([severity, rule, entity, finding, since, state, exception]);
        } else {
            grid.row([severity, rule, entity, finding, since, state]);
        }
    }
    grid.text() + &rest(rows.len(), all)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::reports::tests::Fixture;

    #[derive(Debug, Parser)]
    struct Wrapped {
        #[command(flatten)]
        args: Args,
    }

    fn snapshot() -> Snapshot {
        let fixture = Fixture::default();
        let mut low = fixture.results.findings[0].clone();
        low.severity = Severity::Low;
        low.rule = "stale".to_owned();
        low.entity = EntityId(4);
        low.exception = Some("accepted-1".to_owned());
        let mut group = fixture.results.findings[0].clone();
        (group.rule, group.entity, group.severity) = ("shared".to_owned(), EntityId(2), Severity::Medium);
        (group.subjects, group.affected_n) = (vec![3, 4], 2);
        let mut snapshot = Snapshot { tables: fixture.tables, results: fixture.results, ..Snapshot::default() };
        snapshot.results.findings.insert(0, low);
        snapshot.results.findings.push(group);
        snapshot
    }

    fn rules(flags: &[&str]) -> Vec<String> {
        let args = Wrapped::try_parse_from(std::iter::once(&"findings").chain(flags)).expect("flags").args;
        let snapshot = snapshot();
        let rows = select(&args, &snapshot).expect("selects");
        rows.iter().map(|row| row.rule.clone()).collect()
    }

    #[test]
    fn filters_select_and_the_most_urgent_comes_first() {
        assert_eq!(rules(&[]), ["escalation-path", "shared", "stale"]);
        assert_eq!(rules(&["--severity", "high"]), ["escalation-path"]);
        assert_eq!(rules(&["--kind", "human"]), ["shared", "stale"]);
        assert_eq!(rules(&["--rule", "ESC*"]), ["escalation-path"]);
        assert_eq!(rules(&["--principal", "alice"]), ["shared", "stale"]);
        assert_eq!(rules(&["--platform", "gcp"]), [""; 0]);
        assert_eq!(rules(&["--state", "absent"]), [""; 0]);
        assert_eq!(rules(&["--excepted"]), ["stale"]);
        assert_eq!(rules(&["--no-excepted"]), ["escalation-path", "shared"]);
        assert_eq!(rules(&["--sort", "rule"]), ["escalation-path", "shared", "stale"]);
        assert_eq!(rules(&["--sort", "entity"]), ["shared", "escalation-path", "stale"]);
    }

    #[test]
    fn a_table_that_is_cut_says_so() {
        let snapshot = snapshot();
        let rows = vec![&snapshot.results.findings[0]];
        let text = table(&snapshot, &rows, 2, Layout::default());
        assert!(text.ends_with("… 1 more of 2 (--limit 0 shows all)\n"), "{text}");
        assert!(text.contains("2023-11-14"), "{text}");
        assert!(text.contains("EXCEPTION") && text.contains("accepted-1"), "{text}");
        let text = table(&snapshot, &[&snapshot.results.findings[1]], 1, Layout::default());
        assert!(!text.contains("EXCEPTION"), "{text}");
    }
}
