//! ACL policies: from their text (HCL or JSON) to rules of a path pattern and capabilities.

use serde_json::{Map, Value, json};

use super::hcl;

/// Capabilities by their place in [`Caps`], as Vault names them. `deny` is none: it takes all away.
pub const CAPS: [&str; 7] = ["create", "read", "update", "patch", "delete", "list", "sudo"];
/// Parts of a rule that limit what a request may carry, which no export decides.
const LIMITS: [&str; 6] = [
    "allowed_parameters",
    "denied_parameters",
    "required_parameters",
    "control_group",
    "mfa_methods",
    "subscribe_event_types",
];

/// A set of capabilities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Caps(pub u8);

impl Caps {
    /// Every capability.
    pub const ALL: Self = Self(0x7F);

    /// One capability by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        CAPS.iter().position(|own| *own == name).map(|at| Self(1 << at))
    }

    /// Whether all of these are in the set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds others.
    pub const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// The names of those in the set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        CAPS.into_iter().enumerate().filter(move |(at, _)| self.0 & (1 << at) != 0).map(|(_, name)| name)
    }
}

/// One `path` block.
#[derive(Debug, Clone, PartialEq)]
pub struct PathRule {
    /// Path pattern without a leading slash, templates as written.
    pub pattern: String,
    pub caps: Caps,
    pub deny: bool,
    /// What limits requests, as an object of the names of parameters; never their values, which may be secret.
    pub limits: Option<Value>,
    /// Line of the block in the policy's text, or its place there.
    pub place: String,
}

/// The rules of a policy, and what is wrong with its text: place and message.
#[must_use]
pub fn rules(text: &str) -> (Vec<PathRule>, Vec<(String, String)>) {
    let (mut rules, mut wrong) = (Vec::new(), Vec::new());
    if text.trim_start().starts_with('{') {
        match serde_json::from_str::<Value>(text) {
            Ok(value) => of_json(&value, &mut rules, &mut wrong),
            Err(error) => wrong.push((format!("line {}", error.line()), format!("the policy is no JSON: {error}"))),
        }
        return (rules, wrong);
    }
    let (blocks, mistake) = hcl::parse(text);
    for block in blocks.iter().filter(|block| block.word == "path") {
        let place = format!("line {}", block.line);
        match block.labels.as_slice() {
            [pattern] => rule(pattern, &block.body, place, &mut rules, &mut wrong),
            _ => wrong.push((place, "a `path` block needs one path".to_owned())),
        }
    }
    if let Some(mistake) = mistake {
        wrong.push((format!("line {}", mistake.line), mistake.message));
    }
    (rules, wrong)
}

fn of_json(value: &Value, rules: &mut Vec<PathRule>, wrong: &mut Vec<(String, String)>) {
    let paths = match value.get("path") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    for paths in paths {
        let Some(paths) = paths.as_object() else {
            wrong.push(("path".to_owned(), "`path` is no object of paths".to_owned()));
            continue;
        };
        for (pattern, body) in paths {
            let bodies = body.as_array().map_or_else(|| vec![body], |list| list.iter().collect());
            for body in bodies {
                let place = format!("path {pattern}");
                match body.as_object() {
                    Some(body) => rule(pattern, body, place, rules, wrong),
                    None => wrong.push((place, "the rules of a path are no object".to_owned())),
                }
            }
        }
    }
}

fn rule(
    pattern: &str,
    body: &Map<String, Value>,
    place: String,
    rules: &mut Vec<PathRule>,
    wrong: &mut Vec<(String, String)>,
) {
    let pattern = pattern.strip_prefix('/').unwrap_or(pattern).to_owned();
    if pattern.contains("+*") {
        return wrong.push((place, format!("Vault refuses `{pattern}`: `+*` is no pattern")));
    }
    let mut rule = PathRule { pattern, caps: Caps::default(), deny: false, limits: limits(body), place };
    if let Some(old) = body.get("policy") {
        match old.as_str() {
            Some("deny") => rule.deny = true,
            Some("read") => rule.caps = caps(&["read", "list"]),
            Some("write") => rule.caps = caps(&["create", "read", "update", "patch", "delete", "list"]),
            Some("sudo") => rule.caps = Caps::ALL,
            _ => wrong.push((rule.place.clone(), "`policy` is none of deny, read, write and sudo".to_owned())),
        }
    }
    match body.get("capabilities") {
        None => {}
        Some(Value::Array(list)) => {
            for word in list {
                match word.as_str() {
                    Some("deny") => rule.deny = true,
                    // Events and recovery are no requests to a path.
                    Some("subscribe" | "recover" | "root") => {}
                    Some(name) if Caps::named(name).is_some() => rule.caps.add(caps(&[name])),
                    _ => wrong.push((rule.place.clone(), format!("{} is no capability", shown(word)))),
                }
            }
        }
        Some(other) => wrong.push((rule.place.clone(), format!("`capabilities` is {}, not a list", shown(other)))),
    }
    if rule.deny {
        rule.caps = Caps::default();
        rule.limits = None;
    }
    rules.push(rule);
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{}`", text.chars().take(40).collect::<String>()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => format!("`{other}`"),
    }
}

fn caps(names: &[&str]) -> Caps {
    let mut all = Caps::default();
    names.iter().filter_map(|name| Caps::named(name)).for_each(|one| all.add(one));
    all
}

/// What limits requests, by the names of parameters. A list that lets every parameter have every value limits nothing.
fn limits(body: &Map<String, Value>) -> Option<Value> {
    let mut found = Map::new();
    for key in LIMITS {
        let names: Vec<String> = match body.get(key) {
            Some(Value::Object(object)) => object.keys().cloned().collect(),
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => continue,
        };
        let open = key == "allowed_parameters"
            && body.get(key).and_then(|list| list.get("*")).and_then(Value::as_array).is_some_and(Vec::is_empty);
        // Other names beside the star still limit the values of these.
        let free = open && names.len() == 1;
        if !names.is_empty() && !free {
            found.insert(key.to_owned(), json!(names));
        }
    }
    (!found.is_empty()).then_some(Value::Object(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, String, bool)> {
        let names = |rule: &PathRule| rule.caps.names().collect::<Vec<_>>().join(",");
        rules(text).0.iter().map(|rule| (rule.pattern.clone(), names(rule), rule.deny)).collect()
    }

    #[test]
    fn both_forms_say_the_same() {
        let expected = vec![
            ("secret/*".to_owned(), "read,list".to_owned(), false),
            ("secret/super".to_owned(), String::new(), true),
        ];
        let hcl = "path \"secret/*\" { capabilities = [\"read\", \"list\"] }\npath \"/secret/super\" { capabilities = [\"deny\", \"read\"] }";
        let json = r#"{"path": {"secret/*": {"policy": "read"}, "secret/super": {"capabilities": ["deny"]}}}"#;
        assert_eq!(told(hcl), expected);
        assert_eq!(told(json), expected);
    }

    #[test]
    fn limits_are_kept_by_name_and_only_where_they_limit() {
        let limit = |inner: &str| {
            let text = format!("path \"a\" {{ capabilities = [\"update\"] {inner} }}");
            rules(&text).0[0].limits.as_ref().map(ToString::to_string)
        };
        assert_eq!(limit("allowed_parameters = { \"*\" = [] }"), None);
        assert_eq!(
            limit("allowed_parameters = { \"*\" = [] \"a\" = [\"hunter2\"] }").unwrap(),
            r#"{"allowed_parameters":["*","a"]}"#
        );
        assert_eq!(
            limit("denied_parameters = { \"policies\" = [] }").unwrap(),
            r#"{"denied_parameters":["policies"]}"#
        );
        assert_eq!(limit("min_wrapping_ttl = \"1s\""), None, "a caller can wrap what it asks for");
    }

    #[test]
    fn what_vault_refuses_is_named() {
        for (text, rules_n, place) in [
            ("path \"a/+*\" { capabilities = [\"read\"] }", 0, "line 1"),
            ("path \"a\" { capabilities = [\"raed\"] }", 1, "line 1"),
            ("\npath { }", 0, "line 2"),
            ("{\"path\": 3}", 0, "path"),
            ("{\"path\": {\"a\": {\"capabilities\": \"read\"}}}", 1, "path a"),
            ("{\"path\"", 0, "line 1"),
        ] {
            let (found, wrong) = rules(text);
            assert_eq!((found.len(), wrong.len(), wrong[0].0.as_str()), (rules_n, 1, place), "{text}");
        }
    }
}
