//! What services sign in with, and tokens of administrators.

use serde_json::Value;

use super::context::{Context, id};
use crate::model::{CredentialKind, EntityKind, Handle};
use crate::platforms::input::api;

/// Attribute of an application: an OAuth scope that was granted to it.
pub const SCOPE: &str = "granted_scope";

/// A scope of the management API that an application was granted.
pub fn scope(context: &mut Context<'_>, app: &str, value: &Value) {
    let Some(scope) = api::text(value, "scopeId") else {
        return context.out.skip("scope_missing", context.place, "a grant without a `scopeId`".to_owned());
    };
    let app = context.refer("app", app, EntityKind::Application);
    // Scopes that a person granted are for that person's tokens.
    if api::text(value, "status").as_deref() == Some("ACTIVE") && value.get("userId").is_none_or(Value::is_null) {
        context.out.attribute(app, SCOPE, &scope);
    }
}

fn dated(context: &mut Context<'_>, app: Handle, full: String, kind: CredentialKind, value: &Value) -> bool {
    let (created, changed) = (context.time(value, "created"), context.time(value, "lastUpdated"));
    let active = api::text(value, "status").map(|status| status == "ACTIVE");
    let row = context.credential(full, app, kind);
    row.created_at = created;
    row.last_rotated_at = changed;
    row.active = active;
    active == Some(true)
}

/// A client secret. Its value, where the answer has it, stays out.
pub fn secret(context: &mut Context<'_>, app: &str, value: &Value) {
    let Some(own) = context.own_id(value, "a client secret") else { return };
    let app = context.refer("app", app, EntityKind::Application);
    if value.get("client_secret").is_some_and(Value::is_string) {
        context.dropped("a client secret");
    }
    if dated(context, app, id("secret", &own), CredentialKind::ClientSecret, value) {
        context.out.attribute(app, "client_secret", "true");
    }
}

/// Public keys of an application. A private part, which nothing should export, stays out.
pub fn keys(context: &mut Context<'_>, app: &str, value: &Value) {
    let listed = value.get("jwks").unwrap_or(value);
    let keys = api::list(listed, "keys");
    let keys = if keys.is_empty() && value.get("kid").is_some() { std::slice::from_ref(value) } else { keys };
    let app = context.refer("app", app, EntityKind::Application);
    for key in keys {
        let Some(own) = api::text(key, "id").or_else(|| api::text(key, "kid")) else {
            context.out.skip("id_missing", context.place, "a key without `id` or `kid`".to_owned());
            continue;
        };
        if key.get("d").is_some() || key.get("k").is_some() {
            context.dropped("the private part of a key");
        }
        dated(context, app, id("key", &own), CredentialKind::Certificate, key);
    }
}

/// An API token: it may do what whoever made it may. It ends when it is not used for the length of its window.
pub fn token(context: &mut Context<'_>, value: &Value) {
    let Some(own) = context.own_id(value, "a token") else { return };
    let Some(user) = api::text(value, "userId") else {
        return context.out.skip("user_missing", context.place, "a token without a `userId`".to_owned());
    };
    let user = context.refer("user", &user, EntityKind::User);
    let name = api::text(value, "name").unwrap_or_else(|| own.as_str().into());
    let mut entity = context.define("token", &own, EntityKind::Credential, &name);
    let (created, used) = (context.time(value, "created"), context.time(value, "lastUpdated"));
    let expires = context.time(value, "expiresAt");
    entity.created_at = created;
    entity.last_used_at = used;
    entity.last_used_source = used.map(|_| "okta-api".to_owned());
    entity.owner = Some(context.out.entity(user).id.clone());
    let token = context.out.define(entity);
    for (key, path) in [("window", vec!["tokenWindow"]), ("network", vec!["network", "connection"])] {
        if let Some(text) = api::text_at(value, &path) {
            context.out.attribute(token, key, &text);
        }
    }
    let row = context.credential(id("token", &own), user, CredentialKind::Token);
    row.created_at = created;
    row.expires_at = expires;
    row.last_used_at = used;
    row.active = Some(true);
}

/// An API service integration of the catalogue. It has its scopes without a role.
pub fn integration(context: &mut Context<'_>, value: &Value) {
    let Some(own) = context.own_id(value, "an API service") else { return };
    let name = api::text(value, "name").unwrap_or_else(|| own.as_str().into());
    let mut entity = context.define("app", &own, EntityKind::Application, &name);
    entity.nhi = Some(true);
    entity.nhi_reason = Some("API service integration of somebody else's product".to_owned());
    entity.created_at = context.time(value, "createdAt");
    entity.owner = api::text(value, "createdBy").map(|user| id("user", &user));
    let app = context.out.define(entity);
    context.out.attribute(app, "application_type", "integration");
    let scopes: Vec<String> = api::texts(value, "grantedScopes").map(str::to_owned).collect();
    let actions: Vec<String> = scopes.iter().filter_map(|scope| super::super::catalog::of_scope(scope)).collect();
    for scope in &scopes {
        context.out.attribute(app, SCOPE, scope);
    }
    if !actions.is_empty() {
        let resources = vec!["*".to_owned()];
        let right = super::context::Right {
            holder: app,
            actions,
            resources,
            condition: None,
            policy: "granted scopes",
            statement: &own,
        };
        context.right(right);
    }
    context.collection("apps", app);
}
