//! Users with their credentials, and roles.

use super::read::Account;
use crate::model::{Credential, CredentialKind, EntityKind, Handle};
use crate::platforms::input::rows::Row;
use crate::platforms::input::secrets;

/// A row of USERS or of SHOW USERS.
pub fn user(account: &mut Account<'_>, row: &Row) {
    let Some(name) = row.text("name") else { return account.skip("a user has no name") };
    account.out.source.records += 1;
    let kind_of = row.text("type").unwrap_or_default().to_uppercase();
    let service = matches!(kind_of.as_str(), "SERVICE" | "LEGACY_SERVICE" | "SNOWFLAKE_SERVICE");
    let key_only = row.flag("has_rsa_public_key") == Some(true) && row.flag("has_password") == Some(false);
    let kind = if service { EntityKind::ServiceAccount } else { EntityKind::User };
    let mut entity = account.entity(&format!("user/{name}"), kind, &name);
    (entity.nhi, entity.nhi_reason) = match kind_of.as_str() {
        _ if service => (Some(true), Some(format!("type is {kind_of}"))),
        "PERSON" => (Some(false), Some("type is PERSON".to_owned())),
        _ if key_only => (Some(true), Some("signs in with a key pair and has no password".to_owned())),
        _ => (None, None),
    };
    let flags = [row.flag("disabled"), row.flag("snowflake_lock")];
    entity.enabled = flags[0].map(|disabled| !disabled && flags[1] != Some(true));
    entity.created_at = row.time("created_on");
    let used = ["last_success_login", "last_successful_login"].iter().find_map(|column| row.time(column));
    entity.last_used_at = used;
    entity.last_used_source = used.map(|_| "sign-ins".to_owned());
    entity.unique_id = row.text("user_id");
    let handle = account.out.define(entity);
    for (column, key) in [
        ("login_name", "login_name"),
        ("email", "email"),
        ("default_role", "default_role"),
        ("default_secondary_roles", "default_secondary_roles"),
        ("default_secondary_role", "default_secondary_roles"),
        ("network_policy", "network_policy"),
        ("owner", "owner_role"),
        ("comment", "comment"),
        ("type", "type"),
    ] {
        match row.text(column) {
            Some(text) if secrets::is_secret(&text) => {
                let place = account.place();
                secrets::report(account.out, 1, &place);
            }
            Some(text) => account.out.attribute(handle, key, &text),
            None => {}
        }
    }
    for column in ["disabled", "has_password", "has_rsa_public_key"] {
        if row.value(column).is_some() && row.flag(column).is_none() {
            account.wrong(format!("`{column}` of user `{name}` is neither true nor false, and is taken for unknown"));
        }
    }
    credentials(account, row, &name, handle);
}

/// What a user signs in with.
fn credentials(account: &mut Account<'_>, row: &Row, name: &str, entity: Handle) {
    let secret = row.text("password").is_some_and(|text| !text.bytes().all(|byte| byte == b'*'));
    let place = account.place();
    secrets::report(account.out, usize::from(secret), &place);
    let mut put = |slot: &str, kind: CredentialKind, rotated: Option<i64>| {
        account.out.credentials.push(Credential {
            credential: format!("{}/user/{name}#{slot}", account.id),
            entity,
            kind,
            created_at: None,
            expires_at: row.time("expires_at_time").or_else(|| row.time("expires_at")),
            last_used_at: None,
            never_used: None,
            last_rotated_at: rotated,
            active: Some(row.flag("disabled") != Some(true)),
            source: account.out.source_id(),
            record: place.clone(),
        });
    };
    if row.flag("has_password") == Some(true) {
        let rotated = row.time("password_last_set_time").or_else(|| row.time("password_last_set"));
        put("password", CredentialKind::Password, rotated);
    }
    if row.flag("has_rsa_public_key") == Some(true) {
        put("rsa_public_key", CredentialKind::AccessKey, None);
    }
    if row.flag("has_mfa").or_else(|| row.flag("ext_authn_duo")) == Some(true) {
        put("mfa", CredentialKind::Mfa, None);
    }
    if row.flag("has_pat") == Some(true) {
        put("programmatic_access_token", CredentialKind::Token, None);
    }
    if row.flag("has_workload_identity") == Some(true) {
        put("workload_identity", CredentialKind::Federated, None);
    }
}

/// A row of ACCOUNT_USAGE.CREDENTIALS.
pub fn credential(account: &mut Account<'_>, row: &Row) {
    let (Some(id), Some(user)) = (row.text("credential_id"), row.text("user_name")) else {
        return account.skip("a credential has no id or no user");
    };
    let kind = match row.text("type").unwrap_or_default().to_uppercase().as_str() {
        "PASSWORD" => CredentialKind::Password,
        "KEYPAIR" => CredentialKind::AccessKey,
        "PAT" => CredentialKind::Token,
        "WORKLOAD_IDENTITY" => CredentialKind::Federated,
        "TOTP" | "PASSKEY" | "DUO" | "OTP" => CredentialKind::Mfa,
        other => return account.wrong(format!("`{other}` is no kind of credential that is known")),
    };
    put(account, row, (id, user), kind, row.time("expiration_date"));
}

/// A row of SHOW PROGRAMMATIC ACCESS TOKENS.
pub fn token(account: &mut Account<'_>, row: &Row) {
    let (Some(name), Some(user)) = (row.text("name"), row.text("user_name")) else {
        return account.skip("a token has no name or no user");
    };
    let id = format!("{}/user/{user}#token:{name}", account.id);
    put(account, row, (id, user), CredentialKind::Token, row.time("expires_at"));
}

/// Puts down a credential of a user that has a row of its own.
fn put(account: &mut Account<'_>, row: &Row, ids: (String, String), kind: CredentialKind, expires_at: Option<i64>) {
    account.out.source.records += 1;
    let entity = account.user(&ids.1);
    let active = row.text("status").map(|status| status.eq_ignore_ascii_case("ACTIVE"));
    account.out.credentials.push(Credential {
        credential: ids.0,
        entity,
        kind,
        created_at: row.time("created_on"),
        expires_at,
        last_used_at: row.time("last_used_on"),
        never_used: None,
        last_rotated_at: row.time("last_altered"),
        active,
        source: account.out.source_id(),
        record: row.place.clone(),
    });
}

/// A row of ROLES or of SHOW ROLES.
pub fn role(account: &mut Account<'_>, row: &Row) {
    let Some(name) = row.text("name") else { return account.skip("a role has no name") };
    account.out.source.records += 1;
    let of_database = row.text("role_type").is_some_and(|kind| kind == "DATABASE_ROLE");
    let database = row.text("role_database_name").filter(|_| of_database);
    let of_application = row.text("role_type").is_some_and(|kind| kind == "APPLICATION_ROLE");
    let path = match &database {
        Some(database) => format!("database_role/{database}.{name}"),
        None if of_application => format!("application_role/{name}"),
        None => format!("role/{name}"),
    };
    let mut entity = account.entity(&path, EntityKind::Group, &name);
    entity.created_at = row.time("created_on");
    let handle = account.out.define(entity);
    if let Some(owner) = row.text("owner") {
        account.out.attribute(handle, "owner_role", &owner);
    }
}
