//! Which actions the condition of a role assignment limits.
//!
//! A condition is mostly written as clauses `(!(ActionMatches{'A'}) OR …)`, joined by AND: an action that no clause
//! names meets every one of them. Nothing else is decided: what the rest asks (attributes of requests, of resources and
//! of principals) is not in an export.

/// What a condition limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limits {
    /// These actions, in lower case; every other action is free.
    Only(Vec<String>),
    /// Every action, or it cannot be told which.
    Everything,
}

/// Reads a condition. Linear in its length, but for parentheses that wrap a whole part.
#[must_use]
pub fn limits(condition: &str) -> Limits {
    let mut actions = Vec::new();
    let Some(clauses) = split(unwrapped(condition), &["&&", "AND"]) else { return Limits::Everything };
    for clause in clauses {
        let guard = split(unwrapped(clause), &["||", "OR"]).and_then(|parts| match parts[..] {
            [guard, _, ..] => negated(guard),
            _ => None,
        });
        match guard {
            Some(own) => actions.extend(own),
            None => return Limits::Everything,
        }
    }
    actions.sort_unstable();
    actions.dedup();
    Limits::Only(actions)
}

/// Actions of `!(ActionMatches{'A'} …)`, or of several of these joined by AND: when none of the actions is asked for, this
/// holds. What is joined to a match by AND makes the negation hold more often.
fn negated(guard: &str) -> Option<Vec<String>> {
    let mut actions = Vec::new();
    for part in split(unwrapped(guard), &["&&", "AND"])? {
        let inner = unwrapped(part).strip_prefix('!')?.trim_start();
        if closing(inner).is_none_or(|end| end + 1 != inner.trim_end().len()) {
            return None;
        }
        for alternative in split(unwrapped(inner), &["||", "OR"])? {
            actions.extend(split(unwrapped(alternative), &["&&", "AND"])?.into_iter().find_map(action_match)?);
        }
    }
    Some(actions)
}

/// Actions of `ActionMatches{'A', 'B'}`.
fn action_match(text: &str) -> Option<Vec<String>> {
    let text = unwrapped(text);
    let prefix = text.get(.."ActionMatches".len()).filter(|prefix| prefix.eq_ignore_ascii_case("ActionMatches"))?;
    let list = text[prefix.len()..].trim().strip_prefix('{')?.strip_suffix('}')?;
    let actions: Vec<String> =
        list.split(',').map(|one| one.trim().trim_matches('\'').to_lowercase()).filter(|one| !one.is_empty()).collect();
    (!actions.is_empty()).then_some(actions)
}

/// A text without the parentheses that stand around all of it.
fn unwrapped(text: &str) -> &str {
    let mut text = text.trim();
    while text.starts_with('(') && closing(text) == Some(text.len() - 1) {
        text = text[1..text.len() - 1].trim();
    }
    text
}

/// Place of the parenthesis that closes the first character's.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quoted) = (0usize, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\'' => quoted = !quoted,
            b'(' | b'{' if !quoted => depth += 1,
            b')' | b'}' if !quoted => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The parts that these words join outside all parentheses; `None` when parentheses or quotes do not pair.
fn split<'t>(text: &'t str, words: &[&str]) -> Option<Vec<&'t str>> {
    let (mut depth, mut quoted, mut start, mut parts) = (0usize, false, 0, Vec::new());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\'' => quoted = !quoted,
            b'(' | b'{' if !quoted => depth += 1,
            b')' | b'}' if !quoted => depth = depth.checked_sub(1)?,
            _ if !quoted && depth == 0 => {
                if let Some(word) = words.iter().find(|word| is_word(bytes, at, word)) {
                    parts.push(&text[start..at]);
                    at += word.len();
                    start = at;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&text[start..]);
    (depth == 0 && !quoted).then_some(parts)
}

/// Whether an operator stands here: letters are one only between characters that are none.
fn is_word(bytes: &[u8], at: usize, word: &str) -> bool {
    let here = bytes.get(at..at + word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word.as_bytes()));
    let free = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let letters = word.bytes().all(|byte| byte.is_ascii_alphabetic());
    here && (!letters
        || free(at.checked_sub(1).and_then(|before| bytes.get(before))) && free(bytes.get(at + word.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(actions: &[&str]) -> Limits {
        Limits::Only(actions.iter().map(|one| (*one).to_owned()).collect())
    }

    #[test]
    fn a_condition_limits_the_actions_that_its_clauses_name() {
        let write = "(!(ActionMatches{'A/write'})) OR (@Request[x] ForAnyOfAnyValues:GuidEquals {a, b})";
        assert_eq!(limits(write), only(&["a/write"]));
        assert_eq!(limits(&format!("({write})")), only(&["a/write"]));
        let delete =
            "(!(ActionMatches{'A/delete'} && SubOperationMatches{'x'})) || @Resource[y] StringEquals 'a) OR (b'";
        assert_eq!(limits(&format!("({write}) AND ({delete})")), only(&["a/delete", "a/write"]));
        let several =
            "((!(ActionMatches{'A/read'}) AND !(ActionMatches{'A/list'})) OR (@Resource[z] StringEquals 'q'))";
        assert_eq!(limits(several), only(&["a/list", "a/read"]));
        assert_eq!(limits("(!ActionMatches{'a'}) OR (x)"), only(&["a"]));
        let either = "(!(ActionMatches{'A/read'} OR ActionMatches{'A/list'})) OR (@Resource[z] StringEquals 'q')";
        assert_eq!(limits(either), only(&["a/list", "a/read"]));
    }

    #[test]
    fn what_names_no_action_limits_all() {
        for condition in [
            "@Resource[HasObotoken] boolequals true",
            "@Resource[x] boolequals true && ((!(ActionMatches{'a'})) OR (@Request[y] StringEquals 'b'))",
            "(ActionMatches{'a'}) OR (@Request[y] StringEquals 'b')",
            "(!(ActionMatches{'a'}))",
            "((!(ActionMatches{'a'}) OR (x)",
            "!(SubOperationMatches{'a'}) OR (x)",
            "(!(ActionMatches{'a'}) AND ActionMatches{'b'}) OR (x)",
            "! OR (x)",
            "",
            "')",
        ] {
            assert_eq!(limits(condition), Limits::Everything, "{condition}");
        }
    }
}
