//! Resources of Terraform's Google provider, as rows of an export would have them.

use serde_json::Value;

use super::{NAME, names, read};
use crate::model::{Builder, Credential, CredentialKind, Entity, EntityKind, Grant};
use crate::platforms::declared::{Attributes, Declaring, blocks, text, texts};

/// Puts a resource into a builder; whether it is one that is read.
pub fn declare(kind: &str, value: &Attributes, place: &str, context: &Declaring<'_>, out: &mut Builder) -> bool {
    let mut one = Declared { value, place, context, out };
    match kind {
        "google_service_account" => one.account(),
        "google_service_account_key" => one.key(),
        _ => {
            let Some(of) = kind.strip_suffix("_iam_member").or_else(|| kind.strip_suffix("_iam_binding")) else {
                return false;
            };
            let Some(resource) = resource(of, value) else { return false };
            one.bindings(resource);
        }
    }
    true
}

/// What other resources refer to of a service account that is not made yet.
pub fn exported(kind: &str, value: &Attributes) -> Vec<(&'static str, String)> {
    if kind != "google_service_account" {
        return Vec::new();
    }
    let Some(email) = email(value) else { return Vec::new() };
    let project = text(value, "project").unwrap_or_default();
    let path = format!("projects/{project}/serviceAccounts/{email}");
    vec![("member", format!("serviceAccount:{email}")), ("email", email), ("name", path.clone()), ("id", path)]
}

fn email(value: &Attributes) -> Option<String> {
    if let Some(email) = text(value, "email") {
        return Some(email.to_owned());
    }
    let (account, project) = (text(value, "account_id")?, text(value, "project")?);
    Some(format!("{account}@{}.iam.gserviceaccount.com", project.replace("google.com:", "google.com.")))
}

/// The id of what a binding is on: `Some(None)` when the plan does not know it yet; `None` for what is not read.
#[expect(clippy::option_option, reason = "a kind that is not read is another thing than a value that is not known")]
fn resource(of: &str, value: &Attributes) -> Option<Option<String>> {
    let place = |key: &str, kind: &str| {
        let name = text(value, key)?;
        let short = name.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
        names::place(&format!("{kind}/{short}")).map(|place| place.id())
    };
    Some(match of {
        "google_project" => place("project", "projects"),
        "google_folder" => place("folder", "folders"),
        "google_organization" => place("org_id", "organizations"),
        "google_service_account" => {
            text(value, "service_account_id").map(|id| names::resource(&format!("//iam.googleapis.com/{id}")))
        }
        "google_storage_bucket" => {
            let bucket = |name: &str| format!("//storage.googleapis.com/{}", name.strip_prefix("b/").unwrap_or(name));
            text(value, "bucket").map(bucket)
        }
        _ => return None,
    })
}

struct Declared<'a, 't> {
    value: &'a Attributes,
    place: &'a str,
    context: &'a Declaring<'t>,
    out: &'a mut Builder,
}

impl Declared<'_, '_> {
    fn missing(&mut self, what: &str) {
        let message = format!("`{what}` is not known before the plan is applied");
        self.out.skip("value_unknown", self.place, message);
    }

    fn bindings(&mut self, resource: Option<String>) {
        let Some(resource) = resource else { return self.missing("what the role is on") };
        let Some(role) = text(self.value, "role") else { return self.missing("role") };
        let members: Vec<&str> = texts(self.value, "member").into_iter().chain(texts(self.value, "members")).collect();
        if members.is_empty() && !self.value.get("members").is_some_and(Value::is_array) {
            self.missing("member");
        }
        let condition = blocks(self.value, "condition").first().map(|block| Value::Object((*block).clone()));
        let (condition, expires_at) = read::conditioned(condition.as_ref());
        if !self.context.is_there(role) {
            self.out.refer(role, NAME, EntityKind::RoleDefinition, role);
            read::predefine(self.out);
        }
        for text in members {
            let Some(member) = names::member(text) else {
                let message = format!("`{text}` is no member of a binding");
                self.out.skip("member_invalid", self.place, message);
                continue;
            };
            if names::pool(text).is_some() || names::gke(text.trim_start_matches("serviceAccount:")).is_some() {
                let message = format!("who comes in as `{text}` from elsewhere is counted with the next scan only");
                self.out.skip("federation_open", self.place, message);
            }
            let holder = self.holder(&member);
            let grant = u32::try_from(self.out.grants.len()).unwrap_or(u32::MAX);
            let (source, record) = (self.out.source_id(), self.place.to_owned());
            self.out.grants.push(Grant {
                actions: vec![format!("role:{role}")],
                resources: vec![resource.clone()],
                policy: role.to_owned(),
                // Bindings have no name of their own: a role on a resource is given to one once, for each condition.
                statement: statement(&resource, condition.as_deref()),
                condition: condition.clone(),
                expires_at,
                source,
                record,
                ..Grant::blank(grant, holder)
            });
        }
    }

    /// A member, who is there by being named.
    fn holder(&mut self, member: &names::Member) -> crate::model::Handle {
        let known = self.context.tables.find(&member.id).map(|found| self.context.tables.entity(found));
        let mut entity = known.cloned().unwrap_or_else(|| {
            let mut fresh = Entity::named(&member.id, NAME, member.kind, &member.name);
            fresh.present = member.deleted.is_none();
            fresh
        });
        (entity.source, entity.record) = (None, None);
        self.out.define(entity)
    }

    fn account(&mut self) {
        let Some(email) = email(self.value) else { return self.missing("email") };
        let member = names::account(&email);
        let mut entity = Entity::named(&member.id, NAME, EntityKind::ServiceAccount, &member.name);
        entity.present = true;
        entity.nhi = Some(true);
        entity.nhi_reason = Some("service account".to_owned());
        entity.enabled = self.value.get("disabled").and_then(Value::as_bool).map(|disabled| !disabled);
        entity.unique_id = text(self.value, "unique_id").map(str::to_owned);
        entity.scope = self.top(text(self.value, "project").unwrap_or_default());
        entity.record = Some(self.place.to_owned());
        self.out.define(entity);
    }

    /// The scope that other accounts of a project have.
    fn top(&self, project: &str) -> Option<String> {
        let known = self.context.tables.find(&names::project(project))?;
        let known = self.context.tables.entity(known);
        Some(known.scope.clone().unwrap_or_else(|| known.id.clone()))
    }

    fn key(&mut self) {
        let Some(account) = text(self.value, "service_account_id") else { return self.missing("service_account_id") };
        let email = account.rsplit('/').next().unwrap_or(account);
        let holder = self.holder(&names::account(email));
        let id = text(self.value, "name").map_or_else(|| format!("{email}#{}", self.place), str::to_owned);
        self.out.credentials.push(Credential {
            credential: id,
            entity: holder,
            kind: CredentialKind::ServiceAccountKey,
            created_at: None,
            expires_at: None,
            last_used_at: None,
            never_used: None,
            last_rotated_at: None,
            active: Some(true),
            source: self.out.source_id(),
            record: self.place.to_owned(),
        });
    }
}

/// A name for a binding, which has none of its own.
fn statement(resource: &str, condition: Option<&str>) -> String {
    let title = condition.and_then(|text| serde_json::from_str::<Value>(text).ok());
    match title.as_ref().and_then(|value| value.get("title")).and_then(Value::as_str) {
        Some(title) if !title.is_empty() => format!("{resource} ({title})"),
        _ if condition.is_some() => format!("{resource} (conditional)"),
        _ => resource.to_owned(),
    }
}
