//! Rules and requests, matched as the reference authorizer does it (`k8s.io/kubernetes/pkg/apis/rbac/v1`,
//! `evaluation_helpers.go`).

use std::sync::OnceLock;

use super::super::notation::{Action, Asked, Lists, Object, STAR};
use super::access::Counted;
use super::granted::Giving;
use crate::model::{EntityId, Layer, Tables};

/// A role's rules; not known when the export does not have the role and may lack it.
pub struct Role {
    pub rules: Vec<Rule>,
    pub known: bool,
    /// What the rules come to where they hold everywhere, and in one namespace; counted when first asked for.
    pub counted: [OnceLock<Counted>; 2],
    /// The same rule by rule, of those that are in the grants table.
    pub giving: [OnceLock<Vec<Giving>>; 2],
}

impl Role {
    /// A role with these rules.
    #[must_use]
    pub fn new(rules: Vec<Rule>, known: bool) -> Self {
        Self { rules, known, counted: Default::default(), giving: Default::default() }
    }
}

/// One rule.
pub struct Rule {
    pub lists: Lists,
    /// Names of the objects that it is about; empty for all.
    pub names: Vec<String>,
    /// Its row in the grants table; a role that every cluster has is in none.
    pub grant: Option<u32>,
    /// The role that states it.
    pub role: EntityId,
    /// Its place there.
    pub number: String,
}

/// The rules that a role states itself.
pub fn stored(tables: &Tables, role: EntityId) -> impl Iterator<Item = Rule> {
    let rows = &tables.grants;
    let start = rows.partition_point(|row| row.holder < role);
    let own = rows[start..].iter().take_while(move |row| row.holder == role);
    own.filter(|row| row.layer == Layer::Identity).filter_map(move |row| {
        let lists = row.actions.first().and_then(|action| Lists::parse(action))?;
        let all = row.resources.len() == 1 && row.resources[0] == "*";
        let name = |name: &String| if name == STAR { "*".to_owned() } else { name.clone() };
        let names = if all { Vec::new() } else { row.resources.iter().map(name).collect() };
        Some(Rule { lists, names, grant: Some(row.grant), role, number: row.statement.clone() })
    })
}

/// A rule of a role that every cluster has.
pub fn built_in(role: EntityId, (lists, names): &(Lists, Vec<String>)) -> Rule {
    Rule { lists: lists.clone(), names: names.clone(), grant: None, role, number: "default".to_owned() }
}

/// What the API server knows of a request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    pub action: &'r Action,
    pub namespace: &'r str,
    pub name: &'r str,
}

impl<'r> Request<'r> {
    /// A request for an object. A namespace is its own namespace, and what is created has no name yet.
    #[must_use]
    pub fn new(action: &'r Action, asked: Asked<'r>) -> Self {
        let (mut namespace, mut name) = (asked.namespace, asked.name);
        if let Object::Resource { group, resource } = &action.on {
            let top = resource.split('/').next().unwrap_or(resource);
            if group.is_empty() && top == "namespaces" {
                if name.is_empty() {
                    name = namespace;
                }
                namespace = name;
            } else if super::is_outside(action) {
                namespace = "";
            }
        } else {
            namespace = "";
        }
        if action.is_nameless() {
            // A new namespace is in none; everything else is created somewhere.
            if namespace == name {
                namespace = "";
            }
            name = "";
        }
        Self { action, namespace, name }
    }

    /// Whether rules that hold in a namespace, or everywhere, are asked for this.
    #[must_use]
    pub fn is_in(&self, namespace: Option<&str>) -> bool {
        namespace.is_none_or(|own| !own.is_empty() && own == self.namespace)
    }
}

impl Rule {
    /// Whether the rule allows a request where it holds.
    #[must_use]
    pub fn allows(&self, request: &Request<'_>) -> bool {
        self.covers(request.action)
            && (matches!(request.action.on, Object::Url(_))
                || self.names.is_empty()
                || self.has_name(request.action, request.name))
    }

    /// Whether one of its names is this one. Leave to approve or sign is also asked for all signers of a domain.
    #[must_use]
    pub fn has_name(&self, action: &Action, name: &str) -> bool {
        let is = |name: &str| self.names.iter().any(|own| own == name);
        let signer = matches!(&action.on, Object::Resource { resource, .. } if resource == "signers");
        is(name) || (signer && name.split_once('/').is_some_and(|(domain, _)| is(&format!("{domain}/*"))))
    }

    /// Whether the rule is about an action, names aside.
    #[must_use]
    pub fn covers(&self, action: &Action) -> bool {
        let has = |list: &[String], wanted: &str| list.iter().any(|one| one == "*" || one == wanted);
        has(&self.lists.verbs, &action.verb)
            && match &action.on {
                Object::Resource { group, resource } => {
                    has(&self.lists.groups, group) && self.lists.resources.iter().any(|own| is_about(own, resource))
                }
                Object::Url(url) => self.lists.urls.iter().any(|own| is_url(own, url)),
            }
    }
}

/// Whether a rule's resource is about one that is asked for: a star is about all, subresources included, and `*/exec`
/// about that subresource of all; `pods` is not about `pods/exec`, and `pods/*` about nothing.
fn is_about(own: &str, resource: &str) -> bool {
    own == "*"
        || own == resource
        || resource.split_once('/').is_some_and(|(_, sub)| own.strip_prefix("*/").is_some_and(|own| own == sub))
}

fn is_url(own: &str, url: &str) -> bool {
    own == "*" || own == "/*" || own == url || (own.ends_with('*') && url.starts_with(own.trim_end_matches('*')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(rule: &str, names: &[&str], action: &str, resource: &str) -> bool {
        let lists = Lists::parse(rule).unwrap();
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let rule = Rule { lists, names, grant: None, role: EntityId(0), number: String::new() };
        let action = Action::parse(action).unwrap();
        rule.allows(&Request::new(&action, Asked::parse(resource)))
    }

    #[test]
    fn rules_match_as_the_reference_says() {
        for (rule, names, action, resource, expected) in [
            ("get:pods", &[] as &[&str], "get:pods", "dev/a", true),
            ("get:pods", &[], "get:pods/log", "dev/a", false),
            ("get:pods/*", &[], "get:pods/log", "dev/a", false),
            ("get:pods/*", &[], "get:pods", "dev/a", false),
            ("get:core/*/log", &[], "get:pods/log", "dev/a", true),
            ("get:core/*/log", &[], "get:pods", "dev/a", false),
            ("get:core/*", &[], "get:pods/log", "dev/a", true),
            ("get:core/*", &[], "get:apps/deployments", "dev/a", false),
            ("*:*/*", &[], "get:apps/deployments", "dev/a", true),
            ("get:*/*", &[], "*:*/*", "*", false),
            ("*", &[], "*:*/*", "*", true),
            ("get:secrets", &["a"], "get:secrets", "dev/a", true),
            ("get:secrets", &["a*"], "get:secrets", "dev/ab", false),
            ("get:secrets", &["a"], "get:secrets", "dev/*", false),
            ("list:secrets", &["a"], "list:secrets", "dev/a", true),
            ("create:secrets", &["a"], "create:secrets", "dev/a", false),
            ("deletecollection:secrets", &["a"], "deletecollection:secrets", "dev/a", false),
            ("create:pods/exec", &["a"], "create:pods/exec", "dev/a", true),
            ("create:pods/exec", &["a"], "create:pods/exec", "dev/b", false),
            (
                "approve:certificates.k8s.io/signers",
                &["kubernetes.io/*"],
                "approve:certificates.k8s.io/signers",
                "/kubernetes.io/legacy",
                true,
            ),
            (
                "approve:certificates.k8s.io/signers",
                &["example.com/*"],
                "approve:certificates.k8s.io/signers",
                "/kubernetes.io/legacy",
                false,
            ),
            ("get:/healthz/*", &[], "get:/healthz/etcd", "*", true),
            ("get:/healthz/*", &[], "get:/healthz", "*", false),
            ("get:/healthz*", &[], "get:/healthz", "*", true),
        ] {
            assert_eq!(allows(rule, names, action, resource), expected, "{rule} {names:?} {action} {resource}");
        }
    }

    #[test]
    fn requests_are_in_the_namespace_that_the_api_server_sees() {
        let of = |action: &str, resource: &'static str| {
            let action = Action::parse(action).unwrap();
            let request = Request::new(&action, Asked::parse(resource));
            (request.namespace.to_owned(), request.name.to_owned())
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(of("get:pods", "dev/a"), pair("dev", "a"));
        assert_eq!(of("create:pods", "dev/a"), pair("dev", ""));
        assert_eq!(of("patch:namespaces", "dev"), pair("dev", "dev"));
        assert_eq!(of("patch:namespaces", "dev/*"), pair("dev", "dev"));
        assert_eq!(of("create:namespaces", "dev"), pair("", ""));
        assert_eq!(of("get:nodes", "dev/n"), pair("", "n"));
        assert_eq!(of("bind:rbac.authorization.k8s.io/clusterroles", "dev/view"), pair("dev", "view"));
        assert_eq!(of("get:/healthz", "dev/a"), pair("", "a"));
    }
}
