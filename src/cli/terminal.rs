//! Where output goes: data to standard output, everything else to standard error.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use super::args::{STORE_DEFAULT, SnapshotArgs};
use super::exit::Exit;
use super::failure::Failure;
use crate::reports::Layout;
use crate::reports::escape::{plain, quoted};

/// The streams of a run and what is known of them.
pub struct Terminal {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    people_read_out: bool,
    people_read_err: bool,
    width: Option<u16>,
    colour: bool,
    quiet: bool,
}

impl Terminal {
    /// The streams of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let people_read_out = io::stdout().is_terminal();
        // https://no-color.org: present and not empty.
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            out: Box::new(BufWriter::new(io::stdout())),
            err: Box::new(io::stderr()),
            people_read_out,
            people_read_err: io::stderr().is_terminal(),
            width: if people_read_out { comfy_table::Table::new().width() } else { None },
            colour: people_read_out && !no_colour && !dumb,
            quiet: false,
        }
    }

    /// Keeps everything but data and errors to itself.
    pub fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// How text is to be laid out.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout { width: self.width, colour: self.colour }
    }

    /// Whether progress is shown.
    #[must_use]
    pub fn shows_progress(&self) -> bool {
        self.people_read_err && !self.quiet
    }

    /// Writes data to standard output.
    pub fn data(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes)?;
        Ok(())
    }

    /// Writes data to the file that `-o` names, or to standard output.
    pub fn data_to(&mut self, path: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
        match path {
            Some(path) => write_file(path, bytes),
            None => self.data(bytes),
        }
    }

    /// Whether a person looks at standard output.
    #[must_use]
    pub fn out_is_terminal(&self) -> bool {
        self.people_read_out
    }

    /// Says something to a person at a terminal, and nothing to a log.
    pub fn note(&mut self, text: &str) {
        if self.shows_progress() {
            // What was said before stands before. A message that cannot be shown is no reason to fail.
            let _ = self.out.flush();
            let _ = writeln!(self.err, "{}", plain(text));
        }
    }

    /// Says to a person at a terminal which commands lead on from here, about the same snapshot. Each is given as the
    /// words after the program's name.
    pub fn next(&mut self, at: &SnapshotArgs, commands: &[&[&str]]) {
        let lines = lead_on(at, commands);
        if !lines.is_empty() && self.people_read_out {
            self.note("");
            for line in &lines {
                self.note(line);
            }
        }
    }

    /// Says something that must be seen, terminal or not: the reason for an exit code other than 0.
    pub fn must_say(&mut self, text: &str) {
        let _ = self.out.flush();
        let _ = writeln!(self.err, "{}", plain(text));
    }

    /// Prints an error that ends the run.
    pub fn fail(&mut self, failure: &Failure) {
        if let Some(text) = failure.text() {
            let _ = self.err.write_all(text.as_bytes());
        }
    }

    /// Writes out what is buffered.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush()?;
        Ok(())
    }
}

/// Lines that name the commands as they can be pasted. A command that this program does not have is left out: a hint
/// that ends in an error is worse than none.
fn lead_on(at: &SnapshotArgs, commands: &[&[&str]]) -> Vec<String> {
    let tree = super::command();
    let store = at.store.store.display().to_string();
    let mut same: Vec<&str> = Vec::new();
    if store != STORE_DEFAULT {
        same.extend(["--store", &store]);
    }
    same.extend(at.snapshot.iter().flat_map(|snapshot| ["--snapshot", snapshot]));
    let known = commands.iter().filter(|words| words.first().is_some_and(|name| tree.find_subcommand(name).is_some()));
    let line = |(at, words): (usize, &&[&str])| {
        let words: Vec<String> = words.iter().chain(&same).map(|word| quoted(word)).collect();
        format!("{} overgrant {}", if at == 0 { "Next:" } else { "     " }, words.join(" "))
    };
    known.enumerate().map(line).collect()
}

/// Writes a whole file, or says why not. Whoever reads the path sees the old file or the new one, never a half: the
/// bytes go to a file beside it that takes its name at the end. A device or a pipe is written to as it is.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failure = |error: io::Error| Failure::file(Exit::Usage, "write", path, &error);
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return File::create(path).and_then(|mut file| file.write_all(bytes)).map_err(failure);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".overgrant-");
    #[cfg(unix)]
    {
        // As for any file that a program makes; the process's mask takes away what it is set to.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(failure)?;
    file.write_all(bytes).map_err(failure)?;
    file.persist(path).map(drop).map_err(|error| failure(error.error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_can_be_pasted_are_about_the_same_store_and_name_no_command_that_is_not_there() {
        let at = |store: &str| SnapshotArgs::newest(store);
        let commands: &[&[&str]] = &[&["explain", "a b'; rm -rf /"], &["fly", "away"], &["choke-points"]];
        let here = lead_on(&at(STORE_DEFAULT), commands);
        assert_eq!(here, ["Next: overgrant explain 'a b'\\''; rm -rf /'", "      overgrant choke-points"]);
        let there = lead_on(&at("our store"), commands);
        assert_eq!(there[1], "      overgrant choke-points --store 'our store'");
        let older = SnapshotArgs { snapshot: Some("baseline".to_owned()), ..at(STORE_DEFAULT) };
        assert_eq!(lead_on(&older, commands)[1], "      overgrant choke-points --snapshot baseline");
        assert_eq!(lead_on(&at("x"), &[]), [""; 0]);
    }
}
