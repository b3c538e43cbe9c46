//! Which rows of a snapshot belong to a domain, and what everything outside is called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::parts::{self, Part};
use super::scrub::Scrubber;
use super::text::{ID_CHARS_MAX, LIST_ITEMS_MAX, visible};
use crate::model::{Access, Entity, EntityId, EntityKind, Peer, Removal, Results, Tables};

/// The name that metrics give to the whole organisation; it is no domain.
const WHOLE: &str = "all";
/// Hexadecimal digits of a stub or pseudonym: 96 bits, so that among ten million two are the same with odds of 1 to 10^15.
const DIGITS: usize = 24;

/// A snapshot as this module looks at it.
pub struct World {
    /// Id of the snapshot.
    pub snapshot: String,
    /// Digest of its manifest.
    pub digest: String,
    /// Its time, milliseconds since 1970.
    pub as_of: i64,
    /// What stubs are keyed with: known to who has the store, and to nobody who has only answers (the digest of the
    /// blocks of all tables).
    pub(super) key: String,
    /// What its scan left out.
    pub incomplete: Vec<String>,
    pub tables: Tables,
    pub results: Results,
    /// Rows of the tables that principals share, in stored order.
    pub(super) access: Vec<Access>,
    pub(super) removals: Vec<Removal>,
    pub(super) peers: Vec<Peer>,
}

impl World {
    /// A snapshot. `ids` are its id and digest; `key` must not be guessable from anything that is shown.
    #[must_use]
    pub fn new(ids: (&str, &str), as_of: i64, key: &str, tables: Tables, mut results: Results) -> Self {
        let access = std::mem::take(&mut results.access).iter().collect();
        let removals = std::mem::take(&mut results.removals).iter().collect();
        let peers = std::mem::take(&mut results.peers).iter().collect();
        let (snapshot, digest) = (ids.0.to_owned(), ids.1.to_owned());
        let key = key.to_owned();
        Self { snapshot, digest, as_of, key, incomplete: Vec::new(), tables, results, access, removals, peers }
    }

    pub(super) fn entity(&self, id: EntityId) -> Option<&Entity> {
        self.tables.entities.get(id.index())
    }
}

/// Every domain with its number of entities.
#[must_use]
pub fn domains(tables: &Tables) -> BTreeMap<&str, usize> {
    let mut domains = BTreeMap::new();
    for domain in tables.entities.iter().filter_map(|entity| entity.domain.as_deref()) {
        *domains.entry(domain).or_default() += 1;
    }
    domains
}

/// Why there is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    #[error("`{WHOLE}` is the whole organisation and no domain")]
    Whole,
    #[error("no entity of snapshot `{snapshot}` is in the domain `{domain}`")]
    Empty { snapshot: String, domain: String },
}

/// A domain of a snapshot.
pub struct Scope {
    world: Arc<World>,
    domain: String,
    /// By entity number.
    inside: Vec<bool>,
    /// Rows of each part, ascending.
    rows: BTreeMap<Part, Vec<u32>>,
    pub(super) scrubber: Scrubber,
    key: [u8; 32],
}

impl Scope {
    /// The domain of this name. Time and memory are linear in the rows of the snapshot, with a sort of its names.
    ///
    /// # Errors
    /// When no entity is in the domain.
    pub fn new(world: Arc<World>, domain: &str) -> Result<Self, ScopeError> {
        if domain == WHOLE {
            return Err(ScopeError::Whole);
        }
        let inside: Vec<bool> =
            world.tables.entities.iter().map(|entity| entity.domain.as_deref() == Some(domain)).collect();
        if !inside.contains(&true) {
            return Err(ScopeError::Empty { snapshot: world.snapshot.clone(), domain: domain.to_owned() });
        }
        let key = digest(&[world.key.as_bytes(), world.digest.as_bytes(), domain.as_bytes()]);
        let scrubber = Scrubber::new(&world, &inside);
        let mut scope = Self { world, domain: domain.to_owned(), inside, rows: BTreeMap::new(), scrubber, key };
        for &part in Part::ALL {
            scope.rows.insert(part, scope.about_inside(part));
        }
        scope.add_what_is_about_no_entity();
        Ok(scope)
    }

    /// Rows that are about an entity of the domain.
    fn about_inside(&self, part: Part) -> Vec<u32> {
        let of = |at: &u32| parts::about(&self.world, part, *at as usize).iter().any(|&entity| self.holds(entity));
        (0..u32::try_from(parts::len(&self.world, part)).unwrap_or(u32::MAX)).filter(of).collect()
    }

    /// Approvals of workflows, exceptions, rules, numbers and people of the domain.
    fn add_what_is_about_no_entity(&mut self) {
        let (tables, results) = (&self.world.tables, &self.world.results);
        let of = |part: Part| self.rows.get(&part).map_or(&[][..], Vec::as_slice);
        let workflows: BTreeSet<&str> =
            of(Part::Workflows).iter().map(|&at| tables.workflows[at as usize].workflow.as_str()).collect();
        let approvals = numbered(&tables.approvals, |row| match row.entity {
            Some(entity) => self.holds(entity),
            None => workflows.contains(row.object.as_str()),
        });
        let used: BTreeSet<&str> =
            of(Part::Findings).iter().filter_map(|&at| results.findings[at as usize].exception.as_deref()).collect();
        let exceptions = numbered(&tables.exceptions, |row| {
            row.domain.as_deref() == Some(&self.domain) || used.contains(row.exception.as_str())
        });
        let mut people: BTreeSet<&str> = BTreeSet::new();
        people.extend(of(Part::Owners).iter().filter_map(|&at| tables.owners[at as usize].person.as_deref()));
        people.extend(of(Part::Identities).iter().map(|&at| tables.identities[at as usize].person.as_str()));
        people.extend(approvals.iter().map(|&at| tables.approvals[at as usize].approver.as_str()));
        people.extend(
            of(Part::Workflows).iter().filter_map(|&at| tables.workflows[at as usize].control_owner.as_deref()),
        );
        let people = numbered(&tables.people, |row| people.contains(row.person.as_str()));
        let rules = numbered(&tables.sod_rules, |_| true);
        let metrics = numbered(&results.metrics, |row| row.domain == self.domain);
        for (part, rows) in [
            (Part::Approvals, approvals),
            (Part::Exceptions, exceptions),
            (Part::People, people),
            (Part::SodRules, rules),
            (Part::Metrics, metrics),
        ] {
            self.rows.insert(part, rows);
        }
    }

    /// The snapshot.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Name of the domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether an entity is in the domain.
    #[must_use]
    pub fn holds(&self, entity: EntityId) -> bool {
        self.inside.get(entity.index()).copied().unwrap_or(false)
    }

    /// The entities of the domain, by number.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.world.tables.entities.iter().filter(|entity| self.holds(entity.entity))
    }

    /// Rows of a part that belong to the domain, ascending.
    #[must_use]
    pub fn rows(&self, part: Part) -> &[u32] {
        self.rows.get(&part).map_or(&[], Vec::as_slice)
    }

    /// Every row of the domain, in the order of parts.
    #[must_use]
    pub fn all(&self) -> Vec<(Part, u32)> {
        self.rows.iter().flat_map(|(&part, rows)| rows.iter().map(move |&row| (part, row))).collect()
    }

    /// Every row that is about an entity of the domain; nothing for any other entity.
    #[must_use]
    pub fn about(&self, entity: EntityId) -> Vec<(Part, u32)> {
        if !self.holds(entity) {
            return Vec::new();
        }
        let is = |part: Part, row: u32| parts::about(&self.world, part, row as usize).contains(&entity);
        self.all().into_iter().filter(|&(part, row)| is(part, row)).collect()
    }

    /// What an entity is called: its id inside the domain or in a published catalogue, else an object with its stub and kind.
    #[must_use]
    pub fn reference(&self, entity: EntityId) -> Value {
        let Some(row) = self.world.entity(entity) else { return Value::Null };
        if self.holds(entity) || is_published(row) {
            return Value::String(visible(&row.id, ID_CHARS_MAX).into_owned());
        }
        json!({"stub": self.stub(&row.id), "kind": row.kind})
    }

    /// The stub of what has this id.
    #[must_use]
    pub fn stub(&self, id: &str) -> String {
        self.keyed("ext", id)
    }

    /// The pseudonym of who has this name.
    #[must_use]
    pub fn pseudonym(&self, person: &str) -> String {
        self.keyed("person", person)
    }

    /// A keyed digest, nested so that nobody can extend it.
    fn keyed(&self, what: &str, text: &str) -> String {
        let inner = digest(&[&self.key, what.as_bytes(), text.as_bytes()]);
        let mut name = hex::encode(digest(&[&self.key, &inner]));
        name.truncate(DIGITS);
        format!("{what}:{name}")
    }

    /// What a person or group is called: as it is where something of the domain has that name, else by a pseudonym.
    #[must_use]
    pub fn person(&self, name: &str) -> String {
        if self.scrubber.is_ours(&self.world, name) {
            return name.to_owned();
        }
        self.pseudonym(self.scrubber.who(name))
    }

    /// Free text with what lies outside replaced. The text is not cut.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        self.scrubber.scrub(self, text)
    }

    /// A document of another part of the engine with every text scrubbed, cut and made visible, keys too.
    #[must_use]
    pub fn scrub_document(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(visible(&self.scrub(text), ID_CHARS_MAX).into_owned()),
            Value::Array(items) => {
                let mut list: Vec<Value> =
                    items.iter().take(LIST_ITEMS_MAX).map(|item| self.scrub_document(item)).collect();
                if items.len() > LIST_ITEMS_MAX {
                    list.push(json!({"more": items.len() - LIST_ITEMS_MAX}));
                }
                Value::Array(list)
            }
            Value::Object(fields) => {
                let key = |key: &str| visible(&self.scrub(key), ID_CHARS_MAX).into_owned();
                fields.iter().map(|(name, value)| (key(name), self.scrub_document(value))).collect()
            }
            other => other.clone(),
        }
    }
}

/// Whether an entity is of a catalogue that its provider publishes, the same for every customer: a policy that AWS manages, a
/// role that Google predefines. Its id tells nothing about the organisation, and who reads that a role has
/// `AdministratorAccess` needs to know it.
pub(super) fn is_published(entity: &Entity) -> bool {
    let role = entity.kind == EntityKind::RoleDefinition;
    let of_aws = || {
        let mut parts = entity.id.split(':');
        let ours = [parts.next(), parts.nth(3)];
        ours == [Some("arn"), Some("aws")]
    };
    match entity.platform.as_str() {
        "aws" => role && of_aws(),
        "gcp" => role && entity.id.starts_with("roles/"),
        _ => false,
    }
}

fn numbered<R>(rows: &[R], wanted: impl Fn(&R) -> bool) -> Vec<u32> {
    (0..).zip(rows).filter(|(_, row)| wanted(row)).map(|(at, _)| at).collect()
}

/// SHA-256 of several texts, each with its length before it, so that no two lists have the same bytes.
pub(super) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
