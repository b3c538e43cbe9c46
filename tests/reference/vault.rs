//! A naive authorizer of Vault, written from its documentation ("Policies": syntax, priority matching, root protected
//! endpoints): every rule of every policy is looked at for every request. It shares nothing with the engine. Random
//! small sets of policies over a small alphabet come with it.

use crate::splitmix::Rng;

/// One `path` block.
#[derive(Debug, Clone)]
pub struct Rule {
    pub pattern: String,
    pub caps: Vec<&'static str>,
    pub limited: bool,
}

#[derive(Debug, Clone)]
pub struct Policy {
    pub name: String,
    /// `None`: it is in no file.
    pub rules: Option<Vec<Rule>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    Denied,
    Unknown,
    Conditional,
    Allowed,
}

/// Whether a pattern matches a path: characters one by one.
pub fn matches(pattern: &str, path: &str) -> bool {
    fn from(pattern: &[char], at: usize, path: &[char], to: usize, open: bool) -> bool {
        if at == pattern.len() {
            return open || to == path.len();
        }
        let starts = at == 0 || pattern[at - 1] == '/';
        let ends = at + 1 == pattern.len() || pattern[at + 1] == '/';
        if pattern[at] == '+' && starts && ends {
            // One segment: everything up to the next slash.
            let mut end = to;
            while end < path.len() && path[end] != '/' {
                end += 1;
            }
            return from(pattern, at + 1, path, end, open);
        }
        to < path.len() && path[to] == pattern[at] && from(pattern, at + 1, path, to + 1, open)
    }
    let (open, stem) = match pattern.strip_suffix('*') {
        Some(stem) => (true, stem),
        None => (false, pattern),
    };
    let (pattern, path): (Vec<char>, Vec<char>) = (stem.chars().collect(), path.chars().collect());
    from(&pattern, 0, &path, 0, open)
}

/// Whether `a` has a lower priority than `b`, by the five rules of the documentation in their order.
fn lower(a: &str, b: &str) -> bool {
    let first = |pattern: &str| {
        let plus = format!("/{pattern}").find("/+").filter(|_| pattern.split('/').any(|one| one == "+"));
        let star = pattern.ends_with('*').then(|| pattern.len() - 1);
        match (plus, star) {
            (Some(plus), Some(star)) => plus.min(star),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => usize::MAX,
        }
    };
    let wildcards = |pattern: &str| pattern.trim_end_matches('*').split('/').filter(|one| *one == "+").count();
    if first(a) != first(b) {
        return first(a) < first(b);
    }
    if a.ends_with('*') != b.ends_with('*') {
        return a.ends_with('*');
    }
    if wildcards(a) != wildcards(b) {
        return wildcards(a) > wildcards(b);
    }
    if a.len() != b.len() {
        return a.len() < b.len();
    }
    a < b
}

/// May a token with these policies do this?
pub fn authorize(policies: &[&Policy], capability: &str, path: &str) -> Answer {
    let rules: Vec<&Rule> = policies.iter().filter_map(|policy| policy.rules.as_ref()).flatten().collect();
    let missing = policies.iter().any(|policy| policy.rules.is_none());
    let answer = known(&rules, capability, path);
    // A policy that nobody has seen can give and take anything.
    if missing { Answer::Unknown } else { answer }
}

fn known(rules: &[&Rule], capability: &str, path: &str) -> Answer {
    let listed = if capability == "list" && !path.ends_with('/') { format!("{path}/") } else { path.to_owned() };
    let exact = |wanted: &str| rules.iter().any(|rule| rule.pattern == wanted && !rule.pattern.ends_with('*'));
    let mut best: Option<&str> = None;
    if exact(&listed) {
        best = Some(&listed);
    } else if capability == "list" && exact(listed.trim_end_matches('/')) {
        best = Some(listed.trim_end_matches('/'));
    } else {
        for rule in rules.iter().filter(|rule| matches(&rule.pattern, &listed)) {
            if best.is_none_or(|best| lower(best, &rule.pattern)) {
                best = Some(&rule.pattern);
            }
        }
    }
    let Some(best) = best else { return Answer::Denied };
    let decisive: Vec<&&Rule> = rules.iter().filter(|rule| rule.pattern == best).collect();
    let has = |wanted: &str| decisive.iter().any(|rule| rule.caps.contains(&wanted));
    // Of the protected endpoints only those that the questions are about.
    let protected = ["sys/audit", "sys/auth", "sys/raw"].iter().any(|stem| listed.starts_with(&format!("{stem}/")))
        || matches!(listed.as_str(), "sys/audit" | "sys/raw");
    if has("deny") || !has(capability) || (protected && !has("sudo")) {
        return Answer::Denied;
    }
    let writes = matches!(capability, "create" | "update" | "patch");
    if writes && decisive.iter().any(|rule| rule.limited) { Answer::Conditional } else { Answer::Allowed }
}

pub const CAPS: &[&str] = &["create", "read", "update", "patch", "delete", "list", "sudo"];
const NAMES: &[&str] = &["a", "b", "ab", "abc"];
const STEMS: &[&str] =
    &["secret", "secret/data", "sys/policies/acl", "sys/auth", "sys/audit", "auth/userpass/users", "auth/+/users", "+"];

/// Policies, users of `userpass` with the names of theirs, and questions: capability and path.
pub struct World {
    pub policies: Vec<Policy>,
    pub users: Vec<(String, Vec<usize>)>,
    pub questions: Vec<(&'static str, String)>,
}

/// The world of a seed.
pub fn random(seed: u64) -> World {
    let mut rng = Rng(seed);
    let policies: Vec<Policy> = ["a", "b", "ab", "abc"]
        .iter()
        .map(|name| {
            let rules = (!rng.chance(8)).then(|| (0..=rng.below(5)).map(|_| rule(&mut rng)).collect());
            Policy { name: (*name).to_owned(), rules }
        })
        .collect();
    let users = ["a", "b", "ab"]
        .iter()
        .map(|name| {
            let held = (0..policies.len()).filter(|_| rng.chance(55)).collect();
            ((*name).to_owned(), held)
        })
        .collect();
    let questions = (0..14)
        .map(|_| {
            let mut path = rng.pick(STEMS).replace('+', rng.pick(NAMES));
            for _ in 0..rng.below(4) {
                path = format!("{path}/{}", rng.pick(NAMES));
            }
            if rng.chance(8) {
                path.push('/');
            }
            (rng.pick(CAPS), path)
        })
        .collect();
    World { policies, users, questions }
}

fn rule(rng: &mut Rng) -> Rule {
    let mut pattern = rng.pick(STEMS).to_owned();
    for _ in 0..rng.below(4) {
        pattern = format!("{pattern}/{}", if rng.chance(30) { "+" } else { rng.pick(NAMES) });
    }
    match rng.below(10) {
        0 | 1 => pattern.push_str("/*"),
        2 | 3 if !pattern.ends_with('+') => pattern.push('*'),
        4 => pattern.push('/'),
        5 if rng.chance(30) => "*".clone_into(&mut pattern),
        _ => {}
    }
    let mut caps: Vec<&'static str> = CAPS.iter().copied().filter(|_| rng.chance(45)).collect();
    if rng.chance(15) {
        caps.push("deny");
    }
    Rule { pattern, caps, limited: rng.chance(12) }
}
