//! Roles of the resource manager: definitions, assignments, deny assignments, and what must be activated first.

use serde_json::Value;

use super::super::condition::{Limits, limits};
use super::super::{NAME, catalog};
use super::names;
use super::objects::{ELIGIBLE, Objects, Right};
use super::value::{at, flag, list, properties, text, texts, time};
use crate::model::{Entity, EntityKind, Handle};

/// Attribute of a principal that only assignments name: what they say it is.
pub const PRINCIPAL_TYPE: &str = "principal_type";

/// Lists of a permission with the plane that each is of.
fn lists(permission: &Value, control: &str, data: &str) -> Vec<String> {
    let data = texts(permission, data).map(|action| format!("{}{}", catalog::DATA, action.trim()));
    texts(permission, control).map(|action| action.trim().to_owned()).chain(data).collect()
}

impl Objects<'_> {
    /// Reads a definition, as `az` or as REST answers write it.
    pub fn role_definition(&mut self, record: &Value, place: &str) {
        let inner = properties(record);
        let Some(id) = text(record, "name").filter(|name| names::is_guid(name)).or_else(|| text(record, "id")) else {
            return self.nameless("role definition", place);
        };
        let name = text(inner, "roleName").unwrap_or(id);
        let own = names::role(id);
        let mut entity = Entity::named(&own, NAME, EntityKind::RoleDefinition, name);
        entity.present = true;
        entity.source = Some(self.out.source_id());
        entity.record = Some(place.to_owned());
        let kind = text(inner, "roleType").or_else(|| text(inner, "type")).unwrap_or_default();
        let custom = kind.eq_ignore_ascii_case("CustomRole");
        if custom {
            self.tenant();
            entity.scope = Some(names::UNNAMED.to_owned());
        }
        self.out.source.records += 1;
        let role = self.out.define(entity);
        self.out.attribute(role, "custom", &custom.to_string());
        for (at, permission) in list(inner, "permissions").iter().enumerate() {
            let right = Right {
                actions: lists(permission, "actions", "dataActions"),
                not_actions: lists(permission, "notActions", "notDataActions"),
                condition: text(permission, "condition").map(str::to_owned),
                policy: name,
                statement: &format!("#{at}"),
                ..Right::of(role)
            };
            self.grant(right, &format!("{place}/permissions/{at}"));
        }
    }

    /// Reads an assignment, an instance of one, or what makes one eligible.
    pub fn role_assignment(&mut self, record: &Value, eligible: bool, place: &str) {
        let inner = properties(record);
        let (Some(role), Some(principal), Some(scope)) =
            (text(inner, "roleDefinitionId"), text(inner, "principalId"), text(inner, "scope"))
        else {
            let message = "a role assignment names no role, principal or scope".to_owned();
            return self.out.skip("record_invalid", place, message);
        };
        let Some(resource) = self.place_of(scope, place) else {
            return self.out.skip("record_invalid", place, format!("`{scope}` is no scope of the resource manager"));
        };
        self.out.source.records += 1;
        let holder = self.assignee(principal, inner);
        let role_id = names::role(role);
        let role_name = text(inner, "roleDefinitionName").unwrap_or_else(|| names::last(role));
        self.out.refer(&role_id, NAME, EntityKind::RoleDefinition, role_name);
        let origin = text(inner, "originRoleAssignmentId").or_else(|| text(record, "id")).unwrap_or(place);
        let statement = names::last(origin).to_lowercase();
        let granted_at = time(inner, "createdOn").or_else(|| time(inner, "startDateTime"));
        let expires_at = time(inner, "endDateTime");
        let condition = text(inner, "condition");
        let right = |condition: Option<String>, free: Vec<String>| Right {
            actions: vec![format!("role:{role_id}")],
            not_actions: free,
            resources: vec![resource.clone()],
            condition,
            policy: role_name,
            statement: &statement,
            granted_at,
            expires_at,
            ..Right::of(holder)
        };
        if eligible {
            let words = condition.map_or_else(|| ELIGIBLE.to_owned(), |more| format!("{ELIGIBLE}; {more}"));
            return self.grant(right(Some(words), Vec::new()), place);
        }
        // What the condition does not name is not limited by it.
        if let Some(free) = condition.and_then(unlimited) {
            self.grant(right(None, free), place);
        }
        self.grant(right(condition.map(str::to_owned), Vec::new()), place);
    }

    /// Whoever an assignment is for. A name says that the principal was there when the list was made: of those that are
    /// deleted only the id is left.
    fn assignee(&mut self, id: &str, record: &Value) -> Handle {
        let kind = text(record, "principalType").unwrap_or_default();
        let expanded = at(record, &["expandedProperties", "principal"]).unwrap_or(&Value::Null);
        let name = text(record, "principalName").or_else(|| text(expanded, "displayName"));
        let holder = self.object(id, kind, name);
        if !kind.is_empty() {
            self.out.attribute(holder, PRINCIPAL_TYPE, kind);
        }
        if kind.eq_ignore_ascii_case("ServicePrincipal") {
            let mut entity = self.out.entity(holder).clone();
            entity.nhi = Some(true);
            entity.nhi_reason = Some("service principal".to_owned());
            self.out.define(entity);
        }
        holder
    }

    /// Reads a deny assignment.
    pub fn deny_assignment(&mut self, record: &Value, place: &str) {
        let inner = properties(record);
        let Some(resource) = text(inner, "scope").and_then(|scope| self.place_of(scope, place)) else {
            return self.out.skip("record_invalid", place, "a deny assignment names no scope".to_owned());
        };
        self.out.source.records += 1;
        let alone = flag(inner, "doNotApplyToChildScopes") == Some(true) && resource != "*";
        let resources = vec![if alone { format!("={resource}") } else { resource }];
        let excepted = list(inner, "excludePrincipals").iter().filter_map(|one| text(one, "id"));
        let not_principals: Vec<String> = excepted.map(names::object).collect();
        for id in &not_principals {
            self.refer(id, EntityKind::External, names::last(id));
        }
        let policy = text(inner, "denyAssignmentName").unwrap_or("deny assignment");
        let statement = names::last(text(record, "id").unwrap_or(place)).to_lowercase();
        for principal in list(inner, "principals") {
            let Some(id) = text(principal, "id") else {
                self.nameless("principal", place);
                continue;
            };
            let holder = match id {
                names::NIL => self.tenant(),
                id => self.object(id, text(principal, "type").unwrap_or_default(), None),
            };
            for permission in list(inner, "permissions") {
                let right = Right {
                    actions: lists(permission, "actions", "dataActions"),
                    not_actions: lists(permission, "notActions", "notDataActions"),
                    resources: resources.clone(),
                    not_principals: not_principals.clone(),
                    denies: true,
                    condition: text(inner, "condition").map(str::to_owned),
                    policy,
                    statement: &statement,
                    ..Right::of(holder)
                };
                self.grant(right, place);
            }
        }
    }
}

/// Actions that a condition limits, in both planes, when it leaves all others free.
#[must_use]
pub fn unlimited(condition: &str) -> Option<Vec<String>> {
    match limits(condition) {
        Limits::Everything => None,
        Limits::Only(actions) => {
            let data = |action: &String| format!("{}{action}", catalog::DATA);
            Some(actions.iter().cloned().chain(actions.iter().map(data)).collect())
        }
    }
}

/// Whether a record is eligible and not active, by the type that the resource manager gives it.
#[must_use]
pub fn is_eligible(kind: &str) -> bool {
    kind.to_lowercase().contains("/roleeligibilityschedule")
}

/// The type of a record: what it says, else what its id says.
#[must_use]
pub fn record_type(record: &Value) -> String {
    let written = text(record, "type").filter(|kind| kind.contains('/')).map(str::to_lowercase);
    written
        .unwrap_or_else(|| text(record, "id").and_then(names::arm).map(|id| names::arm_type(&id)).unwrap_or_default())
}
