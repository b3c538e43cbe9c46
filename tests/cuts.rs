//! Choke points and cut plans of random small accounts, against scans of the changed exports.
//!
//! The accounts are made of a few statements that escalate, given by inline and managed policies, to users, groups
//! and roles, often twice, so that single changes, changes that only work together, and changes that do nothing all
//! occur.

mod drafted;
pub mod edit;

use overgrant::analysis::cuts::{PlanRequest, cut_plan};
use overgrant::config::Config;
use overgrant::model::ChokePoint;
use overgrant::paths::{Ended, Plan, changes_in_turn};
use overgrant::techniques::Library;
use serde_json::{Value, json};

use crate::analysed::{AS_OF, Analysed};
use crate::cli;
use crate::splitmix::Rng;
use edit::{exposed, make};

const ACCOUNT: &str = "111122223333";
/// Random accounts, one a seed: each costs some dozen scans.
const SEEDS: u64 = if cfg!(debug_assertions) { 6 } else { 60 };

fn arn(what: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{what}")
}

/// Statements that escalate, that do half of what a technique needs, that deny, and that do nothing.
fn statement(rng: &mut Rng) -> Value {
    let role = arn(&format!("role/r{}", rng.below(5)));
    let admin = arn("role/admin");
    let pool: &[(&str, Value, String)] = &[
        ("Allow", json!("sts:AssumeRole"), role.clone()),
        ("Allow", json!("sts:AssumeRole"), admin),
        ("Allow", json!("sts:*"), "*".to_owned()),
        ("Allow", json!("iam:PassRole"), role),
        ("Allow", json!(["lambda:CreateFunction", "lambda:InvokeFunction"]), "*".to_owned()),
        ("Allow", json!(["iam:PassRole", "ec2:RunInstances"]), "*".to_owned()),
        ("Allow", json!("iam:CreateAccessKey"), arn(&format!("user/u{}", rng.below(5)))),
        ("Allow", json!("iam:CreateAccessKey"), "*".to_owned()),
        ("Allow", json!("iam:AddUserToGroup"), arn(&format!("group/g{}", rng.below(3)))),
        ("Allow", json!("iam:AttachUserPolicy"), arn(&format!("user/u{}", rng.below(5)))),
        ("Allow", json!("iam:UpdateAssumeRolePolicy"), arn(&format!("role/r{}", rng.below(5)))),
        ("Allow", json!(["s3:GetObject", "logs:*"]), "*".to_owned()),
        ("Deny", json!("sts:AssumeRole"), arn(&format!("role/r{}", rng.below(5)))),
    ];
    let (effect, actions, resource) = &pool[rng.below(pool.len())];
    json!({ "Effect": effect, "Action": actions, "Resource": resource })
}

fn document(rng: &mut Rng) -> Value {
    let statements: Vec<Value> = (0..=rng.below(2)).map(|_| statement(rng)).collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn inline(rng: &mut Rng, chance: usize) -> Value {
    let some = rng.chance(chance);
    json!(some.then(|| json!({ "PolicyName": "own", "PolicyDocument": document(rng) })).into_iter().collect::<Vec<_>>())
}

fn attached(rng: &mut Rng) -> Value {
    let picked: Vec<usize> = (0..4).filter(|_| rng.chance(20)).collect();
    let policy = |at: &usize| json!({ "PolicyName": format!("p{at}"), "PolicyArn": arn(&format!("policy/p{at}")) });
    json!(picked.iter().map(policy).collect::<Vec<_>>())
}

fn trust(rng: &mut Rng) -> Value {
    let named = arn(&format!("user/u{}", rng.below(5)));
    let root = arn("root");
    let mut statements = Vec::new();
    for (chance, principal) in [
        (50, json!({ "AWS": root })),
        (40, json!({ "AWS": named })),
        (30, json!({ "AWS": arn(&format!("role/r{}", rng.below(5))) })),
        (40, json!({ "Service": "lambda.amazonaws.com" })),
        (30, json!({ "Service": "ec2.amazonaws.com" })),
    ] {
        if rng.chance(chance) {
            statements.push(json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" }));
        }
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// A random account: five users, three groups, five roles, four managed policies and an administrator's role.
fn account(seed: u64) -> Value {
    let rng = &mut Rng(seed);
    let users: Vec<Value> = (0..5)
        .map(|at| {
            let groups: Vec<String> = (0..3).filter(|_| rng.chance(25)).map(|at| format!("g{at}")).collect();
            json!({ "UserName": format!("u{at}"), "UserId": format!("AIDAU{at}"), "Arn": arn(&format!("user/u{at}")),
                "UserPolicyList": inline(rng, 40), "GroupList": groups, "AttachedManagedPolicies": attached(rng) })
        })
        .collect();
    let groups: Vec<Value> = (0..3)
        .map(|at| {
            json!({ "GroupName": format!("g{at}"), "GroupId": format!("AGPAG{at}"), "Arn": arn(&format!("group/g{at}")),
                "GroupPolicyList": inline(rng, 40), "AttachedManagedPolicies": attached(rng) })
        })
        .collect();
    let mut roles: Vec<Value> = (0..5)
        .map(|at| {
            json!({ "RoleName": format!("r{at}"), "RoleId": format!("AROAR{at}"), "Arn": arn(&format!("role/r{at}")),
                "AssumeRolePolicyDocument": trust(rng), "RolePolicyList": inline(rng, 60),
                "AttachedManagedPolicies": attached(rng) })
        })
        .collect();
    let everything = json!({ "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    roles.push(json!({ "RoleName": "admin", "RoleId": "AROAADMIN", "Arn": arn("role/admin"),
        "AssumeRolePolicyDocument": trust(rng), "AttachedManagedPolicies": [],
        "RolePolicyList": [{ "PolicyName": "all", "PolicyDocument": everything }] }));
    let policies: Vec<Value> = (0..4)
        .map(|at| {
            json!({ "PolicyName": format!("p{at}"), "Arn": arn(&format!("policy/p{at}")), "DefaultVersionId": "v1",
                "PolicyVersionList": [{ "VersionId": "v1", "IsDefaultVersion": true, "Document": document(rng) }] })
        })
        .collect();
    json!({ "UserDetailList": users, "GroupDetailList": groups, "RoleDetailList": roles, "Policies": policies })
}

fn analysed(export: &Value) -> Analysed {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.json");
    std::fs::write(&path, export.to_string()).unwrap();
    Analysed::new(vec![path], AS_OF, None).unwrap()
}

fn plan(analysed: &Analysed, budget: usize) -> Plan {
    let library = Library::built_in().unwrap();
    let config = Config::embedded().unwrap();
    let request = PlanRequest { budget, unused_only: false };
    cut_plan(analysed.tables(), &analysed.scan.results, analysed.as_of, &library, &config, request).unwrap()
}

fn change(row: &ChokePoint) -> Option<Value> {
    row.change.as_deref().map(|change| serde_json::from_str(change).unwrap())
}

/// Takes every choke point away by itself. None promises more than a scan finds, and almost all as much.
#[test]
fn a_choke_point_is_worth_what_it_says() {
    let (mut exact, mut less, mut wrong) = (0, Vec::new(), Vec::new());
    for seed in 0..SEEDS {
        let export = account(seed);
        let before = analysed(&export);
        for row in &before.scan.results.choke_points {
            let Some(change) = change(row) else { continue };
            let mut changed = export.clone();
            make(&mut changed, &change).unwrap();
            let found = exposed(&changed).unwrap().0;
            let told =
                format!("seed {seed}: {} → {found}, said {}: {}", row.exposure_before, row.exposure_after, row.id);
            match found.cmp(&row.exposure_after) {
                std::cmp::Ordering::Equal => exact += 1,
                std::cmp::Ordering::Less => less.push(told),
                std::cmp::Ordering::Greater => wrong.push(told),
            }
        }
    }
    assert!(wrong.is_empty(), "{} promise too much:\n{}", wrong.len(), wrong.join("\n"));
    assert!(exact > 4 * SEEDS, "{exact} choke points");
    assert!(less.len() as u64 * 50 < exact, "{} of {exact} promise too little:\n{}", less.len(), less.join("\n"));
}

/// Every step of a plan brings what it says, no lever that was not chosen brings more at once, and the minimum cut
/// isolates.
#[test]
fn a_plan_brings_what_it_says_and_its_bound_holds() {
    let (mut steps, mut isolated, mut proven) = (0, 0_usize, 0);
    for seed in 0..SEEDS {
        let mut export = account(seed);
        let before = analysed(&export);
        let plan = plan(&before, 40);
        let mut exposure = plan.exposure;
        for step in &plan.steps {
            // What a statement is called by its place moves up when one before it goes.
            for change in &step.changes {
                make_in_place(&mut export, &json!(change));
            }
            let found = exposed(&export).unwrap().0;
            let told = (step.exposure_before, step.exposure_after);
            assert_eq!(told, (exposure, found), "seed {seed}: {:?}", step.changes);
            exposure = found;
            steps += 1;
        }
        let Some(cut) = &plan.isolation else { continue };
        assert_eq!(plan.ended == Ended::Isolated, exposure == 0, "seed {seed}");
        let mut changed = account(seed);
        for change in changes_in_turn(before.tables(), &cut.levers).iter().flatten() {
            make_in_place(&mut changed, &json!(change));
        }
        assert_eq!(exposed(&changed).unwrap().0, 0, "seed {seed}: {:?}", cut.levers);
        isolated += usize::from(plan.ended == Ended::Isolated);
        if cut.exact {
            proven += 1;
            assert!(plan.ended != Ended::Isolated || plan.steps.len() as u64 >= cut.value, "seed {seed}");
            assert_eq!(cut.routes.len() as u64, cut.value, "seed {seed}");
        }
        // Whatever isolates the zone pays for each route, and no two routes have anything in common.
        assert!(plan.ended != Ended::Isolated || plan.steps.len() >= cut.routes.len(), "seed {seed}");
    }
    assert!(steps > SEEDS && isolated > 0 && proven > 0, "{steps} steps, {isolated} isolated, {proven} proven");
}

/// Makes a change and keeps the places of the other statements.
fn make_in_place(export: &mut Value, change: &Value) {
    edit::make_with(export, change, edit::Removal::Blank).unwrap();
}

/// A store with a scan of the organisation of `tests/organisation`, of which usage is known in part.
fn demo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let demo = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/organisation/exports");
    cli::run(folder.path(), &["scan", demo.to_str().unwrap(), "--as-of", AS_OF]);
    folder
}

fn answer(folder: &tempfile::TempDir, arguments: &[&str]) -> Value {
    let output = cli::run(folder.path(), arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_documents_have_the_published_shape() {
    let folder = demo();
    let choke_points = answer(&folder, &["choke-points", "--format", "json"]);
    assert_eq!(keys(&choke_points), ["choke_points", "format"]);
    let published = [
        "change",
        "exposure_after",
        "exposure_before",
        "goes_with",
        "id",
        "kind",
        "name",
        "removable",
        "unavoidable_for",
        "used_in_window",
    ];
    for row in choke_points["choke_points"].as_array().unwrap() {
        assert_eq!(keys(row), published);
        let less = row["exposure_before"].as_u64().unwrap() - row["exposure_after"].as_u64().unwrap();
        // A node is one of those that it keeps from the zone, unless it is no principal.
        assert!((0..2).contains(&(less - row["unavoidable_for"].as_u64().unwrap())), "{row}");
        assert_eq!(row["removable"], !row["change"].is_null(), "{row}");
    }
    let plan = answer(&folder, &["cut-plan", "--budget", "2", "--format", "json", "--out", "cuts.json"]);
    assert_eq!(keys(&plan), ["format", "minimum_cut", "steps"]);
    assert_eq!(keys(&plan["steps"][0]), ["change", "exposure_after", "exposure_before", "goes_with", "used_lost"]);
    assert_eq!(keys(&plan["minimum_cut"]), ["certificate", "value"]);
    let written: Value = serde_json::from_slice(&std::fs::read(folder.path().join("cuts.json")).unwrap()).unwrap();
    let changes: Vec<&Value> = plan["steps"].as_array().unwrap().iter().map(|step| &step["change"]).collect();
    assert_eq!(written["changes"].as_array().unwrap().iter().collect::<Vec<_>>(), changes);
    assert_eq!(written["snapshot"], "2026-11-22T000000Z");
}

/// With `--unused-only` no step takes away anything in use, and every one is known to.
#[test]
fn an_unused_only_plan_breaks_nothing_that_usage_data_knows() {
    let folder = demo();
    let plan = answer(&folder, &["cut-plan", "--budget", "9", "--unused-only", "--format", "json"]);
    let steps = plan["steps"].as_array().unwrap();
    assert!(!steps.is_empty());
    assert!(steps.iter().all(|step| step["used_lost"].as_array().unwrap().is_empty()));
    let choke_points = answer(&folder, &["choke-points", "--format", "json"]);
    let rows = choke_points["choke_points"].as_array().unwrap();
    for step in steps {
        let row = rows.iter().find(|row| row["change"] == step["change"]);
        assert!(row.is_none_or(|row| row["used_in_window"] == false), "{step}");
    }
    // The robot's tooling statement was granted and never used; the demo says so in its last-accessed reports.
    assert!(steps.iter().any(|step| step["change"].to_string().contains("RobotTools")), "{steps:?}");
}

/// Reading a part of the store gives the paths of the whole.
#[test]
fn paths_from_some_rows_are_those_of_all() {
    let folder = demo();
    let demo = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/organisation/exports");
    let whole = Analysed::new(vec![demo], AS_OF, None).unwrap();
    let mut compared = 0;
    for path in &whole.scan.results.paths {
        let id = whole.id(path.entity);
        let found = answer(&folder, &["paths", id, "--count", "3", "--format", "json"]);
        let expected: Vec<Value> = whole
            .paths(path.entity, None)
            .iter()
            .take(3)
            .flat_map(|path| &path.steps)
            .map(|step| json!([whole.id(step.from), whole.id(step.to), step.technique, step.evidence]))
            .collect();
        let steps = found["paths"].as_array().unwrap().iter().flat_map(|path| path["steps"].as_array().unwrap());
        // A step by membership cites the membership's row, which is no grant.
        let grants = |step: &Value| -> Vec<Value> {
            let cited = step["evidence"].as_array().unwrap();
            assert!(!cited.is_empty(), "a step without evidence: {step}");
            cited.iter().filter_map(|row| row.get("grant").filter(|grant| !grant.is_null()).cloned()).collect()
        };
        let steps: Vec<Value> =
            steps.map(|step| json!([step["from"], step["to"], step["technique"], grants(step)])).collect();
        assert_eq!(steps, expected, "{id}");
        compared += 1;
    }
    assert!(compared > 5);
}

fn role(name: &str, trusted: &Value, statements: &Value) -> Value {
    json!({ "RoleName": name, "RoleId": format!("AROA{name}"), "Arn": arn(&format!("role/{name}")),
        "AssumeRolePolicyDocument": { "Statement": [{ "Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole" }] },
        "AttachedManagedPolicies": [],
        "RolePolicyList": [{ "PolicyName": "own", "PolicyDocument": { "Statement": statements } }] })
}

/// A store with a scan of these roles.
fn store(roles: &[Value]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let export = json!({ "UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles, "Policies": [] });
    std::fs::write(folder.path().join("export.json"), export.to_string()).unwrap();
    cli::run(folder.path(), &["scan", "export.json", "--as-of", AS_OF]);
    folder
}

fn told(folder: &tempfile::TempDir, arguments: &[&str]) -> String {
    let output = cli::run(folder.path(), arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn administrator() -> Value {
    let everything = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]);
    role("admin", &json!({ "Service": "ec2.amazonaws.com" }), &everything)
}

/// Where nobody outside the zone reaches it there is nothing to cut, and the answers say so.
#[test]
fn an_organisation_without_a_cut_is_told_so() {
    let service = json!({ "Service": "ec2.amazonaws.com" });
    let reader = role("reader", &service, &json!([{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" }]));
    let quiet = store(&[administrator(), reader]);
    let plan = told(&quiet, &["cut-plan", "--budget", "3"]);
    assert!(plan.contains("There is nothing to cut: none of the 1 principals outside"), "{plan}");
    let choke_points = told(&quiet, &["choke-points"]);
    assert!(choke_points.contains("nobody outside the protected zone reaches it"), "{choke_points}");
    assert!(told(&quiet, &["paths", "role/reader"]).to_lowercase().contains("no path"));
    let plan = answer(&quiet, &["cut-plan", "--budget", "3", "--format", "json"]);
    assert_eq!((plan["steps"].as_array().unwrap().len(), &plan["minimum_cut"]["value"]), (0, &json!(0)));
    let exposure = answer(&quiet, &["exposure", "--format", "json"]);
    assert_eq!((&exposure["zone"]["principals"], &exposure["zone"]["exposed_possible"]), (&json!(1), &json!(0)));

    let alone = store(&[administrator()]);
    let plan = told(&alone, &["cut-plan", "--budget", "3"]);
    assert!(plan.contains("there is nobody to keep out of it"), "{plan}");
}

/// Four roles that all come into each other, and each of which makes itself an administrator: no change is worth anything
/// by itself. Two keep one role from the zone, and four all of them, who need not be kept from each other then.
#[test]
fn an_organisation_of_one_component_is_told_what_it_takes() {
    let roles: Vec<Value> = (0..4)
        .map(|at| {
            let statements = json!([
                { "Sid": "Move", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*" },
                { "Sid": "Attach", "Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": "*" },
            ]);
            role(&format!("r{at}"), &json!({ "AWS": arn("root") }), &statements)
        })
        .collect();
    let folder = store(&[&[administrator()], &roles[..]].concat());
    let plan = told(&folder, &["cut-plan", "--budget", "1"]);
    assert!(plan.starts_with("4 principals outside"), "{plan}");
    assert!(plan.contains("No change that can be made lowers exposure, alone or with as many others"), "{plan}");
    assert!(plan.contains("Isolating the zone takes 4 changes"), "{plan}");
    let choke_points = told(&folder, &["choke-points"]);
    assert!(choke_points.contains("every one of them has ways that share nothing"), "{choke_points}");
    let exposures = |budget: &str| -> (Vec<u64>, Vec<Value>) {
        let plan = answer(&folder, &["cut-plan", "--budget", budget, "--format", "json"]);
        let steps = plan["steps"].as_array().unwrap().clone();
        (steps.iter().map(|step| step["exposure_after"].as_u64().unwrap()).collect(), steps)
    };
    assert_eq!(exposures("3").0, [4, 3]);
    let (after, steps) = exposures("4");
    assert_eq!(after, [4, 4, 4, 0]);
    assert!(steps.iter().all(|step| step["change"]["statement"] == "Attach"), "{steps:?}");
    let exposure = answer(&folder, &["exposure", "--format", "json"]);
    assert_eq!((&exposure["zone"]["principals"], &exposure["zone"]["exposed_certain"]), (&json!(4), &json!(4)));
    assert!(told(&folder, &["paths", "role/r0"]).contains("iam-009"));
}

/// What a label or the configuration declares is no step of a plan, and no choke point that can be removed.
#[test]
fn what_is_declared_to_stay_is_never_proposed() {
    let service = json!({ "Service": "ec2.amazonaws.com" });
    let attach = json!([{ "Sid": "Attach", "Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": "*" }]);
    let roles = [administrator(), role("emergency", &service, &attach), role("other", &service, &attach)];
    let changes = |folder: &tempfile::TempDir, more: &[&str]| -> Vec<String> {
        let arguments = [&["cut-plan", "--budget", "3", "--format", "json"], more].concat();
        let plan = answer(folder, &arguments);
        plan["steps"].as_array().unwrap().iter().map(|step| step["change"]["holder"].to_string()).collect()
    };
    let folder = store(&roles);
    assert_eq!(changes(&folder, &[]).len(), 2);
    std::fs::write(folder.path().join("keep.toml"), "[cuts]\nkeep = [\"*:role/emergency\"]\n").unwrap();
    let kept = changes(&folder, &["--config", "keep.toml"]);
    assert_eq!(kept, [format!("\"{}\"", arn("role/other"))]);

    std::fs::write(folder.path().join("labels.csv"), "entity,break_glass\nrole/emergency,yes\n").unwrap();
    cli::run(folder.path(), &["scan", "export.json", "labels.csv", "--as-of", AS_OF]);
    assert_eq!(changes(&folder, &[]), kept);
    let rows = answer(&folder, &["choke-points", "--format", "json"]);
    let rows = rows["choke_points"].as_array().unwrap();
    let removable = |row: &&Value| row["removable"] == true && row["id"].to_string().contains("role/emergency");
    assert_eq!(rows.iter().filter(removable).count(), 0, "{rows:?}");
}
