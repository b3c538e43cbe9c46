//! Readers of Kubernetes objects, audit logs, and what a cloud's command line says about clusters.

mod audit;
mod bindings;
mod chart;
mod cloud;
mod clusters;
mod complete;
mod objects;
mod others;
mod pod_spec;
mod pods;
mod roles;
mod selector;
mod value;
mod workloads;
mod yaml;

pub use clusters::{locate, reconcile};
pub use complete::complete;

use serde_json::Value;

use super::names;
use crate::model::Builder;
use crate::platforms::input;

/// Reads one object that is to be in a cluster, by the id of that.
pub fn object(out: &mut Builder, cluster: Option<String>, value: &Value, place: &str) {
    let mut objects = objects::Objects::new(out);
    objects.cluster = cluster.unwrap_or(objects.cluster);
    objects.object(value, place, 0);
    objects.finish();
}

/// All readers, in the order in which they are asked. Audit events and chart sources look like objects.
pub const READERS: &[&dyn input::Reader] =
    &[&audit::Audit, &cloud::PodIdentity, &cloud::AccessEntries, &chart::Chart, &objects::Json, &objects::Yaml];
