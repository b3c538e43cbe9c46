//! overgrant: an entitlement-graph engine that measures privilege sprawl from exported identity data.

pub mod access;
pub mod analysis;
pub mod change;
pub mod cli;
pub mod config;
pub mod context;
pub mod effect;
pub mod findings;
pub mod folder;
pub mod generate;
pub mod graph;
pub mod ledger;
pub mod mcp;
pub mod metrics;
pub mod model;
pub mod paths;
pub mod platforms;
pub mod reports;
pub mod roles;
pub mod scores;
pub mod store;
pub mod techniques;
