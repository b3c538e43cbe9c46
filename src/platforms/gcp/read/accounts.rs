//! Service accounts, their keys, and what they may do in a Workspace domain.

use serde_json::Value;

use super::super::names;
use super::estate::{ALSO, Estate};
use super::value::{field, flag, text, texts, time};
use crate::model::{Credential, CredentialKind, Handle, IssueSeverity};

/// Whether a record is a service account.
#[must_use]
pub fn is_account(value: &Value) -> bool {
    let named = text(value, "name").is_some_and(|name| name.contains("/serviceAccounts/") && !name.contains("/keys/"));
    text(value, "email").is_some_and(|email| email.ends_with("gserviceaccount.com"))
        && (named || text(value, "uniqueId").is_some())
}

/// Reads a service account.
pub fn account(estate: &mut Estate<'_>, value: &Value, place: &str) -> Option<Handle> {
    let email = text(value, "email")?;
    if !email.contains('@') || email.chars().any(char::is_whitespace) {
        estate.out.skip("name_invalid", place, format!("`{email}` is no e-mail address of a service account"));
        return None;
    }
    let handle = estate.account(&email);
    if let Some(project) = text(value, "projectId") {
        let project = estate.scope(&names::Place { level: names::Level::Project, name: project.into_owned() });
        if names::home(&email).is_none() {
            estate.put(handle, project, place);
        }
    }
    let unique = text(value, "uniqueId").map(std::borrow::Cow::into_owned);
    let called = text(value, "displayName");
    estate.describe(handle, place, |entity| {
        entity.unique_id = entity.unique_id.take().or_else(|| unique.clone());
        // The field is left out where it is false.
        entity.enabled = Some(flag(value, "disabled") != Some(true));
        entity.created_at = entity.created_at.or_else(|| time(value, "createTime"));
    });
    if let Some(called) = called {
        estate.out.attribute(handle, "display_name", &called);
    }
    if let Some(client) = text(value, "oauth2ClientId") {
        estate.out.attribute(handle, "oauth2_client_id", &client);
    }
    estate.out.attribute(handle, "listed", "true");
    let client = text(value, "oauth2ClientId").filter(|client| names::is_number(client));
    for also in unique.as_deref().into_iter().chain(client.as_deref()) {
        estate.out.attribute(handle, ALSO, &format!("{}{also}", names::ACCOUNT));
    }
    Some(handle)
}

/// Whether a record is a key of a service account.
#[must_use]
pub fn is_key(value: &Value) -> bool {
    let named = text(value, "name").is_some_and(|name| name.contains("/serviceAccounts/") && name.contains("/keys/"));
    named && (field(value, "validAfterTime").is_some() || field(value, "keyType").is_some())
}

/// Reads a key; those that Google keeps and changes itself are no credentials of anybody's.
pub fn key(estate: &mut Estate<'_>, value: &Value, name: &str, place: &str) {
    let path = name.trim_start_matches("//iam.googleapis.com/");
    let Some((owner, id)) = path.split_once("/serviceAccounts/").and_then(|(_, rest)| rest.split_once("/keys/")) else {
        return estate.out.skip("name_invalid", place, format!("`{name}` is no name of a key"));
    };
    for secret in ["privateKeyData", "private_key"] {
        if field(value, secret).is_some_and(|secret| secret.as_str().is_some_and(|text| !text.is_empty())) {
            let message = format!("the private part of key `{id}` of `{owner}` stands in this file: it is not kept; delete the key");
            estate.out.issue(IssueSeverity::Warning, "secret_dropped", place, message);
        }
    }
    match text(value, "keyType").as_deref() {
        Some("SYSTEM_MANAGED") => return,
        Some("USER_MANAGED") => {}
        _ => {
            let message = format!("key `{id}` of `{owner}` does not say who keeps it: it is taken for one that people have");
            estate.note("key_type_missing", place, message);
        }
    }
    let entity = estate.account(owner);
    // Keys that never end have the end of time as their last day.
    let end = time(value, "validBeforeTime").filter(|end| *end < END_OF_TIME);
    let row = Credential {
        credential: format!("{}#{id}", estate.out.entity(entity).id),
        entity,
        kind: CredentialKind::ServiceAccountKey,
        created_at: time(value, "validAfterTime"),
        expires_at: end,
        last_used_at: None,
        never_used: None,
        last_rotated_at: None,
        active: Some(flag(value, "disabled") != Some(true)),
        source: estate.out.source_id(),
        record: place.to_owned(),
    };
    estate.out.credentials.push(row);
}

/// 9999-12-30T00:00:00Z.
const END_OF_TIME: i64 = 253_402_128_000_000;

/// Whether a record is the private key of an account, as it is downloaded.
#[must_use]
pub fn is_private_key(value: &Value) -> bool {
    value.get("private_key").is_some() && text(value, "client_email").is_some()
}

/// Reports the private key of an account.
pub fn private_key(estate: &mut Estate<'_>, value: &Value, place: &str) {
    let email = text(value, "client_email").unwrap_or_default();
    let message = format!(
        "this is the private key of `{email}`, which no scan needs: it is not kept; delete the key, and keep keys somewhere else"
    );
    estate.out.issue(IssueSeverity::Warning, "secret_dropped", place, message);
}

/// Whether a record says which scopes a client may ask for in everybody's name.
#[must_use]
pub fn is_delegation(value: &Value) -> bool {
    field(value, "clientId").is_some() && texts(value, "scopes").any(|scope| scope.contains("googleapis.com/auth"))
}

/// Scopes with which a token in somebody's name may do in Google Cloud what he may.
const CLOUD: [&str; 3] = ["cloud-platform", "cloud-platform.full", "compute"];

/// Reads a domain-wide delegation. The account is found by its client id once all files are known.
pub fn delegation(estate: &mut Estate<'_>, value: &Value, place: &str) {
    let Some(client) = text(value, "clientId") else {
        return estate.out.skip("record_invalid", place, "a delegation names no client".to_owned());
    };
    let scopes: Vec<&str> = texts(value, "scopes").flat_map(|text| text.split([',', ' '])).filter(|s| !s.is_empty()).collect();
    let id = format!("{}{client}", names::ACCOUNT);
    let handle = estate.out.refer(&id, super::super::NAME, crate::model::EntityKind::ServiceAccount, &client);
    estate.out.attribute(handle, "domain_wide_delegation", &scopes.join(" "));
    let cloud = scopes.iter().any(|scope| scope.rsplit('/').next().is_some_and(|last| CLOUD.contains(&last)));
    if cloud {
        estate.out.attribute(handle, "delegated_cloud", "true");
    }
}
