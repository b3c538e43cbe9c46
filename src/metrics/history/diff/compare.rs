//! Two lists of rows with keys, merged: what is in one of them only, and what is in both and says something else.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::vec::IntoIter;

/// A row that can be found again in another snapshot.
pub trait Row {
    /// What makes two rows the same one.
    type Key: Ord;

    /// The key of this row.
    fn key(&self) -> Self::Key;

    /// What may change without making it another row: name and value of each field.
    fn fields(&self) -> Vec<(&'static str, Option<String>)>;
}

/// A field that says something else now.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Field {
    pub field: &'static str,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// A row of both snapshots that changed.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Changed<R> {
    /// As it is in the second snapshot.
    #[serde(flatten)]
    pub row: R,
    /// What changed, in the order of the row's fields.
    pub changes: Vec<Field>,
}

/// Differences of one table, each list sorted by key.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes<R> {
    pub added: Vec<R>,
    pub removed: Vec<R>,
    pub changed: Vec<Changed<R>>,
}

impl<R> Default for Changes<R> {
    fn default() -> Self {
        Self { added: Vec::new(), removed: Vec::new(), changed: Vec::new() }
    }
}

/// Merges two lists in any order. Rows of one list with the same key count once. O(n log n).
pub fn compare<R: Row>(a: Vec<R>, b: Vec<R>) -> Changes<R> {
    let (mut a, mut b) = (sorted(a), sorted(b));
    let mut found = Changes::default();
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => return found,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((before, _)), Some((after, _))) => before.cmp(after),
        };
        let before = if order.is_le() { a.next() } else { None };
        let after = if order.is_ge() { b.next() } else { None };
        match (before, after) {
            (Some((_, before)), Some((_, row))) => {
                let changes = differing(before.fields(), row.fields());
                if !changes.is_empty() {
                    found.changed.push(Changed { row, changes });
                }
            }
            (Some((_, before)), None) => found.removed.push(before),
            (None, after) => found.added.extend(after.map(|(_, row)| row)),
        }
    }
}

/// Rows with their keys, which cost something to make.
fn sorted<R: Row>(rows: Vec<R>) -> Peekable<IntoIter<(R::Key, R)>> {
    let mut keyed: Vec<(R::Key, R)> = rows.into_iter().map(|row| (row.key(), row)).collect();
    keyed.sort_by(|(x, _), (y, _)| x.cmp(y));
    keyed.dedup_by(|(next, _), (first, _)| next == first);
    keyed.into_iter().peekable()
}

/// Fields that say something else.
pub fn differing(
    before: Vec<(&'static str, Option<String>)>,
    after: Vec<(&'static str, Option<String>)>,
) -> Vec<Field> {
    (before.into_iter().zip(after))
        .filter(|((_, before), (_, after))| before != after)
        .map(|((field, before), (_, after))| Field { field, before, after })
        .collect()
}
