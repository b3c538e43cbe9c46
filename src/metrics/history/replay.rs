//! The metrics of a stored snapshot computed again, for all of it or for some of its entities.
//!
//! The registry of metrics does the computing, over the tables as stored: attribution works for every metric in it,
//! and no definition is written twice. Steps to the protected zone come from the stored paths, so nothing is searched
//! again. What a metric needs and the store does not hold (a configuration other than the given one) makes the number
//! differ from the stored one; [`super::trend`] compares the two and attributes nothing where they differ.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::findings::{Asked, Context, Facts};
use crate::metrics::population::{Cell, Labelling, Parts};
use crate::metrics::{Inputs, MetricsError, table};
use crate::model::{
    Access, AccessTable, Certainty, ClassTable, EntityId, Finding, Metric, Path, Results, Score, Tables,
};
use crate::paths::Landscape;
use crate::store::{SnapshotReader, StoreError};

/// The tables of one snapshot that metrics are made of.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// Time of the scan, in milliseconds since 1970.
    pub as_of: i64,
    pub tables: Tables,
    pub access: AccessTable,
    pub paths: Vec<Path>,
    pub findings: Vec<Finding>,
    /// Sorted by entity.
    pub scores: Vec<Score>,
}

impl Stored {
    /// Reads a snapshot: everything but statements, attachments and the attack graph, which no metric looks at.
    ///
    /// # Errors
    /// As [`SnapshotReader::read`].
    pub fn read(reader: &SnapshotReader) -> Result<Self, StoreError> {
        let tables = Tables {
            entities: reader.read()?,
            memberships: reader.read()?,
            attributes: reader.read()?,
            trusts: reader.read()?,
            credentials: reader.read()?,
            usage: reader.read()?,
            people: reader.read()?,
            identities: reader.read()?,
            owners: reader.read()?,
            approvals: reader.read()?,
            workflows: reader.read()?,
            role_baselines: reader.read()?,
            sod_rules: reader.read()?,
            exceptions: reader.read()?,
            ..Tables::default()
        };
        Ok(Self {
            as_of: reader.manifest().as_of,
            tables,
            access: AccessTable::from(reader.read::<Access>()?),
            paths: reader.read()?,
            findings: reader.read()?,
            scores: reader.read()?,
        })
    }

    /// The same of an analysis that is not stored.
    #[must_use]
    pub fn of(as_of: i64, tables: Tables, results: Results) -> Self {
        let Results { access, paths, findings, scores, .. } = results;
        Self { as_of, tables, access, paths, findings, scores }
    }

    /// Full ids of what an export defines.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<&str> {
        self.tables.entities.iter().filter(|entity| entity.present).map(|entity| entity.id.as_str()).collect()
    }

    /// The metrics of the given parts (every part, when none are given) over the entities that `keep` takes.
    ///
    /// # Errors
    /// When the query over the columns is refused.
    pub fn metrics(
        &self,
        config: &Config,
        cells: &[Cell],
        keep: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Metric>, MetricsError> {
        let kept: Vec<bool> = self.tables.entities.iter().map(|entity| keep(&entity.id)).collect();
        let is_kept = |entity: EntityId| kept.get(entity.index()).copied().unwrap_or(false);
        let findings: Vec<Finding> = self.findings.iter().filter(|row| is_kept(row.entity)).cloned().collect();
        self.with_context(config, |context| {
            let inputs =
                Inputs { exceptions: &self.tables.exceptions, ..Inputs::new(context, &self.scores, &findings) };
            // Parts are those of all entities, so that one from which everybody left is empty and not missing.
            let mut parts = Parts::new(&inputs);
            parts.0.retain(|cell, _| cells.is_empty() || cells.contains(cell));
            for part in parts.0.values_mut() {
                part.members.retain(|&member| is_kept(member));
            }
            table(&inputs, &parts)
        })
    }

    /// By entity: whether it is in a part.
    #[must_use]
    pub fn inside(&self, config: &Config, part: &Cell) -> Vec<bool> {
        self.with_context(config, |context| {
            let labelling = Labelling::new(context);
            self.tables.entities.iter().map(|entity| labelling.of(entity).cells().contains(part)).collect()
        })
    }

    fn with_context<T>(&self, config: &Config, ask: impl FnOnce(&Context<'_>) -> T) -> T {
        let zone: Vec<(EntityId, String)> = (self.tables.entities.iter().filter(|entity| entity.protected))
            .map(|entity| (entity.entity, entity.protected_reason.clone().unwrap_or_default()))
            .collect();
        let (hops_certain, hops_possible) = self.hops(&zone);
        let (exposure_in, reach) = self.reach();
        let removals = ClassTable::default();
        // No metric searches the graph.
        let land = Landscape::new(&self.tables, &[], &[], zone.clone());
        let asked = Asked::default();
        ask(&Context::new(Facts {
            tables: &self.tables,
            access: &self.access,
            removals: &removals,
            edges: &[],
            target_sets: &[],
            paths: &self.paths,
            choke_points: &[],
            minimum_cut: None,
            zone: &zone,
            hops_certain: &hops_certain,
            hops_possible: &hops_possible,
            exposure_in: &exposure_in,
            reach_weight_certain: &reach,
            land: &land,
            asked: &asked,
            administrator_mass: &|_| 0.0,
            as_of: self.as_of,
            config,
        }))
    }

    /// By entity: fewest certain and possible steps to the zone. A stored path that hangs on nothing is the shortest
    /// certain one; a conditional path is stored where it is shorter or the only one.
    fn hops(&self, zone: &[(EntityId, String)]) -> (Vec<Option<u32>>, Vec<Option<u32>>) {
        let nothing = vec![None; self.tables.entities.len()];
        let (mut certain, mut possible) = (nothing.clone(), nothing);
        let mut put = |entity: EntityId, hops: u32, sure: bool| {
            let at = entity.index();
            for list in [sure.then_some(&mut certain), Some(&mut possible)].into_iter().flatten() {
                if let Some(place) = list.get_mut(at) {
                    *place = Some(place.map_or(hops, |known| hops.min(known)));
                }
            }
        };
        for row in &self.paths {
            put(row.entity, row.hops, row.certainty == Certainty::Certain);
        }
        for (entity, _) in zone {
            put(*entity, 0, true);
        }
        (certain, possible)
    }

    fn reach(&self) -> (Vec<u32>, Vec<f64>) {
        let (mut exposure, mut reach) = (vec![0; self.tables.entities.len()], vec![0.0; self.tables.entities.len()]);
        for score in &self.scores {
            let at = score.entity.index();
            if at < exposure.len() {
                (exposure[at], reach[at]) = (score.exposure_in, score.blast_radius);
            }
        }
        (exposure, reach)
    }
}
