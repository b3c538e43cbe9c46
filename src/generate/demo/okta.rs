//! The Okta organisation of the demo, by which everybody signs in: people, groups by department, groups that stand for
//! roles of AWS, applications, and who administers it.

use serde_json::{Value, json};

use super::aws::{ADMINISTRATOR, SIGN_IN};
use super::facts::Facts;
use super::staff::{Person, Staff};
use super::week::{DATA, MANAGEMENT, PRODUCTION, STAGING, TOOLING, WAVE, Week};
use crate::generate::file::{Error, Folder, Sink};
use crate::generate::okta::{self, HOST};
use crate::generate::people::DOMAIN;

/// Applications: what its id is made of, label, mode of signing on, owner's department.
const APPS: [(&str, &str, &str, &str); 8] = [
    ("aws", "AWS Account Federation", "SAML_2_0", "platform"),
    ("github", "GitHub", "SAML_2_0", "platform"),
    ("office", "Office 365", "WS_FEDERATION", "it"),
    ("expenses", "Expense reports", "SAML_2_0", "finance"),
    ("desk", "Service desk", "OPENID_CONNECT", "support"),
    ("hr", "HR sync", "OPENID_CONNECT", "people"),
    ("wiki", "Legacy wiki", "SAML_2_0", ""),
    ("survey", "Survey tool", "SAML_2_0", "sales"),
];

fn number(person: &Person) -> usize {
    person.id.trim_start_matches("E-").parse().unwrap_or(0)
}

fn user_id(person: &Person) -> String {
    okta::id("00u", "demo user", number(person))
}

/// Id that the engine gives to somebody's account.
pub fn id(person: &Person) -> String {
    format!("okta:{HOST}/user/{}", user_id(person))
}

fn app_id(name: &str) -> String {
    okta::id("0oa", &format!("demo {name}"), 0)
}

fn group_id(name: &str) -> String {
    okta::id("00g", &format!("demo {name}"), 0)
}

/// People who left a while ago and were not taken out for some weeks.
fn late<'s>(week: &Week, staff: &'s Staff) -> Option<&'s Person> {
    let leavers = staff.leavers();
    let late = leavers.get(1)?;
    let left = late.left?;
    (late.has_left(week) && week.age(left) < 40).then_some(*late)
}

fn users<'s>(week: &Week, staff: &'s Staff) -> Vec<&'s Person> {
    let late = late(week, staff).map(|one| one.id.as_str());
    staff.people.iter().filter(|one| one.is_there(week) || Some(one.id.as_str()) == late).collect()
}

fn user(week: &Week, staff: &Staff, person: &Person) -> Value {
    let at = number(person);
    let idle = staff.steady("logistics", 4).id == person.id;
    let last = match person.left {
        Some(day) if person.has_left(week) => day,
        _ if idle => 185,
        _ => week.day() + week.lately("okta", at, 9),
    };
    okta::user(&okta::User {
        id: &user_id(person),
        login: &person.address,
        given: person.given,
        family: person.family,
        number: &person.id,
        department: person.department(week),
        created: week.moment(person.joined, 28_000),
        last_login: week.moment(last.min(person.joined), 33_000 + at),
        password_changed: week.moment(person.joined.min(150 + at % 60), 29_000),
    })
}

/// Id of the user of the reporting software.
fn reporting_id() -> String {
    okta::id("00u", "demo reporting", 0)
}

/// A machine with a password, by which it signs in to the reporting portal.
fn reporting(week: &Week, facts: &mut Facts) -> Value {
    let own = reporting_id();
    let id = format!("okta:{HOST}/user/{own}");
    facts.plant("human-use-of-nhi", &id, "a machine has a password, which people know");
    facts.plant("insecure-authentication", &id, "a machine signs in with a password");
    okta::user(&okta::User {
        id: &own,
        login: &format!("svc-reporting@{DOMAIN}"),
        given: "Reporting",
        family: "Service",
        number: "",
        department: "finance",
        created: week.moment(770, 28_000),
        last_login: week.moment(week.day() + week.lately("okta", 0, 4), 33_000),
        password_changed: week.moment(140, 29_000),
    })
}

/// Roles of AWS that somebody is signed in to: by department and rank, and more as time goes by.
fn roles_of(week: &Week, person: &Person) -> Vec<(usize, &'static str)> {
    let department = person.department(week);
    let mut roles = Vec::new();
    match department {
        "platform" => {
            roles.extend([(TOOLING, "ReadOnly"), (PRODUCTION, "ReadOnly"), (STAGING, "Developer")]);
            if person.rank < 4 {
                roles.extend([PRODUCTION, STAGING, TOOLING].map(|account| (account, ADMINISTRATOR)));
            }
            if person.rank < 2 {
                roles.extend([(MANAGEMENT, ADMINISTRATOR), (DATA, ADMINISTRATOR)]);
            }
        }
        "security" => roles.extend([(PRODUCTION, "ReadOnly"), (TOOLING, "ReadOnly")]),
        "finance" => roles.push((MANAGEMENT, "Billing")),
        "data" => {
            roles.push((DATA, "Analyst"));
            if person.rank == 0 {
                roles.push((DATA, ADMINISTRATOR));
            }
        }
        "storefront" | "logistics" | "payments" | "commerce" => roles.push((STAGING, "Developer")),
        _ => {}
    }
    // Access to read production is asked for again and again, and from the middle on an assistant prepares it.
    let asked = 1 + number(person) * 7 % 23;
    let engineer = matches!(department, "storefront" | "logistics" | "payments" | "commerce" | "data");
    if engineer && week.from(asked.max(2)) && (asked >= WAVE || asked.is_multiple_of(2)) {
        roles.push((PRODUCTION, "ReadOnly"));
    }
    // Somebody asked for administration of staging for a release, and has it still.
    if week.from(3) && department_of_release(person) {
        roles.push((STAGING, ADMINISTRATOR));
    }
    roles
}

fn department_of_release(person: &Person) -> bool {
    person.rank == 3 && number(person) == 1_001 + 4 + 8 + 13 + 8 + 3
}

fn aws_group(week: &Week, account: usize, role: &str) -> String {
    format!("aws_{}_{role}", week.plan.accounts[account].id)
}

/// Writes the organisation.
pub fn write(week: &Week, staff: &Staff, folder: Folder<'_>, facts: &mut Facts) -> Result<(), Error> {
    let mut sink = folder.begin("okta/answers.jsonl")?;
    let own = json!({
        "id": "00o3hm7kq1Zx9TbQ4357", "subdomain": "harrowmere", "companyName": "Harrowmere", "status": "ACTIVE",
        "created": week.moment(1_900, 0),
        "_links": {"contacts": {"href": format!("https://{HOST}/api/v1/org/contacts")}},
    });
    okta::answer(&mut sink, "/api/v1/org", &own)?;
    let users = users(week, staff);
    let mut all: Vec<Value> = users.iter().map(|one| user(week, staff, one)).collect();
    all.push(reporting(week, facts));
    okta::answer(&mut sink, "/api/v1/users?limit=200", &Value::Array(all))?;
    if let Some(person) = late(week, staff) {
        facts.plant("leaver-access", &id(person), "has left, and the account is active");
    }
    let idle = staff.steady("logistics", 4);
    facts.plant("stale-principal", &id(idle), "has not signed in for half a year");
    groups(week, staff, &users, &mut sink)?;
    applications(week, folder, facts, &mut sink)?;
    administrators(week, staff, facts, &mut sink)?;
    ways(week, staff, &users, facts);
    facts.count("okta", users.len() + 1 + APPS.len());
    sink.end()
}

fn groups(week: &Week, staff: &Staff, users: &[&Person], sink: &mut Sink) -> Result<(), Error> {
    let mut names: Vec<(String, Vec<&Person>)> = Vec::new();
    let mut departments: Vec<&str> = users.iter().map(|one| one.department(week)).collect();
    departments.sort_unstable();
    departments.dedup();
    for department in departments {
        let inside = users.iter().filter(|one| one.department(week) == department).copied().collect();
        names.push((format!("team-{department}"), inside));
    }
    for (account, roles) in SIGN_IN {
        for role in roles {
            let inside = users.iter().filter(|one| roles_of(week, one).contains(&(account, *role))).copied();
            names.push((aws_group(week, account, role), inside.collect()));
        }
    }
    let created = week.moment(1_600, 30_000);
    let mut records = vec![okta::group(&group_id("Everyone"), "Everyone", "BUILT_IN", &created)];
    records.extend(names.iter().map(|(name, _)| okta::group(&group_id(name), name, "OKTA_GROUP", &created)));
    okta::answer(sink, "/api/v1/groups", &Value::Array(records))?;
    for (name, inside) in &names {
        let list: Vec<Value> = inside.iter().map(|one| user(week, staff, one)).collect();
        okta::answer(sink, &format!("/api/v1/groups/{}/users", group_id(name)), &Value::Array(list))?;
    }
    let assigned: Vec<Value> = (names.iter().filter(|(name, _)| name.starts_with("aws_")))
        .map(|(name, _)| json!({"id": group_id(name), "lastUpdated": created, "priority": 0, "profile": {}}))
        .collect();
    okta::answer(sink, &format!("/api/v1/apps/{}/groups", app_id("aws")), &Value::Array(assigned))
}

fn applications(week: &Week, folder: Folder<'_>, facts: &mut Facts, sink: &mut Sink) -> Result<(), Error> {
    let mut owners = folder.begin("okta/owners.csv")?;
    owners.row(&["principal", "owner", "confidence"])?;
    owners.row(&[&format!("okta:{HOST}/user/{}", reporting_id()), "finance", ""])?;
    let mut records = Vec::new();
    for (name, label, mode, owner) in APPS {
        let mut record = json!({
            "id": app_id(name),
            "name": if name == "aws" { "amazon_aws" } else { name },
            "label": label,
            "status": "ACTIVE",
            "created": week.moment(1_500, 30_000),
            "signOnMode": mode,
            "settings": {"app": {}},
        });
        if name == "aws" {
            record["settings"]["app"] = json!({
                "identityProviderArn": format!("arn:aws:iam::{}:saml-provider/Okta", week.plan.accounts[MANAGEMENT].id),
                "groupFilter": "aws_(?{{accountid}}\\d+)_(?{{role}}[a-zA-Z0-9+=,.@\\-_]+)",
                "useGroupMapping": true,
                "roleValuePattern":
                    "arn:aws:iam::${accountid}:saml-provider/Okta,arn:aws:iam::${accountid}:role/${role}",
            });
        }
        if name == "hr" {
            record["settings"]["oauthClient"] = json!({"application_type": "service"});
            record["credentials"] = json!({"oauthClient": {"token_endpoint_auth_method": "client_secret_basic"}});
        }
        records.push(record);
        let id = format!("okta:{HOST}/app/{}", app_id(name));
        if owner.is_empty() {
            facts.plant("orphaned-nhi", &id, "nobody ever said whose it is");
        } else {
            owners.row(&[&id, owner, ""])?;
        }
    }
    owners.end()?;
    okta::answer(sink, "/api/v1/apps", &Value::Array(records))?;
    let hr = app_id("hr");
    // The secret is changed every twelve weeks, and Okta gives it no end.
    let (made, round) = week.rotated(9);
    let secret = json!([{
        "id": okta::id("ocs", "demo hr", round),
        "status": "ACTIVE",
        "secret_hash": "kept by Okta",
        "created": week.moment(made, 30_000),
        "lastUpdated": week.moment(made, 30_000),
    }]);
    okta::answer(sink, &format!("/api/v1/apps/{hr}/credentials/secrets"), &secret)?;
    let own = format!("okta:{HOST}/app/{hr}");
    facts.plant("long-lived-credential", &own, "its secret has no end");
    facts.plant("escalation-path", &own, "may put people into the groups that stand for administrators of AWS");
    let grant = |at: usize, scope: &str| json!({"id": okta::id("oag", "demo", at), "scopeId": scope, "issuer": format!("https://{HOST}"), "status": "ACTIVE"});
    let grants = json!([grant(0, "okta.users.read"), grant(1, "okta.groups.manage")]);
    okta::answer(sink, &format!("/api/v1/apps/{hr}/grants"), &grants)?;
    let role = json!([okta::role(&okta::id("ra", "demo hr", 0), "GROUP_MEMBERSHIP_ADMIN", "CLIENT")]);
    okta::answer(sink, &format!("/oauth2/v1/clients/{hr}/roles"), &role)
}

/// Who administers Okta: super administrators, a help desk for everybody, and somebody who may only look.
fn administrators(week: &Week, staff: &Staff, facts: &mut Facts, sink: &mut Sink) -> Result<(), Error> {
    let mut give = |person: &Person, kind: &str| {
        let own = okta::id("ra", &format!("demo {kind}"), number(person));
        let path = format!("/api/v1/users/{}/roles", user_id(person));
        let mut role = okta::role(&own, kind, "USER");
        if kind == "HELP_DESK_ADMIN" {
            role["_embedded"] = json!({"targets": {"groups": [], "catalog": {"apps": []}}});
        }
        okta::answer(sink, &path, &json!([role]))
    };
    for rank in 0..2 {
        let person = staff.steady("it", rank);
        give(person, "SUPER_ADMIN")?;
        facts.plant("administrator-equivalent", &id(person), "administers Okta");
    }
    for rank in 2..4 {
        let person = staff.steady("it", rank);
        give(person, "HELP_DESK_ADMIN")?;
        facts.plant("escalation-path", &id(person), "may reset the password of administrators of AWS");
    }
    let auditor = staff.steady("finance", 1);
    give(auditor, "READ_ONLY_ADMIN")?;
    facts.plant("escalation-path", &id(auditor), "may read the secret of an application that fills groups");
    let owner = staff.steady("it", 1);
    let token = json!([{
        "id": okta::id("00T", "demo", 0),
        "name": "directory export",
        "userId": user_id(owner),
        "tokenWindow": "P30D",
        "network": {"connection": "ANYWHERE"},
        "clientName": "Okta API",
        "created": week.moment(700, 30_000),
        "lastUpdated": week.moment(week.day() + 1, 30_000),
        "expiresAt": week.after(week.day(), 29),
    }]);
    facts.plant("key-age", &id(owner), "a token of nearly two years, in daily use");
    facts.plant("long-lived-credential", &id(owner), "a token that lives on as long as it is used");
    okta::answer(sink, "/api/v1/api-tokens", &token)
}

/// Those whom Okta signs in as administrators of AWS, as far as nothing of Okta itself is theirs.
fn ways(week: &Week, staff: &Staff, users: &[&Person], facts: &mut Facts) {
    let _ = staff;
    for person in users {
        if roles_of(week, person).iter().any(|(_, role)| *role == ADMINISTRATOR) {
            facts.plant("escalation-path", &id(person), "is signed in as an administrator of AWS");
        }
    }
}
