//! Answers of HTTP APIs that were saved to files, and the requests that they answer.
//!
//! An answer often does not say what it is about: the members of a group are a list of users and no more. The request
//! says it, and it is known from one of two places. Either the answer stands in an envelope beside its request
//! (`{"path": "/orgs/acme/members", "response": [ … ]}`, one or many in a file), or the file is named like the request
//! (`export/orgs/acme/members.json`). What an answer is in form is told by its content all the same.
//!
//! Accepted in a file: one answer, pages one after another (`gh api --paginate`), a list of pages (`--slurp`), lines of
//! envelopes or a list of them. Records of the outer list are read piece by piece; an answer in an envelope is read
//! whole.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::json::{Batch, Fields, Sink};
use super::{Head, Input, ReadError};
use crate::model::text::parse_time;
use crate::model::{Builder, IssueSeverity};

/// Lists in lists and envelopes in envelopes deeper than this are not opened.
const DEPTH_MAX: usize = 4;
/// Keys of an envelope under which the request stands.
const REQUEST_KEYS: [&str; 3] = ["request", "path", "url"];
/// Keys of an envelope under which the answer stands.
const ANSWER_KEYS: [&str; 3] = ["response", "data", "body"];
/// Endings of file names that are none of the request.
const ENDINGS: [&str; 6] = [".gz", ".zst", ".json", ".jsonl", ".ndjson", ".txt"];

/// What was asked of an API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// Host in lower case; empty when only the path is known.
    pub host: String,
    /// Segments of the path, decoded.
    pub parts: Vec<String>,
    /// What stands behind the `?`.
    pub query: String,
}

impl Request {
    /// A request as an address, a path, or either behind a method (`GET /orgs/acme`).
    #[must_use]
    pub fn of_url(text: &str) -> Self {
        let text = text.rsplit(' ').next().unwrap_or(text);
        let (host, rest) = match text.split_once("://") {
            Some((_, rest)) => rest.split_once('/').unwrap_or((rest, "")),
            None => ("", text),
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let host = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
        Self { host, parts: parts(path), query: query.to_owned() }
    }

    /// The request that a file is named after: the longest end of its path that is one.
    #[must_use]
    pub fn of_file(path: &str, known: &dyn Fn(&[&str]) -> bool) -> Option<Self> {
        let mut path = path;
        while let Some(shorter) = ENDINGS.iter().find_map(|ending| path.strip_suffix(ending)) {
            path = shorter;
        }
        // A page's number, as in `members.2.json`.
        if let Some((shorter, number)) = path.rsplit_once('.')
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            path = shorter;
        }
        let names: Vec<String> = path.split(['/', '\\', '!']).map(decoded).collect();
        let (last, folders) = names.split_last()?;
        let (last, query) = last.split_once('?').unwrap_or((last, ""));
        let names: Vec<&str> = folders.iter().map(String::as_str).chain([last]).collect();
        let start = (0..names.len()).find(|&start| known(&names[start..]))?;
        let parts = names[start..].iter().map(|&part| part.to_owned()).collect();
        Some(Self { host: String::new(), parts, query: query.to_owned() })
    }

    /// Segments of the path.
    #[must_use]
    pub fn segments(&self) -> Vec<&str> {
        self.parts.iter().map(String::as_str).collect()
    }

    /// Whether the query holds this parameter with this value.
    #[must_use]
    pub fn asks(&self, parameter: &str, value: &str) -> bool {
        self.query.split('&').any(|one| one.split_once('=') == Some((parameter, value)))
    }
}

fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).map(decoded).collect()
}

fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// What a segment pattern leaves open: the segments at its `*`, when it matches. Literal segments compare as written.
#[must_use]
pub fn captures<'p>(pattern: &str, parts: &[&'p str]) -> Option<Vec<&'p str>> {
    let mut wanted = pattern.split('/');
    let mut found = Vec::new();
    for part in parts {
        match wanted.next()? {
            "*" if !part.is_empty() => found.push(*part),
            literal if literal == *part => {}
            _ => return None,
        }
    }
    wanted.next().is_none().then_some(found)
}

/// One answer, or one record of an answer that is a list.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// What it answers, when that is known.
    pub request: Option<&'a Request>,
    /// An object; an empty list when the answer is one.
    pub value: &'a Value,
    /// Status that an envelope gives.
    pub status: Option<u64>,
    /// Place in the file.
    pub place: &'a str,
}

/// Takes answers into a builder.
pub type Take<'t> = &'t mut dyn FnMut(&mut Builder, Answer<'_>);

/// Reads a file of answers. `known` says whether segments are the path of a request of this API.
///
/// # Errors
/// See [`super::json::split`].
pub fn read(
    input: &mut Input<'_>,
    out: &mut Builder,
    known: &dyn Fn(&[&str]) -> bool,
    take: Take<'_>,
) -> Result<(), ReadError> {
    let request = Request::of_file(input.path(), known);
    let mut answers = Answers { out, request, take, any: false };
    let outcome = input.split(&mut answers);
    if outcome.is_ok() && !answers.any {
        answers.one(&Value::Array(Vec::new()), "");
    }
    outcome
}

struct Answers<'b, 't> {
    out: &'b mut Builder,
    request: Option<Request>,
    take: Take<'t>,
    any: bool,
}

impl Answers<'_, '_> {
    fn one(&mut self, value: &Value, place: &str) {
        let request = self.request.take();
        self.any = true;
        open(self.out, Answer { request: request.as_ref(), value, status: None, place }, self.take, 0);
        self.request = request;
    }
}

impl Sink for Answers<'_, '_> {
    fn is_list(&self, _key: &str) -> bool {
        false
    }

    fn bare(&self) -> bool {
        true
    }

    fn records(&mut self, batch: &Batch) {
        let parsed = batch.parse(|bytes| serde_json::from_slice::<Value>(bytes));
        for (at, value) in parsed.into_iter().enumerate() {
            let place = batch.pointer(at);
            match value {
                Ok(value) => self.one(&value, &place),
                Err(error) => {
                    self.any = true;
                    self.out.skip("json_invalid", &place, format!("a record cannot be read: {error}"));
                }
            }
        }
    }

    fn document(&mut self, _pointer: &str, _fields: Fields) {}
}

/// Opens pages and envelopes.
fn open(out: &mut Builder, answer: Answer<'_>, take: Take<'_>, depth: usize) {
    match answer.value {
        Value::Array(list) if !list.is_empty() && depth < DEPTH_MAX => {
            for (at, value) in list.iter().enumerate() {
                let place = format!("{}/{at}", answer.place);
                open(out, Answer { value, place: &place, ..answer }, take, depth + 1);
            }
        }
        Value::Object(object) => match envelope(object) {
            Some((request, key)) if depth < DEPTH_MAX => {
                // What was sent is no answer, and what an answer to a change holds is read with the next request.
                if text(answer.value, "method").is_some_and(|method| !method.eq_ignore_ascii_case("get")) {
                    return;
                }
                let place = format!("{}/{key}", answer.place);
                let status = object.get("status").and_then(Value::as_u64);
                let value = object.get(key).unwrap_or(&Value::Null);
                open(out, Answer { request: Some(&request), value, status, place: &place }, take, depth + 1);
            }
            _ => take(out, answer),
        },
        Value::Array(list) if list.is_empty() => take(out, answer),
        // An answer without content.
        Value::String(_) | Value::Null if depth > 0 && answer.status.is_some() => {}
        _ => out.skip("record_invalid", answer.place, "an object is expected here".to_owned()),
    }
}

/// The request and the key of the answer, when an object is an envelope.
fn envelope(object: &Map<String, Value>) -> Option<(Request, &'static str)> {
    let told = object.contains_key("method") && object.contains_key("status");
    let is_answer = |key: &&&str| object.get(**key).is_some_and(|value| told || value.is_object() || value.is_array());
    let key = ANSWER_KEYS.iter().find(is_answer)?;
    let request = REQUEST_KEYS.iter().find_map(|key| match object.get(*key)? {
        Value::String(text) => Some(text.as_str()),
        Value::Object(request) => request.get("url").or_else(|| request.get("path"))?.as_str(),
        _ => None,
    })?;
    Some((Request::of_url(request), key))
}

/// The first record of a file, with the request that is known of it: by these a reader recognises its answers.
#[must_use]
pub fn first<'h>(head: &'h Head, known: &dyn Fn(&[&str]) -> bool) -> Option<(Option<Request>, &'h Map<String, Value>)> {
    let mut request = None;
    let mut value = head.json()?;
    for _ in 0..=DEPTH_MAX {
        match value {
            Value::Array(list) => value = list.first()?,
            Value::Object(object) => match envelope(object) {
                Some((found, key)) => {
                    request = Some(found);
                    value = object.get(key)?;
                }
                None => return Some((request.or_else(|| Request::of_file(head.path(), known)), object)),
            },
            _ => return None,
        }
    }
    None
}

/// Whether a file holds an empty answer to a request: nothing is in it, and its name alone says to what.
#[must_use]
pub fn is_empty_answer(head: &Head, known: &dyn Fn(&[&str]) -> bool) -> bool {
    head.is_array() && head.is_empty() && Request::of_file(head.path(), known).is_some()
}

/// Text of a field that is not empty; a number stands for how it is written.
#[must_use]
pub fn text<'v>(value: &'v Value, key: &str) -> Option<Cow<'v, str>> {
    match value.get(key)? {
        Value::String(text) if !text.is_empty() => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// Text at the end of a path of keys.
#[must_use]
pub fn text_at<'v>(value: &'v Value, path: &[&str]) -> Option<Cow<'v, str>> {
    let (last, first) = path.split_last()?;
    text(first.iter().try_fold(value, |value, key| value.get(key))?, last)
}

/// A flag.
#[must_use]
pub fn flag(value: &Value, key: &str) -> Option<bool> {
    value.get(key)?.as_bool()
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

/// A time; one that cannot be read is reported.
pub fn time(out: &mut Builder, value: &Value, key: &str, place: &str) -> Option<i64> {
    let found = value.get(key).filter(|value| !value.is_null())?;
    let parsed = match found {
        Value::String(text) if text.is_empty() => return None,
        Value::String(text) => parse_time(text),
        // GitHub gives seconds in a few places; a count of milliseconds is a thousand times that.
        Value::Number(number) => number.as_i64().map(|n| if n > 100_000_000_000 { n } else { n.saturating_mul(1000) }),
        _ => None,
    };
    if parsed.is_none() {
        let message = format!("`{key}` is no time that can be read: it is taken as unknown");
        out.issue(IssueSeverity::Warning, "time_invalid", &format!("{place}/{key}"), message);
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(parts: &[&str]) -> bool {
        ["orgs/*", "orgs/*/members", "repos/*/*/keys"].iter().any(|pattern| captures(pattern, parts).is_some())
    }

    #[test]
    fn a_file_is_named_after_its_request() {
        let of = |path: &str| Request::of_file(path, &known).map(|request| (request.parts.join("|"), request.query));
        let found = |parts: &str, query: &str| Some((parts.to_owned(), query.to_owned()));
        assert_eq!(of("/home/a/orgs.d/export/orgs/acme/members.json"), found("orgs|acme|members", ""));
        assert_eq!(of("x.zip!orgs/acme/members?role=admin.json.gz"), found("orgs|acme|members", "role=admin"));
        assert_eq!(of("orgs/acme/members%3Frole=admin.2.json"), found("orgs|acme|members", "role=admin"));
        assert_eq!(of("repos/acme/a.b/keys.jsonl"), found("repos|acme|a.b|keys", ""));
        assert_eq!(of("members.json"), None);
    }

    #[test]
    fn a_request_is_an_address_or_a_path() {
        let request = Request::of_url("GET https://api.github.com:443/repos/o/r/branches/a%2Fb?x=1&y=2");
        assert_eq!(request.host, "api.github.com");
        assert_eq!(request.segments(), ["repos", "o", "r", "branches", "a/b"]);
        assert!(request.asks("y", "2") && !request.asks("y", "1"));
        assert_eq!(Request::of_url("/orgs/acme").segments(), ["orgs", "acme"]);
    }

    #[test]
    fn pages_and_envelopes_are_opened() {
        let text = r#"[{"path":"/orgs/a/members","response":[{"n":1},{"n":2}]},
            {"method":"put","path":"/orgs/a","response":{"n":3}},
            {"request":{"url":"https://h/orgs/b"},"status":404,"data":{"n":4}}]"#;
        let mut found = Vec::new();
        let source = crate::model::Source {
            path: String::new(),
            kind: String::new(),
            sha256: String::new(),
            records: 0,
            skipped: 0,
        };
        let mut out = Builder::new(source);
        let mut take = |_: &mut Builder, answer: Answer<'_>| {
            let request = answer.request.map(|request| request.parts.join("/")).unwrap_or_default();
            found.push(format!("{request} {} {:?} {}", answer.value["n"], answer.status, answer.place));
        };
        let outcome = read(&mut Input::from_bytes("x.json", text.as_bytes()), &mut out, &known, &mut take);
        assert_eq!(outcome, Ok(()));
        assert_eq!(
            found,
            [
                "orgs/a/members 1 None /0/response/0",
                "orgs/a/members 2 None /0/response/1",
                "orgs/b 4 Some(404) /2/data"
            ]
        );
    }
}
