//! The command line: flags become requests, results become text, failures become exit codes.
//!
//! This is the only module that reads a clock, and with `reports` the only one that prints.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

pub mod args;
mod clock;
mod commands;
mod engine;
pub mod exit;
mod fail_on;
mod failure;
mod progress;
mod resolve;
mod terminal;

use args::{Cli, Command};
use exit::Exit;
use failure::Failure;
use terminal::Terminal;

/// What to do about a panic; the process then ends with exit code 101.
const REPORT: &str = "please report it with the command line and, if you may, a made-up export that shows it";

/// Runs the process: arguments, streams and exit code are the operating system's.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        // A decoder gave up on a damaged file: that is reported as an issue of the file.
        if crate::platforms::input::parquet::is_guarded() {
            return;
        }
        // There is nowhere left to report that standard error is gone.
        let _ = writeln!(std::io::stderr(), "error: a bug of ours: {panic}\nhint: {REPORT}");
    }));
    let mut terminal = Terminal::of_process();
    run(std::env::args_os(), &mut terminal).into()
}

/// Runs one command line.
fn run(arguments: impl IntoIterator<Item = OsString>, terminal: &mut Terminal) -> Exit {
    let cli = match parse(arguments) {
        Ok(cli) => cli,
        Err(error) => return explain_usage(&error),
    };
    terminal.set_quiet(cli.quiet);
    let ended = dispatch(&cli, terminal).and_then(|exit| terminal.flush().map(|()| exit));
    match ended {
        Ok(exit) => exit,
        Err(failure) => {
            // What was written before the failure is still data. When it cannot be flushed, the failure says it.
            let _ = terminal.flush();
            terminal.fail(&failure);
            failure.exit
        }
    }
}

/// The command tree, from which help, completions and manual pages come.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command().try_get_matches_from(arguments)?)
}

/// Help and version are answers and go to standard output; anything else is a usage error.
fn explain_usage(error: &clap::Error) -> Exit {
    // A closed pipe must not turn into a panic, and there is nowhere left to report it.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}

fn dispatch(cli: &Cli, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match &cli.command {
        Command::Scan(args) => commands::scan::run(args, terminal),
        Command::Findings(args) => commands::findings::run(args, terminal),
        Command::Scores(args) => commands::scores::run(args, terminal),
        Command::Metrics(args) => commands::metrics::run(args, terminal),
        Command::Explain(args) => commands::explain::run(args, terminal),
        Command::Report(args) => commands::report::run(args, terminal),
        Command::Can(args) => commands::can::run(args, terminal),
        Command::WhoCan(args) => commands::who_can::run(args, terminal),
        Command::Paths(args) => commands::paths::run(args, terminal),
        Command::Exposure(args) => commands::exposure::run(args, terminal),
        Command::Roles(args) => commands::roles::run(args, terminal),
        Command::ChokePoints(args) => commands::choke_points::run(args, terminal),
        Command::CutPlan(args) => commands::cut_plan::run(args, terminal),
        Command::Gate(args) => commands::gate::run(args, terminal),
        Command::Diff(args) => commands::diff::run(args, terminal),
        Command::Trend(args) => commands::trend::run(args, terminal),
        Command::Baseline(args) => commands::baseline::run(args, terminal),
        Command::Effect(args) => commands::effect::run(args, terminal),
        Command::Ledger(args) => commands::ledger::run(args, terminal),
        Command::Context(args) => commands::context::run(args, terminal),
        Command::Ground(args) => commands::ground::run(args, terminal),
        Command::Mcp(args) => commands::mcp::run(args, terminal),
        Command::Preflight(args) => commands::preflight::run(args, terminal),
        Command::Snapshots(args) => commands::snapshots::run(args, terminal),
        Command::Techniques(args) => commands::techniques::run(args, terminal),
        Command::Generate(args) => commands::generate::run(args, terminal),
        Command::Completions(args) => commands::completions::run(args, terminal),
        Command::Man(args) => commands::man::run(args, terminal),
    }
}
