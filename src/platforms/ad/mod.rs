//! Active Directory: a reader of what SharpHound collects, and who holds which rights over whom.
//!
//! Every entry of an object's access list is a grant on that object alone: collectors write inherited entries out for
//! each object. What the directory says in other ways (delegation, SID history, members of local groups) is a grant
//! too, under names of planes of their own; see [`rights`]. Composites of several rights are techniques.

pub mod names;
pub mod read;
pub mod rights;

use std::borrow::Cow;

use super::{Coverage, Evaluator, Platform, Settings, assigned, input};
use crate::model::{Builder, Tables};

/// Registry name of the platform.
pub const NAME: &str = "ad";

/// The Active Directory platform.
pub struct ActiveDirectory;

impl Platform for ActiveDirectory {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Active Directory"
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
        rights::names()
    }

    fn writes(&self, action: &str) -> bool {
        // Names of rights without a plane are those of graphs that other tools draw, too.
        action.contains(':') && rights::is_action(action)
    }

    fn coverage(&self) -> Coverage {
        Coverage {
            read: "SharpHound collections of version 5 and 6, as files or zip archives: users, computers, groups, \
                domains and trusts, organisational units, policies, certificate services",
            decided: "rights over objects with nested and primary groups, DCSync, delegation, policy links, local \
                administrators, certificate escalations 1, 3, 4, 6, 9, 10 and 13, trusts inside and between forests",
            not: "deny entries of access lists (collectors leave them out), logon sessions (off unless a technique is \
                added), relayed authentication, certificate escalations 2, 5, 8, 11, 15 and 16",
        }
    }

    fn evaluator<'t>(&self, tables: &'t Tables, settings: Settings) -> Box<dyn Evaluator + 't> {
        Box::new(assigned::Compiled::new(tables, settings, &Self))
    }
}

impl assigned::Dialect for ActiveDirectory {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn catalog(&self) -> &'static assigned::Catalog {
        rights::catalog()
    }

    fn folds_case(&self) -> bool {
        true
    }

    fn administration(&self) -> &'static str {
        "*"
    }

    fn service_and_level<'a>(&self, action: &'a str) -> (Cow<'a, str>, &'static str) {
        let service = action.split_once(':').map_or("object", |(plane, _)| plane);
        (Cow::Borrowed(service), "write")
    }
}
