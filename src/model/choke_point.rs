//! What attack paths have to pass, and the change that takes it away.

use serde::Serialize;

use super::EntityId;
use crate::{names, record};

names! {
    /// What a choke point is, by what one would change in the real world.
    pub enum ChokeKind {
        /// A principal, or another node of the attack graph that is not protected itself.
        Node = "node",
        /// A statement of a policy, inline or managed.
        Statement = "statement",
        /// A managed policy on a principal or group.
        Attachment = "attachment",
        /// A member of a group.
        Membership = "membership",
        /// A statement of a trust policy.
        Trust = "trust",
    }
}

record! {
    /// Something that every path of some principals to the protected zone crosses.
    table "choke_points";
    pub struct ChokePoint {
        /// Whose it is: the node; who holds the statement, the policy or the membership; the role that trusts.
        pub entity: EntityId,
        /// What it is.
        pub kind: ChokeKind,
        /// Policy that is attached, or group that the entity is a member of; null for the other kinds.
        pub other: Option<EntityId>,
        /// Number of the statement; null for the other kinds.
        pub grant: Option<u32>,
        /// Full id: that of the node, or those of the parts with ` → ` between them.
        pub id: String,
        /// What a person calls it.
        pub name: String,
        /// Principals outside the zone whose every path, certain or conditional, crosses it, itself not counted.
        pub unavoidable_for: u64,
        /// Principals outside the zone that reach it or may, as things are.
        pub exposure_before: u64,
        /// The same without the choke point.
        pub exposure_after: u64,
        /// Whether the account could take it away: not service-linked, not the provider's own, and nothing that an
        /// administrator's standing rests on.
        pub removable: bool,
        /// Whether anything that goes with it was used in the observation window; null when that is not known.
        pub used_in_window: Option<bool>,
        /// The change that takes it away, as JSON of the change-set form; null when there is none of one step.
        pub change: Option<String>,
    }
}

/// One change of the change-set form that takes something away. Ids are full ids of entities.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Change {
    /// Takes a member out of a group.
    RemoveMember { container: String, member: String },
    /// Takes a managed policy off a principal or group.
    Detach { holder: String, policy: String },
    /// Takes a statement out of a policy: an inline one of the holder (`inline:` and its name), or the managed one that
    /// the holder is. The statement is its `Sid`, or `#` and its place as things were.
    DeleteGrant { holder: String, policy: String, statement: String },
    /// Takes a statement out of a trust policy.
    SetTrust { principal: String, remove_statement: String },
    /// Deletes a principal.
    DeletePrincipal { principal: String },
}

impl Change {
    /// The change as canonical JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A map of texts is always JSON; the keys come sorted from the value.
        serde_json::to_value(self).map_or_else(|_| String::new(), |value| value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_an_object_with_its_op() {
        let change = Change::Detach { holder: "arn:…:role/a".to_owned(), policy: "arn:…:policy/p".to_owned() };
        assert_eq!(change.to_json(), r#"{"holder":"arn:…:role/a","op":"detach","policy":"arn:…:policy/p"}"#);
    }
}
