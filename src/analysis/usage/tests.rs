//! The join of rights and their use, on small accounts from raw exports.

use serde_json::{Value, json};

use super::*;
use crate::access::Settings;
use crate::model::text::parse_time;
use crate::model::{Decision, RemovalVerdict};
use crate::platforms::{self, input};

const A: &str = "111111111111";

fn now() -> i64 {
    parse_time("2026-01-01").unwrap()
}

fn arn(name: &str) -> String {
    format!("arn:aws:iam::{A}:role/{name}")
}

/// A role that may call these actions on everything.
fn role(name: &str, created: &str, actions: &[&str]) -> Value {
    json!({
        "Arn": arn(name), "RoleName": name, "Path": "/", "RoleId": format!("AROA{name}"), "CreateDate": created,
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
        "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": "*"}
        ]}}],
        "AttachedManagedPolicies": [], "InstanceProfileList": [], "Tags": []
    })
}

fn event(time: &str, role: &str, service: &str, name: &str) -> Value {
    json!({
        "eventTime": time, "eventSource": format!("{service}.amazonaws.com"), "eventName": name, "awsRegion": "us-east-1",
        "eventType": "AwsApiCall",
        "userIdentity": {"type": "AssumedRole", "arn": format!("arn:aws:sts::{A}:assumed-role/{role}/s"),
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": arn(role)}}}
    })
}

fn export(roles: &[Value]) -> String {
    json!({"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles, "Policies": []}).to_string()
}

fn trail(events: &[Value]) -> String {
    json!({"Records": events}).to_string()
}

/// A report about one role, made a day before the scan.
fn report(role: &str, services: &Value) -> String {
    json!({"Arn": arn(role), "JobStatus": "COMPLETED", "JobCreationDate": "2025-12-31T00:00:00Z",
        "JobCompletionDate": "2025-12-31T12:00:00Z", "ServicesLastAccessed": services})
    .to_string()
}

struct Joined {
    tables: Tables,
    access: AccessTable,
    removals: ClassTable<Removal>,
}

fn join(files: &[String]) -> Joined {
    let files = files.iter().enumerate().map(|(at, text)| (if at == 0 { "a.json" } else { "b.json" }, text.as_bytes()));
    let tables = input::read_texts(files, platforms::ALL).join(platforms::ALL);
    let config = Config::embedded().unwrap();
    let evaluators = Evaluators::new(&tables, Settings { as_of: now() });
    let mut access = evaluators.access();
    let removals = observe(&tables, now(), &config, &evaluators, &mut access);
    drop(evaluators);
    Joined { tables, access, removals }
}

impl Joined {
    fn row(&self, role: &str, service: &str, level: &str) -> &Access {
        let rows = self.access.of(self.tables.find(&arn(role)).unwrap());
        rows.iter()
            .find(|row| row.service == service && row.level == level && row.decision == Decision::Allowed)
            .unwrap()
    }

    /// Verdict, number of actions and reason of each removal of a service.
    fn verdicts(&self, role: &str, service: &str) -> Vec<(RemovalVerdict, u32, &str)> {
        let rows = self.removals.of(self.tables.find(&arn(role)).unwrap());
        rows.iter()
            .filter(|row| row.service == service)
            .map(|row| (row.verdict, row.actions_n, row.why.as_str()))
            .collect()
    }
}

/// Counts of a row: granted, observable, unused, undetermined.
fn counts(row: &Access) -> (u32, Option<u32>, Option<u32>, Option<u32>) {
    (row.granted_n, row.observable_n, row.unused_n, row.undetermined_n)
}

const OLD: &str = "2020-01-01T00:00:00Z";

/// Calls of another role that make the time observed the whole window.
fn frame() -> [Value; 2] {
    [
        event("2025-09-01T00:00:00Z", "other", "ec2", "DescribeRegions"),
        event("2025-12-31T23:00:00Z", "other", "ec2", "DescribeRegions"),
    ]
}

#[test]
fn a_trail_speaks_for_every_management_action_of_everyone_in_its_account() {
    let roles = [
        role(
            "app",
            OLD,
            &["sqs:CancelMessageMoveTask", "sqs:DeleteQueue", "sqs:PurgeQueue", "sqs:SendMessage", "iam:PassRole"],
        ),
        role("idle", OLD, &["sqs:PurgeQueue", "sqs:DeleteQueue"]),
        role("other", OLD, &["ec2:DescribeRegions"]),
    ];
    let [first, last] = frame();
    let events = [first, event("2025-12-01T00:00:00Z", "app", "sqs", "PurgeQueue"), last];
    let found = join(&[export(&roles), trail(&events)]);
    // Of four writes one was used, two were not, and messages are data events that this trail does not hold.
    let row = found.row("app", "sqs", "write");
    assert_eq!(counts(row), (4, Some(3), Some(2), Some(0)));
    assert_eq!((row.mass, row.observable_mass, row.unused_mass), (80.0, Some(60.0), Some(40.0)));
    assert_eq!((row.evidence_grade.as_str(), row.window_days), ("measured-action", Some(89)));
    let idle = found.row("idle", "sqs", "write");
    assert_eq!(counts(idle), (2, Some(2), Some(2), Some(0)));
    let pass = found.row("app", "iam", "permissions");
    assert_eq!((counts(pass), pass.evidence_grade.as_str()), ((1, None, None, None), "static"));
    assert_eq!(
        found.verdicts("app", "sqs"),
        [
            (RemovalVerdict::Used, 1, "used in the window"),
            (RemovalVerdict::Undetermined, 1, "the logs hold no AWS::SQS::Queue events"),
            (RemovalVerdict::Safe, 2, "held, watched and not used for all 90 days"),
        ]
    );
    assert_eq!(
        found.verdicts("app", "iam"),
        [(RemovalVerdict::Undetermined, 1, "it is checked when another action is called and is no call itself")]
    );
    let removals = found.removals.of(found.tables.find(&arn("app")).unwrap());
    let safe = removals.iter().find(|row| row.verdict == RemovalVerdict::Safe).unwrap();
    assert_eq!((safe.mass, safe.quiet_days, safe.grants.len(), safe.last_used_at), (40.0, Some(122), 1, None));
}

#[test]
fn one_data_event_shows_that_the_trail_records_the_type() {
    let roles = [
        role("app", OLD, &["sqs:SendMessage", "sqs:ReceiveMessage", "s3:GetObject"]),
        role("other", OLD, &["sqs:SendMessage"]),
    ];
    let [first, last] = frame();
    let found =
        join(&[export(&roles), trail(&[first, event("2025-12-02T00:00:00Z", "other", "sqs", "SendMessage"), last])]);
    assert_eq!(counts(found.row("app", "sqs", "write")), (1, Some(1), Some(1), Some(0)));
    assert_eq!(counts(found.row("other", "sqs", "write")), (1, Some(1), Some(0), Some(0)));
    assert_eq!(counts(found.row("app", "s3", "read")), (1, None, None, None));
}

#[test]
fn a_trail_without_calls_that_look_says_nothing_of_them() {
    let roles = [role("app", OLD, &["sqs:PurgeQueue", "sqs:ListQueues"])];
    let events = ["2025-09-01T00:00:00Z", "2025-12-31T23:00:00Z"].map(|time| event(time, "app", "sqs", "PurgeQueue"));
    let found = join(&[export(&roles), trail(&events)]);
    assert_eq!(counts(found.row("app", "sqs", "write")), (1, Some(1), Some(0), Some(0)));
    let looks = found.verdicts("app", "sqs");
    assert!(looks.contains(&(RemovalVerdict::Undetermined, 1, "the logs hold no calls that only look")), "{looks:?}");
}

#[test]
fn a_short_observation_is_provisional_and_nothing_is_safe() {
    let roles = [role("app", OLD, &["sqs:PurgeQueue", "sqs:DeleteQueue"])];
    let events = ["2025-12-21T00:00:00Z", "2025-12-31T00:00:00Z"].map(|time| event(time, "app", "sqs", "PurgeQueue"));
    let found = join(&[export(&roles), trail(&events)]);
    let row = found.row("app", "sqs", "write");
    assert_eq!((counts(row), row.window_days), ((2, Some(2), Some(1), Some(0)), Some(10)));
    assert!(found.verdicts("app", "sqs").contains(&(RemovalVerdict::Undetermined, 1, "watched for 10 of 90 days")));
    // What was watched before the window only was not watched in it.
    let events = ["2024-12-21T00:00:00Z", "2024-12-31T00:00:00Z"].map(|time| event(time, "app", "sqs", "PurgeQueue"));
    let found = join(&[export(&roles), trail(&events)]);
    assert_eq!(counts(found.row("app", "sqs", "write")), (2, None, None, None));
    assert_eq!(
        found.verdicts("app", "sqs"),
        [(RemovalVerdict::Undetermined, 2, "it was watched before the window only")]
    );
}

#[test]
fn a_young_grant_is_undetermined_and_not_unused() {
    let roles = [
        role("young", "2025-12-20T00:00:00Z", &["sqs:PurgeQueue", "sqs:ListQueues"]),
        role("middle", "2025-11-20T00:00:00Z", &["sqs:ListQueues"]),
        role("other", OLD, &["ec2:DescribeRegions"]),
    ];
    let found = join(&[export(&roles), trail(&frame())]);
    assert_eq!(counts(found.row("young", "sqs", "write")), (1, Some(0), Some(0), Some(1)));
    let told = found.verdicts("young", "sqs");
    let why = "granted 12 days ago; a right of this level may take 90 days to be used";
    assert!(told.contains(&(RemovalVerdict::Undetermined, 1, why)), "{told:?}");
    // 42 days are enough to miss a call that only looks, and not to remove it.
    let row = found.access.of(found.tables.find(&arn("middle")).unwrap());
    assert_eq!(counts(&row[0]), (1, Some(1), Some(1), Some(0)));
    assert_eq!(found.verdicts("middle", "sqs"), [(RemovalVerdict::Undetermined, 1, "granted for 42 of 90 days")]);
}

#[test]
fn a_service_report_says_only_the_service_and_its_actions_what_they_are_about() {
    let roles = [role(
        "app",
        OLD,
        &["s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketPolicy", "sqs:PurgeQueue", "kms:Decrypt"],
    )];
    let services = json!([
        {"ServiceNamespace": "s3", "LastAuthenticated": "2025-12-01T00:00:00Z", "TrackedActionsLastAccessed": [
            {"ActionName": "GetBucketAcl", "LastAccessedTime": "2025-12-01T00:00:00Z"},
            {"ActionName": "GetBucketPolicy"}]},
        {"ServiceNamespace": "sqs", "LastAuthenticated": "2025-08-01T00:00:00Z"}
    ]);
    let found = join(&[export(&roles), report("app", &services)]);
    let s3 = found.row("app", "s3", "read");
    assert_eq!((counts(s3), s3.evidence_grade.as_str()), ((3, Some(3), Some(1), Some(0)), "measured-service"));
    let told = found.verdicts("app", "s3");
    assert_eq!(
        told,
        [
            (RemovalVerdict::Used, 1, "used in the window"),
            (RemovalVerdict::Undetermined, 1, "the service was used; which of its actions is not known"),
            (RemovalVerdict::Safe, 1, "held, watched and not used for all 90 days"),
        ]
    );
    let sqs = found.row("app", "sqs", "write");
    assert_eq!((counts(sqs), sqs.evidence_grade.as_str()), ((1, Some(1), Some(1), Some(0)), "measured-service"));
    let removals = found.removals.of(found.tables.find(&arn("app")).unwrap());
    let sqs = removals.iter().find(|row| row.service == "sqs").unwrap();
    assert_eq!(
        (sqs.verdict, sqs.quiet_days, sqs.last_used_at),
        (RemovalVerdict::Safe, Some(153), parse_time("2025-08-01"))
    );
    assert_eq!(counts(found.row("app", "kms", "write")), (1, None, None, None));
}

#[test]
fn a_call_with_a_name_that_is_not_known_may_be_any_action_of_its_service() {
    let roles = [role("app", OLD, &["sqs:PurgeQueue"]), role("idle", OLD, &["sqs:PurgeQueue"])];
    let events = ["2025-09-01T00:00:00Z", "2025-12-31T23:00:00Z"].map(|time| event(time, "app", "sqs", "PurgeQueueV9"));
    let found = join(&[export(&roles), trail(&events)]);
    let why = "a call of `sqs:PurgeQueueV9` is logged, which may be this one under another name";
    assert_eq!(found.verdicts("app", "sqs"), [(RemovalVerdict::Undetermined, 1, why)]);
    assert_eq!(found.verdicts("idle", "sqs")[0].0, RemovalVerdict::Safe);
}

#[test]
fn principals_of_whom_the_same_was_seen_share_rows() {
    let names: Vec<String> = (0..50).map(|at| format!("r{at:02}")).collect();
    let mut roles: Vec<Value> = names.iter().map(|name| role(name, OLD, &["sqs:PurgeQueue"])).collect();
    roles.push(role("other", OLD, &["ec2:DescribeRegions"]));
    let [first, last] = frame();
    let found =
        join(&[export(&roles), trail(&[first, event("2025-12-01T00:00:00Z", "r07", "sqs", "PurgeQueue"), last])]);
    let unused = |name: &str| found.row(name, "sqs", "write").unused_n;
    assert_eq!((unused("r07"), unused("r08"), unused("r49")), (Some(0), Some(1), Some(1)));
    for name in &names {
        let id = found.tables.find(&arn(name)).unwrap();
        let own = found.removals.of(id);
        let grant = &found.tables.grants[own[0].grants[0] as usize];
        assert_eq!((own.len(), grant.holder), (1, id), "the statement named is its own");
    }
}

#[test]
fn requests_in_a_cluster_are_joined_action_by_action_whatever_they_are_called() {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "r", "namespace": "dev"}, "rules": [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
            {"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["get"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "b", "namespace": "dev"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "name": "ada"}]});
    let request = |group: &str, resource: &str| {
        json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "x", "stage": "ResponseComplete",
            "verb": "get", "user": {"username": "ada"}, "stageTimestamp": "2025-12-01T00:00:00Z",
            "objectRef": {"apiGroup": group, "resource": resource, "namespace": "dev"},
            "responseStatus": {"code": 200}})
        .to_string()
    };
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [role, binding]}).to_string();
    let found = join(&[objects, [request("", "pods"), request("example.com", "widgets")].join("\n")]);
    let ada = found.tables.find("kubernetes:kubernetes/user/ada").unwrap();
    let told: Vec<_> =
        found.access.of(ada).iter().map(|row| (&*row.service, &*row.level, counts(row), row.used_mass)).collect();
    // A read in one namespace weighs 2 x 2. That pods were not listed is not known: the log may leave requests out.
    assert_eq!(
        told,
        [
            ("core", "list", (1, Some(1), Some(0), Some(0)), Some(0.0)),
            ("core", "read", (1, Some(1), Some(0), Some(0)), Some(4.0)),
            ("example.com", "read", (1, Some(1), Some(0), Some(0)), Some(4.0)),
        ]
    );
    let verdicts: Vec<_> = found.removals.of(ada).iter().map(|row| (&*row.service, &*row.level, row.verdict)).collect();
    assert_eq!(
        verdicts,
        [
            ("core", "list", RemovalVerdict::Undetermined),
            ("core", "read", RemovalVerdict::Used),
            ("example.com", "read", RemovalVerdict::Used),
        ]
    );
}
