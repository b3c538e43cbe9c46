//! What a scan could not read, did not trust, or had to leave out.

use super::SourceId;
use crate::{names, record};

names! {
    /// How much an issue costs the result.
    pub enum IssueSeverity {
        /// Worth knowing; nothing is missing.
        Note = "note",
        /// Something of the input is missing or doubtful: the scan ends as incomplete.
        Warning = "warning",
        /// A record or a file could not be used: the scan ends as incomplete.
        Error = "error",
    }
}

record! {
    /// A data-quality issue: what was skipped or doubted, where, and why.
    table "issues";
    pub struct Issue {
        /// How much it costs.
        pub severity: IssueSeverity,
        /// Source of the record; null when it concerns no single file.
        pub source: Option<SourceId>,
        /// JSON pointer or line in that source.
        pub record: String,
        /// Short stable name of the kind of issue (`policy_document_invalid`, `policy_missing`, …).
        pub code: String,
        /// One sentence for a person, with names in backticks.
        pub message: String,
    }
}
