//! The one test binary: a link takes longer than the tests.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod cli;
mod tidy;
