//! Amazon resource names and the other ways in which AWS names a principal.

/// The parts of an ARN: `arn:partition:service:region:account:resource`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    pub partition: &'a str,
    pub service: &'a str,
    pub region: &'a str,
    /// Twelve digits; `aws` for what AWS itself owns; empty for some services.
    pub account: &'a str,
    /// Everything behind the account, colons included.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits an ARN; `None` when it is none.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let arn = Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        };
        (!arn.partition.is_empty() && !arn.resource.is_empty()).then_some(arn)
    }

    /// Part of the resource before its first `/` or `:` (`role`, `user`, `assumed-role`).
    #[must_use]
    pub fn kind(&self) -> &'a str {
        self.resource.split(['/', ':']).next().unwrap_or(self.resource)
    }

    /// Name without path: the last part of the resource.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.resource.rsplit('/').next().unwrap_or(self.resource)
    }

    /// Whether the account is a number.
    #[must_use]
    pub fn has_account(&self) -> bool {
        is_account(self.account)
    }
}

/// Whether a text is an account number.
#[must_use]
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is a unique id of a principal (`AIDA…` user, `AROA…` role, `AGPA…` group, …), which is what the
/// ARN of a deleted principal turns into.
#[must_use]
pub fn is_unique_id(text: &str) -> bool {
    const PREFIXES: [&str; 4] = ["AIDA", "AROA", "AGPA", "ACCA"];
    // Older ids have no fourth letter of their own (`AIDAI…`, `AROAJ…`); the length is 16 to 128 in any case.
    text.len() >= 16
        && PREFIXES.iter().any(|prefix| text.starts_with(prefix))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Id of an account's entity.
#[must_use]
pub fn account_id(number: &str) -> String {
    format!("aws:account/{number}")
}

/// What an `AWS` principal of a policy means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal<'a> {
    /// Anyone at all.
    Anyone,
    /// An account as a whole.
    Account(&'a str),
    /// A user, role, group or other identity by its ARN.
    Named(Arn<'a>),
    /// A session of a role, which names the role without its path.
    Session { partition: &'a str, account: &'a str, role: &'a str },
    /// A unique id.
    UniqueId(&'a str),
    /// Something else.
    Other,
}

impl<'a> Principal<'a> {
    /// Reads the value of an `AWS` principal.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        if text == "*" {
            return Self::Anyone;
        }
        if is_account(text) {
            return Self::Account(text);
        }
        if is_unique_id(text) {
            return Self::UniqueId(text);
        }
        let Some(arn) = Arn::parse(text) else { return Self::Other };
        if arn.resource == "root" {
            return Self::Account(arn.account);
        }
        if arn.service == "sts"
            && arn.kind() == "assumed-role"
            && let Some(role) = arn.resource.split('/').nth(1)
        {
            return Self::Session { partition: arn.partition, account: arn.account, role };
        }
        Self::Named(arn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_keeps_colons_and_paths_in_its_resource() {
        let arn = Arn::parse("arn:aws-cn:iam::123456789012:role/a/b/Name").unwrap();
        assert_eq!((arn.partition, arn.account, arn.kind(), arn.name()), ("aws-cn", "123456789012", "role", "Name"));
        let arn = Arn::parse("arn:aws:lambda:eu-west-1:123456789012:function:f:1").unwrap();
        assert_eq!((arn.region, arn.kind(), arn.resource), ("eu-west-1", "function", "function:f:1"));
        assert_eq!(Arn::parse("arn:aws:iam::1"), None);
        assert_eq!(Arn::parse("urn:aws:iam::1:role/x"), None);
        assert_eq!(Arn::parse("arn:aws:iam::1:"), None);
    }

    #[test]
    fn every_form_of_principal_is_told_apart() {
        let session = "arn:aws:sts::123456789012:assumed-role/Name/session";
        assert_eq!(Principal::parse("*"), Principal::Anyone);
        assert_eq!(Principal::parse("123456789012"), Principal::Account("123456789012"));
        assert_eq!(Principal::parse("arn:aws:iam::123456789012:root"), Principal::Account("123456789012"));
        assert_eq!(
            Principal::parse(session),
            Principal::Session { partition: "aws", account: "123456789012", role: "Name" }
        );
        assert_eq!(Principal::parse("AROAEXAMPLEEXAMPLE123"), Principal::UniqueId("AROAEXAMPLEEXAMPLE123"));
        assert!(
            matches!(Principal::parse("arn:aws:iam::123456789012:user/x/y"), Principal::Named(arn) if arn.name() == "y")
        );
        assert_eq!(Principal::parse("AIDA-not-one"), Principal::Other);
    }
}
