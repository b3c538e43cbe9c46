//! Lenient looks into JSON values, and the report of what is of another type than it should be.

use serde_json::{Map, Value};

use crate::model::text::parse_time;

/// The value at a path of keys; null is not there.
#[must_use]
pub fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.get(key)).filter(|value| !value.is_null())
}

/// Text of a field that is not empty.
#[must_use]
pub fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// A flag.
#[must_use]
pub fn flag(value: &Value, key: &str) -> Option<bool> {
    value.get(key).and_then(Value::as_bool)
}

/// Elements of a list.
#[must_use]
pub fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Texts of a list.
pub fn texts<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v str> {
    list(value, key).iter().filter_map(Value::as_str).filter(|text| !text.is_empty())
}

/// An instant. Microsoft writes the first day of year 1 where there is none.
#[must_use]
pub fn time(value: &Value, key: &str) -> Option<i64> {
    text(value, key).filter(|text| !text.starts_with("0001-")).and_then(parse_time)
}

/// The fields of a resource manager record: REST answers keep them under `properties`, the command line does not.
#[must_use]
pub fn properties(value: &Value) -> &Value {
    value.get("properties").filter(|inner| inner.is_object()).unwrap_or(value)
}

/// Whether a record has one of these fields.
#[must_use]
pub fn has(record: &Map<String, Value>, keys: &[&str]) -> bool {
    keys.iter().any(|key| record.contains_key(*key))
}

/// Type that a field must be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Flag,
    List,
    Object,
}

/// Fields that are read of any record, and what they must be. Fields that are named alike are of one type in all
/// formats of this platform.
const FIELDS: &[(&str, Kind)] = &[
    ("accountEnabled", Kind::Flag),
    ("alternativeNames", Kind::List),
    ("appId", Kind::Text),
    ("appRoleId", Kind::Text),
    ("appRoles", Kind::List),
    ("assignableScopes", Kind::List),
    ("children", Kind::List),
    ("clientId", Kind::Text),
    ("createdDateTime", Kind::Text),
    ("directoryScopeId", Kind::Text),
    ("displayName", Kind::Text),
    ("endDateTime", Kind::Text),
    ("excludePrincipals", Kind::List),
    ("federatedIdentityCredentials", Kind::List),
    ("identity", Kind::Object),
    ("isAssignableToRole", Kind::Flag),
    ("isBuiltIn", Kind::Flag),
    ("keyCredentials", Kind::List),
    ("members", Kind::List),
    ("membershipRule", Kind::Text),
    ("onPremisesSecurityIdentifier", Kind::Text),
    ("onPremisesSyncEnabled", Kind::Flag),
    ("owners", Kind::List),
    ("passwordCredentials", Kind::List),
    ("permissions", Kind::List),
    ("principalId", Kind::Text),
    ("principals", Kind::List),
    ("resourceId", Kind::Text),
    ("roleDefinitionId", Kind::Text),
    ("rolePermissions", Kind::List),
    ("scope", Kind::Text),
    ("signInActivity", Kind::Object),
];

/// Fields of a record that are of another type than they must be, with what they are.
#[must_use]
pub fn wrong_types(record: &Value) -> Vec<String> {
    let Some(fields) = record.as_object() else { return Vec::new() };
    let mut wrong = Vec::new();
    for (key, value) in fields {
        let Ok(at) = FIELDS.binary_search_by(|(known, _)| (*known).cmp(key.as_str())) else { continue };
        let (holds, wanted) = match FIELDS[at].1 {
            Kind::Text => (value.is_string(), "a text"),
            Kind::Flag => (value.is_boolean(), "true or false"),
            Kind::List => (value.is_array(), "a list"),
            Kind::Object => (value.is_object(), "an object"),
        };
        if !holds && !value.is_null() {
            wrong.push(format!("`{key}` is {} where {wanted} is expected", named(value)));
        }
    }
    wrong
}

/// What a value is, in words.
fn named(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_another_type_are_named_and_null_is_none() {
        assert!(FIELDS.is_sorted_by_key(|(key, _)| *key));
        let record = serde_json::json!({"members": {"a": 1}, "owners": null, "appId": 7, "extra": 1});
        assert_eq!(
            wrong_types(&record),
            ["`appId` is a number where a text is expected", "`members` is an object where a list is expected"]
        );
        assert_eq!(time(&serde_json::json!({"t": "0001-01-01T00:00:00Z"}), "t"), None);
    }
}
