//! I14: no new crossing of environments.

use super::{Cited, Facts, Invariant, Status, Witness, worst};

/// See [`Invariant::title`].
pub struct Environments;

impl Invariant for Environments {
    fn id(&self) -> &'static str {
        "I14"
    }

    fn title(&self) -> &'static str {
        "No crossing of environments."
    }

    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let judged = facts.crossings.iter().map(|one| {
            let status = if one.certain { Status::Block } else { Status::NeedsStepUp };
            let mut says = one.title.clone();
            for fact in &one.evidence {
                says += &format!("; {fact}");
            }
            (status, Witness::with(says, vec![Cited::after("entities", &one.entity)]))
        });
        worst(judged.collect())
    }
}
