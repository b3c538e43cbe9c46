//! Okta: readers of the management API's answers, and its permission model (administrator roles on an organisation).
//!
//! | in Okta | here |
//! |---|---|
//! | organisation | scope, by its host |
//! | user, group, application | user, group, application |
//! | standard or custom administrator role | role definition |
//! | resource set | resource that contains what is in it |
//! | assignment to an application | the right `okta.apps.use` on it |
//! | API token, client secret, key | credential |

pub mod catalog;
pub mod names;
pub mod read;

use std::borrow::Cow;
use std::sync::OnceLock;

use super::assigned::{self, Action, Catalog, Dialect};
use super::{Coverage, Evaluator, Platform, Recorded, Settings, input};
use crate::model::{Builder, Granularity, Tables};

/// Registry name of the platform.
pub const NAME: &str = "okta";

/// The Okta platform.
pub struct Okta;

impl Platform for Okta {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Okta"
    }

    fn coverage(&self) -> Coverage {
        Coverage {
            read: "Answers of the management API about users, factors, groups and group rules, applications and who is \
                   assigned, administrator roles with their targets, resource sets and permissions, API tokens, client \
                   secrets and keys without values, granted scopes, identity providers",
            decided: "Who may change whom: standard and custom roles, limited to their targets, services limited to their \
                      scopes, administrators out of reach of all but super administrators",
            not: "Sign-on and password policies, authorization servers, workflows and governance, realms",
        }
    }

    fn readers(&self) -> &'static [&'static dyn input::Reader] {
        read::READERS
    }

    fn reconcile(&self, builders: &mut [Builder]) {
        read::reconcile(builders);
    }

    fn complete(&self, _tables: &mut Tables) {}

    fn actions(&self) -> Vec<&'static str> {
        catalog::all().map(|(name, _)| name).collect()
    }

    fn written(&self, actions: &[String], not_actions: &[String], grain: Granularity) -> Option<Vec<String>> {
        assigned::written(self, actions, not_actions, grain)
    }

    fn writes(&self, action: &str) -> bool {
        action.starts_with("okta.")
    }

    fn is_resource(&self, text: &str) -> bool {
        text.strip_prefix(NAME).is_some_and(|rest| rest.starts_with(':'))
    }

    fn evaluator<'t>(&self, tables: &'t Tables, settings: Settings) -> Box<dyn Evaluator + 't> {
        Box::new(assigned::Compiled::new(tables, settings, &Self))
    }
}

impl Dialect for Okta {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn catalog(&self) -> &'static Catalog {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| {
            Catalog::new(catalog::all().map(|(name, level)| Action {
                name: Cow::Borrowed(name),
                service: Cow::Borrowed(catalog::guess(name).0),
                level,
                recorded: Recorded::Never("the system log is not read"),
            }))
        })
    }

    fn administration(&self) -> &'static str {
        "okta.roles.manage"
    }

    fn service_and_level<'a>(&self, action: &'a str) -> (Cow<'a, str>, &'static str) {
        let (service, level) = catalog::guess(action);
        (Cow::Borrowed(service), level)
    }
}
