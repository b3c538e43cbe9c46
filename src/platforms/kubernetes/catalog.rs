//! The resources of the Kubernetes API and their verbs, as `datasets/catalog/kubernetes_resources.tsv` has them.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::notation::{Action, Object};
use crate::platforms::Recorded;

const RESOURCES: &str = include_str!("../../../datasets/catalog/kubernetes_resources.tsv");
/// What `std` stands for in the file.
const STANDARD: &str = "create,delete,deletecollection,get,list,patch,update,watch";
/// The group in which permissions are managed.
pub const RBAC: &str = "rbac.authorization.k8s.io";

/// One verb on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAction {
    /// As questions write it.
    pub name: String,
    /// Empty for the core group.
    pub group: &'static str,
    /// With its subresource.
    pub resource: String,
    pub verb: &'static str,
    /// The same as it is asked for.
    pub action: Action,
}

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Empty for the core group.
    pub group: &'static str,
    pub resource: &'static str,
    pub namespaced: bool,
}

/// All that is known of the API.
pub struct Catalog {
    actions: Vec<KnownAction>,
    kinds: FxHashMap<String, Kind>,
    /// Whether resources are in namespaces, by group and name.
    namespaced: FxHashMap<&'static str, FxHashMap<&'static str, bool>>,
}

impl Catalog {
    /// The catalogue.
    pub fn get() -> &'static Self {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| Self::parse(RESOURCES))
    }

    fn parse(text: &'static str) -> Self {
        let mut catalog = Self { actions: Vec::new(), kinds: FxHashMap::default(), namespaced: FxHashMap::default() };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut cells = line.split('\t');
            let mut cell = || cells.next().unwrap_or_default();
            let (group, resource, kind, scope, verbs, inner) = (cell(), cell(), cell(), cell(), cell(), cell());
            let group = if group == "core" { "" } else { group };
            let namespaced = scope == "namespaced";
            catalog.kinds.entry(kind.to_ascii_lowercase()).or_insert(Kind { group, resource, namespaced });
            catalog.namespaced.entry(group).or_default().insert(resource, namespaced);
            let verbs = verbs.split(',').flat_map(|verb| if verb == "std" { STANDARD } else { verb }.split(','));
            catalog.actions.extend(verbs.map(|verb| known(group, resource, verb)));
            for (sub, verbs) in inner.split(' ').filter_map(|one| one.split_once(':')) {
                let resource = format!("{resource}/{sub}");
                catalog.actions.extend(verbs.split(',').map(|verb| known(group, &resource, verb)));
            }
        }
        catalog.actions.sort_by(|a, b| (a.group, &a.resource, a.verb).cmp(&(b.group, &b.resource, b.verb)));
        catalog
    }

    /// Every verb on every resource, sorted by group, resource and verb.
    #[must_use]
    pub fn actions(&self) -> &[KnownAction] {
        &self.actions
    }

    /// One verb on one resource.
    #[must_use]
    pub fn action(&self, group: &str, resource: &str, verb: &str) -> Option<&KnownAction> {
        let order =
            |known: &KnownAction| (known.group, known.resource.as_str(), known.verb).cmp(&(group, resource, verb));
        self.actions.binary_search_by(order).ok().and_then(|at| self.actions.get(at))
    }

    /// The resource of a kind, written in lower case.
    #[must_use]
    pub fn kind(&self, kind: &str) -> Option<Kind> {
        self.kinds.get(kind).copied()
    }

    /// A group and a resource of the catalogue.
    #[must_use]
    pub fn known(&self, group: &str, resource: &str) -> Option<(&'static str, &'static str)> {
        let (group, resources) = self.namespaced.get_key_value(group)?;
        resources.get_key_value(resource).map(|(resource, _)| (*group, *resource))
    }

    /// Whether some resource of an API group is in the catalogue.
    #[must_use]
    pub fn has_group(&self, group: &str) -> bool {
        self.namespaced.contains_key(group)
    }

    /// Whether objects of a resource (subresource and all) are in namespaces; what is not known is.
    #[must_use]
    pub fn is_namespaced(&self, group: &str, resource: &str) -> bool {
        let top = resource.split('/').next().unwrap_or(resource);
        self.namespaced.get(group).and_then(|resources| resources.get(top)).copied().unwrap_or(true)
    }
}

fn known(group: &'static str, resource: &str, verb: &'static str) -> KnownAction {
    let slash = if group.is_empty() { "" } else { "/" };
    let on = Object::Resource { group: group.to_owned(), resource: resource.to_owned() };
    let action = Action { verb: verb.to_owned(), on };
    KnownAction { name: format!("{verb}:{group}{slash}{resource}"), group, resource: resource.to_owned(), verb, action }
}

impl KnownAction {
    /// Whether audit logs have it, which their policy decides by what a request is on. Some rights are asked for within
    /// the API server or by a kubelet, and are never a request of their own.
    #[must_use]
    pub fn recorded(&'static self) -> Recorded {
        let node = self.group.is_empty() && self.resource.starts_with("nodes/") && self.resource != "nodes/status";
        match self.verb {
            "bind" | "escalate" | "approve" | "sign" | "attest" => {
                Recorded::Never("the API server asks for it within another request, and logs that one")
            }
            "impersonate" if !matches!(self.resource.as_str(), "users" | "serviceaccounts") => Recorded::Never(
                "audit events do not tell groups that were asked for from those that came by themselves",
            ),
            _ if node => Recorded::Never("a kubelet that is asked directly writes no audit log"),
            _ => Recorded::Optionally(self.name.split_once(':').map_or("", |(_, on)| on)),
        }
    }
}

/// Access levels, weakest first, and their weights in a privilege mass.
pub const LEVELS: [(&str, f64); 4] = [("list", 1.0), ("read", 2.0), ("write", 5.0), ("permissions", 10.0)];

/// Index into [`LEVELS`]: what a verb on a resource comes to. Whoever lists secrets reads them; whoever runs
/// containers, speaks for others or changes RBAC manages permissions.
#[must_use]
pub fn level(group: &str, resource: &str, verb: &str) -> usize {
    let changes = !matches!(verb, "get" | "list" | "watch" | "head" | "options");
    let permissions = matches!(verb, "bind" | "escalate" | "impersonate" | "approve" | "sign" | "attest")
        || (changes && group == RBAC)
        || (changes && group == "admissionregistration.k8s.io")
        || (changes && matches!(resource, "serviceaccounts/token" | "certificatesigningrequests/approval"))
        || matches!(resource, "nodes/proxy");
    match verb {
        _ if permissions => 3,
        "list" | "watch" if group.is_empty() && resource == "secrets" => 1,
        "list" | "watch" => 0,
        _ if resource == "pods/exec" || resource == "pods/attach" => 2,
        _ if changes => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_whole() {
        let catalog = Catalog::get();
        let names: Vec<&str> = catalog.actions().iter().map(|action| action.name.as_str()).collect();
        for name in
            ["create:pods/exec", "bind:rbac.authorization.k8s.io/clusterroles", "get:nodes/proxy", "impersonate:users"]
        {
            assert!(names.contains(&name), "{name}");
        }
        let mut unique = names.clone();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
        assert!(catalog.is_namespaced("", "pods/exec") && !catalog.is_namespaced("", "nodes/proxy"));
        assert!(catalog.is_namespaced("example.com", "widgets"), "what is not known is taken to be in a namespace");
        assert_eq!(catalog.kind("deployment").map(|kind| (kind.group, kind.resource)), Some(("apps", "deployments")));
        assert_eq!(catalog.kind("event").map(|kind| kind.group), Some(""));
    }

    #[test]
    fn levels_follow_what_can_be_done() {
        for (group, resource, verb, expected) in [
            ("", "pods", "list", "list"),
            ("", "secrets", "list", "read"),
            ("", "pods", "get", "read"),
            ("", "pods", "create", "write"),
            ("", "pods/exec", "get", "write"),
            ("", "nodes/proxy", "get", "permissions"),
            ("", "serviceaccounts/token", "create", "permissions"),
            (RBAC, "roles", "patch", "permissions"),
            (RBAC, "roles", "get", "read"),
        ] {
            assert_eq!(LEVELS[level(group, resource, verb)].0, expected, "{verb} {resource}");
        }
    }
}
