//! overgrant: an entitlement-graph engine that measures privilege sprawl from exported identity data.

pub mod analysis;
pub mod cli;
pub mod config;
pub mod findings;
pub mod metrics;
pub mod model;
pub mod reports;
pub mod scores;
pub mod store;
pub mod techniques;
