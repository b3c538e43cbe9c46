//! Files of AzureHound: records of a kind, and what they are about behind them. Ids are in capitals, and a flag that is
//! false is not there at all.

use serde_json::Value;

use super::names;
use super::objects::Objects;
use super::value::{list, text};
use crate::model::{Builder, IssueSeverity};
use crate::platforms::input::json::{Batch, Fields, Sink};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Files of AzureHound.
pub struct AzureHound;

impl Reader for AzureHound {
    fn name(&self) -> &'static str {
        "azurehound"
    }

    fn title(&self) -> &'static str {
        "AzureHound: `azurehound list -o azure.json`"
    }

    fn recognises(&self, head: &Head) -> bool {
        let is_kind = |record: &serde_json::Map<String, Value>| {
            let kind = record.get("kind").and_then(Value::as_str).unwrap_or_default();
            kind.starts_with("AZ") && record.contains_key("data")
        };
        let meta = head.object().and_then(|object| object.get("meta")).and_then(|meta| text(meta, "type"));
        head.first("data").is_some_and(is_kind) || head.object().is_some_and(is_kind) || meta == Some("azure")
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut sink = Records { objects: Objects::new(out, true), unknown: Vec::new(), count: None };
        let outcome = input.split(&mut sink);
        sink.finish();
        outcome
    }
}

struct Records<'b> {
    objects: Objects<'b>,
    /// Kinds that are not read, each once.
    unknown: Vec<String>,
    /// How many records the file says it has.
    count: Option<u64>,
}

impl Sink for Records<'_> {
    fn is_list(&self, key: &str) -> bool {
        key == "data"
    }

    fn bare(&self) -> bool {
        true
    }

    fn records(&mut self, batch: &Batch) {
        let parsed = batch.parse(|bytes| serde_json::from_slice::<Value>(bytes));
        for (at, value) in parsed.into_iter().enumerate() {
            let place = batch.pointer(at);
            match value {
                Ok(value) => self.record(&value, &place),
                Err(error) => {
                    self.objects.out.skip("json_invalid", &place, format!("a record cannot be read: {error}"));
                }
            }
        }
    }

    fn document(&mut self, _pointer: &str, fields: Fields) {
        self.count = fields.get("meta").and_then(|meta| meta.get("count").and_then(Value::as_u64)).or(self.count);
    }
}

impl Records<'_> {
    fn record(&mut self, record: &Value, place: &str) {
        let (Some(kind), Some(data)) = (text(record, "kind"), record.get("data").filter(|data| data.is_object()))
        else {
            // The last lines of a stream may say how it went.
            if record.get("meta").is_none() {
                let message = "a record does not say of which `kind` it is, or has no `data`".to_owned();
                self.objects.out.skip("record_invalid", place, message);
            }
            return;
        };
        let place = format!("{place}/data");
        self.objects.check(data, &place);
        self.objects.of_tenant(text(data, "tenantId"), true);
        if !self.known(kind, data, &place) && !self.unknown.iter().any(|known| known == kind) {
            self.unknown.push(kind.to_owned());
        }
    }

    fn known(&mut self, kind: &str, data: &Value, place: &str) -> bool {
        let objects = &mut self.objects;
        match kind {
            "AZTenant" => tenant(objects, data),
            "AZUser" => objects.user(data, place),
            "AZGroup" => objects.group(data, place),
            "AZGroupMember" => listed(objects, data, "members", "member", "groupId", place),
            "AZGroupOwner" => listed(objects, data, "owners", "owner", "groupId", place),
            "AZApp" => objects.application(data, place),
            "AZAppOwner" => listed(objects, data, "owners", "owner", "appId", place),
            "AZFederatedIdentityCredential" => federated(objects, data, place),
            "AZServicePrincipal" => objects.service_principal(data, place),
            "AZServicePrincipalOwner" => listed(objects, data, "owners", "owner", "servicePrincipalId", place),
            "AZAppRoleAssignment" => objects.app_role_assignment(data, place),
            "AZRole" => objects.entra_role(data, place),
            "AZRoleAssignment" => {
                for (at, one) in list(data, "roleAssignments").iter().enumerate() {
                    objects.entra_assignment(one, false, &format!("{place}/roleAssignments/{at}"));
                }
            }
            "AZRoleEligibilityScheduleInstance" => objects.entra_assignment(data, true, place),
            "AZRoleManagementPolicyAssignment" => objects.role_policy(data, place),
            "AZSubscription" => objects.subscription(data, place),
            "AZManagementGroup" => objects.management_group(data, place, 0),
            "AZManagementGroupDescendant" => objects.descendant(data, place),
            kind if kind.ends_with("RoleAssignment") => assignments(objects, data, place),
            "AZKeyVaultAccessPolicy" => vault_policy(objects, data, place),
            _ if text(data, "id").is_some_and(|id| id.starts_with('/')) => objects.any_resource(data, place),
            _ => return false,
        }
        true
    }

    fn finish(&mut self) {
        let Self { objects, unknown, count } = self;
        objects.finish();
        if !unknown.is_empty() {
            unknown.sort();
            let message = format!("records of these kinds are not read: {}", unknown.join(", "));
            objects.out.issue(IssueSeverity::Note, "kind_not_read", "", message);
        }
        if *count == Some(0) {
            objects.out.issue(
                IssueSeverity::Warning,
                "empty_export",
                "/meta",
                "the file says that it has no records".into(),
            );
        }
    }
}

fn tenant(objects: &mut Objects<'_>, data: &Value) {
    objects.of_tenant(text(data, "tenantId").or_else(|| text(data, "id")).map(names::last), true);
    let tenant = objects.tenant();
    if let Some(name) = text(data, "displayName") {
        let mut entity = objects.out.entity(tenant).clone();
        name.clone_into(&mut entity.name);
        objects.out.replace(tenant, entity);
    }
    objects.out.source.records += 1;
}

/// Members or owners of one thing: `{"members": [{"member": {…}, "groupId": …}], "groupId": …}`.
fn listed(objects: &mut Objects<'_>, data: &Value, many: &str, one: &str, of: &str, place: &str) {
    for (at, row) in list(data, many).iter().enumerate() {
        let place = format!("{place}/{many}/{at}");
        let Some(id) = text(row, of).or_else(|| text(data, of)) else {
            objects.nameless(one, &place);
            continue;
        };
        let inner = row.get(one).unwrap_or(row);
        objects.out.source.records += 1;
        match of {
            "appId" => {
                let application = objects.application_named(id);
                objects.application_owner(application, inner, &place);
            }
            "servicePrincipalId" => {
                let principal = objects.object(id, "servicePrincipal", None);
                objects.principal_owner(principal, inner, &place);
            }
            _ => {
                let group = objects.object(id, "group", None);
                if many == "members" {
                    objects.member(group, inner, &place);
                } else {
                    objects.group_owner(group, inner, &place);
                }
            }
        }
    }
}

fn federated(objects: &mut Objects<'_>, data: &Value, place: &str) {
    for (at, row) in list(data, "fics").iter().enumerate() {
        let place = format!("{place}/fics/{at}");
        let Some(app) = text(row, "appId").or_else(|| text(data, "appId")) else {
            objects.nameless("federated credential", &place);
            continue;
        };
        objects.out.source.records += 1;
        let application = objects.application_named(app);
        objects.federated(application, row.get("fic").unwrap_or(row), &place);
    }
}

/// Assignments on one resource: `roleAssignments` of rows with a `roleAssignment`, or `assignees` with an `assignee`.
fn assignments(objects: &mut Objects<'_>, data: &Value, place: &str) {
    for (many, one) in [("roleAssignments", "roleAssignment"), ("assignees", "assignee")] {
        for (at, row) in list(data, many).iter().enumerate() {
            let place = format!("{place}/{many}/{at}");
            let inner = row.get(one).unwrap_or(row);
            let inner = inner.get("roleAssignment").unwrap_or(inner);
            objects.role_assignment(inner, false, &place);
        }
    }
}

/// An access policy of a vault on its own: AzureHound's vaults hold theirs themselves.
fn vault_policy(objects: &mut Objects<'_>, data: &Value, place: &str) {
    let vault = text(data, "keyVaultId").and_then(|id| objects.resource(id, place));
    if vault.is_none() {
        objects.nameless("access policy", place);
    }
}
