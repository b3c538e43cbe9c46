//! A table that is being changed: rows as they were, those that went, and those that came.
//!
//! Tables are sorted by the entity that a row is first of all about, so that its rows are found by bisection among
//! those of old and by a map among the new ones: O(log n + found) each. Nothing moves before [`Rows::finish`].

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{Attachment, Attribute, Credential, EntityId, Grant, Membership, Ownership, Trust};

/// A row of a table that is sorted by an entity.
pub trait About {
    /// The entity that it is first of all about.
    fn about(&self) -> EntityId;
}

macro_rules! about {
    ($($row:ty: $field:ident),+ $(,)?) => { $(
        impl About for $row {
            fn about(&self) -> EntityId {
                self.$field
            }
        }
    )+ };
}

about!(
    Membership: member,
    Attachment: holder,
    Attribute: entity,
    Grant: holder,
    Trust: target,
    Credential: entity,
    Ownership: entity,
);

/// Rows under change. A slot names a row until the end: its place among the rows of old, or behind them.
pub struct Rows<T> {
    base: Vec<T>,
    /// Whether the rows of old are sorted by their entity, as a scan leaves them.
    sorted: bool,
    gone: FxHashSet<usize>,
    more: Vec<Option<T>>,
    more_of: FxHashMap<EntityId, Vec<usize>>,
}

impl<T: About + Clone> Rows<T> {
    /// Takes a table.
    pub fn new(base: Vec<T>) -> Self {
        let sorted = base.is_sorted_by_key(About::about);
        Self { base, sorted, gone: FxHashSet::default(), more: Vec::new(), more_of: FxHashMap::default() }
    }

    /// The row of a slot, unless it is gone.
    pub fn get(&self, slot: usize) -> Option<&T> {
        match slot.checked_sub(self.base.len()) {
            None => (!self.gone.contains(&slot)).then(|| &self.base[slot]),
            Some(more) => self.more.get(more)?.as_ref(),
        }
    }

    /// Slots of the rows of an entity, in order.
    pub fn of(&self, entity: EntityId) -> Vec<usize> {
        let base: Vec<usize> = if self.sorted {
            let start = self.base.partition_point(|row| row.about() < entity);
            let end = start + self.base[start..].partition_point(|row| row.about() == entity);
            (start..end).collect()
        } else {
            (0..self.base.len()).filter(|&at| self.base[at].about() == entity).collect()
        };
        let more = self.more_of.get(&entity).into_iter().flatten().copied();
        base.into_iter().chain(more).filter(|&slot| self.get(slot).is_some()).collect()
    }

    /// Slots of all rows of which something is so. O(rows).
    pub fn filter(&self, wanted: impl Fn(&T) -> bool) -> Vec<usize> {
        let all = 0..self.base.len() + self.more.len();
        all.filter(|&slot| self.get(slot).is_some_and(&wanted)).collect()
    }

    /// The first row of an entity of which something is so.
    pub fn find(&self, entity: EntityId, wanted: impl Fn(&T) -> bool) -> Option<usize> {
        self.of(entity).into_iter().find(|&slot| self.get(slot).is_some_and(&wanted))
    }

    /// Adds a row.
    pub fn put(&mut self, row: T) -> usize {
        let slot = self.base.len() + self.more.len();
        self.more_of.entry(row.about()).or_default().push(slot);
        self.more.push(Some(row));
        slot
    }

    /// Takes a row out.
    pub fn take(&mut self, slot: usize) -> Option<T> {
        match slot.checked_sub(self.base.len()) {
            None => self.gone.insert(slot).then(|| self.base[slot].clone()),
            Some(more) => self.more.get_mut(more)?.take(),
        }
    }

    /// The rows that are left, those of old first, with their slots.
    pub fn finish(self) -> Vec<(usize, T)> {
        let n = self.base.len();
        let Self { base, gone, more, .. } = self;
        let kept = base.into_iter().enumerate().filter(|(slot, _)| !gone.contains(slot));
        let more = more.into_iter().enumerate().filter_map(|(at, row)| Some((n + at, row?)));
        kept.chain(more).collect()
    }

    /// The rows that are left, those of old first.
    pub fn rows(self) -> Vec<T> {
        self.finish().into_iter().map(|(_, row)| row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl About for (u32, char) {
        fn about(&self) -> EntityId {
            EntityId(self.0)
        }
    }

    #[test]
    fn rows_of_old_and_new_ones_are_found_until_they_are_taken() {
        for base in [vec![(1, 'a'), (2, 'b'), (2, 'c')], vec![(2, 'b'), (1, 'a'), (2, 'c')]] {
            let mut rows = Rows::new(base);
            let slot = rows.put((2, 'd'));
            rows.put((7, 'e'));
            let of_two: String = rows.of(EntityId(2)).iter().filter_map(|&at| rows.get(at)).map(|row| row.1).collect();
            assert_eq!(of_two, "bcd");
            assert_eq!(rows.take(slot), Some((2, 'd')));
            assert_eq!(rows.take(slot), None);
            let b = rows.find(EntityId(2), |row| row.1 == 'b').unwrap();
            assert_eq!((rows.take(b), rows.take(b)), (Some((2, 'b')), None));
            let left: String = rows.rows().into_iter().map(|row| row.1).collect();
            assert_eq!(left, "ace");
        }
    }
}
