//! Assets of Cloud Asset Inventory: exports in both spellings, search results, and what Terraform tools write.

use serde_json::Value;

use super::super::names::{self, Level, Place};
use super::estate::{Estate, POLICY_TIME};
use super::value::{at, field, list, text, texts, time};
use super::{policy, resources};
use crate::model::EntityKind;

/// Types of assets that people ask about, policy or not. Of the others only those with a policy are kept: there are
/// millions.
const HOLDERS: [&str; 12] = [
    "artifactregistry.googleapis.com/Repository",
    "bigquery.googleapis.com/Dataset",
    "cloudkms.googleapis.com/CryptoKey",
    "cloudkms.googleapis.com/KeyRing",
    "container.googleapis.com/Cluster",
    "pubsub.googleapis.com/Subscription",
    "pubsub.googleapis.com/Topic",
    "secretmanager.googleapis.com/Secret",
    "spanner.googleapis.com/Database",
    "spanner.googleapis.com/Instance",
    "sqladmin.googleapis.com/Instance",
    "storage.googleapis.com/Bucket",
];

/// Whether a record is an asset.
#[must_use]
pub fn is_asset(value: &Value) -> bool {
    text(value, "assetType").is_some() && (text(value, "name").is_some() || field(value, "resource").is_some())
}

/// Whether a record is a policy with the name of what it is of.
#[must_use]
pub fn is_search_result(value: &Value) -> bool {
    field(value, "resource").is_some_and(Value::is_string) && field(value, "policy").is_some_and(Value::is_object)
}

/// Reads an asset, or a search result.
pub fn read(estate: &mut Estate<'_>, value: &Value, place: &str) {
    let own = field(value, "resource").and_then(Value::as_str);
    let Some(name) = own.map(Into::into).or_else(|| text(value, "name")) else {
        return estate.out.skip("name_missing", place, "an asset has no name".to_owned());
    };
    if !name.starts_with("//") || name.chars().any(char::is_whitespace) || name.contains("{{") {
        let message = format!("`{name}` is no full resource name, which begins with `//`");
        return estate.out.skip("name_invalid", place, message);
    }
    estate.out.source.records += 1;
    let kind = text(value, "assetType").unwrap_or_default();
    let above = above(estate, value, &name, place);
    let asset = resources::Asset { name: &name, kind: &kind, data: at(value, &["resource", "data"]), above: &above };
    let id = resources::read(estate, &asset, place);
    let stated = field(value, "iamPolicy").map(|policy| ("iamPolicy", policy));
    let Some((key, stated)) = stated.or_else(|| field(value, "policy").map(|policy| ("policy", policy))) else {
        if id.is_none() && HOLDERS.contains(&asset.kind) {
            other(estate, &asset, place);
        }
        return;
    };
    if !stated.is_object() {
        return estate.wrong(&format!("{place}/{key}"), "a policy", stated);
    }
    // A resource with a policy is one that can be asked about, whether or not the policy gives anything. A key has none.
    let keyless = !asset.kind.ends_with("/ServiceAccountKey");
    let Some(id) = id.or_else(|| keyless.then(|| other(estate, &asset, place))) else { return };
    if let (Some(written), Some(handle)) = (time(value, "updateTime"), estate.out.handle(&id)) {
        estate.out.attribute(handle, POLICY_TIME, &written.to_string());
    }
    policy::read(estate, &id, stated, &format!("{place}/{key}"));
}

/// A resource of a type that nothing more is known of, which a policy is on.
fn other(estate: &mut Estate<'_>, asset: &resources::Asset<'_>, place: &str) -> String {
    let id = names::resource(asset.name);
    let handle = estate.resource(&id, asset.kind, EntityKind::Resource, place);
    estate.chain(Some(handle), asset.above, place);
    id
}

/// The places that an asset is in, nearest first, without itself.
fn above(estate: &mut Estate<'_>, value: &Value, name: &str, place: &str) -> Vec<Place> {
    let mut above: Vec<Place> = texts(value, "ancestors").filter_map(names::place).collect();
    if above.is_empty() {
        above = searched(value);
    }
    if above.is_empty()
        && let Some(path) = text(value, "ancestryPath")
    {
        above = ancestry(&path);
    }
    if let Some(parent) = at(value, &["resource", "parent"]).and_then(Value::as_str).and_then(names::place) {
        learn(estate, &above, &parent);
        if above.is_empty() {
            above.push(parent);
        }
    }
    if let Some(project) = names::project_of(name) {
        let project = Place { level: Level::Project, name: project.to_owned() };
        if above.first().is_none_or(|first| first.level != Level::Project) {
            above.insert(0, project);
        } else {
            learn(estate, &above, &project);
        }
    }
    if let Some(itself) = names::place(name).filter(|_| name.starts_with(names::HIERARCHY)) {
        learn(estate, &above, &itself);
        if above
            .first()
            .is_some_and(|first| first.level == itself.level && (itself.level == Level::Project || *first == itself))
        {
            above.remove(0);
        }
        if above.is_empty() {
            estate.scope(&itself);
        }
    }
    estate.chain(None, &above, place);
    above
}

/// Two names of the nearest project, where one is its number.
fn learn(estate: &mut Estate<'_>, above: &[Place], other: &Place) {
    let Some(first) = above.first() else { return };
    if first.level == Level::Project && other.level == Level::Project && first.name != other.name {
        let (id, number) = if names::is_number(&first.name) { (other, first) } else { (first, other) };
        estate.same_project(&id.name, &number.name);
    }
}

/// What a search result says of where it is: its project, the folders from the nearest on, the organisation.
fn searched(value: &Value) -> Vec<Place> {
    let one = |key: &str| text(value, key).and_then(|text| names::place(&text));
    let folders = list(value, "folders").iter().filter_map(Value::as_str).filter_map(names::place);
    one("project").into_iter().chain(folders).chain(one("organization")).collect()
}

/// `organization/1/folder/2/project/p`, as Terraform tools write it; outermost first.
fn ancestry(path: &str) -> Vec<Place> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let mut places: Vec<Place> = parts
        .chunks(2)
        .filter_map(|pair| match pair {
            [kind, name] => names::place(&format!("{kind}/{name}")),
            _ => None,
        })
        .collect();
    places.reverse();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ancestry_path_is_read_from_its_end() {
        let names = |path: &str| ancestry(path).into_iter().map(|place| place.id()).collect::<Vec<_>>();
        let id = |short: &str| format!("{}{short}", names::HIERARCHY);
        assert_eq!(
            names("organization/1/folder/2/project/p"),
            [id("projects/p"), id("folders/2"), id("organizations/1")]
        );
        assert_eq!(names("{{.Ancestry}}/project/{{.Provider.project}}"), [""; 0]);
        assert_eq!(names("organizations/1"), [id("organizations/1")]);
    }
}
