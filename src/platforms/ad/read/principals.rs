//! Users, groups and computers: who they are, what they are members of, what proves them.

use serde_json::Value;

use super::super::names;
use super::kind::Kind;
use super::objects::{Objects, Record};
use super::value::{flag, list, number, text, texts, time};
use crate::model::{Credential, CredentialKind, EntityKind, Handle, MembershipKind};

/// Properties in which passwords are found.
const PASSWORDS: [&str; 5] = ["userpassword", "unixpassword", "unicodepassword", "unicodepwd", "sfupassword"];
/// Properties that people's accounts have and services' have not.
const PERSONAL: [&str; 3] = ["email", "title", "homedirectory"];

/// Reads what only principals have.
pub fn read(objects: &mut Objects<'_>, record: &Record<'_>, handle: Handle) {
    for field in PASSWORDS {
        let value = record.properties.get(field);
        let empty = value.is_none_or(|value| value.is_null() || value.as_str().is_some_and(str::is_empty));
        if !empty {
            objects.secret(format!("{}/Properties/{field}", record.place));
        }
    }
    if record.kind == Kind::Group {
        return members(objects, record, handle);
    }
    if record.kind == Kind::User {
        nature(objects, record, handle);
    } else {
        computer(objects, record, handle);
    }
    credential(objects, record, handle);
    if let Some(primary) = text(record.value, "PrimaryGroupSID") {
        let group = objects.named(record, primary, EntityKind::Group);
        objects.member(handle, group, MembershipKind::MemberOf, &format!("{}/PrimaryGroupSID", record.place));
    }
    for (at, history) in list(record.value, "HasSIDHistory").iter().enumerate() {
        if let Some(other) = objects.referred(record, history) {
            let id = objects.out.entity(other).id.clone();
            objects.hold(handle, "sid:HasSIDHistory", &id, None, &format!("{}/HasSIDHistory/{at}", record.place));
        }
    }
    delegation(objects, record, handle);
}

fn members(objects: &mut Objects<'_>, record: &Record<'_>, group: Handle) {
    for (at, member) in list(record.value, "Members").iter().enumerate() {
        let place = format!("{}/Members/{at}", record.place);
        match objects.referred(record, member) {
            Some(member) if member != group => objects.member(member, group, MembershipKind::MemberOf, &place),
            Some(_) => {}
            None => {
                let message = format!("member {at} of `{}` does not say who it is", record.identifier);
                objects.out.skip("member_invalid", &place, message);
            }
        }
    }
    if flag(record.properties, "admincount") == Some(true) {
        objects.out.attribute(group, "admin_count", "true");
    }
}

/// Whether an account is a person's, by what the export says of it.
fn nature(objects: &mut Objects<'_>, record: &Record<'_>, handle: Handle) {
    let is = |key: &str| flag(record.properties, key) == Some(true);
    let relative = names::issued(&record.identifier).map(|(_, relative)| relative);
    let personal = PERSONAL.iter().find(|key| text(record.properties, key).is_some());
    let managed = is("gmsa") || is("msa");
    let verdict = if is("gmsa") {
        Some((true, "group managed service account".to_owned()))
    } else if is("msa") {
        Some((true, "standalone managed service account".to_owned()))
    } else if relative == Some(502) {
        Some((true, "account of the key distribution centre".to_owned()))
    } else if matches!(relative, Some(500 | 501)) {
        None
    } else if is("hasspn") || texts(record.properties, "serviceprincipalnames").next().is_some() {
        Some((true, "services run as it: it has service principal names".to_owned()))
    } else {
        personal.map(|key| (false, format!("has `{key}`, as people's accounts do")))
    };
    let mut entity = objects.out.entity(handle).clone();
    if managed {
        entity.kind = EntityKind::ServiceAccount;
    }
    if let Some((nhi, reason)) = verdict
        && entity.nhi.is_none()
    {
        (entity.nhi, entity.nhi_reason) = (Some(nhi), Some(reason));
    }
    objects.out.replace(handle, entity);
    let stated = [
        ("dontreqpreauth", "no_preauthentication"),
        ("passwordnotreqd", "password_not_required"),
        ("pwdneverexpires", "password_never_expires"),
        ("sensitive", "not_delegated"),
        ("admincount", "admin_count"),
        ("hasspn", "has_spn"),
    ];
    for (key, name) in stated.into_iter().filter(|(key, _)| is(key)) {
        debug_assert!(!key.is_empty());
        objects.out.attribute(handle, name, "true");
    }
}

fn computer(objects: &mut Objects<'_>, record: &Record<'_>, handle: Handle) {
    let mut entity = objects.out.entity(handle).clone();
    (entity.nhi, entity.nhi_reason) = (Some(true), Some("account of a computer".to_owned()));
    let controller = flag(record.value, "IsDC").or_else(|| flag(record.properties, "isdc")) == Some(true);
    if controller && !entity.protected {
        (entity.protected, entity.protected_reason) = (true, Some("domain controller".to_owned()));
    }
    let scope = entity.scope.clone();
    objects.out.replace(handle, entity);
    if controller {
        objects.out.attribute(handle, "domain_controller", "true");
        if let Some(scope) = scope {
            objects.hold(handle, "host:DomainController", &scope, None, record.place);
        }
    }
    if flag(record.properties, "haslaps") == Some(true) {
        objects.out.attribute(handle, "has_laps", "true");
    }
    if let Some(system) = text(record.properties, "operatingsystem") {
        objects.out.attribute(handle, "operating_system", system);
    }
}

/// The account's password: when it was set, and when the account logged on. Zero and less are no times, and both of
/// them for the two times of logon are an account that has never logged on.
fn credential(objects: &mut Objects<'_>, record: &Record<'_>, handle: Handle) {
    let properties = record.properties;
    let logons = ["lastlogon", "lastlogontimestamp"];
    let last = logons.iter().filter_map(|key| time(properties, key)).max();
    let never = logons.iter().all(|key| number(properties, key).is_some_and(|seconds| seconds <= 0));
    let mut entity = objects.out.entity(handle).clone();
    if last > entity.last_used_at {
        (entity.last_used_at, entity.last_used_source) = (last, Some("logon times of the directory".to_owned()));
    }
    let (id, enabled) = (entity.id.clone(), entity.enabled);
    objects.out.replace(handle, entity);
    if properties.get("pwdlastset").is_none() {
        return;
    }
    objects.out.credentials.push(Credential {
        credential: format!("{id}#password"),
        entity: handle,
        kind: CredentialKind::Password,
        created_at: None,
        expires_at: None,
        last_used_at: last,
        never_used: (never || last.is_some()).then_some(never),
        last_rotated_at: time(properties, "pwdlastset"),
        active: enabled,
        source: objects.out.source_id(),
        record: record.place.to_owned(),
    });
}

/// Whom an account may speak for, and where.
fn delegation(objects: &mut Objects<'_>, record: &Record<'_>, handle: Handle) {
    const NO_TRANSITION: &str =
        "without protocol transition it must first get a ticket of the user that can be passed on";
    let is = |key: &str| flag(record.properties, key) == Some(true) || flag(record.value, key) == Some(true);
    let condition = (!is("trustedtoauth")).then_some(NO_TRANSITION);
    for (at, target) in list(record.value, "AllowedToDelegate").iter().enumerate() {
        let named = match target {
            // Version 5 may write the name of a service; only what names an object is one.
            Value::String(text) if names::sid(text).is_none() => None,
            other => objects.referred(record, other),
        };
        let Some(target) = named else { continue };
        let id = objects.out.entity(target).id.clone();
        let place = format!("{}/AllowedToDelegate/{at}", record.place);
        objects.hold(handle, "delegation:AllowedToDelegate", &id, condition, &place);
    }
    let controller = objects.out.attributes.iter().rev().take_while(|row| row.entity == handle);
    let controller = controller.into_iter().any(|row| row.key == "domain_controller");
    let unconstrained = is("unconstraineddelegation") || is("UnconstrainedDelegation");
    if unconstrained
        && !controller
        && let Some(scope) = objects.out.entity(handle).scope.clone()
    {
        objects.hold(handle, "delegation:Unconstrained", &scope, None, record.place);
    }
    for (at, service) in list(record.value, "SPNTargets").iter().enumerate() {
        if let (Some(computer), Some("SQLAdmin")) = (text(service, "ComputerSID"), text(service, "Service")) {
            let computer = objects.named(record, computer, EntityKind::Workload);
            let id = objects.out.entity(computer).id.clone();
            objects.hold(handle, "host:SQLAdmin", &id, None, &format!("{}/SPNTargets/{at}", record.place));
        }
    }
}
