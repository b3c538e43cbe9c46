//! I7: every machine identity that a draft touches has an active human owner afterwards.

use super::{Cited, Facts, Invariant, Status, Witness, worst};
use crate::findings::lifecycle::Owner;
use crate::findings::lifecycle::ownership::Recorded;

/// See [`Invariant::title`].
pub struct Owners;

impl Invariant for Owners {
    fn id(&self) -> &'static str {
        "I7"
    }

    fn title(&self) -> &'static str {
        "Every touched non-human identity keeps an active human owner."
    }

    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let after = facts.after();
        let recorded = Recorded::new(after);
        let mut found = Vec::new();
        let touched = facts.applied.touched.iter().map(|&one| after.entity(one));
        for entity in touched.filter(|one| one.is_principal() && one.nhi != Some(false) && !one.is_account_root()) {
            let rows = vec![Cited::after("entities", &entity.id), Cited::after("owners", &entity.id)];
            let (status, what) = match recorded.owner(after, entity) {
                Owner::Answers | Owner::Platform => continue,
                Owner::Gone(reason) => (Status::Block, format!("its owner does not answer any more ({reason})")),
                Owner::Missing => (Status::Block, "it has no owner".to_owned()),
                Owner::Unknown => (Status::Unknown, "nothing says who owns it, or who people are".to_owned()),
            };
            found.push((status, Witness::with(format!("`{}`: {what}", entity.id), rows)));
        }
        worst(found)
    }
}
