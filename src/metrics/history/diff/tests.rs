//! Two small snapshots, and what differs between them, listed by hand.

use super::*;
use crate::findings::testkit::World;
use crate::model::{
    Attachment, AttachmentKind, CredentialKind, Effect, EntityId, Grant, Layer, Membership, MembershipKind, Severity,
    SourceId, Standing,
};

fn statement(number: u32, holder: EntityId, name: &str, actions: &[&str]) -> Grant {
    Grant {
        grant: number,
        holder,
        effect: Effect::Allow,
        actions: actions.iter().map(|&action| action.to_owned()).collect(),
        not_actions: Vec::new(),
        resources: vec!["*".to_owned()],
        not_resources: Vec::new(),
        principals: Vec::new(),
        not_principals: Vec::new(),
        condition: None,
        variables: true,
        layer: Layer::Identity,
        policy: "inline".to_owned(),
        statement: name.to_owned(),
        granted_at: None,
        expires_at: None,
        source: SourceId(0),
        record: format!("/{number}"),
    }
}

fn find(tables: &Tables, name: &str) -> EntityId {
    tables.find(&World::user_id(name)).expect("the user is there")
}

fn shot(tables: &Tables) -> Shot<'_> {
    Shot { tables, findings: &[], scores: &[], metrics: &[] }
}

/// `zoe` with two statements; `ann` before her, when asked for, gives her another number.
fn world(with_ann: bool) -> Tables {
    let mut world = World::new();
    if with_ann {
        world.user("ann");
    }
    world.user("zoe");
    world.tables()
}

#[test]
fn numbers_names_and_order_of_statements_are_no_difference() {
    let (mut then, mut now) = (world(false), world(true));
    let (old, new) = (find(&then, "zoe"), find(&now, "zoe"));
    assert_ne!(old, new);
    then.grants = vec![statement(0, old, "#0", &["s3:Get*", "s3:List*"]), statement(1, old, "#1", &["iam:*"])];
    now.grants = vec![statement(0, new, "#0", &["iam:*"]), statement(7, new, "x", &["s3:List*", "s3:Get*", "s3:Get*"])];
    let found = diff(&shot(&then), &shot(&now));
    assert_eq!(found.grants, Changes::default());
    assert_eq!(found.entities.added.iter().map(|row| row.name).collect::<Vec<_>>(), ["ann"]);
    assert_eq!((found.entities.removed.len(), found.entities.changed.len()), (0, 0));
}

#[test]
fn a_statement_that_says_more_is_one_that_changed() {
    let (mut then, mut now) = (world(false), world(false));
    let zoe = find(&then, "zoe");
    then.grants = vec![statement(0, zoe, "Read", &["s3:Get*"]), statement(1, zoe, "Old", &["ec2:*"])];
    now.grants = vec![statement(0, zoe, "Read", &["s3:*"]), statement(1, zoe, "New", &["sqs:*"])];
    let found = diff(&shot(&then), &shot(&now)).grants;
    assert_eq!(found.added.iter().map(|row| row.statement).collect::<Vec<_>>(), ["New"]);
    assert_eq!(found.removed.iter().map(|row| row.statement).collect::<Vec<_>>(), ["Old"]);
    assert_eq!(found.changed.len(), 1);
    let field = Field { field: "actions", before: Some("s3:Get*".to_owned()), after: Some("s3:*".to_owned()) };
    assert_eq!(found.changed[0].changes, [field]);
}

#[test]
fn memberships_attachments_and_credentials_are_compared_by_what_they_join() {
    let base = || {
        let mut world = World::new();
        let zoe = world.user("zoe");
        world.credential(zoe, "AKIA1", CredentialKind::AccessKey, 10, None);
        world.user("ops");
        world.tables()
    };
    let (mut then, mut now) = (base(), base());
    let (zoe, ops) = (find(&then, "zoe"), find(&then, "ops"));
    let member = |standing, expires_at| Membership {
        member: zoe,
        container: ops,
        kind: MembershipKind::MemberOf,
        standing,
        expires_at,
        source: SourceId(0),
        record: String::new(),
    };
    then.memberships = vec![member(Standing::Eligible, None)];
    now.memberships = vec![member(Standing::Active, Some(0))];
    now.attachments = vec![Attachment {
        holder: zoe,
        policy: ops,
        kind: AttachmentKind::Boundary,
        source: SourceId(0),
        record: String::new(),
    }];
    now.credentials[0].active = Some(false);
    // Use alone is no change.
    now.credentials[0].last_used_at = Some(5);
    let found = diff(&shot(&then), &shot(&now));
    let fields: Vec<(&str, Option<&str>, Option<&str>)> = (found.memberships.changed[0].changes.iter())
        .map(|change| (change.field, change.before.as_deref(), change.after.as_deref()))
        .collect();
    let expected = [("standing", Some("eligible"), Some("active")), ("expires_at", None, Some("1970-01-01T00:00:00Z"))];
    assert_eq!(fields, expected);
    assert_eq!((found.memberships.added.len(), found.memberships.removed.len()), (0, 0));
    assert_eq!((found.attachments.added.len(), found.attachments.removed.len()), (1, 0));
    let credential: Vec<&str> = found.credentials.changed[0].changes.iter().map(|change| change.field).collect();
    assert_eq!(credential, ["active"]);
}

fn finding(name: &str, entity: EntityId, severity: Severity, state: FindingState) -> Finding {
    Finding {
        fingerprint: name.to_owned(),
        rule: "rule".to_owned(),
        severity,
        entity,
        title: "t".to_owned(),
        subjects: Vec::new(),
        affected_n: 1,
        evidence: vec!["grant:3 x".to_owned()],
        frameworks: Vec::new(),
        first_seen: 0,
        state,
        exception: None,
    }
}

#[test]
fn findings_are_compared_between_the_two_whatever_their_own_states() {
    use FindingState::{Absent, New, Unchanged};
    use Severity::{High, Low};
    let (then, now) = (world(false), world(true));
    let (old, new) = (find(&then, "zoe"), find(&now, "zoe"));
    let a = [
        finding("gone", old, High, New),
        finding("kept", old, High, New),
        finding("worse", old, Low, Unchanged),
        finding("back", old, High, Absent),
        finding("closed", old, High, Absent),
    ];
    let b = [
        finding("gone", new, High, Absent),
        Finding { evidence: vec!["grant:9 x".to_owned()], ..finding("kept", new, High, Unchanged) },
        finding("worse", new, High, Unchanged),
        finding("back", new, Low, Unchanged),
        finding("first", new, High, Unchanged),
        finding("closed", new, High, Absent),
    ];
    let found = diff(&Shot { findings: &a, ..shot(&then) }, &Shot { findings: &b, ..shot(&now) });
    let names = |rows: &[FindingRow<'_>]| {
        rows.iter().map(|row| format!("{} {}", row.fingerprint, row.state)).collect::<Vec<_>>()
    };
    assert_eq!(names(&found.findings_added), ["first new", "back reopened"]);
    assert_eq!(names(&found.findings_removed), ["gone absent"]);
    assert_eq!(names(&found.findings_changed), ["worse updated"]);
    assert_eq!(found.findings_added[0].entity_name, "zoe");
}

#[test]
fn a_finding_that_only_aged_is_no_difference() {
    let tables = world(false);
    let zoe = find(&tables, "zoe");
    let aged = |title: &str, severity| {
        let evidence = vec![format!("{title}, made 2024-01-01")];
        [Finding { title: title.to_owned(), evidence, ..finding("key", zoe, severity, FindingState::Unchanged) }]
    };
    let changed = |before: &[Finding], after: &[Finding]| {
        let (a, b) = (Shot { findings: before, ..shot(&tables) }, Shot { findings: after, ..shot(&tables) });
        diff(&a, &b).findings_changed.len()
    };
    let then = aged("key 7 is 99 days old", Severity::Low);
    assert_eq!(changed(&then, &aged("key 7 is 106 days old", Severity::Low)), 0);
    assert_eq!(changed(&then, &aged("key 8 is 99 days old", Severity::Low)), 1, "another key");
    assert_eq!(changed(&then, &aged("key 7 is 365 days old", Severity::High)), 1, "old enough to matter more");
}

#[test]
fn numbers_differ_by_more_than_rounding_or_in_being_known() {
    assert!(!Delta::new(Some(1.0), Some(1.0 + 1e-12)).differs());
    assert!(Delta::new(Some(1.0), Some(1.001)).differs());
    assert!(Delta::new(None, Some(0.0)).differs());
    assert!(!Delta::new(None, None).differs());
    assert_eq!(Delta::new(Some(2.0), Some(5.0)).delta, Some(3.0));
    let metric = |metric: &str, value| Metric {
        metric: metric.to_owned(),
        platform: "all".to_owned(),
        kind: "all".to_owned(),
        domain: "all".to_owned(),
        value,
        low: None,
        high: None,
        numerator: None,
        denominator: None,
        coverage: None,
    };
    let (a, b) = ([metric("x", Some(1.0)), metric("y", Some(2.0))], [metric("x", Some(1.0)), metric("z", Some(3.0))]);
    let rows = metrics(&a, &b);
    let shown: Vec<_> = rows.iter().map(|row| (row.metric, row.value.before, row.value.after)).collect();
    assert_eq!(shown, [("y", Some(2.0), None), ("z", None, Some(3.0))]);
}
