//! Nodes: from a record to an entity.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::NAME;
use super::super::kinds::Kinds;
use super::text;
use crate::model::text::parse_time;
use crate::model::{Entity, EntityKind, SourceId};
use crate::platforms::input::secrets;

/// Longer texts of properties are not kept.
const TEXT_BYTES_MAX: usize = 1024;
/// Properties whose value is a secret by their name.
const SECRETS: [&str; 14] = [
    "userpassword",
    "unixpassword",
    "unicodepassword",
    "sfupassword",
    "password",
    "clientsecret",
    "client_secret",
    "secrettext",
    "privatekey",
    "private_key",
    "secret_value",
    "secretaccesskey",
    "access_token",
    "refresh_token",
];
/// Properties that name the environment of a node by the id of its node.
const ENVIRONMENT: [&str; 3] = ["environmentid", "domainsid", "tenantid"];

/// A node as its record has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub id: String,
    pub kinds: Vec<String>,
    /// Texts, numbers and truth values, by name in lower case; long ones and secrets are left out.
    pub properties: BTreeMap<String, Value>,
    /// How many secrets were left out.
    pub secrets: usize,
    /// Whether a text of the kind's tags marks it as tier zero.
    tier_zero: bool,
}

/// Reads a record.
///
/// # Errors
/// What is wrong with it, for people.
pub fn parse(bytes: &[u8]) -> Result<Node, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("a node cannot be read: {error}"))?;
    let object = value.as_object().ok_or("a node is to be an object")?;
    let id = match object.get("id") {
        Some(Value::String(id)) if !id.is_empty() => id.clone(),
        Some(_) => return Err("the `id` of a node is to be a text that is not empty".to_owned()),
        None => return Err("a node without `id`".to_owned()),
    };
    let kinds = match object.get("kinds") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(_) => return Err(format!("the `kinds` of the node `{id}` are to be a list of texts")),
    };
    let mut node = Node { id, kinds, properties: BTreeMap::new(), secrets: 0, tier_zero: false };
    match object.get("properties") {
        Some(Value::Object(properties)) => properties.iter().for_each(|(key, value)| node.property(key, value)),
        Some(Value::Null) | None => {}
        Some(_) => return Err(format!("the `properties` of the node `{}` are to be an object", node.id)),
    }
    node.tier_zero |= node.kinds.iter().any(|kind| kind.eq_ignore_ascii_case("tag_tier_zero"));
    Ok(node)
}

impl Node {
    fn property(&mut self, key: &str, value: &Value) {
        let key = key.to_ascii_lowercase();
        if key == "system_tags" {
            let marks = |value: &Value| value.as_str().is_some_and(|text| text.contains("admin_tier_0"));
            self.tier_zero |= marks(value) || value.as_array().is_some_and(|list| list.iter().any(marks));
        }
        let said = value.as_str().is_some_and(|text| !text.trim().is_empty());
        if said && SECRETS.contains(&key.as_str()) || value.as_str().is_some_and(secrets::is_secret) {
            self.secrets += 1;
            return;
        }
        let keeps = match value {
            Value::String(text) => text.len() <= TEXT_BYTES_MAX,
            Value::Number(_) | Value::Bool(_) => true,
            _ => false,
        };
        if keeps {
            self.properties.entry(key).or_insert_with(|| value.clone());
        }
    }

    fn text(&self, keys: &[&str]) -> Option<&str> {
        let found = keys.iter().filter_map(|key| self.properties.get(*key)?.as_str());
        found.map(str::trim).find(|text| !text.is_empty())
    }

    fn flag(&self, keys: &[&str]) -> Option<bool> {
        keys.iter().find_map(|key| match self.properties.get(*key)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        })
    }

    fn time(&self, keys: &[&str]) -> Option<i64> {
        keys.iter().find_map(|key| time(self.properties.get(*key)?))
    }

    /// Id of the environment that the node says it is in.
    #[must_use]
    pub fn environment(&self) -> Option<&str> {
        self.text(&ENVIRONMENT)
    }

    /// Facts that are kept in the tables.
    #[must_use]
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = Vec::new();
        if !self.kinds.is_empty() {
            facts.push(("kinds", self.kinds.join(",")));
        }
        for (key, from) in [
            ("email", &["email", "mail"][..]),
            ("upn", &["userprincipalname", "upn"]),
            ("distinguished_name", &["distinguishedname"]),
            ("description", &["description"]),
        ] {
            facts.extend(self.text(from).map(|text| (key, text.to_owned())));
        }
        if self.flag(&["provider_held"]) == Some(true) {
            // Nobody but its platform acts as it: no attack starts there.
            facts.push(("provider_held", "true".to_owned()));
        }
        if is_foreign(&self.id) {
            facts.push(("synced_from", self.id.clone()));
        }
        facts
    }

    /// The entity that the node is.
    #[must_use]
    pub fn entity(&self, kinds: &Kinds, source: SourceId, record: String) -> Entity {
        let mut kind = kinds.node(&self.kinds);
        if self.flag(&["defined"]) == Some(false) {
            // A payload of ours says so of what an export only refers to.
            kind.entity = EntityKind::External;
        }
        let name = self.text(&["name", "displayname", "display_name"]).unwrap_or(&self.id);
        let mut entity = Entity::named(&entity_id(&self.id), NAME, kind.entity, name);
        entity.present = true;
        entity.unique_id = Some(self.id.clone());
        entity.source = Some(source);
        entity.record = Some(record);
        (entity.nhi, entity.nhi_reason) = self.nhi(kinds);
        let disabled = self.flag(&["disabled", "isdisabled", "suspended"]).map(|flag| !flag);
        entity.enabled = self.flag(&["enabled", "isenabled", "accountenabled", "active"]).or(disabled);
        entity.env = self.text(&["env"]).map(str::to_owned);
        entity.owner = self.text(&["owner", "owneremail", "managedby"]).map(str::to_owned);
        entity.criticality = self.properties.get("criticality").and_then(Value::as_f64).filter(|weight| *weight > 0.0);
        entity.created_at = self.time(&["whencreated", "createddatetime", "created_at", "createdat", "createdate"]);
        entity.created_at = entity.created_at.or_else(|| self.time(&["created_on", "createdon", "created"]));
        entity.last_used_at = self.last_used();
        entity.last_used_source = entity.last_used_at.map(|_| "opengraph".to_owned());
        entity.protected_reason = self.protected();
        entity.protected = entity.protected_reason.is_some();
        entity
    }

    fn nhi(&self, kinds: &Kinds) -> (Option<bool>, Option<String>) {
        let kind = kinds.node(&self.kinds);
        let said = self.flag(&["nhi"]);
        let managed = self.flag(&["gmsa"]) == Some(true) || self.flag(&["msa"]) == Some(true);
        let (nhi, why) = match (said, kind.nhi) {
            (Some(said), _) => (said, self.text(&["nhi_reason"]).unwrap_or("the graph says so").to_owned()),
            (None, _) if managed => (true, "a managed service account".to_owned()),
            (None, Some(nhi)) => (nhi, format!("it is of the kind {}", self.kinds.join(", "))),
            (None, None) => return (None, None),
        };
        (kind.entity.is_principal().then_some(nhi), kind.entity.is_principal().then_some(why))
    }

    fn last_used(&self) -> Option<i64> {
        let keys = [
            "lastlogontimestamp",
            "lastlogon",
            "lastlogin",
            "last_login",
            "last_used_at",
            "lastused",
            "lastsuccesslogin",
        ];
        keys.iter().filter_map(|key| time(self.properties.get(*key)?)).max()
    }

    /// Why the graph has the node in the protected zone.
    fn protected(&self) -> Option<String> {
        if self.flag(&["protected"]) == Some(true) {
            return Some(self.text(&["protected_reason"]).unwrap_or("the graph marks it as protected").to_owned());
        }
        let tier = self.properties.get("tier").map(text).unwrap_or_default().to_ascii_lowercase();
        let zero = matches!(tier.as_str(), "0" | "0.0" | "tier 0" | "tier0" | "tier zero");
        let marked = ["istierzero", "highvalue"].iter().any(|key| self.flag(&[key]) == Some(true));
        (self.tier_zero || zero || marked).then(|| "the graph marks it as tier zero".to_owned())
    }
}

/// Id here of the node of an id.
#[must_use]
pub fn entity_id(id: &str) -> String {
    format!("{NAME}:{id}")
}

/// Whether an id is one that Active Directory or Entra gave: the node is that principal, seen by another collector.
fn is_foreign(id: &str) -> bool {
    let groups = [8, 4, 4, 4, 12];
    let is_guid = || {
        let mut parts = id.split('-');
        groups.iter().all(|&length| {
            parts.next().is_some_and(|part| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
        }) && parts.next().is_none()
    };
    let is_sid =
        || id.strip_prefix("S-1-5-21-").is_some_and(|rest| rest.split('-').all(|part| part.parse::<u32>().is_ok()));
    is_sid() || is_guid()
}

/// Larger numbers in the place of a time are milliseconds and not seconds.
const SECONDS_MAX: f64 = 1e11;
/// Times beyond the year 5000 are none.
const MILLIS_MAX: f64 = 1e14;

/// A time as collectors write it: ISO 8601, or seconds since 1970. Zero and less say never, or that it is not known.
#[must_use]
pub fn time(value: &Value) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the number is below a limit that is far below that of the type"
    )]
    let of_number = |number: f64| {
        let millis = if number < SECONDS_MAX { number * 1000.0 } else { number };
        (number > 0.0 && millis < MILLIS_MAX).then_some(millis as i64)
    };
    let time = match value {
        Value::String(text) => parse_time(text).or_else(|| text.trim().parse().ok().and_then(of_number)),
        Value::Number(number) => number.as_f64().and_then(of_number),
        _ => None,
    };
    time.filter(|time| *time > 0)
}
