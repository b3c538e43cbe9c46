//! What a cut promises is what a new scan finds: changes are made in the export itself, which is then read again.

use std::fs;

use serde_json::Value;

use super::{Case, file};
use crate::analysed::AS_OF;
use crate::cli;
use crate::cuts::edit::{exposed, make, text};

pub const CASES: &[Case] = &[
    ("a cut plan of IAM Vulnerable", plan_of_iam_vulnerable),
    ("the choke points of IAM Vulnerable", choke_points_of_iam_vulnerable),
    ("isolating the zone of IAM Vulnerable", isolation_of_iam_vulnerable),
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
    let made_of = |row: &Value| !row["change"].is_null();
    // A scan each: all of the rarer kinds, and every fourth of the others.
    let rare = |row: &Value| matches!(text(row, "kind"), "membership" | "trust" | "node");
    let tried = rows.iter().filter(|row| made_of(row)).enumerate().filter(|(at, row)| at % 4 == 0 || rare(row));
    for (_, row) in tried {
        let mut less = export.clone();
        make(&mut less, &row["change"])?;
        made += 1;
        let found = exposed(&less)?.0;
        if row["exposure_before"].as_u64() != Some(before) || row["exposure_after"].as_u64() != Some(found) {
            wrong.push(format!("{}: {before} → {found}, said {}", row["id"], row["exposure_after"]));
        }
    }
    match (made, wrong.len()) {
        (20.., 0) => Ok(()),
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
