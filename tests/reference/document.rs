//! Policy documents as exports write them: objects, JSON strings or percent-encoded strings, scalars for lists.

use serde_json::Value;

/// One statement, every list spelled out.
#[derive(Debug, Clone)]
pub struct Statement {
    pub deny: bool,
    /// Whether the document's version has policy variables.
    pub variables: bool,
    pub actions: Option<Vec<String>>,
    pub not_actions: Option<Vec<String>>,
    pub resources: Option<Vec<String>>,
    pub not_resources: Option<Vec<String>>,
    pub principal: Option<Value>,
    pub not_principal: Option<Value>,
    pub conditions: Vec<Condition>,
}

/// One key of one operator of a condition block.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Operator in lower case, without set prefix and `IfExists`.
    pub operator: String,
    pub set: Set,
    pub if_exists: bool,
    /// Key in lower case.
    pub key: String,
    pub values: Vec<String>,
}

/// Set prefix of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    None,
    All,
    Any,
}

/// The statements of a document; `None` when it is not a policy document at all.
pub fn statements(document: &Value) -> Option<Vec<Statement>> {
    let decoded = decode(document)?;
    let object = decoded.as_object()?;
    let variables = object.get("Version").and_then(Value::as_str) == Some("2012-10-17");
    Some(list(object.get("Statement")?).iter().filter_map(|value| statement(value, variables)).collect())
}

fn decode(document: &Value) -> Option<Value> {
    let Some(text) = document.as_str() else { return Some(document.clone()) };
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).ok();
    }
    serde_json::from_str(&percent_decode(text)?).ok()
}

/// Decodes `%XX`; a plus sign stays one.
fn percent_decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            out.push(u8::from_str_radix(text.get(at + 1..at + 3)?, 16).ok()?);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).ok()
}

fn statement(value: &Value, variables: bool) -> Option<Statement> {
    let deny = match value.get("Effect")?.as_str()? {
        "Allow" => false,
        "Deny" => true,
        _ => return None,
    };
    let texts = |name: &str| value.get(name).map(strings);
    Some(Statement {
        deny,
        variables,
        actions: texts("Action"),
        not_actions: texts("NotAction"),
        resources: texts("Resource"),
        not_resources: texts("NotResource"),
        principal: value.get("Principal").cloned(),
        not_principal: value.get("NotPrincipal").cloned(),
        conditions: value.get("Condition").map(conditions).unwrap_or_default(),
    })
}

fn conditions(block: &Value) -> Vec<Condition> {
    let mut found = Vec::new();
    for (operator, keys) in block.as_object().into_iter().flatten() {
        for (key, values) in keys.as_object().into_iter().flatten() {
            let mut name = operator.to_ascii_lowercase();
            let mut set = Set::None;
            for (prefix, kind) in [("forallvalues:", Set::All), ("foranyvalue:", Set::Any)] {
                if let Some(rest) = name.strip_prefix(prefix) {
                    (name, set) = (rest.to_owned(), kind);
                }
            }
            let if_exists = name.ends_with("ifexists");
            let operator = name.strip_suffix("ifexists").unwrap_or(&name).to_owned();
            found.push(Condition { operator, set, if_exists, key: key.to_ascii_lowercase(), values: strings(values) });
        }
    }
    found
}

/// A list as it is, anything else as a list of one.
pub fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// Strings as they are, booleans and numbers as JSON writes them.
pub fn strings(value: &Value) -> Vec<String> {
    list(value).iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
}

/// Text of a member of an object, empty when it is not there.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_are_read_in_every_encoding() {
        let document = json!({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::a+b"}});
        let plain = document.to_string();
        let escape = |byte: u8| match byte {
            b'+' => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        let encoded: String = plain.bytes().map(escape).collect();
        for form in [document, json!(plain), json!(encoded)] {
            let read = statements(&form).unwrap();
            assert_eq!(read[0].resources, Some(vec!["arn:aws:s3:::a+b".to_owned()]));
        }
        assert!(statements(&json!("no policy")).is_none());
    }

    #[test]
    fn operators_lose_prefix_and_suffix_in_any_case() {
        let read = conditions(&json!({"FORALLVALUES:stringlikeifexists": {"AWS:TagKeys": [1, true, "x"]}}));
        assert_eq!((read[0].operator.as_str(), read[0].set, read[0].if_exists), ("stringlike", Set::All, true));
        assert_eq!((read[0].key.as_str(), read[0].values.join(",").as_str()), ("aws:tagkeys", "1,true,x"));
    }
}
