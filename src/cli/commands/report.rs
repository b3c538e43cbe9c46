//! `report`: a stored snapshot in a format for people or for other programs.

use std::path::PathBuf;

use super::to;
use crate::cli::args::SnapshotArgs;
use crate::cli::engine::{self, Progress};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::progress::Bars;
use crate::cli::terminal::Terminal;
use crate::reports::{self, Report};

const EXAMPLES: &str = "\
Examples:
  overgrant report html -o report.html            one file to open, mail or print
  overgrant report markdown                       for a pull request or a chat
  overgrant report sarif -o findings.sarif        for code scanning
  overgrant report ocsf -o findings.ocsf.jsonl    for a security data lake
  overgrant report openmetrics -o /var/lib/node_exporter/overgrant.prom

A file is replaced in one step: whoever reads it sees the old one or the new one. The same store gives the same \
bytes. `scan --report FORMAT=PATH` writes the same right after a scan. docs/report.md says what is in each format.";

/// Flags of `report`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Format
    #[arg(value_name = "FORMAT", value_parser = format, long_help = reports::listing("Format:"))]
    format: Format,
    #[command(flatten)]
    from: SnapshotArgs,
    /// Write to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Configuration of the scans (TOML), by which trends and the cut plan are made
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of private techniques that the scan used; may be given several times
    #[arg(long, value_name = "DIR")]
    techniques: Vec<PathBuf>,
    /// Changes of the cut plan in the HTML report, 0 for none [default: 5, none above 5,000 principals]
    #[arg(long, value_name = "K")]
    cuts: Option<u16>,
}

/// A report of the registry.
#[derive(Clone, Copy)]
struct Format(&'static dyn Report);

impl std::fmt::Debug for Format {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.0.name())
    }
}

fn format(text: &str) -> Result<Format, String> {
    let known = || reports::ALL.iter().map(|report| report.name()).collect::<Vec<_>>().join(", ");
    reports::find(text).map(Format).ok_or_else(|| format!("no report `{text}`; there are {}", known()))
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let report = args.format.0;
    let bars = Bars::new(terminal.shows_progress());
    bars.stage("reading", None);
    let mut snapshot = engine::load_for_report(&args.from)?;
    snapshot.measure_exposure();
    bars.finish();
    let parent = engine::manifest(&args.from)?.parent;
    let asked = engine::Asked {
        config: args.config.as_deref(),
        techniques: &args.techniques,
        cuts: args.cuts.map(usize::from),
    };
    engine::gather(&mut snapshot, &args.from.store, parent.as_deref(), &[report], asked, &bars)?;
    bars.stage("writing", None);
    let mut bytes = Vec::new();
    report.write(&snapshot.view(), &mut bytes)?;
    bars.finish();
    terminal.data_to(to(args.output.as_ref()), &bytes)?;
    if let Some(path) = &args.output {
        terminal.note(&format!("wrote {}", path.display()));
    }
    Ok(Exit::Done)
}
