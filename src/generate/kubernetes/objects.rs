//! Objects as `kubectl get -o json` prints them.

use serde_json::{Value, json};

const RBAC: &str = "rbac.authorization.k8s.io";

fn object(version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    let mut metadata = json!({"name": name});
    if !namespace.is_empty() {
        metadata["namespace"] = json!(namespace);
    }
    json!({"apiVersion": version, "kind": kind, "metadata": metadata})
}

/// A namespace.
pub fn namespace(name: &str) -> Value {
    let mut namespace = object("v1", "Namespace", "", name);
    namespace["metadata"]["labels"] = json!({
        "kubernetes.io/metadata.name": name,
        "pod-security.kubernetes.io/enforce": "baseline",
    });
    namespace
}

/// A service account, with the role of the cloud that it runs as if there is one.
pub fn service_account(namespace: &str, name: &str, role: Option<&str>) -> Value {
    let mut account = object("v1", "ServiceAccount", namespace, name);
    if let Some(role) = role {
        account["metadata"]["annotations"] = json!({"eks.amazonaws.com/role-arn": role});
    }
    account
}

/// A rule over resources of one API group.
pub fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

/// A rule over some objects by their names.
pub fn named(group: &str, resource: &str, verbs: &[&str], names: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": [resource], "verbs": verbs, "resourceNames": names})
}

/// A role; one of the cluster when there is no namespace.
pub fn role(namespace: &str, name: &str, rules: &[Value]) -> Value {
    let kind = if namespace.is_empty() { "ClusterRole" } else { "Role" };
    let mut role = object(&format!("{RBAC}/v1"), kind, namespace, name);
    role["rules"] = json!(rules);
    role
}

/// A service account as the subject of a binding.
pub fn subject(namespace: &str, name: &str) -> Value {
    json!({"kind": "ServiceAccount", "namespace": namespace, "name": name})
}

/// A group as the subject of a binding.
pub fn group(name: &str) -> Value {
    json!({"kind": "Group", "apiGroup": RBAC, "name": name})
}

/// A binding of a role to a subject; one in the whole cluster when there is no namespace.
pub fn binding(namespace: &str, name: &str, (kind, role): (&str, &str), subject: &Value) -> Value {
    let own = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    let mut binding = object(&format!("{RBAC}/v1"), own, namespace, name);
    binding["roleRef"] = json!({"apiGroup": RBAC, "kind": kind, "name": role});
    binding["subjects"] = json!([subject]);
    binding
}

/// A deployment that runs as a service account.
pub fn deployment(namespace: &str, name: &str, account: &str) -> Value {
    let mut deployment = object("apps/v1", "Deployment", namespace, name);
    let labels = json!({"app.kubernetes.io/name": name});
    let image = format!("registry.harrowmere.example/{namespace}/{name}:1.4.2");
    deployment["metadata"]["labels"] = labels.clone();
    deployment["spec"] = json!({
        "replicas": 2,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "serviceAccountName": account,
                "containers": [{"name": "main", "image": image}],
            },
        },
    });
    deployment
}
