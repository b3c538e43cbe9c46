//! Rulesets: kept as read until all repositories and branches are known, see `reconcile`.

use serde_json::{Value, json};

use super::super::names;
use super::branches::review_guard;
use super::context::Context;
use crate::platforms::input::api;

/// Attribute of an organisation or repository: one ruleset that is in force.
pub const RULESET: &str = "ruleset";

/// A ruleset of an organisation, or of a repository.
pub fn read(context: &mut Context<'_>, org: &str, repo: Option<&str>, value: &Value) {
    if api::text(value, "enforcement").as_deref() != Some("active") {
        return;
    }
    if api::text(value, "target").is_some_and(|target| target != "branch") {
        return;
    }
    // What a repository shows of its organisation's rulesets is read at the organisation.
    let of_org = api::text(value, "source_type").as_deref() == Some("Organization");
    let repo = if of_org { None } else { repo };
    let holder = match repo {
        Some(repo) => context.repo(org, repo),
        None => context.org(org),
    };
    let id = api::text(value, "id").unwrap_or_default();
    let Some(rules) = value.get("rules").and_then(Value::as_array) else {
        let message = format!("the rules of ruleset `{id}` are not in this answer: ask for `rulesets/{id}` itself");
        context.out.attribute(holder, "ruleset_unread", &id);
        return context.warn("ruleset_rules_missing", message);
    };
    let mut guards = Vec::new();
    for rule in rules {
        let parameters = rule.get("parameters").unwrap_or(&Value::Null);
        match api::text(rule, "type").as_deref() {
            Some("pull_request") => {
                let count = parameters.get("required_approving_review_count").and_then(Value::as_u64).unwrap_or(0);
                let owners = api::flag(parameters, "require_code_owner_review") == Some(true);
                guards.extend(review_guard(count, owners));
            }
            Some("update") => guards.push("a ruleset lets only those push who may pass it by".to_owned()),
            _ => {}
        }
    }
    if guards.is_empty() {
        return;
    }
    let conditions = value.get("conditions").unwrap_or(&Value::Null);
    let kept = json!({
        "refs": conditions.get("ref_name").unwrap_or(&Value::Null),
        "repositories": conditions.get("repository_name").unwrap_or(&Value::Null),
        "guards": guards,
        "bypass": bypass(org, value),
    });
    context.out.attribute(holder, RULESET, &kept.to_string());
}

/// Who may pass a ruleset by: ids of roles, and unique ids of teams and apps.
fn bypass(org: &str, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for actor in api::list(value, "bypass_actors") {
        let id = api::text(actor, "actor_id").unwrap_or_default();
        match api::text(actor, "actor_type").as_deref() {
            Some("OrganizationAdmin") => found.push(names::of_org(org, "group", names::OWNERS)),
            Some("Team") => found.push(format!("team:{id}")),
            Some("Integration") => found.push(format!("app:{id}")),
            Some("RepositoryRole") => found.push(format!("role:{id}")),
            _ => {}
        }
    }
    found
}
