//! `snapshots`: what the store holds, whether it is intact, and room for more.

use clap::Subcommand;
use serde_json::json;

use crate::cli::args::{Form, SnapshotArgs, StoreArgs};
use crate::cli::engine;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::model::text::format_time;
use crate::reports::escape::plain;
use crate::reports::grid::{Grid, Side};
use crate::reports::{Layout, json as document};
use crate::store::Manifest;

const EXAMPLES: &str = "\
Examples:
  overgrant snapshots list
  overgrant snapshots show                      files, tables and digests of the newest
  overgrant snapshots verify --all              rehash everything
  overgrant snapshots prune --keep 30";

/// Flags of `snapshots`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// All snapshots, oldest first
    List {
        #[command(flatten)]
        store: StoreArgs,
        /// What to print
        #[arg(long, value_enum, default_value = "table")]
        format: Form,
    },
    /// One snapshot: files, tables, coverage, digests
    Show {
        #[command(flatten)]
        from: SnapshotArgs,
        /// What to print
        #[arg(long, value_enum, default_value = "table")]
        format: Form,
    },
    /// Rehash the tables of a snapshot and compare with its manifest
    Verify {
        #[command(flatten)]
        from: SnapshotArgs,
        /// Verify every snapshot of the store
        #[arg(long, conflicts_with = "snapshot")]
        all: bool,
    },
    /// Remove all but the newest snapshots
    Prune {
        #[command(flatten)]
        store: StoreArgs,
        /// How many to keep, at least 1
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        keep: u32,
    },
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match &args.what {
        What::List { store, format } => list(store, *format, terminal),
        What::Show { from, format } => show(from, *format, terminal),
        What::Verify { from, all } => verify(from, *all, terminal),
        What::Prune { store, keep } => prune(store, *keep, terminal),
    }
}

fn list(store: &StoreArgs, format: Form, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let manifests = engine::manifests(store)?;
    let text = match format {
        Form::Json => document::text(&json!({"format": document::FORMAT, "snapshots": manifests})),
        Form::Table if manifests.is_empty() => "No snapshots.\n".to_owned(),
        Form::Table => listing(&manifests, terminal.layout()),
    };
    terminal.data(text.as_bytes())?;
    Ok(Exit::Done)
}

fn listing(manifests: &[Manifest], layout: Layout) -> String {
    let (left, right) = (Side::Left, Side::Right);
    let columns =
        [("SNAPSHOT", left), ("AS OF", left), ("FILES", right), ("ROWS", right), ("MB", right), ("COMPLETE", left)];
    let mut grid = Grid::new(layout, &columns);
    for manifest in manifests {
        let rows: u64 = manifest.tables.values().map(|table| table.rows).sum();
        let bytes: u64 = manifest.tables.values().map(|table| table.bytes).sum();
        grid.row([
            manifest.snapshot.as_str().into(),
            format_time(manifest.as_of).into(),
            manifest.sources.len().to_string().into(),
            rows.to_string().into(),
            format!("{:.1}", bytes as f64 / 1e6).into(),
            if manifest.incomplete.is_empty() { "yes" } else { "no" }.into(),
        ]);
    }
    grid.text()
}

fn show(from: &SnapshotArgs, format: Form, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let manifest = engine::manifest(from)?;
    let text = match format {
        Form::Json => document::text(&json!(manifest)),
        Form::Table => shown(&manifest, terminal.layout()),
    };
    terminal.data(text.as_bytes())?;
    Ok(Exit::Done)
}

fn shown(manifest: &Manifest, layout: Layout) -> String {
    let (left, right) = (Side::Left, Side::Right);
    let mut text = format!("Snapshot {} as of {}\n", plain(&manifest.snapshot), format_time(manifest.as_of));
    text += &format!("Digest   {}\n", plain(&manifest.digest));
    text += &format!("Config   {}\n", plain(&manifest.config_digest));
    text += &format!("Parent   {}\n", plain(manifest.parent.as_deref().unwrap_or("none")));
    text += &format!("Engine   {}, schema {}\n", plain(&manifest.engine_version), manifest.schema_version);
    let mut files = Grid::new(layout, &[("FILE", left), ("KIND", left), ("RECORDS", right), ("SKIPPED", right)]);
    for source in &manifest.sources {
        let (records, skipped) = (source.records.to_string(), source.skipped.to_string());
        files.row([source.path.as_str().into(), source.kind.as_str().into(), records.into(), skipped.into()]);
    }
    let mut tables = Grid::new(layout, &[("TABLE", left), ("ROWS", right), ("BYTES", right), ("SHA-256", left)]);
    for (name, table) in &manifest.tables {
        let digest = table.sha256.get(..16).unwrap_or(&table.sha256);
        tables.row([
            name.as_str().into(),
            table.rows.to_string().into(),
            table.bytes.to_string().into(),
            digest.into(),
        ]);
    }
    let mut known = Grid::new(layout, &[("COVERAGE", left), ("KNOWN", right), ("OF", right)]);
    for part in &manifest.coverage {
        known.row([part.name.as_str().into(), part.known.to_string().into(), part.of.to_string().into()]);
    }
    for part in [files, tables, known] {
        text.push('\n');
        text += &part.text();
    }
    for note in &manifest.incomplete {
        text += &format!("incomplete: {}\n", plain(note));
    }
    text
}

fn verify(from: &SnapshotArgs, all: bool, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let store = engine::open(&from.store)?;
    let wanted: Vec<String> = if all {
        engine::manifests(&from.store)?.into_iter().map(|manifest| manifest.snapshot).collect()
    } else {
        vec![engine::manifest(from)?.snapshot]
    };
    let mut worst: Option<Failure> = None;
    for snapshot in wanted {
        match engine::verify(&store, &snapshot) {
            Ok(()) => terminal.data(format!("{}: intact\n", plain(&snapshot)).as_bytes())?,
            Err(failure) => {
                terminal.data(format!("{}: NOT INTACT\n", plain(&snapshot)).as_bytes())?;
                terminal.must_say(&failure.message);
                // All snapshots are looked at; a digest that does not match outweighs a file that cannot be read.
                if worst.as_ref().is_none_or(|worst| worst.exit < failure.exit) {
                    worst = Some(failure);
                }
            }
        }
    }
    worst.map_or(Ok(Exit::Done), Err)
}

fn prune(store: &StoreArgs, keep: u32, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let removed = engine::prune(store, usize::try_from(keep).unwrap_or(usize::MAX))?;
    for snapshot in &removed {
        terminal.data(format!("removed {}\n", plain(snapshot)).as_bytes())?;
    }
    terminal.note(&format!("{} snapshot(s) removed", removed.len()));
    Ok(Exit::Done)
}
