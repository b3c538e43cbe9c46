//! Assets by their type: the hierarchy, accounts and their keys, roles, federation, and what runs as an account.

use serde_json::Value;

use super::super::names::{self, Place};
use super::estate::{ALSO, Estate};
use super::value::{at, field, flag, labels, list, text, texts, time};
use super::{accounts, federation, roles};
use crate::model::{Credential, CredentialKind, EntityKind, Handle, MembershipKind};

/// What an asset says of itself.
pub struct Asset<'a> {
    /// Full resource name.
    pub name: &'a str,
    /// Asset type (`storage.googleapis.com/Bucket`).
    pub kind: &'a str,
    /// The resource as its own API gives it.
    pub data: Option<&'a Value>,
    /// Where it is, nearest first.
    pub above: &'a [Place],
}

/// Reads an asset of a type that is known, or that is part of the hierarchy; gives the id of its entity.
pub fn read(estate: &mut Estate<'_>, asset: &Asset<'_>, place: &str) -> Option<String> {
    let kind = asset.kind.rsplit('/').next().unwrap_or_default();
    let service = asset.kind.split('.').next().unwrap_or_default();
    match (service, kind) {
        ("cloudresourcemanager", _) => scope(estate, asset, place),
        ("iam", "ServiceAccount") => Some(account(estate, asset, place)),
        ("iam", "ServiceAccountKey") => {
            if let Some(data) = asset.data {
                accounts::key(estate, data, asset.name, place);
            }
            None
        }
        ("iam", "Role") => asset.data.map(|data| {
            let role = asset.name.trim_start_matches("//iam.googleapis.com/");
            roles::define(estate, role, data, place);
            role.to_owned()
        }),
        ("iam", "WorkloadIdentityPoolProvider" | "WorkforcePoolProvider") => {
            if let Some(data) = asset.data {
                federation::provider(estate, data, asset.name.trim_start_matches("//iam.googleapis.com/"), place);
            }
            None
        }
        ("compute", "Instance") => Some(instance(estate, asset, place)),
        ("cloudfunctions", "CloudFunction" | "Function") => Some(runs(
            estate,
            asset,
            ("function", &[&["serviceAccountEmail"], &["serviceConfig", "serviceAccountEmail"]]),
            place,
        )),
        ("run", "Service") => Some(runs(estate, asset, ("run-service", RUN), place)),
        ("run", "Job") => Some(runs(estate, asset, ("run-job", RUN), place)),
        ("apikeys", "Key") => {
            api_key(estate, asset, place);
            None
        }
        _ => None,
    }
}

/// Where services of Cloud Run say whom they run as, in both versions of the API.
const RUN: &[&[&str]] = &[
    &["template", "serviceAccount"],
    &["spec", "template", "spec", "serviceAccountName"],
    &["template", "template", "serviceAccount"],
    &["spec", "template", "spec", "template", "spec", "serviceAccountName"],
];

/// An organisation, folder or project.
fn scope(estate: &mut Estate<'_>, asset: &Asset<'_>, place: &str) -> Option<String> {
    let itself = names::place(asset.name)?;
    let handle = estate.scope(&itself);
    estate.chain(Some(handle), asset.above, place);
    if let Some(data) = asset.data {
        hierarchy(estate, handle, &itself, data, place);
    }
    Some(itself.id())
}

/// What the Resource Manager says of an organisation, folder or project.
pub fn hierarchy(estate: &mut Estate<'_>, handle: Handle, itself: &Place, data: &Value, place: &str) {
    let number = text(data, "projectNumber").or_else(|| {
        let name = text(data, "name")?;
        name.strip_prefix("projects/").filter(|number| names::is_number(number)).map(|number| number.to_owned().into())
    });
    if let (Some(id), Some(number)) = (text(data, "projectId"), number) {
        estate.same_project(&id, &number);
    }
    match field(data, "parent") {
        Some(Value::String(parent)) => {
            estate.chain(Some(handle), &names::place(parent).into_iter().collect::<Vec<_>>(), place);
        }
        Some(parent @ Value::Object(_)) => {
            let kind = text(parent, "type").unwrap_or_default();
            let above = text(parent, "id").and_then(|id| names::place(&format!("{kind}/{id}")));
            estate.chain(Some(handle), &above.into_iter().collect::<Vec<_>>(), place);
        }
        _ => {}
    }
    let state = text(data, "lifecycleState").or_else(|| text(data, "state"));
    let called = text(data, "displayName");
    let created = time(data, "createTime");
    estate.describe(handle, place, |entity| {
        if let Some(called) = called.filter(|_| itself.level != names::Level::Project) {
            entity.name = called.into_owned();
        }
        entity.created_at = entity.created_at.or(created);
        if let Some(state) = state {
            entity.enabled = Some(state == "ACTIVE");
        }
    });
    let customer = text(data, "directoryCustomerId").or_else(|| text(field(data, "owner")?, "directoryCustomerId"));
    if let Some(customer) = customer {
        estate.out.attribute(handle, "directory_customer_id", &customer);
    }
    for (key, value) in labels(data) {
        estate.out.attribute(handle, &format!("tag:{key}"), value);
    }
}

/// A service account: by e-mail address where the record has it, else by its number.
fn account(estate: &mut Estate<'_>, asset: &Asset<'_>, place: &str) -> String {
    let last = asset.name.rsplit('/').next().unwrap_or_default();
    let handle = match asset.data {
        Some(data) => accounts::account(estate, data, place),
        None => None,
    };
    if let Some(handle) = handle {
        if names::is_number(last) {
            estate.out.attribute(handle, ALSO, &format!("{}{last}", names::ACCOUNT));
        }
        estate.chain(Some(handle), asset.above, place);
        return estate.out.entity(handle).id.clone();
    }
    let handle = estate.account(last);
    estate.chain(Some(handle), asset.above, place);
    estate.out.entity(handle).id.clone()
}

/// A virtual machine.
fn instance(estate: &mut Estate<'_>, asset: &Asset<'_>, place: &str) -> String {
    let (id, handle) = workload(estate, asset, "instance", place);
    let Some(data) = asset.data else { return id };
    for own in list(data, "serviceAccounts").iter().chain(list(data, "serviceAccount")) {
        let Some(email) = text(own, "email") else { continue };
        let account = estate.account(&email);
        estate.relate(handle, account, MembershipKind::RunsAs, None, place);
        let whole = texts(own, "scopes")
            .any(|scope| matches!(scope.rsplit('/').next(), Some("cloud-platform" | "cloud-platform.full" | "iam")));
        let token =
            if whole { "true" } else { "unknown: the access scopes of the instance limit what its token is good for" };
        estate.out.attribute(handle, "token", token);
    }
    let keys_blocked = metadata(data).any(|(key, value)| key == "block-project-ssh-keys" && value == "true");
    estate.out.attribute(handle, "project_keys", if keys_blocked { "false" } else { "true" });
    id
}

/// Metadata of an instance.
fn metadata(data: &Value) -> impl Iterator<Item = (&str, &str)> {
    let items = field(data, "metadata").map(|metadata| list(metadata, "items")).unwrap_or_default();
    items.iter().filter_map(|item| Some((item.get("key")?.as_str()?, item.get("value")?.as_str()?)))
}

/// Something that runs as one account, which one of these fields names.
fn runs(estate: &mut Estate<'_>, asset: &Asset<'_>, of: (&str, &[&[&str]]), place: &str) -> String {
    let (id, handle) = workload(estate, asset, of.0, place);
    estate.out.attribute(handle, "token", "true");
    let found = asset.data.and_then(|data| of.1.iter().find_map(|path| at(data, path)?.as_str()));
    if let Some(email) = found.filter(|email| email.contains('@')) {
        let account = estate.account(email);
        estate.relate(handle, account, MembershipKind::RunsAs, None, place);
    }
    id
}

fn workload(estate: &mut Estate<'_>, asset: &Asset<'_>, kind: &str, place: &str) -> (String, Handle) {
    let id = names::resource(asset.name);
    let handle = estate.resource(&id, asset.kind, EntityKind::Workload, place);
    estate.out.attribute(handle, "kind", kind);
    estate.chain(Some(handle), asset.above, place);
    if let Some(data) = asset.data {
        let created = time(data, "createTime").or_else(|| time(data, "creationTimestamp"));
        estate.describe(handle, place, |entity| entity.created_at = entity.created_at.or(created));
        for (key, value) in labels(data) {
            estate.out.attribute(handle, &format!("tag:{key}"), value);
        }
    }
    (id, handle)
}

/// An API key: a credential of the project, or of the account that it is bound to. The key itself is never in it.
fn api_key(estate: &mut Estate<'_>, asset: &Asset<'_>, place: &str) {
    let Some(data) = asset.data else { return };
    let bound = text(data, "serviceAccountEmail").map(|email| estate.account(&email));
    let project = asset.above.first().filter(|place| place.level == names::Level::Project);
    let Some(entity) = bound.or_else(|| project.map(|project| estate.api_keys(project))) else { return };
    let row = Credential {
        credential: asset.name.to_owned(),
        entity,
        kind: CredentialKind::Token,
        created_at: time(data, "createTime"),
        expires_at: None,
        last_used_at: None,
        never_used: None,
        last_rotated_at: None,
        active: Some(time(data, "deleteTime").is_none() && flag(data, "disabled") != Some(true)),
        source: estate.out.source_id(),
        record: place.to_owned(),
    };
    estate.out.credentials.push(row);
    if let Some(bound) = bound {
        estate.out.attribute(bound, "bound_api_key", "true");
    }
}
