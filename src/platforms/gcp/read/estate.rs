//! What records say, put into a builder: who is where, who is in what, who holds what on what.

use rustc_hash::FxHashSet;
use serde_json::Value;

use super::super::NAME;
use super::super::names::{self, Level, Member, Place};
use crate::model::{
    Builder, Effect, Entity, EntityKind, Grant, Handle, IssueSeverity, Layer, Membership, MembershipKind, Standing,
};

/// Attribute with a project's number.
pub const NUMBER: &str = "project_number";
/// Attribute with the name under which other files know an entity.
pub const ALSO: &str = "also_known_as";
/// Attribute with when a policy was written, in milliseconds since 1970.
pub const POLICY_TIME: &str = "policy_updated_at";

/// Puts records into a builder.
pub struct Estate<'b> {
    pub out: &'b mut Builder,
    inside: FxHashSet<(Handle, Handle)>,
    met: FxHashSet<Handle>,
}

/// A grant as a record states it.
pub struct Right<'r> {
    pub holder: Handle,
    pub effect: Effect,
    pub actions: Vec<String>,
    pub not_actions: Vec<String>,
    pub resource: &'r str,
    pub not_principals: Vec<String>,
    /// Canonical JSON: see [`super::policy`].
    pub condition: Option<String>,
    pub policy: &'r str,
    pub statement: String,
    pub expires_at: Option<i64>,
    pub place: &'r str,
}

impl<'b> Estate<'b> {
    /// Nothing is known yet.
    pub fn new(out: &'b mut Builder) -> Self {
        Self { out, inside: FxHashSet::default(), met: FxHashSet::default() }
    }

    /// An organisation, folder or project: it exists when something names it.
    pub fn scope(&mut self, place: &Place) -> Handle {
        let handle = self.refer(place);
        if self.met.insert(handle) {
            let mut known = Entity::named(&place.id(), NAME, EntityKind::Scope, &place.name);
            known.present = true;
            self.out.define(known);
            self.out.attribute(handle, "kind", place.level.as_str());
        }
        handle
    }

    /// The same where the export need not have it.
    pub fn refer(&mut self, place: &Place) -> Handle {
        self.out.refer(&place.id(), NAME, EntityKind::Scope, &place.name)
    }

    /// Says what more is known of an entity; `fill` sees what is known so far.
    pub fn describe(&mut self, handle: Handle, place: &str, fill: impl FnOnce(&mut Entity)) {
        let mut entity = self.out.entity(handle).clone();
        fill(&mut entity);
        if entity.source.is_none() {
            entity.source = Some(self.out.source_id());
            entity.record = Some(place.to_owned());
        }
        self.out.replace(handle, entity);
    }

    /// Puts one thing into another, once.
    pub fn put(&mut self, inner: Handle, outer: Handle, place: &str) {
        if inner != outer && self.inside.insert((inner, outer)) {
            self.relate(inner, outer, MembershipKind::Contains, None, place);
        }
    }

    /// A membership row.
    pub fn relate(&mut self, member: Handle, container: Handle, kind: MembershipKind, end: Option<i64>, place: &str) {
        self.out.memberships.push(Membership {
            member,
            container,
            kind,
            standing: Standing::Active,
            expires_at: end,
            source: self.out.source_id(),
            record: place.to_owned(),
        });
    }

    /// Puts something into the first of some places, that into the next, and so on.
    pub fn chain(&mut self, inner: Option<Handle>, places: &[Place], record: &str) {
        let mut inner = inner;
        for place in places {
            let outer = self.scope(place);
            if let Some(inner) = inner {
                self.put(inner, outer, record);
            }
            inner = Some(outer);
        }
    }

    /// Learns that a project's number and its id are the same project's.
    pub fn same_project(&mut self, id: &str, number: &str) {
        if names::is_number(number) && !names::is_number(id) {
            let project = self.scope(&Place { level: Level::Project, name: id.to_owned() });
            self.out.attribute(project, NUMBER, number);
        }
    }

    /// A service account, user, group or other member by what it is called.
    pub fn member(&mut self, member: &Member) -> Handle {
        let handle = self.out.refer(&member.id, NAME, member.kind, &member.name);
        if !self.met.insert(handle) {
            return handle;
        }
        let mut known = Entity::named(&member.id, NAME, member.kind, &member.name);
        known.present = member.deleted.is_none();
        known.unique_id = member.deleted.clone().filter(|id| !id.is_empty());
        self.out.define(known);
        if member.deleted.is_some() {
            self.out.attribute(handle, "deleted", "true");
        } else if matches!(member.id.as_str(), names::ALL_USERS | names::ALL_AUTHENTICATED) {
            self.out.attribute(handle, "implicit_members", "all");
        } else if member.kind == EntityKind::ServiceAccount {
            self.settle(handle, &member.name);
        } else if let Some(project) = names::pool(&member.id).and_then(|pool| pool.pool.split('/').nth(1)).filter(|one| names::is_number(one)) {
            let project = self.refer(&Place { level: Level::Project, name: project.to_owned() });
            self.put(handle, project, "");
        }
        handle
    }

    /// Says of a service account where it lives and whose it is.
    fn settle(&mut self, account: Handle, email: &str) {
        if let Some(agent) = names::agent(email) {
            self.out.attribute(account, "service_agent", &agent.service);
            self.out.attribute(account, "service_linked", "true");
            // These two act for whoever starts a deployment or a build in the project.
            if let (true, Some(number)) = (matches!(agent.service.as_str(), "cloudservices" | "cloudbuild"), agent.number) {
                let project = self.refer(&Place { level: Level::Project, name: number });
                self.put(account, project, "");
            }
            return;
        }
        if let Some(service) = names::default_account(email) {
            self.out.attribute(account, "default_service_account", service);
        }
        if let Some(home) = names::home(email) {
            let project = self.refer(&Place { level: Level::Project, name: home });
            self.put(account, project, "");
        }
    }

    /// A member by its text in a policy; what is none is reported.
    pub fn who(&mut self, text: &str, place: &str) -> Option<Handle> {
        let Some(member) = names::member(text) else {
            self.out.skip("member_invalid", place, format!("`{text}` is no member of a binding that is known"));
            return None;
        };
        Some(self.member(&member))
    }

    /// What API keys of a project give: its interfaces that ask for nothing else.
    pub fn api_keys(&mut self, project: &Place) -> Handle {
        let id = names::api_keys(&project.name);
        let handle = self.resource(&id, "", EntityKind::Resource, "");
        if self.inside.insert((handle, handle)) {
            self.describe(handle, "", |entity| entity.name = format!("API keys of {}", project.name));
            self.out.attribute(handle, "kind", "api-keys");
            let project = self.scope(project);
            self.put(handle, project, "");
        }
        handle
    }

    /// A service account by e-mail address.
    pub fn account(&mut self, email: &str) -> Handle {
        self.member(&names::account(email))
    }

    /// A role by its name, which the export need not define.
    pub fn role(&mut self, name: &str) -> Handle {
        self.out.refer(name, NAME, EntityKind::RoleDefinition, name)
    }

    /// A resource that is no scope, account or role.
    pub fn resource(&mut self, id: &str, asset_type: &str, kind: EntityKind, record: &str) -> Handle {
        let name = id.rsplit('/').next().unwrap_or(id).to_owned();
        let handle = self.out.refer(id, NAME, kind, &name);
        if self.met.insert(handle) {
            let mut known = Entity::named(id, NAME, kind, &name);
            known.present = true;
            known.source = Some(self.out.source_id());
            known.record = Some(record.to_owned());
            self.out.define(known);
        }
        if !asset_type.is_empty() {
            self.out.attribute(handle, "asset_type", asset_type);
        }
        handle
    }

    /// Adds a statement.
    pub fn grant(&mut self, right: Right<'_>) {
        let layer = if right.effect == Effect::Deny { Layer::DenyPolicy } else { Layer::Identity };
        self.out.grants.push(Grant {
            grant: u32::try_from(self.out.grants.len()).unwrap_or(u32::MAX),
            holder: right.holder,
            effect: right.effect,
            actions: right.actions,
            not_actions: right.not_actions,
            resources: vec![right.resource.to_owned()],
            not_resources: Vec::new(),
            principals: Vec::new(),
            not_principals: right.not_principals,
            condition: right.condition,
            variables: false,
            layer,
            policy: right.policy.to_owned(),
            statement: right.statement,
            granted_at: None,
            expires_at: right.expires_at,
            source: self.out.source_id(),
            record: right.place.to_owned(),
        });
    }

    /// Reports a field of the wrong type.
    pub fn wrong(&mut self, place: &str, what: &str, value: &Value) {
        let found = match value {
            Value::Null => "nothing",
            Value::Bool(_) => "a yes or no",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.out.skip("record_invalid", place, format!("{found} stands where {what} is expected"));
    }

    /// Worth knowing, nothing missing.
    pub fn note(&mut self, code: &str, place: &str, message: String) {
        self.out.issue(IssueSeverity::Note, code, place, message);
    }

    /// Something is missing.
    pub fn warn(&mut self, code: &str, place: &str, message: String) {
        self.out.issue(IssueSeverity::Warning, code, place, message);
    }
}
