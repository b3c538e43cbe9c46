//! Runs every folder of `tests/gate/` that has an `expect.toml`: scans its `export/` and what it takes from `company/`,
//! judges its drafts, and holds the answer against what is expected.
//!
//! `failing` is exact: every invariant that is not named there passes, so that a case shows one invariant and no other.
//! The facts of `witness` were written by hand from the export.

mod platforms;
mod soundness;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use overgrant::change::gate::{Amounts, Base, Gate, Past, Rules, Status, Terms, Verdict, gate};
use overgrant::change::{self, ChangeError, ChangeSet};
use overgrant::config::Config;
use overgrant::model::Decision;
use overgrant::model::text::parse_time;
use overgrant::techniques::Library;
use serde::Deserialize;
use serde_json::Value;

use crate::analysed::{AS_OF, Analysed};

/// What snapshots of cases are called.
const SNAPSHOT: &str = "2026-11-22T000000Z";
/// What their digests are said to be.
const DIGEST: &str = "5e5f0f3bb8c5a0e0c1d5b8c3f7a9d2e4b6c8a0f2e4d6c8b0a2f4e6d8c0b2a4f6";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// Drafts in their order, each with what is expected of it.
    draft: Vec<Expected>,
    /// Whether the company's exports are not scanned as well.
    #[serde(default)]
    alone: bool,
    /// A folder from the root of the repository whose files are scanned as well.
    export: Option<String>,
    /// Whether each draft is judged as if there were none before it.
    #[serde(default)]
    apart: bool,
    /// Domain of the session.
    domain: Option<String>,
    /// Time of the judgement.
    now: Option<String>,
    /// Profiles of house rules.
    #[serde(default)]
    profiles: Vec<String>,
    /// Configuration over the default.
    config: Option<String>,
    /// Budget for changes, in place of the default one.
    changes_max: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    file: String,
    verdict: String,
    tier: Option<String>,
    /// Every invariant that does not pass, with how it ended.
    #[serde(default)]
    failing: BTreeMap<String, String>,
    #[serde(default)]
    witness: Vec<Told>,
    /// Access that is added, exactly these principals and actions.
    added: Option<Vec<Row>>,
    removed: Option<Vec<Row>>,
    /// House rules that fire, by name.
    #[serde(default)]
    rules: Vec<String>,
    counter: Option<Counter>,
    /// Persons who decided in the ledger, after this draft.
    #[serde(default)]
    decided_by: Vec<String>,
    /// Why it is here, for readers.
    #[serde(default, rename = "why")]
    _why: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    invariant: String,
    /// Texts that one witness has, all of them.
    says: Vec<String>,
    /// Steps of its path as `from TECHNIQUE to`.
    path: Option<Vec<String>>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct Row {
    principal: String,
    action: String,
    resource: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counter {
    verdict: Option<String>,
    left_out: Vec<usize>,
    /// Places of operations that are narrower, and texts that are said of each, all of them.
    #[serde(default)]
    narrowed: Vec<NarrowedTo>,
    /// All operations as JSON.
    changes: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NarrowedTo {
    change: usize,
    says: Vec<String>,
}

/// What drafts of a case are judged by.
struct Bench<'a> {
    scan: &'a Analysed,
    rules: Rules,
    domain: Option<&'a str>,
    now: i64,
    terms: Terms,
    config: Config,
    library: &'a Library,
}

impl Bench<'_> {
    fn judge(&self, draft: &[u8], ledger: &[Past]) -> Result<Gate, String> {
        let told = |errors: Vec<ChangeError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let read = overgrant::change::read(draft, "draft.json", self.scan.tables()).map_err(told)?;
        let base = Base {
            tables: self.scan.tables(),
            results: &self.scan.scan.results,
            as_of: self.scan.as_of,
            now: self.now,
            config: &self.config,
            library: self.library,
            snapshot: SNAPSHOT,
            digest: DIGEST,
            domain: self.domain,
            incomplete: &self.scan.scan.incomplete,
            coverage: &self.scan.scan.results.coverage,
            terms: &self.terms,
        };
        gate(&base, &read, ledger, &self.rules).map_err(told)
    }
}

/// What the ledger keeps of a judged draft.
fn past(draft: &Value, found: &Gate, now: i64, decided_by: &[String]) -> Past {
    let set = ChangeSet::from_value(draft);
    let author = &draft["author"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let blocked = found.verdict == Verdict::Block;
    Past {
        draft_id: found.draft_id.clone(),
        actors: [text(&author["id"]), text(&author["on_behalf_of"])].into_iter().flatten().collect(),
        workflow: text(&draft["workflow"]),
        at: now,
        amounts: Some(if blocked { Amounts::default() } else { found.amounts }),
        approved_by: decided_by.to_vec(),
        approved_sha256: set.ok().and_then(|set| change::sha256(&set.changes)),
    }
}

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gate");
    let entries = std::fs::read_dir(root).expect("the folder of cases");
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    all.retain(|path| path.join("expect.toml").is_file());
    all.sort();
    all
}

#[test]
fn every_case_is_judged_as_expected() {
    let library = Library::built_in().expect("the built-in techniques");
    let only = std::env::var("OVERGRANT_CASE").ok();
    let mut wrong = Vec::new();
    let mut n = 0;
    for folder in folders() {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        n += 1;
        wrong.extend(run(&folder, &library).into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(n > 0, "there are no cases");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_invariant_has_a_draft_that_passes_it_and_one_that_fails_only_it() {
    let mut failing: BTreeSet<String> = BTreeSet::new();
    for folder in folders() {
        let expect = expectations(&folder);
        for one in &expect.draft {
            if one.failing.len() == 1 {
                failing.extend(one.failing.keys().cloned());
            }
        }
    }
    // The inverse of what this version applies always leads back: I11 fails in a test that spoils the inverse.
    let expected: BTreeSet<String> = (1..=15).filter(|n| *n != 11).map(|n| format!("I{n}")).collect();
    assert_eq!(failing, expected);
}

#[test]
fn each_platform_has_drafts_that_pass_add_reach_and_take_away() {
    let platforms = [
        ("active_directory", true),
        ("azure", true),
        ("gcp", true),
        ("github", true),
        ("kubernetes", true),
        ("okta", true),
        ("postgres", true),
        ("scim", false),
        ("tables", true),
        ("vault", true),
    ];
    for (name, has_zone) in platforms {
        let drafts = expectations(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gate").join(name)).draft;
        let any = |wanted: &dyn Fn(&Expected) -> bool| drafts.iter().any(wanted);
        let none = |rows: &Option<Vec<Row>>| rows.as_ref().is_some_and(Vec::is_empty);
        assert!(any(&|one| one.verdict == "allow" && !none(&one.added)), "{name}: nothing passes that gives");
        assert!(any(&|one| one.verdict == "allow" && none(&one.added)), "{name}: nothing passes that takes");
        let only = |one: &Expected| one.failing.keys().eq(["I2"]) && one.failing["I2"] == "block";
        assert!(any(&only), "{name}: nothing fails I2 and nothing else");
        assert!(!has_zone || any(&|one| one.failing.contains_key("I1")), "{name}: nothing comes to the zone");
    }
}

fn expectations(folder: &Path) -> Expect {
    let text = std::fs::read_to_string(folder.join("expect.toml")).expect("expectations");
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

/// What a case scans: its own files, and those of the company that it has none of the same name for.
fn exports(folder: &Path, alone: bool, more: Option<&str>) -> Vec<PathBuf> {
    let own = folder.join("export");
    let shared = folder.with_file_name("company");
    let entries = std::fs::read_dir(&shared).expect("the company's exports");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| !alone && !own.join(path.file_name().expect("a name")).exists());
    paths.extend(own.is_dir().then_some(own));
    paths.extend(more.map(|more| Path::new(env!("CARGO_MANIFEST_DIR")).join(more)));
    paths.sort();
    paths
}

fn run(folder: &Path, library: &Library) -> Vec<String> {
    let expect = expectations(folder);
    let scan =
        match Analysed::new(exports(folder, expect.alone, expect.export.as_deref()), AS_OF, expect.config.as_deref()) {
            Ok(scan) => scan,
            Err(error) => return vec![error],
        };
    let mut wrong: Vec<String> =
        scan.scan.incomplete.iter().map(|what| format!("the scan is incomplete: {what}")).collect();
    let now = parse_time(expect.now.as_deref().unwrap_or("2026-11-22T06:00:00Z")).expect("a time");
    let mut terms = Terms::embedded().expect("the embedded table");
    terms.budget.changes_max = expect.changes_max.unwrap_or(terms.budget.changes_max);
    let mut rules = Rules::none();
    for profile in &expect.profiles {
        rules.add_profile(profile).expect("a profile");
    }
    let config = Config::parse(expect.config.as_deref().unwrap_or(""), "config.toml").expect("a configuration");
    let domain = expect.domain.as_deref();
    let bench = Bench { scan: &scan, rules, domain, now, terms, config, library };
    let mut ledger = Vec::new();
    for one in &expect.draft {
        let bytes = std::fs::read(folder.join(&one.file)).expect("a draft");
        if expect.apart {
            ledger.clear();
        }
        match bench.judge(&bytes, &ledger) {
            Ok(found) => {
                wrong.extend(differences(one, &found).into_iter().map(|line| format!("{}: {line}", one.file)));
                let draft: Value = serde_json::from_slice(&bytes).expect("JSON");
                ledger.push(past(&draft, &found, now, &one.decided_by));
            }
            Err(error) => wrong.push(format!("{}: {error}", one.file)),
        }
    }
    wrong
}

fn differences(expected: &Expected, found: &Gate) -> Vec<String> {
    let mut wrong = Vec::new();
    if found.verdict.as_str() != expected.verdict {
        wrong.push(format!("verdict {}, expected {}", found.verdict, expected.verdict));
    }
    if expected.tier.as_ref().is_some_and(|tier| tier != found.tier.as_str()) {
        wrong.push(format!("tier {}, expected {}", found.tier, expected.tier.as_deref().unwrap_or_default()));
    }
    let failing: BTreeMap<String, String> = (found.invariants.iter())
        .filter(|one| one.status != Status::Pass)
        .map(|one| (one.id.to_owned(), one.status.to_string()))
        .collect();
    if failing != expected.failing {
        let witness: Vec<&str> =
            found.invariants.iter().flat_map(|one| &one.witness).map(|one| one.says.as_str()).collect();
        wrong.push(format!("failing {failing:?}, expected {:?}: {}", expected.failing, witness.join(" | ")));
    }
    for told in &expected.witness {
        wrong.extend(untold(told, found));
    }
    for (what, wanted, rows) in
        [("added", &expected.added, &found.added_access), ("removed", &expected.removed, &found.removed_access)]
    {
        let Some(wanted) = wanted else { continue };
        let mut listed: Vec<Row> = Vec::new();
        for row in rows {
            assert_ne!(row.decision, Decision::Denied, "what is denied is not {what}");
            for action in &row.exact {
                listed.extend(row.resources.iter().map(|resource| Row {
                    principal: row.principal.clone(),
                    action: action.clone(),
                    resource: resource.clone(),
                }));
            }
        }
        listed.sort();
        let mut wanted = wanted.clone();
        wanted.sort();
        if listed != wanted {
            wrong.push(format!("{what} {listed:?}, expected {wanted:?}"));
        }
    }
    let fired: Vec<&str> = found.rules.iter().map(|one| one.rule.as_str()).collect();
    if fired != expected.rules.iter().map(String::as_str).collect::<Vec<_>>() {
        wrong.push(format!("rules {fired:?}, expected {:?}", expected.rules));
    }
    wrong.extend(expected.counter.as_ref().and_then(|counter| other_counter(counter, found)));
    let keys: Vec<String> = found.document().as_object().expect("an object").keys().cloned().collect();
    if keys != KEYS {
        wrong.push(format!("keys {keys:?}"));
    }
    wrong
}

/// How the counter-proposal is another one than expected.
fn other_counter(expected: &Counter, found: &Gate) -> Option<String> {
    let Some(found) = &found.counter_proposal else { return Some("there is no counter-proposal".to_owned()) };
    let says = |wanted: &NarrowedTo| {
        let one = found.narrowed.iter().find(|one| one.change == wanted.change);
        one.is_some_and(|one| wanted.says.iter().all(|text| one.why.iter().any(|why| why.contains(text))))
    };
    let changes = serde_json::to_value(&found.changes).expect("operations are JSON");
    let right = found.left_out == expected.left_out
        && found.verdict.map(Verdict::as_str) == expected.verdict.as_deref()
        && found.narrowed.len() == expected.narrowed.len()
        && expected.narrowed.iter().all(says)
        && expected.changes.as_ref().is_none_or(|wanted| *wanted == changes);
    (!right).then(|| {
        let (verdict, left_out, narrowed) = (found.verdict, &found.left_out, &found.narrowed);
        format!("counter-proposal {verdict:?} without {left_out:?}, {narrowed:?}: {changes}")
    })
}

/// Keys of the published form, sorted.
const KEYS: [&str; 24] = [
    "added_access",
    "added_reach",
    "approval_delta",
    "citations",
    "counter_proposal",
    "coverage",
    "cumulative",
    "draft_id",
    "evidence_missing",
    "exceptions_undeclared",
    "format",
    "invariants",
    "metrics",
    "perpetuates",
    "removed_access",
    "removed_but_used",
    "required_approvals",
    "rollback",
    "rules",
    "snapshot",
    "sod_new",
    "surplus_over_intent",
    "tier",
    "verdict",
];

fn untold(told: &Told, found: &Gate) -> Option<String> {
    let Some(invariant) = found.invariants.iter().find(|one| one.id == told.invariant) else {
        return Some(format!("there is no invariant {}", told.invariant));
    };
    let has = |witness: &&overgrant::change::gate::Witness| {
        let path: Vec<String> =
            witness.path.iter().map(|step| format!("{} {} {}", step.from, step.technique, step.to)).collect();
        told.says.iter().all(|text| witness.says.contains(text))
            && told.path.as_ref().is_none_or(|wanted| *wanted == path)
    };
    let all: Vec<&str> = invariant.witness.iter().map(|one| one.says.as_str()).collect();
    let paths: Vec<_> = invariant.witness.iter().map(|one| &one.path).collect();
    (!invariant.witness.iter().any(|one| has(&one)))
        .then(|| format!("no witness of {} says {:?} {:?}: {all:?} {paths:?}", told.invariant, told.says, told.path))
}
