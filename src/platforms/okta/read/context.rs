//! What readers of single records need to put rows into a builder.

use serde_json::Value;

use super::super::{NAME, names};
use crate::model::{
    Builder, Credential, CredentialKind, Entity, EntityKind, Grant, Handle, IssueSeverity, Membership, MembershipKind,
    Standing,
};
use crate::platforms::input::api;

/// One record on its way into a builder. Everything is of the organisation without name until all files are read.
pub struct Context<'a> {
    pub out: &'a mut Builder,
    /// Place in the file.
    pub place: &'a str,
}

/// A right, before it is a row.
pub struct Right<'r> {
    pub holder: Handle,
    pub actions: Vec<String>,
    pub resources: Vec<String>,
    pub condition: Option<&'r str>,
    /// Name of the role or permission, for people.
    pub policy: &'r str,
    /// Id of the assignment.
    pub statement: &'r str,
}

/// Id of the organisation while a file is read.
pub fn unnamed() -> String {
    names::org(names::UNNAMED)
}

/// Id of an object while a file is read.
pub fn id(kind: &str, own: &str) -> String {
    names::object(&unnamed(), kind, own)
}

impl Context<'_> {
    /// The organisation.
    pub fn org(&mut self) -> Handle {
        let id = unnamed();
        if let Some(known) = self.out.handle(&id) {
            return known;
        }
        let mut scope = Entity::named(&id, NAME, EntityKind::Scope, names::UNNAMED);
        scope.present = true;
        self.out.define(scope)
    }

    /// An entity that this record defines.
    pub fn define(&mut self, kind: &str, own: &str, entity_kind: EntityKind, name: &str) -> Entity {
        self.org();
        let mut entity = Entity::named(&id(kind, own), NAME, entity_kind, name);
        entity.scope = Some(unnamed());
        entity.unique_id = Some(own.to_owned());
        entity.present = true;
        entity.source = Some(self.out.source_id());
        entity.record = Some(self.place.to_owned());
        entity
    }

    /// Something that this record only names.
    pub fn refer(&mut self, kind: &str, own: &str, entity_kind: EntityKind) -> Handle {
        self.org();
        let id = id(kind, own);
        self.out.handle(&id).unwrap_or_else(|| {
            let mut entity = Entity::named(&id, NAME, entity_kind, own);
            entity.scope = Some(unnamed());
            entity.unique_id = Some(own.to_owned());
            self.out.define(entity)
        })
    }

    /// States that one is in the other.
    pub fn put(&mut self, member: Handle, container: Handle, kind: MembershipKind) {
        let (source, record) = (self.out.source_id(), self.place.to_owned());
        let (standing, expires_at) = (Standing::Active, None);
        self.out.memberships.push(Membership { member, container, kind, standing, expires_at, source, record });
    }

    /// All users, groups or apps of the organisation as one thing, for rights that are on all of them.
    pub fn collection(&mut self, kind: &str, member: Handle) {
        let all = self.define("collection", kind, EntityKind::Resource, &format!("all {kind}"));
        let all = self.out.define(Entity { unique_id: None, ..all });
        self.put(member, all, MembershipKind::Contains);
    }

    /// Permissions on something.
    pub fn right(&mut self, right: Right<'_>) {
        let grant = u32::try_from(self.out.grants.len()).unwrap_or(u32::MAX);
        self.out.grants.push(Grant {
            resources: right.resources,
            condition: right.condition.map(|text| Value::String(text.to_owned()).to_string()),
            policy: right.policy.to_owned(),
            statement: right.statement.to_owned(),
            source: self.out.source_id(),
            record: self.place.to_owned(),
            ..blank(grant, right.holder, right.actions)
        });
    }

    /// A credential of which the record gives dates.
    pub fn credential(&mut self, id: String, entity: Handle, kind: CredentialKind) -> &mut Credential {
        let at = self.out.credentials.len();
        self.out.credentials.push(Credential {
            credential: id,
            entity,
            kind,
            created_at: None,
            expires_at: None,
            last_used_at: None,
            never_used: None,
            last_rotated_at: None,
            active: None,
            source: self.out.source_id(),
            record: self.place.to_owned(),
        });
        &mut self.out.credentials[at]
    }

    /// A time of the record.
    pub fn time(&mut self, value: &Value, key: &str) -> Option<i64> {
        api::time(self.out, value, key, self.place)
    }

    /// The id of the record; without one it is left out and reported.
    pub fn own_id(&mut self, value: &Value, what: &str) -> Option<String> {
        let found = api::text(value, "id").map(std::borrow::Cow::into_owned);
        if found.is_none() {
            self.out.skip("id_missing", self.place, format!("{what} without an `id`"));
        }
        found
    }

    /// Reports something about the record.
    pub fn warn(&mut self, code: &str, message: String) {
        self.out.issue(IssueSeverity::Warning, code, self.place, message);
    }

    /// Reports a secret value that stands in the record. It is not read.
    pub fn dropped(&mut self, what: &str) {
        let message = format!("{what} stands in the export: it was not read; the export itself is sensitive");
        self.warn("secret_dropped", message);
    }
}

/// An allowing row with these actions and nothing else.
pub fn blank(grant: u32, holder: Handle, actions: Vec<String>) -> Grant {
    Grant { actions, ..Grant::blank(grant, holder) }
}
