//! Dense numbers for the things of a snapshot.

use serde::Serialize;

/// Number of an entity in one snapshot: its place among all entity ids in byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct EntityId(pub u32);

impl EntityId {
    /// The number as an index into a table that is sorted by entity.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
