//! Studies of what AI assistance did.

use std::path::Path;

use super::{ledger, open};
use crate::cli::args::StoreArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::effect::{self, Objective, Study, StudyError};
use crate::ledger::Ledger;

/// Names that an error lists at most.
const NAMES_LISTED_MAX: usize = 40;

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Self {
        match error {
            StudyError::Store(error) => error.into(),
            StudyError::UnknownUnit { ref known, .. } => {
                let listed: Vec<&str> = known.iter().take(NAMES_LISTED_MAX).map(String::as_str).collect();
                let hint = if listed.is_empty() {
                    "no snapshot divides this metric so: check `unit` of the objective".to_owned()
                } else {
                    format!("there are {}", listed.join(", "))
                };
                Self::usage(error.to_string()).hint(hint)
            }
        }
    }
}

/// Reads an objective and does what it says over the store.
pub fn study(at: &StoreArgs, path: &Path) -> Result<(Objective, Study), Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(Exit::Usage, "read", path, &error))?;
    let objective = Objective::parse(&text, &path.display().to_string()).map_err(|error| {
        Failure::usage(format!("the objective cannot be used: {error}")).hint("docs/effect.md describes the file")
    })?;
    let store = open(at)?;
    let records = match Ledger::open(&ledger::folder(at)) {
        Some(ledger) => Some(ledger.records()?),
        None => None,
    };
    let study = effect::study(&store, &objective, records.as_deref())?;
    Ok((objective, study))
}
