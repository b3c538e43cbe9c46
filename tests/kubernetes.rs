//! Kubernetes: agreement with the naive authorizer on random clusters, hostile input, and the commands end to end.

use std::fs;

use overgrant::access::{Ask, Evaluators, Settings};
use overgrant::model::{Decision, EntityId, Request, Tables};
use overgrant::platforms::{self, input};
use roaring::RoaringBitmap;
use serde_json::{Value, json};

use crate::cli;
use crate::reference::kubernetes::{Answer, Attributes, Cluster, Subject, authorize, random};

/// Random clusters compared.
const SEEDS: u64 = 2_000;
const ID: &str = "kubernetes:kubernetes";

fn read(texts: &[(&str, &str)]) -> Tables {
    input::read_texts(texts.iter().map(|(name, text)| (*name, text.as_bytes())), platforms::ALL).join(platforms::ALL)
}

/// A question in the engine's notation.
fn written(asked: &Attributes) -> (String, String) {
    if !asked.path.is_empty() {
        return (format!("{}:{}", asked.verb, asked.path), "*".to_owned());
    }
    let group = if asked.group.is_empty() { "core" } else { &asked.group };
    let sub = if asked.subresource.is_empty() { String::new() } else { format!("/{}", asked.subresource) };
    let action = format!("{}:{group}/{}{sub}", asked.verb, asked.resource);
    let or_star = |text: &str| if text.is_empty() { "*".to_owned() } else { text.to_owned() };
    let resource = match (asked.namespace.as_str(), asked.name.as_str()) {
        ("", "") => "*".to_owned(),
        ("", name) => format!("/{name}"),
        (_, name) if asked.resource == "namespaces" => format!("/{name}"),
        (namespace, name) => format!("{namespace}/{}", or_star(name)),
    };
    (action, resource)
}

fn id_of(principal: &str, group: bool) -> String {
    match principal.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':')) {
        Some((namespace, name)) => format!("{ID}/{namespace}/serviceaccount/{name}"),
        None if group => format!("{ID}/group/{principal}"),
        None => format!("{ID}/user/{principal}"),
    }
}

fn same(expected: Answer, found: Decision) -> bool {
    matches!(
        (expected, found),
        (Answer::Allowed, Decision::Allowed)
            | (Answer::Denied, Decision::Denied)
            | (Answer::Unknown, Decision::Unknown)
    )
}

/// What differs in the cluster of a seed. Objects come as JSON or as YAML's superset of it, in one file or in two.
fn compare(seed: u64) -> Vec<String> {
    let cluster = random(seed);
    let list = |objects: &[Value]| json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
    let half = cluster.objects.len() / 2;
    let (first, second) = (list(&cluster.objects[..half]), list(&cluster.objects[half..]));
    let documents: Vec<String> =
        cluster.objects.iter().map(|object| format!("---\nkind: List\nitems:\n- {object}\napiVersion: v1\n")).collect();
    let tables = if seed.is_multiple_of(2) {
        read(&[("a.json", &first), ("b.json", &second)])
    } else {
        read(&[("a.yaml", &documents.concat())])
    };
    let evaluators = Evaluators::new(&tables, Settings { as_of: 0 });
    let mut wrong = Vec::new();
    for asked in &cluster.questions {
        let (action, resource) = written(asked);
        let mut expected_who = Vec::new();
        for (subject, id) in subjects(&cluster) {
            let expected = authorize(&cluster.objects, &subject, asked);
            let Some(entity) = tables.find(&id) else {
                // Nobody binds a user or group that no object names, and the groups of every user give it nothing else.
                continue;
            };
            let verdict = evaluators.decide(&Request::new(entity, &action, &resource));
            if !same(expected, verdict.decision) {
                let reasons = &verdict.reasons;
                wrong.push(format!(
                    "{seed}: {id} {action} {resource}: {expected:?}, found {} {reasons:?}",
                    verdict.decision
                ));
            }
            if expected != Answer::Denied {
                expected_who.push(entity);
            }
        }
        expected_who.sort_unstable();
        let who = evaluators.who_can(&Request::new(EntityId(0), &action, &resource));
        let mut found: Vec<EntityId> = who.into_iter().map(|(entity, _)| entity).collect();
        found.retain(|entity| subjects(&cluster).any(|(_, id)| tables.find(&id) == Some(*entity)));
        if found != expected_who {
            wrong.push(format!("{seed}: who can {action} {resource}: {expected_who:?}, found {found:?}"));
        }
    }
    wrong.extend(bulk(seed, &tables, &evaluators));
    wrong
}

fn subjects(cluster: &Cluster) -> impl Iterator<Item = (Subject, String)> {
    let users = cluster.users.iter().map(|user| (Subject::user(user), id_of(user, false)));
    users.chain(cluster.groups.iter().map(|group| (Subject::group(group), id_of(group, true))))
}

/// Answers about all objects of a kind at once must be those about each.
fn bulk(seed: u64, tables: &Tables, evaluators: &Evaluators<'_>) -> Vec<String> {
    let evaluator = evaluators.of("kubernetes").unwrap();
    let all: RoaringBitmap = (0..u32::try_from(tables.entities.len()).unwrap()).collect();
    let mut wrong = Vec::new();
    let kinds = [
        ("serviceaccount", "get:serviceaccounts"),
        ("serviceaccount", "create:serviceaccounts/token"),
        ("namespace", "patch:namespaces"),
        ("clusterrole", "delete:rbac.authorization.k8s.io/clusterroles"),
        ("role", "get:rbac.authorization.k8s.io/roles"),
    ];
    for (number, class) in evaluator.classes().iter().enumerate() {
        let member = class.members[0];
        if !tables.entity(member).is_principal() {
            continue;
        }
        let view = evaluator.open(number);
        for (kind, action) in kinds {
            let reach = view.targets(&Ask { action: action.to_owned(), pins: Vec::new() }, &all);
            let of_kind = |id: &&str| id.rsplit('/').nth(1) == Some(kind);
            for target in tables.entities.iter().filter(|target| target.present && of_kind(&target.id.as_str())) {
                let asked = target.id.strip_prefix(ID).unwrap().trim_start_matches('/');
                let parts: Vec<&str> = asked.split('/').collect();
                let resource =
                    if parts.len() == 3 { format!("{}/{}", parts[0], parts[2]) } else { format!("/{}", parts[1]) };
                let one = evaluator.decide(&Request::new(member, action, &resource)).decision;
                let (certain, possible) =
                    (reach.certain.contains(target.entity.0), reach.possible.contains(target.entity.0));
                let agrees = match one {
                    Decision::Allowed => certain,
                    Decision::Unknown => possible && !certain,
                    _ => !possible,
                };
                if !agrees {
                    wrong.push(format!(
                        "{seed}: {} {action} {}: {one}, in bulk {certain} {possible}",
                        tables.entity(member).id,
                        target.id
                    ));
                }
            }
        }
    }
    wrong
}

#[test]
fn random_clusters_have_the_answers_of_the_reference() {
    use rayon::prelude::*;
    let wrong: Vec<String> = (0..SEEDS).into_par_iter().flat_map_iter(compare).collect();
    let shown: Vec<&str> = wrong.iter().take(12).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), shown.join("\n"));
}

#[test]
fn the_questions_are_not_all_answered_alike() {
    let mut counts = [0u32; 3];
    for seed in 0..100 {
        let cluster = random(seed);
        for (subject, _) in subjects(&cluster) {
            for asked in &cluster.questions {
                counts[authorize(&cluster.objects, &subject, asked) as usize] += 1;
            }
        }
    }
    assert!(counts.iter().all(|&count| count > 200), "allowed, denied, unknown: {counts:?}");
}

/// An export with something of everything that is read.
const SAMPLE: &str = include_str!("cases/kubernetes_workloads/export/objects.yaml");

#[test]
fn damaged_objects_never_end_a_scan() {
    let lines: Vec<&str> = SAMPLE.lines().collect();
    let mut state = 7u64;
    let mut next = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((state >> 33) % n as u64).unwrap()
    };
    let values = [
        "null",
        "[]",
        "{}",
        "12",
        "yes",
        "'*'",
        "[[[]]]",
        "{a: {b: 1}}",
        "&a [*a]",
        "- -",
        "\u{7f}",
        "é/é",
        ": :",
        "!!int x",
    ];
    for round in 0..150 {
        let mut damaged: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        for _ in 0..=next(4) {
            let at = next(damaged.len());
            match next(4) {
                0 => drop(damaged.remove(at)),
                1 => damaged.truncate(at.max(1)),
                2 => {
                    let key = damaged[at].split(':').next().unwrap().to_owned();
                    damaged[at] = format!("{key}: {}", values[next(values.len())]);
                }
                _ => {
                    let cut = damaged[at].char_indices().nth(next(20)).map_or(damaged[at].len(), |(cut, _)| cut);
                    damaged[at].truncate(cut);
                }
            }
        }
        let text = damaged.join("\n");
        let tables = read(&[("a.yaml", &text)]);
        let evaluators = Evaluators::new(&tables, Settings { as_of: 0 });
        assert!(evaluators.access().iter().all(|row| row.mass >= 0.0), "round {round}");
    }
}

#[test]
fn what_comes_before_a_cut_is_read() {
    let account = |at: usize| json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": format!("a{at}"), "namespace": "dev"}});
    let items: Vec<Value> = (0..40).map(account).collect();
    let text = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    for cut in (30..text.len() - 2).step_by(23) {
        let whole = text[..cut].matches("}}").count();
        let tables = read(&[("a.json", &text[..cut])]);
        let own = |at: usize| tables.find(&format!("{ID}/dev/serviceaccount/a{at}")).is_some();
        assert_eq!((0..40).filter(|&at| own(at)).count(), whole, "cut at {cut}");
        let told = |code: &str| tables.issues.iter().any(|issue| issue.code == code);
        assert!(told("file_truncated") || (whole == 0 && told("not_recognised")), "cut at {cut}: {:?}", tables.issues);
    }
}

#[test]
fn values_of_the_wrong_type_cost_only_their_object() {
    let object: Value = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "b", "namespace": "dev", "labels": {"a": "b"}},
        "roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "ServiceAccount", "name": "a"}]});
    let good = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "good", "namespace": "dev"}});
    let odd = [
        Value::Null,
        json!(1),
        json!("x"),
        json!([]),
        json!({}),
        json!([1]),
        json!({"x": 1}),
        json!(true),
        json!("a/b c:d"),
    ];
    for pointer in [
        "/kind",
        "/metadata",
        "/metadata/name",
        "/metadata/namespace",
        "/metadata/labels",
        "/roleRef",
        "/roleRef/kind",
        "/roleRef/name",
        "/subjects",
        "/subjects/0",
        "/subjects/0/name",
    ] {
        for value in &odd {
            let mut damaged = object.clone();
            *damaged.pointer_mut(pointer).unwrap() = value.clone();
            let text = json!({"apiVersion": "v1", "kind": "List", "items": [damaged, good]}).to_string();
            let tables = read(&[("a.json", &text)]);
            assert!(tables.find(&format!("{ID}/dev/serviceaccount/good")).is_some(), "{pointer} = {value}");
        }
    }
}

#[test]
fn the_products_of_a_rule_are_not_written_out() {
    let many: Vec<String> = (0..3_000).map(|at| format!("x{at}.example")).collect();
    let rule = json!({"verbs": many, "apiGroups": many, "resources": many});
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [rule]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "b"},
        "roleRef": {"kind": "ClusterRole", "name": "r"}, "subjects": [{"kind": "User", "name": "ada"}]});
    let text = format!("{role}\n{binding}");
    let tables = read(&[("a.json", &text)]);
    assert_eq!(tables.grants.len(), 1);
    assert!(tables.grants[0].actions[0].len() < 3 * text.len());
    let evaluators = Evaluators::new(&tables, Settings { as_of: 0 });
    let ada = tables.find(&format!("{ID}/user/ada")).unwrap();
    let decide = |action: &str| evaluators.decide(&Request::new(ada, action, "*")).decision;
    assert_eq!(decide("x7.example:x8.example/x9.example"), Decision::Allowed);
    assert_eq!(decide("x7.example:x8.example/other"), Decision::Denied);
}

#[test]
fn every_command_answers_about_a_cluster() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    fs::write(folder.path().join("in/objects.yaml"), SAMPLE).unwrap();
    let run = |arguments: &[&str]| {
        let output = cli::run(folder.path(), arguments);
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let (code, said) = run(&["scan", "in", "--as-of", "2026-11-22"]);
    assert_eq!(code, Some(0), "{said}");
    let ci = "system:serviceaccount:dev:ci";
    for (arguments, expected) in [
        (&["can", ci, "create:pods", "dev/*"][..], "allowed"),
        (&["can", ci, "create:pods", "prod/*"], "denied"),
        (&["can", ci, "create:pods", "namespace/dev"], "allowed"),
        (&["can", "dev/serviceaccount/ci", "get:secrets", "dev/db"], "denied"),
        (&["who-can", "create:pods", "dev/*"], "kubernetes:kubernetes/dev/serviceaccount/ci"),
        (&["paths", ci], "k8s-namespace-node"),
        (&["exposure"], "kubernetes"),
        (&["findings"], "administrator"),
        (&["scores"], "system:serviceaccount:dev:ci"),
        (&["explain", ci], "clusterrole/deployer"),
        (&["explain", ci], "Entitlements, largest privilege mass first"),
    ] {
        let (code, said) = run(arguments);
        assert!(code == Some(0) || code == Some(1), "{arguments:?} ends with {code:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: `{expected}` is not in\n{said}");
    }
}
