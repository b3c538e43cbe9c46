//! I10: drafts of the same actor or workflow stay within their budget together.

use super::{Cited, Facts, Invariant, Status, Witness};
use crate::change::gate::budget::cumulative;

/// See [`Invariant::title`].
pub struct Budget;

impl Invariant for Budget {
    fn id(&self) -> &'static str {
        "I10"
    }

    fn title(&self) -> &'static str {
        "The cumulative budget over the same actor, workflow and window holds."
    }

    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let total = cumulative(facts);
        if total.exceeded.is_empty() {
            let says = |draft: &String| {
                let says = format!("the ledger does not say what the draft `{draft}` adds");
                Witness::with(says, vec![Cited::before("ledger", draft)])
            };
            let unknown: Vec<Witness> = total.unknown.iter().map(says).collect();
            return (if unknown.is_empty() { Status::Pass } else { Status::Unknown }, unknown);
        }
        let says = format!(
            "with {} earlier drafts of {} days: {}",
            total.counted.len(),
            total.window_days,
            total.exceeded.join("; ")
        );
        let rows = total.counted.iter().map(|draft| Cited::before("ledger", draft)).collect();
        (Status::Block, vec![Witness::with(says, rows)])
    }
}
