//! Google Cloud's permissions and predefined roles, as `datasets/catalog/gcp_roles.tsv.gz` has them.
//!
//! Exports name predefined roles and do not say what is in them. The file has every permission once, sorted, and every
//! role as distances between the numbers of its permissions; it is unpacked at the first question, and a role when it
//! is bound. Google adds roles every week: one that is not here is unknown, never empty.

use std::ops::Range;
use std::sync::LazyLock;

use crate::platforms::input;

const PACKED: &[u8] = include_bytes!("../../../datasets/catalog/gcp_roles.tsv.gz");

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::parse(input::unpacked(PACKED)));

/// All that is known of permissions and predefined roles.
pub struct Catalog {
    text: String,
    /// Places of the permissions in the text, in byte order of their names, and whether each is marked.
    permissions: Vec<(Range<usize>, bool)>,
    /// Places of the roles' lines in the text, in byte order of their names.
    roles: Vec<Range<usize>>,
}

impl Catalog {
    /// The catalogue.
    #[must_use]
    pub fn get() -> &'static Self {
        &CATALOG
    }

    fn parse(text: String) -> Self {
        let (mut permissions, mut roles) = (Vec::new(), Vec::new());
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let end = start + line.trim_end().len();
            if line.starts_with("roles/") {
                roles.push(start..end);
            } else if !line.starts_with('#') {
                let name = line.trim_end().trim_end_matches('!').trim_end();
                permissions.push((start..start + name.len(), line.trim_end().ends_with('!')));
            }
            start += line.len();
        }
        Self { text, permissions, roles }
    }

    /// Every permission, sorted, with whether it is one by which privileges are widened.
    pub fn permissions(&self) -> impl Iterator<Item = (&str, bool)> {
        self.permissions.iter().map(|(at, marked)| (&self.text[at.clone()], *marked))
    }

    /// Whether some permission begins like this.
    #[must_use]
    pub fn has_any(&self, head: &str) -> bool {
        let at = self.permissions.partition_point(|(at, _)| &self.text[at.clone()] < head);
        self.permissions.get(at).is_some_and(|(at, _)| self.text[at.clone()].starts_with(head))
    }

    /// Names of all predefined roles, sorted.
    #[cfg(test)]
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(|at| name_of(&self.text[at.clone()]))
    }

    /// The permissions of a predefined role, sorted; `None` when the catalogue does not have it.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<Vec<&str>> {
        let at = self.roles.binary_search_by(|at| name_of(&self.text[at.clone()]).cmp(name)).ok()?;
        let line = &self.text[self.roles[at].clone()];
        let mut out = Vec::new();
        // Line numbers start at 1, so that no distance is 0.
        let mut next = 0usize;
        for run in line.split('\t').nth(2).unwrap_or_default().split(' ').filter(|run| !run.is_empty()) {
            let (distance, more) = run.split_once('+').unwrap_or((run, "0"));
            let first = next + distance.parse::<usize>().ok()?;
            next = first + more.parse::<usize>().ok()?;
            out.extend(self.permissions.get(first - 1..next)?.iter().map(|(at, _)| &self.text[at.clone()]));
        }
        Some(out)
    }
}

fn name_of(line: &str) -> &str {
    line.split('\t').next().unwrap_or_default()
}

/// Service that a permission belongs to: `storage` of `storage.buckets.get`, `iam` of
/// `iam.googleapis.com/workforcePools.get`.
#[must_use]
pub fn service(permission: &str) -> &str {
    let end = permission.find(['.', '/']).unwrap_or(permission.len());
    &permission[..end]
}

/// Verbs that give power over others, whatever they are on.
const POWERFUL: [&str; 12] = [
    "setIamPolicy",
    "actAs",
    "getAccessToken",
    "getOpenIdToken",
    "signBlob",
    "signJwt",
    "implicitDelegation",
    "escalate",
    "impersonate",
    "createPolicyBinding",
    "updatePolicyBinding",
    "deletePolicyBinding",
];
/// Resources of which every change is one of who may do what.
const POWERFUL_RESOURCES: [&str; 15] = [
    "iam.roles",
    "iam.serviceAccountKeys",
    "iam.serviceAccountApiKeyBindings",
    "iam.denypolicies",
    "iam.accesspolicies",
    "iam.principalaccessboundarypolicies",
    "iam.googleapis.com/workloadIdentityPools",
    "iam.googleapis.com/workloadIdentityPoolProviders",
    "iam.googleapis.com/workforcePools",
    "iam.googleapis.com/workforcePoolProviders",
    "orgpolicy.policy",
    "orgpolicy.policies",
    "privilegedaccessmanager.entitlements",
    "privilegedaccessmanager.grants",
    "storage.hmacKeys",
];
/// First words of verbs that only look.
const LISTING: [&str; 2] = ["list", "search"];
const READING: [&str; 22] = [
    "get",
    "check",
    "fetch",
    "view",
    "read",
    "query",
    "export",
    "download",
    "lookup",
    "analyze",
    "access",
    "describe",
    "validate",
    "test",
    "calculate",
    "compute",
    "preview",
    "verify",
    "fullView",
    "sample",
    "watch",
    "consume",
];

/// Access level of a permission: `list`, `read`, `write` or `permissions`. `marked` says that it is known as one by
/// which privileges are widened.
#[must_use]
pub fn level(permission: &str, marked: bool) -> &'static str {
    let (resource, verb) = permission.rsplit_once('.').unwrap_or(("", permission));
    let starts = |words: &[&str]| words.iter().any(|word| begins_with_word(verb, word));
    let looks = starts(&LISTING) || starts(&READING);
    if marked || POWERFUL.contains(&verb) || (POWERFUL_RESOURCES.contains(&resource) && !looks) {
        "permissions"
    } else if starts(&LISTING) {
        "list"
    } else if looks {
        "read"
    } else {
        "write"
    }
}

/// Whether a verb in camel case begins with a word: `getIamPolicy` with `get`, `getter` not.
fn begins_with_word(verb: &str, word: &str) -> bool {
    verb.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_whole() {
        let catalog = Catalog::get();
        assert_eq!(catalog.permissions().count(), 13_790);
        assert_eq!(catalog.roles().count(), 2_461);
        let sorted: Vec<&str> = catalog.permissions().map(|(name, _)| name).collect();
        assert!(sorted.is_sorted());
        let unknown = catalog.roles().filter(|role| catalog.role(role).is_none()).count();
        assert_eq!(unknown, 0, "every role unpacks");
        let all: usize = catalog.roles().map(|role| catalog.role(role).map_or(0, |own| own.len())).sum();
        assert_eq!(all, 165_179, "permissions of all roles, counted in the source by another program");
    }

    #[test]
    fn a_role_has_its_permissions_and_an_unknown_one_none() {
        let catalog = Catalog::get();
        assert_eq!(
            catalog.role("roles/iam.serviceAccountUser"),
            Some(vec![
                "iam.serviceAccounts.actAs",
                "iam.serviceAccounts.get",
                "iam.serviceAccounts.list",
                "resourcemanager.projects.get",
                "resourcemanager.projects.list",
            ])
        );
        let has = |role: &str, permission: &str| catalog.role(role).is_some_and(|own| own.contains(&permission));
        assert!(has("roles/owner", "resourcemanager.projects.setIamPolicy"));
        assert!(!has("roles/owner", "resourcemanager.organizations.setIamPolicy"));
        assert!(!has("roles/editor", "resourcemanager.projects.setIamPolicy"));
        assert!(has("roles/editor", "iam.serviceAccounts.actAs"));
        assert_eq!(catalog.role("roles/not.there"), None);
    }

    #[test]
    fn levels_follow_what_can_be_done() {
        for (permission, marked, expected) in [
            ("storage.buckets.list", false, "list"),
            ("resourcemanager.projects.searchPolicyBindings", false, "list"),
            ("storage.objects.get", false, "read"),
            ("secretmanager.versions.access", false, "read"),
            ("storage.buckets.getIamPolicy", false, "read"),
            ("storage.objects.create", false, "write"),
            ("container.pods.exec", true, "permissions"),
            ("storage.buckets.setIamPolicy", false, "permissions"),
            ("iam.serviceAccounts.getAccessToken", false, "permissions"),
            ("iam.roles.update", false, "permissions"),
            ("iam.roles.get", false, "read"),
            ("orgpolicy.policy.set", false, "permissions"),
            ("iam.googleapis.com/workloadIdentityPoolProviders.create", false, "permissions"),
        ] {
            assert_eq!(level(permission, marked), expected, "{permission}");
        }
        assert_eq!(service("iam.googleapis.com/workforcePools.get"), "iam");
        assert_eq!(service("storage.buckets.get"), "storage");
    }
}
