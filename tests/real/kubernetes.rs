//! Public Kubernetes objects: the roles of a fresh 1.20.2 cluster, manifests of Kubernetes Goat and kube-prometheus,
//! test data of rbac-tool and audit2rbac. The numbers were counted in the files by another program (a YAML loader in
//! Python that knows nothing of roles): distinct objects by kind, namespace and name, rules over all documents, and
//! the subjects of bindings.

use std::collections::BTreeSet;
use std::path::PathBuf;

use overgrant::access::{Evaluators, Settings};
use overgrant::model::{Decision, EntityKind, Request, Tables};

use super::{cli, shared};
use crate::analysed::{AS_OF, Analysed};

const ID: &str = "kubernetes:kubernetes";

fn folder(name: &str) -> Result<PathBuf, String> {
    let path = shared().ok_or("OVERGRANT_SHARED is not set")?.join("data/k8s").join(name);
    if path.exists() { Ok(path) } else { Err(format!("{} is missing", path.display())) }
}

/// Roles, bindings, rules, workloads that are stated, and service accounts that exist besides `default` ones.
fn counts(tables: &Tables) -> [usize; 5] {
    let of_kind = |kinds: &'static [&'static str]| {
        let own = tables.entities.iter().filter(|entity| entity.present);
        own.filter(move |entity| {
            let built_in = tables.attribute(entity.entity, "built_in").is_some();
            !built_in && tables.attribute(entity.entity, "kind").is_some_and(|kind| kinds.contains(&kind))
        })
    };
    let named = of_kind(&["ServiceAccount"]).filter(|entity| !entity.name.ends_with(":default"));
    [
        of_kind(&["Role", "ClusterRole"]).count(),
        of_kind(&["RoleBinding", "ClusterRoleBinding"]).count(),
        tables.grants.len(),
        tables.entities.iter().filter(|entity| entity.kind == EntityKind::Workload).count(),
        named.count(),
    ]
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, expected {expected:?}")) }
}

/// Every sample is scanned whole, without anything that is left out.
pub fn exit_codes() -> Result<(), String> {
    for name in ["bootstrap-rbac-1.20.2", "kubernetes-goat", "kube-prometheus", "rbac-tool", "audit2rbac"] {
        let path = folder(name)?;
        let place = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = path.to_str().ok_or("the path is no text")?;
        let output = cli::run(place.path(), &["scan", path, "--as-of", AS_OF]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        equal(&format!("exit code of {name} ({said})"), &output.status.code(), &Some(0))?;
    }
    Ok(())
}

/// Counts of the manifests. Roles, bindings, rules, workloads, service accounts.
pub fn manifests() -> Result<(), String> {
    for (name, expected) in [
        ("kubernetes-goat", [1, 2, 1, 13, 2]),
        ("kube-prometheus", [12, 12, 50, 0, 8]),
        // Two roles of one rule each are in three files, alike: 20 rules in the documents, 16 of them different.
        ("rbac-tool", [15, 13, 16, 0, 2]),
    ] {
        let analysed = Analysed::new(vec![folder(name)?], AS_OF, None)?;
        equal(name, &counts(analysed.tables()), &expected)?;
    }
    Ok(())
}

/// What the roles of a fresh cluster allow, by their definitions.
pub fn bootstrap() -> Result<(), String> {
    let analysed = Analysed::new(vec![folder("bootstrap-rbac-1.20.2")?], AS_OF, None)?;
    let tables = analysed.tables();
    // No service account is in the files: the 35 that bindings name are taken to exist.
    equal("counts", &counts(tables), &[67, 48, 262, 0, 35])?;
    let users = tables.entities.iter().filter(|entity| entity.present && entity.kind == EntityKind::User);
    let names: BTreeSet<&str> = users.map(|entity| entity.name.as_str()).collect();
    let expected = ["system:kube-controller-manager", "system:kube-proxy", "system:kube-scheduler"];
    equal("users", &names, &expected.into_iter().collect())?;
    let evaluators = Evaluators::new(tables, Settings { as_of: analysed.as_of });
    let controller = |name: &str| format!("{ID}/kube-system/serviceaccount/{name}");
    let user = |name: &str| format!("{ID}/user/system:{name}");
    let group = |name: &str| format!("{ID}/group/system:{name}");
    let rbac = "rbac.authorization.k8s.io";
    for (principal, action, resource, expected) in [
        (group("masters"), "*:*/*".to_owned(), "*", Decision::Allowed),
        (controller("deployment-controller"), "create:apps/replicasets".to_owned(), "dev/*", Decision::Allowed),
        (controller("deployment-controller"), "create:pods".to_owned(), "dev/*", Decision::Denied),
        (controller("replicaset-controller"), "create:pods".to_owned(), "dev/*", Decision::Allowed),
        (
            controller("clusterrole-aggregation-controller"),
            format!("escalate:{rbac}/clusterroles"),
            "view",
            Decision::Allowed,
        ),
        (controller("generic-garbage-collector"), "delete:example.com/things".to_owned(), "dev/x", Decision::Allowed),
        (controller("generic-garbage-collector"), "create:example.com/things".to_owned(), "dev/x", Decision::Denied),
        (user("kube-scheduler"), "create:pods/binding".to_owned(), "dev/x", Decision::Allowed),
        (user("kube-scheduler"), "create:pods".to_owned(), "dev/*", Decision::Denied),
        (
            user("kube-scheduler"),
            "get:configmaps".to_owned(),
            "kube-system/extension-apiserver-authentication",
            Decision::Allowed,
        ),
        (user("kube-scheduler"), "get:configmaps".to_owned(), "kube-system/other", Decision::Denied),
        (user("kube-scheduler"), "get:secrets".to_owned(), "kube-system/x", Decision::Denied),
        (user("kube-controller-manager"), "create:serviceaccounts/token".to_owned(), "dev/x", Decision::Allowed),
        (user("kube-proxy"), "list:nodes".to_owned(), "*", Decision::Allowed),
        (
            group("authenticated"),
            "create:authorization.k8s.io/selfsubjectaccessreviews".to_owned(),
            "*",
            Decision::Allowed,
        ),
        (group("unauthenticated"), "get:/healthz".to_owned(), "*", Decision::Allowed),
        (group("unauthenticated"), "get:/metrics".to_owned(), "*", Decision::Denied),
        (group("monitoring"), "get:/metrics".to_owned(), "*", Decision::Allowed),
        (group("serviceaccounts"), "get:/.well-known/openid-configuration".to_owned(), "*", Decision::Allowed),
    ] {
        let principal_id = analysed.find(&principal)?;
        let verdict = evaluators.decide(&Request::new(principal_id, &action, resource));
        equal(&format!("{principal} {action} {resource}"), &verdict.decision, &expected)?;
    }
    aggregated(&analysed)
}

/// `admin` is what its selectors select: `edit` and with that `view`, which do not say it themselves.
fn aggregated(analysed: &Analysed) -> Result<(), String> {
    let tables = analysed.tables();
    let parts = |name: &str| -> Result<BTreeSet<String>, String> {
        let role = analysed.find(&format!("{ID}/clusterrole/{name}"))?;
        let rows = tables.attachments.iter().filter(|row| row.holder == role);
        Ok(rows.map(|row| tables.entity(row.policy).name.clone()).collect())
    };
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<String>>();
    equal("admin", &parts("admin")?, &set(&["edit", "system:aggregate-to-admin"]))?;
    equal("edit", &parts("edit")?, &set(&["system:aggregate-to-edit", "view"]))?;
    equal("view", &parts("view")?, &set(&["system:aggregate-to-view"]))
}

/// The lessons of Kubernetes Goat: the account with all rights, and pods that leave for their node.
pub fn goat() -> Result<(), String> {
    let analysed = Analysed::new(vec![folder("kubernetes-goat")?], AS_OF, None)?;
    let administrator = analysed.find(&format!("{ID}/kube-system/serviceaccount/superadmin"))?;
    let protected = analysed.tables().entity(administrator).protected;
    equal("superadmin is in the protected zone", &protected, &true)?;
    for (workload, technique) in [
        ("default/deployment/health-check-deployment", "k8s-escape-privileged"),
        ("default/deployment/health-check-deployment", "k8s-escape-socket"),
        ("default/deployment/system-monitor-deployment", "k8s-escape-privileged"),
    ] {
        let from = analysed.find(&format!("{ID}/{workload}"))?;
        let found: Vec<&str> = analysed.steps(from).into_iter().map(|step| step.edge.technique.as_str()).collect();
        equal(&format!("{workload} {technique}"), &found.contains(&technique), &true)?;
    }
    let hungry = analysed.find(&format!("{ID}/big-monolith/serviceaccount/big-monolith-sa"))?;
    let reads = analysed.steps(hungry).into_iter().filter(|step| step.edge.technique == "k8s-secret-read");
    let names: BTreeSet<String> =
        reads.flat_map(|step| step.to).map(|secret| analysed.tables().entity(secret).name.clone()).collect();
    // The role allows get, watch and list on every resource of the core group in the namespace, where two secrets are.
    equal("secrets that the hungry pod reads", &names.len(), &2)
}
