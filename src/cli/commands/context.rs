//! `context`: what an assistant may see of a domain, as documents.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::args::SnapshotArgs;
use crate::cli::engine::scoped;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::{Terminal, write_file};
use crate::context::{CursorError, Pack, Scope, pack};
use crate::reports::json as document;

const EXAMPLES: &str = "\
Examples:
  overgrant context --domain payments -o payments/         a manifest and a file of lines for each table
  overgrant context --domain payments -o payments.json     everything in one document
  overgrant context --domain payments --budget 8000        the first page, on standard output
  overgrant context --domain payments --budget 8000 --cursor 212-9f…    … and the next

What lies outside the domain is a stub, people have pseudonyms, and everything under `data` is data from exports. \
docs/context.md describes the documents.";

/// Flags of `context`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Domain to show
    #[arg(long, value_name = "NAME")]
    domain: String,
    #[command(flatten)]
    at: SnapshotArgs,
    /// Tokens that the facts of a page may take, by estimate [default: no limit]
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    budget: Option<u32>,
    /// Page to show: `next_cursor` of the one before
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Write a document (a name that ends in `.json`), or a folder with a file for each table
    #[arg(long, short, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (world, _) = scoped::world(&args.at)?;
    let scope = scoped::scope(world, &args.domain)?;
    let pack = pack(&scope);
    match args.output.as_deref().filter(|path| !is_document(path)) {
        Some(folder) if args.budget.is_some() || args.cursor.is_some() => {
            Err(Failure::usage(format!("`{}` is a folder, and a page is one document", folder.display()))
                .hint("name a file that ends in .json, or leave out --budget and --cursor"))
        }
        Some(folder) => {
            write_folder(&pack, folder)?;
            let (rows, tokens) = (pack.manifest.rows, pack.manifest.tokens);
            terminal.note(&format!("wrote {rows} facts (about {tokens} tokens) to {}", folder.display()));
            Ok(Exit::Done)
        }
        None => {
            let text = page(&pack, &scope, args)?;
            terminal.data_to(args.output.as_deref(), text.as_bytes())?;
            Ok(Exit::Done)
        }
    }
}

fn is_document(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

fn page(pack: &Pack, scope: &Scope, args: &Args) -> Result<String, Failure> {
    let budget = args.budget.map_or(usize::MAX, |budget| budget as usize);
    let page = pack.page(scope, args.cursor.as_deref(), budget).map_err(|CursorError::Foreign| {
        Failure::usage("the cursor is none of this snapshot and domain (--cursor)")
            .hint("start again without --cursor; a cursor is good for one snapshot and domain")
    })?;
    Ok(document::text(&page))
}

fn write_folder(pack: &Pack, folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::file(Exit::Input, "create", folder, &error))?;
    for (name, text) in &pack.files {
        write_file(&folder.join(name), text.as_bytes())?;
    }
    let mut manifest = json!(pack.manifest);
    manifest["context_sha256"] = json!(pack.manifest.digest());
    write_file(&folder.join("manifest.json"), document::text(&manifest).as_bytes())
}
