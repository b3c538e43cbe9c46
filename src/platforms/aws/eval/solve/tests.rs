//! Small requests with known answers, and how much work hard ones take.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::facts::{Boundary, Caller, Principal, Target};
use super::super::formula::Sides;
use super::super::statement::{Actions, Statement};
use super::super::view::clause_of;
use super::*;
use crate::model::{Effect, EntityId, Grant, Layer, SourceId};

const RESOURCE: &str = "arn:aws:iam::111122223333:user/ann";

fn statement(effect: Effect, resource: &str, condition: &str) -> Statement {
    let grant = Grant {
        grant: 0,
        holder: EntityId(0),
        effect,
        actions: vec!["*".to_owned()],
        not_actions: Vec::new(),
        resources: vec![resource.to_owned()],
        not_resources: Vec::new(),
        principals: Vec::new(),
        not_principals: Vec::new(),
        condition: Some(condition.to_owned()),
        variables: true,
        layer: Layer::Identity,
        policy: String::new(),
        statement: String::new(),
        granted_at: None,
        expires_at: None,
        source: SourceId(0),
        record: String::new(),
    };
    Statement::new(&grant, Arc::new(Actions::new(&grant.actions, &[])), |_, _| None)
}

fn allow(condition: &str) -> Statement {
    statement(Effect::Allow, "*", condition)
}

fn deny(condition: &str) -> Statement {
    statement(Effect::Deny, "*", condition)
}

/// The solution of a request in one account, and the work that it took.
fn solved(statements: &[Statement], resource: &str, strict: bool) -> (Solution, u64) {
    let principal = Principal {
        caller: Caller::User,
        arn: RESOURCE.to_owned(),
        account: "111122223333".to_owned(),
        name: "ann".to_owned(),
        unique_id: None,
        tags: BTreeMap::new(),
        org: None,
        bounded: false,
        service_linked: false,
    };
    let target = Target { arn: resource.to_owned(), account: None, org: None, tags: None, boundary: Boundary::Unknown };
    let given = BTreeMap::new();
    let facts = Facts {
        principal: &principal,
        target: &target,
        action: "iam:GetUser",
        given: &given,
        strict,
        tree: false,
        session_name: None,
        as_of: 0,
    };
    let clauses: Vec<Clause<'_>> =
        statements.iter().filter_map(|statement| clause_of(statement, Layer::Identity, &facts)).collect();
    let (deny, allow) = clauses.into_iter().partition(|clause| clause.statement.effect == Effect::Deny);
    let wide = || Level { open_wide: true, ..Level::default() };
    let formula = Formula {
        deny,
        controls: Vec::new(),
        identity: Level { allow, ..Level::default() },
        boundary: wide(),
        session: wide(),
        delegating: Level::default(),
        role_named: Level::default(),
        named: Level::default(),
        sides: Sides::Either,
        resource: resource.to_owned(),
        missing: Vec::new(),
    };
    let mut work = Work { left: LIMIT };
    let solution = solve_within(&formula, &facts, &mut work);
    (solution, LIMIT - work.left)
}

fn decision(statements: &[Statement]) -> Decision {
    solved(statements, RESOURCE, false).0.decision
}

fn list(of: impl Iterator<Item = String>) -> String {
    let quoted: Vec<String> = of.map(|text| format!("\"{text}\"")).collect();
    format!("[{}]", quoted.join(","))
}

#[test]
fn bounds_answer_without_a_search() {
    let wide = (0..20).map(|at| format!(r#""aws:RequestTag/k{at}":"a""#)).collect::<Vec<_>>().join(",");
    let many = allow(&format!(r#"{{"StringEquals":{{{wide}}}}}"#));
    for (statements, expected) in [
        (vec![many.clone(), deny("{}")], Decision::Denied),
        (vec![deny(r#"{"Bool":{"aws:SecureTransport":"false"}}"#)], Decision::Denied),
        (vec![many, allow("{}")], Decision::Allowed),
    ] {
        let (solution, work) = solved(&statements, RESOURCE, false);
        assert_eq!((solution, work), (expected.into(), 0));
    }
}

#[test]
fn many_keys_that_the_caller_chooses_are_no_combinations() {
    let keys = (0..40).map(|at| format!(r#""aws:RequestTag/k{at}":["a","b"]"#)).collect::<Vec<_>>().join(",");
    let (solution, work) = solved(&[allow(&format!(r#"{{"StringEquals":{{{keys}}}}}"#))], RESOURCE, false);
    assert_eq!(solution, Decision::Allowed.into());
    assert!(work < 2_000, "{work}");
}

#[test]
fn a_hundred_tag_keys_cost_little() {
    for (operator, expected) in [
        ("ForAnyValue:StringEquals", Decision::Allowed),
        ("ForAllValues:StringEquals", Decision::Allowed),
        ("ForAllValues:StringNotEquals", Decision::Allowed),
    ] {
        let values = list((0..100).map(|at| format!("Key{at}")));
        let one = allow(&format!(r#"{{"{operator}":{{"aws:TagKeys":{values}}}}}"#));
        let (solution, work) = solved(&[one], RESOURCE, false);
        assert_eq!(solution, expected.into(), "{operator}");
        assert!(work < 2_000, "{operator}: {work}");
    }
}

#[test]
fn sets_have_as_many_values_as_the_tests_need() {
    let three = r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":"a"},"ForAnyValue:StringLike":{"aws:TagKeys":"b"},
        "ForAnyValue:StringEqualsIgnoreCase":{"aws:TagKeys":"c"}}"#;
    assert_eq!(decision(&[allow(three)]), Decision::Allowed);
    let within = r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}"#;
    assert_eq!(decision(&[allow(three), deny(within)]), Decision::Allowed);
    let short = r#"{"ForAllValues:StringLike":{"aws:TagKeys":["?"]}}"#;
    assert_eq!(decision(&[allow(three), deny(short)]), Decision::Allowed, "a fourth will do");
    let beyond = r#"{"ForAnyValue:StringLike":{"aws:TagKeys":["?"]}}"#;
    assert_eq!(decision(&[allow(three), deny(beyond)]), Decision::Denied);
    let one = r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":"c"}}"#;
    assert_eq!(decision(&[allow(three), deny(one)]), Decision::Allowed, "C will do");
    let any_case = r#"{"ForAnyValue:StringEqualsIgnoreCase":{"aws:TagKeys":"C"}}"#;
    assert_eq!(decision(&[allow(three), deny(any_case)]), Decision::Denied);
}

#[test]
fn wildcards_are_filled_with_what_nothing_excludes() {
    for (condition, expected) in [
        (r#"{"StringLike":{"aws:UserAgent":"a*"},"StringNotEquals":{"aws:UserAgent":["a","ax"]}}"#, Decision::Allowed),
        (r#"{"StringLike":{"aws:UserAgent":"a?"},"StringNotEquals":{"aws:UserAgent":["ax"]}}"#, Decision::Allowed),
        (r#"{"StringLike":{"aws:UserAgent":"a*"},"StringNotLike":{"aws:UserAgent":"a*"}}"#, Decision::Denied),
        (
            r#"{"StringLike":{"aws:UserAgent":"a*"},"StringLikeIfExists":{"aws:UserAgent":"*b"},
               "StringNotEquals":{"aws:UserAgent":"ab"}}"#,
            Decision::Allowed,
        ),
        (
            r#"{"StringEqualsIgnoreCase":{"aws:UserAgent":"ab"},"StringNotEquals":{"aws:UserAgent":["ab","AB"]}}"#,
            Decision::Allowed,
        ),
    ] {
        assert_eq!(decision(&[allow(condition)]), expected, "{condition}");
    }
}

#[test]
fn a_variable_in_a_pattern_is_read_off_the_resource() {
    let long = format!("arn:aws:iam::111122223333:user/{}/ann", "p".repeat(510));
    let one = statement(Effect::Allow, "arn:aws:iam::*:user/${aws:RequestTag/path}/ann", "{}");
    let (solution, work) = solved(&[one], &long, false);
    assert_eq!(solution, Decision::Allowed.into());
    assert!(work < 100_000, "{work}");
    let other = statement(Effect::Allow, "arn:aws:iam::*:role/${aws:RequestTag/path}/ann", "{}");
    assert_eq!(solved(&[other], &long, false).0, Decision::Denied.into());
    let tagged = r#"{"StringEquals":{"aws:RequestTag/b":"team-${aws:RequestTag/a}"}}"#;
    let both = statement(Effect::Allow, "arn:aws:iam::*:user/${aws:RequestTag/a}", tagged);
    assert_eq!(solved(&[both], RESOURCE, false).0.decision, Decision::Allowed);
}

#[test]
fn what_is_beyond_the_limit_is_conditional_and_said_so() {
    let long = format!("arn:aws:iam::111122223333:user/{}", "p".repeat(510));
    let several = "arn:aws:*${aws:RequestTag/a}*${aws:RequestTag/b}*${aws:RequestTag/c}*";
    let (solution, work) = solved(&[statement(Effect::Allow, several, "{}")], &long, false);
    assert_eq!(solution, Solution { decision: Decision::Conditional, limit_reached: true });
    assert!(work <= LIMIT);
    // Each of two values of each key suits half of the statements: nothing dominates.
    let half = |at: usize| {
        let tests: Vec<String> = (0..24)
            .map(|key| format!(r#""aws:RequestTag/k{key}":"{}""#, at.wrapping_mul(2_654_435_761) >> (key + 3) & 1))
            .collect();
        allow(&format!(r#"{{"StringEquals":{{{}}},"Bool":{{"aws:MultiFactorAuthPresent":"true"}}}}"#, tests.join(",")))
    };
    let hostile: Vec<Statement> = (1..40).map(half).collect();
    let (solution, work) = solved(&hostile, RESOURCE, false);
    assert_eq!(solution, Solution { decision: Decision::Conditional, limit_reached: true });
    assert!(work <= LIMIT);
}

#[test]
fn an_operator_that_is_not_known_never_allows_and_may_deny() {
    let unknown = r#"{"StringAlmost":{"aws:PrincipalAccount":"x"}}"#;
    for strict in [false, true] {
        let decision = |statements: &[Statement]| solved(statements, RESOURCE, strict).0.decision;
        assert_eq!(decision(&[allow(unknown)]), Decision::Denied);
        assert_eq!(decision(&[allow("{}"), deny(unknown)]), Decision::Conditional);
        assert_eq!(decision(&[allow(unknown), deny(unknown)]), Decision::Denied);
        assert_eq!(decision(&[allow("{}"), deny("[]")]), Decision::Conditional);
    }
    let two = r#"{"StringAlmost":{"a:b":"x"},"StringEquals":{"aws:PrincipalAccount":"999988887777"}}"#;
    assert_eq!(decision(&[allow("{}"), deny(two)]), Decision::Allowed, "its other test is false");
}

#[test]
fn the_caller_avoids_what_it_can_choose_and_not_what_the_environment_sets() {
    let region = r#"{"StringNotEquals":{"aws:RequestedRegion":"eu-west-1"}}"#;
    let device = r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}"#;
    assert_eq!(decision(&[allow("{}"), deny(region)]), Decision::Allowed);
    assert_eq!(decision(&[allow("{}"), deny(device)]), Decision::Conditional);
    let network = r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/9","10.128.0.0/9"]},
        "NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#;
    assert_eq!(decision(&[allow(network)]), Decision::Denied);
    assert_eq!(decision(&[allow(r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#)]), Decision::Conditional);
}

#[test]
fn patterns_of_one_test_are_not_paired() {
    let patterns = list((0..100).map(|at| format!("arn:aws:iam::*:role/team-{at}-*-deployer")));
    let one = allow(&format!(r#"{{"ArnNotLike":{{"lambda:FunctionArn":{patterns}}}}}"#));
    let (solution, work) = solved(&[one], RESOURCE, false);
    assert_eq!(solution, Decision::Allowed.into());
    assert!(work < LIMIT, "{work}");
}
