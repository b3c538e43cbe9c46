//! A table of changes: CSV with a header, one operation a row.
//!
//! `op` is one of `put_grant`, `delete_grant`, `attach`, `detach`, `add_member`, `remove_member`; `holder` is whoever it is about
//! (the member, of memberships); the other columns are fields of the operation, lists with `;` between their entries.
//! Holders, containers and policies that are attached may be names, as far as each means one entity.

use serde_json::{Map, Value};

use super::Converted;
use crate::change::decode::{Errors, Field as _};
use crate::change::error::ChangeError;
use crate::change::set::{CHANGES_MAX, Change};
use crate::model::Tables;
use crate::model::naming::{Named, Names};

/// Name of the form.
pub const FORM: &str = "grants_table";
/// Columns that are known.
const COLUMNS: [&str; 15] = [
    "op",
    "holder",
    "container",
    "policy",
    "statement",
    "effect",
    "actions",
    "not_actions",
    "resources",
    "not_resources",
    "principals",
    "condition",
    "layer",
    "kind",
    "expires_at",
];
/// Columns that hold lists.
const LISTS: [&str; 5] = ["actions", "not_actions", "resources", "not_resources", "principals"];

/// Whether a text is such a table.
pub fn is_table(text: &str) -> bool {
    let first = text.trim_start_matches('\u{FEFF}').lines().next().unwrap_or_default().to_lowercase();
    let columns: Vec<&str> = first.split(',').map(|column| column.trim().trim_matches('"')).collect();
    columns.contains(&"op") && columns.contains(&"holder")
}

/// Turns a table into operations.
pub fn convert(text: &str, tables: &Tables, at: &str) -> Converted {
    let text = text.trim_start_matches('\u{FEFF}');
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(str::to_lowercase).collect(),
        Err(error) => return Converted::failed(FORM, ChangeError::new(at, format!("it is no CSV: {error}"))),
    };
    let mut errors = Errors::new();
    for column in header.iter().filter(|column| !COLUMNS.contains(&column.as_str())) {
        let error = ChangeError::new(&line(at, 1), format!("there is no column `{column}`"));
        errors.push(error.hint(format!("the columns are {}", COLUMNS.join(", "))));
    }
    let mut rows = Vec::new();
    for (number, row) in reader.records().enumerate().take(CHANGES_MAX + 1) {
        match row {
            Ok(row) => {
                let number = row.position().map_or(number as u64 + 2, csv::Position::line);
                let fields = header.iter().cloned().zip(row.iter().map(str::to_owned));
                rows.push((number, fields.filter(|(_, cell)| !cell.is_empty()).collect::<Vec<_>>()));
            }
            Err(error) => errors.push(ChangeError::new(&line(at, number as u64 + 2), format!("it is no CSV: {error}"))),
        }
    }
    if !errors.is_empty() {
        return Converted { form: FORM, errors, ..Converted::default() };
    }
    let named = rows.iter().flat_map(|(_, cells)| cells).filter(|(column, _)| names_an_entity(column));
    let mut names = Names::new(named.map(|(_, cell)| cell.as_str()));
    tables.entities.iter().for_each(|entity| names.learn(entity));
    let mut changes = Vec::new();
    for (number, cells) in &rows {
        let at = line(at, *number);
        let operation = operation(cells, *number, &names);
        let mut own = Errors::new();
        changes.extend(Change::decode(&operation, "", &mut own));
        // Fields are columns here.
        errors.extend(own.into_iter().map(|error| {
            let column = error.pointer.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned();
            let pointer = if column.is_empty() { at.clone() } else { format!("{at}, column {column}") };
            ChangeError { pointer, ..error }
        }));
    }
    Converted { form: FORM, changes, errors, ..Converted::default() }
}

fn line(at: &str, number: u64) -> String {
    if at.is_empty() { format!("line {number}") } else { format!("{at}, line {number}") }
}

fn names_an_entity(column: &str) -> bool {
    matches!(column, "holder" | "container" | "policy")
}

/// The operation of a row, as JSON of the normal form.
fn operation(cells: &[(String, String)], number: u64, names: &Names<'_>) -> Value {
    let op = cells.iter().find(|(column, _)| column == "op").map_or("", |(_, cell)| cell.as_str());
    let grants = matches!(op, "put_grant" | "delete_grant");
    let members = matches!(op, "add_member" | "remove_member");
    let mut fields = Map::new();
    for (column, cell) in cells {
        let is_name = names_an_entity(column) && (column != "policy" || !grants);
        let value = match column.as_str() {
            _ if is_name => Value::String(meant(cell, names)),
            "condition" => serde_json::from_str(cell).unwrap_or_else(|_| Value::String(cell.clone())),
            list if LISTS.contains(&list) => {
                Value::Array(cell.split(';').map(|one| Value::String(one.trim().to_owned())).collect())
            }
            _ => Value::String(cell.clone()),
        };
        let key = if column == "holder" && members { "member" } else { column };
        fields.insert(key.to_owned(), value);
    }
    if op == "put_grant" {
        fields.entry("policy").or_insert_with(|| "draft".into());
        fields.entry("statement").or_insert_with(|| format!("line {number}").into());
        fields.entry("effect").or_insert_with(|| "allow".into());
    }
    Value::Object(fields)
}

/// The full id of the one entity that a text means; the text itself where it means none or several, which the
/// application of the operation then says.
fn meant(text: &str, names: &Names<'_>) -> String {
    match names.find(text, |entity| Some(u8::from(!entity.present))) {
        Named::One(found) => found.id.clone(),
        _ => text.to_owned(),
    }
}
