//! Users, groups and administrative units.

use serde_json::Value;

use super::names;
use super::objects::{Objects, Right};
use super::value::{at, flag, list, text, time};
use crate::model::{Credential, CredentialKind, Entity, EntityKind, Handle, IssueSeverity, MembershipKind};

/// Attribute of a user or group that comes from another directory: its id there.
const SYNCED_FROM: &str = "synced_from";
/// Attribute of what is changed where it comes from, and not here.
const SYNCED: &str = "synced";
/// `$expand` gives no more than this many, and says nothing of the rest.
const EXPANDED_MAX: usize = 20;
/// What a group can give its members only if it may be assigned to roles of the directory.
const UNKNOWN_ASSIGNABLE: &str = "unknown: whether the group can be given roles of the directory is not in the export";
const UNKNOWN_SYNCED: &str = "unknown: whether the group comes from another directory is not in the export";

impl Objects<'_> {
    /// A flag of a record; one that is left out is false where the format leaves those out.
    pub fn flag(&self, record: &Value, key: &str) -> Option<bool> {
        flag(record, key).or((self.absent_is_false && record.get(key).is_none_or(Value::is_null)).then_some(false))
    }

    fn synced(&mut self, of: Handle, record: &Value, unknown: &str) {
        let sid = text(record, "onPremisesSecurityIdentifier");
        if let Some(sid) = sid {
            self.out.attribute(of, SYNCED_FROM, sid);
        }
        // Only a record that was asked for the field says with null that there is none.
        let asked = record.get("onPremisesSyncEnabled").is_some();
        let synced = self.flag(record, "onPremisesSyncEnabled").or(asked.then_some(false)).or(sid.map(|_| true));
        let value = synced.map_or_else(|| unknown.to_owned(), |synced| synced.to_string());
        self.out.attribute(of, SYNCED, &value);
    }

    /// Reads a user.
    pub fn user(&mut self, record: &Value, place: &str) {
        let Some(id) = text(record, "id") else { return self.nameless("user", place) };
        let principal_name = text(record, "userPrincipalName");
        let name = principal_name.or_else(|| text(record, "displayName")).unwrap_or(id);
        let mut entity = self.entity(&names::object(id), EntityKind::User, name);
        entity.enabled = self.flag(record, "accountEnabled");
        entity.created_at = time(record, "createdDateTime");
        entity.unique_id = principal_name.map(str::to_lowercase);
        seen(&mut entity, record);
        nature(&mut entity, record);
        let user = self.defined(entity, place);
        for (field, key) in [
            ("displayName", "display_name"),
            ("mail", "email"),
            ("userType", "user_type"),
            ("department", "department"),
            ("jobTitle", "job_title"),
            ("employeeId", "employee_id"),
        ] {
            if let Some(value) = text(record, field) {
                self.out.attribute(user, key, value);
            }
        }
        self.synced(user, record, "unknown: whether the user comes from another directory is not in the export");
        if let Some(changed) = time(record, "lastPasswordChangeDateTime") {
            let credential = format!("{}#password", names::object(id));
            self.out.credentials.push(Credential {
                credential,
                entity: user,
                kind: CredentialKind::Password,
                created_at: None,
                expires_at: None,
                last_used_at: None,
                never_used: None,
                last_rotated_at: Some(changed),
                active: None,
                source: self.out.source_id(),
                record: place.to_owned(),
            });
        }
        let password = at(record, &["passwordProfile"]).and_then(|profile| text(profile, "password"));
        self.secret(u64::from(password.is_some()), place);
    }

    /// Reads a group, with members and owners where the record has them.
    pub fn group(&mut self, record: &Value, place: &str) {
        let Some(id) = text(record, "id") else { return self.nameless("group", place) };
        let own = names::object(id);
        let name = text(record, "displayName");
        let named = name.is_some();
        let mut entity = self.entity(&own, EntityKind::Group, name.unwrap_or(id));
        entity.created_at = time(record, "createdDateTime");
        let group = self.defined(entity, place);
        let assignable = self.flag(record, "isAssignableToRole");
        // A record of a group's members alone says nothing else of it.
        if named {
            let asked = record.get("isAssignableToRole").is_some();
            let assignable = assignable.or(asked.then_some(false));
            let value = assignable.map_or_else(|| UNKNOWN_ASSIGNABLE.to_owned(), |flag| flag.to_string());
            self.out.attribute(group, "role_assignable", &value);
            let dynamic = text(record, "membershipRule").is_some()
                || super::value::texts(record, "groupTypes").any(|kind| kind == "DynamicMembership");
            self.out.attribute(group, "dynamic", &dynamic.to_string());
            let unified = super::value::texts(record, "groupTypes").any(|kind| kind == "Unified");
            self.out.attribute(group, "unified", &unified.to_string());
            self.synced(group, record, UNKNOWN_SYNCED);
        }
        for (key, is_member) in [("members", true), ("owners", false)] {
            let listed = list(record, key);
            if listed.len() == EXPANDED_MAX {
                let message = format!(
                    "`{}` has exactly {EXPANDED_MAX} {key} here: `$expand` gives no more than that, list them on their own",
                    name.unwrap_or(id)
                );
                self.out.issue(IssueSeverity::Warning, "list_cut", &format!("{place}/{key}"), message);
            }
            for (at, one) in listed.iter().enumerate() {
                let place = format!("{place}/{key}/{at}");
                if is_member { self.member(group, one, &place) } else { self.group_owner(group, one, &place) }
            }
        }
    }

    /// Puts a member into a group.
    pub fn member(&mut self, group: Handle, member: &Value, place: &str) {
        let Some(id) = text(member, "id") else { return self.nameless("member", place) };
        let name = text(member, "userPrincipalName").or_else(|| text(member, "displayName"));
        let member = self.object(id, text(member, "@odata.type").unwrap_or_default(), name);
        self.membership(member, group, MembershipKind::MemberOf, place);
    }

    /// Gives the owner of a group what owners may.
    pub fn group_owner(&mut self, group: Handle, owner: &Value, place: &str) {
        let Some(holder) = self.owned(group, owner, place) else { return self.nameless("owner", place) };
        let id = self.out.entity(group).id.clone();
        let rights = ["groups/members/update", "groups/owners/update", "groupsAssignableToRoles/members/update"];
        self.owner_right(holder, &id, &rights, place);
    }

    /// Rights that owning something gives on it.
    pub fn owner_right(&mut self, holder: Handle, owned: &str, rights: &[&str], place: &str) {
        let statement = format!("owner of {owned}");
        let actions = rights.iter().map(|right| format!("entra:microsoft.directory/{right}")).collect();
        let resources = vec![format!("={owned}")];
        self.grant(Right { actions, resources, policy: "owner", statement: &statement, ..Right::of(holder) }, place);
    }

    /// Reads an administrative unit, with members where the record has them.
    pub fn unit(&mut self, record: &Value, place: &str) {
        let Some(id) = text(record, "id") else { return self.nameless("administrative unit", place) };
        let name = text(record, "displayName").unwrap_or(id);
        let entity = self.entity(&names::object(id), EntityKind::Scope, name);
        let unit = self.defined(entity, place);
        self.out.attribute(unit, "type", "administrativeunit");
        if flag(record, "isMemberManagementRestricted") == Some(true) {
            self.out.attribute(unit, "restricted", "true");
            let message = format!(
                "`{name}` restricts who manages its members: roles of the whole tenant are still counted for them"
            );
            self.out.issue(IssueSeverity::Note, "restricted_unit", place, message);
        }
        for (at, member) in list(record, "members").iter().enumerate() {
            let place = format!("{place}/members/{at}");
            let Some(id) = text(member, "id") else {
                self.nameless("member", &place);
                continue;
            };
            let name = text(member, "userPrincipalName").or_else(|| text(member, "displayName"));
            let member = self.object(id, text(member, "@odata.type").unwrap_or_default(), name);
            self.membership(member, unit, MembershipKind::Contains, &place);
        }
    }

    /// Reports a record that says not what it is about.
    pub fn nameless(&mut self, what: &str, place: &str) {
        self.out.skip("record_invalid", place, format!("a {what} has no `id`"));
    }
}

/// When a user was last seen, by any kind of sign-in.
fn seen(entity: &mut Entity, record: &Value) {
    let Some(activity) = at(record, &["signInActivity"]) else { return };
    let keys = ["lastSignInDateTime", "lastNonInteractiveSignInDateTime", "lastSuccessfulSignInDateTime"];
    entity.last_used_at = keys.iter().filter_map(|key| time(activity, key)).max();
    entity.last_used_source = entity.last_used_at.map(|_| "entra_sign_in".to_owned());
}

/// Whether a user is a person, where the record says anything that only people have.
fn nature(entity: &mut Entity, record: &Value) {
    let given = |key: &str| text(record, key).is_some();
    let reason = if given("employeeId") {
        "has an employee id"
    } else if given("givenName") && given("surname") {
        "has a given name and a surname"
    } else if given("jobTitle") {
        "has a job title"
    } else if text(record, "userType") == Some("Guest") {
        "invited as a guest"
    } else if entity.name.starts_with("Sync_") && entity.name.contains('@') {
        entity.nhi = Some(true);
        entity.nhi_reason = Some("account of the directory synchronisation".to_owned());
        return;
    } else {
        return;
    };
    entity.nhi = Some(false);
    entity.nhi_reason = Some(reason.to_owned());
}
