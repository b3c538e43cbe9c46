//! `scores`: every principal with its risk.

pub mod why;

use std::cmp::Ordering;
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
use crate::model::{EntityId, Score};
use crate::reports::grid::{Cell, Grid, Side};
use crate::reports::rows::{reasons, who};
use crate::reports::summary_text::{hops, tone};
use crate::reports::{self, Layout, json as document, rows};

const EXAMPLES: &str = "\
Examples:
  overgrant scores                              highest risk first
  overgrant scores --top 10                     the first ten, why, and what is safe to remove
  overgrant scores --kind nhi --sort orphan     machines that nobody looks after
  overgrant scores --sort blast-radius --limit 20
  overgrant scores --format parquet --output scores.parquet

A score is 0 to 100. The range after a risk is what it would be with everything unknown at its best and at \
its worst. A dash means unknown, never 0.";

/// Flags of `scores`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    from: SnapshotArgs,
    /// Only this principal
    #[arg(long, value_name = "PRINCIPAL")]
    principal: Option<String>,
    /// Principals of this platform
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
    /// Human beings or machines
    #[arg(long, value_enum)]
    kind: Option<Who>,
    /// Order of the rows
    #[arg(long, value_enum, default_value = "risk")]
    sort: Sort,
    /// Rows at most, 0 for all [default: 50 in a table, all elsewhere]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// The first N, with the main reason and what is safe to remove: short for --limit N --why
    #[arg(long, value_name = "N", conflicts_with = "limit", value_parser = clap::value_parser!(u32).range(1..))]
    top: Option<u32>,
    /// Three lines for each: risk, main reason, what is safe to remove
    #[arg(long)]
    why: bool,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: RowForm,
    /// Write to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// Highest risk first
    Risk,
    /// Most excess privilege first
    Excess,
    /// Most neglected first
    Orphan,
    /// Nearest to the protected zone first
    Escalation,
    /// Worst credential hygiene first
    Credential,
    /// Largest blast radius first
    BlastRadius,
    /// By name
    Name,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let snapshot = engine::load(&args.from, Need::Scores)?;
    let rows = select(args, &snapshot)?;
    let top = args.top.and_then(|n| usize::try_from(n).ok());
    let listing = Listing { limit: args.limit.or(top), form: args.format, output: args.output.as_ref() };
    let reasons = (args.why || args.top.is_some()) && args.format == RowForm::Table;
    let first = rows.first().map(|row| snapshot.view().id(row.entity));
    let exit = put_out(listing, rows, terminal, |rows, all, layout| {
        if reasons {
            return Ok(why::page(&snapshot, rows, all).into_bytes());
        }
        render(args.format, &snapshot, rows, all, layout)
    })?;
    if let Some(id) = first.filter(|_| args.format == RowForm::Table) {
        terminal.next(&args.from, &[&["explain", &id]]);
    }
    Ok(exit)
}

/// The scores that pass every filter, in the order asked for; what is unknown comes last.
fn select<'a>(args: &Args, snapshot: &'a Snapshot) -> Result<Vec<&'a Score>, Failure> {
    let view = snapshot.view();
    let only: Option<EntityId> = match &args.principal {
        Some(text) => Some(resolve::principal(&snapshot.tables, text)?),
        None => None,
    };
    let mut rows: Vec<&Score> = snapshot.results.scores.iter().collect();
    rows.retain(|row| {
        only.is_none_or(|only| row.entity == only)
            && selected(view.entity(row.entity), args.platform.as_deref(), args.kind)
    });
    let name = |row: &Score| view.entity(row.entity).map(|entity| entity.name.as_str());
    rows.sort_by(|a, b| {
        let first = match args.sort {
            Sort::Risk => descending(Some(a.risk), Some(b.risk)),
            Sort::Excess => descending(a.excess, b.excess),
            Sort::Orphan => descending(a.orphan, b.orphan),
            Sort::Escalation => descending(a.escalation, b.escalation),
            Sort::Credential => descending(a.credential, b.credential),
            Sort::BlastRadius => descending(Some(a.blast_radius), Some(b.blast_radius)),
            Sort::Name => name(a).cmp(&name(b)),
        };
        first.then(a.entity.cmp(&b.entity))
    });
    Ok(rows)
}

fn descending(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

fn render(form: RowForm, snapshot: &Snapshot, rows: &[&Score], all: usize, layout: Layout) -> Result<Vec<u8>, Failure> {
    let view = snapshot.view();
    let values = || rows.iter().map(|row| rows::score(&view, row));
    Ok(match form {
        RowForm::Json => {
            let scores: Vec<_> = values().collect();
            let value = json!({"format": document::FORMAT, "snapshot": snapshot.id, "scores": scores});
            document::text(&value).into_bytes()
        }
        RowForm::Jsonl => values().map(|value| document::line(&value)).collect::<String>().into_bytes(),
        RowForm::Csv => {
            let mut bytes = Vec::new();
            reports::scores_csv(&view, rows, &mut bytes)?;
            bytes
        }
        RowForm::Table | RowForm::Parquet => table(snapshot, rows, all, layout).into_bytes(),
    })
}

/// A score to a whole number, a dash for unknown.
pub fn whole(score: Option<f64>) -> Cell {
    score.map_or_else(|| "–".into(), |score| Cell::toned(format!("{score:.0}"), tone(score)))
}

/// Columns of a terminal from which a table of scores has all of its own.
const WIDE: u16 = 100;

fn table(snapshot: &Snapshot, rows: &[&Score], all: usize, layout: Layout) -> String {
    if rows.is_empty() {
        return "No scores.\n".to_owned();
    }
    let view = snapshot.view();
    let (left, right) = (Side::Left, Side::Right);
    let columns = [
        ("RISK", right),
        ("LOW–HIGH", left),
        ("EXC", right),
        ("ORPH", right),
        ("ESC", right),
        ("CRED", right),
        ("HOPS", right),
        ("BLAST", right),
        ("PRINCIPAL", left),
        ("KIND", left),
        ("MAIN REASON", left),
    ];
    // Where there is no room for all, names and reasons go before what the risk is made of, which `--why` tells.
    let narrow = layout.width.is_some_and(|width| width < WIDE);
    let kept = |at: &usize| !narrow || !matches!(at, 2..=5 | 7);
    let titles: Vec<(&str, Side)> = (0..).zip(columns).filter(|(at, _)| kept(at)).map(|(_, title)| title).collect();
    let mut grid = Grid::new(layout, &titles);
    for row in rows {
        let entity = view.entity(row.entity);
        let cells: [Cell; 11] = [
            Cell::toned(format!("{:.1}", row.risk), tone(row.risk)),
            format!("{:.0}–{:.0}", row.risk_low, row.risk_high).into(),
            whole(row.excess),
            whole(row.orphan),
            whole(row.escalation),
            whole(row.credential),
            hops(row).into(),
            format!("{:.1} %", row.blast_radius * 100.0).into(),
            entity.map_or("", |entity| entity.name.as_str()).into(),
            entity.map_or("", who).into(),
            reasons(row).first().copied().unwrap_or("").into(),
        ];
        grid.add((0..).zip(cells).filter(|(at, _)| kept(at)).map(|(_, cell)| cell));
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

    fn order(flags: &[&str]) -> Vec<u32> {
        let args = Wrapped::try_parse_from(std::iter::once(&"scores").chain(flags)).expect("flags").args;
        let fixture = Fixture::default();
        let mut snapshot = Snapshot { tables: fixture.tables, results: fixture.results, ..Snapshot::default() };
        snapshot.results.scores[1].orphan = Some(12.0);
        let rows = select(&args, &snapshot).expect("selects");
        rows.iter().map(|row| row.entity.0).collect()
    }

    #[test]
    fn the_highest_comes_first_and_unknown_last() {
        assert_eq!(order(&[]), [3, 5]);
        assert_eq!(order(&["--sort", "orphan"]), [5, 3]);
        assert_eq!(order(&["--kind", "nhi"]), [3]);
        assert_eq!(order(&["--principal", "ci/deploy"]), [3]);
        assert_eq!(order(&["--sort", "name"]), [3, 5]);
    }

    #[test]
    fn a_narrow_table_keeps_names_and_reasons_whole() {
        let fixture = Fixture::default();
        let snapshot = Snapshot { tables: fixture.tables, results: fixture.results, ..Snapshot::default() };
        let rows: Vec<&Score> = snapshot.results.scores.iter().collect();
        let at = |width| table(&snapshot, &rows, 2, Layout { width: Some(width), colour: false });
        assert!(at(120).contains("CRED") && !at(80).contains("CRED"));
        assert!(at(80).contains("one step from administration"), "{}", at(80));
        assert!(at(60).lines().all(|line| line.chars().count() <= 60), "{}", at(60));
    }

    #[test]
    fn json_rows_have_shares_as_numbers_and_reasons_as_a_list() {
        let fixture = Fixture::default();
        let snapshot = Snapshot { tables: fixture.tables, results: fixture.results, ..Snapshot::default() };
        let view = snapshot.view();
        let row = rows::score(&view, &snapshot.results.scores[0]);
        let share = row["shares"]["escalation"].as_f64().expect("a number");
        assert!((share - (100.0_f64 / 8.75).ln()).abs() < 1e-12, "{share}");
        assert_eq!(row["reasons"], json!(["one step from administration"]));
        assert_eq!(row["kind"], "role");
        assert!(row.get("reason_1").is_none());
    }
}
