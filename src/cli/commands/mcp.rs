//! `mcp`: answers an assistant's questions about one domain over the Model Context Protocol.

use std::path::PathBuf;

use crate::cli::args::SnapshotArgs;
use crate::cli::engine::{self, scoped};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::mcp::{Closed, NoJournal, ServeError, Session, serve};

const EXAMPLES: &str = "\
Examples:
  overgrant mcp --store ./overgrant-store --domain payments

The protocol runs over standard input and output: this is a command for the configuration of a client, not for a \
terminal. Every tool only reads. The domain and the snapshot are fixed when it starts, and it starts only when \
`overgrant preflight` passes. docs/mcp.md has the tools and snippets for clients.";

/// Flags of `mcp`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Domain that is served; nothing outside it is answered
    #[arg(long, value_name = "NAME")]
    domain: String,
    #[command(flatten)]
    at: SnapshotArgs,
    /// Configuration (TOML) with the limits of preflight
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let config = engine::config(args.config.as_deref())?;
    let (world, sources) = scoped::world(&args.at)?;
    scoped::must_be_fit(&world, &sources, &config)?;
    let snapshot = world.snapshot.clone();
    let scope = scoped::scope(world, &args.domain)?;
    terminal.note(&format!("serving the domain {} of snapshot {snapshot} on standard input and output", args.domain));
    let session = Session::new(scope, Box::new(Closed), Box::new(NoJournal));
    serve(session).map_err(|error| {
        let failure = Failure::new(Exit::Input, error.to_string());
        match error {
            ServeError::Protocol(_) => failure.hint("this command speaks the Model Context Protocol: docs/mcp.md"),
            ServeError::Start(_) | ServeError::Broken(_) => failure,
        }
    })?;
    Ok(Exit::Done)
}
