//! A naive authorizer of Azure, written from the documentation ("How Azure RBAC determines if a user has access to a
//! resource", "Understand Azure deny assignments", "Understand scope", "Overview of RBAC in Microsoft Entra ID"): every
//! assignment is looked at for every question, straight from raw records. It shares nothing with the engine. Random small
//! tenants come with it, whose roles are the built-in ones and custom ones.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::splitmix::Rng;

/// Built-in roles: id, name, actions (those to leave out with `-`, of data with `data:`), condition.
static ROLES: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    overgrant::platforms::input::unpacked(include_bytes!("../../datasets/catalog/azure_roles.tsv.gz"))
});

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Allowed,
    Denied,
    Conditional,
    Unknown,
}

/// One part of a role's permissions.
#[derive(Debug, Clone, Default)]
pub struct Part {
    pub actions: Vec<String>,
    pub not_actions: Vec<String>,
    pub condition: String,
}

/// A role definition.
#[derive(Debug, Clone)]
pub struct Role {
    pub id: String,
    pub parts: Vec<Part>,
}

/// The built-in roles, in the order of their ids.
pub fn built_in() -> Vec<Role> {
    let mut roles: Vec<Role> = Vec::new();
    for line in ROLES.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let mut part = Part { condition: cells[3].to_owned(), ..Part::default() };
        for word in cells[2].split_whitespace() {
            match word.strip_prefix('-') {
                Some(word) => part.not_actions.push(word.to_owned()),
                None => part.actions.push(word.to_owned()),
            }
        }
        match roles.last_mut() {
            Some(last) if last.id == cells[0] => last.parts.push(part),
            _ => roles.push(Role { id: cells[0].to_owned(), parts: vec![part] }),
        }
    }
    roles
}

/// One assignment, or deny assignment.
#[derive(Debug, Clone)]
pub struct Assignment {
    pub principal: String,
    /// Index into [`Tenant::roles`]; `None` for a role that nobody knows.
    pub role: Option<usize>,
    pub scope: String,
    pub condition: String,
    pub eligible: bool,
    pub ended: bool,
}

#[derive(Debug, Clone)]
pub struct Deny {
    pub part: Part,
    pub scope: String,
    pub alone: bool,
    /// `None` for everyone.
    pub principal: Option<String>,
    pub excepted: Vec<String>,
}

/// One assignment of a role of the directory.
#[derive(Debug, Clone)]
pub struct Directory {
    pub principal: String,
    pub actions: Vec<String>,
    /// Administrative unit; `None` for the tenant.
    pub unit: Option<String>,
}

/// A small tenant.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub roles: Vec<Role>,
    /// Roles that the export defines.
    pub defined: Vec<usize>,
    pub users: Vec<String>,
    /// Groups with their members, users or groups.
    pub groups: Vec<(String, Vec<String>)>,
    pub assignments: Vec<Assignment>,
    pub denies: Vec<Deny>,
    pub directory: Vec<Directory>,
    /// Administrative units with the users in them.
    pub units: Vec<(String, Vec<String>)>,
    /// Actions and resources that are asked about.
    pub questions: Vec<(String, String)>,
}

/// Management groups: `top` holds `low` and the first subscription, `low` the second.
pub const TOP: &str = "/providers/Microsoft.Management/managementGroups/top";
pub const LOW: &str = "/providers/Microsoft.Management/managementGroups/low";

pub fn guid(kind: u64, number: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{number:012x}")
}

pub fn subscription(number: usize) -> String {
    format!("/subscriptions/{}", guid(0x51, number))
}

/// Whether a pattern with stars matches, letter by letter, without regard to case.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => matches(&pattern[1..], text) || (!text.is_empty() && matches(pattern, &text[1..])),
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b) && matches(&pattern[1..], &text[1..]),
        _ => false,
    }
}

/// Whether an action is named: control and data plane are apart.
fn named(list: &[String], action: &str) -> bool {
    list.iter().any(|one| one.contains(':') == action.contains(':') && matches(one.as_bytes(), action.as_bytes()))
}

/// Whether a resource is at or below a scope.
fn within(resource: &str, scope: &str) -> bool {
    let (resource, scope) = (resource.to_lowercase(), scope.to_lowercase());
    let below = |scope: &str| resource == scope || resource.starts_with(&format!("{scope}/"));
    let (top, low) = (TOP.to_lowercase(), LOW.to_lowercase());
    match scope.as_str() {
        "/" => true,
        scope if scope == low => below(scope) || below(&subscription(1)),
        scope if scope == top => within(&resource, &low) || below(scope) || below(&subscription(0)),
        scope => below(scope),
    }
}

/// Whether a condition has anything to say about an action: it names those that it limits, or limits all.
fn limits(condition: &str, action: &str) -> bool {
    if condition.is_empty() {
        return false;
    }
    let parts: Vec<&str> = condition.split("ActionMatches{'").skip(1).collect();
    let bare = action.strip_prefix("data:").unwrap_or(action);
    condition.starts_with('@')
        || parts.is_empty()
        || parts.iter().any(|part| part.split('\'').next().unwrap().eq_ignore_ascii_case(bare))
}

impl Tenant {
    /// A principal and all groups that it is in.
    fn around(&self, principal: &str) -> BTreeSet<String> {
        let mut around = BTreeSet::from([principal.to_owned()]);
        loop {
            let more: Vec<String> = self
                .groups
                .iter()
                .filter(|(group, members)| !around.contains(group) && members.iter().any(|one| around.contains(one)))
                .map(|(group, _)| group.clone())
                .collect();
            if more.is_empty() {
                return around;
            }
            around.extend(more);
        }
    }

    /// May somebody do this on a resource?
    pub fn authorize(&self, principal: &str, action: &str, resource: &str) -> Answer {
        let around = self.around(principal);
        if let Some(action) = action.strip_prefix("entra:") {
            return self.in_directory(principal, action, resource);
        }
        for deny in &self.denies {
            let place =
                if deny.alone { resource.eq_ignore_ascii_case(&deny.scope) } else { within(resource, &deny.scope) };
            let who = deny.principal.as_ref().is_none_or(|one| around.contains(one))
                && !deny.excepted.iter().any(|one| around.contains(one));
            // Everyone is every principal: a group is none.
            let is_group = self.groups.iter().any(|(group, _)| group == principal);
            let who = who && !(is_group && deny.principal.is_none());
            if place && who && named(&deny.part.actions, action) && !named(&deny.part.not_actions, action) {
                return Answer::Denied;
            }
        }
        let (mut conditional, mut unknown) = (false, false);
        for one in &self.assignments {
            if one.ended || !around.contains(&one.principal) || !within(resource, &one.scope) {
                continue;
            }
            let Some(role) = one.role else {
                unknown = true;
                continue;
            };
            for part in &self.roles[role].parts {
                if named(&part.actions, action) && !named(&part.not_actions, action) {
                    if one.eligible || limits(&one.condition, action) || limits(&part.condition, action) {
                        conditional = true;
                    } else {
                        return Answer::Allowed;
                    }
                }
            }
        }
        match (conditional, unknown) {
            (true, _) => Answer::Conditional,
            (false, true) => Answer::Unknown,
            (false, false) => Answer::Denied,
        }
    }

    /// Roles of the directory: of the principal itself and of groups that it is in directly.
    fn in_directory(&self, principal: &str, action: &str, target: &str) -> Answer {
        // A group stands for its members, who are in no outer group by themselves.
        let is_user = self.users.iter().any(|user| user == principal);
        let direct = |group: &str| {
            is_user
                && self.groups.iter().any(|(own, members)| own == group && members.iter().any(|one| one == principal))
        };
        let covers = |written: &str| {
            let parts: Vec<&str> = action.split('/').collect();
            let own: Vec<&str> = written.split('/').collect();
            if own.last() == Some(&"allTasks") {
                return own[..2] == parts[..2];
            }
            own == parts
        };
        let gives = self.directory.iter().any(|one| {
            let place = one.unit.as_ref().is_none_or(|unit| {
                unit == target
                    || self.units.iter().any(|(own, users)| own == unit && users.iter().any(|user| user == target))
            });
            (one.principal == principal || direct(&one.principal))
                && place
                && one.actions.iter().any(|written| covers(written))
        });
        if gives { Answer::Allowed } else { Answer::Denied }
    }

    /// The tenant as exports: definitions, assignments, denies, directory, hierarchy.
    pub fn export(&self) -> Vec<(String, String)> {
        let mut files = vec![self.directory_files(), self.directory_roles(), hierarchy()];
        let definitions: Vec<Value> = self.defined.iter().map(|&at| definition(&self.roles[at])).collect();
        files.push(("definitions.json".to_owned(), json!(definitions).to_string()));
        let assignments: Vec<Value> =
            self.assignments.iter().enumerate().map(|(at, one)| self.assignment(at, one)).collect();
        files.push(("assignments.json".to_owned(), json!({ "value": assignments }).to_string()));
        let denies: Vec<Value> = self.denies.iter().enumerate().map(|(at, one)| deny(at, one)).collect();
        files.push(("denies.json".to_owned(), json!({ "value": denies }).to_string()));
        files
    }

    fn directory_files(&self) -> (String, String) {
        let reference = |id: &String| {
            let kind = if self.users.contains(id) { "user" } else { "group" };
            json!({"@odata.type": format!("#microsoft.graph.{kind}"), "id": id})
        };
        let mut records: Vec<Value> = self
            .users
            .iter()
            .map(|id| json!({"id": id, "userPrincipalName": format!("{id}@example.com"), "accountEnabled": true}))
            .collect();
        for (id, members) in &self.groups {
            let members: Vec<Value> = members.iter().map(reference).collect();
            records.push(json!({"id": id, "displayName": id, "securityEnabled": true, "members": members}));
        }
        for (id, users) in &self.units {
            let members: Vec<Value> = users.iter().map(reference).collect();
            let kind = "#microsoft.graph.administrativeUnit";
            records.push(json!({"@odata.type": kind, "id": id, "displayName": id, "members": members}));
        }
        ("directory.json".to_owned(), json!(records).to_string())
    }

    fn directory_roles(&self) -> (String, String) {
        let mut records = Vec::new();
        for (at, one) in self.directory.iter().enumerate() {
            let role = guid(0xE0, at);
            records.push(json!({"id": role, "displayName": "custom", "isBuiltIn": false,
                "rolePermissions": [{"allowedResourceActions": one.actions}]}));
            let scope = one.unit.as_ref().map_or_else(|| "/".to_owned(), |unit| format!("/administrativeUnits/{unit}"));
            records.push(json!({"id": format!("d{at}"), "roleDefinitionId": role, "principalId": one.principal,
                "directoryScopeId": scope}));
        }
        ("roles.json".to_owned(), json!(records).to_string())
    }

    fn assignment(&self, at: usize, one: &Assignment) -> Value {
        let role = one.role.map_or_else(|| guid(0xBAD, at), |role| self.roles[role].id.clone());
        let kind = if one.eligible {
            "Microsoft.Authorization/roleEligibilityScheduleInstances"
        } else if one.ended {
            "Microsoft.Authorization/roleAssignmentScheduleInstances"
        } else {
            "Microsoft.Authorization/roleAssignments"
        };
        let mut properties = json!({
            "principalId": one.principal.to_uppercase(),
            "roleDefinitionId": format!("{}/providers/Microsoft.Authorization/roleDefinitions/{role}", subscription(0)),
            "scope": one.scope,
            "condition": if one.condition.is_empty() { Value::Null } else { json!(one.condition) },
        });
        if one.ended {
            properties["endDateTime"] = json!("2020-01-01T00:00:00Z");
        }
        json!({"id": format!("{}/providers/{kind}/{}", one.scope, guid(0xA, at)), "type": kind, "properties": properties})
    }
}

fn lists(part: &Part) -> Value {
    let of = |list: &[String], data: bool| -> Vec<String> {
        let own = list.iter().filter(|one| one.starts_with("data:") == data);
        own.map(|one| one.trim_start_matches("data:").to_owned()).collect()
    };
    let mut lists = json!({
        "actions": of(&part.actions, false),
        "notActions": of(&part.not_actions, false),
        "dataActions": of(&part.actions, true),
        "notDataActions": of(&part.not_actions, true),
    });
    if !part.condition.is_empty() {
        lists["condition"] = json!(part.condition);
    }
    lists
}

fn definition(role: &Role) -> Value {
    let permissions: Vec<Value> = role.parts.iter().map(lists).collect();
    json!({"name": role.id, "roleName": role.id, "roleType": "CustomRole", "permissions": permissions,
        "assignableScopes": ["/"], "type": "Microsoft.Authorization/roleDefinitions"})
}

fn deny(at: usize, one: &Deny) -> Value {
    let everyone = "00000000-0000-0000-0000-000000000000".to_owned();
    let of = |id: &String| json!({"id": id, "type": "User"});
    let excepted: Vec<Value> = one.excepted.iter().map(of).collect();
    json!({"id": format!("{}/providers/Microsoft.Authorization/denyAssignments/{}", one.scope, guid(0xD, at)),
        "type": "Microsoft.Authorization/denyAssignments",
        "properties": {"denyAssignmentName": "deny", "permissions": [lists(&one.part)], "scope": one.scope,
            "doNotApplyToChildScopes": one.alone, "principals": [of(one.principal.as_ref().unwrap_or(&everyone))],
            "excludePrincipals": excepted}})
}

fn hierarchy() -> (String, String) {
    let leaf = |number: usize| json!({"id": subscription(number), "type": "/subscriptions", "name": "s"});
    let low = json!({"id": LOW, "type": "Microsoft.Management/managementGroups", "name": "low", "children": [leaf(1)]});
    let top =
        json!({"id": TOP, "type": "Microsoft.Management/managementGroups", "name": "top", "children": [low, leaf(0)]});
    let mut records = vec![top];
    records.extend(resources().iter().map(|id| json!({"id": id, "name": "r"})));
    ("hierarchy.json".to_owned(), json!(records).to_string())
}

/// Resources that are in the export, in mixed case.
pub fn resources() -> Vec<String> {
    let mut out = Vec::new();
    for number in 0..2 {
        let group = format!("{}/resourceGroups/App{number}", subscription(number));
        out.push(format!("{group}/providers/Microsoft.Compute/virtualMachines/Vm"));
        out.push(format!("{group}/providers/Microsoft.Storage/storageAccounts/Store"));
    }
    out
}

/// Conditions: of one action, of two, of everything, and none.
fn condition(rng: &mut Rng, actions: &[String]) -> String {
    let (first, second) = (rng.pick(actions), rng.pick(actions));
    let bare = |action: &str| action.trim_start_matches("data:").to_owned();
    let clause =
        |action: &str| format!("((!(ActionMatches{{'{}'}})) OR (@Request[x:y] StringEquals 'z'))", bare(action));
    match rng.below(10) {
        0 => clause(&first),
        1 => format!("({}) AND {}", clause(&first), clause(&second)),
        2 => "@Resource[x:y] StringEquals 'a) OR (b'".to_owned(),
        _ => String::new(),
    }
}

/// Actions without stars that built-in roles name, in both planes.
fn vocabulary(roles: &[Role]) -> Vec<String> {
    let parts = roles.iter().flat_map(|role| &role.parts);
    let all: BTreeSet<String> = parts
        .flat_map(|part| part.actions.iter().chain(&part.not_actions))
        .filter(|one| !one.contains('*'))
        .cloned()
        .collect();
    all.into_iter().collect()
}

/// An action that a part of a role is about, or nearly so: stars become words.
fn asked(rng: &mut Rng, role: &Role, vocabulary: &[String]) -> String {
    let part = rng.pick(&role.parts);
    let list = if rng.chance(30) && !part.not_actions.is_empty() { &part.not_actions } else { &part.actions };
    if list.is_empty() || rng.chance(15) {
        return rng.pick(vocabulary);
    }
    let (pattern, word) = (rng.pick(list), rng.pick(&["read", "write", "delete", "x/action"]));
    let action = pattern.replace('*', word);
    match rng.below(8) {
        0 => action.to_uppercase().replace("DATA:", "data:"),
        1 => action.to_lowercase(),
        2 if action.starts_with("data:") => action.trim_start_matches("data:").to_owned(),
        3 if !action.starts_with("data:") => format!("data:{action}"),
        _ => action,
    }
}

/// What a role of the directory may have, and what is asked of it.
const DIRECTORY: &[&str] = &[
    "microsoft.directory/users/password/update",
    "microsoft.directory/users/basic/update",
    "microsoft.directory/users/allProperties/allTasks",
    "microsoft.directory/groups/members/update",
    "microsoft.directory/groups/allProperties/allTasks",
];

/// The small tenant of a seed. Over all seeds every built-in role is assigned.
pub fn random(seed: u64, built_in: &[Role]) -> Tenant {
    let mut rng = Rng(seed);
    let vocabulary = vocabulary(built_in);
    let first = usize::try_from(seed).unwrap() % built_in.len();
    let mut roles: Vec<Role> = vec![built_in[first].clone()];
    roles.extend((0..3).map(|_| rng.pick(built_in)));
    roles.dedup_by(|a, b| a.id == b.id);
    for number in 0..2 {
        roles.push(custom(&mut rng, number, &vocabulary));
    }
    // Built-in roles are known without a definition, custom ones are not.
    let customs = roles.len() - 2;
    let defined = (0..roles.len()).filter(|&at| at >= customs || rng.chance(50)).collect();
    let users: Vec<String> = (0..3).map(|at| guid(1, at)).collect();
    let ids: Vec<String> = (0..3).map(|at| guid(2, at)).collect();
    let mut groups: Vec<(String, Vec<String>)> = ids.iter().map(|id| (id.clone(), Vec::new())).collect();
    for (at, (_, members)) in groups.iter_mut().enumerate() {
        members.push(rng.pick(&users));
        // A group in a later group, and sometimes around in a circle.
        if at > 0 && rng.chance(60) {
            members.push(ids[at - 1].clone());
        } else if rng.chance(20) {
            members.push(ids[(at + 1) % ids.len()].clone());
        }
    }
    let principals: Vec<String> = users.iter().chain(&ids).cloned().collect();
    let mut scopes = vec!["/".to_owned(), TOP.to_owned(), LOW.to_owned(), subscription(0), subscription(1)];
    scopes.push(format!("{}/resourcegroups/APP0", subscription(0)));
    scopes.push(format!("{}/resourceGroups/App1", subscription(1)));
    scopes.extend(resources());
    let mut tenant = Tenant {
        roles,
        defined,
        users,
        groups,
        assignments: Vec::new(),
        denies: Vec::new(),
        directory: Vec::new(),
        units: Vec::new(),
        questions: Vec::new(),
    };
    fill(&mut rng, &mut tenant, &principals, &scopes, &vocabulary);
    tenant
}

fn custom(rng: &mut Rng, number: usize, vocabulary: &[String]) -> Role {
    let mut part = Part::default();
    for _ in 0..3 {
        let action = rng.pick(vocabulary);
        let cut: Vec<&str> = action.split('/').collect();
        part.actions.push(match rng.below(3) {
            0 => format!("{}/*", cut[0]),
            1 => format!("{}/*/{}", cut[0], cut[cut.len() - 1]),
            _ => action.clone(),
        });
        if rng.chance(40) {
            part.not_actions.push(rng.pick(vocabulary));
        }
    }
    if rng.chance(30) {
        part.actions.push("*".to_owned());
        part.not_actions.push(format!("{}/*", rng.pick(vocabulary).split('/').next().unwrap()));
    }
    Role { id: guid(0xC0, number), parts: vec![part] }
}

fn fill(rng: &mut Rng, tenant: &mut Tenant, principals: &[String], scopes: &[String], vocabulary: &[String]) {
    for at in 0..5 {
        let role = if at == 0 { 0 } else { rng.below(tenant.roles.len()) };
        let asked: Vec<String> = (0..2).map(|_| asked(rng, &tenant.roles[role].clone(), vocabulary)).collect();
        let condition = condition(rng, &asked);
        let one = Assignment {
            principal: rng.pick(principals),
            role: (!rng.chance(5)).then_some(role),
            scope: rng.pick(scopes),
            condition,
            eligible: rng.chance(10),
            ended: rng.chance(8),
        };
        let ended = one.ended && !one.eligible;
        let places: Vec<String> = scopes.iter().filter(|scope| *scope != "/").cloned().collect();
        for action in asked {
            let place = rng.pick(&places);
            let place = if rng.chance(15) { format!("{place}/providers/Microsoft.New/things/t") } else { place };
            tenant.questions.push((action, place.to_lowercase()));
        }
        tenant.assignments.push(Assignment { ended, ..one });
    }
    for _ in 0..rng.below(3) {
        let from = rng.pick(&tenant.questions).0;
        let part = Part {
            actions: vec![if rng.chance(50) { from } else { "*/write".to_owned() }],
            not_actions: if rng.chance(40) { vec![rng.pick(vocabulary)] } else { Vec::new() },
            condition: String::new(),
        };
        let excepted = if rng.chance(50) { vec![rng.pick(principals)] } else { Vec::new() };
        let principal = rng.chance(60).then(|| rng.pick(principals));
        let scope = rng.pick(&scopes[1..]);
        tenant.denies.push(Deny { part, scope, alone: rng.chance(30), principal, excepted });
    }
    tenant.units.push((guid(3, 0), vec![rng.pick(&tenant.users)]));
    for _ in 0..2 {
        let unit = rng.chance(40).then(|| guid(3, 0));
        let actions = vec![rng.pick(DIRECTORY).to_owned()];
        tenant.directory.push(Directory { principal: rng.pick(principals), actions, unit });
    }
    for _ in 0..3 {
        let action = rng.pick(DIRECTORY).replace("allProperties/allTasks", "owners/update");
        tenant.questions.push((format!("entra:{action}"), rng.pick(&tenant.users)));
    }
}
