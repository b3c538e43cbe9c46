//! AWS.

pub mod catalog;
pub mod keys;
