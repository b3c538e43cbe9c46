//! Who might take an orphan over: every suggestion cites what it stands on, and where nothing suggests anyone there is
//! none.

use std::collections::BTreeMap;

use super::{Lifecycle, Owner, ownership, people};
use crate::findings::Context;
use crate::model::{Entity, EntityId, OwnerStatus, Ownership, Person, Tables, text};

/// How sure each kind of suggestion is, where nothing else counts against it.
mod sure {
    pub const CONTROL_OWNER: f64 = 0.8;
    pub const MANAGER: f64 = 0.7;
    /// What each further step up the chain of managers leaves.
    pub const NEXT_MANAGER: f64 = 0.8;
    pub const SAME_TAG: f64 = 0.6;
    pub const SAME_PATH: f64 = 0.5;
    pub const SAME_PREFIX: f64 = 0.4;
    pub const CREATOR: f64 = 0.4;
    pub const DEPARTMENT: f64 = 0.3;
}

/// Tags that say what an identity belongs to.
const BELONGING: [&str; 9] =
    ["team", "squad", "project", "application", "app", "service", "component", "costcenter", "cost-center"];
/// Managers that are asked for, one above the other.
const MANAGERS_MAX: usize = 8;
/// How far apart the record of a creation and the date of what was created may lie.
const CREATION_MILLIS_MAX: i64 = 5_000;

/// Somebody who might answer for an identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Id of a person, full id of a group, or a name as the source writes it.
    pub owner: String,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// One fact each.
    pub evidence: Vec<String>,
}

/// Something that identities have in common and that owners may follow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Trait {
    /// Tag in lower case and its value, of one platform.
    Tag(String, String, String),
    /// Scope and path.
    Path(String, String),
    /// Scope and beginning of the name.
    Prefix(String, String),
}

impl Trait {
    const fn confidence(&self) -> f64 {
        match self {
            Self::Tag(..) => sure::SAME_TAG,
            Self::Path(..) => sure::SAME_PATH,
            Self::Prefix(..) => sure::SAME_PREFIX,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Tag(_, key, value) => format!("tagged {key} `{value}`"),
            Self::Path(_, path) => format!("under the path `{path}`"),
            Self::Prefix(_, prefix) => format!("named `{prefix}…`"),
        }
    }
}

/// Owners of identities that have something in common, and who created what.
#[derive(Debug, Default)]
pub struct Peers {
    /// Identities by owner that have a trait in common.
    owners: BTreeMap<Trait, BTreeMap<String, u32>>,
    /// Times of the latest creations that are known, with the creator.
    creations: Vec<(i64, EntityId)>,
    /// By department: rows of the people who belong to it and have no manager in it.
    leads: BTreeMap<String, Vec<usize>>,
}

fn traits(tables: &Tables, entity: &Entity) -> Vec<Trait> {
    let mut found = Vec::new();
    let start = tables.attributes.partition_point(|row| row.entity < entity.entity);
    for row in tables.attributes[start..].iter().take_while(|row| row.entity == entity.entity) {
        let key = row.key.strip_prefix("tag:").map(str::to_ascii_lowercase);
        if let Some(key) = key.filter(|key| BELONGING.contains(&key.as_str()) && !row.value.is_empty()) {
            found.push(Trait::Tag(entity.platform.clone(), key, row.value.clone()));
        }
    }
    let Some(scope) = &entity.scope else { return found };
    if let Some(path) = tables.attribute(entity.entity, "path").filter(|path| path.len() > 1) {
        found.push(Trait::Path(scope.clone(), path.to_owned()));
    }
    if let Some(at) = entity.name.find(['-', '_', '.', '/']).filter(|&at| at >= 3) {
        found.push(Trait::Prefix(scope.clone(), entity.name[..=at].to_owned()));
    }
    found
}

impl Peers {
    /// Goes through the owned non-human identities and the records of creations.
    #[must_use]
    pub fn new(context: &Context<'_>) -> Self {
        let tables = context.tables;
        let mut found = Self { leads: leads(context), ..Self::default() };
        let machines = tables.entities.iter().filter(|entity| entity.is_principal() && entity.nhi == Some(true));
        for entity in machines {
            let row = ownership::statements(tables, entity.entity).first();
            let Some(row) = row.filter(|row| row.status == OwnerStatus::Active) else { continue };
            let owner = ownership::identity_of(tables, row);
            for common in traits(tables, entity) {
                *found.owners.entry(common).or_default().entry(owner.to_owned()).or_default() += 1;
            }
        }
        let makes = |permission: &str| matches!(permission, "iam:CreateUser" | "iam:CreateRole");
        let creations = tables.usage.iter().filter(|row| makes(&row.permission));
        found.creations = creations.filter_map(|row| Some((row.last_used_at?, row.entity))).collect();
        found.creations.sort_unstable();
        found
    }
}

/// The best suggestion of who might answer for an identity; `None` when nothing suggests anyone. Suggestions of the
/// same owner lend each other their evidence.
#[must_use]
pub fn propose(context: &Context<'_>, lifecycle: &Lifecycle, entity: &Entity) -> Option<Proposal> {
    if matches!(lifecycle.owner(context.tables, entity), Owner::Answers | Owner::Platform) {
        return None;
    }
    let mut all = other_statements(context, entity);
    all.extend(control_owner(context, lifecycle, entity));
    let former = ownership::statements(context.tables, entity.entity).first();
    let former = former.and_then(|row| people::person(context.tables, row.person.as_deref()?));
    if let Some(former) = former {
        all.extend(manager(context, former));
        all.extend(department(context, lifecycle, former));
    }
    all.extend(traits(context.tables, entity).iter().filter_map(|common| majority(lifecycle, common)));
    all.extend(creator(context, lifecycle, entity));
    let mut best = all
        .iter()
        .fold(None::<&Proposal>, |best, one| match best {
            Some(best) if best.confidence >= one.confidence => Some(best),
            _ => Some(one),
        })?
        .clone();
    let agreeing = all.iter().filter(|one| one.owner == best.owner);
    let mut evidence: Vec<String> = std::mem::take(&mut best.evidence);
    for fact in agreeing.flat_map(|one| &one.evidence) {
        if !evidence.contains(fact) {
            evidence.push(fact.clone());
        }
    }
    Some(Proposal { evidence, ..best })
}

fn suggestion(owner: &str, confidence: f64, fact: String) -> Proposal {
    Proposal { owner: owner.to_owned(), confidence, evidence: vec![fact] }
}

/// Owners of whom a weaker source speaks, and who belong.
fn other_statements(context: &Context<'_>, entity: &Entity) -> Vec<Proposal> {
    let rows = ownership::statements(context.tables, entity.entity).iter();
    let active = rows.filter(|row| row.status == OwnerStatus::Active);
    let name = |row: &Ownership| ownership::identity_of(context.tables, row).to_owned();
    let fact = |row: &Ownership| format!("`{}` is named as an owner too ({})", row.owner, row.evidence);
    active.map(|row| suggestion(&name(row), row.confidence, fact(row))).collect()
}

fn active<'t>(context: &Context<'t>, id: &str) -> Option<&'t Person> {
    people::person(context.tables, id).filter(|row| people::belongs(row, context.facts.as_of))
}

fn control_owner(context: &Context<'_>, lifecycle: &Lifecycle, entity: &Entity) -> Option<Proposal> {
    lifecycle.bindings.workflows_of(entity.entity).find_map(|at| {
        let row = &context.tables.workflows[at];
        let person = active(context, row.control_owner.as_deref()?)?;
        let fact =
            format!("{} is the control owner of workflow `{}`, which runs as it", people::call(person), row.workflow);
        Some(suggestion(&person.person, sure::CONTROL_OWNER, fact))
    })
}

/// The nearest manager above a former owner who belongs.
fn manager(context: &Context<'_>, former: &Person) -> Option<Proposal> {
    let (mut below, mut confidence) = (former, sure::MANAGER);
    let mut facts = Vec::new();
    for _ in 0..MANAGERS_MAX {
        let above = people::person(context.tables, below.manager.as_deref()?)?;
        facts.push(format!("{} is the manager of {}", people::call(above), people::call(below)));
        if people::belongs(above, context.facts.as_of) {
            return Some(Proposal { owner: above.person.clone(), confidence, evidence: facts });
        }
        (below, confidence) = (above, confidence * sure::NEXT_MANAGER);
    }
    None
}

/// Who belongs to each department and has no manager in it.
fn leads(context: &Context<'_>) -> BTreeMap<String, Vec<usize>> {
    let people = &context.tables.people;
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, row) in people.iter().enumerate() {
        let again = at > 0 && people[at - 1].person == row.person;
        let Some(department) = row.department.as_ref().filter(|_| !again) else { continue };
        let manager = row.manager.as_deref().and_then(|id| active(context, id));
        let led = manager.is_some_and(|manager| manager.department.as_ref() == Some(department));
        if !led && people::belongs(row, context.facts.as_of) {
            found.entry(department.clone()).or_default().push(at);
        }
    }
    found
}

/// The one who leads the department of a former owner: who belongs to it and has no manager in it, if that is one.
fn department(context: &Context<'_>, lifecycle: &Lifecycle, former: &Person) -> Option<Proposal> {
    let name = former.department.as_deref()?;
    let [lead] = lifecycle.peers.leads.get(name)?[..] else { return None };
    let lead = &context.tables.people[lead];
    let fact = format!("{} leads the department `{name}` of {}", people::call(lead), people::call(former));
    Some(suggestion(&lead.person, sure::DEPARTMENT, fact))
}

/// The owner of most identities that have a trait in common with this one.
fn majority(lifecycle: &Lifecycle, common: &Trait) -> Option<Proposal> {
    let owners = lifecycle.peers.owners.get(common)?;
    let all: u32 = owners.values().sum();
    let (owner, &n) = owners.iter().max_by_key(|(_, n)| **n)?;
    let share = f64::from(n) / f64::from(all);
    if n < 2 || 2 * n <= all {
        return None;
    }
    let fact = format!("`{owner}` owns {n} of the {all} owned non-human identities {}", common.words());
    Some(suggestion(owner, common.confidence() * share, fact))
}

/// Whoever was seen to create a user or role at the time at which this one was made, if that is one person.
fn creator(context: &Context<'_>, lifecycle: &Lifecycle, entity: &Entity) -> Option<Proposal> {
    let made = entity.created_at?;
    let all = &lifecycle.peers.creations;
    let start = all.partition_point(|row| row.0 < made.saturating_sub(CREATION_MILLIS_MAX));
    let near: Vec<EntityId> = all[start..]
        .iter()
        .take_while(|row| row.0 <= made.saturating_add(CREATION_MILLIS_MAX))
        .map(|row| row.1)
        .collect();
    let &first = near.first().filter(|first| near.iter().all(|other| other == *first))?;
    let person = lifecycle.faces.of(context.tables, first).filter(|row| people::belongs(row, context.facts.as_of))?;
    let (who, when) = (context.call(first), text::format_time(made));
    let fact = format!(
        "{who} of {} was seen to create an identity at the time at which it was made, {when}",
        people::call(person)
    );
    Some(suggestion(&person.person, sure::CREATOR, fact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, ago};
    use crate::model::{Handle, OwnerOrigin, PersonStatus};

    /// The proposal for the role `orphan`, which `gone` owned until they left.
    fn proposal(prepare: impl FnOnce(&mut World, Handle)) -> Option<Proposal> {
        let mut world = World::new();
        let orphan = world.role("orphan");
        world.person_of("gone", PersonStatus::Leaver, Some(50));
        world.owner(orphan, "gone", OwnerStatus::Departed);
        prepare(&mut world, orphan);
        world.with(|context| {
            let entity = context.principals().find(|entity| entity.name == "orphan").expect("defined above");
            propose(context, context.lifecycle(), entity)
        })
    }

    fn short(found: Option<Proposal>) -> Option<(String, f64, usize)> {
        found.map(|one| (one.owner, (one.confidence * 1000.0).round() / 1000.0, one.evidence.len()))
    }

    #[test]
    fn nothing_is_invented() {
        assert_eq!(proposal(|_, _| ()), None);
        assert_eq!(proposal(|world, _| _ = world.person_of("ann", PersonStatus::Active, None)), None);
        let answered = |world: &mut World, _: Handle| {
            world.builder.owners[0].status = OwnerStatus::Active;
            world.builder.people[0].manager = Some("boss".to_owned());
            world.person_of("boss", PersonStatus::Active, None);
        };
        assert_eq!(proposal(answered), None, "its owner is there");
    }

    #[test]
    fn the_nearest_manager_who_belongs_is_proposed_and_circles_end() {
        let found = proposal(|world, _| {
            world.builder.people[0].manager = Some("also-gone".to_owned());
            world.person_of("also-gone", PersonStatus::Leaver, Some(10)).manager = Some("boss".to_owned());
            world.person_of("boss", PersonStatus::Active, None).name = Some("Bo Oss".to_owned());
        });
        let facts = found.as_ref().map(|one| one.evidence.clone()).unwrap_or_default();
        assert_eq!(short(found), Some(("boss".to_owned(), 0.56, 2)));
        assert_eq!(facts[1], "Bo Oss (`boss`) is the manager of `also-gone`");
        let circle = |world: &mut World, _: Handle| world.builder.people[0].manager = Some("gone".to_owned());
        assert_eq!(proposal(circle), None);
    }

    #[test]
    fn a_control_owner_and_a_second_owner_come_before_the_manager_and_agreement_adds_evidence() {
        let found = proposal(|world, orphan| {
            world.builder.people[0].manager = Some("boss".to_owned());
            world.person_of("boss", PersonStatus::Active, None);
            world.automation("nightly", orphan, Some("boss"));
        });
        assert_eq!(short(found), Some(("boss".to_owned(), 0.8, 2)));
        let found = proposal(|world, orphan| {
            world.automation("nightly", orphan, Some("boss"));
            world.person_of("boss", PersonStatus::Active, None);
            let row = world.owner(orphan, "ann", OwnerStatus::Active);
            (row.confidence, row.origin) = (0.9, OwnerOrigin::Tag);
        });
        assert_eq!(short(found), Some(("ann".to_owned(), 0.9, 1)));
    }

    #[test]
    fn the_majority_of_what_has_something_in_common_needs_two_and_more_than_half() {
        let with = |owners: &[&str]| {
            let owners: Vec<String> = owners.iter().map(|&owner| owner.to_owned()).collect();
            short(proposal(move |world, orphan| {
                world.builder.attribute(orphan, "tag:Team", "payments");
                for (at, owner) in owners.iter().enumerate() {
                    let role = world.role(&format!("r{at}"));
                    world.builder.attribute(role, "tag:team", "payments");
                    world.owner(role, owner, OwnerStatus::Active);
                }
            }))
        };
        assert_eq!(with(&["ann"]), None);
        assert_eq!(with(&["ann", "ann"]), Some(("ann".to_owned(), 0.6, 1)));
        assert_eq!(with(&["ann", "ann", "bob"]), Some(("ann".to_owned(), 0.4, 1)));
        assert_eq!(with(&["ann", "ann", "bob", "bob"]), None);
    }

    #[test]
    fn the_lead_of_the_department_is_the_one_without_a_manager_in_it() {
        let with = |leads: usize| {
            short(proposal(move |world, _| {
                world.builder.people[0].department = Some("data".to_owned());
                for at in 0..leads {
                    world.person_of(&format!("lead{at}"), PersonStatus::Active, None).department =
                        Some("data".to_owned());
                }
                let member = world.person_of("member", PersonStatus::Active, None);
                (member.department, member.manager) = (Some("data".to_owned()), Some("lead0".to_owned()));
            }))
        };
        assert_eq!(with(1), Some(("lead0".to_owned(), 0.3, 1)));
        assert_eq!(with(2), None);
    }

    #[test]
    fn whoever_created_something_at_that_second_is_the_creator_if_nobody_else_did() {
        let with = |offset: i64, second: bool| {
            short(proposal(move |world, _| {
                let ann = world.user("ann");
                world.person_of("ann", PersonStatus::Active, None);
                world.identity_of("ann", ann, 1.0);
                world.usage(ann, "iam:CreateRole", Some(400));
                world.builder.usage[0].last_used_at = ago(400).map(|then| then + offset);
                if second {
                    let bob = world.user("bob");
                    world.usage(bob, "iam:CreateUser", Some(400));
                }
            }))
        };
        assert_eq!(with(5_000, false), Some(("ann".to_owned(), 0.4, 1)));
        assert_eq!(with(5_001, false), None);
        assert_eq!(with(0, true), None);
    }
}
