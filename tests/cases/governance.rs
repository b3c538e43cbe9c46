//! What the governance tables of a case must come to: owners, people, identities.

use overgrant::model::Tables;
use serde::Deserialize;

/// Rows about one owner: exactly `count` of them.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct ExpectOwner {
    owner: String,
    entity: Option<String>,
    person: Option<String>,
    group: Option<String>,
    origin: Option<String>,
    status: Option<String>,
    #[serde(default = "one")]
    count: usize,
}

const fn one() -> usize {
    1
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct ExpectPerson {
    id: String,
    name: Option<String>,
    status: Option<String>,
    entity: Option<String>,
    manager: Option<String>,
    record: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct ExpectIdentity {
    person: String,
    entity: String,
    method: Option<String>,
}

/// Whether an expectation that may be absent is met.
fn met(expected: Option<&String>, found: Option<&str>) -> bool {
    expected.is_none_or(|expected| Some(expected.as_str()) == found)
}

/// What is not as expected.
pub fn wrong(
    tables: &Tables,
    owners: &[ExpectOwner],
    people: &[ExpectPerson],
    identities: &[ExpectIdentity],
) -> Vec<String> {
    let id = |entity: Option<overgrant::model::EntityId>| entity.map(|entity| tables.entity(entity).id.as_str());
    let mut wrong = Vec::new();
    for expect in owners {
        let found = tables.owners.iter().filter(|row| {
            row.owner == expect.owner
                && met(expect.entity.as_ref(), id(Some(row.entity)))
                && met(expect.person.as_ref(), row.person.as_deref())
                && met(expect.group.as_ref(), id(row.group))
                && met(expect.origin.as_ref(), Some(row.origin.as_str()))
                && met(expect.status.as_ref(), Some(row.status.as_str()))
        });
        let n = found.count();
        if n != expect.count {
            wrong.push(format!("{n} owners are like {expect:?}"));
        }
    }
    for expect in people {
        let found = tables.people.iter().filter(|row| row.person == expect.id);
        let like = found.clone().filter(|row| {
            met(expect.name.as_ref(), row.name.as_deref())
                && met(expect.status.as_ref(), Some(row.status.as_str()))
                && met(expect.entity.as_ref(), id(row.entity))
                && met(expect.manager.as_ref(), row.manager.as_deref())
                && met(expect.record.as_ref(), Some(row.record.as_str()))
        });
        if (like.count(), found.clone().count()) != (1, 1) {
            wrong.push(format!("no one person is like {expect:?}: {:?}", found.collect::<Vec<_>>()));
        }
    }
    for expect in identities {
        let found = tables.identities.iter().any(|row| {
            row.person == expect.person
                && id(Some(row.entity)) == Some(&expect.entity)
                && met(expect.method.as_ref(), Some(row.method.as_str()))
        });
        if !found {
            wrong.push(format!("there is no identity like {expect:?}"));
        }
    }
    wrong
}
