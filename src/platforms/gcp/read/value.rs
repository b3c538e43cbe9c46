//! Fields of records, which exports write in camel case or in snake case, as texts or as numbers.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::model::text::parse_time;

/// A field in camel case, or else the same in snake case.
#[must_use]
pub fn field<'v>(value: &'v Value, camel: &str) -> Option<&'v Value> {
    let found = value.get(camel).or_else(|| value.get(snake(camel).as_ref()));
    found.filter(|found| !found.is_null())
}

/// The field at the end of a path.
#[must_use]
pub fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| field(value, key))
}

fn snake(camel: &str) -> Cow<'_, str> {
    if !camel.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Borrowed(camel);
    }
    let mut out = String::with_capacity(camel.len() + 4);
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    Cow::Owned(out)
}

/// The text of a field; numbers count as the text that they are.
#[must_use]
pub fn text<'v>(value: &'v Value, key: &str) -> Option<Cow<'v, str>> {
    plain(field(value, key)?)
}

/// A text, or a number as one; `None` for anything else and for the empty text.
#[must_use]
pub fn plain(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if !text.is_empty() => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// The elements of a list; one that is written without brackets counts.
#[must_use]
pub fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    match field(value, key) {
        Some(Value::Array(list)) => list,
        Some(one @ (Value::Object(_) | Value::String(_))) => std::slice::from_ref(one),
        _ => &[],
    }
}

/// The texts of a list.
pub fn texts<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v str> {
    list(value, key).iter().filter_map(Value::as_str)
}

/// A yes or no.
#[must_use]
pub fn flag(value: &Value, key: &str) -> Option<bool> {
    match field(value, key)? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => match text.as_str() {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A time, in milliseconds since 1970.
#[must_use]
pub fn time(value: &Value, key: &str) -> Option<i64> {
    parse_time(field(value, key)?.as_str()?)
}

/// Labels: pairs of texts.
pub fn labels(value: &Value) -> impl Iterator<Item = (&String, &str)> {
    let object: Option<&Map<String, Value>> = field(value, "labels").and_then(Value::as_object);
    object.into_iter().flatten().filter_map(|(key, value)| Some((key, value.as_str()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_found_in_either_case() {
        let value = json!({"asset_type": "x", "ancestors": ["a", 1], "iamPolicy": null, "iam_policy": {}, "n": 12});
        assert_eq!(text(&value, "assetType").as_deref(), Some("x"));
        assert_eq!(texts(&value, "ancestors").collect::<Vec<_>>(), ["a"]);
        assert_eq!(field(&value, "iamPolicy"), None, "a null in the first form is a null");
        assert_eq!(text(&value, "n").as_deref(), Some("12"));
        assert_eq!(at(&json!({"a": {"bC": 1}}), &["a", "bC"]), Some(&json!(1)));
    }
}
