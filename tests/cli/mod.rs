//! The program as its users meet it: one case a command line, compared with the expected exit code, standard output
//! and standard error under `tests/cli/expected`.
//!
//! An expected file holds all three. `OVERGRANT_BLESS=1 cargo test cli` writes those that differ; read the difference
//! before it is committed. What must be true of an answer is asserted in `store.rs`, by hand.

mod assist;
mod pages;
mod reports;
mod roles;
mod scan;
mod states;
mod store;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A run of the program in a folder, with nothing of the caller's environment that changes what is printed.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_overgrant"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("COLUMNS")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("the program starts")
}

/// Exit code, standard output and standard error as one text.
pub fn transcript(arguments: &[&str], output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let code = output.status.code().map_or_else(|| "signal".to_owned(), |code| code.to_string());
    format!("$ overgrant {}\n[exit {code}]\n[stdout]\n{out}[stderr]\n{err}", arguments.join(" "))
}

/// Compares a text with an expected file, or writes the file when blessing.
pub fn expect(name: &str, text: &str) {
    let path = expected(name);
    if std::env::var_os("OVERGRANT_BLESS").is_some() {
        fs::write(&path, text).expect("the expected file can be written");
        return;
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == wanted,
        "{name}: not as expected in {}\n--- expected\n{wanted}\n--- found\n{text}\n\
         run OVERGRANT_BLESS=1 cargo test cli, and read the difference",
        path.display()
    );
}

fn expected(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/expected").join(format!("{name}.txt"))
}

/// Runs the program in an empty folder and compares with the expected file.
fn case(name: &str, arguments: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(folder.path(), arguments);
    expect(name, &transcript(arguments, &output));
}
