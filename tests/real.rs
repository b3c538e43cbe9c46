//! Exports of real accounts and public laboratories, which are not ours to publish.
//!
//! They run when `OVERGRANT_SHARED` names the folder that holds them; a file that is missing there is then a failure.
//! Without it they are skipped, and say so.

#[path = "real/ad.rs"]
mod ad;
#[path = "real/azure.rs"]
mod azure;
#[path = "real/cuts.rs"]
mod cuts;
#[path = "real/excess.rs"]
mod excess;
#[path = "real/gcp.rs"]
mod gcp;
#[path = "real/kubernetes.rs"]
mod kubernetes;
#[path = "real/opengraph.rs"]
mod opengraph;
#[path = "real/roles.rs"]
mod roles;
#[path = "real/saas.rs"]
mod saas;
#[path = "real/table.rs"]
mod table;
#[path = "real/vaults.rs"]
mod vaults;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use overgrant::model::{Certainty, EntityId};
use serde_json::Value;

use crate::analysed::{AS_OF, Analysed};
use crate::cli;
use table::{Expected, TABLE};

/// A case: what it is called in a failure, and what is wrong with it.
type Case = (&'static str, fn() -> Result<(), String>);

const CASES: &[Case] = &[
    ("the counts of IAM Vulnerable", counts_of_iam_vulnerable),
    ("the table of IAM Vulnerable", table_of_iam_vulnerable),
    ("IAM Vulnerable with computing", with_compute),
    ("a small account", small_account),
    ("the folder of CloudMapper's demo", cloudmapper_demo),
    ("the roles of domino", roles::domino),
    ("the roles of hc", roles::hc),
    ("the roles of emea", roles::emea),
    ("the roles of a directory", roles::directory),
    ("excess against the logs of an account", excess::against_logs),
    ("Kubernetes samples end well", kubernetes::exit_codes),
    ("Kubernetes manifests", kubernetes::manifests),
    ("the roles of a fresh cluster", kubernetes::bootstrap),
    ("Kubernetes Goat", kubernetes::goat),
    ("MSSQLHound's sample", opengraph::mssqlhound),
    ("OpenHound's sample", opengraph::openhound),
    ("OpenGraph extension schemas", opengraph::schemas),
    ("policies of Google's policy library", gcp::policies),
    ("keys and roles of Google's policy library", gcp::keys_and_roles),
    ("samples of terraform-validator", gcp::terraform),
    ("built-in roles of Azure", azure::built_in_roles),
    ("Snowflake answers", vaults::snowflake),
    ("documented answers of Okta", saas::okta),
    ("documented answers of GitHub", saas::github_documented),
    ("recorded answers of GitHub", saas::github_recorded),
    ("the objects of a directory", ad::counts),
    ("the rulers of a directory", ad::rulers),
    ("who may replicate a directory", ad::replicators),
    ("policies and certificates of a directory", ad::policies_and_certificates),
    ("every right of a directory", ad::effective_rights),
];

#[test]
fn real_data() {
    if shared().is_none() {
        // Written past the test harness, which keeps what a passing test prints to itself.
        let line =
            format!("real data: {} cases skipped (OVERGRANT_SHARED is not set)\n", CASES.len() + cuts::CASES.len());
        std::io::stderr().write_all(line.as_bytes()).expect("standard error can be written to");
        return;
    }
    let cases = || CASES.iter().chain(cuts::CASES);
    let wrong: Vec<String> = cases().filter_map(|(name, run)| Some(format!("{name}:\n{}", run().err()?))).collect();
    assert!(wrong.is_empty(), "{} of {} cases fail:\n{}", wrong.len(), cases().count(), wrong.join("\n"));
}

fn shared() -> Option<PathBuf> {
    std::env::var_os("OVERGRANT_SHARED").map(PathBuf::from)
}

/// A file or folder of the shared data.
fn file(name: &str) -> Result<PathBuf, String> {
    let path = shared().ok_or("OVERGRANT_SHARED is not set")?.join("data/aws").join(name);
    if path.exists() { Ok(path) } else { Err(format!("{} is missing", path.display())) }
}

/// Exit code and summary of `scan --format json`.
fn scan(name: &str) -> Result<(Option<i32>, Value), String> {
    let path = file(name)?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = path.to_str().ok_or("the path is no text")?;
    let output = cli::run(folder.path(), &["scan", path, "--as-of", AS_OF, "--format", "json"]);
    let summary = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok((output.status.code(), summary))
}

fn skipped(summary: &Value) -> u64 {
    let sources = summary["sources"].as_array().into_iter().flatten();
    sources.filter_map(|source| source["skipped"].as_u64()).sum()
}

/// Holds a scan's counts of users, roles, groups and policies, that nothing was skipped, and its exit code.
fn counted(name: &str, expected: [u64; 4], exit: i32) -> Result<(), String> {
    let (code, summary) = scan(name)?;
    let keys = ["users", "roles", "groups", "policies"];
    let found = keys.map(|key| summary["counts"][key].as_u64().unwrap_or(u64::MAX));
    let facts = (found, skipped(&summary), code);
    let wanted = (expected, 0, Some(exit));
    if facts == wanted {
        return Ok(());
    }
    Err(format!("{keys:?}, skipped, exit code: {facts:?}, expected {wanted:?}; {}", summary["incomplete"]))
}

fn counts_of_iam_vulnerable() -> Result<(), String> {
    counted("iam-vulnerable.json", [41, 45, 3, 45], 0)
}

fn small_account() -> Result<(), String> {
    counted("small-account.json", [3, 3, 2, 32], 0)
}

fn cloudmapper_demo() -> Result<(), String> {
    let (exit, summary) = scan("cloudmapper-demo")?;
    let users = summary["counts"]["users"].as_u64();
    match (exit, skipped(&summary), users) {
        (Some(0), 0, Some(users)) if users > 0 => Ok(()),
        found => Err(format!("exit code, skipped and users are {found:?}: {}", summary["sources"])),
    }
}

/// Principals of the table by the ends of their ARNs.
fn principal(analysed: &Analysed, end: &str) -> Result<EntityId, String> {
    analysed.find(&format!("arn:aws:iam::111122223333:{end}"))
}

fn table_of_iam_vulnerable() -> Result<(), String> {
    let analysed = Analysed::new(vec![file("iam-vulnerable.json")?], AS_OF, None)?;
    let listed: BTreeSet<&str> = TABLE.iter().map(|(end, _)| *end).collect();
    if listed.len() != 86 {
        return Err(format!("the table has {} principals, not 86", listed.len()));
    }
    let wrong: Vec<String> = TABLE.iter().filter_map(|(end, expected)| row(&analysed, end, expected).err()).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn row(analysed: &Analysed, end: &str, expected: &Expected) -> Result<(), String> {
    let from = principal(analysed, end)?;
    let inside = analysed.tables().entity(from).protected;
    let best = analysed.paths(from, None).into_iter().next();
    let certainty = best.as_ref().map(|path| path.certainty);
    let first = |certainty| analysed.first_techniques(from, certainty);
    let set = |techniques: &[&str]| techniques.iter().map(|&one| one.to_owned()).collect::<BTreeSet<String>>();
    let right = !inside
        && match expected {
            Expected::Inside => false,
            Expected::Nothing => certainty.is_none(),
            Expected::Certain(techniques) => {
                certainty == Some(Certainty::Certain) && first(Certainty::Certain) == set(techniques)
            }
            Expected::CertainAmong(techniques) => {
                certainty == Some(Certainty::Certain) && first(Certainty::Certain).is_superset(&set(techniques))
            }
            Expected::Conditional(techniques, words) => {
                certainty == Some(Certainty::Conditional)
                    && first(Certainty::Conditional) == set(techniques)
                    && best
                        .iter()
                        .flat_map(|path| &path.steps)
                        .flat_map(|step| &step.reasons)
                        .any(|it| it.contains(words))
            }
        };
    if right || inside && matches!(expected, Expected::Inside) {
        return Ok(());
    }
    let steps = (first(Certainty::Certain), first(Certainty::Conditional));
    Err(format!("{end}: inside: {inside}, first steps (certain, conditional): {steps:?}, best: {best:?}"))
}

/// The same account with functions, an endpoint and a notebook: two of its three new roles have a trust policy
/// without a principal, which AWS would not take; nobody can assume them, and the scan must note that it saw them.
fn with_compute() -> Result<(), String> {
    counted("iam-vulnerable-with-compute.json", [41, 48, 3, 48], 0)?;
    let analysed = Analysed::new(vec![file("iam-vulnerable-with-compute.json")?], AS_OF, None)?;
    let dev = principal(&analysed, "user/privesc15-PassExistingRoleToNewLambdaThenInvoke-user")?;
    for (role, reached) in [
        ("role/privesc-high-priv-lambda-role2", true),
        ("role/privesc-glue-devendpoint-role", false),
        ("role/privesc-sagemaker-role", false),
    ] {
        let to = principal(&analysed, role)?;
        let steps = analysed.steps(dev);
        let by_lambda = steps.iter().any(|step| step.edge.technique == "lambda-001" && step.to.contains(&to));
        if by_lambda != reached {
            return Err(format!("{role}: reached by passing it to Lambda: {by_lambda}"));
        }
    }
    let noted = analysed.tables().issues.iter().filter(|issue| issue.code == "trust_without_principal").count();
    if noted == 2 { Ok(()) } else { Err(format!("{noted} roles are noted to trust nobody, expected 2")) }
}
