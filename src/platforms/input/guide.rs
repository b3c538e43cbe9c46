//! Files of a scan that say how others are read: column mappings, extension schemas.
//!
//! They are found before anything else is read and shown to every reader, whatever the order of the files. A guide is
//! a plain file of at most a megabyte; one inside an archive or compressed is not found, and its own reader says so.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Found, Reader};

/// Larger files are no guides.
const BYTES_MAX: u64 = 1024 * 1024;

/// One such file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guide {
    /// Path as shown to people.
    pub path: String,
    pub text: String,
}

/// The readers of a scan with what guides them.
pub struct Readers<'r> {
    pub list: Vec<&'r dyn Reader>,
    pub guides: Arc<[Guide]>,
}

impl<'r> Readers<'r> {
    /// Readers without guides.
    #[must_use]
    pub fn new(list: Vec<&'r dyn Reader>) -> Self {
        Self { list, guides: Arc::default() }
    }

    /// The same with the guides among these files, in the order of the files.
    #[must_use]
    pub fn guided_by_files(self, files: &[Found]) -> Self {
        let guides: Vec<Guide> = files.par_iter().filter_map(|file| self.open(file)).collect();
        Self { guides: guides.into(), ..self }
    }

    /// The same with the guides among these texts.
    #[must_use]
    pub fn guided_by_texts<'t>(self, texts: impl Iterator<Item = (&'t str, &'t [u8])>) -> Self {
        let guides: Vec<Guide> = texts.filter_map(|(path, bytes)| self.guide(path, bytes)).collect();
        Self { guides: guides.into(), ..self }
    }

    /// A file that cannot be opened is reported when it is read.
    fn open(&self, file: &Found) -> Option<Guide> {
        let about = std::fs::metadata(&file.file).ok()?;
        if file.trouble.is_some() || !about.is_file() || about.len() > BYTES_MAX {
            return None;
        }
        let mut bytes = Vec::new();
        File::open(&file.file).ok()?.take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
        self.guide(&file.path, &bytes)
    }

    fn guide(&self, path: &str, bytes: &[u8]) -> Option<Guide> {
        if bytes.len() as u64 > BYTES_MAX || !self.list.iter().any(|reader| reader.guides(bytes)) {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        Some(Guide { path: path.to_owned(), text: text.strip_prefix('\u{feff}').unwrap_or(text).to_owned() })
    }
}
