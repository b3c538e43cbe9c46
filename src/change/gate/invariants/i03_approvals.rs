//! I3: approvals are not removed or weakened, also not by moving things out of their scope.

use super::{Cited, Facts, Invariant, Status, Witness, worst};

/// See [`Invariant::title`].
pub struct ApprovalsKept;

impl Invariant for ApprovalsKept {
    fn id(&self) -> &'static str {
        "I3"
    }

    fn title(&self) -> &'static str {
        "Approvals are not removed or weakened, also not by moving things out of their scope."
    }

    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let mut found = Vec::new();
        for one in &facts.approvals.direct {
            let rows = vec![Cited::before("approvals", &one.object), Cited::after("approvals", &one.object)];
            let (status, what) = if one.weaker.is_empty() {
                // Stronger or only different: who approves is a person's decision all the same.
                (Status::NeedsHuman, "the approval is another".to_owned())
            } else {
                (Status::Block, one.weaker.join("; "))
            };
            found.push((status, Witness::with(format!("`{}`: {what}", one.object), rows)));
        }
        for one in &facts.approvals.transitive {
            let rows = vec![Cited::before("approvals", &one.object)];
            let says = format!("`{}` gets around the approval of `{}`: {}", one.subject, one.object, one.how);
            found.push((Status::Block, Witness::with(says, rows)));
        }
        worst(found)
    }
}
