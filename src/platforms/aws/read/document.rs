//! Policy documents in every spelling in which exports hold them.
//!
//! A document is an object; or the text of one, as it stands or percent-encoded (the IAM wire format, in which
//! `+` is a plus), or with HTML entities. Elements that may be one thing or a list become lists. What is kept
//! of a condition is canonical: sorted keys, every value a list of texts.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::model::{Builder, Effect, Grant, Handle, Layer};

/// Encodings around each other deeper than this are no document.
const ENCODINGS_MAX: usize = 4;

/// What kind of policy a document is, which decides what its statements must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Attached to a principal, or a control policy: says on which resources.
    Identity,
    /// Attached to a resource: says who.
    Resource,
    /// Attached to a role: says who.
    Trust,
}

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its statements in order.
    pub statements: Vec<Statement>,
    /// Whether policy variables expand: version 2012-10-17 or later.
    pub variables: bool,
}

/// One statement; see [`Grant`] for the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub name: String,
    pub allow: bool,
    pub actions: Vec<String>,
    pub not_actions: Vec<String>,
    pub resources: Vec<String>,
    pub not_resources: Vec<String>,
    pub principals: Vec<String>,
    pub not_principals: Vec<String>,
    pub condition: Option<String>,
}

/// Parses the JSON text of a document value.
///
/// # Errors
/// What is wrong with it, as a fragment for a message.
pub fn parse_json(json: &str, place: Place) -> Result<Document, String> {
    let value = serde_json::from_str(json).map_err(|error| format!("it is no JSON: {error}"))?;
    parse(&value, place)
}

/// Parses a document value: an object or the text of one.
///
/// # Errors
/// What is wrong with it, as a fragment for a message.
pub fn parse(value: &Value, place: Place) -> Result<Document, String> {
    let decoded;
    let document = match value {
        Value::Object(document) => document,
        Value::String(text) => {
            decoded = decode(text)?;
            decoded.as_object().ok_or("it is no object")?
        }
        Value::Null => return Err("it is missing".to_owned()),
        _ => return Err("it is neither an object nor the text of one".to_owned()),
    };
    let variables = match document.get("Version") {
        None | Some(Value::Null) => false,
        Some(Value::String(version)) => version.as_str() >= "2012-10-17",
        Some(_) => return Err("its `Version` is no text".to_owned()),
    };
    let raw: Vec<&Value> = match document.get("Statement") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => return Err("it has no `Statement`".to_owned()),
    };
    let mut statements = Vec::with_capacity(raw.len());
    for (index, statement) in raw.into_iter().enumerate() {
        statements.push(parse_statement(statement, index, place).map_err(|why| format!("statement {index}: {why}"))?);
    }
    name_duplicates_by_place(&mut statements);
    Ok(Document { statements, variables })
}

/// The JSON value behind any number of text encodings.
///
/// # Errors
/// When no encoding that occurs gives JSON.
pub fn decode(text: &str) -> Result<Value, String> {
    let mut text = text.trim().trim_start_matches('\u{FEFF}').to_owned();
    for _ in 0..ENCODINGS_MAX {
        let failure = match serde_json::from_str(&text) {
            Ok(Value::String(inner)) => {
                inner.trim().clone_into(&mut text);
                continue;
            }
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let next = if text.contains("&#") || text.contains("&quot;") {
            unescape_html(&text)
        } else if text.contains('%') && !text.starts_with(['{', '[']) {
            percent_decode_str(&text).decode_utf8().map_err(|_| "it is no UTF-8 once decoded")?.into_owned()
        } else {
            return Err(format!("it is no JSON: {failure}"));
        };
        next.trim().clone_into(&mut text);
    }
    Err("it is encoded too many times".to_owned())
}

fn unescape_html(text: &str) -> String {
    let mut out = text.to_owned();
    // The ampersand last, so that what it produces is not read again.
    for (from, to) in [
        ("&#34;", "\""),
        ("&quot;", "\""),
        ("&#x22;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&apos;", "'"),
        ("&lt;", "<"),
        ("&#60;", "<"),
        ("&gt;", ">"),
        ("&#62;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ] {
        out = out.replace(from, to);
    }
    out
}

fn parse_statement(value: &Value, index: usize, place: Place) -> Result<Statement, String> {
    let Value::Object(fields) = value else { return Err("it is no object".to_owned()) };
    let allow = match fields.get("Effect").and_then(Value::as_str) {
        Some("Allow") => true,
        Some("Deny") => false,
        _ => return Err("its `Effect` is neither `Allow` nor `Deny`".to_owned()),
    };
    let name = match fields.get("Sid") {
        Some(Value::String(sid)) if !sid.is_empty() => sid.clone(),
        _ => format!("#{index}"),
    };
    let list = |key: &str| texts(fields.get(key), key);
    let statement = Statement {
        name,
        allow,
        actions: list("Action")?,
        not_actions: list("NotAction")?,
        resources: list("Resource")?,
        not_resources: list("NotResource")?,
        principals: principals(fields.get("Principal"))?,
        not_principals: principals(fields.get("NotPrincipal"))?,
        condition: condition(fields.get("Condition"))?,
    };
    if statement.actions.is_empty() == statement.not_actions.is_empty() {
        return Err("it must have either `Action` or `NotAction`".to_owned());
    }
    if !statement.resources.is_empty() && !statement.not_resources.is_empty() {
        return Err("it has both `Resource` and `NotResource`".to_owned());
    }
    if place == Place::Identity && statement.resources.is_empty() && statement.not_resources.is_empty() {
        return Err("it has neither `Resource` nor `NotResource`".to_owned());
    }
    Ok(statement)
}

fn name_duplicates_by_place(statements: &mut [Statement]) {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for statement in statements.iter() {
        *times.entry(statement.name.clone()).or_default() += 1;
    }
    for (index, statement) in statements.iter_mut().enumerate() {
        if times.get(&statement.name).is_some_and(|count| *count > 1) {
            statement.name = format!("#{index}");
        }
    }
}

/// A text or a list of texts.
fn texts(value: Option<&Value>, key: &str) -> Result<Vec<String>, String> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(list)) => list
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| format!("its `{key}` holds what is no text")))
            .collect(),
        Some(_) => Err(format!("its `{key}` is neither a text nor a list")),
    }
}

fn principals(value: Option<&Value>) -> Result<Vec<String>, String> {
    let kinds = match value {
        None => return Ok(Vec::new()),
        Some(Value::String(anyone)) if anyone == "*" => return Ok(vec!["*".to_owned()]),
        Some(Value::Object(kinds)) => kinds,
        Some(_) => return Err("its principal is neither `*` nor an object".to_owned()),
    };
    let mut out = Vec::new();
    for (kind, named) in kinds {
        for name in texts(Some(named), kind)? {
            out.push(if kind == "AWS" && name == "*" { name } else { format!("{kind}:{name}") });
        }
    }
    Ok(out)
}

fn condition(value: Option<&Value>) -> Result<Option<String>, String> {
    let operators = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(operators)) if operators.is_empty() => return Ok(None),
        Some(Value::Object(operators)) => operators,
        Some(_) => return Err("its `Condition` is no object".to_owned()),
    };
    let mut out: BTreeMap<&str, BTreeMap<&str, Vec<String>>> = BTreeMap::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { return Err(format!("its condition `{operator}` is no object")) };
        let of_operator = out.entry(operator).or_default();
        for (key, values) in keys {
            let values = match values {
                Value::Array(list) => list.iter().map(condition_value).collect::<Option<Vec<_>>>(),
                one => condition_value(one).map(|text| vec![text]),
            };
            let values = values.ok_or_else(|| format!("its condition on `{key}` has a value that is no text"))?;
            of_operator.insert(key, values);
        }
    }
    serde_json::to_string(&out).map(Some).map_err(|error| error.to_string())
}

/// Booleans and numbers count as their texts.
fn condition_value(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Where the statements of a document go.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub holder: Handle,
    pub layer: Layer,
    /// Name of the policy.
    pub policy: &'a str,
    /// Pointer to the document.
    pub record: &'a str,
    pub granted_at: Option<i64>,
}

/// Adds the statements of a document as grants and gives the number of the first.
pub fn emit(builder: &mut Builder, target: Target<'_>, document: Document) -> u32 {
    let first = u32::try_from(builder.grants.len()).unwrap_or(u32::MAX);
    let source = builder.source_id();
    for (index, statement) in document.statements.into_iter().enumerate() {
        let grant = u32::try_from(builder.grants.len()).unwrap_or(u32::MAX);
        builder.grants.push(Grant {
            grant,
            holder: target.holder,
            effect: if statement.allow { Effect::Allow } else { Effect::Deny },
            actions: statement.actions,
            not_actions: statement.not_actions,
            resources: statement.resources,
            not_resources: statement.not_resources,
            principals: statement.principals,
            not_principals: statement.not_principals,
            condition: statement.condition,
            variables: document.variables,
            layer: target.layer,
            policy: target.policy.to_owned(),
            statement: statement.name,
            granted_at: target.granted_at,
            expires_at: None,
            source,
            record: format!("{}/Statement/{index}", target.record),
        });
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get+","Resource":"arn:aws:s3:::a+b/*"}}"#;

    fn encoded() -> String {
        PLAIN
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() || byte == b'+' {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect()
    }

    #[test]
    fn all_encodings_of_a_document_are_the_same_document() {
        let expected = parse_json(PLAIN, Place::Identity).unwrap();
        assert_eq!(expected.statements[0].actions, ["s3:Get+"]);
        assert_eq!(expected.statements[0].resources, ["arn:aws:s3:::a+b/*"]);
        assert_eq!(expected.statements[0].name, "#0");
        assert!(expected.variables);
        for text in [
            PLAIN.to_owned(),
            encoded(),
            PLAIN.replace('"', "&#34;"),
            PLAIN.replace('"', "&quot;"),
            serde_json::to_string(PLAIN).unwrap(),
        ] {
            assert_eq!(parse(&Value::String(text.clone()), Place::Identity).as_ref(), Ok(&expected), "{text}");
        }
    }

    #[test]
    fn percent_signs_inside_a_plain_document_stay() {
        let text = r#"{"Statement":[{"Effect":"Deny","NotAction":["a:b"],"NotResource":"x%2Fy"}]}"#;
        let document = parse(&Value::String(text.to_owned()), Place::Identity).unwrap();
        assert_eq!(document.statements[0].not_resources, ["x%2Fy"]);
        assert!(!document.variables);
        assert!(!document.statements[0].allow);
    }

    #[test]
    fn principals_of_all_kinds_in_one_statement_are_kept() {
        let text = r#"{"Statement":[
            {"Sid":"","Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["1","*"],"Service":"lambda.amazonaws.com","Federated":["f"],"CanonicalUser":"c"}},
            {"Sid":"A","Effect":"Allow","Action":"sts:AssumeRole","Principal":"*"},
            {"Sid":"A","Effect":"Deny","Action":"sts:AssumeRole","NotPrincipal":{"AWS":"x"}}]}"#;
        let document = parse_json(text, Place::Trust).unwrap();
        assert_eq!(
            document.statements[0].principals,
            ["AWS:1", "*", "CanonicalUser:c", "Federated:f", "Service:lambda.amazonaws.com"]
        );
        assert_eq!(document.statements[1].principals, ["*"]);
        assert_eq!(document.statements[2].not_principals, ["AWS:x"]);
        let names: Vec<&str> = document.statements.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["#0", "#1", "#2"], "empty and duplicate names give way to places");
    }

    #[test]
    fn conditions_become_lists_of_texts_with_sorted_keys() {
        let text = r#"{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringLike":{"b":"x","a":["y",3]},"Bool":{"aws:SecureTransport":true}}}}"#;
        let document = parse_json(text, Place::Identity).unwrap();
        let expected = r#"{"Bool":{"aws:SecureTransport":["true"]},"StringLike":{"a":["y","3"],"b":["x"]}}"#;
        assert_eq!(document.statements[0].condition.as_deref(), Some(expected));
        let text = r#"{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{}}}"#;
        assert_eq!(parse_json(text, Place::Identity).unwrap().statements[0].condition, None);
    }

    #[test]
    fn what_is_no_policy_says_why() {
        for (text, place, expected) in [
            (r#""%7Bnot json""#, Place::Identity, "no JSON"),
            ("7", Place::Identity, "neither an object"),
            ("null", Place::Identity, "missing"),
            ("{}", Place::Identity, "no `Statement`"),
            (r#"{"Statement":[{"Effect":"allow","Action":"a","Resource":"*"}]}"#, Place::Identity, "`Effect`"),
            (r#"{"Statement":[{"Effect":"Allow","Resource":"*"}]}"#, Place::Identity, "either `Action`"),
            (r#"{"Statement":[{"Effect":"Allow","Action":"a"}]}"#, Place::Identity, "`NotResource`"),
            (r#"{"Statement":[{"Effect":"Allow","Action":"a","Principal":["x"]}]}"#, Place::Trust, "principal"),
            (r#"{"Statement":[{"Effect":"Allow","Action":[1],"Resource":"*"}]}"#, Place::Identity, "`Action`"),
        ] {
            let error = parse_json(text, place).err().unwrap_or_default();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert!(parse_json(r#"{"Statement":[{"Effect":"Allow","Action":"a"}]}"#, Place::Trust).is_ok());
    }
}
