//! Privileges of Snowflake as actions.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::NAME;
use crate::platforms::Recorded;
use crate::platforms::assigned::{Action, Catalog, Dialect};

/// Privileges that Snowflake documents, with their level.
const ACTIONS: [(&str, &str, &str); 44] = [
    ("SELECT", "data", "read"),
    ("INSERT", "data", "write"),
    ("UPDATE", "data", "write"),
    ("DELETE", "data", "write"),
    ("TRUNCATE", "data", "write"),
    ("REFERENCES", "data", "list"),
    ("EVOLVE SCHEMA", "data", "write"),
    ("READ", "data", "read"),
    ("WRITE", "data", "write"),
    ("REBUILD", "data", "write"),
    ("USAGE", "objects", "list"),
    ("MONITOR", "objects", "read"),
    ("MODIFY", "objects", "write"),
    ("OPERATE", "objects", "write"),
    ("REFERENCE_USAGE", "objects", "list"),
    ("IMPORTED PRIVILEGES", "objects", "read"),
    ("APPLY", "objects", "write"),
    ("OWNERSHIP", "objects", "permissions"),
    ("CREATE SCHEMA", "objects", "write"),
    ("CREATE TABLE", "objects", "write"),
    ("CREATE VIEW", "objects", "write"),
    ("CREATE PROCEDURE", "objects", "write"),
    ("CREATE FUNCTION", "objects", "write"),
    ("CREATE TASK", "objects", "write"),
    ("CREATE STAGE", "objects", "write"),
    ("CREATE DATABASE", "account", "write"),
    ("CREATE WAREHOUSE", "account", "write"),
    ("CREATE INTEGRATION", "account", "permissions"),
    ("CREATE SHARE", "account", "permissions"),
    ("CREATE NETWORK POLICY", "account", "permissions"),
    ("CREATE USER", "account", "permissions"),
    ("CREATE ROLE", "account", "permissions"),
    ("MANAGE GRANTS", "account", "permissions"),
    ("MANAGE WAREHOUSES", "account", "write"),
    ("MONITOR EXECUTION", "account", "read"),
    ("MONITOR USAGE", "account", "read"),
    ("EXECUTE TASK", "account", "write"),
    ("EXECUTE MANAGED TASK", "account", "write"),
    ("OVERRIDE SHARE RESTRICTIONS", "account", "permissions"),
    ("ATTACH POLICY", "account", "permissions"),
    ("APPLY MASKING POLICY", "account", "permissions"),
    ("APPLY ROW ACCESS POLICY", "account", "permissions"),
    ("IMPERSONATE", "users", "permissions"),
    ("MODIFY PROGRAMMATIC AUTHENTICATION METHODS", "users", "permissions"),
];

/// The privilege model of Snowflake.
pub struct Privileges;

impl Dialect for Privileges {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn catalog(&self) -> &'static Catalog {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| {
            Catalog::new(ACTIONS.map(|(name, service, level)| Action {
                name: Cow::Borrowed(name),
                service: Cow::Borrowed(service),
                level,
                recorded: Recorded::Always,
            }))
        })
    }

    fn folds_case(&self) -> bool {
        true
    }

    fn administration(&self) -> &'static str {
        "MANAGE GRANTS"
    }

    fn service_and_level<'a>(&self, action: &'a str) -> (Cow<'a, str>, &'static str) {
        let grants = action.starts_with("GRANT ") || action.starts_with("APPLY ") || action.starts_with("MANAGE ");
        (Cow::Borrowed("objects"), if grants { "permissions" } else { "write" })
    }
}

/// Names of all actions.
#[must_use]
pub fn actions() -> Vec<&'static str> {
    ACTIONS.iter().map(|(name, ..)| *name).collect()
}
