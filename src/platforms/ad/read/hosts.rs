//! What a computer says of itself: who gets in, for whom it may be spoken to, which accounts it keeps.

use serde_json::Value;

use super::super::names;
use super::objects::{Objects, Record};
use super::value::{flag, list, number, text};
use crate::model::{Handle, IssueSeverity};

/// Local groups by relative identifier, and what their members may do on the computer.
const LOCAL_GROUPS: [(&str, &str); 4] =
    [("-544", "host:AdminTo"), ("-555", "host:RemoteDesktop"), ("-562", "host:ExecuteDCOM"), ("-580", "host:PSRemote")];
/// Attribute of a domain controller: how strictly certificates must be bound to accounts (2: always).
pub const BINDING: &str = "strong_certificate_binding";
/// Attribute of a domain controller: by what certificates are mapped to accounts, as bits.
pub const MAPPING: &str = "certificate_mapping_methods";
/// Bit of [`MAPPING`]: by the principal name in the certificate.
pub const BY_PRINCIPAL_NAME: i64 = 4;
/// The right to log on by remote desktop.
const LOGON_RIGHT: &str = "SeRemoteInteractiveLogonRight";
/// Lists of observed sessions.
const SESSIONS: [&str; 3] = ["Sessions", "PrivilegedSessions", "RegistrySessions"];

/// Reads what only computers have.
pub fn read(objects: &mut Objects<'_>, record: &Record<'_>, handle: Handle) {
    let id = objects.out.entity(handle).id.clone();
    let logon_known = user_rights(objects, record, &id);
    local_groups(objects, record, &id, logon_known);
    for (at, principal) in list(record.value, "AllowedToAct").iter().enumerate() {
        if let Some(principal) = objects.referred(record, principal) {
            let place = format!("{}/AllowedToAct/{at}", record.place);
            objects.hold(principal, "delegation:AllowedToAct", &id, None, &place);
        }
    }
    for (at, account) in list(record.value, "DumpSMSAPassword").iter().enumerate() {
        if let Some(account) = objects.referred(record, account) {
            let account = objects.out.entity(account).id.clone();
            let place = format!("{}/DumpSMSAPassword/{at}", record.place);
            objects.hold(handle, "host:DumpSMSAPassword", &account, None, &place);
        }
    }
    sessions(objects, record, handle);
    registry(objects, record, handle);
}

/// Whether an inner list was collected; where the record does not say, it was.
fn collected(value: &Value) -> bool {
    flag(value, "Collected") != Some(false)
}

fn local_groups(objects: &mut Objects<'_>, record: &Record<'_>, id: &str, logon_known: bool) {
    for (at, group) in list(record.value, "LocalGroups").iter().enumerate() {
        let place = format!("{}/LocalGroups/{at}", record.place);
        if !collected(group) {
            let why = text(group, "FailureReason").unwrap_or("no reason given");
            let message = format!("a local group of `{}` was not collected: {why}", record.identifier);
            objects.out.issue(IssueSeverity::Note, "local_group_missing", &place, message);
            continue;
        }
        let identifier = text(group, "ObjectIdentifier").unwrap_or_default();
        let Some((_, action)) = LOCAL_GROUPS.iter().find(|(end, _)| identifier.ends_with(end)) else { continue };
        for (number, member) in list(group, "Results").iter().enumerate() {
            let Some(member) = objects.referred(record, member) else { continue };
            let place = format!("{place}/Results/{number}");
            objects.hold(member, action, id, None, &place);
            if *action == "host:RemoteDesktop" && !logon_known {
                // Members of the group have the right to log on unless a policy takes it away.
                objects.hold(member, "host:RemoteInteractiveLogon", id, None, &place);
            }
        }
    }
}

/// Who has the right to log on by remote desktop; whether that was collected.
fn user_rights(objects: &mut Objects<'_>, record: &Record<'_>, id: &str) -> bool {
    let mut known = false;
    for (at, right) in list(record.value, "UserRights").iter().enumerate() {
        if text(right, "Privilege") != Some(LOGON_RIGHT) || !collected(right) {
            continue;
        }
        known = true;
        for (number, member) in list(right, "Results").iter().enumerate() {
            if let Some(member) = objects.referred(record, member) {
                let place = format!("{}/UserRights/{at}/Results/{number}", record.place);
                objects.hold(member, "host:RemoteInteractiveLogon", id, None, &place);
            }
        }
    }
    known
}

/// Sessions are observations, not entitlements. They are kept for a technique that somebody adds on purpose.
fn sessions(objects: &mut Objects<'_>, record: &Record<'_>, handle: Handle) {
    let mut users: Vec<String> = Vec::new();
    for key in SESSIONS {
        let results = record.value.get(key).map(|sessions| list(sessions, "Results")).unwrap_or_default();
        let named = results.iter().filter_map(|session| text(session, "UserSID"));
        users.extend(named.map(|user| names::id(&names::qualified(user, record.domain))));
    }
    users.sort_unstable();
    users.dedup();
    objects.sessions += users.len() as u64;
    for user in users {
        objects.out.attribute(handle, "session", &user);
    }
}

/// What a domain controller's registry says of certificates that are mapped to accounts.
fn registry(objects: &mut Objects<'_>, record: &Record<'_>, handle: Handle) {
    let Some(registry) = record.value.get("DCRegistryData") else { return };
    for (key, name) in [("StrongCertificateBindingEnforcement", BINDING), ("CertificateMappingMethods", MAPPING)] {
        let Some(entry) = registry.get(key).filter(|entry| entry.is_object() && collected(entry)) else { continue };
        if let Some(value) = number(entry, "Value") {
            objects.out.attribute(handle, name, &value.to_string());
        }
    }
}
