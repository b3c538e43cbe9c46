//! What drafts of infrastructure declare, in the terms of a platform.
//!
//! A plan says for each resource what there is now and what there is to be, as attributes of a kind
//! (`aws_iam_role_policy`). A platform puts both into builders, as its readers do with exports
//! ([`super::Platform::declare`]); the difference between the two is the change.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::ALL;
use crate::model::{Builder, Entity, EntityId, EntityKind, Tables};

/// Attributes of one resource.
pub type Attributes = Map<String, Value>;

/// What declarations are read against: the snapshot, and what the same draft declares.
pub struct Declaring<'t> {
    pub tables: &'t Tables,
    /// Entities by platform, kind and name.
    names: FxHashMap<(&'t str, EntityKind, &'t str), Vec<EntityId>>,
    /// Ids of what the draft declares, by platform, kind and name.
    declared: BTreeMap<(String, EntityKind, String), String>,
}

impl<'t> Declaring<'t> {
    /// Prepares look-ups. O(entities).
    #[must_use]
    pub fn new(tables: &'t Tables) -> Self {
        let mut names: FxHashMap<_, Vec<EntityId>> = FxHashMap::default();
        for entity in tables.entities.iter().filter(|entity| entity.present) {
            names.entry((entity.platform.as_str(), entity.kind, entity.name.as_str())).or_default().push(entity.entity);
        }
        Self { tables, names, declared: BTreeMap::new() }
    }

    /// Remembers everything that a builder defines.
    pub fn remember(&mut self, builder: &Builder) {
        for entity in builder.entities().iter().filter(|entity| entity.present) {
            let key = (entity.platform.clone(), entity.kind, entity.name.clone());
            self.declared.entry(key).or_insert_with(|| entity.id.clone());
        }
    }

    /// Ids of the entities of a kind and name: what the draft declares, else what the snapshot has.
    #[must_use]
    pub fn ids(&self, platform: &str, kind: EntityKind, name: &str) -> Vec<String> {
        if let Some(id) = self.declared.get(&(platform.to_owned(), kind, name.to_owned())) {
            return vec![id.clone()];
        }
        let found = self.names.get(&(platform, kind, name)).into_iter().flatten();
        found.map(|&entity| self.tables.entity(entity).id.clone()).collect()
    }

    /// Whether the snapshot defines the entity of an id.
    #[must_use]
    pub fn is_there(&self, id: &str) -> bool {
        self.tables.find(id).is_some_and(|found| self.tables.entity(found).present)
    }

    /// The top-level scopes of a platform that exports define.
    #[must_use]
    pub fn scopes(&self, platform: &str) -> Vec<&'t Entity> {
        let is = |entity: &&Entity| {
            entity.present && entity.platform == platform && entity.kind == EntityKind::Scope && entity.scope.is_none()
        };
        self.tables.entities.iter().filter(is).collect()
    }
}

/// A policy document of somebody.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Name of the policy, as statements have it.
    pub policy: &'a str,
    /// What the policy is to its holder: `identity`, `trust` or `resource`.
    pub kind: Option<&'a str>,
    /// The document, or its text.
    pub document: &'a Value,
    /// Where it is.
    pub place: &'a str,
}

/// What of the rows about an object the object itself states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated {
    /// The statements that it holds.
    pub statements: bool,
    /// What is attached to it.
    pub attached: bool,
    /// Whom it is attached to.
    pub held: bool,
}

impl Stated {
    /// None of them: that it is there.
    pub const NOTHING: Self = Self { statements: false, attached: false, held: false };
}

/// Has the platform whose kind it is put a resource into a builder; whether there is one.
pub fn declare(kind: &str, value: &Attributes, place: &str, context: &Declaring<'_>, out: &mut Builder) -> bool {
    ALL.iter().any(|platform| platform.declare(kind, value, place, context, out))
}

/// What other resources refer to of a resource that is not made yet: attribute and value.
#[must_use]
pub fn exported(kind: &str, value: &Attributes, context: &Declaring<'_>) -> Vec<(&'static str, String)> {
    ALL.iter().flat_map(|platform| platform.exported(kind, value, context)).collect()
}

/// A text of a resource; `None` when it is empty or not known.
#[must_use]
pub fn text<'v>(value: &'v Attributes, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The texts of a list, or of a single one.
#[must_use]
pub fn texts<'v>(value: &'v Attributes, key: &str) -> Vec<&'v str> {
    match value.get(key) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) if !one.is_empty() => vec![one],
        _ => Vec::new(),
    }
}

/// The objects of a block, which plans write as a list.
#[must_use]
pub fn blocks<'v>(value: &'v Attributes, key: &str) -> Vec<&'v Attributes> {
    match value.get(key) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_object).collect(),
        Some(Value::Object(one)) => vec![one],
        _ => Vec::new(),
    }
}
