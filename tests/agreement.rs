//! The engine against what it must agree with: AWS's documented answers, and the naive reference on random accounts.

use overgrant::access::{Ask, Evaluators, Settings};
use overgrant::model::{Decision, EntityId, EntityKind, Request, Tables};
use overgrant::platforms::{self, input};
use roaring::RoaringBitmap;
use serde_json::Value;

use crate::reference::{Session, World, battery, random};

/// Reads raw exports with the engine's own readers.
fn tables(gaad: &[Value], organization: Option<&Value>, resource_policies: Option<&Value>) -> Tables {
    let documents = gaad.iter().chain(organization).chain(resource_policies);
    let texts: Vec<String> = documents.map(Value::to_string).collect();
    let files = texts.iter().enumerate().map(|(at, text)| (NAMES[at.min(NAMES.len() - 1)], text.as_bytes()));
    input::read_texts(files, platforms::ALL).join(platforms::ALL)
}

const NAMES: &[&str] = &["a.json", "b.json", "c.json", "d.json", "e.json"];

#[test]
fn every_documented_answer_is_given() {
    let cases = battery::cases();
    assert!(cases.len() >= 120, "the battery has only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let tables = tables(&case.gaad, case.organization.as_ref(), case.resource_policies.as_ref());
        let Some(principal) = tables.find(&case.principal) else {
            wrong.push(format!("{}: `{}` is not in the tables", case.id, case.principal));
            continue;
        };
        let request = Request {
            context: case.context.iter().map(|(key, values)| (key.to_ascii_lowercase(), values.clone())).collect(),
            strict: case.strict,
            session_name: case.session_name.clone(),
            session_policies: case.session_policies.clone(),
            ..Request::new(principal, &case.action, &case.resource)
        };
        let evaluators = Evaluators::new(&tables, Settings { as_of: case.as_of });
        let verdict = evaluators.decide(&request);
        if verdict.decision != case.expect {
            wrong.push(format!(
                "{}: expected {}, got {} ({}) {:?}",
                case.id, case.expect, verdict.decision, case.about, verdict.reasons
            ));
            continue;
        }
        let listed = evaluators.who_can(&request).into_iter().find(|(who, _)| *who == principal);
        let listed = listed.map_or(Decision::Denied, |(_, verdict)| verdict.decision);
        if listed != case.expect && tables.entity(principal).is_principal() {
            wrong.push(format!("{}: who-can says {listed}, can says {}", case.id, case.expect));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Random accounts, one a seed: 2,000 in a release build, fewer in a slow one.
const SEEDS: u64 = if cfg!(debug_assertions) { 200 } else { 2_000 };

#[test]
fn random_accounts_have_the_answers_of_the_reference() {
    use rayon::prelude::*;
    let wrong: Vec<String> = (0..SEEDS).into_par_iter().flat_map_iter(compare).collect();
    let seeds: std::collections::BTreeSet<&str> =
        wrong.iter().map(|line| line.split(':').next().unwrap_or_default()).collect();
    let shown: Vec<&str> = wrong.iter().take(12).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} answers of {} seeds differ:\n{}", wrong.len(), seeds.len(), shown.join("\n"));
}

fn compare(seed: u64) -> Vec<String> {
    let account = random::account(seed);
    let tables = tables(&account.gaad, account.organization.as_ref(), account.resource_policies.as_ref());
    let world = World::from_json(
        &account.gaad,
        account.organization.as_ref(),
        account.resource_policies.as_ref(),
        random::AS_OF,
    );
    let evaluators = Evaluators::new(&tables, Settings { as_of: random::AS_OF });
    let mut wrong = Vec::new();
    for question in &account.questions {
        let policies = question.session_policies.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let session = Session { name: question.session_name.clone(), policies };
        let session = (session.name.is_some() || !session.policies.is_empty()).then_some(session);
        let expected = world
            .decide(
                &question.principal,
                &question.action,
                &question.resource,
                &question.context,
                question.strict,
                session.as_ref(),
            )
            .unwrap();
        let principal = tables.find(&question.principal).unwrap();
        let request = Request {
            context: question.context.clone(),
            strict: question.strict,
            session_name: question.session_name.clone(),
            session_policies: question.session_policies.clone(),
            ..Request::new(principal, &question.action, &question.resource)
        };
        let found = evaluators.decide(&request);
        if found.decision != expected {
            wrong.push(format!("seed {seed}: {question:?}: expected {expected}, got {found:?}"));
        }
    }
    wrong.extend(bulk_disagreements(seed, &tables, &evaluators));
    wrong
}

/// Random accounts again, in which every user and role has a twin: the same policies, but another name, now and then
/// other tags, or a group that the export does not define. Bulk answers must be right for each of them.
#[test]
fn principals_that_share_policies_have_answers_of_their_own() {
    use rayon::prelude::*;
    let wrong: Vec<String> = (0..SEEDS)
        .into_par_iter()
        .flat_map_iter(|seed| {
            let account = random::account(seed);
            let gaad: Vec<Value> = account.gaad.iter().map(with_twins).collect();
            let tables = tables(&gaad, account.organization.as_ref(), account.resource_policies.as_ref());
            let evaluators = Evaluators::new(&tables, Settings { as_of: random::AS_OF });
            let (_, evaluator) = evaluators.iter().next().unwrap();
            let shared = evaluator.classes().iter().filter(|class| class.members.len() > 1).count();
            let mut wrong = bulk_disagreements(seed, &tables, &evaluators);
            if shared == 0 && seed == 0 {
                wrong.push("seed 0: no two principals share a class".to_owned());
            }
            wrong
        })
        .collect();
    let shown: Vec<&str> = wrong.iter().take(12).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} bulk answers differ:\n{}", wrong.len(), shown.join("\n"));
}

fn with_twins(gaad: &Value) -> Value {
    let mut gaad = gaad.clone();
    for (list, name, id) in [("UserDetailList", "UserName", "UserId"), ("RoleDetailList", "RoleName", "RoleId")] {
        let originals = gaad[list].as_array().cloned().unwrap_or_default();
        let twins = originals.iter().enumerate().map(|(at, original)| {
            let mut twin = original.clone();
            for field in [name, id, "Arn"] {
                twin[field] = Value::String(format!("{}t", original[field].as_str().unwrap()));
            }
            if at % 2 == 0 {
                twin["Tags"] = serde_json::json!([{"Key": "dept", "Value": "green"}]);
            }
            if at % 3 == 0 && list == "UserDetailList" {
                let mut groups = original["GroupList"].as_array().cloned().unwrap_or_default();
                groups.push(Value::String("ghost".to_owned()));
                twin["GroupList"] = Value::Array(groups);
            }
            twin
        });
        let all: Vec<Value> = originals.iter().cloned().chain(twins).collect();
        gaad[list] = Value::Array(all);
    }
    gaad
}

/// Actions on IAM entities that the bulk evaluator is asked about.
const BULK: &[(&str, EntityKind)] = &[
    ("sts:AssumeRole", EntityKind::Role),
    ("iam:PassRole", EntityKind::Role),
    ("iam:CreateAccessKey", EntityKind::User),
    ("iam:GetUser", EntityKind::User),
    ("iam:AttachRolePolicy", EntityKind::Role),
];

/// Bulk answers against the pointwise ones, for every member of every class and every target.
fn bulk_disagreements(seed: u64, tables: &Tables, evaluators: &Evaluators<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (_, evaluator) in evaluators.iter() {
        for (number, class) in evaluator.classes().iter().enumerate() {
            if class.kind == EntityKind::Group {
                continue;
            }
            let view = evaluator.open(number);
            for &(action, kind) in BULK {
                let among: RoaringBitmap = tables
                    .entities
                    .iter()
                    .filter(|entity| entity.present && entity.kind == kind && !entity.id.ends_with(":root"))
                    .map(|entity| entity.entity.0)
                    .collect();
                let reach = view.targets(&Ask { action: action.to_owned(), pins: Vec::new() }, &among);
                for (&member, target) in
                    class.members.iter().flat_map(|member| among.iter().map(move |to| (member, to)))
                {
                    let found = match (reach.certain.contains(target), reach.possible.contains(target)) {
                        (true, _) => "allowed",
                        (false, true) => "open",
                        (false, false) => "denied",
                    };
                    let request = Request::new(member, action, &tables.entity(EntityId(target)).id);
                    let expected = match evaluator.decide(&request).decision {
                        Decision::Allowed => "allowed",
                        Decision::Denied => "denied",
                        Decision::Conditional | Decision::Unknown => "open",
                    };
                    if found != expected {
                        let ids = (&tables.entity(member).id, &tables.entity(EntityId(target)).id);
                        wrong.push(format!("seed {seed}: bulk {action} {ids:?}: expected {expected}, got {found}"));
                    }
                }
            }
        }
    }
    wrong
}
