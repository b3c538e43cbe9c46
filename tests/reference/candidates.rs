//! Values worth trying for a condition key that is open: one for every way in which the policies can tell values
//! apart. Absent, every literal, its case variants, its wildcards filled in, neighbours of numbers and dates,
//! addresses on both sides of a block's ends, a value that nothing mentions.

use std::collections::{BTreeMap, BTreeSet};

use super::condition::{self, Family, Lookup, holds};
use super::document::{Condition, Set, Statement};
use super::keys;
use super::pattern::{self, Piece, Token, arn_part};

/// A value that no policy mentions.
pub const FRESH: &str = "zzFreshzz";

/// Every condition of every statement that counts, with the statement's variables switch.
pub struct Mentions<'a> {
    pub conditions: Vec<(&'a Condition, bool)>,
    /// Keys used as variables in conditions or resources.
    pub variables: BTreeSet<String>,
    /// Keys used as variables in resources.
    pub resource_variables: BTreeSet<String>,
}

impl<'a> Mentions<'a> {
    pub fn of(statements: &[&'a Statement]) -> Self {
        let mut mentions =
            Mentions { conditions: Vec::new(), variables: BTreeSet::new(), resource_variables: BTreeSet::new() };
        for statement in statements {
            for condition in &statement.conditions {
                mentions.conditions.push((condition, statement.variables));
                if statement.variables {
                    mentions.variables.extend(condition.values.iter().flat_map(|text| variables(text)));
                }
            }
            if statement.variables {
                let resources = statement.resources.iter().chain(&statement.not_resources).flatten();
                mentions.resource_variables.extend(resources.flat_map(|text| variables(text)));
            }
        }
        mentions.variables.extend(mentions.resource_variables.iter().cloned());
        mentions
    }

    /// Every key that a condition or a variable asks for.
    pub fn keys(&self) -> BTreeSet<String> {
        self.conditions
            .iter()
            .map(|(condition, _)| condition.key.clone())
            .chain(self.variables.iter().cloned())
            .collect()
    }
}

fn variables(text: &str) -> Vec<String> {
    let key = |piece| match piece {
        Piece::Variable { key, .. } => Some(key),
        _ => None,
    };
    pattern::pieces(text).into_iter().filter_map(key).collect()
}

/// Value lists to try for each of the open keys. `known` looks up the keys that are not open.
pub fn candidates(
    open: &BTreeSet<String>,
    mentions: &Mentions<'_>,
    known: &Lookup<'_>,
    resource: &str,
    as_of: i64,
) -> BTreeMap<String, Vec<Vec<String>>> {
    // Where an open key is a variable, values of one key can be compared with values of another.
    let linked = mentions.variables.iter().any(|key| open.contains(key));
    let atoms_of = |key: &str| -> Vec<(&Condition, bool)> {
        let all = mentions.conditions.iter().copied();
        all.filter(|(condition, _)| if linked { open.contains(&condition.key) } else { condition.key == key }).collect()
    };
    let mut found = BTreeMap::new();
    for key in open {
        let atoms = atoms_of(key);
        let mut values = singles(&atoms, known, as_of);
        if mentions.resource_variables.contains(key) {
            values.extend(substrings(arn_part(resource, 5)));
        }
        let many = mentions.conditions.iter().any(|(condition, _)| condition.key == *key && condition.set != Set::None);
        let lists = subsets(&values, many);
        let own: Vec<(&Condition, bool)> = atoms.into_iter().filter(|(condition, _)| condition.key == *key).collect();
        found.insert(key.clone(), if linked { lists } else { told_apart(lists, &own, known) });
    }
    found
}

/// The first value list of each pattern of answers that the conditions on this key can give.
fn told_apart(lists: Vec<Vec<String>>, atoms: &[(&Condition, bool)], known: &Lookup<'_>) -> Vec<Vec<String>> {
    let mut seen = BTreeSet::new();
    let answers = |list: &Vec<String>| -> Vec<bool> {
        atoms
            .iter()
            .map(|(condition, variables)| {
                holds(condition, *variables, &|key| if key == condition.key { list.clone() } else { known(key) })
            })
            .collect()
    };
    lists.into_iter().filter(|list| seen.insert(answers(list))).collect()
}

fn subsets(values: &BTreeSet<String>, many: bool) -> Vec<Vec<String>> {
    let mut lists = vec![Vec::new()];
    lists.extend(values.iter().map(|value| vec![value.clone()]));
    if many {
        for (at, first) in values.iter().enumerate() {
            lists.extend(values.iter().skip(at + 1).map(|second| vec![first.clone(), second.clone()]));
        }
    }
    lists
}

/// Single values for the conditions given. A key that is compared as a number, date, address or truth value has
/// values of that type only.
fn singles(atoms: &[(&Condition, bool)], known: &Lookup<'_>, as_of: i64) -> BTreeSet<String> {
    let mut typed = BTreeSet::new();
    let mut texts: Vec<(Vec<Token>, bool)> = Vec::new();
    for (condition, variables) in atoms {
        let Some((family, _)) = condition::family(&condition.operator) else { continue };
        for value in &condition.values {
            match family {
                Family::Equals { .. } => texts.extend(fill(value, *variables, known).map(|text| (text, false))),
                Family::Like | Family::Arn => texts.extend(fill(value, *variables, known).map(|text| (text, true))),
                Family::Numeric(_) => typed.extend(around_number(value)),
                Family::Date(_) => typed.extend(around_instant(value, as_of)),
                Family::Bool => typed.extend(["true".to_owned(), "false".to_owned()]),
                Family::Binary => typed.extend([value.clone(), "AAAA".to_owned()]),
                Family::Ip => typed.extend(around_network(value)),
            }
        }
    }
    let mut values = spell_out(&texts);
    if typed.is_empty() {
        values.insert(FRESH.to_owned());
    }
    values.extend(typed);
    values
}

/// The tokens of a policy value, variables that are open standing for a fresh value.
fn fill(value: &str, variables: bool, known: &Lookup<'_>) -> Option<Vec<Token>> {
    if !variables {
        return Some(pattern::plain(value));
    }
    pattern::expand(value, &|key| Some(known(key).pop().unwrap_or_else(|| FRESH.to_owned())))
}

fn spell_out(texts: &[(Vec<Token>, bool)]) -> BTreeSet<String> {
    let with = |tokens: &[Token], run: &str, one: &str| -> String {
        let spell = |token: &Token| match token {
            Token::Run => run.to_owned(),
            Token::One => one.to_owned(),
            Token::Is(character) => character.to_string(),
        };
        tokens.iter().map(spell).collect()
    };
    let short: BTreeSet<String> = texts.iter().map(|(tokens, _)| with(tokens, "", "x")).collect();
    let mut values = BTreeSet::new();
    for (tokens, wild) in texts {
        if !wild {
            let text = with(tokens, "*", "?");
            values.extend([text.to_uppercase(), text.to_lowercase(), text]);
            continue;
        }
        values.insert(with(tokens, "x", "y"));
        values.extend(["", "*"].map(|run| with(tokens, run, "x")));
        values.extend(short.iter().map(|other| with(tokens, other, "x")));
        let text = with(tokens, "x", "x");
        values.extend([text.to_uppercase(), text.to_lowercase()]);
    }
    values
}

fn around_number(text: &str) -> Vec<String> {
    let at = condition::number(text).unwrap_or(0.0);
    [at - 1.0, at, at + 1.0].map(|number| number.to_string()).to_vec()
}

fn around_instant(text: &str, as_of: i64) -> Vec<String> {
    let at = condition::instant(text).unwrap_or(as_of);
    [at - 1000, at, at + 1000].map(keys::instant).to_vec()
}

fn around_network(text: &str) -> Vec<String> {
    let mut values = vec!["192.0.2.1".to_owned(), "2001:db8:ffff::1".to_owned()];
    if let Some(net) = condition::network(text) {
        for at in [net.first.wrapping_sub(1), net.first, net.last, net.last.wrapping_add(1)] {
            if net.v4 {
                values.extend(u32::try_from(at).map(|at| std::net::Ipv4Addr::from(at).to_string()));
            } else {
                values.push(std::net::Ipv6Addr::from(at).to_string());
            }
        }
    }
    values
}

/// Every part of a text, itself included.
pub fn substrings(text: &str) -> BTreeSet<String> {
    let chars: Vec<char> = text.chars().collect();
    let ends = |from: usize| (from + 1..=chars.len()).map(move |to| (from, to));
    (0..chars.len()).flat_map(ends).map(|(from, to)| chars[from..to].iter().collect()).collect()
}
