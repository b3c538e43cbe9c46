//! What is wrong with a change set, where, and what to do.

use std::fmt;

/// Candidates that an error lists.
const LISTED_N: usize = 10;

/// One thing that is wrong with a draft. A draft with any is not applied and not judged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeError {
    /// Name of the input, as the caller gave it; empty where there is none.
    pub file: String,
    /// JSON pointer to the place (`/changes/3/member`), `line N` in a table, `document N` and a pointer in a file of
    /// several; empty for the whole.
    pub pointer: String,
    /// What is wrong: a lower-case fragment with the user's own words in backticks.
    pub problem: String,
    /// What to do about it, in the same way.
    pub hint: Option<String>,
    /// Full ids that may have been meant, sorted.
    pub candidates: Vec<String>,
}

impl ChangeError {
    /// Something wrong at a place.
    #[must_use]
    pub fn new(pointer: &str, problem: impl Into<String>) -> Self {
        Self {
            file: String::new(),
            pointer: pointer.to_owned(),
            problem: problem.into(),
            hint: None,
            candidates: Vec::new(),
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what may have been meant.
    #[must_use]
    pub fn candidates(mut self, candidates: Vec<String>) -> Self {
        self.candidates = candidates;
        self
    }

    /// In this file.
    #[must_use]
    pub fn within(mut self, file: &str) -> Self {
        file.clone_into(&mut self.file);
        self
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.is_empty(), self.pointer.is_empty()) {
            (true, true) => {}
            (false, true) => write!(out, "{}: ", self.file)?,
            (true, false) => write!(out, "{}: ", self.pointer)?,
            (false, false) => write!(out, "{} at {}: ", self.file, self.pointer)?,
        }
        write!(out, "{}", self.problem)?;
        if !self.candidates.is_empty() {
            let listed: Vec<String> = self.candidates.iter().take(LISTED_N).map(|one| format!("`{one}`")).collect();
            write!(out, "; candidates: {}", listed.join(", "))?;
            if self.candidates.len() > LISTED_N {
                write!(out, " and {} more", self.candidates.len() - LISTED_N)?;
            }
        }
        match &self.hint {
            Some(hint) => write!(out, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ChangeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_where_and_what_to_do() {
        let error = ChangeError::new("/changes/0/member", "no entity `bob`")
            .within("draft.json")
            .hint("write the full id")
            .candidates(vec!["arn:…:user/bob".to_owned()]);
        let expected =
            "draft.json at /changes/0/member: no entity `bob`; candidates: `arn:…:user/bob` (write the full id)";
        assert_eq!(error.to_string(), expected);
        assert_eq!(ChangeError::new("", "it is empty").to_string(), "it is empty");
    }
}
