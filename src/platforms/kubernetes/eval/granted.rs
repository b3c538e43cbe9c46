//! The access rows of a class, action by action, and what a statement is about.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::catalog::{Catalog, KnownAction, LEVELS, level};
use super::super::notation::{self, Action, Lists, Object};
use super::access::{Counted, Key, One, counted, service, weight};
use super::rules::{Role, Rule, built_in};
use super::view::ClassView;
use crate::model::{Decision, EntityId, Granularity};
use crate::platforms::{Granted, GrantedAction, Known, Recorded};

/// Events of resources that the catalogue does not know, which no log is expected to hold.
const CUSTOM: Recorded = Recorded::Optionally("custom resource");

/// What the catalogue knows of an action, as questions or as usage records write it.
#[must_use]
pub fn known(text: &str) -> Option<Known> {
    let action = Action::parse_used(text).or_else(|| Action::parse(text))?;
    let Object::Resource { group, resource } = &action.on else { return None };
    Catalog::get().action(group, resource, &action.verb).map(of_catalogue)
}

fn of_catalogue(action: &'static KnownAction) -> Known {
    let level = LEVELS[level(action.group, &action.resource, action.verb)].0;
    Known { name: Cow::Borrowed(&action.name), level, recorded: action.recorded() }
}

/// How audit logs name an action.
#[must_use]
pub fn usage_name(action: &Known) -> Cow<'_, str> {
    match Action::parse(&action.name) {
        Some(Action { verb, on: Object::Resource { group, resource } }) => {
            Cow::Owned(notation::used(&group, &resource, &verb))
        }
        _ => Cow::Borrowed(&action.name),
    }
}

/// What a rule of the grants table counts.
pub struct Giving {
    grant: u32,
    /// Places in the catalogue.
    known: Vec<usize>,
    named: Vec<Key>,
}

/// What each rule of a role counts.
fn of_role(role: &Role, in_namespace: bool) -> Vec<Giving> {
    let none = Counted::default();
    let giving = |rule: &Rule| {
        let mut counted = Counted::default();
        counted.add(rule, in_namespace);
        let known = counted.wider(&none).filter_map(|one| one.known).collect();
        Some(Giving { grant: rule.grant?, known, named: counted.into_named().collect() })
    };
    role.rules.iter().filter_map(giving).collect()
}

/// The statements that give each action to a class, ascending.
#[derive(Default)]
struct Sources<'v> {
    /// By place in the catalogue.
    known: Vec<Vec<u32>>,
    named: BTreeMap<(&'v str, &'v str, &'v str), Vec<u32>>,
}

impl<'v> Sources<'v> {
    fn of(view: &'v ClassView<'_>) -> Self {
        let mut sources = Self { known: vec![Vec::new(); Catalog::get().actions().len()], ..Self::default() };
        for (namespace, role) in &view.roles {
            let inside = namespace.is_some();
            for giving in role.giving[usize::from(inside)].get_or_init(|| of_role(role, inside)) {
                giving.known.iter().for_each(|&at| sources.known[at].push(giving.grant));
                for (group, resource, verb) in &giving.named {
                    sources.named.entry((group, resource, verb)).or_default().push(giving.grant);
                }
            }
        }
        // A role that is held in two namespaces gives the same twice.
        for grants in sources.known.iter_mut().chain(sources.named.values_mut()) {
            grants.sort_unstable();
            grants.dedup();
        }
        sources
    }

    fn get<'a>(&'a self, one: &One<'a>) -> &'a [u32] {
        let found = match one.known {
            Some(at) => self.known.get(at),
            None => self.named.get(&(one.group, one.resource, one.verb)),
        };
        found.map_or(&[], Vec::as_slice)
    }
}

/// What [`super::access::rows`] counts, row by row in the same order. Rights that no statement of the export gives have
/// an empty set of them: those of roles that every cluster has, of masters, and of roles that the export does not have.
#[must_use]
pub fn rows(view: &ClassView<'_>) -> Vec<Granted> {
    let (certain, possible) = counted(view);
    let none = Counted::default();
    let sources = Sources::of(view);
    let mut rows: BTreeMap<(&str, usize, bool), Granted> = BTreeMap::new();
    for one in certain.wider(&none) {
        let row = rows.entry((one.group, one.level(), false)).or_insert_with(|| row(&one, Decision::Allowed));
        add(row, &one, sources.get(&one));
    }
    for one in possible.wider(&certain) {
        let row = rows.entry((one.group, one.level(), true)).or_insert_with(|| row(&one, Decision::Unknown));
        add(row, &one, &[]);
    }
    rows.into_values().collect()
}

fn row(one: &One<'_>, decision: Decision) -> Granted {
    // Groups that only rules know are not in the program.
    let service = match one.known.and_then(|at| Catalog::get().actions().get(at)) {
        Some(action) => Cow::Borrowed(service(action.group)),
        None => Cow::Owned(service(one.group).to_owned()),
    };
    let (level, level_weight) = LEVELS[one.level()];
    Granted { service, level, level_weight, decision, actions: Vec::new(), sources: Vec::new() }
}

fn add(row: &mut Granted, one: &One<'_>, given: &[u32]) {
    let action = match one.known.and_then(|at| Catalog::get().actions().get(at)) {
        Some(action) => of_catalogue(action),
        None => {
            let name = Cow::Owned(notation::asked(one.group, one.resource, one.verb));
            Known { name, level: row.level, recorded: CUSTOM }
        }
    };
    let source = row.sources.iter().position(|known| known == given).unwrap_or_else(|| {
        row.sources.push(given.to_vec());
        row.sources.len() - 1
    });
    let mass = row.level_weight * (weight(one.width) - weight(one.before));
    row.actions.push(GrantedAction { action, mass, source });
}

/// What rules with these lists are about: actions, or groups with the levels of these actions, sorted.
#[must_use]
pub fn written(actions: &[String], grain: Granularity) -> Vec<String> {
    let (mut counted, none) = (Counted::default(), Counted::default());
    for lists in actions.iter().filter_map(|action| Lists::parse(action)) {
        counted.add(&built_in(EntityId(0), &(lists, Vec::new())), false);
    }
    let name = |one: One<'_>| match grain {
        Granularity::Action => notation::asked(one.group, one.resource, one.verb),
        Granularity::Service => format!("{}:{}", service(one.group), LEVELS[one.level()].0),
    };
    let mut found: Vec<String> = counted.wider(&none).map(name).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::super::Compiled;
    use super::*;
    use crate::model::Tables;
    use crate::platforms::kubernetes::Kubernetes;
    use crate::platforms::{Evaluator, Settings, input};

    const ID: &str = "kubernetes:kubernetes";

    fn read(texts: &[(String, Vec<u8>)]) -> Tables {
        let texts = texts.iter().map(|(name, text)| (name.as_str(), text.as_slice()));
        input::read_texts(texts, &[&Kubernetes]).join(&[&Kubernetes])
    }

    fn cluster(text: &str) -> Tables {
        read(&[("objects.yaml".to_owned(), text.as_bytes().to_vec())])
    }

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path, found) } else { found.push(path) }
        }
    }

    /// Whether a stored statement is about an action, by its lists alone.
    fn is_about(tables: &Tables, grant: u32, action: &str) -> bool {
        let lists = Lists::parse(&tables.grants[grant as usize].actions[0]).unwrap();
        let Some(Action { verb, on: Object::Resource { group, resource } }) = Action::parse(action) else {
            return false;
        };
        let has = |list: &[String], one: &str| list.iter().any(|own| own == "*" || own == one);
        let sub = resource.split_once('/').map(|(_, sub)| format!("*/{sub}")).unwrap_or_default();
        has(&lists.verbs, &verb)
            && has(&lists.groups, &group)
            && (has(&lists.resources, &resource) || lists.resources.contains(&sub))
    }

    /// Compares what is listed for every class with its access rows; gives what was compared.
    fn agree(tables: &Tables, context: &str) -> Vec<Granted> {
        let compiled = Compiled::new(tables, Settings { as_of: 0 });
        let mut all = Vec::new();
        for (number, class) in compiled.classes().iter().enumerate() {
            let access = compiled.open(number).access();
            for &member in &class.members {
                let granted = compiled.granted(member);
                let told = format!("{context}: {}", tables.entity(member).id);
                let shape = |row: &Granted| (row.service.to_string(), row.level.to_owned(), row.decision);
                let expected: Vec<_> =
                    access.iter().map(|row| (row.service.clone(), row.level.clone(), row.decision)).collect();
                assert_eq!(granted.iter().map(shape).collect::<Vec<_>>(), expected, "{told}");
                for (row, access) in granted.iter().zip(&access) {
                    assert_eq!(row.actions.len(), access.granted_n as usize, "{told} {row:?}");
                    let mass: f64 = row.actions.iter().map(|action| action.mass).sum();
                    assert!((mass - access.mass).abs() < 1e-9, "{told} {mass} {access:?}");
                    let names: BTreeSet<&str> = row.actions.iter().map(|action| &*action.action.name).collect();
                    assert_eq!(names.len(), row.actions.len(), "{told}: each once");
                    for action in &row.actions {
                        let grants = &row.sources[action.source];
                        assert!(grants.is_sorted_by(|a, b| a < b), "{told} {grants:?}");
                        assert!(grants.iter().all(|&grant| is_about(tables, grant, &action.action.name)), "{told}");
                        assert_eq!(action.action.level, row.level, "{told}");
                        assert!(action.mass > 0.0, "{told}");
                    }
                }
                all.extend(granted);
            }
        }
        all
    }

    #[test]
    fn what_is_listed_is_what_the_rows_of_every_case_count() {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
        let mut all = Vec::new();
        let mut folders: Vec<PathBuf> = std::fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.retain(|folder| folder.file_name().unwrap().to_string_lossy().starts_with("kubernetes_"));
        folders.sort();
        for folder in folders {
            let mut found = Vec::new();
            files(&folder.join("export"), &mut found);
            found.sort();
            let named = |path: &PathBuf| (path.to_string_lossy().into_owned(), std::fs::read(path).unwrap());
            let texts: Vec<(String, Vec<u8>)> = found.iter().map(named).collect();
            all.extend(agree(&read(&texts), &folder.to_string_lossy()));
        }
        let some = |what: &dyn Fn(&Granted) -> bool| all.iter().filter(|row| what(row)).count();
        assert!(some(&|row| row.decision == Decision::Allowed && row.sources.iter().all(|one| !one.is_empty())) > 20);
        assert!(some(&|row| row.decision == Decision::Unknown) > 0, "rights of missing roles");
    }

    const CLUSTER: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: ci, namespace: dev}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: worker, namespace: dev}
rules:
- {apiGroups: [''], resources: [pods], verbs: [get, list]}
- {apiGroups: [''], resources: [secrets], verbs: [get], resourceNames: [db]}
- {apiGroups: [example.com], resources: [widgets], verbs: [get]}
- {apiGroups: [metrics], resources: [pods], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: b, namespace: dev}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: worker}
subjects: [{kind: ServiceAccount, name: ci, namespace: dev}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: viewer}
rules:
- {apiGroups: ['', example.com], resources: [pods, pods/exec, widgets], verbs: [list, create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: viewer}
subjects: [{kind: ServiceAccount, name: ci, namespace: dev}]
";

    #[test]
    fn every_action_has_its_mass_and_the_rules_that_give_it() {
        let tables = cluster(CLUSTER);
        agree(&tables, "cluster");
        let ci = tables.find(&format!("{ID}/dev/serviceaccount/ci")).unwrap();
        let rows = Compiled::new(&tables, Settings { as_of: 0 }).granted(ci);
        let rule = |grant: &u32| {
            let row = &tables.grants[*grant as usize];
            format!("{} {}", tables.entity(row.holder).name, row.actions[0])
        };
        let mut told = Vec::new();
        for row in &rows {
            for action in &row.actions {
                let rules: Vec<String> = row.sources[action.source].iter().map(rule).collect();
                told.push((row.service.to_string(), action.action.name.to_string(), action.mass, rules.join(" + ")));
            }
        }
        let (get, secrets) = ("dev/worker get,list:pods", "dev/worker get:secrets");
        let viewer = "viewer list,create:core,example.com/pods,pods/exec,widgets";
        // Weights: list 1, read 2, write 5; by name 1, in a namespace 2, everywhere 4.
        let mut expected = vec![
            ("core", "list:pods".to_owned(), 4.0, vec![get, viewer]),
            ("core", "get:pods".to_owned(), 4.0, vec![get]),
            ("core", "get:secrets".to_owned(), 2.0, vec![secrets]),
            ("core", "create:pods".to_owned(), 20.0, vec![viewer]),
            ("core", "create:pods/exec".to_owned(), 20.0, vec![viewer]),
            ("example.com", "get:example.com/widgets".to_owned(), 4.0, vec!["dev/worker get:example.com/widgets"]),
            ("metrics", "get:metrics./pods".to_owned(), 4.0, vec!["dev/worker get:metrics./pods"]),
        ];
        for (verb, mass) in [("create", 20.0), ("list", 4.0)] {
            for resource in ["pods", "pods/exec", "widgets"] {
                expected.push(("example.com", format!("{verb}:example.com/{resource}"), mass, vec![viewer]));
            }
        }
        for (service, name, mass, rules) in expected {
            let found = told.iter().find(|told| told.0 == service && told.1 == name);
            let found = found.unwrap_or_else(|| panic!("{service} {name} is not in {told:?}"));
            let mut from: Vec<&str> = found.3.split(" + ").collect();
            from.sort_unstable();
            assert_eq!((found.2, from), (mass, rules), "{name}");
        }
    }

    #[test]
    fn what_a_missing_role_may_add_is_counted_beyond_what_is_certain() {
        // The same role in two namespaces, and one everywhere that the export does not have.
        let tables = cluster(
            "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: viewer}
rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: b, namespace: dev}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: viewer}
subjects: [{kind: User, name: ada}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: b, namespace: prod}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: viewer}
subjects: [{kind: User, name: ada}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: house-role}
subjects: [{kind: User, name: ada}]
",
        );
        agree(&tables, "missing");
        let ada = tables.find(&format!("{ID}/user/ada")).unwrap();
        let rows = Compiled::new(&tables, Settings { as_of: 0 }).granted(ada);
        let found = |decision: Decision, name: &str| {
            let row =
                rows.iter().find(|row| row.service == "core" && row.level == "list" && row.decision == decision)?;
            let action = row.actions.iter().find(|action| action.action.name == name)?;
            Some((action.mass, row.sources[action.source].clone()))
        };
        // In a namespace 2 for certain; everywhere 4, of which 2 are more.
        assert_eq!(found(Decision::Allowed, "list:pods"), Some((2.0, vec![0])));
        assert_eq!(found(Decision::Unknown, "list:pods"), Some((2.0, vec![])));
        assert_eq!(found(Decision::Allowed, "list:nodes"), None);
        assert_eq!(found(Decision::Unknown, "list:nodes"), Some((4.0, vec![])));
    }

    #[test]
    fn masters_hold_everything_by_no_statement() {
        let tables = cluster(
            "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: Group, name: 'system:masters'}]
",
        );
        agree(&tables, "masters");
        let masters = tables.find(&format!("{ID}/group/system:masters")).unwrap();
        let compiled = Compiled::new(&tables, Settings { as_of: 0 });
        let rows = compiled.granted(masters);
        let mass: f64 = rows.iter().flat_map(|row| &row.actions).map(|action| action.mass).sum();
        assert!((mass - compiled.administrator_mass()).abs() < 1e-9);
        assert!(rows.iter().all(|row| row.sources == [Vec::<u32>::new()]));
    }

    #[test]
    fn actions_are_known_as_questions_and_as_logs_write_them() {
        for (asks, uses, level, recorded) in [
            ("create:pods/exec", "core:create:pods/exec", "write", Some("pods/exec")),
            ("patch:apps/deployments/scale", "apps:patch:deployments/scale", "write", Some("apps/deployments/scale")),
            ("list:secrets", "core:list:secrets", "read", Some("secrets")),
            ("impersonate:users", "core:impersonate:users", "permissions", Some("users")),
            ("impersonate:groups", "core:impersonate:groups", "permissions", None),
            ("get:nodes/log", "core:get:nodes/log", "read", None),
            ("get:nodes", "core:get:nodes", "read", Some("nodes")),
            (
                "bind:rbac.authorization.k8s.io/clusterroles",
                "rbac.authorization.k8s.io:bind:clusterroles",
                "permissions",
                None,
            ),
        ] {
            let found = known(asks).unwrap();
            assert_eq!(known(uses).as_ref(), Some(&found), "{uses}");
            assert_eq!((&*found.name, found.level, &*usage_name(&found)), (asks, level, uses));
            match found.recorded {
                Recorded::Optionally(kind) => assert_eq!(Some(kind), recorded, "{asks}"),
                Recorded::Never(_) => assert_eq!(None, recorded, "{asks}"),
                Recorded::Always => panic!("{asks}: a policy decides what is logged"),
            }
        }
        for text in ["get:widgets", "get:/healthz", "get:pods/none", "core", "s3:GetObject", "*:*/*", "*"] {
            assert_eq!(known(text), None, "{text}");
        }
    }

    #[test]
    fn statements_are_written_out_in_the_names_of_access_rows() {
        let own = |text: &str| [text.to_owned()];
        assert_eq!(
            written(&own("get,list:core,apps/pods,deployments"), Granularity::Action),
            [
                "get:apps/deployments",
                "get:apps/pods",
                "get:deployments",
                "get:pods",
                "list:apps/deployments",
                "list:apps/pods",
                "list:deployments",
                "list:pods",
            ]
        );
        assert_eq!(
            written(&own("get,list:core,apps/pods,deployments"), Granularity::Service),
            ["apps:list", "apps:read", "core:list", "core:read"]
        );
        assert_eq!(written(&own("*"), Granularity::Action).len(), Catalog::get().actions().len());
        assert_eq!(written(&own("get:/healthz"), Granularity::Service), [""; 0]);
    }
}
