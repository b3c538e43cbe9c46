//! Owners, leavers, exceptions, removable access, roles: each metric of a world small enough to count on fingers.

use super::super::*;
use crate::findings::testkit::{World, ago};
use crate::findings::{Frameworks, exceptions, run};
use crate::model::{
    AttachmentKind, CredentialKind, ExceptionStatus, Handle, Layer, OwnerOrigin, OwnerStatus, Ownership, SodRule,
    TrustKind, Workflow,
};

/// Metrics with scores, findings and exceptions as a scan has them.
fn measured(world: World) -> Vec<Metric> {
    world.with(|context| {
        let frameworks = Frameworks::embedded().expect("the embedded files are tested");
        let mut findings = run(context, &frameworks).findings;
        let judged = exceptions::apply(context, &frameworks, &mut findings);
        let scores = crate::scores::all(context);
        all(&Inputs { exceptions: &judged, ..Inputs::new(context, &scores, &findings) }).expect("the query is valid")
    })
}

fn find<'a>(rows: &'a [Metric], metric: &str, kind: &str) -> &'a Metric {
    let hit = |row: &&Metric| row.metric == metric && row.kind == kind && row.platform == "all" && row.domain == "all";
    rows.iter().find(hit).unwrap_or_else(|| panic!("no {metric} of {kind}"))
}

fn value(rows: &[Metric], metric: &str) -> Option<f64> {
    find(rows, metric, "all").value
}

#[test]
fn a_missing_owner_means_something_only_where_owners_are_named() {
    let mut world = World::new();
    for name in ["a", "b", "c", "d"] {
        world.role(name);
    }
    let rows = measured(world);
    let nobody = find(&rows, "ownerless_nhi_pct", "all");
    assert_eq!((nobody.value, nobody.coverage), (None, Some(0.0)));
    assert_eq!(value(&rows, "orphaned_nhi_pct"), None, "neither an owner nor a use is known of anyone");
    let mut world = World::new();
    let roles = ["a", "b", "c", "d", "e"].map(|name| world.role(name));
    let facts = [
        (Some("ann"), OwnerStatus::Active, Some(1)),
        (Some("bob"), OwnerStatus::Departed, Some(1)),
        (Some("cleo"), OwnerStatus::Active, Some(90)),
        (Some("dan"), OwnerStatus::Unknown, Some(1)),
        (None, OwnerStatus::Unknown, None),
    ];
    for (handle, (owner, status, used)) in roles.into_iter().zip(facts) {
        world.edit(handle, |entity| {
            entity.owner = owner.map(str::to_owned);
            entity.owner_status = owner.map(|_| status.to_string());
            entity.last_used_at = used.and_then(ago);
        });
    }
    // A table of owners speaks for its platform.
    own(&mut world, roles[0], OwnerStatus::Active);
    let rows = measured(world);
    // One of five has no owner.
    assert_eq!(value(&rows, "ownerless_nhi_pct"), Some(20.0));
    // b by its owner, c by its use, e without an owner; a is none; of d it is not known: 60 to 80 %.
    let orphaned = find(&rows, "orphaned_nhi_pct", "nhi");
    assert_eq!((orphaned.value, orphaned.low, orphaned.high), (Some(60.0), Some(60.0), Some(80.0)));
    assert_eq!((orphaned.numerator, orphaned.denominator, orphaned.coverage), (Some(3.0), Some(5.0), Some(0.8)));
    assert!(rows.iter().all(|row| row.metric != "orphaned_nhi_pct" || row.kind != "human"), "people are no orphans");
}

#[test]
fn a_table_of_owners_makes_them_known_too() {
    let mut world = World::new();
    let (a, _) = (world.role("a"), world.role("b"));
    own(&mut world, a, OwnerStatus::Dangling);
    // Somebody is named for a, if nobody known; nobody for b.
    assert_eq!(value(&measured(world), "ownerless_nhi_pct"), Some(50.0));
}

fn own(world: &mut World, entity: Handle, status: OwnerStatus) {
    let source = world.builder.source_id();
    world.builder.owners.push(Ownership {
        entity,
        owner: "somebody".to_owned(),
        person: None,
        group: None,
        origin: OwnerOrigin::Declared,
        status,
        confidence: 1.0,
        evidence: "owners.csv".to_owned(),
        source,
        record: String::new(),
    });
}

#[test]
fn residue_is_the_days_by_which_identities_outlive_their_people() {
    let mut world = World::new();
    let users: Vec<_> = ["a", "b", "c", "d", "e"].into_iter().map(|name| world.user(name)).collect();
    for (user, enabled) in users.iter().zip([Some(true), Some(true), Some(false), None, Some(true)]) {
        world.edit(*user, |entity| entity.enabled = enabled);
    }
    let rows = measured({
        let mut world = World::new();
        world.user("a");
        world
    });
    assert_eq!(
        (value(&rows, "leaver_residue_days"), find(&rows, "leaver_residue_days", "all").coverage),
        (None, Some(0.0))
    );
    // a and b left 10 and 30 days ago, c is disabled, of d it is not known; e leaves tomorrow.
    for (name, user, left) in [("pa", 0, 10), ("pb", 1, 30), ("pc", 2, 40), ("pd", 3, 5), ("pe", 4, -1)] {
        world.person(name).left_at = ago(left);
        world.identity(name, users[user]);
    }
    let rows = measured(world);
    let residue = find(&rows, "leaver_residue_days", "all");
    assert_eq!((residue.value, residue.low, residue.high), (Some(40.0), Some(40.0), Some(45.0)));
    assert_eq!(residue.coverage, Some(0.75), "of three of the four leavers it is known");
    assert_eq!(value(&rows, "leaver_residue_days_p50"), Some(20.0));
    // An identity that someone who is there shares is no residue, and nobody left means none of it.
    let mut world = World::new();
    let user = world.user("shared");
    world.edit(user, |entity| entity.enabled = Some(true));
    world.person("gone").left_at = ago(9);
    world.person("here");
    world.identity("gone", user);
    world.identity("here", user);
    let rows = measured(world);
    assert_eq!(value(&rows, "leaver_residue_days"), Some(0.0));
}

#[test]
fn exceptions_are_counted_by_what_they_are_worth_and_findings_with_and_without_them() {
    let mut world = World::new();
    let (ann, bot) = (world.user("ann"), world.robot("bot"));
    for (handle, key) in [(ann, "A"), (bot, "B")] {
        world.credential(handle, key, CredentialKind::AccessKey, 100, Some(1));
    }
    world.exception("a", "key-age").principal = Some("bot".to_owned());
    let old = world.exception("b", "key-age");
    (old.principal, old.created_at, old.expires_at) = (Some("ann".to_owned()), ago(100), ago(2));
    world.exception("c", "root-access-key");
    world.exception("d", "key-age").reason = None;
    let rows = measured(world);
    let both = |metric| (value(&rows, metric), find(&rows, metric, "nhi").value);
    assert_eq!(both("exceptions_open"), (Some(2.0), Some(1.0)), "a and c; a alone is about a machine");
    // b is about ann, d about both.
    assert_eq!(
        (both("exceptions_expired"), both("exceptions_invalid")),
        ((Some(1.0), Some(0.0)), (Some(1.0), Some(1.0)))
    );
    assert_eq!(find(&rows, "exceptions_expired", "human").value, Some(1.0));
    // Two old keys (medium), of which one is accepted; the reports of b and d are medium, that of c low.
    assert_eq!(both("findings_excepted"), (Some(1.0), Some(1.0)));
    assert_eq!((value(&rows, "findings_medium"), value(&rows, "findings_medium_net")), (Some(4.0), Some(3.0)));
    assert_eq!(value(&rows, "findings_low_net"), Some(1.0));
}

#[test]
fn only_what_was_watched_for_a_whole_window_is_safe_to_remove() {
    let mut world = World::new();
    let (old, young) = (world.role("old"), world.role("young"));
    world.edit(young, |entity| entity.created_at = ago(30));
    for (handle, service, unused) in [(old, "s3", 8), (old, "sqs", 0), (old, "kms", 5), (young, "s3", 8)] {
        world.usage(handle, service, None);
        let row = world.may(handle, service, "write", 10, 50.0);
        (row.observable_n, row.unused_n) = (Some(10), Some(unused));
        row.unused_mass = Some(5.0 * f64::from(unused));
        row.evidence_grade = if service == "kms" { "peer".to_owned() } else { "measured-service".to_owned() };
    }
    world.may(old, "ec2", "read", 60, 100.0);
    let rows = measured(world);
    // Of 100 granted actions 20 were watched by what counts as a measurement, and 8 of them not used.
    let grants = find(&rows, "removable_grants", "all");
    assert_eq!((grants.value, grants.denominator, grants.coverage), (Some(8.0), Some(100.0), Some(0.2)));
    let mass = find(&rows, "removable_mass", "all");
    assert_eq!((mass.value, mass.denominator), (Some(40.0), Some(300.0)));
    let mut world = World::new();
    let role = world.role("r");
    world.may(role, "s3", "read", 10, 20.0);
    assert_eq!(value(&measured(world), "removable_grants"), None, "nothing was watched");
}

#[test]
fn who_must_activate_first_is_no_standing_administrator() {
    let mut world = World::new();
    let (root, ann, bob, off) = (world.role("r"), world.user("ann"), world.user("bob"), world.user("off"));
    world.edit(off, |entity| entity.enabled = Some(false));
    let (group, other) = (world.group("admins"), world.group("others"));
    for member in [ann, bob] {
        world.join(member, group);
        let last = world.builder.memberships.len() - 1;
        world.builder.memberships[last].standing = crate::model::Standing::Eligible;
    }
    world.join(bob, other);
    for handle in [root, ann, bob, off] {
        world.protect(handle, "administrator of its account");
    }
    world.may(root, "s3", "read", 1, 7.0);
    world.may(ann, "s3", "read", 1, 100.0);
    world.may(bob, "s3", "read", 1, 5.0);
    let rows = measured(world);
    assert_eq!((value(&rows, "administrators"), value(&rows, "standing_administrators")), (Some(4.0), Some(2.0)));
    assert_eq!(value(&rows, "standing_mass"), Some(12.0), "the role's 7 and bob's 5");
    // Without history the window of 90 days is taken as one: 12 mass for 2160 hours.
    let hours = find(&rows, "standing_privilege_hours", "all");
    assert_eq!((hours.value, hours.denominator, hours.coverage), (Some(25_920.0), Some(2160.0), Some(0.0)));
}

#[test]
fn role_complexity_counts_roles_assignments_nesting_and_permissions() {
    let mut world = World::new();
    let (ann, bob, alone) = (world.user("ann"), world.user("bob"), world.user("alone"));
    let (group, policy, unused) = (world.group("g"), world.policy("p"), world.policy("unused"));
    let boundary = world.policy("boundary");
    world.join(ann, group);
    world.join(bob, group);
    world.attach(group, policy, AttachmentKind::Identity);
    world.attach(ann, policy, AttachmentKind::Identity);
    world.attach(bob, boundary, AttachmentKind::Boundary);
    world.grant(policy, &["s3:Get*", "s3:List*"], Layer::Identity);
    world.grant(alone, &["sqs:*"], Layer::Identity);
    world.grant(unused, &["kms:*"], Layer::Identity);
    // R = g, p; UA = ann-g, bob-g, ann-p; RH = g-p; PA = 2; DUPA = 1: 2 + 3 + 1 + 2 + 1.
    let rows = measured(world);
    let complexity = find(&rows, "role_complexity", "all");
    assert_eq!(complexity.value, Some(9.0));
    let entropy = find(&rows, "role_entropy", "all");
    assert_eq!((entropy.value, entropy.coverage), (None, Some(0.0)));
    assert!(rows.iter().all(|row| row.metric != "role_entropy" || row.kind == "all"), "one organisation, one number");
}

#[test]
fn what_is_computed_elsewhere_is_null_until_it_is_given() {
    let mut world = World::new();
    world.user("ann");
    world.with(|context| {
        let given = Inputs {
            cut: Some(Cut { choke_points: 3.0, minimum: 2.0 }),
            roles: Some(RoleComplexity { now: 30.0, mined: 20.0 }),
            ..Inputs::new(context, &[], &[])
        };
        let rows = all(&given).expect("the query is valid");
        assert_eq!((value(&rows, "minimum_cut"), value(&rows, "choke_points")), (Some(2.0), Some(3.0)));
        assert_eq!(value(&rows, "role_entropy"), Some(1.5));
        let rows = all(&Inputs::new(context, &[], &[])).expect("the query is valid");
        for metric in ["minimum_cut", "choke_points", "role_entropy", "changes_without_record", "gate_block_rate_pct"] {
            let row = find(&rows, metric, "all");
            assert_eq!((row.value, row.coverage), (None, Some(0.0)), "{metric}");
        }
    });
}

#[test]
fn conflicts_of_duties_are_null_where_nobody_declared_duties() {
    let mut world = World::new();
    world.user("ann");
    let rows = measured(world);
    let row = find(&rows, "sod_conflicts", "all");
    assert_eq!((row.value, row.coverage), (None, Some(0.0)));
    let mut world = World::new();
    let ann = world.user("ann");
    world.credential(ann, "A", CredentialKind::AccessKey, 100, Some(1));
    let source = world.builder.source_id();
    world.builder.sod_rules.push(SodRule {
        rule: "pay".to_owned(),
        title: "who orders does not pay".to_owned(),
        left: vec![],
        right: vec![],
        severity: None,
        source,
        record: String::new(),
    });
    world.with(|context| {
        let frameworks = Frameworks::embedded().expect("the embedded files are tested");
        let mut findings = run(context, &frameworks).findings;
        findings[0].rule = population::DUTY_RULE.to_owned();
        let parts = Parts::new(&Inputs::new(context, &[], &findings));
        assert_eq!(parts.0.values().map(|part| part.duty_conflicts).max(), Some(1));
        // Without a rule that looks for them a declared duty is not known to be kept either.
        let checked = crate::findings::ALL.iter().any(|rule| rule.info().id == population::DUTY_RULE);
        let rows = all(&Inputs::new(context, &[], &findings)).expect("the query is valid");
        assert_eq!(value(&rows, "sod_conflicts"), checked.then_some(1.0));
    });
}

#[test]
fn agents_and_what_third_parties_act_as_are_kinds_of_their_own() {
    let mut world = World::new();
    let (bot, vendor, _) = (world.role("bot"), world.role("vendor"), world.role("plain"));
    world.user("ann");
    world.trust(vendor, "arn:aws:iam::999999999999:root", TrustKind::External, None);
    let source = world.builder.source_id();
    world.builder.workflows.push(Workflow {
        workflow: "triage".to_owned(),
        business_process: None,
        control_owner: None,
        principal: Some(bot),
        ai: Some(true),
        functions: vec![],
        tier: None,
        queue: None,
        takes_from: vec![],
        proposes: vec![],
        source,
        record: String::new(),
    });
    let rows = measured(world);
    let count = |kind| find(&rows, "principals", kind).value;
    assert_eq!((count("all"), count("human"), count("nhi")), (Some(4.0), Some(1.0), Some(3.0)));
    assert_eq!((count("agent"), count("third_party")), (Some(1.0), Some(1.0)), "both are machines as well");
}

#[test]
fn exceptions_that_are_not_judged_count_nowhere() {
    let mut world = World::new();
    world.user("ann");
    world.exception("a", "key-age");
    world.with(|context| {
        let rows = all(&Inputs::new(context, &[], &[])).expect("the query is valid");
        assert_eq!(value(&rows, "exceptions_open"), Some(0.0));
        let expired: Vec<_> = (context.tables.exceptions.iter())
            .map(|row| crate::model::Exception { status: ExceptionStatus::Expired, ..row.clone() })
            .collect();
        let rows = all(&Inputs { exceptions: &expired, ..Inputs::new(context, &[], &[]) }).expect("the query is valid");
        assert_eq!((value(&rows, "exceptions_open"), value(&rows, "exceptions_expired")), (Some(0.0), Some(1.0)));
    });
}

#[test]
fn what_the_ledger_says_is_counted_in_the_parts_that_it_is_about() {
    let mut world = World::new();
    world.user("ann");
    world.robot("bot");
    world.with(|context| {
        let of = |name: &str| context.tables.find(&World::user_id(name)).expect("it is there");
        let recorded = Recorded {
            changes: vec![(of("ann"), true), (of("ann"), false), (of("bot"), false)],
            drafts: [(None, (4, 1)), (Some("pay".to_owned()), (2, 1))].into(),
        };
        let given = Inputs { recorded: Some(&recorded), ..Inputs::new(context, &[], &[]) };
        let rows = all(&given).expect("the query is valid");
        let counts = |kind: &str| {
            let row = find(&rows, "changes_without_record", kind);
            (row.value, row.denominator)
        };
        assert_eq!(counts("all"), (Some(1.0), Some(3.0)));
        assert_eq!((counts("human"), counts("nhi")), ((Some(1.0), Some(2.0)), (Some(0.0), Some(1.0))));
        let row = find(&rows, "gate_block_rate_pct", "all");
        assert_eq!((row.value, row.numerator, row.denominator), (Some(25.0), Some(1.0), Some(4.0)));
        assert_eq!(find(&rows, "gate_block_rate_pct", "nhi").value, None, "a draft is not of a kind of identity");
    });
}
