//! Reading a trust statement: who is trusted, and whether its condition narrows that to someone in particular.
//!
//! The question is not whether a condition is there but whether it keeps a stranger out: an audience that every
//! tenant of an issuer has, a wildcard in place of an account, or a key that the caller may leave out do not.

use serde_json::Value;

use super::facts::Context;
use crate::model::{EntityId, Trust, TrustKind, text};

/// Whom a trust statement names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trustee<'a> {
    /// Everyone.
    Anyone,
    /// An account as a whole, or one principal in it.
    Account { account: &'a str, whole: bool },
    /// An `OpenID` Connect issuer, by host and path.
    Oidc { issuer: &'a str },
    /// Another federated provider (SAML), by its id.
    Provider { id: &'a str },
    /// A service of the platform, a deleted principal, or something that cannot be placed.
    Other,
}

/// Issuers that serve everyone: without a condition on the subject, any of their users is let in.
const PUBLIC_ISSUERS: &[&str] = &[
    "token.actions.githubusercontent.com",
    "gitlab.com",
    "app.terraform.io",
    "agent.buildkite.com",
    "accounts.google.com",
    "cognito-identity.amazonaws.com",
    "www.amazon.com",
    "graph.facebook.com",
];

/// The account of an ARN, of the id of an account's entity (`aws:account/…`), or the text itself when it is an account
/// id of 12 digits.
#[must_use]
pub fn account_of(id: &str) -> Option<&str> {
    let digits = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let bare = id.strip_prefix("aws:account/").unwrap_or(id);
    if digits(bare) {
        return Some(bare);
    }
    let account = id.strip_prefix("arn:")?.split(':').nth(3)?;
    digits(account).then_some(account)
}

/// Whom a row of the trusts table names.
#[must_use]
pub fn trustee(row: &Trust) -> Trustee<'_> {
    let pattern = row.trustee_pattern.as_str();
    let name =
        ["AWS:", "Federated:", "CanonicalUser:"].iter().find_map(|kind| pattern.strip_prefix(kind)).unwrap_or(pattern);
    if name == "*" {
        return Trustee::Anyone;
    }
    // An assignment of Identity Center names one user or group, not everyone whom a provider signs in.
    if pattern.starts_with("IdentityCenter:") {
        return Trustee::Other;
    }
    if matches!(row.kind, TrustKind::Service | TrustKind::Deleted) || pattern.starts_with("Service:") {
        return Trustee::Other;
    }
    if let Some((_, issuer)) = name.split_once(":oidc-provider/") {
        return Trustee::Oidc { issuer };
    }
    if PUBLIC_ISSUERS.contains(&name) {
        return Trustee::Oidc { issuer: name };
    }
    if row.kind == TrustKind::Federated || name.contains(":saml-provider/") {
        return Trustee::Provider { id: name };
    }
    match account_of(name) {
        Some(account) => Trustee::Account { account, whole: name == account || name.ends_with(":root") },
        None => Trustee::Other,
    }
}

/// Whether everyone may have an account at this issuer.
#[must_use]
pub fn is_public_issuer(issuer: &str) -> bool {
    PUBLIC_ISSUERS.contains(&issuer)
}

/// Whether the statement's action lets the trusted one act as the target. Platforms other than AWS write no action
/// that is not one.
#[must_use]
pub fn lets_act(row: &Trust) -> bool {
    const ASSUME: [&str; 3] = ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"];
    let sts = row.action == "*" || row.action.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("sts:"));
    !sts || ASSUME.iter().any(|action| text::glob_ignore_case(&row.action, action))
}

/// What a condition block narrows the trusted ones to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "six independent questions, each asked by some rule alone")]
pub struct Restriction {
    /// To named principals, accounts or organisations.
    pub identity: bool,
    /// To members of a named organisation; `identity` then holds too.
    pub organization: bool,
    /// To those that know an external id.
    pub external_id: bool,
    /// To named subjects of a federated provider.
    pub subject: bool,
    /// To a network.
    pub network: bool,
    /// To sessions with a second factor.
    pub mfa: bool,
}

impl Restriction {
    /// Whether it narrows at all.
    #[must_use]
    pub const fn any(self) -> bool {
        self.identity || self.external_id || self.subject || self.network || self.mfa
    }

    /// What a condition block, given as JSON, narrows to. What cannot be read narrows nothing.
    #[must_use]
    pub fn of(condition: Option<&str>) -> Self {
        let mut found = Self::default();
        let Some(Ok(Value::Object(block))) = condition.map(serde_json::from_str) else { return found };
        for (operator, keys) in &block {
            let Value::Object(keys) = keys else { continue };
            for (key, values) in keys {
                found.note(&operator.to_ascii_lowercase(), &key.to_ascii_lowercase(), &texts(values));
            }
        }
        found
    }

    fn note(&mut self, operator: &str, key: &str, values: &[String]) {
        const POSITIVE: [&str; 7] =
            ["stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress", "bool"];
        // `ForAllValues` holds of a key that is not there, and so does `…IfExists`, save where a key always is there.
        let operator = operator.strip_prefix("foranyvalue:").unwrap_or(operator);
        let (operator, optional) = match operator.strip_suffix("ifexists") {
            Some(operator) => (operator, true),
            None => (operator, false),
        };
        let always_there = matches!(key, "aws:principalarn" | "aws:principalaccount" | "aws:sourceip");
        if !POSITIVE.contains(&operator) || (optional && !always_there) || values.is_empty() {
            return;
        }
        let narrow = |check: fn(&str) -> bool| values.iter().all(|value| check(value));
        let organizations = ["aws:principalorgid", "aws:principalorgpaths"];
        self.organization |= organizations.contains(&key) && narrow(has_literal);
        match key {
            "sts:externalid" => self.external_id |= narrow(has_literal),
            "aws:principalarn" | "aws:sourcearn" => self.identity |= narrow(names_account),
            "aws:principalorgid"
            | "aws:principalorgpaths"
            | "aws:principalaccount"
            | "aws:userid"
            | "aws:sourceaccount"
            | "aws:sourceorgid"
            | "aws:sourceorgpaths" => self.identity |= narrow(has_literal),
            "aws:sourceip" | "aws:vpcsourceip" => self.network |= narrow(is_network),
            "aws:sourcevpc" | "aws:sourcevpce" => self.network |= narrow(has_literal),
            "aws:multifactorauthpresent" => self.mfa |= narrow(|value| value == "true"),
            "cognito-identity.amazonaws.com:aud" | "saml:aud" => self.subject |= narrow(has_literal),
            _ if key.starts_with("saml:") => self.subject |= narrow(has_literal),
            _ if is_subject_claim(key) => self.subject |= narrow(names_subject),
            _ => {}
        }
    }
}

fn is_subject_claim(key: &str) -> bool {
    const CLAIMS: [&str; 6] =
        ["sub", "repository", "repository_id", "repository_owner", "repository_owner_id", "job_workflow_ref"];
    key.rsplit_once(':').is_some_and(|(issuer, claim)| issuer != "aws" && issuer != "sts" && CLAIMS.contains(&claim))
}

fn texts(values: &Value) -> Vec<String> {
    let one = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match values {
        Value::Array(list) => list.iter().map(one).collect(),
        value => vec![one(value)],
    }
}

/// The part of a pattern before its first wildcard.
fn literal(pattern: &str) -> &str {
    pattern.split(['*', '?']).next().unwrap_or_default()
}

fn has_literal(value: &str) -> bool {
    !literal(value).is_empty()
}

fn names_account(value: &str) -> bool {
    account_of(value).is_some()
}

fn is_network(value: &str) -> bool {
    !value.ends_with("/0")
}

/// Whether a subject pattern is tied to one tenant: `repo:octo-org/*` is, `repo:*` is not.
fn names_subject(value: &str) -> bool {
    let fixed = literal(value);
    let exact = fixed.len() == value.len();
    for (prefix, needs_slash) in [("repo:", true), ("project_path:", true), ("organization:", false)] {
        if let Some(rest) = fixed.strip_prefix(prefix) {
            return !rest.is_empty() && (exact || !needs_slash || rest.contains('/'));
        }
    }
    !fixed.is_empty() && (exact || !"repo:project_path:organization:".contains(fixed))
}

/// Who outside the organisation may act as the entity, in words; the first in the order of its statements.
#[must_use]
pub fn outsider(context: &Context<'_>, entity: EntityId) -> Option<String> {
    context.trusts(entity).iter().filter(|row| lets_act(row)).find_map(|row| {
        let restriction = Restriction::of(row.condition.as_deref());
        match trustee(row) {
            Trustee::Anyone if !restriction.identity => Some("anyone".to_owned()),
            Trustee::Account { account, .. }
                if !context.is_own_account(account)
                    && row.kind != TrustKind::SameAccount
                    && !restriction.organization =>
            {
                Some(format!("account {account}"))
            }
            Trustee::Oidc { issuer } if is_public_issuer(issuer) && !restriction.subject => {
                Some(format!("any user of `{issuer}`"))
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pattern: &str, kind: TrustKind) -> Trust {
        Trust {
            target: EntityId(0),
            trustee: None,
            trustee_pattern: pattern.to_owned(),
            action: "sts:AssumeRole".to_owned(),
            condition: None,
            kind,
            grant: 0,
        }
    }

    #[test]
    fn trustees_are_told_apart_in_every_spelling() {
        let account = |account, whole| Trustee::Account { account, whole };
        for (pattern, kind, expected) in [
            ("*", TrustKind::External, Trustee::Anyone),
            ("AWS:*", TrustKind::External, Trustee::Anyone),
            ("123456789012", TrustKind::CrossAccount, account("123456789012", true)),
            ("AWS:arn:aws-cn:iam::123456789012:root", TrustKind::External, account("123456789012", true)),
            ("arn:aws:sts::123456789012:assumed-role/a/b", TrustKind::External, account("123456789012", false)),
            ("AWS:AROAEXAMPLEEXAMPLE12", TrustKind::Deleted, Trustee::Other),
            ("Service:ec2.amazonaws.com", TrustKind::Service, Trustee::Other),
            (
                "Federated:arn:aws:iam::123456789012:oidc-provider/gitlab.com",
                TrustKind::Federated,
                Trustee::Oidc { issuer: "gitlab.com" },
            ),
            ("IdentityCenter:aws:identity-center/group/g-1", TrustKind::Federated, Trustee::Other),
            (
                "arn:aws:iam::123456789012:saml-provider/okta",
                TrustKind::Federated,
                Trustee::Provider { id: "arn:aws:iam::123456789012:saml-provider/okta" },
            ),
        ] {
            assert_eq!(trustee(&row(pattern, kind)), expected, "{pattern}");
        }
    }

    #[test]
    fn only_conditions_that_keep_strangers_out_restrict() {
        for (condition, expected) in [
            (r#"{"StringEquals":{"sts:ExternalId":["x"]}}"#, true),
            (r#"{"StringEqualsIfExists":{"sts:ExternalId":["x"]}}"#, false),
            (r#"{"StringNotEquals":{"sts:ExternalId":["x"]}}"#, false),
            (r#"{"StringLike":{"aws:PrincipalOrgID":"o-*"}}"#, true),
            (r#"{"StringLike":{"aws:PrincipalOrgID":"*"}}"#, false),
            (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/ci"}}"#, false),
            (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/*"}}"#, true),
            (r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","0.0.0.0/0"]}}"#, false),
            (r#"{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}"#, false),
            (r#"{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:octo/*"}}"#, true),
            (r#"{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:octo*"}}"#, false),
            (r#"{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:*"}}"#, false),
            (r#"{"StringLike":{"token.actions.githubusercontent.com:sub":["repo:octo/a:*","r*"]}}"#, false),
            (r#"{"ForAllValues:StringLike":{"gitlab.com:sub":"project_path:a/b:*"}}"#, false),
            (r#"{"Bool":{"aws:MultiFactorAuthPresent":true}}"#, true),
            (r#"{"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}"#, false),
            ("{", false),
        ] {
            assert_eq!(Restriction::of(Some(condition)).any(), expected, "{condition}");
        }
    }

    #[test]
    fn an_outsider_is_whom_no_condition_ties_to_the_organisation() {
        use crate::findings::testkit::World;
        let other = "AWS:arn:aws:iam::999999999999:root";
        let github = "Federated:arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com";
        let member = r#"{"StringEquals":{"aws:PrincipalOrgID":["o-abc"]}}"#;
        let subject = r#"{"StringLike":{"token.actions.githubusercontent.com:sub":["repo:octo/app:*"]}}"#;
        for (pattern, kind, condition, expected) in [
            ("*", TrustKind::External, None, Some("anyone")),
            ("*", TrustKind::External, Some(member), None),
            (other, TrustKind::CrossAccount, None, Some("account 999999999999")),
            (other, TrustKind::CrossAccount, Some(member), None),
            (github, TrustKind::Federated, Some(subject), None),
            (github, TrustKind::Federated, None, Some("any user of `token.actions.githubusercontent.com`")),
            ("AWS:arn:aws:iam::111111111111:root", TrustKind::SameAccount, None, None),
        ] {
            let mut world = World::new();
            let role = world.role("app");
            world.trust(role, pattern, kind, condition);
            let found = world.with(|context| context.principals().find_map(|entity| outsider(context, entity.entity)));
            assert_eq!(found.as_deref(), expected, "{pattern} {condition:?}");
        }
    }

    #[test]
    fn only_actions_that_give_a_session_count() {
        let mut trust = row("*", TrustKind::External);
        for (action, expected) in
            [("sts:assumerole", true), ("sts:*", true), ("sts:TagSession", false), ("*", true), ("impersonate", true)]
        {
            action.clone_into(&mut trust.action);
            assert_eq!(lets_act(&trust), expected, "{action}");
        }
    }
}
