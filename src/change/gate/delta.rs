//! Which rows a change set adds to the tables and which it takes away, by content and not by number.
//!
//! The operations of a change set are not trusted to say what they do: what counts is how the tables differ. A row is
//! the same when all that it says is the same, wherever it was read and whatever its number is. Only rows of touched
//! entities are compared; [`Delta::whole`] compares all, and a test holds the one to the other.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::change::Applied;
use crate::model::{
    Approval, Attachment, Attribute, Credential, Entity, EntityId, Exception, Grant, Membership, Ownership, SourceId,
    Tables, Trust, Workflow,
};

/// Rows of one table that are on one side only, each in the numbers of its own side.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff<R> {
    pub added: Vec<R>,
    pub removed: Vec<R>,
}

impl<R> Default for Diff<R> {
    fn default() -> Self {
        Self { added: Vec::new(), removed: Vec::new() }
    }
}

/// How the tables after a change set differ from those before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delta {
    pub grants: Diff<Grant>,
    pub memberships: Diff<Membership>,
    pub attachments: Diff<Attachment>,
    pub attributes: Diff<Attribute>,
    pub trusts: Diff<Trust>,
    pub credentials: Diff<Credential>,
    pub owners: Diff<Ownership>,
    pub approvals: Diff<Approval>,
    pub exceptions: Diff<Exception>,
    pub workflows: Diff<Workflow>,
    /// Entities whose scope is another now, by their numbers after.
    pub moved: Vec<EntityId>,
    /// Entities that could be used and cannot now, or the other way round, by their numbers after.
    pub switched: Vec<EntityId>,
    /// Entities that are new or present for the first time, by their numbers after.
    pub created: Vec<EntityId>,
    /// Entities that are gone or present no more, by their numbers before.
    pub deleted: Vec<EntityId>,
}

/// Numbers of entities on both sides.
#[derive(Debug, Clone)]
pub struct Numbers {
    /// Before to after.
    pub forth: Vec<Option<EntityId>>,
    /// After to before.
    pub back: Vec<Option<EntityId>>,
}

impl Numbers {
    /// Both directions of the map of a change set.
    #[must_use]
    pub fn new(applied: &Applied) -> Self {
        let mut back = vec![None; applied.tables.entities.len()];
        for (before, after) in (0u32..).zip(&applied.map) {
            if let Some(place) = after.and_then(|after| back.get_mut(after.index())) {
                *place = Some(EntityId(before));
            }
        }
        Self { forth: applied.map.clone(), back }
    }

    /// The number after of an entity of before.
    #[must_use]
    pub fn after(&self, before: EntityId) -> Option<EntityId> {
        self.forth.get(before.index()).copied().flatten()
    }

    /// The number before of an entity of after; none for a new one.
    #[must_use]
    pub fn before(&self, after: EntityId) -> Option<EntityId> {
        self.back.get(after.index()).copied().flatten()
    }
}

/// A row whose content can be told apart from where it was read.
trait Content: Clone + Serialize {
    /// Entities that a change of the row names, one of which is touched.
    fn about(&self) -> Vec<EntityId>;
    /// The row without its place, numbers replaced.
    fn stripped(&self, number: &dyn Fn(EntityId) -> EntityId) -> Self;
}

macro_rules! content {
    ($row:ty, $($id:ident),+; $($option:ident),*; $($blank:ident = $value:expr),*) => {
        impl Content for $row {
            fn about(&self) -> Vec<EntityId> {
                let named: Vec<Option<EntityId>> = vec![$(Some(self.$id),)+ $(self.$option),*];
                named.into_iter().flatten().collect()
            }
            fn stripped(&self, number: &dyn Fn(EntityId) -> EntityId) -> Self {
                Self {
                    $($id: number(self.$id),)+
                    $($option: self.$option.map(number),)*
                    $($blank: $value,)*
                    ..self.clone()
                }
            }
        }
    };
}

content!(Grant, holder; ; grant = 0, source = SourceId(0), record = String::new());
content!(Membership, member, container; ; source = SourceId(0), record = String::new());
content!(Attachment, holder, policy; ; source = SourceId(0), record = String::new());
content!(Trust, target; trustee; grant = 0);
content!(Credential, entity; ; source = SourceId(0), record = String::new());
content!(Ownership, entity; group; source = SourceId(0), record = String::new());

impl Content for Attribute {
    fn about(&self) -> Vec<EntityId> {
        vec![self.entity]
    }
    fn stripped(&self, number: &dyn Fn(EntityId) -> EntityId) -> Self {
        Self { entity: number(self.entity), ..self.clone() }
    }
}

macro_rules! named {
    ($row:ty, $option:ident) => {
        impl Content for $row {
            fn about(&self) -> Vec<EntityId> {
                Vec::new()
            }
            fn stripped(&self, number: &dyn Fn(EntityId) -> EntityId) -> Self {
                let (source, record) = (SourceId(0), String::new());
                Self { $option: self.$option.map(number), source, record, ..self.clone() }
            }
        }
    };
}

named!(Approval, entity);
named!(Workflow, principal);

impl Content for Exception {
    fn about(&self) -> Vec<EntityId> {
        Vec::new()
    }
    fn stripped(&self, _: &dyn Fn(EntityId) -> EntityId) -> Self {
        // What a scan said of it is no part of the decision.
        Self { source: SourceId(0), record: String::new(), matched_n: 0, problem: None, ..self.clone() }
    }
}

/// Touched entities by their numbers before, and after.
type Touched = (BTreeSet<EntityId>, BTreeSet<EntityId>);

/// Which rows are compared.
struct Comparison<'a> {
    numbers: &'a Numbers,
    /// Rows of these; none for all rows.
    only: Option<Touched>,
}

/// Stands for an entity of before that is no more.
fn gone(before: EntityId) -> EntityId {
    EntityId(u32::MAX - before.0)
}

impl Comparison<'_> {
    fn diff<R: Content>(&self, before: &[R], after: &[R]) -> Diff<R> {
        let counts = |row: &&R, side: fn(&Touched) -> &BTreeSet<EntityId>| {
            let Some(only) = &self.only else { return true };
            let about = row.about();
            about.is_empty() || about.iter().any(|one| side(only).contains(one))
        };
        let mut places: BTreeMap<String, Vec<&R>> = BTreeMap::new();
        let then = |id: EntityId| self.numbers.after(id).unwrap_or_else(|| gone(id));
        for row in before.iter().filter(|row| counts(row, |only| &only.0)) {
            places.entry(text(&row.stripped(&then))).or_default().push(row);
        }
        let mut diff = Diff::default();
        for row in after.iter().filter(|row| counts(row, |only| &only.1)) {
            if places.get_mut(&text(&row.stripped(&|id| id))).and_then(Vec::pop).is_none() {
                diff.added.push(row.clone());
            }
        }
        diff.removed = places.into_values().flatten().cloned().collect();
        diff
    }
}

/// Whether an entity is known to be of no use to anybody: it is gone, or disabled.
#[must_use]
pub fn is_off(entity: &Entity) -> bool {
    !entity.present || entity.enabled == Some(false)
}

/// Canonical text of a row: fields in the order of their declaration.
fn text<R: Serialize>(row: &R) -> String {
    // Rows hold numbers and texts only, which always serialise.
    serde_json::to_string(row).unwrap_or_default()
}

impl Delta {
    /// Compares the rows of touched entities.
    #[must_use]
    pub fn new(before: &Tables, applied: &Applied, numbers: &Numbers) -> Self {
        let after: BTreeSet<EntityId> = applied.touched.iter().chain(&applied.new_entities).copied().collect();
        let mut then: BTreeSet<EntityId> = after.iter().filter_map(|&id| numbers.before(id)).collect();
        let all = (0u32..).take(before.entities.len()).map(EntityId);
        then.extend(all.filter(|&id| numbers.after(id).is_none()));
        Self::compared(before, applied, &Comparison { numbers, only: Some((then, after)) })
    }

    /// Compares all rows.
    #[must_use]
    pub fn whole(before: &Tables, applied: &Applied, numbers: &Numbers) -> Self {
        Self::compared(before, applied, &Comparison { numbers, only: None })
    }

    fn compared(before: &Tables, applied: &Applied, by: &Comparison<'_>) -> Self {
        let after = &applied.tables;
        let present = |tables: &Tables, id: EntityId| tables.entities.get(id.index()).is_some_and(|one| one.present);
        let numbers = by.numbers;
        let created = after.entities.iter().filter(|entity| entity.present);
        let created = created.filter(|one| !numbers.before(one.entity).is_some_and(|id| present(before, id)));
        let deleted = before.entities.iter().filter(|entity| entity.present);
        let deleted = deleted.filter(|one| !numbers.after(one.entity).is_some_and(|id| present(after, id)));
        let moved = after
            .entities
            .iter()
            .filter(|one| numbers.before(one.entity).is_some_and(|id| before.entity(id).scope != one.scope));
        let switched = after
            .entities
            .iter()
            .filter(|one| numbers.before(one.entity).is_some_and(|id| is_off(before.entity(id)) != is_off(one)));
        Self {
            grants: by.diff(&before.grants, &after.grants),
            memberships: by.diff(&before.memberships, &after.memberships),
            attachments: by.diff(&before.attachments, &after.attachments),
            attributes: by.diff(&before.attributes, &after.attributes),
            trusts: by.diff(&before.trusts, &after.trusts),
            credentials: by.diff(&before.credentials, &after.credentials),
            owners: by.diff(&before.owners, &after.owners),
            approvals: by.diff(&before.approvals, &after.approvals),
            exceptions: by.diff(&before.exceptions, &after.exceptions),
            workflows: by.diff(&before.workflows, &after.workflows),
            moved: moved.map(|one| one.entity).collect(),
            switched: switched.map(|one| one.entity).collect(),
            created: created.map(|one| one.entity).collect(),
            deleted: deleted.map(|one| one.entity).collect(),
        }
    }
}
