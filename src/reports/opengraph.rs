//! BloodHound OpenGraph: the attack graph as a payload, and the extension schema that belongs to it.
//!
//! Nodes are entities, edges those of the attack graph; every kind begins with `Overgrant_`, so that none is one of
//! BloodHound's own. A target set (what the same principals reach by the same technique) becomes one edge from each
//! principal to each target, as long as these are at most [`EXPANDED_MAX`]; a larger one stays a node of the kind
//! `Overgrant_TargetSet`, or the file would grow with principals times targets.
//!
//! Ids are rewritten: `:` is not allowed in them, and an id that another collector uploaded must not become the same
//! node. They begin with `overgrant-`, `%` is `%25` and `:` is `%3A`; the id as it was is the property `entity_id`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{Report, View, escape, json as document};
use crate::model::text::format_time;
use crate::model::{Certainty, Edge, Entity, EntityId, EntityKind, TargetSet};

/// Namespace of every kind, and name of what the payload comes from.
const NAMESPACE: &str = "Overgrant";
/// Edges that one target set is expanded to at most.
pub const EXPANDED_MAX: usize = 100_000;
/// Kind of the node of a larger one.
const TARGET_SET: &str = "TargetSet";
/// Longer texts are cut: a property is no place for a document.
const TEXT_CHARS_MAX: usize = 1000;

/// The report `opengraph`: nodes and edges.
#[derive(Debug)]
pub struct OpenGraph;

impl Report for OpenGraph {
    fn name(&self) -> &'static str {
        "opengraph"
    }

    fn about(&self) -> &'static str {
        "the attack graph for BloodHound, as an OpenGraph payload"
    }

    fn write(&self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
        let graph = Graph::new(view);
        out.write_all(b"{\"metadata\":{\"source_kind\":\"")?;
        out.write_all(NAMESPACE.as_bytes())?;
        out.write_all(b"\"},\"graph\":{\"nodes\":[\n")?;
        let mut rows = Rows { out, first: true };
        graph.nodes(&mut rows)?;
        rows.out.write_all(b"\n],\"edges\":[\n")?;
        rows.first = true;
        graph.edges(&mut rows)?;
        rows.out.write_all(b"\n]}}\n")
    }
}

/// The report `opengraph-schema`: which kinds the payload has, for BloodHound to draw paths over them.
#[derive(Debug)]
pub struct Schema;

impl Report for Schema {
    fn name(&self) -> &'static str {
        "opengraph-schema"
    }

    fn about(&self) -> &'static str {
        "the extension definition that goes with the OpenGraph payload"
    }

    fn write(&self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
        let nodes: Vec<Value> =
            EntityKind::ALL.iter().map(|kind| node_kind(*kind)).chain([target_set_kind()]).collect();
        let techniques: BTreeMap<String, &str> =
            view.results.edges.iter().map(|edge| (edge_kind(&edge.technique), edge.technique.as_str())).collect();
        let edges: Vec<Value> = techniques
            .iter()
            .map(|(kind, technique)| {
                json!({"name": kind, "description": format!("Control by `{technique}`"), "is_traversable": true})
            })
            .collect();
        let principals: Vec<String> =
            EntityKind::ALL.iter().filter(|kind| kind.is_principal()).map(|kind| kind_name(kind.as_str())).collect();
        let environment = json!({
            "environment_kind": kind_name(EntityKind::Scope.as_str()),
            "source_kind": NAMESPACE,
            "principal_kinds": principals,
        });
        let schema = json!({
            "schema": {
                "name": NAMESPACE,
                "display_name": "overgrant",
                "version": format!("v{}", env!("CARGO_PKG_VERSION")),
                "namespace": NAMESPACE,
            },
            "node_kinds": nodes,
            "relationship_kinds": edges,
            "environments": [environment],
            "relationship_findings": [],
        });
        out.write_all(document::text(&schema).as_bytes())
    }
}

/// What is written as a graph.
struct Graph<'v> {
    view: &'v View<'v>,
    /// Target sets by place: how many edges lead in, and to which entities it leads.
    sets: Vec<Set>,
    /// Entities that are nodes.
    shown: BTreeSet<u32>,
    /// Scopes that are nodes, by id.
    numbers: BTreeMap<&'v str, u32>,
    /// Rules that found something about an entity.
    findings: BTreeMap<EntityId, BTreeSet<&'v str>>,
}

#[derive(Default, Clone)]
struct Set {
    sources_n: usize,
    targets: Vec<u32>,
}

impl Set {
    fn is_expanded(&self) -> bool {
        self.sources_n.saturating_mul(self.targets.len()) <= EXPANDED_MAX
    }
}

/// Elements of one array of the document.
struct Rows<'o> {
    out: &'o mut dyn Write,
    first: bool,
}

impl Rows<'_> {
    fn row(&mut self, value: &Value) -> io::Result<()> {
        if !std::mem::take(&mut self.first) {
            self.out.write_all(b",\n")?;
        }
        self.out.write_all(escape::json(value.to_string()).as_bytes())
    }
}

impl<'v> Graph<'v> {
    fn new(view: &'v View<'v>) -> Self {
        let entities = &view.tables.entities;
        let mut sets = vec![Set::default(); view.results.target_sets.len()];
        let mut shown: BTreeSet<u32> =
            entities.iter().filter(|entity| entity.present).map(|entity| entity.entity.0).collect();
        for edge in &view.results.edges {
            for node in [edge.src, edge.dst] {
                if (node as usize) < entities.len() {
                    shown.insert(node);
                }
            }
            if let Some(set) = set_of(entities.len(), edge.dst).and_then(|at| sets.get_mut(at)) {
                set.sources_n += 1;
            }
            if let Some(set) = set_of(entities.len(), edge.src).and_then(|at| sets.get_mut(at)) {
                set.targets.push(edge.dst);
            }
        }
        let scopes: BTreeSet<&str> = entities.iter().filter_map(|entity| entity.scope.as_deref()).collect();
        let is_scope = |entity: &&Entity| shown.contains(&entity.entity.0) && scopes.contains(entity.id.as_str());
        let numbers = entities.iter().filter(is_scope).map(|entity| (entity.id.as_str(), entity.entity.0)).collect();
        let mut findings: BTreeMap<EntityId, BTreeSet<&str>> = BTreeMap::new();
        for finding in view.findings() {
            findings.entry(finding.entity).or_default().insert(&finding.rule);
        }
        Self { view, sets, shown, numbers, findings }
    }

    fn nodes(&self, rows: &mut Rows<'_>) -> io::Result<()> {
        let mut risks = self.view.results.scores.iter().map(|score| (score.entity, score.risk)).collect::<Vec<_>>();
        risks.sort_by_key(|(entity, _)| *entity);
        for &number in &self.shown {
            if let Some(entity) = self.view.entity(EntityId(number)) {
                let risk = risks.binary_search_by_key(&entity.entity, |(id, _)| *id).ok().map(|at| risks[at].1);
                rows.row(&self.node(entity, risk))?;
            }
        }
        for (set, about) in self.view.results.target_sets.iter().zip(&self.sets) {
            if !about.is_expanded() {
                rows.row(&target_set(set))?;
            }
        }
        Ok(())
    }

    fn node(&self, entity: &Entity, risk: Option<f64>) -> Value {
        let mut properties = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                properties.insert(key.to_owned(), value);
            }
        };
        let text = |text: &str| Some(Value::String(cut(text)));
        let optional = |value: &Option<String>| value.as_deref().and_then(text);
        let time = |time: Option<i64>| time.map(|time| Value::String(format_time(time)));
        put("name", text(&entity.name));
        put("entity_id", text(&entity.id));
        put("platform", text(&entity.platform));
        // What is only referred to is in no scope as far as the attack graph goes.
        let scope = entity.scope.as_deref().filter(|_| entity.present).and_then(|scope| self.numbers.get(scope));
        let around = scope.and_then(|number| self.view.entity(EntityId(*number)));
        put("environmentid", around.map(|scope| Value::String(node_id(&scope.id))));
        put("collected", (entity.kind == EntityKind::Scope).then_some(Value::Bool(entity.present)));
        put("defined", Some(Value::Bool(entity.present)));
        put("nhi", entity.nhi.map(Value::Bool));
        put("nhi_reason", optional(&entity.nhi_reason));
        put("enabled", entity.enabled.map(Value::Bool));
        put("env", optional(&entity.env));
        put("owner", optional(&entity.owner));
        put("criticality", entity.criticality.map(Value::from));
        put("protected", Some(Value::Bool(entity.protected)));
        put("protected_reason", optional(&entity.protected_reason));
        let held = self.view.tables.attribute(entity.entity, "provider_held") == Some("true");
        put("provider_held", held.then_some(Value::Bool(true)));
        put("created_at", time(entity.created_at));
        put("last_used_at", time(entity.last_used_at));
        put("risk", risk.map(Value::from));
        put("findings", self.findings.get(&entity.entity).map(|rules| rules.iter().copied().collect()));
        json!({"id": node_id(&entity.id), "kinds": [kind_name(entity.kind.as_str())], "properties": properties})
    }

    fn edges(&self, rows: &mut Rows<'_>) -> io::Result<()> {
        let entities = self.view.tables.entities.len();
        for edge in &self.view.results.edges {
            if set_of(entities, edge.src).and_then(|at| self.sets.get(at)).is_some_and(Set::is_expanded) {
                continue;
            }
            match set_of(entities, edge.dst).and_then(|at| self.sets.get(at)).filter(|set| set.is_expanded()) {
                Some(set) => {
                    for &target in set.targets.iter().filter(|target| **target != edge.src) {
                        rows.row(&self.edge(edge, target))?;
                    }
                }
                None => rows.row(&self.edge(edge, edge.dst))?,
            }
        }
        Ok(())
    }

    fn edge(&self, edge: &Edge, target: u32) -> Value {
        let mut properties = json!({
            "technique": edge.technique,
            "certainty": edge.certainty.as_str(),
            "traversable": true,
        });
        if edge.certainty == Certainty::Conditional && !edge.reasons.is_empty() {
            properties["reasons"] = edge.reasons.iter().map(|reason| cut(reason)).collect();
        }
        json!({
            "kind": edge_kind(&edge.technique),
            "start": {"match_by": "id", "value": self.id(edge.src)},
            "end": {"match_by": "id", "value": self.id(target)},
            "properties": properties,
        })
    }

    fn id(&self, node: u32) -> String {
        match set_of(self.view.tables.entities.len(), node) {
            Some(at) => self.view.results.target_sets.get(at).map_or_else(|| set_id(node), |set| set_id(set.node)),
            None => node_id(&self.view.id(EntityId(node))),
        }
    }
}

/// The place of a node among the target sets; `None` for an entity.
fn set_of(entities_n: usize, node: u32) -> Option<usize> {
    (node as usize).checked_sub(entities_n)
}

/// An id as a node has it.
#[must_use]
pub fn node_id(id: &str) -> String {
    format!("overgrant-{}", id.replace('%', "%25").replace(':', "%3A"))
}

fn set_id(node: u32) -> String {
    format!("overgrant-set-{node}")
}

fn target_set(set: &TargetSet) -> Value {
    let name = format!("{} targets of {}", set.targets_n, set.technique);
    json!({"id": set_id(set.node), "kinds": [kind_name(TARGET_SET)], "properties": {"name": name, "protected": false}})
}

/// The kind of an entity, or of something else, with the namespace: `service_account` is `Overgrant_ServiceAccount`.
fn kind_name(kind: &str) -> String {
    let words = kind.split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    });
    format!("{NAMESPACE}_{}", words.collect::<String>())
}

/// The kind of an edge by a technique: letters, digits and `_` only.
fn edge_kind(technique: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    format!("{NAMESPACE}_{}", technique.chars().map(plain).collect::<String>())
}

fn node_kind(kind: EntityKind) -> Value {
    let (icon, color) = match kind {
        EntityKind::User => ("user", "#17E625"),
        EntityKind::Group => ("users", "#DBE617"),
        EntityKind::Role => ("user-tie", "#ED8537"),
        EntityKind::RoleDefinition => ("scroll", "#C7BBFF"),
        EntityKind::ServiceAccount => ("user-gear", "#C1D6D6"),
        EntityKind::Application => ("window-restore", "#03FC84"),
        EntityKind::Workload => ("server", "#E67873"),
        EntityKind::Agent => ("robot", "#F29BFF"),
        EntityKind::Credential => ("key", "#F4BA44"),
        EntityKind::Resource => ("cube", "#9EECFF"),
        EntityKind::Scope => ("building", "#26ADEB"),
        EntityKind::External => ("arrow-up-right-from-square", "#B8B8B8"),
    };
    let shown = kind.as_str().replace('_', " ");
    json!({
        "name": kind_name(kind.as_str()),
        "display_name": shown,
        "description": format!("A {shown} of any platform"),
        "is_display_kind": true,
        "icon": icon,
        "color": color,
    })
}

fn target_set_kind() -> Value {
    json!({
        "name": kind_name(TARGET_SET),
        "display_name": "target set",
        "description": "Everything that the same principals reach by the same technique",
        "is_display_kind": true,
        "icon": "layer-group",
        "color": "#FFFFFF",
    })
}

fn cut(text: &str) -> String {
    if text.chars().count() <= TEXT_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(TEXT_CHARS_MAX).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::Fixture;
    use super::*;

    fn written(report: &dyn Report, fixture: &Fixture) -> Value {
        let mut bytes = Vec::new();
        report.write(&fixture.view(), &mut bytes).expect("memory does not fail");
        serde_json::from_slice(&bytes).expect("a document")
    }

    #[test]
    fn ids_have_no_colon_and_can_be_told_apart() {
        assert_eq!(node_id("arn:aws:iam::1:role/r"), "overgrant-arn%3Aaws%3Aiam%3A%3A1%3Arole/r");
        assert_ne!(node_id("a:b"), node_id("a%3Ab"));
    }

    #[test]
    fn kinds_are_of_letters_digits_and_underscores() {
        assert_eq!(kind_name("service_account"), "Overgrant_ServiceAccount");
        assert_eq!(edge_kind("iam-001"), "Overgrant_iam_001");
        assert_eq!(edge_kind("é/x"), "Overgrant___x");
    }

    #[test]
    fn the_payload_has_every_entity_and_every_edge_of_the_attack_graph() {
        let fixture = Fixture::default();
        let document = written(&OpenGraph, &fixture);
        let list = |key: &str| document["graph"][key].as_array().expect("a list").clone();
        assert_eq!(list("nodes").len(), fixture.tables.entities.len());
        let entity = |at: u32| fixture.tables.entities[at as usize].id.clone();
        let sets = fixture.results.target_sets.len();
        assert_eq!(sets, 0, "the fixture has entities only");
        let ends: Vec<(String, String)> =
            fixture.results.edges.iter().map(|edge| (node_id(&entity(edge.src)), node_id(&entity(edge.dst)))).collect();
        let text = |value: &Value| value["value"].as_str().expect("an id").to_owned();
        let found: Vec<(String, String)> =
            list("edges").iter().map(|edge| (text(&edge["start"]), text(&edge["end"]))).collect();
        assert_eq!(found, ends);
    }

    #[test]
    fn a_small_target_set_is_expanded_and_a_large_one_stays_a_node() {
        let mut fixture = Fixture::default();
        let entities = u32::try_from(fixture.tables.entities.len()).expect("few");
        let edge = |src: u32, dst: u32| Edge {
            src,
            dst,
            technique: "iam-002".to_owned(),
            certainty: Certainty::Certain,
            reasons: Vec::new(),
            evidence: Vec::new(),
        };
        fixture.results.edges = vec![edge(3, entities), edge(4, entities), edge(entities, 4), edge(entities, 5)];
        fixture.results.target_sets = vec![TargetSet { node: entities, technique: "iam-002".to_owned(), targets_n: 2 }];
        let view = fixture.view();
        let graph = Graph::new(&view);
        assert!(graph.sets[0].is_expanded());
        let document = written(&OpenGraph, &fixture);
        let edges = document["graph"]["edges"].as_array().expect("a list");
        assert_eq!(edges.len(), 3, "3 to 4 and 5, 4 to 5, and nobody to itself");
        let large = Set { sources_n: EXPANDED_MAX, targets: vec![1, 2] };
        assert!(!large.is_expanded());
    }

    #[test]
    fn the_schema_has_every_kind_of_the_payload() {
        let fixture = Fixture::default();
        let (payload, schema) = (written(&OpenGraph, &fixture), written(&Schema, &fixture));
        let names = |key: &str| -> BTreeSet<String> {
            let list = schema[key].as_array().expect("a list");
            list.iter().filter_map(|row| row["name"].as_str()).map(str::to_owned).collect()
        };
        let (nodes, edges) = (names("node_kinds"), names("relationship_kinds"));
        for node in payload["graph"]["nodes"].as_array().expect("a list") {
            assert!(node["kinds"][0].as_str().is_some_and(|kind| nodes.contains(kind)), "{node}");
        }
        let written = payload["graph"]["edges"].as_array().expect("a list");
        assert!(!written.is_empty());
        for edge in written {
            assert!(edge["kind"].as_str().is_some_and(|kind| edges.contains(kind)), "{edge}");
        }
        assert!(
            schema["relationship_kinds"].as_array().expect("a list").iter().all(|row| row["is_traversable"] == true)
        );
    }
}
