//! Secret values in texts that would be kept: found, dropped by the reader, and reported.
//!
//! What is looked for is what is a secret wherever it stands: a private key, an AWS access key id beside its secret
//! key, tokens that say what they are by their first letters.

use crate::model::{Builder, IssueSeverity};

/// Opening of a private key in text form, wherever it stands.
const PRIVATE_KEY: &str = "PRIVATE KEY-----";
/// First letters of access key ids: long-lived and temporary.
const KEY_IDS: [&str; 2] = ["AKIA", "ASIA"];
/// Characters of an access key id.
const KEY_ID_N: usize = 20;
/// Characters of a secret access key.
const SECRET_KEY_N: usize = 40;
/// First letters of tokens that are secrets as a whole (GitHub, GitLab, Slack, npm).
const TOKENS: [&str; 10] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "npm_"];
/// Shorter than this, what begins like a token is a name.
const TOKEN_N: usize = 24;

/// Whether a text that would be kept (a tag's value, a cell) holds a secret.
#[must_use]
pub fn is_secret(text: &str) -> bool {
    if text.contains(PRIVATE_KEY) {
        return true;
    }
    let mut parts = text.split(|character: char| !part_of_key(character));
    if parts.clone().any(is_token) {
        return true;
    }
    parts.clone().any(is_key_id) && parts.any(is_secret_key)
}

/// Whether a text that stands alone is a secret access key by its form: 40 characters, and of upper-case letters,
/// lower-case letters and digits some each. A hexadecimal digest has no upper case.
#[must_use]
pub fn is_secret_key(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    text.len() == SECRET_KEY_N
        && text.chars().all(part_of_key)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
}

fn part_of_key(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '/' | '+' | '_' | '-')
}

fn is_key_id(part: &str) -> bool {
    part.len() == KEY_ID_N && KEY_IDS.iter().any(|start| part.starts_with(start))
}

fn is_token(part: &str) -> bool {
    part.len() >= TOKEN_N && TOKENS.iter().any(|start| part.starts_with(start))
}

/// Reports secrets that were dropped.
pub fn report(builder: &mut Builder, count: usize, record: &str) {
    if count > 0 {
        let fields = if count == 1 { "one field that holds" } else { "fields that hold" };
        let message = format!("{fields} a secret value dropped ({count}); the export itself is sensitive");
        builder.issue(IssueSeverity::Warning, "secret_dropped", record, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made up, in the form of a secret key.
    const SECRET: &str = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hI5kL7n";

    #[test]
    fn what_is_a_secret_wherever_it_stands_is_found_and_a_name_is_none() {
        let token = format!("ghp_{}", "a1B2".repeat(9));
        for text in [
            "-----BEGIN RSA PRIVATE KEY-----".to_owned(),
            format!("AKIAIOSFODNN7EXAMPLE / {SECRET}"),
            format!("AKIAIOSFODNN7EXAMPLE:{SECRET}"),
            format!("found {token} in the log"),
        ] {
            assert!(is_secret(&text), "{text}");
        }
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            SECRET,
            "arn:aws:iam::111122223333:user/svc",
            "https://git.example.com/r/commit/0123456789abcdef0123456789abcdef01234567",
            "npm_robot",
        ] {
            assert!(!is_secret(text), "{text}");
        }
    }

    #[test]
    fn a_secret_key_by_its_form_is_no_digest() {
        assert!(is_secret_key(SECRET));
        assert!(!is_secret_key("0123456789abcdef0123456789abcdef01234567"));
        assert!(!is_secret_key(&SECRET[1..]));
    }
}
