//! Label selectors.

use serde_json::Value;

use super::value::{list, pairs, text, texts};

/// Whether labels are selected. A selector without any requirement selects everything, as the API has it.
#[must_use]
pub fn selects<'l>(selector: &Value, label: impl Fn(&str) -> Option<&'l str>) -> bool {
    let exact = pairs(selector, "matchLabels").all(|(key, value)| label(key) == Some(value));
    exact
        && list(selector, "matchExpressions").iter().all(|one| {
            let have = text(one, "key").and_then(|key| label(&key));
            let named = |value: &str| texts(one, "values").any(|wanted| wanted == value);
            match text(one, "operator").as_deref() {
                Some("In") => have.is_some_and(named),
                Some("NotIn") => !have.is_some_and(named),
                Some("Exists") => have.is_some(),
                Some("DoesNotExist") => have.is_none(),
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requirements_are_a_conjunction() {
        let label = |key: &str| match key {
            "a" => Some("1"),
            "b" => Some("2"),
            _ => None,
        };
        let expression = |key: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        for (selector, expected) in [
            (json!({}), true),
            (json!({"matchLabels": {"a": "1", "b": "2"}}), true),
            (json!({"matchLabels": {"a": "1", "c": ""}}), false),
            (expression("a", "In", &["0", "1"]), true),
            (expression("c", "In", &[""]), false),
            (expression("a", "NotIn", &["1"]), false),
            (expression("c", "NotIn", &["1"]), true),
            (expression("a", "Exists", &[]), true),
            (expression("a", "DoesNotExist", &[]), false),
            (expression("a", "Near", &["1"]), false),
            (
                json!({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}, {"key": "c", "operator": "Exists"}]}),
                false,
            ),
        ] {
            assert_eq!(selects(&selector, label), expected, "{selector}");
        }
    }
}
