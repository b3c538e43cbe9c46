//! What can only be said once all payloads are read: whom an edge means that does not name its ends by id, which edges
//! dangle, who is a member of what, and which environment a node is in.
//!
//! Readers leave what they cannot settle as attributes under names of this module. They are taken out here; none
//! reaches the tables.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::NAME;
use super::super::kinds::EdgeKind;
use super::GRAPH;
use super::edge::{self, BY_ID, Edge, End};
use super::node::entity_id;
use crate::model::rebuild::{self, Fate};
use crate::model::{Attribute, Builder, Entity, EntityId, EntityKind, Grant, Handle, IssueSeverity, MembershipKind};

/// An edge that is matched by more than ids.
pub const PENDING: &str = "opengraph:pending";
/// Id of the stand-in that carries such edges.
pub const CARRIER: &str = "opengraph:\u{1f}pending";
/// Properties of a node by which an edge may mean it.
pub const PROPERTIES: &str = "opengraph:properties";
/// That a node is an environment.
pub const ENVIRONMENT: &str = "opengraph:environment";
/// The environment that a node says it is in.
pub const IN_ENVIRONMENT: &str = "opengraph:in_environment";
/// Containers that are looked through for an environment.
const CLIMB_MAX: usize = 256;

/// Settles all graphs of a scan together.
pub fn reconcile(builders: &mut [Builder]) {
    let mut own: Vec<&mut Builder> = builders.iter_mut().filter(|one| one.source.kind == GRAPH).collect();
    if own.is_empty() {
        return;
    }
    let left: Vec<Left> = own.iter_mut().map(|builder| Left::take(builder)).collect();
    match_ends(&mut own, &left);
    let present: FxHashMap<String, EntityKind> = own
        .iter()
        .flat_map(|builder| builder.entities())
        .filter(|entity| entity.present)
        .map(|entity| (entity.id.clone(), entity.kind))
        .collect();
    for builder in &mut own {
        dangling(builder, &present);
        let groups: Vec<bool> =
            builder.entities().iter().map(|one| present.get(&one.id) == Some(&EntityKind::Group)).collect();
        builder.memberships.retain(|row| row.kind != MembershipKind::MemberOf || groups[row.container.index()]);
    }
    environments(&mut own, &left, &present);
}

/// What a reader left of one file.
#[derive(Default)]
struct Left {
    pending: Vec<String>,
    /// By handle.
    properties: Vec<(Handle, String)>,
    environments: Vec<Handle>,
    in_environment: Vec<(Handle, String)>,
}

impl Left {
    fn take(builder: &mut Builder) -> Self {
        let is_pending = |row: &&Attribute| row.key == PENDING;
        let pending = builder.attributes.iter().filter(is_pending).map(|row| row.value.clone()).collect();
        let mut left = Self { pending, ..Self::default() };
        rebuild::rename(builder, |entity| if entity.id == CARRIER { Fate::Drop } else { Fate::Keep });
        let rows = std::mem::take(&mut builder.attributes);
        for row in rows {
            match row.key.as_str() {
                PROPERTIES => left.properties.push((row.entity, row.value)),
                ENVIRONMENT => left.environments.push(row.entity),
                IN_ENVIRONMENT => left.in_environment.push((row.entity, row.value)),
                _ => builder.attributes.push(row),
            }
        }
        left
    }
}

/// Ids of nodes by property and value, both in lower case.
type ByProperty = FxHashMap<(String, String), Vec<String>>;

/// What a reader leaves of an edge: its record, what its kind is, its place.
pub type Pending = (Edge, EdgeKind, String);

/// Finds whom edges mean that are matched by name, property or kind, and adds their rows.
fn match_ends(own: &mut [&mut Builder], left: &[Left]) {
    let parse = |one: &String| serde_json::from_str::<Pending>(one).ok();
    let pending: Vec<Vec<Pending>> = left.iter().map(|left| left.pending.iter().filter_map(parse).collect()).collect();
    let ends = pending.iter().flatten().flat_map(|(edge, ..)| [&edge.start, &edge.end]);
    let having = ends.filter_map(|end| match end {
        End::Match { having, .. } => Some(having),
        End::Id(_) => None,
    });
    let wanted: FxHashSet<String> = having.flatten().map(|(key, _)| key.clone()).collect();
    if wanted.is_empty() {
        return;
    }
    let (index, kinds) = (index(own, left, &wanted), kinds_of(own));
    for (builder, pending) in own.iter_mut().zip(&pending) {
        let mut known: FxHashSet<(String, String, String)> = FxHashSet::default();
        if !pending.is_empty() {
            let ends = |row: &Grant| {
                let end = row.resources.first().map_or("", |id| id.trim_start_matches('=')).to_owned();
                (builder.entity(row.holder).id.clone(), end, row.policy.clone())
            };
            known.extend(builder.grants.iter().map(ends));
        }
        let (mut lost, mut again) = (Lost::default(), 0u64);
        for (edge, about, place) in pending {
            match (find(&edge.start, &index, &kinds), find(&edge.end, &index, &kinds)) {
                (Ok(start), Ok(end)) if known.insert((start.clone(), end.clone(), edge.kind.clone())) => {
                    let (start, end) = (refer(builder, &start), refer(builder, &end));
                    edge::add(builder, start, end, &edge.kind, *about, &edge.details, place);
                }
                (Ok(_), Ok(_)) => again += 1,
                (Err(why), _) | (_, Err(why)) => lost.add(why, place),
            }
        }
        lost.report(builder);
        if again > 0 {
            let message = format!("{again} edges are there again under other names of their ends");
            builder.issue(IssueSeverity::Note, "edge_duplicate", "", message);
        }
    }
}

fn refer(builder: &mut Builder, id: &str) -> Handle {
    let name = id.strip_prefix(NAME).map_or(id, |rest| rest.trim_start_matches(':'));
    builder.refer(id, NAME, EntityKind::External, name)
}

/// Why an edge has no ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Nobody,
    Several,
}

/// Edges that could not be placed.
#[derive(Default)]
struct Lost {
    nobody: (u64, String),
    several: (u64, String),
}

impl Lost {
    fn add(&mut self, why: Missing, place: &str) {
        let lost = if why == Missing::Nobody { &mut self.nobody } else { &mut self.several };
        if lost.0 == 0 {
            place.clone_into(&mut lost.1);
        }
        lost.0 += 1;
    }

    fn report(&self, builder: &mut Builder) {
        for ((count, first), code, why) in [
            (&self.nobody, "edge_unmatched", "no node of any file has what one of their ends is matched by"),
            (&self.several, "edge_ambiguous", "several nodes have what one of their ends is matched by"),
        ] {
            if *count > 0 {
                builder.source.skipped += count;
                let message = format!("{count} edges are left out: {why}");
                builder.issue(IssueSeverity::Error, code, first, message);
            }
        }
    }
}

/// Ids of nodes by the properties that edges ask for.
fn index(own: &[&mut Builder], left: &[Left], wanted: &FxHashSet<String>) -> ByProperty {
    let mut index = ByProperty::default();
    let mut add = |key: &str, value: &str, id: &str| {
        let ids: &mut Vec<String> = index.entry((key.to_owned(), value.to_lowercase())).or_default();
        if ids.last().is_none_or(|last| last != id) {
            ids.push(id.to_owned());
        }
    };
    for (builder, left) in own.iter().zip(left) {
        for entity in builder.entities().iter().filter(|entity| entity.present && wanted.contains(BY_ID)) {
            add(BY_ID, entity.unique_id.as_deref().unwrap_or_default(), &entity.id);
        }
        for (handle, properties) in &left.properties {
            let texts: BTreeMap<String, String> = serde_json::from_str(properties).unwrap_or_default();
            for (key, value) in texts.iter().filter(|(key, _)| wanted.contains(*key)) {
                add(key, value, &builder.entity(*handle).id);
            }
        }
    }
    for ids in index.values_mut() {
        ids.sort_unstable();
        ids.dedup();
    }
    index
}

/// The kinds of every node by id.
fn kinds_of(own: &[&mut Builder]) -> FxHashMap<String, BTreeSet<String>> {
    let mut kinds: FxHashMap<String, BTreeSet<String>> = FxHashMap::default();
    for builder in own {
        for row in builder.attributes.iter().filter(|row| row.key == "kinds") {
            let of = kinds.entry(builder.entity(row.entity).id.clone()).or_default();
            of.extend(row.value.split(',').map(str::to_owned));
        }
    }
    kinds
}

/// The one node that an end means.
fn find(end: &End, index: &ByProperty, kinds: &FxHashMap<String, BTreeSet<String>>) -> Result<String, Missing> {
    let (kind, having) = match end {
        End::Id(id) => return Ok(entity_id(id)),
        End::Match { kind, having } => (kind, having),
    };
    let with = |(key, value): &(String, String)| index.get(&(key.clone(), value.to_lowercase()));
    let mut having = having.iter();
    let mut found: Vec<&String> = having.next().and_then(with).into_iter().flatten().collect();
    for one in having {
        let others = with(one);
        found.retain(|id| others.is_some_and(|others| others.contains(id)));
    }
    if let Some(kind) = kind {
        found.retain(|id| kinds.get(*id).is_some_and(|kinds| kinds.contains(kind)));
    }
    match found[..] {
        [one] => Ok(one.clone()),
        [] => Err(Missing::Nobody),
        _ => Err(Missing::Several),
    }
}

/// Counts the edges of a file that lead from or to a node which no file defines.
fn dangling(builder: &mut Builder, present: &FxHashMap<String, EntityKind>) {
    let (mut edges, mut missing) = (0u64, BTreeSet::new());
    let mut first = None;
    for row in &builder.grants {
        let start = &builder.entity(row.holder).id;
        let ends = [Some(start.as_str()), row.resources.first().map(|id| id.trim_start_matches('='))];
        let lost: Vec<&str> = ends.into_iter().flatten().filter(|id| !present.contains_key(*id)).collect();
        if !lost.is_empty() {
            edges += 1;
            first.get_or_insert_with(|| row.record.clone());
            missing.extend(lost.into_iter().map(str::to_owned));
        }
    }
    if let (Some(place), Some(name)) = (first, missing.first()) {
        let message = format!(
            "{edges} of {} edges lead from or to a node that no file defines ({} such nodes, `{}` among them): attack \
             paths do not cross them",
            builder.grants.len(),
            missing.len(),
            name.strip_prefix(NAME).map_or(name.as_str(), |rest| rest.trim_start_matches(':')),
        );
        builder.issue(IssueSeverity::Warning, "edge_dangling", &place, message);
    }
}

/// Puts every node in its environment: the one that it names, else the one around what contains it.
fn environments(own: &mut [&mut Builder], left: &[Left], present: &FxHashMap<String, EntityKind>) {
    let mut tops: FxHashSet<String> = FxHashSet::default();
    let mut by_lower: FxHashMap<String, String> = FxHashMap::default();
    for (id, kind) in present {
        if *kind == EntityKind::Scope {
            let lower = id.to_lowercase();
            // Two ids that differ in case: the first in order, whatever the order of the map.
            let kept = by_lower.entry(lower).or_insert_with(|| id.clone());
            if id < kept {
                kept.clone_from(id);
            }
        }
    }
    let (mut parent, mut named) = (FxHashMap::<String, String>::default(), FxHashMap::<String, String>::default());
    for (builder, left) in own.iter().zip(left) {
        tops.extend(left.environments.iter().map(|handle| builder.entity(*handle).id.clone()));
        for (handle, environment) in &left.in_environment {
            if let Some(found) = by_lower.get(&entity_id(environment).to_lowercase()) {
                named.entry(builder.entity(*handle).id.clone()).or_insert_with(|| found.clone());
            }
        }
        for row in builder.memberships.iter().filter(|row| row.kind == MembershipKind::Contains) {
            let (member, container) = (&builder.entity(row.member).id, &builder.entity(row.container).id);
            parent.entry(member.clone()).or_insert_with(|| container.clone());
        }
    }
    let climb = |id: &str| {
        let mut at = id;
        for _ in 0..CLIMB_MAX {
            at = parent.get(at)?;
            if tops.contains(at) {
                return Some(at.to_owned());
            }
            if let Some(found) = named.get(at).filter(|found| *found != at) {
                return Some(found.clone());
            }
        }
        None
    };
    let around = |entity: &Entity| {
        let id = entity.id.as_str();
        let says = named.get(id).filter(|found| *found != id).cloned();
        says.or_else(|| if tops.contains(id) { None } else { climb(id) })
    };
    for builder in own {
        for at in 0..builder.entities().len() {
            let handle = EntityId(u32::try_from(at).unwrap_or(u32::MAX));
            let entity = builder.entity(handle);
            if let Some(scope) = around(entity).filter(|scope| *scope != entity.id) {
                let entity = Entity { scope: Some(scope), ..entity.clone() };
                builder.replace(handle, entity);
            }
        }
    }
}
