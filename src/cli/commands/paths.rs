//! `paths`: how a principal comes to control a target, or what is protected.

use serde_json::{Value, json};

use super::picture::{self, Picture};
use super::steps::{self, TechniqueNames};
use crate::cli::args::SnapshotArgs;
use crate::cli::engine::{self, Partial};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::resolve;
use crate::cli::terminal::Terminal;
use crate::reports::escape::plain;
use crate::reports::json as document;

const EXAMPLES: &str = "\
Examples:
  overgrant paths ci-deploy                     the shortest way to anything protected
  overgrant paths ci-deploy --count 5           … and four others
  overgrant paths alice --to role/admin
  overgrant paths alice --format json
  overgrant paths alice --count 5 --format svg > alice.svg

An empty answer is an answer: no path, exit code 0. Paths are shortest first; a certain path comes before \
a conditional one of the same length.";

/// Flags of `paths`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Where paths start: a full id, a unique end of one, or a name
    from: String,
    /// Where they end [default: anything in the protected zone]
    #[arg(long, value_name = "TARGET")]
    to: Option<String>,
    /// Paths at most
    #[arg(long, value_name = "K", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    #[command(flatten)]
    snapshot: SnapshotArgs,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: PathForm,
}

/// Output of `paths`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum PathForm {
    /// Sentences for a person
    Table,
    /// One JSON document
    Json,
    /// A graph for Graphviz
    Dot,
    /// A flow chart for Mermaid
    Mermaid,
    /// A picture
    Svg,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut partial = Partial::open(&args.snapshot)?;
    let from = resolve::principal(partial.tables(), &args.from)?;
    let to = match &args.to {
        Some(text) => Some(resolve::entity(partial.tables(), text)?),
        None => None,
    };
    let count = usize::from(args.count);
    let limit_reached = partial.load_paths(from, to, count)?;
    let snapshot = partial.into_snapshot();
    let mut found = engine::witness_paths(&snapshot, from, to, count);
    found.limit_reached = limit_reached;
    let paths = &found.paths;
    let view = snapshot.view();
    let text = match args.format {
        PathForm::Json => {
            let rows: Vec<Value> = paths.iter().map(|path| steps::json(&snapshot, path)).collect();
            document::text(&json!({
                "format": document::FORMAT,
                "from": view.id(from),
                "to": to.map(|to| view.id(to)),
                "limit_reached": found.limit_reached,
                "paths": rows,
            }))
        }
        PathForm::Table if paths.is_empty() => {
            let goal = to.map_or_else(|| "anything protected".to_owned(), |to| view.id(to));
            format!("No path from {} to {}.\n", plain(&view.id(from)), plain(&goal))
        }
        PathForm::Dot => picture::draw(&snapshot, paths, Picture::Dot),
        PathForm::Mermaid => picture::draw(&snapshot, paths, Picture::Mermaid),
        PathForm::Svg => picture::draw(&snapshot, paths, Picture::Svg),
        PathForm::Table => {
            let names = TechniqueNames::load();
            let told: Vec<String> = paths.iter().map(|path| steps::sentences(&snapshot, &names, path)).collect();
            told.join("\n")
        }
    };
    terminal.data(text.as_bytes())?;
    if args.format == PathForm::Table {
        let next: &[&[&str]] = match (paths.is_empty(), args.count) {
            (true, _) => &[],
            (false, 1) => &[&["paths", &args.from, "--count", "5"], &["choke-points"]],
            (false, _) => &[&["choke-points"]],
        };
        terminal.next(&args.snapshot, next);
    }
    if found.limit_reached {
        terminal.note("the search for more paths was ended by its limit");
        return Ok(Exit::Incomplete);
    }
    Ok(Exit::Done)
}
