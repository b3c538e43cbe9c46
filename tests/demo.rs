//! The demo: what its generator planted in each of the twelve weeks is what the rules find, rule by rule; the committed
//! files are what the generator writes; and the weeks in one store tell the story that they were made to tell.
//!
//! Everything that is expected comes from the file of truth, which the generator writes from how it makes the exports.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use overgrant::analysis::Scan;
use overgrant::context::{Scope, World, pack};
use overgrant::generate::{EXPORTS, TRUTH, Watch, demo};
use overgrant::model::{EntityId, Finding, Severity};
use serde::Deserialize;
use serde_json::Value;

use crate::analysed::{AS_OF, Analysed};
use crate::cli;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Truth {
    format: u32,
    preset: String,
    weeks: Vec<String>,
    event: Vec<Event>,
    planted: Vec<Block>,
    sound: Vec<Block>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    week: String,
    what: String,
}

/// A rule finds a principal, or does not, in the exports from one date to another.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    rule: String,
    principal: String,
    what: String,
    since: String,
    until: Option<String>,
}

impl Block {
    /// Dates in this form are in the order of their texts.
    fn holds(&self, week: &str) -> bool {
        self.since.as_str() <= week && self.until.as_deref().is_none_or(|until| week <= until)
    }
}

/// Rules whose findings name all that they are about: the others' subjects are something else, such as a role that
/// would do in place of a key.
const GROUPED: [&str; 6] = [
    "leaver-access",
    "orphaned-nhi",
    "partially-offboarded",
    "sod-conflict",
    "third-party-principal",
    "stale-exception",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets")
}

fn truth() -> Truth {
    let text = fs::read_to_string(root().join("demo-truth.toml")).expect("there is a truth");
    toml::from_str(&text).expect("the truth is well formed")
}

/// Where the exports of a week are: the newest lies open.
fn exports(truth: &Truth, week: &str) -> PathBuf {
    let newest = truth.weeks.last().is_some_and(|last| last == week);
    if newest { root().join("demo") } else { root().join(format!("demo-history/{week}.zip")) }
}

/// Whom a finding is about.
fn about(scan: &Analysed, finding: &Finding) -> BTreeSet<String> {
    if finding.rule == "stale-exception" {
        // It is about a decision, which its first words name.
        return finding.title.split('`').nth(1).map(str::to_owned).into_iter().collect();
    }
    let of_cause = finding.affected_n > 1 || GROUPED.contains(&finding.rule.as_str());
    let subjects = finding.subjects.iter().map(|&subject| EntityId(subject)).filter(|_| of_cause);
    // What nobody answers for is no human being's, whose owner the finding may be told about.
    let owner = finding.rule == "orphaned-nhi" && scan.tables().entity(finding.entity).nhi != Some(true);
    let entity = (!owner).then_some(finding.entity);
    let all = entity.into_iter().chain(subjects).filter(|&one| scan.tables().entity(one).is_principal());
    all.map(|one| scan.id(one).to_owned()).collect()
}

#[derive(Default)]
struct Tally {
    right: usize,
    missed: usize,
    wrong: usize,
}

fn share(part: usize, other: usize) -> String {
    if part + other == 0 { "-".to_owned() } else { format!("{:.3}", part as f64 / (part + other) as f64) }
}

#[test]
fn every_rule_finds_what_was_planted_in_each_week_and_nothing_else() {
    let truth = truth();
    assert_eq!((truth.format, truth.preset.as_str(), truth.weeks.len()), (1, demo::NAME, 12));
    assert!(truth.event.iter().all(|event| truth.weeks.contains(&event.week) && !event.what.is_empty()));
    let mut tallies: BTreeMap<&str, Tally> =
        overgrant::findings::ALL.iter().map(|rule| (rule.info().id, Tally::default())).collect();
    let mut told = Vec::new();
    for week in &truth.weeks {
        let scan = Analysed::new(vec![exports(&truth, week)], week, None).expect("it can be scanned");
        assert_eq!(scan.scan.incomplete, [""; 0], "{week}: everything is read");
        let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for finding in &scan.scan.results.findings {
            let rule = overgrant::findings::ALL.iter().find(|one| one.info().id == finding.rule).expect("a rule");
            found.entry(rule.info().id).or_default().extend(about(&scan, finding));
        }
        for (rule, tally) in &mut tallies {
            let planted: BTreeSet<&str> = (truth.planted.iter())
                .filter(|one| one.rule == *rule && one.holds(week))
                .map(|one| one.principal.as_str())
                .collect();
            let none = BTreeSet::new();
            let found = found.get(rule).unwrap_or(&none);
            for one in &planted {
                if found.contains(*one) {
                    tally.right += 1;
                } else {
                    tally.missed += 1;
                    told.push(format!("{week} `{rule}` misses {one}"));
                }
            }
            for one in found.iter().filter(|one| !planted.contains(one.as_str())) {
                tally.wrong += 1;
                told.push(format!("{week} `{rule}` finds {one}"));
            }
        }
        for one in truth.sound.iter().filter(|one| one.holds(week)) {
            let found = found.get(one.rule.as_str()).is_some_and(|all| all.contains(&one.principal));
            assert!(!found, "{week}: `{}` finds {}, but: {}", one.rule, one.principal, one.what);
        }
    }
    println!("{:<32} {:>8} {:>7} {:>6} {:>7} {:>9}", "rule", "planted", "missed", "wrong", "recall", "precision");
    for (rule, tally) in &tallies {
        let (recall, precision) = (share(tally.right, tally.missed), share(tally.right, tally.wrong));
        let planted = tally.right + tally.missed;
        println!("{rule:<32} {planted:>8} {:>7} {:>6} {recall:>7} {precision:>9}", tally.missed, tally.wrong);
    }
    assert!(told.is_empty(), "{} differences:\n{}", told.len(), told.join("\n"));
    // Of this one there is something to find only in a store with a ledger: `tests/ledger.rs` has that.
    tallies.remove("unexplained-change");
    // This one compares with an earlier snapshot, and the weeks are scanned one by one here: `tests/agents.rs` has two.
    tallies.remove("agent-scope-creep");
    // Of this one the demo has nothing: no assistant in it can do what it may only propose. `tests/cases/workflows_03_*` has.
    tallies.remove("agent-propose-only");
    let untried: Vec<&str> = tallies.iter().filter(|(_, tally)| tally.right == 0).map(|(rule, _)| *rule).collect();
    assert_eq!(untried, [""; 0], "every rule has something planted for it");
    assert!(truth.sound.len() >= 20);
}

struct Silent;

impl Watch for Silent {
    fn platform(&self, _: &'static str, _: usize) {}

    fn written(&self, _: usize) {}
}

/// Every file below a folder, by its path in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).expect("a file");
                files.insert(path.strip_prefix(folder).expect("it is inside").to_owned(), bytes);
            }
        }
    }
    files
}

#[test]
fn the_committed_demo_is_what_the_generator_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = demo::generate(folder.path(), &Silent).expect("the folder is ours");
    let principals: usize = summary.platforms.iter().map(|(_, principals, _)| principals).sum();
    assert!((400..=700).contains(&principals), "{principals}");
    let pairs = [(EXPORTS, "demo"), (demo::HISTORY, "demo-history")];
    let mut bytes = 0;
    for (made, kept) in pairs {
        let (made, kept) = (files(&folder.path().join(made)), files(&root().join(kept)));
        let names = |all: &BTreeMap<PathBuf, Vec<u8>>| all.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&made), names(&kept));
        let differ: Vec<&PathBuf> = made.iter().filter(|(name, text)| kept[*name] != **text).map(|one| one.0).collect();
        assert!(differ.is_empty(), "docs/generate.md says how to write them anew: {differ:?}");
        bytes += made.values().map(Vec::len).sum::<usize>();
    }
    let written = fs::read_to_string(folder.path().join(TRUTH)).expect("there is a truth");
    assert!(written == fs::read_to_string(root().join("demo-truth.toml")).expect("it is kept"), "{TRUTH}");
    assert!(bytes < 4_000_000, "{bytes} bytes are shipped");
}

/// A trend of a metric over the weeks: value and coverage at each.
fn trend(folder: &Path, metric: &str) -> Vec<(f64, f64)> {
    let output = cli::run(folder, &["trend", metric, "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let points = document["trends"][0]["points"].as_array().expect("points");
    let number = |point: &Value, key: &str| point[key].as_f64().unwrap_or_else(|| panic!("{metric} has no {key}"));
    points.iter().map(|point| (number(point, "value"), number(point, "coverage"))).collect()
}

/// The first week that goes into the store: the one before the re-organisation.
const FIRST: usize = 6;

#[test]
fn the_weeks_in_one_store_tell_what_happened() {
    let truth = truth();
    let folder = tempfile::tempdir().expect("a folder");
    for week in &truth.weeks[FIRST..] {
        let path = exports(&truth, week);
        let path = path.to_str().expect("UTF-8");
        let output = cli::run(folder.path(), &["scan", path, "--as-of", week, "--quiet"]);
        assert_eq!(output.status.code(), Some(0), "{week}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let week_of = |what: &str| {
        let event = truth.event.iter().find(|event| event.what.contains(what)).expect("it is told");
        let at = truth.weeks.iter().position(|week| *week == event.week).expect("it is a week");
        at.checked_sub(FIRST).expect("it is scanned")
    };
    let (merged, hole, fixed) = (week_of("one department"), week_of("without its reports"), week_of("exposure falls"));
    let exposure = trend(folder.path(), "exposure_pct_certain");
    assert_eq!(exposure.len(), 6);
    assert!(exposure[merged].0 > exposure[merged - 1].0 + 2.0, "the re-organisation shows: {exposure:?}");
    assert!(exposure[fixed].0 < exposure[fixed - 1].0 / 2.0, "so does the fix: {exposure:?}");
    let used = trend(folder.path(), "unused_principals_90d_pct");
    for at in [hole - 1, hole + 1] {
        assert!(used[hole].1 < used[at].1 - 0.05, "the hole is one of coverage: {used:?}");
    }
    let output = cli::run(folder.path(), &["trend", "exposure_pct_certain", "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let change = &document["trends"][0]["points"][fixed]["change"];
    assert!(change["within"].as_f64().expect("a number") < -2.0, "those who stayed lost it: {change}");
    let output = cli::run(folder.path(), &["preflight", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "the newest week is fit to draft changes from");
}

/// What the demo's table of labels says: nothing but accounts and clusters.
const LABELS: [(&str, &str); 6] = [
    ("aws:account/204815660017", "platform"),
    ("aws:account/317402988153", "commerce"),
    ("aws:account/428116307294", "commerce"),
    ("aws:account/539920471385", "data"),
    ("kubernetes:production-eu", "commerce"),
    ("kubernetes:staging-eu", "commerce"),
];

#[test]
fn the_label_of_an_account_puts_its_content_into_the_domain_and_the_first_page_says_what_to_act_on() {
    let Scan { tables, results, .. } =
        Analysed::new(vec![root().join("demo")], AS_OF, None).expect("it can be scanned").scan;
    let mut inside = BTreeMap::<&str, usize>::new();
    for entity in &tables.entities {
        let around = |id: &str| entity.id == id || entity.scope.as_deref() == Some(id);
        let expected = LABELS.iter().find(|(id, _)| around(id)).map(|(_, domain)| *domain);
        assert_eq!(entity.domain.as_deref(), expected, "{}", entity.id);
        if let Some(domain) = expected.filter(|_| entity.is_principal()) {
            *inside.entry(domain).or_default() += 1;
        }
    }
    let critical: BTreeSet<String> = (results.findings.iter())
        .filter(|finding| finding.severity == Severity::Critical)
        .filter(|finding| tables.entity(finding.entity).domain.as_deref() == Some("commerce"))
        .map(|finding| tables.entity(finding.entity).id.clone())
        .collect();
    let world = Arc::new(World::new(("demo", "digest"), 0, "key", tables, results));
    for (domain, principals) in inside {
        let scope = Scope::new(Arc::clone(&world), domain).expect("the domain has entities");
        let pack = pack(&scope);
        assert_eq!(pack.manifest.summary["principals"], principals, "{domain}");
        let page = pack.page(&scope, None, 8_000).expect("a page");
        let facts = page["facts"].as_array().expect("facts");
        assert!(page["tokens"].as_u64() <= Some(8_000) && facts.len() > 5, "{domain}: {} facts", facts.len());
        assert_eq!(facts[0]["citation"]["table"], "findings", "{domain}");
        if domain == "commerce" {
            let told: BTreeSet<&str> = facts.iter().filter_map(|fact| fact["data"]["entity"].as_str()).collect();
            assert!(
                critical.len() >= 5 && critical.iter().all(|id| told.contains(id.as_str())),
                "{critical:?} {told:?}"
            );
        }
    }
}
