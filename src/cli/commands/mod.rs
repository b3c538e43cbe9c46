//! One file a command: its flags, and what it does with them.

pub mod baseline;
pub mod can;
pub mod choke_points;
pub mod completions;
pub mod context;
pub mod cut_plan;
pub mod diff;
pub mod effect;
pub mod explain;
pub mod exposure;
mod figures;
pub mod findings;
pub mod gate;
pub mod generate;
pub mod ground;
pub mod ledger;
pub mod man;
pub mod mcp;
pub mod metrics;
pub mod paths;
mod picture;
pub mod preflight;
pub mod report;
pub mod roles;
pub mod scan;
pub mod scores;
pub mod snapshots;
mod steps;
pub mod techniques;
pub mod trend;
pub mod who_can;

use std::path::{Path, PathBuf};

use crate::cli::args::{RowForm, Who};
use crate::cli::engine;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::model::{Entity, Record};
use crate::reports::Layout;

/// Rows of a table that a person is shown unless they ask for more.
const ROWS_DEFAULT: usize = 50;

/// How many rows are printed: what `--limit` says (0 means all), or a screenful or two in a table and all elsewhere.
fn limit(given: Option<usize>, form: RowForm) -> usize {
    match (given, form) {
        (Some(0), _) => usize::MAX,
        (Some(n), _) => n,
        (None, RowForm::Table) => ROWS_DEFAULT,
        (None, _) => usize::MAX,
    }
}

/// The last line of a table that does not hold all rows.
fn rest(shown: usize, of: usize) -> String {
    if shown < of { format!("… {} more of {of} (--limit 0 shows all)\n", of - shown) } else { String::new() }
}

/// Whether an entity passes `--platform` and `--kind`.
fn selected(entity: Option<&Entity>, platform: Option<&str>, who: Option<Who>) -> bool {
    let Some(entity) = entity else { return platform.is_none() && who.is_none() };
    let kind = match who {
        None => true,
        Some(Who::Human) => entity.nhi == Some(false),
        Some(Who::Nhi) => entity.nhi == Some(true),
    };
    kind && platform.is_none_or(|platform| platform == entity.platform)
}

/// Writes rows as a Parquet file, which needs a name: it is nothing to look at.
fn parquet<R: Record>(path: Option<&PathBuf>, rows: &[R], terminal: &mut Terminal) -> Result<(), Failure> {
    let Some(path) = path else {
        let place = if terminal.out_is_terminal() { "a terminal" } else { "standard output" };
        return Err(Failure::usage(format!("Parquet is not written to {place} (--format)"))
            .hint("name a file with --output FILE"));
    };
    engine::write_parquet(path, rows)?;
    terminal.note(&format!("wrote {} rows to {}", rows.len(), path.display()));
    Ok(())
}

/// Where `--output` points, if anywhere.
fn to(path: Option<&PathBuf>) -> Option<&Path> {
    path.map(PathBuf::as_path)
}

/// Where and how a listing goes out.
#[derive(Clone, Copy)]
struct Listing<'a> {
    limit: Option<usize>,
    form: RowForm,
    output: Option<&'a PathBuf>,
}

/// Puts out the rows of a listing, as many as it is to show: as a Parquet file, or as `render` writes them, which is
/// told how many there are in all.
fn put_out<R: Record + Clone>(
    listing: Listing<'_>,
    mut rows: Vec<&R>,
    terminal: &mut Terminal,
    render: impl FnOnce(&[&R], usize, Layout) -> Result<Vec<u8>, Failure>,
) -> Result<Exit, Failure> {
    let all = rows.len();
    rows.truncate(limit(listing.limit, listing.form));
    if listing.form == RowForm::Parquet {
        let rows: Vec<R> = rows.into_iter().cloned().collect();
        parquet(listing.output, &rows, terminal)?;
    } else {
        let bytes = render(&rows, all, terminal.layout())?;
        terminal.data_to(to(listing.output), &bytes)?;
    }
    Ok(Exit::Done)
}
