//! The table `orphans`: every reason with its time, what is not decided, and what it says in words.

use super::*;
use crate::findings::testkit::{World, ago};
use crate::model::{CredentialKind, Handle, Orphan, OrphanReason, OwnerStatus, PersonStatus, TrustKind};

/// The rows of the role or user `it`.
fn rows(world: World) -> Vec<Orphan> {
    world.with(|context| {
        let mut rows = orphans(context);
        rows.retain(|row| context.tables.entity(row.entity).name == "it");
        rows
    })
}

fn reasons(rows: &[Orphan]) -> Vec<(OrphanReason, Option<i64>, bool)> {
    rows.iter().map(|row| (row.reason, row.since, row.undetermined.is_none())).collect()
}

fn role(prepare: impl FnOnce(&mut World, Handle)) -> Vec<(OrphanReason, Option<i64>, bool)> {
    let mut world = World::new();
    let it = world.role("it");
    prepare(&mut world, it);
    reasons(&rows(world))
}

#[test]
fn disuse_begins_at_the_limit_and_at_the_last_use_or_the_creation() {
    let used = |days| role(move |world, it| world.edit(it, |entity| entity.last_used_at = ago(days)));
    assert_eq!(used(90), [(OrphanReason::Stale, ago(90), true)]);
    assert!(used(89).is_empty());
    let never = |made| {
        role(move |world, it| {
            world.edit(it, |entity| {
                entity.last_used_source = Some("role-last-used".into());
                entity.created_at = ago(made);
            });
        })
    };
    assert_eq!(never(90), [(OrphanReason::NeverUsed, ago(90), true)]);
    assert!(never(89).is_empty());
    let off = role(|world, it| {
        world.edit(it, |entity| {
            entity.last_used_at = ago(500);
            entity.enabled = Some(false);
        });
    });
    assert!(off.is_empty(), "it does not work");
    assert!(role(|_, _| ()).is_empty(), "nothing is known");
}

#[test]
fn a_key_whose_use_is_not_known_leaves_disuse_open() {
    let mut world = World::new();
    let it = world.robot("it");
    world.edit(it, |entity| entity.last_used_at = ago(100));
    let at = world.credential(it, "AKIA1", CredentialKind::AccessKey, 5, None);
    world.builder.credentials[at].never_used = None;
    let rows = rows(world);
    assert_eq!(reasons(&rows), [(OrphanReason::Stale, ago(100), false)]);
    assert_eq!(rows[0].undetermined.as_deref(), Some("when `AKIA1` was last used"));
}

#[test]
fn each_state_of_an_owner_is_a_reason_of_its_own() {
    for (status, expected) in [
        (OwnerStatus::Departed, Some((OrphanReason::OwnerDeparted, ago(30)))),
        (OwnerStatus::Disabled, Some((OrphanReason::OwnerDisabled, None))),
        (OwnerStatus::Dangling, Some((OrphanReason::OwnerDangling, None))),
        (OwnerStatus::EmptyGroup, Some((OrphanReason::OwnerGroupEmpty, None))),
        (OwnerStatus::Active, None),
        (OwnerStatus::Unknown, None),
    ] {
        let found = role(|world, it| {
            world.person_of("ann", PersonStatus::Leaver, Some(30));
            world.owner(it, "ann", status);
        });
        let expected: Vec<_> = expected.into_iter().map(|(reason, since)| (reason, since, true)).collect();
        assert_eq!(found, expected, "{status}");
    }
    let ownerless = role(|world, _| {
        let other = world.role("other");
        world.owner(other, "ann", OwnerStatus::Active);
    });
    assert_eq!(ownerless, [(OrphanReason::Ownerless, None, true)]);
}

#[test]
fn several_reasons_stand_side_by_side_and_an_undecided_identity_leaves_all_open() {
    let several = |nhi: Option<bool>| {
        let mut world = World::new();
        let it = world.role("it");
        world.edit(it, |entity| {
            entity.nhi = nhi;
            entity.last_used_at = ago(200);
        });
        world.trust(it, "AWS:AIDAEXAMPLEEXAMPLE123", TrustKind::Deleted, None);
        world.person_of("ann", PersonStatus::Leaver, Some(30));
        world.owner(it, "ann", OwnerStatus::Departed);
        reasons(&rows(world))
    };
    let all = |sure| {
        [
            (OrphanReason::OwnerDeparted, ago(30), sure),
            (OrphanReason::ConsumerGone, ago(200), sure),
            (OrphanReason::Stale, ago(200), sure),
        ]
    };
    assert_eq!(several(Some(true)), all(true));
    assert_eq!(several(None), all(false));
    assert!(several(Some(false)).is_empty(), "a person is no orphaned machine");
}

#[test]
fn a_credential_that_a_leaver_had_counts_since_the_first_of_them_left() {
    let mut world = World::new();
    let it = world.robot("it");
    world.credential(it, "AKIA1", CredentialKind::AccessKey, 300, Some(1));
    world.person_of("ann", PersonStatus::Leaver, Some(30));
    world.person_of("bob", PersonStatus::Leaver, Some(60));
    world.person_of("eve", PersonStatus::Active, None);
    world.owner(it, "eve", OwnerStatus::Active);
    for leaver in ["ann", "bob"] {
        world.owner(it, leaver, OwnerStatus::Departed).confidence = 0.9;
    }
    let rows = rows(world);
    assert_eq!(reasons(&rows), [(OrphanReason::PartiallyOffboarded, ago(60), true)]);
    assert_eq!(rows[0].since_source.as_deref(), Some("leave date of `bob`"));
    assert_eq!(rows[0].evidence.len(), 6);
    assert_eq!(rows[0].proposed_owner, None, "its owner is there");
}

#[test]
fn a_service_linked_role_is_awss_own_and_says_so_when_it_lies_idle() {
    let mut world = World::new();
    let (it, other) = (world.role("it"), world.role("other"));
    world.edit(it, |entity| entity.last_used_at = ago(100));
    world.builder.attribute(it, "service_linked", "true");
    world.owner(other, "ann", OwnerStatus::Active);
    let rows = rows(world);
    assert_eq!(reasons(&rows), [(OrphanReason::Stale, ago(100), true)]);
    assert_eq!(rows[0].evidence[1], "it is a service-linked role, which AWS owns");
    assert_eq!(rows[0].proposed_owner, None);
}

#[test]
fn the_lines_of_one_identity_say_why_since_when_and_who_might_take_it() {
    let mut world = World::new();
    let (it, _) = (world.role("it"), world.role("zz"));
    world.edit(it, |entity| entity.last_used_at = ago(200));
    world.person_of("ann", PersonStatus::Leaver, Some(30)).manager = Some("boss".to_owned());
    world.person_of("boss", PersonStatus::Active, None);
    world.owner(it, "ann", OwnerStatus::Departed);
    world.with(|context| {
        let rows = orphans(context);
        let of = |name: &str| {
            let entity = context.principals().find(|entity| entity.name == name).expect("defined above");
            lines(&rows, entity.entity)
        };
        let expected = [
            "owner-departed since 2026-10-23T00:00:00Z (leave date of `ann`)",
            "  its owner is `ann` (row of an owners table)",
            "stale since 2026-05-06T00:00:00Z (its last use)",
            "  not used for 200 days; the limit is 90",
            "proposed owner: `boss` (70 % sure)",
            "  `boss` is the manager of `ann`",
        ];
        assert_eq!(of("it"), expected);
        assert_eq!(of("zz").len(), 2, "ownerless, and nothing proposed: {:?}", of("zz"));
    });
}
