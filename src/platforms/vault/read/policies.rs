//! ACL policies: as `vault policy read` prints them, and inside the API's answers.

use std::io::Read as _;

use serde_json::{Map, Value};

use super::super::{PLANE, names, policy};
use super::record::Record;
use crate::model::{Builder, Effect, EntityKind, IssueSeverity};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Texts beyond this are no policy: Vault refuses entries of its storage beyond one MiB.
const TEXT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A policy as text, named by its file.
pub struct PolicyText;

impl Reader for PolicyText {
    fn name(&self) -> &'static str {
        "vault-policy"
    }

    fn title(&self) -> &'static str {
        "a Vault ACL policy: `vault policy read NAME > NAME.hcl`"
    }

    fn recognises(&self, head: &Head) -> bool {
        if head.json().is_some() {
            let paths = head.object().filter(|_| !head.is_array()).and_then(|object| object.get("path"));
            let rule = |body: &Value| body.get("capabilities").is_some() || body.get("policy").is_some();
            return paths.and_then(Value::as_object).is_some_and(|paths| paths.values().any(rule));
        }
        starts_with_path(&head.text())
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let name = names::stem_of_file(input.path()).to_lowercase();
        let mut bytes = Vec::new();
        let outcome = input.stream().take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes);
        if bytes.len() as u64 > TEXT_BYTES_MAX {
            return Err(ReadError::limit("", format!("a policy is not larger than {TEXT_BYTES_MAX} bytes")));
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut record = Record { out, path: String::new(), data: Map::new(), place: String::new() };
        put(&mut record, &name, &text);
        outcome.map(|_| ()).map_err(|error| ReadError::from_io(&error, ""))
    }
}

/// Whether the first thing in a text that is no comment is the word `path` and a quoted text.
fn starts_with_path(text: &str) -> bool {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        rest = if rest.starts_with('#') || rest.starts_with("//") {
            rest.split_once('\n').map_or("", |(_, after)| after).trim_start()
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, after)| after).trim_start()
        } else {
            break;
        };
    }
    rest.strip_prefix("path").is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with('"'))
}

/// Puts down a policy and its rules.
pub fn put(record: &mut Record<'_>, name: &str, text: &str) {
    let mut entity = record.entity(&format!("sys/policies/acl/{name}"), EntityKind::RoleDefinition, name);
    if record.place.is_empty() {
        entity.record = Some("line 1".to_owned());
    }
    let holder = record.out.define(entity);
    record.out.source.records += 1;
    record.out.attribute(holder, "type", "acl");
    let (rules, wrong) = policy::rules(text);
    let within = |place: &str, own: &str| if own.is_empty() { place.to_owned() } else { format!("{own}: {place}") };
    for (number, rule) in rules.iter().enumerate() {
        let mut grant = record.grant(holder, name, &format!("#{number}"));
        grant.effect = if rule.deny { Effect::Deny } else { Effect::Allow };
        grant.actions = if rule.deny {
            vec![format!("{PLANE}*")]
        } else {
            rule.caps.names().map(|cap| format!("{PLANE}{cap}")).collect()
        };
        grant.resources = vec![rule.pattern.clone()];
        grant.condition = rule.limits.as_ref().map(ToString::to_string);
        grant.variables = rule.pattern.contains("{{");
        grant.record = within(&rule.place, &record.place);
        record.out.grants.push(grant);
    }
    for (place, message) in wrong {
        let (place, message) = (within(&place, &record.place), format!("policy `{name}`, {place}: {message}"));
        record.out.issue(IssueSeverity::Error, "policy_document_invalid", &place, message);
    }
}
