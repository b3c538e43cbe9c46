//! The one test binary: a link takes longer than the tests.

#![expect(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod ad;
mod agents;
mod agreement;
mod analysed;
mod azure;
mod cases;
mod causes;
mod changes;
mod cli;
mod cuts;
mod damaged;
mod demo;
mod documents;
mod domains;
mod effect;
mod gate;
mod gcp;
mod generate;
mod history;
mod kubernetes;
mod ledger;
mod opengraph;
mod organisation;
mod planted;
mod real;
mod reference;
mod robustness;
mod scoped;
mod splitmix;
mod tidy;
mod vault;
mod worked_example;
