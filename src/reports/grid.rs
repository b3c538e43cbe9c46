//! Tables for people: columns that fit the terminal, and plain lines where there is none.

use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement, Table, presets};

use super::Layout;
use super::escape::{fitting, plain};
use crate::model::Severity;

/// Columns of text that a cell has on a screen; what is longer is whole in every other form.
const CELL_N: usize = 400;

/// On which side of its column a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// How a cell is coloured, where colours are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// Most urgent.
    Alarm,
    /// Urgent.
    Warn,
    /// Of less weight.
    Faint,
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Alarm,
            Severity::High => Self::Warn,
            Severity::Medium => Self::Plain,
            Severity::Low => Self::Faint,
        }
    }
}

/// Text outside of a table in its tone, as it is where no colours are wanted.
#[must_use]
pub fn toned(text: &str, tone: Tone, layout: Layout) -> String {
    let code = match tone {
        _ if !layout.colour => return text.to_owned(),
        Tone::Plain => return text.to_owned(),
        Tone::Alarm => "1;31",
        Tone::Warn => "33",
        Tone::Faint => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// The text of one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A coloured cell.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// A table under construction. Cells may hold any text: control characters are shown, never sent.
#[derive(Debug)]
pub struct Grid {
    table: Table,
    /// Whether a person looks at it, whose screen a single cell is not to fill.
    screen: bool,
    sides: Vec<Side>,
    indent: &'static str,
}

impl Grid {
    /// A table with these columns.
    #[must_use]
    pub fn new(layout: Layout, columns: &[(&str, Side)]) -> Self {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        if layout.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        match layout.width {
            Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.max(40)),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        table.set_header(columns.iter().map(|(title, side)| {
            comfy_table::Cell::new(title).set_alignment(alignment(*side)).add_attribute(Attribute::Bold)
        }));
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Self {
            table,
            screen: layout.width.is_some(),
            sides: columns.iter().map(|(_, side)| *side).collect(),
            indent: "",
        }
    }

    /// Puts blanks before every line.
    #[must_use]
    pub fn indented(mut self) -> Self {
        self.indent = "  ";
        self
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.add(cells);
    }

    /// Adds a row of as many cells as there are columns.
    pub fn add(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let (sides, screen) = (&self.sides, self.screen);
        self.table.add_row(cells.into_iter().enumerate().map(|(at, cell)| {
            let side = sides.get(at).copied().unwrap_or(Side::Left);
            painted(&cell, screen).set_alignment(alignment(side))
        }));
    }

    /// The table as lines without trailing blanks, each ended.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in self.table.lines() {
            text.push_str(self.indent);
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn alignment(side: Side) -> CellAlignment {
    match side {
        Side::Left => CellAlignment::Left,
        Side::Right => CellAlignment::Right,
    }
}

fn painted(cell: &Cell, screen: bool) -> comfy_table::Cell {
    let text = plain(&cell.text);
    let shown = comfy_table::Cell::new(if screen { fitting(&text, CELL_N) } else { text.as_ref().into() });
    match cell.tone {
        Tone::Plain => shown,
        Tone::Alarm => shown.fg(Color::Red).add_attribute(Attribute::Bold),
        Tone::Warn => shown.fg(Color::Yellow),
        Tone::Faint => shown.add_attribute(Attribute::Dim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[(&str, Side)] = &[("N", Side::Right), ("NAME", Side::Left)];

    #[test]
    fn without_a_terminal_lines_are_whole_and_names_are_harmless() {
        let mut grid = Grid::new(Layout::default(), COLUMNS);
        grid.row(["7".into(), format!("evil\u{1b}[2J{}", "x".repeat(200)).into()]);
        let text = grid.text();
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains("evil\\u{1b}[2J"));
    }

    #[test]
    fn tones_are_colours_only_where_colours_are_wanted() {
        let colourful = Layout { width: None, colour: true };
        assert_eq!(toned("x", Tone::Alarm, colourful), "\u{1b}[1;31mx\u{1b}[0m");
        assert_eq!(toned("x", Tone::Plain, colourful), "x");
        assert_eq!(toned("x", Tone::Alarm, Layout::default()), "x");
    }

    #[test]
    fn on_a_terminal_no_line_is_wider_than_it() {
        let mut grid = Grid::new(Layout { width: Some(50), colour: false }, COLUMNS);
        grid.row(["7".into(), "word ".repeat(40).into()]);
        assert!(grid.text().lines().all(|line| line.chars().count() <= 50), "{}", grid.text());
        let mut grid = Grid::new(Layout { width: Some(60), colour: false }, COLUMNS);
        let name = "שלום".repeat(250);
        grid.row([name.as_str().into(), name.as_str().into()]);
        let text = grid.text();
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        assert!(text.contains('…') && text.lines().count() < 30, "a name does not fill the screen: {text}");
    }
}
