//! GitHub Actions: what workflows run as, environments, secrets by name, settings, runners.

use serde_json::Value;

use super::super::{NAME, names};
use super::context::Context;
use crate::model::{Entity, EntityKind, Handle};
use crate::platforms::input::api;

/// Attribute of an environment: whether jobs get in, or `unknown:` and what they wait for.
pub const GATE: &str = "job_gate";
/// Attribute of an environment: `any`, `protected`, `custom`.
pub const POLICY: &str = "branch_policy";
/// Attribute of an environment: a pattern of branches that may deploy.
pub const PATTERN: &str = "deploys_from";

/// What workflows run as: all branches that nothing guards (`workflow`), one branch, one environment.
pub fn workload(context: &mut Context<'_>, owner: &str, repo: &str, kind: &str, what: &str) -> Handle {
    let (id, name) = match kind {
        "workflow" => (names::workflow(owner, repo), format!("{owner}/{repo} workflows")),
        kind => (names::of_repo(owner, repo, kind, what), format!("{owner}/{repo} {kind} {what}")),
    };
    let known = context.out.handle(&id);
    if let Some(known) = known.filter(|&known| context.out.entity(known).present) {
        return known;
    }
    let parent = context.repo(owner, repo);
    let mut entity = Entity::named(&id, NAME, EntityKind::Workload, &name);
    entity.nhi = Some(true);
    entity.nhi_reason = Some("workflows of GitHub Actions".to_owned());
    let workload = context.define_as(entity, owner);
    context.contain(workload, parent);
    context.out.attribute(workload, "runs", kind);
    context.out.attribute(workload, "repository", &names::repo(owner, repo));
    context.out.attribute(workload, "repository_name", &format!("{owner}/{repo}"));
    if !what.is_empty() {
        context.out.attribute(workload, kind, what);
    }
    workload
}

/// Environments of a repository, one or a page of them.
pub fn environments(context: &mut Context<'_>, owner: &str, repo: &str, value: &Value) {
    let all = api::list(value, "environments");
    if all.is_empty() && value.get("name").is_some() {
        return environment(context, owner, repo, value);
    }
    for one in all {
        environment(context, owner, repo, one);
    }
}

fn environment(context: &mut Context<'_>, owner: &str, repo: &str, value: &Value) {
    let Some(name) = api::text(value, "name") else {
        return context.out.skip("name_missing", context.place, "an environment without a `name`".to_owned());
    };
    let environment = workload(context, owner, repo, "environment", &name);
    let mut reviewers = Vec::new();
    for rule in api::list(value, "protection_rules") {
        match api::text(rule, "type").as_deref() {
            Some("required_reviewers") => {
                let named = api::list(rule, "reviewers").iter().filter_map(|one| {
                    let who = one.get("reviewer")?;
                    let key = if api::text(one, "type").as_deref() == Some("Team") { "slug" } else { "login" };
                    api::text(who, key).map(std::borrow::Cow::into_owned)
                });
                reviewers.extend(named);
            }
            Some("branch_policy" | "wait_timer") | None => {}
            Some(_) => context.out.attribute(environment, "custom_protection_rule", "true"),
        }
    }
    for reviewer in &reviewers {
        context.out.attribute(environment, "reviewer", reviewer);
    }
    let gate = match (reviewers.is_empty(), value.get("protection_rules")) {
        (false, _) => format!("unknown: {} must approve the job", reviewers.join(" or ")),
        (true, None) => "unknown: whether somebody must approve the job is not in the export".to_owned(),
        (true, Some(_)) => "true".to_owned(),
    };
    context.out.attribute(environment, GATE, &gate);
    let policy = match value.get("deployment_branch_policy") {
        Some(policy) if api::flag(policy, "protected_branches") == Some(true) => "protected",
        Some(policy) if policy.is_object() => "custom",
        _ => "any",
    };
    context.out.attribute(environment, POLICY, policy);
}

/// Branches that may deploy to an environment.
pub fn branch_policies(context: &mut Context<'_>, owner: &str, repo: &str, environment: &str, value: &Value) {
    let environment = workload(context, owner, repo, "environment", environment);
    for policy in api::list(value, "branch_policies") {
        if let Some(pattern) = api::text(policy, "name").filter(|_| api::text(policy, "type").as_deref() != Some("tag"))
        {
            context.out.attribute(environment, PATTERN, &pattern);
        }
    }
}

/// Names of secrets, with when they were made and changed.
pub fn secrets(context: &mut Context<'_>, place: &[&str], value: &Value) {
    let (parent, base, org) = match place {
        [owner, repo, environment] => {
            let parent = workload(context, owner, repo, "environment", environment);
            (parent, names::of_repo(owner, repo, "environment", environment), *owner)
        }
        [owner, repo] => (context.repo(owner, repo), names::repo(owner, repo), *owner),
        [org] => (context.org(org), names::org(org), *org),
        _ => return,
    };
    for (at, secret) in api::list(value, "secrets").iter().enumerate() {
        let Some(name) = api::text(secret, "name") else {
            let place = format!("{}/secrets/{at}", context.place);
            context.out.skip("name_missing", &place, "a secret without a `name`".to_owned());
            continue;
        };
        if secret.get("value").is_some_and(|value| !value.is_null()) {
            let message = format!("a value stands beside the name `{name}`: it was not read; the export is sensitive");
            context.warn("secret_dropped", message);
        }
        let mut entity = Entity::named(&format!("{base}/secret/{name}"), NAME, EntityKind::Credential, &name);
        entity.created_at = context.time(secret, "created_at");
        let secret_entity = context.define_as(entity, org);
        context.contain(secret_entity, parent);
        context.state(secret_entity, secret, &["visibility", "updated_at"]);
    }
}

/// Whether workflows run at all.
pub fn permissions(context: &mut Context<'_>, place: &[&str], value: &Value) {
    match place {
        [owner, repo] => {
            let workflow = workload(context, owner, repo, "workflow", "");
            if api::flag(value, "enabled") == Some(false) {
                context.out.attribute(workflow, "actions_disabled", "true");
            }
            context.state(workflow, value, &["allowed_actions", "sha_pinning_required"]);
        }
        [org] => {
            let scope = context.org(org);
            context.state(scope, value, &["enabled_repositories", "allowed_actions", "sha_pinning_required"]);
        }
        _ => {}
    }
}

/// What the token of a workflow may do when the workflow does not say.
pub fn token(context: &mut Context<'_>, place: &[&str], value: &Value) {
    let keys = ["default_workflow_permissions", "can_approve_pull_request_reviews"];
    match place {
        [owner, repo] => {
            let workflow = workload(context, owner, repo, "workflow", "");
            context.state(workflow, value, &keys);
        }
        [org] => {
            let scope = context.org(org);
            context.state(scope, value, &keys);
        }
        _ => {}
    }
}

/// Runners of one's own: what ran on one before can be found by what runs there next.
pub fn runners(context: &mut Context<'_>, place: &[&str], value: &Value) {
    let (parent, base, org) = match place {
        [owner, repo] => (context.repo(owner, repo), names::repo(owner, repo), *owner),
        [org] => (context.org(org), names::org(org), *org),
        _ => return,
    };
    for runner in api::list(value, "runners") {
        let (Some(id), Some(name)) = (api::text(runner, "id"), api::text(runner, "name")) else { continue };
        let entity = context.define(&format!("{base}/runner/{id}"), EntityKind::Resource, &name, org);
        context.contain(entity, parent);
        context.state(entity, runner, &["os", "status", "ephemeral"]);
        for label in api::list(runner, "labels").iter().filter_map(|label| api::text(label, "name")) {
            context.out.attribute(entity, "label", &label);
        }
        context.out.attribute(parent, "self_hosted_runners", "true");
    }
}
