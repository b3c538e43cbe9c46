//! What is taken, what is refused, and what a crash leaves.

use std::fs;

use serde_json::json;

use super::{NOW, approval, filled, human, model, nothing_is_secret, verdict, writer};
use crate::ledger::record::{NO_PREVIOUS, digest};
use crate::ledger::verify::{HeadState, Torn};
use crate::ledger::{ActorKind, Draft, Kind, Ledger, LedgerError, Outcome, Verdict, Writer};

#[test]
fn records_are_chained_canonical_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("ledger");
    assert!(Ledger::open(&dir).is_none(), "a ledger begins with its first record");
    let mut writer = writer(&dir);
    let first = writer.append(verdict("a", Verdict::Block), NOW).expect("a record");
    let second = writer.append(approval("a"), NOW + 1500).expect("a record");
    assert_eq!((first.seq, first.prev.as_str(), second.prev.as_str()), (0, NO_PREVIOUS, first.hash.as_str()));
    let text = fs::read_to_string(dir.join("records.jsonl")).expect("it is there");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("{\"actor\":{\"id\":\"overgrant\",\"kind\":\"service\"},\"ai\":"), "{}", lines[0]);
    assert!(lines[1].contains("\"time\":\"2026-11-22T00:00:01.500Z\""), "{}", lines[1]);
    // The hash is that of the line without its hash: worked out here without the code that wrote it.
    let bare = lines[0].replace(&format!("\"hash\":\"{}\",", first.hash), "");
    assert_eq!((digest(bare.as_bytes()), bare.len() + 74), (first.hash.clone(), lines[0].len()));
    drop(writer);
    let read = Ledger::open(&dir).expect("it is there").records().expect("it is sound");
    assert_eq!(read, [first, second]);
}

#[test]
fn what_lacks_something_is_refused_with_a_pointer_and_leaves_no_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = writer(folder.path());
    let refused = |writer: &mut Writer, draft: Draft| match writer.append(draft, NOW) {
        Err(LedgerError::Refused { pointer, .. }) => pointer,
        other => panic!("{other:?}"),
    };
    let gate = || verdict("a", Verdict::Allow);
    let cases: Vec<(Draft, &str)> = vec![
        (Draft { verdict: None, ..gate() }, "/verdict"),
        (Draft { draft_id: None, ..gate() }, "/draft_id"),
        (Draft { prompt_sha256: Some("ABC".into()), ..gate() }, "/prompt_sha256"),
        (Draft { outcome: None, ..approval("a") }, "/outcome"),
        (Draft { owner: None, ..approval("a") }, "/owner"),
        (Draft { reason: Some(" ".into()), ..approval("a") }, "/reason"),
        (Draft { revocation: None, ..approval("a") }, "/revocation"),
        (Draft { approvals: vec![], ..approval("a") }, "/approvals"),
        (Draft { ai: Some(model("grace@example.com")), ..approval("a") }, "/approvals/0/by"),
        (Draft::new(Kind::Challenge, human("ada")), "/refers_to"),
        (
            Draft { refers_to: Some(0), reason: Some("x".into()), ..Draft::new(Kind::Challenge, human("ada")) },
            "/refers_to",
        ),
        (Draft::new(Kind::Draft, human("")), "/actor/id"),
        (Draft { witnesses: vec![json!({"n": 1e300})], ..gate() }, "/witnesses/0/n"),
    ];
    for (draft, pointer) in cases {
        assert_eq!(refused(&mut writer, draft.clone()), pointer, "{draft:?}");
    }
    let mut by_machine = approval("a");
    by_machine.actor.kind = ActorKind::Service;
    assert_eq!(refused(&mut writer, by_machine), "/actor/kind");
    let mut no_model = gate();
    (no_model.ai, no_model.actor.kind) = (None, ActorKind::Ai);
    assert_eq!(refused(&mut writer, no_model), "/ai");
    let rejected = Draft { outcome: Some(Outcome::Rejected), owner: None, revocation: None, ..approval("a") };
    assert_eq!(writer.append(rejected, NOW).expect("a rejection needs no way back").seq, 0);
    assert_eq!(writer.size(), 1);
}

#[test]
fn secrets_are_refused_wherever_they_stand() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::open(folder.path(), |text| text.contains("hunter2")).expect("a writer");
    let nested = Draft { witnesses: vec![json!({"a": [{"b/c": "hunter2"}]})], ..verdict("a", Verdict::Allow) };
    let error = writer.append(nested, NOW).expect_err("a secret").to_string();
    assert!(error.contains("/witnesses/0/a/0/b~1c") && !error.contains("hunter2"), "{error}");
    let key = Draft { intent: Some(json!({"hunter2": 1})), ..verdict("a", Verdict::Allow) };
    assert!(writer.append(key, NOW).is_err());
    let apart: fn(&str) -> bool = |text| text.contains("key-id") && text.contains("key-secret");
    drop(writer);
    let mut writer = Writer::open(folder.path(), apart).expect("a writer");
    let both =
        Draft { ticket: Some("key-id".into()), reason: Some("key-secret".into()), ..verdict("a", Verdict::Allow) };
    assert!(writer.append(both, NOW).is_err(), "in fields of their own");
    assert_eq!(writer.size(), 0);
}

#[test]
fn unknown_fields_are_refused() {
    let draft = json!({"kind": "draft", "actor": {"kind": "human", "id": "ada"}, "draft_id": "a", "colour": "red"});
    let error = serde_json::from_value::<Draft>(draft).expect_err("an unknown field").to_string();
    assert!(error.contains("colour"), "{error}");
}

#[test]
fn a_crash_in_an_append_is_torn_and_not_damage_and_the_next_append_clears_it() {
    for cut in [1, 40, 10_000] {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = filled(folder.path(), 3);
        let path = folder.path().join("records.jsonl");
        let whole = fs::read(&path).expect("records");
        // The fourth record came onto the disk in part, and the head was not written.
        let head = fs::read(folder.path().join("head.json")).expect("a head");
        writer(folder.path()).append(verdict("later", Verdict::Allow), NOW).expect("a record");
        let longer = fs::read(&path).expect("records");
        let torn = &longer[..(whole.len() + cut).min(longer.len() - 1)];
        fs::write(&path, torn).expect("written");
        fs::write(folder.path().join("head.json"), head).expect("written");
        let found = ledger.verify(&[], &[]).expect("it can be read");
        let bytes = (torn.len() - whole.len()) as u64;
        assert_eq!((found.records, &found.first_bad, found.torn), (3, &None, Some(Torn { line: 4, bytes })));
        assert_eq!(ledger.records().expect("three are sound").len(), 3);
        let mut writer = writer(folder.path());
        assert_eq!(writer.torn(), Some(Torn { line: 4, bytes }));
        assert_eq!(writer.append(verdict("again", Verdict::Allow), NOW).expect("a record").seq, 3);
        let found = ledger.verify(&[], &[]).expect("it can be read");
        assert_eq!((found.records, found.first_bad, found.torn, found.head), (4, None, None, HeadState::Matches));
    }
}

#[test]
fn a_crash_between_record_and_head_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = filled(folder.path(), 2);
    let head = fs::read(folder.path().join("head.json")).expect("a head");
    writer(folder.path()).append(verdict("later", Verdict::Allow), NOW).expect("a record");
    fs::write(folder.path().join("head.json"), head).expect("written");
    let found = ledger.verify(&[], &[]).expect("it can be read");
    assert_eq!((found.records, found.first_bad, found.head), (3, None, HeadState::Behind));
    assert_eq!(writer(folder.path()).append(verdict("x", Verdict::Allow), NOW).expect("a record").seq, 3);
}

#[test]
fn nobody_appends_to_damage_and_one_at_a_time_appends() {
    let folder = tempfile::tempdir().expect("a folder");
    filled(folder.path(), 3);
    let first = writer(folder.path());
    assert!(matches!(Writer::open(folder.path(), nothing_is_secret), Err(LedgerError::Locked { .. })));
    drop(first);
    let path = folder.path().join("records.jsonl");
    let mut bytes = fs::read(&path).expect("records");
    bytes.truncate(bytes.len() - 10);
    fs::write(&path, bytes).expect("written");
    assert!(matches!(Writer::open(folder.path(), nothing_is_secret), Err(LedgerError::Damaged { .. })));
}
