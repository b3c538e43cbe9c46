//! Objects of the API, one by one: what every object has, and which reader takes which kind.

use std::borrow::Cow;
use std::io::Read as _;

use rustc_hash::FxHashSet;
use serde_json::Value;

use super::super::NAME;
use super::super::catalog::Catalog;
use super::names;
use super::value::{at, fields, list, pairs, text};
use super::yaml::{self, Part};
use super::{bindings, others, pods, roles, workloads};
use crate::model::text::parse_time;
use crate::model::{Builder, Entity, EntityKind, Handle, IssueSeverity, Membership, MembershipKind, Standing};
use crate::platforms::input::json::{Batch, Fields, Sink};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// YAML is read from memory, up to this size.
const YAML_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Lists in lists deeper than this are not opened.
const LISTS_MAX: usize = 4;

/// Objects as JSON: one, a list, or several documents one after another.
pub struct Json;

impl Reader for Json {
    fn name(&self) -> &'static str {
        "kubernetes-json"
    }

    fn title(&self) -> &'static str {
        "Kubernetes objects: `kubectl get roles,clusterroles,rolebindings,clusterrolebindings,serviceaccounts,pods,… -A -o json`"
    }

    fn recognises(&self, head: &Head) -> bool {
        let Some(object) = head.object() else { return false };
        let is = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let listed = head.first("items").is_some_and(|item| item.contains_key("metadata"));
        !is("apiVersion").is_empty() && (!is("kind").is_empty() || listed || head.is_empty_list("items"))
            || is("kind").ends_with("List") && object.contains_key("items")
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut sink = Documents { objects: Objects::new(out), unnamed: Vec::new() };
        let outcome = input.split(&mut sink);
        for (place, _) in &sink.unnamed {
            sink.objects.out.skip("kind_missing", place, "an object does not say of which `kind` it is".to_owned());
        }
        sink.objects.finish();
        outcome
    }
}

/// Takes the items of lists as they come; those that do not say what they are wait for the end of their list.
struct Documents<'b> {
    objects: Objects<'b>,
    unnamed: Vec<(String, Value)>,
}

impl Sink for Documents<'_> {
    fn is_list(&self, key: &str) -> bool {
        key == "items"
    }

    fn records(&mut self, batch: &Batch) {
        let parsed = batch.parse(|bytes| serde_json::from_slice::<Value>(bytes));
        for (at, value) in parsed.into_iter().enumerate() {
            let place = batch.pointer(at);
            match value {
                Ok(value) if text(&value, "kind").is_some() => self.objects.object(&value, &place, 0),
                Ok(value) => self.unnamed.push((place, value)),
                Err(error) => {
                    self.objects.out.skip("json_invalid", &place, format!("an object cannot be read: {error}"));
                }
            }
        }
    }

    fn document(&mut self, pointer: &str, fields: Fields) {
        let (object, invalid) = fields.object();
        for key in invalid {
            let message = format!("the field `{key}` is not valid JSON");
            self.objects.out.skip("json_invalid", &format!("{pointer}/{key}"), message);
        }
        let object = Value::Object(object);
        let kind = text(&object, "kind").unwrap_or_default();
        for (place, mut value) in std::mem::take(&mut self.unnamed) {
            name_kind(&mut value, &kind);
            self.objects.object(&value, &place, 0);
        }
        // What is left of a list that is cut off before it says that it is one.
        let cut = kind.is_empty() && at(&object, &["metadata", "name"]).is_none() && object.get("apiVersion").is_some();
        if !kind.ends_with("List") && !cut {
            self.objects.object(&object, pointer, 0);
        }
    }
}

/// Gives an item of a `RoleList` the kind that it does not say itself.
fn name_kind(value: &mut Value, list: &str) {
    let kind = list.strip_suffix("List").unwrap_or_default();
    if let (Value::Object(fields), false) = (value, kind.is_empty()) {
        fields.entry("kind").or_insert_with(|| Value::String(kind.to_owned()));
    }
}

/// Objects as YAML, any number of documents.
pub struct Yaml;

impl Reader for Yaml {
    fn name(&self) -> &'static str {
        "kubernetes-yaml"
    }

    fn title(&self) -> &'static str {
        "the same as YAML (`-o yaml`), and manifests as `kubectl apply` takes them"
    }

    fn recognises(&self, head: &Head) -> bool {
        let text = head.text();
        let has = |key: &str| text.lines().any(|line| line.starts_with(key));
        head.json().is_none() && has("apiVersion:") && (has("kind:") || has("items:"))
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut bytes = Vec::new();
        if let Err(error) = input.stream().take(YAML_BYTES_MAX).read_to_end(&mut bytes) {
            out.skip("file_truncated", "", format!("reading stopped: {error}; what came before is kept"));
        }
        if bytes.len() as u64 == YAML_BYTES_MAX {
            let message = "only the first GiB of this file is read: export it as JSON, which is read piece by piece";
            out.skip("file_too_large", "", message.to_owned());
        }
        let content = String::from_utf8_lossy(&bytes);
        let mut objects = Objects::new(out);
        let mut unnamed = Vec::new();
        yaml::read(&content, &mut |part, line| {
            let place = format!("line {line}");
            match part {
                Part::Item(value) if text(&value, "kind").is_some() => objects.object(&value, &place, 0),
                Part::Item(value) => unnamed.push((place, value)),
                Part::Document(value) => {
                    let kind = text(&value, "kind").unwrap_or_default().into_owned();
                    for (place, mut value) in unnamed.drain(..) {
                        name_kind(&mut value, &kind);
                        objects.object(&value, &place, 0);
                    }
                    if !kind.ends_with("List") {
                        objects.object(&value, &place, 0);
                    }
                }
                Part::Broken(why) => {
                    unnamed.clear();
                    let message = format!("a document ends here, of which the rest cannot be read: {why}");
                    objects.out.skip("yaml_invalid", &place, message);
                }
            }
        });
        objects.finish();
        Ok(())
    }
}

/// What every object says of itself.
pub struct Meta<'v> {
    pub value: &'v Value,
    pub kind: Cow<'v, str>,
    pub name: Cow<'v, str>,
    /// Empty for what is in no namespace.
    pub namespace: Cow<'v, str>,
    /// Place in the source.
    pub place: &'v str,
}

impl<'v> Meta<'v> {
    /// A field of the object's metadata.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&'v str> {
        fields(at(self.value, &["metadata"])?, "annotations")?.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// A label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&'v str> {
        fields(at(self.value, &["metadata"])?, "labels")?.get(key)?.as_str()
    }
}

/// Puts objects into a builder.
pub struct Objects<'b> {
    pub out: &'b mut Builder,
    /// Id of the cluster.
    pub cluster: String,
    /// Values of secrets that were passed over, and how many secrets had some.
    pub secret_values: (u64, u64),
    pub first_secret: Option<String>,
    grouped: FxHashSet<Handle>,
}

impl<'b> Objects<'b> {
    /// Objects of a cluster whose name other files may know.
    pub fn new(out: &'b mut Builder) -> Self {
        let cluster = names::cluster(names::UNNAMED);
        Self { out, cluster, secret_values: (0, 0), first_secret: None, grouped: FxHashSet::default() }
    }

    /// Reads one object; a list in it has its items read.
    pub fn object(&mut self, value: &Value, place: &str, depth: usize) {
        let Some(kind) = text(value, "kind") else {
            if value.as_object().is_some_and(|fields| !fields.is_empty()) {
                self.out.skip("kind_missing", place, "an object does not say of which `kind` it is".to_owned());
            } else if !value.is_null() && !value.is_object() {
                self.out.skip("object_invalid", place, "this is no object".to_owned());
            }
            return;
        };
        if kind.ends_with("List") {
            for (at, item) in list(value, "items").iter().enumerate().filter(|_| depth < LISTS_MAX) {
                let mut item = item.clone();
                name_kind(&mut item, &kind);
                self.object(&item, &format!("{place}/items/{at}"), depth + 1);
            }
            return;
        }
        if kind == "Config" && value.get("contexts").is_some() {
            return others::config(self, value, place);
        }
        let metadata = value.get("metadata").unwrap_or(&Value::Null);
        let Some(name) = text(metadata, "name").or_else(|| text(metadata, "generateName")) else {
            if roles::takes(&kind) || bindings::takes(&kind) || workloads::takes(value) || kind == "ServiceAccount" {
                self.out.skip("name_missing", place, format!("a {kind} has no name"));
            }
            return;
        };
        let known = Catalog::get().kind(&kind.to_ascii_lowercase());
        let namespaced = known.is_none_or(|kind| kind.namespaced);
        let namespace = match text(metadata, "namespace") {
            _ if !namespaced => Cow::Borrowed(""),
            Some(namespace) => namespace,
            None => Cow::Borrowed("default"),
        };
        if [&name, &namespace].iter().any(|part| part.contains(char::is_whitespace)) || namespace.contains('/') {
            self.out.skip(
                "name_invalid",
                place,
                format!("a {kind} has the name `{name}` in `{namespace}`, which is none"),
            );
            return;
        }
        self.known(&Meta { value, kind, name, namespace, place });
    }

    fn known(&mut self, meta: &Meta<'_>) {
        match meta.kind.as_ref() {
            kind if roles::takes(kind) => roles::read(self, meta),
            kind if bindings::takes(kind) => bindings::read(self, meta),
            "ServiceAccount" => others::service_account(self, meta),
            "Secret" => others::secret(self, meta),
            "Namespace" => others::namespace(self, meta),
            "Node" => others::node(self, meta),
            "ConfigMap" => others::config_map(self, meta),
            "Pod" => pods::read(self, meta),
            kind if others::decides_admission(kind, meta.value) => {
                let cluster = self.cluster_scope();
                self.out.attribute(cluster, "admission_policies", "true");
            }
            _ if workloads::takes(meta.value) => workloads::read(self, meta),
            _ => return,
        }
        self.out.source.records += 1;
    }

    /// Reports what was passed over on purpose.
    pub fn finish(&mut self) {
        let (values, secrets) = self.secret_values;
        if let Some(place) = self.first_secret.take() {
            let message = format!(
                "{values} values of {secrets} secrets are in this file: they were not read; leave them out of exports, \
                 and take care who can read this one"
            );
            self.out.issue(IssueSeverity::Note, "secret_dropped", &place, message);
        }
    }

    /// The cluster itself.
    pub fn cluster_scope(&mut self) -> Handle {
        let id = self.cluster.clone();
        if let Some(known) = self.out.handle(&id) {
            return known;
        }
        let name = id.rsplit(':').next().unwrap_or(&id).to_owned();
        let mut cluster = Entity::named(&id, NAME, EntityKind::Scope, &name);
        cluster.present = true;
        let cluster = self.out.define(cluster);
        // These are in every cluster, bound or not.
        self.group(names::AUTHENTICATED);
        let masters = self.group(names::MASTERS);
        self.out.attribute(masters, "superuser", "true");
        cluster
    }

    /// Defines what an object is, with its labels.
    pub fn define(&mut self, meta: &Meta<'_>, kind: EntityKind, name: &str) -> Handle {
        self.cluster_scope();
        let id = names::object(&self.cluster, &meta.namespace, &meta.kind, &meta.name);
        let metadata = meta.value.get("metadata").unwrap_or(&Value::Null);
        let mut entity = Entity::named(&id, NAME, kind, name);
        entity.present = true;
        entity.scope = Some(self.cluster.clone());
        entity.unique_id = text(metadata, "uid").map(Cow::into_owned);
        entity.created_at = text(metadata, "creationTimestamp").and_then(|time| parse_time(&time));
        entity.source = Some(self.out.source_id());
        entity.record = Some(meta.place.to_owned());
        let handle = self.out.define(entity);
        self.out.attribute(handle, "kind", &meta.kind);
        for (key, value) in pairs(metadata, "labels") {
            self.out.attribute(handle, &format!("tag:{key}"), value);
        }
        handle
    }

    /// Something that is known by being named, whether or not an export defines it.
    fn named(&mut self, namespace: &str, kind: &str, own: &str, of: EntityKind, name: &str, present: bool) -> Handle {
        self.cluster_scope();
        let id = names::object(&self.cluster, namespace, kind, own);
        let mut entity = Entity::named(&id, NAME, of, name);
        entity.present = present;
        entity.scope = Some(self.cluster.clone());
        let handle = self.out.define(entity);
        if present && self.grouped.insert(handle) {
            self.out.attribute(handle, "kind", kind);
        }
        handle
    }

    /// A namespace: it exists when something is in it.
    pub fn namespace(&mut self, name: &str) -> Handle {
        // Its pods run somewhere.
        self.node(None);
        self.named("", "Namespace", name, EntityKind::Scope, name, true)
    }

    /// A role that a binding names.
    pub fn role(&mut self, namespace: &str, kind: &str, name: &str) -> Handle {
        let shown = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
        self.named(namespace, kind, name, EntityKind::RoleDefinition, &shown, false)
    }

    /// A binding that is no object of the API; `namespace` is empty for one that holds everywhere.
    pub fn binding(&mut self, namespace: &str, name: &str) -> Handle {
        let kind = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
        self.named(namespace, kind, name, EntityKind::RoleDefinition, name, true)
    }

    /// A secret that a pod is given.
    pub fn secret(&mut self, namespace: &str, name: &str) -> Handle {
        let shown = format!("{namespace}/{name}");
        self.named(namespace, "Secret", name, EntityKind::Credential, &shown, false)
    }

    /// A group: being named is all that makes one.
    pub fn group(&mut self, name: &str) -> Handle {
        self.named("", "Group", name, EntityKind::Group, name, true)
    }

    /// A user, or the service account that has this user name, with the groups that the API server puts it in.
    pub fn user(&mut self, name: &str) -> Handle {
        if let Some((namespace, name)) = names::service_account(name) {
            return self.service_account(namespace, name);
        }
        let fresh = self.out.handle(&names::object(&self.cluster, "", "User", name)).is_none();
        let user = self.named("", "User", name, EntityKind::User, name, true);
        if fresh {
            let groups: &[&str] = match name {
                "system:anonymous" => &["system:unauthenticated"],
                name if name.starts_with(names::NODE) => &[names::AUTHENTICATED, names::NODES],
                _ => &[names::AUTHENTICATED],
            };
            for group in groups {
                self.join(user, group);
            }
        }
        user
    }

    /// A service account that is referred to, with its groups.
    pub fn service_account(&mut self, namespace: &str, name: &str) -> Handle {
        let shown = format!("{}{namespace}:{name}", names::SERVICE_ACCOUNT);
        let account = self.named(namespace, "ServiceAccount", name, EntityKind::ServiceAccount, &shown, false);
        if self.grouped.insert(account) {
            self.out.attribute(account, "kind", "ServiceAccount");
            self.out.attribute(account, "federated_subject", &shown);
            self.join(account, names::AUTHENTICATED);
            self.join(account, names::SERVICE_ACCOUNTS);
            self.join(account, &format!("{}:{namespace}", names::SERVICE_ACCOUNTS));
            let space = self.namespace(namespace);
            self.membership(account, space, MembershipKind::Contains, "");
        }
        account
    }

    fn join(&mut self, member: Handle, group: &str) {
        let group = self.group(group);
        self.membership(member, group, MembershipKind::MemberOf, "");
    }

    /// States that something is in something.
    pub fn membership(&mut self, member: Handle, container: Handle, kind: MembershipKind, place: &str) {
        self.out.memberships.push(Membership {
            member,
            container,
            kind,
            standing: Standing::Active,
            expires_at: None,
            source: self.out.source_id(),
            record: place.to_owned(),
        });
    }
}
