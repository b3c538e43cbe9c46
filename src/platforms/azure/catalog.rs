//! What the engine knows of Azure that no export says: built-in roles, application permissions of Microsoft Graph, and
//! the actions that these name.
//!
//! `datasets/catalog/azure_*` has them. Roles of the directory are there with the permissions by which privilege
//! grows, and with nothing else: what else such a role gives is unknown, and [`decisive`] says what is not.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use rustc_hash::FxHashMap;

use crate::platforms::Recorded;
use crate::platforms::assigned::{Action, Catalog};
use crate::platforms::input;

static ROLES: LazyLock<String> =
    LazyLock::new(|| input::unpacked(include_bytes!("../../../datasets/catalog/azure_roles.tsv.gz")));
const ENTRA_ROLES: &str = include_str!("../../../datasets/catalog/azure_entra_roles.tsv");
const GRAPH: &str = include_str!("../../../datasets/catalog/azure_graph_permissions.tsv");

/// Plane of actions on data, which have their own lists in a role.
pub const DATA: &str = "data:";
/// Plane of permissions of directory roles.
pub const ENTRA: &str = "entra:";
/// Plane of permissions that Microsoft Graph gives to applications.
pub const GRAPH_PLANE: &str = "graph:";
/// Plane of permissions that any other application defines.
pub const APP: &str = "app:";
/// Plane of what the access policies of a key vault allow.
pub const VAULT: &str = "keyvault:";

/// One part of a role's permissions: lists that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permission {
    pub actions: Vec<String>,
    pub not_actions: Vec<String>,
    /// Condition that limits this part.
    pub condition: Option<String>,
}

/// A role that every tenant has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuiltIn {
    pub name: &'static str,
    pub permissions: Vec<Permission>,
}

fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect())
}

/// Id of the built-in role of the resource manager that people call so.
#[must_use]
pub fn role_named(name: &str) -> Option<&'static str> {
    let called = |cells: &Vec<&'static str>| cells.get(1).is_some_and(|known| known.eq_ignore_ascii_case(name));
    rows(&ROLES).find(called)?.first().copied()
}

/// A built-in role of the resource manager, by its id without scope.
#[must_use]
pub fn role(id: &str) -> Option<&'static BuiltIn> {
    static ALL: OnceLock<FxHashMap<&'static str, BuiltIn>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let mut all: FxHashMap<&'static str, BuiltIn> = FxHashMap::default();
        for cells in rows(&ROLES) {
            let [id, name, words, condition] = cells[..] else { continue };
            let own = all.entry(id).or_insert_with(|| BuiltIn { name, permissions: Vec::new() });
            let mut permission = listed(words, str::to_owned);
            permission.condition = (!condition.is_empty()).then(|| condition.to_owned());
            own.permissions.push(permission);
        }
        all
    });
    all.get(id)
}

/// A built-in role of the directory, by the id of its template.
#[must_use]
pub fn entra_role(id: &str) -> Option<&'static BuiltIn> {
    static ALL: OnceLock<FxHashMap<&'static str, BuiltIn>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let mut all: FxHashMap<&'static str, BuiltIn> = FxHashMap::default();
        for cells in rows(ENTRA_ROLES) {
            if let [id, name, _, words] = cells[..] {
                all.insert(id, BuiltIn { name, permissions: vec![listed(words, entra_action)] });
            }
        }
        all
    });
    all.get(id)
}

/// Words of a list, those to leave out with a `-` before them.
fn listed(words: &str, write: impl Fn(&str) -> String) -> Permission {
    let mut out = Permission::default();
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        match word.strip_prefix('-') {
            Some(word) => out.not_actions.push(write(word)),
            None => out.actions.push(write(word)),
        }
    }
    out
}

/// Everything that roles of the directory are listed with: what a listed role does not have of it, it does not have.
#[must_use]
pub fn decisive() -> &'static [String] {
    static ALL: OnceLock<Vec<String>> = OnceLock::new();
    ALL.get_or_init(|| {
        let words = rows(ENTRA_ROLES).filter_map(|cells| cells.get(3).copied());
        let words = words.flat_map(|words| words.split(' ')).filter(|word| !word.starts_with('-'));
        // The administrator's own patterns take in everything, and say nothing of the others.
        let wide = |word: &&str| !matches!(*word, "microsoft.*" | "microsoft.directory/*/read");
        let mut all: Vec<String> = words.filter(wide).map(entra_action).collect();
        all.sort();
        all.dedup();
        all
    })
}

/// A permission of a directory role as a pattern: `allTasks` stands for every task, `allProperties` and `allEntities`
/// for every set of properties and every thing.
#[must_use]
pub fn entra_action(written: &str) -> String {
    let written = written.trim();
    let parts: Vec<&str> = written.split('/').collect();
    let every = |part: &str| {
        let is = |word: &str| part.eq_ignore_ascii_case(word);
        is("allProperties") || is("allTasks") || is("allEntities")
    };
    let mut out: Vec<&str> = Vec::with_capacity(parts.len());
    for part in parts {
        let part = if every(part) { "*" } else { part };
        if part != "*" || out.last() != Some(&"*") {
            out.push(part);
        }
    }
    format!("{ENTRA}{}", out.join("/"))
}

/// Name of an application permission of Microsoft Graph, by the id of the app role.
#[must_use]
pub fn graph_permission(id: &str) -> Option<&'static str> {
    graph().0.get(id).copied()
}

/// Whether Microsoft Graph has a permission of this name.
#[must_use]
pub fn is_graph_permission(name: &str) -> bool {
    graph().1.contains_key(name)
}

/// Names by id; tiers by name, where they are known.
type Graph = (FxHashMap<&'static str, &'static str>, BTreeMap<&'static str, Option<u8>>);

fn graph() -> &'static Graph {
    static ALL: OnceLock<Graph> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Graph::default();
        for cells in rows(GRAPH) {
            let [id, name, tier] = cells[..] else { continue };
            all.0.insert(id, name);
            all.1.insert(name, tier.parse().ok());
        }
        all
    })
}

/// The actions that are known: those that built-in roles name one by one, and the permissions of Microsoft Graph.
#[must_use]
pub fn actions() -> &'static Catalog {
    static ALL: OnceLock<Catalog> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let mut add = |name: &str| {
            if !name.contains('*') {
                names.entry(name.to_lowercase()).or_insert_with(|| name.to_owned());
            }
        };
        for cells in rows(&ROLES) {
            let words = cells.get(2).copied().unwrap_or_default().split(' ');
            words.map(|word| word.trim_start_matches('-')).filter(|word| !word.is_empty()).for_each(&mut add);
        }
        // These stand in roles behind patterns only, and techniques ask for them.
        OTHERS.iter().copied().for_each(&mut add);
        for name in decisive() {
            add(name);
        }
        for name in graph().1.keys() {
            add(&format!("{GRAPH_PLANE}{name}"));
        }
        Catalog::new(names.into_values().map(|name| {
            let (service, level) = service_and_level(&name);
            let service = Cow::Owned(service.into_owned());
            let recorded = recorded(&name, level);
            Action { name: Cow::Owned(name), service, level, recorded }
        }))
    })
}

/// Actions that no built-in role names without a pattern.
const OTHERS: &[&str] = &[
    "Microsoft.App/jobs/write",
    "Microsoft.Authorization/denyAssignments/write",
    "Microsoft.Authorization/elevateAccess/Action",
    "Microsoft.Authorization/policyAssignments/write",
    "Microsoft.Authorization/roleDefinitions/write",
    "Microsoft.Automation/automationAccounts/runbooks/write",
    "Microsoft.Compute/virtualMachineScaleSets/write",
    "Microsoft.ContainerInstance/containerGroups/write",
    "Microsoft.HybridCompute/machines/runCommands/write",
    "Microsoft.Logic/workflows/write",
    "Microsoft.Resources/deploymentScripts/write",
    "Microsoft.Web/sites/host/listKeys/action",
    "Microsoft.Web/sites/publishxml/action",
    "Microsoft.Web/sites/write",
];

fn recorded(name: &str, level: &str) -> Recorded {
    match name.split_once(':') {
        None | Some(("entra", _)) if level != "read" => Recorded::Always,
        None => Recorded::Never("the activity log has no reads"),
        Some(("data" | "keyvault", _)) => Recorded::Optionally("diagnostic settings of the resource"),
        Some(("graph", _)) => Recorded::Optionally("the activity log of Microsoft Graph"),
        Some(_) => Recorded::Never("no log names the permission"),
    }
}

/// What an action counts under, and its access level.
#[must_use]
pub fn service_and_level(action: &str) -> (Cow<'_, str>, &'static str) {
    if let Some(name) = action.strip_prefix(GRAPH_PLANE) {
        return (Cow::Borrowed("graph"), graph_level(name));
    }
    let (plane, name) = action.split_once(':').map_or(("", action), |(plane, name)| (plane, name));
    let lower = name.to_lowercase();
    let service = match plane {
        "" | "data" | "entra" => Cow::Owned(lower.split('/').next().unwrap_or_default().to_owned()),
        _ => Cow::Borrowed(plane),
    };
    (service, level(plane, &lower))
}

fn graph_level(name: &str) -> &'static str {
    if graph().1.get(name) == Some(&Some(0)) {
        return "permissions";
    }
    let reads = name.split('.').any(|part| part.starts_with("Read") && !part.starts_with("ReadWrite"));
    if reads && !name.contains("Write") { "read" } else { "write" }
}

/// Parts of an action's name that make it one on permissions or on credentials.
const ON_PERMISSIONS: &[&str] = &[
    "microsoft.authorization/",
    "/federatedidentitycredentials/",
    "/accesspolicies/",
    "/roleassignments",
    "/roledefinitions",
    "/credentials/",
    "/owners/",
    "/password/",
    "/authenticationmethods/",
    "/strongauthentication/",
    "/members/",
    "/approleassignedto/",
    "/managepermissiongrants",
    "/privilegedidentitymanagement/",
];

fn level(plane: &str, name: &str) -> &'static str {
    let reads = name.ends_with("/read") || name.ends_with("read/action") && plane == "data";
    if reads || (plane == "keyvault" && (name.ends_with("/get") || name.ends_with("/list"))) {
        return "read";
    }
    if ON_PERMISSIONS.iter().any(|part| name.contains(part)) { "permissions" } else { "write" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_of_directory_roles_become_patterns() {
        for (written, expected) in [
            ("microsoft.directory/users/password/update", "entra:microsoft.directory/users/password/update"),
            ("microsoft.directory/groups/allProperties/allTasks", "entra:microsoft.directory/groups/*"),
            ("microsoft.directory/groups/allProperties/read", "entra:microsoft.directory/groups/*/read"),
            ("microsoft.intune/allEntities/allTasks", "entra:microsoft.intune/*"),
            (
                "microsoft.directory/lifecycleWorkflows/workflows/allProperties/allTasks",
                "entra:microsoft.directory/lifecycleWorkflows/workflows/*",
            ),
        ] {
            assert_eq!(entra_action(written), expected);
        }
    }

    #[test]
    fn every_built_in_role_is_read() {
        let lines = |text: &'static str| rows(text).count();
        assert!(rows(&ROLES).all(|cells| cells.len() == 4 && role(cells[0]).is_some()));
        assert_eq!(role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635").unwrap().permissions[0].actions, ["*"]);
        let contributor = role("b24988ac-6180-42a0-ab88-20f7382dd24c").unwrap();
        assert!(contributor.permissions[0].not_actions.contains(&"Microsoft.Authorization/*/Write".to_owned()));
        // Azure Sphere Owner: two of its three parts hang on a condition.
        let parts = &role("5a382001-fe36-41ff-bba4-8bf06bd54da9").unwrap().permissions;
        assert_eq!(parts.iter().filter(|part| part.condition.is_some()).count(), 2);
        assert!(rows(ENTRA_ROLES).all(|cells| cells.len() == 4 && entra_role(cells[0]).is_some()));
        assert!(lines(GRAPH) > 700 && rows(GRAPH).all(|cells| cells.len() == 3));
        assert_eq!(
            graph_permission("9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8"),
            Some("RoleManagement.ReadWrite.Directory")
        );
        assert!(!decisive().iter().any(|one| one == "entra:microsoft.*"));
    }

    #[test]
    fn actions_have_the_level_of_what_they_do() {
        for (action, service, level) in [
            ("Microsoft.Compute/virtualMachines/read", "microsoft.compute", "read"),
            ("Microsoft.Compute/virtualMachines/runCommand/action", "microsoft.compute", "write"),
            ("Microsoft.Authorization/roleAssignments/write", "microsoft.authorization", "permissions"),
            ("entra:microsoft.directory/users/password/update", "microsoft.directory", "permissions"),
            ("graph:RoleManagement.ReadWrite.Directory", "graph", "permissions"),
            ("graph:User.Read.All", "graph", "read"),
            ("graph:Mail.Send", "graph", "write"),
            ("keyvault:secrets/get", "keyvault", "read"),
            ("app:Orders.Write", "app", "write"),
        ] {
            assert_eq!(service_and_level(action), (Cow::Borrowed(service), level), "{action}");
        }
        let known = actions().actions();
        assert!(known.len() > 4_000, "{}", known.len());
        assert!(known.windows(2).all(|pair| pair[0].name.to_lowercase() != pair[1].name.to_lowercase()));
    }
}
