//! Allow policies: bindings of members to roles on a resource, with their conditions.
//!
//! A condition is kept as a JSON object (`expression`, `title`) until all files are known: whether it holds for a
//! resource depends on what the resource is. Times that it names are taken off here.

use serde_json::{Value, json};

use super::super::cel::Condition;
use super::estate::{Estate, Right};
use super::value::{field, list, text};
use crate::model::{Effect, Handle};

/// A binding's condition: what of it is left to decide, and when it ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditioned {
    /// JSON object; `None` when nothing is left.
    pub condition: Option<String>,
    pub expires_at: Option<i64>,
}

/// Reads a condition; `None` stands for none.
#[must_use]
pub fn conditioned(value: Option<&Value>) -> Conditioned {
    let Some(value) = value.filter(|value| value.as_object().is_some_and(|fields| !fields.is_empty())) else {
        return Conditioned::default();
    };
    let expression = text(value, "expression").unwrap_or_default();
    let title = text(value, "title").unwrap_or_default();
    let mut object = json!({"expression": expression, "title": title});
    let Some(condition) = Condition::parse(&expression) else {
        return Conditioned { condition: Some(object.to_string()), expires_at: None };
    };
    let window = condition.windowed();
    if let Some(start) = window.starts_at {
        object["starts_at"] = json!(start);
    }
    object["open"] = json!(window.rest.is_some());
    let left = window.rest.is_some() || window.starts_at.is_some();
    Conditioned { condition: left.then(|| object.to_string()), expires_at: window.expires_at }
}

/// Reads the policy of a resource that has this id.
pub fn read(estate: &mut Estate<'_>, resource: &str, policy: &Value, place: &str) {
    let Some(bindings) = field(policy, "bindings") else { return };
    let Value::Array(bindings) = bindings else {
        return estate.wrong(&format!("{place}/bindings"), "a list of bindings", bindings);
    };
    for (at, binding) in bindings.iter().enumerate() {
        read_binding(estate, resource, binding, at, &format!("{place}/bindings/{at}"));
    }
}

fn read_binding(estate: &mut Estate<'_>, resource: &str, binding: &Value, at: usize, place: &str) {
    if !binding.is_object() {
        return estate.wrong(place, "a binding", binding);
    }
    let Some(role) = text(binding, "role") else {
        return estate.out.skip("role_missing", place, "a binding names no role".to_owned());
    };
    let role = role.strip_prefix("//iam.googleapis.com/").unwrap_or(&role);
    estate.role(role);
    let conditioned = conditioned(field(binding, "condition"));
    if let Some(members) = field(binding, "members").filter(|members| !members.is_array() && !members.is_string()) {
        return estate.wrong(&format!("{place}/members"), "a list of members", members);
    }
    for (number, member) in list(binding, "members").iter().enumerate() {
        let place = format!("{place}/members/{number}");
        match member.as_str() {
            Some(name) => {
                if let Some(holder) = estate.who(name, &place) {
                    give(estate, holder, role, resource, &conditioned, at, &place);
                }
            }
            None => estate.wrong(&place, "a member", member),
        }
    }
}

fn give(
    estate: &mut Estate<'_>,
    holder: Handle,
    role: &str,
    resource: &str,
    conditioned: &Conditioned,
    at: usize,
    place: &str,
) {
    estate.grant(Right {
        holder,
        effect: Effect::Allow,
        actions: vec![format!("role:{role}")],
        not_actions: Vec::new(),
        resource,
        not_principals: Vec::new(),
        condition: conditioned.condition.clone(),
        policy: role,
        statement: format!("bindings/{at}"),
        expires_at: conditioned.expires_at,
        place,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text::parse_time;

    #[test]
    fn what_a_condition_leaves_open_is_kept_and_its_end_taken_off() {
        assert_eq!(conditioned(None), Conditioned::default());
        let end = json!({"title": "t", "expression": "request.time < timestamp(\"2026-01-01T00:00:00Z\")"});
        let found = conditioned(Some(&end));
        assert_eq!((found.condition, found.expires_at), (None, parse_time("2026-01-01T00:00:00Z")));
        let strange = json!({"title": "t", "expression": "what ?? this"});
        assert!(conditioned(Some(&strange)).condition.is_some_and(|kept| !kept.contains("open")));
        let start = json!({"expression": "request.time > timestamp(\"1970-01-01T00:00:01Z\")"});
        let kept: Value = serde_json::from_str(&conditioned(Some(&start)).condition.unwrap()).unwrap();
        assert_eq!((&kept["starts_at"], &kept["open"]), (&json!(1000), &json!(false)));
    }
}
