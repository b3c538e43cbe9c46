//! People and groups of Google Workspace and Cloud Identity.

use serde_json::Value;

use super::super::names;
use super::estate::{ALSO, Estate};
use super::value::{at, field, flag, list, text, time};
use crate::model::{EntityKind, Handle, MembershipKind};

/// Whether a record is a person of a directory.
#[must_use]
pub fn is_user(value: &Value) -> bool {
    text(value, "primaryEmail").is_some()
}

/// Reads a person.
pub fn user(estate: &mut Estate<'_>, value: &Value, place: &str) {
    let Some(email) = text(value, "primaryEmail").filter(|email| email.contains('@')) else {
        return estate.out.skip("record_invalid", place, "a user has no e-mail address".to_owned());
    };
    estate.out.source.records += 1;
    let handle = estate.member(&names::user(&email));
    let out = flag(value, "suspended").unwrap_or(false) || flag(value, "archived").unwrap_or(false);
    // Whoever never signed in has the beginning of time.
    let last = time(value, "lastLoginTime").filter(|last| *last > 0);
    let unique = text(value, "id").map(std::borrow::Cow::into_owned);
    estate.describe(handle, place, |entity| {
        entity.enabled = Some(!out);
        entity.created_at = entity.created_at.or_else(|| time(value, "creationTime"));
        entity.unique_id = entity.unique_id.take().or(unique);
        if entity.last_used_at < last {
            entity.last_used_at = last;
            entity.last_used_source = Some("directory".to_owned());
        }
    });
    for (key, attribute) in
        [("isAdmin", "super_admin"), ("isDelegatedAdmin", "delegated_admin"), ("isEnrolledIn2Sv", "second_factor")]
    {
        if let Some(flag) = flag(value, key) {
            estate.out.attribute(handle, attribute, if flag { "true" } else { "false" });
        }
    }
    estate.out.attribute(handle, "listed", "true");
    for (key, attribute) in [("customerId", "customer_id"), ("orgUnitPath", "org_unit")] {
        if let Some(text) = text(value, key) {
            estate.out.attribute(handle, attribute, &text);
        }
    }
    if let Some(name) = at(value, &["name", "fullName"]).and_then(Value::as_str) {
        estate.out.attribute(handle, "display_name", name);
    }
}

/// Whether a record is a group.
#[must_use]
pub fn is_group(value: &Value) -> bool {
    let admin = text(value, "kind").is_some_and(|kind| kind == "admin#directory#group");
    let key = at(value, &["groupKey", "id"]).is_some();
    admin || (key && text(value, "name").is_some_and(|name| name.starts_with("groups/")))
}

/// Reads a group.
pub fn group(estate: &mut Estate<'_>, value: &Value, place: &str) {
    let email = at(value, &["groupKey", "id"]).and_then(super::value::plain).or_else(|| text(value, "email"));
    let Some(email) = email.filter(|email| email.contains('@')) else {
        return estate.out.skip("record_invalid", place, "a group has no e-mail address".to_owned());
    };
    estate.out.source.records += 1;
    let handle = estate.member(&names::group(&email));
    let created = time(value, "createTime");
    estate.describe(handle, place, |entity| entity.created_at = entity.created_at.or(created));
    for key in ["name", "id"] {
        if let Some(name) = text(value, key) {
            let id = name.strip_prefix("groups/").unwrap_or(&name);
            estate.out.attribute(handle, ALSO, &format!("gcp:group/{id}"));
        }
    }
    if text(value, "directMembersCount").is_some_and(|count| count == "0") {
        estate.out.attribute(handle, MEMBERS_LISTED, "true");
    }
    if let Some(name) = text(value, "displayName") {
        estate.out.attribute(handle, "display_name", &name);
    }
}

/// Attribute of a group whose members some file has.
pub const MEMBERS_LISTED: &str = "members_listed";

/// Whether a record is one of a group's members.
#[must_use]
pub fn is_membership(value: &Value) -> bool {
    let identity = text(value, "name").is_some_and(|name| name.starts_with("groups/") && name.contains("/memberships/"));
    let admin = text(value, "kind").is_some_and(|kind| kind == "admin#directory#member");
    // A list of members as the Admin SDK gives it, without its kind.
    let is = |key: &str, of: &[&str]| text(value, key).is_some_and(|text| of.contains(&text.as_ref()));
    let plain = is("type", &["USER", "GROUP", "CUSTOMER", "EXTERNAL"]) && is("role", &["OWNER", "MANAGER", "MEMBER"]);
    identity || admin || plain
}

/// Reads a member of a group. `group` is what the file says beside the records, where they do not say it.
pub fn membership(estate: &mut Estate<'_>, value: &Value, group: Option<&str>, place: &str) {
    let own = text(value, "name").and_then(|name| Some(name.strip_prefix("groups/")?.split_once('/')?.0.to_owned()));
    let own = group.map(str::to_owned).or(own);
    let Some(group) = own else {
        let message = "a member of a group that the file does not name: put the list under a key `members` beside `group`, or call the file after the group's e-mail address";
        return estate.out.skip("group_unknown", place, message.to_owned());
    };
    let email = at(value, &["preferredMemberKey", "id"]).and_then(super::value::plain).or_else(|| text(value, "email"));
    let kind = text(value, "type").unwrap_or_default();
    let id = text(value, "id");
    let member = match (kind.as_ref(), email) {
        ("CUSTOMER", _) => id.map(|id| customer(estate, &id)),
        ("GROUP", Some(email)) => Some(estate.member(&names::group(&email))),
        ("SERVICE_ACCOUNT", Some(email)) => Some(estate.account(&email)),
        (_, Some(email)) if email.ends_with(".gserviceaccount.com") => Some(estate.account(&email)),
        (_, Some(email)) if email.contains('@') => Some(estate.member(&names::user(&email))),
        _ => None,
    };
    let Some(member) = member else {
        return estate.out.skip("member_invalid", place, "a member of a group has no e-mail address".to_owned());
    };
    estate.out.source.records += 1;
    let container = estate.member(&names::group(&group));
    estate.out.attribute(container, MEMBERS_LISTED, "true");
    let suspended = text(value, "status").is_some_and(|status| status == "SUSPENDED");
    if suspended {
        estate.describe(member, place, |entity| entity.enabled = Some(false));
    }
    estate.relate(member, container, MembershipKind::MemberOf, end(value), place);
    let manages = |role: &str| matches!(role, "OWNER" | "MANAGER");
    let roles = list(value, "roles").iter().filter_map(|role| role.get("name")?.as_str());
    if roles.chain(field(value, "role").and_then(Value::as_str)).any(manages) {
        estate.relate(member, container, MembershipKind::Owns, None, place);
    }
}

/// When a membership ends by itself.
fn end(value: &Value) -> Option<i64> {
    let of = |role: &Value| time(field(role, "expiryDetail")?, "expireTime");
    list(value, "roles").iter().filter_map(of).max()
}

/// Everybody of a directory.
fn customer(estate: &mut Estate<'_>, id: &str) -> Handle {
    let name = format!("principalSet://goog/cloudIdentityCustomerId/{id}");
    let member = names::Member { id: name.clone(), kind: EntityKind::Group, name, deleted: None };
    estate.member(&member)
}
