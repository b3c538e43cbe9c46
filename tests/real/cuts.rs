//! What a cut promises is what a new scan finds: changes are made in the export itself, which is then read again.

use std::collections::BTreeSet;
use std::fs;

use overgrant::analysis;
use serde_json::Value;

use super::{Case, file};
use crate::analysed::{AS_OF, Analysed};
use crate::cli;

pub const CASES: &[Case] = &[
    ("a cut plan of IAM Vulnerable", plan_of_iam_vulnerable),
    ("the choke points of IAM Vulnerable", choke_points_of_iam_vulnerable),
    ("isolating the zone of IAM Vulnerable", isolation_of_iam_vulnerable),
];

const LISTS: &[(&str, &str)] = &[
    ("UserDetailList", "UserPolicyList"),
    ("GroupDetailList", "GroupPolicyList"),
    ("RoleDetailList", "RolePolicyList"),
];

fn export() -> Result<Value, String> {
    let text = fs::read(file("iam-vulnerable.json")?).map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

/// Runs a command that prints JSON on a store with a scan of the export.
fn answer(arguments: &[&str]) -> Result<Value, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = file("iam-vulnerable.json")?;
    let path = path.to_str().ok_or("the path is no text")?;
    cli::run(folder.path(), &["scan", path, "--as-of", AS_OF, "--format", "json"]);
    let output = cli::run(folder.path(), arguments);
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Principals outside the zone that reach it or may, and the ids of the zone's members.
fn exposed(export: &Value) -> Result<(u64, BTreeSet<String>), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("export.json");
    fs::write(&path, export.to_string()).map_err(|error| error.to_string())?;
    let analysed = Analysed::new(vec![path], AS_OF, None)?;
    let exposure = analysis::exposure(analysed.tables(), &analysed.scan.results);
    let zone = exposure.targets.iter().filter_map(|row| row.target).map(|target| analysed.id(target).to_owned());
    Ok((exposure.zone.exposed_possible, zone.collect()))
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// The entry of an ARN and the key of its inline policies; the key is empty for a managed policy.
fn entry<'e>(export: &'e mut Value, arn: &str) -> Result<(&'e mut Value, &'static str), String> {
    let place = LISTS.iter().chain([&("Policies", "")]).find_map(|&(list, inline)| {
        let at = export[list].as_array()?.iter().position(|entry| text(entry, "Arn") == arn)?;
        Some((list, inline, at))
    });
    let (list, inline, at) = place.ok_or_else(|| format!("{arn} is not in the export"))?;
    Ok((&mut export[list][at], inline))
}

fn remove(list: &mut Value, which: impl Fn(usize, &Value) -> bool) -> Result<(), String> {
    let rows = list.as_array_mut().ok_or("no list")?;
    let before = rows.len();
    let mut at = 0;
    rows.retain(|row| {
        at += 1;
        !which(at - 1, row)
    });
    if rows.len() + 1 == before { Ok(()) } else { Err(format!("{} rows removed, not 1", before - rows.len())) }
}

fn remove_statement(document: &mut Value, name: &str) -> Result<(), String> {
    let statements = &mut document["Statement"];
    if statements.is_object() {
        *statements = Value::Array(vec![statements.take()]);
    }
    remove(statements, |at, row| {
        row["Sid"].as_str().filter(|sid| !sid.is_empty()).map_or_else(|| format!("#{at}") == name, |sid| sid == name)
    })
}

/// Makes one change of a change set in an export.
fn make(export: &mut Value, change: &Value) -> Result<(), String> {
    match text(change, "op") {
        "detach" => {
            let (holder, _) = entry(export, text(change, "holder"))?;
            remove(&mut holder["AttachedManagedPolicies"], |_, row| text(row, "PolicyArn") == text(change, "policy"))
        }
        "remove_member" => {
            let (group, _) = entry(export, text(change, "container"))?;
            let group = text(group, "GroupName").to_owned();
            let (member, _) = entry(export, text(change, "member"))?;
            remove(&mut member["GroupList"], |_, row| row == &group)
        }
        "set_trust" => {
            let (role, _) = entry(export, text(change, "principal"))?;
            remove_statement(&mut role["AssumeRolePolicyDocument"], text(change, "remove_statement"))
        }
        "delete_principal" => {
            let arn = text(change, "principal").to_owned();
            let list = if arn.contains(":user/") { "UserDetailList" } else { "RoleDetailList" };
            remove(&mut export[list], |_, row| text(row, "Arn") == arn)
        }
        "delete_grant" => {
            let (holder, inline) = entry(export, text(change, "holder"))?;
            let (list, named, document) = if inline.is_empty() {
                ("PolicyVersionList", "IsDefaultVersion", "Document")
            } else {
                (inline, "PolicyName", "PolicyDocument")
            };
            let policy = text(change, "policy");
            let rows = holder[list].as_array_mut().ok_or("no policies")?;
            let wanted = |row: &&mut Value| row[named] == Value::Bool(true) || row[named] == policy;
            let row = rows.iter_mut().find(wanted).ok_or("no such policy")?;
            remove_statement(&mut row[document], text(change, "statement"))
        }
        other => Err(format!("`{other}` is no change that a cut makes")),
    }
}

/// Makes changes one after the other and holds exposure to what was said of each.
fn plan_of_iam_vulnerable() -> Result<(), String> {
    let plan = answer(&["cut-plan", "--budget", "3", "--format", "json"])?;
    let steps = plan["steps"].as_array().ok_or("no steps")?;
    if steps.len() != 3 {
        return Err(format!("{} steps", steps.len()));
    }
    let mut export = export()?;
    let (mut before, zone) = exposed(&export)?;
    for step in steps {
        make(&mut export, &step["change"])?;
        let (after, left) = exposed(&export)?;
        let said = (step["exposure_before"].as_u64(), step["exposure_after"].as_u64());
        if said != (Some(before), Some(after)) || left != zone || after >= before {
            return Err(format!("{}: found {before} → {after}, said {said:?}", step["change"]));
        }
        before = after;
    }
    Ok(())
}

/// Takes every choke point away by itself.
fn choke_points_of_iam_vulnerable() -> Result<(), String> {
    let answer = answer(&["choke-points", "--format", "json"])?;
    let export = export()?;
    let (before, _) = exposed(&export)?;
    let rows = answer["choke_points"].as_array().ok_or("no choke points")?;
    let mut wrong = Vec::new();
    let mut made = 0;
    for row in rows.iter().filter(|row| !row["change"].is_null()) {
        let mut less = export.clone();
        make(&mut less, &row["change"])?;
        made += 1;
        let found = exposed(&less)?.0;
        if row["exposure_before"].as_u64() != Some(before) || row["exposure_after"].as_u64() != Some(found) {
            wrong.push(format!("{}: {before} → {found}, said {}", row["id"], row["exposure_after"]));
        }
    }
    match (made, wrong.len()) {
        (50.., 0) => Ok(()),
        _ => Err(format!("{} of {made} choke points are not what a scan finds:\n{}", wrong.len(), wrong.join("\n"))),
    }
}

/// Makes all changes of the minimum cut: nobody is left; and all but any one: somebody is.
fn isolation_of_iam_vulnerable() -> Result<(), String> {
    let plan = answer(&["cut-plan", "--budget", "1", "--format", "json"])?;
    let cut = &plan["minimum_cut"];
    let changes = cut["certificate"]["changes"].as_array().ok_or("no changes")?;
    if cut["value"].as_u64() != Some(changes.len() as u64) || cut["certificate"]["disjoint_paths"] != cut["value"] {
        return Err(format!("{cut}"));
    }
    let left_without = |without: Option<usize>| -> Result<u64, String> {
        let mut export = export()?;
        let made = changes.iter().enumerate().filter(|(at, _)| Some(*at) != without);
        made.map(|(_, change)| make(&mut export, change)).collect::<Result<Vec<()>, String>>()?;
        Ok(exposed(&export)?.0)
    };
    let left = left_without(None)?;
    let fewer: Vec<u64> = (0..3).map(|at| left_without(Some(at))).collect::<Result<_, _>>()?;
    if left == 0 && fewer.iter().all(|&left| left > 0) { Ok(()) } else { Err(format!("{left} left, {fewer:?}")) }
}
