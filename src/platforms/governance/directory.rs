//! The people of the tables, by every name that other tables have for them.

use rustc_hash::FxHashMap;

use crate::model::{EntityId, OwnerStatus, Person, PersonStatus, Tables};

/// What a text says about who is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The person at this place of the table.
    One(usize),
    /// Several people are called so.
    Several,
    Nobody,
}

/// People by id, address and name, without regard to case, and their identities.
#[derive(Debug, Default)]
pub struct Directory {
    ids: FxHashMap<String, Vec<usize>>,
    emails: FxHashMap<String, Vec<usize>>,
    names: FxHashMap<String, Vec<usize>>,
    departments: FxHashMap<String, Vec<usize>>,
    /// Person by identity.
    by_identity: FxHashMap<EntityId, usize>,
    /// What each person's state is as an owner.
    states: Vec<OwnerStatus>,
}

impl Directory {
    /// Reads the people and, as far as they are joined, their identities.
    #[must_use]
    pub fn new(tables: &Tables) -> Self {
        let mut directory = Self::default();
        for (at, person) in tables.people.iter().enumerate() {
            let Person { person: id, email, name, department, .. } = person;
            directory.ids.entry(id.to_lowercase()).or_default().push(at);
            for (map, text) in
                [(&mut directory.emails, email), (&mut directory.names, name), (&mut directory.departments, department)]
            {
                if let Some(text) = text {
                    map.entry(text.to_lowercase()).or_default().push(at);
                }
            }
        }
        let mut usable: Vec<(bool, bool)> = vec![(false, false); tables.people.len()];
        for row in &tables.identities {
            let Some(&at) = directory.ids.get(&row.person.to_lowercase()).and_then(|found| found.first()) else {
                continue;
            };
            directory.by_identity.entry(row.entity).or_insert(at);
            let enabled = tables.entity(row.entity).enabled != Some(false);
            usable[at] = (true, usable[at].1 || enabled);
        }
        directory.states = tables.people.iter().zip(usable).map(|(person, usable)| state(person, usable)).collect();
        directory
    }

    /// Whether nothing says who people are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// Whom a text means: by id, then by address, then by name.
    #[must_use]
    pub fn find(&self, text: &str) -> Who {
        let text = text.trim().to_lowercase();
        for map in [&self.ids, &self.emails, &self.names] {
            match map.get(&text).map(Vec::as_slice) {
                Some([one]) => return Who::One(*one),
                Some([_, ..]) => return Who::Several,
                _ => {}
            }
        }
        Who::Nobody
    }

    /// The person whose identity this is.
    #[must_use]
    pub fn of_identity(&self, entity: EntityId) -> Option<usize> {
        self.by_identity.get(&entity).copied()
    }

    /// The people of a department.
    #[must_use]
    pub fn department(&self, name: &str) -> Option<&[usize]> {
        self.departments.get(&name.trim().to_lowercase()).map(Vec::as_slice)
    }

    /// What a person's state is as an owner.
    #[must_use]
    pub fn state(&self, person: usize) -> OwnerStatus {
        self.states.get(person).copied().unwrap_or(OwnerStatus::Unknown)
    }
}

/// `usable` says whether identities are known, and whether one of them is not disabled.
fn state(person: &Person, usable: (bool, bool)) -> OwnerStatus {
    match (person.status, usable) {
        (PersonStatus::Leaver, _) => OwnerStatus::Departed,
        (_, (true, false)) => OwnerStatus::Disabled,
        (PersonStatus::Active, _) => OwnerStatus::Active,
        (PersonStatus::Unknown, _) => OwnerStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{export, join};
    use super::*;
    use crate::model::EntityKind;

    #[test]
    fn people_are_found_by_id_address_and_name_in_this_order() {
        let people = "person,name,email,status,department\np1,Ada,a@x.org,active,Ops\np2,Bo,b@x.org,leaver,ops\n\
                      p3,Bo,,active,\nada,Cy,,active,\n";
        let tables = join(export(&[(EntityKind::User, "u")]), &[people]);
        let directory = Directory::new(&tables);
        let find = |text: &str| match directory.find(text) {
            Who::One(at) => tables.people[at].person.clone(),
            other => format!("{other:?}"),
        };
        for (text, expected) in
            [("P1", "p1"), ("A@X.org", "p1"), (" ada ", "ada"), ("bo", "Several"), ("nobody", "Nobody"), ("", "Nobody")]
        {
            assert_eq!(find(text), expected, "{text}");
        }
        assert_eq!(directory.department("OPS").map(<[usize]>::len), Some(2));
    }

    #[test]
    fn whoever_has_only_disabled_identities_is_disabled() {
        let people = "person,status,identities\np1,active,user/a\np2,active,user/a2; user/b\np3,,user/c\n";
        let users = ["a", "a2", "b", "c"].map(|name| (EntityKind::User, name));
        let mut export = export(&users);
        for name in ["a", "a2"] {
            let handle = export.handle(&format!("p:1:user/{name}")).expect("it is there");
            let mut user = export.entity(handle).clone();
            user.enabled = Some(false);
            export.define(user);
        }
        let tables = join(export, &[people]);
        let directory = Directory::new(&tables);
        let states: Vec<OwnerStatus> = (0..3).map(|at| directory.state(at)).collect();
        assert_eq!(states, [OwnerStatus::Disabled, OwnerStatus::Active, OwnerStatus::Unknown]);
    }
}
