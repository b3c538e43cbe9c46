//! What the benches share: inputs, measuring, and how a run is recorded.

pub mod machine;
pub mod replicate;
pub mod stages;
