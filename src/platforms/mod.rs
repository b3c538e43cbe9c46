//! One folder a platform: readers of its export formats, and its bulk effective-permission transform.
//!
//! Nothing here opens a socket or asks for a credential, and platforms never import each other. A platform is
//! a name in [`crate::model`] and one line in [`ALL`].

pub mod ad;
pub mod assigned;
pub mod aws;
pub mod azure;
mod evaluator;
pub mod gcp;
pub mod github;
pub mod globs;
pub mod governance;
mod granted;
pub mod input;
pub mod kubernetes;
pub mod okta;
pub mod postgres;
pub mod scim;
pub mod snowflake;
pub mod vault;

pub use evaluator::{Ask, Class, Evaluator, Given, On, Reach, Settings, Standpoint, View};
pub use granted::{Granted, GrantedAction, Known, Recorded};

use crate::model::{Builder, Granularity, Tables};

/// Every platform, in the order in which their readers are asked whether they know a file.
pub const ALL: &[&dyn Platform] = &[
    &aws::Aws,
    &kubernetes::Kubernetes,
    &azure::Azure,
    &gcp::Gcp,
    &ad::ActiveDirectory,
    &okta::Okta,
    &github::GitHub,
    &vault::Vault,
    &postgres::Postgres,
    &snowflake::Snowflake,
    &scim::Scim,
    &governance::Governance,
];

/// What a platform's exports are read for, and where the reading ends: one sentence each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// What is read.
    pub read: &'static str,
    /// What is decided from it.
    pub decided: &'static str,
    /// What is known not to be.
    pub not: &'static str,
}

/// A platform whose exports are read.
pub trait Platform: Sync {
    /// Registry name, as in [`crate::model::Entity::platform`].
    fn name(&self) -> &'static str;

    /// Name for people.
    fn title(&self) -> &'static str;

    /// Readers of this platform's export formats.
    fn readers(&self) -> &'static [&'static dyn input::Reader];

    /// Looks at all sources of a scan together before they are joined: withdraws the older of two exports of the
    /// same thing, gives records the names that only another file knows.
    fn reconcile(&self, builders: &mut [Builder]);

    /// Completes the joined tables with what only shows there: dangling references, deleted principals.
    fn complete(&self, tables: &mut Tables);

    /// Completes the tables with what depends on the time of the scan, in milliseconds since 1970.
    fn at(&self, _tables: &mut Tables, _as_of: i64) {}

    /// What is read, what is decided and what is known not to be, for people.
    fn coverage(&self) -> Coverage;

    /// Full names of every action that the platform's catalogue knows.
    fn actions(&self) -> Vec<&'static str>;

    /// Permissions that an allowing statement with these action patterns is about, whatever it does to whom: services
    /// with access levels as access rows name them (`s3:read`), or single actions. Sorted, each once. `None` when the
    /// platform has no catalogue to tell them by.
    fn written(&self, _actions: &[String], _not_actions: &[String], _grain: Granularity) -> Option<Vec<String>> {
        None
    }

    /// Whether an action is written in this platform's notation and in no other's: nobody on another platform can be
    /// asked for it.
    fn writes(&self, _action: &str) -> bool {
        false
    }

    /// Whether a text is written as this platform writes resources of which no export needs to know.
    fn is_resource(&self, _text: &str) -> bool {
        false
    }

    /// Whether groups have members that no export lists, so that a group stands for people of its own.
    fn has_open_groups(&self) -> bool {
        false
    }

    /// Compiles the effective permissions of this platform's principals.
    fn evaluator<'t>(&self, tables: &'t Tables, settings: Settings) -> Box<dyn Evaluator + 't>;
}
