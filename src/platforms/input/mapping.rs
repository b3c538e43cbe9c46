//! Mapping files: what an organisation says about formats that nobody else knows, in TOML or JSON.
//!
//! A mapping file has the key `overgrant_mapping` with the version of the form at its top. Each platform reads the part
//! that concerns it; the form is described in `docs/platforms/tables.md` and `docs/platforms/opengraph.md`.

use serde_json::Value;

/// The key at the top of every mapping file.
pub const MARK: &str = "overgrant_mapping";
/// The only version there is.
const VERSION: u64 = 1;

/// Whether a text has the mark: quick, and nothing else writes it.
#[must_use]
pub fn has_mark(bytes: &[u8]) -> bool {
    bytes.windows(MARK.len()).any(|window| window == MARK.as_bytes())
}

/// The content of a mapping file.
///
/// # Errors
/// Why it cannot be read, for people.
pub fn parse(text: &str) -> Result<Value, String> {
    let value: Value = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?
    } else {
        toml::from_str(text).map_err(|error| format!("it is no TOML: {}", error.message()))?
    };
    match value.get(MARK).and_then(Value::as_u64) {
        Some(VERSION) => Ok(value),
        _ => Err(format!("`{MARK}` at its top is to be {VERSION}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same_and_another_version_is_refused() {
        let toml = parse("overgrant_mapping = 1\n[opengraph.edges.A_B]\ntraversable = true\n");
        let json = parse(r#"{"overgrant_mapping":1,"opengraph":{"edges":{"A_B":{"traversable":true}}}}"#);
        assert!(toml.is_ok() && toml == json);
        for text in ["overgrant_mapping = 2", "{\"overgrant_mapping\":\"1\"}", "{", "a b"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(has_mark(b"# x\novergrant_mapping = 1") && !has_mark(b"overgrant"));
    }
}
