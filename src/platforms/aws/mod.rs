//! AWS: readers of its export formats, and its permission model.

pub mod arn;
pub mod catalog;
mod change;
mod eval;
pub mod keys;
pub mod logging;
pub mod read;

use super::{Coverage, Evaluator, Platform, Settings, Trusted, declared, input};
use crate::model::{Builder, Entity, EntityId, Granularity, Handle, Tables};

/// Registry name of the platform.
pub const NAME: &str = "aws";

/// The AWS platform.
pub struct Aws;

impl Platform for Aws {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "AWS"
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

    fn has_federation(&self) -> bool {
        true
    }

    fn coverage(&self) -> Coverage {
        Coverage {
            read: "account authorization details, credential reports, last-accessed data, CloudTrail, Organizations with \
                SCPs and RCPs, resource policies, IAM Identity Center",
            decided: "identity, resource and trust policies, boundaries, SCPs and RCPs, sessions, conditions, variables; \
                within and across accounts",
            not: "resources that no policy names (functions, instances, keys' grants), VPC endpoint policies, session tags",
        }
    }

    fn actions(&self) -> Vec<&'static str> {
        catalog::Catalog::get().actions().iter().map(|action| action.full_name).collect()
    }

    fn written(&self, actions: &[String], not_actions: &[String], grain: Granularity) -> Option<Vec<String>> {
        Some(catalog::Catalog::get().written(actions, not_actions, grain))
    }

    fn trusted(&self, tables: &Tables, target: &Entity, pattern: &str) -> Trusted {
        change::trusted(tables, target, pattern)
    }

    fn changed(&self, tables: &mut Tables, fresh: &[EntityId]) {
        read::classify(tables, fresh);
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

    fn document(&self, holder: Handle, document: &declared::Document<'_>, out: &mut Builder) -> Result<bool, String> {
        change::document(holder, document, out).map(|()| true)
    }

    fn exported(
        &self,
        kind: &str,
        value: &declared::Attributes,
        context: &declared::Declaring<'_>,
    ) -> Vec<(&'static str, String)> {
        change::exported(kind, value, context)
    }

    fn evaluator<'t>(&self, tables: &'t Tables, settings: Settings) -> Box<dyn Evaluator + 't> {
        Box::new(eval::Compiled::new(tables, settings))
    }
}
