//! A small organisation with a hostile name in it, for the tests of every renderer.

use super::{Exposed, Exposure, View};
use crate::model::{
    Certainty, Coverage, Edge, Effect, Entity, EntityId, EntityKind, Finding, FindingState, Grant, Layer, Results,
    Score, Severity, Source, SourceId, Tables,
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
}

const ACCOUNT: &str = "111122223333";

fn entity(kind: EntityKind, path: &str, name: &str, nhi: Option<bool>) -> Entity {
    let mut entity = Entity::named(&format!("arn:aws:iam::{ACCOUNT}:{path}"), "aws", kind, name);
    entity.present = true;
    entity.scope = Some(ACCOUNT.to_owned());
    entity.nhi = nhi;
    entity
}

fn score(entity: u32, risk: f64, reason: &str) -> Score {
    Score {
        entity: EntityId(entity),
        excess: None,
        orphan: None,
        escalation: Some(risk),
        credential: None,
        risk,
        risk_low: risk - 1.0,
        risk_high: risk + 1.0,
        shares: vec![format!("escalation={}", -(1.0 - risk / 100.0).ln())],
        pgr: None,
        wpg: None,
        wpa: None,
        mass: 10.0,
        power: 0.5,
        hops_to_protected: Some(1),
        blast_radius: 0.25,
        exposure_in: 0,
        cohort: "aws".to_owned(),
        cohort_n: 3,
        cohort_percentile: None,
        surprise: None,
        surprise_percentile: None,
        observed_cohort: None,
        observed_cohort_n: None,
        observed_surprise: None,
        observed_percentile: None,
        role_gap_n: None,
        role_gap_mass: None,
        removable_n: None,
        removable_mass: None,
        window_days: None,
        coverage: 0.25,
        evidence_grade: "static".to_owned(),
        reason_1: Some(reason.to_owned()),
        reason_2: None,
        reason_3: None,
    }
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
        fingerprint: "f00d".to_owned(),
        rule: "escalation-path".to_owned(),
        severity: Severity::Critical,
        entity: EntityId(3),
        title: "=evil() can become administrator".to_owned(),
        subjects: vec![5],
        affected_n: 1,
        evidence: vec!["statement `Keys`".to_owned()],
        frameworks: vec!["owasp-nhi:2025:NHI5".to_owned()],
        first_seen: 1_700_000_000_000,
        state: FindingState::New,
        exception: None,
    }
}

impl Default for Fixture {
    /// Six entities sorted by id: account, group, policy, role, two users, the last with an escape in its name.
    fn default() -> Self {
        let mut account = Entity::named(ACCOUNT, "aws", EntityKind::Scope, "main");
        (account.present, account.protected) = (true, true);
        let entities = vec![
            account,
            entity(EntityKind::Group, "group/ops", "ops", None),
            entity(EntityKind::RoleDefinition, "policy/deploy", "deploy", None),
            entity(EntityKind::Role, "role/ci/deploy", "deploy", Some(true)),
            entity(EntityKind::User, "user/alice", "alice", Some(false)),
            entity(EntityKind::User, "user/team/ops\u{1b}[2J", "ops\u{1b}[2J", Some(false)),
        ];
        let mut tables = Tables { entities, grants: vec![grant()], ..Tables::default() };
        for (number, entity) in (0..).zip(&mut tables.entities) {
            entity.entity = EntityId(number);
        }
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
        Self { tables, results, exposure: Exposure { zone, targets: vec![(EntityId(0), zone)] }, incomplete }
    }
}

impl Fixture {
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
