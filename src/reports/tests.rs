//! A small organisation with a hostile name in it, for the tests of every renderer.

use super::material::{
    Band, Compared, FrameworkText, Gauge, Material, PlanStep, PlanText, Planned, RuleText, Series, SeriesPoint,
};
use super::{Exposed, Exposure, View};
use crate::model::testing;
use crate::model::{
    Certainty, ChokeKind, ChokePoint, Coverage, Edge, Effect, Entity, EntityId, EntityKind, Exception, ExceptionStatus,
    Finding, FindingState, Grant, Issue, IssueSeverity, Layer, Metric, Orphan, OrphanReason, Path, Results, Score,
    Severity, Source, SourceId, Tables,
};

/// Owns what a [`View`] looks at.
pub struct Fixture {
    /// What was read.
    pub tables: Tables,
    /// What was computed.
    pub results: Results,
    /// Who reaches the zone.
    pub exposure: Exposure,
    /// What was left out.
    pub incomplete: Vec<String>,
    /// What is said beyond the tables.
    pub material: Material,
}

/// A name that does its worst: it ends elements and quotes, is a formula, turns the order of letters round, and breaks
/// the line.
pub const HOSTILE: &str = "=cmd|' /C calc'!A0</script><img src=x onerror=alert(1)>\"'&\u{202e}\u{1b}[2J\n[x](y)`|{0}";

/// A name that is a script.
pub const SCRIPT: &str = "<script>alert(1)</script>";

/// A name of a thousand letters that are written from right to left, without a blank to break the line at.
pub fn right_to_left() -> String {
    "אבגדהוזחטי".repeat(100)
}

fn entity(kind: EntityKind, path: &str, name: &str, nhi: Option<bool>) -> Entity {
    Entity { name: name.to_owned(), nhi, ..testing::entity(kind, path) }
}

fn score(entity: u32, risk: f64, reason: &str) -> Score {
    let shares = vec![format!("escalation={}", -(1.0 - risk / 100.0).ln())];
    Score { shares, reason_1: Some(reason.to_owned()), ..testing::score(entity, risk) }
}

fn grant() -> Grant {
    Grant {
        grant: 0,
        holder: EntityId(3),
        effect: Effect::Allow,
        actions: vec!["iam:CreateAccessKey".to_owned(), "s3:Get*".to_owned()],
        not_actions: Vec::new(),
        resources: vec!["*".to_owned()],
        not_resources: Vec::new(),
        principals: Vec::new(),
        not_principals: Vec::new(),
        condition: None,
        variables: true,
        layer: Layer::Identity,
        policy: "inline".to_owned(),
        statement: "Keys".to_owned(),
        granted_at: None,
        expires_at: None,
        source: SourceId(0),
        record: "/RoleDetailList/0".to_owned(),
    }
}

fn finding() -> Finding {
    Finding {
        subjects: vec![5],
        evidence: vec!["statement `Keys`".to_owned()],
        frameworks: vec!["owasp-nhi:2025:NHI5".to_owned()],
        ..testing::finding("f00d", 3, Severity::Critical, "=evil() can become administrator")
    }
}

impl Default for Fixture {
    /// Six entities sorted by id: account, group, policy, role, two users, the last with an escape in its name.
    fn default() -> Self {
        let entities = vec![
            testing::account(),
            entity(EntityKind::Group, "group/ops", "ops", None),
            entity(EntityKind::RoleDefinition, "policy/deploy", "deploy", None),
            entity(EntityKind::Role, "role/ci/deploy", "deploy", Some(true)),
            entity(EntityKind::User, "user/alice", "alice", Some(false)),
            entity(EntityKind::User, "user/team/ops\u{1b}[2J", "ops\u{1b}[2J", Some(false)),
        ];
        let mut tables = Tables { entities, grants: vec![grant()], ..Tables::default() };
        testing::number(&mut tables.entities);
        tables.sources.push(Source {
            path: "iam.json".to_owned(),
            kind: "aws-iam".to_owned(),
            sha256: "00".repeat(32),
            records: 5,
            skipped: 1,
        });
        let edge = Edge {
            src: 3,
            dst: 0,
            technique: "iam-002".to_owned(),
            certainty: Certainty::Certain,
            reasons: Vec::new(),
            evidence: vec![0],
        };
        let long = "reaches administration of the account `111122223333` by a chain of three roles, and back again";
        let results = Results {
            edges: vec![edge],
            findings: vec![finding()],
            scores: vec![score(3, 91.25, "one step from administration"), score(5, 40.0, long)],
            coverage: vec![Coverage { name: "credentials".to_owned(), known: 1, of: 3 }],
            ..Results::default()
        };
        let zone = Exposed { principals: 3, certain: 2, possible: 3 };
        let incomplete = vec!["1 record of `iam.json` was skipped".to_owned()];
        Self {
            tables,
            results,
            exposure: Exposure { zone, targets: vec![(EntityId(0), zone)] },
            incomplete,
            material: Material::default(),
        }
    }
}

/// A metric of everything.
fn metric(id: &str, value: Option<f64>, interval: Option<(f64, f64)>, coverage: f64) -> Metric {
    let all = || "all".to_owned();
    let of = value.map(|_| 3.0);
    Metric {
        metric: id.to_owned(),
        platform: all(),
        kind: all(),
        domain: all(),
        value,
        low: interval.map(|(low, _)| low),
        high: interval.map(|(_, high)| high),
        numerator: of.map(|_| 2.0),
        denominator: of,
        coverage: Some(coverage),
    }
}

fn series() -> Series {
    let day = 86_400_000;
    let point = |at: i64, value: f64, band: Option<Band>, signal| SeriesPoint {
        as_of: 1_700_000_000_000 - (2 - at) * day,
        value,
        band,
        signal,
    };
    let band = |value| Some(Band { value, low: 20.0, high: 40.0 });
    Series {
        metric: "exposure_pct".to_owned(),
        unit: "percent",
        centre: Some(30.0),
        baseline_points: 3,
        provisional: true,
        drift_since: Some(1_700_000_000_000),
        points: vec![
            point(0, 33.3, band(33.3), None),
            point(1, 33.3, band(33.3), None),
            point(2, 66.7, band(40.1), Some(true)),
        ],
    }
}

/// What the fixture's snapshot is compared with, and the texts about it.
fn material() -> Material {
    let rule = |id, title| RuleText {
        id,
        title,
        meaning: "Whoever controls it can control the zone.",
        remediation: "Remove the statement.",
    };
    let gauge = |id, definition| Gauge { id, definition, unit: "percent", better: "lower" };
    let framework = FrameworkText {
        id: "owasp-nhi".to_owned(),
        name: "OWASP NHI Top 10".to_owned(),
        revision: "2025".to_owned(),
        source: "https://owasp.org/www-project-non-human-identities-top-10/2025/".to_owned(),
        controls: vec![("NHI5".to_owned(), "Overprivileged NHI".to_owned())],
    };
    let step = PlanStep {
        name: "statement Keys of policy inline of role deploy".to_owned(),
        id: "arn → inline → Keys".to_owned(),
        change: r#"{"op":"delete_grant"}"#.to_owned(),
        before: 3,
        after: 1,
        used_lost: Vec::new(),
        observed: false,
    };
    Material {
        rules: vec![rule("escalation-path", "Principal can escalate"), rule("key-age", "Key is old")],
        frameworks: vec![framework],
        gauges: vec![gauge("exposure_pct", "Exposed principals."), gauge("keys_over_90d_pct", "Old \"keys\".")],
        techniques: [("iam-002".to_owned(), "Create an access key".to_owned())].into(),
        compared: Some(Compared {
            called: "the baseline 2023-11-12T221320Z".to_owned(),
            rows: vec![metric("exposure_pct", Some(33.3), None, 0.5)],
        }),
        trends: vec![series()],
        plan: Planned::Made(PlanText {
            exposure: 3,
            steps: vec![step],
            remarks: vec!["Fewer will not do.".to_owned()],
        }),
    }
}

/// An exception in force, about the fixture's finding.
fn exception() -> Exception {
    Exception {
        exception: "EX-1".to_owned(),
        rule: None,
        principal: None,
        resource: None,
        domain: None,
        reason: Some("until the move".to_owned()),
        owner: Some("ann".to_owned()),
        approved_by: Some("bob".to_owned()),
        created_at: None,
        expires_at: Some(1_700_000_000_000),
        ticket: Some("T-9".to_owned()),
        status: ExceptionStatus::Active,
        problem: None,
        matched_n: 1,
        source: SourceId(0),
        record: String::new(),
    }
}

impl Fixture {
    /// The fixture with something in every table that a report shows: a path, metrics, an orphan, a choke point, an
    /// issue, and findings in every state, one of them under an exception.
    pub fn full() -> Self {
        let mut full = Self { material: material(), ..Self::default() };
        let results = &mut full.results;
        let path = Path {
            entity: EntityId(3),
            target: EntityId(0),
            hops: 1,
            certainty: Certainty::Certain,
            steps: vec![0],
            weakest_reason: None,
        };
        results.paths.push(path);
        results.metrics.push(metric("exposure_pct", Some(66.7), Some((66.7, 100.0)), 0.5));
        results.metrics.push(metric("keys_over_90d_pct", None, None, 0.0));
        results.orphans.push(Orphan {
            entity: EntityId(3),
            reason: OrphanReason::Ownerless,
            since: None,
            since_source: None,
            undetermined: None,
            evidence: vec!["no owner tag".to_owned()],
            proposed_owner: Some("ann".to_owned()),
            proposed_confidence: Some(0.7),
            proposed_evidence: vec!["created it".to_owned()],
        });
        results.choke_points.push(ChokePoint {
            entity: EntityId(3),
            kind: ChokeKind::Statement,
            other: None,
            grant: Some(0),
            id: "arn → inline → Keys".to_owned(),
            name: "statement Keys".to_owned(),
            unavoidable_for: 2,
            exposure_before: 3,
            exposure_after: 1,
            removable: true,
            used_in_window: None,
            change: None,
        });
        let of_state = |state: FindingState, severity: Severity, exception: Option<&str>| Finding {
            fingerprint: format!("{state}-{severity}"),
            rule: "key-age".to_owned(),
            severity,
            entity: EntityId(4),
            title: "key of `alice` is old".to_owned(),
            state,
            exception: exception.map(str::to_owned),
            frameworks: vec!["nist-csf:2.0:PR.AA-01".to_owned()],
            subjects: Vec::new(),
            ..finding()
        };
        results.findings.push(of_state(FindingState::Unchanged, Severity::High, Some("EX-1")));
        results.findings.push(of_state(FindingState::Updated, Severity::Medium, None));
        results.findings.push(of_state(FindingState::Reopened, Severity::Low, None));
        results.findings.push(of_state(FindingState::Absent, Severity::Low, None));
        full.tables.exceptions.push(exception());
        full.tables.issues.push(Issue {
            severity: IssueSeverity::Warning,
            source: Some(SourceId(0)),
            record: "/1".to_owned(),
            code: "policy_missing".to_owned(),
            message: "policy `p` is missing".to_owned(),
        });
        full
    }

    /// The full fixture with the hostile name in every text that comes from an export.
    pub fn hostile() -> Self {
        Self::named(HOSTILE)
    }

    /// The full fixture with this name in every text that comes from an export.
    pub fn named(name: &str) -> Self {
        let mut evil = Self::full();
        let all = || name.to_owned();
        for entity in &mut evil.tables.entities {
            (entity.name, entity.id) = (all(), format!("{}{name}", entity.id));
            (entity.owner, entity.domain, entity.protected_reason) = (Some(all()), Some(all()), Some(all()));
        }
        let grant = &mut evil.tables.grants[0];
        (grant.policy, grant.statement, grant.record, grant.actions) = (all(), all(), all(), vec![all()]);
        let issue = &mut evil.tables.issues[0];
        (issue.message, issue.record) = (all(), all());
        let source = &mut evil.tables.sources[0];
        (source.path, source.kind) = (all(), all());
        for finding in &mut evil.results.findings {
            (finding.title, finding.evidence) = (all(), vec![all()]);
        }
        let score = &mut evil.results.scores[0];
        (score.reason_1, score.reason_2) = (Some(all()), Some(all()));
        let orphan = &mut evil.results.orphans[0];
        (orphan.evidence, orphan.proposed_owner) = (vec![all()], Some(all()));
        let choke = &mut evil.results.choke_points[0];
        (choke.name, choke.id, choke.change) = (all(), all(), Some(all()));
        let edge = &mut evil.results.edges[0];
        (edge.technique, edge.reasons, edge.certainty) = (all(), vec![all()], Certainty::Conditional);
        let part = Metric { domain: all(), ..evil.results.metrics[0].clone() };
        evil.results.metrics.push(part);
        let exception = &mut evil.tables.exceptions[0];
        (exception.reason, exception.ticket) = (Some(all()), Some(all()));
        evil.incomplete = vec![all()];
        if let Planned::Made(plan) = &mut evil.material.plan {
            let step = &mut plan.steps[0];
            (step.name, step.id, step.change, step.used_lost) = (all(), all(), all(), vec![all()]);
        }
        evil
    }

    /// As many principals with scores, and a finding for every second of them.
    pub fn of_principals(n: u32) -> Self {
        let mut many = Self::full();
        let first = u32::try_from(many.tables.entities.len()).unwrap_or(u32::MAX);
        let reasons = ["one step from administration", "rights that were not used in 90 days", "a key of 400 days"];
        for at in 0..n {
            let name = format!("service-{at:06}");
            let path = format!("role/team-{:03}/{name}", at % 500);
            let mut one = entity(EntityKind::Role, &path, &name, Some(at % 3 == 0));
            one.entity = EntityId(first + at);
            many.tables.entities.push(one);
            let risk = f64::from(at * 7919 % 1000) / 10.0;
            let mut row = score(first + at, risk.min(99.9), reasons[at as usize % 3]);
            row.shares.push(format!("excess={}", f64::from(at % 7) / 10.0));
            many.results.scores.push(row);
            if at % 2 == 0 {
                let fingerprint = format!("{at:032x}");
                let title = format!("role `{name}` has rights that nobody used");
                let (rule, severity) = ("unused-service".to_owned(), Severity::ALL[at as usize % 4]);
                let entity = EntityId(first + at);
                many.results.findings.push(Finding { fingerprint, rule, severity, entity, title, ..finding() });
            }
        }
        many
    }

    /// Nothing at all.
    pub fn empty() -> Self {
        Self {
            tables: Tables::default(),
            results: Results::default(),
            exposure: Exposure::default(),
            incomplete: Vec::new(),
            material: Material::default(),
        }
    }

    /// What a report sees of it.
    pub fn view(&self) -> View<'_> {
        View {
            snapshot: "2026-11-22T053000Z",
            as_of: 1_700_000_000_000,
            sources: &self.tables.sources,
            tables: &self.tables,
            results: &self.results,
            coverage: &self.results.coverage,
            exposure: &self.exposure,
            incomplete: &self.incomplete,
            material: &self.material,
        }
    }
}

#[test]
fn every_report_is_the_same_twice_and_sends_no_command_to_a_terminal() -> std::io::Result<()> {
    let fixture = Fixture::default();
    for report in super::ALL {
        let (mut once, mut again) = (Vec::new(), Vec::new());
        report.write(&fixture.view(), &mut once)?;
        report.write(&Fixture::default().view(), &mut again)?;
        let text = String::from_utf8_lossy(&once);
        assert_eq!(once, again, "{}", report.name());
        assert!(!text.contains(|c| super::escape::is_unsafe(c) && c != '\n'), "{}: {text}", report.name());
        if report.name() == "opengraph-schema" {
            // Kinds only: there is nothing of the organisation in it.
            continue;
        }
        assert!(text.contains("escalation-path") || text.contains("escalation\\-path"), "{}: {text}", report.name());
    }
    Ok(())
}

/// Reports for `tests/browser` and `tests/python/reports_check.py`, which say by `OVERGRANT_REPORTS` where they want
/// them: with something in every part, with the hostile name everywhere, with a script and with a very long name that is
/// written from right to left, with nothing; and a page of 100,000 principals.
#[test]
fn reports_are_written_where_they_are_wanted() -> std::io::Result<()> {
    let folder = std::env::var_os("OVERGRANT_REPORTS").map(std::path::PathBuf::from);
    let put = |name: &str, extension: &str, report: &str, fixture: &Fixture| -> std::io::Result<()> {
        let mut bytes = Vec::new();
        super::find(report).expect("a report").write(&fixture.view(), &mut bytes)?;
        match &folder {
            Some(folder) => std::fs::write(folder.join(format!("{name}.{extension}")), bytes),
            None => Ok(()),
        }
    };
    let pages = [
        ("full", Fixture::full()),
        ("hostile", Fixture::hostile()),
        ("script", Fixture::named(SCRIPT)),
        ("rtl", Fixture::named(&right_to_left())),
        ("empty", Fixture::empty()),
    ];
    for (name, fixture) in pages {
        for (extension, report) in
            [("html", "html"), ("sarif", "sarif"), ("ocsf.jsonl", "ocsf"), ("prom", "openmetrics"), ("md", "markdown")]
        {
            put(name, extension, report, &fixture)?;
        }
    }
    put("large", "html", "html", &Fixture::of_principals(if folder.is_some() { 100_000 } else { 100 }))
}

#[test]
fn no_report_lets_a_name_act() -> std::io::Result<()> {
    let evil = Fixture::hostile();
    for report in super::ALL {
        let mut bytes = Vec::new();
        report.write(&evil.view(), &mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(|c| super::escape::is_unsafe(c) && c != '\n'), "{}", report.name());
        assert!(text.contains("cmd"), "{}: the name is there", report.name());
        let mut nothing = Vec::new();
        report.write(&Fixture::empty().view(), &mut nothing)?;
        assert!(!nothing.is_empty() || report.name() == "ocsf", "{}: nothing is an answer too", report.name());
    }
    Ok(())
}

#[test]
fn a_script_is_text_and_a_long_name_is_whole_in_every_report() -> std::io::Result<()> {
    let long = right_to_left();
    for report in super::ALL.iter().filter(|report| report.name() != "opengraph-schema") {
        let written = |fixture: &Fixture| -> std::io::Result<String> {
            let mut bytes = Vec::new();
            report.write(&fixture.view(), &mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let script = written(&Fixture::named(SCRIPT))?;
        if matches!(report.name(), "html" | "markdown") {
            assert!(!script.contains(SCRIPT) && script.contains("&lt;script&gt;alert(1)"), "{}", report.name());
        } else {
            assert!(script.contains("script>alert(1)"), "{}", report.name());
        }
        assert!(written(&Fixture::named(&long))?.contains(&long), "{}: the name is whole somewhere", report.name());
    }
    Ok(())
}

#[test]
fn a_spreadsheet_reads_hostile_names_as_text_of_one_cell() -> Result<(), Box<dyn std::error::Error>> {
    let evil = Fixture::hostile();
    let view = evil.view();
    let (mut findings, mut scores) = (Vec::new(), Vec::new());
    super::findings_csv(&view, &view.findings(), &mut findings)?;
    super::scores_csv(&view, &view.scores(), &mut scores)?;
    for (bytes, rows) in [(findings, 4), (scores, 2)] {
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let records: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>()?;
        assert_eq!(records.len(), rows, "a line break in a name begins no row");
        for cell in records.iter().flatten() {
            let number = cell.parse::<f64>().is_ok();
            assert!(number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?} is a formula");
        }
    }
    Ok(())
}

#[test]
fn csv_has_a_column_for_each_name_and_no_formula() -> std::io::Result<()> {
    let fixture = Fixture::default();
    let view = fixture.view();
    let (mut findings, mut scores) = (Vec::new(), Vec::new());
    super::findings_csv(&view, &view.findings(), &mut findings)?;
    super::scores_csv(&view, &view.scores(), &mut scores)?;
    assert!(String::from_utf8_lossy(&findings).contains(",'=evil() can become administrator,"));
    let mut reader = csv::Reader::from_reader(scores.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>()?;
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0][0], &rows[0][5]), ("arn:aws:iam::111122223333:role/ci/deploy", "91.25"));
    Ok(())
}

#[test]
fn the_scan_document_has_the_published_keys() {
    let fixture = Fixture::default();
    let document = super::summary::document(&fixture.view());
    let keys: Vec<&str> = document.as_object().map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default();
    let expected = [
        "as_of",
        "counts",
        "coverage",
        "exceptions",
        "findings",
        "format",
        "incomplete",
        "metrics",
        "snapshot",
        "sources",
    ];
    assert_eq!(keys, expected);
    assert_eq!(document["counts"]["principals"], 3);
    assert_eq!(document["counts"]["accounts"], 1);
    let mut vendor = Fixture::default();
    vendor.tables.entities[2].scope = Some("aws".to_owned());
    assert_eq!(super::summary::document(&vendor.view())["counts"]["accounts"], 1, "a vendor's policy is no account");
    let mut directory = Fixture::default();
    directory.tables.entities[4].scope = Some("aws:identity-store/d-1234567890".to_owned());
    let counts = super::summary::document(&directory.view())["counts"].clone();
    assert_eq!(counts["accounts"], 1, "a directory of people is no account");
    assert_eq!((&counts["users"], &counts["roots"]), (&2.into(), &0.into()));
    directory.tables.entities[4].id = "arn:aws:iam::111122223333:root".to_owned();
    let counts = super::summary::document(&directory.view())["counts"].clone();
    assert_eq!((&counts["users"], &counts["roots"], &counts["principals"]), (&1.into(), &1.into(), &3.into()));
    assert_eq!(document["findings"]["critical"], 1);
    assert_eq!(document["as_of"], "2023-11-14T22:13:20Z");
}

#[test]
fn a_finding_of_a_cause_names_whom_it_affects() {
    let mut fixture = Fixture::default();
    let group = &mut fixture.results.findings[0];
    (group.entity, group.subjects, group.affected_n) = (EntityId(2), vec![3, 4], 2);
    let row = super::rows::finding(&fixture.view(), &fixture.results.findings[0]);
    assert_eq!((&row["entity_name"], &row["affected_n"]), (&"deploy".into(), &2.into()));
    assert_eq!(row["subjects"][0], "arn:aws:iam::111122223333:role/ci/deploy");
    assert_eq!(row["subject_names"], serde_json::json!(["deploy", "alice"]));
}
