//! Management groups, subscriptions, and resources: which identities they run as, and who a key vault lets in itself.

use serde_json::Value;

use super::super::catalog;
use super::names;
use super::objects::{Objects, Right};
use super::value::{at, flag, list, properties, text, texts, time};
use crate::model::{EntityKind, Handle, MembershipKind};

/// Attribute of a scope that the export lists what it is inside of.
pub const PLACED: &str = "placed";
/// Management groups in management groups deeper than this are not opened; Azure allows six.
const DEPTH_MAX: usize = 16;
/// Types of resources that run what their administrators tell them, with or without an identity.
const WORKLOADS: &[&str] = &[
    "microsoft.app/containerapps",
    "microsoft.app/jobs",
    "microsoft.automation/automationaccounts",
    "microsoft.cognitiveservices/accounts",
    "microsoft.compute/virtualmachines",
    "microsoft.compute/virtualmachinescalesets",
    "microsoft.containerinstance/containergroups",
    "microsoft.containerservice/fleets",
    "microsoft.containerservice/managedclusters",
    "microsoft.datafactory/factories",
    "microsoft.hybridcompute/machines",
    "microsoft.logic/workflows",
    "microsoft.machinelearningservices/workspaces",
    "microsoft.resources/deploymentscripts",
    "microsoft.synapse/workspaces",
    "microsoft.web/sites",
    "microsoft.web/sites/slots",
];

impl Objects<'_> {
    /// Reads a subscription, as the resource manager or as `az account` writes it.
    pub fn subscription(&mut self, record: &Value, place: &str) {
        let id = text(record, "subscriptionId").or_else(|| text(record, "id")).unwrap_or_default();
        let bare = names::last(id).to_lowercase();
        if !names::is_guid(&bare) {
            return self.out.skip("record_invalid", place, "a subscription has no id".to_owned());
        }
        let name = text(record, "displayName").or_else(|| text(record, "name")).unwrap_or(&bare).to_owned();
        let id = format!("{}{bare}", names::SUBSCRIPTION);
        let Some(handle) = self.resource(&id, place) else { return };
        let mut entity = self.entity(&id, EntityKind::Scope, &name);
        entity.enabled = text(record, "state").map(|state| state.eq_ignore_ascii_case("Enabled"));
        let mut known = self.out.entity(handle).clone();
        known.name.clone_from(&name);
        self.out.replace(handle, known);
        let handle = self.defined(entity, place);
        if let Some(tenant) = text(record, "tenantId") {
            self.out.attribute(handle, "tenant", &tenant.to_lowercase());
            self.of_tenant(Some(tenant), true);
        }
    }

    /// Reads a management group, with what is in it where the record says so.
    pub fn management_group(&mut self, record: &Value, place: &str, depth: usize) {
        let Some(id) = text(record, "id").and_then(names::arm) else { return self.nameless("management group", place) };
        let inner = properties(record);
        let Some(handle) = self.resource(&id, place) else { return };
        let name =
            text(inner, "displayName").or_else(|| text(record, "displayName")).unwrap_or_else(|| names::last(&id));
        let mut known = self.out.entity(handle).clone();
        name.clone_into(&mut known.name);
        self.out.replace(handle, known);
        let entity = self.entity(&id, EntityKind::Scope, name);
        let own = self.defined(entity, place);
        self.of_tenant(text(inner, "tenantId").or_else(|| text(record, "tenantId")), true);
        let above = [&["details", "parent"][..], &["parent"][..]].iter().find_map(|path| at(inner, path));
        if let Some(above) = above.and_then(|above| text(above, "id"))
            && let Some(above) = self.resource(above, place)
        {
            self.inside(own, above, place);
        }
        let children =
            if list(inner, "children").is_empty() { list(record, "children") } else { list(inner, "children") };
        for (at, child) in children.iter().enumerate().filter(|_| depth < DEPTH_MAX) {
            let place = format!("{place}/children/{at}");
            let Some(id) = text(child, "id").and_then(names::arm) else {
                self.nameless("child", &place);
                continue;
            };
            if id.starts_with(names::MANAGEMENT_GROUP) {
                self.management_group(child, &place, depth + 1);
            }
            if let Some(child) = self.resource(&id, &place) {
                self.inside(child, own, &place);
            }
        }
    }

    /// Reads what a management group has below it, as a flat list (AzureHound, `…/descendants`).
    pub fn descendant(&mut self, record: &Value, place: &str) {
        let id = text(record, "id").and_then(|id| self.resource(id, place));
        let above = at(properties(record), &["parent"]).and_then(|above| text(above, "id")).map(str::to_owned);
        let above = above.and_then(|above| self.resource(&above, place));
        match (id, above) {
            (Some(child), Some(above)) => {
                self.out.source.records += 1;
                self.inside(child, above, place);
            }
            _ => self.out.skip("record_invalid", place, "a descendant has no id or no parent".to_owned()),
        }
    }

    fn inside(&mut self, member: Handle, container: Handle, place: &str) {
        self.membership(member, container, MembershipKind::Contains, place);
        self.out.attribute(member, PLACED, "true");
    }

    /// Reads a resource of any type.
    pub fn any_resource(&mut self, record: &Value, place: &str) {
        let Some(handle) = text(record, "id").and_then(|id| self.resource(id, place)) else {
            return self.nameless("resource", place);
        };
        let id = self.out.entity(handle).id.clone();
        let kind = names::arm_type(&id);
        let identity = at(record, &["identity"]).filter(|identity| identity.is_object());
        let runs = identity.is_some() || WORKLOADS.binary_search(&kind.as_str()).is_ok();
        let own = match kind.as_str() {
            "subscriptions" | "resourcegroups" | "managementgroups" => EntityKind::Scope,
            _ if runs => EntityKind::Workload,
            _ => EntityKind::Resource,
        };
        let name = text(record, "name").unwrap_or_else(|| names::last(&id)).to_owned();
        let mut entity = self.entity(&id, own, &name);
        let inner = properties(record);
        entity.created_at = time(inner, "timeCreated").or_else(|| time(inner, "createdTime"));
        if own == EntityKind::Workload {
            entity.nhi = Some(true);
            entity.nhi_reason = Some("runs what it is told to".to_owned());
        }
        self.defined(entity, place);
        let tags = at(record, &["tags"]).and_then(Value::as_object).into_iter().flatten();
        for (key, value) in tags.filter_map(|(key, value)| Some((key, value.as_str()?))) {
            self.out.attribute(handle, &format!("tag:{key}"), value);
        }
        if let Some(identity) = identity {
            self.identities(handle, identity, place);
        }
        match kind.as_str() {
            "microsoft.keyvault/vaults" => self.vault(handle, &id, inner, place),
            "microsoft.managedidentity/userassignedidentities" => self.user_assigned(handle, inner, place),
            "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials" => {
                self.arm_federated(&id, record, place);
            }
            "microsoft.containerservice/managedclusters" => self.cluster(handle, record, place),
            "microsoft.web/sites" | "microsoft.web/sites/slots" => self.site(handle, record, place),
            _ => {}
        }
        let password = at(inner, &["osProfile"]).and_then(|profile| text(profile, "adminPassword"));
        self.secret(u64::from(password.is_some()), place);
    }

    /// The identities that a resource runs as.
    fn identities(&mut self, of: Handle, identity: &Value, place: &str) {
        self.of_tenant(text(identity, "tenantId"), false);
        if let Some(principal) = text(identity, "principalId").filter(|id| names::is_guid(id)) {
            let name = self.out.entity(of).name.clone();
            self.managed(of, of, principal, "false", &name, place);
        }
        let assigned = at(identity, &["userAssignedIdentities"]).and_then(Value::as_object).into_iter().flatten();
        for (id, own) in assigned {
            let Some(resource) = self.resource(id, place) else { continue };
            match text(own, "principalId").filter(|id| names::is_guid(id)) {
                Some(principal) => {
                    self.managed(of, resource, principal, "true", names::last(id), place);
                }
                // The identity's own record, or its service principal, says who it is.
                None => self.membership(of, resource, MembershipKind::RunsAs, place),
            }
        }
    }

    /// A managed identity: its service principal is inside the resource that it is, or is of.
    fn managed(&mut self, runs: Handle, inside: Handle, principal: &str, user_assigned: &str, name: &str, place: &str) {
        let mut entity = self.entity(&names::object(principal), EntityKind::ServiceAccount, name);
        entity.present = true;
        entity.nhi = Some(true);
        entity.nhi_reason = Some("managed identity".to_owned());
        let principal = self.out.define(entity);
        self.out.attribute(principal, "managed_identity", "true");
        self.out.attribute(principal, "user_assigned", user_assigned);
        self.membership(principal, inside, MembershipKind::Contains, place);
        if runs != principal {
            self.membership(runs, principal, MembershipKind::RunsAs, place);
        }
    }

    /// A user-assigned identity's own record.
    fn user_assigned(&mut self, of: Handle, inner: &Value, place: &str) {
        self.of_tenant(text(inner, "tenantId"), false);
        let Some(principal) = text(inner, "principalId").filter(|id| names::is_guid(id)) else { return };
        let name = self.out.entity(of).name.clone();
        self.managed(of, of, principal, "true", &name, place);
        if let Some(app) = text(inner, "clientId") {
            let principal = names::object(principal);
            let mut entity = self.entity(&principal, EntityKind::ServiceAccount, &name);
            entity.unique_id = Some(app.to_lowercase());
            self.out.define(entity);
        }
    }

    /// A federated credential of a user-assigned identity: it is the identity's service principal that it lets in, and
    /// that is known when all files are read.
    fn arm_federated(&mut self, id: &str, record: &Value, place: &str) {
        let Some(identity) = names::parent(id).map(str::to_owned) else { return };
        if let Some(identity) = self.resource(&identity, place) {
            self.federated(identity, record, place);
        }
    }

    /// How a vault decides who gets at what is in it: by roles, or by its own policies.
    fn vault(&mut self, vault: Handle, id: &str, inner: &Value, place: &str) {
        self.of_tenant(text(inner, "tenantId"), false);
        let policies = list(inner, "accessPolicies");
        let by_roles = match (flag(inner, "enableRbacAuthorization"), policies.is_empty()) {
            (Some(by_roles), _) => by_roles,
            // REST answers leave the flag out, or null, of vaults that were made before there was a choice.
            (None, false) => false,
            (None, true) if inner.get("accessPolicies").is_some() => false,
            (None, true) => {
                self.out.attribute(
                    vault,
                    "by_roles",
                    "unknown: whether the vault goes by roles or by its own policies",
                );
                return;
            }
        };
        self.out.attribute(vault, "by_roles", &by_roles.to_string());
        if by_roles {
            return;
        }
        let everyone = self.tenant();
        let right = Right {
            actions: vec!["data:Microsoft.KeyVault/vaults/*".to_owned()],
            resources: vec![id.to_owned()],
            denies: true,
            policy: "vault with access policies",
            statement: "roles give nothing in it",
            ..Right::of(everyone)
        };
        self.grant(right, place);
        for (at, policy) in policies.iter().enumerate() {
            let place = format!("{place}/accessPolicies/{at}");
            let Some(principal) = text(policy, "objectId") else {
                self.nameless("access policy", &place);
                continue;
            };
            let holder = self.object(principal, "", None);
            let permissions = at_permissions(policy);
            let statement = format!("#{at}");
            let right = Right {
                actions: permissions,
                resources: vec![id.to_owned()],
                policy: "access policy",
                statement: &statement,
                ..Right::of(holder)
            };
            self.grant(right, &place);
        }
    }

    /// Whom a cluster's nodes act as, and who may sign in to it.
    fn cluster(&mut self, cluster: Handle, record: &Value, place: &str) {
        let inner = properties(record);
        let profiles = at(inner, &["identityProfile"]).and_then(Value::as_object).into_iter().flatten();
        for (_, profile) in profiles {
            let resource = text(profile, "resourceId").and_then(|id| self.resource(id, place));
            if let (Some(resource), Some(principal)) = (resource, text(profile, "objectId")) {
                let name = self.out.entity(resource).name.clone();
                self.managed(cluster, resource, principal, "true", &name, place);
            }
        }
        let entra = at(inner, &["aadProfile"]).is_some();
        let known = inner.get("aadProfile").is_some() || inner.get("kubernetesVersion").is_some();
        let unknown = "unknown: whether the cluster asks Entra ID who somebody is";
        let value = if known { entra.to_string() } else { unknown.to_owned() };
        self.out.attribute(cluster, "entra_sign_in", &value);
        let by_roles = at(inner, &["aadProfile"]).and_then(|profile| flag(profile, "enableAzureRBAC"));
        let unknown = "unknown: whether the cluster goes by Azure roles";
        let value = match by_roles {
            Some(by_roles) => by_roles.to_string(),
            None if known => "false".to_owned(),
            None => unknown.to_owned(),
        };
        self.out.attribute(cluster, "by_roles", &value);
        let local = flag(inner, "disableLocalAccounts").map(|disabled| !disabled);
        let unknown = "unknown: whether the cluster has a local administrator";
        let local = local.or(known.then_some(true)).map_or_else(|| unknown.to_owned(), |local| local.to_string());
        self.out.attribute(cluster, "local_accounts", &local);
        if let Some(group) = text(inner, "nodeResourceGroup") {
            self.out.attribute(cluster, "node_resource_group", &group.to_lowercase());
        }
    }

    /// Whether a site is a function app or a logic app, whose code is in a storage account.
    fn site(&mut self, site: Handle, record: &Value, place: &str) {
        let kind = text(record, "kind").map(str::to_lowercase);
        let unknown = "unknown: which kind of site it is";
        let function = kind.map_or_else(|| unknown.to_owned(), |kind| kind.contains("functionapp").to_string());
        self.out.attribute(site, "function", &function);
        let settings = at(properties(record), &["siteConfig", "appSettings"]).and_then(Value::as_array);
        let values = settings.into_iter().flatten().filter(|one| text(one, "value").is_some()).count();
        self.secret(values as u64, place);
    }
}

/// What an access policy allows, as actions of the vault's own plane.
fn at_permissions(policy: &Value) -> Vec<String> {
    let lists = ["keys", "secrets", "certificates", "storage"];
    let permissions = at(policy, &["permissions"]).unwrap_or(&Value::Null);
    let words = lists.iter().flat_map(|kind| texts(permissions, kind).map(move |word| (*kind, word.to_lowercase())));
    words.map(|(kind, word)| format!("{}{kind}/{}", catalog::VAULT, if word == "all" { "*" } else { &word })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_run_things_are_in_order() {
        assert!(WORKLOADS.is_sorted());
    }
}
