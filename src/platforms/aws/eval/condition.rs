//! Condition blocks: parsing, and the truth of one test for given values of its key.
//!
//! Source: "IAM JSON policy elements: Condition operators" and "Set operators for multivalued context keys" in the
//! IAM user guide. Operator and key names match without regard to case.

use core::net::IpAddr;

use serde_json::Value;

use super::pattern::{Pattern, literal, plain};
use crate::model::text::{glob, parse_time};

/// How a key with several values is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// No prefix: the key has one value.
    One,
    ForAll,
    ForAny,
}

/// What is compared, before negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text {
        ignore_case: bool,
        wildcards: bool,
    },
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    Address,
    Arn,
    /// Whether the key is absent.
    Null,
    /// An operator that is not known: never true.
    Unknown,
}

/// The comparison of ordered values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// One operator applied to one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// Lower-case condition key.
    pub key: String,
    pub kind: Kind,
    pub negated: bool,
    pub quantifier: Quantifier,
    pub if_exists: bool,
    /// Right-hand sides; any may match.
    pub values: Vec<Pattern>,
    /// The test as a person reads it: `StringEquals aws:SourceIp "…"`.
    pub text: String,
}

/// All tests of a statement; all must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    pub tests: Vec<Test>,
}

impl Condition {
    /// Reads a condition block from its JSON text. A text that is no condition block gives one test that is never
    /// true, so that a broken condition cannot widen an allow.
    #[must_use]
    pub fn parse(json: &str, variables: bool) -> Self {
        let Ok(Value::Object(block)) = serde_json::from_str::<Value>(json) else {
            return Self { tests: vec![Test::never(json)] };
        };
        let mut tests = Vec::new();
        for (operator, keys) in &block {
            let Value::Object(keys) = keys else {
                tests.push(Test::never(operator));
                continue;
            };
            for (key, values) in keys {
                tests.push(Test::new(operator, key, values, variables));
            }
        }
        Self { tests }
    }
}

/// The texts of a scalar or a list of scalars; native booleans and numbers are their JSON text.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Null => Vec::new(),
        other => vec![other.to_string()],
    }
}

impl Test {
    fn never(what: &str) -> Self {
        Self {
            key: String::new(),
            kind: Kind::Unknown,
            negated: false,
            quantifier: Quantifier::One,
            if_exists: false,
            values: Vec::new(),
            text: format!("condition that cannot be read: {what}"),
        }
    }

    /// A test that a key has one value.
    #[must_use]
    pub fn is(key: &str, value: &str) -> Self {
        Self::new("StringEquals", key, &Value::String(value.to_owned()), false)
    }

    fn new(operator: &str, key: &str, values: &Value, variables: bool) -> Self {
        let texts = texts(values);
        let shown: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
        let text = format!("{operator} {key} {}", shown.join(" or "));
        let lower = operator.to_ascii_lowercase();
        let (quantifier, rest) = if let Some(rest) = lower.strip_prefix("forallvalues:") {
            (Quantifier::ForAll, rest)
        } else if let Some(rest) = lower.strip_prefix("foranyvalue:") {
            (Quantifier::ForAny, rest)
        } else {
            (Quantifier::One, lower.as_str())
        };
        let (rest, if_exists) = rest.strip_suffix("ifexists").map_or((rest, false), |rest| (rest, true));
        let (kind, negated) = kind(rest);
        // Variables stand only in operators on strings and ARNs.
        let variables = variables && matches!(kind, Kind::Text { .. } | Kind::Arn);
        Self {
            key: key.to_ascii_lowercase(),
            kind,
            negated,
            quantifier,
            if_exists,
            values: texts.iter().map(|text| Pattern::new(text, variables)).collect(),
            text,
        }
    }

    /// Whether the test holds when its key has these values (none: the key is absent); `variable` gives the value of
    /// a policy variable.
    pub fn holds(&self, have: &[String], variable: &dyn Fn(&str) -> Option<String>) -> bool {
        match self.kind {
            Kind::Unknown => return false,
            Kind::Null => {
                return self.values.iter().any(|value| {
                    (value.text.eq_ignore_ascii_case("true") && have.is_empty())
                        || (value.text.eq_ignore_ascii_case("false") && !have.is_empty())
                });
            }
            _ => {}
        }
        if have.is_empty() {
            return self.if_exists
                || match self.quantifier {
                    Quantifier::One => self.negated,
                    Quantifier::ForAll => true,
                    Quantifier::ForAny => false,
                };
        }
        let wanted: Vec<_> = self.values.iter().filter_map(|value| value.expand(variable)).collect();
        let holds = |have: &String| wanted.iter().any(|wanted| self.same(wanted, have)) != self.negated;
        match self.quantifier {
            // A key without a set prefix has one value; of several given, none may contradict a negation.
            Quantifier::One if self.negated => have.iter().all(holds),
            Quantifier::One | Quantifier::ForAny => have.iter().any(holds),
            Quantifier::ForAll => have.iter().all(holds),
        }
    }

    /// Whether one expanded right-hand side matches one value of the key.
    fn same(&self, wanted: &str, have: &str) -> bool {
        match self.kind {
            Kind::Text { ignore_case: false, wildcards: false } => plain(wanted) == have,
            Kind::Text { ignore_case: true, .. } => plain(wanted).to_lowercase() == have.to_lowercase(),
            Kind::Text { wildcards: true, .. } => glob(wanted, &literal(have)),
            Kind::Numeric(order) => match (wanted.trim().parse::<f64>(), have.trim().parse::<f64>()) {
                (Ok(wanted), Ok(have)) => ordered(order, have.partial_cmp(&wanted)),
                _ => false,
            },
            Kind::Date(order) => match (instant(wanted), instant(have)) {
                (Some(wanted), Some(have)) => ordered(order, Some(have.cmp(&wanted))),
                _ => false,
            },
            Kind::Bool => {
                (wanted.eq_ignore_ascii_case("true") || wanted.eq_ignore_ascii_case("false"))
                    && wanted.eq_ignore_ascii_case(have)
            }
            Kind::Binary => wanted == have,
            Kind::Address => network(wanted).is_some_and(|network| network.holds(have)),
            Kind::Arn => same_arn(wanted, have),
            Kind::Null | Kind::Unknown => false,
        }
    }
}

fn kind(operator: &str) -> (Kind, bool) {
    use Order::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    let text = |ignore_case, wildcards| Kind::Text { ignore_case, wildcards };
    match operator {
        "stringequals" => (text(false, false), false),
        "stringnotequals" => (text(false, false), true),
        "stringequalsignorecase" => (text(true, false), false),
        "stringnotequalsignorecase" => (text(true, false), true),
        "stringlike" => (text(false, true), false),
        "stringnotlike" => (text(false, true), true),
        "numericequals" => (Kind::Numeric(Equal), false),
        "numericnotequals" => (Kind::Numeric(Equal), true),
        "numericlessthan" => (Kind::Numeric(Less), false),
        "numericlessthanequals" => (Kind::Numeric(LessOrEqual), false),
        "numericgreaterthan" => (Kind::Numeric(Greater), false),
        "numericgreaterthanequals" => (Kind::Numeric(GreaterOrEqual), false),
        "dateequals" => (Kind::Date(Equal), false),
        "datenotequals" => (Kind::Date(Equal), true),
        "datelessthan" => (Kind::Date(Less), false),
        "datelessthanequals" => (Kind::Date(LessOrEqual), false),
        "dategreaterthan" => (Kind::Date(Greater), false),
        "dategreaterthanequals" => (Kind::Date(GreaterOrEqual), false),
        "bool" => (Kind::Bool, false),
        "binaryequals" => (Kind::Binary, false),
        "ipaddress" => (Kind::Address, false),
        "notipaddress" => (Kind::Address, true),
        "arnequals" | "arnlike" => (Kind::Arn, false),
        "arnnotequals" | "arnnotlike" => (Kind::Arn, true),
        "null" => (Kind::Null, false),
        _ => (Kind::Unknown, false),
    }
}

fn ordered(order: Order, found: Option<std::cmp::Ordering>) -> bool {
    found.is_some_and(|found| match order {
        Order::Equal => found.is_eq(),
        Order::Less => found.is_lt(),
        Order::LessOrEqual => found.is_le(),
        Order::Greater => found.is_gt(),
        Order::GreaterOrEqual => found.is_ge(),
    })
}

/// Milliseconds of a date in ISO 8601 or in seconds since 1970.
#[must_use]
pub fn instant(text: &str) -> Option<i64> {
    match text.trim().parse::<i64>() {
        Ok(seconds) => seconds.checked_mul(1000),
        Err(_) => parse_time(text),
    }
}

/// ARNs compare part by part: a wildcard does not cross the first five colons.
fn same_arn(wanted: &str, have: &str) -> bool {
    let have = literal(have);
    let (wanted, have): (Vec<&str>, Vec<&str>) = (wanted.splitn(6, ':').collect(), have.splitn(6, ':').collect());
    wanted.len() == 6 && have.len() == 6 && wanted.iter().zip(&have).all(|(wanted, have)| glob(wanted, have))
}

/// A block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    bits: u128,
    length: u32,
    v6: bool,
}

/// Reads an address or a block in CIDR form.
#[must_use]
pub fn network(text: &str) -> Option<Network> {
    let (address, length) = match text.trim().split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
        None => (text.trim(), None),
    };
    let (bits, v6) = address_bits(address)?;
    let width = if v6 { 128 } else { 32 };
    let length = length.unwrap_or(width);
    (length <= width).then_some(Network { bits, length, v6 })
}

fn address_bits(text: &str) -> Option<(u128, bool)> {
    match text.trim().parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => Some((u128::from(address.to_bits()), false)),
        IpAddr::V6(address) => Some((address.to_bits(), true)),
    }
}

impl Network {
    fn holds(self, address: &str) -> bool {
        let Some((bits, v6)) = address_bits(address) else { return false };
        let width = if self.v6 { 128 } else { 32 };
        let shift = width - self.length;
        v6 == self.v6 && (shift >= 128 || bits >> shift == self.bits >> shift)
    }

    /// The first address inside, and one just outside where there is one.
    #[must_use]
    pub fn samples(self) -> Vec<String> {
        let width = if self.v6 { 128 } else { 32 };
        let shift = width - self.length;
        let first = if shift >= 128 { 0 } else { self.bits >> shift << shift };
        let mut out = vec![self.show(first)];
        if shift < width {
            let size = 1u128 << shift;
            let end = if self.v6 { u128::MAX } else { u128::from(u32::MAX) };
            if let Some(after) = first.checked_add(size).filter(|after| *after <= end) {
                out.push(self.show(after));
            }
            if let Some(before) = first.checked_sub(1) {
                out.push(self.show(before));
            }
        }
        out
    }

    fn show(self, bits: u128) -> String {
        if self.v6 {
            core::net::Ipv6Addr::from_bits(bits).to_string()
        } else {
            core::net::Ipv4Addr::from_bits(u32::try_from(bits).unwrap_or(u32::MAX)).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(block: &str, have: &[&str]) -> bool {
        let have: Vec<String> = have.iter().map(|&text| text.to_owned()).collect();
        Condition::parse(block, true).tests.iter().all(|test| test.holds(&have, &|_| None))
    }

    #[test]
    fn operators_follow_the_documentation() {
        for (block, have, expected) in [
            (r#"{"StringEquals":{"k":["a","b"]}}"#, &["b"][..], true),
            (r#"{"StringNotEquals":{"k":["a","b"]}}"#, &["b"], false),
            (r#"{"StringNotEquals":{"k":"a"}}"#, &[], true),
            (r#"{"StringEqualsIfExists":{"k":"a"}}"#, &[], true),
            (r#"{"StringLike":{"k":"a*c"}}"#, &["abc"], true),
            (r#"{"stringEqualsIgnoreCase":{"K":"A"}}"#, &["a"], true),
            (r#"{"Bool":{"k":true}}"#, &["true"], true),
            (r#"{"Bool":{"k":"false"}}"#, &[], false),
            (r#"{"NumericLessThanEquals":{"k":5}}"#, &["5.0"], true),
            (r#"{"DateLessThan":{"k":"2020-01-01T00:00:00Z"}}"#, &["2024-01-01T00:00:00Z"], false),
            (r#"{"DateGreaterThan":{"k":"1577836800"}}"#, &["2024-01-01T00:00:00Z"], true),
            (r#"{"IpAddress":{"k":"10.0.0.0/8"}}"#, &["10.9.8.7"], true),
            (r#"{"NotIpAddress":{"k":"2001:db8::/32"}}"#, &["10.9.8.7"], true),
            (r#"{"ArnLike":{"k":"arn:aws:iam::*:role/x*"}}"#, &["arn:aws:iam::1:role/xy"], true),
            (r#"{"ArnLike":{"k":"arn:aws:*:role/x"}}"#, &["arn:aws:iam::1:role/x"], false),
            (r#"{"Null":{"k":"true"}}"#, &[], true),
            (r#"{"Null":{"k":false}}"#, &["v"], true),
            (r#"{"ForAllValues:StringEquals":{"k":["a","b"]}}"#, &["a", "c"], false),
            (r#"{"ForAllValues:StringEquals":{"k":["a","b"]}}"#, &[], true),
            (r#"{"ForAnyValue:StringEquals":{"k":["a","b"]}}"#, &["a", "c"], true),
            (r#"{"ForAnyValue:StringNotEquals":{"k":["a","b"]}}"#, &["a", "c"], true),
            (r#"{"ForAllValues:StringNotEquals":{"k":["a","b"]}}"#, &["a", "c"], false),
            (r#"{"BinaryEquals":{"k":"QmluYXJ5"}}"#, &["QmluYXJ5"], true),
            (r#"{"StringAlmost":{"k":"a"}}"#, &["a"], false),
        ] {
            assert_eq!(holds(block, have), expected, "{block} with {have:?}");
        }
    }

    #[test]
    fn a_broken_block_is_never_true() {
        assert!(!holds("[]", &[]) && !holds(r#"{"StringEquals":"x"}"#, &["x"]));
    }
}
