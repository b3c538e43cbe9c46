//! Numbers as people write them, in a claim and in running text.

use serde_json::Value;

/// A number with the precision that it is written with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    pub value: f64,
    /// Digits after the decimal point.
    pub decimals: usize,
    pub percent: bool,
}

/// Blanks that stand between groups of digits or before a percent sign.
const BLANKS: [char; 4] = [' ', '\u{a0}', '\u{202f}', '\u{2009}'];

/// The number that a claim states; `None` where it states none, or more than a number.
pub(super) fn number(claimed: &Value) -> Option<Number> {
    match claimed {
        Value::Number(number) => parse(&number.to_string()),
        Value::String(text) => parse(text),
        _ => None,
    }
}

/// A number with groups of three digits (`1,234`, `1 234`, `1_234`, `1'234`), a decimal point, and a percent sign.
fn parse(text: &str) -> Option<Number> {
    let text = text.trim();
    let (text, percent) = match text.strip_suffix('%') {
        Some(text) => (text.trim_end_matches(BLANKS), true),
        None => (text, false),
    };
    let (sign, digits) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    if let Some((mantissa, exponent)) = digits.split_once(['e', 'E']) {
        // What is written with an exponent is taken at its exact value.
        let plain = mantissa.chars().all(|c| c.is_ascii_digit() || c == '.') && exponent.parse::<i32>().is_ok();
        let value = plain.then(|| format!("{sign}{digits}").parse::<f64>().ok())??;
        return value.is_finite().then_some(Number { value, decimals: 300, percent });
    }
    let whole = ungrouped(whole)?;
    let fraction = fraction.unwrap_or_default();
    if !fraction.chars().all(|c| c.is_ascii_digit()) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let value: f64 = format!("{sign}{whole}.{fraction}0").parse().ok()?;
    value.is_finite().then_some(Number { value, decimals: fraction.len(), percent })
}

/// The digits of a whole number without what separates groups of three; `None` where groups are not of three.
fn ungrouped(text: &str) -> Option<String> {
    let separator = text.chars().find(|c| !c.is_ascii_digit());
    let Some(separator) = separator else { return Some(text.to_owned()) };
    if !matches!(separator, ',' | '_' | '\'' | '\u{2019}') && !BLANKS.contains(&separator) {
        return None;
    }
    let groups: Vec<&str> = text.split(separator).collect();
    let digits = |group: &&str| group.chars().all(|c| c.is_ascii_digit());
    let first = groups.first().is_some_and(|first| (1..=3).contains(&first.len()));
    let rest = groups.iter().skip(1).all(|group| group.len() == 3);
    (first && rest && groups.iter().all(digits)).then(|| groups.concat())
}

/// Numbers of a running text that no stated value is, as the text writes them, each once. Digits inside words, ids and
/// dates are no numbers.
pub(super) fn uncovered<'v>(text: &str, stated: impl Iterator<Item = &'v Value>) -> Vec<String> {
    let stated: Vec<Number> = stated.filter_map(number).collect();
    // A percent sign may stand apart from its number.
    let text = BLANKS.iter().fold(text.to_owned(), |text, blank| text.replace(&format!("{blank}%"), "%"));
    let mut found: Vec<String> = Vec::new();
    for word in words(&text) {
        let Some(written) = parse(word) else { continue };
        let same = |one: &Number| (one.value - written.value).abs() <= 1e-9 * one.value.abs().max(1.0);
        let hundredth = |one: &Number| {
            written.percent
                && !one.percent
                && (one.value * 100.0 - written.value).abs() <= 1e-9 * written.value.abs().max(1.0)
        };
        if !stated.iter().any(|one| same(one) || hundredth(one)) && !found.iter().any(|known| known == word) {
            found.push(word.to_owned());
        }
    }
    found
}

/// Words of a text, outside backticks, without the punctuation around them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let around = |c: char| ".,;:!?()[]{}\"'".contains(c);
    // What stands in backticks is a name.
    let prose = text.split('`').step_by(2);
    let words = prose.flat_map(str::split_whitespace).map(move |word| word.trim_matches(around));
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn groups_are_of_three_and_a_comma_is_no_decimal_point() {
        for (text, expected) in [
            ("1,234.50", Some((1234.5, 2, false))),
            ("1\u{202f}234\u{a0}%", Some((1234.0, 0, true))),
            ("-7", Some((-7.0, 0, false))),
            (".5", Some((0.5, 1, false))),
            ("1e3", Some((1000.0, 300, false))),
            ("12,5", None),
            ("1,2345", None),
            ("12-11", None),
            ("1.2.3", None),
            ("", None),
            ("%", None),
            ("NaN", None),
            ("inf", None),
            ("1e999", None),
        ] {
            let found = parse(text).map(|number| (number.value, number.decimals, number.percent));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn numbers_in_a_text_are_covered_by_claims_and_digits_in_names_are_none() {
        let stated = [json!(3), json!("12.5 %"), json!(0.4)];
        let text = "Of 3 keys, 12.5% are old (40 %), 17 of role-22 and `4711` since 2026-11-22; 17 again.";
        assert_eq!(uncovered(text, stated.iter()), ["17"]);
        assert!(uncovered("nothing", stated.iter()).is_empty());
    }
}
