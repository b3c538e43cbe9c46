//! Vault: agreement with the naive authorizer on random policies, in single questions and in bulk, and hostile input.

use overgrant::access::{Ask, Evaluators, On, Settings};
use overgrant::model::{Certainty, Decision, EntityId, Request, Tables};
use overgrant::platforms::{self, input};
use roaring::RoaringBitmap;
use serde_json::json;

use crate::reference::vault::{Answer, Policy, Rule, World, authorize, random};

/// Random worlds compared.
const SEEDS: u64 = 2_000;

fn read(texts: &[(String, String)]) -> Tables {
    let texts = texts.iter().map(|(name, text)| (name.as_str(), text.as_bytes()));
    input::read_texts(texts, platforms::ALL).join(platforms::ALL)
}

fn hcl(rules: &[Rule]) -> String {
    let one = |rule: &Rule| {
        let limits = if rule.limited { "  denied_parameters = { \"policies\" = [] }\n" } else { "" };
        format!("path \"{}\" {{\n  capabilities = {:?} # c\n{limits}}}\n", rule.pattern, rule.caps)
    };
    rules.iter().map(one).collect()
}

/// Policies as text or as answers of the API, users as answers.
fn export(world: &World, seed: u64) -> Tables {
    let mut texts = Vec::new();
    for policy in &world.policies {
        let Some(rules) = &policy.rules else { continue };
        if seed.is_multiple_of(2) {
            texts.push((format!("{}.hcl", policy.name), hcl(rules)));
        } else {
            let answer = json!({"path": "sys/policies/acl/x", "data": {"name": policy.name, "policy": hcl(rules)}});
            texts.push((format!("{}.json", policy.name), answer.to_string()));
        }
    }
    // A policy without rules is read from the API only: a text without a block is nobody's.
    for (name, held) in &world.users {
        let names: Vec<&str> = held.iter().map(|&at| world.policies[at].name.as_str()).collect();
        let data = json!({"token_policies": names, "token_no_default_policy": true});
        let answer = json!({"path": format!("auth/userpass/users/{name}"), "data": data});
        texts.push((format!("users-{name}.json"), answer.to_string()));
    }
    read(&texts)
}

fn as_decision(answer: Answer) -> Decision {
    match answer {
        Answer::Denied => Decision::Denied,
        Answer::Unknown => Decision::Unknown,
        Answer::Conditional => Decision::Conditional,
        Answer::Allowed => Decision::Allowed,
    }
}

fn held<'w>(world: &'w World, user: &[usize]) -> Vec<&'w Policy> {
    user.iter().map(|&at| &world.policies[at]).collect()
}

fn compare(seed: u64) -> Vec<String> {
    let world = random(seed);
    let tables = export(&world, seed);
    let evaluators = Evaluators::new(&tables, Settings { as_of: 0 });
    let mut wrong = Vec::new();
    for (capability, path) in &world.questions {
        let mut who = Vec::new();
        for (name, user) in &world.users {
            let entity = tables.find(&format!("vault:vault/auth/userpass/users/{name}")).unwrap();
            let expected = authorize(&held(&world, user), capability, path);
            let found = evaluators.decide(&Request::new(entity, &format!("acl:{capability}"), path));
            if found.decision != as_decision(expected) {
                wrong.push(format!("{seed}: {name} {capability} {path}: {expected:?}, found {found:?}"));
            }
            if expected != Answer::Denied {
                who.push(entity);
            }
        }
        who.sort_unstable();
        let found = evaluators.who_can(&Request::new(EntityId(0), &format!("acl:{capability}"), path));
        let found: Vec<EntityId> = found.into_iter().map(|(entity, _)| entity).collect();
        if found != who {
            wrong.push(format!("{seed}: who can {capability} {path}: {who:?}, found {found:?}"));
        }
    }
    wrong.extend(bulk(seed, &world, &tables, &evaluators));
    wrong
}

/// Names that can stand in a segment: those of the alphabet, one that no rule has, and one behind each beginning.
fn names() -> Vec<String> {
    let known = ["a", "b", "ab", "abc", ""];
    known.iter().flat_map(|name| [(*name).to_owned(), format!("{name}zz")]).filter(|name| !name.is_empty()).collect()
}

/// Answers about all policies at once, and about any name at all, must be those about each.
fn bulk(seed: u64, world: &World, tables: &Tables, evaluators: &Evaluators<'_>) -> Vec<String> {
    let evaluator = evaluators.of("vault").unwrap();
    let all: RoaringBitmap = (0..u32::try_from(tables.entities.len()).unwrap()).collect();
    let mut wrong = Vec::new();
    for (number, class) in evaluator.classes().iter().enumerate() {
        let member = tables.entity(class.members[0]);
        let Some((_, user)) = world.users.iter().find(|(name, _)| member.id.ends_with(&format!("/users/{name}")))
        else {
            continue;
        };
        let (policies, view) = (held(world, user), evaluator.open(number));
        for capability in ["update", "read", "sudo"] {
            let ask = |action: String| Ask { action, pins: Vec::new() };
            let reach = view.targets(&ask(format!("acl:{capability}")), &all);
            for target in tables.entities.iter().filter(|target| target.present && target.id.contains('/')) {
                let path = target.id.split_once('/').unwrap().1;
                let expected = authorize(&policies, capability, path);
                let found = (reach.certain.contains(target.entity.0), reach.possible.contains(target.entity.0));
                if found != (expected == Answer::Allowed, expected != Answer::Denied) {
                    wrong.push(format!("{seed}: {} {capability} {path}: {expected:?}, in bulk {found:?}", member.name));
                }
            }
            for stem in ["auth/userpass/users/+", "secret/data/+/ab", "sys/auth/+", "secret/a/+/b"] {
                let paths = names().into_iter().map(|name| stem.replace('+', &name));
                let expected = paths.map(|path| authorize(&policies, capability, &path)).max().unwrap();
                let found = view.anywhere(&ask(format!("acl:{capability}:{stem}")), On::Something);
                let found = match found.map(|found| found.certainty) {
                    None => Answer::Denied,
                    Some(Certainty::Certain) => Answer::Allowed,
                    Some(Certainty::Conditional) => Answer::Conditional,
                };
                let expected = if expected == Answer::Unknown { Answer::Conditional } else { expected };
                if found != expected {
                    wrong.push(format!("{seed}: {} {capability} {stem}: {expected:?}, found {found:?}", member.name));
                }
            }
        }
    }
    wrong
}

#[test]
fn random_policies_have_the_answers_of_the_reference() {
    use rayon::prelude::*;
    let wrong: Vec<String> = (0..SEEDS).into_par_iter().flat_map_iter(compare).collect();
    let shown: Vec<&str> = wrong.iter().take(12).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), shown.join("\n"));
}

#[test]
fn the_questions_are_not_all_answered_alike() {
    let mut counts = [0u32; 4];
    for seed in 0..200 {
        let world = random(seed);
        for (_, user) in &world.users {
            for (capability, path) in &world.questions {
                counts[authorize(&held(&world, user), capability, path) as usize] += 1;
            }
        }
    }
    assert!(counts.iter().all(|&count| count > 60), "denied, unknown, conditional, allowed: {counts:?}");
}
