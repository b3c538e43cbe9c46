//! Readers of tables of the catalogue, as `psql --csv` or `row_to_json` write them.

mod objects;
mod privileges;
mod roles;
mod server;

use super::acl;
pub use roles::{NO_INHERIT, OPTIONS};

use crate::model::Builder;
use crate::platforms::input::rows::{self, Row};
use crate::platforms::input::{Head, Input, ReadError, Reader};
use server::Server;
pub use server::{OWNERSHIP, ROWS};

/// All readers.
pub const READERS: &[&dyn Reader] = &[&Catalog];

/// A kind of table, by the columns that it must have.
struct Table {
    columns: &'static [&'static str],
    read: fn(&mut Server<'_>, &Row),
}

/// Tables, those with more telling columns first.
const TABLES: [Table; 15] = [
    Table { columns: &["rolname", "rolsuper"], read: roles::role },
    Table { columns: &["usename", "usesuper"], read: roles::user },
    Table { columns: &["roleid", "member", "admin_option"], read: roles::member },
    Table { columns: &["role", "member", "admin_option"], read: roles::member },
    Table { columns: &["grantee", "table_name", "privilege_type"], read: privileges::table },
    Table { columns: &["grantee", "routine_name", "privilege_type"], read: privileges::routine },
    Table { columns: &["grantee", "object_name", "privilege_type"], read: privileges::usage },
    Table { columns: &["defaclrole", "defaclacl"], read: privileges::by_default },
    Table { columns: &["datname", "datdba"], read: objects::database },
    Table { columns: &["nspname", "nspowner"], read: objects::schema },
    Table { columns: &["relname", "relowner"], read: objects::relation },
    Table { columns: &["tablename", "tableowner"], read: objects::relation },
    Table { columns: &["proname", "proowner"], read: objects::function },
    Table { columns: &["parname", "paracl"], read: objects::parameter },
    Table { columns: &["user_name", "auth_method", "type"], read: objects::hba },
];

/// Rows of one table of the catalogue.
pub struct Catalog;

/// Rows stand at the top.
fn is_list(_: &str) -> bool {
    false
}

fn table(columns: &[String]) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.columns.iter().all(|wanted| columns.iter().any(|own| own == wanted)))
}

impl Reader for Catalog {
    fn name(&self) -> &'static str {
        "postgres-catalog"
    }

    fn title(&self) -> &'static str {
        "PostgreSQL catalogue tables: pg_roles, pg_auth_members, information_schema grants, pg_database, pg_namespace, pg_class, pg_proc, pg_default_acl, pg_hba_file_rules as CSV or JSON"
    }

    fn recognises(&self, head: &Head) -> bool {
        table(&rows::columns(head, is_list)).is_some()
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let head = input.head()?;
        let found = table(&rows::columns(&head, is_list));
        rows::read(input, out, is_list, head.json().is_some(), &mut |out, row| match found {
            Some(table) => (table.read)(&mut Server::of(out, row), row),
            None => out.skip("record_invalid", &row.place, "the row is of no table that is known".to_owned()),
        })
    }
}
