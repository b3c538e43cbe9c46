//! A non-human identity that several things use.

use super::lifecycle::consumers::consumers;
use super::lifecycle::ownership::is_platforms_own;
use super::orphaned_nhi::is_privileged;
use super::{Context, Draft, Info, Rule};
use crate::model::{Entity, EntityId};

/// See [`Info::meaning`].
pub struct SharedNhi;

const INFO: Info = Info {
    id: "shared-nhi",
    title: "Non-human identity with several consumers",
    meaning: "Several workflows, workloads, services or outside parties use one identity, or one key belongs to \
              several identities. It holds the rights of all of them together, nobody can tell which of them did \
              something, and it cannot be rotated or removed for one alone. Each kind of consumer is counted by \
              itself, as far as the export shows it.",
    remediation: "Give each consumer an identity of its own with the rights that it needs.",
    cases: &[
        ("privileged", "it is in the protected zone or has a certain path into it, and is shared in one of these ways"),
        ("key", "another identity has the same key"),
        ("workflows", "several workflows run as it"),
        ("workloads", "several instance profiles, functions or other workloads carry it"),
        ("trust", "its trust names several services, outside accounts, machines or subjects of an identity provider"),
    ],
};

/// The ways that count before others when an identity is shared in several.
const ORDER: [&str; 4] = ["key", "workflows", "workloads", "trust"];

impl Rule for SharedNhi {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let machines = context.principals().filter(|entity| entity.nhi == Some(true));
        let ours = machines.filter(|entity| !is_platforms_own(context.tables, entity));
        ours.filter_map(|entity| draft(context, entity)).collect()
    }
}

fn draft(context: &Context<'_>, entity: &Entity) -> Option<Draft> {
    let found = consumers(context, context.lifecycle(), entity);
    let ways = found.shared();
    let main = ORDER.into_iter().find(|case| ways.iter().any(|(way, _)| way == case))?;
    let who = context.call(entity.entity);
    let title = match main {
        "workflows" => format!("{} workflows run as {who}", found.workflows.len()),
        "workloads" => format!("{} workloads carry {who}", found.workloads.len()),
        "key" => format!("{who} shares a key with another identity"),
        _ if found.trusted.len() > 1 => format!("{} different consumers may act as {who}", found.trusted.len()),
        _ => format!("any consumer that matches a pattern may act as {who}"),
    };
    let mut evidence: Vec<String> = ways.into_iter().map(|(_, fact)| fact).collect();
    let privileged = is_privileged(context, entity);
    if privileged {
        evidence.push("it is in the protected zone or has a certain path into it".to_owned());
    }
    let subjects: Vec<EntityId> = found.others.iter().copied().collect();
    let case = if privileged { "privileged" } else { main };
    Some(Draft { entity: entity.entity, case, title, subjects, key: vec![], evidence, cause: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};
    use crate::model::{CredentialKind, TrustKind};

    #[test]
    fn two_consumers_of_a_kind_are_shared_and_one_is_not() {
        let mut world = World::new();
        let (one, two, power) = (world.role("a-one"), world.role("b-two"), world.role("c-power"));
        for (role, id) in [(one, "w1"), (two, "w2"), (two, "w3"), (power, "w4"), (power, "w5")] {
            world.automation(id, role, None);
        }
        world.hops(power, Some(1), Some(1));
        let found = world.check(&SharedNhi);
        assert_eq!(cases(&found), [("workflows", "b-two"), ("privileged", "c-power")]);
        assert_eq!(found[0].2.title, "2 workflows run as role `b-two`");
        assert_eq!(found[0].2.evidence, ["2 workflows run as it: `w2`, `w3`"]);
    }

    #[test]
    fn workloads_keys_and_trusts_count_each_by_themselves() {
        let mut world = World::new();
        let (pods, trusted) = (world.role("a-pods"), world.role("b-trusted"));
        let (first, second) = (world.robot("first"), world.robot("second"));
        world.workload("pod-a", pods);
        world.workload("pod-b", pods);
        for service in ["lambda", "glue"] {
            world.trust(trusted, &format!("Service:{service}.amazonaws.com"), TrustKind::Service, None);
        }
        for robot in [first, second] {
            world.credential(robot, "SHA256:same", CredentialKind::SshKey, 10, Some(1));
        }
        let found = world.check(&SharedNhi);
        assert_eq!(
            cases(&found),
            [("workloads", "a-pods"), ("trust", "b-trusted"), ("key", "first"), ("key", "second")]
        );
        assert_eq!(found[1].2.evidence, ["its trust names `service glue`, `service lambda`"]);
        assert_eq!(found[2].2.subjects.len(), 1);
        assert_eq!(found[0].2.subjects.len(), 2);
    }

    #[test]
    fn people_the_undecided_and_the_platforms_own_are_no_finding() {
        let mut world = World::new();
        let (person, undecided, linked) = (world.user("person"), world.role("undecided"), world.role("linked"));
        world.edit(undecided, |entity| entity.nhi = None);
        world.builder.attribute(linked, "service_linked", "true");
        for who in [person, undecided, linked] {
            world.automation("w1", who, None);
            world.automation("w2", who, None);
        }
        assert!(world.check(&SharedNhi).is_empty());
    }
}
