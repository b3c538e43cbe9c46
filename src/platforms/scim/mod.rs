//! SCIM: users and groups as identity providers and applications exchange them, roles and entitlements as rights.

mod dialect;
mod read;
mod resource;

use super::{Coverage, Evaluator, Platform, Settings, assigned, input};
use crate::model::{Builder, Granularity, Tables};

/// Registry name of the platform.
pub const NAME: &str = "scim";

/// The SCIM platform.
pub struct Scim;

impl Platform for Scim {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "SCIM"
    }

    fn readers(&self) -> &'static [&'static dyn input::Reader] {
        &[&read::Resources]
    }

    fn reconcile(&self, builders: &mut [Builder]) {
        read::reconcile(builders);
    }

    fn complete(&self, _tables: &mut Tables) {}

    fn coverage(&self) -> Coverage {
        Coverage {
            read: "Users, groups, nested members, roles, entitlements, the enterprise extension, pages and lines of JSON.",
            decided: "Who holds which role and entitlement, directly and through nested groups.",
            not: "What a role or an entitlement allows inside the application is not in SCIM.",
        }
    }

    fn actions(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn written(&self, actions: &[String], not_actions: &[String], grain: Granularity) -> Option<Vec<String>> {
        assigned::written(&dialect::Assignments, actions, not_actions, grain)
    }

    fn evaluator<'t>(&self, tables: &'t Tables, settings: Settings) -> Box<dyn Evaluator + 't> {
        Box::new(assigned::Compiled::new(tables, settings, dialect::Assignments))
    }
}
