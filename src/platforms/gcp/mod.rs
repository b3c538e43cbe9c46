//! Google Cloud: readers of policies, assets, accounts, roles and directories, and how its permissions are written.

mod catalog;
mod cel;
mod change;
mod eval;
mod names;
mod read;

use super::{Coverage, Evaluator, Platform, Settings, assigned, declared, input};
use crate::model::{Builder, Granularity, Tables};

/// Registry name of the platform.
pub const NAME: &str = "gcp";

/// The Google Cloud platform.
pub struct Gcp;

impl Platform for Gcp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Google Cloud"
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

    fn at(&self, tables: &mut Tables, as_of: i64) {
        read::at(tables, as_of);
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

    fn exported(
        &self,
        kind: &str,
        value: &declared::Attributes,
        _context: &declared::Declaring<'_>,
    ) -> Vec<(&'static str, String)> {
        change::exported(kind, value)
    }

    fn has_federation(&self) -> bool {
        true
    }

    fn coverage(&self) -> Coverage {
        Coverage {
            read: "Asset Inventory searches and exports, policies, service accounts and keys, roles, deny policies, activity and insights, federation, directory groups",
            decided: "predefined, basic and custom roles through organisation, folders and projects; deny policies with exceptions; conditions on time and on the name, type and service of known resources",
            not: "conditions on tags and request attributes (conditional), principal access boundaries, organisation policies, access levels, legacy bucket and dataset ACLs",
        }
    }

    fn actions(&self) -> Vec<&'static str> {
        catalog::Catalog::get().permissions().map(|(name, _)| name).collect()
    }

    fn written(&self, actions: &[String], not_actions: &[String], grain: Granularity) -> Option<Vec<String>> {
        assigned::written(&eval::Gcp, actions, not_actions, grain)
    }

    fn writes(&self, action: &str) -> bool {
        eval::is_written_here(action)
    }

    fn is_resource(&self, text: &str) -> bool {
        text.starts_with("//") && text.contains(".googleapis.com/")
    }

    fn has_open_groups(&self) -> bool {
        true
    }

    fn evaluator<'t>(&self, tables: &'t Tables, settings: Settings) -> Box<dyn Evaluator + 't> {
        Box::new(assigned::Compiled::new(tables, settings, &eval::Gcp))
    }
}
