//! `snapshots`: what the store holds, whether it is intact, and room for more.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::args::{Form, SnapshotArgs, StoreArgs};
use crate::cli::engine;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::model::Issue;
use crate::model::text::format_time;
use crate::reports::escape::plain;
use crate::reports::grid::{Grid, Side};
use crate::reports::{Layout, json as document};
use crate::store::Manifest;

const EXAMPLES: &str = "\
Examples:
  overgrant snapshots list
  overgrant snapshots show                      files, tables, digests and issues of the newest
  overgrant snapshots verify                    rehash everything
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
    /// Rehash everything and compare with the manifests; exit code 6 when a digest does not match
    Verify {
        #[command(flatten)]
        store: StoreArgs,
        /// Report on this snapshot only, by id or tag
        #[arg(long, value_name = "ID|TAG")]
        snapshot: Option<String>,
    },
    /// Remove all but the newest snapshots
    Prune {
        #[command(flatten)]
        store: StoreArgs,
        /// How many to keep, at least 1
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        keep: u32,
        /// Say what would go and remove nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match &args.what {
        What::List { store, format } => list(store, *format, terminal),
        What::Show { from, format } => show(from, *format, terminal),
        What::Verify { store, snapshot } => verify(store, snapshot.as_deref(), terminal),
        What::Prune { store, keep, dry_run } => prune(store, *keep, *dry_run, terminal),
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
    if let ([.., before, last], Form::Table) = (manifests.as_slice(), format) {
        terminal.next(
            &SnapshotArgs::newest(&store.store),
            &[&["diff", &before.snapshot, &last.snapshot], &["trend", "exposure_pct"]],
        );
    }
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
    let (manifest, issues) = engine::issues(from)?;
    let text = match format {
        Form::Json => {
            let mut whole = json!(manifest);
            whole["issues"] = issues.iter().map(|issue| issue_json(&manifest, issue)).collect();
            document::text(&whole)
        }
        Form::Table => shown(&manifest, &issues, terminal.layout()),
    };
    terminal.data(text.as_bytes())?;
    Ok(Exit::Done)
}

/// Path of the file that an issue is about.
fn file_of<'m>(manifest: &'m Manifest, issue: &Issue) -> Option<&'m str> {
    manifest.sources.get(usize::try_from(issue.source?.0).ok()?).map(|source| source.path.as_str())
}

fn issue_json(manifest: &Manifest, issue: &Issue) -> Value {
    json!({
        "severity": issue.severity.as_str(),
        "code": issue.code,
        "file": file_of(manifest, issue),
        "record": issue.record,
        "message": issue.message,
    })
}

/// Issues shown as text.
const ISSUES_N: usize = 100;

/// What was skipped, missing or doubted, the first of them.
fn issue_lines(manifest: &Manifest, issues: &[Issue]) -> String {
    let mut text = String::new();
    if !issues.is_empty() {
        text.push_str("\nISSUES\n");
    }
    for issue in issues.iter().take(ISSUES_N) {
        let place = [file_of(manifest, issue).unwrap_or_default(), &issue.record];
        let place: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
        let place = if place.is_empty() { String::new() } else { format!(" ({})", place.join(", ")) };
        text += &format!("{} {}: {}{}\n", issue.severity, issue.code, plain(&issue.message), plain(&place));
    }
    if issues.len() > ISSUES_N {
        text += &format!("… and {} more (--format json lists all)\n", issues.len() - ISSUES_N);
    }
    text
}

fn shown(manifest: &Manifest, issues: &[Issue], layout: Layout) -> String {
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
    text + &issue_lines(manifest, issues)
}

fn verify(store: &StoreArgs, snapshot: Option<&str>, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let wanted = match snapshot {
        Some(name) => {
            let from = SnapshotArgs { store: store.clone(), snapshot: Some(name.to_owned()) };
            Some(engine::manifest(&from)?.snapshot)
        }
        None => None,
    };
    let mut damaged = 0;
    for found in engine::verify(store)? {
        if wanted.is_some() && found.snapshot != wanted {
            continue;
        }
        let name = found.snapshot.as_deref().unwrap_or("the store itself");
        let state = if found.is_sound() { "intact" } else { "DAMAGED" };
        let (tables, mb) = (found.tables_sound, found.bytes as f64 / 1e6);
        let line = format!("{}: {state}, {tables} tables sound, {mb:.1} MB hashed\n", plain(name));
        terminal.data(line.as_bytes())?;
        for problem in &found.problems {
            damaged += 1;
            terminal.data(
                format!("  {}: {}\n", plain(&problem.path.display().to_string()), plain(&problem.message)).as_bytes(),
            )?;
        }
    }
    if damaged == 0 {
        return Ok(Exit::Done);
    }
    Err(Failure::new(Exit::Integrity, format!("{damaged} problem(s) in the store `{}`", store.store.display()))
        .hint("restore the files from a copy, or scan the exports again"))
}

fn prune(store: &StoreArgs, keep: u32, dry_run: bool, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let removed = engine::prune(store, usize::try_from(keep).unwrap_or(usize::MAX), dry_run)?;
    let what = if dry_run { "would remove" } else { "removed" };
    for snapshot in &removed {
        terminal.data(format!("{what} {}\n", plain(snapshot)).as_bytes())?;
    }
    terminal.note(&format!("{what} {} snapshot(s)", removed.len()));
    Ok(Exit::Done)
}
