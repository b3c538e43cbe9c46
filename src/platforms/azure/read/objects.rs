//! Puts records into a builder: what every record needs.

use rustc_hash::FxHashSet;
use serde_json::Value;

use super::super::NAME;
use super::names;
use super::value::{text, time, wrong_types};
use crate::model::{
    Builder, Credential, CredentialKind, Effect, Entity, EntityKind, Grant, Handle, IssueSeverity, Layer, Membership,
    MembershipKind, OwnerOrigin, OwnerStatus, Ownership, Standing,
};

/// Attribute of a tenant: an id that a record of the file says it has.
pub const TENANT_ID: &str = "tenant_id";
/// Attribute of what a directory export lists itself, and does not only name.
pub const LISTED: &str = "listed";
/// Condition of rights that must be activated first.
pub const ELIGIBLE: &str = "eligible: must be activated first";

/// One right in the making; what is not said is empty.
pub struct Right<'r> {
    pub holder: Handle,
    pub actions: Vec<String>,
    pub not_actions: Vec<String>,
    pub resources: Vec<String>,
    pub not_principals: Vec<String>,
    pub denies: bool,
    /// What it hangs on, in words.
    pub condition: Option<String>,
    pub policy: &'r str,
    /// Id of the assignment.
    pub statement: &'r str,
    pub granted_at: Option<i64>,
    pub expires_at: Option<i64>,
}

impl Right<'_> {
    /// A right without anything in it.
    #[must_use]
    pub const fn of(holder: Handle) -> Self {
        Self {
            holder,
            actions: Vec::new(),
            not_actions: Vec::new(),
            resources: Vec::new(),
            not_principals: Vec::new(),
            denies: false,
            condition: None,
            policy: "",
            statement: "",
            granted_at: None,
            expires_at: None,
        }
    }
}

/// Puts records into a builder.
pub struct Objects<'b> {
    pub out: &'b mut Builder,
    /// Whether a flag that a record lacks is false: AzureHound leaves those out.
    pub absent_is_false: bool,
    /// Values of secrets that were passed over, and where the first was.
    secrets: (u64, String),
    /// What has been put into what contains it.
    placed: FxHashSet<String>,
    /// Ids of tenants that records told.
    tenants: FxHashSet<String>,
}

impl<'b> Objects<'b> {
    /// Records of a tenant whose id other records or files may know.
    pub fn new(out: &'b mut Builder, absent_is_false: bool) -> Self {
        Self {
            out,
            absent_is_false,
            secrets: (0, String::new()),
            placed: FxHashSet::default(),
            tenants: FxHashSet::default(),
        }
    }

    /// The tenant.
    pub fn tenant(&mut self) -> Handle {
        if let Some(known) = self.out.handle(names::UNNAMED) {
            return known;
        }
        let mut tenant = Entity::named(names::UNNAMED, NAME, EntityKind::Scope, "tenant");
        tenant.present = true;
        self.out.define(tenant)
    }

    /// Notes which tenant the file is of. `sure`: the record is about the tenant and not only from it.
    pub fn of_tenant(&mut self, id: Option<&str>, sure: bool) {
        let Some(id) = id.filter(|id| names::is_guid(id)) else { return };
        let told = format!("{} {}", if sure { "0" } else { "1" }, id.to_lowercase());
        if self.tenants.insert(told.clone()) {
            let tenant = self.tenant();
            self.out.attribute(tenant, TENANT_ID, &told);
        }
    }

    /// Reports fields of another type than they must be; the rest of the record is read.
    pub fn check(&mut self, record: &Value, place: &str) {
        for wrong in wrong_types(record) {
            self.out.issue(IssueSeverity::Warning, "field_invalid", place, format!("{wrong}: it is left out"));
        }
    }

    /// Counts values of secrets that were passed over.
    pub fn secret(&mut self, count: u64, place: &str) {
        if count > 0 && self.secrets.0 == 0 {
            place.clone_into(&mut self.secrets.1);
        }
        self.secrets.0 += count;
    }

    /// Reports what was passed over on purpose.
    pub fn finish(&mut self) {
        let (count, place) = std::mem::take(&mut self.secrets);
        if count > 0 {
            let message =
                format!("{count} values of secrets are in this file: they were not read; take care who can read it");
            self.out.issue(IssueSeverity::Warning, "secret_dropped", &place, message);
        }
    }

    /// An entity of the tenant, with nothing known but its identity.
    pub fn entity(&mut self, id: &str, kind: EntityKind, name: &str) -> Entity {
        self.tenant();
        let mut entity = Entity::named(id, NAME, kind, name);
        entity.scope = Some(names::UNNAMED.to_owned());
        entity
    }

    /// Adds facts to an entity that a record defines.
    pub fn defined(&mut self, mut entity: Entity, place: &str) -> Handle {
        entity.present = true;
        entity.source = Some(self.out.source_id());
        entity.record = Some(place.to_owned());
        let handle = self.out.define(entity);
        self.out.attribute(handle, LISTED, "true");
        self.out.source.records += 1;
        handle
    }

    /// An entity that a record only names.
    pub fn refer(&mut self, id: &str, kind: EntityKind, name: &str) -> Handle {
        if let Some(known) = self.out.handle(id) {
            return known;
        }
        let entity = self.entity(id, kind, name);
        self.out.define(entity)
    }

    /// An object of the directory of which a record gives the id and perhaps its type and name.
    pub fn object(&mut self, id: &str, odata_type: &str, name: Option<&str>) -> Handle {
        let own = names::object(id);
        let kind = match odata_type.trim_start_matches('#').rsplit('.').next().unwrap_or_default() {
            kind if kind.eq_ignore_ascii_case("user") => EntityKind::User,
            kind if kind.eq_ignore_ascii_case("group") => EntityKind::Group,
            kind if kind.eq_ignore_ascii_case("servicePrincipal") => EntityKind::ServiceAccount,
            _ => EntityKind::External,
        };
        let shown = name.map_or_else(|| id.to_lowercase(), str::to_owned);
        let mut entity = self.entity(&own, kind, &shown);
        // What has a type and a name is there: what was deleted has only its id left.
        entity.present = kind != EntityKind::External && name.is_some();
        self.out.define(entity)
    }

    /// Something of the resource manager, inside of what its id says. `None` for the root, and for what is no id.
    pub fn resource(&mut self, id: &str, place: &str) -> Option<Handle> {
        let id = names::arm(id).filter(|id| !id.is_empty())?;
        let name = names::last(&id).to_owned();
        let kind = if names::is_scope(&id) { EntityKind::Scope } else { EntityKind::Resource };
        let mut entity = self.entity(&id, kind, &name);
        // A scope exists when anything is in it or assigned on it.
        entity.present = kind == EntityKind::Scope;
        let handle = self.out.define(entity);
        if self.placed.insert(id.clone()) {
            let kind = names::arm_type(&id);
            self.out.attribute(handle, "type", &kind);
            if let Some(parent) = names::parent(&id) {
                let parent = parent.to_owned();
                if let Some(parent) = self.resource(&parent, place) {
                    self.membership(handle, parent, MembershipKind::Contains, place);
                }
            }
        }
        Some(handle)
    }

    /// What a scope of an assignment is called in a right's resources: the root is everything.
    pub fn place_of(&mut self, scope: &str, place: &str) -> Option<String> {
        let id = names::arm(scope)?;
        if id.is_empty() {
            return Some("*".to_owned());
        }
        self.resource(&id, place);
        Some(id)
    }

    /// Puts one entity into another.
    pub fn membership(&mut self, member: Handle, container: Handle, kind: MembershipKind, place: &str) {
        self.out.memberships.push(Membership {
            member,
            container,
            kind,
            standing: Standing::Active,
            expires_at: None,
            source: self.out.source_id(),
            record: place.to_owned(),
        });
    }

    /// Adds a right.
    pub fn grant(&mut self, right: Right<'_>, place: &str) {
        let grant = u32::try_from(self.out.grants.len()).unwrap_or(u32::MAX);
        self.out.grants.push(Grant {
            grant,
            holder: right.holder,
            effect: if right.denies { Effect::Deny } else { Effect::Allow },
            actions: right.actions,
            not_actions: right.not_actions,
            resources: right.resources,
            not_resources: Vec::new(),
            principals: Vec::new(),
            not_principals: right.not_principals,
            condition: right.condition.map(|words| Value::String(words).to_string()),
            variables: false,
            layer: if right.denies { Layer::DenyPolicy } else { Layer::Identity },
            policy: right.policy.to_owned(),
            statement: right.statement.to_owned(),
            granted_at: right.granted_at,
            expires_at: right.expires_at,
            source: self.out.source_id(),
            record: place.to_owned(),
        });
    }

    /// States who owns something, as the directory does.
    pub fn owned(&mut self, entity: Handle, owner: &Value, place: &str) -> Option<Handle> {
        let id = text(owner, "id")?;
        let name = text(owner, "userPrincipalName").or_else(|| text(owner, "displayName"));
        let handle = self.object(id, text(owner, "@odata.type").unwrap_or_default(), name);
        self.membership(handle, entity, MembershipKind::Owns, place);
        self.out.owners.push(Ownership {
            entity,
            owner: text(owner, "userPrincipalName").or_else(|| text(owner, "mail")).unwrap_or(id).to_owned(),
            person: None,
            group: None,
            origin: OwnerOrigin::OwnerField,
            status: OwnerStatus::Unknown,
            confidence: 0.9,
            evidence: "owner in the directory".to_owned(),
            source: self.out.source_id(),
            record: place.to_owned(),
        });
        Some(handle)
    }

    /// Adds the passwords and keys of an application or service principal: dates, and never what they are.
    pub fn credentials(&mut self, of: Handle, record: &Value, place: &str) {
        for (key, kind, secret) in [
            ("passwordCredentials", CredentialKind::ClientSecret, "secretText"),
            ("keyCredentials", CredentialKind::Certificate, "key"),
        ] {
            for (at, one) in super::value::list(record, key).iter().enumerate() {
                // The key of a certificate is public, unless it holds the private one.
                let holds = kind == CredentialKind::ClientSecret && text(one, secret).is_some();
                self.secret(u64::from(holds), &format!("{place}/{key}/{at}"));
                let slot = text(one, "keyId").map_or_else(|| format!("{key}/{at}"), str::to_lowercase);
                let credential = format!("{}#{slot}", self.out.entity(of).id);
                self.out.credentials.push(Credential {
                    credential,
                    entity: of,
                    kind,
                    created_at: time(one, "startDateTime"),
                    expires_at: time(one, "endDateTime"),
                    last_used_at: None,
                    never_used: None,
                    last_rotated_at: None,
                    active: None,
                    source: self.out.source_id(),
                    record: format!("{place}/{key}/{at}"),
                });
            }
        }
    }
}
