//! The records of `get-account-authorization-details`, parsed and decoded but not yet joined to each other.
//!
//! Everything here is a pure function of one record's bytes, so records are parsed in parallel.

use std::hash::Hasher;

use rustc_hash::FxHasher;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::document::{self, Document, Place};
use super::secrets;
use crate::model::EntityKind;
use crate::model::text::parse_time;

/// A moment as exports write it: text in several spellings, or seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Stamp {
    #[default]
    Absent,
    At(i64),
    /// Text that is no moment.
    Bad(String),
}

impl Stamp {
    /// Reads a JSON value.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 in milliseconds fit, and saturate")]
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Absent,
            Value::String(text) if text.is_empty() => Self::Absent,
            Value::String(text) => parse_time(text).map_or_else(|| Self::Bad(text.clone()), Self::At),
            Value::Number(number) => {
                number.as_f64().map_or(Self::Absent, |seconds| Self::At((seconds * 1000.0) as i64))
            }
            other => Self::Bad(other.to_string()),
        }
    }

    /// The moment in milliseconds, where there is one.
    #[must_use]
    pub const fn millis(&self) -> Option<i64> {
        match self {
            Self::At(millis) => Some(*millis),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&Value::deserialize(deserializer)?))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawPrincipal<'a> {
    arn: Option<String>,
    path: Option<String>,
    #[serde(alias = "RoleName", alias = "GroupName")]
    user_name: Option<String>,
    #[serde(alias = "RoleId", alias = "GroupId")]
    user_id: Option<String>,
    #[serde(default)]
    create_date: Stamp,
    #[serde(default)]
    password_last_used: Stamp,
    #[serde(borrow, default, alias = "RolePolicyList", alias = "GroupPolicyList")]
    user_policy_list: Option<Vec<RawInline<'a>>>,
    group_list: Option<Vec<String>>,
    attached_managed_policies: Option<Vec<RawAttached>>,
    permissions_boundary: Option<RawBoundary>,
    #[serde(borrow, default)]
    assume_role_policy_document: Option<&'a RawValue>,
    instance_profile_list: Option<Vec<RawProfile>>,
    role_last_used: Option<RawLastUsed>,
    login_profile: Option<Value>,
    tags: Option<Vec<RawTag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawInline<'a> {
    policy_name: Option<String>,
    #[serde(borrow, default)]
    policy_document: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawAttached {
    policy_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawBoundary {
    permissions_boundary_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawProfile {
    arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawLastUsed {
    #[serde(default)]
    last_used_date: Stamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawTag {
    key: Option<String>,
    value: Option<Value>,
}

/// A user, group or role.
#[derive(Debug)]
pub struct Principal {
    pub kind: EntityKind,
    pub arn: String,
    pub name: String,
    pub unique_id: Option<String>,
    pub path: Option<String>,
    pub created: Stamp,
    pub last_used: Stamp,
    pub groups: Vec<String>,
    pub inline: Vec<Inline>,
    pub attached: Vec<String>,
    pub boundary: Option<String>,
    /// The trust policy of a role.
    pub trust: Option<Result<Document, String>>,
    pub instance_profiles: Vec<String>,
    pub login_profile: Option<String>,
    pub tags: Vec<(String, String)>,
    /// Hash of the record's bytes.
    pub digest: u64,
    /// Secret values seen and not kept.
    pub secrets: usize,
}

/// A policy that is part of its principal.
#[derive(Debug)]
pub struct Inline {
    pub name: String,
    pub document: Result<Document, String>,
}

/// A managed policy.
#[derive(Debug)]
pub struct Policy {
    pub arn: String,
    pub name: String,
    pub unique_id: Option<String>,
    pub path: Option<String>,
    pub created: Stamp,
    pub updated: Stamp,
    pub versions: Vec<Version>,
    /// Index in `versions` of the one in force.
    pub default: Option<usize>,
    pub tags: Vec<(String, String)>,
    pub digest: u64,
    pub secrets: usize,
}

/// A version of a managed policy.
#[derive(Debug)]
pub struct Version {
    pub id: String,
    pub created: Stamp,
    pub document: Result<Document, String>,
}

fn digest(json: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(json);
    hasher.finish()
}

fn raw_document(raw: Option<&RawValue>, place: Place) -> Result<Document, String> {
    raw.map_or_else(|| Err("it is missing".to_owned()), |raw| document::parse_json(raw.get(), place))
}

fn tags(raw: Option<Vec<RawTag>>, secrets: &mut usize) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for tag in raw.into_iter().flatten() {
        let (Some(key), Some(value)) = (tag.key, tag.value) else { continue };
        let value = match value {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        if secrets::is_secret(&value) {
            *secrets += 1;
        } else {
            out.push((key, value));
        }
    }
    out
}

/// Parses the record of a user, group or role.
///
/// # Errors
/// What is wrong with it, as a fragment for a message.
pub fn principal(json: &[u8], kind: EntityKind) -> Result<Principal, String> {
    let raw: RawPrincipal<'_> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let arn = raw.arn.filter(|arn| !arn.is_empty()).ok_or("it has no `Arn`")?;
    let mut secrets = secrets::count(json);
    let last_used = match raw.role_last_used {
        Some(used) if kind == EntityKind::Role => used.last_used_date,
        _ => raw.password_last_used,
    };
    let inline = raw.user_policy_list.unwrap_or_default().into_iter().enumerate().map(|(index, policy)| Inline {
        name: policy.policy_name.unwrap_or_else(|| format!("#{index}")),
        document: raw_document(policy.policy_document, Place::Identity),
    });
    Ok(Principal {
        kind,
        name: raw.user_name.unwrap_or_else(|| arn.rsplit('/').next().unwrap_or(&arn).to_owned()),
        unique_id: raw.user_id,
        path: raw.path,
        created: raw.create_date,
        last_used,
        groups: raw.group_list.unwrap_or_default(),
        inline: inline.collect(),
        attached: raw.attached_managed_policies.into_iter().flatten().filter_map(|policy| policy.policy_arn).collect(),
        boundary: raw.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        trust: (kind == EntityKind::Role).then(|| raw_document(raw.assume_role_policy_document, Place::Trust)),
        instance_profiles: raw.instance_profile_list.into_iter().flatten().filter_map(|profile| profile.arn).collect(),
        login_profile: raw.login_profile.map(|profile| match profile.get("CreateDate") {
            Some(Value::String(created)) => created.clone(),
            _ => "true".to_owned(),
        }),
        tags: tags(raw.tags, &mut secrets),
        digest: digest(json),
        secrets,
        arn,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawPolicy<'a> {
    arn: Option<String>,
    policy_name: Option<String>,
    policy_id: Option<String>,
    path: Option<String>,
    default_version_id: Option<String>,
    #[serde(default)]
    create_date: Stamp,
    #[serde(default)]
    update_date: Stamp,
    #[serde(borrow, default)]
    policy_version_list: Option<Vec<RawVersion<'a>>>,
    tags: Option<Vec<RawTag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawVersion<'a> {
    #[serde(borrow, default)]
    document: Option<&'a RawValue>,
    version_id: Option<String>,
    is_default_version: Option<bool>,
    #[serde(default)]
    create_date: Stamp,
}

/// Parses the record of a managed policy.
///
/// # Errors
/// What is wrong with it, as a fragment for a message.
pub fn policy(json: &[u8]) -> Result<Policy, String> {
    let raw: RawPolicy<'_> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let arn = raw.arn.filter(|arn| !arn.is_empty()).ok_or("it has no `Arn`")?;
    let list = raw.policy_version_list.unwrap_or_default();
    let default = list
        .iter()
        .position(|version| version.is_default_version == Some(true))
        .or_else(|| {
            let named = raw.default_version_id.as_deref()?;
            list.iter().position(|version| version.version_id.as_deref() == Some(named))
        })
        .or((list.len() == 1 && raw.default_version_id.is_none()).then_some(0));
    let versions = list.into_iter().enumerate().map(|(index, version)| Version {
        id: version.version_id.unwrap_or_else(|| format!("#{index}")),
        created: version.create_date,
        document: raw_document(version.document, Place::Identity),
    });
    let mut secrets = secrets::count(json);
    Ok(Policy {
        name: raw.policy_name.unwrap_or_else(|| arn.rsplit('/').next().unwrap_or(&arn).to_owned()),
        unique_id: raw.policy_id,
        path: raw.path,
        created: raw.create_date,
        updated: raw.update_date,
        versions: versions.collect(),
        default,
        tags: tags(raw.tags, &mut secrets),
        digest: digest(json),
        secrets,
        arn,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_null_and_empty_are_all_nothing() {
        let user = principal(
            br#"{"Arn":"arn:aws:iam::1:user/p/u","CreateDate":"2022-08-07 12:42:55+00:00","GroupList":null,"Tags":null,
                "PermissionsBoundary":null,"UserPolicyList":[],"PermissionsBoundaryUsageCount":null,"Unknown":{"x":[1]}}"#,
            EntityKind::User,
        )
        .unwrap();
        assert_eq!((user.name.as_str(), user.created), ("u", Stamp::At(1_659_876_175_000)));
        assert!(user.groups.is_empty() && user.tags.is_empty() && user.boundary.is_none() && user.trust.is_none());
        let role = principal(br#"{"Arn":"arn:aws:iam::1:role/r","RoleLastUsed":{}}"#, EntityKind::Role).unwrap();
        assert_eq!(role.last_used, Stamp::Absent);
        assert!(matches!(role.trust, Some(Err(_))), "a role without trust policy is not a role that trusts nobody");
    }

    #[test]
    fn the_version_in_force_is_found_by_flag_then_by_name_then_by_being_alone() {
        let of = |text: &str| policy(text.as_bytes()).unwrap().default;
        assert_eq!(
            of(r#"{"Arn":"a","PolicyVersionList":[{"VersionId":"v1"},{"VersionId":"v2","IsDefaultVersion":true}]}"#),
            Some(1)
        );
        assert_eq!(
            of(r#"{"Arn":"a","DefaultVersionId":"v1","PolicyVersionList":[{"VersionId":"v2"},{"VersionId":"v1"}]}"#),
            Some(1)
        );
        assert_eq!(of(r#"{"Arn":"a","PolicyVersionList":[{"VersionId":"v2"}]}"#), Some(0));
        assert_eq!(of(r#"{"Arn":"a","DefaultVersionId":"v3","PolicyVersionList":[{"VersionId":"v2"}]}"#), None);
        assert_eq!(of(r#"{"Arn":"a"}"#), None);
    }

    #[test]
    fn moments_come_as_text_or_seconds() {
        assert_eq!(Stamp::of(&serde_json::json!(1_659_876_175.5)), Stamp::At(1_659_876_175_500));
        assert_eq!(Stamp::of(&serde_json::json!("N/A")), Stamp::Bad("N/A".to_owned()));
        assert_eq!(Stamp::of(&Value::Null), Stamp::Absent);
    }
}
