//! Edges: from a record to the rows that it stands for.
//!
//! Every edge is one grant: its start may do its kind to its end. An edge that attack paths may cross has the action
//! `control` besides. Members are members too, and what is inside something is inside it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::kinds::{EdgeKind, Says};
use super::super::{ADMINISTER, CONTROL};
use super::node::time;
use super::text;
use crate::model::{Builder, Effect, Grant, Handle, Layer, Membership, MembershipKind, Standing};

/// One end of an edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum End {
    /// The node of an id.
    Id(String),
    /// The one node with these properties, and of this kind.
    Match { kind: Option<String>, having: Vec<(String, String)> },
}

/// What an edge says besides its ends and its kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// Whether attack paths may cross this very edge, whatever its kind says.
    pub traversable: Option<bool>,
    /// What it hangs on.
    pub condition: Option<String>,
    pub granted_at: Option<i64>,
    pub expires_at: Option<i64>,
}

/// An edge as its record has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    pub kind: String,
    pub start: End,
    pub end: End,
    pub details: Details,
}

/// Property by which the id of a node is matched when its kind matters too.
pub const BY_ID: &str = "objectid";

/// Reads a record.
///
/// # Errors
/// What is wrong with it, for people.
pub fn parse(bytes: &[u8]) -> Result<Edge, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("an edge cannot be read: {error}"))?;
    let object = value.as_object().ok_or("an edge is to be an object")?;
    let kind = match object.get("kind").and_then(Value::as_str) {
        Some(kind) if !kind.is_empty() => kind.to_owned(),
        _ => return Err("an edge without a `kind`".to_owned()),
    };
    let end = |key: &str| end(object.get(key)).map_err(|why| format!("the `{key}` of an edge {kind} {why}"));
    let (start, end) = (end("start")?, end("end")?);
    let details = object.get("properties").map(details).unwrap_or_default();
    Ok(Edge { kind, start, end, details })
}

fn end(value: Option<&Value>) -> Result<End, String> {
    let object = value.and_then(Value::as_object).ok_or("is to be an object")?;
    let kind = object.get("kind").and_then(Value::as_str).map(str::to_owned);
    let value = || match object.get("value") {
        Some(Value::String(value)) if !value.is_empty() => Ok(value.clone()),
        _ => Err("has no `value` that is a text"),
    };
    let matched = |key: &str, value: String| End::Match { kind: kind.clone(), having: vec![(key.to_owned(), value)] };
    match object.get("match_by").and_then(Value::as_str).unwrap_or("id") {
        "id" if kind.is_some() => Ok(matched(BY_ID, value()?)),
        "id" => Ok(End::Id(value()?)),
        "name" => Ok(matched("name", value()?)),
        "property" => {
            let list = object.get("property_matchers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let having: Option<Vec<(String, String)>> = list.iter().map(matcher).collect();
            match having {
                Some(having) if !having.is_empty() => Ok(End::Match { kind, having }),
                _ => Err("has no `property_matchers` with `key`, `operator` \"equals\" and `value`".to_owned()),
            }
        }
        other => Err(format!("is matched by `{other}`, which is none of id, name and property")),
    }
}

fn matcher(value: &Value) -> Option<(String, String)> {
    let equals = value.get("operator").and_then(Value::as_str).is_none_or(|operator| operator == "equals");
    let key = value.get("key").and_then(Value::as_str)?.to_ascii_lowercase();
    let wanted = value.get("value").map(text).filter(|text| !text.is_empty())?;
    equals.then_some((key, wanted))
}

fn details(properties: &Value) -> Details {
    let of = |keys: &[&str]| {
        let own = properties.as_object()?;
        own.iter().find(|(key, _)| keys.contains(&key.to_ascii_lowercase().as_str())).map(|(_, value)| value)
    };
    let conditional = of(&["certainty"]).and_then(Value::as_str) == Some("conditional");
    let reasons = match of(&["reasons"]) {
        Some(Value::Array(list)) => list.iter().map(text).collect::<Vec<_>>().join("; "),
        Some(Value::String(reason)) => reason.clone(),
        _ => String::new(),
    };
    let reason = if reasons.is_empty() { "the graph says that it hangs on something".to_owned() } else { reasons };
    Details {
        traversable: of(&["traversable"]).and_then(Value::as_bool),
        condition: conditional.then(|| Value::String(reason).to_string()),
        granted_at: of(&["granted_at", "grantedat"]).and_then(time),
        expires_at: of(&["expires_at", "expiresat"]).and_then(time),
    }
}

/// Adds the rows of an edge between two entities.
pub fn add(
    out: &mut Builder,
    start: Handle,
    end: Handle,
    kind: &str,
    about: EdgeKind,
    details: &Details,
    record: &str,
) {
    let traversable = details.traversable.unwrap_or(about.traversable);
    let mut actions = vec![kind.to_owned()];
    if traversable {
        actions.push(CONTROL.to_owned());
    }
    if traversable && about.says == Says::Administers {
        actions.push(ADMINISTER.to_owned());
    }
    let source = out.source_id();
    out.grants.push(Grant {
        grant: u32::try_from(out.grants.len()).unwrap_or(u32::MAX),
        holder: start,
        effect: Effect::Allow,
        actions,
        not_actions: Vec::new(),
        resources: vec![format!("={}", out.entity(end).id)],
        not_resources: Vec::new(),
        principals: Vec::new(),
        not_principals: Vec::new(),
        condition: details.condition.clone(),
        variables: false,
        layer: Layer::Identity,
        policy: kind.to_owned(),
        statement: record.to_owned(),
        granted_at: details.granted_at,
        expires_at: details.expires_at,
        source,
        record: record.to_owned(),
    });
    let (member, container, kind) = match about.says {
        Says::Member if traversable => (start, end, MembershipKind::MemberOf),
        Says::HasMember if traversable => (end, start, MembershipKind::MemberOf),
        Says::Contains => (end, start, MembershipKind::Contains),
        _ => return,
    };
    // A membership that hangs on something is none that nests: the grant says what it hangs on.
    if member != container && (details.condition.is_none() || kind == MembershipKind::Contains) {
        out.memberships.push(Membership {
            member,
            container,
            kind,
            standing: Standing::Active,
            expires_at: details.expires_at,
            source,
            record: record.to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_matched_in_every_way_that_the_format_has() {
        let end = |text: &str| {
            let record = format!(r#"{{"kind":"K","start":{text},"end":{{"value":"e"}}}}"#);
            parse(record.as_bytes()).map(|edge| edge.start)
        };
        let matched = |kind: Option<&str>, having: &[(&str, &str)]| {
            let having = having.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
            Ok(End::Match { kind: kind.map(str::to_owned), having })
        };
        assert_eq!(end(r#"{"value":"a"}"#), Ok(End::Id("a".to_owned())));
        assert_eq!(end(r#"{"value":"a","match_by":"id","kind":"User"}"#), matched(Some("User"), &[(BY_ID, "a")]));
        assert_eq!(end(r#"{"value":"a","match_by":"name"}"#), matched(None, &[("name", "a")]));
        let matchers = r#"[{"key":"Mail","operator":"equals","value":"m"},{"key":"n","operator":"equals","value":7}]"#;
        let by_property = format!(r#"{{"match_by":"property","property_matchers":{matchers}}}"#);
        assert_eq!(end(&by_property), matched(None, &[("mail", "m"), ("n", "7")]));
        for text in [
            "7",
            "{}",
            r#"{"value":7}"#,
            r#"{"value":"a","match_by":"luck"}"#,
            r#"{"match_by":"property","property_matchers":[]}"#,
            r#"{"match_by":"property","property_matchers":[{"key":"n","operator":"like","value":"x"}]}"#,
        ] {
            assert!(end(text).is_err(), "{text}");
        }
    }
}
