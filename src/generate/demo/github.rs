//! The GitHub organisation of the demo: members by department, a team for each, repositories of the services, and the
//! branches whose workflows sign in to the cloud.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::facts::Facts;
use super::services;
use super::staff::{Person, Staff, named};
use super::week::{FIXED, Week};
use crate::generate::file::{Error, Folder, Sink};
pub use crate::generate::github::LANDING_ZONE;
use crate::generate::github::{ORG, answer, team_record};

/// Repository of the shop.
pub const STOREFRONT: &str = "storefront-web";

/// The subject of the tokens of the workflows of a repository's main branch.
pub fn subject(repository: &str) -> String {
    format!("repo:{ORG}/{repository}:ref:refs/heads/main")
}

/// Id of somebody.
pub fn id(person: &Person) -> String {
    format!("github:{ORG}/user/{}", person.login())
}

fn account(person: &Person) -> Value {
    let number = 1_000_000 + person.id.trim_start_matches("E-").parse::<u64>().unwrap_or(0);
    json!({"login": person.login(), "id": number, "node_id": format!("U_{number}"), "type": "User", "site_admin": false})
}

/// Those who have an account: engineers, and who was not taken off the list when they left.
fn members<'s>(week: &Week, staff: &'s Staff) -> Vec<&'s Person> {
    let forgotten = forgotten(staff).map(|one| one.id.as_str());
    let is_member = |one: &&Person| {
        let engineer = one.is_engineer(week) || one.was_engineer(week);
        (one.is_there(week) && engineer) || (one.has_left(week) && Some(one.id.as_str()) == forgotten)
    };
    staff.people.iter().filter(is_member).collect()
}

/// Whether somebody has an account here.
pub fn is_member(week: &Week, staff: &Staff, person: &Person) -> bool {
    members(week, staff).iter().any(|one| one.id == person.id)
}

/// An engineer who left and stays a member: nobody tells GitHub.
fn forgotten(staff: &Staff) -> Option<&Person> {
    let engineers = ["storefront", "logistics", "payments", "data", "platform", "security"];
    let newest = Week::new(super::week::WEEKS - 1);
    let mut all = staff.leavers().into_iter().filter(|one| {
        let department = one.department(&newest);
        engineers.contains(&department) || department == super::staff::COMMERCE
    });
    all.next_back()
}

struct Repository {
    name: String,
    team: &'static str,
    made: usize,
}

fn repositories() -> Vec<Repository> {
    let of = |service: &services::Service| Repository {
        name: if service.name == "web" { STOREFRONT.to_owned() } else { format!("{}-{}", service.team, service.name) },
        team: service.team,
        made: service.made,
    };
    let mut all = vec![Repository { name: LANDING_ZONE.to_owned(), team: "platform", made: 1_500 }];
    all.extend(services::ALL.iter().map(of));
    all
}

fn record(week: &Week, at: usize, repository: &Repository) -> Value {
    let name = &repository.name;
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
        "created_at": week.moment(repository.made, 30_000),
    })
}

/// Writes the organisation.
pub fn write(week: &Week, staff: &Staff, folder: Folder<'_>, facts: &mut Facts) -> Result<(), Error> {
    let mut sink = folder.begin("github/answers.jsonl")?;
    let own = json!({
        "login": ORG, "id": 77, "node_id": "O_77", "type": "Organization",
        "url": format!("https://api.github.com/orgs/{ORG}"),
        "default_repository_permission": "read",
        "two_factor_requirement_enabled": true,
        "members_can_create_repositories": false,
        "created_at": week.moment(1_600, 30_000),
    });
    answer(&mut sink, &format!("/orgs/{ORG}"), &own)?;
    let members = members(week, staff);
    let list: Vec<Value> = members.iter().map(|one| account(one)).collect();
    answer(&mut sink, &format!("/orgs/{ORG}/members"), &Value::Array(list))?;
    let owners: Vec<&Person> = (0..2).map(|rank| staff.steady("platform", rank)).collect();
    let list: Vec<Value> = owners.iter().map(|one| account(one)).collect();
    answer(&mut sink, &format!("/orgs/{ORG}/members?role=admin"), &Value::Array(list))?;
    for owner in owners {
        facts.plant("administrator-equivalent", &id(owner), "an owner of the organisation");
    }
    for person in members.iter().filter(|one| one.has_left(week)) {
        facts.plant("leaver-access", &id(person), "has left, and nobody told GitHub");
    }
    teams(week, &members, &mut sink)?;
    let pushers = pushers(week, staff, &members);
    for (person, what) in pushers {
        facts.plant("escalation-path", &id(person), what);
    }
    branches(week, facts, &mut sink)?;
    facts.count("github", members.len() + repositories().len() * 2);
    sink.end()
}

/// The team of a department.
fn team_of(person: &Person, week: &Week) -> &'static str {
    // Who left stays in the team that they were in.
    person.department(week)
}

fn teams(week: &Week, members: &[&Person], sink: &mut Sink) -> Result<(), Error> {
    let names: BTreeSet<&str> =
        members.iter().map(|one| team_of(one, week)).filter(|name| !matches!(*name, "finance" | "support")).collect();
    for name in names {
        answer(sink, &format!("/orgs/{ORG}/teams/{name}"), &team_record(name, None))?;
        let inside = |one: &&&Person| team_of(one, week) == name || one.came_from(week) == Some(name);
        let list: Vec<Value> = members.iter().filter(inside).map(|one| account(one)).collect();
        answer(sink, &format!("/orgs/{ORG}/teams/{name}/members"), &Value::Array(list))?;
        let all = repositories();
        let ours = all.iter().enumerate().filter(|(_, one)| named(one.team, week) == name);
        let list: Vec<Value> = ours
            .map(|(at, one)| {
                let mut record = record(week, at, one);
                record["role_name"] = json!("write");
                record
            })
            .collect();
        answer(sink, &format!("/orgs/{ORG}/teams/{name}/repos"), &Value::Array(list))?;
    }
    Ok(())
}

/// Those who may push to a branch whose workflows administer the cloud, owners aside.
fn pushers<'s>(week: &Week, staff: &Staff, members: &[&'s Person]) -> Vec<(&'s Person, &'static str)> {
    let owners: Vec<&str> = (0..2).map(|rank| staff.steady("platform", rank).id.as_str()).collect();
    let mut found = Vec::new();
    for person in members.iter().filter(|one| !owners.contains(&one.id.as_str())) {
        let is_of = |team: &'static str| {
            let team = named(team, week);
            person.department(week) == team || person.came_from(week) == Some(team)
        };
        if is_of("platform") {
            found.push((*person, "may push to the branch whose workflows administer the cloud"));
        } else if is_of("storefront") && !week.from(FIXED) {
            found.push((*person, "may push to the shop, which is released with the rights of an administrator"));
        }
    }
    found
}

fn branches(week: &Week, facts: &mut Facts, sink: &mut Sink) -> Result<(), Error> {
    let all = repositories();
    let list: Vec<Value> = all.iter().enumerate().map(|(at, one)| record(week, at, one)).collect();
    answer(sink, &format!("/orgs/{ORG}/repos"), &Value::Array(list))?;
    let main = json!([{"name": "main", "commit": {"sha": "0".repeat(40)}, "protected": false}]);
    for repository in &all {
        answer(sink, &format!("/repos/{ORG}/{}/branches", repository.name), &main)?;
    }
    let branch = |name: &str| format!("github:{ORG}/repo/{name}/branch/main");
    facts.plant("escalation-path", &branch(LANDING_ZONE), "its workflows administer the cloud");
    if week.from(FIXED) {
        facts.sound("escalation-path", &branch(STOREFRONT), "its workflows release, and no more");
    } else {
        facts.plant(
            "escalation-path",
            &branch(STOREFRONT),
            "its workflows release with the rights of an administrator",
        );
    }
    Ok(())
}
