//! What only shows when all files are together: the cluster's name, which roles entities log in through, whose tokens
//! a method takes, and policies that are named and in no file.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::super::{NAME, names};
use crate::model::{
    Attribute, Builder, Entity, EntityId, EntityKind, Issue, IssueSeverity, Membership, MembershipKind, SourceId,
    Standing, Tables,
};

/// Policies that every Vault has.
const BUILT_IN: [&str; 2] = ["root", "default"];

/// Calls the clusters by their names: what is in the folder of a `vault status`, or below it, is of that cluster.
pub fn reconcile(builders: &mut [Builder]) {
    let folder = |path: &str| path.rfind(['/', '!']).map_or(String::new(), |at| path[..at].to_owned());
    let mut named: Vec<(String, String)> = Vec::new();
    for builder in builders.iter() {
        let Some(cluster) = builder.handle(names::CLUSTER) else { continue };
        let of = |key: &str| {
            let found = builder.attributes.iter().find(|row| row.entity == cluster && row.key == key);
            found.map(|row| row.value.clone())
        };
        if let Some(name) = of("cluster_name").or_else(|| of("cluster_id")).filter(|name| !name.contains('/')) {
            named.push((folder(&builder.source.path), name));
        }
    }
    // The folder that is nearest counts; of several in one folder the first.
    named.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
    for builder in builders.iter_mut() {
        if !builder.source.kind.starts_with("vault-") || builder.handle(names::CLUSTER).is_none() {
            continue;
        }
        let own = folder(&builder.source.path);
        let inside = |above: &str| {
            above.is_empty() || own == above || own.strip_prefix(above).is_some_and(|rest| rest.starts_with(['/', '!']))
        };
        let Some((_, name)) = named.iter().find(|(above, _)| inside(above)) else { continue };
        let fresh = format!("{NAME}:{name}");
        let renamed = |id: &str| {
            let rest = id.strip_prefix(names::CLUSTER)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{fresh}{rest}"))
        };
        for credential in &mut builder.credentials {
            if let Some(id) = renamed(&credential.credential) {
                credential.credential = id;
            }
        }
        builder.rename(renamed);
        if let Some(cluster) = builder.handle(&fresh) {
            let entity = Entity { name: name.clone(), ..builder.entity(cluster).clone() };
            builder.replace(cluster, entity);
        }
    }
}

/// See [`crate::platforms::Platform::complete`].
pub fn complete(tables: &mut Tables) {
    if tables.entities.iter().all(|entity| entity.platform != NAME) {
        return;
    }
    logins(tables);
    issuers(tables);
    settle_policies(tables);
    report_missing(tables);
    tables.attributes.sort_by(|a, b| (a.entity, &a.key, &a.value).cmp(&(b.entity, &b.key, &b.value)));
    tables.attributes.dedup();
}

/// Links entities to the roles and users that their aliases are of.
fn logins(tables: &mut Tables) {
    let mut by_role_id: FxHashMap<(String, &str), EntityId> = FxHashMap::default();
    for row in tables.attributes.iter().filter(|row| row.key == "role_id") {
        let id = &tables.entity(row.entity).id;
        if let Some((mount, _)) = id.split_once("/role/") {
            by_role_id.insert((mount.to_owned(), &row.value), row.entity);
        }
    }
    let mut found = Vec::new();
    for row in tables.attributes.iter().filter(|row| row.key == "alias") {
        let (entity, Some((mount, name))) = (tables.entity(row.entity), row.value.split_once('\n')) else { continue };
        let mount = format!("{}/{mount}", names::cluster(&entity.id));
        let role = by_role_id.get(&(mount.clone(), name)).copied();
        if let Some(role) = role.or_else(|| tables.find(&format!("{mount}/users/{name}"))) {
            found.push((row.entity, role));
        }
    }
    for (member, container) in found {
        let source = tables.entity(member).source.unwrap_or(SourceId(0));
        let record = tables.entity(member).record.clone().unwrap_or_default();
        let (kind, standing) = (MembershipKind::RunsAs, Standing::Active);
        tables.memberships.push(Membership { member, container, kind, standing, expires_at: None, source, record });
    }
    tables.attributes.retain(|row| row.key != "alias" || !row.value.contains('\n'));
    tables.memberships.sort_by_key(|row| (row.member, row.container, row.kind, row.source));
    tables.memberships.dedup_by_key(|row| (row.member, row.container, row.kind));
}

/// Puts the issuer in the place of the mount in trusts, where the method's configuration was exported.
fn issuers(tables: &mut Tables) {
    let mut changed: BTreeMap<u32, (String, String)> = BTreeMap::new();
    for trust in &tables.trusts {
        let target = tables.entity(trust.target);
        let Some(mount) = trust.trustee_pattern.strip_prefix("Federated:auth/") else { continue };
        let mount = format!("auth/{mount}");
        let known = tables.find(&format!("{}/{mount}", names::cluster(&target.id)));
        if let (NAME, Some(issuer)) = (target.platform.as_str(), known.and_then(|id| tables.attribute(id, "issuer"))) {
            changed.insert(trust.grant, (mount, issuer.to_owned()));
        }
    }
    let replace = |text: &mut String, (mount, issuer): &(String, String)| {
        *text = text.replace(&format!("\"{mount}:"), &format!("\"{issuer}:"));
        if *text == format!("Federated:{mount}") {
            *text = format!("Federated:{issuer}");
        }
    };
    for trust in &mut tables.trusts {
        if let Some(change) = changed.get(&trust.grant) {
            replace(&mut trust.trustee_pattern, change);
            trust.condition.iter_mut().for_each(|text| replace(text, change));
            trust.condition = trust.condition.take().map(|text| with_subject(text, &change.1));
        }
    }
    for (grant, change) in &changed {
        if let Some(grant) = tables.grants.get_mut(*grant as usize) {
            grant.principals.iter_mut().for_each(|text| replace(text, change));
            grant.condition.iter_mut().for_each(|text| replace(text, change));
        }
    }
}

/// GitHub's tokens say the repository in their subject as well, unless an organisation takes it out: what asks for a
/// repository lets nobody else's workflows in. Trusts of other issuers stay as they are.
pub fn with_subject(condition: String, issuer: &str) -> String {
    if !issuer.starts_with("token.actions.githubusercontent.com") {
        return condition;
    }
    let Ok(Value::Object(mut operators)) = serde_json::from_str::<Value>(&condition) else { return condition };
    let asked = |claim: &str| -> Vec<String> {
        let key = format!("{issuer}:{claim}");
        let values = operators.values().filter_map(|keys| keys.get(&key)?.as_array());
        values.flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    if !asked("sub").is_empty() {
        return condition;
    }
    let forms = |value: &String, end: &str| [format!("repo:{value}{end}"), format!("*repository:{value}*")];
    let mut subjects: Vec<String> = asked("repository").iter().flat_map(|one| forms(one, ":*")).collect();
    if subjects.is_empty() {
        let owners = asked("repository_owner");
        subjects =
            owners.iter().flat_map(|one| [format!("repo:{one}/*"), format!("*repository_owner:{one}*")]).collect();
    }
    if subjects.is_empty() {
        return condition;
    }
    let like = operators.entry("StringLike").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(keys) = like {
        keys.insert(format!("{issuer}:sub"), Value::from(subjects));
    }
    Value::Object(operators).to_string()
}

/// Entities and groups that others name and that no answer describes: what their tokens may do is not seen.
fn report_missing(tables: &mut Tables) {
    let named = |entity: &&Entity| {
        entity.platform == NAME && !entity.present && names::path(&entity.id).starts_with("identity/")
    };
    let missing: Vec<String> = tables.entities.iter().filter(named).map(|one| format!("`{}`", one.name)).collect();
    if missing.is_empty() {
        return;
    }
    let shown = missing.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    let message = format!(
        "{} entities and groups are named and in no answer, so that what they may do is unknown: {shown}; \
         export identity/entity/id and identity/group/id",
        missing.len()
    );
    let (severity, code) = (IssueSeverity::Warning, "identity_missing".to_owned());
    tables.issues.push(Issue { severity, source: None, record: String::new(), code, message });
}

/// Policies that every Vault has are there; those that the list of all policies lacks do not exist and give nothing;
/// the others are unknown.
fn settle_policies(tables: &mut Tables) {
    let is_policy = |entity: &Entity| entity.platform == NAME && names::policy_name(&entity.id).is_some();
    let listed: Vec<String> = tables
        .attributes
        .iter()
        .filter(|row| row.key == "policies_listed")
        .map(|row| tables.entity(row.entity).id.clone())
        .collect();
    let missing: Vec<EntityId> =
        tables.entities.iter().filter(|one| is_policy(one) && !one.present).map(|one| one.entity).collect();
    let mut lacking: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut fresh = Vec::new();
    for policy in missing {
        let (id, name) = (tables.entity(policy).id.clone(), tables.entity(policy).name.clone());
        let cluster = names::cluster(&id).to_owned();
        let fact = if BUILT_IN.contains(&name.as_str()) {
            "built_in"
        } else if listed.contains(&cluster) && tables.attribute(policy, "listed").is_none() {
            "nonexistent"
        } else {
            lacking.entry(cluster).or_default().push(name);
            continue;
        };
        tables.entities[policy.index()].present = true;
        fresh.push(Attribute { entity: policy, key: fact.to_owned(), value: "true".to_owned() });
    }
    tables.attributes.append(&mut fresh);
    for (cluster, names) in lacking {
        let shown: Vec<String> = names.iter().take(5).map(|name| format!("`{name}`")).collect();
        let more = if names.len() > 5 { format!(" and {} more", names.len() - 5) } else { String::new() };
        let message = format!(
            "{} policies of `{cluster}` are named and in no file, so that what they give and take is unknown: {}{more}",
            names.len(),
            shown.join(", ")
        );
        let (severity, code) = (IssueSeverity::Warning, "policy_missing".to_owned());
        tables.issues.push(Issue { severity, source: None, record: String::new(), code, message });
    }
    let referred = |entity: &Entity| entity.platform == NAME && entity.kind == EntityKind::RoleDefinition;
    for entity in tables.entities.iter_mut().filter(|entity| referred(entity)) {
        if BUILT_IN.contains(&entity.name.as_str()) && entity.scope.is_none() {
            entity.scope = Some(names::cluster(&entity.id).to_owned());
        }
    }
}
