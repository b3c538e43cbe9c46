//! Numbers as people read them, by the unit of their metric.

/// A number with its unit; a dash for unknown.
pub fn figure(unit: &str, value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) => match unit {
            "percent" => format!("{value:.1} %"),
            "count" => format!("{value:.0}"),
            "ratio" => format!("{value:.3}"),
            _ => format!("{value:.1}"),
        },
    }
}

/// A change: always with a sign; a plain 0 for one that rounds to nothing, a dash for unknown.
pub fn change(unit: &str, value: Option<f64>) -> String {
    let Some(value) = value else { return "–".to_owned() };
    let text = match unit {
        "count" => format!("{value:+.0}"),
        "ratio" => format!("{value:+.3}"),
        _ => format!("{value:+.1}"),
    };
    if text.contains(|c: char| ('1'..='9').contains(&c)) { text } else { "0".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_a_dash_and_a_change_has_a_sign() {
        assert_eq!(figure("percent", Some(12.345)), "12.3 %");
        assert_eq!((figure("count", Some(7.0)), figure("ratio", Some(0.5))), ("7".to_owned(), "0.500".to_owned()));
        assert_eq!((figure("count", None), change("percent", None)), ("–".to_owned(), "–".to_owned()));
        assert_eq!((change("percent", Some(1.25)), change("count", Some(-3.0))), ("+1.2".to_owned(), "-3".to_owned()));
        assert_eq!((change("percent", Some(0.04)), change("percent", Some(-0.01))), ("0".to_owned(), "0".to_owned()));
    }
}
