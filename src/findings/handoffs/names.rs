//! What the names of queues and proposals in tables of workflows mean.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::naming::{Named, Names};
use crate::model::text::glob;
use crate::model::{Entity, EntityId, EntityKind, Tables, Workflow};

/// What tells a queue from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Something of an export.
    Entity(EntityId),
    /// A name in lower case that stands only in tables.
    Name(String),
}

/// Names of queues and what they mean.
#[derive(Debug, Default)]
pub struct Queues(BTreeMap<String, EntityId>);

impl Queues {
    /// What a name means.
    #[must_use]
    pub fn key(&self, name: &str) -> Key {
        let name = name.trim();
        self.0.get(name).map_or_else(|| Key::Name(name.to_lowercase()), |entity| Key::Entity(*entity))
    }

    /// Entities that are queues.
    pub fn entities(&self) -> impl Iterator<Item = EntityId> + '_ {
        self.0.values().copied()
    }
}

/// Whether two texts are the same name of a queue.
#[must_use]
pub fn same_name(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

/// Whether something of this kind can be a queue: not a group or a person who is called like one.
const fn holds_requests(kind: EntityKind) -> bool {
    matches!(kind, EntityKind::Resource | EntityKind::Application | EntityKind::Workload)
}

/// Looks up every queue that a row names, where some row takes from one.
#[must_use]
pub fn queues(tables: &Tables) -> Queues {
    if tables.workflows.iter().all(|row| row.takes_from.is_empty()) {
        return Queues::default();
    }
    let of_workflows = tables.workflows.iter().flat_map(|row| row.takes_from.iter().chain(&row.queue));
    let of_approvals = tables.approvals.iter().flat_map(|row| std::iter::once(&row.object).chain(&row.queue));
    let texts: BTreeSet<&str> = of_workflows.chain(of_approvals).map(|name| name.trim()).collect();
    let mut names = Names::new(texts.iter().copied());
    let able = tables.entities.iter().filter(|entity| holds_requests(entity.kind));
    able.for_each(|entity| names.learn(entity));
    let means = |text: &str| match names.find(text, |entity| Some(u8::from(!entity.present))) {
        Named::One(entity) => Some((text.to_owned(), entity.entity)),
        Named::Nothing | Named::Several(_) => None,
    };
    Queues(texts.into_iter().filter_map(means).collect())
}

/// What a workflow may only propose changes to: what its row says; else, where all its functions are to suggest or
/// prepare, what is approved in the queue that its requests go to. Ascending; itself is not among it.
#[must_use]
pub fn proposals(tables: &Tables, row: &Workflow) -> Vec<EntityId> {
    let mut found: BTreeSet<EntityId> = BTreeSet::new();
    if !row.proposes.is_empty() {
        for text in &row.proposes {
            if text.contains(['*', '?']) {
                let like = |entity: &&Entity| entity.present && (glob(text, &entity.id) || glob(text, &entity.name));
                found.extend(tables.entities.iter().filter(like).map(|entity| entity.entity));
            } else {
                found.extend(tables.find(text));
            }
        }
    } else if only_prepares(row) == Some(true)
        && let Some(queue) = &row.queue
    {
        let same = |one: &&crate::model::Approval| {
            one.queue.as_deref().is_some_and(|other| same_name(other, queue)) && one.object != row.workflow
        };
        found.extend(tables.approvals.iter().filter(same).filter_map(|one| one.entity));
    }
    found.into_iter().filter(|&one| Some(one) != row.principal).collect()
}

/// Whether the functions of a workflow are to suggest or prepare alone: `None` when it declares none.
#[must_use]
pub fn only_prepares(row: &Workflow) -> Option<bool> {
    let harmless = |one: &String| ["suggest", "prepare"].iter().any(|known| known.eq_ignore_ascii_case(one.trim()));
    if row.functions.is_empty() { None } else { Some(row.functions.iter().all(harmless)) }
}
