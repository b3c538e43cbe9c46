//! I5: no new conflict of duties, held or reachable.

use super::{Cited, Facts, Invariant, Status, Witness, worst};

/// See [`Invariant::title`].
pub struct Duties;

impl Invariant for Duties {
    fn id(&self) -> &'static str {
        "I5"
    }

    fn title(&self) -> &'static str {
        "No new segregation-of-duties conflict, direct or reachable."
    }

    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let judged = facts.sod.iter().map(|one| {
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
