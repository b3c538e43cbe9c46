//! Ids of the things of a cluster, and what an id says.
//!
//! `kubernetes:CLUSTER` is a cluster; `kubernetes:CLUSTER/KIND/NAME` is in it and in no namespace (users and groups
//! too), `kubernetes:CLUSTER/NAMESPACE/KIND/NAME` is in a namespace. Kinds are in lower case. In clusters' and
//! people's names `%`, `/` and in clusters' `:` are percent-encoded, so that the parts can be told apart.

use super::NAME;

/// The cluster of objects of which nothing says where they come from.
pub const UNNAMED: &str = "kubernetes";

/// Prefix of the user name of every service account.
pub const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
/// Group of whoever has proved who they are.
pub const AUTHENTICATED: &str = "system:authenticated";
/// Group of all service accounts; with `:NAMESPACE` behind it, of one namespace's.
pub const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";
/// Group that the API server lets do everything.
pub const MASTERS: &str = "system:masters";
/// Group of kubelets.
pub const NODES: &str = "system:nodes";
/// Prefix of the user name of every kubelet.
pub const NODE: &str = "system:node:";

/// Id of a cluster.
#[must_use]
pub fn cluster(name: &str) -> String {
    let name = name.replace('%', "%25").replace('/', "%2F").replace(':', "%3A");
    format!("{NAME}:{name}")
}

/// Id of something in a cluster; `namespace` is empty for what is in none.
#[must_use]
pub fn object(cluster: &str, namespace: &str, kind: &str, name: &str) -> String {
    let name = name.replace('%', "%25").replace('/', "%2F");
    let kind = kind.to_ascii_lowercase();
    if namespace.is_empty() {
        format!("{cluster}/{kind}/{name}")
    } else {
        format!("{cluster}/{namespace}/{kind}/{name}")
    }
}

/// What an id says of a thing in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts<'i> {
    /// Id of the cluster.
    pub cluster: &'i str,
    /// Empty for what is in no namespace.
    pub namespace: &'i str,
    /// Kind in lower case.
    pub kind: &'i str,
    pub name: String,
}

/// The parts of an id; `None` for a cluster's own, and for what is none of this platform.
#[must_use]
pub fn parts(id: &str) -> Option<Parts<'_>> {
    let inside = id.strip_prefix(NAME)?.strip_prefix(':')?;
    let split = id.len() - inside.len() + inside.find('/')?;
    let (cluster, rest) = (&id[..split], &id[split + 1..]);
    let parts: Vec<&str> = rest.splitn(4, '/').collect();
    let (namespace, kind, name) = match parts[..] {
        [kind, name] => ("", kind, name),
        [namespace, kind, name] => (namespace, kind, name),
        _ => return None,
    };
    Some(Parts { cluster, namespace, kind, name: name.replace("%2F", "/").replace("%25", "%") })
}

/// Namespace and name of the service account of which this is the user name.
#[must_use]
pub fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

/// A cluster's name without what its file wraps around it: of an ARN, account, region and name.
#[must_use]
pub fn shortened(name: &str) -> String {
    let parts: Vec<&str> = name.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "eks", region, account, cluster] => {
            format!("eks_{account}_{region}_{}", cluster.trim_start_matches("cluster/"))
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_apart_as_they_were_put_together() {
        let of = cluster(&shortened("arn:aws:eks:eu-west-1:111122223333:cluster/prod"));
        assert_eq!(of, "kubernetes:eks_111122223333_eu-west-1_prod");
        for (namespace, kind, name) in [
            ("", "user", "https://issuer.example/#ada%2F"),
            ("dev", "serviceaccount", "builder"),
            ("user", "pod", "x"),
            ("", "user", "pod/x"),
        ] {
            let id = object(&cluster("a/b:c"), namespace, kind, name);
            let expected = Parts { cluster: "kubernetes:a%2Fb%3Ac", namespace, kind, name: name.to_owned() };
            assert_eq!(parts(&id), Some(expected), "{id}");
        }
        assert_eq!(parts("kubernetes:prod"), None);
        assert_eq!(parts("arn:aws:iam::111122223333:role/a/b"), None);
    }

    #[test]
    fn user_names_of_service_accounts_are_known() {
        assert_eq!(service_account("system:serviceaccount:dev:builder"), Some(("dev", "builder")));
        for other in ["dev:builder", "system:serviceaccount:dev", "system:serviceaccount:a:b:c"] {
            assert_eq!(service_account(other), None, "{other}");
        }
    }
}
