//! What is never proposed to be taken away because somebody said so: principals for emergencies, and whatever else the
//! configuration or a label declares.
//!
//! A declared entity is left as it is: nothing that is on it, in it or of it is pulled, and nothing through which rights
//! come to it by name, such as a policy that is attached to its group. What everyone has is not its own.

use rustc_hash::FxHashSet;

use super::holding::Holdings;
use super::lever::Lever;
use super::stated::own_statements;
use crate::model::text::glob;
use crate::model::{EntityId, Tables};

/// Attribute of an entity that is there for emergencies.
const BREAK_GLASS: &str = "break_glass";
/// Stands between the parts of the id of a lever.
const ARROW: &str = " → ";

/// Entities and levers that stay.
#[derive(Debug, Clone, Default)]
pub struct Keep {
    entities: FxHashSet<EntityId>,
    levers: FxHashSet<Lever>,
    /// Patterns over ids of levers.
    patterns: Vec<String>,
}

impl Keep {
    /// What labels declare, and what these patterns match: full ids of entities, or ids of levers as `choke-points` has
    /// them, with `*` and `?` as wildcards. O(entities × patterns).
    #[must_use]
    pub fn new(tables: &Tables, patterns: &[String]) -> Self {
        let labelled = tables.attributes.iter().filter(|row| row.key == BREAK_GLASS && row.value == "true");
        let mut keep = Self { entities: labelled.map(|row| row.entity).collect(), ..Self::default() };
        if !patterns.is_empty() {
            let declared = |id: &str| patterns.iter().any(|pattern| glob(pattern, id));
            keep.entities.extend(tables.entities.iter().filter(|one| declared(&one.id)).map(|one| one.entity));
            keep.patterns = patterns.iter().filter(|pattern| pattern.contains(ARROW)).cloned().collect();
        }
        let holdings = Holdings::new(tables);
        for &entity in &keep.entities {
            let held = holdings.by_name(entity);
            keep.levers.extend(held.links.iter().filter_map(|link| link.lever));
            for holding in &held.list {
                let own = own_statements(tables, holding.holder);
                keep.levers.extend(own.map(|grant| Lever::of_grant(tables, grant.grant)));
            }
        }
        keep
    }

    /// Whether an entity was declared.
    #[must_use]
    pub fn entity(&self, entity: EntityId) -> bool {
        self.entities.contains(&entity)
    }

    /// Whether a lever must not be pulled.
    #[must_use]
    pub fn lever(&self, tables: &Tables, lever: Lever) -> bool {
        let part = match lever {
            Lever::Attachment { policy, .. } => policy,
            Lever::Membership { container, .. } => container,
            Lever::Statement(_) | Lever::Trust(_) => lever.entity(tables),
        };
        let named = || {
            let id = lever.id(tables);
            self.patterns.iter().any(|pattern| glob(pattern, &id))
        };
        self.levers.contains(&lever)
            || self.entity(lever.entity(tables))
            || self.entity(part)
            || (!self.patterns.is_empty() && named())
    }
}
