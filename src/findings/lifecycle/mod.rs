//! Who answers for identities, who left, and what they left behind: facts that several rules and the orphan score
//! share, computed once for a snapshot.
//!
//! [`Context::lifecycle`] has them; [`orphans`] writes them down as a table and [`lines`] as text.

pub mod consumers;
pub mod control;
pub mod offboarding;
pub mod ownership;
pub mod people;
pub mod proposal;
pub mod reasons;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use super::Context;
use crate::model::{Entity, Tables};

pub use consumers::Consumer;
pub use ownership::Owner;
pub use reasons::{Neglect, lines, neglects, orphans};

/// The facts, by which they are looked up.
#[derive(Debug, Default)]
pub struct Lifecycle {
    /// Who is behind each identity.
    pub faces: people::Faces,
    /// Who can act as whom directly.
    pub control: control::Control,
    /// What people who left could use.
    pub offboarding: offboarding::Offboarding,
    /// What uses identities.
    pub bindings: consumers::Bindings,
    /// Owners of what has something in common.
    pub peers: proposal::Peers,
    recorded: ownership::Recorded,
}

impl Lifecycle {
    /// Goes through a snapshot once. It must not ask the context for itself.
    #[must_use]
    pub fn new(context: &Context<'_>) -> Self {
        let tables = context.tables;
        let control = control::Control::new(context);
        Self {
            faces: people::Faces::new(tables),
            offboarding: offboarding::Offboarding::new(context, &control),
            control,
            bindings: consumers::Bindings::new(tables),
            peers: proposal::Peers::new(context),
            recorded: ownership::Recorded::new(tables),
        }
    }

    /// What is known of an identity's owner.
    #[must_use]
    pub fn owner(&self, tables: &Tables, entity: &Entity) -> Owner {
        self.recorded.owner(tables, entity)
    }
}
