//! Reader of OpenGraph payloads, and what is settled once all of them are read.

mod edge;
mod flatten;
mod graph;
mod node;
mod resolve;

pub use resolve::reconcile;

use serde_json::Value;

use super::schema::SchemaFile;
use crate::platforms::input::Reader;

/// All readers, in the order in which they are asked.
pub const READERS: &[&dyn Reader] = &[&graph::Graph, &SchemaFile];

/// [`crate::model::Source::kind`] of a file that holds a graph.
pub const GRAPH: &str = "opengraph";

/// A text, number or truth value as matchers compare it; empty for anything else.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
}
