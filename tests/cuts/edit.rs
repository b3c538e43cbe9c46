//! Makes the changes of a cut in an export, so that a new scan can be held against what the cut promised.

use std::collections::BTreeSet;
use std::fs;

use overgrant::analysis;
use serde_json::Value;

use crate::analysed::{AS_OF, Analysed};

const LISTS: &[(&str, &str)] = &[
    ("UserDetailList", "UserPolicyList"),
    ("GroupDetailList", "GroupPolicyList"),
    ("RoleDetailList", "RolePolicyList"),
];

/// Principals outside the zone that reach it or may, and the ids of the zone's members.
pub fn exposed(export: &Value) -> Result<(u64, BTreeSet<String>), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("export.json");
    fs::write(&path, export.to_string()).map_err(|error| error.to_string())?;
    let analysed = Analysed::new(vec![path], AS_OF, None)?;
    let exposure = analysis::exposure(analysed.tables(), &analysed.scan.results);
    let zone = exposure.targets.iter().filter_map(|row| row.target).map(|target| analysed.id(target).to_owned());
    Ok((exposure.zone.exposed_possible, zone.collect()))
}

pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
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

/// What becomes of a statement that is taken out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Those after it move up.
    Gone,
    /// One that says nothing stays in its place, so that others keep the names that their places give them.
    Blank,
}

fn remove_statement(document: &mut Value, name: &str, removal: Removal) -> Result<(), String> {
    let statements = &mut document["Statement"];
    if statements.is_object() {
        *statements = Value::Array(vec![statements.take()]);
    }
    let named = |at: usize, row: &Value| {
        let sid = row["Sid"].as_str().filter(|sid| !sid.is_empty());
        sid.map_or_else(|| format!("#{at}") == name, |sid| sid == name)
    };
    if removal == Removal::Gone {
        return remove(statements, named);
    }
    let mut rows = statements.as_array_mut().ok_or("no statements")?.iter_mut().enumerate();
    let (_, row) = rows.find(|(at, row)| named(*at, row)).ok_or("no such statement")?;
    row["Action"] = Value::from("none:Nothing");
    Ok(())
}

/// Names of the statements that let somebody in and are not among those that a change leaves.
fn untrusted(document: &Value, change: &Value) -> Vec<String> {
    let statements = &document["Statement"];
    let list: Vec<&Value> = statements.as_array().map_or_else(|| vec![statements], |list| list.iter().collect());
    let left: BTreeSet<&str> =
        change["trustees"].as_array().into_iter().flatten().map(|trustee| text(trustee, "statement")).collect();
    let lets_in = |row: &Value| {
        text(row, "Effect") == "Allow" && !row["Principal"].is_null() && text(row, "Action") != "none:Nothing"
    };
    let named = |(at, row): (usize, &&Value)| {
        let sid = row["Sid"].as_str().filter(|sid| !sid.is_empty());
        lets_in(row).then(|| sid.map_or_else(|| format!("#{at}"), str::to_owned))
    };
    list.iter().enumerate().filter_map(named).filter(|name| !left.contains(name.as_str())).collect()
}

/// Makes one change of a change set in an export.
pub fn make(export: &mut Value, change: &Value) -> Result<(), String> {
    make_with(export, change, Removal::Gone)
}

/// Makes one change, and removes statements in this way.
pub fn make_with(export: &mut Value, change: &Value, removal: Removal) -> Result<(), String> {
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
            let document = &mut role["AssumeRolePolicyDocument"];
            let gone = untrusted(document, change);
            match &gone[..] {
                [one] => remove_statement(document, one, removal),
                _ => Err(format!("{} trust statements would go, not 1", gone.len())),
            }
        }
        "delete_principal" => {
            let arn = text(change, "principal").to_owned();
            let list = if arn.contains(":user/") { "UserDetailList" } else { "RoleDetailList" };
            remove(&mut export[list], |_, row| text(row, "Arn") == arn)
        }
        "delete_grant" if text(change, "layer") == "resource" => {
            let (role, _) = entry(export, text(change, "holder"))?;
            remove_statement(&mut role["AssumeRolePolicyDocument"], text(change, "statement"), removal)
        }
        "delete_grant" => {
            let (holder, inline) = entry(export, text(change, "holder"))?;
            let (list, named, document) = if inline.is_empty() {
                ("PolicyVersionList", "IsDefaultVersion", "Document")
            } else {
                (inline, "PolicyName", "PolicyDocument")
            };
            let policy = text(change, "policy");
            let policy = policy.strip_prefix("inline:").unwrap_or(policy);
            let rows = holder[list].as_array_mut().ok_or("no policies")?;
            let wanted = |row: &&mut Value| row[named] == Value::Bool(true) || row[named] == policy;
            let row = rows.iter_mut().find(wanted).ok_or("no such policy")?;
            remove_statement(&mut row[document], text(change, "statement"), removal)
        }
        other => Err(format!("`{other}` is no change that a cut makes")),
    }
}
