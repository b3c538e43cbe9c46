//! Users and roles as `get-account-authorization-details`, the credential report and the service-last-accessed
//! reports show them.

use serde_json::{Value, json};

use super::site::Site;
use crate::generate::file::{Error, Sink};
use crate::generate::random::Stream;

/// Columns of the credential report.
pub const REPORT_HEADER: [&str; 22] = [
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_1_last_used_region",
    "access_key_1_last_used_service",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "access_key_2_last_used_region",
    "access_key_2_last_used_service",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
];

/// What a user and a role have in common.
#[derive(Debug, Clone, Default)]
pub struct Common {
    pub name: String,
    /// Path, `/` unless said.
    pub path: Option<String>,
    /// Inline policies: name and document.
    pub inline: Vec<(String, Value)>,
    /// ARNs of managed policies.
    pub attached: Vec<String>,
    pub boundary: Option<String>,
    pub tags: Vec<(&'static str, String)>,
    /// Days before the exports on which it was made.
    pub created_days: usize,
    /// Services that it may use and days since it did, or that it was not seen to; none when nobody looked.
    pub watched: Vec<(&'static str, Option<usize>)>,
}

/// A console password.
#[derive(Debug, Clone, Copy)]
pub struct Password {
    pub used_days: usize,
    pub mfa: bool,
}

/// An access key that is active.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub made_days: usize,
    pub used_days: Option<usize>,
}

/// A user.
#[derive(Debug, Clone, Default)]
pub struct User {
    pub common: Common,
    pub groups: Vec<String>,
    pub password: Option<Password>,
    pub keys: Vec<Key>,
}

/// A role.
#[derive(Debug, Clone, Default)]
pub struct Role {
    pub common: Common,
    pub trust: Value,
    /// Days since it was used, if ever.
    pub used_days: Option<usize>,
    pub instance_profile: bool,
}

impl Common {
    fn path(&self) -> &str {
        self.path.as_deref().unwrap_or("/")
    }

    /// The ARN of this one, `kind` being `user` or `role`.
    pub fn arn(&self, site: &Site<'_>, kind: &str) -> String {
        site.arn(&format!("{kind}{}{}", self.path(), self.name))
    }

    fn stream(&self, site: &Site<'_>, purpose: &str) -> Stream {
        // Names are unique in an account; the stream is the name's.
        site.stream(&format!("{purpose} {}", self.name), 0)
    }

    fn policies(&self) -> (Value, Value) {
        let inline = self.inline.iter().map(|(name, document)| json!({"PolicyName": name, "PolicyDocument": document}));
        let attached = self.attached.iter().map(|arn| {
            let name = arn.rsplit('/').next().unwrap_or(arn);
            json!({"PolicyName": name, "PolicyArn": arn})
        });
        (inline.collect(), attached.collect())
    }

    fn tags(&self) -> Value {
        self.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
    }

    fn boundary(&self) -> Value {
        match &self.boundary {
            Some(arn) => json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}),
            None => Value::Null,
        }
    }

    /// The service-last-accessed report of this one, if anybody asked for it.
    pub fn last_accessed(&self, site: &Site<'_>, kind: &str) -> Option<Value> {
        if self.watched.is_empty() {
            return None;
        }
        let arn = self.arn(site, kind);
        let service = |&(namespace, used): &(&str, Option<usize>)| match used {
            Some(days) => json!({
                "ServiceName": namespace,
                "ServiceNamespace": namespace,
                "LastAuthenticated": site.time(days, 30_000),
                "LastAuthenticatedEntity": arn,
                "LastAuthenticatedRegion": "eu-west-1",
                "TotalAuthenticatedEntities": 1,
            }),
            None => {
                json!({"ServiceName": namespace, "ServiceNamespace": namespace, "TotalAuthenticatedEntities": 0})
            }
        };
        let services: Vec<Value> = self.watched.iter().map(service).collect();
        Some(json!({
            "Arn": arn,
            "JobStatus": "COMPLETED",
            "JobType": "SERVICE_LEVEL",
            "JobCreationDate": site.time(0, 0),
            "JobCompletionDate": site.time(0, 3),
            "ServicesLastAccessed": services,
            "IsTruncated": false,
        }))
    }
}

impl User {
    /// The record of the authorization details.
    pub fn record(&self, site: &Site<'_>) -> Value {
        let common = &self.common;
        let (inline, attached) = common.policies();
        let mut record = json!({
            "Path": common.path(),
            "UserName": common.name,
            "UserId": common.stream(site, "user id").unique_id("AIDA"),
            "Arn": common.arn(site, "user"),
            "CreateDate": site.time(common.created_days, 29_700),
            "UserPolicyList": inline,
            "GroupList": self.groups,
            "AttachedManagedPolicies": attached,
            "Tags": common.tags(),
        });
        if common.boundary.is_some() {
            record["PermissionsBoundary"] = common.boundary();
        }
        record
    }

    /// The row of the credential report.
    pub fn report(&self, site: &Site<'_>, sink: &mut Sink) -> Result<(), Error> {
        let text = |yes: bool| if yes { "true" } else { "false" };
        let made = site.time(self.common.created_days, 29_700);
        let password = self.password.map(|password| site.time(password.used_days, 31_000));
        let changed = self.password.map(|_| site.time(self.common.created_days.min(200), 29_800));
        let arn = self.common.arn(site, "user");
        let absent = || "N/A".to_owned();
        let mut cells = vec![
            self.common.name.clone(),
            arn,
            made,
            text(self.password.is_some()).to_owned(),
            password.unwrap_or_else(absent),
            changed.unwrap_or_else(absent),
            absent(),
            text(self.password.is_some_and(|password| password.mfa)).to_owned(),
        ];
        for at in 0..2 {
            let key = self.keys.get(at);
            let used = key.and_then(|key| key.used_days);
            let where_used = |word: &str| used.map_or_else(absent, |_| word.to_owned());
            cells.push(text(key.is_some()).to_owned());
            cells.push(key.map_or_else(absent, |key| site.time(key.made_days, 30_500)));
            cells.push(used.map_or_else(absent, |days| site.time(days, 33_000)));
            cells.extend([where_used("eu-west-1"), where_used("s3")]);
        }
        cells.extend(["false", "N/A", "false", "N/A"].map(str::to_owned));
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        sink.row(&cells)
    }
}

impl Role {
    /// The record of the authorization details.
    pub fn record(&self, site: &Site<'_>) -> Value {
        let common = &self.common;
        let (inline, attached) = common.policies();
        let created = site.time(common.created_days, 29_700);
        let used = self.used_days.map(|days| json!({"LastUsedDate": site.time(days, 32_000), "Region": "eu-west-1"}));
        let mut record = json!({
            "Path": common.path(),
            "RoleName": common.name,
            "RoleId": common.stream(site, "role id").unique_id("AROA"),
            "Arn": common.arn(site, "role"),
            "CreateDate": created,
            "AssumeRolePolicyDocument": self.trust,
            "InstanceProfileList": [],
            "RolePolicyList": inline,
            "AttachedManagedPolicies": attached,
            "Tags": common.tags(),
            "RoleLastUsed": used.unwrap_or_else(|| json!({})),
        });
        if common.boundary.is_some() {
            record["PermissionsBoundary"] = common.boundary();
        }
        if self.instance_profile {
            record["InstanceProfileList"] = json!([{
                "Path": "/",
                "InstanceProfileName": common.name,
                "InstanceProfileId": common.stream(site, "profile id").unique_id("AIPA"),
                "Arn": site.arn(&format!("instance-profile/{}", common.name)),
                "CreateDate": created,
                "Roles": [],
            }]);
        }
        record
    }
}
