//! Permissions by name, what they include, and which of them the standard roles have.
//!
//! Names are those of Okta's custom administrator roles, and for what only standard roles may do those of the OAuth
//! scopes. `okta.apps.use` is ours: signing in to an application that one is assigned to.
//!
//! Sources: "Standard administrator roles and permissions" on help.okta.com, "Role permissions" and "OAuth 2.0 scopes" on
//! developer.okta.com.

/// Permissions and access levels.
const PERMISSIONS: &[(&str, &str)] = &[
    ("okta.agents.manage", "write"),
    ("okta.agents.read", "read"),
    ("okta.apiTokens.manage", "permissions"),
    ("okta.apiTokens.read", "read"),
    ("okta.apps.assignment.manage", "permissions"),
    ("okta.apps.clientCredentials.read", "read"),
    ("okta.apps.create", "write"),
    ("okta.apps.manage", "permissions"),
    ("okta.apps.manageFirstPartyApps", "write"),
    ("okta.apps.read", "read"),
    ("okta.apps.universalLogout.manage", "write"),
    ("okta.apps.use", "read"),
    ("okta.authzServers.manage", "permissions"),
    ("okta.authzServers.read", "read"),
    ("okta.customizations.manage", "write"),
    ("okta.customizations.read", "read"),
    ("okta.devices.manage", "write"),
    ("okta.devices.read", "read"),
    ("okta.directories.manage", "permissions"),
    ("okta.directories.read", "read"),
    ("okta.governance.accessCertifications.manage", "write"),
    ("okta.governance.accessRequests.manage", "permissions"),
    ("okta.groups.appAssignment.manage", "permissions"),
    ("okta.groups.create", "write"),
    ("okta.groups.manage", "permissions"),
    ("okta.groups.members.manage", "permissions"),
    ("okta.groups.read", "read"),
    ("okta.iam.read", "read"),
    ("okta.identityProviders.manage", "permissions"),
    ("okta.identityProviders.read", "read"),
    ("okta.logs.read", "read"),
    ("okta.orgs.manage", "permissions"),
    ("okta.orgs.read", "read"),
    ("okta.policies.manage", "permissions"),
    ("okta.policies.read", "read"),
    ("okta.profilesources.import.run", "write"),
    ("okta.realms.manage", "permissions"),
    ("okta.realms.read", "read"),
    ("okta.roles.manage", "permissions"),
    ("okta.roles.read", "read"),
    ("okta.support.cases.manage", "write"),
    ("okta.users.appAssignment.manage", "permissions"),
    ("okta.users.create", "write"),
    ("okta.users.credentials.expirePassword", "permissions"),
    ("okta.users.credentials.manage", "permissions"),
    ("okta.users.credentials.manageTemporaryAccessCode", "permissions"),
    ("okta.users.credentials.resetFactors", "permissions"),
    ("okta.users.credentials.resetPassword", "permissions"),
    ("okta.users.groupMembership.manage", "permissions"),
    ("okta.users.lifecycle.activate", "write"),
    ("okta.users.lifecycle.clearSessions", "write"),
    ("okta.users.lifecycle.deactivate", "write"),
    ("okta.users.lifecycle.delete", "write"),
    ("okta.users.lifecycle.manage", "write"),
    ("okta.users.lifecycle.suspend", "write"),
    ("okta.users.lifecycle.unlock", "write"),
    ("okta.users.lifecycle.unsuspend", "write"),
    ("okta.users.manage", "permissions"),
    ("okta.users.read", "read"),
    ("okta.users.userprofile.manage", "write"),
    ("okta.workflows.invoke", "write"),
    ("okta.workflows.read", "read"),
];

/// What help-desk administrators may do to people.
const HELP_DESK: &[&str] = &[
    "okta.users.read",
    "okta.groups.read",
    "okta.users.credentials.manage",
    "okta.users.credentials.expirePassword",
    "okta.users.credentials.manageTemporaryAccessCode",
    "okta.users.credentials.resetFactors",
    "okta.users.credentials.resetPassword",
    "okta.users.lifecycle.clearSessions",
    "okta.users.lifecycle.unlock",
];

/// Permissions of a standard role, as patterns; `None` for a role that is not known.
#[must_use]
pub fn standard(role: &str) -> Option<Vec<String>> {
    let patterns: &[&str] = match role {
        "SUPER_ADMIN" => &["*"],
        // It manages no applications, administrators, authorization servers and directories.
        "ORG_ADMIN" => &[
            "okta.users.*",
            "okta.groups.*",
            "okta.apps.read",
            "okta.policies.*",
            "okta.identityProviders.*",
            "okta.devices.*",
            "okta.customizations.*",
            "okta.orgs.*",
            "okta.logs.read",
            "okta.authzServers.read",
            "okta.apiTokens.read",
        ],
        "USER_ADMIN" => &["okta.users.*", "okta.groups.*", "okta.logs.read"],
        "GROUP_MEMBERSHIP_ADMIN" => {
            &["okta.users.read", "okta.groups.read", "okta.groups.members.manage", "okta.users.groupMembership.manage"]
        }
        "HELP_DESK_ADMIN" => HELP_DESK,
        "APP_ADMIN" => &[
            "okta.apps.assignment.manage",
            "okta.apps.clientCredentials.read",
            "okta.apps.create",
            "okta.apps.manage",
            "okta.apps.read",
            "okta.apps.universalLogout.manage",
            "okta.users.read",
            "okta.users.appAssignment.manage",
            "okta.groups.read",
            "okta.groups.appAssignment.manage",
            "okta.profilesources.import.run",
        ],
        "READ_ONLY_ADMIN" => &["*.read"],
        "REPORT_ADMIN" => &["okta.logs.read"],
        "API_ACCESS_MANAGEMENT_ADMIN" => &[
            "okta.authzServers.*",
            "okta.apps.read",
            "okta.apps.clientCredentials.read",
            "okta.users.read",
            "okta.groups.read",
        ],
        "MOBILE_ADMIN" => &["okta.devices.*", "okta.users.read", "okta.groups.read"],
        "ACCESS_REQUESTS_ADMIN" => &["okta.governance.accessRequests.manage"],
        "ACCESS_CERTIFICATIONS_ADMIN" => &["okta.governance.accessCertifications.manage"],
        "WORKFLOWS_ADMIN" => &["okta.workflows.*"],
        _ => return None,
    };
    Some(patterns.iter().map(|pattern| (*pattern).to_owned()).collect())
}

/// Whether a standard role can be limited to groups or applications.
#[must_use]
pub fn has_targets(role: &str) -> bool {
    matches!(role, "APP_ADMIN" | "USER_ADMIN" | "HELP_DESK_ADMIN" | "GROUP_MEMBERSHIP_ADMIN")
}

/// Every permission with its access level.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    PERMISSIONS.iter().copied()
}

/// A permission of a custom role with what it includes, as patterns.
#[must_use]
pub fn expanded(permission: &str) -> Vec<String> {
    let mut found = vec![permission.to_owned()];
    if let Some(area) = permission.strip_suffix(".manage") {
        let whole = ["okta.users", "okta.users.credentials", "okta.users.lifecycle", "okta.groups", "okta.apps"];
        found.push(if whole.contains(&area) { format!("{area}.*") } else { format!("{area}.read") });
    }
    found
}

/// What an OAuth scope that was granted to a service lets its token do, as a pattern. A scope is a limit: the service
/// needs an administrator role as well.
#[must_use]
pub fn of_scope(scope: &str) -> Option<String> {
    let (area, access) = scope.strip_prefix("okta.")?.rsplit_once('.')?;
    let area = match area {
        "idps" => "identityProviders",
        "authorizationServers" => "authzServers",
        other => other,
    };
    match access {
        "manage" => Some(format!("okta.{area}.*")),
        "read" => Some(format!("okta.{area}.*read")),
        _ => None,
    }
}

/// Service and level of a permission that the catalogue does not have.
#[must_use]
pub fn guess(action: &str) -> (&str, &'static str) {
    let service = action.strip_prefix("okta.").and_then(|rest| rest.split('.').next()).unwrap_or("okta");
    let level = match action.rsplit('.').next() {
        Some("read") => "read",
        Some("manage") => "permissions",
        _ => "write",
    };
    (service, level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text::glob;

    fn has(role: &str, permission: &str) -> bool {
        standard(role).is_some_and(|patterns| patterns.iter().any(|pattern| glob(pattern, permission)))
    }

    #[test]
    fn standard_roles_are_as_documented() {
        assert!(has("SUPER_ADMIN", "okta.roles.manage"));
        assert!(!has("ORG_ADMIN", "okta.roles.manage") && !has("ORG_ADMIN", "okta.apps.manage"));
        assert!(has("HELP_DESK_ADMIN", "okta.users.credentials.resetFactors"));
        assert!(!has("HELP_DESK_ADMIN", "okta.groups.members.manage"));
        assert!(has("GROUP_MEMBERSHIP_ADMIN", "okta.groups.members.manage"));
        assert!(
            has("READ_ONLY_ADMIN", "okta.apps.clientCredentials.read") && !has("READ_ONLY_ADMIN", "okta.apps.manage")
        );
        assert!(standard("CUSTOM").is_none());
    }

    #[test]
    fn permissions_include_others() {
        assert_eq!(expanded("okta.users.manage"), ["okta.users.manage", "okta.users.*"]);
        assert_eq!(expanded("okta.policies.manage"), ["okta.policies.manage", "okta.policies.read"]);
        assert_eq!(expanded("okta.users.read"), ["okta.users.read"]);
        assert_eq!(of_scope("okta.users.read").as_deref(), Some("okta.users.*read"));
        assert_eq!(of_scope("okta.idps.manage").as_deref(), Some("okta.identityProviders.*"));
        assert_eq!(of_scope("openid"), None);
    }
}
