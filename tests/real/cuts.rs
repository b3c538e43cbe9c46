//! What a cut promises is what a new scan finds: changes are made in the export itself, which is then read again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use overgrant::analysis;
use serde_json::{Value, json};

use super::{Case, file, shared};
use crate::analysed::{AS_OF, Analysed};
use crate::cli;
use crate::cuts::edit::{exposed, make, text};

pub const CASES: &[Case] = &[
    ("a cut plan of IAM Vulnerable", plan_of_iam_vulnerable),
    ("the choke points of IAM Vulnerable", choke_points_of_iam_vulnerable),
    ("isolating the zone of IAM Vulnerable", isolation_of_iam_vulnerable),
    ("a cut plan of a directory", plan_of_a_directory),
    ("the choke points of a directory", choke_points_of_a_directory),
];

fn export() -> Result<Value, String> {
    let text = fs::read(file("iam-vulnerable.json")?).map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

/// Runs a command that prints JSON on a store with a scan of the export.
fn answer(arguments: &[&str]) -> Result<Value, String> {
    answer_of(&file("iam-vulnerable.json")?, arguments)
}

fn answer_of(path: &Path, arguments: &[&str]) -> Result<Value, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
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

/// A collection of SharpHound, and changes of its raw files. Entries and members that go are marked first, so that the
/// places by which changes name them stay, and taken out when the files are written.
#[derive(Clone)]
struct Collection(BTreeMap<String, Value>);

impl Collection {
    fn read() -> Result<Self, String> {
        Self::of(&directory()?)
    }

    fn of(folder: &Path) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(|error| error.to_string())? {
            let path = entry.map_err(|error| error.to_string())?.path();
            let name = path.file_name().and_then(|name| name.to_str()).ok_or("a file without a name")?.to_owned();
            let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            let value = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| error.to_string())?;
            files.insert(name, value);
        }
        Ok(Self(files))
    }

    /// All records of an object.
    fn objects(&mut self, id: &str) -> Vec<&mut Value> {
        let identifier = id.trim_start_matches("ad:").to_owned();
        let records = self.0.values_mut().filter_map(|file| file["data"].as_array_mut()).flatten();
        records.filter(|record| text(record, "ObjectIdentifier").eq_ignore_ascii_case(&identifier)).collect()
    }

    /// Makes one change of a change set.
    fn make(&mut self, change: &Value) -> Result<(), String> {
        let made = match text(change, "op") {
            "remove_member" => {
                let member = text(change, "member").trim_start_matches("ad:").to_owned();
                let groups = self.objects(text(change, "container"));
                let members = groups.into_iter().filter_map(|group| group["Members"].as_array_mut()).flatten();
                mark(members.filter(|row| text(row, "ObjectIdentifier").eq_ignore_ascii_case(&member)))
            }
            "delete_grant" if text(change, "statement").starts_with("delegation:AllowedToDelegate on ") => {
                let target =
                    text(change, "statement").trim_start_matches("delegation:AllowedToDelegate on ad:").to_owned();
                let lists = self.objects(text(change, "holder"));
                let rows = lists.into_iter().filter_map(|object| object["AllowedToDelegate"].as_array_mut()).flatten();
                mark(rows.filter(|row| text(row, "ObjectIdentifier").eq_ignore_ascii_case(&target)))
            }
            "delete_grant" if text(change, "statement").starts_with("entry ") => {
                let (holder, right) = (text(change, "holder").trim_start_matches("ad:"), text(change, "policy"));
                let place = text(change, "statement").strip_prefix("entry ").ok_or("the statement is no entry")?;
                let (at, of) = place.split_once(" of ").ok_or("the entry is of nothing")?;
                let at: usize = at.parse().map_err(|_| "the entry has no place".to_owned())?;
                let (registry, of) = of.strip_prefix("the registry of ").map_or((false, of), |of| (true, of));
                let is_it =
                    |entry: &&mut Value| text(entry, "RightName") == right && is(text(entry, "PrincipalSID"), holder);
                mark(self.objects(of).into_iter().filter_map(|object| {
                    let list = if registry {
                        &mut object["CARegistryData"]["CASecurity"]["Data"]
                    } else {
                        &mut object["Aces"]
                    };
                    list.get_mut(at).filter(is_it)
                }))
            }
            _ => return Err(format!("{change} {NOT_MADE}")),
        };
        if made == 1 { Ok(()) } else { Err(format!("{change} is {made} things in the files")) }
    }

    /// Writes the files without what was taken out.
    fn write(&self, folder: &Path) -> Result<(), String> {
        for (name, value) in &self.0 {
            let mut value = value.clone();
            take_out(&mut value);
            fs::write(folder.join(name), value.to_string()).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Principals outside the zone that reach it or may, and the zone.
    fn exposed(&self) -> Result<(u64, BTreeSet<String>), String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        self.write(folder.path())?;
        let analysed = Analysed::new(vec![folder.path().to_owned()], AS_OF, None)?;
        let exposure = analysis::exposure(analysed.tables(), &analysed.scan.results);
        let zone = exposure.targets.iter().filter_map(|row| row.target).map(|target| analysed.id(target).to_owned());
        Ok((exposure.zone.exposed_possible, zone.collect()))
    }
}

fn directory() -> Result<PathBuf, String> {
    let path = shared().ok_or("OVERGRANT_SHARED is not set")?.join("data/ad/phantom");
    if path.exists() { Ok(path) } else { Err(format!("{} is missing", path.display())) }
}

/// Whether an identifier of the files is the one of an id; those of groups that every domain has come with its name.
fn is(stated: &str, id: &str) -> bool {
    stated.eq_ignore_ascii_case(id) || id.to_uppercase().ends_with(&format!("-{}", stated.to_uppercase()))
}

/// End of the error about a change that the test does not know how to make.
const NOT_MADE: &str = "is no change of a directory that this test makes";
const GONE: &str = "taken out by the test";

fn mark<'v>(rows: impl Iterator<Item = &'v mut Value>) -> usize {
    let marked = rows.map(|row| *row = json!(GONE));
    marked.count()
}

fn take_out(value: &mut Value) {
    match value {
        Value::Array(list) => {
            list.retain(|row| row != GONE);
            list.iter_mut().for_each(take_out);
        }
        Value::Object(fields) => fields.values_mut().for_each(take_out),
        _ => {}
    }
}

/// Makes the changes of a plan one after the other in the files of a collection, and holds exposure to what was said.
fn plan_of_a_directory() -> Result<(), String> {
    let plan = answer_of(&directory()?, &["cut-plan", "--budget", "3", "--format", "json"])?;
    let steps = plan["steps"].as_array().ok_or("no steps")?;
    let mut files = Collection::read()?;
    let (first, zone) = files.exposed()?;
    let mut before = first;
    for step in steps {
        // Whatever goes with a change is the same entry of the same list.
        files.make(&step["change"])?;
        let (after, left) = files.exposed()?;
        let said = (step["exposure_before"].as_u64(), step["exposure_after"].as_u64());
        if said != (Some(before), Some(after)) || left != zone {
            return Err(format!("{}: found {before} → {after}, said {said:?}", step["change"]));
        }
        before = after;
    }
    if steps.len() == 3 && before < first {
        Ok(())
    } else {
        Err(format!("{} steps, {first} → {before}", steps.len()))
    }
}

/// Makes the changes of a plan, and takes every choke point that there is then away by itself: none promises more than a
/// scan finds. Before the plan there is none: everyone has several ways.
fn choke_points_of_a_directory() -> Result<(), String> {
    let plan = answer_of(&directory()?, &["cut-plan", "--budget", "3", "--format", "json"])?;
    let mut files = Collection::read()?;
    for step in plan["steps"].as_array().ok_or("no steps")? {
        files.make(&step["change"])?;
    }
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    files.write(folder.path())?;
    // The places of entries are those of the files as they are now.
    let files = Collection::of(folder.path())?;
    let answer = answer_of(folder.path(), &["choke-points", "--format", "json"])?;
    let (mut made, mut wrong) = (0, Vec::new());
    for row in answer["choke_points"].as_array().ok_or("no choke points")? {
        let mut less = files.clone();
        if row["change"].is_null() || less.make(&row["change"]).is_err_and(|why| why.ends_with(NOT_MADE)) {
            continue;
        }
        made += 1;
        let found = less.exposed()?.0;
        if row["exposure_after"].as_u64() < Some(found) {
            wrong.push(format!("{}: found {found}, said {}", row["id"], row["exposure_after"]));
        }
    }
    match (made, wrong.len()) {
        (2.., 0) => Ok(()),
        _ => Err(format!("{} of {made} choke points promise too much:\n{}", wrong.len(), wrong.join("\n"))),
    }
}
