//! Domains, organisational units and containers: policy links, changes that policies make, trusts.

use serde_json::Value;

use super::super::{NAME, names};
use super::kind::Kind;
use super::objects::{Objects, Record, Right};
use super::value::{flag, list, number, text};
use crate::model::{EntityKind, Handle, MembershipKind};

/// Attribute of a container: a policy that is linked there, with [`ENFORCED`] behind it where it is.
pub const LINK: &str = "policy_link";
/// Mark of a link that no blocking stops.
pub const ENFORCED: &str = " enforced";
/// Attribute of a unit that policies from above do not reach.
pub const BLOCKS: &str = "blocks_inheritance";
/// Attribute of a domain: another one of the same forest.
pub const FOREST_PEER: &str = "forest_peer";
/// Attribute of a domain: one that takes SIDs of others in its tickets.
const SPOOFABLE: &str = "sid_history_accepted_by";
/// The same, as far as the trust lets some SIDs through, or nobody says which.
const PERHAPS_SPOOFABLE: &str = "sid_history_perhaps_accepted_by";
/// Attribute of a domain: one whose tickets its hosts are given.
const DELEGATES: &str = "tickets_delegated_by";

/// What policies change on computers, and what those who are named may do there.
const CHANGES: [(&str, &str); 4] = [
    ("LocalAdmins", "host:AdminTo"),
    ("RemoteDesktopUsers", "host:RemoteDesktop"),
    ("DcomUsers", "host:ExecuteDCOM"),
    ("PSRemoteUsers", "host:PSRemote"),
];

/// Reads what only containers have.
pub fn read(objects: &mut Objects<'_>, record: &Record<'_>, handle: Handle) {
    if record.kind == Kind::Domain {
        if let Some(level) = text(record.properties, "functionallevel") {
            objects.out.attribute(handle, "functional_level", level);
        }
        for (at, trust) in list(record.value, "Trusts").iter().enumerate() {
            self::trust(objects, record, handle, trust, &format!("{}/Trusts/{at}", record.place));
        }
    } else {
        objects.out.attribute(handle, "container", "true");
        let name = text(record.properties, "distinguishedname").unwrap_or_default().to_uppercase();
        if name.starts_with("CN=ADMINSDHOLDER,CN=SYSTEM,") {
            objects.out.attribute(handle, "admin_sd_holder", "true");
        }
    }
    if flag(record.properties, "blocksinheritance") == Some(true) {
        objects.out.attribute(handle, BLOCKS, "true");
    }
    for (at, link) in list(record.value, "Links").iter().enumerate() {
        let Some(policy) = text(link, "GUID").or_else(|| text(link, "Guid")) else {
            let message = format!("link {at} of `{}` names no policy", record.identifier);
            objects.out.skip("link_invalid", &format!("{}/Links/{at}", record.place), message);
            continue;
        };
        let enforced = if flag(link, "IsEnforced") == Some(true) { ENFORCED } else { "" };
        objects.out.attribute(handle, LINK, &format!("{}{enforced}", names::id(policy)));
    }
    if let Some(changes) = record.value.get("GPOChanges") {
        self::changes(objects, record, changes);
    }
}

/// Members that policies put into local groups of the computers below: one grant for all of these.
fn changes(objects: &mut Objects<'_>, record: &Record<'_>, changes: &Value) {
    let computers: Vec<Handle> =
        list(changes, "AffectedComputers").iter().filter_map(|computer| objects.referred(record, computer)).collect();
    if computers.is_empty() {
        return;
    }
    for (key, action) in CHANGES {
        for (at, principal) in list(changes, key).iter().enumerate() {
            let Some(holder) = objects.referred(record, principal) else { continue };
            let mut actions = vec![action.to_owned()];
            if action == "host:RemoteDesktop" {
                actions.push("host:RemoteInteractiveLogon".to_owned());
            }
            let on = |&computer: &Handle| format!("={}", objects.out.entity(computer).id);
            let resources = computers.iter().map(on).collect();
            objects.right(Right {
                holder,
                actions,
                resources,
                name: key,
                statement: format!("{action} by policy"),
                condition: None,
                place: format!("{}/GPOChanges/{key}/{at}", record.place),
            });
        }
    }
}

/// A name of an enumeration, which older versions write as a number.
fn word<'v>(value: &'v Value, key: &str, words: &[&'static str]) -> &'v str {
    let by_number = number(value, key).and_then(|at| words.get(usize::try_from(at).ok()?).copied());
    text(value, key).or(by_number).unwrap_or_default()
}

/// One trust, as the domain that has it says it. Inbound: the other domain trusts this one.
fn trust(objects: &mut Objects<'_>, record: &Record<'_>, own: Handle, trust: &Value, place: &str) {
    let Some(target) = text(trust, "TargetDomainSid").filter(|target| names::is_domain(target)) else {
        let message = format!("a trust of `{}` does not say with which domain", record.identifier);
        return objects.out.skip("trust_invalid", place, message);
    };
    let name = text(trust, "TargetDomainName").unwrap_or(target);
    let other = objects.out.refer(&names::id(target), NAME, EntityKind::Scope, name);
    let direction = word(trust, "TrustDirection", &["Disabled", "Inbound", "Outbound", "Bidirectional"]);
    let kind = word(trust, "TrustType", &["ParentChild", "CrossLink", "Forest", "External", "Unknown"]);
    let inbound = matches!(direction, "Inbound" | "Bidirectional");
    let outbound = matches!(direction, "Outbound" | "Bidirectional");
    let bits = trust_attributes(trust);
    let same_forest =
        matches!(kind, "ParentChild" | "TreeRoot" | "CrossLink") || bits.is_some_and(|bits| bits & WITHIN_FOREST != 0);
    let mut state = |domain: Handle, key: &str, about: Handle| {
        let id = objects.out.entity(about).id.clone();
        objects.out.attribute(domain, key, &id);
    };
    if same_forest && direction != "Disabled" {
        state(own, FOREST_PEER, other);
        state(other, FOREST_PEER, own);
    } else if outbound || inbound {
        let key = match flag(trust, "SidFilteringEnabled") {
            Some(true) => None,
            Some(false) if kind == "External" => Some(SPOOFABLE),
            _ => Some(PERHAPS_SPOOFABLE),
        };
        // Whoever trusts takes the tickets of whom it trusts.
        if let Some(key) = key.filter(|_| inbound) {
            state(own, key, other);
        }
        if let Some(key) = key.filter(|_| outbound) {
            state(other, key, own);
        }
    }
    if !same_forest && inbound && flag(trust, "TGTDelegationEnabled") == Some(true) {
        state(other, DELEGATES, own);
    }
    let selective = bits.is_some_and(|bits| bits & SELECTIVE != 0);
    if outbound && !selective {
        let theirs = authenticated(objects, name);
        let ours = authenticated(objects, record.domain);
        objects.member(theirs, ours, MembershipKind::MemberOf, place);
    }
}

/// Bit of a trust's attributes: both domains are of one forest.
const WITHIN_FOREST: i64 = 0x20;
/// Bit of a trust's attributes: only those who are let in one by one come in.
const SELECTIVE: i64 = 0x10;

fn trust_attributes(trust: &Value) -> Option<i64> {
    number(trust, "TrustAttributes").or_else(|| text(trust, "TrustAttributes")?.parse().ok())
}

/// The group of whoever has proved to a domain who they are.
fn authenticated(objects: &mut Objects<'_>, domain: &str) -> Handle {
    let identifier = names::qualified(names::AUTHENTICATED_USERS, domain).to_uppercase();
    objects.out.refer(&names::id(&identifier), NAME, EntityKind::Group, &identifier)
}
