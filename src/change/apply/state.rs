//! A snapshot while operations are made on it.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::rows::Rows;
use crate::change::ChangeError;
use crate::change::decode::place;
use crate::model::naming::{Named, Names};
use crate::model::{
    Attachment, Attribute, Credential, Entity, EntityId, EntityKind, Grant, Membership, Ownership, SourceId, Tables,
    Trust,
};

/// The tables under change. Entities that come have numbers behind all others until the end.
pub struct State {
    /// What is not under [`Rows`]: entities, governance tables, and what no operation changes.
    pub tables: Tables,
    pub memberships: Rows<Membership>,
    pub attachments: Rows<Attachment>,
    pub attributes: Rows<Attribute>,
    pub grants: Rows<Grant>,
    /// A row's `grant` is the slot of its statement until the end.
    pub trusts: Rows<Trust>,
    pub credentials: Rows<Credential>,
    pub owners: Rows<Ownership>,
    /// Everyone and everything that an operation names.
    pub touched: BTreeSet<EntityId>,
    /// Entities that were created, and those that were only referred to before.
    pub created: Vec<EntityId>,
    /// Those of them that were never there: nothing is known of them but what the draft says.
    pub unheard_of: Vec<EntityId>,
    pub errors: Vec<ChangeError>,
    /// Source that new rows name.
    pub source: SourceId,
    /// Place of the operation that is being made.
    pub at: String,
    /// How many entities there were.
    old_n: usize,
    fresh: FxHashMap<String, EntityId>,
    /// Texts that name nothing, with the errors that say so.
    unknown: BTreeMap<String, Vec<usize>>,
}

impl State {
    /// Begins with a snapshot.
    pub fn new(mut tables: Tables, source: SourceId) -> Self {
        let memberships = Rows::new(std::mem::take(&mut tables.memberships));
        let attachments = Rows::new(std::mem::take(&mut tables.attachments));
        let attributes = Rows::new(std::mem::take(&mut tables.attributes));
        let grants = Rows::new(std::mem::take(&mut tables.grants));
        let trusts = Rows::new(std::mem::take(&mut tables.trusts));
        let credentials = Rows::new(std::mem::take(&mut tables.credentials));
        let owners = Rows::new(std::mem::take(&mut tables.owners));
        Self {
            old_n: tables.entities.len(),
            tables,
            memberships,
            attachments,
            attributes,
            grants,
            trusts,
            credentials,
            owners,
            touched: BTreeSet::new(),
            created: Vec::new(),
            unheard_of: Vec::new(),
            errors: Vec::new(),
            source,
            at: String::new(),
            fresh: FxHashMap::default(),
            unknown: BTreeMap::new(),
        }
    }

    /// Number of the entities that there were.
    pub const fn old_n(&self) -> usize {
        self.old_n
    }

    /// The entity with this full id.
    pub fn find(&self, id: &str) -> Option<EntityId> {
        if let Some(&fresh) = self.fresh.get(id) {
            return Some(fresh);
        }
        let old = &self.tables.entities[..self.old_n];
        old.binary_search_by(|entity| entity.id.as_str().cmp(id)).ok().map(|at| old[at].entity)
    }

    /// The entity that a field of the operation names by its full id, which counts as touched; an error when there is
    /// none.
    pub fn named(&mut self, field: &str, id: &str) -> Option<EntityId> {
        if let Some(found) = self.find(id) {
            self.touched.insert(found);
            return Some(found);
        }
        let number = self.errors.len();
        self.errors.push(ChangeError::new(&place(&self.at, field), format!("no entity `{id}` in this snapshot")));
        self.unknown.entry(id.to_owned()).or_default().push(number);
        None
    }

    /// The entity behind a full id, as a stand-in when nothing defines it.
    pub fn refer(&mut self, id: &str, platform: &str, kind: EntityKind, name: &str) -> EntityId {
        let found = self.find(id).unwrap_or_else(|| self.insert(Entity::named(id, platform, kind, name)));
        self.touched.insert(found);
        found
    }

    /// Adds an entity that has an id of its own.
    pub fn insert(&mut self, mut entity: Entity) -> EntityId {
        let number = EntityId(u32::try_from(self.tables.entities.len()).unwrap_or(u32::MAX));
        entity.entity = number;
        self.fresh.insert(entity.id.clone(), number);
        self.tables.entities.push(entity);
        number
    }

    /// Full id of an entity.
    pub fn id(&self, entity: EntityId) -> String {
        self.tables.entity(entity).id.clone()
    }

    /// Says what is wrong with a field of the operation; the empty text is the operation itself.
    pub fn wrong(&mut self, field: &str, problem: impl Into<String>, hint: &str) {
        let at = if field.is_empty() { self.at.clone() } else { place(&self.at, field) };
        let error = ChangeError::new(&at, problem);
        self.errors.push(if hint.is_empty() { error } else { error.hint(hint) });
    }

    /// Where the operation says something, for rows that come from it.
    pub fn record(&self) -> String {
        self.at.clone()
    }

    /// Adds to every error about an unknown name what may have been meant. One pass over all entities.
    pub fn suggest(&mut self) {
        if self.unknown.is_empty() {
            return;
        }
        let mut names = Names::new(self.unknown.keys().map(String::as_str));
        self.tables.entities.iter().for_each(|entity| names.learn(entity));
        for (text, errors) in &self.unknown {
            let meant: Vec<String> = match names.find(text, |entity| Some(u8::from(!entity.present))) {
                Named::Nothing => Vec::new(),
                Named::One(one) => vec![one.id.clone()],
                Named::Several(several) => several.iter().map(|one| one.id.clone()).collect(),
            };
            let hint = if meant.is_empty() {
                "change sets name things by their full ids; an earlier operation can create it"
            } else {
                "change sets name things by their full ids"
            };
            for &number in errors {
                self.errors[number].candidates.clone_from(&meant);
                self.errors[number].hint = Some(hint.to_owned());
            }
        }
    }
}
