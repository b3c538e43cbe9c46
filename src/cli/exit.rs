//! Exit codes: the one public list. Help text, manual page and README print it from here.

use std::fmt::Write as _;
use std::process::ExitCode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All that was asked for is done.
    Done,
    /// A `--fail-on` rule holds.
    RuleHolds,
    /// The command line or the configuration cannot be used.
    Usage,
    /// The input cannot be read, or says too little for the answer asked.
    Input,
    /// Done, with something left out.
    Incomplete,
    /// Nothing is wrong but exceptions that have expired.
    ExpiredExceptions,
    /// A digest does not match.
    Integrity,
    /// A defect of this program.
    Bug,
}

/// Every exit code with its meaning, in ascending order.
pub const ALL: &[(Exit, &str)] = &[
    (Exit::Done, "done"),
    (Exit::RuleHolds, "a `--fail-on` rule holds, or the gate blocks"),
    (Exit::Usage, "usage or configuration"),
    (Exit::Input, "input unreadable, or too incomplete or stale for the answer asked (fail closed)"),
    (Exit::Incomplete, "done, but incomplete: records skipped, a limit reached"),
    (Exit::ExpiredExceptions, "expired exceptions only"),
    (Exit::Integrity, "integrity: a digest does not match"),
    (Exit::Bug, "a bug of ours"),
];

impl Exit {
    /// The number that the process ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::RuleHolds => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::Incomplete => 4,
            Self::ExpiredExceptions => 5,
            Self::Integrity => 6,
            Self::Bug => 101,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The list as lines of text, for help and manual page.
#[must_use]
pub fn listing() -> String {
    let mut text = String::from("Exit codes:\n");
    for (exit, meaning) in ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:>3}  {meaning}", exit.code());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_code_once_in_order() {
        let codes: Vec<u8> = ALL.iter().map(|(exit, _)| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 101]);
    }
}
