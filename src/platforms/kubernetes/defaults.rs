//! Roles that every cluster has: the API server makes them when it starts, so manifests bind them without saying
//! what they are. `datasets/catalog/kubernetes_default_roles.tsv` has their rules.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::names;
use super::notation::Lists;
use crate::model::Tables;

const ROLES: &str = include_str!("../../../datasets/catalog/kubernetes_default_roles.tsv");

/// Attribute of a role that is bound and whose rules are those of this file.
pub const BUILT_IN: &str = "built_in";

/// A rule of a default role, and the names of the objects that it is about; none for all.
pub type DefaultRule = (Lists, Vec<String>);

/// Rules of a default role by its id; `None` when there is no such role.
#[must_use]
pub fn rules(id: &str) -> Option<&'static [DefaultRule]> {
    static RULES: OnceLock<FxHashMap<&'static str, Vec<DefaultRule>>> = OnceLock::new();
    let all = RULES.get_or_init(|| {
        let mut all: FxHashMap<&'static str, Vec<DefaultRule>> = FxHashMap::default();
        for line in ROLES.lines().filter(|line| !line.starts_with('#')) {
            let mut cells = line.split('\t');
            let (Some(role), Some(rules)) = (cells.next(), cells.next()) else { continue };
            let names: Vec<String> =
                cells.next().into_iter().flat_map(|names| names.split(',')).map(str::to_owned).collect();
            let rules = rules.split(' ').filter_map(Lists::parse).map(|lists| (lists, names.clone()));
            all.entry(role).or_default().extend(rules);
        }
        // A role that aggregates others has their rules as well.
        for (outer, inner) in [("edit", "view"), ("admin", "edit")] {
            let more = all.get(inner).cloned().unwrap_or_default();
            all.entry(outer).or_default().extend(more);
        }
        all
    });
    let parts = names::parts(id)?;
    match parts.kind {
        "clusterrole" => all.get(parts.name.as_str()),
        "role" => all.get(format!("{}/{}", parts.namespace, parts.name).as_str()),
        _ => None,
    }
    .map(Vec::as_slice)
}

/// Whether the roles of a cluster come from the cluster itself: `cluster-admin` is among them, which no manifest has.
#[must_use]
pub fn is_live(tables: &Tables, cluster: &str) -> bool {
    let id = names::object(cluster, "", "ClusterRole", "cluster-admin");
    let stated = |role| tables.entity(role).present && tables.attribute(role, BUILT_IN).is_none();
    tables.find(&id).is_some_and(stated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_roles_hold_those_that_they_aggregate() {
        let of = |name: &str| rules(&format!("kubernetes:x/clusterrole/{name}"));
        let (view, edit, admin) = (of("view").unwrap(), of("edit").unwrap(), of("admin").unwrap());
        assert!(view.iter().all(|rule| edit.contains(rule)) && edit.iter().all(|rule| admin.contains(rule)));
        assert!(edit.len() > view.len() && admin.len() > edit.len());
        assert_eq!(of("cluster-admin").unwrap()[0], (Lists::parse("*").unwrap(), Vec::new()));
        let reader = rules("kubernetes:x/kube-system/role/extension-apiserver-authentication-reader").unwrap();
        assert_eq!(reader[0].1, ["extension-apiserver-authentication"]);
        assert!(of("mine").is_none() && rules("kubernetes:x/dev/role/view").is_none());
        let lines = ROLES.lines().filter(|line| !line.starts_with('#'));
        assert!(
            lines.flat_map(|line| line.split('\t').nth(1).unwrap().split(' ')).all(|rule| Lists::parse(rule).is_some())
        );
    }
}
