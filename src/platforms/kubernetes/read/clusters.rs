//! Which cluster a file is about.
//!
//! Objects do not say it. A folder is of one cluster when a file in it tells its name: the current context of a
//! `kubectl config view` first, else the uid of the namespace `kube-system`, which lives as long as the cluster. It
//! holds for the folder and all folders in it that tell no name of their own. Files that no such folder holds are of
//! the one cluster that has a name, when there is exactly one, and else of the cluster `kubernetes`.

use std::collections::{BTreeMap, BTreeSet};

use super::super::NAME;
use super::names;
use crate::model::{Builder, Entity, EntityKind, Grant, IssueSeverity, Tables};

/// See [`crate::platforms::Platform::reconcile`].
pub fn reconcile(builders: &mut [Builder]) {
    let unnamed = names::cluster(names::UNNAMED);
    let mut named: BTreeMap<String, (u8, String)> = BTreeMap::new();
    for builder in builders.iter() {
        let folder = folder(&builder.source.path).to_owned();
        for (key, rank) in [("cluster_name", 0), ("kube_system_uid", 1), ("eks_cluster", 2)] {
            let rows = builder.attributes.iter().filter(|row| row.key == key);
            let own = rows.filter(|row| builder.entity(row.entity).id == unnamed);
            for row in own {
                let told = (rank, row.value.clone());
                let known = named.entry(folder.clone()).or_insert_with(|| told.clone());
                if told < *known {
                    *known = told;
                }
            }
        }
    }
    let mut all: Vec<&String> = named.values().map(|(_, name)| name).collect();
    all.sort_unstable();
    all.dedup();
    let only = if let [one] = all[..] { Some(one.clone()) } else { None };
    for builder in builders.iter_mut() {
        let mut at = folder(&builder.source.path);
        let found = loop {
            match named.get(at) {
                Some((_, name)) => break Some(name.clone()),
                None if at.is_empty() => break only.clone(),
                None => at = folder(at),
            }
        };
        if let Some(name) = found {
            rename(builder, &unnamed, &name);
        }
    }
    settle_copies(builders);
}

/// Objects of which nothing says their cluster are to be in the only one of a snapshot.
///
/// # Errors
/// That there are several, as a fragment for a message.
pub fn locate(builders: &mut [Builder], tables: &Tables) -> Result<(), String> {
    let unnamed = names::cluster(names::UNNAMED);
    let own = |entity: &&Entity| {
        entity.present && entity.platform == NAME && entity.kind == EntityKind::Scope && entity.scope.is_none()
    };
    let clusters: Vec<&str> = tables.entities.iter().filter(own).map(|entity| entity.id.as_str()).collect();
    let open = |builder: &Builder| builder.handle(&unnamed).is_some();
    match clusters[..] {
        _ if !builders.iter().any(open) => Ok(()),
        [] => Ok(()),
        [one] => {
            let name = one.split_once(':').map_or(one, |(_, name)| name).replace("%2F", "/").replace("%3A", ":");
            let name = name.replace("%25", "%");
            builders.iter_mut().filter(|builder| open(builder)).for_each(|builder| rename(builder, &unnamed, &name));
            Ok(())
        }
        _ => Err(format!(
            "which of {} clusters is meant does not show ({}): put the `kubectl config view` of the one beside it, as \
             a document of its own",
            clusters.len(),
            clusters.join(", ")
        )),
    }
}

/// Rules of a role as they are stored, in order.
type Rules = Vec<(Vec<String>, Vec<String>)>;

/// Two exports of one cluster define the same roles: the same rules count once. Where they differ, the exports are of
/// different times or of different clusters, and the rules of both are taken.
fn settle_copies(builders: &mut [Builder]) {
    let mut known: BTreeMap<String, (Rules, String)> = BTreeMap::new();
    for builder in builders.iter_mut() {
        let mut own: BTreeMap<String, Rules> = BTreeMap::new();
        for entity in builder.entities().iter().filter(|entity| is_role(entity)) {
            own.insert(entity.id.clone(), Vec::new());
        }
        for row in &builder.grants {
            if let Some(rules) = own.get_mut(&builder.entity(row.holder).id) {
                rules.push((row.actions.clone(), row.resources.clone()));
            }
        }
        let mut copies = BTreeSet::new();
        for (id, rules) in own {
            match known.get(&id) {
                None => drop(known.insert(id, (rules, builder.source.path.clone()))),
                Some((others, _)) if *others == rules => drop(copies.insert(id)),
                Some((_, path)) => {
                    let message = format!("`{id}` has other rules here than in `{path}`: those of both are taken");
                    builder.issue(IssueSeverity::Warning, "duplicate_object", "", message);
                }
            }
        }
        if copies.is_empty() {
            continue;
        }
        let kept = std::mem::take(&mut builder.grants).into_iter();
        let kept: Vec<Grant> = kept.filter(|row| !copies.contains(&builder.entity(row.holder).id)).collect();
        builder.grants = (0u32..).zip(kept).map(|(grant, row)| Grant { grant, ..row }).collect();
    }
}

/// Whether an entity is a role that its source defines.
fn is_role(entity: &Entity) -> bool {
    entity.present
        && entity.platform == NAME
        && entity.kind == EntityKind::RoleDefinition
        && names::parts(&entity.id).is_some_and(|parts| matches!(parts.kind, "role" | "clusterrole"))
}

/// What stands before the last part of a path.
fn folder(path: &str) -> &str {
    path.rfind(['/', '!', '\\']).map_or("", |at| &path[..at])
}

fn rename(builder: &mut Builder, old: &str, name: &str) {
    let fresh = names::cluster(name);
    let renamed = |id: &str| {
        let rest = id.strip_prefix(old)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{fresh}{rest}"))
    };
    builder.rename(renamed);
    for row in &mut builder.credentials {
        if let Some(id) = renamed(&row.credential) {
            row.credential = id;
        }
    }
    let Some(scope) = builder.handle(&fresh) else { return };
    let mut entity = builder.entity(scope).clone();
    if entity.platform == NAME && entity.kind == EntityKind::Scope {
        name.clone_into(&mut entity.name);
        builder.replace(scope, entity);
    }
}

#[cfg(test)]
mod tests {
    use crate::platforms::{ALL, input};

    fn ids(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|&(path, text)| (path, text.as_bytes()));
        let tables = input::read_texts(files, ALL).join(ALL);
        let own = tables.entities.into_iter().filter(|entity| entity.id.ends_with("/b") || !entity.id.contains('/'));
        own.map(|entity| format!("{} {}", entity.id, entity.name)).collect()
    }

    const ACCOUNT: &str = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: b, namespace: dev}\n";
    const SYSTEM: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system, uid: 11-22}\n";
    const CONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: b\ncontexts:\n- {name: a, context: {cluster: x}}\n\
        - {name: b, context: {cluster: prod}}\n";

    #[test]
    fn a_cluster_has_the_name_that_its_folder_tells() {
        let account = "system:serviceaccount:dev:b";
        let found = ids(&[("in/sa.yaml", ACCOUNT)]);
        assert_eq!(
            found,
            ["kubernetes:kubernetes kubernetes", &format!("kubernetes:kubernetes/dev/serviceaccount/b {account}")]
        );
        let found = ids(&[("in/sa.yaml", ACCOUNT), ("in/ns.yaml", SYSTEM)]);
        assert_eq!(found, ["kubernetes:11-22 11-22", &format!("kubernetes:11-22/dev/serviceaccount/b {account}")]);
        let found = ids(&[("in/x/sa.yaml", ACCOUNT), ("in/ns.yaml", SYSTEM), ("in/config", CONFIG)]);
        assert_eq!(found, ["kubernetes:prod prod", &format!("kubernetes:prod/dev/serviceaccount/b {account}")]);
    }

    #[test]
    fn clusters_of_two_folders_stay_apart() {
        let found = ids(&[
            ("p/sa.yaml", ACCOUNT),
            ("p/c.yaml", CONFIG),
            ("s/ns.yaml", SYSTEM),
            ("s/sa.yaml", ACCOUNT),
            ("o.yaml", ACCOUNT),
        ]);
        let clusters: Vec<&str> = found.iter().filter_map(|id| id.split(['/', ' ']).next()).collect();
        let expected = ["11-22", "11-22", "kubernetes", "kubernetes", "prod", "prod"];
        assert_eq!(clusters, expected.map(|name| format!("kubernetes:{name}")));
    }
}
