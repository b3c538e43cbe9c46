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
        /// The operation that takes it away, as JSON of the change-set form; a list where one thing is several statements of
        /// the snapshot; null when there is none of one step.
        pub change: Option<String>,
    }
}

/// One operation of a change set that takes something away. Ids are full ids of entities.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Change {
    /// Takes a member out of a group.
    RemoveMember { container: String, member: String },
    /// Takes a managed policy off a principal or group.
    Detach { holder: String, policy: String },
    /// Takes a statement, a right or an assignment away from who holds it. The statement is its `Sid`, `#` and its place
    /// as things were, or what else the platform calls it; `occurrence` says which of several with the same names, from 1.
    DeleteGrant {
        holder: String,
        policy: String,
        statement: String,
        /// Layer of the evaluation, where it is not that of what the holder itself is given.
        #[serde(skip_serializing_if = "Option::is_none")]
        layer: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        occurrence: Option<u32>,
    },
    /// Says whom a principal trusts from now on: those whom it trusted, without one statement.
    SetTrust { principal: String, trustees: Vec<Trustee> },
    /// Deletes a principal.
    DeletePrincipal { principal: String },
}

/// Who is trusted, by one statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Trustee {
    /// As the trust statement names it: `Kind:value`, or `*`.
    pub trustee: String,
    /// What it may do.
    pub action: String,
    /// Condition, as the platform writes conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// Name of the statement.
    pub statement: String,
}

/// A condition block, as canonical JSON, which is written as the object that it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition(pub String);

impl Serialize for Condition {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<serde_json::Value>(&self.0) {
            Ok(value) => value.serialize(out),
            Err(_) => out.serialize_str(&self.0),
        }
    }
}

impl Change {
    /// What is done, as change sets call it.
    #[must_use]
    pub const fn op(&self) -> &'static str {
        match self {
            Self::RemoveMember { .. } => "remove_member",
            Self::Detach { .. } => "detach",
            Self::DeleteGrant { .. } => "delete_grant",
            Self::SetTrust { .. } => "set_trust",
            Self::DeletePrincipal { .. } => "delete_principal",
        }
    }

    /// The change as canonical JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A map of texts is always JSON; the keys come sorted from the value.
        serde_json::to_value(self).map_or_else(|_| String::new(), |value| value.to_string())
    }

    /// Changes that go together as canonical JSON: an object, or a list of several.
    #[must_use]
    pub fn all_to_json(changes: &[Self]) -> String {
        match changes {
            [one] => one.to_json(),
            all => serde_json::to_value(all).map_or_else(|_| String::new(), |value| value.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_an_object_with_its_op() {
        let change = Change::Detach { holder: "arn:…:role/a".to_owned(), policy: "arn:…:policy/p".to_owned() };
        let text = r#"{"holder":"arn:…:role/a","op":"detach","policy":"arn:…:policy/p"}"#;
        assert_eq!(change.to_json(), text);
        assert_eq!(Change::all_to_json(std::slice::from_ref(&change)), text);
        assert_eq!(Change::all_to_json(&[change.clone(), change.clone()]), format!("[{text},{text}]"));
        assert!(text.contains(&format!("\"op\":\"{}\"", change.op())));
    }

    #[test]
    fn a_condition_is_written_as_the_object_that_it_is() {
        let condition = Some(Condition(r#"{"Bool":{"aws:MultiFactorAuthPresent":["true"]}}"#.to_owned()));
        let (trustee, action, statement) = ("AWS:x".to_owned(), "sts:AssumeRole".to_owned(), "#0".to_owned());
        let trustees = vec![Trustee { trustee, action, condition, statement }];
        let change = Change::SetTrust { principal: "r".to_owned(), trustees };
        let value: serde_json::Value = serde_json::from_str(&change.to_json()).unwrap();
        assert_eq!(value["trustees"][0]["condition"]["Bool"]["aws:MultiFactorAuthPresent"][0], "true");
        assert_eq!(value["op"], change.op());
    }
}
