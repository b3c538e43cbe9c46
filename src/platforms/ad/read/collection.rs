//! SharpHound's files: one list of objects of one type each, with what the file says of itself behind or before it.

use serde_json::Value;

use super::kind::Kind;
use super::objects::Objects;
use super::value::{number, text};
use crate::model::{Builder, IssueSeverity};
use crate::platforms::input::json::{Batch, Fields, Sink};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Versions of the format that are known.
const VERSIONS: std::ops::RangeInclusive<i64> = 5..=6;

/// A collection, or one file of it.
pub struct SharpHound;

impl Reader for SharpHound {
    fn name(&self) -> &'static str {
        "ad-sharphound"
    }

    fn title(&self) -> &'static str {
        "Active Directory: what SharpHound collects (`SharpHound.exe -c All`), version 5 or 6, as zip or as single files"
    }

    fn recognises(&self, head: &Head) -> bool {
        if !head.has("data") {
            return false;
        }
        let records = head.object().map(|object| list(object.get("data").unwrap_or(&Value::Null))).unwrap_or_default();
        let is_own = |record: &Value| {
            record.get("ObjectIdentifier").is_some()
                && (record.get("Aces").is_some() || record.get("Properties").is_some())
        };
        if records.iter().any(is_own) {
            return true;
        }
        let meta = head.object().and_then(|object| object.get("meta"));
        head.is_empty_list("data") && meta.and_then(|meta| text(meta, "type")).and_then(Kind::of_type).is_some()
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut sink = Documents { objects: Objects::new(out), waiting: Vec::new(), seen: 0 };
        let outcome = input.split(&mut sink);
        for (place, _) in std::mem::take(&mut sink.waiting) {
            unknown_kind(&mut sink.objects, &place);
        }
        sink.objects.finish();
        outcome
    }
}

/// Takes the objects as they come; those that do not say what they are wait for the end of their file.
struct Documents<'b> {
    objects: Objects<'b>,
    waiting: Vec<(String, Value)>,
    seen: i64,
}

impl Sink for Documents<'_> {
    fn is_list(&self, key: &str) -> bool {
        key == "data"
    }

    fn records(&mut self, batch: &Batch) {
        let parsed = batch.parse(|bytes| serde_json::from_slice::<Value>(bytes));
        for (at, value) in parsed.into_iter().enumerate() {
            let place = batch.pointer(at);
            self.seen += 1;
            match value {
                Ok(value) if !value.is_object() => {
                    self.objects.out.skip("object_invalid", &place, "this is no object of a directory".to_owned());
                }
                Ok(value) => match Kind::of_record(&value) {
                    Some(kind) => self.objects.object(&value, kind, &place),
                    None => self.waiting.push((place, value)),
                },
                Err(error) => {
                    self.objects.out.skip("json_invalid", &place, format!("an object cannot be read: {error}"));
                }
            }
        }
    }

    fn document(&mut self, pointer: &str, fields: Fields) {
        let meta = fields.get("meta").unwrap_or(Value::Null);
        let kind = text(&meta, "type").and_then(Kind::of_type);
        for (place, value) in std::mem::take(&mut self.waiting) {
            match kind {
                Some(kind) => self.objects.object(&value, kind, &place),
                None => unknown_kind(&mut self.objects, &place),
            }
        }
        let seen = std::mem::take(&mut self.seen);
        let place = format!("{pointer}/meta");
        let out = &mut *self.objects.out;
        if meta.is_null() {
            let message = "the file does not say of which type and version it is: it may have been cut".to_owned();
            out.issue(IssueSeverity::Warning, "meta_missing", &place, message);
            return;
        }
        match number(&meta, "version") {
            Some(version) if VERSIONS.contains(&version) => {}
            Some(version) => {
                let message = format!("version {version} of the format is not known: it is read like version 6");
                out.issue(IssueSeverity::Warning, "version_unknown", &place, message);
            }
            None => {}
        }
        match number(&meta, "count") {
            Some(count) if count > seen => {
                let message = format!("the file says that it holds {count} objects and holds {seen}: some are missing");
                out.issue(IssueSeverity::Warning, "count_wrong", &place, message);
            }
            Some(count) if count < seen => {
                let message = format!("the file says that it holds {count} objects and holds {seen}: all are read");
                out.issue(IssueSeverity::Note, "count_wrong", &place, message);
            }
            _ => {}
        }
    }
}

/// Elements of a list.
fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn unknown_kind(objects: &mut Objects<'_>, place: &str) {
    let message = "an object says by nothing of which kind it is, and neither does its file".to_owned();
    objects.out.skip("kind_missing", place, message);
}
