//! Where the things of the export are, for questions about many at once.

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::super::catalog::Catalog;
use super::super::names;
use super::super::notation::{Action, Object};
use super::NAME;
use super::rules::Rule;
use crate::model::{EntityKind, MembershipKind, Tables};

/// Entities by cluster.
#[derive(Default)]
pub struct Places(FxHashMap<String, Cluster>);

/// Entities of one cluster, by namespace and name.
#[derive(Default)]
struct Cluster {
    all: RoaringBitmap,
    /// What is in a namespace, itself included.
    namespaces: FxHashMap<String, RoaringBitmap>,
    /// By group, resource and name.
    named: FxHashMap<(&'static str, &'static str), FxHashMap<String, RoaringBitmap>>,
    /// Pods by the name of their node.
    on_node: FxHashMap<String, RoaringBitmap>,
}

impl Places {
    /// Indexes the tables. O(rows).
    #[must_use]
    pub fn of(tables: &Tables) -> Self {
        let mut places = Self::default();
        for entity in tables.entities.iter().filter(|entity| entity.platform == NAME) {
            let number = entity.entity.0;
            let Some(parts) = names::parts(&entity.id) else {
                places.0.entry(entity.id.clone()).or_default().all.insert(number);
                continue;
            };
            let cluster = places.0.entry(parts.cluster.to_owned()).or_default();
            cluster.all.insert(number);
            if entity.kind == EntityKind::Scope && parts.kind == "namespace" {
                cluster.namespaces.entry(parts.name.clone()).or_default().insert(number);
            } else if !parts.namespace.is_empty() {
                cluster.namespaces.entry(parts.namespace.to_owned()).or_default().insert(number);
            }
            let kind = match parts.kind {
                "user" => Some(("", "users")),
                "group" => Some(("", "groups")),
                kind => Catalog::get().kind(kind).map(|kind| (kind.group, kind.resource)),
            };
            if let Some(kind) = kind {
                cluster.named.entry(kind).or_default().entry(parts.name).or_default().insert(number);
            }
        }
        for row in tables.memberships.iter().filter(|row| row.kind == MembershipKind::Contains) {
            let Some(node) = names::parts(&tables.entity(row.container).id) else { continue };
            if node.kind == "node" && node.name != "*" {
                let cluster = places.0.entry(node.cluster.to_owned()).or_default();
                cluster.on_node.entry(node.name).or_default().insert(row.member.0);
            }
        }
        places
    }

    /// Everything in a cluster.
    #[must_use]
    pub fn cluster(&self, cluster: &str) -> RoaringBitmap {
        self.0.get(cluster).map(|cluster| cluster.all.clone()).unwrap_or_default()
    }

    /// Entities for which a rule that covers the action allows it, where it holds. An action on another kind of object
    /// than the entity is asked in the entity's namespace, for no particular object; one on nodes for the pod's node,
    /// one on namespaces for the entity's.
    #[must_use]
    pub fn reached(
        &self,
        cluster: &str,
        namespace: Option<&str>,
        rule: &Rule,
        action: &Action,
        name: Option<&str>,
    ) -> RoaringBitmap {
        let (Object::Resource { group, resource }, Some(cluster)) = (&action.on, self.0.get(cluster)) else {
            return RoaringBitmap::new();
        };
        let top = resource.split('/').next().unwrap_or(resource);
        let namespaces = group.is_empty() && top == "namespaces";
        let reached = match namespace {
            None => cluster.all.clone(),
            Some(_) if super::is_outside(action) && !namespaces => return RoaringBitmap::new(),
            Some(namespace) => cluster.namespaces.get(namespace).cloned().unwrap_or_default(),
        };
        match name {
            _ if rule.names.is_empty() => reached,
            _ if action.is_nameless() => RoaringBitmap::new(),
            Some(name) if rule.has_name(action, name) => reached,
            Some(_) => RoaringBitmap::new(),
            None => reached & cluster.named(group, top, &rule.names),
        }
    }
}

impl Cluster {
    /// What goes by some of these names for a resource.
    fn named(&self, group: &str, resource: &str, names: &[String]) -> RoaringBitmap {
        let mut found = RoaringBitmap::new();
        let mut add = |entities: Option<&RoaringBitmap>| found |= entities.unwrap_or(&RoaringBitmap::new());
        let known = Catalog::get().known(group, resource).and_then(|kind| self.named.get(&kind));
        for name in names {
            add(known.and_then(|known| known.get(name)));
            if group.is_empty() && resource == "namespaces" {
                add(self.namespaces.get(name));
            }
            if group.is_empty() && resource == "nodes" {
                add(self.on_node.get(name));
            }
        }
        found
    }
}
