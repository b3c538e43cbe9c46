//! How actions and resources of Kubernetes are written, in questions, techniques and stored statements alike.
//!
//! An action is `VERB:[GROUP/]RESOURCE[/SUBRESOURCE]`: `create:pods`, `get:pods/log`, `patch:apps/deployments/scale`,
//! `impersonate:users`, `approve:certificates.k8s.io/signers`. The first part is an API group when it is one of those
//! without a dot (`core apps autoscaling batch extensions policy`), has a dot, or is `*`; without one the core group
//! is meant. `VERB:/path` is a request to a URL that is no resource. Stars stand for themselves: `*:*/*` asks for a
//! right to every verb on every resource, as `kubectl auth can-i '*' '*'` does. A stored statement is the product of
//! lists: `get,list:core,apps/pods,deployments`; everything at all is `*`. A group without a dot that the API does not
//! have, as rules name by mistake, has one behind it (`core.`).
//!
//! A resource is `NAMESPACE/NAME`; `NAMESPACE/*` is no particular object of the namespace, `*` no particular object
//! anywhere, a bare `NAME` or `/NAME` an object outside namespaces.

use std::borrow::Cow;

/// Groups without a dot; `core` stands for the group that has no name.
const PLAIN_GROUPS: &[&str] = &["core", "apps", "autoscaling", "batch", "extensions", "policy"];

/// Stands among the names of a stored statement for an object that is called `*`.
pub const STAR: &str = "${*}";

/// Verbs that the authorization documentation names.
const VERBS: &[&str] = &[
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "head",
    "post",
    "put",
    "options",
    "bind",
    "escalate",
    "impersonate",
    "approve",
    "sign",
    "attest",
    "use",
];

/// One action that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action {
    pub verb: String,
    pub on: Object,
}

/// What an action is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// Group (empty for the core group), and resource with its subresource.
    Resource { group: String, resource: String },
    /// A path that is no resource.
    Url(String),
}

impl Action {
    /// Reads an action; `None` when the text is none of this platform.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Self::parse("*:*/*");
        }
        let (verb, rest) = text.split_once(':')?;
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
        if !plain(verb) || !plain(rest) {
            return None;
        }
        if rest.starts_with('/') {
            return Some(Self { verb: verb.to_owned(), on: Object::Url(rest.to_owned()) });
        }
        let (group, resource) = match rest.split_once('/') {
            _ if rest == "*" => ("*", "*"),
            Some((first, rest)) if is_group(first) => (first, rest),
            _ => ("", rest),
        };
        let group = read_group(group);
        let on = Object::Resource { group: group.to_owned(), resource: resource.to_owned() };
        (!resource.is_empty()).then(|| Self { verb: verb.to_owned(), on })
    }

    /// Reads an action as usage records name it.
    #[must_use]
    pub fn parse_used(text: &str) -> Option<Self> {
        let (service, rest) = text.split_once(':')?;
        let (verb, resource) =
            rest.split_once(':').filter(|(verb, resource)| !verb.is_empty() && !resource.is_empty())?;
        let group = if service == "core" { "" } else { service };
        let on = Object::Resource { group: group.to_owned(), resource: resource.to_owned() };
        Some(Self { verb: verb.to_owned(), on })
    }

    /// Whether a request for this carries no object's name: what is created has none yet, and a collection none at
    /// all. Creating a subresource (`pods/exec`) is a request to an object that has one.
    #[must_use]
    pub fn is_nameless(&self) -> bool {
        let top = matches!(&self.on, Object::Resource { resource, .. } if !resource.contains('/'));
        top && matches!(self.verb.as_str(), "create" | "deletecollection")
    }
}

/// An action as questions write it.
#[must_use]
pub fn asked(group: &str, resource: &str, verb: &str) -> String {
    if group.is_empty() && !is_group(resource.split('/').next().unwrap_or_default()) {
        format!("{verb}:{resource}")
    } else {
        format!("{verb}:{}/{resource}", written_group(group))
    }
}

/// An action as usage records name it: with its group in front, as access rows name groups.
#[must_use]
pub fn used(group: &str, resource: &str, verb: &str) -> String {
    format!("{}:{verb}:{resource}", if group.is_empty() { "core" } else { group })
}

fn is_group(text: &str) -> bool {
    PLAIN_GROUPS.contains(&text) || text == "*" || text.contains('.')
}

/// A group as it is written: a dot behind one that would not be known as a group, or be taken for the core group.
fn written_group(group: &str) -> Cow<'_, str> {
    match group {
        "" => Cow::Borrowed("core"),
        group if group != "core" && is_group(group) && !group.ends_with('.') => Cow::Borrowed(group),
        group => Cow::Owned(format!("{group}.")),
    }
}

/// The group that a text stands for.
fn read_group(text: &str) -> &str {
    if text == "core" { "" } else { text.strip_suffix('.').unwrap_or(text) }
}

/// Whether an action is written in the notation of this platform and in no other's.
#[must_use]
pub fn is_written_here(action: &str) -> bool {
    let Some((verb, rest)) = action.split_once(':') else { return false };
    let known = VERBS.contains(&verb) || (verb == "*" && rest.contains('/'));
    known && !rest.is_empty() && (rest.starts_with('/') || !rest.bytes().any(|byte| byte.is_ascii_uppercase()))
}

/// Whether a text is a namespace and a name, either of which may be left out.
#[must_use]
pub fn is_resource(text: &str) -> bool {
    let plain = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
    };
    text.split_once('/')
        .is_some_and(|(namespace, name)| plain(namespace) && !namespace.contains('.') && !name.is_empty())
}

/// The lists of a rule, of which the product is what it allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    pub verbs: Vec<String>,
    /// Empty text is the core group.
    pub groups: Vec<String>,
    pub resources: Vec<String>,
    /// Paths that are no resources; then there are neither groups nor resources.
    pub urls: Vec<String>,
}

impl Lists {
    /// The stored form; `None` when the product is empty.
    #[must_use]
    pub fn write(&self) -> Option<String> {
        if self.verbs.is_empty() {
            return None;
        }
        let verbs = self.verbs.join(",");
        if !self.urls.is_empty() {
            return Some(format!("{verbs}:{}", self.urls.join(",")));
        }
        if self.groups.is_empty() || self.resources.is_empty() {
            return None;
        }
        let has = |list: &[String]| list.iter().any(|one| one == "*");
        if has(&self.verbs) && has(&self.groups) && has(&self.resources) {
            return Some("*".to_owned());
        }
        let resources = self.resources.join(",");
        let core = self.groups.len() == 1 && self.groups[0].is_empty();
        if core && !is_groups(resources.split('/').next().unwrap_or_default()) {
            return Some(format!("{verbs}:{resources}"));
        }
        let groups: Vec<Cow<'_, str>> = self.groups.iter().map(|group| written_group(group)).collect();
        Some(format!("{verbs}:{}/{resources}", groups.join(",")))
    }

    /// Reads the stored form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        if text == "*" {
            let all = || list("*");
            return Some(Self { verbs: all(), groups: all(), resources: all(), urls: Vec::new() });
        }
        let (verbs, rest) = text.split_once(':')?;
        let verbs = list(verbs);
        if rest.starts_with('/') || (rest.starts_with('*') && rest.contains(",/")) {
            return Some(Self { verbs, urls: list(rest), ..Self::default() });
        }
        let (groups, resources) = match rest.split_once('/') {
            Some((first, rest)) if is_groups(first) => (first, rest),
            _ => ("", rest),
        };
        let groups = groups.split(',').map(|group| read_group(group).to_owned()).collect();
        Some(Self { verbs, groups, resources: list(resources), urls: Vec::new() })
    }
}

fn is_groups(text: &str) -> bool {
    !text.is_empty() && text.split(',').all(is_group)
}

/// Namespace and name of the object that a request is for; either is empty when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
}

impl<'a> Asked<'a> {
    /// Reads a resource as a person writes it.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let star = |text: &'a str| if text == "*" { "" } else { text };
        match text.split_once('/') {
            Some((namespace, name)) => Self { namespace: star(namespace), name: star(name) },
            None => Self { namespace: "", name: star(text) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(text: &str) -> Option<(String, String)> {
        match Action::parse(text)?.on {
            Object::Resource { group, resource } => Some((group, resource)),
            Object::Url(_) => None,
        }
    }

    #[test]
    fn groups_are_told_from_resources() {
        for (text, group, of) in [
            ("create:pods", "", "pods"),
            ("create:pods/exec", "", "pods/exec"),
            ("create:core/pods/exec", "", "pods/exec"),
            ("get:core/*/exec", "", "*/exec"),
            ("patch:apps/deployments/scale", "apps", "deployments/scale"),
            ("bind:rbac.authorization.k8s.io/clusterroles", "rbac.authorization.k8s.io", "clusterroles"),
            ("*:*/*", "*", "*"),
            ("get:*", "*", "*"),
            ("*", "*", "*"),
        ] {
            assert_eq!(resource(text), Some((group.to_owned(), of.to_owned())), "{text}");
        }
        assert_eq!(Action::parse("get:/healthz").map(|action| action.on), Some(Object::Url("/healthz".to_owned())));
        for text in ["pods", "get:", ":pods", "get:apps/", "get,list:pods", "get:a b"] {
            assert_eq!(Action::parse(text), None, "{text}");
        }
    }

    #[test]
    fn written_actions_come_back_as_they_were() {
        for (group, resource, verb, asks, uses) in [
            ("", "pods", "get", "get:pods", "core:get:pods"),
            ("", "pods/exec", "create", "create:pods/exec", "core:create:pods/exec"),
            ("apps", "deployments/scale", "patch", "patch:apps/deployments/scale", "apps:patch:deployments/scale"),
            ("example.com", "widgets", "list", "list:example.com/widgets", "example.com:list:widgets"),
            ("metrics", "pods", "get", "get:metrics./pods", "metrics:get:pods"),
            ("", "apps/log", "get", "get:core/apps/log", "core:get:apps/log"),
        ] {
            let on = Object::Resource { group: group.to_owned(), resource: resource.to_owned() };
            let action = Action { verb: verb.to_owned(), on };
            assert_eq!(asked(group, resource, verb), asks);
            assert_eq!(used(group, resource, verb), uses);
            assert_eq!(Action::parse(asks).as_ref(), Some(&action), "{asks}");
            assert_eq!(Action::parse_used(uses), Some(action), "{uses}");
        }
        for text in ["get:pods", "core", "core::pods", "core:get:"] {
            assert_eq!(Action::parse_used(text), None, "{text}");
        }
    }

    #[test]
    fn stored_statements_come_back_as_they_were() {
        let list = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
        for (verbs, groups, resources) in [
            ("get|list", "", "pods|pods/log"),
            ("get", "|apps", "pods|deployments/scale"),
            ("*", "*", "*/scale"),
            ("get", "", "*/scale"),
            ("get", "", "*"),
            ("*", "rbac.authorization.k8s.io", "roles"),
            ("get", "", "a.b/c"),
            ("*", "*", "*"),
            ("get", "core", "pods/log|secrets"),
            ("get", "metrics", "pods/log|secrets"),
            ("get", "metrics||core.", "secrets"),
        ] {
            let lists = Lists { verbs: list(verbs), groups: list(groups), resources: list(resources), urls: vec![] };
            let written = lists.write().unwrap();
            assert_eq!(Lists::parse(&written), Some(lists), "{written}");
        }
        for urls in ["/healthz|/metrics", "/*", "*|/healthz"] {
            let lists = Lists { verbs: list("get"), urls: list(urls), ..Lists::default() };
            assert_eq!(Lists::parse(&lists.write().unwrap()), Some(lists), "{urls}");
        }
    }

    #[test]
    fn actions_of_other_platforms_are_not_taken_for_ones_of_this() {
        for ours in ["get:secrets", "create:pods/exec", "get:/healthz", "*:*/*", "*:apps/deployments"] {
            assert!(is_written_here(ours), "{ours}");
        }
        for other in ["s3:GetObject", "iam:*", "*", "*:*", "get:Object", "storage.objects.get", "sts:AssumeRole"] {
            assert!(!is_written_here(other), "{other}");
        }
    }
}
