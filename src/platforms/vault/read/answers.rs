//! Answers of Vault's API in JSON: which thing each is about.

use serde_json::{Map, Value};

use super::super::names;
use super::record::Record;
use super::{auth, engines, identity, policies, tokens};
use crate::model::{Builder, IssueSeverity};
use crate::platforms::input::json::{Batch, Fields, Sink};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Answers one after another, in a list, or one in a file.
pub struct Answers;

impl Reader for Answers {
    fn name(&self) -> &'static str {
        "vault-api"
    }

    fn title(&self) -> &'static str {
        "answers of Vault: `vault read -format=json PATH` with the path beside it, `vault auth list`, `vault status`"
    }

    fn recognises(&self, head: &Head) -> bool {
        let Some(object) = head.object() else { return false };
        let has = |key: &str| object.contains_key(key);
        let envelope = object.get("data").is_some_and(Value::is_object)
            && ((has("request_id") && has("lease_id")) || (has("path") && has("data") && is_path(object)));
        envelope || is_status(object) || is_mounts(object)
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let of_file = names::of_file(input.path()).unwrap_or_default();
        input.split(&mut Documents { out, of_file })
    }
}

fn is_path(object: &Map<String, Value>) -> bool {
    let known = ["sys/", "auth/", "identity/"];
    let path = object.get("path").and_then(Value::as_str).map(names::tidy).unwrap_or_default();
    known.iter().any(|start| path.starts_with(start)) || path.contains("/roles/") || path.contains("/static-roles/")
}

/// `vault status -format=json`.
fn is_status(object: &Map<String, Value>) -> bool {
    object.contains_key("sealed") && object.contains_key("initialized")
}

/// `vault auth list -format=json`, `vault secrets list -format=json`: paths with a slash at the end.
fn is_mounts(object: &Map<String, Value>) -> bool {
    let mount = |(path, value): (&String, &Value)| {
        path.ends_with('/') && value.get("type").is_some_and(Value::is_string) && value.get("accessor").is_some()
    };
    object.iter().next().is_some_and(mount)
}

struct Documents<'b> {
    out: &'b mut Builder,
    of_file: String,
}

impl Sink for Documents<'_> {
    fn is_list(&self, _: &str) -> bool {
        false
    }

    fn bare(&self) -> bool {
        true
    }

    fn records(&mut self, batch: &Batch) {
        for (at, value) in batch.parse(|bytes| serde_json::from_slice::<Value>(bytes)).into_iter().enumerate() {
            let place = batch.pointer(at);
            match value {
                Ok(Value::Object(object)) => self.answer(object, place),
                Ok(_) => self.out.skip("record_invalid", &place, "an answer is no object".to_owned()),
                Err(error) => self.out.skip("json_invalid", &place, format!("an answer cannot be read: {error}")),
            }
        }
    }

    fn document(&mut self, pointer: &str, fields: Fields) {
        self.answer(fields.object().0, pointer.to_owned());
    }
}

impl Documents<'_> {
    fn answer(&mut self, mut object: Map<String, Value>, place: String) {
        let said = object.get("path").and_then(Value::as_str).map(|path| names::tidy(path).to_owned());
        let path = said.unwrap_or_else(|| self.of_file.clone());
        let enveloped = object.contains_key("data") && !is_status(&object);
        let data = match (enveloped, object.remove("data")) {
            (false, data) => {
                object.extend(data.map(|data| ("data".to_owned(), data)));
                object
            }
            (true, Some(Value::Object(data))) => data,
            (true, Some(Value::Null) | None) => return,
            (true, Some(_)) => {
                return self.out.skip("record_invalid", &place, "`data` of an answer is no object".to_owned());
            }
        };
        let mut record = Record { out: self.out, path, data, place };
        record.drop_secrets();
        take(&mut record);
    }
}

/// Has an answer read by what its fields are, and by its path where fields do not tell.
fn take(record: &mut Record<'_>) {
    let has = |record: &Record<'_>, keys: &[&str]| keys.iter().all(|key| record.data.contains_key(*key));
    if is_status(&record.data) {
        return status(record);
    }
    if is_mounts(&record.data) {
        return auth::mounts(record);
    }
    if has(record, &["member_entity_ids"]) {
        return identity::group(record);
    }
    if has(record, &["aliases", "id"]) {
        return identity::entity(record);
    }
    if has(record, &["accessor", "policies"]) {
        return tokens::token(record);
    }
    if has(record, &["name", "policy"]) || has(record, &["name", "rules"]) {
        let name = record.text("name").or_else(|| record.path.strip_prefix("sys/policies/acl/").map(str::to_owned));
        let text = record.text("policy").or_else(|| record.text("rules")).unwrap_or_default();
        return match name {
            Some(name) => policies::put(record, &name.to_lowercase(), &text),
            None => record.skip("name_missing", "a policy has no name".to_owned()),
        };
    }
    if record.data.contains_key("keys") {
        return keys(record);
    }
    if record.path.starts_with("auth/") {
        return auth::answer(record);
    }
    if !record.path.is_empty() && engines::answer(record) {
        return;
    }
    let place = record.place.clone();
    let message = if record.path.is_empty() {
        "nothing says of which path this answer is: add it as `path` beside `data`, or keep it in a file called after it"
            .to_owned()
    } else {
        format!("the answer of `{}` says nothing about access and is not used", record.path)
    };
    let severity = if record.path.is_empty() { IssueSeverity::Warning } else { IssueSeverity::Note };
    record.out.issue(severity, "answer_not_used", &place, message);
}

/// The cluster's name, by which `reconcile` calls everything beside it.
fn status(record: &mut Record<'_>) {
    record.out.source.records += 1;
    let cluster = record.cluster();
    record.facts(cluster, &["cluster_name", "cluster_id", "version", "storage_type"]);
}

/// A list of names: that of all policies says which do not exist.
fn keys(record: &mut Record<'_>) {
    if !matches!(record.path.as_str(), "sys/policies/acl" | "sys/policy") {
        return;
    }
    record.out.source.records += 1;
    record.expect_lists(&["keys"]);
    let cluster = record.cluster();
    record.out.attribute(cluster, "policies_listed", "true");
    for name in record.list("keys") {
        let name = name.to_lowercase();
        let policy = record.refer(&format!("sys/policies/acl/{name}"), crate::model::EntityKind::RoleDefinition, &name);
        record.out.attribute(policy, "listed", "true");
    }
}
