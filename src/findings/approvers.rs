//! Who approves: what the names of approvers turn out to be, and whether a human being must agree.
//!
//! An approval holds where nobody can pass it by: a human being who is there, and who neither is the requester nor
//! answers for it, must be among those who agree. Where a machine or the requester alone makes up the quorum, nothing
//! holds; where who approves is not known, whether it holds is not known, and that is never taken for a yes or a no.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Approval, EntityId, EntityKind, MembershipKind, Person, PersonStatus, Tables, Workflow};

/// What the name of an approver turned out to be, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Approver {
    /// Somebody else, who is there.
    Human,
    /// Nothing says who that is, or whether they are still there.
    Unknown,
    /// A machine.
    Machine,
    /// Somebody who left.
    Left,
    /// The requester, or who answers for it.
    Own,
}

impl Approver {
    /// In words, as evidence.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::Human => "a human being",
            Self::Unknown => "not known",
            Self::Machine => "a machine",
            Self::Left => "left",
            Self::Own => "the agent or who answers for it",
        }
    }
}

/// Whether a human being who is somebody else must agree, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Agreement {
    /// One must.
    Human,
    /// Whether one must is not known, or nobody is left who could.
    Unknown,
    /// It can be had without one.
    Nobody,
}

/// Whose requests are approved.
#[derive(Debug, Clone, Default)]
pub struct Requester<'a> {
    pub principal: Option<EntityId>,
    /// Who answers for it: control owners of its workflows, and the owner of its identity.
    owners: Vec<&'a str>,
    /// Names of its workflows.
    workflows: Vec<&'a str>,
}

impl<'a> Requester<'a> {
    /// A workflow.
    #[must_use]
    pub fn workflow(tables: &'a Tables, row: &'a Workflow) -> Self {
        Self::agent(tables, row.principal, &[row])
    }

    /// An identity with all that runs as it.
    #[must_use]
    pub fn agent(tables: &'a Tables, principal: Option<EntityId>, rows: &[&'a Workflow]) -> Self {
        let of_identity = principal.and_then(|principal| tables.entity(principal).owner.as_deref());
        let owners = rows.iter().filter_map(|row| row.control_owner.as_deref()).chain(of_identity);
        Self { principal, owners: owners.collect(), workflows: rows.iter().map(|row| row.workflow.as_str()).collect() }
    }
}

/// How many of those who may agree are what.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    human: u32,
    unknown: u32,
    /// Machines, the requester and who answers for it: they can agree, and are no human being who is somebody else.
    other: u32,
}

/// A number of members that nobody knows.
const MANY: u32 = 1 << 20;

impl Counts {
    fn add(&mut self, one: Approver) {
        match one {
            Approver::Human => self.human += 1,
            Approver::Unknown => self.unknown += 1,
            Approver::Machine | Approver::Own => self.other += 1,
            // Who left agrees to nothing any more.
            Approver::Left => {}
        }
    }

    fn agreement(self, quorum: Option<u32>) -> Agreement {
        let Self { human, unknown, other } = self;
        let least = quorum.unwrap_or(1);
        if least == 0 {
            return Agreement::Nobody;
        }
        let forced = if quorum.is_some() { least > other.saturating_add(unknown) } else { other + unknown == 0 };
        if human > 0 && forced {
            return Agreement::Human;
        }
        // With an unknown quorum the others may be too few: that is known to be wrong only where there is nobody else.
        let without = if quorum.is_some() { least <= other } else { other > 0 && human + unknown == 0 };
        if without { Agreement::Nobody } else { Agreement::Unknown }
    }
}

/// Looks up people and approvers of one snapshot.
#[derive(Clone, Copy)]
pub struct Approvers<'a> {
    tables: &'a Tables,
}

impl<'a> Approvers<'a> {
    #[must_use]
    pub const fn new(tables: &'a Tables) -> Self {
        Self { tables }
    }

    /// The person that a text names by id, address or name.
    #[must_use]
    pub fn person(self, text: &str) -> Option<&'a Person> {
        let people = &self.tables.people;
        let is = |value: Option<&String>| value.is_some_and(|value| value.eq_ignore_ascii_case(text));
        people.iter().find(|row| row.person == text).or_else(|| {
            people.iter().find(|row| is(row.email.as_ref())).or_else(|| people.iter().find(|row| is(row.name.as_ref())))
        })
    }

    /// What an approver is to a requester.
    #[must_use]
    pub fn approver(self, requester: &Requester<'_>, name: &str) -> Approver {
        if let Some(person) = self.person(name) {
            return self.approving_person(requester, person);
        }
        if requester.owners.contains(&name) || requester.workflows.contains(&name) {
            return Approver::Own;
        }
        match self.named(name, |_| true) {
            Some(one) if self.tables.entity(one).kind == EntityKind::Group => {
                let members = self.members(one);
                // The best of a group's members: one who may agree is enough.
                members.into_iter().map(|member| self.member(requester, member)).min().unwrap_or(Approver::Unknown)
            }
            Some(one) => self.approving_entity(requester, one),
            None => Approver::Unknown,
        }
    }

    fn approving_person(self, requester: &Requester<'_>, person: &Person) -> Approver {
        let answers =
            |one: &&str| **one == person.person || self.person(one).is_some_and(|known| known.person == person.person);
        match person.status {
            PersonStatus::Leaver => Approver::Left,
            _ if requester.owners.iter().any(answers) => Approver::Own,
            PersonStatus::Active => Approver::Human,
            PersonStatus::Unknown => Approver::Unknown,
        }
    }

    /// The one principal or group that a text names.
    fn named(self, name: &str, among: impl Fn(EntityId) -> bool) -> Option<EntityId> {
        let holds = |kind: EntityKind| kind.is_principal() || kind == EntityKind::Group;
        let named = self.tables.entities.iter().filter(|one| holds(one.kind) && among(one.entity));
        let mut named = named.filter(|one| one.id == name || one.name.eq_ignore_ascii_case(name));
        match (named.next(), named.next()) {
            (Some(one), None) => Some(one.entity),
            _ => None,
        }
    }

    fn approving_entity(self, requester: &Requester<'_>, one: EntityId) -> Approver {
        if requester.principal == Some(one) {
            return Approver::Own;
        }
        let behind = self.tables.identities.iter().find(|row| row.entity == one);
        let person = behind.and_then(|row| self.tables.people.iter().find(|person| person.person == row.person));
        match (person, self.tables.entity(one).nhi) {
            (Some(person), _) => self.approving_person(requester, person),
            (None, Some(true)) => Approver::Machine,
            (None, Some(false)) => Approver::Human,
            (None, None) => Approver::Unknown,
        }
    }

    fn members(self, group: EntityId) -> BTreeSet<EntityId> {
        let members = self.tables.memberships.iter().filter(|row| row.container == group);
        members
            .filter(|row| row.kind == MembershipKind::MemberOf && row.member != group)
            .map(|row| row.member)
            .collect()
    }

    fn member(self, requester: &Requester<'_>, one: EntityId) -> Approver {
        match self.tables.entity(one).kind {
            // A group inside a group is not looked into: who is there is not known without it.
            EntityKind::Group => Approver::Unknown,
            _ => self.approving_entity(requester, one),
        }
    }

    fn count(self, requester: &Requester<'_>, name: &str, place: Option<EntityId>, counts: &mut Counts) {
        let near = |one: EntityId| {
            place.is_none_or(|place| self.tables.entity(place).platform == self.tables.entity(one).platform)
        };
        let group = if self.person(name).is_some() { None } else { self.named(name, near) };
        let Some(group) = group.filter(|one| self.tables.entity(*one).kind == EntityKind::Group) else {
            let one = match (group, place) {
                (Some(entity), Some(_)) => self.approving_entity(requester, entity),
                _ => self.approver(requester, name),
            };
            return counts.add(one);
        };
        let members = self.members(group);
        let nested = members.iter().any(|one| self.tables.entity(*one).kind == EntityKind::Group);
        if members.is_empty() || nested {
            counts.unknown = counts.unknown.saturating_add(MANY);
        }
        for member in members {
            counts.add(self.member(requester, member));
        }
    }

    /// Whether a human being must agree by these rows of approvals. Rows of one object are one chain with one quorum;
    /// every chain has to be passed. Without a row nobody must.
    #[must_use]
    pub fn agreement(self, requester: &Requester<'_>, rows: &[&Approval]) -> Agreement {
        let mut chains: BTreeMap<&str, Vec<&Approval>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.required != Some(false)) {
            chains.entry(&row.object).or_default().push(row);
        }
        let of_chain = |chain: Vec<&Approval>| {
            let mut counts = Counts::default();
            for row in &chain {
                self.count(requester, &row.approver, None, &mut counts);
            }
            let found = counts.agreement(chain.iter().filter_map(|row| row.quorum).max());
            // Whether it has to be asked for at all may not be known.
            let sure = chain.iter().any(|row| row.required == Some(true));
            if sure || found == Agreement::Nobody { found } else { Agreement::Unknown }
        };
        chains.into_values().map(of_chain).min().unwrap_or(Agreement::Nobody)
    }

    /// Whether a human being must agree where any one of these, named on the platform of `place`, may.
    #[must_use]
    pub fn any_of(self, requester: &Requester<'_>, place: EntityId, reviewers: &[&str]) -> Agreement {
        let mut counts = Counts::default();
        for name in reviewers {
            self.count(requester, name, Some(place), &mut counts);
        }
        counts.agreement(Some(1))
    }

    /// Rows of approvals in words, one for each.
    #[must_use]
    pub fn tell(self, requester: &Requester<'_>, row: &Approval) -> String {
        let required = match row.required {
            Some(true) => "required",
            Some(false) => "not required",
            None => "required or not: unknown",
        };
        let quorum = row.quorum.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
        let who = self.approver(requester, &row.approver).says();
        format!("`{}` is approved by `{}` ({who}), {required}, quorum {quorum}", row.object, row.approver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::World;

    fn world() -> World {
        let mut world = World::new();
        let (agent, robot, ann, bob) =
            (world.robot("agent"), world.robot("robot"), world.user("ann"), world.user("bob"));
        let (mixed, machines, people) = (world.group("mixed"), world.group("machines"), world.group("people"));
        world.group("empty");
        world.join(robot, machines);
        for (member, group) in [(robot, mixed), (ann, mixed), (ann, people), (bob, people)] {
            world.join(member, group);
        }
        world.person_with("p-ann", PersonStatus::Active, &[ann]);
        world.person_with("p-owner", PersonStatus::Active, &[]);
        world.person_with("p-left", PersonStatus::Leaver, &[]);
        world.person_with("p-maybe", PersonStatus::Unknown, &[]);
        world.workflow("triage", Some(agent), &[]);
        world
    }

    #[test]
    fn approvers_are_told_apart() {
        world().with(|context| {
            let requester = Requester::workflow(context.tables, &context.tables.workflows[0]);
            for (name, expected) in [
                ("p-ann", Approver::Human),
                ("ann", Approver::Human),
                ("mixed", Approver::Human),
                ("p-owner", Approver::Own),
                ("agent", Approver::Own),
                ("triage", Approver::Own),
                ("p-left", Approver::Left),
                ("robot", Approver::Machine),
                ("machines", Approver::Machine),
                ("p-maybe", Approver::Unknown),
                ("empty", Approver::Unknown),
                ("nobody", Approver::Unknown),
            ] {
                assert_eq!(Approvers::new(context.tables).approver(&requester, name), expected, "{name}");
            }
        });
    }

    /// Approvers, quorum, whether it is required, and what that comes to.
    type Case = (&'static [&'static str], Option<u32>, Option<bool>, Agreement);

    #[test]
    fn an_approval_holds_where_the_quorum_cannot_be_had_without_a_human_being() {
        use Agreement::{Human, Nobody, Unknown};
        let cases: &[Case] = &[
            (&["p-ann"], Some(1), Some(true), Human),
            (&["p-ann"], None, Some(true), Human),
            (&["p-ann"], Some(1), None, Unknown),
            (&["p-ann"], Some(1), Some(false), Nobody),
            (&["p-ann"], Some(0), Some(true), Nobody),
            // One of two may agree, and the other answers for the agent or is a machine.
            (&["p-ann", "p-owner"], Some(1), Some(true), Nobody),
            (&["p-ann", "p-owner"], Some(2), Some(true), Human),
            (&["p-ann", "p-owner"], None, Some(true), Unknown),
            (&["p-ann", "robot"], Some(1), Some(true), Nobody),
            (&["mixed"], Some(1), Some(true), Nobody),
            (&["mixed"], Some(2), Some(true), Human),
            (&["people"], Some(1), Some(true), Human),
            (&["machines"], None, Some(true), Nobody),
            // Who left agrees to nothing; who is not known may be anything.
            (&["p-ann", "p-left"], Some(1), Some(true), Human),
            (&["p-left"], Some(1), Some(true), Unknown),
            (&["p-ann", "nobody"], Some(1), Some(true), Unknown),
            (&["p-ann", "nobody"], Some(2), Some(true), Human),
            (&["empty", "p-ann"], Some(2), Some(true), Unknown),
        ];
        for (names, quorum, required, expected) in cases {
            let mut world = world();
            for name in *names {
                let row = world.approval("triage", name);
                (row.quorum, row.required) = (*quorum, *required);
            }
            world.with(|context| {
                let requester = Requester::workflow(context.tables, &context.tables.workflows[0]);
                let rows: Vec<&Approval> = context.tables.approvals.iter().collect();
                let found = Approvers::new(context.tables).agreement(&requester, &rows);
                assert_eq!(found, *expected, "{names:?} {quorum:?} {required:?}");
            });
        }
    }

    #[test]
    fn of_several_chains_one_that_holds_is_enough_and_none_is_none() {
        let mut world = world();
        world.approval("triage", "robot");
        world.approval("desk", "p-ann");
        world.with(|context| {
            let requester = Requester::workflow(context.tables, &context.tables.workflows[0]);
            let rows: Vec<&Approval> = context.tables.approvals.iter().collect();
            let approvers = Approvers::new(context.tables);
            assert_eq!(approvers.agreement(&requester, &rows), Agreement::Human);
            assert_eq!(approvers.agreement(&requester, &[]), Agreement::Nobody);
        });
    }
}
