//! Answers of Okta and GitHub as their vendors document them, and recorded traffic of GitHub (octokit fixtures). The
//! expectations were read in the files.

use std::path::PathBuf;

use overgrant::model::{EntityKind, Tables};
use overgrant::platforms::{ALL, input};

use super::shared;

fn read(name: &str) -> Result<Tables, String> {
    let path: PathBuf = shared().ok_or("OVERGRANT_SHARED is not set")?.join("data").join(name);
    if !path.exists() {
        return Err(format!("{} is missing", path.display()));
    }
    Ok(input::read_all(&[path], ALL, &|_| {}).join(ALL))
}

/// Ids of what is defined, of one kind.
fn defined(tables: &Tables, kind: EntityKind) -> Vec<&str> {
    let own = tables.entities.iter().filter(|one| one.present && one.kind == kind);
    own.map(|one| one.id.split_once('/').map_or(one.id.as_str(), |(_, rest)| rest)).collect()
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, expected {expected:?}")) }
}

fn states(tables: &Tables, id: &str, key: &str, value: &str) -> Result<(), String> {
    let entity = tables.entities.iter().find(|one| one.id.ends_with(id)).ok_or_else(|| format!("no entity {id}"))?;
    let found = tables.attributes.iter().any(|row| row.entity == entity.entity && row.key == key && row.value == value);
    if found { Ok(()) } else { Err(format!("{id} has no {key} = {value}")) }
}

/// The answers that Okta documents for its management API.
pub fn okta() -> Result<(), String> {
    let tables = read("okta-api")?;
    equal("users", &defined(&tables, EntityKind::User), &vec!["user/00u118oQYT4TBTemp0g4"])?;
    let groups = vec!["group/00g1emaKYZTWRYYRRTSK", "group/00garwpuyxHaWOkdV0g4"];
    let mut found = defined(&tables, EntityKind::Group);
    found.sort_unstable();
    equal("groups", &found, &groups)?;
    let mut found = defined(&tables, EntityKind::Application);
    found.sort_unstable();
    equal(
        "applications",
        &found,
        &vec!["app/0oa1gjh63g214q0Hq0g4", "app/0oa72lrepvp4WqEET1d9", "app/0oafwvZDWJKVLDCUWUAC"],
    )?;
    let mut found = defined(&tables, EntityKind::Credential);
    found.sort_unstable();
    equal("tokens", &found, &vec!["token/00T1234567890abcdefg", "token/00Tabcdefg1234567890"])?;
    // Of the two custom roles one has its permissions in the folder.
    equal("custom roles", &defined(&tables, EntityKind::RoleDefinition), &vec!["role/cr0Yq6IJxGIr0ouum0g3"])?;
    let held = tables.grants.iter().filter(|row| tables.entity(row.holder).kind == EntityKind::RoleDefinition).count();
    equal("permissions of the custom role", &held, &4)?;
    let mut credentials: Vec<(&str, Option<bool>)> = tables
        .credentials
        .iter()
        .map(|row| (row.credential.rsplit('/').next().unwrap_or_default(), row.active))
        .filter(|(id, _)| id.starts_with("ocs") || id.starts_with("pks"))
        .collect();
    credentials.sort_unstable();
    let expected = vec![
        ("ocs2f4zrZbs8nUa7p0g4", Some(false)),
        ("ocs2f50kZB0cITmYU0g4", Some(true)),
        ("pks2f4zrZbs8nUa7p0g4", Some(false)),
        ("pks2f50kZB0cITmYU0g4", Some(true)),
    ];
    equal("client secrets and keys", &credentials, &expected)?;
    let providers = tables.attributes.iter().filter(|row| row.key == "provider_type").count();
    equal("identity providers", &providers, &7)?;
    states(&tables, "/group/00garwpuyxHaWOkdV0g4", "synced_from", "S-1-5-21-717838489-685202119-709183397-1177")?;
    let kept = format!("{tables:?}");
    let values = ["DRUFXGF9XbLn......", "HAGDTYU9XbLnS", "your-client-secret", "yk4SVx4sUWVJVbHt6M"];
    let leaked: Vec<&str> = values.into_iter().filter(|value| kept.contains(value)).collect();
    equal("secret values in the tables", &leaked, &Vec::new())
}

/// The answers that GitHub documents for its REST API.
pub fn github_documented() -> Result<(), String> {
    let tables = read("github/openhound_github_api")?;
    let mut scopes: Vec<&str> =
        tables.entities.iter().filter(|one| one.kind == EntityKind::Scope).map(|one| one.id.as_str()).collect();
    scopes.retain(|id| id.starts_with("github:"));
    equal("organisations", &scopes, &vec!["github:github", "github:octo-org", "github:octocat"])?;
    equal("installed apps", &defined(&tables, EntityKind::Application), &vec!["app/github-actions"])?;
    states(&tables, "github:github", "default_repository_permission", "read")?;
    let gate = "unknown: octocat or justice-league must approve the job";
    states(&tables, "repo/hello-world/environment/staging", "job_gate", gate)?;
    let mut roles = defined(&tables, EntityKind::RoleDefinition);
    roles.retain(|id| id.starts_with("org-role/"));
    equal("roles of the organisation", &roles, &vec!["org-role/8030", "org-role/8031"])?;
    states(&tables, "github:octocat/repo/hello-world", "visibility", "public")?;
    states(&tables, "github:octo-org", "scim_identity", "5fc0c238-1112-11e8-8e45-920c87bdbd75 00u1dhhb1fkIGP7RL1d8")
}

/// Recorded traffic: what was asked stands beside every answer.
pub fn github_recorded() -> Result<(), String> {
    let tables = read("github/octokit_fixtures")?;
    states(&tables, "github:octokit-fixture-org", "default_repository_permission", "read")?;
    states(&tables, "repo/branch-protection/branch/main", "protected", "false")?;
    states(&tables, "github:octokit-fixture-org/repo/hello-world", "default_branch", "master")?;
    let repo = "github:octokit-fixture-org/repo/add-and-remove-repository-collaborator";
    let mut roles: Vec<(&str, &str)> = tables
        .grants
        .iter()
        .filter(|row| row.resources == [repo])
        .map(|row| (tables.entity(row.holder).name.as_str(), row.policy.as_str()))
        .collect();
    roles.sort_unstable();
    roles.dedup();
    let expected = vec![("octokit-fixture-user-a", "admin"), ("octokit-fixture-user-b", "write")];
    equal("collaborators", &roles, &expected)
}
