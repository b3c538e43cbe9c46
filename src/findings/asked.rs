//! What rules need to know of effective permissions beyond the access table, asked while the evaluators are alive.

use crate::model::{Certainty, EntityId};

/// The answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    /// One for each row of the table `sod_rules`, in its order.
    pub duties: Vec<Duties>,
    /// Who may do something to things that are labelled with an environment, sorted by entity, then environment.
    pub environments: Vec<InEnvironment>,
    /// Who may change a queue that something takes from, or what a workflow may only propose changes to; sorted.
    pub writes: Vec<Write>,
    /// Identities of connectors and pipelines that may change permissions, and how sure that is; by entity.
    pub changers: Vec<(EntityId, Certainty)>,
}

/// Who holds each side of a rule of segregation of duties.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Duties {
    /// Sorted by entity, one row each.
    pub left: Vec<Holder>,
    /// In the same way.
    pub right: Vec<Holder>,
}

/// A principal with a duty.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    pub entity: EntityId,
    /// Action, or principal, by which it has the duty.
    pub by: String,
    pub certainty: Certainty,
    /// What it hangs on, in words.
    pub reasons: Vec<String>,
    /// Numbers of the grants that give it; empty where the principal itself is the duty.
    pub evidence: Vec<u32>,
}

/// Effective access of a principal to something in an environment.
#[derive(Debug, Clone, PartialEq)]
pub struct InEnvironment {
    pub entity: EntityId,
    pub environment: String,
    /// One of the things.
    pub target: EntityId,
    /// Action that it may do there.
    pub action: String,
    pub certainty: Certainty,
    pub evidence: Vec<u32>,
}

/// Why a right to change something is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A connector or pipeline takes from it.
    Queue(EntityId),
    /// The workflow of this row may only propose changes to it.
    Proposals(u32),
}

/// Effective permission of a principal to change something.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    pub entity: EntityId,
    pub about: About,
    /// One of the things.
    pub target: EntityId,
    /// Action that it may do there.
    pub action: String,
    pub certainty: Certainty,
    /// What it hangs on, in words.
    pub reasons: Vec<String>,
    /// Numbers of the grants that give it.
    pub evidence: Vec<u32>,
}
