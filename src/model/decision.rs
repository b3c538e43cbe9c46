//! Questions about one request and their answers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{EntityId, Layer};
use crate::names;

names! {
    /// The answer to "may this principal do that?". Neither of the last two ever counts as one of the first two.
    pub enum Decision {
        Allowed = "allowed",
        Denied = "denied",
        /// It depends on something that the caller cannot choose and the export does not say.
        Conditional = "conditional",
        /// Something that decides is missing from the export.
        Unknown = "unknown",
    }
}

names! {
    /// How sure an attack edge or path is.
    pub enum Certainty {
        Certain = "certain",
        Conditional = "conditional",
    }
}

/// One question: may `principal` do `action` on `resource`?
#[derive(Debug, Clone)]
pub struct Request {
    pub principal: EntityId,
    pub action: String,
    /// Full identifier of the resource; `*` asks for an action that is not on any one resource.
    pub resource: String,
    /// Request context that is given, by lower-case key. An empty list means that the key is given as absent.
    pub context: BTreeMap<String, Vec<String>>,
    /// Whether every key that is neither known nor given is absent, in place of chosen or open.
    pub strict: bool,
    /// Name of the role session that acts, where a session matters.
    pub session_name: Option<String>,
    /// Session policies, each a JSON document.
    pub session_policies: Vec<String>,
}

impl Request {
    /// A question with nothing given but its three parts.
    #[must_use]
    pub fn new(principal: EntityId, action: &str, resource: &str) -> Self {
        Self {
            principal,
            action: action.to_owned(),
            resource: resource.to_owned(),
            context: BTreeMap::new(),
            strict: false,
            session_name: None,
            session_policies: Vec::new(),
        }
    }
}

/// One statement, or the lack of one, that a decision stands on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Reason {
    pub layer: Layer,
    /// Name of the policy; null when the layer as a whole gives nothing.
    pub policy: Option<String>,
    /// `Sid` or place of the statement.
    pub statement: Option<String>,
    /// `allow`, `deny`, `implicit_deny` (no statement of the layer allows), or `missing` (not in the export).
    pub effect: &'static str,
    /// Condition block of the statement, or what remains open, in words.
    pub condition: Option<String>,
    /// Number of the statement, for evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<u32>,
}

/// An answer and what it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub decision: Decision,
    pub reasons: Vec<Reason>,
}
