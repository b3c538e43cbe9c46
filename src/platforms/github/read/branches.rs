//! Branches, and what stands between a push and a branch.
//!
//! A branch that something may guard is a workload: its workflows run with its name in the subject of their tokens.

use serde_json::Value;

use super::super::names;
use super::{actions, context::Context};
use crate::model::Handle;
use crate::platforms::input::api;

/// Attribute: `true`, `false`, or absent when no export tells.
pub const PROTECTED: &str = "protected";
/// Attribute: what a change needs before it is on the branch, in words.
pub const GUARD: &str = "guard";
/// Attribute: whom the guards leave alone.
pub const EXEMPT: &str = "guard_exempt";
/// Attribute: `true` when only those of [`ALLOWED`] may push.
pub const RESTRICTED: &str = "push_restricted";
/// Attribute: whoever may push to a restricted branch.
pub const ALLOWED: &str = "push_allowed";

/// Attribute of a repository: a branch that nothing protects.
pub const UNPROTECTED: &str = "unprotected_branch";
/// Attribute: the rules that hold for the branch were read.
pub const READ: &str = "rules_read";
/// Attribute: repository administrators cannot change what guards the branch.
pub const BY_ORGANISATION: &str = "guarded_by_organization";

/// A branch as a workload.
pub fn entity(context: &mut Context<'_>, owner: &str, repo: &str, branch: &str) -> Handle {
    actions::workload(context, owner, repo, "branch", branch)
}

/// A branch of a repository's list. Those that nothing protects stand for nothing of their own.
pub fn branch(context: &mut Context<'_>, owner: &str, repo: &str, value: &Value) {
    let (Some(name), Some(protected)) = (api::text(value, "name"), api::flag(value, "protected")) else {
        return context.out.skip("branch_invalid", context.place, "a branch without `name` or `protected`".to_owned());
    };
    if protected {
        let branch = entity(context, owner, repo, &name);
        context.out.attribute(branch, PROTECTED, "true");
    } else {
        let parent = context.repo(owner, repo);
        context.out.attribute(parent, UNPROTECTED, &name);
    }
}

/// The service says that nothing protects a branch.
pub fn unprotected(context: &mut Context<'_>, owner: &str, repo: &str, branch: &str) {
    let branch = entity(context, owner, repo, branch);
    context.out.attribute(branch, PROTECTED, "false");
}

/// The protection of a branch.
pub fn protection(context: &mut Context<'_>, owner: &str, repo: &str, branch: &str, value: &Value) {
    let branch = entity(context, owner, repo, branch);
    context.out.attribute(branch, PROTECTED, "true");
    context.out.attribute(branch, READ, "true");
    if let Some(reviews) = value.get("required_pull_request_reviews").filter(|reviews| reviews.is_object()) {
        let count = reviews.get("required_approving_review_count").and_then(Value::as_u64).unwrap_or(0);
        let owners = api::flag(reviews, "require_code_owner_reviews") == Some(true);
        if let Some(guard) = review_guard(count, owners) {
            context.out.attribute(branch, GUARD, &guard);
            for id in parties(owner, reviews.get("bypass_pull_request_allowances")) {
                context.out.attribute(branch, EXEMPT, &id);
            }
        }
    }
    let locked = value.get("lock_branch").and_then(|lock| api::flag(lock, "enabled")) == Some(true);
    if let Some(restrictions) = value.get("restrictions").filter(|restrictions| restrictions.is_object()) {
        context.out.attribute(branch, RESTRICTED, "true");
        for id in parties(owner, Some(restrictions)) {
            context.out.attribute(branch, ALLOWED, &id);
        }
    } else if locked {
        context.out.attribute(branch, RESTRICTED, "true");
    }
    if let Some(enforced) = value.get("enforce_admins").and_then(|enforce| api::flag(enforce, "enabled")) {
        context.out.attribute(branch, "enforce_admins", &enforced.to_string());
    }
}

/// What reviews of pull requests ask for; `None` when whoever opens one may merge it.
pub fn review_guard(count: u64, code_owners: bool) -> Option<String> {
    match (count, code_owners) {
        (0, false) => None,
        (0, true) => Some("a code owner must approve the pull request".to_owned()),
        (1, _) => Some("somebody else must approve the pull request".to_owned()),
        (count, _) => Some(format!("{count} others must approve the pull request")),
    }
}

/// Users, teams and apps that a setting names.
fn parties(owner: &str, value: Option<&Value>) -> Vec<String> {
    let Some(value) = value else { return Vec::new() };
    let mut found = Vec::new();
    for (list, key, kind) in [("users", "login", "user"), ("teams", "slug", "team"), ("apps", "slug", "app")] {
        let named = api::list(value, list).iter().filter_map(|one| api::text(one, key));
        found.extend(named.map(|name| names::of_org(owner, kind, &name)));
    }
    found
}

/// A rule that is in force for a branch, from whichever ruleset.
pub fn rule(context: &mut Context<'_>, owner: &str, repo: &str, branch: &str, value: &Value) {
    let branch = entity(context, owner, repo, branch);
    context.out.attribute(branch, READ, "true");
    let parameters = value.get("parameters").unwrap_or(&Value::Null);
    match api::text(value, "type").as_deref() {
        Some("pull_request") => {
            let count = parameters.get("required_approving_review_count").and_then(Value::as_u64).unwrap_or(0);
            let owners = api::flag(parameters, "require_code_owner_review") == Some(true);
            if let Some(guard) = review_guard(count, owners) {
                context.out.attribute(branch, PROTECTED, "true");
                // Who may pass by is told by the ruleset itself only.
                context.out.attribute(branch, GUARD, &guard);
            }
        }
        Some("update") => {
            context.out.attribute(branch, PROTECTED, "true");
            context.out.attribute(branch, GUARD, "a ruleset lets only those push who may pass it by");
        }
        _ => return,
    }
    if api::text(value, "ruleset_source_type").as_deref() == Some("Organization") {
        context.out.attribute(branch, BY_ORGANISATION, "true");
    }
}

/// No rule is in force for a branch.
pub fn no_rules(context: &mut Context<'_>, owner: &str, repo: &str, branch: &str) {
    let branch = entity(context, owner, repo, branch);
    context.out.attribute(branch, READ, "true");
}
