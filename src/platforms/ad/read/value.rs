//! Lenient looks into JSON values: what is absent, null or of another type is not there.

use serde_json::Value;

/// Text of a field that is not empty.
#[must_use]
pub fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// A flag.
#[must_use]
pub fn flag(value: &Value, key: &str) -> Option<bool> {
    value.get(key).and_then(Value::as_bool)
}

/// A whole number.
#[must_use]
pub fn number(value: &Value, key: &str) -> Option<i64> {
    value.get(key).and_then(Value::as_i64)
}

/// Elements of a list.
#[must_use]
pub fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Texts of a list.
pub fn texts<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v str> {
    list(value, key).iter().filter_map(Value::as_str)
}

/// A point in time of seconds since 1970, in milliseconds; zero and what is before it are no times.
#[must_use]
pub fn time(value: &Value, key: &str) -> Option<i64> {
    number(value, key).filter(|seconds| *seconds > 0).and_then(|seconds| seconds.checked_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_another_type_is_not_there() {
        let value =
            serde_json::json!({"a": 1, "b": " x ", "c": "", "d": true, "e": ["x", 2], "f": -1, "g": 1_700_000_000});
        assert_eq!((text(&value, "a"), text(&value, "b"), text(&value, "c")), (None, Some("x"), None));
        assert_eq!((flag(&value, "d"), flag(&value, "a")), (Some(true), None));
        assert_eq!(texts(&value, "e").collect::<Vec<_>>(), ["x"]);
        assert!(list(&value, "a").is_empty());
        assert_eq!((time(&value, "f"), time(&value, "g")), (None, Some(1_700_000_000_000)));
        assert_eq!(time(&serde_json::json!({"t": i64::MAX}), "t"), None);
    }
}
