//! Tables that come as Parquet files, as rows of text like those of a CSV file.
//!
//! A Parquet file is read from its end, so it is held in memory while it is read, up to a limit. Times and dates become
//! ISO 8601 texts, null becomes the empty text, and a column that has no text form (a list, a structure) is left out.

use std::cell::Cell;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::basic::{LogicalType, TimeUnit};
use parquet::column::page::Page;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

use super::ReadError;
use crate::model::text::format_time;

/// First bytes of a Parquet file.
pub const MAGIC: &[u8; 4] = b"PAR1";
/// Larger files are refused.
const BYTES_MAX: u64 = 1 << 30;

/// Reads a table and hands out its rows: the names of the columns, the number of the row from 1, the cells.
///
/// # Errors
/// When the file is larger than 1 GiB, is no Parquet, or is compressed in a way that this program does not read.
pub fn rows(stream: &mut dyn Read, mut each: impl FnMut(&[String], u64, &[String])) -> Result<(), ReadError> {
    let mut bytes = Vec::new();
    stream.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| ReadError::from_io(&error, ""))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(ReadError::limit("", format!("a Parquet file of more than {BYTES_MAX} bytes is not read")));
    }
    let invalid = |row: u64, error: &dyn std::fmt::Display| ReadError {
        code: "parquet_invalid",
        pointer: format!("row {}", row + 1),
        message: format!("it cannot be read as Parquet: {error}"),
    };
    let reader =
        guarded(|| SerializedFileReader::new(in_memory(Page::buffer, bytes)).map_err(|error| error.to_string()))
            .map_err(|error| invalid(0, &error))?;
    let (columns, mut records) = guarded(|| {
        let columns = Column::all(reader.metadata().file_metadata().schema());
        Ok((columns, reader.get_row_iter(None).map_err(|error| error.to_string())?))
    })
    .map_err(|error| invalid(0, &error))?;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let mut read = 0;
    loop {
        let row = guarded(|| records.next().transpose().map_err(|error| error.to_string()))
            .map_err(|error| invalid(read, &error))?;
        let Some(row) = row else { return Ok(()) };
        read += 1;
        each(&names, read, &cells(&columns, &row));
    }
}

/// A column that has a text form.
struct Column {
    name: String,
    /// Place in a row.
    place: usize,
    /// How many of its units a millisecond has, where its numbers are times.
    per_milli: Option<i64>,
}

impl Column {
    /// The columns of a schema, lists and structures aside.
    fn all(schema: &Type) -> Vec<Self> {
        let fields = schema.get_fields().iter().enumerate();
        fields
            .filter(|(_, field)| field.is_primitive())
            .map(|(place, field)| {
                let unit = match field.get_basic_info().logical_type_ref() {
                    Some(LogicalType::Timestamp(time)) => Some(&time.unit),
                    _ => None,
                };
                let per_milli = unit.map(|unit| match unit {
                    TimeUnit::MILLIS => 1,
                    TimeUnit::MICROS => 1_000,
                    TimeUnit::NANOS => 1_000_000,
                });
                Self { name: field.name().to_owned(), place, per_milli }
            })
            .collect()
    }
}

/// The texts of a row.
fn cells(columns: &[Column], row: &Row) -> Vec<String> {
    let fields: Vec<&Field> = row.get_column_iter().map(|(_, field)| field).collect();
    columns
        .iter()
        .map(|column| fields.get(column.place).map_or_else(String::new, |field| text(column, field)))
        .collect()
}

fn text(column: &Column, field: &Field) -> String {
    match (field, column.per_milli) {
        (Field::Null, _) => String::new(),
        (Field::Str(text), _) => text.clone(),
        (Field::Bytes(bytes), _) => String::from_utf8_lossy(bytes.data()).into_owned(),
        (Field::TimestampMillis(millis), _) => format_time(*millis),
        (Field::TimestampMicros(micros), _) => format_time(micros.div_euclid(1_000)),
        // Times of other units, and those without a zone, come as plain numbers.
        (Field::Long(number), Some(per_milli)) => format_time(number.div_euclid(per_milli)),
        (Field::Date(days), _) => format_time(i64::from(*days) * 86_400_000),
        (field, _) => field.to_string(),
    }
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread is on its way to being reported as a file that cannot be read.
#[must_use]
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Runs a step of the decoder, which panics on some damaged files where it should fail: for the caller both are a
/// failure. Only the decoder and the conversion to text run inside: what is made of the rows is not guarded.
fn guarded<T>(step: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    GUARDED.set(true);
    // What the step was about is not used again after a failure.
    let outcome = catch_unwind(AssertUnwindSafe(step));
    GUARDED.set(false);
    outcome.unwrap_or_else(|_| Err("the file is damaged".to_owned()))
}

/// Bytes in the form in which `like` hands them out: the reader wants them in a type of a crate that is not ours.
fn in_memory<T: From<Vec<u8>>>(_like: fn(&Page) -> &T, bytes: Vec<u8>) -> T {
    T::from(bytes)
}

#[cfg(test)]
pub(in crate::platforms) mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
    };
    use arrow::datatypes::Int32Type;
    use parquet::arrow::ArrowWriter;
    use proptest::prelude::*;

    use super::*;

    /// A small usage table with a column that has no text form.
    pub(in crate::platforms) fn usage() -> Vec<u8> {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("principal", Arc::new(StringArray::from(vec![Some("role/app"), Some("role/app"), None]))),
            ("permission", Arc::new(StringArray::from(vec!["s3:GetObject", "sqs", "s3"]))),
            (
                "last_used_at",
                Arc::new(
                    TimestampMicrosecondArray::from(vec![Some(1_788_220_800_000_000), None, None]).with_timezone("UTC"),
                ),
            ),
            ("window_end", Arc::new(TimestampNanosecondArray::from(vec![Some(1_788_220_800_000_000_000), None, None]))),
            ("count", Arc::new(Int64Array::from(vec![Some(12), Some(0), None]))),
            (
                "extra",
                Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)]), None, None])),
            ),
        ];
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
                .expect("the columns are of one length");
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("the schema can be written");
        writer.write(&batch).expect("the rows can be written");
        writer.close().expect("the file can be closed");
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<Vec<String>>, ReadError> {
        let mut all = Vec::new();
        rows(&mut &*bytes, |names, _, cells| {
            if all.is_empty() {
                all.push(names.to_vec());
            }
            all.push(cells.to_vec());
        })?;
        Ok(all)
    }

    #[test]
    fn cells_are_texts_times_are_iso_8601_and_null_is_empty() -> Result<(), ReadError> {
        let time = "2026-09-01T00:00:00Z";
        let expected: [[&str; 5]; 4] = [
            ["principal", "permission", "last_used_at", "window_end", "count"],
            ["role/app", "s3:GetObject", time, time, "12"],
            ["role/app", "sqs", "", "", "0"],
            ["", "s3", "", "", ""],
        ];
        assert_eq!(read(&usage())?, expected);
        Ok(())
    }

    #[test]
    fn what_is_no_parquet_or_is_cut_is_an_error() {
        let whole = usage();
        for bytes in [&b"PAR1"[..], b"PAR1 and no more PAR1", &whole[..whole.len() / 2], &whole[..whole.len() - 1]] {
            assert_eq!(read(bytes).map_err(|error| error.code), Err("parquet_invalid"));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn damage_is_an_error_or_other_rows_and_never_a_panic(at in 0usize..4096, byte: u8, cut in 0usize..64) {
            let mut bytes = usage();
            let place = at % bytes.len();
            bytes[place] = byte;
            bytes.truncate(bytes.len() - cut.saturating_sub(48));
            // Either outcome is right; what must not happen is the end of the process.
            prop_assert!(read(&bytes).map_or(true, |rows| rows.len() < 10_000));
        }
    }
}
