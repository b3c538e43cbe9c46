//! `scan`: reads exports, measures, stores a snapshot, says what it came to.

use std::path::PathBuf;
use std::str::FromStr;

use crate::cli::args::{Form, STORE_DEFAULT, StoreArgs};
use crate::cli::clock;
use crate::cli::engine::{self, Progress, ScanRequest, Snapshot};
use crate::cli::exit::Exit;
use crate::cli::fail_on::{Before, Facts, Rule};
use crate::cli::failure::Failure;
use crate::cli::progress::Bars;
use crate::cli::terminal::{Terminal, write_file};
use crate::model::{ExceptionStatus, Issue, IssueSeverity};
use crate::reports::escape::shorten;
use crate::reports::{self, Report, json, summary, summary_text};

const EXAMPLES: &str = "\
Examples:
  overgrant scan exports/
  overgrant scan iam.json credential-report.csv --store /var/lib/overgrant
  overgrant scan exports/ --fail-on 'new:high,metric:exposure_pct>5'
  overgrant scan exports/ --report markdown=scan.md --report csv=findings.csv
  overgrant scan exports/ --as-of 2026-11-22 --format json | jq .findings

A file is recognised by its content, not by its name; a folder may mix everything; .gz, .zst and .zip \
are read as they are. The same files, configuration and --as-of give the same snapshot, byte for byte.

A rule of --fail-on holds for a finding of at least the severity it names that no exception covers. `delta` is the \
change since the baseline, or since the snapshot before when no baseline is set. `metric:aws/nhi/ID` and \
`metric:domain=NAME/ID` are of a part. A metric that cannot be measured fails closed (exit code 3). Of several exit \
codes that apply the first of 6, 2, 3, 1, 4, 5 counts.

Exceptions are inputs like any other: a TOML file of [[exception]] blocks, or a CSV file.";

/// Flags of `scan`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Exported files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
    /// Configuration (TOML): weights, protected entities, domains
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Time that the export describes [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Folder of private techniques; may be given several times
    #[arg(long, value_name = "DIR")]
    techniques: Vec<PathBuf>,
    /// End with exit code 1 when one of these holds: new:high, any:critical, metric:ID>N, delta:ID>N; several are allowed,
    /// with commas between them or each with a flag of its own
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    fail_on: Vec<Rule>,
    /// Also write a report; several are allowed
    #[arg(long, value_name = "FORMAT=PATH", long_help = reports::listing("Also write a report; several are allowed. Formats:"))]
    report: Vec<Wanted>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

/// Stages of a scan as the progress counts them: what the engine says, and storing.
const STAGES_N: usize = 9;

/// A report and where it goes.
#[derive(Clone)]
struct Wanted {
    report: &'static dyn Report,
    path: PathBuf,
}

impl std::fmt::Debug for Wanted {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}={}", self.report.name(), self.path.display())
    }
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = || reports::ALL.iter().map(|report| report.name()).collect::<Vec<_>>().join(", ");
        let (name, path) = text.split_once('=').ok_or("write FORMAT=PATH, such as json=scan.json")?;
        let report = reports::find(name).ok_or_else(|| format!("no report `{name}`; there are {}", known()))?;
        if path.is_empty() {
            return Err("write FORMAT=PATH, such as json=scan.json".to_owned());
        }
        Ok(Self { report, path: PathBuf::from(path) })
    }
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let request = ScanRequest {
        paths: existing(&args.paths)?,
        as_of: clock::as_of(args.as_of.as_deref())?,
        techniques: args.techniques.clone(),
        config: engine::config(args.config.as_deref())?,
    };
    let bars = Bars::of_stages(terminal.shows_progress(), STAGES_N);
    let scan = engine::scan(&args.store, &request, &bars)?;
    bars.stage("storing", None);
    let (mut snapshot, parent) = engine::commit(&args.store, scan, request.as_of)?;
    engine::ledger::note_scan(&args.store, &snapshot, parent.as_deref())?;
    snapshot.measure_exposure();
    bars.finish();
    print(args, &snapshot, terminal)?;
    let reports: Vec<&'static dyn Report> = args.report.iter().map(|wanted| wanted.report).collect();
    let asked = engine::Asked { config: args.config.as_deref(), techniques: &args.techniques, cuts: None };
    engine::gather(&mut snapshot, &args.store, parent.as_deref(), &reports, asked, &bars)?;
    for wanted in &args.report {
        let mut bytes = Vec::new();
        wanted.report.write(&snapshot.view(), &mut bytes)?;
        write_file(&wanted.path, &bytes)?;
        terminal.note(&format!("wrote {}", wanted.path.display()));
    }
    ended(args, &snapshot, parent.as_deref(), terminal)
}

/// The paths, refused before any work when one of them is not there.
fn existing(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    for path in paths {
        path.metadata().map_err(|error| Failure::file(Exit::Input, "read", path, &error))?;
    }
    Ok(paths.to_vec())
}

fn print(args: &Args, snapshot: &Snapshot, terminal: &mut Terminal) -> Result<(), Failure> {
    let view = snapshot.view();
    let text = match args.format {
        Form::Json => json::text(&summary::document(&view)),
        Form::Table => {
            let store = args.store.store.display().to_string();
            let mut text = summary_text::text(&view, terminal.layout(), &store);
            if store != STORE_DEFAULT {
                text.push_str("      (with the same --store)\n");
            }
            text
        }
    };
    terminal.data(text.as_bytes())
}

/// The exit code. Everything that is wrong is said; [`Exit::or_worse`] decides between the codes.
fn ended(args: &Args, snapshot: &Snapshot, parent: Option<&str>, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let compared =
        if args.fail_on.iter().any(Rule::needs_before) { engine::compared(&args.store, parent)? } else { None };
    let before = compared.as_ref().map(|(called, metrics)| Before { called, metrics });
    let mut ended = judge(&args.fail_on, snapshot, before);
    if !snapshot.incomplete.is_empty() {
        warn(snapshot, terminal);
    }
    ended.said.iter().for_each(|text| terminal.must_say(text));
    // The failure that the code is of is said last, by whoever ends the process.
    let worst = ended.failures.iter().rposition(|failure| failure.exit == ended.exit);
    let last = worst.map(|at| ended.failures.remove(at));
    ended.failures.iter().for_each(|failure| terminal.fail(failure));
    last.map_or(Ok(ended.exit), Err)
}

/// How a scan ended.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    exit: Exit,
    /// Rules that hold, and what is to say of exceptions.
    said: Vec<String>,
    /// Rules that could not be answered.
    failures: Vec<Failure>,
}

fn judge(rules: &[Rule], snapshot: &Snapshot, before: Option<Before<'_>>) -> Ended {
    let results = &snapshot.results;
    let facts = Facts { findings: &results.findings, metrics: &results.metrics, before };
    let incomplete = if snapshot.incomplete.is_empty() { Exit::Done } else { Exit::Incomplete };
    let mut ended = Ended { exit: incomplete, said: Vec::new(), failures: Vec::new() };
    exceptions(snapshot, &mut ended);
    for rule in rules {
        let exit = match rule.holds(&facts) {
            Ok(None) => continue,
            Ok(Some(because)) => {
                ended.said.push(because);
                Exit::RuleHolds
            }
            Err(failure) => {
                let exit = failure.exit;
                ended.failures.push(failure);
                exit
            }
        };
        ended.exit = ended.exit.or_worse(exit);
    }
    ended
}

/// Says which exceptions have expired and which match nothing; those that are not valid are issues and said as such.
fn exceptions(snapshot: &Snapshot, ended: &mut Ended) {
    let of = |status: ExceptionStatus| {
        let rows = snapshot.tables.exceptions.iter().filter(|row| row.status == status);
        rows.map(|row| format!("`{}`", row.exception)).collect::<Vec<String>>()
    };
    let listed = |names: &[String]| {
        let more = names.len().saturating_sub(WARNED_N);
        let text = names.iter().take(WARNED_N).cloned().collect::<Vec<_>>().join(", ");
        shorten(&if more > 0 { format!("{text} and {more} more") } else { text }, WARNING_N).into_owned()
    };
    let unmatched = of(ExceptionStatus::Unmatched);
    if !unmatched.is_empty() {
        ended.said.push(format!("warning: {} exception(s) match nothing: {}", unmatched.len(), listed(&unmatched)));
    }
    let expired = of(ExceptionStatus::Expired);
    if !expired.is_empty() {
        let (n, names) = (expired.len(), listed(&expired));
        ended.said.push(format!("warning: {n} exception(s) have expired, and what they covered counts again: {names}"));
        ended.exit = ended.exit.or_worse(Exit::ExpiredExceptions);
    }
}

/// Kinds of issue of which an example is shown.
const WARNED_N: usize = 10;
/// Characters of an example that are shown: a name in it may be of any length.
const WARNING_N: usize = 400;

/// Says what makes the scan incomplete: the first issue of each kind with its place, and how many more there are.
fn warn(snapshot: &Snapshot, terminal: &mut Terminal) {
    let mut kinds: Vec<(&Issue, usize)> = Vec::new();
    for issue in snapshot.tables.issues.iter().filter(|issue| issue.severity != IssueSeverity::Note) {
        match kinds.iter_mut().find(|(first, _)| first.code == issue.code) {
            Some((_, n)) => *n += 1,
            None => kinds.push((issue, 1)),
        }
    }
    for (issue, n) in kinds.iter().take(WARNED_N) {
        let place = place(snapshot, issue).map(|place| format!(" ({place})")).unwrap_or_default();
        let more = if *n > 1 { format!("; {} more `{}`", n - 1, issue.code) } else { String::new() };
        let message = shorten(&issue.message, WARNING_N);
        terminal.must_say(&format!("warning: {message}{place}{more}"));
    }
    terminal.must_say("hint: the scan is stored as incomplete; `overgrant snapshots show` lists what is missing");
}

/// File and place of an issue.
fn place(snapshot: &Snapshot, issue: &Issue) -> Option<String> {
    let path = &snapshot.sources.get(usize::try_from(issue.source?.0).ok()?)?.path;
    Some(if issue.record.is_empty() { path.clone() } else { format!("{path}, {}", issue.record) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Exception, Finding, Metric, Severity, SourceId};
    use crate::reports::tests::Fixture;

    fn exception(status: ExceptionStatus) -> Exception {
        Exception {
            exception: status.to_string(),
            rule: None,
            principal: None,
            resource: None,
            domain: None,
            reason: None,
            owner: None,
            approved_by: None,
            created_at: None,
            expires_at: None,
            ticket: None,
            status,
            problem: None,
            matched_n: 0,
            source: SourceId(0),
            record: String::new(),
        }
    }

    /// A scan with one finding of severity high, and one metric that is 5 and one that is unknown.
    fn snapshot(exceptions: &[ExceptionStatus], incomplete: bool) -> Snapshot {
        let fixture = Fixture::default();
        let mut snapshot = Snapshot { tables: fixture.tables, results: fixture.results, ..Snapshot::default() };
        snapshot.results.findings[0].severity = Severity::High;
        snapshot.tables.exceptions = exceptions.iter().copied().map(exception).collect();
        snapshot.incomplete = if incomplete { vec!["x: 1".to_owned()] } else { Vec::new() };
        for (metric, value) in [("exposure_pct", Some(5.0)), ("wpg_p90", None)] {
            let all = || "all".to_owned();
            let (metric, platform, kind, domain) = (metric.to_owned(), all(), all(), all());
            let (low, high, numerator, denominator, coverage) = (None, None, None, None, None);
            let row = Metric { metric, platform, kind, domain, value, low, high, numerator, denominator, coverage };
            snapshot.results.metrics.push(row);
        }
        snapshot
    }

    fn code(rules: &[&str], snapshot: &Snapshot) -> u8 {
        let rules: Vec<Rule> = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
        judge(&rules, snapshot, None).exit.code()
    }

    #[test]
    fn of_what_is_wrong_the_gravest_decides_the_code() {
        use ExceptionStatus::{Active, Expired, Unmatched};
        let (clean, expired) = (snapshot(&[Active, Unmatched], false), snapshot(&[Active, Expired], false));
        assert_eq!((code(&[], &clean), code(&[], &expired)), (0, 5));
        let part = snapshot(&[Expired], true);
        assert_eq!((code(&[], &snapshot(&[], true)), code(&[], &part)), (4, 4), "incomplete before expired");
        assert_eq!(code(&["any:high"], &part), 1, "a rule before both");
        assert_eq!(code(&["any:critical"], &expired), 5, "a rule that does not hold is none");
        assert_eq!(code(&["any:high", "metric:wpg_p90>0"], &part), 3, "what cannot be answered before what holds");
        assert_eq!(code(&["metric:wpg_p90>0", "metric:no_such>0", "any:high"], &part), 2, "and usage before that");
    }

    #[test]
    fn everything_is_said_whatever_the_code_is() {
        use ExceptionStatus::{Expired, Unmatched};
        let rules: Vec<Rule> = ["any:high", "metric:exposure_pct>4", "metric:wpg_p90>0"]
            .map(|rule| rule.parse().expect("a rule"))
            .into_iter()
            .collect();
        let ended = judge(&rules, &snapshot(&[Expired, Unmatched], false), None);
        assert_eq!(ended.exit, Exit::Input);
        assert_eq!((ended.said.len(), ended.failures.len()), (4, 1), "{ended:?}");
        assert!(ended.said[0].contains("match nothing: `unmatched`"), "{ended:?}");
        assert!(ended.said[1].contains("1 exception(s) have expired") && ended.said[1].contains("`expired`"));
        assert!(ended.said[3].contains("exposure_pct is 5"), "{ended:?}");
    }

    #[test]
    fn a_finding_under_an_exception_holds_no_rule() {
        let mut covered = snapshot(&[ExceptionStatus::Active], false);
        let finding: &mut Finding = &mut covered.results.findings[0];
        finding.exception = Some("active".to_owned());
        assert_eq!((code(&["any:low"], &covered), code(&["new:low"], &covered)), (0, 0));
    }

    #[derive(Default)]
    struct Stages(std::sync::Mutex<Vec<String>>);

    impl Progress for Stages {
        fn stage(&self, name: &str, _: Option<u64>) {
            self.0.lock().expect("a lock").push(name.to_owned());
        }
        fn advance(&self, _: u64) {}
        fn finish(&self) {}
    }

    #[test]
    fn the_stages_are_as_many_as_the_progress_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let export = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/aws_finding_keys/export");
        let config = engine::config(None).expect("the built-in configuration");
        let request = ScanRequest { paths: vec![export], as_of: 0, techniques: Vec::new(), config };
        let stages = Stages::default();
        engine::scan(&StoreArgs { store: folder.path().join("store") }, &request, &stages).expect("a scan");
        let stages = stages.0.into_inner().expect("a lock");
        assert_eq!(stages.len() + 1, STAGES_N, "{stages:?}, and storing");
    }

    #[test]
    fn rules_come_one_by_one_or_as_a_list() {
        #[derive(Debug, clap::Parser)]
        struct Wrapped {
            #[command(flatten)]
            args: Args,
        }
        let flags = ["scan", "x", "--fail-on", "new:high,metric:aws/exposure_pct>5", "--fail-on=delta:wpg_p90>+0.02"];
        let args = <Wrapped as clap::Parser>::try_parse_from(flags).expect("flags").args;
        assert_eq!(args.fail_on.len(), 3);
        let bad = ["scan", "x", "--fail-on", "new:high,,any:low"];
        assert!(<Wrapped as clap::Parser>::try_parse_from(bad).is_err(), "an empty rule is a mistake");
    }
}
