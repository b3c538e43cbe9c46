//! The Entra tenant of the demo: people of the offices, applications with secrets, roles of the directory.

use serde_json::{Value, json};

use super::facts::Facts;
use super::staff::{Person, Staff};
use super::week::{SEED, Week};
use crate::generate::azure::guid;
use crate::generate::file::{Error, Folder};
use crate::generate::people::DOMAIN;
use crate::generate::random::Stream;

const GRAPH: &str = "https://graph.microsoft.com/v1.0/$metadata#";
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
const APPLICATION_ADMINISTRATOR: &str = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3";
/// Id of the application permission to assign roles of the directory.
const ROLE_MANAGEMENT: &str = "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8";
/// Departments whose people have an account here.
const OFFICES: [&str; 6] = ["leadership", "it", "finance", "people", "sales", "support"];
const OPERATORS: &str = "sg-application-operators";

/// Applications: name, owner's department, day on which it was made, and from which week it is there.
const APPS: [(&str, &str, usize, usize); 13] = [
    ("Expense reports", "finance", 1_100, 0),
    ("Invoice archive", "finance", 1_040, 0),
    ("Payroll sync", "people", 1_300, 0),
    ("Recruiting portal", "people", 800, 0),
    ("Sales pipeline", "sales", 1_210, 0),
    ("Quote builder", "sales", 640, 0),
    ("Ticket mailer", "support", 990, 0),
    ("Phone directory", "it", 1_400, 0),
    ("Backup agent", "it", 1_250, 0),
    ("Badge printer", "it", 700, 0),
    ("Tenant provisioning", "it", 930, 0),
    ("Survey tool", "sales", 52, 4),
    ("Contract search", "finance", 24, 8),
];
/// Place of the application that may assign roles.
const PROVISIONING: usize = 10;
/// Place of the application whose secret is made for years.
const LONG_SECRET: usize = 8;
/// Place of the application that nobody owns.
const OWNERLESS: usize = 9;

fn fixed(kind: &str, index: usize) -> String {
    guid(&mut Stream::new(SEED, &format!("demo entra {kind}"), index))
}

fn number(person: &Person) -> usize {
    person.id.trim_start_matches("E-").parse().unwrap_or(0)
}

fn user_id(person: &Person) -> String {
    fixed("user", number(person))
}

/// Id that the engine gives to somebody's account.
pub fn id(person: &Person) -> String {
    format!("azure:object/{}", user_id(person))
}

/// Somebody who left and can still sign in.
fn forgotten(staff: &Staff) -> Option<&Person> {
    let newest = Week::new(super::week::WEEKS - 1);
    staff.former().into_iter().rfind(|one| OFFICES.contains(&one.department(&newest)))
}

fn members<'s>(week: &Week, staff: &'s Staff) -> Vec<&'s Person> {
    let kept = forgotten(staff).map(|one| one.id.as_str());
    let here = |one: &&Person| {
        (one.is_there(week) && OFFICES.contains(&one.department(week))) || Some(one.id.as_str()) == kept
    };
    staff.people.iter().filter(here).collect()
}

fn user(week: &Week, person: &Person, stale: bool) -> Value {
    let at = number(person);
    let last = match person.left {
        Some(day) if person.has_left(week) => day + 1,
        _ if stale => 170,
        _ => week.day() + week.lately("entra", at, 20),
    };
    let seen = week.moment(last.min(person.joined), 40_000 + at);
    let mut record = json!({
        "id": user_id(person),
        "userPrincipalName": person.address,
        "displayName": person.name(),
        "givenName": person.given,
        "surname": person.family,
        "mail": person.address,
        "employeeId": person.id,
        "department": person.department(week),
        "userType": "Member",
        "accountEnabled": true,
        "createdDateTime": week.moment(person.joined, 28_800),
    });
    // In the week of the hole the export was made without the right to read sign-ins.
    if !week.has_hole() {
        record["signInActivity"] = json!({"lastSignInDateTime": seen, "lastNonInteractiveSignInDateTime": seen});
    }
    record
}

fn page(folder: Folder<'_>, name: &str, collection: &str, records: &[Value]) -> Result<(), Error> {
    let mut sink = folder.begin(&format!("entra/{name}.json"))?;
    sink.list(&format!("{{\"@odata.context\": \"{GRAPH}{collection}\", \"value\": "))?;
    for record in records {
        sink.element(record)?;
    }
    sink.end_list()?;
    sink.text("}\n")?;
    sink.end()
}

/// Writes the tenant.
pub fn write(week: &Week, staff: &Staff, folder: Folder<'_>, facts: &mut Facts) -> Result<(), Error> {
    let domains = json!([{"name": DOMAIN, "isDefault": true}]);
    let tenant = json!({"id": fixed("tenant", 0), "displayName": "Harrowmere", "verifiedDomains": domains});
    page(folder, "organization", "organization", &[tenant])?;
    let members = members(week, staff);
    let idle = staff.steady("sales", 4);
    let users: Vec<Value> = members.iter().map(|one| user(week, one, one.id == idle.id)).collect();
    page(folder, "users", "users", &users)?;
    if !week.has_hole() && week.age(170) >= 90 {
        facts.plant("stale-principal", &id(idle), "has not signed in for months, and nobody knows why");
    }
    for person in members.iter().filter(|one| one.has_left(week)) {
        facts.plant("leaver-access", &id(person), "has left, and the account is enabled");
        if !week.has_hole() && person.left.is_some_and(|day| week.age(day) >= 90) {
            facts.plant("stale-principal", &id(person), "has left, and the account is enabled");
        }
    }
    groups(week, staff, &members, folder)?;
    let apps = apps(week, staff, folder, facts)?;
    roles(week, staff, folder, facts)?;
    facts.count("azure", members.len() + apps);
    Ok(())
}

fn reference(person: &Person) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.user",
        "id": user_id(person),
        "userPrincipalName": person.address,
        "displayName": person.name(),
    })
}

/// Those who manage applications.
fn operators(staff: &Staff) -> [&Person; 2] {
    [staff.steady("it", 3), staff.steady("it", 4)]
}

fn groups(week: &Week, staff: &Staff, members: &[&Person], folder: Folder<'_>) -> Result<(), Error> {
    let record = |at: usize, name: &str, members: Vec<Value>| {
        json!({
            "id": fixed("group", at),
            "displayName": name,
            "securityEnabled": true,
            "mailEnabled": false,
            "groupTypes": [],
            "isAssignableToRole": name == OPERATORS,
            "createdDateTime": week.moment(1_500, 29_000),
            "members": members,
        })
    };
    let mut all = Vec::new();
    for (at, department) in OFFICES.iter().enumerate() {
        let inside = members.iter().filter(|one| one.department(week) == *department && !one.has_left(week));
        all.push(record(at, &format!("sg-{department}"), inside.map(|one| reference(one)).collect()));
    }
    let operators = operators(staff).map(reference).to_vec();
    all.push(record(OFFICES.len(), OPERATORS, operators));
    page(folder, "groups", "groups", &all)
}

fn secret(week: &Week, at: usize) -> Value {
    let (made, number) = week.rotated(at);
    if at == LONG_SECRET && week.has(60) {
        return json!({
            "keyId": fixed("long secret", at),
            "displayName": "backup",
            "startDateTime": week.moment(60, 30_000),
            "endDateTime": week.after(60, 730),
        });
    }
    json!({
        "keyId": fixed("secret", at * 1_000 + number),
        "displayName": "deployment",
        "startDateTime": week.moment(made, 30_000),
        "endDateTime": week.after(made, 180),
    })
}

fn apps(week: &Week, staff: &Staff, folder: Folder<'_>, facts: &mut Facts) -> Result<usize, Error> {
    let mut records = vec![json!({
        "id": fixed("app", 99),
        "appId": "00000003-0000-0000-c000-000000000000",
        "displayName": "Microsoft Graph",
        "servicePrincipalType": "Application",
        "accountEnabled": true,
        "appOwnerOrganizationId": "f8cdef31-a31e-4b4a-93e4-5f571e91255a",
        "createdDateTime": week.moment(1_600, 30_000),
        "keyCredentials": [],
        "passwordCredentials": [],
    })];
    let mut owners = folder.begin("entra/owners.csv")?;
    owners.row(&["principal", "owner", "confidence"])?;
    owners.row(&[&format!("azure:object/{}", fixed("app", 99)), "it", ""])?;
    for (at, (name, owner, made, from)) in APPS.iter().enumerate().filter(|(_, app)| week.from(app.3)) {
        let id = fixed("app", at);
        let roles = json!([{
            "id": fixed("app role", at),
            "appRoleId": ROLE_MANAGEMENT,
            "principalId": id,
            "principalType": "ServicePrincipal",
            "principalDisplayName": name,
            "resourceId": fixed("app", 99),
            "resourceDisplayName": "Microsoft Graph",
        }]);
        // The secret of an application that has just come is as young as itself.
        let secrets = if *from > 0 { json!([]) } else { json!([secret(week, at)]) };
        records.push(json!({
            "id": id,
            "appRoleAssignments": if at == PROVISIONING { roles } else { json!([]) },
            "appId": fixed("app id", at),
            "displayName": name,
            "servicePrincipalType": "Application",
            "accountEnabled": true,
            "appOwnerOrganizationId": fixed("tenant", 0),
            "createdDateTime": week.moment(*made, 30_000),
            "keyCredentials": [],
            "passwordCredentials": secrets,
        }));
        let id = format!("azure:object/{id}");
        match at {
            OWNERLESS => facts.plant("orphaned-nhi", &id, "nobody ever said whose it is"),
            _ => owners.row(&[&id, owner, ""])?,
        }
        if at == PROVISIONING {
            facts.plant("administrator-equivalent", &id, "may give itself any role of the directory");
        }
        if at == LONG_SECRET && week.has(60) {
            facts.plant("long-lived-credential", &id, "a secret that was made for two years");
        }
    }
    let _ = staff;
    owners.end()?;
    page(folder, "servicePrincipals", "servicePrincipals", &records)?;
    Ok(records.len())
}

fn roles(week: &Week, staff: &Staff, folder: Folder<'_>, facts: &mut Facts) -> Result<(), Error> {
    let role = |id: &str, name: &str, actions: Value| {
        json!({
            "id": id,
            "templateId": id,
            "displayName": name,
            "isBuiltIn": true,
            "rolePermissions": [{"allowedResourceActions": actions, "condition": null}],
        })
    };
    let all: Value = ["roleAssignments", "users", "groups", "applications", "servicePrincipals"]
        .map(|what| json!(format!("microsoft.directory/{what}/allProperties/allTasks")))
        .to_vec()
        .into();
    let credentials: Value = ["applications", "servicePrincipals"]
        .map(|what| json!(format!("microsoft.directory/{what}/credentials/update")))
        .to_vec()
        .into();
    let roles = [
        role(GLOBAL_ADMINISTRATOR, "Global Administrator", all),
        role(APPLICATION_ADMINISTRATOR, "Application Administrator", credentials),
    ];
    page(folder, "roleDefinitions", "roleManagement/directory/roleDefinitions", &roles)?;
    let assignment = |at: usize, role: &str, principal: &str| {
        json!({
            "id": fixed("assignment", at),
            "roleDefinitionId": role,
            "principalId": principal,
            "directoryScopeId": "/",
        })
    };
    let mut assignments = vec![assignment(9, APPLICATION_ADMINISTRATOR, &fixed("group", OFFICES.len()))];
    for rank in 0..2 {
        let person = staff.steady("it", rank);
        assignments.push(assignment(rank, GLOBAL_ADMINISTRATOR, &user_id(person)));
        facts.plant("administrator-equivalent", &id(person), "administers the directory");
    }
    // Made an administrator for a migration, and taken off the list when it was done.
    if week.from(2) && !week.from(8) {
        let person = staff.steady("support", 0);
        assignments.push(assignment(5, GLOBAL_ADMINISTRATOR, &user_id(person)));
        facts.plant("administrator-equivalent", &id(person), "administers the directory for a migration");
    }
    for person in operators(staff) {
        let what = "may add a secret to an application that may give itself any role";
        facts.plant("escalation-path", &id(person), what);
    }
    page(folder, "roleAssignments", "roleManagement/directory/roleAssignments", &assignments)
}
