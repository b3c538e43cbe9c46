//! Exceptions as TOML: one `[[exception]]` block each, with the keys that the columns of the CSV form have.
//!
//! The text is cut at the blocks and each is read by itself, so that a mistake in one leaves the others standing and is
//! reported with its line.

use toml::{Table, Value};

use super::format::EXCEPTIONS;
use crate::model::{Builder, IssueSeverity};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Opening of a block.
const OPENING: &str = "[[exception]]";
/// A longer text is no list of exceptions that people keep.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Reads exceptions in TOML.
pub struct ExceptionBlocks;

impl Reader for ExceptionBlocks {
    fn name(&self) -> &'static str {
        "governance-exceptions-toml"
    }

    fn title(&self) -> &'static str {
        "Exceptions (TOML with `[[exception]]` blocks)"
    }

    fn recognises(&self, head: &Head) -> bool {
        let text = head.text();
        // Before the first block there are comments only: another TOML file may have a list of this name in it.
        text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).is_some_and(opens)
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut bytes = Vec::new();
        let failed = |error: &std::io::Error| ReadError::from_io(error, "line 1");
        std::io::Read::read_to_end(&mut std::io::Read::take(input.stream(), BYTES_MAX + 1), &mut bytes)
            .map_err(|error| failed(&error))?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(ReadError::limit("line 1", format!("a TOML file of more than {BYTES_MAX} bytes is not read")));
        }
        for block in blocks(&String::from_utf8_lossy(&bytes)) {
            read_block(&block, out);
        }
        Ok(())
    }
}

fn opens(line: &str) -> bool {
    line.strip_prefix(OPENING).is_some_and(|rest| rest.trim_start().is_empty() || rest.trim_start().starts_with('#'))
}

/// One block without its opening, and the line of that.
struct Block<'t> {
    line: usize,
    text: Vec<&'t str>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block<'_>> = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if opens(line.trim()) {
            found.push(Block { line: number, text: Vec::new() });
        } else if let Some(block) = found.last_mut() {
            block.text.push(line);
        }
    }
    found
}

fn read_block(block: &Block<'_>, out: &mut Builder) {
    let place = format!("line {}", block.line);
    let table: Table = match block.text.join("\n").parse() {
        Ok(table) => table,
        Err(error) => {
            // The parser's text quotes the line, which may hold anything.
            let error: toml::de::Error = error;
            let message = format!("the block is no TOML: {}", error.message());
            return out.skip("toml_invalid", &place, message);
        }
    };
    let (mut columns, mut cells) = (Vec::new(), Vec::new());
    for (key, value) in &table {
        match cell(value) {
            Some(cell) => {
                columns.push(key.to_lowercase());
                cells.push(cell);
            }
            None => {
                let message = format!("`{key}` is neither a text nor a number nor a date, and is not read");
                out.issue(IssueSeverity::Warning, "value_invalid", &place, message);
            }
        }
    }
    EXCEPTIONS.review(&columns, &place, out);
    EXCEPTIONS.row(out, &columns, &place, &cells);
}

fn cell(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        Value::Datetime(time) => Some(time.to_string()),
        Value::Array(_) | Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, read};
    use super::*;
    use crate::model::text::parse_time;

    #[test]
    fn a_block_with_a_mistake_is_reported_with_its_line_and_the_others_are_read() {
        let out = read(
            &ExceptionBlocks,
            "# ours\n[[exception]]\nexception = \"E-1\" # first\nrule = 'key-age'\nexpires = 2027-03-01\n\n\
             [[exception]]\nexception = \"E-2\nrule = 1\n[[exception]]\nrule = \"x\"\n\
             [[exception]] # last\nexception = 4\nprincipal = [\"a\"]\nwhy = \"?\"\nexpires = \"soon\"\n",
        );
        let rows: Vec<_> = out
            .exceptions
            .iter()
            .map(|row| (row.exception.as_str(), row.rule.as_deref(), row.expires_at, row.record.as_str()))
            .collect();
        assert_eq!(rows, [("E-1", Some("key-age"), parse_time("2027-03-01"), "line 2"), ("4", None, None, "line 12")]);
        let expected = ["toml_invalid", "cell_missing", "value_invalid", "column_unknown", "time_invalid"];
        assert_eq!(codes(&out), expected);
        let places: Vec<&str> = out.issues.iter().map(|issue| issue.record.as_str()).collect();
        assert_eq!(places, ["line 7", "line 10", "line 12", "line 12", "line 12"]);
    }

    #[test]
    fn another_toml_file_is_left_alone() {
        for text in ["[other]\nx = 1\n[[exception]]\n", "exception = 1\n", "[[exceptions]]\n", ""] {
            assert!(!ExceptionBlocks.recognises(&Head::new("x.toml", text.as_bytes())), "{text}");
        }
    }
}
