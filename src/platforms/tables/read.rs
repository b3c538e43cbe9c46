//! Readers: tables as delimited text and as Parquet, and the mapping files that describe them.

use super::layout::{self, Kind, Layout};
use super::row::{Columns, Row, places};
use super::rows;
use crate::model::{Builder, IssueSeverity};
use crate::platforms::input::table::{self, Header, column_name};
use crate::platforms::input::{Head, Input, ReadError, Reader, mapping, parquet};

/// All readers, in the order in which they are asked.
pub const READERS: &[&dyn Reader] = &[&MappingFile, &ParquetTable, &TextTable];
/// [`crate::model::Source::kind`] of a table.
pub const TABLE: &str = "table";
/// The same of a Parquet file.
pub const TABLE_PARQUET: &str = "table-parquet";

/// Tables as delimited text.
pub struct TextTable;

impl Reader for TextTable {
    fn name(&self) -> &'static str {
        TABLE
    }

    fn title(&self) -> &'static str {
        "Tables of any other system (CSV with the columns `system`, `principal`, `right`, …, or with a mapping file)"
    }

    fn recognises(&self, head: &Head) -> bool {
        head.json().is_none() && !head.starts_with(parquet::MAGIC) && layout_of(head).is_some()
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let described = layout::described(&input.guides(), input.path());
        let mut table = Table::new(described);
        let outcome =
            table::rows(input.stream(), out, |out, columns, place, cells| table.row(out, columns, place, cells));
        table.finish()?;
        outcome
    }
}

/// How a text is read, by a mapping file or by its header.
fn layout_of(head: &Head) -> Option<Layout> {
    let described = layout::described(head.guides(), head.path());
    described.or_else(|| Kind::told_by(&Header::of(&head.text()).columns).map(Layout::documented))
}

/// Tables as Parquet.
pub struct ParquetTable;

impl Reader for ParquetTable {
    fn name(&self) -> &'static str {
        TABLE_PARQUET
    }

    fn title(&self) -> &'static str {
        "Tables of any other system (Parquet, with a mapping file)"
    }

    fn recognises(&self, head: &Head) -> bool {
        // The columns stand at the end of the file, which is not seen here: only a mapping file tells what it is.
        head.starts_with(parquet::MAGIC) && layout::described(head.guides(), head.path()).is_some()
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut table = Table::new(layout::described(&input.guides(), input.path()));
        let mut columns: Vec<String> = Vec::new();
        let outcome = parquet::rows(input.stream(), |names, row, cells| {
            if columns.is_empty() {
                columns = names.iter().map(|name| column_name(name)).collect();
            }
            table.row(out, &columns, &format!("row {row}"), cells);
        });
        table.finish()?;
        outcome
    }
}

/// A table while it is read.
struct Table {
    layout: Option<Layout>,
    /// Columns of the layout's fields, once the header is known.
    places: Option<Vec<Option<usize>>>,
    trouble: Option<String>,
}

impl Table {
    const fn new(layout: Option<Layout>) -> Self {
        Self { layout, places: None, trouble: None }
    }

    fn row(&mut self, out: &mut Builder, columns: &[String], place: &str, cells: &[String]) {
        if self.trouble.is_some() {
            return;
        }
        if self.layout.is_none() {
            self.layout = Kind::told_by(columns).map(Layout::documented);
        }
        let Some(layout) = &self.layout else {
            self.trouble = Some("the columns tell no kind of table, and no mapping file describes it".to_owned());
            return;
        };
        if self.places.is_none() {
            match places(layout, columns) {
                Ok(found) => self.places = Some(found),
                Err(why) => self.trouble = Some(why),
            }
        }
        if let Some(places) = &self.places {
            rows::read(&mut Row::new(out, Columns { layout, places }, place, cells), layout);
        }
    }

    fn finish(&self) -> Result<(), ReadError> {
        let failed = |why: &String| ReadError { code: "column_missing", pointer: String::new(), message: why.clone() };
        self.trouble.as_ref().map_or(Ok(()), |why| Err(failed(why)))
    }
}

/// Mapping files: what they say is used by the readers of tables and graphs.
pub struct MappingFile;

impl Reader for MappingFile {
    fn name(&self) -> &'static str {
        "mapping"
    }

    fn title(&self) -> &'static str {
        "Mapping file (TOML or JSON with `overgrant_mapping`)"
    }

    fn recognises(&self, head: &Head) -> bool {
        if head.json().is_some() {
            return head.has(mapping::MARK);
        }
        head.text().lines().any(|line| line.trim_start().starts_with(mapping::MARK))
    }

    fn guides(&self, bytes: &[u8]) -> bool {
        mapping::has_mark(bytes)
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut text = String::new();
        input.stream().read_to_string(&mut text).map_err(|error| ReadError::from_io(&error, ""))?;
        let failed = |message: String| ReadError { code: "mapping_invalid", pointer: String::new(), message };
        let content = mapping::parse(text.trim_start_matches('\u{feff}')).map_err(failed)?;
        for (at, table) in layout::mapped(&content).into_iter().enumerate() {
            match table {
                Ok(_) => out.source.records += 1,
                Err(why) => out.skip("mapping_invalid", &format!("/table/{at}"), why),
            }
        }
        if !input.guides().iter().any(|guide| guide.path == input.path()) {
            let message = "the mapping file is compressed, in an archive, or larger than 1 MiB, and nothing is read by \
                           it: put it beside the files that it describes";
            out.issue(IssueSeverity::Warning, "mapping_not_used", "", message.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tables;
    use crate::model::text::parse_time;
    use crate::platforms::{ALL, input};

    fn joined(files: &[(&str, &[u8])]) -> Tables {
        input::read_texts(files.iter().copied(), ALL).join(ALL)
    }

    #[test]
    fn a_parquet_file_is_read_by_a_mapping_file_and_by_nothing_else() {
        let bytes = parquet::tests::usage();
        let mapping = "overgrant_mapping = 1\n[[table]]\nfiles = \"use*\"\nholds = \"usage\"\nsystem = \"erp\"\n\
                       columns = { right = \"permission\" }\n";
        let tables = joined(&[("a/used.parquet", &bytes), ("b/map.toml", mapping.as_bytes())]);
        let rows: Vec<(&str, &str, Option<i64>, &str)> = tables
            .usage
            .iter()
            .map(|row| {
                let id = tables.entity(row.entity).id.as_str();
                (id, row.permission.as_str(), row.last_used_at, row.record.as_str())
            })
            .collect();
        let app = "tables:erp/principal/role/app";
        assert_eq!(
            rows,
            [(app, "erp:s3:GetObject", parse_time("2026-09-01"), "row 1"), (app, "erp:sqs", None, "row 2")]
        );
        let skipped: Vec<&str> = tables.issues.iter().map(|issue| issue.code.as_str()).collect();
        assert_eq!(skipped, ["cell_missing"], "the third row has no principal");
        let without = joined(&[("a/used.parquet", &bytes)]);
        assert_eq!(without.sources[0].kind, "governance-usage-parquet");
    }

    #[test]
    fn what_is_wrong_with_a_mapping_file_is_said() {
        for (text, code) in [
            ("overgrant_mapping = 7\n", "mapping_invalid"),
            ("overgrant_mapping = 1\n[[table]]\nfiles = \"x\"\nholds = \"gold\"\n", "mapping_invalid"),
            ("overgrant_mapping = 1\n[[table]]\nfiles = \"x\"\nholds = \"keys\"\ntime = \"%Q\"\n", "mapping_invalid"),
            ("{\"overgrant_mapping\": 1, \"table\": {}}", "mapping_invalid"),
        ] {
            let tables = joined(&[("map", text.as_bytes())]);
            let found: Vec<&str> = tables.issues.iter().map(|issue| issue.code.as_str()).collect();
            assert_eq!((tables.sources[0].kind.as_str(), found), ("mapping", vec![code]), "{text}");
        }
    }
}
