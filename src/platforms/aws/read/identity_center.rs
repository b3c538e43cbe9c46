//! IAM Identity Center: people and groups of the identity store, permission sets, and who is assigned which
//! permission set in which account.
//!
//! An assignment becomes a trust of the role that Identity Center provisions for the permission set in the
//! account; which role that is shows when all files are known ([`super::assignments`]).

use serde_json::Value;

use super::document::{self, Place, Target};
use super::response::{self, Page, text, token};
use crate::model::{
    Attachment, AttachmentKind, Builder, Effect, Entity, EntityKind, Grant, Handle, IssueSeverity, Layer, Membership,
    MembershipKind, Standing, Trust, TrustKind,
};
use crate::platforms::aws::NAME;
use crate::platforms::aws::arn::{account_id, is_account};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Beginning of the id of a role that is provisioned for an assignment: account and permission set follow.
pub const PROVISIONED: &str = "aws:identity-center/";
/// Attribute of a permission set: path and name of a policy that each account has of its own.
pub const CUSTOMER_POLICY: &str = "customer_policy";
/// Attribute of a permission set: path and name of a boundary that each account has of its own.
pub const CUSTOMER_BOUNDARY: &str = "customer_boundary";

/// Reads responses of Identity Center and its identity store.
pub struct IdentityCenter;

const LISTS: &[&str] = &[
    "Users",
    "Groups",
    "GroupMemberships",
    "PermissionSets",
    "AccountAssignments",
    "AttachedManagedPolicies",
    "CustomerManagedPolicyReferences",
    "AccountIds",
];

impl Reader for IdentityCenter {
    fn name(&self) -> &'static str {
        "aws-identity-center"
    }

    fn title(&self) -> &'static str {
        "AWS IAM Identity Center (responses of `aws identitystore list-…` and `aws sso-admin list-…`)"
    }

    fn recognises(&self, head: &Head) -> bool {
        let first = |list: &str, key: &str| head.first(list).is_some_and(|item| item.contains_key(key));
        let set = head.object().and_then(|object| object.get("PermissionSet"));
        (first("Users", "UserId") && !first("Users", "Arn"))
            || (first("Groups", "GroupId") && !first("Groups", "Arn"))
            || first("GroupMemberships", "MembershipId")
            || first("GroupMemberships", "MemberId")
            || ["PermissionSets", "AccountAssignments", "CustomerManagedPolicyReferences"]
                .iter()
                .any(|key| head.has(key))
            || set.is_some_and(Value::is_object)
            || head.has("InlinePolicy")
            || (first("AttachedManagedPolicies", "Arn") && !first("AttachedManagedPolicies", "PolicyArn"))
            || (head.has("AccountIds") && !head.has("Accounts"))
            || (head.has("PermissionsBoundary") && head.object().is_some_and(|object| object.len() <= 4))
            || (head.is_empty_list("AttachedManagedPolicies") && permission_set(head.path()).is_some())
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let subject = response::file_subject(input);
        response::pages(input, out, LISTS, |out, mut page| {
            people(out, &mut page);
            memberships(out, &mut page);
            assignments(out, &mut page);
            permission_sets(out, &mut page, &subject);
            page.take("AccountIds");
        })
    }
}

/// The permission set that a text names: its ARN, or the last part of it.
fn permission_set(subject: &str) -> Option<String> {
    if subject.starts_with("arn:") && subject.contains(":permissionSet/") {
        return Some(subject.to_owned());
    }
    let id = token(subject, |part| part.strip_prefix("ps-").is_some_and(|rest| rest.len() >= 8))?;
    Some(format!("aws:permission-set/{id}"))
}

fn set_entity(out: &mut Builder, id: &str) -> Handle {
    let name = id.rsplit('/').next().unwrap_or(id);
    out.refer(id, NAME, EntityKind::RoleDefinition, name)
}

fn people(out: &mut Builder, page: &mut Page) {
    for (list, kind, label) in [("Users", EntityKind::User, "user"), ("Groups", EntityKind::Group, "group")] {
        let id_key = if kind == EntityKind::User { "UserId" } else { "GroupId" };
        for (pointer, item) in page.take(list) {
            let Some(id) = text(&item, id_key) else {
                out.skip("record_invalid", &pointer, format!("a {label} has no `{id_key}`"));
                continue;
            };
            let name = text(&item, "UserName").or_else(|| text(&item, "DisplayName")).unwrap_or(id);
            let mut entity = Entity::named(&format!("{PROVISIONED}{label}/{id}"), NAME, kind, name);
            entity.present = true;
            entity.source = Some(out.source_id());
            entity.record = Some(pointer);
            entity.enabled = text(&item, "UserStatus")
                .or_else(|| text(&item, "Status"))
                .map(|status| status.eq_ignore_ascii_case("enabled"));
            entity.scope = text(&item, "IdentityStoreId").map(|store| identity_store(out, store));
            let handle = out.define(entity);
            if let Some(email) = primary_email(&item) {
                out.attribute(handle, "email", email);
            }
        }
    }
}

/// The scope of an identity store.
fn identity_store(out: &mut Builder, store: &str) -> String {
    let id = format!("aws:identity-store/{store}");
    let mut entity = Entity::named(&id, NAME, EntityKind::Scope, store);
    entity.present = true;
    out.define(entity);
    id
}

fn primary_email(item: &Value) -> Option<&str> {
    let emails = item.get("Emails")?.as_array()?;
    let primary = emails.iter().find(|email| email.get("Primary") == Some(&Value::Bool(true)));
    text(primary.or_else(|| emails.first())?, "Value")
}

fn memberships(out: &mut Builder, page: &mut Page) {
    for (pointer, item) in page.take("GroupMemberships") {
        let user = item.get("MemberId").and_then(|member| text(member, "UserId"));
        let (Some(user), Some(group)) = (user, text(&item, "GroupId")) else {
            out.skip("record_invalid", &pointer, "a membership has no `GroupId` or no `MemberId.UserId`".to_owned());
            continue;
        };
        let member = out.refer(&format!("{PROVISIONED}user/{user}"), NAME, EntityKind::User, user);
        let container = out.refer(&format!("{PROVISIONED}group/{group}"), NAME, EntityKind::Group, group);
        let source = out.source_id();
        out.memberships.push(Membership {
            member,
            container,
            kind: MembershipKind::MemberOf,
            standing: Standing::Active,
            expires_at: None,
            source,
            record: pointer,
        });
    }
}

fn assignments(out: &mut Builder, page: &mut Page) {
    for (pointer, item) in page.take("AccountAssignments") {
        let parts = (text(&item, "AccountId"), text(&item, "PermissionSetArn"), text(&item, "PrincipalId"));
        let (Some(account), Some(set), Some(principal)) = parts else {
            let message = "an assignment lacks `AccountId`, `PermissionSetArn` or `PrincipalId`".to_owned();
            out.skip("record_invalid", &pointer, message);
            continue;
        };
        let group = text(&item, "PrincipalType") == Some("GROUP");
        let (label, kind) = if group { ("group", EntityKind::Group) } else { ("user", EntityKind::User) };
        let trustee = out.refer(&format!("{PROVISIONED}{label}/{principal}"), NAME, kind, principal);
        set_entity(out, set);
        assign(out, account, set, trustee, pointer);
    }
}

/// The trust of the role that an assignment provisions.
fn assign(out: &mut Builder, account: &str, set: &str, trustee: Handle, record: String) {
    let key = set.rsplit('/').next().unwrap_or(set);
    let mut role = Entity::named(&format!("{PROVISIONED}{account}/{key}"), NAME, EntityKind::Role, key);
    role.scope = Some(account_id(account));
    if is_account(account) {
        super::names::account(out, account);
    }
    let role = out.define(role);
    let pattern = format!("IdentityCenter:{}", out.entity(trustee).id);
    let grant = u32::try_from(out.grants.len()).unwrap_or(u32::MAX);
    let source = out.source_id();
    out.grants.push(Grant {
        grant,
        holder: role,
        effect: Effect::Allow,
        actions: vec!["sso:assignment".to_owned()],
        not_actions: Vec::new(),
        resources: Vec::new(),
        not_resources: Vec::new(),
        principals: vec![pattern.clone()],
        not_principals: Vec::new(),
        condition: None,
        variables: false,
        layer: Layer::Resource,
        policy: format!("assignment:{key}:{}", pattern.trim_start_matches("IdentityCenter:")),
        statement: "#0".to_owned(),
        granted_at: None,
        expires_at: None,
        source,
        record,
    });
    out.trusts.push(Trust {
        target: role,
        trustee: Some(trustee),
        trustee_pattern: pattern,
        action: "sso:assignment".to_owned(),
        condition: None,
        kind: TrustKind::Federated,
        grant,
    });
}

fn permission_sets(out: &mut Builder, page: &mut Page, subject: &str) {
    for (pointer, item) in page.take("PermissionSets") {
        match item.as_str() {
            Some(arn) => {
                set_entity(out, arn);
            }
            None => describe(out, &item, &pointer),
        }
    }
    if let Some(set) = page.fields.get("PermissionSet").filter(|set| set.is_object()) {
        let set = set.clone();
        describe(out, &set, &page.at("PermissionSet"));
    }
    let about = page.wrapper(&["PermissionSetArn", "PermissionSet"]).unwrap_or(subject).to_owned();
    let holder = permission_set(&about);
    let managed = page.take("AttachedManagedPolicies");
    let customer = page.take("CustomerManagedPolicyReferences");
    let says_something = !managed.is_empty()
        || !customer.is_empty()
        || ["InlinePolicy", "PermissionsBoundary"].iter().any(|key| page.fields.contains_key(*key));
    if !says_something {
        return;
    }
    let Some(holder) = holder.map(|id| set_entity(out, &id)) else {
        let message = "nothing says which permission set this is about: name the file after it, or wrap the response in an object with `PermissionSetArn`".to_owned();
        return out.skip("permission_set_unknown", &page.pointer, message);
    };
    for (pointer, item) in managed {
        if let Some(arn) = text(&item, "Arn") {
            attach(out, holder, arn, AttachmentKind::Identity, pointer);
        }
    }
    for (_, item) in customer {
        reference(out, holder, CUSTOMER_POLICY, &item);
    }
    inline(out, holder, page);
    if let Some(boundary) = page.fields.get("PermissionsBoundary") {
        if let Some(arn) = text(boundary, "ManagedPolicyArn") {
            attach(out, holder, arn, AttachmentKind::Boundary, page.at("PermissionsBoundary"));
        }
        if let Some(own) = boundary.get("CustomerManagedPolicyReference") {
            reference(out, holder, CUSTOMER_BOUNDARY, own);
        }
    }
}

fn describe(out: &mut Builder, set: &Value, pointer: &str) {
    let Some(arn) = text(set, "PermissionSetArn") else {
        return out.skip("record_invalid", pointer, "a permission set has no `PermissionSetArn`".to_owned());
    };
    let handle = set_entity(out, arn);
    if let Some(name) = text(set, "Name") {
        out.attribute(handle, "permission_set_name", name);
    }
    if let Some(duration) = text(set, "SessionDuration") {
        out.attribute(handle, "session_duration", duration);
    }
}

fn attach(out: &mut Builder, holder: Handle, arn: &str, kind: AttachmentKind, record: String) {
    let policy = super::names::named(out, arn, "");
    let source = out.source_id();
    out.attachments.push(Attachment { holder, policy, kind, source, record });
}

fn reference(out: &mut Builder, holder: Handle, key: &str, item: &Value) {
    if let Some(name) = text(item, "Name") {
        let path = text(item, "Path").unwrap_or("/").to_owned();
        out.attribute(holder, key, &format!("{path}{name}"));
    }
}

/// The inline policy of a permission set; that it is read, or known to be empty, makes the set known.
fn inline(out: &mut Builder, holder: Handle, page: &Page) {
    let Some(policy) = page.fields.get("InlinePolicy") else { return };
    let pointer = page.at("InlinePolicy");
    let (id, name) = (out.entity(holder).id.clone(), out.entity(holder).name.clone());
    if policy.as_str().is_some_and(|text| !text.trim().is_empty()) || policy.is_object() {
        match document::parse(policy, Place::Identity) {
            Ok(document) => {
                let target = Target { holder, layer: Layer::Identity, policy: &id, record: &pointer, granted_at: None };
                document::emit(out, target, document);
            }
            Err(why) => {
                let message = format!("the inline policy of permission set `{id}` cannot be read: {why}");
                return out.skip("policy_document_invalid", &pointer, message);
            }
        }
    } else if !policy.is_null() && !policy.is_string() {
        out.issue(
            IssueSeverity::Warning,
            "policy_document_invalid",
            &pointer,
            format!("the inline policy of `{id}` is no text"),
        );
        return;
    }
    let mut entity = Entity::named(&id, NAME, EntityKind::RoleDefinition, &name);
    entity.present = true;
    entity.source = Some(out.source_id());
    entity.record = Some(pointer);
    out.define(entity);
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, read};
    use super::*;

    #[test]
    fn people_groups_and_memberships() {
        let text = r#"{"Users":[{"UserId":"u1","UserName":"ada","IdentityStoreId":"d-1","Emails":[{"Value":"a@example.com","Primary":true}]},{"UserName":"x"}]}"#;
        let out = read(&IdentityCenter, "a.json", text);
        let ada = out.entity(out.handle("aws:identity-center/user/u1").unwrap());
        assert_eq!(
            (ada.name.as_str(), ada.scope.as_deref(), ada.present),
            ("ada", Some("aws:identity-store/d-1"), true)
        );
        assert_eq!(codes(&out), ["record_invalid"]);
        let text = r#"{"GroupMemberships":[{"IdentityStoreId":"d-1","MembershipId":"m","GroupId":"g1","MemberId":{"UserId":"u1"}}]}"#;
        let out = read(&IdentityCenter, "a.json", text);
        assert_eq!(out.memberships.len(), 1);
        assert_eq!(out.entity(out.memberships[0].container).id, "aws:identity-center/group/g1");
    }

    #[test]
    fn an_assignment_is_a_trust_of_the_provisioned_role() {
        let text = r#"{"AccountAssignments":[{"AccountId":"111111111111","PermissionSetArn":"arn:aws:sso:::permissionSet/ssoins-1/ps-12345678","PrincipalType":"GROUP","PrincipalId":"g1"}]}"#;
        let out = read(&IdentityCenter, "a.json", text);
        assert_eq!(out.trusts.len(), 1);
        assert_eq!(out.entity(out.trusts[0].target).id, "aws:identity-center/111111111111/ps-12345678");
        assert_eq!(out.trusts[0].trustee.map(|one| out.entity(one).id.as_str()), Some("aws:identity-center/group/g1"));
        assert_eq!(out.trusts[0].grant, out.grants[0].grant);
    }

    #[test]
    fn what_a_permission_set_holds_needs_to_know_the_set() {
        let arn = "arn:aws:sso:::permissionSet/ssoins-1/ps-12345678";
        let policy = r#"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}}"#;
        let out = read(&IdentityCenter, "x/ps-12345678.json", &format!(r#"{{"InlinePolicy":"{policy}"}}"#));
        assert_eq!(out.entity(out.grants[0].holder).id, "aws:permission-set/ps-12345678");
        assert!(out.entity(out.grants[0].holder).present);
        let out = read(&IdentityCenter, "x.json", &format!(r#"{{"PermissionSetArn":"{arn}","InlinePolicy":""}}"#));
        assert!(out.entity(out.handle(arn).unwrap()).present && out.grants.is_empty());
        let out = read(
            &IdentityCenter,
            "x.json",
            r#"{"AttachedManagedPolicies":[{"Name":"n","Arn":"arn:aws:iam::aws:policy/n"}]}"#,
        );
        assert_eq!(codes(&out), ["permission_set_unknown"]);
        let text = format!(
            r#"{{"PermissionSetArn":"{arn}","CustomerManagedPolicyReferences":[{{"Name":"n","Path":"/p/"}}]}}"#
        );
        let out = read(&IdentityCenter, "x.json", &text);
        assert_eq!(out.attributes[0].value, "/p/n");
    }
}
