//! Vault's identity store: entities with their aliases, and groups.

use serde_json::Value;

use super::record::Record;
use crate::model::{EntityKind, MembershipKind};

/// Kinds of auth method by which machines log in.
const MACHINES: [&str; 9] = ["approle", "kubernetes", "aws", "gcp", "azure", "cert", "alicloud", "oci", "cf"];
/// Kinds by which people do.
const PEOPLE: [&str; 6] = ["oidc", "okta", "github", "ldap", "saml", "radius"];

/// `identity/entity/id/ID`.
pub fn entity(record: &mut Record<'_>) {
    record.expect_lists(&["policies", "direct_group_ids", "group_ids"]);
    let Some(id) = record.text("id") else {
        return record.skip("record_invalid", "an entity has no `id`".to_owned());
    };
    record.out.source.records += 1;
    let aliases = record.data.get("aliases").and_then(Value::as_array).cloned().unwrap_or_default();
    let types: Vec<String> =
        aliases.iter().filter_map(|alias| alias.get("mount_type").and_then(Value::as_str)).map(str::to_owned).collect();
    let all = |kinds: &[&str]| !types.is_empty() && types.iter().all(|one| kinds.contains(&one.as_str()));
    let kind = if all(&MACHINES) { EntityKind::ServiceAccount } else { EntityKind::User };
    let name = record.text("name").unwrap_or_else(|| id.clone());
    let mut entity = record.entity(&format!("identity/entity/id/{id}"), kind, &name);
    entity.unique_id = Some(id.clone());
    entity.created_at = record.time("creation_time");
    entity.enabled = record.flag("disabled").map(|disabled| !disabled);
    entity.owner = owner(record);
    if all(&MACHINES) {
        entity.nhi = Some(true);
        entity.nhi_reason = Some(format!("logs in with {}", types.join(", ")));
    } else if all(&PEOPLE) {
        entity.nhi = Some(false);
        entity.nhi_reason = Some(format!("logs in with {}", types.join(", ")));
    }
    let handle = record.out.define(entity);
    record.pairs(handle, "metadata", "metadata:");
    let mut policies = record.list("policies");
    policies.push("default".to_owned());
    record.attach(handle, &policies);
    let groups = if record.data.contains_key("direct_group_ids") { "direct_group_ids" } else { "group_ids" };
    for group in record.list(groups) {
        let group = record.refer(&format!("identity/group/id/{group}"), EntityKind::Group, &group);
        record.member(handle, group, MembershipKind::MemberOf, None);
    }
    for alias in &aliases {
        let text = |key: &str| alias.get(key).and_then(Value::as_str).unwrap_or_default();
        let (mount, name) = (text("mount_path").trim_matches('/'), text("name"));
        if !name.is_empty() {
            // Templates ask by the accessor of the mount, links to roles by its path.
            record.out.attribute(handle, &format!("alias:{}", text("mount_accessor")), name);
            record.out.attribute(handle, "alias", &format!("{mount}\n{name}"));
        }
        if let Some(pairs) = alias.get("metadata").and_then(Value::as_object) {
            for (key, value) in pairs.iter().filter_map(|(key, value)| Some((key, value.as_str()?))) {
                record.out.attribute(handle, &format!("alias_metadata:{}:{key}", text("mount_accessor")), value);
            }
        }
    }
}

/// Who answers for something, by the metadata that people put there.
fn owner(record: &Record<'_>) -> Option<String> {
    let metadata = record.data.get("metadata")?.as_object()?;
    let found = ["owner", "contact", "team"].iter().find_map(|key| metadata.get(*key)?.as_str());
    found.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// `identity/group/id/ID`, internal or external.
pub fn group(record: &mut Record<'_>) {
    record.expect_lists(&["policies", "member_entity_ids", "member_group_ids", "parent_group_ids"]);
    let Some(id) = record.text("id") else {
        return record.skip("record_invalid", "a group has no `id`".to_owned());
    };
    record.out.source.records += 1;
    let name = record.text("name").unwrap_or_else(|| id.clone());
    let mut entity = record.entity(&format!("identity/group/id/{id}"), EntityKind::Group, &name);
    entity.unique_id = Some(id);
    entity.created_at = record.time("creation_time");
    entity.owner = owner(record);
    let group = record.out.define(entity);
    record.facts(group, &["type"]);
    record.pairs(group, "metadata", "metadata:");
    let policies = record.list("policies");
    record.attach(group, &policies);
    for id in record.list("member_entity_ids") {
        let member = record.refer(&format!("identity/entity/id/{id}"), EntityKind::User, &id);
        record.member(member, group, MembershipKind::MemberOf, None);
    }
    for id in record.list("member_group_ids") {
        let member = record.refer(&format!("identity/group/id/{id}"), EntityKind::Group, &id);
        record.member(member, group, MembershipKind::MemberOf, None);
    }
    for id in record.list("parent_group_ids") {
        let parent = record.refer(&format!("identity/group/id/{id}"), EntityKind::Group, &id);
        record.member(group, parent, MembershipKind::MemberOf, None);
    }
    if let Some(alias) = record.data.get("alias").and_then(|alias| alias.get("name")).and_then(Value::as_str) {
        let alias = alias.to_owned();
        record.out.attribute(group, "alias", &alias);
    }
}
