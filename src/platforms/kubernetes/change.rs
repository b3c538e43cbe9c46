//! Changes of clusters: resources of Terraform's Kubernetes provider, as the objects that they make, and what follows
//! for whoever is new.

use serde_json::{Map, Value, json};

use super::{NAME, names, read};
use crate::model::{Attribute, Builder, EntityId, Membership, MembershipKind, SourceId, Standing, Tables};
use crate::platforms::declared::{Attributes, Declaring, blocks, text};

/// Puts a resource into a builder; whether it is one that is read.
pub fn declare(kind: &str, value: &Attributes, place: &str, context: &Declaring<'_>, out: &mut Builder) -> bool {
    let plain = kind.strip_suffix("_v1").unwrap_or(kind);
    let object = match plain {
        "kubernetes_role" => role("Role", value),
        "kubernetes_cluster_role" => role("ClusterRole", value),
        "kubernetes_role_binding" => binding("RoleBinding", value),
        "kubernetes_cluster_role_binding" => binding("ClusterRoleBinding", value),
        "kubernetes_service_account" => json!({"kind": "ServiceAccount", "metadata": metadata(value)}),
        "kubernetes_manifest" => value.get("manifest").cloned().unwrap_or(Value::Null),
        _ => return false,
    };
    if blocks(value, "aggregation_rule").iter().any(|rule| !rule.is_empty()) {
        let message =
            "what an aggregated role has follows from labels of others, which a plan does not show".to_owned();
        out.skip("role_aggregated", place, message);
    }
    let clusters = context.scopes(NAME);
    match clusters.as_slice() {
        [one] => read::object(out, Some(one.id.clone()), &object, place),
        [] => read::object(out, None, &object, place),
        several => {
            let ids: Vec<&str> = several.iter().map(|one| one.id.as_str()).collect();
            let message = format!("which cluster the plan is of does not show: {}", ids.join(", "));
            out.skip("cluster_ambiguous", place, message);
        }
    }
    // Who is named is in the groups that everyone of the kind is in: no resource says so or can end it.
    let known: Vec<bool> = out.entities().iter().map(|entity| context.is_there(&entity.id)).collect();
    out.memberships.retain(|row| !known.get(row.member.index()).copied().unwrap_or(false));
    true
}

/// Puts users and service accounts that are new into the groups that all of their kind are in, and gives accounts the
/// name by which they are known.
pub fn changed(tables: &mut Tables, fresh: &[EntityId]) {
    let (mut memberships, mut attributes) = (Vec::new(), Vec::new());
    for &number in fresh {
        let entity = tables.entity(number).clone();
        let Some(parts) = names::parts(&entity.id).filter(|_| entity.platform == NAME && entity.present) else {
            continue;
        };
        let group = |name: &str| (names::object(parts.cluster, "", "group", name), MembershipKind::MemberOf);
        let mut within = vec![group(names::AUTHENTICATED)];
        match parts.kind {
            "user" => {}
            "serviceaccount" => {
                let shown = format!("{}{}:{}", names::SERVICE_ACCOUNT, parts.namespace, parts.name);
                within.push(group(names::SERVICE_ACCOUNTS));
                within.push(group(&format!("{}:{}", names::SERVICE_ACCOUNTS, parts.namespace)));
                let space = names::object(parts.cluster, "", "namespace", parts.namespace);
                within.push((space, MembershipKind::Contains));
                for (key, value) in [("kind", "ServiceAccount"), ("federated_subject", shown.as_str())] {
                    if tables.attribute(number, key).is_none() {
                        attributes.push(Attribute { entity: number, key: key.to_owned(), value: value.to_owned() });
                    }
                }
                tables.entities[number.index()].name = shown;
            }
            _ => continue,
        }
        for (container, kind) in within {
            let Some(container) = tables.find(&container) else { continue };
            memberships.push(Membership {
                member: number,
                container,
                kind,
                standing: Standing::Active,
                expires_at: None,
                source: entity.source.unwrap_or(SourceId(0)),
                record: entity.record.clone().unwrap_or_default(),
            });
        }
    }
    if memberships.is_empty() && attributes.is_empty() {
        return;
    }
    tables.memberships.append(&mut memberships);
    tables.memberships.sort_by_key(|row| (row.member, row.container, row.kind));
    tables.memberships.dedup_by_key(|row| (row.member, row.container, row.kind));
    tables.attributes.append(&mut attributes);
    tables.attributes.sort_by(|a, b| (a.entity, &a.key, &a.value).cmp(&(b.entity, &b.key, &b.value)));
}

fn metadata(value: &Attributes) -> Value {
    let blocks = blocks(value, "metadata");
    let Some(block) = blocks.first() else { return Value::Null };
    let mut fields = Map::new();
    for key in ["name", "generate_name", "namespace", "labels", "annotations"] {
        if let Some(found) = block.get(key).filter(|found| !found.is_null()) {
            let key = if key == "generate_name" { "generateName" } else { key };
            fields.insert(key.to_owned(), found.clone());
        }
    }
    Value::Object(fields)
}

/// An object of the API with the keys that the provider writes otherwise.
fn renamed(block: &Attributes, keys: &[(&str, &str)]) -> Value {
    let found = keys.iter().filter_map(|(from, to)| {
        let value = block.get(*from).filter(|value| !value.is_null() && **value != json!(""))?;
        Some(((*to).to_owned(), value.clone()))
    });
    Value::Object(found.collect())
}

fn role(kind: &str, value: &Attributes) -> Value {
    let keys = [
        ("api_groups", "apiGroups"),
        ("resources", "resources"),
        ("verbs", "verbs"),
        ("resource_names", "resourceNames"),
        ("non_resource_urls", "nonResourceURLs"),
    ];
    let rules: Vec<Value> = blocks(value, "rule").into_iter().map(|rule| renamed(rule, &keys)).collect();
    json!({"kind": kind, "metadata": metadata(value), "rules": rules})
}

fn binding(kind: &str, value: &Attributes) -> Value {
    let keys = [("kind", "kind"), ("name", "name"), ("api_group", "apiGroup")];
    let role = blocks(value, "role_ref").first().map_or(Value::Null, |role| renamed(role, &keys));
    let subject = |subject: &Attributes| {
        // Only service accounts are in a namespace; the provider says `default` for all.
        let is_account = text(subject, "kind") == Some("ServiceAccount");
        let keys: &[(&str, &str)] = if is_account {
            &[("kind", "kind"), ("name", "name"), ("namespace", "namespace")]
        } else {
            &[("kind", "kind"), ("name", "name")]
        };
        renamed(subject, keys)
    };
    let subjects: Vec<Value> = blocks(value, "subject").into_iter().map(subject).collect();
    json!({"kind": kind, "metadata": metadata(value), "roleRef": role, "subjects": subjects})
}
