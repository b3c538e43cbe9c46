//! Okta: records of the management API, each answer on a line with the request that it answers, and organisations of
//! any size made of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Writer;
use super::file::{Error, Folder, Sink};
use super::plan::Plan;
use super::random::Stream;
use super::truth::Tally;
use super::words::{AREAS, JOBS};
use crate::model::text::format_time;

/// Host of the organisation.
pub const HOST: &str = "harrowmere.okta.com";

/// An id of Okta: the letters of its kind and seventeen signs.
pub fn id(kind: &str, purpose: &str, index: usize) -> String {
    const SIGNS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut stream = Stream::new(0, &format!("okta {kind} {purpose}"), index);
    let mut id = kind.to_owned();
    while id.len() < 20 {
        id.push(char::from(SIGNS[stream.below(SIGNS.len())]));
    }
    id
}

/// An answer of the API with its request.
pub fn answer(sink: &mut Sink, path: &str, response: &Value) -> Result<(), Error> {
    sink.line(&json!({"url": format!("https://{HOST}{path}"), "response": response}))
}

/// What is said of somebody.
pub struct User<'a> {
    pub id: &'a str,
    pub login: &'a str,
    pub given: &'a str,
    pub family: &'a str,
    /// Number in the staff database; empty for a machine.
    pub number: &'a str,
    pub department: &'a str,
    pub created: String,
    pub last_login: String,
    pub password_changed: String,
}

/// The record of a user.
pub fn user(user: &User<'_>) -> Value {
    let mut record = json!({
        "id": user.id,
        "status": "ACTIVE",
        "created": user.created,
        "lastLogin": user.last_login,
        "passwordChanged": user.password_changed,
        "profile": {
            "login": user.login,
            "email": user.login,
            "firstName": user.given,
            "lastName": user.family,
            "department": user.department,
        },
        "credentials": {"password": {}, "provider": {"type": "OKTA", "name": "OKTA"}},
        "_links": {"self": {"href": format!("https://{HOST}/api/v1/users/{}", user.id)}},
    });
    let (key, value) = if user.number.is_empty() { ("userType", "service") } else { ("employeeNumber", user.number) };
    record["profile"][key] = json!(value);
    record
}

/// The record of a group.
pub fn group(id: &str, name: &str, kind: &str, created: &str) -> Value {
    json!({
        "id": id,
        "type": kind,
        "created": created,
        "objectClass": ["okta:user_group"],
        "profile": {"name": name},
    })
}

/// The record of a role that somebody has; `to` is `USER`, `GROUP` or `CLIENT`.
pub fn role(id: &str, kind: &str, to: &str) -> Value {
    let mut role = json!({"id": id, "type": kind, "status": "ACTIVE", "assignmentType": to});
    if kind == "GROUP_MEMBERSHIP_ADMIN" {
        role["_embedded"] = json!({"targets": {"groups": [], "catalog": {"apps": []}}});
    }
    role
}

/// Id that the engine gives to something.
fn full(kind: &str, own: &str) -> String {
    format!("okta:{HOST}/{kind}/{own}")
}

/// An Okta organisation of any size.
pub struct Okta;

/// Records of a page.
const PAGE: usize = 200;
/// Users of a group, on average.
const GROUP_SIZE: usize = 25;
/// Of so many principals, one is an application.
const APP_EVERY: usize = 12;
/// Place of the service that may give roles, and of the group whose members may read its secret.
const SERVICE: usize = 0;
const AUDITORS: &str = "read-only-auditors";

/// What is where in the organisation.
#[derive(Clone, Copy)]
struct Site<'p> {
    plan: &'p Plan,
    users: usize,
    apps: usize,
    groups: usize,
}

impl<'p> Site<'p> {
    fn new(plan: &'p Plan) -> Self {
        let all = plan.share(Okta.name());
        let apps = all / APP_EVERY;
        Self { plan, users: all - apps, apps, groups: (all - apps).div_ceil(GROUP_SIZE) }
    }

    fn own_id(&self, kind: &str, at: usize) -> String {
        id(kind, &self.plan.seed.to_string(), at)
    }

    fn time(&self, days: usize) -> String {
        format_time(self.plan.days_ago(days, 30_000))
    }

    fn user(&self, at: usize) -> Value {
        let person = self.plan.people.active_person(at);
        let mut stream = Stream::new(self.plan.seed, "okta user", at);
        user(&User {
            id: &self.own_id("00u", at),
            login: &person.address,
            given: person.given,
            family: person.family,
            number: &person.id,
            department: &person.department,
            created: self.time(person.started_days),
            last_login: self.time(stream.between(0, 30)),
            password_changed: self.time(stream.between(10, 300)),
        })
    }

    /// Super administrators: one user in a thousand, and at least one.
    fn administrators(&self) -> usize {
        (self.users / 1_000).max(1).min(self.users)
    }

    fn has_service(&self) -> bool {
        self.apps > 0 && self.users > self.administrators()
    }

    fn is_auditor(&self, at: usize) -> bool {
        let first = at == self.administrators();
        let open = || Stream::new(self.plan.seed, "okta auditor", at).chance(self.plan.preset.open_share());
        self.has_service() && at >= self.administrators() && (first || open())
    }

    fn app(&self, at: usize) -> Value {
        let mut stream = Stream::new(self.plan.seed, "okta app", at);
        let name = format!("{}-{}-{at}", AREAS[stream.ranked(AREAS.len())], JOBS[stream.below(JOBS.len())]);
        let created = self.time(stream.between(100, 1_500));
        let mut app = json!({
            "id": self.own_id("0oa", at),
            "name": name,
            "label": name,
            "status": "ACTIVE",
            "created": created,
            "signOnMode": if at == SERVICE { "OPENID_CONNECT" } else { "SAML_2_0" },
            "settings": {"app": {}},
        });
        if at == SERVICE {
            app["settings"]["oauthClient"] = json!({"application_type": "service"});
        }
        app
    }

    /// The organisation, who administers it, and the service that may.
    fn organization(&self, folder: Folder<'_>) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        let mut sink = folder.begin("organization.jsonl")?;
        let own = json!({
            "id": "00o1", "subdomain": "harrowmere", "companyName": "Harrowmere", "status": "ACTIVE",
            "_links": {"contacts": {"href": format!("https://{HOST}/api/v1/org/contacts")}},
        });
        answer(&mut sink, "/api/v1/org", &own)?;
        for at in 0..self.administrators() {
            let own = self.own_id("00u", at);
            let roles = json!([role(&self.own_id("ra", at), "SUPER_ADMIN", "USER")]);
            answer(&mut sink, &format!("/api/v1/users/{own}/roles"), &roles)?;
            let what = "administers the organisation";
            tally.rule("administrator", "administrator-equivalent", &full("user", &own), what);
        }
        if self.has_service() {
            self.service(&mut sink, &mut tally)?;
        }
        sink.end()?;
        Ok(tally)
    }

    fn service(&self, sink: &mut Sink, tally: &mut Tally) -> Result<(), Error> {
        let own = self.own_id("0oa", SERVICE);
        let made = self.time(30);
        let secret = json!([{
            "id": self.own_id("ocs", 0), "status": "ACTIVE", "secret_hash": "kept by Okta",
            "created": made, "lastUpdated": made,
        }]);
        answer(sink, &format!("/api/v1/apps/{own}/credentials/secrets"), &secret)?;
        let grant = json!([{
            "id": self.own_id("oag", 0), "scopeId": "okta.roles.manage", "issuer": format!("https://{HOST}"),
            "status": "ACTIVE",
        }]);
        answer(sink, &format!("/api/v1/apps/{own}/grants"), &grant)?;
        let roles = json!([role(&self.own_id("ra", usize::MAX), "SUPER_ADMIN", "CLIENT")]);
        answer(sink, &format!("/oauth2/v1/clients/{own}/roles"), &roles)?;
        let (app, scope) = (full("app", &own), format!("okta:{HOST}"));
        tally.path("okta-assign-role", &app, &[&scope], "a service that may give itself any role");
        let group = self.own_id("00g", self.groups);
        let roles = json!([role(&self.own_id("ra", usize::MAX - 1), "READ_ONLY_ADMIN", "GROUP")]);
        answer(sink, &format!("/api/v1/groups/{group}/roles"), &roles)?;
        let mut page = Vec::with_capacity(PAGE);
        for at in (0..self.users).filter(|&at| self.is_auditor(at)) {
            if at == self.administrators() {
                let user = full("user", &self.own_id("00u", at));
                let what = "may read the secret of a service that may give itself any role";
                tally.path("okta-client-secret", &user, &[&app, &scope], what);
            } else {
                tally.exposed += 1;
            }
            page.push(self.user(at));
            if page.len() == PAGE {
                answer(sink, &format!("/api/v1/groups/{group}/users"), &Value::Array(std::mem::take(&mut page)))?;
            }
        }
        if page.is_empty() {
            return Ok(());
        }
        answer(sink, &format!("/api/v1/groups/{group}/users"), &Value::Array(page))
    }

    fn users(&self, folder: Folder<'_>, number: usize) -> Result<Tally, Error> {
        let range = number * PAGE..((number + 1) * PAGE).min(self.users);
        let principals = range.len();
        let mut sink = folder.begin(&format!("users-{:05}.jsonl", number + 1))?;
        answer(&mut sink, "/api/v1/users?limit=200", &range.map(|at| self.user(at)).collect())?;
        sink.end()?;
        Ok(Tally { principals, ..Tally::default() })
    }

    /// Groups of a page, each with those who are in it.
    fn groups(&self, folder: Folder<'_>, number: usize) -> Result<Tally, Error> {
        let mut sink = folder.begin(&format!("groups-{:05}.jsonl", number + 1))?;
        let created = self.time(1_300);
        let last = self.groups + usize::from(self.has_service());
        for at in number * PAGE..((number + 1) * PAGE).min(last) {
            let own = self.own_id("00g", at);
            let name =
                if at == self.groups { AUDITORS.to_owned() } else { format!("{}-{at}", AREAS[at % AREAS.len()]) };
            answer(&mut sink, "/api/v1/groups", &json!([group(&own, &name, "OKTA_GROUP", &created)]))?;
            if at == self.groups {
                continue;
            }
            let mut stream = Stream::new(self.plan.seed, "okta group", at);
            let size = 2 + stream.ranked(self.users.min(180));
            let chosen: BTreeSet<usize> = (0..size).map(|_| stream.below(self.users)).collect();
            let members: Value = chosen.into_iter().map(|at| self.user(at)).collect();
            answer(&mut sink, &format!("/api/v1/groups/{own}/users"), &members)?;
        }
        sink.end()?;
        Ok(Tally::default())
    }

    fn applications(&self, folder: Folder<'_>, number: usize) -> Result<Tally, Error> {
        let range = number * PAGE..((number + 1) * PAGE).min(self.apps);
        let mut tally = Tally { principals: range.len(), ..Tally::default() };
        let mut sink = folder.begin(&format!("apps-{:05}.jsonl", number + 1))?;
        answer(&mut sink, "/api/v1/apps", &range.clone().map(|at| self.app(at)).collect())?;
        sink.end()?;
        let mut table = folder.begin(&format!("owners-{:05}.csv", number + 1))?;
        table.row(&["principal", "owner", "confidence"])?;
        for at in range {
            let app = full("app", &self.own_id("0oa", at));
            let is_orphan = at != SERVICE && at + 1 == self.apps;
            let owner = if is_orphan {
                tally.rule("orphan", "orphaned-nhi", &app, "its owner has left");
                self.plan.people.leaver(at).address
            } else {
                self.plan.people.owner(&mut Stream::new(self.plan.seed, "okta owner", at))
            };
            table.row(&[&app, &owner, ""])?;
        }
        table.end()?;
        Ok(tally)
    }
}

impl Writer for Okta {
    fn name(&self) -> &'static str {
        "okta"
    }

    fn weight(&self) -> usize {
        10
    }

    fn parts(&self, plan: &Plan) -> usize {
        if plan.share(self.name()) == 0 {
            return 0;
        }
        let site = Site::new(plan);
        1 + site.users.div_ceil(PAGE) + (site.groups + 1).div_ceil(PAGE) + site.apps.div_ceil(PAGE)
    }

    fn write(&self, plan: &Plan, part: usize, folder: Folder<'_>) -> Result<Tally, Error> {
        let site = Site::new(plan);
        let (users, groups) = (site.users.div_ceil(PAGE), (site.groups + 1).div_ceil(PAGE));
        match part.checked_sub(1) {
            None => site.organization(folder),
            Some(page) if page < users => site.users(folder, page),
            Some(page) if page < users + groups => site.groups(folder, page - users),
            Some(page) => site.applications(folder, page - users - groups),
        }
    }
}
