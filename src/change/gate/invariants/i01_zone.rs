//! I1: no principal newly reaches the protected zone.

use super::{Cited, Facts, Invariant, Status, Witness, worst};
use crate::model::{Certainty, MembershipKind};

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
        found.extend(owning(facts));
        if !facts.now.graph.complete {
            let says = "a limit ended the search for what principals can do together";
            found.push((Status::Unknown, Witness::says(says)));
        }
        worst(found)
    }
}

/// New owners of what is in the zone or comes to it, who do not come there by what is counted: what an owner may do is
/// control, whether a platform's export spells it out as rights or not.
fn owning(facts: &Facts<'_>) -> Vec<(Status, Witness)> {
    let (after, now) = (facts.after(), facts.now);
    let mut found = Vec::new();
    for row in facts.delta.memberships.added.iter().filter(|row| row.kind == MembershipKind::Owns) {
        let near = now.zone_reason(row.container).map(|_| (Certainty::Certain, 0)).or_else(|| now.hops(row.container));
        let Some((certainty, hops)) = near else { continue };
        let known = now.zone_reason(row.member).is_some() || now.hops(row.member).is_some_and(|own| own.0 <= certainty);
        if known {
            continue;
        }
        let (member, container) = (&after.entity(row.member).id, &after.entity(row.container).id);
        let says = format!("`{member}` owns `{container}`, {hops} steps from the protected zone, {certainty}");
        let rows = vec![Cited::after("memberships", &format!("{member} → {container}"))];
        let status = if certainty == Certainty::Certain { Status::Block } else { Status::NeedsStepUp };
        found.push((status, Witness::with(says, rows)));
    }
    found
}
