//! The access table in memory: principals of one class share their rows.
//!
//! A class of a thousand administrators has some thousand rows and a thousand spans over them, in place of a million
//! rows. Rows are told apart by principal only where the table is walked as a whole, as it is when it is stored.

use super::{Access, EntityId};

/// Access rows of principals, sorted by principal.
#[derive(Debug, Clone, Default)]
pub struct AccessTable {
    /// The field `entity` of a row is that of one of the principals that share it.
    rows: Vec<Access>,
    spans: Vec<Span>,
}

/// The rows of one principal.
#[derive(Debug, Clone, Copy)]
struct Span {
    entity: EntityId,
    start: usize,
    end: usize,
}

impl AccessTable {
    /// Adds rows that several principals have, each of whom must have none so far.
    pub fn share(&mut self, members: &[EntityId], rows: Vec<Access>) {
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

    /// The rows of a principal; their field `entity` may be that of another with the same access.
    #[must_use]
    pub fn of(&self, entity: EntityId) -> &[Access] {
        self.span(entity).map_or(&[], |at| &self.rows[self.spans[at].start..self.spans[at].end])
    }

    /// The rows of a principal to be changed: from here on they are its own.
    pub fn own(&mut self, entity: EntityId) -> &mut [Access] {
        let Some(at) = self.span(entity) else { return &mut [] };
        let start = self.rows.len();
        for row in self.spans[at].start..self.spans[at].end {
            self.rows.push(Access { entity, ..self.rows[row].clone() });
        }
        self.spans[at] = Span { entity, start, end: self.rows.len() };
        &mut self.rows[start..]
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
    pub fn iter(&self) -> impl Iterator<Item = Access> + '_ {
        self.spans.iter().flat_map(|span| {
            self.rows[span.start..span.end].iter().map(|row| Access { entity: span.entity, ..row.clone() })
        })
    }
}

impl From<Vec<Access>> for AccessTable {
    fn from(mut rows: Vec<Access>) -> Self {
        rows.sort_by_key(|row| row.entity);
        let mut spans: Vec<Span> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            match spans.last_mut().filter(|span| span.entity == row.entity) {
                Some(span) => span.end = at + 1,
                None => spans.push(Span { entity: row.entity, start: at, end: at + 1 }),
            }
        }
        Self { rows, spans }
    }
}

impl PartialEq for AccessTable {
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
        for row in table.own(EntityId(3)) {
            row.unused_n = Some(1);
        }
        assert_eq!(table.of(EntityId(1))[0].unused_n, None);
        assert_eq!(table.of(EntityId(3))[0].unused_n, Some(1));
        assert_eq!(table.of(EntityId(3))[0].entity, EntityId(3));
        assert!(table.of(EntityId(9)).is_empty());
    }
}
