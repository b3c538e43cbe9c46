//! Snowflake: readers of `ACCOUNT_USAGE` views and of what SHOW prints, and its privilege model on the shared permission
//! engine.

mod dialect;
mod grants;
mod read;
mod users;

use super::{Coverage, Evaluator, Platform, Settings, assigned, input};
use crate::model::{Builder, Granularity, Tables};

/// Registry name of the platform.
pub const NAME: &str = "snowflake";

/// The Snowflake platform.
pub struct Snowflake;

impl Platform for Snowflake {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Snowflake"
    }

    fn readers(&self) -> &'static [&'static dyn input::Reader] {
        &[&read::Views]
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
            read: "Users with their credentials, roles, the hierarchy of roles, grants and future grants, as ACCOUNT_USAGE views or SHOW as CSV or JSON.",
            decided: "Privileges through the hierarchy of roles with all secondary roles on, ownership, MANAGE GRANTS, system roles, who may become an account administrator.",
            not: "Masking and row access policies, shares' consumers and what network policies keep out.",
        }
    }

    fn actions(&self) -> Vec<&'static str> {
        dialect::actions()
    }

    fn written(&self, actions: &[String], not_actions: &[String], grain: Granularity) -> Option<Vec<String>> {
        assigned::written(&dialect::Privileges, actions, not_actions, grain)
    }

    fn evaluator<'t>(&self, tables: &'t Tables, settings: Settings) -> Box<dyn Evaluator + 't> {
        Box::new(assigned::Compiled::new(tables, settings, dialect::Privileges))
    }
}
