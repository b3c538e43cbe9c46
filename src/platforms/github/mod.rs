//! GitHub: readers of the API's answers, and its permission model (roles on repositories and organisations).
//!
//! | on GitHub | here |
//! |---|---|
//! | organisation | scope |
//! | member, outside collaborator | user of the organisation |
//! | owners, members | groups that every organisation has |
//! | team | group; a child team is a member of its parent |
//! | repository | resource; what workflows run as is inside it |
//! | workflows of a branch, of an environment, of all other branches | workloads, with the subjects of their tokens |
//! | installed app, deploy key | application, service account |
//! | token of a person | credential |

pub mod catalog;
mod change;
pub mod names;
pub mod read;

use std::borrow::Cow;
use std::sync::OnceLock;

use super::assigned::{self, Action, Catalog, Dialect};
use super::{Coverage, Evaluator, Platform, Recorded, Settings, declared, input};
use crate::model::{Builder, Granularity, Tables};

/// Registry name of the platform.
pub const NAME: &str = "github";

/// The GitHub platform.
pub struct GitHub;

impl Platform for GitHub {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "GitHub"
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
            read: "Answers of the REST API about organisations, members, teams, repositories, roles, branch protection, \
                   rulesets, environments, secrets by name, apps, deploy keys, tokens and OIDC templates; members and \
                   identities from GraphQL",
            decided: "Who may do what in which repository, who can change what runs on a branch or in an environment, and \
                      under which subject that signs in elsewhere",
            not: "Enterprise roles and policies, what workflow files say, repositories of a selective app installation",
        }
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

    fn actions(&self) -> Vec<&'static str> {
        catalog::all().map(|(name, _)| name).collect()
    }

    fn written(&self, actions: &[String], not_actions: &[String], grain: Granularity) -> Option<Vec<String>> {
        assigned::written(self, actions, not_actions, grain)
    }

    fn writes(&self, action: &str) -> bool {
        catalog::all().any(|(name, _)| name == action)
    }

    fn is_resource(&self, text: &str) -> bool {
        text.strip_prefix(NAME).is_some_and(|rest| rest.starts_with(':'))
    }

    fn evaluator<'t>(&self, tables: &'t Tables, settings: Settings) -> Box<dyn Evaluator + 't> {
        Box::new(assigned::Compiled::new(tables, settings, &Self))
    }
}

impl Dialect for GitHub {
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
                recorded: Recorded::Never("the audit log of an organisation is not read"),
            }))
        })
    }

    fn administration(&self) -> &'static str {
        "*"
    }

    fn service_and_level<'a>(&self, action: &'a str) -> (Cow<'a, str>, &'static str) {
        let (service, level) = catalog::guess(action);
        (Cow::Borrowed(service), level)
    }
}
