//! Who is an AI agent here, and what is known of its workflows, owners and approvers.

use std::collections::BTreeMap;

use super::Context;
use crate::model::{EntityId, EntityKind, MembershipKind, Person, PersonStatus, Workflow};

/// An agent's principal and the workflows that run as it.
pub struct Agent<'a> {
    pub principal: EntityId,
    /// All of them, in the order of the table; those that no model takes part in as well.
    pub workflows: Vec<&'a Workflow>,
}

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
    /// The agent, or who answers for it.
    Own,
}

impl<'a> Context<'a> {
    /// Principals of workflows that a model takes part in, and entities that are agents, by number.
    #[must_use]
    pub fn agents(&self) -> Vec<Agent<'a>> {
        let mut found: BTreeMap<EntityId, Vec<&'a Workflow>> = BTreeMap::new();
        for entity in self.principals().filter(|entity| entity.kind == EntityKind::Agent) {
            found.insert(entity.entity, Vec::new());
        }
        let ai = |row: &&Workflow| row.ai == Some(true);
        for principal in self.tables.workflows.iter().filter(ai).filter_map(|row| row.principal) {
            found.insert(principal, Vec::new());
        }
        for row in &self.tables.workflows {
            if let Some(list) = row.principal.and_then(|principal| found.get_mut(&principal)) {
                list.push(row);
            }
        }
        found.into_iter().map(|(principal, workflows)| Agent { principal, workflows }).collect()
    }

    /// Workflows that a model takes part in.
    pub fn ai_workflows(&self) -> impl Iterator<Item = &'a Workflow> {
        self.tables.workflows.iter().filter(|row| row.ai == Some(true))
    }

    /// The person that a text names by id, address or name.
    #[must_use]
    pub fn person(&self, text: &str) -> Option<&'a Person> {
        let people = &self.tables.people;
        let is = |value: Option<&String>| value.is_some_and(|value| value.eq_ignore_ascii_case(text));
        people.iter().find(|row| row.person == text).or_else(|| {
            people.iter().find(|row| is(row.email.as_ref())).or_else(|| people.iter().find(|row| is(row.name.as_ref())))
        })
    }

    /// The entity that a workflow is to be told about: its principal, or the first identity of its control owner.
    #[must_use]
    pub fn home_of(&self, row: &Workflow) -> Option<EntityId> {
        row.principal.or_else(|| self.person(row.control_owner.as_deref()?)?.entity)
    }

    /// What an approver of a workflow is.
    #[must_use]
    pub fn approver(&self, workflow: &Workflow, name: &str) -> Approver {
        let owner = workflow.control_owner.as_deref();
        let of_agent = workflow.principal.and_then(|principal| self.tables.entity(principal).owner.as_deref());
        if let Some(person) = self.person(name) {
            let answers = |one: Option<&str>| {
                one.is_some_and(|one| {
                    one == name || self.person(one).is_some_and(|known| known.person == person.person)
                })
            };
            return match person.status {
                PersonStatus::Leaver => Approver::Left,
                _ if answers(owner) || answers(of_agent) => Approver::Own,
                PersonStatus::Active => Approver::Human,
                PersonStatus::Unknown => Approver::Unknown,
            };
        }
        if owner == Some(name) || of_agent == Some(name) || workflow.workflow == name {
            return Approver::Own;
        }
        let named = |one: &&crate::model::Entity| one.id == name || one.name.eq_ignore_ascii_case(name);
        let holds = |kind: EntityKind| kind.is_principal() || kind == EntityKind::Group;
        let mut found = self.tables.entities.iter().filter(|one| holds(one.kind)).filter(named);
        match (found.next(), found.next()) {
            (Some(one), None) if one.kind == EntityKind::Group => self.approving_group(one.entity, workflow),
            (Some(one), None) => self.approving_entity(one.entity, workflow),
            _ => Approver::Unknown,
        }
    }

    fn approving_entity(&self, one: EntityId, workflow: &Workflow) -> Approver {
        if workflow.principal == Some(one) {
            return Approver::Own;
        }
        let behind = self.tables.identities.iter().find(|row| row.entity == one);
        let person = behind.and_then(|row| self.tables.people.iter().find(|person| person.person == row.person));
        match (person, self.tables.entity(one).nhi) {
            (Some(person), _) => self.approver(workflow, &person.person),
            (None, Some(true)) => Approver::Machine,
            (None, Some(false)) => Approver::Human,
            (None, None) => Approver::Unknown,
        }
    }

    /// The best of a group's members: one who may agree is enough.
    fn approving_group(&self, group: EntityId, workflow: &Workflow) -> Approver {
        let members = self.tables.memberships.iter().filter(|row| row.container == group);
        let members = members.filter(|row| row.kind == MembershipKind::MemberOf && row.member != group);
        let inner = |one: EntityId| match self.tables.entity(one).kind {
            // A group inside a group is not looked into: who is there is not known without it.
            EntityKind::Group => Approver::Unknown,
            _ => self.approving_entity(one, workflow),
        };
        members.map(|row| inner(row.member)).min().unwrap_or(Approver::Unknown)
    }
}

/// How to call a workflow in a sentence.
#[must_use]
pub fn call(row: &Workflow) -> String {
    format!("workflow `{}`", row.workflow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::World;

    #[test]
    fn approvers_are_told_apart() {
        let mut world = World::new();
        let (agent, robot, ann) = (world.robot("agent"), world.robot("robot"), world.user("ann"));
        let (mixed, machines, empty) = (world.group("mixed"), world.group("machines"), world.group("empty"));
        world.join(robot, machines);
        for member in [robot, ann] {
            world.join(member, mixed);
        }
        let _ = empty;
        world.person_with("p-ann", PersonStatus::Active, &[ann]);
        world.person_with("p-owner", PersonStatus::Active, &[]);
        world.person_with("p-left", PersonStatus::Leaver, &[]);
        world.person_with("p-maybe", PersonStatus::Unknown, &[]);
        world.workflow("triage", Some(agent), &[]);
        world.with(|context| {
            let workflow = &context.tables.workflows[0];
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
                assert_eq!(context.approver(workflow, name), expected, "{name}");
            }
        });
    }
}
