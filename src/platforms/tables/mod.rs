//! Tables of any system: who there is, who is in what, who may do what, with which keys, and what was used.
//!
//! An organisation's own systems have no export format that anyone else knows, but a table can be had of all of them. A
//! mapping file says which columns mean what; without one the documented columns are recognised (`docs/platforms/
//! tables.md`). Each row names its system; a system is a scope, and its name is part of every id and of every right.

mod layout;
mod read;
mod resolve;
mod row;
mod rows;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::assigned::{self, Action, Catalog, Dialect, LEVELS};
use super::{Coverage, Evaluator, Platform, Recorded, Settings, input};
use crate::model::{Builder, EntityId, EntityKind, Tables as Model};

/// Registry name of the platform.
pub const NAME: &str = "tables";
/// Action of every right that gives control of where it holds.
const CONTROL: &str = "control";
/// Action of every right that administers where it holds.
const ADMINISTER: &str = "administer";

fn system_id(system: &str) -> String {
    format!("{NAME}:{system}")
}

fn principal_id(system: &str, text: &str) -> String {
    format!("{NAME}:{system}/principal/{text}")
}

fn group_id(system: &str, text: &str) -> String {
    format!("{NAME}:{system}/group/{text}")
}

fn resource_id(system: &str, text: &str) -> String {
    format!("{NAME}:{system}/resource/{text}")
}

/// A principal or a group, until it is known which.
fn who_id(system: &str, text: &str) -> String {
    format!("{NAME}:{system}/who/{text}")
}

/// System, kind and text of an id; `None` for that of a system.
fn parts(id: &str) -> Option<(&str, &str, &str)> {
    let (system, rest) = id.strip_prefix(NAME)?.strip_prefix(':')?.split_once('/')?;
    let (what, text) = rest.split_once('/')?;
    Some((system, what, text))
}

/// Tables of any system.
pub struct Tables;

impl Platform for Tables {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Tables of any other system"
    }

    fn readers(&self) -> &'static [&'static dyn input::Reader] {
        read::READERS
    }

    fn reconcile(&self, builders: &mut [Builder]) {
        resolve::reconcile(builders);
    }

    fn complete(&self, _tables: &mut Model) {}

    fn changed(&self, tables: &mut Model, _fresh: &[EntityId]) {
        resolve::changed(tables);
    }

    fn coverage(&self) -> Coverage {
        Coverage {
            read: "principals, groups, memberships, resources, grants, rights, keys, usage and owners, as CSV or Parquet \
                   by a mapping file, or as CSV with the documented columns",
            decided: "rights through nested groups on a tree of resources, denies, expiry, and control by rights of the \
                      levels `permissions` and `administers`",
            not: "rules of the system that no row states: roles are groups, and conditions stay open",
        }
    }

    fn actions(&self) -> Vec<&'static str> {
        Rights::catalog_of_all().actions().iter().map(|action| action.name.as_ref()).collect()
    }

    fn evaluator<'t>(&self, tables: &'t Model, settings: Settings) -> Box<dyn Evaluator + 't> {
        Box::new(assigned::Compiled::new(tables, settings, Rights::new(tables)))
    }
}

/// The rights of the systems of one snapshot, with their levels.
struct Rights<'t> {
    /// Level by action.
    levels: BTreeMap<&'t str, &'static str>,
}

impl<'t> Rights<'t> {
    fn new(tables: &'t Model) -> Self {
        let own = |entity: &&crate::model::Entity| entity.platform == NAME && entity.kind == EntityKind::Scope;
        let mut levels = BTreeMap::new();
        for system in tables.entities.iter().filter(own) {
            let start = tables.attributes.partition_point(|row| row.entity < system.entity);
            for row in tables.attributes[start..].iter().take_while(|row| row.entity == system.entity) {
                let level = LEVELS.iter().map(|(level, _)| *level).find(|level| *level == row.value);
                let level = level.or_else(|| (row.value == rows::ADMINISTERS).then_some("permissions"));
                if let (Some(action), Some(level)) = (row.key.strip_prefix(rows::LEVEL), level) {
                    levels.insert(action, level);
                }
            }
        }
        Self { levels }
    }

    fn catalog_of_all() -> &'static Catalog {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| {
            Catalog::new([CONTROL, ADMINISTER].map(|name| Action {
                name: Cow::Borrowed(name),
                service: Cow::Borrowed("control"),
                level: "permissions",
                recorded: Recorded::Never("it stands for rights that are recorded themselves"),
            }))
        })
    }
}

impl Dialect for Rights<'_> {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn catalog(&self) -> &'static Catalog {
        Self::catalog_of_all()
    }

    fn administration(&self) -> &'static str {
        ADMINISTER
    }

    fn service_and_level<'a>(&self, action: &'a str) -> (Cow<'a, str>, &'static str) {
        let system = action.split_once(':').map_or(action, |(system, _)| system);
        // A right of which no table says the level counts as one that changes things.
        (Cow::Borrowed(system), self.levels.get(action).copied().unwrap_or("write"))
    }

    fn recorded(&self, action: &str) -> Option<Recorded> {
        // Whoever hands in a table of usage hands in what was used.
        action.contains(':').then_some(Recorded::Always)
    }
}
