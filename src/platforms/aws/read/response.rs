//! Raw responses of AWS calls, one page at a time: the lists of a page are taken record by record, then the page
//! as a whole is handed over.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::secrets;
use crate::model::{Builder, IssueSeverity};
use crate::platforms::input::json::{Batch, Fields, Sink};
use crate::platforms::input::{Input, ReadError};

/// One element of a list, with its pointer.
pub type Item = (String, Value);

/// One response.
#[derive(Debug, Default)]
pub struct Page {
    /// Pointer to the page.
    pub pointer: String,
    /// What it holds besides lists.
    pub fields: Map<String, Value>,
    lists: BTreeMap<String, Vec<Item>>,
}

impl Page {
    /// Takes the elements of a list.
    pub fn take(&mut self, list: &str) -> Vec<Item> {
        self.lists.remove(list).unwrap_or_default()
    }

    /// Text of a field.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.fields.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// What the page is about, when it does not say: one of these keys that a person wrapped around it.
    #[must_use]
    pub fn wrapper(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.text(key))
    }

    /// Pointer to a field.
    #[must_use]
    pub fn at(&self, key: &str) -> String {
        format!("{}/{key}", self.pointer)
    }
}

/// Text of a field of an element.
#[must_use]
pub fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Reads all pages of an input. `lists` are the keys whose arrays are taken record by record.
///
/// # Errors
/// See [`Input::split`].
pub fn pages(
    input: &mut Input<'_>,
    out: &mut Builder,
    lists: &'static [&'static str],
    each: impl FnMut(&mut Builder, Page),
) -> Result<(), ReadError> {
    let mut sink = Pages { out, lists, page: Page::default(), each, more: false };
    let outcome = input.split(&mut sink);
    let more = sink.more;
    if more {
        let message = "the last page says that more follow; they are not in this file".to_owned();
        out.issue(IssueSeverity::Warning, "more_pages", "", message);
    }
    outcome
}

struct Pages<'b, F> {
    out: &'b mut Builder,
    lists: &'static [&'static str],
    page: Page,
    each: F,
    more: bool,
}

impl<F: FnMut(&mut Builder, Page)> Sink for Pages<'_, F> {
    fn is_list(&self, key: &str) -> bool {
        self.lists.contains(&key)
    }

    fn records(&mut self, batch: &Batch) {
        let parsed = batch.parse(|json| (serde_json::from_slice::<Value>(json), secrets::count(json)));
        let list = self.page.lists.entry(batch.list.clone()).or_default();
        for (index, (value, secrets)) in parsed.into_iter().enumerate() {
            let pointer = batch.pointer(index);
            secrets::report(self.out, secrets, &pointer);
            match value {
                Ok(value) => {
                    self.out.source.records += 1;
                    list.push((pointer, value));
                }
                Err(error) => self.out.skip("record_invalid", &pointer, format!("a record is no JSON: {error}")),
            }
        }
    }

    fn document(&mut self, pointer: &str, fields: Fields) {
        let mut page = std::mem::take(&mut self.page);
        pointer.clone_into(&mut page.pointer);
        for (key, bytes) in &fields.0 {
            secrets::report(self.out, secrets::count(bytes), &format!("{pointer}/{key}"));
        }
        let (object, invalid) = fields.object();
        for key in invalid {
            self.out.skip("record_invalid", &format!("{pointer}/{key}"), format!("the field `{key}` is no JSON"));
        }
        page.fields = object;
        if page.lists.is_empty() {
            self.out.source.records += 1;
        }
        self.more = page.fields.get("IsTruncated") == Some(&Value::Bool(true)) || page.text("NextToken").is_some();
        (self.each)(self.out, page);
    }
}

/// Name of a file without its ending, percent-decoded: where tools put what a response does not say.
#[must_use]
pub fn file_subject(input: &Input<'_>) -> String {
    let name = input.file_name();
    let mut stem = name;
    for ending in [".gz", ".zst", ".json", ".jsonl", ".ndjson"] {
        stem = stem.strip_suffix(ending).unwrap_or(stem);
    }
    percent_decode_str(stem).decode_utf8().map_or_else(|_| stem.to_owned(), std::borrow::Cow::into_owned)
}

/// The first part of a file's name that has the form asked for, taking letters, digits and `-` as one part.
#[must_use]
pub fn token(subject: &str, form: impl Fn(&str) -> bool) -> Option<&str> {
    subject.split(|character: char| !character.is_ascii_alphanumeric() && character != '-').find(|part| form(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_says_what_its_response_does_not() {
        let subject = |path: &str| file_subject(&Input::from_bytes(path, b""));
        assert_eq!(subject("a/arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx.json.gz"), "arn:aws:iam::1:role/x");
        assert_eq!(subject("x.zip!b/list-parents_ou-ab12-cdefghij.json"), "list-parents_ou-ab12-cdefghij");
        assert_eq!(token("list-parents_ou-ab12-cdefghij", |part| part.starts_with("ou-")), Some("ou-ab12-cdefghij"));
        assert_eq!(token("policies.for.123456789012", crate::platforms::aws::arn::is_account), Some("123456789012"));
    }
}
