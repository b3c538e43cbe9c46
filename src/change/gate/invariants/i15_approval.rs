//! I15: approvals fit the risk tier, and nobody approves what they asked for.

use std::collections::BTreeSet;

use super::{Cited, Facts, Invariant, Status, Witness, worst};
use crate::change::Change;
use crate::change::gate::Past;

/// See [`Invariant::title`].
pub struct Approved;

impl Invariant for Approved {
    fn id(&self) -> &'static str {
        "I15"
    }

    fn title(&self) -> &'static str {
        "Approvals fit the risk tier; approver, requester and the author's owner are different persons."
    }

    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let mut found = Vec::new();
        let (valid, refused) = given(facts);
        for (says, own) in refused {
            // An approval by whoever asked is an attempt; any other void one merely does not count.
            let status = if own { Status::Block } else { Status::NeedsHuman };
            found.push((status, Witness::says(says)));
        }
        let needed = required(facts);
        if valid.len() < needed {
            let status = if needed > 1 { Status::NeedsStepUp } else { Status::NeedsHuman };
            let kinds: BTreeSet<&str> =
                facts.set.changes.iter().filter(|one| needs_human(one)).map(Change::op).collect();
            let kinds: Vec<&str> = kinds.into_iter().collect();
            let why =
                if kinds.is_empty() { String::new() } else { format!("; always for a human: {}", kinds.join(", ")) };
            let says = format!("{} of {needed} approvals of tier {} are given{why}", valid.len(), facts.tier);
            found.push((status, Witness::says(says)));
        }
        for one in &facts.approvals.needed {
            let theirs = valid.iter().filter(|by| one.approvers.contains(*by)).count();
            if theirs < one.quorum as usize {
                let says = format!("{theirs} of {} approvers of `{}` have agreed", one.quorum, one.object);
                let rows = vec![Cited::after("approvals", &one.object)];
                found.push((Status::NeedsHuman, Witness::with(says, rows)));
            }
        }
        for note in &facts.read.notes {
            let says = format!("{} at {}: {}", note.kind, note.pointer, note.message);
            found.push((Status::NeedsHuman, Witness::says(says)));
        }
        worst(found)
    }
}

/// Kinds of change that a person decides whatever the tier: membership, entitlements, rotation of secrets, exceptions.
const fn needs_human(change: &Change) -> bool {
    match change {
        Change::AddMember { .. }
        | Change::RemoveMember { .. }
        | Change::Attach { .. }
        | Change::Detach { .. }
        | Change::PutGrant { .. }
        | Change::DeleteGrant { .. }
        | Change::SetTrust { .. }
        | Change::SetBoundary { .. }
        | Change::CreatePrincipal { .. }
        | Change::DeletePrincipal { .. }
        | Change::SetEnabled { .. }
        | Change::CreateCredential { .. }
        | Change::RotateCredential { .. }
        | Change::SetApproval { .. }
        | Change::SetException { .. } => true,
        Change::DisableCredential { .. } | Change::SetOwner { .. } => false,
    }
}

/// Persons who must agree.
pub fn required(facts: &Facts<'_>) -> usize {
    let least = usize::from(facts.set.changes.iter().any(needs_human));
    facts.base.terms.approvals(facts.tier).max(least)
}

/// Persons whose approval counts, and what is said of the other approvals, with whether whoever gave them stands behind
/// the draft. A decision in the ledger counts whether or not the draft names it. A model cannot say who approved: what
/// its drafts say counts where such a decision confirms it.
pub fn given(facts: &Facts<'_>) -> (BTreeSet<String>, Vec<(String, bool)>) {
    let approver = |by: &str| facts.parties.approver(facts.base.tables, by, facts.base.now);
    let (mut valid, mut refused) = (BTreeSet::new(), Vec::new());
    for by in decided(facts) {
        match approver(by) {
            Ok(row) => drop(valid.insert(row.person.clone())),
            Err(problem) => refused.push(problem),
        }
    }
    let by_ledger = valid.clone();
    for one in &facts.set.approvals {
        match approver(&one.by) {
            Err(problem) => refused.push(problem),
            Ok(_) if one.at.0 > facts.base.now => {
                refused.push((format!("the approval of `{}` is of {}, which is yet to come", one.by, one.at), false));
            }
            Ok(row) if facts.parties.ai && !by_ledger.contains(&row.person) => {
                let says = format!(
                    "the ledger has no decision of `{}` on these operations, and a model's draft cannot say it",
                    one.by
                );
                refused.push((says, false));
            }
            Ok(row) => drop(valid.insert(row.person.clone())),
        }
    }
    refused.sort();
    refused.dedup();
    (valid, refused)
}

/// Whom the ledger says to have approved exactly these operations under this draft's id, sorted. Who approved other ones
/// under the same id did not approve these.
fn decided<'f>(facts: &'f Facts<'_>) -> BTreeSet<&'f str> {
    let Some(digest) = crate::change::sha256(&facts.set.changes) else { return BTreeSet::new() };
    let same = |past: &&Past| {
        past.draft_id == facts.set.draft_id && past.approved_sha256.as_deref().is_some_and(|one| one == digest)
    };
    facts.ledger.iter().filter(same).flat_map(|past| &past.approved_by).map(String::as_str).collect()
}
