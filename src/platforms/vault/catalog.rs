//! What there is to do in a Vault: areas of its API with the capabilities that mean something there.

use super::policy::CAPS;
use crate::platforms::Recorded;

/// Access levels and their weights in a privilege mass.
pub const LEVELS: [(&str, f64); 4] = [("list", 1.0), ("read", 2.0), ("write", 5.0), ("permissions", 10.0)];

/// A part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Its name: service in access rows.
    pub name: &'static str,
    /// Path that everything in it begins with, without the last slash; empty for mounted secrets engines, which can be
    /// anywhere.
    pub stem: &'static str,
    /// Whether writing there changes who may do what.
    pub permissions: bool,
}

const fn area(name: &'static str, permissions: bool) -> Area {
    Area { name, stem: name, permissions }
}

/// The areas; of two that a path is in, the first counts.
pub const AREAS: [Area; 17] = [
    area("sys/policies", true),
    Area { name: "sys/policies", stem: "sys/policy", permissions: true },
    area("sys/auth", true),
    area("sys/mounts", true),
    area("sys/audit", true),
    area("sys/generate-root", true),
    area("sys/raw", true),
    area("sys/namespaces", true),
    area("sys/leases", false),
    area("sys", false),
    area("identity/entity", true),
    area("identity/group", true),
    area("identity", true),
    area("auth/token", true),
    area("auth", true),
    area("cubbyhole", false),
    Area { name: "secrets", stem: "", permissions: false },
];

/// Areas by name, each once.
pub fn areas() -> impl Iterator<Item = &'static Area> {
    AREAS
        .iter()
        .enumerate()
        .filter(|(at, area)| AREAS[..*at].iter().all(|one| one.name != area.name))
        .map(|(_, area)| area)
}

/// The area of a path.
#[must_use]
pub fn area_of(path: &str) -> &'static Area {
    let inside =
        |area: &&Area| path.strip_prefix(area.stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    AREAS.iter().find(|area| area.stem.is_empty() || inside(area)).unwrap_or(&AREAS[AREAS.len() - 1])
}

/// Index into [`LEVELS`] of a capability in an area.
#[must_use]
pub fn level(area: &Area, capability: &str) -> usize {
    match capability {
        "list" => 0,
        "read" => 1,
        "sudo" => 3,
        _ if area.permissions => 3,
        _ => 2,
    }
}

/// An action of the catalogue as usage records and access rows name it: `AREA:CAPABILITY`.
#[must_use]
pub fn name(area: &Area, capability: &str) -> String {
    format!("{}:{capability}", area.name)
}

/// The area and the capability of a name.
#[must_use]
pub fn parse(text: &str) -> Option<(&'static Area, &'static str)> {
    let (area_name, capability) = text.split_once(':')?;
    let found = areas().find(|area| area.name == area_name)?;
    CAPS.iter().find(|cap| **cap == capability).map(|cap| (found, *cap))
}

/// Whether audit devices record an action. `sudo` is never asked for by itself.
#[must_use]
pub fn recorded(capability: &str) -> Recorded {
    if capability == "sudo" { Recorded::Never("`sudo` is part of another request") } else { Recorded::Always }
}

/// Paths that ask for `sudo` besides the capability of the request ("Policies: root protected API endpoints" and the
/// `Root` paths of the built-in backends); a star stands for any end.
const PROTECTED: [&str; 41] = [
    "auth/token/accessors",
    "auth/token/accessors/",
    "auth/token/create-orphan",
    "auth/token/revoke-orphan",
    "pki/root",
    "pki/root/sign-self-issued",
    "sys/audit",
    "sys/audit/*",
    "sys/auth/*",
    "sys/activation-flags/*",
    "sys/config/auditing/*",
    "sys/config/cors",
    "sys/config/group-policy-application",
    "sys/config/reload/*",
    "sys/config/state/sanitized",
    "sys/config/ui/headers",
    "sys/config/ui/headers/*",
    "sys/internal/counters/activity/export",
    "sys/internal/inspect/*",
    "sys/leases",
    "sys/leases/lookup/",
    "sys/leases/lookup/*",
    "sys/leases/revoke-force/*",
    "sys/leases/revoke-prefix/*",
    "sys/plugins/catalog/*",
    "sys/plugins/pins*",
    "sys/raw",
    "sys/raw/*",
    "sys/remount",
    "sys/replication/dr/primary/*",
    "sys/replication/performance/primary/*",
    "sys/replication/performance/secondary/*",
    "sys/replication/recover",
    "sys/replication/reindex",
    "sys/revoke-force/*",
    "sys/revoke-prefix/*",
    "sys/rotate",
    "sys/rotate/config",
    "sys/seal",
    "sys/step-down",
    "sys/storage/raft/snapshot-auto/config/*",
];

/// Whether a request to a path needs `sudo` as well.
#[must_use]
pub fn is_protected(path: &str) -> bool {
    PROTECTED.iter().any(|own| match own.strip_suffix('*') {
        Some(stem) => path.starts_with(stem),
        None => path == *own,
    })
}

/// Paths and capabilities of the policy `default` as Vault sets it up, for exports without it.
pub const DEFAULT_POLICY: [(&str, &str); 19] = [
    ("auth/token/lookup-self", "read"),
    ("auth/token/renew-self", "update"),
    ("auth/token/revoke-self", "update"),
    ("sys/capabilities-self", "update"),
    ("identity/entity/id/{{identity.entity.id}}", "read"),
    ("identity/entity/name/{{identity.entity.name}}", "read"),
    ("sys/internal/ui/resultant-acl", "read"),
    ("sys/renew", "update"),
    ("sys/leases/renew", "update"),
    ("sys/leases/lookup", "update"),
    ("cubbyhole/*", "create read update delete list"),
    ("sys/wrapping/wrap", "update"),
    ("sys/wrapping/lookup", "update"),
    ("sys/wrapping/unwrap", "update"),
    ("sys/tools/hash", "update"),
    ("sys/tools/hash/*", "update"),
    ("sys/control-group/request", "update"),
    ("identity/oidc/provider/+/authorize", "read update"),
    ("sys/internal/ui/mounts", "read"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_in_one_area_and_every_name_is_read_back() {
        for (path, expected) in [
            ("sys/policies/acl/x", "sys/policies"),
            ("sys/policy/x", "sys/policies"),
            ("sys/policyx", "sys"),
            ("auth/token/create", "auth/token"),
            ("auth/approle/role/x", "auth"),
            ("identity/group/id/1", "identity/group"),
            ("kv/data/x", "secrets"),
            ("system/x", "secrets"),
            ("", "secrets"),
        ] {
            assert_eq!(area_of(path).name, expected, "{path}");
        }
        for area in areas() {
            for cap in CAPS {
                assert_eq!(parse(&name(area, cap)), Some((area, cap)));
            }
        }
        assert_eq!(areas().count(), 16);
        assert_eq!(parse("secrets:own"), None);
    }

    #[test]
    fn protected_paths_are_those_of_the_documentation() {
        for (path, expected) in [
            ("sys/auth/userpass", true),
            ("sys/auth", false),
            ("sys/audit/", true),
            ("auth/token/create-orphan", true),
            ("auth/token/create", false),
            ("sys/policies/acl/x", false),
            ("sys/raw/core/keyring", true),
            ("sys/mounts/x", false),
        ] {
            assert_eq!(is_protected(path), expected, "{path}");
        }
    }
}
