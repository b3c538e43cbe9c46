//! The readers, and what becomes of each record.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::super::names::{self, Level, Place};
use super::estate::Estate;
use super::value::{field, list, text};
use super::{accounts, activity, assets, deny, directory, federation, policy, resources, roles};
use crate::model::Builder;
use crate::platforms::input::json::{Batch, Fields, Sink};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// One format: a kind of record.
pub struct Records {
    name: &'static str,
    title: &'static str,
    is: fn(&Value) -> bool,
}

pub const ASSETS: Records = Records {
    name: "gcp-assets",
    title: "Google Cloud assets: `gcloud asset search-all-iam-policies`, `gcloud asset export` (policies or resources), Terraform plans as assets",
    is: |value| assets::is_asset(value) || assets::is_search_result(value) || wrapped(value).is_some(),
};
pub const POLICIES: Records = Records {
    name: "gcp-policy",
    title: "Google Cloud allow policy of one resource: `gcloud projects get-iam-policy`, in a file called after it, or `get-ancestors-iam-policy`",
    is: |value| is_policy(value) || is_ancestor(value),
};
pub const ACCOUNTS: Records = Records {
    name: "gcp-service-accounts",
    title: "Google Cloud service accounts: `gcloud iam service-accounts list`",
    is: |value| accounts::is_account(value) || accounts::is_private_key(value),
};
pub const KEYS: Records = Records {
    name: "gcp-service-account-keys",
    title: "Google Cloud service account keys: `gcloud iam service-accounts keys list`",
    is: accounts::is_key,
};
pub const ROLES: Records = Records {
    name: "gcp-roles",
    title: "Google Cloud roles: `gcloud iam roles describe`, or a list with permissions",
    is: roles::is_role,
};
pub const DENIES: Records = Records {
    name: "gcp-deny-policies",
    title: "Google Cloud deny policies: `gcloud iam policies get --kind=denypolicies`",
    is: deny::is_deny,
};
pub const ACTIVITIES: Records = Records {
    name: "gcp-activities",
    title: "Google Cloud last authentications: `gcloud policy-intelligence query-activity`",
    is: activity::is_activity,
};
pub const INSIGHTS: Records = Records {
    name: "gcp-insights",
    title: "Google Cloud recommender insights on permissions and service accounts: `gcloud recommender insights list`",
    is: activity::is_insight,
};
pub const HIERARCHY: Records = Records {
    name: "gcp-hierarchy",
    title: "Google Cloud organisations, folders and projects: `gcloud projects list`, `gcloud resource-manager folders list`",
    is: is_hierarchy,
};
pub const FEDERATION: Records = Records {
    name: "gcp-identity-pools",
    title: "Google Cloud identity pools and their providers: `gcloud iam workload-identity-pools providers list`",
    is: |value| federation::is_provider(value) || federation::is_pool(value),
};
pub const DIRECTORY: Records = Records {
    name: "gcp-directory",
    title: "Google Workspace and Cloud Identity users, groups and members: `gcloud identity groups memberships list`, Admin SDK lists",
    is: |value| directory::is_user(value) || directory::is_group(value) || directory::is_membership(value),
};
pub const DELEGATIONS: Records = Records {
    name: "gcp-domain-wide-delegation",
    title: "Google Workspace domain-wide delegation: objects with `clientId` and `scopes`",
    is: accounts::is_delegation,
};

/// Keys under which responses have lists of records.
const LISTS: [&str; 15] = [
    "assets",
    "results",
    "accounts",
    "keys",
    "policies",
    "activities",
    "insights",
    "recommendations",
    "projects",
    "organizations",
    "users",
    "groups",
    "memberships",
    "members",
    "workloadIdentityPoolProviders",
];

/// The same for keys under which single records have lists of something else.
const NESTED: [&str; 2] = ["roles", "folders"];

/// An asset in a message of a feed, unless it says that the asset is gone.
fn wrapped(value: &Value) -> Option<&Value> {
    let inner = field(value, "asset").filter(|inner| assets::is_asset(inner))?;
    (value.get("deleted") != Some(&Value::Bool(true))).then_some(inner)
}

/// Whether a record is a policy that does not say of what.
fn is_policy(value: &Value) -> bool {
    let bound = field(value, "bindings").and_then(Value::as_array);
    let first = |list: &Vec<Value>| list.first().is_none_or(|one| one.get("role").is_some());
    bound.is_some_and(first) && (field(value, "etag").is_some() || field(value, "version").is_some()) && value.get("metadata").is_none()
}

/// Whether a record is the policy of one of the places above a project.
fn is_ancestor(value: &Value) -> bool {
    let kind = text(value, "type").unwrap_or_default();
    matches!(kind.as_ref(), "project" | "folder" | "organization")
        && text(value, "id").is_some()
        && field(value, "policy").is_some_and(Value::is_object)
}

/// Whether an element of a list in a record is a record; it has no such list itself.
fn nested_record(value: &Value) -> bool {
    value.is_object() && NESTED.iter().all(|key| value.get(*key).is_none())
}

fn is_hierarchy(value: &Value) -> bool {
    let project = text(value, "projectId").is_some() && (text(value, "projectNumber").is_some() || text(value, "lifecycleState").is_some());
    let named = text(value, "name").is_some_and(|name| {
        let at = names::place(&name);
        at.is_some_and(|place| place.level != Level::Project && names::is_number(&place.name)) && !name.starts_with("//")
    });
    let other = ["displayName", "lifecycleState", "state", "owner", "directoryCustomerId"];
    project || (named && other.iter().any(|key| field(value, key).is_some()))
}

impl Reader for Records {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn recognises(&self, head: &Head) -> bool {
        let is = |object: &serde_json::Map<String, Value>| (self.is)(&Value::Object(object.clone()));
        let listed = || LISTS.iter().chain(&NESTED).filter_map(|key| head.first(key)).any(is);
        head.object().is_some_and(is) || listed()
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let named = Named::of(input.file_name());
        let mut sink = Taker { estate: Estate::new(out), named, waiting: Vec::new(), above: Vec::new() };
        let outcome = input.split(&mut sink);
        let group = sink.named.group.clone();
        sink.settle(group.as_deref());
        outcome
    }
}

/// What the name of a file says that its content is about.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Named {
    place: Option<Place>,
    group: Option<String>,
}

impl Named {
    /// `projects_my-project.json`, `folders%2F12.json`, `organization-3.iam.json`, `ops@example.com.json`.
    fn of(file: &str) -> Self {
        let file = percent_decode_str(file).decode_utf8_lossy().into_owned();
        let plain = [".zst", ".gz", ".json", ".ndjson", ".jsonl"].iter().fold(file.as_str(), |name, end| name.strip_suffix(end).unwrap_or(name));
        let plain = [".iam-policy", "-iam-policy", "_iam_policy", ".iam", ".policy", ".members", "-members"]
            .iter()
            .fold(plain, |name, end| name.strip_suffix(end).unwrap_or(name));
        let group = plain.contains('@').then(|| plain.to_owned());
        let split = plain.find(['_', '-', '/', ':']).map(|at| (&plain[..at], &plain[at + 1..]));
        let place = split.and_then(|(kind, name)| names::place(&format!("{kind}/{name}")));
        Self { place: place.filter(|_| group.is_none()), group }
    }
}

/// Takes records of any kind.
struct Taker<'b> {
    estate: Estate<'b>,
    named: Named,
    /// Members of groups that wait for what stands beside their list.
    waiting: Vec<(String, Value)>,
    /// The place of the record before, where records go from a project upwards.
    above: Vec<Place>,
}

impl Sink for Taker<'_> {
    fn is_list(&self, key: &str) -> bool {
        LISTS.contains(&key)
    }

    fn bare(&self) -> bool {
        true
    }

    fn records(&mut self, batch: &Batch) {
        let parsed = batch.parse(|bytes| serde_json::from_slice::<Value>(bytes));
        for (at, value) in parsed.into_iter().enumerate() {
            let place = batch.pointer(at);
            match value {
                Ok(value) => self.record(value, &place),
                Err(error) => self.estate.out.skip("json_invalid", &place, format!("a record cannot be read: {error}")),
            }
        }
    }

    fn document(&mut self, pointer: &str, fields: Fields) {
        let (object, invalid) = fields.object();
        for key in invalid {
            let message = format!("the field `{key}` is not valid JSON");
            self.estate.out.skip("json_invalid", &format!("{pointer}/{key}"), message);
        }
        let beside = Value::Object(object);
        let group = ["group", "groupEmail", "groupKey"].iter().find_map(|key| text(&beside, key));
        let group = group.map(std::borrow::Cow::into_owned).or_else(|| self.named.group.clone());
        self.settle(group.as_deref());
        if text(&beside, "nextPageToken").is_some() {
            self.estate.note("more_pages", pointer, "a page says that more follow; see that all are in the scan".to_owned());
        }
    }
}

impl Taker<'_> {
    /// Reads the members of groups that waited.
    fn settle(&mut self, group: Option<&str>) {
        for (place, value) in std::mem::take(&mut self.waiting) {
            directory::membership(&mut self.estate, &value, group, &place);
        }
    }

    fn record(&mut self, value: Value, place: &str) {
        if directory::is_membership(&value) {
            return self.waiting.push((place.to_owned(), value));
        }
        let estate = &mut self.estate;
        if let Some(inner) = wrapped(&value) {
            assets::read(estate, inner, &format!("{place}/asset"));
        } else if value.get("asset").is_some_and(assets::is_asset) {
            // A message that says that something is gone.
        } else if assets::is_asset(&value) || assets::is_search_result(&value) {
            assets::read(estate, &value, place);
        } else if accounts::is_private_key(&value) {
            accounts::private_key(estate, &value, place);
        } else if accounts::is_account(&value) {
            estate.out.source.records += 1;
            accounts::account(estate, &value, place);
        } else if accounts::is_key(&value) {
            estate.out.source.records += 1;
            let name = text(&value, "name").unwrap_or_default().into_owned();
            accounts::key(estate, &value, &name, place);
        } else if federation::is_provider(&value) {
            estate.out.source.records += 1;
            let name = text(&value, "name").unwrap_or_default().into_owned();
            federation::provider(estate, &value, &name, place);
        } else if deny::is_deny(&value) {
            deny::read(estate, &value, place);
        } else if roles::is_role(&value) {
            estate.out.source.records += 1;
            let name = text(&value, "name").unwrap_or_default().into_owned();
            roles::define(estate, &name, &value, place);
        } else {
            self.other(&value, place);
        }
    }

    fn other(&mut self, value: &Value, place: &str) {
        let estate = &mut self.estate;
        if activity::is_activity(value) {
            activity::activity(estate, value, place);
        } else if activity::is_insight(value) {
            activity::insight(estate, value, place);
        } else if directory::is_user(value) {
            directory::user(estate, value, place);
        } else if directory::is_group(value) {
            directory::group(estate, value, place);
        } else if is_ancestor(value) {
            self.ancestor(value, place);
        } else if is_hierarchy(value) {
            self.hierarchy(value, place);
        } else if accounts::is_delegation(value) {
            estate.out.source.records += 1;
            accounts::delegation(estate, value, place);
        } else if is_policy(value) {
            self.policy(value, place);
        } else if federation::is_pool(value) {
            estate.out.source.records += 1;
        } else if let Some(key) = NESTED.iter().find(|key| value.get(**key).is_some_and(Value::is_array)) {
            for (at, inner) in list(value, key).iter().enumerate().filter(|(_, inner)| nested_record(inner)) {
                self.record(inner.clone(), &format!("{place}/{key}/{at}"));
            }
        } else {
            estate.out.skip("record_unknown", place, "a record of no kind that is known".to_owned());
        }
    }

    /// A policy whose resource only the file's name tells.
    fn policy(&mut self, value: &Value, place: &str) {
        let Some(itself) = self.named.place.clone() else {
            let message = "a policy that does not say what it is of: call the file after it (`projects_my-project.json`), or use `gcloud asset search-all-iam-policies`";
            return self.estate.out.skip("resource_unknown", place, message.to_owned());
        };
        self.estate.out.source.records += 1;
        self.estate.scope(&itself);
        policy::read(&mut self.estate, &itself.id(), value, place);
    }

    /// A policy of a project, or of a place above the one before.
    fn ancestor(&mut self, value: &Value, place: &str) {
        let (kind, id) = (text(value, "type").unwrap_or_default(), text(value, "id").unwrap_or_default());
        let Some(itself) = names::place(&format!("{kind}/{id}")) else {
            return self.estate.out.skip("name_invalid", place, format!("`{id}` is no {kind}"));
        };
        self.estate.out.source.records += 1;
        if itself.level == Level::Project {
            self.above.clear();
        }
        self.above.push(itself.clone());
        self.estate.scope(&itself);
        if let [.., below, above] = self.above.as_slice() {
            let pair = [below.clone(), above.clone()];
            self.estate.chain(None, &pair, place);
        }
        if let Some(stated) = field(value, "policy") {
            policy::read(&mut self.estate, &itself.id(), stated, &format!("{place}/policy"));
        }
    }

    fn hierarchy(&mut self, value: &Value, place: &str) {
        let itself = match text(value, "projectId") {
            Some(project) => names::place(&format!("projects/{project}")),
            None => text(value, "name").and_then(|name| names::place(&name)),
        };
        let Some(itself) = itself else {
            return self.estate.out.skip("name_invalid", place, "a project has an id that is none".to_owned());
        };
        self.estate.out.source.records += 1;
        let handle = self.estate.scope(&itself);
        resources::hierarchy(&mut self.estate, handle, &itself, value, place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_can_say_what_it_is_of() {
        let place = |file: &str| Named::of(file).place.map(|place| format!("{}s/{}", place.level.as_str(), place.name));
        for (file, expected) in [
            ("projects_my-project.json", Some("projects/my-project")),
            ("project-my-project.iam-policy.json", Some("projects/my-project")),
            ("folders%2F12.json.gz", Some("folders/12")),
            ("organization:3.json", Some("organizations/3")),
            ("policy.json", None),
            ("policies-x.json", None),
        ] {
            assert_eq!(place(file).as_deref(), expected, "{file}");
        }
        assert_eq!(Named::of("ops@example.com.json").group.as_deref(), Some("ops@example.com"));
    }
}
