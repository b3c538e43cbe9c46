//! What only shows when all tables are together: names of roles that other tables know by number, whether memberships
//! are inherited, what `CREATEROLE` gives in which version, and which tables filter their rows.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::NAME;
use super::dialect::ATTRIBUTE;
use super::read::{NO_INHERIT, OPTIONS, OWNERSHIP, ROWS};
use crate::model::rebuild::{self, Fate};
use crate::model::{Builder, Entity, EntityId, Grant, Issue, IssueSeverity, MembershipKind, Tables};

/// The server of an id.
fn server(id: &str) -> &str {
    id.split('/').next().unwrap_or(id)
}

/// Replaces numbers of roles by names, and puts down what `CREATEROLE` gives.
pub fn reconcile(builders: &mut [Builder]) {
    let mut names: FxHashMap<String, String> = FxHashMap::default();
    let (mut superusers, mut options) = (BTreeMap::<String, BTreeSet<String>>::new(), BTreeMap::<String, bool>::new());
    for builder in builders.iter().filter(|builder| builder.source.kind.starts_with(NAME)) {
        for entity in builder.entities().iter().filter(|one| one.platform == NAME && one.id.contains("/role/")) {
            if let Some(number) = &entity.unique_id {
                names.insert(format!("{}/oid/{number}", server(&entity.id)), entity.id.clone());
            }
        }
        for row in &builder.attributes {
            let id = &builder.entity(row.entity).id;
            if row.key == "rolsuper" && row.value == "true" {
                superusers.entry(server(id).to_owned()).or_default().insert(id.clone());
            } else if row.key == OPTIONS {
                *options.entry(id.clone()).or_default() |= row.value == "true";
            }
        }
    }
    for builder in builders.iter_mut().filter(|builder| builder.source.kind.starts_with(NAME)) {
        rename(builder, &names);
        limit_admins(builder, &superusers);
        create_role(builder, &superusers, &options);
    }
}

/// Gives roles that are known by number their names, in entities and in what is granted on them.
fn rename(builder: &mut Builder, names: &FxHashMap<String, String>) {
    rebuild::rename(builder, |entity| match names.get(&entity.id) {
        Some(name) => Fate::Rename(name.clone()),
        None => Fate::Keep,
    });
    for resource in builder.grants.iter_mut().flat_map(|grant| &mut grant.resources) {
        if let Some(name) = resource.strip_prefix('=').and_then(|id| names.get(id)) {
            *resource = format!("={name}");
        }
    }
}

/// Only superusers give superusers' roles away: an admin option on one is worth nothing.
fn limit_admins(builder: &mut Builder, superusers: &BTreeMap<String, BTreeSet<String>>) {
    for grant in builder.grants.iter_mut().filter(|grant| grant.policy == "ADMIN OPTION") {
        let of_superuser = |resource: &String| {
            let id = resource.trim_start_matches('=');
            superusers.get(server(id)).is_some_and(|known| known.contains(id))
        };
        if grant.resources.iter().any(of_superuser) {
            grant.not_resources = grant.resources.clone();
        }
    }
}

/// What `CREATEROLE` is worth: before version 16 every role that is no superuser's, since then those of which a
/// membership with admin option says so.
fn create_role(
    builder: &mut Builder,
    superusers: &BTreeMap<String, BTreeSet<String>>,
    options: &BTreeMap<String, bool>,
) {
    let makers: Vec<Grant> = builder.grants.iter().filter(|grant| grant.policy == "CREATE ROLE").cloned().collect();
    for maker in makers {
        let server = server(&builder.entity(maker.holder).id).to_owned();
        let known = options.get(&server).copied();
        if known == Some(true) {
            continue;
        }
        let but: Vec<String> = superusers.get(&server).into_iter().flatten().map(|id| format!("={id}")).collect();
        builder.grants.push(Grant {
            grant: u32::try_from(builder.grants.len()).unwrap_or(u32::MAX),
            actions: vec!["ALTER ROLE".to_owned(), "ADMIN".to_owned()],
            not_resources: but,
            condition: known.is_none().then(|| {
                "\"before version 16; whether the server is older is not in the export (pg_auth_members)\"".to_owned()
            }),
            policy: "CREATEROLE".to_owned(),
            statement: format!("{ATTRIBUTE}CREATEROLE"),
            ..maker
        });
    }
}

/// See [`crate::platforms::Platform::complete`].
pub fn complete(tables: &mut Tables) {
    if tables.entities.iter().all(|entity| entity.platform != NAME) {
        return;
    }
    inheritance(tables);
    row_security(tables);
    report_missing(tables);
}

/// Before version 16 it is the member that says whether it inherits.
fn inheritance(tables: &mut Tables) {
    let newer: BTreeSet<String> = tables
        .attributes
        .iter()
        .filter(|row| row.key == OPTIONS && row.value == "true")
        .map(|row| tables.entity(row.entity).id.clone())
        .collect();
    let none: BTreeSet<EntityId> = tables
        .attributes
        .iter()
        .filter(|row| row.key == NO_INHERIT && tables.entity(row.entity).platform == NAME)
        .map(|row| row.entity)
        .collect();
    let mut memberships = std::mem::take(&mut tables.memberships);
    memberships.retain(|row| {
        let container = &tables.entity(row.container).id;
        let inherited = row.kind != MembershipKind::MemberOf
            || !none.contains(&row.member)
            || newer.contains(server(container))
            || container.ends_with("#attributes");
        inherited
    });
    tables.memberships = memberships;
}

/// Rights on the rows of tables that filter them hang on their policies, but for owners and for who passes them by.
fn row_security(tables: &mut Tables) {
    let of = |key: &str| -> BTreeSet<EntityId> {
        tables.attributes.iter().filter(|row| row.key == key && row.value == "true").map(|row| row.entity).collect()
    };
    let (secured, forced, passing) = (of("row_security"), of("row_security_forced"), of("rolbypassrls"));
    if secured.is_empty() {
        return;
    }
    let mut changed = Vec::new();
    for grant in &tables.grants {
        let Some(table) = grant.resources.first().and_then(|id| tables.find(id)) else { continue };
        // Rights on a column are rights on the table's rows.
        let above = tables.entity(table).id.rsplit_once('/').and_then(|(above, _)| tables.find(above));
        let Some(table) = [Some(table), above].into_iter().flatten().find(|id| secured.contains(id)) else { continue };
        let owner = grant.statement.ends_with(OWNERSHIP) && !forced.contains(&table);
        let touched = grant.actions.iter().any(|action| ROWS.contains(&action.as_str()));
        if touched && !owner && !passing.contains(&grant.holder) && grant.condition.is_none() {
            changed.push((grant.grant, tables.entity(table).name.clone()));
        }
    }
    for (grant, table) in changed {
        if let Some(grant) = tables.grants.get_mut(grant as usize) {
            grant.condition = Some(format!("\"row security of `{}` chooses the rows\"", table.replace('"', "'")));
        }
    }
}

/// Roles that are named and that no table of roles has.
fn report_missing(tables: &mut Tables) {
    let is_role = |entity: &&Entity| {
        entity.platform == NAME && !entity.present && (entity.id.contains("/role/") || entity.id.contains("/oid/"))
    };
    let missing: Vec<String> =
        tables.entities.iter().filter(is_role).map(|entity| format!("`{}`", entity.name)).collect();
    if missing.is_empty() {
        return;
    }
    let shown = missing.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    let message = format!(
        "{} roles are named and in no table of roles, so that what they are is unknown: {shown}; export pg_roles",
        missing.len()
    );
    let (severity, code) = (IssueSeverity::Warning, "role_missing".to_owned());
    tables.issues.push(Issue { severity, source: None, record: String::new(), code, message });
}
