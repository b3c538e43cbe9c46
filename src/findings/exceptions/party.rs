//! Who the owner and the approver of an exception are, and whether they are one and the same human being.
//!
//! A register names people as it likes: by the id of the people table, by an address, by a name, by one of their
//! identities. Two names are the same human being when they lead to the same person, to the same address (in any
//! case, and without the `+tag` that mail ignores), or to an identity that both have.

use std::collections::{BTreeMap, BTreeSet};

use super::matching::Entities;
use crate::model::{EntityId, EntityKind, Person, PersonStatus, Tables, text::format_time};

/// The people of a snapshot, ready to be asked by any of their names.
pub struct People<'a> {
    tables: &'a Tables,
    entities: &'a Entities<'a>,
    by_id: BTreeMap<&'a str, Vec<&'a Person>>,
    by_email: BTreeMap<String, BTreeSet<&'a str>>,
    by_name: BTreeMap<String, BTreeSet<&'a str>>,
    by_entity: BTreeMap<EntityId, BTreeSet<&'a str>>,
}

/// One party of an exception.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Party<'a> {
    /// As the register names it.
    pub text: &'a str,
    /// Ids of the people that it may be.
    persons: BTreeSet<&'a str>,
    emails: BTreeSet<String>,
    /// Their identities.
    pub entities: BTreeSet<EntityId>,
}

/// An address without case and without what mail ignores.
fn address(text: &str) -> Option<String> {
    let (local, host) = text.trim().split_once('@')?;
    let local = local.split('+').next().unwrap_or(local);
    Some(format!("{local}@{host}").to_lowercase())
}

fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

impl<'a> People<'a> {
    /// Indexes the people and identities of a snapshot.
    pub fn new(tables: &'a Tables, entities: &'a Entities<'a>) -> Self {
        let mut people = Self {
            tables,
            entities,
            by_id: BTreeMap::new(),
            by_email: BTreeMap::new(),
            by_name: BTreeMap::new(),
            by_entity: BTreeMap::new(),
        };
        for row in &tables.people {
            let id = row.person.as_str();
            people.by_id.entry(id).or_default().push(row);
            if let Some(email) = row.email.as_deref().and_then(address) {
                people.by_email.entry(email).or_default().insert(id);
            }
            if let Some(name) = row.name.as_deref() {
                people.by_name.entry(fold(name)).or_default().insert(id);
            }
            if let Some(entity) = row.entity {
                people.by_entity.entry(entity).or_default().insert(id);
            }
        }
        for row in &tables.identities {
            people.by_entity.entry(row.entity).or_default().insert(&row.person);
        }
        people
    }

    /// Everyone that a name may stand for: by the first that fits of id, address, identity and name.
    pub fn party(&self, text: &'a str) -> Party<'a> {
        let mut party = Party { text: text.trim(), ..Party::default() };
        let own: BTreeSet<EntityId> = self.entities.principals_called(party.text).into_iter().collect();
        let of_identity = || -> BTreeSet<&'a str> {
            own.iter().filter_map(|entity| self.by_entity.get(entity)).flatten().copied().collect()
        };
        let named = |found: Option<&BTreeSet<&'a str>>| found.cloned().unwrap_or_default();
        party.persons = match self.by_id.get_key_value(party.text) {
            Some((id, _)) => BTreeSet::from([*id]),
            None => address(party.text).map(|email| named(self.by_email.get(&email))).unwrap_or_default(),
        };
        if party.persons.is_empty() {
            party.persons = of_identity();
            party.entities = own;
        }
        if party.persons.is_empty() {
            party.persons = named(self.by_name.get(&fold(party.text)));
        }
        let rows = party.persons.iter().filter_map(|id| self.by_id.get(id)).flatten();
        party.emails = rows.filter_map(|row| row.email.as_deref().and_then(address)).collect();
        party.emails.extend(address(party.text));
        let theirs = self.by_entity.iter().filter(|(_, persons)| !persons.is_disjoint(&party.persons));
        party.entities.extend(theirs.map(|(entity, _)| *entity));
        party
    }

    /// What is wrong with someone who is to answer for an exception, called `role` in the answer.
    pub fn problem(&self, role: &str, party: &Party<'a>, as_of: i64) -> Option<String> {
        let who = format!("its {role} `{}`", party.text);
        let rows: Vec<&Person> = party.persons.iter().filter_map(|id| self.by_id.get(id)).flatten().copied().collect();
        if party.persons.len() > 1 && self.humans(&party.persons) > 1 {
            let ids: Vec<String> = party.persons.iter().map(|id| format!("`{id}`")).collect();
            return Some(format!("{who} may be any of {}: write one of these ids", ids.join(", ")));
        }
        if let Some(left) = rows.iter().find_map(|row| left(row, as_of)) {
            return Some(format!("{who} {left}"));
        }
        let identities: Vec<_> = party.entities.iter().map(|&entity| self.tables.entity(entity)).collect();
        if rows.is_empty() {
            if identities.iter().any(|one| one.nhi == Some(true) || one.kind == EntityKind::Agent) {
                return Some(format!("{who} is no human being"));
            }
            // Without a list of people nobody can be missing from it.
            if !self.tables.people.is_empty() && !identities.iter().any(|one| one.nhi == Some(false)) {
                return Some(format!("{who} is nobody who is known"));
            }
        }
        let disabled = !identities.is_empty() && identities.iter().all(|one| one.enabled == Some(false));
        disabled.then(|| format!("{who} is disabled"))
    }

    /// How many human beings the ids are: those that share an address or an identity are one.
    fn humans(&self, ids: &BTreeSet<&'a str>) -> usize {
        let parties: Vec<Party<'a>> = ids.iter().map(|id| self.party(id)).collect();
        let first_of = |at: usize| !parties[..at].iter().any(|other| parties[at].is(other));
        (0..parties.len()).filter(|&at| first_of(at)).count()
    }
}

/// When and that a person left, in words.
fn left(person: &Person, as_of: i64) -> Option<String> {
    match person.left_at {
        Some(day) if day <= as_of => Some(format!("left on {}", date(day))),
        None if person.status == PersonStatus::Leaver => Some("left".to_owned()),
        _ => None,
    }
}

/// The day of an instant.
pub(super) fn date(time: i64) -> String {
    let text = format_time(time);
    text.get(..10).unwrap_or(&text).to_owned()
}

impl Party<'_> {
    /// Whether both names lead to the same human being.
    pub fn is(&self, other: &Self) -> bool {
        fold(self.text) == fold(other.text)
            || !self.persons.is_disjoint(&other.persons)
            || !self.emails.is_disjoint(&other.emails)
            || !self.entities.is_disjoint(&other.entities)
    }
}
