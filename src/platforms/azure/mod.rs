//! Entra ID and Azure: readers of AzureHound, Microsoft Graph, the resource manager and `az`, and how their rights are
//! written. Directory roles, application permissions, roles of the resource manager and their data actions are planes of
//! one permission model.

pub mod catalog;
mod change;
mod condition;
mod dialect;
pub mod names;
pub mod read;

use super::assigned::{self, Compiled};
use super::{Coverage, Evaluator, Platform, Settings, declared, input};
use crate::model::{Builder, Entity, EntityId, EntityKind, Granularity, Tables};

/// Registry name of the platform.
pub const NAME: &str = "azure";

/// The Azure platform.
pub struct Azure;

impl Platform for Azure {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Entra ID and Azure"
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

    fn trusts_for(&self, tables: &Tables, holder: &Entity) -> Option<EntityId> {
        // The service principal of an application that is not in the export.
        if holder.kind != EntityKind::Application || holder.present {
            return None;
        }
        let app = names::last(&holder.id);
        let is = |one: &&Entity| {
            one.kind == EntityKind::ServiceAccount && one.present && one.unique_id.as_deref() == Some(app)
        };
        tables.entities.iter().rfind(is).map(|one| one.entity)
    }

    fn trust_policy(&self) -> &'static str {
        "federated credential"
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
            read: "AzureHound files, pages of Microsoft Graph and of the resource manager, lists of az",
            decided: "roles of the directory and of resources with their scopes, NotActions, data actions and deny \
                assignments, application permissions, owners, access policies of key vaults, eligible and conditional rights",
            not: "conditional access, consent policies, restricted administrative units, rights inside of services (SQL, \
                Kubernetes, Intune, Exchange)",
        }
    }

    fn actions(&self) -> Vec<&'static str> {
        catalog::actions().actions().iter().map(|action| action.name.as_ref()).collect()
    }

    fn written(&self, actions: &[String], not_actions: &[String], grain: Granularity) -> Option<Vec<String>> {
        assigned::written(&dialect::Azure, actions, not_actions, grain)
    }

    fn writes(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let planes = [catalog::DATA, catalog::ENTRA, catalog::GRAPH_PLANE, catalog::VAULT];
        // Providers have any name: what is done stands at the end.
        let done = ["/read", "/write", "/delete", "/action"].iter().any(|word| action.ends_with(word));
        planes.iter().any(|plane| action.starts_with(plane))
            || !action.contains(':') && action.contains('/') && action.starts_with("microsoft.")
            || !action.contains(':') && done && (action.matches('/').count() > 1 || action.contains('.'))
    }

    fn is_resource(&self, text: &str) -> bool {
        names::arm(text)
            .is_some_and(|id| id.starts_with(names::SUBSCRIPTION) || id.starts_with(names::MANAGEMENT_GROUP))
    }

    fn evaluator<'t>(&self, tables: &'t Tables, settings: Settings) -> Box<dyn Evaluator + 't> {
        Box::new(Compiled::new(tables, settings, &dialect::Azure))
    }
}
