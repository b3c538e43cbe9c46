//! Text patterns of policies: wildcards, policy variables, and the two ways in which ARNs are compared.

/// One element of a pattern after its variables are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// `*`: any run of characters.
    Run,
    /// `?`: any one character.
    One,
    /// This character.
    Is(char),
}

/// The tokens of a pattern in which nothing is a variable.
pub fn plain(text: &str) -> Vec<Token> {
    text.chars().map(token).collect()
}

/// The tokens of a text in which not even `*` and `?` mean anything.
pub fn literal(text: &str) -> Vec<Token> {
    text.chars().map(Token::Is).collect()
}

fn token(character: char) -> Token {
    match character {
        '*' => Token::Run,
        '?' => Token::One,
        other => Token::Is(other),
    }
}

/// A piece of a text that may hold variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    /// `${*}`, `${?}` or `${$}`.
    Escaped(char),
    /// `${key}` or `${key, 'default'}`, the key in lower case.
    Variable {
        key: String,
        default: Option<String>,
    },
}

/// Splits a text at its variables; an opening without an end is text.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, tail)) = after.split_once('}') else { break };
        if !before.is_empty() {
            found.push(Piece::Text(before.to_owned()));
        }
        found.push(variable(inside));
        rest = tail;
    }
    if !rest.is_empty() {
        found.push(Piece::Text(rest.to_owned()));
    }
    found
}

fn variable(inside: &str) -> Piece {
    match inside {
        "*" | "?" | "$" => return Piece::Escaped(inside.chars().next().unwrap_or('$')),
        _ => {}
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => {
            let default = default.trim().trim_start_matches('\'').trim_end_matches('\'');
            (key, Some(default.to_owned()))
        }
        None => (inside, None),
    };
    Piece::Variable { key: key.trim().to_ascii_lowercase(), default }
}

/// The pattern with its variables replaced by single values of `lookup`; `None` when one has neither value nor
/// default, so that the pattern matches nothing.
pub fn expand(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => tokens.extend(plain(&text)),
            Piece::Escaped(character) => tokens.push(Token::Is(character)),
            Piece::Variable { key, default } => tokens.extend(literal(&lookup(&key).or(default)?)),
        }
    }
    Some(tokens)
}

/// Whether the whole text matches the pattern.
pub fn matches(pattern: &[Token], text: &str, ignore_case: bool) -> bool {
    let text: Vec<char> = text.chars().collect();
    // reach[i]: the pattern so far can end before text[i].
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    for token in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match token {
                Token::Run => reach[at] || (at > 0 && next[at - 1]),
                Token::One => at > 0 && reach[at - 1],
                Token::Is(c) => at > 0 && reach[at - 1] && same(*c, text[at - 1], ignore_case),
            };
        }
        reach = next;
    }
    reach[text.len()]
}

fn same(a: char, b: char, ignore_case: bool) -> bool {
    a == b || (ignore_case && a.to_lowercase().eq(b.to_lowercase()))
}

/// Whether the text equals the pattern's characters, `*` and `?` standing for themselves.
pub fn equals(pattern: &[Token], text: &str, ignore_case: bool) -> bool {
    let exact: Vec<Token> = pattern
        .iter()
        .map(|token| match token {
            Token::Run => Token::Is('*'),
            Token::One => Token::Is('?'),
            Token::Is(character) => Token::Is(*character),
        })
        .collect();
    matches(&exact, text, ignore_case)
}

/// ARN condition operators: the six components are compared one by one, wildcards inside each.
pub fn arn_matches(pattern: &[Token], arn: &str) -> bool {
    let patterns: Vec<&[Token]> = pattern.splitn(6, |token| *token == Token::Is(':')).collect();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    patterns.len() == 6 && parts.len() == 6 && patterns.iter().zip(parts).all(|(p, part)| matches(p, part, false))
}

/// Resource elements: wildcards cross every separator; what is neither `*` nor an ARN pattern matches nothing.
pub fn resource_matches(text: &str, pattern: &[Token], resource: &str) -> bool {
    (text == "*" || text.starts_with("arn:")) && matches(pattern, resource, false)
}

/// One component of an ARN, empty when it is not there.
pub fn arn_part(arn: &str, at: usize) -> &str {
    arn.splitn(6, ':').nth(at).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_take_whole_characters_and_anchor_both_ends() {
        for (pattern, text, expected) in
            [("iam:*User", "iam:ListUserPolicies", false), ("a?c", "aéc", true), ("*", "", true), ("?", "", false)]
        {
            assert_eq!(matches(&plain(pattern), text, false), expected, "{pattern} on {text}");
        }
        assert!(matches(&plain("S3:get*"), "s3:GetObject", true));
    }

    #[test]
    fn variables_have_defaults_escapes_and_keys_in_any_case() {
        let lookup = |key: &str| (key == "aws:username").then(|| "a*b".to_owned());
        let value = |text: &str| expand(text, &lookup);
        assert!(matches(&value("x/${AWS:UserName}").unwrap(), "x/a*b", false));
        assert!(!matches(&value("x/${aws:username}").unwrap(), "x/aab", false), "a value is no pattern");
        assert!(matches(&value("${aws:none, 'anonymous'}").unwrap(), "anonymous", false));
        assert_eq!(value("${aws:none}"), None);
        assert!(!matches(&value("${*}").unwrap(), "x", false));
        assert!(matches(&value("${$}{x").unwrap(), "${x", false));
    }

    #[test]
    fn arn_components_do_not_run_into_each_other() {
        let pattern = plain("arn:aws:someservice:*:111122223333:finance/*");
        let value = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt";
        assert!(matches(&pattern, value, false));
        assert!(!arn_matches(&pattern, value));
    }
}
