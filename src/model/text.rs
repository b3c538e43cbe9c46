//! Text forms that exports share: instants and wildcard patterns.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// Milliseconds since 1970 of an ISO 8601 instant, also with a blank in place of the `T`, without seconds'
/// fraction, without zone (taken as UTC), or as a bare date. `None` for anything else.
#[must_use]
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_millis());
    }
    for form in ["%Y-%m-%d %H:%M:%S%.f%:z", "%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%:z", "%Y-%m-%d %H:%M:%S%.f %z"] {
        if let Ok(time) = DateTime::parse_from_str(text, form) {
            return Some(time.timestamp_millis());
        }
    }
    for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%dT%H:%MZ"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, form) {
            return Some(time.and_utc().timestamp_millis());
        }
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis())
}

/// An instant as people and other programs read it: `2026-11-22T05:30:00Z`, with milliseconds where there are any.
#[must_use]
pub fn format_time(millis: i64) -> String {
    match DateTime::from_timestamp_millis(millis) {
        Some(time) if millis % 1000 == 0 => time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Some(time) => time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        None => format!("{millis} ms"),
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters and `?` for any one.
/// Time is at most the product of the lengths, memory constant (the classic two-pointer match).
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    glob_by(pattern, text, |a, b| a == b)
}

/// [`glob`] without regard to ASCII case.
#[must_use]
pub fn glob_ignore_case(pattern: &str, text: &str) -> bool {
    glob_by(pattern, text, |a, b| a.eq_ignore_ascii_case(&b))
}

fn glob_by(pattern: &str, text: &str, same: impl Fn(u8, u8) -> bool) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go back to when a match fails: after the latest star, with that star taking one byte more.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                star = Some((p, t));
                continue;
            }
            Some(b'?') => {
                p += 1;
                t += 1;
                // A character of several bytes is one character.
                while text.get(t).is_some_and(|byte| byte & 0xC0 == 0x80) {
                    t += 1;
                }
                continue;
            }
            Some(&expected) if same(expected, text[t]) => {
                p += 1;
                t += 1;
                continue;
            }
            _ => {}
        }
        let Some((after, from)) = star else { return false };
        p = after;
        t = from + 1;
        star = Some((after, t));
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_aws_documents_them() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*b*c", "a__b_b_c", true),
            ("a*b*c", "a__c", false),
            ("?", "é", true),
            ("??", "é", false),
            ("iam:*User", "iam:ListUserPolicies", false),
            ("a**", "a", true),
            ("*ab", "aab", true),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} on {text}");
        }
        assert!(glob_ignore_case("S3:get*", "s3:GetObject"));
        assert!(!glob("S3:get*", "s3:GetObject"));
    }

    #[test]
    fn instants_in_every_spelling_that_aws_tools_write_are_the_same() {
        let expected = Some(1_659_876_175_000);
        for text in [
            "2022-08-07T12:42:55Z",
            "2022-08-07T12:42:55+00:00",
            "2022-08-07 12:42:55+00:00",
            "2022-08-07T14:42:55+02:00",
        ] {
            assert_eq!(parse_time(text), expected, "{text}");
        }
        assert_eq!(parse_time("N/A"), None);
        assert_eq!(format_time(1_659_876_175_000), "2022-08-07T12:42:55Z");
    }
}
