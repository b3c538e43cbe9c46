//! Rows of database tables, as comma-separated text or as JSON objects, one by one.
//!
//! Names of columns count in any case. An empty cell and `null` are nothing.

use csv::StringRecord;
use serde_json::{Map, Value};

use super::json::{Batch, Fields, Sink};
use super::{Head, Input, ReadError};
use crate::model::text::parse_time;
use crate::model::{Builder, IssueSeverity};

/// One row.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// By column in lower case.
    cells: Map<String, Value>,
    /// Place in the source.
    pub place: String,
}

impl Row {
    /// Whether the row has a column, filled or not.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        self.cells.contains_key(column)
    }

    /// Names of the columns, in lower case.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        self.cells.keys().cloned().collect()
    }

    /// The value of a cell that is not empty.
    #[must_use]
    pub fn value(&self, column: &str) -> Option<&Value> {
        self.cells.get(column).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// The text of a cell; a number or a flag stands for how it is written.
    #[must_use]
    pub fn text(&self, column: &str) -> Option<String> {
        match self.value(column)? {
            Value::String(text) => Some(text.clone()),
            other @ (Value::Number(_) | Value::Bool(_)) => Some(other.to_string()),
            _ => None,
        }
    }

    /// The first of these columns that has a text.
    #[must_use]
    pub fn first(&self, columns: &[&str]) -> Option<String> {
        columns.iter().find_map(|column| self.text(column))
    }

    /// Yes or no, as databases write it.
    #[must_use]
    pub fn flag(&self, column: &str) -> Option<bool> {
        match self.text(column)?.to_ascii_lowercase().as_str() {
            "t" | "true" | "yes" | "y" | "1" | "on" => Some(true),
            "f" | "false" | "no" | "n" | "0" | "off" => Some(false),
            _ => None,
        }
    }

    /// A time: ISO 8601 with a blank or a `T`, a zone in hours alone, or seconds since 1970.
    #[must_use]
    pub fn time(&self, column: &str) -> Option<i64> {
        let text = self.text(column)?;
        let text = text.trim();
        if let Ok(seconds) = text.parse::<f64>() {
            let millis = seconds * 1000.0;
            #[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
            return (millis.abs() < 9.0e15).then_some(millis as i64);
        }
        let bytes = text.as_bytes();
        let hours = bytes.len() > 13
            && matches!(bytes[bytes.len() - 3], b'+' | b'-')
            && bytes[bytes.len() - 2..].iter().all(u8::is_ascii_digit);
        // The last part of a bare date looks like a zone.
        if hours && text.contains(':') { parse_time(&format!("{text}:00")) } else { parse_time(text) }
    }
}

/// The columns of a table by its beginning, in lower case: those of the first line, or the keys of the first object, at
/// the top or in a list that `is_list` takes. Empty for what is no table.
#[must_use]
pub fn columns(head: &Head, is_list: fn(&str) -> bool) -> Vec<String> {
    let keys = |object: &Map<String, Value>| object.keys().map(|key| key.to_lowercase()).collect::<Vec<_>>();
    if head.json().is_some() {
        let Some(object) = head.object() else { return Vec::new() };
        let listed = object.keys().filter(|key| is_list(key)).find_map(|key| head.first(key));
        return keys(listed.unwrap_or(object));
    }
    head.csv_header().iter().map(|cell| column(cell)).collect()
}

fn column(cell: &str) -> String {
    cell.trim().trim_matches(['"', '\u{feff}']).to_lowercase().replace(' ', "_")
}

/// Reads all rows and hands each over. Cells of the wrong form are for who asks for them.
///
/// # Errors
/// When nothing further can be read; what came before was handed over.
pub fn read(
    input: &mut Input<'_>,
    out: &mut Builder,
    is_list: fn(&str) -> bool,
    is_json: bool,
    each: &mut dyn FnMut(&mut Builder, &Row),
) -> Result<(), ReadError> {
    if is_json {
        return input.split(&mut Objects { out, is_list, each });
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input.stream());
    let (mut record, mut columns) = (StringRecord::new(), Vec::new());
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(error) => {
                let place = format!("line {}", error.position().map_or(reader.position().line(), csv::Position::line));
                match error.into_kind() {
                    csv::ErrorKind::Io(error) => return Err(ReadError::from_io(&error, &place)),
                    other => {
                        out.skip("row_invalid", &place, format!("a row cannot be read: {other:?}"));
                        continue;
                    }
                }
            }
        }
        if columns.is_empty() {
            columns = record.iter().map(column).collect();
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        csv_row(&columns, &record, line, out, each);
    }
}

fn csv_row(
    columns: &[String],
    record: &StringRecord,
    line: u64,
    out: &mut Builder,
    each: &mut dyn FnMut(&mut Builder, &Row),
) {
    let place = format!("line {line}");
    // The last line of `psql` without `--csv` tells the number of rows.
    let footer = record.len() == 1 && record.get(0).is_some_and(|cell| cell.starts_with('(') && cell.ends_with(')'));
    if footer || record.iter().all(|cell| cell.trim().is_empty()) {
        return;
    }
    if record.len() > columns.len() {
        let message = format!(
            "the row has {} cells and the header {}: quote cells that hold a comma",
            record.len(),
            columns.len()
        );
        return out.skip("row_invalid", &place, message);
    }
    if record.len() < columns.len() {
        let message = format!("the row ends after {} of {} cells", record.len(), columns.len());
        out.issue(IssueSeverity::Warning, "row_short", &place, message);
    }
    let cells = columns.iter().cloned().zip(record.iter().map(|cell| Value::String(cell.trim().to_owned())));
    each(out, &Row { cells: cells.collect(), place });
}

struct Objects<'b> {
    out: &'b mut Builder,
    is_list: fn(&str) -> bool,
    each: &'b mut dyn FnMut(&mut Builder, &Row),
}

impl Objects<'_> {
    fn object(&mut self, object: Map<String, Value>, place: String) {
        let cells = object.into_iter().map(|(key, value)| (column(&key), value)).collect();
        (self.each)(self.out, &Row { cells, place });
    }
}

impl Sink for Objects<'_> {
    fn is_list(&self, key: &str) -> bool {
        (self.is_list)(key)
    }

    fn bare(&self) -> bool {
        true
    }

    fn records(&mut self, batch: &Batch) {
        for (at, value) in batch.parse(|bytes| serde_json::from_slice::<Value>(bytes)).into_iter().enumerate() {
            let place = batch.pointer(at);
            match value {
                Ok(Value::Object(object)) => self.object(object, place),
                // `json_agg` of several statements: rows in lists.
                Ok(Value::Array(rows)) => {
                    for (inner, row) in rows.into_iter().enumerate() {
                        match row {
                            Value::Object(object) => self.object(object, format!("{place}/{inner}")),
                            _ => self.out.skip("record_invalid", &place, "a row is no object".to_owned()),
                        }
                    }
                }
                Ok(_) => self.out.skip("record_invalid", &place, "a row is no object".to_owned()),
                Err(error) => self.out.skip("json_invalid", &place, format!("a row cannot be read: {error}")),
            }
        }
    }

    fn document(&mut self, pointer: &str, fields: Fields) {
        // What stands beside the list of rows says nothing about any of them.
        if pointer.is_empty() && self.out.source.records == 0 {
            let (object, _) = fields.object();
            if !object.is_empty() && !object.keys().any(|key| (self.is_list)(key)) {
                self.object(object, pointer.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Source;

    fn rows(text: &str) -> (Vec<Row>, Vec<String>) {
        let source = Source { path: "t".into(), kind: "t".into(), sha256: String::new(), records: 0, skipped: 0 };
        let (mut out, mut found) = (Builder::new(source), Vec::new());
        let json = text.trim_start().starts_with(['{', '[']);
        let outcome =
            read(&mut Input::from_bytes("t", text.as_bytes()), &mut out, |key| key == "ROWS", json, &mut |out, row| {
                out.source.records += 1;
                found.push(row.clone());
            });
        assert_eq!(outcome, Ok(()));
        (found, out.issues.iter().map(|issue| format!("{} {}", issue.code, issue.record)).collect())
    }

    #[test]
    fn both_forms_give_the_same_rows() {
        for text in [
            "A,Is B,c\n1,t,\n\"x, y\",f,2026-01-02 03:04:05+00\n",
            "[{\"a\":1,\"is_b\":true,\"c\":null},{\"A\":\"x, y\",\"IS_B\":false,\"c\":\"2026-01-02T03:04:05Z\"}]",
            "{\"a\":\"1\",\"is_b\":\"YES\"}\n{\"a\":\"x, y\",\"is_b\":\"NO\",\"c\":1767323045}",
            "{\"ROWS\":[{\"a\":\"1\",\"is_b\":\"YES\"},{\"a\":\"x, y\",\"is_b\":\"NO\",\"c\":\"1767323045.000\"}],\"other\":3}",
        ] {
            let (rows, issues) = rows(text);
            let told: Vec<_> =
                rows.iter().map(|row| (row.text("a").unwrap(), row.flag("is_b").unwrap(), row.time("c"))).collect();
            assert_eq!(
                told,
                [("1".to_owned(), true, None), ("x, y".to_owned(), false, Some(1_767_323_045_000))],
                "{text}"
            );
            assert_eq!(issues, [""; 0], "{text}");
        }
    }

    #[test]
    fn a_row_that_does_not_fit_is_named_and_the_rest_is_read() {
        let (rows, issues) = rows("a,b\n1,2,3\n4\n\n5,6\n(3 rows)\n");
        assert_eq!(rows.iter().map(|row| row.text("a").unwrap()).collect::<Vec<_>>(), ["4", "5"]);
        assert_eq!(issues, ["row_invalid line 2", "row_short line 3"]);
    }
}
