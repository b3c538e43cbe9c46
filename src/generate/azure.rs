//! Entra ID: pages of Microsoft Graph with users, groups and their members, service principals, roles of the directory
//! and their assignments.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Writer;
use super::file::{Error, Folder};
use super::plan::Plan;
use super::random::Stream;
use super::truth::Tally;
use super::words::{AREAS, JOBS};
use crate::model::text::format_time;

/// An Entra tenant.
pub struct Azure;

/// Records of a page, as Graph gives them at most.
const PAGE: usize = 999;
/// Groups of a page: each has its members with it.
const GROUP_PAGE: usize = 200;
/// Users of a group, on average.
const GROUP_SIZE: usize = 15;
/// Beginning of every context.
const GRAPH: &str = "https://graph.microsoft.com/v1.0/$metadata#";
/// Id of the role that administers a directory, and of one that reads it.
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
const DIRECTORY_READER: &str = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b";
/// Id of the role that manages applications, their credentials included.
const APPLICATION_ADMINISTRATOR: &str = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3";
/// Id of the application permission to assign roles of the directory.
const ROLE_MANAGEMENT: &str = "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8";
/// Place of the service principal of Microsoft Graph, which every tenant has.
const GRAPH_APP: usize = 0;
/// Place of the service principal that has that permission.
const PRIVILEGED_APP: usize = 1;
/// Group whose members manage applications.
const OPERATORS: &str = "sg-application-operators";
/// Members that Graph gives at most when it is asked to expand them: a list of so many looks cut off.
const EXPANDED: usize = 20;
/// Members of that group that one record holds.
const MEMBERS: usize = 500;

/// What is where in the tenant.
#[derive(Clone, Copy)]
struct Site<'p> {
    plan: &'p Plan,
    users: usize,
    groups: usize,
    apps: usize,
}

impl<'p> Site<'p> {
    fn new(plan: &'p Plan) -> Self {
        let all = plan.share(Azure.name());
        let users = all - all / 5;
        Self { plan, users, groups: users.div_ceil(GROUP_SIZE), apps: all - users }
    }

    fn stream(&self, purpose: &str, index: usize) -> Stream {
        Stream::new(self.plan.seed, &format!("azure {purpose}"), index)
    }

    fn id(&self, kind: &str, index: usize) -> String {
        guid(&mut self.stream(&format!("{kind} id"), index))
    }

    fn time(&self, days: usize, second: usize) -> String {
        format_time(self.plan.days_ago(days, second))
    }

    fn pages(&self) -> [usize; 3] {
        [self.users.div_ceil(PAGE), self.groups.div_ceil(GROUP_PAGE), self.apps.div_ceil(PAGE)]
    }

    fn user(&self, at: usize) -> Value {
        let person = self.plan.people.active_person(at);
        let mut stream = self.stream("user", at);
        let seen = self.time(stream.between(0, 30), stream.between(20_000, 60_000));
        json!({
            "id": self.id("user", at),
            "userPrincipalName": person.address,
            "displayName": format!("{} {}", person.given, person.family),
            "givenName": person.given,
            "surname": person.family,
            "mail": person.address,
            "employeeId": person.id,
            "department": person.department,
            "userType": "Member",
            "accountEnabled": true,
            "createdDateTime": self.time(person.started_days, 28_800),
            "signInActivity": {"lastSignInDateTime": seen, "lastNonInteractiveSignInDateTime": seen},
        })
    }

    /// A group with users, and at times with another group, which is always a later one.
    fn group(&self, at: usize) -> Value {
        let mut stream = self.stream("group", at);
        let size = 2 + stream.ranked(self.users.min(300));
        let chosen: BTreeSet<usize> = (0..size).map(|_| stream.below(self.users)).collect();
        let mut members: Vec<Value> = chosen.into_iter().map(|at| self.member(at)).collect();
        let inner = 2 * at + 1;
        if inner < self.groups {
            let name = group_name(inner);
            let id = self.id("group", inner);
            members.push(json!({"@odata.type": "#microsoft.graph.group", "id": id, "displayName": name}));
        }
        if members.len() == EXPANDED {
            members.pop();
        }
        self.group_record(&self.id("group", at), &group_name(at), &members)
    }

    fn group_record(&self, id: &str, name: &str, members: &[Value]) -> Value {
        json!({
            "id": id,
            "displayName": name,
            "securityEnabled": true,
            "mailEnabled": false,
            "groupTypes": [],
            "isAssignableToRole": name == OPERATORS,
            "createdDateTime": self.time(1_300, 29_000),
            "members": members,
        })
    }

    /// A user as groups list them.
    fn member(&self, at: usize) -> Value {
        let person = self.plan.people.active_person(at);
        json!({
            "@odata.type": "#microsoft.graph.user",
            "id": self.id("user", at),
            "userPrincipalName": person.address,
            "displayName": format!("{} {}", person.given, person.family),
        })
    }

    fn app(&self, at: usize) -> Value {
        if at == GRAPH_APP {
            return json!({
                "id": self.id("app", at),
                "appId": "00000003-0000-0000-c000-000000000000",
                "displayName": "Microsoft Graph",
                "servicePrincipalType": "Application",
                "accountEnabled": true,
                "appOwnerOrganizationId": "f8cdef31-a31e-4b4a-93e4-5f571e91255a",
                "createdDateTime": self.time(1_600, 30_000),
                "keyCredentials": [],
                "passwordCredentials": [],
            });
        }
        let mut stream = self.stream("app", at);
        let name = format!("app-{}-{}-{at}", AREAS[stream.ranked(AREAS.len())], JOBS[stream.below(JOBS.len())]);
        let made = stream.between(5, 80);
        let created = self.time(stream.between(100, 1_500), 30_000);
        let secret = json!({
            "keyId": guid(&mut stream),
            "displayName": "deployment",
            "startDateTime": self.time(made, 30_000),
            "endDateTime": format_time(self.plan.days_ago(0, 0) + 86_400_000 * 120),
        });
        let id = self.id("app", at);
        let roles = json!([{
            "id": guid(&mut self.stream("app role", at)),
            "appRoleId": ROLE_MANAGEMENT,
            "principalId": id,
            "principalType": "ServicePrincipal",
            "principalDisplayName": name,
            "resourceId": self.id("app", GRAPH_APP),
            "resourceDisplayName": "Microsoft Graph",
        }]);
        json!({
            "id": id,
            "appRoleAssignments": if at == PRIVILEGED_APP { roles } else { json!([]) },
            "appId": guid(&mut stream),
            "displayName": name,
            "servicePrincipalType": "Application",
            "accountEnabled": true,
            "appOwnerOrganizationId": self.id("tenant", 0),
            "createdDateTime": created,
            "keyCredentials": [],
            "passwordCredentials": [secret],
        })
    }

    /// Writes one page of something.
    fn page(
        &self,
        folder: Folder<'_>,
        (name, number): (&str, usize),
        range: std::ops::Range<usize>,
        record: impl Fn(&Self, usize) -> Value,
    ) -> Result<(), Error> {
        let mut page = folder.begin(&format!("{name}-{:04}.json", number + 1))?;
        page.list(&format!("{{\"@odata.context\": \"{GRAPH}{name}\", \"value\": "))?;
        for at in range {
            page.element(&record(self, at))?;
        }
        page.end_list()?;
        page.text("}\n")?;
        page.end()
    }

    /// Who answers for the service principals of a page; nobody who is there for the one that is planted.
    fn owners(&self, folder: Folder<'_>, number: usize, range: std::ops::Range<usize>) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        let mut table = folder.begin(&format!("owners-{:04}.csv", number + 1))?;
        table.row(&["principal", "owner", "confidence"])?;
        for at in range {
            let id = format!("azure:object/{}", self.id("app", at));
            let is_planted = at > PRIVILEGED_APP && at + 1 == self.apps;
            if at == PRIVILEGED_APP {
                let what = "may give itself any role of the directory";
                tally.rule("administrator", "administrator-equivalent", &id, what);
            }
            let owner = if is_planted {
                tally.rule("orphan", "orphaned-nhi", &id, "its owner has left");
                self.plan.people.leaver(at).address
            } else {
                self.plan.people.owner(&mut self.stream("owner", at))
            };
            table.row(&[&id, &owner, ""])?;
        }
        table.end()?;
        Ok(tally)
    }

    /// The tenant, its roles and who has them.
    fn directory(&self, folder: Folder<'_>) -> Result<Tally, Error> {
        let domains = json!([{"name": super::people::DOMAIN, "isDefault": true}]);
        let tenant = json!({"id": self.id("tenant", 0), "displayName": "Harrowmere", "verifiedDomains": domains});
        folder.document("organization.json", &json!({"@odata.context": context("organization"), "value": [tenant]}))?;
        let role = |id: &str, name: &str, actions: &[&str]| {
            json!({
                "id": id,
                "templateId": id,
                "displayName": name,
                "isBuiltIn": true,
                "rolePermissions": [{"allowedResourceActions": actions, "condition": null}],
            })
        };
        let reads = ["microsoft.directory/users/standard/read", "microsoft.directory/groups/standard/read"];
        let all = ["roleAssignments", "users", "groups", "applications", "servicePrincipals"]
            .map(|what| format!("microsoft.directory/{what}/allProperties/allTasks"));
        let all = all.each_ref().map(String::as_str);
        let credentials =
            ["applications", "servicePrincipals"].map(|what| format!("microsoft.directory/{what}/credentials/update"));
        let credentials = credentials.each_ref().map(String::as_str);
        let roles = [
            role(GLOBAL_ADMINISTRATOR, "Global Administrator", &all),
            role(APPLICATION_ADMINISTRATOR, "Application Administrator", &credentials),
            role(DIRECTORY_READER, "Directory Readers", &reads),
        ];
        let at = "roleManagement/directory/roleDefinitions";
        folder.document("roleDefinitions.json", &json!({"@odata.context": context(at), "value": roles}))?;
        self.assignments(folder)
    }

    /// One user in five hundred administers the directory, and at least one; one service principal in ten reads it.
    fn assignments(&self, folder: Folder<'_>) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        let mut page = folder.begin("roleAssignments.json")?;
        let at = context("roleManagement/directory/roleAssignments");
        page.list(&format!("{{\"@odata.context\": \"{at}\", \"value\": "))?;
        let assignment = |number: usize, role: &str, principal: &str| {
            json!({
                "id": self.id("assignment", number),
                "roleDefinitionId": role,
                "principalId": principal,
                "directoryScopeId": "/",
            })
        };
        let administrators = (self.users / 500).max(1);
        for at in 0..administrators {
            let id = self.id("user", at);
            page.element(&assignment(at, GLOBAL_ADMINISTRATOR, &id))?;
            let principal = format!("azure:object/{id}");
            tally.rule("administrator", "administrator-equivalent", &principal, "administers the directory");
        }
        for at in (5..self.apps).step_by(10) {
            page.element(&assignment(administrators + at, DIRECTORY_READER, &self.id("app", at)))?;
        }
        if self.apps > PRIVILEGED_APP && self.users > administrators {
            let number = administrators + self.apps;
            page.element(&assignment(number, APPLICATION_ADMINISTRATOR, &self.id("group", self.groups)))?;
            self.operators(folder, administrators, &mut tally)?;
        }
        page.end_list()?;
        page.text("}\n")?;
        page.end()?;
        Ok(tally)
    }

    /// The group of those who manage applications: one user who is no administrator, and more in a dense organisation.
    /// The application that may assign roles is among what they manage.
    fn operators(&self, folder: Folder<'_>, first: usize, tally: &mut Tally) -> Result<(), Error> {
        let id = self.id("group", self.groups);
        let mut page = folder.begin("groups-operators.json")?;
        page.list(&format!("{{\"@odata.context\": \"{}\", \"value\": ", context("groups")))?;
        let mut members = Vec::with_capacity(MEMBERS);
        for at in first..self.users {
            if at > first && !self.stream("operator", at).chance(self.plan.preset.open_share()) {
                continue;
            }
            if at == first {
                let (user, app) = (self.id("user", at), self.id("app", PRIVILEGED_APP));
                let (user, app) = (format!("azure:object/{user}"), format!("azure:object/{app}"));
                let what = "may add a secret to an application that may give itself any role";
                tally.path("azure-principal-credential", &user, &[&app], what);
            } else {
                tally.exposed += 1;
            }
            members.push(self.member(at));
            if members.len() == MEMBERS {
                page.element(&self.group_record(&id, OPERATORS, &members))?;
                members.clear();
            }
        }
        if members.len() == EXPANDED {
            let last = members.split_off(EXPANDED - 1);
            page.element(&self.group_record(&id, OPERATORS, &last))?;
        }
        page.element(&self.group_record(&id, OPERATORS, &members))?;
        page.end_list()?;
        page.text("}\n")?;
        page.end()
    }
}

fn group_name(at: usize) -> String {
    format!("sg-{}-{at}", AREAS[at % AREAS.len()])
}

fn context(collection: &str) -> String {
    format!("{GRAPH}{collection}")
}

/// A random identifier in the form of a GUID (RFC 9562, version 4).
pub fn guid(stream: &mut Stream) -> String {
    let (high, low) = (stream.next(), stream.next());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFF,
        0x8000 | ((low >> 48) & 0x3FFF),
        low & 0xFFFF_FFFF_FFFF
    )
}

impl Writer for Azure {
    fn name(&self) -> &'static str {
        "azure"
    }

    fn weight(&self) -> usize {
        15
    }

    fn parts(&self, plan: &Plan) -> usize {
        if plan.share(self.name()) == 0 { 0 } else { 1 + Site::new(plan).pages().iter().sum::<usize>() }
    }

    fn write(&self, plan: &Plan, part: usize, folder: Folder<'_>) -> Result<Tally, Error> {
        let site = Site::new(plan);
        let [users, groups, _] = site.pages();
        let range = |number: usize, size: usize, all: usize| number * size..((number + 1) * size).min(all);
        let Some(page) = part.checked_sub(1) else { return site.directory(folder) };
        if page < users {
            let range = range(page, PAGE, site.users);
            let principals = range.len();
            site.page(folder, ("users", page), range, Site::user)?;
            return Ok(Tally { principals, ..Tally::default() });
        }
        if page < users + groups {
            let number = page - users;
            site.page(folder, ("groups", number), range(number, GROUP_PAGE, site.groups), Site::group)?;
            return Ok(Tally::default());
        }
        let number = page - users - groups;
        let range = range(number, PAGE, site.apps);
        let principals = range.len();
        site.page(folder, ("servicePrincipals", number), range.clone(), Site::app)?;
        Ok(Tally { principals, ..site.owners(folder, number, range)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_form_of_guids() {
        let id = guid(&mut Stream::new(1, "x", 0));
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert!(id.split('-').nth(2).is_some_and(|part| part.starts_with('4')));
        assert!(id.split('-').nth(3).is_some_and(|part| part.starts_with(['8', '9', 'a', 'b'])));
        assert_ne!(id, guid(&mut Stream::new(1, "x", 1)));
    }
}
