//! Commits: whole or not at all, once for the same content, by one writer; names and pruning.

use std::fs;
use std::io;
use std::path::Path;

use super::super::writer::Step;
use super::super::{Store, StoreError, Verification, encode, files};
use super::{AS_OF, DAY_MILLIS, commit, content, ids, put, sample, store_with};
use crate::model::{Attribute, Entity};

const STEPS: [Step; 5] =
    [Step::StagingCreated, Step::TablesWritten, Step::BlocksWritten, Step::ManifestWritten, Step::Renamed];

fn killed() -> StoreError {
    StoreError::io("go on", Path::new("."), io::Error::other("killed"))
}

/// Halves every file of the staging directories, as a crash with unwritten pages does.
fn halve_staged(dir: &Path) {
    for (path, bytes) in content(dir).into_iter().filter(|(path, _)| path.starts_with(".staging-2026-11-22T053000Z")) {
        fs::write(dir.join(path), &bytes[..bytes.len() / 2]).unwrap();
    }
}

#[test]
fn a_crash_at_any_step_leaves_the_store_as_it_was_or_with_the_whole_snapshot() {
    let (tables, results) = sample::snapshot(1, 50);
    let (undisturbed, store) = store_with(&[AS_OF - DAY_MILLIS]);
    store.writer().unwrap().commit(commit(AS_OF, &tables, &results)).unwrap();
    let expected = content(undisturbed.path());
    for step in STEPS {
        for half in [false, true] {
            let (dir, store) = store_with(&[AS_OF - DAY_MILLIS]);
            let before = ids(&store);
            let mut writer = store.writer().unwrap();
            let crash =
                writer.publish(commit(AS_OF, &tables, &results), |at| if at == step { Err(killed()) } else { Ok(()) });
            assert!(crash.unwrap_err().to_string().contains("killed"));
            drop(writer);
            if half {
                halve_staged(dir.path());
            }
            let store = Store::open(dir.path()).unwrap();
            let after = ids(&store);
            let whole = [before.clone(), vec!["2026-11-22T053000Z".to_owned()]].concat();
            assert_eq!(after, if step == Step::Renamed { whole } else { before }, "{step:?}");
            assert!(store.verify().unwrap().iter().all(Verification::is_sound), "{step:?}");
            store.resolve(None).unwrap().tables().unwrap();
            store.writer().unwrap().commit(commit(AS_OF, &tables, &results)).unwrap();
            assert!(content(dir.path()) == expected, "{step:?}: the second attempt is not like an undisturbed one");
        }
    }
}

#[test]
fn leftovers_of_any_crash_go_when_the_next_writer_comes() {
    let (dir, store) = store_with(&[AS_OF]);
    let before = content(dir.path());
    for folder in [".staging-2020-01-01T000000Z", ".removed-2020-01-01T000000Z"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
        fs::write(dir.path().join(folder).join("grants.parquet"), "half").unwrap();
    }
    fs::write(dir.path().join(".tags.json.new"), "{").unwrap();
    assert!(store.verify().unwrap().iter().all(Verification::is_sound), "readers do not look at leftovers");
    drop(store.writer().unwrap());
    assert!(content(dir.path()) == before);
}

#[test]
fn a_failed_commit_gives_its_space_back() {
    let (dir, store) = store_with(&[AS_OF]);
    let before = content(dir.path());
    let (tables, results) = sample::snapshot(9, 3);
    let mut writer = store.writer().unwrap();
    // A file stands where the snapshot's folder is to be.
    let blocked = dir.path().join("snapshot=2026-11-23T053000Z");
    fs::write(&blocked, "").unwrap();
    let error = writer.commit(commit(AS_OF + DAY_MILLIS, &tables, &results)).unwrap_err();
    assert!(error.to_string().contains("snapshot=2026-11-23T053000Z"), "{error}");
    fs::remove_file(&blocked).unwrap();
    assert!(content(dir.path()) == before);
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let (dir, store) = store_with(&[AS_OF]);
    let first = store.writer().unwrap();
    let other = Store::open(dir.path()).unwrap();
    let error = other.writer().unwrap_err();
    assert!(matches!(&error, StoreError::Locked { path } if path == dir.path()));
    assert!(error.hint().is_some());
    assert_eq!(ids(&other).len(), 1, "readers go on");
    drop(first);
    other.writer().unwrap();
}

#[test]
fn the_same_content_for_the_same_time_is_the_same_snapshot() {
    let (dir, store) = store_with(&[]);
    let first = put(&store, AS_OF, 1).unwrap();
    let before = content(dir.path());
    assert_eq!(put(&store, AS_OF, 1).unwrap(), first);
    assert!(content(dir.path()) == before);
    let second = put(&store, AS_OF, 2).unwrap();
    let third = put(&store, AS_OF, 1).unwrap();
    assert_eq!(
        [first.snapshot, second.snapshot, third.snapshot],
        ["2026-11-22T053000Z", "2026-11-22T053000Z-2", "2026-11-22T053000Z-3"],
        "the newest is what was scanned last"
    );
    assert_eq!(third.parent, None, "a snapshot's parent is of an earlier time");
    assert_eq!(put(&store, AS_OF, 1).unwrap().snapshot, "2026-11-22T053000Z-3");
}

#[test]
fn another_coverage_is_another_snapshot() {
    let (_dir, store) = store_with(&[]);
    let (tables, mut results) = sample::snapshot(1, 3);
    let mut writer = store.writer().unwrap();
    writer.commit(commit(AS_OF, &tables, &results)).unwrap();
    results.coverage[0].known += 1;
    assert_eq!(writer.commit(commit(AS_OF, &tables, &results)).unwrap().snapshot, "2026-11-22T053000Z-2");
}

#[test]
fn scanning_again_repairs_a_damaged_snapshot_with_a_new_one() {
    let (dir, store) = store_with(&[]);
    let first = put(&store, AS_OF, 1).unwrap();
    super::flip(&dir.path().join("snapshot=2026-11-22T053000Z/grants.parquet"), 20);
    let second = put(&store, AS_OF, 1).unwrap();
    assert_eq!(second.snapshot, "2026-11-22T053000Z-2");
    assert_eq!(second.tables, first.tables);
    assert_eq!(store.resolve(None).unwrap().read::<Entity>().unwrap().len(), 3);
}

#[test]
fn snapshots_are_in_the_order_of_their_times_whenever_they_came() {
    let (_dir, store) = store_with(&[AS_OF, AS_OF + 1, AS_OF - DAY_MILLIS]);
    assert_eq!(ids(&store), ["2026-11-21T053000Z", "2026-11-22T053000Z", "2026-11-22T053000.001Z"]);
    assert_eq!(store.resolve(None).unwrap().id(), "2026-11-22T053000.001Z");
    let parents: Vec<Option<String>> = store.snapshots().unwrap().into_iter().map(|manifest| manifest.parent).collect();
    assert_eq!(parents, [None, None, Some("2026-11-22T053000Z".to_owned())]);
    assert_eq!(store.before(AS_OF).unwrap().unwrap().id(), "2026-11-21T053000Z");
    assert!(store.before(AS_OF - DAY_MILLIS).unwrap().is_none());
}

#[test]
fn names_find_one_snapshot_or_say_which_there_are() {
    let (_dir, store) = store_with(&[AS_OF - DAY_MILLIS, AS_OF, AS_OF + 3_600_000]);
    assert_eq!(store.set_tag("baseline", "2026-11-21").unwrap(), "2026-11-21T053000Z");
    let id = |name: &str| store.resolve(Some(name)).map(|reader| reader.id().to_owned());
    for (name, expected) in [
        ("baseline", "2026-11-21T053000Z"),
        ("2026-11-21", "2026-11-21T053000Z"),
        ("2026-11-22T05", "2026-11-22T053000Z"),
        ("2026-11-22T063000Z", "2026-11-22T063000Z"),
    ] {
        assert_eq!(id(name).unwrap(), expected, "{name}");
    }
    let ambiguous = id("2026-11-22").unwrap_err();
    assert_eq!(ambiguous.to_string(), "`2026-11-22` can be `2026-11-22T063000Z`, `2026-11-22T053000Z`");
    let unknown = id("nightly").unwrap_err();
    assert!(
        unknown.to_string().starts_with("no snapshot or tag `nightly`; there are `baseline`, `2026-11-22T063000Z`")
    );
    assert!(matches!(id(""), Err(StoreError::UnknownSnapshot { .. })));
    for tag in ["", "2026-11", "a/b", "a b", "ünlü", &"a".repeat(65)] {
        assert!(matches!(store.set_tag(tag, "2026-11-21"), Err(StoreError::InvalidTag { .. })), "{tag}");
    }
}

#[test]
fn pruning_keeps_the_newest_and_the_tagged() {
    let times: Vec<i64> = (0..5).map(|day| AS_OF + day * DAY_MILLIS).collect();
    let (dir, store) = store_with(&times);
    store.set_tag("baseline", "2026-11-23T053000Z").unwrap();
    let expected = ["2026-11-22T053000Z", "2026-11-24T053000Z"];
    let mut writer = store.writer().unwrap();
    assert_eq!(writer.prune(2, true).unwrap(), expected);
    assert_eq!(ids(&store).len(), 5, "a dry run removes nothing");
    assert_eq!(writer.prune(2, false).unwrap(), expected);
    assert_eq!(ids(&store), ["2026-11-23T053000Z", "2026-11-25T053000Z", "2026-11-26T053000Z"]);
    assert_eq!(writer.prune(9, false).unwrap(), [""; 0]);
    assert!(store.verify().unwrap().iter().all(Verification::is_sound));
    assert!(writer.remove_tag("baseline").unwrap() && !writer.remove_tag("baseline").unwrap());
    assert_eq!(writer.prune(0, false).unwrap().len(), 3);
    assert!(matches!(store.resolve(None), Err(StoreError::NoSnapshots { .. })));
    let left: Vec<String> = files::list(dir.path()).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, [".lock", "overgrant.json", "tags.json"]);
}

#[test]
fn only_an_empty_or_new_directory_becomes_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let nested = dir.path().join("a/b");
    Store::open_or_create(&nested).unwrap();
    Store::open_or_create(&nested).unwrap();
    let error = Store::open_or_create(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::NotAStore { .. }), "it holds the folder `a`");
    assert!(matches!(Store::open(dir.path()), Err(StoreError::NotAStore { .. })));
    let missing = Store::open(&dir.path().join("nowhere")).unwrap_err();
    assert!(missing.to_string().starts_with("cannot open the store `") && missing.to_string().contains("nowhere"));
}

#[test]
fn a_store_half_made_by_a_crash_is_made_whole() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".lock"), "").unwrap();
    fs::write(dir.path().join(".overgrant.json.new"), "{").unwrap();
    Store::open_or_create(dir.path()).unwrap();
    assert!(Store::open(dir.path()).is_ok());
}

#[test]
fn a_file_in_the_place_of_a_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("store");
    fs::write(&file, "").unwrap();
    for error in [Store::open_or_create(&file).unwrap_err(), Store::open_or_create(&file.join("below")).unwrap_err()] {
        assert!(matches!(error, StoreError::Io { .. }));
        assert!(error.to_string().contains(&file.display().to_string()), "{error}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_called_so() {
    let rows: Vec<Attribute> = sample::rows(1, 10);
    let error = encode::write_table(Path::new("/dev/full"), &rows).err().unwrap();
    assert!(matches!(&error, StoreError::Io { error, .. } if error.kind() == io::ErrorKind::StorageFull), "{error}");
    assert!(error.to_string().contains("`/dev/full`"));
    assert_eq!(error.hint(), Some("free some space and scan again; nothing was committed"));
}
