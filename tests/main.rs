//! Temporary root of the one test binary.

mod cli;
mod tidy;
