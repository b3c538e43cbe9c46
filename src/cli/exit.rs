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
    (Exit::RuleHolds, "a `--fail-on` rule holds, the gate blocks, or a claim is contradicted"),
    (Exit::Usage, "usage or configuration"),
    (Exit::Input, "input unreadable, or too incomplete or stale for the answer asked (fail closed)"),
    (Exit::Incomplete, "done, but incomplete: records skipped, a limit reached, a claim unsupported"),
    (Exit::ExpiredExceptions, "expired exceptions only"),
    (Exit::Integrity, "integrity: a digest does not match"),
    (Exit::Bug, "a bug of ours"),
];

/// Which code a run ends with when several apply: the first of these. A result that cannot be trusted comes before one
/// that was not asked for well, and that before a question that has no answer; a rule that holds comes before what a
/// complete scan would have said more, and an exception that has expired counts only when all else is well.
pub const PRECEDENCE: &[Exit] = &[
    Exit::Bug,
    Exit::Integrity,
    Exit::Usage,
    Exit::Input,
    Exit::RuleHolds,
    Exit::Incomplete,
    Exit::ExpiredExceptions,
    Exit::Done,
];

impl Exit {
    /// The one of two that a run ends with when both apply.
    #[must_use]
    pub fn or_worse(self, other: Self) -> Self {
        PRECEDENCE.iter().copied().find(|exit| [self, other].contains(exit)).unwrap_or(other)
    }

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
    let order: Vec<String> = PRECEDENCE.iter().map(|exit| exit.code().to_string()).collect();
    let _ = writeln!(text, "Of several that apply the first of {}.", order.join(", "));
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

    #[test]
    fn of_two_codes_the_one_that_says_less_about_the_result_wins() {
        let order: Vec<u8> = PRECEDENCE.iter().map(|exit| exit.code()).collect();
        assert_eq!(order, [101, 6, 2, 3, 1, 4, 5, 0], "each code once");
        for (at, first) in PRECEDENCE.iter().enumerate() {
            for later in &PRECEDENCE[at..] {
                assert_eq!((first.or_worse(*later), later.or_worse(*first)), (*first, *first));
            }
        }
    }
}
