//! Made-up answers of Snowflake that another project tests with. The numbers were counted in the files by a few lines
//! of Python.

use overgrant::model::{CredentialKind, EntityKind, Tables};
use overgrant::platforms::{self, input};

use super::shared;

/// Users, services and roles by name, what they sign in with, and who holds what.
pub fn snowflake() -> Result<(), String> {
    let folder = shared().ok_or("OVERGRANT_SHARED is not set")?.join("data/saas/snowflake");
    let names = ["users.json", "roles.json", "account_grants.json", "credentials.json", "access_tokens.json"];
    let paths: Vec<_> = names.iter().map(|name| folder.join(name)).collect();
    let tables = input::read_all(&paths, platforms::ALL, &|_| {}).join(platforms::ALL);
    let kinds = tables.sources.iter().filter(|source| source.kind == "snowflake-views").count();
    let of = |kind: EntityKind, part: &str| {
        tables.entities.iter().filter(|one| one.present && one.kind == kind && one.id.contains(part)).count()
    };
    let credentials = |kind: CredentialKind| tables.credentials.iter().filter(|row| row.kind == kind).count();
    let found = [
        kinds,
        of(EntityKind::User, "/user/"),
        of(EntityKind::ServiceAccount, "/user/"),
        // Two databases' roles, and one of an application.
        of(EntityKind::Group, "/database_role/") + of(EntityKind::Group, "/application_role/"),
        credentials(CredentialKind::Password),
        credentials(CredentialKind::AccessKey),
        credentials(CredentialKind::Token),
        credentials(CredentialKind::Mfa),
    ];
    let expected = [5, 3, 1, 3, 4, 2, 3, 1];
    if found != expected {
        return Err(format!("{found:?}, expected {expected:?}"));
    }
    memberships(&tables)
}

fn memberships(tables: &Tables) -> Result<(), String> {
    for (member, container) in [
        ("user/BURNS", "role/ACCOUNTADMIN"),
        ("user/HOMER", "role/SAFETY_INSPECTOR"),
        ("user/SCRAM_BOT", "role/REACTOR_READER"),
        ("role/ACCOUNTADMIN", "role/SYSADMIN"),
        ("role/SYSADMIN", "role/SAFETY_INSPECTOR"),
    ] {
        let id = |name: &str| tables.find(&format!("snowflake:account/{name}"));
        let (Some(a), Some(b)) = (id(member), id(container)) else { return Err(format!("no {member} or {container}")) };
        if !tables.memberships.iter().any(|row| row.member == a && row.container == b) {
            return Err(format!("{member} is not in {container}"));
        }
    }
    Ok(())
}
