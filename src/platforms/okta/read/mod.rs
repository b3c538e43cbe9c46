//! Readers of the answers of Okta's management API.
//!
//! One reader takes every answer. Which endpoint it is of says the request (see [`crate::platforms::input::api`]), else
//! the form of the record and the links in it.

mod apps;
mod context;
mod directory;
mod federation;
mod kinds;
mod reconcile;
mod roles;
mod services;

pub use reconcile::reconcile;

use context::Context;
use kinds::{Endpoint, endpoint, is_known};
use serde_json::Value;

use crate::model::{Builder, IssueSeverity};
use crate::platforms::input::api::{self, Answer, Request};
use crate::platforms::input::{self, Head, Input, ReadError, Reader};

/// All readers.
pub const READERS: &[&dyn input::Reader] = &[&Answers];

/// Attribute of an organisation: a host that an answer names.
pub const HOST: &str = "host";

/// Answers of the API.
pub struct Answers;

impl Reader for Answers {
    fn name(&self) -> &'static str {
        "okta-api"
    }

    fn title(&self) -> &'static str {
        "Okta API answers: `GET /api/v1/groups/ID/users` saved as `api/v1/groups/ID/users.json` and the like, envelopes"
    }

    fn recognises(&self, head: &Head) -> bool {
        if api::is_empty_answer(head, &is_known) {
            return true;
        }
        api::first(head, &is_known).is_some_and(|(request, object)| kinds::is_ours(request.as_ref(), object))
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut state = State::default();
        let outcome = api::read(input, out, &is_known, &mut |out, answer| record(out, answer, &mut state));
        state.report(out);
        outcome
    }
}

/// What is counted over a file.
#[derive(Default)]
struct State {
    homeless: u64,
    first: String,
    /// The first host that a record or request names.
    host: Option<String>,
}

impl State {
    fn report(self, out: &mut Builder) {
        if self.homeless > 0 {
            let message = format!(
                "{} records do not say of which group, user or application they are: save each answer under the path of \
                 its request, as in `api/v1/groups/ID/users.json`",
                self.homeless
            );
            out.issue(IssueSeverity::Warning, "place_unknown", &self.first, message);
        }
        if let Some(host) = self.host {
            let scope = Context { out, place: "" }.org();
            out.attribute(scope, HOST, &host);
        }
    }
}

/// Reads one record.
fn record(out: &mut Builder, answer: Answer<'_>, state: &mut State) {
    let value = answer.value;
    if state.host.is_none() {
        let asked = answer.request.map(|request| request.host.clone()).filter(|host| host.contains('.'));
        state.host = asked.or_else(|| kinds::host(value));
    }
    let context = &mut Context { out, place: answer.place };
    if let Some(summary) = api::text(value, "errorSummary").filter(|_| value.get("errorCode").is_some()) {
        let asked = answer.request.map(|request| request.parts.join("/")).unwrap_or_default();
        let text = format!("the answer about `{asked}` is a refusal: {summary}; what it would tell is unknown");
        return context.warn("answer_refused", text);
    }
    let own = kinds::own_request(value);
    let request = answer.request.filter(|request| is_known(&request.segments()));
    let Some(found) = request.or(own.as_ref()) else {
        // An answer to a request that is not read.
        if answer.request.is_some() {
            return;
        }
        out.source.skipped += 1;
        state.homeless += 1;
        if state.first.is_empty() {
            answer.place.clone_into(&mut state.first);
        }
        return;
    };
    let segments = found.segments();
    let Some((endpoint, names)) = endpoint(&segments) else { return };
    take(context, endpoint, &names, found, value);
    context.out.source.records += 1;
}

/// Has the record read by whoever reads its kind. Names are as the pattern of the endpoint leaves them open.
fn take(context: &mut Context<'_>, endpoint: Endpoint, names: &[&str], request: &Request, value: &Value) {
    // An empty list: only where it says something.
    if value.is_array() {
        if let (Endpoint::UserTargets | Endpoint::GroupTargets, [_, assignment]) = (endpoint, names) {
            roles::no_target(context, assignment, request);
        }
        return;
    }
    match (endpoint, names) {
        (Endpoint::Org, _) => directory::org(context, value),
        (Endpoint::User, _) => drop(directory::user(context, value)),
        (Endpoint::Factors, [user, ..]) => directory::factor(context, user, value),
        (Endpoint::Group, _) => drop(directory::group(context, value)),
        (Endpoint::Members, [group]) => directory::member(context, group, value),
        (Endpoint::UserGroups, [user]) => directory::group_of(context, user, value),
        (Endpoint::Rules, _) => directory::rule(context, value),
        (Endpoint::Providers, _) => directory::provider(context, value),
        (Endpoint::UserRoles, [user, ..]) => roles::assignment(context, "user", user, value),
        (Endpoint::GroupRoles, [group, ..]) => roles::assignment(context, "group", group, value),
        (Endpoint::ClientRoles, [client]) => roles::assignment(context, "app", client, value),
        (Endpoint::UserTargets | Endpoint::GroupTargets, [_, assignment]) => roles::target(context, assignment, value),
        (Endpoint::Roles, _) => roles::definitions(context, value),
        (Endpoint::Permissions, [role]) => roles::permissions(context, role, value),
        (Endpoint::ResourceSets, _) => roles::resource_sets(context, value),
        (Endpoint::Resources, [set]) => roles::resources(context, set, value),
        (Endpoint::App, _) => drop(apps::app(context, value)),
        (Endpoint::GroupApps, [group]) => apps::of_group(context, group, value),
        (Endpoint::AppUsers, [app, ..]) => apps::user(context, app, value),
        (Endpoint::AppGroups, [app, ..]) => apps::group(context, app, value),
        (Endpoint::Scopes, [app, ..]) => services::scope(context, app, value),
        (Endpoint::Secrets, [app, ..]) => services::secret(context, app, value),
        (Endpoint::Keys, [app, ..]) => services::keys(context, app, value),
        (Endpoint::Tokens, _) => services::token(context, value),
        (Endpoint::Services, _) => services::integration(context, value),
        _ => {}
    }
}
