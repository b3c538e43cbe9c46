//! GitHub Apps that are installed, and fine-grained tokens of people.

use std::borrow::Cow;

use serde_json::Value;

use super::super::{NAME, catalog, names};
use super::context::{Context, Dates, Right};
use crate::model::{CredentialKind, Entity, EntityKind};
use crate::platforms::input::api;

/// Apps that write code by themselves, by the name of their app or account.
const CODING_AGENTS: &[(&str, &str)] = &[
    ("copilot", "GitHub Copilot"),
    ("copilot-swe-agent", "GitHub Copilot"),
    ("claude", "Claude"),
    ("chatgpt-codex-connector", "Codex"),
    ("cursor", "Cursor"),
    ("devin-ai-integration", "Devin"),
    ("google-labs-jules", "Jules"),
    ("gemini-code-assist", "Gemini"),
    ("coderabbitai", "CodeRabbit"),
    ("sweep-ai", "Sweep"),
    ("openhands-agent", "OpenHands"),
    ("amazon-q-developer", "Amazon Q"),
];

/// The product behind an account or app that acts as a coding agent.
pub fn coding_agent(login: &str) -> Option<&'static str> {
    let name = login.strip_suffix("[bot]").unwrap_or(login);
    let bot = login.ends_with("[bot]") || login == "Copilot";
    CODING_AGENTS.iter().find(|(slug, _)| bot && name.eq_ignore_ascii_case(slug)).map(|(_, product)| *product)
}

/// Installations of an organisation, one or a page of them.
pub fn installations(context: &mut Context<'_>, org: &str, value: &Value) {
    let all = api::list(value, "installations");
    let all = if all.is_empty() && value.get("app_slug").is_some() { std::slice::from_ref(value) } else { all };
    for one in all {
        installation(context, org, one);
    }
}

fn installation(context: &mut Context<'_>, org: &str, value: &Value) {
    let Some(slug) = api::text(value, "app_slug") else {
        return context.out.skip("app_slug_missing", context.place, "an installation without an `app_slug`".to_owned());
    };
    let product = CODING_AGENTS.iter().find(|(name, _)| slug == *name).map(|(_, product)| *product);
    let kind = if product.is_some() { EntityKind::Agent } else { EntityKind::Application };
    let mut entity = Entity::named(&names::of_org(org, "app", &slug), NAME, kind, &slug);
    entity.nhi = Some(true);
    entity.nhi_reason = Some(match product {
        Some(product) => format!("coding agent ({product}) as a GitHub App"),
        None => "GitHub App".to_owned(),
    });
    entity.unique_id = api::text(value, "app_id").map(Cow::into_owned);
    entity.created_at = context.time(value, "created_at");
    let suspended = value.get("suspended_at").is_some_and(|time| !time.is_null());
    entity.enabled = Some(!suspended);
    let app = context.define_as(entity, org);
    let scope = context.org(org);
    context.contain(app, scope);
    context.state(app, value, &["repository_selection", "target_type", "id"]);
    let (mut on_org, mut on_repositories) = (Vec::new(), Vec::new());
    for (name, access) in value.get("permissions").and_then(Value::as_object).into_iter().flatten() {
        let list = if catalog::is_of_organisation(name) { &mut on_org } else { &mut on_repositories };
        list.extend(catalog::of_token(name, access.as_str().unwrap_or_default()));
    }
    if suspended {
        return;
    }
    let id = names::org(org);
    let some = "only on repositories that it was given, which are not in the export";
    let selected = api::text(value, "repository_selection").as_deref() != Some("all");
    let (policy, statement) = (slug.as_ref(), "installation");
    let right = |actions, condition| Right { holder: app, actions, resource: id.clone(), condition, policy, statement };
    context.right(right(on_org, None));
    context.right(right(on_repositories, selected.then_some(some)));
}

/// A fine-grained token, or the request for one. It does what its owner may, and no more than its permissions.
pub fn token(context: &mut Context<'_>, org: &str, pending: bool, value: &Value) {
    let login = value.get("owner").and_then(|owner| api::text(owner, "login"));
    let (Some(login), Some(id)) = (login, api::text(value, "token_id").or_else(|| api::text(value, "id"))) else {
        return context.out.skip("token_invalid", context.place, "a token without `owner` or `token_id`".to_owned());
    };
    let user = context.refer(&names::of_org(org, "user", &login), EntityKind::User, &login, org);
    let name = api::text(value, "token_name").unwrap_or_else(|| id.clone());
    let full = names::of_org(org, "token", &id);
    let mut entity = Entity::named(&full, NAME, EntityKind::Credential, &name);
    entity.owner = Some(login.clone().into_owned());
    let last_used_at = context.time(value, "token_last_used_at");
    entity.last_used_at = last_used_at;
    let expired = api::flag(value, "token_expired");
    entity.enabled = if pending { Some(false) } else { expired.map(|expired| !expired) };
    let token = context.define_as(entity, org);
    context.state(token, value, &["repository_selection"]);
    if pending {
        return context.out.attribute(token, "pending", "true");
    }
    for area in ["organization", "repository", "other"] {
        let named = value.get("permissions").and_then(|all| all.get(area)).and_then(Value::as_object);
        for (permission, access) in named.into_iter().flatten() {
            let access = access.as_str().unwrap_or_default();
            context.out.attribute(token, "permission", &format!("{permission}.{access}"));
        }
    }
    let dates = Dates {
        // When it was made is not told; `access_granted_at` is later.
        created_at: None,
        expires_at: context.time(value, "token_expires_at"),
        last_used_at,
        never_used: value.get("token_last_used_at").is_some_and(Value::is_null).then_some(true),
        active: expired.map(|expired| !expired),
    };
    context.credential(full, user, CredentialKind::Token, dates);
}
