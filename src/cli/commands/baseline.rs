//! `baseline`: the snapshot that later ones are compared with.

use clap::Subcommand;
use serde_json::json;

use crate::cli::args::{Form, SnapshotArgs, StoreArgs};
use crate::cli::engine::history;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::model::text::format_time;
use crate::reports::escape::plain;
use crate::reports::json as document;
use crate::store::Manifest;

const EXAMPLES: &str = "\
Examples:
  overgrant baseline set                        the newest snapshot
  overgrant baseline set 2026-09-01             by id, the beginning of one, or a tag
  overgrant metrics                             shows every change since the baseline
  overgrant diff baseline                       … and what it is made of";

/// Flags of `baseline`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a snapshot the baseline
    Set {
        #[command(flatten)]
        store: StoreArgs,
        /// Snapshot, by id or tag [default: the newest]
        #[arg(value_name = "ID|TAG")]
        snapshot: Option<String>,
        /// What to print
        #[arg(long, value_enum, default_value = "table")]
        format: Form,
    },
    /// Say which snapshot the baseline is
    Show {
        #[command(flatten)]
        store: StoreArgs,
        /// What to print
        #[arg(long, value_enum, default_value = "table")]
        format: Form,
    },
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (manifest, format) = match &args.what {
        What::Set { store, snapshot, format } => {
            let at = SnapshotArgs { store: store.clone(), snapshot: snapshot.clone() };
            (history::set_baseline(&at)?, *format)
        }
        What::Show { store, format } => (history::baseline(store)?, *format),
    };
    terminal.data(render(&manifest, format).as_bytes())?;
    Ok(Exit::Done)
}

fn render(manifest: &Manifest, format: Form) -> String {
    let as_of = format_time(manifest.as_of);
    match format {
        Form::Json => document::text(&json!({
            "format": document::FORMAT,
            "baseline": manifest.snapshot,
            "as_of": as_of,
            "digest": manifest.digest,
            "complete": manifest.incomplete.is_empty(),
        })),
        Form::Table => {
            let complete = if manifest.incomplete.is_empty() { "" } else { ", of an incomplete scan" };
            format!("Baseline {} as of {as_of}{complete}\n", plain(&manifest.snapshot))
        }
    }
}
