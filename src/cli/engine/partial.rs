//! A snapshot of which only what a question needs is read: a few columns of what has to be searched, and the rows of
//! what is found. That is what answers about one principal in a fraction of the time that the whole tables take.
//!
//! Entities are all there, as far as names, kinds and protection go. Every other table has the rows that were asked
//! for and no others, in stored order; numbers stay those of the whole.

use super::{Snapshot, SnapshotArgs, reader};
use crate::analysis;
use crate::cli::failure::Failure;
use crate::findings::handoffs::Answer;
use crate::model::{
    Access, AccessTable, Assist, Certainty, ClassTable, Edge, Entity, EntityId, EntityKind, Finding, Grant, Membership,
    Orphan, Peer, Record, Removal, Score, TargetSet,
};
use crate::record;
use crate::store::SnapshotReader;

record! {
    /// An entity as far as it must be known to be found and shown.
    table "entities";
    pub struct Named {
        /// Number.
        pub entity: EntityId,
        /// Full identifier.
        pub id: String,
        /// Platform.
        pub platform: String,
        /// What it is.
        pub kind: EntityKind,
        /// Name as people write it.
        pub name: String,
        /// Whether an export defines it.
        pub present: bool,
        /// Whether it is in the protected zone.
        pub protected: bool,
        /// Why.
        pub protected_reason: Option<String>,
    }
}

record! {
    /// An attack edge as far as a search looks at it.
    table "edges";
    pub struct Arc {
        /// Where it leaves.
        pub src: u32,
        /// Where it enters.
        pub dst: u32,
        /// Whether it hangs on something.
        pub certainty: Certainty,
    }
}

record! {
    /// Whom a finding is about.
    table "findings";
    pub struct About {
        /// The entity.
        pub entity: EntityId,
        /// Others that take part.
        pub subjects: Vec<u32>,
    }
}

impl From<Named> for Entity {
    fn from(row: Named) -> Self {
        Self {
            entity: row.entity,
            present: row.present,
            protected: row.protected,
            protected_reason: row.protected_reason,
            // Moved, not copied: there are as many as the organisation has entities.
            id: row.id,
            platform: row.platform,
            kind: row.kind,
            name: row.name,
            ..Self::named("", "", EntityKind::External, "")
        }
    }
}

impl From<Arc> for Edge {
    fn from(row: Arc) -> Self {
        let (technique, reasons, evidence) = (String::new(), Vec::new(), Vec::new());
        Self { src: row.src, dst: row.dst, technique, certainty: row.certainty, reasons, evidence }
    }
}

/// A statement by its number, in tables that may have only some.
pub fn grant(snapshot: &Snapshot, number: u32) -> Option<&Grant> {
    let grants = &snapshot.tables.grants;
    grants.binary_search_by_key(&number, |grant| grant.grant).ok().map(|at| &grants[at])
}

/// A snapshot that is read as far as it is needed.
pub struct Partial {
    reader: SnapshotReader,
    snapshot: Snapshot,
}

impl Partial {
    /// Opens a snapshot and reads what its entities are called.
    pub fn open(at: &SnapshotArgs) -> Result<Self, Failure> {
        let reader = reader(at)?;
        let mut snapshot = Snapshot::of_manifest(reader.manifest().clone());
        snapshot.tables.entities = reader.read_columns::<Named>()?.into_iter().map(Entity::from).collect();
        Ok(Self { reader, snapshot })
    }

    /// The tables as far as they have been read.
    pub fn tables(&self) -> &crate::model::Tables {
        &self.snapshot.tables
    }

    /// What has been read.
    pub fn into_snapshot(self) -> Snapshot {
        self.snapshot
    }

    /// Reads the attack graph: ends and certainty of its edges.
    pub fn load_graph(&mut self) -> Result<(), Failure> {
        self.snapshot.results.edges = self.reader.read_columns::<Arc>()?.into_iter().map(Edge::from).collect();
        self.snapshot.results.target_sets = self.reader.read::<TargetSet>()?;
        Ok(())
    }

    /// Reads the shortest paths from an entity: the edges of the snapshot are then those of the paths and no others.
    /// Gives whether a limit ended the search.
    pub fn load_paths(&mut self, from: EntityId, to: Option<EntityId>, count: usize) -> Result<bool, Failure> {
        self.load_graph()?;
        let (tables, results) = (&self.snapshot.tables, &self.snapshot.results);
        let (numbers, limit_reached) = analysis::route_edges(tables, results, from, to, count);
        self.snapshot.results.assists = self.reader.read::<Assist>()?;
        let edges = self.edges(&numbers)?;
        let mut evidence: Vec<u32> = edges.iter().flat_map(|edge| edge.evidence.iter().copied()).collect();
        let entities = self.snapshot.tables.entities.len();
        let unproven = edges.iter().filter(|edge| edge.evidence.is_empty() && (edge.src as usize) < entities);
        let mut members: Vec<u32> = unproven.map(|edge| edge.src).collect();
        members.dedup();
        self.snapshot.tables.memberships = self.reader.read_keys::<Membership>("member", &members)?;
        self.snapshot.results.edges = edges;
        let known = |number: &u32| grant(&self.snapshot, *number).is_none();
        evidence.retain(known);
        let grants = self.reader.read_keys::<Grant>("grant", &evidence)?;
        self.add_grants(grants);
        Ok(limit_reached)
    }

    /// Whole rows of some edges, which are given ascending. Edges are sorted by their source, so that the place of an
    /// edge among those of its source finds it again.
    fn edges(&self, numbers: &[u32]) -> Result<Vec<Edge>, Failure> {
        let all = &self.snapshot.results.edges;
        let mut sources: Vec<u32> = numbers.iter().map(|&number| all[number as usize].src).collect();
        sources.dedup();
        let rows = self.reader.read_keys::<Edge>("src", &sources)?;
        let place = |&number: &u32| {
            let src = all[number as usize].src;
            let first = all.partition_point(|edge| edge.src < src);
            rows.partition_point(|edge| edge.src < src) + number as usize - first
        };
        Ok(numbers.iter().map(place).filter_map(|at| rows.get(at).cloned()).collect())
    }

    fn add_grants(&mut self, more: Vec<Grant>) {
        let grants = &mut self.snapshot.tables.grants;
        grants.extend(more);
        grants.sort_by_key(|grant| grant.grant);
        grants.dedup_by_key(|grant| grant.grant);
    }

    /// Reads what there is on one principal: all input tables, since its permissions are evaluated again, and of the
    /// results the rows about it. The attack graph is not among it.
    pub fn load_principal(&mut self, of: EntityId) -> Result<(), Failure> {
        self.load_inputs()?;
        self.load_results(of)
    }

    /// Reads all input tables, for what has to evaluate permissions.
    pub fn load_inputs(&mut self) -> Result<(), Failure> {
        self.snapshot.tables = self.reader.tables()?;
        Ok(())
    }

    /// Reads the attack graph with all that its edges stand on.
    pub fn load_whole_graph(&mut self) -> Result<(), Failure> {
        self.snapshot.results.edges = self.reader.read::<Edge>()?;
        self.snapshot.results.target_sets = self.reader.read::<TargetSet>()?;
        Ok(())
    }

    /// Whether an agent comes to a privileged change past every human approval: reads the whole attack graph where the
    /// principal is one, and gives nothing where it is not. All input tables must have been read.
    pub fn approvals(&mut self, of: EntityId) -> Result<Option<Answer>, Failure> {
        if !super::is_agent(&self.snapshot.tables, of) {
            return Ok(None);
        }
        self.load_whole_graph()?;
        Ok(super::approvals(&self.snapshot, of))
    }

    fn load_results(&mut self, of: EntityId) -> Result<(), Failure> {
        let about = self.reader.read_columns::<About>()?;
        let mut entities: Vec<EntityId> =
            about.iter().filter(|row| row.entity == of || row.subjects.contains(&of.0)).map(|row| row.entity).collect();
        entities.dedup();
        let mut findings = self.of::<Finding>("entity", &entities)?;
        findings.retain(|row| row.entity == of || row.subjects.contains(&of.0));
        let access = AccessTable::from(self.of::<Access>("entity", &[of])?);
        let scores = self.of::<Score>("entity", &[of])?;
        let removals = ClassTable::from(self.of::<Removal>("entity", &[of])?);
        let (orphans, peers) = (self.of::<Orphan>("entity", &[of])?, self.of::<Peer>("entity", &[of])?);
        let results = &mut self.snapshot.results;
        (results.findings, results.access, results.scores) = (findings, access, scores);
        (results.removals, results.orphans, results.peers) = (removals, orphans, ClassTable::from(peers));
        Ok(())
    }

    /// The rows that have one of some entities in a column.
    fn of<R: Record>(&self, column: &str, entities: &[EntityId]) -> Result<Vec<R>, Failure> {
        let keys: Vec<u32> = entities.iter().map(|entity| entity.0).collect();
        Ok(self.reader.read_keys(column, &keys)?)
    }
}
