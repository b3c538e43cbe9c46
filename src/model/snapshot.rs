//! A whole snapshot's input tables, the files they came from, and how complete they are.

use serde::{Deserialize, Serialize};

use super::{
    AccessTable, Approval, Assist, Attachment, Attribute, ChokePoint, ClassTable, Credential, Edge, Entity, EntityId,
    Exception, Finding, Grant, Identity, Issue, Membership, Metric, Orphan, Ownership, Path, Peer, Person, Removal,
    RoleBaseline, Score, SodRule, TargetSet, Trust, Usage, Workflow,
};

/// Number of a source file in the manifest's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SourceId(pub u32);

/// One input file (or one member of an archive) and what was taken from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Path as given, with `!member` for a member of an archive.
    pub path: String,
    /// Format that the content was recognised as, by reader name; `unrecognised` when no reader took it.
    pub kind: String,
    /// SHA-256 of the file's bytes, in hexadecimal.
    pub sha256: String,
    /// Records read.
    pub records: u64,
    /// Records that could not be used.
    pub skipped: u64,
}

/// What the export says about one kind of knowledge, as a share of the entities that it could be known for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// What is known or not (`credentials`, `last_used`, `organization`, `resource_policies`, …).
    pub name: String,
    pub known: u64,
    pub of: u64,
}

/// All input tables of one snapshot. Entities are sorted by id; an entity's number is its index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tables {
    pub sources: Vec<Source>,
    pub entities: Vec<Entity>,
    pub memberships: Vec<Membership>,
    pub attachments: Vec<Attachment>,
    pub attributes: Vec<Attribute>,
    pub grants: Vec<Grant>,
    pub trusts: Vec<Trust>,
    pub credentials: Vec<Credential>,
    pub usage: Vec<Usage>,
    pub people: Vec<Person>,
    /// Sorted by person, then entity.
    pub identities: Vec<Identity>,
    /// Sorted by entity, the surest first.
    pub owners: Vec<Ownership>,
    pub approvals: Vec<Approval>,
    pub workflows: Vec<Workflow>,
    pub role_baselines: Vec<RoleBaseline>,
    pub sod_rules: Vec<SodRule>,
    pub exceptions: Vec<Exception>,
    pub issues: Vec<Issue>,
}

impl Tables {
    /// The entity of a number.
    ///
    /// # Panics
    /// When the number is of another snapshot.
    #[must_use]
    pub fn entity(&self, id: EntityId) -> &Entity {
        &self.entities[id.index()]
    }

    /// The first value of an attribute of an entity. Attributes are sorted by entity and key.
    #[must_use]
    pub fn attribute(&self, entity: EntityId, key: &str) -> Option<&str> {
        let rows = &self.attributes;
        let at = rows.partition_point(|row| (row.entity, row.key.as_str()) < (entity, key));
        rows.get(at).filter(|row| row.entity == entity && row.key == key).map(|row| row.value.as_str())
    }

    /// The entity with this full id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<EntityId> {
        self.entities.binary_search_by(|entity| entity.id.as_str().cmp(id)).ok().map(|at| self.entities[at].entity)
    }
}

/// All computed tables of one snapshot.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Results {
    pub access: AccessTable,
    /// What taking rights away would do, of everyone whose use was observed.
    pub removals: ClassTable<Removal>,
    pub peers: ClassTable<Peer>,
    /// Sorted by source node, then destination, technique.
    pub edges: Vec<Edge>,
    pub target_sets: Vec<TargetSet>,
    /// In the order of the edges that they help with.
    pub assists: Vec<Assist>,
    pub paths: Vec<Path>,
    pub choke_points: Vec<ChokePoint>,
    /// Fewest changes that keep every principal outside the protected zone from it; none when no changes do, or when
    /// the results come from a store, whose metrics have it.
    pub minimum_cut: Option<u64>,
    pub findings: Vec<Finding>,
    /// Sorted by entity, then reason.
    pub orphans: Vec<Orphan>,
    pub scores: Vec<Score>,
    pub metrics: Vec<Metric>,
    pub coverage: Vec<Coverage>,
}
