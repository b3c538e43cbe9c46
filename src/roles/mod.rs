//! Role mining.

pub mod cover;
