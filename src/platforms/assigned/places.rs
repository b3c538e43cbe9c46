//! Where rights hold: the tree of resources, and what a right's resources are in it.

use std::sync::{Arc, OnceLock, RwLock};

use roaring::RoaringBitmap;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{EntityId, EntityKind, MembershipKind, Tables};

/// One resource of a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Everything in the holder's top-level scope.
    Everything,
    /// An entity and everything inside it.
    Inside(EntityId),
    /// One entity alone.
    Only(EntityId),
    /// Something that the export does not have, by its id; with everything inside it, or alone.
    Text { id: String, inside: bool },
}

/// What a question is about.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// Everything in the principal's top-level scope.
    Everything,
    Entity(EntityId),
    /// Something that the export does not have.
    Text(&'a str),
}

/// What contains what.
pub struct Tree<'t> {
    tables: &'t Tables,
    platform: &'t str,
    children: OnceLock<FxHashMap<u32, Vec<u32>>>,
    inside: RwLock<FxHashMap<u32, Arc<RoaringBitmap>>>,
    scopes: OnceLock<FxHashMap<u32, Arc<RoaringBitmap>>>,
}

impl<'t> Tree<'t> {
    /// Looks at nothing yet.
    #[must_use]
    pub fn new(tables: &'t Tables, platform: &'t str) -> Self {
        Self { tables, platform, children: OnceLock::new(), inside: RwLock::default(), scopes: OnceLock::new() }
    }

    /// What a resource of a grant is.
    #[must_use]
    pub fn place(&self, resource: &str) -> Place {
        if resource == "*" {
            return Place::Everything;
        }
        let (id, inside) = resource.strip_prefix('=').map_or((resource, true), |id| (id, false));
        match (self.tables.find(id), inside) {
            (Some(entity), true) => Place::Inside(entity),
            (Some(entity), false) => Place::Only(entity),
            (None, inside) => Place::Text { id: id.to_owned(), inside },
        }
    }

    /// The top-level scope that an entity lives in: itself when it is in none.
    #[must_use]
    pub fn scope_of(&self, entity: EntityId) -> EntityId {
        self.tables.entity(entity).scope.as_deref().and_then(|scope| self.tables.find(scope)).unwrap_or(entity)
    }

    /// Everything of the platform in a top-level scope, itself included.
    #[must_use]
    pub fn scope(&self, scope: EntityId) -> Arc<RoaringBitmap> {
        let scopes = self.scopes.get_or_init(|| {
            let mut scopes: FxHashMap<u32, RoaringBitmap> = FxHashMap::default();
            for entity in self.tables.entities.iter().filter(|entity| entity.platform == self.platform) {
                scopes.entry(self.scope_of(entity.entity).0).or_default().insert(entity.entity.0);
            }
            scopes.into_iter().map(|(scope, inside)| (scope, Arc::new(inside))).collect()
        });
        scopes.get(&scope.0).cloned().unwrap_or_default()
    }

    fn children(&self) -> &FxHashMap<u32, Vec<u32>> {
        self.children.get_or_init(|| {
            let mut children: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
            for row in self.tables.memberships.iter().filter(|row| row.kind == MembershipKind::Contains) {
                children.entry(row.container.0).or_default().push(row.member.0);
            }
            children
        })
    }

    /// Whether anything can be inside an entity.
    #[must_use]
    pub fn has_inside(&self, entity: EntityId) -> bool {
        self.tables.entity(entity).kind == EntityKind::Scope || self.children().contains_key(&entity.0)
    }

    /// An entity and everything inside it.
    #[must_use]
    pub fn inside(&self, entity: EntityId) -> Arc<RoaringBitmap> {
        if let Ok(known) = self.inside.read()
            && let Some(inside) = known.get(&entity.0)
        {
            return Arc::clone(inside);
        }
        let mut inside = RoaringBitmap::from_iter([entity.0]);
        let mut open = vec![entity.0];
        while let Some(at) = open.pop() {
            let below = self.children().get(&at).map(Vec::as_slice).unwrap_or_default();
            open.extend(below.iter().filter(|&&child| inside.insert(child)));
        }
        // A top-level scope has everything inside that says so, wherever the export puts it.
        if self.scope_of(entity) == entity {
            inside |= &*self.scope(entity);
        }
        let inside = Arc::new(inside);
        if let Ok(mut known) = self.inside.write() {
            known.insert(entity.0, Arc::clone(&inside));
        }
        inside
    }

    /// An entity and everything that it is inside of.
    fn around(&self, entity: EntityId) -> FxHashSet<EntityId> {
        let mut around = FxHashSet::from_iter([entity, self.scope_of(entity)]);
        let mut open: Vec<EntityId> = around.iter().copied().collect();
        while let Some(at) = open.pop() {
            let rows = &self.tables.memberships;
            let start = rows.partition_point(|row| row.member < at);
            let own = rows[start..].iter().take_while(|row| row.member == at);
            let own = own.filter(|row| row.kind == MembershipKind::Contains);
            open.extend(own.map(|row| row.container).filter(|container| around.insert(*container)));
        }
        around
    }

    /// Which of `among` are in a place, for a holder of a top-level scope.
    #[must_use]
    pub fn reached(&self, place: &Place, scope: EntityId, among: &RoaringBitmap) -> RoaringBitmap {
        match place {
            Place::Everything => &*self.scope(scope) & among,
            Place::Inside(entity) => &*self.inside(*entity) & among,
            Place::Only(entity) if among.contains(entity.0) => RoaringBitmap::from_iter([entity.0]),
            Place::Only(_) | Place::Text { .. } => RoaringBitmap::new(),
        }
    }

    /// Whether a place takes in all of a top-level scope.
    #[must_use]
    pub fn is_everything(&self, place: &Place, scope: EntityId) -> bool {
        match place {
            Place::Everything => true,
            Place::Inside(entity) => *entity == scope || self.inside(*entity).contains(scope.0),
            Place::Only(_) | Place::Text { .. } => false,
        }
    }

    /// Whether everything in one place is in the other, for holders of one scope.
    #[must_use]
    pub fn is_within(&self, narrow: &Place, wide: &Place, scope: EntityId) -> bool {
        match (narrow, wide) {
            (_, Place::Everything) => match narrow {
                Place::Everything | Place::Text { .. } => true,
                Place::Inside(entity) | Place::Only(entity) => self.scope(scope).contains(entity.0),
            },
            (Place::Everything, _) => self.is_everything(wide, scope),
            (Place::Inside(entity) | Place::Only(entity), Place::Inside(wide)) => self.inside(*wide).contains(entity.0),
            (Place::Text { id, .. }, Place::Inside(wide)) => self.around_text(id).contains(wide),
            (Place::Text { id, .. }, Place::Text { id: wide, inside: true }) => is_below(id, wide),
            (narrow, wide) => narrow == wide,
        }
    }

    /// Entities of the export that a thing which it does not have is inside of, as ids with `/` say.
    fn around_text(&self, text: &str) -> FxHashSet<EntityId> {
        let nearest = text.match_indices('/').rev().find_map(|(at, _)| self.tables.find(&text[..at]));
        nearest.map(|entity| self.around(entity)).unwrap_or_default()
    }

    /// Whether a place takes in what a question is about.
    #[must_use]
    pub fn holds(&self, place: &Place, scope: EntityId, asked: Asked<'_>) -> bool {
        match asked {
            Asked::Everything => self.is_everything(place, scope),
            Asked::Entity(entity) => match place {
                Place::Everything => self.scope(scope).contains(entity.0),
                Place::Inside(wide) => *wide == entity || self.around(entity).contains(wide),
                Place::Only(one) => *one == entity,
                Place::Text { .. } => false,
            },
            Asked::Text(text) => match place {
                Place::Everything => true,
                Place::Inside(wide) => self.around_text(text).contains(wide),
                Place::Only(_) => false,
                Place::Text { id, inside } => id == text || (*inside && is_below(text, id)),
            },
        }
    }
}

/// Whether an id is that of something inside another, or the same.
fn is_below(id: &str, wide: &str) -> bool {
    id.strip_prefix(wide).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
