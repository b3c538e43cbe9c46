//! Ids of what is in an Okta organisation: its host, and the id that Okta gives.

use super::NAME;

/// Host of an organisation of which no answer tells it.
pub const UNNAMED: &str = "okta";
/// Beginning of an action that stands for all permissions of a role.
pub const ROLE: &str = "role:";

/// Id of an organisation.
#[must_use]
pub fn org(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    // The console of administrators has a host of its own.
    let host = host.replacen("-admin.okta", ".okta", 1);
    format!("{NAME}:{host}")
}

/// Id of something of an organisation: `user`, `group`, `app`, `role`, `resource-set`, …
#[must_use]
pub fn object(org: &str, kind: &str, id: &str) -> String {
    format!("{org}/{kind}/{id}")
}

/// Organisation, kind and the rest of an id of [`object`].
#[must_use]
pub fn parts(id: &str) -> Option<(&str, &str, &str)> {
    let rest = id.strip_prefix(NAME)?.strip_prefix(':')?;
    let (_, object) = rest.split_once('/')?;
    let (kind, name) = object.split_once('/')?;
    Some((&id[..id.len() - object.len() - 1], kind, name))
}
