//! Which tenant a file is of.
//!
//! Most records do not say it. A file that tells one tenant is of it; others are of the tenant that files of their folder
//! tell, or of a folder around it, as long as those tell only one; and when no folder does, of the one tenant of the scan.

use std::collections::{BTreeMap, BTreeSet};

use super::names;
use super::objects::TENANT_ID;
use crate::model::{Builder, IssueSeverity};

/// Gives every file the id of its tenant.
pub fn reconcile(builders: &mut [Builder]) {
    let own: Vec<Option<String>> = builders.iter_mut().map(told).collect();
    let mut by_folder: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (builder, tenant) in builders.iter().zip(&own) {
        if let Some(tenant) = tenant {
            by_folder.entry(folder(&builder.source.path).to_owned()).or_default().insert(tenant.clone());
        }
    }
    let all: BTreeSet<&String> = own.iter().flatten().collect();
    let only = if let [one] = all.iter().collect::<Vec<_>>()[..] { Some((*one).clone()) } else { None };
    for (builder, tenant) in builders.iter_mut().zip(own) {
        if builder.handle(names::UNNAMED).is_none() {
            continue;
        }
        let mut at = folder(&builder.source.path);
        let found = tenant.or_else(|| {
            loop {
                match by_folder.get(at) {
                    Some(tenants) if tenants.len() == 1 => break tenants.first().cloned(),
                    _ if at.is_empty() => break only.clone(),
                    _ => at = folder(at),
                }
            }
        });
        if let Some(tenant) = found {
            rename(builder, &tenant);
        }
    }
}

/// The tenant that a file tells: the surest of its records count.
fn told(builder: &mut Builder) -> Option<String> {
    let tenant = builder.handle(names::UNNAMED)?;
    let own = builder.attributes.iter().filter(|row| row.entity == tenant && row.key == TENANT_ID);
    let all: BTreeSet<String> = own.map(|row| row.value.clone()).collect();
    let surest = all.first()?.chars().next()?;
    let ids: Vec<String> = all
        .iter()
        .filter(|told| told.starts_with(surest))
        .filter_map(|told| told.get(2..))
        .map(str::to_owned)
        .collect();
    builder.attributes.retain(|row| row.key != TENANT_ID);
    if let [one] = &ids[..] {
        return Some(one.clone());
    }
    let message = format!(
        "records of several tenants are in this file ({}): it is read as one tenant's; export each tenant on its own",
        ids.join(", ")
    );
    builder.issue(IssueSeverity::Warning, "tenant_ambiguous", "", message);
    None
}

fn rename(builder: &mut Builder, tenant: &str) {
    let id = names::tenant(tenant);
    if let Some(handle) = builder.handle(names::UNNAMED) {
        let mut entity = builder.entity(handle).clone();
        if entity.name == "tenant" {
            tenant.clone_into(&mut entity.name);
            builder.replace(handle, entity);
        }
    }
    builder.rename(|old| (old == names::UNNAMED).then(|| id.clone()));
}

/// What stands before the last part of a path.
fn folder(path: &str) -> &str {
    path.rfind(['/', '!', '\\']).map_or("", |at| &path[..at])
}
