//! Output formats: one result, many renderers. Everything here reads results and writes bytes; nothing computes.
//!
//! A report is one file here and one line in [`ALL`]. Names and texts from exports are hostile: every renderer
//! passes them through [`escape`].

use std::io::{self, Write};

mod csv;
pub mod escape;
pub mod figures;
pub mod grid;
mod headlines;
mod html;
pub mod json;
pub mod ledger_ocsf;
mod markdown;
pub mod material;
mod ocsf;
pub mod opengraph;
mod openmetrics;
pub mod rows;
mod rows_csv;
mod sarif;
pub mod summary;
pub mod summary_text;
#[cfg(test)]
pub mod tests;
mod view;
mod witness;

pub use csv::{findings as findings_csv, scores as scores_csv};
pub use headlines::{HEADLINES, Headline};
pub use rows_csv::rows_csv;
pub use view::{Exposed, Exposure, View};

/// Every report, in the order in which help lists them.
pub const ALL: &[&dyn Report] = &[
    &html::Html,
    &markdown::Markdown,
    &json::Json,
    &csv::Csv,
    &sarif::Sarif,
    &ocsf::Ocsf,
    &openmetrics::OpenMetrics,
    &opengraph::OpenGraph,
    &opengraph::Schema,
];

/// One output format for a whole snapshot.
pub trait Report: Sync {
    /// Registry name, as `--report NAME=PATH` takes it.
    fn name(&self) -> &'static str;

    /// What is in it, for help and README.
    fn about(&self) -> &'static str;

    /// What it shows beyond the tables of the snapshot.
    fn depth(&self) -> Depth {
        Depth::Tables
    }

    /// Writes the report. The same view gives the same bytes.
    ///
    /// # Errors
    /// What `out` fails with.
    fn write(&self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()>;
}

/// What a report shows beyond the tables of one snapshot, each with what is before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Nothing.
    Tables,
    /// Texts of rules, frameworks, metrics and techniques, and what the snapshot is compared with.
    Texts,
    /// Trends over all snapshots, and a cut plan: what takes time.
    History,
}

/// The names of all reports with what is in them, one a line, below a title.
#[must_use]
pub fn listing(title: &str) -> String {
    let lines = ALL.iter().map(|report| format!("  {:<18}{}\n", report.name(), report.about()));
    std::iter::once(format!("{title}\n")).chain(lines).collect()
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
