//! Tables that come as Parquet files, as rows of text like those of a CSV file.
//!
//! A Parquet file is read from its end, so it is held in memory while it is read, up to a limit. Times and dates become
//! ISO 8601 texts, null becomes the empty text, and a column that has no text form (a list, a structure) is left out.

use std::cell::Cell;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMillisecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::column::page::Page;

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
    let mut reader = guarded(|| {
        ParquetRecordBatchReaderBuilder::try_new(in_memory(Page::buffer, bytes))
            .and_then(ParquetRecordBatchReaderBuilder::build)
            .map_err(|error| error.to_string())
    })
    .map_err(|error| invalid(0, &error))?;
    let mut read = 0;
    loop {
        let batch = guarded(|| {
            reader.next().map(|batch| batch.map(|batch| texts(&batch))).transpose().map_err(|error| error.to_string())
        })
        .map_err(|error| invalid(read, &error))?;
        let Some((names, rows)) = batch else { return Ok(()) };
        for cells in rows {
            read += 1;
            each(&names, read, &cells);
        }
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

/// Names of the columns that can be shown as text, and the rows.
fn texts(batch: &RecordBatch) -> (Vec<String>, Vec<Vec<String>>) {
    let fields = batch.schema_ref().fields().iter();
    let (names, columns): (Vec<String>, Vec<ArrayRef>) = fields
        .zip(batch.columns())
        .filter_map(|(field, column)| {
            let form = match column.data_type() {
                DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
                    DataType::Timestamp(TimeUnit::Millisecond, None)
                }
                DataType::List(_) | DataType::LargeList(_) | DataType::Struct(_) | DataType::Map(..) => return None,
                _ => DataType::Utf8,
            };
            Some((field.name().clone(), cast(column, &form).ok()?))
        })
        .unzip();
    let row = |at: usize| columns.iter().map(|column| text(column, at)).collect();
    (names, (0..batch.num_rows()).map(row).collect())
}

fn text(column: &ArrayRef, at: usize) -> String {
    if column.is_null(at) {
        return String::new();
    }
    if let Some(times) = column.as_primitive_opt::<TimestampMillisecondType>() {
        return format_time(times.value(at));
    }
    column.as_string_opt::<i32>().map_or_else(String::new, |texts| texts.value(at).to_owned())
}

#[cfg(test)]
pub(in crate::platforms) mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, ListArray, StringArray, TimestampMicrosecondArray};
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
        let expected: [[&str; 4]; 4] = [
            ["principal", "permission", "last_used_at", "count"],
            ["role/app", "s3:GetObject", "2026-09-01T00:00:00Z", "12"],
            ["role/app", "sqs", "", "0"],
            ["", "s3", "", ""],
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
