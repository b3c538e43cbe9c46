//! The tables that facts come from: how long each is, one row as JSON, and whom a row is about.

use serde::Serialize;
use serde_json::{Map, Value};

use super::World;
use crate::model::{EntityId, Membership};
use crate::names;

names! {
    /// A table whose rows can be facts, in the order in which a pack has them: what to act on, what it rests on, bulk.
    pub enum Part {
        Findings = "findings",
        Paths = "paths",
        ChokePoints = "choke_points",
        Orphans = "orphans",
        Scores = "scores",
        Metrics = "metrics",
        Exceptions = "exceptions",
        Approvals = "approvals",
        Workflows = "workflows",
        SodRules = "sod_rules",
        RoleBaselines = "role_baselines",
        Entities = "entities",
        Owners = "owners",
        People = "people",
        Identities = "identities",
        Memberships = "memberships",
        Attachments = "attachments",
        Grants = "grants",
        Trusts = "trusts",
        Credentials = "credentials",
        Removals = "removals",
        Usage = "usage",
        Attributes = "attributes",
        Edges = "edges",
        Peers = "peers",
        Access = "access",
    }
}

impl Part {
    /// What the part is for, for who reads the manifest of a pack.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Entities => "principals, groups, roles, policies and scopes of the domain",
            Self::Memberships => "who is in which group, what runs as whom, what contains what",
            Self::Attachments => "policies on principals, groups and scopes",
            Self::Attributes => "tags and other facts",
            Self::Grants => "statements: the role catalogue's content",
            Self::Trusts => "who may act as whom",
            Self::Credentials => "credentials and their dates, never a secret",
            Self::Usage => "what was used, and when last",
            Self::Approvals => "who must agree before something is granted",
            Self::Workflows => "automated processes and the identities that they run as",
            Self::Owners => "who answers for what",
            Self::People => "people who own, approve or use something of the domain, by pseudonym",
            Self::Identities => "identities of these people",
            Self::RoleBaselines => "what principals need for their jobs",
            Self::SodRules => "duties that must be apart",
            Self::Exceptions => "findings that somebody accepted for a time",
            Self::Access => "what principals may do, counted by service and level",
            Self::Removals => "what taking rights away would do",
            Self::Peers => "how usual rights are among peers",
            Self::Scores => "risk of each principal and what it is made of",
            Self::Findings => "what should not be so",
            Self::Orphans => "non-human identities that nobody answers for or needs",
            Self::Paths => "shortest ways to what is protected",
            Self::Edges => "single steps by which one principal takes over another",
            Self::ChokePoints => "what attack paths have to pass, and the change that takes it away",
            Self::Metrics => "numbers about the domain",
        }
    }
}

fn object<R: Serialize>(row: Option<&R>) -> Map<String, Value> {
    match row.map(serde_json::to_value) {
        Some(Ok(Value::Object(fields))) => fields,
        // A record of plain columns always becomes an object; a row that is not there has no columns.
        _ => Map::new(),
    }
}

/// Number of rows of a part.
pub(super) fn len(world: &World, part: Part) -> usize {
    let (tables, results) = (&world.tables, &world.results);
    match part {
        Part::Entities => tables.entities.len(),
        Part::Memberships => tables.memberships.len(),
        Part::Attachments => tables.attachments.len(),
        Part::Attributes => tables.attributes.len(),
        Part::Grants => tables.grants.len(),
        Part::Trusts => tables.trusts.len(),
        Part::Credentials => tables.credentials.len(),
        Part::Usage => tables.usage.len(),
        Part::Approvals => tables.approvals.len(),
        Part::Workflows => tables.workflows.len(),
        Part::Owners => tables.owners.len(),
        Part::People => tables.people.len(),
        Part::Identities => tables.identities.len(),
        Part::RoleBaselines => tables.role_baselines.len(),
        Part::SodRules => tables.sod_rules.len(),
        Part::Exceptions => tables.exceptions.len(),
        Part::Access => world.access.len(),
        Part::Removals => world.removals.len(),
        Part::Peers => world.peers.len(),
        Part::Scores => results.scores.len(),
        Part::Findings => results.findings.len(),
        Part::Orphans => results.orphans.len(),
        Part::Paths => results.paths.len(),
        Part::Edges => results.edges.len(),
        Part::ChokePoints => results.choke_points.len(),
        Part::Metrics => results.metrics.len(),
    }
}

/// A row with its stored columns; empty when there is no such row.
pub(super) fn row(world: &World, part: Part, at: usize) -> Map<String, Value> {
    let (tables, results) = (&world.tables, &world.results);
    match part {
        Part::Entities => object(tables.entities.get(at)),
        Part::Memberships => object(tables.memberships.get(at)),
        Part::Attachments => object(tables.attachments.get(at)),
        Part::Attributes => object(tables.attributes.get(at)),
        Part::Grants => object(tables.grants.get(at)),
        Part::Trusts => object(tables.trusts.get(at)),
        Part::Credentials => object(tables.credentials.get(at)),
        Part::Usage => object(tables.usage.get(at)),
        Part::Approvals => object(tables.approvals.get(at)),
        Part::Workflows => object(tables.workflows.get(at)),
        Part::Owners => object(tables.owners.get(at)),
        Part::People => object(tables.people.get(at)),
        Part::Identities => object(tables.identities.get(at)),
        Part::RoleBaselines => object(tables.role_baselines.get(at)),
        Part::SodRules => object(tables.sod_rules.get(at)),
        Part::Exceptions => object(tables.exceptions.get(at)),
        Part::Access => object(world.access.get(at)),
        Part::Removals => object(world.removals.get(at)),
        Part::Peers => object(world.peers.get(at)),
        Part::Scores => object(results.scores.get(at)),
        Part::Findings => object(results.findings.get(at)),
        Part::Orphans => object(results.orphans.get(at)),
        Part::Paths => object(results.paths.get(at)),
        Part::Edges => object(results.edges.get(at)),
        Part::ChokePoints => object(results.choke_points.get(at)),
        Part::Metrics => object(results.metrics.get(at)),
    }
}

/// Entities that a row is about, its owner first. The owner decides whether free text of the row is shown. Rows of parts
/// that are about no entity (people, rules, exceptions, metrics) have none.
pub(super) fn about(world: &World, part: Part, at: usize) -> Vec<EntityId> {
    let (tables, results) = (&world.tables, &world.results);
    let one = |entity: Option<EntityId>| entity.into_iter().collect();
    match part {
        Part::Entities => one(tables.entities.get(at).map(|row| row.entity)),
        Part::Memberships => tables.memberships.get(at).map_or_else(Vec::new, ends),
        Part::Attachments => tables.attachments.get(at).map_or_else(Vec::new, |row| vec![row.holder, row.policy]),
        Part::Attributes => one(tables.attributes.get(at).map(|row| row.entity)),
        Part::Grants => one(tables.grants.get(at).map(|row| row.holder)),
        Part::Trusts => tables
            .trusts
            .get(at)
            .map_or_else(Vec::new, |row| [Some(row.target), row.trustee].into_iter().flatten().collect()),
        Part::Credentials => one(tables.credentials.get(at).map(|row| row.entity)),
        Part::Usage => one(tables.usage.get(at).map(|row| row.entity)),
        Part::Approvals => one(tables.approvals.get(at).and_then(|row| row.entity)),
        Part::Workflows => one(tables.workflows.get(at).and_then(|row| row.principal)),
        Part::Owners => one(tables.owners.get(at).map(|row| row.entity)),
        Part::Identities => one(tables.identities.get(at).map(|row| row.entity)),
        Part::RoleBaselines => one(tables.role_baselines.get(at).map(|row| row.entity)),
        Part::Access => one(world.access.get(at).map(|row| row.entity)),
        Part::Removals => one(world.removals.get(at).map(|row| row.entity)),
        Part::Peers => one(world.peers.get(at).map(|row| row.entity)),
        Part::Scores => one(results.scores.get(at).map(|row| row.entity)),
        Part::Findings => results.findings.get(at).map_or_else(Vec::new, |row| {
            std::iter::once(row.entity).chain(row.subjects.iter().map(|&one| EntityId(one))).collect()
        }),
        Part::Orphans => one(results.orphans.get(at).map(|row| row.entity)),
        Part::Paths => results.paths.get(at).map_or_else(Vec::new, |row| vec![row.entity, row.target]),
        Part::Edges => results.edges.get(at).map_or_else(Vec::new, |row| vec![EntityId(row.src), EntityId(row.dst)]),
        Part::ChokePoints => results
            .choke_points
            .get(at)
            .map_or_else(Vec::new, |row| [Some(row.entity), row.other].into_iter().flatten().collect()),
        Part::People | Part::SodRules | Part::Exceptions | Part::Metrics => Vec::new(),
    }
}

fn ends(row: &Membership) -> Vec<EntityId> {
    vec![row.member, row.container]
}
