//! `ground`: whether what somebody claims about a domain is so.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::args::{Form, SnapshotArgs};
use crate::cli::engine::scoped;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::context::ground::{BYTES_MAX, GroundError, Grounded, ground};
use crate::reports::escape::plain;
use crate::reports::grid::{Cell, Grid, Side, Tone};
use crate::reports::{Layout, json as document};

const EXAMPLES: &str = "\
Examples:
  overgrant ground claims.json --domain payments
  assistant | overgrant ground - --domain payments --format json

A claim cites a fact of `overgrant context` by its id and states a value:
  {\"format\": 1, \"claims\": [{\"fact\": \"scores#12\", \"field\": \"risk\", \"value\": 91.3}]}

The exit code is 0 when every claim is supported, 1 when one is contradicted, and 4 when none is contradicted and one is \
unsupported; 3 when the claims are about another snapshot or domain. docs/context.md describes the form.";

/// Flags of `ground`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Claims (JSON); `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Domain that the claims are about
    #[arg(long, value_name = "NAME")]
    domain: String,
    #[command(flatten)]
    at: SnapshotArgs,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let bytes = read(&args.file)?;
    let (world, _) = scoped::world(&args.at)?;
    let scope = scoped::scope(world, &args.domain)?;
    let found = ground(&scope, &bytes).map_err(|error| refused(&args.file, &error))?;
    let text = match args.format {
        Form::Json => document::text(&found.document),
        Form::Table => shown(&found, terminal.layout()),
    };
    terminal.data(text.as_bytes())?;
    Ok(match found {
        Grounded { contradicted: 1.., .. } => Exit::RuleHolds,
        Grounded { unsupported: 1.., .. } => Exit::Incomplete,
        Grounded { .. } => Exit::Done,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::file(Exit::Input, "read", path, &error);
    let mut bytes = Vec::new();
    // One byte more than is allowed, so that a file that is too long is seen to be.
    let limit = BYTES_MAX as u64 + 1;
    if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        std::fs::File::open(path).map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    }
    Ok(bytes)
}

fn refused(path: &Path, error: &GroundError) -> Failure {
    let failure = Failure::new(Exit::Input, format!("{error} (`{}`)", path.display()));
    match error {
        GroundError::Snapshot { .. } => failure.hint("judge the claims by the snapshot that they cite: --snapshot ID"),
        GroundError::Domain { .. } => failure.hint("name the domain that the claims are about with --domain"),
        _ => failure.hint("docs/context.md has the form of claims and its JSON Schema"),
    }
}

fn shown(found: &Grounded, layout: Layout) -> String {
    let columns = ["VERDICT", "CLAIM", "WHY", "TRUE VALUE", "STANDS ON"].map(|title| (title, Side::Left));
    let mut grid = Grid::new(layout, &columns);
    let text = |value: &Value| value.as_str().map_or_else(String::new, |text| plain(text).into_owned());
    for claim in found.document["claims"].as_array().into_iter().flatten() {
        let verdict = text(&claim["verdict"]);
        let verdict = match verdict.as_str() {
            "contradicted" => Cell::toned(verdict, Tone::Alarm),
            "unsupported" => Cell::toned(verdict, Tone::Warn),
            _ => Cell::from(verdict),
        };
        let name = [text(&claim["recommendation"]), text(&claim["id"])];
        let name = name.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" / ");
        let truth =
            if claim["truth"].is_null() { String::new() } else { plain(&claim["truth"].to_string()).into_owned() };
        let cited = claim["citations"].as_array().into_iter().flatten().map(|one| text(&one["id"]));
        grid.row([
            verdict,
            name.into(),
            text(&claim["why"]).into(),
            truth.into(),
            cited.collect::<Vec<_>>().join(" ").into(),
        ]);
    }
    let Grounded { supported, contradicted, unsupported, .. } = found;
    format!("{supported} supported, {contradicted} contradicted, {unsupported} unsupported\n\n{}", grid.text())
}
