//! I1: no principal newly reaches the protected zone.

use super::{Facts, Invariant, Status, Witness, worst};
use crate::model::Certainty;

/// See [`Invariant::title`].
pub struct Zone;

impl Invariant for Zone {
    fn id(&self) -> &'static str {
        "I1"
    }

    fn title(&self) -> &'static str {
        "No principal newly reaches the protected zone."
    }

    /// A way that hangs on something is one that a second person must look at, not one that is harmless.
    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let status = |certainty| match certainty {
            Certainty::Certain => Status::Block,
            Certainty::Conditional => Status::NeedsStepUp,
        };
        let found = facts.reach.iter().map(|one| (status(one.certainty), Witness::reached(facts, one)));
        let mut found: Vec<_> = found.collect();
        if !facts.now.graph.complete {
            let says = "a limit ended the search for what principals can do together";
            found.push((Status::Unknown, Witness::says(says)));
        }
        worst(found)
    }
}
