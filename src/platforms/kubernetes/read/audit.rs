//! Audit logs: what each user was seen doing, and when last.
//!
//! Only requests that were let through count. With impersonation the request is the one of whoever is impersonated,
//! and the one behind it used the verb `impersonate`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::notation;
use super::objects::Objects;
use super::value::{at, text, texts};
use crate::model::text::parse_time;
use crate::model::{Builder, Granularity, Handle, Usage};
use crate::platforms::input::json::{Batch, Fields, Sink};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Events of the API server's audit log, one a line or as a list.
pub struct Audit;

impl Reader for Audit {
    fn name(&self) -> &'static str {
        "kubernetes-audit"
    }

    fn title(&self) -> &'static str {
        "Kubernetes audit log: events of `audit.k8s.io`, one a line or as an `EventList`"
    }

    fn recognises(&self, head: &Head) -> bool {
        let Some(object) = head.object() else { return false };
        let is = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        is("apiVersion").starts_with("audit.k8s.io/") && matches!(is("kind"), "Event" | "EventList" | "")
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut sink = Events { objects: Objects::new(out), seen: BTreeMap::new(), window: None };
        let outcome = input.split(&mut sink);
        sink.finish();
        outcome
    }
}

type Seen = BTreeMap<(Handle, String, Granularity), (i64, u64)>;

struct Events<'b> {
    objects: Objects<'b>,
    seen: Seen,
    window: Option<(i64, i64)>,
}

impl Sink for Events<'_> {
    fn is_list(&self, key: &str) -> bool {
        key == "items"
    }

    fn records(&mut self, batch: &Batch) {
        for (at, event) in batch.parse(|bytes| serde_json::from_slice::<Value>(bytes)).into_iter().enumerate() {
            match event {
                Ok(event) => self.event(&event),
                Err(error) => {
                    let message = format!("an event cannot be read: {error}");
                    self.objects.out.skip("json_invalid", &batch.pointer(at), message);
                }
            }
        }
    }

    fn document(&mut self, _pointer: &str, fields: Fields) {
        let (object, _) = fields.object();
        if !object.contains_key("metadata") || object.contains_key("auditID") {
            self.event(&Value::Object(object));
        }
    }
}

impl Events<'_> {
    fn event(&mut self, event: &Value) {
        let stage = text(event, "stage");
        if event.get("user").is_none() || stage.is_some_and(|stage| stage != "ResponseComplete") {
            return;
        }
        let time = ["stageTimestamp", "timestamp", "requestReceivedTimestamp"]
            .iter()
            .find_map(|key| text(event, key).and_then(|time| parse_time(&time)));
        let Some(time) = time else { return };
        self.objects.out.source.records += 1;
        let (start, end) = self.window.unwrap_or((time, time));
        self.window = Some((start.min(time), end.max(time)));
        let code = at(event, &["responseStatus", "code"]).and_then(Value::as_i64);
        let refused = matches!(code, Some(401 | 403))
            || at(event, &["annotations", "authorization.k8s.io/decision"]).and_then(Value::as_str) == Some("forbid");
        let user = event.get("user").and_then(|user| self.user(user));
        let Some(verb) = text(event, "verb") else { return };
        let acting = match event.get("impersonatedUser").filter(|other| other.is_object()) {
            Some(other) => {
                let resource = match text(other, "username") {
                    Some(name) if name.starts_with(super::names::SERVICE_ACCOUNT) => "serviceaccounts",
                    _ => "users",
                };
                if let Some(user) = user {
                    self.use_of(user, "", resource, "impersonate", time);
                }
                self.user(other)
            }
            None => user,
        };
        let Some(acting) = acting.filter(|_| !refused) else { return };
        if let Some(object) = event.get("objectRef") {
            let resource = text(object, "resource").unwrap_or_default();
            let sub = text(object, "subresource").map(|sub| format!("/{sub}")).unwrap_or_default();
            let group = text(object, "apiGroup").unwrap_or_default();
            self.use_of(acting, &group, &format!("{resource}{sub}"), &verb, time);
        }
    }

    /// A user of an event, with the groups that the event names.
    fn user(&mut self, user: &Value) -> Option<Handle> {
        let name = text(user, "username")?;
        let handle = self.objects.user(&name);
        for group in texts(user, "groups").filter(|group| !group.is_empty()) {
            let group = self.objects.group(group);
            self.objects.membership(handle, group, crate::model::MembershipKind::MemberOf, "");
        }
        Some(handle)
    }

    fn use_of(&mut self, user: Handle, group: &str, resource: &str, verb: &str, time: i64) {
        let service = if group.is_empty() { "core" } else { group };
        let action = notation::used(group, resource, verb);
        for (permission, granularity) in [(service.to_owned(), Granularity::Service), (action, Granularity::Action)] {
            let seen = self.seen.entry((user, permission, granularity)).or_insert((time, 0));
            *seen = (seen.0.max(time), seen.1 + 1);
        }
        let source = self.objects.out.source_id();
        let mut entity = self.objects.out.entity(user).clone();
        if entity.last_used_at < Some(time) {
            entity.last_used_at = Some(time);
            entity.last_used_source = Some("kubernetes-audit".to_owned());
            entity.source = entity.source.or(Some(source));
            self.objects.out.replace(user, entity);
        }
    }

    fn finish(mut self) {
        let (start, end) = self.window.unzip();
        for ((entity, permission, granularity), (last, count)) in std::mem::take(&mut self.seen) {
            self.objects.out.usage.push(Usage {
                entity,
                permission,
                granularity,
                last_used_at: Some(last),
                count: Some(count),
                window_start: start,
                window_end: end,
                source: self.objects.out.source_id(),
                record: String::new(),
            });
        }
    }
}
