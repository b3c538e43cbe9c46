//! overgrant: an entitlement-graph engine that measures privilege sprawl from exported identity data.

pub mod model;
pub mod store;
