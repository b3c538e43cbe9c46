//! `roles`: candidate roles for least privilege.

mod document;
mod text;

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::ROWS_DEFAULT;
use crate::cli::args::{Form, SnapshotArgs};
use crate::cli::engine::{self, Need, Progress, Snapshot};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::progress::Bars;
use crate::cli::terminal::Terminal;
use crate::model::Granularity;
use crate::reports::json;
use crate::roles::cover::Reached;
use crate::roles::{Basis, Suggestion};

const EXAMPLES: &str = "\
Examples:
  overgrant roles suggest                       the fewest roles that give what is granted now
  overgrant roles suggest --from used           … and no more than what is used
  overgrant roles suggest --from used --granularity action --format json";

const EXPLAINED: &str = "\
The roles give exactly what the principals counted have: no permission more, none less. What is not certain or not \
measured is in no role and is counted. A permission is a service at an access level (`s3:read`) or one action; \
resources and conditions are not part of it, so narrow a role to its resources before you use it.

Their number is the smallest there is when `exact` is true; see docs/roles.md for the method.";

/// Flags of `roles`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The fewest roles that give principals what they may do, or what they use
    Suggest(Suggest),
}

/// Which rights the roles are to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum From {
    /// What principals certainly may do
    Effective,
    /// What they were seen to use, where use is measured
    Used,
}

/// How fine a permission is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Grain {
    /// A service at an access level
    Service,
    /// One action; needs `--from used` and records of single actions
    Action,
}

/// Flags of `roles suggest`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPLAINED)]
struct Suggest {
    #[command(flatten)]
    at: SnapshotArgs,
    /// Rights that the roles are to give
    #[arg(long, value_enum, default_value = "effective")]
    from: From,
    /// What one permission is
    #[arg(long, value_enum, default_value = "service")]
    granularity: Grain,
    /// Only this platform's principals, by registry name
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
    /// Configuration file with weights (`[roles]`) and the window of use, laid over the built-in one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Roles to print at most; 0 prints all [default: 50 in a table, all elsewhere]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match &args.what {
        What::Suggest(args) => suggest(args, terminal),
    }
}

/// What is printed, and how it was asked for.
struct Answer<'a> {
    snapshot: &'a Snapshot,
    suggestion: &'a Suggestion,
    from: From,
    granularity: Grain,
    platform: Option<&'a str>,
    /// Roles printed at most.
    limit: usize,
}

fn suggest(args: &Suggest, terminal: &mut Terminal) -> Result<Exit, Failure> {
    if args.granularity == Grain::Action && args.from == From::Effective {
        return Err(Failure::usage("single actions are known of use only (--granularity action)")
            .hint("add --from used, or leave the granularity at `service`"));
    }
    let config = engine::config(args.config.as_deref())?;
    let bars = Bars::of_stages(terminal.shows_progress(), 2);
    bars.stage("reading", None);
    let snapshot = engine::load(&args.at, Need::Access)?;
    known_platform(&snapshot, args.platform.as_deref())?;
    bars.stage("mining", None);
    let basis = if args.from == From::Used { Basis::Used } else { Basis::Effective };
    let grain = if args.granularity == Grain::Action { Granularity::Action } else { Granularity::Service };
    let suggestion = engine::roles::suggest(&snapshot, basis, grain, args.platform.as_deref(), &config);
    bars.finish();
    let limit = match (args.limit, args.format) {
        (Some(0), _) | (None, Form::Json) => usize::MAX,
        (Some(n), _) => n,
        (None, Form::Table) => ROWS_DEFAULT,
    };
    let answer = Answer {
        snapshot: &snapshot,
        suggestion: &suggestion,
        from: args.from,
        granularity: args.granularity,
        platform: args.platform.as_deref(),
        limit,
    };
    let text = match args.format {
        Form::Json => json::text(&document::published(&answer)),
        Form::Table => text::told(&answer, terminal.layout()),
    };
    terminal.data(text.as_bytes())?;
    if args.format == Form::Table && args.from == From::Effective {
        terminal.next(&args.at, &[&["roles", "suggest", "--from", "used"]]);
    }
    if suggestion.reached.is_empty() {
        return Ok(Exit::Done);
    }
    terminal.note("a limit ended the search for fewer roles: the roles are right, their number is not proven smallest");
    Ok(Exit::Incomplete)
}

/// Refuses a platform that nobody in the snapshot is of: an empty answer would look like one.
fn known_platform(snapshot: &Snapshot, platform: Option<&str>) -> Result<(), Failure> {
    let Some(platform) = platform else { return Ok(()) };
    let mut known: Vec<&str> = snapshot.tables.entities.iter().map(|entity| entity.platform.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    if known.contains(&platform) {
        return Ok(());
    }
    Err(Failure::usage(format!("nothing in this snapshot is of platform `{platform}` (--platform)"))
        .hint(format!("its platforms: {}", known.join(", "))))
}

/// A limit in words.
const fn limit_reached(reached: Reached) -> &'static str {
    match reached {
        Reached::Cells => "the matrix is too large to be minimised: distinct rows or columns are the roles",
        Reached::Entries => "the matrix is too large for the exact method: the cover is a greedy one",
        Reached::Work => "the exact search ended before it had tried everything",
    }
}
