//! One account, and how things in it are written.

use serde_json::{Value, json};

use crate::generate::plan::{Account, Plan};
use crate::generate::random::Stream;
use crate::model::text::format_time;

/// ARN of the policy that allows everything.
pub const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// An account of a plan.
#[derive(Debug, Clone, Copy)]
pub struct Site<'p> {
    pub plan: &'p Plan,
    pub account: &'p Account,
}

impl Site<'_> {
    /// The ARN of something of IAM in this account.
    pub fn arn(&self, rest: &str) -> String {
        format!("arn:aws:iam::{}:{rest}", self.account.id)
    }

    /// Id that the engine gives to the account.
    pub fn scope(&self) -> String {
        format!("aws:account/{}", self.account.id)
    }

    /// A stream of this account's own.
    pub fn stream(&self, purpose: &str, index: usize) -> Stream {
        Stream::new(self.plan.seed, &format!("aws {} {purpose}", self.account.id), index)
    }

    /// A moment as AWS's command line writes it.
    pub fn time(&self, days: usize, second_of_day: usize) -> String {
        format_time(self.plan.days_ago(days, second_of_day)).replace('Z', "+00:00")
    }
}

impl Stream {
    /// A unique id of IAM: its kind and sixteen or so signs.
    pub fn unique_id(mut self, kind: &str) -> String {
        const SIGNS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut id = kind.to_owned();
        for _ in 0..17 {
            id.push(char::from(SIGNS[self.below(SIGNS.len())]));
        }
        id
    }
}

/// A statement that allows actions on a resource.
pub fn allow(actions: &[&str], resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resource})
}

/// A policy of statements.
pub fn document(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// A trust policy that lets a principal in, as `Principal` has it.
pub fn trust(principal: &Value) -> Value {
    document(&[json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})])
}

/// A trust policy for a service of AWS.
pub fn trust_service(service: &str) -> Value {
    trust(&json!({"Service": format!("{service}.amazonaws.com")}))
}

/// A trust policy for subjects of a provider of tokens (OIDC) of the account.
pub fn trust_tokens(site: &Site<'_>, issuer: &str, audience: &str, subject: &str) -> Value {
    let mut equal = serde_json::Map::new();
    equal.insert(format!("{issuer}:sub"), json!(subject));
    equal.insert(format!("{issuer}:aud"), json!(audience));
    document(&[json!({
        "Effect": "Allow",
        "Principal": {"Federated": site.arn(&format!("oidc-provider/{issuer}"))},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": equal},
    })])
}

/// A managed policy of one version.
pub fn managed(site: &Site<'_>, arn: &str, document: &Value) -> Value {
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let created = site.time(1_100, 29_000);
    json!({
        "PolicyName": name,
        "PolicyId": site.stream(&format!("policy id {name}"), 0).unique_id("ANPA"),
        "Arn": arn,
        "Path": "/",
        "DefaultVersionId": "v1",
        "AttachmentCount": 1,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": true,
        "CreateDate": created,
        "UpdateDate": created,
        "PolicyVersionList": [
            {"Document": document, "VersionId": "v1", "IsDefaultVersion": true, "CreateDate": created},
        ],
    })
}
