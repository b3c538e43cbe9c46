//! Whatever runs pods from a template: the controllers of every API group, and custom ones built like them.

use serde_json::Value;

use super::objects::{Meta, Objects};
use super::pod_spec::{self, Running};
use super::value::at;
use crate::model::{EntityKind, MembershipKind};

/// Where an object keeps the spec of the pods that it makes.
fn template(value: &Value) -> Option<&Value> {
    let paths: [&[&str]; 3] =
        [&["spec", "template", "spec"], &["spec", "jobTemplate", "spec", "template", "spec"], &["template", "spec"]];
    paths.iter().filter_map(|path| at(value, path)).find(|spec| spec.get("containers").is_some_and(Value::is_array))
}

/// Whether an object has a template of pods.
#[must_use]
pub fn takes(value: &Value) -> bool {
    template(value).is_some()
}

/// Reads a controller by the pods that it makes.
pub fn read(objects: &mut Objects<'_>, meta: &Meta<'_>) {
    let Some(spec) = template(meta.value) else { return };
    let shown = format!("{}/{}", meta.namespace, meta.name);
    let workload = objects.define(meta, EntityKind::Workload, &shown);
    objects.out.attribute(workload, "controller", "true");
    let space = objects.namespace(&meta.namespace);
    objects.membership(workload, space, MembershipKind::Contains, meta.place);
    pod_spec::read(objects, workload, spec, &Running { namespace: &meta.namespace, node: None, place: meta.place });
}
