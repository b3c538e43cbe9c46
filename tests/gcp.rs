//! Google Cloud: agreement with the naive authorizer on random organisations, and hostile input.

use overgrant::access::{Ask, Evaluators, Settings};
use overgrant::model::text::parse_time;
use overgrant::model::{Decision, EntityId, Request, Tables};
use overgrant::platforms::{self, input};
use roaring::RoaringBitmap;
use serde_json::Value;

use crate::reference::gcp::{Answer, PERMISSIONS, World, random};
use crate::splitmix::Rng;

/// Random organisations compared.
const SEEDS: u64 = 2_000;

fn as_of() -> i64 {
    parse_time("2026-11-22T00:00:00Z").unwrap()
}

fn read(texts: &[(String, String)]) -> Tables {
    let texts = texts.iter().map(|(name, text)| (name.as_str(), text.as_bytes()));
    let mut tables = input::read_texts(texts, platforms::ALL).join(platforms::ALL);
    for platform in platforms::ALL {
        platform.at(&mut tables, as_of());
    }
    tables
}

fn lines(records: &[Value]) -> String {
    records.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

/// The records of an organisation as files: one a kind of export or all in one, as lines or as a list, in either
/// spelling.
fn files(seed: u64, world: &World) -> Vec<(String, String)> {
    let mut records = world.records(seed.is_multiple_of(2));
    let mut rng = Rng(seed ^ 0xC10D);
    for at in (1..records.len()).rev() {
        records.swap(at, rng.below(at + 1));
    }
    match seed % 3 {
        0 => vec![("all.ndjson".to_owned(), lines(&records))],
        1 => vec![("all.json".to_owned(), Value::Array(records).to_string())],
        _ => {
            let (first, second) = records.split_at(records.len() / 2);
            vec![
                ("a.ndjson".to_owned(), lines(first)),
                ("b.json".to_owned(), Value::Array(second.to_vec()).to_string()),
            ]
        }
    }
}

/// Id of a member.
fn id_of(member: &str) -> String {
    let (kind, email) = member.split_once(':').unwrap();
    format!("gcp:{}/{email}", kind.to_ascii_lowercase())
}

fn same(expected: Answer, found: Decision) -> bool {
    matches!(
        (expected, found),
        (Answer::Allowed, Decision::Allowed)
            | (Answer::Denied, Decision::Denied)
            | (Answer::Conditional, Decision::Conditional)
            | (Answer::Unknown, Decision::Unknown)
    )
}

/// What differs in the organisation of a seed.
fn compare(seed: u64) -> Vec<String> {
    let world = random(seed);
    let tables = read(&files(seed, &world));
    let evaluators = Evaluators::new(&tables, Settings { as_of: as_of() });
    let mut wrong = Vec::new();
    for (at, permission) in (0..world.nodes.len()).flat_map(|at| PERMISSIONS.map(|permission| (at, permission))) {
        let resource = world.id(at);
        let mut expected_who = Vec::new();
        for person in &world.people {
            // Nobody is known of whom no policy and no group says anything.
            let Some(entity) = tables.find(&id_of(person)) else { continue };
            let expected = world.authorize(person, permission, at);
            let verdict = evaluators.decide(&Request::new(entity, permission, &resource));
            if !same(expected, verdict.decision) {
                let reasons = &verdict.reasons;
                wrong.push(format!(
                    "{seed}: {person} {permission} {resource}: {expected:?}, found {} {reasons:?}",
                    verdict.decision
                ));
            }
            if expected != Answer::Denied {
                expected_who.push(entity);
            }
        }
        expected_who.sort_unstable();
        let who = evaluators.who_can(&Request::new(EntityId(0), permission, &resource));
        let mut found: Vec<EntityId> = who.into_iter().map(|(entity, _)| entity).collect();
        found.retain(|entity| tables.entity(*entity).is_principal());
        if found != expected_who {
            wrong.push(format!("{seed}: who can {permission} {resource}: {expected_who:?}, found {found:?}"));
        }
    }
    wrong.extend(bulk(seed, &world, &tables, &evaluators));
    wrong
}

/// Answers about all resources at once must be those about each.
fn bulk(seed: u64, world: &World, tables: &Tables, evaluators: &Evaluators<'_>) -> Vec<String> {
    let evaluator = evaluators.of("gcp").unwrap();
    let nodes: Vec<EntityId> = (0..world.nodes.len()).filter_map(|at| tables.find(&world.id(at))).collect();
    let all: RoaringBitmap = nodes.iter().map(|node| node.0).collect();
    let mut wrong = Vec::new();
    for (number, class) in evaluator.classes().iter().enumerate() {
        let member = class.members[0];
        if !tables.entity(member).is_principal() {
            continue;
        }
        let view = evaluator.open(number);
        for action in PERMISSIONS {
            let reach = view.targets(&Ask { action: action.to_owned(), pins: Vec::new() }, &all);
            for &node in &nodes {
                let (certain, possible) = (reach.certain.contains(node.0), reach.possible.contains(node.0));
                let one = evaluator.decide(&Request::new(member, action, &tables.entity(node).id)).decision;
                let agrees = match one {
                    Decision::Allowed => certain,
                    Decision::Conditional | Decision::Unknown => possible && !certain,
                    Decision::Denied => !possible,
                };
                if !agrees {
                    let id = &tables.entity(member).id;
                    wrong.push(format!(
                        "{seed}: {id} {action} {}: {one}, in bulk {certain} {possible}",
                        tables.entity(node).id
                    ));
                }
            }
        }
    }
    wrong
}

#[test]
fn random_organisations_agree_with_the_naive_authorizer() {
    let wrong: Vec<String> = (0..SEEDS).flat_map(compare).take(10).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_random_organisations_are_no_trivial_ones() {
    let mut counts = [0usize; 4];
    for seed in 0..200 {
        let world = random(seed);
        for (at, person) in (0..world.nodes.len()).flat_map(|at| world.people.iter().map(move |person| (at, person))) {
            for permission in PERMISSIONS {
                counts[world.authorize(person, permission, at) as usize] += 1;
            }
        }
    }
    assert!(counts.iter().all(|&count| count > 200), "allowed, denied, conditional, unknown: {counts:?}");
}

/// Exports with something of everything that is read.
const SAMPLES: [&str; 9] = [
    include_str!("cases/gcp_conditions/export/assets.ndjson"),
    include_str!("cases/gcp_deny_policies/export/deny.json"),
    include_str!("cases/gcp_accounts_and_keys/export/accounts.json"),
    include_str!("cases/gcp_accounts_and_keys/export/keys.json"),
    include_str!("cases/gcp_accounts_and_keys/export/activity-keys.json"),
    include_str!("cases/gcp_federation/export/providers.json"),
    include_str!("cases/gcp_directory/export/users.json"),
    include_str!("cases/gcp_insights/export/insights.json"),
    include_str!("cases/gcp_plain_policies/export/ancestors.json"),
];

const VALUES: [&str; 10] =
    ["null", "[]", "{}", "12", "true", "\"\"", "\"*\"", "[[[]]]", "{\"a\":{\"b\":1}}", "\"\\u0000//x\""];

/// A text with some of its values replaced, some of its lines left out, or its end cut off.
fn damaged(rng: &mut Rng, text: &str) -> String {
    let mut out = text.to_owned();
    for _ in 0..=rng.below(4) {
        let marks: Vec<usize> = out.match_indices(": ").map(|(at, _)| at + 2).collect();
        if marks.is_empty() {
            break;
        }
        let at = marks[rng.below(marks.len())];
        match rng.below(5) {
            0 => out.truncate(at),
            1 => out.insert(at, '{'),
            _ => {
                let end = at + out[at..].find([',', '}', ']', '\n']).unwrap_or(out.len() - at);
                out.replace_range(at..end, VALUES[rng.below(VALUES.len())]);
            }
        }
    }
    out
}

#[test]
fn damaged_exports_never_end_a_scan() {
    let mut rng = Rng(11);
    for round in 0..300 {
        let files: Vec<(String, String)> = (0..3)
            .map(|n| (format!("{n}.json"), damaged(&mut rng, SAMPLES[(round + n * 4) % SAMPLES.len()])))
            .collect();
        let tables = read(&files);
        let evaluators = Evaluators::new(&tables, Settings { as_of: as_of() });
        assert!(evaluators.access().iter().all(|row| row.mass >= 0.0), "round {round}");
    }
}
