//! Endpoints that are read, and how records are matched to them.

use serde_json::{Map, Value};

use crate::platforms::input::api::{Request, captures};

/// What an answer is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Org,
    Members,
    Membership,
    Outside,
    CredentialAuthorizations,
    Scim,
    Teams,
    Team,
    TeamMembers,
    TeamMembership,
    TeamRepos,
    Repos,
    Repo,
    Collaborators,
    RepoTeams,
    Keys,
    Hooks,
    Branches,
    Branch,
    Protection,
    BranchRules,
    OrgRulesets,
    RepoRulesets,
    Environments,
    Environment,
    BranchPolicies,
    Secrets,
    ActionsPermissions,
    WorkflowPermissions,
    OidcSubject,
    Runners,
    Installations,
    Tokens,
    TokenRequests,
    OrgRoles,
    OrgRoleUsers,
    OrgRoleTeams,
    RepoRoles,
    /// Known and of no use here.
    Other,
}

/// Paths of requests. `*` is one segment, and what it stands for is a name that the reader gets.
const PATHS: &[(&str, Endpoint)] = &[
    ("orgs/*", Endpoint::Org),
    ("orgs/*/members", Endpoint::Members),
    ("orgs/*/memberships/*", Endpoint::Membership),
    ("orgs/*/outside_collaborators", Endpoint::Outside),
    ("orgs/*/credential-authorizations", Endpoint::CredentialAuthorizations),
    ("scim/v2/organizations/*/Users", Endpoint::Scim),
    ("scim/v2/organizations/*/Users/*", Endpoint::Scim),
    ("orgs/*/teams", Endpoint::Teams),
    ("orgs/*/teams/*", Endpoint::Team),
    ("orgs/*/teams/*/teams", Endpoint::Teams),
    ("orgs/*/teams/*/members", Endpoint::TeamMembers),
    ("orgs/*/teams/*/memberships/*", Endpoint::TeamMembership),
    ("orgs/*/teams/*/repos", Endpoint::TeamRepos),
    ("orgs/*/repos", Endpoint::Repos),
    ("users/*/repos", Endpoint::Repos),
    ("repos/*/*", Endpoint::Repo),
    ("repos/*/*/collaborators", Endpoint::Collaborators),
    ("repos/*/*/teams", Endpoint::RepoTeams),
    ("repos/*/*/keys", Endpoint::Keys),
    ("repos/*/*/keys/*", Endpoint::Keys),
    ("repos/*/*/hooks", Endpoint::Hooks),
    ("repos/*/*/hooks/*", Endpoint::Hooks),
    ("orgs/*/hooks", Endpoint::Hooks),
    ("orgs/*/hooks/*", Endpoint::Hooks),
    ("repos/*/*/branches", Endpoint::Branches),
    ("repos/*/*/branches/*", Endpoint::Branch),
    ("repos/*/*/branches/*/protection", Endpoint::Protection),
    ("repos/*/*/rules/branches/*", Endpoint::BranchRules),
    ("orgs/*/rulesets", Endpoint::OrgRulesets),
    ("orgs/*/rulesets/*", Endpoint::OrgRulesets),
    ("repos/*/*/rulesets", Endpoint::RepoRulesets),
    ("repos/*/*/rulesets/*", Endpoint::RepoRulesets),
    ("repos/*/*/environments", Endpoint::Environments),
    ("repos/*/*/environments/*", Endpoint::Environment),
    ("repos/*/*/environments/*/deployment-branch-policies", Endpoint::BranchPolicies),
    ("repos/*/*/environments/*/secrets", Endpoint::Secrets),
    ("repos/*/*/actions/secrets", Endpoint::Secrets),
    ("orgs/*/actions/secrets", Endpoint::Secrets),
    ("repos/*/*/actions/permissions", Endpoint::ActionsPermissions),
    ("orgs/*/actions/permissions", Endpoint::ActionsPermissions),
    ("repos/*/*/actions/permissions/workflow", Endpoint::WorkflowPermissions),
    ("orgs/*/actions/permissions/workflow", Endpoint::WorkflowPermissions),
    ("repos/*/*/actions/oidc/customization/sub", Endpoint::OidcSubject),
    ("orgs/*/actions/oidc/customization/sub", Endpoint::OidcSubject),
    ("repos/*/*/actions/runners", Endpoint::Runners),
    ("orgs/*/actions/runners", Endpoint::Runners),
    ("orgs/*/installations", Endpoint::Installations),
    ("orgs/*/personal-access-tokens", Endpoint::Tokens),
    ("orgs/*/personal-access-token-requests", Endpoint::TokenRequests),
    ("orgs/*/organization-roles", Endpoint::OrgRoles),
    ("orgs/*/organization-roles/*/users", Endpoint::OrgRoleUsers),
    ("orgs/*/organization-roles/*/teams", Endpoint::OrgRoleTeams),
    ("orgs/*/custom-repository-roles", Endpoint::RepoRoles),
    ("orgs/*/custom_roles", Endpoint::RepoRoles),
    ("orgs/*/actions/variables", Endpoint::Other),
    ("repos/*/*/actions/variables", Endpoint::Other),
    ("repos/*/*/actions/workflows", Endpoint::Other),
];

/// The endpoint of a path, and the names in it.
pub fn endpoint<'p>(segments: &[&'p str]) -> Option<(Endpoint, Vec<&'p str>)> {
    // Servers of one's own have their API below a path.
    let segments = match segments {
        ["api", "v3", rest @ ..] => rest,
        other => other,
    };
    PATHS.iter().find_map(|(pattern, endpoint)| Some((*endpoint, captures(pattern, segments)?)))
}

/// Whether segments are the path of a request that is read.
pub fn is_known(segments: &[&str]) -> bool {
    endpoint(segments).is_some()
}

/// The request that a record says for itself by an address in it.
pub fn own_request(value: &Value) -> Option<Request> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let of = |url: &str| Some(Request::of_url(url)).filter(|request| is_known(&request.segments()));
    let path = |path: String| Some(Request::of_url(&path));
    if let Some(found) = text("url").and_then(of) {
        return Some(found);
    }
    if let (Some(full), true) = (text("full_name"), value.get("owner").is_some()) {
        return path(format!("/repos/{full}")).filter(|request| is_known(&request.segments()));
    }
    if text("app_slug").is_some() && value.get("permissions").is_some() {
        return path(format!("/orgs/{}/installations", value.get("account")?.get("login")?.as_str()?));
    }
    if let (Some(_), Some(url)) = (text("slug"), text("html_url")) {
        // https://HOST/orgs/ORG/teams/SLUG, whatever the number in `url` says.
        let request = Request::of_url(url);
        return match request.segments()[..] {
            ["orgs", org, "teams", team] => path(format!("/orgs/{org}/teams/{team}")),
            _ => None,
        };
    }
    if let (Some(_), Some(source)) = (text("enforcement"), text("source")) {
        return match source.split_once('/') {
            Some((owner, repo)) => path(format!("/repos/{owner}/{repo}/rulesets")),
            None => path(format!("/orgs/{source}/rulesets")),
        };
    }
    let first = |key: &str| value.get(key).and_then(Value::as_array).and_then(|list| list.first());
    if let Some(url) = first("environments").and_then(|one| one.get("url")).and_then(Value::as_str) {
        let request = Request::of_url(url);
        return match endpoint(&request.segments()) {
            Some((Endpoint::Environment, names)) => {
                path(format!("/repos/{}/{}/environments", names.first()?, names.get(1)?))
            }
            _ => None,
        };
    }
    if let Some(login) = first("installations").and_then(|one| one.get("account")?.get("login")?.as_str()) {
        return path(format!("/orgs/{login}/installations"));
    }
    if let Some(login) = first("roles").and_then(|one| one.get("organization")?.get("login")?.as_str()) {
        return path(format!("/orgs/{login}/organization-roles"));
    }
    let located = first("Resources").and_then(|one| one.get("meta")?.get("location")?.as_str());
    located.and_then(of)
}

/// Keys that tell records of GitHub's API when they stand together.
const SHAPES: &[&[&str]] = &[
    &["login", "node_id", "type"],
    &["node_id", "url"],
    &["node_id", "full_name", "owner"],
    &["node_id", "slug"],
    &["node_id", "members_url"],
    &["app_slug", "permissions", "repository_selection"],
    &["token_id", "repository_selection", "owner"],
    &["total_count", "installations"],
    &["total_count", "environments"],
    &["total_count", "secrets"],
    &["total_count", "variables"],
    &["total_count", "runners"],
    &["total_count", "roles"],
    &["total_count", "branch_policies"],
    &["total_count", "workflows"],
    &["custom_roles"],
    &["key", "read_only", "verified"],
    &["login", "credential_id", "credential_type"],
    &["name", "commit", "protected"],
    &["enforcement", "target", "source"],
    &["ruleset_id", "ruleset_source", "type"],
    &["url", "enforce_admins"],
    &["use_default"],
    &["include_claim_keys"],
    &["enabled", "allowed_actions"],
    &["enabled_repositories"],
    &["default_workflow_permissions"],
    &["message", "documentation_url"],
    &["url", "role", "state"],
    &["config", "events", "active"],
];

/// Whether the first record of a file is one of GitHub's.
pub fn is_ours(request: Option<&Request>, object: &Map<String, Value>) -> bool {
    let has = |keys: &&[&str]| keys.iter().all(|key| object.contains_key(*key));
    if SHAPES.iter().any(has) {
        return true;
    }
    // Where Actions is off, the answer is no more than that.
    if object.contains_key("enabled") {
        let found = request.and_then(|request| Some(endpoint(&request.segments())?.0));
        return found == Some(Endpoint::ActionsPermissions);
    }
    if object.contains_key("Resources") || object.contains_key("schemas") {
        let named = request.is_some_and(|request| request.parts.first().is_some_and(|part| part == "scim"));
        return named || own_request(&Value::Object(object.clone())).is_some();
    }
    let data = object.get("data").and_then(Value::as_object);
    data.is_some_and(|data| {
        let organization = data.get("organization").and_then(Value::as_object);
        organization.is_some_and(|one| one.contains_key("membersWithRole") || one.contains_key("samlIdentityProvider"))
    })
}
