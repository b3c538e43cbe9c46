//! A non-human identity that people use, or can.

use std::collections::BTreeMap;

use super::facts::{count, short_list};
use super::lifecycle::control::MAKES_CREDENTIAL;
use super::orphaned_nhi::is_privileged;
use super::{Context, Draft, Info, Rule};
use crate::model::{Certainty, CredentialKind, Edge, Entity, EntityId, text};

/// See [`Info::meaning`].
pub struct HumanUseOfNhi;

const INFO: Info = Info {
    id: "human-use-of-nhi",
    title: "Human use of a non-human identity",
    meaning: "A person signs in as a machine, or can come to act as one in one certain step: what the machine did and \
              what the person did look the same afterwards, and the person has the machine's rights on top of their \
              own. Administrators, who can become anyone, and one's own account are not counted.",
    remediation: "Take the password from the machine, and let people use an identity of their own with the rights that \
                  they need; keep the rights to assume machines or to make keys for them to the platform's automation.",
    cases: &[
        ("signed-in", "the machine has a console password, and it was used"),
        ("privileged", "the machine is in the protected zone or has a certain path into it"),
        ("password", "the machine has a console password"),
        ("acts-as", "people may assume the machine's identity"),
        ("makes-credential", "a person may make a key or password for machines"),
    ],
};

/// Source of a last use that is a sign-in by a person.
const SIGN_IN: &str = "password-last-used";
/// Facts about single identities that a finding shows; how many more there are is said.
const SHOWN: usize = 10;

impl Rule for HumanUseOfNhi {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let machines = context.principals().filter(|entity| entity.nhi == Some(true));
        let mut found: Vec<Draft> = machines.filter_map(|entity| password(context, entity)).collect();
        found.extend(impersonations(context));
        found
    }
}

fn password(context: &Context<'_>, entity: &Entity) -> Option<Draft> {
    let row = context.credentials(entity.entity).iter().find(|row| row.kind == CredentialKind::Password);
    let profile = context.tables.attribute(entity.entity, "login_profile");
    let fact = match (row, profile) {
        (Some(row), _) if row.active == Some(true) => format!("it has the password `{}`", row.credential),
        (None, Some(_)) => "it has a login profile".to_owned(),
        _ => return None,
    };
    let by_password = entity.last_used_at.filter(|_| entity.last_used_source.as_deref() == Some(SIGN_IN));
    let used = row.and_then(|row| row.last_used_at).max(by_password);
    let who = context.call(entity.entity);
    let mut evidence = vec![fact];
    evidence.extend(used.map(|then| format!("the password was last used {}", text::format_time(then))));
    evidence.extend(entity.nhi_reason.as_ref().map(|reason| format!("it is a machine's: {reason}")));
    let privileged = is_privileged(context, entity);
    if privileged {
        evidence.push("it is in the protected zone or has a certain path into it".to_owned());
    }
    let (case, title) = match used {
        Some(_) => ("signed-in", format!("somebody signs in to the console as {who}")),
        None if privileged => ("privileged", format!("{who} is a machine's and has a console password")),
        None => ("password", format!("{who} is a machine's and has a console password")),
    };
    Some(Draft {
        entity: entity.entity,
        case,
        title,
        subjects: vec![],
        key: vec!["password".to_owned()],
        evidence,
        cause: None,
    })
}

/// Who can act as whom by one certain step: a trust is the machine's to change, and is one finding about the machine; a
/// right to make credentials is the person's, and is one finding about the person.
fn impersonations(context: &Context<'_>) -> Vec<Draft> {
    let control = &context.lifecycle().control;
    let mut assumed: BTreeMap<EntityId, Vec<(EntityId, &Edge)>> = BTreeMap::new();
    let mut keyed: Vec<Draft> = Vec::new();
    let people = context.principals().filter(|entity| entity.nhi == Some(false) && entity.enabled != Some(false));
    for person in people.filter(|entity| context.zone_reason(entity.entity).is_none()) {
        let mut machines: BTreeMap<EntityId, &Edge> = BTreeMap::new();
        for step in control.steps(context, person.entity) {
            let machine = context.tables.entity(step.target);
            if step.certainty != Certainty::Certain || machine.nhi != Some(true) || !machine.is_principal() {
                continue;
            }
            if MAKES_CREDENTIAL.contains(&step.edge.technique.as_str()) {
                machines.entry(step.target).or_insert(step.edge);
            } else {
                assumed.entry(step.target).or_default().push((person.entity, step.edge));
            }
        }
        keyed.extend(makes_credentials(context, person.entity, &machines));
    }
    let mut found: Vec<Draft> =
        assumed.into_iter().map(|(machine, people)| acts_as(context, machine, &people)).collect();
    found.append(&mut keyed);
    found
}

fn acts_as(context: &Context<'_>, machine: EntityId, people: &[(EntityId, &Edge)]) -> Draft {
    let mut names: Vec<EntityId> = people.iter().map(|(person, _)| *person).collect();
    names.dedup();
    let who = match names[..] {
        [one] => format!("{} may act", context.call(one)),
        _ => format!("{} people may act", names.len()),
    };
    let mut evidence: Vec<String> =
        people.iter().take(SHOWN).map(|(person, edge)| step(context, *person, edge)).collect();
    if people.len() > SHOWN {
        evidence.push(format!("and {} more", people.len() - SHOWN));
    }
    let privileged = is_privileged(context, context.tables.entity(machine));
    if privileged {
        evidence.push("it is in the protected zone or has a certain path into it".to_owned());
    }
    Draft {
        entity: machine,
        case: if privileged { "privileged" } else { "acts-as" },
        title: format!("{who} as {}", context.call(machine)),
        subjects: names,
        key: vec!["acts-as".to_owned()],
        evidence,
        cause: None,
    }
}

fn makes_credentials(context: &Context<'_>, person: EntityId, machines: &BTreeMap<EntityId, &Edge>) -> Option<Draft> {
    let (first, edge) = machines.first_key_value()?;
    let names: Vec<&str> = machines.keys().map(|&machine| context.tables.entity(machine).name.as_str()).collect();
    let what = match names.len() {
        1 => context.call(*first),
        n => count(n, "machine"),
    };
    let mut evidence = vec![step(context, person, edge), format!("of {}", short_list(&names))];
    let near: Vec<&str> = machines
        .keys()
        .map(|&machine| context.tables.entity(machine))
        .filter(|machine| is_privileged(context, machine))
        .map(|machine| machine.name.as_str())
        .collect();
    if !near.is_empty() {
        evidence.push(format!("in the protected zone or with a certain path into it: {}", short_list(&near)));
    }
    Some(Draft {
        entity: person,
        case: if near.is_empty() { "makes-credential" } else { "privileged" },
        title: format!("{} may make a key or password for {what}", context.call(person)),
        subjects: machines.keys().copied().collect(),
        key: vec!["makes-credential".to_owned()],
        evidence,
        cause: None,
    })
}

fn step(context: &Context<'_>, person: EntityId, edge: &Edge) -> String {
    let grants: Vec<String> = edge.evidence.iter().take(2).map(|&grant| context.cite(grant)).collect();
    let by = if grants.is_empty() { String::new() } else { format!(": {}", grants.join("; ")) };
    format!("{} by {}{by}", context.call(person), edge.technique)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::Facts;
    use crate::findings::testkit::{World, cases};
    use crate::model::Layer;

    #[test]
    fn a_machine_with_a_password_is_found_and_its_use_is_worse() {
        let mut world = World::new();
        let (used, unused, off, person) =
            (world.robot("a-used"), world.robot("b-unused"), world.robot("c-off"), world.user("d-person"));
        world.credential(used, "p1", CredentialKind::Password, 100, Some(3));
        world.credential(unused, "p2", CredentialKind::Password, 100, None);
        let at = world.credential(off, "p3", CredentialKind::Password, 100, Some(3));
        world.builder.credentials[at].active = Some(false);
        world.credential(person, "p4", CredentialKind::Password, 100, Some(3));
        let found = world.check(&HumanUseOfNhi);
        assert_eq!(cases(&found), [("signed-in", "a-used"), ("password", "b-unused")]);
        assert_eq!(found[0].2.evidence[1], "the password was last used 2026-11-19T00:00:00Z");
    }

    /// People with a step to machines; the steps go by the technique that is named.
    fn steps(
        technique: &str,
        certainty: Certainty,
        prepare: impl FnOnce(&mut World),
    ) -> Vec<(&'static str, String, usize)> {
        let mut world = World::new();
        let (ann, bob) = (world.user("ann"), world.user("bob"));
        let (a, b) = (world.robot("bot-a"), world.robot("bot-b"));
        let grant = world.grant(ann, &["iam:CreateAccessKey"], Layer::Identity);
        for (from, to) in [(ann, a), (ann, b), (bob, a)] {
            world.step(from, to, certainty, grant);
        }
        prepare(&mut world);
        world.with(|context| {
            let mut edges = context.facts.edges.to_vec();
            for edge in &mut edges {
                technique.clone_into(&mut edge.technique);
            }
            let context = Context::new(Facts { edges: &edges, ..context.facts });
            let named =
                |draft: Draft| (draft.case, context.tables.entity(draft.entity).name.clone(), draft.subjects.len());
            HumanUseOfNhi.check(&context).into_iter().map(named).collect()
        })
    }

    #[test]
    fn a_trust_is_a_finding_of_the_machine_and_a_right_to_make_keys_one_of_the_person() {
        let certain = Certainty::Certain;
        let assumed = steps("sts-001", certain, |_| ());
        assert_eq!(assumed, [("acts-as", "bot-a".to_owned(), 2), ("acts-as", "bot-b".to_owned(), 1)]);
        let keyed = steps("iam-003", certain, |_| ());
        assert_eq!(keyed, [("makes-credential", "ann".to_owned(), 2), ("makes-credential", "bob".to_owned(), 1)]);
        assert!(steps("iam-003", Certainty::Conditional, |_| ()).is_empty(), "it may not be possible");
        assert!(steps("lambda-001", certain, |_| ()).is_empty(), "running code as a role is another question");
    }

    #[test]
    fn administrators_are_not_counted_and_privileged_machines_count_more() {
        let admin = |world: &mut World| {
            let ann = world.user("ann");
            world.protect(ann, "administrator");
        };
        assert_eq!(steps("iam-003", Certainty::Certain, admin), [("makes-credential", "bob".to_owned(), 1)]);
        let near = |world: &mut World| {
            let b = world.robot("bot-b");
            world.hops(b, Some(1), Some(1));
        };
        let found = steps("iam-003", Certainty::Certain, near);
        assert_eq!(found, [("privileged", "ann".to_owned(), 2), ("makes-credential", "bob".to_owned(), 1)]);
    }
}
