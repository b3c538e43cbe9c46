//! I4: nothing that works like an exception goes undeclared.

use super::{Facts, Invariant, Status, Witness, worst};

/// See [`Invariant::title`].
pub struct Declared;

impl Invariant for Declared {
    fn id(&self) -> &'static str {
        "I4"
    }

    fn title(&self) -> &'static str {
        "Nothing that works like an exception goes undeclared."
    }

    /// What is declared is for a person to decide; what is not is hidden.
    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let judged = facts.equivalents.iter().map(|one| {
            let declared = one.is_declared(&facts.set.exceptions);
            let (status, how) =
                if declared { (Status::NeedsHuman, "declared") } else { (Status::Block, "not declared") };
            (status, Witness::with(format!("{}, {how}: {}", one.kind, one.says), one.rows.clone()))
        });
        worst(judged.collect())
    }
}
