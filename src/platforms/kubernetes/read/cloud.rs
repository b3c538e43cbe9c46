//! What Amazon EKS says about its clusters: which AWS principals are which users, and which service accounts get
//! which roles without an annotation.

use serde_json::Value;

use super::objects::Objects;
use super::others::{FEDERATED, principal_is};
use super::value::{list, text, texts};
use crate::model::{Builder, EntityKind};
use crate::platforms::input::json::{Batch, Fields, Sink};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Attribute of a service account that gets its cloud principal from an agent on the node.
pub const POD_IDENTITY: &str = "pod_identity_target";

/// Associations of service accounts with roles.
pub struct PodIdentity;

impl Reader for PodIdentity {
    fn name(&self) -> &'static str {
        "eks-pod-identity"
    }

    fn title(&self) -> &'static str {
        "EKS Pod Identity associations: `aws eks describe-pod-identity-association`, one document for each"
    }

    fn recognises(&self, head: &Head) -> bool {
        let is = |object: &serde_json::Map<String, Value>| {
            object.contains_key("serviceAccount")
                && object.contains_key("namespace")
                && object.contains_key("clusterName")
        };
        let one = head.object().and_then(|object| object.get("association")).and_then(Value::as_object);
        one.is_some_and(is) || head.first("associations").is_some_and(is)
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut found = Vec::new();
        let outcome = documents(input, "associations", "association", &mut found);
        let mut objects = Objects::new(out);
        for (place, value) in &found {
            association(&mut objects, value, place);
        }
        outcome
    }
}

fn association(objects: &mut Objects<'_>, value: &Value, place: &str) {
    let (namespace, name) = (text(value, "namespace"), text(value, "serviceAccount"));
    let (Some(namespace), Some(name)) = (namespace, name) else {
        return objects.out.skip("record_invalid", place, "an association names no service account".to_owned());
    };
    if [&namespace, &name].iter().any(|part| part.contains(['/', ':'])) {
        return objects.out.skip("name_invalid", place, format!("`{namespace}:{name}` is no service account"));
    }
    hint(objects, value);
    objects.out.source.records += 1;
    let account = objects.service_account(&namespace, &name);
    let Some(role) = text(value, "roleArn") else {
        let message =
            "the list of associations does not say which role each has: add `describe-pod-identity-association`";
        return objects.out.issue(crate::model::IssueSeverity::Warning, "role_unknown", place, message.to_owned());
    };
    objects.out.refer(&role, "aws", EntityKind::Role, role.rsplit('/').next().unwrap_or(&role));
    objects.out.attribute(account, FEDERATED, &role);
    objects.out.attribute(account, POD_IDENTITY, &role);
}

/// Access entries: AWS principals and the user and groups that each is.
pub struct AccessEntries;

impl Reader for AccessEntries {
    fn name(&self) -> &'static str {
        "eks-access-entries"
    }

    fn title(&self) -> &'static str {
        "EKS access entries: `aws eks describe-access-entry`, one document for each"
    }

    fn recognises(&self, head: &Head) -> bool {
        let one = head.object().and_then(|object| object.get("accessEntry")).and_then(Value::as_object);
        one.is_some_and(|entry| entry.contains_key("principalArn"))
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut found = Vec::new();
        let outcome = documents(input, "accessEntries", "accessEntry", &mut found);
        let mut objects = Objects::new(out);
        for (place, value) in &found {
            let Some(arn) = text(value, "principalArn").filter(|arn| arn.starts_with("arn:")) else {
                objects.out.skip("record_invalid", place, "an access entry names no principal".to_owned());
                continue;
            };
            hint(&mut objects, value);
            objects.out.source.records += 1;
            let kind = if arn.contains(":user/") { EntityKind::User } else { EntityKind::Role };
            let groups = texts(value, "kubernetesGroups");
            principal_is(&mut objects, &arn, kind, text(value, "username").as_deref(), groups, place);
            if !list(value, "associatedAccessPolicies").is_empty() {
                let message = format!("the access policies of `{arn}` are not evaluated");
                objects.out.issue(crate::model::IssueSeverity::Warning, "access_policy_unread", place, message);
            }
        }
        outcome
    }
}

/// The cluster's name, where nothing better is known.
fn hint(objects: &mut Objects<'_>, value: &Value) {
    if let Some(name) = text(value, "clusterName") {
        let cluster = objects.cluster_scope();
        objects.out.attribute(cluster, "eks_cluster", &name);
    }
}

/// Elements of a list, or the one object, of every document.
fn documents(
    input: &mut Input<'_>,
    many: &'static str,
    one: &'static str,
    found: &mut Vec<(String, Value)>,
) -> Result<(), ReadError> {
    struct Taker<'f> {
        many: &'static str,
        one: &'static str,
        found: &'f mut Vec<(String, Value)>,
    }
    impl Sink for Taker<'_> {
        fn is_list(&self, key: &str) -> bool {
            key == self.many
        }
        fn records(&mut self, batch: &Batch) {
            let parsed = batch.parse(|bytes| serde_json::from_slice(bytes).unwrap_or(Value::Null));
            self.found.extend(parsed.into_iter().enumerate().map(|(at, value)| (batch.pointer(at), value)));
        }
        fn document(&mut self, pointer: &str, fields: Fields) {
            self.found.extend(fields.get(self.one).map(|value| (format!("{pointer}/{}", self.one), value)));
        }
    }
    input.split(&mut Taker { many, one, found })
}
