//! Entries of access lists: who holds which right over an object.

use serde_json::Value;

use super::super::{names, rights};
use super::kind::Kind;
use super::objects::{Objects, Record, Right};
use super::templates;
use super::value::{flag, list, text};
use crate::model::Handle;

/// What an owner hangs on when the object has entries for OWNER RIGHTS.
const LIMITED: &str = "the object has entries for OWNER RIGHTS, which limit what its owner may do";

/// Reads the access list of an object.
pub fn entries(objects: &mut Objects<'_>, record: &Record<'_>, handle: Handle) {
    let answers_itself = record.kind == Kind::EnterpriseAuthority && security(record).is_some();
    for (at, entry) in list(record.value, "Aces").iter().enumerate() {
        let own = text(entry, "RightName").is_some_and(|right| {
            // Who may ask the authority for what is in its own registry, which counts where it was read.
            answers_itself && matches!(right, "Enroll" | "ManageCA" | "ManageCertificates")
        });
        if !own {
            one(objects, record, handle, entry, &format!("{}/Aces/{at}", record.place), at);
        }
    }
    let entries = security(record).into_iter().flatten();
    for (at, entry) in entries.enumerate() {
        let place = format!("{}/CARegistryData/CASecurity/Data/{at}", record.place);
        one(objects, record, handle, entry, &place, at);
    }
}

/// The access list of a certificate authority's service, where it was collected.
#[must_use]
pub fn security<'v>(record: &Record<'v>) -> Option<&'v Vec<Value>> {
    let security = record.value.get("CARegistryData")?.get("CASecurity")?;
    (flag(security, "Collected") == Some(true)).then(|| security.get("Data")?.as_array())?
}

fn one(objects: &mut Objects<'_>, record: &Record<'_>, handle: Handle, entry: &Value, place: &str, at: usize) {
    let (Some(principal), Some(right)) = (text(entry, "PrincipalSID"), text(entry, "RightName")) else {
        let message =
            format!("entry {at} of the access list of `{}` lacks its principal or its right", record.identifier);
        return objects.out.skip("ace_invalid", place, message);
    };
    if !rights::is_right(right) {
        objects.strange(right, place);
    }
    let kind = text(entry, "PrincipalType").map_or(crate::model::EntityKind::External, Kind::referred);
    let holder = objects.named(record, principal, kind);
    let mut actions = rights::actions(right, record.kind);
    if record.kind == Kind::Template && matches!(right, "Enroll" | "AllExtendedRights" | "GenericAll") {
        actions.extend(templates::uses(record.properties).map(str::to_owned));
    }
    let limited = matches!(right, "Owns" | "OwnsLimitedRights" | "WriteOwnerLimitedRights")
        && (right != "Owns" || flag(record.properties, "doesanyacegrantownerrights") == Some(true));
    let id = objects.out.entity(handle).id.clone();
    let inherited = flag(entry, "IsInherited") == Some(true);
    let list = if place.contains("/CARegistryData/") { "the registry of " } else { "" };
    objects.right(Right {
        holder,
        actions,
        resources: vec![format!("={id}")],
        name: right,
        statement: format!("entry {at} of {list}{id}{}", if inherited { ", inherited" } else { "" }),
        condition: limited.then_some(LIMITED),
        place: place.to_owned(),
    });
    if record.kind == Kind::Domain {
        replicates(objects, record, holder, right, &id, place);
    }
}

/// Replication of a domain is of everything in it.
fn replicates(objects: &mut Objects<'_>, record: &Record<'_>, holder: Handle, right: &str, id: &str, place: &str) {
    let given: &[&str] = match right {
        "GetChanges" => &["sync:GetChanges"],
        "GetChangesInFilteredSet" => &["sync:GetChangesInFilteredSet"],
        "AllExtendedRights" | "GenericAll" => &["sync:GetChanges", "sync:GetChangesInFilteredSet"],
        _ => return,
    };
    debug_assert!(names::id(&record.identifier) == id, "the access list is the domain's own");
    objects.right(Right {
        holder,
        actions: given.iter().map(|&action| action.to_owned()).collect(),
        resources: vec![id.to_owned()],
        name: right,
        statement: "replication of what is inside".to_owned(),
        condition: None,
        place: place.to_owned(),
    });
}
