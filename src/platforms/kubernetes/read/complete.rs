//! Completes the joined tables: aggregated roles, service accounts that must exist, who mounts a token, what a
//! namespace admits, and what is referred to and missing.

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::super::NAME;
use super::super::defaults;
use super::names;
use super::pod_spec::AUTOMOUNT;
use super::roles::AGGREGATES;
use super::selector;
use crate::model::{
    Attachment, AttachmentKind, Attribute, Entity, EntityId, EntityKind, Issue, IssueSeverity, Membership,
    MembershipKind, Tables,
};

/// See [`crate::platforms::Platform::complete`].
pub fn complete(tables: &mut Tables) {
    if tables.entities.iter().all(|entity| entity.platform != NAME) {
        return;
    }
    tidy(tables);
    place_and_name(tables);
    aggregate(tables);
    settle_roles(tables);
    let mut fresh = tokens(tables);
    fresh.extend(admission(tables));
    fresh.extend(providers(tables));
    tables.attributes.append(&mut fresh);
    report_missing(tables);
    tidy(tables);
}

fn tidy(tables: &mut Tables) {
    tables.attributes.sort_by(|a, b| (a.entity, &a.key, &a.value).cmp(&(b.entity, &b.key, &b.value)));
    tables.attributes.dedup();
}

/// Service accounts exist that no export has to list: `default` in every namespace, and all that are named when an
/// export has no service accounts at all. Whoever acts without a person behind it is a non-human identity.
fn place_and_name(tables: &mut Tables) {
    let mut listed: FxHashSet<String> = FxHashSet::default();
    for row in tables.attributes.iter().filter(|row| row.key == "defined") {
        listed.extend(tables.entity(row.entity).scope.clone());
    }
    let mut assumed: FxHashMap<String, u64> = FxHashMap::default();
    for entity in tables.entities.iter_mut().filter(|entity| entity.platform == NAME) {
        let scope = entity.scope.clone().unwrap_or_default();
        match entity.kind {
            EntityKind::ServiceAccount => {
                if !entity.present && (entity.name.ends_with(":default") || !listed.contains(&scope)) {
                    entity.present = true;
                    if !entity.name.ends_with(":default") {
                        *assumed.entry(scope).or_default() += 1;
                    }
                }
                entity.nhi = Some(true);
                entity.nhi_reason = Some("service account".to_owned());
            }
            EntityKind::Workload => {
                entity.nhi = Some(true);
                entity.nhi_reason = Some("runs in pods".to_owned());
            }
            EntityKind::User if entity.name.starts_with("system:") => {
                entity.nhi = Some(true);
                entity.nhi_reason =
                    Some("component of the cluster: users of people do not begin with system:".to_owned());
            }
            EntityKind::User if entity.name.ends_with(".gserviceaccount.com") => {
                entity.nhi = Some(true);
                entity.nhi_reason = Some("service account of Google Cloud".to_owned());
            }
            _ => {}
        }
    }
    let mut assumed: Vec<(String, u64)> = assumed.into_iter().collect();
    assumed.sort();
    for (cluster, count) in assumed {
        let message = format!(
            "no service account of `{cluster}` is in the export: the {count} that bindings and pods name are taken to exist"
        );
        tables.issues.push(note("service_accounts_assumed", message));
    }
}

fn note(code: &str, message: String) -> Issue {
    Issue { severity: IssueSeverity::Note, source: None, record: String::new(), code: code.to_owned(), message }
}

/// A cluster role that aggregates has the rules of every cluster role that its selectors select.
fn aggregate(tables: &mut Tables) {
    let mut by_cluster: FxHashMap<&str, Vec<EntityId>> = FxHashMap::default();
    for entity in tables.entities.iter().filter(|entity| is_cluster_role(entity) && entity.present) {
        by_cluster.entry(entity.scope.as_deref().unwrap_or_default()).or_default().push(entity.entity);
    }
    let mut fresh = Vec::new();
    for row in tables.attributes.iter().filter(|row| row.key == AGGREGATES) {
        let own = tables.entity(row.entity);
        let Ok(Value::Array(selectors)) = serde_json::from_str::<Value>(&row.value) else { continue };
        for &role in by_cluster.get(own.scope.as_deref().unwrap_or_default()).into_iter().flatten() {
            let label = |key: &str| tables.attribute(role, &format!("tag:{key}"));
            if role != row.entity && selectors.iter().any(|one| selector::selects(one, label)) {
                let place = own.record.clone().unwrap_or_default();
                let Some(source) = own.source else { continue };
                let kind = AttachmentKind::Identity;
                fresh.push(Attachment { holder: row.entity, policy: role, kind, source, record: place });
            }
        }
    }
    tables.attachments.append(&mut fresh);
    tables.attachments.sort_by_key(|row| (row.holder, row.kind, row.policy, row.source));
    tables.attachments.dedup_by_key(|row| (row.holder, row.kind, row.policy));
}

fn is_cluster_role(entity: &Entity) -> bool {
    entity.platform == NAME && names::parts(&entity.id).is_some_and(|parts| parts.kind == "clusterrole")
}

/// Whose managed service a cluster may be: its nodes say where they run.
fn providers(tables: &Tables) -> Vec<Attribute> {
    let clusters = tables.entities.iter().filter(|entity| entity.platform == NAME && entity.scope.is_none());
    let clusters = clusters.filter(|entity| entity.kind == EntityKind::Scope);
    let state = |cluster: &Entity, key: &str, provider: &str| {
        let other = tables.attribute(cluster.entity, "provider").is_some_and(|known| known != provider);
        Attribute { entity: cluster.entity, key: key.to_owned(), value: (!other).to_string() }
    };
    clusters.flat_map(|cluster| [state(cluster, "may_be_eks", "aws"), state(cluster, "may_be_aks", "azure")]).collect()
}

/// Whether the token of its service account is mounted in a workload: the pod's own word counts before that of its
/// account, and without either it is.
fn tokens(tables: &Tables) -> Vec<Attribute> {
    let runs = tables.memberships.iter().filter(|row| row.kind == MembershipKind::RunsAs);
    let workloads = runs.filter(|row| tables.entity(row.member).kind == EntityKind::Workload);
    let one = |row: &Membership| {
        let own = tables.attribute(row.member, AUTOMOUNT).or_else(|| tables.attribute(row.container, AUTOMOUNT));
        let value = (own != Some("false")).to_string();
        Attribute { entity: row.member, key: "token_mounted".to_owned(), value }
    };
    workloads.map(one).collect()
}

/// Whether a namespace admits pods that can leave their containers.
fn admission(tables: &Tables) -> Vec<Attribute> {
    let spaces = tables.entities.iter().filter(|entity| entity.platform == NAME && entity.kind == EntityKind::Scope);
    let one = |entity: &Entity| {
        names::parts(&entity.id).filter(|parts| parts.kind == "namespace")?;
        let cluster = entity.scope.as_deref().and_then(|scope| tables.find(scope));
        let policies = cluster.and_then(|cluster| tables.attribute(cluster, "admission_policies")).is_some();
        let value = match tables.attribute(entity.entity, "pod_security") {
            Some("baseline" | "restricted") => "false",
            Some(_) if policies => "unknown: whether an admission policy of the cluster refuses such pods",
            Some(_) => "true",
            None => "unknown: the labels of the namespace, which may refuse such pods, are not in the export",
        };
        Some(Attribute { entity: entity.entity, key: "admits_escape".to_owned(), value: value.to_owned() })
    };
    spaces.filter_map(one).collect()
}

/// Roles that are bound and not in the export: those that every cluster has are there all the same, and the rules of
/// others are unknown unless the export is of a live cluster, in which such a role does not exist.
fn settle_roles(tables: &mut Tables) {
    let mut fresh = Vec::new();
    let mut present = Vec::new();
    let bound: FxHashSet<EntityId> = tables.attachments.iter().map(|row| row.policy).collect();
    for entity in tables.entities.iter().filter(|entity| entity.platform == NAME && !entity.present) {
        if !bound.contains(&entity.entity) {
            continue;
        }
        let mut state = |key: &str, value: &str| {
            fresh.push(Attribute { entity: entity.entity, key: key.to_owned(), value: value.to_owned() });
        };
        if defaults::rules(&entity.id).is_some() {
            state(defaults::BUILT_IN, "true");
            let in_namespace = names::parts(&entity.id).is_some_and(|parts| !parts.namespace.is_empty());
            state("kind", if in_namespace { "Role" } else { "ClusterRole" });
            present.push(entity.entity);
        } else if !defaults::is_live(tables, entity.scope.as_deref().unwrap_or_default()) {
            state("rules_unknown", "true");
        }
    }
    for entity in present {
        tables.entities[entity.index()].present = true;
    }
    tables.attributes.append(&mut fresh);
    tidy(tables);
}

/// Bindings to roles whose rules nothing says, and to service accounts that do not exist.
fn report_missing(tables: &mut Tables) {
    let mut missing = Vec::new();
    for row in &tables.attachments {
        let (holder, policy) = (tables.entity(row.holder), tables.entity(row.policy));
        if policy.platform != NAME {
            continue;
        }
        let (severity, code, message) = if !policy.present {
            let live = tables.attribute(row.policy, "rules_unknown").is_none();
            let (severity, outcome) = if live {
                (IssueSeverity::Note, "it gives nothing")
            } else {
                (IssueSeverity::Warning, "what it gives is not known")
            };
            let message = format!("`{}` refers to `{}`, which is not in the export: {outcome}", holder.id, policy.id);
            (severity, "role_missing", message)
        } else if !holder.present {
            let message =
                format!("`{}` is for `{}`, which does not exist: whoever creates it has it", policy.id, holder.name);
            (IssueSeverity::Note, "subject_missing", message)
        } else {
            continue;
        };
        missing.push(Issue {
            severity,
            source: Some(row.source),
            record: row.record.clone(),
            code: code.to_owned(),
            message,
        });
    }
    tables.issues.append(&mut missing);
}
