//! `report`: a snapshot in another format, for people or other programs.

use std::path::PathBuf;

use crate::cli::args::SnapshotArgs;
use crate::cli::engine::{self, Need};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::{Terminal, write_file};
use crate::reports::{self, Report};

const EXAMPLES: &str = "\
Examples:
  overgrant report markdown -o scan.md
  overgrant report opengraph -o graph.json                the attack graph for BloodHound …
  overgrant report opengraph-schema -o extension.json     … and its extension definition
  overgrant report csv --snapshot baseline > findings.csv

`overgrant scan --report FORMAT=PATH` writes the same right after a scan.";

/// Flags of `report`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Format of the report
    #[arg(value_name = "FORMAT", value_parser = format, long_help = formats())]
    report: &'static dyn Report,
    /// Write to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    at: SnapshotArgs,
}

impl std::fmt::Debug for Args {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Args({}, {:?}, {:?})", self.report.name(), self.output, self.at)
    }
}

fn formats() -> String {
    let mut text = String::from("Format of the report:\n");
    for report in reports::ALL {
        text.push_str(&format!("  {:<18}{}\n", report.name(), report.about()));
    }
    text
}

fn format(text: &str) -> Result<&'static dyn Report, String> {
    let known = || reports::ALL.iter().map(|report| report.name()).collect::<Vec<_>>().join(", ");
    reports::find(text).ok_or_else(|| format!("no report `{text}`; there are {}", known()))
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut snapshot = engine::load(&args.at, Need::Everything)?;
    snapshot.measure_exposure();
    let mut bytes = Vec::new();
    args.report.write(&snapshot.view(), &mut bytes)?;
    match &args.output {
        Some(path) => {
            write_file(path, &bytes)?;
            terminal.note(&format!("wrote {}", path.display()));
        }
        None => terminal.data(&bytes)?,
    }
    Ok(Exit::Done)
}
