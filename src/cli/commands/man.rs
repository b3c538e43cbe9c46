//! `man`: manual pages from the same command tree as help.

use std::path::{Path, PathBuf};

use clap_mangen::Man;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::{Terminal, write_file};

const EXAMPLES: &str = "\
Examples:
  overgrant man | man -l -                      read it
  overgrant man --dir /usr/local/share/man/man1 install one page a command";

/// Flags of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Write one page a command into this folder, in place of one page to standard output
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut root = crate::cli::command();
    root.build();
    match &args.dir {
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(|error| Failure::file(Exit::Usage, "create", dir, &error))?;
            pages(&root, "overgrant", dir)?;
        }
        None => terminal.data(&page(&root, "overgrant")?)?,
    }
    Ok(Exit::Done)
}

/// Writes the page of a command and of all below it.
fn pages(command: &clap::Command, name: &str, dir: &Path) -> Result<(), Failure> {
    write_file(&dir.join(format!("{name}.1")), &page(command, name)?)?;
    for child in command.get_subcommands().filter(|child| child.get_name() != "help") {
        pages(child, &format!("{name}-{}", child.get_name()), dir)?;
    }
    Ok(())
}

fn page(command: &clap::Command, name: &str) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    // The date of a page would be a wall-clock time in an output: the version stands in its place.
    let version = env!("CARGO_PKG_VERSION");
    let page =
        Man::new(command.clone()).title(name).date(version).source(format!("overgrant {version}")).manual("overgrant");
    page.render(&mut text)?;
    Ok(text)
}
