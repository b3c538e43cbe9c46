//! Records that know their own columns: one declaration gives the struct, the schema and the documentation.
//!
//! [`record!`](crate::record) reads a struct with doc comments and derives [`Record`]: the table's name, a
//! [`ColumnSpec`] for each field (the doc comment is the column's definition in the data dictionary), and a
//! way to write and read one row cell by cell. The model does not know what a cell is written to: the store
//! hands in [`ColumnWriter`]s and [`ColumnReader`]s.

use std::fmt;

/// What a column holds, as far as the store must know to choose its encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    Bool,
    U32,
    U64,
    F64,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Time,
    Text,
    TextList,
    U32List,
}

/// One column of a table: its name, type and definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSpec {
    pub name: &'static str,
    pub kind: ColumnType,
    pub nullable: bool,
    /// The definition, from the field's doc comment; leading blanks and line breaks are the reader's to trim.
    pub doc: &'static str,
}

/// The cell read does not have the type that the record declares: the file is not of this schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeMismatch(pub String);

impl fmt::Display for TypeMismatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

impl std::error::Error for TypeMismatch {}

/// Takes the cells of one column in row order. A writer is only ever called with its column's type.
pub trait ColumnWriter {
    fn bool(&mut self, value: Option<bool>);
    fn u32(&mut self, value: Option<u32>);
    fn u64(&mut self, value: Option<u64>);
    fn f64(&mut self, value: Option<f64>);
    fn time(&mut self, value: Option<i64>);
    fn text(&mut self, value: Option<&str>);
    fn text_list(&mut self, values: &mut dyn Iterator<Item = &str>);
    fn u32_list(&mut self, values: &[u32]);
}

/// Gives the cells of one column in row order; `None` is a null cell.
///
/// # Errors
/// Every method fails with [`TypeMismatch`] when the column is of another type.
pub trait ColumnReader {
    fn bool(&mut self) -> Result<Option<bool>, TypeMismatch>;
    fn u32(&mut self) -> Result<Option<u32>, TypeMismatch>;
    fn u64(&mut self) -> Result<Option<u64>, TypeMismatch>;
    fn f64(&mut self) -> Result<Option<f64>, TypeMismatch>;
    fn time(&mut self) -> Result<Option<i64>, TypeMismatch>;
    fn text(&mut self) -> Result<Option<String>, TypeMismatch>;
    fn text_list(&mut self) -> Result<Vec<String>, TypeMismatch>;
    fn u32_list(&mut self) -> Result<Vec<u32>, TypeMismatch>;
}

/// A type that can stand in a column.
pub trait Cell: Sized {
    const KIND: ColumnType;
    const NULLABLE: bool = false;
    fn write(&self, column: &mut dyn ColumnWriter);
    /// # Errors
    /// [`TypeMismatch`] when the column is of another type, or null where this type has no null.
    fn read(column: &mut dyn ColumnReader) -> Result<Self, TypeMismatch>;
}

/// A row of a table.
pub trait Record: Sized {
    /// Name of the table and of its file.
    const TABLE: &'static str;
    /// What one row is.
    const DOC: &'static str;
    const COLUMNS: &'static [ColumnSpec];
    /// Writes one row; `columns` are in the order of [`Record::COLUMNS`].
    fn write(&self, columns: &mut [Box<dyn ColumnWriter>]);
    /// Reads one row; `columns` are in the order of [`Record::COLUMNS`].
    ///
    /// # Errors
    /// [`TypeMismatch`] when a column is of another type than declared.
    fn read(columns: &mut [Box<dyn ColumnReader + '_>]) -> Result<Self, TypeMismatch>;
}

fn null() -> TypeMismatch {
    TypeMismatch("null in a column that has no nulls".to_owned())
}

macro_rules! scalar_cell {
    ($type:ty, $kind:ident, $method:ident, $to:expr, $from:expr) => {
        impl Cell for $type {
            const KIND: ColumnType = ColumnType::$kind;
            fn write(&self, column: &mut dyn ColumnWriter) {
                column.$method(Some($to(self)));
            }
            fn read(column: &mut dyn ColumnReader) -> Result<Self, TypeMismatch> {
                column.$method()?.map($from).ok_or_else(null)
            }
        }
        impl Cell for Option<$type> {
            const KIND: ColumnType = ColumnType::$kind;
            const NULLABLE: bool = true;
            fn write(&self, column: &mut dyn ColumnWriter) {
                column.$method(self.as_ref().map($to));
            }
            fn read(column: &mut dyn ColumnReader) -> Result<Self, TypeMismatch> {
                Ok(column.$method()?.map($from))
            }
        }
    };
}

fn copied<T: Copy>(value: &T) -> T {
    *value
}

scalar_cell!(bool, Bool, bool, copied, std::convert::identity);
scalar_cell!(u32, U32, u32, copied, std::convert::identity);
scalar_cell!(u64, U64, u64, copied, std::convert::identity);
scalar_cell!(f64, F64, f64, copied, std::convert::identity);
scalar_cell!(i64, Time, time, copied, std::convert::identity);
scalar_cell!(String, Text, text, String::as_str, std::convert::identity);
scalar_cell!(super::EntityId, U32, u32, |id: &super::EntityId| id.0, super::EntityId);
scalar_cell!(super::SourceId, U32, u32, |id: &super::SourceId| id.0, super::SourceId);

impl Cell for Vec<String> {
    const KIND: ColumnType = ColumnType::TextList;
    fn write(&self, column: &mut dyn ColumnWriter) {
        column.text_list(&mut self.iter().map(String::as_str));
    }
    fn read(column: &mut dyn ColumnReader) -> Result<Self, TypeMismatch> {
        column.text_list()
    }
}

impl Cell for Vec<u32> {
    const KIND: ColumnType = ColumnType::U32List;
    fn write(&self, column: &mut dyn ColumnWriter) {
        column.u32_list(self);
    }
    fn read(column: &mut dyn ColumnReader) -> Result<Self, TypeMismatch> {
        column.u32_list()
    }
}

/// Declares a table: a struct whose fields are its columns and whose doc comments are their definitions.
#[macro_export]
macro_rules! record {
    (
        $(#[doc = $doc:literal])+
        table $table:literal;
        pub struct $name:ident {
            $( $(#[doc = $field_doc:literal])+ pub $field:ident : $type:ty, )+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        pub struct $name {
            $( $(#[doc = $field_doc])+ pub $field: $type, )+
        }
        impl $crate::model::Record for $name {
            const TABLE: &'static str = $table;
            const DOC: &'static str = concat!($($doc),+);
            const COLUMNS: &'static [$crate::model::ColumnSpec] = &[
                $( $crate::model::ColumnSpec {
                    name: stringify!($field),
                    kind: <$type as $crate::model::Cell>::KIND,
                    nullable: <$type as $crate::model::Cell>::NULLABLE,
                    doc: concat!($($field_doc),+),
                }, )+
            ];
            fn write(&self, columns: &mut [Box<dyn $crate::model::ColumnWriter>]) {
                let mut columns = columns.iter_mut();
                $( if let Some(column) = columns.next() {
                    $crate::model::Cell::write(&self.$field, &mut **column);
                } )+
            }
            fn read(
                columns: &mut [Box<dyn $crate::model::ColumnReader + '_>],
            ) -> Result<Self, $crate::model::TypeMismatch> {
                let mut columns = columns.iter_mut();
                $( let $field = match columns.next() {
                    Some(column) => $crate::model::Cell::read(&mut **column)?,
                    None => {
                        let what = concat!("no column `", stringify!($field), "`");
                        return Err($crate::model::TypeMismatch(what.to_owned()));
                    }
                }; )+
                Ok(Self { $( $field, )+ })
            }
        }
    };
}

/// Declares a closed list of names: an enum that is stored, shown and parsed as lower-case text.
#[macro_export]
macro_rules! names {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident { $( $(#[doc = $variant_doc:literal])* $variant:ident = $text:literal, )+ }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $( $(#[doc = $variant_doc])* $variant, )+ }
        impl $name {
            /// Every name, in declaration order.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];
            /// The name as stored and shown.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }
            /// The value of a stored name; `None` for a text that is not on the list.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $( $text => Some(Self::$variant), )+ _ => None }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.pad(self.as_str())
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.serialize_str(self.as_str())
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(from)?;
                Self::parse(&text).ok_or_else(|| {
                    let known: Vec<&str> = Self::ALL.iter().map(|name| name.as_str()).collect();
                    serde::de::Error::custom(format!("`{text}` is none of {}", known.join(", ")))
                })
            }
        }
        impl $crate::model::Cell for $name {
            const KIND: $crate::model::ColumnType = $crate::model::ColumnType::Text;
            fn write(&self, column: &mut dyn $crate::model::ColumnWriter) {
                column.text(Some(self.as_str()));
            }
            fn read(column: &mut dyn $crate::model::ColumnReader) -> Result<Self, $crate::model::TypeMismatch> {
                let text = column.text()?.unwrap_or_default();
                Self::parse(&text).ok_or_else(|| {
                    $crate::model::TypeMismatch(format!("`{text}` is no {}", stringify!($name)))
                })
            }
        }
        impl $crate::model::Cell for Option<$name> {
            const KIND: $crate::model::ColumnType = $crate::model::ColumnType::Text;
            const NULLABLE: bool = true;
            fn write(&self, column: &mut dyn $crate::model::ColumnWriter) {
                column.text(self.map($name::as_str));
            }
            fn read(column: &mut dyn $crate::model::ColumnReader) -> Result<Self, $crate::model::TypeMismatch> {
                let Some(text) = column.text()? else { return Ok(None) };
                match $name::parse(&text) {
                    Some(value) => Ok(Some(value)),
                    None => Err($crate::model::TypeMismatch(format!("`{text}` is no {}", stringify!($name)))),
                }
            }
        }
    };
}
