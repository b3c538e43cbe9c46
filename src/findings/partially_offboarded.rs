//! Somebody left, and credentials of machines that they could use were not changed.

use super::facts::count;
use super::lifecycle::offboarding::{Leaver, Residue};
use super::lifecycle::people;
use super::orphaned_nhi::is_privileged;
use super::{Context, Draft, Info, Rule};
use crate::model::{Entity, EntityId, text};

/// See [`Info::meaning`].
pub struct PartiallyOffboarded;

const INFO: Info = Info {
    id: "partially-offboarded",
    title: "Credential that a leaver could use was not rotated",
    meaning: "Somebody who left owned a non-human identity, or could make a key or a password for it by their \
              effective permissions, and a credential of that time still works: the door that was closed with their \
              own account stands open beside it. All identities of one leaver are one finding. Rights are those of \
              the export: what a leaver held through an identity that is gone is not seen.",
    remediation: "Rotate the credentials, and hand the identities over to an owner who belongs.",
    cases: &[
        ("privileged", "one of the identities is in the protected zone or has a certain path into it"),
        ("usable", "the leaver could use it, and a credential of that time is active"),
        ("possible", "it hangs on something that the export does not say"),
    ],
};

/// Identities that a finding tells about one by one; how many more there are is said.
const SHOWN: usize = 10;

impl Rule for PartiallyOffboarded {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let leavers = context.lifecycle().offboarding.leavers.iter();
        leavers.filter_map(|leaver| draft(context, leaver)).collect()
    }
}

fn draft(context: &Context<'_>, leaver: &Leaver) -> Option<Draft> {
    let is_nhi = |one: &&Residue| context.tables.entity(one.entity).nhi == Some(true);
    let (certain, open): (Vec<&Residue>, Vec<&Residue>) =
        leaver.residue.iter().filter(is_nhi).partition(|one| one.open.is_none());
    let shown = if certain.is_empty() { &open } else { &certain };
    let first = shown.first()?;
    let entity = |one: &Residue| -> &Entity { context.tables.entity(one.entity) };
    let privileged: Vec<&&Residue> = certain.iter().filter(|one| is_privileged(context, entity(one))).collect();
    let case = match (certain.is_empty(), privileged.is_empty()) {
        (false, false) => "privileged",
        (false, true) => "usable",
        (true, _) => "possible",
    };
    let present = |id: &&EntityId| context.tables.entity(**id).present;
    let about = leaver.identities.iter().find(present).copied().unwrap_or(first.entity);
    let person = &context.tables.people[leaver.person];
    let (who, what) = (people::call(person), context.call(first.entity));
    let others = match shown.len() {
        1 => String::new(),
        n => format!(" and of {}", count(n - 1, "other")),
    };
    let verb = if certain.is_empty() { "may have been able to" } else { "could" };
    let when = person.left_at.map(|left| format!("they left on {}", text::format_time(left)));
    let mut evidence = vec![when.unwrap_or_else(|| "they left; when is not known".to_owned())];
    evidence.extend(certain.iter().chain(&open).take(SHOWN).map(|one| told(context, one)));
    if certain.len() + open.len() > SHOWN {
        evidence.push(format!("and {} more", certain.len() + open.len() - SHOWN));
    }
    let paths = privileged.iter().take(SHOWN).map(|one| context.call(one.entity));
    evidence.extend(paths.map(|name| format!("{name} is in the protected zone or has a certain path into it")));
    Some(Draft {
        entity: about,
        case,
        title: format!("{who} {verb} use the credentials of {what}{others}, and they are the same since"),
        subjects: certain.iter().chain(&open).map(|one| one.entity).filter(|&one| one != about).collect(),
        key: vec![person.person.clone()],
        evidence,
        cause: None,
    })
}

fn told(context: &Context<'_>, one: &Residue) -> String {
    let open = one.open.as_ref().map(|open| format!("; not known: {open}")).unwrap_or_default();
    format!("{}: {}{open}", context.call(one.entity), one.facts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};
    use crate::model::{CredentialKind, OwnerStatus, PersonStatus};

    fn owned(world: &mut World, name: &str, age: i64) -> crate::model::Handle {
        let robot = world.robot(name);
        world.credential(robot, name, CredentialKind::AccessKey, age, Some(1));
        world.owner(robot, "ann", OwnerStatus::Departed);
        robot
    }

    #[test]
    fn all_that_a_leaver_could_use_is_one_finding_about_the_leaver() {
        let mut world = World::new();
        let ann = world.user("ann");
        world.leaver("ann", 30, ann);
        owned(&mut world, "bot-a", 100);
        owned(&mut world, "bot-b", 30);
        owned(&mut world, "bot-rotated", 29);
        let found = world.check(&PartiallyOffboarded);
        assert_eq!(cases(&found), [("usable", "ann")]);
        let draft = &found[0].2;
        assert_eq!(draft.subjects.len(), 2);
        assert_eq!(
            draft.title,
            "`ann` could use the credentials of user `bot-a` and of 1 other, and they are the same since"
        );
        assert_eq!(draft.evidence.len(), 3);
        assert!(
            draft.evidence[1].contains("its access key `bot-a` is the same since 2026-08-14"),
            "{:?}",
            draft.evidence
        );
    }

    #[test]
    fn what_is_not_known_is_possible_and_privilege_counts_where_it_is_certain() {
        let mut world = World::new();
        world.person_of("ann", PersonStatus::Leaver, None);
        let bot = owned(&mut world, "bot", 100);
        world.hops(bot, Some(1), Some(1));
        let found = world.check(&PartiallyOffboarded);
        assert_eq!(cases(&found), [("possible", "bot")], "nobody knows when they left, and they have no identity");
        assert!(found[0].2.evidence[1].ends_with("; not known: when they left"), "{:?}", found[0].2.evidence);
        let mut world = World::new();
        world.person_of("ann", PersonStatus::Leaver, Some(30));
        let bot = owned(&mut world, "bot", 100);
        world.hops(bot, Some(1), Some(1));
        assert_eq!(cases(&world.check(&PartiallyOffboarded)), [("privileged", "bot")]);
    }

    #[test]
    fn rotated_credentials_people_and_those_who_are_there_are_no_finding() {
        let mut world = World::new();
        world.person_of("ann", PersonStatus::Leaver, Some(30));
        owned(&mut world, "bot", 29);
        assert!(world.check(&PartiallyOffboarded).is_empty());
        let mut world = World::new();
        world.person_of("ann", PersonStatus::Active, None);
        owned(&mut world, "bot", 100);
        assert!(world.check(&PartiallyOffboarded).is_empty());
        let mut world = World::new();
        world.person_of("ann", PersonStatus::Leaver, Some(30));
        let eve = world.user("eve");
        world.credential(eve, "k", CredentialKind::AccessKey, 100, Some(1));
        world.owner(eve, "ann", OwnerStatus::Departed);
        assert!(world.check(&PartiallyOffboarded).is_empty(), "what a person has is that person's");
    }
}
