//! Snapshots over time: committed through the library as weekly scans would, then asked about.

mod attribution;
mod commands;
mod crosscheck;
mod drift;
pub mod weeks;
