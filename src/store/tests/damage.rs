//! Damage and foreign versions: found, named, and never read over.

use std::fs;
use std::path::PathBuf;

use super::super::{Manifest, Store, StoreError, encode, manifest::SnapshotId, schema};
use super::{AS_OF, DAY_MILLIS, commit, flip, sample, store_with};
use crate::model::{Entity, Grant, Membership};

const ID: &str = "2026-11-22T053000Z";

/// A store with one snapshot and one before it.
fn two() -> (tempfile::TempDir, Store, PathBuf) {
    let (dir, store) = store_with(&[AS_OF - DAY_MILLIS, AS_OF]);
    let folder = dir.path().join(format!("snapshot={ID}"));
    (dir, store, folder)
}

/// Messages of the problems of the newer snapshot of [`two`], the other one being sound.
fn problems(store: &Store) -> Vec<String> {
    let found = store.verify().unwrap();
    assert!(found.iter().all(|entry| entry.is_sound() || entry.snapshot.as_deref() == Some(ID)));
    found.into_iter().flat_map(|entry| entry.problems).map(|problem| problem.message).collect()
}

#[test]
fn a_sound_store_is_called_sound() {
    let (_dir, store, _) = two();
    let found = store.verify().unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|entry| entry.is_sound() && entry.tables_sound == super::super::TABLES.len()));
    let bytes: u64 = store.snapshots().unwrap()[1].tables.values().map(|table| table.bytes).sum();
    assert_eq!(found[1].bytes, bytes);
}

#[test]
fn any_flipped_byte_of_any_file_is_found() {
    let (_dir, store, folder) = two();
    let names = ["grants.parquet", "manifest.json", "blocks.json"];
    for name in names {
        let path = folder.join(name);
        let length = fs::read(&path).unwrap().len();
        for at in (0..length).step_by(length / 12 + 1).chain([length - 1]) {
            flip(&path, at);
            assert!(!problems(&store).is_empty(), "byte {at} of {name}");
            let error = store.resolve(None).and_then(|reader| reader.read::<Grant>()).unwrap_err();
            assert!(error.is_integrity(), "byte {at} of {name}: {error}");
            flip(&path, at);
        }
    }
    assert_eq!(problems(&store), [""; 0]);
    store.resolve(None).unwrap().read::<Grant>().unwrap();
}

#[test]
fn every_digit_of_a_manifest_counts() {
    let (_dir, store, folder) = two();
    let path = folder.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    let edits = [
        ("\"rows\": 3", "\"rows\": 4"),
        ("\"skipped\": 2", "\"skipped\": 1"),
        ("c0ffee", "c0ffe0"),
        ("\"format\"", " \"format\""),
    ];
    for (from, to) in edits {
        assert!(text.contains(from));
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        assert!(store.resolve(None).unwrap_err().is_integrity(), "{from}");
        assert!(store.snapshots().unwrap_err().is_integrity(), "{from}");
    }
}

#[test]
fn a_file_that_is_missing_cut_or_another_is_found() {
    let (dir, store, folder) = two();
    let path = folder.join("entities.parquet");
    let whole = fs::read(&path).unwrap();
    let read = || store.resolve(None).unwrap().read::<Entity>().unwrap_err();

    fs::remove_file(&path).unwrap();
    assert_eq!(problems(&store), ["the file is missing"]);
    assert!(read().is_integrity());

    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(problems(&store)[0].contains("bytes, the manifest says") && read().is_integrity());

    let other = dir.path().join("snapshot=2026-11-21T053000Z/entities.parquet");
    fs::copy(other, &path).unwrap();
    assert_eq!(problems(&store).len(), 1);
    assert!(read().is_integrity());

    fs::write(&path, whole).unwrap();
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    fs::create_dir(folder.join("grants")).unwrap();
    assert_eq!(problems(&store), ["it does not belong to the snapshot"; 2]);

    fs::remove_file(folder.join("manifest.json")).unwrap();
    assert!(problems(&store).iter().any(|problem| problem == "the file is missing"));
    assert!(store.resolve(Some(ID)).unwrap_err().is_integrity());
    assert!(store.resolve(Some("2026-11-21")).is_ok(), "the other snapshot is readable");
}

#[test]
fn strays_and_dangling_tags_of_the_store_are_reported() {
    let (dir, store, _) = two();
    store.set_tag("baseline", ID).unwrap();
    fs::remove_dir_all(dir.path().join(format!("snapshot={ID}"))).unwrap();
    fs::create_dir(dir.path().join("snapshot=yesterday")).unwrap();
    fs::create_dir(dir.path().join("ledger")).unwrap();
    let found = store.verify().unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].snapshot, None);
    let messages: Vec<&str> = found[1].problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        messages,
        ["it does not belong to the store", "the tag `baseline` names the missing snapshot `2026-11-22T053000Z`"]
    );
    assert!(matches!(store.resolve(Some("baseline")), Err(StoreError::UnknownSnapshot { .. })));
}

#[test]
fn a_snapshot_moved_to_another_name_is_not_taken_for_that() {
    let (dir, store, folder) = two();
    fs::rename(folder, dir.path().join("snapshot=2026-11-23T053000Z")).unwrap();
    let error = store.resolve(None).unwrap_err();
    assert!(error.is_integrity() && error.to_string().contains(ID), "{error}");
}

#[test]
fn other_versions_are_refused_by_name() {
    let (dir, store, folder) = two();
    let path = folder.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    for (field, found) in [("format", 2), ("schema_version", 7), ("schema_version", 0)] {
        let edited = text.replacen(&format!("\"{field}\": 1"), &format!("\"{field}\": {found}"), 1);
        assert_ne!(edited, text);
        fs::write(&path, edited).unwrap();
        let error = store.resolve(None).unwrap_err();
        assert!(matches!(&error, StoreError::Version { found: at, known: 1, .. } if *at == found), "{error}");
        assert!(error.to_string().contains("overgrant 1.2.3"), "{error}");
        assert!(error.hint().is_some() && !error.is_integrity());
        assert_eq!(problems(&store).len(), 1);
    }
    for (found, hint) in [(2, "use that engine or a later one"), (0, "scan the exports again into a new store")] {
        let text = format!("{{\"format\": {found}, \"made_by\": \"overgrant 9.9.9\", \"new\": []}}");
        fs::write(dir.path().join("overgrant.json"), text).unwrap();
        for error in [Store::open(dir.path()).unwrap_err(), Store::open_or_create(dir.path()).unwrap_err()] {
            assert!(error.to_string().contains(&format!("store format version {found}, made by overgrant 9.9.9")));
            assert_eq!(error.hint(), Some(hint));
        }
    }
}

#[test]
fn a_table_with_other_columns_is_refused_even_with_the_right_digest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    encode::write_table(&path, &sample::rows::<Membership>(1, 4)).unwrap();
    let builder =
        parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&path).unwrap());
    let found = builder.unwrap().schema().clone();
    assert_eq!(schema::difference::<Membership>(&found), None);
    assert_eq!(schema::difference::<Grant>(&found).as_deref(), Some("column 1 is `member` and not `grant`"));
    let cut = found.project(&[0, 1, 2, 3, 4, 5]).unwrap();
    assert_eq!(schema::difference::<Membership>(&cut).as_deref(), Some("column `record` is missing"));
}

#[test]
fn the_row_count_of_the_manifest_is_held_against_the_file() {
    let (_dir, store, folder) = two();
    let id = SnapshotId::first(AS_OF).unwrap();
    let mut manifest = Manifest::load(&folder, id).unwrap();
    manifest.tables.get_mut("entities").unwrap().rows += 1;
    fs::write(folder.join("manifest.json"), manifest.seal()).unwrap();
    let reader = store.resolve(None).unwrap();
    let error = reader.read::<Entity>().unwrap_err();
    assert!(error.is_integrity() && error.to_string().ends_with("it has 3 rows, the manifest says 4"), "{error}");
    assert!(reader.read_range::<Entity>(0..=9).unwrap_err().is_integrity());
    assert_eq!(problems(&store).len(), 1);
}

#[test]
fn a_time_without_a_place_in_the_calendar_is_refused() {
    let (_dir, store, _) = two();
    let (tables, results) = sample::snapshot(1, 1);
    let error = store.writer().unwrap().commit(commit(i64::MAX, &tables, &results)).unwrap_err();
    assert!(matches!(error, StoreError::TimeOutOfRange { as_of: i64::MAX }));
}
