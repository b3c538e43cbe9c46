//! Resource patterns: wildcards, policy variables, and the sets of entities that they stand for.
//!
//! A `*` or `?` that comes out of a variable, or from `${*}` and `${?}`, is an ordinary character. Such
//! characters are kept apart from wildcards by mapping them, in patterns and in the texts that patterns are
//! matched against, to two private-use code points.
//!
//! Source: "IAM JSON policy elements: Resource" and "IAM policy elements: Variables and tags" in the IAM user guide.

use std::borrow::Cow;

use crate::model::text::glob;

const LITERAL_STAR: char = '\u{E000}';
const LITERAL_ANY: char = '\u{E001}';

/// A text with wildcards and perhaps variables, as a policy writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    /// The text as written; `${…}` is left in place when variables do not expand in this policy version.
    pub text: String,
    /// The parts between variables, when there are variables to expand.
    parts: Option<Vec<Part>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Text(String),
    Variable { key: String, default: Option<String> },
}

impl Pattern {
    /// Takes a pattern apart; `variables` says whether the policy's version has them.
    #[must_use]
    pub fn new(text: &str, variables: bool) -> Self {
        let parts = if variables && text.contains("${") { split(text) } else { None };
        Self { text: text.to_owned(), parts }
    }

    /// Keys (lower case) of the variables whose values the pattern needs.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flatten().filter_map(|part| match part {
            Part::Variable { key, .. } => Some(key.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The pattern with its variables' values in place; `None` when one has no value, and then the pattern
    /// matches nothing. `value` gives the values of a key; only a single value can stand in a pattern.
    pub fn expand(&self, value: impl Fn(&str) -> Option<String>) -> Option<Cow<'_, str>> {
        let Some(parts) = &self.parts else { return Some(Cow::Borrowed(&self.text)) };
        let mut out = String::new();
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable { key, default } => {
                    let text = value(key).or_else(|| default.clone())?;
                    out.push_str(&literal(&text));
                }
            }
        }
        Some(Cow::Owned(out))
    }
}

impl Pattern {
    /// The patterns before and after the first place of a variable; `None` when it has none. What else has no value
    /// becomes a star there, so that the two may match more than the pattern with one value in all places does.
    pub fn around(&self, key: &str, value: impl Fn(&str) -> Option<String>) -> Option<(String, String)> {
        let (mut before, mut after, mut found) = (String::new(), String::new(), false);
        for part in self.parts.iter().flatten() {
            let side = if found { &mut after } else { &mut before };
            match part {
                Part::Text(text) => side.push_str(text),
                Part::Variable { key: this, .. } if this == key && !found => found = true,
                Part::Variable { key: this, .. } => match value(this) {
                    Some(text) => side.push_str(&literal(&text)),
                    None => side.push('*'),
                },
            }
        }
        found.then_some((before, after))
    }
}

/// `text` with characters that would be wildcards in a pattern mapped to ones that are not.
pub fn literal(text: &str) -> Cow<'_, str> {
    if text.contains(['*', '?']) {
        Cow::Owned(text.replace('*', "\u{E000}").replace('?', "\u{E001}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// An expanded pattern as plain text: the value that an exact comparison compares with.
pub fn plain(expanded: &str) -> Cow<'_, str> {
    if expanded.contains([LITERAL_STAR, LITERAL_ANY]) {
        Cow::Owned(expanded.replace(LITERAL_STAR, "*").replace(LITERAL_ANY, "?"))
    } else {
        Cow::Borrowed(expanded)
    }
}

fn split(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut any = false;
    while let Some(at) = rest.find("${") {
        let Some(length) = rest[at..].find('}') else { break };
        parts.push(Part::Text(rest[..at].to_owned()));
        any = true;
        match &rest[at + 2..at + length] {
            "*" => parts.push(Part::Text(LITERAL_STAR.to_string())),
            "?" => parts.push(Part::Text(LITERAL_ANY.to_string())),
            "$" => parts.push(Part::Text("$".to_owned())),
            inside => parts.push(variable(inside)),
        }
        rest = &rest[at + length + 1..];
    }
    parts.push(Part::Text(rest.to_owned()));
    any.then_some(parts)
}

/// `key` or `key, 'default'`.
fn variable(inside: &str) -> Part {
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => {
            let default = default.trim();
            let bare = default.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
            (key, Some(bare.unwrap_or(default).to_owned()))
        }
        None => (inside, None),
    };
    Part::Variable { key: key.trim().to_ascii_lowercase(), default }
}

/// Whether an expanded resource pattern covers a resource. Nothing but stars, or an ARN with wildcards, can;
/// the pseudo-resource `*` (an action on no one resource) is covered by stars alone.
#[must_use]
pub fn covers(expanded: &str, resource: &str) -> bool {
    is_everything(expanded) || (expanded.starts_with("arn:") && glob(expanded, &literal(resource)))
}

/// Whether a resource pattern stands for every resource there is.
#[must_use]
pub fn is_everything(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, value: Option<&str>) -> Option<String> {
        Pattern::new(text, true).expand(|_| value.map(str::to_owned)).map(Cow::into_owned)
    }

    #[test]
    fn a_variable_is_its_value_or_its_default_or_the_pattern_matches_nothing() {
        assert_eq!(of("arn:aws:s3:::b/${aws:username}/*", Some("ann")).as_deref(), Some("arn:aws:s3:::b/ann/*"));
        assert_eq!(of("arn:aws:s3:::b/${aws:username}/*", None), None);
        assert_eq!(of("b/${aws:PrincipalTag/team, 'none'}", None).as_deref(), Some("b/none"));
        assert_eq!(Pattern::new("b/${aws:username}", false).expand(|_| None).as_deref(), Some("b/${aws:username}"));
    }

    #[test]
    fn around_a_variable_are_the_patterns_of_its_sides() {
        let pattern = Pattern::new("a*/${x}/b/${y}/${x}", true);
        let around = |key: &str| pattern.around(key, |key| (key == "y").then(|| "*".to_owned()));
        assert_eq!(around("x"), Some(("a*/".to_owned(), "/b/\u{E000}/*".to_owned())));
        assert_eq!(around("y"), Some(("a*/*/b/".to_owned(), "/*".to_owned())));
        assert_eq!(around("z"), None);
    }

    #[test]
    fn a_star_from_a_value_is_no_wildcard() {
        let pattern = of("arn:aws:s3:::${aws:username}", Some("*")).unwrap();
        assert!(!covers(&pattern, "arn:aws:s3:::bucket"));
        assert!(covers(&pattern, "arn:aws:s3:::*"));
        let pattern = of("arn:aws:s3:::a${*}b", None).unwrap();
        assert!(covers(&pattern, "arn:aws:s3:::a*b") && !covers(&pattern, "arn:aws:s3:::axb"));
    }

    #[test]
    fn only_stars_cover_an_action_on_no_resource() {
        assert!(covers("*", "*") && covers("*", "arn:aws:s3:::b"));
        assert!(!covers("arn:aws:s3:::*", "*") && !covers("bucket*", "bucket1"));
    }
}
