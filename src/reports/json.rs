//! JSON: versioned, sorted keys, no wall-clock time. Also the report that holds a whole scan.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Report, View, escape, rows, summary};

/// Version of every JSON document that the program prints.
pub const FORMAT: u32 = 1;

/// A document as text: two blanks an indent, keys sorted, a line break at the end, nothing in it that a terminal
/// would obey.
#[must_use]
pub fn text(value: &Value) -> String {
    // Objects are sorted maps (the crate is built without insertion order) and the alternate form is indented.
    let mut text = escape::json(format!("{value:#}"));
    text.push('\n');
    text
}

/// One row of a JSON-lines file.
#[must_use]
pub fn line(value: &Value) -> String {
    let mut text = escape::json(value.to_string());
    text.push('\n');
    text
}

/// The report `json`: the scan's summary with all findings and scores.
#[derive(Debug)]
pub struct Json;

impl Report for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn about(&self) -> &'static str {
        "summary, findings and scores in one document"
    }

    fn write(&self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
        let findings: Vec<Value> = view.findings().into_iter().map(|row| rows::finding(view, row)).collect();
        let scores: Vec<Value> = view.scores().into_iter().map(|row| rows::score(view, row)).collect();
        let document = json!({
            "format": FORMAT,
            "summary": summary::document(view),
            "findings": findings,
            "scores": scores,
        });
        out.write_all(text(&document).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_whatever_the_order_of_insertion() {
        assert_eq!(line(&json!({"b": 1, "a": {"d": 1, "c": 2}})), "{\"a\":{\"c\":2,\"d\":1},\"b\":1}\n");
    }
}
