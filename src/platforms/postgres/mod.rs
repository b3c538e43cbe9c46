//! PostgreSQL: readers of its catalogue as tables, and its privilege model on the shared permission engine.

mod acl;
mod complete;
mod dialect;
pub mod read;

use super::{Coverage, Evaluator, Platform, Settings, assigned, input};
use crate::model::{Builder, Granularity, Tables};

/// Registry name of the platform.
pub const NAME: &str = "postgres";

/// The PostgreSQL platform.
pub struct Postgres;

impl Platform for Postgres {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "PostgreSQL"
    }

    fn readers(&self) -> &'static [&'static dyn input::Reader] {
        read::READERS
    }

    fn reconcile(&self, builders: &mut [Builder]) {
        complete::reconcile(builders);
    }

    fn complete(&self, tables: &mut Tables) {
        complete::complete(tables);
    }

    fn coverage(&self) -> Coverage {
        Coverage {
            read: "Roles, memberships with their options, grants as the information schema lists them, access control lists of databases, schemas, relations and functions, default privileges, pg_hba rules.",
            decided: "Privileges on each object as `has_table_privilege` decides them, inheritance and SET ROLE, ownership, attributes and predefined roles, who may become a superuser.",
            not: "USAGE on the schema is asked for by itself and not with each table in it; row security policies make what they cover conditional.",
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
