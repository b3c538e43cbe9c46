//! Subjects of the tokens that workflows get for signing in elsewhere.
//!
//! Source: <https://docs.github.com> ("`OpenID` Connect reference"). A template is a list of claims. `repo` and `context` are written
//! by their own rules, every other claim as its name, a colon and its value.

use serde_json::Value;

use super::actions;
use super::context::Context;
use crate::platforms::input::api::{self, Request};

/// Issuer of tokens for workflows on github.com.
pub const ISSUER: &str = "token.actions.githubusercontent.com";
/// Attribute of an organisation or of a repository's workflows: claims of the template, in order, with commas.
pub const TEMPLATE: &str = "oidc_subject_claims";
/// Attribute of a repository's workflows: `false` when the default template is not used.
pub const USE_DEFAULT: &str = "oidc_subject_default";
/// The template of whoever has set none.
pub const DEFAULT: &str = "repo,context";

/// The issuer for what is found at an address of the API.
pub fn issuer(url: &str) -> String {
    let host = Request::of_url(url).host;
    match host.as_str() {
        "" | "github.com" | "api.github.com" => ISSUER.to_owned(),
        host => match host.strip_suffix(".ghe.com") {
            Some(name) => format!("token.actions.{}.ghe.com", name.strip_prefix("api.").unwrap_or(name)),
            None => format!("{host}/_services/token"),
        },
    }
}

/// A template that an organisation or repository has set.
pub fn customization(context: &mut Context<'_>, place: &[&str], value: &Value) {
    let holder = match place {
        [owner, repo] => actions::workload(context, owner, repo, "workflow", ""),
        [org] => context.org(org),
        _ => return,
    };
    let claims: Vec<&str> = api::texts(value, "include_claim_keys").collect();
    if !claims.is_empty() {
        context.out.attribute(holder, TEMPLATE, &claims.join(","));
    }
    if let Some(default) = api::flag(value, "use_default") {
        context.out.attribute(holder, USE_DEFAULT, &default.to_string());
    }
    if api::flag(value, "use_immutable_subject") == Some(true) {
        let message =
            "subjects with unchangeable ids are not written yet: joins by subject are not found for these".to_owned();
        context.warn("subject_form_unread", message);
        context.out.attribute(holder, USE_DEFAULT, "immutable");
    }
}

/// What is known of where a workflow runs.
pub struct Run<'r> {
    /// `OWNER/NAME` as GitHub writes it.
    pub repository: &'r str,
    pub id: Option<&'r str>,
    pub visibility: Option<&'r str>,
    /// `ref:refs/heads/B`, `environment:E` or `pull_request`.
    pub context: &'r str,
}

/// The subject by a template of claims. What depends on more than the place is `*`.
pub fn subject(template: &str, run: &Run<'_>) -> String {
    let owner = run.repository.split('/').next().unwrap_or_default();
    let (kind, value) = run.context.split_once(':').unwrap_or((run.context, ""));
    let claim = |name: &str| -> String {
        let own = match name {
            "repo" => return format!("repo:{}", run.repository),
            "context" => return run.context.to_owned(),
            "repository" => Some(run.repository),
            "repository_owner" => Some(owner),
            "repository_id" => run.id,
            "repository_visibility" => run.visibility,
            "environment" if kind == "environment" => Some(value),
            "ref" if kind == "ref" => Some(value),
            _ => None,
        };
        format!("{name}:{}", own.unwrap_or("*"))
    };
    template.split(',').map(claim).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_follow_their_template() {
        let run = |context: &'static str| Run {
            repository: "Acme/api",
            id: Some("74"),
            visibility: Some("private"),
            context,
        };
        assert_eq!(subject(DEFAULT, &run("ref:refs/heads/main")), "repo:Acme/api:ref:refs/heads/main");
        assert_eq!(subject(DEFAULT, &run("environment:prod")), "repo:Acme/api:environment:prod");
        assert_eq!(
            subject("repository_owner,repository_id,job_workflow_ref", &run("pull_request")),
            "repository_owner:Acme:repository_id:74:job_workflow_ref:*"
        );
        assert_eq!(
            subject("repo,context,environment", &run("environment:p")),
            "repo:Acme/api:environment:p:environment:p"
        );
    }

    #[test]
    fn every_kind_of_server_has_its_issuer() {
        assert_eq!(issuer("https://api.github.com/repos/o/r"), ISSUER);
        assert_eq!(issuer("https://ghe.corp.example/api/v3/repos/o/r"), "ghe.corp.example/_services/token");
        assert_eq!(issuer("https://api.octocorp.ghe.com/repos/o/r"), "token.actions.octocorp.ghe.com");
    }
}
