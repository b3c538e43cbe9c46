//! Roles and cluster roles: their rules become statements, their selectors wait for the joined tables.

use serde_json::Value;

use super::objects::{Meta, Objects};
use super::value::{at, list, text, texts};
use crate::model::{Effect, EntityKind, Grant, Handle, IssueSeverity, Layer};
use crate::platforms::kubernetes::notation::{Lists, STAR};

/// Attribute of an aggregated cluster role: its selectors as JSON.
pub const AGGREGATES: &str = "aggregation_rule";

/// Whether a kind is read here.
#[must_use]
pub fn takes(kind: &str) -> bool {
    matches!(kind, "Role" | "ClusterRole")
}

/// Reads a role.
pub fn read(objects: &mut Objects<'_>, meta: &Meta<'_>) {
    let shown =
        if meta.namespace.is_empty() { meta.name.to_string() } else { format!("{}/{}", meta.namespace, meta.name) };
    let role = objects.define(meta, EntityKind::RoleDefinition, &shown);
    if meta.kind == "ClusterRole"
        && let Some(selectors) = at(meta.value, &["aggregationRule", "clusterRoleSelectors"])
    {
        objects.out.attribute(role, "aggregated", "true");
        objects.out.attribute(role, AGGREGATES, &selectors.to_string());
    }
    if let Some(rules) = meta.value.get("rules").filter(|rules| !rules.is_null() && !rules.is_array()) {
        let message = format!("the rules of {} `{shown}` are no list but {rules}", meta.kind);
        objects.out.skip("rules_invalid", meta.place, message);
    }
    for (number, rule) in list(meta.value, "rules").iter().enumerate() {
        statement(objects, meta, role, number, rule);
    }
}

/// One rule as one statement, or as two when it has both resources and URLs.
fn statement(objects: &mut Objects<'_>, meta: &Meta<'_>, role: Handle, number: usize, rule: &Value) {
    let place = format!("{}/rules/{number}", meta.place);
    if !rule.is_object() {
        return objects.out.skip("rule_invalid", &place, format!("rule {number} of `{}` is no object", meta.name));
    }
    let mut odd = false;
    let mut words = |key: &str| -> Vec<String> {
        let plain = |text: &&str| !text.contains([',', ' ', '\t', '\n', ':']) || key == "resourceNames";
        let all: Vec<&str> = texts(rule, key).collect();
        odd |= all.len() < list(rule, key).len() || !all.iter().all(plain);
        odd |= rule.get(key).is_some_and(|value| !value.is_null() && !value.is_array());
        all.iter().filter(|text| plain(text)).map(|&text| text.to_owned()).collect()
    };
    let (verbs, groups, resources) = (words("verbs"), words("apiGroups"), words("resources"));
    let (names, urls) = (words("resourceNames"), words("nonResourceURLs"));
    if odd {
        let message = format!("rule {number} of `{}` has something that is no word: the rest of it is read", meta.name);
        objects.out.issue(IssueSeverity::Warning, "rule_doubtful", &place, message);
    }
    // A URL begins with a slash, or is a star.
    let urls: Vec<String> = urls.into_iter().filter(|url| url.starts_with('/') || url == "*").collect();
    let urls = if urls.first().is_some_and(|url| url == "*") { vec!["/*".to_owned()] } else { urls };
    let on_urls = Lists { verbs: verbs.clone(), urls, ..Lists::default() };
    let on_resources = Lists { verbs, groups, resources, urls: Vec::new() };
    let granted_at = objects.out.entity(role).created_at;
    let mut push = |action: Option<String>, names: Vec<String>| {
        let Some(action) = action else { return };
        // A star as a name is a name like any other.
        let name = |name: String| if name == "*" { STAR.to_owned() } else { name };
        let resources = if names.is_empty() { vec!["*".to_owned()] } else { names.into_iter().map(name).collect() };
        let grant = u32::try_from(objects.out.grants.len()).unwrap_or(u32::MAX);
        objects.out.grants.push(Grant {
            grant,
            holder: role,
            effect: Effect::Allow,
            actions: vec![action],
            not_actions: Vec::new(),
            resources,
            not_resources: Vec::new(),
            principals: Vec::new(),
            not_principals: Vec::new(),
            condition: None,
            variables: false,
            layer: Layer::Identity,
            policy: format!("{} {}", meta.kind, objects.out.entity(role).name),
            statement: format!("#{number}"),
            granted_at,
            expires_at: None,
            source: objects.out.source_id(),
            record: place.clone(),
        });
    };
    push(on_resources.write(), names);
    if meta.kind == "ClusterRole" && !on_urls.urls.is_empty() {
        push(on_urls.write(), Vec::new());
    }
}

/// Kind and name of the role that a binding refers to.
#[must_use]
pub fn reference(binding: &Value) -> Option<(String, String)> {
    let role = binding.get("roleRef")?;
    Some((text(role, "kind")?.into_owned(), text(role, "name")?.into_owned()))
}
