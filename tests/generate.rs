//! Generated organisations: what their truth says is planted is found, nothing else by the rules that it calls
//! complete, as many principals are there and have a path as it says; and the same request gives the same bytes.
//!
//! Everything that is expected here comes from the file of truth, which the generator writes as it makes the exports
//! and without asking the engine anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use overgrant::generate::{self, EXPORTS, Preset, Request, TRUTH, Watch};
use overgrant::model::text::parse_time;
use overgrant::model::{Certainty, ChokeKind, EntityId, Finding};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::analysed::{AS_OF, Analysed};
use crate::cli;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Truth {
    format: u32,
    principals: usize,
    seed: u64,
    preset: String,
    as_of: String,
    complete: Vec<String>,
    planted: Vec<Planted>,
    #[serde(default)]
    sound: Vec<Sound>,
    count: Vec<Count>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Planted {
    kind: String,
    what: String,
    principal: String,
    rule: Option<String>,
    technique: Option<String>,
    certainty: Option<String>,
    #[serde(default)]
    through: Vec<String>,
    unavoidable_for: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sound {
    what: String,
    principal: String,
    rule: Option<String>,
    #[serde(default)]
    path: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    platform: String,
    principals: usize,
    exposed: usize,
}

#[derive(Default)]
struct Counted(AtomicUsize);

impl Watch for Counted {
    fn platform(&self, _: &'static str, _: usize) {}

    fn written(&self, principals: usize) {
        self.0.fetch_add(principals, Ordering::Relaxed);
    }
}

/// Platforms that are written and read.
fn platforms() -> &'static [&'static str] {
    static BOTH: OnceLock<Vec<&str>> = OnceLock::new();
    BOTH.get_or_init(|| {
        let read = |name: &&str| overgrant::platforms::ALL.iter().any(|platform| platform.name() == *name);
        let both: Vec<&str> = generate::platforms().into_iter().filter(read).collect();
        assert!(both.starts_with(&["aws", "kubernetes"]));
        both
    })
}

fn request(principals: usize, seed: u64, preset: Preset) -> Request<'static> {
    Request { principals, seed, preset, as_of: parse_time(AS_OF).expect("a date"), platforms: platforms() }
}

/// An organisation in a folder of its own, and the truth about it.
fn organisation(request: &Request<'_>) -> (tempfile::TempDir, Truth) {
    let folder = tempfile::tempdir().expect("a folder");
    let watch = Counted::default();
    let summary = generate::generate(request, folder.path(), &watch).expect("the folder is ours");
    let text = fs::read_to_string(folder.path().join(TRUTH)).expect("there is a truth");
    let truth: Truth = toml::from_str(&text).expect("the truth is well formed");
    let written: usize = summary.platforms.iter().map(|(_, principals, _)| principals).sum();
    assert_eq!((written, watch.0.into_inner()), (request.principals, request.principals));
    assert_eq!((summary.planted, summary.sound), (truth.planted.len(), truth.sound.len()));
    assert_eq!((truth.format, truth.principals, truth.seed), (1, request.principals, request.seed));
    assert_eq!((truth.preset.as_str(), parse_time(&truth.as_of)), (request.preset.name(), Some(request.as_of)));
    (folder, truth)
}

/// Whom a finding is about: its entity, and all that it groups or names.
fn about<'a>(scan: &'a Analysed, finding: &Finding) -> BTreeSet<&'a str> {
    let subjects = finding.subjects.iter().map(|&subject| EntityId(subject));
    let all = std::iter::once(finding.entity).chain(subjects);
    all.filter(|&one| scan.tables().entity(one).is_principal()).map(|one| scan.id(one)).collect()
}

#[test]
fn what_is_planted_is_found_and_nothing_else_is_by_rules_that_are_complete() {
    let mut kinds = BTreeSet::new();
    for (principals, seed, preset) in [
        (400, 1, Preset::Sparse),
        (400, 7, Preset::Dense),
        (700, 2026, Preset::Sparse),
        (600, 31, Preset::Dense),
        (10, 1, Preset::Sparse),
        (37, 5, Preset::Dense),
    ] {
        let (folder, truth) = organisation(&request(principals, seed, preset));
        let scan = Analysed::new(vec![folder.path().join(EXPORTS)], AS_OF, None).expect("it can be scanned");
        assert_eq!(scan.scan.incomplete, [""; 0], "seed {seed}: everything is read");
        let mut wrong: Vec<String> = Vec::new();
        for one in &truth.planted {
            kinds.insert(one.kind.clone());
            wrong.extend(one.check(&scan).err().map(|why| format!("{} {}: {why}", one.principal, one.what)));
        }
        for one in &truth.sound {
            wrong.extend(one.check(&scan).err().map(|why| format!("{} {}: {why}", one.principal, one.what)));
        }
        wrong.extend(truth.unexpected(&scan));
        wrong.extend(truth.miscounted(&scan));
        assert!(wrong.is_empty(), "{principals} {preset:?} seed {seed}: {} wrong\n{}", wrong.len(), wrong.join("\n"));
    }
    let expected = ["administrator", "choke-point", "credential", "escalation", "excess", "leaver", "orphan"];
    let more = ["segregation", "trust"];
    assert_eq!(kinds, expected.iter().chain(&more).map(|kind| (*kind).to_owned()).collect());
}

impl Planted {
    fn check(&self, scan: &Analysed) -> Result<(), String> {
        let principal = scan.find(&self.principal)?;
        match (&self.rule, &self.technique, self.unavoidable_for) {
            (Some(rule), None, None) => {
                let found = scan.findings(rule, None);
                if found.iter().any(|one| about(scan, one).contains(self.principal.as_str())) {
                    return Ok(());
                }
                Err(format!("`{rule}` does not find it"))
            }
            (None, Some(technique), None) => self.path(scan, principal, technique),
            (None, None, Some(unavoidable_for)) => {
                let points = scan.scan.results.choke_points.iter();
                let node = points.filter(|point| point.kind == ChokeKind::Node).find(|point| point.entity == principal);
                let found = node.map_or(0, |node| node.unavoidable_for);
                if found == unavoidable_for { Ok(()) } else { Err(format!("it is unavoidable for {found}")) }
            }
            _ => Err("a fact is about a rule, a path or a choke point".to_owned()),
        }
    }

    /// The witness is among the shortest paths, every node of it.
    fn path(&self, scan: &Analysed, principal: EntityId, technique: &str) -> Result<(), String> {
        let paths = scan.paths(principal, None);
        let is_witness = |path: &&overgrant::analysis::WitnessPath| {
            let nodes: Vec<&str> = path.steps.iter().map(|step| scan.id(step.to)).collect();
            let by = path.steps.first().is_some_and(|step| step.technique == technique);
            by && Some(path.certainty.as_str()) == self.certainty.as_deref() && nodes == self.through
        };
        match paths.iter().find(is_witness) {
            Some(_) => Ok(()),
            None => Err(format!("no path by {technique} through {:?}; the first is {:?}", self.through, paths.first())),
        }
    }
}

impl Sound {
    fn check(&self, scan: &Analysed) -> Result<(), String> {
        let principal = scan.find(&self.principal)?;
        if let Some(rule) = &self.rule {
            let found = scan.findings(rule, None).iter().any(|one| about(scan, one).contains(self.principal.as_str()));
            return if found { Err(format!("`{rule}` finds it")) } else { Ok(()) };
        }
        assert!(self.path, "a fact is about either a rule or a path");
        let paths = scan.paths(principal, None);
        if paths.is_empty() && !scan.tables().entity(principal).protected { Ok(()) } else { Err(format!("{paths:?}")) }
    }
}

impl Truth {
    /// Principals that a complete rule finds and that nothing is planted for.
    fn unexpected(&self, scan: &Analysed) -> Vec<String> {
        let mut planted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for one in &self.planted {
            planted.entry(one.rule.as_deref().unwrap_or_default()).or_default().insert(&one.principal);
        }
        let mut unexpected = Vec::new();
        for rule in &self.complete {
            assert!(overgrant::findings::ALL.iter().any(|one| one.info().id == rule), "there is no rule `{rule}`");
            let none = BTreeSet::new();
            let expected = planted.get(rule.as_str()).unwrap_or(&none);
            for finding in scan.findings(rule, None) {
                let others = about(scan, finding);
                // A finding about somebody who answers for others says who in its entity.
                let names_owner = rule == "orphaned-nhi" && !finding.subjects.is_empty();
                let owner = scan.id(finding.entity);
                for one in others.into_iter().filter(|one| !expected.contains(one)) {
                    if !(names_owner && one == owner) {
                        unexpected.push(format!("`{rule}` finds {one}: {}", finding.title));
                    }
                }
            }
        }
        unexpected
    }

    /// Platforms of which the scan sees other numbers of principals, or of principals with a certain path.
    fn miscounted(&self, scan: &Analysed) -> Vec<String> {
        let mut found: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let entities = scan.tables().entities.iter();
        let exposed: BTreeSet<EntityId> = (scan.scan.results.paths.iter())
            .filter(|path| path.certainty == Certainty::Certain)
            .map(|path| path.entity)
            .collect();
        for entity in entities.filter(|entity| entity.is_principal() && !entity.is_account_root()) {
            let counts = found.entry(&entity.platform).or_default();
            counts.0 += 1;
            counts.1 += usize::from(exposed.contains(&entity.entity));
        }
        let expected: BTreeMap<&str, (usize, usize)> =
            self.count.iter().map(|one| (one.platform.as_str(), (one.principals, one.exposed))).collect();
        let differ = expected.iter().filter(|(platform, counts)| found.get(*platform) != Some(*counts));
        let mut wrong: Vec<String> = differ
            .map(|(platform, counts)| format!("{platform}: {counts:?}, found {:?}", found.get(platform)))
            .collect();
        wrong.extend(found.keys().filter(|one| !expected.contains_key(*one)).map(|one| format!("{one}: not written")));
        wrong
    }
}

/// Digest of every file of a folder by its path.
fn digests(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let digest = hex::encode(Sha256::digest(fs::read(&path).expect("a file")));
            files.insert(path.strip_prefix(folder).expect("it is inside").to_owned(), digest);
        }
    }
    files
}

#[test]
fn the_same_request_gives_the_same_bytes_with_any_number_of_threads() {
    let with_threads = |threads: usize, request: &Request| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let (folder, _) = pool.install(|| organisation(request));
        digests(folder.path())
    };
    let base = request(3_000, 11, Preset::Dense);
    let first = with_threads(1, &base);
    assert!(first.len() > 20, "it has many parts: {}", first.len());
    assert_eq!(with_threads(4, &base), first);
    // Who is there does not hang on how many reach the zone.
    for (other, share) in [(Request { seed: 12, ..base }, 0.2), (Request { preset: Preset::Sparse, ..base }, 0.8)] {
        let differs = with_threads(2, &other);
        let same = differs.iter().filter(|(path, digest)| first.get(*path) == Some(digest)).count();
        let most = share * differs.len() as f64;
        assert!((same as f64) < most, "{same} of {} files are the same for {other:?}", differs.len());
    }
}

#[test]
fn a_dense_organisation_has_many_ways_into_the_zone_and_a_sparse_one_few() {
    for (preset, least, most) in [(Preset::Sparse, 0, 10), (Preset::Dense, 30, 60)] {
        let (_folder, truth) = organisation(&request(5_000, 3, preset));
        let exposed: usize = truth.count.iter().map(|one| one.exposed).sum();
        let pct = 100 * exposed / truth.principals;
        assert!((least..most).contains(&pct), "{preset:?}: {pct} %");
    }
}

#[test]
fn a_folder_with_something_in_it_is_refused_and_real_exports_are_never_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |more: &[&str]| {
        let arguments = [&["generate", "--principals", "20", "--out", "org"], more].concat();
        let output = cli::run(folder.path(), &arguments);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(run(&[]), (Some(0), String::new()));
    let first = digests(&folder.path().join("org"));
    let (code, said) = run(&["--seed", "2"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("`org` is not empty") && said.contains("--force"), "{said}");
    assert_eq!(digests(&folder.path().join("org")), first, "nothing was touched");
    fs::write(folder.path().join("org/notes.txt"), "mine").expect("the folder is ours");
    assert_eq!(run(&["--seed", "2", "--force"]).0, Some(0));
    let second = digests(&folder.path().join("org"));
    assert!(second.contains_key(Path::new("notes.txt")), "what is not ours stays");
    let accounts = |all: &BTreeMap<PathBuf, String>| -> BTreeSet<PathBuf> {
        all.keys().filter(|path| path.ends_with("authorization-details.json")).cloned().collect()
    };
    assert!(accounts(&first).is_disjoint(&accounts(&second)), "nothing of the first organisation is left");

    // Exports that nobody generated.
    fs::write(folder.path().join("org").join(TRUTH), "[[mine]]\n").expect("the folder is ours");
    let before = digests(&folder.path().join("org"));
    let (code, said) = run(&["--force"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("no organisation was generated there"), "{said}");
    assert_eq!(digests(&folder.path().join("org")), before);
}

#[test]
fn sizes_that_cannot_be_made_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for n in ["9", "10000001"] {
        let output = cli::run(folder.path(), &["generate", "--out", "org", "--principals", n]);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("--principals"));
        assert!(!folder.path().join("org").exists());
    }
}
