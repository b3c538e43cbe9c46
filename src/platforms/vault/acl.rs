//! What a token with a set of policies may do: Vault's rules of precedence, exactly.
//!
//! Rules of all policies with the same path pattern are one: their capabilities are joined, and a `deny` among them
//! takes all away. Of the patterns that match a request's path only the most specific counts; others give and take
//! nothing. An exact path comes before every pattern; among patterns Vault prefers the one whose first `+` or `*` comes
//! later, then one that does not end in `*`, then fewer `+`, then the longer, then the greater in byte order
//! (Vault, "Policies: policy syntax"). A list of `a/` is matched by the exact path `a` as well.
//!
//! Building is linear in the rules. A question costs one look-up for each length of prefix that occurs, and one
//! comparison for each pattern with `+`.

use rustc_hash::FxHashMap;

use super::policy::Caps;

/// A segment that no policy names.
pub const FRESH: &str = "\u{1}new";

/// What the policies say of one path pattern.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    pub caps: Caps,
    pub deny: bool,
    /// What limits requests, in words, sorted.
    pub limits: Vec<String>,
    /// Numbers of the grants, ascending.
    pub grants: Vec<u32>,
}

/// How a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form<'p> {
    Exact(&'p str),
    /// The text before a `*` at the end.
    Prefix(&'p str),
    /// With segments `+`, and whether a `*` at the end was taken off.
    Segments(&'p str, bool),
}

impl<'p> Form<'p> {
    /// The form of a pattern as a policy writes it.
    #[must_use]
    pub fn of(pattern: &'p str) -> Self {
        let segments = pattern == "+" || pattern.contains("/+") || pattern.starts_with("+/");
        match (segments, pattern.strip_suffix('*')) {
            (true, Some(stem)) => Self::Segments(stem, true),
            (true, None) => Self::Segments(pattern, false),
            (false, Some(stem)) => Self::Prefix(stem),
            (false, None) => Self::Exact(pattern),
        }
    }
}

/// Rank of a pattern that is not exact: the greater comes first.
type Rank<'p> = (usize, bool, std::cmp::Reverse<usize>, usize, &'p str);

/// Rules of all policies of a token.
#[derive(Debug, Clone, Default)]
pub struct Acl {
    exact: FxHashMap<String, Entry>,
    prefixes: FxHashMap<String, Entry>,
    /// Lengths of prefixes that occur, the longest first.
    lengths: Vec<usize>,
    /// Sorted by pattern.
    segments: Vec<(String, Entry)>,
    /// Patterns in the order of their rules, each once.
    patterns: Vec<String>,
    /// Whether the policy `root` is among them.
    pub root: bool,
    /// Policies that are in no export, sorted.
    pub missing: Vec<String>,
}

impl Acl {
    /// Adds what a policy says of a pattern, templates resolved.
    pub fn add(&mut self, pattern: &str, entry: &Entry) {
        let known = match Form::of(pattern) {
            Form::Exact(path) => self.exact.entry(path.to_owned()).or_default(),
            Form::Prefix(stem) => {
                self.lengths.push(stem.len());
                self.prefixes.entry(stem.to_owned()).or_default()
            }
            Form::Segments(..) => match self.segments.binary_search_by(|(own, _)| own.as_str().cmp(pattern)) {
                Ok(at) => &mut self.segments[at].1,
                Err(at) => {
                    self.segments.insert(at, (pattern.to_owned(), Entry::default()));
                    &mut self.segments[at].1
                }
            },
        };
        if known.grants.is_empty() && known.caps == Caps::default() && !known.deny {
            self.patterns.push(pattern.to_owned());
        }
        known.caps.add(entry.caps);
        known.deny |= entry.deny;
        known.limits.extend(entry.limits.iter().cloned());
        known.grants.extend(&entry.grants);
    }

    /// Puts everything in order, after the last rule.
    pub fn finish(&mut self) {
        self.lengths.sort_unstable_by(|a, b| b.cmp(a));
        self.lengths.dedup();
        self.patterns.sort_unstable();
        self.patterns.dedup();
        let entries = self.exact.values_mut().chain(self.prefixes.values_mut());
        for entry in entries.chain(self.segments.iter_mut().map(|(_, entry)| entry)) {
            entry.limits.sort_unstable();
            entry.limits.dedup();
            entry.grants.sort_unstable();
            entry.grants.dedup();
        }
        self.missing.sort_unstable();
        self.missing.dedup();
    }

    /// Patterns, sorted.
    #[must_use]
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// The rule that decides about a path; `None` when none matches.
    #[must_use]
    pub fn entry(&self, path: &str, list: bool) -> Option<&Entry> {
        if let Some(entry) = self.exact.get(path) {
            return Some(entry);
        }
        if list && let Some(entry) = self.exact.get(path.strip_suffix('/').unwrap_or(path)) {
            return Some(entry);
        }
        let mut best: Option<(Rank<'_>, &Entry)> = self.lengths.iter().find_map(|&length| {
            let stem = path.get(..length)?;
            self.prefixes.get(stem).map(|entry| ((length, false, std::cmp::Reverse(0), length, stem), entry))
        });
        for (pattern, entry) in &self.segments {
            let Form::Segments(stem, open) = Form::of(pattern) else { continue };
            if matches_segments(stem, open, path) {
                let rank = rank(pattern, stem, open);
                if best.as_ref().is_none_or(|(known, _)| *known < rank) {
                    best = Some((rank, entry));
                }
            }
        }
        best.map(|(_, entry)| entry)
    }

    /// Paths at which a pattern of a question (segments `+` stand for any name) is decided by each rule that it meets,
    /// with the path of nobody's rule first. Where any path of the pattern is allowed, one of these is.
    #[must_use]
    pub fn witnesses(&self, asked: &str) -> Vec<String> {
        let mut paths = vec![fill(asked)];
        if asked.split('/').any(|segment| segment == "+") {
            paths.extend(self.patterns.iter().filter_map(|pattern| meet(asked, pattern)));
        }
        paths
    }

    /// One path of each pattern, and one far inside where the pattern is open at its end.
    #[must_use]
    pub fn samples(&self, pattern: &str) -> Vec<String> {
        match Form::of(pattern) {
            Form::Exact(path) => vec![path.to_owned()],
            Form::Segments(stem, false) => vec![fill(stem)],
            Form::Prefix(stem) | Form::Segments(stem, true) => {
                let stem = fill(stem);
                let deepest = self.patterns.iter().map(|one| one.matches('/').count()).max().unwrap_or(0);
                let deep = format!("{stem}{FRESH}{}", format!("/{FRESH}").repeat(deepest + 1));
                vec![format!("{stem}{FRESH}"), deep, stem]
            }
        }
    }
}

/// A pattern with fresh names in place of its `+`.
fn fill(pattern: &str) -> String {
    let filled: Vec<&str> = pattern.split('/').map(|segment| if segment == "+" { FRESH } else { segment }).collect();
    filled.join("/")
}

fn rank<'p>(pattern: &'p str, stem: &'p str, open: bool) -> Rank<'p> {
    let first = pattern.find('+').unwrap_or(stem.len());
    let wildcards = stem.split('/').filter(|segment| *segment == "+").count();
    (first, !open, std::cmp::Reverse(wildcards), stem.len(), stem)
}

/// Whether a rule's pattern has a `+` and matches a path.
#[must_use]
pub fn is_matched(pattern: &str, path: &str) -> bool {
    matches!(Form::of(pattern), Form::Segments(stem, open) if matches_segments(stem, open, path))
}

/// Whether a pattern with `+` matches a path; an open one at its beginning.
fn matches_segments(stem: &str, open: bool, path: &str) -> bool {
    let mut parts = path.split('/');
    let mut own = stem.split('/').peekable();
    while let Some(segment) = own.next() {
        let last = own.peek().is_none();
        let Some(part) = parts.next() else { return false };
        let fits = segment == "+" || segment == part || (open && last && part.starts_with(segment));
        if !fits {
            return false;
        }
    }
    open || parts.next().is_none()
}

/// A path that both a question's pattern and a rule's pattern match, fresh wherever both leave it open.
fn meet(asked: &str, pattern: &str) -> Option<String> {
    let (stem, open) = match Form::of(pattern) {
        Form::Exact(path) => (path, false),
        Form::Prefix(stem) => (stem, true),
        Form::Segments(stem, open) => (stem, open),
    };
    let (asked, own): (Vec<&str>, Vec<&str>) = (asked.split('/').collect(), stem.split('/').collect());
    if own.len() > asked.len() || (!open && own.len() != asked.len()) {
        return None;
    }
    let mut path = Vec::with_capacity(asked.len());
    for (at, &wanted) in asked.iter().enumerate() {
        let (Some(&given), last) = (own.get(at), at + 1 == own.len()) else {
            path.push(if wanted == "+" { FRESH.to_owned() } else { wanted.to_owned() });
            continue;
        };
        path.push(match (wanted, given) {
            ("+", "+") => FRESH.to_owned(),
            ("+", stem) if open && last => format!("{stem}{FRESH}"),
            // No name is empty.
            ("+", "") => return None,
            ("+", name) | (name, "+") => name.to_owned(),
            (name, stem) if name == stem || (open && last && name.starts_with(stem)) => name.to_owned(),
            _ => return None,
        });
    }
    Some(path.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(rules: &[(&str, &str)]) -> Acl {
        let mut acl = Acl::default();
        for (number, (pattern, caps)) in (0..).zip(rules) {
            let mut entry = Entry { deny: caps.contains("deny"), grants: vec![number], ..Entry::default() };
            caps.split(',').filter_map(Caps::named).for_each(|one| entry.caps.add(one));
            acl.add(pattern, &entry);
        }
        acl.finish();
        acl
    }

    /// The statement that decides, as the examples of Vault's documentation and its rules of priority have it.
    #[test]
    fn the_most_specific_pattern_decides() {
        for (rules, path, expected) in [
            (&["secret/*", "secret/a"][..], "secret/a", Some(1)),
            (&["secret/*", "secret/a"], "secret/b", Some(0)),
            (&["secret/*", "secret/foo*"], "secret/foobar", Some(1)),
            (&["secret/*"], "secret", None),
            (&["secret/*"], "secret/", Some(0)),
            (&["secret/+/teamb"], "secret/a/teamb", Some(0)),
            (&["secret/+/teamb"], "secret/a/b/teamb", None),
            (&["secret/bar/+", "secret/+/baz"], "secret/bar/baz", Some(0)),
            (&["secret/+/bar", "secret/ba*"], "secret/ba/bar", Some(1)),
            (&["secret/+/b*", "secret/+/bar"], "secret/x/bar", Some(1)),
            (&["secret/+/+", "secret/+/b*"], "secret/x/bar", Some(0)),
            (&["secret/+/+/*", "secret/+/bar*"], "secret/x/bar/y", Some(1)),
            (&["secret/+/ba*", "secret/+/b*"], "secret/x/bar", Some(0)),
            (&["+/+", "+/x"], "a/x", Some(1)),
            (&["*", "a/*"], "b", Some(0)),
        ] {
            let named: Vec<(&str, &str)> = rules.iter().map(|rule| (*rule, "read")).collect();
            let found = acl(&named).entry(path, false).map(|entry| entry.grants[0]);
            assert_eq!(found, expected, "{rules:?} on {path}");
        }
    }

    #[test]
    fn rules_of_one_pattern_are_joined_and_a_deny_takes_all() {
        let joined =
            acl(&[("a/*", "read"), ("a/*", "list"), ("b", "read"), ("b", "deny"), ("c/", "list"), ("d", "list")]);
        let entry = joined.entry("a/x", false).unwrap();
        assert_eq!(
            (entry.caps.names().collect::<Vec<_>>(), entry.grants.as_slice()),
            (vec!["read", "list"], &[0, 1][..])
        );
        assert!(joined.entry("b", false).unwrap().deny);
        assert!(joined.entry("d/", true).is_some() && joined.entry("d/", false).is_none());
    }

    #[test]
    fn a_question_about_any_name_meets_every_rule() {
        let own = acl(&[("auth/approle/role/ci-*", "create"), ("auth/+/role/x", "update"), ("auth/ldap/*", "read")]);
        let paths = own.witnesses("auth/approle/role/+");
        assert_eq!(paths.len(), 3, "{paths:?}");
        assert!(paths.contains(&format!("auth/approle/role/ci-{FRESH}")));
        assert!(paths.contains(&"auth/approle/role/x".to_owned()));
        assert_eq!(own.witnesses("auth/approle/role/a/secret-id"), ["auth/approle/role/a/secret-id"]);
    }
}
