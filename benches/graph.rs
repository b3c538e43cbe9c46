//! The graph algorithms on attack graphs of growing size, sparse and dense, beside the libraries that a user could pick
//! instead, on the same arcs in the same run.
//!
//! `cargo bench --bench graph -- [--peers PYTHON] [--sizes 10000,100000,1000000] [--limit SECONDS] [--date YYYY-MM-DD]`
//!
//! The graphs come from a generator of graphs ([`support::attack`]) and not from a scan, which at a million principals
//! takes longer than all that is measured here. Each graph has a process of its own, so that its memory is its own.
//! PYTHON is an interpreter that has `numpy scipy python-igraph rustworkx networkit` (any of the libraries may be
//! missing, and the record says so): it is handed the same arcs and compares every answer with ours, number by number.
//! A library that would need more than the limit for an answer is timed on the first of its parts and the rest is
//! extrapolated, which is marked. Growth is the exponent of a power of the number of principals, fitted over all sizes
//! to wall-clock seconds. With `--date` the result is written to `benches/runs/`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench is a program that prints")]

mod support {
    pub mod attack;
    pub mod machine;
}

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use overgrant::graph::{
    Components, Condensation, Csr, Dominators, NodeSet, hops_to, minimum_cut, reach_weights, upstream_weights,
};
use serde::{Deserialize, Serialize};
use support::attack::{Attack, Shape, attack};
use support::machine;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Numbers of principals.
const SIZES: [u32; 3] = [10_000, 100_000, 1_000_000];
const SHAPES: [Shape; 2] = [Shape::Sparse, Shape::Dense];
/// Seed of all graphs.
const SEED: u64 = 1;
/// One in so many principals is where an attack starts for the minimum cut: with all of them the cut would be the arcs
/// into the zone and no more.
const FOOTHOLD: u32 = 100;
/// Seconds that one answer of a library may take before the rest is extrapolated.
const LIMIT: f64 = 60.0;
/// Budgets at a million principals, in seconds, of what is timed.
const BUDGETS: [(&str, f64); 6] = [
    ("components", 0.6),
    ("hops", 0.1),
    ("exposure", 1.5),
    ("impact", 45.0),
    ("choke points", 1.0),
    ("minimum cut", 8.0),
];
/// Budget of memory at a million principals, in bytes.
const MEMORY: f64 = 2e9;
/// Budget of the exponent of growth.
const GROWTH: f64 = 1.1;

/// What one graph came to.
#[derive(Serialize, Deserialize)]
struct Run {
    nodes: usize,
    principals: u32,
    arcs: usize,
    zone: usize,
    /// Principals outside the zone that reach it.
    exposed: u64,
    /// Seconds of each answer, wall-clock and processor.
    seconds: BTreeMap<String, (f64, f64)>,
    peak_bytes: u64,
    cut: u64,
}

/// What a library came to: an answer by its name.
#[derive(Deserialize)]
struct Peer {
    version: String,
    answers: BTreeMap<String, Answer>,
}

/// One answer of a library.
#[derive(Deserialize)]
struct Answer {
    seconds: f64,
    /// Share of the answer that was computed; below 1, the seconds are extrapolated.
    share: f64,
    /// Whether what was computed is what we say.
    equal: bool,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|one| one != "--bench").collect();
    if let [flag, shape, principals, folder] = &arguments[..]
        && flag == "--child"
    {
        let shape = SHAPES.into_iter().find(|one| one.name() == shape).ok_or("no such shape")?;
        println!("{}", serde_json::to_string(&child(shape, principals.parse()?, Path::new(folder))?)?);
        return Ok(());
    }
    let value = |flag: &str| arguments.iter().position(|one| one == flag).and_then(|at| arguments.get(at + 1));
    let sizes = match value("--sizes") {
        Some(list) => list.split(',').map(str::parse).collect::<Result<Vec<u32>, _>>()?,
        None => SIZES.to_vec(),
    };
    let limit = value("--limit").map_or(Ok(LIMIT), |text| text.parse())?;
    let command = format!("cargo bench --bench graph -- {}", shown(&arguments));
    let mut text = machine::description(command.trim_end_matches([' ', '-']));
    writeln!(text, "graphs   from benches/support/attack.rs, seed {SEED}; limit {limit} s an answer")?;
    let mut equal = true;
    for shape in SHAPES {
        let mut results = Vec::new();
        for &size in &sizes {
            let folder = machine::scratch().join(format!("graph-{}-{size}", shape.name()));
            fs::create_dir_all(&folder)?;
            let run = measured(shape, size, &folder)?;
            let peers = match value("--peers") {
                Some(python) => peers(python, &folder, limit)?,
                None => BTreeMap::new(),
            };
            fs::remove_dir_all(&folder)?;
            equal &= peers.values().flat_map(|peer| peer.answers.values()).all(|answer| answer.equal);
            results.push((run, peers));
        }
        table(shape, &results, &mut text)?;
        budgets(&results, &mut text)?;
    }
    print!("{text}");
    if let Some(date) = value("--date") {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/runs");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{date}-graph.txt")), &text)?;
    }
    if equal { Ok(()) } else { Err("an answer differs from a library's".into()) }
}

/// The arguments as the record shows them: of an interpreter, its name.
fn shown(arguments: &[String]) -> String {
    let name = |one: &String| PathBuf::from(one).file_name().map(|name| name.to_string_lossy().into_owned());
    arguments.iter().map(|one| name(one).unwrap_or_else(|| one.clone())).collect::<Vec<_>>().join(" ")
}

/// Seconds of a step, and what comes of it.
fn timed<T>(run: &mut Run, name: &str, step: impl FnOnce() -> T) -> T {
    let (since, cpu) = (Instant::now(), machine::cpu_seconds());
    let outcome = step();
    run.seconds.insert(name.to_owned(), (since.elapsed().as_secs_f64(), machine::cpu_seconds() - cpu));
    outcome
}

/// Measures one graph in this process, and leaves arcs and answers in a folder for others.
fn child(shape: Shape, principals: u32, folder: &Path) -> Outcome<Run> {
    let Attack { nodes, principals, arcs, zone } = attack(principals, shape, SEED);
    let nodes = nodes as usize;
    write_numbers(folder, "arcs", arcs.iter().flat_map(|&(src, dst)| [src, dst]).map(u64::from))?;
    write_numbers(folder, "zone", zone.iter().copied().map(u64::from))?;
    let (seconds, peak_bytes) = (BTreeMap::new(), 0);
    let mut run =
        Run { nodes, principals, arcs: arcs.len(), zone: zone.len(), exposed: 0, seconds, peak_bytes, cut: 0 };
    let forward = timed(&mut run, "build", || {
        Csr::from_arcs(nodes, arcs.iter().zip(0u32..).map(|(&(src, dst), edge)| (src, dst, edge)))
    });
    drop(arcs);
    let reverse = timed(&mut run, "reverse", || forward.reversed());
    let in_zone = NodeSet::from_members(nodes, zone.iter().copied());
    let outside = NodeSet::from_members(nodes, (0..principals).filter(|&node| !in_zone.contains(node)));

    let components = timed(&mut run, "components", || Components::new(&forward));
    write_numbers(folder, "components", components.of.iter().copied().map(u64::from))?;
    drop(components);

    let opaque = NodeSet::new(nodes);
    let hops = timed(&mut run, "hops", || hops_to(&reverse, &zone, &opaque, |_| true));
    write_numbers(folder, "hops", hops.distance.iter().copied().map(u64::from))?;
    run.exposed = outside.iter().filter(|&node| hops.of(node).is_some()).count() as u64;
    drop(hops);

    let condensed = timed(&mut run, "condensation", || Condensation::new(&forward));
    let weights: Vec<u32> = (0..).take(nodes).map(|node| u32::from(outside.contains(node))).collect();
    let exposure = timed(&mut run, "exposure", || upstream_weights(&condensed, &weights, &zone));
    write_numbers(folder, "exposure", exposure.into_iter())?;

    let dominators =
        timed(&mut run, "choke points", || Dominators::new(&reverse, &forward, &in_zone).unavoidable_for(&outside));
    write_numbers(folder, "choke points", dominators.into_iter())?;

    let footholds = NodeSet::from_members(nodes, outside.iter().filter(|&node| node % FOOTHOLD == FOOTHOLD / 2));
    write_numbers(folder, "footholds", footholds.iter().map(u64::from))?;
    let costs = vec![1; run.arcs];
    let cut = timed(&mut run, "minimum cut", || minimum_cut(&forward, &costs, &footholds, &in_zone));
    run.cut = cut.map_or(0, |cut| cut.value);
    write_numbers(folder, "minimum cut", std::iter::once(run.cut))?;

    let every: Vec<u32> = (0..).take(nodes).map(|node: u32| u32::from(node < principals)).collect();
    let impact = timed(&mut run, "impact", || reach_weights(&condensed, &every));
    write_numbers(folder, "impact", impact.into_iter())?;
    run.peak_bytes = machine::peak_bytes();
    fs::write(folder.join("about.json"), serde_json::to_string(&run)?)?;
    Ok(run)
}

/// Writes numbers as 64-bit words, lowest byte first, which others map into memory as they are.
fn write_numbers(folder: &Path, name: &str, numbers: impl Iterator<Item = u64>) -> Outcome<()> {
    use std::io::Write as _;
    let file = fs::File::create(folder.join(format!("{name}.u64")))?;
    let mut out = std::io::BufWriter::new(file);
    for number in numbers {
        out.write_all(&number.to_le_bytes())?;
    }
    Ok(out.flush()?)
}

fn measured(shape: Shape, size: u32, folder: &Path) -> Outcome<Run> {
    let mut command = Command::new(std::env::current_exe()?);
    let run = command.args(["--child", shape.name(), &size.to_string()]).arg(folder).output()?;
    if !run.status.success() {
        return Err(String::from_utf8_lossy(&run.stderr).into());
    }
    let run: Run = serde_json::from_slice(&run.stdout)?;
    eprintln!("{} {size}: {} arcs, {:?}", shape.name(), run.arcs, run.seconds);
    Ok(run)
}

/// The same answers by other libraries, compared with those in the folder.
fn peers(python: &str, folder: &Path, limit: f64) -> Outcome<BTreeMap<String, Peer>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/graph_peers.py");
    let run = Command::new(python).arg(script).arg(folder).arg(limit.to_string()).output()?;
    if !run.status.success() {
        return Err(String::from_utf8_lossy(&run.stderr).into());
    }
    let peers: BTreeMap<String, Peer> = serde_json::from_slice(&run.stdout)?;
    for (name, peer) in &peers {
        for (answer, found) in peer.answers.iter().filter(|(_, found)| !found.equal) {
            eprintln!("DIFFERENT: {answer} by {name} {}, {} of it", peer.version, found.share);
        }
    }
    Ok(peers)
}

type Results = [(Run, BTreeMap<String, Peer>)];

/// A table of seconds: ours, and of each library with how many times ours that is.
fn table(shape: Shape, results: &Results, text: &mut String) -> Outcome<()> {
    write!(text, "\n{:<26}", shape.name())?;
    for (run, _) in results {
        write!(text, " | {:>26}", format!("{} principals", run.principals))?;
    }
    write!(text, " | growth\n{:<26}", "nodes, arcs")?;
    for (run, _) in results {
        write!(text, " | {:>12} {:>13}", run.nodes, run.arcs)?;
    }
    write!(text, " |\n{:<26}", "protected, exposed")?;
    for (run, _) in results {
        write!(text, " | {:>12} {:>13}", run.zone, run.exposed)?;
    }
    write!(text, " |\n{:<26}", "minimum cut")?;
    for (run, _) in results {
        write!(text, " | {:>26}", run.cut)?;
    }
    write!(text, " |\n{:<26}", "memory, MB")?;
    for (run, _) in results {
        write!(text, " | {:>26.0}", run.peak_bytes as f64 / 1e6)?;
    }
    writeln!(text, " |{:>7.2}", growth(results, |run| run.peak_bytes as f64))?;
    let extra = ["build", "reverse", "condensation"];
    for name in extra.into_iter().chain(BUDGETS.map(|(name, _)| name)) {
        write!(text, "{name:<26}")?;
        for (run, _) in results {
            let (wall, cpu) = run.seconds.get(name).copied().unwrap_or_default();
            write!(text, " | {wall:>11.3} s {cpu:>8.3} cpu")?;
        }
        writeln!(text, " |{:>7.2}", growth(results, |run| run.seconds.get(name).map_or(0.0, |seconds| seconds.0)))?;
        let libraries = results.iter().flat_map(|(_, peers)| peers.keys());
        for library in libraries.collect::<std::collections::BTreeSet<_>>() {
            peer_row(library, name, results, text)?;
        }
    }
    writeln!(text, "(~ extrapolated from a part of the answer; ≠ not our answer)")?;
    Ok(())
}

/// What one library took for one answer, where it has it.
fn peer_row(library: &str, name: &str, results: &Results, text: &mut String) -> Outcome<()> {
    let answer = |peers: &BTreeMap<String, Peer>| -> Option<(String, f64, f64, bool)> {
        let peer = peers.get(library)?;
        let found = peer.answers.get(name)?;
        Some((peer.version.clone(), found.seconds, found.share, found.equal))
    };
    let Some(version) = results.iter().find_map(|(_, peers)| answer(peers)).map(|one| one.0) else { return Ok(()) };
    write!(text, "  {:<24}", format!("{library} {version}"))?;
    for (run, peers) in results {
        let own = run.seconds.get(name).map_or(f64::NAN, |seconds| seconds.0);
        match answer(peers) {
            Some((_, seconds, share, equal)) => {
                let mark = format!("{}{}", if share < 1.0 { "~" } else { "" }, if equal { "" } else { "≠" });
                write!(text, " | {:>11} s {:>8.1} ×  ", format!("{mark}{seconds:.3}"), seconds / own)?;
            }
            None => write!(text, " | {:>26}", "")?,
        }
    }
    writeln!(text, " |")?;
    Ok(())
}

/// Exponent of the power of the number of principals that a value grows with: the slope of a line through the
/// logarithms.
fn growth(results: &Results, value: impl Fn(&Run) -> f64) -> f64 {
    let points: Vec<(f64, f64)> =
        results.iter().map(|(run, _)| (f64::from(run.principals).ln(), value(run).max(1e-9).ln())).collect();
    let n = points.len() as f64;
    let (x, y) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let over: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    over / points.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>()
}

/// Budgets and whether this run kept them. They hold at a million principals; smaller sizes are not judged.
fn budgets(results: &Results, text: &mut String) -> Outcome<()> {
    let mut line = |what: &str, value: f64, limit: f64, unit: &str| {
        let verdict = if value <= limit { "met" } else { "MISSED" };
        writeln!(text, "{verdict:<7} {what}: {value:.2} {unit}, budget {limit} {unit}")
    };
    if let Some((run, _)) = results.iter().find(|(run, _)| run.principals >= 1_000_000) {
        for (name, limit) in BUDGETS {
            line(name, run.seconds.get(name).map_or(f64::NAN, |seconds| seconds.0), limit, "s")?;
        }
        line("memory", run.peak_bytes as f64 / 1e9, MEMORY / 1e9, "GB")?;
    }
    if results.len() >= 3 {
        // The impact of every principal is quadratic by its nature, and cut values grow with the zone: what grows with
        // the graph alone is held to it.
        for name in ["build", "components", "hops", "choke points"] {
            let exponent = growth(results, |run| run.seconds.get(name).map_or(0.0, |seconds| seconds.0));
            line(&format!("growth of {name}"), exponent, GROWTH, "")?;
        }
    }
    Ok(())
}
