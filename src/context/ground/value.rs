//! A claimed value against a true one: tolerant of how a number is written, strict about what it means.

use serde_json::Value;

use super::Op;
use super::numbers::{Number, number};
use crate::model::text::parse_time;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// How the true value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Plain,
    /// From 0 to 1; a claim in percent means a hundredth of what it states.
    Share,
    /// From 0 to 100; a percent sign says nothing new.
    Percent,
    /// An instant.
    Time,
}

/// What came of a comparison, with the reason for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Compared {
    Holds(String),
    Fails(String),
    Unclear(String),
}

fn said(holds: bool, why: &str) -> Compared {
    if holds { Compared::Holds(format!("it is so{why}")) } else { Compared::Fails(format!("it is not so{why}")) }
}

fn unclear(why: &str) -> Compared {
    Compared::Unclear(why.to_owned())
}

/// Compares; `truth` is `None` where it is unknown.
pub(super) fn compare(truth: Option<&Value>, claimed: &Value, op: Op, unit: Unit) -> Compared {
    match (truth, claimed, op) {
        (None, Value::Null, Op::Equal) => Compared::Holds("it is unknown".to_owned()),
        (None, _, _) => unclear("the value is unknown"),
        (Some(_), Value::Null, Op::Equal) => Compared::Fails("it is known".to_owned()),
        (Some(_), Value::Null, Op::Differs) => Compared::Holds("it is known".to_owned()),
        (Some(_), Value::Null, _) => unclear("nothing is compared with the unknown"),
        (Some(Value::Array(items)), _, _) => list(items, claimed, op, unit),
        (Some(Value::String(text)), Value::String(claimed), Op::Contains) => said(text.contains(claimed.as_str()), ""),
        (Some(_), _, Op::Contains) => unclear("only a list or a text contains something"),
        (Some(Value::Number(truth)), _, _) => match (truth.as_f64(), number(claimed)) {
            (Some(value), Some(claimed)) => numeric(value, truth.is_f64(), &claimed, op, unit),
            _ => unclear("the value is a number, and what is claimed is none that can be read"),
        },
        (Some(Value::Bool(truth)), _, _) => match boolean(claimed) {
            Some(claimed) => equality(*truth == claimed, op),
            None => unclear("the value is true or false, and what is claimed is neither"),
        },
        (Some(Value::String(truth)), Value::String(claimed), _) if unit == Unit::Time => instant(truth, claimed, op),
        (Some(Value::String(truth)), Value::String(claimed), _) => equality(truth == claimed.trim(), op),
        (Some(Value::Object(truth)), Value::String(claimed), _) if truth.contains_key("stub") => {
            equality(truth.get("stub").and_then(Value::as_str) == Some(claimed.trim()), op)
        }
        (Some(truth @ Value::Object(_)), Value::Object(_), _) => equality(truth == claimed, op),
        _ => unclear("what is claimed is of another kind than the value"),
    }
}

fn equality(same: bool, op: Op) -> Compared {
    match op {
        Op::Equal => said(same, ""),
        Op::Differs => said(!same, ""),
        _ => unclear("such values are not ordered"),
    }
}

fn boolean(claimed: &Value) -> Option<bool> {
    match claimed {
        Value::Bool(claimed) => Some(*claimed),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A list equals another when they have the same items in whatever order; it contains a single one.
fn list(items: &[Value], claimed: &Value, op: Op, unit: Unit) -> Compared {
    // Of what was cut, nobody knows the rest.
    let cut = items.last().is_some_and(|last| last.get("more").is_some());
    let has = |wanted: &Value| {
        items.iter().any(|item| matches!(compare(Some(item), wanted, Op::Equal, unit), Compared::Holds(_)))
    };
    match (op, claimed) {
        (Op::Contains, wanted) if has(wanted) => said(true, ""),
        _ if cut => unclear("the list is cut"),
        (Op::Contains, _) => said(false, ""),
        (Op::Equal | Op::Differs, Value::Array(wanted)) => {
            equality(wanted.len() == items.len() && wanted.iter().all(has), op)
        }
        _ => unclear("the value is a list"),
    }
}

/// Compares numbers. A claim that equals the true value rounded to as many decimals as it is written with is right, but
/// nothing that is there is none, and a count is a count.
fn numeric(truth: f64, fraction: bool, claimed: &Number, op: Op, unit: Unit) -> Compared {
    let (value, decimals) = match (claimed.percent, unit) {
        (false, _) | (true, Unit::Percent) => (claimed.value, claimed.decimals),
        (true, Unit::Share) => (claimed.value / 100.0, claimed.decimals + 2),
        (true, _) => return unclear("the value is no percentage"),
    };
    let slack = 1e-9 * truth.abs().max(1.0);
    let exact = (truth - value).abs() <= slack;
    let scale = 10_f64.powi(i32::try_from(decimals).unwrap_or(i32::MAX));
    // The far ends of a scale mean something of their own: none, and all.
    let end = value == 0.0
        || (unit == Unit::Share && (value - 1.0).abs() <= slack)
        || (unit == Unit::Percent && (value - 100.0).abs() <= slack);
    let rounded = fraction && !end && scale.is_finite() && ((truth * scale).round() / scale - value).abs() <= slack;
    match op {
        Op::Equal if rounded && !exact => said(true, " when rounded as written"),
        Op::Equal => said(exact, ""),
        Op::Differs => said(!exact && !rounded, ""),
        Op::Below => said(truth < value && !exact, ""),
        Op::AtMost => said(truth < value || exact, ""),
        Op::Above => said(truth > value && !exact, ""),
        Op::AtLeast => said(truth > value || exact, ""),
        Op::Contains => unclear("a number contains nothing"),
    }
}

/// Compares instants; a bare date means the whole day.
fn instant(truth: &str, claimed: &str, op: Op) -> Compared {
    let (Some(truth), Some(from)) = (parse_time(truth), parse_time(claimed)) else {
        return unclear("what is claimed is no instant");
    };
    let length = if claimed.trim().len() == "2026-11-22".len() { DAY } else { 1000 };
    let until = from + length;
    let inside = (from..until).contains(&truth);
    match op {
        Op::Equal => said(inside, ""),
        Op::Differs => said(!inside, ""),
        Op::Below => said(truth < from, ""),
        Op::AtMost => said(truth < until, ""),
        Op::Above => said(truth >= until, ""),
        Op::AtLeast => said(truth >= from, ""),
        Op::Contains => unclear("an instant contains nothing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn verdict(truth: &Value, claimed: &Value, op: Op, unit: Unit) -> &'static str {
        match compare(Some(truth), claimed, op, unit) {
            Compared::Holds(_) => "holds",
            Compared::Fails(_) => "fails",
            Compared::Unclear(_) => "unclear",
        }
    }

    #[test]
    fn numbers_are_read_as_people_write_them_and_mean_what_they_say() {
        for (truth, claimed, unit, expected) in [
            (json!(91.25), json!(91.25), Unit::Plain, "holds"),
            (json!(91.25), json!("91.3"), Unit::Plain, "holds"),
            (json!(91.25), json!(91), Unit::Plain, "holds"),
            (json!(91.25), json!(92), Unit::Plain, "fails"),
            (json!(91.25), json!("91.20"), Unit::Plain, "fails"),
            (json!(1234), json!("1,234"), Unit::Plain, "holds"),
            (json!(1234), json!("1 234"), Unit::Plain, "holds"),
            (json!(1234), json!("about 1234"), Unit::Plain, "unclear"),
            (json!(0.125), json!("12.5 %"), Unit::Share, "holds"),
            (json!(0.125), json!("13%"), Unit::Share, "holds"),
            (json!(0.125), json!(12.5), Unit::Share, "fails"),
            (json!(40.0), json!("40 %"), Unit::Percent, "holds"),
            (json!(40.0), json!("40 %"), Unit::Plain, "unclear"),
            (json!(0.3), json!(0), Unit::Plain, "fails"),
            (json!(0.999), json!("100 %"), Unit::Share, "fails"),
            (json!(3), json!("3.0"), Unit::Plain, "holds"),
            (json!(3), json!(2.9), Unit::Plain, "fails"),
            (json!(3), json!("three"), Unit::Plain, "unclear"),
        ] {
            assert_eq!(verdict(&truth, &claimed, Op::Equal, unit), expected, "{truth} {claimed} {unit:?}");
        }
        assert_eq!(verdict(&json!(3), &json!(3), Op::Above, Unit::Plain), "fails");
        assert_eq!(verdict(&json!(3.5), &json!("3"), Op::Above, Unit::Plain), "holds");
        assert_eq!(verdict(&json!(3), &json!(3), Op::AtLeast, Unit::Plain), "holds");
    }

    #[test]
    fn the_unknown_is_neither_zero_nor_false() {
        let unknown = |claimed: Value| compare(None, &claimed, Op::Equal, Unit::Plain);
        assert!(
            matches!(unknown(json!(0)), Compared::Unclear(_)) && matches!(unknown(json!(false)), Compared::Unclear(_))
        );
        assert!(matches!(unknown(json!(null)), Compared::Holds(_)));
        assert_eq!(verdict(&json!(0), &json!(null), Op::Equal, Unit::Plain), "fails");
    }

    #[test]
    fn a_date_is_a_day_and_lists_have_no_order() {
        let truth = json!("2026-11-22T05:30:00Z");
        for (claimed, op, expected) in [
            ("2026-11-22", Op::Equal, "holds"),
            ("2026-11-22T06:30:00+01:00", Op::Equal, "holds"),
            ("2026-11-22T05:31:00Z", Op::Equal, "fails"),
            ("2026-11-22", Op::Above, "fails"),
            ("2026-11-21", Op::Above, "holds"),
            ("yesterday", Op::Equal, "unclear"),
        ] {
            assert_eq!(verdict(&truth, &json!(claimed), op, Unit::Time), expected, "{claimed}");
        }
        let list = json!(["b", "a", {"stub": "ext:1", "kind": "role"}]);
        assert_eq!(verdict(&list, &json!("a"), Op::Contains, Unit::Plain), "holds");
        assert_eq!(verdict(&list, &json!("ext:1"), Op::Contains, Unit::Plain), "holds");
        assert_eq!(verdict(&list, &json!("c"), Op::Contains, Unit::Plain), "fails");
        assert_eq!(verdict(&list, &json!(["a", "b", "ext:1"]), Op::Equal, Unit::Plain), "holds");
        assert_eq!(verdict(&list, &json!(["a", "b"]), Op::Equal, Unit::Plain), "fails");
        let cut = json!(["a", {"more": 3}]);
        assert_eq!(verdict(&cut, &json!("z"), Op::Contains, Unit::Plain), "unclear");
    }
}
