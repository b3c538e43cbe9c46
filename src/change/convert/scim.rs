//! Requests of SCIM 2.0 (RFC 7644): members of groups, and whether users are active.
//!
//! A request is `{"method": "PATCH", "path": "/Groups/ID", "body": PATCH}`, with `data` for `body` as bulk requests
//! have it; a bulk request has several. Groups and users are found by the id that the service gives them, which is the
//! last part of the entity's id or its unique id.

use serde_json::{Map, Value};

use super::{Converted, Sink};
use crate::change::error::ChangeError;
use crate::change::read::NoteKind;
use crate::change::set::Change;
use crate::model::{Entity, EntityId, EntityKind, MembershipKind, Tables};

/// Name of the form.
pub const FORM: &str = "scim_patch";
/// Ends of the names of messages.
const PATCH: &str = ":patchop";
const BULK: &str = ":bulkrequest";

/// Whether a document is a request.
pub fn is_request(value: &Value) -> bool {
    let request = |value: &Value| value.get("method").is_some_and(Value::is_string) && value.get("path").is_some();
    match value {
        Value::Array(list) => !list.is_empty() && list.iter().all(request),
        value => has_schema(value, BULK) || has_schema(value, PATCH) || request(value),
    }
}

fn has_schema(value: &Value, end: &str) -> bool {
    let schemas = value.get("schemas").and_then(Value::as_array).into_iter().flatten();
    schemas.filter_map(Value::as_str).any(|schema| schema.to_lowercase().ends_with(end))
}

/// Turns requests into operations.
pub fn convert(value: &Value, tables: &Tables, at: &str) -> Converted {
    let mut all = Requests { tables, sink: Sink::default(), changes: Vec::new(), errors: Vec::new() };
    match value {
        Value::Array(list) => {
            for (number, request) in list.iter().enumerate() {
                all.request(request, &format!("{at}/{number}"));
            }
        }
        value if has_schema(value, BULK) => {
            let list = field(value, "operations").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            for (number, request) in list.iter().enumerate() {
                all.request(request, &format!("{at}/Operations/{number}"));
            }
        }
        value if value.get("path").is_none() => {
            let error = ChangeError::new(at, "the request does not say of which resource it is");
            let hint = "write {\"method\": \"PATCH\", \"path\": \"/Groups/ID\", \"body\": …} around it";
            return Converted::failed(FORM, error.hint(hint));
        }
        value => all.request(value, at),
    }
    Converted { form: FORM, changes: all.changes, notes: all.sink.notes, errors: all.errors, ..Converted::default() }
}

/// A field of an object, whose name counts in any case.
fn field<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
}

struct Requests<'t> {
    tables: &'t Tables,
    sink: Sink,
    changes: Vec<Change>,
    errors: Vec<ChangeError>,
}

impl<'t> Requests<'t> {
    fn request(&mut self, request: &Value, at: &str) {
        let text = |key: &str| field(request, key).and_then(Value::as_str).unwrap_or_default();
        let path = text("path");
        let mut parts = path.trim_matches('/').rsplit('/');
        let (id, of) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let kind = match of.to_lowercase().as_str() {
            "groups" => EntityKind::Group,
            "users" => EntityKind::User,
            _ => {
                let message = format!("`{path}` is neither a group nor a user: nothing of the request is read");
                return self.sink.note(NoteKind::NotConverted, at, message);
            }
        };
        let method = text("method").to_uppercase();
        let Some(resource) = self.resource(kind, id, &format!("{at}/path")) else { return };
        match method.as_str() {
            "PATCH" => {}
            "DELETE" => {
                return self
                    .changes
                    .push(Change::DeletePrincipal { principal: resource.id.clone(), referred_as: None });
            }
            _ => {
                let message = format!("requests by `{method}` are not read: write what changes as a PATCH");
                return self.sink.note(NoteKind::NotConverted, at, message);
            }
        }
        let body = field(request, "body").or_else(|| field(request, "data")).unwrap_or(&Value::Null);
        let operations = field(body, "operations").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if operations.is_empty() {
            self.errors.push(ChangeError::new(at, "the PATCH has no `Operations`").hint("see RFC 7644, section 3.5.2"));
        }
        for (number, operation) in operations.iter().enumerate() {
            self.operation(resource, operation, &format!("{at}/body/Operations/{number}"));
        }
    }

    /// The resource that an id means.
    fn resource(&mut self, kind: EntityKind, id: &str, at: &str) -> Option<&'t Entity> {
        // A member may be a group, and an account of a program is a user here.
        let user = kind == EntityKind::User;
        let of_kind = |entity: &&'t Entity| {
            let fits = entity.kind == EntityKind::Group || user && entity.kind.is_principal();
            entity.present && fits
        };
        let called = |entity: &&'t Entity| {
            let last = entity.id.rsplit(['/', ':']).next().unwrap_or(&entity.id);
            entity.id == id || last.eq_ignore_ascii_case(id) || entity.unique_id.as_deref() == Some(id)
        };
        let found: Vec<&Entity> = self.tables.entities.iter().filter(of_kind).filter(called).collect();
        let exact: Vec<&Entity> = found.iter().copied().filter(|entity| entity.kind == kind).collect();
        match if exact.is_empty() { found } else { exact }.as_slice() {
            [one] => Some(one),
            [] => {
                let error = ChangeError::new(at, format!("no {kind} with the id `{id}` in this snapshot"));
                self.errors.push(error.hint("the id is the one that the service gives"));
                None
            }
            several => {
                let ids = several.iter().map(|one| one.id.clone()).collect();
                let error = ChangeError::new(at, format!("`{id}` may be several")).candidates(ids);
                self.errors.push(error);
                None
            }
        }
    }

    fn operation(&mut self, resource: &'t Entity, operation: &Value, at: &str) {
        let op = field(operation, "op").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        let path = field(operation, "path").and_then(Value::as_str).unwrap_or_default();
        let value = field(operation, "value").unwrap_or(&Value::Null);
        if !matches!(op.as_str(), "add" | "remove" | "replace") {
            let error = ChangeError::new(at, format!("there is no operation `{op}` in a PATCH"));
            return self.errors.push(error.hint("the operations are add, remove, replace"));
        }
        if path.is_empty() {
            // Without a path the value has attributes.
            let Some(fields) = value.as_object() else {
                let error = ChangeError::new(at, "an operation has neither a path nor an object as its value");
                return self.errors.push(error.hint("see RFC 7644, section 3.5.2"));
            };
            return self.attributes(resource, &op, fields, at);
        }
        self.attribute(resource, &op, path, value, at);
    }

    fn attributes(&mut self, resource: &'t Entity, op: &str, fields: &Map<String, Value>, at: &str) {
        for (path, value) in fields {
            self.attribute(resource, op, path, value, at);
        }
    }

    fn attribute(&mut self, resource: &'t Entity, op: &str, path: &str, value: &Value, at: &str) {
        // A path may have the name of its schema before it.
        let plain = path.rsplit_once(":User:").or_else(|| path.rsplit_once(":Group:")).map_or(path, |(_, rest)| rest);
        let lower = plain.to_lowercase();
        if lower == "members" && resource.kind == EntityKind::Group {
            return self.members(resource, op, &values(value), at);
        }
        if resource.kind == EntityKind::Group
            && let Some(id) = filtered(plain)
        {
            return self.members(resource, op, &[id], at);
        }
        if lower == "active" && resource.kind != EntityKind::Group {
            let active = match value {
                Value::Bool(active) => Some(*active),
                // Some services write it as a text.
                Value::String(text) => text.to_lowercase().parse().ok(),
                _ => None,
            };
            return match active.filter(|_| op != "remove") {
                Some(active) => {
                    self.changes.push(Change::SetEnabled { principal: resource.id.clone(), enabled: Some(active) });
                }
                None => self.errors.push(ChangeError::new(at, "`active` is neither true nor false").hint("say which")),
            };
        }
        let message = format!("`{path}` of `{}` changes, which no operation says", resource.id);
        self.sink.note(NoteKind::NotConverted, at, message);
    }

    fn members(&mut self, group: &'t Entity, op: &str, ids: &[String], at: &str) {
        let rows = self.tables.memberships.iter();
        let now: Vec<EntityId> = rows
            .filter(|row| row.container == group.entity && row.kind == MembershipKind::MemberOf)
            .map(|row| row.member)
            .collect();
        let wanted: Vec<Option<&Entity>> = ids.iter().map(|id| self.resource(EntityKind::User, id, at)).collect();
        let Some(wanted) = wanted.into_iter().collect::<Option<Vec<&Entity>>>() else { return };
        let is_wanted = |member: &EntityId| wanted.iter().any(|one| one.entity == *member);
        let gone: Vec<EntityId> = match op {
            "add" => Vec::new(),
            // Without a value all members go.
            "remove" if ids.is_empty() => now.clone(),
            "remove" => now.iter().copied().filter(is_wanted).collect(),
            _ => now.iter().copied().filter(|member| !is_wanted(member)).collect(),
        };
        let container = group.id.clone();
        for member in gone {
            let member = self.tables.entity(member).id.clone();
            self.changes.push(Change::RemoveMember { container: container.clone(), member, kind: None });
        }
        for one in wanted.iter().filter(|one| op != "remove" && !now.contains(&one.entity)) {
            self.changes.push(Change::AddMember {
                container: container.clone(),
                member: one.id.clone(),
                kind: None,
                standing: None,
                expires_at: None,
            });
        }
    }
}

/// Ids of members as values write them.
fn values(value: &Value) -> Vec<String> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        value => field(value, "value").and_then(Value::as_str).map(str::to_owned),
    };
    match value {
        Value::Array(list) => list.iter().filter_map(one).collect(),
        value => one(value).into_iter().collect(),
    }
}

/// The id in `members[value eq "ID"]`.
fn filtered(path: &str) -> Option<String> {
    let inner = path.get(..8).filter(|start| start.eq_ignore_ascii_case("members[")).and(path.get(8..))?;
    let inner = inner.strip_suffix(']')?.trim();
    let (attribute, rest) = inner.split_once(char::is_whitespace)?;
    let (operator, id) = rest.trim().split_once(char::is_whitespace)?;
    let plain = attribute.eq_ignore_ascii_case("value") && operator.eq_ignore_ascii_case("eq");
    let id = id.trim().strip_prefix('"')?.strip_suffix('"')?;
    (plain && !id.contains('"')).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_named_in_filters() {
        assert_eq!(filtered(r#"members[value eq "42"]"#).as_deref(), Some("42"));
        assert_eq!(filtered(r#"Members[Value EQ "a b"]"#).as_deref(), Some("a b"));
        for other in ["members", r#"members[value co "4"]"#, r#"members[display eq "x"]"#, "emails[type eq \"work\"]"] {
            assert_eq!(filtered(other), None, "{other}");
        }
    }
}
