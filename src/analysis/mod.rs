//! The pipeline: the one place that knows the order of the steps.
//!
//! [`scan`] reads, evaluates, searches and measures; the queries below answer one question on tables that a store
//! handed back. Nothing here reads a clock or a store: the time and the snapshot before are handed in.

pub mod agents;
pub mod asked;
pub mod creep;
pub mod cuts;
pub mod examples;
pub mod preflight;
mod recorded;
mod role_gap;
mod usage;
pub mod writers;

use std::path::PathBuf;

pub use creep::Earlier;
pub use recorded::Recorded;

use crate::access::{Evaluators, Granted, Settings};
use crate::config::Config;
use crate::findings::{
    self, Asked, Context, Facts, Frameworks, agent_scope_creep, exceptions, history, lifecycle, unexplained_change,
};
use crate::metrics::history::past::Past;
use crate::metrics::{self, Cut, Inputs, RoleComplexity};
use crate::model::{
    AccessTable, Certainty, Coverage, EntityId, Exception, Finding, IssueSeverity, Request, Results, Score, Tables,
    Verdict,
};
use crate::paths::{self, Exposure, Landscape, Window, Witnesses};
use crate::platforms::{self, input};
use crate::roles;
use crate::scores;
use crate::techniques::{AttackGraph, Library, TechniqueError, attack_graph_watched};

pub use crate::paths::{WitnessPath, WitnessStep};

/// What a scan is told.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// Time of the scan, in milliseconds since 1970.
    pub as_of: i64,
    /// Folders of private techniques.
    pub techniques: Vec<PathBuf>,
    pub config: Config,
}

/// What a scan found.
#[derive(Debug, Clone)]
pub struct Scan {
    pub tables: Tables,
    pub results: Results,
    /// What was left out, in words; empty when nothing was.
    pub incomplete: Vec<String>,
    /// Digest of the configuration and the techniques.
    pub config_digest: String,
}

/// Why a scan ended without a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    #[error("nothing to scan: no file in {paths} is an export that is known{}", listed(.troubles))]
    NothingRecognised { paths: String, troubles: Vec<String> },
    #[error("nothing to measure: no file in {paths} defines a user, a role or another principal{}", listed(.troubles))]
    NoPrincipal { paths: String, troubles: Vec<String> },
    #[error(transparent)]
    Technique(#[from] TechniqueError),
    #[error("framework data: {0}")]
    Frameworks(#[from] findings::FrameworkError),
    #[error(transparent)]
    Metrics(#[from] metrics::MetricsError),
}

/// Files named in an error.
const TROUBLES_LISTED_N: usize = 10;

/// Troubles as lines of their own, the first few of them.
fn listed(troubles: &[String]) -> String {
    let mut text = String::new();
    for trouble in troubles.iter().take(TROUBLES_LISTED_N) {
        text += &format!("\n  {trouble}");
    }
    if troubles.len() > TROUBLES_LISTED_N {
        text += &format!("\n  … and {} more", troubles.len() - TROUBLES_LISTED_N);
    }
    text
}

impl ScanError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NothingRecognised { .. } => {
                let readers = platforms::ALL.iter().flat_map(|platform| platform.readers());
                let known: Vec<&str> = readers.map(|reader| reader.title()).collect();
                return Some(format!("give one of these, or a folder that holds them:\n  {}", known.join("\n  ")));
            }
            Self::NoPrincipal { .. } => {
                "add an export that does, such as the output of `aws iam get-account-authorization-details`, whole and \
                 without `--filter`, or of `kubectl get` for roles, bindings and service accounts"
            }
            Self::Technique(_) => "see datasets/techniques/README.md for the format",
            Self::Frameworks(_) | Self::Metrics(_) => return None,
        };
        Some(text.to_owned())
    }

    /// Whether the caller's flags or configuration are to blame, and not the input.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Technique(_))
    }
}

/// Takes note of how far a scan is.
pub trait Progress: Sync {
    /// A stage begins, of so many steps where that is known.
    fn stage(&self, name: &str, total: Option<u64>);
    /// The stage that runs has so many steps, which it did not know when it began.
    fn expect(&self, _total: u64) {}
    /// The stage that runs has so many steps at most.
    fn expect_at_most(&self, _total: u64) {}
    /// So many steps are done.
    fn advance(&self, n: u64);
    /// The stage is over.
    fn finish(&self);
}

/// Progress that nobody looks at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Progress for Unwatched {
    fn stage(&self, _name: &str, _total: Option<u64>) {}
    fn advance(&self, _n: u64) {}
    fn finish(&self) {}
}

/// Tables and findings of the snapshot before, and what all earlier ones found.
#[derive(Debug, Clone, Copy)]
pub struct Before<'b> {
    pub tables: &'b Tables,
    pub findings: &'b [Finding],
    /// For the metrics over time; null ones without it.
    pub past: Option<&'b Past>,
    /// What the ledger says; nothing is held against it without one.
    pub recorded: Option<&'b Recorded>,
    /// What agents held then; nothing is compared with it without one.
    pub earlier: Option<&'b Earlier>,
}

/// Reads files and folders into one snapshot's tables. Gives the number of files that some reader took as well.
fn read(request: &ScanRequest, progress: &dyn Progress) -> (Tables, usize) {
    progress.stage("reading", None);
    let reading = input::read_all(&request.paths, platforms::ALL, &|read| {
        progress.expect(read.total);
        progress.advance(1);
    });
    let recognised = reading.recognised();
    let mut tables = reading.join(platforms::ALL);
    for platform in platforms::ALL {
        platform.at(&mut tables, request.as_of);
    }
    request.config.apply_labels(&mut tables);
    crate::access::domains::inherit(&mut tables);
    progress.finish();
    (tables, recognised)
}

/// Refuses input of which nothing can be measured: an empty result would look like a clean one.
fn refuse_nothing(request: &ScanRequest, recognised: usize, tables: &Tables) -> Result<(), ScanError> {
    if recognised > 0 && tables.entities.iter().any(crate::model::Entity::is_principal) {
        return Ok(());
    }
    let shown: Vec<String> = request.paths.iter().map(|path| format!("`{}`", path.display())).collect();
    let paths = shown.join(", ");
    let mut troubles = Vec::new();
    if tables.sources.is_empty() {
        troubles.push("there is no file at all".to_owned());
    }
    for (source, at) in tables.sources.iter().zip(0u32..) {
        let mut issues = tables.issues.iter().filter(|issue| issue.source.is_some_and(|source| source.0 == at));
        match issues.find(|issue| issue.severity != IssueSeverity::Note) {
            Some(issue) if recognised > 0 => troubles.push(format!("`{}`: {}", source.path, issue.message)),
            Some(issue) => troubles.push(issue.message.clone()),
            None => troubles.push(format!("`{}` ({}): {} records", source.path, source.kind, source.records)),
        }
    }
    Err(match recognised {
        0 => ScanError::NothingRecognised { paths, troubles },
        _ => ScanError::NoPrincipal { paths, troubles },
    })
}

/// Reads and measures everything.
///
/// # Errors
/// When no file is an export that is known, none defines a principal, or a technique cannot be used.
pub fn scan(request: &ScanRequest, before: Option<Before<'_>>, progress: &dyn Progress) -> Result<Scan, ScanError> {
    let library = Library::own(&request.techniques)?;
    let (mut tables, recognised) = read(request, progress);
    refuse_nothing(request, recognised, &tables)?;
    let library = library.for_platforms(|platform| tables.entities.iter().any(|one| one.platform == platform))?;
    let mut results = Results::default();
    progress.stage("permissions", None);
    let evaluators = Evaluators::new(&tables, Settings { as_of: request.as_of });
    let classes = evaluators.classes_n();
    progress.expect(classes);
    results.access = evaluators.access_watched(&|n| progress.advance(n));
    results.removals = usage::observe(&tables, request.as_of, &request.config, &evaluators, &mut results.access);
    let role_gaps = role_gap::gaps(&tables, &evaluators);
    progress.stage("techniques", Some(classes));
    let AttackGraph { edges, target_sets, administrators, assists, complete: joined } =
        attack_graph_watched(&tables, &evaluators, &library, &|n| progress.advance(n));
    let masses: Vec<(&str, f64)> =
        evaluators.iter().map(|(name, evaluator)| (name, evaluator.administrator_mass())).collect();
    let asked = writers::ask(&tables, &evaluators, &edges, asked::ask(&tables, &evaluators));
    drop(evaluators);
    results.edges = edges;
    results.target_sets = target_sets;
    results.assists = assists;
    let zone = paths::zone(&tables, &administrators, &request.config.protected_entities(&tables));
    for (entity, reason) in &zone {
        let entity = &mut tables.entities[entity.index()];
        entity.protected = true;
        entity.protected_reason = Some(reason.clone());
    }
    progress.stage("paths", None);
    let ready = Ready { tables: &tables, library: &library, zone, asked, masses: &masses };
    let Measured { exceptions, counted } = measure(request, before, ready, progress, &mut results)?;
    tables.issues.extend(exceptions::issues(&exceptions));
    tables.exceptions = exceptions;
    scores::fill_role_gaps(&mut results.scores, &role_gaps);
    progress.finish();
    results.coverage = coverage(&tables, &results, request.config.thresholds.usage_window_days);
    let mut incomplete = incomplete(&tables);
    if !joined {
        incomplete.push("together: a limit ended the search for what principals can do together".to_owned());
    }
    if !counted {
        incomplete.push("choke-points: a limit ended the recounts, and some are missing".to_owned());
    }
    let config_digest = request.config.digest();
    Ok(Scan { tables, results, incomplete, config_digest })
}

/// What the attack graph is finished with.
struct Ready<'a> {
    tables: &'a Tables,
    library: &'a Library,
    zone: Vec<(EntityId, String)>,
    asked: Asked,
    /// Privilege mass of each platform's full administrator.
    masses: &'a [(&'a str, f64)],
}

/// What [`measure`] finds besides the results.
struct Measured {
    /// As this scan judges them.
    exceptions: Vec<Exception>,
    /// Whether every choke point was counted.
    counted: bool,
}

/// Everything that looks at the finished attack graph.
fn measure(
    request: &ScanRequest,
    before: Option<Before<'_>>,
    Ready { tables, library, zone, asked, masses }: Ready<'_>,
    progress: &dyn Progress,
    results: &mut Results,
) -> Result<Measured, ScanError> {
    let land = Landscape::new(tables, &results.edges, &results.target_sets, zone);
    results.paths = land.witness_paths();
    let window = Window::new(tables, cuts::window_from(request.as_of, &request.config));
    let choked = land.choked(library, &window, &cuts::keep(tables, &request.config));
    (results.choke_points, results.minimum_cut) = (choked.choke_points, choked.minimum_cut);
    let (hops_certain, hops_possible) = (land.hops(Certainty::Certain), land.hops(Certainty::Conditional));
    let administrator_mass =
        |platform: &str| masses.iter().find(|(name, _)| *name == platform).map_or(0.0, |(_, mass)| *mass);
    let facts = Facts {
        tables,
        access: &results.access,
        removals: &results.removals,
        edges: &results.edges,
        target_sets: &results.target_sets,
        paths: &results.paths,
        choke_points: &results.choke_points,
        minimum_cut: results.minimum_cut,
        zone: &land.zone,
        hops_certain: &hops_certain,
        hops_possible: &hops_possible,
        exposure_in: &land.exposure_in(),
        reach_weight_certain: &land.blast_radius(),
        land: &land,
        asked: &asked,
        administrator_mass: &administrator_mass,
        as_of: request.as_of,
        config: &request.config,
    };
    progress.stage("findings", None);
    let context = Context::new(facts);
    let frameworks = Frameworks::embedded()?;
    let mut findings = findings::run(&context, &frameworks).findings;
    let recorded = before.and_then(|before| Some(before.recorded?.compare(tables, &before)));
    if let Some(recorded) = &recorded {
        unexplained_change::apply(&context, &frameworks, &recorded.unexplained, &mut findings);
    }
    if let Some((before, earlier)) = before.and_then(|before| Some((before, before.earlier?))) {
        let creeps = earlier.compare(tables, &results.access, &before);
        agent_scope_creep::apply(&context, &frameworks, &creeps, &mut findings);
    }
    let judged = exceptions::apply(&context, &frameworks, &mut findings);
    if let Some(before) = before {
        let known = history::recall(before.findings, before.tables, tables);
        history::carry_over(&known, &mut findings, tables);
        exceptions::settle(&known, &mut findings);
    }
    let orphans = lifecycle::orphans(&context);
    progress.stage("scores", None);
    let scores::Outcome { scores, peers } = scores::measure(&context);
    progress.stage("metrics", None);
    let inputs = Inputs {
        exceptions: &judged,
        cut: cut(results.choke_points.len(), results.minimum_cut),
        roles: role_complexity(tables, &results.access, &request.config),
        past: before.and_then(|before| before.past),
        recorded: recorded.as_ref().map(|recorded| &recorded.counted),
        ..Inputs::new(&context, &scores, &findings)
    };
    let metrics = metrics::all(&inputs)?;
    (results.findings, results.scores, results.metrics) = (findings, scores, metrics);
    results.orphans = orphans;
    results.peers = peers;
    Ok(Measured { exceptions: judged, counted: choked.complete })
}

/// The numbers of the cut, where both are known.
fn cut(choke_points: usize, minimum: Option<u64>) -> Option<Cut> {
    let (choke_points, minimum) = (u32::try_from(choke_points).ok()?, u32::try_from(minimum?).ok()?);
    Some(Cut { choke_points: f64::from(choke_points), minimum: f64::from(minimum) })
}

/// Principals up to which every scan looks for the fewest roles; beyond, `roles suggest` does when it is asked.
const MINED_PRINCIPALS_MAX: usize = 2_000;

/// Complexity of the roles as they are and as they could be.
fn role_complexity(tables: &Tables, access: &AccessTable, config: &Config) -> Option<RoleComplexity> {
    if tables.entities.iter().filter(|entity| entity.is_principal()).count() > MINED_PRINCIPALS_MAX {
        return None;
    }
    let entropy = roles::entropy(tables, access, None, &config.roles)?;
    Some(RoleComplexity { now: entropy.before, mined: entropy.after })
}

/// What was left out, in words: one line for each kind of issue that costs something.
fn incomplete(tables: &Tables) -> Vec<String> {
    let mut counts: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for issue in tables.issues.iter().filter(|issue| issue.severity != IssueSeverity::Note) {
        *counts.entry(&issue.code).or_default() += 1;
    }
    counts.into_iter().map(|(code, count)| format!("{code}: {count}")).collect()
}

/// How much of what could be known is known.
fn coverage(tables: &Tables, results: &Results, window_days: u32) -> Vec<Coverage> {
    let principals: Vec<_> = tables.entities.iter().filter(|entity| entity.is_principal()).collect();
    let share = |name: &str, known: &dyn Fn(&crate::model::Entity) -> bool| Coverage {
        name: name.to_owned(),
        known: principals.iter().filter(|entity| known(entity)).count() as u64,
        of: principals.len() as u64,
    };
    let with = |entities: &mut dyn Iterator<Item = EntityId>| {
        let mut list: Vec<EntityId> = entities.collect();
        list.sort_unstable();
        list.dedup();
        list
    };
    let credentials = with(&mut tables.credentials.iter().map(|row| row.entity));
    let full = |score: &&Score| score.window_days.is_some_and(|days| days + 1 >= window_days);
    let watched = with(&mut results.scores.iter().filter(full).map(|score| score.entity));
    vec![
        share("classified", &|entity| entity.nhi.is_some()),
        share("created", &|entity| entity.created_at.is_some()),
        share("credentials", &|entity| credentials.binary_search(&entity.entity).is_ok()),
        share("last_used", &|entity| entity.last_used_at.is_some()),
        share("owner", &|entity| entity.owner.is_some()),
        share("usage", &|entity| results.removals.class(entity.entity).is_some()),
        share("usage_window", &|entity| watched.binary_search(&entity.entity).is_ok()),
    ]
}

/// Answers one question.
#[must_use]
pub fn decide(tables: &Tables, as_of: i64, request: &Request) -> Verdict {
    Evaluators::new(tables, Settings { as_of }).decide(request)
}

/// What a principal may do, action by action.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entitlements {
    /// In the order of services and levels, as in the access table.
    pub rows: Vec<Granted>,
    /// Privilege mass of the platform's full administrator.
    pub administrator_mass: f64,
}

/// Every action that a principal may call, with the statements that grant it; nothing for what is no principal.
#[must_use]
pub fn entitlements(tables: &Tables, as_of: i64, principal: EntityId) -> Entitlements {
    let entity = tables.entity(principal);
    let evaluators = Evaluators::new(tables, Settings { as_of });
    let Some(evaluator) = evaluators.of(&entity.platform).filter(|_| entity.is_principal()) else {
        return Entitlements::default();
    };
    Entitlements { rows: evaluator.granted(principal), administrator_mass: evaluator.administrator_mass() }
}

/// Asks the same question for every principal; those that are plainly denied are left out.
#[must_use]
pub fn who_can(tables: &Tables, as_of: i64, request: &Request) -> Vec<(EntityId, Verdict)> {
    Evaluators::new(tables, Settings { as_of }).who_can(request)
}

/// Shortest paths from a principal to a target, or to the protected zone.
#[must_use]
pub fn witness_paths(
    tables: &Tables,
    results: &Results,
    from: EntityId,
    to: Option<EntityId>,
    count: usize,
) -> Witnesses {
    stored(tables, results).paths(from, to, count)
}

/// Edges of the shortest paths, of whose rows only ends and certainty are looked at, and whether a limit ended the search.
#[must_use]
pub fn route_edges(
    tables: &Tables,
    results: &Results,
    from: EntityId,
    to: Option<EntityId>,
    count: usize,
) -> (Vec<u32>, bool) {
    stored(tables, results).route_edges(from, to, count)
}

/// Who reaches the protected zone and each of its members.
#[must_use]
pub fn exposure(tables: &Tables, results: &Results) -> Exposure {
    stored(tables, results).exposure()
}

fn stored<'s>(tables: &'s Tables, results: &'s Results) -> Landscape<'s> {
    Landscape::new(tables, &results.edges, &results.target_sets, Landscape::stored_zone(tables))
}
