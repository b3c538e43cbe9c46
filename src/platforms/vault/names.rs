//! Ids of what is in a Vault: the id of its cluster, a slash, and the path of the API that reads the thing.

/// Cluster of an export in which nothing says how it is called.
pub const CLUSTER: &str = "vault:vault";

/// The cluster of an id.
#[must_use]
pub fn cluster(id: &str) -> &str {
    id.split('/').next().unwrap_or(id)
}

/// The API path of an id; empty for the cluster itself.
#[must_use]
pub fn path(id: &str) -> &str {
    id.split_once('/').map_or("", |(_, path)| path)
}

/// Name of the policy behind an id.
#[must_use]
pub fn policy_name(id: &str) -> Option<&str> {
    path(id).strip_prefix("sys/policies/acl/")
}

/// An API path without what people put around it: a leading `/`, `v1/`, a trailing slash, a query.
#[must_use]
pub fn tidy(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or(path).trim().trim_matches('/');
    path.strip_prefix("v1/").unwrap_or(path)
}

/// The API path that a file is called after: what follows the last folder `auth`, `sys` or `identity` of its path, or
/// the whole relative path where there is none, without an extension.
#[must_use]
pub fn of_file(path: &str) -> Option<String> {
    let path = path.replace('!', "/");
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let start = parts.iter().rposition(|part| matches!(*part, "auth" | "sys" | "identity"))?;
    let joined = parts[start..].join("/");
    let stem = [".json", ".gz", ".zst", ".ndjson"].iter().fold(joined.as_str(), |text, end| text.trim_end_matches(end));
    Some(stem.trim_end_matches(".json").to_owned())
}

/// Last part of a file's path without its extension.
#[must_use]
pub fn stem_of_file(path: &str) -> &str {
    let name = path.rsplit(['/', '!']).next().unwrap_or(path);
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_from_ids_documents_and_files() {
        assert_eq!(path("vault:prod/sys/policies/acl/a/b"), "sys/policies/acl/a/b");
        assert_eq!((cluster("vault:prod"), path("vault:prod")), ("vault:prod", ""));
        assert_eq!(tidy("/v1/auth/approle/role/ci/?list=true"), "auth/approle/role/ci");
        assert_eq!(of_file("x/auth/old/auth/approle/role/ci.json"), Some("auth/approle/role/ci".to_owned()));
        assert_eq!(of_file("x/role.json"), None);
        assert_eq!(stem_of_file("x/team-a.hcl"), "team-a");
    }
}
