//! The data dictionary: every table and column of a snapshot in words, from the records' own documentation.

use std::fmt::Write;

use super::schema::{TABLES, TableSpec, clean, unit};
use super::{MANIFEST_FORMAT, SCHEMA_VERSION, STORE_FORMAT};
use crate::model::{ColumnSpec, ColumnType};

const INTRODUCTION: &str = r#"Every snapshot folder of a store holds one Parquet file a table. The definitions below are also in the files
themselves, as metadata of each column (`definition`, `unit`) and of the file (`overgrant.table`,
`overgrant.definition`, `overgrant.schema_version`).

Null means *unknown* and is never written as zero. Times are in UTC. A list is empty rather than null. Entity
numbers are dense and belong to one snapshot: join on `entity` inside a snapshot, and on `entities.id` across
snapshots. Source numbers are places in the manifest's list of sources, from 0 on.

All snapshots at once, with the snapshot's id as a column:

```python
pl.scan_parquet("STORE/snapshot=*/scores.parquet", hive_partitioning=True, try_parse_hive_dates=False)
```

```sql
SELECT * FROM read_parquet('STORE/snapshot=*/scores.parquet', hive_partitioning = true)
```
"#;

/// The data dictionary as Markdown, as committed in `docs/data-dictionary.md`.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("# Data dictionary\n\n");
    text.push_str("<!-- Generated from the record declarations in src/model. Do not edit. -->\n\n");
    text.push_str(INTRODUCTION);
    let _ = writeln!(
        text,
        "\nStore format {STORE_FORMAT}, manifest format {MANIFEST_FORMAT}, table schema version {SCHEMA_VERSION}."
    );
    for table in TABLES {
        append_table(&mut text, table);
    }
    text
}

fn append_table(text: &mut String, table: &TableSpec) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "\n## {}\n\n{}\n", table.name, cell(table.doc));
    text.push_str("| column | type | unit | null | definition |\n|---|---|---|---|---|\n");
    for column in table.columns {
        let ColumnSpec { name, kind, nullable, doc } = column;
        let null = if *nullable { "yes" } else { "no" };
        let unit = unit(column).unwrap_or("");
        let _ = writeln!(text, "| `{name}` | {} | {unit} | {null} | {} |", type_name(*kind), cell(doc));
    }
}

/// A doc comment as the text of a table's cell.
fn cell(doc: &str) -> String {
    clean(doc).replace('|', "\\|")
}

const fn type_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Bool => "boolean",
        ColumnType::U32 => "uint32",
        ColumnType::U64 => "uint64",
        ColumnType::F64 => "float64",
        ColumnType::Time => "timestamp",
        ColumnType::Text => "text",
        ColumnType::TextList => "list of text",
        ColumnType::U32List => "list of uint32",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set it to have the test write the file in place of comparing it.
    const UPDATE: &str = "OVERGRANT_UPDATE_DOCS";

    #[test]
    fn the_committed_dictionary_is_the_generated_one() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/data-dictionary.md");
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(&path, markdown()).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert!(committed == markdown(), "run `{UPDATE}=1 cargo test --lib store::dictionary` and commit the change");
    }

    #[test]
    fn every_table_and_column_is_defined() {
        let mut names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLES.len(), "two tables have the same name");
        for table in TABLES {
            assert!(clean(table.doc).ends_with('.'), "{}", table.name);
            for column in table.columns {
                assert!(clean(column.doc).ends_with('.'), "{}.{}", table.name, column.name);
            }
        }
    }

    #[test]
    fn a_line_has_name_type_unit_and_definition() {
        let text = markdown();
        for line in [
            "| `created_at` | timestamp | UTC milliseconds since 1970-01-01 | yes | When it was created. |",
            "| `cycle_days` | uint32 | days | yes | Days from one review to the next. |",
            "| `evidence` | list of uint32 |  | no | Numbers of the grants that make it so. |",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}");
        }
    }
}
