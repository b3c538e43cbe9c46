//! Providers of workload and workforce identity pools: whose tokens they take, and what they make of them.
//!
//! What a provider says is kept as attributes of an entity of its own until all files are known; then every identity
//! of its pool that some policy names gets a trust in the provider's issuer.

use serde_json::{Map, Value, json};

use super::super::names::{self, Federated, Level, Place};
use super::estate::Estate;
use super::value::{at, field, flag, text, texts};
use crate::model::EntityKind;

/// Attribute with what a provider says, as a JSON object.
pub const PROVIDER: &str = "identity_provider";

/// Whether a record is a provider of a pool.
#[must_use]
pub fn is_provider(value: &Value) -> bool {
    text(value, "name").is_some_and(|name| name.contains("Pools/") && name.contains("/providers/"))
}

/// Whether a record is a pool.
#[must_use]
pub fn is_pool(value: &Value) -> bool {
    text(value, "name").is_some_and(|name| {
        (name.contains("/workloadIdentityPools/") || name.contains("/workforcePools/")) && !name.contains("/providers/")
    })
}

/// Reads a provider.
pub fn provider(estate: &mut Estate<'_>, value: &Value, name: &str, place: &str) {
    let Some((pool, _)) = name.split_once("/providers/") else {
        return estate.out.skip("name_invalid", place, format!("`{name}` is no provider of a pool"));
    };
    let id = format!("//iam.googleapis.com/{name}");
    let handle = estate.resource(&id, "iam.googleapis.com/WorkloadIdentityPoolProvider", EntityKind::Resource, place);
    if let Some(project) = names::project_of(&id) {
        estate.chain(Some(handle), &[Place { level: Level::Project, name: project.to_owned() }], place);
    }
    let off = flag(value, "disabled") == Some(true) || text(value, "state").is_some_and(|state| state == "DELETED");
    estate.describe(handle, place, |entity| entity.enabled = Some(!off));
    if off {
        return;
    }
    let issuer = at(value, &["oidc", "issuerUri"]).and_then(Value::as_str);
    let account = at(value, &["aws", "accountId"]).and_then(super::value::plain);
    let issuer = match (issuer, account) {
        (Some(issuer), _) => issuer.trim_start_matches("https://").trim_end_matches('/').to_owned(),
        (None, Some(account)) => format!("sts.amazonaws.com/{account}"),
        _ if field(value, "saml").is_some() => "saml".to_owned(),
        _ => String::new(),
    };
    let audiences: Vec<&str> =
        field(value, "oidc").map(|oidc| texts(oidc, "allowedAudiences").collect()).unwrap_or_default();
    let said = json!({
        "pool": pool,
        "issuer": issuer,
        "audiences": audiences,
        "mapping": field(value, "attributeMapping").cloned().unwrap_or(Value::Null),
        "condition": text(value, "attributeCondition"),
    });
    estate.out.attribute(handle, PROVIDER, &said.to_string());
}

/// A provider as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    pub pool: String,
    pub issuer: String,
    audiences: Vec<String>,
    mapping: Map<String, Value>,
    condition: Option<String>,
}

impl Provider {
    /// Reads what [`provider`] kept.
    #[must_use]
    pub fn kept(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let own = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            pool: own("pool")?,
            issuer: own("issuer").filter(|issuer| !issuer.is_empty())?,
            audiences: texts(&value, "audiences").map(str::to_owned).collect(),
            mapping: value.get("mapping").and_then(Value::as_object).cloned().unwrap_or_default(),
            condition: own("condition"),
        })
    }

    /// What a token must say to be what a policy names, as a condition block of claims; `None` when the provider never
    /// makes it so.
    #[must_use]
    pub fn condition(&self, of: &Federated<'_>) -> Option<Value> {
        let mut equals = Map::new();
        let mut like = Map::new();
        let mut open = Vec::new();
        let key = |claim: &str| format!("{}:{claim}", self.issuer);
        let target = match of.selector {
            "subject" => Some("google.subject".to_owned()),
            "group" => Some("google.groups".to_owned()),
            "*" => None,
            attribute => Some(attribute.to_owned()),
        };
        if let Some(target) = target {
            let stated = self.mapping.get(&target).and_then(Value::as_str);
            match (stated.and_then(|stated| stated.strip_prefix("assertion.")), target.as_str()) {
                (Some("sub"), _) => drop(equals.insert(key("sub"), json!([of.value]))),
                (Some("repository"), _) if self.is_github() => {
                    like.insert(key("sub"), json!([format!("repo:{}:*", of.value)]));
                }
                (Some("repository_owner"), _) if self.is_github() => {
                    like.insert(key("sub"), json!([format!("repo:{}/*", of.value)]));
                }
                (Some(claim), _) if claim.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => {
                    equals.insert(key(claim), json!([of.value]));
                }
                (None, "google.subject") if self.mapping.is_empty() => {
                    equals.insert(key("sub"), json!([of.value]));
                }
                _ if stated.is_none() => return None,
                _ => open.push(format!("{target} = {} is `{}`", stated.unwrap_or_default(), of.value)),
            }
        }
        self.conditions(&mut like, &mut equals, &mut open);
        if !self.audiences.is_empty() {
            equals.insert(key("aud"), json!(self.audiences));
        }
        let mut block = Map::new();
        for (operator, keys) in [("StringEquals", equals), ("StringLike", like)] {
            if !keys.is_empty() {
                block.insert(operator.to_owned(), Value::Object(keys));
            }
        }
        if !open.is_empty() {
            block.insert("CEL".to_owned(), json!({"attributeCondition": open}));
        }
        Some(Value::Object(block))
    }

    fn is_github(&self) -> bool {
        self.issuer.starts_with("token.actions.githubusercontent.com")
    }

    /// What the provider asks of every token: comparisons of GitHub's claims in so many words, the rest as it is.
    fn conditions(&self, like: &mut Map<String, Value>, equals: &mut Map<String, Value>, open: &mut Vec<String>) {
        let Some(stated) = &self.condition else { return };
        let sub = format!("{}:sub", self.issuer);
        for part in stated.split("&&") {
            let part = part.trim();
            let known = part.split_once("==").and_then(|(left, right)| {
                let claim = left.trim().strip_prefix("assertion.")?;
                let right = right.trim();
                let value = right.strip_prefix(['\'', '"'])?.strip_suffix(['\'', '"'])?;
                (!value.contains(['\'', '"'])).then_some((claim, value))
            });
            match known {
                Some(("sub", value)) => drop(equals.insert(sub.clone(), json!([value]))),
                Some(("repository_owner", value)) if self.is_github() => {
                    // A narrower pattern says it already.
                    like.entry(sub.clone()).or_insert_with(|| json!([format!("repo:{value}/*")]));
                }
                Some(("repository", value)) if self.is_github() => {
                    like.insert(sub.clone(), json!([format!("repo:{value}:*")]));
                }
                _ => open.push(part.to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(provider: &Value, member: &str) -> Option<Value> {
        Provider::kept(&provider.to_string()).and_then(|provider| provider.condition(&names::pool(member)?))
    }

    #[test]
    fn what_a_token_must_say_follows_from_the_mapping() {
        let pool = "projects/1/locations/global/workloadIdentityPools/ci";
        let github = json!({
            "pool": pool, "issuer": "token.actions.githubusercontent.com", "audiences": [],
            "mapping": {"google.subject": "assertion.sub", "attribute.repository": "assertion.repository",
                        "attribute.upper": "assertion.sub.upperAscii()", "attribute.actor": "assertion.actor"},
            "condition": "assertion.repository_owner == 'o'",
        });
        let at = |rest: &str| condition(&github, &format!("principalSet://iam.googleapis.com/{pool}/{rest}"));
        let issuer = "token.actions.githubusercontent.com";
        assert_eq!(
            at("attribute.repository/o/r"),
            Some(json!({"StringLike": {format!("{issuer}:sub"): ["repo:o/r:*"]}}))
        );
        assert_eq!(at("*"), Some(json!({"StringLike": {format!("{issuer}:sub"): ["repo:o/*"]}})));
        assert_eq!(at("attribute.absent/x"), None, "the provider makes no such attribute");
        assert!(at("attribute.upper/X").is_some_and(|found| found.get("CEL").is_some()));
        let subject = format!("principal://iam.googleapis.com/{pool}/subject/repo:o/r:ref:refs/heads/main");
        let found = condition(&github, &subject).unwrap();
        assert_eq!(found["StringEquals"][format!("{issuer}:sub")], json!(["repo:o/r:ref:refs/heads/main"]));
    }
}
