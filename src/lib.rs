//! overgrant: an entitlement-graph engine that measures privilege sprawl from exported identity data.

pub mod config;
pub mod findings;
pub mod metrics;
pub mod model;
pub mod scores;
