//! `explain`: one principal in full: who it is, what it may do and through what, what follows, what it scores.

mod approvals;
mod derivation;
mod dossier;
mod text;

use dossier::Dossier;

use crate::cli::args::{Form, SnapshotArgs};
use crate::cli::engine::Partial;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::resolve;
use crate::cli::terminal::Terminal;
use crate::reports::json as document;

const EXAMPLES: &str = "\
Examples:
  overgrant explain ci-deploy
  overgrant explain arn:aws:iam::111122223333:role/ci-deploy --format json
  overgrant explain alice --count 3             three paths to the protected zone

The risk is 100 · (1 − Π (1 − a·x)) over the components of the score, a the weight of a component and x its \
value from 0 to 1. The factors are printed, so that the sum can be done again by hand.";

/// Flags of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Whom: a full id, a unique end of one, or a name
    principal: String,
    /// Paths to the protected zone at most
    #[arg(long, value_name = "K", default_value = "1", value_parser = clap::value_parser!(u16).range(0..=100))]
    count: u16,
    /// Every entitlement, and not the largest only
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    from: SnapshotArgs,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut partial = Partial::open(&args.from)?;
    let principal = resolve::principal(partial.tables(), &args.principal)?;
    let count = usize::from(args.count);
    partial.load_principal(principal)?;
    let approvals = partial.approvals(principal)?.map(|answer| approvals::Told::new(partial.tables(), answer));
    if count > 0 {
        partial.load_paths(principal, None, count)?;
    }
    let snapshot = partial.into_snapshot();
    let dossier = Dossier { approvals, ..dossier::gather(&snapshot, principal, count) };
    let text = match args.format {
        Form::Json => document::text(&dossier.published(&snapshot)),
        Form::Table => text::told(&snapshot, &dossier, terminal.layout(), args.full),
    };
    terminal.data(text.as_bytes())?;
    if args.format == Form::Table {
        terminal.next(
            &args.from,
            &[&["paths", &args.principal], &["findings", "--principal", &args.principal], &["choke-points"]],
        );
    }
    Ok(Exit::Done)
}
