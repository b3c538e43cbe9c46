//! Comma-separated values of any rows that have a JSON form.

use std::io::{self, Write};

use ::csv::Writer;
use serde_json::Value;

/// Writes the named fields of each row, with a header row; a field that is missing or null is empty.
///
/// # Errors
/// What `out` fails with.
pub fn rows_csv(columns: &[&str], rows: &[Value], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer::from_writer(out);
    writer.write_record(columns)?;
    for row in rows {
        writer.write_record(columns.iter().map(|column| super::csv::value(&row[*column])))?;
    }
    writer.flush()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_is_empty_and_text_is_never_a_formula() -> io::Result<()> {
        let mut bytes = Vec::new();
        let rows = [json!({"a": "=x", "b": -1.5}), json!({"a": null})];
        rows_csv(&["a", "b"], &rows, &mut bytes)?;
        assert_eq!(String::from_utf8_lossy(&bytes), "a,b\n'=x,-1.5\n,\n");
        Ok(())
    }
}
