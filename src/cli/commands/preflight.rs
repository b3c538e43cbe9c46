//! `preflight`: whether the sources of a snapshot are fit to draft changes from.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::args::{Form, SnapshotArgs};
use crate::cli::engine::{self, Check, CheckStatus, Need, Preflight, Progress, Snapshot};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::progress::Bars;
use crate::cli::terminal::Terminal;
use crate::model::text::format_time;
use crate::reports::escape::plain;
use crate::reports::grid::{Cell, Grid, Side, Tone};
use crate::reports::{Layout, json as document};

const EXAMPLES: &str = "\
Examples:
  overgrant preflight                           of the newest snapshot
  overgrant preflight --config limits.toml      with limits of your own, under [preflight]
  overgrant preflight --format json | jq '.checks[] | select(.status == \"fail\")'

The exit code is 0 when the sources are fit, and 3 when a check fails. What cannot be judged fails: a snapshot \
without tables of people, owners and approvals is not fit. docs/governance.md describes these tables.";

/// Flags of `preflight`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    at: SnapshotArgs,
    /// Configuration (TOML) with the limits of the checks
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let config = engine::config(args.config.as_deref())?;
    let bars = Bars::of_stages(terminal.shows_progress(), 2);
    bars.stage("reading", None);
    let snapshot = engine::load(&args.at, Need::Inputs)?;
    bars.stage("checking", None);
    let found = engine::preflight(&snapshot, &config);
    bars.finish();
    let text = match args.format {
        Form::Json => document::text(&json!({
            "format": document::FORMAT,
            "snapshot": snapshot.id,
            "as_of": format_time(snapshot.as_of),
            "fit": found.fit,
            "checks": found.checks,
        })),
        Form::Table => shown(&snapshot, &found, terminal.layout()),
    };
    terminal.data(text.as_bytes())?;
    if args.format == Form::Table {
        let next: &[&[&str]] = if found.fit { &[&["cut-plan", "--budget", "5"]] } else { &[&["snapshots", "show"]] };
        terminal.next(&args.at, next);
    }
    if found.fit {
        return Ok(Exit::Done);
    }
    let failed: Vec<&str> = of(&found, CheckStatus::Fail).map(|check| check.id).collect();
    terminal.must_say(&format!("not fit to draft from: {}", failed.join(", ")));
    Ok(Exit::Input)
}

fn of(found: &Preflight, status: CheckStatus) -> impl Iterator<Item = &Check> {
    found.checks.iter().filter(move |check| check.status == status)
}

fn shown(snapshot: &Snapshot, found: &Preflight, layout: Layout) -> String {
    let columns = ["RESULT", "CHECK", "WHAT IT CAME TO"].map(|title| (title, Side::Left));
    let mut grid = Grid::new(layout, &columns);
    for check in &found.checks {
        let result = match check.status {
            CheckStatus::Pass => Cell::from("pass"),
            CheckStatus::Warn => Cell::toned("warn", Tone::Warn),
            CheckStatus::Fail => Cell::toned("FAIL", Tone::Alarm),
        };
        grid.row([result, check.id.into(), check.message.as_str().into()]);
    }
    let verdict = if found.fit { "fit to draft from" } else { "not fit to draft from" };
    let (id, as_of) = (plain(&snapshot.id), format_time(snapshot.as_of));
    let mut text = format!("Snapshot {id} as of {as_of}: {verdict}\n\n{}", grid.text());
    for check in found.checks.iter().filter(|check| check.status != CheckStatus::Pass && !check.evidence.is_empty()) {
        text += &format!("\n{}:\n", check.id);
        for line in &check.evidence {
            text += &format!("  {}\n", plain(line));
        }
    }
    text
}
