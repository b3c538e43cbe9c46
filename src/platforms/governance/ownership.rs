//! Who answers for what: rows of owners tables, tags that name an owner, control owners of workflows; and whether the
//! one who is named is still there.

use rustc_hash::{FxHashMap, FxHashSet};

use super::directory::{Directory, Who};
use crate::model::naming::{Named, Names};
use crate::model::{
    Entity, EntityId, EntityKind, MembershipKind, OwnerOrigin, OwnerStatus, Ownership, SourceId, Tables,
};

/// Tags that name an owner, without regard to case and to `-`, `_`, `:`, `.` and blanks in them, and how sure each is.
/// Somebody wrote them by hand at some time, so that none is as sure as an owners table.
const TAGS: [(&str, OwnerOrigin, f64); 20] = [
    ("owner", OwnerOrigin::Tag, 0.8),
    ("owneremail", OwnerOrigin::Tag, 0.8),
    ("ownername", OwnerOrigin::Tag, 0.8),
    ("ownedby", OwnerOrigin::Tag, 0.8),
    ("serviceowner", OwnerOrigin::Tag, 0.8),
    ("technicalowner", OwnerOrigin::Tag, 0.8),
    ("businessowner", OwnerOrigin::Tag, 0.7),
    ("dataowner", OwnerOrigin::Tag, 0.7),
    ("maintainer", OwnerOrigin::Tag, 0.7),
    ("responsible", OwnerOrigin::Tag, 0.7),
    ("team", OwnerOrigin::Tag, 0.6),
    ("ownerteam", OwnerOrigin::Tag, 0.6),
    ("owningteam", OwnerOrigin::Tag, 0.6),
    ("squad", OwnerOrigin::Tag, 0.6),
    ("teamemail", OwnerOrigin::Tag, 0.6),
    ("contact", OwnerOrigin::Tag, 0.5),
    ("contactemail", OwnerOrigin::Tag, 0.5),
    ("pointofcontact", OwnerOrigin::Tag, 0.5),
    ("createdby", OwnerOrigin::Creator, 0.3),
    ("creator", OwnerOrigin::Creator, 0.3),
];
/// How sure the control owner of a workflow is as the owner of what it runs as.
const WORKFLOW_CONFIDENCE: f64 = 0.7;

/// Adds the rows that follow from tags and workflows, judges every row, and gives each entity its surest owner.
pub fn settle(tables: &mut Tables) {
    let mut more = of_tags(tables);
    more.extend(of_workflows(tables));
    tables.owners.append(&mut more);
    judge(tables);
}

/// Judges every row anew, and gives each entity its surest owner.
pub fn judge(tables: &mut Tables) {
    if tables.owners.is_empty() {
        return;
    }
    let judged = Judge::new(tables).all();
    for (row, (person, group, status)) in tables.owners.iter_mut().zip(judged) {
        (row.person, row.group, row.status) = (person, group, status);
    }
    tables.owners.sort_by(|a, b| {
        let surest = b.confidence.total_cmp(&a.confidence);
        a.entity
            .cmp(&b.entity)
            .then(surest)
            .then_with(|| (a.origin, &a.owner, a.source, &a.record).cmp(&(b.origin, &b.owner, b.source, &b.record)))
    });
    for rows in tables.owners.chunk_by(|a, b| a.entity == b.entity) {
        let surest = &rows[0];
        let entity = &mut tables.entities[surest.entity.index()];
        entity.owner = Some(surest.owner.clone());
        entity.owner_status = Some(surest.status.as_str().to_owned());
        entity.owner_confidence = Some(surest.confidence);
    }
}

/// What a tag's key is called without the signs that people put between words.
fn bare(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

fn of_tags(tables: &Tables) -> Vec<Ownership> {
    let mut rows = Vec::new();
    for row in tables.attributes.iter().filter(|row| !row.value.trim().is_empty()) {
        let Some(key) = row.key.strip_prefix("tag:") else { continue };
        let bare = bare(key);
        let Some((_, origin, confidence)) = TAGS.iter().find(|(known, ..)| *known == bare) else { continue };
        let entity = tables.entity(row.entity);
        if !entity.is_principal() {
            continue;
        }
        rows.push(Ownership {
            entity: row.entity,
            owner: row.value.trim().to_owned(),
            person: None,
            group: None,
            origin: *origin,
            status: OwnerStatus::Unknown,
            confidence: *confidence,
            evidence: format!("tag `{key}`"),
            // What is present has a source; the first stands in where a reader does not say.
            source: entity.source.unwrap_or(SourceId(0)),
            record: entity.record.clone().unwrap_or_default(),
        });
    }
    rows
}

fn of_workflows(tables: &Tables) -> Vec<Ownership> {
    let owned = tables.workflows.iter().filter_map(|row| Some((row, row.principal?, row.control_owner.clone()?)));
    let row = |(row, entity, owner): (&crate::model::Workflow, EntityId, String)| Ownership {
        entity,
        owner,
        person: None,
        group: None,
        origin: OwnerOrigin::Workflow,
        status: OwnerStatus::Unknown,
        confidence: WORKFLOW_CONFIDENCE,
        evidence: format!("control owner of the workflow `{}`", row.workflow),
        source: row.source,
        record: row.record.clone(),
    };
    owned.map(row).collect()
}

/// Person, group and state of an owner.
type Judged = (Option<String>, Option<EntityId>, OwnerStatus);

/// Says what the names of owners mean.
pub struct Judge<'t> {
    tables: &'t Tables,
    directory: Directory,
    names: Names<'t>,
    /// Members by group; empty unless an owner is a group.
    members: FxHashMap<EntityId, Vec<EntityId>>,
}

impl<'t> Judge<'t> {
    /// Looks up everyone whom owners and approvals name.
    #[must_use]
    pub fn new(tables: &'t Tables) -> Self {
        let directory = Directory::new(tables);
        let owners = tables.owners.iter().map(|row| row.owner.as_str());
        let approvers = tables.approvals.iter().map(|row| row.approver.as_str());
        let mut names = Names::new(owners.chain(approvers));
        let named = |entity: &&Entity| matches!(entity.kind, EntityKind::Group | EntityKind::User);
        tables.entities.iter().filter(|entity| entity.present).filter(named).for_each(|entity| names.learn(entity));
        let mut members: FxHashMap<EntityId, Vec<EntityId>> = FxHashMap::default();
        for row in tables.memberships.iter().filter(|row| row.kind == MembershipKind::MemberOf) {
            members.entry(row.container).or_default().push(row.member);
        }
        Self { tables, directory, names, members }
    }

    fn all(&self) -> Vec<Judged> {
        let mut seen: FxHashMap<&str, Judged> = FxHashMap::default();
        let owners = self.tables.owners.iter().map(|row| row.owner.as_str());
        owners.map(|owner| seen.entry(owner).or_insert_with(|| self.owner(owner)).clone()).collect()
    }

    /// What the name of an owner or approver means. Without a table of people nothing says who belongs.
    #[must_use]
    pub fn owner(&self, name: &str) -> Judged {
        let group = self.group(name);
        let person = match self.directory.find(name) {
            Who::One(person) => Some(person),
            // Who of them is meant is not known, and so is their state.
            Who::Several => return (None, None, OwnerStatus::Unknown),
            Who::Nobody => self.of_identity(name),
        };
        if let Some(person) = person {
            return (Some(self.tables.people[person].person.clone()), None, self.directory.state(person));
        }
        if self.directory.is_empty() {
            return (None, group, OwnerStatus::Unknown);
        }
        if let Some(group) = group {
            return (None, Some(group), self.group_state(group));
        }
        let status = match self.directory.department(name) {
            Some(people) => together(people.iter().map(|person| self.directory.state(*person))),
            None => OwnerStatus::Dangling,
        };
        (None, None, status)
    }

    fn group(&self, name: &str) -> Option<EntityId> {
        let group = |entity: &Entity| (entity.kind == EntityKind::Group).then_some(0);
        match self.names.find(name, group) {
            Named::One(found) => Some(found.entity),
            _ => None,
        }
    }

    /// The person whose user is called so.
    fn of_identity(&self, name: &str) -> Option<usize> {
        let user = |entity: &Entity| self.directory.of_identity(entity.entity).map(|_| 0);
        match self.names.find(name, user) {
            Named::One(found) => self.directory.of_identity(found.entity),
            _ => None,
        }
    }

    /// Who is in a group, groups in it included, each once.
    fn inside(&self, group: EntityId) -> FxHashSet<EntityId> {
        let mut seen = FxHashSet::default();
        let mut open = vec![group];
        while let Some(next) = open.pop() {
            for &member in self.members.get(&next).into_iter().flatten() {
                if seen.insert(member) {
                    open.push(member);
                }
            }
        }
        seen
    }

    fn group_state(&self, group: EntityId) -> OwnerStatus {
        let states = self.inside(group).into_iter().filter_map(|member| {
            let entity = self.tables.entity(member);
            if !matches!(entity.kind, EntityKind::User | EntityKind::External) || entity.nhi == Some(true) {
                return None;
            }
            if entity.enabled == Some(false) {
                return Some(OwnerStatus::Disabled);
            }
            // A user of whom no table says whose it is may be somebody who belongs.
            Some(self.directory.of_identity(member).map_or(OwnerStatus::Unknown, |person| self.directory.state(person)))
        });
        together(states)
    }

    /// How many can approve under a name: one person, or the members of a group who are not known to be gone. `None`
    /// when the name is nobody's, or the group's members are not known.
    #[must_use]
    pub fn approvers(&self, name: &str) -> Option<u32> {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        match self.owner(name) {
            (Some(_), _, status) => Some(u32::from(may_act(status))),
            (_, Some(group), _) => {
                let people = self.inside(group).into_iter().filter(|member| {
                    let entity = self.tables.entity(*member);
                    let gone = self.directory.of_identity(*member).is_some_and(|at| !may_act(self.directory.state(at)));
                    entity.kind != EntityKind::Group
                        && entity.nhi != Some(true)
                        && entity.enabled != Some(false)
                        && !gone
                });
                self.members.contains_key(&group).then(|| count(people.count()))
            }
            _ => self
                .directory
                .department(name)
                .map(|people| count(people.iter().filter(|at| may_act(self.directory.state(**at))).count())),
        }
    }
}

/// The state of several people as one owner: one who belongs is enough, and one who may belong leaves it open.
fn together(states: impl Iterator<Item = OwnerStatus>) -> OwnerStatus {
    states.fold(OwnerStatus::EmptyGroup, |all, one| match (all, one) {
        (OwnerStatus::Active, _) | (_, OwnerStatus::Active) => OwnerStatus::Active,
        (OwnerStatus::Unknown, _) | (_, OwnerStatus::Unknown) => OwnerStatus::Unknown,
        (all, _) => all,
    })
}

/// Whether somebody in this state may still act.
const fn may_act(status: OwnerStatus) -> bool {
    matches!(status, OwnerStatus::Active | OwnerStatus::Unknown)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{export, found, join};
    use super::*;
    use crate::model::{Builder, Membership, Standing};

    const PEOPLE: &str = "person,name,email,status,department,identities\n\
                          P1,Ada,ada@x.org,active,Payments,user/ada\nP2,Bo,bo@x.org,leaver,Legacy,user/bo\n\
                          P3,Cy,cy@x.org,active,,user/cy\n";

    fn organisation() -> Builder {
        let mut out = export(&[
            (EntityKind::Role, "r"),
            (EntityKind::User, "ada"),
            (EntityKind::User, "bo"),
            (EntityKind::User, "cy"),
            (EntityKind::User, "stranger"),
            (EntityKind::Group, "ops"),
            (EntityKind::Group, "gone"),
            (EntityKind::Group, "empty"),
            (EntityKind::Group, "strange"),
            (EntityKind::Group, "outer"),
        ]);
        let of = |out: &Builder, id: &str| out.handle(&format!("p:1:{id}")).expect("it is there");
        let cy = of(&out, "user/cy");
        let mut disabled = out.entity(cy).clone();
        disabled.enabled = Some(false);
        out.define(disabled);
        for (member, group) in [
            ("user/ada", "group/ops"),
            ("user/bo", "group/ops"),
            ("user/bo", "group/gone"),
            ("user/cy", "group/gone"),
            ("user/stranger", "group/strange"),
            ("group/ops", "group/outer"),
            ("group/outer", "group/ops"),
        ] {
            let (member, container) = (of(&out, member), of(&out, group));
            out.memberships.push(Membership {
                member,
                container,
                kind: MembershipKind::MemberOf,
                standing: Standing::Active,
                expires_at: None,
                source: out.source_id(),
                record: String::new(),
            });
        }
        out
    }

    fn status(owner: &str, tables: &[&str]) -> String {
        let owners = format!("principal,owner\nrole/r,{owner}\n");
        let mut all = vec![owners.as_str()];
        all.extend(tables);
        let tables = join(organisation(), &all);
        let role = tables.entity(tables.find("p:1:role/r").expect("it is there"));
        assert_eq!(role.owner.as_deref(), Some(owner));
        assert_eq!(role.owner_status.as_deref(), Some(tables.owners[0].status.as_str()));
        let person = tables.owners[0].person.clone().unwrap_or_default();
        format!("{} {person}", tables.owners[0].status).trim().to_owned()
    }

    #[test]
    fn the_state_of_an_owner_is_that_of_the_person_the_group_or_the_department() {
        for (owner, expected) in [
            ("P1", "active P1"),
            ("ADA@x.org", "active P1"),
            ("user/ada", "active P1"),
            ("bo@x.org", "departed P2"),
            ("bo", "departed P2"),
            ("Cy", "disabled P3"),
            ("ops", "active"),
            ("outer", "active"),
            ("gone", "empty_group"),
            ("empty", "empty_group"),
            ("strange", "unknown"),
            ("payments", "active"),
            ("legacy", "empty_group"),
            ("nobody@x.org", "dangling"),
            ("stranger", "dangling"),
        ] {
            assert_eq!(status(owner, &[PEOPLE]), expected, "{owner}");
        }
    }

    #[test]
    fn without_a_table_of_people_nothing_says_who_belongs() {
        for owner in ["P1", "ops", "empty", "ada"] {
            assert_eq!(status(owner, &[]), "unknown", "{owner}");
        }
    }

    #[test]
    fn the_surest_row_is_the_owner_and_all_are_kept_in_order() {
        let mut export = organisation();
        let role = export.handle("p:1:role/r").expect("it is there");
        let ops = export.handle("p:1:group/ops").expect("it is there");
        for (key, value) in [("tag:Owner", "ada"), ("tag:created-by", "bo"), ("tag:TEAM", " "), ("tag:cost", "x")] {
            export.attribute(role, key, value);
        }
        export.attribute(ops, "tag:owner", "ada");
        let owners = "principal,owner,confidence\nr,bo@x.org;P1,0.75\nr,ops,2\n";
        let workflows = "workflow,principal,control_owner\nW-1,role/r,ada@x.org\n";
        let tables = join(export, &[PEOPLE, owners, workflows]);
        let rows: Vec<(&str, OwnerOrigin, f64, OwnerStatus)> =
            tables.owners.iter().map(|row| (row.owner.as_str(), row.origin, row.confidence, row.status)).collect();
        assert_eq!(
            rows,
            [
                ("ops", OwnerOrigin::Declared, 1.0, OwnerStatus::Active),
                ("ada", OwnerOrigin::Tag, 0.8, OwnerStatus::Active),
                ("P1", OwnerOrigin::Declared, 0.75, OwnerStatus::Active),
                ("bo@x.org", OwnerOrigin::Declared, 0.75, OwnerStatus::Departed),
                ("P1", OwnerOrigin::Workflow, 0.7, OwnerStatus::Active),
                ("bo", OwnerOrigin::Creator, 0.3, OwnerStatus::Departed),
            ]
        );
        let role = tables.entity(tables.find("p:1:role/r").expect("it is there"));
        assert_eq!((role.owner.as_deref(), role.owner_confidence), (Some("ops"), Some(1.0)));
        assert_eq!(found(&tables), [("number_invalid", "line 3")]);
    }
}
