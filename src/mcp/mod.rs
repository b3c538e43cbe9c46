//! Questions of an assistant about one domain, over the Model Context Protocol.
//!
//! A [`Session`] is a domain of a snapshot with everything that tools may ask; [`serve`] speaks the protocol over standard
//! input and output. No tool writes anywhere, reaches outside the snapshot, or knows a way to mute, accept, approve or
//! apply. The domain is fixed when the session begins: what lies outside is answered like what does not exist.
//!
//! The gate and the ledger come in through two traits, [`Gatekeeper`] and [`Journal`], so that this module depends on
//! neither.

mod answers;
mod arguments;
mod schemas;
mod server;
mod session;
mod tools;

#[cfg(test)]
mod tests;

pub use server::{ServeError, serve};
pub use session::{Call, Closed, Gatekeeper, Journal, Named, NoJournal, Outcome, Refusal, Session};
pub use tools::{ALL, Tool};
