//! Databases, schemas, relations and functions: who owns them, and their access control lists.

use super::server::{OF_DATABASES, OF_FUNCTIONS, OF_SCHEMAS, OF_SEQUENCES, OF_TABLES, Server};
use crate::model::{EntityKind, MembershipKind};
use crate::platforms::input::rows::Row;

/// Database of rows that do not say in which they are.
const THIS: &str = "this";

/// Settings that name a command that the server runs or a library that it loads.
const RUNS_CODE: [&str; 10] = [
    "archive_command",
    "archive_cleanup_command",
    "archive_library",
    "recovery_end_command",
    "restore_command",
    "shared_preload_libraries",
    "session_preload_libraries",
    "local_preload_libraries",
    "ssl_passphrase_command",
    "dynamic_library_path",
];

/// The database of a row.
pub fn database_of(row: &Row) -> String {
    row.first(&["database", "table_catalog", "object_catalog", "routine_catalog", "current_database"])
        .unwrap_or_else(|| THIS.to_owned())
}

/// A row of `pg_database`.
pub fn database(server: &mut Server<'_>, row: &Row) {
    let Some(name) = row.text("datname") else { return server.skip("a database has no name") };
    server.out.source.records += 1;
    let (handle, id) = server.object(&[&name], EntityKind::Resource);
    server.out.attribute(handle, "type", "database");
    let on = format!("={id}");
    if let Some(owner) = row.text("datdba") {
        server.own(&owner, &OF_DATABASES, &on, handle);
    }
    if row.has("datacl") {
        server.list(row, "datacl", &on, &["CONNECT", "TEMPORARY"]);
    }
}

/// A row of `pg_namespace`.
pub fn schema(server: &mut Server<'_>, row: &Row) {
    let Some(name) = row.text("nspname") else { return server.skip("a schema has no name") };
    server.out.source.records += 1;
    let database = database_of(row);
    let (handle, id) = server.object(&[&database, &name], EntityKind::Resource);
    server.out.attribute(handle, "type", "schema");
    let on = format!("={id}");
    if let Some(owner) = row.text("nspowner") {
        server.own(&owner, &OF_SCHEMAS, &on, handle);
    }
    if row.has("nspacl") {
        server.list(row, "nspacl", &on, &[]);
    }
}

/// A row of `pg_class` or `pg_tables`.
pub fn relation(server: &mut Server<'_>, row: &Row) {
    let schema = row.first(&["nspname", "schema", "table_schema", "schemaname", "relnamespace"]);
    let (Some(name), Some(schema)) = (row.first(&["relname", "tablename"]), schema) else {
        return server.skip("a relation does not name itself and its schema");
    };
    if schema.bytes().all(|byte| byte.is_ascii_digit()) {
        server.wrong(format!("the schema of `{name}` is a number: export `relnamespace::regnamespace`"));
    }
    let kind = row.text("relkind").unwrap_or_else(|| "r".to_owned());
    if matches!(kind.as_str(), "i" | "I" | "t" | "c") {
        return;
    }
    server.out.source.records += 1;
    let database = database_of(row);
    let (handle, id) = server.object(&[&database, &schema, &name], EntityKind::Resource);
    let kinds = [("v", "view"), ("m", "materialized view"), ("S", "sequence"), ("f", "foreign table")];
    let kind_name = kinds.iter().find(|(letter, _)| *letter == kind).map_or("table", |(_, name)| name);
    server.out.attribute(handle, "type", kind_name);
    let secured = row.flag("relrowsecurity").or_else(|| row.flag("rowsecurity"));
    if secured == Some(true) {
        server.out.attribute(handle, "row_security", "true");
        if row.flag("relforcerowsecurity") == Some(true) {
            server.out.attribute(handle, "row_security_forced", "true");
        }
    }
    let privileges: &[&str] = if kind == "S" { &OF_SEQUENCES } else { &OF_TABLES };
    if let Some(owner) = row.first(&["relowner", "tableowner"]) {
        server.own(&owner, privileges, &id, handle);
    }
    if row.has("relacl") {
        server.list(row, "relacl", &id, &[]);
    }
}

/// A row of `pg_proc`.
pub fn function(server: &mut Server<'_>, row: &Row) {
    let schema = row.first(&["nspname", "schema", "routine_schema", "pronamespace"]);
    let (Some(name), Some(schema)) = (row.text("proname"), schema) else {
        return server.skip("a function does not name itself and its schema");
    };
    server.out.source.records += 1;
    let database = database_of(row);
    let arguments = row.first(&["arguments", "pg_get_function_identity_arguments"]).unwrap_or_default();
    let (handle, id) = server.object(&[&database, &schema, &format!("{name}({arguments})")], EntityKind::Resource);
    server.out.attribute(handle, "type", "function");
    if let Some(owner) = row.text("proowner") {
        server.own(&owner, &OF_FUNCTIONS, &id, handle);
        if row.flag("prosecdef") == Some(true) {
            let owner = server.role(&owner);
            server.out.attribute(handle, "security_definer", "true");
            server.put_in(handle, owner, MembershipKind::RunsAs);
        }
    }
    if row.has("proacl") {
        server.list(row, "proacl", &id, &["EXECUTE"]);
    }
}

/// A row of `pg_parameter_acl`.
pub fn parameter(server: &mut Server<'_>, row: &Row) {
    let Some(name) = row.text("parname") else { return server.skip("a parameter has no name") };
    server.out.source.records += 1;
    let entity = server.entity(&format!("parameter/{name}"), EntityKind::Resource, &name);
    let id = entity.id.clone();
    let handle = server.out.define(entity);
    server.out.attribute(handle, "type", "parameter");
    if RUNS_CODE.contains(&name.to_lowercase().as_str()) {
        server.out.attribute(handle, "runs_code", "true");
    }
    server.list(row, "paracl", &id, &[]);
}

/// A row of `pg_hba_file_rules`: a fact about the server, which decides who comes in and not what they may do.
pub fn hba(server: &mut Server<'_>, row: &Row) {
    server.out.source.records += 1;
    let scope = server.scope();
    let cell = |column: &str| match row.value(column) {
        Some(serde_json::Value::Array(list)) => {
            let texts: Vec<&str> = list.iter().filter_map(serde_json::Value::as_str).collect();
            texts.join(",")
        }
        _ => row.text(column).unwrap_or_default().trim_matches(['{', '}']).to_owned(),
    };
    let words = ["type", "database", "user_name", "address", "auth_method"].map(cell);
    let line = row.text("line_number").or_else(|| row.text("rule_number")).unwrap_or_else(|| row.place.clone());
    let rule: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    server.out.attribute(scope, &format!("hba:{line}"), &rule.join(" "));
}
