//! Why a command ended without its answer: what, where, and what to do about it.

use std::fmt::Display;
use std::io;

use super::exit::Exit;
use crate::reports::escape::plain;

/// An error as a person reads it: `error: …`, then `hint: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Exit code of the process.
    pub exit: Exit,
    /// A lower-case fragment, names in backticks; empty for an end that needs no word (a closed pipe).
    pub message: String,
    /// What the user can do; possibly several lines.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure with this exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// The command line or the configuration cannot be used.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The same failure with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A file that could not be read or written.
    pub fn file(exit: Exit, doing: &str, path: &std::path::Path, error: &dyn Display) -> Self {
        Self::new(exit, format!("cannot {doing} `{}`: {error}", path.display()))
    }

    /// The text for standard error, control characters made visible; `None` when there is nothing to say.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        if self.message.is_empty() {
            return None;
        }
        let mut text = format!("error: {}\n", lines(&self.message));
        if let Some(hint) = &self.hint {
            text.push_str("hint: ");
            text.push_str(&lines(hint));
            text.push('\n');
        }
        Some(text)
    }
}

/// Keeps the line breaks that we wrote and escapes every other control character.
fn lines(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

impl From<io::Error> for Failure {
    /// Output that could not be written. A reader who has seen enough (`| head`) is no error.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Done, "");
        }
        Self::new(Exit::Input, format!("cannot write the output: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_a_quiet_end() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((failure.exit, failure.text()), (Exit::Done, None));
    }

    #[test]
    fn errors_say_what_and_what_to_do_and_cannot_carry_terminal_codes() {
        let failure = Failure::usage("no principal `a\u{1b}[2J`").hint("one of:\n  b\u{7}");
        let expected = "error: no principal `a\\u{1b}[2J`\nhint: one of:\n  b\\u{7}\n";
        assert_eq!(failure.text().as_deref(), Some(expected));
    }
}
