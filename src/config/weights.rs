//! Sections of the configuration that weigh and limit: risk, scores, masses, preflight, roles.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The risk index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    /// Weight of each component, 0 to 0.99.
    pub weights: RiskWeights,
}

/// Weight of each risk component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskWeights {
    pub escalation: f64,
    pub excess: f64,
    pub credential: f64,
    pub orphan: f64,
}

/// How steps to the protected zone become a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    pub step: f64,
    pub conditional_share: f64,
}

/// Sub-conditions of the credential score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialWeights {
    pub root_key: f64,
    pub console_without_mfa: f64,
    pub key_old: f64,
    pub key_very_old: f64,
    pub key_unused: f64,
    pub second_active_key: f64,
    pub static_key: f64,
}

/// Sub-conditions of the orphan score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrphanWeights {
    pub unused_review: f64,
    pub unused_max: f64,
    pub unused_year: f64,
    pub never_used: f64,
    pub owner_gone: f64,
    pub ownerless: f64,
    pub consumer_gone: f64,
    pub partially_offboarded: f64,
}

/// Weights of a granted action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mass {
    pub levels: Levels,
    pub breadth: Breadth,
}

/// Weight by access level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Levels {
    pub list: f64,
    pub read: f64,
    pub tagging: f64,
    pub write: f64,
    pub permissions: f64,
}

/// Weight by what an action is granted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breadth {
    pub one: f64,
    pub prefix: f64,
    pub all: f64,
}

/// Limits of the checks of `overgrant preflight`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preflight {
    /// Governance tables that must be there.
    pub tables: BTreeSet<String>,
    pub skipped_share_max: f64,
    pub references_share_max: f64,
    pub conflicts_max: u32,
    pub source_age_days_warn: u32,
    pub source_age_days_max: u32,
    pub review_age_days_max: u32,
    pub overdue_share_max: f64,
    pub owner_share_warn: f64,
    pub owner_share_min: f64,
    pub last_use_share_warn: f64,
    pub last_use_share_min: f64,
    pub person_share_warn: f64,
    pub person_share_min: f64,
}

/// Tables that `preflight.tables` may name.
const GOVERNANCE_TABLES: [&str; 7] =
    ["people", "owners", "approvals", "workflows", "role_baselines", "sod_rules", "exceptions"];

impl Preflight {
    pub(super) fn check(&self) -> Result<(), (&'static str, String, &'static str)> {
        if let Some(strange) = self.tables.iter().find(|name| !GOVERNANCE_TABLES.contains(&name.as_str())) {
            let must = "names of people, owners, approvals, workflows, role_baselines, sod_rules, exceptions";
            return Err(("preflight.tables", format!("`{strange}`"), must));
        }
        for (key, value) in [
            ("preflight.skipped_share_max", self.skipped_share_max),
            ("preflight.references_share_max", self.references_share_max),
            ("preflight.overdue_share_max", self.overdue_share_max),
            ("preflight.owner_share_warn", self.owner_share_warn),
            ("preflight.last_use_share_warn", self.last_use_share_warn),
            ("preflight.person_share_warn", self.person_share_warn),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return Err((key, value.to_string(), "from 0 to 1"));
            }
        }
        for (key, least, warn) in [
            ("preflight.owner_share_min", self.owner_share_min, self.owner_share_warn),
            ("preflight.last_use_share_min", self.last_use_share_min, self.last_use_share_warn),
            ("preflight.person_share_min", self.person_share_min, self.person_share_warn),
        ] {
            if !(0.0..=warn).contains(&least) {
                return Err((key, least.to_string(), "from 0 to the share below which there is a warning"));
            }
        }
        if self.source_age_days_warn > self.source_age_days_max {
            let value = self.source_age_days_warn.to_string();
            return Err(("preflight.source_age_days_warn", value, "at most `preflight.source_age_days_max`"));
        }
        Ok(())
    }
}

/// Weights of weighted structural complexity, `w_r|R| + w_u|UA| + w_p|PA| + w_h|RH| + w_d|DUPA|`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleWeights {
    pub role: f64,
    pub assignment: f64,
    pub permission: f64,
    pub hierarchy: f64,
    pub direct: f64,
}
