//! Active Directory: sessions lead somewhere when somebody wants them to, and questions by names.

use std::fs;

use serde_json::Value;

use crate::cli;

/// A computer with a session of BOB, of which ADA is a local administrator.
const CASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/ad_10_sessions_off/export");
const PAGE: &str = include_str!("../docs/platforms/ad.md");
const DOMAIN: &str = "ad:S-1-5-21-1-2-3";

/// The technique that the page tells people to add.
fn technique() -> &'static str {
    let (_, rest) = PAGE.split_once("```toml\n").expect("the page has a technique");
    rest.split_once("```").expect("the technique ends").0
}

/// Scans the case and says how many steps lead from ADA to BOB, and how sure the way is.
fn way(more: &[&str]) -> Option<(usize, String)> {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("own")).expect("a folder");
    fs::write(place.path().join("own/ad-session.toml"), technique()).expect("a file");
    let scanned = cli::run(place.path(), &[&["scan", CASE, "--as-of", "2026-11-22"], more].concat());
    assert_eq!(scanned.status.code(), Some(0), "{}", String::from_utf8_lossy(&scanned.stderr));
    let (from, to) = (format!("{DOMAIN}-1101"), format!("{DOMAIN}-1102"));
    let asked = ["paths", &from, "--to", &to, "--format", "json"];
    let output = cli::run(place.path(), &asked);
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let path = found["paths"].as_array()?.first()?;
    Some((path["steps"].as_array()?.len(), path["certainty"].as_str()?.to_owned()))
}

#[test]
fn sessions_lead_to_who_was_logged_on_when_the_technique_of_the_page_is_added() {
    assert_eq!(way(&[]), None);
    assert_eq!(way(&["--techniques", "own"]), Some((2, "conditional".to_owned())));
}
