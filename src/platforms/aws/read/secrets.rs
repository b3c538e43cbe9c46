//! Secret values that have no place in an export: seen, counted, reported, and never kept.
//!
//! Readers store only the fields that they know, none of which is a secret. This finds that a record held one
//! all the same, so that the person learns that the file is sensitive.

pub use crate::platforms::input::secrets::{is_secret, report};

/// Fields whose value is a secret.
const FIELDS: [&str; 9] = [
    "SecretAccessKey",
    "PrivateKey",
    "SessionToken",
    "SecretString",
    "SecretBinary",
    "ServicePassword",
    "KeyMaterial",
    "Base32StringSeed",
    "CertificatePrivateKey",
];

/// Whether an object, or an object in it, is a response that hands out a secret (`create-access-key`, `assume-role`,
/// `get-secret-value`): such a file is known, so that its secret is reported.
#[must_use]
pub fn hands_out(object: &serde_json::Map<String, serde_json::Value>) -> bool {
    let mut inner = object.values().filter_map(serde_json::Value::as_object);
    FIELDS.iter().any(|field| object.contains_key(*field))
        || inner.any(|object| FIELDS.iter().any(|field| object.contains_key(*field)))
}

/// How many fields of a JSON text hold a secret value.
#[must_use]
pub fn count(json: &[u8]) -> usize {
    let Ok(text) = std::str::from_utf8(json) else { return 0 };
    let mut found = 0;
    for field in FIELDS {
        let mut rest = text;
        while let Some(at) = rest.find(field) {
            let (before, after) = (&rest[..at], &rest[at + field.len()..]);
            rest = after;
            if before.ends_with('"') && holds_text(after) {
                found += 1;
            }
        }
    }
    found
}

/// Whether what follows a key's name is `": "` and a text that is not empty.
fn holds_text(after: &str) -> bool {
    let value = after.strip_prefix('"').map(str::trim_start).and_then(|rest| rest.strip_prefix(':'));
    value.map(str::trim_start).is_some_and(|value| value.starts_with('"') && !value.starts_with("\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_with_a_value_count() {
        assert_eq!(count(br#"{"AccessKey":{"SecretAccessKey" : "abc","SessionToken":""}}"#), 1);
        assert_eq!(count(br#"{"Action":"secretsmanager:GetSecretValue","Note":"SecretAccessKey"}"#), 0);
        assert_eq!(count(br#"{"PrivateKey":"x","KeyMaterial":"y"}"#), 2);
    }
}
