//! Reading values of the normal form: every error with its place, and all of them at once.
//!
//! [`form!`] declares an object of the form once: the struct, how it is written, how it is read, and which fields it
//! has. A field is `must` (a text that says something), `needs` (it must be there) or `may` (it may be left out, and is
//! left out when it says nothing).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::ChangeError;
use crate::model::text::{format_time, parse_time};

/// Bytes that a text of a draft has at most: a policy document with its condition fits, a file does not.
pub const TEXT_MAX: usize = 64 * 1024;
/// Entries that a list of a draft has at most.
pub const LIST_MAX: usize = 100_000;

/// One field of an object of the normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSpec {
    /// Its key.
    pub name: &'static str,
    /// Whether it must be there.
    pub needed: bool,
}

/// Errors found so far.
pub type Errors = Vec<ChangeError>;

/// A value of the normal form.
pub trait Field: Sized {
    /// Reads it, or says what is wrong with it.
    fn decode(value: &Value, at: &str, errors: &mut Errors) -> Option<Self>;

    /// What a field says that is left out; none when it says something always.
    fn absent() -> Option<Self> {
        None
    }

    /// Whether the value says no more than leaving it out.
    fn is_absent(&self) -> bool {
        false
    }
}

/// The pointer to a part of a value.
#[must_use]
pub fn place(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn wrong(at: &str, value: &Value, expected: &str, errors: &mut Errors) {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    errors.push(ChangeError::new(at, format!("{found} where {expected} is expected")));
}

/// Reads a field that must be there.
pub fn needs<T: Field>(fields: &Map<String, Value>, key: &str, at: &str, errors: &mut Errors) -> Option<T> {
    match fields.get(key) {
        Some(value) => T::decode(value, &place(at, key), errors),
        None => {
            errors.push(ChangeError::new(at, format!("the field `{key}` is missing")));
            None
        }
    }
}

/// Reads a text that must be there and say something.
pub fn must<T: Field>(fields: &Map<String, Value>, key: &str, at: &str, errors: &mut Errors) -> Option<T> {
    if fields.get(key).and_then(Value::as_str).is_some_and(str::is_empty) {
        errors.push(ChangeError::new(&place(at, key), "an empty text"));
        return None;
    }
    needs(fields, key, at, errors)
}

/// Reads a field that may be left out.
pub fn may<T: Field>(fields: &Map<String, Value>, key: &str, at: &str, errors: &mut Errors) -> Option<T> {
    match fields.get(key) {
        None | Some(Value::Null) => T::absent(),
        Some(value) => T::decode(value, &place(at, key), errors),
    }
}

/// The fields of an object, once it has no others than these.
pub fn object<'v>(
    value: &'v Value,
    at: &str,
    known: &[FieldSpec],
    extra: &[&str],
    errors: &mut Errors,
) -> Option<&'v Map<String, Value>> {
    let Value::Object(fields) = value else {
        wrong(at, value, "an object", errors);
        return None;
    };
    let mut strange = false;
    for key in fields.keys() {
        if !known.iter().any(|field| field.name == key) && !extra.contains(&key.as_str()) {
            let names: Vec<&str> = known.iter().map(|field| field.name).collect();
            errors.push(
                ChangeError::new(&place(at, key), format!("there is no field `{key}` here"))
                    .hint(format!("the fields are {}", names.join(", "))),
            );
            strange = true;
        }
    }
    (!strange).then_some(fields)
}

impl Field for String {
    fn decode(value: &Value, at: &str, errors: &mut Errors) -> Option<Self> {
        let Value::String(text) = value else {
            wrong(at, value, "a text", errors);
            return None;
        };
        if text.len() > TEXT_MAX {
            errors.push(ChangeError::new(at, format!("a text of {} bytes; at most {TEXT_MAX} are read", text.len())));
            return None;
        }
        Some(text.clone())
    }
}

impl Field for bool {
    fn decode(value: &Value, at: &str, errors: &mut Errors) -> Option<Self> {
        let found = value.as_bool();
        if found.is_none() {
            wrong(at, value, "true or false", errors);
        }
        found
    }
}

impl Field for u32 {
    fn decode(value: &Value, at: &str, errors: &mut Errors) -> Option<Self> {
        let found = value.as_u64().and_then(|number| Self::try_from(number).ok());
        if found.is_none() {
            wrong(at, value, "a whole number from 0 to 4294967295", errors);
        }
        found
    }
}

/// A share.
impl Field for f64 {
    fn decode(value: &Value, at: &str, errors: &mut Errors) -> Option<Self> {
        let found = value.as_f64().filter(|share| (0.0..=1.0).contains(share));
        if found.is_none() {
            wrong(at, value, "a number from 0 to 1", errors);
        }
        found
    }
}

impl<T: Field> Field for Option<T> {
    fn decode(value: &Value, at: &str, errors: &mut Errors) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::decode(value, at, errors).map(Some) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Field> Field for Vec<T> {
    fn decode(value: &Value, at: &str, errors: &mut Errors) -> Option<Self> {
        let Value::Array(items) = value else {
            wrong(at, value, "a list", errors);
            return None;
        };
        if items.len() > LIST_MAX {
            errors.push(ChangeError::new(at, format!("a list of {}; at most {LIST_MAX} are read", items.len())));
            return None;
        }
        let read: Vec<Option<T>> =
            items.iter().enumerate().map(|(number, item)| T::decode(item, &format!("{at}/{number}"), errors)).collect();
        read.into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Field> Field for BTreeMap<String, T> {
    fn decode(value: &Value, at: &str, errors: &mut Errors) -> Option<Self> {
        let Value::Object(fields) = value else {
            wrong(at, value, "an object", errors);
            return None;
        };
        let read: Vec<Option<(String, T)>> = fields
            .iter()
            .map(|(key, item)| T::decode(item, &place(at, key), errors).map(|item| (key.clone(), item)))
            .collect();
        read.into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

/// Any JSON, as conditions are.
impl Field for Value {
    fn decode(value: &Value, at: &str, errors: &mut Errors) -> Option<Self> {
        let length = value.to_string().len();
        if length > TEXT_MAX {
            errors.push(ChangeError::new(at, format!("JSON of {length} bytes; at most {TEXT_MAX} are read")));
            return None;
        }
        Some(value.clone())
    }
}

/// An instant, in milliseconds since 1970; ISO 8601 in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl std::fmt::Display for Time {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(&format_time(self.0))
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&format_time(self.0))
    }
}

impl Field for Time {
    fn decode(value: &Value, at: &str, errors: &mut Errors) -> Option<Self> {
        let found = value.as_str().and_then(parse_time);
        if found.is_none() {
            errors
                .push(ChangeError::new(at, format!("{value} is no instant")).hint("write it as 2026-11-22T05:30:00Z"));
        }
        found.map(Self)
    }
}

/// Makes closed lists of names values of the normal form.
macro_rules! named_fields {
    ($($type:ty),+ $(,)?) => { $(
        impl $crate::change::decode::Field for $type {
            fn decode(
                value: &serde_json::Value,
                at: &str,
                errors: &mut $crate::change::decode::Errors,
            ) -> Option<Self> {
                let found = value.as_str().and_then(Self::parse);
                if found.is_none() {
                    let known: Vec<&str> = Self::ALL.iter().map(|name| name.as_str()).collect();
                    let problem = format!("{value} is none of {}", known.join(", "));
                    errors.push($crate::change::ChangeError::new(at, problem));
                }
                found
            }
        }
    )+ };
}

/// Declares an object of the normal form.
macro_rules! form {
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident {
            $( $(#[doc = $field_doc:literal])+ $need:ident $field:ident : $type:ty, )+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $field_doc])+ pub $field: $type, )+
        }
        impl $name {
            /// Its fields, in order.
            pub const FIELDS: &'static [$crate::change::decode::FieldSpec] = &[
                $( $crate::change::decode::FieldSpec {
                    name: stringify!($field),
                    needed: $crate::change::decode::form!(@needed $need),
                }, )+
            ];
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = out.serialize_map(None)?;
                $( if $crate::change::decode::form!(@needed $need)
                    || !$crate::change::decode::Field::is_absent(&self.$field)
                {
                    map.serialize_entry(stringify!($field), &self.$field)?;
                } )+
                map.end()
            }
        }
        impl $crate::change::decode::Field for $name {
            fn decode(
                value: &serde_json::Value,
                at: &str,
                errors: &mut $crate::change::decode::Errors,
            ) -> Option<Self> {
                let fields = $crate::change::decode::object(value, at, Self::FIELDS, &[], errors)?;
                $( let $field = $crate::change::decode::$need(fields, stringify!($field), at, errors); )+
                Some(Self { $( $field: $field?, )+ })
            }
        }
    };
    (@needed must) => { true };
    (@needed needs) => { true };
    (@needed may) => { false };
}

/// Declares the operations of the normal form: objects that say in `op` which they are.
macro_rules! operations {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident { $(
            $(#[doc = $variant_doc:literal])+
            $variant:ident = $op:literal {
                $( $(#[doc = $field_doc:literal])+ $need:ident $field:ident : $type:ty, )+
            }
        )+ }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name { $(
            $(#[doc = $variant_doc])+
            $variant { $( $(#[doc = $field_doc])+ $field: $type, )+ },
        )+ }
        impl $name {
            /// Every operation with its fields, in order.
            pub const OPERATIONS: &'static [(&'static str, &'static [$crate::change::decode::FieldSpec])] = &[ $(
                ($op, &[ $( $crate::change::decode::FieldSpec {
                    name: stringify!($field),
                    needed: $crate::change::decode::form!(@needed $need),
                }, )+ ]),
            )+ ];

            /// Name of the operation.
            #[must_use]
            pub const fn op(&self) -> &'static str {
                match self { $( Self::$variant { .. } => $op, )+ }
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = out.serialize_map(None)?;
                map.serialize_entry("op", self.op())?;
                match self { $( Self::$variant { $( $field, )+ } => {
                    $( if $crate::change::decode::form!(@needed $need)
                        || !$crate::change::decode::Field::is_absent($field)
                    {
                        map.serialize_entry(stringify!($field), $field)?;
                    } )+
                } )+ }
                map.end()
            }
        }
        impl $crate::change::decode::Field for $name {
            fn decode(
                value: &serde_json::Value,
                at: &str,
                errors: &mut $crate::change::decode::Errors,
            ) -> Option<Self> {
                let op = value.get("op").and_then(serde_json::Value::as_str).unwrap_or_default();
                match op {
                    $( $op => {
                        const FIELDS: &[$crate::change::decode::FieldSpec] = &[ $(
                            $crate::change::decode::FieldSpec {
                                name: stringify!($field),
                                needed: $crate::change::decode::form!(@needed $need),
                            },
                        )+ ];
                        let fields = $crate::change::decode::object(value, at, FIELDS, &["op"], errors)?;
                        $( let $field = $crate::change::decode::$need(fields, stringify!($field), at, errors); )+
                        Some(Self::$variant { $( $field: $field?, )+ })
                    } )+
                    other => {
                        let known: Vec<&str> = Self::OPERATIONS.iter().map(|(op, _)| *op).collect();
                        errors.push(
                            $crate::change::ChangeError::new(
                                &$crate::change::decode::place(at, "op"),
                                format!("there is no operation `{other}`"),
                            )
                            .hint(format!("the operations are {}", known.join(", "))),
                        );
                        None
                    }
                }
            }
        }
    };
}

pub(crate) use {form, named_fields, operations};
