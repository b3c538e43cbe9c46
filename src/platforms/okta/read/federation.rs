//! Roles of AWS that the application for account federation signs people in to.
//!
//! Which role it is says the profile of the assignment (`samlRoles`), or, where the application maps groups, the name of
//! a group by the application's filter (`aws_(?{{accountid}}\d+)_(?{{role}}[a-zA-Z0-9+=,.@\-_]+)`). What comes out is a
//! claim: the trust of the role decides.

use serde_json::Value;

use super::context::Context;
use crate::model::Handle;
use crate::platforms::input::api;

/// Attribute of a user or group: an application and the role that its assignment names.
pub const CLAIMED: &str = "saml_role";
/// Attribute of an application: account of its identity provider.
pub const ACCOUNT: &str = "aws_account";
/// Attribute of an application: filter of groups.
pub const FILTER: &str = "group_filter";
/// Attribute of an application: how a role is written.
pub const PATTERN: &str = "role_value_pattern";

/// Keeps what an application for AWS is set to.
pub fn settings(context: &mut Context<'_>, app: Handle, value: &Value) {
    if api::text(value, "name").as_deref() != Some("amazon_aws") {
        return;
    }
    let settings = value.get("settings").and_then(|settings| settings.get("app")).unwrap_or(&Value::Null);
    let provider = api::text(settings, "identityProviderArn");
    if let Some(account) = provider.as_deref().and_then(|arn| arn.split(':').nth(4)).filter(|text| !text.is_empty()) {
        context.out.attribute(app, ACCOUNT, account);
    }
    if api::flag(settings, "useGroupMapping") == Some(true) {
        for (key, attribute) in [("groupFilter", FILTER), ("roleValuePattern", PATTERN)] {
            if let Some(text) = api::text(settings, key) {
                context.out.attribute(app, attribute, &text);
            }
        }
    }
}

/// The role that an assignment names: an ARN, or a name in the account of the application's identity provider.
pub fn named(role: &str, account: Option<&str>) -> Option<String> {
    if role.starts_with("arn:") {
        return Some(role.to_owned());
    }
    // `[account alias] -- role` and the like: the alias tells no account.
    let plain = role.rsplit(" -- ").next()?.trim();
    if plain != role || plain.is_empty() || plain.contains(char::is_whitespace) {
        return None;
    }
    account.map(|account| format!("arn:aws:iam::{account}:role/{plain}"))
}

/// A part of a group filter.
#[derive(Debug, PartialEq)]
enum Part<'f> {
    Literal(&'f str),
    /// A named group of characters.
    Named(&'f str),
}

/// Takes a filter apart; `None` for what has more than text and the two named parts.
fn parts(filter: &str) -> Option<Vec<Part<'_>>> {
    let mut found = Vec::new();
    let mut rest = filter.trim_start_matches('^').trim_end_matches('$');
    while let Some(start) = rest.find("(?{{") {
        let name_end = rest[start..].find("}}")? + start;
        found.push(Part::Literal(&rest[..start]));
        found.push(Part::Named(&rest[start + 4..name_end]));
        let end = rest[name_end..].find(')')? + name_end;
        rest = &rest[end + 1..];
    }
    found.push(Part::Literal(rest));
    let simple = |part: &Part<'_>| match part {
        Part::Literal(text) => !text.contains(['(', '[', '*', '+', '\\', '|', '?']),
        Part::Named(name) => matches!(*name, "accountid" | "role"),
    };
    found.iter().all(simple).then_some(found)
}

/// The account and role in a group's name, by a filter; `None` when the filter does not match or cannot be read.
fn matched(filter: &str, name: &str) -> Option<(String, String)> {
    let parts = parts(filter)?;
    let (mut account, mut role) = (None, None);
    let mut rest = name;
    let mut parts = parts.iter().peekable();
    while let Some(part) = parts.next() {
        match part {
            Part::Literal(text) => rest = rest.strip_prefix(text)?,
            Part::Named(what) => {
                let all = |byte: &u8| if *what == "accountid" { byte.is_ascii_digit() } else { is_of_role(*byte) };
                let mut end = rest.bytes().take_while(|byte| all(byte)).count();
                // What follows must still be there.
                if let Some(Part::Literal(next)) = parts.peek()
                    && !next.is_empty()
                    && !rest[end..].starts_with(next)
                {
                    end = rest[..end].rfind(next)?;
                }
                let taken = rest[..end].to_owned();
                if taken.is_empty() {
                    return None;
                }
                if *what == "accountid" {
                    account = Some(taken);
                } else {
                    role = Some(taken);
                }
                rest = &rest[end..];
            }
        }
    }
    rest.is_empty().then_some((account?, role?))
}

fn is_of_role(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+=,.@-_".contains(&byte)
}

/// The role that a group stands for.
pub fn by_group(filter: &str, pattern: Option<&str>, name: &str) -> Option<String> {
    let (account, role) = matched(filter, name)?;
    let default = "arn:aws:iam::${accountid}:role/${role}";
    // The pattern is of the provider's ARN and the role's, in this order or the other.
    let pattern = pattern.and_then(|pattern| pattern.split(',').find(|one| one.contains(":role/"))).unwrap_or(default);
    Some(pattern.trim().replace("${accountid}", &account).replace("${role}", &role))
}

/// Whether a filter is one that is read here.
pub fn is_read(filter: &str) -> bool {
    parts(filter).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTER: &str = r"aws_(?{{accountid}}\d+)_(?{{role}}[a-zA-Z0-9+=,.@\-_]+)";

    #[test]
    fn groups_stand_for_roles() {
        let role = |name: &str| by_group(FILTER, None, name);
        assert_eq!(role("aws_111122223333_Admin").as_deref(), Some("arn:aws:iam::111122223333:role/Admin"));
        assert_eq!(role("aws_111122223333_a_b").as_deref(), Some("arn:aws:iam::111122223333:role/a_b"));
        assert_eq!(role("aws_x_Admin"), None);
        assert_eq!(role("everyone"), None);
        let pattern = "arn:aws:iam::${accountid}:saml-provider/OKTA,arn:aws:iam::${accountid}:role/okta/${role}";
        let swapped = r"^aws#(?{{role}}[\w\-]+)#(?{{accountid}}\d+)$";
        assert_eq!(
            by_group(swapped, Some(pattern), "aws#dev-ops#1").as_deref(),
            Some("arn:aws:iam::1:role/okta/dev-ops")
        );
        assert!(!is_read(r"aws_\S+_(?{{role}}x)"));
        assert_eq!(by_group(r"aws_\S+", None, "aws_1"), None);
    }

    #[test]
    fn assignments_name_roles() {
        assert_eq!(named("Admin", Some("1")).as_deref(), Some("arn:aws:iam::1:role/Admin"));
        assert_eq!(named("arn:aws:iam::2:role/x", Some("1")).as_deref(), Some("arn:aws:iam::2:role/x"));
        assert_eq!(named("Admin", None), None);
        assert_eq!(named("prod -- Admin", Some("1")), None);
    }
}
