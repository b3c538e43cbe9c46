//! Decides a request whose statements depend on open context keys and on documents that the export lacks.
//!
//! Let C be the assignments of keys that the caller chooses, E those of keys that the environment sets, M the
//! contents of missing documents. The request is *allowed* when some c in C is allowed for every e and m, *denied*
//! when no c, e, m at all is allowed, *unknown* when only missing documents stand between, else *conditional*.
//!
//! The search is exact because a key matters only through the tests on it: for each key, candidate values are made
//! from the right-hand sides of its tests (each literal, case variants, wildcards filled in, neighbours of numbers
//! and dates, addresses inside and outside of networks, a value that is none of them, absence; for set operators
//! also pairs), and values that all tests answer alike are one. What remains is enumerated, up to [`LIMIT`].

use std::collections::BTreeMap;

use super::super::keys::{self, ValueType};
use super::condition::{Kind, Quantifier, Test, instant, network};
use super::facts::{Fact, Facts, Open};
use super::formula::{Formula, Missing};
use super::pattern::{Pattern, covers};
use crate::model::Decision;
use crate::model::text::format_time;

/// Assignments tried before the answer is given up as conditional.
pub const LIMIT: usize = 1 << 16;

/// What the search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    pub decision: Decision,
    /// More assignments than [`LIMIT`]: the decision is `Conditional` for want of a search.
    pub limit_reached: bool,
}

/// One open key with the values that are worth telling apart.
struct Domain {
    key: String,
    chosen: bool,
    values: Vec<Vec<String>>,
}

/// Values of the open keys in one trial.
pub type Assignment = BTreeMap<String, Vec<String>>;

/// Searches for what the formula's answer hangs on.
#[must_use]
pub fn solve(formula: &Formula<'_>, facts: &Facts<'_>) -> Solution {
    if formula.is_decided() {
        let allowed = formula.holds(&|key| value_of(facts, &Assignment::new(), key), Missing::Nothing);
        let decision = if allowed { Decision::Allowed } else { Decision::Denied };
        return Solution { decision, limit_reached: false };
    }
    let domains = domains(formula, facts);
    let (chosen, environment): (Vec<Domain>, Vec<Domain>) = domains.into_iter().partition(|domain| domain.chosen);
    let size = |domains: &[Domain]| {
        domains.iter().try_fold(1usize, |size, domain| size.checked_mul(domain.values.len().max(1)))
    };
    let total = size(&chosen).zip(size(&environment)).and_then(|(c, e)| c.checked_mul(e));
    if total.is_none_or(|total| total > LIMIT) {
        return Solution { decision: Decision::Conditional, limit_reached: true };
    }
    Solution { decision: search(formula, facts, &chosen, &environment), limit_reached: false }
}

fn search(formula: &Formula<'_>, facts: &Facts<'_>, chosen: &[Domain], environment: &[Domain]) -> Decision {
    let contents = formula.contents();
    let mut any = false;
    // For each content of the missing documents: some choice is allowed in every environment; some in one.
    let mut certain = vec![false; contents.len()];
    let mut possible = vec![false; contents.len()];
    let mut trial = Assignment::new();
    let mut choice = vec![0; chosen.len()];
    loop {
        assign(&mut trial, chosen, &choice);
        let mut all = true;
        let mut all_for = vec![true; contents.len()];
        let mut surroundings = vec![0; environment.len()];
        loop {
            assign(&mut trial, environment, &surroundings);
            for (at, &content) in contents.iter().enumerate() {
                let allowed = formula.holds(&|key| value_of(facts, &trial, key), content);
                any |= allowed;
                all &= allowed;
                all_for[at] &= allowed;
                possible[at] |= allowed;
            }
            if !advance(&mut surroundings, environment) {
                break;
            }
        }
        if all {
            return Decision::Allowed;
        }
        certain.iter_mut().zip(all_for).for_each(|(certain, all)| *certain |= all);
        if !advance(&mut choice, chosen) {
            break;
        }
    }
    if !any {
        Decision::Denied
    } else if contents.len() > 1 && certain.iter().zip(&possible).all(|(certain, possible)| certain == possible) {
        Decision::Unknown
    } else {
        Decision::Conditional
    }
}

fn assign(trial: &mut Assignment, domains: &[Domain], at: &[usize]) {
    for (domain, &at) in domains.iter().zip(at) {
        if let Some(value) = domain.values.get(at) {
            trial.insert(domain.key.clone(), value.clone());
        }
    }
}

/// The next combination, like an odometer; false after the last.
fn advance(at: &mut [usize], domains: &[Domain]) -> bool {
    for (at, domain) in at.iter_mut().zip(domains) {
        *at += 1;
        if *at < domain.values.len() {
            return true;
        }
        *at = 0;
    }
    false
}

/// Values of a key in a trial: what is known of it, or what the trial says.
pub fn value_of(facts: &Facts<'_>, trial: &Assignment, key: &str) -> Vec<String> {
    match trial.get(key) {
        Some(values) => values.clone(),
        None => match facts.of(key) {
            Fact::Known(values) => values,
            Fact::Open(_) => Vec::new(),
        },
    }
}

/// The open keys of the tests and of the variables, each with its candidate values.
fn domains(formula: &Formula<'_>, facts: &Facts<'_>) -> Vec<Domain> {
    let tests = formula.open_tests();
    let variables = formula.open_variables(facts);
    let parts = parts_of_resource(formula, facts);
    let mut by_key: BTreeMap<&str, Vec<&Test>> = BTreeMap::new();
    for &test in &tests {
        by_key.entry(&test.key).or_default().push(test);
    }
    for variable in &variables {
        by_key.entry(variable).or_default();
    }
    // A value that appears on the right of any test may be what a variable must be.
    let everywhere: Vec<String> =
        if variables.is_empty() { Vec::new() } else { tests.iter().flat_map(|test| literals(test, facts)).collect() };
    let mut out = Vec::new();
    for (key, tests) in by_key {
        let Fact::Open(open) = facts.of(key) else { continue };
        let linked = variables.iter().any(|variable| variable == key);
        let mut singles: Vec<String> = tests.iter().flat_map(|test| literals(test, facts)).collect();
        if linked || tests.iter().any(|test| test.values.iter().any(|value| !value.is_fixed())) {
            singles.extend(everywhere.iter().cloned());
            singles.extend(parts.iter().cloned());
        }
        singles.extend(common_texts(&tests, open.prefix.as_deref(), facts));
        none_of_these(key, &tests, &mut singles);
        let several = tests.iter().any(|test| test.quantifier != Quantifier::One);
        let mut values = candidates(&open, singles, several);
        if !linked {
            merge_alike(&mut values, &tests, facts);
        }
        out.push(Domain { key: key.to_owned(), chosen: open.chosen, values });
    }
    out
}

/// Adds a value that no test mentions, of the key's type: what numbers, dates and addresses need beyond those near the
/// tests' own values they have already.
fn none_of_these(key: &str, tests: &[&Test], singles: &mut Vec<String>) {
    let sample = match keys::describe(key).value_type {
        ValueType::Bool => {
            singles.clear();
            singles.push("true".to_owned());
            "false"
        }
        ValueType::Numeric => "0",
        ValueType::Date => "2000-01-01T00:00:00Z",
        ValueType::Ip => "192.0.2.1",
        ValueType::String | ValueType::Arn | ValueType::Binary => {
            let typed =
                |test: &&Test| matches!(test.kind, Kind::Bool | Kind::Numeric(_) | Kind::Date(_) | Kind::Address);
            if !tests.is_empty() && tests.iter().all(typed) {
                return;
            }
            "overgrant-none-of-these"
        }
    };
    singles.push(sample.to_owned());
}

/// What an open variable can be so that a pattern which needs it matches the resource: parts of the resource's text.
fn parts_of_resource(formula: &Formula<'_>, facts: &Facts<'_>) -> Vec<String> {
    let patterns = formula.open_patterns();
    let text = &formula.resource;
    let mut out = Vec::new();
    if patterns.is_empty() {
        return out;
    }
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    for (first, &from) in ends.iter().enumerate() {
        for &to in &ends[first..] {
            let part = &text[from..to];
            let value = |key: &str| facts.single(key).or_else(|| Some(part.to_owned()));
            let fits = |pattern: &&Pattern| pattern.expand(value).is_some_and(|text| covers(&text, &formula.resource));
            if patterns.iter().any(fits) {
                out.push(part.to_owned());
            }
        }
    }
    out
}

/// For each two wildcard patterns that are tested on a key, a text that both match, where there is one; the beginning
/// that every value has is such a pattern too.
fn common_texts(tests: &[&Test], prefix: Option<&str>, facts: &Facts<'_>) -> Vec<String> {
    let wildcards = |test: &&&Test| matches!(test.kind, Kind::Text { wildcards: true, .. } | Kind::Arn);
    let values = tests.iter().filter(wildcards).flat_map(|test| &test.values);
    let mut patterns: Vec<_> = values.filter_map(|value| value.expand(|key| facts.single(key))).collect();
    patterns.extend(prefix.map(|prefix| format!("{prefix}*").into()));
    let mut out = Vec::new();
    for (at, first) in patterns.iter().enumerate() {
        out.extend(patterns[at + 1..].iter().filter_map(|second| common(first, second)));
    }
    out.iter().map(|text| super::pattern::plain(text).into_owned()).collect()
}

/// How each pair of places in two patterns was first reached: from which, and by reading which character.
type Steps = BTreeMap<(usize, usize), ((usize, usize), Option<char>)>;

/// The shortest text that two patterns match: a breadth-first search over the pairs of places in them.
pub fn common(first: &str, second: &str) -> Option<String> {
    let (a, b): (Vec<char>, Vec<char>) = (first.chars().collect(), second.chars().collect());
    let mut from = Steps::new();
    let mut open = std::collections::VecDeque::from([(0, 0)]);
    while let Some((i, j)) = open.pop_front() {
        if (i, j) == (a.len(), b.len()) {
            return Some(spell(&from, (i, j)));
        }
        let mut step = |to: (usize, usize), spelled: Option<char>| {
            if to != (0, 0) && !from.contains_key(&to) {
                from.insert(to, ((i, j), spelled));
                open.push_back(to);
            }
        };
        let (x, y) = (a.get(i).copied(), b.get(j).copied());
        // A star may end here.
        if x == Some('*') {
            step((i + 1, j), None);
        }
        if y == Some('*') {
            step((i, j + 1), None);
        }
        // Or one character is read by both.
        let (Some(x), Some(y)) = (x, y) else { continue };
        let to = (if x == '*' { i } else { i + 1 }, if y == '*' { j } else { j + 1 });
        match (x, y) {
            ('*' | '?', '*' | '?') => step(to, Some('x')),
            ('*' | '?', letter) | (letter, '*' | '?') => step(to, Some(letter)),
            (x, y) if x == y => step(to, Some(x)),
            _ => {}
        }
    }
    None
}

fn spell(from: &Steps, end: (usize, usize)) -> String {
    let mut letters = Vec::new();
    let mut at = end;
    while let Some(&(before, letter)) = from.get(&at) {
        letters.extend(letter);
        at = before;
    }
    letters.iter().rev().collect()
}

/// Candidate values of a key within its limits: absence, each single value, and pairs where sets are tested.
fn candidates(open: &Open, mut singles: Vec<String>, several: bool) -> Vec<Vec<String>> {
    match &open.only {
        Some(only) => singles.clone_from(only),
        None => {
            if let Some(prefix) = &open.prefix {
                singles = singles
                    .into_iter()
                    .map(|value| value.strip_prefix(prefix.as_str()).map(str::to_owned).unwrap_or(value))
                    .filter(|name| is_session_name(name))
                    .map(|name| format!("{prefix}{name}"))
                    .collect();
            }
        }
    }
    singles.sort();
    singles.dedup();
    let mut values: Vec<Vec<String>> = Vec::new();
    if !open.must_exist {
        values.push(Vec::new());
    }
    values.extend(singles.iter().map(|value| vec![value.clone()]));
    if several {
        for (at, first) in singles.iter().enumerate() {
            values.extend(singles[at + 1..].iter().map(|second| vec![first.clone(), second.clone()]));
        }
    }
    values
}

/// Whether a caller can give a role session this name.
///
/// Source: `RoleSessionName` in the STS API reference.
fn is_session_name(name: &str) -> bool {
    let admitted = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
    !name.is_empty() && name.len() <= 64 && name.chars().all(admitted)
}

/// Keeps one of each group of values that every test answers alike.
fn merge_alike(values: &mut Vec<Vec<String>>, tests: &[&Test], facts: &Facts<'_>) {
    if tests.iter().any(|test| test.values.iter().any(|value| !value.is_fixed())) {
        return;
    }
    let mut seen = std::collections::BTreeSet::new();
    values.retain(|value| {
        let answers: Vec<bool> = tests.iter().map(|test| test.holds(value, &|key| facts.single(key))).collect();
        seen.insert(answers)
    });
}

/// Values near the right-hand sides of a test, on both sides of every line that it draws.
fn literals(test: &Test, facts: &Facts<'_>) -> Vec<String> {
    let mut out = Vec::new();
    for value in &test.values {
        let Some(text) = value.expand(|key| facts.single(key)) else { continue };
        match test.kind {
            Kind::Text { wildcards: false, .. } | Kind::Binary => {
                let text = super::pattern::plain(&text).into_owned();
                out.extend([text.to_lowercase(), text.to_uppercase(), text]);
            }
            Kind::Text { .. } | Kind::Arn => {
                out.push(super::pattern::plain(&text.replace('*', "").replace('?', "x")).into_owned());
                out.push(super::pattern::plain(&text.replace(['*', '?'], "x")).into_owned());
            }
            Kind::Bool => out.extend(["true".to_owned(), "false".to_owned()]),
            Kind::Numeric(_) => {
                if let Ok(number) = text.trim().parse::<f64>() {
                    out.extend([number - 1.0, number, number + 1.0].map(|number| number.to_string()));
                }
            }
            Kind::Date(_) => out.extend(near(&text)),
            Kind::Address => out.extend(network(&text).map(super::condition::Network::samples).unwrap_or_default()),
            Kind::Null | Kind::Unknown => {}
        }
    }
    out
}

fn near(text: &str) -> Vec<String> {
    let Some(at) = instant(text) else { return Vec::new() };
    [-1000, 0, 1000].iter().filter_map(|step| at.checked_add(*step)).map(format_time).collect()
}
