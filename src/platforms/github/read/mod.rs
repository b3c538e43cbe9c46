//! Readers of GitHub's REST and GraphQL answers.
//!
//! One reader takes every answer. Which endpoint it is of says the request (see [`crate::platforms::input::api`]), else
//! the address that the record gives for itself, else what the record consists of.

mod actions;
mod apps;
mod branches;
mod complete;
mod context;
mod graphql;
mod kinds;
mod organization;
mod people;
mod reconcile;
mod repositories;
mod roles;
mod rulesets;
mod subject;

pub use complete::complete;
pub use reconcile::reconcile;

use context::Context;
use kinds::{Endpoint, endpoint, is_known};
use serde_json::Value;

use crate::model::{Builder, IssueSeverity};
use crate::platforms::input::api::{self, Answer, Request};
use crate::platforms::input::{self, Head, Input, ReadError, Reader};

/// All readers.
pub const READERS: &[&dyn input::Reader] = &[&Answers];

/// Answers of the API.
pub struct Answers;

impl Reader for Answers {
    fn name(&self) -> &'static str {
        "github-api"
    }

    fn title(&self) -> &'static str {
        "GitHub API answers: `gh api --paginate orgs/ORG/members > orgs/ORG/members.json` and the like, GraphQL, envelopes"
    }

    fn recognises(&self, head: &Head) -> bool {
        if api::is_empty_answer(head, &is_known) {
            return true;
        }
        api::first(head, &is_known).is_some_and(|(request, object)| kinds::is_ours(request.as_ref(), object))
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut homeless = Homeless::default();
        let outcome = api::read(input, out, &is_known, &mut |out, answer| record(out, answer, &mut homeless));
        homeless.report(out);
        outcome
    }
}

/// Records that could not be placed: their request is needed and not known.
#[derive(Default)]
struct Homeless {
    count: u64,
    first: String,
}

impl Homeless {
    fn report(self, out: &mut Builder) {
        if self.count > 0 {
            let message = format!(
                "{} records do not say which organisation, team or repository they are of: save each answer under the \
                 path of its request, as in `orgs/ORG/teams/TEAM/members.json`",
                self.count
            );
            out.issue(IssueSeverity::Warning, "place_unknown", &self.first, message);
        }
    }
}

/// Reads one record.
fn record(out: &mut Builder, answer: Answer<'_>, homeless: &mut Homeless) {
    let value = answer.value;
    let own = kinds::own_request(value);
    let request = answer.request.filter(|request| is_known(&request.segments()));
    let Some(found) = request.or(own.as_ref()) else {
        if value.get("data").is_some() {
            return graphql::read(&mut Context { out, place: answer.place }, value);
        }
        // An answer to a request that is not read.
        if answer.request.is_some() {
            return;
        }
        out.source.skipped += 1;
        homeless.count += 1;
        if homeless.first.is_empty() {
            answer.place.clone_into(&mut homeless.first);
        }
        return;
    };
    let segments = found.segments();
    let Some((endpoint, names)) = endpoint(&segments) else { return };
    let context = &mut Context { out, place: answer.place };
    if is_error(value) {
        return error(context, endpoint, &names, value);
    }
    take(context, endpoint, &names, found, value);
    context.out.source.records += 1;
}

/// Whether the service says in place of an answer that there is none.
fn is_error(value: &Value) -> bool {
    value.get("message").is_some_and(Value::is_string) && value.get("documentation_url").is_some()
}

/// A refusal. That a branch is not protected, or that Actions is off, is an answer in this form.
fn error(context: &mut Context<'_>, endpoint: Endpoint, names: &[&str], value: &Value) {
    let message = api::text(value, "message").unwrap_or_default();
    match (endpoint, names) {
        (Endpoint::Protection, [owner, repo, branch]) if message.contains("Branch not protected") => {
            branches::unprotected(context, owner, repo, branch);
        }
        _ => {
            let asked = names.join("/");
            let text = format!("the answer about `{asked}` is a refusal: {message}; what it would tell is unknown");
            context.warn("answer_refused", text);
        }
    }
}

/// Has the record read by whoever reads its kind. Names are as the pattern of the endpoint leaves them open.
fn take(context: &mut Context<'_>, endpoint: Endpoint, names: &[&str], request: &Request, value: &Value) {
    // An empty list: only where it says something.
    if value.is_array() {
        if let (Endpoint::BranchRules, [owner, repo, branch]) = (endpoint, names) {
            branches::no_rules(context, owner, repo, branch);
        }
        return;
    }
    match (endpoint, names) {
        (Endpoint::Org, [org]) => organization::read(context, org, value),
        (Endpoint::Members, [org]) => people::member(context, org, request, value),
        (Endpoint::Membership, [org, _]) => people::membership(context, org, value),
        (Endpoint::Outside, [org]) => people::outside(context, org, value),
        (Endpoint::CredentialAuthorizations, [org]) => people::credential(context, org, value),
        (Endpoint::Scim, [org, ..]) => people::scim(context, org, value),
        (Endpoint::Teams | Endpoint::Team, [org, ..]) => organization::team(context, org, value),
        (Endpoint::TeamMembers, [org, team]) => organization::team_member(context, org, team, request, value),
        (Endpoint::TeamMembership, [org, team, login]) => {
            organization::team_membership(context, org, team, login, value);
        }
        (Endpoint::TeamRepos, [org, team]) => repositories::of_team(context, org, team, value),
        (Endpoint::Repos | Endpoint::Repo, [owner, ..]) => repositories::read(context, owner, value),
        (Endpoint::Collaborators, [owner, repo]) => repositories::collaborator(context, owner, repo, request, value),
        (Endpoint::RepoTeams, [owner, repo]) => repositories::team(context, owner, repo, value),
        (Endpoint::Keys, [owner, repo, ..]) => repositories::key(context, owner, repo, value),
        (Endpoint::Hooks, _) => repositories::hook(context, names, value),
        (Endpoint::Branches | Endpoint::Branch, [owner, repo, ..]) => branches::branch(context, owner, repo, value),
        (Endpoint::Protection, [owner, repo, branch]) => branches::protection(context, owner, repo, branch, value),
        (Endpoint::BranchRules, [owner, repo, branch]) => branches::rule(context, owner, repo, branch, value),
        (Endpoint::OrgRulesets, [org, ..]) => rulesets::read(context, org, None, value),
        (Endpoint::RepoRulesets, [owner, repo, ..]) => rulesets::read(context, owner, Some(repo), value),
        (Endpoint::Environments | Endpoint::Environment, [owner, repo, ..]) => {
            actions::environments(context, owner, repo, value);
        }
        (Endpoint::BranchPolicies, [owner, repo, environment, ..]) => {
            actions::branch_policies(context, owner, repo, environment, value);
        }
        (Endpoint::Secrets, _) => actions::secrets(context, names, value),
        (Endpoint::ActionsPermissions, _) => actions::permissions(context, names, value),
        (Endpoint::WorkflowPermissions, _) => actions::token(context, names, value),
        (Endpoint::OidcSubject, _) => subject::customization(context, names, value),
        (Endpoint::Runners, _) => actions::runners(context, names, value),
        (Endpoint::Installations, [org]) => apps::installations(context, org, value),
        (Endpoint::Tokens, [org]) => apps::token(context, org, false, value),
        (Endpoint::TokenRequests, [org]) => apps::token(context, org, true, value),
        (Endpoint::OrgRoles, [org]) => roles::organization(context, org, value),
        (Endpoint::OrgRoleUsers, [org, role]) => roles::user(context, org, role, value),
        (Endpoint::OrgRoleTeams, [org, role]) => roles::team(context, org, role, value),
        (Endpoint::RepoRoles, [org]) => roles::repository(context, org, value),
        _ => {}
    }
}
