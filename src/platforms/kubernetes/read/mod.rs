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

use super::names;
use crate::platforms::input;

/// All readers, in the order in which they are asked. Audit events and chart sources look like objects.
pub const READERS: &[&dyn input::Reader] =
    &[&audit::Audit, &cloud::PodIdentity, &cloud::AccessEntries, &chart::Chart, &objects::Json, &objects::Yaml];
