//! Permissions by name, and which of them the roles on a repository give.
//!
//! Names are those of fine-grained tokens and GitHub Apps with the access behind a dot (`contents.write`), in the singular
//! sense that writing includes reading. Permissions of custom roles keep their own names. Two names are ours, for what
//! GitHub has no name of its own: `branch_protection.write` (change or pass by what protects a branch) and
//! `team_members.write` (decide who is in a team).
//!
//! Sources: "Permissions required for fine-grained personal access tokens", "Repository roles for an organization", both
//! on docs.github.com.

/// Roles on a repository in order: each has the permissions of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    Read,
    Triage,
    Write,
    Maintain,
    Admin,
}

impl Rank {
    /// The rank of a built-in role; `None` for a custom one.
    #[must_use]
    pub fn of(role: &str) -> Option<Self> {
        Some(match role {
            "read" => Self::Read,
            "triage" => Self::Triage,
            "write" => Self::Write,
            "maintain" => Self::Maintain,
            "admin" => Self::Admin,
            _ => return None,
        })
    }
}

/// Permissions on a repository: name, access level, and the least role that has it.
const ON_REPOSITORIES: &[(&str, &str, Rank)] = &[
    ("metadata.read", "list", Rank::Read),
    ("actions.read", "read", Rank::Read),
    ("attestations.read", "read", Rank::Read),
    ("checks.read", "read", Rank::Read),
    ("contents.read", "read", Rank::Read),
    ("deployments.read", "read", Rank::Read),
    ("discussions.read", "read", Rank::Read),
    ("environments.read", "read", Rank::Read),
    ("issues.read", "read", Rank::Read),
    ("packages.read", "read", Rank::Read),
    ("pages.read", "read", Rank::Read),
    ("pull_requests.read", "read", Rank::Read),
    ("repository_projects.read", "read", Rank::Read),
    ("statuses.read", "read", Rank::Read),
    ("discussions.write", "write", Rank::Triage),
    ("issues.write", "write", Rank::Triage),
    ("actions.write", "write", Rank::Write),
    ("actions_variables.read", "read", Rank::Write),
    ("attestations.write", "write", Rank::Write),
    ("checks.write", "write", Rank::Write),
    ("codespaces.write", "write", Rank::Write),
    ("contents.write", "write", Rank::Write),
    ("deployments.write", "write", Rank::Write),
    ("packages.write", "write", Rank::Write),
    ("pull_requests.write", "write", Rank::Write),
    ("repository_projects.write", "write", Rank::Write),
    ("security_events.read", "read", Rank::Write),
    ("security_events.write", "write", Rank::Write),
    ("statuses.write", "write", Rank::Write),
    ("vulnerability_alerts.read", "read", Rank::Write),
    ("workflows.write", "write", Rank::Write),
    ("interaction_limits.write", "write", Rank::Maintain),
    ("pages.write", "write", Rank::Maintain),
    ("actions_variables.write", "write", Rank::Admin),
    ("administration.read", "read", Rank::Admin),
    ("administration.write", "permissions", Rank::Admin),
    ("branch_protection.write", "permissions", Rank::Admin),
    ("dependabot_secrets.read", "list", Rank::Admin),
    ("dependabot_secrets.write", "write", Rank::Admin),
    ("environments.write", "permissions", Rank::Admin),
    ("repository_advisories.write", "write", Rank::Admin),
    ("repository_custom_properties.write", "write", Rank::Admin),
    ("repository_hooks.read", "read", Rank::Admin),
    ("repository_hooks.write", "write", Rank::Admin),
    ("secret_scanning_alerts.read", "read", Rank::Admin),
    ("secret_scanning_alerts.write", "write", Rank::Admin),
    ("secrets.read", "list", Rank::Admin),
    ("secrets.write", "write", Rank::Admin),
    ("vulnerability_alerts.write", "write", Rank::Admin),
];

/// Permissions on an organisation: name and access level.
const ON_ORGANISATIONS: &[(&str, &str)] = &[
    ("members.read", "list"),
    ("members.write", "permissions"),
    ("organization_actions_variables.read", "read"),
    ("organization_actions_variables.write", "write"),
    ("organization_administration.read", "read"),
    ("organization_administration.write", "permissions"),
    ("organization_announcement_banners.write", "write"),
    ("organization_audit_log.read", "read"),
    ("organization_copilot_seat_management.read", "read"),
    ("organization_copilot_seat_management.write", "write"),
    ("organization_custom_org_roles.read", "read"),
    ("organization_custom_org_roles.write", "permissions"),
    ("organization_custom_properties.read", "read"),
    ("organization_custom_properties.write", "write"),
    ("organization_custom_roles.read", "read"),
    ("organization_custom_roles.write", "permissions"),
    ("organization_dependabot_secrets.read", "list"),
    ("organization_dependabot_secrets.write", "write"),
    ("organization_events.read", "read"),
    ("organization_hooks.read", "read"),
    ("organization_hooks.write", "write"),
    ("organization_packages.read", "read"),
    ("organization_packages.write", "write"),
    ("organization_personal_access_token_requests.read", "read"),
    ("organization_personal_access_token_requests.write", "permissions"),
    ("organization_personal_access_tokens.read", "read"),
    ("organization_personal_access_tokens.write", "permissions"),
    ("organization_plan.read", "read"),
    ("organization_projects.read", "read"),
    ("organization_projects.write", "write"),
    ("organization_secrets.read", "list"),
    ("organization_secrets.write", "write"),
    ("organization_self_hosted_runners.read", "read"),
    ("organization_self_hosted_runners.write", "permissions"),
    ("organization_user_blocking.read", "read"),
    ("organization_user_blocking.write", "write"),
    ("team_discussions.read", "read"),
    ("team_discussions.write", "write"),
    ("team_members.write", "permissions"),
];

/// What permissions of custom organisation roles are in the names of this catalogue.
const OF_CUSTOM_ROLES: &[(&str, &str)] = &[
    ("read_audit_logs", "organization_audit_log.read"),
    ("read_organization_custom_org_role", "organization_custom_org_roles.read"),
    ("write_organization_custom_org_role", "organization_custom_org_roles.write"),
    ("read_organization_custom_repo_role", "organization_custom_roles.read"),
    ("write_organization_custom_repo_role", "organization_custom_roles.write"),
    ("manage_organization_webhooks", "organization_hooks.write"),
    ("write_organization_actions_secrets", "organization_secrets.write"),
    ("write_organization_actions_variables", "organization_actions_variables.write"),
    ("write_organization_runners_and_runner_groups", "organization_self_hosted_runners.write"),
    // Permissions that custom repository roles add.
    ("manage_webhooks", "repository_hooks.write"),
    ("manage_deploy_keys", "deploy_keys.write"),
    ("edit_repo_protections", "branch_protection.write"),
    ("push_protected_branch", "branch_protection.write"),
    ("bypass_branch_protection", "branch_protection.write"),
    ("manage_settings_pages", "pages.write"),
];

/// Every permission of the catalogue with its access level.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = ON_REPOSITORIES.iter().map(|&(name, level, _)| (name, level));
    own.chain(ON_ORGANISATIONS.iter().copied())
}

/// Permissions of a built-in role on a repository.
#[must_use]
pub fn of_role(rank: Rank) -> Vec<String> {
    let own = ON_REPOSITORIES.iter().filter(|(_, _, least)| *least <= rank);
    own.map(|(name, _, _)| (*name).to_owned()).collect()
}

/// A permission of a custom role: under its own name, and under the catalogue's where that has one.
pub fn of_custom(permission: &str) -> impl Iterator<Item = String> {
    let known = OF_CUSTOM_ROLES.iter().filter(move |(own, _)| *own == permission);
    let known: Vec<String> = known.map(|(_, name)| (*name).to_owned()).collect();
    [permission.to_owned()].into_iter().chain(known)
}

/// What an app or token may do that has this access to this permission.
#[must_use]
pub fn of_token(permission: &str, access: &str) -> Vec<String> {
    let named = |access: &str| format!("{permission}.{access}");
    let mut found = match access {
        "read" => vec![named("read")],
        "write" => vec![named("read"), named("write")],
        "admin" => vec![named("read"), named("write"), named("admin")],
        _ => Vec::new(),
    };
    if permission == "administration" && access != "read" {
        found.push("branch_protection.write".to_owned());
    }
    if permission == "members" && access != "read" {
        found.push("team_members.write".to_owned());
    }
    found
}

/// Whether a permission of apps and tokens is about the organisation and not about repositories.
#[must_use]
pub fn is_of_organisation(permission: &str) -> bool {
    permission.starts_with("organization_") || matches!(permission, "members" | "team_discussions")
}

/// Service and access level of a permission that is not in the catalogue.
#[must_use]
pub fn guess(action: &str) -> (&str, &'static str) {
    match action.rsplit_once('.') {
        Some((service, "read")) => (service, "read"),
        Some((service, "write")) => (service, "write"),
        Some((service, "admin")) => (service, "permissions"),
        _ if ["read_", "view_"].iter().any(|verb| action.starts_with(verb)) => ("custom_role", "read"),
        _ => ("custom_role", "write"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_grow() {
        let has =
            |role: &str, name: &str| Rank::of(role).is_some_and(|rank| of_role(rank).iter().any(|one| one == name));
        assert!(has("read", "contents.read") && !has("read", "issues.write"));
        assert!(has("triage", "issues.write") && !has("triage", "contents.write"));
        assert!(has("write", "workflows.write") && !has("write", "administration.write"));
        assert!(has("admin", "branch_protection.write") && has("admin", "contents.read"));
        assert_eq!(Rank::of("security"), None);
    }

    #[test]
    fn writing_includes_reading() {
        assert_eq!(of_token("contents", "write"), ["contents.read", "contents.write"]);
        assert!(of_token("administration", "write").contains(&"branch_protection.write".to_owned()));
        assert!(of_token("contents", "none").is_empty());
        assert_eq!(
            of_custom("read_audit_logs").collect::<Vec<_>>(),
            ["read_audit_logs", "organization_audit_log.read"]
        );
    }
}
