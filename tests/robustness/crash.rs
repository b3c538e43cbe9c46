//! A scan that is killed at any instant leaves the store sound, and the next scan works.

use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use overgrant::store::Store;
use serde_json::{Value, json};

use super::{Place, arn, details, inline, record, small, trust};

/// Scans that are killed at a random moment.
const KILLS: u64 = if cfg!(debug_assertions) { 12 } else { 50 };
/// Scans that are killed while they commit.
const KILLS_IN_COMMIT: u64 = if cfg!(debug_assertions) { 6 } else { 25 };
/// Users, and as many roles, of the export: enough for a scan to take some hundred milliseconds.
const USERS: usize = if cfg!(debug_assertions) { 300 } else { 20_000 };

/// Numbers that look random and are the same in every run (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end.max(1)
    }
}

/// An account in which everyone has a policy of their own and every role trusts one user.
fn large() -> String {
    let own = |n: usize| {
        let bucket = format!("arn:aws:s3:::bucket-{n}/*");
        let statement = json!({"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": bucket});
        inline("own", json!({"Version": "2012-10-17", "Statement": [statement]}))
    };
    let user = |n: usize| record("user", &format!("user-{n}"), json!({"UserPolicyList": own(n)}));
    let role = |n: usize| {
        let trusted = arn("user", &format!("user-{n}"));
        let more = json!({"AssumeRolePolicyDocument": trust(&[&trusted]), "RolePolicyList": own(n)});
        record("role", &format!("role-{n}"), more)
    };
    let users: Vec<Value> = (0..USERS).map(user).collect();
    let roles: Vec<Value> = (0..USERS).map(role).collect();
    details(&users, &[], &roles, &[])
}

/// A scan of the large export for a time of its own, in the background.
fn start(place: &Place, number: u64) -> Child {
    let as_of = format!("2026-01-01T00:{:02}:{:02}Z", number / 60, number % 60);
    let mut command = place.command(&["scan", "large.json", "--as-of", &as_of]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}

/// Whether a commit is under way: its staging folder is there.
fn commits(place: &Place) -> bool {
    let Ok(entries) = fs::read_dir(place.store()) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(".staging-"))
}

/// How long a scan takes in all, and its commit.
fn measure(place: &Place) -> (Duration, Duration) {
    let started = Instant::now();
    let mut child = start(place, 0);
    let mut first_seen = None;
    while child.try_wait().unwrap().is_none() {
        if first_seen.is_none() && commits(place) {
            first_seen = Some(Instant::now());
        }
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(place.snapshots().len(), 1, "the scan that nobody kills commits");
    (started.elapsed(), first_seen.map_or(Duration::ZERO, |seen| seen.elapsed()))
}

/// What must be true after a kill: everything committed is sound, a scan works, and leftovers are gone.
fn recovers(place: &Place, number: u64) {
    let before = place.snapshots().len();
    place.run(&["snapshots", "verify"]).said(0, &[]);
    let as_of = format!("2026-02-01T00:{:02}:{:02}Z", number / 60, number % 60);
    place.run(&["scan", "small.json", "--as-of", &as_of]).said(0, &[]);
    assert_eq!(place.snapshots().len(), before + 1);
    let names: Vec<String> =
        fs::read_dir(place.store()).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into()).collect();
    let strange: Vec<&String> = names
        .iter()
        .filter(|name| !name.starts_with("snapshot=") && ![".lock", "overgrant.json"].contains(&name.as_str()))
        .collect();
    assert!(strange.is_empty(), "left over: {strange:?}");
}

fn prepared() -> Place {
    let place = Place::new();
    place.write("large.json", large());
    place.write("small.json", small());
    place
}

#[test]
fn a_scan_killed_at_any_moment_leaves_a_sound_store() {
    let place = prepared();
    let (mut whole, commit) = measure(&place);
    let mut dice = Dice(1);
    let mut unfinished = 0;
    for number in 1..=KILLS {
        let mut child = start(&place, number);
        let micros = dice.below(u64::try_from(whole.as_micros()).unwrap());
        thread::sleep(Duration::from_micros(micros));
        child.kill().unwrap();
        if child.wait().unwrap().code().is_some() {
            // It ended by itself: the machine was busier when the time was taken.
            whole = whole * 2 / 3;
        } else {
            unfinished += 1;
        }
        recovers(&place, number);
    }
    assert!(unfinished >= KILLS / 3, "only {unfinished} scans of {whole:?} ({commit:?} commit) were killed in time");
    place.run(&["snapshots", "verify"]).said(0, &[]);
}

#[test]
fn a_scan_killed_while_it_commits_leaves_a_sound_store() {
    let place = prepared();
    let (_, commit) = measure(&place);
    let mut dice = Dice(2);
    let mut caught = 0;
    for number in 1..=KILLS_IN_COMMIT {
        let mut child = start(&place, number);
        while !commits(&place) && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_micros(200));
        }
        let micros = dice.below(u64::try_from(commit.as_micros()).unwrap());
        thread::sleep(Duration::from_micros(micros));
        child.kill().unwrap();
        child.wait().unwrap();
        caught += u64::from(commits(&place));
        recovers(&place, number);
    }
    assert!(caught > 0, "no kill hit a commit of {commit:?}");
}

#[test]
fn a_second_writer_is_refused_with_a_clear_message_until_the_first_is_gone() {
    let place = Place::new();
    place.write("small.json", small());
    place.scan(&["small.json"], &[]).said(0, &[]);
    let store = Store::open(&place.store()).unwrap();
    let writer = store.writer().unwrap();
    let refused = place.run(&["scan", "small.json", "--as-of", "2026-11-23"]);
    refused.said(3, &["error: ", "overgrant-store", "hint: wait until it has ended; a crashed scan holds no lock"]);
    place.run(&["snapshots", "prune", "--keep", "1"]).said(3, &["error: ", "overgrant-store"]);
    // Readers never wait.
    place.run(&["findings"]).said(0, &[]);
    assert_eq!(place.snapshots().len(), 1);
    drop(writer);
    place.run(&["scan", "small.json", "--as-of", "2026-11-23"]).said(0, &[]);
    let verdict = place.run(&["can", "ada", "s3:GetObject", "arn:aws:s3:::b/k", "--format", "json"]);
    assert_eq!(verdict.json()["decision"], "allowed");
}
