//! The program: hands the process over to [`overgrant::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    overgrant::cli::main()
}
