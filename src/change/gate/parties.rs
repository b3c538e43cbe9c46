//! Who stands behind a draft: its author, who it is for, the workflow's own identity; and who may approve it.

use std::collections::BTreeSet;

use crate::change::{AuthorKind, ChangeSet};
use crate::findings::lifecycle::people::{belongs, entities, has_left};
use crate::model::{Entity, EntityId, EntityKind, MembershipKind, Person, Tables};

/// Who stands behind a draft.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parties {
    /// Persons who ask or write, by id.
    pub people: BTreeSet<String>,
    /// Persons who answer for the author where that is a machine, by id: they may not approve either.
    pub owners: BTreeSet<String>,
    /// Identities of all of them, of the author, and of the workflow, by full id.
    pub identities: BTreeSet<String>,
    /// Names that mean nobody in the snapshot.
    pub unknown: Vec<String>,
    /// Whether a model wrote the draft.
    pub ai: bool,
}

/// The person that a text names by id, address or name; `None` when nobody or several are meant.
#[must_use]
pub fn person<'t>(tables: &'t Tables, text: &str) -> Option<&'t Person> {
    if let Some(found) = tables.people.iter().find(|row| row.person == text) {
        return Some(found);
    }
    let is = |value: Option<&String>| value.is_some_and(|value| value.eq_ignore_ascii_case(text));
    let one = |mut found: Vec<&'t Person>| {
        found.dedup_by(|a, b| a.person == b.person);
        (found.len() == 1).then(|| found[0])
    };
    one(tables.people.iter().filter(|row| is(row.email.as_ref())).collect())
        .or_else(|| one(tables.people.iter().filter(|row| is(row.name.as_ref())).collect()))
}

/// The entity that a text names by full id, or by a name that no other has.
#[must_use]
pub fn entity<'t>(tables: &'t Tables, text: &str) -> Option<&'t Entity> {
    if let Some(found) = tables.find(text) {
        return Some(tables.entity(found));
    }
    let acts = |one: &&Entity| one.kind.is_principal() || one.kind == EntityKind::Group;
    let mut found = tables.entities.iter().filter(acts).filter(|one| one.name == text);
    match (found.next(), found.next()) {
        (Some(one), None) => Some(one),
        _ => None,
    }
}

/// The person behind an identity, the surest.
#[must_use]
pub fn face(tables: &Tables, of: EntityId) -> Option<&Person> {
    let rows = tables.identities.iter().filter(|row| row.entity == of);
    let sure = rows.max_by(|a, b| a.confidence.total_cmp(&b.confidence))?;
    tables.people.iter().find(|row| row.person == sure.person)
}

/// Persons in a group or behind an identity, by id.
#[must_use]
pub fn persons(tables: &Tables, text: &str) -> BTreeSet<String> {
    if let Some(one) = person(tables, text) {
        return BTreeSet::from([one.person.clone()]);
    }
    let Some(found) = entity(tables, text) else { return BTreeSet::new() };
    let (mut open, mut seen, mut out) = (vec![found.entity], BTreeSet::new(), BTreeSet::new());
    while let Some(next) = open.pop() {
        if !seen.insert(next) {
            continue;
        }
        out.extend(face(tables, next).map(|row| row.person.clone()));
        if tables.entity(next).kind == EntityKind::Group {
            let rows = tables.memberships.iter().filter(|row| row.container == next);
            open.extend(rows.filter(|row| row.kind == MembershipKind::MemberOf).map(|row| row.member));
        }
    }
    out
}

impl Parties {
    /// Finds out who stands behind a draft.
    #[must_use]
    pub fn new(tables: &Tables, set: &ChangeSet) -> Self {
        let mut out = Self { ai: set.author.kind == AuthorKind::Ai, ..Self::default() };
        out.party(tables, &set.author.id, out.ai);
        if let Some(requester) = &set.author.on_behalf_of {
            out.party(tables, requester, false);
        }
        let workflow = set.workflow.as_deref();
        if let Some(row) = tables.workflows.iter().find(|row| Some(row.workflow.as_str()) == workflow) {
            out.owners.extend(row.control_owner.as_deref().map(|owner| persons(tables, owner)).unwrap_or_default());
            out.identities.extend(row.principal.map(|one| tables.entity(one).id.clone()));
        }
        out
    }

    fn party(&mut self, tables: &Tables, name: &str, machine: bool) {
        let found = entity(tables, name);
        let who = person(tables, name).or_else(|| found.and_then(|one| face(tables, one.entity)));
        if let Some(row) = who {
            self.people.insert(row.person.clone());
            self.identities.extend(entities(tables, row).iter().map(|&one| tables.entity(one).id.clone()));
        }
        if let Some(one) = found {
            self.identities.insert(one.id.clone());
            let owners = tables.owners.iter().filter(|row| row.entity == one.entity);
            self.owners.extend(owners.filter_map(|row| row.person.clone()));
            if machine || one.nhi == Some(true) {
                self.owners.extend(one.owner.as_deref().map(|owner| persons(tables, owner)).unwrap_or_default());
            }
        }
        if found.is_none() && who.is_none() {
            self.unknown.push(name.to_owned());
        }
    }

    /// Whether an identity is one of theirs.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.identities.contains(id)
    }

    /// The person who approves, by id, or why that is no approval.
    ///
    /// # Errors
    /// A sentence without a full stop, and whether it is somebody who stands behind the draft.
    pub fn approver<'t>(&self, tables: &'t Tables, by: &str, now: i64) -> Result<&'t Person, (String, bool)> {
        let row = person(tables, by).or_else(|| face(tables, entity(tables, by)?.entity));
        let Some(row) = row else { return Err((format!("`{by}` is nobody in the table of people"), false)) };
        if self.people.contains(&row.person) {
            return Err((format!("`{by}` asked for the draft or wrote it"), true));
        }
        if self.owners.contains(&row.person) {
            return Err((format!("`{by}` answers for the author of the draft"), true));
        }
        if has_left(row, now) {
            return Err((format!("`{by}` has left"), false));
        }
        if !belongs(row, now) {
            return Err((format!("nothing says that `{by}` still belongs"), false));
        }
        Ok(row)
    }
}
