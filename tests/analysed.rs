//! An export through the whole pipeline, and the questions that expectations ask of what comes out.

use std::collections::BTreeSet;
use std::path::PathBuf;

use overgrant::analysis::{self, Progress, Scan, ScanRequest, WitnessPath};
use overgrant::config::Config;
use overgrant::model::text::parse_time;
use overgrant::model::{Certainty, Edge, EntityId, Finding, Tables};

/// Time at which everything is measured that names no other.
pub const AS_OF: &str = "2026-11-22";
/// Paths that are looked at when a certain first step is wanted.
const PATHS_N: usize = 200;

/// A scan and what it was measured at.
pub struct Analysed {
    pub scan: Scan,
    pub as_of: i64,
}

struct Silent;

impl Progress for Silent {
    fn stage(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {}
}

/// One edge as an analyst sees it: target sets expanded.
pub struct Step<'e> {
    pub edge: &'e Edge,
    pub to: Vec<EntityId>,
}

impl Analysed {
    /// Scans files and folders with a configuration; the default one when there is none.
    pub fn new(paths: Vec<PathBuf>, as_of: &str, config: Option<&str>) -> Result<Self, String> {
        let as_of = parse_time(as_of).ok_or_else(|| format!("`{as_of}` is no time"))?;
        let config = match config {
            Some(text) => Config::parse(text, "config.toml"),
            None => Config::embedded(),
        };
        let config = config.map_err(|error| error.to_string())?;
        let request = ScanRequest { paths, as_of, techniques: Vec::new(), config };
        let scan = analysis::scan(&request, None, &Silent).map_err(|error| error.to_string())?;
        Ok(Self { scan, as_of })
    }

    pub fn tables(&self) -> &Tables {
        &self.scan.tables
    }

    /// The entity of an id.
    pub fn find(&self, id: &str) -> Result<EntityId, String> {
        self.tables().find(id).ok_or_else(|| format!("there is no entity `{id}`"))
    }

    pub fn id(&self, entity: EntityId) -> &str {
        &self.tables().entity(entity).id
    }

    /// Shortest paths to an entity, or to the protected zone: certain ones first.
    pub fn paths(&self, from: EntityId, to: Option<EntityId>) -> Vec<WitnessPath> {
        analysis::witness_paths(self.tables(), &self.scan.results, from, to, PATHS_N).paths
    }

    /// Everything that leaves an entity.
    pub fn steps(&self, from: EntityId) -> Vec<Step<'_>> {
        let entities = self.tables().entities.len();
        let leaving = |node: u32| self.scan.results.edges.iter().filter(move |edge| edge.src == node);
        let targets = |edge: &Edge| {
            if (edge.dst as usize) < entities {
                return vec![EntityId(edge.dst)];
            }
            leaving(edge.dst).map(|inner| EntityId(inner.dst)).collect()
        };
        leaving(from.0).map(|edge| Step { edge, to: targets(edge) }).collect()
    }

    /// Techniques of the first step of the paths to the zone that are as sure as said.
    pub fn first_techniques(&self, from: EntityId, certainty: Certainty) -> BTreeSet<String> {
        let paths = self.paths(from, None);
        let first = paths.iter().filter(|path| path.certainty == certainty).filter_map(|path| path.steps.first());
        first.map(|step| step.technique.clone()).collect()
    }

    /// Findings of a rule about an entity, or about a cause that affects it with others; about anyone when none is given.
    pub fn findings(&self, rule: &str, entity: Option<EntityId>) -> Vec<&Finding> {
        let all = self.scan.results.findings.iter();
        let affected = |finding: &Finding, entity: EntityId| {
            finding.entity == entity || (finding.affected_n > 1 && finding.subjects.contains(&entity.0))
        };
        all.filter(|finding| finding.rule == rule && entity.is_none_or(|entity| affected(finding, entity))).collect()
    }
}
