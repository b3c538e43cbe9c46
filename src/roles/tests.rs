//! A small organisation, counted by hand: what is mined, what is left out, and how complex both structures are.

use super::*;
use crate::config::Config;
use crate::model::{
    Access, Attachment, AttachmentKind, Decision, Effect, Entity, EntityKind, Grant, Layer, Membership, MembershipKind,
    SourceId, Standing, Usage,
};

const OPS: u32 = 0;
const IDLE: u32 = 1;
const POLICY: u32 = 2;
const ROOT: u32 = 4;
const EU: u32 = 5;
const US: u32 = 6;
const WEB: u32 = 7;
const DOT: u32 = 8;

fn entity(number: u32, kind: EntityKind, id: &str, name: &str) -> Entity {
    let mut entity = Entity::named(&format!("arn:aws:iam::111122223333:{id}"), "aws", kind, name);
    (entity.entity, entity.present) = (EntityId(number), true);
    entity
}

fn membership(member: u32, container: u32) -> Membership {
    Membership {
        member: EntityId(member),
        container: EntityId(container),
        kind: MembershipKind::MemberOf,
        standing: Standing::Active,
        expires_at: None,
        source: SourceId(0),
        record: String::new(),
    }
}

fn attachment(holder: u32, policy: u32) -> Attachment {
    Attachment {
        holder: EntityId(holder),
        policy: EntityId(policy),
        kind: AttachmentKind::Identity,
        source: SourceId(0),
        record: String::new(),
    }
}

fn grant(holder: u32, effect: Effect, layer: Layer, actions: &[&str]) -> Grant {
    Grant {
        grant: 0,
        holder: EntityId(holder),
        effect,
        actions: actions.iter().map(|&action| action.to_owned()).collect(),
        not_actions: Vec::new(),
        resources: vec!["*".to_owned()],
        not_resources: Vec::new(),
        principals: Vec::new(),
        not_principals: Vec::new(),
        condition: None,
        variables: true,
        layer,
        policy: "p".to_owned(),
        statement: "#0".to_owned(),
        granted_at: None,
        expires_at: None,
        source: SourceId(0),
        record: String::new(),
    }
}

fn access(entity: u32, service: &str, level: &str, decision: Decision, use_: Option<(u32, u32)>) -> Access {
    Access {
        entity: EntityId(entity),
        service: service.to_owned(),
        level: level.to_owned(),
        granted_n: 3,
        unused_n: use_.map(|(_, unused)| unused),
        undetermined_n: None,
        observable_mass: None,
        used_mass: None,
        window_days: None,
        observable_n: use_.map(|(observable, _)| observable),
        breadth: "all".to_owned(),
        mass: 1.0,
        unused_mass: None,
        decision,
        evidence_grade: "static".to_owned(),
    }
}

fn usage(entity: u32, action: &str, last: Option<i64>) -> Usage {
    Usage {
        entity: EntityId(entity),
        permission: action.to_owned(),
        granularity: Granularity::Action,
        last_used_at: last,
        count: None,
        window_start: None,
        window_end: None,
        source: SourceId(0),
        record: String::new(),
    }
}

/// Two deployers in a group with a policy and a statement of its own, one of them with direct rights; a web server
/// with the policy itself; somebody of whom nothing is certain; and the root.
fn organisation() -> (Tables, AccessTable) {
    use Decision::{Allowed, Conditional, Unknown};
    let tables = Tables {
        entities: vec![
            entity(OPS, EntityKind::Group, "group/ops", "ops"),
            entity(IDLE, EntityKind::Group, "group/unused", "unused"),
            entity(POLICY, EntityKind::RoleDefinition, "policy/read", "read"),
            Entity { present: false, ..entity(3, EntityKind::RoleDefinition, "policy/unseen", "unseen") },
            entity(ROOT, EntityKind::User, "root", "root"),
            entity(EU, EntityKind::User, "user/deploy-eu", "deploy-eu"),
            entity(US, EntityKind::User, "user/deploy-us", "deploy-us"),
            entity(WEB, EntityKind::Role, "user/web-eu", "web-eu"),
            entity(DOT, EntityKind::User, "user/x", "x"),
        ],
        memberships: vec![membership(EU, OPS), membership(US, OPS), membership(DOT, IDLE)],
        attachments: vec![attachment(OPS, POLICY), attachment(WEB, POLICY), attachment(IDLE, POLICY)],
        grants: vec![
            grant(OPS, Effect::Allow, Layer::Identity, &["s3:PutObject"]),
            grant(OPS, Effect::Deny, Layer::Identity, &["iam:*"]),
            grant(POLICY, Effect::Allow, Layer::Identity, &["s3:GetObject", "s3:GetObjectAcl"]),
            grant(EU, Effect::Allow, Layer::Identity, &["s3:GetObject", "s3:PutObject", "iam:PassRole"]),
            grant(EU, Effect::Allow, Layer::Resource, &["sts:AssumeRole"]),
        ],
        usage: vec![
            usage(EU, "s3:GetObject", Some(100)),
            usage(EU, "s3:PutObject", Some(10)),
            usage(WEB, "s3:GetObject", None),
        ],
        ..Tables::default()
    };
    let access = AccessTable::from(vec![
        access(OPS, "s3", "write", Allowed, None),
        access(ROOT, "s3", "read", Allowed, None),
        access(EU, "s3", "read", Allowed, Some((3, 1))),
        access(EU, "s3", "write", Allowed, Some((3, 3))),
        access(EU, "iam", "write", Conditional, None),
        access(US, "s3", "read", Allowed, None),
        access(US, "s3", "read", Conditional, None),
        access(US, "s3", "write", Allowed, None),
        access(WEB, "s3", "read", Allowed, Some((3, 3))),
        access(WEB, "kms", "write", Unknown, None),
        access(DOT, "kms", "write", Conditional, None),
    ]);
    (tables, access)
}

fn weights() -> RoleWeights {
    Config::embedded().expect("the default is well formed").roles
}

fn question(basis: Basis, grain: Granularity) -> Question<'static> {
    Question { basis, grain, platform: None, used_since: 50 }
}

fn mined(basis: Basis, grain: Granularity) -> Suggestion {
    let (tables, access) = organisation();
    suggest(&tables, &access, &question(basis, grain), &weights(), Limits::default())
}

fn left_out(found: &Suggestion) -> Vec<(Of, &str, u64)> {
    found.rights.left_out.iter().map(|row| (row.of, row.reason, row.n)).collect()
}

fn told(found: &Suggestion) -> Vec<(&str, Vec<&str>, Vec<u32>)> {
    found
        .roles
        .iter()
        .map(|role| {
            let permissions = role.permissions.iter().map(|&at| found.rights.permissions[at as usize].name.as_str());
            (role.name.as_str(), permissions.collect(), role.members.iter().map(|member| member.0).collect())
        })
        .collect()
}

#[test]
fn certain_access_becomes_roles_and_the_rest_is_counted() {
    let found = mined(Basis::Effective, Granularity::Service);
    assert_eq!(
        told(&found),
        [("deploy-s3-write", vec!["s3:read", "s3:write"], vec![EU, US]), ("s3-read", vec!["s3:read"], vec![WEB]),]
    );
    assert!(found.is_exact() && found.reached.is_empty());
    assert_eq!((found.rights.asked_n, found.rights.matrix.ones(), found.covered_n, found.added_n), (5, 5, 5, 0));
    assert_eq!(
        left_out(&found),
        [
            (Of::Principals, "nothing is certainly granted", 1),
            (Of::Principals, "root of an account, whom no role binds", 1),
            (Of::Pairs, "a policy that decides is missing from the export", 1),
            (Of::Pairs, "the grant hangs on a condition", 1),
        ],
        "the conditional row of deploy-us is about what it has for certain"
    );
}

#[test]
fn what_is_there_and_what_is_mined_are_counted_by_the_same_rules() {
    let found = mined(Basis::Effective, Granularity::Service);
    // ops and the policy; deployers in ops and the web server with the policy; s3:write of ops and s3:read of the
    // policy; the policy on ops; s3:read, s3:write and iam:write of deploy-eu. Not: the deny, the trust statement, the
    // group that only the principal without certain access is in.
    let now = Structure { roles: 2, assignments: 3, permissions: 2, hierarchy: 1, direct: 3 };
    assert_eq!(found.current, Current { structure: now, uncounted_n: 0 });
    assert_eq!(found.mined, Structure { roles: 2, assignments: 3, permissions: 3, hierarchy: 0, direct: 0 });
    assert_eq!((found.complexity_before, found.complexity_after), (Some(11.0), 8.0));
    let heavy = RoleWeights { role: 10.0, assignment: 1.0, permission: 0.5, hierarchy: 100.0, direct: 0.0 };
    assert_eq!((now.complexity(&heavy), found.mined.complexity(&heavy)), (124.0, 24.5));
    let (tables, access) = organisation();
    assert_eq!(entropy(&tables, &access, Some("aws"), &weights()), Some(Entropy { before: 11.0, after: 8.0 }));
    assert_eq!(entropy(&tables, &access, Some("okta"), &weights()), None, "nobody there");
}

#[test]
fn a_policy_that_nobody_has_seen_leaves_the_complexity_unknown() {
    let (mut tables, access) = organisation();
    tables.attachments.push(attachment(US, 3));
    let question = question(Basis::Effective, Granularity::Service);
    let found = suggest(&tables, &access, &question, &weights(), Limits::default());
    assert_eq!((found.current.uncounted_n, found.complexity_before, found.complexity_after), (1, None, 8.0));
    assert_eq!(found.current.structure.roles, 3);
    assert_eq!(entropy(&tables, &access, None, &weights()), None);
}

#[test]
fn nested_groups_are_followed_and_a_circle_ends() {
    let (mut tables, access) = organisation();
    tables.memberships.extend([membership(OPS, IDLE), membership(IDLE, OPS)]);
    let rights = Rights::collect(&tables, &access, &question(Basis::Effective, Granularity::Service));
    let found = Current::count(&tables, &rights.principals, Granularity::Service).structure;
    // Both groups and the policy; each group in the other, and the policy on each.
    assert_eq!((found.roles, found.assignments, found.hierarchy), (3, 3, 4));
}

#[test]
fn roles_from_use_hold_what_was_used_and_leave_out_whom_nobody_measured() {
    let found = mined(Basis::Used, Granularity::Service);
    assert_eq!(told(&found), [("s3-read", vec!["s3:read"], vec![EU])]);
    assert_eq!(found.rights.by_service_n, 1);
    assert_eq!(
        left_out(&found),
        [
            (Of::Principals, "nothing was used in the window: no role is needed", 1),
            (Of::Principals, "root of an account, whom no role binds", 1),
            (Of::Principals, "use is not measured", 2),
            (Of::Pairs, "the use of that service is not measured", 1),
        ]
    );
}

#[test]
fn single_actions_count_when_they_were_used_in_the_window() {
    let found = mined(Basis::Used, Granularity::Action);
    assert_eq!(told(&found), [("s3", vec!["s3:GetObject"], vec![EU])]);
    // iam:PassRole, s3:GetObject and s3:PutObject are direct; the policy's two actions and the group's one.
    assert_eq!((found.current.structure.direct, found.current.structure.permissions), (3, 3));
    let reasons: Vec<&str> = found.rights.left_out.iter().map(|row| row.reason).collect();
    assert_eq!(
        reasons,
        [
            "nothing was used in the window: no role is needed",
            "root of an account, whom no role binds",
            "use of single actions is not measured"
        ]
    );
}

#[test]
fn roles_of_one_subject_have_names_of_their_own() {
    let tables = Tables {
        entities: (0..4).map(|n| entity(n, EntityKind::User, &format!("user/{n}"), &format!("{n}"))).collect(),
        ..Tables::default()
    };
    let rows = [(0, "read"), (0, "list"), (1, "list"), (1, "write"), (2, "write"), (2, "read"), (3, "read")];
    let rows = rows.map(|(number, level)| access(number, "s3", level, Decision::Allowed, None));
    let question = question(Basis::Effective, Granularity::Service);
    let found = suggest(&tables, &AccessTable::from(rows.to_vec()), &question, &weights(), Limits::default());
    let mut names: Vec<&str> = found.roles.iter().map(|role| role.name.as_str()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), all), (3, 3), "{names:?}");
}

#[test]
fn statements_are_looked_up_in_the_catalogue_by_level_and_by_action() {
    let written = |actions: &[&str], not: &[&str], grain| {
        let own = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect::<Vec<String>>();
        crate::access::written("aws", &own(actions), &own(not), grain).expect("AWS has a catalogue")
    };
    assert_eq!(written(&["s3:getobject", "S3:PutObject"], &[], Granularity::Service), ["s3:read", "s3:write"]);
    assert_eq!(written(&["iam:PassRol?"], &[], Granularity::Action), ["iam:PassRole"]);
    let but = written(&[], &["s3:*", "iam:*"], Granularity::Service);
    assert!(but.len() > 500 && !but.iter().any(|one| one.starts_with("s3:") || one.starts_with("iam:")));
    assert!(written(&[], &["*"], Granularity::Action).is_empty());
    assert_eq!(crate::access::written("no such platform", &[], &[], Granularity::Action), None);
}

/// Twenty thousand principals with some of four hundred policies of some services, and every fifth with one right more.
#[test]
fn twenty_thousand_principals_get_their_roles() {
    const LEVELS: [&str; 5] = ["list", "read", "tagging", "write", "permissions"];
    let mut numbers = cover::testing::Numbers(3);
    let policy = |numbers: &mut cover::testing::Numbers| {
        let first = numbers.below(200);
        (0..=numbers.below(25)).map(|at| (first + at / 5, at % 5)).collect::<Vec<_>>()
    };
    let policies: Vec<Vec<(usize, usize)>> = (0..400).map(|_| policy(&mut numbers)).collect();
    let (mut entities, mut rows) = (Vec::new(), Vec::new());
    for number in 0..20_000 {
        let name = format!("team{}-job{number:06}", number % 97);
        entities.push(entity(number, EntityKind::Role, &format!("role/{name}"), &name));
        let mut own: Vec<(usize, usize)> =
            (0..=numbers.below(4)).flat_map(|_| policies[numbers.below(400)].clone()).collect();
        if numbers.below(5) == 0 {
            own.push((numbers.below(220), numbers.below(5)));
        }
        own.sort_unstable();
        own.dedup();
        let row = |(service, level): (usize, usize)| {
            access(number, &format!("service{service}"), LEVELS[level], Decision::Allowed, None)
        };
        rows.extend(own.into_iter().map(row));
    }
    let (tables, access) = (Tables { entities, ..Tables::default() }, AccessTable::from(rows));
    let question = question(Basis::Effective, Granularity::Service);
    let found = suggest(&tables, &access, &question, &weights(), Limits::default());
    assert_eq!((found.covered_n, found.added_n, found.rights.principals.len()), (access.len(), 0, 20_000));
    assert!(found.roles.len() <= 220 * 5, "there are no more permissions than that: {}", found.roles.len());
    assert!(found.complexity_after < access.len() as f64, "{}", found.complexity_after);
}
