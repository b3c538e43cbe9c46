//! The reader of SharpHound's files, and what only shows when all of them are there.

mod access;
mod certificates;
mod collection;
mod complete;
mod containers;
#[cfg(test)]
mod damage;
mod hosts;
mod kind;
mod objects;
mod policies;
mod principals;
mod reconcile;
mod templates;
mod value;

pub use complete::complete;
pub use kind::Kind;
pub use reconcile::reconcile;

use crate::platforms::input;

/// All readers.
pub const READERS: &[&dyn input::Reader] = &[&collection::SharpHound];
