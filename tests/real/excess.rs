//! Excess privilege against real logs: CloudTrail of one account joined to an export that is written here for it, and a
//! folder with service reports.
//!
//! `OVERGRANT_EXCESS_FILE=excess.json OVERGRANT_SHARED=… cargo test --test main real_data`, then
//! `python tests/python/excess_check.py excess.json`: the program computes everything again from the same files.

use std::path::PathBuf;

use overgrant::model::Score;
use serde_json::{Value, json};

use super::file;
use crate::analysed::Analysed;

/// Account of the logs.
const ACCOUNT: &str = "123837392027";
/// The day after the logs.
const AS_OF: &str = "2023-07-11";
/// The day after the service reports of the folder.
const REPORTS_AS_OF: &str = "2019-05-04";

/// Worked out by hand in `docs/worked-examples.md`: granted, observable, unused, too young, observable and unused mass.
type Worked = (&'static str, [u64; 4], [f64; 2]);

const WORKED: [Worked; 3] = [
    ("user/bert-jan", [12, 10, 4, 0], [112.0, 44.0]),
    ("user/benjamin", [8, 7, 4, 0], [60.0, 40.0]),
    ("role/stratus-red-team-ec2-steal-credentials-role", [6, 3, 0, 3], [44.0, 0.0]),
];

fn statement(actions: &[&str], resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resource})
}

fn inline(statements: &[Value]) -> Value {
    json!([{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}])
}

/// The export of the account: two users and a role of those in the logs, and one role that is in none.
fn export() -> Value {
    let arn = |end: &str| format!("arn:aws:iam::{ACCOUNT}:{end}");
    let bert = inline(&[
        statement(&["ssm:DescribeParameters", "ssm:GetParameter*", "ssm:PutParameter", "ssm:AddTagsToResource"], "*"),
        statement(&["kms:Decrypt", "kms:ScheduleKeyDeletion", "iam:GetUser", "iam:PassRole"], "*"),
        statement(&["s3:GetObject"], "arn:aws:s3:::reports/2023/june.csv"),
    ]);
    let role = |name: &str, created: &str, policies: Value| {
        json!({"Arn": arn(&format!("role/{name}")), "RoleName": name, "Path": "/", "RoleId": format!("AROA{name}"),
            "CreateDate": created, "RolePolicyList": policies, "AttachedManagedPolicies": [], "InstanceProfileList": [],
            "Tags": [], "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}})
    };
    let user = |name: &str, groups: &[&str], policies: Value| {
        json!({"Arn": arn(&format!("user/{name}")), "UserName": name, "Path": "/", "UserId": format!("AIDA{name}"),
            "CreateDate": "2022-01-01T00:00:00Z", "UserPolicyList": policies, "GroupList": groups,
            "AttachedManagedPolicies": [], "Tags": []})
    };
    let audit = arn("policy/bucket-audit");
    let looks = [
        "s3:GetBucketAcl",
        "s3:GetBucketPolicy",
        "s3:GetEncryptionConfiguration",
        "s3:ListAllMyBuckets",
        "s3:GetBucketWebsite",
    ];
    let looks = statement(&looks, "*");
    let writes = statement(&["s3:PutBucketPolicy", "s3:PutBucketTagging", "s3:PutObject"], "arn:aws:s3:::audit-*");
    let documents = json!({"Version": "2012-10-17", "Statement": [looks, writes]});
    let steal = inline(&[statement(
        &[
            "ssm:UpdateInstanceInformation",
            "ssm:PutInventory",
            "ec2:DescribeInstances",
            "ec2:CreateVpc",
            "ec2:DescribeVpcs",
            "ec2:CreateTags",
        ],
        "*",
    )]);
    json!({
        "UserDetailList": [user("bert-jan", &[], bert), user("benjamin", &["audit"], json!([]))],
        "GroupDetailList": [{"Arn": arn("group/audit"), "GroupName": "audit", "Path": "/", "GroupId": "AGPAaudit",
            "CreateDate": "2022-01-01T00:00:00Z", "GroupPolicyList": [],
            "AttachedManagedPolicies": [{"PolicyName": "bucket-audit", "PolicyArn": audit}]}],
        "RoleDetailList": [
            role("stratus-red-team-ec2-steal-credentials-role", "2023-07-10T11:50:00Z", steal),
            role("nobody", "2022-01-01T00:00:00Z", inline(&[statement(&["ec2:DescribeVpcs", "ec2:CreateVpc"], "*")])),
        ],
        "Policies": [{"Arn": audit, "PolicyName": "bucket-audit", "PolicyId": "ANPAaudit", "Path": "/",
            "DefaultVersionId": "v1", "CreateDate": "2022-01-01T00:00:00Z", "PolicyVersionList": [{"VersionId": "v1",
            "IsDefaultVersion": true, "CreateDate": "2022-01-01T00:00:00Z", "Document": documents}]}],
    })
}

/// What the engine says of one principal.
fn measured(analysed: &Analysed, score: &Score) -> Value {
    let rows = analysed.scan.results.access.of(score.entity);
    let sum = |of: &dyn Fn(&overgrant::model::Access) -> u64| rows.iter().map(of).sum::<u64>();
    let masses = |of: &dyn Fn(&overgrant::model::Access) -> f64| rows.iter().map(of).sum::<f64>();
    json!({
        "principal": analysed.id(score.entity), "granted": sum(&|row| row.granted_n.into()),
        "observable": sum(&|row| row.observable_n.unwrap_or(0).into()),
        "unused": sum(&|row| row.unused_n.unwrap_or(0).into()),
        "young": sum(&|row| row.undetermined_n.unwrap_or(0).into()),
        "mass": score.mass, "observable_mass": masses(&|row| row.observable_mass.unwrap_or(0.0)),
        "unused_mass": masses(&|row| row.unused_mass.unwrap_or(0.0)),
        "pgr": score.pgr, "wpg": score.wpg, "wpa": score.wpa, "grade": score.evidence_grade,
    })
}

fn case(export: &str, usage: &str, as_of: &str, analysed: &Analysed) -> Value {
    let scores = analysed.scan.results.scores.iter();
    let principals: Vec<Value> = scores.map(|score| measured(analysed, score)).collect();
    json!({"export": export, "usage": usage, "as_of": as_of, "principals": principals})
}

/// Excess per principal from the logs, against the hand arithmetic and, where asked, for the independent program.
pub fn against_logs() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?.keep();
    let written = folder.join("account.json");
    std::fs::write(&written, export().to_string()).map_err(|error| error.to_string())?;
    let logs = file("cloudtrail")?;
    let analysed = Analysed::new(vec![written.clone(), logs.clone()], AS_OF, None)?;
    let demo = file("cloudmapper-demo")?;
    let reports = Analysed::new(vec![demo.clone()], REPORTS_AS_OF, None)?;
    let shown = |path: &PathBuf| path.display().to_string();
    let gaad = demo.join("iam-get-account-authorization-details.json");
    let cases = [
        case(&shown(&written), &shown(&logs), AS_OF, &analysed),
        case(&shown(&gaad), &shown(&demo), REPORTS_AS_OF, &reports),
    ];
    let wrong: Vec<String> = WORKED.iter().filter_map(|worked| worked_out(&cases[0], worked).err()).collect();
    if let Some(path) = std::env::var_os("OVERGRANT_EXCESS_FILE") {
        std::fs::write(path, json!({"cases": cases}).to_string()).map_err(|error| error.to_string())?;
    } else {
        std::fs::remove_dir_all(folder).map_err(|error| error.to_string())?;
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Holds one principal to the hand arithmetic.
fn worked_out(case: &Value, (end, counts, masses): &Worked) -> Result<(), String> {
    let principals = case["principals"].as_array().into_iter().flatten();
    let ends = |row: &&Value| row["principal"].as_str().is_some_and(|id| id.ends_with(end));
    let found = principals.into_iter().find(ends).ok_or_else(|| format!("`{end}` has no scores"))?;
    let n = ["granted", "observable", "unused", "young"].map(|key| found[key].as_u64().unwrap_or(u64::MAX));
    let mass = ["observable_mass", "unused_mass"].map(|key| found[key].as_f64().unwrap_or(f64::NAN));
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let gap = counts[2] as f64 / counts[1] as f64;
    let gaps = (found["pgr"].as_f64(), found["wpg"].as_f64(), found["wpa"].as_f64());
    let expected = (Some(gap), Some(masses[1] / masses[0]), Some(masses[1]));
    if n == *counts
        && mass.map(f64::to_bits) == masses.map(f64::to_bits)
        && gaps == expected
        && found["grade"] == "measured-action"
    {
        return Ok(());
    }
    Err(format!("{end}: {found}, expected {counts:?}, {masses:?}, {expected:?}"))
}
