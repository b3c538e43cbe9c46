//! Whether somebody answers for an identity.
//!
//! What no source says is told apart from what a source could have said and did not: an identity without an owner is
//! ownerless only where owners are recorded at all.

use std::collections::BTreeSet;

use crate::findings::Context;
use crate::model::{Entity, EntityId, OrphanReason, OwnerOrigin, OwnerStatus, Ownership, Tables};

use super::people;

/// What is known of an identity's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Somebody who belongs answers for it.
    Answers,
    /// The owner is no longer one; why.
    Gone(OrphanReason),
    /// Owners are recorded where it lives, and none is for it.
    Missing,
    /// It is the platform's own: a service-linked role of AWS.
    Platform,
    /// Nothing says who owns it, or nothing says who people are.
    Unknown,
}

/// What is said about who owns an entity, the surest first.
#[must_use]
pub fn statements(tables: &Tables, of: EntityId) -> &[Ownership] {
    let rows = &tables.owners;
    let start = rows.partition_point(|row| row.entity < of);
    &rows[start..start + rows[start..].partition_point(|row| row.entity == of)]
}

/// Who is meant, as one text for each owner: id of the person, full id of the group, or the name as written.
#[must_use]
pub fn identity_of<'t>(tables: &'t Tables, row: &'t Ownership) -> &'t str {
    match (&row.person, row.group) {
        (Some(person), _) => person,
        (None, Some(group)) => &tables.entity(group).id,
        (None, None) => &row.owner,
    }
}

/// Whether the platform itself owns an identity.
#[must_use]
pub fn is_platforms_own(tables: &Tables, entity: &Entity) -> bool {
    tables.attribute(entity.entity, "service_linked") == Some("true")
}

/// Where owners are recorded: a table or an owner field speaks for its platform, a tag for the scope that it is used
/// in.
#[derive(Debug, Default)]
pub struct Recorded {
    platforms: BTreeSet<String>,
    scopes: BTreeSet<String>,
}

impl Recorded {
    /// Looks through all statements of owners.
    #[must_use]
    pub fn new(tables: &Tables) -> Self {
        let mut found = Self::default();
        for row in &tables.owners {
            let entity = tables.entity(row.entity);
            match row.origin {
                OwnerOrigin::Declared | OwnerOrigin::OwnerField => {
                    found.platforms.insert(entity.platform.clone());
                }
                OwnerOrigin::Tag => found.scopes.extend(entity.scope.clone()),
                // Who made something or runs something is known of some only, whatever the organisation records.
                OwnerOrigin::Creator | OwnerOrigin::Workflow => {}
            }
        }
        found
    }

    fn covers(&self, entity: &Entity) -> bool {
        let in_scope = entity.scope.as_ref().is_some_and(|scope| self.scopes.contains(scope));
        in_scope || self.platforms.contains(&entity.platform)
    }

    /// What is known of an identity's owner, by the surest statement.
    #[must_use]
    pub fn owner(&self, tables: &Tables, entity: &Entity) -> Owner {
        if is_platforms_own(tables, entity) {
            return Owner::Platform;
        }
        let stated = entity.owner_status.as_deref().and_then(OwnerStatus::parse);
        let status = stated.or_else(|| statements(tables, entity.entity).first().map(|row| row.status));
        match status {
            Some(OwnerStatus::Active) => Owner::Answers,
            Some(OwnerStatus::Departed) => Owner::Gone(OrphanReason::OwnerDeparted),
            Some(OwnerStatus::Disabled) => Owner::Gone(OrphanReason::OwnerDisabled),
            Some(OwnerStatus::EmptyGroup) => Owner::Gone(OrphanReason::OwnerGroupEmpty),
            Some(OwnerStatus::Dangling) => Owner::Gone(OrphanReason::OwnerDangling),
            None if entity.owner.is_none() && entity.owner_status.is_none() && self.covers(entity) => Owner::Missing,
            Some(OwnerStatus::Unknown) | None => Owner::Unknown,
        }
    }
}

/// Since when an owner is gone, and what tells it.
#[must_use]
pub fn gone_since(context: &Context<'_>, entity: EntityId, reason: OrphanReason) -> Option<(i64, String)> {
    let tables = context.tables;
    let row = statements(tables, entity).first()?;
    match reason {
        OrphanReason::OwnerDeparted => {
            let person = people::person(tables, row.person.as_deref()?)?;
            Some((person.left_at?, format!("leave date of {}", people::call(person))))
        }
        OrphanReason::OwnerGroupEmpty => last_to_leave(context, row.group?),
        _ => None,
    }
}

/// When the last member of a group left, if everyone in it is a person with a leave date.
fn last_to_leave(context: &Context<'_>, group: EntityId) -> Option<(i64, String)> {
    let tables = context.tables;
    let mut latest: Option<(i64, String)> = None;
    for member in context.lifecycle().bindings.members_of(group) {
        let person = context.lifecycle().faces.of(tables, member)?;
        let left = person.left_at.filter(|&left| left <= context.facts.as_of)?;
        if latest.as_ref().is_none_or(|(then, _)| *then < left) {
            latest = Some((left, format!("leave date of {}, the last member of its group", people::call(person))));
        }
    }
    latest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, ago};
    use crate::model::PersonStatus;

    fn owners(world: World) -> Vec<(String, Owner)> {
        let tables = world.tables();
        let recorded = Recorded::new(&tables);
        let principals = tables.entities.iter().filter(|entity| entity.is_principal());
        principals.map(|entity| (entity.name.clone(), recorded.owner(&tables, entity))).collect()
    }

    #[test]
    fn without_any_record_of_owners_nobody_is_ownerless() {
        let mut world = World::new();
        world.role("app");
        assert_eq!(owners(world), [("app".to_owned(), Owner::Unknown)]);
    }

    #[test]
    fn a_table_speaks_for_its_platform_a_tag_for_its_account_and_a_creator_for_nobody_else() {
        for (origin, expected) in [
            (OwnerOrigin::Declared, Owner::Missing),
            (OwnerOrigin::OwnerField, Owner::Missing),
            (OwnerOrigin::Tag, Owner::Missing),
            (OwnerOrigin::Creator, Owner::Unknown),
            (OwnerOrigin::Workflow, Owner::Unknown),
        ] {
            let mut world = World::new();
            let (owned, other) = (world.role("owned"), world.role("other"));
            world.edit(other, |entity| entity.scope = Some("aws:account/222222222222".to_owned()));
            world.role("bare");
            world.owner(owned, "ann", OwnerStatus::Active).origin = origin;
            let found = owners(world);
            assert_eq!(found[0], ("bare".to_owned(), expected), "{origin}");
            let of_platform = matches!(origin, OwnerOrigin::Declared | OwnerOrigin::OwnerField);
            let elsewhere = if of_platform { Owner::Missing } else { Owner::Unknown };
            assert_eq!(found[1], ("other".to_owned(), elsewhere), "{origin}");
            assert_eq!(found[2], ("owned".to_owned(), Owner::Answers));
        }
    }

    #[test]
    fn the_surest_statement_decides_and_the_entity_itself_before_it() {
        let mut world = World::new();
        let (a, b, c, linked) = (world.role("a"), world.role("b"), world.role("c"), world.role("linked"));
        world.edit(c, |entity| entity.owner_status = Some("disabled".to_owned()));
        world.builder.attribute(linked, "service_linked", "true");
        world.owner(a, "ann", OwnerStatus::Departed);
        world.owner(a, "bob", OwnerStatus::Active).confidence = 0.5;
        world.owner(b, "eve", OwnerStatus::Unknown);
        world.owner(c, "bob", OwnerStatus::Active);
        let found: Vec<Owner> = owners(world).into_iter().map(|(_, owner)| owner).collect();
        let expected = [
            Owner::Gone(OrphanReason::OwnerDeparted),
            Owner::Unknown,
            Owner::Gone(OrphanReason::OwnerDisabled),
            Owner::Platform,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_owner_is_gone_since_their_last_day_and_a_group_since_that_of_its_last_member() {
        let mut world = World::new();
        let (a, b, c) = (world.role("a"), world.role("b"), world.role("c"));
        let (group, half) = (world.group("ops"), world.group("half"));
        let (ann, bob, eve) = (world.user("ann"), world.user("bob"), world.user("eve"));
        world.leaver("ann", 100, ann);
        world.leaver("bob", 40, bob);
        world.person_of("eve", PersonStatus::Active, None);
        world.identity_of("eve", eve, 1.0);
        for (member, of) in [(ann, group), (bob, group), (ann, half), (eve, half)] {
            world.join(member, of);
        }
        world.owner(a, "ann", OwnerStatus::Departed);
        for (entity, of) in [(b, group), (c, half)] {
            let row = world.owner(entity, "g", OwnerStatus::EmptyGroup);
            (row.person, row.group) = (None, Some(of));
        }
        world.with(|context| {
            let since = |name: &str, reason| {
                let id = format!("arn:aws:iam::{}:role/{name}", crate::findings::testkit::ACCOUNT);
                gone_since(context, context.tables.find(&id).expect("defined above"), reason)
            };
            let departed = since("a", OrphanReason::OwnerDeparted).expect("the leave date is known");
            assert_eq!((Some(departed.0), departed.1.as_str()), (ago(100), "leave date of `ann`"));
            assert_eq!(since("b", OrphanReason::OwnerGroupEmpty).map(|found| found.0), ago(40));
            assert_eq!(since("c", OrphanReason::OwnerGroupEmpty), None, "somebody is left");
        });
    }
}
