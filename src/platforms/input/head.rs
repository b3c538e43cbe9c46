//! The beginning of a text, by which readers recognise their formats.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Guide;

/// How much of a text is looked at.
pub const HEAD_BYTES: usize = 64 * 1024;
/// Elements kept of each array: enough to see what it is a list of.
const ELEMENTS_MAX: usize = 4;
/// Nesting that is looked into.
const DEPTH_MAX: usize = 24;

/// The first 64 KB of a text after decompression, with what can be said of it.
#[derive(Debug, Clone)]
pub struct Head {
    path: String,
    bytes: Vec<u8>,
    json: Option<Value>,
    guides: Arc<[Guide]>,
}

impl Head {
    /// Looks at the beginning of a text.
    #[must_use]
    pub fn new(path: &str, bytes: &[u8]) -> Self {
        let bytes = bytes.get(..HEAD_BYTES).unwrap_or(bytes).to_vec();
        let json = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{' | b'[') => Prefix { bytes: &bytes, at: 0 }.value(0).map(|(value, _)| value),
            _ => None,
        };
        Self { path: path.to_owned(), bytes, json, guides: Arc::default() }
    }

    /// The same among files that say how others are read.
    #[must_use]
    pub fn guided_by(self, guides: &Arc<[Guide]>) -> Self {
        Self { guides: Arc::clone(guides), ..self }
    }

    /// Files of the scan that say how others are read, in the order of their paths.
    #[must_use]
    pub fn guides(&self) -> &[Guide] {
        &self.guides
    }

    /// Path of the file as shown to people: a last resort where a format does not tell what it is about.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The text itself; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// Whether the text, or what is no text, begins with these bytes.
    #[must_use]
    pub fn starts_with(&self, bytes: &[u8]) -> bool {
        self.bytes.starts_with(bytes)
    }

    /// The first document as far as it reaches, with the first few elements of each array only; `None` when the
    /// text does not begin like JSON.
    #[must_use]
    pub fn json(&self) -> Option<&Value> {
        self.json.as_ref()
    }

    /// The object at the top, or the first object of an array at the top.
    #[must_use]
    pub fn object(&self) -> Option<&Map<String, Value>> {
        match self.json.as_ref()? {
            Value::Object(object) => Some(object),
            Value::Array(elements) => elements.iter().find_map(Value::as_object),
            _ => None,
        }
    }

    /// Whether the text is an array at the top.
    #[must_use]
    pub fn is_array(&self) -> bool {
        matches!(self.json, Some(Value::Array(_)))
    }

    /// Whether [`Head::object`] has this key.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.object().is_some_and(|object| object.contains_key(key))
    }

    /// The first object in the list under this key of [`Head::object`].
    #[must_use]
    pub fn first(&self, key: &str) -> Option<&Map<String, Value>> {
        self.object()?.get(key)?.as_array()?.iter().find_map(Value::as_object)
    }

    /// Whether the list under this key is there and empty.
    #[must_use]
    pub fn is_empty_list(&self, key: &str) -> bool {
        self.object().and_then(|object| object.get(key)).and_then(Value::as_array).is_some_and(std::vec::Vec::is_empty)
    }

    /// The cells of the first line, read as comma-separated; empty for JSON.
    #[must_use]
    pub fn csv_header(&self) -> Vec<String> {
        if self.json.is_some() {
            return Vec::new();
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(self.bytes.as_slice());
        match reader.records().next() {
            Some(Ok(record)) => record.iter().map(|cell| cell.trim().to_owned()).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether there is nothing to read: no text, an empty object or an empty array.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.json {
            Some(Value::Object(object)) => object.is_empty() && self.text().trim().ends_with('}'),
            Some(Value::Array(elements)) => elements.is_empty() && self.text().trim().ends_with(']'),
            _ => self.bytes.iter().all(u8::is_ascii_whitespace),
        }
    }

    /// What the text looks like, in words, for a message about a file that no reader knows.
    #[must_use]
    pub fn describe(&self) -> String {
        if self.is_empty() {
            return "nothing: it is empty".to_owned();
        }
        if let Some(json) = &self.json {
            return describe_json(json);
        }
        let text = self.text();
        let start = text.trim_start().get(..200.min(text.trim_start().len())).unwrap_or("").to_ascii_lowercase();
        if start.starts_with("<!doctype html") || start.starts_with("<html") {
            return "an HTML page, perhaps an error or sign-in page saved in place of the export".to_owned();
        }
        if start.starts_with("<?xml") || start.starts_with('<') {
            return "an XML document, perhaps an error response saved in place of the export".to_owned();
        }
        if start.starts_with("-----begin ") {
            return "a key or certificate in PEM form, which no scan needs: keep it somewhere else".to_owned();
        }
        if start.starts_with("an error occurred (") {
            let code = start.trim_start_matches("an error occurred (").split(')').next().unwrap_or("");
            return format!("an error message of the AWS command line (`{code}`)");
        }
        if self.bytes.iter().take(4096).any(|byte| *byte == 0) {
            return "binary data".to_owned();
        }
        let header = self.csv_header();
        if header.len() > 1 {
            return format!("a table with the columns {}", named(header.iter().map(String::as_str)));
        }
        "plain text".to_owned()
    }
}

fn describe_json(json: &Value) -> String {
    match json {
        Value::Object(object) => format!("a JSON object with the keys {}", named(object.keys().map(String::as_str))),
        Value::Array(elements) => match elements.first() {
            Some(Value::Object(object)) => {
                format!("a JSON array of objects with the keys {}", named(object.keys().map(String::as_str)))
            }
            _ => "a JSON array".to_owned(),
        },
        _ => "JSON".to_owned(),
    }
}

fn named<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> =
        names.take(6).map(|name| format!("`{}`", name.chars().take(40).collect::<String>())).collect();
    names.join(", ")
}

/// A parser for the beginning of a document: where the text is cut, what is open is closed.
struct Prefix<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Prefix<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// The value that starts here, and whether it is whole.
    fn value(&mut self, depth: usize) -> Option<(Value, bool)> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.peek()? {
            b'{' => Some(self.object(depth)),
            b'[' => Some(self.array(depth)),
            b'"' => self.string().map(|text| (Value::String(text), true)),
            _ => self.scalar(),
        }
    }

    fn object(&mut self, depth: usize) -> (Value, bool) {
        let mut object = Map::new();
        self.at += 1;
        let whole = loop {
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    break true;
                }
                Some(b',') => self.at += 1,
                Some(b'"') => {
                    let Some(key) = self.string() else { break false };
                    if self.peek() != Some(b':') {
                        break false;
                    }
                    self.at += 1;
                    let value = self.value(depth + 1);
                    let done = matches!(value, Some((_, true)));
                    object.insert(key, value.map_or(Value::Null, |(value, _)| value));
                    if !done {
                        break false;
                    }
                }
                _ => break false,
            }
        };
        (Value::Object(object), whole)
    }

    fn array(&mut self, depth: usize) -> (Value, bool) {
        let mut elements = Vec::new();
        self.at += 1;
        let whole = loop {
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    break true;
                }
                Some(b',') => self.at += 1,
                Some(_) => {
                    let Some((value, done)) = self.value(depth + 1) else { break false };
                    if elements.len() < ELEMENTS_MAX {
                        elements.push(value);
                    }
                    if !done {
                        break false;
                    }
                }
                None => break false,
            }
        };
        (Value::Array(elements), whole)
    }

    fn string(&mut self) -> Option<String> {
        let start = self.at;
        let mut at = start + 1;
        loop {
            match self.bytes.get(at)? {
                b'\\' => at += 2,
                b'"' => break,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        let quoted = self.bytes.get(start..=at)?;
        Some(serde_json::from_slice(quoted).unwrap_or_else(|_| String::from_utf8_lossy(quoted).into_owned()))
    }

    fn scalar(&mut self) -> Option<(Value, bool)> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(|byte| !matches!(byte, b',' | b']' | b'}' | b':'))
            && !self.bytes[self.at].is_ascii_whitespace()
        {
            self.at += 1;
        }
        let value = serde_json::from_slice(self.bytes.get(start..self.at)?).ok()?;
        Some((value, self.at < self.bytes.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_cut_anywhere_still_shows_its_first_keys() {
        let text = r#"{"IsTruncated": false, "Users": [{"Arn": "a\"b", "N": 12}], "Z": "#;
        for end in 0..=text.len() {
            let head = Head::new("x", &text.as_bytes()[..end]);
            let first = head.first("Users").and_then(|user| user.get("Arn")).and_then(Value::as_str);
            assert_eq!(first == Some("a\"b"), end >= text.find(", \"N\"").unwrap_or(0), "cut at {end}");
        }
        let head = Head::new("x", text.as_bytes());
        assert!(head.has("Z") && head.has("IsTruncated") && !head.has("Other"));
    }

    #[test]
    fn a_file_that_is_no_export_is_described() {
        for (text, expected) in [
            ("", "empty"),
            ("  \n", "empty"),
            ("{}", "empty"),
            ("[ ]", "empty"),
            ("<!DOCTYPE html><html>", "HTML page"),
            ("<?xml version=\"1.0\"?>", "XML"),
            ("{\"a\":1}", "keys `a`"),
            ("a,b\n1,2\n", "columns `a`, `b`"),
            ("-----BEGIN PRIVATE KEY-----\nMII", "PEM form"),
            ("An error occurred (AccessDenied) when", "accessdenied"),
        ] {
            let said = Head::new("x", text.as_bytes()).describe();
            assert!(said.contains(expected), "{text:?}: {said}");
        }
    }

    #[test]
    fn deep_nesting_does_not_exhaust_the_stack() {
        let head = Head::new("x", "[".repeat(HEAD_BYTES).as_bytes());
        assert!(head.is_array());
        assert!(!head.is_empty());
    }
}
