//! Candidate values of an open key: one on every side of every line that its tests draw.
//!
//! Each literal; case variants where case is ignored; wildcards filled with nothing, with a letter and with a word that
//! no literal has; a text that two wildcard patterns of two tests both match; neighbours of numbers and dates;
//! addresses inside and just outside of networks; a value that none of them mentions. For variables, the parts of a
//! text that stand where a pattern has the variable.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::super::keys::{self, ValueType};
use super::super::condition::{Kind, Network, Test, glob_cost, instant, network};
use super::super::facts::Open;
use super::super::pattern::{literal, plain};
use super::super::statement::Statement;
use super::Work;
use super::domains::Parts;
use crate::model::text::{format_time, glob};

/// A value that no policy mentions.
const FRESH: &str = "overgrant-none-of-these";
/// Parts of one text that a variable is tried on.
const PARTS: usize = 4096;
/// Pairs of places that are looked at for texts which two patterns both match, for each key.
const PLACES: usize = 1 << 16;

/// Every single value of a key that is worth telling apart, within the key's limits; sorted. `extra` are texts that
/// variables bring.
pub(super) fn atoms(
    key: &str,
    open: &Open,
    tests: &[&Test],
    extra: &[String],
    parts: &Parts<'_>,
    work: &mut Work,
) -> Option<Vec<String>> {
    if let Some(only) = &open.only {
        return Some(only.clone());
    }
    let wanted: Vec<(&Test, Vec<String>)> = tests.iter().map(|test| (*test, expanded(test, parts))).collect();
    let fresh = Fresh::new(wanted.iter().flat_map(|(_, texts)| texts).chain(extra));
    let mut atoms: Vec<String> = extra.to_vec();
    for (test, texts) in &wanted {
        work.spend(texts.len() as u64)?;
        for text in texts {
            near(test.kind, text, &fresh, &mut atoms);
        }
    }
    if tests.iter().any(|test| matches!(test.kind, Kind::Text { ignore_case: true, .. })) {
        work.spend((atoms.len() * atoms.len() / 32) as u64)?;
        other_cases(&wanted, &mut atoms);
    }
    atoms.extend(common_texts(&wanted, open.prefix.as_deref(), &fresh, work)?);
    none_of_these(key, tests, &fresh, &mut atoms);
    if let Some(prefix) = &open.prefix {
        let name = |value: String| value.strip_prefix(prefix.as_str()).map(str::to_owned).unwrap_or(value);
        let names = atoms.into_iter().map(name).filter(|name| is_session_name(name));
        atoms = names.map(|name| format!("{prefix}{name}")).collect();
    }
    atoms.sort();
    atoms.dedup();
    Some(atoms)
}

/// The right-hand sides of a test; a variable that is open stands for a value that nothing mentions.
fn expanded(test: &Test, parts: &Parts<'_>) -> Vec<String> {
    let value = |key: &str| parts.single(key).or_else(|| parts.open(key).map(|_| FRESH.to_owned()));
    test.values.iter().filter_map(|text| text.expand(value)).map(Cow::into_owned).collect()
}

/// Texts that these tests mention.
pub(super) fn mentioned(tests: &[&Test], parts: &Parts<'_>) -> Vec<String> {
    let fresh = Fresh { word: FRESH.to_owned(), letter: 'x' };
    let mut out = Vec::new();
    for test in tests {
        for text in expanded(test, parts) {
            near(test.kind, &text, &fresh, &mut out);
        }
        out.extend(parts.known(&test.key).iter().cloned());
    }
    out.sort();
    out.dedup();
    out
}

/// A word and a letter that no right-hand side has.
struct Fresh {
    word: String,
    letter: char,
}

impl Fresh {
    fn new<'t>(texts: impl Iterator<Item = &'t String>) -> Self {
        let all = texts.map(|text| text.to_lowercase()).collect::<Vec<_>>().join("\n");
        let mut word = FRESH.to_owned();
        while all.contains(&word) {
            word.push('z');
        }
        let letter = "xqzjkvwy0123456789abcdefghilmnoprstu".chars().find(|&letter| !all.contains(letter));
        Self { word, letter: letter.unwrap_or('x') }
    }
}

/// Values near one right-hand side of a test.
fn near(kind: Kind, text: &str, fresh: &Fresh, out: &mut Vec<String>) {
    match kind {
        Kind::Text { wildcards: false, .. } | Kind::Binary => out.push(plain(text).into_owned()),
        Kind::Text { .. } | Kind::Arn => {
            let letter = fresh.letter.to_string();
            for (run, one) in [("", "x"), ("x", "x"), (fresh.word.as_str(), letter.as_str())] {
                out.push(plain(&text.replace('*', run).replace('?', one)).into_owned());
            }
        }
        Kind::Bool => out.extend(["true".to_owned(), "false".to_owned()]),
        Kind::Numeric(_) => {
            if let Ok(number) = text.trim().parse::<f64>() {
                let (floor, ceil) = (number.floor(), number.ceil());
                out.extend([floor - 1.0, floor, number, ceil, ceil + 1.0].map(|number| number.to_string()));
            }
        }
        Kind::Date(_) => {
            let at = instant(text).into_iter().flat_map(|at| [-1000, 0, 1000].map(|step| at.checked_add(step)));
            out.extend(at.flatten().map(format_time));
        }
        Kind::Address => out.extend(network(text).map(Network::samples).unwrap_or_default()),
        Kind::Null | Kind::Unknown => {}
    }
}

/// For tests that ignore case, other spellings: lower, upper, and one that no right-hand side has.
fn other_cases(wanted: &[(&Test, Vec<String>)], atoms: &mut Vec<String>) {
    let ignoring = wanted.iter().filter(|(test, _)| matches!(test.kind, Kind::Text { ignore_case: true, .. }));
    let mut found = Vec::new();
    for text in ignoring.flat_map(|(_, texts)| texts).chain(&*atoms) {
        let text = plain(text);
        let (lower, upper) = (text.to_lowercase(), text.to_uppercase());
        let flips = lower.char_indices().map(|(at, letter)| {
            let after = at + letter.len_utf8();
            format!("{}{}{}", &lower[..at], letter.to_uppercase(), &lower[after..])
        });
        let mixed = flips.take(64).find(|flip| *flip != lower && !atoms.contains(flip));
        found.extend(mixed);
        found.extend([lower, upper]);
    }
    atoms.extend(found);
}

/// Adds a value that no test mentions, of the key's type: what numbers and dates need beyond those near the tests' own
/// values they have already.
fn none_of_these(key: &str, tests: &[&Test], fresh: &Fresh, atoms: &mut Vec<String>) {
    match keys::describe(key).value_type {
        ValueType::Bool => *atoms = vec!["true".to_owned(), "false".to_owned()],
        ValueType::Numeric => atoms.push("0".to_owned()),
        ValueType::Date => atoms.push("2000-01-01T00:00:00Z".to_owned()),
        ValueType::Ip => atoms.extend(["192.0.2.1".to_owned(), "2001:db8:ffff::1".to_owned()]),
        ValueType::String | ValueType::Arn | ValueType::Binary => {
            let typed =
                |test: &&Test| matches!(test.kind, Kind::Bool | Kind::Numeric(_) | Kind::Date(_) | Kind::Address);
            if tests.is_empty() || !tests.iter().all(typed) {
                atoms.push(fresh.word.clone());
            }
        }
    }
}

/// Whether a caller can give a role session this name.
///
/// Source: `RoleSessionName` in the STS API reference.
fn is_session_name(name: &str) -> bool {
    let admitted = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
    !name.is_empty() && name.len() <= 64 && name.chars().all(admitted)
}

/// What a variable can be so that a pattern which has it matches: parts of the resource, and of the texts that the
/// tests with the variable compare. `None` when there are too many.
pub(super) fn parts_of_texts(
    key: &str,
    tests: &[&Test],
    resources: &[(usize, &Statement)],
    parts: &Parts<'_>,
    work: &mut Work,
) -> Option<Vec<String>> {
    let mut out = Vec::new();
    let value = |key: &str| parts.single(key);
    for pattern in resources.iter().flat_map(|(_, statement)| statement.resources.patterns()) {
        if let Some((before, after)) = pattern.around(key, value) {
            parts_between(&before, &after, &parts.resource, &mut out, work)?;
        }
    }
    for test in tests {
        let sides: Vec<_> = test.values.iter().filter_map(|pattern| pattern.around(key, value)).collect();
        if sides.is_empty() {
            continue;
        }
        let same: Vec<&Test> = tests.iter().filter(|other| other.key == test.key).copied().collect();
        let texts = mentioned(&same, parts);
        for (before, after) in &sides {
            for text in &texts {
                parts_between(before, after, text, &mut out, work)?;
            }
        }
    }
    out.sort();
    out.dedup();
    Some(out)
}

/// What the tests of a key compare it with when an open variable is one of these texts.
pub(super) fn with_variables(
    tests: &[&Test],
    texts: &BTreeMap<&str, Vec<String>>,
    parts: &Parts<'_>,
    work: &mut Work,
) -> Option<Vec<String>> {
    let mut out = Vec::new();
    for pattern in tests.iter().flat_map(|test| &test.values) {
        for (&variable, texts) in texts.iter().filter(|(open, _)| pattern.variables().any(|key| key == **open)) {
            work.spend(texts.len() as u64)?;
            for text in texts {
                let value = |key: &str| if key == variable { Some(text.clone()) } else { parts.single(key) };
                out.extend(pattern.expand(value).map(|text| plain(&text).into_owned()));
            }
        }
    }
    Some(out)
}

/// Parts of a text with a match of one pattern before and of the other after it.
fn parts_between(before: &str, after: &str, text: &str, out: &mut Vec<String>, work: &mut Work) -> Option<()> {
    let text = literal(text);
    let ends = || text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let places = text.len() as u64 + 1;
    work.spend(places * (glob_cost(before, &text) + glob_cost(after, &text)))?;
    let starts: Vec<usize> = ends().filter(|&at| glob(before, &text[..at])).collect();
    let stops: Vec<usize> = ends().filter(|&at| glob(after, &text[at..])).collect();
    let pairs = starts.iter().flat_map(|&from| stops.iter().filter(move |&&to| from <= to).map(move |&to| (from, to)));
    for (from, to) in pairs {
        if out.len() >= PARTS {
            return None;
        }
        work.spend(1)?;
        out.push(plain(&text[from..to]).into_owned());
    }
    Some(())
}

/// For each two wildcard patterns of two tests, a text that both match, where there is one; the beginning that every
/// value has is such a pattern too. Bounded: texts that are not found are only not tried.
fn common_texts(
    wanted: &[(&Test, Vec<String>)],
    prefix: Option<&str>,
    fresh: &Fresh,
    work: &mut Work,
) -> Option<Vec<String>> {
    let wild = |test: &Test| matches!(test.kind, Kind::Text { wildcards: true, .. } | Kind::Arn);
    let of_tests = wanted.iter().enumerate().filter(|(_, (test, _))| wild(test));
    let mut patterns: Vec<(usize, String)> = of_tests
        .flat_map(|(at, (_, texts))| texts.iter().map(move |text| (at, text.clone())))
        .filter(|(_, text)| text.contains(['*', '?']))
        .collect();
    patterns.extend(prefix.map(|prefix| (usize::MAX, format!("{}*", literal(prefix)))));
    if patterns.iter().all(|(test, _)| Some(test) == patterns.first().map(|(first, _)| first)) {
        return Some(Vec::new());
    }
    work.spend((patterns.len() * patterns.len() / 32) as u64)?;
    let mut out = Vec::new();
    let mut places = PLACES;
    for (at, (test, first)) in patterns.iter().enumerate() {
        for (_, second) in patterns[at + 1..].iter().filter(|(other, text)| other != test && text != first) {
            // The second form keeps clear of what the tests exclude by name.
            for first in [first.clone(), first.replace('*', &format!("*{}*", fresh.word))] {
                let size = (first.len() + 1) * (second.len() + 1);
                let Some(left) = places.checked_sub(size) else { return Some(out) };
                places = left;
                work.spend(size as u64 / 8)?;
                out.extend(common(&first, second).map(|text| plain(&text).into_owned()));
            }
        }
    }
    Some(out)
}

/// The shortest text that two patterns match: a breadth-first search over the pairs of places in them.
pub fn common(first: &str, second: &str) -> Option<String> {
    let (a, b): (Vec<char>, Vec<char>) = (first.chars().collect(), second.chars().collect());
    let wide = b.len() + 1;
    // How each pair was first reached: from which, and by reading which character.
    let mut from: Vec<Option<(usize, Option<char>)>> = vec![None; (a.len() + 1) * wide];
    let mut open = std::collections::VecDeque::from([0]);
    while let Some(at) = open.pop_front() {
        let (i, j) = (at / wide, at % wide);
        if (i, j) == (a.len(), b.len()) {
            return Some(spell(&from, at));
        }
        let mut step = |i: usize, j: usize, spelled: Option<char>| {
            let to = i * wide + j;
            if to != 0 && from[to].is_none() {
                from[to] = Some((at, spelled));
                open.push_back(to);
            }
        };
        let (left, right) = (a.get(i).copied(), b.get(j).copied());
        // A star may end here.
        if left == Some('*') {
            step(i + 1, j, None);
        }
        if right == Some('*') {
            step(i, j + 1, None);
        }
        // Or one character is read by both.
        let (Some(left), Some(right)) = (left, right) else { continue };
        let (next_i, next_j) = (if left == '*' { i } else { i + 1 }, if right == '*' { j } else { j + 1 });
        match (left, right) {
            ('*' | '?', '*' | '?') => step(next_i, next_j, Some('x')),
            ('*' | '?', letter) | (letter, '*' | '?') => step(next_i, next_j, Some(letter)),
            (left, right) if left == right => step(next_i, next_j, Some(left)),
            _ => {}
        }
    }
    None
}

fn spell(from: &[Option<(usize, Option<char>)>], end: usize) -> String {
    let mut letters = Vec::new();
    let mut at = end;
    while let Some((before, letter)) = from[at] {
        letters.extend(letter);
        at = before;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_patterns_share_their_shortest_text_or_none() {
        for (first, second, expected) in [
            ("a*", "*b", Some("ab")),
            ("a*c", "a?d*c", Some("axdc")),
            ("a*", "b*", None),
            ("a?", "a", None),
            ("*", "*", Some("")),
        ] {
            assert_eq!(common(first, second).as_deref(), expected, "{first} {second}");
        }
    }
}
