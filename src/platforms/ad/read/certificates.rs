//! Certificate authorities and what makes their certificates count: stores of trusted ones, roots, issuance policies.

use serde_json::Value;

use super::access;
use super::kind::Kind;
use super::objects::{Objects, Record, Right};
use super::value::{flag, list, text, texts};
use crate::model::{EntityKind, Handle};

/// Attribute of an enterprise authority: thumbprint of its certificate.
pub const OWN: &str = "certificate";
/// Attribute of an enterprise authority: thumbprints up to its root.
pub const CHAIN: &str = "certificate_chain";
/// Attribute of a store: thumbprint of an authority whose certificates log on.
pub const TRUSTED: &str = "trusted_certificate";
/// Attribute of a root authority: thumbprint.
pub const ROOT: &str = "root_certificate";
/// Attribute of an issuance policy: the policy in certificates.
pub const POLICY: &str = "policy";
/// Attribute of an issuance policy: the group that its certificates make one a member of.
pub const GROUP: &str = "policy_group";

/// Reads what only these objects have.
pub fn read(objects: &mut Objects<'_>, record: &Record<'_>, handle: Handle) {
    let thumbprint = text(record.properties, "certthumbprint");
    match record.kind {
        Kind::EnterpriseAuthority => authority(objects, record, handle, thumbprint),
        Kind::RootAuthority => {
            if let Some(thumbprint) = thumbprint {
                objects.out.attribute(handle, ROOT, &thumbprint.to_uppercase());
            }
        }
        Kind::AuthenticationStore => {
            for thumbprint in texts(record.properties, "certthumbprints") {
                objects.out.attribute(handle, TRUSTED, &thumbprint.to_uppercase());
            }
        }
        _ => {
            if let Some(policy) = text(record.properties, "certtemplateoid") {
                objects.out.attribute(handle, POLICY, policy);
            }
            let group = record.value.get("GroupLink").and_then(|link| text(link, "ObjectIdentifier"));
            if let Some(group) = group {
                let group = objects.named(record, group, EntityKind::Group);
                let id = objects.out.entity(group).id.clone();
                objects.out.attribute(handle, GROUP, &id);
            }
        }
    }
}

/// An authority: who may ask it for a certificate by which template, and where its key is.
fn authority(objects: &mut Objects<'_>, record: &Record<'_>, handle: Handle, thumbprint: Option<&str>) {
    if let Some(thumbprint) = thumbprint {
        objects.out.attribute(handle, OWN, &thumbprint.to_uppercase());
    }
    for thumbprint in texts(record.properties, "certchain") {
        objects.out.attribute(handle, CHAIN, &thumbprint.to_uppercase());
    }
    let id = objects.out.entity(handle).id.clone();
    if let (Some(host), Some(scope)) = (text(record.value, "HostingComputer"), objects.out.entity(handle).scope.clone())
    {
        let host = objects.named(record, host, EntityKind::Workload);
        objects.right(Right {
            holder: host,
            actions: vec!["ca:PrivateKey".to_owned()],
            resources: vec![format!("={scope}")],
            name: "key of a certificate authority",
            statement: id.clone(),
            condition: None,
            place: format!("{}/HostingComputer", record.place),
        });
    }
    let published: Vec<Handle> = list(record.value, "EnabledCertTemplates")
        .iter()
        .filter_map(|template| objects.referred(record, template))
        .collect();
    if !published.is_empty() {
        requests(objects, record, &id, &published);
    }
}

/// What an authority's registry says of something: unknown when it was not collected.
fn registry(record: &Record<'_>, key: &str, holds: impl Fn(&Value) -> Option<bool>) -> Option<bool> {
    let entry = record.value.get("CARegistryData")?.get(key)?;
    if flag(entry, "Collected") == Some(true) { holds(entry) } else { None }
}

/// Who may enrol at an authority may ask there for a certificate by every template that it publishes.
fn requests(objects: &mut Objects<'_>, record: &Record<'_>, id: &str, published: &[Handle]) {
    const UNKNOWN_AGENTS: &str = "whether the authority restricts enrolment agents is not in the export";
    const UNKNOWN_NAMES: &str = "whether the authority takes names from requests is not in the export";
    let named = registry(record, "IsUserSpecifiesSanEnabled", |entry| flag(entry, "Value"));
    let agents = registry(record, "EnrollmentAgentRestrictions", |entry| {
        let lists = list(entry, "Restrictions").iter();
        Some(lists.filter(|one| text(one, "AccessType") != Some("AccessAllowedCallback")).count() == 0)
    });
    let resources: Vec<String> =
        published.iter().map(|&template| format!("={}", objects.out.entity(template).id)).collect();
    let from_registry = access::security(record);
    let entries = from_registry.map_or_else(|| list(record.value, "Aces"), Vec::as_slice);
    let folder = if from_registry.is_some() { "CARegistryData/CASecurity/Data" } else { "Aces" };
    for (at, entry) in entries.iter().enumerate() {
        let right = text(entry, "RightName").unwrap_or_default();
        let enrols =
            right == "Enroll" || from_registry.is_none() && matches!(right, "GenericAll" | "AllExtendedRights");
        let Some(principal) = text(entry, "PrincipalSID").filter(|_| enrols) else { continue };
        let kind = text(entry, "PrincipalType").map_or(EntityKind::External, Kind::referred);
        let holder = objects.named(record, principal, kind);
        let place = format!("{}/{folder}/{at}", record.place);
        let mut ask = |actions: &[&str], condition: Option<&str>| {
            objects.right(Right {
                holder,
                actions: actions.iter().map(|&action| action.to_owned()).collect(),
                resources: resources.clone(),
                name: "Enroll at a certificate authority",
                statement: id.to_owned(),
                condition,
                place: place.clone(),
            });
        };
        let mut actions = vec!["ca:Request"];
        actions.extend((named == Some(true)).then_some("ca:RequestWithName"));
        actions.extend((agents == Some(true)).then_some("ca:RequestOnBehalf"));
        ask(&actions, None);
        if named.is_none() {
            ask(&["ca:RequestWithName"], Some(UNKNOWN_NAMES));
        }
        if agents.is_none() {
            ask(&["ca:RequestOnBehalf"], Some(UNKNOWN_AGENTS));
        }
    }
}
