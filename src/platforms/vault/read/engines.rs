//! Secrets engines that issue credentials of other systems: whose, as far as their roles name it.

use super::record::Record;
use crate::model::EntityKind;

/// Attribute with the principal of another platform that something is set up for.
const TARGET: &str = "federated_target";

/// An answer of a secrets engine; false when it is of no kind that is known.
pub fn answer(record: &mut Record<'_>) -> bool {
    let path = record.path.clone();
    let at = path.find("/roles/").or_else(|| path.find("/static-roles/"));
    let Some(at) = at.filter(|_| !path.starts_with("sys/") && !path.starts_with("identity/")) else { return false };
    let has = |key: &str| record.data.contains_key(key);
    let engine = if has("role_arns") || has("credential_type") || has("credential_types") {
        "aws"
    } else if has("creation_statements") || has("db_name") || has("rotation_statements") {
        "database"
    } else if has("allowed_domains") || has("allow_any_name") {
        "pki"
    } else {
        "other"
    };
    record.expect_lists(&["role_arns", "creation_statements"]);
    record.out.source.records += 1;
    let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
    let entity = record.entity(&path, EntityKind::Resource, &name);
    let handle = record.out.define(entity);
    record.out.attribute(handle, "engine", engine);
    record.out.attribute(handle, "engine_role", "true");
    record.out.attribute(handle, "mount", &path[..at]);
    record
        .facts(handle, &["credential_type", "db_name", "default_ttl", "max_ttl", "default_sts_ttl", "allow_any_name"]);
    let mut targets = Vec::new();
    match engine {
        "aws" => targets = record.list("role_arns"),
        "database" => {
            targets.extend(record.text("username"));
            targets.extend(record.list("creation_statements").iter().flat_map(|sql| granted_roles(sql)));
        }
        _ => {}
    }
    targets.sort();
    targets.dedup();
    for target in targets {
        if target.starts_with("arn:") {
            record.out.refer(&target, "aws", EntityKind::Role, target.rsplit('/').next().unwrap_or(&target));
        }
        record.out.attribute(handle, TARGET, &target);
    }
    true
}

/// Roles that the statements of a database role give to the user that is made: `GRANT a, "b" TO …` without a word `ON`.
fn granted_roles(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    for statement in sql.split(';') {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let is = |at: usize, word: &str| words.get(at).is_some_and(|own| own.eq_ignore_ascii_case(word));
        let to = (1..words.len()).find(|&at| is(at, "TO"));
        let Some(to) = to.filter(|&to| is(0, "GRANT") && !(1..to).any(|at| is(at, "ON"))) else { continue };
        for name in words[1..to].join(" ").split(',') {
            let name = name.trim().trim_matches('"');
            if !name.is_empty() && !name.contains([' ', '{']) {
                found.push(name.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_that_a_database_role_grants_are_found_and_privileges_are_none() {
        let sql = "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO \"{{name}}\"; grant readers, \"Ops\" to \"{{name}}\"";
        assert_eq!(granted_roles(sql), ["readers", "Ops"]);
    }
}
