//! Grants as the information schema lists them, and default privileges.

use super::acl;
use super::objects::database_of;
use super::server::Server;
use crate::model::EntityKind;
use crate::platforms::input::rows::Row;

/// Privileges of the information schema that have a name here.
const KNOWN: [&str; 9] =
    ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "EXECUTE", "USAGE"];

/// What a row grants, and to whom.
fn put(server: &mut Server<'_>, row: &Row, resource: &str) {
    let (Some(grantee), Some(privilege)) = (row.text("grantee"), row.text("privilege_type")) else {
        return server.skip("a grant does not say what it gives to whom");
    };
    let privilege = privilege.to_uppercase();
    let known = KNOWN.iter().find(|own| **own == privilege).copied();
    let name = known.unwrap_or(if privilege == "MAINTAIN" { "MAINTAIN" } else { "" });
    if name.is_empty() {
        return server.skip("the privilege of a grant is none that PostgreSQL has");
    }
    server.out.source.records += 1;
    let holder = server.role(&grantee);
    let passed_on = row.flag("is_grantable") == Some(true);
    let grantor = row.text("grantor").unwrap_or_default();
    server.privilege(holder, &[(name, passed_on)], resource, &grantor);
}

/// A row of `role_table_grants`, `table_privileges`, `column_privileges` or `role_column_grants`.
pub fn table(server: &mut Server<'_>, row: &Row) {
    let (Some(schema), Some(table)) = (row.text("table_schema"), row.text("table_name")) else {
        return server.skip("a grant does not name a table and its schema");
    };
    let database = database_of(row);
    let column = row.text("column_name");
    let mut parts = vec![database.as_str(), &schema, &table];
    parts.extend(column.as_deref());
    let (_, id) = server.object(&parts, EntityKind::Resource);
    put(server, row, &id);
}

/// A row of `role_routine_grants` or `routine_privileges`.
pub fn routine(server: &mut Server<'_>, row: &Row) {
    let (Some(schema), Some(name)) = (row.text("routine_schema"), row.text("routine_name")) else {
        return server.skip("a grant does not name a routine and its schema");
    };
    let database = database_of(row);
    let (_, id) = server.object(&[&database, &schema, &format!("{name}()")], EntityKind::Resource);
    put(server, row, &id);
}

/// A row of `usage_privileges` or `role_usage_grants`.
pub fn usage(server: &mut Server<'_>, row: &Row) {
    let Some(name) = row.text("object_name") else { return server.skip("a grant does not name its object") };
    let database = database_of(row);
    let schema = row.text("object_schema");
    let mut parts = vec![database.as_str()];
    parts.extend(schema.as_deref());
    parts.push(&name);
    let (_, id) = server.object(&parts, EntityKind::Resource);
    put(server, row, &id);
}

/// A row of `pg_default_acl`: what objects that are made later will give. Nothing is allowed by it now.
pub fn by_default(server: &mut Server<'_>, row: &Row) {
    let Some(role) = row.text("defaclrole") else { return server.skip("default privileges name no role") };
    server.out.source.records += 1;
    let holder = server.role(&role);
    let items = match row.value("defaclacl") {
        Some(serde_json::Value::Array(list)) => {
            Some(list.iter().filter_map(serde_json::Value::as_str).map(str::to_owned).collect())
        }
        Some(serde_json::Value::String(text)) => acl::elements(text),
        _ => Some(Vec::new()),
    };
    let Some(items) = items else {
        return server.wrong("`defaclacl` is no access control list".to_owned());
    };
    let on = row.text("defaclobjtype").unwrap_or_default();
    let schema = row.first(&["nspname", "defaclnamespace"]).filter(|text| text != "0" && text != "-");
    for text in items {
        if acl::item(&text).is_none() {
            server.wrong("an entry of default privileges cannot be read".to_owned());
            continue;
        }
        let key = format!("default_privileges:{on}:{}", schema.as_deref().unwrap_or("*"));
        server.out.attribute(holder, &key, &text);
    }
}
