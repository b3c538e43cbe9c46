//! What an organisation may decide about a scan: thresholds, weights, severities, what is its own, what it protects.
//!
//! The default is a documented file of its own (`datasets/config/default.toml`) and is embedded. A user's file is
//! laid over it key by key; a key that the default does not have is refused, so that a misspelt threshold never
//! silently does nothing. [`Config::digest`] names the whole configuration and is part of a scan's digest.

mod weights;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toml::{Table, Value};

pub use weights::{
    Breadth, CredentialWeights, Escalation, Levels, Mass, OrphanWeights, Preflight, Risk, RiskWeights, RoleWeights,
};

use crate::model::{EntityId, Severity, Tables, text};

/// The embedded default, with its comments.
pub const DEFAULT_TEXT: &str = include_str!("../datasets/config/default.toml");

/// Version of the format that this engine reads.
pub const VERSION: u32 = 1;

/// Largest weight of a risk component: at 1 a single component could make the others invisible.
const WEIGHT_MAX: f64 = 0.99;

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is no TOML, or a value has another type than its key.
    #[error("{file}: {message}")]
    Syntax { file: String, message: String },
    /// The file has a key that no configuration has.
    #[error("{file}: unknown key `{key}`{hint}")]
    UnknownKey { file: String, key: String, hint: String },
    /// A value is outside its range.
    #[error("{file}: `{key}` is {value}, must be {must}")]
    Range { file: String, key: String, value: String, must: &'static str },
}

/// Everything that may be decided about a scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Format version, 1.
    pub version: u32,
    pub thresholds: Thresholds,
    pub return_days: ReturnDays,
    pub peers: Peers,
    pub organization: Organization,
    /// What is protected beyond the administrators that the engine finds; the first block that matches counts.
    #[serde(default)]
    pub protected: Vec<Protected>,
    /// Labels for entities; the first block that matches counts.
    #[serde(default)]
    pub label: Vec<Label>,
    /// What is left out of findings; nothing by default.
    #[serde(default)]
    pub exclude: Vec<Exclude>,
    pub cuts: Cuts,
    pub risk: Risk,
    pub escalation: Escalation,
    pub credential: CredentialWeights,
    pub orphan: OrphanWeights,
    pub mass: Mass,
    /// When the sources are fit to draft changes from.
    pub preflight: Preflight,
    /// Weights of a role structure's parts in its complexity.
    pub roles: RoleWeights,
    /// Severity by rule id and case.
    pub severity: BTreeMap<String, BTreeMap<String, Severity>>,
}

/// Limits in days, steps and numbers of members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    pub key_age_days_max: u32,
    pub key_age_days_critical: u32,
    pub unused_days_review: u32,
    pub unused_days_max: u32,
    pub usage_window_days: u32,
    pub near_hops_max: u32,
    pub cohort_size_min: u32,
    pub group_causes_min: u32,
    pub overprivileged_gap_pct_min: u32,
    pub agent_reach_pct_min: u32,
    pub credential_life_days_max: u32,
}

/// Days after which a right that is needed will usually have been used, by access level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnDays {
    pub list: u32,
    pub read: u32,
    pub tagging: u32,
    pub write: u32,
    pub permissions: u32,
}

impl ReturnDays {
    /// The days of a level; those of the longest for a level that is not known.
    #[must_use]
    pub fn of(&self, level: &str) -> u32 {
        match level {
            "list" => self.list,
            "read" => self.read,
            "tagging" => self.tagging,
            "write" => self.write,
            _ => self.permissions,
        }
    }
}

/// How principals are compared with their peers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peers {
    pub alpha: f64,
    pub beta: f64,
    pub similarity_min: f64,
    pub listed_max: u32,
}

/// Which accounts are whose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    pub own_accounts: BTreeSet<String>,
    pub trusted_accounts: BTreeSet<String>,
    pub production_environments: BTreeSet<String>,
}

/// Puts entities into the protected zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protected {
    /// Full id, with `*` and `?` as wildcards.
    #[serde(rename = "match")]
    pub pattern: String,
    pub reason: String,
}

/// Gives entities what their export does not say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Full id, with `*` and `?` as wildcards.
    #[serde(rename = "match")]
    pub pattern: String,
    #[serde(default)]
    pub env: Option<String>,
    #[serde(default)]
    pub domain: Option<String>,
    #[serde(default)]
    pub criticality: Option<f64>,
}

/// What may be proposed to be taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cuts {
    /// What never is: full ids of entities, or ids of choke points, with `*` and `?` as wildcards.
    pub keep: Vec<String>,
}

/// Keeps entities out of findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclude {
    /// Rule id; `*` is every rule.
    pub rule: String,
    /// Full id, with `*` and `?` as wildcards.
    #[serde(rename = "match")]
    pub pattern: String,
    pub reason: String,
}

impl Config {
    /// The embedded default.
    ///
    /// # Errors
    /// Never in a released build: a test reads the embedded file.
    pub fn embedded() -> Result<Self, ConfigError> {
        Self::parse("", "default configuration")
    }

    /// Lays `text` over the default. `file` is what errors call it.
    ///
    /// # Errors
    /// When `text` is no TOML, has a key that no configuration has, or a value out of its range.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        let syntax = |message: String| ConfigError::Syntax { file: file.to_owned(), message };
        let mut merged: Table = DEFAULT_TEXT.parse().map_err(|error| syntax(format!("embedded default: {error}")))?;
        let own: Table = text.parse().map_err(|error: toml::de::Error| syntax(error.to_string().trim().to_owned()))?;
        overlay(&mut merged, own, "", file)?;
        let config: Self = Value::Table(merged)
            .try_into()
            .map_err(|error: toml::de::Error| syntax(error.to_string().trim().to_owned()))?;
        config.check(file)?;
        Ok(config)
    }

    /// SHA-256 over the canonical form, in hexadecimal: two configurations that mean the same have the same digest,
    /// whatever the order, spacing or comments of their files.
    #[must_use]
    pub fn digest(&self) -> String {
        // Fields are written in the order of their declaration and maps and sets sorted, so the form is canonical.
        // Numbers and texts always serialise; were one not to, the error text would make the digest differ.
        let canonical = serde_json::to_string(self).unwrap_or_else(|error| error.to_string());
        hex::encode(Sha256::digest(canonical.as_bytes()))
    }

    /// Why an entity is protected, when the configuration says that it is.
    #[must_use]
    pub fn protected_reason(&self, id: &str) -> Option<&str> {
        self.protected.iter().find(|block| text::glob(&block.pattern, id)).map(|block| block.reason.as_str())
    }

    /// The labels that the configuration gives an entity.
    #[must_use]
    pub fn label(&self, id: &str) -> Option<&Label> {
        self.label.iter().find(|block| text::glob(&block.pattern, id))
    }

    /// What the configuration puts into the protected zone, with the reasons, by entity number.
    #[must_use]
    pub fn protected_entities(&self, tables: &Tables) -> Vec<(EntityId, String)> {
        if self.protected.is_empty() {
            return Vec::new();
        }
        let marked = |id: &str| self.protected_reason(id).map(str::to_owned);
        tables.entities.iter().filter_map(|entity| Some((entity.entity, marked(&entity.id)?))).collect()
    }

    /// Fills environment, domain and criticality of every entity of which the export does not say them.
    pub fn apply_labels(&self, tables: &mut Tables) {
        if self.label.is_empty() {
            return;
        }
        for entity in &mut tables.entities {
            let Some(label) = self.label(&entity.id) else { continue };
            entity.env = entity.env.take().or_else(|| label.env.clone());
            entity.domain = entity.domain.take().or_else(|| label.domain.clone());
            entity.criticality = entity.criticality.or(label.criticality);
        }
    }

    /// Why a finding is left out, when the configuration says so.
    #[must_use]
    pub fn exclusion(&self, rule: &str, id: &str) -> Option<&str> {
        let hits = |block: &&Exclude| (block.rule == "*" || block.rule == rule) && text::glob(&block.pattern, id);
        self.exclude.iter().find(hits).map(|block| block.reason.as_str())
    }

    /// Severity of a case of a rule. A case that the table does not have is [`Severity::Medium`]; a test holds every
    /// registered rule to the table.
    #[must_use]
    pub fn severity(&self, rule: &str, case: &str) -> Severity {
        self.severity.get(rule).and_then(|cases| cases.get(case)).copied().unwrap_or(Severity::Medium)
    }

    fn check(&self, file: &str) -> Result<(), ConfigError> {
        let range = |key: &str, value: String, must: &'static str| {
            Err(ConfigError::Range { file: file.to_owned(), key: key.to_owned(), value, must })
        };
        if self.version != VERSION {
            return range("version", self.version.to_string(), "1");
        }
        for (key, value) in self.shares() {
            if !(0.0..=WEIGHT_MAX).contains(&value) {
                return range(key, value.to_string(), "from 0 to 0.99");
            }
        }
        if !(0.0..=1.0).contains(&self.escalation.conditional_share) {
            return range("escalation.conditional_share", self.escalation.conditional_share.to_string(), "from 0 to 1");
        }
        for (key, value) in [("peers.alpha", self.peers.alpha), ("peers.beta", self.peers.beta)] {
            if !(value.is_finite() && value > 0.0) {
                return range(key, value.to_string(), "a number above 0");
            }
        }
        if !(self.peers.similarity_min > 0.0 && self.peers.similarity_min <= 1.0) {
            return range("peers.similarity_min", self.peers.similarity_min.to_string(), "above 0 and at most 1");
        }
        for (key, value) in self.factors() {
            if !(value.is_finite() && value >= 0.0) {
                return range(key, value.to_string(), "a number from 0 up");
            }
        }
        if self.thresholds.unused_days_review > self.thresholds.unused_days_max {
            let value = self.thresholds.unused_days_review.to_string();
            return range("thresholds.unused_days_review", value, "at most `thresholds.unused_days_max`");
        }
        if self.thresholds.key_age_days_max > self.thresholds.key_age_days_critical {
            let value = self.thresholds.key_age_days_max.to_string();
            return range("thresholds.key_age_days_max", value, "at most `thresholds.key_age_days_critical`");
        }
        if self.thresholds.group_causes_min < 2 {
            return range("thresholds.group_causes_min", self.thresholds.group_causes_min.to_string(), "at least 2");
        }
        for (key, share) in [
            ("thresholds.overprivileged_gap_pct_min", self.thresholds.overprivileged_gap_pct_min),
            ("thresholds.agent_reach_pct_min", self.thresholds.agent_reach_pct_min),
        ] {
            if !(1..=100).contains(&share) {
                return range(key, share.to_string(), "from 1 to 100");
            }
        }
        if let Err((key, value, must)) = self.preflight.check() {
            return range(key, value, must);
        }
        let accounts = self.organization.own_accounts.iter().chain(&self.organization.trusted_accounts);
        for account in accounts {
            if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
                return range("organization", format!("`{account}`"), "account ids of 12 digits");
            }
        }
        Ok(())
    }

    fn shares(&self) -> [(&'static str, f64); 20] {
        let (risk, credential, orphan) = (&self.risk.weights, &self.credential, &self.orphan);
        [
            ("risk.weights.escalation", risk.escalation),
            ("risk.weights.excess", risk.excess),
            ("risk.weights.credential", risk.credential),
            ("risk.weights.orphan", risk.orphan),
            ("escalation.step", self.escalation.step),
            ("credential.root_key", credential.root_key),
            ("credential.console_without_mfa", credential.console_without_mfa),
            ("credential.key_old", credential.key_old),
            ("credential.key_very_old", credential.key_very_old),
            ("credential.key_unused", credential.key_unused),
            ("credential.second_active_key", credential.second_active_key),
            ("credential.static_key", credential.static_key),
            ("orphan.unused_review", orphan.unused_review),
            ("orphan.unused_max", orphan.unused_max),
            ("orphan.unused_year", orphan.unused_year),
            ("orphan.never_used", orphan.never_used),
            ("orphan.owner_gone", orphan.owner_gone),
            ("orphan.ownerless", orphan.ownerless),
            ("orphan.consumer_gone", orphan.consumer_gone),
            ("orphan.partially_offboarded", orphan.partially_offboarded),
        ]
    }

    fn factors(&self) -> Vec<(&'static str, f64)> {
        let (levels, breadth) = (&self.mass.levels, &self.mass.breadth);
        let mut all = vec![
            ("mass.levels.list", levels.list),
            ("mass.levels.read", levels.read),
            ("mass.levels.tagging", levels.tagging),
            ("mass.levels.write", levels.write),
            ("mass.levels.permissions", levels.permissions),
            ("mass.breadth.one", breadth.one),
            ("mass.breadth.prefix", breadth.prefix),
            ("mass.breadth.all", breadth.all),
            ("roles.role", self.roles.role),
            ("roles.assignment", self.roles.assignment),
            ("roles.permission", self.roles.permission),
            ("roles.hierarchy", self.roles.hierarchy),
            ("roles.direct", self.roles.direct),
        ];
        all.extend(self.label.iter().filter_map(|label| Some(("label.criticality", label.criticality?))));
        all
    }
}

/// Keys that the default does not show because a list of blocks has no empty form with a comment.
const LISTS: &[&str] = &["protected", "label", "exclude"];

fn overlay(base: &mut Table, own: Table, path: &str, file: &str) -> Result<(), ConfigError> {
    for (name, value) in own {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (base.get_mut(&name), value) {
            (Some(Value::Table(inside)), Value::Table(over)) => overlay(inside, over, &key, file)?,
            (Some(place), value) => *place = value,
            (None, value) if path.is_empty() && LISTS.contains(&name.as_str()) => {
                base.insert(name, value);
            }
            (None, _) => {
                let mut known: Vec<&str> = base.keys().map(String::as_str).collect();
                if path.is_empty() {
                    known.extend(LISTS);
                }
                let hint = format!("; known here: {}", known.join(", "));
                return Err(ConfigError::UnknownKey { file: file.to_owned(), key, hint });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), ConfigError>;

    #[test]
    fn the_default_has_the_published_thresholds_and_leaves_nothing_out() -> Outcome {
        let config = Config::embedded()?;
        assert_eq!(config.thresholds.key_age_days_max, 90);
        assert_eq!(config.thresholds.unused_days_review, 45);
        assert!(config.exclude.is_empty() && config.protected.is_empty());
        assert_eq!(config.exclusion("key-age", "arn:aws:iam::1:role/AWSServiceRoleForSupport"), None);
        assert_eq!(config.severity("root-access-key", "active"), Severity::Critical);
        Ok(())
    }

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() -> Outcome {
        let config =
            Config::parse("[thresholds]\nkey_age_days_max = 30\n[severity.key-age]\nold = \"low\"", "own.toml")?;
        assert_eq!(config.thresholds.key_age_days_max, 30);
        assert_eq!(config.thresholds.unused_days_max, 90);
        assert_eq!(config.severity("key-age", "old"), Severity::Low);
        assert_eq!(config.severity("key-age", "root"), Severity::Critical);
        Ok(())
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_and_full_path() {
        let error = Config::parse("[thresholds]\nkey_age_max = 30", "own.toml").unwrap_err().to_string();
        assert!(error.starts_with("own.toml: unknown key `thresholds.key_age_max`"), "{error}");
        let error = Config::parse("[[protected]]\nmatch = \"x\"\nwhy = \"y\"", "own.toml").unwrap_err().to_string();
        assert!(error.contains("own.toml") && error.contains("`why`"), "{error}");
        let error = Config::parse("[severity.key-age]\nancient = \"low\"", "own.toml").unwrap_err().to_string();
        assert!(error.contains("`severity.key-age.ancient`"), "{error}");
    }

    #[test]
    fn values_out_of_range_and_of_another_type_are_refused() {
        for (text, part) in [
            ("version = 2", "`version` is 2"),
            ("[risk.weights]\nexcess = 1.0", "`risk.weights.excess` is 1"),
            ("[risk.weights]\nexcess = nan", "`risk.weights.excess` is NaN"),
            ("[organization]\nown_accounts = [\"12\"]", "12 digits"),
            ("[thresholds]\nunused_days_review = 100", "unused_days_review"),
            ("[thresholds]\nunused_days_max = \"many\"", "own.toml"),
            ("[thresholds]\ngroup_causes_min = 1", "`thresholds.group_causes_min` is 1, must be at least 2"),
            ("[thresholds]\noverprivileged_gap_pct_min = 0", "from 1 to 100"),
            ("[thresholds]\nagent_reach_pct_min = 101", "from 1 to 100"),
            ("[preflight]\nowner_share_min = 0.95", "`preflight.owner_share_min` is 0.95"),
            ("[preflight]\nskipped_share_max = 2", "from 0 to 1"),
            ("[preflight]\ntables = [\"persons\"]", "`persons`"),
            ("[preflight]\nsource_age_days_warn = 31", "source_age_days_max"),
            ("thresholds = 3", "own.toml"),
            ("[severity.key-age]\nold = \"bad\"", "`bad` is none of critical, high, medium, low"),
            ("not toml", "own.toml"),
        ] {
            let error = Config::parse(text, "own.toml").unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn the_digest_follows_the_meaning_and_not_the_spelling() -> Outcome {
        let a = Config::parse("[organization]\nown_accounts = [\"111111111111\", \"222222222222\"]", "a")?;
        let b = Config::parse("# c\n[organization]\nown_accounts=['222222222222','111111111111']\n", "b")?;
        let c = Config::parse("[thresholds]\nnear_hops_max = 3", "c")?;
        assert_eq!(a.digest(), b.digest());
        assert_ne!(a.digest(), c.digest());
        assert_eq!(a.digest().len(), 64);
        Ok(())
    }

    fn two_roles() -> Tables {
        let mut tables = Tables::default();
        for (number, name) in [(0, "app"), (1, "pay-run")] {
            let id = format!("arn:aws:iam::1:role/{name}");
            let mut entity = crate::model::Entity::named(&id, "aws", crate::model::EntityKind::Role, name);
            entity.entity = EntityId(number);
            entity.env = (number == 0).then(|| "test".to_owned());
            tables.entities.push(entity);
        }
        tables
    }

    #[test]
    fn protection_labels_and_exclusions_go_by_pattern() -> Outcome {
        let text = "[[protected]]\nmatch = \"*:role/pay-*\"\nreason = \"payroll\"\n\
                    [[label]]\nmatch = \"arn:aws:iam::1:*\"\nenv = \"prod\"\n\
                    [[exclude]]\nrule = \"key-age\"\nmatch = \"*user/robot\"\nreason = \"ticket 7\"";
        let config = Config::parse(text, "own.toml")?;
        assert_eq!(config.protected_reason("arn:aws:iam::1:role/pay-run"), Some("payroll"));
        assert_eq!(config.protected_reason("arn:aws:iam::1:role/other"), None);
        let mut tables = two_roles();
        config.apply_labels(&mut tables);
        let envs: Vec<Option<&str>> = tables.entities.iter().map(|entity| entity.env.as_deref()).collect();
        assert_eq!(envs, [Some("test"), Some("prod")], "the export's own label stays");
        assert_eq!(config.protected_entities(&tables), [(EntityId(1), "payroll".to_owned())]);
        assert_eq!(config.label("arn:aws:iam::1:role/x").and_then(|label| label.env.as_deref()), Some("prod"));
        assert_eq!(config.exclusion("key-age", "arn:aws:iam::1:user/robot"), Some("ticket 7"));
        assert_eq!(config.exclusion("unused-key", "arn:aws:iam::1:user/robot"), None);
        Ok(())
    }
}
