//! An exception that is not worth anything.

use super::{Context, Draft, Info, Rule};

/// See [`Info::meaning`].
pub struct StaleException;

/// Its last day is over.
pub(super) const EXPIRED: &str = "expired";
/// It breaks a rule for exceptions.
pub(super) const INVALID: &str = "invalid";
/// It matches nothing.
pub(super) const UNMATCHED: &str = "unmatched";

const INFO: Info = Info {
    id: super::exceptions::RULE,
    title: "Exception is expired, invalid or matches nothing",
    meaning: "A decision to accept findings does not hold: its time is over, it breaks a rule for exceptions, or there \
              is nothing left that it describes. What it covered counts again. No exception and no `exclude` of the \
              configuration leaves this report out.",
    remediation: "Mend what it covered and delete it, or let another person than its owner decide anew, for at most \
                  180 days.",
    cases: &[
        (EXPIRED, "its last day is over"),
        (INVALID, "incomplete, decided by its owner alone or by who is gone, too long, or covering everything"),
        (UNMATCHED, "valid, and no finding is what it describes"),
    ],
};

impl Rule for StaleException {
    fn info(&self) -> &'static Info {
        &INFO
    }

    /// Nothing: an exception is judged by what all other rules found, in [`super::exceptions::apply`].
    fn check(&self, _: &Context<'_>) -> Vec<Draft> {
        Vec::new()
    }
}
