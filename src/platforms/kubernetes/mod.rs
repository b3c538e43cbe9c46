//! Kubernetes: readers of objects as `kubectl` writes them and of audit logs, and its permission model (RBAC).

pub mod catalog;
mod change;
mod defaults;
mod eval;
pub mod names;
pub mod notation;
pub mod read;

use super::{Coverage, Evaluator, Platform, Settings, declared, input};
use crate::model::{Builder, Entity, EntityId, Granularity, Tables};

/// Registry name of the platform.
pub const NAME: &str = "kubernetes";

/// The Kubernetes platform.
pub struct Kubernetes;

impl Platform for Kubernetes {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Kubernetes"
    }

    fn readers(&self) -> &'static [&'static dyn input::Reader] {
        read::READERS
    }

    fn reconcile(&self, builders: &mut [Builder]) {
        read::reconcile(builders);
    }

    fn complete(&self, tables: &mut Tables) {
        read::complete(tables);
    }

    fn changed(&self, tables: &mut Tables, fresh: &[EntityId]) {
        change::changed(tables, fresh);
    }

    fn home(&self, entity: &Entity) -> Option<String> {
        let parts = names::parts(&entity.id)?;
        // The service accounts of a namespace are a group of their own.
        let group = || parts.name.strip_prefix(names::SERVICE_ACCOUNTS)?.strip_prefix(':');
        let namespace = match (parts.namespace, parts.kind) {
            ("", "group") => group()?,
            ("", _) => return None,
            (namespace, _) => namespace,
        };
        Some(names::object(parts.cluster, "", "namespace", namespace))
    }

    fn takes_manifests(&self) -> bool {
        true
    }

    fn locate(&self, builders: &mut [Builder], tables: &Tables) -> Result<(), String> {
        read::locate(builders, tables)
    }

    fn states(&self, entity: &Entity) -> Option<declared::Stated> {
        let kind = names::parts(&entity.id)?.kind;
        let nothing = declared::Stated::NOTHING;
        match kind {
            "role" | "clusterrole" => Some(declared::Stated { statements: true, ..nothing }),
            "rolebinding" | "clusterrolebinding" => Some(declared::Stated { attached: true, held: true, ..nothing }),
            "serviceaccount" | "namespace" => Some(nothing),
            _ => None,
        }
    }

    fn declare(
        &self,
        kind: &str,
        value: &declared::Attributes,
        place: &str,
        context: &declared::Declaring<'_>,
        out: &mut Builder,
    ) -> bool {
        change::declare(kind, value, place, context, out)
    }

    fn has_federation(&self) -> bool {
        true
    }

    fn coverage(&self) -> Coverage {
        Coverage {
            read: "objects as kubectl writes them (JSON, YAML, lists, manifests), audit logs, EKS access entries",
            decided: "role-based access control as the reference authorizer does, aggregation, implicit groups, what pods \
                run as and may leave for",
            not: "other authorizers, admission policies' refusals, members of groups, custom controllers",
        }
    }

    fn actions(&self) -> Vec<&'static str> {
        catalog::Catalog::get().actions().iter().map(|action| action.name.as_str()).collect()
    }

    fn written(&self, actions: &[String], not_actions: &[String], grain: Granularity) -> Option<Vec<String>> {
        // Rules say what they are about and never what they are not.
        not_actions.is_empty().then(|| eval::written(actions, grain))
    }

    fn writes(&self, action: &str) -> bool {
        notation::is_written_here(action)
    }

    fn is_resource(&self, text: &str) -> bool {
        notation::is_resource(text)
    }

    fn has_open_groups(&self) -> bool {
        true
    }

    fn evaluator<'t>(&self, tables: &'t Tables, settings: Settings) -> Box<dyn Evaluator + 't> {
        Box::new(eval::Compiled::new(tables, settings))
    }
}
