//! What operations take to be there: whom they change, and what they put into something or take out of it.
//!
//! Whom a statement lets in is not among it: that may be anyone, also somebody whom the snapshot does not know.

use std::collections::BTreeSet;

use super::set::Change;

/// Something that an operation takes to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named<'c> {
    /// Full id of an entity.
    Entity(&'c str),
    /// An object as the table of approvals names it.
    Object(&'c str),
    /// Id of an exception, which may be a new one.
    Exception(&'c str),
}

/// What operations take to be in the snapshot, each once, in the order of the operations. What an operation creates is
/// not among it.
#[must_use]
pub fn named(changes: &[Change]) -> Vec<Named<'_>> {
    let mut out = Vec::new();
    let mut seen: BTreeSet<Named<'_>> = BTreeSet::new();
    for change in changes {
        if let Change::CreatePrincipal { principal, .. } = change {
            seen.insert(Named::Entity(principal));
        }
        out.extend(of(change).into_iter().filter(|&one| seen.insert(one)));
    }
    out
}

fn of(change: &Change) -> Vec<Named<'_>> {
    match change {
        Change::AddMember { container, member, .. } | Change::RemoveMember { container, member, .. } => {
            vec![Named::Entity(container), Named::Entity(member)]
        }
        Change::Attach { holder, policy, .. } | Change::Detach { holder, policy, .. } => {
            vec![Named::Entity(holder), Named::Entity(policy)]
        }
        Change::PutGrant { holder, trusts, .. } => {
            let targets = trusts.iter().map(|one| &one.target);
            std::iter::once(holder).chain(targets).map(|id| Named::Entity(id)).collect()
        }
        Change::DeleteGrant { holder, .. } => vec![Named::Entity(holder)],
        Change::SetBoundary { principal, policy } => {
            std::iter::once(principal).chain(policy).map(|id| Named::Entity(id)).collect()
        }
        Change::SetTrust { principal, .. }
        | Change::DeletePrincipal { principal, .. }
        | Change::SetEnabled { principal, .. }
        | Change::CreateCredential { principal, .. }
        | Change::DisableCredential { principal, .. }
        | Change::RotateCredential { principal, .. } => vec![Named::Entity(principal)],
        Change::SetApproval { object, entity, .. } => {
            std::iter::once(Named::Object(object)).chain(entity.iter().map(|id| Named::Entity(id))).collect()
        }
        Change::SetException { exception, .. } => vec![Named::Exception(exception)],
        Change::SetOwner { entity, .. } => vec![Named::Entity(entity)],
        Change::CreatePrincipal { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::set::ChangeSet;
    use super::{Named, named};

    #[test]
    fn what_is_created_and_whom_a_trust_lets_in_is_not_taken_to_be_there() {
        let set = ChangeSet::from_value(&json!({
            "format": 1, "draft_id": "d", "author": {"kind": "ai", "id": "a"}, "intent": {"task": "t"},
            "changes": [
                {"op": "create_principal", "principal": "new", "kind": "role"},
                {"op": "put_grant", "holder": "new", "policy": "inline:p", "statement": "S", "effect": "allow"},
                {"op": "add_member", "container": "group", "member": "ada"},
                {"op": "set_trust", "principal": "role", "trustees": [{"trustee": "AWS:them", "action": "a"}]},
                {"op": "set_boundary", "principal": "ada", "policy": "limits"},
                {"op": "set_boundary", "principal": "bob", "policy": null},
                {"op": "set_approval", "object": "role", "approvals": [], "entity": "role"},
                {"op": "set_exception", "exception": "E-1", "terms": null},
            ],
        }))
        .expect("a change set");
        let entities = ["group", "ada", "role", "limits", "bob"].map(Named::Entity);
        assert_eq!(named(&set.changes), [&entities[..], &[Named::Object("role"), Named::Exception("E-1")]].concat());
    }
}
