//! What an assistant may see: the facts of one domain of a snapshot, cited, redacted, bounded.
//!
//! A *domain* is the set of entities whose column `domain` has its name. A [`Scope`] decides which rows of which tables
//! belong to it and shows each as a [`Fact`]: an id (`table#row`), a citation (table, row, snapshot) and the columns that
//! their class lets through ([`classes`]). Three rules keep the rest of the organisation out:
//!
//! - An entity outside the domain is a *stub*: `ext:` and 24 hexadecimal digits, and its kind. Stubs are stable within a
//!   snapshot and a domain and tell nothing across domains: they are keyed with a digest that only the store has.
//! - Of a row whose owner is outside (a foreign role that trusts one of ours), free text is withheld; references, closed
//!   lists of names, and numbers are shown.
//! - In all other free text, whatever is called like an entity outside is replaced by its stub, and whatever is called
//!   like a person by a pseudonym (`scrub`).
//!
//! All text is data from exports: control, invisible and bidirectional characters are shown as escapes, texts and lists
//! are cut to a length, and everything stands below the key `data` of a fact.

pub mod classes;
mod coverage;
mod facts;
pub mod ground;
mod order;
mod pack;
mod page;
mod parts;
mod scope;
mod scrub;
mod summary;
pub mod text;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use facts::Fact;
pub use pack::{Manifest, Pack, PackPart, pack};
pub use page::{CursorError, Page, page, tokens};
pub use parts::Part;
pub use scope::{Scope, ScopeError, World, domains};

/// Version of every document of this module.
pub const FORMAT: u32 = 1;
