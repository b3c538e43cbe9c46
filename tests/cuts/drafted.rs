//! The file that `cut-plan --out` writes is a draft like any other: it is read, applied and judged.
//!
//! What each plan has to be follows from the exports by hand: in `ad_08_dcsync` the rights to replicate come to ADA by the
//! group SOME alone; in `kubernetes_workloads` the role `deployer` comes to accounts of the namespace `dev` by the binding
//! `ci` alone. For the organisation of `tests/organisation` only the agreement of plan and gate is looked at: both evaluate
//! permissions again, the plan lever by lever and the gate once, as a scan does.

use std::path::PathBuf;

use overgrant::change::{self, Change};
use overgrant::model::Tables;
use serde_json::{Value, json};

use super::{AS_OF, answer};
use crate::analysed::Analysed;
use crate::cli;

/// A plan, what its file says, the tables with it, and the verdict.
struct Drafted {
    plan: Value,
    changes: Vec<Change>,
    before: Tables,
    after: Tables,
    gate: Value,
}

fn drafted(exports: &str, budget: &str) -> Drafted {
    let exports = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(exports);
    let folder = tempfile::tempdir().unwrap();
    cli::run(folder.path(), &["scan", exports.to_str().unwrap(), "--as-of", AS_OF]);
    let plan = answer(&folder, &["cut-plan", "--budget", budget, "--format", "json", "--out", "cuts.json"]);
    let before = Analysed::new(vec![exports], AS_OF, None).unwrap().scan.tables;
    let bytes = std::fs::read(folder.path().join("cuts.json")).unwrap();
    let read = change::read(&bytes, "cuts.json", &before).unwrap();
    assert_eq!((read.form, read.notes.len()), ("change_set", 0));
    let applied = change::apply(&before, &read.set).unwrap();
    let gate = answer(&folder, &["gate", "cuts.json", "--format", "json"]);
    Drafted { plan, changes: read.set.changes, before, after: applied.tables, gate }
}

impl Drafted {
    /// What plan and gate say of each other, and what no plan may do: give, or keep from being undone.
    fn agree(&self) -> (u64, u64) {
        let steps = self.plan["steps"].as_array().unwrap();
        let number = |value: &Value| value.as_f64().unwrap();
        let planned = (&steps[0]["exposure_before"], &steps[steps.len() - 1]["exposure_after"]);
        for (planned, side) in [(planned.0, "before"), (planned.1, "after")] {
            let judged = &self.gate["metrics"][side]["exposed_possible"];
            assert!((number(planned) - number(judged)).abs() < f64::EPSILON, "{side}: {planned} and {judged}");
        }
        for empty in ["added_access", "added_reach", "surplus_over_intent", "exceptions_undeclared"] {
            assert_eq!(self.gate[empty], json!([]), "{empty}");
        }
        assert_eq!(self.gate["rollback"]["verified"], true);
        assert!(!self.gate["removed_access"].as_array().unwrap().is_empty());
        let operations: usize = steps.iter().map(|step| 1 + step["goes_with"].as_array().unwrap().len()).sum();
        assert_eq!(operations, self.changes.len());
        (planned.0.as_u64().unwrap(), planned.1.as_u64().unwrap())
    }

    /// Invariants that do not pass.
    fn failing(&self) -> Vec<(&str, &str)> {
        let all = self.gate["invariants"].as_array().unwrap();
        let told = all.iter().map(|one| (one["id"].as_str().unwrap(), one["status"].as_str().unwrap()));
        told.filter(|(_, status)| *status != "pass").collect()
    }
}

#[test]
fn a_plan_for_aws_is_a_draft_that_a_person_has_to_look_at() {
    let drafted = drafted("tests/organisation/exports", "3");
    let (before, after) = drafted.agree();
    assert!(after < before, "{before} to {after}");
    // A program's draft without an approval, which takes away what was used.
    assert_eq!(drafted.failing(), [("I12", "needs_human"), ("I15", "needs_step_up")]);
    assert_eq!(drafted.gate["verdict"], "needs_step_up");
    let lost: Vec<&Value> = drafted.plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|step| step["used_lost"].as_array().unwrap())
        .collect();
    assert!(!lost.is_empty() && !drafted.gate["removed_but_used"].as_array().unwrap().is_empty());
}

#[test]
fn a_plan_for_kubernetes_takes_a_binding_away() {
    let drafted = drafted("tests/cases/kubernetes_workloads/export", "2");
    let (binding, role) = ("kubernetes:kubernetes/dev/rolebinding/ci", "kubernetes:kubernetes/clusterrole/deployer");
    let change = Change::Detach { holder: binding.to_owned(), policy: role.to_owned(), kind: None };
    assert_eq!(drafted.changes, [change]);
    assert_eq!(drafted.agree(), (5, 3));
    let held = |tables: &Tables| {
        let (holder, policy) = (tables.find(binding).unwrap(), tables.find(role).unwrap());
        tables.attachments.iter().any(|row| row.holder == holder && row.policy == policy)
    };
    assert!(held(&drafted.before) && !held(&drafted.after));
    assert_eq!(drafted.failing(), [("I12", "unknown"), ("I15", "needs_human")]);
    assert_eq!(drafted.gate["verdict"], "needs_human");
}

#[test]
fn a_plan_for_active_directory_takes_a_member_out_of_a_group() {
    let drafted = drafted("tests/cases/ad_08_dcsync/export", "2");
    let (group, member) = ("ad:S-1-5-21-1-2-3-1201", "ad:S-1-5-21-1-2-3-1101");
    assert_eq!(drafted.agree(), (1, 0));
    let [Change::RemoveMember { container, member: taken, .. }] = &drafted.changes[..] else {
        panic!("one membership: {:?}", drafted.changes)
    };
    assert_eq!((container.as_str(), taken.as_str()), (group, member));
    let is_in = |tables: &Tables| {
        let (container, member) = (tables.find(group).unwrap(), tables.find(member).unwrap());
        tables.memberships.iter().any(|row| row.container == container && row.member == member)
    };
    assert!(is_in(&drafted.before) && !is_in(&drafted.after));
    // Whoever owns the accounts of the group is in no export.
    assert_eq!(drafted.failing(), [("I7", "unknown"), ("I12", "unknown"), ("I15", "needs_human")]);
    assert_eq!(drafted.gate["verdict"], "needs_human");
}
