//! One cause, one finding, from scan to scan: it keeps its name while those whom it affects come and go, and what
//! happens elsewhere does not touch it.

use std::path::{Path, PathBuf};

use overgrant::analysis::{self, Before, Progress, Scan, ScanRequest};
use overgrant::config::Config;
use overgrant::model::text::parse_time;
use overgrant::model::{Finding, FindingState};
use serde_json::{Value, json};

struct Silent;

impl Progress for Silent {
    fn stage(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn finish(&self) {}
}

/// The export of the case with five roles under one policy.
fn export() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/aws_cause_shared_policy/export/details.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn scan(export: &Value, day: &str, before: Option<&Scan>) -> Scan {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("details.json"), export.to_string()).unwrap();
    let paths: Vec<PathBuf> = vec![folder.path().to_path_buf()];
    let as_of = parse_time(day).unwrap();
    let request = ScanRequest { paths, as_of, techniques: Vec::new(), config: Config::embedded().unwrap() };
    let before = before.map(|scan| Before {
        tables: &scan.tables,
        findings: &scan.results.findings,
        past: None,
        recorded: None,
        earlier: None,
    });
    analysis::scan(&request, before, &Silent).unwrap()
}

/// The findings of a scan about who is an administrator, by name of their entity.
fn administrators(scan: &Scan) -> Vec<(&str, &Finding)> {
    let rows = scan.results.findings.iter().filter(|row| row.rule == "administrator-equivalent");
    rows.map(|row| (scan.tables.entity(row.entity).name.as_str(), row)).collect()
}

fn of<'s>(scan: &'s Scan, name: &str) -> &'s Finding {
    administrators(scan).into_iter().find(|(entity, _)| *entity == name).unwrap().1
}

/// Takes the shared policy from so many of its roles.
fn detach(export: &mut Value, n: usize) {
    for role in export["RoleDetailList"].as_array_mut().unwrap().iter_mut().take(n) {
        role["AttachedManagedPolicies"] = json!([]);
    }
}

#[test]
fn a_cause_keeps_its_name_while_those_whom_it_affects_come_and_go() {
    let first = scan(&export(), "2026-11-01", None);
    let cause = of(&first, "Operations");
    assert_eq!((cause.affected_n, cause.subjects.len(), cause.state), (5, 5, FindingState::New));

    let same = scan(&export(), "2026-11-08", Some(&first));
    assert_eq!(of(&same, "Operations").state, FindingState::Unchanged);

    let mut four = export();
    detach(&mut four, 1);
    let four = scan(&four, "2026-11-15", Some(&same));
    let left = of(&four, "Operations");
    assert_eq!((left.affected_n, left.subjects.len(), left.state), (4, 4, FindingState::Updated));
    assert_eq!((&left.fingerprint, left.first_seen), (&cause.fingerprint, cause.first_seen));

    let mut two = export();
    detach(&mut two, 3);
    let two = scan(&two, "2026-11-22", Some(&four));
    assert_eq!(of(&two, "Operations").state, FindingState::Absent);
    let alone: Vec<_> = ["job-4", "job-5"].map(|name| (of(&two, name).affected_n, of(&two, name).state)).into();
    assert_eq!(alone, [(1, FindingState::New), (1, FindingState::New)]);
}

#[test]
fn names_outlive_what_happens_elsewhere() {
    let first = scan(&export(), "2026-11-01", None);
    let mut changed = export();
    // Principals that have nothing to do with it come, statements change places, and a list is turned round.
    let stranger = |name: &str| {
        json!({
            "Path": "/", "UserName": name, "UserId": format!("AIDA{name}"),
            "Arn": format!("arn:aws:iam::111122223333:user/{name}"), "CreateDate": "2025-01-01T00:00:00Z",
            "GroupList": [], "AttachedManagedPolicies": [], "UserPolicyList": [],
        })
    };
    changed["UserDetailList"] = json!([stranger("aaa"), stranger("zzz")]);
    let harmless = json!({ "Sid": "Look", "Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*" });
    let statements = &mut changed["Policies"][0]["PolicyVersionList"][0]["Document"]["Statement"];
    statements.as_array_mut().unwrap().insert(0, harmless);
    changed["RoleDetailList"].as_array_mut().unwrap().reverse();
    let second = scan(&changed, "2026-11-08", Some(&first));
    let names = |scan: &Scan| -> Vec<String> {
        let mut names: Vec<String> = administrators(scan).iter().map(|(_, row)| row.fingerprint.clone()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&first).len(), 4);
    assert_eq!(names(&first), names(&second));
    let states: Vec<FindingState> = administrators(&second).iter().map(|(_, row)| row.state).collect();
    assert_eq!(states, [FindingState::Unchanged; 4]);
}
