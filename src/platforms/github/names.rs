//! Ids of what is in an organisation. GitHub compares names of accounts and repositories without regard to case, so ids
//! are in lower case; teams, environments and branches keep theirs.

use super::NAME;

/// Group of the owners of an organisation.
pub const OWNERS: &str = "owners";
/// Group of all members of an organisation, owners included.
pub const MEMBERS: &str = "members";
/// Beginning of an action that stands for all permissions of a role.
pub const ROLE: &str = "role:";

/// Id of an organisation, or of a person who owns repositories.
#[must_use]
pub fn org(login: &str) -> String {
    format!("{NAME}:{}", login.to_ascii_lowercase())
}

/// Id of something of an organisation: `user`, `team`, `group`, `app`, `role`, `token`, `credential`, …
#[must_use]
pub fn of_org(login: &str, kind: &str, name: &str) -> String {
    let name = if kind == "user" { name.to_ascii_lowercase() } else { name.to_owned() };
    format!("{}/{kind}/{name}", org(login))
}

/// Id of a repository.
#[must_use]
pub fn repo(owner: &str, name: &str) -> String {
    format!("{}/repo/{}", org(owner), name.to_ascii_lowercase())
}

/// Id of something of a repository: `branch`, `environment`, `key`, `hook`, …
#[must_use]
pub fn of_repo(owner: &str, name: &str, kind: &str, what: &str) -> String {
    format!("{}/{kind}/{what}", repo(owner, name))
}

/// Id of the workflows of a repository, on whatever branch nothing protects.
#[must_use]
pub fn workflow(owner: &str, name: &str) -> String {
    format!("{}/workflow", repo(owner, name))
}

/// Organisation, kind and name in an id of [`of_org`], or of what is in such a thing.
#[must_use]
pub fn parts(id: &str) -> Option<(&str, &str, &str)> {
    let mut parts = id.strip_prefix(NAME)?.strip_prefix(':')?.splitn(3, '/');
    Some((parts.next()?, parts.next()?, parts.next()?))
}

/// Name of a repository role, by any of the names that the interfaces use for it.
#[must_use]
pub fn role_name(written: &str) -> &str {
    match written {
        "pull" | "READ" => "read",
        "push" | "WRITE" => "write",
        "TRIAGE" => "triage",
        "MAINTAIN" => "maintain",
        "ADMIN" => "admin",
        other => other,
    }
}
