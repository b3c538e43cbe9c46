//! `techniques`: the escalation techniques that the engine knows, and whether they hold what they say.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Map, Value, json};

use crate::cli::args::{Form, STORE_DEFAULT, SnapshotArgs};
use crate::cli::engine::{self, TechniqueCard, TechniqueCheck};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::reports::escape::plain;
use crate::reports::grid::{Cell, Grid, Side, Tone};
use crate::reports::{Layout, json as document};

const EXAMPLES: &str = "\
Examples:
  overgrant techniques list
  overgrant techniques show iam-003
  overgrant techniques check --techniques ours/  run every example, ours included";

/// Flags of `techniques`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// Folder of private techniques; may be given several times
    #[arg(long, value_name = "DIR")]
    techniques: Vec<PathBuf>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

#[derive(Debug, Subcommand)]
enum What {
    /// All techniques, by id
    List {
        #[command(flatten)]
        common: Common,
    },
    /// One technique in full
    Show {
        /// Id of the technique
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Run every technique's examples through readers and engine; exit code 2 when one fails
    Check {
        #[command(flatten)]
        common: Common,
    },
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match &args.what {
        What::List { common } => list(common, terminal),
        What::Show { id, common } => show(id, common, terminal),
        What::Check { common } => check(common, terminal),
    }
}

fn list(common: &Common, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let cards = engine::techniques(&common.techniques)?;
    let text = match common.format {
        Form::Json => {
            let rows: Vec<Value> = cards.iter().map(published).collect();
            document::text(&json!({"format": document::FORMAT, "techniques": rows}))
        }
        Form::Table => {
            let columns = ["ID", "PLATFORM", "CATEGORY", "NAME"].map(|title| (title, Side::Left));
            let mut grid = Grid::new(terminal.layout(), &columns);
            for card in &cards {
                let cells = [&card.id, &card.platform, &card.category, &card.name];
                grid.row(cells.map(|text| text.as_str().into()));
            }
            grid.text()
        }
    };
    terminal.data(text.as_bytes())?;
    if let Some(first) = cards.first().filter(|_| common.format == Form::Table) {
        terminal.next(&SnapshotArgs::newest(STORE_DEFAULT), &[&["techniques", "show", &first.id]]);
    }
    Ok(Exit::Done)
}

fn show(id: &str, common: &Common, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let cards = engine::techniques(&common.techniques)?;
    let card = cards.iter().find(|card| card.id == id).ok_or_else(|| {
        Failure::usage(format!("no technique `{id}`")).hint("`overgrant techniques list` lists all of them")
    })?;
    let text = match common.format {
        Form::Json => document::text(&json!({"format": document::FORMAT, "technique": published(card)})),
        Form::Table => shown(card),
    };
    terminal.data(text.as_bytes())?;
    Ok(Exit::Done)
}

fn published(card: &TechniqueCard) -> Value {
    let mut row = Map::new();
    for (key, text) in [
        ("id", &card.id),
        ("name", &card.name),
        ("platform", &card.platform),
        ("category", &card.category),
        ("summary", &card.summary),
    ] {
        row.insert(key.to_owned(), json!(text));
    }
    for (label, lines) in &card.details {
        row.insert(label.to_lowercase().replace(' ', "_"), json!(lines));
    }
    Value::Object(row)
}

fn shown(card: &TechniqueCard) -> String {
    let mut text =
        format!("{}: {}\n{}, {}\n\n", plain(&card.id), plain(&card.name), plain(&card.platform), plain(&card.category));
    text += &format!("{}\n", card.summary.lines().map(plain).collect::<Vec<_>>().join("\n").trim_end());
    for (label, lines) in card.details.iter().filter(|(_, lines)| !lines.is_empty()) {
        text += &format!("\n{label}:\n");
        for line in lines {
            text += &format!("  {}\n", plain(line));
        }
    }
    text
}

fn check(common: &Common, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let checks = engine::check_techniques(&common.techniques)?;
    let text = match common.format {
        Form::Json => {
            let row = |check: &TechniqueCheck| json!({"id": check.id, "example": check.example, "ok": check.failure.is_none(), "why": check.failure});
            let rows: Vec<Value> = checks.iter().map(row).collect();
            document::text(&json!({"format": document::FORMAT, "checks": rows}))
        }
        Form::Table => checked(&checks, terminal.layout()),
    };
    terminal.data(text.as_bytes())?;
    let failed = checks.iter().filter(|check| check.failure.is_some()).count();
    if failed > 0 {
        return Err(Failure::usage(format!("{failed} of {} examples do not hold", checks.len())));
    }
    terminal.note(&format!("{} examples hold", checks.len()));
    Ok(Exit::Done)
}

fn checked(checks: &[TechniqueCheck], layout: Layout) -> String {
    let columns = ["RESULT", "ID", "EXAMPLE", "WHY"].map(|title| (title, Side::Left));
    let mut grid = Grid::new(layout, &columns);
    for check in checks {
        let result = if check.failure.is_none() { Cell::from("ok") } else { Cell::toned("FAILED", Tone::Alarm) };
        let why = check.failure.as_deref().unwrap_or("");
        grid.row([result, check.id.as_str().into(), check.example.as_str().into(), why.into()]);
    }
    grid.text()
}
