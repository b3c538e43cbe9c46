//! The counted access of small accounts, from raw exports.

use serde_json::{Value, json};

use crate::access::{Evaluators, Given, Settings};
use crate::model::{Access, Certainty, Decision, Tables};
use crate::platforms::{self, Ask, On, View, input};

const A: &str = "111111111111";

fn statement(effect: &str, action: &str, resources: &[&str]) -> Value {
    json!({"Effect": effect, "Action": action, "Resource": resources})
}

fn allow(action: &str, resources: &[&str]) -> Value {
    statement("Allow", action, resources)
}

fn deny(action: &str, resources: &[&str]) -> Value {
    statement("Deny", action, resources)
}

/// One role with these inline statements and what `more` says of it.
fn tables(statements: &[Value], more: &Value, policies: &[(&str, Value)]) -> Tables {
    let mut role = json!({
        "Arn": format!("arn:aws:iam::{A}:role/r"), "RoleName": "r", "Path": "/", "RoleId": "AROAOWN",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
        "RolePolicyList": [
            {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
        ],
        "AttachedManagedPolicies": [], "InstanceProfileList": [], "Tags": []
    });
    for (key, value) in more.as_object().unwrap() {
        role[key] = value.clone();
    }
    let policy = |(name, statement): &(&str, Value)| {
        json!({
            "Arn": format!("arn:aws:iam::{A}:policy/{name}"), "PolicyName": name, "Path": "/",
            "DefaultVersionId": "v1",
            "PolicyVersionList": [{
                "VersionId": "v1", "IsDefaultVersion": true,
                "Document": {"Version": "2012-10-17", "Statement": [statement]}
            }]
        })
    };
    let policies: Vec<Value> = policies.iter().map(policy).collect();
    let gaad = json!({
        "UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [role], "Policies": policies
    });
    let text = gaad.to_string();
    input::read_texts([("a.json", text.as_bytes())], platforms::ALL).join(platforms::ALL)
}

/// What the role's view says.
fn view<T>(tables: &Tables, given: &[Given], look: impl Fn(&dyn View) -> T) -> T {
    let evaluators = Evaluators::new(tables, Settings { as_of: 0 });
    let evaluator = evaluators.of("aws").unwrap();
    let role = tables.find(&format!("arn:aws:iam::{A}:role/r")).unwrap();
    let class = evaluator.classes().iter().position(|class| class.members.contains(&role)).unwrap();
    if given.is_empty() {
        look(&*evaluator.open(class))
    } else {
        look(&*evaluator.open_given(class, given, None).unwrap())
    }
}

fn inline(statements: &[Value]) -> Tables {
    tables(statements, &json!({}), &[])
}

fn manages(tables: &Tables) -> Option<Certainty> {
    view(tables, &[], |view| view.manages_permissions().map(|found| found.certainty))
}

fn on_everything(tables: &Tables, action: &str) -> Option<Certainty> {
    let ask = Ask { action: action.to_owned(), pins: Vec::new() };
    view(tables, &[], |view| view.anywhere(&ask, On::Everything).map(|found| found.certainty))
}

fn rows(tables: &Tables) -> Vec<Access> {
    view(tables, &[], |view| view.access())
}

fn row<'r>(rows: &'r [Access], service: &str, level: &str, decision: Decision) -> Option<&'r Access> {
    rows.iter().find(|row| row.service == service && row.level == level && row.decision == decision)
}

#[test]
fn a_pattern_for_one_type_is_everything_for_the_actions_on_that_type_alone() {
    let s3 = inline(&[allow("*", &["arn:aws:s3:::*"])]);
    assert_eq!(manages(&s3), None);
    assert_eq!(on_everything(&s3, "s3:GetObject"), Some(Certainty::Certain));
    assert_eq!(on_everything(&s3, "s3:DeleteBucket"), Some(Certainty::Certain));
    let found = rows(&s3);
    assert!(found.iter().all(|row| row.service != "iam" && row.service != "ec2"));
    assert_eq!(row(&found, "s3", "write", Decision::Allowed).unwrap().breadth, "all");

    let function = format!("arn:aws:lambda:us-east-1:{A}:function:*");
    let lambda = inline(&[allow("*", &[&function])]);
    assert_eq!(manages(&lambda), None);
    assert_eq!(on_everything(&lambda, "lambda:InvokeFunction"), None);
    assert_eq!(row(&rows(&lambda), "lambda", "write", Decision::Allowed).unwrap().breadth, "prefix");
    let everywhere = inline(&[allow("lambda:*", &["arn:aws:lambda:*:*:function:*"])]);
    assert_eq!(on_everything(&everywhere, "lambda:InvokeFunction"), Some(Certainty::Certain));

    let policies = inline(&[allow("iam:*", &[&format!("arn:aws:iam::{A}:policy/*")])]);
    assert_eq!(on_everything(&policies, "iam:CreatePolicyVersion"), Some(Certainty::Certain));
    assert_eq!(on_everything(&policies, "iam:AttachRolePolicy"), None);
    assert_eq!(manages(&policies), Some(Certainty::Conditional));
}

#[test]
fn patterns_for_all_arns_of_a_service_are_everything_but_for_actions_on_no_resource() {
    for pattern in [format!("arn:aws:iam::{A}:*"), "arn:aws:iam::*".to_owned(), "arn:*".to_owned()] {
        let tables = inline(&[allow("*", &[&pattern])]);
        assert_eq!(manages(&tables), Some(Certainty::Certain), "{pattern}");
        assert_eq!(on_everything(&tables, "iam:ListRoles"), None, "{pattern}");
        assert_eq!(on_everything(&tables, "*"), None, "{pattern}");
    }
    assert_eq!(on_everything(&inline(&[allow("*", &["*"])]), "*"), Some(Certainty::Certain));
}

#[test]
fn types_that_a_call_needs_may_be_allowed_by_several_statements() {
    let role = format!("arn:aws:iam::{A}:role/*");
    let two = inline(&[allow("ec2:RunInstances", &["arn:aws:ec2:*:*:*/*"]), allow("iam:PassRole", &[&role])]);
    assert_eq!(on_everything(&two, "iam:PassRole"), Some(Certainty::Certain));
    let part = inline(&[allow("ec2:RunInstances", &["arn:aws:ec2:*:*:instance/*"])]);
    assert_eq!(row(&rows(&part), "ec2", "write", Decision::Allowed), None);
    let rest = ["image", "network-interface", "security-group", "subnet", "volume", "key-pair"];
    let rest: Vec<String> = rest.iter().map(|kind| format!("arn:aws:ec2:*:*:{kind}/*")).collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).chain(["arn:aws:ec2:*::image/*"]).collect();
    let whole = inline(&[allow("ec2:RunInstances", &["arn:aws:ec2:*:*:instance/*"]), allow("ec2:RunInstances", &rest)]);
    assert_eq!(row(&rows(&whole), "ec2", "write", Decision::Allowed).unwrap().granted_n, 1);
}

#[test]
fn a_deny_that_the_caller_cannot_avoid_binds() {
    let with = |id: &str| {
        let mut deny = deny("*", &["*"]);
        deny["Condition"] = json!({"StringNotLike": {"aws:userid": [format!("{id}:*")]}});
        inline(&[allow("*", &["*"]), deny])
    };
    assert_eq!(manages(&with("AROAOTHER")), None);
    assert!(rows(&with("AROAOTHER")).is_empty());
    assert_eq!(manages(&with("AROAOWN")), Some(Certainty::Certain));

    let on = |key: &str, value: &str| {
        let mut deny = deny("iam:*", &["*"]);
        deny["Condition"] = json!({"StringEquals": {key: value}});
        deny
    };
    let avoidable = [allow("*", &["*"]), on("aws:RequestedRegion", "eu-west-1")];
    assert_eq!(manages(&inline(&avoidable)), Some(Certainty::Certain));
    let open = [allow("*", &["*"]), on("aws:ResourceTag/team", "x")];
    assert_eq!(manages(&inline(&open)), Some(Certainty::Conditional));
}

#[test]
fn conditions_that_exclude_each_other_are_no_certain_grant() {
    let mut only_one = allow("s3:*", &["*"]);
    only_one["Condition"] = json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}});
    let mut never_there = deny("s3:*", &["*"]);
    never_there["Condition"] = json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}});
    let found = rows(&inline(&[only_one.clone(), never_there]));
    assert!(found.iter().all(|row| row.decision != Decision::Allowed));
    assert!(rows(&inline(&[only_one])).iter().all(|row| row.decision == Decision::Allowed));
}

#[test]
fn a_deny_by_name_leaves_an_administrator_one() {
    let guard = format!("arn:aws:iam::{A}:role/OrgGuard");
    for guarded in [guard.as_str(), "arn:aws:iam::*:role/OrgGuard*"] {
        let tables = inline(&[allow("*", &["*"]), deny("iam:*", &[guarded])]);
        assert_eq!(manages(&tables), Some(Certainty::Certain), "{guarded}");
        assert_eq!(on_everything(&tables, "*"), Some(Certainty::Certain), "{guarded}");
    }
    let roles = inline(&[allow("*", &["*"]), deny("iam:*", &["arn:aws:iam::*:role/*"])]);
    assert_eq!(on_everything(&roles, "iam:AttachRolePolicy"), None);
    assert_eq!(on_everything(&roles, "iam:AttachUserPolicy"), Some(Certainty::Certain));
    let rest = json!({"Effect": "Deny", "Action": "iam:*", "NotResource": [guard]});
    let spared = inline(&[allow("*", &["*"]), rest]);
    assert_eq!(manages(&spared), None);
    assert_eq!(row(&rows(&spared), "iam", "permissions", Decision::Allowed).unwrap().breadth, "one");
}

#[test]
fn everything_is_possible_where_a_document_is_missing() {
    let missing = json!([{"PolicyName": "gone", "PolicyArn": format!("arn:aws:iam::{A}:policy/gone")}]);
    let tables = tables(&[allow("s3:GetObject", &["*"])], &json!({"AttachedManagedPolicies": missing}), &[]);
    let found = rows(&tables);
    assert!(!found.is_empty() && found.iter().all(|row| row.decision == Decision::Unknown));
    let mass: f64 = found.iter().map(|row| row.mass).sum();
    assert!((mass - super::administrator_mass()).abs() < 1e-6, "{mass}");
}

#[test]
fn a_missing_boundary_leaves_what_the_identity_allows_possible() {
    let boundary = json!({"PermissionsBoundaryType": "Policy",
        "PermissionsBoundaryArn": format!("arn:aws:iam::{A}:policy/gone")});
    let tables = tables(&[allow("s3:GetObject", &["*"])], &json!({"PermissionsBoundary": boundary}), &[]);
    let found = rows(&tables);
    let only: Vec<_> = found.iter().map(|row| (row.service.as_str(), row.granted_n, row.decision)).collect();
    assert_eq!(only, [("s3", 1, Decision::Unknown)]);
}

#[test]
fn who_is_given_everything_keeps_what_a_deny_does_not_name() {
    let tables = inline(&[allow("s3:GetObject", &["*"]), deny("s3:*", &["arn:aws:s3:::guarded/*"])]);
    let found = view(&tables, &[Given::Administrator], |view| view.access());
    assert_eq!(row(&found, "s3", "write", Decision::Allowed).unwrap().breadth, "all");
    assert_eq!(row(&found, "iam", "permissions", Decision::Allowed).unwrap().breadth, "all");
}

/// A role whose identity policy and boundary each allow `s3:GetObject` on one pattern.
fn bounded(identity: &str, boundary: &str) -> Vec<Access> {
    let bound = json!({"PermissionsBoundaryType": "Policy",
        "PermissionsBoundaryArn": format!("arn:aws:iam::{A}:policy/bound")});
    let statements = [allow("s3:GetObject", &[identity])];
    let boundary = [("bound", allow("s3:GetObject", &[boundary]))];
    rows(&tables(&statements, &json!({"PermissionsBoundary": bound}), &boundary))
}

#[test]
fn layers_meet_where_their_patterns_do() {
    assert_eq!(bounded("arn:aws:s3:::a/*", "arn:aws:s3:::b/*"), []);
    let inside = bounded("arn:aws:s3:::a/x", "arn:aws:s3:::a/*");
    assert_eq!((inside[0].decision, inside[0].breadth.as_str()), (Decision::Allowed, "one"));
    let crossing = bounded("arn:aws:s3:::a*/x", "arn:aws:s3:::*b/*");
    assert_eq!((crossing[0].decision, crossing[0].breadth.as_str()), (Decision::Conditional, "prefix"));
    let wide = bounded("arn:aws:s3:::*", "arn:aws:s3:::b/*");
    assert_eq!((wide[0].decision, wide[0].breadth.as_str()), (Decision::Allowed, "prefix"));
}

#[test]
fn what_is_possible_beyond_what_is_certain_is_counted() {
    let mut tagged = allow("s3:DeleteBucket", &["*"]);
    tagged["Condition"] = json!({"StringEquals": {"aws:ResourceTag/team": "x"}});
    let found = rows(&inline(&[allow("s3:DeleteBucket", &["arn:aws:s3:::b"]), tagged]));
    let certain = row(&found, "s3", "write", Decision::Allowed).unwrap();
    assert_eq!((certain.granted_n, certain.breadth.as_str(), certain.mass), (1, "one", 5.0));
    let more = row(&found, "s3", "write", Decision::Conditional).unwrap();
    assert_eq!((more.granted_n, more.breadth.as_str(), more.mass), (1, "all", 15.0));
}

#[test]
fn what_another_account_must_allow_too_is_possible() {
    let found = rows(&inline(&[allow("sts:AssumeRole", &["arn:aws:iam::222222222222:role/r"])]));
    let only: Vec<_> = found.iter().map(|row| (row.service.as_str(), row.breadth.as_str(), row.decision)).collect();
    assert_eq!(only, [("sts", "one", Decision::Conditional)]);
    let found = rows(&inline(&[allow("iam:GetPolicy", &["arn:aws:iam::aws:policy/*"])]));
    assert_eq!(found, []);
}
