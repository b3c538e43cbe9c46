//! One answer of Vault while it is read: what it is about, its fields, and how its rows are put down.

use serde_json::{Map, Value};

use super::super::{NAME, names};
use crate::model::text::parse_time;
use crate::model::{
    Attachment, AttachmentKind, Builder, Credential, CredentialKind, Entity, EntityKind, Grant, Handle, IssueSeverity,
    Membership, MembershipKind, Standing,
};
use crate::platforms::input::secrets;

/// Fields that hold secrets in answers that people export.
const SECRET_FIELDS: [&str; 12] = [
    "client_token",
    "secret_id",
    "password",
    "bindpass",
    "private_key",
    "oidc_client_secret",
    "token_reviewer_jwt",
    "secret_key",
    "access_key",
    "security_token",
    "client_secret",
    "token",
];

/// An answer, and where its rows go.
pub struct Record<'b> {
    pub out: &'b mut Builder,
    /// Path of the API that the answer is from; empty when nothing says it.
    pub path: String,
    pub data: Map<String, Value>,
    /// Place in the source.
    pub place: String,
}

impl Record<'_> {
    /// Texts of a list; a single text counts as a list of one, and a text with commas as several.
    #[must_use]
    pub fn list(&self, key: &str) -> Vec<String> {
        match self.data.get(key) {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(text)) => {
                text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A text that is not empty.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        self.data.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// A flag.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<bool> {
        self.data.get(key).and_then(Value::as_bool)
    }

    /// A time, as text or as seconds since 1970; zero and the year 1 stand for none.
    #[must_use]
    pub fn time(&self, key: &str) -> Option<i64> {
        let found = match self.data.get(key)? {
            Value::String(text) => parse_time(text),
            Value::Number(number) => number.as_i64().and_then(|seconds| seconds.checked_mul(1000)),
            _ => None,
        };
        found.filter(|time| *time > 0)
    }

    /// Reports fields that are lists in Vault and something else here.
    pub fn expect_lists(&mut self, keys: &[&str]) {
        for key in keys {
            let wrong = |value: &Value| match value {
                Value::Array(list) => list.iter().any(|one| !one.is_string()),
                other => !matches!(other, Value::Null | Value::String(_)),
            };
            if self.data.get(*key).is_some_and(wrong) {
                let message = format!("`{key}` is no list of texts; what is none is left out");
                let place = self.place.clone();
                self.out.issue(IssueSeverity::Error, "field_invalid", &place, message);
            }
        }
    }

    /// Counts secrets that the answer holds; none of them is kept.
    pub fn drop_secrets(&mut self) {
        let mut count = self
            .data
            .iter()
            .filter(|(key, value)| {
                SECRET_FIELDS.contains(&key.as_str()) && value.as_str().is_some_and(|text| !text.is_empty())
            })
            .count();
        // The id of a token is the token.
        let token = |text: &str| ["hvs.", "hvb.", "hvr.", "s.", "b.", "r."].iter().any(|start| text.starts_with(start));
        count += usize::from(self.data.contains_key("accessor") && self.text("id").is_some_and(|id| token(&id)));
        let place = self.place.clone();
        secrets::report(self.out, count, &place);
    }

    /// The cluster's entity.
    pub fn cluster(&mut self) -> Handle {
        let named = Entity::named(names::CLUSTER, NAME, EntityKind::Scope, "vault");
        self.out.define(Entity { present: true, source: Some(self.out.source_id()), ..named })
    }

    /// An entity that this answer defines, ready to be completed.
    pub fn entity(&mut self, path: &str, kind: EntityKind, name: &str) -> Entity {
        self.cluster();
        Entity {
            scope: Some(names::CLUSTER.to_owned()),
            present: true,
            source: Some(self.out.source_id()),
            record: Some(self.place.clone()),
            ..Entity::named(&format!("{}/{path}", names::CLUSTER), NAME, kind, name)
        }
    }

    /// Something that this answer only names.
    pub fn refer(&mut self, path: &str, kind: EntityKind, name: &str) -> Handle {
        let id = format!("{}/{path}", names::CLUSTER);
        if let Some(known) = self.out.handle(&id) {
            return known;
        }
        let entity = Entity { scope: Some(names::CLUSTER.to_owned()), ..Entity::named(&id, NAME, kind, name) };
        self.out.define(entity)
    }

    /// Attaches policies by name. Vault keeps their names in lower case.
    pub fn attach(&mut self, holder: Handle, policies: &[String]) {
        for name in policies {
            let name = name.trim().to_lowercase();
            if name.is_empty() {
                continue;
            }
            let policy = self.refer(&format!("sys/policies/acl/{name}"), EntityKind::RoleDefinition, &name);
            let (source, record) = (self.out.source_id(), self.place.clone());
            self.out.attachments.push(Attachment { holder, policy, kind: AttachmentKind::Identity, source, record });
        }
    }

    /// Policies that tokens of a login get: those of the role, and `default` unless it is left out.
    pub fn attach_token_policies(&mut self, holder: Handle) {
        self.expect_lists(&["token_policies", "policies"]);
        let mut policies = self.list("token_policies");
        policies.extend(self.list("policies"));
        if self.flag("token_no_default_policy") != Some(true) {
            policies.push("default".to_owned());
        }
        self.attach(holder, &policies);
    }

    /// Puts one entity into another.
    pub fn member(&mut self, member: Handle, container: Handle, kind: MembershipKind, expires_at: Option<i64>) {
        let (source, record, standing) = (self.out.source_id(), self.place.clone(), Standing::Active);
        self.out.memberships.push(Membership { member, container, kind, standing, expires_at, source, record });
    }

    /// States facts about an entity: those of these fields that are plain values and not empty.
    pub fn facts(&mut self, entity: Handle, keys: &[&str]) {
        for key in keys {
            let value = match self.data.get(*key) {
                Some(Value::String(text)) if !text.is_empty() && !secrets::is_secret(text) => text.clone(),
                Some(Value::Bool(flag)) => flag.to_string(),
                Some(Value::Number(number)) => number.to_string(),
                _ => continue,
            };
            self.out.attribute(entity, key, &value);
        }
    }

    /// States the pairs of an object of texts; values that are secrets are left out and reported.
    pub fn pairs(&mut self, entity: Handle, key: &str, prefix: &str) {
        let Some(Value::Object(pairs)) = self.data.get(key).cloned() else { return };
        let mut dropped = 0;
        for (name, value) in &pairs {
            let Some(text) = value.as_str() else { continue };
            if secrets::is_secret(text) {
                dropped += 1;
            } else {
                self.out.attribute(entity, &format!("{prefix}{name}"), text);
            }
        }
        let place = self.place.clone();
        secrets::report(self.out, dropped, &place);
    }

    /// Puts down a credential.
    pub fn credential(&mut self, id: &str, entity: Handle, kind: CredentialKind, dates: [Option<i64>; 2]) {
        self.out.credentials.push(Credential {
            credential: id.to_owned(),
            entity,
            kind,
            created_at: dates[0],
            expires_at: dates[1],
            last_used_at: None,
            never_used: None,
            last_rotated_at: None,
            active: Some(true),
            source: self.out.source_id(),
            record: self.place.clone(),
        });
    }

    /// An empty statement of a holder, to be filled; it is not put down yet.
    #[must_use]
    pub fn grant(&self, holder: Handle, policy: &str, statement: &str) -> Grant {
        Grant {
            policy: policy.to_owned(),
            statement: statement.to_owned(),
            source: self.out.source_id(),
            record: self.place.clone(),
            ..Grant::blank(u32::try_from(self.out.grants.len()).unwrap_or(u32::MAX), holder)
        }
    }

    /// Reports that the answer cannot be used.
    pub fn skip(&mut self, code: &str, message: String) {
        let place = self.place.clone();
        self.out.skip(code, &place, message);
    }
}
