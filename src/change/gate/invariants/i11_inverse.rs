//! I11: the inverse of a draft restores the snapshot.

use super::{Facts, Invariant, Status, Witness};

/// See [`Invariant::title`].
pub struct Inverse;

impl Invariant for Inverse {
    fn id(&self) -> &'static str {
        "I11"
    }

    fn title(&self) -> &'static str {
        "The inverse is verified on the graph."
    }

    /// What no operation undoes (a lost secret) is the tier's matter; the tables must come back all the same.
    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        match &facts.rollback.problem {
            None if facts.rollback.verified => (Status::Pass, Vec::new()),
            problem => {
                let says = problem.clone().unwrap_or_else(|| "the inverse was not verified".to_owned());
                (Status::Block, vec![Witness::says(says)])
            }
        }
    }
}
