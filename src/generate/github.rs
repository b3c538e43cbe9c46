//! GitHub: answers of the REST API, one a line with the request that it answers: an organisation, its members, teams,
//! repositories, and the branches and environments whose workflows sign in to the cloud.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Writer;
use super::file::{Error, Folder, Sink};
use super::plan::Plan;
use super::random::Stream;
use super::truth::Tally;
use super::words::{AREAS, JOBS};
use crate::model::text::format_time;

/// A GitHub organisation.
pub struct GitHub;

/// Login of the organisation.
pub const ORG: &str = "harrowmere";
/// Repository whose main branch deploys as a role that may become the administrator of the first account.
pub const LANDING_ZONE: &str = "landing-zone";
/// Team that may push there.
const PLATFORM_TEAM: &str = "platform-engineering";
/// Principals of a repository: the workflows of its main branch, and those of all other branches.
const PER_REPOSITORY: usize = 2;
/// Records of a page.
const PAGE: usize = 100;
/// Members of a team, on average.
const TEAM_SIZE: usize = 12;
/// Roles that teams have in repositories, popular ones first.
const ROLES: [&str; 4] = ["write", "read", "triage", "maintain"];

/// The subject of the tokens of the workflows that administer the cloud.
#[must_use]
pub fn landing_zone_subject() -> String {
    format!("repo:{ORG}/{LANDING_ZONE}:ref:refs/heads/main")
}

/// Whether an organisation has that repository: there is room for it and for somebody who pushes.
#[must_use]
pub fn has_landing_zone(plan: &Plan) -> bool {
    let room = plan.accounts.first().is_some_and(|account| account.roles > 1);
    room && Site::new(plan).repositories > 0
}

/// What is where in the organisation.
#[derive(Clone, Copy)]
struct Site<'p> {
    plan: &'p Plan,
    members: usize,
    teams: usize,
    repositories: usize,
}

impl<'p> Site<'p> {
    fn new(plan: &'p Plan) -> Self {
        let all = plan.share(GitHub.name());
        let repositories = if all < 4 { 0 } else { (all / 5).max(1) };
        let members = all - repositories * PER_REPOSITORY;
        Self { plan, members, teams: members / TEAM_SIZE, repositories }
    }

    fn stream(&self, purpose: &str, index: usize) -> Stream {
        Stream::new(self.plan.seed, &format!("github {purpose}"), index)
    }

    fn time(&self, days: usize) -> String {
        format_time(self.plan.days_ago(days, 30_000))
    }

    fn login(&self, at: usize) -> String {
        let person = self.plan.people.active_person(at);
        let name = person.address.split('@').next().unwrap_or_default().replace('.', "-");
        format!("{name}-hm")
    }

    fn account(&self, at: usize) -> Value {
        let id = 1_000_000 + at;
        json!({"login": self.login(at), "id": id, "node_id": format!("U_{id}"), "type": "User", "site_admin": false})
    }

    fn repository_record(&self, at: usize) -> Value {
        let name = repository(at);
        json!({
            "id": 5_000_000 + at,
            "node_id": format!("R_{at}"),
            "name": name,
            "full_name": format!("{ORG}/{name}"),
            "owner": {"login": ORG, "id": 77, "node_id": "O_77", "type": "Organization"},
            "private": true,
            "visibility": "private",
            "fork": false,
            "archived": false,
            "disabled": false,
            "default_branch": "main",
            "url": format!("https://api.github.com/repos/{ORG}/{name}"),
            "created_at": self.time(self.stream("repository", at).between(60, 1_400)),
        })
    }

    /// Owners administer the organisation: one member in four hundred, and at least one.
    fn owners(&self) -> usize {
        (self.members / 400).max(1).min(self.members)
    }

    /// Whether a member, who is no owner, may push to the repository that administers the cloud.
    fn pushes(&self, at: usize) -> bool {
        let first = at == self.owners();
        has_landing_zone(self.plan)
            && at >= self.owners()
            && (first || self.stream("pushes", at).chance(self.plan.preset.open_share()))
    }
}

fn repository(at: usize) -> String {
    match at {
        0 => LANDING_ZONE.to_owned(),
        _ => format!("{}-{}-{at}", AREAS[at % AREAS.len()], JOBS[at / AREAS.len() % JOBS.len()]),
    }
}

fn team_name(at: usize) -> String {
    format!("{}-{at}", AREAS[at % AREAS.len()])
}

pub fn team_record(slug: &str, parent: Option<&str>) -> Value {
    json!({
        "id": 9_000,
        "node_id": format!("T_{slug}"),
        "slug": slug,
        "name": slug,
        "privacy": "closed",
        "html_url": format!("https://github.com/orgs/{ORG}/teams/{slug}"),
        "parent": parent.map(|slug| json!({"slug": slug, "name": slug})),
    })
}

/// An answer of the API with its request.
pub fn answer(sink: &mut Sink, path: &str, response: &Value) -> Result<(), Error> {
    sink.line(&json!({"path": path, "response": response}))
}

/// A long answer, page by page.
fn pages(sink: &mut Sink, path: &str, records: impl Iterator<Item = Value>) -> Result<(), Error> {
    let mut page = Vec::with_capacity(PAGE);
    for record in records {
        page.push(record);
        if page.len() == PAGE {
            answer(sink, path, &Value::Array(std::mem::take(&mut page)))?;
        }
    }
    if page.is_empty() { Ok(()) } else { answer(sink, path, &Value::Array(page)) }
}

impl Site<'_> {
    fn organization(&self, folder: Folder<'_>) -> Result<Tally, Error> {
        let mut tally = Tally { principals: self.members, ..Tally::default() };
        let mut sink = folder.begin("organization.jsonl")?;
        let own = json!({
            "login": ORG, "id": 77, "node_id": "O_77", "type": "Organization",
            "url": format!("https://api.github.com/orgs/{ORG}"),
            "default_repository_permission": "read",
            "two_factor_requirement_enabled": true,
            "members_can_create_repositories": false,
            "created_at": self.time(1_500),
        });
        answer(&mut sink, &format!("/orgs/{ORG}"), &own)?;
        pages(&mut sink, &format!("/orgs/{ORG}/members"), (0..self.members).map(|at| self.account(at)))?;
        let owners = (0..self.owners()).map(|at| self.account(at));
        pages(&mut sink, &format!("/orgs/{ORG}/members?role=admin"), owners)?;
        sink.end()?;
        for at in 0..self.owners() {
            let id = format!("github:{ORG}/user/{}", self.login(at));
            tally.rule("administrator", "administrator-equivalent", &id, "an owner of the organisation");
        }
        if let (true, Some(role)) = (has_landing_zone(self.plan), self.plan.accounts.first()) {
            let role = format!("arn:aws:iam::{}:role/{LANDING_ZONE}", role.id);
            let admin = role.replace(&format!("role/{LANDING_ZONE}"), "role/platform-admin");
            let branch = format!("github:{ORG}/repo/{LANDING_ZONE}/branch/main");
            tally.path("trust", &branch, &[&role, &admin], "workflows of the branch sign in to the cloud as a role");
            for at in (0..self.members).filter(|&at| self.pushes(at)) {
                let id = format!("github:{ORG}/user/{}", self.login(at));
                if at == self.owners() {
                    let what = "may push to the branch whose workflows administer the cloud";
                    tally.path("github-push", &id, &[&branch, &role, &admin], what);
                } else {
                    tally.exposed += 1;
                }
            }
        }
        Ok(tally)
    }

    /// Teams with their members and repositories; every third is inside the one of a third of its number.
    fn teams(&self, folder: Folder<'_>) -> Result<Tally, Error> {
        if self.teams == 0 && !has_landing_zone(self.plan) {
            return Ok(Tally::default());
        }
        let mut sink = folder.begin("teams.jsonl")?;
        if has_landing_zone(self.plan) {
            let record = team_record(PLATFORM_TEAM, None);
            answer(&mut sink, &format!("/orgs/{ORG}/teams/{PLATFORM_TEAM}"), &record)?;
            let members = (0..self.members).filter(|&at| self.pushes(at)).map(|at| self.account(at));
            pages(&mut sink, &format!("/orgs/{ORG}/teams/{PLATFORM_TEAM}/members"), members)?;
            let mut record = self.repository_record(0);
            record["role_name"] = json!("write");
            answer(&mut sink, &format!("/orgs/{ORG}/teams/{PLATFORM_TEAM}/repos"), &json!([record]))?;
        }
        for at in 0..self.teams {
            let (slug, mut stream) = (team_name(at), self.stream("team", at));
            let parent = (at > 0 && at % 3 == 0).then(|| team_name(at / 3));
            answer(&mut sink, &format!("/orgs/{ORG}/teams/{slug}"), &team_record(&slug, parent.as_deref()))?;
            let size = 2 + stream.ranked(self.members.min(120));
            let chosen: BTreeSet<usize> = (0..size).map(|_| stream.below(self.members)).collect();
            let members = chosen.into_iter().map(|at| self.account(at));
            pages(&mut sink, &format!("/orgs/{ORG}/teams/{slug}/members"), members)?;
            // The first repository is the platform team's alone.
            let others = self.repositories.saturating_sub(1);
            let chosen: BTreeSet<usize> = (0..=stream.ranked(20)).map(|_| 1 + stream.below(others)).collect();
            let repositories = chosen.into_iter().filter(|_| others > 0).map(|at| {
                let mut record = self.repository_record(at);
                record["role_name"] = json!(ROLES[stream.ranked(ROLES.len())]);
                record
            });
            pages(&mut sink, &format!("/orgs/{ORG}/teams/{slug}/repos"), repositories)?;
        }
        sink.end()?;
        Ok(Tally::default())
    }

    fn repositories(&self, folder: Folder<'_>) -> Result<Tally, Error> {
        if self.repositories == 0 {
            return Ok(Tally::default());
        }
        let mut sink = folder.begin("repositories.jsonl")?;
        let all = (0..self.repositories).map(|at| self.repository_record(at));
        pages(&mut sink, &format!("/orgs/{ORG}/repos"), all)?;
        let branches = json!([{"name": "main", "commit": {"sha": "0".repeat(40)}, "protected": false}]);
        for at in 0..self.repositories {
            answer(&mut sink, &format!("/repos/{ORG}/{}/branches", repository(at)), &branches)?;
        }
        sink.end()?;
        Ok(Tally { principals: self.repositories * PER_REPOSITORY, ..Tally::default() })
    }
}

impl Writer for GitHub {
    fn name(&self) -> &'static str {
        "github"
    }

    fn weight(&self) -> usize {
        10
    }

    fn parts(&self, plan: &Plan) -> usize {
        if plan.share(self.name()) == 0 { 0 } else { 3 }
    }

    fn write(&self, plan: &Plan, part: usize, folder: Folder<'_>) -> Result<Tally, Error> {
        let site = Site::new(plan);
        match part {
            0 => site.organization(folder),
            1 => site.teams(folder),
            _ => site.repositories(folder),
        }
    }
}
