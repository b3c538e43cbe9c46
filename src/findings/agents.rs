//! Who is an AI agent here, and what is known of its workflows and owners.

use std::collections::BTreeMap;

use super::Context;
use super::approvers::Approvers;
use crate::model::{EntityId, EntityKind, Person, Tables, Workflow};

/// An agent's principal and the workflows that run as it.
#[derive(Debug, Clone)]
pub struct Agent<'a> {
    pub principal: EntityId,
    /// All of them, in the order of the table; those that no model takes part in as well.
    pub workflows: Vec<&'a Workflow>,
}

/// Principals of workflows that a model takes part in, and entities that are agents, by number.
#[must_use]
pub fn agents(tables: &Tables) -> Vec<Agent<'_>> {
    let mut found: BTreeMap<EntityId, Vec<&Workflow>> = BTreeMap::new();
    for entity in tables.entities.iter().filter(|entity| entity.is_principal() && entity.kind == EntityKind::Agent) {
        found.insert(entity.entity, Vec::new());
    }
    let ai = |row: &&Workflow| row.ai == Some(true);
    for principal in tables.workflows.iter().filter(ai).filter_map(|row| row.principal) {
        found.insert(principal, Vec::new());
    }
    for row in &tables.workflows {
        if let Some(list) = row.principal.and_then(|principal| found.get_mut(&principal)) {
            list.push(row);
        }
    }
    found.into_iter().map(|(principal, workflows)| Agent { principal, workflows }).collect()
}

impl<'a> Context<'a> {
    /// [`agents`] of this snapshot.
    #[must_use]
    pub fn agents(&self) -> Vec<Agent<'a>> {
        agents(self.tables)
    }

    /// Workflows that a model takes part in.
    pub fn ai_workflows(&self) -> impl Iterator<Item = &'a Workflow> {
        self.tables.workflows.iter().filter(|row| row.ai == Some(true))
    }

    /// The person that a text names by id, address or name.
    #[must_use]
    pub fn person(&self, text: &str) -> Option<&'a Person> {
        Approvers::new(self.tables).person(text)
    }

    /// The entity that a workflow is to be told about: its principal, or the first identity of its control owner.
    #[must_use]
    pub fn home_of(&self, row: &Workflow) -> Option<EntityId> {
        row.principal.or_else(|| self.person(row.control_owner.as_deref()?)?.entity)
    }
}

/// How to call a workflow in a sentence.
#[must_use]
pub fn call(row: &Workflow) -> String {
    format!("workflow `{}`", row.workflow)
}
