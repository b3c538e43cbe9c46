//! Audit logs of the file device: who used what, and when.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::{NAME, catalog, names, policy::CAPS};
use crate::model::text::parse_time;
use crate::model::{Builder, Entity, EntityKind, Granularity, Usage};
use crate::platforms::input::json::{Batch, Fields, Sink};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Audit entries, one on a line.
pub struct AuditLog;

impl Reader for AuditLog {
    fn name(&self) -> &'static str {
        "vault-audit"
    }

    fn title(&self) -> &'static str {
        "Vault audit log of the file device (JSON lines)"
    }

    fn recognises(&self, head: &Head) -> bool {
        let Some(object) = head.object() else { return false };
        let request = object.get("request").and_then(Value::as_object);
        object.contains_key("type")
            && request.is_some_and(|request| request.contains_key("operation") && request.contains_key("path"))
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut entries = Entries { out, seen: BTreeMap::new(), first: None, last: None };
        let outcome = input.split(&mut entries);
        entries.finish();
        outcome
    }

    fn records_everyone(&self) -> bool {
        true
    }
}

struct Entries<'b> {
    out: &'b mut Builder,
    /// Latest use and count by entity and action.
    seen: BTreeMap<(String, String), (i64, u64, String)>,
    first: Option<i64>,
    last: Option<i64>,
}

impl Sink for Entries<'_> {
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
                Ok(value) if value.is_object() => self.entry(&value, place),
                Ok(_) => self.out.skip("record_invalid", &place, "an entry is no object".to_owned()),
                Err(error) => self.out.skip("json_invalid", &place, format!("an entry cannot be read: {error}")),
            }
        }
    }

    fn document(&mut self, pointer: &str, fields: Fields) {
        self.entry(&Value::Object(fields.object().0), pointer.to_owned());
    }
}

impl Entries<'_> {
    fn entry(&mut self, value: &Value, place: String) {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(time) = text("/time").and_then(parse_time) else {
            return self.out.skip("time_invalid", &place, "an entry has no time".to_owned());
        };
        self.out.source.records += 1;
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
        // Requests are repeated by their responses; what failed was no use.
        if text("/type") != Some("response") || value.get("error").is_some_and(|error| error != "") {
            return;
        }
        let (Some(entity), Some(operation), Some(path)) =
            (text("/auth/entity_id"), text("/request/operation"), text("/request/path"))
        else {
            return;
        };
        let Some(capability) = CAPS.iter().find(|own| **own == operation) else { return };
        let action = catalog::name(catalog::area_of(names::tidy(path)), capability);
        let use_ = self.seen.entry((entity.to_owned(), action)).or_insert((time, 0, place));
        use_.0 = use_.0.max(time);
        use_.1 += 1;
    }

    fn finish(self) {
        let Self { out, seen, first, last } = self;
        let cluster = Entity::named(names::CLUSTER, NAME, EntityKind::Scope, "vault");
        out.define(Entity { present: true, source: Some(out.source_id()), ..cluster });
        for ((id, permission), (time, count, record)) in seen {
            let named = Entity {
                scope: Some(names::CLUSTER.to_owned()),
                ..Entity::named(&format!("{}/identity/entity/id/{id}", names::CLUSTER), NAME, EntityKind::User, &id)
            };
            let last_used =
                Entity { last_used_at: Some(time), last_used_source: Some("audit log".to_owned()), ..named };
            let entity = out.define(last_used);
            let source = out.source_id();
            out.usage.push(Usage {
                entity,
                permission,
                granularity: Granularity::Action,
                last_used_at: Some(time),
                count: Some(count),
                window_start: first,
                window_end: last,
                source,
                record,
            });
        }
    }
}
