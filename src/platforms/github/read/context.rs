//! What readers of single records need to put rows into a builder.

use super::super::{NAME, names};
use crate::model::{
    Credential, CredentialKind, Entity, EntityKind, Grant, Handle, Membership, MembershipKind, Standing,
};
use crate::platforms::input::api;
use crate::{model::Builder, model::IssueSeverity};
use serde_json::Value;

/// One record on its way into a builder.
pub struct Context<'a> {
    pub out: &'a mut Builder,
    /// Place in the file.
    pub place: &'a str,
}

/// A right, before it is a row.
pub struct Right<'r> {
    pub holder: Handle,
    pub actions: Vec<String>,
    pub resource: String,
    pub condition: Option<&'r str>,
    /// Name of the role or permission, for people.
    pub policy: &'r str,
    /// What gave it.
    pub statement: &'r str,
}

impl Context<'_> {
    /// An organisation, or a person who owns repositories.
    pub fn org(&mut self, login: &str) -> Handle {
        let id = names::org(login);
        if let Some(known) = self.out.handle(&id) {
            return known;
        }
        let mut scope = Entity::named(&id, NAME, EntityKind::Scope, login);
        scope.present = true;
        self.out.define(scope)
    }

    /// Something of an organisation that this record defines.
    pub fn define(&mut self, id: &str, kind: EntityKind, name: &str, org: &str) -> Handle {
        self.define_as(Entity::named(id, NAME, kind, name), org)
    }

    /// The same with more known about it.
    pub fn define_as(&mut self, mut entity: Entity, org: &str) -> Handle {
        self.org(org);
        entity.scope = Some(names::org(org));
        entity.present = true;
        entity.source = Some(self.out.source_id());
        entity.record = Some(self.place.to_owned());
        self.out.define(entity)
    }

    /// Something of an organisation that this record only names.
    pub fn refer(&mut self, id: &str, kind: EntityKind, name: &str, org: &str) -> Handle {
        self.org(org);
        let known = self.out.handle(id);
        known.unwrap_or_else(|| {
            let mut entity = Entity::named(id, NAME, kind, name);
            entity.scope = Some(names::org(org));
            self.out.define(entity)
        })
    }

    /// An account that a record names: its kind is known from `type` where that is there.
    pub fn account(&mut self, account: &Value, org: &str) -> Option<Handle> {
        let login = account.get("login").and_then(Value::as_str).filter(|login| !login.is_empty())?;
        let mut entity = Entity::named(&names::of_org(org, "user", login), NAME, EntityKind::User, login);
        entity.unique_id = api::text(account, "id").map(std::borrow::Cow::into_owned);
        let bot = account.get("type").and_then(Value::as_str) == Some("Bot") || login.ends_with("[bot]");
        if let Some(agent) = super::apps::coding_agent(login) {
            entity.kind = EntityKind::Agent;
            entity.nhi = Some(true);
            entity.nhi_reason = Some(format!("coding agent ({agent})"));
        } else if bot {
            entity.nhi = Some(true);
            entity.nhi_reason = Some("account of a GitHub App (type Bot)".to_owned());
        }
        Some(self.define_as(entity, org))
    }

    /// One of the groups that every organisation has.
    pub fn group(&mut self, name: &str, org: &str) -> Handle {
        let id = names::of_org(org, "group", name);
        self.define(&id, EntityKind::Group, &format!("{org}: {name}"), org)
    }

    /// A team by its slug.
    pub fn team(&mut self, slug: &str, org: &str) -> Handle {
        self.refer(&names::of_org(org, "team", slug), EntityKind::Group, slug, org)
    }

    /// A repository by its name.
    pub fn repo(&mut self, owner: &str, name: &str) -> Handle {
        let handle = self.refer(&names::repo(owner, name), EntityKind::Resource, &format!("{owner}/{name}"), owner);
        let org = self.org(owner);
        self.contain(handle, org);
        handle
    }

    /// States that one is a member of the other.
    pub fn member(&mut self, member: Handle, group: Handle) {
        self.put(member, group, MembershipKind::MemberOf);
    }

    /// States that one is inside the other.
    pub fn contain(&mut self, member: Handle, container: Handle) {
        self.put(member, container, MembershipKind::Contains);
    }

    fn put(&mut self, member: Handle, container: Handle, kind: MembershipKind) {
        let (source, record) = (self.out.source_id(), self.place.to_owned());
        let (standing, expires_at) = (Standing::Active, None);
        self.out.memberships.push(Membership { member, container, kind, standing, expires_at, source, record });
    }

    /// A role on a repository or on all of an organisation.
    pub fn role(&mut self, holder: Handle, role: &str, resource: String, org: &str, statement: &str) {
        let role = names::role_name(role);
        let id = names::of_org(org, "role", role);
        self.refer(&id, EntityKind::RoleDefinition, role, org);
        let actions = vec![format!("{}{id}", names::ROLE)];
        self.right(Right { holder, actions, resource, condition: None, policy: role, statement });
    }

    /// Permissions on something.
    pub fn right(&mut self, right: Right<'_>) {
        if right.actions.is_empty() {
            return;
        }
        let grant = u32::try_from(self.out.grants.len()).unwrap_or(u32::MAX);
        self.out.grants.push(Grant {
            resources: vec![right.resource],
            condition: right.condition.map(|text| Value::String(text.to_owned()).to_string()),
            policy: right.policy.to_owned(),
            statement: right.statement.to_owned(),
            source: self.out.source_id(),
            record: self.place.to_owned(),
            ..blank(grant, right.holder, right.actions)
        });
    }

    /// A credential of which the record gives dates; its id is public.
    pub fn credential(&mut self, id: String, entity: Handle, kind: CredentialKind, dates: Dates) {
        let (source, record) = (self.out.source_id(), self.place.to_owned());
        let Dates { created_at, expires_at, last_used_at, never_used, active } = dates;
        self.out.credentials.push(Credential {
            credential: id,
            entity,
            kind,
            created_at,
            expires_at,
            last_used_at,
            never_used,
            last_rotated_at: None,
            active,
            source,
            record,
        });
    }

    /// A time of the record.
    pub fn time(&mut self, value: &Value, key: &str) -> Option<i64> {
        api::time(self.out, value, key, self.place)
    }

    /// Reports something about the record.
    pub fn warn(&mut self, code: &str, message: String) {
        self.out.issue(IssueSeverity::Warning, code, self.place, message);
    }

    /// States a text of the record as an attribute, when it is there.
    pub fn state(&mut self, entity: Handle, value: &Value, keys: &[&str]) {
        for key in keys {
            let found = match value.get(*key) {
                Some(Value::String(text)) if !text.is_empty() => text.clone(),
                Some(other @ (Value::Bool(_) | Value::Number(_))) => other.to_string(),
                _ => continue,
            };
            self.out.attribute(entity, key, &found);
        }
    }
}

/// What is known of a credential.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dates {
    pub created_at: Option<i64>,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
    pub never_used: Option<bool>,
    pub active: Option<bool>,
}

/// An allowing row with these actions and nothing else.
pub fn blank(grant: u32, holder: Handle, actions: Vec<String>) -> Grant {
    Grant { actions, ..Grant::blank(grant, holder) }
}
