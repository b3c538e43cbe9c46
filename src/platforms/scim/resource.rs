//! One SCIM resource while it is read. Names of attributes count in any case, so that they are looked up in lower case.

use serde_json::{Map, Value};

use super::NAME;
use crate::model::text::parse_time;
use crate::model::{
    Builder, Credential, CredentialKind, Effect, Entity, EntityKind, Grant, Handle, IssueSeverity, Layer, Membership,
    MembershipKind, Standing,
};
use crate::platforms::input::secrets;

/// Scope of a source until something says how the service is called.
pub const SERVICE: &str = "scim:service";
/// Objects nested deeper than this are no SCIM.
const DEPTH_MAX: usize = 8;
/// The enterprise extension of users.
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user";

/// A value with all names of attributes in lower case.
#[must_use]
pub fn folded(value: Value, depth: usize) -> Value {
    match value {
        Value::Object(object) if depth < DEPTH_MAX => Value::Object(
            object.into_iter().map(|(key, value)| (key.to_lowercase(), folded(value, depth + 1))).collect(),
        ),
        Value::Array(list) if depth < DEPTH_MAX => {
            Value::Array(list.into_iter().map(|value| folded(value, depth + 1)).collect())
        }
        other => other,
    }
}

/// A user or a group.
pub struct Resource<'b> {
    pub out: &'b mut Builder,
    pub fields: Map<String, Value>,
    pub place: String,
}

fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    match object.get(key)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Resource<'_> {
    fn text(&self, key: &str) -> Option<String> {
        text(&self.fields, key)
    }

    fn wrong(&mut self, message: String) {
        let place = self.place.clone();
        self.out.issue(IssueSeverity::Error, "field_invalid", &place, message);
    }

    /// Elements of a multi-valued attribute; a single text stands for an element with that value.
    fn elements(&mut self, key: &str) -> Vec<Map<String, Value>> {
        let value = match self.fields.get(key) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(list)) => list.clone(),
            Some(one @ (Value::Object(_) | Value::String(_))) => vec![one.clone()],
            Some(_) => {
                self.wrong(format!("`{key}` is no list"));
                return Vec::new();
            }
        };
        let mut found = Vec::with_capacity(value.len());
        for element in value {
            match element {
                Value::Object(object) => found.push(object),
                Value::String(text) if !text.is_empty() => {
                    found.push(Map::from_iter([("value".to_owned(), Value::String(text))]));
                }
                _ => self.wrong(format!("an element of `{key}` is neither an object nor a text")),
            }
        }
        found
    }

    /// The host of the service, where the resource says its own address.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        let address = self.fields.get("meta")?.get("location")?.as_str()?;
        let host = address.split_once("://")?.1.split('/').next()?.to_lowercase();
        (!host.is_empty()).then_some(host)
    }

    /// What kind of resource it is, by what it says and else by what it has.
    #[must_use]
    pub fn kind(&self) -> Option<EntityKind> {
        let said = self.fields.get("meta").and_then(|meta| meta.get("resourcetype")).and_then(Value::as_str);
        let schemas = self.fields.get("schemas").and_then(Value::as_array);
        let schema = |end: &str| {
            schemas
                .is_some_and(|list| list.iter().filter_map(Value::as_str).any(|one| one.to_lowercase().ends_with(end)))
        };
        match said.map(str::to_lowercase).as_deref() {
            Some("user") => Some(EntityKind::User),
            Some("group") => Some(EntityKind::Group),
            Some(_) => None,
            None if schema(":core:2.0:group") || schema(":core:1.0") && self.fields.contains_key("members") => {
                Some(EntityKind::Group)
            }
            None if schema(":core:2.0:user") || self.fields.contains_key("username") => Some(EntityKind::User),
            None => None,
        }
    }

    fn entity(&mut self, path: &str, kind: EntityKind, name: &str) -> Entity {
        let scope = Entity::named(SERVICE, NAME, EntityKind::Scope, "service");
        let source = Some(self.out.source_id());
        self.out.define(Entity { present: true, source, ..scope });
        let mut entity = Entity {
            scope: Some(SERVICE.to_owned()),
            present: true,
            source,
            record: Some(self.place.clone()),
            ..Entity::named(&format!("{SERVICE}/{path}"), NAME, kind, name)
        };
        let meta = |key: &str| {
            self.fields.get("meta").and_then(|meta| meta.get(key)).and_then(Value::as_str).and_then(parse_time)
        };
        entity.created_at = meta("created");
        entity
    }

    fn refer(&mut self, path: &str, kind: EntityKind, name: &str) -> Handle {
        let id = format!("{SERVICE}/{path}");
        match self.out.handle(&id) {
            Some(known) => known,
            None => self.out.define(Entity { scope: Some(SERVICE.to_owned()), ..Entity::named(&id, NAME, kind, name) }),
        }
    }

    fn member(&mut self, member: Handle, container: Handle) {
        let (source, record) = (self.out.source_id(), self.place.clone());
        let (kind, standing) = (MembershipKind::MemberOf, Standing::Active);
        self.out.memberships.push(Membership { member, container, kind, standing, expires_at: None, source, record });
    }

    fn facts(&mut self, entity: Handle, keys: &[&str]) {
        let mut dropped = 0;
        for key in keys {
            let Some(text) = self.text(key) else { continue };
            if secrets::is_secret(&text) {
                dropped += 1;
            } else {
                self.out.attribute(entity, key, &text);
            }
        }
        let place = self.place.clone();
        secrets::report(self.out, dropped, &place);
    }

    /// A user.
    pub fn user(&mut self) {
        let Some(id) = self.text("id") else {
            return self.out.skip("record_invalid", &self.place.clone(), "a user has no `id`".to_owned());
        };
        self.out.source.records += 1;
        let name = self.text("username").or_else(|| self.text("displayname")).unwrap_or_else(|| id.clone());
        let kind_of = self.text("usertype");
        let service = kind_of.as_ref().is_some_and(|kind| is_service(kind));
        let kind = if service { EntityKind::ServiceAccount } else { EntityKind::User };
        let mut entity = self.entity(&format!("Users/{id}"), kind, &name);
        entity.unique_id = Some(id);
        entity.enabled = match self.fields.get("active") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(active)) => Some(*active),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Some(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Some(false),
            Some(_) => {
                self.wrong("`active` is neither true nor false, and is taken for unknown".to_owned());
                None
            }
        };
        if let Some(kind) = &kind_of {
            entity.nhi = Some(service);
            entity.nhi_reason = Some(format!("userType is {kind}"));
        }
        let enterprise = self.fields.get(ENTERPRISE).and_then(Value::as_object).cloned().unwrap_or_default();
        let manager = enterprise.get("manager").and_then(|manager| match manager {
            Value::Object(manager) => text(manager, "value").or_else(|| text(manager, "displayname")),
            Value::String(text) => Some(text.clone()),
            _ => None,
        });
        entity.owner = self.text("owner").or_else(|| manager.clone().filter(|_| service));
        let handle = self.out.define(entity);
        self.facts(handle, &["displayname", "title", "externalid"]);
        if let Some(external) = self.text("externalid") {
            self.out.attribute(handle, "synced_from", &external);
        }
        for key in ["employeenumber", "department", "division", "costcenter", "organization"] {
            if let Some(value) = text(&enterprise, key) {
                self.out.attribute(handle, key, &value);
            }
        }
        if let Some(manager) = manager {
            self.out.attribute(handle, "manager", &manager);
        }
        for email in self.elements("emails") {
            if let Some(value) = text(&email, "value") {
                self.out.attribute(handle, "email", &value);
            }
        }
        self.groups(handle);
        self.rights(handle);
        self.secrets(handle);
    }

    /// Groups that a user says it is in. Those that it is in through others are found through those.
    fn groups(&mut self, user: Handle) {
        for group in self.elements("groups") {
            let indirect = text(&group, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("indirect"));
            if let (Some(id), false) = (text(&group, "value"), indirect) {
                let name = text(&group, "display").unwrap_or_else(|| id.clone());
                let group = self.refer(&format!("Groups/{id}"), EntityKind::Group, &name);
                self.member(user, group);
            }
        }
    }

    /// Roles and entitlements, each a right of its own.
    fn rights(&mut self, holder: Handle) {
        for (list, prefix) in [("roles", "role"), ("entitlements", "entitlement")] {
            for (at, element) in self.elements(list).into_iter().enumerate() {
                let Some(value) = text(&element, "value").or_else(|| text(&element, "display")) else {
                    self.wrong(format!("an element of `{list}` has no value"));
                    continue;
                };
                if secrets::is_secret(&value) {
                    let place = self.place.clone();
                    secrets::report(self.out, 1, &place);
                    continue;
                }
                let name = text(&element, "display").unwrap_or_else(|| value.clone());
                // A star in a name is no pattern, and a colon no plane.
                let action = format!("{prefix}/{}", value.replace('*', "%2A").replace(':', "%3A"));
                let grant = Grant {
                    grant: u32::try_from(self.out.grants.len()).unwrap_or(u32::MAX),
                    holder,
                    effect: Effect::Allow,
                    actions: vec![action],
                    not_actions: Vec::new(),
                    resources: vec!["*".to_owned()],
                    not_resources: Vec::new(),
                    principals: Vec::new(),
                    not_principals: Vec::new(),
                    condition: None,
                    variables: false,
                    layer: Layer::Identity,
                    policy: name,
                    statement: format!("{list}/{at}"),
                    granted_at: None,
                    expires_at: None,
                    source: self.out.source_id(),
                    record: self.place.clone(),
                };
                self.out.grants.push(grant);
            }
        }
    }

    /// Passwords, which no service should give out, and certificates, of which only that they are there is kept.
    fn secrets(&mut self, user: Handle) {
        let place = self.place.clone();
        secrets::report(self.out, usize::from(self.text("password").is_some()), &place);
        let certificates = self.elements("x509certificates").len();
        for at in 0..certificates {
            let credential = format!("{}#certificate_{}", self.out.entity(user).id, at + 1);
            self.out.credentials.push(Credential {
                credential,
                entity: user,
                kind: CredentialKind::Certificate,
                created_at: None,
                expires_at: None,
                last_used_at: None,
                never_used: None,
                last_rotated_at: None,
                active: None,
                source: self.out.source_id(),
                record: place.clone(),
            });
        }
    }

    /// A group with its members.
    pub fn group(&mut self) {
        let Some(id) = self.text("id") else {
            return self.out.skip("record_invalid", &self.place.clone(), "a group has no `id`".to_owned());
        };
        self.out.source.records += 1;
        let name = self.text("displayname").unwrap_or_else(|| id.clone());
        let mut entity = self.entity(&format!("Groups/{id}"), EntityKind::Group, &name);
        entity.unique_id = Some(id);
        entity.owner = self.text("owner");
        let group = self.out.define(entity);
        self.facts(group, &["externalid"]);
        if let Some(external) = self.text("externalid") {
            self.out.attribute(group, "synced_from", &external);
        }
        for member in self.elements("members") {
            let Some(value) = text(&member, "value") else {
                self.wrong("a member has no `value`".to_owned());
                continue;
            };
            let name = text(&member, "display").unwrap_or_else(|| value.clone());
            let address = text(&member, "$ref").unwrap_or_default();
            let kind = text(&member, "type").unwrap_or_default().to_lowercase();
            let (path, kind) = match kind.as_str() {
                "group" => ("Groups", EntityKind::Group),
                "user" => ("Users", EntityKind::User),
                _ if address.contains("/Groups/") => ("Groups", EntityKind::Group),
                _ if address.contains("/Users/") => ("Users", EntityKind::User),
                // `reconcile` finds out whether it is a user or a group.
                _ => ("members", EntityKind::External),
            };
            let member = self.refer(&format!("{path}/{value}"), kind, &name);
            self.member(member, group);
        }
        self.rights(group);
    }
}

/// Whether a type of user is one of machines.
fn is_service(kind: &str) -> bool {
    let kind = kind.to_lowercase();
    ["service", "bot", "system", "robot", "machine", "integration", "api"]
        .iter()
        .any(|word| kind.split(|c: char| !c.is_alphanumeric()).any(|part| part == *word))
        || kind.starts_with("service")
}
