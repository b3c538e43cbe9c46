//! One row of a table: its fields, wherever a layout says they come from, and what is wrong with them.

use chrono::{NaiveDate, NaiveDateTime};

use super::layout::{Field, Layout};
use crate::model::text::parse_time;
use crate::model::{Builder, IssueSeverity};
use crate::platforms::input::secrets;

/// Cells that say that nothing is said.
const BLANK: [&str; 6] = ["", "-", "n/a", "#n/a", "null", "\u{2013}"];
/// The year of a day that never comes.
const NEVER: &str = "9999";

/// The fields of a layout in the columns of one file.
#[derive(Clone, Copy)]
pub struct Columns<'l> {
    pub layout: &'l Layout,
    /// Column of each field, in the order of the layout's.
    pub places: &'l [Option<usize>],
}

/// Finds the column of each field of a layout, in the order of the fields.
///
/// # Errors
/// The column that a mapping file names and the file does not have.
pub fn places(layout: &Layout, columns: &[String]) -> Result<Vec<Option<usize>>, String> {
    let place = |(name, field): (&String, &Field)| {
        let at = columns.iter().position(|column| *column == field.column);
        if field.mapped && at.is_none() {
            let there: Vec<String> = columns.iter().take(20).map(|column| format!("`{column}`")).collect();
            let (column, there) = (&field.column, there.join(", "));
            return Err(format!("the mapping file reads `{name}` from the column `{column}`; there are {there}"));
        }
        Ok(at)
    };
    layout.fields.iter().map(place).collect()
}

/// One row.
pub struct Row<'a> {
    columns: Columns<'a>,
    cells: Vec<String>,
    pub place: String,
    pub out: &'a mut Builder,
}

impl<'a> Row<'a> {
    /// Takes the cells of a row. A cell that holds a secret is emptied and reported.
    pub fn new(out: &'a mut Builder, columns: Columns<'a>, place: &str, cells: &[String]) -> Self {
        let mut cells = cells.to_vec();
        let mut dropped = 0;
        for cell in cells.iter_mut().filter(|cell| secrets::is_secret(cell) || secrets::is_secret_key(cell.trim())) {
            cell.clear();
            dropped += 1;
        }
        secrets::report(out, dropped, place);
        Self { columns, cells, place: place.to_owned(), out }
    }

    /// The value of a field; `None` when nothing says it.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<String> {
        let mut fields = self.columns.layout.fields.iter().zip(self.columns.places);
        let ((_, field), at) = fields.find(|((name, _), _)| *name == field)?;
        let cell = at.and_then(|at| self.cells.get(at)).map_or("", |cell| cell.trim().trim_matches('\u{feff}'));
        if let Some(meant) = field.values.get(&cell.to_lowercase()) {
            return Some(meant.clone()).filter(|meant| !meant.is_empty());
        }
        if BLANK.contains(&cell.to_lowercase().as_str()) {
            return field.constant.clone();
        }
        Some(cell.to_owned())
    }

    /// A field without which the row says nothing: it is skipped and reported.
    pub fn required(&mut self, field: &str) -> Option<String> {
        let text = self.text(field);
        if text.is_none() {
            let message = format!("the row has no `{field}`, without which it says nothing");
            let place = self.place.clone();
            self.out.skip("cell_missing", &place, message);
        }
        text
    }

    /// Reports something about the row.
    pub fn warn(&mut self, code: &str, message: String) {
        let place = self.place.clone();
        self.out.issue(IssueSeverity::Warning, code, &place, message);
    }

    /// A field in the form that `parse` reads; one in another form is reported and read as unknown.
    pub fn parsed<T>(&mut self, field: &str, what: &str, code: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(field)?;
        let value = parse(&text);
        if value.is_none() {
            let shown: String = text.chars().take(80).collect();
            self.warn(code, format!("`{shown}` for `{field}` is no {what}"));
        }
        value
    }

    /// A word of a closed list.
    pub fn word<T>(&mut self, field: &str, known: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let what = format!("word that is known here: write {known}");
        self.parsed(field, &what, "word_unknown", |text| parse(&text.to_lowercase()))
    }

    /// Yes or no.
    pub fn flag(&mut self, field: &str) -> Option<bool> {
        self.parsed(field, "yes or no", "flag_invalid", |text| match text.to_lowercase().as_str() {
            "yes" | "true" | "y" | "1" | "t" => Some(true),
            "no" | "false" | "n" | "0" | "f" => Some(false),
            _ => None,
        })
    }

    /// A date or an instant, in the form that the mapping file says, else ISO 8601.
    pub fn time(&mut self, field: &str) -> Option<i64> {
        let form = self.columns.layout.time.clone();
        if self.text(field).is_some_and(|text| is_never(&text)) {
            return None;
        }
        let what = match &form {
            Some(form) => format!("time of the form `{form}`"),
            None => {
                "date: write `2026-11-22` or `2026-11-22T09:30:00Z`, or have a mapping file say the form".to_owned()
            }
        };
        self.parsed(field, &what, "time_invalid", |text| match form.as_deref() {
            Some("seconds") => text.split('.').next()?.parse::<i64>().ok()?.checked_mul(1000),
            Some("milliseconds") => text.parse().ok(),
            Some(form) => of_form(text, form),
            None => parse_time(text),
        })
    }

    /// A number above 0.
    pub fn weight(&mut self, field: &str) -> Option<f64> {
        let weight = |text: &str| text.parse().ok().filter(|value: &f64| value.is_finite() && *value > 0.0);
        self.parsed(field, "number above 0", "number_invalid", weight)
    }

    /// A whole number.
    pub fn number(&mut self, field: &str) -> Option<u64> {
        self.parsed(field, "whole number from 0 up", "number_invalid", |text| text.parse().ok())
    }
}

/// Whether a date is one that people write for never: the year 9999, with or without marks between its parts.
fn is_never(text: &str) -> bool {
    let mut parts = text.split(|letter: char| !letter.is_ascii_digit());
    let date = parts.clone().next().unwrap_or_default();
    (date.len() == 8 && date.starts_with(NEVER)) || parts.by_ref().take(3).any(|part| part == NEVER)
}

/// A time of a form: a date is its first instant.
fn of_form(text: &str, form: &str) -> Option<i64> {
    if let Ok(time) = chrono::DateTime::parse_from_str(text, form) {
        return Some(time.timestamp_millis());
    }
    if let Ok(time) = NaiveDateTime::parse_from_str(text, form) {
        return Some(time.and_utc().timestamp_millis());
    }
    let date = NaiveDate::parse_from_str(text, form).ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_form_that_is_said() {
        assert_eq!(of_form("31.12.2025", "%d.%m.%Y"), parse_time("2025-12-31"));
        assert_eq!(of_form("31.12.2025 10:00", "%d.%m.%Y %H:%M"), parse_time("2025-12-31T10:00:00Z"));
        assert_eq!(of_form("20251231100000+0100", "%Y%m%d%H%M%S%z"), parse_time("2025-12-31T09:00:00Z"));
        assert_eq!(of_form("2025-12-31", "%d.%m.%Y"), None);
        assert!(["9999-12-31", "31.12.9999", "99991231", "12/31/9999 00:00"].iter().all(|text| is_never(text)));
        assert!(!["2026-01-01T00:00:00.9999Z", "2026-09-09", ""].iter().any(|text| is_never(text)));
    }
}
