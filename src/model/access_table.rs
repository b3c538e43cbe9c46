//! Computed tables in memory whose rows principals of one class share.
//!
//! A class of a thousand administrators has some thousand rows and a thousand spans over them, in place of a million
//! rows. Rows are told apart by principal only where the table is walked as a whole, as it is when it is stored.

use super::{Access, EntityId};

/// A row that several principals can share.
pub trait ClassRow: Clone {
    /// Whose row it is.
    fn entity(&self) -> EntityId;

    /// The same as another principal's.
    #[must_use]
    fn of(&self, entity: EntityId) -> Self;
}

/// Implements [`ClassRow`] for records with a field `entity`.
macro_rules! class_rows {
    ($($record:ty),+) => { $(
        impl ClassRow for $record {
            fn entity(&self) -> EntityId {
                self.entity
            }

            fn of(&self, entity: EntityId) -> Self {
                Self { entity, ..self.clone() }
            }
        }
    )+ };
}

class_rows!(Access, super::Removal, super::Peer);

/// Access rows of principals, sorted by principal.
pub type AccessTable = ClassTable<Access>;

/// Rows of principals, sorted by principal.
#[derive(Debug, Clone)]
pub struct ClassTable<R> {
    /// The principal that a row names is one of those that share it.
    rows: Vec<R>,
    spans: Vec<Span>,
}

/// The rows of one principal.
#[derive(Debug, Clone, Copy)]
struct Span {
    entity: EntityId,
    start: usize,
    end: usize,
}

impl<R> Default for ClassTable<R> {
    fn default() -> Self {
        Self { rows: Vec::new(), spans: Vec::new() }
    }
}

impl<R: ClassRow> ClassTable<R> {
    /// Adds rows that several principals have, each of whom must have none so far.
    pub fn share(&mut self, members: &[EntityId], rows: Vec<R>) {
        let (start, end) = (self.rows.len(), self.rows.len() + rows.len());
        self.rows.extend(rows);
        self.spans.extend(members.iter().map(|&entity| Span { entity, start, end }));
    }

    /// Puts principals in order, after all have been added.
    pub fn sort(&mut self) {
        self.spans.sort_by_key(|span| span.entity);
    }

    fn span(&self, entity: EntityId) -> Option<usize> {
        self.spans.binary_search_by_key(&entity, |span| span.entity).ok()
    }

    /// The rows of a principal; the principal that they name may be another with the same rows.
    #[must_use]
    pub fn of(&self, entity: EntityId) -> &[R] {
        self.span(entity).map_or(&[], |at| &self.rows[self.spans[at].start..self.spans[at].end])
    }

    /// What is the same for principals that share their rows, and for no others with rows; `None` for one that has none.
    #[must_use]
    pub fn class(&self, entity: EntityId) -> Option<usize> {
        let span = self.spans[self.span(entity)?];
        (span.start < span.end).then_some(span.start)
    }

    /// The rows of principals that share theirs so far, to be changed: from here on these share them among themselves
    /// only.
    pub fn split(&mut self, members: &[EntityId]) -> &mut [R] {
        let Some(from) = members.first().and_then(|&first| self.span(first)).map(|at| self.spans[at]) else {
            return &mut [];
        };
        let start = self.rows.len();
        for row in from.start..from.end {
            self.rows.push(self.rows[row].of(from.entity));
        }
        for &entity in members {
            if let Some(at) = self.span(entity) {
                self.spans[at] = Span { entity, start, end: self.rows.len() };
            }
        }
        &mut self.rows[start..]
    }

    /// The rows of a principal and of all that share them, to be changed for all of them.
    pub fn shared(&mut self, entity: EntityId) -> &mut [R] {
        let Some(at) = self.span(entity) else { return &mut [] };
        let Span { start, end, .. } = self.spans[at];
        &mut self.rows[start..end]
    }

    /// Number of rows, those that are shared counted for each principal.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.iter().map(|span| span.end - span.start).sum()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every row of every principal, in order.
    pub fn iter(&self) -> impl Iterator<Item = R> + '_ {
        self.spans.iter().flat_map(|span| self.rows[span.start..span.end].iter().map(|row| row.of(span.entity)))
    }
}

impl<R: ClassRow> From<Vec<R>> for ClassTable<R> {
    fn from(mut rows: Vec<R>) -> Self {
        rows.sort_by_key(R::entity);
        let mut spans: Vec<Span> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            match spans.last_mut().filter(|span| span.entity == row.entity()) {
                Some(span) => span.end = at + 1,
                None => spans.push(Span { entity: row.entity(), start: at, end: at + 1 }),
            }
        }
        Self { rows, spans }
    }
}

impl<R: ClassRow + PartialEq> PartialEq for ClassTable<R> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Decision;

    fn row(entity: u32, service: &str) -> Access {
        Access {
            entity: EntityId(entity),
            service: service.to_owned(),
            level: "read".to_owned(),
            granted_n: 1,
            unused_n: None,
            observable_n: None,
            breadth: "all".to_owned(),
            mass: 8.0,
            unused_mass: None,
            observable_mass: None,
            used_mass: None,
            undetermined_n: None,
            window_days: None,
            decision: Decision::Allowed,
            evidence_grade: "static".to_owned(),
        }
    }

    #[test]
    fn shared_rows_are_those_of_each_until_one_makes_them_its_own() {
        let mut table = AccessTable::default();
        table.share(&[EntityId(1), EntityId(3)], vec![row(1, "s3"), row(1, "sqs")]);
        table.share(&[EntityId(2)], vec![row(2, "kms")]);
        table.sort();
        let all = vec![row(1, "s3"), row(1, "sqs"), row(2, "kms"), row(3, "s3"), row(3, "sqs")];
        assert!(table.iter().eq(all.clone()) && table.len() == 5);
        assert_eq!(table, AccessTable::from(all));
        assert_eq!(table.class(EntityId(1)), table.class(EntityId(3)));
        for row in table.split(&[EntityId(3)]) {
            row.unused_n = Some(1);
        }
        assert_ne!(table.class(EntityId(1)), table.class(EntityId(3)));
        assert_eq!(table.of(EntityId(1))[0].unused_n, None);
        assert_eq!(table.of(EntityId(3))[0].unused_n, Some(1));
        assert_eq!(table.of(EntityId(3))[0].entity, EntityId(3));
        assert!(table.of(EntityId(9)).is_empty());
    }
}
