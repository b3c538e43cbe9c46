//! Output formats: one result, many renderers. Everything here reads results and writes bytes; nothing computes.
//!
//! A report is one file here and one line in [`ALL`]. Names and texts from exports are hostile: every renderer
//! passes them through [`escape`].

use std::io::{self, Write};

mod csv;
pub mod escape;
pub mod grid;
pub mod json;
mod markdown;
pub mod opengraph;
pub mod rows;
mod rows_csv;
pub mod summary;
pub mod summary_text;
#[cfg(test)]
pub mod tests;
mod view;

pub use csv::{findings as findings_csv, scores as scores_csv};
pub use rows_csv::rows_csv;
pub use view::{Exposed, Exposure, View};

/// Every report, in the order in which help lists them.
pub const ALL: &[&dyn Report] = &[&json::Json, &csv::Csv, &markdown::Markdown, &opengraph::OpenGraph, &opengraph::Schema];

/// One output format for a whole snapshot.
pub trait Report: Sync {
    /// Registry name, as `--report NAME=PATH` takes it.
    fn name(&self) -> &'static str;

    /// What is in it, for help and README.
    fn about(&self) -> &'static str;

    /// Writes the report. The same view gives the same bytes.
    ///
    /// # Errors
    /// What `out` fails with.
    fn write(&self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()>;
}

/// The report of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Report> {
    ALL.iter().copied().find(|report| report.name() == name)
}

/// How text for people is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layout {
    /// Columns of the terminal; `None` where there is none, and then lines are as long as they are.
    pub width: Option<u16>,
    /// Whether colours are wanted.
    pub colour: bool,
}
