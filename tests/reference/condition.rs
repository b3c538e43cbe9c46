//! Condition operators, one request value against one policy value at a time.

use std::net::IpAddr;

use chrono::DateTime;
use chrono::NaiveDate;

use super::document::{Condition, Set};
use super::pattern::{self, Token};

/// Looks up the values of a condition key (lower case); an empty list means that the key is absent.
pub type Lookup<'a> = dyn Fn(&str) -> Vec<String> + 'a;

/// Whether a condition holds. `variables`: whether the document's version has policy variables.
pub fn holds(condition: &Condition, variables: bool, lookup: &Lookup<'_>) -> bool {
    let present = lookup(&condition.key);
    if condition.operator == "null" {
        return condition.values.iter().any(|value| match value.to_ascii_lowercase().as_str() {
            "true" => present.is_empty(),
            "false" => !present.is_empty(),
            _ => false,
        });
    }
    let Some((family, negated)) = family(&condition.operator) else { return false };
    if present.is_empty() {
        return match (condition.if_exists, condition.set) {
            (true, _) | (_, Set::All) => true,
            (_, Set::Any) => false,
            (_, Set::None) => negated,
        };
    }
    let one = |value: &str| condition.values.iter().any(|wanted| matches(family, wanted, value, variables, lookup));
    match condition.set {
        Set::All => present.iter().all(|value| one(value) != negated),
        Set::Any => present.iter().any(|value| one(value) != negated),
        Set::None if negated => !present.iter().any(|value| one(value)),
        Set::None => present.iter().any(|value| one(value)),
    }
}

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Equals { ignore_case: bool },
    Like,
    Arn,
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    Ip,
}

/// Order that the request's value must have to the policy's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Equal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// The comparison behind an operator (lower case) and whether it is negated.
pub fn family(operator: &str) -> Option<(Family, bool)> {
    let found = match operator {
        "stringequals" => (Family::Equals { ignore_case: false }, false),
        "stringnotequals" => (Family::Equals { ignore_case: false }, true),
        "stringequalsignorecase" => (Family::Equals { ignore_case: true }, false),
        "stringnotequalsignorecase" => (Family::Equals { ignore_case: true }, true),
        "stringlike" => (Family::Like, false),
        "stringnotlike" => (Family::Like, true),
        "arnequals" | "arnlike" => (Family::Arn, false),
        "arnnotequals" | "arnnotlike" => (Family::Arn, true),
        "bool" => (Family::Bool, false),
        "binaryequals" => (Family::Binary, false),
        "ipaddress" => (Family::Ip, false),
        "notipaddress" => (Family::Ip, true),
        other => return ordered(other),
    };
    Some(found)
}

fn ordered(operator: &str) -> Option<(Family, bool)> {
    let (wrap, rest): (fn(Order) -> Family, &str) = match operator.strip_prefix("numeric") {
        Some(rest) => (Family::Numeric, rest),
        None => (Family::Date, operator.strip_prefix("date")?),
    };
    let (order, negated) = match rest {
        "equals" => (Order::Equal, false),
        "notequals" => (Order::Equal, true),
        "lessthan" => (Order::Less, false),
        "lessthanequals" => (Order::LessEqual, false),
        "greaterthan" => (Order::Greater, false),
        "greaterthanequals" => (Order::GreaterEqual, false),
        _ => return None,
    };
    Some((wrap(order), negated))
}

fn matches(family: Family, wanted: &str, value: &str, variables: bool, lookup: &Lookup<'_>) -> bool {
    let tokens = || -> Option<Vec<Token>> {
        if !variables {
            return Some(pattern::plain(wanted));
        }
        pattern::expand(wanted, &|key| {
            let mut values = lookup(key);
            if values.len() == 1 { values.pop() } else { None }
        })
    };
    match family {
        Family::Equals { ignore_case } => tokens().is_some_and(|p| pattern::equals(&p, value, ignore_case)),
        Family::Like => tokens().is_some_and(|p| pattern::matches(&p, value, false)),
        Family::Arn => tokens().is_some_and(|p| pattern::arn_matches(&p, value)),
        Family::Bool => {
            let wanted = wanted.to_ascii_lowercase();
            (wanted == "true" || wanted == "false") && wanted == value.to_ascii_lowercase()
        }
        Family::Binary => base64(wanted).is_some_and(|bytes| base64(value) == Some(bytes)),
        Family::Numeric(order) => compare(number(value), number(wanted), order),
        Family::Date(order) => compare(instant(value), instant(wanted), order),
        Family::Ip => network(wanted).is_some_and(|net| address(value).is_some_and(|ip| net.contains(ip))),
    }
}

fn compare<T: PartialOrd>(value: Option<T>, wanted: Option<T>, order: Order) -> bool {
    let (Some(value), Some(wanted)) = (value, wanted) else { return false };
    match order {
        Order::Equal => value == wanted,
        Order::Less => value < wanted,
        Order::LessEqual => value <= wanted,
        Order::Greater => value > wanted,
        Order::GreaterEqual => value >= wanted,
    }
}

/// A decimal number.
pub fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Milliseconds since 1970 of an ISO 8601 instant, a date, or epoch seconds.
pub fn instant(text: &str) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_millis());
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis());
    }
    text.parse::<i64>().ok().map(|seconds| seconds * 1000)
}

/// A block of addresses as numbers of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    pub v4: bool,
    pub first: u128,
    pub last: u128,
}

impl Network {
    fn contains(self, (v4, at): (bool, u128)) -> bool {
        self.v4 == v4 && self.first <= at && at <= self.last
    }
}

/// An address as family and number.
pub fn address(text: &str) -> Option<(bool, u128)> {
    match text.trim().parse().ok()? {
        IpAddr::V4(ip) => Some((true, u128::from(u32::from(ip)))),
        IpAddr::V6(ip) => Some((false, u128::from(ip))),
    }
}

/// A block in CIDR form; without a prefix length, the one address.
pub fn network(text: &str) -> Option<Network> {
    let (base, length) = match text.split_once('/') {
        Some((base, length)) => (base, Some(length.parse::<u32>().ok()?)),
        None => (text, None),
    };
    let (v4, at) = address(base)?;
    let bits = if v4 { 32 } else { 128 };
    let host = bits - length.unwrap_or(bits).min(bits);
    let mask = if host == 128 { u128::MAX } else { (1u128 << host) - 1 };
    Some(Network { v4, first: at & !mask, last: at | mask })
}

/// Bytes of a base-64 text.
fn base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0u32, 0);
    for character in text.trim_end_matches('=').chars() {
        buffer = (buffer << 6 | u32::try_from(ALPHABET.find(character)?).ok()?) & 0xFFF_FFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xFF).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(operator: &str, wanted: &[&str], given: &[&str]) -> bool {
        let name = operator.to_ascii_lowercase();
        let (set, name) = match name.split_once(':') {
            Some(("forallvalues", rest)) => (Set::All, rest.to_owned()),
            Some((_, rest)) => (Set::Any, rest.to_owned()),
            None => (Set::None, name),
        };
        let if_exists = name.ends_with("ifexists");
        let condition = Condition {
            operator: name.trim_end_matches("ifexists").to_owned(),
            set,
            if_exists,
            key: "k".to_owned(),
            values: wanted.iter().map(|&text| text.to_owned()).collect(),
        };
        holds(&condition, true, &|_| given.iter().map(|&text| text.to_owned()).collect())
    }

    #[test]
    fn an_absent_key_fails_a_test_passes_its_negation_and_obeys_the_set_prefix() {
        for (operator, expected) in [
            ("StringEquals", false),
            ("StringNotEquals", true),
            ("StringEqualsIfExists", true),
            ("ForAllValues:StringEquals", true),
            ("ForAllValues:StringNotEquals", true),
            ("ForAnyValue:StringEquals", false),
            ("ForAnyValue:StringNotEquals", false),
            ("ForAnyValue:StringEqualsIfExists", true),
            ("NumericLessThan", false),
            ("NumericNotEquals", true),
            ("NotIpAddress", true),
            ("ArnNotLike", true),
            ("Bool", false),
        ] {
            assert_eq!(check(operator, &["1"], &[]), expected, "{operator}");
        }
        assert!(check("Null", &["true"], &[]) && !check("Null", &["false"], &[]));
        assert!(!check("Null", &["true"], &["x"]) && check("Null", &["false"], &["x"]));
    }

    #[test]
    fn several_values_are_or_and_nor_when_negated() {
        assert!(check("StringEquals", &["a", "b"], &["b"]));
        assert!(!check("StringNotEquals", &["a", "b"], &["b"]));
        assert!(check("StringNotLike", &["a*", "b*"], &["c"]));
        assert!(check("ForAllValues:StringLike", &["a*"], &["a", "ab"]));
        assert!(!check("ForAllValues:StringLike", &["a*"], &["a", "b"]));
        assert!(check("ForAnyValue:StringLike", &["a*"], &["b", "a"]));
        assert!(check("ForAnyValue:StringNotEquals", &["a"], &["a", "b"]));
        assert!(!check("ForAllValues:StringNotEquals", &["a"], &["a", "b"]));
    }

    #[test]
    fn each_family_compares_its_own_way() {
        assert!(!check("StringEquals", &["a*"], &["ab"]) && check("StringEquals", &["a*"], &["a*"]));
        assert!(check("StringEqualsIgnoreCase", &["AB"], &["ab"]) && !check("StringEquals", &["AB"], &["ab"]));
        assert!(check("NumericLessThan", &["10"], &["9.5"]) && !check("NumericLessThan", &["10"], &["x"]));
        assert!(check("DateGreaterThan", &["2020-01-01"], &["1600000000"]));
        assert!(check("DateEquals", &["2020-01-01T01:00:00+01:00"], &["2020-01-01T00:00:00Z"]));
        assert!(check("IpAddress", &["203.0.113.0/24"], &["203.0.113.255"]));
        assert!(!check("IpAddress", &["203.0.113.0/24"], &["203.0.114.0"]));
        assert!(check("IpAddress", &["2001:DB8::/32"], &["2001:db8:1::1"]));
        assert!(!check("IpAddress", &["0.0.0.0/0"], &["::1"]));
        assert!(check("NotIpAddress", &["10.0.0.1"], &["10.0.0.2"]));
        assert!(check("Bool", &["TRUE"], &["true"]) && !check("Bool", &["yes"], &["yes"]));
        assert!(check("BinaryEquals", &["QmluYXJ5VmFsdWVJbkJhc2U2NA=="], &["QmluYXJ5VmFsdWVJbkJhc2U2NA"]));
        assert!(check("ArnEquals", &["arn:aws:iam::*:role/*"], &["arn:aws:iam::1:role/a/b"]));
    }
}
