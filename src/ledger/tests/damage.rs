//! Every way to change a ledger is found, and where.

use std::fs;
use std::path::Path;

use super::{NOW, filled, verdict, writer};
use crate::ledger::merkle::{is_consistent, is_included};
use crate::ledger::note::{SigningKey, VerifierKey};
use crate::ledger::record::Record;
use crate::ledger::verify::{Place, Signed};
use crate::ledger::{Bad, Ledger, Verdict, Verified};

fn key() -> SigningKey {
    SigningKey::from_seed("example.com/ledger", &[9; 32]).expect("a name")
}

fn check(ledger: &Ledger) -> Verified {
    ledger.verify(&[key().verifier()], &[]).expect("it can be read")
}

fn bad(ledger: &Ledger) -> Bad {
    check(ledger).first_bad.expect("it is damaged")
}

fn records(dir: &Path) -> std::path::PathBuf {
    dir.join("records.jsonl")
}

/// Line (from 1) that a byte of a text is in; a line's break is its own.
fn line_of(text: &[u8], at: usize) -> u64 {
    text[..at].split(|&byte| byte == b'\n').count() as u64
}

/// Flips bits of one byte, verifies, and puts it back.
fn flip(path: &Path, ledger: &Ledger, whole: &[u8], at: usize, mask: u8) -> Bad {
    let mut bytes = whole.to_vec();
    bytes[at] ^= mask;
    fs::write(path, bytes).expect("written");
    let found = bad(ledger);
    fs::write(path, whole).expect("written");
    found
}

#[test]
fn a_flip_of_any_byte_is_found_in_its_own_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = filled(folder.path(), 4);
    let whole = fs::read(records(folder.path())).expect("records");
    for at in 0..whole.len() {
        for mask in [0x01, 0x20, 0x80] {
            let found = flip(&records(folder.path()), &ledger, &whole, at, mask);
            assert_eq!(found.place, Place::Line(line_of(&whole, at)), "byte {at}, {mask:#x}: {found}");
            assert!(found.file.ends_with("records.jsonl") && !found.why.is_empty());
        }
    }
    assert_eq!(check(&ledger).first_bad, None);
}

#[test]
fn a_flip_of_any_byte_of_head_and_checkpoint_is_found_in_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = filled(folder.path(), 3);
    writer(folder.path()).checkpoint(&key(), "example.com/ledger").expect("signed");
    assert_eq!(check(&ledger).checkpoints[0].signed, Signed::By("example.com/ledger".to_owned()));
    for name in ["head.json", "checkpoints/000000000003.note"] {
        let path = folder.path().join(name);
        let whole = fs::read(&path).expect("it is there");
        for at in 0..whole.len() {
            let found = flip(&path, &ledger, &whole, at, 0x01);
            // A larger size in the head or the note says that a record is missing: that is what it would mean.
            assert!(found.file.ends_with(name) || found.why.contains("missing"), "{name}, byte {at}: {found}");
        }
    }
    assert_eq!(check(&ledger).first_bad, None);
}

#[test]
fn one_byte_of_ten_thousand_records_is_located() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    // Written in one go: ten thousand flushes to the disk would test the disk.
    let (mut text, mut prev) = (Vec::new(), crate::ledger::record::NO_PREVIOUS.to_owned());
    for seq in 0..10_000 {
        let said = verdict(&format!("draft-{seq}"), Verdict::NeedsHuman);
        let (record, line) = Record::seal(said, seq, &prev, NOW).expect("a record");
        text.extend(line);
        text.push(b'\n');
        prev = record.hash;
    }
    fs::write(records(dir), &text).expect("written");
    let ledger = Ledger::open(dir).expect("it is there");
    let found = check(&ledger);
    assert_eq!((found.records, &found.first_bad, found.last_hash.as_str()), (10_000, &None, prev.as_str()));
    let mut state = 0x00C0_FFEE_u64;
    for _ in 0..12 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(state >> 33).expect("small") % text.len();
        let mask = 1 << (state >> 20 & 7);
        let found = flip(&records(dir), &ledger, &text, at, mask);
        assert_eq!(found.place, Place::Line(line_of(&text, at)), "byte {at}, {mask:#x}: {found}");
    }
}

/// What somebody does to the lines of a ledger.
type Edit = fn(&mut Vec<Vec<u8>>);

/// The lines of a ledger, changed.
fn edited(dir: &Path, edit: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let whole = fs::read(records(dir)).expect("records");
    let mut lines: Vec<Vec<u8>> = whole.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    edit(&mut lines);
    fs::write(records(dir), lines.concat()).expect("written");
    whole
}

#[test]
fn removed_added_and_moved_records_are_found_where_the_chain_breaks() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = filled(folder.path(), 8);
    let cases: [(Edit, u64, &str); 5] = [
        (|lines| drop(lines.remove(3)), 4, "removed"),
        (|lines| lines.swap(2, 5), 3, "removed"),
        (|lines| lines.insert(6, lines[1].clone()), 7, "moved or put in twice"),
        (|lines| drop(lines.remove(0)), 1, "removed"),
        (|lines| lines.truncate(6), 7, "missing"),
    ];
    for (edit, line, why) in cases {
        let whole = edited(folder.path(), edit);
        let found = bad(&ledger);
        assert_eq!((found.place, found.seq), (Place::Line(line), Some(line - 1)), "{found}");
        assert!(found.why.contains(why), "{found}");
        fs::write(records(folder.path()), whole).expect("written");
    }
    assert_eq!(check(&ledger).first_bad, None);
}

#[test]
fn a_tail_that_was_cut_off_shows_against_a_checkpoint_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = filled(folder.path(), 8);
    let (_, path, note) = writer(folder.path()).checkpoint(&key(), "example.com/ledger").expect("signed");
    fs::remove_file(folder.path().join("head.json")).expect("removed");
    edited(folder.path(), |lines| lines.truncate(5));
    let found = bad(&ledger);
    assert_eq!((found.place, found.seq), (Place::Line(6), Some(5)), "{found}");
    assert!(found.why.contains("covers 8 records"), "{found}");
    // The checkpoint of the folder is gone as well: one that was kept elsewhere says so still.
    fs::remove_file(path).expect("removed");
    assert_eq!(check(&ledger).first_bad, None, "nothing is left that knows better");
    let kept = [("kept.note".to_owned(), note)];
    let found = ledger.verify(&[key().verifier()], &kept).expect("it can be read").first_bad.expect("cut off");
    assert!(found.why.contains("`kept.note` covers 8 records"), "{found}");
}

#[test]
fn a_chain_made_anew_is_another_than_the_checkpoints() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = filled(folder.path(), 3);
    let (_, _, early) = writer(folder.path()).checkpoint(&key(), "example.com/ledger").expect("signed");
    let mut more = writer(folder.path());
    for at in 3..6 {
        more.append(verdict(&format!("draft-{at}"), Verdict::Allow), NOW).expect("a record");
    }
    let (_, _, late) = more.checkpoint(&key(), "example.com/ledger").expect("signed");
    drop(more);
    let found = check(&ledger);
    let sizes: Vec<u64> = found.checkpoints.iter().map(|checked| checked.checkpoint.size).collect();
    assert_eq!((&found.first_bad, sizes), (&None, vec![3, 6]), "the later one has all of the earlier one");
    let [first, second] = &found.checkpoints[..] else { panic!("two: {found:?}") };
    let (a, b) = (&first.checkpoint, &second.checkpoint);
    assert!(is_consistent(a.size, &a.root, b.size, &b.root, &second.consistency) && !second.consistency.is_empty());
    let proof = ledger.inclusion(4).expect("it can be read").expect("there is a fifth");
    assert!(is_included(&proof.leaf, 4, proof.size, &proof.hashes, &b.root), "in the tree of the later checkpoint");
    assert_eq!(ledger.inclusion(6).expect("it can be read"), None);
    // Whoever can write the folder makes a new chain with another fifth record, and a head that fits.
    let whole = edited(folder.path(), |lines| lines.truncate(4));
    fs::remove_file(folder.path().join("head.json")).expect("removed");
    fs::remove_dir_all(folder.path().join("checkpoints")).expect("removed");
    let mut forger = writer(folder.path());
    for at in 0..2 {
        forger.append(verdict(&format!("forged-{at}"), Verdict::Allow), NOW).expect("a record");
    }
    drop(forger);
    assert_eq!(check(&ledger).first_bad, None, "the chain is right in itself");
    let kept = [("late".to_owned(), late), ("early".to_owned(), early)];
    let found = ledger.verify(&[key().verifier()], &kept).expect("it can be read");
    let bad = found.first_bad.expect("another chain");
    assert_eq!(bad.place, Place::Lines(4, 6), "{bad}: the first three are those of the earlier checkpoint");
    fs::write(records(folder.path()), whole).expect("written");
}

#[test]
fn a_checkpoint_by_a_key_that_nobody_gave_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = filled(folder.path(), 2);
    let other = SigningKey::from_seed("example.com/other", &[1; 32]).expect("a name");
    writer(folder.path()).checkpoint(&other, "example.com/ledger").expect("signed");
    assert!(bad(&ledger).why.contains("none of the keys"));
    let without = ledger.verify(&[], &[]).expect("it can be read");
    assert_eq!((without.first_bad, &without.checkpoints[0].signed), (None, &Signed::Unchecked));
    // A second signature stands beside the first, and both keys find theirs.
    writer(folder.path()).checkpoint(&key(), "example.com/ledger").expect("signed");
    let keys: Vec<VerifierKey> = vec![other.verifier(), key().verifier()];
    assert_eq!(ledger.verify(&keys, &[]).expect("it can be read").first_bad, None);
    for key in keys {
        assert_eq!(ledger.verify(&[key], &[]).expect("it can be read").first_bad, None);
    }
}
