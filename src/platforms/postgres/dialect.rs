//! Privileges of PostgreSQL as actions.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::NAME;
use crate::model::Grant;
use crate::platforms::Recorded;
use crate::platforms::assigned::{Action, Catalog, Dialect};

/// Beginning of statements that say what a role is: those are not inherited.
pub const ATTRIBUTE: &str = "attribute ";
/// Action of who owns an object.
pub const OWN: &str = "OWN";
/// Beginning of the action of passing a privilege on.
pub const PASS_ON: &str = "GRANT ";

/// Actions with what they count under and their level.
const ACTIONS: [(&str, &str, &str); 30] = [
    ("SELECT", "tables", "read"),
    ("INSERT", "tables", "write"),
    ("UPDATE", "tables", "write"),
    ("DELETE", "tables", "write"),
    ("TRUNCATE", "tables", "write"),
    ("REFERENCES", "tables", "list"),
    ("TRIGGER", "tables", "write"),
    ("MAINTAIN", "tables", "write"),
    ("EXECUTE", "functions", "write"),
    ("USAGE", "schemas", "list"),
    ("CREATE", "schemas", "write"),
    ("CONNECT", "databases", "list"),
    ("TEMPORARY", "databases", "list"),
    ("CREATE DATABASE", "databases", "write"),
    ("SET", "parameters", "write"),
    ("ALTER SYSTEM", "parameters", "permissions"),
    ("OWN", "objects", "permissions"),
    ("ADMIN", "roles", "permissions"),
    ("ALTER ROLE", "roles", "permissions"),
    ("CREATE ROLE", "roles", "permissions"),
    ("BYPASS ROW SECURITY", "server", "read"),
    ("REPLICATION", "server", "permissions"),
    ("EXECUTE PROGRAM", "server", "permissions"),
    ("READ SERVER FILES", "server", "read"),
    ("WRITE SERVER FILES", "server", "permissions"),
    ("SIGNAL BACKEND", "server", "write"),
    ("CHECKPOINT", "server", "write"),
    ("MONITOR", "server", "read"),
    ("CREATE SUBSCRIPTION", "server", "write"),
    ("SUPERUSER", "server", "permissions"),
];

/// The privilege model of PostgreSQL.
pub struct Privileges;

impl Dialect for Privileges {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn catalog(&self) -> &'static Catalog {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| {
            let recorded = Recorded::Optionally("log_statement or pgaudit");
            Catalog::new(ACTIONS.map(|(name, service, level)| Action {
                name: Cow::Borrowed(name),
                service: Cow::Borrowed(service),
                level,
                recorded,
            }))
        })
    }

    fn folds_case(&self) -> bool {
        true
    }

    fn administration(&self) -> &'static str {
        "SUPERUSER"
    }

    fn is_for_direct_members(&self, grant: &Grant) -> bool {
        grant.statement.starts_with(ATTRIBUTE)
    }

    fn service_and_level<'a>(&self, action: &'a str) -> (Cow<'a, str>, &'static str) {
        let level = if action.starts_with(PASS_ON) { "permissions" } else { "write" };
        (Cow::Borrowed("objects"), level)
    }
}

/// Names of all actions.
#[must_use]
pub fn actions() -> Vec<&'static str> {
    ACTIONS.iter().map(|(name, ..)| *name).collect()
}
