//! A scan of AWS accounts of growing size, stage by stage, against the budgets of the engine.
//!
//! `cargo bench --bench aws -- [--date YYYY-MM-DD] [--sizes 1000,5000,20000]`
//!
//! The account is one export many times over ([`support::replicate`]): the one that `OVERGRANT_SHARED` has, else a
//! committed one. Each size runs in a process of its own, so that its memory is its own, and is compared with a floor
//! that the same process measures: the same bytes skipped over by the same parser. With `--date` the result is written
//! to `benches/runs/`. Growth is the exponent of a power of the number of roles, fitted over all sizes to processor
//! seconds, which other users of the machine disturb least.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench is a program that prints")]

mod support;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use overgrant::analysis::{self, Scan, ScanRequest};
use overgrant::config::Config;
use overgrant::model::{Certainty, Entity, EntityKind};
use overgrant::store::{Commit, Store};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use support::machine;
use support::replicate::Base;
use support::stages::{Stopwatch, Took};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Time of every scan, 2026-11-22: results do not depend on when they were measured.
const AS_OF: i64 = 1_795_305_600_000;
/// Numbers of roles.
const SIZES: [usize; 3] = [1_000, 5_000, 20_000];
/// Copies with which the replicated account's answer is compared with the base's.
const CHECKED_COPIES: usize = 3;
/// Runs of a query or a whole scan, of which the median counts.
const RUNS: usize = 5;
const MB: f64 = 1e6;

/// What one size came to.
#[derive(Serialize, Deserialize)]
struct Run {
    roles: usize,
    principals: usize,
    bytes: u64,
    /// Seconds that the parser needs to skip over the same bytes, and to make a tree of them.
    skip_s: f64,
    tree_s: f64,
    stages: Vec<Took>,
    peak_bytes: u64,
    rows: BTreeMap<String, usize>,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|one| one != "--bench").collect();
    if let [flag, export, store] = &arguments[..]
        && flag == "--child"
    {
        println!("{}", serde_json::to_string(&child(Path::new(export), Path::new(store))?)?);
        return Ok(());
    }
    let value = |flag: &str| arguments.iter().position(|one| one == flag).and_then(|at| arguments.get(at + 1));
    let sizes = match value("--sizes") {
        Some(list) => list.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>()?,
        None => SIZES.to_vec(),
    };
    let command = format!("cargo bench --bench aws -- {}", arguments.join(" "));
    let mut text = machine::description(command.trim_end_matches([' ', '-']));
    let (name, path) = base_export();
    writeln!(text, "account  {name}\n")?;
    let base = Base::read(&path)?;
    fs::create_dir_all(machine::scratch())?;
    checked(&base)?;
    whole_scan(&path, &mut text)?;
    let mut runs = Vec::new();
    let mut largest = None;
    for &size in &sizes {
        let (export, store) = prepare(&base, size)?;
        runs.push(measured(&export, &store)?);
        largest = Some(store);
    }
    tables(&runs, &mut text)?;
    if let Some((store, run)) = largest.zip(runs.last()) {
        queries(&base, &store, run, &mut text)?;
    }
    budgets(&runs, &mut text)?;
    print!("{text}");
    if let Some(date) = value("--date") {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/runs");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{date}-aws.txt")), &text)?;
    }
    Ok(())
}

/// The export that is copied, and its name for the record.
fn base_export() -> (&'static str, PathBuf) {
    if let Some(shared) = std::env::var_os("OVERGRANT_SHARED") {
        let real = Path::new(&shared).join("data/aws/iam-vulnerable.json");
        if real.exists() {
            return ("iam-vulnerable.json", real);
        }
    }
    let committed = "tests/cases/aws_nhi_evidence/export/details.json";
    (committed, Path::new(env!("CARGO_MANIFEST_DIR")).join(committed))
}

fn prepare(base: &Base, roles: usize) -> Outcome<(PathBuf, PathBuf)> {
    let copies = roles.div_ceil(base.roles().max(1));
    let export = machine::scratch().join(format!("aws-{roles}.json"));
    let store = machine::scratch().join(format!("aws-{roles}-store"));
    base.write(copies, &export)?;
    if store.exists() {
        fs::remove_dir_all(&store)?;
    }
    Ok((export, store))
}

fn scan(export: &Path, watch: &Stopwatch) -> Outcome<Scan> {
    let request = ScanRequest {
        paths: vec![export.to_owned()],
        as_of: AS_OF,
        techniques: Vec::new(),
        config: Config::embedded()?,
    };
    Ok(analysis::scan(&request, None, watch)?)
}

/// Measures one export in this process.
fn child(export: &Path, store: &Path) -> Outcome<Run> {
    let watch = Stopwatch::default();
    let scan = scan(export, &watch)?;
    watch.next(Some("store commit"));
    Store::open_or_create(store)?.writer()?.commit(Commit {
        as_of: AS_OF,
        engine_version: env!("CARGO_PKG_VERSION"),
        config_digest: scan.config_digest.clone(),
        tables: &scan.tables,
        results: &scan.results,
        incomplete: scan.incomplete.clone(),
    })?;
    watch.next(Some("exposure"));
    std::hint::black_box(analysis::exposure(&scan.tables, &scan.results));
    let stages = watch.stop();
    let peak_bytes = machine::peak_bytes();
    let entities = &scan.tables.entities;
    let rows = [
        ("entities", entities.len()),
        ("statements", scan.tables.grants.len()),
        ("access", scan.results.access.len()),
        ("edges", scan.results.edges.len()),
        ("evidence of edges", scan.results.edges.iter().map(|edge| edge.evidence.len()).sum()),
        ("target sets", scan.results.target_sets.len()),
        ("paths", scan.results.paths.len()),
        ("findings", scan.results.findings.len()),
    ];
    let bytes = fs::read(export)?;
    Ok(Run {
        roles: entities.iter().filter(|entity| entity.present && entity.kind == EntityKind::Role).count(),
        principals: entities.iter().filter(|entity| entity.is_principal()).count(),
        bytes: bytes.len() as u64,
        skip_s: fastest(|| serde_json::from_slice::<IgnoredAny>(&bytes).map(drop))?,
        tree_s: fastest(|| serde_json::from_slice::<serde_json::Value>(&bytes).map(drop))?,
        stages,
        peak_bytes,
        rows: rows.map(|(name, count)| (name.to_owned(), count)).into(),
    })
}

/// Seconds of the fastest of a few runs: a floor has no business waiting for others.
fn fastest<E: Error + 'static>(run: impl Fn() -> Result<(), E>) -> Outcome<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let since = Instant::now();
        run()?;
        best = best.min(since.elapsed().as_secs_f64());
    }
    Ok(best)
}

fn measured(export: &Path, store: &Path) -> Outcome<Run> {
    let run = Command::new(std::env::current_exe()?).arg("--child").arg(export).arg(store).output()?;
    if !run.status.success() {
        return Err(String::from_utf8_lossy(&run.stderr).into());
    }
    let run: Run = serde_json::from_slice(&run.stdout)?;
    eprintln!("{} roles: {:.2} s", run.roles, total(&run).wall_s);
    Ok(run)
}

/// What a scan says, in numbers that a copied account must have that many times.
fn answer(scan: &Scan) -> BTreeMap<String, usize> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |what: String| *counts.entry(what).or_default() += 1;
    // Of copies in one account there is one root user.
    let own = |entity: &&Entity| entity.is_principal() && !entity.id.ends_with(":root");
    for entity in scan.tables.entities.iter().filter(own) {
        count(format!("{} protected: {}", entity.kind, entity.protected));
    }
    for path in &scan.results.paths {
        let certain = path.certainty == Certainty::Certain;
        count(format!("path of {} steps, certain: {certain}", path.hops));
    }
    let of_principals = |id| scan.tables.entity(id).is_principal();
    for finding in scan.results.findings.iter().filter(|finding| of_principals(finding.entity)) {
        count(format!("{} {}", finding.rule, finding.severity));
    }
    counts
}

/// Holds the replicator to its promise: every count of the base, as many times as there are copies.
fn checked(base: &Base) -> Outcome<()> {
    let mut answers = Vec::new();
    for copies in [1, CHECKED_COPIES] {
        let export = machine::scratch().join(format!("aws-checked-{copies}.json"));
        base.write(copies, &export)?;
        answers.push(answer(&scan(&export, &Stopwatch::default())?));
    }
    let expected: BTreeMap<String, usize> =
        answers[0].iter().map(|(what, count)| (what.clone(), count * CHECKED_COPIES)).collect();
    if expected.is_empty() || expected != answers[1] {
        let said = format!("{CHECKED_COPIES} copies should say\n{expected:#?}\nand say\n{:#?}", answers[1]);
        return Err(said.into());
    }
    Ok(())
}

/// The base itself through the program, from start to end.
fn whole_scan(export: &Path, text: &mut String) -> Outcome<()> {
    let store = machine::scratch().join("aws-base-store");
    let mut times = Vec::new();
    for _ in 0..RUNS {
        if store.exists() {
            fs::remove_dir_all(&store)?;
        }
        let as_of = ["--as-of", "2026-11-22"];
        times.push(program(&[&["scan", &export.to_string_lossy()], &as_of[..]].concat(), &store)?);
    }
    writeln!(text, "the export itself, whole program: {:.3} s (budget 0.3)\n", median(times))?;
    Ok(())
}

/// Seconds that the program takes.
fn program(arguments: &[&str], store: &Path) -> Outcome<f64> {
    let since = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_overgrant"));
    let status =
        command.args(arguments).arg("--store").arg(store).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let took = since.elapsed().as_secs_f64();
    // 3 is an export that lacks something, which is as the export is.
    if matches!(status.code(), Some(0 | 3)) {
        Ok(took)
    } else {
        Err(format!("{arguments:?} ended with {status}").into())
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Questions to the stored snapshot of the largest size, start-up included.
fn queries(base: &Base, store: &Path, run: &Run, text: &mut String) -> Outcome<()> {
    let principals = base.principals(1);
    let (Some(user), Some(role)) = (principals.first(), principals.last()) else { return Ok(()) };
    let questions: [&[&str]; 5] = [
        &["can", user, "iam:PassRole", role],
        &["who-can", "iam:PassRole", role],
        &["paths", user],
        &["explain", user],
        &["explain", role],
    ];
    writeln!(text, "\nquestions to the stored snapshot of {} principals, start-up included", run.principals)?;
    for question in questions {
        let times: Outcome<Vec<f64>> = (0..RUNS).map(|_| program(question, store)).collect();
        writeln!(text, "  {:<8} {:6.0} ms (budget 200 at 100,000)", question[0], median(times?) * 1e3)?;
    }
    Ok(())
}

fn total(run: &Run) -> Took {
    let mut total = Took { stage: "total".to_owned(), ..Took::default() };
    for took in &run.stages {
        total.wall_s += took.wall_s;
        total.cpu_s += took.cpu_s;
    }
    total.peak_bytes = run.peak_bytes;
    total
}

/// One table of times with ratios and growth, one of rows.
fn tables(runs: &[Run], text: &mut String) -> Outcome<()> {
    write!(text, "{:<18}", "roles")?;
    for run in runs {
        write!(text, " | {:>30}", run.roles)?;
    }
    write!(text, " | growth\n{:<18}", "principals, MB")?;
    for run in runs {
        write!(text, " | {:>19} {:>7.1} MB", run.principals, run.bytes as f64 / MB)?;
    }
    write!(text, " |\n{:<18}", "")?;
    for _ in runs {
        write!(text, " | {:>7} {:>7} {:>7} {:>6}", "s", "cpu s", "× floor", "MB")?;
    }
    writeln!(text, " |")?;
    for (name, time) in
        [("floor: skipping", Run::skip), ("parsing to a tree", Run::tree)] as [(&str, fn(&Run) -> f64); 2]
    {
        write!(text, "{name:<18}")?;
        for run in runs {
            write!(text, " | {:>7.3} {:>7.3} {:>7.1} {:>6}", time(run), time(run), time(run) / run.skip_s, "")?;
        }
        writeln!(text, " |{:>7.2}", growth(runs, time))?;
    }
    let names = runs.first().map(|run| run.stages.iter().map(|took| took.stage.clone()).collect::<Vec<_>>());
    for name in names.unwrap_or_default().iter().map(String::as_str).chain(["total"]) {
        write!(text, "{name:<18}")?;
        for run in runs {
            let took = run.took(name);
            let peak = took.peak_bytes as f64 / MB;
            write!(text, " | {:>7.3} {:>7.3} {:>7.1} {peak:>6.0}", took.wall_s, took.cpu_s, took.wall_s / run.skip_s)?;
        }
        writeln!(text, " |{:>7.2}", growth(runs, |run| run.took(name).cpu_s))?;
    }
    writeln!(text)?;
    for name in runs.first().map(|run| run.rows.keys()).into_iter().flatten() {
        write!(text, "{name:<18}")?;
        for run in runs {
            write!(text, " | {:>30}", run.rows.get(name).copied().unwrap_or_default())?;
        }
        writeln!(text, " |{:>7.2}", growth(runs, |run| run.rows.get(name).map_or(0.0, |&count| count as f64)))?;
    }
    Ok(())
}

impl Run {
    fn skip(&self) -> f64 {
        self.skip_s
    }

    fn tree(&self) -> f64 {
        self.tree_s
    }

    fn took(&self, stage: &str) -> Took {
        let found = self.stages.iter().find(|took| took.stage == stage);
        found.cloned().unwrap_or_else(|| total(self))
    }
}

/// Exponent of the power of the number of roles that a value grows with: the slope of a line through the logarithms.
fn growth(runs: &[Run], value: impl Fn(&Run) -> f64) -> f64 {
    let points: Vec<(f64, f64)> = runs.iter().map(|run| ((run.roles as f64).ln(), value(run).max(1e-9).ln())).collect();
    let n = points.len() as f64;
    let (x, y) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let over: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    over / points.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>()
}

/// Budgets and whether this run kept them.
fn budgets(runs: &[Run], text: &mut String) -> Outcome<()> {
    writeln!(text)?;
    let mut line = |what: String, value: f64, limit: f64, unit: &str| {
        let verdict = if value <= limit { "met" } else { "MISSED" };
        writeln!(text, "{verdict:<7} {what}: {value:.2} {unit}, budget {limit} {unit}")
    };
    for run in runs {
        let reading = run.took("reading").wall_s / run.skip_s;
        line(format!("{} roles, reading over skipping", run.roles), reading, 3.0, "times")?;
        let (seconds, megabytes) = match run.roles {
            5_000..20_000 => (2.0, None),
            20_000.. => (6.0, Some(600.0)),
            _ => continue,
        };
        line(format!("{} roles, scan and store", run.roles), total(run).wall_s, seconds, "s")?;
        if let Some(limit) = megabytes {
            line(format!("{} roles, memory", run.roles), run.peak_bytes as f64 / MB, limit, "MB")?;
        }
    }
    Ok(())
}
