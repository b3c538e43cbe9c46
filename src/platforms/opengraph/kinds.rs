//! What kinds of nodes and edges mean: built-in tables, extension schemas, and mapping files.
//!
//! A mapping file says more than a schema in the input, a schema more than the built-in tables, and the name of a kind
//! is only asked when none of them knows it. A kind of edge that nobody knows is never crossed by attack paths.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema;
use crate::model::EntityKind;
use crate::platforms::input::{Guide, mapping};

const EDGES: &str = include_str!("../../../datasets/catalog/opengraph_edges.tsv");
const NODES: &str = include_str!("../../../datasets/catalog/opengraph_nodes.tsv");

/// What an edge says besides that attack paths may cross it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Says {
    Nothing,
    /// The start is a member of the end.
    Member,
    /// The end is a member of the start.
    HasMember,
    /// The end is inside the start.
    Contains,
    /// The start may do everything in the end, which is a scope.
    Administers,
}

impl Says {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "-" => Self::Nothing,
            "member" => Self::Member,
            "has_member" => Self::HasMember,
            "contains" => Self::Contains,
            "administers" => Self::Administers,
            _ => return None,
        })
    }

    /// What the name of a kind says, whatever its namespace.
    fn of_name(kind: &str) -> Self {
        match local(kind) {
            "MemberOf" => Self::Member,
            "HasMember" => Self::HasMember,
            name if name.ends_with("Contains") => Self::Contains,
            _ => Self::Nothing,
        }
    }
}

/// A kind of edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeKind {
    /// Whether control of the start gives control of the end.
    pub traversable: bool,
    pub says: Says,
}

/// A kind of node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeKind {
    pub entity: EntityKind,
    /// Whether it is a non-human identity by its kind; undecided mostly.
    pub nhi: Option<bool>,
    /// Whether a whole graph is about it: a domain, a tenant, an organisation.
    pub environment: bool,
}

/// All kinds that are known to a scan.
#[derive(Debug, Clone, Default)]
pub struct Kinds {
    edges: FxHashMap<String, EdgeKind>,
    nodes: FxHashMap<String, NodeKind>,
}

impl Kinds {
    /// The built-in tables.
    #[must_use]
    pub fn built_in() -> &'static Self {
        static BUILT_IN: OnceLock<Kinds> = OnceLock::new();
        BUILT_IN.get_or_init(|| {
            let mut kinds = Self::default();
            for [kind, traversable, says, ..] in rows(EDGES) {
                let says = Says::parse(says).unwrap_or(Says::Nothing);
                kinds.edges.insert(kind.to_owned(), EdgeKind { traversable: traversable == "yes", says });
            }
            for [kind, entity, nhi, environment] in rows(NODES) {
                let entity = EntityKind::parse(entity).unwrap_or(EntityKind::Resource);
                let nhi = (nhi == "yes").then_some(true);
                kinds.nodes.insert(kind.to_owned(), NodeKind { entity, nhi, environment: environment == "yes" });
            }
            kinds
        })
    }

    /// The built-in tables with what schemas and mapping files of the scan say.
    #[must_use]
    pub fn guided_by(guides: &[Guide]) -> Self {
        let mut kinds = Self::built_in().clone();
        for guide in guides {
            if let Some(schema) = schema::parse(&guide.text) {
                kinds.learn(&schema);
            }
        }
        for guide in guides.iter().filter(|guide| mapping::has_mark(guide.text.as_bytes())) {
            // What is wrong with a mapping file is reported where it is read.
            if let Ok(mapped) = mapping::parse(&guide.text) {
                kinds.map(&mapped);
            }
        }
        kinds
    }

    /// Takes an extension schema in.
    fn learn(&mut self, schema: &schema::Schema) {
        for (kind, traversable) in &schema.edges {
            let says = self.edges.get(kind).map_or_else(|| Says::of_name(kind), |known| known.says);
            self.edges.insert(kind.clone(), EdgeKind { traversable: *traversable, says });
        }
        for kind in &schema.nodes {
            let principal = schema.principals.contains(kind);
            let environment = schema.environments.contains(kind);
            let known = self.nodes.entry(kind.clone()).or_insert_with(|| {
                let guessed = named(kind);
                let entity = match guessed.entity {
                    EntityKind::Resource if principal => EntityKind::Application,
                    entity => entity,
                };
                NodeKind { entity, ..guessed }
            });
            if environment {
                *known = NodeKind { entity: EntityKind::Scope, nhi: None, environment };
            }
        }
    }

    /// Takes the part of a mapping file that is about graphs in.
    fn map(&mut self, mapped: &Value) {
        let part = |name: &str| mapped.get("opengraph").and_then(|part| part.get(name)).and_then(Value::as_object);
        for (kind, about) in part("edges").into_iter().flatten() {
            let known = self.edge(kind).unwrap_or(EdgeKind { traversable: false, says: Says::of_name(kind) });
            let says = about.get("says").and_then(Value::as_str).and_then(Says::parse);
            let traversable = about.get("traversable").and_then(Value::as_bool);
            let edge =
                EdgeKind { traversable: traversable.unwrap_or(known.traversable), says: says.unwrap_or(known.says) };
            self.edges.insert(kind.clone(), edge);
        }
        for (kind, about) in part("nodes").into_iter().flatten() {
            let known = self.node(std::slice::from_ref(kind));
            let entity = about.get("kind").and_then(Value::as_str).and_then(EntityKind::parse);
            let node = NodeKind {
                entity: entity.unwrap_or(known.entity),
                nhi: about.get("nhi").and_then(Value::as_bool).or(known.nhi),
                environment: about.get("environment").and_then(Value::as_bool).unwrap_or(known.environment),
            };
            self.nodes.insert(kind.clone(), node);
        }
    }

    /// What is known of a kind of edge.
    #[must_use]
    pub fn edge(&self, kind: &str) -> Option<EdgeKind> {
        self.edges.get(kind).copied()
    }

    /// All kinds of edges, sorted.
    pub fn edges(&self) -> impl Iterator<Item = (&str, EdgeKind)> {
        let mut all: Vec<(&str, EdgeKind)> = self.edges.iter().map(|(kind, about)| (kind.as_str(), *about)).collect();
        all.sort_unstable_by_key(|(kind, _)| *kind);
        all.into_iter()
    }

    /// What an edge of a kind that nobody knows says by its name.
    #[must_use]
    pub fn unknown_edge(kind: &str) -> EdgeKind {
        EdgeKind { traversable: false, says: Says::of_name(kind) }
    }

    /// What a node of these kinds is: the first kind that is known says so, then the name of the first.
    #[must_use]
    pub fn node(&self, kinds: &[String]) -> NodeKind {
        let environment = kinds.iter().filter_map(|kind| self.nodes.get(kind)).find(|known| known.environment);
        let known = environment.or_else(|| kinds.iter().find_map(|kind| self.nodes.get(kind)));
        known.copied().unwrap_or_else(|| named(kinds.first().map_or("", String::as_str)))
    }
}

/// A kind without its namespace.
#[must_use]
pub fn local(kind: &str) -> &str {
    kind.split_once('_').map_or(kind, |(_, name)| name)
}

/// What the name of a kind of node tells: its last word.
fn named(kind: &str) -> NodeKind {
    const ENDINGS: [(&str, EntityKind); 14] = [
        ("ServiceAccount", EntityKind::ServiceAccount),
        ("ServicePrincipal", EntityKind::ServiceAccount),
        ("User", EntityKind::User),
        ("Person", EntityKind::User),
        ("Login", EntityKind::User),
        ("Group", EntityKind::Group),
        ("Team", EntityKind::Group),
        ("Role", EntityKind::Group),
        ("Application", EntityKind::Application),
        ("App", EntityKind::Application),
        ("Computer", EntityKind::Workload),
        ("Device", EntityKind::Workload),
        ("Organization", EntityKind::Scope),
        ("Tenant", EntityKind::Scope),
    ];
    let entity =
        ENDINGS.iter().find(|(ending, _)| kind.ends_with(ending)).map_or(EntityKind::Resource, |(_, kind)| *kind);
    let nhi = matches!(entity, EntityKind::ServiceAccount | EntityKind::Application | EntityKind::Workload);
    NodeKind { entity, nhi: nhi.then_some(true), environment: false }
}

/// The rows of a built-in table, without comments and header; missing cells are empty.
fn rows(text: &'static str) -> impl Iterator<Item = [&'static str; 4]> {
    text.lines().filter(|line| !line.starts_with('#')).skip(1).map(|line| {
        let mut cells = line.split('\t');
        std::array::from_fn(|_| cells.next().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guide(text: &str) -> Guide {
        Guide { path: "g".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn the_built_in_tables_are_whole() {
        assert_eq!(rows(EDGES).count(), Kinds::built_in().edges.len(), "no kind is there twice");
        assert_eq!(rows(NODES).count(), Kinds::built_in().nodes.len());
        for [kind, traversable, says, _] in rows(EDGES) {
            assert!(matches!(traversable, "yes" | "no") && Says::parse(says).is_some(), "{kind}");
        }
        for [kind, entity, nhi, environment] in rows(NODES) {
            assert!(EntityKind::parse(entity).is_some(), "{kind}");
            assert!(matches!(nhi, "yes" | "-") && matches!(environment, "yes" | "no"), "{kind}");
        }
    }

    #[test]
    fn a_mapping_says_more_than_a_schema_and_a_schema_more_than_the_tables() {
        let schema = r#"{"schema":{"name":"X","namespace":"X"},"node_kinds":[{"name":"X_Org"},{"name":"X_Badge"}],
            "relationship_kinds":[{"name":"GH_Owns","is_traversable":false},{"name":"X_MemberOf","is_traversable":true},
            {"name":"X_Opens","is_traversable":true}],
            "environments":[{"environment_kind":"X_Org","source_kind":"X","principal_kinds":["X_Badge"]}]}"#;
        let mapping = "overgrant_mapping = 1\n[opengraph.edges]\nX_Opens = { traversable = false }\n\
            X_Runs = { traversable = true, says = \"administers\" }\n[opengraph.nodes]\nX_Door = { kind = \"scope\" }\n";
        assert_eq!(Kinds::built_in().edge("GH_Owns").map(|edge| edge.traversable), Some(true));
        assert_eq!(Kinds::built_in().edge("X_Opens"), None);
        let kinds = Kinds::guided_by(&[guide(mapping), guide(schema)]);
        let edge = |kind: &str| kinds.edge(kind).map(|edge| (edge.traversable, edge.says));
        assert_eq!(edge("GH_Owns"), Some((false, Says::Nothing)));
        assert_eq!(edge("X_MemberOf"), Some((true, Says::Member)));
        assert_eq!(edge("X_Opens"), Some((false, Says::Nothing)));
        assert_eq!(edge("X_Runs"), Some((true, Says::Administers)));
        let node = |kind: &str| kinds.node(&[kind.to_owned()]);
        assert_eq!((node("X_Org").entity, node("X_Org").environment), (EntityKind::Scope, true));
        assert_eq!(node("X_Badge").entity, EntityKind::Application, "a principal whose name tells nothing");
        assert_eq!(node("X_Door").entity, EntityKind::Scope);
        assert_eq!(node("Y_ServiceAccount").nhi, Some(true));
    }

    #[test]
    fn the_kind_that_is_known_says_what_a_node_is() {
        let kinds = Kinds::built_in();
        let of = |list: &[&str]| kinds.node(&list.iter().map(|&kind| kind.to_owned()).collect::<Vec<_>>()).entity;
        assert_eq!(of(&["Base", "User"]), EntityKind::User);
        assert_eq!(of(&["GH_Organization", "User"]), EntityKind::Scope, "an environment is one whatever else it is");
        assert_eq!(of(&["Thing"]), EntityKind::Resource);
        assert_eq!(of(&[]), EntityKind::Resource);
    }
}
