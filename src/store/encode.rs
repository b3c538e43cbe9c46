//! Rows to Parquet: cells go into Arrow builders, batches of them into a streaming writer.
//!
//! Memory is one batch and one compressed row group a table, whatever the length of the table. Where batches
//! end depends on the rows alone, so that the same rows give the same bytes.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, ListBuilder, RecordBatch, StringBuilder, TimestampMillisecondBuilder,
    UInt32Builder, UInt64Builder,
};
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use super::files::{DigestFile, Digests};
use super::manifest::TableInfo;
use super::{StoreError, schema};
use crate::model::{ColumnType, ColumnWriter, Record};

/// Rows in a batch at most.
const BATCH_ROWS_MAX: usize = 64 * 1024;
/// Rows after which the size of a batch is looked at.
const BATCH_ROWS_STEP: usize = 256;
/// Bytes of text in one column of a batch after which it is written: Arrow's offsets end at 2 GiB.
const BATCH_TEXT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A table on the disk.
pub(super) struct Written {
    pub info: TableInfo,
    /// SHA-256 of each of its blocks.
    pub blocks: Vec<String>,
}

/// Writes a table to a new file and flushes it to the disk.
pub(super) fn write_table<R: Record>(path: &Path, rows: &[R]) -> Result<Written, StoreError> {
    write_rows_of::<R, &R>(path, rows.len(), rows.iter())
}

/// Writes a table whose rows come one by one, `count` of them.
pub(super) fn write_rows_of<R: Record, B: std::borrow::Borrow<R>>(
    path: &Path,
    count: usize,
    rows: impl Iterator<Item = B>,
) -> Result<Written, StoreError> {
    let mut file = DigestFile::create(path)?;
    write_rows::<R, B>(&mut file, count, rows).map_err(|error| match file.take_failure() {
        Some(failure) => StoreError::io("write", path, failure),
        None => StoreError::encode(path, error),
    })?;
    let Digests { bytes, sha256, blocks } = file.finish(path)?;
    Ok(Written { info: TableInfo { rows: count as u64, bytes, sha256 }, blocks })
}

fn write_rows<R: Record, B: std::borrow::Borrow<R>>(
    file: &mut DigestFile,
    count: usize,
    rows: impl Iterator<Item = B>,
) -> Result<(), ParquetError> {
    let schema = schema::schema::<R>();
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(schema::properties::<R>(count)?))?;
    let columns: Vec<Shared> = R::COLUMNS.iter().map(|spec| Shared::new(spec.kind)).collect();
    let mut handles: Vec<Box<dyn ColumnWriter>> =
        columns.iter().map(|column| Box::new(column.clone()) as Box<dyn ColumnWriter>).collect();
    let mut pending = 0;
    for row in rows {
        std::borrow::Borrow::<R>::borrow(&row).write(&mut handles);
        pending += 1;
        if pending % BATCH_ROWS_STEP != 0 {
            continue;
        }
        if pending >= BATCH_ROWS_MAX || columns.iter().any(|column| column.text_bytes() >= BATCH_TEXT_BYTES_MAX) {
            writer.write(&batch(&schema, &columns)?)?;
            pending = 0;
        }
    }
    if pending > 0 {
        writer.write(&batch(&schema, &columns)?)?;
    }
    writer.into_inner()?;
    Ok(())
}

/// Takes what the builders hold. Columns of unequal length (a record that writes a cell of another type than it
/// declares) are refused here.
fn batch(schema: &SchemaRef, columns: &[Shared]) -> Result<RecordBatch, ParquetError> {
    let arrays = columns.iter().map(|column| column.0.borrow_mut().take()).collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), arrays)?)
}

/// The builder of one column.
enum Column {
    Bool(BooleanBuilder),
    U32(UInt32Builder),
    U64(UInt64Builder),
    F64(Float64Builder),
    Time(TimestampMillisecondBuilder),
    Text(StringBuilder),
    TextList(ListBuilder<StringBuilder>),
    U32List(ListBuilder<UInt32Builder>),
}

impl Column {
    fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Bool => Self::Bool(BooleanBuilder::new()),
            ColumnType::U32 => Self::U32(UInt32Builder::new()),
            ColumnType::U64 => Self::U64(UInt64Builder::new()),
            ColumnType::F64 => Self::F64(Float64Builder::new()),
            ColumnType::Time => Self::Time(TimestampMillisecondBuilder::new().with_timezone("UTC")),
            ColumnType::Text => Self::Text(StringBuilder::new()),
            ColumnType::TextList => {
                Self::TextList(ListBuilder::new(StringBuilder::new()).with_field(schema::list_element(kind)))
            }
            ColumnType::U32List => {
                Self::U32List(ListBuilder::new(UInt32Builder::new()).with_field(schema::list_element(kind)))
            }
        }
    }

    fn take(&mut self) -> ArrayRef {
        match self {
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::U32(builder) => Arc::new(builder.finish()),
            Self::U64(builder) => Arc::new(builder.finish()),
            Self::F64(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::TextList(builder) => Arc::new(builder.finish()),
            Self::U32List(builder) => Arc::new(builder.finish()),
        }
    }
}

/// A column that a record writes to while the table's writer keeps it to take the finished arrays from.
#[derive(Clone)]
struct Shared(Rc<RefCell<Column>>);

impl Shared {
    fn new(kind: ColumnType) -> Self {
        Self(Rc::new(RefCell::new(Column::new(kind))))
    }

    fn text_bytes(&self) -> usize {
        match &*self.0.borrow() {
            Column::Text(builder) => builder.values_slice().len(),
            Column::TextList(builder) => builder.values_ref().values_slice().len(),
            _ => 0,
        }
    }
}

macro_rules! scalar {
    ($method:ident, $variant:ident, $type:ty) => {
        fn $method(&mut self, value: Option<$type>) {
            if let Column::$variant(builder) = &mut *self.0.borrow_mut() {
                builder.append_option(value);
            }
        }
    };
}

/// A cell of another type than the column's is not written, which [`batch`] finds.
impl ColumnWriter for Shared {
    scalar!(bool, Bool, bool);
    scalar!(u32, U32, u32);
    scalar!(u64, U64, u64);
    scalar!(f64, F64, f64);
    scalar!(time, Time, i64);
    scalar!(text, Text, &str);

    fn text_list(&mut self, values: &mut dyn Iterator<Item = &str>) {
        if let Column::TextList(builder) = &mut *self.0.borrow_mut() {
            for value in values {
                builder.values().append_value(value);
            }
            builder.append(true);
        }
    }

    fn u32_list(&mut self, values: &[u32]) {
        if let Column::U32List(builder) = &mut *self.0.borrow_mut() {
            builder.values().append_slice(values);
            builder.append(true);
        }
    }
}
