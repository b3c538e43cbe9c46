//! A machine that proves itself by something that it need not.

use std::collections::BTreeMap;

use super::facts::is_root;
use super::severity::Rank;
use super::trust::lets_act;
use super::{Context, Draft, Info, Rule};
use crate::model::{Credential, CredentialKind, Decision, Entity, EntityKind, TrustKind};

/// Services that run workloads and hand them the temporary credentials of a role.
const COMPUTE: &[&str] = &[
    "ec2.amazonaws.com",
    "lambda.amazonaws.com",
    "ecs-tasks.amazonaws.com",
    "eks.amazonaws.com",
    "pods.eks.amazonaws.com",
    "codebuild.amazonaws.com",
    "batch.amazonaws.com",
    "glue.amazonaws.com",
    "sagemaker.amazonaws.com",
    "states.amazonaws.com",
    "tasks.apprunner.amazonaws.com",
];

/// See [`Info::meaning`].
pub struct InsecureAuthentication;

const INFO: Info = Info {
    id: "insecure-authentication",
    title: "Machine signs in by a password or a key that it does not need",
    meaning: "A non-human identity has an active password, by which a person can sign in unseen as a machine; or it \
              holds a static key although a role that workloads can run as (an instance profile, a trust in a compute \
              service) in the same account gives at least as many actions in every service and level that the key's \
              holder may use. That a workload can move there is read from the export; that it runs on such compute is \
              not in it.",
    remediation: "Delete the password. Let the workload run as the role named, or give it one of its own, and delete \
                  the key.",
    cases: &[
        (
            "password-privileged",
            "an active password, and the identity is in the protected zone or has a certain path to it",
        ),
        ("password", "an active password"),
        ("static-key", "an active static key where a role for workloads would do"),
    ],
};

impl Rule for InsecureAuthentication {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let roles = Roles::new(context);
        let machines = context.principals().filter(|entity| entity.nhi == Some(true) && !is_root(entity));
        machines.flat_map(|entity| [password(context, entity), static_key(context, entity, &roles)]).flatten().collect()
    }
}

fn password(context: &Context<'_>, entity: &Entity) -> Option<Draft> {
    let works = |row: &&Credential| row.kind == CredentialKind::Password && row.active == Some(true);
    let row = context.credentials(entity.entity).iter().find(works)?;
    let case = if context.rank(entity.entity) == Rank::Other { "password" } else { "password-privileged" };
    let title = format!("{} is a machine with a password", context.call(entity.entity));
    let mut evidence = vec![format!("password `{}` is active", row.credential)];
    evidence.extend(entity.nhi_reason.as_ref().map(|why| format!("a machine: {why}")));
    evidence.push(context.rank_reason(entity.entity));
    let key = vec!["password".to_owned()];
    Some(Draft { entity: entity.entity, case, title, subjects: vec![], key, evidence, cause: None })
}

/// Why a role is one that workloads can run as; `None` for others and for administrators.
fn workload_role(context: &Context<'_>, entity: &Entity) -> Option<String> {
    if entity.kind != EntityKind::Role || context.zone_reason(entity.entity).is_some() {
        return None;
    }
    if let Some(profile) = context.tables.attribute(entity.entity, "instance_profile") {
        return Some(format!("it has the instance profile `{profile}`"));
    }
    let trusted = context.trusts(entity.entity).iter().filter(|row| row.kind == TrustKind::Service && lets_act(row));
    let mut services = trusted.filter_map(|row| row.trustee_pattern.strip_prefix("Service:"));
    let service = services.find(|service| COMPUTE.contains(service))?;
    Some(format!("it trusts `{service}`"))
}

/// Roles that workloads can run as, with the reason: by scope, those with the least privilege first.
struct Roles<'a>(BTreeMap<Option<String>, Vec<(&'a Entity, String)>>);

impl<'a> Roles<'a> {
    fn new(context: &Context<'a>) -> Self {
        let mut roles: BTreeMap<Option<String>, Vec<(&Entity, String)>> = BTreeMap::new();
        for entity in context.principals() {
            if let Some(why) = workload_role(context, entity) {
                roles.entry(entity.scope.clone()).or_default().push((entity, why));
            }
        }
        let mass = |of: &Entity| context.access(of.entity).iter().map(|row| row.mass).sum::<f64>();
        for list in roles.values_mut() {
            list.sort_by(|a, b| mass(a.0).total_cmp(&mass(b.0)));
        }
        Self(roles)
    }
}

fn static_key(context: &Context<'_>, entity: &Entity, roles: &Roles<'_>) -> Option<Draft> {
    if entity.kind != EntityKind::User || context.access(entity.entity).is_empty() {
        return None;
    }
    let works = |row: &&Credential| row.kind == CredentialKind::AccessKey && row.active == Some(true);
    let keys: Vec<&Credential> = context.credentials(entity.entity).iter().filter(works).collect();
    let first = keys.first()?;
    let (role, why) = roles.0.get(&entity.scope)?.iter().find(|(role, _)| covers(context, role, entity))?;
    let title =
        format!("{} holds a static key where {} would do", context.call(entity.entity), context.call(role.entity));
    let evidence = vec![
        format!("access key `{}` is active", first.credential),
        format!("{} is for workloads: {why}", context.call(role.entity)),
        "it may do at least as much in every service and level".to_owned(),
    ];
    let (subjects, key) = (vec![role.entity], vec!["static-key".to_owned()]);
    Some(Draft { entity: entity.entity, case: "static-key", title, subjects, key, evidence, cause: None })
}

/// Whether a role has, for certain, at least as many actions as a user in every service and level that the user has.
fn covers(context: &Context<'_>, role: &Entity, user: &Entity) -> bool {
    let given = context.access(role.entity);
    let wanted = context.access(user.entity).iter().filter(|row| row.granted_n > 0 && row.decision != Decision::Denied);
    wanted.into_iter().all(|row| {
        // Rows are sorted by service first.
        let start = given.partition_point(|one| one.service < row.service);
        given[start..]
            .iter()
            .take_while(|one| one.service == row.service)
            .any(|one| one.level == row.level && one.decision == Decision::Allowed && one.granted_n >= row.granted_n)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};

    #[test]
    fn a_machine_with_a_working_password_is_found_and_a_person_is_not() {
        let mut world = World::new();
        let (robot, near, off, ann) =
            (world.robot("robot"), world.robot("near"), world.robot("off"), world.user("ann"));
        world.hops(near, Some(1), Some(1));
        for who in [robot, near, off, ann] {
            world.credential(who, "p", CredentialKind::Password, 10, Some(1));
        }
        world.builder.credentials[2].active = None;
        let found = world.check(&InsecureAuthentication);
        assert_eq!(cases(&found), [("password-privileged", "near"), ("password", "robot")]);
    }

    fn key_world(actions_of_role: u32, trust: &str, protect: bool) -> World {
        let mut world = World::new();
        let (robot, role) = (world.robot("robot"), world.role("app"));
        world.credential(robot, "AKIA1", CredentialKind::AccessKey, 10, Some(1));
        world.may(robot, "s3", "write", 3, 10.0);
        world.may(role, "s3", "write", actions_of_role, 10.0);
        world.trust(role, trust, TrustKind::Service, None);
        if protect {
            world.protect(role, "administrator");
        }
        world
    }

    #[test]
    fn a_key_where_a_workload_role_gives_as_much_is_found() {
        let found = key_world(3, "Service:ec2.amazonaws.com", false).check(&InsecureAuthentication);
        assert_eq!(cases(&found), [("static-key", "robot")]);
        assert_eq!(found[0].2.title, "user `robot` holds a static key where role `app` would do");
        assert_eq!(found[0].2.evidence[1], "role `app` is for workloads: it trusts `ec2.amazonaws.com`");
    }

    #[test]
    fn a_role_that_gives_less_serves_no_workload_or_rules_all_is_no_way_out() {
        for (n, trust, protect) in [
            (2, "Service:ec2.amazonaws.com", false),
            (3, "Service:config.amazonaws.com", false),
            (3, "Service:ec2.amazonaws.com", true),
        ] {
            assert!(key_world(n, trust, protect).check(&InsecureAuthentication).is_empty(), "{n} {trust} {protect}");
        }
    }

    #[test]
    fn an_instance_profile_counts_and_unknown_access_does_not() {
        let mut world = key_world(3, "Service:config.amazonaws.com", false);
        let role = world.role("app");
        world.builder.attribute(role, "instance_profile", "app-profile");
        assert_eq!(cases(&world.check(&InsecureAuthentication)), [("static-key", "robot")]);
        let mut world = World::new();
        let (robot, role) = (world.robot("robot"), world.role("app"));
        world.credential(robot, "AKIA1", CredentialKind::AccessKey, 10, Some(1));
        world.trust(role, "Service:ec2.amazonaws.com", TrustKind::Service, None);
        assert!(world.check(&InsecureAuthentication).is_empty(), "nothing is known of what the user may do");
    }
}
