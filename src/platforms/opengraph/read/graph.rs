//! Payloads: nodes and edges as collectors upload them.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::super::NAME;
use super::super::kinds::{EdgeKind, Kinds};
use super::edge::{self, Edge, End};
use super::flatten::Flatten;
use super::node::{self, Node};
use super::resolve::{CARRIER, ENVIRONMENT, IN_ENVIRONMENT, PENDING, PROPERTIES};
use super::{GRAPH, text};
use crate::model::{Builder, EntityKind, Handle, IssueSeverity};
use crate::platforms::input::json::{self, Batch, Fields, Sink};
use crate::platforms::input::{Head, Input, ReadError, Reader, secrets};

/// Reads payloads.
pub struct Graph;

impl Reader for Graph {
    fn name(&self) -> &'static str {
        GRAPH
    }

    fn title(&self) -> &'static str {
        "BloodHound OpenGraph (JSON with `graph`, which holds `nodes` and `edges`)"
    }

    fn recognises(&self, head: &Head) -> bool {
        let graph = head.object().and_then(|object| object.get("graph")).and_then(Value::as_object);
        graph.is_some_and(|graph| ["nodes", "edges"].iter().any(|key| graph.get(*key).is_some_and(Value::is_array)))
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let kinds = Kinds::guided_by(&input.guides());
        let mut sink = Payload::new(out, kinds);
        let outcome = json::split(&mut Flatten::new(input.stream()), &mut sink);
        sink.finish();
        outcome.map_err(|error| ReadError { pointer: whole(&error.pointer), ..error })
    }
}

/// A pointer into the document as it was before `graph` was lifted.
fn whole(pointer: &str) -> String {
    let at = ["/nodes", "/edges"].iter().filter_map(|list| pointer.find(list)).min();
    at.map_or_else(|| pointer.to_owned(), |at| format!("{}/graph{}", &pointer[..at], &pointer[at..]))
}

struct Payload<'b> {
    out: &'b mut Builder,
    kinds: Kinds,
    /// Kinds of edges by the order in which they come, with what is known of each.
    edge_kinds: FxHashMap<String, (u32, EdgeKind)>,
    /// Edges that were there, by their ends and kind.
    seen: FxHashSet<(Handle, Handle, u32)>,
    /// Kinds of edges that nobody knows, with how many there are.
    unknown: BTreeMap<String, u64>,
    duplicate_nodes: Repeated,
    duplicate_edges: Repeated,
}

/// How often something was there again, and where first.
#[derive(Default)]
struct Repeated {
    count: u64,
    first: String,
}

impl Repeated {
    fn add(&mut self, place: &str) {
        if self.count == 0 {
            place.clone_into(&mut self.first);
        }
        self.count += 1;
    }
}

impl Sink for Payload<'_> {
    fn is_list(&self, key: &str) -> bool {
        matches!(key, "nodes" | "edges")
    }

    fn records(&mut self, batch: &Batch) {
        if batch.list == "nodes" {
            for (at, node) in batch.parse(node::parse).into_iter().enumerate() {
                self.each(&whole(&batch.pointer(at)), node, Self::node);
            }
        } else {
            for (at, edge) in batch.parse(edge::parse).into_iter().enumerate() {
                self.each(&whole(&batch.pointer(at)), edge, Self::edge);
            }
        }
    }

    fn document(&mut self, pointer: &str, fields: Fields) {
        let (_, invalid) = fields.object();
        for key in invalid {
            let place = format!("{pointer}/{key}");
            self.out.issue(IssueSeverity::Warning, "json_invalid", &place, format!("`{key}` is no JSON"));
        }
    }
}

impl<'b> Payload<'b> {
    fn new(out: &'b mut Builder, kinds: Kinds) -> Self {
        Self {
            out,
            kinds,
            edge_kinds: FxHashMap::default(),
            seen: FxHashSet::default(),
            unknown: BTreeMap::new(),
            duplicate_nodes: Repeated::default(),
            duplicate_edges: Repeated::default(),
        }
    }

    fn each<T>(&mut self, place: &str, record: Result<T, String>, take: fn(&mut Self, &T, &str)) {
        match record {
            Ok(record) => {
                self.out.source.records += 1;
                take(self, &record, place);
            }
            Err(why) => self.out.skip("record_invalid", place, why),
        }
    }

    fn node(&mut self, node: &Node, place: &str) {
        secrets::report(self.out, node.secrets, place);
        let id = node::entity_id(&node.id);
        let known = self.out.handle(&id).filter(|known| self.out.entity(*known).present);
        let entity = node.entity(&self.kinds, self.out.source_id(), place.to_owned());
        if known.is_some() {
            self.duplicate_nodes.add(place);
            self.out.define(entity);
            return;
        }
        let handle = self.out.define(entity);
        for (key, value) in node.facts() {
            self.out.attribute(handle, key, &value);
        }
        if self.kinds.node(&node.kinds).environment {
            self.out.attribute(handle, ENVIRONMENT, "");
        }
        if let Some(environment) = node.environment() {
            self.out.attribute(handle, IN_ENVIRONMENT, environment);
        }
        if !node.properties.is_empty() {
            let texts: BTreeMap<&str, String> =
                node.properties.iter().map(|(key, value)| (key.as_str(), text(value))).collect();
            let properties = serde_json::to_string(&texts).unwrap_or_default();
            self.out.attribute(handle, PROPERTIES, &properties);
        }
    }

    fn edge(&mut self, edge: &Edge, place: &str) {
        let (number, about) = self.kind(&edge.kind);
        match (&edge.start, &edge.end) {
            (End::Id(start), End::Id(end)) => {
                let (start, end) = (self.refer(start), self.refer(end));
                if self.seen.insert((start, end, number)) {
                    edge::add(self.out, start, end, &edge.kind, about, &edge.details, place);
                } else {
                    self.duplicate_edges.add(place);
                }
            }
            _ => {
                // Whom it means may be in another file. Neither the row nor what carries it reaches the tables.
                let pending = serde_json::to_string(&(edge, about, place)).unwrap_or_default();
                let carrier = self.out.refer(CARRIER, NAME, EntityKind::External, "");
                self.out.attribute(carrier, PENDING, &pending);
            }
        }
    }

    fn refer(&mut self, id: &str) -> Handle {
        self.out.refer(&node::entity_id(id), NAME, EntityKind::External, id)
    }

    /// The number of a kind of edge in this file, and what is known of it.
    fn kind(&mut self, kind: &str) -> (u32, EdgeKind) {
        let known = self.kinds.edge(kind);
        if known.is_none() {
            match self.unknown.get_mut(kind) {
                Some(count) => *count += 1,
                None => {
                    self.unknown.insert(kind.to_owned(), 1);
                }
            }
        }
        if let Some(found) = self.edge_kinds.get(kind) {
            return *found;
        }
        let number = u32::try_from(self.edge_kinds.len()).unwrap_or(u32::MAX);
        let found = (number, known.unwrap_or_else(|| Kinds::unknown_edge(kind)));
        self.edge_kinds.insert(kind.to_owned(), found);
        found
    }

    fn finish(self) {
        for (kind, count) in &self.unknown {
            let edges = if *count == 1 { "1 edge".to_owned() } else { format!("{count} edges") };
            let message = format!(
                "{edges} of the kind `{kind}`, of which neither an extension schema, a mapping file nor the built-in \
                 table says whether attack paths may cross it: they do where the edge itself says so"
            );
            self.out.issue(IssueSeverity::Warning, "edge_kind_unknown", "", message);
        }
        for (repeated, what, code) in
            [(&self.duplicate_nodes, "nodes", "node_duplicate"), (&self.duplicate_edges, "edges", "edge_duplicate")]
        {
            if repeated.count > 0 {
                let message = format!("{} {what} are there again; what they add is kept", repeated.count);
                self.out.issue(IssueSeverity::Note, code, &repeated.first, message);
            }
        }
    }
}
