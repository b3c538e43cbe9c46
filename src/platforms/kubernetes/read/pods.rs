//! Pods.

use serde_json::Value;

use super::objects::{Meta, Objects};
use super::pod_spec::{self, Running};
use super::value::{at, list, text};
use crate::model::{EntityKind, MembershipKind};

/// Reads a pod. One that has ended runs nothing any more.
pub fn read(objects: &mut Objects<'_>, meta: &Meta<'_>) {
    let ended = at(meta.value, &["status"]).and_then(|status| text(status, "phase"));
    if ended.is_some_and(|phase| matches!(phase.as_ref(), "Succeeded" | "Failed")) {
        return;
    }
    let Some(spec) = at(meta.value, &["spec"]) else {
        return objects.out.skip("spec_missing", meta.place, format!("pod `{}` has no spec", meta.name));
    };
    let shown = format!("{}/{}", meta.namespace, meta.name);
    let pod = objects.define(meta, EntityKind::Workload, &shown);
    let space = objects.namespace(&meta.namespace);
    objects.membership(pod, space, MembershipKind::Contains, meta.place);
    let metadata = meta.value.get("metadata").unwrap_or(&Value::Null);
    let owner = list(metadata, "ownerReferences").first();
    if let Some(owner) = owner.and_then(|owner| Some(format!("{}/{}", text(owner, "kind")?, text(owner, "name")?))) {
        objects.out.attribute(pod, "made_by", &owner);
    }
    let node = text(spec, "nodeName");
    let running = Running { namespace: &meta.namespace, node: node.as_deref(), place: meta.place };
    pod_spec::read(objects, pod, spec, &running);
}
