//! Objects one by one: what every object has, and which module takes the rest.

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::super::{NAME, names};
use super::kind::Kind;
use super::value::{flag, list, text, time};
use super::{access, certificates, containers, hosts, principals, templates};
use crate::model::{
    Builder, Effect, Entity, EntityKind, Grant, Handle, IssueSeverity, Layer, Membership, MembershipKind, Standing,
};

/// Attribute of an object of which a file has several records.
pub const REPEATED: &str = "recorded_more_than_once";

/// One object as its file has it.
pub struct Record<'v> {
    pub value: &'v Value,
    pub properties: &'v Value,
    pub kind: Kind,
    /// Identifier in upper case, without the platform before it.
    pub identifier: String,
    /// Name of the domain; empty when the record does not say it.
    pub domain: &'v str,
    /// Place in the source.
    pub place: &'v str,
}

/// What one grant says besides what all have in common.
pub struct Right<'r> {
    pub holder: Handle,
    pub actions: Vec<String>,
    /// Ids of entities, each meant alone unless they say otherwise.
    pub resources: Vec<String>,
    /// Name of the right for people.
    pub name: &'r str,
    pub statement: String,
    pub condition: Option<&'r str>,
    pub place: String,
}

/// Puts objects into a builder.
pub struct Objects<'b> {
    pub out: &'b mut Builder,
    /// Sessions that were passed over.
    pub sessions: u64,
    seen: FxHashMap<Handle, String>,
    secrets: usize,
    first_secret: String,
    /// Names of rights that nobody knows, with how often and where first.
    strange: FxHashMap<String, (u64, String)>,
    deleted: u64,
    grouped: FxHashSet<Handle>,
}

impl<'b> Objects<'b> {
    /// Nothing yet.
    pub fn new(out: &'b mut Builder) -> Self {
        Self {
            out,
            sessions: 0,
            seen: FxHashMap::default(),
            secrets: 0,
            first_secret: String::new(),
            strange: FxHashMap::default(),
            deleted: 0,
            grouped: FxHashSet::default(),
        }
    }

    /// Reads one object.
    pub fn object(&mut self, value: &Value, kind: Kind, place: &str) {
        let Some(identifier) = text(value, "ObjectIdentifier") else {
            let message = format!("a {} has no `ObjectIdentifier`", kind.word());
            return self.out.skip("id_missing", place, message);
        };
        if flag(value, "IsDeleted") == Some(true) {
            self.deleted += 1;
            return;
        }
        let properties = value.get("Properties").unwrap_or(&Value::Null);
        if !properties.is_object() {
            let message = format!("the {} `{identifier}` has no properties: only its relations are read", kind.word());
            self.out.issue(IssueSeverity::Warning, "properties_missing", place, message);
        }
        let domain = text(properties, "domain").unwrap_or_default();
        let identifier = names::qualified(identifier, domain).to_uppercase();
        let record = Record { value, properties, kind, identifier, domain, place };
        let handle = self.define(&record);
        self.contained(&record, handle);
        access::entries(self, &record, handle);
        match kind {
            Kind::User | Kind::Group | Kind::Computer => principals::read(self, &record, handle),
            Kind::Domain | Kind::OrganizationalUnit | Kind::Container => containers::read(self, &record, handle),
            Kind::Template => templates::read(self, &record, handle),
            Kind::EnterpriseAuthority | Kind::RootAuthority | Kind::AuthenticationStore | Kind::IssuancePolicy => {
                certificates::read(self, &record, handle);
            }
            Kind::Policy | Kind::IntermediateAuthority => {}
        }
        if kind == Kind::Computer {
            hosts::read(self, &record, handle);
        }
        self.out.source.records += 1;
    }

    /// Reports what was passed over on purpose, and what is odd.
    pub fn finish(&mut self) {
        crate::platforms::input::secrets::report(self.out, self.secrets, &self.first_secret);
        if self.sessions > 0 {
            let message = format!(
                "{} logon sessions are kept as they were observed and lead nowhere: a session is no entitlement",
                self.sessions
            );
            self.out.issue(IssueSeverity::Note, "sessions_off", "", message);
        }
        if self.deleted > 0 {
            let message = format!("{} objects are deleted: they are left out", self.deleted);
            self.out.issue(IssueSeverity::Note, "object_deleted", "", message);
        }
        let mut strange: Vec<_> = self.strange.drain().collect();
        strange.sort();
        for (name, (count, place)) in strange {
            let message = format!("the right `{name}` is not known ({count} times): it is kept and gives only itself");
            self.out.issue(IssueSeverity::Warning, "right_unknown", &place, message);
        }
    }

    /// Notes that a secret value stands in a field, which is not read.
    pub fn secret(&mut self, place: String) {
        if self.secrets == 0 {
            self.first_secret = place;
        }
        self.secrets += 1;
    }

    /// Notes a right that is not known.
    pub fn strange(&mut self, name: &str, place: &str) {
        self.strange.entry(name.to_owned()).or_insert_with(|| (0, place.to_owned())).0 += 1;
    }

    /// The domain that an object lives in, which exists when something is in it; `None` when nothing says which.
    fn scope(&mut self, record: &Record<'_>) -> Option<String> {
        let stated = text(record.properties, "domainsid").or_else(|| text(record.value, "DomainSID"));
        let domain = stated.or_else(|| names::issued(&record.identifier).map(|(domain, _)| domain));
        let domain = domain.filter(|domain| names::is_domain(domain))?;
        let id = names::id(domain);
        if self.out.handle(&id).is_none_or(|handle| self.grouped.insert(handle)) {
            let name = if record.domain.is_empty() { domain } else { record.domain };
            let mut scope = Entity::named(&id, NAME, EntityKind::Scope, name);
            scope.present = true;
            scope.unique_id = Some(domain.to_owned());
            let handle = self.out.define(scope);
            self.grouped.insert(handle);
        }
        Some(id)
    }

    fn define(&mut self, record: &Record<'_>) -> Handle {
        let (properties, kind) = (record.properties, record.kind);
        let name = text(properties, "name").unwrap_or(&record.identifier);
        let mut entity = Entity::named(&names::id(&record.identifier), NAME, kind.entity(), name);
        entity.present = true;
        if kind != Kind::Domain {
            entity.scope = self.scope(record);
        }
        entity.unique_id = Some(record.identifier.clone());
        entity.enabled = flag(properties, "enabled");
        entity.created_at = time(properties, "whencreated");
        if let Some(reason) = names::tier_zero(&record.identifier) {
            (entity.protected, entity.protected_reason) = (true, Some(reason.to_owned()));
        }
        entity.source = Some(self.out.source_id());
        entity.record = Some(record.place.to_owned());
        let handle = self.out.define(entity);
        self.again(record, handle, name);
        self.out.attribute(handle, "kind", kind.word());
        for (key, stated) in [("distinguished_name", "distinguishedname"), ("account", "samaccountname")] {
            if let Some(value) = text(properties, stated) {
                self.out.attribute(handle, key, value);
            }
        }
        let closed = flag(record.value, "IsACLProtected").or_else(|| flag(properties, "isaclprotected"));
        if let Some(closed) = closed {
            self.out.attribute(handle, "acl_protected", if closed { "true" } else { "false" });
        }
        if names::has_implied_members(&record.identifier) {
            self.out.attribute(handle, "implicit_members", "scope");
        }
        handle
    }

    /// Notes when a file has a second record of an object. Collectors write the well-known groups once more, empty, for
    /// each domain; two names for one object are a contradiction.
    fn again(&mut self, record: &Record<'_>, handle: Handle, name: &str) {
        let Some(first) = self.seen.get(&handle) else {
            self.seen.insert(handle, name.to_owned());
            return;
        };
        if first != name {
            let message = format!(
                "`{}` is `{first}` and here `{name}`: both records are taken for one object, by its first name",
                record.identifier
            );
            self.out.issue(IssueSeverity::Warning, "duplicate_object", record.place, message);
        } else if flag(record.properties, "reconcile") != Some(true) {
            let message = format!("`{name}` is in this file before: what both records say counts once");
            self.out.issue(IssueSeverity::Note, "duplicate_object", record.place, message);
        }
        self.out.attribute(handle, REPEATED, "true");
    }

    /// What the object is inside of: version 6 says it at the object, version 5 at the container.
    fn contained(&mut self, record: &Record<'_>, handle: Handle) {
        if let Some(container) = record.value.get("ContainedBy").filter(|container| container.is_object())
            && let Some(container) = self.referred(record, container)
        {
            self.inside(handle, container, record.place);
        }
        for child in list(record.value, "ChildObjects") {
            if let Some(child) = self.referred(record, child) {
                self.inside(child, handle, record.place);
            }
        }
    }

    fn inside(&mut self, member: Handle, container: Handle, place: &str) {
        if member != container {
            self.member(member, container, MembershipKind::Contains, place);
        }
    }

    /// Puts one entity into another.
    pub fn member(&mut self, member: Handle, container: Handle, kind: MembershipKind, place: &str) {
        let source = self.out.source_id();
        let record = place.to_owned();
        let standing = Standing::Active;
        self.out.memberships.push(Membership { member, container, kind, standing, expires_at: None, source, record });
    }

    /// The entity that a reference (`ObjectIdentifier`, `ObjectType`) names.
    pub fn referred(&mut self, record: &Record<'_>, reference: &Value) -> Option<Handle> {
        let kind = text(reference, "ObjectType").map_or(EntityKind::External, Kind::referred);
        let identifier = reference.as_str().or_else(|| text(reference, "ObjectIdentifier"))?;
        Some(self.named(record, identifier, kind))
    }

    /// The entity of an identifier that a record of some domain names.
    pub fn named(&mut self, record: &Record<'_>, identifier: &str, kind: EntityKind) -> Handle {
        let identifier = names::qualified(identifier, record.domain).to_uppercase();
        self.out.refer(&names::id(&identifier), NAME, kind, &identifier)
    }

    /// States that someone holds a right.
    pub fn right(&mut self, right: Right<'_>) {
        let grant = Grant {
            grant: u32::try_from(self.out.grants.len()).unwrap_or(u32::MAX),
            holder: right.holder,
            effect: Effect::Allow,
            actions: right.actions,
            not_actions: Vec::new(),
            resources: right.resources,
            not_resources: Vec::new(),
            principals: Vec::new(),
            not_principals: Vec::new(),
            condition: right.condition.map(|text| Value::String(text.to_owned()).to_string()),
            variables: false,
            layer: Layer::Identity,
            policy: right.name.to_owned(),
            statement: right.statement,
            granted_at: None,
            expires_at: None,
            source: self.out.source_id(),
            record: right.place,
        };
        self.out.grants.push(grant);
    }

    /// States that someone holds one action on one entity by something else than an access list.
    pub fn hold(&mut self, holder: Handle, action: &str, on: &str, condition: Option<&str>, place: &str) {
        self.right(Right {
            holder,
            actions: vec![action.to_owned()],
            resources: vec![format!("={on}")],
            name: action.rsplit(':').next().unwrap_or(action),
            statement: format!("{action} on {on}"),
            condition,
            place: place.to_owned(),
        });
    }
}
