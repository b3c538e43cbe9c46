//! Grants: of privileges to roles, of roles to roles and users, and on objects that do not exist yet.

use super::read::Account;
use crate::model::MembershipKind;
use crate::platforms::input::rows::Row;

/// Cuts a qualified name at its dots; quoted parts may hold dots.
#[must_use]
pub fn parts(name: &str) -> Vec<String> {
    let (mut found, mut one, mut quoted, mut inside) = (Vec::new(), String::new(), false, 0usize);
    for c in name.chars() {
        match c {
            '"' => quoted = !quoted,
            // Dots among the types of a procedure's arguments part nothing.
            '(' if !quoted => {
                inside += 1;
                one.push(c);
            }
            ')' if !quoted => {
                inside = inside.saturating_sub(1);
                one.push(c);
            }
            '.' if !quoted && inside == 0 => found.push(std::mem::take(&mut one)),
            c => one.push(c),
        }
    }
    found.push(one);
    found.retain(|part| !part.is_empty());
    found
}

/// A row of GRANTS_TO_ROLES or of SHOW GRANTS: a privilege on something, which may be a role.
pub fn privilege(account: &mut Account<'_>, row: &Row) {
    let (Some(privilege), Some(on), Some(grantee)) =
        (row.text("privilege"), row.text("granted_on"), row.text("grantee_name"))
    else {
        return account.skip("a grant does not say what it gives to whom on what");
    };
    account.out.source.records += 1;
    let (privilege, on) = (privilege.to_uppercase(), on.to_uppercase().replace('_', " "));
    let to = row.text("granted_to").unwrap_or_default().to_uppercase();
    let holder = account.grantee(&to, unquoted(&grantee));
    let name = row.text("name").unwrap_or_default();
    let mut path = parts(&name);
    // The view has the name of a table without its database and schema, SHOW with them.
    if path.len() == 1 && !matches!(on.as_str(), "DATABASE" | "ROLE" | "USER" | "ACCOUNT" | "WAREHOUSE" | "INTEGRATION")
    {
        let above = [row.text("table_catalog"), row.text("table_schema")];
        let above = above.into_iter().flatten().filter(|part| *part != name);
        path = above.chain(path).collect();
    }
    if on == "DATABASE ROLE" || on == "APPLICATION ROLE" {
        let role = account.grantee(&on.replace(' ', "_"), &path.join("."));
        return account.put_in(holder, role, MembershipKind::MemberOf);
    }
    let (object, resource) = account.object(&on, &path);
    if on == "ROLE" && privilege == "USAGE" {
        return account.put_in(holder, object, MembershipKind::MemberOf);
    }
    if privilege == "OWNERSHIP" {
        account.put_in(holder, object, MembershipKind::Owns);
    }
    let by = row.text("granted_by").map(|by| format!(" by {by}")).unwrap_or_default();
    let mut actions = vec![privilege.clone()];
    if row.flag("grant_option") == Some(true) {
        actions.push(format!("GRANT {privilege}"));
    }
    account.grant(holder, actions, vec![resource], &privilege, &format!("on {on} {name}{by}"));
    if let (Some(grant), Some(time)) = (account.out.grants.last_mut(), row.time("created_on")) {
        grant.granted_at = Some(time);
    }
}

fn unquoted(name: &str) -> &str {
    name.trim_matches('"')
}

/// A row of GRANTS_TO_USERS, SHOW GRANTS TO USER or SHOW GRANTS OF ROLE: a role of a user or of a role.
pub fn role_to(account: &mut Account<'_>, row: &Row) {
    let (Some(role), Some(grantee)) = (row.text("role"), row.text("grantee_name")) else {
        return account.skip("a grant does not name the role and who has it");
    };
    account.out.source.records += 1;
    let to = row.text("granted_to").unwrap_or_else(|| "USER".to_owned()).to_uppercase();
    let (member, role) = (account.grantee(&to, unquoted(&grantee)), account.role(unquoted(&role)));
    account.put_in(member, role, MembershipKind::MemberOf);
}

/// A row of SHOW FUTURE GRANTS: what objects that are made later will give. Nothing is allowed by it now.
pub fn future(account: &mut Account<'_>, row: &Row) {
    let (Some(privilege), Some(on), Some(grantee)) =
        (row.text("privilege"), row.text("grant_on"), row.text("grantee_name"))
    else {
        return account.skip("a future grant does not say what it gives to whom on what");
    };
    account.out.source.records += 1;
    let to = row.text("grant_to").unwrap_or_default().to_uppercase();
    let holder = account.grantee(&to, unquoted(&grantee));
    let name = row.text("name").unwrap_or_default();
    account.out.attribute(holder, &format!("future:{on}:{name}"), &privilege);
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn names_are_cut_at_dots_that_part() {
        for (name, expected) in [
            ("DB.PUBLIC.T", vec!["DB", "PUBLIC", "T"]),
            ("\"a.b\".S", vec!["a.b", "S"]),
            ("DB.S.\"P(X.Y)\"", vec!["DB", "S", "P(X.Y)"]),
            ("DB.S.P(A NUMBER(38.0))", vec!["DB", "S", "P(A NUMBER(38.0))"]),
            ("", vec![]),
        ] {
            assert_eq!(parts(name), expected, "{name}");
        }
    }
}
