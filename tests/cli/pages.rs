//! Help, usage errors, completions and manual pages: all that needs no store.

use std::process::{Command, Stdio};

use super::{case, run};

#[test]
fn help_is_as_expected() {
    case("help-none", &[]);
    case("help-short", &["-h"]);
    case("help-long", &["--help"]);
    for command in
        ["scan", "findings", "scores", "explain", "can", "who-can", "paths", "exposure", "choke-points", "cut-plan"]
    {
        case(&format!("help-{command}"), &[command, "--help"]);
    }
    for command in ["preflight", "snapshots", "techniques", "generate", "completions", "man"] {
        case(&format!("help-{command}"), &[command, "--help"]);
    }
}

#[test]
fn usage_errors_are_as_expected() {
    case("usage-unknown-command", &["scam"]);
    case("usage-scan-without-path", &["scan"]);
    case("usage-severity", &["findings", "--severity", "urgent"]);
    case("usage-fail-on", &["scan", ".", "--fail-on", "new:urgent"]);
    case("usage-fail-on-form", &["scan", ".", "--fail-on", "metric:exposure_pct=5"]);
    case("usage-report", &["scan", ".", "--report", "pdf=x.pdf"]);
    case("usage-as-of", &["scan", ".", "--as-of", "yesterday"]);
    case("usage-context", &["can", "a", "s3:Get", "--context", "=x"]);
    case("usage-generate-principals", &["generate", "--out", "org", "--principals", "3"]);
    case("usage-generate-platform", &["generate", "--out", "org", "--platforms", "aws,aix"]);
    case("usage-count", &["paths", "a", "--count", "0"]);
    case("input-no-such-path", &["scan", "no-such-export.json"]);
}

#[test]
fn every_query_says_that_there_is_no_store() {
    for arguments in [
        &["findings"][..],
        &["scores"],
        &["explain", "a"],
        &["can", "a", "s3:Get"],
        &["who-can", "s3:Get"],
        &["paths", "a"],
        &["exposure"],
        &["preflight"],
        &["choke-points"],
        &["cut-plan", "--budget", "1"],
        &["snapshots", "list"],
        &["snapshots", "verify"],
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let output = run(folder.path(), arguments);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {err}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(err.starts_with("error: ") && err.contains("overgrant-store"), "{arguments:?}: {err}");
    }
    case("no-store", &["findings"]);
}

#[test]
fn completions_name_every_command_and_flag_of_scan() {
    let folder = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish"] {
        let output = run(folder.path(), &["completions", shell]);
        let script = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0));
        for word in ["who-can", "snapshots", "fail-on", "as-of"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
}

#[test]
fn manual_pages_are_one_a_command_and_list_the_exit_codes() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(folder.path(), &["man", "--dir", "man1"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let page = |name: &str| std::fs::read_to_string(folder.path().join("man1").join(name)).unwrap_or_default();
    assert!(page("overgrant.1").contains("integrity: a digest does not match"));
    assert!(page("overgrant-scan.1").contains("fail\\-on"));
    assert!(page("overgrant-snapshots-verify.1").contains("Rehash"));
    let whole = run(folder.path(), &["man"]);
    assert!(whole.stdout.starts_with(b".ie") && !whole.stdout.is_empty());
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_crash() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_overgrant"))
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
