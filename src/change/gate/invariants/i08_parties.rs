//! I8: neither the requester nor the author nor the AI gains.

use super::{Facts, Invariant, Status, Witness, worst};

/// See [`Invariant::title`].
pub struct NobodyGains;

impl Invariant for NobodyGains {
    fn id(&self) -> &'static str {
        "I8"
    }

    fn title(&self) -> &'static str {
        "Neither requester, author nor AI gains."
    }

    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let parties = &facts.parties;
        let mut found = Vec::new();
        for row in facts.access.added.iter().filter(|row| parties.has(&row.principal)) {
            found.push((Status::Block, Witness::access(facts, row, "stands behind the draft and gains")));
        }
        for one in facts.reach.iter().filter(|one| parties.has(&one.principal)) {
            found.push((Status::Block, Witness::reached(facts, one)));
        }
        // Somebody whom the snapshot does not know may be anyone who gains.
        if found.is_empty() && !parties.unknown.is_empty() && !facts.gaining().is_empty() {
            for name in &parties.unknown {
                let says =
                    format!("`{name}` is nobody in the snapshot: whether they are among those who gain is not known");
                found.push((Status::Unknown, Witness::says(says)));
            }
        }
        worst(found)
    }
}
