//! Other responses of IAM that lie next to the main exports: they add dates and providers to what those say.
//!
//! A user or role that only such a response shows is not taken as defined, because nothing says what it may do.

use serde_json::Value;

use super::authorization::moment;
use super::authorization_records::Stamp;
use super::names;
use super::response::{self, Page, text};
use crate::model::{Builder, Entity, EntityKind, IssueSeverity};
use crate::platforms::aws::NAME;
use crate::platforms::aws::arn::{Arn, account_id};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Beginning of the id of the root user of an account that the response does not name.
pub const PENDING_ROOT: &str = "aws:root-of/";

/// Reads what is useful of IAM's other responses.
pub struct OtherResponses;

const LISTS: &[&str] = &["Users", "Roles", "Groups", "SAMLProviderList", "OpenIDConnectProviderList"];

/// Responses that hold nothing that is not in the main exports, or nothing that is about rights.
const SILENT: [&str; 16] = [
    "AccessKeyMetadata",
    "AccountAliases",
    "AttachedPolicies",
    "InlinePolicies",
    "InstanceProfiles",
    "MFADevices",
    "PasswordPolicy",
    "PolicyNames",
    "PolicyVersion",
    "SSHPublicKeys",
    "ServerCertificateMetadataList",
    "ServiceSpecificCredentials",
    "SigningCertificates",
    "Versions",
    "VirtualMFADevices",
    "AccessKeyLastUsed",
];

impl Reader for OtherResponses {
    fn name(&self) -> &'static str {
        "aws-other-response"
    }

    fn title(&self) -> &'static str {
        "other AWS IAM responses (`get-user`, `get-role`, `list-saml-providers`, `get-account-summary`, …)"
    }

    fn recognises(&self, head: &Head) -> bool {
        let holds_arn = |key: &str| {
            let value = head.object().and_then(|object| object.get(key));
            value.is_some_and(|value| value.get("Arn").is_some())
        };
        let lists_arns = |key: &str| head.first(key).is_some_and(|item| item.contains_key("Arn"));
        ["SAMLProviderList", "OpenIDConnectProviderList", "SummaryMap"].iter().any(|key| head.has(key))
            || ["User", "Role", "Group"].iter().any(|key| holds_arn(key))
            || ["Users", "Roles", "Groups", "Policies"].iter().any(|key| lists_arns(key) || head.is_empty_list(key))
            || SILENT.iter().any(|key| head.has(key))
            || head.is_empty_list("AttachedManagedPolicies")
            || head.object().is_some_and(super::secrets::hands_out)
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let path = input.path().to_owned();
        response::pages(input, out, LISTS, |out, page| read_page(out, page, &path))
    }
}

fn read_page(out: &mut Builder, mut page: Page, path: &str) {
    for list in ["Users", "Roles", "Groups"] {
        for (pointer, item) in page.take(list) {
            principal(out, &item, &pointer);
        }
    }
    for field in ["User", "Role", "Group"] {
        if let Some(item) = page.fields.get(field) {
            principal(out, item, &page.at(field));
        }
    }
    for list in ["SAMLProviderList", "OpenIDConnectProviderList"] {
        for (pointer, item) in page.take(list) {
            provider(out, &item, &pointer);
        }
    }
    if let Some(summary) = page.fields.get("SummaryMap") {
        let root = out.refer(&format!("{PENDING_ROOT}{path}"), NAME, EntityKind::User, "root");
        for (field, attribute) in
            [("AccountMFAEnabled", "account_mfa_enabled"), ("AccountAccessKeysPresent", "account_access_keys_present")]
        {
            if let Some(count) = summary.get(field).and_then(Value::as_i64) {
                out.attribute(root, attribute, if count > 0 { "true" } else { "false" });
            }
        }
    }
}

/// Dates and tags of a user, group or role that other exports define.
fn principal(out: &mut Builder, item: &Value, pointer: &str) {
    let Some(arn_text) = text(item, "Arn") else {
        return out.skip("record_invalid", pointer, "a record has no `Arn`".to_owned());
    };
    let Some(arn) = Arn::parse(arn_text) else {
        return out.skip("record_invalid", pointer, format!("`{arn_text}` is no ARN"));
    };
    let handle = names::named(out, arn_text, arn.account);
    let mut known = out.entity(handle).clone();
    let created = item.get("CreateDate").map(Stamp::of).unwrap_or_default();
    known.created_at = moment(out, &created, pointer);
    let password = item.get("PasswordLastUsed").map(Stamp::of).unwrap_or_default();
    let role = item.get("RoleLastUsed").and_then(|used| used.get("LastUsedDate")).map(Stamp::of).unwrap_or_default();
    let (used, source) = match (moment(out, &password, pointer), moment(out, &role, pointer)) {
        (None, Some(used)) => (Some(used), "role-last-used"),
        (used, _) => (used, "password-last-used"),
    };
    known.last_used_at = used;
    known.last_used_source = used.map(|_| source.to_owned());
    out.define(known);
    for tag in item.get("Tags").and_then(Value::as_array).into_iter().flatten() {
        let (Some(key), Some(value)) = (text(tag, "Key"), tag.get("Value").and_then(Value::as_str)) else { continue };
        if !super::secrets::is_secret(value) {
            out.attribute(handle, &format!("tag:{key}"), value);
        }
    }
}

/// An identity provider that an account trusts.
fn provider(out: &mut Builder, item: &Value, pointer: &str) {
    let Some(arn) = text(item, "Arn").and_then(Arn::parse) else {
        return out.skip("record_invalid", pointer, "an identity provider has no ARN".to_owned());
    };
    let id = text(item, "Arn").unwrap_or_default();
    let name = arn.resource.split_once('/').map_or(arn.resource, |(_, name)| name);
    let mut entity = Entity::named(id, NAME, EntityKind::Application, name);
    entity.present = true;
    if arn.has_account() {
        entity.scope = Some(account_id(arn.account));
        names::account(out, arn.account);
    }
    let created = item.get("CreateDate").map(Stamp::of).unwrap_or_default();
    entity.created_at = moment(out, &created, pointer);
    entity.source = Some(out.source_id());
    entity.record = Some(pointer.to_owned());
    out.define(entity);
}

/// Says that facts about a root user are dropped because nothing says of which account it is.
pub fn report_unknown(builder: &mut Builder, only_root: Option<&str>) {
    let pending = builder.entities().iter().any(|entity| entity.id.starts_with(PENDING_ROOT));
    if pending && only_root.is_none() {
        let message =
            "an account summary does not say of which account it is, and the scan holds none or several".to_owned();
        builder.issue(IssueSeverity::Note, "account_unknown", "", message);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, read};
    use super::*;
    use crate::model::text::parse_time;

    #[test]
    fn a_user_response_adds_dates_without_defining_the_user() {
        let out = read(
            &OtherResponses,
            "get-user/a",
            r#"{"User":{"Arn":"arn:aws:iam::111111111111:user/a","CreateDate":"2020-01-01T00:00:00Z","PasswordLastUsed":"2021-01-01T00:00:00Z","Tags":[{"Key":"team","Value":"x"}]}}"#,
        );
        let user = out.entity(out.handle("arn:aws:iam::111111111111:user/a").unwrap());
        assert_eq!(
            (user.present, user.created_at, user.last_used_at),
            (false, parse_time("2020-01-01"), parse_time("2021-01-01"))
        );
        assert_eq!(out.attributes.iter().filter(|row| row.key == "tag:team").count(), 1);
    }

    #[test]
    fn providers_are_applications_and_empty_lists_are_nothing_wrong() {
        let out = read(
            &OtherResponses,
            "x",
            r#"{"OpenIDConnectProviderList":[{"Arn":"arn:aws:iam::111111111111:oidc-provider/gitlab.com"}]}"#,
        );
        let provider = out.entity(out.handle("arn:aws:iam::111111111111:oidc-provider/gitlab.com").unwrap());
        assert_eq!(
            (provider.kind, provider.present, provider.name.as_str()),
            (EntityKind::Application, true, "gitlab.com")
        );
        let out = read(&OtherResponses, "x", r#"{"SAMLProviderList":[]}"#);
        assert!(codes(&out).is_empty() && out.entities().is_empty());
    }
}
