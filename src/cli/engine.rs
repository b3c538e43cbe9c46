//! The only place of the command line that calls the engine: stores, the pipeline, queries, techniques.
//!
//! Commands see [`Snapshot`], model types and [`Failure`]s; what an error of a part means for the exit code is
//! decided here.

mod cuts;
pub mod effect;
pub mod gate;
pub mod history;
pub mod judged;
pub mod ledger;
mod material;
mod partial;
pub mod roles;
pub mod scoped;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::args::{SnapshotArgs, StoreArgs};
use super::exit::Exit;
use super::failure::Failure;
use crate::analysis::{self, Before, Earlier, creep};
use crate::config::Config;
use crate::findings::handoffs::Answer;
use crate::model::{
    Access, Coverage, Entity, EntityId, EntityKind, Finding, Issue, Metric, Record, Request, Results, Score, Source,
    Tables, Verdict, Workflow,
};
use crate::paths::Witnesses;
use crate::reports::material::Material;
use crate::reports::{Exposed, Exposure, View};
use crate::store::{self, Manifest, SnapshotReader, Store, StoreError, Verification};
use crate::techniques::{Library, Technique};

pub use cuts::{choke_points, cut_plan, load_for_plan};
pub use material::{Asked, gather, load_for_report};
pub use partial::{Partial, grant};

pub use crate::analysis::preflight::{Check, Preflight, Status as CheckStatus};
pub use crate::analysis::{Entitlements, Progress, Scan, ScanRequest, WitnessPath, WitnessStep};

/// One snapshot, as far as the command needs it.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Id.
    pub id: String,
    /// Time of its scan, milliseconds since 1970.
    pub as_of: i64,
    /// Files that it was read from.
    pub sources: Vec<Source>,
    /// Input tables; those that the command does not need are empty.
    pub tables: Tables,
    /// Computed tables; those that the command does not need are empty.
    pub results: Results,
    /// How much of what could be known is known.
    pub coverage: Vec<Coverage>,
    /// Who reaches what is protected; empty unless [`Snapshot::measure_exposure`] was called.
    pub exposure: Exposure,
    /// What its scan left out.
    pub incomplete: Vec<String>,
    /// What reports say beyond the tables; empty unless [`gather`] was called.
    pub material: Material,
}

/// Which tables a command needs. Reading fewer is what makes a question on a large store fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Entities and findings.
    Findings,
    /// Entities and scores.
    Scores,
    /// All input tables.
    Inputs,
    /// All input tables, and what principals may do.
    Access,
}

impl Snapshot {
    /// What reports look at.
    pub fn view(&self) -> View<'_> {
        View {
            snapshot: &self.id,
            as_of: self.as_of,
            sources: &self.sources,
            tables: &self.tables,
            results: &self.results,
            coverage: &self.coverage,
            exposure: &self.exposure,
            incomplete: &self.incomplete,
            material: &self.material,
        }
    }

    /// Counts who reaches the protected zone and each of its members.
    pub fn measure_exposure(&mut self) {
        self.exposure = exposure(&self.tables, &self.results);
    }

    fn of_manifest(manifest: Manifest) -> Self {
        Self {
            id: manifest.snapshot,
            as_of: manifest.as_of,
            sources: manifest.sources,
            coverage: manifest.coverage,
            incomplete: manifest.incomplete,
            ..Self::default()
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = if error.is_integrity() { Exit::Integrity } else { Exit::Input };
        Self { exit, message: error.to_string(), hint: error.hint().map(str::to_owned) }
    }
}

/// Opens a store that is there.
pub fn open(at: &StoreArgs) -> Result<Store, Failure> {
    if !at.store.exists() {
        return Err(Failure::new(Exit::Input, format!("there is no store at `{}`", at.store.display()))
            .hint("run `overgrant scan PATH` first, or name the folder with --store"));
    }
    Ok(Store::open(&at.store)?)
}

fn reader(at: &SnapshotArgs) -> Result<SnapshotReader, Failure> {
    open(&at.store)?.resolve(at.snapshot.as_deref()).map_err(|error| {
        // A name that is on no list was mistyped; everything else is about what is on the disk.
        let mistyped = matches!(error, StoreError::UnknownSnapshot { .. } | StoreError::AmbiguousSnapshot { .. });
        let failure = Failure::from(error);
        if mistyped { Failure { exit: Exit::Usage, ..failure } } else { failure }
    })
}

/// Manifests of all snapshots, oldest first.
pub fn manifests(at: &StoreArgs) -> Result<Vec<Manifest>, Failure> {
    Ok(open(at)?.snapshots()?)
}

/// Manifest of one snapshot.
pub fn manifest(at: &SnapshotArgs) -> Result<Manifest, Failure> {
    Ok(reader(at)?.manifest().clone())
}

/// Manifest of one snapshot with its issues.
pub fn issues(at: &SnapshotArgs) -> Result<(Manifest, Vec<Issue>), Failure> {
    let reader = reader(at)?;
    let issues = reader.read::<Issue>()?;
    Ok((reader.manifest().clone(), issues))
}

/// Rehashes every snapshot and the store's own files.
pub fn verify(at: &StoreArgs) -> Result<Vec<Verification>, Failure> {
    Ok(open(at)?.verify()?)
}

/// Removes all but the newest snapshots, or only says which would go.
pub fn prune(at: &StoreArgs, keep: usize, dry_run: bool) -> Result<Vec<String>, Failure> {
    Ok(open(at)?.writer()?.prune(keep, dry_run)?)
}

/// Reads a snapshot.
pub fn load(at: &SnapshotArgs, need: Need) -> Result<Snapshot, Failure> {
    let reader = reader(at)?;
    let mut snapshot = Snapshot::of_manifest(reader.manifest().clone());
    match need {
        Need::Findings => {
            snapshot.tables.entities = reader.read::<Entity>()?;
            snapshot.results.findings = reader.read::<Finding>()?;
        }
        Need::Scores => {
            snapshot.tables.entities = reader.read::<Entity>()?;
            snapshot.results.scores = reader.read::<Score>()?;
        }
        Need::Inputs => snapshot.tables = reader.tables()?,
        Need::Access => {
            snapshot.tables = reader.tables()?;
            snapshot.results.access = reader.read::<Access>()?.into();
        }
    }
    Ok(snapshot)
}

/// What a change is measured from, with its metrics: the baseline where one is set, else the snapshot before; `None`
/// for the first of a store without a baseline.
pub fn compared(at: &StoreArgs, parent: Option<&str>) -> Result<Option<(String, Vec<Metric>)>, Failure> {
    let store = open(at)?;
    let baseline = store.tags()?.contains_key(history::BASELINE);
    let (called, name) = match (baseline, parent) {
        (true, _) => ("the baseline", history::BASELINE),
        (false, Some(parent)) => ("the snapshot before,", parent),
        (false, None) => return Ok(None),
    };
    let reader = store.resolve(Some(name))?;
    Ok(Some((format!("{called} {}", reader.id()), reader.read::<Metric>()?)))
}

/// Reads a configuration file; the built-in one when there is none.
pub fn config(path: Option<&Path>) -> Result<Config, Failure> {
    let parsed = match path {
        None => Config::embedded(),
        Some(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| Failure::file(Exit::Usage, "read", path, &error))?;
            Config::parse(&text, &path.display().to_string())
        }
    };
    parsed.map_err(|error| {
        Failure::usage(format!("the configuration cannot be used: {error}"))
            .hint("docs/configuration.md lists every key with its default")
    })
}

/// Reads and measures, and compares with the newest snapshot of an earlier time; nothing is stored yet.
pub fn scan(at: &StoreArgs, request: &ScanRequest, progress: &dyn Progress) -> Result<Scan, Failure> {
    progress.stage("history", None);
    let store = Store::open_or_create(&at.store)?;
    let before = match store.before(request.as_of)? {
        Some(reader) => {
            let tables = Tables { entities: reader.read::<Entity>()?, ..Tables::default() };
            let recorded = ledger::recorded(at, &reader, request.as_of)?;
            let earlier = earlier(&reader, &tables)?;
            Some((tables, reader.read::<Finding>()?, history::past(&store, request)?, recorded, earlier))
        }
        None => None,
    };
    let before = before.as_ref().map(|(tables, findings, past, recorded, earlier)| Before {
        tables,
        findings,
        past: Some(past),
        recorded: recorded.as_ref(),
        earlier: earlier.as_ref(),
    });
    analysis::scan(request, before, progress).map_err(|error| {
        let exit = if error.is_usage() { Exit::Usage } else { Exit::Input };
        Failure { exit, message: error.to_string(), hint: error.hint() }
    })
}

/// What agents held in a snapshot, of which the entities are read; `None` where it has none.
fn earlier(reader: &SnapshotReader, named: &Tables) -> Result<Option<Earlier>, Failure> {
    let agent = |entity: &Entity| entity.kind == EntityKind::Agent;
    if reader.read::<Workflow>()?.is_empty() && !named.entities.iter().any(agent) {
        return Ok(None);
    }
    let tables = reader.tables()?;
    let keys: Vec<u32> = creep::watched(&tables).into_iter().map(|entity| entity.0).collect();
    let access = reader.read_keys::<Access>("entity", &keys)?;
    Ok(Some(Earlier::new(reader.manifest().as_of, &tables, &access)))
}

/// Stores a scan. Gives the snapshot and the id of the one before.
pub fn commit(at: &StoreArgs, scan: Scan, as_of: i64) -> Result<(Snapshot, Option<String>), Failure> {
    let store = Store::open_or_create(&at.store)?;
    let manifest = store.writer()?.commit(store::Commit {
        as_of,
        engine_version: env!("CARGO_PKG_VERSION"),
        config_digest: scan.config_digest,
        tables: &scan.tables,
        results: &scan.results,
        incomplete: scan.incomplete,
    })?;
    let parent = manifest.parent.clone();
    let snapshot = Snapshot { tables: scan.tables, results: scan.results, ..Snapshot::of_manifest(manifest) };
    Ok((snapshot, parent))
}

/// Writes rows as a Parquet file of their own.
pub fn write_parquet<R: Record>(path: &Path, rows: &[R]) -> Result<(), Failure> {
    store::write_table(path, rows)?;
    Ok(())
}

/// Judges whether the sources of a snapshot are fit to draft changes from.
pub fn preflight(snapshot: &Snapshot, config: &Config) -> Preflight {
    analysis::preflight::run(&snapshot.tables, &snapshot.sources, snapshot.as_of, config)
}

/// Answers one question.
pub fn decide(snapshot: &Snapshot, request: &Request) -> Verdict {
    analysis::decide(&snapshot.tables, snapshot.as_of, request)
}

/// Every action that a principal may call, with the statements that grant it.
pub fn entitlements(snapshot: &Snapshot, principal: EntityId) -> Entitlements {
    analysis::entitlements(&snapshot.tables, snapshot.as_of, principal)
}

/// Everyone whose answer is not a plain no.
pub fn who_can(
    snapshot: &Snapshot,
    action: &str,
    resource: &str,
    context: &BTreeMap<String, Vec<String>>,
    strict: bool,
) -> Vec<(EntityId, Verdict)> {
    let anyone = Request { context: context.clone(), strict, ..Request::new(EntityId(0), action, resource) };
    analysis::who_can(&snapshot.tables, snapshot.as_of, &anyone)
}

/// Shortest paths from a principal to a target, or to the protected zone, and whether a limit ended the search.
pub fn witness_paths(snapshot: &Snapshot, from: EntityId, to: Option<EntityId>, count: usize) -> Witnesses {
    analysis::witness_paths(&snapshot.tables, &snapshot.results, from, to, count)
}

/// Whether an agent comes to a privileged change past every human approval; `None` for what is no agent.
pub fn approvals(snapshot: &Snapshot, principal: EntityId) -> Option<Answer> {
    analysis::agents::approvals(&snapshot.tables, &snapshot.results, snapshot.as_of, principal)
}

/// Whether a principal is an agent.
pub fn is_agent(tables: &Tables, principal: EntityId) -> bool {
    crate::findings::agents::agents(tables).iter().any(|agent| agent.principal == principal)
}

fn exposure(tables: &Tables, results: &Results) -> Exposure {
    let counted = |row: &crate::paths::Exposed| Exposed {
        principals: row.principals,
        certain: row.exposed_certain,
        possible: row.exposed_possible,
    };
    let exposure = analysis::exposure(tables, results);
    let of_target = |row: &crate::paths::Exposed| Some((row.target?, counted(row)));
    Exposure { zone: counted(&exposure.zone), targets: exposure.targets.iter().filter_map(of_target).collect() }
}

/// Names of actions that the catalogue knows, besides those that statements of the export write out.
pub fn catalogued_actions(tables: &Tables) -> Vec<String> {
    let here = |name: &str| tables.entities.iter().any(|entity| entity.platform == name);
    let platforms = crate::platforms::ALL.iter().filter(|platform| here(platform.name()));
    platforms.flat_map(|platform| platform.actions()).map(str::to_owned).collect()
}

/// An escalation technique as shown to a person.
#[derive(Debug, Clone, Default)]
pub struct TechniqueCard {
    /// Id, and name of its file.
    pub id: String,
    /// One line.
    pub name: String,
    /// Registry name of the platform.
    pub platform: String,
    /// Kind of technique.
    pub category: String,
    /// What the attacker does and gets.
    pub summary: String,
    /// Labelled lists: services, requirements, target, needs, gain, references, examples.
    pub details: Vec<(&'static str, Vec<String>)>,
}

/// What one example of a technique came to.
#[derive(Debug, Clone)]
pub struct TechniqueCheck {
    /// Technique.
    pub id: String,
    /// What the example is about.
    pub example: String,
    /// Why it fails; `None` when it holds.
    pub failure: Option<String>,
}

fn library(extra: &[PathBuf]) -> Result<Library, Failure> {
    Library::with(extra)
        .map_err(|error| Failure::usage(error.to_string()).hint("datasets/techniques/README.md describes the format"))
}

/// Built-in techniques and those of the folders, sorted by id.
pub fn techniques(extra: &[PathBuf]) -> Result<Vec<TechniqueCard>, Failure> {
    Ok(library(extra)?.techniques.iter().map(card).collect())
}

fn card(technique: &Technique) -> TechniqueCard {
    let needs = technique.needs.iter().map(|need| match &need.whose {
        Some(whose) => format!("an existing {} ({whose})", need.existing),
        None => format!("an existing {}", need.existing),
    });
    let requires = technique.requires.iter().map(ToString::to_string);
    TechniqueCard {
        id: technique.id.clone(),
        name: technique.name.clone(),
        platform: technique.platform.clone(),
        category: technique.category.clone(),
        summary: technique.summary.split_whitespace().collect::<Vec<_>>().join(" "),
        details: vec![
            ("services", technique.services.clone()),
            ("actors", technique.actors.iter().map(ToString::to_string).collect()),
            ("requires", requires.collect()),
            ("target", technique.target.iter().map(ToString::to_string).collect()),
            ("needs", needs.collect()),
            ("gain", vec![technique.gain.to_string()]),
            ("mitre", technique.mitre.clone()),
            ("references", technique.references.clone()),
            ("examples", technique.examples.iter().map(|example| example.about.clone()).collect()),
        ],
    }
}

/// Runs the examples of all techniques through readers and engine.
pub fn check_techniques(extra: &[PathBuf]) -> Result<Vec<TechniqueCheck>, Failure> {
    let checks = analysis::examples::check(&library(extra)?);
    let shown = |check: analysis::examples::Checked| TechniqueCheck {
        id: check.technique,
        example: check.about,
        failure: check.failure,
    };
    Ok(checks.into_iter().map(shown).collect())
}
