//! The same inputs, configuration and time give the same bytes, whatever the threads did and however the files were
//! named on the command line.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ACCOUNT, AS_OF, Place, allow, arn, content, details, finished, inline, record, trust};

/// Two accounts with groups, roles that trust each other, broken documents and a resource policy: every table has
/// rows that several threads made.
fn fill(place: &Place) {
    let attached = |name: &str| json!([{"PolicyName": name, "PolicyArn": arn("policy", name)}]);
    let mut users = Vec::new();
    let mut roles = Vec::new();
    for n in 0..60 {
        let actions = [["s3:*"], ["iam:PassRole"], ["sts:AssumeRole"], ["lambda:*"], ["iam:*"]][n % 5];
        let (group, policy) = [("ops", "shared"), ("dev", "gone")][n % 2];
        let document = if n % 17 == 0 { json!("{broken") } else { allow(&actions) };
        let more = json!({
            "GroupList": [group],
            "AttachedManagedPolicies": attached(policy),
            "UserPolicyList": inline("own", document),
        });
        users.push(record("user", &format!("user-{n:03}"), more));
        let trusted = [arn("user", &format!("user-{:03}", n / 2)), arn("role", &format!("role-{:03}", (n + 1) % 60))];
        let trusted: Vec<&str> = trusted.iter().map(String::as_str).collect();
        let more = json!({
            "AssumeRolePolicyDocument": trust(&trusted),
            "RolePolicyList": inline("own", allow(&actions)),
        });
        roles.push(record("role", &format!("role-{n:03}"), more));
    }
    let version = json!([{"VersionId": "v1", "IsDefaultVersion": true, "Document": allow(&["sts:AssumeRole"])}]);
    let shared = record("policy", "shared", json!({"DefaultVersionId": "v1", "PolicyVersionList": version}));
    let groups =
        ["ops", "dev"].map(|name| record("group", name, json!({"AttachedManagedPolicies": attached("shared")})));
    let one = details(&users, &groups, &roles, &[shared]);
    place.write("one.json", &one);
    place.write("two.json", one.replace(ACCOUNT, "444455556666").replace("user-00", "other-00"));
    let bucket = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}]});
    let policies: Value = json!([{"Resource": "arn:aws:s3:::b", "Account": ACCOUNT, "Policy": bucket}]);
    place.write("resources.json", policies.to_string());
    place.write("odd.json", "[[[");
}

/// Scans into a store of its own and gives the snapshot's files, the manifest included.
fn scanned(place: &Place, store: &str, threads: &str, files: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let arguments = [&["scan", "--as-of", AS_OF, "--store", store, "--format", "json"], files].concat();
    let run = finished(place.command(&arguments).env("RAYON_NUM_THREADS", threads));
    assert_eq!(run.code, Some(4), "{run:?}");
    let mut files = content(&place.path().join(store));
    files.insert("standard output".to_owned(), run.out.into_bytes());
    files.insert("standard error".to_owned(), run.err.into_bytes());
    files
}

#[test]
fn threads_and_the_order_of_files_change_no_byte() {
    let place = Place::new();
    fill(&place);
    let files = ["one.json", "two.json", "resources.json", "odd.json"];
    let first = scanned(&place, "s1", "1", &files);
    let table = |name: &str| format!("snapshot=2026-11-22T000000Z/{name}.parquet");
    for name in ["entities", "grants", "access", "edges", "paths", "findings", "scores", "issues"] {
        assert!(first[&table(name)].len() > 1_000, "the comparison is about tables with rows: {name}");
    }
    let backwards: Vec<&str> = files.iter().rev().copied().collect();
    for (store, threads, files) in [("s2", "2", &files[..]), ("s3", "8", &files), ("s4", "2", &backwards)] {
        let again = scanned(&place, store, threads, files);
        assert_eq!(first.keys().collect::<Vec<_>>(), again.keys().collect::<Vec<_>>());
        let differs: Vec<&String> = first.keys().filter(|name| first[*name] != again[*name]).collect();
        assert!(differs.is_empty(), "{threads} threads, {files:?}: {differs:?}");
    }
}

#[test]
fn a_second_scan_of_the_same_is_the_same_snapshot() {
    let place = Place::new();
    fill(&place);
    let files = ["one.json", "two.json", "resources.json", "odd.json"];
    let first = scanned(&place, "s", "2", &files);
    let again = scanned(&place, "s", "1", &files);
    assert_eq!(place.path().join("s").read_dir().unwrap().count(), 3, "one snapshot, the lock and the format file");
    assert!(first == again);
}
