//! `completions`: from the same command tree as help.

use clap_complete::Shell;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;

const EXAMPLES: &str = "\
Examples:
  overgrant completions bash > /etc/bash_completion.d/overgrant
  overgrant completions zsh > ~/.zfunc/_overgrant
  overgrant completions fish > ~/.config/fish/completions/overgrant.fish";

/// Flags of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::cli::command(), "overgrant", &mut script);
    terminal.data(&script)?;
    Ok(Exit::Done)
}
