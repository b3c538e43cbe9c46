//! Which condition keys the export decides, which the caller chooses, and which the environment gives.

use chrono::{DateTime, SecondsFormat};

use super::World;
use super::export::Principal;
use super::pattern::arn_part;

/// What is known of a condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// Its values; none when it is absent.
    Known(Vec<String>),
    /// The caller chooses, out of these value lists where they are limited.
    Chosen(Option<Vec<Vec<String>>>),
    /// The environment gives it, out of these value lists where they are limited.
    Environment(Option<Vec<Vec<String>>>),
}

/// Keys of the network and of how the caller signed in.
const ENVIRONMENT: &[&str] = &[
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:sourcevpcarn",
    "aws:sourcevpce",
    "aws:vpcsourceip",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
    "aws:ec2instancesourcevpc",
    "aws:ec2instancesourceprivateipv4",
    "ec2:sourceinstancearn",
    "aws:multifactorauthage",
    "aws:federatedprovider",
];

/// Keys that only calls of AWS services have.
const SERVICE_CALLS: &[&str] = &[
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:principalservicename",
    "aws:principalservicenameslist",
];

/// Everything about a question that keys depend on.
pub struct Subject<'a> {
    pub world: &'a World,
    pub principal: &'a Principal,
    pub resource: &'a str,
    /// Account of the resource; `None` when the export does not say.
    pub resource_account: Option<&'a str>,
}

/// Class of a key (lower case). `aws:userid` of a role is not asked for here: it follows from the session name.
pub fn classify(key: &str, subject: &Subject<'_>) -> Class {
    let one = |value: &str| Class::Known(vec![value.to_owned()]);
    let principal = subject.principal;
    if SERVICE_CALLS.contains(&key) {
        return Class::Known(Vec::new());
    }
    if let Some(tag) = key.strip_prefix("aws:principaltag/") {
        return Class::Known(principal.tags.get(tag).cloned().into_iter().collect());
    }
    match key {
        "aws:principalarn" => one(&principal.arn),
        "aws:principalaccount" | "kms:calleraccount" => one(&principal.account),
        "aws:principaltype" => one(if principal.role { "AssumedRole" } else { "User" }),
        "aws:userid" => one(&principal.id),
        "aws:username" if principal.role => Class::Known(Vec::new()),
        "aws:username" => one(&principal.name),
        "aws:principalisawsservice" => one("false"),
        "aws:currenttime" => one(&instant(subject.world.as_of)),
        "aws:epochtime" => one(&(subject.world.as_of / 1000).to_string()),
        "aws:tokenissuetime" if principal.role => one(&instant(subject.world.as_of)),
        "aws:tokenissuetime" => Class::Chosen(Some(vec![Vec::new(), vec![instant(subject.world.as_of)]])),
        "aws:multifactorauthpresent" => {
            Class::Environment(Some(vec![Vec::new(), vec!["true".to_owned()], vec!["false".to_owned()]]))
        }
        "aws:principalorgid" | "aws:principalorgpaths" => organization(key, Some(&principal.account), subject),
        "aws:resourceorgid" | "aws:resourceorgpaths" => organization(key, subject.resource_account, subject),
        "aws:resourceaccount" => subject.resource_account.map_or(Class::Environment(None), one),
        _ => open(key, subject),
    }
}

fn organization(key: &str, account: Option<&str>, subject: &Subject<'_>) -> Class {
    let (Some(organization), Some(account)) = (&subject.world.organization, account) else {
        return Class::Environment(None);
    };
    let Some((_, path)) = organization.accounts.get(account) else { return Class::Known(Vec::new()) };
    Class::Known(vec![if key.ends_with("orgid") { organization.id.clone() } else { path.clone() }])
}

fn open(key: &str, subject: &Subject<'_>) -> Class {
    for prefix in ["aws:resourcetag/", "iam:resourcetag/"] {
        if let (Some(tag), Some(resource)) = (key.strip_prefix(prefix), subject.world.principals.get(subject.resource))
        {
            return Class::Known(resource.tags.get(tag).cloned().into_iter().collect());
        }
    }
    let provider = key.split(':').next().unwrap_or("");
    if ENVIRONMENT.contains(&key) || provider == "saml" || provider.contains('.') || key.contains(":resourcetag/") {
        return Class::Environment(None);
    }
    Class::Chosen(None)
}

/// An instant as condition keys hold it.
pub fn instant(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis).map_or_else(String::new, |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// Account of a resource: what the resource policies say, else what the ARN says.
pub fn resource_account<'a>(world: &'a World, principal: &'a Principal, resource: &'a str) -> Option<&'a str> {
    if resource == "*" {
        return Some(&principal.account);
    }
    if let Some(account) = world.policies_of(resource).find_map(|policy| policy.account.as_deref()) {
        return Some(account);
    }
    match arn_part(resource, 4) {
        "aws" => Some(&principal.account),
        "" => None,
        account => Some(account),
    }
}
