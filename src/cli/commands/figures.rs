//! Numbers as people read them: the reports' own, so that a terminal and a page say the same.

pub use crate::reports::figures::{change, figure};
