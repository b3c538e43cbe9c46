//! What Amazon EKS says about its clusters: which AWS principals are which users, and which service accounts get
//! which roles without an annotation.

use serde_json::Value;

use super::bindings;
use super::objects::Objects;
use super::others::{FEDERATED, principal_is};
use super::value::{list, text, texts};
use crate::model::{Builder, EntityKind, IssueSeverity};
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
        return objects.out.issue(IssueSeverity::Warning, "role_unknown", place, message.to_owned());
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
        "EKS access entries: `aws eks describe-access-entry` and `list-associated-access-policies`, one document for each"
    }

    fn recognises(&self, head: &Head) -> bool {
        let one = head.object().and_then(|object| object.get("accessEntry")).and_then(Value::as_object);
        one.is_some_and(|entry| entry.contains_key("principalArn"))
            || (head.has("associatedAccessPolicies") && head.has("principalArn"))
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut found = Vec::new();
        let outcome = documents(input, "accessEntries", "", &mut found);
        let mut objects = Objects::new(out);
        for (place, document) in &found {
            let value = document.get("accessEntry").unwrap_or(document);
            let Some(arn) = text(value, "principalArn").filter(|arn| arn.starts_with("arn:")) else {
                objects.out.skip("record_invalid", place, "an access entry names no principal".to_owned());
                continue;
            };
            hint(&mut objects, value);
            objects.out.source.records += 1;
            let kind = if arn.contains(":user/") { EntityKind::User } else { EntityKind::Role };
            let groups = texts(value, "kubernetesGroups");
            principal_is(&mut objects, &arn, kind, text(value, "username").as_deref(), groups, place);
            for policy in list(value, "associatedAccessPolicies") {
                access_policy(&mut objects, &arn, kind, policy, place);
            }
        }
        outcome
    }
}

/// EKS's own policies and the default roles whose rules they have.
const POLICIES: &[(&str, &str)] = &[
    ("AmazonEKSClusterAdminPolicy", "cluster-admin"),
    ("AmazonEKSAdminPolicy", "admin"),
    ("AmazonEKSEditPolicy", "edit"),
    ("AmazonEKSViewPolicy", "view"),
];

/// An access policy of a principal: a role that it has in the cluster or in some namespaces, by a binding that EKS keeps
/// to itself. The principal is the one member of a group of its own.
fn access_policy(objects: &mut Objects<'_>, arn: &str, kind: EntityKind, policy: &Value, place: &str) {
    let id = text(policy, "policyArn").unwrap_or_default();
    let name = id.rsplit('/').next().unwrap_or_default();
    let Some((_, role)) = POLICIES.iter().find(|(known, _)| *known == name) else {
        let message = format!("the access policy `{id}` of `{arn}` is not evaluated: its rules are not known");
        return objects.out.issue(IssueSeverity::Warning, "access_policy_unknown", place, message);
    };
    let group = format!("eks:{arn}");
    principal_is(objects, arn, kind, None, std::iter::once(group.as_str()), place);
    let group = objects.group(&group);
    let role = objects.role("", "ClusterRole", role);
    let scope = policy.get("accessScope").unwrap_or(&Value::Null);
    let spaces: Vec<&str> = match text(scope, "type").as_deref() {
        Some("namespace") => {
            texts(scope, "namespaces").filter(|name| !name.is_empty() && !name.contains('/')).collect()
        }
        _ => vec![""],
    };
    for space in spaces {
        let binding = objects.binding(space, &format!("eks:{name}:{arn}"));
        bindings::attach(objects, group, binding, place);
        bindings::attach(objects, binding, role, place);
    }
}

/// The cluster's name, where nothing better is known.
fn hint(objects: &mut Objects<'_>, value: &Value) {
    if let Some(name) = text(value, "clusterName") {
        let cluster = objects.cluster_scope();
        objects.out.attribute(cluster, "eks_cluster", &name);
    }
}

/// Elements of a list, or the one object, of every document; without the name of an object the documents themselves.
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
            if self.one.is_empty() {
                self.found.push((pointer.to_owned(), Value::Object(fields.object().0)));
            } else {
                self.found.extend(fields.get(self.one).map(|value| (format!("{pointer}/{}", self.one), value)));
            }
        }
    }
    input.split(&mut Taker { many, one, found })
}
