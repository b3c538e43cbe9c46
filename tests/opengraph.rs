//! The attack graph as an OpenGraph payload, read again: every platform's comes back as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use overgrant::analysis;
use overgrant::model::{Certainty, EntityId};
use overgrant::reports::material::Material;
use overgrant::reports::{self, Exposure, View};
use serde_json::Value;

use crate::analysed::{AS_OF, Analysed};

/// Folder that payloads are kept in, for a check against the published schema by another program.
const KEEP: &str = "OVERGRANT_OPENGRAPH_FOLDER";

/// What must be the same: nodes, edges with the surest certainty of each, and how many principals reach what.
#[derive(Debug, PartialEq)]
struct Picture {
    nodes: BTreeSet<String>,
    edges: BTreeMap<(String, String), Certainty>,
    zone: [u64; 3],
    targets: BTreeMap<String, [u64; 3]>,
}

impl Picture {
    /// A scan, with its entities named by `name`.
    fn of(analysed: &Analysed, name: &dyn Fn(&str) -> String) -> Self {
        let (tables, results) = (analysed.tables(), &analysed.scan.results);
        let named = |entity: EntityId| name(analysed.id(entity));
        let mut nodes: BTreeSet<String> =
            tables.entities.iter().filter(|entity| entity.present).map(|entity| name(&entity.id)).collect();
        let mut edges = BTreeMap::new();
        for entity in &tables.entities {
            for step in analysed.steps(entity.entity) {
                for to in step.to.iter().filter(|to| **to != entity.entity) {
                    let ends = (named(entity.entity), named(*to));
                    nodes.extend([ends.0.clone(), ends.1.clone()]);
                    let best = edges.entry(ends).or_insert(step.edge.certainty);
                    *best = step.edge.certainty.min(*best);
                }
            }
        }
        let exposure = analysis::exposure(tables, results);
        let counts = |row: &overgrant::paths::Exposed| [row.principals, row.exposed_certain, row.exposed_possible];
        let targets = exposure.targets.iter().filter_map(|row| Some((named(row.target?), counts(row)))).collect();
        Self { nodes, edges, zone: counts(&exposure.zone), targets }
    }
}

/// A report on a scan.
fn report(analysed: &Analysed, name: &str) -> Vec<u8> {
    let (exposure, material) = (Exposure::default(), Material::default());
    let view = View {
        snapshot: "s",
        as_of: analysed.as_of,
        sources: &analysed.scan.tables.sources,
        tables: analysed.tables(),
        results: &analysed.scan.results,
        coverage: &[],
        exposure: &exposure,
        incomplete: &[],
        material: &material,
    };
    let mut bytes = Vec::new();
    reports::find(name).expect("a report").write(&view, &mut bytes).expect("memory does not fail");
    bytes
}

/// Every export that there is to try: the cases of all platforms, and the demo.
fn exports() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut exports = vec![("demo".to_owned(), root.join("tests/organisation/exports"))];
    for entry in fs::read_dir(root.join("tests/cases")).expect("the cases") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.join("export").is_dir() {
            exports.push((name, path.join("export")));
        }
    }
    exports.sort();
    exports
}

/// What one export came to.
struct Outcome {
    wrong: Vec<String>,
    platforms: BTreeSet<String>,
    edges_n: usize,
}

/// Scans an export, writes its graph, and scans that; `None` for a case without a principal, which has no graph.
fn there_and_back(name: &str, path: PathBuf) -> Option<Outcome> {
    let before = Analysed::new(vec![path], AS_OF, None).ok()?;
    let (payload, schema) = (report(&before, "opengraph"), report(&before, "opengraph-schema"));
    let platforms = before.tables().entities.iter().map(|entity| entity.platform.clone()).collect();
    let (edges_n, mut wrong) = rules(&payload);
    if let Some(folder) = std::env::var_os(KEEP) {
        fs::write(Path::new(&folder).join(format!("{name}.json")), &payload).expect("the folder can be written to");
    }
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("graph.json"), payload).expect("a file");
    fs::write(folder.path().join("schema.json"), schema).expect("a file");
    match Analysed::new(vec![folder.path().to_owned()], AS_OF, None) {
        Ok(again) => {
            let expected = Picture::of(&before, &reports::opengraph::node_id);
            let found = Picture::of(&again, &|id| id.strip_prefix("opengraph:").unwrap_or(id).to_owned());
            wrong.extend(differences(&expected, &found));
            let issues = again.tables().issues.iter().map(|issue| issue.code.as_str());
            wrong.extend(issues.map(|code| format!("reading it again raises {code}")));
        }
        Err(error) => wrong.push(format!("the payload is not read: {error}")),
    }
    Some(Outcome { wrong, platforms, edges_n })
}

#[test]
fn what_is_exported_keeps_to_the_rules_and_read_again_is_the_same_graph() {
    let all = exports();
    // Two threads of our own: scans share out their work themselves, and nested in such work they pile up on its stack.
    let outcomes: Vec<(&String, Outcome)> = std::thread::scope(|scope| {
        let run = |half: usize| {
            let own = all.iter().skip(half).step_by(2);
            own.filter_map(|(name, path)| there_and_back(name, path.clone()).map(|outcome| (name, outcome))).collect()
        };
        let halves: Vec<_> = [0, 1].map(|half| scope.spawn(move || -> Vec<(&String, Outcome)> { run(half) })).into();
        halves.into_iter().flat_map(|half| half.join().expect("no scan panics")).collect()
    });
    let wrong: Vec<String> = outcomes
        .iter()
        .flat_map(|(name, outcome)| outcome.wrong.iter().map(move |why| format!("{name}: {why}")))
        .collect();
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    let platforms: BTreeSet<&String> = outcomes.iter().flat_map(|(_, outcome)| &outcome.platforms).collect();
    let edges_n: usize = outcomes.iter().map(|(_, outcome)| outcome.edges_n).sum();
    assert!(outcomes.len() > 40 && platforms.len() >= 4, "{} exports of {platforms:?}", outcomes.len());
    assert!(edges_n > 1000, "{edges_n} edges were looked at");
}

/// What two pictures differ in, a few of each kind.
fn differences(expected: &Picture, found: &Picture) -> Vec<String> {
    let mut out = Vec::new();
    let lost: Vec<_> = expected.nodes.difference(&found.nodes).take(5).collect();
    let more: Vec<_> = found.nodes.difference(&expected.nodes).take(5).collect();
    if !lost.is_empty() || !more.is_empty() {
        out.push(format!("nodes lost {lost:?}, new {more:?}"));
    }
    let missing: Vec<_> = expected.edges.iter().filter(|(ends, sure)| found.edges.get(*ends) != Some(sure)).collect();
    let new: Vec<_> = found.edges.iter().filter(|(ends, sure)| expected.edges.get(*ends) != Some(sure)).collect();
    if !missing.is_empty() || !new.is_empty() {
        let some = |list: &[(&(String, String), &Certainty)]| format!("{:?}", &list[..list.len().min(4)]);
        out.push(format!("edges lost ({}) {}, new ({}) {}", missing.len(), some(&missing), new.len(), some(&new)));
    }
    if (expected.zone, &expected.targets) != (found.zone, &found.targets) {
        out.push(format!(
            "exposure {:?} {:?}, then {:?} {:?}",
            expected.zone, expected.targets, found.zone, found.targets
        ));
    }
    out
}

/// What a payload breaks of the format's rules beyond its schema, and how many edges it has.
fn rules(payload: &[u8]) -> (usize, Vec<String>) {
    let payload: Value = serde_json::from_slice(payload).expect("JSON");
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &dyn std::fmt::Display| {
        if !holds {
            wrong.push(format!("against the rules: {what}"));
        }
    };
    let keys: Vec<&String> = payload.as_object().expect("an object").keys().collect();
    must(keys == ["graph", "metadata"], &format!("{keys:?}"));
    let list = |key: &str| payload["graph"][key].as_array().expect("a list");
    let ids: BTreeSet<String> = list("nodes").iter().map(|node| text(&node["id"])).collect();
    must(ids.len() == list("nodes").len(), &"an id is there twice");
    for node in list("nodes") {
        must(!text(&node["id"]).contains(':'), node);
        must(node["kinds"].as_array().is_some_and(|kinds| (1..=3).contains(&kinds.len())), node);
        for (key, value) in node["properties"].as_object().expect("an object") {
            must(key != "objectid" && key.to_lowercase() == *key, key);
            let texts = value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
            must(value.is_string() || value.is_number() || value.is_boolean() || texts, node);
        }
    }
    for edge in list("edges") {
        let kind = text(&edge["kind"]);
        let plain = kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        must(plain && kind.starts_with("Overgrant_"), edge);
        must(["start", "end"].iter().all(|end| ids.contains(&text(&edge[*end]["value"]))), edge);
    }
    (list("edges").len(), wrong)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
