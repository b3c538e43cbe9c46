//! Tables as Arrow schemas and Parquet settings, both from the records' own column lists.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::manifest::SCHEMA_VERSION;
use crate::model::{
    Access, Approval, Assist, Attachment, Attribute, ChokePoint, ColumnSpec, ColumnType, Credential, Edge, Entity,
    Exception, Finding, Grant, Identity, Issue, Membership, Metric, Orphan, Ownership, Path, Peer, Person, Record,
    Removal, RoleBaseline, Score, SodRule, TargetSet, Trust, Usage, Workflow,
};

/// Rows in a row group. Groups are the unit in which a table is read in parallel and statistics are kept.
pub(super) const ROW_GROUP_ROWS_MAX: usize = 128 * 1024;
/// Rows from which on a table is compressed.
const COMPRESSED_ROWS_MIN: usize = 1024;
/// Rows in a page, the smallest part of a column that can be read alone.
const PAGE_ROWS_MAX: usize = 8 * 1024;
/// What the files say about who wrote them. It has no version, so that bytes depend on the content alone;
/// the manifest has the engine's version.
const CREATED_BY: &str = "overgrant";
/// Name of the values inside a list, as the Parquet format recommends.
const LIST_ELEMENT: &str = "element";

/// A table as the data dictionary sees it.
#[derive(Debug, Clone, Copy)]
pub struct TableSpec {
    /// Name of the table; its file is `<name>.parquet`.
    pub name: &'static str,
    /// What one row is, as written in the source.
    pub doc: &'static str,
    pub columns: &'static [ColumnSpec],
}

const fn table<R: Record>() -> TableSpec {
    TableSpec { name: R::TABLE, doc: R::DOC, columns: R::COLUMNS }
}

/// Every table of a snapshot: what was read, then what was computed.
pub const TABLES: &[TableSpec] = &[
    table::<Entity>(),
    table::<Membership>(),
    table::<Attachment>(),
    table::<Attribute>(),
    table::<Grant>(),
    table::<Trust>(),
    table::<Credential>(),
    table::<Usage>(),
    table::<Person>(),
    table::<Identity>(),
    table::<Ownership>(),
    table::<Approval>(),
    table::<Workflow>(),
    table::<RoleBaseline>(),
    table::<SodRule>(),
    table::<Exception>(),
    table::<Issue>(),
    table::<Access>(),
    table::<Removal>(),
    table::<Peer>(),
    table::<Edge>(),
    table::<TargetSet>(),
    table::<Assist>(),
    table::<Path>(),
    table::<ChokePoint>(),
    table::<Finding>(),
    table::<Orphan>(),
    table::<Score>(),
    table::<Metric>(),
];

/// Name of a table's file.
pub(super) fn file_name(table: &str) -> String {
    format!("{table}.parquet")
}

/// A doc comment as one line.
pub(super) fn clean(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Unit of a column's values; `None` for names, flags and plain ratios, whose definition says their range.
pub(super) fn unit(column: &ColumnSpec) -> Option<&'static str> {
    match column.kind {
        ColumnType::Time => Some("UTC milliseconds since 1970-01-01"),
        ColumnType::U32 | ColumnType::U64 if column.name.ends_with("_days") => Some("days"),
        ColumnType::U32 | ColumnType::U64 if column.name.ends_with("_n") || column.name == "count" => Some("count"),
        ColumnType::U32 | ColumnType::U64 if column.name.starts_with("hops") => Some("steps"),
        _ => None,
    }
}

fn data_type(kind: ColumnType) -> DataType {
    let list = |of| DataType::List(Arc::new(Field::new(LIST_ELEMENT, of, false)));
    match kind {
        ColumnType::Bool => DataType::Boolean,
        ColumnType::U32 => DataType::UInt32,
        ColumnType::U64 => DataType::UInt64,
        ColumnType::F64 => DataType::Float64,
        ColumnType::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        ColumnType::Text => DataType::Utf8,
        ColumnType::TextList => list(DataType::Utf8),
        ColumnType::U32List => list(DataType::UInt32),
    }
}

/// The field that the values of a list are declared with.
pub(super) fn list_element(kind: ColumnType) -> Field {
    let of = if kind == ColumnType::U32List { DataType::UInt32 } else { DataType::Utf8 };
    Field::new(LIST_ELEMENT, of, false)
}

fn field(column: &ColumnSpec) -> Field {
    let mut metadata = HashMap::from([("definition".to_owned(), clean(column.doc))]);
    if let Some(unit) = unit(column) {
        metadata.insert("unit".to_owned(), unit.to_owned());
    }
    Field::new(column.name, data_type(column.kind), column.nullable).with_metadata(metadata)
}

/// The Arrow schema of a table, with definitions and units as metadata of its fields.
pub(super) fn schema<R: Record>() -> SchemaRef {
    Arc::new(Schema::new(R::COLUMNS.iter().map(field).collect::<Vec<_>>()))
}

/// What differs between a file's schema and the record's; `None` when rows can be read.
pub(super) fn difference<R: Record>(found: &Schema) -> Option<String> {
    let expected = schema::<R>();
    for (at, expected) in expected.fields().iter().enumerate() {
        let Some(found) = found.fields().get(at) else {
            return Some(format!("column `{}` is missing", expected.name()));
        };
        if found.name() != expected.name() {
            return Some(format!("column {} is `{}` and not `{}`", at + 1, found.name(), expected.name()));
        }
        if found.data_type() != expected.data_type() || found.is_nullable() != expected.is_nullable() {
            return Some(format!("column `{}` is of type {}", found.name(), found.data_type()));
        }
    }
    found.fields().get(expected.fields().len()).map(|extra| format!("column `{}` is not known", extra.name()))
}

/// How a table is encoded. Numbers and times are stored as differences, which is smallest for sorted keys and
/// close to their width for others; texts by a dictionary until that grows past a page.
///
/// A short table is not compressed: its columns would save a few kilobytes together and cost a compressor each.
pub(super) fn properties<R: Record>(rows: usize) -> Result<WriterProperties, ParquetError> {
    let compression = match rows {
        0..COMPRESSED_ROWS_MIN => Compression::UNCOMPRESSED,
        _ => Compression::ZSTD(ZstdLevel::try_new(1)?),
    };
    let metadata = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    let mut builder = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(compression)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX))
        .set_data_page_row_count_limit(PAGE_ROWS_MAX)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_key_value_metadata(Some(vec![
            metadata("overgrant.table", R::TABLE.to_owned()),
            metadata("overgrant.definition", clean(R::DOC)),
            metadata("overgrant.schema_version", SCHEMA_VERSION.to_string()),
        ]));
    for column in R::COLUMNS {
        let path = match column.kind {
            ColumnType::U32 | ColumnType::U64 | ColumnType::Time => vec![column.name.to_owned()],
            ColumnType::U32List => vec![column.name.to_owned(), "list".to_owned(), LIST_ELEMENT.to_owned()],
            ColumnType::Bool | ColumnType::F64 | ColumnType::Text | ColumnType::TextList => continue,
        };
        let path = ColumnPath::new(path);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    Ok(builder.build())
}
