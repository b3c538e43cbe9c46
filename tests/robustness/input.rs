//! Errors as a user meets them: the exit code, what is wrong, where, what to do, and what survives.

use std::fs;
use std::io::Write;

use serde_json::{Value, json};

use super::{ACCOUNT, Place, allow, arn, details, inline, record, small, trust};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The issues of one code.
fn of_code<'i>(issues: &'i [Value], code: &str) -> Vec<&'i Value> {
    issues.iter().filter(|issue| issue["code"] == code).collect()
}

#[test]
fn a_file_that_is_no_export_is_refused_with_what_it_looks_like() {
    let compose = "services:\n  web:\n    image: nginx\n";
    let state = r#"{"version":4,"resources":[{"type":"aws_iam_role"}]}"#;
    let denied = "\nAn error occurred (AccessDenied) when calling the GetAccountAuthorizationDetails operation: no\n";
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01";
    for (name, bytes, looks) in [
        ("notes.txt", b"hello world".as_slice(), "plain text"),
        ("iam.json", png, "binary data"),
        ("iam.json", b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", "an HTML page"),
        ("compose.yaml", compose.as_bytes(), "plain text"),
        ("state.json", state.as_bytes(), "a JSON object with the keys `resources`, `version`"),
        ("iam.json", denied.as_bytes(), "an error message of the AWS command line (`accessdenied`)"),
        ("iam.json", b"", "holds nothing"),
    ] {
        let place = Place::new();
        place.write(name, bytes);
        let hint = "hint: give one of these";
        let run = place.scan(&[name], &[]).said(3, &["error: nothing to scan", &format!("`{name}`"), looks, hint]);
        assert!(run.err.contains("get-account-authorization-details"), "{}", run.err);
        assert_eq!((run.out.as_str(), place.snapshots().len()), ("", 0), "nothing is stored");
    }
}

#[test]
fn an_empty_folder_and_a_path_that_is_not_there_are_told_apart() {
    let place = Place::new();
    fs::create_dir(place.path().join("exports")).unwrap();
    place.scan(&["exports"], &[]).said(3, &["nothing to scan", "`exports`", "there is no file at all", "hint: "]);
    place.write("iam.json", small());
    place.scan(&["iam.json", "nowhere.json"], &[]).said(3, &["error: cannot read `nowhere.json`: No such file"]);
    assert!(place.snapshots().is_empty(), "a scan of half of what was asked for is no answer");
}

#[test]
fn what_was_read_of_a_truncated_export_survives_and_the_place_is_named() {
    let users: Vec<Value> = (0..40).map(|n| record("user", &format!("user-{n:02}"), json!({}))).collect();
    let whole = details(&users, &[], &[], &[]);
    let place = Place::new();
    let cut = whole.find("user-30").unwrap();
    place.write("iam.json", &whole[..cut]);
    let run = place.scan(&["iam.json"], &["--format", "json"]);
    let run = run.said(4, &["warning: ", "(iam.json, /UserDetailList/", "what came before is kept", "hint: "]);
    assert_eq!(run.json()["counts"]["users"], 30);
    assert_eq!(run.json()["incomplete"], json!(["file_truncated: 1"]));
    assert_eq!(of_code(&place.issues(), "file_truncated")[0]["file"], "iam.json");
}

#[test]
fn a_truncated_archive_gives_what_can_be_unfolded() {
    let users: Vec<Value> = (0..2_000).map(|n| record("user", &format!("user-{n:04}"), json!({}))).collect();
    let packed = gzip(details(&users, &[], &[], &[]).as_bytes());
    let place = Place::new();
    place.write("iam.json.gz", &packed[..packed.len() / 2]);
    let run = place.scan(&["iam.json.gz"], &["--format", "json"]).said(4, &["warning: ", "iam.json.gz", "hint: "]);
    let read = run.json()["counts"]["users"].as_u64().unwrap();
    assert!((100..2_000).contains(&read), "{read} users of half an archive");
    assert_eq!(of_code(&place.issues(), "file_truncated").len(), 1);
}

#[test]
fn the_content_counts_and_not_the_extension() {
    let place = Place::new();
    place.write("users.csv", small());
    place.write("users.json", gzip(small().as_bytes()));
    let plain = place.scan(&["users.csv"], &["--format", "json"]).said(0, &[]);
    assert_eq!(plain.json()["counts"]["users"], 2);
    let packed = place.scan(&["users.json"], &["--format", "json"]).said(0, &[]);
    assert_eq!(packed.json()["counts"], plain.json()["counts"]);
}

#[test]
fn one_bad_file_in_a_folder_does_not_spoil_the_good_one() {
    let place = Place::new();
    place.write("exports/iam.json", small());
    place.write("exports/notes.txt", "hello world");
    #[cfg(unix)]
    std::os::unix::fs::symlink("gone.json", place.path().join("exports/link.json")).unwrap();
    let run = place.scan(&["exports"], &["--format", "json"]);
    let run = run.said(4, &["notes.txt", "plain text", "`overgrant snapshots show` lists what is missing"]);
    assert_eq!(run.json()["counts"]["users"], 2);
    #[cfg(unix)]
    {
        assert!(run.err.contains("link.json") && run.err.contains("cannot be read"), "{}", run.err);
        assert_eq!(of_code(&place.issues(), "file_unreadable").len(), 1);
    }
    assert_eq!(of_code(&place.issues(), "not_recognised").len(), 1);
}

#[test]
fn a_broken_policy_document_is_named_with_its_place_and_what_it_hides_is_unknown() {
    let broken = r#"{"Statement": [{"#;
    let policy = json!({"DefaultVersionId": "v1",
        "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true, "Document": "[1,2"}]});
    let attached = json!({"AttachedManagedPolicies": [{"PolicyName": "bad", "PolicyArn": arn("policy", "bad")}]});
    let users = [
        record("user", "ada", json!({"UserPolicyList": inline("broken", broken)})),
        record("user", "cyd", attached),
        record("user", "dan", json!({"UserPolicyList": inline("fine", allow(&["sts:AssumeRole"]))})),
    ];
    let roles = [record("role", "deploy", json!({"AssumeRolePolicyDocument": "%7Bnot json"}))];
    let place = Place::new();
    place.write("iam.json", details(&users, &[], &roles, &[record("policy", "bad", policy)]));
    let run = place.scan(&["iam.json"], &["--format", "json"]);
    let run = run.said(4, &["warning: ", "(iam.json, /", "2 more `policy_document_invalid`"]);
    assert_eq!(run.json()["counts"]["users"], 3);
    let issues = place.issues();
    let mut places: Vec<&str> =
        of_code(&issues, "policy_document_invalid").iter().filter_map(|issue| issue["record"].as_str()).collect();
    places.sort_unstable();
    let expected = [
        "/Policies/0/PolicyVersionList/0",
        "/RoleDetailList/0/AssumeRolePolicyDocument",
        "/UserDetailList/0/UserPolicyList/0/PolicyDocument",
    ];
    assert_eq!(places.len(), 3);
    for (place, expected) in places.iter().zip(expected) {
        assert!(place.starts_with(expected), "{place} is not at {expected}");
    }
    for (who, action, resource) in [
        ("ada", "s3:GetObject", "arn:aws:s3:::b/k"),
        ("cyd", "s3:GetObject", "arn:aws:s3:::b/k"),
        ("dan", "sts:AssumeRole", &arn("role", "deploy")),
    ] {
        let answer = place.run(&["can", who, action, resource, "--format", "json"]);
        assert_eq!(answer.json()["decision"], "unknown", "{who}: {answer:?}");
    }
}

#[test]
fn a_missing_policy_and_a_missing_boundary_are_named_with_who_has_them() {
    let more = json!({
        "AttachedManagedPolicies": [{"PolicyName": "gone", "PolicyArn": arn("policy", "gone")}],
        "PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn("policy", "limit")},
    });
    let place = Place::new();
    place.write("iam.json", details(&[record("user", "bob", more)], &[], &[], &[]));
    place.scan(&["iam.json"], &[]).said(4, &["user/bob", "of which nothing is known", "; 1 more `policy_missing`"]);
    let issues = place.issues();
    let missing = of_code(&issues, "policy_missing");
    let says = |text: &str| missing.iter().any(|issue| issue["message"].as_str().unwrap().contains(text));
    assert!(missing.len() == 2 && says("the policy `arn") && says("the permissions boundary `arn"), "{missing:?}");
    assert!(says(&arn("policy", "gone")) && says(&arn("policy", "limit")) && says(&arn("user", "bob")));
}

#[test]
fn of_two_exports_of_one_account_the_newer_counts_and_both_are_named() {
    let older = record("user", "ada", json!({"PasswordLastUsed": "2026-01-02T00:00:00Z"}));
    let newer = record("user", "ada", json!({"PasswordLastUsed": "2026-11-01T00:00:00Z"}));
    let left = record("user", "left", json!({}));
    let place = Place::new();
    place.write("exports/z-old.json", details(&[older, left], &[], &[], &[]));
    place.write("exports/a-new.json", details(&[newer], &[], &[], &[]));
    let run = place.scan(&["exports"], &["--format", "json"]);
    let run = run.said(4, &["z-old.json", "a-new.json", "2026-01-02", "2026-11-01", ACCOUNT]);
    assert_eq!(run.json()["counts"]["users"], 1, "the newer one has no `left`");
    assert_eq!(of_code(&place.issues(), "export_superseded").len(), 1);
}

#[test]
fn files_that_define_nobody_are_no_success() {
    let version = json!([{"VersionId": "v1", "IsDefaultVersion": true, "Document": allow(&["s3:*"])}]);
    let policy = record("policy", "p", json!({"DefaultVersionId": "v1", "PolicyVersionList": version}));
    for text in [details(&[], &[], &[], &[]), details(&[], &[], &[], &[policy])] {
        let place = Place::new();
        place.write("iam.json", text);
        let run = place.scan(&["iam.json"], &["--fail-on", "any:low"]);
        let run = run.said(3, &["error: nothing to measure", "`iam.json`", "records", "hint: add an export that does"]);
        assert_eq!((run.out.as_str(), place.snapshots().len()), ("", 0), "an empty result looks like a clean one");
    }
}

#[test]
fn a_store_that_cannot_be_one_is_refused_before_the_work() {
    let place = Place::new();
    place.write("iam.json", small());
    place.write("file", "");
    place.write("full/notes.txt", "mine");
    for (store, says) in [
        ("file", "cannot create the store `file`"),
        ("file/below", "cannot create the store `file/below`"),
        ("full", "`full` is not an overgrant store: it is not empty"),
    ] {
        place.scan(&["iam.json"], &["--store", store]).said(3, &["error: ", says, "hint: "]);
    }
    assert_eq!(fs::read_to_string(place.path().join("full/notes.txt")).unwrap(), "mine");
    let none = place.run(&["findings", "--store", "nowhere"]);
    none.said(3, &["there is no store at `nowhere`", "hint: run `overgrant scan PATH` first"]);
}

#[test]
#[cfg(unix)]
fn a_store_that_cannot_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.write("iam.json", small());
    let folder = place.path().join("locked");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    // Root may write everywhere, so that there is nothing to see for root.
    if fs::write(folder.join("probe"), "").is_err() {
        let says = ["error: ", "locked", "Permission denied", "hint: check the permissions"];
        place.scan(&["iam.json"], &["--store", "locked/store"]).said(3, &says);
        place.scan(&["iam.json"], &["--store", "locked"]).said(3, &says);
    }
    // Nobody can make a folder here, root included.
    #[cfg(target_os = "linux")]
    place.scan(&["iam.json"], &["--store", "/proc/overgrant-store"]).said(3, &["`/proc/overgrant-store`", "hint: "]);
}

#[test]
fn usage_errors_say_what_is_meant() {
    let place = Place::new();
    place.write("iam.json", small());
    place.write("bad.toml", "frobnicate = 1\n");
    place.write("broken.toml", "risk = {\n");
    place.write("techniques/x.toml", "id = 3\n");
    for (arguments, says) in [
        (&["--as-of", "yesterday"][..], &["`yesterday` is no time", "hint: write it as 2026-11-22"][..]),
        (&["--config", "bad.toml"], &["bad.toml: unknown key `frobnicate`", "known here: ", "hint: "]),
        (&["--config", "broken.toml"], &["broken.toml", "line 1", "hint: "]),
        (&["--config", "nowhere.toml"], &["cannot read `nowhere.toml`"]),
        (&["--techniques", "nowhere"], &["techniques in `nowhere`: cannot be read: No such file", "hint: "]),
        (&["--techniques", "techniques"], &["techniques/x.toml", "line 1", "hint: see datasets/techniques/README.md"]),
    ] {
        let run = place.run(&[&["scan", "iam.json"], arguments].concat());
        let run = run.said(2, &["error: "]).said(2, says);
        assert_eq!((run.out.as_str(), place.snapshots().len()), ("", 0), "{arguments:?}");
    }
}

#[test]
fn a_principal_that_is_unknown_or_ambiguous_is_refused_with_what_there_is() {
    let users = [record("user", "deploy", json!({})), record("user", "ada", json!({}))];
    let roles = [record("role", "deploy", json!({"AssumeRolePolicyDocument": trust(&[ACCOUNT])}))];
    let place = Place::new();
    place.write("iam.json", details(&users, &[], &roles, &[]));
    place.scan(&["iam.json"], &[]).said(0, &[]);
    for command in [&["explain"][..], &["paths"], &["can"]] {
        let with = |name: &'static str| {
            let rest: &[&str] = if command == ["can"] { &["s3:GetObject"] } else { &[] };
            place.run(&[command, &[name], rest].concat())
        };
        with("adda").said(2, &["no principal `adda` in this snapshot", "hint: did you mean", &arn("user", "ada")]);
        let both = [arn("user", "deploy"), arn("role", "deploy")];
        with("deploy").said(2, &["`deploy`", &both[0], &both[1]]);
        let whole = with("role/deploy");
        assert_eq!(whole.code, Some(0), "a longer suffix decides: {whole:?}");
    }
}

#[test]
fn a_damaged_snapshot_ends_with_the_code_for_integrity() {
    let place = Place::new();
    place.write("iam.json", small());
    place.scan(&["iam.json"], &[]).said(0, &[]);
    let table = place.snapshots()[0].join("scores.parquet");
    let mut bytes = fs::read(&table).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&table, bytes).unwrap();
    place.run(&["scores"]).said(6, &["error: ", "scores.parquet", "hint: `overgrant snapshots verify`"]);
    place.run(&["snapshots", "verify"]).said(6, &["1 problem(s)", "hint: "]);
}
