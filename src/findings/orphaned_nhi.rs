//! A non-human identity that nobody answers for, or that nothing is left to use.

use std::collections::BTreeMap;

use super::facts::count;
use super::lifecycle::{Neglect, neglects, ownership, people, proposal};
use super::{Context, Draft, Info, Rule};
use crate::model::{Entity, EntityId, OrphanReason, text};

/// See [`Info::meaning`].
pub struct OrphanedNhi;

const INFO: Info = Info {
    id: "orphaned-nhi",
    title: "Non-human identity without anyone who answers for it",
    meaning: "No owner is recorded for the identity although owners of others are, its owner is gone, or what used it \
              no longer exists. Nobody reviews, rotates or removes it, and nobody is asked when it misbehaves. All \
              identities of one former owner are one finding, and so are those of one account that never had one and \
              are not privileged. Service-linked roles are AWS's own and count as owned; \
              disuse alone is `stale-principal`.",
    remediation: "Name an owner who belongs (the evidence proposes one where anything suggests who), or remove the \
                  identity.",
    cases: &[
        ("privileged", "one of them is in the protected zone or has a certain path into it, whatever the reason"),
        ("owner-gone", "the owner left, is disabled, is nobody's name, or is a group without an active human"),
        ("consumer-gone", "everyone whom it lets in is gone"),
        ("ownerless", "no source names an owner, and owners are recorded where it lives"),
    ],
};

/// Facts about single identities that a finding shows; how many more there are is said.
const SHOWN: usize = 10;

/// Identities that are orphaned for one cause.
struct Group<'a> {
    case: &'static str,
    members: Vec<(&'a Entity, Neglect)>,
}

impl Rule for OrphanedNhi {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let mut groups: BTreeMap<(OrphanReason, String), Group<'_>> = BTreeMap::new();
        for entity in context.principals().filter(|entity| entity.nhi == Some(true)) {
            for one in neglects(context, entity).into_iter().filter(|one| one.undetermined.is_none()) {
                let (case, cause) = match one.reason {
                    OrphanReason::Ownerless => ("ownerless", place_of(context, entity)),
                    OrphanReason::ConsumerGone => ("consumer-gone", entity.id.clone()),
                    OrphanReason::OwnerDeparted
                    | OrphanReason::OwnerDisabled
                    | OrphanReason::OwnerDangling
                    | OrphanReason::OwnerGroupEmpty => ("owner-gone", former_owner(context, entity)),
                    OrphanReason::Stale | OrphanReason::NeverUsed | OrphanReason::PartiallyOffboarded => continue,
                };
                let group = groups.entry((one.reason, cause)).or_insert_with(|| Group { case, members: vec![] });
                group.members.push((entity, one));
            }
        }
        groups.iter().map(|((reason, cause), group)| draft(context, *reason, cause, group)).collect()
    }
}

/// What groups ownerless identities: the scope around them; each that is privileged stands for itself.
fn place_of(context: &Context<'_>, entity: &Entity) -> String {
    let scope = entity.scope.clone().filter(|_| !is_privileged(context, entity));
    scope.unwrap_or_else(|| entity.id.clone())
}

/// The former owner, as one text for each; the identity itself where the export names nobody.
fn former_owner(context: &Context<'_>, entity: &Entity) -> String {
    let row = ownership::statements(context.tables, entity.entity).first();
    let named = row.map(|row| ownership::identity_of(context.tables, row).to_owned());
    named.or_else(|| entity.owner.clone()).unwrap_or_else(|| entity.id.clone())
}

fn draft(context: &Context<'_>, reason: OrphanReason, cause: &str, group: &Group<'_>) -> Draft {
    let members = &group.members;
    let privileged: Vec<&Entity> =
        members.iter().map(|(entity, _)| *entity).filter(|entity| is_privileged(context, entity)).collect();
    let entities: Vec<EntityId> = members.iter().map(|(entity, _)| entity.entity).collect();
    let main = match group.case {
        "owner-gone" => main_identity(context, &members[0]),
        // The scope stands for what lies in it, and a privileged identity for itself.
        "ownerless" => context.tables.find(cause).filter(|&scope| context.tables.entity(scope).present),
        _ => None,
    };
    let about = main.unwrap_or(entities[0]);
    let mut evidence = Vec::new();
    for (entity, one) in members.iter().take(SHOWN) {
        evidence.extend(facts(context, entity, one, members.len() > 1));
    }
    if members.len() > SHOWN {
        evidence.push(format!("and {} more", members.len() - SHOWN));
    }
    evidence.extend(privileged.iter().take(SHOWN).map(|entity| {
        format!("{} is in the protected zone or has a certain path into it", context.call(entity.entity))
    }));
    Draft {
        entity: about,
        case: if privileged.is_empty() { group.case } else { "privileged" },
        title: title(context, reason, cause, members),
        subjects: entities.into_iter().filter(|&entity| entity != about).collect(),
        key: vec![reason.as_str().to_owned(), cause.to_owned()],
        evidence,
        cause: None,
    }
}

/// Whether an identity is in the protected zone or has a certain path into it.
pub(super) fn is_privileged(context: &Context<'_>, entity: &Entity) -> bool {
    context.hops_certain(entity.entity).is_some() || context.zone_reason(entity.entity).is_some()
}

fn main_identity(context: &Context<'_>, (entity, _): &(&Entity, Neglect)) -> Option<EntityId> {
    let row = ownership::statements(context.tables, entity.entity).first()?;
    let person = people::person(context.tables, row.person.as_deref()?);
    let own = person.map(|person| people::entities(context.tables, person)).unwrap_or_default();
    own.into_iter().chain(row.group).find(|&entity| context.tables.entity(entity).present)
}

fn title(context: &Context<'_>, reason: OrphanReason, cause: &str, members: &[(&Entity, Neglect)]) -> String {
    let first = context.call(members[0].0.entity);
    let what = match members.len() {
        1 => first.clone(),
        n => format!("{first} and {}", count_others(n - 1)),
    };
    let person = people::person(context.tables, cause);
    let who = person.map_or_else(|| format!("`{cause}`"), people::call);
    let belong = if members.len() == 1 { "belongs" } else { "belong" };
    match reason {
        OrphanReason::OwnerDeparted => format!("{what} {belong} to {who}, who left"),
        OrphanReason::OwnerDisabled => format!("{what} {belong} to {who}, whose identities are all disabled"),
        OrphanReason::OwnerDangling => format!("{what} {belong} to {who}, whom no source knows"),
        OrphanReason::OwnerGroupEmpty => format!("{what} {belong} to {who}, a group without an active human"),
        OrphanReason::ConsumerGone => format!("nothing is left that can use {first}"),
        _ if members.len() == 1 => format!("{first} has no owner"),
        _ => format!("{what} have no owner"),
    }
}

fn count_others(n: usize) -> String {
    count(n, "other")
}

fn facts(context: &Context<'_>, entity: &Entity, one: &Neglect, named: bool) -> Vec<String> {
    let since = one.since.zip(one.since_source.as_ref());
    let since = since.map(|(since, source)| format!(" (since {}, {source})", text::format_time(since)));
    let who = if named { format!("{}: ", context.call(entity.entity)) } else { String::new() };
    let mut found = vec![format!("{who}{}{}", one.evidence.join("; "), since.unwrap_or_default())];
    if let Some(proposal) = proposal::propose(context, context.lifecycle(), entity) {
        let percent = 100.0 * proposal.confidence;
        let reasons = proposal.evidence.join("; ");
        found.push(format!("{who}proposed owner `{}` ({percent:.0} % sure): {reasons}", proposal.owner));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{ACCOUNT, World, cases};
    use crate::model::{OwnerStatus, PersonStatus, TrustKind};

    #[test]
    fn forty_identities_of_one_leaver_are_one_finding_about_the_leaver() {
        let mut world = World::new();
        let gone = world.user("gone");
        world.leaver("gone", 30, gone);
        world.builder.people[0].manager = Some("boss".to_owned());
        world.person_of("boss", PersonStatus::Active, None);
        for at in 0..40 {
            let role = world.role(&format!("r{at:02}"));
            world.owner(role, "gone", OwnerStatus::Departed);
        }
        let found = world.check(&OrphanedNhi);
        assert_eq!(cases(&found), [("owner-gone", "gone")]);
        let draft = &found[0].2;
        assert_eq!((draft.subjects.len(), draft.key.join(" ").as_str()), (40, "owner-departed gone"));
        assert_eq!(draft.title, "role `r00` and 39 others belong to `gone`, who left");
        assert_eq!(draft.evidence.len(), 2 * SHOWN + 1);
        assert!(
            draft.evidence[0].ends_with("(since 2026-10-23T00:00:00Z, leave date of `gone`)"),
            "{}",
            draft.evidence[0]
        );
        assert!(draft.evidence[1].contains("proposed owner `boss` (70 % sure)"), "{}", draft.evidence[1]);
    }

    #[test]
    fn without_an_identity_of_the_owner_the_first_orphan_stands_for_all_and_privilege_decides_the_case() {
        let mut world = World::new();
        world.person_of("gone", PersonStatus::Leaver, Some(30));
        let (a, b) = (world.role("a"), world.role("b"));
        for role in [a, b] {
            world.owner(role, "gone", OwnerStatus::Departed);
        }
        world.hops(b, Some(2), Some(2));
        let found = world.check(&OrphanedNhi);
        assert_eq!(cases(&found), [("privileged", "a")]);
        assert_eq!(found[0].2.subjects.len(), 1);
    }

    #[test]
    fn each_state_of_an_owner_is_told_in_words() {
        for (status, words) in [
            (OwnerStatus::Departed, "role `app` belongs to `ann`, who left"),
            (OwnerStatus::Disabled, "role `app` belongs to `ann`, whose identities are all disabled"),
            (OwnerStatus::Dangling, "role `app` belongs to `ann`, whom no source knows"),
            (OwnerStatus::EmptyGroup, "role `app` belongs to `ann`, a group without an active human"),
        ] {
            let mut world = World::new();
            let app = world.role("app");
            world.owner(app, "ann", status);
            let found = world.check(&OrphanedNhi);
            assert_eq!(cases(&found), [("owner-gone", "app")]);
            assert_eq!(found[0].2.title, words);
        }
    }

    #[test]
    fn ownerless_and_unused_by_anything_are_told_apart_from_unknown_people_and_the_platforms_own() {
        let mut world = World::new();
        let (bare, dead, fine) = (world.role("bare"), world.role("dead"), world.role("fine"));
        let (linked, undecided, person, unsure) =
            (world.role("linked"), world.role("undecided"), world.user("person"), world.role("unsure"));
        world.edit(undecided, |entity| entity.nhi = None);
        world.builder.attribute(linked, "service_linked", "true");
        world.trust(dead, "AWS:AIDAEXAMPLEEXAMPLE123", TrustKind::Deleted, None);
        for owned in [dead, fine, person] {
            world.owner(owned, "ann", OwnerStatus::Active);
        }
        world.owner(unsure, "eve", OwnerStatus::Unknown);
        let _ = bare;
        let found = world.check(&OrphanedNhi);
        assert_eq!(cases(&found), [("ownerless", ACCOUNT), ("consumer-gone", "dead")]);
        assert_eq!(found[0].2.title, "role `bare` has no owner");
        assert_eq!(found[1].2.title, "nothing is left that can use role `dead`");
    }

    #[test]
    fn the_ownerless_of_one_account_are_one_finding_and_a_privileged_one_is_its_own() {
        let mut world = World::new();
        let owned = world.role("owned");
        world.owner(owned, "ann", OwnerStatus::Active);
        for name in ["a", "b", "c"] {
            world.role(name);
        }
        let near = world.role("near");
        world.hops(near, Some(1), Some(1));
        let found = world.check(&OrphanedNhi);
        assert_eq!(cases(&found), [("privileged", "near"), ("ownerless", ACCOUNT)]);
        assert_eq!(found[1].2.title, "role `a` and 2 others have no owner");
        assert_eq!(found[1].2.subjects.len(), 3);
    }
}
