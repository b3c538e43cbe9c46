//! Roles of the directory: definitions, assignments, and what must be activated first.

use serde_json::Value;

use super::super::{NAME, catalog};
use super::names;
use super::objects::{ELIGIBLE, Objects, Right};
use super::value::{at, flag, list, text, texts, time};
use crate::model::{Entity, EntityKind, Handle};

/// Attribute of a built-in role of the directory of which the export lists no permissions.
pub const BUILT_IN: &str = "built_in";

impl Objects<'_> {
    /// Reads a definition. Of built-in roles many exports leave the permissions out: those are unknown here, and the
    /// catalogue may have them.
    pub fn entra_role(&mut self, record: &Value, place: &str) {
        let Some(id) = text(record, "id").or_else(|| text(record, "templateId")) else {
            return self.nameless("role definition", place);
        };
        let own = names::entra_role(id);
        let name = text(record, "displayName").unwrap_or(id);
        let mut entity = Entity::named(&own, NAME, EntityKind::RoleDefinition, name);
        let permissions = list(record, "rolePermissions");
        entity.present = !permissions.is_empty();
        entity.source = Some(self.out.source_id());
        entity.record = Some(place.to_owned());
        if flag(record, "isBuiltIn") == Some(false) {
            self.tenant();
            entity.scope = Some(names::UNNAMED.to_owned());
        }
        self.out.source.records += 1;
        let role = self.out.define(entity);
        for (at, permission) in permissions.iter().enumerate() {
            let read = |key: &str| texts(permission, key).map(catalog::entra_action).collect::<Vec<_>>();
            let right = Right {
                actions: read("allowedResourceActions"),
                not_actions: read("excludedResourceActions"),
                condition: text(permission, "condition").map(str::to_owned),
                policy: name,
                statement: &format!("#{at}"),
                ..Right::of(role)
            };
            self.grant(right, &format!("{place}/rolePermissions/{at}"));
        }
    }

    /// Reads an assignment, an instance of one, or what makes one eligible.
    pub fn entra_assignment(&mut self, record: &Value, eligible: bool, place: &str) {
        let (Some(role), Some(principal)) = (text(record, "roleDefinitionId"), text(record, "principalId")) else {
            let message = "a role assignment names no role or principal".to_owned();
            return self.out.skip("record_invalid", place, message);
        };
        self.out.source.records += 1;
        let expanded = at(record, &["principal"]).unwrap_or(&Value::Null);
        let name = text(expanded, "userPrincipalName").or_else(|| text(expanded, "displayName"));
        let holder = self.object(principal, text(expanded, "@odata.type").unwrap_or_default(), name);
        let resources = self.directory_scope(record);
        let statement = text(record, "roleAssignmentOriginId").or_else(|| text(record, "id")).unwrap_or(place);
        let conditions: Vec<&str> = eligible.then_some(ELIGIBLE).into_iter().chain(text(record, "condition")).collect();
        let right = Right {
            resources,
            condition: (!conditions.is_empty()).then(|| conditions.join("; ")),
            statement,
            granted_at: time(record, "startDateTime").or_else(|| time(record, "createdDateTime")),
            expires_at: time(record, "endDateTime"),
            ..Right::of(holder)
        };
        self.entra_right(right, role, place);
    }

    /// Gives a role of the directory.
    pub fn entra_right(&mut self, mut right: Right<'_>, role: &str, place: &str) {
        let id = names::entra_role(role);
        // Roles of the tenant and of its directory are no principals: they need no scope.
        self.out.refer(&id, NAME, EntityKind::RoleDefinition, names::last(role));
        right.policy = "directory role";
        right.actions = vec![format!("role:{id}")];
        self.grant(right, place);
    }

    /// Where an assignment holds: the tenant, an administrative unit and what is in it, or one application.
    ///
    /// AzureHound writes `/` for an administrative unit, and the id that tokens carry for an application; the scope
    /// itself stands beside it where it was asked for.
    fn directory_scope(&mut self, record: &Value) -> Vec<String> {
        let written = text(record, "directoryScopeId").or_else(|| text(record, "appScopeId")).unwrap_or("/");
        let beside = at(record, &["directoryScope"]).unwrap_or(&Value::Null);
        let kind = text(beside, "@odata.type").unwrap_or_default();
        if written == "/" {
            let unit = text(beside, "id").filter(|id| names::is_guid(id));
            let of_unit = kind.is_empty() || kind.to_lowercase().ends_with("administrativeunit");
            return match unit {
                Some(id) if of_unit => vec![self.unit_scope(id)],
                Some(id) if !kind.to_lowercase().ends_with("organization") => vec![self.object_scope(id)],
                _ => vec!["*".to_owned()],
            };
        }
        match written.to_lowercase().strip_prefix("/administrativeunits/") {
            Some(id) => vec![self.unit_scope(id)],
            None => vec![self.object_scope(names::last(written))],
        }
    }

    fn unit_scope(&mut self, id: &str) -> String {
        let id = names::object(id);
        self.refer(&id, EntityKind::Scope, names::last(&id));
        id
    }

    fn object_scope(&mut self, id: &str) -> String {
        let id = names::object(id);
        self.refer(&id, EntityKind::External, names::last(&id));
        id
    }

    /// Reads an activated role of the older API, with those who have it.
    pub fn directory_role(&mut self, record: &Value, place: &str) {
        let Some(role) = text(record, "roleTemplateId") else { return self.nameless("directory role", place) };
        self.out.source.records += 1;
        for (at, member) in list(record, "members").iter().enumerate() {
            let place = format!("{place}/members/{at}");
            let Some(id) = text(member, "id") else {
                self.nameless("member", &place);
                continue;
            };
            let name = text(member, "userPrincipalName").or_else(|| text(member, "displayName"));
            let holder: Handle = self.object(id, text(member, "@odata.type").unwrap_or_default(), name);
            let statement = format!("{}/{}", role.to_lowercase(), id.to_lowercase());
            let right = Right { resources: vec!["*".to_owned()], statement: &statement, ..Right::of(holder) };
            self.entra_right(right, role, &place);
        }
    }

    /// Reads whose approval a role takes to be activated (AzureHound's form of the role's policy).
    pub fn role_policy(&mut self, record: &Value, place: &str) {
        let Some(role) = text(record, "roleDefinitionId") else { return self.nameless("role policy", place) };
        self.out.source.records += 1;
        let id = names::entra_role(role);
        let role = self.out.refer(&id, NAME, EntityKind::RoleDefinition, names::last(role));
        for (field, key) in [
            ("endUserAssignmentRequiresApproval", "activation_needs_approval"),
            ("endUserAssignmentRequiresMFA", "activation_needs_mfa"),
            ("endUserAssignmentRequiresJustification", "activation_needs_justification"),
        ] {
            if let Some(value) = flag(record, field) {
                self.out.attribute(role, key, &value.to_string());
            }
        }
    }
}
