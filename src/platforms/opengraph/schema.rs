//! Extension definition schemas: which kinds a collector writes, and which edges attack paths may cross.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::model::{Builder, IssueSeverity};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Key that every schema has, and hardly anything else.
const KINDS: &str = "relationship_kinds";

/// What a schema says, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// Kinds of edges, and whether attack paths may cross them.
    pub edges: Vec<(String, bool)>,
    pub nodes: Vec<String>,
    /// Kinds of nodes that a whole graph is about.
    pub environments: BTreeSet<String>,
    /// Kinds of nodes that act.
    pub principals: BTreeSet<String>,
}

/// The schema in a text; `None` when it is none.
#[must_use]
pub fn parse(text: &str) -> Option<Schema> {
    if !text.contains(KINDS) {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let object = value.as_object().filter(|object| is_schema(object))?;
    let list = |key: &str| object.get(key).and_then(Value::as_array).into_iter().flatten();
    let name = |row: &Value| row.get("name").and_then(Value::as_str).map(str::to_owned);
    let mut schema = Schema::default();
    for row in list(KINDS) {
        // A kind of which the schema does not say so is not crossed.
        let traversable = row.get("is_traversable").and_then(Value::as_bool).unwrap_or(false);
        schema.edges.extend(name(row).map(|name| (name, traversable)));
    }
    schema.nodes = list("node_kinds").filter_map(name).collect();
    for row in list("environments") {
        schema.environments.extend(row.get("environment_kind").and_then(Value::as_str).map(str::to_owned));
        let kinds = row.get("principal_kinds").and_then(Value::as_array).into_iter().flatten();
        schema.principals.extend(kinds.filter_map(Value::as_str).map(str::to_owned));
    }
    Some(schema)
}

fn is_schema(object: &Map<String, Value>) -> bool {
    object.get(KINDS).is_some_and(Value::is_array) && object.get("schema").is_some_and(Value::is_object)
}

/// Reads schemas: what they say is used by the readers of graphs.
pub struct SchemaFile;

impl Reader for SchemaFile {
    fn name(&self) -> &'static str {
        "opengraph-schema"
    }

    fn title(&self) -> &'static str {
        "OpenGraph extension definition (JSON with `schema` and `relationship_kinds`)"
    }

    fn recognises(&self, head: &Head) -> bool {
        head.object().is_some_and(|object| {
            object.get("schema").is_some_and(Value::is_object)
                && ["node_kinds", KINDS, "environments"].iter().any(|key| object.contains_key(*key))
        })
    }

    fn guides(&self, bytes: &[u8]) -> bool {
        bytes.windows(KINDS.len()).any(|window| window == KINDS.as_bytes())
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut text = String::new();
        std::io::Read::read_to_string(input.stream(), &mut text).map_err(|error| ReadError::from_io(&error, ""))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| {
            let message = error.to_string();
            if error.is_eof() { ReadError::truncated("") } else { ReadError::syntax("", message) }
        })?;
        if parse(&text).is_none() {
            return Err(ReadError::syntax("", "`relationship_kinds` is to be an array beside `schema`".to_owned()));
        }
        review(&value, out);
        if !input.guides().iter().any(|guide| guide.path == input.path()) {
            let message = "the schema is compressed, in an archive, or larger than 1 MiB, and graphs are read without \
                           it: put it beside them as a plain file";
            out.issue(IssueSeverity::Warning, "schema_not_used", "", message.to_owned());
        }
        Ok(())
    }
}

/// Counts the kinds and reports those that cannot be used.
fn review(value: &Value, out: &mut Builder) {
    for list in ["node_kinds", KINDS] {
        for (at, row) in value.get(list).and_then(Value::as_array).into_iter().flatten().enumerate() {
            let place = format!("/{list}/{at}");
            if row.get("name").and_then(Value::as_str).is_none() {
                out.skip("kind_invalid", &place, "a kind without a `name`".to_owned());
                continue;
            }
            out.source.records += 1;
            if list == KINDS && row.get("is_traversable").is_some_and(|value| !value.is_boolean()) {
                let message = "`is_traversable` is neither true nor false, and is taken as false".to_owned();
                out.issue(IssueSeverity::Warning, "kind_invalid", &place, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Source;

    fn read(text: &str) -> (Result<(), ReadError>, Builder) {
        let source = Source { path: "s".into(), kind: "s".into(), sha256: String::new(), records: 0, skipped: 0 };
        let mut out = Builder::new(source);
        (SchemaFile.read(&mut Input::from_bytes("s", text.as_bytes()), &mut out), out)
    }

    #[test]
    fn kinds_that_cannot_be_used_and_a_schema_that_is_not_are_reported() {
        let text = r#"{"schema":{},"node_kinds":[{"name":"A"},{}],
            "relationship_kinds":[{"name":"B","is_traversable":"yes"},{"name":"C"}]}"#;
        let (outcome, out) = read(text);
        let found: Vec<(&str, &str)> =
            out.issues.iter().map(|issue| (issue.code.as_str(), issue.record.as_str())).collect();
        // Nothing shows this text to the readers of graphs, as would be so for one in an archive.
        let expected =
            [("kind_invalid", "/node_kinds/1"), ("kind_invalid", "/relationship_kinds/0"), ("schema_not_used", "")];
        assert_eq!((outcome, found), (Ok(()), expected.to_vec()));
        assert_eq!((out.source.records, out.source.skipped), (3, 1));
        let schema = parse(text).expect("a schema");
        assert_eq!(schema.edges, [("B".to_owned(), false), ("C".to_owned(), false)]);
        assert!(read("{\"schema\":{},\"relationship_kinds\":7}").0.is_err());
        assert!(read("{\"schema\":{}").0.is_err());
    }
}
