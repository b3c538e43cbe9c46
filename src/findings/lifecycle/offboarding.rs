//! What people who left could use, and whether it has been changed since.
//!
//! A snapshot shows rights as they are now: what a leaver held through an identity that is gone from the export is not
//! known, and then the absence of a hold proves nothing (`Offboarding::unseen_until`).

use std::collections::BTreeMap;

use super::control::{Control, MAKES_CREDENTIAL};
use super::people;
use crate::findings::Context;
use crate::findings::keys::noun;
use crate::model::{Certainty, Credential, Entity, EntityId, Person, text};

/// Below this confidence a stated owner may be wrong.
const SURE: f64 = 0.5;

/// Somebody who left.
#[derive(Debug)]
pub struct Leaver {
    /// Row of the people table.
    pub person: usize,
    /// Their identities, the one that their record names first.
    pub identities: Vec<EntityId>,
    /// Non-human identities whose credentials they could use, by entity.
    pub residue: Vec<Residue>,
}

/// A non-human identity whose credentials somebody could use when they left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Residue {
    pub entity: EntityId,
    /// What is not known and decides; `None` when it is certain.
    pub open: Option<String>,
    /// How they could, and which credentials are the same still; one fact each.
    pub facts: Vec<String>,
}

/// What all leavers left behind.
#[derive(Debug, Default)]
pub struct Offboarding {
    /// In the order of the people table.
    pub leavers: Vec<Leaver>,
    /// By identity: places in `leavers` and in its `residue`.
    by_entity: BTreeMap<EntityId, Vec<(usize, usize)>>,
    /// Latest leave date of those whose identities the export does not show; what they held is not known.
    unseen_until: Option<i64>,
}

/// How a leaver could use an identity.
struct Hold {
    /// They could make and keep a credential, and knew none that they did not make.
    makes_only: bool,
    open: Option<String>,
    facts: Vec<String>,
}

impl Offboarding {
    /// Goes through everyone who left. Time is that of the people, and of what each leaver could act as.
    #[must_use]
    pub fn new(context: &Context<'_>, control: &Control) -> Self {
        let tables = context.tables;
        let mut found = Self::default();
        let mut owned: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, row) in tables.owners.iter().enumerate() {
            if let Some(person) = &row.person {
                owned.entry(person).or_default().push(at);
            }
        }
        for (at, person) in tables.people.iter().enumerate() {
            let again = at > 0 && tables.people[at - 1].person == person.person;
            if again || !people::has_left(person, context.facts.as_of) {
                continue;
            }
            let identities = people::entities(tables, person);
            if !identities.iter().any(|&entity| tables.entity(entity).present) {
                found.unseen_until = found.unseen_until.max(Some(person.left_at.unwrap_or(i64::MAX)));
            }
            let mut holds = BTreeMap::new();
            by_ownership(context, owned.get(person.person.as_str()).map_or(&[], Vec::as_slice), &mut holds);
            by_control(context, control, &identities, &mut holds);
            let residue = residues(context, person, &identities, holds);
            for (place, residue) in residue.iter().enumerate() {
                found.by_entity.entry(residue.entity).or_default().push((found.leavers.len(), place));
            }
            found.leavers.push(Leaver { person: at, identities, residue });
        }
        found
    }

    /// Who could use an identity's credentials and left, with what is the same still.
    pub fn of(&self, entity: EntityId) -> impl Iterator<Item = (&Leaver, &Residue)> {
        let places = self.by_entity.get(&entity).map_or(&[][..], Vec::as_slice);
        places.iter().map(|&(leaver, place)| (&self.leavers[leaver], &self.leavers[leaver].residue[place]))
    }

    /// Whether somebody who left could use a credential of the identity that is the same still. `None` when the export
    /// does not say: it knows no people, does not list the identity's credentials, or does not show what leavers held.
    #[must_use]
    pub fn is_partial(&self, context: &Context<'_>, entity: &Entity) -> Option<bool> {
        let mut open = false;
        for (_, residue) in self.of(entity.entity) {
            if residue.open.is_none() {
                return Some(true);
            }
            open = true;
        }
        let keys: Vec<&Credential> = context.live_keys(entity).collect();
        let may_have_keys = entity.kind != crate::model::EntityKind::Role;
        if keys.is_empty() {
            let listed = !may_have_keys || !context.credentials(entity.entity).is_empty();
            return listed.then_some(false);
        }
        let since = |row: &Credential| row.last_rotated_at.max(row.created_at);
        let seen = keys.iter().all(|row| self.unseen_until.is_none_or(|until| since(row).is_some_and(|at| at > until)));
        (!open && seen && !context.tables.people.is_empty()).then_some(false)
    }
}

fn by_ownership(context: &Context<'_>, rows: &[usize], holds: &mut BTreeMap<EntityId, Hold>) {
    for &at in rows {
        let row = &context.tables.owners[at];
        let open = (row.confidence < SURE).then(|| format!("whether they owned it (confidence {})", row.confidence));
        let fact = format!("they are named as its owner ({})", row.evidence);
        hold(holds, row.entity, Hold { makes_only: false, open, facts: vec![fact] });
    }
}

/// Joins what is known of one hold: what is certain outweighs what is open, and what was known outweighs what had to
/// be made.
fn hold(holds: &mut BTreeMap<EntityId, Hold>, entity: EntityId, new: Hold) {
    match holds.get_mut(&entity) {
        None => {
            holds.insert(entity, new);
        }
        Some(old) => {
            let better = (new.open.is_some(), new.makes_only) < (old.open.is_some(), old.makes_only);
            if better {
                (old.open, old.makes_only) = (new.open, new.makes_only);
            }
            old.facts.extend(new.facts);
        }
    }
}

fn by_control(context: &Context<'_>, control: &Control, identities: &[EntityId], holds: &mut BTreeMap<EntityId, Hold>) {
    for &identity in identities.iter().filter(|&&entity| context.tables.entity(entity).present) {
        let who = context.call(identity);
        for (target, way) in control.reach(context, identity) {
            if !MAKES_CREDENTIAL.contains(&way.technique) {
                continue;
            }
            let open = (way.certainty == Certainty::Conditional)
                .then(|| format!("whether {who} can make a credential of it ({})", way.technique));
            let steps = crate::findings::facts::count(way.hops as usize, "step");
            let fact = format!("{who} can make a credential of it in {steps} ({})", way.technique);
            hold(holds, target, Hold { makes_only: true, open, facts: vec![fact] });
        }
        let entity = context.tables.entity(identity);
        if context.is_administrator(entity) {
            let mine = |other: &&Entity| other.scope.is_some() && other.scope == entity.scope;
            for other in context.principals().filter(mine).filter(|other| context.live_keys(other).next().is_some()) {
                let fact = format!("{who} administers the account, and can make a credential of it");
                hold(holds, other.entity, Hold { makes_only: true, open: None, facts: vec![fact] });
            }
        }
    }
}

fn residues(context: &Context<'_>, person: &Person, own: &[EntityId], holds: BTreeMap<EntityId, Hold>) -> Vec<Residue> {
    let mut found = Vec::new();
    for (target, hold) in holds {
        let entity = context.tables.entity(target);
        if !entity.is_principal() || entity.nhi == Some(false) || own.contains(&target) {
            continue;
        }
        let keys: Vec<(&Credential, Option<String>)> =
            context.live_keys(entity).filter_map(|row| Some((row, unchanged(person, &hold, row)?))).collect();
        let Some(sure) = keys.iter().map(|(_, open)| open).min() else { continue };
        let undecided = (entity.nhi.is_none()).then(|| "whether it is a non-human identity".to_owned());
        let open = undecided.or(hold.open).or_else(|| sure.clone());
        let mut facts = hold.facts;
        facts.extend(keys.iter().map(|(row, _)| about(row)));
        found.push(Residue { entity: target, open, facts });
    }
    found
}

/// Whether a credential may be one that the leaver had: `None` when it is not, `Some(None)` when it certainly is the
/// same as then, and else what is not known.
#[expect(clippy::option_option, reason = "no hold, a certain hold, and an open one are three answers")]
fn unchanged(person: &Person, hold: &Hold, row: &Credential) -> Option<Option<String>> {
    let Some(since) = row.last_rotated_at.max(row.created_at) else {
        return Some(Some(format!("when `{}` was made", row.credential)));
    };
    let Some(left) = person.left_at else { return Some(Some("when they left".to_owned())) };
    let before_their_time = hold.makes_only && person.started_at.is_some_and(|start| since < start);
    if since > left || before_their_time {
        return None;
    }
    Some((row.active.is_none()).then(|| format!("whether `{}` works", row.credential)))
}

fn about(row: &Credential) -> String {
    let since = row.last_rotated_at.max(row.created_at).map(text::format_time);
    let made = since.map_or_else(|| "since a time that is not known".to_owned(), |time| format!("since {time}"));
    format!("its {} `{}` is the same {made}", noun(row.kind), row.credential)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, ago};
    use crate::model::{CredentialKind, Layer, OwnerStatus, PersonStatus};

    /// Name, whether it is certain, and number of facts of everything that leavers left behind.
    fn residue(world: World) -> Vec<(String, bool, usize)> {
        world.with(|context| {
            let found = Offboarding::new(context, &Control::new(context));
            let all = found.leavers.iter().flat_map(|leaver| &leaver.residue);
            let named = |one: &Residue| context.tables.entity(one.entity).name.clone();
            all.map(|one| (named(one), one.open.is_none(), one.facts.len())).collect()
        })
    }

    #[test]
    fn a_key_that_is_as_old_as_the_leave_date_is_left_behind_and_a_younger_one_is_not() {
        let mut world = World::new();
        world.person_of("ann", PersonStatus::Leaver, Some(30));
        for (name, age) in [("older", 31), ("same-day", 30), ("younger", 29)] {
            let robot = world.robot(name);
            world.credential(robot, name, CredentialKind::AccessKey, age, Some(1));
            world.owner(robot, "ann", OwnerStatus::Departed);
        }
        let rotated = world.robot("rotated");
        let at = world.credential(rotated, "rotated", CredentialKind::AccessKey, 300, Some(1));
        world.builder.credentials[at].last_rotated_at = ago(2);
        world.owner(rotated, "ann", OwnerStatus::Departed);
        assert_eq!(residue(world), [("older".to_owned(), true, 2), ("same-day".to_owned(), true, 2)]);
    }

    #[test]
    fn unknown_dates_weak_ownership_and_undecided_identities_stay_open() {
        let mut world = World::new();
        let (undated, weak, undecided, bobs) =
            (world.robot("a-undated"), world.robot("b-weak"), world.robot("c-undecided"), world.robot("d-bobs"));
        world.edit(undecided, |entity| entity.nhi = None);
        world.person_of("ann", PersonStatus::Leaver, Some(30));
        world.person_of("bob", PersonStatus::Leaver, None);
        for (robot, name) in [(undated, "a"), (weak, "b"), (undecided, "c"), (bobs, "d")] {
            world.credential(robot, name, CredentialKind::AccessKey, 300, Some(1));
        }
        world.builder.credentials[0].created_at = None;
        world.owner(undated, "ann", OwnerStatus::Departed);
        world.owner(weak, "ann", OwnerStatus::Departed).confidence = 0.3;
        world.owner(undecided, "ann", OwnerStatus::Departed);
        world.owner(bobs, "bob", OwnerStatus::Departed);
        let found = residue(world);
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|(_, certain, _)| !certain), "{found:?}");
    }

    #[test]
    fn whoever_could_make_keys_may_hold_those_of_their_time_only() {
        let mut world = World::new();
        let ann = world.user("ann");
        world.person_of("ann", PersonStatus::Leaver, Some(30)).started_at = ago(200);
        world.identity_of("ann", ann, 1.0);
        let grant = world.grant(ann, &["iam:*AccessKey"], Layer::Identity);
        for (name, age, certainty) in [
            ("before", 201, Certainty::Certain),
            ("during", 200, Certainty::Certain),
            ("perhaps", 100, Certainty::Conditional),
        ] {
            let robot = world.robot(name);
            world.credential(robot, name, CredentialKind::AccessKey, age, Some(1));
            world.step(ann, robot, certainty, grant);
        }
        assert_eq!(residue(world), [("during".to_owned(), true, 2), ("perhaps".to_owned(), false, 2)]);
    }

    #[test]
    fn an_administrator_could_make_keys_of_every_machine_of_the_account() {
        let mut world = World::new();
        let (ann, robot, elsewhere) = (world.user("ann"), world.robot("robot"), world.robot("z-elsewhere"));
        world.edit(elsewhere, |entity| entity.scope = Some("aws:account/222222222222".to_owned()));
        let person = world.user("person");
        for (who, key) in [(robot, "r"), (elsewhere, "e"), (person, "p")] {
            world.credential(who, key, CredentialKind::AccessKey, 100, Some(1));
        }
        world.leaver("ann", 30, ann);
        world.protect(ann, "administrator by effective permissions (administrator)");
        assert_eq!(residue(world), [("robot".to_owned(), true, 2)]);
    }

    #[test]
    fn nothing_is_concluded_of_leavers_whom_the_export_does_not_show() {
        let partial = |prepare: &dyn Fn(&mut World)| {
            let mut world = World::new();
            let robot = world.robot("robot");
            world.credential(robot, "k", CredentialKind::AccessKey, 100, Some(1));
            prepare(&mut world);
            world.with(|context| {
                let entity = context.principals().find(|entity| entity.name == "robot").expect("defined above");
                Offboarding::new(context, &Control::new(context)).is_partial(context, entity)
            })
        };
        assert_eq!(partial(&|_| ()), None, "nobody is known");
        assert_eq!(partial(&|world| _ = world.person_of("ann", PersonStatus::Active, None)), Some(false));
        assert_eq!(partial(&|world| _ = world.person_of("ann", PersonStatus::Leaver, Some(99))), None);
        assert_eq!(partial(&|world| _ = world.person_of("ann", PersonStatus::Leaver, Some(101))), Some(false));
        let seen = |world: &mut World| {
            let ann = world.user("ann");
            world.leaver("ann", 99, ann);
        };
        assert_eq!(partial(&seen), Some(false), "the identity is there and holds nothing");
    }
}
