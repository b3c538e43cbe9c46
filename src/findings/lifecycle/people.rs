//! Looking people up: who is behind an identity, and who has left.

use crate::model::{EntityId, Identity, Person, PersonStatus, Tables};

/// The first record of a person. People are sorted by id.
#[must_use]
pub fn person<'t>(tables: &'t Tables, id: &str) -> Option<&'t Person> {
    let at = tables.people.partition_point(|row| row.person.as_str() < id);
    tables.people.get(at).filter(|row| row.person == id)
}

/// The identities that are known to be a person's. Identities are sorted by person.
#[must_use]
pub fn identities<'t>(tables: &'t Tables, person: &str) -> &'t [Identity] {
    let rows = &tables.identities;
    let start = rows.partition_point(|row| row.person.as_str() < person);
    let end = start + rows[start..].partition_point(|row| row.person == person);
    &rows[start..end]
}

/// Entities of a person, the one that their record names first, then by number.
#[must_use]
pub fn entities(tables: &Tables, row: &Person) -> Vec<EntityId> {
    let mut found: Vec<EntityId> = row.entity.into_iter().collect();
    for identity in identities(tables, &row.person) {
        if !found.contains(&identity.entity) {
            found.push(identity.entity);
        }
    }
    found
}

/// Whether a person has left at a time: they are called a leaver and their last day is not ahead, or their last day
/// has come and nothing says that they are back. The last day itself counts.
#[must_use]
pub fn has_left(row: &Person, at: i64) -> bool {
    match (row.status, row.left_at) {
        (PersonStatus::Leaver, left) => left.is_none_or(|left| left <= at),
        (PersonStatus::Unknown, Some(left)) => left <= at,
        (PersonStatus::Unknown, None) | (PersonStatus::Active, _) => false,
    }
}

/// Whether a person is known to belong at a time.
#[must_use]
pub fn belongs(row: &Person, at: i64) -> bool {
    row.status == PersonStatus::Active && row.started_at.is_none_or(|start| start <= at)
}

/// How to call a person in a sentence: the name, and the id where it differs.
#[must_use]
pub fn call(row: &Person) -> String {
    match &row.name {
        Some(name) if *name != row.person => format!("{name} (`{}`)", row.person),
        _ => format!("`{}`", row.person),
    }
}

/// Who is behind each identity, for questions that begin with an identity.
#[derive(Debug, Default)]
pub struct Faces {
    /// Rows of the identities table by entity, the surest first.
    rows: Vec<u32>,
}

impl Faces {
    /// Indexes the identities. O(n log n).
    #[must_use]
    pub fn new(tables: &Tables) -> Self {
        let mut rows: Vec<u32> = (0..u32::try_from(tables.identities.len()).unwrap_or(u32::MAX)).collect();
        rows.sort_by(|&a, &b| {
            let (a, b) = (&tables.identities[a as usize], &tables.identities[b as usize]);
            a.entity.cmp(&b.entity).then(b.confidence.total_cmp(&a.confidence)).then_with(|| a.person.cmp(&b.person))
        });
        Self { rows }
    }

    /// The person who is most surely behind an identity.
    #[must_use]
    pub fn of<'t>(&self, tables: &'t Tables, entity: EntityId) -> Option<&'t Person> {
        let at = self.rows.partition_point(|&row| tables.identities[row as usize].entity < entity);
        let row = &tables.identities[*self.rows.get(at)? as usize];
        if row.entity == entity { person(tables, &row.person) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{NOW, World, ago};

    #[test]
    fn a_person_has_left_from_their_last_day_on() {
        let mut world = World::new();
        world.person_of("ann", PersonStatus::Leaver, Some(0));
        world.person_of("bob", PersonStatus::Leaver, Some(-1));
        world.person_of("cem", PersonStatus::Leaver, None);
        world.person_of("dee", PersonStatus::Active, Some(30));
        world.person_of("eve", PersonStatus::Unknown, Some(30));
        world.person_of("fay", PersonStatus::Unknown, None);
        let tables = world.tables();
        let left: Vec<&str> =
            tables.people.iter().filter(|row| has_left(row, NOW)).map(|row| row.person.as_str()).collect();
        assert_eq!(left, ["ann", "cem", "eve"]);
        assert_eq!(person(&tables, "bob").and_then(|row| row.left_at), ago(-1));
        assert_eq!(person(&tables, "nobody"), None);
    }

    #[test]
    fn the_surest_person_is_behind_an_identity_and_the_named_identity_comes_first() {
        let mut world = World::new();
        let (first, second) = (world.user("a-main"), world.user("b-admin"));
        world.person_of("ann", PersonStatus::Active, None);
        world.person_of("bob", PersonStatus::Active, None);
        world.identity_of("ann", first, 1.0);
        world.identity_of("ann", second, 0.6);
        world.identity_of("bob", second, 0.9);
        world.builder.people[0].entity = Some(second);
        let tables = world.tables();
        let faces = Faces::new(&tables);
        let of = |id: &str| faces.of(&tables, tables.find(&World::user_id(id)).unwrap()).map(|row| row.person.as_str());
        assert_eq!((of("a-main"), of("b-admin")), (Some("ann"), Some("bob")));
        let named: Vec<&str> = entities(&tables, person(&tables, "ann").unwrap())
            .into_iter()
            .map(|entity| tables.entity(entity).name.as_str())
            .collect();
        assert_eq!(named, ["b-admin", "a-main"]);
    }
}
