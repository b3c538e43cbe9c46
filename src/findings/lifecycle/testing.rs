//! People, owners and workflows for the small organisations of tests.

use crate::findings::testkit::{World, ago};
use crate::model::{
    EntityKind, Handle, Identity, Membership, MembershipKind, OwnerOrigin, OwnerStatus, Ownership, Person,
    PersonStatus, Standing, Workflow,
};

impl World {
    /// A person; `left` is how many days ago their last day was.
    pub fn person_of(&mut self, id: &str, status: PersonStatus, left: Option<i64>) -> &mut Person {
        self.builder.people.push(Person {
            person: id.to_owned(),
            name: None,
            email: None,
            entity: None,
            status,
            started_at: ago(2000),
            left_at: left.and_then(ago),
            manager: None,
            department: None,
            source: self.builder.source_id(),
            record: String::new(),
        });
        let last = self.builder.people.len() - 1;
        &mut self.builder.people[last]
    }

    /// Says whose an identity is.
    pub fn identity_of(&mut self, person: &str, entity: Handle, confidence: f64) {
        let method = "declared".to_owned();
        self.builder.identities.push(Identity { person: person.to_owned(), entity, method, confidence });
    }

    /// A leaver of so many days ago with one identity.
    pub fn leaver(&mut self, id: &str, left: i64, entity: Handle) {
        self.person_of(id, PersonStatus::Leaver, Some(left));
        self.identity_of(id, entity, 1.0);
    }

    /// Says that a person owns an entity, in a declared table.
    pub fn owner(&mut self, entity: Handle, person: &str, status: OwnerStatus) -> &mut Ownership {
        self.builder.owners.push(Ownership {
            entity,
            owner: person.to_owned(),
            person: Some(person.to_owned()),
            group: None,
            origin: OwnerOrigin::Declared,
            status,
            confidence: 1.0,
            evidence: "row of an owners table".to_owned(),
            source: self.builder.source_id(),
            record: String::new(),
        });
        let last = self.builder.owners.len() - 1;
        &mut self.builder.owners[last]
    }

    /// Binds a workflow to the identity that it runs as.
    pub fn automation(&mut self, id: &str, principal: Handle, control_owner: Option<&str>) {
        self.builder.workflows.push(Workflow {
            workflow: id.to_owned(),
            business_process: None,
            control_owner: control_owner.map(str::to_owned),
            principal: Some(principal),
            ai: None,
            functions: vec![],
            tier: None,
            queue: None,
            takes_from: vec![],
            proposes: vec![],
            source: self.builder.source_id(),
            record: String::new(),
        });
    }

    /// A workload that runs as an identity.
    pub fn workload(&mut self, name: &str, container: Handle) {
        let mut entity =
            crate::model::Entity::named(&format!("test:workload/{name}"), "test", EntityKind::Workload, name);
        entity.present = true;
        let member = self.builder.define(entity);
        self.builder.memberships.push(Membership {
            member,
            container,
            kind: MembershipKind::RunsAs,
            standing: Standing::Active,
            expires_at: None,
            source: self.builder.source_id(),
            record: String::new(),
        });
    }
}
