//! Findings across scans: a name that stays, what changed, what went away and what came back.
//!
//! A fingerprint is made of full ids, never of numbers, so a change elsewhere in the export does not touch it. The
//! digest of a finding's content does the same, with statement numbers taken out.
//!
//! A finding that is gone stays in the table once it was seen, in the state `absent`, as long as its entity is known:
//! that is how one that comes back is told as `reopened` and keeps the time at which it was first seen. Whoever counts
//! or lists open findings leaves `absent` rows out.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::model::{EntityId, Finding, FindingState, Tables};

/// Stable name of a finding: 16 bytes of SHA-256 over rule, entity and key, in hexadecimal.
#[must_use]
pub fn fingerprint(rule: &str, entity: &str, key: &[String]) -> String {
    let mut parts = vec![rule, entity];
    parts.extend(key.iter().map(String::as_str));
    short_hash(&parts)
}

/// What a finding says, hashed: changes when its severity, subjects or evidence do. Ages are left out, for a key that
/// got a week older in a week is no news: an age that crosses a limit shows in the severity. The sentence is left out
/// too: all that it says is in the rest.
#[must_use]
pub fn digest(finding: &Finding, tables: &Tables) -> String {
    let mut parts = vec![finding.severity.as_str().to_owned()];
    parts
        .extend(finding.subjects.iter().filter_map(|&subject| Some(tables.entities.get(subject as usize)?.id.clone())));
    // Where the lists meet must show, or moving an item from one to the other would not.
    parts.push("evidence".to_owned());
    parts.extend(finding.evidence.iter().map(|fact| ageless(&without_numbers(fact))));
    short_hash(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A fact without the number that its statement has in this snapshot.
fn without_numbers(fact: &str) -> String {
    match fact.strip_prefix("grant:") {
        Some(rest) => rest.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned(),
        None => fact.to_owned(),
    }
}

/// A text with every number of days taken out: `3 days ago` and `1 day ago` are the same.
fn ageless(text: &str) -> String {
    let mut parts = text.split(" day");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let number = kept.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        if number < kept.len() {
            kept.truncate(number);
            kept.push_str(" day");
            kept.push_str(part.strip_prefix('s').unwrap_or(part));
        } else {
            kept.push_str(" day");
            kept.push_str(part);
        }
    }
    kept
}

fn short_hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // Lengths keep `a`, `bc` apart from `ab`, `c`.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize()[..16])
}

/// A finding of the scan before, told in this scan's numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// Its content then, [`digest`].
    pub digest: String,
    /// The row, with entity and subjects renumbered.
    pub finding: Finding,
}

/// The findings of the scan before. One whose entity is no longer known at all is left out: no row could name it.
#[must_use]
pub fn recall(findings: &[Finding], then: &Tables, now: &Tables) -> Vec<Known> {
    let renumber = |number: u32| now.find(&then.entities.get(number as usize)?.id);
    let translate = |finding: &Finding| {
        let entity = renumber(finding.entity.0)?;
        let mut subjects: Vec<u32> =
            finding.subjects.iter().filter_map(|&one| renumber(one)).map(|EntityId(id)| id).collect();
        subjects.sort_unstable();
        Some(Known { digest: digest(finding, then), finding: Finding { entity, subjects, ..finding.clone() } })
    };
    findings.iter().filter_map(translate).collect()
}

/// Compares with the scan before: sets `first_seen` and `state`, and adds a row for what is gone.
///
/// | before | now | state |
/// |---|---|---|
/// | – | there | `new` |
/// | there | there, same digest | `unchanged` |
/// | there | there, other digest | `updated` |
/// | there or `absent` | gone | `absent` |
/// | `absent` | there | `reopened` |
pub fn carry_over(known: &[Known], findings: &mut Vec<Finding>, tables: &Tables) {
    let mut before: BTreeMap<&str, &Known> = known.iter().map(|one| (one.finding.fingerprint.as_str(), one)).collect();
    for finding in findings.iter_mut() {
        let Some(old) = before.remove(finding.fingerprint.as_str()) else { continue };
        finding.first_seen = old.finding.first_seen;
        finding.state = if old.finding.state == FindingState::Absent {
            FindingState::Reopened
        } else if old.digest == digest(finding, tables) {
            FindingState::Unchanged
        } else {
            FindingState::Updated
        };
    }
    findings.extend(before.into_values().map(|old| {
        let mut gone = old.finding.clone();
        gone.state = FindingState::Absent;
        // Statement numbers are of the scan that wrote them and would point at another statement here.
        gone.evidence = gone.evidence.iter().map(|fact| without_numbers(fact).trim_start().to_owned()).collect();
        gone
    }));
    super::sort(findings);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::World;
    use crate::model::Severity;

    fn finding(entity: EntityId, evidence: &str) -> Finding {
        Finding {
            fingerprint: fingerprint("rule", "arn:b", &[]),
            rule: "rule".to_owned(),
            severity: Severity::High,
            entity,
            title: "t".to_owned(),
            subjects: vec![],
            affected_n: 1,
            evidence: vec![evidence.to_owned()],
            frameworks: vec![],
            first_seen: 7,
            state: FindingState::New,
            exception: None,
        }
    }

    #[test]
    fn a_fingerprint_is_sixteen_bytes_of_the_ids_and_keeps_their_borders() {
        let name = fingerprint("key-age", "arn:x", &["AKIA1".to_owned()]);
        assert_eq!(name.len(), 32);
        assert_eq!(name, fingerprint("key-age", "arn:x", &["AKIA1".to_owned()]));
        assert_ne!(name, fingerprint("key-age", "arn:xA", &["KIA1".to_owned()]));
    }

    #[test]
    fn numbers_that_shift_do_not_change_a_finding() {
        let mut then = World::new();
        then.user("b");
        let then = then.tables();
        let mut now = World::new();
        now.user("a");
        now.user("b");
        let now = now.tables();
        let b = |tables: &Tables| tables.find(&World::user_id("b")).unwrap_or(EntityId(99));
        assert_ne!(b(&then), b(&now));
        let known = recall(&[finding(b(&then), "grant:3 statement `s`")], &then, &now);
        assert_eq!(known.len(), 1);
        let mut current = vec![Finding { first_seen: 50, ..finding(b(&now), "grant:17 statement `s`") }];
        carry_over(&known, &mut current, &now);
        assert_eq!((current[0].state, current[0].first_seen), (FindingState::Unchanged, 7));
        let mut current = vec![Finding { first_seen: 50, ..finding(b(&now), "grant:3 statement `t`") }];
        carry_over(&known, &mut current, &now);
        assert_eq!((current[0].state, current[0].first_seen), (FindingState::Updated, 7));
    }

    #[test]
    fn a_finding_that_only_grew_older_is_unchanged_and_one_that_says_more_is_updated() {
        let mut world = World::new();
        world.user("b");
        let tables = world.tables();
        let b = tables.find(&World::user_id("b")).unwrap_or(EntityId(99));
        let known = recall(&[finding(b, "1 day before the scan")], &tables, &tables);
        let state = |change: &dyn Fn(&mut Finding)| {
            let mut current = vec![finding(b, "8 days before the scan")];
            change(&mut current[0]);
            carry_over(&known, &mut current, &tables);
            current[0].state
        };
        assert_eq!(state(&|_| {}), FindingState::Unchanged);
        assert_eq!(state(&|row| row.title = "8 days old".to_owned()), FindingState::Unchanged);
        assert_eq!(state(&|row| row.severity = Severity::Low), FindingState::Updated);
        assert_eq!(state(&|row| row.subjects = vec![0]), FindingState::Updated);
        assert_eq!(state(&|row| row.evidence.push("more".to_owned())), FindingState::Updated);
        assert_eq!(ageless("1 day of 30 days, Monday 5"), " day of  day, Monday 5");
        assert_eq!(ageless("in 2 steps, 90 days; every day counts"), "in 2 steps,  day; every day counts");
    }

    #[test]
    fn what_goes_is_absent_and_what_returns_is_reopened() {
        let mut world = World::new();
        world.user("b");
        let tables = world.tables();
        let b = tables.find(&World::user_id("b")).unwrap_or(EntityId(99));
        let known = recall(&[finding(b, "grant:3 x")], &tables, &tables);
        let mut current = Vec::new();
        carry_over(&known, &mut current, &tables);
        assert_eq!((current[0].state, current[0].first_seen), (FindingState::Absent, 7));
        assert_eq!(current[0].evidence, ["x"]);
        let known = recall(&current, &tables, &tables);
        let mut again = vec![Finding { first_seen: 90, ..finding(b, "grant:3 x") }];
        carry_over(&known, &mut again, &tables);
        assert_eq!((again[0].state, again[0].first_seen), (FindingState::Reopened, 7));
        let mut still_gone = Vec::new();
        carry_over(&known, &mut still_gone, &tables);
        assert_eq!(still_gone[0].state, FindingState::Absent);
    }

    #[test]
    fn a_finding_about_an_entity_that_no_one_knows_any_more_is_let_go() {
        let mut world = World::new();
        world.user("b");
        let then = world.tables();
        let b = then.find(&World::user_id("b")).unwrap_or(EntityId(99));
        assert!(recall(&[finding(b, "x")], &then, &World::new().tables()).is_empty());
        assert_eq!(recall(&[finding(b, "x")], &then, &then).len(), 1);
    }
}
