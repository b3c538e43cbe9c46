//! What the evaluator takes from raw exports: principals with their policies, trust policies, the organisation
//! tree and resource policies.

use std::collections::BTreeMap;

use serde_json::Value;

use super::document::{self, Statement, list, strings, text};
use super::pattern::arn_part;

/// A policy layer: statements, and whether a document of it is not in the export.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    pub statements: Vec<Statement>,
    pub missing: bool,
}

impl Layer {
    /// Adds a document; `None` is one that the export refers to and does not hold.
    pub fn add(&mut self, document: Option<&Value>) {
        match document.and_then(document::statements) {
            Some(statements) => self.statements.extend(statements),
            None => self.missing = true,
        }
    }
}

/// A user or a role with everything that is attached to it.
#[derive(Debug, Clone)]
pub struct Principal {
    pub arn: String,
    pub account: String,
    pub name: String,
    pub id: String,
    pub role: bool,
    pub service_linked: bool,
    /// Tags by key in lower case.
    pub tags: BTreeMap<String, String>,
    pub identity: Layer,
    pub boundary: Option<Layer>,
    /// Trust policy of a role.
    pub trust: Layer,
}

/// One resource with its policy.
#[derive(Debug, Clone)]
pub struct ResourcePolicy {
    pub resource: String,
    pub account: Option<String>,
    pub layer: Layer,
}

/// One node on the way from the root to an account.
#[derive(Debug, Clone, Default)]
pub struct Level {
    pub scp: Layer,
    pub rcp: Layer,
}

/// The organisation tree, by account.
#[derive(Debug, Clone, Default)]
pub struct Organization {
    pub id: String,
    pub management: String,
    pub any_scp: bool,
    /// Levels from the root down, and the organisation path, of each account.
    pub accounts: BTreeMap<String, (Vec<Level>, String)>,
}

/// Principals of all accounts, by ARN.
pub fn principals(gaad: &[Value]) -> BTreeMap<String, Principal> {
    let mut policies: BTreeMap<&str, Option<&Value>> = BTreeMap::new();
    let mut groups: BTreeMap<(&str, &str), &Value> = BTreeMap::new();
    for page in gaad {
        for policy in items(page, "Policies") {
            policies.insert(text(policy, "Arn"), default_version(policy));
        }
        for group in items(page, "GroupDetailList") {
            groups.insert((arn_part(text(group, "Arn"), 4), text(group, "GroupName")), group);
        }
    }
    let mut found = BTreeMap::new();
    for page in gaad {
        for (key, role) in [("UserDetailList", false), ("RoleDetailList", true)] {
            for value in items(page, key) {
                let principal = principal(value, role, &policies, &groups);
                found.insert(principal.arn.clone(), principal);
            }
        }
    }
    found
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn default_version(policy: &Value) -> Option<&Value> {
    let named = text(policy, "DefaultVersionId");
    items(policy, "PolicyVersionList")
        .iter()
        .find(|version| {
            version.get("IsDefaultVersion").and_then(Value::as_bool).unwrap_or(text(version, "VersionId") == named)
        })?
        .get("Document")
}

fn principal(
    value: &Value,
    role: bool,
    policies: &BTreeMap<&str, Option<&Value>>,
    groups: &BTreeMap<(&str, &str), &Value>,
) -> Principal {
    let managed = |arn: &str| policies.get(arn).copied().flatten();
    let (kind, id) = if role { ("Role", "RoleId") } else { ("User", "UserId") };
    let account = arn_part(text(value, "Arn"), 4).to_owned();
    let mut identity = Layer::default();
    let mut holders = vec![(kind, value)];
    for name in value.get("GroupList").map(strings).unwrap_or_default() {
        match groups.get(&(account.as_str(), name.as_str())) {
            Some(group) => holders.push(("Group", group)),
            None => identity.missing = true,
        }
    }
    for (kind, holder) in holders {
        for inline in items(holder, &format!("{kind}PolicyList")) {
            identity.add(inline.get("PolicyDocument"));
        }
        for attached in items(holder, "AttachedManagedPolicies") {
            identity.add(managed(text(attached, "PolicyArn")));
        }
    }
    let boundary = value.get("PermissionsBoundary").filter(|boundary| !boundary.is_null()).map(|boundary| {
        let mut layer = Layer::default();
        layer.add(managed(text(boundary, "PermissionsBoundaryArn")));
        layer
    });
    let mut trust = Layer::default();
    if role {
        trust.add(value.get("AssumeRolePolicyDocument"));
    }
    Principal {
        arn: text(value, "Arn").to_owned(),
        account,
        name: text(value, &format!("{kind}Name")).to_owned(),
        id: text(value, id).to_owned(),
        role,
        service_linked: role && text(value, "Path").starts_with("/aws-service-role/"),
        tags: items(value, "Tags")
            .iter()
            .map(|tag| (text(tag, "Key").to_ascii_lowercase(), text(tag, "Value").to_owned()))
            .collect(),
        identity,
        boundary,
        trust,
    }
}

/// Resource policies as the export lists them.
pub fn resource_policies(document: Option<&Value>) -> Vec<ResourcePolicy> {
    let entries = document.map(list).unwrap_or_default();
    let read = |entry: &Value| {
        let mut layer = Layer::default();
        layer.add(entry.get("Policy"));
        let account = entry.get("Account").map(strings).and_then(|mut texts| texts.pop());
        ResourcePolicy { resource: text(entry, "Resource").to_owned(), account, layer }
    };
    entries.iter().map(read).collect()
}

/// The organisation tree.
pub fn organization(root: &Value) -> Organization {
    let arn = text(root, "Arn");
    let mut organization = Organization {
        id: arn_part(arn, 5).split('/').nth(1).unwrap_or("").to_owned(),
        management: arn_part(arn, 4).to_owned(),
        ..Organization::default()
    };
    let start = format!("{}/", organization.id);
    walk(root, &[], &start, &mut organization);
    organization
}

fn walk(node: &Value, above: &[Level], path: &str, organization: &mut Organization) {
    let mut level = Level::default();
    for policy in items(node, "Policies") {
        match text(policy, "Type") {
            "SERVICE_CONTROL_POLICY" => {
                organization.any_scp = true;
                level.scp.add(policy.get("Content"));
            }
            "RESOURCE_CONTROL_POLICY" => level.rcp.add(policy.get("Content")),
            _ => {}
        }
    }
    let mut levels = above.to_vec();
    levels.push(level);
    if text(node, "Type").eq_ignore_ascii_case("account") {
        organization.accounts.insert(text(node, "Id").to_owned(), (levels, path.to_owned()));
        return;
    }
    let path = format!("{path}{}/", text(node, "Id"));
    for child in items(node, "Children") {
        walk(child, &levels, &path, organization);
    }
}
