//! Governance tables: who people are, who owns and approves what, what is needed, kept apart and excepted.
//!
//! These tables are what an organisation keeps beside its platforms, in spreadsheets and exports of other tools. Each is
//! a CSV file recognised by its header (`docs/governance.md` describes all of them), exceptions also a TOML file, usage
//! also a Parquet file. They name principals as people do; [`Platform::reconcile`] finds out whom they mean, and
//! [`Platform::complete`] joins people, owners and approvers and checks that everyone named is somebody.
//!
//! It is a platform without principals of its own: nobody acts on it.

mod checks;
mod directory;
mod evaluator;
mod format;
mod identities;
#[cfg(test)]
mod mutation;
mod ownership;
mod people;
mod records;
mod references;
mod row;
mod rules;
#[cfg(test)]
mod testing;
mod text_blocks;
mod usage_file;
mod workflows;

use super::input::table;
use super::{Coverage, Evaluator, Platform, Settings, input};
use crate::model::{Builder, EntityId, Tables};

/// Registry name of the platform.
pub const NAME: &str = "governance";

/// The governance tables.
pub struct Governance;

impl Platform for Governance {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Governance tables"
    }

    fn readers(&self) -> &'static [&'static dyn input::Reader] {
        format::READERS
    }

    fn reconcile(&self, builders: &mut [Builder]) {
        people::keep_one_each(builders);
        references::resolve(builders);
    }

    fn complete(&self, tables: &mut Tables) {
        identities::join(tables);
        checks::all(tables);
        workflows::check(tables);
        ownership::settle(tables);
        sort(tables);
    }

    fn at(&self, tables: &mut Tables, as_of: i64) {
        if people::at(tables, as_of) {
            checks::again(tables);
            ownership::judge(tables);
        }
        sort(tables);
    }

    fn changed(&self, tables: &mut Tables, _fresh: &[EntityId]) {
        checks::name(tables);
        ownership::judge(tables);
    }

    fn coverage(&self) -> Coverage {
        Coverage {
            read: "people, owners, approvals, workflows, role baselines, separation of duties, exceptions, usage, as CSV; \
                exceptions as TOML, usage as Parquet",
            decided: "who is whom, who owns and approves what, which exceptions hold",
            not: "how an organisation enforces any of it",
        }
    }

    fn actions(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn evaluator<'t>(&self, _tables: &'t Tables, _settings: Settings) -> Box<dyn Evaluator + 't> {
        Box::new(evaluator::Nobody)
    }
}

/// Puts what was added in its order.
fn sort(tables: &mut Tables) {
    tables
        .issues
        .sort_by(|a, b| (a.source, &a.record, &a.code, &a.message).cmp(&(b.source, &b.record, &b.code, &b.message)));
    tables.issues.dedup();
}
