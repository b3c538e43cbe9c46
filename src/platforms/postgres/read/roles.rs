//! Roles and who is in which.

use super::server::Server;
use crate::model::{Credential, CredentialKind, EntityKind, MembershipKind};
use crate::platforms::input::rows::Row;
use crate::platforms::input::secrets;

/// Attribute of a role whose memberships give it nothing unless it sets the role.
pub const NO_INHERIT: &str = "rolinherit";
/// Attribute of a server that says in memberships whether they are inherited: version 16 and later.
pub const OPTIONS: &str = "membership_options";

/// What predefined roles may do on all of a server; inherited like every privilege.
const PREDEFINED: [(&str, &[&str]); 12] = [
    ("pg_read_all_data", &["SELECT", "USAGE"]),
    ("pg_write_all_data", &["INSERT", "UPDATE", "DELETE", "USAGE"]),
    ("pg_maintain", &["MAINTAIN"]),
    ("pg_execute_server_program", &["EXECUTE PROGRAM"]),
    ("pg_read_server_files", &["READ SERVER FILES"]),
    ("pg_write_server_files", &["WRITE SERVER FILES"]),
    ("pg_signal_backend", &["SIGNAL BACKEND"]),
    ("pg_checkpoint", &["CHECKPOINT"]),
    ("pg_create_subscription", &["CREATE SUBSCRIPTION"]),
    ("pg_monitor", &["MONITOR"]),
    ("pg_read_all_settings", &["MONITOR"]),
    ("pg_read_all_stats", &["MONITOR"]),
];

/// Attributes of roles by column, with what they let a role do.
const ATTRIBUTES: [(&str, &str); 4] = [
    ("rolcreaterole", "CREATE ROLE"),
    ("rolcreatedb", "CREATE DATABASE"),
    ("rolbypassrls", "BYPASS ROW SECURITY"),
    ("rolreplication", "REPLICATION"),
];

/// A row of `pg_roles` or `pg_authid`.
pub fn role(server: &mut Server<'_>, row: &Row) {
    let Some(name) = row.text("rolname") else { return server.skip("a role has no name") };
    let login = row.flag("rolcanlogin");
    for column in
        ["rolsuper", "rolinherit", "rolcreaterole", "rolcreatedb", "rolcanlogin", "rolreplication", "rolbypassrls"]
    {
        if row.value(column).is_some() && row.flag(column).is_none() {
            server.wrong(format!("`{column}` of role `{name}` is neither true nor false, and is taken for unknown"));
        }
    }
    // A role of which it is not known whether it logs in may. One with attributes acts by itself once it is set.
    let acts =
        ATTRIBUTES.iter().any(|(column, _)| row.flag(column) == Some(true)) || row.flag("rolsuper") == Some(true);
    let kind = match (login, acts) {
        (Some(false), true) => EntityKind::Role,
        (Some(false), false) => EntityKind::Group,
        _ => EntityKind::User,
    };
    let mut entity = server.entity(&format!("role/{name}"), kind, &name);
    entity.enabled = login;
    entity.unique_id = row.text("oid");
    if name == "postgres" || name.starts_with("pg_") {
        entity.nhi = (kind == EntityKind::User).then_some(true);
        entity.nhi_reason = entity.nhi.map(|_| "role that the installation makes".to_owned());
    }
    let handle = server.out.define(entity);
    server.out.source.records += 1;
    if row.flag("rolinherit") == Some(false) {
        server.out.attribute(handle, NO_INHERIT, "false");
    }
    for column in ["rolsuper", "rolcanlogin", "rolbypassrls", "rolcreaterole", "rolreplication", "rolconnlimit"] {
        if let Some(text) = row.text(column) {
            server.out.attribute(handle, column, flag_text(row, column).unwrap_or(&text));
        }
    }
    if let Some(text) = row.text("description").filter(|text| !secrets::is_secret(text)) {
        server.out.attribute(handle, "comment", &text);
    }
    let mut own: Vec<&str> =
        ATTRIBUTES.iter().filter(|(column, _)| row.flag(column) == Some(true)).map(|(_, name)| *name).collect();
    if row.flag("rolsuper") == Some(true) {
        own = vec!["*"];
    }
    if !own.is_empty() {
        server.attributes(&name, handle, &own);
    }
    if let Some((_, actions)) = PREDEFINED.iter().find(|(own, _)| *own == name) {
        for action in *actions {
            server.grant(handle, vec![(*action).to_owned()], vec!["*".to_owned()], &name, action);
        }
    }
    password(server, row, &name, handle, login);
}

fn flag_text(row: &Row, column: &str) -> Option<&'static str> {
    row.flag(column).filter(|_| column != "rolconnlimit").map(|flag| if flag { "true" } else { "false" })
}

/// The password of a role, as far as it is known to have one.
fn password(server: &mut Server<'_>, row: &Row, name: &str, entity: crate::model::Handle, login: Option<bool>) {
    let hash = row.first(&["rolpassword", "passwd"]).filter(|text| !text.bytes().all(|byte| byte == b'*'));
    let place = server.place();
    secrets::report(server.out, usize::from(hash.is_some()), &place);
    let expires_at = row.first(&["rolvaliduntil", "valuntil"]).filter(|text| !text.contains("infinity"));
    let column = if row.has("rolvaliduntil") { "rolvaliduntil" } else { "valuntil" };
    let expires_at = expires_at.and_then(|_| row.time(column));
    if login == Some(false) || (hash.is_none() && expires_at.is_none()) {
        return;
    }
    let credential = format!("{}/role/{name}#password", server.id());
    server.out.credentials.push(Credential {
        credential,
        entity,
        kind: CredentialKind::Password,
        created_at: None,
        expires_at,
        last_used_at: None,
        never_used: None,
        last_rotated_at: None,
        active: None,
        source: server.out.source_id(),
        record: place,
    });
}

/// A row of `pg_user` or `pg_shadow`.
pub fn user(server: &mut Server<'_>, row: &Row) {
    let Some(name) = row.text("usename") else { return server.skip("a user has no name") };
    let mut entity = server.entity(&format!("role/{name}"), EntityKind::User, &name);
    entity.enabled = Some(true);
    entity.unique_id = row.text("usesysid");
    let handle = server.out.define(entity);
    server.out.source.records += 1;
    let mut own = Vec::new();
    for (column, action) in
        [("usecreatedb", "CREATE DATABASE"), ("userepl", "REPLICATION"), ("usebypassrls", "BYPASS ROW SECURITY")]
    {
        if row.flag(column) == Some(true) {
            own.push(action);
        }
    }
    if row.flag("usesuper") == Some(true) {
        own = vec!["*"];
        server.out.attribute(handle, "rolsuper", "true");
    }
    if !own.is_empty() {
        server.attributes(&name, handle, &own);
    }
    password(server, row, &name, handle, Some(true));
}

/// A row of `pg_auth_members`, with numbers or with names.
pub fn member(server: &mut Server<'_>, row: &Row) {
    let (Some(role), Some(member)) = (row.first(&["role", "roleid"]), row.text("member")) else {
        return server.skip("a membership does not name both roles");
    };
    server.out.source.records += 1;
    let (role, member) = (server.role(&role), server.role(&member));
    let options = row.has("inherit_option") || row.has("set_option");
    let scope = server.scope();
    server.out.attribute(scope, OPTIONS, if options { "true" } else { "false" });
    if row.flag("inherit_option") != Some(false) {
        server.put_in(member, role, MembershipKind::MemberOf);
    }
    if row.flag("set_option") != Some(false) {
        server.put_in(member, role, MembershipKind::RunsAs);
    }
    if row.flag("admin_option") == Some(true) {
        // The id of the role is not final while it is a number: `reconcile` names the resource.
        let id = server.out.entity(role).id.clone();
        server.grant(member, vec!["ADMIN".to_owned()], vec![format!("={id}")], "ADMIN OPTION", "membership");
    }
    for column in ["admin_option", "inherit_option", "set_option"] {
        if row.value(column).is_some() && row.flag(column).is_none() {
            server.wrong(format!("`{column}` is neither true nor false"));
        }
    }
}
