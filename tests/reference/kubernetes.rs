//! A naive authorizer of Kubernetes, written from the documentation ("Using RBAC Authorization", "Authorization
//! Overview"): every binding is looked at for every request, straight from raw objects. It shares nothing with the
//! engine. Random small clusters over a small alphabet come with it.

use serde_json::{Map, Value, json};

use crate::splitmix::Rng;

/// What the API server knows of a request.
#[derive(Debug, Clone, Default)]
pub struct Attributes {
    pub verb: String,
    pub group: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
    /// Path of a request that is for no resource; empty for others.
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Allowed,
    Denied,
    /// A role that decides is not among the objects.
    Unknown,
}

/// Who asks: a user with groups, or somebody of whom only one group is known.
#[derive(Debug, Clone)]
pub struct Subject {
    pub user: Option<String>,
    pub groups: Vec<String>,
}

impl Subject {
    /// A user by name, with the groups that the API server adds.
    pub fn user(name: &str) -> Self {
        let mut groups = vec!["system:authenticated".to_owned()];
        if let Some(rest) = name.strip_prefix("system:serviceaccount:") {
            let namespace = rest.split(':').next().unwrap();
            groups.push("system:serviceaccounts".to_owned());
            groups.push(format!("system:serviceaccounts:{namespace}"));
        } else if name.starts_with("system:node:") {
            groups.push("system:nodes".to_owned());
        } else if name == "system:anonymous" {
            groups = vec!["system:unauthenticated".to_owned()];
        }
        Self { user: Some(name.to_owned()), groups }
    }

    pub fn group(name: &str) -> Self {
        Self { user: None, groups: vec![name.to_owned()] }
    }
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn words(value: &Value, key: &str) -> Vec<String> {
    let list = value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn named<'o>(objects: &'o [Value], kind: &str, namespace: &str, name: &str) -> Option<&'o Value> {
    objects.iter().find(|object| {
        text(object, "/kind") == kind
            && text(object, "/metadata/name") == name
            && text(object, "/metadata/namespace") == namespace
    })
}

/// Is the request allowed?
pub fn authorize(objects: &[Value], subject: &Subject, request: &Attributes) -> Answer {
    if subject.groups.iter().any(|group| group == "system:masters") {
        return Answer::Allowed;
    }
    let complete = named(objects, "ClusterRole", "", "cluster-admin").is_some();
    let mut unknown = false;
    for binding in objects {
        let namespace = match text(binding, "/kind") {
            "ClusterRoleBinding" => "",
            "RoleBinding" => text(binding, "/metadata/namespace"),
            _ => continue,
        };
        let here = text(binding, "/kind") == "ClusterRoleBinding"
            || (request.path.is_empty() && !request.namespace.is_empty() && namespace == request.namespace);
        let subjects = binding.get("subjects").and_then(Value::as_array).cloned().unwrap_or_default();
        if !here || !subjects.iter().any(|one| applies(one, namespace, subject)) {
            continue;
        }
        let kind = text(binding, "/roleRef/kind");
        let of = if kind == "Role" { namespace } else { "" };
        match named(objects, kind, of, text(binding, "/roleRef/name")) {
            Some(role) => {
                if rules(objects, role, &mut Vec::new()).iter().any(|rule| allows(rule, request)) {
                    return Answer::Allowed;
                }
            }
            // Every cluster has this one, whatever manifests say of it.
            None if kind == "ClusterRole" && text(binding, "/roleRef/name") == "cluster-admin" => {
                return Answer::Allowed;
            }
            None => unknown |= !complete,
        }
    }
    if unknown { Answer::Unknown } else { Answer::Denied }
}

fn applies(one: &Value, binding_namespace: &str, subject: &Subject) -> bool {
    let name = text(one, "/name");
    match text(one, "/kind") {
        "User" => subject.user.as_deref() == Some(name),
        "Group" => subject.groups.iter().any(|group| group == name),
        "ServiceAccount" => {
            let own = text(one, "/namespace");
            let namespace = if own.is_empty() { binding_namespace } else { own };
            subject.user.as_deref() == Some(&format!("system:serviceaccount:{namespace}:{name}"))
        }
        _ => false,
    }
}

/// A role's rules: its own, and those of every cluster role that it aggregates.
fn rules(objects: &[Value], role: &Value, seen: &mut Vec<String>) -> Vec<Value> {
    let name = text(role, "/metadata/name").to_owned();
    if text(role, "/kind") == "ClusterRole" && seen.contains(&name) {
        return Vec::new();
    }
    seen.push(name);
    let mut all = role.get("rules").and_then(Value::as_array).cloned().unwrap_or_default();
    let selectors = role.pointer("/aggregationRule/clusterRoleSelectors").and_then(Value::as_array);
    for selector in selectors.into_iter().flatten() {
        let wanted = selector.get("matchLabels").and_then(Value::as_object).cloned().unwrap_or_default();
        for other in objects.iter().filter(|other| text(other, "/kind") == "ClusterRole") {
            let labels = other.pointer("/metadata/labels").and_then(Value::as_object).cloned().unwrap_or_default();
            if wanted.iter().all(|(key, value)| labels.get(key) == Some(value)) {
                all.extend(rules(objects, other, seen));
            }
        }
    }
    all
}

fn allows(rule: &Value, request: &Attributes) -> bool {
    let has = |key: &str, wanted: &str| words(rule, key).iter().any(|one| one == "*" || one == wanted);
    if !has("verbs", &request.verb) {
        return false;
    }
    if !request.path.is_empty() {
        return words(rule, "nonResourceURLs").iter().any(|url| {
            url == "*"
                || url == &request.path
                || (url.ends_with('*') && request.path.starts_with(url.trim_end_matches('*')))
        });
    }
    let combined = if request.subresource.is_empty() {
        request.resource.clone()
    } else {
        format!("{}/{}", request.resource, request.subresource)
    };
    let resource = words(rule, "resources").iter().any(|one| {
        one == "*"
            || *one == combined
            || (!request.subresource.is_empty() && *one == format!("*/{}", request.subresource))
    });
    let names = words(rule, "resourceNames");
    has("apiGroups", &request.group) && resource && (names.is_empty() || names.contains(&request.name))
}

/// A small cluster and questions about it.
pub struct Cluster {
    pub objects: Vec<Value>,
    pub questions: Vec<Attributes>,
    /// Names of users, service accounts among them.
    pub users: Vec<String>,
    pub groups: Vec<String>,
}

impl Rng {
    fn some<'l>(&mut self, list: &[&'l str]) -> Vec<&'l str> {
        (0..=self.below(3)).map(|_| self.pick(list)).collect()
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";
const NAMESPACES: &[&str] = &["dev", "prod", "kube-system"];
const NAMES: &[&str] = &["a", "b", "a*", "*", "dev"];
const VERBS: &[&str] = &["get", "list", "create", "delete", "deletecollection", "patch", "bind", "impersonate", "*"];
const GROUPS: &[&str] = &["", "", "", "apps", RBAC, "*", "core", "metrics"];
const RESOURCES: &[&str] = &[
    "pods",
    "pods/exec",
    "pods/*",
    "*/exec",
    "*/*",
    "secrets",
    "namespaces",
    "nodes",
    "nodes/proxy",
    "serviceaccounts",
    "serviceaccounts/token",
    "deployments",
    "deployments/scale",
    "*/scale",
    "clusterroles",
    "roles",
    "users",
    "*",
];
const URLS: &[&str] = &["/healthz", "/healthz/*", "/api*", "*", "/metrics"];
/// Group, resource, subresource and whether it is in namespaces.
const ASKED: &[(&str, &str, &str, bool)] = &[
    ("", "pods", "", true),
    ("", "pods", "exec", true),
    ("", "secrets", "", true),
    ("", "namespaces", "", false),
    ("", "nodes", "", false),
    ("", "nodes", "proxy", false),
    ("", "serviceaccounts", "", true),
    ("", "serviceaccounts", "token", true),
    ("", "users", "", false),
    ("apps", "deployments", "", true),
    ("apps", "deployments", "scale", true),
    ("apps", "pods", "", true),
    (RBAC, "clusterroles", "", false),
    (RBAC, "roles", "", true),
];
const QUESTIONS: usize = 12;

/// The cluster of a seed.
pub fn random(seed: u64) -> Cluster {
    let mut rng = Rng(seed);
    let mut objects = Vec::new();
    for namespace in NAMESPACES {
        objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
        for name in ["a", "b"] {
            objects.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}));
        }
    }
    if rng.chance(70) {
        objects.push(role(&mut rng, "ClusterRole", "", "cluster-admin"));
    }
    for name in ["r", "s", "t"] {
        objects.push(role(&mut rng, "ClusterRole", "", name));
        let namespace = rng.pick(NAMESPACES);
        objects.push(role(&mut rng, "Role", namespace, name));
    }
    for at in 0..2 + rng.below(5) {
        objects.push(binding(&mut rng, at));
    }
    let mut users: Vec<String> = ["a", "b"]
        .iter()
        .flat_map(|name| NAMESPACES.iter().map(move |namespace| format!("system:serviceaccount:{namespace}:{name}")))
        .collect();
    users.extend(["ada", "system:node:n", "system:anonymous"].map(str::to_owned));
    let groups =
        ["system:authenticated", "system:masters", "ops", "system:serviceaccounts", "system:serviceaccounts:dev"];
    let questions = (0..QUESTIONS).map(|_| question(&mut rng)).collect();
    Cluster { objects, questions, users, groups: groups.map(str::to_owned).to_vec() }
}

fn role(rng: &mut Rng, kind: &str, namespace: &str, name: &str) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".into(), json!(name));
    if !namespace.is_empty() {
        metadata.insert("namespace".into(), json!(namespace));
    }
    if rng.chance(40) {
        metadata.insert("labels".into(), json!({"into": rng.pick(&["r", "s", "t"])}));
    }
    let rules: Vec<Value> = (0..rng.below(4)).map(|_| rule(rng)).collect();
    let mut role = json!({"apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": metadata, "rules": rules});
    if kind == "ClusterRole" && rng.chance(30) {
        role["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {"into": name}}]});
        role["rules"] = Value::Null;
    }
    role
}

fn rule(rng: &mut Rng) -> Value {
    if rng.chance(15) {
        return json!({"verbs": rng.some(VERBS), "nonResourceURLs": rng.some(URLS)});
    }
    let mut rule = json!({"verbs": rng.some(VERBS), "apiGroups": rng.some(GROUPS), "resources": rng.some(RESOURCES)});
    if rng.chance(30) {
        rule["resourceNames"] = json!(rng.some(NAMES));
    }
    rule
}

fn binding(rng: &mut Rng, at: usize) -> Value {
    let cluster = rng.chance(40);
    let kind = if cluster || rng.chance(50) { "ClusterRole" } else { "Role" };
    let subjects: Vec<Value> = (0..rng.below(4))
        .map(|_| match rng.below(4) {
            0 => json!({"kind": "User", "name": rng.pick(&["ada", "system:node:n", "system:anonymous", "system:serviceaccount:dev:a"])}),
            1 => json!({"kind": "Group", "name": rng.pick(&["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:dev", "ops", "system:nodes"])}),
            2 if !cluster => json!({"kind": "ServiceAccount", "name": rng.pick(&["a", "b"])}),
            _ => json!({"kind": "ServiceAccount", "name": rng.pick(&["a", "b"]), "namespace": rng.pick(NAMESPACES)}),
        })
        .collect();
    let mut metadata = json!({"name": format!("b{at}")});
    if !cluster {
        metadata["namespace"] = json!(rng.pick(NAMESPACES));
    }
    json!({
        "apiVersion": format!("{RBAC}/v1"),
        "kind": if cluster { "ClusterRoleBinding" } else { "RoleBinding" },
        "metadata": metadata,
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": rng.pick(&["r", "s", "t", "cluster-admin", "missing"])},
        "subjects": if subjects.is_empty() && rng.chance(50) { Value::Null } else { json!(subjects) },
    })
}

fn question(rng: &mut Rng) -> Attributes {
    let verb = rng.pick(VERBS).to_owned();
    if rng.chance(12) {
        let path = rng.pick(&["/healthz", "/healthz/etcd", "/apis", "/metrics"]).to_owned();
        return Attributes { verb, path, ..Attributes::default() };
    }
    let (group, resource, subresource, namespaced) = ASKED[rng.below(ASKED.len())];
    let namespace = if namespaced && rng.chance(85) { rng.pick(NAMESPACES) } else { "" };
    let nameless = subresource.is_empty() && matches!(verb.as_str(), "create" | "deletecollection");
    let name = if nameless || rng.chance(25) { "" } else { rng.pick(&["a", "b", "dev"]) };
    let (group, resource, subresource) = (group.to_owned(), resource.to_owned(), subresource.to_owned());
    let namespace = if resource == "namespaces" { name } else { namespace };
    // Leave to bind a cluster role is asked in the namespace of the binding.
    let namespace =
        if verb == "bind" && resource == "clusterroles" { rng.pick(&["", "dev", "prod"]) } else { namespace };
    Attributes {
        verb,
        group,
        resource,
        subresource,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        path: String::new(),
    }
}
