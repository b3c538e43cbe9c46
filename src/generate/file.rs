//! Files that are written record by record, so that none of them is ever in memory.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Bytes of a file that are collected before they are written.
const BUFFER: usize = 256 * 1024;

/// A file or folder that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`: {source}", path.display())]
pub struct Error {
    pub path: PathBuf,
    pub source: io::Error,
}

/// The folder that exports go to.
#[derive(Debug, Clone, Copy)]
pub struct Folder<'p>(pub &'p Path);

impl Folder<'_> {
    /// Begins a file, and makes the folders that it is in.
    pub fn begin(&self, name: &str) -> Result<Sink, Error> {
        let path = self.0.join(name);
        let opened = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create(&path));
        match opened {
            Ok(file) => Ok(Sink { path, out: BufWriter::with_capacity(BUFFER, file), first: true }),
            Err(source) => Err(Error { path, source }),
        }
    }

    /// Writes a small JSON document.
    pub fn document(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        let mut sink = self.begin(name)?;
        sink.json(value)?;
        sink.text("\n")?;
        sink.end()
    }
}

/// A file that is being written.
#[derive(Debug)]
pub struct Sink {
    path: PathBuf,
    out: BufWriter<File>,
    /// Whether the list that is open has no element yet.
    first: bool,
}

impl Sink {
    /// The error that a problem with this file is.
    pub fn failed(&self, source: io::Error) -> Error {
        Error { path: self.path.clone(), source }
    }

    /// Appends text as it is.
    pub fn text(&mut self, text: &str) -> Result<(), Error> {
        self.out.write_all(text.as_bytes()).map_err(|error| self.failed(error))
    }

    fn json(&mut self, value: &impl Serialize) -> Result<(), Error> {
        serde_json::to_writer(&mut self.out, value).map_err(|error| self.failed(error.into()))
    }

    /// Appends a value on a line of its own.
    pub fn line(&mut self, value: &impl Serialize) -> Result<(), Error> {
        self.json(value)?;
        self.text("\n")
    }

    /// Begins a list; `before` is all that comes before its first element.
    pub fn list(&mut self, before: &str) -> Result<(), Error> {
        self.first = true;
        self.text(before)?;
        self.text("[")
    }

    /// Appends an element to the list.
    pub fn element(&mut self, value: &impl Serialize) -> Result<(), Error> {
        self.text(if self.first { "\n  " } else { ",\n  " })?;
        self.first = false;
        self.json(value)
    }

    /// Ends the list.
    pub fn end_list(&mut self) -> Result<(), Error> {
        self.text(if self.first { "]" } else { "\n ]" })
    }

    /// Appends a row of comma-separated cells, quoted where that is needed (RFC 4180).
    pub fn row(&mut self, cells: &[&str]) -> Result<(), Error> {
        let mut row = String::new();
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                row.push(',');
            }
            if cell.contains([',', '"', '\n', '\r']) {
                row.push('"');
                row.push_str(&cell.replace('"', "\"\""));
                row.push('"');
            } else {
                row.push_str(cell);
            }
        }
        row.push('\n');
        self.text(&row)
    }

    /// Completes the file; without this, what is still collected may be lost unnoticed.
    pub fn end(mut self) -> Result<(), Error> {
        self.out.flush().map_err(|error| self.failed(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_rows_and_lines_are_well_formed() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = || -> Result<(), Error> {
            let mut sink = Folder(folder.path()).begin("a/b.json")?;
            sink.list("{\"empty\": ")?;
            sink.end_list()?;
            sink.list(", \"two\": ")?;
            sink.element(&1)?;
            sink.element(&"x")?;
            sink.end_list()?;
            sink.text("}\n")?;
            sink.end()?;
            let mut sink = Folder(folder.path()).begin("c.csv")?;
            sink.row(&["plain", "a,b", "say \"a\"", ""])?;
            sink.end()
        };
        write().expect("the folder is ours");
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("it was written");
        let json: serde_json::Value = serde_json::from_str(&read("a/b.json")).expect("JSON");
        assert_eq!(json, serde_json::json!({"empty": [], "two": [1, "x"]}));
        assert_eq!(read("c.csv"), "plain,\"a,b\",\"say \"\"a\"\"\",\n");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a"), "no folder").expect("the folder is ours");
        let error = Folder(folder.path()).begin("a/b").expect_err("`a` is a file");
        assert!(error.to_string().contains("a/b"), "{error}");
    }
}
