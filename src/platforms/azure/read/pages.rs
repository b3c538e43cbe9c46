//! Pages of Microsoft Graph and of the resource manager, and lists of `az`: what a record is shows in its fields.
//!
//! A page names its collection at its beginning or not at all, an array of `az` never does. So every record is looked
//! at by itself; one that its fields do not tell waits for the page's context.

use serde_json::{Map, Value};

use super::names;
use super::objects::Objects;
use super::rbac::{is_eligible, record_type};
use super::value::{has, properties, text};
use crate::model::{Builder, IssueSeverity};
use crate::platforms::input::json::{Batch, Fields, Sink};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    User,
    Group,
    Application,
    ServicePrincipal,
    Unit,
    EntraRole,
    EntraAssignment,
    EntraEligibility,
    DirectoryRole,
    Delegated,
    AppRoleAssignment,
    SignIn,
    Organization,
    RoleDefinition,
    RoleAssignment,
    Deny,
    Subscription,
    ManagementGroup,
    Descendant,
    Resource,
}

/// Answers of Microsoft Graph and of `az ad`.
pub struct Graph;

impl Reader for Graph {
    fn name(&self) -> &'static str {
        "microsoft-graph"
    }

    fn title(&self) -> &'static str {
        "Microsoft Graph pages (users, groups, applications, servicePrincipals, roleManagement, …) and `az ad … list`"
    }

    fn recognises(&self, head: &Head) -> bool {
        let context = head.object().and_then(|page| page.get("@odata.context")).and_then(Value::as_str);
        let graph =
            context.is_some_and(|context| context.contains("graph.microsoft.") && of_context(context).is_some());
        graph || first(head).and_then(classify).is_some_and(|what| !of_resource_manager(what))
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        read(input, out)
    }
}

/// Answers of the resource manager and of `az role`, `az account`, `az resource`, ….
pub struct ResourceManager;

impl Reader for ResourceManager {
    fn name(&self) -> &'static str {
        "azure-resource-manager"
    }

    fn title(&self) -> &'static str {
        "Azure Resource Manager pages and `az role definition list`, `az role assignment list`, `az resource list`, …"
    }

    fn recognises(&self, head: &Head) -> bool {
        first(head).and_then(classify).is_some_and(of_resource_manager)
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        read(input, out)
    }
}

/// The first record of a text: of a page's list, of an array, or the one document.
fn first(head: &Head) -> Option<&Map<String, Value>> {
    let listed = head.first("value").or_else(|| head.first("data"));
    listed.or_else(|| head.object().filter(|page| !page.contains_key("value")))
}

const fn of_resource_manager(what: What) -> bool {
    matches!(
        what,
        What::RoleDefinition
            | What::RoleAssignment
            | What::Deny
            | What::Subscription
            | What::ManagementGroup
            | What::Descendant
            | What::Resource
    )
}

/// What a record is by its own fields.
fn classify(record: &Map<String, Value>) -> Option<What> {
    let word = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
    if let Some(what) = of_type(word("@odata.type")) {
        return Some(what);
    }
    if let Some(what) = of_arm(record) {
        return Some(what);
    }
    let any = |keys: &[&str]| has(record, keys);
    let all = |keys: &[&str]| keys.iter().all(|key| record.contains_key(*key));
    if all(&["principalId", "roleDefinitionId"]) && any(&["directoryScopeId", "appScopeId"]) {
        // The words in which schedules differ from one another.
        let eligible = word("@odata.context").contains("Eligib") || record.contains_key("roleEligibilityScheduleId");
        return Some(if eligible { What::EntraEligibility } else { What::EntraAssignment });
    }
    if all(&["rolePermissions"]) || all(&["isBuiltIn", "templateId"]) {
        return Some(What::EntraRole);
    }
    if all(&["roleTemplateId"]) {
        return Some(What::DirectoryRole);
    }
    if all(&["clientId", "resourceId"]) && any(&["consentType", "scope"]) {
        return Some(What::Delegated);
    }
    if all(&["appRoleId", "principalId", "resourceId"]) {
        return Some(What::AppRoleAssignment);
    }
    if all(&["appId"]) && any(&["lastSignInActivity", "delegatedClientSignInActivity"]) {
        return Some(What::SignIn);
    }
    if any(&["servicePrincipalType", "servicePrincipalNames", "appOwnerOrganizationId"]) {
        return Some(What::ServicePrincipal);
    }
    if all(&["appId"])
        && any(&[
            "identifierUris",
            "requiredResourceAccess",
            "signInAudience",
            "publisherDomain",
            "keyCredentials",
            "federatedIdentityCredentials",
            "passwordCredentials",
        ])
    {
        return Some(What::Application);
    }
    if all(&["id"]) && any(&["userPrincipalName"]) {
        return Some(What::User);
    }
    if all(&["isMemberManagementRestricted"]) {
        return Some(What::Unit);
    }
    if all(&["id"]) && any(&["securityEnabled", "groupTypes", "isAssignableToRole", "mailEnabled"]) {
        return Some(What::Group);
    }
    all(&["verifiedDomains", "id"]).then_some(What::Organization)
}

/// What a record of the resource manager is.
fn of_arm(record: &Map<String, Value>) -> Option<What> {
    let word = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
    let whole = Value::Object(Map::new());
    let inner = record.get("properties").filter(|inner| inner.is_object()).unwrap_or(&whole);
    let within = |key: &str| record.contains_key(key) || inner.get(key).is_some();
    let id = word("id");
    let kind = if word("type").contains('/') { word("type").to_lowercase() } else { String::new() };
    match kind.as_str() {
        "microsoft.authorization/roledefinitions" => return Some(What::RoleDefinition),
        "microsoft.authorization/denyassignments" => return Some(What::Deny),
        kind if kind.starts_with("microsoft.authorization/role") && kind.contains("assignment")
            || kind.starts_with("microsoft.authorization/roleeligibility") =>
        {
            return Some(What::RoleAssignment);
        }
        kind if kind.ends_with("microsoft.management/managementgroups") => {
            let flat = inner.get("parent").is_some();
            return Some(if flat { What::Descendant } else { What::ManagementGroup });
        }
        kind if kind.ends_with("microsoft.management/managementgroups/subscriptions") => return Some(What::Descendant),
        _ => {}
    }
    if within("denyAssignmentName") {
        return Some(What::Deny);
    }
    if within("permissions") && (within("roleName") || within("assignableScopes")) {
        return Some(What::RoleDefinition);
    }
    if within("roleDefinitionId") && within("principalId") && within("scope") {
        return Some(What::RoleAssignment);
    }
    let lower = id.to_lowercase();
    if lower.starts_with(names::MANAGEMENT_GROUP) {
        return Some(What::ManagementGroup);
    }
    let named = record.contains_key("subscriptionId")
        && record.contains_key("displayName")
        && lower.starts_with(names::SUBSCRIPTION);
    if named
        || names::is_guid(id)
            && has(record, &["tenantId"])
            && has(record, &["cloudName", "environmentName", "subscriptionPolicies"])
    {
        return Some(What::Subscription);
    }
    lower.starts_with(names::SUBSCRIPTION).then_some(What::Resource)
}

/// What a record is by the type that it says.
fn of_type(kind: &str) -> Option<What> {
    Some(match kind.trim_start_matches("#microsoft.graph.") {
        "user" => What::User,
        "group" => What::Group,
        "application" => What::Application,
        "servicePrincipal" => What::ServicePrincipal,
        "administrativeUnit" => What::Unit,
        "unifiedRoleDefinition" => What::EntraRole,
        "unifiedRoleAssignment" | "unifiedRoleAssignmentScheduleInstance" => What::EntraAssignment,
        "unifiedRoleEligibilityScheduleInstance" | "unifiedRoleEligibilitySchedule" => What::EntraEligibility,
        "directoryRole" => What::DirectoryRole,
        "oAuth2PermissionGrant" => What::Delegated,
        "appRoleAssignment" => What::AppRoleAssignment,
        "servicePrincipalSignInActivity" => What::SignIn,
        "organization" => What::Organization,
        _ => return None,
    })
}

/// What the records of a page are by its context (`…/$metadata#roleManagement/directory/roleAssignments`).
fn of_context(context: &str) -> Option<What> {
    let collection = context.split_once('#')?.1.split(['(', '/']).collect::<Vec<_>>();
    let entity = collection.iter().rev().find(|part| !part.is_empty() && **part != "$entity")?;
    let collection = if collection.first() == Some(&"roleManagement") {
        collection.iter().find(|part| part.starts_with("role") && **part != "roleManagement").copied()?
    } else if collection.first() == Some(&"directory") || collection.first() == Some(&"reports") {
        entity
    } else {
        collection.first().copied()?
    };
    Some(match collection {
        "users" => What::User,
        "groups" => What::Group,
        "applications" => What::Application,
        "servicePrincipals" => What::ServicePrincipal,
        "administrativeUnits" => What::Unit,
        "roleDefinitions" => What::EntraRole,
        "roleAssignments" | "roleAssignmentScheduleInstances" | "roleAssignmentSchedules" => What::EntraAssignment,
        "roleEligibilityScheduleInstances" | "roleEligibilitySchedules" => What::EntraEligibility,
        "directoryRoles" => What::DirectoryRole,
        "oauth2PermissionGrants" => What::Delegated,
        "appRoleAssignments" => What::AppRoleAssignment,
        "servicePrincipalSignInActivities" => What::SignIn,
        "organization" => What::Organization,
        _ => return None,
    })
}

fn read(input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
    let mut sink = Records { objects: Objects::new(out, false), waiting: Vec::new() };
    let outcome = input.split(&mut sink);
    sink.settle(None);
    sink.objects.finish();
    outcome
}

struct Records<'b> {
    objects: Objects<'b>,
    /// Records that their fields do not tell, until their page's context is known.
    waiting: Vec<(String, Value)>,
}

impl Sink for Records<'_> {
    fn is_list(&self, key: &str) -> bool {
        key == "value" || key == "data"
    }

    fn bare(&self) -> bool {
        true
    }

    fn records(&mut self, batch: &Batch) {
        let parsed = batch.parse(|bytes| serde_json::from_slice::<Value>(bytes));
        for (at, value) in parsed.into_iter().enumerate() {
            let place = batch.pointer(at);
            match value {
                Ok(value) if value.get("value").is_some_and(Value::is_array) => self.page(value, &place),
                Ok(value) => self.listed(value, place),
                Err(error) => {
                    self.objects.out.skip("json_invalid", &place, format!("a record cannot be read: {error}"));
                }
            }
        }
    }

    fn document(&mut self, pointer: &str, fields: Fields) {
        let context = fields.text("@odata.context");
        if fields.text("@odata.nextLink").or_else(|| fields.text("nextLink")).is_some() {
            self.has_next(pointer);
        }
        self.settle(context.as_deref());
    }
}

impl Records<'_> {
    /// Takes one record of a list.
    fn listed(&mut self, value: Value, place: String) {
        let Value::Object(record) = &value else {
            return self.objects.out.skip("record_invalid", &place, "this is no record".to_owned());
        };
        // A schedule's records look like those of assignments: the page says which they are.
        match classify(record).filter(|what| *what != What::EntraAssignment) {
            Some(what) => self.record(what, &value, &place),
            None => self.waiting.push((place, value)),
        }
    }

    /// Takes a page that is an element of an array, as scripts gather them.
    fn page(&mut self, mut page: Value, place: &str) {
        self.settle(None);
        let records = page.get_mut("value").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
        for (at, record) in records.into_iter().enumerate() {
            self.listed(record, format!("{place}/value/{at}"));
        }
        if text(&page, "@odata.nextLink").or_else(|| text(&page, "nextLink")).is_some() {
            self.has_next(place);
        }
        self.settle(text(&page, "@odata.context"));
    }

    fn has_next(&mut self, place: &str) {
        let message = "the page names another after it: list all of them, or what follows is missing".to_owned();
        self.objects.out.issue(IssueSeverity::Note, "page_has_next", place, message);
    }

    /// Reads the records that waited for their page.
    fn settle(&mut self, context: Option<&str>) {
        let page = context.and_then(of_context);
        for (place, value) in std::mem::take(&mut self.waiting) {
            let own = value.as_object().and_then(classify);
            let single = text(&value, "@odata.context").and_then(of_context);
            match page.or(single).or(own) {
                Some(what) => self.record(what, &value, &place),
                None if is_members(&value) => self.objects.group(&value, &place),
                None => {
                    let message = "a record does not show what it is: keep the page's `@odata.context`".to_owned();
                    self.objects.out.skip("record_unknown", &place, message);
                }
            }
        }
    }

    fn record(&mut self, what: What, value: &Value, place: &str) {
        let objects = &mut self.objects;
        objects.check(value, place);
        match what {
            What::User => objects.user(value, place),
            What::Group => objects.group(value, place),
            What::Application => objects.application(value, place),
            What::ServicePrincipal => objects.service_principal(value, place),
            What::Unit => objects.unit(value, place),
            What::EntraRole => objects.entra_role(value, place),
            What::EntraAssignment => objects.entra_assignment(value, false, place),
            What::EntraEligibility => objects.entra_assignment(value, true, place),
            What::DirectoryRole => objects.directory_role(value, place),
            What::Delegated => objects.delegated(value, place),
            What::AppRoleAssignment => objects.app_role_assignment(value, place),
            What::SignIn => objects.sign_in_activity(value, place),
            What::Organization => {
                objects.of_tenant(text(value, "id"), true);
                objects.out.source.records += 1;
            }
            What::RoleDefinition => objects.role_definition(value, place),
            What::RoleAssignment => objects.role_assignment(value, is_eligible(&record_type(value)), place),
            What::Deny => objects.deny_assignment(value, place),
            What::Subscription => objects.subscription(value, place),
            What::ManagementGroup => objects.management_group(value, place, 0),
            What::Descendant => objects.descendant(value, place),
            What::Resource => {
                objects.of_tenant(text(value, "tenantId").or_else(|| text(properties(value), "tenantId")), false);
                objects.any_resource(value, place);
            }
        }
    }
}

/// Members of a group on their own: `{"id": …, "members": […]}`.
fn is_members(value: &Value) -> bool {
    text(value, "id").is_some() && value.get("members").or_else(|| value.get("owners")).is_some_and(Value::is_array)
}
