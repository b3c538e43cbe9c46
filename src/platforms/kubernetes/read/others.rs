//! Service accounts, secrets, namespaces, nodes, and the two maps that say who people are.

use serde_json::Value;

use super::super::NAME;
use super::names;
use super::objects::{Meta, Objects};
use super::value::{at, fields, flag, list, pairs, text, texts};
use super::yaml::{self, Part};
use crate::model::text::parse_time;
use crate::model::{Credential, CredentialKind, Entity, EntityKind, Handle, IssueSeverity, MembershipKind};

/// Attribute of a service account: the cloud principal that its annotations name.
pub const FEDERATED: &str = "federated_target";
/// Label of a namespace with the strictest pods that it admits.
const POD_SECURITY: &str = "pod-security.kubernetes.io/enforce";
/// Type of secrets that hold a service account's token.
const TOKEN: &str = "kubernetes.io/service-account-token";

/// Reads a service account, and which cloud identities its annotations claim.
pub fn service_account(objects: &mut Objects<'_>, meta: &Meta<'_>) {
    let shown = format!("{}{}:{}", names::SERVICE_ACCOUNT, meta.namespace, meta.name);
    let account = objects.define(meta, EntityKind::ServiceAccount, &shown);
    objects.service_account(&meta.namespace, &meta.name);
    objects.out.attribute(account, "defined", "true");
    if let Some(own) = flag(meta.value, "automountServiceAccountToken") {
        objects.out.attribute(account, super::pod_spec::AUTOMOUNT, &own.to_string());
    }
    if let Some(role) = meta.annotation("eks.amazonaws.com/role-arn") {
        let name = role.rsplit('/').next().unwrap_or(role);
        objects.out.refer(role, "aws", EntityKind::Role, name);
        objects.out.attribute(account, FEDERATED, role);
    }
    if let Some(email) = meta.annotation("iam.gke.io/gcp-service-account") {
        let id = format!("gcp:serviceaccount/{email}");
        objects.out.refer(&id, "gcp", EntityKind::External, email);
        objects.out.attribute(account, FEDERATED, &id);
    }
    if let Some(client) = meta.annotation("azure.workload.identity/client-id") {
        let id = format!("azure:application/{client}");
        objects.out.refer(&id, "azure", EntityKind::External, client);
        objects.out.attribute(account, FEDERATED, &id);
    }
}

/// Reads what a secret is and whom it proves. Its values are counted and nothing else.
pub fn secret(objects: &mut Objects<'_>, meta: &Meta<'_>) {
    let values = ["data", "stringData"].iter().filter_map(|key| fields(meta.value, key)).map(|map| map.len() as u64);
    let values: u64 = values.sum();
    if values > 0 {
        objects.secret_values = (objects.secret_values.0 + values, objects.secret_values.1 + 1);
        objects.first_secret.get_or_insert_with(|| meta.place.to_owned());
    }
    let secret = objects.define(meta, EntityKind::Credential, &format!("{}/{}", meta.namespace, meta.name));
    let space = objects.namespace(&meta.namespace);
    objects.membership(secret, space, MembershipKind::Contains, meta.place);
    let kind = text(meta.value, "type").unwrap_or_default();
    objects.out.attribute(secret, "type", if kind.is_empty() { "Opaque" } else { &kind });
    let Some(name) = meta.annotation("kubernetes.io/service-account.name").filter(|_| kind == TOKEN) else { return };
    if name.contains(['/', ':']) {
        let message = format!("secret `{}` is for `{name}`, which is no service account", meta.name);
        return objects.out.skip("subject_invalid", meta.place, message);
    }
    let account = objects.service_account(&meta.namespace, name);
    // A token is void from the day after which it was marked for not being used.
    let void = meta.label("kubernetes.io/legacy-token-invalid-since").is_some();
    objects.out.attribute(secret, "token", if void { "false" } else { "true" });
    objects.membership(secret, account, MembershipKind::RunsAs, meta.place);
    let used = meta.label("kubernetes.io/legacy-token-last-used").and_then(parse_time);
    let entity = objects.out.entity(secret);
    let (credential, created_at) = (entity.id.clone(), entity.created_at);
    objects.out.credentials.push(Credential {
        credential,
        entity: account,
        kind: CredentialKind::Token,
        created_at,
        expires_at: None,
        last_used_at: used,
        never_used: None,
        last_rotated_at: created_at,
        active: Some(!void),
        source: objects.out.source_id(),
        record: meta.place.to_owned(),
    });
}

/// Reads a namespace. That of `kube-system` has an id by which the cluster is told from others.
pub fn namespace(objects: &mut Objects<'_>, meta: &Meta<'_>) {
    let namespace = objects.define(meta, EntityKind::Scope, &meta.name);
    let level = meta.label(POD_SECURITY).unwrap_or("none");
    objects.out.attribute(namespace, "pod_security", level);
    objects.service_account(&meta.name, "default");
    if meta.name == "kube-system"
        && let Some(uid) = text(meta.value.get("metadata").unwrap_or(&Value::Null), "uid")
    {
        let cluster = objects.cluster_scope();
        objects.out.attribute(cluster, "kube_system_uid", &uid);
    }
}

/// Reads a node: the machine, and the user that its kubelet is.
pub fn node(objects: &mut Objects<'_>, meta: &Meta<'_>) {
    let node = objects.node(Some(&meta.name));
    objects.define(meta, EntityKind::Resource, &meta.name);
    let kubelet = objects.user(&format!("{}{}", names::NODE, meta.name));
    objects.membership(node, kubelet, MembershipKind::RunsAs, meta.place);
    if let Some(provider) = at(meta.value, &["spec"]).and_then(|spec| text(spec, "providerID"))
        && let Some((provider, _)) = provider.split_once("://")
    {
        let cluster = objects.cluster_scope();
        objects.out.attribute(cluster, "provider", provider);
    }
    let roles = ["control-plane", "master"].map(|role| format!("node-role.kubernetes.io/{role}"));
    if roles.iter().any(|role| meta.label(role).is_some()) {
        objects.out.attribute(node, "control_plane", "true");
    }
}

impl Objects<'_> {
    /// A node by name, or the one that a pod will run on and nobody knows.
    pub fn node(&mut self, name: Option<&str>) -> Handle {
        self.cluster_scope();
        let own = name.unwrap_or("*");
        let id = names::object(&self.cluster, "", "Node", own);
        let shown = name.unwrap_or("node that is not known");
        let mut entity = Entity::named(&id, NAME, EntityKind::Resource, shown);
        entity.present = true;
        entity.scope = Some(self.cluster.clone());
        let node = self.out.define(entity);
        self.out.attribute(node, "kind", "Node");
        if name.is_none() {
            self.out.attribute(node, "unscheduled", "true");
        }
        node
    }
}

/// Whether objects of this kind may refuse pods for reasons that are not decided here.
#[must_use]
pub fn decides_admission(kind: &str, value: &Value) -> bool {
    let group = text(value, "apiVersion").unwrap_or_default();
    matches!(
        kind,
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" | "ValidatingAdmissionPolicyBinding"
    ) || group.starts_with("kyverno.io/") && matches!(kind, "ClusterPolicy" | "Policy")
        || group.starts_with("constraints.gatekeeper.sh/")
        || kind == "PodSecurityPolicy"
}

/// Reads the one map of EKS that says which AWS principals are which users; other maps only hold settings.
pub fn config_map(objects: &mut Objects<'_>, meta: &Meta<'_>) {
    if (meta.namespace.as_ref(), meta.name.as_ref()) != ("kube-system", "aws-auth") {
        return;
    }
    let map = objects.define(meta, EntityKind::Resource, "kube-system/aws-auth");
    objects.out.attribute(map, "aws_auth", "true");
    let data = at(meta.value, &["data"]).cloned().unwrap_or(Value::Null);
    for (key, arn, kind) in [("mapRoles", "rolearn", EntityKind::Role), ("mapUsers", "userarn", EntityKind::User)] {
        let Some(content) = text(&data, key) else { continue };
        let place = format!("{}/data/{key}", meta.place);
        yaml::read(&content, &mut |part, _| match part {
            Part::Document(Value::Array(entries)) => {
                for entry in &entries {
                    mapped(objects, entry, arn, kind, &place);
                }
            }
            Part::Document(Value::Null) => {}
            Part::Document(_) | Part::Item(_) => {
                objects.out.skip("aws_auth_invalid", &place, format!("`{key}` of aws-auth is no list"));
            }
            Part::Broken(why) => {
                objects.out.skip("aws_auth_invalid", &place, format!("`{key}` of aws-auth cannot be read: {why}"));
            }
        });
    }
}

/// One AWS principal of the map.
fn mapped(objects: &mut Objects<'_>, entry: &Value, arn: &str, kind: EntityKind, place: &str) {
    let Some(arn) = text(entry, arn).filter(|arn| arn.starts_with("arn:")) else {
        return objects.out.skip("aws_auth_invalid", place, "an entry of aws-auth names no ARN".to_owned());
    };
    principal_is(objects, &arn, kind, text(entry, "username").as_deref(), texts(entry, "groups"), place);
}

/// States which user and groups of the cluster an AWS principal is.
pub fn principal_is<'g>(
    objects: &mut Objects<'_>,
    arn: &str,
    kind: EntityKind,
    user: Option<&str>,
    groups: impl Iterator<Item = &'g str>,
    place: &str,
) {
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let principal = objects.out.refer(arn, "aws", kind, name);
    // A name with variables is another user for each session.
    if let Some(user) = user.filter(|user| !user.contains("{{")) {
        let user = objects.user(user);
        objects.membership(principal, user, MembershipKind::RunsAs, place);
    }
    for group in groups.filter(|group| !group.is_empty()) {
        let group = objects.group(group);
        objects.membership(principal, group, MembershipKind::MemberOf, place);
    }
}

/// Reads the cluster's name from a client's configuration, and nothing else: it may hold keys.
pub fn config(objects: &mut Objects<'_>, config: &Value, place: &str) {
    let current = text(config, "current-context");
    let contexts = list(config, "contexts");
    let named = |one: &&Value| current.is_some() && text(one, "name") == current;
    let context = contexts.iter().find(named).or_else(|| contexts.first().filter(|_| contexts.len() == 1));
    let cluster = context.and_then(|one| at(one, &["context"])).and_then(|context| text(context, "cluster"));
    if let Some(name) = cluster {
        let scope = objects.cluster_scope();
        objects.out.attribute(scope, "cluster_name", &names::shortened(&name));
        objects.out.source.records += 1;
    }
    let secret = ["token", "client-key-data", "password"];
    let holds = |user: &Value| {
        let own = user.get("user").unwrap_or(&Value::Null);
        pairs(user, "user").any(|(key, value)| {
            secret.contains(&key) && !value.is_empty() && value != "REDACTED" && value != "DATA+OMITTED"
        }) && own.is_object()
    };
    let keys = list(config, "users").iter().filter(|user| holds(user)).count();
    if keys > 0 {
        let message = format!(
            "this configuration holds the keys of {keys} users: they were not read; `kubectl config view --minify` \
             leaves them out"
        );
        objects.out.issue(IssueSeverity::Warning, "secret_dropped", place, message);
    }
}
