//! One row of a governance table: its cells by column, and what is wrong with them.

use crate::model::text::{format_time, parse_time};
use crate::model::{Builder, Entity, EntityKind, Handle, IssueSeverity};
use crate::platforms::input::secrets;

use super::NAME;

/// Cells that say that nothing is said; the date is what staff databases write for a day that never comes.
const BLANK: [&str; 7] = ["", "-", "n/a", "#n/a", "null", "\u{2013}", "9999-12-31"];

/// What a reference to an entity is looked for among.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Principals before groups before everything else.
    Principal,
    /// Everything that an export defines, before what is only referred to.
    Entity,
    /// The entity that holds a credential of this id.
    Credential,
}

impl Wanted {
    const ALL: [Self; 3] = [Self::Principal, Self::Entity, Self::Credential];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Principal => "governance:principal/",
            Self::Entity => "governance:entity/",
            Self::Credential => "governance:credential/",
        }
    }
}

/// Between the place and the text of a reference that is a row of its own.
const MARK: char = '\u{1f}';

/// A reference that waits for the other sources: what is looked for, and the text.
#[must_use]
pub fn pending(entity: &Entity) -> Option<(Wanted, &str)> {
    if entity.platform != NAME {
        return None;
    }
    Wanted::ALL
        .into_iter()
        .find_map(|wanted| Some((wanted, entity.id.strip_prefix(wanted.prefix())?)))
        .map(|(wanted, text)| (wanted, text.split_once(MARK).map_or(text, |(_, text)| text)))
}

/// One row.
pub struct Row<'a> {
    columns: &'a [String],
    cells: Vec<String>,
    place: String,
    pub out: &'a mut Builder,
}

impl<'a> Row<'a> {
    /// Takes the cells of a row. A cell that holds a secret is emptied and reported.
    pub fn new(out: &'a mut Builder, columns: &'a [String], place: &str, cells: &[String]) -> Self {
        let mut cells: Vec<String> = cells.to_vec();
        let mut dropped = 0;
        for cell in cells.iter_mut().filter(|cell| secrets::is_secret(cell)) {
            cell.clear();
            dropped += 1;
        }
        secrets::report(out, dropped, place);
        Self { columns, cells, place: place.to_owned(), out }
    }

    /// Place of the row, for records and issues.
    #[must_use]
    pub fn place(&self) -> String {
        self.place.clone()
    }

    /// Whether the table has a column.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| name == column)
    }

    /// The text of a cell; `None` when the column is missing or the cell says nothing.
    #[must_use]
    pub fn text(&self, column: &str) -> Option<String> {
        let at = self.columns.iter().position(|name| name == column)?;
        let text = self.cells.get(at)?.trim().trim_matches('\u{feff}');
        (!BLANK.contains(&text.to_lowercase().as_str())).then(|| text.to_owned())
    }

    /// The texts of a cell that holds a list.
    #[must_use]
    pub fn list(&self, column: &str) -> Vec<String> {
        let cell = self.text(column).unwrap_or_default();
        cell.split(';').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
    }

    /// The text of a cell that must be there; without it the row is skipped and reported.
    pub fn required(&mut self, column: &str) -> Option<String> {
        let text = self.text(column);
        if text.is_none() {
            let place = self.place();
            self.out.skip("cell_missing", &place, format!("the row has no `{column}`, without which it says nothing"));
        }
        text
    }

    /// Two cells that must both be there; the first that is missing is reported.
    pub fn required_both(&mut self, first: &str, second: &str) -> Option<(String, String)> {
        Some((self.required(first)?, self.required(second)?))
    }

    /// Reports something about the row.
    pub fn warn(&mut self, code: &str, message: String) {
        let place = self.place();
        self.out.issue(IssueSeverity::Warning, code, &place, message);
    }

    /// A cell in the form that `parse` reads; one in another form is reported and read as unknown.
    fn parsed<T>(&mut self, column: &str, what: &str, code: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(column)?;
        let value = parse(&text);
        if value.is_none() {
            self.warn(code, format!("`{}` in column `{column}` is no {what}", shortened(&text)));
        }
        value
    }

    /// A date or an instant.
    pub fn time(&mut self, column: &str) -> Option<i64> {
        let form = "date: write `2026-11-22` or `2026-11-22T09:30:00Z`";
        self.parsed(column, form, "time_invalid", |text| parse_time(text).filter(|time| sane(*time)))
    }

    /// Yes or no.
    pub fn flag(&mut self, column: &str) -> Option<bool> {
        self.parsed(column, "yes or no", "flag_invalid", |text| match text.to_lowercase().as_str() {
            "yes" | "true" | "y" | "1" => Some(true),
            "no" | "false" | "n" | "0" => Some(false),
            _ => None,
        })
    }

    /// A whole number.
    pub fn number<T: std::str::FromStr>(&mut self, column: &str) -> Option<T> {
        self.parsed(column, "whole number from 0 up", "number_invalid", |text| text.parse().ok())
    }

    /// A number from 0 to 1.
    pub fn share(&mut self, column: &str) -> Option<f64> {
        let share = |text: &str| text.parse().ok().filter(|value: &f64| (0.0..=1.0).contains(value));
        self.parsed(column, "number from 0 to 1", "number_invalid", share)
    }

    /// A number above 0.
    pub fn weight(&mut self, column: &str) -> Option<f64> {
        let weight = |text: &str| text.parse().ok().filter(|value: &f64| value.is_finite() && *value > 0.0);
        self.parsed(column, "number above 0", "number_invalid", weight)
    }

    /// A name from a closed list.
    pub fn name<T>(&mut self, column: &str, known: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let what = format!("word that is known here: write {known}");
        self.parsed(column, &what, "word_unknown", |text| parse(&text.to_lowercase()))
    }

    /// A stand-in for the entity that a text means, which is found once all sources are read.
    pub fn refer(&mut self, wanted: Wanted, text: &str) -> Handle {
        self.stand_in(&format!("{}{text}", wanted.prefix()), text)
    }

    /// The same, for a row that says something about the entity itself and shares its stand-in with no other row.
    pub fn refer_here(&mut self, wanted: Wanted, text: &str) -> Handle {
        let place = self.place();
        self.stand_in(&format!("{}{place}{MARK}{text}", wanted.prefix()), text)
    }

    fn stand_in(&mut self, id: &str, text: &str) -> Handle {
        if let Some(known) = self.out.handle(id) {
            return known;
        }
        let mut entity = Entity::named(id, NAME, EntityKind::External, text);
        entity.record = Some(self.place());
        self.out.define(entity)
    }
}

/// Whether an instant is within the years that can be meant: a number of days in a date's place is a mistake.
fn sane(time: i64) -> bool {
    let year = format_time(time);
    matches!(year.get(..2), Some("19" | "20" | "21"))
}

/// The beginning of a long text.
#[must_use]
pub fn shortened(text: &str) -> String {
    const SHOWN_N: usize = 80;
    if text.chars().count() <= SHOWN_N {
        return text.to_owned();
    }
    let start: String = text.chars().take(SHOWN_N).collect();
    format!("{start}…")
}
