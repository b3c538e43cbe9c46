//! Public `OpenGraph` payloads: a SQL Server that `MSSQLHound` looked at, and `OpenHound`'s sample. The numbers were counted in
//! the files by a few lines of Python that know nothing of principals: nodes, edges, ends that no node has, and ordered
//! pairs of nodes of which the second can be reached from the first over traversable edges.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use overgrant::model::{EntityKind, MembershipKind};

use super::shared;
use crate::analysed::{AS_OF, Analysed};

fn analysed(name: &str) -> Result<Analysed, String> {
    let path: PathBuf = shared().ok_or("OVERGRANT_SHARED is not set")?.join("data/opengraph").join(name);
    if !path.exists() {
        return Err(format!("{} is missing", path.display()));
    }
    Analysed::new(vec![path], AS_OF, None)
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, expected {expected:?}")) }
}

/// Ordered pairs of entities of which the second can be reached from the first, the same one aside.
fn reachable_pairs(analysed: &Analysed) -> usize {
    let mut leads: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for edge in &analysed.scan.results.edges {
        leads.entry(edge.src).or_default().insert(edge.dst);
    }
    let entities = u32::try_from(analysed.tables().entities.len()).unwrap_or(u32::MAX);
    let from = |start: u32| {
        let (mut seen, mut open) = (BTreeSet::from([start]), vec![start]);
        while let Some(at) = open.pop() {
            open.extend(leads.get(&at).into_iter().flatten().copied().filter(|next| seen.insert(*next)));
        }
        seen.into_iter().filter(|node| *node < entities && *node != start).count()
    };
    (0..entities).map(from).sum()
}

/// 203 nodes, 572 edges of 28 kinds, all of them traversable, no end without a node.
pub fn mssqlhound() -> Result<(), String> {
    let analysed = analysed("mssqlhound_sample.zip")?;
    let tables = analysed.tables();
    equal("nodes", &tables.entities.iter().filter(|entity| entity.present).count(), &203)?;
    equal("entities", &tables.entities.len(), &203)?;
    equal("edges", &tables.grants.len(), &572)?;
    let traversable = tables.grants.iter().filter(|grant| grant.actions.iter().any(|action| action == "control"));
    equal("traversable edges", &traversable.count(), &572)?;
    let kinds: BTreeSet<&str> = tables.grants.iter().map(|grant| grant.policy.as_str()).collect();
    equal("kinds of edges", &kinds.len(), &28)?;
    let of = |kind: EntityKind| tables.entities.iter().filter(|entity| entity.kind == kind).count();
    // 89 database roles, 20 server roles and 2 groups; 42 database users, 32 logins and 4 users; 7 computers; 2 servers
    // and 5 databases.
    equal(
        "groups, users, workloads, scopes",
        &[EntityKind::Group, EntityKind::User, EntityKind::Workload, EntityKind::Scope].map(of),
        &[111, 78, 7, 7],
    )?;
    let rows = |kind: MembershipKind| tables.memberships.iter().filter(|row| row.kind == kind).count();
    // 125 edges, of which one has a group be a member of itself.
    equal("memberships (MSSQL_MemberOf and MemberOf)", &rows(MembershipKind::MemberOf), &124)?;
    equal("containments", &rows(MembershipKind::Contains), &188)?;
    equal("issues", &tables.issues.len(), &0)?;
    equal("reachable pairs", &reachable_pairs(&analysed), &7941)
}

/// 3 nodes; 3 edges of a kind that nobody knows, all of them with an end (3 in all) that is no node.
pub fn openhound() -> Result<(), String> {
    let analysed = analysed("openhound_sample_graph.json")?;
    let tables = analysed.tables();
    equal("nodes", &tables.entities.iter().filter(|entity| entity.present).count(), &3)?;
    equal("nodes and ends without one", &tables.entities.len(), &6)?;
    equal("edges", &tables.grants.len(), &3)?;
    let said = |code: &str| {
        let mut own = tables.issues.iter().filter(|issue| issue.code == code);
        own.next().map_or_else(String::new, |issue| issue.message.clone())
    };
    for (code, words) in [
        ("edge_dangling", "3 of 3 edges lead from or to a node that no file defines (3 such nodes"),
        ("edge_kind_unknown", "3 edges of the kind `ExampleReference`"),
    ] {
        if !said(code).contains(words) {
            return Err(format!("{code}: {:?}", said(code)));
        }
    }
    equal("reachable pairs", &reachable_pairs(&analysed), &0)
}

/// Every published extension schema is read whole.
pub fn schemas() -> Result<(), String> {
    // Kinds of nodes and of edges, in this order.
    for (name, kinds) in [
        ("githound_schema.json", 34 + 117),
        ("mssqlhound_schema.json", 7 + 35),
        ("openhound_github_schema.json", 40 + 148),
        ("openhound_okta_schema.json", 19 + 47),
        ("snowhound_schema.json", 19 + 61),
    ] {
        let folder = shared().ok_or("OVERGRANT_SHARED is not set")?.join("data/opengraph");
        let paths = vec![folder.join("schemas").join(name), folder.join("mssqlhound_sample.zip")];
        let analysed = Analysed::new(paths, AS_OF, None)?;
        let source = analysed.tables().sources.iter().find(|source| source.path.ends_with(name));
        let found = source.map(|source| (source.kind.as_str(), source.records, source.skipped));
        equal(name, &found, &Some(("opengraph-schema", kinds, 0)))?;
    }
    Ok(())
}
