//! Parquet to rows: each column of a batch is told apart once, and its cells are then read in order.

use arrow::array::{
    Array, AsArray, BooleanArray, Float64Array, ListArray, RecordBatch, StringArray, TimestampMillisecondArray,
    UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMillisecondType, UInt32Type, UInt64Type};

use crate::model::{ColumnReader, Record, TypeMismatch};

/// Appends the rows of a batch whose columns are those of the record.
pub(super) fn append_rows<R: Record>(batch: &RecordBatch, rows: &mut Vec<R>) -> Result<(), TypeMismatch> {
    let mut columns: Vec<Box<dyn ColumnReader + '_>> = Vec::with_capacity(batch.num_columns());
    for array in batch.columns() {
        columns.push(Box::new(Cells { column: Column::of(array)?, at: 0 }));
    }
    rows.reserve(batch.num_rows());
    for _ in 0..batch.num_rows() {
        rows.push(R::read(&mut columns)?);
    }
    Ok(())
}

/// An array of a known type.
enum Column<'a> {
    Bool(&'a BooleanArray),
    U32(&'a UInt32Array),
    U64(&'a UInt64Array),
    F64(&'a Float64Array),
    Time(&'a TimestampMillisecondArray),
    Text(&'a StringArray),
    TextList(&'a ListArray, &'a StringArray),
    U32List(&'a ListArray, &'a UInt32Array),
}

impl<'a> Column<'a> {
    fn of(array: &'a dyn Array) -> Result<Self, TypeMismatch> {
        let column = match array.data_type() {
            DataType::Boolean => array.as_boolean_opt().map(Column::Bool),
            DataType::UInt32 => array.as_primitive_opt::<UInt32Type>().map(Column::U32),
            DataType::UInt64 => array.as_primitive_opt::<UInt64Type>().map(Column::U64),
            DataType::Float64 => array.as_primitive_opt::<Float64Type>().map(Column::F64),
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                array.as_primitive_opt::<TimestampMillisecondType>().map(Column::Time)
            }
            DataType::Utf8 => array.as_string_opt::<i32>().map(Column::Text),
            DataType::List(_) => array.as_list_opt::<i32>().and_then(Self::of_list),
            _ => None,
        };
        column.ok_or_else(|| TypeMismatch(format!("no column is of type {}", array.data_type())))
    }

    fn of_list(list: &'a ListArray) -> Option<Self> {
        match list.value_type() {
            DataType::Utf8 => list.values().as_string_opt::<i32>().map(|values| Self::TextList(list, values)),
            DataType::UInt32 => {
                list.values().as_primitive_opt::<UInt32Type>().map(|values| Self::U32List(list, values))
            }
            _ => None,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a flag",
            Self::U32(_) => "a 32-bit number",
            Self::U64(_) => "a 64-bit number",
            Self::F64(_) => "a decimal number",
            Self::Time(_) => "a time",
            Self::Text(_) => "a text",
            Self::TextList(..) => "a list of texts",
            Self::U32List(..) => "a list of numbers",
        }
    }
}

/// The cells of one column, from the first to the last.
struct Cells<'a> {
    column: Column<'a>,
    at: usize,
}

impl Cells<'_> {
    fn mismatch(&self, wanted: &str) -> TypeMismatch {
        TypeMismatch(format!("a cell is {} where {wanted} is wanted", self.column.name()))
    }

    const fn next(&mut self) -> usize {
        let at = self.at;
        self.at += 1;
        at
    }
}

macro_rules! scalar {
    ($method:ident, $variant:ident, $type:ty, $wanted:literal) => {
        fn $method(&mut self) -> Result<Option<$type>, TypeMismatch> {
            let Column::$variant(array) = self.column else { return Err(self.mismatch($wanted)) };
            let at = self.next();
            Ok(if array.is_null(at) { None } else { Some(array.value(at).into()) })
        }
    };
}

impl ColumnReader for Cells<'_> {
    scalar!(bool, Bool, bool, "a flag");
    scalar!(u32, U32, u32, "a 32-bit number");
    scalar!(u64, U64, u64, "a 64-bit number");
    scalar!(f64, F64, f64, "a decimal number");
    scalar!(time, Time, i64, "a time");
    scalar!(text, Text, String, "a text");

    fn text_list(&mut self) -> Result<Vec<String>, TypeMismatch> {
        let Column::TextList(list, values) = self.column else { return Err(self.mismatch("a list of texts")) };
        let at = self.next();
        Ok(places(list, at).map(|at| values.value(at).to_owned()).collect())
    }

    fn u32_list(&mut self) -> Result<Vec<u32>, TypeMismatch> {
        let Column::U32List(list, values) = self.column else { return Err(self.mismatch("a list of numbers")) };
        let at = self.next();
        Ok(values.values()[places(list, at)].to_vec())
    }
}

/// Places of a list's values. Offsets of an Arrow list are checked to be ascending and not negative when it is made.
fn places(list: &ListArray, at: usize) -> std::ops::Range<usize> {
    let offsets = list.value_offsets();
    let place = |offset: i32| usize::try_from(offset).unwrap_or(0);
    place(offsets[at])..place(offsets[at + 1])
}
