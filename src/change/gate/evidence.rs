//! What must be there before a person decides, by tier, and what of it is missing.

use super::facts::Facts;
use super::invariants::used;
use super::terms::Evidence;
use crate::change::Change;
use crate::findings::lifecycle::Owner;
use crate::findings::lifecycle::ownership::Recorded;

/// Names of what is missing, sorted.
#[must_use]
pub fn missing(facts: &Facts<'_>) -> Vec<String> {
    let wanted = facts.base.terms.evidence(facts.tier);
    let mut out: Vec<String> = wanted.into_iter().filter(|one| !has(facts, *one)).map(|one| one.to_string()).collect();
    if facts.parties.ai {
        // A model's draft is only as good as what it was told and asked.
        let said = [
            ("author.model", facts.set.author.model.is_some()),
            ("author.on_behalf_of", facts.set.author.on_behalf_of.is_some()),
            ("context_sha256", facts.set.context_sha256.is_some()),
            ("prompt_sha256", facts.set.prompt_sha256.is_some()),
            ("workflow", facts.set.workflow.is_some()),
        ];
        out.extend(said.into_iter().filter(|(_, there)| !there).map(|(name, _)| name.to_owned()));
    }
    out.sort();
    out
}

fn has(facts: &Facts<'_>, one: Evidence) -> bool {
    let set = facts.set;
    let adds = !facts.access.added.is_empty();
    match one {
        Evidence::Task => !set.intent.task.trim().is_empty(),
        Evidence::Ticket => set.ticket.is_some(),
        Evidence::Rollback => facts.rollback.verified,
        Evidence::Intent => !adds || !set.intent.grants.is_empty(),
        Evidence::Usage => used(facts).iter().all(|row| row.exact.is_some()),
        Evidence::Owner => {
            let after = facts.after();
            let recorded = Recorded::new(after);
            let touched = facts.applied.touched.iter().map(|&one| after.entity(one));
            let mut machines = touched.filter(|one| one.is_principal() && one.nhi != Some(false));
            machines.all(|one| matches!(recorded.owner(after, one), Owner::Answers | Owner::Platform))
        }
        Evidence::End => !adds || set.intent.until.is_some() || set.changes.iter().all(ends),
    }
}

/// Whether what an operation adds ends by itself.
const fn ends(change: &Change) -> bool {
    match change {
        Change::AddMember { expires_at, .. } | Change::PutGrant { expires_at, .. } => expires_at.is_some(),
        Change::Attach { .. } | Change::SetTrust { .. } | Change::SetBoundary { .. } => false,
        _ => true,
    }
}
