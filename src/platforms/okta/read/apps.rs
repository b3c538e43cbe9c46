//! Applications, and who is assigned to them.

use std::borrow::Cow;

use serde_json::Value;

use super::context::{Context, Right, id};
use super::federation;
use crate::model::{EntityKind, Handle};
use crate::platforms::input::api;

/// An application.
pub fn app(context: &mut Context<'_>, value: &Value) -> Option<Handle> {
    let own = context.own_id(value, "an application")?;
    let label = api::text(value, "label").or_else(|| api::text(value, "name"));
    let label = label.map_or_else(|| own.clone(), Cow::into_owned);
    let mode = api::text(value, "signOnMode").unwrap_or_default();
    let client = value.get("settings").and_then(|settings| settings.get("oauthClient"));
    let kind = client.and_then(|client| api::text(client, "application_type"));
    let mut entity = context.define("app", &own, EntityKind::Application, &label);
    entity.nhi = Some(true);
    entity.nhi_reason = Some(match (mode.as_ref(), kind.as_deref()) {
        (_, Some("service")) => "API service application: it signs in with its own key".to_owned(),
        ("OPENID_CONNECT", _) => "application that signs people in by OpenID Connect".to_owned(),
        ("SAML_2_0" | "SAML_1_1", _) => "application that signs people in by SAML".to_owned(),
        _ => "application".to_owned(),
    });
    entity.enabled = api::text(value, "status").map(|status| status == "ACTIVE");
    entity.created_at = context.time(value, "created");
    let app = context.out.define(entity);
    let facts = [("sign_on_mode", Some(mode)), ("app_name", api::text(value, "name")), ("application_type", kind)];
    for (key, text) in facts {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            context.out.attribute(app, key, &text);
        }
    }
    if let Some(client) = value.get("credentials").and_then(|all| all.get("oauthClient")) {
        if let Some(method) = api::text(client, "token_endpoint_auth_method") {
            context.out.attribute(app, "client_authentication", &method);
        }
        if client.get("client_secret").is_some_and(Value::is_string) {
            context.dropped("the client secret of an application");
        }
    }
    federation::settings(context, app, value);
    context.collection("apps", app);
    Some(app)
}

/// States that somebody may sign in to an application.
fn assign(context: &mut Context<'_>, holder: Handle, app: &str) {
    context.refer("app", app, EntityKind::Application);
    let resources = vec![format!("={}", id("app", app))];
    let actions = vec!["okta.apps.use".to_owned()];
    context.right(Right { holder, actions, resources, condition: None, policy: "app assignment", statement: app });
}

/// An application that a group is assigned to.
pub fn of_group(context: &mut Context<'_>, group: &str, value: &Value) {
    let group = context.refer("group", group, EntityKind::Group);
    let Some(own) = api::text(value, "id").map(Cow::into_owned) else {
        return context.out.skip("id_missing", context.place, "an application without an `id`".to_owned());
    };
    app(context, value);
    assign(context, group, &own);
}

/// Somebody who is assigned to an application; through a group, the group's own row says it.
pub fn user(context: &mut Context<'_>, app: &str, value: &Value) {
    let Some(own) = context.own_id(value, "an assignment") else { return };
    let user = context.refer("user", &own, EntityKind::User);
    if api::text(value, "scope").as_deref() != Some("GROUP") {
        assign(context, user, app);
    }
    let profile = value.get("profile").unwrap_or(&Value::Null);
    let single = api::text(profile, "role").filter(|_| profile.get("samlRoles").is_none());
    let roles = api::texts(profile, "samlRoles").map(str::to_owned).chain(single.map(Cow::into_owned));
    for role in roles {
        context.out.attribute(user, federation::CLAIMED, &format!("{} {role}", id("app", app)));
    }
    if let Some(account) = value.get("credentials").and_then(|all| api::text(all, "userName")) {
        context.out.attribute(user, "account_name", &account);
    }
}

/// A group that is assigned to an application.
pub fn group(context: &mut Context<'_>, app: &str, value: &Value) {
    let Some(own) = context.own_id(value, "an assignment") else { return };
    let group = context.refer("group", &own, EntityKind::Group);
    assign(context, group, app);
    let profile = value.get("profile").unwrap_or(&Value::Null);
    for role in api::texts(profile, "samlRoles") {
        context.out.attribute(group, federation::CLAIMED, &format!("{} {role}", id("app", app)));
    }
}
